"""Wrong answers to the exercises of notebook 08."""

import numpy as np

# --- band(lr, accuracy, best, share) -> width ------------------------------------------------------------------------


def _pieces(where, above, part=lambda low, high: high / (high - low)):
    """Width above 0 of a line through points, with what to count of a piece that crosses 0."""
    width = 0.0
    for i in range(len(where) - 1):
        low, high = sorted(above[i : i + 2])
        good = 1.0 if low >= 0 else part(low, high) if high > 0 else 0.0
        width += good * (where[i + 1] - where[i])
    return width


def band_by_counting(lr, accuracy, best, share=0.9):
    """counting the good rates: the number, {width} on the example, depends on how fine the grid is. A width does not:
    expected {right_width} decades."""
    return float(np.sum(np.asarray(accuracy) >= share * best))


def band_on_the_grid(lr, accuracy, best, share=0.9):
    """going from the first good rate of the grid to the last: {width} decades on the example. But between 0.01 (bad)
    and 0.1 (good) the line rises above the limit before 0.1: with the crossings it is {right_width}."""
    good = np.flatnonzero(np.asarray(accuracy) >= share * best)
    return float(np.log10(lr[good[-1]] / lr[good[0]])) if len(good) else 0.0


def band_of_its_own_best(lr, accuracy, best, share=0.9):
    """using the arm's own best, max(accuracy): a net that never trains, 10 % at every rate, then has the widest band
    of all. The limit is share * best, with the best of all arms."""
    return _pieces(np.log10(lr), np.asarray(accuracy) - share * max(accuracy))


def band_in_natural_logarithms(lr, accuracy, best, share=0.9):
    """np.log: the natural logarithm of 10 is 2.3, so every decade counts 2.3; you find {width} where {right_width} is
    right. np.log10 counts decades."""
    return _pieces(np.log(lr), np.asarray(accuracy) - share * best)


def band_in_octaves(lr, accuracy, best, share=0.9):
    """np.log2: that counts doublings, 3.32 for each decade: {width} on the example, in decades it is {right_width}."""
    return _pieces(np.log2(lr), np.asarray(accuracy) - share * best)


def band_without_logarithm(lr, accuracy, best, share=0.9):
    """measuring on the axis of lr itself: then 1 to 2 is as wide as 0.001 to 1.001, and the largest rates decide
    alone: {width} on the example. Use log10(lr) as the axis: {right_width}."""
    return _pieces(np.asarray(lr), np.asarray(accuracy) - share * best)


def band_as_a_factor(lr, accuracy, best, share=0.9):
    """giving the factor between the ends, 10 to the power of the width: {width} on the example, in decades that is
    {right_width}."""
    return 10 ** _pieces(np.log10(lr), np.asarray(accuracy) - share * best)


def band_of_the_best_only(lr, accuracy, best, share=0.9):
    """leaving share out: accuracy >= best is reached at 1 rate of the winner, if at all. The limit is share * best;
    on the example you find {width}, expected {right_width}."""
    return _pieces(np.log10(lr), np.asarray(accuracy) - best)


def band_with_fixed_share(lr, accuracy, best, share=0.9):
    """writing 0.9 where share should stand: on the example share is 0.8, and you find {width} in place of
    {right_width}."""
    return _pieces(np.log10(lr), np.asarray(accuracy) - 0.9 * best)


def band_below_best_by_a_difference(lr, accuracy, best, share=0.9):
    """subtracting 1 - share: best - 0.1 is '10 points below', share * best is '90 % of it'. They agree only where best
    is 1, and here it is 0.96 or less."""
    return _pieces(np.log10(lr), np.asarray(accuracy) - (best - (1 - share)))


def band_without_best(lr, accuracy, best, share=0.9):
    """comparing with share alone: an accuracy of 0.9 or more, whatever the best arm reached. Where the best is 0.5, a
    good rate is one that reaches 0.45: share * best."""
    return _pieces(np.log10(lr), np.asarray(accuracy) - share)


def band_of_whole_pieces_both_good(lr, accuracy, best, share=0.9):
    """counting a piece only if both its ends are good: the parts of the outer pieces that lie above the limit are
    missing, {width} on the example in place of {right_width}. The crossing cuts the piece at high / (high - low)."""
    return _pieces(np.log10(lr), np.asarray(accuracy) - share * best, part=lambda low, high: 0.0) + 0.0


def band_of_whole_pieces_one_good(lr, accuracy, best, share=0.9):
    """counting a piece as soon as one of its ends is good: {width} on the example, too wide by what lies below the
    limit; {right_width} is right."""
    return _pieces(np.log10(lr), np.asarray(accuracy) - share * best, part=lambda low, high: 1.0)


def band_of_half_pieces(lr, accuracy, best, share=0.9):
    """counting half of a piece that crosses the limit: right on average, but a straight line from 0.5 to 0.9 crosses
    0.8 after three quarters of the way. The good part is high / (high - low)."""
    return _pieces(np.log10(lr), np.asarray(accuracy) - share * best, part=lambda low, high: 0.5)


def band_of_the_wrong_part(lr, accuracy, best, share=0.9):
    """taking the part of a piece *below* the limit: on the example {width}, expected {right_width}. Of a piece from
    low = -0.3 to high = 0.1 a quarter is above: 0.1 / 0.4."""
    return _pieces(np.log10(lr), np.asarray(accuracy) - share * best, part=lambda low, high: -low / (high - low))


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


def band_of_equal_pieces(lr, accuracy, best, share=0.9):
    """counting every piece as one decade: on the example each is one, in the inputs they have 0.25 to 1.4.
    A piece has the width log10(lr[i + 1]) - log10(lr[i])."""
    return _pieces(np.arange(len(lr)), np.asarray(accuracy) - share * best)


def band_as_a_share_of_rates(lr, accuracy, best, share=0.9):
    """giving the share of the rates that are good: {width} on the example; a grid that reaches farther into failure
    makes it smaller. Asked are decades: {right_width}."""
    return float(np.mean(np.asarray(accuracy) >= share * best))


band = [
    band_by_counting,
    band_on_the_grid,
    band_of_its_own_best,
    band_in_natural_logarithms,
    band_in_octaves,
    band_without_logarithm,
    band_as_a_factor,
    band_of_the_best_only,
    band_with_fixed_share,
    band_below_best_by_a_difference,
    band_without_best,
    band_of_whole_pieces_both_good,
    band_of_whole_pieces_one_good,
    band_of_half_pieces,
    band_of_the_wrong_part,
    band_from_first_to_last,
    band_interpolated_in_lr,
    band_of_equal_pieces,
    band_as_a_share_of_rates,
]


# --- invariance_check(f, gradient, w, a) -> change, mismatch, cosine -------------------------------------------------


def _length(v):
    return np.sqrt(np.sum(v * v))


def _check(f, gradient, w, a, change=None, mismatch=None, cosine=None):
    """The right three numbers, with some of them replaced."""
    before, after = gradient(w), gradient(a * w)
    return (
        f(a * w) - f(w) if change is None else change,
        _length(a * after - before) / _length(before) if mismatch is None else mismatch,
        np.sum(w * after) / (_length(w) * _length(after)) if cosine is None else cosine,
    )


def invariance_check_with_a_on_the_other_side(f, gradient, w, a):
    """multiplying gradient(w) by a: where the weights are a times as long, a step has a times *less* effect on the
    direction, so gradient(a w) is the smaller one, by 1 / a. Compare a * gradient(a w) with gradient(w); your mismatch
    is {mismatch}, expected {right_mismatch}."""
    before, after = gradient(w), gradient(a * w)
    return _check(f, gradient, w, a, mismatch=_length(after - a * before) / _length(before))


def invariance_check_of_equal_gradients(f, gradient, w, a):
    """comparing gradient(a w) with gradient(w) as they are: that asks whether f is a straight line. If only the
    direction counts, they differ by the factor a; on the example you find {mismatch}, expected {right_mismatch}."""
    before, after = gradient(w), gradient(a * w)
    return _check(f, gradient, w, a, mismatch=_length(after - before) / _length(before))


def invariance_check_dividing_by_a(f, gradient, w, a):
    """dividing gradient(a w) by a: it already is the smaller one if a is above 1. Multiply: with a = 10 and gradients
    of 0.1 and 1 only 10 * 0.1 - 1 is 0."""
    before, after = gradient(w), gradient(a * w)
    return _check(f, gradient, w, a, mismatch=_length(after / a - before) / _length(before))


def invariance_check_not_relative(f, gradient, w, a):
    """leaving out the division by |gradient(w)|: 0.001 is much if the gradient is 0.001 long and nothing if it is
    1,000. Your mismatch is {mismatch}, relative it is {right_mismatch}."""
    before, after = gradient(w), gradient(a * w)
    return _check(f, gradient, w, a, mismatch=_length(a * after - before))


def invariance_check_relative_to_the_other(f, gradient, w, a):
    """dividing by |gradient(a w)|: the yardstick is the gradient before scaling, |gradient(w)|; with a = 10 the other
    is a tenth as long, so the mismatch comes out ten times as large."""
    before, after = gradient(w), gradient(a * w)
    return _check(f, gradient, w, a, mismatch=_length(a * after - before) / _length(after))


def invariance_check_of_lengths(f, gradient, w, a):
    """subtracting lengths: |a gradient(a w)| - |gradient(w)| is 0 also for two gradients of equal length that point in
    different directions. First the difference, then its length: {right_mismatch}, not {mismatch}."""
    before, after = gradient(w), gradient(a * w)
    return _check(f, gradient, w, a, mismatch=abs(a * _length(after) - _length(before)) / _length(before))


def invariance_check_with_squares(f, gradient, w, a):
    """forgetting the root: the sum of squares is the length times itself, so a mismatch of 0.1 becomes 0.01. You find
    {mismatch}, expected {right_mismatch}."""
    before, after = gradient(w), gradient(a * w)
    return _check(f, gradient, w, a, mismatch=np.sum((a * after - before) ** 2) / np.sum(before**2))


def invariance_check_never_at_a_w(f, gradient, w, a):
    """multiplying the gradient in place of the weights: a * gradient(w) - gradient(w) is (a - 1) gradient(w), so the
    mismatch is |a - 1| = {mismatch} for every f. Ask gradient at a * w."""
    before, after = gradient(w), gradient(a * w)
    _ = after
    return _check(f, gradient, w, a, mismatch=_length(a * before - before) / _length(before))


def invariance_check_backwards(f, gradient, w, a):
    """f(w) - f(a w): the change is what comes out after minus what was there before; yours is {change}, expected
    {right_change}."""
    return _check(f, gradient, w, a, change=f(w) - f(a * w))


def invariance_check_without_sign(f, gradient, w, a):
    """taking the absolute value of the change: then nobody sees whether longer weights raise or lower f.
    Where they lower it, the change is below 0."""
    return _check(f, gradient, w, a, change=abs(f(a * w) - f(w)))


def invariance_check_relative_change(f, gradient, w, a):
    """dividing the change by f(w): where f is near 0, such as a loss at the end of training, 1 rounding error then
    looks like a change. Asked is f(a w) - f(w), {right_change}; yours is {change}."""
    return _check(f, gradient, w, a, change=f(a * w) / f(w) - 1)


def invariance_check_adding_a(f, gradient, w, a):
    """w + a in place of a * w: that shifts every weight by {change} in f on the example, and is another direction.
    The invariance is one of scale: a * w gives {right_change}."""
    return _check(f, gradient, w, a, change=f(w + a) - f(w))


def invariance_check_cosine_at_w(f, gradient, w, a):
    """taking the cosine at w: the third number asks for the gradient at a w, where a small a may have led into
    trouble, as eps does near 0. Yours is {cosine}, at a w it is {right_cosine}."""
    before = gradient(w)
    return _check(f, gradient, w, a, cosine=np.sum(w * before) / (_length(w) * _length(before)))


def invariance_check_without_lengths(f, gradient, w, a):
    """leaving out the lengths: w . gradient is {cosine} on the example and grows with both; a cosine lies between -1
    and 1: {right_cosine}."""
    return _check(f, gradient, w, a, cosine=np.sum(w * gradient(a * w)))


def invariance_check_between_gradients(f, gradient, w, a):
    """taking the cosine between the two gradients: that is 1 if they point the same way. Asked is the angle between
    the *weights* and the gradient, 90 degrees if only the direction counts: {right_cosine}, not {cosine}."""
    before, after = gradient(w), gradient(a * w)
    return _check(f, gradient, w, a, cosine=np.sum(before * after) / (_length(before) * _length(after)))


def invariance_check_with_a_mixed_cosine(f, gradient, w, a):
    """dividing by |gradient(w)| in the cosine: the product has gradient(a w) in it, so its own length belongs below.
    You find {cosine}, which can exceed 1; it should be {right_cosine}."""
    before, after = gradient(w), gradient(a * w)
    return _check(f, gradient, w, a, cosine=np.sum(w * after) / (_length(w) * _length(before)))


def invariance_check_by_matrix_norms(f, gradient, w, a):
    """np.linalg.norm(v, 2): for a matrix that is the *spectral* norm, how much it stretches a vector at most. Leave the
    2 out, and it is the length over all entries."""
    before, after = gradient(w), gradient(a * w)
    spectral = lambda v: np.linalg.norm(v, 2)  # noqa: E731
    cosine = np.sum(w * after) / (spectral(w) * spectral(after))
    return _check(f, gradient, w, a, mismatch=spectral(a * after - before) / spectral(before), cosine=cosine)


def invariance_check_with_a_matrix_product(f, gradient, w, a):
    """w @ gradient(a w): for vectors that is the inner product, for 2 axes and more a matrix product, which needs other
    shapes. The sum over all entries is np.sum(w * gradient(a * w))."""
    after = gradient(a * w)
    return _check(f, gradient, w, a, cosine=w @ after / (_length(w) * _length(after)))


def invariance_check_in_place(f, gradient, w, a):
    """writing into w: w *= a changes the caller's weights, so the second check would start from weights a = 2 times
    as long. Use a * w, which makes a new array."""
    before, start = gradient(w), f(w)
    w *= a
    after = gradient(w)
    cosine = np.sum(w * after) / (_length(w) * _length(after))
    return f(w) - start, _length(a * after - before) / _length(before), cosine


def invariance_check_in_another_order(f, gradient, w, a):
    """returning mismatch first: the order is change, mismatch, cosine. Your change is {change}, which is the mismatch;
    expected {right_change}."""
    change, mismatch, cosine = _check(f, gradient, w, a)
    return mismatch, change, cosine


invariance_check = [
    invariance_check_with_a_on_the_other_side,
    invariance_check_of_equal_gradients,
    invariance_check_dividing_by_a,
    invariance_check_not_relative,
    invariance_check_relative_to_the_other,
    invariance_check_of_lengths,
    invariance_check_with_squares,
    invariance_check_never_at_a_w,
    invariance_check_backwards,
    invariance_check_without_sign,
    invariance_check_relative_change,
    invariance_check_adding_a,
    invariance_check_cosine_at_w,
    invariance_check_without_lengths,
    invariance_check_between_gradients,
    invariance_check_with_a_mixed_cosine,
    invariance_check_by_matrix_norms,
    invariance_check_with_a_matrix_product,
    invariance_check_in_place,
    invariance_check_in_another_order,
]


# --- effective_rate(lr, weight) -> rate ------------------------------------------------------------------------------


def _rows(weight):
    return weight.reshape(len(weight), -1)


def effective_rate_by_the_length(lr, weight):
    """dividing by |w| once: the step lr * g is compared with |w|, that is one factor; but g itself is 1 / |w| times
    the gradient on the unit sphere, and that is the other. lr / |w|^2: {right_rate}, not {rate}."""
    return lr / np.sqrt((_rows(weight) ** 2).sum(1))


def effective_rate_multiplied(lr, weight):
    """multiplying by |w|^2: longer weights turn more *slowly*. With |w| = 5 and lr = 0.1 it is 0.1 / 25 = 0.004, you
    find {rate}."""
    return lr * (_rows(weight) ** 2).sum(1)


def effective_rate_upside_down(lr, weight):
    """|w|^2 / lr: that is the inverse, {rate} on the example; a rate grows with lr: {right_rate}."""
    return (_rows(weight) ** 2).sum(1) / lr


def effective_rate_of_the_layer(lr, weight):
    """adding up the squares of the whole layer: BatchNorm normalizes every unit by itself, so each has its own length
    and its own rate, {right_rate} on the example, where you give 1 number."""
    return lr / (weight**2).sum()


def effective_rate_of_the_inputs(lr, weight):
    """summing over axis 0: that runs over the units and gives one number per *input*. The weights of unit 0 are the
    row weight[0], so sum over axis 1: {right_rate}."""
    return lr / (weight**2).sum(0)


def effective_rate_of_the_second_axis(lr, weight):
    """summing over axis 1 only: enough for a linear layer, but a filter has 3 axes of weights, and (units, C, 3, 3)
    leaves 9 numbers per unit. Reshape to (units, -1) first."""
    return lr / (weight**2).sum(1)


def effective_rate_by_the_mean(lr, weight):
    """taking the mean of the squares: the squared length is their *sum*. With 2 inputs your rate is twice too large:
    {rate}, expected {right_rate}."""
    return lr / (_rows(weight) ** 2).mean(1)


def effective_rate_by_the_sum(lr, weight):
    """squaring the sum: (w1 + w2)^2 is not w1^2 + w2^2; for 3 and -4 it is 1 and not 25. Square first, then add up."""
    return lr / _rows(weight).sum(1) ** 2


def effective_rate_by_absolute_values(lr, weight):
    """adding up absolute values: |3| + |4| = 7 is another length; the one that the gradient is at right angles to is
    the root of the sum of squares, 5. Your rates: {rate}, expected {right_rate}."""
    return lr / np.abs(_rows(weight)).sum(1) ** 2


def effective_rate_by_the_largest(lr, weight):
    """taking the largest weight for the length: it misses all the others; for 3 and 4 the square of the length is 25,
    not 16. You find {rate}."""
    return lr / np.abs(_rows(weight)).max(1) ** 2


def effective_rate_without_lr(lr, weight):
    """leaving lr out: {rate} is the rate at lr = 1. With the learning rate it is {right_rate}."""
    return 1 / (_rows(weight) ** 2).sum(1)


def effective_rate_squared(lr, weight):
    """squaring lr as well: (lr / |w|)^2 treats both alike, but (w, lr) and (a w, a^2 lr) are equivalent: lr to the
    power of 1 goes with |w| to the power of 2. Expected {right_rate}, yours {rate}."""
    return lr**2 / (_rows(weight) ** 2).sum(1)


def effective_rate_to_the_fourth(lr, weight):
    """squaring twice: (w ** 2).sum() already is |w|^2, and squared again it is |w|^4 = 625 for |w| = 5. You find
    {rate}, expected {right_rate}."""
    return lr / (_rows(weight) ** 2).sum(1) ** 2


def effective_rate_with_a_guard(lr, weight):
    """adding a small number below: 1e-5 protects against weights of length 0, which BatchNorm could not normalize
    anyway, and makes the rate of short weights too small, by 10 % at |w| = 0.01. Here the plain formula is asked."""
    return lr / ((_rows(weight) ** 2).sum(1) + 1e-5)


def effective_rate_keeping_an_axis(lr, weight):
    """keepdims: the shape is (units, 1) then; asked is one number per unit, (units,): {right_rate}."""
    return lr / (_rows(weight) ** 2).sum(1, keepdims=True)


effective_rate = [
    effective_rate_by_the_length,
    effective_rate_multiplied,
    effective_rate_upside_down,
    effective_rate_of_the_layer,
    effective_rate_of_the_inputs,
    effective_rate_of_the_second_axis,
    effective_rate_by_the_mean,
    effective_rate_by_the_sum,
    effective_rate_by_absolute_values,
    effective_rate_by_the_largest,
    effective_rate_without_lr,
    effective_rate_squared,
    effective_rate_to_the_fourth,
    effective_rate_with_a_guard,
    effective_rate_keeping_an_axis,
]


# --- equilibrium(lr, weight_decay, gradient) -> length, angle --------------------------------------------------------


def equilibrium_without_the_2(lr, weight_decay, gradient):
    """forgetting that |w|^2 is shortened twice: w loses the share lr * decay, but its *square* loses 2 * lr * decay,
    since (1 - x)^2 is about 1 - 2 x. Your angle is {angle}, expected {right_angle}."""
    return (lr * gradient**2 / weight_decay) ** 0.25, np.sqrt(lr * weight_decay)


def equilibrium_of_squares(lr, weight_decay, gradient):
    """a square root for the length: that would be right if `gradient` were the gradient at w itself. It is the one at
    length 1, and at w it is gradient / |w|: one more |w|^2, so the 4th root. Yours {length}, not {right_length}."""
    return (lr * gradient**2 / (2 * weight_decay)) ** 0.5, np.sqrt(2 * lr * weight_decay)


def equilibrium_without_root(lr, weight_decay, gradient):
    """returning length^4: lr * gradient^2 / (2 * decay) is {length}; the length is its 4th root, {right_length}."""
    return lr * gradient**2 / (2 * weight_decay), np.sqrt(2 * lr * weight_decay)


def equilibrium_of_the_wrong_2(lr, weight_decay, gradient):
    """putting the 2 above: 2 * lr * decay * |w|^4 = lr^2 * gradient^2, so when you solve for |w|^4 the 2 goes below.
    Yours {length}, expected {right_length}."""
    return (2 * lr * gradient**2 / weight_decay) ** 0.25, np.sqrt(2 * lr * weight_decay)


def equilibrium_with_2_left_in_one_place(lr, weight_decay, gradient):
    """sqrt(lr * decay) for the angle: the length has its 2, the angle has lost it. angle = lr * gradient / |w|^2; with
    the length put in, a factor sqrt(2) = 1.41 stays: {right_angle}, not {angle}."""
    return (lr * gradient**2 / (2 * weight_decay)) ** 0.25, np.sqrt(lr * weight_decay)


def equilibrium_with_half_the_angle(lr, weight_decay, gradient):
    """sqrt(lr * decay / 2): when lr is divided by |w|^2 the root of 2 * decay comes up from below: sqrt(2), not its
    inverse 0.707. Your angle is {angle}, expected {right_angle}."""
    return (lr * gradient**2 / (2 * weight_decay)) ** 0.25, np.sqrt(lr * weight_decay / 2)


def equilibrium_without_the_root_of_the_angle(lr, weight_decay, gradient):
    """2 * lr * decay: that is the share that |w|^2 loses per step, and the *square* of the angle: a step at right
    angles lengthens w by a square. Its root is the angle, {right_angle}; yours is {angle}."""
    return (lr * gradient**2 / (2 * weight_decay)) ** 0.25, 2 * lr * weight_decay


def equilibrium_in_degrees(lr, weight_decay, gradient):
    """giving degrees: {angle}; asked are radians, {right_angle}: for small angles that is the step divided by |w|."""
    return (lr * gradient**2 / (2 * weight_decay)) ** 0.25, np.degrees(np.sqrt(2 * lr * weight_decay))


def equilibrium_of_a_gradient_to_the_first(lr, weight_decay, gradient):
    """not squaring the gradient: the step is at right angles to w, and Pythagoras adds *squares*, lr^2 * |g|^2. Your
    length is {length}, expected {right_length}: 4 times the gradient makes it 2 times as long."""
    return (lr * gradient / (2 * weight_decay)) ** 0.25, np.sqrt(2 * lr * weight_decay)


def equilibrium_of_decoupled_decay(lr, weight_decay, gradient):
    """a decay that does not know lr: w <- (1 - decay) * w - lr * g is another rule. Here lr multiplies the decay too,
    as in torch.optim.SGD, so one lr of lr^2 cancels in the length, {right_length} and not {length}, and the
    angle keeps one, {right_angle}."""
    return (lr**2 * gradient**2 / (2 * weight_decay)) ** 0.25, np.sqrt(2 * weight_decay)


def equilibrium_upside_down(lr, weight_decay, gradient):
    """the length upside down: more decay must make the weights *shorter*, and yours, {length}, grows with it. Solve
    2 * lr * decay * |w|^2 = lr^2 * gradient^2 / |w|^2 for |w|: {right_length}."""
    return (2 * weight_decay / (lr * gradient**2)) ** 0.25, np.sqrt(2 * lr * weight_decay)


def equilibrium_of_a_ratio(lr, weight_decay, gradient):
    """sqrt(2 * decay / lr) for the angle: a larger learning rate turns the weights by more, and yours turns them by
    less: {angle}. The product counts: {right_angle}."""
    return (lr * gradient**2 / (2 * weight_decay)) ** 0.25, np.sqrt(2 * weight_decay / lr)


def equilibrium_with_the_gradient_of_length_1(lr, weight_decay, gradient):
    """lr * gradient / |w| for the angle: `gradient` is the one at length 1. At length |w| = {right_length} the net's
    gradient is gradient / |w|, so |w| stands below twice: {right_angle}, not {angle}."""
    length = (lr * gradient**2 / (2 * weight_decay)) ** 0.25
    return length, lr * gradient / length


def equilibrium_at_length_1(lr, weight_decay, gradient):
    """lr * gradient for the angle: that is the angle while |w| is 1. In equilibrium |w| is {right_length}, and the
    angle lr * gradient / |w|^2 = {right_angle}: the gradient drops out of it."""
    return (lr * gradient**2 / (2 * weight_decay)) ** 0.25, lr * gradient


def equilibrium_with_the_square_kept(lr, weight_decay, gradient):
    """keeping (lr * decay)^2 in (1 - lr * decay)^2: closer to the truth by a share lr * decay, but the formula asked
    for leaves it out, as lr * decay is small against 1: {right_angle}, yours {angle}."""
    loss = 2 * lr * weight_decay - (lr * weight_decay) ** 2
    return (lr**2 * gradient**2 / loss) ** 0.25, np.sqrt(loss)


def equilibrium_swapped(lr, weight_decay, gradient):
    """returning the angle first: the order is length, angle; your length is {length}, which is the angle. Expected
    {right_length}."""
    return np.sqrt(2 * lr * weight_decay), (lr * gradient**2 / (2 * weight_decay)) ** 0.25


equilibrium = [
    equilibrium_without_the_2,
    equilibrium_of_squares,
    equilibrium_without_root,
    equilibrium_of_the_wrong_2,
    equilibrium_with_2_left_in_one_place,
    equilibrium_with_half_the_angle,
    equilibrium_without_the_root_of_the_angle,
    equilibrium_in_degrees,
    equilibrium_of_a_gradient_to_the_first,
    equilibrium_of_decoupled_decay,
    equilibrium_upside_down,
    equilibrium_of_a_ratio,
    equilibrium_with_the_gradient_of_length_1,
    equilibrium_at_length_1,
    equilibrium_with_the_square_kept,
    equilibrium_swapped,
]
