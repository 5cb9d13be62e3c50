"""Wrong answers to the exercise `fold`."""

import numpy as np

from bnbook.grading.exercise import slip_of

# --- fold(weight, bias, gamma, beta, running_mean, running_var, eps) -> weight, bias --------------------------------


def _folded(weight, bias, gamma, beta, mean, scale):
    """weight and bias with a given scale, for slips whose mistake is in the scale."""
    bias = 0 if bias is None else bias
    return weight * scale.reshape(-1, *[1] * (weight.ndim - 1)), (bias - mean) * scale + beta


def _scale(gamma, running_var, eps):
    return gamma / np.sqrt(running_var + eps)


@slip_of("fold")
def ignoring_the_bias(weight, bias, gamma, beta, running_mean, running_var, eps=1e-5):
    """dropping the layer's own bias: it reaches BatchNorm together with the rest, so it is part of what is shifted and
    scaled: (bias - running_mean) * s + beta. On the example the new bias is {bias}, it should be {right_bias}."""
    return _folded(weight, None, gamma, beta, running_mean, _scale(gamma, running_var, eps))


@slip_of("fold")
def bias_not_scaled(weight, bias, gamma, beta, running_mean, running_var, eps=1e-5):
    """adding the old bias unscaled: BatchNorm multiplies everything that comes in by s, the bias too. On the example
    the new bias should be {right_bias}, yours is {bias}."""
    s = _scale(gamma, running_var, eps)
    return _folded(weight, None, gamma, beta + (0 if bias is None else bias), running_mean, s)


@slip_of("fold")
def mean_not_scaled(weight, bias, gamma, beta, running_mean, running_var, eps=1e-5):
    """subtracting running_mean after the scaling: bias * s - running_mean + beta. It is subtracted from what comes in,
    before, so it has to be inside the bracket: (bias - running_mean) * s + beta, which is {right_bias} on the example
    and not {bias}."""
    s = _scale(gamma, running_var, eps)
    return _folded(weight, bias, gamma, beta - running_mean, 0, s)


@slip_of("fold")
def forgetting_the_mean(weight, bias, gamma, beta, running_mean, running_var, eps=1e-5):
    """leaving running_mean out: the folded layer then puts out its channels with the offset that BatchNorm was there to
    remove. On the example the bias is {bias} and should be {right_bias}."""
    return _folded(weight, bias, gamma, beta, 0, _scale(gamma, running_var, eps))


@slip_of("fold")
def adding_the_mean(weight, bias, gamma, beta, running_mean, running_var, eps=1e-5):
    """bias + running_mean: BatchNorm subtracts the mean. On the example the bias comes out as {bias}, right is
    {right_bias}."""
    return _folded(weight, bias, gamma, beta, -running_mean, _scale(gamma, running_var, eps))


@slip_of("fold")
def fold_with_mean_and_var_exchanged(weight, bias, gamma, beta, running_mean, running_var, eps=1e-5):
    """running_mean and running_var exchanged: the scale is gamma over the root of the variance, and the mean is what
    the bias loses. On the example the bias is {bias}, right is {right_bias}; a negative mean has no root at all."""
    return _folded(weight, bias, gamma, beta, running_var, _scale(gamma, running_mean, eps))


@slip_of("fold")
def forgetting_beta(weight, bias, gamma, beta, running_mean, running_var, eps=1e-5):
    """beta missing from the new bias: while beta is 0 this goes unnoticed; on the example it is 1 and 5, and the bias
    should be {right_bias}."""
    return _folded(weight, bias, gamma, 0, running_mean, _scale(gamma, running_var, eps))


@slip_of("fold")
def scaling_beta(weight, bias, gamma, beta, running_mean, running_var, eps=1e-5):
    """beta inside the bracket: BatchNorm adds beta after the scaling, so it is not multiplied by s. On the example your
    bias is {bias}, not {right_bias}."""
    return _folded(weight, bias, gamma, 0, running_mean - beta, _scale(gamma, running_var, eps))


@slip_of("fold")
def forgetting_gamma(weight, bias, gamma, beta, running_mean, running_var, eps=1e-5):
    """gamma missing from the scale: s = gamma / sqrt(running_var + eps). At gamma = 1 nothing is wrong; on the example
    gamma is 2 and -1 and the first row of the weight should be {right_weight}, yours is {weight}."""
    return _folded(weight, bias, gamma, beta, running_mean, _scale(1.0, running_var, eps))


@slip_of("fold")
def weight_not_scaled(weight, bias, gamma, beta, running_mean, running_var, eps=1e-5):
    """a new bias with the old weight: the division by the standard deviation has to go somewhere, into the weight. Its
    first row on the example should become {right_weight}."""
    return 1.0 * weight, _folded(weight, bias, gamma, beta, running_mean, _scale(gamma, running_var, eps))[1]


@slip_of("fold")
def scaling_the_input_channels(weight, bias, gamma, beta, running_mean, running_var, eps=1e-5):
    """scaling along axis 1: a weight is (out, in, ...), and BatchNorm stands behind the layer, so its channels are the
    outputs, axis 0. With 4 in and 4 out nothing complains. Reshape s to (out, 1, 1, 1), not to (1, in, 1, 1)."""
    s = _scale(gamma, running_var, eps)
    return weight * s.reshape(1, -1, *[1] * (weight.ndim - 2)), _folded(weight, bias, gamma, beta, running_mean, s)[1]


@slip_of("fold")
def scaling_along_the_last_axis(weight, bias, gamma, beta, running_mean, running_var, eps=1e-5):
    """weight * s without a reshape: NumPy lines s up with the last axis, which is the kernel's width, or the inputs of
    a linear layer. Reshape it to (out, 1, ..., 1); a weight (4, 4, 3, 3) needs three ones."""
    s = _scale(gamma, running_var, eps)
    return weight * s, _folded(weight, bias, gamma, beta, running_mean, s)[1]


@slip_of("fold")
def convolutions_only(weight, bias, gamma, beta, running_mean, running_var, eps=1e-5):
    """reshape(-1, 1, 1, 1) for every weight: a linear layer's is (out, in) and becomes four-dimensional. Use as many
    ones as weight has axes behind the first: [1] * (weight.ndim - 1)."""
    s = _scale(gamma, running_var, eps)
    return weight * s.reshape(-1, 1, 1, 1), _folded(weight, bias, gamma, beta, running_mean, s)[1]


@slip_of("fold")
def fold_without_eps(weight, bias, gamma, beta, running_mean, running_var, eps=1e-5):
    """no eps in the scale: the layer that is replaced divides by sqrt(running_var + eps). A channel with a variance
    near eps, such as 1e-5, comes out 41 % too large."""
    return _folded(weight, bias, gamma, beta, running_mean, _scale(gamma, running_var, 0.0))


@slip_of("fold")
def fold_with_eps_outside(weight, bias, gamma, beta, running_mean, running_var, eps=1e-5):
    """sqrt(running_var) + eps: the layer that is replaced has eps inside the root. For a running_var of 1e-5 and eps
    1e-5 the right divisor is 0.0045, yours 0.0032."""
    return _folded(weight, bias, gamma, beta, running_mean, gamma / (np.sqrt(running_var) + eps))


@slip_of("fold")
def fold_without_the_root(weight, bias, gamma, beta, running_mean, running_var, eps=1e-5):
    """gamma / (running_var + eps), the root forgotten: a channel with variance 4 is to be divided by 2. The first row
    of the weight is {weight} on the example, it should be {right_weight}."""
    return _folded(weight, bias, gamma, beta, running_mean, gamma / (running_var + eps))


@slip_of("fold")
def multiplying_by_the_std(weight, bias, gamma, beta, running_mean, running_var, eps=1e-5):
    """multiplying by the standard deviation: the scale is gamma divided by it. With variance 4 and gamma = 1 the weight
    is to be halved, not doubled."""
    return _folded(weight, bias, gamma, beta, running_mean, gamma * np.sqrt(running_var + eps))


@slip_of("fold")
def fold_with_fixed_eps(weight, bias, gamma, beta, running_mean, running_var, eps=1e-5):
    """1e-5 in place of the argument eps: a net trained with another one, such as Keras' 0.001, is folded wrongly."""
    return _folded(weight, bias, gamma, beta, running_mean, _scale(gamma, running_var, 1e-5))


@slip_of("fold")
def fold_with_another_default(weight, bias, gamma, beta, running_mean, running_var, eps=1e-3):
    """0.001 as the default for eps: without an argument it should be 1e-5, PyTorch's."""
    return _folded(weight, bias, gamma, beta, running_mean, _scale(gamma, running_var, eps))


@slip_of("fold")
def only_with_a_bias(weight, bias, gamma, beta, running_mean, running_var, eps=1e-5):
    """not expecting bias = None: a convolution before BatchNorm usually has none, because BatchNorm removes it. Take 0
    for it."""
    s = _scale(gamma, running_var, eps)
    return _folded(weight, bias - 0 * beta, gamma, beta, running_mean, s)


@slip_of("fold")
def folding_into_the_layer_after(weight, bias, gamma, beta, running_mean, running_var, eps=1e-5):
    """folding as if BatchNorm stood before the layer: it scales the inputs, axis 1, and sends beta - running_mean * s
    through the weight. Here it stands behind it: s belongs to axis 0, and on the example the bias becomes
    {right_bias}."""
    s = _scale(gamma, running_var, eps)
    through = weight.sum(tuple(range(2, weight.ndim))) @ (beta - running_mean * s)
    return weight * s.reshape(1, -1, *[1] * (weight.ndim - 2)), (0 if bias is None else bias) + through


@slip_of("fold")
def folding_in_place(weight, bias, gamma, beta, running_mean, running_var, eps=1e-5):
    """weight *= ...: that changes the layer of the caller, who may want to compare the two nets, and folding twice then
    scales by s * s. weight * s makes a new array and leaves the 1 you got alone."""
    s = _scale(gamma, running_var, eps)
    new_bias = _folded(weight, bias, gamma, beta, running_mean, s)[1]
    weight *= s.reshape(-1, *[1] * (weight.ndim - 1))
    return weight, new_bias
