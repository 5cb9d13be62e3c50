"""The questions of notebook 14, each wrong answer with the misconception behind it."""

from bnbook.grading.question import Question

# --- questions -------------------------------------------------------------------------------------------------------

_TEXTBOOK = "a = np.ones((4, 2, 8, 8)); v = np.ones(2); "

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
                "a = np.ones((4, 2)); experiments.passes(lambda z: z - 1.0, a)",
                "2",
            ),
        },
    ),
    Question(
        "speed-limit",
        "memory",
        "While 12 bytes come and go, the core could do several times these 5 operations: memory is the lower roof.",
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
                "a = np.ones((64, 8, 32, 32)); v = np.ones(8); round(functions.peak(bench.textbook_forward, a, v, v))",
                "3",
            ),
            5: (
                "What nobody holds any more is freed at once: x - mean is gone when x_hat is made. At the worst moment",
                "a = np.ones((64, 8, 32, 32)); v = np.ones(8); round(functions.peak(bench.textbook_forward, a, v, v))",
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
        "Half the bytes; but the sums are made in float32 or wider, since float16 ends at 65,504.",
        {
            "a": (
                "float16 ends at 65,504, and has 11 bits: adding up 10,000 ones in it, one by one, stops at",
                "int(np.cumsum(np.ones(10000, np.float16), dtype=np.float16)[-1])",
                "2048",
            ),
            "c": (
                "Then x and y are as large as before, and the saving is gone. Bytes of 1000 numbers in float16:",
                "np.ones(1000, np.float16).nbytes",
                "2000",
            ),
        },
    ),
)
