"""The checks of notebook 05 accept other ways to write the same, and refuse what is nearly right."""

import ast

import nbformat
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bnbook import course, norm_numpy
from bnbook.chapters.n05_images import checks, functions, slips
from bnbook.grading import compare

# --- right answers written in another way ----------------------------------------------------------------------------


def rows_in_a_loop(x):
    pixels = np.ndindex(x.shape[0], *x.shape[2:])
    return np.array([[x[(n, c, *place)] for c in range(x.shape[1])] for n, *place in pixels])


def rows_by_transpose(x):
    return np.transpose(x, (0, *range(2, x.ndim), 1)).reshape(-1, x.shape[1])


def rows_by_channel_then_turned(x):
    return x.swapaxes(0, 1).reshape(x.shape[1], -1).T


def rows_as_columns_stacked(x):
    return np.stack([x[:, c].ravel() for c in range(x.shape[1])], axis=1)


def rows_by_torch(x):
    return torch.tensor(np.ascontiguousarray(x)).movedim(1, -1).flatten(0, -2)


def rows_by_einsum(x):
    return np.einsum("nc...->n...c", x).reshape(x.size // x.shape[1], x.shape[1])


def rows_as_lists(x):
    return rows_by_transpose(x).tolist()


@pytest.mark.parametrize(
    "yours",
    [
        rows_in_a_loop,
        rows_by_transpose,
        rows_by_channel_then_turned,
        rows_as_columns_stacked,
        rows_by_torch,
        rows_by_einsum,
        rows_as_lists,
    ],
)
def test_to_rows_is_accepted_however_it_is_written(yours):
    verdict = checks.to_rows.judge(yours)
    assert verdict.kind == "agrees", verdict.message


def back_in_a_loop(rows, shape):
    x = np.empty(shape)
    for row, (n, *place) in zip(rows, np.ndindex(shape[0], *shape[2:]), strict=True):
        for c, value in enumerate(row):
            x[(n, c, *place)] = value
    return x


def back_by_transpose(rows, shape):
    x = rows.reshape((shape[0],) + shape[2:] + (shape[1],))
    return x.transpose(0, x.ndim - 1, *range(1, x.ndim - 1))


def back_by_channel(rows, shape):
    return np.stack([rows[:, c].reshape(shape[0], *shape[2:]) for c in range(shape[1])], axis=1)


def back_from_channels_first(rows, shape):
    return rows.T.reshape(shape[1], shape[0], *shape[2:]).swapaxes(0, 1)


def back_by_torch(rows, shape):
    return torch.tensor(np.ascontiguousarray(rows)).unflatten(0, (shape[0], *shape[2:])).movedim(-1, 1)


@pytest.mark.parametrize(
    "yours", [back_in_a_loop, back_by_transpose, back_by_channel, back_from_channels_first, back_by_torch]
)
def test_from_rows_is_accepted_however_it_is_written(yours):
    verdict = checks.from_rows.judge(yours)
    assert verdict.kind == "agrees", verdict.message


@pytest.mark.parametrize(
    "yours",
    [
        lambda bias, mean: mean - bias,
        lambda bias, mean: np.subtract(mean, bias),
        lambda bias, mean: -(bias - mean),
        lambda bias, mean: [float(m) - float(b) for b, m in zip(bias, mean, strict=True)],
        lambda bias, mean: torch.tensor(mean) - torch.tensor(bias),
    ],
)
def test_remove_bias_is_accepted_however_it_is_written(yours):
    verdict = checks.remove_bias.judge(yours)
    assert verdict.kind == "agrees", verdict.message


# --- wrong answers that nobody listed --------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(2, 5), st.randoms(use_true_random=False))
def test_any_other_order_of_the_axes_is_refused(ndim, random):
    order = list(range(ndim))
    random.shuffle(order)

    def there(x):
        if x.ndim != ndim:
            return functions.to_rows(x)
        return np.transpose(x, order).reshape(-1, x.shape[order[-1]])

    right = tuple(order) == (0, *range(2, ndim), 1)
    assert (checks.to_rows.judge(there).kind == "agrees") == right

    def back(rows, shape):
        if len(shape) != ndim:
            return functions.from_rows(rows, shape)
        return np.transpose(rows.reshape(shape[0], *shape[2:], shape[1]), order)

    assert (checks.from_rows.judge(back).kind == "agrees") == (tuple(order) == (0, ndim - 1, *range(1, ndim - 1)))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(2, 5), st.integers(0, 10_000), st.integers(0, 10_000))
def test_two_entries_exchanged_at_one_rank_are_refused(ndim, first, second):
    def exchange(array):
        flat = np.array(array).reshape(-1)
        i, j = first % flat.size, second % flat.size
        flat[[i, j]] = flat[[j, i]]
        return flat.reshape(np.shape(array)), i != j

    def there(x):
        rows = functions.to_rows(x)
        return exchange(rows)[0] if x.ndim == ndim else rows

    def back(rows, shape):
        x = functions.from_rows(rows, shape)
        return exchange(x)[0] if len(shape) == ndim else x

    sizes = [np.prod(shape) for shape in checks.SHAPES.values() if len(shape) == ndim]
    differs = any(first % size != second % size for size in sizes)
    assert (checks.to_rows.judge(there).kind == "wrong") == differs
    assert (checks.from_rows.judge(back).kind == "wrong") == differs


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.floats(-2, 2), st.floats(-2, 2), st.floats(-1, 1))
def test_any_other_combination_of_bias_and_mean_is_refused(of_mean, of_bias, constant):
    far = max(abs(of_mean - 1), abs(of_bias + 1), abs(constant))
    verdict = checks.remove_bias.judge(lambda bias, mean: of_mean * mean + of_bias * bias + constant)
    if far > 1e-3:
        assert verdict.kind == "wrong"
    elif far < 1e-12:
        assert verdict.kind == "agrees"


# --- the repair ------------------------------------------------------------------------------------------------------


def test_the_batch_norm_to_repair_is_wrong_in_one_line_and_named():
    nb = nbformat.read(course.ROOT / "notebooks" / "05_images.ipynb", as_version=4)
    (source,) = [c.source for c in nb.cells if c.cell_type == "code" and c.source.startswith("def batch_norm")]
    code = [line for line in source.splitlines() if "delete the last line" not in line]
    broken = "\n".join(line.replace("    # ", "    ") for line in code if "NotImplementedError" not in line)
    assert ast.parse(broken)

    def judge(text):
        space = {"np": np, "batch_axes": norm_numpy.batch_axes}
        exec(text, space)
        return checks.batch_norm.judge(space["batch_norm"])

    assert judge(broken).slip is slips.batch_norm.as_it_came
    wrong = "x.var(0, keepdims=True).mean(axes, keepdims=True)"
    for repaired in ("x.var(axes, keepdims=True)", "((x - mean) ** 2).mean(axes, keepdims=True)"):
        assert wrong in broken and judge(broken.replace(wrong, repaired)).kind == "agrees"


def with_the_line(var):
    """The `batch_norm` to repair with another line for var, as a learner types it."""
    code = f"""def batch_norm(x, gamma, beta, eps=1e-5):
    axes, column = batch_axes(x.ndim), (1, -1, *[1] * (x.ndim - 2))
    mean = x.mean(axes, keepdims=True)
    var = {var}
    x_hat = (x - mean) / np.sqrt(var + eps)
    y = gamma.reshape(column) * x_hat + beta.reshape(column)
    return y, mean.ravel(), var.ravel()"""
    space = {"np": np, "batch_axes": norm_numpy.batch_axes}
    exec(code, space)
    return space["batch_norm"]


@pytest.mark.parametrize(
    "var, name",
    [
        ("x.var(0, keepdims=True)", "a_variance_for_each_position"),
        ("x.var(0)", "a_variance_for_each_position"),
        ("x.var(axes)", "without_keepdims"),
        ("((x - mean) ** 2).mean(axes)", "without_keepdims"),
        ("x.var()", "one_number_for_all_channels"),
        ("((x - mean) ** 2).mean()", "one_number_around_each_mean"),
        ("((x - mean) ** 2).mean(0, keepdims=True)", "averaging_the_squares_of_the_images"),
        ("(x - mean) ** 2", "squares_not_averaged"),
        ("x.var(1, keepdims=True)", "over_the_channels"),
        ("x.var((0, 2, 3), keepdims=True)", "axes_of_images_alone"),
        ("x.var((2, 3), keepdims=True)", "positions_of_images_alone"),
        ("(x**2).mean(axes, keepdims=True) - mean**2", "in_one_pass"),
        ("x.var(axes, keepdims=True, ddof=1)", "divided_by_m_minus_1"),
    ],
)
def test_what_is_likely_to_be_typed_for_the_variance_is_named(var, name):
    verdict = checks.batch_norm.judge(with_the_line(var))
    assert verdict.slip is getattr(slips.batch_norm, name), verdict.message


def test_the_small_example_of_the_repair_shows_every_mistake_that_has_an_answer_there():
    shows, right = compare.full, checks.batch_norm._on_example(norm_numpy.batch_norm, compare.full)
    assert right["var"] == "[29, 9]" and right["y"] == "[[[-0.6667, 0.6667], [0, 8]], [[0, 4], [6, 6]]]"
    for slip in checks.batch_norm.slips():
        found = checks.batch_norm._on_example(slip, shows)
        if slip not in (slips.batch_norm.in_one_pass, slips.batch_norm.axes_of_images_alone):  # float32 and images
            assert found is None or found != right, slip.__name__


def reassigned(x):
    x = np.moveaxis(x, 1, -1)
    return x.reshape(-1, x.shape[1])


@pytest.mark.parametrize(
    "yours, name",
    [
        (lambda x: np.moveaxis(x, 1, -1), "the_move_alone"),
        (reassigned, "the_new_axis_1_for_c"),
        (lambda x: np.moveaxis(x, 1, -1).reshape(x.shape[1], -1), "a_table_on_its_side"),
        (lambda x: np.transpose(x, (0, 2, 3, 1)).reshape(-1, x.shape[1]), "transposing_images_alone"),
    ],
)
def test_what_is_likely_to_be_typed_for_the_table_is_named(yours, name):
    verdict = checks.to_rows.judge(yours)
    assert verdict.slip is getattr(slips.to_rows, name), verdict.message


def test_sizes_that_images_alone_have_are_pointed_out():
    def yours(rows, shape):
        return np.transpose(rows.reshape(shape[0], shape[2], shape[3], shape[1]), (0, 3, 1, 2))

    assert checks.from_rows.judge(yours).slip is slips.from_rows.sizes_of_images_alone
