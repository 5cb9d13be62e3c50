"""What a reader of the site may unfold below an exercise or a prediction: made from the checks, no second copy."""

import contextlib
import html
import io
import re

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer


def exercise(exercise):
    """Its hints, each inside the one before it, and the finished function."""
    nested = ""
    for number, hint in reversed(list(enumerate(exercise.hints, 1))):
        nested = _fold(f"Hint {number} of {len(exercise.hints)}", f"<p>{_words(hint)}</p>{nested}")
    with contextlib.redirect_stdout(io.StringIO()) as source:
        exercise.solution()
    return _group(exercise.name, nested + _fold("Solution", _code(source.getvalue())))


def question(question):
    """Every answer that is known, in an order that says nothing, each with the reply to it behind a click."""
    replies = {question.right: f"<p><strong>Right.</strong> {_words(question.because)}</p>"}
    for option, (why, code, shows) in question.wrong.items():
        gives = f"<p>gives <code>{html.escape(shows)}</code></p>"
        see = "<p>See for yourself:</p>" + _code(code.replace("; ", "\n")) + gives
        replies[option] = f"<p><strong>No.</strong> {_words(why)}</p>{see}"
    # Numbers by size, then words by the alphabet.
    order = sorted(replies, key=lambda option: (isinstance(option, str), option))
    answers = "".join(_fold(html.escape(str(option)), replies[option]) for option in order)
    return _group(question.name, _fold("What if I answer ...", answers))


def _group(name, folds):
    return f'<div class="bn-folds" role="group" aria-label="Help with {html.escape(name)}">{folds}</div>'


def _fold(summary, inside):
    return f"<details><summary>{summary}</summary>{inside}</details>"


def _words(text):
    """Text with code in backticks, as HTML."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", html.escape(text, quote=False))


def _code(source):
    return highlight(source, PythonLexer(), HtmlFormatter(wrapcode=True))
