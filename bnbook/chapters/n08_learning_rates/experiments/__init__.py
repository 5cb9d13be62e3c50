"""The experiments of notebook 08: which rates train, why large ones are borne, decay, the landscape."""

from bnbook.lab import results

from .conclusions import at_the_same_rate as at_the_same_rate
from .conclusions import bands as bands
from .conclusions import best as best
from .conclusions import compared as compared
from .conclusions import moved as moved
from .conclusions import one_trains as one_trains
from .conclusions import twins_agree as twins_agree
from .conclusions import widened as widened
from .decay import weight_decay_equilibrium as weight_decay_equilibrium
from .landscape import along_gradient as along_gradient
from .landscape import rescaled_smoothness as rescaled_smoothness
from .rates import RATES as RATES
from .rates import extreme_rates as extreme_rates
from .rates import learning_rates as learning_rates
from .rates import matched_rates as matched_rates
from .scale import equivalent_rates as equivalent_rates
from .scale import norm_growth as norm_growth
from .scale import scale_invariance as scale_invariance

evidence = results.shelf(__file__)
