"""Is it less sensitive to noise than other norms? Trained on clean or on noisy images, tested on spoilt ones."""

import numpy as np
import torch

from bnbook import train
from bnbook.lab import results
from bnbook.lab.distort import distorted
from bnbook.lab.engine import pooled

from ..functions import fgsm
from .tuning import RATES, base, joined, tuned

NORMS = ("none", "batch", "layer", "group", "instance")
LOUDEST = 0.4  # sd of the noise in training, at most


def robustness(data, device="cpu", progress=False, seeds=20, keep=None, norms=NORMS, images=1000, rates=RATES[1:]):
    """Accuracy on spoilt test images, each norm at its own best rate.

    data    data.Data
    seeds   reported runs per norm, 2 or more
    norms   to compare
    images, rates   as in `generalization`
    Returns a dict: experiment, versions, seeds, images, sd (of the training pixels), and table, tuning, best and twins
    as `tuned` returns them. Cases: 'clean' and 'noisy', the training images; noisy ones get, anew at every step, normal
    noise of an sd between 0 and 0.4, each its own. Measures are 'TEST accuracy', for the tests of `distort.distorted`
    and for 'fgsm E' and 'pgd E', adversarial steps of at most E per pixel; with BatchNorm also 'own TEST accuracy',
    with the statistics of the spoilt images in place of the running ones.
    Raises ValueError if seeds is below 2.
    """
    results.check_seeds(seeds)
    how = {"device": device, "progress": progress, "keep": keep}
    settings, noisy = {norm: base(data, images, norm=norm) for norm in norms}, _with_noise(data)
    parts = [
        tuned(data, {"clean": settings}, seeds, rates, [("clean", "batch")], watch=tested(data), **how),
        tuned(data, {"noisy": settings}, seeds, rates, watch=_noisy_and_tested(data), watch_tuning=noisy, **how),
    ]
    return {
        "experiment": "robustness",
        "versions": results.versions(),
        "seeds": seeds,
        "images": settings["batch"].images,
        "sd": float(data.x_train.std()),
        "table": joined([part["table"] for part in parts]),
        "tuning": joined([part["tuning"] for part in parts]),
        "best": {case: rates for part in parts for case, rates in part["best"].items()},
        "twins": parts[0]["twins"],
    }


def _with_noise(data):
    """A watch function that spoils the batch to come, in place: it is what the nets are then trained on."""
    mean, sd = data.x_train.mean(), data.x_train.std()

    def noisy(moment):
        if moment.x is None:
            return
        for x, setting in zip(moment.x, moment.settings, strict=True):
            rng = np.random.default_rng([setting.seed, 3, moment.step])
            noise = rng.uniform(0, LOUDEST, (len(x), 1, 1, 1)) * rng.normal(size=tuple(x.shape))
            x.copy_(((x * sd + mean + torch.from_numpy(noise).to(x)).clamp(0, 1) - mean) / sd)

    return noisy


def _noisy_and_tested(data):
    noisy, spoilt = _with_noise(data), tested(data)

    def both(moment):  # of another name than `spoilt`: that tells the runs apart in the file of finished ones
        noisy(moment)
        return spoilt(moment)

    return both


def tested(data):
    """A watch function that tests each member, when its training is over, on its own test images, spoilt."""
    mean, sd = data.x_train.mean(), data.x_train.std()

    def spoilt(moment):
        if moment.x is not None:
            return None
        net, like = moment.net, next(moment.net.parameters())
        x, y, split = pooled(data, moment.settings, like)
        pixels, labels = (x[split["test"]] * sd + mean).clamp(0, 1), y[split["test"]]

        def accuracy(images):
            with torch.no_grad():
                return (net((images - mean) / sd).argmax(-1) == labels).double().mean(1)

        found, batch = {}, moment.settings[0].norm == "batch"
        with train.evaluating(net):
            for name, images in distorted(pixels, [setting.seed for setting in moment.settings]).items():
                found[name] = accuracy(images)
                if batch:
                    found[f"own {name}"] = _with_own_statistics(net, accuracy, images)
            for eps in (0.05, 0.1):
                found[f"fgsm {eps}"] = accuracy(attack(net, pixels, labels, eps, mean, sd, steps=1))
            found["pgd 0.1"] = accuracy(attack(net, pixels, labels, 0.1, mean, sd, steps=10))
        return {f"{name} accuracy": values for name, values in found.items()}

    return spoilt


def _with_own_statistics(net, accuracy, images):
    """Accuracy in training mode; the running statistics are put back."""
    before = {name: buffer.clone() for name, buffer in net.named_buffers()}
    net.train()
    found = accuracy(images)
    net.eval()
    with torch.no_grad():
        for name, buffer in net.named_buffers():
            buffer.copy_(before[name])
    return found


def attack(net, pixels, labels, eps, mean, sd, steps=1):
    """Images changed by at most eps per pixel so that the loss of net, in its present mode, rises.

    net     nets.Stack, or what takes (P, N, C, H, W) and returns (P, N, classes)
    pixels  (P, N, C, H, W)  between 0 and 1      labels  (P, N)
    mean, sd   by which net wants its images shifted and scaled
    steps   1: `fgsm`. More: that many steps of eps / 4, held within eps of the image (projected gradient descent)
    Returns images like pixels.
    Source: Madry et al. 2018, "Towards deep learning models resistant to adversarial attacks", section 2.1.
    """
    images, step = pixels, eps if steps == 1 else eps / 4
    for _ in range(steps):
        images = images.detach().requires_grad_()
        with torch.enable_grad():
            loss = train.per_member_loss(net((images - mean) / sd), labels).sum()
        (gradient,) = torch.autograd.grad(loss, images)
        moved = fgsm(images.detach().cpu().numpy(), gradient.cpu().numpy(), step)
        images = torch.from_numpy(moved).to(pixels).clamp(pixels - eps, pixels + eps)
    return images
