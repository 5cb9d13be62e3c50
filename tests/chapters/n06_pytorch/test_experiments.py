"""The experiments of notebook 06, against plain loops and closed forms."""

import numpy as np
import pytest
import torch
from torch import nn

from bnbook import data
from bnbook.chapters.n06_pytorch import experiments

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def digits():
    return data.digits()


def test_two_copies_of_a_net_have_the_same_losses_and_a_broken_one_has_not(digits):
    same = experiments.same_losses(digits, steps=5)
    assert same["step"] == [1, 2, 3, 4, 5]
    np.testing.assert_allclose(same["ours"], same["theirs"], rtol=1e-10)
    assert same["loss_ours"] == pytest.approx(same["loss_theirs"], rel=1e-10)
    assert same["accuracy_ours"] == same["accuracy_theirs"]

    theirs, broken = _plain_cnn(seed=0), _plain_cnn(seed=0)
    with torch.no_grad():
        broken[0].weight[0, 0, 0, 0] += 1e-3
    apart = experiments.same_losses(digits, theirs, broken, steps=5)
    assert abs(apart["ours"][0] - apart["theirs"][0]) > 1e-7


def test_a_running_mean_with_its_graph_grows_by_the_same_number_of_nodes_each_step():
    found = experiments.graph_nodes(steps=6)
    assert len(set(np.diff(found["kept"]))) == 1 and found["kept"][0] > 1
    assert found["detached"] == [0] * 6
    assert found["copied"] == {"kept": False, "detached": True}


def test_a_layer_is_a_drop_in_for_itself_and_not_for_one_with_another_momentum():
    class Slower(nn.BatchNorm2d):
        def forward(self, x):
            self.momentum = self.momentum and 0.05
            return super().forward(x)

    assert [row["equal"] for row in experiments.drop_in(nn.BatchNorm2d, nn.BatchNorm2d)] == [True] * 8
    rows = experiments.drop_in(nn.BatchNorm2d, Slower)
    assert all(row["equal"] != (row["track_running_stats"] and row["momentum"] == 0.1) for row in rows)


def _plain_cnn(seed):
    generator = torch.Generator().manual_seed(seed)
    net = nn.Sequential(
        *(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 16, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(64, 10)),
    ).double()
    for layer, std in ((0, (2 / 9) ** 0.5), (3, (2 / 72) ** 0.5), (6, (2 / 144) ** 0.5), (9, (1 / 64) ** 0.5)):
        nn.init.normal_(net[layer].weight, 0, std, generator=generator)
        nn.init.zeros_(net[layer].bias)
    return net


# --- what the notebook says besides ----------------------------------------------------------------------------------


@pytest.mark.parametrize("m", [4, 16, 64])
def test_outputs_of_one_mean_and_spread_miss_targets_by_a_known_share_of_their_variance(m):
    """Behind a regression: the best that a BatchNorm at the end can do is to put the right order into every batch."""
    targets = torch.randn(200_000 // m, m, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    ordered = nn.functional.batch_norm(targets.T, None, None, training=True, eps=1e-12).T  # each batch by itself
    errors = [(gamma * ordered - targets).square().mean().item() for gamma in np.linspace(0.5, 1.2, 141)]
    assert min(errors) == pytest.approx(1.5 / m, rel=0.05)
