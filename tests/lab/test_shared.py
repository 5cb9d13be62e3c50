"""What the experiments of two notebooks need."""

import pytest
import torch

from bnbook import data
from bnbook.lab import shared as shared_lab


@pytest.fixture(scope="module")
def digits():
    return data.digits()


def test_the_shared_statistic_is_one_mean_and_variance_and_keeps_the_weights(digits):
    layer = shared_lab._SharedStatistic(3)
    x = torch.randn(5, 3, 4, 4, dtype=torch.float64) * torch.tensor([1.0, 5.0, 0.1]).reshape(1, 3, 1, 1) + 2
    torch.testing.assert_close(layer(x).detach(), (x - x.mean()) / (x.var(correction=0) + 1e-5).sqrt())
    batch, shared = (shared_lab._with_unequal_filters(norm, 3.0, 1, digits) for norm in ("batch", "shared"))
    for i in (1, 2, 3):
        assert torch.equal(batch.get_submodule(f"conv{i}").weight, shared.get_submodule(f"conv{i}").weight)
        assert type(shared.get_submodule(f"norm{i}")) is shared_lab._SharedStatistic
    assert list(dict(shared.named_children())) == list(dict(batch.named_children()))
