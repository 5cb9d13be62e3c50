"""One look for each arm in the whole course."""

import matplotlib
import numpy as np

from bnbook.lab.style import ARMS


def test_arms_can_be_told_apart_in_grey_and_by_line_style():
    colors = {name: matplotlib.colors.to_rgb(style["color"]) for name, style in ARMS.items()}
    none, batch = (np.dot(colors[name], (0.299, 0.587, 0.114)) for name in ("none", "batch"))
    assert abs(none - batch) > 0.2, "the two that are drawn together nearly everywhere"
    assert len(set(colors.values())) == len({str(style["linestyle"]) for style in ARMS.values()}) == len(colors)
