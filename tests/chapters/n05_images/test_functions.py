"""The finished functions of notebook 05, against PyTorch and what follows from their formulas."""

import numpy as np
import pytest
import torch
from arrays import SHAPES, batch, near, vectors

from bnbook import norm_numpy as bn
from bnbook.chapters.n05_images import functions


@pytest.mark.parametrize("shape", SHAPES)
def test_rows_are_pixels_and_come_back_as_images(shape):
    x = batch(shape)
    rows = functions.to_rows(x)
    pixels = [(n, *place) for n, *place in np.ndindex(shape[0], *shape[2:])]
    assert rows.shape == (x.size // shape[1], shape[1])
    for row, (n, *place) in zip(rows, pixels, strict=True):
        assert np.array_equal(row, x[(n, slice(None), *place)])
    assert np.array_equal(functions.from_rows(rows, shape), x)
    assert (
        functions.to_rows(x.astype(np.float32)).dtype == np.float32
        and functions.to_rows(x.tolist()).tolist() == rows.tolist()
    )


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if np.prod(shape) > shape[1]])
def test_batch_norm_of_images_is_batch_norm_of_the_table(shape):
    x, (gamma, beta) = batch(shape), vectors(shape[1])
    y, mean, var = bn.batch_norm(x, gamma, beta)
    by_rows, mean_of_rows, var_of_rows = bn.batch_norm(functions.to_rows(x), gamma, beta)
    near(functions.from_rows(by_rows, shape), y)
    near(mean_of_rows, mean)
    near(var_of_rows, var)


def test_what_is_no_image_and_no_table_is_refused():
    with pytest.raises(ValueError, match=r"x has shape \(3,\), expected \(N, C\)"):
        functions.to_rows(np.ones(3))
    with pytest.raises(ValueError, match=r"rows has shape \(6, 2\), expected \(4, 3\)"):
        functions.from_rows(np.ones((6, 2)), (2, 3, 2))
    with pytest.raises(ValueError, match=r"bias has shape \(2,\) and running_mean \(3,\)"):
        functions.remove_bias(np.ones(2), np.ones(3))


def test_a_layer_without_its_bias_gives_the_same_in_both_modes_and_trains_on_the_same():
    torch.manual_seed(0)
    x = torch.randn(6, 2, 5, 5, dtype=torch.float64)
    conv, norm = torch.nn.Conv2d(2, 3, 3, padding=1).double(), torch.nn.BatchNorm2d(3).double()
    bare, new = torch.nn.Conv2d(2, 3, 3, padding=1, bias=False).double(), torch.nn.BatchNorm2d(3).double()
    norm(conv(x))
    bare.weight = conv.weight
    new.load_state_dict(norm.state_dict())
    new.running_mean = torch.tensor(functions.remove_bias(conv.bias.detach().numpy(), norm.running_mean.numpy()))
    for training in (False, True, False):  # the training pass moves both running means
        norm.train(training), new.train(training)
        torch.testing.assert_close(new(bare(x)), norm(conv(x)), rtol=0, atol=1e-12)
