"""What a layer costs: what it keeps in memory for backward, and the time of forward and backward."""

import statistics
import time
from collections.abc import Callable, Iterable, Mapping

import torch
from torch import Tensor


@torch.enable_grad()
def kept(layer: Callable[[Tensor], Tensor], x: Tensor, parameters: Iterable[Tensor] = ()) -> float:
    """Memory that `layer(x)` holds on to for backward, in multiples of the memory of `x`.

    Exact, not sampled: autograd says what it saves. A tensor saved twice counts once; `parameters` do not
    count, being in memory anyway. `x` itself counts if it is kept; whether the layer before keeps it as well
    is another question, which a `layer` made of both answers.
    """
    not_counted = {tensor.untyped_storage().data_ptr() for tensor in parameters}
    found: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in not_counted:
            found[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        y = layer(x.detach().requires_grad_())  # holds the graph, and so the addresses, until the sum
    total = sum(found.values())
    del y
    return total / x.untyped_storage().nbytes()


def forward_and_backward(
    layer: Callable[[Tensor], Tensor], x: Tensor, parameters: Iterable[Tensor]
) -> Callable[[], None]:
    """A function that does one forward and one backward pass through `layer`, to `x` and the parameters."""
    x = x.detach().requires_grad_()  # keeps the memory format
    inputs = [x, *parameters]
    gradient = torch.ones_like(layer(x))

    @torch.enable_grad()
    def work() -> None:
        torch.autograd.grad(layer(x), inputs, gradient)

    return work


def milliseconds(work: Mapping[str, Callable[[], object]], rounds: int = 7) -> dict[str, float]:
    """Median processor time of each piece of work: one call of each in every round, after one not counted.

    Rounds alternate, so that a slow spell of the machine meets all alike. Processor time is that of this
    process, all threads added up: another program's does not count, but sharing caches with it still shows.
    """
    for call in work.values():
        call()
    taken: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(rounds):
        for name, call in work.items():
            start = time.process_time()
            call()
            taken[name].append(time.process_time() - start)
    return {name: 1000 * statistics.median(times) for name, times in taken.items()}
