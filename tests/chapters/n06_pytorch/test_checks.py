"""The checks of notebook 06 accept other right answers, refuse bent ones, and judge PyTorch's own layer right."""

import copy
import inspect

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from bnbook import norm_numpy, norm_torch
from bnbook.chapters.n06_pytorch import checks, slips
from bnbook.norm_torch import BatchNormFunction, batch_norm, batch_norm_backward, batch_norm_eval, update_running


def axes(x):
    return (0, *range(2, x.ndim))


def columns(x, *vectors):
    return [v.reshape(-1, *[1] * (x.ndim - 2)) for v in vectors]


def no_gradient(ctx, inputs, output):
    x, gamma, _, ctx.eps = inputs
    ctx.save_for_backward(x, gamma, *output[1:])


def refused(exercise, yours):
    """Whether yours is wrong or fails."""
    return exercise.judge(yours).kind in ("wrong", "raised")


# --- the Function ----------------------------------------------------------------------------------------------------


class WithThePackagesParts(torch.autograd.Function):
    """As the hints have it."""

    setup_context = staticmethod(no_gradient)

    @staticmethod
    def forward(x, gamma, beta, eps):
        x_hat, mean, var = norm_torch.normalize(x, axes(x), eps)
        g, b = columns(x, gamma, beta)
        return g * x_hat + b, mean, var

    @staticmethod
    def backward(ctx, dy, dmean, dvar):
        x, gamma, mean, var = ctx.saved_tensors
        dx, dgamma, dbeta = batch_norm_backward(dy, x, gamma, mean, var, ctx.eps)
        m = x.numel() / x.shape[1]
        return dx + dmean / m + 2 * dvar * (x - mean) / m, dgamma, dbeta, None


class StagedByHand(torch.autograd.Function):
    """Node by node, vectors flat, gradients of x collected at the end; the older form with ctx in forward."""

    @staticmethod
    def forward(ctx, x, gamma, beta, eps):
        mean, var = x.mean(axes(x)), x.var(axes(x), correction=0)
        m, v, g, b = columns(x, mean, var, gamma, beta)
        ctx.eps = eps
        ctx.save_for_backward(x, gamma)
        return g * (x - m) / (v + eps).sqrt() + b, mean, var

    @staticmethod
    def backward(ctx, dy, dmean, dvar):
        x, gamma = ctx.saved_tensors
        m = x.numel() / x.shape[1]
        centred = x - x.mean(axes(x), keepdim=True)
        inv_std = ((centred**2).mean(axes(x), keepdim=True) + ctx.eps) ** -0.5
        x_hat = centred * inv_std
        g, dm, dv = columns(x, gamma, dmean, dvar)
        dx_hat = dy * g
        d_var = (dx_hat * centred).sum(axes(x), keepdim=True) * -0.5 * inv_std**3 + dv
        d_centred = dx_hat * inv_std + d_var * 2 * centred / m
        dx = d_centred - d_centred.mean(axes(x), keepdim=True) + dm / m
        return dx, (dy * x_hat).sum(axes(x)), dy.sum(axes(x)), None


class LettingAutogradDoIt(torch.autograd.Function):
    """backward differentiates a plain forward: slow, and right."""

    @staticmethod
    def plain(x, gamma, beta, eps):
        mean, var = x.mean(axes(x)), x.var(axes(x), correction=0)
        m, v, g, b = columns(x, mean, var, gamma, beta)
        return g * (x - m) / (v + eps).sqrt() + b, mean, var

    forward = plain

    @staticmethod
    def setup_context(ctx, inputs, output):
        *tensors, ctx.eps = inputs
        ctx.save_for_backward(*tensors)

    @staticmethod
    def backward(ctx, *gradients):
        with torch.enable_grad():
            inputs = [v if v.requires_grad else v.detach().requires_grad_() for v in ctx.saved_tensors]
            outputs = LettingAutogradDoIt.plain(*inputs, ctx.eps)
            found = torch.autograd.grad(outputs, inputs, gradients, create_graph=True)
        return *found, None


def pytorchs_own(x, gamma, beta, eps):
    y = nn.functional.batch_norm(x, None, None, gamma, beta, True, 0.1, eps)
    return y, x.mean(axes(x)), x.var(axes(x), correction=0)


RIGHT = [WithThePackagesParts, StagedByHand, LettingAutogradDoIt, pytorchs_own]


@pytest.mark.parametrize("yours", RIGHT, ids=lambda f: f.__name__)
def test_a_right_function_is_accepted_however_it_is_written(yours):
    verdict = checks.BatchNormFunction.judge(yours)
    assert verdict.kind == "agrees", verdict.message


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(0, 2), st.one_of(st.floats(1e-3, 1), st.floats(-2, -1e-3)))
def test_a_gradient_off_by_a_thousandth_is_refused(position, by):
    class Bent(BatchNormFunction):
        @staticmethod
        def backward(ctx, *gradients):
            found = list(BatchNormFunction.backward(ctx, *gradients))
            found[position] = found[position] * (1 + by)
            return tuple(found)

    assert refused(checks.BatchNormFunction, Bent)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.sampled_from(["dy", "dmean", "dvar"]), st.one_of(st.floats(1e-3, 1), st.floats(-2, -1e-3)))
def test_what_comes_in_counted_a_thousandth_too_much_is_refused(which, by):
    class Bent(BatchNormFunction):
        @staticmethod
        def backward(ctx, dy, dmean, dvar):
            given = {"dy": dy, "dmean": dmean, "dvar": dvar}
            given[which] = given[which] * (1 + by)
            return BatchNormFunction.backward(ctx, *given.values())

    assert refused(checks.BatchNormFunction, Bent)


def test_a_function_without_backward_is_not_written_yet():
    class Half(torch.autograd.Function):
        forward = BatchNormFunction.forward
        setup_context = BatchNormFunction.setup_context

        @staticmethod
        def backward(ctx, dy, dmean, dvar):
            raise NotImplementedError("backward")

    verdict = checks.BatchNormFunction.judge(Half)
    assert verdict.kind == "not written" and verdict.message == "BatchNormFunction: not written yet: backward"


def test_a_backward_with_three_gradients_is_told_what_pytorch_expects():
    class Three(BatchNormFunction):
        @staticmethod
        def backward(ctx, *gradients):
            return BatchNormFunction.backward(ctx, *gradients)[:3]

    verdict = checks.BatchNormFunction.judge(Three)
    assert verdict.kind == "raised" and "expected 4, got 3" in str(verdict.error) and verdict.slip is None


def plain_operations(x, gamma, beta, eps):
    return LettingAutogradDoIt.plain(x, gamma, beta, eps)


class OnCtx(WithThePackagesParts):
    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.x, ctx.gamma, _, ctx.eps = inputs
        ctx.statistics = output[1:]

    @staticmethod
    def backward(ctx, dy, dmean, dvar):
        x, (mean, var) = ctx.x, ctx.statistics
        dx, dgamma, dbeta = batch_norm_backward(dy, x, ctx.gamma, mean, var, ctx.eps)
        m = x.numel() / x.shape[1]
        return dx + dmean / m + 2 * dvar * (x - mean) / m, dgamma, dbeta, None


def saving(what):
    class Saves(WithThePackagesParts):
        @staticmethod
        def setup_context(ctx, inputs, output):
            x, gamma, _, ctx.eps = inputs
            ctx.save_for_backward(what(x), gamma, *output[1:])

    return Saves


class InOnePass(WithThePackagesParts):
    @staticmethod
    def forward(x, gamma, beta, eps):
        mean = x.mean(axes(x), keepdim=True)
        var = ((x**2).mean(axes(x), keepdim=True) - mean**2).clamp(min=0)
        g, b = columns(x, gamma, beta)
        return g * (x - mean) / torch.sqrt(var + eps) + b, mean, var


class ThroughNumPy(WithThePackagesParts):
    @staticmethod
    def forward(x, gamma, beta, eps):
        y, mean, var = norm_numpy.batch_norm(*(v.detach().cpu().numpy() for v in (x, gamma, beta)), eps)
        return torch.tensor(y), *columns(x, torch.tensor(mean), torch.tensor(var))


@pytest.mark.parametrize(
    "yours, name",
    [
        (plain_operations, "four_lines_for_autograd"),
        (OnCtx, "tensors_as_attributes"),
        (saving(lambda x: x.data), "data_of_x_kept"),
        (saving(lambda x: x.detach()), "detached_x_kept"),
        (ThroughNumPy, "over_numpy"),
    ],
)
def test_a_function_with_right_numbers_is_named_by_what_it_keeps_and_where_it_fails(yours, name):
    verdict = checks.BatchNormFunction.judge(yours)
    assert verdict.slip is getattr(slips.batch_norm_function, name), verdict.message


def test_a_copy_of_x_in_place_of_x_is_refused():
    assert refused(checks.BatchNormFunction, saving(lambda x: x.clone()))


def test_the_one_pass_variance_is_named_also_where_it_is_kept_from_being_negative():
    verdict = checks.BatchNormFunction.judge(InOnePass)
    assert (
        verdict.kind == "wrong" and "what the mean of the squares less the square of the mean gives" in verdict.message
    )


def test_the_check_sees_in_a_net_what_an_overwritten_input_does():
    """What the two outputs of the check say, by a net with an in-place ReLU behind the layer's input."""
    x, gamma, beta = torch.randn(6, 3, requires_grad=True), torch.ones(3), torch.zeros(3)
    for function, raises in ((WithThePackagesParts, True), (OnCtx, False)):
        below = 1.0 * x
        y = function.apply(below, gamma, beta, 0.1)[0]
        right = torch.autograd.grad(y.pow(3).sum(), x, retain_graph=True)[0]
        torch.relu_(below.detach())
        if raises:
            with pytest.raises(RuntimeError, match="modified by an inplace operation"):
                y.pow(3).sum().backward()
        else:
            assert not torch.allclose(torch.autograd.grad(y.pow(3).sum(), x)[0], right)


# --- the layer -------------------------------------------------------------------------------------------------------


class AsTheHintsHaveIt(nn.BatchNorm2d):
    def forward(self, x):
        if not self.training and self.running_mean is not None:
            return batch_norm_eval(x, self.weight, self.bias, self.running_mean, self.running_var, self.eps)
        y, mean, var = batch_norm(x, self.weight, self.bias, self.eps)
        if self.training and self.track_running_stats:
            self.num_batches_tracked += 1
            weight = 1 / self.num_batches_tracked if self.momentum is None else self.momentum
            m = x.numel() // x.shape[1]
            new = update_running(self.running_mean, self.running_var, mean.detach(), var.detach(), m, weight)
            self.running_mean.copy_(new[0])
            self.running_var.copy_(new[1])
        return y


class WithNoGradAndPlainFormulas(nn.BatchNorm2d):
    def forward(self, given):
        x = given.float() if given.dtype == torch.float16 else given
        if self.training or self.running_mean is None:
            if x.numel() == x.shape[1]:
                raise ValueError("one value per channel")
            mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0)
            if self.training and self.running_mean is not None:
                with torch.no_grad():
                    self.num_batches_tracked.add_(1)
                    part = 1 / self.num_batches_tracked.item() if self.momentum is None else self.momentum
                    self.running_mean += part * (mean - self.running_mean)
                    self.running_var += part * (x.var((0, 2, 3)) - self.running_var)
        else:
            mean, var = self.running_mean.clone(), self.running_var.clone()
        x_hat = (x - mean.view(-1, 1, 1)) / torch.sqrt(var.view(-1, 1, 1) + self.eps)
        y = x_hat if self.weight is None else self.weight.view(-1, 1, 1) * x_hat + self.bias.view(-1, 1, 1)
        return y.to(given.dtype)


class AskingPyTorch(nn.BatchNorm2d):
    def forward(self, x):
        return super().forward(x)


class ObservingItself(AsTheHintsHaveIt):
    """Something beside forward, kept without a graph."""

    def forward(self, x):
        self.last_mean = x.detach().mean((0, 2, 3))
        return super().forward(x)


@pytest.mark.parametrize(
    "yours",
    [AsTheHintsHaveIt, WithNoGradAndPlainFormulas, AskingPyTorch, ObservingItself],
    ids=lambda c: c.__name__,
)
def test_a_right_layer_is_accepted_and_pytorchs_own_is_one(yours):
    verdict = checks.BatchNorm2d.judge(yours)
    assert verdict.kind == "agrees", verdict.message


def test_a_layer_that_only_inherits_is_not_written_yet():
    class BatchNorm2d(nn.BatchNorm2d):
        pass

    for yours in (BatchNorm2d, nn.BatchNorm2d):
        verdict = checks.BatchNorm2d.judge(yours)
        assert verdict.kind == "not written"
        assert verdict.message == "BatchNorm2d: not written yet: forward is still that of nn.BatchNorm2d"


def changed(old, new):
    """`AsTheHintsHaveIt` with another piece of code in it."""
    source = inspect.getsource(AsTheHintsHaveIt)
    assert source.count(old) == 1
    space = dict(globals())
    exec(source.replace(old, new), space)
    return space["AsTheHintsHaveIt"]


@pytest.mark.parametrize(
    "old, new, name",
    [
        (
            "self.running_mean.copy_(new[0])\n            self.running_var.copy_(new[1])",
            "self.running_mean, self.running_var = new",
            "new_tensors_for_buffers",
        ),
        (
            "return batch_norm_eval",
            "\n            with torch.no_grad(): return batch_norm_eval",
            "no_grad_in_evaluation",
        ),
        (
            "1 / self.num_batches_tracked if self.momentum is None else self.momentum",
            "self.momentum or 1 / self.num_batches_tracked",
            "zero_taken_for_none",
        ),
        (
            "weight = 1 / self.num_batches_tracked if self.momentum is None else self.momentum",
            "self.k = getattr(self, 'k', 0) + 1; weight = 1 / self.k if self.momentum is None else self.momentum",
            "a_counter_of_its_own",
        ),
        (
            "weight = 1 / self.num_batches_tracked if self.momentum is None else self.momentum",
            "weight = self.momentum = 1 / int(self.num_batches_tracked) if self.momentum is None else self.momentum",
            "momentum_overwritten",
        ),
        ("        return y", "        self.mean = mean\n        return y", "the_mean_kept_with_its_graph"),
        ("batch_norm(x, ", "batch_norm(x.to(torch.promote_types(x.dtype, torch.float32)), ", "y_in_32_bits"),
    ],
)
def test_a_layer_with_right_numbers_is_named_by_what_shows_later(old, new, name):
    verdict = checks.BatchNorm2d.judge(changed(old, new))
    assert verdict.slip is getattr(slips.batch_norm_2d, name), verdict.message


def test_a_copy_that_moves_the_statistics_of_the_original_is_refused():
    class Shares(AsTheHintsHaveIt):
        def __deepcopy__(self, memo):
            return copy.copy(self)

    verdict = checks.BatchNorm2d.judge(Shares)
    assert "copy.deepcopy: yours moves the statistics of the original, expected works" in verdict.message


@settings(max_examples=20, deadline=None, derandomize=True)
@given(st.sampled_from(["running_mean", "running_var"]), st.booleans(), st.floats(1e-3, 1))
def test_a_statistic_off_by_a_thousandth_in_either_mode_is_refused(name, training, by):
    class Bent(nn.BatchNorm2d):
        def forward(self, x):
            y = super().forward(x)
            if self.training == training and self.running_mean is not None:
                getattr(self, name).mul_(1 + by)
            return y

    assert refused(checks.BatchNorm2d, Bent)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(st.booleans(), st.booleans(), st.one_of(st.floats(1e-3, 1), st.floats(-2, -1e-3)))
def test_an_output_or_a_gradient_bent_in_one_mode_is_refused(training, gradient_only, by):
    class Bent(nn.BatchNorm2d):
        def forward(self, x):
            y = super().forward(x)
            if self.training != training:
                return y
            bent = y * (1 + by)
            return bent + (y - bent).detach() if gradient_only else bent

    assert refused(checks.BatchNorm2d, Bent)


@pytest.mark.parametrize("flag", ["eps", "momentum", "affine", "track_running_stats"])
def test_a_constructor_that_ignores_a_flag_is_refused(flag):
    class Ignores(nn.BatchNorm2d):
        def __init__(self, num_features, eps=1e-5, momentum=0.1, affine=True, track_running_stats=True):
            given = dict(eps=eps, momentum=momentum, affine=affine, track_running_stats=track_running_stats)
            del given[flag]
            super().__init__(num_features, **given)

        def forward(self, x):
            return super().forward(x)

    assert refused(checks.BatchNorm2d, Ignores)


def test_the_check_leaves_the_default_dtype_alone_even_if_the_layer_fails():
    class Fails(nn.BatchNorm2d):
        def forward(self, x):
            raise KeyError("x")

    assert checks.BatchNorm2d.judge(Fails).kind == "raised"
    assert torch.get_default_dtype() == torch.float32


def test_a_forward_that_returns_nothing_is_not_written_yet():
    class Empty(nn.BatchNorm2d):
        def forward(self, x): ...

    verdict = checks.BatchNorm2d.judge(Empty)
    assert verdict.kind == "not written" and "returned None" in verdict.message


# --- replacing -------------------------------------------------------------------------------------------------------

OURS = {
    nn.BatchNorm1d: norm_torch.BatchNorm1d,
    nn.BatchNorm2d: norm_torch.BatchNorm2d,
    nn.BatchNorm3d: norm_torch.BatchNorm3d,
}


def by_recursion_and_shared_dict(net):
    if type(net) in OURS:
        new = OURS[type(net)](net.num_features)
        new.__dict__ = net.__dict__
        return new
    for name, child in net._modules.items():
        net._modules[name] = by_recursion_and_shared_dict(child)
    return net


def with_apply(net):
    def visit(module):
        if type(module) in OURS:
            module.__class__ = OURS[type(module)]

    return net.apply(visit)


def with_if_and_elif(net):
    for module in net.modules():
        if type(module) is nn.BatchNorm1d:
            module.__class__ = norm_torch.BatchNorm1d
        elif type(module) is nn.BatchNorm2d:
            module.__class__ = norm_torch.BatchNorm2d
        elif type(module) is nn.BatchNorm3d:
            module.__class__ = norm_torch.BatchNorm3d
    return net


@pytest.mark.parametrize("yours", [by_recursion_and_shared_dict, with_apply, with_if_and_elif])
def test_a_right_replacement_is_accepted_however_it_is_written(yours):
    verdict = checks.replace_batch_norm.judge(yours)
    assert verdict.kind == "agrees", verdict.message


def class_and_train(net):
    return with_apply(net).train()


def all_learn(net):
    for parameter in with_apply(net).parameters():
        parameter.requires_grad = True
    return net


def without_pre_hooks(net):
    for module in with_apply(net).modules():
        module._forward_pre_hooks.clear()
    return net


def by_the_base_class(net):
    for module in net.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.__class__ = OURS.get(type(module), norm_torch.BatchNorm2d)
    return net


def into_new_layers(net):
    """Parameters, buffers and mode are moved, as most people would write it."""
    for name, child in net.named_children():
        if type(child) in OURS:
            flags = dict(affine=child.affine, track_running_stats=child.track_running_stats)
            new = OURS[type(child)](child.num_features, child.eps, child.momentum, **flags)
            new.weight, new.bias, new.training = child.weight, child.bias, child.training
            for buffer, value in child.named_buffers():
                setattr(new, buffer, value)
            setattr(net, name, new)
        else:
            into_new_layers(child)
    return net


@pytest.mark.parametrize(
    "yours, name",
    [
        (class_and_train, "in_training_mode_after_it"),
        (nn.SyncBatchNorm.convert_sync_batchnorm, "converted_to_sync"),
        (all_learn, "everything_learns"),
        (by_the_base_class, "every_batch_norm"),
        (into_new_layers, "hooks_and_the_root"),
    ],
)
def test_what_a_replacement_loses_is_named(yours, name):
    verdict = checks.replace_batch_norm.judge(yours)
    assert verdict.slip is getattr(slips.replace_batch_norm, name), verdict.message


def test_pre_hooks_that_are_cleared_are_missed():
    verdict = checks.replace_batch_norm.judge(without_pre_hooks)
    assert verdict.kind == "wrong" and "number of calls of forward pre-hooks" in verdict.message


def test_a_net_whose_layers_are_lost_has_none():
    verdict = checks.replace_batch_norm.judge(lambda net: nn.Flatten())
    assert "whose layers: yours none, expected 1 ours" in verdict.message


@settings(max_examples=20, deadline=None, derandomize=True)
@given(st.integers(0, 4), st.sampled_from(["weight", "bias", "running_mean", "running_var", "eps"]), st.floats(1e-3, 1))
def test_one_number_of_one_layer_changed_on_the_way_is_refused(which, name, by):
    changed = []

    def yours(net):
        net = norm_torch.replace_batch_norm(net)
        layers = [m for m in net.modules() if type(m) in OURS.values() and getattr(m, name) is not None]
        if which < len(layers):
            changed.append(name)
            layer = layers[which]
            if name == "eps":
                layer.eps *= 1 + by
            else:
                getattr(layer, name).data.reshape(-1)[0] *= 1 + by
        return net

    assert refused(checks.replace_batch_norm, yours) == bool(changed)


def test_returning_nothing_is_not_written_yet():
    verdict = checks.replace_batch_norm.judge(lambda net: norm_torch.replace_batch_norm(net) and None)
    assert verdict.kind == "not written"
