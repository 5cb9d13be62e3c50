"""The command line: what is printed, what is written, which exit code."""

import functools
import json
import re

import pytest

from bnbook import __main__ as command_line


def run(capsys, *arguments):
    """Exit code, standard output, standard error."""
    try:
        code = command_line.main(list(arguments))
    except SystemExit as stop:
        code = stop.code
    return code, *capsys.readouterr()


def test_without_a_command_it_prints_the_map_in_reading_order(capsys):
    code, out, _ = run(capsys)
    names = [line.split()[0] for line in out.splitlines() if not line.startswith(" ")]
    assert code == 0 and names == command_line.modules() and names[0] == "norm_numpy"
    assert "Read after nothing: start here." in out and "Built in notebook 02" in out


def test_help_lists_every_command(capsys):
    code, out, _ = run(capsys, "--help")
    assert code == 0 and all(
        re.search(rf"^    {name}\b", out, re.M) for name in ("check", "run", "bench", "lab", "reset", "notebooks")
    )


def test_an_unknown_command_is_refused(capsys):
    code, _, err = run(capsys, "chek")
    assert code == 2 and "invalid choice: 'chek'" in err


def test_check_reports_each_thing_and_ends_well(capsys):
    code, out, _ = run(capsys, "check")
    lines = out.splitlines()
    assert code == 0 and lines[-1] == "Everything works." and all(line.startswith("ok ") for line in lines[:-1])
    assert "ok    check of batch_norm" in lines


def test_check_fails_with_the_reason_when_something_is_broken(capsys, monkeypatch):
    def broken(x, gamma, beta, eps=1e-5):
        return x, gamma, beta

    from bnbook import checks

    monkeypatch.setitem(checks.__dict__["EXERCISES"], "batch_norm", _with(checks.batch_norm, broken))
    code, out, _ = run(capsys, "check")
    assert code == 1 and "FAIL  check of batch_norm: RuntimeError: " in out and "1 of these failed" in out


def _with(exercise, function):
    class Broken:
        finished = function
        judge = staticmethod(lambda yours: exercise.judge(function))

    return Broken


def test_run_writes_data_and_figure_and_prints_the_verdict(capsys, tmp_path, monkeypatch):
    from bnbook import experiments

    monkeypatch.setattr(experiments, "first_look", functools.partial(experiments.first_look, rates=(0.2,)))
    out_folder = tmp_path / "deep" / "er"
    arguments = ("run", "first_look", "--seeds", "2", "--device", "cpu", "--out", str(out_folder))
    code, out, _ = run(capsys, *arguments)
    saved = json.loads((out_folder / "first_look.json").read_text())
    assert code == 0 and saved["experiment"] == "first_look" and saved["versions"]["torch"]
    assert [arm["seeds"] for arm in saved["arms"]] == [2, 2] and len(saved["runs"]) == 4
    assert (out_folder / "first_look.png").stat().st_size > 10_000
    assert "learning rate" in out.lower() and "Written: " in out


@pytest.mark.parametrize(
    "arguments, says",
    [
        (("run", "first_lok"), "there is no experiment 'first_lok': choose one of "),
        (("run", "first_look", "--seeds", "1"), "seeds is 1"),
        (("reset", "99"), "no notebook '99'"),
        (("notebooks", "99"), "no notebook 99"),
    ],
)
def test_mistakes_get_one_sentence_and_exit_code_1(arguments, says, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, err = run(capsys, *arguments)
    assert code == 1 and err.startswith("bnbook: ") and says in err and err.count("\n") == 1
