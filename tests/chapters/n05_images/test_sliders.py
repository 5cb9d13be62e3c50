"""The sliders of notebook 05: picture and text follow them."""

import numpy as np
import pytest

from bnbook.chapters.n05_images import sliders


def test_the_boxes_choose_the_axes_that_are_averaged_over():
    photos = np.random.default_rng(0).uniform(size=(2, 3, 8, 9))
    live = sliders.averaged_axes(photos)
    boxes, (image, text) = live.children[:4], live.children[-2:]
    assert [box.value for box in boxes] == [True, False, True, True]
    assert "3 means, each of 144 numbers. Means of red, green, blue afterwards: 0.00, 0.00, 0.00" in text.value
    before = bytes(image.value)
    boxes[1].value = True
    assert "averaged over N, C, H, W: 1 mean, each of 432 numbers" in text.value and bytes(image.value) != before
    for box in boxes:
        box.value = False
    assert "averaged over nothing: 432 means, each of 1 number." in text.value


def test_boxes_want_two_pictures_in_colour():
    with pytest.raises(ValueError, match=r"photos has shape \(1, 3, 8, 9\), expected \(2, 3, H, W\)"):
        sliders.averaged_axes(np.ones((1, 3, 8, 9)))
