"""The sliders of notebook 01."""

import numpy as np

from bnbook.lab.live import Live, ipywidgets, slider

from . import plots
from .functions import standardize


def twenty_layers(x, depth=20, width=100):
    """A slider for the size of the weights of an untrained net, a menu of activations, a switch for standardizing.

    x      (N, C)  inputs, of mean square 1
    Returns a Live widget.
    Raises ValueError if there are fewer than 30 rows.
    """
    if len(x) < 30:
        raise ValueError(f"{len(x)} rows, expected 30 or more: the picture shows 30 images.")

    def draw(gain, activation, standardized):
        random, h, sds = np.random.default_rng(0), x, []
        for _ in range(depth):
            z = h @ (random.normal(size=(h.shape[1], width)) * gain / np.sqrt(h.shape[1]))
            z = standardize(z) if standardized else z
            h = _ACTIVATIONS[activation][0](z)
            sds.append(z.std(0).mean())
        how = "standardized" if standardized else "as they come"
        title = f"{depth} layers of {activation}, gain {gain:.1f}, inputs of the {activation} {how}"
        return plots.last_layer(sds, h, _ACTIVATIONS[activation][1], title)

    return Live(
        draw,
        gain=slider(ipywidgets.FloatSlider, "gain", value=1.6, min=0.2, max=15.0, step=0.2),
        activation=ipywidgets.Dropdown(description="activation", options=list(_ACTIVATIONS), value="tanh"),
        standardized=ipywidgets.Checkbox(description="standardize in every layer", value=False),
    )


# name: the function, and the outputs to draw
_ACTIVATIONS = {
    "tanh": (np.tanh, (-1, 1)),
    "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), (0, 1)),
    "relu": (lambda z: np.maximum(z, 0), (0, 4)),
}
