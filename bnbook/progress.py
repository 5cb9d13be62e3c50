"""What a learner has done, recorded in a file beside their notebooks if they ask for it; summed up for one, or a class.

Read after diagnose.
Used by `notebook.progress()` and the commands `progress` and `class`.

The file has a line of JSON for each function that was checked and each question that was answered: the time, the
notebook, the name, what came of it (passed, which known mistake, wrong, which class of error; right, or which wrong
option). No code, nothing in the learner's own words, no name; it stays where it is. `turn_on` makes it, deleting it
ends it: nothing is written where it is not there. Lines are only ever added, each in one write, so that several
kernels can; a line that cannot be read is skipped.
"""

import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path

from . import chapters
from .grading.listening import listen

FILE = "bnbook-progress.jsonl"
COURSE = Path(__file__).resolve().parent.parent / "notebooks"  # whose outputs tests compare: never recorded
OUTCOMES = {"exercise": ("passed", "slip", "wrong", "error"), "question": ("right", "wrong")}
RIGHT = ("passed", "right")
NOTHING = "Your progress is not recorded."
HEAD = {"about": f"What you have done in the course, for `notebook.progress()`. Delete {FILE} to stop recording."}


# --- one learner ---------------------------------------------------------------------------------------------------


def listen_in(folder):
    """From now on record in this folder what comes of checks and answers, whenever its file is there."""
    path = Path(folder).resolve() / FILE  # now: a cell may change the working directory
    listen(None if path.parent == COURSE else lambda *facts: _append(path, _line(*facts)))


def _line(room, kind, name, outcome, detail):
    time = datetime.now(UTC).isoformat(timespec="seconds")
    facts = {"time": time, "notebook": re.search(r"\.n(\d\d)_", room)[1], kind: name, "outcome": outcome}
    return facts | ({"detail": detail} if detail else {})


def _append(path, facts, more=0):
    """Add one line, in one write, to a file that is there; a newline first, in case the last line was cut off."""
    file = os.open(path, os.O_WRONLY | os.O_APPEND | more, 0o666)
    try:
        os.write(file, f"\n{json.dumps(facts)}\n".encode())
    finally:
        os.close(file)


def turn_on(folder):
    """Make the file, if it is not there yet. Raises ValueError where that cannot be."""
    folder = Path(folder).resolve()
    if folder == COURSE:
        raise ValueError("nothing is recorded in the course's own notebooks; in your copy it is.")
    if not folder.is_dir():
        raise ValueError(f"there is no copy of the notebooks in {folder} yet; the command lab makes it.")
    try:
        _append(folder / FILE, HEAD, os.O_CREAT | os.O_EXCL)
    except FileExistsError:
        pass
    except OSError as error:
        raise ValueError(f"{folder / FILE} cannot be written ({error.strerror}), so nothing is recorded.") from None


def report(folder, on=False):
    """What is done, as a text of a line per notebook, and how to turn recording on or off; `on` turns it on first.

    Raises ValueError if it cannot be turned on, or the file cannot be read.
    """
    if on:
        turn_on(folder)
    path = Path(folder) / FILE
    if not path.exists():
        return NOTHING
    records, broken = read(path)
    rows = [("notebook", "exercises passed", "questions right")]
    rows += [(stem, *(f"{done} of {n}" for done, n in counts)) for stem, *counts in _table(records)]
    lines = [f"{stem:<22}{passed:>16}{right:>18}" for stem, passed, right in rows]
    skipped = f" Skipped: {_lines(broken)} that cannot be read." if broken else ""
    return "\n".join([*lines, f"Recorded in {FILE}, beside your notebooks; to turn that off, delete it.{skipped}"])


def _table(records):
    """For each notebook its name, and (done, how many there are) for exercises and for questions."""
    done = {(r["notebook"], r["kind"], r["name"]) for r in records if r["outcome"] in RIGHT}
    for room, groups in asked().items():
        pairs = zip(OUTCOMES, groups, strict=True)
        yield room[1:], *((sum((room[1:3], kind, name) in done for name in names), len(names)) for kind, names in pairs)


def asked():
    """{room: (names of its exercises, names of its questions)}, without importing what its checks need."""
    found = {}
    for name in chapters.rooms():
        questions = chapters.room(name, "questions")
        exercises = re.findall(r"`(\w+)`", chapters.room(name).BUILDS)
        found[name] = exercises, [each.name for each in questions.QUESTIONS] if questions else []
    return found


def read(path):
    """The records in a file, dicts of time, notebook, kind, name, outcome and detail; the number of broken lines.

    Raises ValueError if there is no such file or it may not be read.
    """
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror}).") from None
    found = [_record(line) for line in text.split("\n") if line.strip()]
    return [record for record in found if record], found.count(None)


def _record(line):
    """The record that a line holds, {} for the file's head, None for what is neither."""
    try:
        facts = json.loads(line)
        if facts.keys() == HEAD.keys():
            return {}
        kind = next(kind for kind in OUTCOMES if kind in facts)
        datetime.fromisoformat(facts["time"])
        record = {"time": facts["time"], "notebook": facts["notebook"], "kind": kind, "name": facts[kind]}
        record |= {"outcome": facts["outcome"], "detail": facts.get("detail", "")}
        whole = all(isinstance(value, str) for value in record.values()) and record["outcome"] in OUTCOMES[kind]
    except (ValueError, TypeError, KeyError, AttributeError, StopIteration, RecursionError):
        return None
    return record if whole else None


def _lines(number):
    return f"{number} line{'s' * (number != 1)}"


# --- a class -------------------------------------------------------------------------------------------------------


def learners(folder):
    """{learner: records} of all files below a folder, and a sentence for each that is broken or not the first of one.

    A learner has the file's name, `anna.jsonl`, or where that is still its first one the folder's, `anna/work/...`.
    Raises ValueError if there is no such folder, or no file in it that can be read.
    """
    folder, found, complaints = Path(folder), {}, []
    if not folder.is_dir():
        raise ValueError(f"there is no folder {folder}; give the one that the learners' files are in.")
    for path in sorted(folder.rglob("*.jsonl")):
        try:
            records, broken = read(path)
        except ValueError as error:
            complaints.append(f"Left out: {error}")
            continue
        name, shown = _name(path, folder), path.relative_to(folder)
        if name in found:
            complaints.append(f"{shown}: counted as more of {name}; if it is another learner's, give it another name.")
        found.setdefault(name, []).extend(records)
        if broken:
            complaints.append(f"{shown}: {_lines(broken)} left out, which cannot be read.")
    if not found:
        what = f"no learner's file in {folder} that can be read; each is a {FILE}, or NAME.jsonl."
        raise ValueError(" ".join([*complaints, what]))
    return found, complaints


def _name(path, folder):
    if path.name != FILE:
        return path.stem
    return folder.resolve().name if path.parent == folder else path.relative_to(folder).parts[0]


def rows_of(found):
    """What `learners` found as one table, a row a record: learner, time, notebook, kind, name, outcome, detail."""
    import pandas as pd

    columns = ["learner", "time", "notebook", "kind", "name", "outcome", "detail"]
    return pd.DataFrame([{"learner": name, **r} for name, records in found.items() for r in records], columns=columns)


def standing(rows, names):
    """A row per learner of these names: exercises passed, questions right, notebooks finished, the last one and day."""
    done = rows[rows["outcome"].isin(RIGHT)].drop_duplicates(["learner", "notebook", "kind", "name"])
    by_kind = done.groupby(["learner", "kind"]).size().unstack(fill_value=0)
    table = by_kind.reindex(index=names, columns=["exercise", "question"], fill_value=0)
    table.columns = ["exercises passed", "questions right"]
    table["notebooks finished"] = _finished(rows).groupby("learner").size().reindex(names, fill_value=0)
    last = rows.sort_values("time").groupby("learner").last()[["notebook", "time"]].reindex(names)
    table["last notebook"], table["on"] = last["notebook"].fillna("-"), last["time"].str[:10].fillna("-")
    return table.reset_index(names="learner")


def notebooks(rows):
    """A row per notebook: how many learners began it, and how many passed all its exercises."""
    table = rows.groupby("notebook")["learner"].nunique().to_frame("began")
    table["finished"] = _finished(rows).groupby("notebook").size().reindex(table.index, fill_value=0)
    return table.reset_index()


def _finished(rows):
    """The pairs of learner and notebook in which all its exercises are passed."""
    import pandas as pd

    passed = rows[rows["outcome"] == "passed"].groupby(["learner", "notebook"])["name"].agg(set)
    needed = {room[1:3]: set(exercises) for room, (exercises, _) in asked().items()}
    pairs = [pair for pair, names in passed.items() if names >= needed.get(pair[1], {None})]
    return pd.DataFrame(pairs, columns=["learner", "notebook"])


def attempts(rows):
    """A row per exercise and question: learners who tried, who got it right, and the median tries of these."""
    right = rows["outcome"].isin(RIGHT)
    each = ["notebook", "kind", "name"]
    rows = rows.assign(right=right, before=right.groupby([rows[c] for c in [*each, "learner"]]).cumsum() - right)
    mine = rows[rows["before"] == 0].groupby([*each, "learner"]).agg(right=("right", "any"), tries=("right", "size"))
    table = mine.groupby(each).agg(tried=("right", "size"), right=("right", "sum"))
    table["tries (median)"] = mine[mine["right"]].groupby(each)["tries"].median()
    return table.reset_index()


def wrong_answers(rows):
    """A row per wrong answer, the most common first: where, which slip or option, how many learners, how often."""
    rows = rows[~rows["outcome"].isin(RIGHT)]
    other = rows["detail"].where(rows["detail"] != "", "(no known mistake)")
    groups = rows.assign(answer=other).groupby(["notebook", "kind", "name", "answer"])["learner"]
    table = groups.agg(learners="nunique", times="size").reset_index()
    return table.sort_values(["learners", "times"], ascending=False, kind="stable", ignore_index=True)


def class_report(folder, csv=None):
    """A text of four tables of all learners' files below a folder; csv is a file to write `rows_of` into.

    Raises ValueError as `learners` does, OSError if csv cannot be written.
    """
    found, complaints = learners(folder)
    rows = rows_of(found)
    if csv:
        rows.to_csv(csv, index=False)
    tables = {
        f"Where {len(found)} learner{'s stand' if len(found) > 1 else ' stands'}": standing(rows, list(found)),
        "Notebooks": notebooks(rows),
        "Exercises and questions": attempts(rows),
        "Wrong answers": wrong_answers(rows),
    }
    shown = [f"{title}\n{_plain(table)}" for title, table in tables.items() if len(table)]
    return "\n\n".join([*shown, *complaints])


def _plain(table):
    return table.to_string(index=False, max_colwidth=70, na_rep="-", float_format="{:g}".format)
