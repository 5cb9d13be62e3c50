"""A trained net, new images, little memory: BatchNorm frozen or not."""

import copy
import functools
from dataclasses import replace

import torch

from bnbook import nets, train
from bnbook.lab import results
from bnbook.lab.engine import build, tensors
from bnbook.lab.results import check_seeds, versions

from .rates import MLP, chosen_rates, joined, members

RATES = (0.01, 0.02, 0.04, 0.08, 0.16)
AGAIN = ((2, "batch"), (2, "frozen"), (16, "frozen"))  # what the notebook makes again: images in a batch, arm


def fine_tuning(data, seeds=20, sizes=(2, 4, 8, 16), rates=RATES, images=100, passes=10, best=None, device="cpu"):
    """Test accuracy after fine-tuning a net with BatchNorm on few images of a new kind, its BatchNorm frozen or not.

    The net was trained on the images as they are, in batches of 64; the new ones are their mirror images. Each arm has
    its best rate on mirrored validation images, found with other seeds, and so other trained nets, than those reported.

    data    data.Data
    seeds   runs per arm, 2 or more: other weights, other batches, and so another net to begin with
    sizes   images in a batch of the fine-tuning
    rates   learning rates to begin with, see `results.tune`
    images  training images of the new kind
    passes  over them
    best    rates chosen before, as returned: only these arms and sizes are trained
    Returns a dict: experiment, versions, seeds, sizes, images, passes, and table, tuning, best as `at_best_rates`
    returns them, with a column batch_size, and arms 'batch' (left in training mode) and 'frozen'. Measures are
    test_accuracy, on mirrored test images, and old_accuracy, on the usual ones; both at step 0, too: before.
    Raises ValueError if seeds is below 2.
    BatchNorm in training mode with 2 or 4 images multiplies rounding errors: such digits differ between machines.
    """
    check_seeds(seeds)
    trained, parts = functools.cache(functools.partial(_trained, data, device)), []
    for size in sizes:
        run = functools.partial(_fine_tuned, trained, size, images, passes * images // size)
        parts.append(_at_size(run, data, seeds, size, rates, best))
    return {
        "experiment": "fine_tuning",
        "versions": versions(),
        "seeds": seeds,
        "sizes": list(sizes),
        "images": images,
        "passes": passes,
        **joined(parts),
    }


def _at_size(run, data, seeds, size, rates, best):
    """Both arms with one size of batch: what `at_best_rates` returns."""
    if best is None:
        tuning, chosen = chosen_rates(run, ("batch", "frozen"), data, size, list(rates))
        found = [{"batch_size": size, "arm": arm, **rate} for arm, rate in chosen.items()]
    else:
        tuning, found = None, [one for one in best if one["batch_size"] == size]
    runs = [
        {"arm": one["arm"], "lr": one["lr"], **member}
        for one in found
        for member in members(seeds, best is None and (size, one["arm"]) in AGAIN)
    ]
    return {"table": run(runs, data) if runs else None, "tuning": tuning, "best": found}


def _trained(data, device, seeds, twins, dtype):
    """A stack of nets, trained on the images as they are."""
    x, y, *_ = tensors(data, device)
    settings = [replace(MLP, seed=seed, twin=twin) for seed, twin in zip(seeds, twins, strict=True)]
    net = nets.Stack([build(setting, data) for setting in settings]).to(x.to(dtype))
    train.fit_all(net, x, y, 0.3, 64, 300, list(seeds))
    return net


def _fine_tuned(trained, size, images, steps, labels, data, dtype=torch.float64):
    """The table of runs of labels (arm, lr, seed, twin), fine-tuned in batches of one size."""
    order, found = [], []
    for arm, lr in dict.fromkeys((one["arm"], one["lr"]) for one in labels):
        own = [one for one in labels if (one["arm"], one["lr"]) == (arm, lr)]
        seeds, twins = (tuple(one[name] for one in own) for name in ("seed", "twin"))
        net = copy.deepcopy(trained(seeds, twins, dtype))
        x, y, x_test, y_test = tensors(data, next(net.parameters()).device)
        before = _accuracies(net, x_test, y_test)
        if arm == "frozen":
            nets.freeze_batch_norms(net)
        x, y = x[:images].flip(-1), y[:images]
        train.fit_all(net, x, y, lr, size, steps, list(seeds))
        after, losses = _accuracies(net, x_test, y_test), train.evaluate_all(net, x, y)[0].tolist()
        for i, loss in enumerate(losses):
            both = {name: [before[name][i], after[name][i]] for name in after}
            found.append(
                {"step": [0, steps], **both, "train_loss": loss, "diverged": train.diverged(loss, data.classes)}
            )
        order += [{"batch_size": size, **one} for one in own]
    return results.table(order, found)


def _accuracies(net, x, y):
    """Of each member, on images mirrored and as they are."""
    parts = {"test_accuracy": x.flip(-1), "old_accuracy": x}
    return {name: train.evaluate_all(net, part, y)[1].tolist() for name, part in parts.items()}
