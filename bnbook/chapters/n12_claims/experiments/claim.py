"""What a claim is here: a saying, sharpened until it can fail, the effects measured, and what they say about it."""

from dataclasses import dataclass

import numpy as np

from bnbook.lab.results import interval

from ..functions import verdict


@dataclass(frozen=True)
class Measured:
    """One effect, positive where it speaks for the claim, and the interval of its mean.

    what       what was compared, in words
    mean, low, high   the effect and the ends of its 95 % interval, in the unit of the claim
    margin     how much the claim asks for
    """

    what: str
    mean: float
    low: float
    high: float
    margin: float

    @property
    def verdict(self):
        """'true', 'false' or 'not settled here'."""
        return verdict(self.low, self.high, self.margin)

    def stored(self):
        """As a dict, as it stands in the evidence."""
        return {**vars(self), "verdict": self.verdict}


@dataclass(frozen=True)
class Claim:
    """A claim about BatchNorm.

    claim      what people say, after "BatchNorm"
    sharpened  when it would be true
    unit       of what was measured
    measured   a list of Measured
    source     what larger studies, or the paper, say
    """

    claim: str
    sharpened: str
    unit: str
    measured: list[Measured]
    source: str

    @property
    def verdict(self):
        """See `overall`."""
        return overall([found.verdict for found in self.measured], self.sharpened)

    def stored(self):
        """As a dict, as it stands in the evidence."""
        return {**vars(self), "measured": [found.stored() for found in self.measured], "verdict": self.verdict}


def overall(verdicts, sharpened=""):
    """One verdict from several lines.

    All alike: that one. Some true, some false: 'depends', but 'false' if the sharpened claim speaks of each of them.
    Otherwise a false line refutes the claim, which names no condition, and a true one does not yet prove it.
    """
    if len(set(verdicts)) == 1:
        return verdicts[0]
    if {"true", "false"} <= set(verdicts) and "each other" not in sharpened:
        return "depends"
    return "false" if "false" in verdicts else "not settled here"


def gain(what, difference, margin=0.0):
    """What BatchNorm has more, as evidence for a claim that it has more; difference: a dict with mean and interval."""
    return Measured(what, difference["mean"], *sorted(difference["interval"]), margin)


def loss(what, difference, margin=0.0):
    """The same turned round, for a claim that something gets less: a loss of 2 is -2."""
    low, high = sorted(-1 * end for end in difference["interval"])
    return Measured(what, -1 * difference["mean"], low, high, margin)


def mean_of(values):
    """Mean and interval of one number per seed."""
    return {"mean": float(np.mean(values)), "interval": list(interval(values))}


def exact(value):
    """A number without any spread."""
    return {"mean": value, "interval": [value, value]}


def in_points(difference):
    """A difference of accuracies between 0 and 1, in points."""
    return {"mean": 100 * difference["mean"], "interval": [100 * end for end in difference["interval"]]}
