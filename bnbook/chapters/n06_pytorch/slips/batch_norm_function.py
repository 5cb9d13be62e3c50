"""Wrong answers to the exercise `BatchNormFunction`."""

import torch

from bnbook.grading.exercise import slip_of

from .parts import count


def _axes(x):
    return (0, *range(2, x.ndim))


def _columns(x, *vectors):
    return [v.reshape(1, -1, *[1] * (x.ndim - 2)) for v in vectors]


# --- BatchNormFunction: forward(x, gamma, beta, eps), setup_context, backward(ctx, dy, dmean, dvar) -----------------


def _output(x, gamma, beta, mean, var, eps):
    g, b, mean_, var_ = _columns(x, gamma, beta, mean, var)
    return g * (x - mean_) / torch.sqrt(var_ + eps) + b, mean, var


def _through_y(dy, x, gamma, mean, var, eps):
    """The right dx, dgamma, dbeta of y alone."""
    axes, m = _axes(x), count(x)
    g, mean, var = _columns(x, gamma, mean, var)
    x_hat = (x - mean) / torch.sqrt(var + eps)
    dgamma, dbeta = (dy * x_hat).sum(axes), dy.sum(axes)
    dg, db = _columns(x, dgamma, dbeta)
    return g / torch.sqrt(var + eps) * (dy - db / m - x_hat * dg / m), dgamma, dbeta


def _through_statistics(x, mean, dmean, dvar):
    dmean, dvar, mean = _columns(x, dmean, dvar, mean)
    return dmean / count(x) + 2 * dvar * (x - mean) / count(x)


class _Right(torch.autograd.Function):
    """All of it right, for slips whose mistake is in one method."""

    @staticmethod
    def forward(x, gamma, beta, eps):
        return _output(x, gamma, beta, x.mean(_axes(x)), x.var(_axes(x), correction=0), eps)

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, gamma, _, ctx.eps = inputs
        ctx.save_for_backward(x, gamma, *output[1:])

    @staticmethod
    def backward(ctx, dy, dmean, dvar):
        x, gamma, mean, var = ctx.saved_tensors
        dx, dgamma, dbeta = _through_y(dy, x, gamma, mean, var, ctx.eps)
        return dx + _through_statistics(x, mean, dmean, dvar), dgamma, dbeta, None


@slip_of("BatchNormFunction")
class marking_the_statistics(_Right):
    """marking mean and var as non-differentiable: the first derivatives of y are right and gradcheck passes. But
    backward computes with mean and var, and now autograd takes them for constants when it differentiates backward
    itself: gradgradcheck fails, and mean as a function of x has gradient {dx_through_mean} in place of
    {right_dx_through_mean}."""

    @staticmethod
    def setup_context(ctx, inputs, output):
        _Right.setup_context(ctx, inputs, output)
        ctx.mark_non_differentiable(*output[1:])


@slip_of("BatchNormFunction")
class ignoring_dmean_and_dvar(_Right):
    """not using dmean and dvar: forward returns three things, and x reaches all three, so dx has three terms. What is
    missing is dmean / m and 2 * dvar * (x - mean) / m. A loss that uses y alone does not see it; second derivatives
    do. On the example dx through var starts with {dx_through_var}, it should start with {right_dx_through_var}."""

    @staticmethod
    def backward(ctx, dy, dmean, dvar):
        x, gamma, mean, var = ctx.saved_tensors
        return *_through_y(dy, x, gamma, mean, var, ctx.eps), None


@slip_of("BatchNormFunction")
class ignoring_dvar(_Right):
    """using dmean but not dvar: var depends on x as well, with derivative 2 * (x - mean) / m. Your dx through var is
    {dx_through_var} on the example; it should be {right_dx_through_var}."""

    @staticmethod
    def backward(ctx, dy, dmean, dvar):
        return _Right.backward(ctx, dy, dmean, torch.zeros_like(dvar))


@slip_of("BatchNormFunction")
class dmean_without_m(_Right):
    """adding dmean without dividing by m: the mean moves by 1 / m when one value moves by 1. On the example m is 3,
    your dx through mean starts with {dx_through_mean}, it should start with {right_dx_through_mean}."""

    @staticmethod
    def backward(ctx, dy, dmean, dvar):
        return _Right.backward(ctx, dy, dmean * count(dy), dvar)


@slip_of("BatchNormFunction")
class dvar_without_two(_Right):
    """leaving out the 2 of the square: var is the mean of (x - mean)^2, so its derivative is 2 * (x - mean) / m. Your
    dx through var starts with {dx_through_var}, half of {right_dx_through_var}."""

    @staticmethod
    def backward(ctx, dy, dmean, dvar):
        return _Right.backward(ctx, dy, dmean, dvar / 2)


@slip_of("BatchNormFunction")
class dvar_by_m_minus_1(_Right):
    """dividing dvar's term by m - 1: forward divides the variance by m, so its derivative has m too. With m = 3 your
    term is 1.5 times too large: {dx_through_var} in place of {right_dx_through_var}."""

    @staticmethod
    def backward(ctx, dy, dmean, dvar):
        return _Right.backward(ctx, dy, dmean, dvar * count(dy) / (count(dy) - 1))


@slip_of("BatchNormFunction")
class m_is_the_batch_size(_Right):
    """dividing by N: each channel has m = N * H * W values, x.numel() / x.shape[1]. For a table both are the same; for
    images of 4 x 6 pixels your dmean and dvar terms are 24 times too large. (x.shape[0] is N.)"""

    @staticmethod
    def backward(ctx, dy, dmean, dvar):
        times = count(dy) / dy.shape[0]
        return _Right.backward(ctx, dy, dmean * times, dvar * times)


@slip_of("BatchNormFunction")
class constants_in_backward(_Right):
    """dx = dy * gamma / sqrt(var + eps): that treats mean and var as constants, but moving one value of x moves both.
    In evaluation this is right; in training two terms are missing. On the example dx starts with {dx}, it should start
    with {right_dx}, whose columns sum to 0."""

    @staticmethod
    def backward(ctx, dy, dmean, dvar):
        x, gamma, mean, var = ctx.saved_tensors
        _, dgamma, dbeta = _through_y(dy, x, gamma, mean, var, ctx.eps)
        g, v = _columns(x, gamma, var)
        dx = dy * g / torch.sqrt(v + ctx.eps)
        return dx + _through_statistics(x, mean, dmean, dvar), dgamma, dbeta, None


@slip_of("BatchNormFunction")
class gamma_missing_in_dx(_Right):
    """leaving gamma out of dx: y = gamma * x_hat + beta, so dy reaches x_hat times gamma. With gamma = 1, as every
    layer begins, nobody notices; on the example gamma is (2, -1), so your dx is off by these factors: it starts with
    {dx}, it should start with {right_dx}."""

    @staticmethod
    def backward(ctx, dy, dmean, dvar):
        x, gamma, mean, var = ctx.saved_tensors
        _, dgamma, dbeta = _through_y(dy, x, gamma, mean, var, ctx.eps)
        dx, _, _ = _through_y(dy, x, torch.ones_like(gamma), mean, var, ctx.eps)
        return dx + _through_statistics(x, mean, dmean, dvar), dgamma, dbeta, None


@slip_of("BatchNormFunction")
class x_for_x_hat(_Right):
    """multiplying dy by x for dgamma: y = gamma * x_hat + beta, so the derivative by gamma is x_hat. Your dgamma is
    {dgamma}, it should be {right_dgamma}."""

    @staticmethod
    def backward(ctx, dy, dmean, dvar):
        x, *_ = ctx.saved_tensors
        dx, _, dbeta, _ = _Right.backward(ctx, dy, dmean, dvar)
        return dx, (dy * x).sum(_axes(x)), dbeta, None


@slip_of("BatchNormFunction")
class means_for_dgamma_and_dbeta(_Right):
    """averaging dgamma and dbeta: gamma is used m times, and the contributions add up. Yours are m times too small: on
    the example, with m = 3, dbeta is {dbeta} and should be {right_dbeta}."""

    @staticmethod
    def backward(ctx, dy, dmean, dvar):
        dx, dgamma, dbeta, _ = _Right.backward(ctx, dy, dmean, dvar)
        return dx, dgamma / count(dy), dbeta / count(dy), None


@slip_of("BatchNormFunction")
class dgamma_and_dbeta_swapped(_Right):
    """returning dx, dbeta, dgamma: backward returns one gradient for each argument of forward, in the order of its
    arguments, (x, gamma, beta, eps). Your dgamma is {dgamma}, which is dbeta; it should be {right_dgamma}."""

    @staticmethod
    def backward(ctx, dy, dmean, dvar):
        dx, dgamma, dbeta, _ = _Right.backward(ctx, dy, dmean, dvar)
        return dx, dbeta, dgamma, None


@slip_of("BatchNormFunction")
class backward_with_fixed_eps(_Right):
    """computing backward with eps = 1e-5 whatever forward was given: keep it, ctx.eps = inputs[3]. The check gives
    0.1, and then your dx starts with {dx}, it should start with {right_dx}."""

    @staticmethod
    def setup_context(ctx, inputs, output):
        _Right.setup_context(ctx, inputs, output)
        ctx.eps = 1e-5


@slip_of("BatchNormFunction")
class backward_with_y(_Right):
    """keeping y in place of x: backward then normalizes the output, whose mean is beta. Your dx starts with {dx} on
    the example; from x it starts with {right_dx}. Look at what save_for_backward is given: inputs[0] is x, output[0]
    is y."""

    @staticmethod
    def setup_context(ctx, inputs, output):
        _, gamma, _, ctx.eps = inputs
        ctx.save_for_backward(output[0], gamma, *output[1:])


@slip_of("BatchNormFunction")
class statistics_kept_detached(_Right):
    """keeping mean.detach() and var.detach(): backward gives the right dx, but it computes with two numbers that
    autograd believes to be constants, so derivatives of backward are wrong: on the example the second derivative
    starts with {d2x}, it should start with {right_d2x}. Keep the outputs themselves with save_for_backward."""

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, gamma, _, ctx.eps = inputs
        ctx.save_for_backward(x, gamma)
        ctx.kept = [v.detach().clone() for v in output[1:]]

    @staticmethod
    def backward(ctx, dy, dmean, dvar):
        x, gamma = ctx.saved_tensors
        mean, var = ctx.kept
        dx, dgamma, dbeta = _through_y(dy, x, gamma, mean, var, ctx.eps)
        return dx + _through_statistics(x, mean, dmean, dvar), dgamma, dbeta, None


@slip_of("BatchNormFunction")
class backward_without_gradients(_Right):
    """computing backward under torch.no_grad(): the gradients are right, but they have no graph, so nobody can
    differentiate them again: every second derivative is 0, yours starts with {d2x}, it should start with {right_d2x}.
    Gradient penalties and sharpness measures need it. Leave no_grad (and .data) out of backward."""

    @staticmethod
    def backward(ctx, dy, dmean, dvar):
        with torch.no_grad():
            return _Right.backward(ctx, dy, dmean, dvar)


@slip_of("BatchNormFunction")
class unbiased_in_forward(_Right):
    """x.var(axes) without correction=0: torch.var divides by m - 1 unless told otherwise, the batch normalizes itself
    by m. On the example your var is {var}, it should be {right_var}."""

    @staticmethod
    def forward(x, gamma, beta, eps):
        return _output(x, gamma, beta, x.mean(_axes(x)), x.var(_axes(x), correction=1), eps)


@slip_of("BatchNormFunction")
class eps_outside_in_forward(_Right):
    """adding eps to the standard deviation in forward: sqrt(var + eps), as backward has it. On the example y starts
    with {y}, it should start with {right_y}."""

    @staticmethod
    def forward(x, gamma, beta, eps):
        mean, var = x.mean(_axes(x)), x.var(_axes(x), correction=0)
        g, b, mean_, var_ = _columns(x, gamma, beta, mean, var)
        return g * (x - mean_) / (torch.sqrt(var_) + eps) + b, mean, var


@slip_of("BatchNormFunction")
class x_overwritten(_Right):
    """x -= mean in forward: that changes the tensor of whoever called, and backward, which reads x again, finds
    numbers with mean 0 where they had {right_mean}. Write x - mean, which makes a new tensor."""

    @staticmethod
    def forward(x, gamma, beta, eps):
        mean, var = x.mean(_axes(x)), x.var(_axes(x), correction=0)
        x -= _columns(x, mean)[0]
        return _output(x, gamma, beta, torch.zeros_like(mean), var, eps)[0], mean, var


# --- what is kept for backward, and how ------------------------------------------------------------------------------


@slip_of("BatchNormFunction")
def four_lines_for_autograd(x, gamma, beta, eps):
    """plain tensor operations, no Function: the numbers are right, and autograd keeps 3 arrays as large as x, because
    it differentiates line by line. That is where this notebook began. Write a class with forward, setup_context and
    backward, which keeps one: x itself."""
    mean = x.mean(_axes(x), keepdim=True)
    var = ((x - mean) ** 2).mean(_axes(x), keepdim=True)
    g, b = _columns(x, gamma, beta)
    return g * ((x - mean) / torch.sqrt(var + eps)) + b, mean.reshape(-1), var.reshape(-1)


@slip_of("BatchNormFunction")
class tensors_as_attributes(_Right):
    """keeping tensors as attributes, ctx.x = x: then nobody notices if x is overwritten between forward and backward
    (an in-place ReLU does it), and dx comes out wrong without a word. With ctx.save_for_backward(x, ...) PyTorch
    raises an error there, and 0 wrong results come through. Attributes are for numbers, such as ctx.eps."""

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, gamma, _, ctx.eps = inputs
        ctx.kept = (x, gamma, *output[1:])

    @staticmethod
    def backward(ctx, dy, dmean, dvar):
        x, gamma, mean, var = ctx.kept
        dx, dgamma, dbeta = _through_y(dy, x, gamma, mean, var, ctx.eps)
        return dx + _through_statistics(x, mean, dmean, dvar), dgamma, dbeta, None


@slip_of("BatchNormFunction")
class data_of_x_kept(_Right):
    """saving x.data: that is x without its history, and without the counter that tells whether somebody has written
    into it. The first derivatives are right; the second ones lack how x_hat moves with x, yours starts with {d2x}, it
    should start with {right_d2x}; and an overwritten x gives a wrong dx in silence. Save x itself."""

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, gamma, _, ctx.eps = inputs
        ctx.save_for_backward(x.data, gamma, *output[1:])


@slip_of("BatchNormFunction")
class detached_x_kept(_Right):
    """saving x.detach(): backward's formula contains x, and now it looks like a constant there. So derivatives of
    backward by x miss a part: d2x starts with {d2x} on the example, right is {right_d2x}. Nothing needs detaching in
    setup_context: save_for_backward(x, gamma, mean, var)."""

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, gamma, _, ctx.eps = inputs
        ctx.save_for_backward(x.detach(), gamma, *output[1:])


@slip_of("BatchNormFunction")
class x_hat_kept(_Right):
    """keeping x_hat in place of x: it is made inside forward, so it is one more array beside x, which the layer before
    keeps in any case; and it is no input and no output, so autograd takes it for a constant when it differentiates
    backward: d2x starts with {d2x}, it should start with {right_d2x}. Keep x, mean and var, and make x_hat again."""

    @staticmethod
    def forward(ctx, x, gamma, beta, eps):
        y, mean, var = _Right.forward(x, gamma, beta, eps)
        mean_, var_ = _columns(x, mean, var)
        ctx.save_for_backward((x - mean_) / torch.sqrt(var_ + eps), gamma, var)
        ctx.eps = eps
        return y, mean, var

    setup_context = torch.autograd.Function.setup_context

    @staticmethod
    def backward(ctx, dy, dmean, dvar):
        x_hat, gamma, var = ctx.saved_tensors
        g, v, dm, dv = _columns(x_hat, gamma, var, dmean, dvar)
        dgamma, dbeta = (dy * x_hat).sum(_axes(x_hat)), dy.sum(_axes(x_hat))
        dg, db = _columns(x_hat, dgamma, dbeta)
        m, sd = count(x_hat), torch.sqrt(v + ctx.eps)
        dx = g / sd * (dy - db / m - x_hat * dg / m) + dm / m + 2 * dv * x_hat * sd / m
        return dx, dgamma, dbeta, None


@slip_of("BatchNormFunction")
class in_one_pass(_Right):
    """the mean of the squares less the square of the mean: in float64 and near 0 that is right. In float32 with a mean
    of 10,000 both are near 1e8, float32 keeps 7 digits, and what is left is noise, even below 0. Subtract the mean
    first: ((x - mean) ** 2).mean(axes), or x.var(axes, correction=0)."""

    @staticmethod
    def forward(x, gamma, beta, eps):
        mean = x.mean(_axes(x))
        return _output(x, gamma, beta, mean, (x**2).mean(_axes(x)) - mean**2, eps)


@slip_of("BatchNormFunction")
class over_numpy(_Right):
    """going over NumPy in forward (x.detach().numpy(), np.asarray(x)): the numbers are right, on the CPU. A tensor on a
    GPU has no NumPy array, and x.cpu() first would carry every batch to the CPU and back. Every function that you need
    exists in torch: x.mean, x.var(..., correction=0), torch.sqrt; 1 of your calls leaves it."""

    @staticmethod
    def forward(x, gamma, beta, eps):
        x = torch.from_numpy(x.detach().numpy())
        return _Right.forward(x, gamma.detach(), beta.detach(), eps)
