"""The user's own arrays in an .npz file: looked at before they are loaded, and read a piece at a time."""

import math
import zipfile
from contextlib import contextmanager

import numpy as np

PARTS = ("train", "val", "test")
PIECE = 2**20  # bytes
WHITE = 128  # whole numbers that stay below are hardly grey levels from 0 to 255


def arrays(file):
    """{part: (x, y)} from an .npz file; x hands out images when it is asked for some."""
    with _one_sentence(file), zipfile.ZipFile(file) as archive:
        names = [name.removesuffix(".npy") for name in archive.namelist()]
    parts = [part for part in PARTS if f"x_{part}" in names and f"y_{part}" in names]
    if "train" not in parts or len(names) != 2 * len(parts):
        raise ValueError(
            f"{file} holds {', '.join(names) or 'nothing'}; it must hold x_train and y_train, and may hold x_val and "
            "y_val, x_test and y_test, and nothing else"
        )
    given = {part: Images(file, f"x_{part}") for part in parts}
    return {part: (x, _labels(file, f"y_{part}", len(x))) for part, x in given.items()}


@contextmanager
def _one_sentence(file):
    """Whatever zipfile and NumPy make of a damaged, encrypted or strangely packed file becomes a ValueError."""
    try:
        yield
    except Exception as error:  # besides those they document: MemoryError, RuntimeError, NotImplementedError, ...
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"{file} cannot be read as an .npz file of numbers: {reason}") from None


class _Stored:
    """An array in an .npz file: its shape and type are known, nothing more of it is in memory."""

    def __init__(self, file, name):
        self.file, self.name = file, name
        with _one_sentence(file), zipfile.ZipFile(file) as archive, archive.open(f"{name}.npy") as stream:
            size = archive.getinfo(f"{name}.npy").file_size
            first = np.lib.format.read_magic(stream) == (1, 0)
            read = np.lib.format.read_array_header_1_0 if first else np.lib.format.read_array_header_2_0
            self.stored, self.fortran, self.kind = read(stream)
            self.start = stream.tell()
        claimed = self.start + math.prod(self.stored) * self.kind.itemsize
        if self.kind.hasobject:
            raise ValueError(f"{file} cannot be read as an .npz file of numbers: {name} holds Python objects")
        if claimed != size:
            raise ValueError(
                f"{file} is damaged: {name} claims to be {self.kind} of the shape {self.stored}, {claimed:,} bytes, "
                f"and has {size:,}; save it again"
            )

    def pieces(self):
        """First row and rows of each piece of (N, values of an image), or of the transposed, as it is stored."""
        values = math.prod(self.stored[1:])
        rows, length = (values, self.stored[0]) if self.fortran else (self.stored[0], values)
        step = max(1, PIECE // (length * self.kind.itemsize))
        with zipfile.ZipFile(self.file) as archive, archive.open(f"{self.name}.npy") as stream:
            stream.read(self.start)
            for first in range(0, rows, step):
                count = min(step, rows - first)
                content = stream.read(count * length * self.kind.itemsize)
                if len(content) < count * length * self.kind.itemsize:
                    raise EOFError(f"{self.name} ends before its last value")
                yield first, np.frombuffer(content, self.kind).reshape(count, length)


class Images(_Stored):
    """Images in an .npz file, (N, C, H, W): bytes or fractions, whatever whole numbers or fractions are stored."""

    def __init__(self, file, name):
        super().__init__(file, name)
        shape = self.stored
        self.last = len(shape) == 4 and shape[1] not in (1, 3)  # channels
        N, *size = shape if shape else (0,)
        size = [1, *size] if len(shape) == 3 else [size[-1], *size[:-1]] if self.last else size
        self.shape = (N, *size)
        if len(self.shape) != 4 or size[0] not in (1, 3) or min(self.shape) < 1:
            raise ValueError(
                f"{name} has the shape {shape}; it must be (N, H, W), (N, C, H, W) or (N, H, W, C), C 1 or 3"
            )
        if self.kind.kind not in "biuf":
            raise ValueError(f"{name} is of the type {self.kind}; it must hold whole numbers or fractions")
        self.whole = self.kind.kind in "iu"
        self.dtype = np.dtype(np.uint8) if self.whole else self.kind

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, indices):
        """The images of these indices; every value of the file is looked at, those of other images are let go."""
        kept, highest = np.empty((len(indices), math.prod(self.shape[1:])), self.dtype), 0
        pieces = self.pieces()
        while True:
            with _one_sentence(self.file):
                first, piece = next(pieces, (None, None))
            if piece is None:
                break
            highest = max(highest, self._highest(piece))
            if self.fortran:
                kept[:, first : first + len(piece)] = piece[:, indices].T
            else:
                here = (first <= indices) & (indices < first + len(piece))
                kept[here] = piece[indices[here] - first]
        if self.whole and highest < WHITE:
            raise ValueError(
                f"{self.name} holds whole numbers up to {highest}, and whole numbers are read as grey levels from 0 "
                f"to 255; divide them by what stands for white and save fractions, such as x / {highest or 255}"
            )
        axes = self.stored[:0:-1] if self.fortran else self.stored[1:]
        kept = kept.reshape(len(indices), *axes)
        kept = kept.transpose(0, *range(len(axes), 0, -1)) if self.fortran else kept
        return np.moveaxis(kept, -1, 1) if self.last else kept.reshape(len(indices), *self.shape[1:])

    def _highest(self, piece):
        """The greatest value; ValueError if one is not a grey level or a fraction."""
        low, high = piece.min(), piece.max()
        if not (np.isfinite(low) and np.isfinite(high)):
            raise ValueError(f"{self.name} holds values that are nan or infinite; leave out or repair these images")
        if low < 0 or high > (255 if self.whole else 1):
            span = f"{low:g} to {high:g}"
            raise ValueError(
                f"{self.name} holds {self.kind} from {span}; whole numbers must be 0 to 255, fractions 0 to 1"
            )
        return high


def _labels(file, name, count):
    stored = _Stored(file, name)
    if stored.kind.kind not in "iu" or stored.stored != (count,):
        raise ValueError(
            f"{name} is {stored.kind} of the shape {stored.stored}; it must be {count} whole numbers, a class for each "
            "image"
        )
    with _one_sentence(file):
        return np.concatenate([piece.ravel() for _, piece in stored.pieces()])
