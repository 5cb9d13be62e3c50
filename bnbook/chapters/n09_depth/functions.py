"""What notebook 09 builds: how gradients grow from layer to layer, measured and predicted."""

import numpy as np


def measured_growth(sizes):
    """By which factor the gradient grows per layer on its way back, as a geometric mean.

        growth^(L - 1) = size in the first layer / size in the last

    sizes  (L, *)  of the gradient in each of L layers, first layer first; more axes, such as seeds, stay apart
    Returns growth (*): above 1 if the gradient grows on its way back from the last layer to the first.
    """
    return (sizes[0] / sizes[-1]) ** (1 / (len(sizes) - 1))


def predicted_growth(h, slope):
    """By which factor the gradient grows per layer of [linear - BatchNorm - f], in a wide net with large batches.

        growth = sqrt(mean(f'(z)^2) / var(f(z)))        z standardized

    h      any shape   f(z): what comes out of the non-linearity
    slope  like h      f'(z): its slope there
    Returns growth, a number; for the ReLU and a normal z it is sqrt(pi / (pi - 1)) = 1.2112.
    Source: Yang et al. 2019, "A mean field theory of batch normalization", for the ReLU's value.
    """
    return np.sqrt(np.mean(np.square(slope)) / np.var(h))
