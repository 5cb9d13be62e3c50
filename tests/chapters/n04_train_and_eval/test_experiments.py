"""The experiments of notebook 04, against plain loops and closed forms."""

import copy
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.utils.checkpoint
from scipy import stats

from bnbook import data, train
from bnbook.chapters.n04_train_and_eval import experiments
from bnbook.lab import engine, results

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
        assert found[name]["test_accuracy"][1] == (evaluated.argmax(1) == y_test).double().mean().item()
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
    found = experiments.train_eval_gap(digits, seeds=2, steps=(1, 20))
    gap = results.of(found["table"], "gap", "all").groupby(["arm", "step"])["value"].mean().unstack()
    assert gap[20].idxmax() == "momentum=0.01"
    assert gap.loc["recalibrated", 20] < 0.1 < gap.loc["momentum=0.1", 20]
    assert gap.loc["momentum=None", 1] == pytest.approx(gap.loc["momentum=0.1, corrected", 1])


def test_recalibration_is_compared_seed_by_seed_in_points(digits):
    table = experiments.train_eval_gap(digits, seeds=3, steps=(2, 20))["table"]
    rows = experiments.recalibrating(table, (2, 20)).set_index(["against", "step"])
    assert len(rows) == 5 * 2 and set(rows["pairs"]) == {3}
    ends = {
        name: results.of(table, "test_accuracy", 20, arm=name)["value"].to_numpy()
        for name in ("recalibrated", "momentum=0.01")
    }
    expected = stats.ttest_rel(*(100 * values for values in ends.values()))
    row = rows.loc[("momentum=0.01", 20)]
    assert (row["low"], row["high"]) == pytest.approx(tuple(expected.confidence_interval()))
    assert row["p"] > 1.5 * expected.pvalue, "10 conclusions from one table: Holm"
    assert row["margin"] == 1


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


def test_a_running_variance_of_seven_eighths_costs_less_than_a_point(digits):
    found = experiments.biased_variance(digits)
    assert found["difference"]["verdict"] == "no difference" and found["difference"]["margin"] == 1
    accuracy = results.of(found["table"], "test_accuracy").pivot(index="seed", columns="arm", values="value")
    difference = 100 * (accuracy["biased"] - accuracy["unbiased"])
    assert found["difference"]["mean"] == pytest.approx(difference.mean()) and difference.abs().max() > 0


def test_a_wrong_running_variance_is_seen_by_the_same_measure(digits):
    """The verdict 'no difference' could be another one: of the variance's 7/8, a seventh of a thousandth is left."""
    setting, losses = replace(experiments.SMALL, lr=0.1, batch_size=8, steps=150), []
    for seed in range(2):
        net, x, y = experiments.trained_mlp(digits, replace(setting, seed=seed))
        right = train.evaluate(net, x, y)[1]
        net.norm2.running_var *= 1e-3
        losses.append(right - train.evaluate(net, x, y)[1])
    assert min(losses) > 0.01


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
