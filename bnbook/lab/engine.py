"""Many training runs at once: what every experiment is made of.

Data goes one way: images, batches and net are prepared for a group of Settings first, and handed on as one `_Prepared`.
"""

from dataclasses import asdict, replace
from typing import NamedTuple

import numpy as np
import torch
from tqdm.auto import tqdm

from bnbook import nets, train

from .held import after_step
from .held import hidden_weights as hidden_weights
from .images import Dealt, Shared, pooled, tensors
from .images import own_split as own_split
from .kept import Kept
from .results import jsonable
from .setting import Architecture as Architecture
from .setting import Setting as Setting
from .setting import Training as Training
from .setting import build
from .workers import as_they_come

# What may differ between nets that are trained together; the rest decides shapes and the order of operations.
_FREE = {"lr": 1.0, "hidden_lr": None, "weight_decay": 0.0, "init": "he", "standardized": False, "seed": 0, "twin": 0}


class Moment(NamedTuple):
    """What a watch function sees: a stack of nets in training, before a step.

    net       nets.Stack of P members; it may be evaluated and change its mode, not its parameters
    step      steps done
    x, y      the batch of the next step, (P, batch_size, ...) and (P, batch_size); None after the last
    settings  of the members, in order
    """

    net: nets.Stack
    step: int
    x: torch.Tensor | None
    y: torch.Tensor | None
    settings: list


def run(setting, data, device="cpu"):
    """One training run: `run_all` for a single Setting."""
    return run_all([setting], data, device)[0]


def run_all(settings, data, device="cpu", progress=False, watch=None, keep=None, dtype=torch.float64, together=24):
    """Train a grid of settings, those that share a shape together as one batched model; results in the same order.

    settings  Settings; what may differ within one model: lr, hidden_lr, weight_decay, init, standardized, seed, twin
    data      data.Data; its images are shifted and scaled to mean 0, variance 1 over the training set (He
              initialization assumes it, and without it the net without normalization looks worse than it is)
    progress  show a bar; off by default, because a bar in a stored output differs at every execution. It moves with
              each step, or with each group, where `workers` train them
    watch     called as watch(moment) before the first step and after each; may return a dict, name to (P, ...)
    keep      a file: each finished group is written there, and found again by the same call after an interruption
    dtype     torch.float64, or torch.float32, which is twice as fast and gives other digits on another machine
    together  nets in one model at most: with more, their arrays leave the core's cache
    Returns a list of dicts: setting (a dict), step and test_accuracy (lists), train_loss (over the whole training set
    at the end, in evaluation mode; None if not finite), diverged (bool), and watched (step, and the values of each
    name), if watch returned anything. A run that diverges disturbs no other and raises nothing.
    Raises ValueError for what `build`, `train.batches`, `train.Descent` and `train.descend` refuse.
    """
    settings = list(settings)
    kept = Kept(keep, data, device, dtype, watch)
    results = {position: kept.runs[key] for position, key in enumerate(map(kept.key, settings)) if key in kept.runs}
    done = sum(settings[position].steps for position in results)
    total, off = sum(setting.steps for setting in settings), None if progress else True
    bar = tqdm(total=total, initial=done, unit="step", unit_scale=True, disable=off)  # runs come 24 at a time: no guess
    groups = _groups(settings, together if torch.device(device).type == "cpu" else 8 * together)
    groups = [left for group in groups if (left := [position for position in group if position not in results])]
    tasks = [([settings[position] for position in group], device, dtype, watch, _Advance(bar)) for group in groups]
    for number, runs in as_they_come(_group, data, tasks):
        kept.add(runs)
        results |= dict(zip(groups[number], runs, strict=True))
        bar.update(sum(settings[position].steps for position in results) - bar.n)  # what other processes have done
    bar.close()
    return [results[position] for position in range(len(settings))]


def _groups(settings, together):
    """Lists of positions whose settings can be trained as one model."""
    groups = {}
    for position, setting in enumerate(settings):
        groups.setdefault(replace(setting, **_FREE), []).append(position)
    return [group[i : i + together] for group in groups.values() for i in range(0, len(group), together)]


class _Advance:
    """Tells a bar how many steps have been taken; in another process there is none, and nobody is told."""

    def __init__(self, bar=None):
        self.bar = bar

    def __call__(self, steps):
        if self.bar is not None:
            self.bar.update(steps)

    def __reduce__(self):
        return _Advance, ()


# --- one group -------------------------------------------------------------------------------------------------------


class _Prepared(NamedTuple):
    """All that the training of one group needs: settings of one shape, their net, batches, way down and images."""

    settings: list
    classes: int
    net: nets.Stack
    images: Shared | Dealt
    batches: train.Batches
    descent: train.Descent


def _group(data, settings, device, dtype, watch, advance):
    """The runs of one group, from the images to the results: what a worker does."""
    parts = [part.to(dtype) if part.is_floating_point() else part for part in tensors(data, device)]
    return _trained(_prepared(settings, data, parts), watch, advance)


def _prepared(settings, data, parts):
    """A group of settings that share a shape, ready to be trained on parts, what `tensors` made of data."""
    first, seeds = settings[0], [setting.seed for setting in settings]
    net = nets.Stack([build(setting, data) for setting in settings]).to(parts[0])
    images = Shared(*parts) if first.images is None else Dealt(*pooled(data, settings, parts[0]))
    batches = train.batches(
        net,
        images.x,
        images.y,
        first.batch_size,
        first.steps,
        seeds,
        label_noise=first.label_noise,
        order=_neighbours(first, seeds, len(images.x)) if first.together else None,
        pool=images.pool,
        whole_set=first.whole_set,
    )
    decays = [setting.weight_decay for setting in settings]
    held = after_step(net, settings)
    descent = train.Descent(_rates(net, settings), first.momentum, decays, first.clip, first.schedule, held)
    return _Prepared(settings, data.classes, net, images, batches, descent)


def _rates(net, settings):
    """A function: the name of a parameter to each member's learning rate for it."""
    hidden = set(hidden_weights(net))
    usual = [setting.lr for setting in settings]
    special = [setting.lr if setting.hidden_lr is None else setting.hidden_lr for setting in settings]
    return lambda name: special if name in hidden else usual


def _neighbours(setting, seeds, n):
    """Batches of consecutive training images, shuffled for each seed: (P, steps, batch_size)."""
    size = setting.batch_size
    first = [size * train.batch_order(n // size, 1, setting.steps, seed) for seed in seeds]
    return np.stack(first) + np.arange(size)


def _trained(group, watch, advance):
    """Runs of a prepared group; advance is told how many steps have been taken since it was last called."""
    record = _Record(group, watch, advance)
    train.descend(group.net, group.batches, group.descent, record)
    losses = group.images.train_losses(group.net)
    return [record.run(i, loss) for i, loss in enumerate(losses)]


class _Record:
    """Called by `train.descend` before the first step and after each: keeps what is measured, and what watch finds."""

    def __init__(self, group, watch, advance):
        self.group, self.watch, self.advance = group, watch, advance
        self.steps, self.scores, self.watched = [], {}, {"step": []}

    def __call__(self, net, step, x, y):
        settings = self.group.settings
        self.advance(len(settings) * (step > 0))
        if step % settings[0].every == 0:
            self.steps.append(step)
            for name, values in self.group.images.scores(net).items():
                self.scores.setdefault(name, []).append(values)
        found = self.watch(Moment(net, step, x, y, settings)) if self.watch is not None else None
        if found:
            self.watched["step"].append(step)
            for name, values in found.items():
                self.watched.setdefault(name, []).append(np.asarray(torch.as_tensor(values).cpu(), dtype=float))

    def run(self, i, loss):
        """What `run_all` returns of member i, whose final loss over all its training images is given."""
        scores = {name: [jsonable(at[i]) for at in values] for name, values in self.scores.items()}
        found = {
            "setting": asdict(self.group.settings[i]),
            "step": self.steps,
            "test_accuracy": scores.pop("test_accuracy"),
            "train_loss": float(loss) if np.isfinite(loss) else None,
            "diverged": train.diverged(loss, self.group.classes),
            **scores,
        }
        if self.watched["step"]:
            values = {name: [jsonable(v[i]) for v in list_] for name, list_ in self.watched.items() if name != "step"}
            found["watched"] = {"step": self.watched["step"], **values}
        return found
