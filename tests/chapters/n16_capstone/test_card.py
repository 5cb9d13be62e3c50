"""The report card of notebook 16 passes several choices, refuses what is wrong in each step, and says what it is."""

import copy
import functools

import pandas as pd
import pytest
import torch
from torch import nn
from torch.optim.swa_utils import update_bn

from bnbook.chapters.n16_capstone import card, checks, functions, page, runtime, steps
from bnbook.chapters.n16_capstone.slips import fold_net, freeze, recalibrate, residual_block
from bnbook.data import Data, digits
from bnbook.grading.exercise import CheckFailed
from bnbook.lab import results

BEST = {"batch": 0.1, "group": 0.1, "none": 0.1}


def tables():
    """A tuning and its runs as `experiments.which_norm` returns them, made up: 'none' is 10 points behind."""
    height, rates = {"batch": 0.95, "group": 0.948, "none": 0.85}, (0.01, 0.1, 1.0)
    rows = [
        {"arm": arm, "lr": lr, "seed": seed, "value": height[arm] * part}
        for arm in height
        for lr, part in zip(rates, (0.8, 1.0, 0.2), strict=True)
        for seed in range(100, 108)
    ]
    tuning = pd.DataFrame(rows).assign(step=100, measure="val_accuracy")
    runs = tuning[tuning["lr"] == 0.1].copy()
    runs["seed"] -= 100
    noise = torch.randn(3, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    runs["value"] += 0.005 * (noise - noise.mean(1, keepdim=True)).flatten().numpy()
    return {"tuning": tuning, "table": runs}


@functools.cache
def small():
    """200 of the digits to train with: enough for all that is judged here."""
    d = digits()
    return Data(d.x_train[:200], d.y_train[:200], d.x_val[:100], d.y_val[:100], d.x_test[:100], d.y_test[:100])


def measured(block=functions.residual_block, **changed):
    found = {"norms": list(BEST), "best": BEST, "steps": 100, "data": small(), "width": 4, "block": block, "seeds": 8}
    return steps.Step("measured", {**found, **tables(), **changed}, "")


def decided(first="batch", **options):
    rest = [norm for norm in BEST if norm != first]
    return steps.decided(functions.choose, measured(), (first, *rest), **options)


@functools.cache
def trained(first="batch"):
    return steps.trained(decided(first), steps=150)


@functools.cache
def recalibrated(first="batch"):
    return steps.recalibrated(functions.recalibrate, trained(first))


@functools.cache
def adapted(first="batch"):
    return steps.adapted(functions.recalibrate, functions.freeze, recalibrated(first), steps=60)


def folded(first="batch", fold=functions.fold_net, gap=functions.gap):
    return steps.folded(fold, gap, adapted(first))


def judged(step):
    (line,) = card.judged([step])
    return line.state, line.says


def refused(step):
    """What the card says about a step that it refuses."""
    state, says = judged(step)
    assert state == "wrong", says
    return says


# --- open, done, several ways to pass ---------------------------------------------------------------------------------


def stub(*args):
    raise NotImplementedError


def untouched():
    one = steps.measured(stub, digits())
    two = steps.decided(stub, one, ("batch", "group"))
    three = steps.trained(two)
    four = steps.recalibrated(stub, three)
    five = steps.adapted(stub, stub, four)
    return one, two, three, four, five, (six := steps.folded(stub, stub, five)), steps.exported(stub, six)


def test_as_committed_every_step_is_open_and_nothing_is_written(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    checks.report_card(untouched())
    out = capsys.readouterr().out
    assert out.startswith("report card, 7 steps: 0 done, 7 open\n") and "stub is not written yet" in out
    assert out.count(" waits for ") == 6
    page.keep(untouched(), "mine.md")
    assert "Nothing written: open are measured, decided" in capsys.readouterr().out and not list(tmp_path.iterdir())


def test_a_function_that_returns_nothing_leaves_its_step_open_and_its_own_errors_come_through():
    def forgot(net, batches):
        net.train()

    step = steps.recalibrated(forgot, trained())
    assert not step and str(step) == "recalibrated: open, forgot is not written yet"
    with pytest.raises(ZeroDivisionError):
        steps.recalibrated(lambda net, batches: 1 / 0, trained())


@pytest.mark.parametrize("first", ["batch", "group"])
def test_either_norm_passes_every_step(first):
    work = [measured(), decided(first), trained(first), recalibrated(first), adapted(first), folded(first)]
    assert [state for state, _ in map(judged, work)] == ["done"] * 6, card.shown(card.judged(work))
    says = [says for _, says in map(judged, work)]
    assert says[1].startswith(f"{first} at 0.1, in the band") and "Fine: say " in says[1]
    assert ("nothing to recalibrate" in says[3]) == ("nothing to fold" in says[5]) == (first == "group")


def test_what_may_be_said_of_a_choice_is_what_the_table_says():
    _, says = judged(decided("batch", margin=1.0))
    assert "Better than none." in says and "As good here: group. Fine: say why you take yours." in says
    assert "Not settled against group" in judged(decided("batch", margin=0.01))[1]


@pytest.mark.parametrize("lr", [0.06, 0.1, 0.12])
def test_every_rate_in_the_band_passes_and_one_outside_does_not(lr):
    assert judged(decided(lr=lr))[0] == "done"
    for bad in (0.01, 1.0):
        assert "is outside of the band of batch, 0.032 to 0.13." in refused(decided(lr=bad))


# --- each step refuses what is wrong in it ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "block, says",
    [
        (residual_block.no_way_around, "does not return its input"),
        (residual_block.one_norm, "2 convolutions and 1 norms of its own, expected 2 and 2"),
        (residual_block.the_same_norm_twice, "2 convolutions and 1 norms of its own"),
    ],
)
def test_measured_refuses_a_block_that_is_none(block, says):
    assert says in refused(measured(block))


def test_measured_refuses_a_verdict_from_few_seeds():
    assert "2 seeds; an interval that a choice rests on needs 8 or more." in refused(measured(seeds=2))


def test_decided_refuses_a_norm_that_the_measurement_speaks_against_whatever_choose_says():
    def wish(table, prefer, margin=1.0):
        rows = [results.compare(table, prefer[0], other, "val_accuracy", margin=margin) for other in prefer[1:]]
        return prefer[0], pd.DataFrame(rows)

    says = refused(steps.decided(wish, measured(), ("none", "batch")))
    assert "none is shown to be worse than batch (-10.0 [" in says and "group (-9.8 [" in says, "also those left out"


def test_decided_refuses_numbers_that_are_not_those_of_the_table():
    def by_heart(table, prefer, margin=1.0):
        norm, rows = functions.choose(table, prefer, margin)
        return norm, rows.assign(mean=rows["mean"] + 3)

    assert "batch minus group is +" in refused(steps.decided(by_heart, measured(), ("batch", "group", "none")))


@pytest.mark.parametrize(
    "change, off, says",
    [
        (lambda rows: rows.iloc[:0], ["group", "none"], "your rows lack it."),
        (lambda rows: rows.iloc[:1], ["none"], "your rows lack it."),
        (lambda rows: rows.assign(mean=float("nan")), ["group", "none"], "you have no number."),
        (lambda rows: rows.assign(low=float("nan")), ["group", "none"], "you have +10.0 [+nan"),
    ],
    ids=["none at all", "one of two", "means that are NaN", "bounds that are NaN"],
)
def test_decided_refuses_comparisons_that_are_missing_or_no_numbers(change, off, says):
    def choose(table, prefer, margin=1.0):
        norm, rows = functions.choose(table, prefer, margin)
        return norm, change(rows)

    said = refused(steps.decided(choose, measured(), ("batch", "group", "none")))
    named = [other for other in ("group", "none") if f"batch minus {other} is +" in said]
    assert named == off and says in said


def test_decided_accepts_the_comparisons_in_any_order():
    def choose(table, prefer, margin=1.0):
        norm, rows = functions.choose(table, prefer, margin)
        return norm, rows[::-1]

    assert judged(steps.decided(choose, measured(), ("batch", "group", "none")))[0] == "done"


def test_decided_refuses_a_norm_that_was_not_measured():
    wrong = steps.decided(lambda *args: ("rms", functions.choose(*args)[1]), measured(), ("batch", "group"))
    assert "choose returned 'rms'; measured were batch, group, none." in refused(wrong)
    with pytest.raises(ValueError, match="prefer names 'rms'; measured were batch, group, none"):
        steps.decided(functions.choose, measured(), ("rms", "batch"))


def test_trained_refuses_a_net_that_is_far_behind_those_measured():
    assert "of the validation images; those measured got 95.0 %." in refused(steps.trained(decided(), steps=2))


@pytest.mark.parametrize(
    "slip, says",
    [
        (lambda net, batches: net, "norm1.running_mean is not the average over the training batches: it begins with"),
        (recalibrate.momentum_as_it_is, "running_mean is not the average over the training batches"),
        (recalibrate.the_old_ones_kept, "running_mean is not the average"),
        (recalibrate.reset_for_every_batch, "running_mean is not the average"),
        (recalibrate.left_in_training_mode, "came in evaluation mode and is in training mode now"),
        (recalibrate.momentum_left_at_none, "momentum was 0.1 and is None now"),
        (recalibrate.an_epoch_of_training, "more parameters were changed: only statistics may be"),
    ],
)
def test_recalibrated_refuses(slip, says):
    assert says in refused(steps.recalibrated(slip, trained()))


def test_recalibrated_refuses_what_is_no_number_and_what_became_one_of_another_shape():
    net = copy.deepcopy(recalibrated()["net"])
    net.norm1.running_mean[1] = torch.nan
    with torch.no_grad():
        net.linear.bias[0] = torch.inf
    says = refused(steps.Step("recalibrated", {**recalibrated().found, "net": net}, ""))
    assert "norm1.running_mean is not the average over the training batches" in says
    assert "linear.bias and 0 more parameters were changed" in says
    net.norm1.running_mean = recalibrated()["net"].norm1.running_mean.repeat(2)  # 8 beside 4 numbers
    says = refused(steps.Step("recalibrated", {**recalibrated().found, "net": net}, ""))
    assert "norm1.running_mean is not the average over the training batches" in says


def test_the_card_points_to_a_check_that_refuses_the_function_and_to_no_other():
    says = refused(steps.recalibrated(recalibrate.momentum_as_it_is, trained()))
    assert says.endswith(" See checks.recalibrate(recalibrate).")
    assert "checks." not in refused(decided(lr=1.0))


def test_recalibrated_accepts_pytorchs_own_function():
    def by_pytorch(net, batches):
        update_bn([x for x, _ in batches], net)
        return net

    assert judged(steps.recalibrated(by_pytorch, trained()))[0] == "done"


@pytest.mark.parametrize(
    "slip, says",
    [
        (lambda net: net, "parameters before the last layer were trained, such as conv1.weight"),
        (freeze.batch_norms_only, "parameters before the last layer were trained"),
        (freeze.scale_and_shift_trained, "6 parameters before the last layer were trained, such as norm1.weight"),
        (freeze.gradients_only, "norm1.running_mean moved during fine-tuning"),
        (freeze.statistics_not_tracked, "net.train() sets its BatchNorms to training mode"),
    ],
)
def test_adapted_refuses(slip, says):
    assert says in refused(steps.adapted(functions.recalibrate, slip, recalibrated(), steps=20))


def test_adapted_refuses_a_fine_tuning_that_gains_nothing_and_one_of_nothing():
    worse = steps.adapted(functions.recalibrate, functions.freeze, recalibrated(), adapt=False, lr=1e-12, steps=1)
    assert "of the new images after fine-tuning, and" in refused(worse)
    found = {**adapted().found, "net": adapted()["start"]}
    assert "The last layer, linear, was not trained." in refused(steps.Step("adapted", found, ""))


def test_adapted_may_keep_the_old_statistics():
    kept = steps.adapted(functions.recalibrate, functions.freeze, recalibrated(), adapt=False, steps=60)
    assert judged(kept)[0] == "done" and list(kept["accuracy"])[0] == "as it is" and len(kept["accuracy"]) == 2


def off_by_a_little(net):
    small = functions.fold_net(net)
    with torch.no_grad():
        small.linear.bias += 1e-5
    return small


@pytest.mark.parametrize(
    "slip, says",
    [
        (lambda net: copy.deepcopy(net).eval(), "3 of 3 BatchNorms are still there that follow a convolution"),
        (fold_net.only_the_outermost, "2 of 3 BatchNorms are still there"),
        (fold_net.in_place, "The net that you were given was changed; fold a copy."),
        (fold_net.gamma_forgotten, "Its outputs are off by"),
        (fold_net.thrown_away, "Its outputs are off by"),
        (off_by_a_little, "in float64 rounding gives 1e-16 to 1e-15"),
    ],
)
def test_folded_refuses(slip, says):
    given = steps.Step("adapted", {**adapted().found, "net": copy.deepcopy(adapted()["net"])}, "")
    assert says in refused(steps.folded(slip, functions.gap, given))


@pytest.mark.parametrize(
    "measure, says",
    [
        (lambda net, run, x: 0.0, "half as large again, your gap says 0, expected 0.5"),
        (lambda net, run, x: float((run(x) - net(x)).abs().max().detach()), "half as large again, your gap says"),
        (lambda net, run, x: functions.gap(net, run, x) + 1e-4, "Your gap says 1.0e-04, measured here is"),
    ],
)
def test_folded_refuses_a_gap_that_cannot_be_believed(measure, says):
    assert says in refused(folded(gap=measure))


def exported(run, gap=functions.gap):
    """The step as it is where onnxruntime is there, with another program in its place."""
    net, x = functions.fold_net(adapted()["net"]).float(), adapted()["new"].x_val.float()
    found = {"apart": gap(net, run, x), "run": run, "net": net, "x": x, "folded": folded()}
    return steps.Step("exported", found, "", {"gap": gap})


@torch.no_grad()
def right_program(x):
    return functions.fold_net(adapted()["net"])(x.double()).float()


def test_exported_accepts_rounding_and_refuses_more():
    assert judged(exported(right_program))[0] == "done"
    assert "off by 1.0e-03 of the largest; in float32" in refused(exported(lambda x: 1.001 * right_program(x)))


def test_exported_asks_for_one_image_too():
    def for_many_only(x):
        return right_program(x) + (len(x) == 1)

    assert "Its outputs are off by" in refused(exported(for_many_only))


def test_a_net_in_onnxruntime_gives_the_same_for_any_number_of_images():
    step = steps.exported(functions.gap, folded())
    assert judged(step)[0] == "done" and 0 < step["apart"] < 1e-5
    assert step["run"](step["x"][:3]).shape == (3, 10)


def test_without_the_packages_the_step_says_what_to_install_and_the_page_is_written(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(runtime.importlib.util, "find_spec", lambda name: None)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ImportError, match="not installed: onnx, onnxruntime, onnxscript; `%pip install onnx"):
        runtime.in_onnxruntime(nn.Identity(), torch.zeros(2, 1))
    step = steps.exported(functions.gap, folded())
    assert str(step) == (
        "not run: onnx, onnxruntime, onnxscript not installed. "
        "`%pip install onnx onnxruntime onnxscript` in a cell installs them"
    )
    work = (measured(), decided(), trained(), recalibrated(), adapted(), folded(), step)
    checks.report_card(work)
    assert "7 steps: 6 done, 1 not run" in capsys.readouterr().out
    page.keep(work, "mine.md")
    assert "| ONNX, onnxruntime | not run: " in (tmp_path / "mine.md").read_text(encoding="utf-8")


def test_a_card_with_a_wrong_step_is_printed_and_raised(capsys):
    with pytest.raises(CheckFailed, match="is outside of the band"):
        checks.report_card([decided(lr=1.0)])
    out = capsys.readouterr().out
    assert out.startswith("report card, 1 steps: 0 done, 1 wrong\n") and max(map(len, out.splitlines())) <= 88


# --- the page ---------------------------------------------------------------------------------------------------------


def finished(first="batch"):
    last = exported(right_program) if first == "batch" else steps.Step("exported", {"apart": None, "run": None}, "a. b")
    return (measured(), decided(first), trained(first), recalibrated(first), adapted(first), folded(first), last)


def test_the_page_holds_the_readers_own_numbers(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    work = finished()
    page.keep(work, "mine.md", why="Because I can fold it.")
    assert capsys.readouterr().out == "Written: mine.md, one page in Markdown.\n"
    text, found = (tmp_path / "mine.md").read_text(encoding="utf-8"), work[4]["accuracy"]
    for part in (
        "Because I can fold it.",
        "| normalization | batch; first of batch, group, none that no other is shown to beat |",
        "| learning rate | 0.1; batch is good from 0.032 to 0.13 |",
        f"{work[3]['accuracy']:.1f} % of the validation images |",
        f"| new scanner, as it is | {found['as it is']:.1f} % of its validation images |",
        f"| folded | outputs off by {work[5]['apart']:.1e} of the largest, float64 |",
        f"| ONNX, onnxruntime | off by {work[6]['apart']:.1e} of the largest, float32 |",
        "| none | +10.0 [",
    ):
        assert part in text, part
    assert len(text.splitlines()) <= 40 and "{" not in text and "nan" not in text
    page.keep(work, "mine.md", why="Another reason.")
    assert "Another reason." in (tmp_path / "mine.md").read_text(encoding="utf-8"), "an earlier page is replaced"
    assert [file.name for file in tmp_path.iterdir()] == ["mine.md"]


def test_a_page_that_cannot_be_put_in_its_place_leaves_the_earlier_one_and_nothing_else(tmp_path, monkeypatch, capsys):
    def is_open_elsewhere(part, file):
        raise PermissionError

    file = tmp_path / "mine.md"
    file.write_text(page.FIRST_LINE + " earlier", encoding="utf-8")
    monkeypatch.setattr(page.Path, "replace", is_open_elsewhere)
    page.keep(finished("group"), file)
    assert "mine.md cannot be written here (PermissionError)" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == [file] and file.read_text(encoding="utf-8").endswith(" earlier")


def test_the_page_overwrites_nothing_else_and_a_folder_that_cannot_be_written_gets_a_sentence(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.md").write_text("my notes", encoding="utf-8")
    (tmp_path / "picture.md").write_bytes(b"\xff\xfe\x00")
    for name in ("notes.md", "picture.md", "no/such/folder.md"):
        page.keep(finished("group"), name)
        assert capsys.readouterr().out.startswith("Nothing written: "), name
    assert (tmp_path / "notes.md").read_text(encoding="utf-8") == "my notes" and len(list(tmp_path.iterdir())) == 2
    page.keep((*finished("group")[:1], decided("group", lr=1.0), *finished("group")[2:]), "mine.md")
    assert capsys.readouterr().out == "Nothing written: wrong are decided.\n"
