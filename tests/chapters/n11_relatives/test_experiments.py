"""The experiments of notebook 11: summaries against closed forms, and what the stored evidence says."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn import functional as F

from bnbook import data, nets, train
from bnbook.chapters.n11_relatives import experiments
from bnbook.chapters.n11_relatives.experiments.training import SWEEP, Case
from bnbook.lab import results

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def digits():
    """Fewer of them, which decides how long these tests take."""
    sizes = (300, 300, 100, 100, 100, 100)
    return data.Data(*(part[:size] for part, size in zip(data.digits(), sizes, strict=True)))


CASES = {"10 steps of 64": Case(64, 10, (0.1, 0.4, 1.6)), "20 steps of 16": Case(16, 20, (0.1, 0.4, 1.6))}


@pytest.fixture(scope="module")
def small(digits):
    return experiments.relatives(digits, ("none", "batch"), CASES, sweep=(0.1, 0.4, 30.0), seeds=2)


def test_a_run_is_the_training_of_a_plain_net_tested_on_spoilt_images(digits, small):
    mean, sd = digits.x_train.mean(), digits.x_train.std()
    net = nets.cnn("batch", seed=1)
    train.fit(net, (digits.x_train - mean) / sd, digits.y_train, lr=0.4, batch_size=64, steps=10, seed=1)
    x, noise = digits.x_test, np.random.default_rng([1, 2]).normal(size=digits.x_test.shape)
    by_hand = {
        "test_accuracy": x,
        "noise 0.3 accuracy": np.clip(x + 0.3 * noise, 0, 1),
        "dark accuracy": x / 5,
        "contrast accuracy": 0.5 + (x - 0.5) / 4,
        "faint accuracy": mean + (x - mean) / 4,
    }
    runs = small["table"].query("case == '10 steps of 64' and arm == 'batch' and lr == 0.4 and seed == 1 and twin == 0")
    measured = dict(zip(runs["measure"], runs["value"], strict=True))
    for name, images in by_hand.items():
        standardized = torch.as_tensor((images - mean) / sd)
        right = train.evaluate(net, standardized, digits.y_test)[1]
        assert measured[name] == pytest.approx(right, abs=0.0101), name
        state = {key: value.clone() for key, value in net.state_dict().items()}
        with torch.no_grad():
            right = (net.train()(standardized).argmax(1).numpy() == digits.y_test).mean()
        net.load_state_dict(state)
        own = "own " + name.replace("test_", "clean ")
        assert measured[own] == pytest.approx(right, abs=0.0101), own
    loss = train.evaluate(net, torch.as_tensor((digits.x_train - mean) / sd), digits.y_train)[0]
    assert measured["train_loss"] == pytest.approx(loss, rel=1e-6), "what was watched has not moved the statistics"


def test_rates_are_chosen_on_validation_images_by_seeds_that_are_not_reported(digits, small):
    table, tuning = small["table"], small["tuning"]
    assert set(table["seed"]) == {0, 1} and set(tuning["seed"]) == set(range(100, 108))
    assert set(tuning["measure"]) == {"val_accuracy"}
    for (case, arm), runs in tuning.groupby(["case", "arm"]):
        means = runs.groupby("lr")["value"].mean()
        assert means[small["best"][case][arm]] == means.max(), (case, arm)
        assert set(tuning[tuning["case"] == case]["lr"]) == set(runs["lr"]), "all norms on one grid"
    net, mean, sd = nets.cnn("none", seed=103).float(), digits.x_train.mean(), digits.x_train.std()
    x_train, x_val = (torch.as_tensor((x - mean) / sd).float() for x in (digits.x_train, digits.x_val))
    train.fit(net, x_train, digits.y_train, lr=0.1, batch_size=64, steps=10, seed=103)
    run = tuning.query("case == '10 steps of 64' and arm == 'none' and lr == 0.1 and seed == 103")
    assert run["value"].item() == pytest.approx(train.evaluate(net, x_val, digits.y_val)[1], abs=0.01)


def test_no_run_is_there_twice_and_twins_are_of_the_runs_made_again(small, tmp_path):
    labels = small["table"].drop(columns=["measure", "value"]).drop_duplicates()
    assert not small["table"].drop(columns="value").duplicated().any()
    swept = labels.query("case == '10 steps of 64' and twin == 0 and lr in (0.1, 0.4, 30)")
    assert swept.groupby(["arm", "lr"]).size().tolist() == [2] * 6
    for case in CASES:
        own = experiments.at_own_rates(small, case)
        assert results.of(own, "test_accuracy").groupby("arm").size().to_dict() == {"none": 2, "batch": 2}
    twins = labels[labels["twin"] > 0]
    assert set(twins["lr"]) == {experiments.AGAIN["lr"]} and set(twins["twin"]) == set(range(1, 6))
    results.save(small, tmp_path / "small.json")
    read = results.load(tmp_path / "small.json")
    assert read["best"] == small["best"] and len(experiments.learning(read)) == 4
    json.dumps({name: value for name, value in small.items() if not isinstance(value, pd.DataFrame)}, allow_nan=False)


# --- what follows ----------------------------------------------------------------------------------------------------


def swept(accuracy, failed):
    """What `relatives` returns, of one case: {arm: (rates, seeds) values}, all at the rates 0.01, 0.1, 1."""
    rows = [
        {"case": "c", "arm": arm, "lr": lr, "seed": seed, "twin": 0, "step": 9, "measure": measure, "value": value}
        for measure, given in (("test_accuracy", accuracy), ("diverged", failed))
        for arm, values in given.items()
        for lr, row in zip((0.01, 0.1, 1.0), values, strict=True)
        for seed, value in enumerate(row)
    ]
    best = {"c": dict.fromkeys(accuracy, 0.1)}
    return {"cases": {"c": [4, 9]}, "sweep": [0.01, 0.1, 1.0], "seeds": 2, "best": best, "table": pd.DataFrame(rows)}


def test_limits_are_those_of_geometry():
    accuracy = {"batch": [[0, 1], [1, 1], [0, 1]], "none": [[0.1, 0.1], [0.1, 0.1], [0.1, 0.1]]}
    failed = {"batch": [[0, 1], [0, 0], [1, 1]], "none": [[1, 0], [1, 1], [1, 0]]}
    table = experiments.limits(swept(accuracy, failed)).set_index(["measure", "arm", "seed"])["value"]
    assert table["decades", "batch"].tolist() == pytest.approx([0.2, 2.0]), "a triangle, cut at 0.9; all of it"
    assert table["decades", "none"].tolist() == [0, 0]
    assert table["largest", "batch"].tolist() == pytest.approx([np.sqrt(0.1), np.sqrt(0.1)])
    assert np.isnan(table["largest", "none", 0]), "no rate works"
    assert table["largest", "none", 1] == pytest.approx(np.sqrt(0.001)), "beyond a failure nothing counts"
    assert experiments.half_a_step([0.01, 0.1, 0.2, 0.3], [np.sqrt(0.02), np.nan]) == pytest.approx(np.sqrt(2))


def test_a_column_is_one_family_of_paired_differences():
    values = {"none": [0.5, 0.6, 0.7], "batch": [0.6, 0.7, 0.81], "layer": [0.61, 0.68, 0.82], "own": [0.9] * 3}
    rows = [
        {"arm": arm, "seed": seed, "step": 1, "measure": "dark accuracy", "value": value}
        for arm, some in values.items()
        for seed, value in enumerate(some)
    ]
    name, table, found = experiments.column("dark", pd.DataFrame(rows), "dark accuracy")
    assert name == "dark" and len(table) == 12 and found["against"].tolist() == ["none", "layer"]
    alone = results.compare(table, "batch", "none", "dark accuracy")
    assert found["mean"].tolist() == pytest.approx([10.333, 0.0], abs=1e-3)
    assert found["p"].iloc[0] == pytest.approx(2 * alone["p"]), "Holm: two conclusions"
    assert found["verdict"].tolist() == ["more", results.UNSETTLED]
    own = experiments.column("dark", pd.DataFrame(rows), "dark accuracy", "own").rows
    assert own["against"].tolist() == ["none", "layer"] and own["mean"].iloc[0] == pytest.approx(30)


def test_own_statistics_are_an_arm_of_their_own(small):
    table = experiments.at_own_rates(small, "20 steps of 16")
    found = experiments.with_own(table)
    assert set(found["arm"]) == {"none", "batch", "own"} and not found["measure"].str.startswith("own").any()
    for measure, before in (("dark accuracy", "own dark accuracy"), ("test_accuracy", "own clean accuracy")):
        anew = results.of(found, measure, arm="own")["value"]
        assert anew.tolist() == results.of(table, before, arm="batch")["value"].tolist()


def test_a_change_of_case_is_paired_within_each_norm(small):
    found = experiments.change(small, "10 steps of 64", "20 steps of 16").set_index("norm")
    for norm in ("none", "batch"):
        before, after = (
            results.of(experiments.at_own_rates(small, case), "test_accuracy", arm=norm).set_index("seed")["value"]
            for case in CASES
        )
        assert found["mean"][norm] == pytest.approx(100 * (after - before).mean())


def test_too_few_seeds_or_nothing_to_compare_with_is_refused(digits):
    with pytest.raises(ValueError, match="seeds is 1"):
        experiments.relatives(digits, seeds=1)
    with pytest.raises(ValueError, match="every norm is compared with 'batch'"):
        experiments.relatives(digits, norms=("none",))


# --- algebra ---------------------------------------------------------------------------------------------------------


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


# Ba et al. 2016, table 1: the weight matrix scaled and centred, one weight vector scaled, the data scaled and shifted,
# a single training case scaled. 1: the output does not change.
TABLE_1 = {"batch": (1, 0, 1, 1, 1, 0), "layer": (1, 1, 0, 1, 0, 1)}


def test_table_1_of_ba_et_al_is_what_we_find():
    rng = np.random.default_rng(0)
    x, W, shift = rng.normal(1, 2, (5, 7)), rng.normal(0.3, 1, (4, 7)), rng.normal(size=7)
    one, first = np.ones((4, 7)), np.ones((5, 7))
    one[0], first[0] = 3, 3
    changed = [(x, 3 * W), (x, W + shift), (x, one * W), (3 * x, W), (x + shift, W), (first * x, W)]
    norms = {
        "batch": lambda a: F.batch_norm(a, None, None, training=True, eps=1e-12),
        "layer": lambda a: F.layer_norm(a, (4,), eps=1e-12),
    }
    for name, norm in norms.items():
        before = norm(torch.as_tensor(x @ W.T))
        same = [torch.allclose(norm(torch.as_tensor(inputs @ V.T)), before) for inputs, V in changed]
        assert tuple(same) == TABLE_1[name], name
    # The columns on the data are lines of the notebook's table, too.
    ours = experiments.invariances()
    lines = {name: dict(zip(ours["changes"], row, strict=True)) for name, row in ours["norms"].items()}
    for name, ours in (("batch", "batch (training)"), ("layer", "layer")):
        found = [lines[ours][change] for change in ("pictures x 3", "pictures + 5", "one picture x 3")]
        assert tuple(found) == TABLE_1[name][3:]


def test_invariances_of_own_functions_are_measured():
    found = experiments.invariances({"nothing": lambda x: 0 * x, "identity": lambda x: x})
    assert all(found["norms"]["nothing"])
    assert found["norms"]["identity"] == [False] * 6 + [True] * 2 + [False] * 4


# --- the stored evidence ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stored():
    return experiments.evidence("relatives")


def verdicts(columns):
    return {column.name: dict(zip(column.rows["against"], column.rows["verdict"], strict=True)) for column in columns}


def test_what_is_stored_covers_what_is_claimed(stored):
    assert stored["seeds"] == 20 and stored["command"].startswith("python -m bnbook run relatives --seeds 20")
    assert list(stored["cases"]) == list(experiments.CASES) and tuple(stored["sweep"]) == SWEEP
    for case, best in stored["best"].items():
        own = experiments.at_own_rates(stored, case)
        assert results.of(own, "test_accuracy").groupby("arm").size().to_dict() == dict.fromkeys(nets.NORMS, 20)
        tuning = stored["tuning"][stored["tuning"]["case"] == case]
        assert set(tuning["seed"]) == set(range(100, 108))
        means = tuning.groupby(["arm", "lr"])["value"].mean().unstack()
        for norm, lr in best.items():
            assert means.loc[norm, lr] == means.loc[norm].max() and min(means.columns) < lr < max(means.columns)
    table = experiments.at_one_rate(stored, stored["sweep"][0]), experiments.at_one_rate(stored, stored["sweep"][-1])
    ends = [results.of(part, "test_accuracy").groupby("arm")["value"].mean() for part in table]
    assert all((end < 0.9 * 0.97).all() for end in ends), "on both sides rates that are no good"
    assert results.of(table[1], "diverged")["value"].all()


def test_the_stored_runs_say_what_the_notebook_says_of_learning(stored):
    said = verdicts(experiments.learning(stored))
    for name in ("decades of rates", "100 steps of 64", "400 steps of 64"):
        assert set(said[name].values()) == {"more"}, name
    assert set(said["3200 steps of 2"].values()) == {results.UNSETTLED}
    assert said["largest rate"] == {
        **dict.fromkeys(("none", "layer", "rms"), "more"),
        **dict.fromkeys(("group", "instance"), results.UNSETTLED),
    }
    longer = experiments.change(stored, "100 steps of 64", "400 steps of 64").set_index("norm")
    assert set(longer["verdict"]) == {"more"} and longer["mean"].idxmin() == "batch"
    smaller = experiments.change(stored, "100 steps of 64", "3200 steps of 2").set_index("norm")
    assert smaller["verdict"]["batch"] == "less" and smaller["low"]["batch"] > -2
    leads = [column.rows["mean"].round(1) for column in experiments.learning(stored)[2:4]]
    assert [(lead.min(), lead.max()) for lead in leads] == [(1.8, 5.8), (0.6, 1.3)]
    known = experiments.half_a_step(stored["sweep"], results.of(experiments.limits(stored), "largest")["value"])
    assert known == pytest.approx(1.13, abs=0.005)


def test_the_stored_runs_say_what_the_notebook_says_of_spoilt_images(stored):
    first, second, third = (verdicts(experiments.bearing(stored, case)) for case in stored["cases"])
    for said in (first, second, third):
        assert set(said["faint"].values()) == set(said["contrast"].values()) == {"less"}
        assert {said["dark"][norm] for norm in ("layer", "group", "instance")} == {"less"}
    assert first["dark"]["none"] == first["dark"]["rms"] == results.UNSETTLED
    for said in (first, second):
        assert set(said["noise 0.1"].values()) == set(said["shift"].values()) == {"more"}
    assert [set(third[name].values()) == {"more"} for name in ("noise 0.1", "shift")] == [False, False]
    assert first["noise 0.3"] == dict.fromkeys(nets.NORMS[2:], results.UNSETTLED) | {"none": "more"}
    assert set(second["noise 0.3"].values()) == set(third["noise 0.3"].values()) == {results.UNSETTLED}
    own = [verdicts(experiments.bearing(stored, case, "own")) for case in stored["cases"]]
    assert all(set(said[name].values()) == {"more"} for said in own for name in ("contrast", "dark"))
    assert {verdict for column in own[0].values() for verdict in column.values()} == {"more"}
    for lr in (0.1, 0.2):
        rows = experiments.column("contrast", experiments.at_one_rate(stored, lr), "contrast accuracy").rows
        assert set(rows["verdict"]) == {"less"}


def test_what_norms_lose_by_contrast_and_darkness_is_what_the_notebook_says(stored):
    runs = experiments.at_own_rates(stored, "100 steps of 64")
    mean = runs.groupby(["measure", "arm"])["value"].mean().unstack()
    lost = 100 * (mean.loc["test_accuracy"] - mean)
    for measure, low, high, instance in (("contrast accuracy", 24, 50, 10), ("dark accuracy", 59, 73, 31)):
        others = lost.loc[measure, ["layer", "group", "rms"]]
        assert (round(others.min()), round(others.max())) == (low, high)
        assert round(lost.loc[measure, "instance"]) == instance
    assert (lost.loc["faint accuracy", ["layer", "group", "instance", "rms"]].abs() < 0.1).all()
    assert lost.loc["dark accuracy"].min() > 5, "none of the six loses at most 5 points"


def test_the_runs_made_again_are_those_that_are_stored(stored):
    digits = data.digits()
    live = experiments.made_again(digits, norms=("none", "instance"))
    for measure in ("test_accuracy", "noise 0.3 accuracy", "dark accuracy"):
        found = results.again(live, stored["table"], measure, image=1 / len(digits.y_test))
        assert found.runs == 4 and found.level == "result" and found.agrees, measure
        wrong = live.assign(value=live["value"] + 3 / 500)
        assert not results.again(wrong, stored["table"], measure, image=1 / len(digits.y_test)).agrees


def test_a_dark_image_is_shifted_and_only_instance_norm_without_padding_does_not_mind():
    digits = data.digits()
    images = {name: x[0] for name, x in experiments.spoilt(digits, seeds=[0]).items()}
    mean, sd = digits.x_train.mean(), digits.x_train.std()
    assert torch.allclose(images["dark"], images["clean"] / 5 - 0.8 * mean / sd)
    assert mean == pytest.approx(0.305, abs=5e-4)
    for norm in ("layer", "group", "instance", "rms"):
        for padding in (0, 1):
            first = nets.cnn(norm)[:2]
            first[0].padding = (padding, padding)
            with torch.no_grad():
                clean, dark, faint = (first(images[name]) for name in ("clean", "dark", "faint"))
            assert torch.allclose(clean, faint, atol=0.005)
            assert torch.allclose(clean, dark, atol=0.005) == (norm == "instance" and not padding), (norm, padding)
