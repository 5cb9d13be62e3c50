"""The experiments of notebook 09, judged against plain PyTorch, closed forms, and what is stored."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats
from torch.nn import functional as F

from bnbook import data, nets, train
from bnbook.chapters.n09_depth import experiments, functions
from bnbook.chapters.n09_depth.experiments import gradients, training
from bnbook.lab import engine, results
from bnbook.lab.engine import tensors

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def digits():
    return data.digits()


def noise(pixels, seed=0):
    """Random images that differ in as many directions as they have pixels."""
    part = np.random.default_rng(seed).normal(size=(400, 1, pixels, pixels)), np.arange(400) % 10
    return data.Data(*part, *part, *part)


def test_gradients_are_those_of_a_net_written_out_in_plain_pytorch(digits):
    case = ("batch", "relu", 2**0.5, 16)
    result = experiments.gradient_growth(digits, seeds=2, cases=[case], depth=12, width=20)
    x, y, *_ = tensors(digits, "cpu")
    chosen = np.random.default_rng(1).permutation(len(x))[:16]
    net, h, outputs = nets.mlp("batch", 20, depth=12, seed=1), x[chosen].flatten(1), []
    for i in range(1, 13):
        z = h @ net.get_submodule(f"linear{i}").weight.T
        h = torch.relu((z - z.mean(0)) / (z.var(0, correction=0) + 1e-5).sqrt())
        h.retain_grad()
        outputs.append(h)
    F.cross_entropy(net.linear(h), y[chosen]).backward()
    size = np.array([h.grad.norm().item() for h in outputs])
    np.testing.assert_allclose(result["cases"][0]["size"][1], size / size[-1], rtol=1e-9)
    assert result["cases"][0]["growth"][1] == pytest.approx((size[5] / size[6]) ** 1)


def test_the_relu_grows_by_the_number_of_yang_and_others_and_without_normalization_the_gain_decides(digits):
    cases = [(norm, "relu", gain, 128) for norm in ("batch", "none") for gain in (2**0.5, 2.0)]
    found = experiments.gradient_growth(digits, seeds=2, depth=30, cases=cases)["cases"]
    theory = np.sqrt(np.pi / (np.pi - 1))
    assert all(abs(case["mean"] - theory) < 0.006 for case in found[:2])
    assert found[2]["mean"] == pytest.approx(1, abs=0.02) and found[3]["mean"] == pytest.approx(2**0.5, abs=0.03)


def test_a_linear_net_grows_as_the_formula_says_if_its_images_differ_in_enough_directions():
    cases = [("batch", "identity", 1.0, size) for size in (8, 16)]
    for case in experiments.gradient_growth(noise(12), seeds=6, cases=cases, width=300)["cases"]:
        b = case["batch_size"]
        assert case["mean"] == pytest.approx(((b - 2) / (b - 3)) ** 0.5, abs=0.008)


def test_predicted_growth_has_the_closed_form_of_a_relu_and_is_never_below_1():
    assert functions.predicted_growth(*gradients._NON_LINEARITIES["relu"](gradients._NORMAL)) == pytest.approx(
        np.sqrt(np.pi / (np.pi - 1)), rel=1e-4
    )
    random = np.random.default_rng(0)
    z = gradients._NORMAL
    for _ in range(20):  # the Poincare inequality, for sums of random waves
        a, b, c = random.normal(size=(3, 6, 1))
        h, slope = (
            (a * np.sin(b * gradients._NORMAL + c)).sum(0),
            (a * b * np.cos(b * gradients._NORMAL + c)).sum(0),
        )
        assert functions.predicted_growth(h, slope) > 1 - 1e-6
    assert functions.predicted_growth(3 * z, 3 + 0 * z) == pytest.approx(1, rel=1e-3)


def test_what_blocks_add_and_their_gradients_are_those_of_a_net_written_out(digits):
    result = experiments.skip_connections(digits, seeds=2, depth=6, width=20, batch_size=32)
    arms = {arm["name"]: arm for arm in result["arms"]}
    x, y, *_ = tensors(digits, "cpu")
    chosen = np.random.default_rng(1).permutation(len(x))[:32]
    net = nets.residual("batch", 20, depth=6, seed=1)
    h, outputs, shares = net.linear0(x[chosen].flatten(1)), [], []
    for i in range(1, 7):
        block = net.get_submodule(f"block{i}")
        branch = block.linear(torch.relu(F.batch_norm(h, None, None, training=True)))
        shares.append((branch.var(0).sum() / h.var(0).sum()).item())
        h = h + branch
        h.retain_grad()
        outputs.append(h)
    F.cross_entropy(net.linear(torch.relu(F.batch_norm(h, None, None, training=True))), y[chosen]).backward()
    size = np.array([h.grad.norm().item() for h in outputs])
    np.testing.assert_allclose(arms["batch"]["share"][1], shares, rtol=1e-9)
    np.testing.assert_allclose(arms["batch"]["size"][1], size / size[-1], rtol=1e-9)
    assert np.allclose(arms["skip_init"]["share"], 0) and np.allclose(arms["skip_init"]["size"], 1)
    assert list(arms) == ["plain", "none", "batch", "skip_init"] and "share" not in arms["plain"]


def test_a_branch_adds_a_variance_of_pi_minus_1_over_pi_and_the_growth_follows_from_each_units_variance():
    rng = np.random.default_rng(0)
    images = rng.normal(size=(300, 1, 20, 20)) + rng.normal(size=(1, 1, 20, 20)), np.arange(300) % 10
    result = experiments.skip_connections(data.Data(*3 * images), seeds=3, depth=20)
    batch = next(arm for arm in result["arms"] if arm["name"] == "batch")
    given, inverse, share = (np.array(batch[name]) for name in ("given", "inverse", "share"))
    relu = np.maximum(gradients._NORMAL, 0)
    assert 2 * relu.var() == pytest.approx((np.pi - 1) / np.pi, rel=1e-3)
    assert 2 * np.mean(relu**2) == pytest.approx(1, rel=1e-3)  # what a branch adds, but for its mean
    assert np.mean(share * given) == pytest.approx((np.pi - 1) / np.pi, abs=0.01)
    np.testing.assert_allclose(np.diff(given.mean(0)), 0.68, atol=0.09)
    growth = np.mean(batch["growth"])
    predicted = np.prod(1 + 126 / 128 * inverse[:, 1:], axis=1) ** 0.5
    assert growth == pytest.approx(predicted.mean(), rel=0.03)
    on_paper = [np.prod(1 + 126 / 128 / (1 + added * np.arange(1, 20))) ** 0.5 for added in (2 * relu.var(), 1)]
    assert growth == pytest.approx(on_paper[0], rel=0.1) and growth > 1.3 * on_paper[1]  # not 1


def small(arm, **changes):
    return {arm: replace(experiments.DEEP_ARMS[arm], width=10, **changes)}


def test_a_rate_is_chosen_on_validation_images_by_other_seeds_and_reported_on_test_images(digits, monkeypatch):
    monkeypatch.setattr(training, "RATES", (0.003, 0.3, 30.0))
    arms = small("plain, batch", every=15)
    result = experiments.trainability(digits, seeds=2, depths=(2,), lengths=(15,), arms=arms)
    (cell,), tuning, table = result["best"], result["tuning"], result["table"]
    x, y, x_test, y_test = tensors(digits, "cpu")
    x_val = (digits.x_val - digits.x_train.mean()) / digits.x_train.std()

    def plain(lr, seed, dtype):
        net = nets.mlp("batch", 10, depth=2, seed=seed).to(dtype)
        train.fit(net, x, y, lr, steps=15, seed=seed)
        return train.evaluate(net, x_val, digits.y_val)[1], train.evaluate(net, x_test, y_test)[1]

    means = tuning.groupby("lr")["value"].mean()
    assert cell == {"arm": "plain, batch", "depth": 2, "length": 15, "lr": means.idxmax()} and len(means) == 3
    assert set(tuning["seed"]) == set(range(100, 108)) and set(tuning["measure"]) == {"val_accuracy"}
    again = [plain(0.3, seed, torch.float32)[0] for seed in range(100, 108)]
    assert results.of(tuning, "val_accuracy", lr=0.3)["value"].tolist() == pytest.approx(again, abs=0.004)
    reported = [plain(cell["lr"], seed, torch.float64)[1] for seed in (0, 1)]
    assert results.of(table, "test_accuracy", seed=0)["value"].tolist() == pytest.approx(reported[:1])
    assert table["value"].tolist() == pytest.approx(reported) and set(table["twin"]) == {0}


def test_a_training_of_200_steps_is_the_beginning_of_one_of_1000(digits):
    """Tuning reads both lengths off one run."""
    arms, labels = (
        small("residual, batch", every=10),
        results.grid(arm=("residual, batch",), lr=(0.1,), seed=(100, 101)),
    )
    calls = []

    def train_(labels):
        calls.append(len(labels))
        labels = [label | {"depth": 2, "length": 30} for label in labels]
        return training._trained(digits, labels, arms, "cpu", False, None)

    runs = training._Once(train_)
    short, long = runs.at(10)(labels), runs.at(30)(labels + [labels[0] | {"lr": 0.2}])
    assert calls == [2, 1] and set(short["step"]) == {10} and set(long["step"]) == {30} and len(long) == 3
    alone = engine.run(replace(arms["residual, batch"], depth=2, lr=0.1, steps=10, seed=101), digits)
    longer = training._trained(digits, [labels[1] | {"depth": 2, "length": 30}], arms, "cpu", False, None)
    assert results.of(longer, "test_accuracy", step=10)["value"].item() == alone["test_accuracy"][-1]


def test_what_is_left_out_and_what_is_tuned_by_itself():
    asked = {
        (depth, length): [arm for arm in experiments.DEEP_ARMS if training._asked(arm, depth, length)]
        for depth in (5, 20, 40, 80)
        for length in (200, 1000)
    }
    assert [len(arms) for arms in asked.values()] == [6, 6, 8, 8, 8, 7, 6, 0]
    for depth in (5, 20, 40, 80):
        (together, *_), *alone = training._grids(experiments.DEEP_ARMS, depth)
        assert sorted(together + [arm for (arm,), *_ in alone]) == sorted(experiments.DEEP_ARMS)


def test_two_random_weights_of_each_unit_are_trained_as_with_a_masked_gradient(digits):
    setting = engine.Setting(net="mlp", width=6, depth=2, trainable="few", lr=0.5, steps=4, every=4, seed=3)
    kept = {}

    def watch(moment):
        kept[moment.step] = {name: p[1].detach().clone() for name, p in moment.net.named_parameters()}

    run = engine.run_all([replace(setting, seed=5), setting], digits, watch=watch)[1]
    changed = {name: kept[4][name] != kept[0][name] for name in kept[0]}
    for name in ("linear1.weight", "linear2.weight"):
        assert changed[name].sum(1).max() <= 2 and changed[name].sum() >= changed[name].shape[0]
    assert not any(changed[name].any() for name in changed if name not in ("linear1.weight", "linear2.weight"))
    net = nets.mlp("batch", 6, depth=2, seed=3)
    x, y, x_test, y_test = tensors(digits, "cpu")
    for name, p in net.named_parameters():
        p.register_hook(lambda g, free=changed[name]: g * free)
    train.fit(net, x, y, 0.5, steps=4, seed=3)
    assert run["test_accuracy"][-1] == pytest.approx(train.evaluate(net, x_test, y_test)[1])
    torch.testing.assert_close(net.linear2.weight, kept[4]["linear2.weight"])


@pytest.mark.parametrize("part, trained", [("head", ["linear.weight", "linear.bias"]), ("norm", None), ("all", None)])
def test_only_the_part_that_is_asked_for_is_trained(digits, part, trained):
    net = engine.build(engine.Setting(net="mlp", width=6, trainable=part), digits)
    found = [name for name, p in net.named_parameters() if p.requires_grad]
    every = [name for name, _ in net.named_parameters()]
    assert found == {"head": trained, "norm": [name for name in every if name.startswith("norm")], "all": every}[part]
    with pytest.raises(ValueError, match="must be one of 'all', 'norm', 'head', 'few'"):
        engine.build(engine.Setting(net="mlp", trainable="tail"), digits)


def test_gamma_and_beta_alone_learn_and_their_numbers_are_counted(digits, monkeypatch):
    monkeypatch.setattr(training, "PART_RATES", (0.03, 3.0, 300.0))
    setting = replace(experiments.ONLY, width=40, steps=60, every=60)
    found = experiments.only_norms(digits, seeds=2, parts=("norm", "few"), setting=setting)
    assert found["numbers"] == {"norm": 240, "few": 240} and found["best"] == {"norm": 3.0, "few": 3.0}
    assert training._numbers(replace(setting, trainable="head"), digits) == 410
    assert results.of(found["table"], "test_accuracy", arm="norm", twin=0)["value"].mean() > 0.5
    assert set(found["table"]["twin"]) == set(range(6)) and set(found["tuning"]["seed"]) == set(range(100, 108))


def test_other_images_and_another_number_of_classes_will_do():
    some = data.Data(*[part[:60] if part.ndim == 4 else part[:60] % 3 for part in noise(5)])
    assert experiments.gradient_growth(some, seeds=2, cases=[("batch", "tanh", 1.0, 8)], depth=12, width=8)["cases"]
    assert len(experiments.skip_connections(some, seeds=2, depth=3, width=8, batch_size=16)["arms"]) == 4
    cells = [{"arm": arm, "depth": 2, "length": 2, "lr": 0.1} for arm in experiments.DEEP_ARMS]
    arms = {name: replace(arm, every=2, width=6, batch_size=16) for name, arm in experiments.DEEP_ARMS.items()}
    assert len(experiments.reported(some, cells, 2, arms=arms)) == 8 * 2


# --- verdicts ---------------------------------------------------------------------------------------------------------


def made_up(means, lr=0.1, sd=0.01, seeds=8):
    """A stored result of trainability: (arm, depth, length) to mean accuracy, None for what does not train."""
    rng = np.random.default_rng(0)
    best = [
        {"arm": a, "depth": d, "length": n, "lr": None if mean is None else lr} for (a, d, n), mean in means.items()
    ]
    rows = [
        cell | {"seed": seed, "twin": 0, "step": cell["length"], "measure": "test_accuracy", "value": value}
        for cell, mean in zip(best, means.values(), strict=True)
        if mean is not None
        for seed, value in enumerate(mean + sd * stats.zscore(rng.normal(size=seeds)))  # the mean is as given
    ]
    return {"best": best, "table": pd.DataFrame(rows), "seeds": seeds}


def test_verdicts_follow_from_the_table_and_only_a_margin_makes_no_difference():
    means = {
        ("plain, batch", 20, 200): 0.8,
        ("plain, none", 20, 200): 0.5,
        ("plain, start", 20, 200): 0.5,
        ("plain, batch", 40, 200): 0.2,
        ("plain, none", 40, 200): None,
        **{(arm, depth, 200): 0.96 for arm in ("residual, batch", "residual, skip_init") for depth in (5, 80)},
    }
    found = experiments.comparisons(made_up(means, sd=0.003))
    told = {(row.arm, row.against, row.depth): row.verdict for row in found.itertuples()}
    assert told["plain, batch", "plain, none", 20] == told["plain, batch", "plain, start", 20] == "more"
    assert told["plain, start", "plain, none", 20] == results.UNSETTLED  # equal, and no margin is stated
    assert ("plain, batch", "plain, none", 40) not in told  # it does not train
    assert told["residual, skip_init", "residual, batch", 80] == "no difference"
    assert told["residual, batch, depth 80", "depth 5", 80] == "no difference"
    wide = experiments.comparisons(made_up(means, sd=0.03))
    assert set(wide.loc[wide["arm"].str.startswith("residual"), "verdict"]) == {results.UNSETTLED}
    shown = experiments.accuracies(made_up(means)).set_index(["arm", "depth"])
    assert np.isnan(shown.loc[("plain, none", 40), "mean"]) and shown.loc[("plain, batch", 20), "mean"] > 79


def test_bands_are_compared_by_tuning_seed():
    rates = (0.01, 0.1, 1.0, 10.0)
    accuracy = {"residual, batch": (0.1, 0.9, 0.9, 0.1), "residual, skip_init": (0.1, 0.9, 0.1, 0.1)}
    rows = [
        {"arm": arm, "lr": lr, "seed": seed, "depth": 80, "length": 200, "step": 200}
        | {"measure": "val_accuracy", "value": v}
        for arm, values in accuracy.items()
        for lr, v in zip(rates, values, strict=True)
        for seed in range(100, 108)
    ]
    found, wider = experiments.bands({"tuning": pd.DataFrame(rows)})
    assert found["to"].tolist() == [1.0, 0.1] and found["enclosed"].all()
    # 0.9 of 0.9 is reached 0.09 / 0.8 of a decade before and behind
    assert found["decades"].tolist() == pytest.approx([1.225, 0.225]) and wider["mean"] == pytest.approx(1.0)
    open_ = experiments.bands({"tuning": pd.DataFrame(rows).query("lr < 10")})[0]
    assert open_["enclosed"].tolist() == [False, True]


# --- what is stored ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stored():
    return experiments.evidence("trainability")


def test_the_stored_trainings_are_complete_and_add_up(stored):
    assert stored["command"].startswith("python -m bnbook run trainability --seeds 20")
    assert {name: engine.Setting(**values) for name, values in stored["settings"].items()} == experiments.DEEP_ARMS
    assert len(stored["best"]) == 6 + 6 + 8 + 8 + 8 + 7 + 6
    for cell in stored["best"]:
        where = {name: cell[name] for name in ("arm", "depth", "length")}
        tried = results.of(stored["tuning"], "val_accuracy", step=cell["length"], **where)
        means = tried.groupby("lr")["value"].mean()
        assert (tried.groupby("lr")["seed"].nunique() == 8).all() and tried["seed"].min() == 100
        if cell["lr"] is None:
            assert means.max() <= 0.15 and np.log10(means.index.max() / means.index.min()) > 4
            continue
        assert means[cell["lr"]] == means.max() and means.index[0] < cell["lr"] < means.index[-1]
        reported = results.of(stored["table"], "test_accuracy", twin=0, **cell)
        assert sorted(reported["seed"]) == list(range(20)) and (reported["step"] == cell["length"]).all()


def test_stored_verdicts_are_those_of_plain_t_tests(stored):
    rows = experiments.comparisons(stored)
    assert rows["p"].between(0, 1).all()
    table = results.of(stored["table"], "test_accuracy", twin=0, depth=20, length=200)
    batch, none = (table[table["arm"] == f"plain, {norm}"].sort_values("seed")["value"] for norm in ("batch", "none"))
    row = rows.query("arm == 'plain, batch' and against == 'plain, none' and depth == 20 and length == 200").iloc[0]
    expected = stats.ttest_rel(100 * batch.to_numpy(), 100 * none.to_numpy())
    assert (row["low"], row["high"]) == pytest.approx(tuple(expected.confidence_interval(0.95)))


def test_the_verdicts_that_the_notebook_states(stored):
    rows = experiments.comparisons(stored)
    told = {(row.arm, row.against, row.depth, row.length): row.verdict for row in rows.itertuples()}
    he = [told["plain, batch", "plain, none", depth, length] for length in (200, 1000) for depth in (20, 40)]
    assert he == ["more", results.UNSETTLED, "more", "less"] and len(told) == 21
    for length, verdict in ((200, "more"), (1000, results.UNSETTLED)):
        assert (
            told["plain, batch", "plain, start", 20, length] == told["tanh, batch", "tanh, none", 40, length] == "more"
        )
        assert told["plain, start", "plain, none", 20, length] == results.UNSETTLED
        assert told["tanh, batch", "tanh, none", 20, length] == verdict
        assert told["residual, skip_init", "residual, batch", 20, length] == "less"
        assert told["residual, skip_init", "residual, batch", 40, length] == "less"
    assert told["residual, batch, depth 80", "depth 5", 80, 200] == results.UNSETTLED
    assert told["residual, batch, depth 40", "depth 5", 40, 1000] == "no difference"
    never = {(cell["arm"], cell["depth"], cell["length"]) for cell in stored["best"] if cell["lr"] is None}
    assert never == {
        ("plain, start", 40, 200),
        *((f"plain, {norm}", 80, 200) for norm in ("start", "batch")),
        *(("residual, none", depth, 200) for depth in (40, 80)),
    }
    bands, wider = experiments.bands(stored)
    assert wider["verdict"] == "more" and bands["enclosed"].all() and wider["low"] > 0.5
    parts = experiments.parts(experiments.evidence("only_norms")).set_index("against")["verdict"]
    assert parts.to_dict() == {"all": "less", "head": "no difference", "few": "more"}


def test_stored_residual_nets_are_met_again(stored, digits):
    cells = [cell for cell in stored["best"] if experiments.LIVE.items() <= cell.items()]
    cells = [cell for cell in cells if cell["arm"] in ("residual, batch", "residual, skip_init")]
    live = experiments.reported(digits, cells, 2)
    found = results.again(live, stored["table"], "test_accuracy", image=1 / len(digits.y_test))
    assert (found.runs, found.level, found.agrees) == (4, "result", True)
    wrong = live.assign(value=live["value"] - 0.05)
    assert not results.again(wrong, stored["table"], "test_accuracy", image=1 / len(digits.y_test)).agrees


@pytest.mark.parametrize("name", ["trainability", "only_norms"])
def test_what_is_kept_of_an_experiment_is_not_trained_again(name, digits, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "RATES", (0.003, 0.3, 30.0))
    monkeypatch.setattr(training, "PART_RATES", (0.03, 3.0, 300.0))
    some = {
        "trainability": {"depths": (2,), "lengths": (15,), "arms": small("plain, batch", every=15)},
        "only_norms": {"parts": ("norm",), "setting": replace(experiments.ONLY, steps=30, every=30, width=10)},
    }[name]
    run = getattr(experiments, name)
    first = run(digits, 2, **some, keep=tmp_path / "runs.part")
    monkeypatch.setattr(engine, "_trained", None)  # a call of it would raise
    second = run(digits, 2, **some, keep=tmp_path / "runs.part")
    for part in ("table", "tuning"):
        pd.testing.assert_frame_equal(first.pop(part), second.pop(part))
    assert first == second
