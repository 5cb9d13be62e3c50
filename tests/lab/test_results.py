"""What comes of runs: intervals, and the shelf of stored results."""

import numpy as np
import pytest

from bnbook.chapters import n09_depth
from bnbook.lab import results


def test_the_interval_is_the_bootstraps_and_the_same_at_every_call():
    values = np.random.default_rng(1).normal(5, 2, size=400)
    low, high = results.interval(values)
    assert (low, high) == results.interval(values)
    # With many values the bootstrap of a mean is the textbook normal interval.
    half = 1.96 * values.std() / np.sqrt(400)
    assert low == pytest.approx(values.mean() - half, abs=0.1 * half)
    assert high == pytest.approx(values.mean() + half, abs=0.1 * half)
    assert results.interval([0.5, 0.5, 0.5]) == (0.5, 0.5)


def test_evidence_that_is_not_stored_is_named():
    evidence = results.shelf(n09_depth.__file__)
    assert evidence("trainability")["experiment"] == "trainability"
    with pytest.raises(ValueError, match="no evidence is stored for 'nothing' in n09_depth; stored: trainability"):
        evidence("nothing")


def test_the_band_of_good_rates_wants_two_rates_or_gives_0():
    assert results.band([0.1], [0.9], 1.0) == 0.0


@pytest.mark.parametrize("seeds", [1, 0, -3])
def test_too_few_seeds_are_refused(seeds):
    with pytest.raises(ValueError, match=f"seeds is {seeds}; an interval needs at least 2 runs per arm, better 5"):
        results.check_seeds(seeds)
    results.check_seeds(2)
