"""Spoilt copies of images, the same for every notebook that asks what a net bears."""

import numpy as np
import torch

NOISES = (0.1, 0.2, 0.3, 0.5)


def distorted(pixels, seeds, noises=NOISES):
    """Images as they are and spoilt in one way each; all stay between 0 (black) and 1 (white).

    pixels  (P, N, C, H, W)  between 0 and 1, the images of each of P nets
    seeds   of the noise, one for each net
    noises  standard deviations
    Returns a dict, name to (P, N, C, H, W):
        clean
        noise S   normal noise of sd S on every pixel
        specks    a tenth of the pixels black, a tenth white
        contrast  a quarter of it: 0.5 + (x - 0.5) / 4, so that an image keeps its place between black and white
        dark      a fifth of the light: x / 5
        shift     one pixel to the right
    """
    rngs = [np.random.default_rng([seed, 2]) for seed in seeds]
    shape = pixels.shape[1:]
    normal = torch.from_numpy(np.stack([rng.normal(size=shape) for rng in rngs])).to(pixels)
    uniform = torch.from_numpy(np.stack([rng.random(shape) for rng in rngs])).to(pixels)
    return {
        "clean": pixels,
        **{f"noise {sd:g}": (pixels + sd * normal).clamp(0, 1) for sd in noises},
        "specks": torch.where(uniform < 0.1, 0.0, torch.where(uniform > 0.9, 1.0, pixels)),
        "contrast": 0.5 + 0.25 * (pixels - 0.5),
        "dark": 0.2 * pixels,
        "shift": torch.nn.functional.pad(pixels[..., :-1], (1, 0)),
    }
