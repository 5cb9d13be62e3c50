import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, log_loss
from torch import nn

from bnbook import data, nets, train

torch.set_num_threads(1)


def test_fit_is_pytorchs_sgd_step_by_step():
    x, y = _examples(40)
    ours, hand = _net(), _net()
    losses = train.fit(ours, x, y, lr=0.3, batch_size=8, steps=12, seed=5)

    optimizer, criterion = torch.optim.SGD(hand.parameters(), lr=0.3), nn.CrossEntropyLoss()
    rng, expected = np.random.default_rng(5), []
    for _ in range(3):  # five batches of eight are one pass over 40 examples
        shuffled = rng.permutation(40)
        for first in range(0, 40, 8):
            batch = shuffled[first : first + 8]
            loss = criterion(hand(torch.tensor(x[batch])), torch.tensor(y[batch]))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            expected.append(loss.item())
            if len(expected) == 12:
                break

    np.testing.assert_allclose(losses, expected, rtol=1e-12)
    for name, value in ours.state_dict().items():
        torch.testing.assert_close(value, hand.state_dict()[name], rtol=1e-12, atol=1e-12)


@given(st.integers(1, 30), st.data(), st.integers(0, 40), st.integers(0, 2**32 - 1))
def test_a_pass_over_the_data_shows_no_example_twice(n, draw, steps, seed):
    batch_size = draw.draw(st.integers(1, n))
    order = train.batch_order(n, batch_size, steps, seed)
    assert order.shape == (steps, batch_size)
    per_epoch = n // batch_size
    for first in range(0, steps, per_epoch):
        epoch = order[first : first + per_epoch].ravel()
        assert len(set(epoch.tolist())) == epoch.size
        assert set(epoch.tolist()) <= set(range(n))


def test_more_steps_begin_with_the_same_batches():
    assert np.array_equal(train.batch_order(50, 7, 30, seed=2)[:11], train.batch_order(50, 7, 11, seed=2))
    assert not np.array_equal(train.batch_order(50, 7, 5, seed=2), train.batch_order(50, 7, 5, seed=3))


def test_watch_sees_the_start_and_every_step_and_may_switch_modes():
    x, y = _examples(20)
    watched, alone, seen = _net(), _net(), []

    def watch(net, step):
        net.eval()
        seen.append((step, net[0].weight.detach().clone()))

    losses = train.fit(watched, x, y, lr=0.1, batch_size=5, steps=4, watch=watch)
    assert [step for step, _ in seen] == [0, 1, 2, 3, 4]
    assert torch.equal(seen[0][1], _net()[0].weight)
    assert torch.equal(seen[-1][1], watched[0].weight)
    assert np.array_equal(losses, train.fit(alone, x, y, lr=0.1, batch_size=5, steps=4))
    assert watched.training


def test_no_steps_change_nothing():
    x, y = _examples(20)
    net = _net()
    assert train.fit(net, x, y, lr=0.1, batch_size=5, steps=0).shape == (0,)
    assert all(torch.equal(a, b) for a, b in zip(net.parameters(), _net().parameters(), strict=True))


@pytest.mark.parametrize("norm", [True, False])
def test_a_run_that_blows_up_goes_on_silently_and_is_called_diverged(norm):  # warnings are errors in this suite
    x, y = _examples(40)
    net = _net(norm)
    losses = train.fit(net, 1e3 * x, y, lr=1e6, batch_size=8, steps=30)
    assert losses.shape == (30,)
    assert train.diverged(train.evaluate(net, x, y)[0], classes=3)


def test_evaluate_agrees_with_scikit_learn_in_evaluation_mode():
    x, y = _examples(53)
    net = _net()
    train.fit(net, x, y, lr=0.3, batch_size=8, steps=10)
    loss, accuracy = train.evaluate(net, x, y)
    net.eval()
    probability = net(torch.tensor(x)).softmax(1).detach().numpy()
    assert loss == pytest.approx(log_loss(y, probability), rel=1e-12)
    assert accuracy == accuracy_score(y, probability.argmax(1))
    assert train.evaluate(net, x, y, batch_size=7) == pytest.approx((loss, accuracy), rel=1e-12)


@pytest.mark.parametrize("evaluate", [train.evaluate, train.evaluate_all])
@pytest.mark.parametrize("mode", ["training", "evaluation", "a part frozen"])
@pytest.mark.parametrize("fails", [False, True])
def test_evaluate_changes_neither_statistics_nor_modes(evaluate, mode, fails):
    (x, y), net = _examples(20), _net()
    if evaluate is train.evaluate_all:
        net = nets.Stack([nets.mlp(shape=(1, 2, 2), depth=1, width=6, classes=3, seed=seed) for seed in (0, 1)])
        x = x.reshape(20, 1, 2, 2)
    net.train(mode != "evaluation")
    norm = next(module for module in net.modules() if hasattr(module, "running_mean"))
    norm.train(mode == "training")
    modes, before = [module.training for module in net.modules()], norm.running_mean.clone()
    if fails:
        with pytest.raises(RuntimeError):
            evaluate(net, x[..., 1:], y)
    else:
        evaluate(net, x, y)
    assert torch.equal(norm.running_mean, before)
    assert [module.training for module in net.modules()] == modes


def test_diverged_means_not_finite_or_above_half_the_loss_of_guessing():
    assert not train.diverged(0.0)
    assert not train.diverged(1.15)  # ln(10) / 2 = 1.1513
    assert all(train.diverged(loss) for loss in (1.16, math.log(10), math.inf, math.nan))
    assert train.diverged(0.6, classes=3)  # ln(3) / 2 = 0.549


def test_arrays_of_another_type_are_taken_as_they_come():
    x, y = _examples(20)
    as_tensors, as_floats = _net(), _net()
    expected = train.fit(as_tensors, torch.tensor(x.astype(np.float32)), torch.tensor(y), 0.1, 5, 3)
    assert np.array_equal(train.fit(as_floats, x.astype(np.float32), y, 0.1, 5, 3), expected)


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"lr": 0}, "lr is 0; it must be positive"),
        ({"lr": math.nan}, "lr is nan"),
        ({"batch_size": 21}, "batch_size is 21; with 20 training examples it must be between 1 and 20"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"steps": -1}, "steps is -1"),
        ({"y": np.zeros(3, int)}, "x has 20 examples and y 3 labels"),
        ({"x": np.zeros((0, 4)), "y": np.zeros(0, int)}, "x has 0 examples"),
    ],
)
def test_a_wrong_argument_is_refused(wrong, message):
    x, y = _examples(20)
    with pytest.raises(ValueError, match=message):
        train.fit(_net(), **{"x": x, "y": y, "lr": 0.1, "batch_size": 5, "steps": 2, **wrong})


def _examples(n):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, n)
    return rng.normal(size=(n, 4)) + y[:, None], y


def _net(norm=True):
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(4, 6), nn.BatchNorm1d(6) if norm else nn.Identity(), nn.ReLU(), nn.Linear(6, 3)
    ).double()


# --- many nets at once -----------------------------------------------------------------------------------------------


def _descend(net, x, y, lr, batch_size=16, steps=25, seeds=0, watch=None, shown=None, **how):
    """Prepare and train: shown goes to `batches`, how to `Descent`."""
    made = train.batches(net, x, y, batch_size, steps, seeds, **shown or {})
    return train.descend(net, made, train.Descent(lr, **how), watch)


def _one_by_one(make, x, y, rates, seeds, steps=25, clip=None, hidden_rates=None, **sgd):
    """The same trainings in plain PyTorch: losses (steps, P), nets."""
    found, trained = [], []
    for i, (lr, seed) in enumerate(zip(rates, seeds, strict=True)):
        net, losses = make(i), []
        hidden = [p for name, p in net.named_parameters() if p.dim() >= 2 and name != "linear.weight"]
        others = [p for name, p in net.named_parameters() if not (p.dim() >= 2 and name != "linear.weight")]
        groups = [{"params": hidden, "lr": hidden_rates[i] if hidden_rates else lr}, {"params": others, "lr": lr}]
        optimizer = torch.optim.SGD(groups, **sgd)
        for batch in train.batch_order(len(x), 16, steps, seed):
            loss = nn.functional.cross_entropy(net(torch.tensor(x[batch])), torch.tensor(y[batch]))
            optimizer.zero_grad()
            loss.backward()
            if clip:
                torch.nn.utils.clip_grad_norm_(net.parameters(), clip)
            optimizer.step()
            losses.append(loss.item())
        found.append(losses)
        trained.append(net)
    return np.array(found).T, trained


OPTIONS = {
    "plain": {},
    "momentum": {"momentum": 0.9},
    "weight decay": {"weight_decay": 0.02},
    "momentum and weight decay": {"momentum": 0.5, "weight_decay": 0.02},
    "clip": {"clip": 0.5},
}


@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_many_at_once_are_the_same_as_one_by_one_in_plain_pytorch(norm, options):
    x, y = _digits()
    rates, seeds = [0.01, 0.1, 0.3, 1.0], [0, 1, 0, 2]

    def make(i):
        return nets.mlp(norm, 16, seed=i, depth=3)

    stack = nets.Stack([make(i) for i in range(4)])
    losses = _descend(stack, x, y, rates, seeds=seeds, **options)
    expected, trained = _one_by_one(make, x, y, rates, seeds, **options)
    np.testing.assert_allclose(losses, expected, rtol=0, atol=1e-9)
    for i, net in enumerate(trained):
        for name, value in net.state_dict().items():
            torch.testing.assert_close(stack.state_dict()[name][i], value, rtol=1e-8, atol=1e-9)
    evaluated = [train.evaluate(net, x, y) for net in trained]
    np.testing.assert_allclose(np.transpose(train.evaluate_all(stack, x, y)), evaluated, rtol=1e-8)


def test_convolutions_and_a_rate_of_their_own_for_some_parameters():
    x, y = _digits()
    rates, hidden_rates, seeds = [0.1, 0.2], [0.5, 0.01], [3, 4]

    def make(i):
        return nets.cnn("batch", 3, seed=i)

    stack = nets.Stack([make(i) for i in range(2)])
    hidden = {"conv1.weight", "conv2.weight", "conv3.weight"}
    losses = train.fit_all(stack, x, y, lambda name: hidden_rates if name in hidden else rates, 16, 10, seeds)
    expected, _ = _one_by_one(make, x, y, rates, seeds, 10, hidden_rates=hidden_rates)
    np.testing.assert_allclose(losses, expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("norm", ["none", "batch"])
def test_a_net_that_diverges_disturbs_no_other_and_says_nothing(norm, capsys):  # warnings are errors in this suite
    x, y = _digits()
    seeds = [0, 1, 2]
    alone = nets.Stack([nets.mlp(norm, 16, seed=i) for i in (0, 2)])
    expected = train.fit_all(alone, x, y, [0.1, 0.3], 16, 25, [0, 2])
    beside = nets.Stack([nets.mlp(norm, 16, seed=i) for i in seeds])
    losses = train.fit_all(beside, x, y, [0.1, 1e200, 0.3], 16, 25, seeds)
    assert not np.isfinite(losses[-1, 1])
    np.testing.assert_allclose(losses[:, [0, 2]], expected, rtol=0, atol=1e-9)
    verdicts = [train.diverged(loss) for loss in train.evaluate_all(beside, x, y)[0]]
    assert verdicts[1] and capsys.readouterr() == ("", "")


def test_a_grid_gets_the_same_verdicts_as_one_by_one_up_to_rates_that_diverge():
    x, y = _digits()
    rates = [0.001, 0.03, 0.3, 3.0, 30.0, 1e3, 1e6]
    for norm in ("none", "batch"):
        stack = nets.Stack([nets.mlp(norm, 16, seed=1) for _ in rates])
        train.fit_all(stack, x, y, rates, 16, 60, 1)
        _, trained = _one_by_one(lambda i: nets.mlp(norm, 16, seed=1), x, y, rates, [1] * 7, 60)  # noqa: B023
        ours = [train.diverged(loss) for loss in train.evaluate_all(stack, x, y)[0]]
        assert ours == [train.diverged(train.evaluate(net, x, y)[0]) for net in trained]
        assert {True, False} <= set(ours)


def test_replaced_labels_are_as_many_as_asked_for_and_new_each_time():
    x, y = _digits()
    seen = []
    net = nets.Stack([nets.mlp("none", 4, seed=i) for i in range(2)])
    _descend(net, x, y, 0.01, 100, 40, 5, lambda net, step, x, y: seen.append(y), {"label_noise": 0.3})
    labels = torch.stack(seen[:-1], 1).numpy()
    clean = y[train.batch_order(len(y), 100, 40, 5)]
    wrong = labels[0] != clean
    assert abs(wrong.mean() - 0.3 * 0.9) < 0.02, "a random label is the right one in one case of ten"
    assert np.array_equal(labels[0], labels[1]) and len({tuple(row) for row in wrong}) == 40


def test_the_batches_may_be_given():
    x, y = _digits()
    rng, seen = np.random.default_rng(3), []
    order = rng.integers(200, size=(2, 3, 8))
    stack = nets.Stack([nets.mlp(width=4, seed=i) for i in range(2)])
    losses = _descend(stack, x, y, 0.1, 8, 3, watch=lambda net, step, x, y: seen.append((x, y)), shown={"order": order})
    assert seen.pop() == (None, None)
    for step, (images, labels) in enumerate(seen):
        np.testing.assert_array_equal(images, x[order[:, step]])
        np.testing.assert_array_equal(labels, y[order[:, step]])
    assert losses.shape == (3, 2)


def test_a_backward_of_watchs_own_and_old_gradients_move_nothing_and_no_hook_is_left():
    x, y = _digits()

    def trained(watch=None):
        net = nets.Stack([nets.mlp("batch", 4, seed=i) for i in range(2)])
        for parameter in net.parameters():
            parameter.grad = torch.ones_like(parameter)
        return net, train.fit_all(net, x, y, 0.1, 16, 5, watch=watch)

    def watch(net, step, x, y):
        if x is not None:
            net.eval()  # so that the running statistics stay as they are
            train.per_member_loss(net(x), y).sum().backward()

    (net, losses), (_, undisturbed) = trained(watch), trained()
    assert np.array_equal(losses, undisturbed)

    def stop(net, step, x, y):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train.fit_all(net, x, y, 0.1, 16, 5, watch=stop)
    before = [parameter.detach().clone() for parameter in net.parameters()]
    train.per_member_loss(net(torch.tensor(x).expand(2, *x.shape)), torch.tensor(y)).sum().backward()
    assert all(torch.equal(*pair) for pair in zip(net.parameters(), before, strict=True))
    assert not any(parameter._post_accumulate_grad_hooks for parameter in net.parameters())


def test_frozen_parameters_stay_and_after_step_may_change_the_others():
    x, y = _digits()
    net = nets.Stack([nets.mlp("batch", 4, seed=i) for i in range(2)])
    for name, parameter in net.named_parameters():
        parameter.requires_grad_("norm" in name)
    before = {name: value.clone() for name, value in net.named_parameters()}
    _descend(net, x, y, 0.1, steps=3, after_step=lambda net: net.norm2.bias.zero_())
    for name, parameter in net.named_parameters():
        changed = not torch.equal(parameter, before[name])
        assert changed == (name.startswith("norm") and name != "norm2.bias")


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"lr": [0.1, -1.0]}, "it must be one number for each of 2 nets, positive"),
        ({"lr": [0.1] * 3}, "one number for each of 2 nets"),
        ({"lr": math.nan}, "positive"),
        ({"weight_decay": -1}, "weight_decay is -1.0; it must be one number for each of 2 nets, 0 or more"),
        ({"shown": {"label_noise": 2}}, "label_noise is 2; it must be a share between 0 and 1"),
        ({"batch_size": 10_000}, "batch_size is 10000"),
        ({"shown": {"order": np.zeros((2, 3, 16), int)}}, r"order has shape \(2, 3, 16\), expected \(2, 2, 16\)"),
        ({"schedule": "linear"}, "schedule is 'linear'; it must be 'constant' or 'cosine'"),
    ],
)
def test_a_wrong_argument_for_many_is_refused(wrong, message):
    x, y = _digits()
    net = nets.Stack([nets.mlp("none", 4, seed=i) for i in range(2)])
    with pytest.raises(ValueError, match=message):
        _descend(net, x, y, **{"lr": 0.1, "steps": 2, **wrong})


def test_fit_all_is_batches_and_a_descent_without_more():
    x, y = _digits()
    trained = [nets.Stack([nets.mlp("batch", 4, seed=i) for i in range(2)]) for _ in range(2)]
    losses = train.fit_all(trained[0], x, y, [0.1, 0.2], 16, 5, [3, 4])
    assert np.array_equal(losses, _descend(trained[1], x, y, [0.1, 0.2], 16, 5, [3, 4]))
    assert all(torch.equal(*pair) for pair in zip(*(net.state_dict().values() for net in trained), strict=True))


def test_batches_may_serve_several_descents_and_are_not_changed():
    x, y = _digits()
    stacks = [nets.Stack([nets.mlp("none", 4, seed=i) for i in range(2)]) for _ in range(2)]
    shown = train.batches(stacks[0], x, y, 16, 5, [3, 4], label_noise=0.2)
    before = [part.clone() for part in shown[:4]]
    losses = [train.descend(stack, shown, train.Descent(0.1, momentum=0.9)) for stack in stacks]
    assert np.array_equal(*losses) and all(map(torch.equal, before, shown[:4]))


def test_with_a_pool_each_net_trains_on_its_own_images_as_if_it_had_no_others():
    x, y = _digits()
    pool = torch.stack([torch.arange(0, 60), torch.arange(80, 140)])
    stack = nets.Stack([nets.mlp("batch", 6, seed=i) for i in range(2)])
    losses = _descend(stack, x, y, 0.1, 16, 12, [3, 4], shown={"pool": pool})
    for i in range(2):
        alone = nets.mlp("batch", 6, seed=i)
        expected = train.fit(alone, x[pool[i]], y[pool[i]], 0.1, 16, 12, 3 + i)
        np.testing.assert_allclose(losses[:, i], expected, rtol=0, atol=1e-10)


def test_the_cosine_schedule_is_pytorchs():
    x, y = _digits()
    stack, net = nets.Stack([nets.mlp("none", 6)]), nets.mlp("none", 6)
    losses = _descend(stack, x, y, 0.2, 16, 10, momentum=0.9, schedule="cosine")
    optimizer = torch.optim.SGD(net.parameters(), lr=0.2, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10)
    for step, batch in enumerate(train.batch_order(len(y), 16, 10, 0)):
        loss = torch.nn.functional.cross_entropy(net(torch.tensor(x[batch])), torch.tensor(y[batch]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        assert losses[step, 0] == pytest.approx(loss.item(), abs=1e-10)


def test_with_the_whole_set_the_statistics_are_those_of_all_images_and_the_loss_is_the_batchs():
    x, y = (torch.tensor(part) for part in _digits())
    pool = torch.stack([torch.randperm(200, generator=torch.Generator().manual_seed(i))[:50] for i in range(2)])
    stack = nets.Stack([nets.mlp("batch", 6, seed=i) for i in range(2)])
    losses = _descend(stack, x, y, 0.1, 16, 5, [3, 4], shown={"pool": pool, "whole_set": True})
    for i in range(2):
        net = nets.mlp("batch", 6, seed=i)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        for step, batch in enumerate(train.batch_order(50, 16, 5, 3 + i)):
            loss = torch.nn.functional.cross_entropy(net(x[pool[i]])[batch], y[pool[i]][batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            assert losses[step, i] == pytest.approx(loss.item(), abs=1e-10)
        torch.testing.assert_close(stack.norm1.running_mean[i], net.norm1.running_mean, rtol=1e-9, atol=1e-10)


def _digits():
    digits = data.digits()
    return (digits.x_train[:200] - 0.3) / 0.38, digits.y_train[:200]
