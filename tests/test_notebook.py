import json
import os
import subprocess
import sys
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import pytest

import bnbook
from bnbook import notebook

# In a fresh interpreter that was told to use two threads, because setup changes settings of the whole process.
CODE = """
import io, json, os
from contextlib import redirect_stderr, redirect_stdout
import matplotlib, numpy, torch
from threadpoolctl import threadpool_info
from bnbook import notebook

printed = io.StringIO()
with redirect_stdout(printed), redirect_stderr(printed):
    device = notebook.setup()
import scipy.linalg  # brings its own BLAS, after setup
pools = [pool["num_threads"] for pool in threadpool_info()]
print(json.dumps({
    "device": device,
    "expected_device": "cuda" if torch.cuda.is_available() else "cpu",
    "printed": printed.getvalue(),
    "threads": [torch.get_num_threads(), *pools],
    "array": str(numpy.array([[-1e-9, 1.5], [1e4, -1 / 3]])),
    "whole": str(numpy.array([3, -2])),
    "tensor": str(torch.tensor([1e-9, 1.0, 1e4])),
    "dpi": matplotlib.rcParams["figure.dpi"],
    "colors": matplotlib.rcParams["axes.prop_cycle"].by_key()["color"],
}))
"""


@pytest.fixture(scope="module")
def after():
    root = str(Path(bnbook.__file__).parents[1])
    env = {**os.environ, "OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2", "PYTHONPATH": root}
    command = [sys.executable, "-W", "error", "-c", CODE]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return json.loads(done.stdout)


def test_setup_returns_the_device_and_prints_nothing(after):
    assert after["device"] == after["expected_device"]
    assert after["printed"] == ""


def test_pytorch_and_every_blas_use_one_thread_even_if_loaded_later(after):
    assert set(after["threads"]) == {1}


def test_numbers_are_printed_with_four_decimals_and_no_negative_zero(after):
    assert after["array"].split() == ["[[", "0.0000", "1.5000]", "[", "10000.0000", "-0.3333]]"]
    assert after["whole"] == "[ 3 -2]"
    assert "e" not in after["tensor"].replace("tensor", "")


def test_in_a_script_a_figure_has_its_window_and_then_its_text_is_printed(monkeypatch, capsys):
    monkeypatch.setattr(matplotlib, "get_backend", lambda: "agg")
    windows = []
    monkeypatch.setattr(plt, "show", lambda: windows.append(capsys.readouterr().out))
    figure, axes = plt.subplots(1, 2)
    for drawn in (axes, axes[0], figure):
        assert notebook.show((drawn, "Two\nlines.\n\n1 2")) is None
        assert windows == [""] and capsys.readouterr().out == "Two\nlines.\n\n1 2\n"
        windows.clear()
    plt.close(figure)


def test_figures_have_the_courses_resolution_and_distinct_colours(after):
    assert after["dpi"] == 90
    assert len(set(after["colors"])) == len(after["colors"]) >= 7
