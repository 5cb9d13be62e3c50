"""The sliders of notebook 04: picture and text follow them."""

import re

import numpy as np
import pytest

from bnbook.chapters.n04_train_and_eval import sliders


def values():
    return np.random.default_rng(0).normal(20, 3, 100)


def test_the_running_average_follows_its_sliders():
    live = sliders.running_average(values())
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
    live = sliders.running_average(values())
    assert "momentum" in live.children[0].description and live.children[0].value == 0.01  # as in the question
    running, corrected = map(
        float, re.search(r"running_mean (\S+), corrected (\S+)\.", live.children[-1].value).groups()
    )
    assert running == pytest.approx((1 - 0.99**50) * values().mean(), rel=0.05) and abs(corrected - values().mean()) < 1
    with pytest.raises(ValueError, match="10 values, expected 64 or more"):
        sliders.running_average(values()[:10])
