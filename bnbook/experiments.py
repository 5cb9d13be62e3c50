"""Each experiment is a grid of settings, run, and returned as data.

Read after train.
Used from notebook 00 on.

An experiment returns a dict of plain lists, numbers and strings: `save` writes it as JSON, and the function of the same
name in `plots` draws it. Summaries of arms in which a run diverged are None: such digits differ between machines,
and only the verdict "did not train" may be printed.
"""

import copy
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
            build = [nets.mlp(norm, init=gain, seed=s, depth=depth, activation=activation) for s in range(seeds)]
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
            net = nets.mlp(norm, seed=seed, depth=depth).to(device)
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
