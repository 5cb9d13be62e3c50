"""The exercises of notebook 16; its report card is in `card`."""

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.nn import functional as F

from bnbook.grading import desk
from bnbook.grading.compare import Probe, array_difference, kind_of
from bnbook.grading.exercise import Exercise

from . import functions, subjects
from .card import report_card as report_card
from .questions import QUESTIONS


def _difference(name, yours, expected, probe):
    """As for arrays; texts have to be equal."""
    if not isinstance(expected, str):
        return array_difference(name, yours, expected, probe)
    return None if yours == expected else f"{name}: yours {yours}, expected {expected}"


def _module(found, name):
    """What yours returned, if it is a net."""
    if not isinstance(found, nn.Module):
        raise TypeError(f"{name} returned {kind_of(found)}, expected an nn.Module")
    return found


# --- residual_block --------------------------------------------------------------------------------------------------


def _use_block(yours, channels, norm):
    """What the block gives with weights that differ everywhere, and what it is made of."""
    with torch.random.fork_rng(devices=[]):
        block = yours(channels, functions.NORMS[norm])
    if block is None:
        return None
    block, numbers = _module(block, "residual_block").double(), 0
    for i, parameter in enumerate(block.parameters()):
        values = torch.randn(parameter.shape, generator=torch.Generator().manual_seed(i), dtype=torch.float64)
        parameter.data, numbers = 0.3 + 0.5 * values, numbers + values.numel()
    x = torch.randn(3, channels, 4, 5, generator=torch.Generator().manual_seed(99), dtype=torch.float64)
    y = block(x).detach().numpy()
    layers = [type(module).__name__ for module in block.modules() if not list(module.children())]
    return y, f"{type(block).__name__} of {', '.join(layers)}", numbers


residual_block = Exercise(
    name="residual_block",
    room=__name__,
    finished=functions.residual_block,
    inputs=("channels", "norm"),
    outputs=("y", "layers", "numbers_trained"),
    probes=lambda: [
        Probe("4 channels, BatchNorm", (4, "batch")),
        Probe("8 channels, GroupNorm", (8, "group")),
        Probe("3 channels, RMSNorm", (3, "rms")),
        Probe("5 channels, nn.Identity", (5, "none")),
    ],
    example=lambda: (2, "batch"),
    difference=_difference,
    observe=_use_block,
    hints=(
        "nets.ResidualBlock is an nn.Sequential that adds its input to what its layers give: hand it the five layers.",
        "Two convolutions of 3 x 3 with padding=1, each followed by a norm of its own, norm(channels), and one ReLU "
        "between. bias = norm is nn.Identity.",
        "in code:\n    bias = norm is nn.Identity\n"
        "    conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=bias)\n"
        "    conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=bias)\n"
        "    return nets.ResidualBlock(conv1, norm(channels), nn.ReLU(), conv2, norm(channels))",
    ),
)

# --- choose ----------------------------------------------------------------------------------------------------------


def _runs(means, noise, shared=0.0, arms_noise=None):
    """A table: accuracy of each arm around its mean, a number per seed shared by all arms; rows in no order.

    With it go rows that must not decide: an earlier step, and test images on which the order is the reverse.
    """
    random, seeds = np.random.default_rng(16), 8
    common, rows = shared * random.normal(size=seeds), []
    for arm, mean in means.items():
        own = random.normal(size=seeds)
        own = (own - own.mean()) / own.std() * noise
        for seed in random.permutation(seeds):
            value = mean + common[seed] + own[seed]
            seen = {(50, "val_accuracy"): 1 - value / 2, (100, "val_accuracy"): value}
            seen[100, "test_accuracy"] = 2.4 - 2 * value
            rows += [
                {"arm": arm, "seed": int(seed), "step": step, "measure": measure, "value": number}
                for (step, measure), number in seen.items()
            ]
    return pd.DataFrame(rows)


def _use_choice(yours, table, prefer, *margin):
    """norm, and of the comparisons what a sentence needs."""
    found = yours(table.copy(), prefer, *margin)
    if found is None or not isinstance(found, tuple) or len(found) != 2:
        return found
    norm, rows = found
    if not isinstance(rows, pd.DataFrame):
        raise TypeError(f"choose returned {kind_of(rows)} beside the norm, expected what results.holm returns")
    numbers = [rows[name].to_numpy(dtype=float) for name in ("mean", "low", "high", "p")]
    return norm, ", ".join(rows["against"]), *numbers, ", ".join(rows["verdict"])


_CLEAR = {"none": 0.80, "layer": 0.90, "batch": 0.95}
_CLOSE = {"batch": 0.950, "layer": 0.945}


def _choice_probes():
    four = {"group": 0.937, "batch": 0.950, "layer": 0.943, "none": 0.936}
    three = {"layer": 0.88, "batch": 0.9, "none": 0.89}
    hair = {"batch": 0.9500, "layer": 0.9495}
    return [
        Probe("a clear order, the best one last in your list", (_runs(_CLEAR, 0.01), ("none", "layer", "batch"), 1.0)),
        Probe("half a point behind, margin not given", (_runs(_CLOSE, 0.001), ("layer", "batch"))),
        Probe("half a point behind, margin 0.2", (_runs(_CLOSE, 0.001), ("layer", "batch"), 0.2)),
        Probe("a twentieth of a point behind, margin 10", (_runs(hair, 0.0001), ("layer", "batch"), 10.0)),
        Probe("a point behind, much noise", (_runs({"group": 0.94, "batch": 0.95}, 0.03), ("group", "batch"), 0.5)),
        Probe("four norms, one of the differences stands out", (_runs(four, 0.0095), tuple(four), 0.2)),
        Probe("seeds that differ more than norms", (_runs(three, 0.004, 0.06), ("layer", "none", "batch"), 0.2)),
    ]


choose = Exercise(
    name="choose",
    room=__name__,
    finished=functions.choose,
    inputs=("table", "prefer", "margin"),
    outputs=("norm", "against", "mean", "low", "high", "p", "verdicts"),
    probes=_choice_probes,
    example=lambda: (_runs(_CLOSE, 0.001), ("layer", "batch"), 0.2),
    difference=_difference,
    observe=_use_choice,
    hints=(
        "Go through prefer. For each arm compare it with every other one, and stop at the first arm that is 'less' "
        "than none of them.",
        'results.compare(table, arm, rival, "val_accuracy", margin=margin) is one comparison, a dict; results.holm of '
        "a list of them is a DataFrame whose column verdict holds for all together.",
        "in code:\n    for arm in prefer:\n        rivals = [other for other in prefer if other != arm]\n"
        '        rows = [results.compare(table, arm, r, "val_accuracy", margin=margin) for r in rivals]\n'
        "        rows = results.holm(rows)\n"
        '        if "less" not in set(rows["verdict"]):\n            return arm, rows',
    ),
)

# --- recalibrate -----------------------------------------------------------------------------------------------------


def _vector(tensors):
    return torch.cat([torch.zeros(0, dtype=torch.float64), *(t.detach().flatten() for t in tensors)]).numpy()


def _use_recalibration(yours, kind, training, sizes):
    """The statistics afterwards, and whether anything else has changed."""
    net = subjects.net(kind).train(training)
    before = {name: value.clone() for name, value in net.named_parameters()}
    found = yours(net, [(x, None) for x in subjects.images(kind, sizes)])
    if found is None:
        return None
    found = _module(found, "recalibrate")
    norms = list(subjects.batch_norms(found))
    modes = {module.training for module in found.modules()}
    moved = [name for name, value in found.named_parameters() if not torch.equal(value, before[name])]
    return (
        _vector([norm.running_mean for norm in norms]),
        _vector([norm.running_var for norm in norms]),
        np.array([int(norm.num_batches_tracked) for norm in norms]),
        " and ".join(sorted("training" if mode else "evaluation" for mode in modes)),
        ", ".join(str(norm.momentum) for norm in norms) or "none",
        len(moved),
    )


recalibrate = Exercise(
    name="recalibrate",
    room=__name__,
    finished=functions.recalibrate,
    inputs=("net", "training", "sizes of the batches"),
    outputs=("running_mean", "running_var", "batches_counted", "mode", "momentum", "parameters_changed"),
    probes=lambda: [
        Probe("a CNN with two BatchNorms, in evaluation mode, 6 batches of 8", ("cnn", False, [8] * 6)),
        Probe("the same in training mode, batches of 8, 5 and 3", ("cnn", True, [8, 5, 3])),
        Probe("an MLP whose momentum is 0.3", ("mlp", False, [12, 12])),
        Probe("a net with GroupNorm", ("group", False, [8, 8])),
    ],
    example=lambda: ("small", False, [4, 4]),
    difference=_difference,
    observe=_use_recalibration,
    hints=(
        "Forget the old statistics (reset_running_stats), show the net all batches in training mode, and put back what "
        "you changed on the way: the mode, the momentum.",
        "momentum = None makes a BatchNorm take the plain average over all batches since the reset. No gradient is "
        "needed, and no label.",
        "PyTorch's update_bn does all of that, in code:\n"
        "    torch.optim.swa_utils.update_bn([x for x, _ in batches], net)\n    return net",
    ),
)

# --- freeze ----------------------------------------------------------------------------------------------------------


def _use_frozen(yours, kind):
    """Two training steps after net.train(): what has moved, who is in training mode, and what the batch did to y."""
    net = yours(subjects.net(kind))
    if net is None:
        return None
    net = _module(net, "freeze").train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    awake = [type(module).__name__ for module in net.modules() if module.training and not list(module.children())]
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, weight_decay=0.01)
    for x in subjects.images(kind, [6, 6]):
        optimizer.zero_grad()
        with torch.random.fork_rng(devices=[]):  # for the dropout
            F.cross_entropy(net(x), torch.arange(len(x)) % 3).backward()
        optimizer.step()
    parameters, moved = dict(net.named_parameters()), []
    for name, value in net.state_dict().items():
        moved += [] if torch.equal(value, before[name]) else [name]
    trained, statistics = ([n for n in moved if (n in parameters) == kept] for kept in (True, False))
    return (
        ", ".join(trained) or "nothing",
        ", ".join(statistics) or "none",
        ", ".join(awake) or "none",
        _by_the_batch(net, subjects.images(kind, [6])[0]),
    )


@torch.no_grad()
def _by_the_batch(net, x):
    """How far y in training mode is from y in evaluation mode, dropout apart."""
    for module in net.train().modules():
        if isinstance(module, nn.Dropout):
            module.training = False
    y = net(x)
    return float((y - net.eval()(x)).abs().max())


freeze = Exercise(
    name="freeze",
    room=__name__,
    finished=functions.freeze,
    inputs=("net",),
    outputs=("trained", "statistics_moved", "in_training_mode", "off_by_the_batch"),
    probes=lambda: [
        Probe("an MLP with two BatchNorms and dropout", ("dropout",)),
        Probe("a CNN with two BatchNorms", ("cnn",)),
        Probe("a net with GroupNorm", ("group",)),
    ],
    example=lambda: ("small",),
    difference=_difference,
    observe=_use_frozen,
    hints=(
        "Two things move during fine-tuning: what the optimizer may change, and what a BatchNorm in training mode "
        "changes by itself. requires_grad stops the first only.",
        "The last linear layer is [layer for layer in net.modules() if isinstance(layer, nn.Linear)][-1]. "
        "nets.freeze_batch_norms(net) keeps every BatchNorm in evaluation mode, even after net.train().",
        "in code:\n    last = [layer for layer in net.modules() if isinstance(layer, nn.Linear)][-1]\n"
        "    net.requires_grad_(False)\n    last.requires_grad_(True)\n    return nets.freeze_batch_norms(net)",
    ),
)

# --- fold_net --------------------------------------------------------------------------------------------------------


@torch.no_grad()
def _use_folded(yours, kind):
    """The outputs of what yours returns, the norms that are left in it, and what became of the net it was given."""
    net = subjects.net(kind)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    modes, layers = [m.training for m in net.modules()], [type(m).__name__ for m in net.modules()]
    found = yours(net)
    if found is None:
        return None
    y = _module(found, "fold_net")(subjects.images(kind, [5])[0])
    left = [type(m).__name__ for m in found.modules() if "Norm" in type(m).__name__]
    same = modes == [m.training for m in net.modules()] and layers == [type(m).__name__ for m in net.modules()]
    same = same and all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    return y.numpy(), ", ".join(left) or "none", "as it was" if same else "changed"


fold_net = Exercise(
    name="fold_net",
    room=__name__,
    finished=functions.fold_net,
    inputs=("net",),
    outputs=("y", "norms_left", "the_net_given"),
    probes=lambda: [
        Probe("a residual CNN in training mode", ("residual",)),
        Probe("an MLP with biases, whose eps are 0.1 and 0.5", ("mlp",)),
        Probe("a BatchNorm at the input and one behind a ReLU", ("scattered",)),
        Probe("one ReLU at two places, a BatchNorm behind the second", ("one relu",)),
        Probe("BatchNorm without scale and shift", ("plain",)),
        Probe("a net with GroupNorm", ("group",)),
    ],
    example=lambda: ("small",),
    difference=_difference,
    observe=_use_folded,
    hints=(
        "Make a copy (copy.deepcopy) and go through every nn.Sequential in it, blocks inside the net included: a pair "
        "of neighbours, a convolution or linear layer and then a BatchNorm, becomes one layer.",
        "fold (of bnbook.norm_torch) gives the new weight and bias of such a pair. pairwise(part) are the "
        "neighbours in an nn.Sequential, and part[i] = nn.Identity() puts nn.Identity() in the place of a BatchNorm.",
        "in code:\n    net = copy.deepcopy(net).eval()\n"
        "    for part in [m for m in net.modules() if isinstance(m, nn.Sequential)]:\n"
        "        for i, (layer, norm) in enumerate(pairwise(part), start=1):\n"
        "            before = isinstance(layer, (nn.Conv2d, nn.Linear))\n"
        "            if before and isinstance(norm, (nn.BatchNorm1d, nn.BatchNorm2d)):\n"
        "                numbers = norm.weight, norm.bias, norm.running_mean, norm.running_var, norm.eps\n"
        "                weight, bias = fold(layer.weight, layer.bias, *numbers)\n"
        "                layer.weight, layer.bias = nn.Parameter(weight.detach()), nn.Parameter(bias.detach())\n"
        "                part[i] = nn.Identity()\n"
        "    return net",
    ),
)

# --- gap -------------------------------------------------------------------------------------------------------------


def _use_gap(yours, kind, training, program, N):
    """What yours says of a program that is off in a known way, and the mode in which it leaves the net."""
    net = subjects.net(kind).train(training)
    found = yours(net, subjects.program(kind, program), subjects.images(kind, [N])[0])
    if found is None:
        return None
    value = np.float64(found.detach() if isinstance(found, torch.Tensor) else found)
    return value, "training" if net.training else "evaluation"


gap = Exercise(
    name="gap",
    room=__name__,
    finished=functions.gap,
    inputs=("net", "in training mode", "run", "images"),
    outputs=("gap", "mode"),
    probes=lambda: [
        Probe("a program whose outputs are half as large again, net in evaluation mode", ("cnn", False, "half", 7)),
        Probe("the same, net in training mode", ("cnn", True, "half", 7)),
        Probe("a program that is wrong for the last image only", ("mlp", False, "last", 5)),
        Probe("a program that is too small by 0.01 everywhere", ("mlp", True, "lower", 6)),
    ],
    example=lambda: ("small", True, "half", 4),
    difference=_difference,
    observe=_use_gap,
    hints=(
        "Two arrays of logits: net(x) in evaluation mode, and run(x). Their largest difference, divided by the largest "
        "entry of net(x); both without their signs.",
        "`with torch.no_grad(), train.evaluating(net):` sets evaluation mode and gives each part of the net its mode "
        "back afterwards.",
        "in code:\n    with torch.no_grad(), train.evaluating(net):\n        expected = net(x)\n"
        "        return float((run(x) - expected).abs().max() / expected.abs().max())",
    ),
)

EXERCISES = (residual_block, choose, recalibrate, freeze, fold_net, gap)
hint, solution, answer = desk(EXERCISES, QUESTIONS)
