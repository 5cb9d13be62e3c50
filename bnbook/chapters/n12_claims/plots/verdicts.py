"""All claims and what became of them."""

import matplotlib.pyplot as plt
from matplotlib.lines import Line2D

from .dots import VERDICTS, dot, signed_points


def claims(data):
    """All that was measured in points of accuracy, claim by claim; the text is the table of verdicts.

    data   what experiments.claims returned
    Returns ax, text.
    """
    rows = [(row, found) for row in data["rows"] if row["unit"] == "points" for found in row["measured"]]
    figure, ax = plt.subplots(figsize=(9, 0.24 * len(rows) + 1.4))
    for y, (_, found) in enumerate(rows):
        color, marker = VERDICTS[found["verdict"]]
        dot(ax, {"mean": found["mean"], "interval": [found["low"], found["high"]]}, y, color, marker)
        ax.plot(found["margin"], y, "|", color="black", markersize=9)
    names = [f"{row['claim']}: {found['what']}" for row, found in rows]
    ax.set(yticks=range(len(rows)), yticklabels=names, ylim=(len(rows) - 0.5, -0.5))
    ax.tick_params(axis="y", labelsize=8)
    signed_points(ax, [-50, -20, -5, -2, -1, 0, 1, 2, 5, 20, 50])
    ax.set(xlabel="points of accuracy in favour of the claim; black: the margin")
    counts = {verdict: sum(row["verdict"] == verdict for row in data["rows"]) for verdict in VERDICTS}
    title = f"Of {len(data['rows'])} claims: {', '.join(f'{n} {verdict}' for verdict, n in counts.items())}"
    ax.set_title(title)
    handles = [Line2D([], [], color=c, marker=m, label=v) for v, (c, m) in list(VERDICTS.items())[:3]]
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
    return ax, "\n".join([f"{title}.", *_in_words(data)])


def _in_words(data):
    kept = [row["claim"] for row in data["rows"] if row["verdict"] == "true"]
    lines = [f"True without conditions: BatchNorm {'; '.join(kept) or '(none of them)'}."]
    lines.append(f"Effects in favour of the claim, mean [95 % interval over {data['seeds']} seeds]:")
    for row in data["rows"]:
        lines += [f"{row['verdict'].upper()}: BatchNorm {row['claim']}", f"    true if {row['sharpened']}"]
        lines += [f"    {found['what']}: {_effect(found, row['unit'])}" for found in row["measured"]]
        lines.append(f"    source: {row['source']}")
    return lines


def _effect(found, unit):
    """A measured line in digits that do not depend on the machine."""
    if max(abs(found[key]) for key in ("mean", "low", "high")) < 1e-6:
        return f"0 {unit} (below a millionth)"
    return f"{found['mean']:+z.2g} [{found['low']:+z.2g}, {found['high']:+z.2g}] {unit}"
