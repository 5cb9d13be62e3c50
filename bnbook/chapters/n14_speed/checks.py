"""The exercises of notebook 14."""

import itertools

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
_calls = itertools.count(1)


def _with_memory(yours, x, gamma, beta, *eps):
    """y, mean, var, and what memory they take; 1, 1 and 0 for an x too small to say.

    peak               the most that is held at a time, in activations, to the nearest half
    large_arrays_made  one after the other, too
    same_memory_twice  1 if the y of a second call lies where the first one's is: that one would be overwritten
    """
    result = yours(x, gamma, beta, *eps)
    if not isinstance(result, (tuple, list)) or len(result) != 3:
        return result
    y, mean, var = result
    y = y.copy() if isinstance(y, np.ndarray) else y  # before a further call can overwrite it
    if x.size < LARGE:
        return y, mean, var, 1.0, 1, 0
    top = round(2 * functions.peak(yours, _longer(x), gamma, beta, *eps)) / 2
    made = functions.arrays_made(yours, _longer(x), gamma, beta, *eps)
    x = _longer(x)
    ys = [yours(x, gamma, beta, *eps)[0] for _ in "12"]
    twice = all(isinstance(y, np.ndarray) for y in ys) and np.may_share_memory(*ys)
    return y, mean, var, max(top, 1.0), max(made, 1), int(twice)


def _longer(x):
    """x (N, C, *) as (N, C, L), L longer each time: no array that yours keeps from an earlier call is large enough."""
    return np.resize(x, (*x.shape[:2], x[0, 0].size + next(_calls)))


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
    outputs=("y", "mean", "var", "peak", "large_arrays_made", "same_memory_twice"),
    probes=_lean_probes,
    example=lambda: (np.array([[1.0, 10], [3, 30], [5, 20]]), np.array([2.0, 1]), np.array([0.0, 5]), 0.1),
    hints=(
        "Only one new array of the size of x is needed: y. Let it be x - mean first, and turn it into the result.",
        "The variance without a temporary: np.einsum('ncs,ncs->c', y, y) / m, after x.reshape(N, C, -1). Then y *= ... "
        "and y += ..., which write into y.",
        "in code:\n    planes, m = x.reshape(*x.shape[:2], -1), x.size // x.shape[1]\n    mean = planes.mean((0, 2))\n"
        "    y = planes - mean[:, None]\n    var = np.einsum('ncs,ncs->c', y, y) / m\n"
        "    y *= (gamma / np.sqrt(var + eps))[:, None]\n    y += beta[:, None]\n"
        "    return y.reshape(x.shape), mean, var",
    ),
    observe=_with_memory,
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
    example=lambda: tuple(np.array([v]) for v in (3.0, 5.0, 3.9375, 6.0, 4.0)) + (4, 0.0625),  # std 2
    hints=(
        "Write x_hat = (x - mean) * inv_std into dx = gamma * inv_std * (dy - dbeta / m - x_hat * dgamma / m), and "
        "collect: what stands before dy, what before x, and what is left?",
        "a = gamma * inv_std. Before x there is a, once more inv_std (from x_hat), and dgamma / m, with a minus.",
        "in code:\n    inv_std = 1 / np.sqrt(var + eps)\n    a = gamma * inv_std\n"
        "    b = -a * inv_std * dgamma / m\n    c = -a * dbeta / m - b * mean\n    return a, b, c",
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
        Probe("an empty heap second, 3 channels", (*_heap(x[:6]), 0, np.zeros(3), np.zeros(3))),
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
        "in code:\n    m, d = m_a + m_b, mean_b - mean_a\n    mean = mean_a + d * m_b / m\n"
        "    M2 = M2_a + M2_b + d * d * m_a * m_b / m\n    return m, mean, M2",
    ),
)


# --- affine_block ----------------------------------------------------------------------------------------------------


class _InBlocks(functions.Memory):
    """Memory of which a program owns one block: what it reads or writes in another one is outside, too."""

    own = range(0)

    def load(self, offsets, mask=True, other=0.0):
        """As in Memory."""
        self.read_outside += self._in_another(offsets, mask)
        return super().load(offsets, mask, other)

    def store(self, offsets, values, mask=True):
        """As in Memory."""
        self.written_outside += self._in_another(offsets, mask)
        super().store(offsets, values, mask)

    def _in_another(self, offsets, mask):
        offsets = np.broadcast_to(offsets, np.broadcast_shapes(np.shape(offsets), np.shape(mask)))[mask]
        inside = (offsets >= 0) & (offsets < self.size)
        return int((inside & ((offsets < self.own.start) | (offsets >= self.own.stop))).sum())


def _launch(yours, x, slope, shift, BLOCK):
    """y after all programs have run, the last one first (on a GPU nobody knows the order), and what was outside."""
    L = x.shape[2]
    slope, shift, x = functions.Memory(slope), functions.Memory(shift), _InBlocks(x)
    y = _InBlocks(np.full(x.size, -9.0))  # what is not written stays -9
    for program in reversed(range(-(-x.size // BLOCK))):
        x.own = y.own = range(program * BLOCK, (program + 1) * BLOCK)
        yours(program, x, y, slope, shift, L, BLOCK)
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
        "in code:\n    offsets = program * BLOCK + np.arange(BLOCK)\n    mask = offsets < x.size\n"
        "    channels = offsets // L % slope.size\n"
        "    values = x.load(offsets, mask) * slope.load(channels) + shift.load(channels)\n"
        "    y.store(offsets, values, mask)",
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
