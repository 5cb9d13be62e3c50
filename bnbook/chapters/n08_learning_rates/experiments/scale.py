"""The experiments of notebook 08 on what forgetting the length of the weights means."""

from dataclasses import replace

import numpy as np
import torch
from torch.func import functional_call
from torch.nn import functional as F

from bnbook import nets, train
from bnbook.lab.engine import Setting, build, hidden_weights, tensors
from bnbook.lab.results import versions

from ..functions import effective_rate, invariance_check

NET = Setting(net="mlp", width=64, depth=3, lr=0.1, every=10_000)


def with_eps(net, eps):
    """net, with this eps in every BatchNorm."""
    for layer in net.modules():
        if isinstance(layer, torch.nn.modules.batchnorm._BatchNorm):
            layer.eps = eps
    return net


def of_hidden_weights(net, x, y):
    """The loss of a net on one batch, in training mode, as a function of its hidden weights alone.

    net   one net, as `build` returns it; it stays as it is
    x, y  a batch
    Returns f, gradient, w: two functions of one long array w, and the weights the net has, all in float64.
    """
    net.train()
    shapes = {name: p.shape for name, p in net.named_parameters() if p.dim() >= 2 and name != "linear.weight"}
    w = torch.cat([net.get_parameter(name).detach().flatten() for name in shapes])

    def loss(w):
        parts = w.split([shape.numel() for shape in shapes.values()])
        weights = {name: part.view(shape) for (name, shape), part in zip(shapes.items(), parts, strict=True)}
        return F.cross_entropy(functional_call(net, {**weights, **buffers(net)}, (x,)), y)

    def gradient(w):
        w = torch.tensor(w, device=x.device, requires_grad=True)
        return torch.autograd.grad(loss(w), w)[0].cpu().numpy()

    return lambda w: loss(torch.tensor(w, device=x.device)).item(), gradient, w.cpu().numpy()


def buffers(net):
    """The buffers, copied: a forward pass in training mode writes into running statistics."""
    return {name: buffer.clone() for name, buffer in net.named_buffers()}


def scale_invariance(data, factors=(1e-3, 1e-2, 0.1, 10.0, 100.0, 1e4), eps=(1e-30, 1e-5), seeds=5, device="cpu"):
    """`invariance_check` for all hidden weights of untrained MLPs at once, with and without BatchNorm.

    data     data.Data; the loss is that of the first 256 training images
    factors  of the hidden weights
    eps      of BatchNorm, in the arms that have it
    Returns a dict: experiment, versions, seeds, factors, arms: norm and eps, and for each factor the largest of the
    seeds of |change|, mismatch and |cosine|.
    """
    x, y, _, _ = tensors(data, device)
    arms = []
    for norm, small in [("batch", value) for value in eps] + [("none", None)]:
        found = []
        for seed in range(seeds):
            net = build(replace(NET, norm=norm, seed=seed), data).to(device)
            f, gradient, w = of_hidden_weights(with_eps(net, small), x[:256], y[:256])
            found.append([np.abs(invariance_check(f, gradient, w, a)) for a in factors])
        change, mismatch, cosine = np.max(found, 0).T.tolist()
        arms.append({"norm": norm, "eps": small, "change": change, "mismatch": mismatch, "cosine": cosine})
    return {
        "experiment": "scale_invariance",
        "versions": versions(),
        "seeds": seeds,
        "factors": list(factors),
        "arms": arms,
    }


def equivalent_rates(data, factors=(0.1, 10.0, 100.0), lr=0.1, steps=200, seeds=5, device="cpu"):
    """Hidden weights a times as large: which learning rate gives them the same losses?

    data     data.Data
    factors  a, of the hidden weights at the start (He initialization is 1)
    lr       of everything, where the factor is 1; the other parameters keep it
    Returns a dict: experiment, versions, seeds, lr, steps, arms: factor, hidden_lr, loss (of each batch, seed 0) and
    apart (the largest relative difference of a loss from that at factor 1, over steps and seeds): for factor 1, for
    each factor a with hidden_lr = a^2 lr, and for the last factor with hidden_lr = lr.
    """
    arms = [(1.0, lr), *((a, a**2 * lr) for a in factors), (factors[-1], lr)]
    settings = [
        replace(NET, init=a * 2**0.5, lr=lr, hidden_lr=rate, steps=steps, seed=seed)
        for a, rate in arms
        for seed in range(seeds)
    ]
    losses = fit(settings, data, device)[0].T.reshape(len(arms), seeds, steps)
    apart = np.abs(losses / losses[0] - 1).max((1, 2))
    found = [
        {"factor": a, "hidden_lr": rate, "loss": loss[0].tolist(), "apart": float(far)}
        for (a, rate), loss, far in zip(arms, losses, apart, strict=True)
    ]
    return {
        "experiment": "equivalent_rates",
        "versions": versions(),
        "seeds": seeds,
        "lr": lr,
        "steps": steps,
        "arms": found,
    }


def fit(settings, data, device, watch=None, eps=1e-30, noise=0.0):
    """Losses (steps, P) and the trained stack: for settings of one shape, with any eps, and weight decay of the hidden
    weights alone."""
    x, y, _, _ = tensors(data, device)
    first = settings[0]
    net = nets.Stack([with_eps(build(setting, data), eps) for setting in settings]).to(x)
    seeds, hidden = [setting.seed for setting in settings], set(hidden_weights(net))
    batches = train.batches(net, x, y, first.batch_size, first.steps, seeds, label_noise=noise)
    descent = train.Descent(
        lr=lambda name: [s.hidden_lr if name in hidden and s.hidden_lr else s.lr for s in settings],
        weight_decay=lambda name: [s.weight_decay if name in hidden else 0.0 for s in settings],
    )
    return train.descend(net, batches, descent, watch), net


def norm_growth(data, rates=(0.1, 1.0, 10.0), steps=300, every=10, seeds=5, device="cpu"):
    """How long the hidden weights get while they are trained, and how slow their directions become.

    data   data.Data
    rates  of the hidden weights; everything else has 0.1
    every  steps between two measurements
    Returns a dict: experiment, versions, seeds, step, arms: norm ('batch' at each rate, 'none' at 0.1), lr, square
    (|w|^2 of all hidden weights as a multiple of the start, seeds x steps), effective (median over units of
    `effective_rate` as a multiple of the start, seeds x steps), off (how far the largest |w|^2 of any seed and step is
    from |w_0|^2 plus the sum of all lr^2 |g|^2, relative) and grows (whether no step of any seed makes |w| smaller).
    """
    arms = []
    for norm, lrs in (("batch", rates), ("none", (0.1,))):
        settings = [replace(NET, norm=norm, hidden_lr=lr, steps=steps, seed=s) for lr in lrs for s in range(seeds)]
        lengths = _Lengths()
        fit(settings, data, device, lengths)
        square, moved, effective = (values.reshape(len(lrs), seeds, -1) for values in lengths.by_member())
        for i, lr in enumerate(lrs):
            predicted = square[i][:, :1] + np.cumsum(moved[i], -1)
            arms.append(
                {
                    "norm": norm,
                    "lr": lr,
                    "square": (square[i] / square[i][:, :1])[:, ::every].tolist(),
                    "effective": (effective[i] / effective[i][:, :1])[:, ::every].tolist(),
                    "off": float(np.abs(square[i] / predicted - 1).max()),
                    "grows": bool((np.diff(square[i]) >= 0).all()),
                }
            )
    step = list(range(0, steps + 1, every))
    return {"experiment": "norm_growth", "versions": versions(), "seeds": seeds, "step": step, "arms": arms}


class _Lengths:
    """A watch function: |w|^2 of all hidden weights, |step|^2, and the median of `effective_rate` over their units."""

    def __init__(self):
        self.square, self.moved, self.effective, self.before = [], [], [], {}

    def __call__(self, net, step, x, y):
        weights = {name: net.get_parameter(name).detach() for name in hidden_weights(net)}
        moved = [_square(w - self.before.get(name, w)) for name, w in weights.items()]
        rates = [torch.stack([effective_rate(1.0, one) for one in w]) for w in weights.values()]
        self.square.append(sum(_square(w) for w in weights.values()))
        self.moved.append(sum(moved))
        self.effective.append(torch.cat(rates, 1).median(1).values)
        self.before = {name: w.clone() for name, w in weights.items()}

    def by_member(self):
        """square, moved, effective: arrays of (members, steps)."""
        return (torch.stack(values, 1).cpu().numpy() for values in (self.square, self.moved, self.effective))


def _square(w):
    """Sum of the squares of each member's weights: (P,)."""
    return w.flatten(1).square().sum(1)
