"""The finished functions of notebook 01, against PyTorch and what follows from their formulas."""

import numpy as np
import pytest
import torch
from arrays import batch, near
from sklearn.neighbors import NearestNeighbors

from bnbook import norm_numpy as bn
from bnbook.chapters.n01_why_normalize import functions


def test_standardize_is_normalize_over_the_rows_without_eps():
    x = batch((5, 3))
    near(functions.standardize(x), bn.normalize(x, (0,), eps=0.0)[0])
    root = 1.5**0.5
    near(functions.standardize(np.array([[1.0], [3.0], [5.0]])), [[-root], [0], [root]])
    assert functions.standardize(x.astype(np.float32)).dtype == np.float32
    assert np.isnan(functions.standardize(np.ones((4, 2)))).all()
    with pytest.raises(ValueError, match="x holds int64, expected floats"):
        functions.standardize(np.ones((4, 2), int))


def test_saturation_is_the_share_of_tanh_slopes_below_the_limit():
    z = torch.linspace(-5, 5, 1001, dtype=torch.float64, requires_grad=True)
    h = torch.tanh(z)
    h.sum().backward()
    for slope in (0.05, 0.3):
        assert functions.saturation(h.detach().numpy(), slope) == (z.grad < slope).double().mean().item()
    assert functions.saturation(np.array([-0.99, 0.96, 0.2])) == pytest.approx(1 / 3)


def test_same_digit_is_scikit_learns_nearest_neighbour():
    random = np.random.default_rng(0)
    z, labels = random.normal(size=(60, 5)), random.integers(0, 3, 60)
    nearest = NearestNeighbors(n_neighbors=1).fit(z).kneighbors(return_distance=False)[:, 0]
    assert functions.same_digit(z, labels) == np.mean(labels[nearest] == labels)
    assert functions.same_digit(np.array([[0.0], [0.1], [5.0], [5.1]]), np.array([1, 1, 2, 3])) == 0.5


@pytest.mark.parametrize("shape", [(50, 64), (8, 3, 5, 5)])
def test_he_std_is_pytorchs_kaiming_normal(shape):
    fan_in = int(np.prod(shape[1:]))
    weight = torch.empty(400, *shape[1:], dtype=torch.float64)
    torch.nn.init.kaiming_normal_(weight, nonlinearity="relu", generator=torch.Generator().manual_seed(0))
    assert weight.std().item() == pytest.approx(functions.he_std(fan_in), rel=0.02)
