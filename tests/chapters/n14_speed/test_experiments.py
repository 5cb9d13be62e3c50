"""What notebook 14 counts is so: judged by PyTorch, by float64 and by counting on one's fingers."""

import inspect
import subprocess

import nbformat
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from bnbook import bench, course, norm_numpy
from bnbook.chapters.n14_speed import experiments, functions

VERSIONS = {"textbook": bench.textbook_forward}
VERSIONS |= {
    version.__name__: version for version in (functions.centred_once, functions.lean_batch_norm, functions.line)
}


def numbers(*shape, dtype=np.float64):
    random = np.random.default_rng(0)
    gamma, beta = random.normal(0.5, 1, (2, shape[1]))
    return tuple(v.astype(dtype) for v in (random.normal(2, 3, shape), gamma, beta))


@pytest.mark.parametrize("version", VERSIONS.values(), ids=VERSIONS.keys())
@pytest.mark.parametrize("shape", [(5, 3), (4, 3, 7), (5, 3, 4, 6), (2, 3, 4, 5, 6)])
def test_every_version_of_the_forward_pass_equals_pytorchs(version, shape):
    x, gamma, beta = numbers(*shape)
    y = version(x, gamma, beta)
    theirs = F.batch_norm(*(torch.tensor(v) for v in (x,)), None, None, *map(torch.tensor, (gamma, beta)), True)
    np.testing.assert_allclose(y[0] if isinstance(y, tuple) else y, theirs.numpy(), rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", VERSIONS)
def test_the_stated_passes_are_those_counted(name):
    assert experiments.passes(VERSIONS[name], *numbers(6, 4, 8, 8)) == experiments.PASSES[name]


def test_the_textbooks_backward_makes_as_many_passes_as_stated():
    x, gamma, beta = numbers(6, 4, 8, 8)
    _, (x_hat, *rest) = bench.textbook_forward(x, gamma, beta)
    counted = experiments.passes(lambda dy, x_hat: bench.textbook_backward(dy, (x_hat, *rest)), x, x_hat)
    assert counted == experiments.PASSES["textbook, backward"]


@pytest.mark.parametrize(
    "function, count",
    [
        (lambda x: x, 0),
        (lambda x: x.sum(), 1),
        (lambda x: x - x.mean(0), 3),  # read; read, write
        (lambda x: x * x, 2),
        (lambda x: np.add(x, 1.0, out=x), 2),
        (lambda x: np.einsum("ij,ij->j", x, x), 1),
        (lambda x: np.copy(x.reshape(-1)), 2),
        (lambda x: x[:2] + 1, 0),  # not as large as x
    ],
)
def test_a_pass_is_one_reading_or_one_writing(function, count):
    x = np.ones((6, 5))
    assert experiments.passes(function, x) == count and type(x) is np.ndarray


@pytest.mark.parametrize(
    "function, most",
    [(lambda x: x.sum(), 0), (lambda x: x + 1, 1), (lambda x: np.multiply(np.add(x, 1), np.add(x, 2)), 3)],
)
def test_peak_counts_what_is_held_at_a_time(function, most):
    assert functions.peak(function, np.ones((512, 1024))) == pytest.approx(most, abs=0.01)


def test_lean_batch_norm_needs_y_alone_and_leaves_x_as_it_is():
    x, gamma, beta = numbers(16, 8, 64, 64, dtype=np.float32)
    kept = x.copy()
    assert functions.peak(functions.lean_batch_norm, x, gamma, beta) < 1.05
    y, mean, var = functions.lean_batch_norm(x, gamma, beta)
    exact = norm_numpy.batch_norm(x.astype(np.float64), gamma, beta)
    assert y.dtype == np.float32 and (x == kept).all()
    for ours, right in zip((y, mean, var), exact, strict=True):
        np.testing.assert_allclose(ours, right, rtol=0, atol=1e-5 * np.abs(right).max())


def test_the_coefficients_make_the_gradient_that_autograd_finds():
    x, gamma, beta = numbers(5, 3, 4, 6)
    dy = np.random.default_rng(1).normal(size=x.shape)
    leaf, weight, bias = (torch.tensor(v, requires_grad=True) for v in (x, gamma, beta))
    F.batch_norm(leaf, None, None, weight, bias, True, eps=0.1).backward(torch.tensor(dy))
    axes, sums = (0, 2, 3), (weight.grad.numpy(), bias.grad.numpy())
    a, b, c = functions.backward_coefficients(gamma, x.mean(axes), x.var(axes), *sums, 120, 0.1)
    dx = a[:, None, None] * dy + b[:, None, None] * x + c[:, None, None]
    np.testing.assert_allclose(dx, leaf.grad.numpy(), rtol=0, atol=1e-12)


def test_blocks_of_any_size_together_make_the_affine_map_and_touch_nothing_else():
    x, slope, shift = numbers(3, 5, 7)
    for block in (1, 4, 16, 128):
        memories = [functions.Memory(v) for v in (x, np.zeros(x.size), slope, shift)]
        for program in range(-(-x.size // block)):
            functions.affine_block(program, *memories, 7, block)
        np.testing.assert_allclose(memories[1].numbers, (slope[:, None] * x + shift[:, None]).ravel())
        assert not any(memory.read_outside or memory.written_outside for memory in memories)


def test_memory_counts_what_lies_outside_and_keeps_what_is_masked():
    memory = functions.Memory([1.0, 2.0, 3.0])
    assert np.isnan(memory.load(np.array([2, 3, -1]))).tolist() == [False, True, True] and memory.read_outside == 2
    assert memory.load(np.array([2, 3]), np.array([True, False]), other=7.0).tolist() == [3.0, 7.0]
    memory.store(np.array([0, 5]), np.array([9.0, 9.0]))
    memory.store(np.array([1]), np.array([9.0]), np.array([False]))
    assert memory.numbers.tolist() == [9.0, 2.0, 3.0] and memory.written_outside == 1


def test_a_small_run_has_what_the_stored_one_has():
    stored, here = experiments.evidence("fewer_passes"), experiments.fewer_passes(["8x4x8x8"], rounds=2, more=False)
    assert here.keys() <= stored.keys() and stored["command"].startswith("python -m bnbook run fewer_passes")
    assert stored["passes"] == here["passes"] == experiments.PASSES and stored["operations"] == experiments.OPERATIONS
    for shape in (*stored["shapes"], *here["shapes"]):
        assert shape["times"].keys() == here["shapes"][0]["times"].keys() >= experiments.PASSES.keys()
        assert shape["bytes"] == 4 * np.prod(bench.parse(shape["shape"]))
        assert all(t >= 0 for times in shape["times"].values() for t in times)
    assert [len(times) for times in here["shapes"][0]["times"].values()] == [2] * 13


def test_shares_of_the_roof_and_times_of_a_number_by_hand():
    """1000 numbers; a copy, two passes, takes 2 us, so the textbook's 15 passes 15 us of its 30."""
    shape = {"bytes": 4000, "times": {"copy": [3e-6, 2e-6], "textbook": [3e-5, 4e-5, 9e-5]}}
    assert experiments.roof_share(shape, "textbook") == pytest.approx(0.5)
    assert experiments.per_number(shape, "textbook") == pytest.approx(40)
    data = {"machine": {"device": "a CPU"}, "shapes": [shape], "in cache": {**shape, "bytes": 8000}}
    assert experiments.roof_and_cache(data, ["textbook"]).splitlines() == [
        "Stored, a CPU:",
        "textbook         50 % of its roof; 40.0 ns a number, in the cache 20.0 ns",
    ]


def test_both_precisions_of_both_versions_are_timed():
    times = experiments.float16((4, 3, 5, 5), rounds=2)
    assert {name: {dtype: len(t) for dtype, t in pair.items()} for name, pair in times.items()} == dict.fromkeys(
        ("norm_fast", "F.batch_norm"), {"float32": 2, "float16": 2}
    )


def test_the_function_that_is_compiled_is_batch_norm(monkeypatch):
    x, gamma, beta = torch.randn(4, 3, 2, 2), torch.randn(3), torch.randn(3)
    y = experiments.textbook_in_torch(x, gamma[:, None, None], beta[:, None, None])
    torch.testing.assert_close(y, F.batch_norm(x, None, None, gamma, beta, True))

    class NoCompiler(torch._dynamo.exc.BackendCompilerFailed):
        def __init__(self):  # the arguments of its class differ between versions
            RuntimeError.__init__(self, "no C++ compiler")

    def no_compiler(function):
        def refuse(*arguments):
            raise NoCompiler

        return refuse

    monkeypatch.setattr(torch, "compile", no_compiler)
    assert experiments.compiled((4, 3, 2, 2), rounds=2) is None
    monkeypatch.setattr(torch, "compile", lambda function: function)
    measured = experiments.compiled((4, 3, 2, 2), rounds=2)
    assert measured["shape"] == "4x3x2x2" and measured["first call"] > 0
    assert {name: len(times) for name, times in measured["times"].items()} == dict.fromkeys(measured["times"], 2)


def test_threads_and_programs_are_as_many_afterwards_as_before(monkeypatch):
    before, others, popen = torch.get_num_threads(), [], subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda command: others.append(popen(command)) or others[-1])
    measured = experiments.threads(2, 2, (4, 2, 3, 3), calls=3)
    assert torch.get_num_threads() == before
    assert len(others) == measured["busy"] == 2 and all(other.poll() is not None for other in others)
    assert {number: len(wall) for number, wall in measured["wall"].items()} == {"1": 6, "2": 6}


def test_the_kernel_that_the_notebook_explains_is_the_one_in_the_package():
    lines = (course.ROOT / "bnbook" / "norm_triton.py").read_text(encoding="utf-8").splitlines(keepends=True)
    source = "".join(line for line in lines if not line.strip().startswith("#"))
    nb = nbformat.read(course.ROOT / "notebooks" / "14_speed.ipynb", as_version=4)
    (explained,) = [cell.source for cell in nb.cells if "tl.program_id(1)" in cell.source]
    (quoted,) = [part.split("```")[0] for part in explained.split("```python\n")[1:]]
    assert len(quoted.splitlines()) == 9 and quoted in source


def test_the_textbook_that_the_notebook_quotes_is_the_one_that_is_counted():
    source = inspect.getsource(bench.textbook_forward)
    for line in ("inv_std = 1 / np.sqrt(x.var(axes, keepdims=True) + eps)", "* inv_std", "gamma * x_hat + beta"):
        assert line in source
