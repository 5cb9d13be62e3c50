"""The sliders of notebook 02: picture and text follow them."""

import base64
import html
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest

from bnbook import norm_numpy
from bnbook.chapters.n02_forward import sliders


def values():
    return np.random.default_rng(0).normal(20, 3, 100)


def test_moving_a_slider_changes_picture_and_text():
    live = sliders.batch_norm(values())
    by_name = {slider.description: slider for slider in live.children[:-2]}
    image, text = live.children[-2:]
    for name, to in (("batch", 16), ("gamma", 2.0), ("beta", 1.0), ("log10 eps", 1.0)):
        before = image.value, text.value
        by_name[name].value = to
        assert image.value != before[0] and text.value != before[1], name
        assert bytes(image.value).startswith(b"\x89PNG")


def test_the_text_holds_the_numbers_of_batch_norm():
    live = sliders.batch_norm(values())
    live.children[1].value, live.children[2].value = 2.0, 1.0
    y, mean, var = norm_numpy.batch_norm(values()[:8, None], np.array([2.0]), np.array([1.0]))
    assert f"x: mean {mean[0]:.2f}, sd {var[0] ** 0.5:.2f}" in live.children[-1].value
    assert f"y: mean {y.mean():.2f}, sd {y.std():.2f}" in live.children[-1].value


def test_without_a_kernel_there_is_a_still_picture_with_a_text():
    live = sliders.batch_norm(values())
    data, metadata = live._repr_mimebundle_()
    assert base64.b64decode(data["image/png"]) == bytes(live.children[-2].value)
    shown = re.fullmatch(r'<span style="white-space: pre-wrap;.*?">(.*)</span>', live.children[-1].value, re.DOTALL)[1]
    assert data["text/plain"] == html.unescape(shown) and "0x" not in data["text/plain"]
    assert "  x_hat" in shown, "columns stay apart"
    assert metadata == {"image/png": {"alt": " ".join(data["text/plain"].split())}}
    assert "application/vnd.jupyter.widget-view+json" in data


def test_drawing_leaves_no_figure_open():
    plt.close("all")
    live = sliders.batch_norm(values())
    live.children[0].value = 5
    assert plt.get_fignums() == []


def test_too_few_values_are_refused_in_a_sentence():
    with pytest.raises(ValueError, match="10 values, expected 64 or more"):
        sliders.batch_norm(values()[:10])
