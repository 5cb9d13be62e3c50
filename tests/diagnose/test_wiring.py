"""What stands around a norm, and what batches do to it: each by its exact name in two architectures, and repaired."""

import patients
import pytest
import torch
import torch.nn.functional as F
from architectures import Checkpointed, Functional, Padded, Sequences, Tokens, Twice
from patients import data, made_with, norms
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from bnbook.diagnose import diagnose

both = pytest.mark.parametrize("kind", ("mlp", "cnn"))


def report_of(net, loader, **keywords):
    return diagnose(net, loader, **({"loss": F.cross_entropy} | keywords))


def all_names(report):
    return {finding.name for finding in report.findings}


# Batches


@both
@pytest.mark.parametrize("batch", (4, 8))
def test_few_values_are_told_with_the_batch_size_that_would_do(kind, batch, trained):
    net = trained(kind)
    if kind == "cnn":  # with one position left, a batch of images is a batch of rows
        net = nn.Sequential(
            *list(net)[:6], nn.AdaptiveAvgPool2d(1), nn.BatchNorm2d(12), nn.Flatten(), nn.Linear(12, 10)
        )
        net = patients.train(net, True)
    report = report_of(net, data(kind, batch=batch))
    assert report.names == ["too-few-values"]
    assert report.findings[0].measured.number == pytest.approx(batch**-0.5, rel=1e-6)
    scope = {"loader": data(kind, batch=batch), "torch": torch}
    exec(report.findings[0].fix, scope)
    assert scope["loader"].batch_size == 16
    assert report_of(net, scope["loader"]).ok


def test_a_convolution_on_small_batches_has_values_enough(trained):
    assert report_of(trained("cnn"), data("cnn", batch=4)).ok


@both
def test_one_value_per_channel_is_an_error_and_no_crash(kind):
    net = patients.MAKE[kind]()
    if kind == "cnn":
        net = nn.Sequential(nn.Conv2d(1, 8, 8), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(8, 10))
    assert report_of(net, data(kind, batch=1)).names == ["too-few-values"]
    assert report_of(net, data(kind)).ok


@both
def test_a_last_batch_of_one_is_foreseen(kind, trained):
    net = trained(kind)
    if kind == "cnn":
        net = nn.Sequential(
            *list(net)[:6], nn.AdaptiveAvgPool2d(1), nn.BatchNorm2d(12), nn.Flatten(), nn.Linear(12, 10)
        )
        net = patients.train(net, True)
    x, y, *_ = patients.digits(kind == "cnn")
    loader = DataLoader(TensorDataset(x[:897], y[:897]), 128, shuffle=True)
    assert report_of(net, loader).names == ["last-batch-of-one"]
    scope = {"loader": loader, "torch": torch}
    exec(report_of(net, loader).findings[0].fix, scope)
    assert report_of(net, scope["loader"]).ok


def test_a_last_image_has_positions_enough(trained):
    x, y, *_ = patients.digits(True)
    assert report_of(trained("cnn"), DataLoader(TensorDataset(x[:897], y[:897]), 128, shuffle=True)).ok


@both
def test_batches_sorted_by_class_are_not_alike(kind):
    x, y, *_ = patients.digits(kind == "cnn")
    order = y.argsort(stable=True)
    dataset = TensorDataset(x[order], y[order])
    loader = DataLoader(dataset, 64)
    net = patients.train(patients.MAKE[kind](), kind == "cnn", batches=patients.endless(loader))
    report = report_of(net, loader)
    assert report.names == ["batches-not-alike"]
    scope = {"loader": loader, "torch": torch}
    exec(report.findings[0].fix, scope)
    repaired = patients.train(patients.MAKE[kind](), kind == "cnn", batches=patients.endless(scope["loader"]))
    assert report_of(repaired, scope["loader"]).ok


@both
def test_one_session_of_lighting_per_batch_is_not_alike(kind, trained):
    generator = torch.Generator().manual_seed(0)
    sessions = [((0.2 + torch.rand(1, generator=generator)) * x, y) for x, y in data(kind)]
    assert "batches-not-alike" in report_of(trained(kind), sessions).names
    every = [((0.2 + torch.rand((len(x), *[1] * (x.ndim - 1)), generator=generator)) * x, y) for x, y in data(kind)]
    net = patients.train(patients.MAKE[kind](), kind == "cnn", batches=patients.endless(every))
    assert report_of(net, every).ok


@both
@pytest.mark.parametrize("change", ("not scaled", "other mean", "inverted"))
def test_evaluation_data_prepared_in_another_way_are_named(kind, change, trained):
    x, y, t, u = patients.digits(kind == "cnn")
    other = {"not scaled": 255 * t, "other mean": t - 0.5, "inverted": 1 - t}[change]
    net = trained(kind)
    assert report_of(net, data(kind), eval_loader=DataLoader(TensorDataset(other, u), 64)).names == [
        "eval-data-differs"
    ]
    assert report_of(net, data(kind), eval_loader=DataLoader(TensorDataset(t, u), 64)).ok


def test_channels_in_another_order_are_named_and_a_sorted_test_set_is_not():
    generator = torch.Generator().manual_seed(0)
    colours = torch.tensor([0.3, 0.0, -0.4]).reshape(3, 1, 1)
    x = (
        torch.randn(1200, 3, 8, 8, generator=generator)
        + 0.5 * torch.randn(1200, 3, 1, 1, generator=generator)
        + colours
    )
    net = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(288, 10))
    train, test = DataLoader(TensorDataset(x[:600]), 64, shuffle=True), x[600:]
    assert diagnose(net, train, eval_loader=DataLoader(TensorDataset(test.flip(1)), 64)).names == ["eval-data-differs"]
    by_brightness = test[test.mean((1, 2, 3)).argsort()]
    assert diagnose(net, train, eval_loader=DataLoader(TensorDataset(by_brightness), 64)).ok


@both
def test_zeros_behind_the_ends_of_sequences_count_as_data(kind):
    generator = torch.Generator().manual_seed(0)
    batches = []
    for x, y in data(kind, drop_last=True):
        keep = torch.arange(8) < torch.randint(3, 9, (len(x), 1), generator=generator)
        batches.append(((x.reshape(-1, 8, 8) + 0.1) * keep[:, :, None], y))
    conv = kind == "cnn"
    net = patients.train(Padded(conv=conv), steps=60, batches=patients.endless(batches))
    report = report_of(net, batches)
    assert report.names == ["padding-counted"]
    assert 0.2 < report.findings[0].measured.number < 0.5
    repaired = patients.train(Padded(masked=True, conv=conv), steps=60, batches=patients.endless(batches))
    assert report_of(repaired, batches).ok


# What stands before and after


@pytest.mark.parametrize("relu", (False, True))
def test_features_that_a_linear_wrote_last_are_not_on_axis_1(relu):
    net = patients.train(Sequences(relu=relu))
    report = report_of(net, data("mlp"))
    assert report.names == ["features-not-on-axis-1"]
    exec(report.findings[0].fix, {"model": net, "torch": torch})
    assert report_of(patients.train(net), data("mlp")).ok
    assert report_of(patients.train(Sequences(turned=True, relu=relu)), data("mlp")).ok
    assert report_of(patients.train(Sequences(turned=True, relu=relu, width=12)), data("mlp")).ok


def test_features_of_tokens_are_followed_through_gelu_and_permute():
    report = report_of(patients.train(Tokens(turned=False), steps=150, lr=0.05), data("mlp"))
    assert report.names == ["features-not-on-axis-1"]
    assert report_of(patients.train(Tokens(turned=True), steps=150, lr=0.05), data("mlp")).ok


@both
def test_one_layer_at_two_places_is_named_with_how_far_they_are_apart(kind):
    images = kind == "cnn"
    net = patients.train(Twice(images), images)
    report = report_of(net, data(kind))
    assert report.names == ["shared-layer"]
    assert report.findings[0].measured.number > 0.25
    exec(report.findings[0].fix, {"model": net, "torch": torch})
    assert report_of(patients.train(Twice(images, shared=False), images), data(kind)).ok


@both
@pytest.mark.parametrize("reentrant", (False, True))
def test_checkpointing_moves_statistics_twice(kind, reentrant):
    def make(on):
        layers = list(patients.MAKE[kind]())
        return Checkpointed(nn.Sequential(*layers[:-1]), layers[-1], reentrant, on)

    net = patients.train(make(True), kind == "cnn", steps=60)
    assert int(norms(net)[0].num_batches_tracked) == 120
    report = report_of(net, data(kind))
    assert report.names == ["updated-more-than-once"]
    exec(report.findings[0].fix, {"model": net})
    assert norms(net)[0].momentum == pytest.approx(1 - 0.9**0.5, abs=1e-4)
    assert report_of(patients.train(make(False), kind == "cnn", steps=60), data(kind)).ok


@both
def test_a_regression_that_ends_in_a_norm_is_pinned(kind):
    images = kind == "cnn"
    target = lambda x: torch.cat([x.flatten(1).mean(1, keepdim=True), x.flatten(1)[:, 20:21]], 1)  # noqa: E731
    batches = [(x, target(x)) for x, _ in data(kind)]

    def make(ends):
        body = list(patients.MAKE[kind]())[:-1]
        return nn.Sequential(
            *body, nn.Linear(48 if images else 64, 2, bias=not ends), *([nn.BatchNorm1d(2)] if ends else [])
        )

    net = patients.train(make(True), images, batches=patients.endless(batches), loss=F.mse_loss)
    report = report_of(net, batches, loss=F.mse_loss)
    assert report.names == ["norm-on-output"]
    assert report_of(net, batches, loss=None).ok
    exec(report.findings[0].fix, {"model": net, "torch": torch})
    assert report_of(net, batches, loss=nn.MSELoss()).ok


@both
def test_dead_channels_are_a_note_and_above_a_tenth_a_warning(kind, trained):
    net = nn.Sequential(*list(trained(kind))[:-1])
    last = next(m for m in reversed(net) if isinstance(m, nn.Linear | nn.Conv2d))
    with torch.no_grad():
        last.weight[:1] = 0
        torch.optim.swa_utils.update_bn(data(kind), net)
    report = report_of(net.eval(), data(kind), loss=None)
    assert report.ok and all_names(report) == {"dead-channels"}
    with torch.no_grad():
        last.weight[:8] = 0
        torch.optim.swa_utils.update_bn(data(kind), net)
    report = report_of(net.eval(), data(kind), loss=None)
    assert report.names == ["dead-channels"]
    exec(report.findings[0].fix, {"model": net, "torch": torch})
    torch.optim.swa_utils.update_bn(data(kind), net)
    assert report_of(net.eval(), data(kind), loss=None).findings == ()


@both
def test_a_group_of_one_value_is_constant(kind):
    groups = {"mlp": 64, "cnn": 12}[kind]
    if kind == "mlp":
        net = patients.train(patients.mlp(lambda width: nn.GroupNorm(groups, width)))
        right = patients.train(patients.mlp(lambda width: nn.GroupNorm(4, width)))
    else:
        body = (nn.Conv2d(1, 12, 8, bias=False), nn.ReLU())
        make = lambda n: nn.Sequential(*body, nn.GroupNorm(n, 12), nn.ReLU(), nn.Flatten(), nn.Linear(12, 10))  # noqa: E731
        net, right = patients.train(make(12), True), patients.train(make(3), True)
    report = report_of(net, data(kind))
    assert report.names == ["one-value-per-group"]
    for finding in report.findings:
        exec(finding.fix, {"model": net, "torch": torch})
    if kind == "mlp":
        assert report_of(net, data(kind)).ok
    assert report_of(right, data(kind)).ok


def test_an_instance_of_one_position_is_an_error_and_no_crash():
    net = nn.Sequential(nn.Conv2d(1, 8, 8), nn.InstanceNorm2d(8), nn.Flatten(), nn.Linear(8, 10))
    assert report_of(net, data("cnn")).names == ["one-value-per-group"]


# Functional calls


@both
def test_a_call_that_always_trains_is_in_training_mode_in_evaluation(kind):
    images = kind == "cnn"
    net = patients.train(Functional(kind, training=True), images)
    assert report_of(net, data(kind)).names == ["training-mode-in-eval"]
    assert report_of(patients.train(Functional(kind), images), data(kind)).ok


@both
def test_statistics_of_a_call_are_judged_like_a_layers(kind):
    net = patients.train(Functional(kind), kind == "cnn")
    net.running_mean.zero_(), net.running_var.fill_(1)
    assert report_of(net, data(kind)).names == ["running-stats-untouched"]
    net.running_var[2] = -1
    assert report_of(net, data(kind)).names == ["running-var-invalid"]
    repaired = report_of(net, data(kind)).findings[0].fix
    net.running_mean.zero_(), net.running_var.fill_(1)
    for _ in range(3):
        exec(repaired, {"model": net, "loader": data(kind), "torch": torch})
    assert report_of(net, data(kind)).ok


# Notes


@both
def test_notes_say_what_is_worth_knowing_and_keep_the_report_ok(kind, trained):
    images = kind == "cnn"
    norm = patients.norm_class(kind)
    layer = nn.Conv2d(1, 12, 3, padding=1) if images else nn.Linear(64, 12)
    net = nn.Sequential(layer, norm(12), norm(12), nn.ReLU(), nn.Flatten(), nn.Linear(768 if images else 12, 10))
    net.spare = nn.Identity()
    net = patients.train(net, images)
    norms(net)[1].weight.data[3] = 1e-6
    optimizer = torch.optim.SGD(net.parameters(), 0.1, weight_decay=1e-4)
    report = report_of(net, data(kind), optimizer=optimizer)
    assert report.ok
    assert all_names(report) == {"redundant-bias", "normalized-twice", "decay-on-norm", "scale-near-zero"}
    assert all_names(diagnose(net)) == {"redundant-bias", "normalized-twice", "scale-near-zero"}
    before = net(next(iter(data(kind)))[0])
    scope = {"model": net, "torch": torch, "optimizer": optimizer}
    for finding in report.findings:
        if finding.name in ("redundant-bias", "decay-on-norm"):
            exec(finding.fix, scope)
    assert torch.allclose(before, net(next(iter(data(kind)))[0]), atol=1e-5)
    assert all_names(report_of(net, data(kind), optimizer=scope["optimizer"])) == {
        "normalized-twice",
        "scale-near-zero",
    }


@both
def test_a_layer_that_forward_does_not_use_is_a_note(kind, trained):
    class Unused(nn.Module):
        def __init__(self, net):
            super().__init__()
            self.net, self.spare = net, nn.BatchNorm1d(4)

        def forward(self, x):
            return self.net(x)

    net = Unused(trained(kind)).eval()
    report = report_of(net, data(kind))
    assert report.ok and [(f.name, f.layer) for f in report.findings] == [("never-called", "spare")]
    exec(report.findings[0].fix, {"model": net, "torch": torch})
    assert report_of(net, data(kind)).findings == ()


@both
def test_a_layer_in_evaluation_mode_while_training_is_a_note(kind, trained):
    net = trained(kind).train()
    norms(net)[0].eval()
    report = report_of(net, data(kind))
    assert report.ok and all_names(report) == {"eval-mode-in-training"}


def test_dropout_before_a_norm_shifts_its_variance_which_is_a_note():
    def make():
        net = patients.mlp()
        return nn.Sequential(*list(net)[:3], nn.Dropout(0.5), *list(net)[3:])

    net = patients.train(make(), steps=200)
    report = report_of(net, data("mlp"))
    assert report.ok and all_names(report) == {"train-eval-gap"}


@both
def test_two_kinds_of_batches_by_turns_are_a_note(kind, trained):
    generator = torch.Generator().manual_seed(0)
    real = [x for x, _ in data(kind, drop_last=True)]
    turns = [b for x in real for b in (x, torch.rand(x.shape, generator=generator))]
    net = made_with(kind)
    net.train()
    with torch.no_grad():
        for _ in range(3):
            for x in turns:
                net(x)
    report = diagnose(net.eval(), turns)
    assert report.ok and all_names(report) == {"running-stats-stale"}
