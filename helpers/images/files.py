"""The published files of the data sets: their names, their digests, and how they become tensors."""

import functools
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torchvision import datasets as vision

# Training images, training labels, test images, test labels (uint8 N x C x H x W and int64 N), class names
Decoded = tuple[Tensor, Tensor, Tensor, Tensor, tuple[str, ...]]

MNIST = "MNIST/raw"
FASHION_MNIST = "FashionMNIST/raw"
CIFAR10_PY = vision.CIFAR10.base_folder  # the publisher's version for Python: pickles
CIFAR10_BIN = "cifar-10-batches-bin"  # the publisher's version for C: the same images in the same order, raw


class DataError(RuntimeError):
    """A data set is absent, damaged or unknown; the message, one paragraph, says so and what to do."""


@dataclass(frozen=True)
class Layout:
    """One form of a data set: a folder, the digests of its files, and what reads them below a root."""

    folder: str
    digests: dict[str, str]  # MD5, SHA-1 or SHA-256, told apart by their length
    read: Callable[[Path], Decoded]

    def any_file(self, root: Path) -> bool:
        """Whether at least one of the files is there, or cannot be looked at."""
        return any(_there(root / self.folder / file) for file in self.digests)

    def damage(self, root: Path) -> tuple[str, str] | None:
        """The first file that is not as published, and in what way; None if all are."""
        for file, published in self.digests.items():
            path, shown = root / self.folder / file, f"{self.folder}/{file}"
            algorithm = {32: "md5", 40: "sha1", 64: "sha256"}[len(published)]
            # FIPS mode refuses MD5 for security; still, nobody can make another file with a given MD5
            new = functools.partial(hashlib.new, algorithm, usedforsecurity=False)
            try:
                with open(path, "rb") as content:
                    found, size = hashlib.file_digest(content, new).hexdigest(), content.tell()
            except (FileNotFoundError, NotADirectoryError):
                return shown, "is missing"
            except OSError as error:
                return shown, f"cannot be read ({error.strerror})"
            if found != published:
                return shown, f"is not as published ({size:,} bytes, {algorithm} {found}, not {published})"
        return None


def _there(path: Path) -> bool:
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:  # in a folder of somebody else: not absent, and told by Layout.damage
        return True
    return True


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


def layouts(name: str) -> tuple[Layout, ...]:
    """The forms in which a data set can be on the disk, the preferred one first."""
    return {
        "mnist": (Layout(MNIST, IDX_DIGESTS[MNIST], _torchvision(vision.MNIST)),),
        "fashion-mnist": (
            Layout(FASHION_MNIST, IDX_DIGESTS[FASHION_MNIST], _torchvision(vision.FashionMNIST)),
        ),
        "cifar10": (
            Layout(CIFAR10_PY, _cifar10_digests(), _torchvision(vision.CIFAR10)),
            Layout(CIFAR10_BIN, CIFAR10_BIN_DIGESTS, _cifar10_bin),
        ),
    }[name]


def decode(name: str, layout: Layout, root: Path) -> Decoded:
    """Reads a data set, after its files have been found to be as published: pickles can run code.

    What comes out is compared with the published images and labels as well: every form gives the same.
    Raises DataError, with the file's name, where anything differs.
    """
    if damage := layout.damage(root):
        raise DataError(" ".join(damage))
    decoded = layout.read(root)
    if content_digest(decoded) != CONTENT_DIGESTS[name]:
        # torchvision prefers MNIST/processed/*.pt, which its old versions wrote, to the files checked here
        folder = layout.folder.split("/")[0]
        raise DataError(f"{folder} holds other images than the published ones; move that folder away")
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
