"""One look for each arm in the whole course, and what is said in place of a figure."""

import matplotlib
import numpy as np
import pytest

from bnbook.lab.style import ARMS, alternative


def test_arms_can_be_told_apart_in_grey_and_by_line_style():
    colors = {name: matplotlib.colors.to_rgb(style["color"]) for name, style in ARMS.items()}
    none, batch = (np.dot(colors[name], (0.299, 0.587, 0.114)) for name in ("none", "batch"))
    assert abs(none - batch) > 0.2, "the two that are drawn together nearly everywhere"
    assert len(set(colors.values())) == len({str(style["linestyle"]) for style in ARMS.values()}) == len(colors)


@pytest.mark.parametrize(
    "text, words",
    [
        ("It rises.", "It rises."),
        ("It rises,\n  then  falls.\n", "It rises, then falls."),
        ("It rises.\n\nrate  none\n0.1   97 %", "It rises."),
        ("\nIt rises.\nIt falls.\n\nMore.\n\nMost.", "It rises. It falls."),
    ],
)
def test_the_alternative_text_is_the_first_paragraph_in_one_line(text, words):
    assert alternative(text) == words
