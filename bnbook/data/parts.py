"""Three parts of a data set, and how they are cut: every class has its share of each."""

import hashlib
import math
import os
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

    given  {'train': (x, y)}, also 'val' and 'test': y (N,); x (N, C, H, W), bytes or numbers from 0 to 1, or anything
           with such a shape and dtype that hands out the images x[indices]: it is asked once, for those it is to keep
    cut    images of each part that is not given
    limit  images to keep in each part at most, or None
    seed   which images are cut and kept
    Raises ValueError for a bad seed, a limit below the number of classes, training images that are all one value, and
    more images than fit into memory.
    """
    check_seed(seed)
    classes = len(np.unique(given["train"][1]))
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, Integral) or limit < classes):
        raise ValueError(f"limit is {limit!r}; with {classes} classes it must be {classes} or more, such as 1000")
    places, found = _places({name: y for name, (_, y) in given.items()}, cut, limit, seed), {}
    for name, (x, y) in given.items():
        found |= _taken(x, y, {part: indices for part, (source, indices) in places.items() if source == name})
    data = Data(*(array for part in ("train", "val", "test") for array in found[part]))
    if data.x_train.min() == data.x_train.max():
        raise ValueError(f"every value of the training images is {data.x_train.min():g}: there is nothing to learn")
    return data


def _places(labels, cut, limit, seed):
    """{part: (the part that is given and holds it, indices in that)}"""
    order, places = dealt(labels["train"], seed), {}
    for name in ("test", "val"):
        if name in labels:
            places[name] = name, np.arange(len(labels[name]))
        else:
            (places[name], order) = ("train", order[:cut]), order[cut:]
    places["train"] = "train", order
    for part, (source, indices) in places.items():
        if limit is not None and limit < len(indices):
            places[part] = source, indices[dealt(labels[source][indices], seed)[:limit]]
    return places


def _taken(x, y, places):
    """{part: (images as float64, classes as int64)} for {part: indices}."""
    indices = np.concatenate(list(places.values()))
    ends = np.cumsum([len(chosen) for chosen in places.values()])[:-1]
    size, there = 8 * len(indices) * math.prod(x.shape[1:]), _memory()
    try:
        if size > there:  # a system that promises more than it has ends the process once that is used
            raise MemoryError
        images = np.empty((len(indices), *x.shape[1:]))
        np.divide(x[indices], 255 if x.dtype == np.uint8 else 1, out=images)
    except MemoryError:
        raise ValueError(
            f"{len(indices):,} images of {' x '.join(map(str, x.shape[1:]))} are {size / 1e9:,.1f} GB as float64, "
            "which this machine has no room for; keep fewer with limit (--limit N), or make them smaller"
        ) from None
    parts = zip(np.split(images, ends), np.split(y[indices].astype(np.int64), ends), strict=True)
    return dict(zip(places, parts, strict=True))


def _memory():
    """Bytes of this machine's memory; infinite where it does not say (Windows, which promises no more than it has)."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return math.inf


def dealt(y, seed):
    """Indices in a random order that deals the classes evenly: however many are taken from the front, each class has
    its share, and at least one image as soon as there are as many as classes."""
    order = np.random.default_rng(seed).permutation(len(y))
    place = np.empty(len(y))
    for label in np.unique(y):
        members = y[order] == label
        place[members] = np.arange(members.sum()) / members.sum()
    return order[np.argsort(place, kind="stable")]
