"""The arithmetic of Batch Normalization, plainly.

Read after nothing: start here.
Built in notebook 02 (forward), 03 (backward), 04 (running statistics, the layer, folding), 11 (the relatives); `merge`
in 14.

One pair of functions, `normalize` and `normalize_backward`, is the whole of batch, layer, group and instance
norm in 1d, 2d and 3d: the choice of axes tells them apart. Two rules hold everywhere below.

- Arithmetic is float64 whatever the input, and the result is rounded once, to the dtype of x. Summing float32
  in float32 costs 8e-5 in y when the mean is 1e4 standard deviations; in float64 nothing is lost.
- The variance is the mean of squared *deviations*. E[x^2] - E[x]^2 subtracts two nearly equal numbers, and in
  float32 at that same offset it can even come out negative.
"""

import numpy as np

# NaN, infinity and a float16 overflow are legal values here, as in PyTorch: they stay in their channel, silently.
silent = np.errstate(invalid="ignore", over="ignore", divide="ignore")


def batch_axes(ndim):
    """The axes that BatchNorm averages over: all but axis 1, the channels.

    ndim   number of axes of x, 2 or more
    Returns a tuple of ints: (0,) for (N, C), (0, 2, 3) for (N, C, H, W).
    """
    return (0, *range(2, ndim))


@silent
def normalize(x, axes, eps=1e-5):
    """Shift and scale x to mean 0 and variance 1 (a little less, because of eps) along the given axes.

        x_hat = (x - mean) / sqrt(var + eps)

    x      any shape
    axes   tuple      the axes averaged over; every remaining index has its own mean and variance
    eps    added to the variance, so in the units of x squared
    Returns x_hat (like x), mean, var (the averaged axes kept as 1; float64); var is biased: divided by m, not m - 1.
    Raises ValueError if x is not an array of floats.
    Source: Ioffe & Szegedy 2015, algorithm 1, lines 1 to 3.
    """
    x = as_floats("x", x)
    mean = x.mean(axes, keepdims=True, dtype=np.float64)
    deviation = x - mean
    var = np.mean(deviation**2, axes, keepdims=True)
    x_hat = deviation / np.sqrt(var + eps)
    return x_hat.astype(x.dtype), mean, var


@silent
def normalize_backward(dx_hat, x_hat, var, axes, eps=1e-5):
    """Gradient through `normalize`: remove what lies along 1 and along x_hat, divide by the standard deviation.

        dx = (dx_hat - mean(dx_hat) - x_hat * mean(dx_hat * x_hat)) / sqrt(var + eps)

    dx_hat  like x_hat  gradient of the loss with respect to x_hat
    x_hat   any shape   what `normalize` returned
    var     broadcasts  what `normalize` returned
    axes    tuple       as in `normalize`
    Returns dx (like dx_hat).
    Source: Ioffe & Szegedy 2015, section 3, with the three chain-rule terms collected; derived in notebook 03.
    """
    dx_hat, wide = as_floats("dx_hat", dx_hat), np.asarray(x_hat, np.float64)
    along_one = np.mean(dx_hat, axes, keepdims=True, dtype=np.float64)
    along_x_hat = np.mean(dx_hat * wide, axes, keepdims=True)
    dx = (dx_hat - along_one - wide * along_x_hat) / np.sqrt(var + eps)
    return dx.astype(dx_hat.dtype)


@silent
def batch_norm(x, gamma, beta, eps=1e-5):
    """Training-time Batch Normalization: each channel by the statistics of this batch.

        y = gamma * (x - mean) / sqrt(var + eps) + beta

    x      (N, C, *)
    gamma  (C,)       scale, or None for 1
    beta   (C,)       shift, or None for 0
    eps    added to the variance, so in the units of x squared
    Returns y (N, C, *), mean (C,), var (C,); var is biased, the one that normalized.
    Raises ValueError if gamma or beta is not (C,), or a channel has a single value.
    Source: Ioffe & Szegedy 2015, algorithm 1.
    """
    x = as_batch("x", x, gamma=gamma, beta=beta)
    if x.size <= x.shape[1]:
        raise ValueError(
            f"x has shape {x.shape}: fewer than two values per channel, so there is no spread to divide by. Use a "
            "batch of 2 or more (or H * W > 1) in training, or batch_norm_eval."
        )
    x_hat, mean, var = normalize(x.astype(np.float64), batch_axes(x.ndim), eps)
    y = as_column(gamma, 1.0, x) * x_hat + as_column(beta, 0.0, x)
    return y.astype(x.dtype), mean.ravel(), var.ravel()


@silent
def batch_norm_backward(dy, x, gamma, mean, var, eps=1e-5):
    """Gradients of the loss through `batch_norm`. Only x is kept from the forward pass: x_hat is made again.

        dgamma = sum(dy * x_hat)      dbeta = sum(dy)      dx = normalize_backward(gamma * dy)

    dy     (N, C, *)  gradient of the loss with respect to y
    x      (N, C, *)  the input of the forward pass
    gamma  (C,)       scale, or None for 1
    mean   (C,)       what `batch_norm` returned
    var    (C,)       what `batch_norm` returned
    Returns dx (N, C, *), dgamma (C,), dbeta (C,).
    Raises ValueError if dy and x differ in shape, or gamma, mean or var is not (C,).
    Source: Ioffe & Szegedy 2015, section 3; derived in notebook 03.
    """
    x = as_batch("x", x, gamma=gamma, mean=mean, var=var)
    dy = as_floats("dy", dy)
    if dy.shape != x.shape:
        raise ValueError(f"dy has shape {dy.shape} and x {x.shape}: dy is the gradient of y, so both must be equal.")
    axes, wide = batch_axes(x.ndim), dy.astype(np.float64)
    var = as_column(var, 1.0, x)
    x_hat = (x - as_column(mean, 0.0, x)) / np.sqrt(var + eps)
    dx = normalize_backward(as_column(gamma, 1.0, x) * wide, x_hat, var, axes, eps)
    return dx.astype(x.dtype), (wide * x_hat).sum(axes), wide.sum(axes)


@silent
def batch_norm_eval(x, gamma, beta, running_mean, running_var, eps=1e-5):
    """Inference: the same formula with stored statistics, so an affine map of x that no other image can change.

        y = gamma * (x - running_mean) / sqrt(running_var + eps) + beta

    x             (N, C, *)   one image is enough
    gamma         (C,)        scale, or None for 1
    beta          (C,)        shift, or None for 0
    running_mean  (C,)
    running_var   (C,)
    Returns y (N, C, *).
    Raises ValueError if a vector is not (C,).
    Source: Ioffe & Szegedy 2015, algorithm 2, line 11.
    """
    x = as_batch("x", x, gamma=gamma, beta=beta, running_mean=running_mean, running_var=running_var)
    scale = as_column(gamma, 1.0, x) / np.sqrt(as_column(running_var, 1.0, x) + eps)
    y = (x - as_column(running_mean, 0.0, x)) * scale + as_column(beta, 0.0, x)
    return y.astype(x.dtype)


def update_running(running_mean, running_var, mean, var, m, momentum=0.1):
    """Move the running statistics a step towards those of this batch.

        running = (1 - momentum) * running + momentum * batch        with the *unbiased* batch variance

    running_mean  (C,)   running_var  (C,)   so far
    mean          (C,)   var          (C,)   of this batch, var biased, as `batch_norm` returns them
    m             values per channel: N * H * W
    momentum      weight of the new batch (an optimizer's momentum is the weight of the old)
    Returns running_mean (C,), running_var (C,), new arrays.
    Raises ValueError if m < 2: one value has no variance.
    Source: torch.nn.BatchNorm2d. Ioffe & Szegedy 2015, algorithm 2, line 10, has the same m / (m - 1).
    """
    if m < 2:
        raise ValueError(f"m is {m}: the unbiased variance divides by m - 1, so it needs 2 or more values per channel.")
    unbiased = np.asarray(var, np.float64) * m / (m - 1)
    new_mean = (1 - momentum) * np.asarray(running_mean) + momentum * np.asarray(mean, np.float64)
    new_var = (1 - momentum) * np.asarray(running_var) + momentum * unbiased
    return new_mean, new_var


@silent
def fold(weight, bias, gamma, beta, running_mean, running_var, eps=1e-5, transposed=False):
    """Merge an evaluation-mode BatchNorm into the linear or convolution layer *before* it.

        weight' = weight * s        bias' = (bias - running_mean) * s + beta        s = gamma / sqrt(running_var + eps)

    weight      (out, in, *), of a transposed convolution (in, out / groups, *)
    bias        (out,), or None for 0
    gamma, beta, running_mean, running_var  (out,)   of the BatchNorm; gamma and beta may be None
    transposed  True for nn.ConvTranspose: where out = in, the weight does not show it. groups follow from the shapes
    Returns weight (like weight), bias (out,).
    Raises ValueError if a vector is not (out,), or out / groups does not fit.
    Source: Jacob et al. 2018 (arXiv 1712.05877), section 3.2.
    """
    weight = as_floats("weight", weight)
    vectors = dict(bias=bias, gamma=gamma, beta=beta, running_mean=running_mean, running_var=running_var)
    out, groups = _out_and_groups(weight.shape, np.size(running_mean), transposed)
    _check_vectors("weight", weight, out, vectors)
    scale = (1.0 if gamma is None else np.asarray(gamma)) / np.sqrt(np.asarray(running_var, np.float64) + eps)
    shift = (0.0 if bias is None else np.asarray(bias)) - np.asarray(running_mean, np.float64)
    shift = shift * scale + (0.0 if beta is None else np.asarray(beta))
    if transposed:  # the inputs of a group have the outputs of that group, and so a row of scales, in common
        scale = np.repeat(scale.reshape(groups, -1), len(weight) // groups, axis=0)
    folded = weight * scale.reshape(*scale.shape, *[1] * (weight.ndim - scale.ndim))
    return folded.astype(weight.dtype), shift.astype(weight.dtype)


def merge(m_a, mean_a, M2_a, m_b, mean_b, M2_b):
    """Number, mean and squares around the mean of two heaps of numbers together, from those of each.

        mean = mean_a + d * m_b / m        M2 = M2_a + M2_b + d^2 * m_a * m_b / m        d = mean_b - mean_a

    m_a, m_b        how many numbers, at least one of the two not 0
    mean_a, mean_b  their means
    M2_a, M2_b      sum((x - mean)^2) of each heap: variance times number
    Returns m, mean, M2.
    Source: Chan, Golub & LeVeque 1983.
    """
    m, d = m_a + m_b, mean_b - mean_a
    return m, mean_a + d * m_b / m, M2_a + M2_b + d * d * m_a * m_b / m


@silent
def group_norm(x, gamma, beta, num_groups, eps=1e-5):
    """Each image and each group of neighbouring channels by its own statistics: no batch, no running averages.

    x           (N, C, *)
    gamma       (C,)       scale, or None for 1
    beta        (C,)       shift, or None for 0
    num_groups  must divide C; 1 is `layer_norm`, C is `instance_norm`
    Returns y (N, C, *).
    Raises ValueError if gamma or beta is not (C,), num_groups does not divide C, or a group has a single value.
    Source: Wu & He 2018 (arXiv 1803.08494), equation 7.
    """
    x = as_batch("x", x, gamma=gamma, beta=beta)
    x_hat = normalize(_grouped(x, num_groups), (2,), eps)[0].reshape(x.shape)
    return (as_column(gamma, 1.0, x) * x_hat + as_column(beta, 0.0, x)).astype(x.dtype)


@silent
def group_norm_backward(dy, x, gamma, num_groups, eps=1e-5):
    """Gradients of the loss through `group_norm`: dx over the groups, dgamma and dbeta over the channels.

        dgamma = sum(dy * x_hat)      dbeta = sum(dy)      dx = normalize_backward(gamma * dy)

    dy          (N, C, *)  gradient of the loss with respect to y
    x           (N, C, *)  the input of the forward pass; nothing else is kept from it
    gamma       (C,)       scale, or None for 1
    num_groups  as in `group_norm`
    Returns dx (N, C, *), dgamma (C,), dbeta (C,).
    Raises ValueError if dy and x differ in shape, and as `group_norm` does.
    Source: `normalize_backward`, derived in notebook 03, over the axes of Wu & He 2018 (arXiv 1803.08494).
    """
    x = as_batch("x", x, gamma=gamma)
    dy = as_floats("dy", dy)
    if dy.shape != x.shape:
        raise ValueError(f"dy has shape {dy.shape} and x {x.shape}: dy is the gradient of y, so both must be equal.")
    x_hat, _, var = normalize(_grouped(x, num_groups), (2,), eps)
    dx_hat = _grouped(as_column(gamma, 1.0, x) * dy.astype(np.float64), num_groups)
    dx = normalize_backward(dx_hat, x_hat, var, (2,), eps).reshape(x.shape)
    axes, wide = batch_axes(x.ndim), dy.astype(np.float64)
    return dx.astype(x.dtype), (wide * x_hat.reshape(x.shape)).sum(axes), wide.sum(axes)


def layer_norm(x, gamma, beta, eps=1e-5):
    """Each image by its own mean and variance: `group_norm` with one group. Source: Ba et al. 2016 (1607.06450)."""
    return group_norm(x, gamma, beta, 1, eps)


def instance_norm(x, gamma, beta, eps=1e-5):
    """Each channel of each image by itself: `group_norm` with C groups. Source: Ulyanov et al. 2016 (1607.08022)."""
    x = as_batch("x", x)
    return group_norm(x, gamma, beta, x.shape[1], eps)


@silent
def rms_norm(x, gamma, eps=1e-5):
    """Each image divided by its root mean square; no mean is subtracted, nothing is added.

        y = gamma * x / sqrt(mean(x^2) + eps)

    x      (N, C, *)
    gamma  (C,)       scale, or None for 1
    Returns y (N, C, *).
    Raises ValueError if gamma is not (C,).
    Source: Zhang & Sennrich 2019 (arXiv 1910.07467), equation 4; eps inside the root as in torch.nn.RMSNorm.
    """
    x = as_batch("x", x, gamma=gamma)
    wide = x.astype(np.float64)
    mean_square = np.mean(wide**2, tuple(range(1, x.ndim)), keepdims=True)
    return (as_column(gamma, 1.0, x) * wide / np.sqrt(mean_square + eps)).astype(x.dtype)


class BatchNorm:
    """The layer: parameters, running statistics and two modes around the functions above.

    num_features   C
    eps, momentum  as in the functions; momentum=None is the plain average of all batches so far
    .gamma .beta .running_mean .running_var  (C,)   .num_batches_tracked  int   .training  bool
    `forward` in training mode is the only thing that changes the running statistics;
    `backward` leaves .dgamma and .dbeta.
    """

    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        self.eps, self.momentum, self.training = eps, momentum, True
        self.gamma, self.beta = np.ones(num_features), np.zeros(num_features)
        self.running_mean, self.running_var = np.zeros(num_features), np.ones(num_features)
        self.num_batches_tracked = 0

    def forward(self, x):
        """y (N, C, *) from x (N, C, *): by this batch in training, by the running statistics otherwise."""
        self.x, self.by_batch = x, self.training
        if not self.training:
            self.mean, self.var = self.running_mean, self.running_var
            return batch_norm_eval(x, self.gamma, self.beta, self.mean, self.var, self.eps)
        y, self.mean, self.var = batch_norm(x, self.gamma, self.beta, self.eps)
        self.num_batches_tracked += 1
        momentum = 1 / self.num_batches_tracked if self.momentum is None else self.momentum
        self.running_mean, self.running_var = update_running(
            self.running_mean, self.running_var, self.mean, self.var, y.size // y.shape[1], momentum
        )
        return y

    def backward(self, dy):
        """dx (N, C, *) from dy (N, C, *), for the last forward pass, in the mode it ran in."""
        dx, self.dgamma, self.dbeta = batch_norm_backward(dy, self.x, self.gamma, self.mean, self.var, self.eps)
        if self.by_batch:
            return dx
        # Stored statistics do not depend on x: y is affine in it, so there is no projection, only the scale.
        return batch_norm_eval(dy, self.gamma, None, np.zeros_like(self.mean), self.var, self.eps)


def as_floats(name, x):
    """x as an array, or a sentence that says why it cannot be normalized."""
    x = np.asarray(x)
    if not np.issubdtype(x.dtype, np.floating):
        raise ValueError(f"{name} holds {x.dtype}, expected floats: the result would be rounded; use x.astype(float).")
    return x


def as_batch(name, x, **vectors):
    """x as a float array (N, C, *), after checking that each given vector has one entry per channel."""
    x = as_floats(name, x)
    if x.ndim < 2:
        raise ValueError(
            f"{name} has shape {x.shape}, expected (N, C) or (N, C, ...): the batch first, channels second."
        )
    _check_vectors(name, x, x.shape[1], vectors)
    return x


def _grouped(x, num_groups):
    """x (N, C, *) as (N, num_groups, values of a group), float64: a group is channels that are neighbours."""
    N, C, *positions = x.shape
    if num_groups < 1 or C % num_groups:
        raise ValueError(f"num_groups is {num_groups} and x has {C} channels: choose a divisor of {C}.")
    values = C // num_groups * int(np.prod(positions))
    if values < 2:  # PyTorch refuses it in instance norm and for N = 1; otherwise it returns beta, without a word
        raise ValueError(
            f"x has shape {x.shape} and num_groups is {num_groups}: fewer than two values per image and group, so "
            "there is no spread to divide by. Choose fewer groups, or images with more positions."
        )
    return x.astype(np.float64).reshape(N, num_groups, values)


def _out_and_groups(shape, out, transposed):
    """Outputs and groups of the layer with a weight of this shape, before a BatchNorm of `out` channels."""
    if not transposed:
        return shape[0], 1
    per_group = shape[1]
    if out % per_group or shape[0] % (out // per_group):
        raise ValueError(
            f"the BatchNorm has {out} channels and weight is {shape}, expected of a transposed convolution (in, out / "
            f"groups, *): {out} must be {per_group} times a number of groups that divides {shape[0]}. Leave transposed "
            "out for any other layer."
        )
    return out, out // per_group


def _check_vectors(name, x, size, vectors):
    for vector, value in vectors.items():
        if value is not None and np.shape(value) != (size,):
            raise ValueError(
                f"{vector} has shape {np.shape(value)}, expected ({size},): one number for each of the {size} channels "
                f"of {name} {x.shape}."
            )


def as_column(vector, default, x):
    """A (C,) vector shaped (C, 1, ..., 1), so that it lines up with axis 1 of x; None gives default."""
    return default if vector is None else np.asarray(vector, np.float64).reshape(-1, *[1] * (x.ndim - 2))
