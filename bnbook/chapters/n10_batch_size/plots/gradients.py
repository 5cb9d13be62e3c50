"""The error of an accumulated gradient."""

import matplotlib.pyplot as plt
import numpy as np

from bnbook.lab import results
from bnbook.lab.style import ARMS

from .looks import line_with_band, sizes_axis


def accumulation(data):
    """Relative error of the accumulated gradient against the size of the micro-batches.

    data   what experiments.accumulation returned
    Returns axes, text.
    """
    figure, ax = plt.subplots(figsize=(6.8, 3.7))
    lines, floor = [], 1e-17
    for arm in data["arms"]:
        error = np.maximum(np.array(arm["error"]), floor)
        label = f"{ARMS[arm['norm']]['label']}, {arm['net']}"
        face = ARMS[arm["norm"]]["color"] if arm["net"] == "mlp" else "white"
        typical = np.exp(np.log(error).mean(1))
        line_with_band(
            ax, data["sizes"], error.min(1), typical, error.max(1), arm["norm"], label=label, markerfacecolor=face
        )
        exact = error.max() < 1e-10
        said = ["< 1e-10" if exact else f"{value:.2g}" for value in np.median(error, 1)]
        lines.append({"images in a micro-batch": label, **dict(zip(map(str, data["sizes"]), said, strict=True))})
    sizes_axis(ax, data["sizes"], f"images in a micro-batch (together {data['batch_size']})")
    ax.set(yscale="log", ylabel="relative error of the gradient")
    ax.invert_xaxis()
    figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    wrong = sorted({arm["norm"] for arm in data["arms"] if np.max(arm["error"]) > 1e-10})
    said = " and ".join(ARMS[norm]["label"] for norm in wrong) or "for none of the nets"
    ax.set_title(f"Accumulating changes the gradient: {said}")
    ghosts = bool(data["from_ghosts"]) and np.max(data["from_ghosts"]) < 1e-6
    first = [f"The accumulated gradient is another one than that of the whole batch: {said};"]
    first.append(f"with BatchNorm it is that of ghost batches (to 1e-6): {ghosts}.")
    first.append(f"\nMedian relative error over {data['seeds']} seeds:")
    return ax, "\n".join([*first, results.printed(lines)])
