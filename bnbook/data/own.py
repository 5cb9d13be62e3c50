"""The user's own images: pictures in subfolders, or arrays."""

import zipfile
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from .parts import existing_folder, split

FEWEST = 10  # images of a class: a fifth of them to validate, a fifth to test and the rest to train is never none
MODES = {"1": "L", "L": "L", "P": "RGB", "RGB": "RGB"}  # of Pillow: black and white, grey, palette, colour
NAMES = ("x_train", "y_train", "x_val", "y_val", "x_test", "y_test")


def images(folder, limit=None, seed=0):
    """Your own images: one subfolder of pictures for each class, or arrays in an .npz file.

    folder  with subfolders of 8-bit PNG or JPEG files, all of one size, all grey or all in colour; classes are
            numbered in the order of the subfolders' names. Or an .npz file (or a folder with one and no subfolders)
            with x_train and y_train, and x_val, y_val, x_test, y_test where you have split already: x is (N, H, W),
            (N, C, H, W) or (N, H, W, C), C 1 or 3, whole numbers from 0 to 255 or fractions from 0 to 1; y is (N,),
            whole numbers from 0 on
    limit, seed   as in `mnist`
    Returns Data. A part that is not given is a fifth of the images there are to train with.
    Raises FileNotFoundError for a missing folder, ValueError for files that are not as above, a single class, fewer
    than 10 images of a class to train with, and what `mnist` refuses.
    """
    path = Path(folder).expanduser()
    given = _arrays(path) if path.is_file() else _found(existing_folder(path))
    return split(given, len(given["train"][1]) // 5, limit, seed)


def _found(folder):
    """The training part from the subfolders of folder, or the parts in its .npz file."""
    packed = _visible(folder, (".npz",))
    subfolders = sorted(path for path in folder.iterdir() if path.is_dir() and path.name[0] != ".")
    if len(packed) == 1 and not subfolders:
        return _arrays(packed[0])
    if packed or len(subfolders) < 2:
        raise ValueError(
            f"{folder} has {len(subfolders)} subfolder(s) and {len(packed)} .npz file(s); it must have two subfolders "
            "or more, one for the pictures of each class, or one .npz file and nothing else"
        )
    return _pictures(subfolders)


def _visible(folder, endings):
    """Files of folder, without those that systems hide in every folder."""
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in endings and path.name[0] != ".")


def _pictures(subfolders):
    """The training part from one subfolder for each class."""
    files = [_visible(subfolder, (".png", ".jpg", ".jpeg")) for subfolder in subfolders]
    for subfolder, inside in zip(subfolders, files, strict=True):
        _enough(f"subfolder {subfolder.name}", len(inside), "PNG or JPEG files")
    y = np.repeat(np.arange(len(files)), [len(inside) for inside in files])
    files = sum(files, [])
    x = [_picture(file) for file in files]
    other = next((i for i in range(len(x)) if x[i].shape != x[0].shape), None)
    if other is not None:
        first, second = (f"{files[i].parent.name}/{files[i].name} is {_kind(x[i])}" for i in (0, other))
        raise ValueError(f"{first} and {second}; make all pictures of one size, and all grey or all in colour")
    return {"train": (np.stack(x), y)}


def _picture(file):
    """(C, H, W), bytes."""
    try:
        with Image.open(file) as opened:
            image = ImageOps.exif_transpose(opened)  # a camera that was held upright says so beside the pixels
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"{file} cannot be read as a picture: {error}") from None
    if image.mode not in MODES or "transparency" in image.info:
        raise ValueError(f"{file} is of the kind {image.mode}; save it as 8-bit grey or RGB without transparency")
    pixels = np.asarray(image.convert(MODES[image.mode]))
    return pixels[None] if pixels.ndim == 2 else np.moveaxis(pixels, -1, 0)


def _kind(picture):
    C, H, W = picture.shape
    return f"{W} x {H} in {'grey' if C == 1 else 'colour'}"


def _enough(whose, count, what):
    if count < FEWEST:
        raise ValueError(f"{whose} has {count} {what}; a class needs {FEWEST} or more to be trained and tested on")


def _arrays(file):
    """{part: (x, y)} from an .npz file."""
    try:
        # np.load would leave a file open that turns out to be no zip.
        with open(file, "rb") as opened, np.load(opened, allow_pickle=False) as archive:
            names = archive.files
            arrays = {name: archive[name] for name in names if name in NAMES}
    except (OSError, ValueError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{file} cannot be read as an .npz file of numbers: {error}") from None
    parts = [part for part in ("train", "val", "test") if f"x_{part}" in names and f"y_{part}" in names]
    if "train" not in parts or len(names) != 2 * len(parts):
        raise ValueError(
            f"{file} holds {', '.join(names) or 'nothing'}; it must hold x_train and y_train, and may hold x_val and "
            "y_val, x_test and y_test, and nothing else"
        )
    given = {part: (_pixels(f"x_{part}", arrays[f"x_{part}"]), arrays[f"y_{part}"]) for part in parts}
    for part, (x, y) in given.items():
        _check_labels(part, x, y, *given["train"])
    return given


def _pixels(name, x):
    """x as (N, C, H, W), bytes or fractions."""
    shape = x.shape
    if x.ndim == 3:
        x = x[:, None]
    elif x.ndim == 4 and shape[1] not in (1, 3):
        x = np.moveaxis(x, -1, 1)
    if x.ndim != 4 or x.shape[1] not in (1, 3) or x.size == 0:
        raise ValueError(f"{name} has the shape {shape}; it must be (N, H, W), (N, C, H, W) or (N, H, W, C), C 1 or 3")
    if x.dtype.kind not in "biuf":
        raise ValueError(f"{name} is of the type {x.dtype}; it must hold whole numbers or fractions")
    if not np.isfinite(x).all():
        raise ValueError(f"{name} holds values that are nan or infinite; leave out or repair these images")
    highest = 255 if x.dtype.kind in "iu" else 1
    if x.min() < 0 or x.max() > highest:
        span = f"{x.min():g} to {x.max():g}"
        raise ValueError(f"{name} holds {x.dtype} from {span}; whole numbers must be 0 to 255, fractions 0 to 1")
    return x.astype(np.uint8) if highest == 255 else x


def _check_labels(part, x, y, x_train, y_train):
    """Raise ValueError if a part's labels do not belong to its images, or the part not to the training part."""
    if y.dtype.kind not in "iu" or y.shape != x.shape[:1]:
        raise ValueError(
            f"y_{part} is {y.dtype} of the shape {y.shape}; it must be {len(x)} whole numbers, a class for each image"
        )
    if x.shape[1:] != x_train.shape[1:]:
        raise ValueError(f"x_{part} has images {x.shape[1:]} and x_train {x_train.shape[1:]}; make them equal")
    classes, counts = np.unique(y_train, return_counts=True)
    if part == "train":
        if len(classes) < 2 or not np.array_equal(classes, np.arange(len(classes))):
            shown = ", ".join(map(str, classes[:5])) + (", ..." if len(classes) > 5 else "")
            raise ValueError(f"y_train holds the classes {shown}; they must be two or more: 0, 1, ... without a gap")
        _enough(f"class {counts.argmin()}", counts.min(), "images in x_train")
    elif not np.isin(y, classes).all():
        unknown = y[~np.isin(y, classes)][0]
        raise ValueError(f"y_{part} holds the class {unknown}; the classes of y_train are 0 to {len(classes) - 1}")
