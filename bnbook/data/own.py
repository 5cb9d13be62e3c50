"""The user's own images: pictures in subfolders, or arrays."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from . import npz
from .parts import existing_folder, split

FEWEST = 10  # images of a class: a fifth of them to validate, a fifth to test and the rest to train is never none
MODES = {"1": "L", "L": "L", "P": "RGB", "RGB": "RGB"}  # of Pillow: black and white, grey, palette, colour
PARTS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}  # names of folders
PICTURES = (".png", ".jpg", ".jpeg")
EXPECTED = (
    "it must have two subfolders or more, one for the pictures of each class, or train, val and test with such "
    "subfolders in each, or one .npz file and nothing else"
)


def images(folder, limit=None, seed=0):
    """Your own images: one subfolder of pictures for each class, or arrays in an .npz file.

    folder  with subfolders of 8-bit PNG or JPEG files, all of one size, all grey or all in colour; classes are
            numbered in the order of the subfolders' names. Where you have split already: train with such subfolders,
            and val or test. Or an .npz file (or a folder with one and no subfolders) with x_train and y_train, and
            x_val, y_val, x_test, y_test where you have split: x is (N, H, W), (N, C, H, W) or (N, H, W, C), C 1 or 3;
            fractions from 0 to 1, or whole numbers from 0 to 255, which become x / 255 (refused where all are below
            128: divide by what stands for white yourself); y is (N,), whole numbers from 0 on
    limit, seed   as in `mnist`; pictures that a limit leaves out are not opened, and arrays are read a piece at a time,
            so that memory holds the images that are kept
    Returns Data. A part that is not given is a fifth of the images there are to train with.
    Raises FileNotFoundError for a missing folder, ValueError for files that are not as above or damaged (a JPEG file
    has no checksum: of those only broken ones are noticed), a single class, fewer than 10 images of a class to train
    with, images that do not fit into memory, and what `mnist` refuses.
    """
    path = Path(folder).expanduser()
    given = npz.arrays(path) if path.is_file() else _found(existing_folder(path))
    for part, (_, y) in given.items():
        _check_labels(part, y, given["train"][1])
        _check_size(part, given[part][0], given["train"][0])
    return split(given, len(given["train"][1]) // 5, limit, seed)


# --- which layout there is


def _found(folder):
    """The parts in the subfolders of folder, or in its .npz file."""
    packed, subfolders = _files(folder, (".npz",)), _subfolders(folder)
    if len(packed) == 1 and not subfolders:
        return npz.arrays(packed[0])
    if packed or not subfolders:
        raise ValueError(f"{_listed(folder)}; {EXPECTED}")
    named = {PARTS.get(subfolder.name.lower()): subfolder for subfolder in subfolders}
    if None in named or "train" not in named or len(named) < len(subfolders):
        named = {"train": folder}
    given, classes = {}, [subfolder.name for subfolder in _classes(named["train"])]
    for part in sorted(named, key="train val test".split().index):
        given[part] = _pictures(part, _subfolders(named[part]), classes)
    return given


def _classes(folder):
    """The subfolders of a folder, two or more, one for each class."""
    subfolders = _subfolders(folder)
    if len(subfolders) < 2:
        inner = len(subfolders) == 1 and len(_subfolders(subfolders[0])) > 1
        raise ValueError(f"{_listed(folder)}; {EXPECTED}" + (f"; is {subfolders[0]} the one?" if inner else ""))
    return subfolders


def _subfolders(folder):
    """Without those that systems leave beside the user's."""
    return sorted(
        path for path in folder.iterdir() if path.is_dir() and path.name[0] != "." and path.name != "__MACOSX"
    )


def _files(folder, endings):
    """Files of folder, without those that systems hide in every folder."""
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in endings and path.name[0] != ".")


def _listed(folder):
    """A sentence of what is in a folder."""
    subfolders = [path.name for path in _subfolders(folder)]
    names = f" ({', '.join(subfolders[:5])}{', ...' if len(subfolders) > 5 else ''})" if subfolders else ""
    pictures, packed = (len(_files(folder, endings)) for endings in (PICTURES, (".npz",)))
    return f"{folder} has {len(subfolders)} subfolder(s){names}, {pictures} picture(s) and {packed} .npz file(s)"


# --- pictures


def _pictures(part, subfolders, classes):
    """Pictures and labels of one part, from a subfolder for each class."""
    unknown = [subfolder.name for subfolder in subfolders if subfolder.name not in classes]
    if unknown:
        raise ValueError(f"{part} has the class {unknown[0]}; the classes of train are {', '.join(classes)}")
    files = [_files(subfolder, PICTURES) for subfolder in subfolders]
    for subfolder, inside in zip(subfolders, files, strict=True):
        if len(inside) < FEWEST and _subfolders(subfolder):
            raise ValueError(f"{_listed(subfolder)}; the pictures of a class must lie in its folder, not deeper")
        if part == "train":
            _enough(f"subfolder {subfolder.name}", len(inside), "PNG or JPEG files")
    if not any(files):
        raise ValueError(f"{part} has no PNG or JPEG files in subfolders; put some there, or take {part} away")
    labels = [classes.index(subfolder.name) for subfolder in subfolders]
    return Pictures(sum(files, [])), np.repeat(labels, [len(inside) for inside in files])


class Pictures:
    """Pictures as (N, C, H, W), bytes; only the first is opened before some are asked for."""

    dtype = np.dtype(np.uint8)

    def __init__(self, files):
        self.files = files
        self.shape = (len(files), *_picture(files[0]).shape)

    def __getitem__(self, indices):
        found = np.empty((len(indices), *self.shape[1:]), np.uint8)
        for place in np.argsort(indices):
            file = self.files[indices[place]]
            picture = _picture(file)
            if picture.shape != self.shape[1:]:
                _differ(self.files[0], self.shape[1:], file, picture.shape)
            found[place] = picture
        return found


def _picture(file):
    """(C, H, W), bytes."""
    try:
        with Image.open(file) as opened:
            opened.verify()  # the checksums of a PNG file, which reading its pixels does not look at
        with Image.open(file) as opened:
            image = ImageOps.exif_transpose(opened)  # a camera that was held upright says so beside the pixels
    except Exception as error:  # Pillow's readers of damaged files raise whatever they stumble over
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"{file} cannot be read as a picture: {reason}") from None
    if image.mode not in MODES or "transparency" in image.info:
        raise ValueError(f"{file} is of the kind {image.mode}; save it as 8-bit grey or RGB without transparency")
    pixels = np.asarray(image.convert(MODES[image.mode]))
    return pixels[None] if pixels.ndim == 2 else np.moveaxis(pixels, -1, 0)


# --- what must be true of all


def _enough(whose, count, what):
    if count < FEWEST:
        raise ValueError(f"{whose} has {count} {what}; a class needs {FEWEST} or more to be trained and tested on")


def _differ(first, its_shape, other, other_shape):
    one, two = (
        f"{'/'.join(file.parts[-2:])} is {W} x {H} in {'grey' if C == 1 else 'colour'}"
        for file, (C, H, W) in ((first, its_shape), (other, other_shape))
    )
    raise ValueError(f"{one} and {two}; make all pictures of one size, and all grey or all in colour")


def _check_size(part, x, x_train):
    """Raise ValueError if the images of a part are not like those of the training part."""
    if x.shape[1:] == x_train.shape[1:]:
        return
    if isinstance(x, Pictures):
        _differ(x_train.files[0], x_train.shape[1:], x.files[0], x.shape[1:])
    raise ValueError(f"x_{part} has images {x.shape[1:]} and x_train {x_train.shape[1:]}; make them equal")


def _check_labels(part, y, y_train):
    """Raise ValueError if there is a class too few, or one that the training part has not."""
    classes, counts = np.unique(y_train, return_counts=True)
    if part == "train":
        if len(classes) < 2 or not np.array_equal(classes, np.arange(len(classes))):
            shown = ", ".join(map(str, classes[:5])) + (", ..." if len(classes) > 5 else "")
            raise ValueError(f"y_train holds the classes {shown}; they must be two or more: 0, 1, ... without a gap")
        _enough(f"class {counts.argmin()}", counts.min(), "images in x_train")
    elif not np.isin(y, classes).all():
        unknown = y[~np.isin(y, classes)][0]
        raise ValueError(f"y_{part} holds the class {unknown}; the classes of y_train are 0 to {len(classes) - 1}")
