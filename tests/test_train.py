import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, log_loss
from torch import nn

from bnbook import train

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


def test_evaluate_changes_neither_statistics_nor_modes():
    x, y = _examples(20)
    net = _net().train()
    net[1].eval()  # frozen on purpose
    before = net[1].running_mean.clone()
    train.evaluate(net, x, y)
    assert torch.equal(net[1].running_mean, before)
    assert [module.training for module in net] == [True, False, True, True]


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
