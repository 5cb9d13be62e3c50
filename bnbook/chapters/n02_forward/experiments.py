"""The experiment of notebook 02."""

import math

import numpy as np


def variance_errors(offsets=(0, 1, 10, 100, 1000, 10_000), batches=20, m=512):
    """Two formulas for a variance, in float16 and float32, on data further and further from zero.

        one pass: mean(x^2) - mean(x)^2          two passes: mean((x - mean(x))^2)

    offsets  means of the data, whose standard deviation is 1
    batches  random batches; the worst of them counts
    m        values per batch
    Returns a dict: experiment, offsets, batches, errors (formula: one relative error per offset, None if not finite;
    float16 stops where its neighbouring numbers lie further apart than half a standard deviation).
    The truth is the variance of the *rounded* data, its sums made exactly (math.fsum).
    """
    formulas = {
        "one pass, float16": (np.float16, lambda x: np.mean(x * x) - np.mean(x) ** 2),
        "two passes, float16": (np.float16, lambda x: np.mean((x - np.mean(x)) ** 2)),
        "one pass, float32": (np.float32, lambda x: np.mean(x * x) - np.mean(x) ** 2),
        "two passes, float32": (np.float32, lambda x: np.mean((x - np.mean(x)) ** 2)),
        "bnbook: float64 inside": (np.float32, lambda x: np.mean((x - np.mean(x, dtype=np.float64)) ** 2)),
    }
    errors = {}
    for name, (dtype, formula) in formulas.items():
        held = [offset for offset in offsets if np.spacing(dtype(offset)) <= 0.5]
        worst = [max(_variance_error(offset, seed, m, dtype, formula) for seed in range(batches)) for offset in held]
        errors[name] = [error if np.isfinite(error) else None for error in worst]
    return {"experiment": "variance_errors", "offsets": list(offsets), "batches": batches, "errors": errors}


def _variance_error(offset, seed, m, dtype, formula):
    x = (np.random.default_rng(seed).normal(size=m) + offset).astype(dtype)
    mean = math.fsum(x.tolist()) / m
    truth = math.fsum((v - mean) ** 2 for v in x.tolist()) / m
    with np.errstate(over="ignore", invalid="ignore"):
        error = abs(float(formula(x)) - truth) / truth
    return error if np.isfinite(error) else np.inf
