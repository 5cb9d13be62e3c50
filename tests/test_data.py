import numpy as np
import pytest
from sklearn.datasets import load_digits, load_sample_image

from bnbook import data


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
