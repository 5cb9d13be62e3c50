"""Home-made layers: each fault by its exact name on vectors, sequences, images; sound layers and other norms silent."""

import patients
import pytest
import torch
import torch.nn.functional as F
from architectures import HomeMade
from patients import data
from torch import nn
from torch.autograd.gradcheck import GradcheckError

from bnbook import norm_torch
from bnbook.diagnose import diagnose

both = pytest.mark.parametrize("kind", ("mlp", "cnn"))
FAULTS = {
    "detached": "no-gradient-through-statistics",
    "graph": "statistics-keep-graph",
    "plain": "statistics-not-buffers",
    "unbiased": "unbiased-normalizer",
    "eps": "eps-outside-root",
    "one-pass": "one-pass-variance",
    "axes": "normalizes-wrong-axes",
    "no-root": "train-eval-gap",
    "reversed": "momentum-convention",
}


def trained_with(kind, fault, steps=60, lr=0.1):
    return patients.train(patients.MAKE[kind](lambda width: HomeMade(width, fault)), kind == "cnn", steps, lr)


def cut_graph(net):
    """Evaluation after training: what hangs on the last step is let go, so that the net can be copied."""
    for module in net.modules():
        for name, buffer in list(module._buffers.items()):
            module._buffers[name] = buffer.detach()
    return net


@both
@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_found_by_what_the_layer_does(kind, fault):
    rate = 0.01 if fault == "detached" else 0.1
    net = trained_with(kind, fault, lr=rate)
    report = diagnose(net, data(kind), loss=F.cross_entropy)
    assert report.names == [FAULTS[fault]], str(report)
    cut_graph(net)
    for _ in range(2 if fault == "no-root" else 1):  # of two layers, the first is named first
        for finding in diagnose(net, data(kind), loss=F.cross_entropy).findings:
            if finding.severity != "note":
                exec(finding.fix, {"model": net, "loader": data(kind), "torch": torch})
    if fault in ("axes", "detached", "no-root"):  # trained with another layer: the new one learns anew
        net = patients.train(net, kind == "cnn", 100, 0.05)
    torch.optim.swa_utils.update_bn(data(kind), net)
    assert diagnose(net.eval(), data(kind), loss=F.cross_entropy).ok


@both
def test_a_sound_home_made_layer_is_silent(kind):
    assert diagnose(trained_with(kind, None), data(kind), loss=F.cross_entropy).findings == ()


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_show_on_sequences_too(fault):
    if fault in ("no-root", "reversed"):
        pytest.skip("needs trained statistics")
    net = nn.Sequential(
        nn.Unflatten(1, (8, 8)), nn.Conv1d(8, 6, 3, bias=False), HomeMade(6, fault), nn.Flatten(), nn.Linear(36, 10)
    )
    assert FAULTS[fault] in diagnose(net, data("mlp")).names


@both
def test_a_biased_running_variance_of_a_home_made_layer_is_a_note(kind):
    net = trained_with(kind, "biased")
    report = diagnose(net, data(kind, batch=16 if kind == "mlp" else 64))
    assert report.ok
    if kind == "mlp":
        assert {finding.name for finding in report.findings} == {"running-var-biased"}
        assert report.findings[0].measured.number == pytest.approx(7 / 8)


def test_statistics_collected_with_the_biased_variance_show_in_a_layer_of_torch_too():
    batches = [(x, y) for x, y in data("mlp", batch=16, drop_last=True)]
    net = patients.train(patients.mlp(), steps=200)
    torch.optim.swa_utils.update_bn(batches, net)
    assert diagnose(net, batches).findings == ()
    for norm in patients.norms(net):
        norm.running_var.mul_(15 / 16)
    report = diagnose(net, batches)
    assert report.ok and "running-var-biased" in {finding.name for finding in report.findings}


@both
def test_a_subclass_whose_evaluation_forgets_the_root_is_found(kind):
    parent = patients.norm_class(kind)

    class Forgetful(parent):
        def forward(self, x):
            if self.training:
                return super().forward(x)
            view = [1, -1, *[1] * (x.ndim - 2)]
            mean, var, gamma, beta = (
                t.view(view) for t in (self.running_mean, self.running_var, self.weight, self.bias)
            )
            return (x - mean) / (var + self.eps) * gamma + beta

    net = patients.train(patients.MAKE[kind](Forgetful), kind == "cnn")
    report = diagnose(net, data(kind), loss=F.cross_entropy)
    assert report.names == ["train-eval-gap"]
    assert [f.layer for f in report.findings if f.severity == "warning"] == ["1"]


@both
def test_layers_of_this_course_and_other_norms_are_silent(kind):
    ours = norm_torch.BatchNorm2d if kind == "cnn" else norm_torch.BatchNorm1d
    assert (
        diagnose(patients.train(patients.MAKE[kind](ours), kind == "cnn"), data(kind), loss=F.cross_entropy).findings
        == ()
    )

    class RMS(nn.Module):
        def __init__(self, width):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(width))

        def forward(self, x):
            view = [1, -1, *[1] * (x.ndim - 2)]
            return x * (x.square().mean(1, keepdim=True) + 1e-6).rsqrt() * self.weight.view(view)

    class Annotated(nn.Module):
        """LayerNorm as in the Annotated Transformer: unbiased, eps outside; another layer, not a wrong BatchNorm."""

        def __init__(self, width):
            super().__init__()
            self.a, self.b = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))

        def forward(self, x):
            view = [1, -1, *[1] * (x.ndim - 2)]
            return self.a.view(view) * (x - x.mean(1, keepdim=True)) / (x.std(1, keepdim=True) + 1e-6) + self.b.view(
                view
            )

    for norm in (RMS, Annotated):
        net = patients.train(patients.MAKE[kind](norm), kind == "cnn")
        assert diagnose(net, data(kind), loss=F.cross_entropy).findings == ()


def test_a_fault_of_a_real_layer_shows_as_an_independent_gradient_check_shows_it():
    layer, x = HomeMade(3, "detached").double(), torch.randn(6, 3, dtype=torch.float64, requires_grad=True)
    with pytest.raises(GradcheckError):
        torch.autograd.gradcheck(layer.train(), x)
    assert torch.autograd.gradcheck(HomeMade(3).double().train(), x)
