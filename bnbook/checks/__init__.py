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
from .batch_size import QUESTIONS as _BATCH_SIZE
from .batch_size import accumulated_gradient, batch_renorm, ghost_batch_norm, standard_error
from .claims import QUESTIONS as _CLAIMS
from .claims import effective_rank, fgsm, verdict
from .depth import QUESTIONS as _DEPTH
from .depth import Scale, measured_growth, predicted_growth, train_only_norms
from .exercise import CheckFailed as CheckFailed
from .exercise import Exercise
from .forward import QUESTIONS as _FORWARD
from .forward import batch_norm, normalize
from .images import QUESTIONS as _IMAGES
from .images import from_rows, remove_bias, to_rows
from .pytorch import QUESTIONS as _PYTORCH
from .pytorch import BatchNorm2d, BatchNormFunction, replace_batch_norm
from .question import Question
from .rates import QUESTIONS as _RATES
from .rates import band, effective_rate, equilibrium, invariance_check
from .relatives import QUESTIONS as _RELATIVES
from .relatives import group_norm, group_norm_backward, rms_norm
from .shift import QUESTIONS as _SHIFT
from .shift import gradient_change, standardizing, wasserstein_1d
from .speed import QUESTIONS as _SPEED
from .speed import affine_block, backward_coefficients, lean_batch_norm, merge
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
        *(standardizing, wasserstein_1d, gradient_change),
        *(band, invariance_check, effective_rate, equilibrium),
        *(measured_growth, predicted_growth, Scale, train_only_norms),
        *(standard_error, ghost_batch_norm, accumulated_gradient, batch_renorm),
        *(group_norm, rms_norm, group_norm_backward),
        *(effective_rank, verdict, fgsm),
        *(lean_batch_norm, backward_coefficients, merge, affine_block),
    )
}
_CHAPTERS = (
    _START,
    _WHY,
    _FORWARD,
    _BACKWARD,
    _TRAIN_EVAL,
    _IMAGES,
    _PYTORCH,
    _SHIFT,
    _RATES,
    _DEPTH,
    _BATCH_SIZE,
    _RELATIVES,
    _CLAIMS,
    _SPEED,
)
QUESTIONS: dict[str, Question] = {question.name: question for chapter in _CHAPTERS for question in chapter}


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
