"""The experiments of notebook 12: what people say about BatchNorm, claim by claim."""

from bnbook.lab import results

from .claim import Claim as Claim
from .dimensions import degrees_of_freedom as degrees_of_freedom
from .dimensions import dimensions as dimensions
from .folklore import adding as adding
from .folklore import folklore as folklore
from .generalization import at_equal_loss as at_equal_loss
from .generalization import generalization as generalization
from .generalization import random_labels as random_labels
from .generalization import steps_needed as steps_needed
from .robustness import robustness as robustness
from .table import PARTS as PARTS
from .table import all_examples as all_examples
from .table import judged as judged
from .table import made_again as made_again

evidence = results.shelf(__file__)
