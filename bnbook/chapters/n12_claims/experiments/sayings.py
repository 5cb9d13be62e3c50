"""What every practitioner has heard about BatchNorm, a function each: what `claims` measured (parts) to a Claim."""

import numpy as np

from .claim import Claim, gain, loss, mean_of
from .tuning import paired


def _needs_no_bias(parts):
    return Claim(
        claim="makes biases superfluous",
        sharpened="the bias in front of it gets no gradient (a millionth of the weights' or less)",
        unit="times the weights'",
        measured=[
            loss(f"norm {where} the ReLU", {"mean": np.mean(b["gradient_ratio"]).item(), **b}, margin=-1e-6)
            for where, b in parts["folklore"]["bias"].items()
        ],
        source="Ioffe & Szegedy 2015, section 3.2: the bias in front of it can be ignored",
    )


def _needs_no_regularizers(parts):
    smallest = parts["generalization"]["sizes"][0]
    batch, images = smallest["arms"]["batch"]["test"], smallest["images"]
    return Claim(
        claim="makes dropout and weight decay superfluous",
        sharpened="adding it to BatchNorm gains less than half a point",
        unit="points",
        measured=[
            loss(f"{what}, {images} images", paired(smallest["arms"][name]["test"], batch), margin=-0.5)
            for what, name in (("dropout", "batch_dropout"), ("decay", "batch_decay"))
        ],
        source="Li et al. 2019 (1801.05134): it depends on where the dropout stands",
    )


def _needs_no_careful_start(parts):
    starts = parts["folklore"]["starts"]["own_rate"]
    return Claim(
        claim="makes careful initialization superfluous",
        sharpened="other gains lose less than half a point against He's, each at its best rate",
        unit="points",
        measured=[gain(f"gain {factor}", difference, margin=-0.5) for factor, difference in starts.items()],
        source="van Laarhoven 2017 (1706.05350): the scale of the weights sets the effective learning rate",
    )


def _whitens(parts):
    return Claim(
        claim="whitens",
        sharpened="correlations between channels fall to half or less",
        unit="of them gone",
        measured=[
            gain(f"norm {i}", mean_of(1 - np.divide(layer["correlation"], layer["correlation_before"])), margin=0.5)
            for i, layer in enumerate(parts["dimensions"]["layers"], start=1)
        ],
        source="Huang et al. 2018 (1804.08450): whitening is another method",
    )


def _makes_gaussian(parts):
    return Claim(
        claim="makes outputs Gaussian",
        sharpened="as near to normal as twice the distance of real normal numbers",
        unit="times their distance",
        measured=[
            loss(f"norm {i}", mean_of(np.divide(layer["normality"], layer["reference"])), margin=-2)
            for i, layer in enumerate(parts["dimensions"]["layers"], start=1)
        ],
        source="Ioffe & Szegedy 2015, section 3.2, hope for it in the inputs only",
    )


def _belongs_before_relu(parts):
    images = parts["robustness"]["images"]
    return Claim(
        claim="must stand before the ReLU",
        sharpened="behind it half a point or more is lost",
        unit="points",
        measured=[loss(f"{images:,} training images", parts["folklore"]["place"]["difference"], margin=0.5)],
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
