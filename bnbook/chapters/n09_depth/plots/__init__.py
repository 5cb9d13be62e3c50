"""The drawings of notebook 09."""

from .gradients import gradient_growth as gradient_growth
from .gradients import skip_connections as skip_connections
from .training import only_norms as only_norms
from .training import trainability as trainability
from .training import verdicts as verdicts
