"""Small networks that differ only in their normalization, and many of one shape as one network.

Read after data.
Used from notebook 00 on; stacks from notebook 07 on.

Nets made with the same seed have the same convolution and linear weights, whatever their normalization: what then
differs between their trainings is due to the normalization. Parameters are float64, because training in float32
gives other digits on another machine.
"""

from .build import ACTIVATIONS as ACTIVATIONS
from .build import FLAT_NORMS as FLAT_NORMS
from .build import INITS as INITS
from .build import NORMS as NORMS
from .build import ODD_NORMS as ODD_NORMS
from .build import cnn as cnn
from .build import mlp as mlp
from .build import residual as residual
from .layers import AddSD as AddSD
from .layers import BatchRenorm as BatchRenorm
from .layers import Dropout as Dropout
from .layers import GhostBatchNorm as GhostBatchNorm
from .layers import Noise as Noise
from .layers import ResidualBlock as ResidualBlock
from .layers import RMSNorm as RMSNorm
from .layers import Scale as Scale
from .prepare import freeze_batch_norms as freeze_batch_norms
from .prepare import standardize_start as standardize_start
from .prepare import standardizing as standardizing
from .prepare import train_only_norms as train_only_norms
from .stack import Stack as Stack
from .stack import Together as Together
