"""The experiments of notebook 11: summaries against closed forms, and stored evidence against a run made anew."""

import json
import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from bnbook import data, nets, train
from bnbook.chapters.n11_relatives import experiments
from bnbook.chapters.n11_relatives.experiments import _decades, _largest, cell_setting
from bnbook.lab import engine

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def digits():
    return data.digits()


@pytest.fixture(scope="module")
def small(digits):
    rates = {64: (0.1, 30.0), 16: (0.1,)}
    return experiments.relatives(digits, norms=("none", "batch"), rates=rates, seeds=2, examples=640)


def test_an_arm_is_the_training_of_a_plain_net_tested_on_distorted_images(digits, small):
    arm = next(arm for arm in small["arms"] if (arm["batch_size"], arm["norm"], arm["lr"]) == (64, "batch", 0.1))
    mean, sd = digits.x_train.mean(), digits.x_train.std()
    net = nets.cnn("batch", seed=1)
    train.fit(net, (digits.x_train - mean) / sd, digits.y_train, lr=0.1, batch_size=64, steps=10, seed=1)
    assert arm["val"][1] == pytest.approx(train.evaluate(net, (digits.x_val - mean) / sd, digits.y_val)[1], abs=1e-6)
    noise = np.random.default_rng(0).normal(size=digits.x_test.shape)
    by_hand = {
        "clean": digits.x_test,
        "noise 0.3": digits.x_test + 0.3 * noise,
        "contrast 0.2": mean + 0.2 * (digits.x_test - mean),
        "brighter 0.3": digits.x_test + 0.3,
    }
    for name, x in by_hand.items():
        assert arm[name][1] == pytest.approx(train.evaluate(net, (x - mean) / sd, digits.y_test)[1], abs=0.0021), name


def test_rates_are_chosen_on_validation_images_and_failed_runs_are_marked(small):
    assert [arm["lr"] for arm in small["chosen"]] == [0.1] * 4
    assert [arm["batch_size"] for arm in small["chosen"]] == [64, 64, 16, 16]
    failed = {(arm["batch_size"], arm["norm"], arm["lr"]): sum(arm["failed"]) for arm in small["arms"]}
    assert failed[64, "none", 30.0] == failed[64, "batch", 30.0] == 2
    assert [column["name"] for column in small["columns"]] == [
        *("decades of rates", "largest rate", "batch of 64", "batch of 16", "noise 0.3", "contrast 0.2"),
    ]
    json.dumps(small, allow_nan=False)


def test_columns_compare_batch_norm_with_the_others_pair_by_pair(small):
    column = next(column["norms"] for column in small["columns"] if column["name"] == "batch of 64")
    none, batch = (np.array(column[norm]["seeds"]) for norm in ("none", "batch"))
    assert column["none"]["against"]["mean"] == pytest.approx((batch - none).mean())
    assert column["batch"]["against"] is None and column["batch"]["mean"] == pytest.approx(batch.mean())


def test_decades_of_a_triangle_are_those_of_geometry():
    arms = [{"lr": lr, "clean": [value, 1.0]} for lr, value in ((0.01, 0.0), (0.1, 1.0), (1.0, 0.0))]
    triangle, flat = _decades(arms, best=1.0, share=0.9)
    assert triangle == pytest.approx(0.2) and flat == pytest.approx(2)
    assert _decades([a | {"clean": [0.1]} for a in arms], best=1.0) == [0.0]


def test_the_largest_rate_is_found_for_each_seed():
    arms = [{"lr": lr, "failed": failed} for lr, failed in ((0.01, [0, 1]), (0.1, [0, 1]), (1.0, [1, 1]))]
    assert _largest(arms) == pytest.approx([-1, -2])


def test_too_few_seeds_or_nothing_to_compare_with_is_refused(digits):
    with pytest.raises(ValueError, match="seeds is 1"):
        experiments.relatives(digits, seeds=1)
    with pytest.raises(ValueError, match="every norm is compared with 'batch'"):
        experiments.relatives(digits, norms=("none",))


def test_what_no_norm_notices_is_what_algebra_says():
    found = experiments.invariances()
    same = {name: dict(zip(found["changes"], row, strict=True)) for name, row in found["norms"].items()}
    per_image = ("layer", "group", "instance", "rms")
    assert all(same[name]["one image x 3"] and same[name]["other images"] for name in per_image)
    assert not any(same["rms"][change] for change in found["changes"] if "+ 5" in change)
    assert [name for name in same if same[name]["one channel x 3"]] == ["batch (training)", "instance"]
    assert all(same["instance"].values())
    assert [change for change in found["changes"] if same["batch (evaluation)"][change]] == [
        *("other images", "other channels"),
    ]


def test_invariances_of_own_functions_are_measured():
    found = experiments.invariances({"nothing": lambda x: 0 * x, "identity": lambda x: x})
    assert all(found["norms"]["nothing"]) and found["norms"]["identity"] == [False] * 6 + [True] * 2


# --- the stored evidence ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stored():
    return experiments.evidence("relatives")


def test_the_stored_evidence_is_what_a_run_gives_today(digits, stored):
    """And so does a run on images changed by 1e-15 of themselves: at this rate rounding errors do not grow."""
    rng = np.random.default_rng(0)
    twin = digits._replace(x_train=digits.x_train * (1 + 1e-15 * rng.choice([-1, 1], digits.x_train.shape)))
    for norm in ("batch", "instance"):  # at larger rates instance norm multiplies rounding errors
        arm = next(a for a in stored["arms"] if (a["batch_size"], a["norm"], a["lr"]) == (64, norm, 0.1))
        for images in (digits, twin):
            assert experiments.run_again(images, stored, arm, seeds=(3,)) < 0.003, "one image of 500"


def test_the_stored_evidence_has_eight_seeds_of_every_norm_and_reaches_failure_on_both_sides(stored):
    assert stored["seeds"] == 8 and stored["command"].startswith("python -m bnbook run relatives")
    assert {arm["norm"] for arm in stored["arms"]} == set(nets.NORMS)
    best = max(np.mean(arm["clean"]) for arm in stored["arms"] if arm["batch_size"] == 64)
    for norm in nets.NORMS:
        swept = [arm for arm in stored["arms"] if (arm["batch_size"], arm["norm"]) == (64, norm)]
        assert all(np.mean(arm["clean"]) < 0.9 * best for arm in (swept[0], swept[-1])) and all(swept[-1]["failed"])
    for arm in stored["chosen"]:  # the best rate lies inside what was tried, or the comparison would be unfair
        tried = [a["lr"] for a in stored["arms"] if (a["batch_size"], a["norm"]) == (arm["batch_size"], arm["norm"])]
        assert min(tried) < arm["lr"] < max(tried)
        assert math.isclose(
            max(
                np.mean(a["val"])
                for a in stored["arms"]
                if a["norm"] == arm["norm"] and a["batch_size"] == arm["batch_size"]
            ),
            np.mean(arm["val"]),
        )


def test_a_net_with_image_norms_is_blind_to_contrast_and_batch_norm_is_not(digits):
    images = experiments.distorted(digits)
    for norm in ("layer", "group", "instance", "rms", "batch"):
        net = engine.build(cell_setting(64, norm, 0.1, 0), digits).eval()
        clean, faint = (F.log_softmax(net(images[name]), 1) for name in ("clean", "contrast 0.2"))
        assert torch.allclose(clean, faint, atol=1e-2) == (norm != "batch")
