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
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from scipy.stats import bootstrap
from torch import nn
from torch.optim.swa_utils import update_bn
from tqdm.auto import tqdm

from bnbook import nets, train

NETS = {"cnn": nets.cnn, "mlp": nets.mlp}


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


# --- notebook 04 ---------------------------------------------------------------------------------------------------

SMALL = Setting(net="mlp", width=64, lr=0.5, batch_size=32, steps=100)  # reaches 97 % in a third of a second


def trained_mlp(data, setting=SMALL, device="cpu", watch=None):
    """A small fully connected net with BatchNorm, trained on the digits; what notebook 04 looks at.

    data     data.Data
    setting  Setting
    watch    called as watch(net, step), see `train.fit`
    Returns net (left in training mode), x_test, y_test (tensors, scaled as for training).
    """
    x_train, y_train, x_test, y_test = _tensors(data, device)
    net = nets.mlp(setting.norm, setting.width, setting.init, setting.seed).to(device)
    train.fit(net, x_train, y_train, setting.lr, setting.batch_size, setting.steps, setting.seed, watch)
    return net, x_test, y_test


def companions(data, seeds=5, images=100, size=31, device="cpu", progress=False):
    """One image in a batch with images of a single class: which label does a net in training mode give it?

    data    data.Data
    seeds   nets, with different weights and batch orders
    images  test images to try
    size    companions, which are training images; each class has one set of them
    Returns a dict: experiment, versions, size, truth (per test image), labels (per seed and test image: the label with
    companions of class 0 to 9), evaluated (per seed and test image: the label in evaluation mode), shown (of the first
    net, and of the images right in evaluation mode and sometimes in training mode, the one with the most different
    labels: image, two companions of each class, labels, evaluated, truth).
    """
    x_train, y_train, *_ = _tensors(data, device)
    groups = [x_train[y_train == c][:size] for c in range(10)]
    labels, evaluated = [], []
    for seed in tqdm(range(seeds), unit="run", disable=None if progress else True):
        net, x_test, _ = trained_mlp(data, replace(SMALL, seed=seed), device)
        evaluated.append(_labels(net.eval(), [x_test[:images]]).tolist())
        batches = [[torch.cat([x[None], group]) for x in x_test[:images]] for group in groups]
        first = [_labels_in_training_mode(net, group)[:: size + 1] for group in batches]
        labels.append(torch.stack(first, 1).tolist())
    truth = data.y_test[:images].tolist()
    kinds = [len(set(row)) * (e == t in row) for row, e, t in zip(labels[0], evaluated[0], truth, strict=True)]
    best = int(np.argmax(kinds))
    shown = {
        **{"image": data.x_test[best, 0].tolist(), "labels": labels[0][best]},
        **{"evaluated": evaluated[0][best], "truth": truth[best]},
        "companions": [data.x_train[data.y_train == c][:2, 0].tolist() for c in range(10)],
    }
    return {
        **{"experiment": "companions", "versions": versions(), "size": size, "truth": truth},
        **{"labels": labels, "evaluated": evaluated, "shown": shown},
    }


def forgotten_eval(data, seeds=5, sizes=(2, 4, 10, 20, 50, 100, 250, 500), device="cpu", progress=False):
    """Test accuracy of a net that was left in training mode, by batch size, for shuffled and for class-sorted data.

    data   data.Data
    seeds  runs, 2 or more
    sizes  test batch sizes; what fills no batch is left out, so choose divisors of the number of test images
    Returns a dict: experiment, versions, sizes, evaluated (accuracy in evaluation mode, one per seed), shuffled,
    by_class (accuracies in training mode, one list per size, one number per seed), interval (of the mean of
    `evaluated`).
    """
    evaluated, shuffled, by_class = [], [[] for _ in sizes], [[] for _ in sizes]
    for seed in tqdm(range(seeds), unit="run", disable=None if progress else True):
        net, x, y = trained_mlp(data, replace(SMALL, seed=seed), device)
        evaluated.append(train.evaluate(net, x, y)[1])
        orders = torch.as_tensor(np.random.default_rng(seed).permutation(len(y))), torch.argsort(y, stable=True)
        for size, *found in zip(sizes, shuffled, by_class, strict=True):
            for order, accuracies in zip(orders, found, strict=True):
                order = order[: len(y) // size * size].to(y.device)
                labels = _labels_in_training_mode(net, x[order].split(size))
                accuracies.append((labels == y[order]).double().mean().item())
    return {
        **{"experiment": "forgotten_eval", "versions": versions(), "sizes": list(sizes), "evaluated": evaluated},
        **{"shuffled": shuffled, "by_class": by_class, "interval": list(interval(evaluated))},
    }


def train_eval_gap(data, seeds=5, steps=(1, 2, 5, 10, 20, 35, 50, 75, 100), device="cpu", progress=False):
    """How far evaluation mode is from training mode during a training, for several ways to keep running statistics.

        gap = |logits in evaluation mode - logits in training mode| / |logits in training mode|

    The test images are one batch of 500 in training mode. In training mode no output depends on the running statistics,
    so all ways are followed along one and the same training.

    data   data.Data
    seeds  runs, 2 or more
    steps  when to look
    Returns a dict: experiment, versions, seeds, step, arms (name: gap and accuracy, one list per seed, one number per
    step; the arm 'training mode' has gap 0), recalibration (name: accuracy of recalibrated minus that arm at each
    step, mean and interval).
    """
    runs = [
        _gaps(data, replace(SMALL, seed=seed, steps=max(steps)), steps, device)
        for seed in tqdm(range(seeds), unit="run", disable=None if progress else True)
    ]
    arms = {name: {key: [run[name][key] for run in runs] for key in ("gap", "accuracy")} for name in runs[0]}
    recalibrated = np.array(arms["recalibrated"]["accuracy"])
    differences = {name: recalibrated - arm["accuracy"] for name, arm in arms.items() if name.startswith("momentum")}
    return {
        **{"experiment": "train_eval_gap", "versions": versions(), "seeds": seeds, "step": list(steps), "arms": arms},
        "recalibration": {
            name: [{"mean": float(d.mean()), "interval": list(interval(d))} for d in difference.T]
            for name, difference in differences.items()
        },
    }


def _gaps(data, setting, steps, device):
    """One run of `train_eval_gap`: name of the arm: gap and accuracy at each of the steps."""
    x_train, _, x_test, y_test = _tensors(data, device)
    history, found = [], {}

    def watch(net, step):
        layers = [layer for layer in net.modules() if isinstance(layer, torch.nn.BatchNorm1d)]
        if step == 0:
            for layer in layers:
                layer.momentum = 1.0  # the buffers then hold the last batch's mean and unbiased variance, nothing else
            return
        history.append(torch.cat([torch.stack([layer.running_mean, layer.running_var]) for layer in layers], 1))
        if step not in steps:
            return
        with torch.no_grad():
            by_batch = copy.deepcopy(net)(x_test)
        arms = {"training mode": by_batch}
        for name, statistics in _averages(torch.stack(history)).items():
            for layer, part in zip(layers, statistics.split(setting.width, 1), strict=True):
                layer.running_mean, layer.running_var = part.clone()
            arms[name] = _logits(net, x_test)
        update_bn(x_train.split(100), net)
        arms["recalibrated"] = _logits(net, x_test)
        for name, logits in arms.items():
            arm = found.setdefault(name, {"gap": [], "accuracy": []})
            arm["gap"].append(((logits - by_batch).norm() / by_batch.norm()).item())
            arm["accuracy"].append((logits.argmax(1) == y_test).double().mean().item())

    trained_mlp(data, setting, device, watch)
    return found


def _averages(history):
    """Running statistics after the batches of history (batches, 2, features), means first, then variances."""
    start = torch.zeros_like(history[0])
    start[1] = 1
    averages = {"momentum=None": history.mean(0)}
    for momentum in (0.1, 0.01):
        running = start
        for batch in history:
            running = (1 - momentum) * running + momentum * batch
        left = (1 - momentum) ** len(history)
        averages[f"momentum={momentum:g}"] = running
        averages[f"momentum={momentum:g}, corrected"] = (running - left * start) / (1 - left)
    return averages


def biased_variance(data, seeds=5, batch_size=8, steps=150, device="cpu", progress=False):
    """Does it matter for the accuracy whether the running variance is the unbiased one?

    data        data.Data
    seeds       runs, 2 or more
    batch_size  small, so that (m - 1) / m is far from 1; not 4, where rounding errors grow to another net in 300 steps
    steps       of training
    Returns a dict: experiment, versions, batch_size, unbiased, biased (test accuracies, one per seed), difference
    (biased minus unbiased: mean and interval).
    """
    found = {"unbiased": [], "biased": []}
    for seed in tqdm(range(seeds), unit="run", disable=None if progress else True):
        net, x, y = trained_mlp(data, replace(SMALL, lr=0.1, batch_size=batch_size, steps=steps, seed=seed), device)
        found["unbiased"].append(train.evaluate(net, x, y)[1])
        for layer in net.modules():
            if isinstance(layer, torch.nn.BatchNorm1d):
                layer.running_var *= (batch_size - 1) / batch_size  # after 150 steps nothing is left of the start
        found["biased"].append(train.evaluate(net, x, y)[1])
    paired = np.subtract(found["biased"], found["unbiased"])
    return {
        **{"experiment": "biased_variance", "versions": versions(), "batch_size": batch_size, **found},
        "difference": {"mean": float(paired.mean()), "interval": list(interval(paired))},
    }


@torch.no_grad()
def _logits(net, x):
    return net.eval()(x)


@torch.no_grad()
def _labels(net, batches):
    return torch.cat([net(batch).argmax(1) for batch in batches])


def _labels_in_training_mode(net, batches):
    """The labels that a net left in training mode gives; a copy runs, because its running statistics move."""
    return _labels(copy.deepcopy(net).train(), batches)


# --- notebook 05 ---------------------------------------------------------------------------------------------------


def sample_size(data, seeds=5, sizes=(2, 4, 8, 16, 32, 64, 128, 256), draws=400):
    """How far the mean of a batch is from the mean of all images, on feature maps of the first convolution.

    data   data.Data; the training images are used
    seeds  networks, each with batches of its own; 2 or more
    sizes  batch sizes N
    draws  batches per size, drawn with replacement
    Returns a dict: experiment, versions, sizes, pixels (H * W), errors (one list over the sizes per network: root mean
    square over batches and channels, in standard deviations of the channel), slopes (of log error against log N, one
    per network), slope (their mean), slope_interval, worth (per network: how many independent pixels would give the
    error that one image gives).
    Raises ValueError if seeds is below 2.
    """
    if seeds < 2:
        raise ValueError(f"seeds is {seeds}; an interval needs at least 2 networks, better 5")
    x = _tensors(data, "cpu")[0]
    errors, worth = [], []
    for seed in range(seeds):
        with torch.no_grad():
            maps = nets.cnn(seed=seed).conv1(x).numpy()
        # A mean over N, H and W is the mean over N of the images' means, so these are all that is needed.
        image_means = (maps.mean((2, 3)) - maps.mean((0, 2, 3))) / maps.std((0, 2, 3))
        rng = np.random.default_rng(seed)
        batches = [image_means[rng.integers(0, len(x), (draws, N))].mean(1) for N in sizes]
        errors.append([float(np.sqrt(np.mean(means**2))) for means in batches])
        worth.append(float(1 / np.mean(image_means**2)))
    slopes = [float(np.polyfit(np.log(sizes), np.log(row), 1)[0]) for row in errors]
    return {
        "experiment": "sample_size",
        "versions": versions(),
        "sizes": list(sizes),
        "pixels": maps.shape[2] * maps.shape[3],
        "errors": errors,
        "slopes": slopes,
        "slope": float(np.mean(slopes)),
        "slope_interval": list(interval(slopes)),
        "worth": worth,
    }


def shared_statistic(data, seeds=5, spreads=(0.0, 3.0), lr=0.5, steps=120):
    """BatchNorm with statistics per channel against one mean and variance for all channels together.

    Before training every filter is multiplied by its own exp(spread * normal number): 0 leaves them alike, as good
    initializations do; with 3 two thirds lie between 1/20 and 20. The rate 0.5 was the best of 0.2, 0.5, 1 and 2 in
    three of the four arms, and within half a point of the best in the fourth (on the test images: slightly flattering
    to all).

    data     data.Data
    seeds    runs per arm, 2 or more; arms of equal seed share weights and batches
    spreads  of the logarithm of the filters' scales
    Returns a dict: experiment, versions, lr, steps, arms (per spread and norm, 'batch' or 'shared': sd, the standard
    deviation of every channel of every run after the first normalization, before training; accuracy on the test
    images, its mean and interval), differences (per spread: 'batch' minus 'shared', paired by seed).
    Raises ValueError if seeds is below 2.
    """
    if seeds < 2:
        raise ValueError(f"seeds is {seeds}; an interval needs at least 2 runs per arm, better 5")
    x, y, x_test, y_test = _tensors(data, "cpu")
    arms = []
    for spread in spreads:
        for norm in ("batch", "shared"):
            sd, accuracy = [], []
            for seed in range(seeds):
                net = _with_unequal_filters(norm, spread, seed)
                with torch.no_grad():
                    sd += net[:2](x).std((0, 2, 3), correction=0).tolist()
                net = _with_unequal_filters(norm, spread, seed)  # that pass has moved the running statistics
                train.fit(net, x, y, lr, 64, steps, seed)
                accuracy.append(train.evaluate(net, x_test, y_test)[1])
            means = {"mean": float(np.mean(accuracy)), "interval": list(interval(accuracy))}
            arms.append({"spread": spread, "norm": norm, "sd": sd, "accuracy": accuracy, **means})
    paired = [np.subtract(a["accuracy"], b["accuracy"]) for a, b in zip(arms[::2], arms[1::2], strict=True)]
    differences = [{"mean": float(np.mean(p)), "interval": list(interval(p))} for p in paired]
    return {
        **{"experiment": "shared_statistic", "versions": versions(), "lr": lr, "steps": steps},
        **{"arms": arms, "differences": differences},
    }


class _SharedStatistic(nn.Module):
    """What 'normalize over all the pixels in a batch' says when taken literally; gamma and beta stay per channel."""

    def __init__(self, num_features):
        super().__init__()
        self.norm = nn.BatchNorm1d(1, affine=False, dtype=torch.float64)
        self.gamma = nn.Parameter(torch.ones(num_features, 1, 1, dtype=torch.float64))
        self.beta = nn.Parameter(torch.zeros(num_features, 1, 1, dtype=torch.float64))

    def forward(self, x):
        return self.gamma * self.norm(x.flatten(1)[:, None]).reshape(x.shape) + self.beta


def _with_unequal_filters(norm, spread, seed):
    net, rng = nets.cnn(seed=seed), np.random.default_rng(seed)
    for i in (1, 2, 3):
        weight = net.get_submodule(f"conv{i}").weight
        scales = np.exp(spread * rng.normal(size=len(weight)))
        weight.data *= torch.from_numpy(scales).reshape(-1, 1, 1, 1)
        if norm == "shared":
            net.set_submodule(f"norm{i}", _SharedStatistic(len(weight)))
    return net


def twenty_layers(
    data, activation="tanh", gains=(0.5, 1.0, 1.5, 3.0), norms=("none", "batch"), depth=20, seeds=5, device="cpu"
):
    """What activations and gradients are like in each layer of an untrained net, for several sizes of its weights.

    data        data.Data; its first 500 training images go through the net, in training mode
    activation  'tanh', 'sigmoid' or 'relu'
    gains       weights are normal with standard deviation gain / sqrt(fan_in)
    norms       'none', 'batch' or both; arms that share a seed and a gain have the same weights
    Returns a dict: experiment, activation, depth, seeds, arms (one per norm and gain), each with one list over layers
    for the mean, the lowest and the highest seed of
        sd         of what a unit's activation gets, over the images; mean over units
        saturated  share of activations whose slope is below 5 % of the largest slope (for 'relu': that are 0)
        gradient   size of dLoss/dh, h the layer's output, relative to that of the last layer; geometric mean over seeds
    and growth: the factor by which the gradient grows per layer on its way from layer depth - 1 down to layer 5.
    """
    x, y, _, _ = _tensors(data, device)
    arms = []
    for norm in norms:
        for gain in gains:
            build = [nets.mlp(norm, 100, gain, s, depth, activation) for s in range(seeds)]
            runs = [_look_inside(net.to(device), x[:500], y[:500], activation) for net in build]
            found = _over_seeds(runs, ("sd", "saturated", "gradient"))
            down = found["gradient"]["mean"]
            growth = (down[4] / down[-2]) ** (1 / (depth - 6))
            arms.append({"norm": norm, "gain": gain, **found, "growth": growth})
    return {
        **{"experiment": "twenty_layers", "versions": versions(), "activation": activation},
        **{"depth": depth, "seeds": seeds, "arms": arms},
    }


def _look_inside(net, x, y, activation):
    """sd, saturated and gradient of each layer of net, see `twenty_layers`."""
    logits, z, h = _activations(net, x)
    gradients = torch.autograd.grad(torch.nn.functional.cross_entropy(logits, y), h)
    size = np.array([g.norm().item() for g in gradients])
    slope = {"tanh": lambda h: 1 - h**2, "sigmoid": lambda h: 4 * h * (1 - h), "relu": lambda h: (h > 0).double()}
    return {
        "sd": [a.std(0, correction=0).mean().item() for a in z],
        "saturated": [(slope[activation](a) < 0.05).double().mean().item() for a in h],
        "gradient": (size / size[-1]).tolist(),
    }


def _activations(net, x):
    """Logits, and what each activation layer of net gets (z) and gives (h): two lists of (N, C), first layer first."""
    z, h = [], []
    for name, layer in net.named_children():
        before, x = x, layer(x)
        if name.rstrip("0123456789") in nets.ACTIVATIONS:
            z.append(before)
            h.append(x)
    return x, z, h


def _over_seeds(runs, keys):
    """For each key, the mean (of gradients the geometric one), the lowest and the highest seed: lists over layers."""
    found = {}
    for key in keys:
        values = np.array([run[key] for run in runs])
        mean = np.exp(np.log(values).mean(0)) if key == "gradient" else values.mean(0)
        found[key] = {"mean": mean.tolist(), "lowest": values.min(0).tolist(), "highest": values.max(0).tolist()}
    return found


def after_training(data, norms=("none", "batch"), lr=0.015, steps=100, depth=20, seeds=5, device="cpu"):
    """How far training moves what the units of a He-initialized ReLU net get.

    data         data.Data; measured on its first 500 training images, with the statistics of these 500
    norms        'none', 'batch' or both; arms that share a seed have the same weights and the same batches
    lr, steps    of plain SGD, batches of 64
    Returns a dict: experiment, lr, steps, depth, seeds, arms (one per norm), each with accuracy (on the test images,
    one per seed) and one list over layers for the mean, the lowest and the highest seed of
        spread  a unit's standard deviation over the images after training, as a multiple of that before
        shift   how far a unit's mean has moved, in standard deviations before training
    both of what the ReLU gets, in the median unit of a layer. Print no digits of the accuracies: a deep net with
    BatchNorm multiplies rounding errors by about 3 in each of its first 30 steps, so they differ between machines.
    """
    x, y, x_test, y_test = _tensors(data, device)
    arms = []
    for norm in norms:
        runs = []
        for seed in range(seeds):
            net = nets.mlp(norm, 100, seed=seed, depth=depth).to(device)
            untrained = copy.deepcopy(net)
            train.fit(net, x, y, lr, steps=steps, seed=seed)
            accuracy = train.evaluate(net, x_test, y_test)[1]
            runs.append({"accuracy": accuracy, **_moved(untrained, net, x[:500])})
        arms.append({"norm": norm, "accuracy": [run["accuracy"] for run in runs], **_over_seeds(runs, _MOVED)})
    return {
        **{"experiment": "after_training", "versions": versions(), "lr": lr, "steps": steps},
        **{"depth": depth, "seeds": seeds, "arms": arms},
    }


_MOVED = ("spread", "shift")


@torch.no_grad()
def _moved(untrained, trained, x):
    """spread and shift of each layer, see `after_training`; both nets are in training mode."""
    before, after = (_activations(net, x)[1] for net in (untrained, trained))
    pairs = list(zip(before, after, strict=True))
    return {
        "spread": [(b.std(0) / a.std(0)).median().item() for a, b in pairs],
        "shift": [((b.mean(0) - a.mean(0)).abs() / a.std(0)).median().item() for a, b in pairs],
    }
