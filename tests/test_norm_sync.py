"""SyncBatchNorm on 2, 3 and 4 real processes, against one process that has the joined batch."""

import pytest
import ranks
import torch
from torch import nn

from bnbook import norm_torch
from bnbook.lab.processes import RankError, Ranks
from bnbook.norm_torch import SyncBatchNorm, merge_statistics


@pytest.fixture(scope="module")
def four():
    with Ranks(4) as four:
        yield four


@pytest.fixture(scope="module")
def found(four):
    return four.run(ranks.everything)


def joined(name, case):
    """The reference: torch's layer on the whole batch, in float64."""
    x, dy, gamma, beta = (v.double() for v in ranks.whole(name, case))
    kind = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d, 5: nn.BatchNorm3d}[x.ndim]
    layer = ranks.layer_of(kind, case, gamma, beta, torch.float64)
    x.requires_grad_()
    y = layer(x)
    y.backward(dy)
    found = {"y": y.detach(), "dx": x.grad, **dict(layer.named_buffers())}
    return found | {f"d{k}": p.grad for k, p in layer.named_parameters()}


@pytest.mark.parametrize("name", ranks.CASES)
def test_many_processes_are_one_process_with_the_joined_batch(found, name):
    case, own = ranks.CASES[name], [rank[name] for rank in found if name in rank]
    expected, close = joined(name, case), 1e-12 if case[3] is torch.float64 else 2e-6
    assert len(own) == len(case[0]) and [len(rank["y"]) for rank in own] == list(case[0])
    for key, value in expected.items():
        if key in ("y", "dx"):
            ours = torch.cat([rank[key] for rank in own])
        elif key.startswith("d"):  # each process has the gradient of its own loss
            ours = sum(rank[key] for rank in own)
        else:
            ours = own[0][key]
            assert all(torch.equal(rank[key], ours) for rank in own), key
        scale = value.abs().max().clamp(min=1).item()
        assert (ours.double() - value).abs().max().item() <= close * scale, key
    x = ranks.whole(name, case)[0].double()
    apart = x[: case[0][0]].mean(0) - x.mean(0)
    assert apart.abs().max() > 1e-3  # the batch of one process has other statistics: a layer without exchange is seen


def test_16_bit_images_are_computed_in_float32_and_rounded_once(found):
    expected = joined("half", ranks.HALF)
    for key in ("y", "dx"):
        ours = torch.cat([rank["half"][key] for rank in found[:2]])
        assert ours.dtype is torch.bfloat16
        assert (ours.double() - expected[key]).abs().max() <= 2**-8 * expected[key].abs().max() * 1.01


def test_under_distributed_data_parallel_a_net_trains_as_in_one_process(found):
    expected = ranks.train(ranks.small_net(nn.BatchNorm1d))
    for rank in found:
        assert rank["net"].keys() == expected.keys()
        for key, value in expected.items():
            assert (rank["net"][key] - value).abs().max() <= 1e-12, key
    apart = ranks.train(ranks.small_net(nn.BatchNorm1d), 0)
    assert (apart["0.weight"] - expected["0.weight"]).abs().max() > 1e-3


def test_what_cannot_be_is_refused_on_every_process(found):
    for rank in found:
        assert rank["refusals"]["one value"].startswith(
            "ValueError: all processes together have 1 value(s) per channel"
        )
        assert rank["refusals"]["second"].startswith("RuntimeError: SyncBatchNorm has no second derivative")


def test_a_process_that_hangs_is_an_error_on_the_others_after_the_timeout_of_their_group(four):
    first, second, *others = four.run(ranks.failing, "hangs")
    for error, seconds in (first, *others):
        assert "Error: " in error and seconds < 2  # the group waits for 1
    assert second is None


def test_a_process_that_dies_is_an_error_on_the_others_at_once(four):
    with pytest.raises(RankError, match="^rank 1 died with exit code 7") as caught:
        four.run(ranks.failing, "dies")
    assert sum("RuntimeError" in note or "DistBackendError" in note for note in caught.value.__notes__) == 3


# --- in one process --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("offset", [0.0, 1e8])
def test_statistics_are_merged(offset):
    parts = [torch.randn(n, 3, dtype=torch.float64) + offset for n in (1, 5, 0, 40)]
    counts = torch.tensor([float(len(part)) for part in parts], dtype=torch.float64)
    zero = torch.zeros(3, dtype=torch.float64)
    means = torch.stack([part.mean(0) if len(part) else zero for part in parts])
    squares = torch.stack([((part - part.mean(0)) ** 2).sum(0) if len(part) else zero for part in parts])
    n, mean, var = merge_statistics(counts, means, squares)
    whole = torch.cat(parts)
    shifted = whole - offset  # exact: both have the same exponent, or the offset is 0
    assert n == 46
    assert (mean - offset - shifted.mean(0)).abs().max() <= 1e-15 * max(offset, 10)
    assert (var - shifted.var(0, correction=0)).abs().max() <= 1e-6 if offset else 1e-14
    # Wrong answers: the average of the variances, and means that are not weighted by their counts.
    assert (squares.sum(0) / 46 - var).abs().max() > 1e-3
    assert (means[[0, 1, 3]].mean(0) - mean).abs().max() > 1e-2
    assert merge_statistics(0 * counts, 0 * means, 0 * squares)[0] == 0


def net():
    layers = (nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), norm_torch.BatchNorm1d(2), nn.SyncBatchNorm(2), nn.GroupNorm(1, 2))
    return nn.Sequential(*layers, nn.Sequential(nn.BatchNorm3d(2)))


def test_a_net_is_converted_in_place_and_back():
    model = net()
    classes, held, before = [type(m) for m in model.modules()], list(model.parameters()), model.state_dict()
    hooked = []
    model[1].register_forward_hook(lambda *_: hooked.append(1))
    group = object()
    assert SyncBatchNorm.convert(model, group) is model
    synced = [m for m in model.modules() if isinstance(m, SyncBatchNorm)]
    assert len(synced) == 4 and all(m.process_group is group for m in synced)
    assert all(a is b for a, b in zip(held, model.parameters(), strict=True))
    assert model.state_dict().keys() == before.keys()
    assert SyncBatchNorm.revert(model) is model
    assert [type(m) for m in model.modules()] == classes
    assert not hasattr(model[1], "process_group") and model[3].process_group is group
    model[1](torch.randn(2, 2, 3, 3))
    assert hooked == [1]


def test_without_other_processes_it_is_the_usual_layer():
    layer, x = SyncBatchNorm(3), torch.randn(4, 3, 2, 2)
    assert isinstance(layer, nn.modules.batchnorm._BatchNorm) and "SyncBatchNorm(3, eps=1e-05" in repr(layer)
    assert torch.equal(layer(x), norm_torch.BatchNorm2d(3)(x))
    layer.eval()
    assert torch.allclose(layer(x), nn.functional.batch_norm(x, layer.running_mean, layer.running_var), atol=1e-6)
    with pytest.raises(ValueError, match="expected at least 2D input"):
        layer(torch.randn(3))


def test_a_layer_that_was_nothing_else_needs_to_be_told_what_to_become():
    model = nn.Sequential(nn.Linear(2, 2), SyncBatchNorm(2))
    with pytest.raises(ValueError, match="^1 was made as SyncBatchNorm, .* with to=nn.BatchNorm2d or another"):
        SyncBatchNorm.revert(model)
    assert type(SyncBatchNorm.revert(model, to=nn.BatchNorm1d)[1]) is nn.BatchNorm1d
