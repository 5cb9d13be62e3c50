"""The figures of notebook 14."""

import matplotlib.pyplot as plt
import numpy as np

LADDER = ("textbook", "centred_once", "lean_batch_norm", "line", "norm_fast")
MATRIX = 2 * 512**3  # operations of the matrix product that is timed
# Forward, backward and evaluation by the shape of the mark, who computes by its colour and by the letter in it.
MARKS = {"forward": "o", "backward": "s", "evaluation": "^"}
COLORS = {"textbook": "#D55E00", "norm_fast": "#0072B2", "F.batch_norm": "#E69F00"}
# Where the number of a mark stands, in points: so that neighbours do not hide it.
BESIDE = {
    "textbook": (-11, 0),
    "centred_once": (8, -9),
    "lean_batch_norm": (-11, 0),
    "line": (-7, 9),
    "norm_fast": (11, 3),
    "F.batch_norm": (11, 0),
    "textbook, backward": (-11, 0),
    "norm_fast, backward": (10, -9),
    "F.batch_norm, backward": (-7, 10),
    "norm_fast, evaluation": (5, -12),
}


def fewer_passes(data):
    """Each version of the forward pass: how many passes it makes, and how many passes its time is worth.

    data   what experiments.fewer_passes returned
    Returns axes, text.
    """
    figure, axes = plt.subplots(1, len(data["shapes"]), figsize=(9, 3.6), sharey=True, squeeze=False)
    names = [*LADDER, "F.batch_norm"]
    lines, faster = [], []
    for ax, shape in zip(axes[0], data["shapes"], strict=True):
        times = {name: np.array(t) for name, t in shape["times"].items()}
        worth = {name: np.median(times[name] / times["copy"]) * 2 for name in names}
        at = np.arange(len(names))
        ax.barh(at - 0.2, [data["passes"][name] for name in names], 0.38, color="0.75", label="passes")
        colors = [COLORS.get(name, "#56B4E9") for name in names]
        ax.barh(at + 0.2, [worth[name] for name in names], 0.38, color=colors, label="time, in passes of a copy")
        ax.set(yticks=at, yticklabels=names, xlabel="passes over the activation", title=_size(shape))
        faster.append(worth["textbook"] / worth["norm_fast"])
        lines.append(f"  {shape['shape']}")
        lines += [f"    {name:15} {data['passes'][name]:2} passes, time of {worth[name]:.0f}" for name in names]
    axes[0, 0].invert_yaxis()  # of all of them, as they share it
    axes[0, -1].legend(loc="center right")
    few, many = sorted((min(faster), max(faster)))
    title = f"With 3 passes in place of 15, norm_fast takes {_share(few, many)} of the textbook's time"
    figure.suptitle(title)
    machine = data["machine"]
    return axes[0], "\n".join(
        [
            title + ".",
            "",
            f"{machine['device']}, {machine['date']}, {machine['clock']}, measured in passes of a copy.",
            *lines,
        ]
    )


def _share(few, many):
    low, high = round(100 / many), round(100 / few)
    return f"{low} %" if low == high else f"{low} to {high} %"


def _size(shape):
    return f"{shape['shape']}, {shape['bytes'] / 1e6:.1f} MB"


def roofline(data):
    """Every version under the roof of this machine: operations per second against operations per byte moved.

    data   what experiments.fewer_passes returned; the last of its shapes is drawn
    Returns axes, text.
    """
    shape = data["shapes"][-1]
    best = {name: min(t) for name, t in shape["times"].items()}
    bandwidth, peak = 2 * shape["bytes"] / best["copy"], MATRIX / best["matrix product"]
    ridge = peak / bandwidth
    figure, ax = plt.subplots(figsize=(9, 4))
    slope = np.array([0.05, ridge, 200])
    ax.plot(slope, np.minimum(bandwidth * slope, peak) / 1e9, color="black")
    reached = {}
    for number, (name, count) in enumerate(data["passes"].items(), 1):
        version, _, what = name.partition(", ")
        what = what or "forward"
        x, y = data["operations"][what] / (4 * count), data["operations"][what] * shape["bytes"] / 4 / best[name]
        reached[name] = y / (bandwidth * x)
        color = COLORS.get(version, "#56B4E9")
        style = dict(color=color, markeredgecolor="black", markersize=8, linestyle="none")
        ax.plot(x, y / 1e9, MARKS[what], label=f"{number} {name}", **style)
        ax.annotate(number, (x, y / 1e9), BESIDE[name], textcoords="offset points", ha="center", va="center")
    x = MATRIX / (3 * 4 * 512**2)  # each of three matrices once
    ax.plot(x, peak / 1e9, "D", color="#009E73", markeredgecolor="black", markersize=8, linestyle="none")
    ax.annotate("matrix product", (x, peak / 1e9), (0, -16), textcoords="offset points", ha="center")
    ax.set(xscale="log", yscale="log", xlabel="operations per byte moved", ylabel="billion operations per second")
    ax.set_title(f"{_size(shape)}: BatchNorm lies under the slope: memory sets its roof")
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    said = [f"{name} {100 * share:.0f} %" for name, share in reached.items()]
    text = [
        f"The roof of one core: {bandwidth / 1e9:.0f} GB/s for a copy, {peak / 1e9:.0f} billion operations per second;",
        f"below {ridge:.1f} operations per byte memory is the lower limit. Each version, of what memory allows:",
        "  " + ", ".join(said[:6]) + ",",
        "  " + ", ".join(said[6:]),
    ]
    return ax, "\n".join(text)


def threads(data):
    """What one call takes with one thread and with two, sorted: alone all are alike, in company a few wait.

    data   "threads" of what experiments.fewer_passes returned
    Returns axes, text.
    """
    figure, axes = plt.subplots(1, len(data), figsize=(9, 3.4), sharex=True, sharey=True, squeeze=False)
    says, text = [], [f"F.batch_norm of {data[0]['shape']}, milliseconds of a call:"]
    for ax, run in zip(axes[0], data, strict=True):
        company = f"beside {run['busy']} busy program{'s' * (run['busy'] != 1)}" if run["busy"] else "alone"
        for number, color, style in (("1", "#0072B2", "-"), ("2", "#D55E00", (0, (4, 1.5)))):
            wall, name = np.sort(run["wall"][number]), f"{number} thread{'s' * (number == '2')}"
            ax.plot(wall, 100 * np.arange(1, len(wall) + 1) / len(wall), color=color, linestyle=style, label=name)
            text.append(
                f"  {company}, {name:9}: median {np.median(wall):.2f}, mean {wall.mean():.2f}, slowest {wall[-1]:.1f}; "
                f"of processor time {run['cpu'][number]:.2f}"
            )
        faster = np.mean(run["wall"]["2"]) < np.mean(run["wall"]["1"])
        ax.set(xscale="log", xlabel="time of a call on the wall (ms)")
        says.append(f"{company} two threads are {'faster' if faster else 'slower'} than one on average")
        ax.set_title(f"{company}: two threads {'faster' if faster else 'slower'} on average", fontsize=10)
    axes[0, 0].set_ylabel("calls that took no longer (%)")
    axes[0, 0].legend(loc="lower right")
    return axes[0], "\n".join([f"How long calls take, sorted: {', '.join(says)}.", "", *text])
