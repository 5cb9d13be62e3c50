"""The seven steps of the capstone, each made of your functions and the step before; what is not written yet is open.

A step calls your function, keeps what the report card needs to judge it, and prints what came out. It judges nothing.
"""

import copy
import functools
import inspect
from dataclasses import dataclass, field

import pandas as pd
from torch import nn
from torch.nn import functional as F

from bnbook import train
from bnbook.diagnose import diagnose
from bnbook.lab import results

from . import experiments, functions, runtime

NO_LABEL = "recalibrated with new images, no label"
STEPS, TUNED_ON, TUNE_STEPS, TUNE_RATE, TUNE_BATCH = 300, 200, 200, 0.1, 8


@dataclass
class Step:
    """What came of a step: `found` is None while it is open, and then `says` tells why."""

    name: str
    found: dict | None
    says: str
    used: dict = field(default_factory=dict)  # the functions that it called

    def __bool__(self):
        return self.found is not None

    def __getitem__(self, name):
        return self.found[name]

    def __str__(self):
        return self.says if self else f"{self.name}: open, {self.says}"


class _NotWritten(Exception):
    """Raised in a step whose function is a stub."""


def called(function, *args):
    """What a function of yours returns; a stub's None or NotImplementedError is told from other errors."""
    name = getattr(function, "__name__", "your function")
    try:
        result = function(*args)
    except NotImplementedError:
        result = None
    if result is None:
        raise _NotWritten(f"{name} is not written yet")
    return result


def step(work):
    """Decorator: the function is a step, and returns (found, text); a stub or an open step before it leaves it open."""
    name, names = work.__name__, list(inspect.signature(work).parameters)

    @functools.wraps(work)
    def run(*args, **options):
        waits = [arg.name for arg in args if isinstance(arg, Step) and not arg]
        if waits:
            return Step(name, None, f"waits for {waits[0]}")
        used = {name: arg for name, arg in zip(names, args, strict=False) if callable(arg)}
        try:
            return Step(name, *work(*args, **options), used)
        except _NotWritten as stub:
            return Step(name, None, str(stub))

    return run


# --- choose ----------------------------------------------------------------------------------------------------------


@step
def measured(residual_block, data, norms=experiments.CANDIDATES, seeds=8, rates=experiments.RATES, width=6):
    """Every norm at its best rate, see `experiments.which_norm`; the nets are made of your block."""
    block = functools.partial(called, residual_block)
    found = experiments.which_norm(data, seeds, norms, rates, width, block)
    rows = [
        {
            "norm": row["norm"],
            "best rate": row["best rate"],
            "good from": row["lowest"],
            "to": row["highest"],
            "decades": row["decades"],
            "right (%)": _percent(found["table"], row["norm"]),
        }
        for row in experiments.bands(found)
    ]
    lost = [norm for norm, rate in found["best"].items() if rate is None]
    text = results.printed(rows, 2) + f"\nvalidation images, {seeds} seeds; good: 90 % of the best of all"
    text += "".join(f"\n{norm} does not train at any rate tried" for norm in lost)
    return {**found, "data": data, "width": width, "block": residual_block, "seeds": seeds}, text


def _percent(table, norm):
    values = 100 * results.of(table, "val_accuracy", arm=norm)["value"].to_numpy()
    return results.spread(values.mean(), *results.interval(values), sign=False)


@step
def decided(choose, measured, prefer, margin=1.0, lr=None):
    """The norm that `choose` takes, and its rate: lr, or the best one. Norms that prefer leaves out are put last."""
    unknown = [norm for norm in prefer if norm not in measured["best"]]
    if unknown:
        raise ValueError(f"prefer names {unknown[0]!r}; measured were {', '.join(measured['best'])}")
    prefer = [norm for norm in dict.fromkeys([*prefer, *measured["norms"]]) if norm in measured["norms"]]
    norm, rows = called(choose, measured["table"], prefer, margin)
    lr = measured["best"].get(norm) if lr is None else lr
    text = f"{norm}, trained at the rate {lr:g}" if lr else f"{norm}, which was not measured"
    text += "\n" + compared(rows)
    return {"norm": norm, "rows": rows, "lr": lr, "margin": margin, "prefer": prefer, "measured": measured}, text


def compared(rows):
    """The comparisons that `choose` returned, as text."""
    if rows.empty:
        return "no comparisons"
    spread = [results.spread(row["mean"], row["low"], row["high"]) for row in rows.to_dict("records")]
    shown = {"minus": rows["against"], "points of validation accuracy": spread, "verdict": rows["verdict"]}
    return results.printed(pd.DataFrame(shown))


# --- train -----------------------------------------------------------------------------------------------------------


@step
def trained(decided, steps=STEPS, seed=0):
    """One net with the norm and rate decided on, and what `diagnose` says about it."""
    measured = decided["measured"]
    data, images = measured["data"], experiments.scaled(measured["data"])
    block = functools.partial(called, measured["block"])
    net = functions.residual_net(decided["norm"], data.shape, data.classes, seed, measured["width"], block)
    train.fit(net, images.x_train, images.y_train, decided["lr"], experiments.BATCH, steps, seed)
    report = _diagnosis(net, images)
    net.eval()
    found = {"net": net, "images": images, "report": report, "steps": steps, "decided": decided}
    found["accuracy"] = right(net, images.x_val, images.y_val)
    text = (
        f"{steps} steps with {decided['norm']} at {decided['lr']:g}: {found['accuracy']:.1f} % of the validation images"
    )
    return found, f"{text}\n{report}"


def _diagnosis(net, images):
    validation = list(zip(images.x_val.split(50), images.y_val.split(50), strict=True))
    return diagnose(net, images.batches(), eval_loader=validation, loss=F.cross_entropy)


def right(net, x, y):
    """Per cent of the images that net gets right in evaluation mode."""
    return 100 * train.evaluate(net, x, y)[1]


@step
def recalibrated(recalibrate, trained):
    """A copy of the trained net, its statistics those of the training images; then `diagnose` once more."""
    images, net = trained["images"], copy.deepcopy(trained["net"])
    net = called(recalibrate, net, images.batches())
    report, accuracy = _diagnosis(net, images), right(net, images.x_val, images.y_val)
    moved = distance(trained["net"], net)
    text = "no running statistics to recalibrate"
    if moved is not None:
        text = f"the running means moved by up to {moved:.2g} sd"
    text += f"; validation {trained['accuracy']:.1f} % before, {accuracy:.1f} % now\n{report}"
    return {"net": net, "trained": trained, "report": report, "moved": moved, "accuracy": accuracy}, text


def norms_of(net):
    """The BatchNorm layers of net by name."""
    return {name: m for name, m in net.named_modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)}


def distance(before, after):
    """The largest distance of two nets' running means, in standard deviations; None without a BatchNorm."""
    pairs = zip(norms_of(before).values(), norms_of(after).values(), strict=False)
    far = [((a.running_mean - b.running_mean).abs() / (b.running_var + b.eps).sqrt()).max() for a, b in pairs]
    return float(max(far)) if far else None


# --- move ------------------------------------------------------------------------------------------------------------


@step
def adapted(recalibrate, freeze, recalibrated, adapt=True, images=TUNED_ON, steps=TUNE_STEPS, lr=TUNE_RATE):
    """The net on images of another scanner: as it is, recalibrated with them, and its last layer fine-tuned.

    adapt   fine-tuning begins with statistics of the new images; False: with those of the old ones
    images  how many labelled new images there are
    """
    trained, start = recalibrated["trained"], copy.deepcopy(recalibrated["net"])
    new = experiments.scaled(trained["decided"]["measured"]["data"], experiments.another_scanner)
    old, accuracy = trained["images"], {"as it is": right(start, new.x_val, new.y_val)}
    if adapt:
        start = called(recalibrate, start, new.batches(labels=False))
        accuracy[NO_LABEL] = right(start, new.x_val, new.y_val)
    net = called(freeze, copy.deepcopy(start))
    train.fit(net, new.x_train[:images], new.y_train[:images], lr, TUNE_BATCH, steps)
    net.eval()
    accuracy[f"its last layer fine-tuned on {images} new images"] = right(net, new.x_val, new.y_val)
    kept = right(net, old.x_val, old.y_val)
    lines = [f"{value:5.1f} %  {name}" for name, value in accuracy.items()]
    text = "\n".join(["new validation images:", *lines, f"{kept:5.1f} %  of the old ones are still right"])
    return {"start": start, "net": net, "new": new, "accuracy": accuracy, "kept": kept, "before": recalibrated}, text


# --- hand over -------------------------------------------------------------------------------------------------------


@step
def folded(fold_net, gap, adapted):
    """The fine-tuned net with its BatchNorms folded, and how far its outputs are off."""
    net, x = adapted["net"], adapted["new"].x_val
    original = copy.deepcopy(net)
    small = called(fold_net, net)
    apart = called(gap, net, small, x)
    counts = len(norms_of(original)), len(norms_of(small))
    text = f"BatchNorms: {counts[0]} before, {counts[1]} now; outputs apart by {apart:.1e} of the largest, in float64"
    return {"net": small, "original": original, "given": net, "apart": apart, "x": x, "adapted": adapted}, text


@step
def exported(gap, folded):
    """The folded net in ONNX, run by onnxruntime in float32: how far its outputs are off; not run where that lacks."""
    if runtime.missing():
        text = f"not run: {', '.join(runtime.missing())} not installed. {runtime.INSTALL}"
        return {"apart": None, "run": None, "folded": folded}, text
    net, x = copy.deepcopy(folded["net"]).float().eval(), folded["x"].float()
    run = runtime.in_onnxruntime(net, x[:2])
    apart = called(gap, net, run, x)
    text = f"onnxruntime, {len(x)} images: outputs apart by {apart:.1e} of the largest, in float32"
    return {"apart": apart, "run": run, "net": net, "x": x, "folded": folded}, text


def ours(measured, prefer):
    """The steps `decided` to `folded` by the finished functions, from a `measured` step: a dict, name to step."""
    chosen = decided(functions.choose, measured, prefer)
    net = trained(chosen)
    fresh = recalibrated(functions.recalibrate, net)
    moved = adapted(functions.recalibrate, functions.freeze, fresh)
    small = folded(functions.fold_net, functions.gap, moved)
    return {step.name: step for step in (chosen, net, fresh, moved, small)}
