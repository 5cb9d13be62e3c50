"""A net outside PyTorch: exported to ONNX and run by onnxruntime, where they are installed."""

import contextlib
import importlib.util
import logging
import warnings

import torch

NEEDED = ("onnx", "onnxruntime", "onnxscript")
INSTALL = f"`%pip install {' '.join(NEEDED)}` in a cell installs them"


def missing():
    """Those of the packages that an export needs which are not installed, as a list."""
    return [name for name in NEEDED if importlib.util.find_spec(name) is None]


def in_onnxruntime(net, x):
    """net as a program of another runtime: exported to ONNX in evaluation mode, loaded by onnxruntime.

    net  nn.Module in evaluation mode, float32
    x    (N, C, H, W)  float32, two images or more: the exported program takes any number of them
    Returns a function: x to logits, both tensors.
    Raises ImportError, saying what to install, if packages are missing.
    """
    if missing():
        raise ImportError(f"not installed: {', '.join(missing())}; {INSTALL}", name=missing()[0])
    import onnxruntime

    options, any_number = onnxruntime.SessionOptions(), ({0: torch.export.Dim("images")},)
    options.intra_op_num_threads = 1
    with _quietly():
        program = torch.onnx.export(net, (x,), input_names=["x"], dynamic_shapes=any_number, dynamo=True, verbose=False)
    model = program.model_proto.SerializeToString()
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return lambda images: torch.from_numpy(session.run(None, {"x": images.numpy()})[0])


@contextlib.contextmanager
def _quietly():
    """Without what the exporter says about its own future and about packages that it can do without."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
