"""How fast is it: every version of BatchNorm against PyTorch's, on this machine. Never in a timed test.

Read after grading.
Used by `bnbook bench` and notebook 14.

A single time says little: machines are shared, and clocks change. So all candidates run in one process, in a new random
order in each round, and what counts is the ratio of two times of the same round: its median and quartiles. On a CPU the
time is that of the processor, with one thread, not that of the clock on the wall. On a GPU it is between two events,
and that of a whole training is on the wall, between two moments at which the GPU has nothing left to do.
"""

import datetime
import os
import platform
import random
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from . import data, nets, norm_fast, norm_numpy, norm_torch, train
from .lab.engine import Setting, run_all
from .lab.workers import workers

try:
    from . import norm_triton
except ImportError:  # no triton: macOS, Windows
    norm_triton = None

CPU_SHAPES = ["64x64x32x32", "128x16x8x8", "32x256x14x14", "256x128x28x28", "4096x1024", "128x100"]
GPU_SHAPES = ["256x64x56x56", "256x256x14x14", "32x64x112x112", "20x6x65536"]
REFERENCE = "F.batch_norm"
MEANS = (0, 1, 1.5, 3, 100)  # mean / sd: behind a ReLU or before one, most channels are beyond 1
# At most so many times F.batch_norm's time, norm_fast forward + backward in a shape of CPU_SHAPES, by the CPU's maker;
# off centre so many times its own in the centre; norm_torch on images as long as PyTorch's layer.
GOALS = {"AMD": (0.5, 0.75, 0.65, 0.5, 0.85), "Intel": (0.7, 0.85, 0.85, 0.75, 1.0)}
OFF_CENTRE, LAYER = 1.3, 1.0
# PyTorch asks for huge pages only if told so, NumPy always does: without, new memory costs PyTorch several times more.
ENVIRONMENT = {"THP_MEM_ALLOC_ENABLE": "1"} | dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"
)


# --- the method ------------------------------------------------------------------------------------------------------


def compare(candidates, rounds=15, device="cpu", seconds=0.02, seed=0):
    """Medians of paired ratios: every candidate once in each round, in random order, against the first one.

    candidates  {name: function without arguments}, the first is the reference
    rounds      so many times of each
    seconds     a candidate is called again until one visit takes about so long
    Returns {name: {"ms": median, "ratio": [first quartile, median, third quartile]}}, ratios to the reference's time.
    """
    times = measure(candidates, rounds, device, seconds, seed)
    first = next(iter(candidates))
    return {name: {"ms": 1e3 * float(np.median(t)), "ratio": paired(t, times[first])} for name, t in times.items()}


def measure(candidates, rounds=15, device="cpu", seconds=0.02, seed=0):
    """Seconds of one call of each candidate in each round: {name: [one number for each round]}. As in `compare`."""
    clock = _gpu_seconds if device == "cuda" else _cpu_seconds
    order, shuffle = list(candidates), random.Random(seed).shuffle
    times, calls = {name: [] for name in order}, {}
    for name, function in candidates.items():
        function()  # the first call compiles, asks for memory, fills caches
        calls[name] = max(1, round(seconds / max(clock(function, 1), 1e-7)))
    for _ in range(rounds):
        shuffle(order)
        for name in order:
            times[name].append(clock(candidates[name], calls[name]))
    return times


def paired(times, others):
    """Quartiles of the ratios times / others, round by round: [first quartile, median, third quartile]."""
    return [float(q) for q in np.quantile(np.divide(times, np.maximum(others, 1e-9)), [0.25, 0.5, 0.75])]


def _cpu_seconds(function, calls):
    start = time.process_time()
    for _ in range(calls):
        function()
    return (time.process_time() - start) / calls


def _gpu_seconds(function, calls):
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    for _ in range(calls):
        function()
    end.record()
    torch.cuda.synchronize()
    return start.elapsed_time(end) / 1e3 / calls


# --- the candidates --------------------------------------------------------------------------------------------------


def textbook_forward(x, gamma, beta, eps=1e-5):
    """BatchNorm as most courses write it: y, and x_hat cached for the backward pass."""
    axes, (gamma, beta) = norm_numpy.batch_axes(x.ndim), (v.reshape(-1, *[1] * (x.ndim - 2)) for v in (gamma, beta))
    inv_std = 1 / np.sqrt(x.var(axes, keepdims=True) + eps)
    x_hat = (x - x.mean(axes, keepdims=True)) * inv_std
    return gamma * x_hat + beta, (x_hat, inv_std, gamma)


def textbook_backward(dy, cache):
    """dx, dgamma, dbeta from what `textbook_forward` cached."""
    x_hat, inv_std, gamma = cache
    axes, m = norm_numpy.batch_axes(dy.ndim), dy.size // dy.shape[1]
    dbeta, dgamma = dy.sum(axes, keepdims=True), (dy * x_hat).sum(axes, keepdims=True)
    dx = gamma * inv_std / m * (m * dy - dbeta - x_hat * dgamma)
    return dx, dgamma.ravel(), dbeta.ravel()


def candidates(shape, device="cpu", dtype=torch.float32, channels_last=False, mean=0):
    """Forward, and forward + backward, of each version on the same numbers, sd 1: two dicts for `compare`."""
    numbers, C = torch.Generator().manual_seed(0), shape[1]
    layout = torch.channels_last if channels_last else torch.contiguous_format
    x, dy = (torch.randn(shape, generator=numbers) for _ in "xy")
    x, dy = (v.to(device, dtype).to(memory_format=layout) for v in (x + mean, dy))
    gamma, beta = (torch.randn(C, generator=numbers).to(device) for _ in "gb")
    forward, both = _of_pytorch(x, dy, gamma, beta)
    if device == "cpu" and dtype == torch.float32 and not channels_last:
        for pair, more in zip((forward, both), _of_numpy(*(v.numpy() for v in (x, dy, gamma, beta))), strict=True):
            pair.update(more)
    return forward, both


def off_centre(shape, means=MEANS):
    """Forward + backward of norm_fast and norm_torch, {"norm_fast 1.5": ...}, by the mean of x, whose sd is 1."""
    return {
        f"{name} {mean:g}": candidates(shape, mean=mean)[1][name]
        for mean in means
        for name in ("norm_fast", "norm_torch")
    }


def _of_pytorch(x, dy, gamma, beta):
    kind = {2: "BatchNorm1d", 3: "BatchNorm1d", 4: "BatchNorm2d", 5: "BatchNorm3d"}[x.ndim]
    modules = {"nn.BatchNorm": nn, "norm_torch": norm_torch}
    # An AMD GPU's would be norm_torch again. The interpreter says that it runs, on numbers as few as a rehearsal's.
    interpreted = getattr(norm_triton, "INTERPRETED", False) and x.numel() < 4096
    if norm_triton is not None and ((x.is_cuda and torch.version.hip is None) or interpreted):
        modules["norm_triton"] = norm_triton
    leaf, weights = x.detach().clone().requires_grad_(), [v.clone().requires_grad_() for v in (gamma, beta)]
    running = torch.zeros_like(gamma), torch.ones_like(gamma)
    calls = {REFERENCE: lambda x: F.batch_norm(x, *running, *weights, True)}
    for name, module in modules.items():
        calls[name] = layer = getattr(module, kind)(len(gamma), device=x.device)
        layer.weight.data, layer.bias.data = gamma.clone(), beta.clone()

    def forward(call):
        with torch.no_grad():
            call(x)

    def forward_and_backward(call):
        leaf.grad = None
        for v in [*weights, *getattr(call, "parameters", list)()]:
            v.grad = None
        call(leaf).backward(dy)

    return tuple(
        {name: lambda call=call, run=run: run(call) for name, call in calls.items()}
        for run in (forward, forward_and_backward)
    )


def _of_numpy(x, dy, gamma, beta):
    y, dx = np.empty_like(x), np.empty_like(x)  # norm_fast writes into old memory: that is what out= is for
    forward = {
        "textbook": lambda: textbook_forward(x, gamma, beta),
        "norm_numpy": lambda: norm_numpy.batch_norm(x, gamma, beta),
        "norm_fast": lambda: norm_fast.batch_norm(x, gamma, beta, out=y),
    }

    def plain():
        _, mean, var = norm_numpy.batch_norm(x, gamma, beta)
        norm_numpy.batch_norm_backward(dy, x, gamma, mean, var)

    def fast():
        _, mean, var = norm_fast.batch_norm(x, gamma, beta, out=y)
        norm_fast.batch_norm_backward(dy, x, gamma, mean, var, out=dx)

    both = {
        "textbook": lambda: textbook_backward(dy, textbook_forward(x, gamma, beta)[1]),
        "norm_numpy": plain,
        "norm_fast": fast,
    }
    return forward, both


# --- many trainings at once ------------------------------------------------------------------------------------------


def engine(norm, dtype, rates=21, seeds=8, steps=300, together=24, device="cpu"):
    """A grid of trainings of an MLP 64-64x5-10 as batched models, and one by one with PyTorch's layers and optimizer.

    Each group of `together` trainings is done both ways, one directly after the other, in alternating order.
    Returns {"one by one": seconds of a training, for each group, "together": the same}.
    """
    x, y = _digits(dtype, device)
    grid = [(float(lr), seed) for lr in np.logspace(-3.5, 1.5, rates) for seed in range(seeds)]

    def one_by_one(group):
        for lr, seed in group:
            train.fit(_ordinary(nets.mlp(norm, seed=seed, depth=5)).to(x), x, y, lr, steps=steps, seed=seed)

    def as_one(group):
        rates, seeds = zip(*group, strict=True)
        stack = nets.Stack([nets.mlp(norm, seed=seed, depth=5) for seed in seeds]).to(x)
        train.fit_all(stack, x, y, rates, steps=steps, seeds=seeds)

    ways, times = {"one by one": one_by_one, "together": as_one}, {"one by one": [], "together": []}
    clock = _clock(device)
    for warm_up in ways.values():
        warm_up(grid[:1])
    for start in range(0, len(grid), together):
        group = grid[start : start + together]
        for name in sorted(ways, reverse=start // together % 2 == 1):
            begin = clock()
            ways[name](group)
            times[name].append((clock() - begin) / len(group))
    return times


def against_vmap(make, dtype, members=24, batch_size=64, rounds=15, device="cpu"):
    """The gradients of one step, by the forwards that `nets.Stack` has written by hand and by torch.func.vmap.

    make  a function: a seed to a net
    Returns {"stack": seconds, one for each round, "vmap": the same}, as `measure` does.
    """
    x, y = _digits(dtype, device)
    x, y = x[:batch_size].expand(members, *x[:batch_size].shape), y[:batch_size]
    return measure(dict(zip(("stack", "vmap"), _steps(make, x, y), strict=True)), rounds, device)


def _steps(make, x, y):
    """Two functions without arguments, by a stack and by vmap: gradients of all members, in the same order."""
    members = [_ordinary(make(seed)).to(x) for seed in range(len(x))]
    parameters, buffers = torch.func.stack_module_state(members)
    stack = nets.Stack([make(seed) for seed in range(len(x))]).to(x)

    def one(parameters, buffers, x):
        return torch.func.functional_call(members[0], (parameters, buffers), (x,))

    def gradients(logits, leaves):
        return torch.autograd.grad(train.per_member_loss(logits, y).sum(), list(leaves))

    by_vmap = torch.func.vmap(one)
    return (
        lambda: gradients(stack(x), stack.parameters()),
        lambda: gradients(by_vmap(parameters, buffers, x), parameters.values()),
    )


def _digits(dtype, device):
    """The training images of the digits, shifted and scaled, and their labels."""
    digits = data.digits()
    x = torch.as_tensor((digits.x_train - digits.x_train.mean()) / digits.x_train.std(), dtype=dtype, device=device)
    return x, torch.as_tensor(digits.y_train, device=device)


def _ordinary(net):
    """net with PyTorch's BatchNorm in place of ours, which is slower: the rival is an ordinary net."""
    for name, layer in net.named_children():
        for kind in (nn.BatchNorm1d, nn.BatchNorm2d):
            if isinstance(layer, kind):
                setattr(net, name, kind(len(layer.weight), dtype=layer.weight.dtype))
    return net


def _clock(device):
    """What tells the seconds of a training: on a CPU how long it has computed, on a GPU the time when all is done."""
    if device == "cpu":
        return time.process_time

    def when_all_is_done():
        torch.cuda.synchronize(device)
        return time.perf_counter()

    return when_all_is_done


def by_workers(numbers=(1, 2), groups=6, rounds=3):
    """Seconds on the wall of a grid of so many groups of 24 trainings, in one process and by several.

    Processes are started before, and do the same grid once for nothing.
    Returns {number of processes: [seconds of each round]}.
    """
    settings = [
        Setting(net="mlp", width=64, depth=depth, steps=150, every=150, seed=seed)
        for depth in range(2, 2 + groups)
        for seed in range(24)
    ]
    digits, times = data.digits(), {number: [] for number in numbers}
    for number in numbers:
        with workers(number):
            for _ in range(1 + rounds):
                begin = time.perf_counter()
                run_all(settings, digits)
                times[number].append(time.perf_counter() - begin)
    return {number: seconds[1:] for number, seconds in times.items()}


def run_engine(say=print, **grid):
    """`engine` with and without BatchNorm, in both precisions, and `against_vmap` for every norm in float64.

    Returns a dict for JSON as `run` does; the steps of `against_vmap` are in "steps".
    """
    device, threads = "cuda" if torch.cuda.is_available() else "cpu", torch.get_num_threads()
    torch.set_num_threads(1)
    results = []
    try:
        for dtype in ("float32", "float64"):
            for norm in ("none", "batch"):
                say(f"engine {norm} {dtype}")
                times = engine(norm, getattr(torch, dtype), device=device, **grid)
                results.append({"norm": norm, "dtype": dtype, "times": times})
        steps = list(_compared_steps(say, device))
        say("two processes")
        processes = by_workers() if device == "cpu" else {}
    finally:
        torch.set_num_threads(threads)
    clock = {} if device == "cpu" else {"clock": "time on the wall, with the GPU done before and after"}
    return {**_machine(device), **clock, "results": results, "steps": steps, "workers": processes}


def _compared_steps(say, device):
    """`against_vmap` for each net and norm: rows of a report."""
    makes = {
        "mlp": lambda norm: lambda seed: nets.mlp(norm, seed=seed, depth=5),
        "cnn": lambda norm: lambda seed: nets.cnn(norm, seed=seed),
    }
    for net, norms in (("mlp", nets.FLAT_NORMS), ("cnn", nets.NORMS)):
        for norm in norms:
            say(f"a step of {net} {norm}")
            times = against_vmap(makes[net](norm), torch.float64, device=device)
            yield {"net": net, "norm": norm, "times": times}


def engine_table(report):
    """The report in Markdown: milliseconds of a training one by one, and how many times faster it is together.

    Below, milliseconds of the gradients of one step by a stack, and how many times slower they are by vmap.
    """
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    lines = [
        f"{report['device']}, {report['date']}; {versions}. {report['clock']}; trainings of an MLP 64-64x5-10.",
        "",
    ]
    lines += ["| normalization | dtype | one by one, ms | together: times faster |", "|---|---|---|---|"]
    for result in report["results"]:
        alone, together = (result["times"][name] for name in ("one by one", "together"))
        low, middle, high = paired(alone, together)
        cells = (
            result["norm"],
            result["dtype"],
            f"{1e3 * np.median(alone):.0f}",
            f"{middle:.1f} [{low:.1f}, {high:.1f}]",
        )
        lines.append(f"| {' | '.join(cells)} |")
    if report["steps"]:
        lines += ["", "| a step of 24 nets, float64 | stack, ms | torch.func.vmap: times slower |", "|---|---|---|"]
    for step in report["steps"]:
        low, middle, high = paired(step["times"]["vmap"], step["times"]["stack"])
        stack = f"{1e3 * np.median(step['times']['stack']):.1f}"
        lines.append(f"| {step['net']}, {step['norm']} | {stack} | {middle:.2f} [{low:.2f}, {high:.2f}] |")
    if report.get("workers"):
        one, two = report["workers"][1], report["workers"][2]
        low, middle, high = paired(one, two)
        lines += ["", f"6 groups of 24 trainings on the wall: {np.median(one):.1f} s in one process, by `--workers 2`"]
        lines[-1] += (
            f" {np.median(two):.1f} s, {middle:.2f} [{low:.2f}, {high:.2f}] times faster ({os.cpu_count()} CPUs)."
        )
    return "\n".join(lines) + "\n"


# --- the report ------------------------------------------------------------------------------------------------------


def run(shapes=(), rounds=15, seconds=0.02, say=print):
    """Benchmark the given shapes, such as "64x64x32x32", or the usual ones of this device.

    Returns a dict for JSON: device, versions, date, how memory was asked for, and "results", one for each shape, dtype,
    layout and pass, with "times" as `measure` returns them.
    Raises ValueError for a shape that is none, or fewer than 1 round.
    """
    if rounds < 1:
        raise ValueError(f"rounds is {rounds}; a median needs 1 or more, quartiles some 15")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    shapes = list(shapes) or (GPU_SHAPES if device == "cuda" else CPU_SHAPES)
    sizes = {name: parse(name) for name in shapes}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    results = []
    try:
        for name, dtype, channels_last in _cases(sizes, device):
            say(f"{name} {dtype} {'channels last' if channels_last else ''}".strip())
            pair = candidates(sizes[name], device, getattr(torch, dtype), channels_last)
            for which, calls in zip(("forward", "forward + backward"), pair, strict=True):
                times = measure(calls, rounds, device, seconds)
                results.append(dict(shape=name, dtype=dtype, channels_last=channels_last, what=which, times=times))
        for name in sizes if device == "cpu" else ():
            say(f"{name} off centre")
            times = measure(off_centre(sizes[name]), rounds, device, seconds)
            results.append(dict(shape=name, dtype="float32", channels_last=False, what="off centre", times=times))
    finally:
        torch.set_num_threads(threads)
    return {**_machine(device), "rounds": rounds, "results": results}


def parse(name):
    """The shape (64, 64, 32, 32) of a name "64x64x32x32"."""
    sizes = name.split("x")
    if len(sizes) not in (2, 3, 4, 5) or not all(size.isdecimal() and int(size) > 0 for size in sizes):
        raise ValueError(f"{name!r} is no shape: N x C and up to three more sizes, such as 64x64x32x32 or 128x100")
    return tuple(map(int, sizes))


def _cases(shapes, device):
    """Every shape as it is; on a GPU also in 16 bits, and channels last where that exists."""
    for name in shapes:
        for dtype in ("float32", "float16", "bfloat16") if device == "cuda" else ("float32",):
            yield name, dtype, False
            if device == "cuda" and name.count("x") == 3:
                yield name, dtype, True


def _machine(device):
    huge_pages = os.environ.get("THP_MEM_ALLOC_ENABLE") == "1"
    return {
        "device": torch.cuda.get_device_name() if device == "cuda" else f"{_processor()} ({_unit_and_caches()})",
        "versions": {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__},
        "date": datetime.date.today().isoformat(),
        "clock": "CUDA events" if device == "cuda" else "CPU time, one thread",
        "memory": f"torch {'asks' if huge_pages else 'does not ask'} for huge pages, norm_fast writes into out=",
    }


def _processor():
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())


def _unit_and_caches():
    """The vector unit that PyTorch uses and the caches of a core, such as "AVX512; L1 32 KB, L2 1 MB, L3 32 MB"."""
    found = {}
    for cache in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        try:
            level, kind, size = ((cache / name).read_text().strip() for name in ("level", "type", "size"))
        except OSError:  # a virtual machine may hide them
            continue
        if kind != "Instruction" and size.endswith("K"):
            kilobytes = int(size[:-1])
            found[f"L{level}"] = f"{kilobytes // 1024} MB" if kilobytes >= 1024 else f"{kilobytes} KB"
    unit = torch.backends.cpu.get_cpu_capability()
    return f"{unit}; {', '.join(f'{name} {size}' for name, size in found.items()) or 'caches unknown'}"


def maker():
    """Whose CPU this is, a key of GOALS; None for any other."""
    return next((name for name in GOALS if name in _processor()), None)


def goals(report):
    """What norm_fast and norm_torch were to reach on this maker's CPUs: rows of text, reached, allowed."""
    allowed = dict(zip(CPU_SHAPES, next((v for k, v in GOALS.items() if k in report["device"]), ()), strict=False))
    for result in report["results"]:
        shape, times = result["shape"], result["times"]
        ours = any(name.startswith("norm_fast") for name in times)  # not on a GPU, which may be AMD's, too
        if shape not in allowed or not ours:
            continue
        if result["what"] == "forward + backward":
            yield f"norm_fast, {shape}", paired(times["norm_fast"], times[REFERENCE])[1], allowed[shape]
            if shape.count("x") == 3:
                yield (
                    f"norm_torch against nn.BatchNorm, {shape}",
                    paired(times["norm_torch"], times["nn.BatchNorm"])[1],
                    LAYER,
                )
        if result["what"] == "off centre":
            for mean in (1, 3):
                reached = paired(times[f"norm_fast {mean}"], times["norm_fast 0"])[1]
                yield f"norm_fast at mean/sd {mean}, {shape}", reached, OFF_CENTRE


def table(report):
    """The report in Markdown: the time of F.batch_norm, and the others as a multiple of it with quartiles.

    Then what a mean far from 0 costs, as a multiple of the version's own time in the centre; and the goals missed.
    """
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    lines = [f"{report['device']}, {report['date']}; {versions}. {report['clock']}; {report['memory']}."]
    for what in dict.fromkeys(result["what"] for result in report["results"]):
        chosen = [result for result in report["results"] if result["what"] == what]
        names = list(dict.fromkeys(name for result in chosen for name in result["times"]))
        if what == "off centre":
            names = [name for name in names if not name.endswith(" 0")]
            lines += ["", f"| mean/sd | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
            lines += [
                f"| {result['shape']} | {' | '.join(_to_its_centre(result['times'], names))} |" for result in chosen
            ]
            continue
        lines += ["", f"| {what} | {' | '.join([f'{REFERENCE}, ms', *names[1:]])} |", "|---" * (len(names) + 1) + "|"]
        lines += [f"| {' | '.join([_label(result), *_cells(result['times'], names)])} |" for result in chosen]
    rows = list(goals(report))
    missed = [f"{name}: {reached:.3f} (at most {allowed:g})" for name, reached, allowed in rows if reached > allowed]
    if rows:
        lines += [
            "",
            f"Goals reached: {len(rows) - len(missed)} of {len(rows)}. Missed: {'; '.join(missed) or 'none'}.",
        ]
    return "\n".join(lines) + "\n"


def _to_its_centre(times, names):
    """Medians of the ratios to the same version's time at mean 0."""
    return [f"{paired(times[name], times[name.split()[0] + ' 0'])[1]:.2f}" for name in names]


def _label(result):
    extra = [result["dtype"]] * (result["dtype"] != "float32") + ["channels last"] * result["channels_last"]
    return " ".join([result["shape"], *extra])


def _cells(times, names):
    yield f"{1e3 * np.median(times[REFERENCE]):.3g}"
    for name in names[1:]:
        low, middle, high = paired(times[name], times[REFERENCE]) if name in times else [np.nan] * 3
        yield f"{middle:.2f} [{low:.2f}, {high:.2f}]" if name in times else ""


def ready(out=None, readme=None, name="engine"):
    """Make sure, before minutes of work, that their result can be written; nothing is changed.

    out     file for the times, or None; what it holds is kept
    readme  Markdown file for the table, or None; name as in `write_into`
    Raises ValueError if out cannot be written, or the README has no place for the table.
    """
    if out is not None:
        there = Path(out).exists()
        try:
            open(out, "a").close()
        except OSError as error:
            raise ValueError(f"cannot write {out} ({error.strerror}); choose another file with --out") from None
        if not there:
            Path(out).unlink()
    if readme is not None:
        _around(readme, name)


def write_into(readme, text, name="engine"):
    """Put text between the two markers of a Markdown file.

    Raises ValueError if the markers are not there.
    """
    before, after = _around(readme, name)
    Path(readme).write_text(before + text + after, encoding="utf-8", newline="\n")


def _around(readme, name):
    """What stands before and after the table, markers included; name is engine or, by the CPU's maker, bench AMD."""
    command = "bench engine" if name == "engine" else "bench"
    start, end = f"<!-- {name}: written by `python -m bnbook {command} --readme` -->\n", f"<!-- end of {name} -->"
    page = Path(readme).read_text(encoding="utf-8")
    if page.count(start) != 1 or page.count(end) != 1 or page.index(start) > page.index(end):
        raise ValueError(f"{readme} has no place for the table: a line {start.strip()} and, below it, a line {end}")
    return page.split(start)[0] + start, end + page.split(end)[1]
