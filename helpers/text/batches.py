"""Minibatches of windows of a text that lives on the device as one tensor."""

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor


class Batches:
    """One epoch of minibatches at each iteration: windows (B, T), and for each of their characters the one
    that follows it (B, T), both int64.

    With a seed, windows begin anywhere, drawn anew in every epoch by a generator of its own, so that the same
    seed gives the same batches whatever else draws random numbers; an epoch has as many batches as fit into
    the text, at least one. Without a seed, the windows follow each other from the beginning, so that each
    character but the first is predicted once: the last batch of whole windows may have fewer, and what is
    left is a batch of one shorter window. A mean over the text weights each batch by its characters.

    Args:
        tokens: (N,) uint8, a text.
        batch_size: windows in a batch, from 1.
        length: T, from 1 to N - 1.

    Raises:
        ValueError: another type, shape or number than these.
    """

    def __init__(
        self,
        tokens: Tensor,
        batch_size: int,
        length: int,
        *,
        seed: int | None = None,
        device: str | torch.device = "cpu",
    ) -> None:
        if tokens.dtype != torch.uint8 or tokens.dim() != 1:
            raise ValueError(f"tokens are {tokens.dtype} {tuple(tokens.shape)}; wanted uint8 (N,)")
        if batch_size < 1:
            raise ValueError(f"batch_size is {batch_size}; it must be at least 1")
        if not 1 <= length < len(tokens):
            raise ValueError(
                f"length is {length}; a text of {len(tokens)} characters has windows of 1 to "
                f"{len(tokens) - 1} that another character follows"
            )
        self.tokens = tokens.to(device)
        self.batch_size, self.length = batch_size, length
        # The one generator that NumPy promises to leave as it is: a recorded order can be made again
        self.random = None if seed is None else np.random.RandomState(seed)

    def __len__(self) -> int:
        whole, rest = divmod(len(self.tokens) - 1, self.length)
        if self.random is not None:
            return max(1, whole // self.batch_size)
        return math.ceil(whole / self.batch_size) + (rest > 0)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        if self.random is not None:
            for _ in range(len(self)):
                starts = self.random.randint(
                    len(self.tokens) - self.length, size=self.batch_size, dtype=np.int64
                )
                yield self._batch(torch.from_numpy(starts), self.length)
            return
        whole, rest = divmod(len(self.tokens) - 1, self.length)
        for starts in (torch.arange(whole) * self.length).split(self.batch_size):
            yield self._batch(starts, self.length)
        if rest:
            yield self._batch(torch.tensor([whole * self.length]), rest)

    def _batch(self, starts: Tensor, length: int) -> tuple[Tensor, Tensor]:
        places = starts[:, None] + torch.arange(length + 1)
        windows = self.tokens[places.to(self.tokens.device)].long()  # (B, T + 1)
        return windows[:, :-1], windows[:, 1:]
