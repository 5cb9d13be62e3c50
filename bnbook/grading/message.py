"""What a learner reads after a check: the sentences, put together of what `Exercise` has found out, and their lines.

A message states nothing that has not been compared: a number is called wrong only if it is, and a mistake is called
by its name only if its numbers are yours on every input.
"""

import inspect
import re
import string
import textwrap

from .compare import full, short

WIDTH = 88  # of a line: an output cell of JupyterLab on a small screen holds about 109 characters

# What is not cut at its spaces while it fits in a line: code in backticks, lists, arguments, `name = [1, 2]`.
_WHOLE = re.compile(r"`[^`\n]+`|(?:\w+ = )?(?:\w*\((?:[^()]|\([^()]*\))*\)|\[(?:[^\[\]]|\[[^\[\]]*\])*\])")
_JOINED = "\N{NO-BREAK SPACE}"


def fold(text):
    """The text in lines of at most 88 characters, cut between words; lines that begin with 4 spaces are code."""
    return "\n".join(line if line.startswith("    ") else _fold_line(line) for line in text.split("\n"))


def _fold_line(line):
    if len(line) <= WIDTH:
        return line
    joined = _WHOLE.sub(lambda found: found[0].replace(" ", _JOINED) if len(found[0]) <= WIDTH else found[0], line)
    indent = " " * (len(line) - len(line.lstrip()))
    lines = textwrap.wrap(
        joined, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False, drop_whitespace=True
    )
    return "\n".join(lines).replace(_JOINED, " ")


# --- the outcomes --------------------------------------------------------------------------------------------------


def not_written(exercise, calls, is_stub):
    """The stub as it was, a part of the work, or no `return`."""
    message, call = f"{exercise.name}: not written yet", calls[-1]
    if len(calls) > 1:
        done = f"{len(calls) - 1} input{'s' * (len(calls) > 2)} right"
        message += f", but agrees so far: {done}. Missing is what to do with: {call.probe.says}"
    if call.error is not None and str(call.error):  # says which part, where there are several
        message += f": {call.error}"
    if call.error is None and not is_stub:
        line = f"is the line `return {', '.join(exercise.outputs)}` there?"
        message += f". It returned None: {'is a `return` missing?' if exercise.observe else line}"
    return message


def raised(exercise, probe, error, frames, known):
    """Which call of the learner's function raised what, and where in it."""
    where = f", in your line {frames[-1].lineno}: {frames[-1].line}" if frames else ""
    message = f"{exercise.name}: your code raised {type(error).__name__} when called with {probe.says}{where}"
    return message + (f"\n{_whole(exercise, known)}" if known.slip else "")


def wrong(exercise, yours, probe, found, known):
    """What is wrong with one call, and the explanation: a slip's, that of a part, or numbers to follow by hand."""
    lines = [f"{exercise.name}: {found}   (input: {probe.says})"]
    if known.slip:
        lines.append(_whole(exercise, known))
    elif known.slips:
        lines += _part(exercise, yours, known)
    elif known.only_without:
        lines.append(_by_its_default(exercise, known.only_without))
    elif known.in_float32:
        lines.append(_IN_FLOAT32)
    else:
        lines += _by_hand(exercise, yours)
    return "\n".join([*lines, f'checks.hint("{exercise.name}") gives a hint.'])


_IN_FLOAT32 = (
    "All of it is right to 4 digits, and float64 has 16: something on the way seems to be computed in float32, whose "
    "numbers have 7 (torch.float32, which PyTorch takes by itself, or .astype(np.float32)). Compute in float64."
)


def _by_its_default(exercise, name):
    default = inspect.signature(exercise.finished).parameters[name].default
    return f"It is right wherever {name} is given, and off where it is not: its default is to be {name}={default}."


def _whole(exercise, known):
    name, why = name_of(known.slip), _why(exercise, known.slip, exercise._on_example(known.slip, short))
    if known.by_rounding:  # many a computation loses digits there; the numbers cannot tell which
        return f"One way to get this is {name}: {why}"
    return f"That is what {name} gives: {why}"


def _part(exercise, yours, known):
    """The lines for slips that give some of the outputs: their sentences where true of yours, else the example."""
    named, one = _listed([f'"{exercise.outputs[p]}"' for p in known.positions]), len(known.positions) == 1
    if known.positions == known.wrong:
        start = f"Only {named} {'is off: it is' if one else 'are off: they are'} what"
    else:
        start = f"A part of it is known: {named} {'is' if one else 'are'} what"
    whys = [_why_of_a_part(exercise, yours, slip, known) for slip in known.slips]
    told = [(name_of(slip), f": {why}" if why else "") for slip, why in zip(known.slips, whys, strict=True)]
    if len(told) == 1:
        lines = [f"{start} {told[0][0]} gives{told[0][1] or '.'}"]
    else:
        lines = [f"{start} either of these gives:", *(f"- {name}{why}" for name, why in told)]
    return lines if all(whys) else lines + _by_hand(exercise, yours)


def _listed(names):
    """`a`, `a and b`, `a, b and 3 more`."""
    if len(names) > 3:
        names = [*names[:2], f"{len(names) - 2} more"]
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _why_of_a_part(exercise, yours, slip, known):
    """A slip's sentence with your numbers; None if it speaks of more than the outputs that you share with it, or if no
    number of yours in it shows that it fits."""
    spoils_what_is_right = set(exercise._spoiled(slip)) - set(known.wrong)
    cited = {field.removeprefix("right_") for _, field, _, _ in string.Formatter().parse(slip.__doc__) if field}
    mine, right = exercise._on_example(yours, short), exercise._on_example(exercise.finished, short)
    shared = {exercise.outputs[p] for p in known.positions}
    if (
        spoils_what_is_right
        or not cited
        or not cited <= shared
        or not mine
        or any(mine[name] == right[name] for name in cited)
    ):
        return None
    why = _why(exercise, slip, mine)
    said_to_be_right = {name for name in exercise.outputs if re.search(rf"\b{re.escape(name)} is right\b", why)}
    return None if said_to_be_right & {exercise.outputs[p] for p in known.wrong} else why


def _by_hand(exercise, yours):
    """Yours and the right numbers on the small example, for the outputs that differ there."""
    mine, right = exercise._on_example(yours, full), exercise._on_example(exercise.finished, full)
    if not mine or mine == right or exercise.difference:
        return []
    arguments = zip(exercise.inputs, exercise.example(), strict=True)
    call = ", ".join(f"{name} = {full(value)}" for name, value in arguments)
    differing = [name for name in exercise.outputs if mine[name] != right[name]]
    pad = max(8, *map(len, differing))
    rows = [f"   {name:{pad}} yours {mine[name]}   expected {right[name]}" for name in differing]
    in_two = [f"   {name:{pad}} yours    {mine[name]}\n   {'':{pad}} expected {right[name]}" for name in differing]
    return [f"Small enough to follow by hand, {call}:", *(rows if max(map(len, rows)) <= WIDTH else in_two)]


# --- a slip's docstring, `name: why`, where `{var}` stands for the output var on the small example -----------------


def name_of(slip):
    """What was done, as the slip's docstring says it before its colon."""
    return _text(slip).split(": ", 1)[0]


def _why(exercise, slip, mine):
    return _filled(slip, mine, exercise._on_example(exercise.finished, short))


def _filled(slip, mine, right):
    numbers = {**(mine or {}), **{f"right_{name}": value for name, value in right.items()}}
    return _text(slip).split(": ", 1)[1].format_map(numbers)


def _text(slip):
    return inspect.cleandoc(slip.__doc__).replace("\n", " ")
