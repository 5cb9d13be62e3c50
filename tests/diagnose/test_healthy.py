"""Silence where nothing is wrong: the zoo, and many random nets. An alarm is an error or a warning."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from zoo import HEALTHY

from bnbook.diagnose import diagnose


@pytest.mark.parametrize("make", HEALTHY, ids=lambda make: make.__name__)
def test_a_healthy_net_raises_no_alarm(make):
    net, loader, loss = make()
    for mode in (False, True):
        report = diagnose(net.train(mode) if make.__name__ != "frozen_backbone" else net, loader, loss=loss)
        assert report.ok, str(report)
    assert diagnose(net).ok


def random_net(seed):
    """A random MLP or CNN, trained on random blobs at a random rate that falls to 0: (net, batches, works).

    It works if on fresh batches it is right 1.5 times as often as chance.
    """
    g = torch.Generator().manual_seed(seed)
    pick = lambda *options: options[int(torch.randint(len(options), (), generator=g))]  # noqa: E731
    torch.manual_seed(seed)
    images, width, depth, batch = pick(False, True), pick(8, 16, 32), pick(1, 2, 3), pick(16, 32, 64)
    classes, act = pick(2, 5, 10), pick(nn.ReLU, nn.Tanh, nn.LeakyReLU)
    shape = (2, 5, 5) if images else (12,)
    centres = torch.randn(classes, *shape, generator=g) * pick(0.5, 1.0, 2.0) + pick(0.0, 3.0)
    y = torch.randint(classes, (60 * batch,), generator=g)
    x = centres[y] + torch.randn(len(y), *shape, generator=g)
    if images:  # pixels of one image are alike
        x = F.avg_pool2d(x, 3, stride=1, padding=1) + 0.5 * torch.randn(len(y), 2, 1, 1, generator=g)
    layers, size = [], shape[0]
    for _ in range(depth):
        source = nn.Conv2d(size, width, 3, padding=1, bias=False) if images else nn.Linear(size, width, bias=False)
        layers += [source, (nn.BatchNorm2d if images else nn.BatchNorm1d)(width, momentum=pick(0.1, 0.1, 0.2)), act()]
        size = width
    net = nn.Sequential(*layers, nn.Flatten(), nn.Linear(width * (25 if images else 1), classes))
    optimizer = pick(
        torch.optim.SGD(net.parameters(), pick(0.01, 0.05), momentum=0.9),
        torch.optim.Adam(net.parameters(), pick(1e-3, 5e-3)),
    )
    batches = list(zip(x.split(batch), y.split(batch), strict=True))
    steps = pick(60, 100, 150)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, steps)
    for i in range(steps):
        xb, yb = batches[i % 50]
        optimizer.zero_grad()
        F.cross_entropy(net(xb), yb).backward()
        optimizer.step()
        schedule.step()
    right = sum(int((net.eval()(xb).argmax(1) == yb).sum()) for xb, yb in batches[50:])
    return net, batches[50:], right > 1.5 / classes * 10 * batch


def alarms(seeds):
    """{seed: names} of the random nets that raise an alarm although they work."""
    found = {}
    for seed in seeds:
        net, batches, works = random_net(seed)
        if works and (names := diagnose(net, batches, loss=F.cross_entropy).names):
            found[seed] = names
    return found


def test_thirty_random_healthy_nets_raise_no_alarm():
    assert alarms(range(30)) == {}


@pytest.mark.full
def test_of_a_thousand_random_healthy_nets_at_most_one_raises_an_alarm():
    assert len(found := alarms(range(1000, 2050))) <= 1, found
