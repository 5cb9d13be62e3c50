"""Everything that decides one training run, and the net it starts from."""

from dataclasses import dataclass

import torch

from bnbook import nets

from .images import tensors


@dataclass(frozen=True)
class Architecture:
    """What decides the net: `build` reads these (and the seed), and nothing else does.

    net, norm, width, init, depth, activation, noise   the network, see `nets` (the cnn has no depth, activation, noise)
    ghost          with norm 'batch': how many images are normalized together, if not the whole batch
    standardized   one `nets.standardize_start` on the first 500 training images, before the first step
    trainable      'all'; 'norm': only the scales and shifts of the normalizations; 'head': only the last layer; 'few':
                   only two random incoming weights of each hidden unit (held by the loop, not by `build`)
    after, dropout   the cnn, see `nets.cnn`
    """

    net: str = "cnn"
    norm: str = "batch"
    width: int = 8
    init: str | float = "he"
    depth: int = 3
    activation: str = "relu"
    noise: float = 0.0
    ghost: int | None = None
    standardized: bool = False
    trainable: str = "all"
    after: bool = False
    dropout: float = 0.0


@dataclass(frozen=True)
class Training:
    """What decides the steps: `engine.run_all` reads these.

    lr, momentum, weight_decay, clip, schedule     how a step is made, see `train.Descent`
    hidden_lr      learning rate of the weights in front of a hidden unit, if it is another
    sphere         after each step every hidden unit's weights get back the length they had before the first
    batch_size, steps, label_noise, whole_set      the batches, see `train.batches`
    together       neighbours in the training set make a batch: only the order of the batches is shuffled
    images         None: train on data's training images. A number: each seed has its own training images (that many),
                   validation and test images, dealt from all there are, see `own_split`; measured are all three parts
    every          test accuracy is measured at step 0 and at each multiple of this
    """

    lr: float = 0.2
    hidden_lr: float | None = None
    batch_size: int = 64
    steps: int = 120
    together: bool = False
    momentum: float = 0.0
    weight_decay: float = 0.0
    clip: float | None = None
    label_noise: float = 0.0
    sphere: bool = False
    schedule: str = "constant"
    whole_set: bool = False
    images: int | None = None
    every: int = 10


@dataclass(frozen=True)
class Setting(Training, Architecture):
    """Everything that decides one training run, an Architecture and a Training: vary it with dataclasses.replace.

    seed   of the weights, the noise and the batches; arms that share a seed are paired
    twin   1 or more: the same run, begun from weights that are changed by 1e-15 of themselves, each number otherwise.
           That is what another processor's rounding does; see `results.again`
    """

    seed: int = 0
    twin: int = 0


# Each net with what only some nets take: the rest of an Architecture every net takes.
_NETS = {
    "cnn": (nets.cnn, ("after", "dropout")),
    "mlp": (nets.mlp, ("depth", "activation", "noise")),
    "residual": (nets.residual, ("depth", "activation")),
}


def build(setting, data):
    """The untrained net of a Setting, for the images of data.

    Raises ValueError for an unknown net, and what `nets` refuses.
    """
    if setting.net not in _NETS:
        raise ValueError(f"net is {setting.net!r}; it must be one of {', '.join(map(repr, _NETS))}")
    make, own = _NETS[setting.net]
    given = {name: getattr(setting, name) for name in ("norm", "width", "init", "seed", *own)}
    if setting.ghost is not None:
        given["ghost"] = setting.ghost  # refused by nets that know no ghost batches
    net = make(**given, shape=data.x_train.shape[1:], classes=data.classes)
    if setting.standardized:
        nets.standardize_start(net, tensors(data, "cpu")[0][:500])
    if setting.twin:
        _change(net, setting.twin)
    return _only(net, setting.trainable)


@torch.no_grad()
def _change(net, number):
    rng = torch.Generator().manual_seed(number)
    for parameter in net.parameters():
        parameter.mul_(1 + 1e-15 * torch.randn(parameter.shape, generator=rng, dtype=parameter.dtype))


def _only(net, trainable):
    """net, with those parameters frozen that are not to be trained."""
    if trainable == "norm":
        nets.train_only_norms(net)
    elif trainable in ("head", "few"):
        for name, parameter in net.named_parameters():
            head = name.startswith("linear.")
            parameter.requires_grad_(head if trainable == "head" else parameter.dim() > 1 and not head)
    elif trainable != "all":
        raise ValueError(f"trainable is {trainable!r}; it must be one of 'all', 'norm', 'head', 'few'")
    return net
