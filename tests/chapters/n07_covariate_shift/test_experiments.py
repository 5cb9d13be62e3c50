"""The experiments of notebook 07, against plain PyTorch and against what is stored."""

import copy
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import wasserstein_distance
from torch.nn import functional as F

from bnbook import data, train
from bnbook.chapters.n07_covariate_shift import experiments, plots
from bnbook.chapters.n07_covariate_shift.experiments import cases
from bnbook.lab import engine, results

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def digits():
    return data.digits()


def _one_net(case, arm, digits, steps, watch):
    """A plain training of seed 0, one net, no stack."""
    setting = replace(experiments.CASES[case], **cases.ARMS[arm], seed=0)
    x, y, _, _ = engine.tensors(digits, "cpu")
    train.fit(engine.build(setting, digits), x, y, setting.lr, 64, steps, 0, watch)
    return setting, x, y


@torch.no_grad()
def _inputs_of(net, x, training=True):
    net, found = copy.deepcopy(net).train(training), []
    for name, layer in net.named_children():
        if name[:4] in ("relu", "tanh", "sigm"):
            found.append(x)
        x = layer(x)
    return found


@pytest.mark.parametrize("case, arm", [("ReLU, He, 0.1", "batch"), ("sigmoid, gain 1, 0.5", "start")])
def test_the_drift_is_that_of_one_net_measured_with_scipy(case, arm, digits):
    looks = {"": [], "eval_": []}

    def watch(net, step):
        if step % 10 == 0:
            looks[""].append(_inputs_of(net, x[:500]))
            looks["eval_"].append(_inputs_of(net, x[:500], training=False))

    x = engine.tensors(digits, "cpu")[0]
    _one_net(case, arm, digits, 20, watch)
    found = experiments.input_drift(digits, 1, (case,), (arm,), steps=20)["table"]
    for mode, each in looks.items():
        pairs = [pair for look in zip(each[:-1], each[1:], strict=True) for pair in zip(*look, strict=True)]
        for name, expected in pd.DataFrame([_moved(*pair) for pair in pairs]).mean().items():
            value = results.of(found, mode + name)["value"].item()
            assert value == pytest.approx(expected, rel=1e-9), mode + name


def _moved(a, b):
    sd = a.std(0, correction=0)
    ways = torch.tensor([wasserstein_distance(u, v) for u, v in zip(a.T.tolist(), b.T.tolist(), strict=True)])
    mean = (a.mean(0) - b.mean(0)).abs() / sd
    return {"distance": (ways / sd).mean().item(), "mean": mean.mean().item(), "absolute": ways.mean().item()}


@pytest.mark.parametrize("norm", ["none", "batch"])
def test_the_gradient_change_is_that_of_definition_2_1_written_out(norm, digits):
    found = {"relative": [], "cosine": []}
    case = "ReLU, He, 0.1"
    setting, x, y = _one_net(case, norm, digits, 0, None)
    order = torch.from_numpy(train.batch_order(len(x), 64, 11, 0))

    def gradients(net, batch):
        loss = F.cross_entropy(net(x[batch]), y[batch])
        return dict(zip(dict(net.named_parameters()), torch.autograd.grad(loss, net.parameters()), strict=True))

    def watch(net, step):
        if step not in (0, 10):
            return
        batch, start = order[step], copy.deepcopy(net).train()
        before = gradients(copy.deepcopy(start), batch)
        names = ["linear1", "linear2", "linear3", "linear4", "linear5", "linear"]
        for i, layer in enumerate(names[1:], start=1):
            moved = copy.deepcopy(start)
            for below in range(1, i + 1):  # the linear and the norm of every layer below
                for name, p in moved.named_parameters():
                    if name.split(".")[0] in (f"linear{below}", f"norm{below}"):
                        p.data -= setting.lr * before[name]
            g, g_prime = (v[f"{layer}.weight"].flatten() for v in (before, gradients(moved, batch)))
            found["relative"].append(((g - g_prime).norm() / g.norm()).item())
            found["cosine"].append(F.cosine_similarity(g, g_prime, dim=0).item())

    _one_net(case, norm, digits, 11, watch)
    table = experiments.gradient_shift(digits, 1, (case,), (norm,), steps=11)["table"]
    for name, values in found.items():
        assert experiments.over_looks(table, name)["value"].item() == pytest.approx(np.mean(values), rel=1e-8)


def test_looking_changes_no_training(digits):
    case = ("ReLU, He, 0.1",)
    setting = replace(experiments.CASES[case[0]], **cases.ARMS["noisy"], steps=20)
    watched = experiments.noisy_batch_norm(digits, 2, case, ("none", "noisy"), steps=20)["table"]
    expected = engine.run(setting, digits)["test_accuracy"][-1]
    assert results.of(watched, "test_accuracy", arm="noisy", seed=0)["value"].item() == expected
    for experiment in (experiments.gradient_shift, experiments.input_drift):
        watched = experiment(digits, 1, case, ("batch",), steps=20)["table"]
        expected = engine.run(replace(setting, noise=0.0), digits)["test_accuracy"][-1]
        assert results.of(watched, "test_accuracy")["value"].item() == expected


def test_nets_with_noise_begin_with_the_weights_of_those_without(digits):
    setting = experiments.CASES["ReLU, default, 0.1"]
    for plain, noisy in (("none", "none_noisy"), ("start", "start_noisy"), ("batch", "noisy")):
        a, b = (engine.build(replace(setting, **cases.ARMS[arm]), digits) for arm in (plain, noisy))
        for one, other in zip(a.parameters(), b.parameters(), strict=True):
            assert torch.equal(one, other)
        assert sum("noise" in name for name, _ in b.named_children()) == setting.depth


def test_most_of_what_noise_does_for_plain_sigmoids_is_its_stretching(digits):
    base = replace(experiments.CASES["sigmoid, gain 1, 0.5"], norm="none", steps=450)
    sorts = {}, {"noise": 1.0}, {"init": 1.125}
    runs = engine.run_all([replace(base, **sort, seed=seed) for sort in sorts for seed in (0, 1)], digits)
    plain, noise, stretched = np.array([results.steps_to(run) for run in runs]).reshape(3, 2).mean(1)
    assert noise < stretched < plain - 0.5 * (plain - noise)


def test_deep_linear_nets_descend_the_loss_of_all_their_own_images(digits):
    table = experiments.deep_linear(digits, 2, ("10 layers, 0.01",), ("none",))["table"]
    setting = replace(experiments.LINEAR_CASES["10 layers, 0.01"], norm="none", seed=1)
    net = engine.build(setting, digits)
    mean, sd = digits.x_train.mean(), digits.x_train.std()
    x = torch.from_numpy((np.concatenate([digits.x_train, digits.x_val, digits.x_test]) - mean) / sd)
    y = torch.from_numpy(np.concatenate([digits.y_train, digits.y_val, digits.y_test]))
    own = engine.own_split(y.numpy(), 200, len(digits.y_val), len(digits.y_test), 1)["train"]
    for _ in range(60):
        loss = F.cross_entropy(net(x[own]), y[own])
        for p, gradient in zip(net.parameters(), torch.autograd.grad(loss, net.parameters()), strict=True):
            p.data -= 0.01 * gradient
    logits = net(x[own])
    found = {name: results.of(table, name, seed=1)["value"].item() for name in ("train_loss", "train_accuracy")}
    assert found["train_loss"] == pytest.approx(F.cross_entropy(logits, y[own]).item(), rel=1e-9)
    assert found["train_accuracy"] == (logits.argmax(1) == y[own]).double().mean()


def test_percentiles_are_numpys_and_the_control_starts_as_batch_norm_does(digits):
    found = experiments.unit_inputs(digits, seeds=2, steps=10)
    none, batch, start = found["arms"]
    assert [arm["step"] for arm in found["arms"]] == [[0, 10]] * 3
    np.testing.assert_allclose(batch["spread"], start["spread"], rtol=1e-3)
    assert max(none["spread"]) < 0.1
    setting = replace(cases.SIGMOID, **cases.ARMS["batch"], seed=1)
    x = engine.tensors(digits, "cpu")[0][:500]
    z = _inputs_of(engine.build(setting, digits), x)[-1].numpy()
    low, high = np.percentile(z, (15, 85), axis=0)
    assert batch["spread"][1] == pytest.approx((high - low).mean())


def test_steps_to_an_accuracy():
    run = {"step": [0, 5, 10, 15], "test_accuracy": [0.1, 0.89, 0.9, 0.5]}
    assert results.steps_to(run) == 10 and results.steps_to(run, 0.05) == 0
    assert results.steps_to(run, 0.95) is None


def test_of_the_accuracies_only_those_asked_for_are_kept_and_a_run_that_never_learns_has_no_steps():
    runs = [
        {"step": [0, 5, 10], "test_accuracy": [0.1, 0.9, 0.8], "train_loss": 1.0, "diverged": False},
        {"step": [0, 5, 10], "test_accuracy": [0.1, 0.2, 0.3], "train_loss": None, "diverged": True},
    ]
    table = cases.tabled([{"case": "a", "arm": "none", "seed": seed} for seed in (0, 1)], runs)
    steps = results.of(table, "steps_to_90")
    assert steps["value"].tolist()[0] == 5 and np.isnan(steps["value"].tolist()[1]) and set(steps["step"]) == {10}
    assert results.of(table, "test_accuracy", "all")["value"].tolist() == [0.8, 0.3]
    assert experiments.steps_to_90(table, 10)["value"].tolist() == [5, 10]
    table = cases.tabled([{"case": "a", "arm": "none", "seed": seed} for seed in (0, 1)], runs, lambda step: step < 5)
    assert results.of(table, "test_accuracy", "all")["value"].tolist() == [0.1, 0.8, 0.1, 0.3]


def test_the_mean_over_looks_is_missing_where_a_look_is():
    rows = [(0, 10, 1.0), (0, 20, 3.0), (1, 10, 2.0), (1, 20, np.nan), (2, 10, 1e7), (2, 20, 0.0)]
    table = pd.DataFrame(rows, columns=["seed", "step", "value"]).assign(case="a", arm="none", measure="distance")
    means = experiments.over_looks(table, "distance")["value"].tolist()
    assert means[0] == 2 and np.isnan(means[1:]).all()  # the last blew up, and its units are dead
    assert experiments.over_looks(table, "distance", after=10)["value"].tolist()[0] == 3


def test_a_run_that_diverges_leaves_the_others_alone_and_has_no_number(digits):
    experiments.CASES["wild"] = replace(experiments.CASES["ReLU, He, 0.1"], lr=1e30)
    try:
        found = experiments.input_drift(digits, 2, ("wild", "tanh, gain 1, 0.1"), ("none", "batch"), steps=20)
        gradients = experiments.gradient_shift(digits, 2, ("wild",), steps=20)
    finally:
        del experiments.CASES["wild"]
    factors = plots.drift_factors(found)["in sd"]
    assert factors["pairs"].tolist() == [0, 2] and np.isnan(factors["mean"][0]) and factors["mean"][1] > 2
    assert factors["verdict"][0] == "not settled here"
    assert "runs diverge" in plots.input_drift(found)[1]
    assert "not settled in 1" in plots.gradient_shift(gradients)[1]


CELLS = [
    ("input_drift", "ReLU, default, 0.1", {"arms": ("none", "batch"), "steps": 50}, ["distance", "eval_absolute"]),
    ("gradient_shift", "ReLU, default, 0.1", {"steps": 91}, ["relative", "cosine"]),
    ("noisy_batch_norm", "sigmoid, gain 1, 0.5", {"arms": ("none_noisy", "start_noisy"), "steps": 50}, ["distance"]),
    ("deep_linear", "10 layers, 0.01", {}, ["relative", "train_loss"]),
]


@pytest.mark.parametrize("name, case, small, measures", CELLS, ids=[cell[0] for cell in CELLS])
def test_a_cell_of_the_stored_evidence_is_what_comes_out_now(name, case, small, measures, digits):
    stored = experiments.evidence(name)
    live = getattr(experiments, name)(digits, 2, (case,), **small)
    for measure in measures:
        made = results.again(live["table"], stored["table"], measure, step="all")
        assert made.runs >= 4 and made.agrees, made
    spoilt = stored["table"].assign(value=stored["table"]["value"] * (1 + 1e-8))
    assert not results.again(live["table"], spoilt, measures[0], step="all").agrees
    assert stored["seeds"] == 20 and stored["command"] == f"python -m bnbook run {name} --seeds 20 --store"


def _counts(verdicts):
    return verdicts.value_counts().to_dict()


def test_the_verdicts_on_drift_depend_on_unit_and_mode():
    factors = plots.drift_factors(experiments.evidence("input_drift"))
    counts = {name: _counts(rows["verdict"]) for name, rows in factors.items()}
    assert counts["in sd"] == counts["their mean"] == counts["from step 50"] == {"more": 9}
    assert counts["own units"] == {"more": 8, "less": 1}
    assert counts["evaluation"] == {"more": 5, "less": 2, "not settled here": 2}
    small = factors["own units"].loc[list(experiments.CASES).index("ReLU, default, 0.1")]
    assert small["verdict"] == "less" and small["high"] < 0.7
    assert factors["in sd"]["mean"].between(4.5, 37).all() and factors["from step 50"]["mean"].between(1.7, 6.5).all()


def _change(name):
    data = experiments.evidence(name)
    values = experiments.over_looks(data["table"], "relative")
    rows = [results.compare(values[values["case"] == case], "batch", "none", "relative") for case in data["cases"]]
    return dict(zip(data["cases"], results.holm(rows)["verdict"], strict=True))


def test_the_verdicts_on_gradients_have_no_one_sign():
    verdicts = pd.Series(_change("gradient_shift"))
    assert _counts(verdicts) == {"more": 5, "less": 3, "not settled here": 1}
    assert verdicts["ReLU, He, 0.1"] == "less" and verdicts["ReLU, default, 0.1"] == "more"
    assert verdicts["tanh, gain 1, 0.1"] == "more" and verdicts["ReLU, He, 0.01"] == "not settled here"
    text = plots.gradient_shift(experiments.evidence("gradient_shift"))[1]
    assert "the one with less change in 2 of 7 settings" in text


def test_the_verdicts_on_deep_linear_nets():
    assert _counts(pd.Series(_change("deep_linear"))) == {"less": 3, "not settled here": 1}
    table = results.of(experiments.evidence("deep_linear")["table"], "train_loss")
    for case, verdict in (("10 layers, 0.03", "more"), ("25 layers, 0.003", "less")):
        assert results.compare(table[table["case"] == case], "batch", "none", "train_loss")["verdict"] == verdict


def test_the_verdicts_on_noise():
    found = plots.noise_differences(experiments.evidence("noisy_batch_norm"))
    verdicts = found.set_index(["arm", "against"]).groupby(level=[0, 1])["verdict"].apply(list)  # He, default, sigmoid
    assert verdicts["noisy", "none"] == ["slower", "faster", "faster"]
    assert verdicts["noisy", "batch"] == ["slower", "slower", "not settled here"]
    assert verdicts["none_noisy", "none"] == ["slower", "slower", "faster"]
    assert verdicts["start_noisy", "start"] == ["slower", "slower", "not settled here"]
    assert verdicts["batch", "none"] == ["not settled here", "faster", "faster"]


ONE = {"cases": ("tanh, gain 1, 0.1",), "arms": ("none", "batch"), "steps": 11}
SMALL = [
    ("unit_inputs", {"arms": ("batch",), "steps": 10}),
    ("input_drift", ONE),
    ("gradient_shift", ONE),
    ("noisy_batch_norm", ONE),
    ("deep_linear", {"cases": ("10 layers, 0.01",), "arms": ("batch",)}),
]


@pytest.mark.parametrize("name, small", SMALL)
def test_what_is_kept_of_an_experiment_is_not_trained_again(name, small, digits, tmp_path, monkeypatch):
    run = getattr(experiments, name)
    first = run(digits, 2, **small, keep=tmp_path / "runs.part")
    monkeypatch.setattr(engine, "_trained", None)  # a call of it would raise
    again = run(digits, 2, **small, keep=tmp_path / "runs.part")
    if "table" in first:
        pd.testing.assert_frame_equal(again.pop("table"), first.pop("table"))
    assert again == first
