"""Is it less sensitive to noise than other norms? Trained on clean images, tested on spoilt ones."""

from dataclasses import replace

import numpy as np
import torch

from bnbook import train
from bnbook.lab.engine import pooled, run_all
from bnbook.lab.results import check_seeds, versions

from ..functions import fgsm
from .tuning import RATES, base, paired, tuned

NORMS = ("none", "batch", "layer", "group", "instance")
NOISES = (0.1, 0.2, 0.3, 0.5)


def robustness(data, device="cpu", progress=False, seeds=8, keep=None, norms=NORMS, images=1000, rates=RATES[1:]):
    """Accuracy on spoilt test images of nets that were trained on clean ones, each norm at its own best rate.

    data    data.Data
    seeds   runs per norm and rate, 2 or more
    norms   to compare; 'batch' is tested a second time as 'batch_own': with the statistics of the spoilt images
            themselves in place of the running ones
    images, rates   as in `generalization`
    Returns a dict: experiment, versions, seeds, images, rates, sd (of the training pixels), arms (per norm: rate,
    at_the_edge, accuracy, name of the test to one number per seed), differences (per test and other norm: BatchNorm
    minus it, `paired`). The tests: 'clean'; 'noise S', normal noise of that sd on every pixel; 'specks', 20 % of the
    pixels black or white; 'contrast', a quarter of it; 'dark', a fifth of the light; 'shift', one pixel to the right;
    'fgsm E' and 'pgd E', adversarial steps of at most E per pixel. Pixels stay between 0 and 1.
    Raises ValueError if seeds is below 2.
    """
    check_seeds(seeds)
    how = {"device": device, "progress": progress, "keep": keep}
    settings = {norm: base(data, images, norm=norm) for norm in norms}
    chosen, arms = tuned(data, settings, seeds, rates, **how), {}
    for norm in norms:
        lr, edge = chosen[norm]["rate"], chosen[norm]["at_the_edge"]
        accuracy, own = tested(data, settings[norm], lr, seeds, **how)
        arms[norm] = {"rate": lr, "at_the_edge": edge, "accuracy": accuracy}
        if own:
            arms["batch_own"] = {"rate": lr, "at_the_edge": edge, "accuracy": own}
    mine = arms["batch"]["accuracy"]
    differences = {
        name: {
            arm: paired(mine[name], other["accuracy"][name]) for arm, other in arms.items() if name in other["accuracy"]
        }
        for name in mine
    }
    for row in differences.values():
        del row["batch"]
    return {
        "experiment": "robustness",
        "versions": versions(),
        "seeds": seeds,
        "images": settings["batch"].images,
        "rates": list(rates),
        "sd": float(data.x_train.std()),
        "arms": arms,
        "differences": differences,
    }


def tested(data, setting, lr, seeds, **how):
    """Accuracy of one arm on the spoilt images, name to one number per seed; for BatchNorm also with their statistics.

    setting, lr, seeds   the arm, its rate, and how many runs; how: for `run_all`
    Returns two dicts; the second is empty but for BatchNorm.
    """
    some = [replace(setting, lr=lr, seed=seed) for seed in range(seeds)]
    found = [run["watched"] for run in run_all(some, data, **how, watch=_at_the_end(data))]
    names = [name for name in found[0] if name != "step"]
    accuracy = {name: [run[name][0] for run in found] for name in names}
    own = {name[4:]: accuracy.pop(name) for name in names if name.startswith("own ")}
    return accuracy, own


def _at_the_end(data):
    """A watch function that tests each member, when its training is over, on its own test images."""
    mean, sd = data.x_train.mean(), data.x_train.std()

    def spoilt(moment):
        if moment.x is not None:
            return None
        net, like = moment.net, next(moment.net.parameters())
        x, y, split = pooled(data, moment.settings, like)
        test = split["test"]
        pixels, labels = (x[test] * sd + mean).clamp(0, 1), y[test]

        def accuracy(images):
            return (net((images - mean) / sd).argmax(-1) == labels).double().mean(1)

        found = {}
        net.eval()
        for name, images in spoil(pixels, [setting.seed for setting in moment.settings]).items():
            found[name] = accuracy(images)
            if moment.settings[0].norm == "batch":
                found[f"own {name}"] = _with_own_statistics(net, accuracy, images)
        for eps in (0.05, 0.1):
            found[f"fgsm {eps}"] = accuracy(attack(net, pixels, labels, eps, mean, sd, steps=1))
        found["pgd 0.1"] = accuracy(attack(net, pixels, labels, 0.1, mean, sd, steps=10))
        net.train()
        return found

    return spoilt


def _with_own_statistics(net, accuracy, images):
    """Accuracy in training mode; the running statistics are put back."""
    before = {name: buffer.clone() for name, buffer in net.named_buffers()}
    with torch.no_grad():
        net.train()
        found = accuracy(images)
        net.eval()
        for name, buffer in net.named_buffers():
            buffer.copy_(before[name])
    return found


def spoil(pixels, seeds):
    """Spoilt copies of images, name to (P, N, C, H, W); pixels between 0 and 1, the noise of member i from seeds[i]."""
    rngs = [np.random.default_rng([seed, 2]) for seed in seeds]
    shape = pixels.shape[1:]
    normal = torch.from_numpy(np.stack([rng.normal(size=shape) for rng in rngs])).to(pixels)
    uniform = torch.from_numpy(np.stack([rng.random(shape) for rng in rngs])).to(pixels)
    specks = torch.where(uniform < 0.1, 0.0, torch.where(uniform > 0.9, 1.0, pixels))
    moved = torch.nn.functional.pad(pixels[..., :-1], (1, 0))
    return {
        "clean": pixels,
        **{f"noise {sd}": (pixels + sd * normal).clamp(0, 1) for sd in NOISES},
        **{"specks": specks, "contrast": 0.5 + 0.25 * (pixels - 0.5), "dark": 0.2 * pixels, "shift": moved},
    }


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
