"""The experiments of notebook 10, judged by plain PyTorch, closed forms, and what is stored."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from bnbook import data, nets, norm_numpy, train
from bnbook.chapters.n10_batch_size import experiments
from bnbook.chapters.n10_batch_size.experiments import companions, estimates, rates, repeat, sizes
from bnbook.chapters.n10_batch_size.experiments.rates import MLP, tuned
from bnbook.lab import engine, results
from bnbook.lab.engine import tensors

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def digits():
    return data.digits()


@pytest.fixture(scope="module")
def own():
    """Images of another shape, with three classes that a bright corner tells apart."""
    rng = np.random.default_rng(0)

    def part(n):
        y = rng.integers(3, size=n)
        x = rng.uniform(0, 0.5, (n, 2, 6, 7))
        x[np.arange(n), :, y, y] += 0.5
        return x, y

    return data.Data(*part(150), *part(40), *part(50))


# --- statistics ------------------------------------------------------------------------------------------------------


def test_the_outputs_are_those_of_batch_norm_on_each_batch(digits):
    found = experiments.outputs_by_batch(digits, sizes=(2, 8), images=48)
    for size, x, x_hat in zip((2, 8), found["x"], found["x_hat"], strict=True):
        batches = np.reshape(x, (-1, size, 1))
        expected = [norm_numpy.batch_norm(batch, None, None)[0] for batch in batches]
        np.testing.assert_allclose(np.ravel(expected), x_hat)
    assert np.all(np.abs(found["x_hat"][0])[np.abs(found["x_hat"][0]) > 0.1] > 0.9), "signs, and pairs of equals"
    assert found["explained"][0] < found["explained"][1] < 1


def test_errors_of_the_statistics_are_those_of_independent_values():
    rng = np.random.default_rng(0)
    z = rng.gamma(2.0, size=(4000, 3, 1))  # skewed, with a kurtosis of 6
    found = estimates._errors(z, (2, 8, 64), 3000, rng)
    np.testing.assert_allclose(found["mean"], [2**-0.5, 8**-0.5, 1 / 8], rtol=0.05)
    np.testing.assert_allclose(found["mean"], found["mean_theory"], rtol=0.05)
    np.testing.assert_allclose(found["var"], found["var_theory"], rtol=0.08)
    assert found["slope"] == pytest.approx(-0.5, abs=0.02) and found["worth"] == pytest.approx(1, abs=0.1)
    repeated = estimates._errors(z.repeat(4, 2), (2, 8, 64), 3000, np.random.default_rng(1))
    assert repeated["worth"] == pytest.approx(1, abs=0.1) and repeated["mean_theory"][0] == 8**-0.5


def test_the_statistics_are_of_what_the_second_normalization_gets(digits):
    found = experiments.statistics_error(digits, sizes=(2, 16), draws=50)
    assert [found["layers"][kind]["positions"] for kind in ("mlp", "cnn")] == [1, 16]
    net = engine.build(engine.Setting(), digits)
    x = torch.randn(3, 1, 8, 8, dtype=torch.float64)
    torch.testing.assert_close(
        estimates._before(net, "norm2", x), net.conv2(net.pool1(net.relu1(net.norm1(net.conv1(x)))))
    )


# --- rates of their own ----------------------------------------------------------------------------------------------


def test_the_rate_is_the_best_on_the_validation_images_and_the_accuracies_are_on_the_test_images(digits):
    base = replace(MLP, norm="none", width=8, steps=15, every=15, batch_size=32)
    arm = tuned([base], digits, seeds=2, tuning_seeds=2)[0]
    validation = digits._replace(x_test=digits.x_val, y_test=digits.y_val)
    by_rate = [
        np.mean([engine.run(replace(base, lr=lr, seed=seed), validation)["test_accuracy"][-1] for seed in (100, 101)])
        for lr in arm["rates"]
    ]
    np.testing.assert_allclose(arm["validation"], by_rate)
    assert arm["lr"] == arm["rates"][int(np.argmax(by_rate))]
    again = [engine.run(replace(base, lr=arm["lr"], seed=seed), digits)["test_accuracy"][-1] for seed in (0, 1)]
    assert arm["accuracy"] == again
    np.testing.assert_allclose(np.diff(np.log2(arm["rates"])), 1)


def test_the_test_images_have_no_say_in_the_rate(digits):
    base = replace(MLP, norm="none", width=8, steps=15, every=15, batch_size=32)
    wrong = digits._replace(y_test=(digits.y_test + 1) % 10)
    arms = [tuned([base], part, seeds=2, tuning_seeds=2)[0] for part in (digits, wrong)]
    assert arms[0]["lr"] == arms[1]["lr"] and arms[0]["accuracy"] != arms[1]["accuracy"]


def test_a_grid_whose_best_rate_is_at_its_edge_grows_by_four_rates_at_most(monkeypatch):
    tried = []

    def rising(settings, data, **how):
        tried.extend(setting.lr for setting in settings)
        return [{"test_accuracy": [setting.lr]} for setting in settings]

    monkeypatch.setattr(rates, "run_all", rising)
    best, grid, found = rates._best_rate(replace(MLP, batch_size=32), None, 1, {})
    assert len(tried) == 10 and best == grid[-1] == 0.4 * 2**6 and found == grid
    monkeypatch.setattr(
        rates, "run_all", lambda settings, *_, **__: [{"test_accuracy": [-abs(s.lr - 0.2)]} for s in settings]
    )
    assert rates._best_rate(replace(MLP, batch_size=32), None, 1, {})[:2] == (
        0.2,
        [0.05, 0.1, 0.2, 0.4, 0.8, 1.6],
    )


def test_every_size_sees_the_images_equally_often_but_makes_some_steps_at_least(own):
    grid = {"mlp": {"norms": ("none", "batch"), "sizes": (2, 50, 500), "passes": 1, "least": 10, "tuning_seeds": 2}}
    found = experiments.batch_sizes(own, seeds=2, grid=grid)
    assert [(arm["norm"], arm["batch_size"], arm["steps"]) for arm in found["arms"]] == [
        *[("none", 2, 75), ("none", 50, 10), ("batch", 2, 75), ("batch", 50, 10)],
    ], "batches larger than the training set are left out"


def test_ghosts_larger_than_the_batch_are_left_out(own, monkeypatch):
    monkeypatch.setattr(sizes, "tuned", lambda bases, *_, **__: [base.ghost for base in bases])
    found = experiments.ghost_batches(own, seeds=2)
    assert found["batch_size"] == 128 and found["arms"] == [None, 2, 4, 8, 16, 32, 64]


@pytest.mark.parametrize("name", ["batch_sizes", "ghost_batches", "one_class", "shared_nuisance", "fine_tuning"])
def test_one_seed_is_refused(own, name):
    with pytest.raises(ValueError, match="seeds is 1; an interval needs at least 2 runs"):
        getattr(experiments, name)(own, seeds=1)


# --- what is stored --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["batch_sizes", "ghost_batches", "one_class"])
def test_stored_arms_have_rates_that_are_worse_on_both_sides_and_eight_seeds(name):
    stored = experiments.evidence(name)
    assert stored["command"] == f"python -m bnbook run {name} --seeds 8 --store"
    for arm in stored["arms"]:
        assert len(arm["accuracy"]) == 8 and not arm["at_edge"], arm
        assert arm["lr"] == arm["rates"][int(np.argmax(arm["validation"]))]
        assert arm["interval"] == list(results.interval(arm["accuracy"]))


@pytest.mark.parametrize(
    "name, which",
    [
        ("batch_sizes", {"net": "mlp", "norm": "batch", "batch_size": 64}),
        ("ghost_batches", {"ghost": 16}),
        ("one_class", {"classes": 1, "norm": "none"}),
    ],
)
def test_a_stored_point_comes_out_again(digits, name, which):
    arms = [arm for arm in experiments.evidence(name)["arms"] if which.items() <= arm.items()]
    found = experiments.again(arms, digits, seeds=2)
    assert len(found) == 1 and found[0]["agrees"]
    rng = np.random.default_rng(0)
    twin = digits._replace(x_train=digits.x_train * (1 + 1e-15 * rng.choice([-1, 1], digits.x_train.shape)))
    assert experiments.again(arms, twin, seeds=2)[0]["agrees"], "rounding errors do not grow here"


def test_a_stored_fine_tuning_comes_out_again(digits):
    stored = [a for a in experiments.evidence("fine_tuning")["arms"] if (a["size"], a["frozen"]) == (16, True)][0]
    found = experiments.fine_tuning(digits, seeds=2, sizes=(16,), rates=(stored["lr"],))["arms"][1]
    for name in ("new", "old"):
        np.testing.assert_allclose(found[name], stored[name][:2], atol=0.0021, err_msg="one image of 500")


def test_where_rounding_errors_grow_only_the_breakdown_is_compared(own, monkeypatch):
    arm = {"net": "mlp", "norm": "batch", "batch_size": 2, "ghost": None, "steps": 1, "lr": 0.1, "accuracy": [0.5, 0.4]}
    smooth = {**arm, "batch_size": 64}
    for live, rough_agrees, smooth_agrees in ((0.4, True, False), (0.9, False, False), (0.5, True, True)):
        monkeypatch.setattr(repeat, "run_all", lambda settings, *_, a=live: [{"test_accuracy": [a]} for _ in settings])
        found = experiments.again([arm, smooth], own, seeds=1)
        assert [point["agrees"] for point in found] == [rough_agrees, smooth_agrees]


def test_a_stored_point_that_does_not_come_out_is_noticed(digits):
    arm = [arm for arm in experiments.evidence("ghost_batches")["arms"] if arm["ghost"] == 16][0]
    assert not experiments.again([{**arm, "steps": 5}], digits, seeds=1)[0]["agrees"]


def test_the_verdicts_of_the_notebook_hold_in_what_is_stored():
    arms = {(a["net"], a["norm"], a["batch_size"]): a for a in experiments.evidence("batch_sizes")["arms"]}
    assert arms["mlp", "batch", 2]["interval"][1] < 0.7 < 0.95 < arms["mlp", "none", 2]["interval"][0]
    assert arms["cnn", "batch", 2]["interval"][0] > 0.95
    assert arms["mlp", "batch", 2]["interval"][1] < arms["mlp", "renorm", 2]["interval"][0]
    differences = {d["size"]: d["interval"] for d in experiments.evidence("fine_tuning")["differences"]}
    assert differences[2][0] > 0.4 and differences[16][1] < 0
    assert not any(arm["at_edge"] for arm in experiments.evidence("fine_tuning")["arms"])
    ghosts = {a["ghost"]: np.mean(a["accuracy"]) for a in experiments.evidence("ghost_batches")["arms"]}
    assert ghosts[2] < 0.7 < 0.96 < min(ghosts[size] for size in (4, 8, 16, 32, 64, 256))


# --- which images share a batch --------------------------------------------------------------------------------------


def test_batches_of_few_classes_are_trained_on_as_they_are(digits):
    dealt = companions.by_classes(digits, 2, 16, 30)
    batches = dealt.y_train.reshape(30, 16)
    assert all(set(batch) == {i % 10, (i + 1) % 10} for i, batch in enumerate(batches))
    assert np.array_equal(dealt.x_test, digits.x_test)
    seen = []
    setting = replace(MLP, width=4, batch_size=16, steps=30, together=True)
    engine.run_all([setting], dealt, watch=lambda moment: seen.append(moment.y) if moment.y is not None else None)
    shuffled = {tuple(batch[0].tolist()) for batch in seen}
    assert shuffled == {tuple(batch) for batch in batches.tolist()}, "no batch is broken up"
    assert [tuple(batch[0].tolist()) for batch in seen] != [tuple(batch) for batch in batches.tolist()]


def test_sessions_share_contrast_and_brightness(digits):
    rng = np.random.default_rng(0)
    x, y = companions._sessions(digits.x_train, digits.y_train, 8, 5, rng)
    assert x.shape == (40, 1, 8, 8) and y.shape == (40,)
    for session in np.split(x, 5):
        black, white = session.min((1, 2, 3)), session.max((1, 2, 3))
        assert np.allclose(black, black[0]), "ink 0 is the session's brightness"
        assert np.allclose(white, white.max(), rtol=0.3) and 1 / 3 < white.max() - black[0] < 3.01


def test_by_session_training_mode_and_evaluation_mode_part_with_batch_norm_only(digits):
    found = experiments.shared_nuisance(digits, seeds=2, steps=60, tuning_seeds=2)
    arms = {(arm["norm"], arm["together"]): arm for arm in found["arms"]}
    for together in (True, False):
        assert arms["none", together]["accuracy"] == arms["none", together]["in_training_mode"]
    batch = arms["batch", True]
    assert np.min(np.subtract(batch["in_training_mode"], batch["accuracy"])) > 0.05


# --- accumulation and fine-tuning ------------------------------------------------------------------------------------


def test_the_errors_of_accumulation_are_those_of_plain_pytorch(digits):
    found = experiments.accumulation(digits, seeds=1, norms=("none", "batch"), sizes=(16, 4))
    x_train, y_train, x, y = tensors(digits, "cpu")
    x, y = x[:64], y[:64]
    for arm in found["arms"][:2]:
        net = nets.mlp(arm["norm"])
        train.fit(net, x_train, y_train, 0.1, steps=50)
        whole = _accumulated(net, x, y, 64)
        for size, error in zip((16, 4), arm["error"], strict=True):
            expected = ((_accumulated(net, x, y, size) - whole).norm() / whole.norm()).item()
            assert error[0] == pytest.approx(expected, rel=1e-5, abs=1e-12)


def _accumulated(net, x, y, size):
    """As one writes it: backward for each micro-batch, with its share of the loss."""
    net.zero_grad()
    for start in range(0, len(x), size):
        part = slice(start, start + size)
        loss = nn.functional.cross_entropy(net(x[part]), y[part], reduction="sum") / len(x)
        loss.backward()
    return torch.cat([p.grad.flatten() for p in net.parameters()])


def test_accumulated_with_batch_norm_is_ghost_batches_and_without_it_exact(digits):
    found = experiments.accumulation(digits, seeds=2, sizes=(16, 8))
    assert np.max(found["from_ghosts"]) < 1e-10
    for arm in found["arms"]:
        assert (np.min(arm["error"]) > 0.05) if arm["norm"] == "batch" else (np.max(arm["error"]) < 1e-12)


def test_what_does_not_freeze_a_batch_norm_and_what_does():
    """As the notebook says of requires_grad, of track_running_stats set later, and of freeze_batch_norms."""
    x = torch.tensor([[1.0], [3.0]], dtype=torch.float64)

    def fresh():
        return nn.Sequential(nn.BatchNorm1d(1).double())

    net = fresh()
    net.requires_grad_(False).train()(x)
    assert net[0].running_mean.item() == pytest.approx(0.2), "the statistics move"
    net = fresh().eval()
    net[0].track_running_stats = False
    assert net.train()(x).mean().item() == pytest.approx(0) and net[0].running_mean.item() == 0
    assert net.eval()(x).mean().item() == pytest.approx(2, rel=1e-4), "by the stored 0 and 1"
    net = nets.freeze_batch_norms(fresh()).train()
    assert net(x).mean().item() == pytest.approx(2, rel=1e-4) and net[0].running_mean.item() == 0


def test_fine_tuning_without_steps_that_count_leaves_a_frozen_net_as_it_was(digits):
    found = experiments.fine_tuning(digits, seeds=2, sizes=(2,), rates=(1e-12,), passes=1)
    usual, frozen = found["arms"]
    assert not usual["frozen"] and frozen["frozen"]
    assert frozen["new"] == found["before"]["new"] and frozen["old"] == found["before"]["old"]
    assert usual["old"] != found["before"]["old"], "its running statistics move to those of the mirror images"
    assert found["differences"][0]["mean"] == pytest.approx(np.mean(frozen["new"]) - np.mean(usual["new"]))


@pytest.mark.parametrize("name", ["outputs_by_batch", "statistics_error", "accumulation", "fine_tuning"])
def test_other_images_and_classes_will_do(own, name):
    small = {
        "outputs_by_batch": {},
        "statistics_error": {"draws": 20},
        "accumulation": {"seeds": 2, "sizes": (8, 2)},
        "fine_tuning": {"seeds": 2, "sizes": (4,), "rates": (0.01, 0.02), "passes": 1},
    }
    assert getattr(experiments, name)(own, **small[name])["experiment"] == name


def test_few_classes_in_a_batch_of_other_images(own):
    found = experiments.one_class(own, 2, (1,), ("none", "batch"), batch_size=8, steps=20, tuning_seeds=2)
    assert found["guessing"] == 1 / 3 and [arm["norm"] for arm in found["arms"]] == ["none", "batch"]
