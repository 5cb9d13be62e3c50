"""A trained net, new images, little memory: BatchNorm frozen or not."""

import copy
from dataclasses import replace

import numpy as np

from bnbook import nets, train
from bnbook.lab.engine import build, tensors
from bnbook.lab.results import check_seeds, interval, versions

from .rates import MLP


def fine_tuning(
    data, seeds=8, sizes=(2, 4, 8, 16), rates=(0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64), images=100, passes=10,
    device="cpu",
):  # fmt: skip
    """Test accuracy after fine-tuning a net with BatchNorm on few images of a new kind, its BatchNorm frozen or not.

    The net was trained on the images as they are, in batches of 64; the new ones are their mirror images. Each arm has
    its best rate on mirrored validation images.

    data    data.Data
    seeds   runs per arm, 2 or more: other weights, other batches
    sizes   images in a batch of the fine-tuning
    rates   learning rates to choose from
    images  training images of the new kind
    passes  over them
    Returns a dict: experiment, versions, seeds, sizes, images, passes, before and arms (per size and frozen: lr,
    at_edge, interval of the mean of new), each with new and old (accuracies on mirrored and on usual test images, one
    per seed), and differences (per size: frozen minus not frozen on new, mean and interval).
    Raises ValueError if seeds is below 2.
    BatchNorm in training mode with 2 or 4 images multiplies rounding errors: such digits differ between machines.
    """
    check_seeds(seeds)
    x_train, y_train, x_test, y_test = tensors(data, device)
    _, _, x_val, y_val = tensors(data._replace(x_test=data.x_val, y_test=data.y_val), device)
    members, steps = list(range(seeds)), {size: passes * images // size for size in sizes}
    trained = nets.Stack([build(replace(MLP, seed=seed), data) for seed in members]).to(x_train)
    train.fit_all(trained, x_train, y_train, 0.3, 64, 300, members)

    def accuracies(net):
        parts = {"new": x_test.flip(-1), "old": x_test}
        return {name: train.evaluate_all(net, x, y_test)[1].tolist() for name, x in parts.items()}

    def tuned_further(size, frozen, lr):
        net = copy.deepcopy(trained)
        if frozen:
            nets.freeze_batch_norms(net)
        train.fit_all(net, x_train[:images].flip(-1), y_train[:images], lr, size, steps[size], members)
        return train.evaluate_all(net, x_val.flip(-1), y_val)[1].mean(), accuracies(net)

    arms, differences = [], []
    for size in sizes:
        for frozen in (False, True):
            tried = [tuned_further(size, frozen, lr) for lr in rates]
            best = int(np.argmax([validation for validation, _ in tried]))
            arm = {"size": size, "frozen": frozen, "lr": rates[best], "at_edge": best in (0, len(rates) - 1)}
            arms.append({**arm, **tried[best][1], "interval": list(interval(tried[best][1]["new"]))})
        paired = np.subtract(arms[-1]["new"], arms[-2]["new"])
        differences.append({"size": size, "mean": float(paired.mean()), "interval": list(interval(paired))})
    return {
        "experiment": "fine_tuning",
        "versions": versions(),
        "seeds": seeds,
        "sizes": list(sizes),
        "images": images,
        "passes": passes,
        "before": accuracies(trained),
        "arms": arms,
        "differences": differences,
    }
