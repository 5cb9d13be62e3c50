"""`diagnose` leaves everything as it was, byte for byte, also when the model raises or the user stops it."""

import copy
import random

import numpy as np
import patients
import pytest
import torch
import torch.nn.functional as F
from architectures import Checkpointed, Functional, HomeMade
from patients import data
from torch import nn

from bnbook.diagnose import diagnose


def state(model):
    """Everything a model holds, with the identity of what could be exchanged."""
    seen = {}
    for name, module in model.named_modules():
        seen[name, "mode"] = module.training
        seen[name, "keys"] = tuple(module.__dict__)
        for key, value in module.__dict__.items():
            if isinstance(value, dict):
                seen[name, key] = [(k, id(v)) for k, v in value.items()]
            elif not isinstance(value, torch.Tensor):
                seen[name, key] = repr(value)
        for key, tensor in [*module._parameters.items(), *module._buffers.items(), *module.__dict__.items()]:
            if isinstance(tensor, torch.Tensor):
                seen[name, key, "tensor"] = of_tensor(tensor)
    return seen


def of_tensor(tensor):
    grad = None if tensor.grad is None else (id(tensor.grad), tensor.grad.clone().numpy().tobytes())
    content = tensor.detach().clone().contiguous().view(-1).view(torch.uint8).numpy().tobytes()
    return (
        id(tensor),
        tensor.data_ptr(),
        tensor.dtype,
        tensor.shape,
        tensor.stride(),
        tensor.requires_grad,
        grad,
        content,
    )


def randomness():
    return torch.get_rng_state().numpy().tobytes(), random.getstate(), np.random.get_state()[1].tobytes()


class Breaks(nn.Module):
    """Raises on the k-th forward pass of its life, after it has changed all it can."""

    def __init__(self, k, error):
        super().__init__()
        self.k, self.error, self.log = k, error, [0]
        self.register_buffer("seen", torch.zeros(3))

    def forward(self, x):
        self.log[0] += 1
        self.seen += torch.rand(3) + random.random() + np.random.rand()
        self.extra = x.mean()
        if self.log[0] == self.k:
            raise self.error
        return x


def nets():
    spectral = patients.mlp()
    spectral[3] = nn.utils.parametrizations.spectral_norm(nn.Linear(64, 64))
    mixed = patients.cnn()
    mixed[1].eval()
    mixed[0].weight.requires_grad_(False)
    mixed[4].half().float()
    return {
        "mlp": patients.mlp(),
        "cnn": patients.train(patients.cnn(), True, 5).train(),
        "mixed": mixed,
        "spectral": spectral,
        "checkpointed": Checkpointed(nn.Sequential(*list(patients.mlp())[:-1]), nn.Linear(64, 10), reentrant=True),
        "functional": Functional("mlp"),
        "home-made": patients.mlp(lambda width: HomeMade(width, "plain")),
        "dropout": nn.Sequential(*list(patients.mlp()), nn.Dropout(0.5)),
        "synchronized": nn.SyncBatchNorm.convert_sync_batchnorm(patients.mlp()),
    }


@pytest.mark.parametrize("name", nets())
def test_nothing_has_changed(name):
    net = nets()[name]
    kind = "cnn" if name in ("cnn", "mixed") else "mlp"
    loader = data(kind)
    for i, parameter in enumerate(net.parameters()):
        if i % 2 and parameter.requires_grad:
            parameter.grad = torch.full_like(parameter, i)
    net.register_forward_hook(lambda *_: None)
    optimizer = torch.optim.SGD([p for p in net.parameters() if p.requires_grad], 0.1, momentum=0.9)
    before, chance, order = state(net), randomness(), loader.generator.get_state()
    diagnose(net, loader, eval_loader=data(kind, shuffle=False), loss=F.cross_entropy, optimizer=optimizer)
    assert state(net) == before
    assert randomness() == chance
    assert torch.equal(loader.generator.get_state(), order)
    assert not optimizer.state


@pytest.mark.parametrize("error", (RuntimeError("mine"), KeyboardInterrupt(), ValueError("mine too")))
@pytest.mark.parametrize("k", (1, 12, 20))
def test_nothing_has_changed_after_an_exception_in_the_middle(error, k):
    net = nn.Sequential(*list(patients.mlp())[:4], Breaks(k, error), *list(patients.mlp())[4:]).eval()
    net[0].weight.grad = torch.ones_like(net[0].weight)
    before, chance = state(net), randomness()
    with pytest.raises(type(error)):
        diagnose(net, data("mlp"), loss=F.cross_entropy)
    assert state(net) == before
    assert randomness() == chance


def test_a_hook_that_steps_an_optimizer_is_kept_and_not_called():
    net, steps = patients.mlp(), []
    for parameter in net.parameters():
        parameter.register_post_accumulate_grad_hook(lambda p: steps.append(p))
    diagnose(net, data("mlp"), loss=F.cross_entropy)
    assert not steps
    F.cross_entropy(net(next(iter(data("mlp")))[0]), torch.zeros(64, dtype=torch.long)).backward()
    assert len(steps) == len(list(net.parameters()))


def test_a_graph_that_waits_for_its_backward_stays_valid():
    net = patients.mlp().train()
    x, y = next(iter(data("mlp")))
    loss = F.cross_entropy(net.eval()(x), y)
    twin = copy.deepcopy(net)
    diagnose(net, data("mlp"), loss=F.cross_entropy)
    loss.backward()
    F.cross_entropy(twin(x), y).backward()
    assert all(torch.equal(p.grad, q.grad) for p, q in zip(net.parameters(), twin.parameters(), strict=True))


def test_lazy_layers_stay_lazy_and_do_not_crash():
    net = nn.Sequential(nn.LazyLinear(8), nn.LazyBatchNorm1d(), nn.ReLU(), nn.LazyLinear(10))
    assert diagnose(net).ok and diagnose(net, data("mlp")).ok
    assert isinstance(net[0], nn.LazyLinear) and isinstance(net[1], nn.LazyBatchNorm1d)


def test_a_loader_is_read_no_further_than_asked():
    read = []

    def batches():
        for batch in data("mlp"):
            read.append(batch)
            yield batch

    assert diagnose(patients.mlp(), batches(), batches=3).batches == 3
    assert len(read) == 3


def test_a_diagnosis_costs_less_than_three_forward_and_backward_passes_a_batch():
    class Counting(nn.Module):
        forwards = 0

        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, x):
            Counting.forwards += 1
            return self.inner(x)

    # The dearest case: without statistics, so that companions are exchanged as well.
    net = Counting(patients.mlp(lambda width: nn.BatchNorm1d(width, track_running_stats=False)))
    diagnose(net, data("mlp"), loss=F.cross_entropy, batches=8)
    assert Counting.forwards + 2 < 8 * 9  # one backward pass is counted as two forward passes
