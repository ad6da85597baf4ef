"""What each norm costs on this machine: written by hand, compiled, the course's, PyTorch's; for lesson 06.

    python tests/benchmarks/norm_costs.py [--rounds 15] [--out data/results/norm_costs.json]

Forward and backward on one thread in float32: the median processor time over alternating rounds, and the
memory kept for backward. `torch.compile` needs a C++ compiler and minutes; without one its column is null.
"""

import argparse
import datetime
import json
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from helpers import ROOT
from helpers.figures.sharing import POOLED
from helpers.lessons.layer_group_instance_rms_norm.costs import forward_and_backward, kept, milliseconds
from helpers.nn import norms
from helpers.studies.records import environment

SHAPE, GROUPS = (64, 32, 32, 32), 8  # a batch in the middle of a small network; 8 MB
NORMS = ("batch", "layer", "group", "instance", "RMS", "position")


class PerPosition(nn.Module):
    """Layer norm over the channels of each pixel, as in ConvNeXt: (N, C, H, W), in and out."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def layer(norm: str, library: object) -> nn.Module:
    """The norm from `torch.nn` or `helpers.nn.norms`."""
    _, c, h, w = SHAPE
    return {
        "batch": lambda: library.BatchNorm2d(c),
        "layer": lambda: library.LayerNorm((c, h, w)),
        "group": lambda: library.GroupNorm(GROUPS, c),
        "instance": lambda: library.InstanceNorm2d(c, affine=True),
        "RMS": lambda: library.RMSNorm((c, h, w), eps=1e-5),
        "position": lambda: PerPosition(library.LayerNorm(c)),
    }[norm]()


def normalize(x: Tensor, axes: tuple[int, ...], eps: float = 1e-5, center: bool = True) -> Tensor:
    """Lesson 06's `normalize`."""
    deviation = x - x.mean(axes, keepdim=True) if center else x
    var = (deviation**2).mean(axes, keepdim=True)
    return deviation / torch.sqrt(var + eps)


def by_hand(norm: str, weight: Tensor, bias: Tensor | None) -> Callable[[Tensor], Tensor]:
    """The norm of those lines, with parameters as the layer has them."""
    shape = (1, -1, 1, 1) if weight.dim() == 1 else weight.shape

    def forward(x: Tensor) -> Tensor:
        if norm == "group":
            x_hat = normalize(x.unflatten(1, (GROUPS, -1)), (2, 3, 4)).flatten(1, 2)
        else:
            x_hat = normalize(x, POOLED[norm], center=norm != "RMS")
        y = x_hat * weight.view(shape)
        return y if bias is None else y + bias.view(shape)

    return forward


def compiled(forward: Callable[[Tensor], Tensor], x: Tensor) -> Callable[[Tensor], Tensor] | None:
    """`forward`, compiled; None where that does not work, with the reason printed."""
    try:
        result = torch.compile(forward)
        result(x.detach().requires_grad_()).sum().backward()
    except Exception as error:  # whatever a missing compiler raises
        print(f"not compiled: {type(error).__name__}: {str(error).splitlines()[0]}")
        return None
    return result


def measure(rounds: int) -> tuple[dict[str, dict[str, float | None]], dict[str, dict[str, float | None]]]:
    """Milliseconds and memory kept (in multiples of x): norm -> kind -> number."""
    torch.manual_seed(0)
    x = torch.randn(SHAPE)
    last = x.contiguous(memory_format=torch.channels_last)
    times: dict[str, dict[str, float | None]] = {}
    memory: dict[str, dict[str, float | None]] = {}
    for norm in NORMS:
        theirs, ours = layer(norm, nn), layer(norm, norms)
        parameters = list(theirs.parameters())
        hand = by_hand(norm, *parameters, *[None] * (2 - len(parameters)))
        kinds = {
            "by hand": (hand, x, parameters),
            "by hand, compiled": (compiled(hand, x), x, parameters),
            "course": (ours, x, list(ours.parameters())),
            "torch": (theirs, x, parameters),
            "torch, channels_last": (theirs, last, parameters),
        }
        there = {kind: case for kind, case in kinds.items() if case[0] is not None}
        found = milliseconds({kind: forward_and_backward(*case) for kind, case in there.items()}, rounds)
        times[norm] = {kind: round(found[kind], 2) if kind in found else None for kind in kinds}
        memory[norm] = {kind: round(kept(*there[kind]), 2) if kind in there else None for kind in kinds}
        print(norm, times[norm], memory[norm], flush=True)
    return times, memory


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--out", type=Path, default=ROOT / "data" / "results" / "norm_costs.json")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    times, memory = measure(arguments.rounds)
    result = {
        "date": datetime.date.today().isoformat(),
        "command": f"python tests/benchmarks/norm_costs.py --rounds {arguments.rounds}",
        "environment": environment(),
        "shape": SHAPE,
        "groups": GROUPS,
        "threads": 1,
        "milliseconds": times,
        "kept": memory,
    }
    arguments.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
