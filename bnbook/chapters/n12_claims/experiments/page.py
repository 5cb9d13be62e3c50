"""The claims of the page that notebook 12 takes apart, a function each: what was measured (parts) to a Claim."""

from bnbook.lab import results

from .claim import Claim, Effect, exact, less, more
from .generalization import steps_needed

NETS = {"mlp": "fully connected", "cnn": "convolutional"}
OTHERS = ("none", "layer", "group", "instance")


# --- generalization -------------------------------------------------------------------------------------------------


def _generalizes(parts):
    part = parts["generalization"]
    return Claim(
        claim="improves generalization",
        sharpened="more test accuracy than without, each at its own best rate",
        unit="points",
        effects=[more(case, part["table"], "batch", "none", case=case) for case in part["best"]],
        source="Brock et al. 2021 (arXiv 2102.06171): without it as good on ImageNet, by other means",
    )


def _by_the_noise(parts):
    part = parts["generalization"]
    return Claim(
        claim="... thanks to the noise of the batch",
        sharpened="half a point or more is lost if the statistics are those of the whole training set",
        unit="points",
        effects=[less(case, part["table"], "whole_set", "batch", 0.5, case=case) for case in _with_a_gain(parts)],
        source="Summers & Dinneen 2020 (1906.03548): ghost batches regularize on six data sets",
    )


def _by_the_noise_alone(parts):
    part = parts["generalization"]
    return Claim(
        claim="... thanks to that noise alone",
        sharpened="less than half a point of the gain is left without it",
        unit="points",
        effects=[less(case, part["table"], "whole_set", "none", -0.5, case=case) for case in _with_a_gain(parts)],
        source="Luo et al. 2019 (1809.00846), in theory: the noise acts as a decay of gamma",
    )


def _with_a_gain(parts):
    """The cases in which the cause was looked for and there is a gain to explain; all of them if there is none."""
    gains = {line.what: line.verdict for line in _generalizes(parts).lines}
    cases = [case for case, rates in parts["generalization"]["best"].items() if "whole_set" in rates]
    return [case for case in cases if gains[case] == "true"] or cases


def _hinders_memorizing(parts):
    part = parts["random_labels"]
    needed = steps_needed(part["table"], part["steps"])
    return Claim(
        claim="keeps a net from learning by heart",
        sharpened="random labels take more steps than without",
        unit="steps",
        effects=[more(f"{part['images']} random labels", needed, "batch", "none", measure="steps_needed")],
        source="Zhang et al. 2017 (1611.03530): large nets learn random labels, regularized or not",
    )


def _reduces_dimensions(parts):
    return Claim(
        claim="maps to a lower-dimensional space",
        sharpened="half a dimension or more is lost",
        unit="dimensions",
        effects=[
            less(f"{measure.replace('_', ' ')}, {norm}", table, "after", "before", 0.5, measure)
            for norm, table in each_norm(parts)
            for measure in ("rank", "effective_rank")
        ],
        source="Daneshmand et al. 2020 (2003.01652): the reverse, it keeps the rank of deep features from collapsing",
    )


def _keeps_statistics(parts):
    return Claim(
        claim="preserves statistical properties",
        sharpened="the size of correlations and the mean of a channel change by less than a millionth",
        unit="of change",
        effects=[
            Effect(f"{what}, {norm}", tuple(-results.of(table, measure, arm="after")["value"]), -1e-6)
            for what, measure in (("correlations", "largest_change"), ("mean, in sd", "moved"))
            for norm, table in each_norm(parts)
        ],
        source="Ioffe & Szegedy 2015 (1502.03167), algorithm 1: mean and variance are what it sets",
    )


def each_norm(parts):
    """Name and table of each normalization of the CNN in `dimensions`."""
    table = parts["dimensions"]["table"]
    names = [f"norm {i}" for i in range(1, len(parts["dimensions"]["channels"]) + 1)]
    return [(name, table[table["case"] == name]) for name in names]


# --- the formula ----------------------------------------------------------------------------------------------------


def _has_textbook_statistics(parts):
    return Claim(
        claim="takes mean and sd of each channel, as defined",
        sharpened="the layer's output is the one they give, to a millionth (sd by 1 / m, eps out of the way)",
        unit="sd off",
        effects=[exact("a batch of 32", -parts["examples"]["batch"], -1e-6)],
        source="Ioffe & Szegedy 2015, algorithm 1 and section 3.2",
    )


def _takes_all_examples(parts):
    return Claim(
        claim="... across all the training examples",
        sharpened="the layer's output is the one they give, to a millionth",
        unit="sd off",
        effects=[exact("a batch of 32", -parts["examples"]["all"], -1e-6)],
        source="Ioffe & Szegedy 2015, algorithm 1: of the mini-batch",
    )


def _subtracts_the_mean(parts):
    return Claim(
        claim="subtracts the mean",
        sharpened="the mean of each channel of its output is 0, to a millionth",
        unit="sd off",
        effects=[exact("a batch of 32", -parts["examples"]["mean"], -1e-6)],
        source="Ioffe & Szegedy 2015, algorithm 1",
    )


def _adds_the_sd(parts):
    part = parts["adding"]
    return Claim(
        claim="... and adds the standard deviation",
        sharpened="adding loses less than half a point against dividing",
        unit="points",
        effects=[more(case, part["table"], "add_sd", "batch", -0.5, case=case) for case in part["best"]],
        source="Ioffe & Szegedy 2015, algorithm 1: divides",
        in_each=True,
    )


def _normalizes_the_input(parts):
    part = parts["adding"]
    return Claim(
        claim="normalizes the pixels of the image",
        sharpened="on images that are normalized already it changes nothing: without it the net is no worse",
        unit="points",
        effects=[more(case, part["table"], "none", "batch", case=case) for case in part["best"]],
        source="Ioffe & Szegedy 2015, section 3: the inputs of layers inside the net",
        in_each=True,
    )


def _takes_all_pixels(parts):
    table = parts["adding"]["pixels"]
    return Claim(
        claim="takes statistics over all pixels at once",
        sharpened="one statistic for all channels loses less than half a point",
        unit="points",
        effects=[more(f"{case} filters", table, "shared", "batch", -0.5, case=case) for case in ("equal", "unequal")],
        source="Ioffe & Szegedy 2015, section 3.2: over all positions of one feature map",
        in_each=True,
    )


# --- noise ----------------------------------------------------------------------------------------------------------


def _bears_noise(parts):
    return Claim(
        claim="is less sensitive to noise than other norms",
        sharpened="more test accuracy at noise 0.5 than each other arm",
        unit="points",
        effects=_against_each(parts, "noise 0.5"),
        source="Galloway et al. 2019 (1905.02161): less robust with it than without, to noise too, on five data sets",
        in_each=True,
    )


def _bears_noise_it_knows(parts):
    return Claim(
        claim="... once trained with noise",
        sharpened="the same, after training on images with noise of 0 to 0.4",
        unit="points",
        effects=_against_each(parts, "noise 0.5", "noisy"),
        source="Rusak et al. 2020 (2001.06057): a ResNet-50 trained with noise bears other corruptions, too",
        in_each=True,
    )


def _bears_darkness(parts):
    return Claim(
        claim="... to darker images",
        sharpened="more test accuracy at a fifth of the light than each other arm",
        unit="points",
        effects=_against_each(parts, "dark"),
        source="Schneider et al. 2020 (2006.16971): statistics of the spoilt images lower ImageNet-C error, "
        "76.7 to 62.2",
        in_each=True,
    )


def _bears_attacks(parts):
    return Claim(
        claim="... to adversarial noise",
        sharpened="more test accuracy than each other arm under ten steps, 0.1 per pixel at most",
        unit="points",
        effects=_against_each(parts, "pgd 0.1"),
        source="Galloway et al. 2019: less robust with it; the strength of the attacks is disputed",
        in_each=True,
    )


def _against_each(parts, test, trained_on="clean"):
    table, measure = parts["robustness"]["table"], f"{test} accuracy"
    return [
        more(f"against {'no' if norm == 'none' else norm} norm", table, "batch", norm, 0.0, measure, case=trained_on)
        for norm in OTHERS
    ]


# --- layers and batches ---------------------------------------------------------------------------------------------


def _suits_both_layers(parts):
    table = parts["folklore"]["table"]
    return Claim(
        claim="works for convolutional and fully connected layers",
        sharpened="more test accuracy than without, in both, on 500 images",
        unit="points",
        effects=[more(words, table, "batch", "none", case=net) for net, words in NETS.items()],
        source="Ioffe & Szegedy 2015, sections 3.2 and 4",
        in_each=True,
    )


def _ignores_batch_size(parts):
    table = parts["folklore"]["table"]
    return Claim(
        claim="does not mind the batch size",
        sharpened="in batches of 2 it loses less than half a point against no norm",
        unit="points",
        effects=[more(words, table, "batch", "none", -0.5, case=f"{net}, batches of 2") for net, words in NETS.items()],
        source="Wu & He 2018 (1803.08494): ResNet-50 in batches of 2: group norm 10.6 points better",
        in_each=True,
    )


CLAIMS = (
    _generalizes,
    _by_the_noise,
    _by_the_noise_alone,
    _hinders_memorizing,
    _reduces_dimensions,
    _keeps_statistics,
    _has_textbook_statistics,
    _takes_all_examples,
    _subtracts_the_mean,
    _adds_the_sd,
    _normalizes_the_input,
    _takes_all_pixels,
    _bears_noise,
    _bears_noise_it_knows,
    _bears_darkness,
    _bears_attacks,
    _suits_both_layers,
    _ignores_batch_size,
)
