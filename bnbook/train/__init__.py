"""One training loop, and the same loop for many nets at once: the same batches for every arm of a comparison.

Read after nets.
Used from notebook 00 on.
"""

from .many import Batches as Batches
from .many import Descent as Descent
from .many import batches as batches
from .many import descend as descend
from .many import evaluate_all as evaluate_all
from .many import fit_all as fit_all
from .many import per_member_loss as per_member_loss
from .one import batch_order as batch_order
from .one import diverged as diverged
from .one import evaluate as evaluate
from .one import evaluating as evaluating
from .one import fit as fit
