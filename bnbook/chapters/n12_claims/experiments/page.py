"""The claims of the page that notebook 12 takes apart, a function each: what `claims` measured (parts) to a Claim."""

import numpy as np

from .claim import Claim, exact, gain, in_points, loss, mean_of

NETS = {"mlp": "fully connected", "cnn": "convolutional"}
OTHERS = ("none", "layer", "group", "instance")


# --- generalization -------------------------------------------------------------------------------------------------


def _generalizes(parts):
    sizes = parts["generalization"]["sizes"]
    return Claim(
        claim="improves generalization",
        sharpened="more test accuracy than without, each at its own best rate",
        unit="points",
        measured=[gain(f"{size['images']} training images", size["differences"]["batch"]) for size in sizes],
        source="Brock et al. 2021 (arXiv 2102.06171): without it as good on ImageNet, by other means",
    )


def _by_the_noise(parts):
    return Claim(
        claim="... thanks to the noise of the batch",
        sharpened="half a point or more is lost if the statistics are those of the whole training set",
        unit="points",
        measured=[
            loss(f"{size['images']} training images", size["differences"]["whole_set - batch"], margin=0.5)
            for size in _with_a_gain(parts)
        ],
        source="Summers & Dinneen 2020 (1906.03548): ghost batches regularize on six data sets",
    )


def _by_the_noise_alone(parts):
    return Claim(
        claim="... thanks to that noise alone",
        sharpened="less than half a point of the gain is left without it",
        unit="points",
        measured=[
            loss(f"{size['images']} training images", size["differences"]["whole_set"], margin=-0.5)
            for size in _with_a_gain(parts)
        ],
        source="Luo et al. 2019 (1809.00846), in theory: the noise acts as a decay of gamma",
    )


def _with_a_gain(parts):
    """The sizes at which the cause was looked for and there is a gain to explain; all of them if there is none."""
    sizes = [size for size in parts["generalization"]["sizes"] if "whole_set" in size["arms"]]
    return [size for size in sizes if gain("", size["differences"]["batch"]).verdict == "true"] or sizes


def _hinders_memorizing(parts):
    labels = parts["random_labels"]
    ratio = {"mean": 1 / labels["ratio"], "interval": [1 / end for end in labels["ratio_interval"]]}
    return Claim(
        claim="keeps a net from learning by heart",
        sharpened="random labels take more steps than without",
        unit="times the steps",
        measured=[gain(f"{labels['images']} random labels", ratio, margin=1.0)],
        source="Zhang et al. 2017 (1611.03530): large nets learn random labels, regularized or not",
    )


def _reduces_dimensions(parts):
    return Claim(
        claim="maps to a lower-dimensional space",
        sharpened="half a dimension or more is lost",
        unit="dimensions",
        measured=[
            gain(f"{kind}, norm {i}", mean_of(np.subtract(layer[f"{key}_before"], layer[f"{key}_after"])), margin=0.5)
            for i, layer in enumerate(parts["dimensions"]["layers"], start=1)
            for kind, key in (("rank", "rank"), ("effective rank", "effective"))
        ],
        source="Daneshmand et al. 2020 (2003.01652): the reverse, it keeps the rank of deep features from collapsing",
    )


# --- the formula ----------------------------------------------------------------------------------------------------


def _adds_the_sd(parts):
    adding = parts["adding"]
    return Claim(
        claim="adds the standard deviation",
        sharpened="adding loses less than half a point against dividing",
        unit="points",
        measured=[gain(f"{adding['depth']} hidden layers", adding["difference"], margin=-0.5)],
        source="Ioffe & Szegedy 2015 (1502.03167), algorithm 1: divides",
    )


def _takes_all_examples(parts):
    return Claim(
        claim="takes statistics of all training examples",
        sharpened="the layer's output is the one they give, to a millionth",
        unit="sd off",
        measured=[loss("a batch of 32", exact(parts["examples"]["all"]), margin=-1e-6)],
        source="Ioffe & Szegedy 2015, algorithm 1: of the mini-batch",
    )


def _takes_all_pixels(parts):
    shared = parts["shared_statistic"]
    return Claim(
        claim="takes them over all pixels at once",
        sharpened="one statistic for all channels loses less than half a point",
        unit="points",
        measured=[
            loss(f"{'un' if arm['spread'] else ''}equal filters", in_points(difference), margin=-0.5)
            for arm, difference in zip(shared["arms"][::2], shared["differences"], strict=True)
        ],
        source="Ioffe & Szegedy 2015, section 3.2: over all positions of one feature map",
    )


# --- noise ----------------------------------------------------------------------------------------------------------


def _bears_noise(parts):
    hardest = [name for name in parts["robustness"]["differences"] if name.startswith("noise")][-1]
    return Claim(
        claim="is less sensitive to noise than other norms",
        sharpened=f"more test accuracy at {hardest} than each other arm",
        unit="points",
        measured=_against_each(parts, hardest),
        source="Galloway et al. 2019 (1905.02161): less robust with it than without, to noise too, on five data sets",
    )


def _bears_darkness(parts):
    return Claim(
        claim="... to darker images",
        sharpened="more test accuracy at a fifth of the light than each other arm",
        unit="points",
        measured=_against_each(parts, "dark"),
        source="Schneider et al. 2020 (2006.16971): statistics of the spoilt images lower ImageNet-C error, "
        "76.7 to 62.2",
    )


def _bears_attacks(parts):
    return Claim(
        claim="... to adversarial noise",
        sharpened="more test accuracy than each other arm under ten steps, 0.1 per pixel at most",
        unit="points",
        measured=_against_each(parts, "pgd 0.1"),
        source="Galloway et al. 2019: less robust with it; the strength of the attacks is disputed",
    )


def _against_each(parts, test):
    differences = parts["robustness"]["differences"][test]
    return [gain(f"against {'no' if name == 'none' else name} norm", differences[name]) for name in OTHERS]


# --- layers and batches ---------------------------------------------------------------------------------------------


def _suits_both_layers(parts):
    kinds = parts["folklore"]["kinds"]
    return Claim(
        claim="works for convolutional and fully connected layers",
        sharpened="more test accuracy than without, in both",
        unit="points",
        measured=[gain(NETS[net], kind["difference"]) for net, kind in kinds.items()],
        source="Ioffe & Szegedy 2015, sections 3.2 and 4",
    )


def _ignores_batch_size(parts):
    batches = parts["folklore"]["batches"]
    return Claim(
        claim="batch size only sets the size of the batch",
        sharpened="in batches of 2 it loses less than half a point against no norm",
        unit="points",
        measured=[gain(NETS[net], by_size["2"]["difference"], margin=-0.5) for net, by_size in batches.items()],
        source="Wu & He 2018 (1803.08494): ResNet-50 in batches of 2: group norm 10.6 points better",
    )


CLAIMS = (
    _generalizes,
    _by_the_noise,
    _by_the_noise_alone,
    _hinders_memorizing,
    _reduces_dimensions,
    _adds_the_sd,
    _takes_all_examples,
    _takes_all_pixels,
    _bears_noise,
    _bears_darkness,
    _bears_attacks,
    _suits_both_layers,
    _ignores_batch_size,
)
