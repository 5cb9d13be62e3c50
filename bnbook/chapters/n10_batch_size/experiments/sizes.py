"""How small may a batch be, for the gradient and for the statistics?"""

from dataclasses import replace

import numpy as np

from bnbook.lab.results import check_seeds, versions

from .rates import MLP, NETS, at_best_rates, joined

NORMS = ("none", "layer", "group", "batch")
GRID = {  # by net; the cnn needs fewer steps, and far more arithmetic for each
    "mlp": {"norms": (*NORMS, "renorm"), "sizes": (2, 4, 8, 16, 64), "passes": 10, "least": 300},
    "cnn": {"norms": NORMS, "sizes": (2, 16, 64), "passes": 10, "least": 120, "seeds": 8},
}
# The runs that the notebook makes again: net, images in a batch, arm.
AGAIN = (("mlp", 2, "batch"), ("mlp", 16, "none"), ("mlp", 64, "batch"), ("cnn", 2, "batch"))


def batch_sizes(data, seeds=20, grid=GRID, best=None, device="cpu", progress=False, keep=None):
    """Test accuracy against batch size for several normalizations, each at the learning rate that suits it best.

    Every net of a kind sees each training image equally often, but makes `least` steps at least: otherwise large
    batches would lose by having fewer steps. The rate is chosen for each arm and size on the validation images, see
    `at_best_rates`.

    data   data.Data
    seeds  runs per arm, 2 or more
    grid   {net: {norms, sizes, passes, least}}, and seeds if there are to be fewer at most
    best   rates chosen before, as returned: only these arms and sizes are trained
    Returns a dict: experiment, versions, seeds, and table, tuning, best as `at_best_rates` returns them, with columns
    net and batch_size.
    Many minutes; with batches of 2 BatchNorm multiplies rounding errors: such digits differ between machines.
    """
    check_seeds(seeds)
    parts, n, how = [], len(data.x_train), {"device": device, "progress": progress, "keep": keep}
    for kind, given in grid.items():
        for size in given["sizes"]:
            if size > n:
                continue
            steps = max(given["least"], given["passes"] * n // size)
            bases = {norm: replace(NETS[kind], norm=norm, batch_size=size, steps=steps) for norm in given["norms"]}
            twins = [norm for norm in bases if (kind, size, norm) in AGAIN]
            label, own = {"net": kind, "batch_size": size}, min(seeds, given.get("seeds", seeds))
            parts.append(at_best_rates(label, bases, data, own, best, twins, **how))
    return {"experiment": "batch_sizes", "versions": versions(), "seeds": seeds, **joined(parts)}


def ghost_batches(
    data, seeds=20, batch_size=256, ghosts=(2, 4, 8, 16, 32, 64, 256), steps=300, best=None,
    device="cpu", progress=False, keep=None,
):  # fmt: skip
    """Test accuracy of one batch size for the gradient and several sizes for the statistics, each at its best rate.

    data        data.Data
    seeds       runs per arm, 2 or more
    batch_size  images whose gradient is averaged; fewer if there are fewer
    ghosts      images that are normalized together; divisors of batch_size
    steps       of training
    best        rates chosen before, as returned: only these arms are trained
    Returns a dict: experiment, versions, seeds, batch_size, steps, ghosts, and table, tuning, best as `at_best_rates`
    returns them: arms are 'none', the fully connected net without normalization, and 'parts of 2' and so on.
    """
    batch_size = min(batch_size, 2 ** int(np.log2(len(data.x_train))))  # a power of 2, for `ghosts` divide it
    ghosts = [ghost for ghost in ghosts if ghost <= batch_size]
    base = replace(MLP, batch_size=batch_size, steps=steps)
    bases = {"none": replace(base, norm="none"), **{part(ghost): replace(base, ghost=ghost) for ghost in ghosts}}
    twins = [part(ghost) for ghost in (2, 16, 256)]  # the notebook makes these again
    found = at_best_rates({}, bases, data, seeds, best, twins, device=device, progress=progress, keep=keep)
    return {
        "experiment": "ghost_batches",
        "versions": versions(),
        "seeds": seeds,
        "batch_size": batch_size,
        "steps": steps,
        "ghosts": list(ghosts),
        **joined([found]),
    }


def part(size):
    """The name of the arm whose statistics are of so many images."""
    return f"parts of {size}"
