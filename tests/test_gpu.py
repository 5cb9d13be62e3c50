"""bnbook gpu without a GPU: rehearsed in Triton's interpreter, and each way in which it must stop."""

import json
import subprocess
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from bnbook import __main__ as command_line
from bnbook import gpu

pytest.importorskip("triton", None if torch.cuda.is_available() else "3.7", reason="Triton exists for Linux only")


@pytest.mark.filterwarnings("ignore:overflow encountered in cast")  # Triton's interpreter, in 16 bits
def test_a_rehearsal_does_everything_and_makes_a_table(monkeypatch):
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    monkeypatch.setattr(gpu, "OFFSETS", (0.0, 1e4))
    monkeypatch.setattr(gpu, "TOLERANCE", {torch.float32: 2e-6, torch.float16: 1e-3})
    said = []
    report = gpu.run(rehearse=True, say=said.append)
    assert said == ["tests", "accuracy", "speed", "notebooks"] and json.loads(json.dumps(report)) == report
    assert len(report["accuracy"]) == 3 * 2 * 2 * 2
    assert {row["dtype"] for row in report["speed"]} == {"float32", "float16", "bfloat16"}
    lines = gpu.table(report).splitlines()
    assert sum(line.startswith("| norm_triton | float") for line in lines) == 2
    assert lines[-1] == "The first cells of 06 say what they say on a CPU, digits aside."


def test_the_first_wrong_number_ends_it_with_what_was_expected(monkeypatch):
    class Off(nn.BatchNorm2d):
        def forward(self, x):
            return super().forward(x) * (1 + 1e-5)

    wrong = SimpleNamespace(BatchNorm1d=nn.BatchNorm1d, BatchNorm2d=Off)
    for name, right in (("norm_triton", nn), ("norm_torch", wrong)):
        monkeypatch.setattr(gpu.bench, name, right)
    monkeypatch.setattr(gpu, "OFFSETS", (0.0,))
    with pytest.raises(
        RuntimeError, match="^norm_torch, .N, C, H, W., float32, mean/sd 0: y is off by 1.0e-05, expected"
    ):
        gpu.accuracy("cpu", gpu.SMALL)
    monkeypatch.setattr(gpu, "OFFSETS", (0.0, 1e3))  # PyTorch's own layer is off there
    with pytest.raises(RuntimeError, match="^norm_triton, .N, C., float32, mean/sd 1000: y is off by "):
        gpu.accuracy("cpu", gpu.SMALL)


def test_goals_met_or_missed_are_computed():
    """1,000,000 numbers of 4 bytes: 12 MB forward; 4 us are 3 TB/s, 6 us 2 TB/s."""
    for microseconds, theirs, says in ((4, 10, "| 0.40 | 3.00 | yes, yes |"), (6, 8, "| 0.75 | 2.00 | no, no |")):
        row = {"shape": "100x100x100", "dtype": "float32", "channels_last": False, "what": "forward"}
        row["times"] = {"nn.BatchNorm": [theirs * 1e-6] * 3, "norm_triton": [microseconds * 1e-6] * 3}
        shown = gpu._speed_row(row | gpu._reached(row))
        assert shown.startswith("| 100x100x100, forward | ") and shown.endswith(says)


def test_a_notebook_may_differ_in_digits_and_not_in_words(tmp_path, monkeypatch):
    (tmp_path / "notebooks").mkdir()
    path = next((gpu.ROOT / "notebooks").glob("06_*"))
    monkeypatch.setattr(gpu, "ROOT", tmp_path)
    for stored, says in (("m = 192 or 3e-05", None), ("m = 192 and 3e-05", "code cell 1 says\nm = 5 or 1e-7")):
        outputs = [{"output_type": "stream", "name": "stdout", "text": [stored]}]
        cells = [
            {"cell_type": "code", "source": ["a = 5"], "outputs": []},
            {"cell_type": "code", "source": ["print('m =', a, 'or 1e-7')"], "outputs": outputs},
        ]
        (tmp_path / "notebooks" / path.name).write_text(json.dumps({"cells": cells}))
        if says is None:
            assert gpu._first_cells("06", 2) == "m = 5 or 1e-7\n"
        else:
            with pytest.raises(RuntimeError, match=says):
                gpu._first_cells("06", 2)


def test_a_test_that_fails_or_does_not_end_is_shown(monkeypatch):
    failed = SimpleNamespace(returncode=1, stdout="FAILED test_x - 3 is not 4", stderr="")
    monkeypatch.setattr(subprocess, "run", lambda *args, **kwargs: failed)
    with pytest.raises(RuntimeError, match="a test failed:\nFAILED test_x - 3 is not 4"):
        gpu.tests()

    def late(*args, **kwargs):
        raise subprocess.TimeoutExpired("pytest", 240, b"...... [ 50%]")

    monkeypatch.setattr(subprocess, "run", late)
    with pytest.raises(RuntimeError, match=r"not done after 240 s: \.+ \[ 50%\]"):
        gpu.tests()


@pytest.mark.skipif(torch.cuda.is_available(), reason="here is a GPU")
def test_without_a_gpu_one_sentence_names_the_rehearsal(capsys, tmp_path):
    assert command_line.main(["gpu", "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err == (
        "bnbook: there is no NVIDIA GPU with Triton here; --rehearse tries the command without one\n"
    )
    assert not list(tmp_path.iterdir()), "nothing half-written"


def test_a_folder_without_wheels_is_refused(capsys, tmp_path):
    assert command_line.main(["gpu", "--wheels", str(tmp_path), "--out", str(tmp_path)]) == 2
    assert "holds no wheels (*.whl); put them there, or leave --wheels out" in capsys.readouterr().err
