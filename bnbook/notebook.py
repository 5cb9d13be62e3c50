"""What every notebook calls: `setup` (device, threads, figure style, stable printing) and `show` for its figures.

Read after diagnose.
Used from notebook 00 on.
"""

import os

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import torch
from threadpoolctl import threadpool_limits

from .lab.style import alternative

# 90 dots per inch and about 8 x 3 inches make a picture of 40 to 60 kB, readable on a projector.
STYLE = {
    "figure.dpi": 90,
    "savefig.dpi": "figure",
    "figure.figsize": (6.5, 3.8),
    "figure.constrained_layout.use": True,
    "font.size": 10,
    "axes.titlesize": 10,
    "figure.titlesize": 12,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "0.9",
    "axes.axisbelow": True,
    "lines.linewidth": 2,
    "image.cmap": "cividis",
    # Okabe and Ito 2008, darkest and most different first.
    "axes.prop_cycle": matplotlib.cycler(
        color=["#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#000000"]
    ),
}


def setup():
    """Make the notebook print the same here and elsewhere; prints nothing itself.

    One thread for PyTorch and for BLAS (two on a busy two-core machine took seven times as long, and sums change
    with the number of threads), numbers with 4 decimals, one figure style.

    Returns the device, 'cuda' where there is a GPU and 'cpu' elsewhere.
    """
    torch.set_num_threads(1)
    threadpool_limits(1)  # the libraries loaded already; those loaded later read the environment
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    # z: a tiny negative number is 0.0000, not -0.0000, whose sign differs between machines. PyTorch has no such
    # option, so a tensor is printed through .numpy() where a zero could be negative.
    np.set_printoptions(formatter={"float_kind": "{: z.4f}".format}, linewidth=100)
    torch.set_printoptions(precision=4, sci_mode=False, linewidth=100)
    matplotlib.rcParams.update(STYLE)
    return "cuda" if torch.cuda.is_available() else "cpu"


def show(drawn):
    """Show what a function of `plots` has drawn, then print its text, whose first paragraph is the picture's alt text.

    drawn  (axes, text); axes is one, several in an array, or the figure
    A Python script shows its windows and goes on when they are closed. Returns None.
    """
    axes, text = drawn
    figure = np.ravel(axes)[0].figure
    if "inline" in matplotlib.get_backend():  # of Jupyter; others have no place for an alt text
        from IPython.display import display

        display(figure, metadata={"image/png": {"alt": alternative(text)}})
        plt.close(figure)  # or it would be shown again at the end of the cell
    else:
        plt.show()
    print(text)
