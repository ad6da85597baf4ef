"""A deep fully connected net before training: what its layers pass on, forward and backward.

Layer l computes y = h W and h' = phi(y), without biases; a normalization, where there is one, stands
between the two. Expectations hold for wide layers with independent weights of mean 0 and deviation gain /
sqrt(width): then y is normal with mean 0 (Poole et al. 2016, Schoenholz et al. 2017), and one number,
E[y^2], tells the next layer's.
"""

import math
from collections.abc import Callable, Sequence

import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional as F

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "ReLU": torch.relu,
    "GELU": F.gelu,
}
GAINS = {"too small": 0.5, "Xavier": 1.0, "He": math.sqrt(2), "too large": 3.0}
"""Name of the initialization -> deviation of a weight times sqrt(width), for layers of one width."""

NORMALIZATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "none": lambda y: y,
    "batch": lambda y: F.batch_norm(y, None, None, training=True),
    "layer": lambda y: F.layer_norm(y, y.shape[1:]),
}
SATURATED = 0.05  # a unit is saturated where its derivative is below this share of the largest there is
_LARGEST_SLOPE = {"sigmoid": 0.25, "tanh": 1.0}


def draw(depth: int = 30, width: int = 256, count: int = 256, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Standard normal inputs (count, width) and weights (depth, width, width), float64, of one generator."""
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(count, width, generator=generator, dtype=torch.float64)
    return inputs, torch.randn(depth, width, width, generator=generator, dtype=torch.float64)


@torch.enable_grad()
def measure(
    inputs: Tensor, weights: Sequence[Tensor] | Tensor, activation: str, gain: float, norm: str = "none"
) -> pd.DataFrame:
    """One row for each layer, from 1: what passes it forward, and backward from a random signal at the end.

    Columns: `mean` and `deviation` of the activations over inputs and units; `between inputs`, the
    deviation of a unit over the inputs (root mean square over units); `gradient`, the root mean square of
    the loss's gradient at the activations, for a loss whose gradient at the last ones is standard normal;
    `saturated`, the share of activations whose derivative is below SATURATED of the largest (NaN where no
    activation saturates on both sides); `dead`, the share of units that are 0 for every input.

    Args:
        inputs: (N, n), float64.
        weights: for each layer standard normal (n, n); they are multiplied by gain / sqrt(n).
        activation: one of ACTIVATIONS.
        norm: one of NORMALIZATIONS, applied before the activation.
    """
    phi, normalize = _known(activation, ACTIVATIONS), _known(norm, NORMALIZATIONS)
    layers, h = [], inputs.clone().requires_grad_()
    for weight in weights:
        y = normalize(h @ weight * (gain / math.sqrt(len(weight))))
        h = phi(y)
        layers.append((y, h))
    signal = torch.randn(h.shape, generator=torch.Generator().manual_seed(1), dtype=h.dtype)
    gradients = torch.autograd.grad(h, [h for _, h in layers], signal)
    with torch.no_grad():
        rows = [
            {
                "layer": number,
                "mean": h.mean(),
                "deviation": h.std(correction=0),
                "between inputs": h.var(dim=0, correction=0).mean().sqrt(),
                "gradient": gradient.square().mean().sqrt(),
                "saturated": saturated(y, activation).double().mean()
                if activation in _LARGEST_SLOPE
                else torch.tensor(math.nan),
                "dead": dead(h).double().mean(),
            }
            for number, ((y, h), gradient) in enumerate(zip(layers, gradients, strict=True), start=1)
        ]
    return pd.DataFrame([{name: float(value) for name, value in row.items()} for row in rows]).set_index(
        "layer"
    )


def saturated(y: Tensor, activation: str) -> Tensor:
    """Where the derivative of "sigmoid" or "tanh" at y is below SATURATED of its largest; the shape of y."""
    largest = _known(activation, _LARGEST_SLOPE)
    return _slope(activation, y) < SATURATED * largest


def dead(h: Tensor) -> Tensor:
    """Which units (n,) are 0 for every input, for activations h (N, n)."""
    return (h == 0).all(dim=0)


def _slope(activation: str, y: Tensor) -> Tensor:
    with torch.enable_grad():
        y = y.detach().requires_grad_()
        return torch.autograd.grad(ACTIVATIONS[activation](y).sum(), y)[0]


def moments(activation: str, variance: float) -> dict[str, float]:
    """E[phi], E[phi^2] and E[phi'^2] at y normal with mean 0 and that variance, by the midpoint rule.

    Keys `mean`, `square`, `slope`.
    """
    cells = 8000  # an even number: no node at 0, where ReLU has a kink
    z = (torch.arange(cells, dtype=torch.float64) + 0.5) * (20 / cells) - 10
    density = torch.exp(-(z**2) / 2) * (20 / cells) / math.sqrt(2 * math.pi)
    y = z * math.sqrt(variance)
    phi, slope = _known(activation, ACTIVATIONS)(y), _slope(activation, y)
    found = {"mean": phi, "square": phi**2, "slope": slope**2}
    return {name: float((value * density).sum()) for name, value in found.items()}


def expected(activation: str, gain: float, depth: int = 30) -> pd.DataFrame:
    """What `measure` should find without a norm, as columns mean, deviation and gradient by layer.

    E[y^2] of a layer is gain^2 E[h^2] of its input (1 for the first); backward each layer multiplies
    the square of the gradient at its output by gain^2 E[phi'(y)^2].
    """
    square, rows, slopes = 1.0, [], []
    for number in range(1, depth + 1):
        m = moments(activation, gain**2 * square)
        square = m["square"]
        rows.append(
            {"layer": number, "mean": m["mean"], "deviation": math.sqrt(max(square - m["mean"] ** 2, 0))}
        )
        slopes.append(gain**2 * m["slope"])
    for number, row in enumerate(rows, start=1):  # the slopes of the layers after this one
        row["gradient"] = math.sqrt(math.prod(slopes[number:]))
    return pd.DataFrame(rows).set_index("layer")


def _known(name: str, table: dict) -> object:
    if name not in table:
        raise ValueError(f"unknown name {name!r}; choose one of {', '.join(table)}")
    return table[name]
