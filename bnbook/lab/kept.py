"""Finished runs of an unfinished grid, kept in a file."""

import hashlib
import json
from dataclasses import asdict, is_dataclass
from pathlib import Path

import numpy as np

from .results import versions


class Kept:
    """Finished runs in a file of one JSON object a line; a line cut off by an interruption is no run."""

    def __init__(self, path, data, device, dtype, watch):
        digest = hashlib.sha256(b"".join(np.ascontiguousarray(part).tobytes() for part in data)).hexdigest()
        name = watch and f"{watch.__module__}.{watch.__qualname__}"
        self.made = [versions(), digest, str(device), str(dtype), name]
        self.path, self.runs = path and Path(path), {}
        if self.path and self.path.exists():
            for line in self.path.read_text(encoding="utf-8").splitlines():
                try:
                    found = json.loads(line)
                except ValueError:
                    continue
                self.runs[found["key"]] = found["run"]

    def key(self, setting):
        """What decides a run, as text."""
        values = asdict(setting) if is_dataclass(setting) else setting
        return hashlib.sha256(json.dumps([*self.made, values], sort_keys=True).encode()).hexdigest()[:24]

    def add(self, runs):
        """Write runs at the end of the file."""
        if self.path:
            lines = [json.dumps({"key": self.key(run["setting"]), "run": run}, allow_nan=False) for run in runs]
            with self.path.open("a", encoding="utf-8") as file:
                file.write("".join(f"\n{line}\n" for line in lines))
