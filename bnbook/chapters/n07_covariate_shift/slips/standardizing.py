"""Wrong answers to the exercise `standardizing`."""

import numpy as np

from bnbook.grading.exercise import slip_of

# --- standardizing(weight, bias, z) -> weight, bias ------------------------------------------------------------------


def _column(per_unit):
    return per_unit.reshape(-1, 1)


@slip_of("standardizing")
def standardizing_with_the_old_bias(weight, bias, z):
    """leaving the bias alone: the weights are right, so every unit has sd 1 now, but around another mean. On the
    example the bias should become {right_bias}; yours is {bias}, as before."""
    return weight / _column(z.std(0)), bias + 0


@slip_of("standardizing")
def standardizing_the_bias_alone(weight, bias, z):
    """dividing the bias and not the weights: z is a sum of both, so both must shrink. Your weight is still {weight} in
    the first row, expected {right_weight}."""
    return weight + 0, (bias - z.mean(0)) / z.std(0)


@slip_of("standardizing")
def standardizing_without_dividing_the_bias(weight, bias, z):
    """bias - mean, not divided: (z - mean) / sd divides *everything*, the bias included. Yours is {bias} on the
    example, where {right_bias} is right."""
    return weight / _column(z.std(0)), bias - z.mean(0)


@slip_of("standardizing")
def standardizing_subtracting_late(weight, bias, z):
    """bias / sd - mean: the mean was measured in the units before the division, so subtract it first: (bias - mean) /
    sd. For the example that is {right_bias}, and not {bias}."""
    return weight / _column(z.std(0)), bias / z.std(0) - z.mean(0)


@slip_of("standardizing")
def standardizing_forgetting_the_bias(weight, bias, z):
    """-mean / sd: that is right for a bias of 0. But z contains the bias that is there already; replace it and it is
    missing. Try the example, whose first bias is 1: {bias} instead of {right_bias}."""
    return weight / _column(z.std(0)), -z.mean(0) / z.std(0)


@slip_of("standardizing")
def standardizing_with_a_bias_of_0(weight, bias, z):
    """setting the bias to 0: BatchNorm's shift does start at 0, but after it has subtracted the mean. Here the bias has
    to do the subtracting."""
    return weight / _column(z.std(0)), np.zeros_like(bias)


@slip_of("standardizing")
def standardizing_adding_the_mean(weight, bias, z):
    """adding the mean: the new outputs then have twice the old mean, in sd, where 0 is wanted. A minus gives
    {right_bias}, your plus {bias}."""
    return weight / _column(z.std(0)), (bias + z.mean(0)) / z.std(0)


@slip_of("standardizing")
def standardizing_by_the_variance(weight, bias, z):
    """dividing by the variance: an sd of 4 then becomes 4 / 16 = 0.25 and not 1. Take the root; the first row of the
    weights is {weight}, it should be {right_weight}."""
    return weight / _column(z.var(0)), (bias - z.mean(0)) / z.var(0)


@slip_of("standardizing")
def standardizing_by_m_minus_1(weight, bias, z):
    """the sd that divides by N - 1: BatchNorm normalizes by the one that divides by N (np.std does so by itself,
    PyTorch's std needs correction=0). With 2 rows the difference is a factor of 1.41."""
    sd = z.std(0, ddof=1)
    return weight / _column(sd), (bias - z.mean(0)) / sd


@slip_of("standardizing")
def standardizing_by_one_sd(weight, bias, z):
    """one sd for the whole layer: each unit has its own, 2 and 4 in the example; a common one leaves the wide wide and
    the narrow narrow."""
    return weight / z.std(), (bias - z.mean(0)) / z.std()


@slip_of("standardizing")
def standardizing_by_one_mean_and_sd(weight, bias, z):
    """z.mean() and z.std() without an axis: that standardizes all units as one crowd. axis 0 runs over the examples and
    leaves a number per unit; your bias comes out as {bias}."""
    return weight / z.std(), (bias - z.mean()) / z.std()


@slip_of("standardizing")
def standardizing_the_columns(weight, bias, z):
    """weight / sd without a reshape: NumPy lines sd up with the *last* axis, the inputs. A unit's weights are a row, so
    sd must be a column, (units, 1): sd[:, None]. If the layer is not square this fails at once, if it is (2 x 2 here)
    it is silently wrong."""
    return weight / z.std(0), (bias - z.mean(0)) / z.std(0)


@slip_of("standardizing")
def standardizing_over_the_units(weight, bias, z):
    """averaging over axis 1: that gives one mean per example, as layer normalization does. A unit is a column of z:
    take axis 0, which leaves {right_bias} as bias on the example."""
    mean, sd = z.mean(1), z.std(1)
    return weight / _column(sd), (bias - mean) / sd


@slip_of("standardizing")
def standardizing_multiplying(weight, bias, z):
    """multiplying by sd: a wide unit becomes wider still. With sd 4 the new one is 16; dividing gives 1."""
    return weight * _column(z.std(0)), (bias - z.mean(0)) * z.std(0)


@slip_of("standardizing")
def standardizing_the_weights_themselves(weight, bias, z):
    """standardizing each unit's weights: that is weight standardization, another method. What must have sd 1 is z, the
    sum over real inputs, and its sd was measured: {right_weight} for the first unit, yours is {weight}."""
    return (weight - _column(weight.mean(1))) / _column(weight.std(1) + 1e-12), (bias - z.mean(0)) / z.std(0)


@slip_of("standardizing")
def standardizing_to_length_1(weight, bias, z):
    """dividing by the length of the weights: weight normalization does that. It makes sd 1 only for inputs that are
    independent and have sd 1 themselves; hidden layers' are not. Divide by the sd of z."""
    length = np.linalg.norm(weight, axis=1)
    return weight / _column(length), (bias - z.mean(0)) / length


@slip_of("standardizing")
def standardizing_moving_the_weights(weight, bias, z):
    """subtracting the mean from the weights as well: a shift of z belongs into the bias alone. Your first row is
    {weight}; divided only, it is {right_weight}."""
    mean, sd = z.mean(0), z.std(0)
    return (weight - _column(mean)) / _column(sd), (bias - mean) / sd


@slip_of("standardizing")
def standardizing_with_eps(weight, bias, z):
    """adding 1e-5 to the variance, as a BatchNorm layer does: its eps protects units that happen to be constant in some
    batch. Here it would leave a narrow unit narrower than 1; the plain sd is asked for."""
    sd = np.sqrt(z.var(0) + 1e-5)
    return weight / _column(sd), (bias - z.mean(0)) / sd


@slip_of("standardizing")
def standardizing_with_a_tiny_eps(weight, bias, z):
    """adding 1e-8 to the sd: a habit against division by 0. Here it makes a unit whose sd is 0.01 a millionth too
    narrow; the plain sd is asked for."""
    sd = z.std(0) + 1e-8
    return weight / _column(sd), (bias - z.mean(0)) / sd


@slip_of("standardizing")
def standardizing_returning_z(weight, bias, z):
    """returning the standardized outputs: {weight} are numbers for these examples only. What is asked for is a layer
    that gives them, 1 weight matrix and 1 bias."""
    return (z - z.mean(0)) / z.std(0), (bias - z.mean(0)) / z.std(0)


@slip_of("standardizing")
def standardizing_in_place(weight, bias, z):
    """writing into weight and bias: `/=` changes the caller's arrays, and the check compares them before and after.
    weight / sd[:, None] and (bias - mean) / sd make 2 new arrays."""
    weight /= _column(z.std(0))
    bias -= z.mean(0)
    bias /= z.std(0)
    return weight, bias


@slip_of("standardizing")
def standardizing_without_brackets(weight, bias, z):
    """bias - mean / sd without brackets: Python divides first, so only the mean is divided. (bias - mean) / sd divides
    both; on the example {right_bias}, yours is {bias}."""
    return weight / _column(z.std(0)), bias - z.mean(0) / z.std(0)
