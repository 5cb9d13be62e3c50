"""Spoilt images."""

import torch

from bnbook.lab.distort import distorted


def test_images_are_spoilt_as_said_and_each_net_gets_its_own_noise():
    pixels = torch.linspace(0, 1, 2 * 50 * 1 * 8 * 8, dtype=torch.float64).reshape(2, 50, 1, 8, 8)
    found = distorted(pixels, [0, 1], noises=(0.1,))
    assert list(found) == ["clean", "noise 0.1", "specks", "contrast", "dark", "shift"]
    for images in found.values():
        assert images.shape == pixels.shape and images.min() >= 0 and images.max() <= 1
    assert torch.equal(found["clean"], pixels)
    assert torch.allclose(found["dark"], pixels / 5)
    assert torch.allclose(found["contrast"] - 0.5, (pixels - 0.5) / 4)
    assert torch.equal(found["shift"][..., 1:], pixels[..., :-1]) and not found["shift"][..., 0].any()
    inner = (pixels > 0.4) & (pixels < 0.6)  # 0.1 at most cuts 4 sd away
    noise = found["noise 0.1"] - pixels
    assert abs(noise[inner].std() - 0.1) < 0.01 and abs(noise[inner].mean()) < 0.01
    assert not torch.allclose(noise[0], noise[1])
    specks = found["specks"][(found["specks"] != pixels)]
    assert set(specks.tolist()) == {0.0, 1.0} and abs(len(specks) / pixels.numel() - 0.2) < 0.03
    assert torch.equal(distorted(pixels[1:], [1])["noise 0.1"][0], found["noise 0.1"][1])  # by seed, not by place
