"""Wrong answers to the exercises of notebook 08."""

from . import band, effective_rate, equilibrium, invariance_check  # noqa: F401  each registers its slips
