"""The exercise of notebook 00 takes what np.mean takes, and nothing else."""

import re

import nbformat
import numpy as np
import pytest

from bnbook import chapters, course
from bnbook.chapters.n00_start_here import checks


@pytest.mark.parametrize(
    "yours",
    [
        lambda ndim: tuple(a for a in range(ndim) if a != 1),
        lambda ndim: (0, *range(2 - ndim, 0)),
        lambda ndim: (*reversed(range(2, ndim)), 0),
        lambda ndim: tuple(np.delete(np.arange(ndim), 1)),
        lambda ndim: tuple(set(range(ndim)) - {1}),
    ],
)
def test_axes_are_accepted_in_any_form(yours):
    """Any that np.mean takes: a tuple of whole numbers, Python's or NumPy's, in any order, counted from either end."""
    assert checks.batch_axes.judge(yours).kind == "agrees"


REFUSED = {
    "a list": lambda ndim: [0, *range(2, ndim)],
    "a set": lambda ndim: set(range(ndim)) - {1},
    "a frozenset": lambda ndim: frozenset(range(ndim)) - {1},
    "a generator": lambda ndim: (a for a in range(ndim) if a != 1),
    "an iterator": lambda ndim: iter((0, *range(2, ndim))),
    "an array": lambda ndim: np.delete(np.arange(ndim), 1),
    "floats": lambda ndim: (0.0, *map(float, range(2, ndim))),
    "a truth value": lambda ndim: (False, *range(2, ndim)),
    "the batch twice": lambda ndim: (0, 0, *range(2, ndim)),
    "text": lambda ndim: "02",
    "a star too few": lambda ndim: (0, range(2, ndim)),
    "one axis too many": lambda ndim: (0, *range(2, ndim + 1)),
}


@pytest.mark.parametrize("yours", REFUSED.values(), ids=REFUSED)
def test_what_np_mean_raises_on_is_refused_with_what_it_raises(yours):
    with pytest.raises(Exception) as raised:  # noqa: PT011 - NumPy's own words are what is compared
        np.mean(np.ones((5, 3, 4, 6)), axis=yours(4))
    verdict = checks.batch_axes.judge(yours)
    assert verdict.kind == "wrong" and f"raises {raised.type.__name__}: {raised.value}" in verdict.message
    assert "0x" not in verdict.message, "no address in memory"


def test_one_axis_without_its_comma_is_named_though_np_mean_takes_it():
    verdict = checks.batch_axes.judge(lambda ndim: 0 if ndim == 2 else (0, *range(2, ndim)))
    assert "leaving out the comma" in verdict.message and "raises" not in verdict.message


def test_axes_that_leave_another_shape_are_told_which():
    verdict = checks.batch_axes.judge(lambda ndim: (0, 3) if ndim == 4 else (0, *range(2, ndim)))
    left = np.mean(np.ones((5, 3, 4, 6)), axis=(0, 3)).shape
    assert f"np.mean(x, axis=(0, 3)) leaves the shape {left}; one mean per channel is (3,)" in verdict.message


def test_the_hours_of_the_ways_through_are_those_of_the_rooms():
    """Within a quarter: hours are rounded, people differ by more. (Of parts: tests/test_guide.py reads the plans.)"""
    minutes = {room[1:3]: chapters.room(room).MINUTES for room in chapters.rooms()}
    text = "".join(cell.source for cell in nbformat.read(course.notebooks()[0], as_version=4).cells)
    rows = re.findall(r"^\| [^|]+ \| ([^|]+) \| ([\d.]+) hours[^|]*\|$", text, re.M)
    rows = [(which, hours) for which, hours in rows if not which.startswith("parts of ")]
    assert len(rows) == 4
    for which, hours in rows:
        numbers = re.findall(r"\d\d", which)
        if " to " in which:
            numbers = [f"{n:02}" for n in range(int(numbers[0]), int(numbers[1]) + 1)]
        stated, summed = float(hours), sum(minutes[n] for n in numbers or minutes) / 60
        assert 0.75 * stated <= summed <= 1.25 * stated, (which, stated, summed)
