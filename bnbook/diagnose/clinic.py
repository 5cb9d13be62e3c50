"""`diagnose`: examine, ask every rule, leave out what another finding explains."""

from torch import nn

from .examine import examine
from .explain import unexplained
from .replicas import compare_replicas
from .report import Finding, Report, read_baseline
from .rules import LAYER_RULES, MODEL_RULES


def diagnose(
    model, loader=None, *, eval_loader=None, loss=None, optimizer=None, device=None, batches=8, forward=None,
    rules=(), ignore=(), baseline=None,
):  # fmt: skip
    """Find what is wrong with a model's normalization layers; model, gradients and random state stay as they are.

        report = diagnose(model, train_loader, eval_loader=val_loader, loss=F.cross_entropy)

    model        nn.Module, in either mode, on any device, wrapped or compiled; or a list of models: `compare_replicas`
    loader       batches as the model was trained on: a tensor, a tuple or list (x, y, ...), a dict of keywords;
                 None: only what flags and buffers show
    eval_loader  batches as it is evaluated on, or None
    loss         loss(model(x), y); with a dict y is the dict; None: a random projection of the output
    optimizer    for what only its parameter groups show, or None
    device       where to run; None: where the model is
    batches      at most so many batches are taken from each loader, and held while this runs
    forward      forward(model, batch) -> output, for batches that are none of the above
    rules        functions of a LayerRecord that return a Finding or None, asked after the built-in ones
    ignore       names of findings to leave out
    baseline     known findings: path of a JSON file, a dict like Report.to_dict(), or a Report
    Returns Report; the cost is below three forward and backward passes per batch.
    Raises ValueError for a model that is no nn.Module or is TorchScript, batches < 1, a loader without batches, names
    in `ignore` that are not strings; whatever the model itself raises comes through.
    """
    several = isinstance(model, list | tuple)
    if not several and not isinstance(model, nn.Module):
        raise ValueError(f"diagnose wants a torch.nn.Module, got {type(model).__name__}")
    if not isinstance(batches, int) or batches < 1:
        raise ValueError(f"batches must be a whole number of at least 1, got {batches!r}")
    if isinstance(ignore, str) or not all(isinstance(name, str) for name in ignore):
        raise ValueError(f"ignore must be a collection of names such as ('redundant-bias',), got {ignore!r}")
    known = read_baseline(baseline)
    if several:
        report = compare_replicas(model)
        return Report(_new(report.findings, ignore, known), report.layers)
    record = examine(
        *(model, loader), eval_loader=eval_loader, loss=loss, optimizer=optimizer, device=device, batches=batches,
        forward_with=forward,
    )  # fmt: skip
    findings = unexplained(_ask(record)) + _own(record, rules)
    return Report(_new(findings, ignore, known), len(record.layers), record.batches)


def _new(findings, ignore, known):
    """Those that are neither ignored nor known."""
    return [f for f in findings if f.name not in ignore and (f.name, f.layer) not in known]


def _ask(record):
    """What the built-in rules find in a ModelRecord."""
    findings = [rule(record) for rule in MODEL_RULES]
    findings += [rule(layer) for layer in record.layers for rule in LAYER_RULES]
    return _first_gap_only([finding for finding in findings if finding is not None])


def _first_gap_only(findings):
    """Where modes part, later layers follow: train-eval-gap is said of the layer where it starts."""
    gaps = [f for f in findings if f.name == "train-eval-gap" and f.severity == "warning"]
    return [f for f in findings if f not in gaps[1:]]


def _own(record, rules):
    """What the user's rules find. Raises ValueError for a rule that returns something else than a Finding or None."""
    findings = []
    for rule in rules:
        for layer in record.layers:
            finding = rule(layer)
            if finding is None:
                continue
            if not isinstance(finding, Finding):
                name = getattr(rule, "__name__", rule)
                raise ValueError(f"rule {name} returned {type(finding).__name__}; it must return a Finding or None")
            findings.append(finding)
    return findings
