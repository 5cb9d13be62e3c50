"""The drawings of notebook 08."""

from .more_rates import extreme_rates as extreme_rates
from .more_rates import matched_rates as matched_rates
from .rates import good_rates as good_rates
from .rates import learning_rates as learning_rates
from .rates import rate_heat_map as rate_heat_map
from .scale import along_gradient as along_gradient
from .scale import equivalent_rates as equivalent_rates
from .scale import norm_growth as norm_growth
from .scale import scale_invariance as scale_invariance
from .scale import weight_decay_equilibrium as weight_decay_equilibrium
