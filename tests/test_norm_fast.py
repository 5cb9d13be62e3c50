"""bnbook.norm_fast, judged by norm_numpy in float64 and by PyTorch; its speed is judged by `python -m bnbook bench`."""

import inspect
import tracemalloc
import warnings

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from bnbook import norm_fast as fast
from bnbook import norm_numpy as plain

NAMES = ("y", "mean", "var", "dx", "dgamma", "dbeta", "evaluated")
# Both ways to see an array as rows: planes of fewer and more than 64, 2048 and 8192 numbers; short and long tables.
SHAPES = [
    (5, 3),
    (2, 3),
    (128, 100),
    (4096, 9),
    (1025, 2),
    (64, 700),
    (4, 3, 5),
    (1, 3, 7),
    (2, 3, 1, 1),
    (32, 3, 7, 7),
]
SHAPES += [(3, 4, 8, 8), (2, 3, 50, 41), (1, 2, 100, 101), (5, 3, 4, 4, 5), (48, 40, 6, 6), (3, 260, 24, 25)]
# relative to the largest of what is added up: rounding once, and in float32 sums of up to 2048 numbers
TOLERANCE = {np.float64: 1e-12, np.float32: 1e-6, np.float16: 1e-3}


def batch(shape, ratio=0.5, dtype=np.float64, seed=0):
    """Numbers whose mean is ratio standard deviations, a little different in each channel."""
    random = np.random.default_rng(seed)
    spread = np.linspace(0.5, 2, shape[1]).reshape(1, -1, *[1] * (len(shape) - 2))
    return ((random.normal(size=shape) + ratio) * spread).astype(dtype)


def vectors(C):
    return np.linspace(-1.5, 2, C) + 0.1, np.linspace(3, -2, C)


def results(bn, x, dy, gamma, beta, eps=1e-5, **out):
    """Everything the functions of a module return, by name."""
    y, mean, var = bn.batch_norm(x, gamma, beta, eps, **out)
    y = y.copy()
    gradients = bn.batch_norm_backward(dy, x, gamma, mean, var, eps, **out)
    gradients = [g.copy() for g in gradients]
    evaluated = bn.batch_norm_eval(x, gamma, beta, mean, var, eps, **out)
    return dict(zip(NAMES, (y, mean, var, *gradients, evaluated), strict=True))


def truth(x, dy, gamma, beta, eps=1e-5):
    return results(plain, x.astype(np.float64), dy.astype(np.float64), gamma, beta, eps)


def near(got, expected, tolerance):
    """Each result is off by at most tolerance times its largest value."""
    for name, value in expected.items():
        assert got[name].shape == value.shape, name
        error = np.abs(np.asarray(got[name], np.float64) - value).max(initial=0)
        assert error <= tolerance * np.abs(value).max(initial=0) + 1e-300, f"{name} is off by {error:.1e}"


def agree(got, x, dy, gamma, beta, eps, tolerance):
    """Near the truth, where that may be 0 by cancellation: relative to what was added up."""
    exact = truth(x, dy, gamma, beta, eps)
    axes, wide = plain.batch_axes(x.ndim), np.abs(dy.astype(np.float64))
    x_hat = np.abs(plain.normalize(x.astype(np.float64), axes, eps)[0])
    sizes = {"var": (exact["var"] + eps).max(), "mean": np.abs(exact["mean"]).max() + np.sqrt(exact["var"].max())}
    sizes["dx"] = wide.max() * np.abs(gamma / np.sqrt(exact["var"] + eps)).max()
    sizes["dbeta"], sizes["dgamma"] = wide.sum(axes).max(), (wide * x_hat).sum(axes).max()
    for name, value in exact.items():
        error = np.abs(np.asarray(got[name], np.float64) - value).max()
        size = sizes.get(name, np.abs(value).max())
        assert error <= tolerance * size, f"{name} is off by {error:.1e} of {size:.1e}"


# --- the same functions ----------------------------------------------------------------------------------------------


def test_names_and_arguments_are_those_of_norm_numpy_and_out():
    for name in fast.__all__:
        theirs, ours = inspect.signature(getattr(plain, name)), inspect.signature(getattr(fast, name))
        extra = [p for p in ours.parameters.values() if p.name not in theirs.parameters]
        assert [(p.name, p.kind, p.default) for p in extra] in ([], [("out", inspect.Parameter.KEYWORD_ONLY, None)])
        assert list(ours.parameters)[: len(theirs.parameters)] == list(theirs.parameters)
    for name in ("normalize", "normalize_backward", "update_running"):
        assert getattr(fast, name) is getattr(plain, name)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_and_dtype_gives_what_norm_numpy_gives(shape, dtype):
    gamma, beta = vectors(shape[1])
    for ratio in (0.0, 0.9, 3.0):
        x, dy = batch(shape, ratio, dtype), batch(shape, 0.2, dtype, seed=1)
        got = results(fast, x, dy, gamma, beta)
        assert got["y"].dtype == got["dx"].dtype == got["evaluated"].dtype == dtype
        assert all(got[name].dtype == np.float64 for name in ("mean", "var", "dgamma", "dbeta"))
        agree(got, x, dy, gamma, beta, 1e-5, TOLERANCE[dtype])


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.integers(1, 70),
    st.integers(1, 12),
    st.lists(st.integers(1, 9), max_size=3),
    st.sampled_from([0.0, 1.0, 30.0]),
    st.sampled_from([1e-5, 0.1]),
    st.sampled_from([np.float32, np.float64]),
)
def test_any_rank_and_any_size_gives_what_norm_numpy_gives(N, C, positions, ratio, eps, dtype):
    shape = (N, C, *positions)
    if N * np.prod(positions) < 2:
        with pytest.raises(ValueError, match="fewer than two values per channel"):
            fast.batch_norm(np.ones(shape, dtype), None, None)
        return
    x, dy, (gamma, beta) = batch(shape, ratio, dtype), batch(shape, 0.2, dtype, seed=1), vectors(C)
    agree(results(fast, x, dy, gamma, beta, eps), x, dy, gamma, beta, eps, TOLERANCE[dtype])


@pytest.mark.parametrize("shape", [(40, 3), (6, 3, 9, 9), (2, 3, 50, 50)])
def test_forward_backward_and_evaluation_equal_pytorch(shape):
    x, dy, (gamma, beta) = batch(shape), batch(shape, seed=1), vectors(3)
    leaves = [torch.tensor(a, requires_grad=True) for a in (x, gamma, beta)]
    y = F.batch_norm(leaves[0], None, None, *leaves[1:], True, 0.1, 1e-3)
    y.backward(torch.tensor(dy))
    got = results(fast, x, dy, gamma, beta, 1e-3)
    theirs = [y.detach(), *(leaf.grad for leaf in leaves), y.detach()]
    expected = dict(zip(("y", "dx", "dgamma", "dbeta", "evaluated"), map(torch.Tensor.numpy, theirs), strict=True))
    near(got, expected, 1e-12)


def test_gamma_and_beta_may_be_left_out():
    for shape in ((50, 3), (5, 3, 8, 9), (1, 3, 50, 50)):
        x, dy, (gamma, beta) = batch(shape, 1.5), batch(shape, seed=1), vectors(3)
        for g, b in ((None, beta), (gamma, None), (None, None)):
            near(results(fast, x, dy, g, b), truth(x, dy, g, b), 1e-12)


def test_layers_of_whole_numbers_are_exact():
    x = np.tile(np.float32([[1, 30], [3, 10], [5, 20], [3, 20]]), (32, 1))  # means 3 and 20, variances 2 and 50
    y, mean, var = fast.batch_norm(x, np.sqrt([2.0, 50.0]), None, 0.0)
    assert mean.tolist() == [3, 20] and var.tolist() == [2, 50] and np.array_equal(y, x - np.float32([3, 20]))
    same = np.full((64, 2, 9, 9), 7, np.float32)
    y, mean, var = fast.batch_norm(same, None, np.array([1.0, -2.0]))
    assert mean.tolist() == [7, 7] and var.tolist() == [0, 0] and (y[:, 0] == 1).all() and (y[:, 1] == -2).all()


# --- accuracy --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shape", [(64, 8, 32, 32), (128, 16, 8, 8), (32, 32, 14, 14), (64, 8, 28, 28), (4096, 64), (128, 100)]
)
@pytest.mark.parametrize("ratio", [0, 0.9, 1.1, 1.5, 1.7, 3, 4.1, 30, 1e2, 1e3, 1e4, -1e4])
def test_float32_is_within_5e_7_up_to_a_mean_of_1e4_standard_deviations(shape, ratio):
    x, dy, (gamma, beta) = batch(shape, ratio, np.float32), batch(shape, 0, np.float32, seed=1), vectors(shape[1])
    got, exact = results(fast, x, dy, gamma, beta), truth(x, dy, gamma, beta)
    assert (got["var"] > 0).all()
    near({name: got[name] for name in NAMES}, {name: exact[name] for name in ("y", "dx", "dgamma", "evaluated")}, 5e-7)


@pytest.mark.parametrize("scale", [1e-25, 1e-12, 1e12, 1e18, 1e25])
def test_numbers_whose_squares_leave_float32_are_no_exception(scale):
    x, dy = (batch((16, 3, 9, 9)) * scale).astype(np.float32), batch((16, 3, 9, 9), seed=1).astype(np.float32)
    for eps in (1e-5, 0.0):
        agree(results(fast, x, dy, *vectors(3), eps), x, dy, *vectors(3), eps, 1e-6)


def test_a_gradient_too_large_for_float32_is_no_exception():
    x, dy = batch((16, 3, 9, 9), dtype=np.float32), np.full((16, 3, 9, 9), 1e37, np.float32)
    for gradient in (dy, dy.astype(np.float64)):
        got, exact = (bn.batch_norm_backward(gradient, x, None, np.zeros(3), np.ones(3)) for bn in (fast, plain))
        for a, b in zip(got, exact, strict=True):
            assert a.dtype == b.dtype and np.isfinite(a).all()
            np.testing.assert_allclose(a, b, rtol=1e-6)


def test_factors_too_large_for_float32_are_no_exception():
    gamma = np.array([1e30, 1.0, 1e-3])
    x, dy = (batch((16, 3, 9, 9)) * 1e-6).astype(np.float32), batch((16, 3, 9, 9), seed=1).astype(np.float32)
    got, exact = (results(bn, x, (dy * 1e-12).astype(np.float32), gamma * 1e3, None, 0.0) for bn in (fast, plain))
    for name, value in exact.items():
        np.testing.assert_array_equal(got[name], value, name)  # handed on
    far = np.array([1e39, 0.0, 1.0])
    y = fast.batch_norm_eval(x, np.array([1e-20, 1, 1]), None, far, np.ones(3))
    np.testing.assert_allclose(y, plain.batch_norm_eval(x, np.array([1e-20, 1, 1]), None, far, np.ones(3)), rtol=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("shape", [(50, 3), (5, 3, 8, 9)])
def test_nan_and_infinity_give_what_norm_numpy_gives_without_a_warning(bad, shape):
    x, dy = batch(shape, dtype=np.float32), batch(shape, seed=1, dtype=np.float32)
    x[2, 1] = bad
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        got, expected = (results(bn, x, dy, *vectors(3)) for bn in (fast, plain))
    for name, value in expected.items():
        np.testing.assert_array_equal(got[name], value)
    assert np.isfinite(got["y"][:, [0, 2]]).all()


# --- the pivot --------------------------------------------------------------------------------------------------------


def readings(monkeypatch, call):
    """How often `call` adds up a whole array."""
    seen, sums = [], fast._sums
    monkeypatch.setattr(fast, "_sums", lambda *arguments: seen.append(1) or sums(*arguments))
    call()
    monkeypatch.undo()
    return len(seen)


@pytest.mark.parametrize("shape", [(64, 8, 16, 16), (16, 8, 40, 40), (4096, 9), (256, 8, 5, 5)])
@pytest.mark.parametrize("ratio", [0, 1, 1.5, 3, 100, -1e4])
def test_x_is_added_up_once_wherever_its_mean_is(monkeypatch, shape, ratio):
    x = batch(shape, ratio, np.float32)
    assert readings(monkeypatch, lambda: fast.batch_norm(x, None, None)) == 1


@pytest.mark.parametrize("ratio", [0, 3, 1e4])
def test_numbers_of_which_a_look_at_a_few_says_nothing_are_no_exception(monkeypatch, ratio):
    x = batch((64, 3, 16, 16), ratio, np.float32)
    x[:, :, 7:9] = -3e4  # the middle of every image, where the guess looks
    dy, (gamma, beta) = batch(x.shape, 0, np.float32, seed=1), vectors(3)
    assert readings(monkeypatch, lambda: fast.batch_norm(x, gamma, beta)) == 2
    got, exact = results(fast, x, dy, gamma, beta), truth(x, dy, gamma, beta)
    near({name: got[name] for name in NAMES}, {name: exact[name] for name in ("y", "mean", "var", "dx")}, 1e-6)


@pytest.mark.parametrize("value", [0.0, 7.0, 1e4, 0.1])
def test_a_channel_of_equal_numbers_has_variance_0(value):
    x = batch((64, 3, 24, 24), 3, np.float32)
    x[:, 1] = value
    y, mean, var = fast.batch_norm(x, None, np.array([1.0, 2.0, 3.0]))
    assert var[1] == 0 and mean[1] == np.float32(value) and (y[:, 1] == 2).all()


@pytest.mark.parametrize("shape", [(300, 7), (64, 3, 24, 24), (9, 5, 40, 40), (20, 3, 6, 6)])
def test_float16_is_widened_here_and_not_handed_on(monkeypatch, shape):
    x, dy, (gamma, beta) = batch(shape, 3, np.float16), batch(shape, seed=1, dtype=np.float16), vectors(shape[1])
    expected = results(plain, x, dy, gamma, beta)
    for name in ("batch_norm", "batch_norm_backward", "batch_norm_eval"):
        monkeypatch.setattr(plain, name, None)
    got = results(fast, x, dy, gamma, beta)
    near(got, expected, 1e-3)
    assert got["y"].dtype == got["dx"].dtype == np.float16


# --- out, layouts, memory --------------------------------------------------------------------------------------------


def test_out_is_what_comes_back_and_may_be_an_argument():
    for shape, ratio, dtype in (
        ((50, 3), 0, "f4"),
        ((9, 3, 8, 9), 30, "f4"),
        ((2, 3, 50, 50), 3, "f8"),
        ((9, 3, 2), 1, "f2"),
    ):
        x, dy, (gamma, beta) = batch(shape, ratio, dtype), batch(shape, seed=1, dtype=dtype), vectors(3)
        expected = results(fast, x, dy, gamma, beta)
        out = np.full_like(x, 7)
        for name, value in results(fast, x, dy, gamma, beta, out=out).items():
            np.testing.assert_array_equal(value, expected[name], name)
        mean, var = expected["mean"], expected["var"]
        for which in (0, 1):
            pair = [dy.copy(), x.copy()]
            dx, *_ = fast.batch_norm_backward(*pair, gamma, mean, var, out=pair[which])
            assert dx is pair[which]
            np.testing.assert_array_equal(dx, expected["dx"])
            np.testing.assert_array_equal(pair[1 - which], (dy, x)[1 - which])
        assert fast.batch_norm_eval(again := x.copy(), gamma, beta, mean, var, out=again) is again
        np.testing.assert_array_equal(again, expected["evaluated"])
        y, *_ = fast.batch_norm(x, gamma, beta, out=x)
        assert y is x
        np.testing.assert_array_equal(y, expected["y"])


def test_out_may_overlap_an_argument_in_any_way():
    x, dy, (gamma, beta) = batch((8, 3, 8, 8)), batch((8, 3, 8, 8), seed=1), vectors(3)
    expected = results(plain, x, dy, gamma, beta)
    memory = np.zeros((9, 3, 8, 8))
    for start in (0, 1):  # x lies one image later or earlier than out
        memory[1 - start : 9 - start] = x
        y, mean, var = fast.batch_norm(memory[1 - start : 9 - start], gamma, beta, out=memory[start : start + 8])
        near({"y": y}, {"y": expected["y"]}, 1e-12)
    memory[1:] = dy
    dx, *_ = fast.batch_norm_backward(memory[1:], x, gamma, mean, var, out=memory[:8])
    near({"dx": dx}, {"dx": expected["dx"]}, 1e-12)
    turned = np.zeros((8, 8, 3, 8)).transpose(0, 2, 1, 3)
    near({"y": fast.batch_norm(x, gamma, beta, out=turned)[0]}, {"y": expected["y"]}, 1e-12)


@pytest.mark.parametrize(
    "turn",
    [
        lambda x: np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1),
        lambda x: np.repeat(x, 2, axis=3)[..., ::2],
        lambda x: x.swapaxes(2, 3).copy().swapaxes(2, 3),
        lambda x: x[::-1].copy()[::-1],
    ],
    ids=["channels last", "every second column", "rows and columns swapped", "flipped"],
)
def test_the_layout_in_memory_does_not_matter(turn):
    for ratio in (0.5, 30):
        x, dy, (gamma, beta) = batch((9, 3, 8, 7), ratio), batch((9, 3, 8, 7), seed=1), vectors(3)
        expected = truth(x, dy, gamma, beta)
        near(results(fast, turn(x), dy, gamma, beta), expected, 1e-12)
        near(results(fast, turn(x), turn(dy), gamma, beta), expected, 1e-12)
        near(results(fast, turn(x), turn(dy), gamma, beta, out=turn(x)), expected, 1e-12)


@pytest.mark.parametrize(
    "shape", [(64, 64, 32, 32), (32, 256, 14, 14), (4096, 1024), (1024, 64, 5, 5), (4, 64, 128, 128)]
)
@pytest.mark.parametrize("ratio", [0, 30])
def test_with_out_no_memory_of_a_tenth_of_x_is_taken(shape, ratio):
    x, dy = batch(shape, ratio, np.float32), batch(shape, dtype=np.float32, seed=1)
    gamma, beta = vectors(shape[1])
    out = np.empty_like(x)
    _, mean, var = fast.batch_norm(x, gamma, beta)
    calls = {
        "forward": lambda: fast.batch_norm(x, gamma, beta, out=out),
        "backward": lambda: fast.batch_norm_backward(dy, x, gamma, mean, var, out=out),
        "evaluation": lambda: fast.batch_norm_eval(x, gamma, beta, mean, var, out=out),
        "backward over dy": lambda: fast.batch_norm_backward(dy, x, gamma, mean, var, out=dy),
        "forward over x": lambda: fast.batch_norm(x, gamma, beta, out=x),
    }
    for name, call in calls.items():
        tracemalloc.start()
        call()
        peak = tracemalloc.get_traced_memory()[1] / x.nbytes
        tracemalloc.stop()
        assert peak <= 0.1, f"{name} of {shape} takes {peak:.2f} x"


# --- manners ---------------------------------------------------------------------------------------------------------


def test_nothing_is_written_but_out_and_numpys_settings_stay():
    for shape in ((50, 3), (5, 3, 8, 9), (1, 3, 50, 50)):
        arguments = [batch(shape, 3, np.float32), batch(shape, dtype=np.float32, seed=1), *vectors(3)]
        kept = [a.copy() for a in arguments]
        before = np.geterr(), np.getbufsize()
        results(fast, *arguments)
        assert (np.geterr(), np.getbufsize()) == before
        for after, a in zip(arguments, kept, strict=True):
            np.testing.assert_array_equal(after, a)


def test_evaluation_takes_one_image_and_none():
    _, beta = vectors(3)
    assert fast.batch_norm_eval(np.ones((1, 3)), None, beta, np.ones(3), np.ones(3)).tolist() == [beta.tolist()]
    assert fast.batch_norm_eval(np.ones((0, 3, 2)), None, beta, np.ones(3), np.ones(3)).shape == (0, 3, 2)


TABLE = np.ones((4, 3))


@pytest.mark.parametrize(
    "call, says",
    [
        (lambda: fast.batch_norm(np.ones(3), None, None), r"x has shape \(3,\), expected \(N, C\)"),
        (lambda: fast.batch_norm(np.ones((1, 3)), None, None), "fewer than two values per channel"),
        (lambda: fast.batch_norm(np.ones((0, 3)), None, None), "fewer than two values per channel"),
        (lambda: fast.batch_norm(TABLE.astype(int), None, None), r"x holds int64, expected floats"),
        (lambda: fast.batch_norm(TABLE, np.ones(4), None), r"gamma has shape \(4,\), expected \(3,\)"),
        (lambda: fast.batch_norm(TABLE, None, np.ones((1, 3))), r"beta has shape \(1, 3\), expected \(3,\)"),
        (lambda: fast.batch_norm_backward(TABLE[:3], TABLE, None, np.ones(3), np.ones(3)), "dy has shape"),
        (lambda: fast.batch_norm_backward(TABLE, TABLE, None, np.ones(2), np.ones(3)), "mean has shape"),
        (lambda: fast.batch_norm_eval(TABLE, None, None, np.ones(2), np.ones(3)), "running_mean has shape"),
        (lambda: fast.update_running(*[np.ones(3)] * 4, m=1), "m is 1: the unbiased variance divides by m - 1"),
        (lambda: fast.batch_norm(TABLE, None, None, out=[0.0]), r"out is list, expected an array like x.*empty_like"),
        (
            lambda: fast.batch_norm(TABLE, None, None, out=np.ones((4, 2))),
            r"out is float64 \(4, 2\), expected .*\(4, 3\)",
        ),
        (
            lambda: fast.batch_norm_eval(TABLE, None, None, TABLE[0], TABLE[0], out=np.ones((4, 3), "f4")),
            "out is float32.*float64",
        ),
    ],
)
def test_bad_input_gets_one_clear_sentence(call, says):
    with pytest.raises(ValueError, match=says):
        call()
