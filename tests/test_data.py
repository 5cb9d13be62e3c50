import gzip
import hashlib
import io
import pickle
import tarfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sklearn.datasets import load_digits, load_sample_image

from bnbook import data
from bnbook.data import parts, published


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


def test_the_checksums_are_complete_and_no_two_alike():
    assert set(published.MNIST) == set(published.FASHION_MNIST) == {*IDX, *(f"{name}.gz" for name in IDX)}
    sums = [*published.MNIST.values(), *published.FASHION_MNIST.values(), *published.CIFAR10.values()]
    assert len(set(sums)) == 23 and all(len(s) == 32 and set(s) <= set("0123456789abcdef") for s in sums)


def _bytes(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def _write(folder, name, content, monkeypatch, checksums):
    """A file, and its checksum in place of the published one."""
    (folder / name).write_bytes(content)
    monkeypatch.setitem(checksums, name, hashlib.md5(content).hexdigest())


def _write_idx(folder, monkeypatch, checksums, packed):
    """60 training and 20 test images of 28 x 28 as the four files; returns the four arrays."""
    arrays = _bytes(60, 28, 28), np.arange(60) % 10, _bytes(20, 28, 28, seed=1), np.arange(20) % 10
    for name, array in zip(IDX, arrays, strict=True):
        content = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes() + bytes(array.astype(np.uint8))
        name, content = (f"{name}.gz", gzip.compress(content)) if packed else (name, content)
        _write(folder, name, content, monkeypatch, checksums)
    return arrays


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("name", SETS)
def test_idx_files_are_read_and_a_validation_part_is_cut_from_the_training_files(name, packed, tmp_path, monkeypatch):
    x, y, x_test, y_test = _write_idx(tmp_path, monkeypatch, SETS[name], packed)
    found = getattr(data, name)(str(tmp_path))
    assert [part.shape for part in found[::2]] == [(40, 1, 28, 28), (20, 1, 28, 28), (20, 1, 28, 28)]
    assert {part.dtype for part in found} == {np.dtype(np.float64), np.dtype(np.int64)}
    assert np.array_equal(found.x_test, x_test[:, None] / 255) and np.array_equal(found.y_test, y_test)
    assert np.bincount(found.y_train).tolist() == 10 * [4] and np.bincount(found.y_val).tolist() == 10 * [2]
    pairs = [(image.tobytes(), label) for image, label in zip(x, y, strict=True)]
    both = [(np.rint(a * 255).astype(np.uint8), b) for a, b in list(_pairs(found))[:2]]
    assert sorted((image.tobytes(), label) for a, b in both for image, label in zip(a, b, strict=True)) == sorted(pairs)


def test_of_a_file_that_is_there_packed_and_unpacked_the_packed_one_is_read(tmp_path, monkeypatch):
    _write_idx(tmp_path, monkeypatch, published.MNIST, packed=True)
    (tmp_path / IDX[0]).write_bytes(b"half a download")
    assert len(data.mnist(tmp_path).x_train) == 40


def test_a_limit_and_a_seed_reach_the_published_sets(tmp_path, monkeypatch):
    _write_idx(tmp_path, monkeypatch, published.MNIST, packed=True)
    small, other = data.mnist(tmp_path, limit=10), data.mnist(tmp_path, limit=10, seed=1)
    assert [np.bincount(part).tolist() for part in small[1::2]] == 3 * [10 * [1]]
    assert not np.array_equal(small.x_train, other.x_train)
    with pytest.raises(ValueError, match="limit is 9; with 10 classes it must be 10 or more"):
        data.mnist(tmp_path, limit=9)


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


def _write_cifar(folder, monkeypatch, where):
    """Six batches of 20 images as an archive, or unpacked in the folder that it makes, or in folder itself."""
    batches = {name: _bytes(20, 3072, seed=i) for i, name in enumerate(list(published.CIFAR10)[1:])}
    inside = folder / ("" if where == "here" else "cifar-10-batches-py")
    inside.mkdir(exist_ok=True)
    for name, pixels in batches.items():
        batch = {
            "batch_label": "some",
            "labels": [i % 10 for i in range(20)],
            "data": pixels,
            "filenames": 20 * ["a.png"],
        }
        content = _python_2_pickle(batch)
        assert b"cnumpy.core.multiarray\n_reconstruct\n" in content
        _write(inside, name, content, monkeypatch, published.CIFAR10)
    if where == "archive":
        with tarfile.open(folder / "made.tar.gz", "w:gz") as tar:
            for name in batches:
                tar.add(inside / name, f"cifar-10-batches-py/{name}")
                (inside / name).unlink()
        inside.rmdir()
        _write(folder, "cifar-10-python.tar.gz", (folder / "made.tar.gz").read_bytes(), monkeypatch, published.CIFAR10)
        (folder / "made.tar.gz").unlink()
    return batches


@pytest.mark.parametrize("where", ["archive", "in its folder", "here"])
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


def test_a_pickle_that_names_another_function_is_refused_and_the_function_not_called(tmp_path, monkeypatch):
    _write_cifar(tmp_path, monkeypatch, "here")
    attack = f"cos\nsystem\n(S'touch {tmp_path}/called'\ntR.".encode()
    _write(tmp_path, "data_batch_3", attack, monkeypatch, published.CIFAR10)
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


def test_a_wrong_checksum_is_refused_with_both_before_anything_is_read(tmp_path, monkeypatch):
    _write_idx(tmp_path, monkeypatch, published.MNIST, packed=True)
    name = f"{IDX[2]}.gz"
    expected = published.MNIST[name]
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:-100])  # an interrupted download
    found = hashlib.md5((tmp_path / name).read_bytes()).hexdigest()
    with pytest.raises(ValueError, match=f"{name} has the md5 checksum {found}, expected {expected}: it is damaged"):
        data.mnist(tmp_path)
    with pytest.raises(ValueError, match="has the md5 checksum .* expected 8d4fb7e6c68d591d4c3dfef9ec88bf0d"):
        data.fashion_mnist(tmp_path)  # the files of MNIST in its place


@pytest.mark.parametrize("where, name", [("archive", "cifar-10-python.tar.gz"), ("here", "data_batch_2")])
def test_a_wrong_checksum_of_cifar10_is_refused(where, name, tmp_path, monkeypatch):
    _write_cifar(tmp_path, monkeypatch, where)
    (tmp_path / name).write_bytes(b"<html>not found</html>")
    with pytest.raises(ValueError, match=f"{name} has the md5 checksum .* expected {published.CIFAR10[name]}"):
        data.cifar10(tmp_path)


def test_missing_files_are_named(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match="lacks train-images-idx3-ubyte.gz, .*t10k-labels-idx1-ubyte.gz; put"):
        data.mnist(tmp_path)
    _write_idx(tmp_path, monkeypatch, published.MNIST, packed=False)
    (tmp_path / IDX[1]).unlink()
    with pytest.raises(FileNotFoundError, match="lacks train-labels-idx1-ubyte.gz; put the file"):
        data.mnist(tmp_path)
    with pytest.raises(
        FileNotFoundError, match="lacks cifar-10-python.tar.gz, or its files data_batch_1, .*test_batch; "
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
    (tmp_path / "cat" / "._000.png").write_bytes(b"macOS")
    (tmp_path / "cat" / "notes.txt").write_text("a good cat")
    assert len(np.concatenate(data.images(tmp_path)[1::2])) == 20


@pytest.mark.parametrize(
    "spoil, says",
    [
        (lambda f: _draw(f / "new", size=(6, 6)), "1 subfolder.* and 0 .npz.*two subfolders or more"),
        (lambda f: _draw(f, classes=["cat"]), "1 subfolder.* and 0 .npz.*two subfolders or more"),
        (lambda f: (_draw(f), np.savez(f / "x.npz")), "2 subfolder.* and 1 .npz"),
        (lambda f: (np.savez(f / "x.npz"), np.savez(f / "y.npz")), "0 subfolder.* and 2 .npz"),
        (lambda f: (_draw(f), (f / "emu").mkdir()), "subfolder emu has 0 PNG or JPEG files; a class needs 10 or more"),
        (lambda f: _draw(f, count=9), "subfolder cat has 9 PNG or JPEG files; a class needs 10 or more"),
        (
            lambda f: (_draw(f), _draw(f, size=(5, 6), classes=["emu"])),
            "cat/000.png is 5 x 6 in grey and emu/000.png is 6 x 5",
        ),
        (
            lambda f: (_draw(f), _draw(f, mode="RGB", classes=["emu"])),
            "is 5 x 6 in grey and emu/000.png is 5 x 6 in colour",
        ),
        (lambda f: (_draw(f), (f / "cat/x.png").write_bytes(b"no")), "x.png cannot be read as a picture"),
        (lambda f: (_draw(f), _halve(f / "dog/003.png")), "003.png cannot be read as a picture"),
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


LAYOUTS = {
    "N H W": lambda x: x[:, 0],
    "N 1 H W": lambda x: x,
    "N H W 1": lambda x: np.moveaxis(x, 1, -1),
    "N 3 H W": lambda x: np.repeat(x, 3, 1),
    "N H W 3": lambda x: np.moveaxis(np.repeat(x, 3, 1), 1, -1),
}


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    st.sampled_from(list(LAYOUTS)),
    st.sampled_from([np.uint8, np.int64, np.float16, np.float32, np.float64]),
    st.sampled_from([(), ("test",), ("val",), ("val", "test")]),
    st.sampled_from([np.uint8, np.int32, np.int64]),
)
def test_arrays_are_read_in_every_layout_and_type_and_split_where_they_are_not(
    tmp_path_factory, layout, dtype, extra, y_dtype
):
    file = tmp_path_factory.mktemp("npz") / "own.npz"
    arrays, originals = {}, {}
    for i, (part, n) in enumerate([("train", 50), *((part, 12) for part in extra)]):
        x, y = _bytes(n, 1, 5, 4, seed=i), (np.arange(n) % 3).astype(y_dtype)
        held = x.astype(dtype) if np.issubdtype(dtype, np.integer) else (x / 255).astype(dtype)
        arrays |= {f"x_{part}": LAYOUTS[layout](held), f"y_{part}": y}
        originals[part] = held / 255 if np.issubdtype(dtype, np.integer) else held.astype(np.float64)
    np.savez(file, **arrays)
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


X, Y = np.zeros((30, 4, 4), np.uint8), np.arange(30) % 2


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
            "own.npz cannot be read as an .npz file of numbers: Object arrays",
        ),
        ({"x_train": X[0], "y_train": Y}, r"x_train has the shape \(4, 4\); it must be \(N, H, W\)"),
        ({"x_train": np.zeros((30, 4, 4, 2)), "y_train": Y}, r"x_train has the shape \(30, 4, 4, 2\); it must be"),
        ({"x_train": X[:0], "y_train": Y[:0]}, r"x_train has the shape \(0, 4, 4\)"),
        ({"x_train": X.astype(complex), "y_train": Y}, "x_train is of the type complex128; it must hold whole numbers"),
        (
            {"x_train": np.where(Y[:, None, None] * np.ones((4, 4)), np.nan, 0), "y_train": Y},
            "x_train holds .* nan or inf",
        ),
        ({"x_train": X + np.inf, "y_train": Y}, "x_train holds values that are nan or infinite"),
        (
            {"x_train": X + np.uint16(300), "y_train": Y},
            "x_train holds uint16 from 300 to 300; whole numbers must be 0 to 255",
        ),
        ({"x_train": X - 1.5, "y_train": Y}, "x_train holds float64 from -1.5 to -1.5; whole .* fractions 0 to 1"),
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


def test_an_array_without_a_name_and_a_damaged_npz_are_refused(tmp_path):
    np.save(tmp_path / "array.npy", X)
    np.savez(tmp_path / "damaged.npz", x_train=_bytes(30, 40, 40), y_train=Y)
    content = bytearray((tmp_path / "damaged.npz").read_bytes())
    content[20_000] ^= 255
    (tmp_path / "damaged.npz").write_bytes(content)
    for name in ("array.npy", "damaged.npz"):
        with pytest.raises(ValueError, match=f"{name} cannot be read as an .npz file of numbers"):
            data.images(tmp_path / name)
