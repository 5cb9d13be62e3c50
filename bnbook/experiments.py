"""Each experiment is a grid of settings, run, and returned as data.

Read after train.
Used from notebook 00 on.

An experiment returns a dict of plain lists, numbers and strings: `save` writes it as JSON, and the function of the same
name in `plots` draws it. Summaries of arms in which a run diverged are None: such digits differ between machines,
and only the verdict "did not train" may be printed.
"""

import json
import math
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from scipy.stats import bootstrap
from torch import nn
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
