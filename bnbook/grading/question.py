"""Questions with a definite answer, each wrong answer with the misconception behind it.

Answers are read as a patient teacher reads them: quotes, spaces, case and spelling are no matter, and a number may be
written in any way.
"""

import difflib
import math
import numbers
import re
from dataclasses import dataclass

from .compare import kind_of
from .message import fold

_tries = {}


@dataclass(frozen=True)
class Question:
    """A question of a notebook.

    name     as in the notebook
    right    the answer
    because  why it is right
    wrong    {answer: (why it is wrong, what to type to see it, what that shows)}
    """

    name: str
    right: object
    because: str
    wrong: dict[object, tuple[str, str, str]]

    def answer(self, yours):
        """Print what is right or wrong about yours; returns the option that it is, None if it is none of them."""
        option, says = self._reply(yours)
        print(fold(f"{self.name}: {says}"))
        return option

    def _reply(self, yours):
        value = _plain(yours)
        if value is None:
            return None, "not answered yet"
        if not isinstance(value, (bool, int, float, str)):
            return None, f"that is {_kind(value)}; asked is {self._asked()}."
        options = (self.right, *self.wrong)
        option = next((o for o in options if _same(value, o)), None)
        if option is not None:
            return option, self._judge(option, "")
        near, sure = _near(value, options)
        if sure:
            return near[0], self._judge(near[0], f" (which I read in {value!r})")
        return None, self._unknown(value, near)

    def _judge(self, option, how):
        if option == self.right:
            return f"right{how and f', {option!r}{how}'}. {self.because}"
        why, code, shows = self.wrong[option]
        lines = "\n".join(f"    {line}" for line in code.split("; "))
        return f"not {option!r}{how}. {why}\nSee for yourself:\n{lines}\ngives {shows}"

    def _unknown(self, value, near):
        """For what is no answer: where to look, and the choices only at the second try."""
        _tries[self.name] = _tries.get(self.name, 0) + 1
        says, number = f"{value!r} is not one of the answers: ", _number(value)
        if near:
            says += f"did you mean {' or '.join(map(repr, near))}?"
        elif number is None or isinstance(self.right, str):
            says += f"asked is {self._asked()}."
        else:
            little = "a little " if abs(number - self.right) <= 0.1 * abs(self.right) else ""
            says += f"{little}too {'large' if number > self.right else 'small'}."
        if _tries[self.name] > 1:
            says += f" The choices are {', '.join(map(repr, self._in_order()))}."
        return says

    def _asked(self):
        words = [o for o in (self.right, *self.wrong) if isinstance(o, str)]
        if not words:
            return "one number"
        said = "a letter" if all(len(o) == 1 for o in words) else "one of the answers in the text"
        return f"{'' if len(words) > len(self.wrong) else 'a number, or '}{said}, in quotes"

    def _in_order(self):
        """Numbers by size and then words by the alphabet, an order that says nothing."""
        return sorted((self.right, *self.wrong), key=lambda o: (1, 0, o) if isinstance(o, str) else (0, o, ""))


# --- reading an answer ---------------------------------------------------------------------------------------------


def _plain(value):
    """What stands alone in an array, a tensor or a list; the name of a function (`all`); None for no answer."""
    size = getattr(value, "numel", None) or (lambda: getattr(value, "size", None))
    if hasattr(value, "item") and size() == 1:
        return value.item()
    if isinstance(value, (list, tuple, set, frozenset)) and len(value) == 1:
        return _plain(*value)
    if isinstance(value, numbers.Number) and not isinstance(value, (int, complex)):
        return float(value)
    if value is ... or (isinstance(value, str) and not _words(value)):
        return None
    return getattr(value, "__name__", value) if callable(value) else value


def _kind(value):
    shape = getattr(value, "shape", None)
    return kind_of(value) if shape is None else f"an array of {' x '.join(map(str, shape))} numbers"


def _same(value, option):
    """Whether value says what option says."""
    if isinstance(option, str):
        percent = _number(value) if re.fullmatch(r"\d+%", bare := _bare(option)) else None
        return _bare(value) in (bare, bare.rstrip("%")) or (percent is not None and f"{percent * 100:g}%" == bare)
    number = _number(value)
    return number is not None and math.isclose(number, option, rel_tol=1e-9, abs_tol=1e-9)


_NUMBER = re.compile(r"(?:about|ca\.?|~|=)? *([-+]?[\d.,]*\d\.?(?:e[-+]?\d+)?)(?: */ *(\d+))? *(%?)[ a-z]*\.?")
_IN_WORDS = "zero one two three four five six seven eight nine ten eleven twelve".split()


def _number(value):
    """The number that value is or writes, such as 1/2, 15,052, 50 % or "three"; None if it is none."""
    if isinstance(value, (bool, int, float)):
        return None if isinstance(value, bool) or math.isnan(value) else float(value)
    text = " ".join(_words(value)) if value.strip().isalpha() else value.strip("\"'` ").lower().replace("\u2212", "-")
    if text in _IN_WORDS:
        return float(_IN_WORDS.index(text))
    found = _NUMBER.fullmatch(text)
    if not found:
        return None
    digits, below, percent = found.groups()
    digits = re.sub(r",(?=\d{3}(?:\D|$))", "", digits) if not digits.startswith("0,") else digits
    try:
        return float(digits.replace(",", ".")) / float(below or 1) / (100 if percent else 1)
    except (ValueError, ZeroDivisionError):
        return None


_FILLING = {"the", "a", "an", "about", "answer", "option", "it", "is", "they", "are"}


def _words(value):
    """The words, numbers and signs of a text in small letters, without what says nothing."""
    text = re.sub("[\u2212\u2013]", "-", str(value).lower())
    text = re.sub(r"(?<=\d) *(?:-|\.\.+) *(?=\d)", " to ", text)
    found = [word.rstrip(".") for word in re.findall(r"[a-z0-9][a-z0-9.]*|[-+%/]", text)]
    return [word for word in found if word not in _FILLING] or found[-1:]


def _bare(value):
    return "".join(_words(value))


_NEGATIONS = {"not", "no", "never", "neither", "nor"}


def _near(value, options):
    """The words among the options that value is close to, the closest first, and whether the first is surely meant."""
    words, bare = _words(value), _bare(value)
    likeness = {}
    for option in options:
        theirs = _words(option)
        if not isinstance(option, str) or len(_bare(option)) < 4 or _signs(bare) != _signs(_bare(option)):
            continue
        if _NEGATIONS & set(words) != _NEGATIONS & set(theirs):
            continue
        likeness[option] = difflib.SequenceMatcher(None, bare, _bare(option)).ratio()
        if _within(words, theirs) or _within(theirs, words):
            likeness[option] = max(likeness[option], 0.9)
    order = sorted((o for o in likeness if likeness[o] >= 0.7), key=likeness.get, reverse=True)
    sure = bool(order) and likeness[order[0]] >= 0.85
    return order, sure and (len(order) == 1 or likeness[order[0]] - likeness[order[1]] >= 0.1)


def _within(some, words):
    """Whether some words stand in a row among the others."""
    return any(words[i : i + len(some)] == some for i in range(len(words) - len(some) + 1)) and len("".join(some)) >= 4


def _signs(bare):
    return re.sub("[a-z.]", "", bare)
