"""The experiments of notebook 10: how wrong small batches are, who suffers from it, and what is done about it."""

from bnbook.lab import results

from .companions import one_class as one_class
from .companions import shared_nuisance as shared_nuisance
from .estimates import outputs_by_batch as outputs_by_batch
from .estimates import statistics_error as statistics_error
from .frozen import fine_tuning as fine_tuning
from .gradients import accumulation as accumulation
from .rates import with_twins as with_twins
from .sizes import batch_sizes as batch_sizes
from .sizes import ghost_batches as ghost_batches

evidence = results.shelf(__file__)
