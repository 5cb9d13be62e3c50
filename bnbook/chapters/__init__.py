"""One room per notebook: what it asks, its exercises, questions, wrong answers, experiments, drawings and evidence.

Used from notebook 00 on: `from bnbook.chapters.n02_forward import checks, experiments, plots, sliders`.

    functions    finished functions that belong to this notebook alone
    checks       EXERCISES, and hint, solution, answer      questions  QUESTIONS      slips  wrong answers
    experiments  what is trained or measured, as data       plots      one drawing for each, with its text
    sliders      the same, moved by hand                    evidence   results of experiments that take minutes

Nothing is listed here: the rooms are the folders that there are. No room imports another.
"""

from importlib import import_module
from pathlib import Path

FOLDER = Path(__file__).parent


def rooms():
    """The names of the rooms, in the order of the notebooks: n00_start_here, ..."""
    return sorted(path.parent.name for path in FOLDER.glob("n[0-9][0-9]_*/__init__.py"))


def room(name, part=None):
    """A room, or one part of it such as 'checks', imported; None if the room has no such part."""
    folder = FOLDER / name
    if part and not (folder / f"{part}.py").exists() and not (folder / part / "__init__.py").exists():
        return None
    return import_module(f"{__name__}.{name}" + (f".{part}" if part else ""))


def exercises():
    """All exercises of the course, as pairs (room, Exercise) in reading order."""
    return [(name, exercise) for name in rooms() for exercise in room(name, "checks").EXERCISES]


def questions():
    """All questions of the course, as pairs (room, Question) in reading order."""
    return [(name, question) for name in rooms() for question in room(name, "checks").QUESTIONS]
