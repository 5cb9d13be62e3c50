"""Many trainings at once are the same as one by one, and what came of them is kept, summed up and found again."""

import json
import sys
from dataclasses import asdict, fields, replace

import numpy as np
import pytest
import torch
from torch import nn

from bnbook import data, nets
from bnbook.lab import engine, images

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def digits():
    return data.digits()


def test_a_run_is_the_same_training_written_out_in_plain_pytorch(digits):
    setting = engine.Setting(norm="none", lr=0.1, steps=20, every=10, seed=3)
    result = engine.run(setting, digits)

    net = _plain_cnn(seed=3)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    mean, sd = digits.x_train.mean(), digits.x_train.std()
    x, x_test = (torch.tensor((part - mean) / sd) for part in (digits.x_train, digits.x_test))
    y, y_test = torch.tensor(digits.y_train), torch.tensor(digits.y_test)
    rng, accuracy = np.random.default_rng(3), [_accuracy(net, x_test, y_test)]
    batches = [part for _ in range(2) for part in np.array_split(rng.permutation(1000)[:960], 15)]
    for step, batch in enumerate(batches[:20], start=1):
        optimizer.zero_grad()
        nn.CrossEntropyLoss()(net(x[batch]), y[batch]).backward()
        optimizer.step()
        if step % 10 == 0:
            accuracy.append(_accuracy(net, x_test, y_test))

    assert result["step"] == [0, 10, 20]
    assert result["test_accuracy"] == accuracy
    assert result["train_loss"] == pytest.approx(nn.CrossEntropyLoss()(net(x), y).item(), rel=1e-10)
    assert engine.Setting(**result["setting"]) == setting


def test_a_diverged_run_is_valid_json_and_silent(digits, capsys):
    result = engine.run(engine.Setting(norm="none", lr=1e100, steps=8), digits)
    assert result["diverged"] and result["train_loss"] is None
    json.dumps(result, allow_nan=False)
    assert capsys.readouterr() == ("", "")


def test_progress_is_shown_only_when_asked_and_where_somebody_looks(digits, capsys, monkeypatch):
    settings = [engine.Setting(steps=1, seed=seed) for seed in range(2)]
    quiet = engine.run_all(settings, digits)
    assert engine.run_all(settings, digits, progress=True) == quiet
    assert capsys.readouterr() == ("", ""), "standard error is no terminal here"
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert engine.run_all(settings, digits, progress=True) == quiet
    assert "2.00/2.00" in capsys.readouterr().err


def test_watch_sees_the_stack_and_the_batch_to_come_and_what_it_returns_is_kept(digits):
    seen = []

    def watch(moment):
        seen.append((moment.step, moment.net.members, None if moment.x is None else tuple(moment.x.shape)))
        return {"mean": moment.net.norm1.running_mean.mean(1)} if moment.step % 2 == 0 else None

    runs = engine.run_all([engine.Setting(steps=3, seed=s) for s in (4, 5)], digits, watch=watch)
    assert seen == [*((step, 2, (2, 64, 1, 8, 8)) for step in range(3)), (3, 2, None)]
    assert [run["watched"]["step"] for run in runs] == [[0, 2]] * 2
    assert runs[0]["watched"]["mean"][0] == 0 != runs[0]["watched"]["mean"][1] != runs[1]["watched"]["mean"][1]


def test_two_threads_give_the_same_accuracies(digits):
    # Few steps: two threads that have one core to share wait for each other most of the time.
    few = data.Data(*(part[:256] for part in digits))
    setting = engine.Setting(lr=0.2, steps=4, every=2)
    one = engine.run(setting, few)
    torch.set_num_threads(2)
    try:
        two = engine.run(setting, few)
    finally:
        torch.set_num_threads(1)
    assert two["test_accuracy"] == one["test_accuracy"]
    assert two["train_loss"] == pytest.approx(one["train_loss"], rel=1e-10)


def test_one_mean_and_one_sd_of_the_training_images_serve_for_all(digits):
    brighter = digits._replace(x_train=3 + 5 * digits.x_train, x_test=3 + 5 * digits.x_test)
    setting = engine.Setting(steps=5, every=1)
    same = engine.run(setting, brighter)
    assert same["test_accuracy"] == engine.run(setting, digits)["test_accuracy"]
    darker_test = digits._replace(x_test=digits.x_test / 10)
    assert engine.run(setting, darker_test)["train_loss"] == pytest.approx(same["train_loss"], rel=1e-10)
    assert engine.run(setting, darker_test)["test_accuracy"] != same["test_accuracy"]


def test_a_setting_varies_by_replace_and_an_unknown_net_is_refused(digits):
    setting = replace(engine.Setting(), lr=0.5, net="transformer")
    assert setting.lr == 0.5 and setting.norm == "batch"
    with pytest.raises(ValueError, match="net is 'transformer'; it must be one of 'cnn'"):
        engine.run(setting, digits)
    with pytest.raises(AttributeError):
        setting.lr = 1


def test_a_setting_is_an_architecture_which_alone_decides_the_net_and_a_training(digits):
    names = [{field.name for field in fields(part)} for part in (engine.Architecture, engine.Training)]
    assert set(asdict(engine.Setting())) == set.union(*names) | {"seed", "twin"} and not set.intersection(*names)
    read = set()

    class Watched:
        def __init__(self, setting):
            self.setting = setting

        def __getattr__(self, name):
            read.add(name)
            return getattr(self.setting, name)

    for net in ("cnn", "mlp", "residual"):
        engine.build(Watched(engine.Setting(net=net)), digits)
    assert read == names[0] | {"seed", "twin"}


def test_a_look_at_own_images_leaves_every_part_in_the_mode_it_has(digits):
    setting = engine.Setting(net="mlp", images=64)
    net = nets.Stack([engine.build(setting, digits)])
    net.norm2.eval()
    before = {name: value.clone() for name, value in net.named_buffers()}
    images.Dealt(*images.pooled(digits, [setting], net.linear.weight)).scores(net)
    assert net.training and net.norm1.training and not net.norm2.training
    assert all(torch.equal(value, before[name]) for name, value in net.named_buffers())


def _plain_cnn(seed):
    generator = torch.Generator().manual_seed(seed)
    net = nn.Sequential(
        *(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 16, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(64, 10)),
    ).double()
    for layer, std in ((0, (2 / 9) ** 0.5), (3, (2 / 72) ** 0.5), (6, (2 / 144) ** 0.5), (9, (1 / 64) ** 0.5)):
        nn.init.normal_(net[layer].weight, 0, std, generator=generator)
        nn.init.zeros_(net[layer].bias)
    return net


def _accuracy(net, x, y):
    with torch.no_grad():
        return (net(x).argmax(1) == y).sum().item() / len(y)


# --- many runs at once -----------------------------------------------------------------------------------------------

GRID = [
    engine.Setting(net="mlp", norm=norm, width=8, lr=lr, steps=12, every=6, seed=seed)
    for norm in ("none", "batch")
    for lr in (0.05, 0.5)
    for seed in range(3)
]


def test_a_grid_is_the_same_as_its_runs_one_by_one_and_in_the_same_order(digits):
    together = engine.run_all(GRID, digits)
    assert [engine.Setting(**run["setting"]) for run in together] == GRID
    for setting, run in zip(GRID, together, strict=True):
        alone = engine.run(setting, digits)
        assert run["train_loss"] == pytest.approx(alone["train_loss"], rel=0, abs=1e-9)
        assert {**run, "train_loss": 0} == {**alone, "train_loss": 0}
    assert engine.run_all(GRID, digits, together=2)[5]["test_accuracy"] == together[5]["test_accuracy"]


def test_an_interrupted_grid_keeps_what_is_finished_and_goes_on(digits, tmp_path):
    calls, whole = [], engine.run_all(GRID, digits, watch=_loss_and_step, together=4)

    def interrupted(moment):
        calls.append(moment.step)
        if len(calls) > 20:
            raise KeyboardInterrupt
        return _loss_and_step(moment)

    interrupted.__module__, interrupted.__qualname__ = _loss_and_step.__module__, _loss_and_step.__qualname__
    keep = tmp_path / "grid.part"
    with pytest.raises(KeyboardInterrupt):
        engine.run_all(GRID, digits, watch=interrupted, keep=keep, together=4)
    assert len(keep.read_text().split()) and len(calls) == 21
    keep.write_text(keep.read_text() + '{"key": "cut o')  # killed while writing
    again = []

    def counted(moment):
        again.append(moment.step)
        return _loss_and_step(moment)

    counted.__module__, counted.__qualname__ = _loss_and_step.__module__, _loss_and_step.__qualname__
    assert engine.run_all(GRID, digits, watch=counted, keep=keep, together=4) == whole
    assert len(again) == 3 * 13, "four groups of at most 4 (6 nets of each norm), one of them was finished"
    assert engine.run_all(GRID, digits, watch=interrupted, keep=keep, together=4) == whole, "nothing is left to do"


def test_kept_runs_of_other_data_or_another_device_are_not_taken(digits, tmp_path):
    keep = tmp_path / "grid.part"
    engine.run_all(GRID[:2], digits, keep=keep)
    other = digits._replace(x_train=digits.x_train[::-1].copy())
    assert engine.run_all(GRID[:2], other, keep=keep) == engine.run_all(GRID[:2], other)


def _loss_and_step(moment):
    weight = moment.net.linear1.weight.detach()
    return {"first": weight.flatten(1)[:, :2], "at": torch.full((len(moment.settings),), moment.step)}


def test_on_the_sphere_every_hidden_unit_keeps_the_length_of_its_weights(digits):
    lengths = []

    def watch(moment):
        weight = moment.net.linear2.weight.detach()
        lengths.append((weight.norm(dim=2), moment.net.linear.weight.detach().norm(dim=2)))

    setting = engine.Setting(net="mlp", width=8, hidden_lr=30.0, lr=0.1, steps=5, sphere=True)
    engine.run_all([setting, replace(setting, seed=1)], digits, watch=watch)
    torch.testing.assert_close(lengths[0][0], lengths[-1][0], rtol=1e-12, atol=0)
    assert not torch.allclose(lengths[0][1], lengths[-1][1]), "the last layer is free"


def test_only_scales_and_shifts_are_trained_if_asked(digits):
    first = []

    def watch(moment):
        first.append({name: value.detach().clone() for name, value in moment.net.named_parameters()})

    engine.run_all([engine.Setting(trainable="norm", steps=2)], digits, watch=watch)
    changed = {name for name, value in first[0].items() if not torch.equal(value, first[-1][name])}
    assert changed == {f"norm{i}.{part}" for i in (1, 2, 3) for part in ("weight", "bias")}


def test_a_standardized_start_is_built_from_the_training_images(digits):
    net = engine.build(engine.Setting(net="mlp", norm="none", standardized=True, init="torch"), digits)
    z = net[:2](engine.tensors(digits, "cpu")[0][:500])
    torch.testing.assert_close(z.mean(0), torch.zeros(8, dtype=torch.float64), rtol=0, atol=1e-12)
    torch.testing.assert_close(z.var(0, correction=0), torch.ones(8, dtype=torch.float64))


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"net": "transformer"}, "must be one of 'cnn', 'mlp', 'residual'"),
        ({"trainable": "some"}, "trainable is 'some'"),
    ],
)
def test_a_setting_that_no_net_has_is_refused(digits, wrong, message):
    with pytest.raises(ValueError, match=message):
        engine.run(engine.Setting(**wrong), digits)


def test_float32_gives_the_same_verdicts(digits):
    single, double = (engine.run_all(GRID, digits, dtype=dtype) for dtype in (torch.float32, torch.float64))
    assert [run["diverged"] for run in single] == [run["diverged"] for run in double]
    np.testing.assert_allclose([r["train_loss"] for r in single], [r["train_loss"] for r in double], rtol=1e-2)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_grid_gives_the_same_on_a_gpu(digits):
    on_gpu, on_cpu = (engine.run_all(GRID, digits, device) for device in ("cuda", "cpu"))
    for there, here in zip(on_gpu, on_cpu, strict=True):
        assert there["train_loss"] == pytest.approx(here["train_loss"], rel=1e-7)


def test_twins_begin_a_rounding_error_apart(digits):
    setting = engine.Setting(net="mlp", width=8, depth=2)
    nets = [engine.build(replace(setting, twin=twin), digits) for twin in (0, 0, 1, 2)]
    weights = [torch.cat([p.detach().flatten() for p in net.parameters()]) for net in nets]
    assert torch.equal(weights[0], weights[1])
    for i, j in ((0, 2), (0, 3), (2, 3)):
        apart = (weights[i] - weights[j]).abs() / weights[0].abs().clamp(min=1e-9)
        assert 1e-16 < apart.max() < 1e-14
    runs = engine.run_all([replace(setting, steps=3, every=3, twin=twin) for twin in (0, 1)], digits)
    assert runs[0]["train_loss"] == pytest.approx(runs[1]["train_loss"], rel=1e-12)
