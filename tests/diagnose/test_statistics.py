"""Wrong running statistics: each disease in two architectures by its exact name; the repaired net is silent."""

import patients
import pytest
import torch
import torch.nn.functional as F
from patients import data, made_with, norms
from torch import nn

from bnbook.diagnose import diagnose

KINDS = ("mlp", "cnn")
both = pytest.mark.parametrize("kind", KINDS)


def names(net, kind, **keywords):
    """Errors and warnings that the net's own training data bring up."""
    return diagnose(net, data(kind), loss=F.cross_entropy, **keywords).names


def apply_fixes(report, model, loader, **more):
    """Run every fix once, as a user would paste it; returns the variables after."""
    scope = {"model": model, "loader": loader, "torch": torch, **more}
    for fix in dict.fromkeys(finding.fix for finding in report.findings if finding.severity != "note"):
        exec(fix, scope)
    scope["model"].eval()
    return scope


def assert_only(name, net, kind, repaired=None):
    """Exactly this name; after the fixes it prints (or in the repaired net) nothing, and accuracy is back."""
    report = diagnose(net, data(kind), loss=F.cross_entropy)
    assert report.names == [name], str(report)
    if repaired is None:
        repaired = apply_fixes(report, net, data(kind))["model"]
        assert patients.accuracy(repaired, kind == "cnn") > 0.93
    after = diagnose(repaired, data(kind), loss=F.cross_entropy)
    assert after.ok, str(after)


@both
def test_a_sound_net_is_silent_with_and_without_data(kind, trained):
    net = trained(kind)
    assert diagnose(net).findings == ()
    assert diagnose(net, data(kind), loss=F.cross_entropy).findings == ()
    assert diagnose(net.train(), data(kind)).findings == ()


@both
def test_a_fresh_net_is_only_told_that_it_is_fresh(kind):
    report = diagnose(patients.MAKE[kind](), data(kind))
    assert report.ok
    assert {finding.name for finding in report.findings} == {"not-trained-yet"}


def without_buffers(net, kind):
    """The parameters copied into a fresh net (case 2)."""
    fresh = patients.MAKE[kind](seed=5)
    fresh.load_state_dict({**fresh.state_dict(), **dict(net.named_parameters())})
    return fresh.eval()


@both
def test_parameters_copied_without_buffers_leave_statistics_untouched(kind, trained):
    assert_only("running-stats-untouched", without_buffers(trained(kind), kind), kind)


@both
def test_momentum_0_leaves_statistics_untouched_although_the_count_is_100(kind):
    net = made_with(kind, momentum=0.0)
    assert int(norms(net)[0].num_batches_tracked) == 100
    assert diagnose(net).names == ["running-stats-untouched"]
    assert_only("running-stats-untouched", net, kind)


@both
def test_two_batches_after_a_copy_are_too_few(kind, trained):
    net = without_buffers(trained(kind), kind).train()
    with torch.no_grad():
        for (x, _), _ in zip(data(kind), range(2), strict=False):
            net(x)
    report = diagnose(net.eval(), data(kind))
    assert "81%" in report.findings[0].why and "2 batches are too few" in report.findings[0].why
    assert_only("running-stats-stale", net, kind)


@both
def test_a_tiny_momentum_is_named_as_the_reason(kind):
    net = made_with(kind, momentum=0.001)
    report = diagnose(net, data(kind))
    assert "90%" in report.findings[0].why and "momentum 0.001 is too small" in report.findings[0].why
    assert_only("running-stats-stale", net, kind)


@both
def test_averaged_weights_want_their_own_statistics(kind, trained):
    averaged = torch.optim.swa_utils.AveragedModel(trained(kind))
    with torch.no_grad():
        for parameter in averaged.module.parameters():
            if parameter.ndim > 1:  # what an average of unlike weights does: they shrink
                parameter.mul_(0.4)
    report = diagnose(averaged, data(kind))
    assert report.names == ["running-stats-stale"]
    assert "averaged" in report.findings[0].why
    after = apply_fixes(report, averaged, data(kind))["model"]
    assert diagnose(after, data(kind)).ok


@both
def test_noise_that_went_through_in_training_mode_is_other_data(kind, trained):
    net = trained(kind).train()
    with torch.no_grad():
        for i in range(30):
            x = next(iter(data(kind)))[0]
            net(3 * torch.randn(x.shape, generator=torch.Generator().manual_seed(i)))
    assert_only("stats-of-other-data", net.eval(), kind)


@both
def test_an_evaluation_without_eval_on_darker_images_is_other_data(kind, trained):
    net = trained(kind).train()
    with torch.no_grad():
        for _ in range(3):
            for x, _ in data(kind):
                net(0.3 * x)
    assert_only("stats-of-other-data", net.eval(), kind)


@both
def test_one_batch_with_infinity_poisons_the_statistics(kind, trained):
    net = trained(kind).train()
    x, _ = next(iter(data(kind)))
    x = x.clone()
    x[0] = torch.inf
    with torch.no_grad():
        net(x)
    assert_only("running-stats-not-finite", net.eval(), kind)


@both
def test_sixteen_bits_are_named_where_they_are_why(kind, trained):
    net = trained(kind)
    norms(net)[0].running_var[0] = 1e5
    norms(net)[0].half()
    report = diagnose(net)
    assert report.names == ["running-stats-not-finite"]
    assert "float16" in report.findings[0].why
    assert diagnose(trained(kind).half().float(), data(kind)).ok


@both
def test_eps_taken_from_running_var_leaves_a_negative_variance(kind, trained):
    net = trained(kind)
    with torch.no_grad():
        for norm in norms(net)[:1]:
            norm.running_var[3] = 1e-6
            norm.running_var.sub_(norm.eps)
    assert "channel 3" in diagnose(net).findings[0].why
    assert_only("running-var-invalid", net, kind)


@both
def test_a_variance_rounded_to_zero_where_the_data_vary_is_invalid(kind, trained):
    net = trained(kind)
    norms(net)[1].running_var[2] = 0
    assert diagnose(net).ok
    assert_only("running-var-invalid", net, kind)


@both
def test_mean_and_variance_exchanged_by_a_converter_are_told_from_staleness(kind):
    net = made_with(kind, steps=60)
    with torch.no_grad():  # inputs with a positive mean: then the exchanged variance is a variance
        source, norm = net[0], norms(net)[0]
        source.weight.abs_()
        torch.optim.swa_utils.update_bn(data(kind), net)
    net = patients.train(net, kind == "cnn", 100)
    norm = norms(net)[0]
    if (norm.running_mean <= 0).any():
        pytest.skip("training turned a mean negative")
    norm.running_mean, norm.running_var = norm.running_var.clone(), norm.running_mean.clone()
    assert_only("statistics-exchanged", net, kind)


@both
def test_exchanged_statistics_with_negative_means_are_seen_without_data(kind, trained):
    net = trained(kind)
    for norm in norms(net):
        norm.running_mean, norm.running_var = norm.running_var.clone(), norm.running_mean.clone()
    assert diagnose(net).names == ["statistics-exchanged"]
    assert_only("statistics-exchanged", net, kind)


@both
def test_a_momentum_of_keras_is_the_wrong_way_round(kind):
    net = made_with(kind, momentum=0.99)
    assert diagnose(net).names == ["momentum-convention"]
    assert_only("momentum-convention", net, kind)


@both
def test_no_running_statistics_make_predictions_hang_on_companions(kind):
    net = made_with(kind, steps=40, track_running_stats=False)
    report = diagnose(net, data(kind, batch=16))
    assert report.names == ["no-running-stats"]
    assert report.findings[0].measured.number > 0.01
    assert diagnose(net).names == ["no-running-stats"]
    repaired = apply_fixes(report, net, data(kind))["model"]
    assert patients.accuracy(repaired, kind == "cnn") > 0.9
    assert diagnose(repaired, data(kind)).ok


@both
def test_no_running_statistics_are_a_note_where_hardly_a_prediction_changes(kind):
    net = made_with(kind, steps=200, track_running_stats=False)
    report = diagnose(net, data(kind, batch=250))
    assert report.ok and [finding.name for finding in report.findings] == ["no-running-stats"] * 2


@both
def test_a_flag_changed_later_contradicts_the_buffers(kind, trained):
    net = trained(kind)
    for norm in norms(net):
        norm.track_running_stats = False
    assert diagnose(net).names == ["flag-contradicts-buffers"]
    assert_only("flag-contradicts-buffers", net, kind)


@both
def test_a_layer_left_in_training_mode_is_found(kind, trained):
    net = trained(kind)
    norms(net)[1].train()
    assert diagnose(net).names == ["training-mode-in-eval"]
    assert_only("training-mode-in-eval", net, kind)


@both
def test_frozen_layers_in_training_mode_move(kind, trained):
    net = trained(kind).train()
    for norm in norms(net):
        norm.requires_grad_(False)
    with torch.no_grad():
        for _ in range(4):
            for x, _ in data(kind):
                net(0.3 * x)
    report = diagnose(net, data(kind), loss=F.cross_entropy)
    assert report.names == ["frozen-but-moving"]
    repaired = trained(kind).train()
    for norm in norms(repaired):
        norm.requires_grad_(False)
    apply_fixes(report, repaired, data(kind))
    repaired.train()
    for finding in report.findings:
        exec(finding.fix, {"model": repaired})
    after = diagnose(repaired, data(kind), loss=F.cross_entropy)
    assert after.ok and {f.name for f in after.findings} == {"eval-mode-in-training"}


@both
def test_a_frozen_backbone_keeps_statistics_of_other_data_in_silence(kind, trained):
    net = trained(kind)
    for module in list(net)[:-1]:
        module.requires_grad_(False)
    other = [(0.3 * x, y) for x, y in data(kind)]
    assert diagnose(net, other, loss=F.cross_entropy).ok
    assert diagnose(net.train(), data(kind)).names == ["frozen-but-moving"]


@both
def test_a_layer_frozen_by_eval_alone_is_silent_where_the_loss_says_that_it_is_right(kind, trained):
    net = trained(kind)
    inverted = [(1 - x, y) for x, y in data(kind, drop_last=True)]
    optimizer = torch.optim.SGD(net.parameters(), 0.02, momentum=0.9)
    for x, y in 15 * inverted:  # in evaluation mode: the statistics stay those of the digits
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()
    assert diagnose(net, inverted, loss=F.cross_entropy).ok
    assert not diagnose(net, inverted).ok


@both
def test_a_gamma_drawn_at_random_is_no_sign_of_training(kind):
    net = patients.MAKE[kind]()
    for norm in norms(net):
        torch.nn.init.normal_(norm.weight, 1.0, 0.02)
    assert diagnose(net, data(kind), loss=F.cross_entropy).ok


@both
@pytest.mark.parametrize("variance, name", [(1e5, "running-stats-not-finite"), (1e-8, "running-var-invalid")])
def test_sixteen_bits_turn_large_variances_into_infinity_and_small_ones_into_zero(kind, variance, name, trained):
    net = trained(kind)
    with torch.no_grad():
        factor = (variance / data_variance(net, kind)[0]).sqrt()
        net[0].weight[0] *= factor
        norms(net)[0].running_mean[0] *= factor
        norms(net)[0].running_var[0] = variance
    norms(net)[0].half().float()
    assert name in diagnose(net, data(kind), loss=F.cross_entropy).names
    if variance > 1:
        assert diagnose(net, data(kind), loss=F.cross_entropy).names == diagnose(net).names == [name]


def data_variance(net, kind):
    """Variance per channel of what the first layer writes, over all training digits."""
    with torch.no_grad():
        return net[0](patients.digits(kind == "cnn")[0]).transpose(0, 1).flatten(1).var(1)


@both
def test_a_variance_below_eps_matters_only_if_the_outputs_say_so(kind):
    tiny = [(1e-4 * x, y) for x, y in data(kind)]
    net = patients.MAKE[kind]()
    if kind == "mlp":  # a second norm would put right what the first leaves undone
        net = nn.Sequential(*list(net)[:3], nn.Linear(64, 10))
    net = patients.train(net, kind == "cnn", 250, batches=patients.endless(tiny))
    report = diagnose(net, tiny, loss=F.cross_entropy)
    assert report.names == ["eps-dominates"], str(report)
    exec(report.findings[0].fix, {"model": net})
    net = patients.train(net, kind == "cnn", 250, batches=patients.endless(tiny))
    assert diagnose(net, tiny, loss=F.cross_entropy).ok
    net = made_with(kind, eps=0.1)
    assert patients.accuracy(net, kind == "cnn") > 0.93
    assert diagnose(net, data(kind)).ok


@both
def test_a_net_in_float64_is_told_the_same_as_one_in_float32(kind, trained):
    loader = [(x.double(), y) for x, y in data(kind)]
    assert diagnose(trained(kind).double(), loader).ok
    assert diagnose(without_buffers(trained(kind), kind).double(), loader).names == ["running-stats-untouched"]
