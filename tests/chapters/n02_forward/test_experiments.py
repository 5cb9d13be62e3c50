"""The experiments of notebook 02, against PyTorch and exact sums."""

import numpy as np
import pytest
import torch

from bnbook import data, norm_numpy
from bnbook.chapters.n02_forward import experiments

torch.set_num_threads(1)


def test_a_function_in_the_place_of_the_layers_gives_their_logits_and_a_wrong_one_does_not():
    digits = data.digits()
    theirs, yours, labels, seen = experiments.with_batch_norm(digits, norm_numpy.batch_norm)
    np.testing.assert_allclose(yours, theirs, rtol=1e-9, atol=1e-9)
    assert (labels == digits.y_test).all() and np.mean(yours.argmax(1) == labels) > 0.9
    assert [x.shape[1] for x, _ in seen] == [8, 16, 16] and all(x.shape == y.shape for x, y in seen)
    x, y = seen[0]
    scaled = torch.nn.functional.batch_norm(torch.from_numpy(x), None, None, training=True).numpy()
    gamma = (y.max((0, 2, 3)) - y.min((0, 2, 3))) / (scaled.max((0, 2, 3)) - scaled.min((0, 2, 3)))
    np.testing.assert_allclose(gamma, y.std((0, 2, 3)), rtol=1e-4)


def test_each_call_gets_the_scale_and_the_shift_of_its_layer():
    got = []

    def forgets_both(x, gamma, beta):
        got.append((gamma, beta))
        return norm_numpy.batch_norm(x, np.ones_like(gamma), np.zeros_like(beta))

    theirs, yours, _, seen = experiments.with_batch_norm(data.digits(), forgets_both)
    assert not np.allclose(theirs, yours, atol=0.1)
    assert [len(gamma) for gamma, _ in got] == [8, 16, 16] and all((gamma != 1).any() for gamma, _ in got)
    assert all(y.mean((0, 2, 3)) == pytest.approx(0, abs=1e-9) for _, y in seen)
