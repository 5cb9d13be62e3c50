"""From the textbook's BatchNorm to few passes over memory: the versions of notebook 14, and what each one costs.

A pass is one reading or one writing of an array as large as the activation x.
"""

import os
import subprocess
import sys
import tempfile
import time
from unittest import mock

import numpy as np

from bnbook.lab import results

from .functions import centred_once, lean_batch_norm, line

evidence = results.shelf(__file__)

# --- what a version costs ------------------------------------------------------------------------------------------


# Passes over memory: those of plain NumPy as `passes` counts them, the others as they have to be, if no tile stays in
# the cache from the statistics to the result (a test counts the first ones).
PASSES = {
    "textbook": 15,
    "centred_once": 10,
    "lean_batch_norm": 8,
    "line": 6,
    "norm_fast": 3,
    "F.batch_norm": 3,
    "textbook, backward": 16,
    "norm_fast, backward": 5,
    "F.batch_norm, backward": 5,
    "norm_fast, evaluation": 2,
}
# Additions and multiplications per number that it takes: two sums (3) and a line (2); backward two sums and dx (4).
OPERATIONS = {"forward": 5, "backward": 7, "evaluation": 2}


def passes(function, *arrays):
    """How often `function(*arrays)` reads or writes an array as large as the first one: counted, not timed.

    Every NumPy call is seen that is given these arrays or what was made of them; it reads each operand once.
    """
    size, counted = arrays[0].size, []

    class Counted(np.ndarray):
        def __array_ufunc__(self, ufunc, method, *inputs, **how):
            return _call(getattr(ufunc, method), inputs, how)

        def __array_function__(self, function, types, inputs, how):
            return _call(function, inputs, how)

    def _call(function, inputs, how):
        read = {id(a): a for a in inputs if isinstance(a, np.ndarray)}  # x * x reads x once
        plain = [a.view(np.ndarray) if isinstance(a, Counted) else a for a in inputs]
        how = {k: _plain(v) for k, v in how.items()}
        result = function(*plain, **how)
        counted.extend(a for a in [*read.values(), result] if getattr(a, "size", 0) == size)
        return result.view(Counted) if isinstance(result, np.ndarray) else result

    def _plain(value):
        if isinstance(value, tuple):
            return tuple(map(_plain, value))
        return value.view(np.ndarray) if isinstance(value, Counted) else value

    function(*(a.view(Counted) for a in arrays))
    return len(counted)


def fewer_passes(shapes=("64x64x32x32", "256x128x28x28"), rounds=9, progress=False, more=True, small="2x64x32x32"):
    """Time and passes of every forward version, of both backward ones and of memory itself, as multiples of each other.

    shapes    names such as "64x64x32x32", float32
    rounds    each is timed so often, all in one process, in random order
    progress  print each shape as its turn comes
    more      also measure a small shape, `float16`, `threads`, alone and beside two busy programs, and `compiled`
    small     a shape whose activation stays in a core's cache
    Returns {"machine", "rounds", "passes", "operations", "shapes", "in cache", "float16", "threads", "compiled"}: for
    each shape its name, bytes and "times", {name: [seconds, ...]} of one processor with one thread; "in cache" is such
    a shape. The last four only with more.
    """
    from bnbook import bench  # here, not above: bench imports triton, which no other experiment needs

    def measured(name):
        if progress:
            print(name, flush=True)
        shape = bench.parse(name)
        return {"shape": name, "bytes": 4 * int(np.prod(shape)), "times": bench.measure(_calls(shape), rounds)}

    found = {"passes": PASSES, "operations": OPERATIONS, "shapes": [measured(name) for name in shapes]}
    if more:
        found |= {"in cache": measured(small), "float16": float16(bench.parse(shapes[0]), rounds)}
        found |= {"threads": [threads(busy) for busy in (0, 2)], "compiled": compiled(rounds=rounds)}
    return {"machine": bench._machine("cpu"), "rounds": rounds, **found}


def per_number(shape, name):
    """Nanoseconds that a version takes for each number of a measured shape, the median."""
    return 1e9 * float(np.median(shape["times"][name])) / (shape["bytes"] / 4)


def roof_share(shape, name):
    """The share of its time that a version's passes would take at the speed of a copy: how near its roof it comes."""
    best = {which: min(shape["times"][which]) for which in (name, "copy")}
    return PASSES[name] * best["copy"] / 2 / best[name]


def roof_and_cache(data, names=("textbook", "lean_batch_norm", "norm_fast", "F.batch_norm")):
    """How near its roof each version comes, and its time for a number from memory and from the cache: lines of text.

    data   what `fewer_passes` returned, with "in cache"
    """
    large, cached = data["shapes"][0], data["in cache"]
    lines = [f"Stored, {data['machine']['device']}:"]
    for name in names:
        share, far, near = 100 * roof_share(large, name), per_number(large, name), per_number(cached, name)
        lines.append(f"{name:15} {share:3.0f} % of its roof; {far:.1f} ns a number, in the cache {near:.1f} ns")
    return "\n".join(lines)


def float16(shape, rounds=9):
    """Forward in both precisions: {"norm_fast": {"float32": [seconds, ...], "float16": ...}, "F.batch_norm": ...}."""
    import torch
    import torch.nn.functional as F

    from bnbook import bench, norm_fast

    calls, x = {}, np.random.default_rng(0).standard_normal(shape, np.float32)
    for dtype in ("float32", "float16"):
        a = x.astype(dtype)
        t, y = torch.from_numpy(a), np.empty_like(a)
        calls["norm_fast", dtype] = lambda a=a, y=y: norm_fast.batch_norm(a, None, None, out=y)
        calls["F.batch_norm", dtype] = lambda t=t: F.batch_norm(t, None, None, training=True)
    times = bench.measure(calls, rounds)
    return {name: {d: times[name, d] for d in ("float32", "float16")} for name in ("norm_fast", "F.batch_norm")}


def textbook_in_torch(x, gamma, beta, eps=1e-5):
    """The textbook's forward pass as one writes it in PyTorch: gamma and beta are (C, 1, ..., 1)."""
    axes = (0, *range(2, x.ndim))
    mean = x.mean(axes, keepdim=True)
    var = ((x - mean) ** 2).mean(axes, keepdim=True)
    return gamma * ((x - mean) / (var + eps).sqrt()) + beta


def compiled(shape=(64, 64, 32, 32), rounds=9):
    """What torch.compile makes of `textbook_in_torch`, by one thread.

    Returns {"shape", "first call": seconds on the wall, "times": {name: [seconds of processor time, ...]}}, or None
    where nothing can be compiled: on a CPU that takes a C++ compiler.
    """
    import torch
    import torch.nn.functional as F

    from bnbook import bench

    numbers, kept = torch.Generator().manual_seed(0), torch.get_num_threads()
    x, gamma, beta = (torch.randn(size, generator=numbers) for size in (shape, shape[1], shape[1]))
    columns = [v.view(-1, *[1] * (x.ndim - 2)) for v in (gamma, beta)]
    function, cache = torch.compile(textbook_in_torch), "TORCHINDUCTOR_CACHE_DIR"
    torch.set_num_threads(1)
    try:
        with tempfile.TemporaryDirectory() as folder, mock.patch.dict(os.environ, {cache: folder}):
            start = time.perf_counter()
            function(x, *columns)  # with an empty cache: what was compiled last week would be found there
            first = time.perf_counter() - start
        calls = {
            "textbook": lambda: textbook_in_torch(x, *columns),
            "compiled": lambda: function(x, *columns),
            "F.batch_norm": lambda: F.batch_norm(x, None, None, gamma, beta, True),
        }
        times = bench.measure(calls, rounds)
    except torch._dynamo.exc.BackendCompilerFailed:
        return None
    finally:
        torch.set_num_threads(kept)
    return {"shape": "x".join(map(str, shape)), "first call": first, "times": times}


def threads(busy, rounds=15, shape=(128, 16, 8, 8), calls=20):
    """Wall and CPU milliseconds of F.batch_norm with one thread and with two, beside busy other programs.

    busy    how many programs that do nothing but count run at the same time
    rounds  in each, so many calls with one thread and then with two
    Returns {"shape", "busy", "wall": {"1": [ms of each call], "2": ...}, "cpu": {"1": ms per call, "2": ...}}.
    """
    import torch
    import torch.nn.functional as F

    x, kept = torch.randn(shape, generator=torch.Generator().manual_seed(0)), torch.get_num_threads()
    wall, cpu = {"1": [], "2": []}, {"1": 0.0, "2": 0.0}
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(busy)]
    try:
        time.sleep(0.5 if busy else 0)  # until they run
        for number in (1, 2) * rounds:
            torch.set_num_threads(number)
            F.batch_norm(x, None, None, training=True)
            time.sleep(0.05)  # a second thread of the round before goes on waiting for a while
            start, times = time.process_time(), [time.perf_counter()]
            for _ in range(calls):
                F.batch_norm(x, None, None, training=True)
                times.append(time.perf_counter())
            wall[str(number)] += (1e3 * np.diff(times)).round(4).tolist()
            cpu[str(number)] += 1e3 * (time.process_time() - start) / calls / rounds
    finally:
        torch.set_num_threads(kept)
        for other in others:
            other.kill()
            other.wait()
    return {"shape": "x".join(map(str, shape)), "busy": busy, "wall": wall, "cpu": cpu}


def _calls(shape):
    """What is timed: {name: function without arguments}."""
    import torch
    import torch.nn.functional as F

    from bnbook import bench, norm_fast

    random = np.random.default_rng(0)
    x, dy = (random.standard_normal(shape, np.float32) for _ in "xy")
    gamma, beta = (random.standard_normal(shape[1], np.float32) for _ in "gb")
    square = random.standard_normal((512, 512), np.float32)
    y, flat, (tx, tg, tb) = np.empty_like(x), x.ravel(), map(torch.from_numpy, (x, gamma, beta))
    tdy, out = torch.from_numpy(dy), np.empty_like(x)
    _, cache = bench.textbook_forward(x, gamma, beta)
    _, mean, var = norm_fast.batch_norm(x, gamma, beta)
    tmean, tinv = (torch.from_numpy(v.astype(np.float32)) for v in (mean, 1 / np.sqrt(var + 1e-5)))
    backward = torch.ops.aten.native_batch_norm_backward
    return {
        "copy": lambda: np.copyto(y, x),
        "read": lambda: flat @ flat,
        "matrix product": lambda: square @ square,
        "textbook": lambda: bench.textbook_forward(x, gamma, beta),
        "centred_once": lambda: centred_once(x, gamma, beta),
        "lean_batch_norm": lambda: lean_batch_norm(x, gamma, beta),
        "line": lambda: line(x, gamma, beta),
        "norm_fast": lambda: norm_fast.batch_norm(x, gamma, beta, out=y),
        "F.batch_norm": lambda: F.batch_norm(tx, None, None, tg, tb, True),
        "textbook, backward": lambda: bench.textbook_backward(dy, cache),
        "norm_fast, backward": lambda: norm_fast.batch_norm_backward(dy, x, gamma, mean, var, out=out),
        "F.batch_norm, backward": lambda: backward(tdy, tx, tg, None, None, tmean, tinv, True, 1e-5, [True] * 3),
        "norm_fast, evaluation": lambda: norm_fast.batch_norm_eval(x, gamma, beta, mean, var, out=y),
    }
