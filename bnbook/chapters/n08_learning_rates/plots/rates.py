"""The drawings of notebook 08 over learning rates; those on scale invariance are in `scale`."""

import matplotlib.pyplot as plt
import numpy as np

from bnbook.lab import results
from bnbook.lab.style import ARMS

from .. import experiments

INITS = {"he": "He", "torch": "default"}


def learning_rates(data, arms=("none", "batch", "start")):
    """Test accuracy over the learning rate: a column for each depth and initialization, a row for each length.

    data  what experiments.learning_rates returned
    arms  the curves to draw, of those there are
    Returns axes (an array), text: whose band is wider, and the bands of all arms.
    """
    table, cases, steps = data["table"], _cases(data["table"]), data["steps"]
    size = (max(2.15 * len(cases), 5.2), 1.5 + 1.55 * len(steps))
    figure, axes = plt.subplots(len(steps), len(cases), figsize=size, sharex=True, sharey=True, squeeze=False)
    limits = 90 * experiments.best(table)
    for row, step in zip(axes, steps, strict=True):
        for ax, (depth, init) in zip(row, cases, strict=True):
            if step not in _steps(table, depth, init):
                ax.set_axis_off()
                continue
            case = _case(table, depth, init, step)
            for arm in [arm for arm in arms if arm in set(case["arm"])]:
                _curve(ax, case[case["arm"] == arm], ARMS[arm])
            ax.axhline(limits[step], color="0.3", linewidth=0.9, linestyle=":")
            ax.set(xscale="log", ylim=(0, 102), title=_name(depth, init) if step == steps[0] else "")
            ax.set_xticks([10**k for k in range(-3, 2) if min(data["rates"]) <= 10**k <= max(data["rates"])])
            ax.minorticks_off()
            if step == max(_steps(table, depth, init)):
                ax.tick_params(labelbottom=True)
                ax.set_xlabel("learning rate")
        row[0].set_ylabel(f"{step} steps:\ntest accuracy (%)")
        row[0].text(data["rates"][0], limits[step] + 1, "good", fontsize=8, color="0.3")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    verdict = _verdict(data, "band")
    figure.suptitle(verdict)
    return axes.ravel(), "\n".join([f"Accuracy over the learning rate. {verdict}.", *_bands(data)])


def _cases(table):
    return list(table[["depth", "init"]].drop_duplicates().itertuples(index=False, name=None))


def _steps(table, depth, init):
    """After how many steps the nets of a case were measured."""
    return sorted(set(table.loc[(table["depth"] == depth) & (table["init"] == init), "step"]))


def _case(table, depth, init, step):
    return results.of(table, "test_accuracy", step, depth=depth, init=init, twin=0)


def _name(depth, init):
    return f"{depth} layers, {INITS[init]} init"


def _by_seed(part):
    """Rates (n,), and what was measured of one arm: (n, seeds)."""
    found = part.pivot(index="lr", columns="seed", values="value")
    return found.index.to_numpy(), found.to_numpy()


def _curve(ax, part, style):
    """Accuracy in per cent: the mean over seeds in a band from worst to best."""
    lr, accuracy = _by_seed(part)
    values = 100 * accuracy
    ax.fill_between(lr, values.min(1), values.max(1), color=style["color"], alpha=0.25, linewidth=0)
    ax.plot(lr, values.mean(1), **style)


_WHAT = {"band": "band of good rates is wider", "ceiling": "ceiling is higher"}


def _verdict(data, measure):
    """In how many cases BatchNorm has more than no normalization, by Holm over all comparisons of the sweep."""
    found = experiments.compared(data["table"])
    if found.empty or not ((found["arm"] == "batch") & (found["measure"] == measure)).any():
        return "There is no pair with and without BatchNorm to compare"
    found = found[(found["arm"] == "batch") & (found["measure"] == measure)]
    counts = [
        f"in {(part['verdict'] == 'more').sum()} of {len(part)} cases after {step} steps"
        for step, part in found.groupby("step")
    ]
    return f"BatchNorm's {_WHAT[measure]} {', '.join(counts)}"


def _bands(data):
    """Lines: the best accuracy and the band of every arm."""
    found, limits = experiments.bands(data["table"]), experiments.best(data["table"])
    good = ", ".join(f"{90 * limits[step]:.1f} % after {step} steps" for step in data["steps"])
    lines = [f"Good: accuracy of {good}. Decades of good rates, {data['seeds']} seeds, [95 % interval]."]
    for depth, init in _cases(data["table"]):
        rows = []
        for arm in dict.fromkeys(found["arm"]):
            row = {_name(depth, init): ARMS[arm]["label"]}
            for step in _steps(data["table"], depth, init):
                part = found[(found[["depth", "init", "arm", "step"]] == [depth, init, arm, step]).all(axis=1)]
                row |= _of_arm(part, _case(data["table"], depth, init, step), arm, step)
            rows.append(row)
        lines += ["", results.printed(rows)]
    return lines


def _of_arm(part, case, arm, step):
    """Two cells of a table: best accuracy and band after this number of steps; empty if the arm was not trained on."""
    names = f"best, {step} steps", f"band, {step} steps"
    if part.empty:
        return dict.fromkeys(names, "")
    means = case[case["arm"] == arm].groupby("lr")["value"].mean()
    widths = part.loc[part["measure"] == "band", "value"]
    more = "" if part.loc[part["measure"] == "enclosed", "value"].all() else " or more"
    width = results.spread(widths.mean(), *results.interval(widths), sign=False) + more
    top = f"{100 * means.max():.1f} %" + (f" at {means.idxmax():.2g}" if means.max() > 0.5 else "")
    return dict(zip(names, (top, width), strict=True))


def good_rates(data):
    """From which rate to which the good ones reach, and the ceiling: every arm, a panel for each case.

    data  what experiments.learning_rates returned
    Returns axes (an array), text: ceilings, and how the edges move with the length of training.
    """
    table, cases = data["table"], _cases(data["table"])
    found = experiments.bands(table)
    names = list(dict.fromkeys(found["arm"]))[::-1]
    size = (max(1.9 * len(cases) + 1.6, 6.5), 1.1 + 0.32 * len(names))
    figure, axes = plt.subplots(1, len(cases), figsize=size, sharex=True, sharey=True, squeeze=False)
    for ax, (depth, init) in zip(axes[0], cases, strict=True):
        for (arm, step), part in found[(found["depth"] == depth) & (found["init"] == init)].groupby(["arm", "step"]):
            longest = step == data["steps"][-1] and len(data["steps"]) > 1
            _reach(ax, part, names.index(arm) - (0.17 if longest else -0.17), ARMS[arm]["color"], longest)
        ax.set(xscale="log", xlabel="learning rate", title=_name(depth, init), ylim=(-0.6, len(names) - 0.4))
        ax.minorticks_off()
    axes[0, 0].set_yticks(range(len(names)), [ARMS[name]["label"] for name in names])
    below = f", below after {data['steps'][-1]}" if len(data["steps"]) > 1 else ""
    figure.suptitle(f"Good rates: upper bars after {data['steps'][0]} steps{below}; dots: ceilings")
    return axes[0], "\n".join([f"{_verdict(data, 'ceiling')}.", _edges(data), "", *_ceilings(data)])


def _reach(ax, part, y, color, filled):
    left, right, ceiling = (part.loc[part["measure"] == name, "value"] for name in ("left", "right", "ceiling"))
    if left.notna().all():
        ax.plot(_geometric([left, right], axis=1), [y, y], color=color, linewidth=4, alpha=1.0 if filled else 0.5)
    if ceiling.notna().all():
        ax.plot(_geometric(ceiling), y, "o", color=color, markersize=4, fillstyle="full" if filled else "none")


def _geometric(values, axis=None):
    return np.exp(np.mean(np.log(values), axis=axis))


def _edges(data):
    """A line: how the left and the right edge move with the length of training."""
    found = experiments.moved(data["table"])
    if found.empty:
        return "Trained for one length."
    says = []
    for edge, part in found.groupby("measure", sort=False):
        verdicts = {"more": "higher", "less": "lower", results.UNSETTLED: results.UNSETTLED}
        counts = part["verdict"].map(verdicts).value_counts()
        told = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
        says.append(f"{edge} edge x {_geometric(part['mean']):.2g} ({told})")
    return f"From {data['steps'][0]} to {data['steps'][-1]} steps, bands of {len(part)} nets: {'; '.join(says)}."


def _ceilings(data):
    """Lines: the ceiling of every arm, and its ratio to the net without normalization."""
    found, pairs = experiments.bands(data["table"]), experiments.compared(data["table"])
    lines = [
        "Ceiling: the rate up to which half of the test images are right. x: its ratio to the plain net's",
        "(BatchNorm with momentum: to momentum) [95 % interval, and what the distance of the rates leaves open].",
        "In brackets: not told from 1 (Holm, all comparisons of the sweep together).",
    ]
    for depth, init in _cases(data["table"]):
        rows = []
        for arm in dict.fromkeys(found["arm"]):
            row = {_name(depth, init): ARMS[arm]["label"]}
            for step in _steps(data["table"], depth, init):
                where = [depth, init, arm, step, "ceiling"]
                ceiling = found.loc[(found[["depth", "init", "arm", "step", "measure"]] == where).all(axis=1), "value"]
                row[f"{step} steps"] = _ceiling(ceiling)
                row[f"x, {step}"] = _ratio(pairs, where)
            rows.append(row)
        lines += ["", results.printed(rows)]
    return lines


def _ceiling(values):
    if values.isna().any():
        return "none" if values.isna().all() else "none for some seeds"
    return f"{_geometric(values):.2g}" if len(values) else ""


def _ratio(pairs, where):
    if pairs.empty:
        return ""
    row = pairs[(pairs[["depth", "init", "arm", "step", "measure"]] == where).all(axis=1)]
    if row.empty:
        return ""
    row = row.iloc[0]
    text = f"{_short(row['mean'])} [{_short(row['low'])}, {_short(row['high'])}]"
    return f"({text})" if row["verdict"] == results.UNSETTLED else text


def _short(value):
    return f"{value:.2g}" if value < 100 else f"{value:,.0f}"


def rate_heat_map(data, depth, init, step, arms=("none", "batch")):
    """Accuracy of every single run: one row per seed, one column per learning rate.

    data         what experiments.learning_rates returned
    depth, init  which of its cases
    step         after how many steps
    arms         one panel each
    Returns axes (an array, one per arm), text.
    """
    figure, axes = plt.subplots(len(arms), 1, figsize=(6.8, 1.1 + 0.95 * len(arms)), sharex=True, squeeze=False)
    axes, limit = axes[:, 0], 90 * experiments.best(data["table"])[step]
    lines, case = [], _case(data["table"], depth, init, step)
    for ax, name in zip(axes, arms, strict=True):
        lr, accuracy = _by_seed(case[case["arm"] == name])
        accuracy = 100 * accuracy.T
        picture = ax.imshow(accuracy, vmin=0, vmax=100, aspect="auto", cmap="cividis", interpolation="nearest")
        good = (accuracy >= limit).sum(0)
        span = [_short(rate) for rate, count in zip(lr, good, strict=True) if count == len(accuracy)]
        mixed = [_short(rate) for rate, count in zip(lr, good, strict=True) if 0 < count < len(accuracy)]
        says = f"{ARMS[name]['label']}: good for all {len(accuracy)} seeds "
        says += f"from {span[0]} to {span[-1]}" if span else "at no rate"
        lines.append(f"{says}; seeds differ at {', '.join(mixed) or 'no rate'}.")
        ax.set(title=says, ylabel="seed", yticks=[0, len(accuracy) - 1])
        ax.grid(False)
    ticks = [i for i, rate in enumerate(lr) if abs(np.log10(rate) - round(np.log10(rate))) < 1e-3]
    axes[-1].set_xticks(ticks, [f"{lr[i]:g}" for i in ticks])
    axes[-1].set_xlabel("learning rate")
    figure.colorbar(picture, ax=list(axes), label="test accuracy (%)")
    figure.suptitle(f"{_name(depth, init)}, {step} steps: every run")
    return axes, "\n".join([f"{_name(depth, init)}, {step} steps; good is {limit:.1f} % or more.", *lines])
