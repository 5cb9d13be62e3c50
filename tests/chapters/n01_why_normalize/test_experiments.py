"""The experiments of notebook 01, against plain loops and closed forms."""

import json

import numpy as np
import pytest
import torch
from torch import nn

from bnbook import data, nets
from bnbook.chapters.n01_why_normalize import experiments

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def digits():
    return data.digits()


def test_twenty_layers_measures_what_a_plain_loop_does(digits):
    found = experiments.twenty_layers(digits, "tanh", gains=(3.0,), norms=("none",), depth=7, seeds=2)["arms"][0]
    mean, sd = digits.x_train.mean(), digits.x_train.std()
    each = []
    for seed in range(2):
        weights = [p.detach() for p in nets.mlp("none", 100, 3.0, seed, 7, "tanh").parameters()]
        h, outputs, spread = torch.tensor((digits.x_train[:500] - mean) / sd).flatten(1), [], []
        for weight in weights[:-2:2]:
            z = h @ weight.requires_grad_().T
            h = torch.tanh(z)
            h.retain_grad()
            outputs.append(h)
            spread.append(z.detach().std(0, correction=0).mean().item())
        hidden, logits = weights[:-2:2], h @ weights[-2].T
        nn.CrossEntropyLoss()(logits, torch.tensor(digits.y_train[:500])).backward()
        gradient = [o.grad.norm().item() for o in outputs]
        saturated = [(o.detach().abs() > 0.95**0.5).double().mean().item() for o in outputs]
        share = [(w.grad.norm() / w.norm()).item() for w in hidden]
        each.append((spread, saturated, [g / gradient[-1] for g in gradient], share))
    for key, values in zip(("sd", "saturated", "gradient", "weights"), zip(*each, strict=True), strict=True):
        assert found[key]["lowest"] == pytest.approx(np.min(values, axis=0).tolist())
        average = np.exp(np.log(values).mean(0)) if key in ("gradient", "weights") else np.mean(values, axis=0)
        assert found[key]["mean"] == pytest.approx(average.tolist())
    assert found["growth"] == pytest.approx(found["gradient"]["mean"][4] / found["gradient"]["mean"][5])


def test_batch_norm_makes_every_gain_the_same_and_relu_gradients_grow_by_a_fifth(digits):
    arms = experiments.twenty_layers(digits, "relu", gains=(0.5, 2.0), norms=("batch",), seeds=1)["arms"]
    assert all(arm["sd"]["mean"] == pytest.approx(20 * [1], abs=1e-3) for arm in arms)
    assert arms[0]["gradient"]["mean"] == pytest.approx(arms[1]["gradient"]["mean"], rel=1e-2)
    assert 1.15 < arms[0]["growth"] < 1.25  # sqrt(pi / (pi - 1)) = 1.2112 in the limit (Yang et al. 2019)


def test_where_the_input_vanishes_the_weights_get_next_to_nothing_in_every_layer(digits):
    """What notebook 01 says of its right panels: equal at tanh's gain 0.5, far from equal at 3 and with sigmoids."""
    small, large = (
        np.array(arm["weights"]["mean"])
        for arm in experiments.twenty_layers(digits, "tanh", (0.5, 3.0), ("none",), seeds=1)["arms"]
    )
    assert small.max() < 1e-5 and small.max() < 10 * small.min() and large[0] > 100 * large[-1]
    (sigmoid,) = experiments.twenty_layers(digits, "sigmoid", (1.0,), ("none",), seeds=1)["arms"]
    assert sigmoid["weights"]["mean"][0] < 1e-6 * sigmoid["weights"]["mean"][-1]


def test_a_he_net_drifts_and_a_normalized_one_does_not(digits):
    found = experiments.after_training(digits, steps=30, depth=10, seeds=2)
    none, batch = found["arms"]
    assert [none["norm"], batch["norm"]] == ["none", "batch"] and len(none["accuracy"]) == 2
    assert batch["spread"]["mean"] == pytest.approx(10 * [1], abs=0.02) and max(batch["shift"]["highest"]) < 0.05
    assert none["shift"]["lowest"][-1] > 10 * batch["shift"]["highest"][-1]
    json.dumps(found, allow_nan=False)


def test_nothing_has_moved_after_training_with_next_to_no_step(digits):
    arm = experiments.after_training(digits, norms=("none",), lr=1e-12, steps=1, depth=3, seeds=1)["arms"][0]
    assert arm["spread"]["mean"] == pytest.approx([1, 1, 1]) and max(arm["shift"]["mean"]) < 1e-9
