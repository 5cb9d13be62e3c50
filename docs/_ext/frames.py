"""Sliders that move without a kernel: frames drawn beforehand, by the same functions that draw them in JupyterLab."""

import ast
import base64
import hashlib
import html
import json
import math

import ipywidgets
import numpy as np

from bnbook import notebook

STEPS = 6  # positions of a slider
MOST = 50  # frames for all combinations of the positions; beyond, one control moves at a time


def live(cells):
    """The sliders that the last of these code cells ends with, made anew from what of the cells they need."""
    *statements, last = ast.parse("\n".join(cells)).body
    needed, names = [], _names(last, ast.Load)
    for statement in reversed(statements):
        bound = _names(statement, ast.Store)
        if bound & names:
            needed.insert(0, statement)
            names |= _names(statement, ast.Load)
    space = {}
    notebook.setup()
    exec(compile(ast.Module(needed, []), "cells", "exec"), space)
    return eval(compile(ast.Expression(last.value), "cell", "eval"), space)


def _names(tree, context):
    """The names that a statement reads (ast.Load) or binds (ast.Store)."""
    found = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, context)}
    if context is ast.Store:
        for node in ast.walk(tree):
            if isinstance(node, ast.alias):
                found.add((node.asname or node.name).split(".")[0])
            elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                found.add(node.name)
    return found


def draw(live, folder):
    """HTML of sliders with all their frames, which are written into `folder`; `_static/site.js` moves them.

    live    a lab.live.Live
    folder  a Path whose last two parts are _static/NAME
    """
    *controls, _, _ = live.children
    values = [positions(control) for control in controls]
    start = tuple(options.index(control.value) for options, control in zip(values, controls, strict=True))
    sizes = [len(options) for options in values]
    together = math.prod(sizes) <= MOST
    frames = {}
    for place in all_places(sizes) if together else one_at_a_time(sizes, start):
        for control, options, i in zip(controls, values, place, strict=True):
            control.value = options[i]
        frames[place] = _frame(live, folder)
    return _figure(controls, values, start, together, frames)


def positions(control):
    """The values that a control may take here, in order: all of a menu or a box; of a slider STEPS, and its first."""
    if isinstance(control, ipywidgets.Checkbox):
        return [False, True]
    if isinstance(control, ipywidgets.Dropdown):
        return list(control.options)
    low, high, step, kind = control.min, control.max, control.step, type(control.value)
    # What covers more than a factor of 20 is read by factors.
    spread = np.geomspace if low > 0 and high / low > 20 else np.linspace
    on_grid = {kind(round(low + step * round((value - low) / step), 10)) for value in spread(low, high, STEPS)}
    return sorted(on_grid | {control.value})


def all_places(sizes):
    """All combinations of positions, each next one a single step away: a step is a drawing, which takes its time."""
    if not sizes:
        return [()]
    rest = all_places(sizes[1:])
    return [(i, *places) for i in range(sizes[0]) for places in (reversed(rest) if i % 2 else rest)]


def one_at_a_time(sizes, start):
    """The places in which at most one control is away from its first position."""
    return list(dict.fromkeys((*start[:c], i, *start[c + 1 :]) for c, size in enumerate(sizes) for i in range(size)))


def _frame(live, folder):
    shown, metadata = live._repr_mimebundle_()
    png = base64.b64decode(shown["image/png"])
    name = f"{hashlib.sha256(png).hexdigest()[:16]}.png"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(png)
    src = f"../{folder.parent.name}/{folder.name}/{name}"
    return {"src": src, "alt": metadata["image/png"]["alt"], "text": shown["text/plain"]}


# --- HTML ------------------------------------------------------------------------------------------------------------


def _figure(controls, values, start, together, frames):
    still = frames[start]
    inputs = "".join(map(_input, controls, values, start))
    data = {",".join(map(str, place)): frame for place, frame in frames.items()}
    how = "" if together else " One control moves at a time: the others go back to where they began."
    return (
        f'<figure class="bn-frames" data-together="{str(together).lower()}">'
        f'<div class="bn-controls" hidden>{inputs}</div>'
        f'<img src="{still["src"]}" alt="{html.escape(still["alt"])}">'
        f'<pre role="status">{html.escape(still["text"])}</pre>'
        f"<figcaption>{len(frames)} positions, drawn beforehand; in JupyterLab the controls move freely.{how}"
        "</figcaption>"
        f'<script type="application/json">{json.dumps(data).replace("<", chr(92) + "u003c")}</script></figure>'
    )


def _input(control, values, start):
    label = html.escape(control.description)
    if isinstance(control, ipywidgets.Checkbox):
        return f'<label><input type="checkbox"{" checked" * start}> {label}</label>'
    shown = [value if isinstance(value, str) else f"{value:g}" for value in values]
    if isinstance(control, ipywidgets.Dropdown):
        options = "".join(f"<option{' selected' * (i == start)}>{v}</option>" for i, v in enumerate(shown))
        return f"<label><span>{label}</span> <select>{options}</select></label>"
    return (
        f'<label><span>{label}</span> <input type="range" min="0" max="{len(values) - 1}" value="{start}" '
        f'aria-valuetext="{shown[start]}" data-values="{" ".join(shown)}"> '
        f'<span class="bn-value" aria-hidden="true">{shown[start]}</span></label>'
    )
