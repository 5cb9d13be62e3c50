"""What a claim is here: a saying, sharpened until it can fail, the effects measured, and what they say about it."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from bnbook.lab import results

from ..functions import verdict


@dataclass(frozen=True)
class Effect:
    """One effect, positive where it speaks for the claim.

    what     what was compared, in words
    values   one number per seed, in the unit of the claim; two equal ones if there is nothing random in it
    margin   how much the claim asks for
    """

    what: str
    values: tuple[float, ...]
    margin: float = 0.0


class Line(NamedTuple):
    """What an Effect says: its mean, the ends of its interval, the margin and the verdict on it alone."""

    what: str
    mean: float
    low: float
    high: float
    margin: float
    verdict: str


@dataclass(frozen=True)
class Claim:
    """A claim about BatchNorm.

    claim      what people say, after "BatchNorm"
    sharpened  when it would be true
    unit       of the effects
    effects    a list of Effect
    source     what larger studies, or the paper, say
    in_each    whether it is meant for each of the effects, so that one counterexample refutes it
    """

    claim: str
    sharpened: str
    unit: str
    effects: list[Effect]
    source: str
    in_each: bool = field(default=False, kw_only=True)

    @property
    def lines(self):
        """A Line for each effect; each of k intervals is one of 1 - 0.05 / k, all together one of 95 % (Bonferroni)."""
        level = 1 - 0.05 / len(self.effects)
        return [_line(effect, level) for effect in self.effects]

    @property
    def verdict(self):
        """See `overall`."""
        return overall([line.verdict for line in self.lines], self.in_each)

    @property
    def decisive(self):
        """The lines on which the verdict rests: the weakest of all that are true, the farthest from its margin of those
        that refute, one of each if it depends, and the nearest to its margin of those that leave it open.
        """
        by_distance = sorted(self.lines, key=lambda line: abs(line.mean - line.margin))
        true, false, unsettled = (
            [line for line in by_distance if line.verdict == kind] for kind in ("true", "false", "not settled here")
        )
        kinds = {"true": true[:1], "false": false[-1:], "depends": true[-1:] + false[-1:]}
        return kinds.get(self.verdict, unsettled[:1])


def _line(effect, level):
    low, high = results.interval(effect.values, level)
    found = verdict(low, high, effect.margin)
    return Line(effect.what, float(np.mean(effect.values)), low, high, effect.margin, found)


def overall(verdicts, in_each=False):
    """One verdict from several lines.

    All alike: that one. Some true, some false: 'depends', but 'false' if the claim is meant for each of them.
    Otherwise a false line refutes the claim, which names no condition, and a true one does not yet prove it.
    """
    if len(set(verdicts)) == 1:
        return verdicts[0]
    if {"true", "false"} <= set(verdicts) and not in_each:
        return "depends"
    return "false" if "false" in verdicts else "not settled here"


def more(what, table, arm, against, margin=0.0, measure="test_accuracy", **where):
    """The Effect that arm has more than against, paired by seed: accuracies in points, all else as it is.

    table  with a column arm and one row per arm and seed, where its columns have the values of `where`
    """
    part = results.of(table, measure, **where).pivot(index="seed", columns="arm", values="value")
    difference = (part[arm] - part[against]).dropna() * (100 if measure.endswith("accuracy") else 1)
    return Effect(what, tuple(difference), margin)


def less(what, table, arm, against, margin=0.0, measure="test_accuracy", **where):
    """The Effect that arm has less than against: `more` turned round."""
    return more(what, table, against, arm, margin, measure, **where)


def exact(what, value, margin=0.0):
    """The Effect of a number without any spread."""
    return Effect(what, (value, value), margin)
