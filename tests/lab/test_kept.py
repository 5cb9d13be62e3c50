"""A finished run is found again by the code that made it, and by no other."""

import runpy
import shutil
from pathlib import Path

import pytest
import torch

from bnbook import data, lab
from bnbook.lab import engine, kept

torch.set_num_threads(1)
PACKAGE = Path(lab.__file__).parents[1]
SETTING = engine.Setting(net="mlp", batch_size=16, steps=2, every=2)

EXPERIMENT = """
from bnbook.lab.engine import run_all

def toy(data, setting, keep):
    return run_all([setting], data, keep=keep, watch=watch)

def watch(moment):
    steps.append(moment.step)
"""


@pytest.fixture
def small():
    digits = data.digits()
    return digits._replace(x_train=digits.x_train[:64], y_train=digits.y_train[:64])


@pytest.fixture
def room(tmp_path, monkeypatch):
    """The folder of a room with one experiment, in a package of its own."""
    folder = tmp_path / "bnbook" / "chapters" / "n99_toy"
    (folder / "slips").mkdir(parents=True)
    for name in ("__init__", "functions", "plots", "checks", "slips/wrong"):
        (folder / f"{name}.py").write_text("", encoding="utf-8")
    (folder / "experiments.py").write_text(EXPERIMENT, encoding="utf-8")
    monkeypatch.setattr(kept, "_PACKAGE", tmp_path / "bnbook")
    yield folder
    kept._source_of_room.cache_clear()


def trains(room, data):
    """Whether the experiment of the room trains, or finds its run, in a process that has just begun."""
    kept._source_of_room.cache_clear()
    steps = []
    script = runpy.run_path(str(room / "experiments.py"), {"steps": steps}, "bnbook.chapters.n99_toy.experiments")
    (run,) = script["toy"](data, SETTING, room / "toy.part")
    assert run["step"] == [0, 2] and steps in ([], [0, 1, 2])
    return bool(steps)


def _edit(file):
    with file.open("a", encoding="utf-8") as edited:
        edited.write("# another thought\n")


def test_an_edit_of_what_a_room_computes_trains_again_and_one_of_its_words_does_not(room, small):
    assert trains(room, small)
    assert not trains(room, small)
    for words in ("__init__.py", "plots.py", "checks.py", "slips/wrong.py"):
        _edit(room / words)
        assert not trains(room, small), words
    for arithmetic in ("experiments.py", "functions.py", "new.py"):
        _edit(room / arithmetic)
        assert trains(room, small) and not trains(room, small), arithmetic


def test_what_is_edited_while_a_process_runs_is_not_taken_for_what_it_runs(room):
    running = kept._source_of_room("n99_toy")
    _edit(room / "functions.py")
    assert kept._source_of_room("n99_toy") == running
    kept._source_of_room.cache_clear()
    assert kept._source_of_room("n99_toy") != running


@pytest.mark.parametrize("part", ["lab", "train", "nets", "norm_torch", "data"])
def test_an_edit_of_the_ground_is_seen_in_whatever_file_it_is(part, tmp_path):
    for path in kept.ground_of(PACKAGE):
        copy = shutil.copytree if path.is_dir() else shutil.copyfile
        copy(path, tmp_path / path.name)
    copied = kept.ground_of(tmp_path)
    assert kept.source_of(copied) == kept._GROUND_SOURCE
    (path,) = (path for path in copied if path.stem == part)
    found = {kept._GROUND_SOURCE}
    for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
        _edit(file)
        assert (now := kept.source_of(copied)) not in found, file
        found.add(now)
    assert len(found) > 1


def test_a_file_of_another_name_is_another_source(tmp_path):
    (tmp_path / "a.py").write_text("x = 1", encoding="utf-8")
    source = kept.source_of([tmp_path])
    (tmp_path / "a.py").rename(tmp_path / "b.py")
    assert kept.source_of([tmp_path]) != source


def test_runs_of_an_edited_ground_are_trained_again(small, tmp_path, monkeypatch):
    steps = []

    def run():
        engine.run_all([SETTING], small, keep=tmp_path / "grid.part", watch=lambda moment: steps.append(moment.step))
        return len(steps)

    assert run() == run() == 3
    monkeypatch.setattr(kept, "_GROUND_SOURCE", "edited")
    assert run() == run() == 6
