"""What the claims are judged with. Built in notebook 12."""

import numpy as np


def effective_rank(h):
    """How many directions a cloud of points really occupies: the participation ratio of its variances.

        effective rank = (sum of l)^2 / (sum of l^2),    l the eigenvalues of the covariance matrix of the columns

    1 if all points lie on a line, C if they spread equally into all C directions; unlike the rank it is not fooled by
    directions that exist in rounding errors only.

    h  (N, C)   N points with C features
    Returns a number from 1 to C.
    Source: the participation ratio of physics; Roy & Vetterli 2007, "The effective rank", use the entropy instead.
    """
    centred = h - h.mean(axis=0)
    spread = np.linalg.svd(centred, compute_uv=False) ** 2  # N times the eigenvalues; the factor N cancels
    return spread.sum() ** 2 / (spread**2).sum()


def verdict(low, high, margin=0.0):
    """What an interval says about the claim "the effect is larger than margin".

        low > margin: 'true',    high < margin: 'false',    otherwise 'not settled here'

    low, high  the ends of the interval of the effect
    margin     the smallest effect that the claim would call one
    Returns 'true', 'false' or 'not settled here'.
    """
    if low > margin:
        return "true"
    return "false" if high < margin else "not settled here"


def fgsm(x, gradient, eps):
    """An adversarial image: every pixel moves by eps in the direction that raises the loss, and stays a pixel.

        min(max(x + eps * sign(gradient), 0), 1)

    x         (N, C, H, W)  between 0 and 1
    gradient  like x        of the loss with respect to x
    eps       how far a pixel may move
    Returns an array like x.
    Source: Goodfellow et al. 2015, "Explaining and harnessing adversarial examples", section 4.
    """
    return np.clip(x + eps * np.sign(gradient), 0, 1)
