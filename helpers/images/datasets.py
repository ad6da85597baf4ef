"""The course's data sets as tensors: the built-in digits, MNIST, Fashion-MNIST and CIFAR-10."""

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from helpers import data_folder
from helpers.datafiles import Published
from helpers.downloads import DataError
from helpers.images import files
from helpers.images.files import Decoded

DATASETS = ("digits", "mnist", "fashion-mnist", "cifar10")
_WITHOUT = (
    'A folder that torchvision has filled will do. The data set "digits" is built in and needs no download.'
)


@dataclass(frozen=True, eq=False)
class ImageData:
    """Images (N, C, H, W) uint8, labels (N,) int64, mean and standard deviation of each channel (C,) float32.

    The statistics are those of the training pixels scaled to [0, 1]; the standard deviation is the population
    one (divided by the number of pixels).
    """

    name: str
    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor
    class_names: tuple[str, ...]
    mean: Tensor
    std: Tensor

    def validation_split(self, count: int, seed: int | None = 0) -> "ImageData":
        """The training images alone, `count` of them in the place of the test images: drawn by `seed`, or the
        first of the file if it is None.

        The real test images are in neither part; mean and std are those of the images left for training.
        Raises ValueError unless 0 < count < number of training images.
        """
        total = len(self.train_images)
        if not 0 < count < total:
            raise ValueError(
                f"count is {count}; choose 1 to {total - 1} of the {total} training images of {self.name}"
            )
        # The one generator that NumPy promises to leave as it is: a recorded split can be made again
        drawn = (
            np.arange(total)[::-1].copy() if seed is None else np.random.RandomState(seed).permutation(total)
        )
        order = torch.from_numpy(drawn)
        kept, held_out = order[:-count].sort().values, order[-count:].sort().values
        images, labels = self.train_images, self.train_labels
        return _image_data(
            self.name, (images[kept], labels[kept], images[held_out], labels[held_out], self.class_names)
        )

    def subset(self, count: int) -> "ImageData":
        """The same test images, and `count` training images, drawn once; mean and std are theirs.

        Raises ValueError unless 0 < count <= number of training images.
        """
        total = len(self.train_images)
        if not 0 < count <= total:
            raise ValueError(f"count is {count}; choose 1 to {total}, the training images of {self.name}")
        kept = torch.from_numpy(np.random.RandomState(0).permutation(total)[:count]).sort().values
        images, labels = self.train_images[kept], self.train_labels[kept]
        return _image_data(self.name, (images, labels, self.test_images, self.test_labels, self.class_names))


def load(name: str = "digits") -> ImageData:
    """A data set by name (one of DATASETS), read once per process: clone its tensors before you change them.

    "digits" comes with scikit-learn: 1,797 images of 8 x 8 pixels, 0 to 16 scaled to 0 to 255; every fifth
    image of each class is a test image. The others are read from data_folder(), each file only if it is as
    published. Raises DataError otherwise, with what to do.
    """
    return _load(_known(name), data_folder())


def state(name: str) -> str:
    """Returns "built in", "present" (every file as published), "absent" or "damaged: <file>".

    Raises DataError for an unknown name.
    """
    return "built in" if _known(name) == "digits" else _published(name).state(data_folder())


def download(name: str, progress: bool = False) -> None:
    """Gets a data set from the first source that sends the published images; does nothing if it is present.

    No file stands in its place before all are verified, and two processes do not disturb each other. Raises
    DataError with what went wrong at each source. With `progress`, bars and the reasons for giving a source
    up go to stderr.
    """
    if _known(name) != "digits":
        _published(name).download(data_folder(), progress)


def _published(name: str) -> Published:
    return Published(name, files.layouts(name), files.SOURCES[name], __name__, _WITHOUT)


@functools.lru_cache(maxsize=len(DATASETS))
def _load(name: str, root: Path) -> ImageData:
    return _image_data(name, _digits() if name == "digits" else _published(name).load(root))


def _known(name: str) -> str:
    if name not in DATASETS:
        raise DataError(f"There is no data set {name!r}; choose one of {', '.join(DATASETS)}.")
    return name


def _image_data(name: str, decoded: Decoded) -> ImageData:
    return ImageData(name, *decoded, *pixel_statistics(decoded[0]))


def pixel_statistics(images: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and population standard deviation of pixels / 255 per channel, summed up in whole numbers.

    Raises:
        ValueError: no pixel at all.
    """
    if images.numel() == 0:
        raise ValueError(f"images have shape {tuple(images.shape)}: no pixel; give at least one image")
    means, deviations = [], []
    for channel in images.unbind(dim=1):
        counts = torch.bincount(channel.flatten(), minlength=256).tolist()
        pixels = sum(counts)
        total = sum(value * count for value, count in enumerate(counts))
        squares = sum(value * value * count for value, count in enumerate(counts))
        means.append(total / (255 * pixels))
        deviations.append(((pixels * squares - total * total) / (255 * pixels) ** 2) ** 0.5)
    return torch.tensor(means, dtype=torch.float32), torch.tensor(deviations, dtype=torch.float32)


def _digits() -> Decoded:
    from sklearn.datasets import load_digits  # half a second that only this data set needs

    digits = load_digits()
    images = torch.from_numpy((digits.images * 255 / 16).round().astype(np.uint8)).unsqueeze(1)
    labels = torch.from_numpy(digits.target.astype(np.int64))
    # By rank within the class, not drawn: the same split whatever the versions
    rank = (labels == labels.unique().unsqueeze(1)).cumsum(dim=1)[labels, torch.arange(len(labels))]
    test = rank % 5 == 0
    names = tuple(str(name) for name in digits.target_names)
    return images[~test], labels[~test], images[test], labels[test], names
