"""Call two functions with the same inputs and say, in a sentence, where their results part."""

import re
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Probe:
    """One call: what it is in words, and the arguments, made anew for each call."""

    says: str
    args: tuple
    tolerance: float | None = None  # relative to the largest; None: 1e-7 entry by entry, 1e-5 for float32 results


@dataclass(frozen=True)
class Call:
    """What came of calling a function with a probe: a result or an error, and the argument it wrote into."""

    probe: Probe
    result: object = None
    error: Exception | None = None
    wrote_into: str | None = None


def array_difference(name, yours, expected, probe):
    """A sentence saying how the array yours differs from expected beyond rounding, or None."""
    array = _array(yours)
    if _array(expected) is None:  # two wrong answers are compared, and this one is not an array
        return None if array is None and kind_of(yours) == kind_of(expected) else f"{name} is not {kind_of(expected)}"
    expected = np.asarray(expected)
    if array is None:
        wanted = f"numbers of shape {expected.shape}" if expected.shape else "one number"
        return f"{name} is {kind_of(yours)}, expected {wanted}"
    if array.shape != expected.shape:
        return f"{name} has shape {array.shape}, expected {expected.shape}"
    numbers = array.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        error = np.abs(numbers - expected)
    # NaN is off by more than any number, unless NaN is expected; infinity minus itself is no error.
    error = np.where(np.isnan(error), np.inf, error)
    error[(numbers == expected) | (np.isnan(numbers) & np.isnan(expected))] = 0
    size = np.abs(expected, where=np.isfinite(expected), out=np.zeros(expected.shape))
    largest = size.max(initial=0)
    if probe.tolerance is not None:
        allowed = np.full(expected.shape, probe.tolerance * largest)
    else:  # entry by entry, so that a small channel counts as much as a large one
        allowed = (1e-5 if array.dtype == np.float32 else 1e-7) * (size + 1e-3 * largest)
    wrong = error > allowed
    if not wrong.any():
        return None
    worst = np.unravel_index(np.argmax(np.where(wrong, error, -1)), error.shape)
    mine, right = _unlike(numbers[worst], expected[worst])
    if expected.shape == ():
        return f"{name} is {mine}, expected {right}"
    finite = np.isfinite(error[worst])
    far = f"off by up to {error[worst]:.3g}, worst" if finite else "not finite everywhere, first"
    return f"{name} {expected.shape} is {far} at {[int(i) for i in worst]}: yours {mine}, expected {right}"


def try_call(function, probe, kept, names):
    """Call function with the arguments of probe; kept holds equal ones, to see whether it writes into them."""
    try:
        with np.errstate(all="ignore"):  # the message explains; a RuntimeWarning beside it would only distract
            result = function(*probe.args)
    except Exception as error:
        return Call(kept, error=error)
    for name, after, before in zip(names, probe.args, kept.args, strict=False):
        if isinstance(before, np.ndarray) and not np.array_equal(after, before, equal_nan=True):
            return Call(kept, result, wrote_into=name)
    return Call(kept, result)


def same_error(a, b):
    """Whether two errors, or None, are of one kind and say the same but for numbers and shapes."""
    return type(a) is type(b) and _words(a) == _words(b)


def _words(error):
    return re.findall(r"[A-Za-z_]+", str(error))


def as_far_off(a, b, expected):
    """Whether a and b, both ruined by rounding, are off by alike amounts; the order of operations may do 100."""
    far = [_how_far(value, expected) for value in (a, b)]
    if None in far:
        shapes = [None if (array := _array(value)) is None else array.shape for value in (a, b)]
        alike = shapes[0] == shapes[1] if None not in shapes else kind_of(a) == kind_of(b)
        return far[0] == far[1] and alike
    # A variance that comes out negative makes NaN of a root, or 0 where somebody has guarded it.
    return not np.all(np.isfinite(far)) or max(far) <= 100 * min(far)


def _how_far(value, expected):
    array, expected = _array(value), _array(expected)
    if array is None or expected is None or array.shape != expected.shape:
        return None
    with np.errstate(invalid="ignore", over="ignore"):
        return np.abs(array.astype(np.float64) - expected).max(initial=0)


def scattered(pairs):
    """Whether numbers are off in both directions, as by rounding; another eps or factor moves all of them one way."""
    off = [(_array(yours) - _array(expected)) * np.sign(expected) for yours, expected in pairs if np.size(expected)]
    return any((o > 0).any() for o in off) and any((o < 0).any() for o in off)


def _array(value):
    """value as an array of real numbers, or None if it is something else."""
    try:
        array = np.asarray(value)
    except (TypeError, ValueError):  # lists of unequal lengths
        return None
    return array if array.dtype.kind in "fiu" else None


def as_outputs(result, number):
    """The result as a tuple of `number` outputs, or None if it is not one."""
    if number == 1:
        return (result,)
    return tuple(result) if isinstance(result, (tuple, list)) and len(result) == number else None


def short(value):
    """What a sentence can hold of a value: the first row of a table, numbers in four digits."""
    array = _array(value)
    return full(array[0] if array is not None and array.ndim == 2 else value)


def full(value):
    """A value with its numbers in four digits; whole numbers and axes as they are."""
    try:
        array = np.asarray(value)
    except ValueError:  # several arrays where one was expected
        return kind_of(value)
    if array.dtype.kind != "f":
        return repr(value.item() if isinstance(value, np.generic) else value)  # 2, not np.int64(2)
    return str(_rounded(array.tolist()))


def _rounded(value):
    return [_rounded(v) for v in value] if isinstance(value, list) else _Plain(value)


class _Plain(float):
    """A number that prints in four digits."""

    def __repr__(self):
        return _number(self)


def _number(value):
    return f"{value + 0.0:.4g}"


def _unlike(a, b):
    """Two numbers in as few digits as tell them apart, four at least."""
    return next(
        (pair for digits in range(4, 17) if len(set(pair := (f"{a + 0.0:.{digits}g}", f"{b + 0.0:.{digits}g}"))) > 1),
        ("", ""),
    )


def kind_of(value):
    """What was returned, in words."""
    if isinstance(value, (tuple, list)):
        return f"{len(value)} outputs"
    return f"an array of {value.dtype} {value.shape}" if isinstance(value, np.ndarray) else type(value).__name__
