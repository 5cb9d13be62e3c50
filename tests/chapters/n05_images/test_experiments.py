"""The experiments of notebook 05, against plain loops and closed forms."""

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from bnbook import data, nets
from bnbook.chapters.n05_images import experiments

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def digits():
    return data.digits()


def test_the_error_of_the_batch_mean_falls_as_the_root_of_the_batch_size(digits):
    found = experiments.sample_size(digits, seeds=3, sizes=(4, 16, 64))
    assert found["pixels"] == 64 and np.shape(found["errors"]) == (3, 3)
    low, high = found["slope_interval"]
    assert low <= found["slope"] <= high and found["slope"] == pytest.approx(-0.5, abs=0.02)
    # The error of a mean of N images is the standard deviation of one image's mean over sqrt(N): `worth` is exact.
    for errors, worth in zip(found["errors"], found["worth"], strict=True):
        np.testing.assert_allclose(errors, 1 / np.sqrt(np.array([4, 16, 64]) * worth), rtol=0.1)
    # A network's squared error is the mean over its 8 channels, and what they are worth is the inverse of that.
    worth_of_8 = np.reshape(found["channels"]["worth"], (3, 8))
    np.testing.assert_allclose(1 / np.mean(1 / worth_of_8, axis=1), found["worth"])
    assert np.corrcoef(np.log(worth_of_8.ravel()), np.abs(found["channels"]["sum"]))[0, 1] < -0.5


def test_one_statistic_for_all_channels_ruins_unequal_filters_only(digits):
    found = experiments.shared_statistic(digits, seeds=2, steps=60)
    accuracy = {(arm["spread"], arm["norm"]): arm["mean"] for arm in found["arms"]}
    assert accuracy[3.0, "batch"] > 0.85 and accuracy[0.0, "shared"] > 0.75 and accuracy[3.0, "shared"] < 0.6
    spread = {(arm["spread"], arm["norm"]): max(arm["sd"]) / min(arm["sd"]) for arm in found["arms"]}
    assert spread[0.0, "batch"] < 1.01 and spread[3.0, "shared"] > 100
    for spread, difference in zip((0.0, 3.0), found["differences"], strict=True):
        finals = [arm["accuracy"] for arm in found["arms"] if arm["spread"] == spread]
        expected = stats.ttest_rel(*(100 * np.array(final) for final in finals)).confidence_interval()
        assert (difference["spread"], difference["pairs"]) == (spread, 2)
        assert (difference["low"], difference["high"]) == pytest.approx(tuple(expected)), "Student's, in points"
        assert difference["mean"] == pytest.approx(100 * (accuracy[spread, "batch"] - accuracy[spread, "shared"]))


@pytest.mark.parametrize("experiment", [experiments.sample_size, experiments.shared_statistic])
def test_one_seed_gives_no_interval(digits, experiment):
    with pytest.raises(ValueError, match="seeds is 1"):
        experiment(digits, seeds=1)


# --- what the notebook says besides ----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype, wanders", [(torch.float32, True), (torch.float64, False)])
def test_adam_moves_a_bias_before_batch_norm_on_rounding_errors(digits, dtype, wanders):
    lr, x, y = 1e-3, torch.tensor(digits.x_train, dtype=dtype), torch.tensor(digits.y_train)
    x = (x - x.mean()) / x.std()
    for seed in range(2):
        net, rng = nets.cnn("batch", seed=seed).to(dtype), torch.Generator().manual_seed(seed)
        net.conv1 = nn.Conv2d(1, 8, 3, padding=1, dtype=dtype)
        nn.init.zeros_(net.conv1.bias)
        optimizer = torch.optim.Adam(net.parameters(), lr)
        for _ in range(300):
            batch = torch.randint(len(x), (64,), generator=rng)
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(x[batch]), y[batch]).backward()
            optimizer.step()
        moved = net.conv1.bias.abs().max().item()
        assert moved > 3 * lr if wanders else moved < 0.01 * lr
