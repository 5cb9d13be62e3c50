"""Well-known sets, from the files as they were published, packed or not: verified by their contents, then read."""

import gzip
import hashlib
import io
import pickle
import tarfile
import zlib

import numpy as np

from .parts import existing_folder, split

# md5 of what is in the files. How a file is packed says nothing: gzip's level and the name and time that it stores
# give other bytes for the same content, and Debian's Fashion-MNIST has not one .gz in common with the published one.
# Of CIFAR-10 they are torchvision's (datasets/cifar.py); of the idx files, which it checks packed only, several
# projects publish them, and gunzip makes them of Debian's.
MNIST = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
FASHION_MNIST = {
    "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
    "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
    "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
    "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
}
CIFAR10 = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
}
ARCHIVE = "cifar-10-python.tar.gz"
# Bytes, unpacked: more than the largest file has are never read, whatever a damaged one unpacks to.
LARGEST, LARGEST_ARCHIVE = 50_000_000, 200_000_000
# What the pickles of CIFAR-10 name; NumPy 2 keeps the first under another name, so it is asked for it.
ADMITTED = {
    ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}


def mnist(folder, limit=None, seed=0):
    """MNIST, 28 x 28 handwritten digits: 50,000 to train, 10,000 to validate, 10,000 to test (the published part).

    folder  with train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte,
            packed (.gz) or not, with a dot before idx or a hyphen, there or up to two folders below (MNIST/raw)
    limit   at most so many images in each part, every class with its share; a lower limit keeps some of those that a
            higher one keeps, and None all of them (440 MB)
    seed    which of the 60,000 training images validate, and which images a limit keeps
    Returns Data, with x (N, 1, 28, 28) and y one of 0 to 9.
    Raises FileNotFoundError for a missing folder or file, ValueError for contents that are not the published ones, a
    limit below the number of classes, or a seed that `digits` refuses.
    Source: LeCun, Bottou, Bengio & Haffner 1998, "Gradient-based learning applied to document recognition".
    """
    return _idx(folder, MNIST, limit, seed)


def fashion_mnist(folder, limit=None, seed=0):
    """Fashion-MNIST, 28 x 28 pictures of clothes: files, arguments, sizes, result and errors are those of `mnist`.

    Source: Xiao, Rasul & Vollgraf 2017, arXiv 1708.07747.
    """
    return _idx(folder, FASHION_MNIST, limit, seed)


def cifar10(folder, limit=None, seed=0):
    """CIFAR-10, 32 x 32 photographs: 40,000 to train, 10,000 to validate, 10,000 to test (the published part).

    folder  with cifar-10-python.tar.gz, or with its files data_batch_1 to data_batch_5 and test_batch, there or up to
            two folders below (cifar-10-batches-py)
    limit, seed   as in `mnist`; all is 1.5 GB
    Returns Data, with x (N, 3, 32, 32), channels red, green and blue, and y one of 0 to 9.
    Raises what `mnist` raises.
    Source: Krizhevsky 2009, "Learning multiple layers of features from tiny images".
    """
    contents = _cifar_contents(existing_folder(folder))
    batches = [_unpickled(name, contents[name]) for name in CIFAR10]
    x = np.concatenate([batch[b"data"] for batch in batches]).reshape(-1, 3, 32, 32)
    y = np.concatenate([batch[b"labels"] for batch in batches])
    test = len(batches[-1][b"labels"])
    return split({"train": (x[:-test], y[:-test]), "test": (x[-test:], y[-test:])}, test, limit, seed)


# --- files and their contents


def _found(folder, *names):
    """The files that go by these names in folder or up to two folders below, the nearest first."""
    patterns = [depth + name for depth in ("", "*/", "*/*/") for name in names]
    return [file for pattern in patterns for file in sorted(folder.glob(pattern)) if file.is_file()]


def _instead(folder):
    """In brackets, what is in a folder: another version of the set, or one that is still to be unpacked."""
    names = sorted(path.name for path in folder.iterdir() if path.name[0] != ".")
    return f" (what is there: {', '.join(names[:6])}{', ...' if names[6:] else ''})" if names else " (it is empty)"


def _content(file, most):
    """What is in a file, unpacked if it is packed. Raises ValueError if it is damaged or has more than `most` bytes."""
    try:
        with open(file, "rb") as opened:
            packed = opened.read(2) == b"\x1f\x8b"
        with (gzip.open if packed else open)(file, "rb") as opened:
            content = opened.read(most + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{file} cannot be unpacked ({error}): it is damaged, fetch it again") from None
    except OSError as error:
        raise ValueError(f"{file} cannot be read ({error.strerror})") from None
    if len(content) > most:
        raise ValueError(f"{file} has more than the {most:,} bytes expected at most: another file, fetch it again")
    if content.lstrip()[:1] == b"<":
        raise ValueError(f"{file} is a web page that has its name: fetch it again, and look at what your browser says")
    return content


def _verified(file, content, checksum):
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if found != checksum:
        raise ValueError(
            f"what is in {file} has the md5 checksum {found}, expected {checksum}: damaged or another file, fetch it "
            "again"
        )
    return content


def _first(readers):
    """What the first of readers returns that can; if none can, a ValueError with the reasons of all."""
    reasons = []
    for read in readers:
        try:
            return read()
        except ValueError as error:
            reasons.append(str(error))
    raise ValueError("; ".join(reasons))


# --- MNIST and its like


def _idx(folder, checksums, limit, seed):
    """Data from four files in the format of MNIST; as many images validate as test."""
    folder, found = existing_folder(folder), {}
    for name in checksums:
        spelled = name.replace("-idx", "[-.]idx")
        found[name] = _found(folder, spelled, f"{spelled}.gz")
    missing = [f"{name}.gz" for name, files in found.items() if not files]
    if missing:
        put = f"put the file(s) there, packed or unpacked{_instead(folder)}"
        raise FileNotFoundError(f"{folder} lacks {', '.join(missing)}; {put}")
    x, y, x_test, y_test = (_idx_array(_genuine(found[name], checksums[name])) for name in checksums)
    return split({"train": (x[:, None], y), "test": (x_test[:, None], y_test)}, len(y_test), limit, seed)


def _genuine(files, checksum):
    """The content with that checksum; a file that goes by the name and has another does no harm."""
    return _first([lambda file=file: _verified(file, _content(file, LARGEST), checksum) for file in files])


def _idx_array(content):
    """An idx file: three bytes, the number of axes, their lengths in four bytes each, then the array, a byte each."""
    shape = np.frombuffer(content, ">i4", count=content[3], offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * len(shape)).reshape(shape)


# --- CIFAR-10


def _cifar_contents(folder):
    """The verified content of the six batches by name, from loose files or the first archive that holds them all."""
    loose = {name: _found(folder, name, f"{name}.gz") for name in CIFAR10}
    archives = _found(folder, ARCHIVE, "cifar-10-python.tgz", "cifar-10-python.tar")
    missing = [name for name, files in loose.items() if not files]
    if missing and not archives:
        put = f"put either there{_instead(folder)}"
        raise FileNotFoundError(f"{folder} lacks {ARCHIVE}, or its files {', '.join(missing)}; {put}")
    readers = [lambda file=file: _archived(file) for file in archives]
    if not missing:
        readers.insert(0, lambda: {name: _genuine(files, CIFAR10[name]) for name, files in loose.items()})
    return _first(readers)


def _archived(file):
    """The verified content of the six batches by name; the archive is unpacked in memory only."""
    content, found = _content(file, LARGEST_ARCHIVE), {}
    try:
        with tarfile.open(fileobj=io.BytesIO(content)) as tar:
            for member in tar:
                name = member.name.rpartition("/")[2]
                if name in CIFAR10 and member.isreg() and not member.issparse():
                    found[name] = tar.extractfile(member).read(LARGEST)
    except (tarfile.TarError, OSError, ValueError, EOFError) as error:
        raise ValueError(f"{file} cannot be read as an archive ({error}): it is damaged, fetch it again") from None
    missing = [name for name in CIFAR10 if name not in found]
    if missing:
        raise ValueError(f"{file} holds no {', '.join(missing)}: another file, fetch it again")
    return {name: _verified(f"{name} in {file}", found[name], CIFAR10[name]) for name in CIFAR10}


class _ArraysOnly(pickle.Unpickler):
    """A pickle calls whatever function it names; this reader knows only those that rebuild an array."""

    def find_class(self, module, name):
        if (module, name) not in ADMITTED:
            raise ValueError(f"it names {module}.{name}, which no file of CIFAR-10 does")
        return ADMITTED[module, name]


def _unpickled(name, content):
    try:
        return _ArraysOnly(io.BytesIO(content), encoding="bytes").load()
    except ValueError as error:
        raise ValueError(f"{name} is not safe to read: {error}") from None
