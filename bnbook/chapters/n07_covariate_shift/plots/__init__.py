"""The drawings of notebook 07."""

from .gradients import deep_linear as deep_linear
from .gradients import gradient_shift as gradient_shift
from .inputs import drift_factors as drift_factors
from .inputs import input_drift as input_drift
from .inputs import unit_inputs as unit_inputs
from .noise import noise_differences as noise_differences
from .noise import noisy_batch_norm as noisy_batch_norm
