"""Live sliders over the same functions and plots as the rest of the course.

Read after plots.
Used from notebook 01 on.

Sliders move where a kernel runs. Where none does (GitHub, the web site, a comparison of outputs) the same object is a
still picture of its first position.
"""

import base64
import io

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np

from . import plots
from .norm_numpy import batch_norm as _batch_norm
from .norm_numpy import normalize as _normalize
from .norm_numpy import standardize as _standardize
from .norm_numpy import update_running as _update_running


class Live(ipywidgets.VBox):
    """Sliders above a picture and a line of text that follow them.

    draw     called with one value per slider, by name; returns axes, text as the functions of `plots` do
    sliders  name=widget
    """

    def __init__(self, draw, **sliders):
        self._draw, self._sliders = draw, sliders
        self._image = ipywidgets.Image(format="png", layout={"align_self": "flex-start"})
        self._text = ipywidgets.HTML()
        for slider in sliders.values():
            slider.observe(self._refresh, names="value")
        self._refresh()
        super().__init__([*sliders.values(), self._image, self._text])

    def _refresh(self, change=None):
        axes, text = self._draw(**{name: slider.value for name, slider in self._sliders.items()})
        figure = np.ravel(axes)[0].figure
        file = io.BytesIO()
        figure.savefig(file, format="png", metadata={"Software": None})  # the same bytes with any matplotlib
        plt.close(figure)
        self._image.value, self._still = file.getvalue(), text
        self._text.value = text.replace("\n", "<br>")

    def _repr_mimebundle_(self, **kwargs):
        """The widget for a live notebook, and the still picture and its text for everywhere else."""
        bundle = super()._repr_mimebundle_(**kwargs)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        return {**data, "image/png": base64.b64encode(self._image.value).decode(), "text/plain": self._still}, metadata


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
        y, mean, var = _batch_norm(x, np.array([gamma]), np.array([beta]), 10.0**log_eps)
        x_hat = (x - mean) / np.sqrt(var + 10.0**log_eps)
        return plots.batch_norm_stages(values, x[:, 0], x_hat[:, 0], y[:, 0])

    return Live(
        draw,
        batch=_slider(ipywidgets.IntSlider, "batch", value=8, min=2, max=64),
        gamma=_slider(ipywidgets.FloatSlider, "gamma", value=1.0, min=-2.0, max=3.0, step=0.1),
        beta=_slider(ipywidgets.FloatSlider, "beta", value=0.0, min=-3.0, max=3.0, step=0.1),
        log_eps=_slider(ipywidgets.FloatSlider, "log10 eps", value=-5.0, min=-8.0, max=2.0, step=0.5),
    )


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
        x_hat, _, _ = _normalize(x, (0,), eps)
        flat, angle = dx_hat - dx_hat.mean(), np.radians(turn)
        turned = np.cos(angle) * flat + np.sin(angle) * np.cross(one, flat) + mean
        along_x_hat = x_hat * np.mean(turned * x_hat)
        return plots.projection(x_hat, turned, np.full(3, turned.mean()), along_x_hat)

    return Live(
        draw,
        turn=_slider(ipywidgets.FloatSlider, "turn (degrees)", value=0.0, min=-180.0, max=180.0, step=1.0),
        mean=_slider(ipywidgets.FloatSlider, "its mean", value=float(dx_hat.mean()), min=-2.0, max=4.0, step=0.5),
        eps=_slider(ipywidgets.FloatSlider, "eps", value=2.0, min=0.0, max=14.0, step=0.5),
    )


def _slider(kind, label, **options):
    # Redrawing takes a tenth of a second: wait until the hand rests, or the picture lags behind it.
    return kind(description=label, continuous_update=False, layout={"width": "420px"}, **options)


def running_average(values):
    """Sliders for momentum and batch size: a running mean on its way from 0 to the mean of the data.

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
            running.append(_update_running(running[-1], np.ones(1), mean, np.ones(1), batch, momentum)[0])
        running = np.ravel(running[1:])
        corrected = running / (1 - (1 - momentum) ** np.arange(1, 101))
        return plots.running_average(means, running, corrected, values.mean(), momentum)

    return Live(
        draw,
        momentum=_slider(ipywidgets.FloatSlider, "momentum", value=0.1, min=0.01, max=1.0, step=0.01),
        batch=_slider(ipywidgets.IntSlider, "batch", value=8, min=2, max=64),
    )


def averaged_axes(photos):
    """Four boxes, one per axis: those ticked are averaged over.

    photos  (2, 3, H, W)  colours between 0 and 1
    Returns a Live widget.
    Raises ValueError if photos has another shape.
    """
    if np.ndim(photos) != 4 or np.shape(photos)[:2] != (2, 3):
        raise ValueError(f"photos has shape {np.shape(photos)}, expected (2, 3, H, W): two pictures in colour.")

    def draw(**ticked):
        axes = tuple(axis for axis, name in enumerate("NCHW") if ticked[name])
        return plots.averaged_axes(photos, _normalize(photos, axes)[0], axes)

    names = {"N": "N, the images", "C": "C, the channels", "H": "H, the lines", "W": "W, the columns"}
    return Live(
        draw,
        **{
            name: ipywidgets.Checkbox(value=name != "C", description=label, indent=False, layout={"width": "420px"})
            for name, label in names.items()
        },
    )


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
            z = _standardize(z) if standardized else z
            h = _ACTIVATIONS[activation][0](z)
            sds.append(z.std(0).mean())
        how = "standardized" if standardized else "as they come"
        title = f"{depth} layers of {activation}, gain {gain:.1f}, inputs of the {activation} {how}"
        return plots.last_layer(sds, h, _ACTIVATIONS[activation][1], title)

    return Live(
        draw,
        gain=_slider(ipywidgets.FloatSlider, "gain", value=1.0, min=0.2, max=15.0, step=0.2),
        activation=ipywidgets.Dropdown(description="activation", options=list(_ACTIVATIONS), value="tanh"),
        standardized=ipywidgets.Checkbox(description="standardize in every layer", value=False),
    )


# name: the function, and the outputs to draw
_ACTIVATIONS = {
    "tanh": (np.tanh, (-1, 1)),
    "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), (0, 1)),
    "relu": (lambda z: np.maximum(z, 0), (0, 4)),
}
