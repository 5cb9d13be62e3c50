"""The exercises of notebook 14."""

import numpy as np

from bnbook import norm_numpy
from bnbook.grading import desk
from bnbook.grading.compare import Probe
from bnbook.grading.exercise import Exercise, is_stub
from bnbook.grading.inputs import far_from_zero

from . import functions
from .questions import QUESTIONS

# --- lean_batch_norm -------------------------------------------------------------------------------------------------

LARGE = 2**17  # below so many numbers Python's own small objects would be seen beside the arrays


def _with_peak(yours, x, gamma, beta, *eps):
    """y, mean, var, and the peak of memory in activations, to the nearest half; 1 for an x too small to say."""
    result = yours(x, gamma, beta, *eps)
    if not isinstance(result, (tuple, list)) or len(result) != 3:
        return result
    top = round(2 * functions.peak(yours, x, gamma, beta, *eps)) / 2 if x.size >= LARGE else 1.0
    return *result, max(top, 1.0)


def _channels(*shape):
    random = np.random.default_rng(14)
    C = shape[1]
    column = (1, C, *[1] * (len(shape) - 2))
    scale, offset = (v.reshape(column) for v in (np.linspace(0.5, 3, C), np.linspace(-2, 4, C)))
    x = scale * random.standard_normal(shape) + offset
    gamma, beta = np.linspace(1.5, -0.7, C), np.linspace(0.4, 2, C)
    return x, gamma, beta


def _lean_probes():
    shapes = [(5, 3, 4, 6), (7, 3), (4, 3, 7), (2, 3, 4, 5, 6)]
    probes = [Probe(f"x {s}, eps 0.1", (*_channels(*s), 0.1)) for s in shapes]
    probes.append(Probe("x (5, 3, 4, 6), eps not given", _channels(5, 3, 4, 6)))
    vectors = (v.astype(np.float32) for v in _channels(5, 3, 4, 6)[1:])
    probes.append(Probe("float32 x (8, 3, 4, 6) around 10,000", (far_from_zero(8, 3, 4, 6), *vectors), 0.02))
    probes.append(Probe("x (16, 4, 64, 64), with its memory watched", (*_channels(16, 4, 64, 64), 0.1)))
    return probes


lean_batch_norm = Exercise(
    name="lean_batch_norm",
    room=__name__,
    finished=functions.lean_batch_norm,
    inputs=("x", "gamma", "beta", "eps"),
    outputs=("y", "mean", "var", "peak"),
    probes=_lean_probes,
    example=lambda: (np.array([[1.0, 10], [3, 30], [5, 20]]), np.array([2.0, 1]), np.array([0.0, 5]), 0.1),
    hints=(
        "Only one new array of the size of x is needed: y. Let it be x - mean first, and turn it into the result.",
        "The variance without a temporary: np.einsum('ncs,ncs->c', y, y) / m, after x.reshape(N, C, -1). Then y *= ... "
        "and y += ..., which write into y.",
        "planes = x.reshape(*x.shape[:2], -1); y = planes - mean[:, None]; var = np.einsum('ncs,ncs->c', y, y) / m; "
        "y *= (gamma / np.sqrt(var + eps))[:, None]; y += beta[:, None]; return y.reshape(x.shape), mean, var",
    ),
    observe=_with_peak,
)


# --- backward_coefficients -------------------------------------------------------------------------------------------


def _backward_probes():
    random = np.random.default_rng(15)

    def call(C, m, *eps):
        gamma, mean, dgamma, dbeta = random.normal(0.5, 2, (4, C))
        return gamma, mean, random.uniform(0.3, 3, C), dgamma, dbeta, m, *eps

    return [
        Probe("3 channels of m 40 values, eps 0.1", call(3, 40, 0.1)),
        Probe("m 7, eps 1.5", call(2, 7, 1.5)),
        Probe("one channel of 2 values, eps 0.1", call(1, 2, 0.1)),
        Probe("4 channels, eps not given", call(4, 12)),
        Probe("a variance of 0, eps 0.1", (np.array([1.5]), *np.array([[2.0], [0], [0.7], [-3]]), 5, 0.1)),
    ]


backward_coefficients = Exercise(
    name="backward_coefficients",
    room=__name__,
    finished=functions.backward_coefficients,
    inputs=("gamma", "mean", "var", "dgamma", "dbeta", "m", "eps"),
    outputs=("a", "b", "c"),
    probes=_backward_probes,
    example=lambda: tuple(np.array([v]) for v in (2.0, 3.0, 0.9375, 6.0, 4.0)) + (4, 0.0625),
    hints=(
        "Write x_hat = (x - mean) * inv_std into dx = gamma * inv_std * (dy - dbeta / m - x_hat * dgamma / m), and "
        "collect: what stands before dy, what before x, and what is left?",
        "a = gamma * inv_std. Before x there is a, once more inv_std (from x_hat), and dgamma / m, with a minus.",
        "inv_std = 1 / np.sqrt(var + eps); a = gamma * inv_std; b = -a * inv_std * dgamma / m; "
        "c = -a * dbeta / m - b * mean",
    ),
)


# --- merge -----------------------------------------------------------------------------------------------------------


def _heap(values):
    values = np.asarray(values, np.float64)
    return len(values), values.mean(0), ((values - values.mean(0)) ** 2).sum(0)


def _merge_probes():
    random = np.random.default_rng(16)
    x = random.normal(3, 2, (40, 3))
    far = 1e6 + random.normal(0, 1, 30)
    return [
        Probe("heaps of 12 and 28 numbers in each of 3 channels", (*_heap(x[:12]), *_heap(x[12:] + 1))),
        Probe("heaps of 30 and 10 numbers", (*_heap(x[:30, 0]), *_heap(4 * x[30:, 0]))),
        Probe("a heap of one number and one of 9", (*_heap(x[:1, 1]), *_heap(x[1:10, 1]))),
        Probe("two heaps of equal size", (*_heap(x[:5, 2]), *_heap(x[5:10, 2]))),
        Probe("an empty heap first", (0, 0.0, 0.0, *_heap(x[:6, 0]))),
        Probe("numbers around a million", (*_heap(far[:10]), *_heap(far[10:] + 2)), 1e-7),
    ]


merge = Exercise(
    name="merge",
    room=__name__,
    finished=norm_numpy.merge,
    inputs=("m_a", "mean_a", "M2_a", "m_b", "mean_b", "M2_b"),
    outputs=("m", "mean", "M2"),
    probes=_merge_probes,
    example=lambda: (2, 1.0, 2.0, 6, 5.0, 12.0),  # such as 0, 2 and six numbers around 5
    hints=(
        "The mean is the one that everybody would guess: each heap's mean, weighted by how many numbers it has.",
        "The squares of each heap are around its own mean. Moving the point of reference by s adds m * s^2; heap a is "
        "moved by d * m_b / m and heap b by d * m_a / m. Add up and simplify.",
        "m = m_a + m_b, d = mean_b - mean_a; mean = mean_a + d * m_b / m; M2 = M2_a + M2_b + d * d * m_a * m_b / m",
    ),
)


# --- affine_block ----------------------------------------------------------------------------------------------------


def _launch(yours, x, slope, shift, BLOCK):
    """y after all programs have run, the last one first (on a GPU nobody knows the order), and what was outside.

    Outside is also what a program changes in the block of another one.
    """
    L = x.shape[2]
    x, slope, shift = (functions.Memory(v) for v in (x, slope, shift))
    y = functions.Memory(np.full(x.size, -9.0))  # what is not written stays -9
    for program in reversed(range(-(-x.size // BLOCK))):
        before = y.numbers.copy()
        yours(program, x, y, slope, shift, L, BLOCK)
        changed = np.flatnonzero(y.numbers != before)
        y.written_outside += int((changed // BLOCK != program).sum())
    if is_stub(yours):  # a right answer returns None, too
        return None
    return y.numbers, sum(memory.read_outside for memory in (x, slope, shift)), y.written_outside


def _block_probes():
    def call(N, C, L, BLOCK):
        x = np.arange(1.0, N * C * L + 1).reshape(N, C, L)
        return x, np.linspace(2, 3, C), np.linspace(-1, 0.5, C), BLOCK

    return [
        Probe("x (2, 3, 4) in 3 blocks of 8", call(2, 3, 4, 8)),
        Probe("x (2, 3, 5) in blocks of 8: the last one hangs over the end", call(2, 3, 5, 8)),
        Probe("x (5, 2, 1), a table", call(5, 2, 1, 4)),
        Probe("x (1, 4, 6)", call(1, 4, 6, 16)),
        Probe("x (3, 1, 7), one channel", call(3, 1, 7, 4)),
        Probe("x (1, 3, 3) in one block of 16", call(1, 3, 3, 16)),
    ]


affine_block = Exercise(
    name="affine_block",
    room=__name__,
    finished=functions.affine_block,
    inputs=("x", "slope", "shift", "BLOCK"),
    outputs=("y", "read_outside", "written_outside"),
    probes=_block_probes,
    example=lambda: (np.arange(1.0, 7).reshape(1, 2, 3), np.array([10.0, 1]), np.array([0.0, 0.5]), 4),
    hints=(
        "Number i of the memory is number i - program * BLOCK of this program. Which channel is number i? Rows of L "
        "numbers follow each other: channel 0, 1, ..., C - 1, and then channel 0 of the next image.",
        "offsets = program * BLOCK + np.arange(BLOCK); the last block hangs over the end, so x.load and y.store both "
        "need mask = offsets < x.size. The row is offsets // L, the channel its remainder by C.",
        "channels = offsets // L % slope.size; y.store(offsets, x.load(offsets, mask) * slope.load(channels) + "
        "shift.load(channels), mask)",
    ),
    observe=_launch,
    also=(functions.Memory,),
)

EXERCISES = (
    lean_batch_norm,
    backward_coefficients,
    merge,
    affine_block,
)
hint, solution, answer = desk(EXERCISES, QUESTIONS)
