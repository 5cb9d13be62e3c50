"""The sliders of notebook 04."""

import numpy as np

from bnbook.lab.live import Live, ipywidgets, slider
from bnbook.norm_numpy import update_running

from . import plots


def running_average(values):
    """Sliders for momentum and batch size: a running mean on its way from 0 to the mean of the data.

    They start at momentum 0.01 and batches of 10, the case that the notebook asks about.

    values  (M,)  one channel in the whole data set; 100 batches are drawn from it
    Returns a Live widget.
    Raises ValueError if there are fewer than 64 values.
    """
    if len(values) < 64:
        raise ValueError(f"{len(values)} values, expected 64 or more: the slider makes batches of up to 64.")
    values = np.asarray(values, np.float64)

    def draw(momentum, batch):
        random, running = np.random.default_rng(0), [np.zeros(1)]
        means = np.array([random.choice(values, batch, replace=False).mean() for _ in range(100)])
        for mean in means:
            running.append(update_running(running[-1], np.ones(1), mean, np.ones(1), batch, momentum)[0])
        running = np.ravel(running[1:])
        corrected = running / (1 - (1 - momentum) ** np.arange(1, 101))
        return plots.running_average(means, running, corrected, values.mean(), momentum)

    return Live(
        draw,
        momentum=slider(ipywidgets.FloatSlider, "momentum", value=0.01, min=0.01, max=1.0, step=0.01),
        batch=slider(ipywidgets.IntSlider, "batch", value=10, min=2, max=64),
    )
