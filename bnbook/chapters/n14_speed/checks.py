"""The exercises and the questions of notebook 14."""

import numpy as np

from ..experiments import speed
from .compare import Probe
from .exercise import Exercise, _is_stub
from .inputs import far_from_zero
from .question import Question

# --- lean_batch_norm -------------------------------------------------------------------------------------------------

LARGE = 2**17  # below so many numbers Python's own small objects would be seen beside the arrays


def _with_peak(yours, x, gamma, beta, *eps):
    """y, mean, var, and the peak of memory in activations, to the nearest half; 1 for an x too small to say."""
    result = yours(x, gamma, beta, *eps)
    if not isinstance(result, (tuple, list)) or len(result) != 3:
        return result
    top = round(2 * speed.peak(yours, x, gamma, beta, *eps)) / 2 if x.size >= LARGE else 1.0
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
    finished=speed.lean_batch_norm,
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
    finished=speed.backward_coefficients,
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
    finished=speed.merge,
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
    x, slope, shift = (speed.Memory(v) for v in (x, slope, shift))
    y = speed.Memory(np.full(x.size, -9.0))  # what is not written stays -9
    for program in reversed(range(-(-x.size // BLOCK))):
        before = y.numbers.copy()
        yours(program, x, y, slope, shift, L, BLOCK)
        changed = np.flatnonzero(y.numbers != before)
        y.written_outside += int((changed // BLOCK != program).sum())
    if _is_stub(yours):  # a right answer returns None, too
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
    finished=speed.affine_block,
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
    also=(speed.Memory,),
)

# --- questions -------------------------------------------------------------------------------------------------------

_TEXTBOOK = "from bnbook import bench, experiments; a = np.ones((4, 2, 8, 8)); v = np.ones(2); "

QUESTIONS = (
    Question(
        "speed-least",
        3,
        "Read x for the statistics, read x again to normalize it, write y. Nothing can be written before all is read.",
        {
            2: (
                "That is evaluation, where the statistics are known before. In training y[0] needs the mean, and the "
                "mean needs the last x. What moves if only the last of 1000 values does: this share of all y,",
                "a = np.ones((1000, 1)) * np.arange(1000.0)[:, None]; b = a.copy(); b[-1] += 1; "
                "float(np.mean(norm_numpy.batch_norm(a, None, None)[0] != norm_numpy.batch_norm(b, None, None)[0]))",
                "1.0",
            ),
            4: (
                "Mean and variance need not be two readings: two sums, made side by side, give both. For 0, 1, ..., 9:",
                "a = np.arange(10.0); float((a * a).sum() / 10 - (a.sum() / 10) ** 2) == float(a.var()) == 8.25",
                "True",
            ),
        },
    ),
    Question(
        "speed-textbook",
        15,
        "var alone makes 6 (mean, x - mean, its square, the mean of that), mean 1, and each of the four operations "
        "that follow reads one large array and writes another.",
        {
            3: (
                "That is what it needs, not what it does: NumPy makes one operation at a time, over the whole array.",
                _TEXTBOOK + "experiments.passes(bench.textbook_forward, a, v, v)",
                "15",
            ),
            7: (
                "Seven operations are written down, but an operation is not one pass: x - mean reads and writes,",
                "from bnbook import experiments; a = np.ones((4, 2)); experiments.passes(lambda z: z - 1.0, a)",
                "2",
            ),
        },
    ),
    Question(
        "speed-limit",
        "memory",
        "The core could do several times more arithmetic on the way than these 5 operations for 12 bytes.",
        {
            "arithmetic": (
                "It would, at 10 operations per byte and more. BatchNorm's operations per byte moved:",
                "round(5 / 12, 2)",
                "0.42",
            ),
            "the Python calls": (
                "They cost about a microsecond each, and there are few: the textbook makes this many passes of 16.8 "
                "MB, each hundreds of times as long as a call:",
                _TEXTBOOK + "experiments.passes(bench.textbook_forward, a, v, v)",
                "15",
            ),
        },
    ),
    Question(
        "speed-peak",
        3,
        "x_hat, which is kept for backward; gamma * x_hat; and their sum with beta, y, before the middle one is freed.",
        {
            1: (
                "y alone would be 1. But every operation in a formula makes an array of its own: at the worst moment",
                "from bnbook import bench, experiments; a = np.ones((64, 8, 32, 32)); v = np.ones(8); "
                "round(experiments.peak(bench.textbook_forward, a, v, v))",
                "3",
            ),
            5: (
                "What nobody holds any more is freed at once: x - mean is gone when x_hat is made. At the worst moment",
                "from bnbook import bench, experiments; a = np.ones((64, 8, 32, 32)); v = np.ones(8); "
                "round(experiments.peak(bench.textbook_forward, a, v, v))",
                "3",
            ),
        },
    ),
    Question(
        "speed-raw",
        "c",
        "E[x^2] is 100,000,000 and float32 has 7 digits: its neighbour is 8 away. The difference of two such numbers "
        "knows nothing of a variance of 1.",
        {
            "a": (
                "It is right on paper. But two neighbouring numbers of float32 at 1e8 are apart by",
                "float(np.spacing(np.float32(1e8)))",
                "8.0",
            ),
            "b": (
                "A percent would need numbers that are exact to 0.01 at 1e8. Neighbours in float32 there are apart by",
                "float(np.spacing(np.float32(1e8)))",
                "8.0",
            ),
        },
    ),
    Question(
        "speed-kept",
        1,
        "x and two numbers per channel: x_hat is one subtraction and one multiplication away, cheaper than its memory.",
        {
            2: (
                "The textbook keeps x_hat, and x stays because the layer before made it. But x_hat can be made again "
                "from x, mean and var, with an error of",
                "a = np.random.default_rng(0).normal(3, 2, (64, 3)); b, mu, v = norm_numpy.normalize(a, (0,)); "
                "float(np.abs((a - mu) / np.sqrt(v + 1e-5) - b).max().round(9))",
                "0.0",
            ),
            0: (
                "From mean and var alone dx cannot be known: it contains dgamma, the sum of dy * x_hat. Two batches "
                "with equal mean and variance, and the same dy, differ in it by",
                "a, b, v = np.array([[0.0], [1], [2]]), np.array([[2.0], [1], [0]]), np.array([[1.0], [0], [0]]); "
                "float(((a - b) * v).sum())",
                "-2.0",
            ),
        },
    ),
    Question(
        "speed-float16",
        "b",
        "Half the bytes in half the time; but the sums are made in float32 or wider, since float16 ends at 65,504.",
        {
            "a": (
                "float16 ends at 65,504, and has 11 bits: adding up 10,000 ones in it, one by one, stops at",
                "int(np.cumsum(np.ones(10000, np.float16), dtype=np.float16)[-1])",
                "2048",
            ),
            "c": (
                "Then x and y would be as large as before, and bytes are what costs. Bytes of 1000 numbers in float16:",
                "np.ones(1000, np.float16).nbytes",
                "2000",
            ),
        },
    ),
)
