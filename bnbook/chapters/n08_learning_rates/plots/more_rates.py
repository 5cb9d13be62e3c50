"""The drawings of notebook 08 on two nets at the same rate, and on extreme rates of the hidden weights."""

import matplotlib.pyplot as plt
import numpy as np

from bnbook.lab import results
from bnbook.lab.style import ARMS

from .. import experiments
from .rates import _curve


def matched_rates(data):
    """Accuracy over steps for two nets at the same learning rate, one panel for each rate.

    data  what experiments.matched_rates returned
    Returns axes (an array, one per rate), text.
    """
    own = data["table"][data["table"]["twin"] == 0]
    rates, rows = sorted(set(own["lr"])), []
    size = (max(2.0 * len(rates) + 0.8, 4.5), 3.1)
    figure, axes = plt.subplots(1, len(rates), figsize=size, sharey=True, squeeze=False)
    compared = experiments.at_the_same_rate(data)
    for ax, lr in zip(axes[0], rates, strict=True):
        part = own[own["lr"] == lr]
        for arm in dict.fromkeys(part["arm"]):
            _over_steps(ax, results.of(part, "test_accuracy", "all", arm=arm), ARMS[arm])
        rows.append(_row(lr, part, compared, data))
        speed = rows[-1]["speed"]
        ax.set(title=f"rate {lr:g}:\n{speed}", xlabel="step", ylim=(0, 102), xscale="log", xlim=(10, data["steps"]))
    axes[0, 0].set_ylabel("test accuracy (%)")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    told = {says: _list(row["rate"] for row in rows if row["speed"] == says) for says in _SPEEDS.values()}
    title = f"BatchNorm is slower at {told['slower']} and faster at {told['faster']}"
    figure.suptitle(title)
    heading = (
        f"Median steps to {100 * data['goal']:.0f} %; BatchNorm minus none, {data['seeds']} seeds [95 % interval]; "
    )
    heading += "verdicts by Holm, no difference: within 1 point."
    return axes[0], "\n".join([f"At the same learning rate {title}.", "", heading, "", results.printed(rows)])


_SPEEDS = {"more": "slower", "less": "faster", results.UNSETTLED: results.UNSETTLED}


def _over_steps(ax, part, style):
    curves = 100 * part.pivot(index="step", columns="seed", values="value")
    ax.fill_between(curves.index, curves.min(axis=1), curves.max(axis=1), color=style["color"], alpha=0.25, linewidth=0)
    ax.plot(curves.index, curves.mean(axis=1), **style)


def _row(lr, part, compared, data):
    """A row of the table: who is at the goal when, who is better in the end."""
    reached = results.of(part, "reached")
    steps, points = (_pair(compared, lr, measure) for measure in ("reached", "test_accuracy"))
    medians = {arm: _median(reached, arm) for arm in ("none", "batch")}
    fails = {arm for arm, some in reached.groupby("arm") if some["value"].isna().all()}
    only = f"only {ARMS['batch']['label']}" if fails == {"none"} else "not all get there"
    return {
        "rate": f"{lr:g}",
        "none": medians["none"],
        "BatchNorm": medians["batch"],
        "steps": "" if steps is None else results.spread(steps["mean"], steps["low"], steps["high"], 0),
        "speed": only if steps is None else _SPEEDS[steps["verdict"]],
        f"points, step {data['steps']}": ""
        if points is None
        else results.spread(points["mean"], points["low"], points["high"]),
        "accuracy": "some runs diverge" if points is None else points["verdict"],
    }


def _pair(compared, lr, measure):
    found = compared[(compared["lr"] == lr) & (compared["measure"] == measure)] if len(compared) else compared
    return None if found.empty else found.iloc[0]


def _median(reached, arm):
    steps = reached.loc[reached["arm"] == arm, "value"].fillna(np.inf).median()
    return "never" if np.isinf(steps) else f"{steps:.0f}"


def _list(values):
    return ", ".join(values) or "no rate"


def extreme_rates(data):
    """Test accuracy over the learning rate of the hidden weights alone, a panel for each number of steps.

    data  what experiments.extreme_rates returned
    Returns axes (an array), text.
    """
    steps, names = data["steps"], ("none", "batch", "sphere")
    figure, axes = plt.subplots(
        1, len(steps), figsize=(max(3.8 * len(steps), 6), 3.1), sharex=True, sharey=True, squeeze=False
    )
    for ax, step in zip(axes[0], steps, strict=True):
        ends = results.of(data["table"], "test_accuracy", step, twin=0)
        for name in names:
            _curve(ax, ends[ends["arm"] == name], ARMS[name])
        frozen = 100 * ends.loc[ends["arm"] == "frozen", "value"].mean()
        ax.axhline(frozen, color="0.3", linewidth=0.9, linestyle=":")
        ax.text(data["rates"][-1], frozen - 1.5, "hidden weights frozen", ha="right", va="top", fontsize=8, color="0.3")
        ax.set(xscale="log", ylim=(0, 102), xlabel="learning rate of the hidden weights", title=f"{step} steps")
    axes[0, 0].set_ylabel("test accuracy (%)")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    rows = [{"decades": ARMS[name]["label"], **_widths(data, name)} for name in names]
    widths = {name: row[f"{steps[0]} steps"].split(" [")[0] for name, row in zip(names, rows, strict=True)}
    title = f"Good over {widths['batch']} decades with BatchNorm, {widths['sphere']} if the length is kept, "
    title += f"{widths['none']} without ({steps[0]} steps)"
    figure.suptitle(title)
    ends = [line for step in steps for line in _at_the_last_rate(data, step)]
    said = f"Accuracy over the rate of the hidden weights. {title}."
    table = results.printed(rows + _differences(data))
    return axes[0], "\n".join([said, "", *ends, *_growth(data), "", table])


def _widths(data, name):
    found = experiments.bands(data["table"])
    cells = {}
    for step in data["steps"]:
        part = found[(found["arm"] == name) & (found["step"] == step)]
        widths = part.loc[part["measure"] == "band", "value"]
        more = "" if part.loc[part["measure"] == "enclosed", "value"].all() else " or more"
        cells[f"{step} steps"] = results.spread(widths.mean(), *results.interval(widths), sign=False) + more
    return cells


def _differences(data):
    """Rows: what BatchNorm adds to the band, and what growth adds to that."""
    found, rows = experiments.widened(data["table"]), {}
    for each in found.to_dict("records"):
        name = "BatchNorm, kept - none" if each["against"] == "none" else "growth: BatchNorm - kept"
        told = results.spread(each["mean"], each["low"], each["high"])
        told = f"({told})" if each["verdict"] == results.UNSETTLED else told
        rows.setdefault(name, {"decades": name})[f"{each['step']} steps"] = told
    return list(rows.values())


def _at_the_last_rate(data, step):
    """Lines: who is right how often there, in words: digits of runs beyond divergence differ between machines."""
    ends, rate = results.of(data["table"], "test_accuracy", step, twin=0), data["rates"][-1]
    frozen = 100 * ends.loc[ends["arm"] == "frozen", "value"].mean()
    means = 100 * ends[ends["lr"] == rate].groupby("arm", sort=False)["value"].mean()
    told = "; ".join(f"{ARMS[arm]['label']}: {_in_words(percent)}" for arm, percent in means.items())
    near = "; ".join(ARMS[arm]["label"] for arm, percent in means.items() if abs(percent - frozen) < 10) or "none"
    yield f"After {step} steps, right at {rate:,.0f}: {told}."
    yield f"  Within 10 points of frozen hidden weights ({frozen:.0f} %): {near}."


def _growth(data):
    """A line: how much longer the hidden weights become, at least, of any seed."""
    lengths = results.of(data["table"], "length", "all", arm="batch", twin=0)
    lengths = lengths.pivot(index=["lr", "seed"], columns="step", values="value")
    growth = (lengths[data["steps"][0]] / lengths[0]).groupby("lr").min()
    longer = ", ".join(f"{_at_least(growth[lr])} at {lr:,.0f}" for lr in (1e4, 1e6) if growth.get(lr, np.nan) > 0)
    yield f"With BatchNorm the hidden weights become longer: {longer or 'no such rate was tried'}."


def _in_words(percent):
    return "fewer than 20 %" if percent < 20 else "more than half" if percent > 50 else "20 to 50 %"


def _at_least(times):
    """A factor by its power of ten."""
    power = int(np.floor(np.log10(times)))
    return f"more than {10**power:,} times" if power > 0 else "less than 10 times"
