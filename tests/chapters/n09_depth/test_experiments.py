"""The experiments of notebook 09, judged against plain PyTorch, closed forms, and what is stored."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from bnbook import data, nets, train
from bnbook.chapters.n09_depth import experiments, functions
from bnbook.lab import engine
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
    assert functions.predicted_growth(*experiments._NON_LINEARITIES["relu"](experiments._NORMAL)) == pytest.approx(
        np.sqrt(np.pi / (np.pi - 1)), rel=1e-4
    )
    random = np.random.default_rng(0)
    z = experiments._NORMAL
    for _ in range(20):  # the Poincare inequality, for sums of random waves
        a, b, c = random.normal(size=(3, 6, 1))
        h, slope = (
            (a * np.sin(b * experiments._NORMAL + c)).sum(0),
            (a * b * np.cos(b * experiments._NORMAL + c)).sum(0),
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
    assert list(arms) == ["plain", "none", "batch", "skip_init"] and arms["plain"]["share"] == []


def test_the_rate_is_chosen_on_validation_images_and_reported_on_test_images(digits):
    arms = {"plain, batch": replace(experiments.DEEP, steps=15, every=15, width=10)}
    rates = (0.001, 0.3)
    result = experiments.trainability(digits, seeds=2, depths=(2,), rates=rates, arms=arms)
    (cell,) = result["cells"]
    x, y, x_test, y_test = tensors(digits, "cpu")
    x_val = (digits.x_val - digits.x_train.mean()) / digits.x_train.std()
    for row, lr in enumerate(rates):
        for seed in range(2):
            net = nets.mlp("batch", 10, depth=2, seed=seed)
            train.fit(net, x, y, lr, steps=15, seed=seed)
            assert cell["validation"][row][seed] == pytest.approx(train.evaluate(net, x_val, digits.y_val)[1])
            assert cell["test"][row][seed] == pytest.approx(train.evaluate(net, x_test, y_test)[1])
    assert cell["best"] == rates[int(np.argmax(np.mean(cell["validation"], axis=1)))] == 0.3
    assert cell["accuracy"] == cell["test"][1] and cell["mean"] == pytest.approx(np.mean(cell["test"][1]))
    runs = iter([{"watched": {"validation": [v]}, "test_accuracy": [1 - v]} for v in (0.2, 0.2, 0.8, 0.8)])
    assert experiments._tuned(runs, (1.0, 2.0), 2)["best"] == 2.0, (
        "best on validation images, though worst on test images"
    )


def test_rates_can_be_given_for_each_arm_and_depth(digits):
    arms = {
        name: replace(experiments.DEEP_ARMS[name], steps=2, every=2, width=6)
        for name in ("plain, none", "plain, batch")
    }
    rates = {("plain, none", 1): [0.1], ("plain, batch", 1): [0.2, 0.3]}
    cells = experiments.trainability(digits, seeds=2, depths=(1,), rates=rates, arms=arms)["cells"]
    assert [cell["rates"] for cell in cells] == [[0.1], [0.2, 0.3]]


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


def test_gamma_and_beta_alone_learn_and_their_numbers_are_counted(digits):
    setting = replace(experiments.ONLY, width=40, steps=60, every=60)
    rates = {"norm": (3.0,), "few": (3.0,), "head": (0.3,)}
    parts = {p["part"]: p for p in experiments.only_norms(digits, seeds=2, rates=rates, setting=setting)["parts"]}
    assert {name: part["numbers"] for name, part in parts.items()} == {"norm": 240, "few": 240, "head": 410}
    assert parts["norm"]["mean"] > 0.5


def test_other_images_and_another_number_of_classes_will_do():
    some = data.Data(*[part[:60] if part.ndim == 4 else part[:60] % 3 for part in noise(5)])
    assert experiments.gradient_growth(some, seeds=2, cases=[("batch", "tanh", 1.0, 8)], depth=12, width=8)["cases"]
    assert len(experiments.skip_connections(some, seeds=2, depth=3, width=8, batch_size=16)["arms"]) == 4
    arms = {name: replace(arm, steps=2, every=2, width=6, batch_size=16) for name, arm in experiments.DEEP_ARMS.items()}
    assert len(experiments.trainability(some, seeds=2, depths=(2,), rates=(0.1,), arms=arms)["cells"]) == 6


# --- what is stored ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stored():
    return experiments.evidence("trainability")


def test_the_stored_trainings_are_complete_and_add_up(stored):
    assert stored["seeds"] >= 5 and stored["command"].startswith("python -m bnbook run trainability")
    assert len(stored["cells"]) == 6 * 4
    for cell in stored["cells"]:
        best = int(np.argmax(np.mean(cell["validation"], axis=1)))
        assert cell["best"] == cell["rates"][best] and cell["accuracy"] == cell["test"][best]
        assert cell["mean"] == pytest.approx(np.mean(cell["accuracy"]))
        assert len(cell["accuracy"]) == stored["seeds"] and np.shape(cell["test"]) == (8, stored["seeds"])
    settings = {name: engine.Setting(**values) for name, values in stored["settings"].items()}
    assert settings == experiments.DEEP_ARMS


def test_stored_residual_nets_are_met_again_and_of_plain_ones_the_verdict(stored, digits):
    """A rounding error stays one in the residual nets; in the plain ones it grows, see `agreement`."""
    arms = ("residual, skip_init", "residual, batch", "plain, none", "plain, batch")
    rates = {(cell["arm"], cell["depth"]): [cell["best"]] for cell in stored["cells"]}
    chosen = {arm: experiments.DEEP_ARMS[arm] for arm in arms}
    again = experiments.trainability(digits, 3, depths=(20,), rates=rates, arms=chosen)
    agreed = experiments.agreement(again, stored)
    assert agreed == {"runs": 12, "compared": 6, "apart": pytest.approx(0, abs=0.0021)}
    mean = {cell["arm"]: cell["mean"] for cell in again["cells"]}
    assert mean["plain, batch"] > mean["plain, none"] + 0.05


def test_agreement_finds_residual_nets_that_differ_and_no_others():
    cells = [{"arm": arm, "depth": 20, "rates": [0.1], "test": [[0.9, 0.8]]} for arm in ("residual, a", "plain, a")]
    stored = {"cells": cells}
    again = {"cells": [cells[0], {**cells[1], "test": [[0.9, 0.2]]}]}
    assert experiments.agreement(again, stored) == {"runs": 4, "compared": 2, "apart": 0}
    assert experiments.agreement(again, stored, kind="plain")["apart"] == pytest.approx(0.6)
    again = {"cells": [{**cells[0], "test": [[0.9, 0.7]]}]}
    assert experiments.agreement(again, stored)["apart"] == pytest.approx(0.1)
    assert experiments.agreement({"cells": []}, stored) == {"runs": 0, "compared": 0, "apart": None}


DEEP = replace(experiments.DEEP, steps=5, every=5, width=6)
SMALL = [
    ("trainability", {"depths": (2,), "rates": (0.1,), "arms": {"plain, batch": DEEP}}),
    ("only_norms", {"rates": {"norm": (1.0,)}, "setting": replace(experiments.ONLY, steps=5, every=5, width=6)}),
]


@pytest.mark.parametrize("name, small", SMALL)
def test_what_is_kept_of_an_experiment_is_not_trained_again(name, small, digits, tmp_path, monkeypatch):
    run = getattr(experiments, name)
    first = run(digits, 2, **small, keep=tmp_path / "runs.part")
    monkeypatch.setattr(engine, "_trained", None)  # a call of it would raise
    assert run(digits, 2, **small, keep=tmp_path / "runs.part") == first
