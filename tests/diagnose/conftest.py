"""Nets trained once for all tests of a process."""

import copy

import patients
import pytest
import torch


@pytest.fixture(scope="session")
def trained():
    """trained("mlp"), trained("cnn"): a copy of a net that works, in evaluation mode."""
    kept = {}

    def copy_of(kind):
        if kind not in kept:
            images = kind == "cnn"
            kept[kind] = patients.train(patients.MAKE[kind](), images)
            assert patients.accuracy(kept[kind], images) > 0.94
        return copy.deepcopy(kept[kind])

    torch.set_num_threads(1)
    return copy_of
