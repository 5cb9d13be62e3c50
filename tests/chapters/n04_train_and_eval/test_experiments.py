"""The experiments of notebook 04, against plain loops and closed forms."""

import copy
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.utils.checkpoint

from bnbook import data, train
from bnbook.chapters.n04_train_and_eval import experiments
from bnbook.lab import engine

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def digits():
    return data.digits()


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


def test_a_net_for_two_cameras_works_by_the_batch_and_fails_by_the_statistics_of_both(digits):
    result = experiments.two_domains(digits, seeds=2)
    for camera in (0, 1):
        training, evaluation, own = (np.mean(result[key][camera]) for key in ("training", "evaluation", "own"))
        assert training > 0.93 and own > 0.93 and evaluation < 0.5
    json.dumps(result, allow_nan=False)


@pytest.mark.parametrize("name", ["forgotten_eval", "train_eval_gap", "biased_variance"])
def test_one_seed_is_too_few_for_an_interval(digits, name):
    with pytest.raises(ValueError, match="seeds is 1; an interval needs"):
        getattr(experiments, name)(digits, seeds=1)


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


# --- what the notebook says besides ----------------------------------------------------------------------------------


def test_a_copy_of_the_parameters_alone_has_the_statistics_of_a_new_layer(digits):
    net, x_test, y_test = experiments.trained_mlp(digits)
    new = engine.build(replace(experiments.SMALL, seed=1), digits)
    for theirs, ours in zip(new.parameters(), net.parameters(), strict=True):
        theirs.data.copy_(ours)
    for layer in (net.norm1, net.norm2, net.norm3):
        layer.reset_running_stats()
    left = [train.evaluate(one, x_test, y_test)[1] for one in (new, net)]
    assert left[0] == left[1] < 0.8
    new.load_state_dict(experiments.trained_mlp(digits)[0].state_dict())
    assert train.evaluate(new, x_test, y_test)[1] > 0.95


@pytest.mark.parametrize("use_reentrant", [True, False])
def test_checkpointing_counts_a_batch_twice(use_reentrant):
    layer = torch.nn.BatchNorm1d(3)
    net = torch.nn.Sequential(torch.nn.Linear(3, 3), layer, torch.nn.ReLU(), torch.nn.Linear(3, 3))
    x = torch.randn(8, 3, generator=torch.Generator().manual_seed(0)).requires_grad_()
    torch.utils.checkpoint.checkpoint(net, x, use_reentrant=use_reentrant).sum().backward()
    assert layer.num_batches_tracked == 2
