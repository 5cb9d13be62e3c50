"""What every test run needs: one thread, no window, and at the end the seconds that each notebook took."""

import os
import sys
from collections import Counter

# One thread each: pytest-xdist runs two processes and the kernels inherit this. Before NumPy is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Not by MPLBACKEND: the notebooks' kernels would inherit it, and then show no figure.
os.environ.pop("MPLBACKEND", None)

import matplotlib  # noqa: E402
import pytest  # noqa: E402
import torch  # noqa: E402

matplotlib.use("Agg")
# Without a GPU Triton's interpreter runs norm_triton's kernels. Here, because Triton reads this when it is imported
# for the first time, and whoever does that (inductor for one), it then holds for the whole process.
if not torch.cuda.is_available():
    os.environ.setdefault("TRITON_INTERPRET", "1")


def pytest_terminal_summary(terminalreporter):
    """Print a table of seconds per notebook, the slowest first; pytest-xdist's workers report here too."""
    seconds = Counter()
    for report in (report for reports in terminalreporter.stats.values() for report in reports):
        name = getattr(report, "nodeid", "").partition("::")[0]
        if name.endswith(".ipynb"):
            seconds[name] += getattr(report, "duration", 0)
    if seconds:
        terminalreporter.section("seconds per notebook")
        for name, spent in seconds.most_common():
            terminalreporter.write_line(f"{spent:7.1f}  {name}")
        terminalreporter.write_line(f"{seconds.total():7.1f}  in {len(seconds)} notebooks")


@pytest.fixture(autouse=True)
def _no_figure_is_left_open():
    """After some twenty matplotlib warns, in whichever test comes then."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
