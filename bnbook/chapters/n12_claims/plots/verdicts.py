"""All claims and what became of them."""

import textwrap

import matplotlib.pyplot as plt
from matplotlib.lines import Line2D

from bnbook.lab import results

from .dots import LOOKS, dot, signed_points

KINDS = ("true", "false", "not settled here", "depends")


def table(claims):
    """One row for each claim: claim, verdict and the line of evidence that decides, folded where it is long.

    claims   what experiments.judged returned
    Returns text, at most 109 characters wide, which is what JupyterLab shows in a line.
    """
    rows = []
    for claim in claims:
        decides = "; ".join(f"{line.what}: {_effect(line, claim.unit)}" for line in claim.decisive)
        first, *more = textwrap.wrap(decides, 41, subsequent_indent="  ")
        rows.append({"BatchNorm ...": claim.claim, "verdict": claim.verdict, "evidence": first})
        rows += [{"BatchNorm ...": "", "verdict": "", "evidence": part} for part in more]
    return results.printed(rows)


def verdicts(claims):
    """All that was measured in points of accuracy, claim by claim; the text has every line, and the sources.

    claims   what experiments.judged returned
    Returns ax, text.
    """
    rows = [(claim, line) for claim in claims if claim.unit == "points" for line in claim.lines]
    figure, ax = plt.subplots(figsize=(9, 0.24 * len(rows) + 1.4))
    for y, (_, line) in enumerate(rows):
        dot(ax, line._asdict(), y)
        ax.plot(line.margin, y, "|", color="black", markersize=9)
    ax.set(yticks=range(len(rows)), yticklabels=[f"{claim.claim}: {line.what}" for claim, line in rows])
    ax.set(ylim=(len(rows) - 0.5, -0.5))
    ax.tick_params(axis="y", labelsize=8)
    signed_points(ax, [-50, -20, -5, -2, -1, 0, 1, 2, 5, 20, 50])
    ax.set(xlabel="points of accuracy in favour of the claim; black: the margin")
    counts = {kind: sum(claim.verdict == kind for claim in claims) for kind in KINDS}
    title = f"Of {len(claims)} claims: {', '.join(f'{n} {kind}' for kind, n in counts.items())}"
    ax.set_title(title)
    handles = [Line2D([], [], color=LOOKS[kind][0], marker=LOOKS[kind][1], label=kind) for kind in KINDS[:3]]
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
    return ax, "\n".join([f"{title}.", "", *_in_words(claims)])


def _in_words(claims):
    lines = ["Effects in favour of the claim, mean [interval], the intervals of a claim together at 95 %:"]
    for claim in claims:
        lines += [f"{claim.verdict.upper()}: BatchNorm {claim.claim}", f"    true if {claim.sharpened}"]
        lines += [f"    {line.what}: {_effect(line, claim.unit)}" for line in claim.lines]
        lines.append(f"    source: {claim.source}")
    return lines


def _effect(line, unit):
    """A measured line in digits that do not depend on the machine."""
    mean, low, high = line.mean, line.low, line.high
    if max(abs(mean), abs(low), abs(high)) < 1e-6:
        return f"0 {unit} (below a millionth)"
    digits = 0 if abs(mean) >= 20 else 1 if unit == "points" or abs(mean) >= 1 else 2
    return f"{results.spread(mean, low, high, digits)} {unit}" if low < high else f"{mean:+.2g} {unit}"
