"""Three parts of a data set, and how they are cut: every class has its share of each."""

import hashlib
from numbers import Integral
from pathlib import Path
from typing import NamedTuple

import numpy as np


class Data(NamedTuple):
    """One data set in three parts: train on the first, choose settings on the second, report on the third.

    x_*   (N, C, H, W)   float64, between 0 and 1
    y_*   (N,)           int64, the class
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_val: np.ndarray
    y_val: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray

    @property
    def shape(self):
        """(C, H, W) of one image."""
        return self.x_train.shape[1:]

    @property
    def classes(self):
        """How many classes there are, numbered from 0."""
        return int(self.y_train.max()) + 1


def fingerprint(data):
    """What identifies the data of an experiment: its sizes, and a hash that no change of a pixel or a label survives.

    Returns a dict: train, val, test (images), shape, classes, sha256 (its first 12 digits).
    """
    digest = hashlib.sha256()
    for part in data:
        digest.update(f"{part.dtype.str}{part.shape}".encode())
        digest.update(np.ascontiguousarray(part))
    sizes = {name: len(part) for name, part in zip(("train", "val", "test"), data[::2], strict=True)}
    return {**sizes, "shape": list(data.shape), "classes": data.classes, "sha256": digest.hexdigest()[:12]}


def check_seed(seed):
    """Raise ValueError if seed is not a whole number from 0 to 2**32 - 1."""
    if isinstance(seed, bool) or not isinstance(seed, Integral) or not 0 <= seed < 2**32:
        raise ValueError(f"seed is {seed!r}; it must be a whole number from 0 to 2**32 - 1, such as 0")


def existing_folder(folder):
    """A Path; raise FileNotFoundError if it is not a folder."""
    path = Path(folder).expanduser()
    if not path.is_dir():
        raise FileNotFoundError(f"{path} is not a folder; give the one into which you have put the files")
    return path


def split(given, cut, limit, seed):
    """Data from the parts that are given; those that are not are cut from the training part.

    given  {'train': (x, y)}, also 'val' and 'test': x (N, C, H, W), bytes or numbers from 0 to 1; y (N,)
    cut    images of each part that is not given
    limit  images to keep in each part at most, or None
    seed   which images are cut and kept
    Raises ValueError for a bad seed, or a limit below the number of classes.
    """
    check_seed(seed)
    x, y = given["train"]
    classes = len(np.unique(y))
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, Integral) or limit < classes):
        raise ValueError(f"limit is {limit!r}; with {classes} classes it must be {classes} or more, such as 1000")
    order, found = dealt(y, seed), {}
    for name in ("test", "val"):
        if name not in given:
            found[name], order = (x[order[:cut]], y[order[:cut]]), order[cut:]
    found = {"train": (x[order], y[order]), **found, **{name: given[name] for name in given if name != "train"}}
    return Data(*(array for name in ("train", "val", "test") for array in _kept(*found[name], limit, seed)))


def dealt(y, seed):
    """Indices in a random order that deals the classes evenly: however many are taken from the front, each class has
    its share, and at least one image as soon as there are as many as classes."""
    order = np.random.default_rng(seed).permutation(len(y))
    place = np.empty(len(y))
    for label in np.unique(y):
        members = y[order] == label
        place[members] = np.arange(members.sum()) / members.sum()
    return order[np.argsort(place, kind="stable")]


def _kept(x, y, limit, seed):
    """x as float64 and y as int64, at most limit of them."""
    if limit is not None and limit < len(y):
        chosen = dealt(y, seed)[:limit]
        x, y = x[chosen], y[chosen]
    return x / 255 if x.dtype == np.uint8 else x.astype(np.float64), y.astype(np.int64)
