"""Well-known sets, from the files as they were published: verified by their checksums, then read."""

import gzip
import hashlib
import io
import pickle
import tarfile

import numpy as np

from .parts import existing_folder, split

# File: md5. Of *.gz and of CIFAR-10 they are torchvision's (its datasets/mnist.py and datasets/cifar.py). torchvision
# checks no unpacked idx file; several projects publish these checksums of what gunzip makes of the four.
MNIST = {
    "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
    "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
    "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
    "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
FASHION_MNIST = {
    "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
    "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
    "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
    "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
    "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
    "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
    "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
}
CIFAR10 = {
    "cifar-10-python.tar.gz": "c58f30108f718f92721af3b95e74349a",
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
}
# What the pickles of CIFAR-10 name; NumPy 2 keeps the first under another name, so it is asked for it.
ADMITTED = {
    ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}


def mnist(folder, limit=None, seed=0):
    """MNIST, 28 x 28 handwritten digits: 50,000 to train, 10,000 to validate, 10,000 to test (the published part).

    folder  with train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz and
            t10k-labels-idx1-ubyte.gz, or these unpacked
    limit   at most so many images in each part, every class with its share; a lower limit keeps some of those that a
            higher one keeps, and None all of them (440 MB)
    seed    which of the 60,000 training images validate, and which images a limit keeps
    Returns Data, with x (N, 1, 28, 28) and y one of 0 to 9.
    Raises FileNotFoundError for a missing folder or file, ValueError for a wrong checksum, a limit below the number
    of classes, or a seed that `digits` refuses.
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

    folder  with cifar-10-python.tar.gz, or with its files data_batch_1 to data_batch_5 and test_batch (also inside
            cifar-10-batches-py)
    limit, seed   as in `mnist`; all is 1.5 GB
    Returns Data, with x (N, 3, 32, 32), channels red, green and blue, and y one of 0 to 9.
    Raises what `mnist` raises.
    Source: Krizhevsky 2009, "Learning multiple layers of features from tiny images".
    """
    batches = [_unpickled(name, content) for name, content in _cifar_files(existing_folder(folder))]
    x = np.concatenate([batch[b"data"] for batch in batches]).reshape(-1, 3, 32, 32)
    y = np.concatenate([batch[b"labels"] for batch in batches])
    test = len(batches[-1][b"labels"])
    return split({"train": (x[:-test], y[:-test]), "test": (x[-test:], y[-test:])}, test, limit, seed)


def _verified(name, content, checksums):
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if found != checksums[name]:
        raise ValueError(
            f"{name} has the md5 checksum {found}, expected {checksums[name]}: it is damaged or another file, fetch it "
            "again"
        )
    return content


def _idx(folder, checksums, limit, seed):
    """Data from four files in the format of MNIST; as many images validate as test."""
    folder, names = existing_folder(folder), [name for name in checksums if name.endswith(".gz")]
    found = [[file for file in (name, name.removesuffix(".gz")) if (folder / file).is_file()] for name in names]
    missing = [name for name, files in zip(names, found, strict=True) if not files]
    if missing:
        raise FileNotFoundError(f"{folder} lacks {', '.join(missing)}; put the file(s) there, packed or unpacked")
    contents = [_verified(name, (folder / name).read_bytes(), checksums) for name, *_ in found]
    x, y, x_test, y_test = map(_idx_array, contents)
    return split({"train": (x[:, None], y), "test": (x_test[:, None], y_test)}, len(y_test), limit, seed)


def _idx_array(content):
    """An idx file: three bytes, the number of axes, their lengths in four bytes each, then the array, a byte each."""
    content = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    shape = np.frombuffer(content, ">i4", count=content[3], offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * len(shape)).reshape(shape)


def _cifar_files(folder):
    """Name and verified content of the six batches, the test batch last; the archive is unpacked in memory only."""
    archive, *names = CIFAR10
    inside = folder / "cifar-10-batches-py"
    inside = inside if inside.is_dir() else folder
    missing = [name for name in names if not (inside / name).is_file()]
    if not missing:
        return [(name, _verified(name, (inside / name).read_bytes(), CIFAR10)) for name in names]
    if not (folder / archive).is_file():
        raise FileNotFoundError(f"{folder} lacks {archive}, or its files {', '.join(missing)}; put either there")
    content = _verified(archive, (folder / archive).read_bytes(), CIFAR10)
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        members = [(name, tar.extractfile(f"cifar-10-batches-py/{name}").read()) for name in names]
    return [(name, _verified(name, member, CIFAR10)) for name, member in members]


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
