"""One page about what you built, with your own numbers, as a file that you can keep."""

import os
from pathlib import Path

import torch

from . import card, steps
from .card import compared_rows
from .steps import right

FIRST_LINE = "# What I built: a small residual CNN, from the choice of its normalization to another runtime"


def keep(work, file, why=""):
    """Write the page to file, a name in the folder of the notebook, if no step is open or wrong; else print which are.

    work  the seven steps, in their order
    why   your own sentence: why this normalization
    An earlier page of yours is replaced; another file of that name is left alone.
    """
    lines = card.judged(work)
    unfinished = [f"{line.step} ({line.state})" for line in lines if line.state in ("open", "wrong")]
    if unfinished:
        print(f"Nothing written. To be done: {', '.join(unfinished)}.")
        return
    file = Path(file)
    try:
        if file.exists() and not file.read_text(encoding="utf-8").startswith(FIRST_LINE):
            print(f"Nothing written: {file.name} is there and no page of the capstone; give another name.")
            return
        part = file.with_name(file.name + ".part")
        part.write_text(text(work, why), encoding="utf-8")
        os.replace(part, file)
    except (OSError, UnicodeDecodeError) as error:
        print(f"Nothing written: {file.name} cannot be written here ({type(error).__name__}); give another name.")
        return
    print(f"Written: {file.name}, one page in Markdown.")
