"""One disease, one name: which finding explains which."""

# What a gap between statistics and data is called when nothing better explains it.
LAG = {"running-stats-stale", "stats-of-other-data", "train-eval-gap", "running-var-biased"}

# On the same layer: the first makes the others, so only the first is said.
SAME_LAYER = {
    "not-trained-yet": {"scale-near-zero"},
    "never-called": {"running-stats-untouched", "not-trained-yet", "no-running-stats"},
    "normalizes-wrong-axes": LAG | {"too-few-values", "dead-channels", "no-running-stats", "one-pass-variance"},
    "statistics-exchanged": LAG | {"running-var-invalid", "eps-dominates"},
    "running-stats-not-finite": LAG | {"running-var-invalid", "eps-dominates"},
    "running-var-invalid": LAG | {"eps-dominates"},
    "running-stats-untouched": LAG | {"momentum-convention"},
    "momentum-convention": LAG,
    "flag-contradicts-buffers": LAG | {"no-running-stats", "training-mode-in-eval", "frozen-but-moving"},
    "training-mode-in-eval": LAG | {"no-running-stats"},
    "frozen-but-moving": LAG,
    "shared-layer": LAG,
    "updated-more-than-once": LAG,
    "padding-counted": LAG | {"features-not-on-axis-1"},
    "features-not-on-axis-1": LAG | {"too-few-values", "padding-counted", "dead-channels"},
    "too-few-values": LAG,
    "no-running-stats": LAG,
    "eps-dominates": LAG,
    "dead-channels": {"eps-dominates"},
    "train-eval-gap": {"running-stats-stale", "stats-of-other-data"},
}

# Anywhere in the model: these change what all later layers see.
ANYWHERE = {
    "batches-not-alike": LAG | {"no-running-stats", "shared-layer", "too-few-values", "eval-data-differs"},
    "last-batch-of-one": set(),
    "one-value-per-group": LAG | {"dead-channels", "too-few-values", "eps-dominates"},
    "normalizes-wrong-axes": LAG,
    "no-gradient-through-statistics": LAG,  # weights drift faster than any average follows
}


def unexplained(findings):
    """The findings that no other one explains, in their order; an error or warning is not explained by a note.

    findings   list of Finding
    Returns a list of Finding.
    """
    return [f for f in findings if not any(_explains(other, f) for other in findings if other is not f)]


def _explains(one, other):
    if one.severity == "note" and other.severity != "note" and one.name != "never-called":
        return False
    here = one.layer == other.layer and other.name in SAME_LAYER.get(one.name, ())
    return here or other.name in ANYWHERE.get(one.name, ())
