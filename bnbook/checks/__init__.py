"""Compare a learner's function with ours, and name the mistake where they part.

Read after slips.
Used from notebook 00 on.

    checks.batch_norm(batch_norm)          compare yours with the finished one, every output, on several inputs
    checks.hint("batch_norm")              the next hint, smallest first
    checks.solution("batch_norm")          the finished source
    checks.answer("forward-means", 16)     your answer to a question of the notebook

Every exercise and every question is listed here once, under the name it has in its notebook.
"""

from .backward import QUESTIONS as _BACKWARD
from .backward import batch_norm_backward, directional_check, normalize_backward
from .claims import QUESTIONS as _CLAIMS
from .claims import effective_rank, fgsm, verdict
from .exercise import CheckFailed as CheckFailed
from .exercise import Exercise
from .forward import QUESTIONS as _FORWARD
from .forward import batch_norm, normalize
from .images import QUESTIONS as _IMAGES
from .images import from_rows, remove_bias, to_rows
from .pytorch import QUESTIONS as _PYTORCH
from .pytorch import BatchNorm2d, BatchNormFunction, replace_batch_norm
from .question import Question
from .start import QUESTIONS as _START
from .start import batch_axes
from .train_eval import QUESTIONS as _TRAIN_EVAL
from .train_eval import BatchNorm, batch_norm_eval, fold, update_running
from .why import QUESTIONS as _WHY
from .why import he_std, saturation, standardize

EXERCISES: dict[str, Exercise] = {
    exercise.name: exercise
    for exercise in (
        *(batch_axes,),
        *(standardize, he_std, saturation),
        *(normalize, batch_norm),
        *(normalize_backward, batch_norm_backward, directional_check),
        *(update_running, batch_norm_eval, BatchNorm, fold),
        *(to_rows, from_rows, remove_bias),
        *(BatchNormFunction, BatchNorm2d, replace_batch_norm),
        *(effective_rank, verdict, fgsm),
    )
}
QUESTIONS: dict[str, Question] = {
    question.name: question
    for question in (*_START, *_WHY, *_FORWARD, *_BACKWARD, *_TRAIN_EVAL, *_IMAGES, *_PYTORCH, *_CLAIMS)
}


def hint(name):
    """Print the next hint for the exercise called name; asked again, a larger one."""
    _find(EXERCISES, "exercise", name).hint()


def solution(name):
    """Print the finished source of the exercise called name."""
    _find(EXERCISES, "exercise", name).solution()


def answer(name, yours):
    """Print what is right or wrong about your answer to the question called name; None is 'not answered yet'."""
    _find(QUESTIONS, "question", name).answer(yours)


def _find(known, kind, name):
    if name not in known:
        raise ValueError(f"there is no {kind} called {name!r}; the {kind}s are {', '.join(known)}.")
    return known[name]
