"""The checks of notebook 13 accept every right repair, however it is written, and refuse the layers as they came in."""

import copy
import math
import re

import nbformat
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from bnbook import course
from bnbook.chapters.n13_clinic import checks, experiments, functions
from bnbook.chapters.n13_clinic.functions import NormForward, NormState
from bnbook.chapters.n13_clinic.wards import mlp
from bnbook.diagnose import Finding, diagnose

# --- right answers in another writing --------------------------------------------------------------------------------


class OneByOne(NormForward):
    def __init__(self, width, eps=1e-5):
        super().__init__()
        self.register_parameter("weight", nn.Parameter(torch.ones(width)))
        self.register_parameter("bias", nn.Parameter(torch.zeros(width)))
        for name, value in (("running_mean", torch.zeros(width)), ("running_var", torch.ones(width))):
            self.register_buffer(name, value)
        self.eps = eps


class ByPyTorch(NormState):
    """The judge: PyTorch's own function on tables and images."""

    def forward(self, x):
        return F.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, self.training, 0.1, self.eps
        )


class Rsqrt(NormState):
    def forward(self, x):
        axes, column = (0, *range(2, x.ndim)), (-1, *[1] * (x.ndim - 2))
        mean, inverse = self.running_mean.view(column), (self.running_var + self.eps).rsqrt().view(column)
        if self.training:
            var, mean = torch.var_mean(x, axes, keepdim=True, correction=0)
            inverse, m = (var + self.eps).rsqrt(), x.numel() / x.shape[1]
            self.running_mean = torch.lerp(self.running_mean, mean.detach().flatten(), 0.1)
            self.running_var += 0.1 * (var.detach().flatten() * m / (m - 1) - self.running_var)
        return (x - mean) * inverse * self.weight.view(column) + self.bias.view(column)


class DetachedAfterwards(NormState):
    """The sum is detached as a whole, which keeps no graph either."""

    def forward(self, x):
        axes, column = (0, *range(2, x.ndim)), (-1, *[1] * (x.ndim - 2))
        mean, var, m = self.running_mean, self.running_var, x.numel() // x.shape[1]
        if self.training:
            mean, var = x.mean(axes), x.var(axes, correction=0)
            self.running_mean = (0.9 * self.running_mean + 0.1 * mean).detach()
            self.running_var = (0.9 * self.running_var + 0.1 * var * m / (m - 1)).detach()
        mean, std = mean.view(column), (var + self.eps).sqrt().view(column)
        return self.weight.view(column) * (x - mean) / std + self.bias.view(column)


FORWARDS = (checks.HeavyNorm, checks.GrowingNorm, checks.FarNorm, checks.CloseNorm)


@pytest.mark.parametrize("yours", [ByPyTorch, Rsqrt, DetachedAfterwards])
@pytest.mark.parametrize("exercise", FORWARDS, ids=lambda e: e.name)
def test_a_right_repair_is_accepted_however_it_is_written(exercise, yours):
    verdict = exercise.judge(yours)
    assert verdict.kind == "agrees", verdict.message


def test_buffers_are_accepted_however_they_are_registered():
    assert checks.ForgetfulNorm.judge(OneByOne).kind == "agrees"


# --- the layers as the notebook brings them in -----------------------------------------------------------------------


def from_the_notebook(name):
    """The broken layer that stands as comments in the exercise cell called name."""
    nb = nbformat.read(course.ROOT / "notebooks" / "13_clinic.ipynb", as_version=4)
    source = next(cell.source for cell in nb.cells if cell.source.startswith(f"class {name}("))
    head, brought = source.split("        # Take the # away, delete the last line, and repair what is wrong.\n")
    code = re.sub(r"^        # ", "        ", brought.removesuffix("        raise NotImplementedError"), flags=re.M)
    space = {"functions": functions, "nn": nn, "torch": torch}
    exec(head + code, space)
    return space[name]


BROUGHT = {
    "ForgetfulNorm": ("plain_tensors", ["statistics-not-buffers"]),
    "HeavyNorm": ("graph_kept", ["statistics-keep-graph"]),
    "GrowingNorm": ("constants_for_statistics", ["no-gradient-through-statistics"]),
    "FarNorm": ("one_pass_variance", ["one-pass-variance"]),
    "CloseNorm": ("as_it_was_brought", ["eps-outside-root", "unbiased-normalizer"]),
}


@pytest.mark.parametrize("name", BROUGHT)
def test_a_layer_as_it_was_brought_in_is_refused_by_its_own_name(name):
    verdict = getattr(checks, name).judge(from_the_notebook(name))
    assert verdict.kind == "wrong" and verdict.slip.__name__ == BROUGHT[name][0], verdict.message


def shape_for(name):
    return (16, 3, 5, 4) if name == "GrowingNorm" else (16, 3)


@pytest.mark.parametrize("name", BROUGHT)
def test_diagnose_names_the_layer_as_brought_and_is_silent_about_the_repaired_one(name):
    x = torch.randn(shape_for(name), generator=torch.Generator().manual_seed(0))
    assert diagnose(nn.Sequential(from_the_notebook(name)(3)), [x]).names == BROUGHT[name][1]
    assert diagnose(nn.Sequential(getattr(functions, name)(3)), [x]).names == []


@pytest.mark.parametrize("name", BROUGHT)
def test_a_repaired_layer_is_pytorchs_in_both_modes_and_in_its_gradient(name):
    shape = shape_for(name)
    ours = getattr(functions, name)(3, 0.1).double()
    theirs = (nn.BatchNorm2d if len(shape) == 4 else nn.BatchNorm1d)(3, eps=0.1).double()
    random = torch.Generator().manual_seed(1)
    for _ in range(3):
        x = 2 + 3 * torch.randn(shape, generator=random, dtype=torch.float64)
        dy = torch.randn(shape, generator=random, dtype=torch.float64)
        a, b = (x.clone().requires_grad_() for _ in range(2))
        y, z = ours(a), theirs(b)
        torch.testing.assert_close(y, z)
        torch.testing.assert_close(*(torch.autograd.grad(out, v, dy)[0] for out, v in ((y, a), (z, b))))
    torch.testing.assert_close(ours.running_var, theirs.running_var)
    torch.testing.assert_close(ours.eval()(x), theirs.eval()(x))
    copy.deepcopy(ours)  # what keeps a graph cannot be copied


def test_the_gradient_left_in_the_averages_is_refused_although_all_numbers_are_right():
    class Half(functions.GrowingNorm):
        def forward(self, x):
            y = super().forward(x)
            if self.training:
                self.running_mean = self.running_mean + 0 * x.mean((0, 2, 3))
            return y

    verdict = checks.GrowingNorm.judge(Half)
    assert verdict.kind == "wrong" and "statistics that keep a graph" in verdict.message


class WithoutNoGrad(NormState):
    """GrowingNorm with no_grad taken away altogether."""

    def forward(self, x):
        mean, var, column, m = self.running_mean, self.running_var, (1, -1, 1, 1), x.numel() / x.shape[1]
        if self.training:
            mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0)
            self.running_mean.lerp_(mean, 0.1)
            self.running_var.lerp_(var * m / (m - 1), 0.1)
        scale = self.weight / (var + self.eps).sqrt()
        return (x - mean.reshape(column)) * scale.reshape(column) + self.bias.reshape(column)


class Clamped(NormState):
    """FarNorm without NaN, and as wrong as before."""

    def forward(self, x):
        mean, var = self.running_mean, self.running_var
        if self.training:
            mean = x.mean(0)
            var = ((x * x).mean(0) - mean * mean).clamp(min=0)
            with torch.no_grad():
                self.running_mean.lerp_(mean, 0.1)
                self.running_var.lerp_(var * len(x) / (len(x) - 1), 0.1)
        return self.weight * (x - mean) / (var + self.eps).sqrt() + self.bias


class OnlyEps(NormState):
    """CloseNorm with one of its two mistakes left: the standard deviation of a sample."""

    def forward(self, x):
        mean, std = self.running_mean, self.running_var.sqrt()
        if self.training:
            mean, std = x.mean(0), x.std(0)
            with torch.no_grad():
                self.running_mean.lerp_(mean, 0.1)
                self.running_var.lerp_(std**2, 0.1)
        return self.weight * (x - mean) / (std**2 + self.eps).sqrt() + self.bias


class OnlyTheVariance(NormState):
    """CloseNorm with the other one left: eps beside the root."""

    def forward(self, x):
        mean, std = self.running_mean, self.running_var.sqrt()
        if self.training:
            mean, std = x.mean(0), x.std(0, correction=0)
            with torch.no_grad():
                self.running_mean.lerp_(mean, 0.1)
                self.running_var.lerp_(x.var(0), 0.1)
        return self.weight * (x - mean) / (std + self.eps) + self.bias


@pytest.mark.parametrize(
    "exercise, half, named",
    [
        (checks.GrowingNorm, WithoutNoGrad, "graph_kept"),
        (checks.FarNorm, Clamped, "one_pass_variance"),
        (checks.CloseNorm, OnlyEps, "unbiased_normalizer"),
        (checks.CloseNorm, OnlyTheVariance, "eps_outside_root"),
    ],
)
def test_half_a_repair_is_refused_by_what_is_left(exercise, half, named):
    verdict = exercise.judge(half)
    assert verdict.kind == "wrong" and verdict.slip.__name__ == named, verdict.message


class DetachedTable(NormState):
    """What GrowingNorm is for tables."""

    def forward(self, x):
        with torch.no_grad():
            twin = functions.HeavyNorm.forward(self, x)
            mean, var = (x.mean(0), x.var(0, correction=0)) if self.training else (self.running_mean, self.running_var)
        y = self.weight * (x - mean) / (var + self.eps).sqrt() + self.bias
        torch.testing.assert_close(y, twin)
        return y


def test_without_a_gradient_through_the_statistics_weights_grow_and_training_gets_stuck():
    grown, reached = {}, {}
    for norm in (DetachedTable, functions.HeavyNorm):
        net = mlp(norm)
        start = net[0].weight.norm().item()
        *_, x, y = experiments._images()
        experiments._train(net, experiments._batches(), steps=300, lr=0.1)
        grown[norm], reached[norm] = net[0].weight.norm().item() / start, functions.right(net, x, y)
    assert grown[DetachedTable] > 3.5 and grown[functions.HeavyNorm] < 1.1
    assert reached[DetachedTable] < 90 and reached[functions.HeavyNorm] > 95


# --- the rule --------------------------------------------------------------------------------------------------------


def in_one_expression(record):
    p = record.momentum if record.family == "batch" and record.has_stats and record.values else None
    error = 0 if p is None else (p / (record.values * (2 - p))) ** 0.5
    return Finding("noisy-statistics", "warning", record.name, (error, 0.1, "sd"), "Few.", "x") if error > 0.1 else None


def as_a_sum(record):
    """The variance of the average, added up term by term."""
    if record.running_mean is None or None in (record.momentum, record.values) or record.family != "batch":
        return None
    p = record.momentum
    error = math.sqrt(sum(p**2 * (1 - p) ** (2 * k) for k in range(20_000)) / record.values)
    finding = Finding("noisy-statistics", "warning", record.name, (error, 0.1, "of an sd"), "So. And so.", "")
    return finding if error > 0.1 else None


@pytest.mark.parametrize("yours", [in_one_expression, as_a_sum])
def test_a_right_rule_is_accepted_whatever_it_says(yours):
    verdict = checks.noisy_statistics.judge(yours)
    assert verdict.kind == "agrees", verdict.message


def test_the_error_of_the_rule_is_that_of_a_simulated_running_mean():
    p, m = 0.3, 5
    batches = torch.randn(60, 20_000, m, generator=torch.Generator().manual_seed(0), dtype=torch.float64).mean(2)
    running = torch.zeros(20_000, dtype=torch.float64)
    for batch in batches:
        running.lerp_(batch, p)
    norm = nn.BatchNorm1d(4, momentum=p)
    x = torch.randn(m, 4, generator=torch.Generator().manual_seed(0))
    report = diagnose(norm, [x], rules=[functions.noisy_statistics])
    (finding,) = [finding for finding in report.findings if finding.name == "noisy-statistics"]
    assert finding.measured.number == pytest.approx(running.std().item(), rel=0.02)


def test_a_rule_that_changes_the_limit_is_refused():
    def stricter(record):
        finding = in_one_expression(record)
        return finding if finding and finding.measured.number > 0.12 else None

    assert checks.noisy_statistics.judge(stricter).kind == "wrong"
