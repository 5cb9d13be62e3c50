"""The drawings of notebook 07 on gradients."""

import pandas as pd

from bnbook.lab.results import compare, holm, of, printed, spread

from ..experiments import over_looks, steps_to_90
from .parts import case_dots, case_panels, counted, legend, of_case, steps_in_words


def gradient_shift(data):
    """How much gradients change when the layers below have moved, and how long training takes.

    data   what experiments.gradient_shift returned
    Returns axes (an array of 2), text.
    """
    table, cases = data["table"], data["cases"]
    figure, axes = case_panels(cases, 2)
    case_dots(axes[0], data, over_looks(table, "relative"))
    steps = steps_to_90(table, data["steps"])
    case_dots(axes[1], data, steps)
    axes[0].set(xlabel="|G - G'| / |G|", title="how much the gradient changes", xlim=(0, None))
    axes[1].set(xlabel=f"steps to 90 % ({data['steps']}: not reached)", title="how long training takes", xlim=(0, None))
    legend(figure, axes[0])
    change, cosine = (_differences(table, measure, cases) for measure in ("relative", "cosine"))
    # Accuracy is looked at every five steps.
    later = holm([compare(steps[steps["case"] == case], *_PAIR, "steps_to_90", known_to=2.5) for case in cases])
    less, more, open_ = counted(change["verdict"], "less", "more", "not settled here")
    title = f"With BatchNorm gradients change less in {less} of {len(cases)} settings, more in {more}"
    figure.suptitle(title)
    rows = pd.DataFrame({"setting": cases, "change": _spreads(change), "": change["verdict"]})
    rows["cosine"] = _spreads(cosine)
    known = of(table, "steps_to_90")
    for arm, name in (("none", "steps without"), ("batch", "with")):
        chosen = known[known["arm"] == arm].groupby("case")["value"]
        rows[name] = [steps_in_words(chosen.get_group(case)) for case in cases]
    rows["faster"] = later["verdict"].map({"less": "with", "more": "without"}).fillna("not settled")
    lines = [
        f"{title}, not settled in {open_}.",
        _does_the_calmer_net_win(change["verdict"], later["verdict"]),
        "",
        f"BatchNorm minus none, {data['seeds']} seeds [95 % interval], and median steps to 90 %; verdicts after Holm:",
        printed(rows),
    ]
    return axes, "\n".join(lines)


_PAIR = ("batch", "none")


def _differences(table, measure, cases):
    return holm([compare(of_case(table, measure, case), *_PAIR, measure) for case in cases])


def _spreads(rows, digits=2):
    return [spread(row["mean"], row["low"], row["high"], digits) for _, row in rows.iterrows()]


def _does_the_calmer_net_win(change, later):
    """Is the faster net the one whose gradients change less? Over the cases in which both differences are settled."""
    settled = [pair for pair in zip(change, later, strict=True) if set(pair) <= {"less", "more"}]
    won = sum(a == b for a, b in settled)
    return f"Where both are settled, the faster net is the one with less change in {won} of {len(settled)} settings."


def deep_linear(data):
    """The same for deep linear nets, and how far their loss has come down.

    data   what experiments.deep_linear returned
    Returns axes (an array of 2), text.
    """
    table, cases = data["table"], data["cases"]
    figure, axes = case_panels(cases, 2)
    loss = of(table, "train_loss")
    case_dots(axes[0], data, over_looks(table, "relative"))
    case_dots(axes[1], data, loss)
    axes[0].set(xlabel="|G - G'| / |G|", title="how much the gradient changes", xlim=(0, None))
    axes[1].set(xlabel=f"training loss after {data['steps']} steps", title="how far training has come", xlim=(0, None))
    legend(figure, axes[0])
    compared = [compare(of_case(table, "relative", case), *_PAIR, "relative") for case in cases]
    for measure in ("train_loss", "train_accuracy"):
        values = of(table, measure)
        compared += [compare(values[values["case"] == case], *_PAIR, measure) for case in cases]
    rows, n = holm(compared), len(cases)  # three conclusions for each case, from one table
    change, losses, accuracy = rows[:n], rows[n : 2 * n], rows[2 * n :]
    less, more = counted(change["verdict"], "less", "more")
    title = f"Deep linear nets: with BatchNorm gradients change less in {less} of {n} settings, more in {more}"
    figure.suptitle(title)
    columns = {"change": _starred(change), "loss": _starred(losses), "accuracy (points)": _starred(accuracy, 1)}
    lines = [
        f"{title}.",
        _does_the_calmer_net_win(change["verdict"], losses["verdict"]).replace("faster net", "net with the lower loss"),
        "",
        f"BatchNorm minus none, {data['seeds']} seeds [95 % interval]; * not settled after Holm:",
        printed(pd.DataFrame({"setting": cases} | columns)),
    ]
    return axes, "\n".join(lines)


def _starred(rows, digits=2):
    stars = rows["verdict"].eq("not settled here").map({True: "*", False: ""})
    return [text + star for text, star in zip(_spreads(rows, digits), stars, strict=True)]
