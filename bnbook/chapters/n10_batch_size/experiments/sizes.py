"""How small may a batch be, for the gradient and for the statistics?"""

from dataclasses import replace

import numpy as np

from bnbook.lab.results import versions

from .rates import MLP, NETS, tuned

NORMS = ("none", "layer", "group", "batch")
GRID = {  # by net; the cnn needs fewer steps, and far more arithmetic for each
    "mlp": {"norms": (*NORMS, "renorm"), "sizes": (2, 4, 8, 16, 64, 256), "passes": 10, "least": 300},
    "cnn": {"norms": NORMS, "sizes": (2, 4, 16, 64, 256), "passes": 10, "least": 120, "tuning_seeds": 3},
}


def batch_sizes(data, seeds=8, grid=GRID, device="cpu", progress=False, keep=None):
    """Test accuracy against batch size for several normalizations, each at the learning rate that suits it best.

    Every net of a kind sees each training image equally often, but makes `least` steps at least: otherwise large
    batches would lose by having fewer steps. The rate is chosen for each arm and size on the validation images, see
    `tuned`.

    data   data.Data
    seeds  runs per arm, 2 or more
    grid   {net: {norms, sizes, passes, least}}, and tuning_seeds if there are to be other than 5
    Returns a dict: experiment, versions, seeds, arms: what `tuned` returns for each net, norm and size.
    Minutes; an arm with the statistics of 2 images multiplies rounding errors, so its digits differ between machines.
    """
    arms = []
    for kind, given in grid.items():
        n = len(data.x_train)
        steps = {size: max(given["least"], given["passes"] * n // size) for size in given["sizes"] if size <= n}
        bases = [
            replace(NETS[kind], norm=norm, batch_size=size, steps=steps[size])
            for norm in given["norms"]
            for size in steps
        ]
        arms += tuned(bases, data, seeds, given.get("tuning_seeds", 5), device, progress, keep)
    return {"experiment": "batch_sizes", "versions": versions(), "seeds": seeds, "arms": arms}


def ghost_batches(
    data, seeds=8, batch_size=256, ghosts=(2, 4, 8, 16, 32, 64, 256), steps=300, device="cpu", progress=False, keep=None
):
    """Test accuracy of one batch size for the gradient and several sizes for the statistics, each at its best rate.

    data        data.Data
    seeds       runs per arm, 2 or more
    batch_size  images whose gradient is averaged; fewer if there are fewer
    ghosts      images that are normalized together; divisors of batch_size
    steps       of training
    Returns a dict: experiment, versions, seeds, batch_size, steps, arms: what `tuned` returns, for the fully connected
    net without normalization and for each size of the ghost batches.
    """
    batch_size = min(batch_size, 2 ** int(np.log2(len(data.x_train))))  # a power of 2, for `ghosts` divide it
    ghosts = [ghost for ghost in ghosts if ghost <= batch_size]
    base = replace(MLP, batch_size=batch_size, steps=steps)
    bases = [replace(base, norm="none"), *(replace(base, ghost=ghost) for ghost in ghosts)]
    arms = tuned(bases, data, seeds, device=device, progress=progress, keep=keep)
    return {
        "experiment": "ghost_batches",
        "versions": versions(),
        "seeds": seeds,
        "batch_size": batch_size,
        "steps": steps,
        "ghosts": list(ghosts),
        "arms": arms,
    }
