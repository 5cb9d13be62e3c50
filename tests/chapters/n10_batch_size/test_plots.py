"""The drawings of notebook 10: what they show is what the data say, and the first two lines are the verdict."""

import copy

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bnbook import notebook
from bnbook.chapters.n10_batch_size import experiments, plots
from bnbook.lab import results

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def _as_in_the_notebook():
    with matplotlib.rc_context(notebook.STYLE):
        yield
    plt.close("all")


def long(*arms, seeds=3, measure="test_accuracy", step=10):
    """A table: arms are dicts of labels and `at`, the mean; seeds lie around it by a hundredth, the same for all."""
    rows = [
        {**{k: v for k, v in one.items() if k != "at"}, "lr": 0.1, "seed": seed, "twin": twin, "step": step,
         "measure": measure, "value": one["at"] + 0.01 * (seed - 1) + 0.001 * (number_of(one) * seed % 3) + twin}
        for one in arms for seed in range(seeds) for twin in (0, 1)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def number_of(one):
    """1 or 2, of an arm, so that differences between arms have a little spread."""
    return 1 + sum(map(ord, str(one))) % 2


def sizes():
    def one(net, arm, at, size=2):
        return {"net": net, "batch_size": size, "arm": arm, "at": at}

    arms = [
        one("mlp", "none", 0.97),
        one("mlp", "batch", 0.5),
        one("mlp", "none", 0.96, 64),
        one("mlp", "batch", 0.98, 64),
    ]
    arms += [
        one("cnn", "none", 0.97),
        one("cnn", "batch", 0.972),
        one("cnn", "none", 0.96, 64),
        one("cnn", "batch", 0.98, 64),
    ]
    return {"experiment": "batch_sizes", "seeds": 3, "table": long(*arms)}


def ghosts():
    arms = [
        {"arm": "none", "at": 0.96},
        *({"arm": f"parts of {n}", "at": at} for n, at in ((2, 0.5), (8, 0.99), (64, 0.97))),
    ]
    return {"experiment": "ghost_batches", "seeds": 3, "batch_size": 64, "ghosts": [2, 8, 64], "table": long(*arms)}


def classes():
    given = {("none", 1): 0.97, ("none", 2): 0.97, ("batch", 1): 0.11, ("batch", 2): 0.8}
    table = long(*({"classes": n, "arm": arm, "at": at} for (arm, n), at in given.items()))
    best = [{"classes": n, "arm": arm, "lr": 0.1, "trains": (arm, n) != ("batch", 1)} for arm, n in given]
    rates = [{"classes": 1, "arm": "batch", "lr": lr, "seed": 100, "step": 10} for lr in (0.01, 40.0)]
    tuning = pd.DataFrame([{**row, "measure": "val_accuracy", "value": 0.1} for row in rates])
    return {"seeds": 3, "batch_size": 32, "guessing": 0.1, "table": table, "best": best, "tuning": tuning}


def sessions():
    given = {
        ("none", True): (0.95, 0.95),
        ("batch", True): (0.96, 0.78),
        ("none", False): (0.95, 0.95),
        ("batch", False): (0.95, 0.92),
    }
    tables = [
        long(
            *({"together": together, "arm": arm, "at": at[i]} for (arm, together), at in given.items()), measure=measure
        )
        for i, measure in enumerate(("session_accuracy", "test_accuracy"))
    ]
    return {"seeds": 3, "table": pd.concat(tables, ignore_index=True)}


def accumulated():
    def error(norm, values, net):
        return {"net": net, "norm": norm, "error": values}

    arms = [error("none", [[1e-16] * 3, [2e-16] * 3], net) for net in ("mlp", "cnn")]
    arms += [error("batch", [[0.5, 0.6, 0.7], [2.0, 3.0, 40.0]], net) for net in ("mlp", "cnn")]
    return {"seeds": 3, "batch_size": 64, "sizes": [32, 2], "arms": arms, "from_ghosts": [[1e-15] * 3, [1e-11] * 3]}


def tuned_further():
    new = {(2, "batch"): 0.4, (2, "frozen"): 0.9, (16, "batch"): 0.88, (16, "frozen"): 0.86}
    old = {(2, "batch"): 0.2, (2, "frozen"): 0.6, (16, "batch"): 0.7, (16, "frozen"): 0.702}

    def table(given, measure, step):
        return long(
            *({"batch_size": n, "arm": arm, "at": at} for (n, arm), at in given.items()), measure=measure, step=step
        )

    before = [table(dict.fromkeys(new, at), name, 0) for name, at in (("test_accuracy", 0.37), ("old_accuracy", 0.97))]
    tables = [table(new, "test_accuracy", 10), table(old, "old_accuracy", 10), *before]
    return {"seeds": 3, "sizes": [2, 16], "table": pd.concat(tables, ignore_index=True)}


def errors():
    layer = {"mean": [0.7, 0.35], "var": [0.9, 0.45], "mean_theory": [0.707, 0.354], "var_theory": [0.9, 0.45]}
    mlp = {**layer, "positions": 1, "slope": -0.5, "worth": 1.02, "share": 0.0}
    return {"sizes": [2, 8], "layers": {"mlp": mlp, "cnn": {**mlp, "positions": 16, "worth": 28.7, "share": 0.5}}}


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


def plain(data):
    return {key: value.to_dict() if isinstance(value, pd.DataFrame) else value for key, value in data.items()}


@pytest.mark.parametrize("name", DRAWN)
def test_every_text_lies_inside_its_figure_and_on_no_other_and_the_data_stay_as_they_were(name):
    data = DRAWN[name]()
    kept = copy.deepcopy(data)
    axes, text = getattr(plots, name)(data)
    assert (
        plain(data) == plain(kept)
        and len(text.splitlines()) >= 3
        and not any(word in text for word in ("nan", "None", "-0.0 "))
    )
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
            "fully connected, batches of 2: BatchNorm 50 %, without normalization 97 %, difference -47.0 [-47.2, -46.8]"
            " less.",
            "convolutional, batches of 2: BatchNorm 97 %, without normalization 97 %, difference +0.2 [+0.2, +0.2] "
            "no difference.",
        ),
        (
            "ghost_batches",
            "Statistics of 2: 50 %, although the gradient is that of 64;",
            "better than statistics of all 64: parts of 8.",
        ),
        (
            "one_class",
            "Trained with 1 class in each batch of 32, 3 seeds, test accuracy:",
            "97 % without normalization, 11 % with BatchNorm.",
        ),
        (
            "shared_nuisance",
            "BatchNorm trained by session: 96 % in training mode, 78 % in evaluation mode;",
            "trained on the same images shuffled: 92 % in evaluation mode (3 seeds).",
        ),
        (
            "accumulation",
            "The accumulated gradient is another one than that of the whole batch: with BatchNorm;",
            "with BatchNorm it is that of ghost batches (to 1e-6): True.",
        ),
        (
            "fine_tuning",
            "Frozen minus not frozen, on the new kind, in points, at its best rate each; 3 seeds, batches of",
            "2: +50.0 [+49.8, +50.2] more; 16: -2.0 [-2.0, -2.0] less.",
        ),
    ],
)
def test_the_first_two_lines_are_the_verdict_computed_from_the_data(name, first, second):
    assert getattr(plots, name)(DRAWN[name]())[1].splitlines()[:3] == [first, second, ""]


def test_other_data_get_other_verdicts():
    data = accumulated()
    data["arms"][2]["error"] = data["arms"][3]["error"] = [[1e-15] * 3] * 2
    data["from_ghosts"] = [[0.1] * 3]
    text = plots.accumulation(data)[1]
    assert "whole batch: for none of the nets;" in text and "ghost batches (to 1e-6): False" in text
    data = sizes()
    table = data["table"]
    table.loc[(table["arm"] == "batch") & (table["batch_size"] == 2), "value"] = [0.99, 0.9, 0.98, 0.9, 0.94, 0.9] * 2
    assert plots.batch_sizes(data)[1].splitlines()[0].endswith(f"{results.UNSETTLED}.")
    data["table"] = table[(table["net"] == "mlp") & (table["arm"] == "none")]
    assert plots.batch_sizes(data)[1].splitlines()[0] == "fully connected, batches of 2: no comparison with BatchNorm"
    data = sessions()
    data["table"] = data["table"][data["table"]["arm"] == "none"]
    assert plots.shared_nuisance(data)[1].startswith("nothing to compare")
    data = ghosts()
    data["table"].loc[data["table"]["arm"] == "parts of 8", "value"] = 0.9
    assert "all 64: no part, as far as is settled here" in plots.ghost_batches(data)[1]
    data = classes()
    data["best"] = [{**one, "trains": True} for one in data["best"]]
    assert "does not train" in plots.one_class(classes())[1] and "does not train" not in plots.one_class(data)[1]


def test_differences_are_marked_by_their_verdict_and_twins_are_no_runs_of_their_own():
    text = plots.batch_sizes(sizes())[1]
    assert "fully connected, 2  -47.0 [-47.2, -46.8] *" in text and "convolutional, 2    +0.2 [+0.2, +0.2] =" in text
    data = sizes()
    data["table"] = data["table"][data["table"]["twin"] == 0]
    assert plots.batch_sizes(data)[1] == text


def test_errors_are_drawn_with_the_interval_of_their_mean():
    data = sizes()
    axes, _ = plots.batch_sizes(data)
    line = {line.get_label(): line for line in axes[0].get_lines()}["with BatchNorm"]
    np.testing.assert_allclose(line.get_ydata(), [50, 2], atol=0.2)
    np.testing.assert_allclose(line.get_xdata(), [2, 64])
    values = results.of(data["table"], "test_accuracy", net="mlp", arm="batch", batch_size=2, twin=0)["value"]
    low, high = stats.t.interval(0.95, 2, values.mean(), stats.sem(values))
    band = axes[0].collections[1].get_paths()[0].vertices[:, 1]
    assert band.max() == pytest.approx(100 * (1 - low)) and np.isclose(band, 100 * (1 - high)).any()
    assert [ax.get_title() for ax in axes] == [
        *("fully connected: 50 % right with BatchNorm at 2", "convolutional: 97 % right with BatchNorm at 2"),
    ]


@pytest.mark.parametrize("name", ["batch_sizes", "ghost_batches", "one_class", "shared_nuisance", "fine_tuning"])
def test_what_is_stored_can_be_drawn(name):
    stored = experiments.evidence(name)
    assert getattr(plots, name)(stored)[1] == stored["text"]
