"""Sphinx extension: docstrings as they are written, formulas and aligned tables of shapes in their lines and columns."""

import re


def setup(app):
    app.connect("autodoc-process-docstring", verbatim)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def verbatim(app, what, name, obj, options, lines):
    """The first paragraph becomes a paragraph, the rest a block of text."""
    end = lines.index("") if "" in lines else len(lines)
    first, rest = " ".join(lines[:end]), lines[end:]
    block = ["", ".. code-block:: text", "", *("   " + line for line in rest), ""]
    lines[:] = [as_rst(first), *(block if any(rest) else [""])]


def as_rst(sentence):
    """Plain text with code in backticks, as reStructuredText."""
    parts = re.split(r"`([^`]+)`", sentence)
    return "".join(f"``{part}``" if i % 2 else re.sub(r"([*_|\\])", r"\\\1", part) for i, part in enumerate(parts))
