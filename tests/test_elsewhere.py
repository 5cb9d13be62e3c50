"""Copies for Colab, and the folder for a room without network."""

import re
import subprocess
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from bnbook import course, elsewhere

HOME = "https://github.com/somebody/somewhere"
WORDS = "See [02](02_forward.ipynb), [what it needs](../README.md) and [a paper](https://arxiv.org/abs/1502.03167)."


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """A course of one notebook, in a folder of its own."""
    root = tmp_path / "course"
    (root / "notebooks").mkdir(parents=True)
    (root / "pyproject.toml").write_text(f'[project.urls]\nHomepage = "{HOME}"\n')
    result = new_output("stream", text="42\n")
    cells = [new_markdown_cell(WORDS), new_code_cell("print(42)", outputs=[result], execution_count=1)]
    nbformat.write(new_notebook(cells=cells), root / "notebooks" / "00_start_here.ipynb")
    monkeypatch.setattr(course, "ROOT", root)
    return root


# --- Colab


def test_a_colab_copy_installs_the_package_alone_and_spoils_no_prediction(shelf):
    nb = elsewhere.colab(course.notebooks()[0])
    nbformat.validate(nb)
    install, _, code = nb.cells
    assert f'%pip install -q "bnbook @ git+{HOME}"' in install.source and "bnbook[" not in install.source
    assert (code.source, code.outputs, code.execution_count) == ("print(42)", [], None)


def test_links_in_a_colab_copy_lead_to_the_other_copies_and_to_the_repository(shelf):
    words = elsewhere.colab(course.notebooks()[0]).cells[1].source
    assert re.findall(r"\]\((.*?)\)", words) == [
        "https://colab.research.google.com/github/somebody/somewhere/blob/colab/02_forward.ipynb",
        f"{HOME}/blob/main/README.md",
        "https://arxiv.org/abs/1502.03167",
    ]


def test_writing_colab_copies_leaves_the_courses_notebooks_alone(shelf, tmp_path):
    before = course.notebooks()[0].read_bytes()
    elsewhere.write_colab(tmp_path / "new" / "copies")
    assert [file.name for file in (tmp_path / "new" / "copies").iterdir()] == ["00_start_here.ipynb"]
    assert course.notebooks()[0].read_bytes() == before


def test_no_relative_link_is_left_in_any_copy_of_the_course():
    for source in course.notebooks():
        words = "\n".join(cell.source for cell in elsewhere.colab(source).cells if cell.cell_type == "markdown")
        assert not [link for link in re.findall(r"\]\(([^)\s]+)\)", words) if not link.startswith(("http", "#"))]


# --- offline


class Recorder:
    """Stands in for subprocess.run: keeps what would be run, and answers."""

    def __init__(self, returncode=0, stdout="torch==2.13.0\n", stderr=""):
        self.ran, self.answer = [], {"returncode": returncode, "stdout": stdout, "stderr": stderr}

    def __call__(self, command, **options):
        self.ran.append((list(map(str, command)), options))
        return subprocess.CompletedProcess(command, **self.answer)


def test_versions_are_resolved_for_the_other_system_with_the_pins_and_what_builds_the_package(monkeypatch):
    monkeypatch.setattr(subprocess, "run", run := Recorder())
    monkeypatch.setenv("PIP_FIND_LINKS", "cpu builds")
    assert elsewhere.resolve("macos", "3.12") == "torch==2.13.0\n"
    ((command, options),) = run.ran
    pairs = set(zip(command, command[1:], strict=False))
    assert {
        ("-c", "constraints.txt"),
        ("--python-platform", "aarch64-apple-darwin"),
        ("--python-version", "3.12"),
    } <= pairs
    assert {("--extra", "lab"), ("--extra", "test"), ("--find-links", "cpu"), ("--only-binary", ":all:")} <= pairs
    assert any(word.endswith("build.in") for word in command)
    assert options["env"]["MACOSX_DEPLOYMENT_TARGET"] == "14.0", "there is no torch for 13"


def test_what_cannot_be_resolved_is_said_in_one_sentence(monkeypatch):
    monkeypatch.setattr(subprocess, "run", Recorder(2, stderr="error: No solution found\n  cause: no torch"))
    with pytest.raises(
        RuntimeError, match="^no set of versions fits windows and Python 3.9: error: .* cause: no torch$"
    ):
        elsewhere.resolve("windows", "3.9")


def test_a_packed_folder_holds_the_course_its_wheels_and_the_site_and_nothing_private(shelf, tmp_path, monkeypatch):
    monkeypatch.setattr(subprocess, "run", run := Recorder())
    for name in (
        "bnbook/install.py",
        "bnbook/__pycache__/x.pyc",
        "solutions.txt",
        "work/00.ipynb",
        "build/site/index.html",
    ):
        (shelf / name).parent.mkdir(parents=True, exist_ok=True)
        (shelf / name).touch()
    stick = tmp_path / "stick"
    elsewhere.pack(stick, "windows", "3.12")
    files = sorted(file.relative_to(stick).as_posix() for file in stick.rglob("*") if file.is_file())
    assert files == [
        *("OFFLINE.txt", "bnbook/install.py", "notebooks/00_start_here.ipynb", "pyproject.toml", "site/index.html"),
        "wheels/requirements.txt",
    ]
    download = run.ran[1][0]
    assert ("--platform", "win_amd64") in zip(download, download[1:], strict=False) and "--no-deps" in download
    note = (stick / "OFFLINE.txt").read_text()
    assert "windows, Python 3.12" in note and "py bnbook\\install.py" in note and "site/index.html" in note
    with pytest.raises(ValueError, match="stick is not empty; choose a new folder"):
        elsewhere.pack(stick, "windows", "3.12")


def test_wheels_that_are_missing_end_in_one_sentence(shelf, tmp_path, monkeypatch):
    monkeypatch.setattr(
        subprocess, "run", lambda command, **options: Recorder("download" in command)(command, **options)
    )
    with pytest.raises(RuntimeError, match="pip could not fetch all wheels for linux; its words stand above"):
        elsewhere.pack(tmp_path / "stick", "linux", "3.11")


def test_trying_out_uses_a_copy_and_no_index(tmp_path, monkeypatch):
    stick = tmp_path / "stick"
    stick.mkdir()
    (stick / "OFFLINE.txt").touch()
    for name in ("PIP_FIND_LINKS", "PIP_INDEX_URL", "PYTHONPATH"):
        monkeypatch.setenv(name, "somewhere")
    monkeypatch.setattr(subprocess, "run", run := Recorder())
    elsewhere.try_out(stick)
    assert len(run.ran) == 3 and "00_start_here" in run.ran[2][0][-1] and "--nbval" in run.ran[2][0]
    for _, options in run.ran:
        assert options["env"]["PIP_NO_INDEX"] == "1" and "somewhere" not in options["env"].values()
        assert options["cwd"] != stick
    assert [file.name for file in stick.iterdir()] == ["OFFLINE.txt"]
    monkeypatch.setattr(subprocess, "run", Recorder(1))
    with pytest.raises(RuntimeError, match="does not install and run by itself"):
        elsewhere.try_out(stick)
    with pytest.raises(ValueError, match="does not hold the whole course: `.*offline.*` fills a new folder"):
        elsewhere.try_out(Path(tmp_path / "nothing"))


def test_a_folder_that_could_not_be_filled_is_empty_for_the_next_try_and_never_taken_for_a_whole_one(
    shelf, tmp_path, monkeypatch
):
    def interrupted(command, **options):
        if "download" not in command:
            return Recorder()(command, **options)
        (stick / "wheels" / "half.whl").touch()
        raise KeyboardInterrupt

    stick = tmp_path / "stick"
    no_network = Recorder(2, stderr="no network")
    for fails, error in ((no_network, RuntimeError), (interrupted, KeyboardInterrupt), (no_network, RuntimeError)):
        monkeypatch.setattr(subprocess, "run", fails)
        with pytest.raises(error):
            elsewhere.pack(stick, "linux", "3.12")
        assert not stick.exists()
    (stick / "wheels").mkdir(parents=True)  # a machine that was switched off
    with pytest.raises(ValueError, match="does not hold the whole course"):
        elsewhere.try_out(stick)


def test_a_folder_is_where_it_was_typed_and_no_file(shelf, tmp_path, monkeypatch):
    """pip runs in the course's folder, whatever the working directory."""
    monkeypatch.setattr(subprocess, "run", run := Recorder())
    monkeypatch.chdir(tmp_path)
    elsewhere.pack(Path("stick"), "linux", "3.12")
    download, options = run.ran[1]
    assert options["cwd"] == shelf and download[download.index("-d") + 1] == str((tmp_path / "stick/wheels").resolve())
    for refuses in (lambda path: elsewhere.pack(path, "linux", "3.12"), elsewhere.try_out):
        with pytest.raises(ValueError, match="OFFLINE.txt is a file; choose a new folder$"):
            refuses(Path("stick/OFFLINE.txt"))
