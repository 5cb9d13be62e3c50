"""The experiments of notebook 04, against plain loops and closed forms."""

import copy
import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from bnbook import data, train
from bnbook.chapters.n04_train_and_eval import experiments
from bnbook.lab import engine

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def digits():
    return data.digits()


# --- notebook 04 ---------------------------------------------------------------------------------------------------


def test_running_statistics_followed_beside_a_training_are_those_of_pytorchs_layer(digits):
    setting = replace(experiments.SMALL, steps=12, width=8)
    x_test, y_test = engine.tensors(digits, "cpu")[2:]
    found = experiments._gaps(digits, setting, (5, 12), "cpu")
    for name, momentum in (("momentum=0.1", 0.1), ("momentum=0.01", 0.01), ("momentum=None", None)):

        def watch(net, step, momentum=momentum):
            for layer in (net.norm1, net.norm2, net.norm3):
                layer.momentum = momentum

        net, *_ = experiments.trained_mlp(digits, setting, watch=watch)
        with torch.no_grad():
            by_batch, evaluated = copy.deepcopy(net)(x_test), net.eval()(x_test)
        assert found[name]["gap"][1] == pytest.approx(
            ((evaluated - by_batch).norm() / by_batch.norm()).item(), rel=1e-9
        )
        assert found[name]["accuracy"][1] == (evaluated.argmax(1) == y_test).double().mean().item()
    assert found["training mode"]["gap"] == [0, 0]


def test_following_the_averages_leaves_the_training_as_it_is(digits):
    setting, weights = replace(experiments.SMALL, steps=12, width=8), []
    fit = train.fit

    def spy(net, *args):
        fit(net, *args)
        weights.append(net.linear3.weight.clone())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "fit", spy)
        experiments._gaps(digits, setting, (3, 12), "cpu")
        experiments.trained_mlp(digits, setting)
    assert torch.equal(*weights)


def test_the_gap_is_closed_by_recalibration_and_largest_for_a_small_momentum(digits):
    result = experiments.train_eval_gap(digits, seeds=2, steps=(1, 20))
    gap = {name: np.mean(arm["gap"], 0) for name, arm in result["arms"].items()}
    assert max(gap, key=lambda name: gap[name][1]) == "momentum=0.01"
    assert gap["recalibrated"][1] < 0.1 < gap["momentum=0.1"][1]
    assert gap["momentum=None"][0] == pytest.approx(gap["momentum=0.1, corrected"][0])
    json.dumps(result, allow_nan=False)


def test_forgetting_eval_costs_most_in_small_and_in_sorted_batches(digits):
    result = experiments.forgotten_eval(digits, seeds=2, sizes=(2, 20, 500))
    shuffled, by_class = np.mean(result["shuffled"], 1), np.mean(result["by_class"], 1)
    assert shuffled[0] < 0.6 < 0.85 < shuffled[1] and by_class[:2].max() < 0.3
    assert result["shuffled"][2] == result["by_class"][2]  # one batch of all: no order left
    assert np.mean(result["evaluated"]) > 0.95


def test_companions_change_labels_in_training_mode(digits):
    result = experiments.companions(digits, seeds=1, images=20)
    assert np.shape(result["labels"]) == (1, 20, 10) and len(result["truth"]) == 20
    assert np.mean([len(set(row)) > 1 for row in result["labels"][0]]) > 0.7
    shown = result["shown"]
    assert shown["labels"] in result["labels"][0] and shown["evaluated"] == shown["truth"]
    assert np.shape(shown["companions"]) == (10, 2, 8, 8)
    json.dumps(result, allow_nan=False)


def test_a_running_variance_of_seven_eighths_makes_no_visible_difference(digits):
    result = experiments.biased_variance(digits, seeds=3)
    low, high = result["difference"]["interval"]
    assert low < 0.02 and high > -0.02 and result["unbiased"] != result["biased"]


def test_an_average_corrected_for_its_start_is_right_on_constant_batches():
    history = torch.tensor([[5.0], [3.0]]).double().expand(7, 2, 1)
    averages = experiments._averages(history)
    for name, average in averages.items():
        exact = name == "momentum=None" or "corrected" in name
        assert torch.allclose(average, history[0]) == exact
    torch.testing.assert_close(averages["momentum=0.1"], torch.tensor([[5 * (1 - 0.9**7)], [3 - 2 * 0.9**7]]).double())
