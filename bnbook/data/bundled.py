"""What comes with scikit-learn: handwritten digits and two photographs."""

import numpy as np
from sklearn.datasets import load_digits, load_sample_image
from sklearn.model_selection import train_test_split

from .parts import Data, check_seed


def digits(seed=0):
    """The 1,797 handwritten digits that come with scikit-learn: 1,000 to train, 297 to validate, 500 to test.

    seed  which images go where; every class has the same share of each part
    Returns Data, with x (N, 1, 8, 8) and y one of 0 to 9.
    Raises ValueError if seed is not a whole number from 0 to 2**32 - 1.
    Source: Alpaydin & Kaynak 1998, "Optical recognition of handwritten digits" (test part), UCI repository.
    """
    check_seed(seed)
    images = load_digits()
    x = images.data.reshape(-1, 1, 8, 8) / 16  # sixteen grey levels
    y = images.target.astype(np.int64)
    x, x_test, y, y_test = train_test_split(x, y, test_size=500, stratify=y, random_state=int(seed))
    x_train, x_val, y_train, y_val = train_test_split(x, y, test_size=297, stratify=y, random_state=int(seed))
    return Data(x_train, y_train, x_val, y_val, x_test, y_test)


def photos():
    """Two photographs that come with scikit-learn, china.jpg and flower.jpg, as a batch of colour images.

    Each pixel is the mean of 6 x 6 of the original's: small enough to be shown many times on a page.
    Returns x (2, 3, 71, 106), float64, between 0 and 1; the channels are red, green and blue.
    Source: Flickr, by danielbuechele (china.jpg) and vultilion (flower.jpg), both under CC BY 2.0.
    """
    originals = np.stack([load_sample_image(name) for name in ("china.jpg", "flower.jpg")]) / 255
    blocks = originals[:, : 71 * 6, : 106 * 6].reshape(2, 71, 6, 106, 6, 3)
    return np.moveaxis(blocks.mean((2, 4)), -1, 1)
