"""Which deep nets train, and for how much the scales and shifts of BatchNorm are good alone."""

import functools
from dataclasses import asdict, replace

import pandas as pd
import torch

from bnbook import train
from bnbook.lab import results
from bnbook.lab.engine import Setting, build, run_all

TUNED = 8  # runs for each rate that is tried
TWINS = 5  # of each run that the notebook makes again, see `results.again`
AGAIN = 3  # seeds that it makes again

# --- deep nets --------------------------------------------------------------------------------------------------------

LENGTHS = (200, 1000)  # steps; as the rate is constant, the first 200 of 1000 steps are a training of 200
DEEP = Setting(net="mlp", width=32, every=200)
DEEP_ARMS = {
    "plain, none": replace(DEEP, norm="none"),
    "plain, start": replace(DEEP, norm="none", standardized=True),
    "plain, batch": DEEP,
    "residual, none": replace(DEEP, net="residual", norm="none"),
    "residual, batch": replace(DEEP, net="residual"),
    "residual, skip_init": replace(DEEP, net="residual", norm="skip_init"),
    "tanh, none": replace(DEEP, norm="none", activation="tanh", init=1.0),  # 1: the gain of which tanh is in need
    "tanh, batch": replace(DEEP, activation="tanh", init=1.0),
}
RATES = (0.01, 0.03, 0.1, 0.3, 1.0)
# What hardly trains is tuned by itself, from smaller rates: it would draw everybody's grid after it.
ALONE = {
    ("plain, start", 40),
    *((f"plain, {norm}", 80) for norm in ("none", "start", "batch")),
    *(("residual, none", depth) for depth in (20, 40, 80)),
}
ALONE_RATES, ALONE_REACH = (0.001, 0.003, 0.01), 2
LIVE = {"depth": 20, "length": 200}  # what the notebook makes again
LIVE_ARMS = ("plain, none", "plain, start", "plain, batch", "residual, batch", "residual, skip_init")


def _asked(arm, depth, length):
    """Whether a cell is trained at all; `trainability` says what is left out."""
    if arm.startswith("tanh"):
        return depth in (20, 40)
    return length <= LENGTHS[0] or (depth < 80 and (arm, depth) != ("residual, none", 40))


def trainability(
    data, seeds=20, depths=(5, 20, 40, 80), lengths=LENGTHS, arms=DEEP_ARMS, device="cpu", progress=False, keep=None
):
    """How well plain and residual nets train as they get deeper, each arm at its own best learning rate.

    The rate is chosen for each depth and each length of training, see `results.tune`: on validation images, by float32
    runs of seeds that are not reported. The arms of one depth share a grid, but for ALONE, which hardly train.
    Left out, as long for what it would say: depth 80 for more than 200 steps, residual nets of 40 blocks without
    normalization for more than 200 steps, tanh at depths 5 and 80.

    data     data.Data; the accuracy is reported on its test images
    seeds    reported runs per arm, depth and length, 2 or more, in float64
    depths   hidden layers, or blocks
    lengths  steps
    arms     name to Setting
    keep     a file for finished groups, see `run_all`
    Returns a dict: experiment, versions, seeds, settings (of each arm), best (a list of arm, depth, length, lr; lr
    None: does not train), tuning (table of the tuning runs: arm, depth, length, lr, seed, step, val_accuracy) and table
    (arm, depth, length, lr, seed, twin, step, test_accuracy), with twins of the runs that the notebook makes again.
    """
    given = {"arms": arms, "device": device, "progress": progress, "keep": keep}
    train_ = functools.partial(_trained, data, **given, dtype=torch.float32)
    parts = [_tuned(train_, depth, lengths, *grid) for depth in depths for grid in _grids(arms, depth)]
    best = [cell for _, cells in parts for cell in cells]
    again = [cell for cell in best if LIVE.items() <= cell.items() and cell["arm"] in LIVE_ARMS]
    return {
        "experiment": "trainability",
        "versions": results.versions(),
        "seeds": seeds,
        "settings": {name: asdict(arm) for name, arm in arms.items()},
        "best": best,
        "tuning": pd.concat([table for tables, _ in parts for table in tables], ignore_index=True),
        "table": pd.concat(
            [
                reported(data, best, seeds, **given),
                reported(data, again, min(seeds, AGAIN), range(1, TWINS + 1), **given),
            ],
            ignore_index=True,
        ),
    }


def reported(data, best, seeds, twins=(0,), arms=DEEP_ARMS, device="cpu", progress=False, keep=None):
    """The trainings that are reported, at the rates that were chosen: a table as in `trainability`.

    best   list of arm, depth, length, lr; what does not train is left out
    seeds  runs for each of these
    twins  see `Setting`
    """
    cells = [cell for cell in best if cell["lr"] is not None]
    labels = [cell | {"seed": seed, "twin": twin} for cell in cells for twin in twins for seed in range(seeds)]
    table = _trained(data, labels, arms, device, progress, keep)
    last = (table["step"] == table["length"]) & (table["measure"] == "test_accuracy")
    return table[last].reset_index(drop=True)


def _trained(data, labels, arms, device, progress, keep, dtype=torch.float64):
    """The table of runs with these labels: arm, depth, length, lr, seed and perhaps twin."""
    own = ("depth", "lr", "seed", "twin")
    settings = [
        replace(arms[label["arm"]], steps=label["length"], **{name: label[name] for name in own if name in label})
        for label in labels
    ]
    if not settings:
        return pd.DataFrame(columns=["arm", "depth", "length", "lr", "seed", "twin", "step", "measure", "value"])
    watch = on_validation_images(data, device)
    return results.table(labels, run_all(settings, data, device, progress, watch, keep, dtype))


def on_validation_images(data, device):
    """A watch function: the accuracy on the validation images, whenever that on the test images is measured."""
    mean, sd = data.x_train.mean(), data.x_train.std()
    x, y = torch.as_tensor((data.x_val - mean) / sd, device=device), torch.as_tensor(data.y_val, device=device)

    def watch(moment):
        if moment.step % moment.settings[0].every == 0:
            return {"val_accuracy": train.evaluate_all(moment.net, x, y)[1]}

    return watch


def _grids(arms, depth):
    """Which arms of one depth are tuned together, the rates to begin with, how far these may grow: tuples."""
    alone = [arm for arm in arms if (arm, depth) in ALONE]
    others = [arm for arm in arms if arm not in alone]
    return [(others, RATES, 3), *(([arm], ALONE_RATES, ALONE_REACH) for arm in alone)]


def _tuned(train_, depth, lengths, arms, rates, reach):
    """Some arms of one depth, tuned for each length: a list of tables, and a list of the rates chosen."""
    asked = {length: [arm for arm in arms if _asked(arm, depth, length)] for length in lengths}
    longest = max((length for length in lengths if asked[length]), default=None)
    runs = _Once(lambda labels: train_([label | {"depth": depth, "length": longest} for label in labels]))
    tables, best = [], []
    for length in filter(asked.get, lengths):
        tried, chosen = results.tune(runs.at(length), asked[length], rates, chance=0.1, seeds=TUNED, reach=reach)
        tables.append(tried.assign(length=length))
        best += [{"arm": arm, "depth": depth, "length": length, "lr": lr} for arm, lr in chosen.items()]
    return tables, best


class _Once:
    """Trains each run once, as long as the longest length asks for, and reads it at each length."""

    def __init__(self, train_):
        self.train, self.done, self.table = train_, set(), pd.DataFrame()

    def at(self, length):
        """What `results.tune` calls to train for this length."""

        def read(labels):
            new = [label for label in labels if tuple(label.values()) not in self.done]
            if new:
                self.done |= {tuple(label.values()) for label in new}
                self.table = pd.concat([self.table, self.train(new)], ignore_index=True)
            part = results.of(self.table, "val_accuracy", step=length)
            return part.merge(pd.DataFrame(labels))

        return read


# --- parts of a net ---------------------------------------------------------------------------------------------------

ONLY = Setting(net="mlp", width=128, steps=300, every=300)
PARTS = ("all", "norm", "head", "few")
PART_RATES = (0.3, 1.0, 3.0, 10.0)


def only_norms(data, seeds=20, parts=PARTS, setting=ONLY, device="cpu", progress=False, keep=None):
    """A net with BatchNorm of which only a part is trained, each part at its own best learning rate.

    The rate is chosen as in `trainability`, from one grid for all parts.

    data     data.Data; the accuracy is reported on its test images
    seeds    reported runs per part, 2 or more, in float64
    parts    some of 'all', 'norm', 'head', 'few', see `Setting.trainable`
    setting  Setting of the net
    keep     a file for finished groups, see `run_all`
    Returns a dict: experiment, versions, seeds, setting, numbers (part to how many can be trained), best (part to
    rate), tuning (arm, lr, seed, step, val_accuracy) and table (arm: the part, lr, seed, twin, step, test_accuracy),
    with twins of the runs that the notebook makes again.
    Source: Frankle et al. 2021, "Training BatchNorm and only BatchNorm".
    """
    given = {"setting": setting, "device": device, "progress": progress, "keep": keep}

    def train_(labels):
        table = _parts_trained(data, labels, **given, dtype=torch.float32)
        return results.of(table, "val_accuracy")

    tried, best = results.tune(train_, parts, PART_RATES, chance=0.1, seeds=TUNED)
    table = [parts_reported(data, best, seeds, **given)]
    table.append(parts_reported(data, best, min(seeds, AGAIN), range(1, TWINS + 1), **given))
    return {
        "experiment": "only_norms",
        "versions": results.versions(),
        "seeds": seeds,
        "setting": asdict(setting),
        "numbers": {part: _numbers(replace(setting, trainable=part), data) for part in parts},
        "best": best,
        "tuning": tried,
        "table": pd.concat(table, ignore_index=True),
    }


def parts_reported(data, best, seeds, twins=(0,), setting=ONLY, device="cpu", progress=False, keep=None):
    """The trainings of `only_norms` that are reported: a table as there.

    best   part to rate
    seeds  runs for each part
    twins  see `Setting`
    """
    labels = [
        {"arm": part, "lr": lr, "seed": seed, "twin": twin}
        for part, lr in best.items()
        for twin in twins
        for seed in range(seeds)
    ]
    return results.of(_parts_trained(data, labels, setting, device, progress, keep), "test_accuracy")


def _parts_trained(data, labels, setting, device, progress, keep, dtype=torch.float64):
    """The table of runs with these labels: arm (the part), lr, seed and perhaps twin."""
    settings = [
        replace(setting, trainable=label["arm"], lr=label["lr"], seed=label["seed"], twin=label.get("twin", 0))
        for label in labels
    ]
    watch = on_validation_images(data, device)
    return results.table(labels, run_all(settings, data, device, progress, watch, keep, dtype))


def _numbers(setting, data):
    """How many numbers are trained."""
    trained = [p for p in build(setting, data).parameters() if p.requires_grad]
    if setting.trainable == "few":
        return sum(2 * len(weight) for weight in trained)
    return sum(p.numel() for p in trained)
