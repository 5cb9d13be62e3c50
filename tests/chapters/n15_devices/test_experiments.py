"""Whose statistics: the arms, their rates, and what is stored."""

import numpy as np
import pytest

from bnbook import data
from bnbook.chapters.n15_devices import experiments
from bnbook.lab import results
from bnbook.lab.engine import Setting


def test_the_arms_differ_in_their_normalization_alone_and_have_the_images_of_all_devices():
    arms = experiments.arms(Setting(net="mlp", steps=7), 3)
    assert {name: (s.norm, s.ghost, s.batch_size) for name, s in arms.items()} == {
        "replica": ("batch", 3, 12),
        "batch": ("batch", None, 12),
        "group": ("group", None, 12),
    }


def test_at_known_rates_nothing_is_tuned_and_with_2_images_own_statistics_are_worse():
    best = [{"net": "mlp", "size": 2, "arm": arm, "lr": 0.1} for arm in ("replica", "batch")]
    found = experiments.replicas(data.digits(), seeds=2, grid={"mlp": (2,)}, steps=100, best=best)
    assert "tuning" not in found and found["best"] == best
    means = results.of(found["table"], "test_accuracy", twin=0).groupby("arm")["value"].mean()
    assert means["batch"] > 0.8 and means["replica"] < means["batch"] - 0.2
    with pytest.raises(ValueError, match="seeds is 1"):
        experiments.replicas(data.digits(), seeds=1)


def test_what_is_stored_has_20_seeds_an_arm_rates_from_other_seeds_and_twins_of_what_is_made_again():
    stored = experiments.evidence("replicas")
    runs = results.of(stored["table"], "test_accuracy", twin=0)
    assert set(runs.groupby(["net", "size", "arm"])["seed"].nunique()) == {20}
    assert set(runs["seed"]).isdisjoint(stored["tuning"]["seed"])
    again = experiments.again(stored)
    assert [one["arm"] for one in again] == ["replica", "batch", "group"] and all(one["size"] == 2 for one in again)
    twins = stored["table"][stored["table"]["twin"] > 0]
    assert set(zip(twins["net"], twins["size"], strict=True)) == {experiments.AGAIN}
    rates = stored["tuning"].groupby(["net", "size"])["lr"]
    for one in stored["best"]:  # inside what was tried for it
        tried = rates.get_group((one["net"], one["size"]))
        assert np.min(tried) < one["lr"] < np.max(tried)
