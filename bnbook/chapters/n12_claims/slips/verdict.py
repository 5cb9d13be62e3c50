"""Wrong answers to the exercise `verdict`."""

from bnbook.grading.exercise import slip_of

# --- verdict(low, high, margin) -> verdict ---------------------------------------------------------------------------

OPEN = "not settled here"


@slip_of("verdict")
def verdict_against_zero(low, high, margin=0.0):
    """comparing with 0 in place of margin: "at least half a point" is another claim than "more than nothing". On the
    example, [-0.2, 0.3] against 0.5, you say {verdict}; all of it lies below 0.5: {right_verdict}."""
    return "true" if low > 0 else "false" if high < 0 else OPEN


@slip_of("verdict")
def verdict_of_the_mean(low, high, margin=0.0):
    """looking at the middle alone: with [-1, 3] and margin 0 the middle is 1, but -1 is as possible. The interval is
    there to say so."""
    return "true" if (low + high) / 2 > margin else "false"


@slip_of("verdict")
def verdict_of_the_best_case(low, high, margin=0.0):
    """calling it true as soon as the upper end reaches the margin: [-5, 0.6] against 0.5 would be "true". It could be
    true; true it is when the *lower* end is above."""
    return "true" if high > margin else "false"


@slip_of("verdict")
def verdict_without_a_third_answer(low, high, margin=0.0):
    """ "not shown to be true" taken for "false": [-1, 3] against 0 says neither. An experiment that is too small proves
    nothing, least of all that there is no effect."""
    return "true" if low > margin else "false"


@slip_of("verdict")
def verdict_of_any_difference(low, high, margin=0.0):
    """taking "significantly different" for "true": [-3, -1] against 0 is clearly different, in the other direction.
    That makes the claim false."""
    return "true" if low > margin or high < margin else OPEN


@slip_of("verdict")
def verdict_the_wrong_way_round(low, high, margin=0.0):
    """true and false exchanged: [1, 3] against 0 lies above the margin, so the claim "the effect is larger" is true.
    On the example you say {verdict}, it is {right_verdict}."""
    return "false" if low > margin else "true" if high < margin else OPEN


@slip_of("verdict")
def verdict_with_the_margin_below(low, high, margin=0.0):
    """comparing with -margin: then a small *loss* passes as an effect. On the example [-0.2, 0.3] is above -0.5, and
    you say {verdict}; against +0.5 it is {right_verdict}."""
    return "true" if low > -margin else "false" if high < -margin else OPEN


@slip_of("verdict")
def verdict_open_around_zero(low, high, margin=0.0):
    """stopping as soon as 0 is inside: "not significant" is no answer to the question about 0.5. On the example
    [-0.2, 0.3] holds 0, and yet all of it lies below 0.5: {right_verdict}, you say {verdict}."""
    if low <= 0 <= high:
        return OPEN
    return "true" if low > margin else "false" if high < margin else OPEN


@slip_of("verdict")
def verdict_by_the_width(low, high, margin=0.0):
    """comparing the width of the interval with the margin: a wide interval far above 0.5, such as [3, 9], settles the
    claim all the same. What counts is on which side of the margin it lies."""
    if high - low > margin:
        return OPEN
    return "true" if low > margin else "false"


@slip_of("verdict")
def verdict_true_at_the_margin(low, high, margin=0.0):
    """>= in place of >: with the lower end at the margin itself, [0.5, 2] against 0.5, an effect of just 0.5 is still
    possible, and "larger than 0.5" is not shown."""
    return "true" if low >= margin else "false" if high < margin else OPEN


@slip_of("verdict")
def verdict_false_at_the_margin(low, high, margin=0.0):
    """<= in place of <: [-1, 0.5] against 0.5 touches the margin, so this interval leaves the question open. It is a
    convention, and it is the same at both ends: strictly above, strictly below."""
    return "true" if low > margin else "false" if high <= margin else OPEN


@slip_of("verdict")
def verdict_of_the_size(low, high, margin=0.0):
    """taking the size of the effect without its sign: [-3, -1] is larger than 0.5 "in size", and a harm. The claim
    says larger, so it is false."""
    if min(abs(low), abs(high)) > margin and low * high > 0:
        return "true"
    return "false" if max(abs(low), abs(high)) < margin else OPEN


@slip_of("verdict")
def verdict_with_a_margin_of_its_own(low, high, margin=0.5):
    """another default: called without a margin, your function demands 0.5; the docstring says 0. So [0.1, 0.3] is no
    longer true."""
    return "true" if low > margin else "false" if high < margin else OPEN


@slip_of("verdict")
def verdict_as_a_comparison(low, high, margin=0.0):
    """returning `low > margin` itself, a True or a False: there are three answers, and "not shown" is not "false".
    [-1, 3] against 0 is neither. The answers wanted are the words 'true', 'false' and 'not settled here'."""
    return low > margin


@slip_of("verdict")
def verdict_in_truth_values(low, high, margin=0.0):
    """True and False in place of the words 'true' and 'false': an `if verdict:` would then take 'not settled here' for
    true. Return words, in quotes: for [-0.2, 0.3] against 0.5 {right_verdict} and not {verdict}."""
    return True if low > margin else False if high < margin else OPEN


@slip_of("verdict")
def verdict_in_truth_values_and_none(low, high, margin=0.0):
    """True, False and None for the three words: None is what a function without `return` gives, and an `if verdict:`
    takes it for a refutation. For [-0.2, 0.3] against 0.5 return {right_verdict} and not {verdict}."""
    return True if low > margin else False if high < margin else None


@slip_of("verdict")
def verdict_with_the_margin_made_positive(low, high, margin=0.0):
    """abs(margin): a margin below 0 has its sense, "it loses less than half a point" is "the effect is larger than
    -0.5". [-0.4, 0.2] lies above -0.5, so that is true; against +0.5 it would be false."""
    margin = abs(margin)
    return "true" if low > margin else "false" if high < margin else OPEN


@slip_of("verdict")
def verdict_false_only_if_it_harms(low, high, margin=0.0):
    """calling it false only below -margin: that would refute "it does no harm of that size". The claim is "larger than
    0.5"; on the example all of [-0.2, 0.3] is smaller, so it is {right_verdict}, and you say {verdict}."""
    return "true" if low > margin else "false" if high < -margin else OPEN
