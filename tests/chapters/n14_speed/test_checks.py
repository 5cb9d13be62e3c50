"""The checks of notebook 14 accept other ways to write the same, and refuse what is nearly right."""

import sys
import textwrap

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bnbook.chapters.n14_speed import checks, functions

# --- right answers written in another way ----------------------------------------------------------------------------


def lean_by_broadcasting(x, gamma, beta, eps=1e-5):
    axes, column = (0, *range(2, x.ndim)), (1, -1, *[1] * (x.ndim - 2))
    mean = x.mean(axes)
    y = x - mean.reshape(column)
    flat = y.reshape(len(x), x.shape[1], -1)
    var = np.einsum("ijk,ijk->j", flat, flat) / (x.size // x.shape[1])
    y /= np.sqrt(var + eps).reshape(column)
    y *= gamma.reshape(column)
    y += beta.reshape(column)
    return y, mean, var


def lean_with_out(x, gamma, beta, eps=1e-5):
    planes = x.reshape(*x.shape[:2], -1)
    y = np.empty(planes.shape)
    mean = planes.mean((0, 2))
    np.subtract(planes, mean[:, None], out=y)
    var = np.vecdot(y, y).sum(0) / (x.size // x.shape[1])
    np.multiply(y, (gamma / np.sqrt(var + eps))[:, None], out=y)
    np.add(y, beta[:, None], out=y)
    return y.reshape(x.shape), mean, var


def lean_as_a_line(x, gamma, beta, eps=1e-5):
    planes = x.reshape(*x.shape[:2], -1)
    m = x.size // x.shape[1]
    mean = planes.sum((0, 2)) / m
    var = np.einsum("ncs,ncs->c", planes, planes) / m - mean**2
    slope = gamma / np.sqrt(var + eps)
    y = planes * slope[:, None]
    y += (beta - mean * slope)[:, None]
    return y.reshape(x.shape), mean, var


def lean_one_channel_at_a_time(x, gamma, beta, eps=1e-5):
    y, mean, var = np.empty(x.shape), x.mean((0, *range(2, x.ndim))), np.empty(x.shape[1])
    for c in range(x.shape[1]):
        centred = x[:, c] - mean[c]
        var[c] = (centred**2).mean()
        y[:, c] = centred * (gamma[c] / np.sqrt(var[c] + eps)) + beta[c]
    return y, mean, var


@pytest.mark.parametrize("yours", [lean_by_broadcasting, lean_with_out])
def test_lean_batch_norm_is_accepted_however_it_is_written(yours):
    verdict = checks.lean_batch_norm.judge(yours)
    assert verdict.kind == "agrees", verdict.message


def test_raw_sums_are_refused_because_they_fail_far_from_zero():
    verdict = checks.lean_batch_norm.judge(lean_as_a_line)
    assert verdict.kind == "wrong" and verdict.slip.__name__ == "raw_sums" and "10,000" in verdict.message


def test_one_channel_at_a_time_is_accepted_only_if_its_scratch_is_small():
    """With 4 channels the scratch of one is a quarter of an activation, and three are held at a time."""
    verdict = checks.lean_batch_norm.judge(lean_one_channel_at_a_time)
    assert verdict.kind == "wrong" and "peak" in verdict.message and "1.5" in verdict.message


@pytest.mark.parametrize(
    "yours",
    [
        lambda g, mu, v, dg, db, m, eps=1e-5: (
            g * (v + eps) ** -0.5,
            -g * dg / (m * (v + eps)),
            g * mu * dg / (m * (v + eps)) - g * db / (m * np.sqrt(v + eps)),
        ),
        lambda *args: [array.tolist() for array in functions.backward_coefficients(*args)],
        lambda *args: tuple(torch.tensor(array) for array in functions.backward_coefficients(*args)),
    ],
)
def test_the_coefficients_are_accepted_however_they_are_written(yours):
    verdict = checks.backward_coefficients.judge(yours)
    assert verdict.kind == "agrees", verdict.message


def merge_through_the_mean(m_a, mean_a, M2_a, m_b, mean_b, M2_b):
    m = m_a + m_b
    mean = (m_a * mean_a + m_b * mean_b) / m
    return m, mean, M2_a + m_a * (mean_a - mean) ** 2 + M2_b + m_b * (mean_b - mean) ** 2


def merge_by_welford(m_a, mean_a, M2_a, m_b, mean_b, M2_b):
    m, d = m_a + m_b, mean_b - mean_a
    mean = mean_a + d * (m_b / m)
    return m, mean, M2_a + M2_b + m_b * d * (mean_b - mean)


@pytest.mark.parametrize("yours", [merge_through_the_mean, merge_by_welford])
def test_merge_is_accepted_however_it_is_written(yours):
    verdict = checks.merge.judge(yours)
    assert verdict.kind == "agrees", verdict.message


def block_by_divmod(program, x, y, slope, shift, L, BLOCK):
    i = np.arange(program * BLOCK, (program + 1) * BLOCK)
    row, _ = np.divmod(i, L)
    c = np.remainder(row, slope.size)
    y.store(i, shift.load(c) + slope.load(c) * x.load(i, i < x.size, 0.0), i < y.size)


def block_lane_by_lane(program, x, y, slope, shift, L, BLOCK):
    for i in range(program * BLOCK, min((program + 1) * BLOCK, x.size)):
        c = (i % (slope.size * L)) // L
        y.store(np.array([i]), slope.load(np.array([c])) * x.load(np.array([i])) + shift.load(np.array([c])))


@pytest.mark.parametrize("yours", [block_by_divmod, block_lane_by_lane])
def test_affine_block_is_accepted_however_it_is_written(yours):
    verdict = checks.affine_block.judge(yours)
    assert verdict.kind == "agrees", verdict.message


# --- wrong answers that nobody listed --------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.sampled_from(range(3)), st.one_of(st.floats(1e-3, 1), st.floats(-2, -1e-3)), st.sampled_from("lbm"))
def test_one_output_off_by_a_thousandth_is_refused(position, by, which):
    exercise = {"l": checks.lean_batch_norm, "b": checks.backward_coefficients, "m": checks.merge}[which]

    def yours(*args):
        outputs = list(exercise.finished(*args))
        outputs[position] = outputs[position] * (1 + by)
        return outputs

    assert exercise.judge(yours).kind == "wrong"


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.floats(1e-6, 1e-2).filter(lambda eps: abs(eps / 1e-5 - 1) > 1e-2))
def test_another_default_for_eps_is_refused(default):
    def coefficients(gamma, mean, var, dgamma, dbeta, m, eps=default):
        return functions.backward_coefficients(gamma, mean, var, dgamma, dbeta, m, eps)

    assert checks.backward_coefficients.judge(coefficients).kind == "wrong"


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(-2, 2), st.integers(-1, 1), st.integers(-1, 1))
def test_a_block_shifted_cut_or_with_another_row_length_is_refused(start, end, length):
    def yours(program, x, y, slope, shift, L, BLOCK):
        offsets = program * BLOCK + start + np.arange(BLOCK)
        mask, channels = offsets < x.size + end, offsets // max(L + length, 1) % slope.size
        y.store(offsets, x.load(offsets, mask) * slope.load(channels) + shift.load(channels), mask)

    assert (checks.affine_block.judge(yours).kind == "agrees") == (start == end == length == 0)


def test_raw_squares_are_named_however_their_rounding_falls():
    def raw(m_a, mean_a, M2_a, m_b, mean_b, M2_b):
        m = m_a + m_b
        mean = (m_a * mean_a + m_b * mean_b) / m
        return m, mean, M2_a + m_a * mean_a**2 + M2_b + m_b * mean_b**2 - m * mean**2

    assert checks.merge.judge(raw).slip.__name__ == "by_the_raw_squares"


def test_a_last_block_held_back_to_the_end_is_accepted():
    """It writes the last number several times, with the same value and in its own block."""

    def clamped(program, x, y, slope, shift, L, BLOCK):
        offsets = np.minimum(program * BLOCK + np.arange(BLOCK), x.size - 1)
        channels = offsets // L % slope.size
        y.store(offsets, x.load(offsets) * slope.load(channels) + shift.load(channels))

    assert checks.affine_block.judge(clamped).kind == "agrees"


def test_a_block_that_stores_nothing_is_wrong_and_not_unwritten():
    def forgot(program, x, y, slope, shift, L, BLOCK):
        offsets = program * BLOCK + np.arange(BLOCK)
        return x.load(offsets, offsets < x.size)

    assert checks.affine_block.judge(forgot).kind == "wrong"


def test_the_memory_of_a_second_array_is_noticed_and_named():
    def temporary(x, gamma, beta, eps=1e-5):
        y, mean, var = functions.lean_batch_norm(x, gamma, beta, eps)
        return y * 1.0, mean, var

    verdict = checks.lean_batch_norm.judge(temporary)
    assert "peak" in verdict.message and verdict.slip.__name__ == "squares_as_a_temporary"


def variance_first(x, gamma, beta, eps=1e-5):
    axes, column = (0, *range(2, x.ndim)), (1, -1, *[1] * (x.ndim - 2))
    mean, var = x.mean(axes), x.var(axes, ddof=0)
    y = x - mean.reshape(column)
    y /= np.sqrt(var + eps).reshape(column)
    y *= gamma.reshape(column)
    y += beta.reshape(column)
    return y, mean, var


@pytest.mark.parametrize("again", [1, 2])
def test_an_array_that_is_made_and_dropped_before_y_is_noticed_each_time(again):
    verdict = [checks.lean_batch_norm.judge(variance_first) for _ in range(again)][-1]
    assert "large_arrays_made is 2, expected 1" in verdict.message
    assert verdict.slip.__name__ == "the_variance_before_y"


def keeping(what):
    """A batch norm that keeps y, or the array of squares, from call to call."""
    kept = np.empty(0)

    def yours(x, gamma, beta, eps=1e-5):
        nonlocal kept
        if kept.size < x.size:
            kept = np.empty(x.size)
        planes = x.reshape(*x.shape[:2], -1)
        scratch, mean = kept[: x.size].reshape(planes.shape), planes.mean((0, 2))
        y = np.subtract(planes, mean[:, None], out=scratch if what == "y" else None)
        var = np.square(y, out=scratch).mean((0, 2)) if what == "squares" else np.einsum("ncs,ncs->c", y, y)
        var = var if what == "squares" else var / (x.size // x.shape[1])
        y *= (gamma / np.sqrt(var + eps))[:, None]
        y += beta[:, None]
        return y.reshape(x.shape), mean, var

    return yours


@pytest.mark.parametrize(
    "what, said", [("y", "same_memory_twice is 1, expected 0"), ("squares", "peak is 2, expected 1")]
)
def test_an_array_that_is_kept_from_call_to_call_is_noticed_however_often_it_was_checked(what, said):
    yours = keeping(what)
    verdicts = [checks.lean_batch_norm.judge(yours) for _ in range(30)]
    assert all(said in verdict.message for verdict in verdicts)
    slip = {"y": "the_same_y_again", "squares": "squares_as_a_temporary"}[what]
    assert {verdict.slip.__name__ for verdict in verdicts} == {slip}


def test_counting_arrays_line_by_line_leaves_no_trace_behind():
    def broken(x):
        raise ValueError("as it is")

    before, x = sys.gettrace(), np.ones((512, 1024))
    assert functions.arrays_made(lambda x: x.sum(), x) == 0
    assert functions.arrays_made(lambda x: (x + 1).sum() + (x + 2).sum(), x) == 1, "of one line the most at a time"
    with pytest.raises(ValueError, match="as it is"):
        functions.arrays_made(broken, x)
    assert sys.gettrace() is before


@pytest.mark.parametrize("exercise", checks.EXERCISES, ids=lambda exercise: exercise.name)
def test_the_last_hint_runs_as_printed_and_is_right(exercise):
    lines = [line for line in exercise.hints[-1].splitlines() if line.startswith("    ")]
    inputs = "program, x, y, slope, shift, L, BLOCK" if exercise.name == "affine_block" else ", ".join(exercise.inputs)
    found = {"np": np}
    code = textwrap.indent(textwrap.dedent("\n".join(lines)), "    ")
    exec(f"def yours({inputs.replace('eps', 'eps=1e-5')}):\n{code}", found)
    verdict = exercise.judge(found["yours"])
    assert verdict.kind == "agrees", verdict.message
