"""The questions of notebook 00, each wrong answer with the misconception behind it."""

from bnbook.grading.question import Question

QUESTIONS = (
    Question(
        "start-small-rate",
        "not settled",
        "At 0.02 the interval of the difference contains 0: five pairs of runs do not tell which network is better.",
        {
            "with": (
                "BatchNorm is a point ahead on average, but the interval contains 0. Is its lower end above 0?",
                "quick = experiments.first_look(data.digits(), rates=(0.02,)); quick['differences'][0]['low'] > 0.0",
                "False",
            ),
            "without": (
                "The plain net is not ahead either. Is the upper end of the interval of BatchNorm minus none below 0?",
                "quick = experiments.first_look(data.digits(), rates=(0.02,)); quick['differences'][0]['high'] < 0.0",
                "False",
            ),
        },
    ),
    Question(
        "start-large-rate",
        "b",
        "All five plain runs end with a loss above half of guessing's; all five with BatchNorm train.",
        {
            "a": (
                "The plain net does not train at 1.0. How many of its five runs fail:",
                "quick = experiments.first_look(data.digits(), rates=(1.0,)); quick['arms'][0]['diverged']",
                "5",
            ),
            "c": (
                "BatchNorm holds at 1.0. How many of its five runs fail:",
                "quick = experiments.first_look(data.digits(), rates=(1.0,)); quick['arms'][1]['diverged']",
                "0",
            ),
        },
    ),
)
