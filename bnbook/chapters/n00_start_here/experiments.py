"""The experiment of notebook 00."""

from bnbook.lab.engine import Setting, run_all
from bnbook.lab.results import check_seeds, difference, summary, versions


def first_look(data, seeds=5, rates=(0.02, 0.2, 1.0), device="cpu", progress=False):
    """The course's first picture: the same small CNN with and without BatchNorm, at three learning rates.

    Both arms have He initialization, and each pair the same weights and the same batches. The rates were picked from
    a scan of ten, to show three cases: a small one, one near the best for the net without normalization, and one
    five times as large. The split is fixed: the intervals cover weights and batch order, not which images are tested.

    data   data.Data, as from data.digits()
    seeds  runs per arm, 2 or more
    rates  learning rates
    Returns a dict: experiment, versions, arms (one per rate and norm: test accuracy over steps and at the end),
    differences (BatchNorm minus none at the end, one per rate), runs (what `run` returns). Accuracies are between
    0 and 1.
    Raises ValueError if seeds is below 2.
    """
    check_seeds(seeds)
    grid = [(lr, norm) for lr in rates for norm in ("none", "batch")]
    settings = [Setting(norm=norm, lr=lr, seed=seed) for lr, norm in grid for seed in range(seeds)]
    runs = run_all(settings, data, device, progress)
    arms = [summary(runs[i * seeds : (i + 1) * seeds]) for i in range(len(grid))]
    differences = [difference(none, batch) for none, batch in zip(arms[::2], arms[1::2], strict=True)]
    return {
        "experiment": "first_look",
        "versions": versions(),
        "arms": arms,
        "differences": differences,
        "runs": runs,
    }
