"""Wrong answers as learners and real code give them, each with the sentence that explains it.

Read after norm_torch.
Used from notebook 00 on, by `checks`.

`slips.batch_norm` lists the wrong answers to the exercise `batch_norm`. A slip is a plain function: its code is the
mistake, its docstring says `what was done: why it is wrong and what to look at`. `{x_hat}`, `{var}`, ... in it stand
for what the slip returns on the exercise's small example: filled in by running it, so no number can be out of date.
"""

from .backward import batch_norm_backward as batch_norm_backward
from .backward import directional_check as directional_check
from .backward import normalize_backward as normalize_backward
from .batch_size import accumulated_gradient as accumulated_gradient
from .batch_size import batch_renorm as batch_renorm
from .batch_size import ghost_batch_norm as ghost_batch_norm
from .batch_size import standard_error as standard_error
from .claims import effective_rank as effective_rank
from .claims import fgsm as fgsm
from .claims import verdict as verdict
from .depth import Scale as Scale
from .depth import measured_growth as measured_growth
from .depth import predicted_growth as predicted_growth
from .depth import train_only_norms as train_only_norms
from .forward import batch_norm as batch_norm
from .forward import normalize as normalize
from .images import from_rows as from_rows
from .images import remove_bias as remove_bias
from .images import to_rows as to_rows
from .pytorch import BatchNorm2d as BatchNorm2d
from .pytorch import BatchNormFunction as BatchNormFunction
from .pytorch import replace_batch_norm as replace_batch_norm
from .rates import band as band
from .rates import effective_rate as effective_rate
from .rates import equilibrium as equilibrium
from .rates import invariance_check as invariance_check
from .relatives import group_norm as group_norm
from .relatives import group_norm_backward as group_norm_backward
from .relatives import rms_norm as rms_norm
from .shift import gradient_change as gradient_change
from .shift import standardizing as standardizing
from .shift import wasserstein_1d as wasserstein_1d
from .speed import affine_block as affine_block
from .speed import backward_coefficients as backward_coefficients
from .speed import lean_batch_norm as lean_batch_norm
from .speed import merge as merge
from .start import batch_axes as batch_axes
from .train_eval import BatchNorm as BatchNorm
from .train_eval import batch_norm_eval as batch_norm_eval
from .train_eval import fold as fold
from .train_eval import update_running as update_running
from .why import he_std as he_std
from .why import saturation as saturation
from .why import standardize as standardize
