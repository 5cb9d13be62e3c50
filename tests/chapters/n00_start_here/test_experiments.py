"""The experiments of notebook 00, against plain loops and closed forms."""

import json

import numpy as np
import pytest
import torch
from scipy import stats

from bnbook import data, train
from bnbook.chapters.n00_start_here import experiments
from bnbook.lab import results

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def digits():
    return data.digits()


@pytest.fixture(scope="module")
def look(digits):
    """A small first_look: two seeds, at the middle rate and at the large one."""
    return experiments.first_look(digits, seeds=2, rates=(0.2, 1.0))


def test_only_batch_norm_trains_at_the_large_rate_and_both_at_the_middle_one(look):
    verdicts = {(arm["lr"], arm["norm"]): arm["diverged"] for arm in look["arms"]}
    assert verdicts == {(0.2, "none"): 0, (0.2, "batch"): 0, (1.0, "none"): 2, (1.0, "batch"): 0}
    assert all(accuracy > 0.9 for arm in look["arms"] if not arm["diverged"] for accuracy in arm["final"])


def test_arms_and_differences_are_summaries_of_the_runs(look):
    for arm in look["arms"]:
        runs = [
            run for run in look["runs"] if (run["setting"]["lr"], run["setting"]["norm"]) == (arm["lr"], arm["norm"])
        ]
        curves = np.array([run["test_accuracy"] for run in runs])
        assert [run["setting"]["seed"] for run in runs] == [0, 1]
        np.testing.assert_allclose(arm["mean"], curves.sum(0) / 2)
        assert arm["lowest"] == np.minimum(*curves).tolist() and arm["highest"] == np.maximum(*curves).tolist()
        assert arm["final"] == curves[:, -1].tolist()
        assert arm["step"] == list(range(0, 121, 10))
    none, batch = (np.array(arm["final"]) for arm in look["arms"][:2])
    expected = stats.ttest_rel(100 * batch, 100 * none)
    low, high = expected.confidence_interval()
    found = look["differences"][0]
    assert (found["mean"], found["low"], found["high"]) == pytest.approx((100 * (batch - none).mean(), low, high))


def test_no_number_is_given_where_a_run_diverged(look):
    for arm in look["arms"]:
        assert (arm["final_mean"] is None) == (arm["final_interval"] is None) == bool(arm["diverged"])
    assert [difference is None for difference in look["differences"]] == [False, True]


def test_results_are_the_same_when_read_back(look, tmp_path):
    results.save(look, tmp_path / "look.json")
    assert results.load(tmp_path / "look.json") == look
    assert json.loads((tmp_path / "look.json").read_text())["versions"]["torch"] == torch.__version__


def test_too_few_values_for_an_interval_are_refused(digits):
    with pytest.raises(ValueError, match="2 or more"):
        results.interval([1.0])
    with pytest.raises(ValueError, match="seeds is 1"):
        experiments.first_look(digits, seeds=1)


def test_the_verdict_of_a_run_is_trains(look):
    for run in look["runs"]:
        assert run["diverged"] == train.diverged(float("inf") if run["train_loss"] is None else run["train_loss"])
