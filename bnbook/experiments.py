"""Each experiment is a grid of settings, run, and returned as data.

Read after train.
Used from notebook 00 on.

An experiment returns a dict of plain lists, numbers and strings: `save` writes it as JSON, and the function of the same
name in `plots` draws it. Summaries of arms in which a run diverged are None: such digits differ between machines,
and only the verdict "did not train" may be printed.
"""

import copy
import itertools
import json
import math
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from scipy.stats import bootstrap
from tqdm.auto import tqdm

from bnbook import nets, train

NETS = {"cnn": nets.cnn}


@dataclass(frozen=True)
class Setting:
    """Everything that decides one training run: vary it with dataclasses.replace.

    net, norm, width, init   the network, see `nets`
    lr, batch_size, steps    the training, see `train.fit`
    every                    test accuracy is measured at step 0 and at each multiple of this
    seed                     of the weights and of the batch order; arms that share a seed are paired
    """

    net: str = "cnn"
    norm: str = "batch"
    width: int = 8
    init: str = "he"
    lr: float = 0.2
    batch_size: int = 64
    steps: int = 120
    every: int = 10
    seed: int = 0


def run(setting, data, device="cpu", watch=None):
    """One training run.

    setting  Setting
    data     data.Data; its images are shifted and scaled to mean 0, variance 1 over the training set (He
             initialization assumes it, and without it the net without normalization looks worse than it is)
    watch    called as watch(net, step), see `train.fit`
    Returns a dict: setting (a dict), step and test_accuracy (lists), train_loss (over the whole training set at
    the end, in evaluation mode; None if not finite), diverged (bool).
    Raises ValueError for an unknown net, and what `nets` and `train` refuse.
    """
    if setting.net not in NETS:
        raise ValueError(f"net is {setting.net!r}; it must be one of {', '.join(map(repr, NETS))}")
    x_train, y_train, x_test, y_test = _tensors(data, device)
    net = NETS[setting.net](norm=setting.norm, width=setting.width, init=setting.init, seed=setting.seed).to(device)
    steps, accuracy = [], []

    def measure(net, step):
        if step % setting.every == 0:
            steps.append(step)
            accuracy.append(train.evaluate(net, x_test, y_test)[1])
        if watch is not None:
            watch(net, step)

    train.fit(net, x_train, y_train, setting.lr, setting.batch_size, setting.steps, setting.seed, measure)
    loss, _ = train.evaluate(net, x_train, y_train)
    return {
        "setting": asdict(setting),
        "step": steps,
        "test_accuracy": accuracy,
        "train_loss": loss if np.isfinite(loss) else None,
        "diverged": train.diverged(loss),
    }


def run_all(settings, data, device="cpu", progress=False):
    """`run` for each setting in turn; a list of results in the same order.

    progress  show a bar; off by default, because a bar in a stored output differs at every execution
    """
    return [run(setting, data, device) for setting in tqdm(settings, unit="run", disable=None if progress else True)]


def first_look(data, seeds=5, rates=(0.02, 0.2, 1.0), device="cpu", progress=False):
    """The course's first picture: the same small CNN with and without BatchNorm, at three learning rates.

    Both arms have He initialization, and each pair the same weights and the same batches. The rates were picked from
    a scan of ten, to show three cases: a small one, one near the best for the net without normalization, and one
    five times as large. The split is fixed: the intervals cover weights and batch order, not which images are tested.

    data   data.Data, as from data.digits()
    seeds  runs per arm, 2 or more
    rates  learning rates
    Returns a dict: experiment, versions, arms (one per rate and norm: test accuracy over steps and at the end),
    differences (BatchNorm minus none at the end, one per rate), runs (what `run` returns). Accuracies are between
    0 and 1.
    Raises ValueError if seeds is below 2.
    """
    if seeds < 2:
        raise ValueError(f"seeds is {seeds}; an interval needs at least 2 runs per arm, better 5")
    grid = [(lr, norm) for lr in rates for norm in ("none", "batch")]
    settings = [Setting(norm=norm, lr=lr, seed=seed) for lr, norm in grid for seed in range(seeds)]
    runs = run_all(settings, data, device, progress)
    arms = [_arm(runs[i * seeds : (i + 1) * seeds]) for i in range(len(grid))]
    differences = [_difference(none, batch) for none, batch in zip(arms[::2], arms[1::2], strict=True)]
    return {
        "experiment": "first_look",
        "versions": versions(),
        "arms": arms,
        "differences": differences,
        "runs": runs,
    }


def variance_errors(offsets=(0, 1, 10, 100, 1000, 10_000), batches=20, m=512):
    """Two formulas for a variance, in float16 and float32, on data further and further from zero.

        one pass: mean(x^2) - mean(x)^2          two passes: mean((x - mean(x))^2)

    offsets  means of the data, whose standard deviation is 1
    batches  random batches; the worst of them counts
    m        values per batch
    Returns a dict: experiment, offsets, batches, errors (formula: one relative error per offset, None if not finite;
    float16 stops where its neighbouring numbers lie further apart than half a standard deviation).
    The truth is the variance of the *rounded* data, its sums made exactly (math.fsum).
    """
    formulas = {
        "one pass, float16": (np.float16, lambda x: np.mean(x * x) - np.mean(x) ** 2),
        "two passes, float16": (np.float16, lambda x: np.mean((x - np.mean(x)) ** 2)),
        "one pass, float32": (np.float32, lambda x: np.mean(x * x) - np.mean(x) ** 2),
        "two passes, float32": (np.float32, lambda x: np.mean((x - np.mean(x)) ** 2)),
        "bnbook: float64 inside": (np.float32, lambda x: np.mean((x - np.mean(x, dtype=np.float64)) ** 2)),
    }
    errors = {}
    for name, (dtype, formula) in formulas.items():
        held = [offset for offset in offsets if np.spacing(dtype(offset)) <= 0.5]
        worst = [max(_variance_error(offset, seed, m, dtype, formula) for seed in range(batches)) for offset in held]
        errors[name] = [error if np.isfinite(error) else None for error in worst]
    return {"experiment": "variance_errors", "offsets": list(offsets), "batches": batches, "errors": errors}


def _variance_error(offset, seed, m, dtype, formula):
    x = (np.random.default_rng(seed).normal(size=m) + offset).astype(dtype)
    mean = math.fsum(x.tolist()) / m
    truth = math.fsum((v - mean) ** 2 for v in x.tolist()) / m
    with np.errstate(over="ignore", invalid="ignore"):
        error = abs(float(formula(x)) - truth) / truth
    return error if np.isfinite(error) else np.inf


def interval(values, level=0.95):
    """Confidence interval of a mean: the percentile bootstrap, the same at every call.

    values  (n,)  one number per seed; for a comparison of arms that share seeds, the differences
    level   confidence level
    Returns low, high: two floats.
    Raises ValueError if there are fewer than 2 values.
    Source: Efron & Tibshirani 1993, chapter 13. With 5 values it is somewhat too short; it is never longer than
    the spread of the values.
    """
    if len(values) < 2:
        raise ValueError(f"{len(values)} value(s); an interval needs 2 or more")
    found = bootstrap((values,), np.mean, n_resamples=5000, confidence_level=level, method="percentile", rng=0)
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def versions():
    """The versions a result depends on: a dict, name to version."""
    return {name: version(name) for name in ("numpy", "scikit-learn", "scipy", "torch")}


def save(results, path):
    """Write what an experiment returned as JSON; `load` gives back an equal dict."""
    Path(path).write_text(json.dumps(results, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def load(path):
    """Read what `save` wrote."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def _arm(runs):
    """Summary over the seeds of one arm."""
    curves = np.array([run["test_accuracy"] for run in runs])
    failed = sum(run["diverged"] for run in runs)
    final = curves[:, -1].tolist()
    return {
        "norm": runs[0]["setting"]["norm"],
        "lr": runs[0]["setting"]["lr"],
        "seeds": len(runs),
        "diverged": failed,
        "step": runs[0]["step"],
        "mean": curves.mean(0).tolist(),
        "lowest": curves.min(0).tolist(),
        "highest": curves.max(0).tolist(),
        "final": final,
        "final_mean": None if failed else float(np.mean(final)),
        "final_interval": None if failed else list(interval(final)),
    }


def _difference(none, batch):
    """BatchNorm minus no normalization, paired by seed; None where an arm has a run that diverged."""
    failed = none["diverged"] or batch["diverged"]
    paired = np.subtract(batch["final"], none["final"])
    return {
        "lr": none["lr"],
        "mean": None if failed else float(paired.mean()),
        "interval": None if failed else list(interval(paired)),
    }


def _tensors(data, device):
    """Training and test part as float64 tensors, shifted and scaled by one mean and one sd of the training images."""
    mean, sd = data.x_train.mean(), data.x_train.std()
    x_train, x_test = (torch.as_tensor((x - mean) / sd, device=device) for x in (data.x_train, data.x_test))
    y_train, y_test = (torch.as_tensor(y, device=device) for y in (data.y_train, data.y_test))
    return x_train, y_train, x_test, y_test


def same_losses(data, theirs=None, ours=None, lr=0.2, steps=150, seed=0, device="cpu"):
    """Two networks that ought to be the same one, trained on the same batches: how far apart are their losses?

    data          data.Data
    theirs, ours  nn.Module, on one device; they are trained in place. None: nets.cnn with torch.nn's BatchNorm, and
                  with this package's
    lr, steps     learning rate and number of steps, see `train.fit`
    seed          of the weights (where the nets are None) and of the batch order
    Returns a dict: experiment, lr, step, theirs, ours (the loss of each batch before its step), and loss_ and accuracy_
    of both on the test set: in evaluation mode, since training never looks at the running statistics.
    """
    if ours is None:
        ours = nets.cnn(seed=seed).to(device)
        theirs = copy.deepcopy(ours)
        for module in theirs.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.__class__ = torch.nn.BatchNorm2d
    x_train, y_train, x_test, y_test = _tensors(data, device)
    results = {"experiment": "same_losses", "lr": lr, "step": list(range(1, steps + 1))}
    for name, net in (("theirs", theirs), ("ours", ours)):
        results[name] = train.fit(net, x_train, y_train, lr, steps=steps, seed=seed).tolist()
        results[f"loss_{name}"], results[f"accuracy_{name}"] = train.evaluate(net, x_test, y_test)
    return results


def graph_nodes(leaky=None, steps=50):
    """What hangs on a running mean that was stored with its graph: train a small net and count, after each step.

    leaky  a class like nn.BatchNorm2d whose forward forgets detach(); None: the shortest such layer
    steps  training steps
    Returns a dict: experiment, step, kept and detached (nodes of graphs that can be reached from running_mean, with
    this layer and with the package's), copied (whether copy.deepcopy accepts the net of each after training).
    """
    results = {"experiment": "graph_nodes", "step": list(range(1, steps + 1)), "copied": {}}
    for name, layer in (("kept", leaky or _Leaky), ("detached", nets.BatchNorm2d)):
        generator = torch.Generator().manual_seed(0)
        net, counts = torch.nn.Sequential(torch.nn.Conv2d(1, 3, 3), layer(3)), []
        for _ in range(steps):
            net(torch.randn(4, 1, 6, 6, generator=generator)).square().sum().backward()
            counts.append(_nodes_behind(net[1].running_mean))
        results[name] = counts
        try:
            results["copied"][name] = copy.deepcopy(net) is not None
        except RuntimeError:  # only tensors without a graph can be copied
            results["copied"][name] = False
    return results


class _Leaky(torch.nn.BatchNorm2d):
    def forward(self, x):
        self.running_mean = 0.9 * self.running_mean + 0.1 * x.mean((0, 2, 3))
        return torch.nn.functional.batch_norm(x, None, None, self.weight, self.bias, training=True)


def _nodes_behind(tensor):
    found, ahead = set(), [tensor.grad_fn]
    while ahead:
        node = ahead.pop()
        if node is not None and node not in found:
            found.add(node)
            ahead += [before for before, _ in node.next_functions]
    return len(found)


def drop_in(theirs, ours, device="cpu"):
    """Are two BatchNorm2d classes the same layer, whatever the flags? In float64, on the CPU and on device.

    theirs, ours  classes, called with 3 channels and the flags
    Returns a list of dicts, one for each combination of affine, track_running_stats and momentum: the flags, and
    equal, whether all outputs, gradients and buffers agree to 10 digits in three training steps and one evaluation.
    """
    rows = []
    for affine, tracks, momentum in itertools.product((True, False), (True, False), (0.1, None)):
        flags = {"affine": affine, "track_running_stats": tracks, "momentum": momentum}
        pairs = []
        for where in {"cpu", device}:
            pairs += zip(_trace(theirs(3, **flags), where), _trace(ours(3, **flags), where), strict=True)
        rows.append({**flags, "equal": all(torch.allclose(a, b, rtol=1e-10, atol=1e-10) for a, b in pairs)})
    return rows


def _trace(layer, device):
    """Outputs, gradients and buffers of three training steps and one evaluation, on batches of different sizes."""
    layer, found, generator = layer.to(device, torch.float64), [], torch.Generator().manual_seed(0)
    for step in range(4):
        x = 3 + 2 * torch.randn(4 + step, 3, 2, 5, generator=generator, dtype=torch.float64)
        x = x.to(device).requires_grad_()
        y = layer.train(step < 3)(x)
        gradients = torch.autograd.grad(y.pow(3).sum(), [x, *layer.parameters()])
        found += [y, *gradients, *(buffer.clone() for buffer in layer.buffers())]
    return found
