"""Adding the sd, tiny batches, any initialization, biases, the place of the norm, both kinds of layers."""

import numpy as np
import torch
from torch import nn

from bnbook import nets, train
from bnbook.lab.engine import Setting, build, tensors
from bnbook.lab.results import check_seeds, interval, versions

from .tuning import RATES, base, paired, tuned

WIDE = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
MLP_RATES = (0.016, 0.025, 0.04, 0.063, 0.1, 0.16, 0.25, 0.4, 0.63)
GAINS = (0.1, 2**0.5, 20.0)


def adding(data, device="cpu", progress=False, seeds=8, keep=None, depth=8, rates=WIDE):
    """ "Subtract the mean and add the standard deviation", taken literally, against BatchNorm and against nothing.

    data   data.Data
    seeds  runs per arm and rate, 2 or more
    depth  hidden layers of the MLP
    rates  learning rates tried for every arm
    Returns a dict: experiment, versions, seeds, depth, rates, arms (per norm: what `tuned` returns), usable (per norm:
    the rates whose mean validation accuracy is at least 90 % of the best of all), difference ('add_sd' minus 'batch' in
    test accuracy, each at its own best rate), scales (factor on the input to the output's mean and sd per norm).
    Raises ValueError if seeds is below 2.
    """
    check_seeds(seeds)
    settings = {norm: base(data, 1000, net="mlp", depth=depth, norm=norm) for norm in ("none", "batch", "add_sd")}
    arms = tuned(data, settings, seeds, rates, device=device, progress=progress, keep=keep)
    best = max(max(arm["val"]) for arm in arms.values())
    usable = {
        norm: [rate for rate, val in zip(arm["rates"], arm["val"], strict=True) if val >= 0.9 * best]
        for norm, arm in arms.items()
    }
    return {
        "experiment": "adding",
        "versions": versions(),
        "seeds": seeds,
        "depth": depth,
        "rates": list(rates),
        "arms": arms,
        "usable": usable,
        "difference": paired(arms["add_sd"]["test"], arms["batch"]["test"]),
        "scales": {str(factor): _output_scale(factor) for factor in (0.01, 1.0, 100.0)},
    }


def _output_scale(factor):
    """Mean and sd of what both formulas make of the same numbers, made wider by the factor."""
    x = factor * torch.from_numpy(np.random.default_rng(0).normal(1, 0.5, (500, 1)))
    layers = {"batch": nn.BatchNorm1d(1).double(), "add_sd": nets.AddSD(1).double()}
    made = {norm: layer(x).detach() for norm, layer in layers.items()}
    return {norm: [y.mean().item(), y.std(correction=0).item()] for norm, y in made.items()}


def folklore(data, device="cpu", progress=False, seeds=8, keep=None, gains=GAINS, rates=RATES):
    """Sayings about BatchNorm that take a small experiment each.

    data   data.Data
    seeds  runs per arm and rate, 2 or more
    gains  of the initialization, for the saying that it does not matter
    Returns a dict: experiment, versions, seeds, and
        place     CNN: what `tuned` returns for 'before' and 'after' the ReLU, and their difference (after - before)
        batches   per net ('mlp', 'cnn') and batch size, '2': 'none' and 'batch' as `tuned` returns them, difference
        starts    MLP, arms (per norm and gain: what `tuned` returns), own_rate (BatchNorm at each other gain minus
                  BatchNorm at He's, each at its own best rate)
        bias      per place of the norm: largest gradient of a bias over that of the weights; the difference in test
                  accuracy with and without the biases
        kinds     MLP and CNN: BatchNorm minus none
        same      largest difference between BatchNorm2d and BatchNorm1d on the rows of the same images
    Raises ValueError if seeds is below 2.
    """
    check_seeds(seeds)
    how = {"device": device, "progress": progress, "keep": keep}
    place = tuned(data, {"before": base(data, 1000), "after": base(data, 1000, after=True)}, seeds, rates[1:], **how)
    kinds = {}
    for net in ("mlp", "cnn"):
        both = {norm: base(data, 300, net=net, norm=norm) for norm in ("none", "batch")}
        arms = tuned(data, both, seeds, MLP_RATES if net == "mlp" else rates, **how)
        kinds[net] = {**arms, "difference": paired(arms["batch"]["test"], arms["none"]["test"])}
    return {
        "experiment": "folklore",
        "versions": versions(),
        "seeds": seeds,
        "place": {**place, "difference": paired(place["after"]["test"], place["before"]["test"])},
        "batches": {net: {"2": _tiny(data, net, seeds, how)} for net in ("mlp", "cnn")},
        "starts": _starts(data, gains, seeds, how),
        "bias": {where: _bias(data, where, seeds, device) for where in ("before", "after")},
        "kinds": kinds,
        "same": _same_for_rows(),
    }


def _tiny(data, net, seeds, how):
    """Both arms trained in batches of 2, with smaller rates and more steps."""
    rates, size = (0.001, 0.003, 0.01, 0.03), {"batch_size": 2, "steps": 1500, "every": 1500}
    both = {norm: base(data, 1000, net=net, norm=norm, **size) for norm in ("none", "batch")}
    arms = tuned(data, both, seeds, rates, **how)
    return {**arms, "difference": paired(arms["batch"]["test"], arms["none"]["test"])}


def _starts(data, gains, seeds, how):
    rates = (0.001, 0.01, 0.03, 0.1, 0.3, 1.0)
    arms = {
        norm: {
            f"{gain:.3g}": tuned(
                data, {"one": base(data, 1000, net="mlp", depth=5, norm=norm, init=gain)}, seeds, rates, **how
            )["one"]
            for gain in gains
        }
        for norm in ("none", "batch")
    }
    he = arms["batch"][f"{2**0.5:.3g}"]
    own = {gain: paired(arm["test"], he["test"]) for gain, arm in arms["batch"].items() if arm is not he}
    return {"rates": list(rates), "arms": arms, "own_rate": own}


def _bias(data, where, seeds, device):
    """Trained with and without biases in front of the norm, which stands before or after the ReLU."""
    x, y, x_test, y_test = tensors(data, device)
    ratios, accuracies = [], {True: [], False: []}
    for seed in range(seeds):
        for biased in (True, False):
            net = build(Setting(after=where == "after", seed=seed), data)
            for name in ("conv1", "conv2", "conv3"):
                conv = net.get_submodule(name)
                conv.bias = nn.Parameter(torch.zeros(conv.out_channels, dtype=torch.float64)) if biased else None
            net.to(device)
            if biased:
                nn.functional.cross_entropy(net(x[:64]), y[:64]).backward()
                convs = [net.get_submodule(name) for name in ("conv1", "conv2", "conv3")]
                ratios.append(max((conv.bias.grad.norm() / conv.weight.grad.norm()).item() for conv in convs))
                net.zero_grad(set_to_none=True)
            train.fit(net, x, y, 0.2, min(64, len(x)), 120, seed)
            accuracies[biased].append(train.evaluate(net, x_test, y_test)[1])
    return {
        "gradient_ratio": ratios,
        "interval": list(interval(ratios)),
        "difference": paired(accuracies[True], accuracies[False]),
    }


def _same_for_rows():
    x = torch.from_numpy(np.random.default_rng(0).normal(3, 2, (32, 4, 5, 6)))
    images = nn.BatchNorm2d(4).double()(x)
    rows = nn.BatchNorm1d(4).double()(x.movedim(1, -1).reshape(-1, 4))
    return (images - rows.reshape(32, 5, 6, 4).movedim(-1, 1)).abs().max().item()
