"""The experiments of notebook 12, judged by plain loops, closed forms, and a few stored runs trained anew."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from bnbook import data, nets, train
from bnbook.chapters.n12_claims import experiments, functions
from bnbook.chapters.n12_claims.experiments import tuning
from bnbook.chapters.n12_claims.experiments.claim import overall
from bnbook.chapters.n12_claims.experiments.dimensions import _compared
from bnbook.chapters.n12_claims.experiments.folklore import _output_scale, _same_for_rows
from bnbook.chapters.n12_claims.experiments.robustness import _with_own_statistics, attack, spoil
from bnbook.lab import engine, results
from bnbook.lab.engine import own_split

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def digits():
    return data.digits()


@pytest.fixture(scope="module")
def stored():
    return experiments.evidence("claims")


# --- a training and a test set for each seed -------------------------------------------------------------------------


def test_each_seed_has_its_own_parts_and_every_class_its_share(digits):
    y = np.concatenate(digits[1::2])
    first, again, other = (own_split(y, 300, 297, 500, seed) for seed in (0, 0, 1))
    parts = [set(first[part].tolist()) for part in ("train", "val", "test")]
    assert [len(part) for part in parts] == [300, 297, 500] and len(set.union(*parts)) == 1097
    for part in ("train", "val", "test"):
        counts = np.bincount(y[first[part]], minlength=10) / np.bincount(y) * len(y) / len(first[part])
        assert np.abs(counts - 1).max() < 0.15
        assert np.array_equal(first[part], again[part]) and not np.array_equal(first[part], other[part])
    small = own_split(y, 100, 297, 500, 0)
    assert set(small["train"]) <= parts[0] and np.array_equal(small["test"], first["test"])
    with pytest.raises(ValueError, match="1000 \\+ 297 \\+ 501 images are asked for, and there are 1797"):
        own_split(y, 1000, 297, 501, 0)


def test_a_run_on_its_own_images_is_the_same_training_written_out(digits):
    setting = engine.Setting(norm="batch", width=3, images=64, batch_size=16, steps=6, every=3, lr=0.1, seed=2)
    result = engine.run_all([replace(setting, seed=0), setting], digits)[1]
    y = np.concatenate(digits[1::2])
    x = (np.concatenate(digits[::2]) - digits.x_train.mean()) / digits.x_train.std()
    split, net, found = own_split(y, 64, 297, 500, 2), nets.cnn("batch", 3, seed=2), []

    def watch(net, step):
        if step % 3 == 0:
            found.append({part: train.evaluate(net, x[i], y[i]) for part, i in split.items()})

    train.fit(net, x[split["train"]], y[split["train"]], 0.1, 16, 6, 2, watch)
    for name, part in (("test_accuracy", "test"), ("val_accuracy", "val"), ("train_accuracy", "train")):
        assert result[name] == pytest.approx([at[part][1] for at in found])
    assert result["train_losses"] == pytest.approx([at["train"][0] for at in found], rel=1e-9)
    assert result["train_loss"] == pytest.approx(found[-1]["train"][0], rel=1e-9)


# --- tuning and comparing --------------------------------------------------------------------------------------------


def test_the_rate_is_chosen_on_validation_and_reported_on_test_images(digits):
    arm = tuning.base(digits, 48, norm="none", width=3, steps=25, every=25)
    found = tuning.tuned(digits, {"one": arm}, 2, rates=(1e-4, 0.05))["one"]
    runs = engine.run_all([replace(arm, lr=0.05, seed=seed) for seed in range(2)], digits)
    assert found["rate"] == 0.05 and found["val"][1] > max(found["val"][0], found["val"][2])
    assert found["rates"] == [1e-4, 0.05, 25.0] and not found["at_the_edge"], "it goes on until a rate is worse"
    assert found["test"] == [run["test_accuracy"][-1] for run in runs]
    assert found["val"][1] == pytest.approx(np.mean([run["val_accuracy"][-1] for run in runs]))


def test_a_paired_difference_is_in_points_and_its_interval_holds_its_mean():
    found = tuning.paired([0.9, 0.92, 0.95], [0.89, 0.9, 0.95])
    assert found["mean"] == pytest.approx(1) and -1e-9 < found["interval"][0] < 1 < found["interval"][1] < 2 + 1e-9


# --- what is exact ---------------------------------------------------------------------------------------------------


def test_two_degrees_of_freedom_are_lost_in_a_batch():
    assert [experiments.degrees_of_freedom(m) for m in (2, 3, 8, 20)] == [0, 1, 6, 18]


def test_adding_the_sd_keeps_the_scale_of_the_input_and_dividing_removes_it():
    for factor in (1.0, 100.0):
        made = _output_scale(factor)
        assert made["batch"] == pytest.approx([0, 1], abs=1e-4)
        assert made["add_sd"][0] == pytest.approx(made["add_sd"][1], rel=1e-4)
        assert made["add_sd"][1] == pytest.approx(0.507 * factor, rel=1e-3)


def test_batch_norm_takes_the_statistics_of_the_batch(digits):
    off = experiments.all_examples(digits)
    assert off["batch"] < 1e-12 and off["all"] > 0.01 and _same_for_rows() < 1e-12


def test_spoilt_images_are_images_and_spoilt_as_said():
    pixels = torch.rand(2, 3, 1, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = spoil(pixels, [0, 1])
    assert torch.equal(found["clean"], pixels)
    assert all(((images >= 0) & (images <= 1)).all() for images in found.values())
    torch.testing.assert_close(found["dark"], pixels / 5)
    torch.testing.assert_close(found["contrast"].std(), pixels.std() / 4)
    assert torch.equal(found["shift"][..., 1:], pixels[..., :-1]) and (found["shift"][..., 0] == 0).all()
    changed = (found["specks"] != pixels).double().mean()
    assert 0.1 < changed < 0.3 and set(found["specks"][found["specks"] != pixels].unique().tolist()) <= {0.0, 1.0}
    alone = spoil(pixels[1:], [1])
    assert torch.equal(alone["noise 0.3"][0], found["noise 0.3"][1]), "a member's noise is its own"


@pytest.mark.parametrize("steps", [1, 10])
def test_an_attack_stays_near_and_raises_every_nets_loss(steps):
    net = nets.Stack([nets.mlp("batch", 8, seed=seed) for seed in range(2)]).eval()
    pixels = torch.rand(2, 20, 1, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(40).view(2, 20) % 10
    before = train.per_member_loss(net((pixels - 0.3) / 0.4), labels)
    images = attack(net, pixels, labels, 0.05, 0.3, 0.4, steps)
    assert (images - pixels).abs().max() <= 0.05 + 1e-12 and images.min() >= 0 and images.max() <= 1
    assert (train.per_member_loss(net((images - 0.3) / 0.4), labels) > before + 0.01).all()
    if steps == 1:
        x = pixels.clone().requires_grad_()
        train.per_member_loss(net((x - 0.3) / 0.4), labels).sum().backward()
        torch.testing.assert_close(images, (pixels + 0.05 * x.grad.sign()).clamp(0, 1))


def test_testing_with_the_images_own_statistics_puts_the_running_ones_back():
    net = nets.Stack([nets.mlp("batch", 8, seed=seed) for seed in range(2)]).eval()
    before = {name: buffer.clone() for name, buffer in net.named_buffers()}
    x = torch.rand(2, 20, 1, 8, 8, dtype=torch.float64)
    modes = []
    _with_own_statistics(net, lambda images: modes.append(net.training) or net(images).sum(), x)
    assert modes == [True] and not net.training
    assert all(torch.equal(buffer, before[name]) for name, buffer in net.named_buffers())


# --- small versions of the experiments -------------------------------------------------------------------------------


def test_a_small_generalization_has_all_arms_and_honest_differences(digits, monkeypatch):
    monkeypatch.setattr(tuning, "STEPS", {1000: 15})
    found = experiments.generalization(digits, seeds=2, sizes=(40, 64), rates=(0.05,))
    small, large = found["sizes"]
    assert (small["images"], large["images"]) == (40, 64) and set(large["arms"]) == {"none", "batch"}
    for name, arm in small["arms"].items():
        if name != "none":
            assert small["differences"][name] == tuning.paired(arm["test"], small["arms"]["none"]["test"])
    assert json.loads(json.dumps(found)) == found


def test_random_labels_counts_the_steps_to_learn_them_by_heart(digits):
    found = experiments.random_labels(digits, seeds=2, images=24, rates=(0.05,), steps=160)
    for arm in found["arms"].values():
        assert set(arm["steps_needed"]) <= set(range(0, 161, 20)) and arm["train_accuracy"][0] < 0.5
    none, batch = (found["arms"][norm]["steps_needed"] for norm in ("none", "batch"))
    assert found["ratio"] == pytest.approx(np.exp(np.mean(np.log(np.divide(none, batch)))))


def test_features_are_compared_channel_by_channel(digits):
    before = np.random.default_rng(0).normal(size=(500, 4)) @ np.random.default_rng(1).normal(size=(4, 4)) + 3
    found = _compared(before, before * [2, -1, 0.5, 3] + 7)
    assert found["rank_before"] == found["rank_after"] == 4 and found["rebuilt"] < 1e-12
    assert found["largest_change"] < 1e-12 and found["correlation"] == pytest.approx(found["correlation_before"])
    merged = _compared(before, before[:, [0, 0, 2, 3]])
    assert merged["rank_after"] == 3 and merged["largest_change"] > 0.01


@pytest.mark.parametrize("name", ["generalization", "random_labels", "dimensions", "robustness", "adding", "folklore"])
def test_one_seed_gives_no_interval(digits, name):
    with pytest.raises(ValueError, match="seeds is 1; an interval needs at least 2"):
        getattr(experiments, name)(digits, seeds=1)


# --- the stored evidence ---------------------------------------------------------------------------------------------


def test_stored_runs_come_out_the_same_on_images_changed_by_a_rounding(digits, stored):
    """As on another processor: the notebook compares the same runs on the images as they are."""
    random = np.random.default_rng(0)
    images = [x * (1 + 1e-15 * random.normal(size=x.shape)) for x in digits[::2]]
    twin = type(digits)(*(part for pair in zip(images, digits[1::2], strict=True) for part in pair))
    assert not np.array_equal(twin.x_train, digits.x_train)
    for cell in experiments.rerun(twin, stored["parts"], seeds=1):
        assert cell["agree"], cell


def test_the_stored_table_follows_from_the_stored_measurements(stored):
    assert experiments.table(stored["parts"]) == stored["rows"]
    for row in stored["rows"]:
        assert row["verdict"] == overall([found["verdict"] for found in row["measured"]], row["sharpened"])
        for found in row["measured"]:
            assert found["verdict"] == functions.verdict(found["low"], found["high"], found["margin"])


def test_several_verdicts_make_one():
    o = "not settled here"
    assert overall(["true", "true"]) == "true" and overall([o]) == o and overall(["false"] * 3) == "false"
    assert overall(["true", "false", o]) == "depends" and overall(["true", o]) == o
    assert overall(["false", o]) == "false" == overall(["true", "false"], "more than each other arm")


def test_every_stored_claim_rests_on_eight_seeds_and_its_file_is_small(stored):
    assert stored["seeds"] == 8 and all(
        len(size["arms"]["batch"]["test"]) == 8 for size in stored["parts"]["generalization"]["sizes"]
    )
    assert (results.room_of(experiments.__file__) / "evidence" / "claims.json").stat().st_size < 300_000
