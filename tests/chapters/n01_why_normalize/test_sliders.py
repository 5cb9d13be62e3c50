"""The sliders of notebook 01: picture and text follow them."""

import numpy as np
import pytest

from bnbook.chapters.n01_why_normalize import plots, sliders


def images(n=60):
    return np.random.default_rng(0).normal(size=(n, 64))


def test_gain_activation_and_standardizing_change_the_picture_and_the_text():
    live = sliders.twenty_layers(images())
    image, text = live.children[-2:]
    for control, to in zip(live.children[:3], (3.0, "sigmoid", True), strict=True):
        before = image.value, text.value
        control.value = to
        assert image.value != before[0] and text.value != before[1], control.description


@pytest.mark.parametrize("standardized", [False, True])
def test_the_text_holds_the_spread_of_the_first_and_the_last_layer(standardized):
    live = sliders.twenty_layers(images())
    live.children[0].value, live.children[2].value = 2.0, standardized
    random, h, sds = np.random.default_rng(0), images(), []
    for n in [64] + 19 * [100]:
        z = h @ (random.normal(size=(n, 100)) * 2.0 / np.sqrt(n))
        z = (z - z.mean(0)) / z.std(0) if standardized else z
        sds.append(z.std(0).mean())
        h = np.tanh(z)
    assert f"sd {sds[0]:.2g} in layer 1, {sds[-1]:.2g} in layer 20" in live.children[-1].value


def test_the_still_picture_is_not_all_grey(monkeypatch):
    drawn, draw = [], plots.last_layer
    monkeypatch.setattr(plots, "last_layer", lambda sds, h, *rest: drawn.append(h) or draw(sds, h, *rest))
    live = sliders.twenty_layers(images())
    live.children[0].value = 1.0
    still, at_gain_1 = drawn
    assert still.std() > 0.5 > 0.2 > at_gain_1.std()  # of a scale from -1 to 1


def test_too_few_images_are_refused_in_a_sentence():
    with pytest.raises(ValueError, match="10 rows, expected 30 or more"):
        sliders.twenty_layers(images(10))
