import copy

import numpy as np
import pytest
import torch
from torch import nn

from bnbook import nets, norm_numpy
from bnbook.chapters.n10_batch_size.functions import batch_renorm

torch.set_num_threads(1)


@pytest.mark.parametrize("norm", ["none", "batch"])
def test_cnn_equals_the_same_net_built_by_hand_from_pytorchs_layers(norm):
    net = nets.cnn(norm, width=3, seed=4)
    norms = [nn.BatchNorm2d(c) if norm == "batch" else nn.Identity() for c in (3, 6, 6)]
    convs = [nn.Conv2d(*c, 3, padding=1, bias=norm == "none") for c in ((1, 3), (3, 6), (6, 6))]
    hand = nn.Sequential(
        *(convs[0], norms[0], nn.ReLU(), nn.MaxPool2d(2)),
        *(convs[1], norms[1], nn.ReLU(), nn.MaxPool2d(2)),
        *(convs[2], norms[2], nn.ReLU()),
        *(nn.Flatten(), nn.Linear(24, 10)),
    ).double()
    # Without a name to go by, only the order of parameters and buffers can match them up.
    hand.load_state_dict(dict(zip(hand.state_dict(), net.state_dict().values(), strict=True)))
    x = torch.randn(5, 1, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert net(x).shape == (5, 10)
    torch.testing.assert_close(net(x), hand(x), rtol=1e-12, atol=1e-12)


def test_arms_with_the_same_seed_have_the_same_weights():
    for init in nets.INITS:
        plain, batch = (dict(nets.cnn(norm, init=init, seed=7).named_parameters()) for norm in ("none", "batch"))
        shared = [name for name in plain if name in batch]
        assert shared == ["conv1.weight", "conv2.weight", "conv3.weight", "linear.weight", "linear.bias"]
        assert all(torch.equal(plain[name], batch[name]) for name in shared)


def test_the_seed_decides_the_weights():
    first, again, other = (nets.cnn(seed=seed).conv1.weight for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_building_a_net_leaves_pytorchs_random_stream_alone():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    nets.cnn()
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("width", [1, 8, 12])
def test_the_number_of_parameters_is_what_the_shapes_say(width):
    conv_weights = 9 * (1 * width + width * 2 * width + 2 * width * 2 * width)
    linear = 10 * (2 * width * 4) + 10
    channels = width + 2 * width + 2 * width
    assert _parameters(nets.cnn("none", width)) == conv_weights + channels + linear
    assert _parameters(nets.cnn("batch", width)) == conv_weights + 2 * channels + linear


def test_he_weights_have_variance_two_over_fan_in_and_one_over_in_the_linear_layer():
    net = nets.cnn(width=40)
    for layer, variance in ((net.conv2, 2 / (40 * 9)), (net.conv3, 2 / (80 * 9)), (net.linear, 1 / (80 * 4))):
        weight = layer.weight.detach().numpy()
        # The sample variance of n normal numbers has relative standard deviation sqrt(2 / n).
        assert abs(weight.var() / variance - 1) < 4 * np.sqrt(2 / weight.size)
        assert abs(weight.mean()) < 4 * np.sqrt(variance / weight.size)


def test_torch_init_is_uniform_up_to_one_over_the_root_of_fan_in():
    weight = nets.cnn(width=40, init="torch").conv3.weight.detach().numpy()
    bound = 1 / np.sqrt(80 * 9)
    assert bound * 0.999 < np.abs(weight).max() <= bound
    assert abs(weight.var() / (bound**2 / 3) - 1) < 0.02


def test_biases_start_at_zero_and_normalizations_as_pytorchs_do():
    net = nets.cnn("batch")
    assert not net.linear.bias.any()
    assert net.conv1.bias is None
    assert isinstance(net.norm1, nn.BatchNorm2d)
    assert torch.equal(net.norm1.weight, torch.ones(8, dtype=torch.float64))
    assert not any(nets.cnn("none").get_submodule(f"conv{i}").bias.any() for i in (1, 2, 3))


def test_everything_is_float64():
    assert all(p.dtype == torch.float64 for p in nets.cnn().parameters())
    assert nets.cnn().norm1.running_var.dtype == torch.float64


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"norm": "bach"}, "norm is 'bach'; it must be one of 'none', 'batch'"),
        ({"init": "xavier"}, "init is 'xavier'; it must be one of 'he', 'torch'"),
        ({"width": 0}, "width is 0"),
    ],
)
def test_a_wrong_argument_is_refused_with_the_choices(wrong, message):
    with pytest.raises(ValueError, match=message):
        nets.cnn(**wrong)


@pytest.mark.parametrize("norm", ["none", "batch"])
@pytest.mark.parametrize(
    "activation, function", [("relu", torch.relu), ("tanh", torch.tanh), ("sigmoid", torch.sigmoid)]
)
def test_mlp_equals_the_same_net_written_out(norm, activation, function):
    net = nets.mlp(norm, width=7, init=1.3, seed=2, depth=3, activation=activation)
    weights = [p for name, p in net.named_parameters() if name.startswith("linear") and name.endswith("weight")]
    x = torch.randn(5, 1, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    h = x.flatten(1)
    for weight in weights[:-1]:
        z = h @ weight.T
        if norm == "batch":
            z = nn.functional.batch_norm(z, None, None, training=True)
        h = function(z)
    assert len(weights) == 4 and weights[1].shape == (7, 7)
    torch.testing.assert_close(net(x), h @ weights[-1].T, rtol=1e-10, atol=1e-12)


def test_mlp_weights_are_as_wide_as_asked():
    for init, variance in ((3.0, 9 / 100), ("he", 2 / 100), ("torch", 1 / 300)):
        net = nets.mlp(width=100, init=init)
        weight = net.linear3.weight.detach().numpy()
        assert abs(weight.var() / variance - 1) < 4 * np.sqrt(2 / weight.size)
        last = 1 / 300 if init == "torch" else 1 / 100
        assert abs(net.linear.weight.var().item() / last - 1) < 4 * np.sqrt(2 / 1000)
    plain, batch = (dict(nets.mlp(norm, seed=5).named_parameters()) for norm in ("none", "batch"))
    assert all(torch.equal(plain[name], batch[name]) for name in plain if "linear" in name and name in batch)


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"norm": "bach"}, "norm is 'bach'"),
        ({"init": "xavier"}, "init is 'xavier'; it must be one of 'he', 'torch'"),
        ({"activation": "gelu"}, "activation is 'gelu'; it must be one of 'relu', 'tanh', 'sigmoid'"),
        ({"depth": 0}, "width is 64 and depth 0; both must be 1 or more"),
    ],
)
def test_a_wrong_argument_of_mlp_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        nets.mlp(**wrong)


def _parameters(net):
    return sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize("norm", ["none", "batch"])
def test_mlp_equals_the_same_net_built_by_hand_from_pytorchs_layers(norm):
    net = nets.mlp(norm, width=5, depth=2, seed=4)
    norms = [nn.BatchNorm1d(5) if norm == "batch" else nn.Identity() for _ in range(2)]
    linears = [nn.Linear(n, 5, bias=norm == "none") for n in (64, 5)]
    hidden = [linears[0], norms[0], nn.ReLU(), linears[1], norms[1], nn.ReLU()]
    hand = nn.Sequential(nn.Flatten(), *hidden, nn.Linear(5, 10)).double()
    hand.load_state_dict(dict(zip(hand.state_dict(), net.state_dict().values(), strict=True)))
    x = torch.randn(5, 1, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(net(x), hand(x), rtol=1e-12, atol=1e-12)


def test_mlp_weights_have_variance_two_over_fan_in_and_one_over_in_the_last_layer():
    net = nets.mlp(width=100)
    for layer, variance in ((net.linear1, 2 / 64), (net.linear3, 2 / 100), (net.linear, 1 / 100)):
        weight = layer.weight.detach().numpy()
        assert abs(weight.var() / variance - 1) < 4 * np.sqrt(2 / weight.size)
    plain, batch = nets.mlp("none", seed=7), nets.mlp("batch", seed=7)
    assert torch.equal(plain.linear2.weight, batch.linear2.weight) and torch.equal(plain.linear.bias, batch.linear.bias)
    with pytest.raises(ValueError, match="width is 3 and depth 0"):
        nets.mlp(width=3, depth=0)


@pytest.mark.parametrize("build", [nets.cnn, nets.mlp])
@pytest.mark.parametrize("norm", ["none", "batch"])
@pytest.mark.parametrize("shape, classes", [((1, 28, 28), 10), ((3, 32, 32), 10), ((3, 4, 7), 2), ((2, 5, 6), 3)])
def test_a_net_fits_images_of_any_size_and_any_number_of_classes(build, norm, shape, classes):
    net = build(norm, width=3, shape=shape, classes=classes)
    assert net(torch.ones(2, *shape, dtype=torch.float64)).shape == (2, classes)
    assert net.linear.bias.shape == (classes,)


def test_a_net_without_shape_and_classes_is_the_one_for_digits_to_the_last_bit():
    shapes = {
        nets.cnn: [(8, 1, 3, 3), (16, 8, 3, 3), (16, 16, 3, 3), (10, 64)],
        nets.mlp: [(64, 64), (64, 64), (64, 64), (10, 64)],
    }
    for build, expected in shapes.items():
        generator = torch.Generator().manual_seed(3)
        weights = [p for name, p in build("none", seed=3).named_parameters() if name.endswith("weight")]
        for i, (weight, shape) in enumerate(zip(weights, expected, strict=True)):
            sd = ((1 if i == 3 else 2) / np.prod(shape[1:])) ** 0.5
            drawn = torch.empty(shape, dtype=torch.float64).normal_(0, sd, generator=generator)
            assert torch.equal(weight, drawn)


@pytest.mark.parametrize(
    "build, wrong, message",
    [
        (nets.cnn, {"shape": (1, 3, 8)}, r"shape is \(1, 3, 8\); it must be \(C, H, W\), with 4 x 4 pixels or more"),
        (nets.cnn, {"shape": (8, 8)}, r"shape is \(8, 8\); it must be \(C, H, W\)"),
        (nets.cnn, {"shape": (0, 8, 8)}, r"shape is \(0, 8, 8\)"),
        (nets.mlp, {"shape": (1, 0, 8)}, r"shape is \(1, 0, 8\); it must be \(C, H, W\), with 1 x 1 pixels or more"),
        (nets.mlp, {"classes": 1}, "classes is 1; a net that classifies needs 2 or more"),
    ],
)
def test_images_and_classes_that_no_net_fits_are_refused(build, wrong, message):
    with pytest.raises(ValueError, match=message):
        build(**wrong)


# --- many nets as one ------------------------------------------------------------------------------------------------

SHAPES = {
    **{
        f"mlp-{norm}": lambda seed, norm=norm: nets.mlp(norm, 8, seed=seed, depth=3)
        for norm in (*nets.FLAT_NORMS, *nets.ODD_NORMS)
    },
    **{
        f"cnn-{norm}": lambda seed, norm=norm: nets.cnn(norm, 4, seed=seed, shape=(2, 9, 8))
        for norm in (*nets.NORMS, *nets.ODD_NORMS)
    },
    "mlp-identity": lambda seed: nets.mlp("batch", 6, seed=seed, depth=2, activation="identity"),
    "mlp-ghost": lambda seed: nets.mlp("batch", 8, seed=seed, ghost=2),
    "cnn-ghost": lambda seed: nets.cnn("batch", 4, seed=seed, shape=(2, 9, 8), ghost=3),
    "residual-batch": lambda seed: nets.residual("batch", 6, seed=seed, depth=2),
    "residual-skip_init": lambda seed: nets.residual("skip_init", 6, seed=seed, depth=2),
    "tanh": lambda seed: nets.mlp("batch", 7, 1.0, seed, 2, "tanh"),
    "sigmoid-torch": lambda seed: nets.mlp("none", 7, "torch", seed, 2, "sigmoid"),
    "noise": lambda seed: nets.mlp("batch", 7, seed=seed, noise=1.0),
    "norm-after-relu": lambda seed: nets.cnn("batch", 4, seed=seed, shape=(2, 9, 8), after=True),
    "dropout": lambda seed: nets.cnn("batch", 4, seed=seed, shape=(2, 9, 8), dropout=0.4),
}


@pytest.mark.parametrize("make", SHAPES.values(), ids=SHAPES)
def test_a_stack_is_its_members_one_by_one(make):
    alone, stack = [make(seed) for seed in range(4)], nets.Stack([make(seed) for seed in range(4)])
    x, u = _images(4, 6, isinstance(make(0)[0], nn.Conv2d)), torch.randn(4, 6, 10, dtype=torch.float64)
    for net in (*alone, stack):
        _disturb(net)
    y = stack(x)
    expected = [net(part) for net, part in zip(alone, x, strict=True)]
    torch.testing.assert_close(y, torch.stack(expected), rtol=1e-11, atol=1e-11)
    (y * u).sum().backward()
    for i, (net, out) in enumerate(zip(alone, expected, strict=True)):
        (out * u[i]).sum().backward()
        for name, parameter in net.named_parameters():
            torch.testing.assert_close(stack.get_parameter(name).grad[i], parameter.grad, rtol=1e-9, atol=1e-10)
        for name, buffer in net.named_buffers():
            torch.testing.assert_close(stack.get_buffer(name)[i], buffer, rtol=1e-11, atol=1e-11)
    torch.testing.assert_close(stack.eval()(x[0])[2], alone[2].eval()(x[0]), rtol=1e-11, atol=1e-11)


def test_a_member_taken_out_of_a_stack_is_an_ordinary_net():
    stack = nets.Stack([nets.mlp(width=5, seed=seed) for seed in range(3)])
    taken = stack.member(2, nets.mlp(width=5, seed=9))
    assert all(
        torch.equal(a, b) for a, b in zip(taken.parameters(), nets.mlp(width=5, seed=2).parameters(), strict=True)
    )


def test_what_cannot_be_stacked_is_refused():
    with pytest.raises(ValueError, match="2 nets of different shapes"):
        nets.Stack([nets.mlp(width=5), nets.mlp(width=6)])
    odd = nn.Sequential(nn.Flatten(), nn.Dropout(), nn.Linear(64, 10))
    with pytest.raises(TypeError, match="Dropout is not among the layers that can be stacked"):
        nets.Stack([odd, odd])


def _images(members, n, two_channels):
    shape = (members, n, 2, 9, 8) if two_channels else (members, n, 1, 8, 8)
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def _disturb(net):
    """Move scales, shifts and biases away from 0 and 1: the same in a stack as in its members."""
    first = int(isinstance(net, nets.Stack))
    for parameter in net.parameters():
        shape = parameter.shape[first:]
        if len(shape) < 2:
            parameter += torch.linspace(-0.3, 0.4, shape.numel(), dtype=torch.float64).reshape(shape)


# --- residual nets, noise, one standardization -----------------------------------------------------------------------


def test_a_residual_net_is_the_same_net_written_out():
    net = nets.residual("batch", 6, seed=1, depth=2).eval()
    x = torch.randn(3, 1, 8, 8, dtype=torch.float64)
    h = net.linear0(x.flatten(1))
    for block in (net.block1, net.block2):
        h = h + block.linear(torch.relu(block.norm(h)))
    torch.testing.assert_close(net(x), net.linear(torch.relu(net.norm3(h))))


def test_skip_init_starts_as_a_net_without_its_blocks():
    net = nets.residual("skip_init", 6, seed=1, depth=5)
    x = torch.randn(3, 1, 8, 8, dtype=torch.float64)
    torch.testing.assert_close(net(x), net.linear(torch.relu(net.linear0(x.flatten(1)))))
    alphas = [name for name, _ in net.named_parameters() if "alpha" in name]
    assert alphas == [f"block{i}.scale.alpha" for i in range(1, 6)]


def test_without_an_activation_a_net_is_linear_between_its_normalizations():
    net = nets.mlp("none", 6, seed=1, depth=2, activation="identity")
    a, b = torch.randn(2, 3, 1, 8, 8, dtype=torch.float64)
    torch.testing.assert_close(net(a + b), net(a) + net(b))  # its biases start at 0


def test_only_scales_and_shifts_are_left_to_train_at_every_depth_and_in_every_state():
    for norm in ("batch", "layer"):
        net = nets.residual(norm, 6, depth=2).requires_grad_(False)
        assert nets.train_only_norms(net) == 2 * 6 * 3
        assert {name for name, p in net.named_parameters() if p.requires_grad} == {
            f"{place}.{kind}" for place in ("block1.norm", "block2.norm", "norm3") for kind in ("weight", "bias")
        }


def test_noise_has_the_moments_it_promises_and_is_gone_in_evaluation_mode():
    noise, x = nets.Noise(level=1.0, seed=0), torch.zeros(2000, 400, dtype=torch.float64)
    shift = noise(x)
    scale = noise(x + 1) - noise(x)  # of other draws, so true in the mean only
    per_unit = shift.mean(0)
    assert abs(per_unit.var().item() - 1 / 12) < 0.015 and per_unit.abs().max() < 0.5 + 0.02  # uniform within .5
    assert abs((shift - per_unit).var().item() - 0.2**2 / 12) < 1e-4  # uniform within .1 around it
    assert abs(scale.mean().item() - 1.125) < 0.03  # sigma uniform from 1 to 1.25
    assert torch.equal(noise.eval()(x), x)


def test_noise_is_new_at_each_step_and_the_same_for_the_same_seed():
    first, second = (nets.Noise(1.0, 3) for _ in range(2))
    x = torch.ones(4, 5, dtype=torch.float64)
    a, b = first(x), first(x)
    assert not torch.equal(a, b) and torch.equal(second(x), a)


@pytest.mark.parametrize("make", [lambda n: nets.mlp(n, 20, "torch", 2, depth=4), lambda n: nets.cnn(n, 4, "torch", 2)])
def test_a_standardized_start_is_what_batch_norm_does_before_the_first_step(make):
    x = torch.randn(300, 1, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) + 0.5
    torch.testing.assert_close(nets.standardize_start(make("none"), x)(x), make("batch")(x), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    "make", [lambda share: nets.mlp("none", 20, noise=share), lambda share: nets.cnn("none", 4, dropout=share)]
)
def test_a_standardized_start_leaves_noise_and_dropout_out(make):
    x = torch.randn(50, 1, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    plain, noisy = nets.standardize_start(make(0.0), x), nets.standardize_start(make(0.5), x)
    for (name, a), b in zip(plain.named_parameters(), noisy.parameters(), strict=True):
        assert torch.equal(a, b), name
    untouched = make(0.5)
    untouched.load_state_dict(noisy.state_dict())
    assert torch.equal(noisy(x), untouched(x))  # no noise has been drawn


def test_a_standardized_start_refuses_what_it_cannot_do():
    x = torch.randn(20, 1, 8, 8, dtype=torch.float64)
    with pytest.raises(ValueError, match="norm='none'"):
        nets.standardize_start(nets.mlp("batch"), x)
    with pytest.raises(ValueError, match="the same value for every image"):
        nets.standardize_start(nets.mlp("none"), torch.ones_like(x))


def test_layer_norm_is_pytorchs_over_all_of_an_example():
    x = torch.randn(4, 5, 3, 3, dtype=torch.float64)
    layer = nets.cnn("layer", 5).norm1
    torch.testing.assert_close(layer(x), nn.functional.layer_norm(x, x.shape[1:], eps=layer.eps))


def test_the_relatives_are_pytorchs():
    x = torch.randn(4, 8, 3, 5, dtype=torch.float64)
    of = {norm: nets.cnn(norm, 8).norm1(x) for norm in ("group", "instance", "rms")}
    torch.testing.assert_close(of["group"], nn.functional.group_norm(x, 4))
    torch.testing.assert_close(of["instance"], nn.functional.instance_norm(x))
    torch.testing.assert_close(of["rms"], nn.functional.rms_norm(x, x.shape[1:], eps=1e-5))


def test_instance_norm_is_refused_where_there_is_a_single_value():
    with pytest.raises(ValueError, match="norm is 'instance'"):
        nets.mlp("instance")


# --- BatchNorm with small batches ------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(12, 3), (12, 3, 4), (12, 3, 2, 5)])
def test_ghost_batches_are_normalized_one_by_one_and_the_running_statistics_take_their_mean(shape):
    layer, x = nets.GhostBatchNorm(3, 4).double(), 2 + 3 * torch.randn(shape, dtype=torch.float64)
    layer.weight.data[:], layer.bias.data[:] = torch.tensor([1.5, -1.0, 2.0]), torch.tensor([0.0, 1.0, -3.0])
    kind = nn.BatchNorm2d if len(shape) == 4 else nn.BatchNorm1d
    expected, statistics = [], []
    for part in x.split(4):
        alone = kind(3).double()
        alone.load_state_dict(layer.state_dict())
        expected.append(alone(part))
        statistics.append(torch.stack([alone.running_mean, alone.running_var]))
    torch.testing.assert_close(layer(x), torch.cat(expected))
    torch.testing.assert_close(torch.stack([layer.running_mean, layer.running_var]), torch.stack(statistics).mean(0))
    alone = kind(3).double()
    alone.load_state_dict(layer.state_dict())
    torch.testing.assert_close(layer.eval()(x), alone.eval()(x))
    assert layer.num_batches_tracked == 1


def test_one_ghost_as_large_as_the_batch_is_batch_norm():
    x = torch.randn(6, 1, 8, 8, dtype=torch.float64)
    ghost, usual = nets.mlp(ghost=6, seed=3), nets.mlp(seed=3)
    torch.testing.assert_close(ghost(x), usual(x))
    torch.testing.assert_close(ghost.state_dict(), usual.state_dict())


def test_ghosts_that_do_not_make_up_the_batch_and_ghosts_of_other_norms_are_refused():
    with pytest.raises(ValueError, match="a batch of 6 cannot be cut into parts of 4; choose a divisor"):
        nets.mlp(ghost=4)(torch.ones(6, 1, 8, 8, dtype=torch.float64))
    for build in (nets.mlp, nets.cnn):
        with pytest.raises(ValueError, match="ghost is 4 and norm 'layer'; only norm 'batch' has ghost batches"):
            build("layer", ghost=4)


@pytest.mark.parametrize("shape", [(5, 3), (4, 3, 2, 5)])
def test_batch_renormalization_follows_the_arithmetic_while_its_limits_open(shape):
    layer = nets.BatchRenorm(3, r_max=3, d_max=5, opening=4, momentum=0.3).double()
    layer.weight.data[:], layer.bias.data[:] = torch.tensor([1.5, -1.0, 2.0]), torch.tensor([0.0, 1.0, -3.0])
    gamma, beta = layer.weight.detach().numpy(), layer.bias.detach().numpy()
    mean, var, m = np.zeros(3), np.ones(3), np.prod(shape) // 3
    for step in range(7):
        x = (
            torch.randn(shape, dtype=torch.float64) * torch.tensor([0.2, 3.0, 1.0]).view(-1, *[1] * (len(shape) - 2))
            + step
        )
        opened = min(1, step / 4)
        y, *found = batch_renorm(x.numpy(), gamma, beta, mean, var, 1 + 2 * opened, 5 * opened)
        np.testing.assert_allclose(layer(x).detach(), y, rtol=1e-10, atol=1e-10)
        mean, var = norm_numpy.update_running(mean, var, *found, m, momentum=0.3)
        np.testing.assert_allclose(layer.running_mean, mean)
        np.testing.assert_allclose(layer.running_var, var)
    x = torch.randn(shape, dtype=torch.float64)
    expected = norm_numpy.batch_norm_eval(x.numpy(), gamma, beta, mean, var)
    np.testing.assert_allclose(layer.eval()(x).detach(), expected)


def test_no_gradient_flows_through_what_pulls_the_output():
    layer = nets.BatchRenorm(3, opening=1).double()
    layer.num_batches_tracked += 1
    x = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    u = torch.randn(5, 3, dtype=torch.float64)
    std = x.detach().var(0, correction=0).add(1e-5).sqrt()
    r = (std / (1 + 1e-5) ** 0.5).clamp(1 / 3, 3)
    (layer(x) * u).sum().backward()
    dx, *_ = norm_numpy.batch_norm_backward(
        u.numpy(), x.detach().numpy(), r.numpy(), x.detach().mean(0).numpy(), x.detach().var(0, correction=0).numpy()
    )
    np.testing.assert_allclose(x.grad, dx, rtol=1e-9, atol=1e-12)


def test_a_frozen_batch_norm_stays_frozen_when_the_net_is_trained():
    x = torch.randn(4, 1, 8, 8, dtype=torch.float64)
    for net in (nets.mlp(), nets.Stack([nets.mlp(), nets.mlp(seed=1)])):
        before = {name: value.clone() for name, value in net.named_buffers()}
        assert nets.freeze_batch_norms(net) is net
        in_evaluation = net.eval()(x)
        torch.testing.assert_close(net.train()(x), in_evaluation)
        assert net.training and all(torch.equal(value, before[name]) for name, value in net.named_buffers())
        assert net.norm1.weight.requires_grad
    torch.testing.assert_close(copy.deepcopy(net).train()(x), in_evaluation)


# --- for the claims: adding the sd, ghost batches, dropout, the norm behind the relu ---------------------------------


def test_adding_the_sd_is_just_that_and_keeps_running_statistics():
    layer, x = nets.AddSD(3).double(), 2 + 3 * torch.randn(50, 3, 4, dtype=torch.float64)
    with torch.no_grad():
        layer.weight += torch.arange(3)
    y, mean, var = layer(x), x.mean((0, 2)), x.var((0, 2), correction=0)
    by_hand = layer.weight[:, None] * (x - mean[:, None] + (var[:, None] + 1e-5).sqrt())
    torch.testing.assert_close(y, by_hand)
    torch.testing.assert_close(layer.running_mean, 0.1 * mean)
    torch.testing.assert_close(layer.running_var, 0.9 + 0.1 * var)
    torch.testing.assert_close(layer.eval()(x)[0], layer.eval()(x[:1])[0])


def test_ghost_batches_are_batch_norms_side_by_side_alone_and_in_a_stack():
    x = torch.randn(3, 6, 2, 4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    alone = [nets.cnn("batch", 3, seed=seed, shape=(2, 4, 5), ghost=2) for seed in range(3)]
    plain = [nets.cnn("batch", 3, seed=seed, shape=(2, 4, 5)) for seed in range(3)]
    stack = nets.Stack([copy.deepcopy(net) for net in alone])
    together = stack(x)
    for i, (ghost, batch) in enumerate(zip(alone, plain, strict=True)):
        of_two = torch.cat([batch(part) for part in x[i].split(2)])  # the first norm sees the same, and so on
        torch.testing.assert_close(ghost(x[i]), of_two, rtol=1e-10, atol=1e-10)
        torch.testing.assert_close(together[i], of_two, rtol=1e-10, atol=1e-10)
        for name, buffer in ghost.named_buffers():
            torch.testing.assert_close(stack.get_buffer(name)[i], buffer)
    means = torch.stack([alone[0].conv1(part).mean((0, 2, 3)) for part in x[0].split(2)])
    torch.testing.assert_close(alone[0].norm1.running_mean, 0.1 * means.mean(0))
    torch.testing.assert_close(stack.eval()(x)[1], alone[1].eval()(x[1]))
    with pytest.raises(ValueError, match="a batch of 5 cannot be cut into parts of 2"):
        alone[0].train()(x[0][:5])


def test_dropout_drops_its_share_in_training_only_and_is_new_each_time():
    layer, x = nets.Dropout(0.3, seed=1), torch.ones(400, 50, dtype=torch.float64)
    first, second = layer(x), layer(x)
    assert abs((first == 0).double().mean().item() - 0.3) < 0.01 and abs(first.mean().item() - 1) < 0.01
    assert not torch.equal(first, second) and torch.equal(layer.eval()(x), x)
    assert torch.equal(nets.Dropout(0.3, seed=1)(x), first)


def test_the_norm_behind_the_relu_has_the_same_weights_and_a_bias_before_it():
    before, after = nets.cnn("batch", 4, seed=1), nets.cnn("batch", 4, seed=1, after=True)
    names = [name for name, _ in after.named_children()]
    assert names[:4] == ["conv1", "relu1", "norm1", "pool1"] and after.conv1.bias is not None
    assert torch.equal(before.conv2.weight, after.conv2.weight)


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"norm": "layer", "ghost": 4}, "ghost is 4 and norm 'layer'"),
        ({"dropout": 1.0}, "dropout is 1.0; it must be a share from 0 to below 1"),
    ],
)
def test_ghost_batches_without_batch_norm_and_dropout_of_everything_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        nets.cnn(**wrong)
