"""What a teacher needs of an exercise: its small example, and for each wrong answer a question to ask back.

Where `slip_of(..., ask=...)` gives a question, it is that. Elsewhere it is computed: it asks for an output that the
wrong answer gets wrong on the small example, or for the input that gives it away. So it leads to the mistake without
naming it, and cannot be out of date.
"""

import numbers
from dataclasses import dataclass

import numpy as np

from .compare import full, short
from .message import _filled, name_of

LINE = 80  # letters of a value that a line can hold


@dataclass(frozen=True)
class WrongAnswer:
    """A slip as a teacher meets it.

    name   what was done                     why    why it is wrong, the sentence that a learner reads
    ask    a question that leads there       shows  what this answer gives, for the teacher
    """

    name: str
    why: str
    ask: str
    shows: str


def wrong_answers(exercise):
    """All known wrong answers to an exercise, in the order in which they are written."""
    right = exercise._on_example(exercise.finished, short)
    return [_told(exercise, slip, right, exercise._on_example(slip, short)) for slip in exercise.slips()]


def example(exercise):
    """The example to follow by hand and what is right for it, as two texts; None where it is no matter of numbers."""
    arguments = dict(zip(exercise.inputs, exercise.example(), strict=False))
    if exercise.observe or not all(map(_by_hand, arguments.values())):
        return None
    right = exercise._on_example(exercise.finished, full)
    call = ", ".join(f"{name} = {full(value)}" for name, value in arguments.items())
    return call, ", ".join(f"{name} = {value}" for name, value in right.items())


def _by_hand(value):
    return value is None or isinstance(value, (numbers.Number, tuple)) or 0 < np.prod(np.shape(value)) <= 20


def _told(exercise, slip, right, mine):
    name, why = name_of(slip), _filled(slip, mine, right)
    off = [output for output in right if mine and mine[output] != right[output]]
    ask, shows = _on_the_example(exercise, right, mine, off) if off else _elsewhere(exercise, slip)
    return WrongAnswer(name, why, slip.ask or ask, shows)


def _on_the_example(exercise, right, mine, off):
    """Which output to work out on the example, and what this answer gives there.

    Of several that are off the last one, on which the others hang: var before x_hat, dbeta before dx.
    """
    asked, fine = off[-1], [f"`{name}`" for name in right if name not in off]
    seen = len(mine[asked] + right[asked]) <= LINE
    shows = f"`{asked}` is {mine[asked]} and should be {right[asked]}" if seen else f"`{asked}` is off"
    if 0 < len(fine) <= 3:
        shows += f"; {' and '.join(fine)} right already"
    return f"On the example, what should `{asked}` be?{'' if exercise.observe else ' Work it out by hand.'}", shows


def _elsewhere(exercise, slip):
    """For what gets the example right, or raises there: the first input that tells, and what happens with it."""
    for probe, kept in zip(exercise.probes(), exercise.probes(), strict=True):
        call, says = exercise._call(slip, probe, kept), probe.says
        if call.error:
            ask = f"What does yours do with this input, and in which line: {says}?"
            return ask, f"it raises {type(call.error).__name__}"
        if call.wrote_into:
            return f"Print `{call.wrote_into}` before and after the call: is it still the same?", f"with {says}"
        wrong = [f"`{exercise.outputs[p]}`" for p in exercise._wrong_positions([call])]
        if wrong:
            ask = f"The example comes out right. What is different about this input: {says}?"
            return ask, f"wrong there: {', '.join(wrong)}"
    raise AssertionError(f"{name_of(slip)} is right on every probe: no wrong answer to {exercise.name}")
