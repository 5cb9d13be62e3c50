"""Sphinx extension: docstrings as they are written, formulas and aligned tables in their lines and columns."""

import itertools
import re


def setup(app):
    app.connect("autodoc-process-docstring", verbatim)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def verbatim(app, what, name, obj, options, lines):
    """The first paragraph becomes a paragraph, the rest a block of text; of a module only what is indented."""
    first, *rest = _paragraphs(lines)
    if what == "module":
        shown = [_text(part) if part[0].startswith("    ") else [*map(as_rst, part), ""] for part in rest]
    else:
        shown = [_text(lines[len(first) :])] if rest else []
    lines[:] = [as_rst(" ".join(first)), "", *(line for part in shown for line in part)]


def _paragraphs(lines):
    """Groups of lines between empty ones."""
    return [list(group) for empty, group in itertools.groupby(lines, lambda line: not line.strip()) if not empty] or [
        [""]
    ]


def _text(lines):
    return [".. code-block:: text", "", *("   " + line for line in lines), ""]


def as_rst(sentence):
    """Plain text with code in backticks, as reStructuredText."""
    parts = re.split(r"`([^`]+)`", sentence)
    return "".join(f"``{part}``" if i % 2 else re.sub(r"([*_|\\])", r"\\\1", part) for i, part in enumerate(parts))
