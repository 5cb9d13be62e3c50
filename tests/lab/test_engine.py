import copy
import json
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from bnbook import data, experiments, nets, train

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def digits():
    return data.digits()


@pytest.fixture(scope="module")
def look(digits):
    """A small first_look: two seeds, at the middle rate and at the large one."""
    return experiments.first_look(digits, seeds=2, rates=(0.2, 1.0))


def test_a_run_is_the_same_training_written_out_in_plain_pytorch(digits):
    setting = experiments.Setting(norm="none", lr=0.1, steps=20, every=10, seed=3)
    result = experiments.run(setting, digits)

    net = _plain_cnn(seed=3)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    mean, sd = digits.x_train.mean(), digits.x_train.std()
    x, x_test = (torch.tensor((part - mean) / sd) for part in (digits.x_train, digits.x_test))
    y, y_test = torch.tensor(digits.y_train), torch.tensor(digits.y_test)
    rng, accuracy = np.random.default_rng(3), [_accuracy(net, x_test, y_test)]
    batches = [part for _ in range(2) for part in np.array_split(rng.permutation(1000)[:960], 15)]
    for step, batch in enumerate(batches[:20], start=1):
        optimizer.zero_grad()
        nn.CrossEntropyLoss()(net(x[batch]), y[batch]).backward()
        optimizer.step()
        if step % 10 == 0:
            accuracy.append(_accuracy(net, x_test, y_test))

    assert result["step"] == [0, 10, 20]
    assert result["test_accuracy"] == accuracy
    assert result["train_loss"] == pytest.approx(nn.CrossEntropyLoss()(net(x), y).item(), rel=1e-10)
    assert experiments.Setting(**result["setting"]) == setting


def test_only_batch_norm_trains_at_the_large_rate_and_both_at_the_middle_one(look):
    verdicts = {(arm["lr"], arm["norm"]): arm["diverged"] for arm in look["arms"]}
    assert verdicts == {(0.2, "none"): 0, (0.2, "batch"): 0, (1.0, "none"): 2, (1.0, "batch"): 0}
    assert all(accuracy > 0.9 for arm in look["arms"] if not arm["diverged"] for accuracy in arm["final"])


def test_arms_and_differences_are_summaries_of_the_runs(look):
    for arm in look["arms"]:
        runs = [
            run for run in look["runs"] if (run["setting"]["lr"], run["setting"]["norm"]) == (arm["lr"], arm["norm"])
        ]
        curves = np.array([run["test_accuracy"] for run in runs])
        assert [run["setting"]["seed"] for run in runs] == [0, 1]
        np.testing.assert_allclose(arm["mean"], curves.sum(0) / 2)
        assert arm["lowest"] == np.minimum(*curves).tolist() and arm["highest"] == np.maximum(*curves).tolist()
        assert arm["final"] == curves[:, -1].tolist()
        assert arm["step"] == list(range(0, 121, 10))
    none, batch = (np.array(arm["final"]) for arm in look["arms"][:2])
    assert look["differences"][0]["mean"] == pytest.approx((batch - none).mean())
    low, high = look["differences"][0]["interval"]
    assert (batch - none).min() <= low <= (batch - none).mean() <= high <= (batch - none).max()


def test_no_number_is_given_where_a_run_diverged(look):
    for arm in look["arms"]:
        assert (arm["final_mean"] is None) == (arm["final_interval"] is None) == bool(arm["diverged"])
    assert [difference["mean"] is None for difference in look["differences"]] == [False, True]
    assert [difference["interval"] is None for difference in look["differences"]] == [False, True]


def test_results_are_the_same_when_read_back(look, tmp_path):
    experiments.save(look, tmp_path / "look.json")
    assert experiments.load(tmp_path / "look.json") == look
    assert json.loads((tmp_path / "look.json").read_text())["versions"]["torch"] == torch.__version__


def test_a_diverged_run_is_valid_json_and_silent(digits, capsys):
    result = experiments.run(experiments.Setting(norm="none", lr=1e100, steps=8), digits)
    assert result["diverged"] and result["train_loss"] is None
    json.dumps(result, allow_nan=False)
    assert capsys.readouterr() == ("", "")


def test_progress_is_shown_only_when_asked_and_where_somebody_looks(digits, capsys, monkeypatch):
    settings = [experiments.Setting(steps=1, seed=seed) for seed in range(2)]
    quiet = experiments.run_all(settings, digits)
    assert experiments.run_all(settings, digits, progress=True) == quiet
    assert capsys.readouterr() == ("", ""), "standard error is no terminal here"
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert experiments.run_all(settings, digits, progress=True) == quiet
    assert "2/2" in capsys.readouterr().err


def test_watch_sees_the_stack_and_the_batch_to_come_and_what_it_returns_is_kept(digits):
    seen = []

    def watch(moment):
        seen.append((moment.step, moment.net.members, None if moment.x is None else tuple(moment.x.shape)))
        return {"mean": moment.net.norm1.running_mean.mean(1)} if moment.step % 2 == 0 else None

    runs = experiments.run_all([experiments.Setting(steps=3, seed=s) for s in (4, 5)], digits, watch=watch)
    assert seen == [*((step, 2, (2, 64, 1, 8, 8)) for step in range(3)), (3, 2, None)]
    assert [run["watched"]["step"] for run in runs] == [[0, 2]] * 2
    assert runs[0]["watched"]["mean"][0] == 0 != runs[0]["watched"]["mean"][1] != runs[1]["watched"]["mean"][1]


def test_two_threads_give_the_same_accuracies(digits):
    setting = experiments.Setting(lr=0.2, steps=10, every=2)
    one = experiments.run(setting, digits)
    torch.set_num_threads(2)
    try:
        two = experiments.run(setting, digits)
    finally:
        torch.set_num_threads(1)
    assert two["test_accuracy"] == one["test_accuracy"]
    assert two["train_loss"] == pytest.approx(one["train_loss"], rel=1e-10)


def test_one_mean_and_one_sd_of_the_training_images_serve_for_all(digits):
    brighter = digits._replace(x_train=3 + 5 * digits.x_train, x_test=3 + 5 * digits.x_test)
    setting = experiments.Setting(steps=5, every=1)
    same = experiments.run(setting, brighter)
    assert same["test_accuracy"] == experiments.run(setting, digits)["test_accuracy"]
    darker_test = digits._replace(x_test=digits.x_test / 10)
    assert experiments.run(setting, darker_test)["train_loss"] == pytest.approx(same["train_loss"], rel=1e-10)
    assert experiments.run(setting, darker_test)["test_accuracy"] != same["test_accuracy"]


def test_the_interval_is_the_bootstraps_and_the_same_at_every_call():
    values = np.random.default_rng(1).normal(5, 2, size=400)
    low, high = experiments.interval(values)
    assert (low, high) == experiments.interval(values)
    # With many values the bootstrap of a mean is the textbook normal interval.
    half = 1.96 * values.std() / np.sqrt(400)
    assert low == pytest.approx(values.mean() - half, abs=0.1 * half)
    assert high == pytest.approx(values.mean() + half, abs=0.1 * half)
    assert experiments.interval([0.5, 0.5, 0.5]) == (0.5, 0.5)


def test_too_few_values_for_an_interval_are_refused(digits):
    with pytest.raises(ValueError, match="2 or more"):
        experiments.interval([1.0])
    with pytest.raises(ValueError, match="seeds is 1"):
        experiments.first_look(digits, seeds=1)


def test_a_setting_varies_by_replace_and_an_unknown_net_is_refused(digits):
    setting = replace(experiments.Setting(), lr=0.5, net="transformer")
    assert setting.lr == 0.5 and setting.norm == "batch"
    with pytest.raises(ValueError, match="net is 'transformer'; it must be one of 'cnn'"):
        experiments.run(setting, digits)
    with pytest.raises(AttributeError):
        setting.lr = 1


def test_the_verdict_of_a_run_is_trains(look):
    for run in look["runs"]:
        assert run["diverged"] == train.diverged(float("inf") if run["train_loss"] is None else run["train_loss"])


def test_two_copies_of_a_net_have_the_same_losses_and_a_broken_one_has_not(digits):
    same = experiments.same_losses(digits, steps=5)
    assert same["step"] == [1, 2, 3, 4, 5]
    np.testing.assert_allclose(same["ours"], same["theirs"], rtol=1e-10)
    assert same["loss_ours"] == pytest.approx(same["loss_theirs"], rel=1e-10)
    assert same["accuracy_ours"] == same["accuracy_theirs"]

    theirs, broken = _plain_cnn(seed=0), _plain_cnn(seed=0)
    with torch.no_grad():
        broken[0].weight[0, 0, 0, 0] += 1e-3
    apart = experiments.same_losses(digits, theirs, broken, steps=5)
    assert abs(apart["ours"][0] - apart["theirs"][0]) > 1e-7


def test_a_running_mean_with_its_graph_grows_by_the_same_number_of_nodes_each_step():
    found = experiments.graph_nodes(steps=6)
    assert len(set(np.diff(found["kept"]))) == 1 and found["kept"][0] > 1
    assert found["detached"] == [0] * 6
    assert found["copied"] == {"kept": False, "detached": True}


def test_a_layer_is_a_drop_in_for_itself_and_not_for_one_with_another_momentum():
    class Slower(nn.BatchNorm2d):
        def forward(self, x):
            self.momentum = self.momentum and 0.05
            return super().forward(x)

    assert [row["equal"] for row in experiments.drop_in(nn.BatchNorm2d, nn.BatchNorm2d)] == [True] * 8
    rows = experiments.drop_in(nn.BatchNorm2d, Slower)
    assert all(row["equal"] != (row["track_running_stats"] and row["momentum"] == 0.1) for row in rows)


def _plain_cnn(seed):
    generator = torch.Generator().manual_seed(seed)
    net = nn.Sequential(
        *(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 16, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(64, 10)),
    ).double()
    for layer, std in ((0, (2 / 9) ** 0.5), (3, (2 / 72) ** 0.5), (6, (2 / 144) ** 0.5), (9, (1 / 64) ** 0.5)):
        nn.init.normal_(net[layer].weight, 0, std, generator=generator)
        nn.init.zeros_(net[layer].bias)
    return net


def _accuracy(net, x, y):
    with torch.no_grad():
        return (net(x).argmax(1) == y).sum().item() / len(y)


# --- notebook 04 ---------------------------------------------------------------------------------------------------


def test_running_statistics_followed_beside_a_training_are_those_of_pytorchs_layer(digits):
    setting = replace(experiments.SMALL, steps=12, width=8)
    x_test, y_test = experiments.engine.tensors(digits, "cpu")[2:]
    found = experiments.train_eval._gaps(digits, setting, (5, 12), "cpu")
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
        experiments.train_eval._gaps(digits, setting, (3, 12), "cpu")
        experiments.trained_mlp(digits, setting)
    assert torch.equal(*weights)


def test_an_average_corrected_for_its_start_is_right_on_constant_batches():
    history = torch.tensor([[5.0], [3.0]]).double().expand(7, 2, 1)
    averages = experiments.train_eval._averages(history)
    for name, average in averages.items():
        exact = name == "momentum=None" or "corrected" in name
        assert torch.allclose(average, history[0]) == exact
    torch.testing.assert_close(averages["momentum=0.1"], torch.tensor([[5 * (1 - 0.9**7)], [3 - 2 * 0.9**7]]).double())


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


def test_the_error_of_the_batch_mean_falls_as_the_root_of_the_batch_size(digits):
    found = experiments.sample_size(digits, seeds=3, sizes=(4, 16, 64))
    assert found["pixels"] == 64 and np.shape(found["errors"]) == (3, 3)
    low, high = found["slope_interval"]
    assert low <= found["slope"] <= high and found["slope"] == pytest.approx(-0.5, abs=0.02)
    # The error of a mean of N images is the standard deviation of one image's mean over sqrt(N): `worth` is exact.
    for errors, worth in zip(found["errors"], found["worth"], strict=True):
        np.testing.assert_allclose(errors, 1 / np.sqrt(np.array([4, 16, 64]) * worth), rtol=0.1)


def test_one_statistic_for_all_channels_ruins_unequal_filters_only(digits):
    found = experiments.shared_statistic(digits, seeds=2, steps=60)
    accuracy = {(arm["spread"], arm["norm"]): arm["mean"] for arm in found["arms"]}
    assert accuracy[3.0, "batch"] > 0.85 and accuracy[0.0, "shared"] > 0.75 and accuracy[3.0, "shared"] < 0.6
    spread = {(arm["spread"], arm["norm"]): max(arm["sd"]) / min(arm["sd"]) for arm in found["arms"]}
    assert spread[0.0, "batch"] < 1.01 and spread[3.0, "shared"] > 100
    for spread, difference in zip((0.0, 3.0), found["differences"], strict=True):
        assert difference["mean"] == pytest.approx(accuracy[spread, "batch"] - accuracy[spread, "shared"])


def test_the_shared_statistic_is_one_mean_and_variance_and_keeps_the_weights(digits):
    layer = experiments.images._SharedStatistic(3)
    x = torch.randn(5, 3, 4, 4, dtype=torch.float64) * torch.tensor([1.0, 5.0, 0.1]).reshape(1, 3, 1, 1) + 2
    torch.testing.assert_close(layer(x).detach(), (x - x.mean()) / (x.var(correction=0) + 1e-5).sqrt())
    batch, shared = (experiments.images._with_unequal_filters(norm, 3.0, 1, digits) for norm in ("batch", "shared"))
    for i in (1, 2, 3):
        assert torch.equal(batch.get_submodule(f"conv{i}").weight, shared.get_submodule(f"conv{i}").weight)
        assert type(shared.get_submodule(f"norm{i}")) is experiments.images._SharedStatistic
    assert list(dict(shared.named_children())) == list(dict(batch.named_children()))


@pytest.mark.parametrize("experiment", [experiments.sample_size, experiments.shared_statistic])
def test_one_seed_gives_no_interval(digits, experiment):
    with pytest.raises(ValueError, match="seeds is 1"):
        experiment(digits, seeds=1)


def test_twenty_layers_measures_what_a_plain_loop_does(digits):
    found = experiments.twenty_layers(digits, "tanh", gains=(3.0,), norms=("none",), depth=7, seeds=2)["arms"][0]
    mean, sd = digits.x_train.mean(), digits.x_train.std()
    each = []
    for seed in range(2):
        weights = [p.detach() for p in nets.mlp("none", 100, 3.0, seed, 7, "tanh").parameters()]
        h, outputs, spread = torch.tensor((digits.x_train[:500] - mean) / sd).flatten(1), [], []
        for weight in weights[:-2:2]:
            z = h @ weight.T
            h = torch.tanh(z).requires_grad_()
            h.retain_grad()
            outputs.append(h)
            spread.append(z.std(0, correction=0).mean().item())
        logits = h @ weights[-2].T
        nn.CrossEntropyLoss()(logits, torch.tensor(digits.y_train[:500])).backward()
        gradient = [o.grad.norm().item() for o in outputs]
        saturated = [(o.abs() > 0.95**0.5).double().mean().item() for o in outputs]
        each.append((spread, saturated, [g / gradient[-1] for g in gradient]))
    for key, values in zip(("sd", "saturated", "gradient"), zip(*each, strict=True), strict=True):
        assert found[key]["lowest"] == pytest.approx(np.min(values, axis=0).tolist())
        average = np.exp(np.log(values).mean(0)) if key == "gradient" else np.mean(values, axis=0)
        assert found[key]["mean"] == pytest.approx(average.tolist())
    assert found["growth"] == pytest.approx(found["gradient"]["mean"][4] / found["gradient"]["mean"][5])


def test_batch_norm_makes_every_gain_the_same_and_relu_gradients_grow_by_a_fifth(digits):
    arms = experiments.twenty_layers(digits, "relu", gains=(0.5, 2.0), norms=("batch",), seeds=1)["arms"]
    assert all(arm["sd"]["mean"] == pytest.approx(20 * [1], abs=1e-3) for arm in arms)
    assert arms[0]["gradient"]["mean"] == pytest.approx(arms[1]["gradient"]["mean"], rel=1e-2)
    assert 1.15 < arms[0]["growth"] < 1.25  # sqrt(pi / (pi - 1)) = 1.2112 in the limit (Yang et al. 2019)


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


# --- many runs at once -----------------------------------------------------------------------------------------------

GRID = [
    experiments.Setting(net="mlp", norm=norm, width=8, lr=lr, steps=12, every=6, seed=seed)
    for norm in ("none", "batch")
    for lr in (0.05, 0.5)
    for seed in range(3)
]


def test_a_grid_is_the_same_as_its_runs_one_by_one_and_in_the_same_order(digits):
    together = experiments.run_all(GRID, digits)
    assert [experiments.Setting(**run["setting"]) for run in together] == GRID
    for setting, run in zip(GRID, together, strict=True):
        alone = experiments.run(setting, digits)
        assert run["train_loss"] == pytest.approx(alone["train_loss"], rel=0, abs=1e-9)
        assert {**run, "train_loss": 0} == {**alone, "train_loss": 0}
    assert experiments.run_all(GRID, digits, together=2)[5]["test_accuracy"] == together[5]["test_accuracy"]


def test_an_interrupted_grid_keeps_what_is_finished_and_goes_on(digits, tmp_path):
    calls, whole = [], experiments.run_all(GRID, digits, watch=_loss_and_step, together=4)

    def interrupted(moment):
        calls.append(moment.step)
        if len(calls) > 20:
            raise KeyboardInterrupt
        return _loss_and_step(moment)

    interrupted.__module__, interrupted.__qualname__ = _loss_and_step.__module__, _loss_and_step.__qualname__
    keep = tmp_path / "grid.part"
    with pytest.raises(KeyboardInterrupt):
        experiments.run_all(GRID, digits, watch=interrupted, keep=keep, together=4)
    assert len(keep.read_text().split()) and len(calls) == 21
    keep.write_text(keep.read_text() + '{"key": "cut o')  # killed while writing
    again = []

    def counted(moment):
        again.append(moment.step)
        return _loss_and_step(moment)

    counted.__module__, counted.__qualname__ = _loss_and_step.__module__, _loss_and_step.__qualname__
    assert experiments.run_all(GRID, digits, watch=counted, keep=keep, together=4) == whole
    assert len(again) == 3 * 13, "four groups of at most 4 (6 nets of each norm), one of them was finished"
    assert experiments.run_all(GRID, digits, watch=interrupted, keep=keep, together=4) == whole, "nothing is left to do"


def test_kept_runs_of_other_data_or_another_device_are_not_taken(digits, tmp_path):
    keep = tmp_path / "grid.part"
    experiments.run_all(GRID[:2], digits, keep=keep)
    other = digits._replace(x_train=digits.x_train[::-1].copy())
    assert experiments.run_all(GRID[:2], other, keep=keep) == experiments.run_all(GRID[:2], other)


def _loss_and_step(moment):
    weight = moment.net.linear1.weight.detach()
    return {"first": weight.flatten(1)[:, :2], "at": torch.full((len(moment.settings),), moment.step)}


def test_on_the_sphere_every_hidden_unit_keeps_the_length_of_its_weights(digits):
    lengths = []

    def watch(moment):
        weight = moment.net.linear2.weight.detach()
        lengths.append((weight.norm(dim=2), moment.net.linear.weight.detach().norm(dim=2)))

    setting = experiments.Setting(net="mlp", width=8, hidden_lr=30.0, lr=0.1, steps=5, sphere=True)
    experiments.run_all([setting, replace(setting, seed=1)], digits, watch=watch)
    torch.testing.assert_close(lengths[0][0], lengths[-1][0], rtol=1e-12, atol=0)
    assert not torch.allclose(lengths[0][1], lengths[-1][1]), "the last layer is free"


def test_only_scales_and_shifts_are_trained_if_asked(digits):
    first = []

    def watch(moment):
        first.append({name: value.detach().clone() for name, value in moment.net.named_parameters()})

    experiments.run_all([experiments.Setting(trainable="norm", steps=2)], digits, watch=watch)
    changed = {name for name, value in first[0].items() if not torch.equal(value, first[-1][name])}
    assert changed == {f"norm{i}.{part}" for i in (1, 2, 3) for part in ("weight", "bias")}


def test_a_standardized_start_is_built_from_the_training_images(digits):
    net = experiments.build(experiments.Setting(net="mlp", norm="none", standardized=True, init="torch"), digits)
    z = net[:2](experiments.engine.tensors(digits, "cpu")[0][:500])
    torch.testing.assert_close(z.mean(0), torch.zeros(8, dtype=torch.float64), rtol=0, atol=1e-12)
    torch.testing.assert_close(z.var(0, correction=0), torch.ones(8, dtype=torch.float64))


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"net": "transformer"}, "must be one of 'cnn', 'mlp', 'residual'"),
        ({"trainable": "some"}, "trainable is 'some'"),
    ],
)
def test_a_setting_that_no_net_has_is_refused(digits, wrong, message):
    with pytest.raises(ValueError, match=message):
        experiments.run(experiments.Setting(**wrong), digits)


def test_evidence_that_is_not_stored_is_named():
    with pytest.raises(ValueError, match="no evidence is stored for 'nothing'; stored: "):
        experiments.evidence("nothing")


def test_float32_gives_the_same_verdicts(digits):
    single, double = (experiments.run_all(GRID, digits, dtype=dtype) for dtype in (torch.float32, torch.float64))
    assert [run["diverged"] for run in single] == [run["diverged"] for run in double]
    np.testing.assert_allclose([r["train_loss"] for r in single], [r["train_loss"] for r in double], rtol=1e-2)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_grid_gives_the_same_on_a_gpu(digits):
    on_gpu, on_cpu = (experiments.run_all(GRID, digits, device) for device in ("cuda", "cpu"))
    for there, here in zip(on_gpu, on_cpu, strict=True):
        assert there["train_loss"] == pytest.approx(here["train_loss"], rel=1e-7)
