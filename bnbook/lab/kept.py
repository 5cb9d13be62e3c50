"""Finished runs of an unfinished grid, kept in a file."""

import contextlib
import functools
import hashlib
import json
import re
import traceback
from dataclasses import asdict, is_dataclass
from pathlib import Path

import numpy as np

from .results import versions

_PACKAGE = Path(__file__).parents[1]
_GROUND = ("lab", "train", "nets", "norm_torch", "data")
# What a room says, asks, grades and draws changes no run; all else in it may: experiments, functions, what comes later.
_NO_RUNS = ("__init__", "checks", "questions", "slips", "plots", "sliders", "evidence")


class Kept:
    """Finished groups of runs in a file, a line each: a JSON object, key to run; a line cut off is no group.

    A run is found again only by the code that made it: its key holds, beside the setting and the data, what `made_by`
    returns. A group is there as a whole or not at all, so what is trained again is trained in the same company.
    """

    def __init__(self, path, data, device, dtype, watch):
        self.path, self.runs, self.made = path and Path(path), {}, []
        if self.path is None:
            return
        digest = hashlib.sha256(b"".join(np.ascontiguousarray(part).tobytes() for part in data)).hexdigest()
        name = watch and f"{watch.__module__}.{watch.__qualname__}"
        self.made = [*made_by(calling_room()), digest, str(device), str(dtype), name]
        if self.path.exists():
            for line in self.path.read_text(encoding="utf-8").splitlines():
                with contextlib.suppress(ValueError):
                    self.runs |= json.loads(line)

    def key(self, setting):
        """What decides a run, as text."""
        values = asdict(setting) if is_dataclass(setting) else setting
        return hashlib.sha256(json.dumps([*self.made, values], sort_keys=True).encode()).hexdigest()[:24]

    def add(self, runs):
        """Write a group of runs at the end of the file."""
        if self.path:
            line = json.dumps({self.key(run["setting"]): run for run in runs}, allow_nan=False)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(f"\n{line}\n")


def made_by(room):
    """What makes a run what it is, beside its setting and the data: the versions, and hashes of the source.

    That is the source of `lab`, `train`, `nets`, `norm_torch`, `data` and of the room whose experiment asks for it.
    """
    return [versions(), _GROUND_SOURCE, _source_of_room(room)]


def source_of(paths):
    """A hash of the Python files at paths, files or folders with all that is below them, and of their names."""
    digest = hashlib.sha256()
    for path in paths:
        for file in [path] if path.suffix == ".py" else sorted(path.rglob("*.py")):
            digest.update(f"{path.name}/{file.relative_to(path).as_posix()}\0".encode())
            digest.update(file.read_bytes() + b"\0")
    return digest.hexdigest()


def ground_of(package):
    """The files and folders of a package on which every run depends, whatever the room."""
    return [package / name if (package / name).is_dir() else package / f"{name}.py" for name in _GROUND]


@functools.cache
def _source_of_room(name):
    """A hash of what in a room may change its runs; None outside of rooms.

    Read once: what is edited while this process runs is not what it runs.
    """
    return name and source_of(sorted(p for p in (_PACKAGE / "chapters" / name).iterdir() if p.stem not in _NO_RUNS))


def calling_room():
    """The name of the room whose experiment is running, or None: so no experiment has to say where it is."""
    modules = (frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_stack(None))
    found = filter(None, (re.match(r"bnbook\.chapters\.(n\d\d_\w+)", module) for module in modules))
    return next((match[1] for match in found), None)


_GROUND_SOURCE = source_of(ground_of(_PACKAGE))  # now, while it is what has been imported
