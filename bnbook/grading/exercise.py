"""What happens when a learner's function is checked: call it, compare, name the slip, say so.

A check never looks at how a function is written, only at what it returns, on inputs chosen so that every known slip
returns something else. If the numbers of a wrong answer are those of a slip, the slip's sentence is the explanation.
"""

import functools
import inspect
import sys
import traceback
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from .compare import Probe, array_difference, as_outputs, full, kind_of, short, try_call

_SLIPS = defaultdict(list)  # (room, exercise): its wrong answers, in the order in which they are written


def room_of(module):
    """The package of the chapter that a module lies in: 'bnbook.chapters.n02_forward' for any module of it."""
    return ".".join(module.split(".")[:3])


def slip_of(*exercises):
    """Decorator: this is a wrong answer to these exercises of its room.

    A slip is a plain function or class: its code is the mistake, its docstring says `what was done: why it is wrong and
    what to look at`. `{x_hat}`, `{var}`, ... in it stand for what the slip returns on the exercise's small example,
    `{right_var}` for what is right: filled in by running both, so no number can be out of date.
    """

    def register(slip):
        for exercise in exercises:
            _SLIPS[room_of(slip.__module__), exercise].append(slip)
        return slip

    return register


class CheckFailed(AssertionError):
    """A wrong answer. Its text is the message that was printed; a notebook shows one line in place of a traceback."""

    def _render_traceback_(self):  # read by IPython
        return ["CheckFailed: not right yet, see the message above."]


@dataclass(frozen=True)
class Exercise:
    """A function for the learner to write.

    name      as in the notebook and in the package
    room      `__name__` of the module that makes it: its wrong answers are in `slips` of the same room
    finished  ours
    inputs    names of the arguments      outputs  names of what is returned
    probes    makes the calls to compare; anew each time, because a wrong answer may write into its arguments
    example   arguments small enough to follow by hand; slips cite what they return on it
    hints     three sentences, smallest hint first
    observe   for a class, or a function that changes what it is given: called with yours and the arguments of a probe,
              it uses yours and returns the outputs (None if yours is not written); by default yours is just called
    also      functions that the finished one consists of, shown with it as the solution
    """

    name: str
    room: str
    finished: Callable
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    probes: Callable[[], list[Probe]]
    example: Callable[[], tuple]
    hints: tuple[str, str, str]
    difference: Callable = None  # (name, yours, expected, probe) -> sentence or None; None: `array_difference`
    observe: Callable = None
    also: tuple[Callable, ...] = ()

    def __call__(self, yours):
        """Compare yours with the finished function: prints the verdict; raises CheckFailed if it is wrong."""
        if not callable(yours):
            raise TypeError(
                f"checks.{self.name} got {type(yours).__name__}, expected your function: "
                f"write checks.{self.name}({self.name}), without calling it."
            )
        verdict = self.judge(yours)
        print(verdict.message)
        if verdict.error is not None:
            # Theirs, as it is: the traceback starts in the learner's own code.
            raise verdict.error.with_traceback(_in_their_code(verdict.error))
        if verdict.kind == "wrong":
            raise CheckFailed(verdict.message)

    def judge(self, yours):
        """The verdict, neither printed nor raised."""
        calls = []
        for probe, kept in zip(self.probes(), self.probes(), strict=True):
            call = self._call(yours, probe, kept)
            calls.append(call)
            if isinstance(call.error, NotImplementedError) or (call.error is None and call.result is None):
                return Verdict("not written", self._not_written(yours, calls))
            if call.error is not None:
                return self._raised(yours, probe, call.error)
            found = self._first_difference(call, kept)
            if found:
                return self._wrong(yours, probe, found)
        return Verdict("agrees", f"{self.name}: agrees with bnbook on {len(calls)} inputs")

    def hint(self):
        """Print the next hint."""
        shown = min(_hints_shown.get((self.room, self.name), 0), len(self.hints) - 1)
        _hints_shown[self.room, self.name] = shown + 1
        print(f"{self.name}, hint {shown + 1} of {len(self.hints)}: {self.hints[shown]}")
        if shown + 1 == len(self.hints):
            print(f'That is the last hint. checks.solution("{self.name}") shows the finished function.')

    def solution(self):
        """Print the finished source."""
        print("\n\n".join(map(inspect.getsource, (*self.also, self.finished))), end="")

    def slips(self):
        """The wrong answers to this exercise: what `slip_of` has registered in its room."""
        room = room_of(self.room)
        import_module(f"{room}.slips")  # here, not above: a learner whose answer is right needs none of them
        return _SLIPS[room, self.name]

    # -- the three messages ---------------------------------------------------------------------------------------

    def _not_written(self, yours, calls):
        message, call = f"{self.name}: not written yet", calls[-1]
        if len(calls) > 1:
            done = f"{len(calls) - 1} input{'s' * (len(calls) > 2)} right"
            message += f", but agrees so far: {done}. Missing is what to do with: {call.probe.says}"
        if call.error is not None and str(call.error):  # says which part, where there are several
            message += f": {call.error}"
        if call.error is None and not _is_stub(yours):
            line = f"is the line `return {', '.join(self.outputs)}` there?"
            message += f". It returned None: {'is a `return` missing?' if self.observe else line}"
        return message

    def _raised(self, yours, probe, error):
        frame = _frames(error)[-1] if _frames(error) else None
        where = f", in your line {frame.lineno}: {frame.line}" if frame else ""
        message = f"{self.name}: your code raised {type(error).__name__} when called with {probe.says}{where}"
        slip = self._slip_with(self._all_calls(yours))
        if slip:
            message += "\n" + self._explain(slip)
        return Verdict("raised", message, slip, error)

    def _wrong(self, yours, probe, found):
        message = f"{self.name}: {found}   (input: {probe.says})"
        calls = self._all_calls(yours)
        slip = self._slip_with(calls)
        message += "\n" + self._explain(slip) if slip else self._without_a_name(yours, calls)
        return Verdict("wrong", f'{message}\nchecks.hint("{self.name}") gives a hint.', slip)

    def _without_a_name(self, yours, calls):
        """No slip gives all these numbers: say if one gives one of the outputs, or show the small example."""
        ours = _all_calls_once(self, self.finished)
        for position, name in enumerate(self.outputs):
            made = [
                pair for pair in zip(calls, ours, strict=True) if pair[0].error is None
            ]  # an error says nothing here
            parts = any(self._difference_at(position, *pair) for pair in made)
            slip = self._slip_with(calls, [position]) if parts else None
            if slip:
                return f"\nNot all of it, but your {name}. " + self._explain(slip, yours)
        mine, right = self._on_example(yours, full), self._on_example(self.finished, full)
        if not mine or mine == right or self.difference:
            return ""
        call = ", ".join(f"{name} = {full(value)}" for name, value in zip(self.inputs, self.example(), strict=True))
        rows = [f"   {name:8} yours {mine[name]}   expected {right[name]}" for name in self.outputs]
        return f"\nSmall enough to follow by hand, {call}:\n" + "\n".join(rows)

    def _explain(self, slip, yours=None):
        """`That is what NAME gives: WHY`, from the slip's docstring, with the numbers of the small example.

        They are the slip's, or yours where only one output is the slip's.
        """
        mine = (yours and self._on_example(yours, short)) or self._on_example(slip, short) or {}
        right = self._on_example(self.finished, short)
        numbers = {**mine, **{f"right_{name}": value for name, value in right.items()}}
        name, why = inspect.cleandoc(slip.__doc__).replace("\n", " ").format_map(numbers).split(": ", 1)
        return f"That is what {name} gives: {why}"

    # -- comparing ------------------------------------------------------------------------------------------------

    def _first_difference(self, call, kept):
        """A sentence saying what is wrong with one call, or None."""
        if call.wrote_into:
            return f"your function wrote into its argument {call.wrote_into}; make a new array instead"
        results = as_outputs(call.result, len(self.outputs))
        if results is None:
            expected = f"{len(self.outputs)} outputs, {', '.join(self.outputs)}"
            return f"returned {kind_of(call.result)}, expected {expected}"
        ours = self._call(self.finished, kept, kept)
        for position in range(len(self.outputs)):
            found = self._difference_at(position, call, ours)
            if found:
                return found
        return None

    def _difference_at(self, position, call, ours):
        if call.error is not None or ours.error is not None:
            return None if type(call.error) is type(ours.error) else "raises"
        yours = as_outputs(call.result, len(self.outputs))
        expected = as_outputs(ours.result, len(self.outputs))
        if yours is None or expected is None:
            return None if yours is expected else "another number of outputs"
        compare = self.difference or array_difference
        return compare(self.outputs[position], yours[position], expected[position], ours.probe)

    def _slip_with(self, calls, positions=None):
        """The slip that does the same as these calls, in every output (or the given ones), or None."""
        positions = range(len(self.outputs)) if positions is None else positions
        ours = _all_calls_once(self, self.finished)
        for slip in self.slips():
            theirs = _all_calls_once(self, slip)
            if all(self._same(*three, positions) for three in zip(calls, theirs, ours, strict=True)):
                return slip
        return None

    def _same(self, a, b, ours, positions):
        if a.wrote_into != b.wrote_into or type(a.error) is not type(b.error):
            return False
        if ours.probe.tolerance is None:
            return not any(self._difference_at(p, a, b) for p in positions)
        # Rounding errors depend on the order of operations: what counts is which outputs they ruin.
        return all(bool(self._difference_at(p, a, ours)) == bool(self._difference_at(p, b, ours)) for p in positions)

    def _call(self, function, probe, kept):
        return try_call(
            functools.partial(self.observe, function) if self.observe else function, probe, kept, self.inputs
        )

    def _all_calls(self, function):
        pairs = zip(self.probes(), self.probes(), strict=True)
        return [self._call(function, probe, kept) for probe, kept in pairs]

    def _on_example(self, function, show):
        probe = Probe("the example", self.example())
        call = self._call(function, probe, probe)
        results = None if call.error else as_outputs(call.result, len(self.outputs))
        return results and {name: show(value) for name, value in zip(self.outputs, results, strict=True)}


@dataclass(frozen=True)
class Verdict:
    """kind is 'not written', 'agrees', 'wrong' or 'raised'; slip is the wrong answer recognized, if any."""

    kind: str
    message: str
    slip: Callable | None = None
    error: Exception | None = None


_hints_shown = {}


@functools.cache
def _all_calls_once(exercise, function):
    """What the finished function and the slips return does not change, and one wrong answer asks for all of it."""
    return exercise._all_calls(function)


def _is_stub(function):
    """Whether the body is only a docstring, `pass`, `...` or a return of None."""
    code = getattr(function, "__code__", None)
    if code is None or code.co_names:
        return False
    return code.co_nlocals == code.co_argcount + bool(code.co_flags & inspect.CO_VARARGS)


_PACKAGE = str(Path(__file__).parents[1])


def _frames(error):
    """The lines of the learner's own code in the traceback of error."""
    ours_or_a_librarys = (sys.prefix, sys.base_prefix, _PACKAGE)
    frames = traceback.extract_tb(error.__traceback__)
    return [frame for frame in frames if not frame.filename.startswith(ours_or_a_librarys)]


def _in_their_code(error):
    """The traceback of error from the learner's first line on, without the check that called it."""
    tb = error.__traceback__
    while tb is not None and tb.tb_frame.f_code.co_filename.startswith(_PACKAGE):
        tb = tb.tb_next
    return tb or error.__traceback__
