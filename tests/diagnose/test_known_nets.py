"""Nets of torchvision and timm as they are made, and the scorecard: slow, and only where the packages are installed."""

import pytest
import scorecard
import torch

from bnbook.diagnose import diagnose

pytestmark = pytest.mark.full
VISION = (
    *("resnet18", "mobilenet_v2", "mobilenet_v3_small", "densenet121", "efficientnet_b0", "shufflenet_v2_x0_5"),
    *("squeezenet1_0", "vgg11_bn", "regnet_y_400mf", "convnext_tiny", "mnasnet0_5"),
)
TIMM = (
    *("resnet18", "efficientnet_b0", "mobilenetv3_small_050", "regnety_002", "dla34", "vovnet39a", "ghostnet_100"),
    *("xception41", "hrnet_w18_small"),
)


def batches():
    return [torch.randn(16, 3, 64, 64, generator=torch.Generator().manual_seed(i)) for i in range(3)]


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("name", VISION)
def test_a_net_of_torchvision_raises_no_alarm(name):
    models = pytest.importorskip("torchvision.models", exc_type=(ImportError, RuntimeError))
    report = diagnose(getattr(models, name)(weights=None), batches(), batches=3)
    assert report.ok, str(report)


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("name", TIMM)
def test_a_net_of_timm_raises_no_alarm(name):
    timm = pytest.importorskip("timm", exc_type=(ImportError, RuntimeError))
    report = diagnose(timm.create_model(name), batches(), batches=3)
    assert report.ok, str(report)


@pytest.mark.filterwarnings("default")
def test_the_scorecard_finds_every_fault_and_nothing_in_the_healthy_net():
    (_, healthy), *broken = scorecard.rows()
    assert healthy["bnbook.diagnose"] == set()
    assert [text for text, names in broken if len(names["bnbook.diagnose"]) != 1] == []
