"""Wrong answers to the exercise `band`."""

import numpy as np

from bnbook.grading.exercise import slip_of

# --- band(lr, accuracy, best, share) -> width ------------------------------------------------------------------------


def _pieces(where, above, part=lambda low, high: high / (high - low)):
    """Width above 0 of a line through points, with what to count of a piece that crosses 0."""
    width = 0.0
    for i in range(len(where) - 1):
        low, high = sorted(above[i : i + 2])
        good = 1.0 if low >= 0 else part(low, high) if high > 0 else 0.0
        width += good * (where[i + 1] - where[i])
    return width


@slip_of("band")
def band_by_counting(lr, accuracy, best, share=0.9):
    """counting the good rates: the number, {width} on the example, depends on how fine the grid is. A width does not:
    expected {right_width} decades."""
    return float(np.sum(np.asarray(accuracy) >= share * best))


@slip_of("band")
def band_on_the_grid(lr, accuracy, best, share=0.9):
    """going from the first good rate of the grid to the last: {width} decades on the example. But between 0.01 (bad)
    and 0.1 (good) the line rises above the limit before 0.1: with the crossings it is {right_width}."""
    good = np.flatnonzero(np.asarray(accuracy) >= share * best)
    return float(np.log10(lr[good[-1]] / lr[good[0]])) if len(good) else 0.0


@slip_of("band")
def band_of_its_own_best(lr, accuracy, best, share=0.9):
    """using the arm's own best, max(accuracy): a net that never trains, 10 % at every rate, then has the widest band
    of all. The limit is share * best, with the best of all arms."""
    return _pieces(np.log10(lr), np.asarray(accuracy) - share * max(accuracy))


@slip_of("band")
def band_in_natural_logarithms(lr, accuracy, best, share=0.9):
    """np.log: the natural logarithm of 10 is 2.3, so every decade counts 2.3; you find {width} where {right_width} is
    right. np.log10 counts decades."""
    return _pieces(np.log(lr), np.asarray(accuracy) - share * best)


@slip_of("band")
def band_in_octaves(lr, accuracy, best, share=0.9):
    """np.log2: that counts doublings, 3.32 for each decade: {width} on the example, in decades it is {right_width}."""
    return _pieces(np.log2(lr), np.asarray(accuracy) - share * best)


@slip_of("band")
def band_without_logarithm(lr, accuracy, best, share=0.9):
    """measuring on the axis of lr itself: then 1 to 2 is as wide as 0.001 to 1.001, and the largest rates decide
    alone: {width} on the example. Use log10(lr) as the axis: {right_width}."""
    return _pieces(np.asarray(lr), np.asarray(accuracy) - share * best)


@slip_of("band")
def band_as_a_factor(lr, accuracy, best, share=0.9):
    """giving the factor between the ends, 10 to the power of the width: {width} on the example, in decades that is
    {right_width}."""
    return 10 ** _pieces(np.log10(lr), np.asarray(accuracy) - share * best)


@slip_of("band")
def band_of_the_best_only(lr, accuracy, best, share=0.9):
    """leaving share out: accuracy >= best is reached at 1 rate of the winner, if at all. The limit is share * best;
    on the example you find {width}, expected {right_width}."""
    return _pieces(np.log10(lr), np.asarray(accuracy) - best)


@slip_of("band")
def band_with_fixed_share(lr, accuracy, best, share=0.9):
    """writing 0.9 where share should stand: on the example share is 0.8, and you find {width} in place of
    {right_width}."""
    return _pieces(np.log10(lr), np.asarray(accuracy) - 0.9 * best)


@slip_of("band")
def band_below_best_by_a_difference(lr, accuracy, best, share=0.9):
    """subtracting 1 - share: best - 0.1 is '10 points below', share * best is '90 % of it'. They agree only where best
    is 1, and here it is 0.96 or less."""
    return _pieces(np.log10(lr), np.asarray(accuracy) - (best - (1 - share)))


@slip_of("band")
def band_without_best(lr, accuracy, best, share=0.9):
    """comparing with share alone: an accuracy of 0.9 or more, whatever the best arm reached. Where the best is 0.5, a
    good rate is one that reaches 0.45: share * best."""
    return _pieces(np.log10(lr), np.asarray(accuracy) - share)


@slip_of("band")
def band_of_whole_pieces_both_good(lr, accuracy, best, share=0.9):
    """counting a piece only if both its ends are good: the parts of the outer pieces that lie above the limit are
    missing, {width} on the example in place of {right_width}. The crossing cuts the piece at high / (high - low)."""
    return _pieces(np.log10(lr), np.asarray(accuracy) - share * best, part=lambda low, high: 0.0) + 0.0


@slip_of("band")
def band_of_whole_pieces_one_good(lr, accuracy, best, share=0.9):
    """counting a piece as soon as one of its ends is good: {width} on the example, too wide by what lies below the
    limit; {right_width} is right."""
    return _pieces(np.log10(lr), np.asarray(accuracy) - share * best, part=lambda low, high: 1.0)


@slip_of("band")
def band_of_half_pieces(lr, accuracy, best, share=0.9):
    """counting half of a piece that crosses the limit: right on average, but a straight line from 0.5 to 0.9 crosses
    0.8 after three quarters of the way. The good part is high / (high - low)."""
    return _pieces(np.log10(lr), np.asarray(accuracy) - share * best, part=lambda low, high: 0.5)


@slip_of("band")
def band_of_the_wrong_part(lr, accuracy, best, share=0.9):
    """taking the part of a piece *below* the limit: on the example {width}, expected {right_width}. Of a piece from
    low = -0.3 to high = 0.1 a quarter is above: 0.1 / 0.4."""
    return _pieces(np.log10(lr), np.asarray(accuracy) - share * best, part=lambda low, high: -low / (high - low))


@slip_of("band")
def band_from_first_to_last(lr, accuracy, best, share=0.9):
    """measuring from the first crossing to the last: if the accuracy dips below the limit in between, the dip is no
    part of the band. Add up piece by piece; between 2 good rates there may be a bad one."""
    where, above = np.log10(lr), np.asarray(accuracy) - share * best
    good = np.flatnonzero(above >= 0)
    if not len(good):
        return 0.0
    first, last = good[0], good[-1]
    left = (where[first] - where[first - 1]) * above[first] / (above[first] - above[first - 1]) if first else 0.0
    rest = len(above) - 1 - last
    right = (where[last + 1] - where[last]) * above[last] / (above[last] - above[last + 1]) if rest else 0.0
    return float(where[last] - where[first] + left + right)


@slip_of("band")
def band_interpolated_in_lr(lr, accuracy, best, share=0.9):
    """interpolating on the axis of lr and taking logarithms afterwards: half of the way from 0.01 to 1 is then 0.5
    and not 0.1. The straight lines run over log10(lr); you find {width}, expected {right_width}."""
    above, width = np.asarray(accuracy) - share * best, 0.0
    for i in range(len(above) - 1):
        (a, b), (x, y) = above[i : i + 2], lr[i : i + 2]
        if max(a, b) > 0:
            crossing = x + (y - x) * a / (a - b) if min(a, b) < 0 else None
            start, end = (x if a >= 0 else crossing), (y if b >= 0 else crossing)
            width += np.log10(end / start)
    return width


@slip_of("band")
def band_of_equal_pieces(lr, accuracy, best, share=0.9):
    """counting every piece as one decade: on the example each is one, in the inputs they have 0.25 to 1.4.
    A piece has the width log10(lr[i + 1]) - log10(lr[i])."""
    return _pieces(np.arange(len(lr)), np.asarray(accuracy) - share * best)


@slip_of("band")
def band_as_a_share_of_rates(lr, accuracy, best, share=0.9):
    """giving the share of the rates that are good: {width} on the example; a grid that reaches farther into failure
    makes it smaller. Asked are decades: {right_width}."""
    return float(np.mean(np.asarray(accuracy) >= share * best))


@slip_of("band")
def band_without_brackets(lr, accuracy, best, share=0.9):
    """high / high - low without brackets: Python divides first, and 1 - low is left, more than the whole piece. The
    part is high / (high - low): {right_width} on the example, yours is {width}."""
    return _pieces(np.log10(lr), np.asarray(accuracy) - share * best, part=lambda low, high: 1 - low)
