"""What a normalization does not notice: algebra, by example."""

import numpy as np
import torch
from torch.nn import functional as F

# What is done to the input of the norm, given other numbers of its shape, and which part of the output is looked at.
AT_THE_NORM = {
    "everything x 3": (lambda x, other: 3 * x, np.s_[:]),
    "everything + 5": (lambda x, other: x + 5, np.s_[:]),
    "one image x 3": (lambda x, other: np.concatenate([3 * x[:1], x[1:]]), np.s_[:]),
    "one image + 5": (lambda x, other: np.concatenate([x[:1] + 5, x[1:]]), np.s_[:]),
    "one channel x 3": (lambda x, other: np.concatenate([3 * x[:, :1], x[:, 1:]], 1), np.s_[:]),
    "one channel + 5": (lambda x, other: np.concatenate([x[:, :1] + 5, x[:, 1:]], 1), np.s_[:]),
    "other images": (lambda x, other: np.concatenate([x[:1], other[1:]]), np.s_[:1]),
    "other channels": (lambda x, other: np.concatenate([x[:, :1], other[:, 1:]], 1), np.s_[:, :1]),
}
# What is done to the pictures in front of the convolution in front of the norm.
AT_THE_PICTURES = {
    "pictures x 3": lambda pictures: 3 * pictures,
    "pictures + 5": lambda pictures: pictures + 5,
    "one picture x 3": lambda pictures: np.concatenate([3 * pictures[:1], pictures[1:]]),
    "one picture + 5": lambda pictures: np.concatenate([pictures[:1] + 5, pictures[1:]]),
}


def invariances(norms=None):
    """Which changes of its input, and of the pictures in front of the layer before it, does a normalization not notice?

    The layer is a convolution without padding and bias, which gives its 6 channels from pictures of 3.

    norms  {name: function of x (4, 6, 5, 5), without scale and shift}; by default PyTorch's, 3 groups, and
           BatchNorm in both modes
    Returns a dict: experiment, changes (names), norms {name: True or False for each change: the output is the same
    to 1e-4}. 'one' image or channel is the first; for 'other images' and 'other channels' all but the first are
    exchanged, and the output of the first is compared.
    Source: the pictures' lines are the columns on the data in table 1 of Ba et al. 2016.
    """
    random = np.random.default_rng(0)
    pictures, others = random.normal(1, 2, (2, 4, 3, 7, 7))
    filters = torch.as_tensor(random.normal(0.2, 0.3, (6, 3, 3, 3)))

    def layer(of):
        return F.conv2d(torch.as_tensor(of), filters).numpy()

    x, other = layer(pictures), layer(others)
    inputs = {name: (change(x, other), part) for name, (change, part) in AT_THE_NORM.items()}
    inputs |= {name: (layer(change(pictures)), np.s_[:]) for name, change in AT_THE_PICTURES.items()}
    found = {}
    for name, norm in (norms or _torchs()).items():
        y = norm(x)
        found[name] = [bool(np.abs(norm(z)[part] - y[part]).max() < 1e-4) for z, part in inputs.values()]
    return {"experiment": "invariances", "changes": list(inputs), "norms": found}


def _torchs():
    """PyTorch's normalizations as functions of arrays."""
    stored = torch.full((6,), 0.5, dtype=torch.float64), torch.full((6,), 3.0, dtype=torch.float64)
    functions = {
        "batch (training)": lambda x: F.batch_norm(x, None, None, training=True),
        "batch (evaluation)": lambda x: F.batch_norm(x, *stored),
        "layer": lambda x: F.layer_norm(x, x.shape[1:]),
        "group": lambda x: F.group_norm(x, 3),
        "instance": F.instance_norm,
        "rms": lambda x: F.rms_norm(x, x.shape[1:], eps=1e-5),
    }
    return {name: lambda x, f=f: f(torch.as_tensor(x)).numpy() for name, f in functions.items()}
