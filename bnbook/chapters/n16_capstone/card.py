"""The report card of the capstone: each step judged by what it left behind, and named where it is wrong.

A function is compared with the finished one by its check; here nets are judged, and by other means: PyTorch's
update_bn, what stayed equal bit for bit, outputs side by side.
"""

import copy
import textwrap
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.optim.swa_utils import update_bn

from bnbook.grading.exercise import CheckFailed
from bnbook.grading.message import WIDTH
from bnbook.lab import results

from . import experiments, functions
from .steps import norms_of, right

SEEDS, POINTS, IN_FLOAT64, IN_FLOAT32 = 8, 5.0, 1e-10, 1e-5


@dataclass(frozen=True)
class Line:
    """One step on the card: state is 'done', 'open', 'wrong' or 'not run'."""

    step: str
    state: str
    says: str


def report_card(work):
    """Print the state of every step; raises CheckFailed if one is wrong.

    work  the seven steps, in their order
    """
    lines = judged(work)
    text = shown(lines)
    print(text)
    if any(line.state == "wrong" for line in lines):
        raise CheckFailed(text)


def judged(work):
    """A Line for each step of work."""
    return [_judged(step) for step in work]


def _judged(step):
    if not step:
        return Line(step.name, "open", step.says)
    wrong, good = JUDGES[step.name](step)
    if wrong:
        return Line(step.name, "wrong", " ".join(wrong + _pointers(step)))
    return Line(step.name, "not run" if step.found.get("apart", 0) is None else "done", good)


def _pointers(step):
    """Where to read more: the checks that refuse a function of this step."""
    from . import checks  # which imports this module

    used = [(getattr(checks, name, None), function) for name, function in step.used.items()]
    failed = [check.name for check, function in used if check and check.judge(function).kind in ("wrong", "raised")]
    return [f"See {', '.join(f'checks.{name}({name})' for name in failed)}."] if failed else []


def shown(lines):
    """The card as text."""
    counts = {state: sum(line.state == state for line in lines) for state in ("done", "open", "wrong", "not run")}
    counts = [f"{count} {state}" for state, count in counts.items() if count or state == "done"]
    text = [f"report card, {len(lines)} steps: {', '.join(counts)}"]
    for line in lines:
        start = f"  {line.state:8}{line.step:14}"
        text.append(textwrap.fill(line.says, WIDTH, initial_indent=start, subsequent_indent=" " * len(start)))
    return "\n".join(text)


# --- one judge for each step: what is wrong, as sentences, and what to say if nothing is ------------------------------


@torch.no_grad()
def _measured(step):
    block = step["block"](4, nn.BatchNorm2d)
    x = torch.randn(2, 4, 5, 6, generator=torch.Generator().manual_seed(0))
    for parameter in block.parameters():
        parameter.zero_()
    y, wrong = block(x), []
    if y.shape != x.shape or not torch.equal(y, x):
        wrong.append(
            "With all its weights at 0 your block does not return its input: the way around the branch is missing."
        )
    counts = [sum(isinstance(m, kind) for m in block.modules()) for kind in (nn.Conv2d, nn.BatchNorm2d)]
    if counts != [2, 2]:
        wrong.append(f"Your block has {counts[0]} convolutions and {counts[1]} norms of its own, expected 2 and 2.")
    if step["seeds"] < SEEDS:
        wrong.append(f"{step['seeds']} seeds; an interval that a choice rests on needs {SEEDS} or more.")
    return wrong, f"{len(step['norms'])} norms, each at its best rate, {step['seeds']} seeds, on validation images"


def _decided(step):
    measured, norm = step["measured"], step["norm"]
    if norm not in measured["norms"]:
        return [f"choose returned {norm!r}; measured were {', '.join(measured['norms'])}."], ""
    rivals = [other for other in step["prefer"] if other != norm]
    rows = [results.compare(measured["table"], norm, r, "val_accuracy", margin=step["margin"]) for r in rivals]
    rows, wrong = results.holm(rows).to_dict("records"), []
    yours = {row["against"]: row for row in step["rows"].to_dict("records")}
    for row in rows:
        mine = yours.get(row["against"])
        if mine is None or not np.allclose(_numbers(mine), _numbers(row), rtol=0, atol=1e-6):  # NaN is not close
            found = f"you have {_spread(mine) or 'no number'}" if mine else "your rows lack it"
            wrong.append(f"{norm} minus {row['against']} is {_spread(row)} points; {found}.")
    beaten = [f"{row['against']} ({_spread(row)} points)" for row in rows if row["verdict"] == "less"]
    wrong += [f"{norm} is shown to be worse than {', '.join(beaten)}: that cannot be defended."] if beaten else []
    band = next(row for row in experiments.bands(measured) if row["norm"] == norm)
    low, high = band["lowest"], band["highest"]
    if not low <= step["lr"] <= high:
        wrong.append(f"The rate {step['lr']:g} is outside of the band of {norm}, {low:.2g} to {high:.2g}.")
    return wrong, _defence(norm, step["lr"], rows, band)


def _numbers(row):
    return row["mean"], row["low"], row["high"]


def _spread(row):
    return results.spread(*_numbers(row))


def _defence(norm, lr, rows, band):
    verdicts = {kind: [row["against"] for row in rows if row["verdict"] == kind] for kind in ("more", "no difference")}
    unsettled = [row["against"] for row in rows if row["verdict"] == results.UNSETTLED]
    text = f"{norm} at {lr:g}, in the band {band['lowest']:.2g} to {band['highest']:.2g}"
    text += "" if band["enclosed"] else " (open at one end: try more rates)"
    text += f". Better than {', '.join(verdicts['more'])}." if verdicts["more"] else "."
    if verdicts["no difference"]:
        text += f" As good here: {', '.join(verdicts['no difference'])}. Fine: say why you take yours."
    if unsettled:
        text += f" Not settled against {', '.join(unsettled)}. Fine: say so, or take more seeds."
    return text


def _trained(step):
    measured, norm = step["decided"]["measured"], step["decided"]["norm"]
    mine = right(step["net"], step["images"].x_val, step["images"].y_val)
    theirs = 100 * results.of(measured["table"], "val_accuracy", arm=norm)["value"].mean()
    wrong = []
    if mine < theirs - POINTS:
        wrong = [f"The net gets {mine:.1f} % of the validation images; those measured got {theirs:.1f} %."]
    return (
        wrong,
        f"{mine:.1f} % of the validation images. diagnose: {', '.join(step['report'].names) or 'nothing found'}",
    )


def _recalibrated(step):
    before, after = step["trained"]["net"], step["net"]
    expected, batches, wrong = copy.deepcopy(before), step["trained"]["images"].batches(), []
    update_bn([x for x, _ in batches], expected)  # PyTorch's, as the judge
    moved = _differing(before.named_parameters(), after.named_parameters())
    if moved:
        wrong.append(f"{moved[0]} and {len(moved) - 1} more parameters were changed: only statistics may be.")
    off = _differing(expected.named_buffers(), after.named_buffers(), 1e-9)
    if off:
        value, right_value = (float(dict(net.named_buffers())[off[0]].flatten()[0]) for net in (after, expected))
        wrong.append(f"{off[0]} is not the average over the training batches: it begins with {value:.3g}, "
                     f"expected {right_value:.3g}.")  # fmt: skip
    if any(module.training for module in after.modules()):
        wrong.append("The net came in evaluation mode and is in training mode now.")
    momenta = [[norm.momentum for norm in norms_of(net).values()] for net in (before, after)]
    if momenta[0] != momenta[1]:
        wrong.append(f"momentum was {momenta[0][0]} and is {momenta[1][0]} now.")
    count = len(norms_of(after))
    good = f"{count} BatchNorms, their statistics those of {len(batches)} training batches"
    return wrong, good if count else "no BatchNorm, so nothing to recalibrate: your function left the net as it was"


def _differing(before, after, relative=0.0):
    """Names of the tensors that are not there any more, of another shape, or not equal, as NaN never is."""
    after = dict(after)
    return [
        name
        for name, value in before
        if name not in after
        or after[name].shape != value.shape
        or not (after[name] - value).abs().max() <= relative * value.abs().max()
    ]


def _adapted(step):
    start, net, wrong = step["start"], copy.deepcopy(step["net"]), []
    last = [name for name, module in net.named_modules() if isinstance(module, nn.Linear)][-1]
    moved = _differing(start.named_parameters(), net.named_parameters())
    body = [name for name in moved if not name.startswith(f"{last}.")]
    if body:
        wrong.append(f"{len(body)} parameters before the last layer were trained, such as {body[0]}.")
    if len(moved) == len(body):
        wrong.append(f"The last layer, {last}, was not trained.")
    buffers = _differing(start.named_buffers(), net.named_buffers())
    if buffers:
        wrong.append(f"{buffers[0]} moved during fine-tuning: a frozen BatchNorm stays in evaluation mode.")
    elif any(norm.training for norm in norms_of(net.train()).values()):
        wrong.append("net.train() sets its BatchNorms to training mode: they normalize by the batch then.")
    first, *_, final = step["accuracy"].values()
    if final <= first:
        wrong.append(f"{final:.1f} % of the new images after fine-tuning, and {first:.1f} % before it.")
    return wrong, f"new images {first:.1f} % as it was, {final:.1f} % fine-tuned, all but {last} unchanged bit for bit"


@torch.no_grad()
def _folded(step):
    original, net, x, wrong = step["original"].eval(), step["net"], step["x"], []
    if _differing(original.state_dict().items(), step["given"].state_dict().items()):
        wrong.append("The net that you were given was changed; fold a copy.")
    left = len(norms_of(net)) - len(norms_of(functions.fold_net(original)))
    if left:
        wrong.append(f"{left} of {len(norms_of(original))} BatchNorms are still there that follow a convolution.")
    apart = _apart(original(x), net(x))
    if not apart <= IN_FLOAT64:
        wrong.append(f"Its outputs are off by {apart:.1e} of the largest; in float64 rounding gives 1e-16 to 1e-15.")
    wrong += _measures(step, original, x, net, apart)
    if not norms_of(original):
        return wrong, "no BatchNorm, so nothing to fold: its norms depend on each image, or there are none"
    return wrong, f"{len(norms_of(original))} BatchNorms folded, outputs equal to {apart:.0e} in float64"


@torch.no_grad()
def _exported(step):
    if step["run"] is None:
        return [], "not installed; " + step.says.split(". ", 1)[1] + ". Then run this step again"
    net, run, x, wrong = step["net"], step["run"], step["x"], []
    apart = max(_apart(net(part), run(part)) for part in (x, x[:1]))
    if not apart <= IN_FLOAT32:
        wrong = [f"Its outputs are off by {apart:.1e} of the largest; in float32 rounding gives 1e-7 to 1e-6."]
    return wrong + _measures(step, net, x, run, apart), f"onnxruntime gives the same to {apart:.0e} in float32"


def _apart(expected, found):
    return float((found - expected).abs().max() / expected.abs().max())


def _measures(step, net, x, run, apart):
    """Whether the gap that was measured can be believed: it sees a program that is off by a known amount."""
    said = step.used["gap"](net, lambda x: 1.5 * net(x), x)
    if abs(said - 0.5) > 1e-3:
        return [f"Of a program whose outputs are half as large again, your gap says {said:.3g}, expected 0.5."]
    honest = abs(step["apart"] - apart) <= max(10 * apart, 1e-6)
    return [] if honest else [f"Your gap says {step['apart']:.1e}, measured here is {apart:.1e}."]


JUDGES = {
    "measured": _measured,
    "decided": _decided,
    "trained": _trained,
    "recalibrated": _recalibrated,
    "adapted": _adapted,
    "folded": _folded,
    "exported": _exported,
}
