"""What the figures of notebook 12 share: an effect as a dot with its interval, coloured by what it says."""

from bnbook.lab import results

# of a claim, and of a comparison
LOOKS = {
    "true": ("#0072B2", "o"),
    "false": ("#D55E00", "X"),
    "not settled here": ("#777777", "s"),
    "depends": ("#009E73", "D"),
    "more": ("#0072B2", "o"),
    "less": ("#D55E00", "X"),
    "no difference": ("#009E73", "D"),
}


def shown(row, digits=1):
    """A mean and its interval in words; row: a dict with mean, low, high."""
    return results.spread(row["mean"], row["low"], row["high"], digits)


def dot(ax, row, y):
    """Draw a mean and its interval in row y, coloured by the verdict; row: a dict with these names."""
    color, marker = LOOKS[row["verdict"]]
    ax.plot([row["low"], row["high"]], [y, y], color=color, linewidth=2, solid_capstyle="butt")
    ax.plot(row["mean"], y, marker, color=color, markersize=7)


def signed_points(ax, ticks):
    """An x axis of points that is logarithmic beyond 2, with a sign before each number."""
    ax.set_xscale("symlog", linthresh=2, linscale=1.5)
    ax.set_xticks(ticks, [f"{tick:+d}" if tick else "0" for tick in ticks])


def percent(table, measure="test_accuracy", **where):
    """The mean of an accuracy over the runs, as text: '97.8 %'."""
    return f"{100 * results.of(table, measure, **where)['value'].mean():.1f} %"
