"""Healthy nets of many kinds: each a function that trains it until it works and returns what `diagnose` is given."""

import patients
import torch
import torch.nn.functional as F
from patients import cnn, data, endless, mlp, train
from torch import nn


def conv(i, o, k=3, groups=1):
    return nn.Conv2d(i, o, k, padding=k // 2, groups=groups, bias=False)


class Sum(nn.Module):
    """x + f(x), with stochastic depth if asked for."""

    def __init__(self, *layers, after=None, drop=0.0):
        super().__init__()
        self.branch, self.after, self.drop = nn.Sequential(*layers), after or nn.Identity(), drop

    def forward(self, x):
        if self.training and self.drop and torch.rand(()) < self.drop:
            return self.after(x)
        return self.after(x + self.branch(x))


class Dense(nn.Module):
    """Concatenate what a branch makes of x."""

    def __init__(self, *layers):
        super().__init__()
        self.branch = nn.Sequential(*layers)

    def forward(self, x):
        return torch.cat([x, self.branch(x)], 1)


def classifier(*body, width=12):
    torch.manual_seed(0)
    return nn.Sequential(conv(1, width), *body, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.LazyLinear(10))


def images(net, steps=100, **keywords):
    """Train a classifier of digits; it must work."""
    net(patients.digits(True)[0][:8])
    for norm in patients.norms(net):
        norm.reset_running_stats()
    net = train(net, True, steps, **keywords)
    assert patients.accuracy(net, True) > 0.9, patients.accuracy(net, True)
    return net, data("cnn"), F.cross_entropy


def vectors(net, steps=150, **keywords):
    net = train(net, False, steps, **keywords)
    assert patients.accuracy(net) > 0.9, patients.accuracy(net)
    return net, data("mlp"), F.cross_entropy


def resnet(drop=0.0):
    def block(w):
        last = nn.BatchNorm2d(w)
        nn.init.zeros_(last.weight)
        return Sum(conv(w, w), nn.BatchNorm2d(w), nn.ReLU(), conv(w, w), last, after=nn.ReLU(), drop=drop)

    return images(classifier(nn.BatchNorm2d(12), nn.ReLU(), block(12), nn.MaxPool2d(2), block(12)))


def stochastic_depth():
    return resnet(drop=0.3)


def preactivation():
    def block(w):
        return Sum(nn.BatchNorm2d(w), nn.ReLU(), conv(w, w), nn.BatchNorm2d(w), nn.ReLU(), conv(w, w))

    return images(classifier(block(12), nn.MaxPool2d(2), block(12), nn.BatchNorm2d(12), nn.ReLU()))


def densenet():
    def grow(w):
        return Dense(nn.BatchNorm2d(w), nn.ReLU(), conv(w, 6))

    return images(
        classifier(grow(12), grow(18), nn.BatchNorm2d(24), nn.ReLU(), conv(24, 12, 1), nn.AvgPool2d(2), grow(12))
    )


def mobilenet():
    def block(w, e):
        layers = (conv(w, e, 1), nn.BatchNorm2d(e), nn.ReLU6(), conv(e, e, groups=e), nn.BatchNorm2d(e), nn.ReLU6())
        return Sum(*layers, conv(e, w, 1), nn.BatchNorm2d(w))

    return images(classifier(nn.BatchNorm2d(12), nn.ReLU6(), block(12, 24), nn.MaxPool2d(2), block(12, 24)))


class UNet(nn.Module):
    """Down, up, and across: reconstructs clean digits from noisy ones."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        part = lambda i, o: nn.Sequential(conv(i, o), nn.BatchNorm2d(o), nn.ReLU())  # noqa: E731
        self.down, self.deep, self.up, self.head = part(1, 8), part(8, 16), part(24, 8), nn.Conv2d(8, 1, 1)

    def forward(self, x):
        a = self.down(x)
        b = F.interpolate(self.deep(F.max_pool2d(a, 2)), scale_factor=2)
        return self.head(self.up(torch.cat([a, b], 1)))


def unet():
    generator = torch.Generator().manual_seed(0)
    batches = [(x + 0.3 * torch.randn(x.shape, generator=generator), x) for x, _ in data("cnn", drop_last=True)]
    net = train(UNet(), batches=endless(batches), steps=150, lr=0.05, loss=F.mse_loss)
    assert F.mse_loss(net(batches[0][0]), batches[0][1]).item() < 0.03  # the variance of a pixel is 0.14
    return net, batches, F.mse_loss


class PointNet(nn.Module):
    """BatchNorm1d on (N, C, L), then the maximum over points: rows of a digit are its points."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        part = lambda i, o: nn.Sequential(nn.Conv1d(i, o, 1, bias=False), nn.BatchNorm1d(o), nn.ReLU())  # noqa: E731
        self.points, self.head = nn.Sequential(part(9, 32), part(32, 64)), nn.Sequential(nn.Linear(64, 32, bias=False))
        self.out = nn.Sequential(nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 10))

    def forward(self, x):
        rows = x.reshape(-1, 8, 8).transpose(1, 2)
        where = torch.linspace(-1, 1, 8).expand(len(x), 1, 8)
        return self.out(self.head(self.points(torch.cat([rows, where], 1)).amax(2)))


def pointnet():
    return vectors(PointNet(), steps=200)


def plain_mlp():
    return vectors(mlp(seed=1))


def dropout():
    layers = list(mlp(seed=2))
    return vectors(nn.Sequential(*layers[:3], nn.Dropout(0.3), *layers[3:6], nn.Dropout(0.3), layers[6]), steps=250)


def spatial_dropout():
    layers = list(cnn())
    return images(nn.Sequential(*layers[:4], nn.Dropout2d(0.2), *layers[4:]), steps=150)


def gan_generator():
    """Trained against a discriminator with spectral norm; it works where its mean image is that of the digits."""
    generator, _ = gan()
    noise = [torch.randn(64, 16, generator=torch.Generator().manual_seed(i)) for i in range(10)]
    return generator, noise, None


def gan_discriminator():
    _, discriminator = gan()
    return discriminator, [x for x, _ in data("mlp")], None


_GAN = []


def gan(steps=250):
    if _GAN:
        return _GAN[0]
    torch.manual_seed(0)
    make = nn.Sequential(
        *(nn.Linear(16, 64, bias=False), nn.BatchNorm1d(64), nn.ReLU()),
        *(nn.Linear(64, 64, bias=False), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 64), nn.Sigmoid()),
    )
    spectral = lambda i, o: nn.utils.parametrizations.spectral_norm(nn.Linear(i, o))  # noqa: E731
    judge = nn.Sequential(spectral(64, 64), nn.LeakyReLU(0.2), spectral(64, 64), nn.LeakyReLU(0.2), spectral(64, 1))
    first, second = (torch.optim.Adam(net.parameters(), 2e-3, betas=(0.5, 0.9)) for net in (make, judge))
    for _, (x, _) in zip(range(steps), endless(data("mlp", drop_last=True)), strict=False):
        fake = make(torch.randn(len(x), 16))
        second.zero_grad()
        (F.relu(1 - judge(x)).mean() + F.relu(1 + judge(fake.detach())).mean()).backward()
        second.step()
        first.zero_grad()
        (-judge(fake).mean()).backward()
        first.step()
    x = patients.digits()[0]
    with torch.no_grad():
        error = (make.eval()(torch.randn(500, 16)).mean(0) - x.mean(0)).square().mean()
    assert error < 0.5 * (x.mean(0) - x.mean()).square().mean()
    _GAN.append((make, judge.eval()))
    return _GAN[0]


class Siamese(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(*list(mlp())[:-1], nn.Linear(64, 8))

    def forward(self, a, b):
        return (self.body(a) - self.body(b)).square().sum(1)


def siamese():
    """Pairs of digits: near if alike, far if not. Batches are dicts."""
    x, y, *_ = patients.digits()
    generator = torch.Generator().manual_seed(0)
    batches = []
    for _ in range(20):
        i, j = torch.randint(len(x), (2, 128), generator=generator)
        batches.append(({"a": x[i], "b": x[j]}, (y[i] == y[j]).float()))
    net = Siamese().train()
    loss = lambda d, same: (same * d + 4 * (1 - same) * F.relu(1 - d)).mean()  # noqa: E731
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)
    for _, (pair, same) in zip(range(150), endless(batches), strict=False):
        optimizer.zero_grad()
        loss(net(**pair), same).backward()
        optimizer.step()
    distance = net.eval()(**batches[0][0])
    assert distance[batches[0][1] == 1].mean() < 0.5 * distance[batches[0][1] == 0].mean()
    return net, batches, loss


class SimSiam(nn.Module):
    """Two views, a projector that ends in BatchNorm, a predictor."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(*list(mlp())[:-1], nn.Linear(64, 32, bias=False), nn.BatchNorm1d(32))
        self.predictor = nn.Sequential(nn.Linear(32, 16, bias=False), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 32))

    def forward(self, a, b):
        a, b = self.body(a), self.body(b)
        return self.predictor(a), self.predictor(b), a, b


def simsiam():
    generator = torch.Generator().manual_seed(0)
    noisy = lambda x: x + 0.2 * torch.randn(x.shape, generator=generator)  # noqa: E731
    batches = [((noisy(x), noisy(x)), 0) for x, _ in data("mlp", batch=128, drop_last=True)]

    def loss(output, _):
        p, q, a, b = output
        return -(F.cosine_similarity(p, b.detach()) + F.cosine_similarity(q, a.detach())).mean() / 2

    net = train(SimSiam(), batches=((pair, y) for pair, y in ()), steps=0)
    optimizer = torch.optim.SGD(net.train().parameters(), 0.05, momentum=0.9)
    for _, (pair, y) in zip(range(150), endless(batches), strict=False):
        optimizer.zero_grad()
        value = loss(net(*pair), y)
        value.backward()
        optimizer.step()
    assert value < -0.7
    return net.eval(), batches, loss


def projector():
    """The projector alone, whose output is BatchNorm's."""
    net, batches, _ = simsiam()
    return net.body, [pair[0] for pair, _ in batches], None


def frozen_backbone():
    """Trained on digits, its head trained anew on inverted ones; the backbone stays as it was."""
    net = train(mlp(seed=3))
    for module in list(net)[:-1]:
        module.requires_grad_(False)
    net[-1] = nn.Linear(64, 10)
    batches = [(1 - x, y) for x, y in data("mlp", drop_last=True)]
    optimizer = torch.optim.Adam(net[-1].parameters(), 1e-2)
    for _, (x, y) in zip(range(200), endless(batches), strict=False):
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()
    assert (net(batches[0][0]).argmax(1) == batches[0][1]).float().mean() > 0.8
    return net, batches, F.cross_entropy


def raw_digits():
    torch.manual_seed(0)
    body = (nn.Linear(64, 32, bias=False), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 10))
    return vectors(nn.Sequential(nn.BatchNorm1d(64), *body))


def no_affine():
    return vectors(mlp(lambda width: nn.BatchNorm1d(width, affine=False)))


def large_eps():
    return vectors(mlp(lambda width: nn.BatchNorm1d(width, eps=0.1)))


def half_and_back():
    net, loader, loss = plain_mlp()
    return net.half().float(), loader, loss


def group_norms():
    return images(cnn(lambda width: nn.GroupNorm(4, width)))


def layer_norms():
    return vectors(mlp(nn.LayerNorm))


def fresh():
    return cnn(), data("cnn"), F.cross_entropy


def no_norms():
    return vectors(mlp(lambda width: nn.Identity()))


def weight_norm():
    layers = list(mlp())
    layers[3] = nn.utils.parametrizations.weight_norm(nn.Linear(64, 64, bias=False))
    return vectors(nn.Sequential(*layers))


HEALTHY = (
    *(
        resnet,
        stochastic_depth,
        preactivation,
        densenet,
        mobilenet,
        unet,
        pointnet,
        plain_mlp,
        dropout,
        spatial_dropout,
    ),
    *(gan_generator, gan_discriminator, siamese, simsiam, projector, frozen_backbone, raw_digits, no_affine, large_eps),
    *(half_and_back, group_norms, layer_norms, fresh, no_norms, weight_norm),
)
