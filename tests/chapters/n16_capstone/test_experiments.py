"""What notebook 16 measures with and hands over: the net, its images, the bands, the drawing."""

import copy
import gzip

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import fuse_conv_bn_eval

from bnbook import data, nets
from bnbook.chapters.n16_capstone import checks, experiments, functions, plots, subjects
from bnbook.data import published


def few(shape, classes=3, n=40):
    """Random images of a shape whose mean is their class, all classes in each part."""
    random, parts = np.random.default_rng(0), []
    for _ in range(3):
        y = np.arange(n) % classes
        x = 0.2 + 0.2 * y[:, None, None, None] + 0.1 * random.random((n, *shape))
        parts += [x, y]
    return data.Data(*parts)


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 32, 32), (2, 5, 7)])
@pytest.mark.parametrize("norm", functions.NORMS)
def test_the_net_takes_images_of_any_shape_and_equal_seeds_have_equal_weights(shape, norm):
    net = functions.residual_net(norm, shape, 7, seed=3)
    assert net(torch.zeros(2, *shape, dtype=torch.float64)).shape == (2, 7)
    other = functions.residual_net("batch", shape, 7, seed=3)
    for name in ("conv1", "block1.conv1", "block1.conv2", "linear"):
        assert torch.equal(net.get_submodule(name).weight, other.get_submodule(name).weight)
    assert (net.conv1.bias is not None) == (net.block1.conv1.bias is not None) == (norm == "none")


def test_a_net_for_an_unknown_norm_or_for_tiny_images_is_refused():
    for norm, shape in (("bach", (1, 8, 8)), ("batch", (1, 3, 8))):
        with pytest.raises(ValueError, match="norms are none, batch, group, layer, instance, rms, images 4 x 4"):
            functions.residual_net(norm, shape, 10)


def test_the_folded_net_is_what_pytorch_fuses():
    net, x = subjects.net("cnn"), subjects.images("cnn", [5])[0]
    fused = nn.Sequential(*(fuse_conv_bn_eval(net[i], net[i + 1]) for i in (0, 3)))
    with torch.no_grad():
        expected = net[6:](net[5](fused[1](net[2](fused[0](x)))))
        torch.testing.assert_close(functions.fold_net(net)(x), expected)


def test_one_relu_at_two_places_stands_between_a_convolution_and_a_batch_norm():
    net, x = subjects.net("one relu"), subjects.images("one relu", [5])[0]
    folded = functions.fold_net(net)
    with torch.no_grad():
        assert torch.equal(folded(x), net(x)) and isinstance(folded[4], nn.BatchNorm2d)


def test_a_batch_norm_without_running_statistics_stays_and_one_used_twice_is_folded_at_both_places():
    by_the_batch = nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5, track_running_stats=False)).double()
    twice = subjects.net("mlp")[:2]
    twice = nn.Sequential(*twice, nn.Linear(5, 5).double(), twice[1]).eval()
    x = subjects.images("mlp", [4])[0]
    for net, left in ((by_the_batch, 1), (twice, 0)):
        folded = functions.fold_net(net)
        assert len(subjects.batch_norms(folded)) == left
        with torch.no_grad():
            torch.testing.assert_close(folded(x), net(x))


def test_gap_is_as_computed_by_hand():
    net = nn.Linear(1, 2, bias=False).double()
    net.weight.data = torch.tensor([[1.0], [-4.0]], dtype=torch.float64)
    x = torch.tensor([[1.0], [2.0]], dtype=torch.float64)  # outputs (1, -4) and (2, -8)
    assert functions.gap(net, lambda x: net(x) + torch.tensor([0.0, -2.0]), x) == 2 / 8
    assert net.training, "as it was"


def test_scaled_images_and_batches_are_those_of_the_training_images():
    d = few((1, 8, 8))
    images, new = experiments.scaled(d), experiments.scaled(d, experiments.another_scanner)
    assert abs(float(images.x_train.mean())) < 1e-12 and abs(float(images.x_train.std(correction=0)) - 1) < 1e-12
    sd, mean = d.x_train.std(), d.x_train.mean()
    torch.testing.assert_close(new.x_val * sd + mean, 0.5 + (torch.as_tensor(d.x_val) - 0.5) / 4)
    assert [len(x) for x, _ in images.batches(15)] == [15, 15] and len(images.batches(100)[0][0]) == 40
    assert all(y is None for _, y in images.batches(10, labels=False))


@pytest.fixture(scope="module")
def found():
    """A measurement as small as one can be: two norms, two seeds, two classes that are easy to tell."""
    return experiments.which_norm(few((1, 4, 4), 2), 2, ("batch", "none"), (1e-5, 0.1, 1e3), width=4)


def test_the_measurement_has_paired_runs_at_the_best_rates_and_tuning_seeds_of_their_own(found):
    assert found["best"] == {"batch": 0.1, "none": 0.1} and found["norms"] == ["batch", "none"]
    assert set(found["table"]["seed"]) == {0, 1} and set(found["tuning"]["seed"]) == set(range(100, 108))
    assert set(found["table"]["lr"]) == {0.1} and (found["table"]["measure"] == "val_accuracy").all()


def test_a_comparison_of_one_norm_or_one_seed_is_refused():
    with pytest.raises(ValueError, match="a comparison needs two or more"):
        experiments.which_norm(few((1, 4, 4)), norms=("batch", "batch"))
    with pytest.raises(ValueError, match="seeds is 1"):
        experiments.which_norm(few((1, 4, 4)), seeds=1)


def test_the_ends_of_a_band_are_interpolated_on_the_log_axis():
    rates = np.array([0.01, 0.1, 1.0])
    low, high = experiments._around(rates, np.array([0.8, 1.0, 0.2]), 0.9, 0.1)
    assert low == pytest.approx(0.1 * 10**-0.5) and high == pytest.approx(0.1 * 10**0.125)
    assert experiments._around(rates, np.array([0.95, 1.0, 0.97]), 0.9, 0.1) == [0.01, 1.0], "open at both ends"


def test_the_drawing_shows_every_norm_and_its_text_says_so(found):
    axes, text = plots.which_norm(found)
    labels = [line.get_label() for line in axes.lines]
    assert "with BatchNorm" in labels and "without normalization" in labels
    assert "with BatchNorm: best at 0.1, " in text and "%" in text and axes.get_xscale() == "log"
    plt.close(axes.figure)


def test_files_in_the_published_format_of_28_x_28_images_go_through_the_net(tmp_path, monkeypatch):
    """Stand-ins for Fashion-MNIST: its format and names, other contents, whose checksums are taken for right."""
    random, sums = np.random.default_rng(0), {}
    for part, n in (("train", 300), ("t10k", 60)):
        y = (np.arange(n) % 10).astype(np.uint8)
        x = random.integers(0, 256, (n, 28, 28), dtype=np.uint8)
        for name, array in ((f"{part}-images-idx3-ubyte", x), (f"{part}-labels-idx1-ubyte", y)):
            head = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
            (tmp_path / f"{name}.gz").write_bytes(gzip.compress(head + array.tobytes()))
            sums[name] = published.hashlib.md5(head + array.tobytes()).hexdigest()
    monkeypatch.setattr(published, "FASHION_MNIST", sums)
    d = data.fashion_mnist(tmp_path, limit=40)
    assert d.shape == (1, 28, 28) and d.classes == 10
    images = experiments.scaled(d)
    net = functions.residual_net("batch", d.shape, d.classes)
    assert net(images.x_val).shape == (40, 10)
    stack = nets.Stack([net, functions.residual_net("batch", d.shape, d.classes, seed=1)])
    torch.testing.assert_close(stack.eval()(images.x_test)[0], net.eval()(images.x_test))


# --- right answers in another writing ---------------------------------------------------------------------------------


def block_by_a_list(channels, norm):
    layers = []
    for _ in range(2):
        layers += [nn.Conv2d(channels, channels, (3, 3), padding="same", bias=norm is nn.Identity), norm(channels)]
    return nets.ResidualBlock(*layers[:2], nn.ReLU(inplace=True), *layers[2:])


def recalibrate_by_pytorch(net, batches):
    torch.optim.swa_utils.update_bn([x for x, _ in batches], net)
    return net


def freeze_by_names(net):
    last = [name for name, layer in net.named_modules() if isinstance(layer, nn.Linear)][-1]
    for name, parameter in net.named_parameters():
        parameter.requires_grad = name.startswith(last + ".")
    for layer in net.modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            layer.eval()
            layer.train = lambda mode=True, layer=layer: layer
    return net


def fold_by_pytorch(net):
    net = copy.deepcopy(net).eval()
    for part in net.modules():
        names = list(part._modules)
        for first, second in zip(names, names[1:], strict=False):
            layer, norm = part._modules[first], part._modules[second]
            if isinstance(norm, nn.modules.batchnorm._BatchNorm):
                if norm.weight is None:  # PyTorch's fuse_linear_bn_eval wants a scale and a shift
                    norm.weight, norm.bias = nn.Parameter(torch.ones(5)), nn.Parameter(torch.zeros(5))
                if isinstance(layer, nn.Conv2d):
                    part._modules[first] = fuse_conv_bn_eval(layer, norm)
                elif isinstance(layer, nn.Linear):
                    part._modules[first] = torch.nn.utils.fuse_linear_bn_eval(layer, norm)
                else:
                    continue
                part._modules[second] = nn.Identity()
    return net


def gap_by_numpy(net, run, x):
    mode = net.training
    net.eval()
    a, b = (f(x).detach().numpy() for f in (net, run))
    net.train(mode)
    return np.abs(a - b).max() / np.abs(a).max()


@pytest.mark.parametrize(
    "name, yours",
    [
        ("residual_block", block_by_a_list),
        ("recalibrate", recalibrate_by_pytorch),
        ("freeze", freeze_by_names),
        ("fold_net", fold_by_pytorch),
        ("gap", gap_by_numpy),
    ],
)
def test_a_right_answer_is_accepted_however_it_is_written(name, yours):
    verdict = getattr(checks, name).judge(yours)
    assert verdict.kind == "agrees", verdict.message


def as_code(exercise, head):
    """The last hint of an exercise as a function."""
    source = head + exercise.hints[2].partition("in code:\n")[2]
    space = vars(__import__("types").SimpleNamespace(nn=nn, nets=nets, torch=torch, np=np))
    exec(
        "import copy\nfrom itertools import pairwise\nfrom bnbook import train\nfrom bnbook.lab import results\n", space
    )
    exec("from bnbook.norm_torch import fold\n" + source, space)
    return space[exercise.name]


@pytest.mark.parametrize(
    "name, arguments",
    [
        ("residual_block", "channels, norm"),
        ("choose", "table, prefer, margin=1.0"),
        ("recalibrate", "net, batches"),
        ("freeze", "net"),
        ("fold_net", "net"),
        ("gap", "net, run, x"),
    ],
)
def test_the_last_hint_runs_as_printed_and_is_right(name, arguments):
    exercise = getattr(checks, name)
    verdict = exercise.judge(as_code(exercise, f"def {name}({arguments}):\n"))
    assert verdict.kind == "agrees", verdict.message


@pytest.mark.parametrize("thing", [3, "net", [nn.Identity()]])
def test_something_else_than_a_net_gets_one_sentence(thing):
    for name in ("residual_block", "recalibrate", "freeze", "fold_net"):
        verdict = getattr(checks, name).judge(lambda *args: thing)
        assert verdict.kind == "raised" and f"{name} returned" in str(verdict.error)
