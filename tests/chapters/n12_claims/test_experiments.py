"""The experiments of notebook 12, judged by plain loops, closed forms, and a few stored runs trained anew."""

import importlib
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from bnbook import data, nets, train
from bnbook.chapters.n12_claims import experiments
from bnbook.chapters.n12_claims.experiments import tuning
from bnbook.chapters.n12_claims.experiments.claim import Claim, Effect, exact, less, more, overall
from bnbook.chapters.n12_claims.experiments.dimensions import _compared
from bnbook.chapters.n12_claims.experiments.folklore import _output_scale, _same_for_rows
from bnbook.chapters.n12_claims.experiments.robustness import _with_own_statistics, attack
from bnbook.lab import engine, results
from bnbook.lab.engine import own_split

torch.set_num_threads(1)
robust = importlib.import_module(attack.__module__)  # the package has a function of the same name


@pytest.fixture(scope="module")
def digits():
    return data.digits()


@pytest.fixture(scope="module")
def few(digits):
    """64 training, 40 validation and 40 test images: measuring is then no longer most of the work."""
    sizes = (64, 64, 40, 40, 40, 40)
    return type(digits)(*(part[:size] for part, size in zip(digits, sizes, strict=True)))


@pytest.fixture(scope="module")
def parts():
    return {name: experiments.evidence(name) for name in experiments.PARTS}


@pytest.fixture(scope="module")
def claims(parts, digits):
    return {claim.claim: claim for claim in experiments.judged(parts, digits)}


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


def test_the_rate_is_chosen_on_other_seeds_and_reported_on_test_images(few):
    arm = tuning.base(few, 48, norm="none", width=3, steps=12, every=12)
    found = tuning.tuned(few, {"small": {"one": arm}}, 2, rates=(1e-4, 0.03, 9.0), again=[("small", "one")])
    means = found["tuning"].groupby("lr")["value"].mean()
    assert found["best"] == {"small": {"one": means.idxmax()}} and means.idxmax() == 0.03
    assert set(found["tuning"]["seed"]) == set(range(100, 108)) and set(found["tuning"]["measure"]) == {"val_accuracy"}
    runs = engine.run_all([replace(arm, lr=0.03, seed=seed) for seed in range(2)], few)
    reported = results.of(found["table"], "test_accuracy")
    assert reported["value"].tolist() == [run["test_accuracy"][-1] for run in runs]
    assert reported["seed"].tolist() == [0, 1]  # of the tuning seeds none is reported
    twins = results.of(found["twins"], "test_accuracy")
    assert sorted(set(twins["twin"])) == [1, 2, 3, 4, 5] and set(twins["seed"]) == {0, 1, 2, 3}
    assert twins[twins["seed"] < 2].groupby("seed")["value"].first().tolist() == pytest.approx(
        reported["value"], abs=0.01
    )


def test_an_effect_is_paired_by_seed_and_in_points():
    rows = [
        (arm, seed, value)
        for arm, some in (("a", (0.9, 0.92, 0.95)), ("b", (0.89, 0.9, 0.95)))
        for seed, value in enumerate(some)
    ]
    table = pd.DataFrame(rows, columns=["arm", "seed", "value"]).assign(step=1, measure="test_accuracy")
    assert more("a", table, "a", "b").values == pytest.approx((1, 2, 0))
    assert less("a", table.iloc[::-1], "a", "b").values == pytest.approx((-1, -2, 0))
    plain = more("a", table.assign(measure="steps"), "a", "b", measure="steps")
    assert plain.values == pytest.approx((0.01, 0.02, 0))


def test_the_intervals_of_a_claim_hold_together():
    values = tuple(np.random.default_rng(0).normal(size=20))
    alone = Claim("c", "s", "points", [Effect("one", values)], "").lines[0]
    assert (alone.low, alone.high) == results.interval(values) and alone.mean == pytest.approx(np.mean(values))
    four = Claim("c", "s", "points", [Effect("one", values)] * 4, "").lines[0]
    assert (four.low, four.high) == results.interval(
        values, level=0.9875
    ) and four.high - four.low > alone.high - alone.low


def test_a_claim_shows_the_line_that_decides():
    def decisive(*means, in_each=False):
        claim = Claim("c", "s", "points", [exact(str(mean), mean) for mean in means], "", in_each=in_each)
        return claim.verdict, [line.mean for line in claim.decisive]

    assert decisive(3.0, 1.0, 2.0) == ("true", [1.0]) and decisive(-3.0, -1.0) == ("false", [-3.0])
    assert decisive(3.0, -1.0, 1.0, -2.0) == ("depends", [3.0, -2.0])
    assert decisive(3.0, -1.0, in_each=True) == ("false", [-1.0])
    assert decisive(0.0, 0.0, 2.0) == ("not settled here", [0.0])


def test_several_verdicts_make_one():
    o = "not settled here"
    assert overall(["true", "true"]) == "true" and overall([o]) == o and overall(["false"] * 3) == "false"
    assert overall(["true", "false", o]) == "depends" and overall(["true", o]) == o
    assert overall(["false", o]) == "false" == overall(["true", "false"], in_each=True)


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
    assert off["batch"] < 1e-12 and off["mean"] < 1e-12 and off["all"] > 0.01 and _same_for_rows() < 1e-12


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


@pytest.fixture
def untuned(monkeypatch):
    """Every arm gets the second rate, after 12 steps."""
    monkeypatch.setattr(tuning, "STEPS", {1000: 12})

    def tune(train, arms, rates, chance, **how):
        tried = results.table([{"arm": "none", "lr": 0.1, "seed": 100}], [RUN])
        return tried, dict.fromkeys(arms, rates[1])

    monkeypatch.setattr(results, "tune", tune)


RUN = {"step": [12], "val_accuracy": [0.5], "train_loss": 1.0, "diverged": False}


def test_a_small_generalization_has_all_arms_and_a_curve_for_two(few, untuned):
    found = experiments.generalization(few, seeds=2, sizes=(40, 64), rates=(0.01, 0.05, 0.1))
    assert found["sizes"] == [40, 64] and set(found["best"]["64 images"]) == {"none", "batch"}
    runs = found["table"][found["table"]["case"] == "40 images"]
    assert set(runs["arm"]) == set(found["best"]["40 images"]) and len(set(runs["arm"])) == 9
    steps = runs[runs["measure"] == "test_accuracy"].groupby("arm")["step"].apply(list)
    assert steps["batch"] == 2 * list(range(1, 13)) and steps["ghost"] == [12, 12]


def test_equal_loss_is_the_first_time_below():
    curves = {
        ("none", 0): [(1, 0.5, 0.2), (2, 0.09, 0.3), (3, 0.2, 0.9)],
        ("batch", 0): [(1, 0.05, 0.4), (2, 0.01, 0.8)],
    }
    curves[("none", 1)] = [(1, 0.4, 0.1)]
    rows = [
        (arm, seed, step, measure, value)
        for (arm, seed), curve in curves.items()
        for step, loss, accuracy in curve
        for measure, value in (("train_losses", loss), ("test_accuracy", accuracy))
    ]
    table = pd.DataFrame(rows, columns=["arm", "seed", "step", "measure", "value"])
    found = experiments.at_equal_loss(table, 0.1).set_index(["arm", "seed"])["value"]
    assert found[("none", 0)] == 0.3 and found[("batch", 0)] == 0.4 and np.isnan(found[("none", 1)])


def test_random_labels_are_counted_every_four_steps_on_the_nets_own_images(few, untuned):
    found = experiments.random_labels(few, seeds=2, images=24, steps=80)
    known = found["table"]
    assert sorted(set(known["step"])) == list(range(4, 81, 4)) and set(known["measure"]) == {"known_accuracy"}
    assert set((known["value"] * 24).round(9) % 1) == {0} and known[known["step"] == 4]["value"].mean() < 0.5
    needed = experiments.steps_needed(known, 80, share=0.3).set_index(["arm", "seed"])["value"]
    for (arm, seed), curve in known.groupby(["arm", "seed"]):
        reached = [step for step, value in zip(curve["step"], curve["value"], strict=True) if value >= 0.3]
        assert needed[(arm, seed)] == (reached[0] if reached else 80)
    again = np.random.default_rng(0)
    labels = [again.integers(10, size=len(y)) for y in few[1::2]]
    other = type(few)(*(part for pair in zip(few[::2], labels, strict=True) for part in pair))
    setting = tuning.base(other, 24, norm="none", steps=80, every=40, schedule="constant", lr=0.016, seed=1)
    run = engine.run(setting, other)
    last = known[(known["arm"] == "none") & (known["seed"] == 1) & (known["step"] == 80)]["value"].item()
    assert run["train_accuracy"][-1] == last


def test_noise_in_training_is_in_the_batches_and_the_same_for_every_arm(few, monkeypatch):
    seen = {}

    def run(norm, loudest):
        monkeypatch.setattr(robust, "LOUDEST", loudest)
        noisy = robust._with_noise(few)

        def watch(moment):
            noisy(moment)
            if moment.step == 1 and moment.x is not None:
                seen[norm, loudest] = moment.x.clone()

        setting = tuning.base(few, 64, norm=norm, width=3, steps=6, every=6, lr=0.05)
        return engine.run_all([setting], few, watch=watch)[0]

    plain = engine.run_all([tuning.base(few, 64, width=3, steps=6, every=6, lr=0.05)], few)[0]
    assert run("batch", 0.0)["train_loss"] == pytest.approx(plain["train_loss"], rel=1e-12)
    assert abs(run("batch", 0.4)["train_loss"] - plain["train_loss"]) > 1e-3, "the batch was changed in place"
    run("none", 0.4)
    assert torch.equal(seen["batch", 0.4], seen["none", 0.4])
    pixels = seen["none", 0.4] * few.x_train.std() + few.x_train.mean()
    assert -1e-12 < pixels.min() and pixels.max() < 1 + 1e-12
    changed = (seen["none", 0.4] - seen["batch", 0.0]).abs().flatten(2).mean(2)
    assert changed.min() < 0.1 * changed.max(), "each image has a loudness of its own"


def test_features_are_compared_channel_by_channel():
    before = np.random.default_rng(0).normal(size=(500, 4)) @ np.random.default_rng(1).normal(size=(4, 4)) + 3
    alone, found = _compared(before, before * [2, -1, 0.5, 3] + 7)
    assert alone["rank"] == found["rank"] == 4 and found["rebuilt"] < 1e-12
    assert found["largest_change"] < 1e-12 and found["correlation"] == pytest.approx(alone["correlation"])
    assert found["normality"] == pytest.approx(alone["normality"]), "a shape stays what it is"
    _, merged = _compared(before, before[:, [0, 0, 2, 3]])
    assert merged["rank"] == 3 and merged["largest_change"] > 0.01
    _, shifted = _compared(before, before + 2 * before.std(0))
    assert shifted["moved"] == pytest.approx(2)


@pytest.mark.parametrize("name", experiments.PARTS)
def test_one_seed_gives_no_interval(digits, name):
    with pytest.raises(ValueError, match="seeds is 1; an interval needs at least 2"):
        getattr(experiments, name)(digits, seeds=1)


# --- the stored evidence ---------------------------------------------------------------------------------------------


def test_stored_runs_come_out_the_same_on_images_changed_by_a_rounding(digits, parts, monkeypatch):
    """As on another processor: the notebook compares the same runs on the images as they are."""
    home = importlib.import_module(experiments.made_again.__module__)
    train, trained = home.reported, {}

    def once(data, arms, case, *rest, **how):  # seconds; what is planted below is in the stored runs only
        if case not in trained:
            trained[case] = train(data, arms, case, *rest, **how)
        return trained[case]

    monkeypatch.setattr(home, "reported", once)
    random = np.random.default_rng(0)
    images = [x * (1 + 1e-15 * random.normal(size=x.shape)) for x in digits[::2]]
    twin = type(digits)(*(part for pair in zip(images, digits[1::2], strict=True) for part in pair))
    assert not np.array_equal(twin.x_train, digits.x_train)
    made = experiments.made_again(twin, parts, seeds=1)
    assert len(made) == 5 and all(found.agrees for found in made.values()), made
    lower = {
        name: table.assign(value=table["value"].where(table["measure"] != "test_accuracy", table["value"] - 0.02))
        for name, table in parts["adding"].items()
        if name in ("table", "twins")
    }
    planted = parts | {"adding": parts["adding"] | lower}
    made = experiments.made_again(twin, planted, seeds=1)
    assert [what for what, found in made.items() if not found.agrees] == ["adding, 8 layers: test accuracy"]


def test_the_stored_verdicts_are_those_that_the_notebook_explains(claims, parts):
    verdicts = {name: claim.verdict for name, claim in claims.items()}
    true = {name for name, verdict in verdicts.items() if verdict == "true"}
    assert true == {
        "takes mean and sd of each channel, as defined",
        "subtracts the mean",
        "works for convolutional and fully connected layers",
    }
    unsettled = {name for name, verdict in verdicts.items() if verdict == "not settled here"}
    assert unsettled == {
        "improves generalization",
        "... thanks to the noise of the batch",
        "... thanks to that noise alone",
        "... once trained with noise",
        "... to adversarial noise",
        "must stand before the ReLU",
    }
    assert {name for name, verdict in verdicts.items() if verdict == "depends"} == {
        "preserves statistical properties",
        "makes biases superfluous",
    }
    lines = {line.what: line.verdict for line in claims["improves generalization"].lines}
    assert lines == {"100 images": "not settled here", "300 images": "true", "1000 images": "true"}
    starts = parts["folklore"]["best"]["starts"]
    assert starts["none 0.1"] is None and 1e-7 < starts["none 20"] < 1e-6
    assert starts["batch 0.1"] < 0.2 * starts["batch 1.41"]


def test_the_lead_without_the_noise_of_the_batch_is_one_by_itself(parts):
    table = parts["generalization"]["table"]
    table = table[table["case"] == "300 images"]
    assert results.compare(table, "whole_set", "none", "test_accuracy")["verdict"] == "more"
    assert results.compare(table, "whole_set", "batch", "test_accuracy", margin=0.5)["verdict"] == "not settled here"


def test_stored_runs_have_the_seeds_that_are_stated(parts):
    for name, part in parts.items():
        many = part["table"].groupby([c for c in ("case", "arm") if c in part["table"]])["seed"].nunique()
        assert set(many) <= {part["seeds"], 8} and part["seeds"] == (8 if name == "dimensions" else 20), name
        if "tuning" in part:
            assert set(part["tuning"]["seed"]) == set(range(100, 108)), name


def test_no_stored_rate_is_the_smallest_or_the_largest_that_was_tried(parts):
    for part in parts.values():
        for case, best in part.get("best", {}).items() if "case" in part.get("tuning", ()) else ():
            tried = part["tuning"].loc[part["tuning"]["case"] == case]
            arms = tried.groupby("arm")["lr"].apply(lambda lr: sorted(set(lr)))
            assert len(set(map(tuple, arms))) == 1, f"{case}: all arms at the same rates"
            assert all(rate is None or arms[arm][0] < rate < arms[arm][-1] for arm, rate in best.items()), case


def test_the_evidence_is_small():
    folder = results.room_of(experiments.__file__) / "evidence"
    assert sum(file.stat().st_size for file in folder.iterdir() if file.suffix in (".json", ".csv")) < 1_500_000
