"""The experiments of notebook 08, against plain PyTorch loops, closed forms and the stored evidence."""

import copy
import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from bnbook import data, train
from bnbook.chapters.n08_learning_rates import experiments, functions
from bnbook.chapters.n08_learning_rates.experiments import landscape, rates, scale
from bnbook.lab import engine, results

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def digits():
    return data.digits()


@pytest.fixture(scope="module")
def tensors(digits):
    return engine.tensors(digits, "cpu")


# --- the band --------------------------------------------------------------------------------------------------------


def test_the_band_is_the_length_of_a_fine_line_above_the_limit():
    rng = np.random.default_rng(0)
    for _ in range(20):
        lr = 10 ** np.sort(rng.uniform(-3, 1, 7))
        accuracy = rng.uniform(0, 1, 7)
        fine = np.linspace(np.log10(lr[0]), np.log10(lr[-1]), 200_001)
        above = np.interp(fine, np.log10(lr), accuracy) >= 0.8 * 0.7
        expected = above.mean() * (fine[-1] - fine[0])
        assert results.band(lr, accuracy, 0.7, 0.8) == pytest.approx(expected, abs=1e-4)


def test_a_band_at_the_limit_counts_and_one_below_does_not():
    assert results.band([0.1, 1, 10], [0.5, 0.5, 0.5], 1.0, 0.5) == pytest.approx(2)
    assert results.band([0.1, 1, 10], [0.4, 0.4, 0.4], 1.0, 0.5) == 0
    assert results.band([0.1, 1, 10], [0.4, 0.5, 0.4], 1.0, 0.5) == 0


def test_summaries_over_seeds_are_those_computed_by_hand():
    key = {"depth": 5, "init": "he", "lr": [0.1, 1.0, 10.0]}
    none = {**key, "arm": "none", "accuracy": [[0.9, 0.9], [0.1, 0.9], [0.1, 0.1]], "failed": [[0, 0], [1, 0], [1, 1]]}
    batch = {**key, "arm": "batch", "accuracy": [[1.0, 1.0]] * 2 + [[0.1, 0.1]], "failed": [[0, 0], [0, 0], [1, 1]]}
    dead = {**key, "arm": "clip", "accuracy": [[0.1, 0.1]] * 3, "failed": [[1, 1]] * 3}
    found = {arm["arm"]: arm for arm in rates.width_and_ceiling([none, batch, dead], 1.0, 0.5)}
    assert found["none"]["band"]["seeds"] == pytest.approx([0.5, 1.5])  # 0.9 to 0.1 crosses 0.5 half way
    assert found["batch"]["band"]["mean"] == pytest.approx(1 + 0.5 / 0.9)
    assert not found["batch"]["band"]["enclosed"] and found["batch"]["largest"]["seeds"] == [1.0, 1.0]
    assert found["none"]["largest"]["seeds"] == [0.1, 1.0] and found["none"]["largest"]["ratio"] is None
    assert found["batch"]["largest"]["ratio"] == pytest.approx(math.sqrt(10))
    low, high = found["batch"]["largest"]["interval"]
    assert 1 <= low < math.sqrt(10) < high <= 10 + 1e-9
    assert found["clip"]["largest"] == {"seeds": [None, None], "mean": None, "ratio": None, "interval": None}


def test_the_largest_rate_is_the_last_before_a_failure_and_one_beyond_it_is_luck():
    failed = np.array([[1, 0, 0, 1, 0], [0, 1, 0, 0, 1], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1]]).T
    accuracy = np.array([[0.1, 0.8, 0.9, 0.2, 0.7], [0.6, 0.3, 0.8, 0.9, 0.1], [0.9, 0.8, 0.7, 0.6, 0.5], [0.1] * 5]).T
    arm = {"depth": 5, "init": "he", "arm": "none", "lr": [0.01, 0.03, 0.1, 0.3, 1.0]}
    arm |= {"failed": failed.tolist(), "accuracy": accuracy.tolist()}
    (found,) = rates.width_and_ceiling([arm], 1.0)
    assert found["largest"]["seeds"] == [0.1, 0.3, 1.0, None]


def test_a_sweep_trains_each_arm_as_a_plain_loop_does(digits, tensors):
    x, y, x_test, y_test = tensors
    arms = ("start", "clip", "batch_momentum")
    found = experiments.learning_rates(digits, 2, (2,), ("torch",), arms, rates=(0.03, 0.3), steps=12)
    for arm in found["arms"]:
        given = rates.ARMS[arm["arm"]]
        setting = engine.Setting(net="mlp", width=64, depth=2, init="torch", seed=1, norm=given["norm"])
        net = engine.build(replace(setting, standardized=given.get("standardized", False)), digits)
        lr = arm["lr"][1]
        assert lr == pytest.approx(0.03 if "momentum" in arm["arm"] else 0.3)
        optimizer = torch.optim.SGD(net.parameters(), lr=lr, momentum=given.get("momentum", 0))
        for batch in train.batch_order(len(x), 64, 12, 1):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(x[batch]), y[batch]).backward()
            if "clip" in given:
                nn.utils.clip_grad_norm_(net.parameters(), given["clip"])
            optimizer.step()
        assert arm["accuracy"][1][1] == pytest.approx(train.evaluate(net, x_test, y_test)[1], abs=1e-6)
    json.dumps(found, allow_nan=False)


def test_few_seeds_and_unknown_arms_are_refused(digits):
    for experiment in (experiments.learning_rates, experiments.matched_rates, experiments.extreme_rates):
        with pytest.raises(ValueError, match="seeds is 1; an interval needs at least 2"):
            experiment(digits, seeds=1)
    for experiment in (experiments.weight_decay_equilibrium, experiments.along_gradient):
        with pytest.raises(ValueError, match="seeds is 1"):
            experiment(digits, seeds=1)
    with pytest.raises(ValueError, match="arm 'bn' is unknown; the arms are none, batch, layer"):
        experiments.learning_rates(digits, 2, arms=("bn",))


# --- the stored evidence ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["learning_rates", "matched_rates", "extreme_rates"])
def test_stored_evidence_says_how_it_was_made_and_has_eight_seeds(name):
    stored = experiments.evidence(name)
    assert stored["seeds"] == 8 and stored["data"]["name"] == "digits" and stored["device"] == "cpu"
    assert stored["command"] == f"python -m bnbook run {name} --seeds 8 --store"
    assert (results.room_of(experiments.__file__) / "evidence" / f"{name}.json").stat().st_size < 300_000


def test_one_cell_of_each_stored_sweep_is_found_again(digits):
    """At cells where a rounding error of 1e-15 stays one for all 300 or 1000 steps (see `agreement`)."""
    stored = experiments.evidence("learning_rates")
    again = experiments.learning_rates(digits, 2, (10,), ("torch",), ("none", "batch"), rates=(0.031623,))
    assert experiments.agreement(again, stored) == {"runs": 4, "compared": 4, "apart": pytest.approx(0, abs=0.0021)}
    again = experiments.learning_rates(digits, 2, (5,), ("he",), ("none", "batch"), rates=(0.1,))
    agreed = experiments.agreement(again, stored, up_to=0.1)
    assert agreed == {"runs": 4, "compared": 4, "apart": pytest.approx(0, abs=0.0021)}
    again = experiments.matched_rates(digits, 2, rates=(0.03,), arms=("batch",))
    agreed = experiments.agreement(again, experiments.evidence("matched_rates"))
    assert agreed == {"runs": 2, "compared": 2, "apart": pytest.approx(0, abs=0.0021)}
    again = experiments.extreme_rates(digits, 2, rates=(0.1,))
    agreed = experiments.agreement(again, experiments.evidence("extreme_rates"), up_to=0.1)
    assert agreed == {"runs": 8, "compared": 8, "apart": pytest.approx(0, abs=0.0021)}


def test_the_summaries_that_are_stored_follow_from_the_runs_that_are_stored():
    stored = experiments.evidence("learning_rates")
    arms = [{key: arm[key] for key in ("depth", "init", "arm", "lr", "accuracy", "failed")} for arm in stored["arms"]]
    assert rates.width_and_ceiling(arms, stored["best"]) == stored["arms"]
    assert stored["best"] == max(np.mean(arm["accuracy"], 1).max() for arm in arms)
    assert all(arm["band"]["enclosed"] for arm in stored["arms"]), "the grid reaches failure on both sides"


def test_agreement_finds_runs_that_differ_at_the_rates_where_they_may_not():
    stored = {"arms": [{"arm": "none", "lr": [0.01, 1.0], "accuracy": [[0.9, 0.8], [0.5, 0.4]]}]}
    again = copy.deepcopy(stored)
    assert experiments.agreement(again, stored) == {"runs": 4, "compared": 2, "apart": 0}
    again["arms"][0]["accuracy"] = [[0.9, 0.7], [0.2, 0.4]]
    assert experiments.agreement(again, stored)["apart"] == pytest.approx(0.1)
    assert experiments.agreement(again, stored, up_to=1)["apart"] == pytest.approx(0.3)
    assert experiments.agreement(again, stored, up_to=1e-3) == {"runs": 4, "compared": 0, "apart": None}


# --- scale invariance ------------------------------------------------------------------------------------------------


def test_the_function_of_hidden_weights_is_the_nets_loss_and_leaves_the_net_alone(digits, tensors):
    x, y = tensors[0][:50], tensors[1][:50]
    net = engine.build(engine.Setting(net="mlp", width=9, depth=2), digits)
    before = copy.deepcopy(net.state_dict())
    f, gradient, w = scale.of_hidden_weights(net, x, y)
    value, slope = f(w), gradient(w)
    assert all(torch.equal(a, b) for a, b in zip(before.values(), net.state_dict().values(), strict=True))
    loss = nn.functional.cross_entropy(net(x), y)
    loss.backward()
    expected = torch.cat([net.linear1.weight.grad.flatten(), net.linear2.weight.grad.flatten()])
    assert value == pytest.approx(loss.item()) and len(w) == 9 * 64 + 81
    np.testing.assert_allclose(slope, expected.numpy(), rtol=1e-9, atol=1e-12)


def test_batch_norm_without_eps_is_scale_invariant_and_eps_breaks_it_for_short_weights(digits):
    found = experiments.scale_invariance(digits, factors=(0.01, 100.0), seeds=1)
    exact, usual, none = found["arms"]
    for key in ("change", "mismatch", "cosine"):
        assert max(exact[key]) < 1e-13
        assert usual[key][0] > 1e-3 and usual[key][1] < 1e-3 < none[key][1]


def test_weights_a_times_as_long_are_an_eps_divided_by_a_squared(digits, tensors):
    x, y = tensors[0][:50], tensors[1][:50]
    losses = []
    for eps, a in ((1e-5, 0.01), (1e-5 / 0.01**2, 1.0)):
        net = scale.with_eps(engine.build(engine.Setting(net="mlp", width=9), digits), eps)
        f, _, w = scale.of_hidden_weights(net, x, y)
        losses.append(f(a * w))
    assert losses[0] == pytest.approx(losses[1], rel=1e-12)


def test_longer_weights_at_the_square_of_the_factor_times_the_rate_have_the_same_losses(digits):
    found = experiments.equivalent_rates(digits, factors=(10.0,), steps=30, seeds=2)
    one, ten, same_rate = found["arms"]
    assert ten["hidden_lr"] == pytest.approx(10) and ten["apart"] < 1e-12 < 1e-3 < same_rate["apart"]
    assert one["loss"][-1] < one["loss"][0]


def test_the_length_of_the_weights_follows_pythagoras_only_with_batch_norm(digits):
    batch, none = experiments.norm_growth(digits, rates=(1.0,), steps=20, seeds=2)["arms"]
    assert batch["off"] < 1e-13 and batch["grows"] and none["off"] > 1e-4
    square, effective = (np.array(batch[key]) for key in ("square", "effective"))
    assert square.shape == (2, 3) and (np.diff(square) > 0).all() and (effective[:, -1] < 1).all()


@pytest.mark.parametrize("as_type", [np.asarray, torch.tensor])
def test_the_effective_rate_is_the_same_for_arrays_and_tensors(as_type):
    weight = as_type([[[3.0, 0.0], [0.0, -4.0]], [[1.0, 1.0], [1.0, 1.0]]])
    assert np.asarray(functions.effective_rate(0.5, weight)).tolist() == pytest.approx([0.02, 0.125])


def test_weights_pushed_at_right_angles_settle_where_the_equilibrium_says():
    """A random walk on directions: the gradient is at right angles to w, and its length is 2 / |w|."""
    rng, w, lr, decay = np.random.default_rng(0), np.ones(50), 0.2, 0.02
    turns = []
    for _ in range(3000):
        g = rng.normal(size=50)
        g -= w * (w @ g) / (w @ w)
        g *= 2 / np.linalg.norm(g) / np.linalg.norm(w)
        step = w - lr * (g + decay * w)
        turns.append(np.arccos(w @ step / np.linalg.norm(w) / np.linalg.norm(step)))
        w = step
    length, angle = functions.equilibrium(lr, decay, 2.0)
    assert np.linalg.norm(w) == pytest.approx(length, rel=0.01)
    assert np.mean(turns[-1000:]) == pytest.approx(angle, rel=0.01)


def test_angles_and_gradients_of_a_training_are_those_of_pytorchs_sgd(digits, tensors):
    """One step after the first two thirds: the same as torch.optim.SGD with weight decay on the hidden weights."""
    x, y, *_ = tensors
    arm = (0.0, 0.5, 0.01, 1.0)
    found = experiments.weight_decay_equilibrium(digits, seeds=2, arms=(arm,), steps=3)["arms"][0]
    net = engine.build(engine.Setting(net="mlp", width=64, depth=3, seed=1), digits)
    hidden = [net.linear1.weight, net.linear2.weight, net.linear3.weight]
    rest = [p for p in net.parameters() if all(p is not h for h in hidden)]
    optimizer = torch.optim.SGD([{"params": hidden, "weight_decay": 0.01}, {"params": rest}], lr=0.5)
    for batch in train.batch_order(len(x), 32, 3, 1):
        before = net.linear2.weight.detach().clone()
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x[batch]), y[batch]).backward()
        g = net.linear2.weight.grad.clone()
        optimizer.step()
    after = net.linear2.weight.detach()
    cosine = nn.functional.cosine_similarity(before, after)
    assert found["angle"][1] == pytest.approx(torch.arccos(cosine).square().mean().sqrt().item(), rel=1e-4)
    expected = (g.norm(dim=1) * before.norm(dim=1)).square().mean().sqrt().item()
    assert found["gradient"][1] == pytest.approx(expected, rel=1e-6)
    assert found["length"][1][0] == pytest.approx(
        engine.build(engine.Setting(net="mlp", width=64, seed=1), digits).linear2.weight.norm(dim=1).mean().item()
    )


def test_the_angle_is_the_predicted_one_with_much_decay_and_not_with_little(digits):
    arms = ((0.3, 1.0, 0.03, 1.0), (0.0, 0.1, 0.001, 1.0))
    much, little = experiments.weight_decay_equilibrium(digits, seeds=2, arms=arms, steps=150)["arms"]
    assert much["ratio"]["mean"] == pytest.approx(1, abs=0.07) and little["ratio"]["mean"] < 0.6


def test_decay_of_some_parameters_is_that_of_pytorchs_sgd(digits, tensors):
    x, y, *_ = tensors
    settings = [engine.Setting(net="mlp", width=8, depth=2, norm="none", seed=s) for s in (3, 4)]
    stack = engine.nets.Stack([engine.build(s, digits) for s in settings])
    decay = lambda name: [0.0, 0.1] if name == "linear1.weight" else 0.0  # noqa: E731
    train.fit_all(stack, x, y, 0.1, steps=5, seeds=[3, 4], weight_decay=decay)
    net = engine.build(settings[1], digits)
    rest = [p for name, p in net.named_parameters() if name != "linear1.weight"]
    groups = [{"params": [net.linear1.weight], "weight_decay": 0.1}, {"params": rest}]
    optimizer = torch.optim.SGD(groups, lr=0.1)
    for batch in train.batch_order(len(x), 64, 5, 4):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x[batch]), y[batch]).backward()
        optimizer.step()
    torch.testing.assert_close(stack.linear1.weight[1], net.linear1.weight)


# --- the loss along the gradient -------------------------------------------------------------------------------------


def test_the_loss_along_the_gradient_is_that_of_a_copy_moved_there(digits, tensors):
    x, y, *_ = tensors
    found = experiments.along_gradient(digits, seeds=2, depth=2, inits=("he",), norms=("batch",), steps=21)
    arm = found["arms"][0]
    assert found["step"] == [0, 20] and np.shape(arm["loss"]) == (2, 5)
    net = engine.build(engine.Setting(net="mlp", width=64, depth=2), digits)
    batch = train.batch_order(len(x), 64, 21, 0)[0]
    loss = nn.functional.cross_entropy(net(x[batch]), y[batch])
    g = torch.autograd.grad(loss, list(net.parameters()))
    moved = copy.deepcopy(net)
    with torch.no_grad():
        for p, part in zip(moved.parameters(), g, strict=True):
            p -= 0.2 * part
    there = nn.functional.cross_entropy(moved(x[batch]), y[batch])
    assert arm["loss"][0][0] == pytest.approx(loss.item(), rel=1e-4)
    assert arm["loss"][0][-1] == pytest.approx(there.item(), rel=1e-4)


def test_looking_along_the_gradient_leaves_the_training_as_it_is(digits):
    setting = engine.Setting(net="mlp", width=16, depth=2, steps=25, every=25)
    plain = engine.run(setting, digits)
    watched = engine.run_all([setting], digits, watch=landscape._look_along)[0]
    assert watched["train_loss"] == plain["train_loss"] and watched["watched"]["step"] == [0, 20]


def test_smoothness_goes_with_the_inverse_square_of_the_factor(digits):
    rows = experiments.rescaled_smoothness(digits, factors=(0.5, 1.0, 4.0))
    assert len({round(row["loss"], 10) for row in rows}) == 1
    scaled = [row["smoothness"] * row["factor"] ** 2 for row in rows]
    np.testing.assert_allclose(scaled, scaled[0], rtol=1e-8)


@pytest.mark.parametrize("shape, classes", [((3, 5, 6), 3)])
def test_the_experiments_run_on_images_of_any_shape_and_number_of_classes(shape, classes):
    rng = np.random.default_rng(0)
    y = np.arange(400) % classes
    x = rng.uniform(size=(400, *shape)) + y[:, None, None, None] / 4
    own = data.Data(x[:300], y[:300], x[300:350], y[300:350], x[350:], y[350:])
    found = experiments.learning_rates(own, 2, (2,), ("he",), ("none", "batch", "start"), rates=(1e-3, 0.1))
    assert len(found["arms"]) == 3
    assert experiments.scale_invariance(own, factors=(10.0,), seeds=1)["arms"][0]["change"][0] < 1e-12
    experiments.along_gradient(own, 2, depth=2, inits=("he",), steps=1)
    experiments.equivalent_rates(own, factors=(10.0,), steps=2, seeds=1)


# --- a run that was interrupted --------------------------------------------------------------------------------------

SMALL = [
    ("learning_rates", {"depths": (2,), "inits": ("he",), "arms": ("none", "batch"), "rates": (0.1,), "steps": 5}),
    ("matched_rates", {"rates": (0.1,), "steps": 10}),
    ("extreme_rates", {"rates": (0.1,), "steps": 5}),
    ("along_gradient", {"depth": 2, "inits": ("he",), "steps": 5}),
]


@pytest.mark.parametrize("name, small", SMALL)
def test_what_is_kept_of_an_experiment_is_not_trained_again(name, small, digits, tmp_path, monkeypatch):
    run = getattr(experiments, name)
    first = run(digits, 2, **small, keep=tmp_path / "runs.part")
    monkeypatch.setattr(engine, "_trained", None)  # a call of it would raise
    assert run(digits, 2, **small, keep=tmp_path / "runs.part") == first
