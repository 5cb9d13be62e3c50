"""The exercise and the questions of notebook 00."""

from .. import norm_numpy
from .compare import Probe
from .exercise import Exercise
from .question import Question


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

QUESTIONS = (
    Question(
        "start-small-rate",
        "no clear difference",
        "At 0.02 the interval of the difference contains 0: with He initialization this net needs no help there.",
        {
            "with": (
                "BatchNorm is a point ahead on average, but the interval contains 0. Is its lower end above 0?",
                "from bnbook import experiments; quick = experiments.first_look(data.digits(), rates=(0.02,)); "
                "bool(quick['differences'][0]['interval'][0] > 0.0)",
                "False",
            ),
            "without": (
                "The plain net is not ahead either. Is the upper end of the interval of BatchNorm minus none below 0?",
                "from bnbook import experiments; quick = experiments.first_look(data.digits(), rates=(0.02,)); "
                "bool(quick['differences'][0]['interval'][1] < 0.0)",
                "False",
            ),
        },
    ),
    Question(
        "start-large-rate",
        "b",
        "All five plain runs stay at guessing; all five with BatchNorm train.",
        {
            "a": (
                "The plain net does not train at 1.0. How many of its five runs fail:",
                "from bnbook import experiments; quick = experiments.first_look(data.digits(), rates=(1.0,)); "
                "quick['arms'][0]['diverged']",
                "5",
            ),
            "c": (
                "BatchNorm holds at 1.0. How many of its five runs fail:",
                "from bnbook import experiments; quick = experiments.first_look(data.digits(), rates=(1.0,)); "
                "quick['arms'][1]['diverged']",
                "0",
            ),
        },
    ),
)
