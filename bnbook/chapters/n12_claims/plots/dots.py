"""What the figures of notebook 12 share: an effect as a dot with its interval, coloured by what it says."""

VERDICTS = {
    "true": ("#0072B2", "o"),
    "false": ("#D55E00", "X"),
    "not settled here": ("#777777", "s"),
    "depends": ("#009E73", "D"),
}


def shown(difference, digits=1):
    """A mean and its interval in words; difference: a dict with both."""
    low, high = difference["interval"]
    return f"{difference['mean']:+z.{digits}f} [{low:+z.{digits}f}, {high:+z.{digits}f}]"


def sign(interval):
    """Colour and marker of an interval above 0, below 0, or around it."""
    return VERDICTS["true" if interval[0] > 0 else "false" if interval[1] < 0 else "not settled here"]


def dot(ax, difference, y, color, marker):
    """Draw a mean and its interval in row y."""
    ax.plot(difference["interval"], [y, y], color=color, linewidth=2, solid_capstyle="butt")
    ax.plot(difference["mean"], y, marker, color=color, markersize=7)


def signed_points(ax, ticks):
    """An x axis of points that is logarithmic beyond 2, with a sign before each number."""
    ax.set_xscale("symlog", linthresh=2, linscale=1.5)
    ax.set_xticks(ticks, [f"{tick:+d}" if tick else "0" for tick in ticks])
