"""The instructor's pages tell every wrong answer once; minutes follow from the rule; the plans fit the notebooks."""

import functools
import itertools
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
    for text in ("x_hat * y < $3 `a*b`", r"`$\beta\_1$` and `\*`, but \mu_1"):
        assert guide.in_terminal(guide.escaped(text)) == text


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


# --- what is written in docs/teach -----------------------------------------------------------------------------------

PLANS = {"lesson_45": 45, "half_day": 210, "full_day": 420}
every_plan = pytest.mark.parametrize("plan", PLANS)
WRITTEN = sorted(path for path in TEACH.glob("*.md") if not re.fullmatch(r"\d\d", path.stem))


def written(name):
    return (TEACH / f"{name}.md").read_text(encoding="utf-8")


def rows(plan):
    """The rows of a plan's table: at, minutes, part, how, when late."""
    lines = re.findall(r"^\|( \d:\d\d \|.*)\|$", written(plan), re.M)
    table = [[entry.strip() for entry in line.split("|")] for line in lines]
    return [(60 * int(at[0]) + int(at[2:]), int(minutes or 0), *rest) for at, minutes, *rest in table]


def cells_of(part):
    """The notebook and the cells that a row names: '02 · Step 1: ...; Step 2: ... (7–11)'."""
    number, _, named = part.partition(" · ")
    named, first, last = re.fullmatch(r"(.*?)(?: \((\d+)(?:–(\d+))?\))?", named).groups()
    parts = {heading: (numbers, cells) for heading, numbers, cells in guide.sections(notebook(number))}
    of_sections = [cell for heading in named.split("; ") for cell in parts[heading][1]]
    if first is None:
        return number, of_sections
    inside = range(int(first), int(last or first) + 1)
    assert set(inside) <= {n for heading in named.split("; ") for n in parts[heading][0]}, part
    return number, notebook(number).cells[inside[0] - 1 : inside[-1]]


@every_plan
def test_a_plan_has_no_gap_and_ends_in_time(plan):
    found = rows(plan)
    assert found[0][0] == 0 and found[-1][0] == PLANS[plan] and found[-1][2] == "end"
    assert all(at + minutes == then for (at, minutes, *_), (then, *_) in zip(found, found[1:], strict=False))


@every_plan
def test_a_plan_gives_each_part_the_minutes_of_the_rule(plan):
    """Except what the room does together or in part, of which the table says so."""
    for _, given, part, how, _ in rows(plan):
        if re.match(r"\d\d · ", part) and not re.search(r"together|not the exercise|`ForgetfulNorm` alone", how):
            number, cells = cells_of(part)
            needed = guide.minutes(cells, exercises(number))
            assert needed - 0.7 <= given <= needed + 4, (part, needed)


def test_the_hours_that_a_day_takes_alone_are_those_of_the_rule():
    for plan, words in {"half_day": "six", "full_day": "fourteen"}.items():
        numbers = {part[:2] for _, _, part, *_ in rows(plan) if re.match(r"\d\d · ", part)}
        alone = sum(chapters.room(f"n{guide._path(number).stem}").MINUTES for number in numbers)
        assert f"take {words} hours by the rule" in written(plan)
        assert abs(alone / 60 - {"six": 6, "fourteen": 14}[words]) <= 0.5


def test_the_ways_through_name_the_notebooks_and_hours_of_the_plans():
    last = notebook("00").cells[-1].source
    stated = dict(re.findall(r"^\| [^|]+ \| (parts of [^|]+) \| ([\d.]+ \w+)[^|]*\|$", last, re.M))
    for (says, time), (plan, length) in zip(stated.items(), PLANS.items(), strict=True):
        numbers = re.sub(r"00 to 05", "00, 01, 02, 03, 04, 05", says.removeprefix("parts of ")).split(", ")
        assert numbers == sorted({part[:2] for _, _, part, *_ in rows(plan) if re.match(r"\d\d · ", part)})
        assert time == (f"{length} minutes" if length < 60 else f"{length / 60:g} hours")


@every_plan
def test_what_everyone_should_see_is_what_the_notebooks_print(plan):
    found = re.findall(r"\((\d\d)\)[^`]*?\n\n```text\n(.*?)\n```", written(plan), re.S)
    assert len(found) == written(plan).count("```text") >= 5
    for number, text in found:
        printed = bare(" ".join(map(shown, notebook(number).cells)))
        for line in text.splitlines():
            agrees = re.fullmatch(r"(\w+): agrees with bnbook on (\d+) inputs", line)
            if agrees:
                assert int(agrees[2]) == len(exercises(number)[agrees[1]].probes())
            else:
                assert bare(line) in printed, (number, line)


def shown(cell):
    return "".join(output.get("text", "") for output in cell.get("outputs", []))


def test_no_wrong_answer_is_told_by_hand():
    texts = {path.name: bare(path.read_text(encoding="utf-8")) for path in WRITTEN}
    sentences = {piece for _, exercise in chapters.exercises() for slip in exercise.slips() for piece in pieces(slip)}
    sentences |= {bare(why) for _, question in chapters.questions() for why, _, _ in question.wrong.values()}
    for name, text in texts.items():
        assert not [piece for piece in sentences if len(piece) > 40 and piece in text], name


def test_what_is_written_names_sections_exercises_and_files_that_there_are():
    names = {exercise.name for _, exercise in chapters.exercises()}
    headings = {number: {heading for heading, *_ in guide.sections(notebook(number))} for number in NUMBERS}
    for path in WRITTEN:
        text = path.read_text(encoding="utf-8")
        found = re.findall(r"\((\d\d · [^()]+)\)", bare(text))
        found += re.findall(r"\| (\d\d · [^|]+) \|", text) if path.stem == "survey" else []
        for place in itertools.chain.from_iterable(re.split(r", (?=\d\d · )", places) for places in found):
            assert place[5:] in headings[place[:2]], (path.name, place)
        assert set(re.findall(r'checks\.\w+\("(\w+)"\)', text)) <= names
        links = re.findall(r"\]\(([^)]+)\)", text)
        assert all((path.parent / link).exists() for link in links if not link.startswith("https://")), path.name


def test_the_formula_of_the_minutes_is_said_as_the_rule_has_it():
    assert re.search(r"^ {8}(words / .*)$", guide.minutes.__doc__, re.M)[1] in written("timing")


# --- the slides of half a day ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", ["00", "02", "04", "05", "13"])
def test_the_notebooks_of_half_a_day_are_slides_that_show_all_there_is_to_do(number):
    """What is only for reading is in the speaker's notes; figures begin a slide, questions follow their text."""
    cells = notebook(number).cells
    kinds = [cell.metadata["slideshow"]["slide_type"] for cell in cells]
    assert kinds[0] == "slide" and set(kinds) <= {"slide", "subslide", "-", "notes", "skip"}
    for cell, kind in zip(cells, kinds, strict=True):
        if cell.cell_type == "code":
            assert kind in ("subslide", "-")
            assert kind == "subslide" or not any("image/png" in o.get("data", {}) for o in cell.outputs)
        elif kind in ("notes", "skip"):
            assert cell is cells[-1] or not re.search(r"^##? |\*\*(?:Predict|Exercise|Which)", cell.source, re.M)
        else:
            assert kind == ("slide" if re.match("##? ", cell.source) else "subslide")
