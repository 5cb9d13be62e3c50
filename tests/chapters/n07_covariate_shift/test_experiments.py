"""The experiments of notebook 07, against plain PyTorch and against what is stored."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import wasserstein_distance
from torch.nn import functional as F

from bnbook import data, train
from bnbook.chapters.n07_covariate_shift import experiments
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
def _inputs_of(net, x):
    net, found = copy.deepcopy(net).train(), []
    for name, layer in net.named_children():
        if name[:4] in ("relu", "tanh", "sigm"):
            found.append(x)
        x = layer(x)
    return found


@pytest.mark.parametrize("case, arm", [("ReLU, He, 0.1", "batch"), ("sigmoid, gain 1, 0.5", "start")])
def test_the_drift_is_that_of_one_net_measured_with_scipy(case, arm, digits):
    looks = []

    def watch(net, step):
        if step % 10 == 0:
            looks.append(_inputs_of(net, x[:500]))

    x = engine.tensors(digits, "cpu")[0]
    _one_net(case, arm, digits, 20, watch)
    distance, mean = [], []
    for before, after in zip(looks[:-1], looks[1:], strict=True):
        for a, b in zip(before, after, strict=True):
            sd = a.std(0, correction=0)
            ways = [wasserstein_distance(u, v) for u, v in zip(a.T.tolist(), b.T.tolist(), strict=True)]
            distance.append(np.mean(np.array(ways) / sd.numpy()))
            mean.append(((a.mean(0) - b.mean(0)).abs() / sd).mean().item())
    found = experiments.input_drift(digits, 1, (case,), (arm,), steps=20)["arms"][0]
    assert found["distance"][0] == pytest.approx(np.mean(distance), rel=1e-9)
    assert found["mean"][0] == pytest.approx(np.mean(mean), rel=1e-9)


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
    arm = experiments.gradient_shift(digits, 1, (case,), (norm,), steps=11)["arms"][0]
    for name, values in found.items():
        assert arm[name][0] == pytest.approx(np.mean(values), rel=1e-8)


def test_looking_changes_no_training(digits):
    setting = replace(experiments.CASES["ReLU, He, 0.1"], **cases.ARMS["noisy"], steps=20)
    unwatched = engine.run(setting, digits)
    watched = experiments.noisy_batch_norm(digits, 2, ("ReLU, He, 0.1",), ("none", "noisy"), steps=20)
    assert watched["arms"][1]["accuracy"][0] == unwatched["test_accuracy"][-1]
    setting = replace(setting, noise=0.0)
    arm = experiments.gradient_shift(digits, 1, ("ReLU, He, 0.1",), ("batch",), steps=20)["arms"][0]
    assert arm["steps_to_90"][0] is None and engine.run(setting, digits)["step"][-1] == 20


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


def test_a_run_that_diverges_leaves_the_others_alone_and_has_no_number(digits):
    experiments.CASES["wild"] = replace(experiments.CASES["ReLU, He, 0.1"], lr=1e30)
    try:
        found = experiments.input_drift(digits, 2, ("wild", "tanh, gain 1, 0.1"), ("none", "batch"), steps=20)
        gradients = experiments.gradient_shift(digits, 2, ("wild",), steps=20)
    finally:
        del experiments.CASES["wild"]
    wild, other = found["factors"]
    assert wild["pairs"] == 0 and wild["distance"] is None is wild["distance_interval"]
    assert gradients["differences"][0]["relative"] is None
    assert other["pairs"] == 2 and other["distance"] > 2


CELLS = [
    ("input_drift", "ReLU, default, 0.1", ("none", "batch"), 200, ["distance", "mean"]),
    ("gradient_shift", "ReLU, default, 0.1", ("none", "batch"), 100, ["relative", "cosine"]),
    ("noisy_batch_norm", "sigmoid, gain 1, 0.5", ("none", "noisy"), 200, ["distance"]),
]


@pytest.mark.parametrize("name, case, arms, steps, names", CELLS, ids=[cell[0] for cell in CELLS])
def test_a_cell_of_the_stored_evidence_is_what_comes_out_now(name, case, arms, steps, names, digits):
    stored = experiments.evidence(name)
    live = getattr(experiments, name)(digits, 2, (case,), arms, steps=steps)
    assert experiments.same_runs(live, stored, names)
    assert stored["seeds"] >= 5 and stored["command"].startswith(f"python -m bnbook run {name} ")


def test_other_numbers_are_not_the_stored_ones():
    stored = {"seeds": 2, "arms": [{"case": "a", "arm": "none", "distance": [1.0, 2.0]}]}
    assert experiments.same_runs(stored, stored, ["distance"])
    other = {"seeds": 2, "arms": [{"case": "a", "arm": "none", "distance": [1.0, 2.001]}]}
    assert not experiments.same_runs(other, stored, ["distance"])


ONE = {"cases": ("tanh, gain 1, 0.1",), "arms": ("none", "batch"), "steps": 11}
SMALL = [
    ("unit_inputs", {"arms": ("batch",), "steps": 10}),
    ("input_drift", ONE),
    ("gradient_shift", ONE),
    ("noisy_batch_norm", ONE),
]


@pytest.mark.parametrize("name, small", SMALL)
def test_what_is_kept_of_an_experiment_is_not_trained_again(name, small, digits, tmp_path, monkeypatch):
    run = getattr(experiments, name)
    first = run(digits, 2, **small, keep=tmp_path / "runs.part")
    monkeypatch.setattr(engine, "_trained", None)  # a call of it would raise
    assert run(digits, 2, **small, keep=tmp_path / "runs.part") == first
