"""What the wrong answers to several exercises of this notebook are made of."""


def count(x):
    """Values per channel."""
    return x.numel() // x.shape[1]
