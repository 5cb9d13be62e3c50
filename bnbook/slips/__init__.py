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
from .claims import effective_rank as effective_rank
from .claims import fgsm as fgsm
from .claims import verdict as verdict
from .forward import batch_norm as batch_norm
from .forward import normalize as normalize
from .images import from_rows as from_rows
from .images import remove_bias as remove_bias
from .images import to_rows as to_rows
from .pytorch import BatchNorm2d as BatchNorm2d
from .pytorch import BatchNormFunction as BatchNormFunction
from .pytorch import replace_batch_norm as replace_batch_norm
from .start import batch_axes as batch_axes
from .train_eval import BatchNorm as BatchNorm
from .train_eval import batch_norm_eval as batch_norm_eval
from .train_eval import fold as fold
from .train_eval import update_running as update_running
from .why import he_std as he_std
from .why import saturation as saturation
from .why import standardize as standardize
