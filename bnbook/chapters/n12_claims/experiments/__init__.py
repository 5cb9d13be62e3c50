"""The experiments of notebook 12: what people say about BatchNorm, claim by claim."""

from bnbook.lab import results

from .dimensions import degrees_of_freedom as degrees_of_freedom
from .dimensions import dimensions as dimensions
from .folklore import adding as adding
from .folklore import folklore as folklore
from .generalization import generalization as generalization
from .generalization import random_labels as random_labels
from .robustness import robustness as robustness
from .table import all_examples as all_examples
from .table import claims as claims
from .table import rerun as rerun
from .table import table as table

evidence = results.shelf(__file__)
