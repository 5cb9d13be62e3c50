"""The nets of the patients: small, on digits, some of them wired wrongly on purpose."""

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint


def mlp(norm=nn.BatchNorm1d, seed=0, width=64, outputs=10):
    """64-64-64-10 in float64 with a norm before each ReLU, and no bias where it would do nothing."""
    torch.manual_seed(seed)
    layers = [
        *(nn.Linear(64, width, bias=False), norm(width), nn.ReLU()),
        *(nn.Linear(width, width, bias=False), norm(width), nn.ReLU(), nn.Linear(width, outputs)),
    ]
    return nn.Sequential(*layers).double()


def mlp_norm_last(seed=0, width=64):
    """64-64-64-10 in float64 with BatchNorm behind each softplus: then every running mean is positive."""
    torch.manual_seed(seed)
    layers = [
        *(nn.Linear(64, width), nn.Softplus(), nn.BatchNorm1d(width)),
        *(nn.Linear(width, width), nn.Softplus(), nn.BatchNorm1d(width), nn.Linear(width, 10)),
    ]
    return nn.Sequential(*layers).double()


class Shared(nn.Module):
    """One BatchNorm called at two places of unlike inputs; `own=True` gives each place its own."""

    def __init__(self, own=False, width=64):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = nn.Linear(64, width, bias=False), nn.Linear(width, width)
        self.norm, self.head = nn.BatchNorm1d(width), nn.Linear(width, 10)
        self.norm2 = nn.BatchNorm1d(width) if own else self.norm
        with torch.no_grad():
            self.second.bias.add_(2)
            self.second.weight.mul_(3)
        self.double()

    def forward(self, x):
        """(N, 64) to (N, 10)."""
        h = F.relu(self.norm(self.first(x)))
        return self.head(F.relu(self.norm2(self.second(h))))


class Checkpointed(nn.Module):
    """The body forgets its activations and computes them again in the backward pass."""

    def __init__(self, momentum=0.1):
        super().__init__()
        *body, self.head = mlp(lambda width: nn.BatchNorm1d(width, momentum=momentum))
        self.body = nn.Sequential(*body)

    def forward(self, x):
        """(N, 64) to (N, 10)."""
        if not self.training:
            return self.head(self.body(x))
        return self.head(checkpoint(self.body, x, use_reentrant=False))
