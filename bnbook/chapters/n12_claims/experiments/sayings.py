"""What every practitioner has heard about BatchNorm, a function each: what was measured (parts) to a Claim."""

from bnbook.lab import results

from .claim import Claim, Effect, less, more
from .page import each_norm


def _needs_no_bias(parts):
    table = parts["folklore"]["table"]
    return Claim(
        claim="makes biases superfluous",
        sharpened="the bias in front of it gets no gradient (a millionth of the weights' or less)",
        unit="times the weights'",
        effects=[Effect(f"norm {at} the ReLU", tuple(-_ratios(table, at)), -1e-6) for at in ("before", "after")],
        source="Ioffe & Szegedy 2015, section 3.2: the bias in front of it can be ignored",
    )


def _ratios(table, at):
    return results.of(table, "gradient_ratio", case=f"bias {at}", arm="with")["value"]


def _needs_no_regularizers(parts):
    part = parts["generalization"]
    case = next(iter(part["best"]))
    return Claim(
        claim="makes dropout and weight decay superfluous",
        sharpened="adding it to BatchNorm gains less than half a point",
        unit="points",
        effects=[
            less(f"{what}, {case}", part["table"], arm, "batch", -0.5, case=case)
            for what, arm in (("dropout", "batch_dropout"), ("decay", "batch_decay"))
        ],
        source="Li et al. 2019 (1801.05134): it depends on where the dropout stands",
        in_each=True,
    )


def _needs_no_careful_start(parts):
    part = parts["folklore"]
    he, others = 2**0.5, [gain for gain in part["gains"] if abs(gain - 2**0.5) > 1e-9]
    return Claim(
        claim="makes careful initialization superfluous",
        sharpened="other gains lose less than half a point against He's, each at its best rate",
        unit="points",
        effects=[
            more(f"gain {gain:g}", part["table"], f"batch {gain:.3g}", f"batch {he:.3g}", -0.5, case="starts")
            for gain in others
        ],
        source="van Laarhoven 2017 (1706.05350): the scale of the weights sets the effective learning rate",
        in_each=True,
    )


def _whitens(parts):
    return Claim(
        claim="whitens",
        sharpened="half or more of the size of correlations between channels is gone",
        unit="of it gone",
        effects=[_share_gone(norm, table, "correlation") for norm, table in each_norm(parts)],
        source="Huang et al. 2018 (1804.08450): whitening is another method",
    )


def _makes_gaussian(parts):
    return Claim(
        claim="makes outputs Gaussian",
        sharpened="half or more of the distance of a channel from the normal distribution is gone",
        unit="of it gone",
        effects=[_share_gone(norm, table, "normality") for norm, table in each_norm(parts)],
        source="Ioffe & Szegedy 2015, section 3.2, hope for it in the inputs only",
    )


def _share_gone(norm, table, measure):
    """By how much a number is smaller after the norm than before, as a share of it."""
    both = results.of(table, measure).pivot(index="seed", columns="arm", values="value")
    return Effect(norm, tuple(1 - both["after"] / both["before"]), 0.5)


def _belongs_before_relu(parts):
    table, cases = parts["folklore"]["table"], list(parts["folklore"]["best"])
    return Claim(
        claim="must stand before the ReLU",
        sharpened="behind it half a point or more is lost",
        unit="points",
        effects=[
            less(case.removeprefix("place, "), table, "after", "before", 0.5, case=case)
            for case in cases
            if case.startswith("place")
        ],
        source="Mishkin et al. 2017 (1606.02228): behind it is at least as good on small ImageNet nets",
    )


CLAIMS = (
    _needs_no_bias,
    _needs_no_regularizers,
    _needs_no_careful_start,
    _whitens,
    _makes_gaussian,
    _belongs_before_relu,
)
