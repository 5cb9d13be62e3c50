"""The sliders of notebook 03."""

import numpy as np

from bnbook.lab.live import Live, ipywidgets, slider
from bnbook.norm_numpy import normalize

from . import plots


def projection(x, dx_hat):
    """Sliders that turn the gradient of a batch of three about the axis 1, move it along 1, and change eps.

    x       (3,)  the batch: three values of one channel
    dx_hat  (3,)  the gradient with respect to x_hat at the sliders' first position
    Returns a Live widget.
    Raises ValueError if x or dx_hat is not (3,): only three dimensions can be drawn.
    """
    x, dx_hat = np.asarray(x, np.float64), np.asarray(dx_hat, np.float64)
    if x.shape != (3,) or dx_hat.shape != (3,):
        raise ValueError(f"x {x.shape} and dx_hat {dx_hat.shape}, expected (3,) and (3,): space has three axes.")
    one = np.ones(3) / np.sqrt(3)

    def draw(turn, mean, eps):
        x_hat, _, _ = normalize(x, (0,), eps)
        flat, angle = dx_hat - dx_hat.mean(), np.radians(turn)
        turned = np.cos(angle) * flat + np.sin(angle) * np.cross(one, flat) + mean
        along_x_hat = x_hat * np.mean(turned * x_hat)
        return plots.projection(x_hat, turned, np.full(3, turned.mean()), along_x_hat)

    return Live(
        draw,
        turn=slider(ipywidgets.FloatSlider, "turn (degrees)", value=0.0, min=-180.0, max=180.0, step=1.0),
        mean=slider(ipywidgets.FloatSlider, "its mean", value=float(dx_hat.mean()), min=-2.0, max=4.0, step=0.5),
        eps=slider(ipywidgets.FloatSlider, "eps", value=2.0, min=0.0, max=14.0, step=0.5),
    )
