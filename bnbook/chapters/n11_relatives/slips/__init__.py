"""Wrong answers to the exercises of notebook 11."""

from . import group_norm, group_norm_backward, rms_norm  # noqa: F401  each registers its slips
