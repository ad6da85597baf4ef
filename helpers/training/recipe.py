"""What decides what is learned, beside network, data and seed."""

import math
from dataclasses import dataclass, field
from itertools import pairwise

from helpers.images.batches import Augment
from helpers.nn.penalties import PENALIZED

OPTIMIZERS = ("sgd", "adam", "adamw", "muon")
SCHEDULES = ("one_cycle", "constant", "linear")
L1_STEPS = ("subgradient", "proximal")


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what is learned, beside network, data and seed.

    lr: the learning rate, for "one_cycle" its peak. With "one_cycle" (torch's OneCycleLR with its defaults)
        the momentum cycles between 0.95 and 0.85 too, so that `momentum` counts for the others only.
    optimizer: one of OPTIMIZERS. With "muon" the matrices of the model (see separable.matrices) are trained
        by torch's Muon, at the rate matrix_lr, all else by SGD.
    schedule: one of SCHEDULES. With "linear" the rate falls from lr in a straight line, to lr / steps in the
        last step.
    weight_decay: for "adam" and "sgd" the gradient of an L2 penalty, for "adamw" and Muon's matrices
        decoupled.
    l1: factor of the penalty sum |w|.
    l1_step: how l1 acts: "subgradient" (None too) adds l1 * sign(w) to the gradient; "proximal" soft-
        thresholds the weights after each step of SGD, by lr * l1 / (1 - momentum): same stationary points.
    penalized: what weight_decay and l1 are for: "all" parameters (None too), the "weights" of linear and
        convolution layers only, those of "convolutions" only, or all "others" but these, see
        penalties.penalized: where a layer computes its weight from parameters (weight norm, pruning,
        parametrizations), the penalty is one on these.
    matrix_lr: Muon's learning rate, with "muon" alone.
    matrix_decay: the weight decay of Muon's matrices; weight_decay if None.
    bias_factor: the rate of biases, those of norms too, is lr times this; lr if None.
    average: what is evaluated, and what the model is at the end, is an exponential moving average of the
        weights and the running statistics, which keeps this share of itself in each step; none if None.

    A step, its decay and its penalty leave a parameter alone that has no gradient: a frozen one, or one of a
    layer that the forward pass did not use.

    Raises:
        ValueError: an unknown name, a number out of its range, the proximal step with another optimizer.
    """

    epochs: int = 20
    batch_size: int = 512
    optimizer: str = "sgd"
    lr: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 1e-4
    l1: float = 0.0
    label_smoothing: float = 0.0
    schedule: str = "one_cycle"
    augment: Augment = field(default_factory=Augment)
    l1_step: str | None = None
    penalized: str | None = None
    matrix_lr: float | None = None
    matrix_decay: float | None = None
    bias_factor: float | None = None
    average: float | None = None

    def __post_init__(self) -> None:
        if self.optimizer not in OPTIMIZERS:
            raise ValueError(f"optimizer={self.optimizer!r}; choose one of {', '.join(OPTIMIZERS)}")
        if self.schedule not in SCHEDULES:
            raise ValueError(f"schedule={self.schedule!r}; choose one of {', '.join(SCHEDULES)}")
        whole = all(type(number) is int and number >= 1 for number in (self.epochs, self.batch_size))
        if not whole:
            raise ValueError(
                f"epochs={self.epochs}, batch_size={self.batch_size}; both are whole numbers of at least 1"
            )
        positive = (self.lr, self.weight_decay, self.l1, self.momentum)
        if not all(
            type(n) is not bool and isinstance(n, int | float) for n in (*positive, self.label_smoothing)
        ):
            raise ValueError(
                f"lr={self.lr!r}, momentum={self.momentum!r}, weight_decay={self.weight_decay!r}, "
                f"l1={self.l1!r}, label_smoothing={self.label_smoothing!r}; all are plain numbers"
            )
        if not isinstance(self.augment, Augment):
            raise ValueError(
                f"augment={self.augment!r}; give an Augment, which without arguments changes nothing"
            )
        if not all(math.isfinite(number) for number in positive) or not self.lr > 0 or min(positive) < 0:
            raise ValueError(
                f"lr={self.lr}, momentum={self.momentum}, weight_decay={self.weight_decay}, l1={self.l1}; "
                "lr is above 0, the others are at least 0, all are finite"
            )
        if not self.momentum < 1 or not 0 <= self.label_smoothing <= 1:
            raise ValueError(
                f"momentum={self.momentum}, label_smoothing={self.label_smoothing}; momentum is from 0 to "
                "below 1, label_smoothing from 0 to 1"
            )
        if self.l1_step not in (None, *L1_STEPS) or self.penalized not in (None, *PENALIZED):
            raise ValueError(
                f"l1_step={self.l1_step!r}, penalized={self.penalized!r}; choose l1_step from "
                f"{', '.join(L1_STEPS)} and penalized from {', '.join(PENALIZED)}"
            )
        if self.l1_step == "proximal" and self.optimizer != "sgd":
            raise ValueError(
                f'l1_step="proximal" with optimizer={self.optimizer!r}: the soft threshold is that of a '
                'gradient step; choose optimizer="sgd", or l1_step="subgradient"'
            )
        if (self.optimizer == "muon") != (self.matrix_lr is not None):
            raise ValueError(
                f'optimizer={self.optimizer!r}, matrix_lr={self.matrix_lr}; "muon" has a matrix_lr, '
                "the others have none"
            )
        if self.matrix_decay is not None and self.optimizer != "muon":
            raise ValueError(f"matrix_decay={self.matrix_decay} with optimizer={self.optimizer!r}")
        for name in ("matrix_lr", "matrix_decay", "bias_factor", "average"):
            value, limit = getattr(self, name), 1 if name == "average" else math.inf
            if value is not None and not 0 < value < limit:
                raise ValueError(f"{name}={value}; give a number above 0 and below {limit:g}, or None")


@dataclass(frozen=True)
class TextRecipe:
    """Everything that decides what is learned from a text, beside network, text and seed.

    `steps` steps of AdamW on windows of `length` characters that begin anywhere, `batch_size` at a time. The
    rate rises to lr over `warmup` steps, in a straight line, and falls to lr / 10 by the last step, along a
    cosine. Decay acts on matrices alone, embeddings among them. The gradient's norm is clipped at `clip`.

    evaluations: the steps, in ascending order, after which the network is evaluated, beside the last.
    characters: the first so many of the training text are trained on; all if None.

    Raises:
        ValueError: a number out of its range.
    """

    steps: int = 400
    batch_size: int = 12
    length: int = 64
    lr: float = 1e-3
    warmup: int = 0
    weight_decay: float = 0.1
    betas: tuple[float, float] = (0.9, 0.99)
    clip: float = 1.0
    evaluations: tuple[int, ...] = ()
    characters: int | None = None

    def __post_init__(self) -> None:
        counts = (self.steps, self.batch_size, self.length)
        counts += () if self.characters is None else (self.characters,)
        if not all(type(number) is int and number >= 1 for number in counts):
            raise ValueError(
                f"steps={self.steps}, batch_size={self.batch_size}, length={self.length}, "
                f"characters={self.characters}; all are whole numbers of at least 1"
            )
        positive = (self.lr, self.clip, self.weight_decay)
        if not all(math.isfinite(number) for number in positive) or min(self.lr, self.clip) <= 0:
            raise ValueError(f"lr={self.lr}, clip={self.clip}; both are above 0 and finite")
        if self.weight_decay < 0 or not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(
                f"weight_decay={self.weight_decay}, betas={self.betas}; a decay is at least 0, a beta from "
                "0 to below 1"
            )
        if not 0 <= self.warmup < self.steps:
            raise ValueError(f"warmup={self.warmup}; of {self.steps} steps 0 to {self.steps - 1} warm up")
        between = (0, *self.evaluations, self.steps)
        if any(a >= b for a, b in pairwise(between)):
            raise ValueError(
                f"evaluations={self.evaluations}; give rising numbers of steps from 1 to {self.steps - 1}: "
                "the last step is evaluated anyway"
            )

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        if step < self.warmup:
            return self.lr * (step + 1) / (self.warmup + 1)
        left = self.steps - 1 - self.warmup
        share = (step - self.warmup) / left if left else 1.0  # 0 at the peak, 1 in the last step
        return self.lr * (0.1 + 0.45 * (1 + math.cos(math.pi * share)))
