"""The checks of notebook 04 accept every right layer, however it is written, and refuse what is bent a little."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bnbook import norm_numpy
from bnbook.chapters.n04_train_and_eval import checks
from bnbook.grading.compare import full
from bnbook.norm_numpy import batch_norm_eval

# --- update_running --------------------------------------------------------------------------------------------------


def by_a_step(running_mean, running_var, mean, var, m, momentum=0.1):
    step_mean, step_var = mean - running_mean, m * var / (m - 1) - running_var
    return running_mean + momentum * step_mean, running_var + momentum * step_var


def as_lists(running_mean, running_var, mean, var, m, momentum=0.1):
    old, new = (list(zip(*pair, strict=True)) for pair in ((running_mean, running_var), (mean, var)))
    pairs = [
        (a + momentum * (c - a), b + momentum * (d / (1 - 1 / m) - b)) for (a, b), (c, d) in zip(old, new, strict=True)
    ]
    return [p[0] for p in pairs], [p[1] for p in pairs]


def by_pytorch(running_mean, running_var, mean, var, m, momentum=0.1):
    """A batch with just this mean and variance, shown to PyTorch; the judge of the formula."""
    pattern = np.random.default_rng(0).normal(size=(m, 1))
    pattern = (pattern - pattern.mean()) / pattern.std()
    running = [torch.tensor(v) for v in (running_mean, running_var)]
    torch.nn.functional.batch_norm(torch.tensor(mean + pattern * np.sqrt(var)), *running, None, None, True, momentum)
    return tuple(v.numpy() for v in running)


@pytest.mark.parametrize("yours", [by_a_step, as_lists, by_pytorch])
def test_a_right_update_is_accepted(yours):
    verdict = checks.update_running.judge(yours)
    assert verdict.kind == "agrees", verdict.message


off = st.one_of(st.floats(1e-3, 1), st.floats(-1, -1e-3)).map(lambda d: 1 + d)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.sampled_from(["old", "new", "mean", "var", "factor"]), off)
def test_a_bent_update_is_refused(part, by):
    def yours(running_mean, running_var, mean, var, m, momentum=0.1):
        bend = {name: by if name == part else 1 for name in ("old", "new", "mean", "var", "factor")}
        old, new = bend["old"] * (1 - momentum), bend["new"] * momentum
        factor = 1 + bend["factor"] / (m - 1)
        return (
            bend["mean"] * (old * running_mean + new * mean),
            bend["var"] * (old * running_var + new * var * factor),
        )

    assert checks.update_running.judge(yours).kind == "wrong"


def by_keras(running_mean, running_var, mean, var, m, momentum=0.99):
    running_mean = momentum * running_mean + (1 - momentum) * mean
    return running_mean, momentum * running_var + (1 - momentum) * var * m / (m - 1)


def with_kerass_default(running_mean, running_var, mean, var, m, momentum=0.99):
    return norm_numpy.update_running(running_mean, running_var, mean, var, m, momentum)


def without_brackets_in_one_line(running_mean, running_var, mean, var, m, momentum=0.1):
    new = (1 - momentum) * running_var + momentum * var * m / m - 1
    return (1 - momentum) * running_mean + momentum * mean, new


def without_brackets(running_mean, running_var, mean, var, m, momentum=0.1):
    new = (1 - momentum) * running_var + momentum * (var * m / m - 1)
    return (1 - momentum) * running_mean + momentum * mean, new


@pytest.mark.parametrize(
    "yours, says",
    [
        (by_keras, "counting as Keras does, the old times momentum, with Keras' default 0.99"),
        (with_kerass_default, "0.99 as the default, as Keras has it"),
        (without_brackets, "var * m / m - 1 without brackets"),
        (without_brackets_in_one_line, "momentum * var * m / m - 1 without brackets"),
    ],
)
def test_a_slip_of_the_update_is_named(yours, says):
    message = checks.update_running.judge(yours).message
    assert f"That is what {says} gives: " in " ".join(message.split()), message


# --- batch_norm_eval -------------------------------------------------------------------------------------------------


def scale_and_shift(x, gamma, beta, running_mean, running_var, eps=1e-5):
    scale = gamma / np.sqrt(running_var + eps)
    shift = beta - running_mean * scale
    return np.moveaxis(np.moveaxis(x, 1, -1).astype(np.float64) * scale + shift, -1, 1)


def channel_by_channel(x, gamma, beta, running_mean, running_var, eps=1e-5):
    y = np.empty(x.shape)
    for c in range(x.shape[1]):
        y[:, c] = gamma[c] * (x[:, c] - running_mean[c]) * (running_var[c] + eps) ** -0.5 + beta[c]
    return y


def eval_by_pytorch(x, gamma, beta, running_mean, running_var, eps=1e-5):
    tensors = (torch.tensor(np.asarray(a, np.float64)) for a in (x, running_mean, running_var, gamma, beta))
    return torch.nn.functional.batch_norm(*tensors, False, 0.1, eps)


@pytest.mark.parametrize("yours", [scale_and_shift, channel_by_channel, eval_by_pytorch])
def test_a_right_evaluation_is_accepted(yours):
    verdict = checks.batch_norm_eval.judge(yours)
    assert verdict.kind == "agrees", verdict.message


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.sampled_from(range(6)), off, st.integers(2, 5))
def test_an_argument_bent_at_one_rank_is_refused(argument, by, rank):
    def yours(x, gamma, beta, running_mean, running_var, eps=1e-5):
        args = [x, gamma, beta, running_mean, running_var, eps]
        if x.ndim == rank:
            args[argument] = args[argument] * by
        return batch_norm_eval(*args)

    assert checks.batch_norm_eval.judge(yours).kind == "wrong"


def test_running_mean_and_running_var_exchanged_are_named_here_and_in_fold():
    def exchanged(x, gamma, beta, running_mean, running_var, eps=1e-5):
        return batch_norm_eval(x, gamma, beta, running_var, running_mean, eps)

    def folded(weight, bias, gamma, beta, running_mean, running_var, eps=1e-5):
        return norm_numpy.fold(weight, bias, gamma, beta, running_var, running_mean, eps)

    for exercise, yours in ((checks.batch_norm_eval, exchanged), (checks.fold, folded)):
        message = " ".join(exercise.judge(yours).message.split())
        assert "That is what running_mean and running_var exchanged gives: " in message


# --- BatchNorm -------------------------------------------------------------------------------------------------------


class InOneFormula:
    """Another way to write it: no function of the package, statistics kept as one array, backward as a projection."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        self.gamma, self.beta = np.ones(num_features), np.zeros(num_features)
        self.stored, self.num_batches_tracked = np.stack([self.beta, self.gamma]), 0
        self.eps, self.momentum, self.training = eps, momentum, True

    running_mean = property(lambda self: self.stored[0])
    running_var = property(lambda self: self.stored[1])

    def forward(self, x):
        rows = np.moveaxis(x, 1, -1)
        axes = tuple(range(rows.ndim - 1))
        if self.training:
            self.num_batches_tracked = self.num_batches_tracked + 1
            mean, var, m = rows.mean(axes), rows.var(axes), rows[..., 0].size
            p = self.momentum if self.momentum is not None else 1 / self.num_batches_tracked
            self.stored = (1 - p) * self.stored + p * np.stack([mean, var * m / (m - 1)])
        else:
            mean, var = self.stored
        self.root = np.sqrt(var + self.eps)
        self.x_hat, self.project = (rows - mean) / self.root, self.training
        return np.moveaxis(self.gamma * self.x_hat + self.beta, -1, 1)

    def backward(self, dy):
        rows = np.moveaxis(dy, 1, -1)
        axes = tuple(range(rows.ndim - 1))
        self.dbeta, self.dgamma = rows.sum(axes), (rows * self.x_hat).sum(axes)
        dx = rows * self.gamma
        if self.project:
            dx = dx - dx.mean(axes) - self.x_hat * (dx * self.x_hat).mean(axes)
        return np.moveaxis(dx / self.root, -1, 1)


class AroundPyTorch:
    """The judge of the trace: nn.BatchNorm1d or 2d, whichever the input needs, inside the course's interface."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        self.layer = torch.nn.BatchNorm1d(num_features, eps, momentum, dtype=torch.float64)
        self.gamma, self.beta, self.training = np.ones(num_features), np.zeros(num_features), True

    running_mean = property(lambda self: self.layer.running_mean.numpy())
    running_var = property(lambda self: self.layer.running_var.numpy())
    num_batches_tracked = property(lambda self: self.layer.num_batches_tracked.item())

    def forward(self, x):
        self.layer.train(self.training)
        self.layer.weight.data, self.layer.bias.data = torch.tensor(self.gamma), torch.tensor(self.beta)
        self.x, shape = torch.tensor(x, requires_grad=True), x.shape
        self.y = self.layer(self.x.reshape(*shape[:2], -1) if x.ndim > 2 else self.x).reshape(shape)
        return self.y.detach().numpy()

    def backward(self, dy):
        self.layer.zero_grad()
        self.y.backward(torch.tensor(dy))
        self.dgamma, self.dbeta = self.layer.weight.grad.numpy(), self.layer.bias.grad.numpy()
        return self.x.grad.numpy()


@pytest.mark.parametrize("yours", [InOneFormula, AroundPyTorch])
def test_a_right_layer_is_accepted(yours):
    verdict = checks.BatchNorm.judge(yours)
    assert verdict.kind == "agrees", verdict.message


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.sampled_from(["y", "running_mean", "running_var", "num_batches_tracked", "dx", "dgamma", "dbeta"]),
    off,
    st.booleans(),
)
def test_one_output_of_a_layer_bent_in_one_mode_is_refused(output, by, training):
    class Bent(norm_numpy.BatchNorm):
        def forward(self, x):
            y = super().forward(x)
            if self.training == training and output in ("running_mean", "running_var", "num_batches_tracked"):
                setattr(self, output, getattr(self, output) * by)
            return y * by if self.training == training and output == "y" else y

        def backward(self, dy):
            dx = super().backward(dy)
            if self.by_batch == training and output in ("dgamma", "dbeta"):
                setattr(self, output, getattr(self, output) * by)
            return dx * by if self.by_batch == training and output == "dx" else dx

    assert checks.BatchNorm.judge(Bent).kind == "wrong"


class InParts(norm_numpy.BatchNorm):
    """A layer as a learner writes it, with parts to get wrong."""

    def forward(self, x):
        self.x, self.by_batch = x, self.training
        if not self.training:
            self.mean, self.var = self.running_mean, self.running_var
            return norm_numpy.batch_norm_eval(x, self.gamma, self.beta, self.mean, self.var, self.eps)
        y, self.mean, self.var = norm_numpy.batch_norm(x, self.gamma, self.beta, self.eps)
        self.num_batches_tracked += 1
        stored = self.running_mean, self.running_var
        new = norm_numpy.update_running(*stored, self.mean, self.var, x.size // x.shape[1], self.weight())
        self.running_mean, self.running_var = new
        return self.normalized(y)

    def weight(self):
        return 1 / self.num_batches_tracked if self.momentum is None else self.momentum

    def normalized(self, y):
        return y


class OverwritesMomentum(InParts):
    def weight(self):
        if self.momentum is None:
            self.momentum = 1 / self.num_batches_tracked
        return self.momentum


class TakesZeroForNone(InParts):
    def weight(self):
        return self.momentum or 1 / self.num_batches_tracked


class NormalizesAfterwards(InParts):
    def normalized(self, y):
        return norm_numpy.batch_norm_eval(
            self.x, self.gamma, self.beta, self.running_mean, self.running_var, eps=self.eps
        )


class DgammaByTheBatch(InParts):
    def backward(self, dy):
        dx = super().backward(dy)
        _, mean, var = norm_numpy.batch_norm(self.x, None, None)
        _, self.dgamma, _ = norm_numpy.batch_norm_backward(dy, self.x, self.gamma, mean, var, self.eps)
        return dx


class Kerass(InParts):
    def __init__(self, num_features, eps=1e-3, momentum=0.99):
        super().__init__(num_features, eps, momentum)

    def weight(self):
        return 1 / self.num_batches_tracked if self.momentum is None else 1 - self.momentum


class WithKerassNumbers(InParts):
    def __init__(self, num_features, eps=1e-3, momentum=0.99):
        super().__init__(num_features, eps, momentum)


class TakesTheDefault(InParts):
    def weight(self):
        return 1 / self.num_batches_tracked if self.momentum is None else 0.1


class CountsAfterwards(InParts):
    def weight(self):
        return 1 / (self.num_batches_tracked - 1) if self.momentum is None else self.momentum


class StartsInEvaluation(InParts):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.training = False


class BackwardByTheDefault(InParts):
    def backward(self, dy):
        kept = self.x, self.gamma, self.mean, self.var
        dx, self.dgamma, self.dbeta = norm_numpy.batch_norm_backward(dy, *kept)
        return dx if self.by_batch else batch_norm_eval(dy, self.gamma, None, 0 * self.mean, self.var)


class StoresExchanged(norm_numpy.BatchNorm):
    def forward(self, x):
        y = super().forward(x)
        if self.training:
            self.running_var, self.running_mean = self.running_mean, self.running_var
        return y


def test_the_layer_in_parts_is_accepted():
    verdict = checks.BatchNorm.judge(InParts)
    assert verdict.kind == "agrees", verdict.message


@pytest.mark.parametrize(
    "yours, says",
    [
        (OverwritesMomentum, "writing the weight into self.momentum"),
        (TakesZeroForNone, "taking momentum=0 for None"),
        # by hand: 2 * (1 - 0.75) / sqrt(1.75 + 0.1) + 1, with 0.75 = 3 / 4 and 1.75 = (3 * 1 + 4) / 4
        (NormalizesAfterwards, "y in training starts with [1.368, 4.017] in place of [-1.405, 6.224]"),
        (DgammaByTheBatch, "dgamma by the statistics of the batch after an evaluation pass"),
        (Kerass, "Keras' layer"),
        (WithKerassNumbers, "both of Keras' defaults"),
        (StoresExchanged, "stored the wrong way round"),
        (TakesTheDefault, "update_running called without momentum"),
        (StartsInEvaluation, "training starting as False"),
        (CountsAfterwards, "before the batch is counted"),
        (BackwardByTheDefault, "a backward pass that is not handed eps"),
    ],
)
def test_what_goes_wrong_in_a_layer_is_named(yours, says):
    verdict = checks.BatchNorm.judge(yours)
    assert verdict.slip is not None and says in " ".join(verdict.message.split()), verdict.message


ABOUT_WHAT_THE_EXAMPLE_GIVES = {  # m = N for a table, eps and momentum are given, and so are gamma and beta
    *("CountsOnlyTheBatch", "NoneMeansATenth", "ZeroMeansNone", "OverwritesNone", "AveragesOneTooMany"),
    *("HandsNoneOn", "DividesBeforeItCounts"),
    *("AnotherDefaultEps", "KerassDefaultMomentum", "KerassDefaults", "GammaStartsAtZero"),
}


def test_the_small_example_of_the_layer_shows_every_slip_that_it_can():
    layer = checks.BatchNorm
    right = layer._on_example(layer.finished, full)
    hidden = {slip.__name__ for slip in layer.slips() if layer._on_example(slip, full) == right}
    assert hidden == ABOUT_WHAT_THE_EXAMPLE_GIVES


def test_a_layer_without_backward_is_told_how_far_it_is(capsys):
    class OnlyForward(norm_numpy.BatchNorm):
        def backward(self, dy):
            raise NotImplementedError

    assert checks.BatchNorm(OnlyForward) is None
    out = " ".join(capsys.readouterr().out.split())
    assert "BatchNorm: not written yet, but agrees so far: 8 inputs right. Missing is what to do with: " in out
    assert "train twice, then backward" in out


def test_a_forward_without_a_return_is_pointed_out(capsys):
    class Forgets(norm_numpy.BatchNorm):
        def forward(self, x):
            super().forward(x)

    checks.BatchNorm(Forgets)
    assert capsys.readouterr().out == "BatchNorm: not written yet. It returned None: is a `return` missing?\n"


def test_a_missing_attribute_is_named():
    class Without(norm_numpy.BatchNorm):
        def forward(self, x):
            y = super().forward(x)
            del self.running_var
            return y

    assert "running_var is NoneType, expected numbers of shape (3,)" in checks.BatchNorm.judge(Without).message


def test_a_layer_that_writes_into_x_is_noticed():
    class Scribbles(norm_numpy.BatchNorm):
        def forward(self, x):
            y = super().forward(x.copy())
            x -= 1
            return y

    assert "wrote into its argument x" in checks.BatchNorm.judge(Scribbles).message


def test_an_instance_in_place_of_the_class_gets_a_sentence():
    with pytest.raises(TypeError, match="got BatchNorm, expected your function"):
        checks.BatchNorm(norm_numpy.BatchNorm(3))


def test_the_first_trace_that_differs_is_named():
    class WrongInEvaluation(norm_numpy.BatchNorm):
        def forward(self, x):
            y = super().forward(x)
            return y if self.training else y + 1e-3

    assert "1 evaluation batch (5, 3)" in checks.BatchNorm.judge(WrongInEvaluation).message


# --- fold ------------------------------------------------------------------------------------------------------------


def by_solving(weight, bias, gamma, beta, running_mean, running_var, eps=1e-5):
    """Read weight and bias off what the two layers do to the unit inputs; the judge of the algebra."""
    flat = weight.reshape(len(weight), -1)
    bias = np.zeros(len(weight)) if bias is None else bias
    inputs = np.vstack([np.zeros(flat.shape[1]), np.eye(flat.shape[1])])
    y = batch_norm_eval(inputs @ flat.T + bias, gamma, beta, running_mean, running_var, eps)
    return (y[1:] - y[0]).T.reshape(weight.shape), y[0]


def row_by_row(weight, bias, gamma, beta, running_mean, running_var, eps=1e-5):
    rows, shifts = [], []
    for o in range(len(weight)):
        s = gamma[o] / (running_var[o] + eps) ** 0.5
        rows.append(s * weight[o])
        shifts.append(beta[o] - s * running_mean[o] + (0 if bias is None else s * bias[o]))
    return np.stack(rows), shifts


def with_pytorchs_tools(weight, bias, gamma, beta, running_mean, running_var, eps=1e-5):
    from torch.nn.utils.fusion import fuse_conv_bn_weights

    tensors = [None if v is None else torch.tensor(v) for v in (weight, bias, running_mean, running_var)]
    fused = fuse_conv_bn_weights(*tensors, eps, torch.tensor(gamma), torch.tensor(beta))
    return tuple(v.detach().numpy() for v in fused)


@pytest.mark.parametrize("yours", [by_solving, row_by_row, with_pytorchs_tools])
def test_a_right_folding_is_accepted(yours):
    verdict = checks.fold.judge(yours)
    assert verdict.kind == "agrees", verdict.message


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.sampled_from(range(7)), off, st.sampled_from([2, 3, 4]))
def test_an_argument_of_fold_bent_at_one_rank_is_refused(argument, by, rank):
    def yours(weight, bias, gamma, beta, running_mean, running_var, eps=1e-5):
        args = [weight, bias, gamma, beta, running_mean, running_var, eps]
        if weight.ndim == rank and args[argument] is not None:
            args[argument] = args[argument] * by
        return norm_numpy.fold(*args)

    if not (argument == 1 and rank == 3):  # the layer of rank 3 has no bias
        assert checks.fold.judge(yours).kind == "wrong"
