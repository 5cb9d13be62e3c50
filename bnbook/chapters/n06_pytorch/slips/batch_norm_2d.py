"""Wrong answers to the exercise `BatchNorm2d`."""

import torch
from torch import nn

from bnbook.grading.exercise import slip_of
from bnbook.norm_torch import batch_norm, batch_norm_eval, update_running

from .parts import count

# --- BatchNorm2d: a subclass of nn.BatchNorm2d with another forward ------------------------------------------------


class _Layer(nn.BatchNorm2d):
    """All of it right, in steps that a slip can bend."""

    def forward(self, x):
        if not self.training and self.track_running_stats:
            return batch_norm_eval(x, self.weight, self.bias, self.running_mean, self.running_var, self.eps)
        y, mean, var = self.normalize(x)
        if self.training and self.track_running_stats:
            self.track(mean.detach(), var.detach(), count(x))
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


@slip_of("BatchNorm2d")
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


@slip_of("BatchNorm2d")
class buffers_not_registered(flat):
    """keeping the statistics as plain attributes: self.running_mean = torch.zeros(C) in an nn.Module of your own is
    invisible to state_dict, to .to(device) and to load_state_dict. A saved net then comes back with mean 0 and
    variance 1, and evaluates wrongly. register_buffer makes them part of the layer; in a subclass of nn.BatchNorm2d
    they already are."""

    keep = nn.Module.__setattr__


@slip_of("BatchNorm2d")
class parameters_as_tensors(flat):
    """keeping weight and bias as plain tensors: net.parameters() does not list them, so no optimizer moves them from 1
    and 0, and state_dict forgets them. nn.Parameter(...) is what registers them; nn.BatchNorm2d has done so."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__(num_features, eps, momentum)
        for name in ("weight", "bias"):
            plain = getattr(self, name).detach().requires_grad_()
            delattr(self, name)
            setattr(self, name, plain)


@slip_of("BatchNorm2d")
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


@slip_of("BatchNorm2d")
class constants_for_statistics(_Layer):
    """taking mean and variance under no_grad (or .detach(), or .data): y is right, but the gradient treats them as
    constants. The right dx sums to 0 in each channel, yours does not. Let batch_norm's gradient pass, and detach only
    what goes into the running statistics."""

    def normalize(self, x):
        _, mean, var = batch_norm(x.detach(), None, None, self.eps)
        return batch_norm_eval(x, self.weight, self.bias, mean, var, self.eps), mean, var


@slip_of("BatchNorm2d")
class biased_running_variance(_Layer):
    """averaging the biased variance into running_var: PyTorch tracks the one divided by m - 1, because it has to speak
    for images that are not in the batch. With m = 4 values per channel yours is a quarter too small. update_running
    multiplies by m / (m - 1), once: hand it the var of batch_norm and m = N * H * W."""

    def track(self, mean, var, m):
        super().track(mean, var * (m - 1) / m, m)


@slip_of("BatchNorm2d")
class m_without_positions(_Layer):
    """taking N for m: each channel has N * H * W values, x.numel() / x.shape[1]. With 2 images of 2 x 1 pixels m is 4,
    not 2, and m / (m - 1) is 4/3, not 2: your running_var is too large."""

    def forward(self, x):
        self.positions = x[0, 0].numel()
        return super().forward(x)

    def track(self, mean, var, m):
        super().track(mean, var, m // self.positions)


@slip_of("BatchNorm2d")
class m_with_channels(_Layer):
    """handing x.numel() to update_running: that counts all channels together, here 12 numbers, while each variance was
    made of 4. The correction comes out as 12/11 and should be 4/3. Divide by the number of channels, x.shape[1]."""

    def forward(self, x):
        self.channels = x.shape[1]
        return super().forward(x)

    def track(self, mean, var, m):
        super().track(mean, var, m * self.channels)


@slip_of("BatchNorm2d")
class graph_in_the_buffers(_Layer):
    """updating the statistics with mean and var as autograd made them: running_mean then drags the graph of every
    batch so far behind it. Training does not complain: after 50 steps of a small net 402
    nodes are alive, and deepcopy refuses. Use mean.detach() and var.detach(), or torch.no_grad() around the update."""

    def forward(self, x):
        if not self.training or not self.track_running_stats:
            return super().forward(x)
        y, mean, var = self.normalize(x)
        self.num_batches_tracked += 1
        self.running_mean, self.running_var = update_running(
            self.running_mean, self.running_var, mean, var, count(x), self.weight_of_the_new()
        )
        return y


@slip_of("BatchNorm2d")
class its_own_train_flag(_Layer):
    """asking a flag of its own whether it trains: net.eval() sets self.training in every layer to False and knows no
    other name. Yours goes on as in training: it normalizes by the batch and moves the running statistics, in this
    check 0.3 of the way towards images that it was only to evaluate. Ask self.training."""

    def forward(self, x):
        mode, self.training = self.training, True
        y = super().forward(x)
        self.training = mode
        return y


@slip_of("BatchNorm2d")
class asking_is_grad_enabled(_Layer):
    """asking torch.is_grad_enabled() whether it trains: gradients are wanted in evaluation too (saliency maps, a
    frozen layer in fine-tuning), and a training step may run without them (recalibration does). Step 3 of the check is
    such a step, and the evaluation wants a gradient; yours takes each for the other. Ask self.training."""

    def forward(self, x):
        mode, self.training = self.training, torch.is_grad_enabled()
        y = super().forward(x)
        self.training = mode
        return y


@slip_of("BatchNorm2d")
class momentum_inverted(_Layer):
    """weighting the old value with momentum: in BatchNorm momentum is the weight of the *new* batch, unlike in an
    optimizer (and unlike in TensorFlow). With the usual 0.1 you keep a tenth of the old value where nine tenths are
    kept."""

    def weight_of_the_new(self):
        return 1 - super().weight_of_the_new()


@slip_of("BatchNorm2d")
class none_taken_for_a_tenth(_Layer):
    """reading momentum=None as 0.1: None asks for the plain average of all batches, so the weight of the new one is 1
    / num_batches_tracked: 1, then 1/2, then 1/3."""

    def weight_of_the_new(self):
        return 0.1 if self.momentum is None else self.momentum


@slip_of("BatchNorm2d")
class none_ahead_by_one(_Layer):
    """counting the batch after it was averaged: with momentum=None the first batch has weight 1 / 1, the second 1 / 2.
    Yours are 1/2, 1/3, ..., so the initial mean 0 and variance 1 stay in the average for good. Add 1 to
    num_batches_tracked first."""

    def weight_of_the_new(self):
        return 1 / (self.num_batches_tracked.item() + 1) if self.momentum is None else self.momentum


@slip_of("BatchNorm2d")  # before never_updated, which gives the same count
class not_counting(_Layer):
    """not counting the batches: num_batches_tracked stays 0. It is a buffer, saved with the others, and momentum=None
    divides by it. Add 1 in each training step: self.num_batches_tracked += 1."""

    def track(self, mean, var, m):
        count = self.seen = getattr(self, "seen", 0) + 1
        momentum = 1 / count if self.momentum is None else self.momentum
        self.move(*update_running(self.running_mean, self.running_var, mean, var, m, momentum))


@slip_of("BatchNorm2d")
class never_updated(_Layer):
    """not updating the statistics at all: training looks perfect, since it uses the batch, and evaluation divides by
    the initial variance 1. After the first batch running_mean is to have moved by momentum times the batch mean; yours
    is still 0."""

    def track(self, mean, var, m):
        pass


@slip_of("BatchNorm2d")
class last_batch_only(_Layer):
    """storing the statistics of the last batch: that is momentum = 1. The running ones move by a tenth of the way, so
    that one odd batch cannot spoil them. update_running(running_mean, running_var, mean, var, m, momentum) does it."""

    def weight_of_the_new(self):
        return 1.0


@slip_of("BatchNorm2d")
class batch_statistics_in_evaluation(_Layer):
    """normalizing by the batch in evaluation too: then the label of an image depends on its companions, and a single
    image of 1 x 1 pixels cannot be evaluated at all. When self.training is False, use batch_norm_eval with
    running_mean and running_var."""

    def forward(self, x):
        return super().forward(x) if self.training else self.normalize(x)[0]


@slip_of("BatchNorm2d")
class updating_in_evaluation(_Layer):
    """updating the statistics in evaluation: y uses the stored ones, as it should, but each batch of test images moves
    them. Evaluating twice then gives 2 results, and the test set leaks into the model. Update when self.training is
    True."""

    def forward(self, x):
        y = super().forward(x)
        if not self.training and self.track_running_stats:
            _, mean, var = self.normalize(x.detach())
            self.track(mean, var, count(x))
        return y


@slip_of("BatchNorm2d")
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


@slip_of("BatchNorm2d")
class standard_deviation_tracked(_Layer):
    """averaging standard deviations into running_var: evaluation takes the root of it again. A channel with standard
    deviation 2 has variance 4, and you would end at 2."""

    def track(self, mean, var, m):
        unbiased = var * m / (m - 1)
        super().track(mean, unbiased.sqrt() * (m - 1) / m, m)


@slip_of("BatchNorm2d")
class eps_of_the_default(_Layer):
    """not handing self.eps on: batch_norm and batch_norm_eval then use their default, 1e-5, whatever the layer was
    made with. The check makes it with 0.1."""

    def forward(self, x):
        eps, self.eps = self.eps, 1e-5
        y = super().forward(x)
        self.eps = eps
        return y


@slip_of("BatchNorm2d")
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


@slip_of("BatchNorm2d")
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


# --- what shows later: in a copy, in a saved layer, in other numbers -------------------------------------------------


@slip_of("BatchNorm2d")
class new_tensors_for_buffers(_Layer):
    """assigning new tensors, self.running_mean = new: the layer is right, and whoever holds the old tensor, say an
    average of models or a distributed wrapper, watches numbers that never move again. Of 3 buffers yours are
    others after training than before. Write into them: self.running_mean.copy_(new)."""

    def move(self, mean, var):
        self.running_mean, self.running_var = mean, var


@slip_of("BatchNorm2d")
class no_grad_in_evaluation(_Layer):
    """evaluating under torch.no_grad(): y is right, but it has no way back, and evaluation mode is not inference: a
    frozen layer in fine-tuning passes its gradient on, and so do saliency maps. dx, dweight and dbias are all 0 there.
    Whoever wants no gradients says so outside of the layer."""

    def forward(self, x):
        with torch.set_grad_enabled(torch.is_grad_enabled() and (self.training or not self.track_running_stats)):
            return super().forward(x)


@slip_of("BatchNorm2d")
class zero_taken_for_none(_Layer):
    """self.momentum or 1 / count (or `if not self.momentum`): 0.0 is false in Python, as None is, so momentum=0.0,
    which is to leave the statistics where they are, becomes the plain average. Ask `is None`."""

    def weight_of_the_new(self):
        return self.momentum or 1 / self.num_batches_tracked.item()


@slip_of("BatchNorm2d")
class momentum_overwritten(_Layer):
    """storing 1 / count in self.momentum: after the first batch it is 1.0 and no longer None, so every later batch has
    weight 1 too, and only the last one counts. Keep the weight in a variable of forward's own."""

    def weight_of_the_new(self):
        if self.momentum is None:
            self.momentum = 1 / self.num_batches_tracked.item()
        return self.momentum


@slip_of("BatchNorm2d")
class a_counter_of_its_own(_Layer):
    """counting batches in a Python number beside num_batches_tracked: that number is not saved. A layer that has loaded
    the state_dict of yours starts at 1 again, and with momentum=None its first batch has weight 1 / 1 and wipes out
    all that was averaged. Divide by the buffer: 1 / self.num_batches_tracked."""

    def weight_of_the_new(self):
        self.steps = getattr(self, "steps", 0) + 1
        return 1 / self.steps if self.momentum is None else self.momentum


@slip_of("BatchNorm2d")
class the_mean_kept_with_its_graph(_Layer):
    """keeping the batch's mean as an attribute, self.batch_mean = mean, to look at it later: it has a graph, and 1 such
    tensor is enough for copy.deepcopy to refuse the layer, and all that came before it stays in memory. Store
    mean.detach()."""

    def normalize(self, x):
        y, self.batch_mean, var = super().normalize(x)
        return y, self.batch_mean, var


@slip_of("BatchNorm2d")
class in_one_pass(_Layer):
    """the mean of the squares less the square of the mean: right in float64 and near 0. In float32 at a mean of 10,000
    both are near 1e8, of which float32 keeps 7 digits: the variance is noise, even negative. batch_norm subtracts the
    mean first."""

    def normalize(self, x):
        axes, shape = (0, 2, 3), (-1, 1, 1)
        if x.numel() == x.shape[1]:
            return batch_norm(x, self.weight, self.bias, self.eps)
        if x.dtype == torch.float16:
            return super().normalize(x)
        mean = x.mean(axes)
        var = (x**2).mean(axes) - mean**2
        y = (x - mean.view(shape)) / torch.sqrt(var.view(shape) + self.eps)
        return (y if self.weight is None else y * self.weight.view(shape) + self.bias.view(shape)), mean, var


@slip_of("BatchNorm2d")
class y_in_32_bits(_Layer):
    """returning float32 for a float16 x: a product with the float32 weight becomes float32 by itself, and every layer
    after this one then moves 4 bytes per number where autocast meant 2. Hand x as it comes to batch_norm, or end
    with y.to(x.dtype)."""

    def normalize(self, x):
        wide = x.float() if x.dtype == torch.float16 else x
        return batch_norm(wide, self.weight, self.bias, self.eps)


@slip_of("BatchNorm2d")
class variance_in_16_bits(_Layer):
    """computing in the 16 bits in which x comes: float16 ends at 65,504, a standard deviation of 300 has the variance
    90,000, and infinity in running_var stays there for ever. Statistics need 32 bits: batch_norm takes care of it."""

    def normalize(self, x):
        y, mean, var = super().normalize(x)
        return y, mean, var.to(x.dtype)
