"""What happens when a learner's function is checked: call it, compare, name the slip, say so.

A check never looks at how a function is written, only at what it returns, on inputs chosen so that every known slip
returns something else. If the numbers of a wrong answer are those of a slip, the slip's sentence is the explanation.
"""

import dis
import functools
import inspect
import sys
import traceback
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

from . import message
from .compare import (
    Probe,
    array_difference,
    as_far_off,
    as_outputs,
    kind_of,
    same_error,
    scattered,
    try_call,
)
from .listening import tell

AT_MOST = 3  # slips that are named together; a longer list explains nothing

_SLIPS = defaultdict(list)  # (room, exercise): its wrong answers, in the order in which they are written


def room_of(module):
    """The package of the chapter that a module lies in: 'bnbook.chapters.n02_forward' for any module of it."""
    return ".".join(module.split(".")[:3])


def slip_of(*exercises, ask=None):
    """Decorator: this is a wrong answer to these exercises of its room.

    A slip is a plain function or class: its code is the mistake, its docstring says `what was done: why it is wrong and
    what to look at`. `{x_hat}`, `{var}`, ... in it stand for what the slip returns on the exercise's small example,
    `{right_var}` for what is right: filled in by running both, so no number can be out of date.

    ask   what a teacher may ask back, a question that leads to the mistake without naming it; by default one is made of
          the numbers (grading.told)
    """

    def register(slip):
        slip.ask = ask
        for exercise in exercises:
            _SLIPS[room_of(slip.__module__), exercise].append(slip)
        return slip

    return register


class CheckFailed(AssertionError):
    """A wrong answer. Its text is the message that was printed; a notebook shows one line in place of a traceback."""

    def _render_traceback_(self):  # read by IPython
        return ["CheckFailed: not right yet, see the message above."]


class NotAFunction(TypeError):
    """What was handed in cannot be called; a notebook shows the sentence without a traceback."""

    def _render_traceback_(self):  # read by IPython
        return [message.fold(f"TypeError: {self}")]


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
        __tracebackhide__ = True  # IPython then leaves this frame out: what is shown of an exception is the learner's
        if not callable(yours):
            raise NotAFunction(
                f"checks.{self.name} got {type(yours).__name__}, expected your function: "
                f"write checks.{self.name}({self.name}), without calling it."
            )
        verdict = self.judge(yours)
        print(message.fold(verdict.message))
        self._tell(yours, verdict)
        if verdict.error is not None:
            raise _as_theirs(verdict.error)
        if verdict.kind == "wrong":
            raise CheckFailed(message.fold(verdict.message))

    def _tell(self, yours, verdict):
        """Tell who listens: not of a stub, of ours, or of a lambda, by which a text shows what is wrong."""
        named = getattr(yours, "__name__", None) == self.name and yours is not self.finished
        if named and verdict.kind != "not written":
            tell(self.room, "exercise", self.name, *verdict.outcome)

    def judge(self, yours):
        """The verdict, neither printed nor raised."""
        calls = []
        for probe, kept in zip(self.probes(), self.probes(), strict=True):
            call = self._call(yours, probe, kept)
            calls.append(call)
            if isinstance(call.error, NotImplementedError) or (call.error is None and call.result is None):
                return Verdict("not written", message.not_written(self, calls, is_stub(yours)))
            if call.error is not None:
                known = self._known(self._all_calls(yours))
                text = message.raised(self, probe, call.error, _frames(call.error), known)
                return Verdict("raised", text, known.slip, call.error)
            found = self._first_difference(call, kept)
            if found:
                known = self._known(self._all_calls(yours))
                return Verdict("wrong", message.wrong(self, yours, probe, found, known), known.slip)
        return Verdict("agrees", f"{self.name}: agrees with bnbook on {len(calls)} inputs")

    def hint(self):
        """Print the next hint."""
        shown = min(_hints_shown.get((self.room, self.name), 0), len(self.hints) - 1)
        _hints_shown[self.room, self.name] = shown + 1
        print(message.fold(f"{self.name}, hint {shown + 1} of {len(self.hints)}: {self.hints[shown]}"))
        if shown + 1 == len(self.hints):
            print(f'That is the last hint. checks.solution("{self.name}") shows the finished function.')

    def solution(self):
        """Print the finished source, and after it what it calls that a notebook does not import."""
        parts = [f"# what {self.name} calls\n{inspect.getsource(part)}" for part in self.also]
        print("\n\n".join([inspect.getsource(self.finished), *parts]), end="")

    def slips(self):
        """The wrong answers to this exercise: what `slip_of` has registered in its room."""
        room = room_of(self.room)
        import_module(f"{room}.slips")  # here, not above: a learner whose answer is right needs none of them
        return _SLIPS[room, self.name]

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

    # -- recognizing ----------------------------------------------------------------------------------------------

    def _known(self, calls):
        """What is known about these calls: the slip with the same outputs, or those that share the most of them."""
        ours, wrong, shared = _all_calls_once(self, self.finished), self._wrong_positions(calls), {}
        for slip in self.slips():
            triples = list(zip(calls, _all_calls_once(self, slip), ours, strict=True))
            if self._all_same(triples, range(len(self.outputs))):
                exact = [call for call in calls if call.probe.tolerance is None]
                harmless = not any(call.error or call.wrote_into for call in exact) and not self._wrong_positions(exact)
                return Known(wrong, slip=slip, by_rounding=harmless)
            positions = tuple(p for p in wrong if self._all_same(triples, [p]))
            shared.setdefault(positions, []).append(slip)
        positions = max(shared, key=len, default=())  # the first of several that are as long
        slips = tuple(shared[positions]) if len(shared.get(positions, ())) <= AT_MOST and positions else ()
        only_without, in_float32 = self._only_without(calls), self._in_float32(calls, wrong)
        return Known(wrong, positions, slips, only_without=only_without, in_float32=in_float32)

    def _wrong_positions(self, calls):
        """The outputs that are wrong on some probe; a call that raised says nothing about them."""
        ours = {call.probe.says: call for call in _all_calls_once(self, self.finished)}
        made = [(call, ours[call.probe.says]) for call in calls if call.error is None]
        return tuple(p for p in range(len(self.outputs)) if any(self._difference_at(p, *pair) for pair in made))

    def _spoiled(self, slip):
        return self._wrong_positions(_all_calls_once(self, slip))

    def _all_same(self, triples, positions):
        return all(self._same(*triple, positions) for triple in triples)

    def _same(self, a, b, ours, positions):
        if a.wrote_into != b.wrote_into or not same_error(a.error, b.error):
            return False
        if ours.probe.tolerance is None:
            return not any(self._difference_at(p, a, b) for p in positions)
        # Rounding errors depend on the order of operations: what counts is which outputs they ruin, and how far.
        return all(self._ruined_alike(p, a, b, ours) for p in positions)

    def _ruined_alike(self, position, a, b, ours):
        ruined = [bool(self._difference_at(position, call, ours)) for call in (a, b)]
        if not all(ruined) or ours.error is not None or a.error is not None:
            return ruined[0] == ruined[1]
        results = [as_outputs(call.result, len(self.outputs)) for call in (a, b, ours)]
        if not all(results):
            return not self._difference_at(position, a, b)
        return as_far_off(*(result[position] for result in results))

    def _in_float32(self, calls, wrong):
        """Whether the wrong outputs are right to 4 digits, and off as by rounding."""
        outputs = [as_outputs(call.result, len(self.outputs)) for call in calls]
        if not wrong or None in outputs or any(call.error or call.wrote_into for call in calls):
            return False
        ours = _all_calls_once(self, self.finished)
        roughly = [replace(call, probe=replace(call.probe, tolerance=call.probe.tolerance or 1e-4)) for call in ours]
        if any(self._difference_at(p, *pair) for pair in zip(calls, roughly, strict=True) for p in wrong):
            return False
        expected = [as_outputs(call.result, len(self.outputs)) for call in ours]
        return scattered([(y[p], e[p]) for y, e in zip(outputs, expected, strict=True) for p in wrong])

    def _only_without(self, calls):
        """The last argument, if all calls without it are wrong and all others right: it has another default."""
        exact = [call for call in calls if call.probe.tolerance is None]
        given = [len(call.probe.args) == len(self.inputs) for call in exact]
        right = [not (call.wrote_into or call.error or self._wrong_positions([call])) for call in exact]
        differ = given == right and any(given) and not all(given)
        return self.inputs[-1] if differ and not self.observe else None

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

    @property
    def outcome(self):
        """For who keeps a record: 'passed', 'slip', 'error' or 'wrong', and which slip or class of error."""
        if self.slip:
            return "slip", message.name_of(self.slip)
        if self.error is not None:
            return "error", type(self.error).__name__
        return ("passed" if self.kind == "agrees" else self.kind), None


@dataclass(frozen=True)
class Known:
    """What the numbers of a wrong answer say about it.

    wrong        positions of the outputs that are wrong on some probe
    slip         the slip that gives all of them, on all probes
    by_rounding  whether only rounding errors tell yours from the finished function
    positions, slips   if there is none: some of the outputs, and the slips that give them on all probes
    only_without  the argument without which alone it is wrong
    in_float32    whether it is right to 4 digits and off as float32 rounds
    """

    wrong: tuple[int, ...]
    positions: tuple[int, ...] = ()
    slips: tuple[Callable, ...] = ()
    slip: Callable | None = None
    by_rounding: bool = False
    only_without: str | None = None
    in_float32: bool = False


_hints_shown = {}


@functools.cache
def _all_calls_once(exercise, function):
    """What the finished function and the slips return does not change, and one wrong answer asks for all of it."""
    return exercise._all_calls(function)


_OF_A_STUB = {"RESUME", "NOP", "LOAD_CONST", "RETURN_CONST", "RETURN_VALUE", "POP_TOP"}


def is_stub(function):
    """Whether the body is only a docstring, `pass`, `...` or a return of None."""
    code = getattr(function, "__code__", None)
    return code is not None and {step.opname for step in dis.get_instructions(code)} <= _OF_A_STUB


_PACKAGE = str(Path(__file__).parents[1])


def _frames(error):
    """The lines of the learner's own code in the traceback of error."""
    ours_or_a_librarys = (sys.prefix, sys.base_prefix, _PACKAGE)
    frames = traceback.extract_tb(error.__traceback__)
    return [frame for frame in frames if not frame.filename.startswith(ours_or_a_librarys)]


def _as_theirs(error):
    """error with the traceback from the learner's first line on; a call that never came that far has none to show."""
    tb, theirs = error.__traceback__, {frame.filename for frame in _frames(error)}
    while tb is not None and tb.tb_frame.f_code.co_filename not in theirs:
        tb = tb.tb_next
    if tb is None:
        error._render_traceback_ = lambda: [message.fold(f"{type(error).__name__}: {error}")]  # read by IPython
    return error.with_traceback(tb)
