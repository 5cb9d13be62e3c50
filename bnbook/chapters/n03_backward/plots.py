"""The drawings of notebook 03."""

import matplotlib.pyplot as plt
import numpy as np

from bnbook.lab.results import printed

VALUE, GRADIENT = "#0072B2", "#D55E00"
X_HAT, ONE, TAKEN, LEFT = "#0072B2", "#009E73", "#56B4E9", "#D55E00"

# name: (x, y, what the node computes), in inches
NODES = {
    "x": (0.55, 3.5, "given"),
    "mean": (1.95, 0.7, "mean(x)"),
    "deviation": (3.35, 3.5, "x - mean"),
    "var": (4.15, 0.7, "mean(deviation²)"),
    "inv_std": (6.65, 0.7, "(var + eps)^(-1/2)"),
    "x_hat": (6.65, 3.5, "deviation * inv_std"),
    "y": (9.55, 3.5, "gamma * x_hat + beta"),
    "gamma": (8.85, 0.7, "given"),
    "beta": (10.25, 0.7, "given"),
    "loss": (12.05, 3.5, "sum(dy * y)"),
}
# (from, to): how far along the arrow its numbers stand
EDGES = {
    ("x", "mean"): 0.5,
    ("x", "deviation"): 0.5,
    ("mean", "deviation"): 0.42,
    ("deviation", "var"): 0.5,
    ("deviation", "x_hat"): 0.48,
    ("var", "inv_std"): 0.5,
    ("inv_std", "x_hat"): 0.45,
    ("x_hat", "y"): 0.47,
    ("gamma", "y"): 0.5,
    ("beta", "y"): 0.5,
    ("y", "loss"): 0.54,
}


def backward_graph(values, gradients):
    """The computational graph of BatchNorm for one channel: on every arrow the number that went forward along it and
    the gradient that came back.

    values     {node: number or (N,)}          x, mean, deviation, var, inv_std, x_hat, y, gamma, beta
    gradients  {(from, to): number or (N,)}    those known so far; the others are drawn as ?. ("y", "loss") is dy
    Returns axes, text. What comes back to x along its two arrows is added up beside x once both are known.
    """
    figure, ax = plt.subplots(figsize=(11.2, 4.1), layout="constrained")
    boxes = {name: _box(ax, x, y, f"{name}\n{formula}") for name, (x, y, formula) in NODES.items()}
    for (a, b), part in EDGES.items():
        _arrow(ax, boxes[a], boxes[b], part, values.get(a, 1), gradients.get((a, b)))
    paths = [gradients.get(("x", "mean")), gradients.get(("x", "deviation"))]
    dx = f"dx = {_numbers(sum(paths))}" if all(path is not None for path in paths) else ""
    if dx:
        ax.text(0.1, 4.15, dx, color=GRADIENT, fontsize=9, weight="bold")
    ax.set(xlim=(-0.1, 12.7), ylim=(0.2, 4.5))
    ax.set_axis_off()
    known = sum(edge in gradients for edge in EDGES)
    ax.set_title(
        f"Blue goes forward along the arrow, orange is the gradient that comes back: {known} of {len(EDGES)} known"
    )
    first = f"The graph of BatchNorm for one channel: {known} of {len(EDGES)} arrows with the gradient that comes back"
    first += f"; {dx}." if dx else "."
    forward = [f"{name} {_numbers(value)}" for name, value in values.items()]
    lines = ["forward: " + "; ".join(forward[:5]) + ";", "         " + "; ".join(forward[5:])]
    rows = [{"back from": b, "to": a, "gradient": _numbers(gradient)} for (a, b), gradient in gradients.items()]
    return ax, "\n".join([first, "", *lines, printed(rows)])


def _box(ax, x, y, text):
    style = dict(boxstyle="round,pad=0.35", facecolor="#f2f2f2", edgecolor="0.3")
    return ax.text(x, y, text, ha="center", va="center", fontsize=8.5, bbox=style, zorder=3)


def _arrow(ax, source, target, part, value, gradient):
    start, end = np.array(source.get_position()), np.array(target.get_position())
    ends = dict(patchA=source.get_bbox_patch(), patchB=target.get_bbox_patch(), shrinkA=1, shrinkB=1)
    ax.annotate(
        "", xy=end, xytext=start, arrowprops=dict(arrowstyle="-|>", color="0.45", linewidth=1.2, **ends), zorder=1
    )
    x, y = start + part * (end - start)
    white = dict(facecolor="white", edgecolor="none", pad=0.8)
    ax.text(x, y + 0.05, _numbers(value), color=VALUE, ha="center", va="bottom", fontsize=8.5, bbox=white, zorder=2)
    back = "?" if gradient is None else _numbers(gradient)
    ax.text(x, y - 0.05, back, color=GRADIENT, ha="center", va="top", fontsize=8.5, bbox=white, zorder=2)


def _numbers(value):
    return ", ".join(f"{float(v) + 0.0:.4g}" for v in np.ravel(value))


def parabola(x):
    """The mean square of the distances of a batch to a point, against that point: lowest at the mean, where it is flat.

    x  (m,)  the values of one channel
    Returns axes, text.
    """
    mean, var, far = x.mean(), x.var(), 1.3 * np.abs(x - x.mean()).max()
    a = np.linspace(mean - far, mean + far, 201)
    squares = np.mean((x - a[:, None]) ** 2, axis=1)
    figure, ax = plt.subplots(figsize=(6.4, 3.2), layout="constrained")
    ax.plot(a, squares, color=VALUE, label="mean((x - a)²)")
    tangent = mean + 0.6 * far * np.array([-1, 1])
    ax.plot(tangent, [var, var], color=GRADIENT, linestyle="--", label="tangent at the mean: slope 0")
    ax.plot(mean, var, "o", color=GRADIENT)
    ax.plot(x, np.zeros_like(x), "|", color="0.2", markersize=14, label="the values x")
    ax.annotate(f"a = mean, height = var = {var:.2f}", (mean, var), (0, -16), textcoords="offset points", ha="center")
    ax.set(
        xlabel="the point a from which distances are taken", ylabel="mean square", ylim=(-0.08 * squares.max(), None)
    )
    ax.set_title("The mean is the bottom of the parabola: moving it a little changes nothing")
    ax.legend(loc="upper center")
    steps = {"mean": 0, "mean + 0.01": 0.01, "mean + 1": 1}
    rows = [{"a": name, "mean((x - a)^2)": f"{np.mean((x - mean - step) ** 2):.4f}"} for name, step in steps.items()]
    first = (
        f"A parabola over the point a. At its bottom, where a is the mean, it is flat and its height is var, {var:.4f}."
    )
    return ax, f"{first}\n\n{printed(rows)}"


def projection(x_hat, dx_hat, along_one, along_x_hat):
    """dx_hat of a batch of three as an arrow in space, and the two parts that the backward pass takes away from it.

    x_hat, dx_hat            (3,)  one coordinate for each example
    along_one, along_x_hat   (3,)  mean(dx_hat), three times; x_hat * mean(dx_hat * x_hat)
    Returns axes (an array of 2: space, and its plane of vectors with sum 0 seen from above), text.
    """
    left = dx_hat - along_one - along_x_hat
    e_x_hat = x_hat / np.linalg.norm(x_hat)
    frame = np.stack([e_x_hat, np.cross(ONES, e_x_hat), ONES])  # unit vectors: x_hat, the free direction, 1
    arrows = {name: frame @ v for name, v in (("x_hat", x_hat), ("dx_hat", dx_hat), ("left", left))}
    figure, axes = plt.subplots(1, 2, figsize=(10, 4.5), width_ratios=(1.25, 1), layout="constrained")
    size = 1.15 * max(np.abs(list(arrows.values())).max(), 1.5)
    _draw_space(axes[0], size, frame, **arrows)
    _draw_plane(axes[1], size, **arrows)
    share = np.linalg.norm(left) / max(np.linalg.norm(dx_hat), 1e-300)
    verdict = f"Two parts of dx_hat are taken away, {100 * share:.0f} % of its length is left"
    figure.suptitle(verdict)
    rows = {
        "x_hat": x_hat,
        "dx_hat": dx_hat,
        "- its part along 1": along_one,
        "- its part along x_hat": along_x_hat,
        "= what is left": left,
    }
    named = [{"": name} | {f"example {i}": round(v, 2) for i, v in enumerate(row, 1)} for name, row in rows.items()]
    return axes, "\n".join(
        [f"{verdict}.", "", printed(named), f"sum of what is left: {left.sum():z.2f}; times x_hat: {left @ x_hat:z.2f}"]
    )


ONES = np.ones(3) / np.sqrt(3)


def _draw_space(ax, size, frame, x_hat, dx_hat, left):
    """Space with 1 pointing up, so that the plane of vectors with sum 0 is the floor."""
    corners = [(-1, -1, 0), (1, -1, 0), (1, 1, 0), (-1, 1, 0)]
    ax.add_patch(plt.Polygon(_seen(size * np.array(corners)), facecolor="0.93", edgecolor="0.75"))
    for number, axis in enumerate(frame.T, 1):  # column i of the frame: the axis of example i, in its coordinates
        _vector(ax, (0, 0, 0), 1.2 * size * axis, "0.6", 1, f"example {number}")
    _vector(ax, (0, 0, 0), (-1e-9, 0, 1.25 * size), "0.6", 1, "1 = (1, 1, 1)")
    ax.plot(*_seen(size * np.array([(0, -1, 0), (0, 1, 0)])).T, color=LEFT, linestyle=":", linewidth=1.4)
    floor = dx_hat * (1, 1, 0)
    _dashes(ax, dx_hat, floor, ONE, "taken: along 1")
    _dashes(ax, floor, left, TAKEN, "taken: along x_hat")
    _vector(ax, (0, 0, 0), x_hat, X_HAT, 3, "x_hat")
    _vector(ax, (0, 0, 0), dx_hat, "black", 2, "dx_hat")
    _vector(ax, (0, 0, 0), left, LEFT, 3, "what is left", height=-12)
    ax.set(aspect="equal", title="Three examples are three axes; the floor is the plane of sum 0")
    ax.set_axis_off()
    ax.margins(0.08)
    ax.legend(loc="lower left")


def _draw_plane(ax, size, x_hat, dx_hat, left):
    floor = dx_hat * (1, 1, 0)
    ax.axvline(0, color=LEFT, linestyle=":", linewidth=1.4)
    ax.plot(*np.array([floor, left])[:, :2].T, color=TAKEN, linestyle=(0, (3, 1.5)))
    for end, color, width, label in ((x_hat, X_HAT, 3, "x_hat"), (floor, "black", 2, "dx_hat - its mean")):
        _flat_arrow(ax, (0, 0), end[:2], color, width, label)
    _flat_arrow(ax, (0, 0), left[:2], LEFT, 3, "what is left", side=-1)
    ax.set(xlim=(-size, size), ylim=(-size, size), aspect="equal", title="The floor seen from above")
    ax.set(xlabel="along x_hat", ylabel="along the direction orthogonal to 1 and x_hat")


def _seen(points):
    """Points in space on the picture: from the right, and from a little above."""
    turn, height = np.radians(28), np.radians(24)  # so that no axis hides behind another
    a, b, up = np.transpose(points)
    depth = a * np.sin(turn) + b * np.cos(turn)
    return np.stack([a * np.cos(turn) - b * np.sin(turn), up * np.cos(height) + depth * np.sin(height)], axis=-1)


def _vector(ax, start, end, color, width, label, **where):
    _flat_arrow(ax, _seen(start), _seen(end), color, width, label, **where)


def _flat_arrow(ax, start, end, color, width, label, side=None, height=5):
    """An arrow with a label at its end, on that side (1 or -1; None: where it points to) and that many points up."""
    if np.linalg.norm(np.subtract(end, start)) < 1e-3:
        return ax.plot(*end, "o", color=color, markersize=width + 3)
    style = dict(arrowstyle="-|>", color=color, linewidth=width, shrinkA=0, shrinkB=0, mutation_scale=8 + 3 * width)
    ax.annotate("", xy=end, xytext=start, arrowprops=style)
    ax.plot(*np.transpose([start, end]), alpha=0)  # an annotation does not stretch the axes
    side = side or (1 if end[0] >= start[0] else -1)
    where = dict(textcoords="offset points", xytext=(5 * side, height), ha="left" if side > 0 else "right")
    where |= dict(bbox=dict(facecolor="white", edgecolor="none", alpha=0.75, pad=0.5))
    ax.annotate(label, end, color="0.35" if color == "0.6" else color, fontsize=9, **where)


def _dashes(ax, start, end, color, label):
    ax.plot(*_seen(np.array([start, end])).T, color=color, linestyle=(0, (3, 1.5)), label=label)
