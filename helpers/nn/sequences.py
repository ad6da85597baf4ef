"""Networks for sequences: norms for (N, T, C), a transformer on characters, an LSTM on the rows of images."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from helpers.nn import functional, modes, norms


class _OverTime:
    """Feeds batch norm every position of every sequence as one feature vector: (N, T, C), in and out."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.flatten(0, -2)).view_as(x)


class BatchNormOverTime(_OverTime, nn.BatchNorm1d):
    """Batch norm whose statistics are taken over batch and time, N T values for each of C channels.

    In training a position's output depends on all positions of all sequences, those after it included.
    """


class OwnBatchNormOverTime(_OverTime, norms.BatchNorm1d):
    """The same with the course's own batch norm."""


class BatchNormByPosition(nn.Module):
    """Batch norm with statistics of their own for each position t < length, over the batch alone: N values.

    gamma and beta (C,) are the same at all positions, running statistics are (length, C). In sequences a
    position depends on no later one (Cooijmans et al. 2017, section 3).

    Args:
        own_layers: computed by the course's own batch_norm.
        gamma: what each gamma starts at.
        beta: False leaves it out.
    """

    def __init__(
        self, channels: int, length: int, own_layers: bool = False, gamma: float = 1.0, beta: bool = True
    ) -> None:
        super().__init__()
        self._batch_norm = functional.batch_norm if own_layers else F.batch_norm
        self.weight = nn.Parameter(torch.full((channels,), gamma))
        self.bias = nn.Parameter(torch.zeros(channels)) if beta else None
        self.register_buffer("running_mean", torch.zeros(length, channels))
        self.register_buffer("running_var", torch.ones(length, channels))

    def forward(self, x: Tensor) -> Tensor:
        """All positions of (N, T, C), T at most the length. In training N is at least 2."""
        n, t, channels = x.shape
        mean, var = (
            None if one is None else one[:t].view(-1) for one in (self.running_mean, self.running_var)
        )
        beta = None if self.bias is None else self.bias.repeat(t)
        training = self.training or mean is None
        y = self._batch_norm(x.reshape(n, t * channels), mean, var, self.weight.repeat(t), beta, training)
        return y.view(n, t, channels)

    def at(self, x: Tensor, t: int) -> Tensor:
        """Position t alone, (N, C): what a recurrent network has at a time."""
        mean, var = (None if one is None else one[t] for one in (self.running_mean, self.running_var))
        return self._batch_norm(x, mean, var, self.weight, self.bias, self.training or mean is None)


class DynamicTanh(nn.Module):
    """No statistics: y = gamma tanh(alpha x) + beta (Zhu et al. 2025, Transformers without Normalization).

    alpha is one learned number, gamma and beta are (C,).
    """

    def __init__(self, channels: int, alpha: float = 0.5) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.tensor(float(alpha)))
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        return self.weight * torch.tanh(self.alpha * x) + self.bias


Maker = Callable[[int, int], nn.Module]  # of a layer for so many channels and positions

# Name -> the course's own layer for sequences (N, T, C), and torch's. Layer norm has no beta, as in the
# published transformer; so it differs from RMS norm in nothing but the mean.
SEQUENCE_NORMS: dict[str, tuple[Maker, Maker]] = {
    "none": (lambda channels, _: nn.Identity(), lambda channels, _: nn.Identity()),
    "layer": (
        lambda channels, _: norms.LayerNorm(channels, bias=False),
        lambda channels, _: nn.LayerNorm(channels, bias=False),
    ),
    "rms": (lambda channels, _: norms.RMSNorm(channels), lambda channels, _: nn.RMSNorm(channels)),
    "batch": (
        lambda channels, _: OwnBatchNormOverTime(channels),
        lambda channels, _: BatchNormOverTime(channels),
    ),
    "batch by position": (
        lambda channels, length: BatchNormByPosition(channels, length, own_layers=True),
        BatchNormByPosition,
    ),
    "tanh": (lambda channels, _: DynamicTanh(channels), lambda channels, _: DynamicTanh(channels)),
}


def sequence_norm(name: str, channels: int, length: int, own_layers: bool = False) -> nn.Module:
    """The normalization `name` of SEQUENCE_NORMS for (N, T, channels), T at most `length`.

    Raises ValueError for an unknown name.
    """
    if name not in SEQUENCE_NORMS:
        raise ValueError(
            f"unknown normalization of sequences {name!r}; choose one of {', '.join(SEQUENCE_NORMS)}"
        )
    own, torchs = SEQUENCE_NORMS[name]
    return (own if own_layers else torchs)(channels, length)


class Attention(nn.Module):
    """Causal self-attention: each position takes a weighted mean of itself and those before it.

    Args:
        norm_queries: layer norm of each head's queries and keys (query-key norm: Henry et al. 2020).
    """

    def __init__(self, width: int, heads: int, norm_queries: bool = False, own_layers: bool = False) -> None:
        super().__init__()
        self.heads = heads
        self.inputs = nn.Linear(width, 3 * width, bias=False)
        self.output = nn.Linear(width, width, bias=False)
        made = [
            sequence_norm("layer" if norm_queries else "none", width // heads, 0, own_layers) for _ in "qk"
        ]
        self.query_norm, self.key_norm = made

    def forward(self, x: Tensor) -> Tensor:
        """(N, T, C), in and out."""
        split = self.inputs(x).unflatten(-1, (3, self.heads, -1))  # (N, T, 3, heads, C / heads)
        q, k, v = split.permute(2, 0, 3, 1, 4)  # each (N, heads, T, C / heads)
        y = F.scaled_dot_product_attention(self.query_norm(q), self.key_norm(k), v, is_causal=True)
        return self.output(y.transpose(1, 2).flatten(2))


def mlp(width: int) -> nn.Sequential:
    """The part of a block that works on each position by itself."""
    return nn.Sequential(
        nn.Linear(width, 4 * width, bias=False), nn.GELU(), nn.Linear(4 * width, width, bias=False)
    )


class Block(nn.Module):
    """Attention and MLP, each added to its input: the norm before them ("pre") or after the sum ("post")."""

    def __init__(
        self, attention: nn.Module, inner: nn.Module, norms: tuple[nn.Module, nn.Module], post: bool
    ) -> None:
        super().__init__()
        self.attention, self.mlp, self.post = attention, inner, post
        self.norm1, self.norm2 = norms

    def forward(self, x: Tensor) -> Tensor:
        if self.post:
            x = self.norm1(x + self.attention(x))
            return self.norm2(x + self.mlp(x))
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


PLACES = ("pre", "post")
INITS = ("small", "fan-in", "unscaled")
EMBEDDING = math.sqrt(0.5)  # standard deviation of both embeddings: their sum has variance 1


class Transformer(nn.Module):
    """Characters (N, T) int64 to logits of the next one (N, T, symbols), T at most `length`.

    Learned embeddings of character and position, `depth` blocks, one more norm where they are "pre", and a
    linear layer. No biases.

    Args:
        norm: one of SEQUENCE_NORMS.
        place: of PLACES, where a block has its norms (Xiong et al. 2020).
        init: of INITS, for the matrices: "small" is normal with a standard deviation of 0.02 whatever the
            width (GPT-2), "fan-in" with 1 / sqrt(inputs). In both, those whose outputs are added to their
            block's input are divided by sqrt(2 depth); "unscaled" is "fan-in" without that.
        embedding: the standard deviation of the embeddings.
        tied: the last layer has the characters' embedding as its weight.
        norm_queries: see Attention.
        alpha: what each alpha of the norm "tanh" starts at.

    Raises:
        ValueError: an unknown name, a width that the heads do not divide.
    """

    def __init__(
        self,
        norm: str,
        symbols: int,
        length: int,
        own_layers: bool = False,
        depth: int = 4,
        heads: int = 4,
        width: int = 128,
        place: str = "pre",
        init: str = "small",
        embedding: float = EMBEDDING,
        tied: bool = False,
        norm_queries: bool = False,
        alpha: float | None = None,
    ) -> None:
        super().__init__()
        if place not in PLACES or init not in INITS:
            raise ValueError(
                f"place={place!r}, init={init!r}; choose place from {', '.join(PLACES)} and init from "
                f"{', '.join(INITS)}"
            )
        if width % heads:
            raise ValueError(f"width is {width}, heads is {heads}; the width must be a multiple of it")

        def one_norm() -> nn.Module:
            return sequence_norm(norm, width, length, own_layers)

        self.characters, self.positions = nn.Embedding(symbols, width), nn.Embedding(length, width)
        self.blocks = nn.Sequential(
            *(
                Block(
                    Attention(width, heads, norm_queries, own_layers),
                    mlp(width),
                    (one_norm(), one_norm()),
                    place == "post",
                )
                for _ in range(depth)
            )
        )
        self.norm = nn.Identity() if place == "post" else one_norm()
        self.last = nn.Linear(width, symbols, bias=False)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.02 if init == "small" else module.in_features**-0.5)
            elif isinstance(module, nn.Embedding):
                nn.init.normal_(module.weight, std=embedding)
            elif isinstance(module, DynamicTanh) and alpha is not None:
                nn.init.constant_(module.alpha, alpha)
        for block in self.blocks if init != "unscaled" else ():
            for added in (block.attention.output, block.mlp[-1]):
                added.weight.data /= math.sqrt(2 * depth)
        if tied:
            self.last.weight = self.characters.weight

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.characters(tokens) + self.positions.weight[: tokens.shape[1]]
        return self.last(self.norm(self.blocks(x)))


def build(
    norm: str, symbols: int, length: int, seed: int, *, own_layers: bool = False, **options: Any
) -> Transformer:
    """A Transformer for windows of `length` characters; one seed gives the same other weights whatever the
    norm. Normalization starts from constants and draws no random numbers.
    """
    with modes.seeded(seed, torch.get_default_device().type):
        return Transformer(norm, symbols, length, own_layers, **options)


class LstmCell(nn.Module):
    """One step of an LSTM with three norms: of W_x x, of W_h h, of the cell (Cooijmans et al. 2017, eq. 6-8).

        i, f, g, o = norm(W_x x) + norm(W_h h) + b
        c = sigmoid(f) c + sigmoid(i) tanh(g)
        h = sigmoid(o) tanh(norm(c))

    Without norms it is torch.nn.LSTMCell, whose initial weights it has and whose two biases are one b here.

    Args:
        norm: of LSTM_NORMS: "batch" has statistics of its own for each of `length` steps, "layer" for each
            sequence and step.
        gamma: what each gamma starts at. Both norms have a beta for the cell alone: b does for the others.
    """

    def __init__(
        self, norm: str, inputs: int, units: int, length: int, own_layers: bool = False, gamma: float = 1.0
    ) -> None:
        super().__init__()
        if norm not in LSTM_NORMS:
            raise ValueError(f"unknown norm of an LSTM {norm!r}; choose one of {', '.join(LSTM_NORMS)}")
        self.from_input = nn.Linear(inputs, 4 * units, bias=False)
        self.from_hidden = nn.Linear(units, 4 * units, bias=False)
        self.bias = nn.Parameter(torch.empty(4 * units))
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -(units**-0.5), units**-0.5)
        self.input_norm, self.hidden_norm, self.cell_norm = (
            _lstm_norm(norm, channels, length, own_layers, gamma, beta)
            for channels, beta in ((4 * units, False), (4 * units, False), (units, True))
        )

    def forward(self, x: Tensor, h: Tensor, c: Tensor, t: int) -> tuple[Tensor, Tensor]:
        """From x (N, inputs) at step t, h and c (N, units) to the next h and c."""
        gates = _at(self.input_norm, self.from_input(x), t) + self.bias
        gates = gates + _at(self.hidden_norm, self.from_hidden(h), t)
        i, f, g, o = gates.chunk(4, dim=1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return o.sigmoid() * _at(self.cell_norm, c, t).tanh(), c


LSTM_NORMS = ("none", "batch", "layer")


def _lstm_norm(
    norm: str, channels: int, length: int, own_layers: bool, gamma: float, beta: bool
) -> nn.Module:
    if norm == "batch":
        return BatchNormByPosition(channels, length, own_layers, gamma, beta)
    if norm == "none":
        return nn.Identity()
    layer = (norms.LayerNorm if own_layers else nn.LayerNorm)(channels, bias=beta)
    nn.init.constant_(layer.weight, gamma)
    return layer


def _at(norm: nn.Module, x: Tensor, t: int) -> Tensor:
    return norm.at(x, t) if isinstance(norm, BatchNormByPosition) else norm(x)


class RowLstm(nn.Module):
    """Images (N, C, H, W) read row by row by an LSTM: H steps of C W numbers, a linear layer of the last h.

    Args:
        permuted: the pixels of all images are put into one random order first, the same for all networks, so
            that what lies side by side may be far apart in time (Le, Jaitly & Hinton 2015).
        gamma: see LstmCell.
    """

    def __init__(
        self,
        norm: str,
        in_channels: int,
        num_classes: int,
        size: tuple[int, int],
        own_layers: bool = False,
        units: int = 100,
        permuted: bool = False,
        gamma: float = 1.0,
    ) -> None:
        super().__init__()
        self.rows = size[0]
        pixels = in_channels * size[0] * size[1]
        order = np.random.RandomState(0).permutation(pixels) if permuted else np.arange(pixels)
        self.register_buffer("order", torch.from_numpy(order), persistent=False)
        self.units = units
        self.cell = LstmCell(norm, in_channels * size[1], units, self.rows, own_layers, gamma)
        self.classifier = nn.Linear(units, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        sequence = x.movedim(1, 2).flatten(1)[:, self.order].unflatten(1, (self.rows, -1))  # (N, H, C W)
        h = c = x.new_zeros(len(x), self.units)
        for t, row in enumerate(sequence.unbind(1)):
            h, c = self.cell(row, h, c, t)
        return self.classifier(h)
