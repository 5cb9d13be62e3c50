"""Progress is recorded only where a learner wants it, never in the way of a check, and summed up as counted by hand."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from bnbook import chapters, notebook, progress
from bnbook.__main__ import main
from bnbook.chapters.n00_start_here import checks
from bnbook.grading import listening
from bnbook.grading.exercise import CheckFailed


def batch_axes(ndim):
    return (0, *range(2, ndim))


def wrong(name):
    """A wrong answer under the exercise's name."""
    answers = {"slip": lambda ndim: (0,), "wrong": lambda ndim: (0, 0, 7), "error": lambda ndim: 1 / 0}
    answers[name].__name__ = "batch_axes"
    return answers[name]


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A learner's folder in which a kernel has called setup."""
    monkeypatch.chdir(tmp_path)
    progress.listen_in(tmp_path)
    yield tmp_path
    listening.listen(None)


def records(folder):
    found, broken = progress.read(folder / progress.FILE)
    assert broken == 0
    return [(r["notebook"], r["kind"], r["name"], r["outcome"], r["detail"]) for r in found]


def written(path, *lines):
    """A file of these lines: a record where one is a tuple, text as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "".join(f"\n{line if isinstance(line, str) else record(*line)}\n" for line in lines), encoding="utf-8"
    )
    return path


def record(number, name, outcome, detail="", day=1):
    kind = "question" if "-" in name else "exercise"
    time = f"2026-12-{day:02d}T09:00:00+00:00"
    return json.dumps({"time": time, "notebook": number, kind: name, "outcome": outcome, "detail": detail})


# --- recording -------------------------------------------------------------------------------------------------------


def test_nothing_is_written_until_the_learner_turns_it_on_nor_after_the_file_is_deleted(desk, capsys):
    checks.batch_axes(batch_axes)
    notebook.progress()
    assert not list(desk.iterdir())
    assert capsys.readouterr().out.endswith("Your progress is not recorded. notebook.progress(on=True) begins to.\n")
    notebook.progress(on=True)
    checks.batch_axes(batch_axes)
    assert len(records(desk)) == 1
    (desk / progress.FILE).unlink()
    checks.batch_axes(batch_axes)
    assert not list(desk.iterdir())


def test_each_outcome_is_recorded_with_the_mistake_or_the_option_and_nothing_of_the_learners_own(desk):
    progress.turn_on(desk)
    for name, error in (("slip", CheckFailed), ("wrong", CheckFailed), ("error", ZeroDivisionError)):
        with pytest.raises(error):
            checks.batch_axes(wrong(name))
    checks.batch_axes(batch_axes)
    for yours in (None, "no such answer, says Anna", " With", "not settled"):
        checks.answer("start-small-rate", yours)
    assert records(desk) == [
        ("00", "exercise", "batch_axes", "slip", "averaging over the batch alone"),
        ("00", "exercise", "batch_axes", "wrong", ""),
        ("00", "exercise", "batch_axes", "error", "ZeroDivisionError"),
        ("00", "exercise", "batch_axes", "passed", ""),
        ("00", "question", "start-small-rate", "wrong", "with"),
        ("00", "question", "start-small-rate", "right", "not settled"),
    ]
    text = (desk / progress.FILE).read_text(encoding="utf-8")
    assert not [own for own in ("Anna", "lambda", "range", str(desk), Path.home().name) if own in text]


def test_a_stub_the_finished_function_and_a_wrong_one_that_the_text_shows_are_nobodys_answer(desk):
    def stub(ndim):
        raise NotImplementedError

    stub.__name__ = "batch_axes"
    progress.turn_on(desk)
    checks.batch_axes(stub)
    checks.batch_axes(checks.batch_axes.finished)
    with pytest.raises(CheckFailed):
        checks.batch_axes(lambda ndim: (0,))
    assert records(desk) == []


def test_turning_it_on_again_loses_nothing_and_a_cell_may_change_the_working_directory(
    desk, tmp_path_factory, monkeypatch
):
    progress.turn_on(desk)
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    checks.batch_axes(batch_axes)
    progress.turn_on(desk)
    assert len(records(desk)) == 1 and not list(Path.cwd().iterdir())


def test_the_courses_own_notebooks_are_never_recorded(desk, monkeypatch, capsys):
    assert (progress.COURSE / "00_start_here.ipynb").exists()
    written(desk / progress.FILE)
    monkeypatch.setattr(progress, "COURSE", desk)
    progress.listen_in(desk)
    checks.batch_axes(batch_axes)
    capsys.readouterr()
    notebook.progress(on=True)
    assert capsys.readouterr().out.startswith("nothing is recorded in the course's own notebooks;")
    assert records(desk) == []


@pytest.mark.parametrize("call, number", [("open", 13), ("open", 30), ("write", 28)])
def test_a_disk_that_is_full_or_read_only_changes_nothing_of_a_check(desk, monkeypatch, capsys, call, number):
    progress.turn_on(desk)

    def refuses(*arguments):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(progress.os, call, refuses)
    with pytest.raises(CheckFailed, match="averaging over the batch alone"):
        checks.batch_axes(wrong("slip"))
    checks.batch_axes(batch_axes)
    checks.answer("start-small-rate", "not settled")
    monkeypatch.undo()
    out = capsys.readouterr().out
    assert "agrees with bnbook on 4 inputs\n" in out and "start-small-rate: right." in out and "OSError" not in out
    assert records(desk) == []


def test_turning_it_on_where_nothing_can_be_written_is_said_and_not_raised_in_a_notebook(desk, monkeypatch, capsys):
    def refuses(*arguments):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(progress.os, "open", refuses)
    notebook.progress(on=True)
    assert "cannot be written (Read-only file system), so nothing is recorded.\n" in capsys.readouterr().out


def test_two_kernels_that_record_at_once_lose_no_line(tmp_path):
    progress.turn_on(tmp_path)
    code = (
        "from bnbook import progress; from bnbook.grading.listening import tell; progress.listen_in('.')\n"
        "for i in range(300): tell('bnbook.chapters.n02_forward.checks', 'exercise', f'e{i}', 'wrong')"
    )
    environment = {**os.environ, "PYTHONPATH": str(progress.COURSE.parent)}
    both = [subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, env=environment) for _ in range(2)]
    assert [each.wait(60) for each in both] == [0, 0]
    assert sorted(name for _, _, name, *_ in records(tmp_path)) == sorted([f"e{i}" for i in range(300)] * 2)


# --- reading ---------------------------------------------------------------------------------------------------------

DAMAGED = ("\x00\x01", "[" * 5000, "7", '"about"', "null", "{}", '{"time": 3}', record("00", "a", "passed")[:-9])
FORGED = [
    json.dumps({"time": "2026-12-01", "notebook": "00", "exercise": "batch_axes"} | changed)
    for changed in (
        {},
        {"outcome": "great"},
        {"outcome": []},
        {"outcome": "passed", "time": "noon"},
        {"outcome": "right"},
    )
]


def test_a_line_that_cannot_be_read_is_skipped_and_counted_and_the_next_record_is_found(desk):
    path = written(desk / progress.FILE, ("00", "batch_axes", "passed"), *DAMAGED, *FORGED)
    with path.open("ab") as file:
        file.write(b'{"time": "2026-\xff')  # cut off, as by a full disk
    checks.answer("start-small-rate", "not settled")
    found, broken = progress.read(path)
    assert [r["name"] for r in found] == ["batch_axes", "start-small-rate"]
    assert broken == len(DAMAGED) + len(FORGED) + 1
    assert progress.report(desk).endswith(f" Skipped: {broken} lines that cannot be read.")


def test_the_report_counts_what_was_passed_or_right_at_least_once_of_all_there_is(tmp_path):
    right, room = ("start-large-rate", "right"), ("normalize", "batch_norm")
    lines = [("02", name, "passed") for name in room] + [("00", *right), ("00", *right), ("00", right[0], "wrong")]
    written(
        tmp_path / progress.FILE,
        *lines,
        ("00", "batch_axes", "slip"),
        ("05", "batch_norm", "wrong"),
        ("99", "x", "right"),
    )
    rows = {line.split()[0]: line.split()[1:] for line in progress.report(tmp_path).splitlines()[1:-1]}
    assert list(rows) == [room[1:] for room in chapters.rooms()]
    assert rows["00_start_here"] == "0 of 1 1 of 2".split() and rows["02_forward"] == "2 of 2 0 of 9".split()
    assert rows["05_images"][0] == "0"


def test_what_is_counted_has_different_names_in_a_notebook():
    for groups in progress.asked().values():
        assert all(len(set(names)) == len(names) >= 1 for names in groups)


# --- a class ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def room(tmp_path):
    """Three learners: Anna by a folder, Bo by a file, Cy who has only begun to record."""
    anna = [("00", "batch_axes", "slip", "averaging over the batch alone"), ("00", "batch_axes", "passed", "", 2)]
    anna += [("00", "start-small-rate", "wrong", "with", 2), ("02", "normalize", "slip", "no eps", 3)]
    bo = [
        ("00", "batch_axes", "slip", "averaging over the batch alone"),
        ("00", "batch_axes", "slip", "averaging over the batch alone"),
    ]
    bo += [
        ("00", "batch_axes", "wrong"),
        ("00", "batch_axes", "passed"),
        ("00", "batch_axes", "slip", "later"),
        ("02", "normalize", "error", "NameError"),
    ]
    written(tmp_path / "anna" / "work" / progress.FILE, *anna)
    written(tmp_path / "bo.jsonl", *bo)
    written(tmp_path / "cy" / progress.FILE, json.dumps(progress.HEAD))
    return tmp_path


def rows(table):
    return [tuple(row) for row in table.itertuples(index=False)]


def test_the_tables_of_a_class_are_those_counted_by_hand(room):
    found, complaints = progress.learners(room)
    table = progress.rows_of(found)
    assert complaints == [] and len(table) == 10
    assert rows(progress.standing(table, list(found))) == [
        ("anna", 1, 0, 1, "02", "2026-12-03"),
        ("bo", 1, 0, 1, "02", "2026-12-01"),
        ("cy", 0, 0, 0, "-", "-"),
    ]
    assert rows(progress.notebooks(table)) == [("00", 2, 2), ("02", 2, 0)]
    tries = progress.attempts(table).fillna(-1)
    assert rows(tries) == [
        ("00", "exercise", "batch_axes", 2, 2, 3.0),  # Anna passed at the second, Bo at the fourth
        ("00", "question", "start-small-rate", 1, 0, -1),
        ("02", "exercise", "normalize", 2, 0, -1),
    ]
    assert rows(progress.wrong_answers(table))[:2] == [
        ("00", "exercise", "batch_axes", "averaging over the batch alone", 2, 3),
        ("00", "exercise", "batch_axes", "(no known mistake)", 1, 1),
    ]
    assert {row[3] for row in rows(progress.wrong_answers(table))[2:]} == {"later", "with", "no eps", "NameError"}


def test_a_broken_file_is_named_in_a_sentence_and_the_others_are_summed_up(room):
    with (room / "bo.jsonl").open("a", encoding="utf-8") as file:
        file.write("half a li")
    (room / "dee.jsonl").mkdir()
    found, complaints = progress.learners(room)
    assert list(found) == ["anna", "bo", "cy"] and len(found["bo"]) == 6
    assert complaints[0] == "bo.jsonl: 1 line left out, which cannot be read."
    assert complaints[1].startswith("Left out: ") and "dee.jsonl cannot be read" in complaints[1]


def test_a_second_file_of_one_name_is_said_since_it_may_be_another_learner(room):
    written(room / "group_2" / "bo.jsonl", ("00", "batch_axes", "passed"))
    found, complaints = progress.learners(room)
    assert list(found) == ["anna", "bo", "cy"] and len(found["bo"]) == 7
    (says,) = complaints
    assert says.endswith("bo.jsonl: counted as more of bo; if it is another learner's, give it another name.")


def test_a_learner_is_named_by_the_folder_however_it_is_typed(tmp_path, monkeypatch):
    written(tmp_path / "eve" / progress.FILE, ("00", "batch_axes", "passed"))
    (tmp_path / "eve" / "work").mkdir()
    monkeypatch.chdir(tmp_path / "eve" / "work")
    assert list(progress.learners("..")[0]) == ["eve"]


def test_the_command_prints_the_tables_and_writes_every_record(room, capsys):
    assert main(["class", str(room), "--csv", str(room / "all.csv")]) == 0
    out = capsys.readouterr().out
    assert out.startswith("Where 3 learners stand\n") and "\n\nWrong answers\n" in out
    assert len(pd.read_csv(room / "all.csv", dtype=str)) == 10


def test_a_class_that_has_only_begun_has_a_table_of_where_it_stands(tmp_path, capsys):
    written(tmp_path / progress.FILE, json.dumps(progress.HEAD))
    assert main(["class", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("Where 1 learner stands\n") and tmp_path.name in out and "Wrong" not in out


@pytest.mark.parametrize(
    "words, says",
    [
        (["class", "missing"], "there is no folder missing; give the one that the learners' files are in."),
        (["class", "."], f"no learner's file in . that can be read; each is a {progress.FILE}, or NAME.jsonl."),
        (["progress", "--on", "--folder", "missing"], "there is no copy of the notebooks in "),
    ],
)
def test_a_command_that_cannot_be_done_says_why_in_one_sentence(words, says, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"bnbook: {says}") and error.count("\n") == 1 and not list(tmp_path.iterdir())


def test_the_command_progress_turns_it_on_and_shows_it(tmp_path, capsys):
    assert main(["progress", "--folder", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "Your progress is not recorded. The same command with --on begins to.\n"
    assert main(["progress", "--on", "--folder", str(tmp_path)]) == 0
    assert "to turn that off, delete it." in capsys.readouterr().out and records(tmp_path) == []
