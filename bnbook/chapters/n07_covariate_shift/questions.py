"""The questions of notebook 07, each wrong answer with the misconception behind it."""

from bnbook.grading.question import Question

_ONCE = "once = experiments.unit_inputs(data.digits(), seeds=2, arms=('start',), steps=100)['arms'][0]; "


def _change(case, arm):
    """What to type for the gradient change of one arm, with two seeds."""
    call = f"experiments.gradient_shift(data.digits(), 2, ('{case}',), ('{arm}',), steps=91)"
    return f"found = {call}['table']; round(float(results.of(found, 'relative', 'all')['value'].mean()), 1)"


def _within(case, arm, steps=100):
    """What to type to see whether two seeds of an arm get to 90 % within some steps."""
    call = f"experiments.noisy_batch_norm(data.digits(), 2, ('{case}',), ('{arm}',), {steps})"
    return f"found = {call}['table']; str(bool(results.of(found, 'steps_to_90')['value'].notna().all())) + "


_PLAIN = (
    "cases, arms = ('sigmoid, gain 1, 0.5',), ('none', 'none_noisy'); "
    "found = experiments.noisy_batch_norm(data.digits(), 2, cases, arms)['table']; "
    "steps = results.of(found, 'steps_to_90').pivot(index='seed', columns='arm', values='value'); "
)

QUESTIONS = (
    Question(
        "shift-spread",
        "without",
        "There the units start with nearly the same number for every image, and have to find their way to where they "
        "tell images apart. With BatchNorm they start there.",
        {
            "with": (
                "The mean of each batch is subtracted in every step; only the learned shift can move it. How far the "
                "median of a unit moves with BatchNorm, in one such run:",
                "found = experiments.unit_inputs(data.digits(), 2, ('batch',), steps=100)['arms'][0]; "
                "round(sum(found['range']) / 2, 1)",
                "0.2",
            ),
            "both alike": (
                "The learned shift moves slowly. Half the way that the median goes without BatchNorm, in 450 steps, is "
                "0.6. With it, in the first 100:",
                "found = experiments.unit_inputs(data.digits(), 2, ('batch',), steps=100)['arms'][0]; "
                "round(sum(found['range']) / 2, 1)",
                "0.2",
            ),
        },
    ),
    Question(
        "shift-once",
        "as with BatchNorm",
        "All three nets differ only in their first steps and in what keeps them there. The good first step is what "
        "counts here.",
        {
            "as without": (
                "Nothing keeps its units where they are, true, but they do start with sd 1 as BatchNorm's. Do two such "
                "runs get to 90 % within 100 steps?",
                _ONCE + "str(all(n is not None and n < 100 for n in once['steps_to_90'])) + ', both in less than 100'",
                "True, both in less than 100",
            ),
            "halfway between": (
                "Halfway would be some 200 steps. Are two such runs there after 100?",
                _ONCE + "str(all(n is not None and n < 100 for n in once['steps_to_90'])) + ', both in less than 100'",
                "True, both in less than 100",
            ),
        },
    ),
    Question(
        "shift-order",
        0,
        "They are the same three numbers, and a distribution knows no order: nothing has to be moved.",
        {
            4: (
                "That compares image by image. But the question is whether the *distribution* has changed, so the "
                "way from sorted to sorted counts:",
                "float(np.abs(np.sort([1, 4, 7]) - np.sort([7, 1, 4])).mean())",
                "0.0",
            ),
            12: (
                "That is the sum of the changes image by image. Sorted, both are the same:",
                "int(np.abs(np.sort([1, 4, 7]) - np.sort([7, 1, 4])).sum())",
                "0",
            ),
        },
    ),
    Question(
        "shift-mean",
        "beta",
        "Whatever the layers below do, the batch mean is subtracted; then beta is added. So the mean over the batch is "
        "beta, exactly, and moves as beta does.",
        {
            "nothing": (
                "It would be 0 for ever without the learned shift. But there is one:",
                "from bnbook import norm_numpy; x = np.random.default_rng(0).normal(3, 2, (50, 1)); "
                "float(norm_numpy.batch_norm(x, np.ones(1), np.full(1, 0.25))[0].mean().round(3))",
                "0.25",
            ),
            "all layers below": (
                "They move x. But x + 1000 and x have the same output; the largest difference is",
                "from bnbook import norm_numpy; x = np.random.default_rng(0).normal(3, 2, (50, 1)); "
                "gamma, beta = np.ones(1), np.zeros(1); "
                "y, y_moved = (norm_numpy.batch_norm(v, gamma, beta)[0] for v in (x, x + 1000)); "
                "float(np.abs(y - y_moved).max().round(6))",
                "0.0",
            ),
        },
    ),
    Question(
        "shift-he",
        "less",
        "Here the net without BatchNorm is near the largest learning rate that it bears: each step of the lower layers "
        "turns the upper ones' gradients far.",
        {
            "more": (
                "So Santurkar and others found it, for other nets. In this one, without BatchNorm, do the gradients "
                "change by more than half of their length?",
                _change("ReLU, He, 0.1", "none") + " > 0.5",
                "True",
            ),
            "the same": (
                "It is clearly apart. With BatchNorm the share is below a half:",
                _change("ReLU, He, 0.1", "batch") + " < 0.5",
                "True",
            ),
        },
    ),
    Question(
        "shift-default",
        "more",
        "Without BatchNorm this net sits on a plateau: its gradients and its steps are tiny, so little changes. "
        "Nothing changes where nothing is learned.",
        {
            "less": (
                "As before? But the net without BatchNorm has weights so small that it hardly moves. Its gradients "
                "change by a share of",
                _change("ReLU, default, 0.1", "none"),
                "0.1",
            ),
            "the same": (
                "With BatchNorm the net learns, and its gradients change by more than half of their length. Without it "
                "they change by a share of",
                _change("ReLU, default, 0.1", "none"),
                "0.1",
            ),
        },
    ),
    Question(
        "shift-noise",
        "BatchNorm",
        "The noise throws the inputs about at every step, and the net learns all the same, some steps later at most.",
        {
            "none": (
                "If drift were what slows a net down, yes. Do two runs with noise get to 90 % within 100 steps?",
                _within("ReLU, default, 0.1", "noisy") + "', within 100'",
                "True, within 100",
            ),
            "neither": (
                "It is not even slow. Do two runs with noise get to 90 % within 100 steps?",
                _within("ReLU, default, 0.1", "noisy") + "', within 100'",
                "True, within 100",
            ),
        },
    ),
    Question(
        "shift-noise-plain",
        "sooner",
        "The noise stretches by 1.125 on average, as weights 1.125 times as large would, and this net's weights begin "
        "too small: most of what is gained comes with a gain of 1.125 in place of 1 and no noise, too.",
        {
            "later": (
                "Noise is no information, so later is a good guess. Are two such runs at 90 % before the same two "
                "without noise?",
                _PLAIN + "str(bool((steps['none_noisy'] < steps['none']).all())) + ', both of 2'",
                "True, both of 2",
            ),
            "never": (
                "So Santurkar and others found it, for other nets. Do two such runs get to 90 % within the 450 steps "
                "of the figure?",
                _PLAIN + "str(bool(steps['none_noisy'].notna().all())) + ', within 450'",
                "True, within 450",
            ),
        },
    ),
)
