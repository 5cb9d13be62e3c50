"""All claims in one table: what each says, sharpened until it can fail, what was measured, and what follows."""

import numpy as np
import torch
from torch import nn

from bnbook.lab.engine import Setting, build, tensors
from bnbook.lab.results import interval, versions
from bnbook.lab.shared import shared_statistic

from ..functions import verdict
from .dimensions import dimensions
from .folklore import adding, folklore
from .generalization import CONTROLS, generalization, random_labels
from .robustness import robustness, tested
from .tuning import base, paired, tuned


def claims(data, device="cpu", progress=False, seeds=8, keep=None):
    """Every experiment on what people say about BatchNorm, and the verdicts.

    data   data.Data
    seeds  runs per arm, 2 or more
    Returns a dict: experiment, versions, seeds, parts (what generalization, random_labels, dimensions, adding,
    shared_statistic, robustness and folklore return, and examples), rows (see `table`). About 20 minutes of one core.
    Raises ValueError if seeds is below 2.
    """
    how = {"device": device, "progress": progress, "seeds": seeds, "keep": keep}
    parts = {
        "shared_statistic": shared_statistic(data, seeds),  # first, for it refuses fewer than 64 images
        "generalization": generalization(data, **how),
        "random_labels": random_labels(data, **how),
        "dimensions": dimensions(data, device, seeds),
        "adding": adding(data, **how),
        "robustness": robustness(data, **how),
        "folklore": folklore(data, **how),
        "examples": all_examples(data),
    }
    for arm in parts["shared_statistic"]["arms"]:
        del arm["sd"]  # of every channel: needed for a figure of notebook 05 only
    return {"experiment": "claims", "versions": versions(), "seeds": seeds, "parts": parts, "rows": table(parts)}


def rerun(data, parts, seeds=4, device="cpu"):
    """Train some of the stored runs anew: do they come out as stored?

    data, parts   as `claims` took and returned them
    seeds         how many runs of each arm
    Returns a list of dicts: what, stored and now (accuracies, one per seed), agree (to two test images, for a
    rounding error can turn an image that lies on the edge).
    """
    size, cells = parts["generalization"]["sizes"][0], []
    arms = {name: (size["arms"][name], base(data, size["images"], **CONTROLS[name])) for name in ("none", "batch")}
    deep = {"net": "mlp", "depth": parts["adding"]["depth"], "norm": "add_sd"}
    arms["add_sd"] = (parts["adding"]["arms"]["add_sd"], base(data, 1000, **deep))
    for name, (arm, setting) in arms.items():
        now = tuned(data, {name: setting}, seeds, (arm["rate"],), device=device)[name]
        cells.append((f"{setting.images} images, {name}", arm["test"], now["test"]))
    arm = parts["robustness"]["arms"]["batch"]
    accuracy, _ = tested(data, base(data, parts["robustness"]["images"]), arm["rate"], seeds, device=device)
    cells += [(f"batch, {name}", arm["accuracy"][name], accuracy[name]) for name in ("clean", "noise 0.5", "dark")]
    found = [{"what": what, "stored": stored[:seeds], "now": now} for what, stored, now in cells]
    close = 2.001 / len(data.y_test)
    return [{**cell, "agree": bool(np.abs(np.subtract(cell["stored"], cell["now"])).max() < close)} for cell in found]


def all_examples(data, batch_size=32):
    """How far BatchNorm's output for a batch is from what the statistics of the batch, and of all images, would give.

    Returns a dict: batch, all (the largest differences, in standard deviations).
    """
    x = tensors(data, "cpu")[0]
    with torch.no_grad():
        maps = build(Setting(norm="none"), data).conv1(x)
        batch = maps[:batch_size]
        y = nn.BatchNorm2d(maps.shape[1], eps=1e-30, affine=False).double()(batch)
        off = {
            name: (y - (batch - h.mean((0, 2, 3), keepdim=True)) / h.std((0, 2, 3), correction=0, keepdim=True))
            .abs()
            .max()
            for name, h in (("batch", batch), ("all", maps))
        }
    return {name: value.item() for name, value in off.items()}


def table(parts):
    """The verdicts, from the numbers alone.

    parts  as `claims` returns them
    Returns a list of dicts: claim, sharpened (when it would be true), unit, measured (a list: what, mean, low, high,
    margin, verdict), source (what larger studies or the paper say), verdict (see `overall`).
    """
    return [
        {**row, "verdict": overall([found["verdict"] for found in row["measured"]], row["sharpened"])}
        for row in (*_the_page(parts), *_the_folklore(parts))
    ]


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


_NETS = {"mlp": "fully connected", "cnn": "convolutional"}


def _against(norm):
    return "against no norm" if norm == "none" else f"against {norm} norm"


def _row(claim, source, sharpened, unit, measured):
    return {"claim": claim, "sharpened": sharpened, "unit": unit, "measured": measured, "source": source}


def _measured(what, difference, margin=0.0, sign=1):
    """One line of a row, from a dict with mean and interval; sign -1 turns the difference round."""
    low, high = sorted(sign * end for end in difference["interval"])
    return {
        **{"what": what, "mean": sign * difference["mean"], "low": low, "high": high, "margin": margin},
        "verdict": verdict(low, high, margin),
    }


def _of(values):
    return {"mean": float(np.mean(values)), "interval": list(interval(values))}


def _exact(value):
    return {"mean": value, "interval": [value, value]}


def _the_page(parts):
    sizes, noise = parts["generalization"]["sizes"], parts["robustness"]["differences"]
    whole = [size for size in sizes if "whole_set" in size["arms"]]
    # The cause of a gain can be looked for only where there is one.
    whole = [size for size in whole if verdict(*size["differences"]["batch"]["interval"]) == "true"] or whole
    labels, layers = parts["random_labels"], parts["dimensions"]["layers"]
    shared, sayings = parts["shared_statistic"], parts["folklore"]
    ratio = {"mean": 1 / labels["ratio"], "interval": [1 / end for end in reversed(labels["ratio_interval"])]}
    hardest = [name for name in noise if name.startswith("noise")][-1]
    return [
        _row(
            "improves generalization",
            "Brock et al. 2021 (arXiv 2102.06171): without it as good on ImageNet, by other means",
            "more test accuracy than without, each at its own best rate",
            "points",
            [_measured(f"{size['images']} training images", size["differences"]["batch"]) for size in sizes],
        ),
        _row(
            "... thanks to the noise of the batch",
            "Summers & Dinneen 2020 (1906.03548): ghost batches regularize on six data sets",
            "half a point or more is lost if the statistics are those of the whole training set",
            "points",
            [
                _measured(f"{size['images']} training images", size["differences"]["whole_set - batch"], 0.5, -1)
                for size in whole
            ],
        ),
        _row(
            "... thanks to that noise alone",
            "Luo et al. 2019 (1809.00846), in theory: the noise acts as a decay of gamma",
            "less than half a point of the gain is left without it",
            "points",
            [
                _measured(f"{size['images']} training images", size["differences"]["whole_set"], -0.5, -1)
                for size in whole
            ],
        ),
        _row(
            "keeps a net from learning by heart",
            "Zhang et al. 2017 (1611.03530): large nets learn random labels, regularized or not",
            "random labels take more steps than without",
            "times the steps",
            [_measured(f"{labels['images']} random labels", ratio, 1.0)],
        ),
        _row(
            "maps to a lower-dimensional space",
            "Daneshmand et al. 2020 (2003.01652): the reverse, it keeps the rank of deep features from collapsing",
            "half a dimension or more is lost",
            "dimensions",
            [
                _measured(f"{kind}, norm {i}", _of(np.subtract(layer[f"{key}_before"], layer[f"{key}_after"])), 0.5)
                for i, layer in enumerate(layers, start=1)
                for kind, key in (("rank", "rank"), ("effective rank", "effective"))
            ],
        ),
        _row(
            "adds the standard deviation",
            "Ioffe & Szegedy 2015 (1502.03167), algorithm 1: divides",
            "adding loses less than half a point against dividing",
            "points",
            [_measured(f"{parts['adding']['depth']} hidden layers", parts["adding"]["difference"], -0.5)],
        ),
        _row(
            "takes statistics of all training examples",
            "Ioffe & Szegedy 2015, algorithm 1: of the mini-batch",
            "the layer's output is the one they give, to a millionth",
            "sd off",
            [_measured("a batch of 32", _exact(parts["examples"]["all"]), -1e-6, -1)],
        ),
        _row(
            "takes them over all pixels at once",
            "Ioffe & Szegedy 2015, section 3.2: over all positions of one feature map",
            "one statistic for all channels loses less than half a point",
            "points",
            [
                _measured(f"{'un' if arm['spread'] else ''}equal filters", _points(difference), -0.5, -1)
                for arm, difference in zip(shared["arms"][::2], shared["differences"], strict=True)
            ],
        ),
        _row(
            "is less sensitive to noise than other norms",
            "Galloway et al. 2019 (1905.02161): less robust with it than without, to noise too, on five data sets",
            f"more test accuracy at {hardest} than each other arm",
            "points",
            [_measured(_against(name), noise[hardest][name]) for name in ("none", "layer", "group", "instance")],
        ),
        _row(
            "... to darker images",
            "Schneider et al. 2020 (2006.16971): statistics of the spoilt images lower ImageNet-C error, 76.7 to 62.2",
            "more test accuracy at a fifth of the light than each other arm",
            "points",
            [_measured(_against(name), noise["dark"][name]) for name in ("none", "layer", "group", "instance")],
        ),
        _row(
            "... to adversarial noise",
            "Galloway et al. 2019: less robust with it; the strength of the attacks is disputed",
            "more test accuracy than each other arm under ten steps, 0.1 per pixel at most",
            "points",
            [_measured(_against(name), noise["pgd 0.1"][name]) for name in ("none", "layer", "group", "instance")],
        ),
        _row(
            "works for convolutional and fully connected layers",
            "Ioffe & Szegedy 2015, sections 3.2 and 4",
            "more test accuracy than without, in both",
            "points",
            [_measured(_NETS[net], kind["difference"]) for net, kind in sayings["kinds"].items()],
        ),
        _row(
            "batch size only sets the size of the batch",
            "Wu & He 2018 (1803.08494): ResNet-50 in batches of 2: group norm 10.6 points better",
            "in batches of 2 it loses less than half a point against no norm",
            "points",
            [_measured(_NETS[net], by_size["2"]["difference"], -0.5) for net, by_size in sayings["batches"].items()],
        ),
    ]


def _the_folklore(parts):
    sayings, last = parts["folklore"], parts["dimensions"]["layers"]
    arms = parts["generalization"]["sizes"][0]["arms"]
    images = parts["generalization"]["sizes"][0]["images"]
    return [
        _row(
            "makes biases superfluous",
            "Ioffe & Szegedy 2015, section 3.2: the bias in front of it can be ignored",
            "the bias in front of it gets no gradient (a millionth of the weights' or less)",
            "times the weights'",
            [
                _measured(f"norm {where} the ReLU", {"mean": np.mean(b["gradient_ratio"]).item(), **b}, -1e-6, -1)
                for where, b in sayings["bias"].items()
            ],
        ),
        _row(
            "makes dropout and weight decay superfluous",
            "Li et al. 2019 (1801.05134): it depends on where the dropout stands",
            "adding it to BatchNorm gains less than half a point",
            "points",
            [
                _measured(f"{what}, {images} images", paired(arms[name]["test"], arms["batch"]["test"]), -0.5, -1)
                for what, name in (("dropout", "batch_dropout"), ("decay", "batch_decay"))
            ],
        ),
        _row(
            "makes careful initialization superfluous",
            "van Laarhoven 2017 (1706.05350): the scale of the weights sets the effective learning rate",
            "other gains lose less than half a point against He's, each at its best rate",
            "points",
            [_measured(f"gain {gain}", difference, -0.5) for gain, difference in sayings["starts"]["own_rate"].items()],
        ),
        _row(
            "whitens",
            "Huang et al. 2018 (1804.08450): whitening is another method",
            "correlations between channels fall to half or less",
            "of them gone",
            [
                _measured(f"norm {i}", _of(1 - np.divide(layer["correlation"], layer["correlation_before"])), 0.5)
                for i, layer in enumerate(last, start=1)
            ],
        ),
        _row(
            "makes outputs Gaussian",
            "Ioffe & Szegedy 2015, section 3.2, hope for it in the inputs only",
            "as near to normal as twice the distance of real normal numbers",
            "times their distance",
            [
                _measured(f"norm {i}", _of(np.divide(layer["normality"], layer["reference"])), -2, -1)
                for i, layer in enumerate(last, start=1)
            ],
        ),
        _row(
            "must stand before the ReLU",
            "Mishkin et al. 2017 (1606.02228): behind it is at least as good on small ImageNet nets",
            "behind it half a point or more is lost",
            "points",
            [_measured(f"{parts['robustness']['images']:,} training images", sayings["place"]["difference"], 0.5, -1)],
        ),
    ]


def _points(difference):
    return {"mean": 100 * difference["mean"], "interval": [100 * end for end in difference["interval"]]}
