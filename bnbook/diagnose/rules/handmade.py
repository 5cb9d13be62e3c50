"""Home-made layers: what the probes of `homemade` measured, in words."""

from .finding import found, replace

FAULTS = {
    "no-gradient-through-statistics": (
        "error",
        "Mean and variance are constants for the gradient (detach, no_grad, .data), so dx is not forward's gradient.",
        "Training drifts along directions that the layer itself cancels, and weights grow.",
    ),
    "statistics-keep-graph": (
        "error",
        "The running statistics carry a graph: each step hangs on all steps before it.",
        "Memory grows with every batch, or backward fails the second time; detach what is stored.",
    ),
    "statistics-not-buffers": (
        "error",
        "Running statistics are plain attributes, not buffers.",
        "They are missing from state_dict and stay behind when the model moves to another device: use register_buffer.",
    ),
    "unbiased-normalizer": (
        "warning",
        "The batch is normalized by the variance divided by m - 1.",
        "PyTorch and the paper divide by m there, by m - 1 for the running variance only; at small m outputs differ.",
    ),
    "eps-outside-root": (
        "warning",
        "eps is added to the standard deviation, not to the variance.",
        "At eps = 1e-5 that guards 300 times less, and weights of other implementations give other outputs.",
    ),
    "one-pass-variance": (
        "warning",
        "The variance is computed as E[x^2] - E[x]^2, or with no more accuracy than that.",
        "For data far from 0 the difference is rounding error, even negative: subtract the mean first.",
    ),
    "normalizes-wrong-axes": (
        "error",
        "It does not give each channel one mean over examples and positions: it averages over other axes.",
        "On (N, C, H, W) the axes are 0, 2 and 3.",
    ),
}


def _rule(name):
    severity, first, second = FAULTS[name]

    def rule(layer):
        if name not in layer.measured:
            return None
        return found(layer, name, severity, *layer.measured[name], f"{first} {second}", replace(layer))

    rule.__name__ = name.replace("-", "_")
    rule.__doc__ = f"A probed layer shows {name}."
    return rule


RULES = tuple(_rule(name) for name in FAULTS)
