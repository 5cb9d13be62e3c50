"""The exercises of notebook 08: right answers in any style pass, wrong ones that nobody listed are refused."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bnbook.chapters.n08_learning_rates import checks, functions
from bnbook.lab import results


def band_on_a_fine_grid_of_crossings(lr, accuracy, best, share=0.9):
    """Insert the crossings as points of their own; then every piece is good or not."""
    where, above = list(np.log10(lr)), [a - share * best for a in accuracy]
    points = [(where[0], above[0])]
    for i in range(1, len(where)):
        a, b = above[i - 1], above[i]
        if a * b < 0:
            points.append((where[i - 1] + (where[i] - where[i - 1]) * a / (a - b), 0.0))
        points.append((where[i], b))
    return sum(q[0] - p[0] for p, q in zip(points, points[1:], strict=False) if min(p[1], q[1]) >= 0)


def band_vectorized(lr, accuracy, best, limit=0.9):
    above = np.asarray(accuracy) - limit * best
    a, b = above[:-1], above[1:]
    with np.errstate(invalid="ignore", divide="ignore"):
        part = np.where(a == b, a >= 0, (np.maximum(b, 0) - np.maximum(a, 0)) / (b - a))
    return np.sum(part * np.diff(np.log10(lr)))


@pytest.mark.parametrize("yours", [band_on_a_fine_grid_of_crossings, band_vectorized])
def test_a_band_in_any_style_is_accepted(yours):
    verdict = checks.band.judge(yours)
    assert verdict.kind == "agrees", verdict.message


def check_with_torch(f, gradient, w, a):
    before, after = torch.tensor(gradient(w)), torch.tensor(gradient(a * w))
    cosine = torch.nn.functional.cosine_similarity(torch.tensor(w).flatten(), after.flatten(), dim=0)
    return f(a * w) - f(w), ((a * after - before).norm() / before.norm()).item(), cosine.item()


def check_with_loops(f, gradient, w, a):
    def norm(v):
        return math.sqrt(math.fsum(x * x for x in np.ravel(v)))

    before, after = gradient(w), gradient(w * a)
    product = math.fsum(x * y for x, y in zip(np.ravel(w), np.ravel(after), strict=True))
    return [f(w * a) - f(w), norm(after * a - before) / norm(before), product / norm(w) / norm(after)]


@pytest.mark.parametrize("yours", [check_with_torch, check_with_loops])
def test_an_invariance_check_in_any_style_is_accepted(yours):
    verdict = checks.invariance_check.judge(yours)
    assert verdict.kind == "agrees", verdict.message


def rate_by_norm(lr, weight):
    return lr / np.linalg.norm(weight.reshape(weight.shape[0], -1), axis=1) ** 2


def rate_by_einsum(lr, weight):
    rows = weight.reshape(len(weight), -1)
    return lr / np.einsum("ui,ui->u", rows, rows)


def rate_by_axes(lr, weight):
    return lr / np.sum(weight * weight, axis=tuple(range(1, weight.ndim)))


def rate_by_list(lr, weight):
    return [lr / float((unit**2).sum()) for unit in weight]


@pytest.mark.parametrize("yours", [rate_by_norm, rate_by_einsum, rate_by_axes, rate_by_list])
def test_an_effective_rate_in_any_style_is_accepted(yours):
    assert checks.effective_rate.judge(yours).kind == "agrees"


def through_the_length(lr, decay, gradient):
    length = math.sqrt(math.sqrt(lr / (2 * decay)) * gradient)
    return length, lr * gradient / length**2


@pytest.mark.parametrize(
    "yours",
    [through_the_length, lambda lr, wd, g: ((lr * g * g / wd / 2) ** (1 / 4), (2 * lr * wd) ** 0.5)],
)
def test_an_equilibrium_in_any_style_is_accepted(yours):
    assert checks.equilibrium.judge(yours).kind == "agrees"


off = st.one_of(st.floats(1e-3, 2), st.floats(-0.9, -1e-3))


@settings(max_examples=50, deadline=None, derandomize=True)
@given(off)
def test_a_band_with_another_limit_or_scale_is_refused(by):
    assert checks.band.judge(lambda lr, a, best, s=0.9: (1 + by) * results.band(lr, a, best, s)).kind == "wrong"
    assert checks.band.judge(lambda lr, a, best, s=0.9: results.band(lr, a, best, s * (1 + by))).kind == "wrong"
    assert checks.band.judge(lambda lr, a, best, s=0.9 * (1 + by): results.band(lr, a, best, s)).kind == "wrong"


@settings(max_examples=50, deadline=None, derandomize=True)
@given(off, st.integers(0, 2))
def test_one_output_off_is_refused(by, position):
    def bend(function):
        def yours(*args):
            outputs = list(np.atleast_1d(function(*args)))
            outputs[position % len(outputs)] *= 1 + by
            return outputs

        return yours

    assert checks.invariance_check.judge(bend(functions.invariance_check)).kind == "wrong"
    assert checks.equilibrium.judge(bend(functions.equilibrium)).kind == "wrong"
    assert checks.effective_rate.judge(bend(functions.effective_rate)).kind == "wrong"


@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    st.floats(0.05, 3).filter(lambda p: abs(p - 2) > 1e-3), st.floats(0.05, 1).filter(lambda p: abs(p - 0.25) > 1e-3)
)
def test_another_power_is_refused(power, root):
    norm = lambda weight: np.linalg.norm(weight.reshape(len(weight), -1), axis=1)  # noqa: E731
    assert checks.effective_rate.judge(lambda lr, weight: lr / norm(weight) ** power).kind == "wrong"
    angle = lambda lr, wd: np.sqrt(2 * lr * wd)  # noqa: E731
    assert checks.equilibrium.judge(lambda lr, wd, g: ((lr * g**2 / wd / 2) ** root, angle(lr, wd))).kind == "wrong"


def test_the_numbers_in_the_texts_of_slips_are_right():
    assert math.log(10) == pytest.approx(2.3, abs=5e-3) and math.log2(10) == pytest.approx(3.32, abs=5e-3)
    assert 3**2 + 4**2 == 25 and 25**2 == 625 and 0.1 / 25 == pytest.approx(0.004)
    assert 0.01**2 / (0.01**2 + 1e-5) == pytest.approx(0.9, abs=0.02)
    assert math.sqrt(2) == pytest.approx(1.41, abs=5e-3) and math.sqrt(0.5) == pytest.approx(0.707, abs=5e-4)


def right_length(lr, decay, gradient):
    return (lr * gradient**2 / (2 * decay)) ** 0.25


@pytest.mark.parametrize(
    "exercise, yours, says",
    [
        (
            checks.equilibrium,
            lambda lr, decay, g: ((lr * g**2 / (2 * decay)) ** 1 / 4, np.sqrt(2 * lr * decay)),
            "`** 1/4` for the length",
        ),
        (
            checks.equilibrium,
            lambda lr, decay, g: (right_length(lr, decay, g), (2 * lr * decay) ** 1 / 2),
            "`** 1/2` for the angle",
        ),
        (
            checks.equilibrium,
            lambda lr, decay, g: ((lr * g**2 / (2 * decay)) ** 1 / 4, (2 * lr * decay) ** 1 / 2),
            "`** 1/4` and `** 1/2`",
        ),
        (
            checks.equilibrium,
            lambda lr, decay, g: ((lr * g**2 / 2 * decay) ** 0.25, np.sqrt(2 * lr * decay)),
            "`/ 2 * decay` without brackets",
        ),
        (
            checks.invariance_check,
            lambda f, gradient, w, a: (
                *functions.invariance_check(f, gradient, w, a)[:2],
                np.sum(w * gradient(a * w)) / np.linalg.norm(w) * np.linalg.norm(gradient(a * w)),
            ),
            "product / |w| * |gradient(a w)| without brackets",
        ),
    ],
)
def test_missing_brackets_are_named(exercise, yours, says):
    assert f"That is what {says}" in " ".join(exercise.judge(yours).message.split())


def test_a_part_above_the_line_without_brackets_is_named():
    def yours(lr, accuracy, best, share=0.9):
        where, above, width = np.log10(lr), accuracy - share * best, 0
        for i in range(len(lr) - 1):
            low, high = sorted(above[i : i + 2])
            if high > 0 or low == 0:
                width += (1 if low >= 0 else high / high - low) * (where[i + 1] - where[i])
        return width

    assert "That is what high / high - low without brackets gives" in checks.band.judge(yours).message


def test_a_wrong_angle_beside_a_right_length_is_not_told_that_the_length_is_wrong():
    said = checks.equilibrium.judge(lambda lr, wd, g: (right_length(lr, wd, g), np.sqrt(2 * wd))).message
    assert 'Only "angle" is off: it is what a decay that does not know lr gives.' in " ".join(said.split())
    assert "4.472" not in said
