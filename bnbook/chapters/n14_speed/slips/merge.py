"""Wrong answers to the exercise `merge`."""

from bnbook.grading.exercise import slip_of

# --- merge(m_a, mean_a, M2_a, m_b, mean_b, M2_b) -> m, mean, M2 -------------------------------------------------------


def _merged(m_a, mean_a, m_b, mean_b):
    m, d = m_a + m_b, mean_b - mean_a
    return m, d, mean_a + d * m_b / m


@slip_of("merge")
def adding_the_squares_alone(m_a, mean_a, M2_a, m_b, mean_b, M2_b):
    """M2_a + M2_b: each is around its own mean, and the distance of the two means is lost. On the example M2 is {M2},
    it should be {right_M2}. This is the variance *within* the heaps."""
    m, d, mean = _merged(m_a, mean_a, m_b, mean_b)
    return m, mean, M2_a + M2_b


@slip_of("merge")
def averaging_the_means(m_a, mean_a, M2_a, m_b, mean_b, M2_b):
    """(mean_a + mean_b) / 2: true for heaps of equal size only. On the example, 2 numbers around 1 and 6 around 5, the
    mean is {right_mean} and not {mean}."""
    m, d, _ = _merged(m_a, mean_a, m_b, mean_b)
    return m, (mean_a + mean_b) / 2, M2_a + M2_b + d * d * m_a * m_b / m


@slip_of("merge")
def weights_the_wrong_way_round(m_a, mean_a, M2_a, m_b, mean_b, M2_b):
    """d * m_a / m added to mean_a: the larger heap b is, the nearer to mean_b lies the mean, so it is m_b / m. On the
    example you get {mean}, expected {right_mean}."""
    m, d, _ = _merged(m_a, mean_a, m_b, mean_b)
    return m, mean_a + d * m_a / m, M2_a + M2_b + d * d * m_a * m_b / m


@slip_of("merge")
def the_distance_the_wrong_way_round(m_a, mean_a, M2_a, m_b, mean_b, M2_b):
    """mean_a - mean_b for d, and mean_a + d * m_b / m: the mean then moves away from heap b. M2, with d^2, is right. On
    the example the means are 1 and 5, and yours is {mean}, expected {right_mean}."""
    m, d, _ = _merged(m_a, mean_a, m_b, mean_b)
    return m, mean_a - d * m_b / m, M2_a + M2_b + d * d * m_a * m_b / m


@slip_of("merge")
def the_distance_not_squared(m_a, mean_a, M2_a, m_b, mean_b, M2_b):
    """d in place of d^2: M2 has the units of x squared. On the example, d = 4, you get {M2}, expected {right_M2}; with
    mean_b below mean_a it could even become negative."""
    m, d, mean = _merged(m_a, mean_a, m_b, mean_b)
    return m, mean, M2_a + M2_b + d * m_a * m_b / m


@slip_of("merge")
def not_dividing_by_m(m_a, mean_a, M2_a, m_b, mean_b, M2_b):
    """d^2 * m_a * m_b without / m: on the example M2 is {M2}, it should be {right_M2}. With two single numbers 0 and 2,
    M2 = 1 + 1 = 2 and not 4."""
    m, d, mean = _merged(m_a, mean_a, m_b, mean_b)
    return m, mean, M2_a + M2_b + d * d * m_a * m_b


@slip_of("merge")
def moving_heap_b_only(m_a, mean_a, M2_a, m_b, mean_b, M2_b):
    """m_b * d^2: as if only heap b were seen from another point, and that were mean_a. The new mean is neither; on the
    example M2 is {M2}, expected {right_M2}."""
    m, d, mean = _merged(m_a, mean_a, m_b, mean_b)
    return m, mean, M2_a + M2_b + m_b * d * d


@slip_of("merge")
def averaging_the_squares(m_a, mean_a, M2_a, m_b, mean_b, M2_b):
    """(m_a * M2_a + m_b * M2_b) / m for the inner part: that is how one averages variances, but M2 is a sum, and sums
    are added. On the example {M2} in place of {right_M2}."""
    m, d, mean = _merged(m_a, mean_a, m_b, mean_b)
    return m, mean, (m_a * M2_a + m_b * M2_b) / m + d * d * m_a * m_b / m


@slip_of("merge")
def returning_the_variance(m_a, mean_a, M2_a, m_b, mean_b, M2_b):
    """M2 divided by m: that is the variance, {M2} on the example, and the next merge expects M2 = {right_M2}. Divide
    once, at the very end."""
    m, d, mean = _merged(m_a, mean_a, m_b, mean_b)
    return m, mean, (M2_a + M2_b + d * d * m_a * m_b / m) / m


@slip_of("merge")
def by_the_raw_squares(m_a, mean_a, M2_a, m_b, mean_b, M2_b):
    """going back to sums of squares, M2 + m * mean^2, and subtracting again: right on paper, and it throws away what
    the formula is for. Around a million the squares are 1e12 and a sum of 30 of them loses the digits of M2."""
    m, d, mean = _merged(m_a, mean_a, m_b, mean_b)
    raw = M2_a + m_a * mean_a * mean_a + M2_b + m_b * mean_b * mean_b
    return m, mean, raw - m * mean * mean


@slip_of("merge")
def an_empty_heap_divided_by(m_a, mean_a, M2_a, m_b, mean_b, M2_b):
    """the harmonic mean 1 / (1 / m_a + 1 / m_b) of the sizes: equal to m_a * m_b / m, but it divides by m_a, and 0 is
    where every running count begins."""
    m, d, mean = _merged(m_a, mean_a, m_b, mean_b)
    return m, mean, M2_a + M2_b + d * d / (1 / m_a + 1 / m_b)
