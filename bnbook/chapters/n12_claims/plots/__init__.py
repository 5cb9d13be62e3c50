"""The drawings of notebook 12."""

from .features import dimensions as dimensions
from .gains import generalization as generalization
from .gains import random_labels as random_labels
from .sayings import adding as adding
from .sayings import folklore as folklore
from .spoilt import robustness as robustness
from .verdicts import table as table
from .verdicts import verdicts as verdicts
