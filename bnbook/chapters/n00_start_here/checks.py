"""The exercises of notebook 00."""

from bnbook import norm_numpy
from bnbook.grading import desk
from bnbook.grading.compare import Probe
from bnbook.grading.exercise import Exercise

from .questions import QUESTIONS


def _axes_difference(name, yours, expected, probe):
    """Axes are equal as a set; negative ones count from the end; a list is as good as a tuple."""
    ndim = probe.args[0]
    if _as_set(yours, ndim) == _as_set(expected, ndim):
        return None
    return f"{name} for ndim = {ndim} are {expected}, you returned {yours!r}"


def _as_set(axes, ndim):
    try:
        return sorted(axis + ndim if axis < 0 else axis for axis in axes)
    except TypeError:
        return axes


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
