"""The images of a training: scaled, the same for every seed or dealt to each, and what a stack makes of them."""

import numpy as np
import torch

from bnbook import train
from bnbook.data.parts import dealt


def tensors(data, device):
    """Training and test part as float64 tensors, shifted and scaled by one mean and one sd of the training images."""
    mean, sd = data.x_train.mean(), data.x_train.std()
    x_train, x_test = (torch.as_tensor((x - mean) / sd, device=device) for x in (data.x_train, data.x_test))
    y_train, y_test = (torch.as_tensor(y, device=device) for y in (data.y_train, data.y_test))
    return x_train, y_train, x_test, y_test


def own_split(y, images, val, test, seed):
    """Which of all images a seed trains, validates and tests on: every class has its share of each part.

    y       (N,)  labels of all the images
    images, val, test   how many of each
    seed    which
    Returns a dict: 'train', 'val', 'test' to indices, none in two of them.
    Raises ValueError if there are fewer images than asked for.
    """
    if images + val + test > len(y):
        raise ValueError(f"{images} + {val} + {test} images are asked for, and there are {len(y)}; ask for fewer")
    order = dealt(y, seed)
    return {"test": order[:test], "val": order[test : test + val], "train": order[test + val :][:images]}


def pooled(data, settings, like):
    """All the images of data, shifted and scaled as in training, their labels, and each setting's split (P, ...)."""
    mean, sd = data.x_train.mean(), data.x_train.std()
    x = torch.as_tensor((np.concatenate(data[::2]) - mean) / sd).to(like)
    y = np.concatenate(data[1::2])
    splits = [own_split(y, setting.images, len(data.y_val), len(data.y_test), setting.seed) for setting in settings]
    split = {part: torch.as_tensor(np.stack([s[part] for s in splits]), device=like.device) for part in splits[0]}
    return x, torch.as_tensor(y, device=like.device), split


class Shared:
    """All members of a stack train on the same images and are tested on the same."""

    def __init__(self, x_train, y_train, x_test, y_test):
        self.x, self.y, self.test, self.pool = x_train, y_train, (x_test, y_test), None

    def scores(self, net):
        """What is measured along the way: name to (P,)."""
        return {"test_accuracy": train.evaluate_all(net, *self.test)[1]}

    def train_losses(self, net):
        """The loss of each member over all its training images, (P,)."""
        return train.evaluate_all(net, self.x, self.y)[0]


class Dealt:
    """Each member has its own training, validation and test images among x, y, as `pooled` returns them."""

    def __init__(self, x, y, split):
        self.x, self.y, self.split, self.pool = x, y, split, split["train"]

    @torch.no_grad()
    def scores(self, net):
        """What is measured along the way, the accuracy on each part and the training loss: name to (P,)."""
        with train.evaluating(net):
            logits = net(self.x)
        labels = self.y.expand(logits.shape[:2])
        losses = torch.nn.functional.cross_entropy(logits.transpose(1, 2), labels, reduction="none").double()
        right = (logits.argmax(-1) == labels).double()
        found = {f"{part}_accuracy": right.gather(1, index).mean(1) for part, index in self.split.items()}
        found["train_losses"] = losses.gather(1, self.pool).mean(1)
        return {name: values.cpu().numpy() for name, values in found.items()}

    def train_losses(self, net):
        """The loss of each member over all its training images, (P,)."""
        return self.scores(net)["train_losses"]
