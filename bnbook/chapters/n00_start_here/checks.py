"""The exercises of notebook 00."""

from collections.abc import Iterator

import numpy as np

from bnbook import norm_numpy
from bnbook.grading import desk
from bnbook.grading.compare import Probe
from bnbook.grading.exercise import Exercise

from .questions import QUESTIONS


def _axes_difference(name, yours, expected, probe):
    """Axes are a tuple of whole numbers, in any order, negative ones counted from the end; nothing else will do."""
    ndim = probe.args[0]
    if _form(yours, ndim) == _form(expected, ndim):
        return None
    shown = f"a {type(yours).__name__}" if isinstance(yours, Iterator) else repr(yours)
    return f"{name} for ndim = {ndim} are {expected}, you returned {shown}. {_what_mean_does(yours, ndim, shown)}"


def _form(axes, ndim):
    """What two right answers have in common: the axes counted from 0, in order; else the answer as it is written."""
    whole = isinstance(axes, tuple) and all(isinstance(a, int | np.integer) and type(a) is not bool for a in axes)
    return sorted(int(a) + ndim * (a < 0) for a in axes) if whole else (type(axes).__name__, repr(axes))


def _what_mean_does(axes, ndim, shown):
    """What np.mean makes of these axes, in a sentence."""
    shape = (5, 3, 4, 6, 2)[:ndim]
    call = f"For x {shape}, np.mean(x, axis={shown})"
    try:
        left = np.mean(np.ones(shape), axis=axes).shape
    except Exception as error:
        return f"{call} raises {type(error).__name__}: {error}; it wants a tuple of whole numbers from 0 to {ndim - 1}"
    number = "takes a number too, but asked is a tuple" if isinstance(axes, int | np.integer) else None
    return f"{call} {number or f'leaves the shape {left}; one mean per channel is (3,)'}"


batch_axes = Exercise(
    name="batch_axes",
    room=__name__,
    finished=norm_numpy.batch_axes,
    inputs=("ndim",),
    outputs=("axes",),
    probes=lambda: [Probe(f"ndim = {ndim}", (ndim,)) for ndim in (4, 2, 3, 5)],
    example=lambda: (4,),
    difference=_axes_difference,
    hints=(
        "Count the axes of images (N, C, H, W) from 0. Which of the four should disappear from a mean per channel?",
        "All but axis 1. For ndim = 2 that leaves axis 0 alone; for ndim = 4 it leaves 0, 2 and 3.",
        "Axis 0 first, then everything from axis 2 on: range(2, ndim) gives those; put them in one tuple.",
    ),
)

EXERCISES = (batch_axes,)
hint, solution, answer = desk(EXERCISES, QUESTIONS)
