"""All there is to find out on a machine with a GPU, in one command: tests, accuracy, speed, notebooks.

Read after bench.
Used by `bnbook gpu`; no notebook needs it.

A GPU is lent for minutes, so nothing here may surprise: `rehearse` does the same without one, on small sizes, the
kernels in Triton's interpreter. The first number that is wrong ends it, with what was expected.
"""

import contextlib
import importlib.util
import io
import itertools
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import torch
from torch import nn

from . import bench

ROOT = Path(__file__).parent.parent
OFFSETS = (0.0, 1.0, 1e3, 1e4)  # mean/sd
# How far y and the gradients may be from float64's truth of the same rounded x, relative to the largest of each.
TOLERANCE = {torch.float32: 2e-6, torch.float16: 1e-3, torch.bfloat16: 8e-3}
LAYOUTS = {"(N, C)": (512, 96), "(N, C, H, W)": (16, 24, 14, 14), "channels last": (16, 24, 14, 14)}
SMALL = {"(N, C)": (24, 3), "(N, C, H, W)": (3, 2, 5, 4), "channels last": (3, 2, 5, 4)}  # for the interpreter
CELLS = {"00": 4, "06": 10, "09": 6, "14": 7}  # so many code cells of each notebook, from the first
PASSES = {"forward": 3, "forward + backward": 8}  # over memory: x twice, y once; then x and dy twice, dx once
GOALS = {"bytes per second": 2.5e12, "of nn.BatchNorm": 0.6}  # of norm_triton on an H100 or H200


def run(rehearse=False, say=print):
    """Everything in order; a dict for JSON: machine, tests, accuracy, speed, notebooks, seconds of each.

    rehearse  without a GPU: the kernels in Triton's interpreter, one tiny shape, no tests
    say       called with a line for each thing that is begun
    Raises RuntimeError at the first test or number that is wrong, with what was expected, and where there is no GPU.
    """
    device = _device(rehearse)
    shapes = ["8x6x5x4"] if rehearse else bench.GPU_SHAPES
    parts = {
        "tests": (lambda: "not run in a rehearsal") if rehearse else tests,
        "accuracy": lambda: accuracy(device, SMALL if rehearse else LAYOUTS),
        "speed": lambda: speed(shapes, device, rounds=1 if rehearse else 9),
        "notebooks": lambda: notebooks(["06"] if rehearse else CELLS),
    }
    report = {"machine": machine(device), "seconds": {}}
    for name, part in parts.items():
        say(name)
        start = time.perf_counter()
        report[name] = part()
        report["seconds"][name] = round(time.perf_counter() - start, 1)
    return report


def _device(rehearse):
    if rehearse:
        if os.environ.get("TRITON_INTERPRET") != "1" or bench.norm_triton is None:
            raise RuntimeError("a rehearsal needs Triton (Linux) and TRITON_INTERPRET=1 before Python starts")
        return "cpu"
    if not torch.cuda.is_available() or torch.version.hip is not None or bench.norm_triton is None:
        raise RuntimeError("there is no NVIDIA GPU with Triton here; --rehearse tries the command without one")
    return "cuda"


def machine(device):
    """Device, driver, versions and date: a dict of texts."""
    found = {key: value for key, value in bench._machine(device).items() if key in ("device", "versions", "date")}
    found["versions"] = {**found["versions"], "triton": sys.modules["triton"].__version__}
    if device == "cuda":
        asked = ["nvidia-smi", "--query-gpu=driver_version,memory.total", "--format=csv,noheader"]
        with contextlib.suppress(OSError):
            found["driver"] = subprocess.run(asked, capture_output=True, text=True).stdout.strip()
    return found


# --- tests -----------------------------------------------------------------------------------------------------------


def tests(seconds=240):
    """pytest's last line for the kernels' tests and for all that ask for CUDA; RuntimeError if one fails."""
    parallel = ["-n", "8"] if importlib.util.find_spec("xdist") else []
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-W", "default", "-p", "no:cacheprovider", *parallel]
    command += [
        "tests/test_norm_triton.py",
        "tests/test_norm_torch.py",
        "tests/lab",
        "-k",
        "test_norm_triton or cuda or gpu",
    ]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired as late:
        raise RuntimeError(f"the tests were not done after {seconds} s: {_end(late.stdout or b'')}") from None
    if done.returncode:
        raise RuntimeError(f"a test failed:\n{_end(done.stdout + done.stderr, 60)}")
    return _end(done.stdout)


def _end(text, lines=1):
    text = text.decode() if isinstance(text, bytes) else text
    return "\n".join(text.strip().splitlines()[-lines:])


# --- accuracy --------------------------------------------------------------------------------------------------------


def accuracy(device, layouts=LAYOUTS):
    """Largest error of norm_triton and norm_torch against float64, for each layout, dtype and mean/sd.

    Errors are relative to the largest number of each output: y, evaluation y, dx, dgamma, dbeta.
    Returns a list of dicts. Raises RuntimeError at the first error above TOLERANCE.
    """
    rows = []
    for layout, dtype, offset in itertools.product(layouts, TOLERANCE, OFFSETS):
        x, dy = _numbers(layout, layouts[layout], offset)
        for name, module in (("norm_triton", bench.norm_triton), ("norm_torch", bench.norm_torch)):
            worst = _worst(module, x.to(dtype), dy.to(dtype), device)
            row = {"module": name, "layout": layout, "dtype": str(dtype)[6:], "mean/sd": offset, "error": worst}
            for output, error in worst.items():
                if not error <= TOLERANCE[dtype]:
                    where = f"{name}, {layout}, {row['dtype']}, mean/sd {offset:g}"
                    raise RuntimeError(
                        f"{where}: {output} is off by {error:.1e}, expected at most {TOLERANCE[dtype]:g}"
                    )
            rows.append(row)
    return rows


def _numbers(layout, shape, offset):
    """x with this mean and sd 1 in every channel, and dy: float64 on the CPU."""
    numbers = torch.Generator().manual_seed(0)
    x, dy = (torch.randn(shape, generator=numbers, dtype=torch.float64) for _ in "xy")
    if layout == "channels last":
        x, dy = (v.to(memory_format=torch.channels_last) for v in (x, dy))
    return x + offset, dy


def _worst(module, x, dy, device):
    found = _outputs(module, x.to(device), dy.to(device))
    truth = _outputs(nn, x.double(), dy.double())
    errors = {}
    for name, exact in truth.items():
        exact = exact.detach()
        scale = (
            exact.abs().max().clamp(min=1e-3)
        )  # 16 bits far from 0 hold one value per channel: y is 0, but for rounding
        errors[name] = float((found[name].detach().cpu().double() - exact).abs().max() / scale)
    return errors


def _outputs(module, x, dy):
    layer = getattr(module, "BatchNorm1d" if x.ndim == 2 else "BatchNorm2d")(x.shape[1])
    layer = layer.to(x.device, x.dtype if x.dtype == torch.float64 else torch.float32)
    x = x.clone().requires_grad_()
    y = layer(x)
    y.backward(dy)
    evaluated = layer.eval()(x)
    return {"y": y, "evaluation": evaluated, "dx": x.grad, "dgamma": layer.weight.grad, "dbeta": layer.bias.grad}


# --- speed -----------------------------------------------------------------------------------------------------------


def speed(shapes, device, rounds=9):
    """Each shape, layout, dtype and pass: the times of `bench.measure`, and bytes per second of norm_triton.

    Returns a list of dicts. On a GPU a time is between two CUDA events.
    """
    rows = []
    for name, dtype, channels_last in bench._cases(dict.fromkeys(shapes), "cuda"):
        pair = bench.candidates(bench.parse(name), device, getattr(torch, dtype), channels_last)
        for what, calls in zip(PASSES, pair, strict=True):
            times = bench.measure(calls, rounds, device, seconds=0.01)
            rows.append({"shape": name, "dtype": dtype, "channels_last": channels_last, "what": what, "times": times})
            if "norm_triton" in times:
                rows[-1] |= _reached(rows[-1])
    return rows


def _reached(row):
    """How near norm_triton comes to the bus, and its time as a share of PyTorch's layer."""
    numbers = torch.Size(bench.parse(row["shape"])).numel()
    moved = PASSES[row["what"]] * numbers * torch.empty(0, dtype=getattr(torch, row["dtype"])).element_size()
    ours = sorted(row["times"]["norm_triton"])[len(row["times"]["norm_triton"]) // 2]
    share = bench.paired(row["times"]["norm_triton"], row["times"]["nn.BatchNorm"])[1]
    return {"bytes per second": moved / max(ours, 1e-12), "of nn.BatchNorm": share}


# --- notebooks -------------------------------------------------------------------------------------------------------


def notebooks(numbers):
    """The first cells of some notebooks, run here: their sentences must be the stored ones, digits aside.

    Returns {number: text that was printed}. Raises RuntimeError at the first cell that says something else.
    """
    import matplotlib

    matplotlib.use("Agg")
    return {number: _first_cells(number, CELLS[number]) for number in numbers}


def _first_cells(number, count):
    (path,) = (ROOT / "notebooks").glob(f"{number}_*.ipynb")
    cells = [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    space, said = {}, []
    for position, cell in enumerate(cells[:count]):
        stored = "".join("".join(output["text"]) for output in cell["outputs"] if output["output_type"] == "stream")
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(compile("".join(cell["source"]), f"{path.name}, code cell {position}", "exec"), space)
        if _words(printed.getvalue()) != _words(stored):
            raise RuntimeError(f"{path.name}, code cell {position} says\n{printed.getvalue()}expected\n{stored}")
        said.append(printed.getvalue())
    return "".join(said)


def _words(text):
    """The text without its numbers, which may differ between devices."""
    return " ".join(re.sub(r"[-+]?\d[\d,.]*(?:e[-+]?\d+)?", "#", text).split())


# --- the table -------------------------------------------------------------------------------------------------------


def table(report):
    """The report in Markdown: the machine, the worst errors, and times against goals, met or not as computed."""
    about = report["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    lines = [f"{about['device']}, driver {about.get('driver', 'none')}, {about['date']}; {versions}.", ""]
    lines += [f"Tests: {report['tests']}.", "", "| module | dtype | largest error | allowed |", "|---|---|---|---|"]
    lines += list(_errors(report["accuracy"]))
    lines += [
        "",
        "| pass | nn.BatchNorm, ms | norm_triton, ms | of nn.BatchNorm | TB/s | goals met |",
        "|---" * 6 + "|",
    ]
    lines += [_speed_row(row) for row in report["speed"] if "norm_triton" in row["times"]]
    notebooks = ", ".join(report["notebooks"])
    lines += ["", f"The first cells of {notebooks} say what they say on a CPU, digits aside."]
    return "\n".join(lines) + "\n"


def _errors(rows):
    for module, dtype in dict.fromkeys((row["module"], row["dtype"]) for row in rows):
        worst = max(
            (error, f"{name}, {row['layout']}, mean/sd {row['mean/sd']:g}")
            for row in rows
            if (row["module"], row["dtype"]) == (module, dtype)
            for name, error in row["error"].items()
        )
        yield f"| {module} | {dtype} | {worst[0]:.1e} ({worst[1]}) | {TOLERANCE[getattr(torch, dtype)]:g} |"


def _speed_row(row):
    theirs, ours = (
        1e3 * sorted(row["times"][name])[len(row["times"][name]) // 2] for name in ("nn.BatchNorm", "norm_triton")
    )
    reached, share = row["bytes per second"], row["of nn.BatchNorm"]
    met = [reached >= GOALS["bytes per second"], share <= GOALS["of nn.BatchNorm"]]
    cells = [
        f"{bench._label(row)}, {row['what']}",
        f"{theirs:.3g}",
        f"{ours:.3g}",
        f"{share:.2f}",
        f"{reached / 1e12:.2f}",
        f"{'yes' if met[0] else 'no'}, {'yes' if met[1] else 'no'}",
    ]
    return f"| {' | '.join(cells)} |"
