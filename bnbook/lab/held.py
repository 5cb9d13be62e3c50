"""What of a stack's weights a setting holds fast: functions that put it right after each step."""

import torch


def after_step(net, settings):
    """What the settings ask to be put right after each step, or None."""
    if settings[0].trainable == "few":
        return few(net, [setting.seed for setting in settings])
    return sphere(net) if settings[0].sphere else None


def hidden_weights(net):
    """Names of the weights in front of hidden units: all matrices and filters but those of the last layer."""
    return [name for name, p in net.named_parameters() if p.dim() >= 3 and name != "linear.weight"]  # 3: with P


def few(net, seeds):
    """A function that gives all incoming weights of each hidden unit their first value back, but for two of them."""
    generators = [torch.Generator().manual_seed(1_000_000 + seed) for seed in seeds]
    held = {}
    for name in hidden_weights(net):
        weight = net.get_parameter(name).detach()
        random = torch.stack([torch.rand(weight[0].shape, generator=generator) for generator in generators])
        chosen = random.flatten(2).argsort(2)[..., :2]  # (P, units, 2)
        free = torch.zeros(chosen.shape[:2] + (weight[0, 0].numel(),), dtype=bool).scatter(2, chosen, True)
        held[name] = free.view(weight.shape).to(weight.device), weight.clone()

    def restore(net):
        for name, (free, start) in held.items():
            weight = net.get_parameter(name)
            weight.copy_(torch.where(free, weight, start))

    return restore


def sphere(net):
    """A function that gives each hidden unit's weights back the length that they have now."""
    lengths = {name: _lengths(net.get_parameter(name)).clone() for name in hidden_weights(net)}

    def project(net):
        for name, length in lengths.items():
            weight = net.get_parameter(name)
            weight.mul_(length / _lengths(weight))

    return project


def _lengths(weight):
    """Length of each unit's weights, (P, units, 1, ...)."""
    length = weight.detach().flatten(2).norm(dim=2)
    return length.view(*length.shape, *(1,) * (weight.dim() - 2))
