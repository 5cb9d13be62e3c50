"""The instructor's pages tell every wrong answer once; minutes follow from the rule; the plans fit the notebooks."""

import functools
import re
import string

import nbformat
import pytest

from bnbook import chapters, course, guide
from bnbook.__main__ import main
from bnbook.grading.exercise import slip_of
from bnbook.grading.told import wrong_answers

TEACH = course.ROOT / "docs" / "teach"
NUMBERS = [path.name[:2] for path in course.notebooks()]
every_number = pytest.mark.parametrize("number", NUMBERS)


@functools.cache
def notebook(number):
    return nbformat.read(guide._path(number), as_version=4)


@functools.cache
def page(number):
    return guide.page(number)


def checks(number):
    return chapters.room(f"n{guide._path(number).stem}", "checks")


def exercises(number):
    return {exercise.name: exercise for exercise in checks(number).EXERCISES}


def bare(text):
    """The text in one line, without the escapes of Markdown."""
    return " ".join(re.sub(r"\\([\\*_<$|])", r"\1", text).split())


def pieces(slip):
    """A slip's docstring, cut where a number is filled in."""
    return [bare(piece[0].replace("{{", "{")) for piece in string.Formatter().parse(bare(slip.__doc__))]


def part(text, name):
    """What a page says of one exercise or question."""
    (found,) = re.findall(rf"^### `{re.escape(name)}`$(.*?)(?=^##|\Z)", text, re.M | re.S)
    return found


# --- the pages -------------------------------------------------------------------------------------------------------


@every_number
def test_a_page_tells_every_wrong_answer_once_with_a_question(number):
    for name, exercise in exercises(number).items():
        text = part(page(number), name)
        told = [bare(line) for line in re.findall(r"^- (.*)$", text, re.M)]
        for slip in exercise.slips():
            name, why = bare(slip.__doc__).split(": ", 1)
            first, *rest = [piece for piece in pieces(slip) if piece]
            same = [line for line in told if line.startswith(f"**{name}**: ") and all(piece in line for piece in rest)]
            assert len(same) == 1, (name, why)
        asked = re.findall(r"^  \*Ask:\* (.*\?.*)$", text, re.M)
        assert len(told) == len(asked) == len(exercise.slips())


@every_number
def test_a_page_tells_every_misconception_once_under_the_question_as_it_is_asked(number):
    sources = bare(" ".join(cell.source for cell in notebook(number).cells))
    for question in checks(number).QUESTIONS:
        text = part(page(number), question.name)
        assert all(bare(text).count(bare(why)) == 1 for why, _, _ in question.wrong.values())
        assert f"Right is `{question.right!r}`" in text
        (quoted,) = re.findall(r"^> (.*)$", text, re.M)
        assert ("?" in quoted or f'checks.answer("{question.name}"' in quoted) and bare(quoted) in sources


@every_number
def test_a_page_has_the_aims_and_three_hints_and_no_solution(number):
    room = chapters.room(f"n{guide._path(number).stem}")
    assert all(f"- {aim}" in page(number) for aim in room.AIMS)
    for name, exercise in exercises(number).items():
        text = part(page(number), name)
        hints = re.split(r"^\d\. ", text.split("\n`checks.solution(")[0], flags=re.M)[1:]
        assert [bare(hint) for hint in hints] == [bare(hint) for hint in exercise.hints]
        assert f'`checks.solution("{name}")`' in text and f"def {name}" not in text


def test_what_is_asked_back_leads_to_the_output_that_is_off():
    (told,) = [wrong for wrong in wrong_answers(exercises("02")["normalize"]) if "m - 1" in wrong.name]
    assert told.shows.startswith("`var` is [13, 300] and should be [8.667, 200]")  # 26 / 2 and 26 / 3, 600 / 2 and / 3


def test_a_question_that_stands_with_a_slip_is_the_one_to_ask():
    @slip_of("nothing", ask="Why?")
    def asked(x):
        """a: b."""

    @slip_of("nothing")
    def not_asked(x):
        """a: b."""

    assert (asked.ask, not_asked.ask) == ("Why?", None)


def test_what_markdown_would_read_as_a_sign_is_escaped_except_in_code():
    assert guide.escaped("x_hat * y < $3 `a*b`") == r"x\_hat \* y \< \$3 `a*b`"
    assert guide.plain(guide.escaped("x_hat * y < $3 `a*b`")) == "x_hat * y < $3 `a*b`"


def test_the_command_prints_the_page_for_a_terminal(capsys):
    assert main(["guide", "00"]) == 0
    out = capsys.readouterr().out
    assert bare(out) == bare(page("00")) and "\\" not in out
    assert all(len(line) <= 100 for line in out.splitlines() if not line.startswith("|"))
    assert main(["guide", "77"]) == 2 and "no notebook '77': choose one of 00 01 " in capsys.readouterr().err


def test_the_site_gets_a_file_for_each_notebook(tmp_path, monkeypatch):
    monkeypatch.setattr(guide, "page", lambda number: f"page {number}\n")
    assert [path.name for path in guide.write(tmp_path)] == [f"{number}.md" for number in NUMBERS]
    assert (tmp_path / "04.md").read_text(encoding="utf-8") == "page 04\n"


# --- minutes ---------------------------------------------------------------------------------------------------------


@every_number
def test_the_minutes_stated_are_those_of_the_rule(number):
    """To the nearest 5, with half a minute to spare, so that no single word moves them."""
    stated = chapters.room(f"n{guide._path(number).stem}").MINUTES
    ruled = guide.minutes(notebook(number).cells, exercises(number))
    assert stated % 5 == 0 and abs(stated - ruled) <= 3, f"MINUTES = {5 * round(ruled / 5)}"


def test_the_rule_counts_words_symbols_figures_questions_cells_and_lines():
    new = nbformat.v4
    figure = new.new_output("display_data", data={"image/png": "", "text/plain": "<Figure>"})
    stub = "def normalize(x, axes, eps=1e-5):\n    raise NotImplementedError\n    # return x_hat, mean, var"
    cells = {
        "200 words, an address among them": (new.new_markdown_cell("word " * 199 + "[word](an/address.html)"), 1),
        "60 symbols": (new.new_markdown_cell(r"$x = \mu$ " * 20), 1),
        "a figure": (new.new_code_cell("show(1)", outputs=[figure]), 2.5),
        "a question": (exercise_cell('answer = None\nchecks.answer("a", answer)'), 1),
        "a check": (new.new_code_cell("checks.normalize(normalize)"), 0),
        "mean, var and x_hat to write": (exercise_cell(stub), None),
    }
    for says, (cell, expected) in cells.items():
        if expected is not None:
            assert guide.minutes([cell], {}) == pytest.approx(expected), says
    alone = guide.minutes([cells["mean, var and x_hat to write"][0]], exercises("02"))
    given = exercise_cell(stub + "\n    # mean = x.mean(axes, keepdims=True)")
    assert alone - guide.minutes([given], exercises("02")) in (0, 1) and 7 <= alone <= 13


def exercise_cell(source):
    return nbformat.v4.new_code_cell(source, metadata={"tags": ["exercise"]})


@every_number
def test_the_sections_are_the_whole_notebook(number):
    nb = notebook(number)
    sections = guide.sections(nb)
    assert "".join(cell.source for _, _, cells in sections for cell in cells) == "".join(c.source for c in nb.cells)
    parts = sum(guide.minutes(cells, exercises(number)) for _, _, cells in sections)
    assert parts == pytest.approx(guide.minutes(nb.cells, exercises(number)))
