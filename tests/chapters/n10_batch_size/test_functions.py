"""The finished functions of notebook 10, against PyTorch and what follows from their formulas."""

import copy
import warnings

import numpy as np
import pytest
import torch
from arrays import batch, near, vectors
from torch import nn
from torch.nn import functional as F

from bnbook import data, nets
from bnbook import norm_numpy as bn
from bnbook.chapters.n10_batch_size import functions


def test_batch_renorm_is_evaluation_inside_its_limits_and_batch_norm_without_room():
    x, (gamma, beta) = batch((6, 3, 2)), vectors(3)
    mean, var = np.array([3.1, 2.9, 3.0]), np.array([0.3, 1.2, 3.5])
    y, batch_mean, batch_var = functions.batch_renorm(x, gamma, beta, mean, var, r_max=100, d_max=100)
    near(y, bn.batch_norm_eval(x, gamma, beta, mean, var))
    tight = functions.batch_renorm(x, gamma, beta, mean, var, r_max=1, d_max=0)
    for ours, expected in zip(tight, bn.batch_norm(x, gamma, beta), strict=True):
        near(ours, expected)
    near(batch_mean, x.mean((0, 2)))
    near(batch_var, x.var((0, 2)))


@pytest.mark.parametrize("shape, size", [((6, 3), 2), ((6, 3, 2), 3), ((4, 3, 2, 3), 4), ((4, 3, 2, 3), 1)])
def test_ghost_batches_are_pytorchs_batch_norm_of_each_part(shape, size):
    x, (gamma, beta) = batch(shape), vectors(3)
    parts = [
        F.batch_norm(part, None, None, torch.tensor(gamma), torch.tensor(beta), training=True)
        for part in torch.tensor(x).split(size)
    ]
    near(functions.ghost_batch_norm(x, gamma, beta, size), torch.cat(parts))


@pytest.mark.parametrize("size", [0, 4, 7, -2])
def test_parts_that_do_not_make_up_the_batch_are_refused(size):
    with pytest.raises(ValueError, match=rf"size is {size} and x has 6 examples: choose a divisor of 6"):
        functions.ghost_batch_norm(batch((6, 3)), None, None, size)


def test_the_standard_error_is_how_far_means_are_from_the_truth():
    values = np.random.default_rng(0).normal(3, 2, (40_000, 25))
    assert functions.standard_error(2, 25) == 0.4
    assert np.sqrt(np.mean((values.mean(1) - 3) ** 2)) == pytest.approx(0.4, rel=0.01)


@pytest.mark.parametrize("size", [1, 2, 7, 10, 30])
def test_the_accumulated_gradient_is_that_of_the_batch_for_a_net_without_normalization(size):
    x, y = (torch.tensor(part[:10]) for part in (data.digits().x_train, data.digits().y_train))
    net = nets.mlp("none", 5)

    def gradient(x, y):
        net.zero_grad()
        nn.functional.cross_entropy(net(x), y).backward()
        return torch.cat([p.grad.flatten() for p in net.parameters()])

    torch.testing.assert_close(functions.accumulated_gradient(gradient, x, y, size), gradient(x, y))
    with pytest.raises(ValueError, match="size is 0; a micro-batch needs 1 example or more"):
        functions.accumulated_gradient(gradient, x, y, 0)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_no_function_writes_into_its_arguments_or_warns(dtype):
    for offset in (3.0, 6e4 if dtype == np.float16 else 1e4):
        for bad in (0.0, np.nan, np.inf):
            x, (gamma, beta) = batch((5, 3, 4), offset, dtype), vectors(3)
            x[0, 1, 0] += bad
            mean, var = np.full(3, 2.0), np.full(3, 1.5)
            for name, more in (("batch_renorm", (mean, var, 3.0, 5.0)), ("ghost_batch_norm", (5,))):
                arguments = (x, gamma, beta, *more)
                kept = copy.deepcopy(arguments)
                with warnings.catch_warnings():
                    warnings.simplefilter("error")
                    getattr(functions, name)(*arguments)
                for after, before in zip(arguments, kept, strict=True):
                    np.testing.assert_array_equal(after, before)
