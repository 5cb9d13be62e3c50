"""What a record holds before any batch: flags, buffers, parameter groups, neighbours; and what a first pass adds."""

from torch import nn

from . import sites


def note_flags(record, root, found, optimizer):
    """What flags, buffers and parameter groups show."""
    decayed = decayed_parameters(optimizer)
    record.layers = [sites.describe(site, root, decayed) for site in found]
    for site, layer in zip(found, record.layers, strict=True):
        layer.model, layer.frozen = record, sites.is_frozen(site, root)
    batch = [layer for layer in record.layers if layer.family == "batch"]
    record.trained = any(
        layer.affine_as_made is False or layer.count or (layer.has_stats and not layer.stats_as_made) for layer in batch
    )


def decayed_parameters(optimizer):
    """Identities of the parameters that an optimizer decays."""
    groups = optimizer.param_groups if optimizer is not None else ()
    return {id(p) for group in groups if group.get("weight_decay", 0) for p in group["params"]}


def note_neighbours(record, root, prefix):
    """Without data: in a Sequential, a child feeds the next."""
    layers = {layer.name: layer for layer in record.layers}
    for name, module in root.named_modules():
        if not isinstance(module, nn.Sequential):
            continue
        children = [(f"{prefix}{name}.{n}" if name else prefix + n, child) for n, child in module.named_children()]
        for (before, source), (after, _) in zip(children, children[1:], strict=False):
            if after in layers and isinstance(source, nn.Linear | nn.modules.conv._ConvNd):
                layers[after].source, layers[after].source_bias = before, source.bias is not None
                layers[after].source_kind = "linear" if isinstance(source, nn.Linear) else "conv"
            elif after in layers and before in layers:
                layers[after].source, layers[after].source_kind = before, "norm"


def note_scout(site, layer, scout):
    """How often a layer was called, on what shape, and who wrote its input."""
    layer.calls, layer.calls_in_backward = scout.calls[site], scout.late[site]
    layer.input_shape = scout.shapes.get(site)
    layer.is_output = site in scout.is_output
    tag = scout.tags.get(site)
    if tag is None:
        return
    layer.from_input = tag.kind == "input"
    layer.feature_axis = tag.axis if tag.kind in ("linear", "conv") else None
    if tag.exact:
        layer.source, layer.source_kind, layer.source_bias = tag.name, tag.kind, tag.bias
