"""Nets that wire norms in other ways: sequences, shared layers, checkpoints, home-made layers, functional calls."""

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint


class Apply(nn.Module):
    """A function as a layer."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def rows(x):
    """An image (N, 1, 8, 8), or its 64 pixels, as a sequence of 8 rows (N, 8, 8): position, feature."""
    return x.reshape(-1, 8, 8)


class Sequences(nn.Module):
    """Linear over the features of each row, BatchNorm1d behind it on the wrong axis, or turned, on the right one."""

    def __init__(self, turned=False, width=8, relu=False):
        super().__init__()
        self.linear, self.norm = nn.Linear(8, width, bias=False), nn.BatchNorm1d(width if turned else 8)
        self.turned, self.relu, self.head = turned, relu, nn.Linear(8 * width, 10)

    def forward(self, x):
        h = self.linear(rows(x))
        h = F.leaky_relu(h) if self.relu else h
        h = self.norm(h.transpose(1, 2)).transpose(1, 2) if self.turned else self.norm(h)
        return self.head(F.relu(h).flatten(1))


class Twice(nn.Module):
    """One norm at two places, or one for each."""

    def __init__(self, images=False, shared=True, width=16):
        super().__init__()
        self.images = images
        layer = (
            (lambda i, o: nn.Conv2d(i, o, 3, padding=1, bias=False))
            if images
            else (lambda i, o: nn.Linear(i, o, bias=False))
        )
        norm = nn.BatchNorm2d if images else nn.BatchNorm1d
        self.first, self.second = layer(1 if images else 64, width), layer(width, width)
        self.norm = norm(width)
        self.other = self.norm if shared else norm(width)
        self.head = nn.Linear(width * (16 if images else 1), 10)

    def forward(self, x):
        h = F.relu(self.norm(self.first(x)))
        h = F.relu(self.other(3 * self.second(h) + 2))
        return self.head((F.max_pool2d(h, 2) if self.images else h).flatten(1))


class Checkpointed(nn.Module):
    """The inner part of a net is run again in the backward pass."""

    def __init__(self, inner, head, reentrant=False, on=True):
        super().__init__()
        self.inner, self.head, self.reentrant, self.on = inner, head, reentrant, on

    def forward(self, x):
        if not (self.on and self.training):
            return self.head(self.inner(x))
        x = x.clone().requires_grad_() if self.reentrant else x
        return self.head(checkpoint(self.inner, x, use_reentrant=self.reentrant))


class Padded(nn.Module):
    """Sequences of unlike lengths, zeros behind their ends; the norm sees the padding, or only what is none."""

    def __init__(self, masked=False, width=12, conv=True):
        super().__init__()
        self.lift = nn.Conv1d(8, width, 1, bias=False) if conv else nn.Linear(8, width, bias=False)
        self.conv, self.norm, self.masked, self.head = conv, nn.BatchNorm1d(width), masked, nn.Linear(width, 10)

    def forward(self, x):
        x = rows(x).transpose(1, 2)  # (N, features, positions)
        h = self.lift(x) if self.conv else self.lift(x.transpose(1, 2)).transpose(1, 2)
        if self.masked:
            mask = (x != 0).any(1)
            y = torch.zeros_like(h).transpose(1, 2)
            y[mask] = self.norm(h.transpose(1, 2)[mask])
            h = y.transpose(1, 2)
        else:
            h = self.norm(h)
        return self.head(F.relu(h).sum(2))


class Functional(nn.Module):
    """BatchNorm by F.batch_norm, on buffers of its own."""

    def __init__(self, kind, training=None, width=16):
        super().__init__()
        self.always = training
        self.source = (
            nn.Conv2d(1, width, 3, padding=1, bias=False) if kind == "cnn" else nn.Linear(64, width, bias=False)
        )
        self.gamma, self.beta = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))
        self.register_buffer("running_mean", torch.zeros(width))
        self.register_buffer("running_var", torch.ones(width))
        self.head = nn.Linear(width * (64 if kind == "cnn" else 1), 10)

    def forward(self, x):
        training = self.training if self.always is None else self.always
        h = F.batch_norm(self.source(x), self.running_mean, self.running_var, self.gamma, self.beta, training)
        return self.head(F.relu(h).flatten(1))


class HomeMade(nn.Module):
    """A BatchNorm written by hand, with one fault (or none).

    fault  None, "detached", "graph", "plain", "unbiased", "eps", "one-pass", "axes", "no-root", "biased", "reversed"
    """

    def __init__(self, width, fault=None, eps=1e-5):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))
        self.eps, self.fault, self.momentum = eps, fault, 0.9 if fault == "reversed" else 0.1
        if fault == "plain":
            self.running_mean, self.running_var = torch.zeros(width), torch.ones(width)
        else:
            self.register_buffer("running_mean", torch.zeros(width))
            self.register_buffer("running_var", torch.ones(width))

    def forward(self, x):
        dims, view = [0, *range(2, x.ndim)], [1, -1, *[1] * (x.ndim - 2)]
        if not self.training:
            mean, var = self.running_mean.view(view), self.running_var.view(view)
            root = var + self.eps if self.fault == "no-root" else self.root(var)
            return (x - mean) / root * self.weight.view(view) + self.bias.view(view)
        axes = [*range(x.ndim)] if self.fault == "axes" else dims
        mean = x.mean(axes, keepdim=True)
        var = x.var(axes, keepdim=True, correction=int(self.fault == "unbiased"))
        if self.fault == "one-pass":
            var = (x * x).mean(axes, keepdim=True) - mean * mean
        if self.fault == "detached":
            mean, var = mean.detach(), var.detach()
        self.keep(mean, var, x.numel() / x.shape[1])
        return (x - mean) / self.root(var) * self.weight.view(view) + self.bias.view(view)

    def root(self, var):
        return var.sqrt() + self.eps if self.fault == "eps" else (var + self.eps).sqrt()

    def keep(self, mean, var, m):
        if self.fault != "graph":
            mean, var = mean.detach(), var.detach()
        if self.fault not in ("biased", "unbiased"):
            var = var * m / (m - 1)
        mean, var = (v.reshape(-1).expand(len(self.weight)) for v in (mean, var))
        old = self.running_mean, self.running_var
        if self.fault == "graph":  # as if each step had been cut off by hand
            old = tuple(v.detach() for v in old)
        self.running_mean = (1 - self.momentum) * old[0] + self.momentum * mean
        self.running_var = (1 - self.momentum) * old[1] + self.momentum * var


class Tokens(nn.Module):
    """A small transformer block on the rows of a digit, with BatchNorm1d where LayerNorm would stand."""

    def __init__(self, turned, width=8):
        super().__init__()
        self.embed, self.norm, self.turned = nn.Linear(8, width), nn.BatchNorm1d(8), turned
        self.attend = nn.MultiheadAttention(width, 2, batch_first=True)
        self.mix, self.head = nn.Sequential(nn.Linear(width, width), nn.GELU()), nn.Linear(8 * width, 10)

    def forward(self, x):
        h = self.embed(rows(x))
        h = h + self.attend(h, h, h, need_weights=False)[0]
        h = self.mix(h)
        h = self.norm(h.permute(0, 2, 1)).permute(0, 2, 1) if self.turned else self.norm(h)
        return self.head(h.flatten(1))
