"""The sliders of notebook 02."""

import numpy as np

from bnbook import norm_numpy
from bnbook.lab.live import Live, ipywidgets, slider

from . import plots


def batch_norm(values):
    """Sliders for batch size, gamma, beta and eps over one channel.

    values  (M,)  the channel in the whole data set; a batch is its first values
    Returns a Live widget.
    Raises ValueError if there are fewer than 64 values.
    """
    if len(values) < 64:
        raise ValueError(f"{len(values)} values, expected 64 or more: the slider makes batches of up to 64.")

    def draw(batch, gamma, beta, log_eps):
        x = np.asarray(values[:batch], np.float64)[:, None]
        y, mean, var = norm_numpy.batch_norm(x, np.array([gamma]), np.array([beta]), 10.0**log_eps)
        x_hat = (x - mean) / np.sqrt(var + 10.0**log_eps)
        return plots.batch_norm_stages(values, x[:, 0], x_hat[:, 0], y[:, 0])

    return Live(
        draw,
        batch=slider(ipywidgets.IntSlider, "batch", value=8, min=2, max=64),
        gamma=slider(ipywidgets.FloatSlider, "gamma", value=1.0, min=-2.0, max=3.0, step=0.1),
        beta=slider(ipywidgets.FloatSlider, "beta", value=0.0, min=-3.0, max=3.0, step=0.1),
        log_eps=slider(ipywidgets.FloatSlider, "log10 eps", value=-5.0, min=-8.0, max=2.0, step=0.5),
    )
