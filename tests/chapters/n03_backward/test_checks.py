"""The checks of notebook 03 accept every right backward pass, and refuse the wrong ones that nobody listed."""

import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bnbook import norm_numpy
from bnbook.chapters.n03_backward import checks
from bnbook.chapters.n03_backward.functions import directional_check
from bnbook.norm_numpy import batch_axes

# --- right answers, written in other ways --------------------------------------------------------------------------


def columns(x, *vectors):
    return [np.asarray(v).reshape(-1, *[1] * (x.ndim - 2)) for v in vectors]


def in_stages(dy, x, gamma, mean, var, eps=1e-5):
    axes, m = batch_axes(x.ndim), x.size // x.shape[1]
    g, mu, v = columns(x, gamma, mean, var)
    deviation = x - mu
    inv_std = (v + eps) ** -0.5
    x_hat = deviation * inv_std
    dx_hat = g * dy
    dinv_std = (dx_hat * deviation).sum(axes, keepdims=True)
    dvar = -0.5 * (v + eps) ** -1.5 * dinv_std
    ddeviation = dx_hat * inv_std + 2 * deviation * dvar / m
    dmean = -ddeviation.sum(axes, keepdims=True)
    return ddeviation + dmean / m, (dy * x_hat).sum(axes), dy.sum(axes)


def without_the_path_that_is_zero(dy, x, gamma, mean, var, eps=1e-5):
    """As in the notebook: what goes through the mean inside the variance sums to 0 and may be left out."""
    axes, m = batch_axes(x.ndim), x.size // x.shape[1]
    g, mu, v = columns(x, gamma, mean, var)
    std = np.sqrt(v + eps)
    dx_hat = g * dy
    dvar = np.sum(dx_hat * (x - mu) * -0.5 / std**3, axis=axes, keepdims=True)
    dmean = np.sum(-dx_hat / std, axis=axes, keepdims=True)
    dx = dx_hat / std + dvar * 2 * (x - mu) / m + dmean / m
    return dx, np.sum(dy * (x - mu) / std, axis=axes), np.sum(dy, axis=axes)


def closed_form_with_sums(dy, x, gamma, mean, var, eps=1e-5):
    axes, m = batch_axes(x.ndim), x.size // x.shape[1]
    g, mu, v = columns(x, gamma, mean, var)
    x_hat = (x - mu) / np.sqrt(v + eps)
    dgamma, dbeta = (dy * x_hat).sum(axis=axes), dy.sum(axis=axes)
    sums = columns(x, dgamma, dbeta)
    return g / np.sqrt(v + eps) / m * (m * dy - sums[1] - x_hat * sums[0]), dgamma, dbeta


def by_rows_and_einsum(dy, x, gamma, mean, var, eps=1e-5):
    rows = np.moveaxis(x, 1, -1).reshape(-1, x.shape[1]).astype(np.float64)
    back = np.moveaxis(dy, 1, -1).reshape(-1, x.shape[1]).astype(np.float64)
    x_hat = (rows - mean) / np.sqrt(var + eps)
    dgamma = np.einsum("rc,rc->c", back, x_hat)
    dx = gamma / np.sqrt(var + eps) * (back - back.mean(0) - x_hat * dgamma / len(rows))
    shape = np.moveaxis(x, 1, -1).shape
    return np.moveaxis(dx.reshape(shape), -1, 1), dgamma, back.sum(0)


def as_a_list(*args):
    return list(norm_numpy.batch_norm_backward(*args))


def as_float32(*args):
    return tuple(np.float32(v) for v in norm_numpy.batch_norm_backward(*args))


def by_autograd(dy, x, gamma, mean, var, eps=1e-5):
    """Through the formula, whose variance is made from x, and corrected where another one was handed in."""
    x, dy, mean, var = (torch.tensor(np.asarray(v, np.float64)) for v in (x, dy, mean, var))
    gamma = torch.tensor(gamma, requires_grad=True)
    beta, x = torch.zeros_like(gamma, requires_grad=True), x.requires_grad_()
    axes, shape = batch_axes(x.ndim), (-1, *[1] * (x.ndim - 2))
    made = ((x - x.mean(axes, keepdim=True)) ** 2).mean(axes, keepdim=True)
    var = made + (var.reshape(shape) - made).detach()
    deviation = x - x.mean(axes, keepdim=True)
    y = gamma.reshape(shape) * deviation / torch.sqrt(var + eps) + beta.reshape(shape)
    return torch.autograd.grad(y, (x, gamma, beta), dy)


@pytest.mark.parametrize(
    "yours",
    [
        in_stages,
        without_the_path_that_is_zero,
        closed_form_with_sums,
        by_rows_and_einsum,
        as_a_list,
        as_float32,
        by_autograd,
    ],
)
def test_a_right_backward_pass_is_accepted_however_it_is_written(yours):
    verdict = checks.batch_norm_backward.judge(yours)
    assert verdict.kind == "agrees", verdict.message


def by_the_table(dx_hat, x_hat, var, axes, eps=1e-5):
    """The whole Jacobian, applied."""
    kept = [a for a in range(x_hat.ndim) if a not in axes]
    order = [*kept, *axes]
    m = int(np.prod([x_hat.shape[a] for a in axes]))
    rows, back = (np.transpose(v, order).reshape(-1, m) for v in (x_hat, dx_hat))
    tables = np.eye(m) - 1 / m - rows[:, :, None] * rows[:, None, :] / m
    dx = np.einsum("kij,ki->kj", tables, back).reshape([x_hat.shape[a] for a in order])
    return np.transpose(dx, np.argsort(order)) / np.sqrt(var + eps)


def by_removing_one_after_the_other(dx_hat, x_hat, var, axes, eps=1e-5):
    centred = dx_hat - np.average(dx_hat, axis=axes, keepdims=True)
    return (centred - x_hat * np.mean(centred * x_hat, axis=axes, keepdims=True)) * (var + eps) ** -0.5


@pytest.mark.parametrize("yours", [by_the_table, by_removing_one_after_the_other])
def test_a_right_normalize_backward_is_accepted_however_it_is_written(yours):
    verdict = checks.normalize_backward.judge(yours)
    assert verdict.kind == "agrees", verdict.message


def with_ravel_and_dot(f, backward, x, u, v, h=1e-5):
    up, down = np.ravel(f(x + h * v)), np.ravel(f(x - h * v))
    return float(np.ravel(u) @ (up - down) / (2 * h)), float(np.ravel(backward(u)) @ np.ravel(v))


def as_two_losses(f, backward, x, u, v, h=1e-5):
    loss = [(u * f(x + sign * h * v)).sum() for sign in (1, -1)]
    return [(loss[0] - loss[1]) / 2 / h, (v * backward(u)).sum()]


@pytest.mark.parametrize("yours", [with_ravel_and_dot, as_two_losses])
def test_a_right_directional_check_is_accepted_however_it_is_written(yours):
    verdict = checks.directional_check.judge(yours)
    assert verdict.kind == "agrees", verdict.message


# --- wrong answers and what is said of them -------------------------------------------------------------------------


def staged_with(dx_hat, x_hat, deviation, inv_std, v, eps, m, axes, **bent):
    """The stages of the graph, some of them in another way, with the number that each node got."""
    node = {"dinv_std": (bent.get("dinv_std_from", deviation) * bent.get("back", dx_hat)).sum(axes, keepdims=True)}
    half, power = bent.get("half", -0.5), bent.get("power", -1.5)
    node["dvar"] = half * (v + bent.get("eps_of_dvar", eps)) ** power * node["dinv_std"]
    node["ddeviation"] = (
        dx_hat * bent.get("to_deviation", inv_std) + 2 * bent.get("square", deviation) * node["dvar"] / m
    )
    node["dmean"] = -node["ddeviation"].sum(bent.get("sum_of_dmean", axes), keepdims=True)
    return node["ddeviation"] + node["dmean"] / m, node


def staged(**bend):
    """batch_norm_backward in stages; bend: name of a part: function of dy, x, x_hat and mean that makes another one."""

    def yours(dy, x, gamma, mean, var, eps=1e-5):
        axes, m = batch_axes(x.ndim), x.size // x.shape[1]
        g, mu, v = columns(x, gamma, mean, var)
        deviation, inv_std = x - mu, (v + eps) ** -0.5
        x_hat = deviation * inv_std
        bent = {name: how(dy, x, x_hat, mu) if callable(how) else how for name, how in bend.items()}
        dx, yours.node = staged_with(g * dy, x_hat, deviation, inv_std, v, eps, m, axes, **bent)
        return dx, (dy * x_hat).sum(axes), dy.sum(axes)

    return yours


@pytest.mark.parametrize(
    "bend, name, node, numbers",
    [
        ({"square": lambda dy, x, x_hat, mu: mu}, "without_the_var_path", None, ()),
        ({"dinv_std_from": lambda dy, x, x_hat, mu: x_hat}, "dinv_std_from_x_hat", "dinv_std", ("12", "3")),
        ({"square": lambda dy, x, x_hat, mu: x_hat}, "dinv_std_from_x_hat", None, ()),
        ({"half": 0.5}, "adding_the_x_hat_term", None, ()),
        ({"eps_of_dvar": 0.0}, "dvar_without_eps", "dvar", ("-0.09375", "-0.1145")),
        ({"to_deviation": 1.0}, "ddeviation_without_inv_std", "dmean", ("-1.5", "-6")),
        ({"to_deviation": 0.0}, "only_the_var_path", None, ()),
        ({"sum_of_dmean": lambda dy, x, x_hat, mu: ()}, "dmean_not_summed", None, ()),
        ({"dinv_std_from": lambda dy, x, x_hat, mu: x}, "dinv_std_from_x", "dinv_std", ("12", "42")),
        ({"back": lambda dy, x, x_hat, mu: dy}, "dinv_std_from_dy", "dinv_std", ("12", "6")),
        ({"power": 1.5}, "dvar_exponent_without_its_minus", "dvar", ("-0.09375", "-384")),
        ({"power": -0.5}, "dvar_exponent", "dvar", ("-0.09375", "-1.5")),
        ({"half": -1.0}, "no_half_in_dvar", "dvar", ("-0.09375", "-0.1875")),
    ],
)
def test_a_mistake_in_one_stage_is_named_with_the_number_of_its_node(bend, name, node, numbers):
    yours = staged(**bend)
    verdict = checks.batch_norm_backward.judge(yours)
    assert verdict.slip is not None and verdict.slip.__name__ == name, verdict.message
    if node:
        example = checks.batch_norm_backward.example()
        found = []
        for function in (staged(), yours):
            function(*example)
            found.append(f"{function.node[node].ravel()[0]:.4g}")
        assert tuple(found) == numbers
        assert all(re.search(rf"(?<![\d.]){number}(?![\d.]*\d)", verdict.message) for number in numbers)


def test_the_stages_unbent_are_accepted():
    verdict = checks.batch_norm_backward.judge(staged())
    assert verdict.kind == "agrees", verdict.message


def test_a_pass_that_ignores_the_variance_it_is_given_is_refused_and_a_mean_made_again_is_not():
    def again(dy, x, gamma, mean, var, eps=1e-5, *, keep_var):
        wide = np.asarray(x, np.float64)
        _, own_mean, own_var = norm_numpy.batch_norm(wide, gamma, None)
        return norm_numpy.batch_norm_backward(dy, wide, gamma, own_mean, var if keep_var else own_var, eps)

    verdict = checks.batch_norm_backward.judge(lambda *args: again(*args, keep_var=False))
    assert verdict.kind == "wrong" and "computing the variance from x once more" in " ".join(verdict.message.split())
    assert checks.batch_norm_backward.judge(lambda *args: again(*args, keep_var=True)).kind == "agrees"


def the_mean_of_each(dx_hat, x_hat, var, axes, eps=1e-5):
    one, other = dx_hat.mean(axes, keepdims=True), x_hat.mean(axes, keepdims=True)
    return (dx_hat - one - x_hat * one * other) / np.sqrt(var + eps)


def the_mean_of_x_hat(dx_hat, x_hat, var, axes, eps=1e-5):
    along = (dx_hat * x_hat).mean(axes, keepdims=True)
    return (dx_hat - x_hat.mean(axes, keepdims=True) - x_hat * along) / np.sqrt(var + eps)


@pytest.mark.parametrize(
    "yours, says",
    [
        (the_mean_of_each, "or in its place mean(dx_hat) * mean(x_hat), which is 0"),
        (the_mean_of_x_hat, "or something that is 0, such as mean(x_hat), in its place"),
    ],
)
def test_what_gives_the_same_numbers_is_named_as_well(yours, says):
    assert says in " ".join(checks.normalize_backward.judge(yours).message.split())


def test_a_slope_divided_by_2_and_multiplied_by_h_is_named():
    def yours(f, backward, x, u, v, h=1e-5):
        return np.sum(u * (f(x + h * v) - f(x - h * v))) / 2 * h, np.sum(backward(u) * v)

    verdict = checks.directional_check.judge(yours)
    assert verdict.slip.__name__ == "precedence" and "Python goes from the left" in verdict.message


# --- wrong answers that nobody listed ------------------------------------------------------------------------------


def bent(at_rank=None, **how):
    """The closed form with parts that can be bent, for all inputs or for those of one rank."""
    parts = dict(first=1.0, one=1.0, other=1.0, power=0.5, g=1.0, dgamma=1.0, dbeta=1.0)

    def yours(dy, x, gamma, mean, var, eps=1e-5):
        p = {**parts, **(how if at_rank in (None, x.ndim) else {})}
        axes = batch_axes(x.ndim)
        c, mu, v = columns(x, gamma, mean, var)
        x_hat = (x - mu) / np.sqrt(v + eps)
        means = [q.mean(axes, keepdims=True) for q in (dy, dy * x_hat)]
        dx = np.sign(c) * np.abs(c) ** p["g"] / (v + eps) ** p["power"]
        dx = dx * (p["first"] * dy - p["one"] * means[0] - p["other"] * x_hat * means[1])
        return dx, p["dgamma"] * (dy * x_hat).sum(axes), p["dbeta"] * dy.sum(axes)

    return yours


def test_the_unbent_formula_is_accepted():
    assert checks.batch_norm_backward.judge(bent()).kind == "agrees"


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    st.sampled_from(["first", "one", "other", "power", "g", "dgamma", "dbeta"]),
    st.one_of(st.floats(1e-3, 2), st.floats(-2, -1e-3)),
    st.sampled_from([None, 2, 3, 4, 5]),
)
def test_any_bent_part_is_refused_even_at_one_rank_only(part, by, rank):
    value = {"power": 0.5}.get(part, 1.0) + by
    assert checks.batch_norm_backward.judge(bent(rank, **{part: value})).kind == "wrong"


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.sets(st.integers(0, 4)), st.integers(2, 5))
def test_means_over_any_other_axes_are_refused(axes, at_rank):
    axes = tuple(a for a in sorted(axes) if a < at_rank)

    def yours(dy, x, gamma, mean, var, eps=1e-5):
        chosen = axes if x.ndim == at_rank else batch_axes(x.ndim)
        c, mu, v = columns(x, gamma, mean, var)
        x_hat = (x - mu) / np.sqrt(v + eps)
        dx = norm_numpy.normalize_backward(c * dy, x_hat, v, chosen, eps)
        return dx, (dy * x_hat).sum(batch_axes(x.ndim)), dy.sum(batch_axes(x.ndim))

    verdict = checks.batch_norm_backward.judge(yours)
    assert (verdict.kind == "agrees") == (axes == batch_axes(at_rank))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(0, 2), st.one_of(st.floats(1e-3, 10), st.floats(-2, -1e-3)), st.integers(2, 5), st.floats(0, 0.999))
def test_one_entry_of_one_gradient_off_by_a_thousandth_is_refused(output, by, rank, where):
    def yours(dy, x, *rest):
        outputs = norm_numpy.batch_norm_backward(dy, x, *rest)
        if x.ndim == rank:
            flat = outputs[output].reshape(-1)
            flat[int(where * flat.size)] *= 1 + by
        return outputs

    assert checks.batch_norm_backward.judge(yours).kind == "wrong"


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.sampled_from(["slope", "claim", "h", "u", "v"]), st.one_of(st.floats(1e-3, 2), st.floats(-0.9, -1e-3)))
def test_a_bent_directional_check_is_refused(part, by):
    def yours(f, backward, x, u, v, h=1e-5):
        bend = {part: 1 + by}
        slope, claim = directional_check(
            f, backward, x, u * bend.get("u", 1), v * bend.get("v", 1), h * bend.get("h", 1)
        )
        return slope * bend.get("slope", 1), claim * bend.get("claim", 1)

    assert checks.directional_check.judge(yours).kind == "wrong"


@pytest.mark.parametrize("argument", ["dy", "x", "gamma", "mean", "var"])
def test_writing_into_any_argument_is_noticed(argument):
    position = ("dy", "x", "gamma", "mean", "var").index(argument)

    def yours(*args):
        result = norm_numpy.batch_norm_backward(*args)
        args[position].reshape(-1)[0] += 1e-3
        return result

    verdict = checks.batch_norm_backward.judge(yours)
    assert verdict.kind == "wrong" and f"wrote into its argument {argument}" in verdict.message


# --- the finished check --------------------------------------------------------------------------------------------


def test_the_two_numbers_agree_with_the_whole_table_of_slopes():
    random = np.random.default_rng(0)
    weight, x, v = random.normal(size=(3, 4)), random.normal(size=4), random.normal(size=4)
    u = random.normal(size=3)
    f = lambda x: np.tanh(weight @ x)  # noqa: E731
    backward = lambda u: weight.T @ (u * (1 - f(x) ** 2))  # noqa: E731
    table = torch.autograd.functional.jacobian(lambda z: torch.tanh(torch.tensor(weight) @ z), torch.tensor(x))
    slope, claim = directional_check(f, backward, x, u, v)
    assert claim == pytest.approx(u @ table.numpy() @ v, rel=1e-12)
    assert slope == pytest.approx(claim, rel=1e-8)
    wrong = directional_check(f, lambda u: weight.T @ u, x, u, v)
    assert wrong[0] == slope and abs(wrong[1] - slope) > 0.01


def test_a_number_is_told_without_a_shape():
    verdict = checks.directional_check.judge(lambda *args: (1.5, directional_check(*args)[1]))
    assert "slope is 1.5, expected " in verdict.message


def test_a_message_shows_functions_by_their_formula():
    verdict = checks.directional_check.judge(lambda *args: tuple(0.123 * v for v in directional_check(*args)))
    assert "f = x ** 3, backward = 3 x ** 2 * u, x = [1, 2]" in verdict.message and "0x" not in verdict.message


# --- what the notebook says about gradients ------------------------------------------------------------------------


class ForgetsTheVariance(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        s = (x.var(0, correction=0) + 0.1).rsqrt()
        ctx.save_for_backward(s)
        return (x - x.mean(0)) * s

    @staticmethod
    def backward(ctx, dy):
        (s,) = ctx.saved_tensors
        return s * (dy - dy.mean(0))


def test_gradcheck_finds_a_forgotten_variance_unless_a_sum_follows():
    x = torch.tensor(np.random.default_rng(0).normal(size=(6, 3)), requires_grad=True)
    layer = ForgetsTheVariance.apply
    assert not torch.autograd.gradcheck(layer, x, raise_exception=False)
    assert torch.autograd.gradcheck(lambda x: layer(x).sum(), x)


def test_an_example_outside_the_loss_has_a_gradient():
    dy, x = np.array([[1.0], [0.0], [2.0]]), np.array([[1.0], [4.0], [10.0]])
    _, mean, var = norm_numpy.batch_norm(x, None, None, 2.0)
    dx, _, _ = norm_numpy.batch_norm_backward(dy, x, np.array([2.0]), mean, var, 2.0)
    assert dy[1] == 0 and dx[1] == -0.4375
    t = torch.tensor(x, requires_grad=True)
    y = torch.nn.functional.batch_norm(t, None, None, torch.tensor([2.0]).double(), None, True, 0.1, 2.0)
    y[0].sum().backward()  # the first example's output alone
    assert (t.grad[1:] != 0).all()
