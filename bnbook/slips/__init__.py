"""Wrong answers as learners and real code give them, each with the sentence that explains it.

Read after norm_torch.
Used from notebook 00 on, by `checks`.

`slips.batch_norm` lists the wrong answers to the exercise `batch_norm`. A slip is a plain function: its code is the
mistake, its docstring says `what was done: why it is wrong and what to look at`. `{x_hat}`, `{var}`, ... in it stand
for what the slip returns on the exercise's small example: filled in by running it, so no number can be out of date.
"""

from .forward import batch_norm as batch_norm
from .forward import normalize as normalize
from .start import batch_axes as batch_axes
from .why import he_std as he_std
from .why import saturation as saturation
from .why import standardize as standardize
