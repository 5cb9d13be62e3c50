"""The rules: small functions of a LayerRecord (or of the whole ModelRecord) that return a Finding or None."""

from . import flags, handmade, loader, statistics, wiring

LAYER_RULES = (*flags.RULES, *statistics.RULES, *loader.LAYER_RULES, *wiring.RULES, *handmade.RULES)
MODEL_RULES = loader.MODEL_RULES
