"""The boxes of notebook 05."""

import numpy as np

from bnbook.lab.live import Live, ipywidgets
from bnbook.norm_numpy import normalize

from . import plots


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
        return plots.averaged_axes(photos, normalize(photos, axes)[0], axes)

    names = {"N": "N, the images", "C": "C, the channels", "H": "H, the lines", "W": "W, the columns"}
    return Live(
        draw,
        **{
            name: ipywidgets.Checkbox(value=name != "C", description=label, indent=False, layout={"width": "420px"})
            for name, label in names.items()
        },
    )
