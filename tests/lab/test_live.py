"""Sliders: the picture and the text follow them, and where no kernel runs a still picture is left."""

import base64
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest

from bnbook import norm_numpy, widgets


def values():
    return np.random.default_rng(0).normal(20, 3, 100)


def test_moving_a_slider_changes_picture_and_text():
    live = widgets.batch_norm(values())
    sliders = {slider.description: slider for slider in live.children[:-2]}
    image, text = live.children[-2:]
    for name, to in (("batch", 16), ("gamma", 2.0), ("beta", 1.0), ("log10 eps", 1.0)):
        before = image.value, text.value
        sliders[name].value = to
        assert image.value != before[0] and text.value != before[1], name
        assert bytes(image.value).startswith(b"\x89PNG")


def test_the_text_holds_the_numbers_of_batch_norm():
    live = widgets.batch_norm(values())
    live.children[1].value, live.children[2].value = 2.0, 1.0
    y, mean, var = norm_numpy.batch_norm(values()[:8, None], np.array([2.0]), np.array([1.0]))
    assert f"x: mean {mean[0]:.2f}, sd {var[0] ** 0.5:.2f}" in live.children[-1].value
    assert f"y: mean {y.mean():.2f}, sd {y.std():.2f}" in live.children[-1].value


def test_without_a_kernel_there_is_a_still_picture_with_a_text():
    live = widgets.batch_norm(values())
    data, _ = live._repr_mimebundle_()
    assert base64.b64decode(data["image/png"]) == bytes(live.children[-2].value)
    assert data["text/plain"] == live.children[-1].value and "0x" not in data["text/plain"]
    assert "application/vnd.jupyter.widget-view+json" in data


def test_drawing_leaves_no_figure_open():
    plt.close("all")
    live = widgets.batch_norm(values())
    live.children[0].value = 5
    assert plt.get_fignums() == []


def test_too_few_values_are_refused_in_a_sentence():
    with pytest.raises(ValueError, match="10 values, expected 64 or more"):
        widgets.batch_norm(values()[:10])


def arrows():
    return widgets.projection([1.0, 4.0, 10.0], [2.0, 0.0, 4.0])


def test_the_projection_starts_at_the_notebooks_numbers_and_follows_each_slider():
    live = arrows()
    turn, mean, eps = live.children[:3]
    assert "= what is left            1.00   -1.75    0.75" in live.children[-1].value
    for slider, to in ((turn, 30.0), (mean, 0.0), (eps, 6.0)):
        before = live.children[-2].value, live.children[-1].value
        slider.value = to
        assert live.children[-2].value != before[0] and live.children[-1].value != before[1]


def test_moving_the_mean_leaves_what_is_left_alone_and_without_eps_it_is_orthogonal_to_x_hat():
    def left(live):
        return [line for line in live.children[-1].value.split("<br>") if line.startswith("= what is left")]

    live = arrows()
    before = left(live)
    live.children[1].value = -1.0
    assert left(live) == before
    live.children[2].value = 0.0
    assert left(live) != before and "times x_hat: 0.00" in live.children[-1].value


@pytest.mark.parametrize("x, dx_hat", [([1.0, 2.0], [1.0, 2.0, 3.0]), ([1.0, 2.0, 4.0], [[1.0, 2.0, 3.0]])])
def test_more_or_fewer_than_three_examples_are_refused(x, dx_hat):
    with pytest.raises(ValueError, match="space has three axes"):
        widgets.projection(x, dx_hat)


def test_the_running_average_follows_its_sliders():
    live = widgets.running_average(values())
    momentum, batch, image, text = live.children
    truth = values().mean()
    assert f"True mean {truth:.2f}" in text.value and "running_mean" in text.value
    before = image.value
    momentum.value = 1.0  # only the last batch counts
    assert image.value != before
    found = re.search(
        r"After 100: (\S+) and (\S+)\. Standard deviation of the last 50: batch means (\S+), \D+ (\S+)\.", text.value
    )
    running, corrected, batches, average = map(float, found.groups())
    assert running == corrected and batches == average > 0
    batch.value = 64
    assert float(re.search(r"batch means (\S+),", text.value)[1]) < batches / 2


def test_a_small_momentum_leaves_the_running_mean_near_0_and_its_correction_near_the_truth():
    live = widgets.running_average(values())
    live.children[0].value = 0.01
    running, corrected = map(
        float, re.search(r"running_mean (\S+), corrected (\S+)\.", live.children[-1].value).groups()
    )
    assert running < 0.12 * values().mean() and abs(corrected - values().mean()) < 2
    with pytest.raises(ValueError, match="10 values, expected 64 or more"):
        widgets.running_average(values()[:10])


def test_the_boxes_choose_the_axes_that_are_averaged_over():
    photos = np.random.default_rng(0).uniform(size=(2, 3, 8, 9))
    live = widgets.averaged_axes(photos)
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
        widgets.averaged_axes(np.ones((1, 3, 8, 9)))


def images(n=60):
    return np.random.default_rng(0).normal(size=(n, 64))


def test_gain_activation_and_standardizing_change_the_picture_and_the_text():
    live = widgets.twenty_layers(images())
    image, text = live.children[-2:]
    for control, to in zip(live.children[:3], (3.0, "sigmoid", True), strict=True):
        before = image.value, text.value
        control.value = to
        assert image.value != before[0] and text.value != before[1], control.description


@pytest.mark.parametrize("standardized", [False, True])
def test_the_text_holds_the_spread_of_the_first_and_the_last_layer(standardized):
    live = widgets.twenty_layers(images())
    live.children[0].value, live.children[2].value = 2.0, standardized
    random, h, sds = np.random.default_rng(0), images(), []
    for n in [64] + 19 * [100]:
        z = h @ (random.normal(size=(n, 100)) * 2.0 / np.sqrt(n))
        z = (z - z.mean(0)) / z.std(0) if standardized else z
        sds.append(z.std(0).mean())
        h = np.tanh(z)
    assert f"sd {sds[0]:.2g} in layer 1, {sds[-1]:.2g} in layer 20" in live.children[-1].value


def test_too_few_images_are_refused_in_a_sentence():
    with pytest.raises(ValueError, match="10 rows, expected 30 or more"):
        widgets.twenty_layers(images(10))
