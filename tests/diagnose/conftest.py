"""One thread, the mark `full` for what is slow, and nets trained once for all tests of a process."""

import copy

import patients
import pytest
import torch


def pytest_configure(config):
    config.addinivalue_line("markers", "full: slow; `make full` runs it")


def pytest_collection_modifyitems(config, items):
    """Tests marked `full` run only where -m names the mark."""
    if "full" not in (config.getoption("-m") or ""):
        for item in items:
            if "full" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="slow: -m full runs it"))


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
