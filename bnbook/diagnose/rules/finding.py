"""How a rule makes a Finding: what to read about each name, and the code most fixes share."""

from ..report import Finding

MODES, COMPANY, SAMPLE, OWN = (
    "04, The two modes side by side",
    "10, Batches with something in common",
    "05, How large is the sample?",
    "06, Exercise 2: the layer",
)
READ = {
    "not-trained-yet": "04, The first steps are biased",
    "running-stats-untouched": "04, The first steps are biased",
    "running-stats-stale": "04, The first steps are biased",
    "stats-of-other-data": "04, Forgetting `eval()`",
    "running-stats-not-finite": "06, Sixteen bits",
    "running-var-invalid": "04, Exercise 2: `batch_norm_eval`",
    "statistics-exchanged": "04, Exercise 2: `batch_norm_eval`",
    "running-var-biased": "04, The variance needs a correction",
    "momentum-convention": "04, Exercise 1: `update_running`",
    "no-running-stats": "04, One image, ten companies",
    "flag-contradicts-buffers": "06, Every flag, any device",
    "training-mode-in-eval": "04, Forgetting `eval()`",
    "eval-mode-in-training": "10, Fine-tuning with small batches",
    "frozen-but-moving": "10, Fine-tuning with small batches",
    "too-few-values": "10, Two images",
    "last-batch-of-one": "04, A batch of one",
    "one-value-per-group": "11, One line, four norms",
    "train-eval-gap": MODES,
    "batches-not-alike": COMPANY,
    "eval-data-differs": "10, Sessions",
    "updated-more-than-once": "06, A buffer with a memory",
    "shared-layer": "10, Two jobs of a batch",
    "never-called": "06, What a layer owns",
    "dead-channels": "02, Step 3: divide, but not by zero",
    "eps-dominates": "02, Step 3: divide, but not by zero",
    "scale-near-zero": "02, Step 4: scale and shift",
    "redundant-bias": "05, Why the convolution has no bias",
    "decay-on-norm": "08, Weight decay: the other half of the schedule",
    "normalized-twice": "11, What does each norm not notice?",
    "norm-on-output": "02, What normalizing forgets",
    "features-not-on-axis-1": "05, Images are a table with many rows",
    "padding-counted": SAMPLE,
    "no-gradient-through-statistics": "03, Why it is a projection",
    "statistics-keep-graph": "06, A buffer with a memory",
    "statistics-not-buffers": "06, What a layer owns",
    "unbiased-normalizer": "02, Two formulas for one variance",
    "eps-outside-root": "02, Step 3: divide, but not by zero",
    "one-pass-variance": "14, Raw sums, and what they cost",
    "normalizes-wrong-axes": "05, Why not one mean per pixel?",
    "replicas-differ": "10, The other way round: many small batches, one step",
}
UPDATE = "torch.optim.swa_utils.update_bn(loader, model)"
PASSES = "model.train()\nwith torch.no_grad():\n    for x, *_ in loader:\n        model(x)\nmodel.eval()"


def found(layer, name, severity, number, threshold, unit, why, fix):
    """A Finding about a layer (a LayerRecord, or "" for the model), with what to read about it."""
    where = layer if isinstance(layer, str) else layer.name
    return Finding(name, severity, where, (float(number), float(threshold), unit), why, fix, READ[name])


def get(layer):
    """The line of code that gets hold of a layer."""
    return f'layer = model.get_submodule("{layer.name}")\n'


def renew(layer):
    """Code that collects a layer's statistics again; update_bn knows only torch.nn's layers and their subclasses."""
    return UPDATE if layer.how == "module" else PASSES


def replace(layer):
    """Code that puts torch.nn's layer in the place of a home-made one, with its gamma and beta."""
    dims = max(len(layer.input_shape or (0, 0)) - 2, 1)
    parent, _, last = layer.name.rpartition(".")
    lines = [
        f'old, parent = model.get_submodule("{layer.name}"), model.get_submodule("{parent}")',
        f"new = torch.nn.BatchNorm{dims}d({layer.channels}, eps={layer.eps:g}).train(old.training)",
        "with torch.no_grad():",
        '    for name in ("weight", "bias", "running_mean", "running_var"):',
        "        value = getattr(old, name, None)",
        "        if isinstance(value, torch.Tensor) and value.numel() == new.num_features:",
        "            getattr(new, name).copy_(value.detach().reshape(-1))",
        f'setattr(parent, "{last}", new)',
    ]
    return "\n".join(lines)
