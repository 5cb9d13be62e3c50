"""Accuracies, every net at the learning rate that suits it best."""

from dataclasses import replace

import numpy as np

from bnbook.lab.engine import Setting, run_all
from bnbook.lab.results import check_seeds, interval

MLP, CNN = Setting(net="mlp", width=64, depth=3), Setting(net="cnn", width=8)
NETS = {"mlp": MLP, "cnn": CNN}
FIRST_TUNING_SEED = 100  # seeds that choose a rate are never among those that are reported


def tuned(bases, data, seeds, tuning_seeds=5, device="cpu", progress=False, keep=None):
    """Test accuracies of settings, each at the learning rate with the best accuracy on the validation images.

    The grid is six rates a factor of 2 apart, around 0.4 for batches of 32 or more and in proportion to smaller ones; a
    best rate at its edge makes it grow, by four rates at most. The seeds that choose the rate are not those that are
    reported.

    bases         Settings; lr and seed are of no account
    seeds         runs reported per Setting, 2 or more
    tuning_seeds  runs per rate
    Returns a list of dicts, one for each of the bases: net, norm, batch_size, ghost, steps, lr, rates (of the grid),
    validation (mean accuracy at each of them), at_edge (bool), accuracy (on the test images, one per seed), interval.
    Raises ValueError if seeds is below 2.
    """
    check_seeds(seeds)
    how = {"device": device, "progress": progress, "keep": keep}
    bases = [replace(base, every=base.steps) for base in bases]
    validation = data._replace(x_test=data.x_val, y_test=data.y_val)
    chosen = [_best_rate(base, validation, tuning_seeds, how) for base in bases]
    settings = [
        replace(base, lr=lr, seed=seed) for base, (lr, *_) in zip(bases, chosen, strict=True) for seed in range(seeds)
    ]
    accuracies = [run["test_accuracy"][-1] for run in run_all(settings, data, **how)]
    arms = []
    for i, (base, (lr, rates, found)) in enumerate(zip(bases, chosen, strict=True)):
        own = accuracies[i * seeds : (i + 1) * seeds]
        arms.append(
            {
                **{name: getattr(base, name) for name in ("net", "norm", "batch_size", "ghost", "steps")},
                "lr": lr,
                "rates": rates,
                "validation": found,
                "at_edge": lr in (rates[0], rates[-1]),
                "accuracy": own,
                "interval": list(interval(own)),
            }
        )
    return arms


def _best_rate(base, validation, seeds, how):
    """Best rate, all rates tried in order, and the mean validation accuracy at each."""
    centre, found = 0.4 * min(base.batch_size, 32) / 32, {}
    wanted = [centre * 2.0**power for power in range(-3, 3)]
    for _ in range(5):
        settings = [replace(base, lr=lr, seed=FIRST_TUNING_SEED + seed) for lr in wanted for seed in range(seeds)]
        accuracies = np.reshape([run["test_accuracy"][-1] for run in run_all(settings, validation, **how)], (-1, seeds))
        found |= dict(zip(wanted, accuracies.mean(1).tolist(), strict=True))
        best = max(sorted(found), key=found.get)  # the smallest of equals
        wanted = [best / 2] if best == min(found) else [best * 2] if best == max(found) else []
        if not wanted:
            break
    rates = sorted(found)
    return best, rates, [found[rate] for rate in rates]
