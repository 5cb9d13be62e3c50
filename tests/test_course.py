"""The notebooks as files: executing is reproducible, and a learner's work is never lost."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from bnbook import __main__ as command_line
from bnbook import course

SLIDER = "import ipywidgets\nipywidgets.IntSlider()"


def notebook(path, *sources, tags=()):
    """Write a notebook of code cells; every cell gets the tags."""
    cells = [new_code_cell(source, metadata={"tags": list(tags), "scrolled": True}) for source in sources]
    nbformat.write(new_notebook(cells=[new_markdown_cell("# A question?"), *cells]), path)
    return path


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """A course of two notebooks, in a folder of its own."""
    monkeypatch.setattr(course, "ROOT", tmp_path)
    (tmp_path / "notebooks").mkdir()
    notebook(tmp_path / "notebooks" / "00_start_here.ipynb", "print('hello')")
    notebook(tmp_path / "notebooks" / "02_forward.ipynb", "1 + 1")
    return tmp_path


# --- execute


def test_executing_twice_gives_the_same_bytes(tmp_path):
    path = notebook(tmp_path / "a.ipynb", "for i in range(3):\n    print(i, flush=True)", SLIDER)
    course.execute(path)
    first = path.read_bytes()
    course.execute(path)
    assert path.read_bytes() == first and first.endswith(b"}\n")


def test_an_executed_notebook_holds_no_version_time_or_widget_state(tmp_path):
    path = notebook(tmp_path / "a.ipynb", "print('hello')", SLIDER, tags=["exercise"])
    course.execute(path)
    nb = nbformat.read(path, as_version=4)
    assert nb.metadata == {"kernelspec": course.KERNEL, "language_info": {"name": "python"}}
    assert [cell.id for cell in nb.cells] == ["cell-01", "cell-02", "cell-03"]
    assert [cell.metadata for cell in nb.cells] == [{}, {"tags": ["exercise"]}, {"tags": ["exercise"]}]
    assert list(nb.cells[2].outputs[0].data) == ["text/plain"]
    assert [cell.execution_count for cell in nb.cells[1:]] == [1, 2]


FIGURE = """
import matplotlib.pyplot as plt
from bnbook.notebook import show
print("before", flush=True)
print("it")
show((plt.subplots(1, 2)[1], "A line\\nthat rises.\\n\\n1 2"))
print("after")
"""


def test_a_notebook_runs_in_its_own_folder_and_shows_each_figure_once_with_its_words_in_order(tmp_path, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "Agg")
    path = notebook(tmp_path / "a.ipynb", "import os\nprint(os.listdir())", FIGURE)
    course.execute(path)
    _, here, shown = nbformat.read(path, as_version=4).cells
    assert here.outputs[0].text == "['a.ipynb']\n"
    before, picture, after = shown.outputs
    assert before.text == "before\nit\n" and after.text == "A line\nthat rises.\n\n1 2\nafter\n"
    assert "image/png" in picture.data and picture.metadata == {"image/png": {"alt": "A line that rises."}}


def test_nothing_is_written_if_nothing_changed(tmp_path):
    path = notebook(tmp_path / "a.ipynb", "1 + 1")
    course.execute(path)
    before = path.stat().st_mtime_ns
    course.execute(path)
    assert path.stat().st_mtime_ns == before


@pytest.mark.parametrize("source", ["1 / 0", "import time\ntime.sleep(60)", "import os\nos._exit(1)"])
def test_a_failing_cell_is_named_and_leaves_the_file_as_it_was(tmp_path, source):
    path = notebook(tmp_path / "a.ipynb", "print('fine')", source)
    before = path.read_bytes()
    with pytest.raises(RuntimeError, match=r"a\.ipynb: cell 3 of 3 failed"):
        course.execute(path, timeout=5)
    assert path.read_bytes() == before


def test_a_cell_that_is_meant_to_raise_is_stored_with_its_error(tmp_path):
    path = notebook(tmp_path / "a.ipynb", "1 / 0", "print('still here')", tags=["raises-exception"])
    course.execute(path)
    _, error, after = nbformat.read(path, as_version=4).cells
    assert error.outputs[0].ename == "ZeroDivisionError" and after.outputs[0].text == "still here\n"


def test_ruff_has_nothing_to_say_about_an_executed_notebook(tmp_path):
    path = notebook(tmp_path / "a.ipynb", 'print("hello")')
    course.execute(path)
    for command in (["check"], ["format", "--check"]):
        subprocess.run([sys.executable, "-m", "ruff", *command, path], check=True)


def test_a_disk_that_is_full_leaves_the_file_as_it_was_and_nothing_half_written(tmp_path, monkeypatch):
    path, original = notebook(tmp_path / "a.ipynb", "1 + 1"), Path.write_text

    def full(file, text, **keywords):
        original(file, text[:10], **keywords)
        raise OSError(28, "No space left on device")

    before = path.read_bytes()
    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space left on device"):
        course.write(path, new_notebook())
    assert path.read_bytes() == before and [file.name for file in tmp_path.iterdir()] == ["a.ipynb"]


# --- learner_copy and reset


def test_a_learner_gets_every_notebook_without_results(shelf):
    course.execute(shelf / "notebooks" / "02_forward.ipynb")
    course.learner_copy()
    assert sorted(path.name for path in (shelf / "work").iterdir()) == ["00_start_here.ipynb", "02_forward.ipynb"]
    cell = nbformat.read(shelf / "work" / "02_forward.ipynb", as_version=4).cells[1]
    assert (cell.source, cell.outputs, cell.execution_count) == ("1 + 1", [], None)


def test_a_learners_work_is_never_overwritten_and_new_notebooks_are_added(shelf):
    course.learner_copy()
    mine = notebook(shelf / "work" / "02_forward.ipynb", "my answer").read_bytes()
    notebook(shelf / "notebooks" / "03_backward.ipynb", "2 + 2")
    course.learner_copy()
    assert (shelf / "work" / "02_forward.ipynb").read_bytes() == mine
    assert (shelf / "work" / "03_backward.ipynb").exists()


def test_a_newer_version_is_announced_once_its_text_changed(shelf, capsys):
    course.learner_copy()
    course.execute(shelf / "notebooks" / "02_forward.ipynb")  # other outputs, the same lesson
    course.learner_copy()
    assert capsys.readouterr().out == ""
    notebook(shelf / "notebooks" / "02_forward.ipynb", "1 + 2")
    course.learner_copy()
    said = capsys.readouterr().out
    assert re.match(
        "02_forward.ipynb: a newer version is there; `.* reset .*02` takes the course's and keeps yours", said
    )
    assert said.count("\n") == 1


GOOD = nbformat.writes(new_notebook(cells=[new_code_cell("my answer")]))


@pytest.mark.parametrize(
    "content, says",
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"{ not a notebook", "is no whole notebook any more (cut off, or changed by another program)"),
        (GOOD[: len(GOOD) // 2].encode(), "is no whole notebook any more"),
        (b"{}", "is no whole notebook any more"),
        (b"[]", "is no whole notebook any more"),
        (b"null", "is no whole notebook any more"),
        (b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}}', "is no whole notebook any more"),
        (b'{"nbformat": 99, "nbformat_minor": 5, "metadata": {}, "cells": []}', "is no whole notebook any more"),
        (b"\xff\xfe\x00", "is no whole notebook any more"),
        (None, "cannot be read ("),
    ],
)
def test_a_damaged_copy_is_named_in_one_sentence_left_alone_and_stops_no_other(shelf, content, says, capfd):
    course.learner_copy()
    damaged = shelf / "work" / "00_start_here.ipynb"
    damaged.unlink()
    damaged.mkdir() if content is None else damaged.write_bytes(content)
    (shelf / "work" / "02_forward.ipynb").unlink()
    course.learner_copy()
    assert (shelf / "work" / "02_forward.ipynb").exists()
    said, err = capfd.readouterr()
    assert said.startswith(f"00_start_here.ipynb {says}") and said.count("\n") == 1 and err == ""
    assert "reset" in said and "00` takes the course's and keeps yours beside it." in said
    assert content is None or damaged.read_bytes() == content
    course.reset("00")
    course.learner_copy()
    assert "whole notebook" not in capfd.readouterr().out and damaged.is_file()


@pytest.mark.parametrize("change", [{"nbformat_minor": 4}, {"metadata": {"bnbook": "mine"}}, {"more": 1}])
def test_a_copy_that_another_editor_has_changed_a_little_is_no_damage(shelf, change, capfd):
    course.learner_copy()
    file = shelf / "work" / "00_start_here.ipynb"
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    course.learner_copy()
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(os.name == "nt", reason="shlex reads commands as a POSIX shell does")
@pytest.mark.parametrize("make", [True, False])
def test_the_command_that_is_named_takes_the_notebook_again(shelf, make, monkeypatch, capsys, tmp_path_factory):
    monkeypatch.setattr(course.shutil, "which", lambda name: name if make else None)
    away = tmp_path_factory.mktemp("a way")
    for folder, named in ((None, "make reset NOTEBOOK=00" if make else "bnbook reset 00"), ("my own", "'my own'")):
        monkeypatch.chdir(shelf if folder is None else away)
        course.learner_copy(folder)
        file = (shelf / "work" if folder is None else away / folder) / "00_start_here.ipynb"
        file.write_text("")
        course.learner_copy(folder)
        command = capsys.readouterr().out.split("`")[1]
        assert named in command
        if not command.startswith("make"):
            words = shlex.split(command)
            assert command_line.main(words[words.index("reset") :]) == 0
            assert file.read_text() and file.with_suffix(".mine-1.ipynb").read_text() == ""
            capsys.readouterr()


def test_a_folder_is_seen_from_where_the_person_stands(shelf, tmp_path_factory, monkeypatch):
    away = tmp_path_factory.mktemp("away")
    monkeypatch.chdir(away)
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(away / "home"))
    for folder, where in (("mine", away / "mine"), ("../b", away.parent / "b"), ("~/c", away / "home" / "c")):
        course.learner_copy(folder)
        course.reset("02", folder)
        assert sorted(path.name for path in where.glob("*.ipynb")) == [
            *("00_start_here.ipynb", "02_forward.ipynb", "02_forward.mine-1.ipynb"),
        ]
    assert not (shelf / "mine").exists()
    course.learner_copy()
    assert (shelf / "work" / "00_start_here.ipynb").exists(), "without one it is work, wherever the person stands"


def test_a_folder_that_cannot_be_made_is_refused_in_one_sentence(shelf, monkeypatch):
    monkeypatch.chdir(shelf)
    (shelf / "file").touch()
    with pytest.raises(ValueError, match=r"deeper cannot be made \(.*\); choose another folder with --folder"):
        course.learner_copy("file/deeper")


def test_reset_takes_the_courses_and_keeps_every_earlier_one(shelf):
    course.learner_copy()
    first, second = "my answer", "my second answer"
    for answer in (first, second):
        notebook(shelf / "work" / "02_forward.ipynb", answer)
        course.reset("02")
    sources = [
        nbformat.read(shelf / "work" / name, as_version=4).cells[1].source
        for name in ("02_forward.ipynb", "02_forward.mine-1.ipynb", "02_forward.mine-2.ipynb")
    ]
    assert sources == ["1 + 1", first, second]


def test_reset_works_before_there_is_a_copy(shelf):
    course.reset(2)
    assert (shelf / "work" / "02_forward.ipynb").exists()


@pytest.mark.parametrize("number", ["", "7", "forward"])
def test_reset_names_the_notebooks_there_are(shelf, number):
    with pytest.raises(ValueError, match="choose one of 00 02"):
        course.reset(number)


@pytest.mark.parametrize("there", ["uncommitted", "room", "nothing"])
def test_a_notebook_counts_as_changed_with_its_file_or_its_room(shelf, there):
    def git(*words):
        subprocess.run(["git", "-C", shelf, "-c", "user.name=a", "-c", "user.email=a@b", *words], check=True)

    room = shelf / "bnbook" / "chapters" / "n02_forward" / "checks.py"
    room.parent.mkdir(parents=True)
    room.write_text("1")
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "first")
    if there == "uncommitted":
        notebook(shelf / "notebooks" / "02_forward.ipynb", "1 + 2")
    elif there == "room":
        room.write_text("2")
    assert [path.name for path in course.changed("HEAD")] == ["02_forward.ipynb"] * (there != "nothing")


def test_a_folder_without_notebooks_is_an_error_that_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(course, "ROOT", tmp_path)
    monkeypatch.setattr(course, "metadata", lambda name: {"Project-URL": "Homepage, https://somewhere/bnbook"})
    with pytest.raises(FileNotFoundError, match="get the course at https://somewhere/bnbook and run this there"):
        course.notebooks()


def test_jupyterlab_opens_the_first_notebook_of_the_learner_and_outlives_an_interrupt(shelf, monkeypatch):
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "their own")
    start = Mock(return_value=Mock(wait=Mock(side_effect=[KeyboardInterrupt, 3])))
    monkeypatch.setattr(course.subprocess, "Popen", start)
    assert course.open_lab(extra_args=["--no-browser"]) == 3
    command, given = start.call_args.args[0], start.call_args.kwargs["env"]
    assert given["JUPYTER_CONFIG_PATH"].split(os.pathsep) == [str(course.DEFAULTS), "their own"]
    root, page = f"--ServerApp.root_dir={shelf}", "--LabApp.default_url=/lab/tree/work/00_start_here.ipynb"
    assert command[1:5] == ["-m", "jupyterlab", root, page] and "--no-browser" in command


def test_jupyterlab_asks_nothing_about_news_and_updates_unless_the_learner_has_chosen_so(shelf, monkeypatch):
    start = Mock(return_value=Mock(wait=Mock(return_value=0)))
    monkeypatch.setattr(course.subprocess, "Popen", start)
    course.open_lab()
    monkeypatch.undo()
    # JupyterLab's own words on what its pages are given, in the environment that it is started in.
    script = """if True:
        import json
        from jupyterlab.commands import get_app_dir
        from jupyterlab_server.settings_utils import get_settings
        share, news = get_app_dir(), "@jupyterlab/apputils-extension:notification"
        folders = share + "/settings", share + "/schemas", "no settings of a learner"
        from jupyterlab_server.settings_utils import _get_overrides
        schema = get_settings(*folders, news, _get_overrides(folders[0])[0])[0]["schema"]["properties"]
        print(json.dumps({name: schema[name]["default"] for name in ("fetchNews", "checkForUpdates")}))
    """
    environments = {"before": None, "after": start.call_args.kwargs["env"]}
    found = {
        when: json.loads(subprocess.check_output([sys.executable, "-c", script], env=environment))
        for when, environment in environments.items()
    }
    assert found["after"] == {"fetchNews": "false", "checkForUpdates": False}
    assert found["before"] != found["after"], "this test would see it if the course changed nothing"
