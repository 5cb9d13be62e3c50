"""What came of the runs: one table, what follows from it, and the shelf on which it is stored.

A table is long: a row is one measured number of one run, with the columns

    what was varied (such as case, arm, lr)    seed    step    measure    value

`table` makes one of runs, `compare`, `holm`, `tune`, `band` and `again` draw conclusions from it, `printed` writes
conclusions down. Nothing that follows from a table is stored, only the table is.
"""

import functools
import itertools
import json
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from scipy import stats

# --- a table ---------------------------------------------------------------------------------------------------------


def grid(**values):
    """Every combination of values, the last one fastest: a list of dicts, one for each run.

    grid(arm=("none", "batch"), seed=range(2))  gives  [{"arm": "none", "seed": 0}, {"arm": "none", "seed": 1}, ...
    """
    return [dict(zip(values, each, strict=True)) for each in itertools.product(*values.values())]


def table(labels, runs):
    """The long table of runs.

    labels  what was varied, a dict for each run (see `grid`), with its seed
    runs    as `engine.run_all` returns them, in the same order
    Returns a DataFrame, columns as in labels, then step, measure, value. Measured are, at each step, what a run lists
    (test_accuracy; with images of their own also val_accuracy, train_accuracy, train_losses) and what a watch function
    returned for it, if that is one number; at the last step also train_loss and diverged (1 or 0). None becomes nan.
    """
    return pd.concat([_rows(*pair) for pair in zip(labels, runs, strict=True)], ignore_index=True)


def _rows(label, run):
    known = {"setting", "step", "watched", "train_loss", "diverged"}
    parts = [(run["step"], name, values) for name, values in run.items() if name not in known]
    watched = run.get("watched", {})
    parts += [
        (watched["step"], name, values)
        for name, values in watched.items()
        if name != "step" and np.ndim(values[0]) == 0
    ]
    parts += [(run["step"][-1:], name, [run[name]]) for name in ("train_loss", "diverged")]
    frames = [pd.DataFrame({"step": step, "measure": name, "value": values}) for step, name, values in parts]
    found = pd.concat([frame.astype({"value": float}) for frame in frames], ignore_index=True)
    return pd.concat([pd.DataFrame([label] * len(found)), found], axis=1)


def of(table, measure, step="last", **where):
    """The part of a table with this measure, where its columns have these values.

    step  a number; 'last': each run's last row of this measure; 'all'
    Raises ValueError if nothing is left, saying what there is.
    """
    part = table[table["measure"] == measure]
    _refuse_nothing(part, table, "measure", measure)
    for name, value in where.items():
        part, before = part[part[name] == value], part
        _refuse_nothing(part, before, name, value)
    if step == "last":
        labels = [name for name in part.columns if name not in ("step", "measure", "value")]
        return part[part["step"] == part.groupby(labels, dropna=False)["step"].transform("max")]
    if step != "all":
        part, before = part[part["step"] == step], part
        _refuse_nothing(part, before, "step", step)
    return part


def _refuse_nothing(part, before, name, value):
    if part.empty:
        there = ", ".join(map(str, before[name].drop_duplicates()))
        raise ValueError(f"no row of the table has {name} {value!r}; there are {there or 'none at all'}")


# --- what follows ----------------------------------------------------------------------------------------------------


def interval(values, level=0.95):
    """Student's interval of a mean:  mean -+ t sd / sqrt(n),  sd with n - 1, t of n - 1 degrees of freedom.

    values  (n,)  one number per seed; for a comparison of arms that share seeds, the differences
    level   confidence level
    Returns low, high: two floats.
    Raises ValueError if there are fewer than 2 values.
    Source: Student 1908. Simulated (tests/lab/test_results.py), it covers the mean of normal numbers in 95 % of samples
    of 5, 8 and 20; of exponential ones, as skewed as a time to failure, in 88 to 92 %.
    """
    if len(values) < 2:
        raise ValueError(f"{len(values)} value(s); an interval needs 2 or more")
    n, mean = len(values), np.mean(values)
    half = stats.t.ppf((1 + level) / 2, n - 1) * np.std(values, ddof=1) / np.sqrt(n)
    return float(mean - half), float(mean + half)


def _p_value(values):
    """Of a mean at least as far from 0, if it were 0: Student's t, two-sided. No spread leaves no doubt."""
    n, error = len(values), np.std(values, ddof=1) / np.sqrt(len(values))
    return 2 * stats.t.sf(abs(np.mean(values)) / error, n - 1) if error else float(np.mean(values) == 0)


def compare(table, arm, against, measure, step="last", margin=None, by="seed", ratio=False, known_to=0.0):
    """One arm against another, paired by seed: the difference, its interval, and what may be said about it.

        difference  d_i = arm_i - against_i,   interval of mean(d), p of a mean as far from 0  (Student's t, paired)

    table     with a column 'arm' and one row per arm, seed and measure at that step: choose cases and rates first
    margin    a difference within -+ margin counts as none
    by        what pairs the runs
    ratio     compare  arm_i / against_i  by its logarithm: mean, low and high are factors, and so is margin (such as 2)
    known_to  how exactly each value is known, if it was read off a grid: half a step. The interval gets longer by that
              of both arms on either side. With ratio a factor, 1.5 say
    Returns a dict: arm, against, measure, pairs, mean, low, high, p, margin, verdict. Measures that end in 'accuracy'
    are compared in points (0.01), all else in their own unit. Pairs in which a value is missing (diverged) are left
    out, and pairs counts the others; with fewer than 2, numbers are nan and the verdict is 'not settled here'.
    verdict   'no difference' only if the interval lies within the margin; else 'more' or 'less' if it does not hold 0
              (1); else 'not settled here'
    Raises ValueError for an arm that is not there and for more than one row per arm and pair.
    """
    values = _paired(of(table, measure, step), arm, against, by)
    d = np.log(values[arm] / values[against]) if ratio else values[arm] - values[against]
    d = d[np.isfinite(d)].to_numpy() * (100 if measure.endswith("accuracy") and not ratio else 1)
    mean, low, high, p = (np.nan,) * 4
    if len(d) > 1:
        known_to = np.log(known_to or 1.0) if ratio else known_to
        low, high = np.add(interval(d), (-2 * known_to, 2 * known_to))
        mean, p = d.mean(), _p_value(d)
    zone = None if margin is None else np.log(margin) if ratio else margin
    found = {"mean": mean, "low": low, "high": high}
    if ratio:
        found = {name: np.exp(value) for name, value in found.items()}
    found = {name: float(value) for name, value in found.items()} | {"p": float(p), "margin": margin}
    return {
        "arm": arm,
        "against": against,
        "measure": measure,
        "pairs": len(d),
        **found,
        "verdict": _verdict(low, high, zone),
    }


def _paired(part, arm, against, by):
    """A frame: a row for each seed, a column for each of the two arms."""
    part = part[part["arm"].isin((arm, against))]
    for name in (arm, against):
        own = part.loc[part["arm"] == name, by]
        if own.empty:
            raise ValueError(f"no row has arm {name!r}; give two of the arms of the table")
        if own.duplicated().any():
            count, first = own.value_counts().iloc[0], own.value_counts().index[0]
            raise ValueError(
                f"arm {name!r} has {count} rows for {by} {first}; a comparison wants one: choose case and rate first"
            )
    return part.pivot(index=by, columns="arm", values="value").dropna()


def _verdict(low, high, margin):
    if np.isnan(low):
        return UNSETTLED
    if margin is not None and -margin < low and high < margin:
        return "no difference"
    return "more" if low > 0 else "less" if high < 0 else UNSETTLED


UNSETTLED = "not settled here"


def holm(rows, level=0.05):
    """Several conclusions from one table: how sure is each, if none of them is to be wrong by chance?

    rows   what `compare` returned, several times
    level  chance of at least one false 'more' or 'less' among them, at most
    Returns a DataFrame of the rows with p adjusted, and the verdict taken back where that is above level ('no
    difference' rests on its margin and stays). Rows without a p count as unsettled.
    Source: Holm 1979, "A simple sequentially rejective multiple test procedure".
    """
    found = pd.DataFrame(rows)
    order = found["p"].fillna(1.0).sort_values(kind="stable")
    steps = order * np.arange(len(order), 0, -1)
    found["p"] = steps.cummax().clip(upper=1.0)
    found.loc[(found["p"] > level) & found["verdict"].isin(("more", "less")), "verdict"] = UNSETTLED
    return found


FIRST_TUNING_SEED = 100  # seeds that choose a rate are never among those that are reported


def tune(train, arms, rates, chance, seeds=8, measure="val_accuracy", reach=3):
    """The learning rate that suits each arm best, all of them tried at the same rates.

    The grid grows, for all arms together and by its own factor, until no arm is best at an edge.

    train   called as train(labels) with dicts of arm, lr and seed; returns a table with these columns and the measure
    arms    names
    rates   to begin with, 3 or more, increasing by about one factor
    chance  the measure of guessing (0.1): an arm that is nowhere above it by 0.05 does not train
    seeds   runs per arm and rate, 8 or more, numbered from 100: never those that are reported
    reach   how many decades the grid may grow at either end
    Returns the table of all runs, and {arm: rate}, None for an arm that does not train at any rate within reach. Of
    rates that are equally good, the middle one.
    Raises ValueError if another arm is best at an edge that is reach decades away, or the rates do not increase.
    """
    rates = [float(rate) for rate in rates]
    if len(rates) < 3 or not (np.diff(rates) > 0).all():
        raise ValueError(f"rates is {rates}; they must be 3 or more and increase, such as (0.01, 0.03, 0.1)")
    factor = (rates[-1] / rates[0]) ** (1 / (len(rates) - 1))
    ends, parts, wanted = (rates[0] / 10**reach, rates[-1] * 10**reach), [], rates
    while wanted:
        labels = grid(arm=arms, lr=wanted, seed=range(FIRST_TUNING_SEED, FIRST_TUNING_SEED + seeds))
        parts.append(train(labels))
        tried = pd.concat(parts, ignore_index=True)
        means = of(tried, measure).groupby(["arm", "lr"])["value"].mean().unstack().fillna(-1)
        wanted = _beyond(means, chance, factor, ends)
    best = {arm: best_of(means.loc[arm]) if _trains(means.loc[arm], chance) else None for arm in arms}
    for arm, rate in best.items():
        if rate in (means.columns[0], means.columns[-1]):
            raise ValueError(f"arm {arm!r} is best at {rate:g}, an edge of the rates tried; begin with other rates")
    return tried, best


def _beyond(means, chance, factor, ends):
    """Rates to try next: one beyond each edge at which an arm is best, or beyond which one may begin to train."""
    rates, wanted = means.columns, []
    for edge, further in ((rates[0], rates[0] / factor), (rates[-1], rates[-1] * factor)):
        open_ = any(not _trains(row, chance) or best_of(row) == edge for _, row in means.iterrows())
        if open_ and ends[0] * 0.999 <= further <= ends[1] * 1.001:
            wanted.append(float(f"{further:.6g}"))
    return wanted


def _trains(accuracies, chance):
    return accuracies.max() > chance + 0.05


def best_of(accuracies):
    """Which index of a Series has the largest value; the middle one of equals (to 1e-9)."""
    equals = accuracies.index[accuracies >= accuracies.max() - 1e-9]
    return equals[len(equals) // 2]


def band(lr, accuracy, best, share=0.9):
    """Width of the band of good learning rates, in decades.

        how much of the axis log10(lr) has  accuracy >= share * best,  with straight lines from rate to rate

    lr        (n,)  learning rates, increasing
    accuracy  (n,)  accuracy reached at each
    best      the best accuracy that any arm of the comparison reached
    share     part of best that counts as good
    Returns a float: 1 if a factor of 10 is good. Whether the band is wider than the rates tried says `enclosed`.
    """
    where, above = np.log10(lr), np.asarray(accuracy) - share * best
    low, high = np.sort([above[:-1], above[1:]], axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        good = np.where(low >= 0, 1.0, np.where(high > 0, high / (high - low), 0.0))
    return float(np.diff(where) @ good)


def enclosed(accuracy, best, share=0.9):
    """Whether rates that are no good lie on both sides of the band, so that it is all there; arguments as in `band`."""
    return bool(max(accuracy[0], accuracy[-1]) < share * best)


def ceiling(lr, works):
    """The largest rate that works, from the first that works on without a gap: a rate beyond a failure is luck.

    lr     (n,)  learning rates, increasing by one factor
    works  (n,)  bool
    Returns the (geometric) middle between the last rate that works and the next one, at which training fails: the grid
    knows it to half a step, see `known_to` of `compare`. nan if none works, or the largest of all does.
    """
    works = np.asarray(works, dtype=bool)
    first = int(np.argmax(works))
    failures = np.flatnonzero(~works[first:])
    if not works.any() or not len(failures):
        return np.nan
    last = first + failures[0]
    return float(np.sqrt(lr[last - 1] * lr[last]))


class Again(NamedTuple):
    """Runs made again: how many, compared how, the largest difference, what is allowed, and whether they agree."""

    runs: int
    level: str
    apart: float
    allowed: float
    agrees: bool


def again(live, stored, measure, image=None, step="last", conclusion=None):
    """Do runs that were made again come out as stored?

    On another processor sums are rounded otherwise, and a training may multiply that. How much is stored beside the
    runs: twins, the same runs begun from weights changed by 1e-15 (column 'twin', 1 or more; 0 is the run itself).

    live, stored  tables; compared are the rows of live that stored has, too (the same labels, seed and step)
    measure       what is compared
    image         what one test image counts (1 / images): level 'result', the values are equal to one image, or to 3
                  times what the twins are apart, if that is more. None: level 'computation', numbers of at most 100
                  steps are equal to 1e-9 of themselves
    conclusion    where twins part by more than one image, only this is compared, level 'verdict': a function of a table
                  (the live one, and the same runs in the stored one) to what follows from it
    Returns an Again.
    Raises ValueError if stored has none of the runs, or twins part and there is no conclusion.
    """
    live, stored = of(live, measure, step), of(stored, measure, step)
    keys = [name for name in live.columns if name not in ("value", "twin")]
    is_twin = stored["twin"] > 0 if "twin" in stored else np.zeros(len(stored), dtype=bool)
    both = live.merge(stored[~is_twin], on=keys, suffixes=("", "_stored"))
    if both.empty:
        raise ValueError(f"none of the runs made again is stored; both tables need the same {', '.join(keys)}")
    apart = (both["value"] - both["value_stored"]).abs()
    if image is None:
        relative = float((apart / both["value_stored"].abs().clip(lower=1e-300)).max())
        return Again(len(both), "computation", relative, 1e-9, relative <= 1e-9)
    twins = both.merge(stored[is_twin], on=keys, suffixes=("", "_twin"))
    gap = (twins["value_twin"] - twins["value_stored"]).abs().max() if is_twin.any() else 0.0
    if gap > 1.001 * image:
        if conclusion is None:
            raise ValueError(
                f"twins are {gap:.3g} apart, more than an image ({image:.3g}): only a conclusion can agree"
            )
        same = conclusion(both[live.columns]) == conclusion(both.drop(columns="value").rename(columns=_STORED))
        return Again(len(both), "verdict", float(apart.max()), np.nan, bool(same))
    allowed = 1.001 * max(image, 3 * gap)
    return Again(len(both), "result", float(apart.max()), float(allowed), bool(apart.max() <= allowed))


_STORED = {"value_stored": "value"}


def check_seeds(seeds):
    """Raises ValueError if there are too few seeds for an interval."""
    if seeds < 2:
        raise ValueError(f"seeds is {seeds}; an interval needs at least 2 runs per arm, better 5")


def steps_to(run, accuracy=0.9):
    """How many steps a run needs until its test accuracy is 0.9 or more, for the first time: the measure of speed.

    run       what `run` returned; it is as fine as its Setting's `every`
    accuracy  between 0 and 1
    Returns an int, or None if the run never gets there.
    """
    return next((step for step, a in zip(run["step"], run["test_accuracy"], strict=True) if a >= accuracy), None)


# --- on paper --------------------------------------------------------------------------------------------------------


def printed(rows, digits=3):
    """Rows as text, columns under their names: text to the left, numbers to the right, nothing for a missing value.

    rows    a DataFrame, or a list of dicts
    digits  of numbers that are not whole; a number for all columns, or {column: digits}
    """
    frame = pd.DataFrame(rows)
    digits = digits if isinstance(digits, dict) else dict.fromkeys(frame.columns, digits)
    texts = frame.copy().astype(object)
    for name in frame.columns:
        texts[name] = [_text(value, digits.get(name, 3)) for value in frame[name]]
        if not pd.api.types.is_numeric_dtype(frame[name]):
            width = max([len(name), *map(len, texts[name])])
            texts[name] = texts[name].str.ljust(width)
            texts = texts.rename(columns={name: name.ljust(width)})
    lines = texts.to_string(index=False).splitlines()
    return "\n".join(line.rstrip() for line in lines)


def _text(value, digits):
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return ""
    if isinstance(value, (bool, np.bool_, str)):
        return str(value)
    if float(value) == int(value) and abs(value) < 1e6:
        return f"{int(value):,}"
    return f"{value:.{digits}g}"


def spread(mean, low, high, digits=1, sign=True):
    """'+1.3 [+0.4, +2.2]': a difference with its interval, for a cell of a table; '' where there is none.

    digits  behind the point
    sign    False for what is no difference: '7.9 [7.6, 8.2]'
    """
    if np.isnan(mean):
        return ""
    mean, low, high = (f"{value:{'+' if sign else ''}z.{digits}f}" for value in (mean, low, high))
    return f"{mean} [{low}, {high}]"


# --- stored ----------------------------------------------------------------------------------------------------------


def versions():
    """The versions a result depends on: a dict, name to version."""
    packages = {name: version(name) for name in ("numpy", "scikit-learn", "scipy")}
    return {**packages, "torch": str(torch.__version__)}  # with its build, such as +cpu


def save(results, path):
    """Write what an experiment returned as JSON, its tables as CSV beside it; `load` gives back an equal dict.

    A table lies there with a column for each measure, which is a fraction of the size: PATH.csv for results['table'],
    PATH.NAME.csv for a table of another name.
    """
    path = Path(path)
    tables = {name: value for name, value in results.items() if isinstance(value, pd.DataFrame)}
    for name, long in tables.items():
        _csv(path, name).write_text(_wide(long).to_csv(index=False, lineterminator="\n"), encoding="utf-8")
    rest = {name: value for name, value in results.items() if name not in tables}
    rest |= {"tables": list(tables)} if tables else {}
    path.write_text(json.dumps(rest, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def load(path):
    """Read what `save` wrote."""
    found = json.loads(Path(path).read_text(encoding="utf-8"))
    return found | {name: _long(pd.read_csv(_csv(Path(path), name))) for name in found.pop("tables", ())}


def _csv(path, name):
    first = path.name.split(".")[0]  # `run` writes to NAME.json.half, and renames it when it is whole
    return path.with_name(f"{first}.csv" if name == "table" else f"{first}.{name}.csv")


def _wide(long):
    labels = [name for name in long.columns if name not in ("measure", "value")]
    unique = long.assign(value=long["value"].map(lambda value: float(f"{value:.9g}")))
    index = long[labels].drop_duplicates()
    wide = unique.pivot(index=labels, columns="measure", values="value")
    wide = wide[list(dict.fromkeys(long["measure"]))].reset_index()
    return index.merge(wide, on=labels, how="left")  # in the order of the runs


def _long(wide):
    labels = list(wide.columns[: wide.columns.get_loc("step") + 1])
    long = wide.melt(id_vars=labels, var_name="measure", value_name="value")
    measured = long.groupby(["step", "measure"])["value"].transform("count") > 0
    return long[measured].reset_index(drop=True)  # what no run has at that step was not measured; else it is missing


def shelf(file):
    """The function that reads what is stored in a room: `evidence = results.shelf(__file__)` in its experiments.

    file  a file of the room, `bnbook/chapters/nXX_name/experiments.py` or one further down
    Returns a function: the name of an experiment that takes minutes to its stored results, with settings, versions and
    the command that made them. It raises ValueError if nothing is stored under that name.
    """
    return functools.partial(_read, room_of(file) / "evidence")


def room_of(file):
    """The folder of the room that a file of it lies in."""
    file = Path(file)
    return next(folder for folder in file.parents if folder.parent.name == "chapters")


def _read(folder, name):
    path = folder / f"{name}.json"
    if not path.exists():
        stored = ", ".join(sorted(file.stem for file in folder.glob("*.json"))) or "nothing"
        raise ValueError(f"no evidence is stored for {name!r} in {folder.parent.name}; stored: {stored}")
    return load(path)


def jsonable(value):
    """Nested lists of numbers, None where a number is not finite: JSON knows no nan."""
    return [jsonable(v) for v in value] if np.ndim(value) else float(value) if np.isfinite(value) else None
