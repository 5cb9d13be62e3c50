"""A notebook as the site shows it: sliders that move, and help to unfold below exercises and questions."""

import re
from copy import deepcopy

import folds
import frames
import nbformat
from nbformat.v4 import new_markdown_cell

from bnbook import chapters

_CHECK = re.compile(r"^checks\.(\w+)\(\1\)", re.M)
_ANSWER = re.compile(r'checks\.answer\("([^"]+)"')
_WITHOUT_KERNEL = " (Without a running kernel you see a still picture.)"  # not so on the site


def lay_out(path, source):
    """Put the notebook at `path` into the sources of the site, and its frames beside them."""
    checks = chapters.room("n" + path.stem, "checks")
    shown = for_the_site(nbformat.read(path, as_version=4), checks, source / "_static" / path.stem)
    nbformat.write(shown, source / "notebooks" / path.name)


def for_the_site(nb, checks, folder):
    """The notebook with what the site adds to it.

    nb      the notebook, which stays as it is
    checks  module `checks` of its room
    folder  where frames of its sliders are written: a Path whose last two parts are _static/NAME
    """
    exercises = {exercise.name: exercise for exercise in checks.EXERCISES}
    questions = {question.name: question for question in checks.QUESTIONS}
    cells, code = [], []
    nb = deepcopy(nb)
    for cell in nb.cells:
        if cell.cell_type == "markdown":
            cell.source = _with_replies(cell.source.replace(_WITHOUT_KERNEL, ""), questions)
            cells.append(cell)
            continue
        code.append(cell.source)
        added = [folds.exercise(exercises[name]) for name in _CHECK.findall(cell.source) if name in exercises]
        added += [folds.question(questions[name]) for name in _ANSWER.findall(cell.source) if name in questions]
        if re.search(r"^sliders\.", cell.source, re.M):
            added.append(_moving(cell, code, folder))
        cells.append(cell)
        if added:
            cells.append(new_markdown_cell(_raw("".join(added)), id=f"{cell.id}-added"))
    nb.cells = cells
    return nb


def _with_replies(text, questions):
    """Markdown with the replies to a question below the paragraph that names it."""
    paragraphs = text.split("\n\n")
    for i, paragraph in enumerate(paragraphs):
        added = [folds.question(questions[name]) for name in _ANSWER.findall(paragraph) if name in questions]
        paragraphs[i] = "\n\n".join([paragraph, *map(_raw, added)])
    return "\n\n".join(paragraphs)


def _moving(cell, code, folder):
    """The sliders of a cell with their frames, in place of its still picture."""
    still = cell.outputs[-1]
    cell.outputs = cell.outputs[:-1]
    sliders = frames.live(code)
    shown = sliders._repr_mimebundle_()[0]["text/plain"]
    if shown != still["data"]["text/plain"]:
        raise ValueError(
            f"{code[-1]!r} drawn anew says {shown!r}, the notebook's stored output says "
            f"{still['data']['text/plain']!r}: store it again with `make notebooks`."
        )
    return frames.draw(sliders, folder)


def _raw(html):
    return f"``````{{raw}} html\n{html}\n``````"
