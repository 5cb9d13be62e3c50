"""The experiments of notebook 11: every norm trained the same way, what follows, and what algebra says before."""

from bnbook.lab.results import shelf

from .invariances import invariances as invariances
from .training import AGAIN as AGAIN
from .training import CASES as CASES
from .training import SWEPT_SEEDS as SWEPT_SEEDS
from .training import Case as Case
from .training import made_again as made_again
from .training import relatives as relatives
from .training import spoilt as spoilt
from .verdicts import SPOILT as SPOILT
from .verdicts import at_one_rate as at_one_rate
from .verdicts import at_own_rates as at_own_rates
from .verdicts import bearing as bearing
from .verdicts import change as change
from .verdicts import column as column
from .verdicts import half_a_step as half_a_step
from .verdicts import learning as learning
from .verdicts import limits as limits
from .verdicts import with_own as with_own

evidence = shelf(__file__)
