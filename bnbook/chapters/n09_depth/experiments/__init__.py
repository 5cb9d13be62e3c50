"""The experiments of notebook 09: gradients of untrained nets, and which deep nets train."""

from bnbook.lab import results

from .gradients import BY_BATCH as BY_BATCH
from .gradients import BY_GAIN as BY_GAIN
from .gradients import gradient_growth as gradient_growth
from .gradients import skip_connections as skip_connections
from .training import AGAIN as AGAIN
from .training import DEEP_ARMS as DEEP_ARMS
from .training import LIVE as LIVE
from .training import LIVE_ARMS as LIVE_ARMS
from .training import ONLY as ONLY
from .training import only_norms as only_norms
from .training import parts_reported as parts_reported
from .training import reported as reported
from .training import trainability as trainability
from .verdicts import MARGIN as MARGIN
from .verdicts import accuracies as accuracies
from .verdicts import ahead as ahead
from .verdicts import bands as bands
from .verdicts import comparisons as comparisons
from .verdicts import parts as parts

evidence = results.shelf(__file__)
