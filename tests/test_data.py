import gzip
import hashlib
import io
import pickle
import subprocess
import sys
import tarfile
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sklearn.datasets import load_digits, load_sample_image

from bnbook import data
from bnbook.data import npz, parts, published
from bnbook.data.published import ARCHIVE


def test_digits_have_the_promised_sizes_types_and_range():
    digits = data.digits()
    assert [part.shape for part in digits[::2]] == [(1000, 1, 8, 8), (297, 1, 8, 8), (500, 1, 8, 8)]
    assert [part.shape for part in digits[1::2]] == [(1000,), (297,), (500,)]
    assert {part.dtype for part in digits[::2]} == {np.dtype(np.float64)}
    assert {part.dtype for part in digits[1::2]} == {np.dtype(np.int64)}
    assert all(part.min() == 0 and part.max() == 1 for part in digits[::2])


def test_the_three_parts_are_scikit_learns_digits_each_once():
    digits, images = data.digits(seed=3), load_digits()
    ours = np.concatenate([np.column_stack([x.reshape(len(x), 64) * 16, y]) for x, y in _pairs(digits)])
    theirs = np.column_stack([images.data, images.target])
    assert np.array_equal(ours[np.lexsort(ours.T)], theirs[np.lexsort(theirs.T)])


def test_an_image_keeps_its_rows_and_columns():
    digits, images = data.digits(), load_digits()
    known = {image.tobytes() for image in images.images}
    assert all((x[0] * 16).tobytes() in known for x in digits.x_test)


def test_every_class_has_the_same_share_of_each_part():
    shares = np.bincount(load_digits().target) / 1797
    for x, y in _pairs(data.digits()):
        # Test is cut from the whole and validation from the rest: each cut rounds by one image at most.
        assert np.abs(np.bincount(y, minlength=10) - shares * len(x)).max() <= 2


def test_the_seed_makes_the_split():
    first, again, other = data.digits(1), data.digits(np.int64(1)), data.digits(2)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first.x_test, other.x_test)


@pytest.mark.parametrize("seed", [-1, 2**32, 0.5, "0", None, True])
def test_a_bad_seed_is_refused_with_what_was_got_and_expected(seed):
    with pytest.raises(ValueError, match="seed is .* whole number"):
        data.digits(seed)


def _pairs(digits):
    return zip(digits[::2], digits[1::2], strict=True)


def test_photos_are_scikit_learns_two_at_a_sixth_of_their_size():
    photos = data.photos()
    assert photos.shape == (2, 3, 71, 106) and photos.dtype == np.float64
    assert 0 <= photos.min() < 0.1 and 0.9 < photos.max() <= 1
    for name, photo in zip(("china.jpg", "flower.jpg"), photos, strict=True):
        original = load_sample_image(name)
        for channel, line, column in ((0, 0, 0), (1, 70, 105), (2, 33, 60)):
            block = original[6 * line : 6 * line + 6, 6 * column : 6 * column + 6, channel]
            assert photo[channel, line, column] == pytest.approx(block.mean() / 255)


# --- how parts are cut ---------------------------------------------------------------------------------------------

counts = st.lists(st.integers(10, 60), min_size=2, max_size=6)


def _labels(counts, seed=0):
    return np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(counts, st.integers(0, 2**32 - 1), st.data())
def test_however_many_are_dealt_every_class_has_its_share(counts, seed, draw):
    y = _labels(counts)
    order = parts.dealt(y, seed)
    assert np.array_equal(np.sort(order), np.arange(len(y)))
    taken = draw.draw(st.integers(len(counts), len(y)))
    found = np.bincount(y[order[:taken]], minlength=len(counts))
    share = np.array(counts) / len(y)
    assert found.min() >= 1
    # Up to one image too many in each class, which the others then lack in proportion.
    assert np.all(np.abs(found - share * taken) <= 1 + share * len(counts))


@settings(max_examples=50, deadline=None, derandomize=True)
@given(counts, st.integers(0, 2**32 - 1))
def test_a_split_holds_each_image_once_and_every_class_in_each_part(counts, seed):
    y = _labels(counts)
    x = np.arange(len(y), dtype=float).reshape(-1, 1, 1, 1) / len(y)
    found = parts.split({"train": (x, y)}, len(y) // 5, None, seed)
    assert [len(part) for part in found[2::2]] == 2 * [len(y) // 5]
    assert np.array_equal(np.sort(np.concatenate([part.ravel() for part in found[::2]])), x.ravel())
    for x_part, y_part in _pairs(found):
        assert np.array_equal(y[np.rint(x_part.ravel() * len(y)).astype(int)], y_part)
        assert np.bincount(y_part, minlength=len(counts)).min() >= 1


def test_a_limit_keeps_a_seeded_sample_of_each_part_and_a_lower_one_some_of_it():
    y = _labels([300, 100])
    x = (np.arange(400, dtype=float) / 400).reshape(-1, 1, 1, 1)
    whole, large, small = (parts.split({"train": (x, y)}, 80, limit, 7) for limit in (None, 60, 20))
    assert [len(part) for part in large[::2]] == [60, 60, 60] and [len(part) for part in small[1::2]] == [20, 20, 20]
    for all_x, large_x, small_x in zip(whole[::2], large[::2], small[::2], strict=True):
        assert set(small_x.ravel()) < set(large_x.ravel()) < set(all_x.ravel())
    assert np.bincount(small.y_train).tolist() == [15, 5]
    again, other = (parts.split({"train": (x, y)}, 80, 60, seed) for seed in (7, 8))
    assert np.array_equal(again.x_train, large.x_train) and not np.array_equal(other.x_train, large.x_train)
    plenty = parts.split({"train": (x, y)}, 80, 10_000, 7)
    assert all(np.array_equal(a, b) for a, b in zip(plenty, whole, strict=True))


@pytest.mark.parametrize("limit", [1, 0, -5, 2.5, True, "all"])
def test_a_bad_limit_is_refused(limit):
    y = _labels([10, 10])
    with pytest.raises(ValueError, match="limit is .*; with 2 classes it must be 2 or more, such as 1000"):
        parts.split({"train": (np.zeros((20, 1, 4, 4)), y)}, 4, limit, 0)


def test_a_bad_seed_of_a_split_is_refused():
    with pytest.raises(ValueError, match="seed is -1; it must be a whole number"):
        parts.split({"train": (np.zeros((20, 1, 4, 4)), _labels([10, 10]))}, 4, None, -1)


def test_data_knows_its_shape_and_classes_and_its_fingerprint_changes_with_any_pixel_or_label():
    digits = data.digits()
    assert digits.shape == (1, 8, 8) and digits.classes == 10
    first = data.fingerprint(digits)
    assert (
        first.pop("sha256") == data.fingerprint(data.digits())["sha256"] != data.fingerprint(data.digits(1))["sha256"]
    )
    assert first == {"train": 1000, "val": 297, "test": 500, "shape": [1, 8, 8], "classes": 10}
    for i, part in enumerate(digits):
        changed = part.copy()
        changed.flat[-1] = (changed.flat[-1] + 1) % 2
        other = digits._replace(**{digits._fields[i]: changed})
        assert data.fingerprint(other)["sha256"] != data.fingerprint(digits)["sha256"]


# --- published files -----------------------------------------------------------------------------------------------

IDX = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
SETS = {"mnist": published.MNIST, "fashion_mnist": published.FASHION_MNIST}


def _named(content):
    """Packed as `gzip FILE` does: its name and time are stored."""
    file = io.BytesIO()
    with gzip.GzipFile("some name", "wb", 6, file, mtime=1_500_000_000) as packed:
        packed.write(content)
    return file.getvalue()


# Where each of the four may lie, and how it may be packed there.
PLACES = {
    "as published": ("{name}.gz", gzip.compress),
    "packed fast": ("{name}.gz", lambda content: gzip.compress(content, 1)),
    "packed at the usual level": ("{name}.gz", lambda content: gzip.compress(content, 6)),
    "packed with its name": ("{name}.gz", _named),
    "unpacked": ("{name}", bytes),
    "unpacked under the packed name": ("{name}.gz", bytes),
    "packed under the unpacked name": ("{name}", gzip.compress),
    "with a dot": ("{dotted}", bytes),
    "with a dot, packed": ("{dotted}.gz", gzip.compress),
    "where torchvision puts it": ("MNIST/raw/{name}", bytes),
    "a folder for each": ("{name}/{dotted}", bytes),
    "a folder for each, deeper": ("archive/{name}/{name}.gz", gzip.compress),
}


def test_the_checksums_are_complete_and_no_two_alike():
    assert set(published.MNIST) == set(published.FASHION_MNIST) == set(IDX)
    sums = [*published.MNIST.values(), *published.FASHION_MNIST.values(), *published.CIFAR10.values()]
    assert len(set(sums)) == 14 and all(len(s) == 32 and set(s) <= set("0123456789abcdef") for s in sums)


def _bytes(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def _write_idx(folder, monkeypatch, checksums, place="as published"):
    """60 training and 20 test images of 28 x 28 as the four files, and their checksums; returns the four arrays."""
    arrays = _bytes(60, 28, 28), np.arange(60) % 10, _bytes(20, 28, 28, seed=1), np.arange(20) % 10
    path, pack = PLACES[place]
    for name, array in zip(IDX, arrays, strict=True):
        content = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes() + bytes(array.astype(np.uint8))
        monkeypatch.setitem(checksums, name, hashlib.md5(content).hexdigest())
        file = folder / path.format(name=name, dotted=name.replace("-idx", ".idx"))
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(pack(content))
    return arrays


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", SETS)
def test_the_same_contents_are_read_however_packed_named_and_placed(name, place, tmp_path, monkeypatch):
    x, y, x_test, y_test = _write_idx(tmp_path, monkeypatch, SETS[name], place)
    found = getattr(data, name)(str(tmp_path))
    assert [part.shape for part in found[::2]] == [(40, 1, 28, 28), (20, 1, 28, 28), (20, 1, 28, 28)]
    assert {part.dtype for part in found} == {np.dtype(np.float64), np.dtype(np.int64)}
    assert np.array_equal(found.x_test, x_test[:, None] / 255) and np.array_equal(found.y_test, y_test)
    assert np.bincount(found.y_train).tolist() == 10 * [4] and np.bincount(found.y_val).tolist() == 10 * [2]
    pairs = [(image.tobytes(), label) for image, label in zip(x, y, strict=True)]
    both = [(np.rint(a * 255).astype(np.uint8), b) for a, b in list(_pairs(found))[:2]]
    assert sorted((image.tobytes(), label) for a, b in both for image, label in zip(a, b, strict=True)) == sorted(pairs)


def test_packed_and_unpacked_files_may_be_mixed(tmp_path, monkeypatch):
    _write_idx(tmp_path, monkeypatch, published.MNIST)
    (tmp_path / IDX[1]).write_bytes(gzip.decompress((tmp_path / f"{IDX[1]}.gz").read_bytes()))
    (tmp_path / f"{IDX[1]}.gz").unlink()
    assert len(data.mnist(tmp_path).x_train) == 40


@pytest.mark.parametrize("bad", ["{name}", "{name}.gz"])
@pytest.mark.parametrize("content", [b"half a download", b"<!DOCTYPE html>", b"\x1f\x8b\x08 cut off", b""])
def test_a_damaged_file_hides_no_good_one(bad, content, tmp_path, monkeypatch):
    _write_idx(tmp_path, monkeypatch, published.MNIST, "where torchvision puts it")
    for name in IDX:
        (tmp_path / bad.format(name=name)).write_bytes(content)
    assert len(data.mnist(tmp_path).x_train) == 40


def test_of_two_sets_beside_each_other_each_finds_its_own(tmp_path, monkeypatch):
    _write_idx(tmp_path, monkeypatch, published.MNIST, "where torchvision puts it")
    fashion = tmp_path / "FashionMNIST" / "raw"
    fashion.mkdir(parents=True)
    for name in IDX:
        content = bytearray((tmp_path / "MNIST" / "raw" / name).read_bytes())
        content[-1] ^= 1
        (fashion / name).write_bytes(content)
        monkeypatch.setitem(published.FASHION_MNIST, name, hashlib.md5(content).hexdigest())
    one, other = data.mnist(tmp_path), data.fashion_mnist(tmp_path)
    assert np.abs(one.x_test - other.x_test).sum() * 255 == pytest.approx(1)


def test_a_limit_and_a_seed_reach_the_published_sets(tmp_path, monkeypatch):
    _write_idx(tmp_path, monkeypatch, published.MNIST)
    small, other = data.mnist(tmp_path, limit=10), data.mnist(tmp_path, limit=10, seed=1)
    assert [np.bincount(part).tolist() for part in small[1::2]] == 3 * [10 * [1]]
    assert not np.array_equal(small.x_train, other.x_train)
    with pytest.raises(ValueError, match="limit is 9; with 10 classes it must be 10 or more"):
        data.mnist(tmp_path, limit=9)


DAMAGE = {
    "a byte of the packed file": (lambda c: _flipped(gzip.compress(c), 5000), "cannot be unpacked .*: it is damaged"),
    "a byte of the content": (lambda c: gzip.compress(_flipped(c, 5000)), "md5 checksum .* expected .*: damaged or"),
    "cut off": (lambda c: gzip.compress(c)[:-100], r"cannot be unpacked \(Compressed file ended.*\): it is damaged"),
    "cut off and packed again": (lambda c: gzip.compress(c[:-1]), "md5 checksum .* expected .*: damaged or another"),
    "unpacked and longer": (
        lambda c: c + b"more",
        "md5 checksum .* expected .*: damaged or another file, fetch it again",
    ),
    "a web page": (lambda c: b"\n<html>please log in</html>", "is a web page that has its name: fetch it again"),
    "empty": (lambda c: b"", "md5 checksum d41d8cd98f00b204e9800998ecf8427e, expected"),
}


def _flipped(content, place):
    return content[:place] + bytes([content[place] ^ 64]) + content[place + 1 :]


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_file_is_refused_in_one_sentence_that_names_it(how, tmp_path, monkeypatch):
    _write_idx(tmp_path, monkeypatch, published.MNIST)
    file, (spoil, says) = tmp_path / f"{IDX[2]}.gz", DAMAGE[how]
    file.write_bytes(spoil(gzip.decompress(file.read_bytes())))
    with pytest.raises(ValueError, match=f"{IDX[2]}.gz .*{says}") as refused:
        data.mnist(tmp_path)
    assert "\n" not in str(refused.value)


def test_the_files_of_mnist_are_not_taken_for_those_of_fashion_mnist(tmp_path, monkeypatch):
    _write_idx(tmp_path, monkeypatch, published.MNIST)
    with pytest.raises(ValueError, match="has the md5 checksum .* expected f4a8712d7a061bf5bd6d2ca38dc4d50a"):
        data.fashion_mnist(tmp_path)


@pytest.mark.parametrize("name, most", [("mnist", 110e6), ("cifar10", 410e6)])
def test_a_small_file_that_unpacks_to_gigabytes_is_refused_in_bounded_memory(name, most, tmp_path, monkeypatch):
    packer = zlib.compressobj(1, wbits=31)
    bomb = b"".join(packer.compress(bytes(2**20)) for _ in range(500)) + packer.flush()
    for file in [f"{name}.gz" for name in IDX] if name == "mnist" else ["cifar-10-python.tar.gz"]:
        (tmp_path / file).write_bytes(bomb)
    says = "more than the .*0,000,000 bytes expected at most: another file"
    assert _peak_of_refusal(lambda: getattr(data, name)(tmp_path), says) < most


def _peak_of_refusal(call, says):
    """Bytes that were in use at once until call raised its ValueError."""
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=says) as refused:
            call()
        assert "\n" not in str(refused.value)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _python_2_pickle(batch):
    """batch as Python 2 and NumPy 1 wrote it in 2009: strings of bytes, and NumPy's functions where they were then."""
    file = io.BytesIO()
    pickler = pickle._Pickler(file, protocol=2)

    def save_bytes(pickler, value):
        short = len(value) < 256
        pickler.write((b"U" + bytes([len(value)]) if short else b"T" + len(value).to_bytes(4, "little")) + value)
        pickler.memoize(value)

    pickler.dispatch = {**pickler.dispatch, bytes: save_bytes, str: lambda p, value: save_bytes(p, value.encode())}
    pickler.dump(batch)
    return file.getvalue().replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n")


# Where the six batches may lie, and how they may be packed there; an archive names its members.
LOOSE = {
    "here": ("{name}", bytes),
    "in its folder": ("cifar-10-batches-py/{name}", bytes),
    "deeper": ("cifar-10-python/cifar-10-batches-py/{name}", bytes),
    "packed one by one": ("{name}.gz", gzip.compress),
}
ARCHIVED = {
    "archive": ("cifar-10-python.tar.gz", "w:gz", "cifar-10-batches-py/{name}"),
    "archive, packed fast": ("cifar-10-python.tar.gz", "w:gz1", "cifar-10-batches-py/{name}"),
    "archive, unpacked under its name": ("cifar-10-python.tar.gz", "w", "cifar-10-batches-py/{name}"),
    "archive, unpacked": ("cifar-10-python.tar", "w", "cifar-10-batches-py/{name}"),
    "archive, made anew": ("cifar-10-python.tgz", "w:gz", "./{name}"),
}


def _write_cifar(folder, monkeypatch, where):
    """Six batches of 20 images as files or an archive of them, and their checksums; returns their pixels."""
    batches = {name: _bytes(20, 3072, seed=i) for i, name in enumerate(published.CIFAR10)}
    contents = {}
    for name, pixels in batches.items():
        batch = {"batch_label": "some", "labels": [i % 10 for i in range(20)], "data": pixels}
        contents[name] = _python_2_pickle({**batch, "filenames": 20 * ["a.png"]})
        assert b"cnumpy.core.multiarray\n_reconstruct\n" in contents[name]
        monkeypatch.setitem(published.CIFAR10, name, hashlib.md5(contents[name]).hexdigest())
    if where in LOOSE:
        path, pack = LOOSE[where]
        for name, content in contents.items():
            file = folder / path.format(name=name)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(pack(content))
    else:
        _write_archive(folder, contents, *ARCHIVED[where])
    return batches


def _write_archive(folder, contents, path, mode, member):
    level = {"compresslevel": 1} if mode == "w:gz1" else {}
    with tarfile.open(folder / path, mode[:4], **level) as tar:
        for name, content in contents.items():
            info = tarfile.TarInfo(member.format(name=name))
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


@pytest.mark.parametrize("where", [*LOOSE, *ARCHIVED])
def test_cifar10_is_read_from_the_archive_and_unpacked(where, tmp_path, monkeypatch):
    batches = _write_cifar(tmp_path, monkeypatch, where)
    before = sorted(tmp_path.rglob("*"))
    found = data.cifar10(tmp_path)
    assert [part.shape for part in found[::2]] == [(80, 3, 32, 32), (20, 3, 32, 32), (20, 3, 32, 32)]
    assert np.bincount(found.y_train).tolist() == 10 * [8] and np.bincount(found.y_val).tolist() == 10 * [2]
    # A row of a batch is all of red, then green, then blue, each line by line.
    assert found.x_test[4, 2, 5, 7] == batches["test_batch"][4, 2 * 1024 + 5 * 32 + 7] / 255
    assert np.array_equal(found.x_test.reshape(20, -1), batches["test_batch"] / 255)
    known = {row.tobytes() for name, rows in batches.items() if name != "test_batch" for row in rows}
    read = {np.rint(image * 255).astype(np.uint8).tobytes() for x in (found.x_train, found.x_val) for image in x}
    assert read == known
    assert sorted(tmp_path.rglob("*")) == before, "nothing is unpacked to the disk"


def test_damaged_batches_hide_no_good_archive_and_a_damaged_archive_no_good_batches(tmp_path, monkeypatch):
    for good, bad in (("archive", "data_batch_2"), ("here", "cifar-10-python.tar.gz")):
        (tmp_path / good).mkdir()
        _write_cifar(tmp_path / good, monkeypatch, good)
        for name in published.CIFAR10 if good == "archive" else []:
            (tmp_path / good / name).write_bytes(b"")
        (tmp_path / good / bad).write_bytes(b"<html>not found</html>")
        assert len(data.cifar10(tmp_path / good).x_train) == 80
    (tmp_path / "archive" / "cifar-10-python.tar.gz").write_bytes(b"no archive")
    with pytest.raises(
        ValueError, match="what is in .*data_batch_1 has the md5 .*; .*tar.gz cannot be read as an arch"
    ):
        data.cifar10(tmp_path / "archive")


def test_a_pickle_that_names_another_function_is_refused_and_the_function_not_called(tmp_path, monkeypatch):
    _write_cifar(tmp_path, monkeypatch, "here")
    attack = f"cos\nsystem\n(S'touch {tmp_path}/called'\ntR.".encode()
    (tmp_path / "data_batch_3").write_bytes(attack)
    monkeypatch.setitem(published.CIFAR10, "data_batch_3", hashlib.md5(attack).hexdigest())
    with pytest.raises(
        ValueError, match="data_batch_3 is not safe to read: it names os.system, which no file of CIFAR"
    ):
        data.cifar10(tmp_path)
    assert not (tmp_path / "called").exists()


@pytest.mark.parametrize(
    "name", ["builtins.eval", "numpy.load", "numpy.core.multiarray.fromfile", "numpy.ndarray.tofile"]
)
def test_only_the_three_functions_that_rebuild_arrays_are_admitted(name):
    module, function = name.rsplit(".", 1)
    with pytest.raises(ValueError, match=f"it names {name}"):
        published._unpickled("test_batch", f"c{module}\n{function}\n.".encode())


@pytest.mark.parametrize(
    "where, name, spoil, says",
    [
        (
            "here",
            "data_batch_2",
            lambda c: _flipped(c, 5000),
            "what is in .*data_batch_2 has the md5 .* expected {md5}",
        ),
        ("here", "data_batch_2", lambda c: b"<html>not found</html>", "data_batch_2 is a web page that has its name"),
        ("archive", ARCHIVE, lambda c: b"<html>not found</html>", "tar.gz is a web page that has its name"),
        ("archive", ARCHIVE, lambda c: c[:-100], r"tar.gz cannot be unpacked \(Compressed file ended"),
        (
            "archive",
            ARCHIVE,
            lambda c: gzip.decompress(c)[:100_000],
            "tar.gz cannot be read as an archive|holds no data",
        ),
        (
            *("archive", ARCHIVE, lambda c: gzip.compress(_flipped(gzip.decompress(c), 90_000))),
            "what is in data_batch_2 in .*tar.gz has the md5 .* expected {md5}",
        ),
        (
            "archive",
            ARCHIVE,
            lambda c: gzip.compress(bytes(10_240)),
            "holds no data_batch_1, .*test_batch: another file",
        ),
    ],
)
def test_damaged_files_of_cifar10_are_refused_in_one_sentence(where, name, spoil, says, tmp_path, monkeypatch):
    _write_cifar(tmp_path, monkeypatch, where)
    (tmp_path / name).write_bytes(spoil((tmp_path / name).read_bytes()))
    with pytest.raises(ValueError, match=says.format(md5=published.CIFAR10["data_batch_2"])) as refused:
        data.cifar10(tmp_path)
    assert "\n" not in str(refused.value)


def test_an_archive_whose_member_claims_a_terabyte_of_holes_is_refused_in_bounded_memory(tmp_path):
    info = tarfile.TarInfo("cifar-10-batches-py/data_batch_1")
    info.size, info.pax_headers = 10, {"GNU.sparse.map": "0,10", "GNU.sparse.size": str(2**40)}
    with tarfile.open(tmp_path / ARCHIVE, "w:gz", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(info, io.BytesIO(bytes(10)))
    assert _peak_of_refusal(lambda: data.cifar10(tmp_path), "holds no data_batch_1") < 210e6


def test_missing_files_are_named(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match="lacks train-images-idx3-ubyte.gz, .*t10k-labels-idx1-ubyte.gz; put"):
        data.mnist(tmp_path)
    _write_idx(tmp_path, monkeypatch, published.MNIST, "unpacked")
    (tmp_path / IDX[1]).unlink()
    (tmp_path / IDX[1]).mkdir()
    with pytest.raises(FileNotFoundError, match="lacks train-labels-idx1-ubyte.gz; put the file.* unpacked .what is "):
        data.mnist(tmp_path)
    (tmp_path / "cifar-10-binary.tar.gz").touch()
    with pytest.raises(
        FileNotFoundError,
        match="lacks cifar-10-python.tar.gz, or its files data_batch_1, .*test_batch; .* cifar-10-binary.tar.gz, ",
    ):
        data.cifar10(tmp_path)


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10", "images"])
def test_a_folder_that_is_not_there_is_refused(name, tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere is not a folder; give the one into which you have put"):
        getattr(data, name)(tmp_path / "nowhere")


# --- the user's own images -----------------------------------------------------------------------------------------


def _draw(folder, count=10, size=(6, 5), mode="L", ending="png", classes=("cat", "dog"), **save):
    """Noise of size (H, W) as pictures; returns {class: (count, H, W[, 3])}."""
    drawn = {}
    for label, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        drawn[name] = _bytes(count, *size, *([3] if mode == "RGB" else []), seed=label)
        for i, pixels in enumerate(drawn[name]):
            Image.fromarray(pixels).save(folder / name / f"{i:03}.{ending}", **save)
    return drawn


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_pictures_in_subfolders_are_classes_in_the_order_of_their_names(mode, tmp_path):
    drawn = _draw(tmp_path, mode=mode, classes=("b", "a", "c"))
    found = data.images(tmp_path)
    C = 3 if mode == "RGB" else 1
    assert [part.shape for part in found[::2]] == [(18, C, 6, 5), (6, C, 6, 5), (6, C, 6, 5)]
    assert [np.bincount(part).tolist() for part in found[1::2]] == [[6, 6, 6], [2, 2, 2], [2, 2, 2]]
    label = {p.tobytes(): "abc".index(name) for name, pixels in drawn.items() for p in pixels}
    for x, y in _pairs(found):
        images = np.moveaxis(np.rint(x * 255).astype(np.uint8), 1, -1)
        assert [label.pop(np.ascontiguousarray(image).tobytes()) for image in images] == y.tolist()
    assert not label, "each picture once"


def test_jpeg_endings_in_capitals_palettes_and_black_and_white_are_read(tmp_path):
    _draw(tmp_path / "jpeg", mode="RGB", ending="JPG", quality=95)
    assert data.images(tmp_path / "jpeg").shape == (3, 6, 5)
    for mode, C in (("P", 3), ("1", 1)):
        for name in ("a", "b"):
            (tmp_path / mode / name).mkdir(parents=True)
            for i in range(10):
                Image.new("RGB", (4, 4), (255, 255 * (i % 2), 0)).convert(mode).save(
                    tmp_path / mode / name / f"{i}.png"
                )
        found = data.images(tmp_path / mode)
        assert found.shape == (C, 4, 4) and set(np.unique(found.x_train)) <= {0, 1}


def test_a_picture_taken_upright_is_turned(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned by a quarter
    _draw(tmp_path, ending="png", exif=exif)
    assert data.images(tmp_path).shape == (1, 5, 6)


def test_files_that_are_hidden_or_no_pictures_do_no_harm(tmp_path):
    _draw(tmp_path)
    (tmp_path / ".ipynb_checkpoints").mkdir()
    (tmp_path / "__MACOSX" / "cat").mkdir(parents=True)
    (tmp_path / "cat" / "._000.png").write_bytes(b"macOS")
    (tmp_path / "cat" / "notes.txt").write_text("a good cat")
    assert len(np.concatenate(data.images(tmp_path)[1::2])) == 20


@pytest.mark.parametrize("val", [None, "val", "valid", "Validation"])
@pytest.mark.parametrize("test", [None, "test"])
def test_folders_that_are_split_already_keep_their_parts(val, test, tmp_path):
    drawn = {"train": _draw(tmp_path / "train", 20)}
    for name, part in ((val, "val"), (test, "test")):
        if name:
            drawn[part] = _draw(tmp_path / name, 3, classes=("dog",))  # not every class need be there
    found, own = data.images(tmp_path), {part: np.concatenate(list(drawn[part].values())) for part in drawn}
    assert len(found.x_train) == 40 - 8 * (3 - len(drawn))
    for part in ("val", "test"):
        x, y = getattr(found, f"x_{part}"), getattr(found, f"y_{part}")
        if part in drawn:
            assert np.array_equal(x, own[part][:, None] / 255) and y.tolist() == [1, 1, 1]
        else:
            assert np.bincount(y).tolist() == [4, 4]


@pytest.mark.parametrize(
    "spoil, says",
    [
        (
            lambda f: _draw(f / "pets"),
            r"1 subfolder.*\(pets\), 0 picture.* and 0 .npz.*two subfolders.*is .*pets the one",
        ),
        (lambda f: _draw(f, classes=["cat"]), r"has 1 subfolder.* \(cat\), .*two subfolders or more.*nothing else$"),
        (
            lambda f: [Image.new("L", (5, 6)).save(f / f"{i}.png") for i in range(10)],
            "has 0 subfolder.*, 10 picture.* and 0 .npz file.*; it must have two",
        ),
        (lambda f: (_draw(f), np.savez(f / "x.npz")), r"2 subfolder.* \(cat, dog\), 0 picture.* and 1 .npz"),
        (lambda f: (np.savez(f / "x.npz"), np.savez(f / "y.npz")), "0 subfolder.* and 2 .npz"),
        (lambda f: _draw(f, classes=["train", "test"]), "train has 0 subfolder.*, 10 picture.*; it must have two"),
        (
            lambda f: (_draw(f / "train"), _draw(f / "test"), _draw(f / "unlabeled")),
            r"test has 2 subfolder.* \(cat, dog\), 0 picture.*; the pictures of a class must lie in its folder, not",
        ),
        (
            lambda f: (_draw(f / "cat"), _draw(f / "dog")),
            r"cat has 2 subfolder.* \(cat, dog\), .* must lie in its folder",
        ),
        (
            lambda f: (_draw(f / "train"), _draw(f / "val", classes=["cat", "emu"])),
            "val has the class emu; the classes of train are cat, dog",
        ),
        (
            lambda f: (_draw(f / "train"), _draw(f / "val", count=0)),
            "val has no PNG or JPEG files in subfolders; put some there, or take val away",
        ),
        (
            lambda f: (_draw(f / "train"), _draw(f / "val", size=(5, 6))),
            "cat/000.png is 5 x 6 in grey and cat/000.png is 6 x 5 in grey; make all pictures of one size",
        ),
        (lambda f: (_draw(f), (f / "emu").mkdir()), "subfolder emu has 0 PNG or JPEG files; a class needs 10 or more"),
        (lambda f: _draw(f, count=9), "subfolder cat has 9 PNG or JPEG files; a class needs 10 or more"),
        (
            lambda f: (_draw(f), _draw(f, size=(5, 6), classes=["emu"])),
            "cat/000.png is 5 x 6 in grey and emu/00..png is 6 x 5",
        ),
        (
            lambda f: (_draw(f), _draw(f, mode="RGB", classes=["emu"])),
            "is 5 x 6 in grey and emu/00..png is 5 x 6 in colour",
        ),
        (lambda f: (_draw(f), (f / "cat/x.png").write_bytes(b"no")), "x.png cannot be read as a picture"),
        (lambda f: (_draw(f), _halve(f / "dog/003.png")), "003.png cannot be read as a picture"),
        (lambda f: (_draw(f, ending="jpg"), _halve(f / "dog/003.jpg")), "003.jpg cannot be read as a picture"),
        (
            lambda f: (_draw(f), Image.new("RGBA", (5, 6)).save(f / "cat/x.png")),
            "x.png is of the kind RGBA; save it as",
        ),
        (
            lambda f: (_draw(f), Image.new("I;16", (5, 6)).save(f / "cat/x.png")),
            "x.png is of the kind I;16; save it as",
        ),
        (lambda f: (_draw(f), Image.new("L", (5, 6)).save(f / "cat/x.png", transparency=0)), "without transparency"),
    ],
)
def test_pictures_that_do_not_fit_are_refused_in_one_sentence(spoil, says, tmp_path):
    spoil(tmp_path)
    with pytest.raises(ValueError, match=says) as refused:
        data.images(tmp_path)
    assert "\n" not in str(refused.value)


def _halve(file):
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


def test_a_png_file_with_any_byte_flipped_is_refused_or_the_same_picture(tmp_path):
    _draw(tmp_path)
    file, whole = tmp_path / "cat" / "003.png", data.images(tmp_path)
    content, refused = file.read_bytes(), 0
    for place in range(len(content)):
        file.write_bytes(_flipped(content, place))
        try:
            found = data.images(tmp_path)
        except ValueError as error:
            refused += 1
            assert "003.png" in str(error) and "\n" not in str(error)
        else:
            assert all(np.array_equal(a, b) for a, b in zip(found, whole, strict=True)), place
    assert refused > 0.9 * len(content)


def test_with_a_limit_only_the_pictures_that_are_kept_are_opened(tmp_path, monkeypatch):
    _draw(tmp_path, 100)
    opened, original = set(), Image.open
    monkeypatch.setattr(Image, "open", lambda file: opened.add(file) or original(file))
    found = data.images(tmp_path, limit=10)
    assert [len(part) for part in found[::2]] == [10, 10, 10] and len(opened) <= 31  # and the first, for its size


LAYOUTS = {
    "N H W": lambda x: x[:, 0],
    "N 1 H W": lambda x: x,
    "N H W 1": lambda x: np.moveaxis(x, 1, -1),
    "N 3 H W": lambda x: np.repeat(x, 3, 1),
    "N H W 3": lambda x: np.moveaxis(np.repeat(x, 3, 1), 1, -1),
}


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    st.sampled_from(list(LAYOUTS)),
    st.sampled_from([np.uint8, np.int64, np.float16, np.float32, np.float64]),
    st.sampled_from([(), ("test",), ("val",), ("val", "test")]),
    st.sampled_from([np.uint8, np.int32, np.int64]),
    st.sampled_from([np.savez, np.savez_compressed]),
    st.sampled_from([np.ascontiguousarray, np.asfortranarray, lambda x: x.astype(x.dtype.newbyteorder(">"))]),
    st.sampled_from([1, 300, 2**22]),
)
def test_arrays_are_read_in_every_layout_and_type_and_split_where_they_are_not(
    tmp_path_factory, layout, dtype, extra, y_dtype, save, stored, piece
):
    file = tmp_path_factory.mktemp("npz") / "own.npz"
    arrays, originals = {}, {}
    for i, (part, n) in enumerate([("train", 50), *((part, 12) for part in extra)]):
        x, y = _bytes(n, 1, 5, 4, seed=i), (np.arange(n) % 3).astype(y_dtype)
        held = x.astype(dtype) if np.issubdtype(dtype, np.integer) else (x / 255).astype(dtype)
        arrays |= {f"x_{part}": stored(LAYOUTS[layout](held)), f"y_{part}": y}
        originals[part] = held / 255 if np.issubdtype(dtype, np.integer) else held.astype(np.float64)
    save(file, **arrays)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(npz, "PIECE", piece)
        found = data.images(file)
    C = 3 if "3" in layout else 1
    assert found.shape == (C, 5, 4) and found.classes == 3
    assert {part.dtype for part in found} == {np.dtype(np.float64), np.dtype(np.int64)}
    expected = {
        "train": 50 - 10 * (2 - len(extra)),
        "val": 12 if "val" in extra else 10,
        "test": 12 if "test" in extra else 10,
    }
    assert {part: len(getattr(found, f"x_{part}")) for part in expected} == expected
    for part in extra:
        assert np.array_equal(getattr(found, f"x_{part}"), np.repeat(originals[part], C, 1))
        assert np.array_equal(getattr(found, f"y_{part}"), arrays[f"y_{part}"])
    known = {image.tobytes(): i % 3 for i, image in enumerate(originals["train"])}
    for x, y in [(found.x_train, found.y_train)]:
        assert [known[np.ascontiguousarray(image[:1]).tobytes()] for image in x] == y.tolist()


def test_a_folder_with_one_npz_file_will_do(tmp_path):
    np.savez(tmp_path / "own.npz", x_train=_bytes(30, 4, 4), y_train=np.arange(30) % 2)
    assert len(data.images(tmp_path).x_train) == 18


X, Y = _bytes(30, 4, 4), np.arange(30) % 2


@pytest.mark.parametrize(
    "arrays, says",
    [
        ({}, "own.npz holds nothing; it must hold x_train and y_train"),
        ({"x_train": X}, "own.npz holds x_train; it must hold x_train and y_train"),
        (
            {"x_train": X, "y_train": Y, "x_valid": X, "y_valid": Y},
            "own.npz holds x_train, y_train, x_valid, y_valid; it",
        ),
        ({"x_train": X, "y_train": Y, "x_test": X}, "own.npz holds x_train, y_train, x_test; it must hold"),
        (
            {"x_train": X.astype(object), "y_train": Y},
            "own.npz cannot be read as an .npz file of numbers: x_train holds Python objects",
        ),
        ({"x_train": X[0], "y_train": Y}, r"x_train has the shape \(4, 4\); it must be \(N, H, W\)"),
        ({"x_train": np.zeros((30, 4, 4, 2)), "y_train": Y}, r"x_train has the shape \(30, 4, 4, 2\); it must be"),
        ({"x_train": X[:0], "y_train": Y[:0]}, r"x_train has the shape \(0, 4, 4\)"),
        ({"x_train": X.astype(complex), "y_train": Y}, "x_train is of the type complex128; it must hold whole numbers"),
        (
            {"x_train": np.where(Y[:, None, None] * np.ones((4, 4)), np.nan, 0.5), "y_train": Y},
            "x_train holds .* nan or inf",
        ),
        (
            {"x_train": X % 15, "y_train": Y},
            r"x_train holds whole numbers up to 14, .* grey levels from 0 to 255.*x / 14$",
        ),
        ({"x_train": X % 2, "y_train": Y}, r"x_train holds whole numbers up to 1, .* save fractions, such as x / 1$"),
        ({"x_train": X.astype(int) // 2, "y_train": Y}, "x_train holds whole numbers up to 127, and whole numbers are"),
        (
            {"x_train": X, "y_train": Y, "x_test": X // 2, "y_test": Y},
            "x_test holds whole numbers up to 127, and whole numbers are read as grey levels",
        ),
        ({"x_train": 0 * X, "y_train": Y}, "x_train holds whole numbers up to 0, and whole numbers are"),
        ({"x_train": X * 0.0 + 0.5, "y_train": Y}, "every value of the training images is 0.5: there is nothing to"),
        ({"x_train": X + np.inf, "y_train": Y}, "x_train holds values that are nan or infinite"),
        (
            {"x_train": 0 * X + np.uint16(300), "y_train": Y},
            "x_train holds uint16 from 300 to 300; whole numbers must be 0 to 255",
        ),
        ({"x_train": 0 * X - 1.5, "y_train": Y}, "x_train holds float64 from -1.5 to -1.5; whole .* fractions 0 to 1"),
        ({"x_train": X, "y_train": Y[:20]}, r"y_train is int64 of the shape \(20,\); it must be 30 whole numbers"),
        (
            {"x_train": X, "y_train": Y[:, None]},
            r"y_train is int64 of the shape \(30, 1\); it must be 30 whole numbers",
        ),
        ({"x_train": X, "y_train": Y / 1}, r"y_train is float64 of the shape \(30,\); it must be 30 whole numbers"),
        ({"x_train": X, "y_train": 0 * Y}, "y_train holds the classes 0; they must be two or more"),
        (
            {"x_train": X, "y_train": Y + 1},
            "y_train holds the classes 1, 2; they must be two or more: 0, 1, ... without",
        ),
        ({"x_train": X, "y_train": np.arange(30) // 21}, "class 1 has 9 images in x_train; a class needs 10 or more"),
        (
            {"x_train": X, "y_train": Y, "x_test": X[:, 1:], "y_test": Y},
            r"x_test has images \(1, 3, 4\) and x_train \(1, 4, 4",
        ),
        (
            {"x_train": X, "y_train": Y, "x_val": X, "y_val": Y + 1},
            "y_val holds the class 2; the classes of y_train are 0 to 1",
        ),
    ],
)
def test_arrays_that_do_not_fit_are_refused_in_one_sentence(arrays, says, tmp_path):
    np.savez(tmp_path / "own.npz", **arrays)
    with pytest.raises(ValueError, match=says) as refused:
        data.images(tmp_path / "own.npz")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 half an archive", pickle.dumps([1])])
def test_a_file_that_is_no_npz_is_refused(content, tmp_path):
    (tmp_path / "own.npz").write_bytes(content)
    with pytest.raises(ValueError, match="own.npz cannot be read as an .npz file of numbers"):
        data.images(tmp_path)


def _npz(file, **arrays):
    """The bytes of an .npz file with these members, given as bytes, and what its directory says of them."""
    with zipfile.ZipFile(file, "w") as archive:
        for name, (content, size) in arrays.items():
            with archive.open(f"{name}.npy", "w") as member:
                member.write(content)
            archive.filelist[-1].file_size = size or len(content)


def _npy(array, shape=None):
    """array as np.save writes it, with another shape in its header."""
    file = io.BytesIO()
    described = {**np.lib.format.header_data_from_array_1_0(array), "shape": shape or array.shape}
    np.lib.format.write_array_header_1_0(file, described)
    return file.getvalue() + array.tobytes()


@pytest.mark.parametrize("name", ["x_train", "y_train"])
@pytest.mark.parametrize("directory_agrees", [False, True])
def test_an_array_that_claims_a_terabyte_is_refused_in_bounded_memory(name, directory_agrees, tmp_path):
    many = (2**40,) if name == "y_train" else (30, 1, 2**20, 2**20)
    claims = {**{"x_train": None, "y_train": None}, name: many}
    size = 128 + (2**40 * 8 if name == "y_train" else 30 * 2**40)
    file = tmp_path / "own.npz"
    _npz(
        file,
        **{
            part: (_npy(array, claims[part]), size if directory_agrees and part == name else None)
            for part, array in (("x_train", X), ("y_train", Y))
        },
    )
    says = {
        ("x_train", False): "own.npz is damaged: x_train claims to be uint8 of the shape .*; save it again",
        ("y_train", False): "own.npz is damaged: y_train claims to be int64 of the shape .*; save it again",
        ("x_train", True): "30 images of 1 x 1048576 x 1048576 are 263,882.8 GB as float64, .*--limit N",
        ("y_train", True): r"y_train is int64 of the shape \(1099511627776,\); it must be 30 whole numbers",
    }[name, directory_agrees]
    assert _peak_of_refusal(lambda: data.images(file), says) < 10e6


def test_an_array_that_ends_early_though_header_and_directory_say_otherwise_is_refused(tmp_path):
    size = len(_npy(X)) + 70 * X.size
    _npz(tmp_path / "own.npz", x_train=(_npy(X, (30, 71 * 4, 4)), size), y_train=(_npy(Y), None))
    with pytest.raises(ValueError, match="own.npz cannot be read as an .npz file of numbers: ") as refused:
        data.images(tmp_path / "own.npz")
    assert "\n" not in str(refused.value)


def test_a_header_too_long_for_numpy_is_refused_in_one_sentence(tmp_path):
    kind = np.dtype([(f"a field with a long name {i}", "u1") for i in range(500)])
    _npz(tmp_path / "own.npz", x_train=(_npy(np.zeros(30, kind)), None), y_train=(_npy(Y), None))
    with pytest.raises(ValueError, match="as an .npz file of numbers: Header info length .* is large") as refused:
        data.images(tmp_path / "own.npz")
    assert "\n" not in str(refused.value)


def test_an_encrypted_npz_and_one_of_an_unknown_compression_are_refused_in_one_sentence(tmp_path):
    np.savez_compressed(tmp_path / "own.npz", x_train=X, y_train=Y)
    content = (tmp_path / "own.npz").read_bytes()
    for mark, place, value, says in (
        (b"PK\x03\x04", 6, 1, "is encrypted, password required"),
        (b"PK\x03\x04", 8, 97, "compression method is not supported"),
    ):
        changed, directory = bytearray(content), content.index(b"PK\x01\x02")
        for start in (content.index(mark), content.rindex(mark)):
            changed[start + place] = value
        for start in (directory, content.rindex(b"PK\x01\x02")):
            changed[start + place + 2] = value
        (tmp_path / "own.npz").write_bytes(changed)
        with pytest.raises(ValueError, match=f"own.npz cannot be read as an .npz file of numbers: .*{says}") as refused:
            data.images(tmp_path / "own.npz")
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_limit_bounds_the_memory_that_arrays_take(save, tmp_path):
    x = np.zeros((2000, 128, 128), np.uint8)
    x[:, ::16] = _bytes(2000, 8, 128)
    save(tmp_path / "own.npz", x_train=x, y_train=np.arange(2000) % 2)
    tracemalloc.start()
    try:
        found = data.images(tmp_path / "own.npz", limit=20)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(found.x_train) == 20 and peak < 16e6 < x.nbytes / 2


def test_images_that_do_not_fit_into_memory_are_refused_in_one_sentence_and_a_limit_helps(tmp_path):
    resource = pytest.importorskip("resource")
    np.savez(tmp_path / "own.npz", x_train=np.tile(_bytes(30, 1200, 20), 60), y_train=Y)  # as float64 346 MB
    script = """if True:
        import resource, sys
        from pathlib import Path
        from bnbook import data
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + 200_000_000,) * 2)
        print(len(data.images(sys.argv[1], limit=4).x_train))
        data.images(sys.argv[1])
    """
    if not Path("/proc/self/statm").exists() or not hasattr(resource, "RLIMIT_AS"):
        pytest.skip("this system does not bound the memory of a process")
    done = subprocess.run([sys.executable, "-c", script, tmp_path / "own.npz"], capture_output=True, text=True)
    assert done.stdout == "4\n"
    says = (
        "ValueError: 30 images of 1 x 1200 x 1200 are 0.3 GB as float64, which this machine has no room for; keep fewer"
    )
    assert done.stderr.splitlines()[-1].startswith(says)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.integers(1, 255), st.sampled_from([np.savez, np.savez_compressed]))
def test_an_npz_with_a_changed_byte_is_refused_in_one_sentence_or_the_same(tmp_path_factory, place, change, save):
    file = tmp_path_factory.getbasetemp() / "changed.npz"
    save(file, x_train=X, y_train=Y)
    whole, content = data.images(file), bytearray(file.read_bytes())
    content[place % len(content)] ^= change
    file.write_bytes(content)
    try:
        found = data.images(file)
    except ValueError as error:
        assert "\n" not in str(error)
    else:
        assert all(np.array_equal(a, b) for a, b in zip(found, whole, strict=True))


def test_an_array_without_a_name_and_a_damaged_npz_are_refused(tmp_path):
    np.save(tmp_path / "array.npy", X)
    np.savez(tmp_path / "damaged.npz", x_train=_bytes(30, 40, 40), y_train=Y)
    content = bytearray((tmp_path / "damaged.npz").read_bytes())
    content[20_000] ^= 255
    (tmp_path / "damaged.npz").write_bytes(content)
    for name in ("array.npy", "damaged.npz"):
        with pytest.raises(ValueError, match=f"{name} cannot be read as an .npz file of numbers"):
            data.images(tmp_path / name)
