"""The exercises of notebook 12: right answers in any style pass, wrong ones that nobody listed are refused."""

import math
import textwrap

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bnbook.chapters.n12_claims import checks, functions
from bnbook.grading.exercise import CheckFailed


def by_eigenvalues(h):
    values = np.linalg.eigvalsh(np.cov(h.T))
    return values.sum() ** 2 / (values**2).sum()


def by_traces(h):
    c = np.cov(h, rowvar=False, ddof=0)
    return np.trace(c) ** 2 / np.trace(c @ c)


def by_torch(h):
    s = torch.linalg.svdvals(torch.tensor(h) - torch.tensor(h).mean(0))
    return (s**2).sum() ** 2 / (s**4).sum()


def by_shares(h):
    share = np.linalg.svd(h - h.mean(0))[1] ** 2
    share = share / share.sum()
    return 1 / np.sum(share**2)


@pytest.mark.parametrize("yours", [by_eigenvalues, by_traces, by_torch, by_shares])
def test_effective_rank_in_any_style_is_accepted(yours):
    verdict = checks.effective_rank.judge(yours)
    assert verdict.kind == "agrees", verdict.message


def with_elif(low, high, threshold=0):
    if low > threshold:
        word = "true"
    elif high < threshold:
        word = "false"
    else:
        word = "not settled here"
    return word


def by_signs(low, high, margin=0.0):
    return {2: "true", -2: "false"}.get(int(np.sign(low - margin) + np.sign(high - margin)), "not settled here")


@pytest.mark.parametrize("yours", [with_elif, by_signs])
def test_verdict_in_any_style_is_accepted(yours):
    found = checks.verdict.judge(yours)
    assert found.kind == "agrees", found.message


def test_another_word_is_shown_beside_the_word_expected(capsys):
    with pytest.raises(CheckFailed):
        checks.verdict(lambda low, high, margin=0: "True")
    assert "verdict is 'True', expected 'true'" in capsys.readouterr().out


@pytest.mark.parametrize(
    "yours, name",
    [
        (lambda low, high, margin=0: np.float64(low) > margin, "verdict_as_a_comparison"),
        (
            lambda low, high, margin=0: low > margin or (high >= margin and "not settled here"),
            "verdict_in_truth_values",
        ),
        (lambda low, high, margin=0: low > margin or (None if high >= margin else False), "truth_values_and_none"),
        (
            lambda low, high, margin=0: functions.verdict(low, high, np.abs(margin)),
            "verdict_with_the_margin_made_positi",
        ),
    ],
)
def test_truth_values_and_a_margin_without_its_sign_are_named(yours, name):
    found = checks.verdict.judge(yours)
    assert found.kind == "wrong" and name in found.slip.__name__, found.message


def test_a_pixel_that_should_get_darker_is_seen_in_the_small_example():
    found = checks.fgsm.judge(lambda x, gradient, eps: np.clip(x + eps * (gradient > 0), 0, 1))
    assert "[0.05, 0.6, 1, 0.3, 0.6] on the example, expected [0, 0.6, 1, 0.3, 0.5]" in " ".join(found.message.split())


@pytest.mark.parametrize("exercise", checks.EXERCISES, ids=lambda exercise: exercise.name)
def test_the_last_hint_runs_as_printed_and_is_right(exercise):
    lines = [line for line in exercise.hints[-1].splitlines() if line.startswith("    ")]
    head = f"def yours({', '.join(exercise.inputs)}):\n"
    if exercise is checks.verdict:
        head = "def yours(low, high, margin=0.0):\n"
    found = {"np": np}
    exec(head + textwrap.indent(textwrap.dedent("\n".join(lines)), "    "), found)
    assert exercise.judge(found["yours"]).kind == "agrees"


def with_where(x, gradient, eps):
    moved = np.where(gradient > 0, x + eps, np.where(gradient < 0, x - eps, x))
    return np.minimum(np.maximum(moved, 0), 1)


def with_clamp(x, gradient, eps):
    return (torch.tensor(x) + eps * torch.tensor(gradient).sign()).clamp(0, 1)


@pytest.mark.parametrize("yours", [with_where, with_clamp])
def test_fgsm_in_any_style_is_accepted(yours):
    verdict = checks.fgsm.judge(yours)
    assert verdict.kind == "agrees", verdict.message


off = st.one_of(st.floats(1e-3, 2), st.floats(-0.9, -1e-3))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.floats(0.2, 2).filter(lambda p: abs(p - 1) > 1e-3), off)
def test_a_bent_effective_rank_is_refused(power, by):
    def bent(power=1.0, scale=1.0, mean=1.0):
        def yours(h):
            spread = np.linalg.svd(h - mean * h.mean(0), compute_uv=False) ** (2 * power)
            return scale * spread.sum() ** 2 / (spread**2).sum()

        return yours

    assert checks.effective_rank.judge(bent()).kind == "agrees"
    for how in ({"power": power}, {"scale": 1 + by}, {"mean": 1 + by}):
        assert checks.effective_rank.judge(bent(**how)).kind == "wrong", how


@settings(max_examples=40, deadline=None, derandomize=True)
@given(off, st.sampled_from([(-1, 1), (0, 0.99), (0.01, 1), (0, 2)]))
def test_a_bent_attack_is_refused(by, ends):
    assert checks.fgsm.judge(lambda x, g, eps: np.clip(x + (1 + by) * eps * np.sign(g), 0, 1)).kind == "wrong"
    assert checks.fgsm.judge(lambda x, g, eps: np.clip(x + eps * np.sign(g), *ends)).kind == "wrong"


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.one_of(st.floats(0.11, 5), st.floats(-5, -0.11)))
def test_a_verdict_with_a_shifted_margin_is_refused(shift):
    yours = lambda low, high, margin=0.0: functions.verdict(low, high, margin + shift)  # noqa: E731
    assert checks.verdict.judge(yours).kind == "wrong"


def test_effective_rank_of_clouds_known_in_closed_form():
    corners = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, -1).T + 5.0
    assert functions.effective_rank(corners) == pytest.approx(3)
    assert functions.effective_rank(corners * [1, 1, 0]) == pytest.approx(2)
    assert functions.effective_rank(corners * [1, 2, 0]) == pytest.approx(25 / 17)  # variances 1 and 4
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    assert functions.effective_rank(corners * [1, 2, 3] @ turn) == pytest.approx(14**2 / (1 + 16 + 81))


def test_the_numbers_in_the_texts_of_slips_are_right():
    assert functions.verdict(-0.2, 0.3, 0.5) == "false" and functions.verdict(-1, 3) == "not settled here"
    assert functions.verdict(3, 9, 0.5) == "true" and functions.verdict(-3, -1) == "false"
    assert functions.verdict(0.5, 2, 0.5) == functions.verdict(-1, 0.5, 0.5) == "not settled here"
    assert functions.verdict(0.1, 0.3) == "true" and math.isclose(0.05 - 0.1, -0.05)
