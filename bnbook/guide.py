"""A page for the instructor on each notebook: aims, minutes, exercises, the wrong answers that come and what to ask.

All of it is made from the notebook and its room, so nothing here can be out of date. The plans, which are written, are
in docs/teach.

Read after elsewhere.
Used by the command line (`bnbook guide 04`) and by the site; no notebook needs it.
"""

import ast
import inspect
import re
import textwrap

from . import chapters, course
from .grading.told import example, wrong_answers

FORMULA = r"\$\$.*?\$\$|\$[^$\n]+\$"
SYMBOL = r"\\[A-Za-z]+|[A-Za-z]|\d+|[-+=/<>]"
ASKED = r'checks\.answer\("([\w-]+)"'


def minutes(cells, exercises):
    """Minutes that one person alone needs for these cells, by the one rule of the course:

        words / 200 + symbols / 60 + 2 * figures + questions + cells / 2 + sum over exercises of (5 + lines)

    words      200 a minute is reading in order to learn (Carver 1990, Reading Rate, puts that at 200 and plain reading
               at 300; Brysbaert 2019 measured 238 for plain prose)
    symbols    of formulas: a second each, for a formula is followed and not read
    figures    axes, title and the lines of numbers beside it, held against what was predicted: 2 minutes
    questions  to think, type an answer and read the reply: 1
    cells      of code that only run: to read five lines and what they print: half a minute
    lines      of the finished function that do not stand in the exercise's cell already: 1 each, and 5 for reading the
               task, one wrong answer and its explanation

    cells      of a notebook      exercises  {name: Exercise} of its room
    The constants are estimates, chosen before any room was timed: docs/teach/timing.md has the table to correct them.
    """
    total = 0.0
    for cell in cells:
        source, tags = cell.source, cell.metadata.get("tags", [])
        if cell.cell_type == "markdown":
            total += _words(source) / 200 + _symbols(source) / 60
            continue
        written = [exercises[name] for name in _defined(source) if name in exercises] if "exercise" in tags else []
        total += sum(5 + _lines_to_write(exercise, source) for exercise in written)
        total += len(re.findall(ASKED, source))
        total += 2 * any("image/png" in output.get("data", {}) for output in cell.outputs)
        total += 0.5 * ("exercise" not in tags and not source.startswith("checks."))
    return total


def _words(text):
    prose = re.sub(r"\]\([^)]*\)", "]", re.sub(FORMULA, " ", text, flags=re.DOTALL))  # an address is not read
    return len(re.findall(r"[^\W_]\S*", prose))


def _symbols(text):
    return sum(len(re.findall(SYMBOL, formula)) for formula in re.findall(FORMULA, text, re.DOTALL))


def _defined(source):
    return re.findall(r"^(?:def|class) (\w+)", source, re.MULTILINE)


def _lines_to_write(exercise, cell):
    """Lines of the finished function, without docstrings, that the exercise's cell does not show already."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(exercise.finished)))
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node):
            node.body = node.body[1:] or [ast.Pass()]
    shown = {_bare(line) for line in cell.splitlines()}
    lines = map(_bare, ast.unparse(tree).splitlines())
    return sum(line not in shown and not line.startswith("@") for line in lines if line)


def _bare(line):
    return re.sub(r"\s", "", line.strip().lstrip("# ")).replace('"', "'")


# --- what a notebook says of itself ----------------------------------------------------------------------------------


def sections(nb):
    """The sections of a notebook: (heading, numbers of its cells counted from 1, the cells themselves).

    A text cell in which a section ends and the next one begins belongs to both, each with its part of the text.
    """
    found = []
    for number, cell in enumerate(nb.cells, 1):
        for part in _parts(cell):
            heading = re.match(r"##? (.+)", part.source) if part.cell_type == "markdown" else None
            if heading:
                found.append((heading[1], [], []))
            found[-1][1].append(number)
            found[-1][2].append(part)
    return found


def _parts(cell):
    """A cell of text cut before its headings, any other whole."""
    if cell.cell_type != "markdown":
        return [cell]
    texts = [text for text in re.split(r"^(?=##? )", cell.source, flags=re.MULTILINE) if text.strip()]
    return [course.extra("nbformat").v4.new_markdown_cell(text) for text in texts]


def questions_asked(nb):
    """{name: the text in which the notebook asks it}, for all questions of a notebook."""
    found, text = {}, ""
    for cell in nb.cells:
        names = re.findall(ASKED, cell.source)
        if cell.cell_type == "markdown":
            text = cell.source
        if names:
            found |= zip(names, _paragraphs(text, names), strict=True)
    return found


def _paragraphs(text, names):
    """The paragraphs of a cell that ask these questions: one for each name, or the same for all."""
    paragraphs = text.split("\n\n")
    inside = [p for p in paragraphs for name in names if f'"{name}"' in p]
    asking = inside or [p for p in paragraphs if re.match(r"\*\*[^*]*\*\*", p) and "?" in p] or paragraphs[-1:]
    asking = asking[-len(names) :] if len(asking) >= len(names) else ["\n\n".join(asking)] * len(names)
    return [" ".join(p.split()) for p in asking]


# --- the page --------------------------------------------------------------------------------------------------------


def page(number):
    """The instructor's page on notebook `number`, as Markdown.

    Raises ValueError if there is no such notebook.
    """
    path = _path(number)
    nb, name = course.extra("nbformat").read(path, as_version=4), f"n{path.stem}"
    room, checks = chapters.room(name), chapters.room(name, "checks")
    exercises = {exercise.name: exercise for exercise in checks.EXERCISES}
    lines = [f"# Guide to {path.name[:2]} · {room.QUESTION}", ""]
    lines += [f"About {room.MINUTES} minutes for one person alone. What they learn:", ""]
    lines += [f"- {aim}" for aim in room.AIMS]
    lines += ["", "## Minutes, section by section", "", *_section_table(nb, exercises)]
    lines += ["", "## Exercises and the wrong answers you will see", ""]
    for exercise in checks.EXERCISES:
        lines += _about(exercise)
    lines += ["## Questions and what a wrong answer believes", ""]
    asked = questions_asked(nb)
    for question in checks.QUESTIONS:
        lines += _about_question(question, asked[question.name])
    return "\n".join(lines).rstrip() + "\n"


def _path(number):
    paths = {path.name[:2]: path for path in course.notebooks()}
    if number not in paths:
        raise ValueError(f"no notebook {number!r}: choose one of {' '.join(paths)}, as in `bnbook guide 04`")
    return paths[number]


def _section_table(nb, exercises):
    rows = ["| section | cells | minutes | measured | in it |", "|---|---|---|---|---|"]
    for heading, numbers, cells in sections(nb):
        source = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
        names = [*re.findall(ASKED, source), *(name for name in _defined(source) if name in exercises)]
        inside = ", ".join(f"`{name}`" for name in dict.fromkeys(names))
        rows.append(f"| {heading} | {numbers[0]}–{numbers[-1]} | {minutes(cells, exercises):.0f} |  | {inside} |")
    return rows


def _about(exercise):
    lines = [f"### `{exercise.name}`", ""]
    if shown := example(exercise):
        lines += [f"The example, to follow by hand: `{shown[0]}`. Right is `{shown[1]}`.", ""]
    lines += ["Hints, smallest first; the first is also what to ask somebody who has written nothing:", ""]
    for number, hint in enumerate(exercise.hints, 1):
        says, *code = hint.split("\n")
        lines += [f"{number}. {escaped(says)}", *([] if not code else ["", *code, ""])]
    lines += ["", f'`checks.solution("{exercise.name}")` shows the finished one. Wrong answers that come:', ""]
    for wrong in wrong_answers(exercise):
        lines += [f"- **{escaped(wrong.name)}**: {escaped(wrong.why)}  "]  # two blanks: a new line, in Markdown
        lines += [f"  *Ask:* {escaped(wrong.ask)} ({escaped(wrong.shows)})"]
    return [*lines, ""]


def _about_question(question, asked):
    lines = [f"### `{question.name}`", "", f"> {asked}", ""]
    lines += [f"Right is `{question.right!r}`. {escaped(question.because)}", ""]
    for option, (why, code, shows) in question.wrong.items():
        lines += [f"- `{option!r}`: {escaped(why)} Let them type `{code}`; it gives `{shows}`."]
    return [*lines, ""]


def escaped(text):
    """The text with what Markdown would read as a sign escaped, except in backticks."""
    return _outside_code(r"([\\*_<$|])", r"\\\1", text)


def _outside_code(pattern, by, text):
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else re.sub(pattern, by, part) for part in parts)


def in_terminal(text, width=100):
    """A page as a terminal shows it: no escapes, long lines folded, tables as they are."""
    text = _outside_code(r"\\([\\*_<$|])", r"\1", text)
    return "\n".join(line if line.startswith("|") else _fold(line, width) for line in text.splitlines())


def _fold(line, width):
    indent = re.match(r"\s*(?:- |\d\. |> )?", line)[0]
    return textwrap.fill(line, width, subsequent_indent=" " * len(indent), break_on_hyphens=False) if line else line


def write(folder):
    """Write the page of every notebook into a folder, as 00.md, 01.md, ...; the paths, in reading order."""
    paths = []
    for path in course.notebooks():
        paths.append(folder / f"{path.name[:2]}.md")
        paths[-1].write_text(page(path.name[:2]), encoding="utf-8", newline="\n")
    return paths
