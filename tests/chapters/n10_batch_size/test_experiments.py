"""The experiments of notebook 10, judged by plain PyTorch, closed forms, and what is stored."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from bnbook import data, nets, norm_numpy, train
from bnbook.chapters.n10_batch_size import experiments
from bnbook.chapters.n10_batch_size.experiments import companions, estimates, rates, sizes
from bnbook.chapters.n10_batch_size.experiments.rates import MLP, at_best_rates
from bnbook.chapters.n10_batch_size.plots import companions as of_companions
from bnbook.chapters.n10_batch_size.plots import frozen as of_frozen
from bnbook.chapters.n10_batch_size.plots import sizes as of_sizes
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
    assert repeated["share"] == pytest.approx(0, abs=0.01)


def test_what_belongs_to_the_position_is_no_chance():
    rng = np.random.default_rng(0)
    z = rng.normal(size=(4000, 1, 4)) + np.array([3.0, 1.0, -1.0, -3.0])  # variances 1 and 5: a share of 5 / 6
    found = estimates._errors(z, (2, 8, 64), 3000, rng)
    assert found["share"] == pytest.approx(5 / 6, abs=0.01)
    assert found["worth"] == pytest.approx(4 / (1 - found["share"]), rel=0.1)


def test_the_statistics_are_of_what_the_second_normalization_gets(digits):
    found = experiments.statistics_error(digits, sizes=(2, 16), draws=50)
    assert [found["layers"][kind]["positions"] for kind in ("mlp", "cnn")] == [1, 16]
    net = engine.build(engine.Setting(), digits)
    x = torch.randn(3, 1, 8, 8, dtype=torch.float64)
    torch.testing.assert_close(
        estimates._before(net, "norm2", x), net.conv2(net.pool1(net.relu1(net.norm1(net.conv1(x)))))
    )


# --- rates of their own ----------------------------------------------------------------------------------------------


SHORT = {norm: replace(MLP, norm=norm, width=8, steps=15, batch_size=32) for norm in ("none", "batch")}


@pytest.fixture(scope="module")
def short(digits):
    return at_best_rates({"net": "mlp"}, SHORT, digits, seeds=2, twins=("none",))


def test_the_rate_is_the_best_on_the_validation_images_and_the_accuracies_are_on_the_test_images(digits, short):
    validation = digits._replace(x_test=digits.x_val, y_test=digits.y_val)
    tried = results.of(short["tuning"], "val_accuracy")
    assert set(tried["seed"]) == set(range(100, 108)) and list(tried.columns[:4]) == ["net", "arm", "lr", "seed"]
    for one in short["best"]:
        own = tried[tried["arm"] == one["arm"]].groupby("lr")["value"].mean()
        settings = [replace(SHORT[one["arm"]], every=15, lr=one["lr"], seed=seed) for seed in range(100, 108)]
        runs = engine.run_all(settings, validation, dtype=torch.float32)
        assert own[one["lr"]] == pytest.approx(np.mean([run["test_accuracy"][-1] for run in runs]))
        assert own[one["lr"]] == own.max() and one["trains"] and one["net"] == "mlp"
        own = results.of(short["table"], "test_accuracy", arm=one["arm"], twin=0)
        settings = [replace(SHORT[one["arm"]], every=15, lr=one["lr"], seed=seed) for seed in (0, 1)]
        assert own["value"].tolist() == [engine.run(setting, digits)["test_accuracy"][-1] for setting in settings]


def test_all_arms_are_tried_at_the_same_rates_a_factor_of_two_apart(short):
    rates_of = {arm: sorted(set(part["lr"])) for arm, part in short["tuning"].groupby("arm")}
    assert rates_of["none"] == rates_of["batch"] and {0.1, 0.2, 0.4, 0.8, 1.6} <= set(rates_of["none"])
    np.testing.assert_allclose(np.diff(np.log2(rates_of["none"])), 1)
    assert all(rates_of["none"][0] < one["lr"] < rates_of["none"][-1] for one in short["best"])


def test_only_the_runs_that_are_made_again_have_twins(short):
    twins = short["table"][short["table"]["twin"] > 0]
    assert set(twins["arm"]) == {"none"} and set(twins["seed"]) == {0, 1} and set(twins["twin"]) == {1, 2, 3, 4, 5}


def test_the_test_images_have_no_say_in_the_rate(digits, short):
    wrong = digits._replace(y_test=(digits.y_test + 1) % 10)
    found = at_best_rates({"net": "mlp"}, SHORT, wrong, seeds=2)
    assert found["best"] == short["best"] and not found["table"]["value"].equals(short["table"]["value"])


def test_chosen_rates_are_not_chosen_again_and_only_their_arms_are_trained(digits, short):
    best = [one for one in short["best"] if one["arm"] == "batch"]
    found = at_best_rates({"net": "mlp"}, SHORT, digits, seeds=2, best=best, twins=("batch",))
    assert found["tuning"] is None and set(found["table"]["arm"]) == {"batch"} and set(found["table"]["twin"]) == {0}
    again = results.again(found["table"], short["table"], "test_accuracy", 1 / 500)
    assert again.agrees and again.runs == 2 and again.apart == 0
    assert at_best_rates({"net": "cnn"}, SHORT, digits, seeds=2, best=best)["table"] is None, "of another net"


def test_what_has_twins_is_made_again(short):
    assert [one["arm"] for one in experiments.with_twins(short)] == ["none"]


def test_an_arm_that_does_not_train_is_run_at_the_best_of_its_rates_and_said(own, monkeypatch):
    def guessing(settings, data, *_, **__):
        accuracies = [0.34 if setting.lr == 0.2 else 0.33 for setting in settings]
        return [{"step": [0, 15], "test_accuracy": [0, a], "train_loss": 1.0, "diverged": True} for a in accuracies]

    monkeypatch.setattr(rates, "run_all", guessing)
    found = at_best_rates({}, {"batch": SHORT["batch"]}, own, seeds=2)
    assert found["best"] == [{"arm": "batch", "lr": 0.2, "trains": False}]
    assert set(found["table"]["lr"]) == {0.2}


def test_every_size_sees_the_images_equally_often_but_makes_some_steps_at_least(own):
    grid = {"mlp": {"norms": ("none", "batch"), "sizes": (2, 50, 500), "passes": 1, "least": 10}}
    grid |= {"cnn": {**grid["mlp"], "norms": ("none",), "sizes": (50,), "seeds": 2}}
    cases = [("mlp", 2, "none"), ("mlp", 2, "batch"), ("mlp", 50, "none"), ("mlp", 500, "none"), ("cnn", 50, "none")]
    best = [{"net": net, "batch_size": size, "arm": arm, "lr": 0.1, "trains": True} for net, size, arm in cases]
    found = results.of(experiments.batch_sizes(own, seeds=3, grid=grid, best=best)["table"], "test_accuracy")
    steps = {
        key: (part["step"].unique().tolist(), len(part)) for key, part in found.groupby(["net", "batch_size", "arm"])
    }
    assert steps == {
        ("mlp", 2, "none"): ([75], 3),
        ("mlp", 2, "batch"): ([75], 3),
        ("mlp", 50, "none"): ([10], 3),
        ("cnn", 50, "none"): ([10], 2),  # fewer seeds at most
    }, "batches larger than the training set are left out"


def test_ghosts_larger_than_the_batch_are_left_out(own, monkeypatch):
    asked = {}

    def caught(label, bases, *_, **__):
        asked.update(bases)
        return {"table": None, "tuning": None, "best": []}

    monkeypatch.setattr(sizes, "at_best_rates", caught)
    found = experiments.ghost_batches(own, seeds=2)
    assert found["batch_size"] == 128 and found["ghosts"] == [2, 4, 8, 16, 32, 64]
    assert {arm: (base.norm, base.ghost) for arm, base in asked.items()} == {
        "none": ("none", None),
        **{f"parts of {size}": ("batch", size) for size in found["ghosts"]},
    }


STORED = ("batch_sizes", "ghost_batches", "one_class", "shared_nuisance", "fine_tuning")


@pytest.mark.parametrize("name", STORED)
def test_one_seed_is_refused(own, name):
    with pytest.raises(ValueError, match="seeds is 1; an interval needs at least 2 runs"):
        getattr(experiments, name)(own, seeds=1)


# --- what is stored --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", STORED)
def test_stored_rates_are_the_best_of_those_tried_at_no_edge_by_other_seeds(name):
    stored = experiments.evidence(name)
    assert stored["command"] == f"python -m bnbook run {name} --seeds 20 --store"
    tried, reported = results.of(stored["tuning"], "val_accuracy"), results.of(stored["table"], "test_accuracy", twin=0)
    assert set(tried["seed"]) == set(range(100, 108))
    for one in stored["best"]:
        label = {name: one[name] for name in one if name not in ("arm", "lr", "trains")}
        same = tried[(tried[list(label)] == pd.Series(label)).all(axis=1)] if label else tried
        means = same.groupby(["arm", "lr"])["value"].mean().unstack()
        assert not means.isna().any(axis=None), "all arms at the same rates"
        own = means.loc[one["arm"]]
        assert own[one["lr"]] == pytest.approx(own.max()) and means.columns[0] < one["lr"] < means.columns[-1], one
        assert one["trains"] == (own.max() > 0.15)
        runs = results.of(reported, "test_accuracy", **label, arm=one["arm"])
        assert set(runs["lr"]) == {one["lr"]}
        assert runs["seed"].tolist() == list(range(8 if one.get("net") == "cnn" else 20))


def again(name, digits, seeds=2, **which):
    """Stored runs made again, and the stored table."""
    stored = experiments.evidence(name)
    best = [one for one in stored["best"] if which.items() <= one.items()]
    live = getattr(experiments, name)(digits, seeds=seeds, best=best)["table"]
    return live, stored["table"]


@pytest.mark.parametrize(
    "name, which, runs",
    [
        ("batch_sizes", {"net": "mlp", "arm": "batch", "batch_size": 64}, 2),
        ("ghost_batches", {"arm": "parts of 16"}, 2),
        ("one_class", {"classes": 1, "arm": "none"}, 2),
        ("shared_nuisance", {"together": True, "arm": "batch"}, 2),
        ("fine_tuning", {"batch_size": 16, "arm": "frozen"}, 2),
    ],
)
def test_a_stored_point_comes_out_again_and_another_one_does_not(digits, name, which, runs):
    live, stored = again(name, digits, **which)
    found = results.again(live, stored, "test_accuracy", 1 / 500)
    assert found.agrees and found.runs == runs and found.level == "result"
    wrong = live.assign(value=live["value"] - 0.03)
    assert not results.again(wrong, stored, "test_accuracy", 1 / 500).agrees


def test_the_verdicts_on_batch_sizes_are_those_of_the_notebook():
    table = experiments.evidence("batch_sizes")["table"]
    rows = of_sizes.differences(table)
    found = {
        tuple(row[:4]): row["verdict"] for _, row in rows[["net", "batch_size", "arm", "against", "verdict"]].iterrows()
    }
    alone = ("none", "layer", "group")
    for size, verdict in ((2, "less"), (4, "less"), (8, results.UNSETTLED), (16, results.UNSETTLED), (64, "more")):
        assert {found["mlp", size, "batch", against] for against in alone} == {verdict}, size
    assert (found["mlp", 2, "renorm", "batch"], found["mlp", 2, "renorm", "layer"]) == ("more", "less")
    assert (found["mlp", 4, "renorm", "batch"], found["mlp", 4, "renorm", "layer"]) == ("more", results.UNSETTLED)
    means = results.of(table, "test_accuracy", twin=0).groupby(["net", "batch_size", "arm"])["value"].mean()
    assert {verdict for key, verdict in found.items() if key[0] == "cnn"} == {results.UNSETTLED}
    assert means["mlp", 2, "batch"] < 0.6 and means["cnn", 2, "batch"] > 0.96, "a breakdown, and none"
    assert means["cnn", 16, "layer"] == pytest.approx(0.974, abs=0.002), "well tuned"


def test_only_batches_of_two_are_chaotic():
    table = results.of(experiments.evidence("batch_sizes")["table"], "test_accuracy")
    twins = table[table["twin"] > 0].merge(table[table["twin"] == 0], on=["net", "batch_size", "arm", "lr", "seed"])
    apart = (twins["value_x"] - twins["value_y"]).abs().groupby([twins["net"], twins["batch_size"], twins["arm"]]).max()
    assert (apart["mlp", 16, "none"], apart["mlp", 64, "batch"]) == (0, 0)
    assert apart["mlp", 2, "batch"] > 0.1 and apart["cnn", 2, "batch"] > 0.002


def test_the_verdicts_on_ghost_batches_are_those_of_the_notebook():
    stored = experiments.evidence("ghost_batches")
    found = of_sizes.against_whole(stored).set_index("arm")["verdict"].to_dict()
    verdicts = ("less", *[results.UNSETTLED] * 3, "more", results.UNSETTLED)
    assert found == {f"parts of {2**i}": verdict for i, verdict in enumerate(verdicts, 1)}
    means = results.of(stored["table"], "test_accuracy", twin=0).groupby("arm")["value"].mean()
    assert means["parts of 2"] < 0.7 and means.drop(["none", "parts of 2"]).min() > 0.96


def test_the_verdicts_on_companions_are_those_of_the_notebook():
    stored = experiments.evidence("one_class")
    assert [(one["classes"], one["arm"]) for one in stored["best"] if not one["trains"]] == [(1, "batch")]
    rows = of_companions.from_most(stored["table"])
    found = {(row["of"], row["arm"]): row["verdict"] for _, row in rows.iterrows()}
    unsettled, none = results.UNSETTLED, "no difference"
    assert found == {
        **{("none", 1): "less", ("none", 2): unsettled, ("none", 5): none},
        **{("layer", 1): "less", ("layer", 2): none, ("layer", 5): none},
        **{("batch", 1): "less", ("batch", 2): "less", ("batch", 5): none},
        **{("renorm", 1): "less", ("renorm", 2): "less", ("renorm", 5): none},
    }
    few = results.of(stored["table"], "test_accuracy", classes=1, twin=0)
    assert results.compare(few, "renorm", "batch", "test_accuracy")["low"] > 50
    assert results.compare(few, "renorm", "none", "test_accuracy")["high"] < -20
    table = experiments.evidence("shared_nuisance")["table"]
    modes = [row["verdict"] for row in of_companions.between_modes(table)]
    assert modes == ["no difference", "less", "no difference", "no difference"]
    by_session = of_companions.between_modes(table)[1]
    assert by_session["high"] < -10, "points"
    assert of_companions.shuffled_or_not(table)["low"] > 10
    shuffled = results.of(table, "test_accuracy", together=False, twin=0)
    assert results.compare(shuffled, "batch", "none", "test_accuracy", margin=1.0)["verdict"] == results.UNSETTLED


def test_the_verdicts_on_fine_tuning_are_those_of_the_notebook():
    rows = of_frozen.frozen_against_not(experiments.evidence("fine_tuning")["table"])
    found = {(row["measure"], row["batch_size"]): row["verdict"] for _, row in rows.iterrows()}
    unsettled = results.UNSETTLED
    assert found == {
        **{("test_accuracy", 2): "more", ("test_accuracy", 4): "more"},
        **{("test_accuracy", 8): unsettled, ("test_accuracy", 16): "less"},
        **{("old_accuracy", 2): "more", ("old_accuracy", 4): unsettled},
        **{("old_accuracy", 8): "more", ("old_accuracy", 16): unsettled},
    }
    assert rows.iloc[0]["low"] > 40


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
    best = [{"together": t, "arm": arm, "lr": 0.4, "trains": True} for t in (True, False) for arm in ("none", "batch")]
    table = experiments.shared_nuisance(digits, seeds=2, steps=60, best=best)["table"]
    modes = {key: part["value"].to_numpy() for key, part in table.groupby(["together", "arm", "measure"])}
    for together in (True, False):
        assert (modes[together, "none", "test_accuracy"] == modes[together, "none", "session_accuracy"]).all()
    assert (modes[True, "batch", "session_accuracy"] - modes[True, "batch", "test_accuracy"]).min() > 0.05


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
    best = [{"batch_size": 2, "arm": arm, "lr": 1e-12, "trains": True} for arm in ("batch", "frozen")]
    table = experiments.fine_tuning(digits, seeds=2, sizes=(2,), passes=1, best=best)["table"]
    for measure in ("test_accuracy", "old_accuracy"):
        before = results.of(table, measure, step=0, arm="frozen")["value"].tolist()
        assert results.of(table, measure, arm="frozen")["value"].tolist() == before
        assert results.of(table, measure, step=0, arm="batch")["value"].tolist() == before, "the same net to begin with"
        assert results.of(table, measure, arm="batch")["value"].tolist() != before, "its running statistics move"


def test_fine_tuning_is_what_one_net_does_by_itself(digits):
    best = [{"batch_size": 16, "arm": "frozen", "lr": 0.1, "trains": True}]
    table = experiments.fine_tuning(digits, seeds=2, sizes=(16,), best=best)["table"]
    x_train, y_train, x_test, y_test = tensors(digits, "cpu")
    net = engine.build(replace(MLP, seed=1), digits)
    train.fit(net, x_train, y_train, 0.3, 64, 300, 1)
    nets.freeze_batch_norms(net)
    train.fit(net, x_train[:100].flip(-1), y_train[:100], 0.1, 16, 62, 1)
    for measure, x in (("test_accuracy", x_test.flip(-1)), ("old_accuracy", x_test)):
        found = results.of(table, measure, seed=1)["value"].item()
        assert found == pytest.approx(train.evaluate(net, x, y_test)[1], abs=0.0021)


@pytest.mark.parametrize("name", ["outputs_by_batch", "statistics_error", "accumulation", "fine_tuning"])
def test_other_images_and_classes_will_do(own, name):
    small = {
        "outputs_by_batch": {},
        "statistics_error": {"draws": 20},
        "accumulation": {"seeds": 2, "sizes": (8, 2)},
        "fine_tuning": {"seeds": 2, "sizes": (4,), "passes": 1},
    }
    assert getattr(experiments, name)(own, **small[name])["experiment"] == name


def test_few_classes_in_a_batch_of_other_images(own):
    best = [{"classes": 1, "arm": arm, "lr": 0.1, "trains": True} for arm in ("none", "batch")]
    found = experiments.one_class(own, 2, (1,), ("none", "batch"), batch_size=8, steps=20, best=best)
    assert found["guessing"] == 1 / 3 and found["table"]["arm"].unique().tolist() == ["none", "batch"]
