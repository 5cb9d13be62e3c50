"""The exercises of notebook 06."""

from bnbook.grading import desk

from ..questions import QUESTIONS
from .function import BatchNormFunction
from .layer import BatchNorm2d
from .replacement import replace_batch_norm

EXERCISES = (BatchNormFunction, BatchNorm2d, replace_batch_norm)
hint, solution, answer = desk(EXERCISES, QUESTIONS)
