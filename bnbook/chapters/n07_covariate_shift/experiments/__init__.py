"""The experiments of notebook 07: three measures of internal covariate shift, and what each says about speed."""

from bnbook.lab import results

from .cases import CASES as CASES
from .cases import LINEAR_CASES as LINEAR_CASES
from .cases import over_looks as over_looks
from .cases import steps_to_90 as steps_to_90
from .drift import input_drift as input_drift
from .drift import unit_inputs as unit_inputs
from .gradients import deep_linear as deep_linear
from .gradients import gradient_shift as gradient_shift
from .noise import noisy_batch_norm as noisy_batch_norm

evidence = results.shelf(__file__)
