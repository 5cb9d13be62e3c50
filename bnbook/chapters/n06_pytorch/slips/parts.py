"""What the wrong answers to several exercises of this notebook are made of."""


def count(x):
    return x.numel() // x.shape[1]
