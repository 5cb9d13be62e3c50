"""What the figure says follows from the runs."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from bnbook.chapters.n15_devices import plots

MEANS = {("mlp", 2): (0.40, 0.95, 0.95), ("mlp", 4): (0.94, 0.95, 0.95), ("cnn", 2): (0.95, 0.95, 0.90)}


def made_up():
    """Runs with these means for replica, batch and group, and a little noise that the seeds share."""
    rng, rows = np.random.default_rng(0), []
    for (net, size), means in MEANS.items():
        for seed, noise in enumerate(rng.normal(0, 0.002, (8, 3))):
            for arm, mean, off in zip(("replica", "batch", "group"), means, noise, strict=True):
                rows.append(
                    {"net": net, "size": size, "arm": arm, "lr": 0.1, "seed": seed, "twin": 0, "value": mean + off}
                )
    return {"table": pd.DataFrame(rows).assign(step=600, measure="test_accuracy")}


def test_the_figure_and_its_text_say_what_the_runs_do():
    axes, text = plots.replicas(made_up())
    first, second = text.splitlines()[:2]
    assert first == "Each device by its own statistics minus all devices together, in points, 2 images on each:"
    assert second.startswith("fully connected -55.") and " less; convolutional " in second
    assert "fully connected, 4" in text and "8 seeds" in text and "Holm for 6 of them" in text
    assert all(len(line) <= 109 for line in text.splitlines())
    assert [ax.get_title() for ax in axes] == ["fully connected: 55 points at 2", "convolutional: no difference"]
    for ax in axes:
        assert len(ax.lines) == 3 and len(ax.collections) == 3 and ax.get_xlabel() == "images on each of 4 devices"
    plt.close("all")


def test_a_difference_is_marked_by_its_verdict():
    rows = plots.differences(made_up()["table"]).set_index(["net", "size", "arm"])
    assert rows.loc[("mlp", 2, "replica"), "verdict"] == "less"
    assert rows.loc[("mlp", 4, "group"), "verdict"] == "no difference"
    assert rows.loc[("cnn", 2, "group"), "verdict"] == "less"
    _, text = plots.replicas(made_up())
    plt.close("all")
    assert text.count(" *") >= 3 and text.count(" =") >= 2
