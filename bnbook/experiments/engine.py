"""One training run, many runs, intervals, and results as JSON: what every experiment is made of."""

import json
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from scipy.stats import bootstrap
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
    x_train, y_train, x_test, y_test = tensors(data, device)
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
    packages = {name: version(name) for name in ("numpy", "scikit-learn", "scipy")}
    return {**packages, "torch": str(torch.__version__)}  # with its build, such as +cpu


def save(results, path):
    """Write what an experiment returned as JSON; `load` gives back an equal dict."""
    Path(path).write_text(json.dumps(results, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def load(path):
    """Read what `save` wrote."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def summary(runs):
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


def difference(none, batch):
    """BatchNorm minus no normalization, paired by seed; None where an arm has a run that diverged."""
    failed = none["diverged"] or batch["diverged"]
    paired = np.subtract(batch["final"], none["final"])
    return {
        "lr": none["lr"],
        "mean": None if failed else float(paired.mean()),
        "interval": None if failed else list(interval(paired)),
    }


def tensors(data, device):
    """Training and test part as float64 tensors, shifted and scaled by one mean and one sd of the training images."""
    mean, sd = data.x_train.mean(), data.x_train.std()
    x_train, x_test = (torch.as_tensor((x - mean) / sd, device=device) for x in (data.x_train, data.x_test))
    y_train, y_test = (torch.as_tensor(y, device=device) for y in (data.y_train, data.y_test))
    return x_train, y_train, x_test, y_test
