"""Wrong answers to the exercise `choose`."""

import pandas as pd

from bnbook.grading.exercise import slip_of
from bnbook.lab import results

# --- choose(table, prefer, margin=1.0) -> norm, rows ------------------------------------------------------------------


def _rows(table, arm, rivals, margin, measure="val_accuracy", **options):
    return [results.compare(table, arm, rival, measure, margin=margin, **options) for rival in rivals]


def _first(table, prefer, judge):
    """The first arm whose comparisons hold no 'less'; judge makes them."""
    for arm in prefer:
        rows = judge(arm, [other for other in prefer if other != arm])
        if "less" not in set(rows["verdict"]):
            break
    return arm, rows


@slip_of("choose")
def the_highest_mean(table, prefer, margin=1.0):
    """taking the highest mean: some arm has it always, by chance too, and your preference then counts for nothing.
    One point ahead with an interval of 5 points to each side is no reason to give up what you would rather have."""
    means = results.of(table, "val_accuracy").groupby("arm")["value"].mean()
    arm = means[list(prefer)].idxmax()
    return arm, results.holm(_rows(table, arm, [other for other in prefer if other != arm], margin))


@slip_of("choose")
def only_what_is_settled(table, prefer, margin=1.0):
    """treating "not settled here" as a defeat: to have no evidence is not evidence of being worse. An arm is out
    if it is shown to be worse, that is if a verdict is 'less'; of 4 verdicts that is one."""
    for arm in prefer:
        rows = results.holm(_rows(table, arm, [other for other in prefer if other != arm], margin))
        if not {"less", results.UNSETTLED} & set(rows["verdict"]):
            break
    return arm, rows


@slip_of("choose")
def without_holm(table, prefer, margin=1.0):
    """each comparison by itself: with three rivals the chance that one of them seems better or worse by luck alone
    is not 5 % but up to 15 %. results.holm takes all comparisons of an arm together."""
    return _first(table, prefer, lambda arm, rivals: pd.DataFrame(_rows(table, arm, rivals, margin)))


@slip_of("choose")
def without_the_margin(table, prefer, margin=1.0):
    """leaving out margin=margin: then 0.1 points decide as soon as they are measured exactly enough, and "no
    difference" is never said."""
    return _first(table, prefer, lambda arm, rivals: results.holm(_rows(table, arm, rivals, None)))


@slip_of("choose")
def the_margin_as_a_share(table, prefer, margin=1.0):
    """margin / 100: results.compare gives accuracies in points, and its margin is in points, too. One of 1 becomes
    0.01, narrower than a single image of 297."""
    return _first(table, prefer, lambda arm, rivals: results.holm(_rows(table, arm, rivals, margin / 100)))


@slip_of("choose")
def on_the_test_images(table, prefer, margin=1.0):
    """choosing by test_accuracy: then the test images have had a say, and what the chosen one gets on them is no
    longer an honest number. On the example it also turns the order round, mean {mean} for {right_mean}."""
    return _first(table, prefer, lambda arm, rivals: results.holm(_rows(table, arm, rivals, margin, "test_accuracy")))


@slip_of("choose")
def turned_round(table, prefer, margin=1.0):
    """the rival first, the arm second: the difference changes its sign, {mean} on the example where the arm's minus
    the rival's is {right_mean}, and 'less' then says that the rival is worse."""

    def judge(arm, rivals):
        rows = [results.compare(table, rival, arm, "val_accuracy", margin=margin) for rival in rivals]
        return results.holm([{**row, "against": row["arm"]} for row in rows])

    return _first(table, prefer, judge)


@slip_of("choose")
def against_the_next_one_only(table, prefer, margin=1.0):
    """comparing with the next of your list alone: an arm that beats it may still be beaten by the 3rd. All others
    are rivals."""
    for arm, rival in zip(prefer, [*prefer[1:], prefer[0]], strict=True):
        rows = results.holm(_rows(table, arm, [rival], margin))
        if "less" not in set(rows["verdict"]):
            break
    return arm, rows


@slip_of("choose")
def always_the_first(table, prefer, margin=1.0):
    """the first preference, whatever its comparisons say: they are computed and not looked at. With 'less' among
    them that is a wish and no defence; in the first table it is 15 points behind."""
    return prefer[0], results.holm(_rows(table, prefer[0], prefer[1:], margin))


@slip_of("choose")
def in_the_middle(table, prefer, margin=1.0):
    """step=50: the runs at half their length. Nets that start fast lead there, and what is asked is where they end;
    the last step is what `compare` takes by itself."""
    return _first(table, prefer, lambda arm, rivals: results.holm(_rows(table, arm, rivals, margin, step=50)))
