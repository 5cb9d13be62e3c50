"""Right answers of another form are accepted, and what a wrong one is told."""

import inspect

import numpy as np
import pytest
import torch

from bnbook.chapters.n15_devices import checks
from bnbook.norm_numpy import merge


def one_after_the_other(counts, means, squares):
    n, mean, M2 = 0.0, np.zeros(means.shape[1]), np.zeros(means.shape[1])
    for each in zip(counts.numpy(), means.numpy(), squares.numpy(), strict=True):
        n, mean, M2 = merge(n, mean, M2, *each) if each[0] else (n, mean, M2)
    return n, mean, M2 / max(n, 1)


def in_two_exchanges(dy, x, gamma, mean, var, n, all_reduce, eps=1e-5):
    axes, column = (0, *range(2, x.ndim)), (-1, *[1] * (x.ndim - 2))
    std = torch.sqrt(var + eps).reshape(column)
    x_hat, dx_hat = (x - mean.reshape(column)) / std, dy * gamma.reshape(column)
    one, other = dx_hat.sum(axes), (dx_hat * x_hat).sum(axes)
    all_reduce(one)
    all_reduce(other)
    dx = (dx_hat - one.reshape(column) / n - x_hat * other.reshape(column) / n) / std
    return dx, (dy * x_hat).sum(axes), dy.sum(axes)


def in_lists(means, broadcast, restart=None, momentum=0.1):
    numbers = [np.zeros_like(means[0][0]) for _ in means[0]]
    for step, row in enumerate(means):
        start = [numbers[0]] * len(numbers) if broadcast or step == restart else numbers
        numbers = [old + momentum * (new - old) for old, new in zip(start, row, strict=True)]
    return np.array(numbers)


def in_whole_numbers(shape, ranks, itemsize=4):
    numbers = 1
    for length in shape:
        numbers *= length
    return 8 * (ranks - 1) * (1 + 2 * shape[1] + 4 * shape[1] / ranks), 2 * itemsize * numbers * (ranks - 1)


@pytest.mark.parametrize(
    "exercise, answer",
    [
        (checks.merge_statistics, one_after_the_other),
        (checks.sync_backward, in_two_exchanges),
        (checks.running_on_ranks, in_lists),
        (checks.bytes_exchanged, in_whole_numbers),
    ],
)
def test_another_way_to_write_it_is_right(exercise, answer):
    verdict = exercise.judge(answer)
    assert verdict.kind == "agrees", verdict.message


@pytest.mark.parametrize("exercise", checks.EXERCISES, ids=lambda exercise: exercise.name)
def test_the_last_hint_runs_as_printed(exercise):
    code = exercise.hints[-1].removeprefix("in code:\n")
    space = {"np": np, "torch": torch}
    exec(f"def yours({', '.join(names_of(exercise))}):\n{code}", space)
    assert exercise.judge(space["yours"]).kind == "agrees"


def names_of(exercise):
    return [str(parameter) for parameter in inspect.signature(exercise.finished).parameters.values()]


def test_a_rank_that_leaves_early_is_told_before_anything_else():
    def leaves(dy, x, gamma, mean, var, n, all_reduce, eps=1e-5):
        if len(x) == 0:
            return dy, gamma * 0, gamma * 0
        return in_two_exchanges(dy, x, gamma, mean, var, n, all_reduce, eps)

    verdict = checks.sync_backward.judge(leaves)
    assert "ranks_waiting is 2, expected 0" in verdict.message and "3, 0 and 2 images" in verdict.message
    assert verdict.slip.__name__ == "sync_backward_leaves_when_empty"


def test_what_all_reduce_returns_is_nothing(capsys):
    def uses_it(dy, x, gamma, mean, var, n, all_reduce, eps=1e-5):
        return in_two_exchanges(dy, x, gamma, mean, var, n, lambda v: v / all_reduce(v), eps)

    with pytest.raises(TypeError):
        checks.sync_backward(uses_it)
    assert "your code raised TypeError" in capsys.readouterr().out


def test_two_outputs_in_place_of_three_are_described():
    with pytest.raises(TypeError, match="^a rank returned 2 outputs, expected 3 outputs, dx, dgamma, dbeta$"):
        checks.sync_backward(lambda dy, x, *rest: (dy, x))
