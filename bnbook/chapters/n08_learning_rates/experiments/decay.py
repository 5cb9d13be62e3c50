"""The experiment of notebook 08 on weight decay, in nets that forget the length of their weights."""

from dataclasses import replace

import torch

from bnbook import train
from bnbook.lab.engine import tensors
from bnbook.lab.results import check_seeds, interval, versions

from ..functions import equilibrium
from .scale import NET, fit

# (share of random labels, lr, weight decay, factor of the hidden weights at the start)
DECAYS = (
    *((0.3, 1.0, 0.01, start) for start in (1 / 3, 1.0, 3.0)),
    *((noise, lr, decay, 1.0) for lr, decay in ((0.1, 0.1), (0.1, 0.001)) for noise in (0.3, 0.0)),
)


def weight_decay_equilibrium(data, seeds=5, arms=DECAYS, steps=600, device="cpu"):
    """Does weight decay bring scale-invariant weights to one length, and one angle per step?

    data   data.Data
    seeds  runs per arm, 2 or more
    arms   (share of random labels, lr, weight decay of the hidden weights, factor of the hidden weights at the start)
    Returns a dict: experiment, versions, seeds, steps, arms: noise, lr, weight_decay, start, step, length (mean over
    the units of the second layer; seeds x steps, every 10), and of the last third of the steps, for each seed: angle
    (root of the mean square over units and steps, radians), gradient (the same, of |g| |w|); predicted_length (per
    seed) and predicted_angle from `equilibrium`; ratio (angle / predicted_angle: mean, interval); and accuracy.
    Raises ValueError if seeds is below 2.
    """
    check_seeds(seeds)
    found = {}
    for noise in dict.fromkeys(arm[0] for arm in arms):
        group = [arm for arm in arms if arm[0] == noise]
        settings = [
            replace(NET, steps=steps, batch_size=32, lr=lr, weight_decay=decay, init=start * 2**0.5, seed=seed)
            for _, lr, decay, start in group
            for seed in range(seeds)
        ]
        found |= dict(zip(group, _decayed(settings, data, device, noise, seeds), strict=True))
    return {
        "experiment": "weight_decay_equilibrium",
        "versions": versions(),
        "seeds": seeds,
        "steps": steps,
        "arms": [{"noise": arm[0], "start": arm[3], **found[arm]} for arm in arms],
    }


def _decayed(settings, data, device, noise, seeds):
    """One summary for each arm of `weight_decay_equilibrium` with this share of random labels."""
    turns = _Turns(settings)
    net = fit(settings, data, device, turns, eps=1e-5, noise=noise)[1]
    accuracy = train.evaluate_all(net, *tensors(data, device)[2:])[1]
    angle, gradient = (torch.stack(values).mean(0).sqrt().cpu().numpy() for values in (turns.angle, turns.gradient))
    length = torch.stack(turns.length, 1).cpu().numpy()
    for i in range(0, len(settings), seeds):
        part, lr, decay = slice(i, i + seeds), settings[i].lr, settings[i].weight_decay
        lengths, predicted = equilibrium(lr, decay, gradient[part])
        ratio = angle[part] / predicted
        yield {
            "lr": lr,
            "weight_decay": decay,
            "step": list(range(0, settings[0].steps + 1, 10)),
            "length": length[part].tolist(),
            "angle": angle[part].tolist(),
            "gradient": gradient[part].tolist(),
            "predicted_length": lengths.tolist(),
            "predicted_angle": float(predicted),
            "ratio": {"mean": float(ratio.mean()), "interval": list(interval(ratio))},
            "accuracy": accuracy[part].tolist(),
        }


class _Turns:
    """A watch function: the length of the second layer's units, and how far each step turned them.

    length is noted every 10 steps, the mean squares over units of angle and of |g| |w| in the last third of the steps.
    """

    def __init__(self, settings):
        self.settings, self.length, self.angle, self.gradient = settings, [], [], []

    def __call__(self, net, step, x, y):
        w = net.get_parameter("linear2.weight").detach()
        length = w.norm(dim=2)
        if step > 2 * self.settings[0].steps // 3:
            self._note(w, length)
        if step % 10 == 0:
            self.length.append(length.mean(1))
        self.before, self.before_length = w.clone(), length

    def _note(self, w, length):
        lr, decay = (
            w.new_tensor([getattr(s, key) for s in self.settings])[:, None, None] for key in ("lr", "weight_decay")
        )
        gradient = (self.before - w) / lr - decay * self.before  # the step backwards: w <- w - lr * (g + decay * w)
        chord = (w / length[..., None] - self.before / self.before_length[..., None]).norm(dim=2)
        self.angle.append((2 * torch.arcsin(chord / 2)).square().mean(1))
        self.gradient.append((gradient.norm(dim=2) * self.before_length).square().mean(1))
