"""The exercises of notebook 09: right answers in any style pass, wrong ones that nobody listed are refused."""

import copy
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from bnbook import nets
from bnbook.chapters.n09_depth import checks, functions


def with_logarithms(sizes):
    return np.exp((np.log(sizes[0]) - np.log(sizes[-1])) / (len(sizes) - 1))


def with_scipy(sizes):
    from scipy.stats import gmean

    return gmean(sizes[:-1] / sizes[1:], axis=0)


def with_a_product(sizes):
    factors = [sizes[i] / sizes[i + 1] for i in range(len(sizes) - 1)]
    return np.prod(factors, axis=0) ** (1 / len(factors))


@pytest.mark.parametrize("yours", [with_logarithms, with_scipy, with_a_product, lambda s: with_logarithms(s).tolist()])
def test_measured_growth_in_any_style_is_accepted(yours):
    verdict = checks.measured_growth.judge(yours)
    assert verdict.kind == "agrees", verdict.message


def by_hand(h, slope):
    h, slope = np.ravel(h).tolist(), np.ravel(slope).tolist()
    mean = sum(h) / len(h)
    return math.sqrt(sum(v * v for v in slope) / sum((v - mean) ** 2 for v in h))


@pytest.mark.parametrize(
    "yours",
    [
        by_hand,
        lambda h, slope: np.sqrt(np.mean(slope**2)) / h.std(),
        lambda h, slope: (np.square(slope).mean() / ((h - h.mean()) ** 2).mean()) ** 0.5,
        lambda h, slope: torch.tensor(slope).square().mean().sqrt() / torch.tensor(h).std(correction=0),
    ],
)
def test_predicted_growth_in_any_style_is_accepted(yours):
    verdict = checks.predicted_growth.judge(yours)
    assert verdict.kind == "agrees", verdict.message


class WithOneAxis(nn.Module):
    def __init__(self):
        super().__init__()
        self.factor = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return x * self.factor


class Registered(nn.Module):
    def __init__(self):
        nn.Module.__init__(self)
        self.register_parameter("alpha", nn.Parameter(torch.tensor(0.0, dtype=torch.float64)))

    def forward(self, x):
        return torch.mul(self.alpha, x)


@pytest.mark.parametrize("yours", [WithOneAxis, Registered])
def test_scale_in_any_style_is_accepted(yours):
    verdict = checks.Scale.judge(yours)
    assert verdict.kind == "agrees", verdict.message


NORMS = (nn.modules.batchnorm._BatchNorm, nn.GroupNorm, nn.LayerNorm)


def freeze_then_open(net):
    net.requires_grad_(False)
    norms = [layer for layer in net.modules() if isinstance(layer, NORMS)]
    for layer in norms:
        layer.requires_grad_(True)
    return sum(p.numel() for layer in norms for p in layer.parameters())


def parents_first(net):
    for layer in net.modules():  # a parent sets its children too, which then set themselves
        layer.requires_grad_(isinstance(layer, NORMS))
    return len(torch.cat([p.flatten() for p in net.parameters() if p.requires_grad]))


def by_the_name_of_the_class(net):
    count = 0
    for layer in net.modules():
        for p in layer.parameters(recurse=False):
            p.requires_grad = "Norm" in type(layer).__name__
            count += p.numel() * p.requires_grad
    return count


@pytest.mark.parametrize("yours", [freeze_then_open, parents_first, by_the_name_of_the_class])
def test_train_only_norms_in_any_style_is_accepted(yours):
    verdict = checks.train_only_norms.judge(yours)
    assert verdict.kind == "agrees", verdict.message


off = st.one_of(st.floats(1e-3, 2), st.floats(-0.9, -1e-3))


@settings(max_examples=20, deadline=None, derandomize=True)
@given(off, off)
def test_a_bent_growth_is_refused(by, power):
    bent = [lambda s: (1 + by) * functions.measured_growth(s), lambda s: functions.measured_growth(s) ** (1 + power)]
    assert all(checks.measured_growth.judge(yours).kind == "wrong" for yours in bent)
    bent = [
        lambda h, slope: (1 + by) * functions.predicted_growth(h, slope),
        lambda h, slope: functions.predicted_growth(h, slope) ** (1 + power),
        lambda h, slope: np.sqrt(np.mean(np.abs(slope) ** (2 * (1 + power))) / np.var(h)),
    ]
    assert all(checks.predicted_growth.judge(yours).kind == "wrong" for yours in bent)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(off, st.sampled_from(["start", "factor", "shift"]))
def test_a_bent_scale_is_refused(by, where):
    class Bent(nn.Module):
        def __init__(self):
            super().__init__()
            self.alpha = nn.Parameter(torch.tensor(by if where == "start" else 0.0))

        def forward(self, x):
            return self.alpha * x * (1 + by * (where == "factor")) + by * (where == "shift")

    assert checks.Scale.judge(Bent).kind == "wrong"


@settings(max_examples=8, deadline=None, derandomize=True)
@given(st.integers(0, 3), st.integers(-3, 3))
def test_one_parameter_too_many_or_too_few_or_another_count_is_refused(which, count):
    def yours(net):
        right = nets.train_only_norms(net)
        parameters = list(net.parameters())
        if which < len(parameters):
            parameters[which].requires_grad_(not parameters[which].requires_grad)
        return right

    assert checks.train_only_norms.judge(yours).kind == "wrong"
    verdict = checks.train_only_norms.judge(lambda net: nets.train_only_norms(net) + count)
    assert verdict.kind == ("agrees" if count == 0 else "wrong")


def test_what_is_no_layer_or_returns_none_is_described():
    verdict = checks.Scale.judge(lambda: 0.0)
    assert verdict.kind == "raised" and "Scale() is float, expected an nn.Module" in str(verdict.error)
    verdict = checks.Scale.judge(type("Empty", (nn.Module,), {"forward": lambda self, x: None}))
    assert verdict.kind == "not written" and "is a `return` missing?" in verdict.message
    verdict = checks.train_only_norms.judge(lambda net: sum(p.requires_grad_(False).numel() for p in net.parameters()))
    assert verdict.kind == "wrong" and "trained parameters: yours none, expected 1.weight, 1.bias" in verdict.message


def test_the_texts_of_slips_say_the_right_numbers():
    """Numbers that no placeholder fills in."""
    assert math.pi / (math.pi - 1) == pytest.approx(1.467, abs=5e-4)
    assert (math.pi / (math.pi - 1)) ** 0.5 == pytest.approx(1.211, abs=5e-4) and 8**0.5 == pytest.approx(
        2.83, abs=5e-3
    )
    assert np.var([0, 0, 1, 3]) == 1.5 and np.var([0, 0, 1, 3], ddof=1) == 2
    z = np.random.default_rng(0).normal(size=1_000_000)
    h, slope = np.tanh(z), 1 - np.tanh(z) ** 2
    assert np.sqrt(np.mean(slope**2) / h.var()) == pytest.approx(1.085, abs=2e-3)
    assert np.sqrt(np.mean(slope) / h.var()) == pytest.approx(1.24, abs=5e-3)


def of_tables_and_images(net):
    norms = (nn.BatchNorm1d, nn.BatchNorm2d, nn.GroupNorm, nn.LayerNorm)
    for layer in net.modules():
        for p in layer.parameters(recurse=False):
            p.requires_grad_(isinstance(layer, norms))
    return sum(p.numel() for p in net.parameters() if p.requires_grad)


def switched_to_training(net):
    return nets.train_only_norms(net.train())


def with_gamma_back_at_1(net):
    for layer in net.modules():
        if isinstance(layer, NORMS) and layer.weight is not None:
            nn.init.ones_(layer.weight)
    return nets.train_only_norms(net)


@pytest.mark.parametrize("yours", [of_tables_and_images, switched_to_training, with_gamma_back_at_1])
def test_train_only_norms_without_batch_norm_3d_or_with_a_side_effect_is_refused(yours):
    assert checks.train_only_norms.judge(yours).kind == "wrong"


def test_missing_brackets_are_named():
    said = checks.measured_growth.judge(lambda s: (s[0] / s[-1]) ** 1 / (len(s) - 1)).message
    assert "That is what dividing the total by L - 1 (as `** 1 / (L - 1)` does, too) gives" in said
    said = checks.measured_growth.judge(lambda s: (s[0] / s[-1]) ** (1 / len(s) - 1)).message
    assert "That is what `1 / L - 1` as the exponent gives" in said
    said = checks.predicted_growth.judge(lambda h, slope: np.sqrt(np.mean(slope**2)) / np.var(h)).message
    assert "That is what the root above the line only gives" in said
    said = checks.predicted_growth.judge(lambda h, slope: (np.mean(slope**2) / np.var(h)) ** 1 / 2).message
    assert "That is what `** 1/2` in place of a root gives" in said


class Start0(nn.Module):
    def __init__(self, *shape):
        super().__init__()
        self.alpha = nn.Parameter(torch.zeros(shape))


@pytest.mark.parametrize(
    "forward, says",
    [
        (lambda self, x: self.alpha.abs() * x, "alpha.abs()"),
        (lambda self, x: nn.functional.relu(self.alpha) * x, "a ReLU around alpha"),
        (lambda self, x: torch.clamp(self.alpha, min=0) * x, "alpha.clamp(min=0)"),
        (lambda self, x: self.alpha * x if self.training else x, "x unchanged in evaluation mode"),
    ],
)
def test_an_alpha_that_is_bent_or_forgotten_is_named(forward, says):
    verdict = checks.Scale.judge(type("Scale", (Start0,), {"forward": forward}))
    assert verdict.kind == "wrong" and f"That is what {says} gives" in verdict.message


@pytest.mark.parametrize("shape, kind", [((), "agrees"), ((1,), "agrees"), ((1, 1), "wrong"), ((1, 1, 1, 1), "wrong")])
def test_an_alpha_with_more_than_one_axis_is_refused(shape, kind):
    class Scale(Start0):
        def __init__(self):
            super().__init__(*shape)

        def forward(self, x):
            return self.alpha * x

    assert checks.Scale.judge(Scale).kind == kind


def test_a_forward_that_returns_nothing_in_one_mode_or_later_is_not_written():
    class Scale(Start0):
        def forward(self, x):
            return self.alpha * x if self.training else None

    assert checks.Scale.judge(Scale).kind == "not written"


def from_the_inside_out(net):
    for layer in reversed(list(net.modules())):
        layer.requires_grad_(isinstance(layer, NORMS))
    return sum(p.numel() for p in net.parameters() if p.requires_grad)


def on_a_copy(net):
    return freeze_then_open(copy.deepcopy(net))


def by_modes(net):
    net.eval()
    for layer in net.modules():
        if isinstance(layer, NORMS):
            layer.train()
    return sum(p.numel() for p in net.parameters() if p.requires_grad)


@pytest.mark.parametrize(
    "yours, says",
    [
        (from_the_inside_out, "freezing all of it, or switching the normalizations off again"),
        (on_a_copy, "working on a copy (copy.deepcopy)"),
        (by_modes, "net.eval(), and train() for the normalizations"),
        (lambda net: (by_modes(net), freeze_then_open(net))[1], "changing the mode as well"),
        (lambda net: freeze_then_open(net.eval()), "net.eval() as well"),
    ],
)
def test_the_cause_is_named_and_not_another_with_some_of_its_numbers(yours, says):
    assert f"That is what {says}" in " ".join(checks.train_only_norms.judge(yours).message.split())


def test_numbers_that_are_right_are_not_set_against_themselves():
    """The parameters of one mistake with the right count: the message once said "10 ... in place of 10"."""

    def yours(net):
        count = freeze_then_open(net)
        net.requires_grad_(True)
        return count

    said = checks.train_only_norms.judge(yours).message
    assert "trained parameters" in said and "in place of 10" not in said
