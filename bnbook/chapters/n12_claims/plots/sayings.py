"""Adding the standard deviation, and the folklore."""

import matplotlib.pyplot as plt

from bnbook.lab import results
from bnbook.lab.style import ARMS

from ..experiments.page import NETS
from .dots import dot, percent, shown, signed_points


def adding(data):
    """Adding the standard deviation in place of dividing by it: accuracy over learning rates, and the output's spread.

    data   what experiments.adding returned
    Returns axes (an array of 2), text.
    """
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.5))
    deepest = list(data["best"])[-1]
    tuning = data["tuning"][data["tuning"]["case"] == deepest]
    for norm, marker in zip(data["best"][deepest], "^os", strict=True):
        means = results.of(tuning, "val_accuracy", arm=norm).groupby("lr")["value"].mean()
        axes[0].plot(means.index, 100 * means, marker=marker, markersize=5, **ARMS[norm])
    axes[0].set(xscale="log", ylim=(0, 100), xlabel="learning rate", ylabel="validation accuracy (%)")
    axes[0].set_title(f"{deepest}, mean of the tuning seeds")
    axes[0].legend(loc="lower left")
    factors = [float(factor) for factor in data["scales"]]
    for norm, marker in (("batch", "o"), ("add_sd", "s")):
        axes[1].plot(factors, [made[norm][1] for made in data["scales"].values()], marker=marker, **ARMS[norm])
    axes[1].set(xscale="log", yscale="log", xlabel="input multiplied by", ylabel="sd of the output")
    axes[1].set_title("sd 1 whatever the input, or the input's")
    rows = {case: _adding_compared(data, case) for case in data["best"]}
    title = f"Adding the sd in place of dividing, {deepest}: {shown(rows[deepest])} points"
    figure.suptitle(title)
    lines = [line for case, row in rows.items() for line in _adding_in_words(data, case, row)]
    return axes, "\n".join([f"{title} of test accuracy, each at its own best rate.", "", *lines])


def _adding_compared(data, case):
    return results.compare(_case(data, case), "add_sd", "batch", "test_accuracy")


def _adding_in_words(data, case, row):
    arms = (f"{ARMS[arm]['label']} {_reached(data, case, arm)}" for arm in data["best"][case])
    ratio = ceilings(data["tuning"][data["tuning"]["case"] == case])
    return [
        f"{case}: {'; '.join(arms)}.",
        f"  adding minus dividing: {shown(row)} points",
        "  largest usable rate, dividing over adding: "
        f"{results.spread(ratio['mean'], ratio['low'], ratio['high'], 0, sign=False)} times",
    ]


def ceilings(tuning, share=0.9):
    """How many times the largest usable rate of 'add_sd' that of 'batch' is, a row of `results.compare`.

    Usable is a rate up to which a seed's validation accuracy is at least 90 % of the best of all arms; the grid knows
    it to half a step.
    """
    val = results.of(tuning, "val_accuracy").pivot(index=["arm", "seed"], columns="lr", values="value")
    rates, best = val.columns.to_numpy(), val.groupby("arm").mean().max(axis=1).max()
    found = [results.ceiling(rates, row >= share * best) for row in val.to_numpy()]
    table = val.index.to_frame(index=False).assign(step=0, measure="ceiling", value=found)
    return results.compare(
        table, "batch", "add_sd", "ceiling", ratio=True, known_to=float((rates[1] / rates[0]) ** 0.5)
    )


def folklore(data):
    """Sayings about BatchNorm: what each costs or gains in test accuracy.

    data   what experiments.folklore returned
    Returns ax, text.
    """
    rows = _compared(data)
    figure, ax = plt.subplots(figsize=(8.5, 4))
    for y, (_, row) in enumerate(rows.iterrows()):
        dot(ax, row, y)
    ax.axvline(0, color="0.4", linewidth=0.8)
    ax.set(yticks=range(len(rows)), yticklabels=rows["what"], ylim=(len(rows) - 0.5, -0.5))
    ax.set(xlabel="test accuracy (points; beyond 2 the scale is logarithmic)")
    signed_points(ax, [-50, -20, -5, -2, -1, 0, 1, 2, 5, 20])
    worst = rows.loc[rows["mean"].idxmin()]
    title = f"The largest loss: {worst['mean']:+.0f} points ({worst['what']})"
    figure.suptitle(title)
    shown_rows = [
        {"what": row["what"], "points": shown(row), "seeds": row["pairs"], "verdict (Holm)": row["verdict"]}
        for _, row in rows.iterrows()
    ]
    starts = [_start(data, gain) for gain in data["gains"]]
    tiny = [
        f"Batches of 2, {NETS[net]}: BatchNorm {_reached(data, case, 'batch')}, none {_reached(data, case, 'none')}."
        for net, case in ((net, f"{net}, batches of 2") for net in NETS)
    ]
    unit = "Test accuracy in points, paired [95 % interval]; no difference: within half a point:"
    return ax, "\n".join([f"{title}.", "", unit, results.printed(shown_rows), *starts, *tiny])


def _start(data, gain):
    both = [
        f"{label} {_reached(data, 'starts', f'{arm} {gain:.3g}')}"
        for label, arm in (("BatchNorm", "batch"), ("none", "none"))
    ]
    return f"Gain {gain:.3g}: {', '.join(both)}."


def _reached(data, case, arm):
    rate = data["best"][case][arm]
    if rate is None:
        return "trains at none of the rates tried"
    return f"{percent(data['table'], case=case, arm=arm)} at rate {rate:g}"


def _compared(data):
    """What is drawn, judged together by `holm`: a frame with what, mean, low, high, verdict."""
    he = f"batch {2**0.5:.3g}"
    pairs = [
        *((case, "after", "before", f"behind the ReLU minus before it, {case[7:]}") for case in _places(data)),
        *((net, "batch", "none", f"BatchNorm minus none, {NETS[net]}") for net in NETS),
        *(
            (f"{net}, batches of 2", "batch", "none", f"BatchNorm minus none, {NETS[net]}, batches of 2")
            for net in NETS
        ),
        *(
            ("starts", f"batch {gain:.3g}", he, f"BatchNorm, gain {gain:.3g} minus He's")
            for gain in data["gains"]
            if f"batch {gain:.3g}" != he
        ),
        *(
            (f"bias {at}", "with", "without", f"with minus without biases, norm {at} the ReLU")
            for at in ("before", "after")
        ),
    ]
    rows = [
        {"what": what, **results.compare(_case(data, case), arm, against, "test_accuracy", margin=0.5)}
        for case, arm, against, what in pairs
    ]
    return results.holm(rows)


def _case(data, case):
    return data["table"][data["table"]["case"] == case]


def _places(data):
    return [case for case in data["best"] if case.startswith("place")]
