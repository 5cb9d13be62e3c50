"""Every norm trained the same way: what is stored."""

import contextlib
import copy
from typing import NamedTuple

import pandas as pd
import torch

from bnbook import nets, train
from bnbook.lab import distort, results
from bnbook.lab.engine import Setting, run_all


class Case(NamedTuple):
    """How long is trained on which batches, and the learning rates with which the search for each norm's own begins."""

    batch_size: int
    steps: int
    rates: tuple


CASES = {
    "100 steps of 64": Case(64, 100, (0.1, 0.2, 0.4, 0.8)),
    "400 steps of 64": Case(64, 400, (0.1, 0.2, 0.4, 0.8)),
    "3200 steps of 2": Case(2, 3200, (0.0125, 0.025, 0.05, 0.1)),
}
# To failure on both sides in the first case: by factors of 2, then, where norms stop training, ten rates to a decade.
SWEEP = (0.0125, 0.025, 0.05, 0.1, 0.2, 0.25, 0.315, 0.4, 0.5, 0.63, 0.8, 1.0, 1.25, 1.6, 2.0, 2.5, 3.15, 4.0)
SWEPT_SEEDS = 8
# Made again by the notebook, so stored with twins: the first case at this rate.
AGAIN = {"lr": 0.1, "seeds": (0, 1), "twins": 5}


def relatives(data, norms=nets.NORMS, cases=None, sweep=SWEEP, seeds=20, device="cpu", progress=False, keep=None):
    """The same three experiments for every norm: learning rates, batches and lengths, and spoilt test images.

    data      data.Data: trained on its first part, learning rates chosen on the second, accuracies from the third
    norms     of nets.NORMS, 'batch' among them, for the small CNN; arms that share a seed have the same weights, the
              same batches and the same noise in the test images
    cases     {name: Case}, CASES if None; each norm has its own best rate in each of them, see `results.tune`
    sweep     learning rates of the first case, increasing, for 8 seeds: from which `limits` follow
    seeds     runs per norm and case at its own rate, 2 or more
    Returns a dict: experiment, versions, seeds, cases ({name: [batch_size, steps]}), sweep, best ({case: {norm:
    rate}}), tuning (the table of `results.tune` of all cases), and table: columns case, arm, lr, seed, twin, step,
    measure, value; measures are test_accuracy, train_loss, diverged, 'NAME accuracy' for each test set of `spoilt`, and
    for 'batch' 'own NAME accuracy', with the statistics of that set in place of the stored ones, all after the last
    step.
    Raises ValueError if seeds is below 2 or 'batch' is missing.
    """
    results.check_seeds(seeds)
    if "batch" not in norms:
        raise ValueError(f"norms is {tuple(norms)}; every norm is compared with 'batch', so it must be one of them")
    cases = cases or CASES
    how = {"device": device, "progress": progress, "keep": keep}
    tuning, best = _tuned(norms, cases, data, how)
    labels = _labels(norms, best, sweep, seeds)
    return {
        "experiment": "relatives",
        "versions": results.versions(),
        "seeds": seeds,
        "cases": {name: [case.batch_size, case.steps] for name, case in cases.items()},
        "sweep": list(sweep),
        "best": best,
        "tuning": tuning,
        "table": _measured(labels, cases, data, watch=_accuracies_when_spoilt(data), **how),
    }


def made_again(data, norms=nets.NORMS, device="cpu"):
    """Those runs of `relatives` again that are stored with twins: its table of them."""
    case = next(iter(CASES))
    labels = results.grid(case=[case], arm=norms, lr=[AGAIN["lr"]], seed=AGAIN["seeds"], twin=[0])
    return _measured(labels, CASES, data, device=device, watch=_accuracies_when_spoilt(data))


def case_setting(case, label):
    """The Setting of one training of `relatives`: of a Case, and a label with arm, lr, seed and perhaps twin."""
    own = {"norm": label["arm"], "lr": label["lr"], "seed": label["seed"], "twin": label.get("twin", 0)}
    return Setting(net="cnn", batch_size=case.batch_size, steps=case.steps, every=case.steps, **own)


def _measured(labels, cases, data, **how):
    """The table of trained labels after the last step; `how` as in `run_all`."""
    runs = run_all([case_setting(cases[label["case"]], label) for label in labels], data, **how)
    found = results.table(labels, runs)
    return found[found["step"] > 0].reset_index(drop=True)


def _tuned(norms, cases, data, how):
    """The table of all tuning runs, and {case: {norm: rate}}."""
    tuning, best, how = [], {}, how | {"watch": _validation_accuracy(data), "dtype": torch.float32}
    for name, case in cases.items():

        def train_at(labels, name=name):
            found = _measured([{"case": name} | label for label in labels], cases, data, **how)
            return found[found["measure"] == "val_accuracy"]

        tried, found = results.tune(train_at, norms, case.rates, chance=1 / data.classes)
        best[name] = {arm: rate and float(rate) for arm, rate in found.items()}
        tuning.append(tried)
    return pd.concat(tuning, ignore_index=True), best


def _labels(norms, best, sweep, seeds):
    """What is trained: the sweep of the first case, every case at the rates chosen, and twins; no run twice."""
    first = next(iter(best))
    swept = results.grid(case=[first], arm=norms, lr=sweep, seed=range(min(SWEPT_SEEDS, seeds)), twin=[0])
    own = results.grid(case=best, arm=norms, seed=range(seeds))
    own = [label | {"lr": best[label["case"]][label["arm"]], "twin": 0} for label in own]
    twins = results.grid(case=[first], arm=norms, lr=[AGAIN["lr"]], seed=AGAIN["seeds"], twin=range(AGAIN["twins"] + 1))
    order = ("case", "arm", "lr", "seed", "twin")
    wanted = [tuple(label[name] for name in order) for label in [*swept, *own, *twins] if label["lr"] is not None]
    return [dict(zip(order, label, strict=True)) for label in dict.fromkeys(wanted)]


# --- what is measured at the end of a training -----------------------------------------------------------------------


def spoilt(data, seeds):
    """The test images as they are and spoilt in one way each, standardized as the training images are.

    seeds  of the noise, one for each of P nets
    Returns a dict, name to (P, N, C, H, W): what `lab.distort.distorted` makes of pixels between black and white, and
    faint, a quarter of the distance from the mean gray of the training images, which standardization makes 0.
    """
    mean, sd = data.x_train.mean(), data.x_train.std()
    pixels = torch.as_tensor(data.x_test).expand(len(seeds), *data.x_test.shape)
    found = {name: (images - mean) / sd for name, images in distort.distorted(pixels, seeds).items()}
    return found | {"faint": 0.25 * found["clean"]}


def _accuracies_when_spoilt(data):
    """A watch function: accuracy on each set of `spoilt`, with BatchNorm also by the statistics of that set."""

    def watch(moment):
        if moment.x is not None:
            return None
        sets, net = spoilt(data, [setting.seed for setting in moment.settings]), moment.net
        clean = sets.pop("clean")  # `run_all` measures that one itself
        found = {f"{name} accuracy": _right(net, x, data.y_test) for name, x in sets.items()}
        if moment.settings[0].norm == "batch":
            own = copy.deepcopy(net).train()  # a copy: a pass in training mode moves the running statistics
            sets["clean"] = clean
            found |= {f"own {name} accuracy": _right(own, x, data.y_test, training=True) for name, x in sets.items()}
        return found

    return watch


def _validation_accuracy(data):
    """A watch function: accuracy on the validation images."""
    x_val = torch.as_tensor((data.x_val - data.x_train.mean()) / data.x_train.std())

    def watch(moment):
        return {"val_accuracy": _right(moment.net, x_val, data.y_val)} if moment.x is None else None

    return watch


@torch.no_grad()
def _right(net, x, y, training=False):
    """Share of images (N, C, H, W), or (P, N, C, H, W), that each of P nets gives its label: (P,)."""
    with contextlib.nullcontext() if training else train.evaluating(net):
        logits = net(x.to(next(net.parameters())))
    return (logits.argmax(-1).cpu() == torch.as_tensor(y)).double().mean(1)
