"""The exercises of notebook 06."""

import numpy as np
import torch
from torch import nn

from bnbook import norm_torch
from bnbook.grading import desk
from bnbook.grading.compare import Probe, array_difference, kind_of
from bnbook.grading.exercise import Exercise

from .questions import QUESTIONS


def _numbers(value):
    """A tensor as an array; what is not there as an empty one."""
    return np.zeros(0) if value is None else value.detach().numpy().copy()


def _difference(name, yours, expected, probe):
    """As for arrays; texts have to be equal."""
    if not isinstance(expected, str):
        return array_difference(name, yours, expected, probe)
    return None if yours == expected else f"{name}: yours {yours}, expected {expected}"


def _values(*shape):
    """Numbers on which the slips differ: three channels with means -3, 0.5 and 10 and spreads 2, 0.3 and 1.5."""
    random = np.random.default_rng(shape)
    mean, spread = (np.reshape(v, (1, 3) + (1,) * (len(shape) - 2)) for v in ([-3.0, 0.5, 10.0], [2.0, 0.3, 1.5]))
    return mean + spread * (random.normal(size=shape) + 0.5 * random.normal(size=(shape[0], *[1] * (len(shape) - 1))))


# --- BatchNormFunction -----------------------------------------------------------------------------------------------


def _use_function(yours, x, gamma, beta, eps, dy, dmean, dvar):
    """What apply returns, the gradients through each of the three, and the derivatives of those through y."""
    inputs = [torch.from_numpy(v).requires_grad_() for v in (x, gamma, beta)]  # the same memory: writing shows
    dy, dmean, dvar = (torch.from_numpy(v) for v in (dy, dmean, dvar))
    dy.requires_grad_()

    def outputs():
        result = getattr(yours, "apply", yours)(*inputs, eps)
        if result is not None and not (isinstance(result, tuple) and len(result) == 3):
            raise TypeError(f"forward returned {kind_of(result)}, expected 3 tensors: y, mean, var")
        return result

    first = outputs()
    if first is None:
        return None
    y, mean, var = first
    gradients = _gradients((y * dy).sum(), inputs, create_graph=True)
    random = np.random.default_rng(2)
    along = sum((g * torch.from_numpy(random.normal(size=g.shape))).sum() for g in gradients)
    second = _gradients(along, [inputs[0], inputs[1], dy])
    through_mean = _gradients((outputs()[1].reshape(-1) * dmean).sum(), inputs[:1])
    through_var = _gradients((outputs()[2].reshape(-1) * dvar).sum(), inputs[:1])
    found = [y, mean.reshape(-1), var.reshape(-1), *gradients, *through_mean, *through_var, *second]
    return *map(_numbers, found), sum(v.requires_grad for v in first)


def _gradients(loss, inputs, **how):
    """Gradients of loss, 0 where there is no way back."""
    if not loss.requires_grad:
        return [torch.zeros_like(v) for v in inputs]
    return torch.autograd.grad(loss, inputs, materialize_grads=True, **how)


def _function_probe(says, x, eps):
    random = np.random.default_rng(1)
    gamma, beta = np.array([1.5, -0.7, 2.0]), np.array([0.3, -2.0, 5.0])
    return Probe(says, (x, gamma, beta, eps, random.normal(size=x.shape), *random.normal(size=(2, 3))))


def _function_probes():
    not_contiguous = np.moveaxis(np.ascontiguousarray(np.moveaxis(_values(4, 3, 2, 5), 1, -1)), -1, 1)
    return [
        _function_probe("a table x (5, 3), eps 0.1", _values(5, 3), 0.1),
        _function_probe("images x (5, 3, 4, 6), eps 0.1", _values(5, 3, 4, 6), 0.1),
        _function_probe("signals x (4, 3, 5), eps 0.01", _values(4, 3, 5), 0.01),
        _function_probe("images x (4, 3, 2, 5) not contiguous, eps 0.1", not_contiguous, 0.1),
        _function_probe("volumes x (2, 3, 2, 3, 4), eps 0.1", _values(2, 3, 2, 3, 4), 0.1),
        _function_probe("a batch of 3, x (3, 3), eps 1e-5", _values(3, 3), 1e-5),
    ]


def _function_example():
    x, dy = np.array([[1.0, 10.0], [3.0, 30.0], [5.0, 20.0]]), np.array([[1.0, 0.0], [0.0, 2.0], [0.0, 1.0]])
    return x, np.array([2.0, -1.0]), np.array([1.0, 5.0]), 0.1, dy, np.array([3.0, 6.0]), np.array([3.0, 6.0])


BatchNormFunction = Exercise(
    name="BatchNormFunction",
    room=__name__,
    finished=norm_torch.BatchNormFunction,
    inputs=("x", "gamma", "beta", "eps", "dy", "dmean", "dvar"),
    outputs=(
        *("y", "mean", "var", "dx", "dgamma", "dbeta", "dx_through_mean", "dx_through_var"),
        *("d2x", "d2gamma", "d2dy"),  # derivatives of dx, dgamma and dbeta by x, gamma and dy
        "number of outputs that have a gradient",
    ),
    probes=_function_probes,
    example=_function_example,
    observe=_use_function,
    also=(norm_torch._gradients,),
    hints=(
        "forward computes, setup_context keeps what backward will need, backward returns four things, one for each "
        "argument of forward: dx, dgamma, dbeta, and None for eps.",
        "forward: x_hat, mean, var = normalize(x, (0, *range(2, x.ndim)), eps), then scale and shift with gamma and "
        "beta reshaped to (C, 1, ..., 1). setup_context: x, gamma, _, ctx.eps = inputs and "
        "ctx.save_for_backward(x, gamma, *output[1:]).",
        "backward: dx, dgamma, dbeta = batch_norm_backward(dy, x, gamma, mean, var, ctx.eps), and dx gets "
        "two more terms, dmean / m + 2 * dvar * (x - mean) / m, m = x.numel() / x.shape[1], vectors as (C, 1, ..., 1).",
    ),
)


# --- BatchNorm2d -----------------------------------------------------------------------------------------------------

_STEPS = ((2, 3, 2, 1), (3, 3, 2, 1), (4, 3, 1, 2))  # small, so that m and m - 1 differ


def _use_layer(yours, *settings):
    """Two training steps, one without gradients, and one evaluation, which wants a gradient; then what is stored."""
    usual = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)  # .double() would miss what is not registered
    try:
        layer = yours(3, *settings)
        return None if layer is None else _trace(layer)
    finally:
        torch.set_default_dtype(usual)


def _trace(layer):
    _set(layer, weight=[1.5, -0.7, 2.0], bias=[0.3, -2.0, 5.0])
    found, graph = [], {}
    for step, shape in enumerate(_STEPS):
        result = _step(layer.train(), shape, gradients=step < 2)
        if result is None:
            return None
        found += [*result, *_statistics(layer)]
        graph |= dict.fromkeys(name for name in ("running_mean", "running_var") if _has_graph(layer, name))
    for name in graph:  # noted; an evaluation that fails because of it would hide the rest
        setattr(layer, name, getattr(layer, name).detach())
    found += [*_step(layer.eval(), _STEPS[1], gradients=True), *_statistics(layer)]
    found.append(_numbers(getattr(layer, "num_batches_tracked", None)))
    names = ", ".join(name for name, _ in layer.named_parameters()) or "none"
    kind = "an nn.BatchNorm2d" if isinstance(layer, nn.BatchNorm2d) else "no nn.BatchNorm2d"
    texts = (", ".join(layer.state_dict()) or "nothing", names, ", ".join(graph) or "no", _refusal(layer), kind)
    return (*found, *texts)


def _step(layer, shape, gradients):
    """y, dx, dweight, dbias; the input has a graph behind it, as in a network."""
    below = torch.from_numpy(_values(*shape)).requires_grad_()
    with torch.set_grad_enabled(gradients):
        y = layer(1.0 * below)
    if y is None:
        return None
    if not isinstance(y, torch.Tensor):
        raise TypeError(f"forward returned {kind_of(y)}, expected one tensor: y")
    wanted = [below, *(getattr(layer, name, None) for name in ("weight", "bias"))]
    dy = torch.from_numpy(np.random.default_rng(shape).normal(size=shape))
    grads = [v if v is None else _gradients((y * dy).sum(), [v], retain_graph=True)[0] for v in wanted]
    return [_numbers(y), *map(_numbers, grads)]


def _set(layer, **values):
    for name, value in values.items():
        if getattr(layer, name, None) is not None:
            with torch.no_grad():
                getattr(layer, name).copy_(torch.tensor(value))


def _statistics(layer):
    return [_numbers(getattr(layer, name, None)) for name in ("running_mean", "running_var")]


def _has_graph(layer, name):
    value = getattr(layer, name, None)
    return value is not None and value.grad_fn is not None


def _refusal(layer):
    """What one value per channel raises in training."""
    try:
        layer.train()(torch.from_numpy(_values(1, 3, 1, 1)))
    except Exception as error:
        return type(error).__name__
    return "nothing"


_LAYER_OUTPUTS = tuple(
    f"{name} {when}"
    for when in ("in step 1", "in step 2", "in step 3, under no_grad", "in evaluation")
    for name in ("y", "dx", "dweight", "dbias", "running_mean", "running_var")
) + (
    "num_batches_tracked",
    "names in the state_dict",
    "names of the parameters",
    "statistics that keep a graph",
    "raised for one value per channel",
    "kind of layer",
)

BatchNorm2d = Exercise(
    name="BatchNorm2d",
    room=__name__,
    finished=norm_torch.BatchNorm2d,
    inputs=("eps", "momentum", "affine", "track_running_stats"),
    outputs=_LAYER_OUTPUTS,
    probes=lambda: [
        Probe("a layer with eps 0.1 and momentum 0.3, 3 training steps and 1 evaluation", (0.1, 0.3)),
        Probe("a layer with the usual settings", ()),
        Probe("a layer with momentum=None", (0.1, None)),
        Probe("a layer with affine=False", (0.1, 0.3, False)),
        Probe("a layer with track_running_stats=False", (0.1, 0.3, True, False)),
    ],
    example=lambda: (0.1, 0.3, True, True),
    difference=_difference,
    observe=_use_layer,
    also=(norm_torch._forward, norm_torch._track),
    hints=(
        "Two cases: in evaluation, if there are running statistics, batch_norm_eval with them; otherwise batch_norm, "
        "followed, if the layer is training and tracks, by the update.",
        "self.training, self.track_running_stats, self.weight, self.bias, self.eps, self.momentum and the "
        "three buffers are there already: nn.BatchNorm2d.__init__ made them. Detach mean and var before storing them.",
        "The update, in this order: self.num_batches_tracked += 1; weight = 1 / self.num_batches_tracked if "
        "self.momentum is None else self.momentum; new = update_running(self.running_mean, self.running_var, "
        "mean.detach(), var.detach(), x.numel() // x.shape[1], weight); self.running_mean.copy_(new[0]); "
        "self.running_var.copy_(new[1]).",
    ),
)


# --- replace_batch_norm ----------------------------------------------------------------------------------------------

_LAYERS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


class _Scaled(nn.BatchNorm2d):
    """Somebody's subclass with another forward: not ours to replace."""

    def forward(self, x):
        return 2 * super().forward(x)


def _net(name):
    """A network of nn's layers with a history: trained values, a frozen layer, uncommon settings."""
    shared = nn.BatchNorm2d(4, eps=0.1, momentum=0.3)
    nets = {
        "a row of layers": [nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, eps=0.2), nn.ReLU()],
        "blocks inside blocks": [
            nn.Conv2d(3, 4, 3),
            nn.Sequential(
                *(nn.BatchNorm2d(4, momentum=None), nn.ReLU()),
                nn.Sequential(nn.Conv2d(4, 5, 1), nn.BatchNorm2d(5, eps=0.1, affine=False).eval()),
                *(nn.Flatten(), nn.BatchNorm1d(20, track_running_stats=False), nn.Linear(20, 2)),
            ),
        ],
        "volumes": [nn.Unflatten(2, (2, 2)), nn.BatchNorm3d(3, momentum=0.5), nn.Flatten()],
        "a subclass of BatchNorm2d": [_Scaled(3), nn.BatchNorm2d(3, eps=0.1)],
        "one layer in two places": [nn.Conv2d(3, 4, 1), shared, nn.ReLU(), nn.Conv2d(4, 4, 1), shared],
    }
    torch.manual_seed(0)
    net = nn.BatchNorm2d(3, eps=0.1) if name == "a net that is itself a BatchNorm" else nn.Sequential(*nets[name])
    random = np.random.default_rng(0)
    with torch.no_grad():
        for value in (*net.parameters(), *net.buffers()):
            if value.is_floating_point():
                value.copy_(torch.from_numpy(0.5 + random.random(tuple(value.shape))))
    return net


def _use_replace(yours, name):
    """Replace, and look at what the net does and what became of what others hold: parameters, buffers, hooks, modes."""
    usual = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        with torch.random.fork_rng(devices=[]):
            net, calls = _net(name), []
        for module in net.modules():
            if isinstance(module, _LAYERS):
                module.register_forward_hook(lambda *_: calls.append(1))
        parameters, buffers = _ids(net.parameters()), _ids(net.buffers())
        net = yours(net)
        if net is None:
            return None
        return _state_of(net, calls, parameters, buffers)
    finally:
        torch.set_default_dtype(usual)


def _ids(tensors):
    return {id(v): v for v in tensors}  # the tensors too, so that no id is used again


def _state_of(net, calls, parameters, buffers):
    layers = [(name or "net", module) for name, module in net.named_modules(remove_duplicate=False)]
    layers = [(name, module) for name, module in layers if isinstance(module, _LAYERS)]
    kinds = ", ".join(f"{name} {_whose(module)}" for name, module in layers)
    modes = ", ".join(name for name, module in layers if not module.training) or "none"
    kept = [len(set(map(id, v)) & set(held)) for v, held in ((net.parameters(), parameters), (net.buffers(), buffers))]
    x = torch.from_numpy(_values(4, 3, 4, 4)).requires_grad_()
    found = []
    for train in (True, False):
        if not train:
            net.eval()
        y = net(x)
        found += [_numbers(y), _numbers(torch.autograd.grad((y**3).sum(), x)[0])]
    statistics = np.concatenate([_numbers(b).ravel() for b in net.buffers()] or [np.zeros(0)])
    return kinds, modes, *map(np.array, kept), *found, statistics, np.array(len(calls)), ", ".join(net.state_dict())


def _whose(module):
    theirs = type(module).__module__.startswith("torch.")
    ours = type(module) in (norm_torch.BatchNorm1d, norm_torch.BatchNorm2d, norm_torch.BatchNorm3d)
    return "torch.nn" if theirs else "ours" if ours else "a subclass"


replace_batch_norm = Exercise(
    name="replace_batch_norm",
    room=__name__,
    finished=norm_torch.replace_batch_norm,
    inputs=("net",),
    outputs=(
        "whose layers",
        "layers in evaluation mode",
        "number of Parameters that are still the same objects",
        "number of buffers that are still the same objects",
        "y in training",
        "dx in training",
        "y in evaluation",
        "dx in evaluation",
        "buffers afterwards",
        "number of calls of forward hooks",
        "names in the state_dict",
    ),
    probes=lambda: [
        Probe(name, (name,))
        for name in (
            *("a row of layers", "blocks inside blocks", "a net that is itself a BatchNorm"),
            *("volumes", "a subclass of BatchNorm2d", "one layer in two places"),
        )
    ],
    example=lambda: ("a row of layers",),
    difference=_difference,
    observe=_use_replace,
    hints=(
        "net.modules() gives every layer at every depth, the net itself first. What has to become of an nn.BatchNorm2d "
        "among them?",
        "Our layer differs from nn's in nothing but `forward`, and Python finds that method through the class of the "
        "object. So the object can stay, with everything that it holds.",
        "A dict from nn's three classes to ours; for each module, if type(module) is in it, "
        "module.__class__ = that[type(module)]. At the end: return net.",
    ),
)

EXERCISES = (
    BatchNormFunction,
    BatchNorm2d,
    replace_batch_norm,
)
hint, solution, answer = desk(EXERCISES, QUESTIONS)
