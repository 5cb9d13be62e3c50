"""Adding the sd, tiny batches, any initialization, biases, the place of the norm, both kinds of layers."""

import numpy as np
import torch
from torch import nn

from bnbook import nets, train
from bnbook.lab import results
from bnbook.lab.engine import Setting, build, tensors
from bnbook.lab.shared import shared_statistic

from .tuning import RATES, base, joined, long, tuned

THIRDS = (0.001, 0.0022, 0.0046, 0.01, 0.022, 0.046, 0.1, 0.22, 0.46, 1.0)
SMALL_RATES = (0.0005, 0.001, 0.002, 0.004, 0.008, 0.016)
# From 1e-9, for a net that begins with weights 14 times He's needs a rate of 1e-7.
STARTING_RATES = tuple(float(f"{10 ** (k / 2):.2g}") for k in range(-18, 3))
GAINS = (0.1, 2**0.5, 20.0)


def adding(data, device="cpu", progress=False, seeds=20, keep=None, depths=(3, 8), rates=THIRDS):
    """ "Subtract the mean and add the standard deviation", taken literally, and "over all the pixels in a batch".

    data    data.Data
    seeds   reported runs per arm, 2 or more
    depths  hidden layers of the MLPs
    rates   learning rates tried for every arm, to begin with
    Returns a dict: experiment, versions, seeds, depths; table, tuning, best and twins as `tuned` returns them, a case
    for each depth, arms 'none', 'batch' and 'add_sd'; scales (factor on the input to the output's mean and sd per
    norm); pixels, a table of `shared_statistic`: cases are filters 'equal' and 'unequal', arms 'batch' and 'shared'.
    Raises ValueError if seeds is below 2.
    """
    results.check_seeds(seeds)
    cases = {
        f"{depth} layers": {
            norm: base(data, 1000, net="mlp", depth=depth, norm=norm) for norm in ("none", "batch", "add_sd")
        }
        for depth in depths
    }
    again = [(f"{depths[-1]} layers", "add_sd")]
    how = {"device": device, "progress": progress, "keep": keep}
    pixels = _pixels(shared_statistic(data, seeds))  # first, for it refuses fewer than 64 images
    return {
        "experiment": "adding",
        "versions": results.versions(),
        "seeds": seeds,
        "depths": list(depths),
        **tuned(data, cases, seeds, rates, again, **how),
        "scales": {str(factor): _output_scale(factor) for factor in (0.01, 1.0, 100.0)},
        "pixels": pixels,
    }


def _pixels(shared):
    """The accuracies of `shared_statistic` as a long table."""
    labels = [
        {"case": "unequal" if arm["spread"] else "equal", "arm": arm["norm"], "lr": shared["lr"], "seed": seed}
        for arm in shared["arms"]
        for seed in range(len(arm["accuracy"]))
    ]
    accuracies = [{"test_accuracy": value} for arm in shared["arms"] for value in arm["accuracy"]]
    return long(labels, accuracies, shared["steps"])


def _output_scale(factor):
    """Mean and sd of what both formulas make of the same numbers, made wider by the factor."""
    x = factor * torch.from_numpy(np.random.default_rng(0).normal(1, 0.5, (500, 1)))
    layers = {"batch": nn.BatchNorm1d(1).double(), "add_sd": nets.AddSD(1).double()}
    made = {norm: layer(x).detach() for norm, layer in layers.items()}
    return {norm: [y.mean().item(), y.std(correction=0).item()] for norm, y in made.items()}


def folklore(data, device="cpu", progress=False, seeds=20, keep=None, gains=GAINS, rates=RATES):
    """Sayings about BatchNorm that take a small experiment each.

    data   data.Data
    seeds  reported runs per arm, 2 or more; for the biases at most 8
    gains  of the initialization, for the saying that it does not matter
    Returns a dict: experiment, versions, seeds, gains; same, the largest difference between BatchNorm2d and BatchNorm1d
    on the rows of the same images; table, tuning and best as `tuned` returns them, with the cases
        place, 300 images and 1000 images   CNN, arms 'before' and 'after': where the norm stands, seen from the ReLU
        mlp, cnn                            500 images, arms 'none' and 'batch'
        mlp, batches of 2, and cnn          the same in batches of 2, 1000 images
        starts                              MLP of 5 hidden layers, arms 'none GAIN' and 'batch GAIN'
        bias before, bias after             arms 'with' and 'without' biases in front of the norm, which stands before
                                            or after the ReLU; measured is also gradient_ratio, the largest gradient of
                                            a bias over that of the weights at the first step. One rate: 0.2
    Raises ValueError if seeds is below 2.
    """
    results.check_seeds(seeds)
    how = {"device": device, "progress": progress, "keep": keep}
    places = {
        f"place, {size} images": {"before": base(data, size), "after": base(data, size, after=True)}
        for size in (300, 1000)
    }
    size = {"batch_size": 2, "steps": 1500, "every": 1500}
    parts = [
        tuned(data, {**places, **_both(data, 500, "{}")}, seeds, rates, **how),
        tuned(data, _both(data, 1000, "{}, batches of 2", **size), seeds, SMALL_RATES, **how),
        tuned(data, {"starts": _starts(data, gains)}, seeds, STARTING_RATES, reach=0, **how),
    ]
    biases = [_bias(data, where, min(seeds, 8), device) for where in ("before", "after")]
    return {
        "experiment": "folklore",
        "versions": results.versions(),
        "seeds": seeds,
        "gains": list(gains),
        "same": _same_for_rows(),
        "table": joined([*(part["table"] for part in parts), *biases]),
        "tuning": joined([part["tuning"] for part in parts]),
        "best": {case: rates for part in parts for case, rates in part["best"].items()},
    }


def _both(data, images, name, **how):
    """MLP and CNN, each with BatchNorm and without."""
    return {
        name.format(net): {norm: base(data, images, net=net, norm=norm, **how) for norm in ("none", "batch")}
        for net in ("mlp", "cnn")
    }


def _starts(data, gains):
    return {
        f"{norm} {gain:.3g}": base(data, 1000, net="mlp", depth=5, norm=norm, init=gain)
        for norm in ("none", "batch")
        for gain in gains
    }


def _bias(data, where, seeds, device):
    """Trained with and without biases in front of the norm, which stands before or after the ReLU."""
    x, y, x_test, y_test = tensors(data, device)
    labels = results.grid(case=[f"bias {where}"], arm=["with", "without"], lr=[0.2], seed=range(seeds))
    found = []
    for label in labels:
        net, measured = build(Setting(after=where == "after", seed=label["seed"]), data), {}
        convs = [net.get_submodule(name) for name in ("conv1", "conv2", "conv3")]
        for conv in convs:
            zero = nn.Parameter(torch.zeros(conv.out_channels, dtype=torch.float64))
            conv.bias = zero if label["arm"] == "with" else None
        net.to(device)
        if label["arm"] == "with":
            nn.functional.cross_entropy(net(x[:64]), y[:64]).backward()
            ratios = [(conv.bias.grad.norm() / conv.weight.grad.norm()).item() for conv in convs]
            measured["gradient_ratio"] = max(ratios)
            net.zero_grad(set_to_none=True)
        train.fit(net, x, y, label["lr"], min(64, len(x)), 120, label["seed"])
        found.append({"test_accuracy": train.evaluate(net, x_test, y_test)[1], **measured})
    return long(labels, found, 120)


def _same_for_rows():
    x = torch.from_numpy(np.random.default_rng(0).normal(3, 2, (32, 4, 5, 6)))
    images = nn.BatchNorm2d(4).double()(x)
    rows = nn.BatchNorm1d(4).double()(x.movedim(1, -1).reshape(-1, 4))
    return (images - rows.reshape(32, 5, 6, 4).movedim(-1, 1)).abs().max().item()
