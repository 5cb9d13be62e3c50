"""The questions of notebook 08, each wrong answer with the misconception behind it."""

from bnbook.grading.question import Question


def _runs(rates, reading="run['diverged']", **setting):
    """What to type to train the chapter's net at some rates."""
    arguments = ", ".join(f"{name}={value!r}" for name, value in setting.items())
    call = f"Setting(net='mlp', width=64, depth=5, steps=300, every=300, {arguments}, lr=rate)"
    imports = "from bnbook.lab.engine import Setting, run_all; "
    tried = f"{imports}tried = run_all([{call} for rate in {rates}], data.digits()); "
    return f"{tried}[{reading} for run in tried]"


_ROUND = "round(run['test_accuracy'][-1], 1)"
_FLAT = (
    "flat = experiments.along_gradient(data.digits(), seeds=2, inits=('torch',), steps=40)['arms']; "
    "[round(float(np.mean(arm['range'])), 1) for arm in flat]"
)

QUESTIONS = (
    Question(
        "rates-ratio",
        "3 to 30",
        "About one order of magnitude: much, and less than the thousandfold that one reads of.",
        {
            "below 2": (
                "Without normalization these nets are gone at rate 1. With it, does one fail at 0.3, 1 and 2?",
                _runs((0.3, 1.0, 2.0), norm="batch"),
                "[False, False, False]",
            ),
            "above 100": (
                "It does not become immune: the last layer has no BatchNorm. Does it fail at rates 1 and 30?",
                _runs((1.0, 30.0), norm="batch"),
                "[False, True]",
            ),
        },
    ),
    Question(
        "rates-start",
        "as wide as with He",
        "One standardization repairs a bad start, as He initialization does, and then it is an ordinary net again.",
        {
            "as wide as with BatchNorm": (
                "At the large rates the net has no protection left. Standardized once, does it fail at 0.1 and at 1?",
                _runs((0.1, 1.0), norm="none", init="torch", standardized=True),
                "[False, True]",
            ),
            "as narrow as before": (
                "The narrow band of default initialization is a slow start, and the start is what was repaired. "
                "Accuracy at rate 0.03:",
                _runs((0.03,), _ROUND, norm="none", init="torch", standardized=True),
                "[0.9]",
            ),
        },
    ),
    Question(
        "rates-small",
        "without",
        "At a small rate this net, with its good start, does not need what BatchNorm gives.",
        {
            "with": (
                "'BatchNorm speeds up training' leaves out at which rate. After 150 steps at 0.01, the accuracy with "
                "BatchNorm, minus that without, is negative:",
                "from bnbook.lab.engine import Setting, run; "
                "short = [run(Setting(net='mlp', width=64, depth=5, norm=norm, "
                "lr=0.01, steps=150, every=150), data.digits()) for norm in ('none', 'batch')]; "
                "[int(short[1]['test_accuracy'][-1] < short[0]['test_accuracy'][-1])]",
                "[1]",
            ),
            "no clear difference": (
                "They end near each other, but on the way one is ahead. Seeds out of 2 in which the "
                "plain net is the first at 90 %:",
                "small = experiments.matched_rates(data.digits(), 2, rates=(0.01,), steps=500, twins=0)['table']; "
                "first = results.of(small, 'reached').pivot(index='seed', columns='arm', values='value').fillna(501); "
                "int((first['none'] < first['batch']).sum())",
                "2",
            ),
        },
    ),
    Question(
        "rates-scaled",
        "a tenth",
        "The same change of w turns weights ten times as long by a tenth of the angle, and only the angle matters.",
        {
            "the same": (
                "Only for a straight line. Take the smallest function of direction alone, w1 / |w|, at (3, 4) and at "
                "(30, 40): its slope along w2 is",
                "slope = lambda w: -w[0] * w[1] / np.hypot(*w) ** 3; "
                "[round(float(slope(w)), 4) for w in ((3, 4), (30, 40))]",
                "[-0.096, -0.0096]",
            ),
            "ten times": (
                "Then a long vector would be easier to turn than a short one. How far does a step of 1 at right angles "
                "turn a vector of length 1 and one of length 10, in radians?",
                "[round(float(np.arctan(1 / length)), 2) for length in (1, 10)]",
                "[0.79, 0.1]",
            ),
        },
    ),
    Question(
        "rates-equivalent",
        10,
        "Ten times as long with a tenth of the gradient: for the same relative step, 10 * 10 times the rate.",
        {
            1: (
                "That makes up for the length, but the gradient is smaller too. The relative step lr * |g| / |w|, "
                "before and after, with |w| and |g| = 1 at the start:",
                "[0.1 * 1 / 1, round(1 * 0.1 / 10, 4)]",
                "[0.1, 0.01]",
            ),
            0.1: (
                "The function is the same, not its gradient. The relative step lr * |g| / |w| before and after:",
                "[0.1 * 1 / 1, round(0.1 * 0.1 / 10, 4)]",
                "[0.1, 0.001]",
            ),
            0.001: (
                "The wrong way: longer weights need longer steps. The relative step lr * |g| / |w| before and after:",
                "[0.1 * 1 / 1, round(0.001 * 0.1 / 10, 6)]",
                "[0.1, 1e-05]",
            ),
        },
    ),
    Question(
        "rates-extreme",
        "about 80 %",
        "The first step makes the weights so long that they hardly turn any more; the other layers learn on top.",
        {
            "about 10 %": (
                "That is what happens to a net without BatchNorm, and with the length kept. Is this one right "
                "more than half of the time, at a million (1e6)?",
                _runs((0.1,), "run['test_accuracy'][-1] > 0.5", norm="batch", hidden_lr=1e6),
                "[True]",
            ),
            "about 98 %": (
                "So good it is up to some hundreds. Far beyond, it comes near to one whose hidden weights never moved:",
                _runs((0.1,), _ROUND, norm="batch", hidden_lr=1e-30),
                "[0.8]",
            ),
        },
    ),
    Question(
        "rates-flat",
        "flatter",
        "It hardly reacts to its weights at all, and so it cannot learn either. Flat is not the same as trainable.",
        {
            "as flat": (
                "The range of the loss along the gradient, without and with BatchNorm, after 40 steps of training:",
                _FLAT,
                "[0.0, 0.3]",
            ),
            "steeper": (
                "So it is with He initialization. With the small default weights little of the input arrives at the "
                "end, so changing weights changes little: ranges without and with BatchNorm",
                _FLAT,
                "[0.0, 0.3]",
            ),
        },
    ),
)
