"""What the cells of the lessons say aloud: claims checked on the spot, and the course's worked example."""

import torch
from torch import Tensor

from helpers.records import published

# Rounding of a few hundred operations: generous beside the error seen (a few units in the last place), tiny
# beside what any wrong formula gives.
_TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-5, torch.bfloat16: 1e-2, torch.float16: 1e-3}


def _plain(value: object) -> Tensor:
    """The value as a tensor on the CPU, outside any graph."""
    return torch.as_tensor(value).detach().cpu()


def _difference(a: Tensor, b: Tensor) -> float:
    """Largest |a - b|, divided by the largest |b| where that is above 1; NaN where either holds a NaN."""
    a, b = a.double(), b.double()
    if a.numel() == 0 or torch.equal(a, b):  # equal also covers infinities, whose difference is NaN
        return 0.0
    largest = (a - b).abs().max() / b.abs().max().clamp(min=1.0)
    return float(largest)


def holds(text: str, a: object, b: object, tolerance: float | None = None) -> None:
    """Print `holds: text` where `a` and `b` agree, `DOES NOT HOLD: text (why)` where they do not.

    Args:
        text: the claim, as a short statement.
        a, b: tensors, numbers or nested lists of equal shape; compared on the CPU.
        tolerance: largest difference allowed, relative to the largest |b| where that is above 1, absolute
            otherwise. By default 1e-10 for float64 and 1e-5 for float32 (the coarser of the two types);
            integers and booleans must be equal.
    """
    a, b = _plain(a), _plain(b)
    if a.shape != b.shape:
        print(f"DOES NOT HOLD: {text} (shapes {tuple(a.shape)} and {tuple(b.shape)})")
        return
    if tolerance is None:
        tolerance = max(_TOLERANCE.get(a.dtype, 0.0), _TOLERANCE.get(b.dtype, 0.0))
    difference = _difference(a, b)
    if difference <= tolerance:  # False for NaN, as it should be
        print(f"holds: {text}")
    else:
        print(f"DOES NOT HOLD: {text} (largest difference {difference:.1e}, allowed {tolerance:.0e})")


def worked_example() -> Tensor:
    """The published worked example: 3 images, 4 channels, 1 x 2 pixels, float32 (3, 4, 1, 2).

    Source: `data/published.json`, key `worked_example`.
    """
    return torch.tensor(published()["worked_example"]["images"], dtype=torch.float32)
