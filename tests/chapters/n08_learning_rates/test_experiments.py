"""The experiments of notebook 08, against plain PyTorch loops, closed forms and the stored evidence."""

import copy
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from bnbook import data, train
from bnbook.chapters.n08_learning_rates import experiments, functions
from bnbook.chapters.n08_learning_rates.experiments import conclusions, landscape, rates, scale
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


def sweep(accuracies, rates=(0.1, 1.0, 10.0), step=300, **case):
    """A table as `learning_rates` returns it, from {arm: accuracies (rates, seeds)}."""
    case = {"depth": 5, "init": "he"} | case
    rows = [
        {
            **case,
            "arm": arm,
            "lr": lr,
            "seed": seed,
            "twin": 0,
            "step": step,
            "measure": "test_accuracy",
            "value": value,
        }
        for arm, grid in accuracies.items()
        for lr, row in zip(rates, grid, strict=True)
        for seed, value in enumerate(row)
    ]
    return pd.DataFrame(rows)


NONE = [[1.0, 1.0, 1.0], [0.2, 1.0, 0.2], [0.2, 0.2, 0.2]]
BATCH = [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0], [0.2, 0.2, 0.2]]


def test_bands_edges_and_ceilings_of_seeds_are_those_computed_by_hand():
    found = experiments.bands(sweep({"none": NONE, "batch": BATCH}))

    def of(arm, measure):
        return results.of(found, measure, arm=arm)["value"].tolist()

    # The best is 1, the limit 0.9: on the way from 1 to 0.2 an eighth of the decade is above it.
    assert of("none", "band") == pytest.approx([0, 1, 0], abs=0.126) and of("none", "band")[0] == pytest.approx(0.125)
    assert of("batch", "band") == pytest.approx([1.125] * 3)
    assert of("none", "left") == pytest.approx([0.1] * 3) and of("batch", "right") == pytest.approx([10**0.125] * 3)
    assert of("none", "ceiling") == pytest.approx([10**-0.5, 10**0.5, 10**-0.5]) and of("none", "enclosed") == [0] * 3
    dead = experiments.bands(sweep({"none": [[0.1] * 2] * 3, "batch": [[1.0] * 2] * 3}))
    assert results.of(dead, "left", arm="none")["value"].isna().all()
    assert results.of(dead, "ceiling", arm="none")["value"].isna().all()


def test_what_is_good_is_measured_against_the_best_of_any_arm_after_as_many_steps():
    short, long = sweep({"none": NONE, "batch": np.multiply(BATCH, 0.5)}), sweep({"batch": BATCH}, step=1000)
    twin = sweep({"none": [[9.0] * 3] * 3}).assign(twin=1)
    assert experiments.best(pd.concat([short, long, twin])).to_dict() == {300: 1.0, 1000: 1.0}
    assert results.of(experiments.bands(short), "band", arm="batch")["value"].tolist() == [0, 0, 0]


def test_arms_are_compared_with_their_baseline_and_all_together():
    momentum = {"momentum": NONE, "batch_momentum": BATCH}
    table = sweep({"none": NONE, "batch": BATCH, **momentum})
    found = experiments.compared(table).set_index(["arm", "measure"])
    assert set(found["against"]) == {"none", "momentum"} and found.loc["batch_momentum", "against"].eq("momentum").all()
    band, ceiling = found.loc[("batch", "band")], found.loc[("batch", "ceiling")]
    assert band["mean"] == pytest.approx(2 / 3) and ceiling["mean"] == pytest.approx(100 ** (1 / 3))
    single = results.compare(experiments.bands(table), "batch", "none", "band")
    assert band["p"] == pytest.approx(min(1, len(found) * single["p"]), rel=0.4)  # Holm: one of the smallest of all
    # Rates ten times apart know a ceiling to a factor of 10 ** 0.5, a ratio of two to 10.
    plain = results.compare(experiments.bands(table), "batch", "none", "ceiling", ratio=True)
    assert ceiling["high"] == pytest.approx(10 * plain["high"])
    never = sweep({"none": [[0.1, 1.0, 1.0], *NONE[1:]], "batch": BATCH})
    never.loc[(never["arm"] == "none") & (never["seed"] == 0), "value"] = 0.1
    assert set(experiments.compared(never)["measure"]) == {"band"}  # a seed without a ceiling: no ratio of the others


def test_edges_move_by_the_ratio_of_the_rates():
    later = sweep({"batch": BATCH}, rates=(0.03, 0.3, 3.0), step=1000)
    found = experiments.moved(pd.concat([sweep({"batch": BATCH, "none": NONE}), later]))
    assert found["of"].tolist() == ["batch", "batch"] and found["mean"].tolist() == pytest.approx([0.3, 0.3], rel=0.01)
    assert experiments.moved(sweep({"batch": BATCH})).empty


def test_one_trains_wants_all_of_one_arm_and_none_of_the_other():
    assert conclusions.one_trains(sweep({"none": [[1.0], [0.4], [0.1]], "batch": [[1.0], [0.6], [0.1]]}))
    assert not conclusions.one_trains(sweep({"none": [[1.0], [0.6], [0.1]], "batch": [[1.0], [0.6], [0.1]]}))
    assert not conclusions.one_trains(sweep({"none": [[1.0], [0.4], [0.1]], "batch": [[1.0], [0.4], [0.1]]}))


def matched(reached, accuracy, diverged=0.0):
    """What `matched_rates` returned at one rate, from {arm: a value per seed}."""
    measured = {"reached": reached, "test_accuracy": accuracy, "diverged": dict.fromkeys(reached, [diverged] * 4)}
    rows = [
        {"lr": 0.1, "arm": arm, "seed": seed, "twin": 0, "step": 20, "measure": measure, "value": value}
        for measure, arms in measured.items()
        for arm, values in arms.items()
        for seed, value in enumerate(values)
    ]
    return {"seeds": 4, "goal": 0.9, "steps": 20, "table": pd.DataFrame(rows)}


def test_speed_and_accuracy_at_the_same_rate_are_compared_where_they_mean_something():
    reached = {"none": [100, 110, 120, 100], "batch": [50, 61, 69, 50]}
    accuracy = {"none": [0.95, 0.96, 0.97, 0.95], "batch": [0.952, 0.961, 0.971, 0.953]}
    speed, points = experiments.at_the_same_rate(matched(reached, accuracy)).to_dict("records")
    assert (speed["measure"], speed["verdict"], speed["mean"]) == ("reached", "less", -50)
    raw = results.compare(matched(reached, accuracy)["table"], "batch", "none", "reached")
    assert speed["low"] == pytest.approx(raw["low"] - 10)  # measured every 10 steps
    assert (points["verdict"], points["mean"]) == ("no difference", pytest.approx(0.175))
    never = matched(reached | {"none": [100, np.nan, 100, 100]}, accuracy, diverged=1.0)
    assert experiments.at_the_same_rate(never).empty


def test_a_sweep_trains_each_arm_as_a_plain_loop_does(digits, tensors):
    x, y, x_test, y_test = tensors
    arms = ("start", "clip", "batch_momentum")
    table = experiments.learning_rates(digits, 2, (2,), ("torch",), arms, rates=(0.03, 0.3), steps=(12,))["table"]
    for arm in arms:
        given, lr = rates.ARMS[arm], 0.03 if "momentum" in arm else 0.3
        setting = engine.Setting(net="mlp", width=64, depth=2, init="torch", seed=1, norm=given["norm"])
        net = engine.build(replace(setting, standardized=given.get("standardized", False)), digits)
        optimizer = torch.optim.SGD(net.parameters(), lr=lr, momentum=given.get("momentum", 0))
        for batch in train.batch_order(len(x), 64, 12, 1):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(x[batch]), y[batch]).backward()
            if "clip" in given:
                nn.utils.clip_grad_norm_(net.parameters(), given["clip"])
            optimizer.step()
        own = results.of(table, "test_accuracy", 12, arm=arm, seed=1)
        (value,) = own.loc[np.isclose(own["lr"], lr), "value"]
        assert value == pytest.approx(train.evaluate(net, x_test, y_test)[1], abs=1e-6)


def test_a_longer_run_passes_where_a_shorter_one_ends_and_twins_only_there(digits):
    given = {"depths": (5,), "inits": ("he",), "rates": (0.1,)}
    both = experiments.learning_rates(digits, 2, arms=("batch", "clip"), steps=(4, 10), twins=1, **given)["table"]
    assert set(zip(both["arm"], both["twin"], both["step"], strict=True)) == {
        *(("batch", 0, 4), ("batch", 0, 10), ("clip", 0, 4), ("batch", 1, 4))
    }
    short = experiments.learning_rates(digits, 2, arms=("batch",), steps=(4,), twins=0, **given)["table"]
    again = results.again(short, both, "test_accuracy", 1 / 500, step=4)
    assert (again.runs, again.level, again.apart) == (2, "result", 0)


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


@pytest.mark.parametrize(("name", "seeds"), [("learning_rates", 5), ("matched_rates", 20), ("extreme_rates", 5)])
def test_stored_evidence_says_how_it_was_made(name, seeds):
    stored = experiments.evidence(name)
    assert stored["seeds"] == seeds == stored["table"]["seed"].nunique()
    assert stored["data"]["name"] == "digits" and stored["device"] == "cpu"
    assert stored["command"] == f"python -m bnbook run {name} --seeds {seeds} --store"
    assert (results.room_of(experiments.__file__) / "evidence" / f"{name}.csv").stat().st_size < 400_000


def again(live, name, step, up_to=0.1):
    live = live["table"][live["table"]["lr"] <= up_to]
    return results.again(live, experiments.evidence(name)["table"], "test_accuracy", 1 / 500, step)


def test_some_runs_of_each_stored_sweep_are_found_again(digits):
    live = experiments.learning_rates(digits, 2, (5,), ("he",), ("none", "batch"), rates=(0.1,), steps=(300,), twins=0)
    assert again(live, "learning_rates", 300)[:2] == (4, "result") and again(live, "learning_rates", 300).agrees
    live = experiments.matched_rates(digits, 2, rates=(0.01,), twins=0)
    assert again(live, "matched_rates", 1000)[:2] == (4, "result") and again(live, "matched_rates", 1000).agrees
    live = experiments.extreme_rates(digits, 2, rates=(0.1,), steps=(300,), twins=0)
    assert again(live, "extreme_rates", 300)[:2] == (8, "result") and again(live, "extreme_rates", 300).agrees


def test_the_verdicts_of_the_sweep_are_those_of_the_notebook():
    table = experiments.evidence("learning_rates")["table"]
    bands = experiments.bands(table)
    assert results.of(bands, "enclosed", "all")["value"].all(), "the grid reaches failure on both sides"
    found = experiments.compared(table)
    batch = found[found["arm"] == "batch"].set_index(["measure", "depth", "init", "step"])["verdict"]
    assert (batch["band"] == "more").all() and len(batch["band"]) == 6  # four cases, two of them for 1000 steps, too
    ceilings = batch["ceiling"].to_dict()  # 10 layers, default: there is no plain one
    assert len(ceilings) == 5 and ceilings.pop((5, "torch", 1000)) == results.UNSETTLED
    assert set(ceilings.values()) == {"more"}
    verdicts = found[(found["measure"] == "ceiling") & (found["against"] == "none")].groupby("arm")["verdict"]
    settled = {arm: set(values) for arm, values in verdicts}
    assert settled["layer"] == settled["start"] == {results.UNSETTLED} and settled["clip"] == {"more"}
    width = bands[bands["measure"] == "band"].groupby(["depth", "init", "arm", "step"])["value"].mean()
    width = width.to_dict()
    times = {step: width[5, "torch", "batch", step] / width[5, "torch", "none", step] for step in (300, 1000)}
    assert 7 < times[300] < 9 and 2.5 < times[1000] < 3.5
    moved = experiments.moved(table)
    assert moved["measure"].tolist() == ["left", "right"] * 4
    assert moved["verdict"].tolist() == ["less", results.UNSETTLED] * 4


def test_the_verdicts_on_equal_rates_are_those_of_the_notebook():
    found = experiments.at_the_same_rate(experiments.evidence("matched_rates")).set_index(["measure", "lr"])["verdict"]
    speed, points = found["reached"].to_dict(), found["test_accuracy"].to_dict()
    assert speed == {0.01: "more", 0.03: "more", 0.1: results.UNSETTLED, 0.3: "less"}  # none: never at 1
    assert points == {0.01: "less", 0.03: "no difference", 0.1: "no difference", 0.3: "more"}


def test_the_verdicts_on_extreme_rates_are_those_of_the_notebook():
    table = experiments.evidence("extreme_rates")["table"]
    found = experiments.widened(table)
    assert found["step"].tolist() == [300, 300] and (found["verdict"] == "more").all()
    kept, growth = found["mean"]
    assert 0.5 < kept < 1.5 and 3 < growth < 5
    after = results.of(table, "test_accuracy", 1000, twin=0).groupby(["arm", "lr"])["value"].mean()
    assert after["batch"].min() > 0.9 * experiments.best(table)[1000] > after["frozen", 0.0] > 0.85
    assert after["sphere"].loc[1000:].max() < 0.2


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
    batches = train.batches(stack, x, y, steps=5, seeds=[3, 4])
    train.descend(stack, batches, train.Descent(0.1, weight_decay=decay))
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
    arms = ("none", "batch", "start")
    found = experiments.learning_rates(own, 2, (2,), ("he",), arms, rates=(1e-3, 0.1), steps=(9,))
    assert set(found["table"]["arm"]) == set(arms)
    assert experiments.scale_invariance(own, factors=(10.0,), seeds=1)["arms"][0]["change"][0] < 1e-12
    experiments.along_gradient(own, 2, depth=2, inits=("he",), steps=1)
    experiments.equivalent_rates(own, factors=(10.0,), steps=2, seeds=1)


# --- a run that was interrupted --------------------------------------------------------------------------------------

SMALL = [
    ("learning_rates", {"depths": (2,), "inits": ("he",), "arms": ("none", "batch"), "rates": (0.1,), "steps": (5,)}),
    ("matched_rates", {"rates": (0.1,), "steps": 10}),
    ("extreme_rates", {"rates": (0.1,), "steps": (5,)}),
    ("along_gradient", {"depth": 2, "inits": ("he",), "steps": 5}),
]


@pytest.mark.parametrize("name, small", SMALL)
def test_what_is_kept_of_an_experiment_is_not_trained_again(name, small, digits, tmp_path, monkeypatch):
    run = getattr(experiments, name)
    first = run(digits, 2, **small, keep=tmp_path / "runs.part")
    monkeypatch.setattr(engine, "_trained", None)  # a call of it would raise
    second = run(digits, 2, **small, keep=tmp_path / "runs.part")
    for key, value in first.items():
        if key == "table":
            pd.testing.assert_frame_equal(second[key], value)
        else:
            assert second[key] == value
