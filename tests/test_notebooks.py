"""Every notebook keeps the rules of the course, and its exercises can be solved with what the package holds.

That its outputs are reproduced is nbval's part of `make test`.
"""

import ast
import copy
import importlib
import re
from statistics import median

import nbformat
import pytest
from nbclient import NotebookClient

from bnbook import chapters, course
from bnbook.__main__ import PACKAGE

NOTEBOOKS = {path.stem: nbformat.read(path, as_version=4) for path in course.notebooks()}
PUBLIC = {
    node.name
    for file in PACKAGE.rglob("*.py")
    if "slips" not in file.with_suffix("").parts
    for node in ast.parse(file.read_text(encoding="utf-8")).body
    if isinstance(node, (ast.FunctionDef, ast.ClassDef))
}
every_notebook = pytest.mark.parametrize("nb", NOTEBOOKS.values(), ids=NOTEBOOKS.keys())


def its_checks(nb):
    """`checks` of the notebook's room, which its first code cell names."""
    (name,) = re.findall(r"^from bnbook\.chapters\.(n\d\d_\w+) import checks", code_cells(nb)[0].source, re.M)
    return chapters.room(name, "checks")


def exercises(nb):
    return {exercise.name: exercise for exercise in its_checks(nb).EXERCISES}


def questions(nb):
    return {question.name: question for question in its_checks(nb).QUESTIONS}


def code_cells(nb):
    return [cell for cell in nb.cells if cell.cell_type == "code"]


def tags(cell):
    return cell.metadata.get("tags", [])


def defines(cell):
    """Names of the functions and classes that a cell defines."""
    return [node.name for node in ast.parse(cell.source).body if isinstance(node, (ast.FunctionDef, ast.ClassDef))]


def outputs(cell, kind):
    return [output for output in cell.outputs if output.output_type == kind]


def text_of(cell):
    return "".join(output.text for output in outputs(cell, "stream"))


def texts(output):
    """What an output shows without its pictures, whose letters say nothing."""
    return {kind: value for kind, value in output.get("data", {}).items() if not kind.startswith("image/")}


# --- as a document ---------------------------------------------------------------------------------------------------


@every_notebook
def test_it_opens_with_what_you_will_do_learn_and_need_and_ends_with_a_summary(nb):
    first, last = nb.cells[0].source, nb.cells[-1].source
    assert re.match(r"# \d\d · .*\?\n", first), "one question as the title"
    for part in ("**What you will do.**", "**What you will learn.**", "**What you need.**", " minutes.*"):
        assert part in first
    for part in ("## Summary", "**Read.**", "**Next.**"):
        assert part in last


@every_notebook
def test_it_is_of_a_size_that_can_be_read(nb):
    lines = [len(cell.source.splitlines()) for cell in code_cells(nb)]
    assert len(nb.cells) <= 45 and median(lines) <= 5 and max(lines) <= 15
    assert len(nbformat.writes(nb)) < 900_000


@every_notebook
def test_it_was_executed_from_top_to_bottom_without_surprises(nb):
    cells = code_cells(nb)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    for cell in cells:
        assert not any(output.name == "stderr" for output in outputs(cell, "stream")), cell.source
        assert bool(outputs(cell, "error")) == ("raises-exception" in tags(cell)), cell.source
        assert set(tags(cell)) <= {"exercise", "raises-exception"}
        shown = str([{**output, "data": texts(output)} for output in cell.outputs])
        assert "FAIL" not in shown and not re.search(r"0x[0-9a-f]{6}", shown) and "/home/" not in shown


@every_notebook
def test_its_file_holds_nothing_of_the_machine_that_wrote_it(nb):
    assert nb.metadata.kernelspec.name == "python3" and "widgets" not in nb.metadata
    assert not any(course.WIDGET_VIEW in output.get("data", {}) for cell in code_cells(nb) for output in cell.outputs)
    same = course.normalize(copy.deepcopy(nb))
    assert nbformat.writes(same) == nbformat.writes(nb)


@every_notebook
def test_its_code_has_no_magics_paths_downloads_or_styling(nb):
    for cell in code_cells(nb):
        ast.parse(cell.source)  # magics and shell commands are no Python
        forbidden = r"https?://|rcParams|plt\.style|open\(|Path\(|\.backward\(\)\n.*\.step\(\)"
        assert not re.search(forbidden, cell.source), cell.source


@every_notebook
def test_every_figure_has_an_alt_text_of_its_own_with_which_the_text_beside_it_begins(nb):
    alts = []
    for cell in code_cells(nb):
        assert "plt.show" not in cell.source, "show(plots.x(...)) gives a figure its alt text"
        for output in cell.outputs:
            if "image/png" in output.get("data", {}):
                alts.append(output.metadata.get("image/png", {}).get("alt", ""))
                said = f"{output.data['text/plain']}\n{text_of(cell)}"
                assert alts[-1] and alts[-1] in " ".join(said.split()), cell.source
    assert not [alt for alt in alts if len(alt.split()) < 8 or len(alt) > 600 or "<" in alt], "a sentence or a few"
    assert not [alt for alt in alts if re.search(r"\w\.(png|svg|ipynb|py)\b|^\s|\s\s|\n", alt)], "words, no file's name"
    assert len(set(alts)) == len(alts)


@every_notebook
def test_its_links_lead_somewhere(nb):
    for target in re.findall(r"\]\(([^)]+)\)", "".join(cell.source for cell in nb.cells)):
        path = target.split("#")[0]
        assert target.startswith("https://") or (course.ROOT / "notebooks" / path).exists(), target


# --- exercises -------------------------------------------------------------------------------------------------------


@every_notebook
def test_a_function_of_the_package_is_written_only_in_an_exercise(nb):
    for cell in code_cells(nb):
        if "exercise" not in tags(cell):
            assert not set(defines(cell)) & PUBLIC, cell.source


@every_notebook
def test_every_exercise_is_checked_and_then_imported_unless_the_notebook_runs_yours(nb):
    cells = code_cells(nb)
    for position, cell in enumerate(cells):
        for name in defines(cell) if "exercise" in tags(cell) else []:
            exercise = exercises(nb)[name]
            assert cells[position + 1].source == f"checks.{name}({name})"
            after = "\n".join(cell.source for cell in cells[position + 2 :])
            home = exercise.finished.__module__
            homes = [home, home.rpartition(".")[0]]  # or the package that holds the module and hands it on
            imported = [h for h in homes if re.search(rf"^from {h} import .*\b{name}\b", after, re.MULTILINE)]
            yours_runs = any("**nothing is taken over: what you wrote is what runs.**" in c.source for c in nb.cells)
            assert bool(imported) != yours_runs, f"{name}: imported once it is right, or never where yours is to run"
            assert getattr(importlib.import_module((imported or homes)[0]), name) is exercise.finished
            assert "raise NotImplementedError" in cell.source and f"{name}: not written yet" in text_of(
                cells[position + 1]
            )
            assert len(exercise.hints) == 3


@every_notebook
def test_every_prediction_is_a_known_question_and_not_answered_yet(nb):
    for cell in code_cells(nb):
        asked = re.findall(r'checks\.answer\("([\w-]+)", answer\)', cell.source)
        if asked:
            assert "exercise" in tags(cell) and cell.source.startswith("answer = None\n")
            assert text_of(cell) == "".join(f"{name}: not answered yet\n" for name in asked)
            assert set(asked) <= set(questions(nb))


@every_notebook
def test_every_exercise_and_question_of_its_room_is_asked(nb):
    asked = "".join(cell.source for cell in nb.cells)
    assert all(f"checks.{name}({name})" in asked for name in exercises(nb))
    assert all(f'checks.answer("{name}"' in asked for name in questions(nb))


def solved(nb):
    """What decides whether the notebook can be solved, as a learner leaves it who got everything right.

    The package is the solution: each exercise cell becomes the import. Run are the first cell, exercises, checks and
    answers, and whatever defines a name that these use. The other cells are as committed, where nbval runs them.
    (What wrong options tell to type is run in tests/grading/test_exercise.py.)
    """
    nb = copy.deepcopy(nb)
    for cell in code_cells(nb):
        if "exercise" not in tags(cell):
            continue
        imports = [node for node in ast.parse(cell.source).body if isinstance(node, (ast.Import, ast.ImportFrom))]
        finished = [f"from {exercises(nb)[name].finished.__module__} import {name}" for name in defines(cell)]
        asked = re.findall(r'checks\.answer\("([\w-]+)", answer\)', cell.source)
        answers = [f"answer = {questions(nb)[name].right!r}\nchecks.answer({name!r}, answer)" for name in asked]
        assert finished or answers, cell.source
        cell.source = "\n".join([*map(ast.unparse, imports), *finished, *answers])
    nb.cells = needed(code_cells(nb))
    return nb


def needed(cells):
    """The first of these code cells, exercises, checks, and those before that define a name which is used there."""
    kept = {0} | {i for i, cell in enumerate(cells) if "exercise" in tags(cell) or cell.source.startswith("checks.")}
    for i in range(len(cells) - 1, -1, -1):
        if i in kept:
            used = names(cells[i], ast.Load)
            kept |= {j for j in range(i) if used & (names(cells[j], ast.Store) | set(defines(cells[j])))}
    return [cells[i] for i in sorted(kept)]


def names(cell, context):
    """The names that a cell reads (ast.Load) or sets (ast.Store, imports too)."""
    nodes = list(ast.walk(ast.parse(cell.source)))
    found = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, context)}
    imported = [alias for node in nodes if isinstance(node, (ast.Import, ast.ImportFrom)) for alias in node.names]
    return found | ({(a.asname or a.name).split(".")[0] for a in imported} if context is ast.Store else set())


def test_what_a_check_needs_is_found_through_several_cells():
    sources = ["import numpy as np", "a = 1", "b = np.ones(a)", "c = 5", "checks.f(b)", "print(c)"]
    found = needed([nbformat.v4.new_code_cell(source) for source in sources])
    assert [cell.source for cell in found] == ["import numpy as np", "a = 1", "b = np.ones(a)", "checks.f(b)"]


@every_notebook
def test_solved_with_the_package_every_check_agrees_and_every_answer_is_right(nb):
    asked = [re.findall(r"^checks\.(\w+)\(\1\)$", cell.source, re.M) for cell in code_cells(nb)]
    nb = solved(nb)
    NotebookClient(nb, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(course.ROOT)}}).execute()
    seen = 0
    for cell in code_cells(nb):
        for name in re.findall(r"^checks\.(\w+)\(\1\)$", cell.source, re.M):
            assert f"{name}: agrees with bnbook on " in text_of(cell)
            seen += 1
        for name in re.findall(r"^checks\.answer\('([\w-]+)', answer\)$", cell.source, re.M):
            assert f"{name}: right. " in text_of(cell)
        assert "not written yet" not in text_of(cell) and "not answered yet" not in text_of(cell)
    assert seen == sum(map(len, asked)), "no check was left out"
