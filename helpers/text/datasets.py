"""The course's texts as tensors of characters: a made-up language, and Tiny Shakespeare."""

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from helpers import data_folder
from helpers.datafiles import Layout, Published
from helpers.downloads import DataError, Source
from helpers.text import brackets

DATASETS = ("brackets", "tinyshakespeare")
LENGTH = 1_000_000  # characters of "brackets", about as many as Tiny Shakespeare has

SHAKESPEARE = "tinyshakespeare"
# SHA-256 of the 1,115,394 bytes, as TensorFlow Datasets published it (tiny_shakespeare)
DIGESTS = {"input.txt": "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"}
SOURCES = (
    Source(
        SHAKESPEARE,
        ("https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",),
    ),  # the publisher
    Source(
        SHAKESPEARE,
        ("https://storage.googleapis.com/download.tensorflow.org/data/shakespeare.txt",),
        file="input.txt",
    ),
)
_WITHOUT = 'The text "brackets" is made by the course and needs no download.'


@dataclass(frozen=True, eq=False)
class TextData:
    """A text in two parts, train (N,) and validation (M,), uint8: each character as its place in `alphabet`.

    floor is the least mean loss that any predictor can reach in the long run, in nats per character; None
    where nobody knows it. In windows that begin anywhere the least is higher: their first characters tell
    little of what follows, and a bracket may have been opened before them.
    """

    name: str
    train: Tensor
    validation: Tensor
    alphabet: str
    floor: float | None

    def text(self, tokens: Tensor) -> str:
        """The characters of tokens (N,), of any whole-number type."""
        return "".join(self.alphabet[token] for token in tokens.tolist())


def load(name: str = "brackets") -> TextData:
    """A text by name (one of DATASETS), read once per process: clone its tensors before you change them.

    The first nine tenths are for training, the rest for validation. "brackets" is made here, the same
    everywhere (helpers/text/brackets.py). "tinyshakespeare" is read from data_folder() if it is as published:
    a million characters of Shakespeare's plays, 65 different ones (Karpathy, The Unreasonable Effectiveness
    of Recurrent Neural Networks, 2015). Raises DataError otherwise, with what to do.
    """
    return _load(_known(name), data_folder())


def state(name: str) -> str:
    """Returns "built in", "present" (as published), "absent" or "damaged: <file>".

    Raises DataError for an unknown name.
    """
    return "built in" if _known(name) == "brackets" else _published().state(data_folder())


def download(name: str, progress: bool = False) -> None:
    """Gets a text from the first source that sends the published one, as images.datasets.download does."""
    if _known(name) != "brackets":
        _published().download(data_folder(), progress)


def _published() -> Published:
    layout = Layout(SHAKESPEARE, DIGESTS, lambda root: (root / SHAKESPEARE / "input.txt").read_bytes())
    return Published("tinyshakespeare", (layout,), SOURCES, __name__, _WITHOUT)


@functools.lru_cache(maxsize=len(DATASETS))
def _load(name: str, root: Path) -> TextData:
    if name == "brackets":
        tokens = brackets.generate(LENGTH, seed=0)
        alphabet, floor = brackets.ALPHABET, brackets.entropy_rate()
    else:
        characters = np.frombuffer(_published().load(root), np.uint8)
        kinds, places = np.unique(characters, return_inverse=True)
        tokens = torch.from_numpy(places.astype(np.uint8))
        alphabet, floor = kinds.tobytes().decode("ascii"), None
    split = len(tokens) * 9 // 10
    return TextData(name, tokens[:split], tokens[split:], alphabet, floor)


def _known(name: str) -> str:
    if name not in DATASETS:
        raise DataError(f"There is no text {name!r}; choose one of {', '.join(DATASETS)}.")
    return name
