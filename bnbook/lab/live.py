"""Live sliders over the same functions and plots as the rest of the course.

Sliders move where a kernel runs. Where none does (GitHub, the web site, a comparison of outputs) the same object is a
still picture of its first position.
"""

import base64
import html
import io

import matplotlib.pyplot as plt
import numpy as np

from .style import alternative

try:
    import ipywidgets
except ModuleNotFoundError:  # the package alone, without its extra `lab`
    from . import still as ipywidgets


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
        # Lines and columns as printed: HTML would make one space of several.
        self._text.value = f'<span style="white-space: pre-wrap; font-family: monospace">{html.escape(text)}</span>'

    def _repr_mimebundle_(self, **kwargs):
        """The widget for a live notebook; the still picture, its text and its alt text for everywhere else."""
        bundle = super()._repr_mimebundle_(**kwargs)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        still = {"image/png": base64.b64encode(self._image.value).decode(), "text/plain": self._still}
        return {**data, **still}, {**metadata, "image/png": {"alt": alternative(self._still)}}


def slider(kind, label, **options):
    """One ipywidgets slider of this kind with its label and options (value, min, max, step)."""
    # Redrawing takes a tenth of a second: wait until the hand rests, or the picture lags behind it.
    return kind(description=label, continuous_update=False, layout={"width": "420px"}, **options)
