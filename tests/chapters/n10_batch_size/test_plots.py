"""The drawings of notebook 10: what they show is what the data say, and the first two lines are the verdict."""

import copy

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

from bnbook import notebook
from bnbook.chapters.n10_batch_size import experiments, plots

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def _as_in_the_notebook():
    with matplotlib.rc_context(notebook.STYLE):
        yield
    plt.close("all")


def arm(norm, accuracy, **given):
    spread = [accuracy - 0.01, accuracy, accuracy + 0.01]
    usual = {"net": "mlp", "norm": norm, "batch_size": 2, "ghost": None, "steps": 10, "lr": 0.1, "rates": [0.1]}
    interval = [accuracy - 0.008, accuracy + 0.008]
    return {**usual, "validation": [0.5], "at_edge": False, "accuracy": spread, "interval": interval, **given}


def sizes():
    arms = [
        *(arm("none", 0.97), arm("batch", 0.5), arm("none", 0.96, batch_size=64), arm("batch", 0.98, batch_size=64)),
        *(arm("none", 0.97, net="cnn"), arm("batch", 0.972, net="cnn")),
        *(arm("none", 0.96, net="cnn", batch_size=64), arm("batch", 0.98, net="cnn", batch_size=64)),
    ]
    return {"experiment": "batch_sizes", "seeds": 3, "arms": arms}


def ghosts():
    arms = [arm("none", 0.96), arm("batch", 0.5, ghost=2), arm("batch", 0.99, ghost=8), arm("batch", 0.97, ghost=64)]
    return {"experiment": "ghost_batches", "seeds": 3, "batch_size": 64, "arms": arms}


def classes():
    arms = [
        *(arm("none", 0.97, classes=1), arm("none", 0.97, classes=2)),
        *(arm("batch", 0.11, classes=1), arm("batch", 0.8, classes=2)),
    ]
    return {"seeds": 3, "classes": [1, 2], "batch_size": 32, "guessing": 0.1, "arms": arms}


def sessions():
    def pair(norm, mode, evaluated, together):
        return arm(norm, evaluated, together=together, in_training_mode=[mode] * 3)

    arms = [pair("none", 0.95, 0.95, True), pair("batch", 0.96, 0.78, True)]
    return {"seeds": 3, "arms": [*arms, pair("none", 0.95, 0.95, False), pair("batch", 0.95, 0.92, False)]}


def accumulated():
    def error(norm, values, net):
        return {"net": net, "norm": norm, "error": values}

    arms = [error("none", [[1e-16] * 3, [2e-16] * 3], net) for net in ("mlp", "cnn")]
    arms += [error("batch", [[0.5, 0.6, 0.7], [2.0, 3.0, 40.0]], net) for net in ("mlp", "cnn")]
    return {"seeds": 3, "batch_size": 64, "sizes": [32, 2], "arms": arms, "from_ghosts": [[1e-15] * 3, [1e-11] * 3]}


def tuned_further():
    def one(size, frozen, new, old):
        return {"size": size, "frozen": frozen, "new": [new - 0.01, new + 0.01], "old": [old, old], "lr": 0.1}

    arms = [one(2, False, 0.4, 0.2), one(2, True, 0.9, 0.6), one(16, False, 0.88, 0.7), one(16, True, 0.86, 0.8)]
    differences = [
        {"size": 2, "mean": 0.5, "interval": [0.4, 0.6]},
        {"size": 16, "mean": -0.02, "interval": [-0.04, -0.001]},
    ]
    before = {"new": [0.37, 0.37], "old": [0.97, 0.97]}
    return {"seeds": 2, "sizes": [2, 16], "arms": arms, "differences": differences, "before": before}


def errors():
    layer = {"mean": [0.7, 0.35], "var": [0.9, 0.45], "mean_theory": [0.707, 0.354], "var_theory": [0.9, 0.45]}
    mlp = {**layer, "positions": 1, "slope": -0.5, "worth": 1.02}
    return {"sizes": [2, 8], "layers": {"mlp": mlp, "cnn": {**mlp, "positions": 16, "worth": 28.7}}}


def outputs():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 40))
    return {"sizes": [2, 64], "x": x.tolist(), "x_hat": [np.sign(x[0]).tolist(), x[1].tolist()],
            "explained": [0.34, 1.0]}  # fmt: skip


DRAWN = {
    "batch_sizes": sizes,
    "ghost_batches": ghosts,
    "one_class": classes,
    "shared_nuisance": sessions,
    "accumulation": accumulated,
    "fine_tuning": tuned_further,
    "statistics_error": errors,
    "outputs_by_batch": outputs,
}


@pytest.mark.parametrize("name", DRAWN)
def test_every_text_lies_inside_its_figure_and_on_no_other_and_the_data_stay_as_they_were(name):
    data = DRAWN[name]()
    kept = copy.deepcopy(data)
    axes, text = getattr(plots, name)(data)
    assert data == kept and len(text.splitlines()) >= 3 and not any(word in text for word in ("nan", "None", "-0.0 "))
    figure = np.ravel(axes)[0].figure
    figure.canvas.draw()
    ticks = {tick for ax in figure.axes for tick in (*ax.get_xticklabels(), *ax.get_yticklabels())}
    ticks |= {
        label for ax in figure.axes for axis in (ax.xaxis, ax.yaxis) for label in axis.findobj(matplotlib.text.Text)
    }
    named = {label for ax in figure.axes for label in (ax.xaxis.label, ax.yaxis.label)}
    found = figure.findobj(matplotlib.text.Text)
    texts = [text for text in found if text.get_text() and text.get_visible() and (text in named or text not in ticks)]
    boxes = [text.get_window_extent() for text in texts]
    for text, box in zip(texts, boxes, strict=True):
        assert box.x0 >= -1 and box.x1 <= figure.bbox.x1 + 1, text.get_text()
    for i, box in enumerate(boxes):
        for j in range(i):
            assert not box.padded(-1.5).overlaps(boxes[j]), (texts[i].get_text(), texts[j].get_text())
    for ax in np.ravel(axes):
        assert ax.get_title() and (ax.get_ylabel() or ax is not np.ravel(axes)[0])


@pytest.mark.parametrize(
    "name, first, second",
    [
        (
            "batch_sizes",
            "fully connected, batches of 2: BatchNorm 50.0 % [49.2, 50.8], without normalization 97.0 % [96.2, 97.8]: "
            "worse",
            "convolutional, batches of 2: BatchNorm 97.2 % [96.4, 98.0], without normalization 97.0 % [96.2, 97.8]: "
            "not settled here",
        ),
        (
            "ghost_batches",
            "Statistics of 2: 50.0 % [49.2, 50.8], although the gradient is that of 64;",
            "best parts: 8, +2.0 points against parts of 64, larger for 3 of 3 seeds",
        ),
        (
            "one_class",
            "Trained with 1 class in each batch of 32, 3 seeds, test accuracy:",
            "97 % without normalization, 11 % with BatchNorm",
        ),
        (
            "shared_nuisance",
            "BatchNorm trained by session: 96 % in training mode, 78 % in evaluation mode;",
            "trained on the same images shuffled: 92 % in evaluation mode (3 seeds)",
        ),
        (
            "accumulation",
            "The accumulated gradient is another one than that of the whole batch: with BatchNorm;",
            "with BatchNorm it is that of ghost batches (to 1e-6): True",
        ),
        (
            "fine_tuning",
            "Frozen minus not frozen, on the new kind, at its best rate each; 2 seeds, batches of",
            "2: +50 points, better; 16: -2 points, worse",
        ),
    ],
)
def test_the_first_two_lines_are_the_verdict_computed_from_the_data(name, first, second):
    assert getattr(plots, name)(DRAWN[name]())[1].splitlines()[:2] == [first, second]


def test_other_data_get_other_verdicts():
    data = accumulated()
    data["arms"][2]["error"] = data["arms"][3]["error"] = [[1e-15] * 3] * 2
    data["from_ghosts"] = [[0.1] * 3]
    text = plots.accumulation(data)[1]
    assert "whole batch: for none of the nets;" in text and "ghost batches (to 1e-6): False" in text
    data = sizes()
    data["arms"][1]["interval"] = [0.99, 0.995]
    assert plots.batch_sizes(data)[1].splitlines()[0].endswith(": better")
    data["arms"] = [a for a in data["arms"] if a["net"] == "mlp" and a["norm"] == "none"]
    assert plots.batch_sizes(data)[1].splitlines()[0] == "fully connected, batches of 2: no comparison with BatchNorm"
    data = sessions()
    data["arms"] = [a for a in data["arms"] if a["norm"] == "none"]
    assert plots.shared_nuisance(data)[1].startswith("nothing to compare")


def test_errors_are_drawn_with_the_interval_of_their_mean():
    axes, _ = plots.batch_sizes(sizes())
    line = {line.get_label(): line for line in axes[0].get_lines()}["with BatchNorm"]
    np.testing.assert_allclose(line.get_ydata(), [50, 2])
    np.testing.assert_allclose(line.get_xdata(), [2, 64])
    band = axes[0].collections[1].get_paths()[0].vertices[:, 1]
    assert band.max() == pytest.approx(50.8) and band.min() == pytest.approx(1.2)
    assert [ax.get_title() for ax in axes] == [
        *("fully connected: 50 % right with BatchNorm at 2", "convolutional: 97 % right with BatchNorm at 2"),
    ]


@pytest.mark.parametrize("name", ["batch_sizes", "ghost_batches", "one_class", "fine_tuning"])
def test_what_is_stored_can_be_drawn(name):
    stored = experiments.evidence(name)
    assert getattr(plots, name)(stored)[1] == stored["text"]
