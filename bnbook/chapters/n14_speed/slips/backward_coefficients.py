"""Wrong answers to the exercise `backward_coefficients`."""

import numpy as np

from bnbook.grading.exercise import slip_of

# --- backward_coefficients(gamma, mean, var, dgamma, dbeta, m, eps) -> a, b, c ----------------------------------------


def _three(gamma, var, dgamma, eps, m):
    inv_std = 1 / np.sqrt(var + eps)
    a = gamma * inv_std
    return inv_std, a, -a * inv_std * dgamma / m


@slip_of("backward_coefficients")
def one_inv_std_too_few(gamma, mean, var, dgamma, dbeta, m, eps=1e-5):
    """one 1 / std in b: there are two, the one in front of the bracket and the one in x_hat = (x - mean) / std. On the
    example std is 2, so b is twice too large, {b} in place of {right_b}."""
    inv_std, a, b = _three(gamma, var, dgamma, eps, m)
    b = b / inv_std
    return a, b, -a * dbeta / m - b * mean


@slip_of("backward_coefficients")
def one_inv_std_too_many(gamma, mean, var, dgamma, dbeta, m, eps=1e-5):
    """three 1 / std in b: a has one already, and x_hat brings one more, that makes 2. On the example std is 2, so b is
    half of what it should be, {b} in place of {right_b}."""
    inv_std, a, b = _three(gamma, var, dgamma, eps, m)
    b = b * inv_std
    return a, b, -a * dbeta / m - b * mean


@slip_of("backward_coefficients")
def a_plus_before_x(gamma, mean, var, dgamma, dbeta, m, eps=1e-5):
    """b with a plus: the part of dy along x_hat is taken away. On the example b is {b}, it should be {right_b}."""
    inv_std, a, b = _three(gamma, var, dgamma, eps, m)
    return a, -b, -a * dbeta / m + b * mean


@slip_of("backward_coefficients")
def leaving_the_mean_out(gamma, mean, var, dgamma, dbeta, m, eps=1e-5):
    """c without the mean: x_hat has x - mean in it, so - b * mean stays for c. On the example c is {c} and should be
    {right_c}; the sum of dx over the channel would not be 0."""
    inv_std, a, b = _three(gamma, var, dgamma, eps, m)
    return a, b, -a * dbeta / m


@slip_of("backward_coefficients")
def adding_b_times_mean(gamma, mean, var, dgamma, dbeta, m, eps=1e-5):
    """+ b * mean in c: b * (x - mean) is b * x *minus* b * mean. On the example c is {c}, expected {right_c}."""
    inv_std, a, b = _three(gamma, var, dgamma, eps, m)
    return a, b, -a * dbeta / m + b * mean


@slip_of("backward_coefficients")
def sums_in_place_of_means(gamma, mean, var, dgamma, dbeta, m, eps=1e-5):
    """dgamma and dbeta not divided by m: both are sums over the m values, and dx takes away their mean. On the example,
    m = 4, b is {b} in place of {right_b}."""
    inv_std, a, b = _three(gamma, var, dgamma, eps, 1)
    return a, b, -a * dbeta - b * mean


@slip_of("backward_coefficients")
def dividing_dgamma_only(gamma, mean, var, dgamma, dbeta, m, eps=1e-5):
    """dbeta not divided by m in c: b is right, but c is {c} on the example, where m = 4 and c should be {right_c}."""
    inv_std, a, b = _three(gamma, var, dgamma, eps, m)
    return a, b, -a * dbeta - b * mean


@slip_of("backward_coefficients")
def leaving_gamma_out_of_a(gamma, mean, var, dgamma, dbeta, m, eps=1e-5):
    """no gamma: y = gamma * x_hat + beta, so all of dx is multiplied by it, and with it a, b and c. On the example it
    is 3, and a is {a} in place of {right_a}."""
    inv_std, a, b = _three(np.ones_like(gamma), var, dgamma, eps, m)
    return a, b, -a * dbeta / m - b * mean


@slip_of("backward_coefficients")
def gamma_in_dgamma_once_more(gamma, mean, var, dgamma, dbeta, m, eps=1e-5):
    """gamma twice in b: dgamma = sum(dy * x_hat) has no gamma in it, and a has one already. On the example, gamma = 3,
    b is {b}, expected {right_b}."""
    inv_std, a, b = _three(gamma, var, dgamma, eps, m)
    b = b * gamma
    return a, b, -a * dbeta / m - b * mean


@slip_of("backward_coefficients")
def leaving_eps_out(gamma, mean, var, dgamma, dbeta, m, eps=1e-5):
    """1 / np.sqrt(var) without epsilon: forward divided by np.sqrt(var + eps), and so must backward. A channel whose
    variance is 0 gives 1 / 0; on the example a is {a}, expected {right_a}."""
    with np.errstate(divide="ignore", invalid="ignore"):
        inv_std, a, b = _three(gamma, var, dgamma, 0.0, m)
        return a, b, -a * dbeta / m - b * mean


@slip_of("backward_coefficients")
def a_fixed_eps_in_the_coefficients(gamma, mean, var, dgamma, dbeta, m, eps=1e-5):
    """writing 1e-5 where eps should stand: the argument is ignored, and backward must divide by what forward divided
    by. With 0.0625 the example's std is 2; with 1e-5 a is {a}, expected {right_a}."""
    inv_std, a, b = _three(gamma, var, dgamma, 1e-5, m)
    return a, b, -a * dbeta / m - b * mean


@slip_of("backward_coefficients")
def eps_beside_the_root(gamma, mean, var, dgamma, dbeta, m, eps=1e-5):
    """np.sqrt(var) + eps: epsilon stands under the root, as in forward. On the example a is {a}, expected {right_a}."""
    inv_std = 1 / (np.sqrt(var) + eps)
    a = gamma * inv_std
    b = -a * inv_std * dgamma / m
    return a, b, -a * dbeta / m - b * mean


@slip_of("backward_coefficients")
def the_variance_for_the_deviation(gamma, mean, var, dgamma, dbeta, m, eps=1e-5):
    """1 / (var + eps) for 1 / np.sqrt(var + eps): the root is missing. On the example the standard deviation is 2, and
    a is {a}, half of what it should be, {right_a}."""
    inv_std = 1 / (var + eps)
    a = gamma * inv_std
    b = -a * inv_std * dgamma / m
    return a, b, -a * dbeta / m - b * mean


@slip_of("backward_coefficients")
def dgamma_and_dbeta_exchanged(gamma, mean, var, dgamma, dbeta, m, eps=1e-5):
    """dgamma and dbeta in each other's place: x_hat stands beside dgamma, so dgamma goes with x, into b, and dbeta into
    c alone. On the example b is {b}, expected {right_b}."""
    inv_std, a, b = _three(gamma, var, dbeta, eps, m)
    return a, b, -a * dgamma / m - b * mean


@slip_of("backward_coefficients")
def the_standard_deviation_upside_down(gamma, mean, var, dgamma, dbeta, m, eps=1e-5):
    """gamma * std for a: the slope of y against x is gamma / std. On the example std is 2, and a is {a}, 4 times too
    large: {right_a}."""
    std = np.sqrt(var + eps)
    a = gamma * std
    b = -a * std * dgamma / m
    return a, b, -a * dbeta / m - b * mean
