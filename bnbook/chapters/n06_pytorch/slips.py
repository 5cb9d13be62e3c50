"""Wrong answers to the exercises of notebook 06."""

import copy

import torch
from torch import nn

from .. import norm_torch
from ..norm_torch import batch_norm, batch_norm_eval, update_running


def _axes(x):
    return (0, *range(2, x.ndim))


def _columns(x, *vectors):
    return [v.reshape(1, -1, *[1] * (x.ndim - 2)) for v in vectors]


def _m(x):
    return x.numel() // x.shape[1]


# --- BatchNormFunction: forward(x, gamma, beta, eps), setup_context, backward(ctx, dy, dmean, dvar) -----------------


def _output(x, gamma, beta, mean, var, eps):
    g, b, mean_, var_ = _columns(x, gamma, beta, mean, var)
    return g * (x - mean_) / torch.sqrt(var_ + eps) + b, mean, var


def _through_y(dy, x, gamma, mean, var, eps):
    """The right dx, dgamma, dbeta of y alone."""
    axes, m = _axes(x), _m(x)
    g, mean, var = _columns(x, gamma, mean, var)
    x_hat = (x - mean) / torch.sqrt(var + eps)
    dgamma, dbeta = (dy * x_hat).sum(axes), dy.sum(axes)
    dg, db = _columns(x, dgamma, dbeta)
    return g / torch.sqrt(var + eps) * (dy - db / m - x_hat * dg / m), dgamma, dbeta


def _through_statistics(x, mean, dmean, dvar):
    dmean, dvar, mean = _columns(x, dmean, dvar, mean)
    return dmean / _m(x) + 2 * dvar * (x - mean) / _m(x)


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


class marking_the_statistics(_Right):
    """marking mean and var as non-differentiable: the first derivatives of y are right and gradcheck passes. But
    backward computes with mean and var, and now autograd takes them for constants when it differentiates backward
    itself: gradgradcheck fails, and mean as a function of x has gradient {dx_through_mean} in place of
    {right_dx_through_mean}."""

    @staticmethod
    def setup_context(ctx, inputs, output):
        _Right.setup_context(ctx, inputs, output)
        ctx.mark_non_differentiable(*output[1:])


class ignoring_dmean_and_dvar(_Right):
    """not using dmean and dvar: forward returns three things, and x reaches all three, so dx has three terms. What is
    missing is dmean / m and 2 * dvar * (x - mean) / m. A loss that uses y alone does not see it; second derivatives
    do. On the example dx through var starts with {dx_through_var}, it should start with {right_dx_through_var}."""

    @staticmethod
    def backward(ctx, dy, dmean, dvar):
        x, gamma, mean, var = ctx.saved_tensors
        return *_through_y(dy, x, gamma, mean, var, ctx.eps), None


class ignoring_dvar(_Right):
    """using dmean but not dvar: var depends on x as well, with derivative 2 * (x - mean) / m. Your dx through var is
    {dx_through_var} on the example; it should be {right_dx_through_var}."""

    @staticmethod
    def backward(ctx, dy, dmean, dvar):
        return _Right.backward(ctx, dy, dmean, torch.zeros_like(dvar))


class dmean_without_m(_Right):
    """adding dmean without dividing by m: the mean moves by 1 / m when one value moves by 1. On the example m is 3,
    your dx through mean starts with {dx_through_mean}, it should start with {right_dx_through_mean}."""

    @staticmethod
    def backward(ctx, dy, dmean, dvar):
        return _Right.backward(ctx, dy, dmean * _m(dy), dvar)


class dvar_without_two(_Right):
    """leaving out the 2 of the square: var is the mean of (x - mean)^2, so its derivative is 2 * (x - mean) / m. Your
    dx through var starts with {dx_through_var}, half of {right_dx_through_var}."""

    @staticmethod
    def backward(ctx, dy, dmean, dvar):
        return _Right.backward(ctx, dy, dmean, dvar / 2)


class dvar_by_m_minus_1(_Right):
    """dividing dvar's term by m - 1: forward divides the variance by m, so its derivative has m too. With m = 3 your
    term is 1.5 times too large: {dx_through_var} in place of {right_dx_through_var}."""

    @staticmethod
    def backward(ctx, dy, dmean, dvar):
        return _Right.backward(ctx, dy, dmean, dvar * _m(dy) / (_m(dy) - 1))


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


class m_is_the_batch_size(_Right):
    """dividing by N: each channel has m = N * H * W values, x.numel() / x.shape[1]. For a table both are the same; for
    images of 4 x 6 pixels your dmean and dvar terms are 24 times too large. (x.shape[0] is N.)"""

    @staticmethod
    def backward(ctx, dy, dmean, dvar):
        times = _m(dy) / dy.shape[0]
        return _Right.backward(ctx, dy, dmean * times, dvar * times)


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


class x_for_x_hat(_Right):
    """multiplying dy by x for dgamma: y = gamma * x_hat + beta, so the derivative by gamma is x_hat. Your dgamma is
    {dgamma}, it should be {right_dgamma}."""

    @staticmethod
    def backward(ctx, dy, dmean, dvar):
        x, *_ = ctx.saved_tensors
        dx, _, dbeta, _ = _Right.backward(ctx, dy, dmean, dvar)
        return dx, (dy * x).sum(_axes(x)), dbeta, None


class means_for_dgamma_and_dbeta(_Right):
    """averaging dgamma and dbeta: gamma is used m times, and the contributions add up. Yours are m times too small: on
    the example, with m = 3, dbeta is {dbeta} and should be {right_dbeta}."""

    @staticmethod
    def backward(ctx, dy, dmean, dvar):
        dx, dgamma, dbeta, _ = _Right.backward(ctx, dy, dmean, dvar)
        return dx, dgamma / _m(dy), dbeta / _m(dy), None


class dgamma_and_dbeta_swapped(_Right):
    """returning dx, dbeta, dgamma: backward returns one gradient for each argument of forward, in the order of its
    arguments, (x, gamma, beta, eps). Your dgamma is {dgamma}, which is dbeta; it should be {right_dgamma}."""

    @staticmethod
    def backward(ctx, dy, dmean, dvar):
        dx, dgamma, dbeta, _ = _Right.backward(ctx, dy, dmean, dvar)
        return dx, dbeta, dgamma, None


class backward_with_fixed_eps(_Right):
    """computing backward with eps = 1e-5 whatever forward was given: keep it, ctx.eps = inputs[3]. The check gives
    0.1, and then your dx starts with {dx}, it should start with {right_dx}."""

    @staticmethod
    def setup_context(ctx, inputs, output):
        _Right.setup_context(ctx, inputs, output)
        ctx.eps = 1e-5


class backward_with_y(_Right):
    """keeping y in place of x: backward then normalizes the output, whose mean is beta. Your dx starts with {dx} on
    the example; from x it starts with {right_dx}. Look at what save_for_backward is given: inputs[0] is x, output[0]
    is y."""

    @staticmethod
    def setup_context(ctx, inputs, output):
        _, gamma, _, ctx.eps = inputs
        ctx.save_for_backward(output[0], gamma, *output[1:])


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


class backward_without_gradients(_Right):
    """computing backward under torch.no_grad(): the gradients are right, but they have no graph, so nobody can
    differentiate them again: every second derivative is 0, yours starts with {d2x}, it should start with {right_d2x}.
    Gradient penalties and sharpness measures need it. Leave no_grad (and .data) out of backward."""

    @staticmethod
    def backward(ctx, dy, dmean, dvar):
        with torch.no_grad():
            return _Right.backward(ctx, dy, dmean, dvar)


class unbiased_in_forward(_Right):
    """x.var(axes) without correction=0: torch.var divides by m - 1 unless told otherwise, the batch normalizes itself
    by m. On the example your var is {var}, it should be {right_var}."""

    @staticmethod
    def forward(x, gamma, beta, eps):
        return _output(x, gamma, beta, x.mean(_axes(x)), x.var(_axes(x), correction=1), eps)


class eps_outside_in_forward(_Right):
    """adding eps to the standard deviation in forward: sqrt(var + eps), as backward has it. On the example y starts
    with {y}, it should start with {right_y}."""

    @staticmethod
    def forward(x, gamma, beta, eps):
        mean, var = x.mean(_axes(x)), x.var(_axes(x), correction=0)
        g, b, mean_, var_ = _columns(x, gamma, beta, mean, var)
        return g * (x - mean_) / (torch.sqrt(var_) + eps) + b, mean, var


class x_overwritten(_Right):
    """x -= mean in forward: that changes the tensor of whoever called, and backward, which reads x again, finds
    numbers with mean 0 where they had {right_mean}. Write x - mean, which makes a new tensor."""

    @staticmethod
    def forward(x, gamma, beta, eps):
        mean, var = x.mean(_axes(x)), x.var(_axes(x), correction=0)
        x -= _columns(x, mean)[0]
        return _output(x, gamma, beta, torch.zeros_like(mean), var, eps)[0], mean, var


BatchNormFunction = [
    marking_the_statistics,
    ignoring_dmean_and_dvar,
    ignoring_dvar,
    dmean_without_m,
    dvar_without_two,
    dvar_by_m_minus_1,
    m_is_the_batch_size,
    constants_in_backward,
    gamma_missing_in_dx,
    x_for_x_hat,
    means_for_dgamma_and_dbeta,
    dgamma_and_dbeta_swapped,
    backward_with_fixed_eps,
    backward_with_y,
    statistics_kept_detached,
    backward_without_gradients,
    unbiased_in_forward,
    eps_outside_in_forward,
    x_overwritten,
]


# --- BatchNorm2d: a subclass of nn.BatchNorm2d with another forward ------------------------------------------------


class _Layer(nn.BatchNorm2d):
    """All of it right, in steps that a slip can bend."""

    def forward(self, x):
        if not self.training and self.track_running_stats:
            return batch_norm_eval(x, self.weight, self.bias, self.running_mean, self.running_var, self.eps)
        y, mean, var = self.normalize(x)
        if self.training and self.track_running_stats:
            self.track(mean.detach(), var.detach(), _m(x))
        return y

    def normalize(self, x):
        return batch_norm(x, self.weight, self.bias, self.eps)

    def weight_of_the_new(self):
        return 1 / self.num_batches_tracked.item() if self.momentum is None else self.momentum

    def track(self, mean, var, m):
        self.num_batches_tracked += 1
        self.move(*update_running(self.running_mean, self.running_var, mean, var, m, self.weight_of_the_new()))

    def move(self, mean, var):
        self.running_mean.copy_(mean)
        self.running_var.copy_(var)


class flat(nn.Module):
    """deriving the layer from nn.Module: the numbers are right, but nothing recognizes the layer. update_bn, which
    looks for nn.modules.batchnorm._BatchNorm, skips it silently, and so does SyncBatchNorm.convert_sync_batchnorm.
    Write class BatchNorm2d(nn.BatchNorm2d), and all 5 arguments, repr and state_dict come with it."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum, self.track_running_stats = eps, momentum, True
        self.weight, self.bias = nn.Parameter(torch.ones(num_features)), nn.Parameter(torch.zeros(num_features))
        self.keep("running_mean", torch.zeros(num_features))
        self.keep("running_var", torch.ones(num_features))
        self.keep("num_batches_tracked", torch.tensor(0))

    keep = nn.Module.register_buffer
    forward, normalize, track, move = _Layer.forward, _Layer.normalize, _Layer.track, _Layer.move
    weight_of_the_new = _Layer.weight_of_the_new


class buffers_not_registered(flat):
    """keeping the statistics as plain attributes: self.running_mean = torch.zeros(C) in an nn.Module of your own is
    invisible to state_dict, to .to(device) and to load_state_dict. A saved net then comes back with mean 0 and
    variance 1, and evaluates wrongly. register_buffer makes them part of the layer; in a subclass of nn.BatchNorm2d
    they already are."""

    keep = nn.Module.__setattr__


class parameters_as_tensors(flat):
    """keeping weight and bias as plain tensors: net.parameters() does not list them, so no optimizer moves them from 1
    and 0, and state_dict forgets them. nn.Parameter(...) is what registers them; nn.BatchNorm2d has done so."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__(num_features, eps, momentum)
        for name in ("weight", "bias"):
            plain = getattr(self, name).detach().requires_grad_()
            delattr(self, name)
            setattr(self, name, plain)


class statistics_as_parameters(_Layer):
    """making the running statistics nn.Parameters: net.parameters() then lists 4 vectors where 2 are learned, and
    every loop over it (initializing, counting, freezing, averaging models) takes them for weights. No gradient ever
    reaches them: they are buffers."""

    def __init__(self, *args):
        super().__init__(*args)
        for name in ("running_mean", "running_var"):
            value = self._buffers.pop(name)
            self._parameters[name] = None if value is None else nn.Parameter(value)

    def move(self, mean, var):
        self.running_mean.data.copy_(mean)
        self.running_var.data.copy_(var)

    def forward(self, x):
        if not self.training and self.track_running_stats:
            mean, var = self.running_mean.data, self.running_var.data
            return batch_norm_eval(x, self.weight, self.bias, mean, var, self.eps)
        return super().forward(x)


class constants_for_statistics(_Layer):
    """taking mean and variance under no_grad (or .detach(), or .data): y is right, but the gradient treats them as
    constants. The right dx sums to 0 in each channel, yours does not. Let batch_norm's gradient pass, and detach only
    what goes into the running statistics."""

    def normalize(self, x):
        _, mean, var = batch_norm(x.detach(), None, None, self.eps)
        return batch_norm_eval(x, self.weight, self.bias, mean, var, self.eps), mean, var


class biased_running_variance(_Layer):
    """averaging the biased variance into running_var: PyTorch tracks the one divided by m - 1, because it has to speak
    for images that are not in the batch. With m = 4 values per channel yours is a quarter too small. update_running
    multiplies by m / (m - 1), once: hand it the var of batch_norm and m = N * H * W."""

    def track(self, mean, var, m):
        super().track(mean, var * (m - 1) / m, m)


class m_without_positions(_Layer):
    """taking N for m: each channel has N * H * W values, x.numel() / x.shape[1]. With 2 images of 2 x 1 pixels m is 4,
    not 2, and m / (m - 1) is 4/3, not 2: your running_var is too large."""

    def forward(self, x):
        self.positions = x[0, 0].numel()
        return super().forward(x)

    def track(self, mean, var, m):
        super().track(mean, var, m // self.positions)


class m_with_channels(_Layer):
    """handing x.numel() to update_running: that counts all channels together, here 12 numbers, while each variance was
    made of 4. The correction comes out as 12/11 and should be 4/3. Divide by the number of channels, x.shape[1]."""

    def forward(self, x):
        self.channels = x.shape[1]
        return super().forward(x)

    def track(self, mean, var, m):
        super().track(mean, var, m * self.channels)


class graph_in_the_buffers(_Layer):
    """updating the statistics with mean and var as autograd made them: running_mean then drags the graph of every
    batch so far behind it. Training does not complain, it gets slower and larger: after 50 steps of a small net 402
    nodes are alive, and deepcopy refuses. Use mean.detach() and var.detach(), or torch.no_grad() around the update."""

    def forward(self, x):
        if not self.training or not self.track_running_stats:
            return super().forward(x)
        y, mean, var = self.normalize(x)
        self.num_batches_tracked += 1
        self.running_mean, self.running_var = update_running(
            self.running_mean, self.running_var, mean, var, _m(x), self.weight_of_the_new()
        )
        return y


class its_own_train_flag(_Layer):
    """asking a flag of its own whether it trains: net.eval() sets self.training in every layer to False and knows no
    other name. Yours goes on as in training: it normalizes by the batch and moves the running statistics, in this
    check 0.3 of the way towards images that it was only to evaluate. Ask self.training."""

    def forward(self, x):
        mode, self.training = self.training, True
        y = super().forward(x)
        self.training = mode
        return y


class asking_is_grad_enabled(_Layer):
    """asking torch.is_grad_enabled() whether it trains: gradients are wanted in evaluation too (saliency maps, a
    frozen layer in fine-tuning), and a training step may run without them (recalibration does). Step 3 of the check is
    such a step, and the evaluation wants a gradient; yours takes each for the other. Ask self.training."""

    def forward(self, x):
        mode, self.training = self.training, torch.is_grad_enabled()
        y = super().forward(x)
        self.training = mode
        return y


class momentum_inverted(_Layer):
    """weighting the old value with momentum: in BatchNorm momentum is the weight of the *new* batch, unlike in an
    optimizer (and unlike in TensorFlow). With the usual 0.1 you keep a tenth of the old value where nine tenths are
    kept."""

    def weight_of_the_new(self):
        return 1 - super().weight_of_the_new()


class none_taken_for_a_tenth(_Layer):
    """reading momentum=None as 0.1: None asks for the plain average of all batches, so the weight of the new one is 1
    / num_batches_tracked: 1, then 1/2, then 1/3."""

    def weight_of_the_new(self):
        return 0.1 if self.momentum is None else self.momentum


class none_ahead_by_one(_Layer):
    """counting the batch after it was averaged: with momentum=None the first batch has weight 1 / 1, the second 1 / 2.
    Yours are 1/2, 1/3, ..., so the initial mean 0 and variance 1 stay in the average for good. Add 1 to
    num_batches_tracked first."""

    def weight_of_the_new(self):
        return 1 / (self.num_batches_tracked.item() + 1) if self.momentum is None else self.momentum


class never_updated(_Layer):
    """not updating the statistics at all: training looks perfect, since it uses the batch, and evaluation divides by
    the initial variance 1. After the first batch running_mean is to have moved by momentum times the batch mean; yours
    is still 0."""

    def track(self, mean, var, m):
        pass


class not_counting(_Layer):
    """not counting the batches: num_batches_tracked stays 0. It is a buffer, saved with the others, and momentum=None
    divides by it. Add 1 in each training step: self.num_batches_tracked += 1."""

    def track(self, mean, var, m):
        count = self.seen = getattr(self, "seen", 0) + 1
        momentum = 1 / count if self.momentum is None else self.momentum
        self.move(*update_running(self.running_mean, self.running_var, mean, var, m, momentum))


class last_batch_only(_Layer):
    """storing the statistics of the last batch: that is momentum = 1. The running ones move by a tenth of the way, so
    that one odd batch cannot spoil them. update_running(running_mean, running_var, mean, var, m, momentum) does it."""

    def weight_of_the_new(self):
        return 1.0


class batch_statistics_in_evaluation(_Layer):
    """normalizing by the batch in evaluation too: then the label of an image depends on its companions, and a single
    image of 1 x 1 pixels cannot be evaluated at all. When self.training is False, use batch_norm_eval with
    running_mean and running_var."""

    def forward(self, x):
        return super().forward(x) if self.training else self.normalize(x)[0]


class updating_in_evaluation(_Layer):
    """updating the statistics in evaluation: y uses the stored ones, as it should, but each batch of test images moves
    them. Evaluating twice then gives 2 results, and the test set leaks into the model. Update when self.training is
    True."""

    def forward(self, x):
        y = super().forward(x)
        if not self.training and self.track_running_stats:
            _, mean, var = self.normalize(x.detach())
            self.track(mean, var, _m(x))
        return y


class running_statistics_in_training(_Layer):
    """normalizing by the running statistics in training too: then nothing keeps the activations at mean 0 while the
    weights change, and the gradient through the batch is missing. The first training batch is to come out with mean 0
    before weight and bias; yours is divided by the initial 1. Training uses the batch's own."""

    def normalize(self, x):
        _, mean, var = batch_norm(x, None, None, self.eps)
        if not self.track_running_stats:
            return super().normalize(x)
        rm, rv = self.running_mean, self.running_var
        return batch_norm_eval(x, self.weight, self.bias, rm, rv, self.eps), mean, var


class standard_deviation_tracked(_Layer):
    """averaging standard deviations into running_var: evaluation takes the root of it again. A channel with standard
    deviation 2 has variance 4, and you would end at 2."""

    def track(self, mean, var, m):
        unbiased = var * m / (m - 1)
        super().track(mean, unbiased.sqrt() * (m - 1) / m, m)


class eps_of_the_default(_Layer):
    """not handing self.eps on: batch_norm and batch_norm_eval then use their default, 1e-5, whatever the layer was
    made with. The check makes it with 0.1."""

    def forward(self, x):
        eps, self.eps = self.eps, 1e-5
        y = super().forward(x)
        self.eps = eps
        return y


class parameters_detached(_Layer):
    """reading self.weight.data and self.bias.data (or detaching them): y is right, and their gradients are None, so
    that the optimizer leaves them at 1 and 0 for ever. Hand over self.weight and self.bias themselves."""

    def forward(self, x):
        weight, bias = self.weight, self.bias
        self._parameters.update(weight=weight if weight is None else weight.data)
        self._parameters.update(bias=bias if bias is None else bias.data)
        y = super().forward(x)
        self._parameters.update(weight=weight, bias=bias)
        return y


class statistics_that_are_not_there(_Layer):
    """updating without asking whether there is anything to update: with track_running_stats=False the 3 buffers are
    None, and the layer uses the batch in both modes. Ask `if self.training and self.track_running_stats`, and in
    evaluation use the running ones only if they are there."""

    def forward(self, x):
        tracks, self.track_running_stats = self.track_running_stats, True
        try:
            return super().forward(x)
        finally:
            self.track_running_stats = tracks


BatchNorm2d = [
    flat,
    buffers_not_registered,
    parameters_as_tensors,
    statistics_as_parameters,
    constants_for_statistics,
    biased_running_variance,
    m_without_positions,
    m_with_channels,
    graph_in_the_buffers,
    its_own_train_flag,
    asking_is_grad_enabled,
    momentum_inverted,
    none_taken_for_a_tenth,
    none_ahead_by_one,
    not_counting,  # before never_updated, which gives the same count
    never_updated,
    last_batch_only,
    batch_statistics_in_evaluation,
    updating_in_evaluation,
    running_statistics_in_training,
    standard_deviation_tracked,
    eps_of_the_default,
    parameters_detached,
    statistics_that_are_not_there,
]


# --- replace_batch_norm(net) -> net ---------------------------------------------------------------------------------

OURS = {
    nn.BatchNorm1d: norm_torch.BatchNorm1d,
    nn.BatchNorm2d: norm_torch.BatchNorm2d,
    nn.BatchNorm3d: norm_torch.BatchNorm3d,
}


def _made_new(old):
    """A new layer of ours with the settings of the old one."""
    like = old.running_mean if old.weight is None else old.weight
    kind = dict(device=like.device, dtype=like.dtype) if like is not None else {}
    settings = (old.num_features, old.eps, old.momentum, old.affine, old.track_running_stats)
    return OURS[type(old)](*settings, **kind)


def _same_state(new, old):
    """old's everything in new: the very same parameters, buffers, hooks and mode."""
    new.__dict__ = old.__dict__
    return new


def _rebuild(net, make):
    """net with make(layer) in place of each BatchNorm, at every depth and at the root."""
    if type(net) in OURS:
        return make(net)
    for name, child in net.named_children():
        setattr(net, name, _rebuild(child, make))
    return net


def only_the_top(net):
    """looking at the children of net only: children() is one level deep, and real networks are blocks inside
    blocks. In a net of 3 levels the layers of the inner ones stay as they were. Use net.modules(), which goes through
    everything, or call your function again for each child."""
    for child in net.children():
        if type(child) in OURS:
            child.__class__ = OURS[type(child)]
    return net


def not_the_root(net):
    """overlooking a net that is itself a BatchNorm: it has 0 children, so a loop over children never sees it.
    net.modules() begins with the net itself."""
    for child in net.children():
        _rebuild(child, lambda old: old)
    if type(net) not in OURS:
        _rebuild(net, lambda old: _same_state(_made_new(old), old))
    return net


def new_layers_over_children(net):
    """setting new layers over the children of net: 2 things are lost. load_state_dict copies the numbers into new
    Parameters, and an optimizer made before still moves the old ones, which the net no longer uses. And a net that is
    itself a BatchNorm has no children, so nothing is replaced. Look for a way that keeps each object and changes what
    it does."""
    for name, child in net.named_children():
        if type(child) in OURS:
            new = _made_new(child)
            new.load_state_dict(child.state_dict())
            setattr(net, name, new)
        else:
            new_layers_over_children(child)
    return net


def the_name_alone(net):
    """giving a name in your function another value: module = BatchNorm2d(...) in a loop changes what the name stands
    for, and nothing in net, which comes back with 0 of its layers replaced. Change the object itself, or the place in
    its parent that holds it."""
    return net


def two_dimensions_only(net):
    """replacing nn.BatchNorm2d alone: fully connected parts have BatchNorm1d, volumes BatchNorm3d. All 3 are
    wanted."""
    return _rebuild(net, lambda old: _same_state(_made_new(old), old) if type(old) is nn.BatchNorm2d else old)


def fresh_layers(net):
    """putting freshly made layers in: weight 1, bias 0, mean 0, variance 1. All that was trained in them is gone. What
    was in the old layer has to be in the new one; module.__class__ = ... leaves it where it is."""
    return _rebuild(net, _made_new)


def copied_parameters(net):
    """copying the numbers into new Parameters (load_state_dict): the output is the same, but an optimizer made before
    still moves the old ones, 0 of which the net uses now: the new ones never change. The new layer has to hold the
    very same Parameter objects."""

    def copied(old):
        new = _made_new(old).train(old.training)
        new.load_state_dict(old.state_dict())
        return new

    return _rebuild(net, copied)


def copied_buffers(net):
    """handing over the Parameters but copying the buffers: whoever else holds them (an average of models, a
    distributed wrapper) then watches 3 tensors per layer that nobody updates any more."""

    def copied(old):
        new = _made_new(old)
        buffers = {name: None if b is None else b.clone() for name, b in old._buffers.items()}
        new.__dict__ = {**old.__dict__, "_buffers": buffers}
        return new

    return _rebuild(net, copied)


def statistics_forgotten(net):
    """handing over weight and bias but not the running statistics: training goes on as before, evaluation divides by
    the initial variance 1. running_mean, running_var and num_batches_tracked are 3 buffers, to be kept as well."""

    def made(old):
        new = _made_new(old).train(old.training)
        new.weight, new.bias = old.weight, old.bias
        new._forward_hooks = old._forward_hooks
        return new

    return _rebuild(net, made)


def settings_forgotten(net):
    """making the new layers with num_features alone: eps goes back to 1e-5 and momentum to 0.1, and affine=False is
    gone. Hand on eps, momentum, affine and track_running_stats too, or change the class and nothing else."""

    def made(old):
        new = _same_state(_made_new(old), old)
        new.eps, new.momentum = 1e-5, 0.1
        return new

    return _rebuild(net, made)


def mode_forgotten(net):
    """leaving every new layer in training mode: modules are born with training = True. A layer that was frozen with
    .eval(), as in fine-tuning, then uses its batch again and moves its 2 statistics."""

    def made(old):
        return _same_state(_made_new(old), old).train()

    return _rebuild(net, made)


def hooks_forgotten(net):
    """losing the hooks of the old layer: someone who registered a forward hook (to look at activations, say) is called
    0 times from then on. A new object has none; an object whose class is changed keeps them."""

    def made(old):
        new = _made_new(old)
        empty = type(old._forward_hooks)()
        new.__dict__ = {**old.__dict__, "_forward_hooks": empty}
        return new

    return _rebuild(net, made)


def subclasses_too(net):
    """asking isinstance(module, nn.BatchNorm2d): every subclass that somebody wrote with another forward passes the
    question too, and what it did in addition is gone (by nn.modules.batchnorm._BatchNorm even SyncBatchNorm passes).
    Ask for the exact type, type(module) is nn.BatchNorm2d, and so for all 3."""
    for module in net.modules():
        for theirs, ours in OURS.items():
            if isinstance(module, theirs):
                module.__class__ = ours
    return net


def a_copy(net):
    """changing a deep copy: what you return has new Parameters, and the optimizer and everyone else still hold those
    of the old net: 0 of them are in yours. Change the net that you were given."""
    return norm_torch.replace_batch_norm(copy.deepcopy(net))


def shared_layer_made_twice(net):
    """making one new layer for each *place*: a layer that stands in 2 places is one layer, with one running mean that
    both update. named_children() lists it once, and the other place keeps the old layer (or gets another new one).
    Changing the class in place needs no bookkeeping."""

    def visit(module):
        seen = set()
        for name, child in list(module._modules.items()):
            if type(child) in OURS and child not in seen:
                seen.add(child)
                module._modules[name] = _same_state(_made_new(child), child)
            elif type(child) not in OURS:
                visit(child)
        return module

    return _same_state(_made_new(net), net) if type(net) in OURS else visit(net)


replace_batch_norm = [
    only_the_top,
    not_the_root,
    new_layers_over_children,
    the_name_alone,
    two_dimensions_only,
    fresh_layers,
    copied_parameters,
    copied_buffers,
    statistics_forgotten,
    settings_forgotten,
    mode_forgotten,
    hooks_forgotten,
    subclasses_too,
    a_copy,
    shared_layer_made_twice,
]
