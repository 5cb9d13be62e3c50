"""The same faults given to `diagnose`, torchtest2 and torch-audit: `python tests/diagnose/scorecard.py`, two minutes.

A tool notices a fault if it says something that it does not say of the healthy net. Needs torchtest2 and torch-audit
(extra `dev`); what is not installed is left out. The table is Markdown, for README.
"""

import contextlib
import copy
import io
import os
import warnings

os.environ.setdefault("OMP_NUM_THREADS", "1")

import architectures
import patients
import torch
import torch.nn.functional as F
from patients import data, made_with, norms
from torch import nn

from bnbook.diagnose import diagnose

KIND = "cnn"
FAULTS = {}


def fault(text):
    """Register a function that returns a broken net, or (net, loader, loss, eval_loader)."""

    def register(function):
        FAULTS[text] = function
        return function

    return register


def sound(steps=100):
    return copy.deepcopy(_sound(steps))


def _sound(steps, kept={}):  # noqa: B006
    if steps not in kept:
        kept[steps] = made_with(KIND, steps)
    return kept[steps]


def through(net, change, rounds=3):
    """Other data go through in training mode."""
    net.train()
    with torch.no_grad():
        for _ in range(rounds):
            for x, _ in data(KIND):
                net(change(x))
    return net.eval()


@fault("one batch with infinity in training mode")
def infinity():
    return through(sound(), lambda x: x / 0, 1)


@fault("eps subtracted from running_var: negative")
def negative():
    net = sound()
    norms(net)[0].running_var[3] = -1e-5
    return net


@fault("parameters copied, buffers not")
def no_buffers():
    net = patients.cnn(seed=5)
    net.load_state_dict({**net.state_dict(), **dict(sound().named_parameters())})
    return net.eval()


@fault("momentum=0")
def momentum_0():
    return made_with(KIND, momentum=0.0)


@fault("momentum=0.001")
def momentum_small():
    return made_with(KIND, momentum=0.001)


@fault("momentum=0.99, as in Keras")
def momentum_large():
    return made_with(KIND, momentum=0.99)


@fault("mean and variance exchanged by a converter")
def exchanged():
    net = sound()
    for norm in norms(net):
        norm.running_mean, norm.running_var = norm.running_var.clone(), norm.running_mean.clone()
    return net


@fault("darker images went through without eval()")
def darker():
    return through(sound(), lambda x: 0.3 * x)


@fault("track_running_stats=False")
def by_batch():
    return made_with(KIND, 40, track_running_stats=False), data(KIND, batch=16), None, None


@fault("track_running_stats switched off later")
def switched():
    net = sound()
    for norm in norms(net):
        norm.track_running_stats = False
    return net


@fault("one layer left in training mode")
def left():
    net = sound()
    norms(net)[1].train()
    return net


@fault("frozen gamma and beta, statistics move")
def frozen():
    net = through(sound(), lambda x: 0.3 * x).train()
    for norm in norms(net):
        norm.requires_grad_(False)
    return net


@fault("batches sorted by class")
def sorted_batches():
    x, y, *_ = patients.digits(True)
    order = y.argsort(stable=True)
    batches = list(zip(x[order].split(64), y[order].split(64), strict=True))
    return patients.train(patients.cnn(), True, batches=patients.endless(batches)), batches, None, None


@fault("evaluation images not divided by 255")
def unscaled():
    *_, x, y = patients.digits(True)
    return sound(), None, None, list(zip((255 * x).split(64), y.split(64), strict=True))


@fault("activation checkpointing: statistics move twice")
def checkpointing():
    layers = list(patients.cnn())
    return patients.train(architectures.Checkpointed(nn.Sequential(*layers[:-1]), layers[-1]), True)


@fault("one layer at two places")
def shared():
    return patients.train(architectures.Twice(True), True)


@fault("a regression that ends in BatchNorm")
def pinned():
    batches = [(x, x.flatten(1)[:, 20:22]) for x, _ in data(KIND)]
    net = nn.Sequential(*list(patients.cnn())[:-1], nn.Linear(48, 2, bias=False), nn.BatchNorm1d(2))
    return patients.train(net, True, batches=patients.endless(batches), loss=F.mse_loss), batches, F.mse_loss, None


@fault("home-made: no gradient through the statistics")
def detached():
    return patients.train(patients.cnn(lambda width: architectures.HomeMade(width, "detached")), True, lr=0.01)


@fault("home-made: statistics keep the graph")
def graph():
    net = patients.train(patients.cnn(lambda width: architectures.HomeMade(width, "graph")), True)
    for module in net.modules():
        for name, buffer in module._buffers.items():
            module._buffers[name] = buffer.detach()
    return net


@fault("F.batch_norm(..., training=True) everywhere")
def always():
    return patients.train(architectures.Functional(KIND, training=True), True)


def ours(net, loader, loss, eval_loader):
    report = diagnose(net, loader, loss=loss, eval_loader=eval_loader)
    return set(report.names)


def torchtest2(net, loader, loss, eval_loader):
    import torchtest2

    x, y = next(iter(loader))
    optimizer = torch.optim.SGD([p for p in net.parameters() if p.requires_grad], 0.1)
    report = torchtest2.check_model(net, x, y, loss_fn=loss, optimizer=optimizer)
    return {result.name for result in (*report.failures, *report.warnings)}


def torch_audit(net, loader, loss, eval_loader):
    """It audits a training loop: in the mode the net is in, and in training mode."""
    return _audit(copy.deepcopy(net), loader, loss) | _audit(net.train(), loader, loss)


def _audit(net, loader, loss):
    from torch_audit import Auditor

    optimizer = torch.optim.SGD([p for p in net.parameters() if p.requires_grad], 0.1)
    with Auditor(net, optimizer=optimizer, every_n_steps=1, reporters=[]) as auditor:
        auditor.audit_static()
        auditor.audit_init()
        for _, (x, y) in zip(range(3), loader, strict=False):
            optimizer.zero_grad()
            auditor.audit_data(x)
            value = loss(auditor.forward(x), y)
            auditor.backward(value)
            auditor.optimizer_step()
    return {finding.rule_id for finding in auditor.findings}


TOOLS = {"bnbook.diagnose": ours, "torchtest2": torchtest2, "torch-audit": torch_audit}


def said(tool, net, loader=None, loss=None, eval_loader=None):
    """What a tool finds in a copy of a net, as a set of names; a tool that crashes has said so."""
    loader = loader or data(KIND)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            return TOOLS[tool](copy.deepcopy(net), loader, loss or F.cross_entropy, eval_loader)
    except ImportError:
        return None
    except Exception as error:  # another's tool may fail on a broken net in any way
        return {f"raises {type(error).__name__}"}


def rows():
    """[(fault, {tool: names said of this net and not of the healthy one})]; the healthy net first, with all names."""
    healthy = {tool: said(tool, sound()) for tool in TOOLS}
    healthy = {tool: names for tool, names in healthy.items() if names is not None}
    table = [("nothing: the healthy net", healthy)]
    for text, make in FAULTS.items():
        broken = make()
        arguments = broken if isinstance(broken, tuple) else (broken, None, None, None)
        table.append((text, {tool: said(tool, *arguments) - healthy[tool] for tool in healthy}))
    return table


def main():
    """Print the table."""
    torch.set_num_threads(1)
    table = rows()
    tools = list(table[0][1])
    print("| fault |", " | ".join(tools), "|\n|---|" + "---|" * len(tools))
    for text, names in table:
        print(f"| {text} |", " | ".join(", ".join(f"`{n}`" for n in sorted(names[tool])) or "-" for tool in tools), "|")
    counts = [sum(bool(names[tool]) for _, names in table[1:]) for tool in tools]
    print(f"| **noticed, of {len(table) - 1}** |", " | ".join(f"**{count}**" for count in counts), "|")
    print("| **findings on the healthy net** |", " | ".join(f"**{len(table[0][1][tool])}**" for tool in tools), "|")


if __name__ == "__main__":
    main()
