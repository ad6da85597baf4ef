"""The course's norms in torch's transforms: torch.func, forward mode, autocast, compile, export, trace."""

import copy
import io
import warnings
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.func import functional_call, grad, hessian, jacfwd, jacrev, jvp, linearize, vjp, vmap
from torch.fx import symbolic_trace
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils.checkpoint import checkpoint
from torchvision.models.feature_extraction import create_feature_extractor

from helpers.nn import norms
from tests.nn.test_norms import CLOSE, FLOAT64, IMAGE_LAYERS, assert_same, every_layer, pair

torch.manual_seed(0)
X, DIRECTION = torch.randn(2, 4, 3, 5, **FLOAT64), torch.randn(2, 4, 3, 5, **FLOAT64)
BATCHES = torch.stack([X, 2 * X + 1, DIRECTION])


def loss(module: nn.Module) -> Callable[[Tensor], Tensor]:
    """Not linear in the output, so that all second derivatives count."""
    return lambda x: module(x).pow(3).sum()


def by_parameters(module: nn.Module) -> tuple[Callable, dict[str, Tensor]]:
    """The loss as a function of the parameters and x, and the parameters."""
    buffers = dict(module.named_buffers())

    def function(parameters, x):
        return functional_call(module, (parameters, buffers), x).pow(3).sum()

    return function, dict(module.named_parameters())


def several(parameters: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: torch.stack([value, 2 * value]) for name, value in parameters.items()}


def ensemble(module):
    """Two models at once, each with its own parameters and its own buffers."""
    state = dict(module.named_parameters()) | dict(module.named_buffers())
    return vmap(lambda state, x: functional_call(module, state, x), in_dims=(0, None))(several(state), X)


def vmapped_vjp(module):
    _, pull_back = vjp(module, X)
    return vmap(pull_back)(BATCHES)


def dual(module):
    with forward_ad.dual_level():
        return forward_ad.unpack_dual(module(forward_ad.make_dual(X, DIRECTION)))


def dual_parameters(module):
    with forward_ad.dual_level():
        parameters = {
            name: forward_ad.make_dual(value.detach(), torch.ones_like(value))
            for name, value in module.named_parameters()
        }
        return forward_ad.unpack_dual(functional_call(module, parameters, X))


def forward_over_backward(module):
    x = X.clone().requires_grad_()
    with forward_ad.dual_level():
        y = loss(module)(forward_ad.make_dual(x, DIRECTION))
        (gradient,) = torch.autograd.grad(y, x, create_graph=True)
        return forward_ad.unpack_dual(gradient).tangent


def double_backward(module):
    inputs = [X.clone().requires_grad_(), *module.parameters()]
    gradients = torch.autograd.grad(loss(module)(inputs[0]), inputs, create_graph=True)
    return torch.autograd.grad(sum(gradient.square().sum() for gradient in gradients), inputs)


def batched_gradients(module):
    x = X.clone().requires_grad_()
    return torch.autograd.grad(module(x), x, BATCHES, is_grads_batched=True)


def linearized(module):
    y, push_forward = linearize(module, X)
    return y, push_forward(DIRECTION)


def traced(module):
    with warnings.catch_warnings():  # newer versions of torch would rather have torch.export
        warnings.simplefilter("ignore")
        file = io.BytesIO()
        torch.jit.save(torch.jit.trace(module, (X,), check_trace=False), file)
        file.seek(0)
        return torch.jit.load(file)(X)


TRANSFORMS = {
    "vmap": lambda m: vmap(m)(BATCHES),
    "vmap of axis 2, to axis 1": lambda m: vmap(m, in_dims=2, out_dims=1)(BATCHES.movedim(0, 2)),
    "vmap of vmap": lambda m: vmap(vmap(m))(BATCHES[None]),
    "vmap over parameters": lambda m: vmap(by_parameters(m)[0], (0, None))(several(by_parameters(m)[1]), X),
    "vmap over models": ensemble,
    "jvp": lambda m: jvp(m, (X,), (DIRECTION,)),
    "vjp": lambda m: vjp(m, X)[1](DIRECTION),
    "vmap of vjp": vmapped_vjp,
    "jacfwd": lambda m: jacfwd(m)(X),
    "jacrev": lambda m: jacrev(m)(X),
    "vmap of jacfwd": lambda m: vmap(jacfwd(loss(m)))(BATCHES),
    "vmap of jacrev": lambda m: vmap(jacrev(m))(BATCHES),
    "grad": lambda m: grad(by_parameters(m)[0], argnums=(0, 1))(by_parameters(m)[1], X),
    "gradient for each image": lambda m: vmap(grad(by_parameters(m)[0]), (None, 0))(
        by_parameters(m)[1], BATCHES
    ),
    "hessian": lambda m: hessian(loss(m))(X),
    "hessian by the parameters": lambda m: hessian(by_parameters(m)[0])(by_parameters(m)[1], X),
    "jacrev of jacrev": lambda m: jacrev(jacrev(loss(m)))(X),
    "jvp of grad": lambda m: jvp(grad(loss(m)), (X,), (DIRECTION,)),
    "linearize": linearized,
    "dual numbers": dual,
    "dual parameters": dual_parameters,
    "forward over backward": forward_over_backward,
    "double backward": double_backward,
    "batched gradients": batched_gradients,
    "jacobian, vectorized": lambda m: torch.autograd.functional.jacobian(m, X, vectorize=True),
    "jacobian, forward mode": lambda m: torch.autograd.functional.jacobian(
        m, X, vectorize=True, strategy="forward-mode"
    ),
    "checkpoint": lambda m: torch.autograd.grad(
        checkpoint(loss(m), X.clone().requires_grad_(), use_reentrant=False), m.weight
    ),
    "make_fx": lambda m: make_fx(m)(X)(X),
    "make_fx of grad": lambda m: make_fx(grad(loss(m)))(X)(X),
    "export": lambda m: torch.export.export(m, (X,)).module()(X),
    "trace": traced,
}
# Whether running statistics move, and how often, where a transform calls the layer as often as it likes.
CALLED_MORE_THAN_ONCE = {"checkpoint", "linearize"}


# The layers in each of their modes. Two of them have statistics that may be kept or not.
MODES = [(name, mode) for name in IMAGE_LAYERS for mode in ("in training", "in evaluation")]
MODES += [("BatchNorm2d", "nothing kept"), ("InstanceNorm2d", "nothing kept")]


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize(("name", "mode"), MODES)
def test_transforms_as_torch(name, mode, transform):
    """The same values as torch's layer. Refused where torch refuses: a batch of batches and one buffer."""
    torch.manual_seed(0)
    arguments = (4, 1e-5, 0.1, True, False) if mode == "nothing kept" else IMAGE_LAYERS[name]
    ours, theirs = pair(name, *arguments, **FLOAT64)
    ours.train(mode != "in evaluation"), theirs.train(mode != "in evaluation")
    try:
        expected = TRANSFORMS[transform](theirs)
    except RuntimeError as refused:
        if not any(reason in str(refused) for reason in ("in-place", "running_mean")):
            raise
        with pytest.raises(RuntimeError, match=r"in-?place"):
            TRANSFORMS[transform](ours)
    else:
        torch.testing.assert_close(TRANSFORMS[transform](ours), expected, **CLOSE[torch.float64])
        if transform not in CALLED_MORE_THAN_ONCE:
            torch.testing.assert_close(ours.state_dict(), theirs.state_dict())


@pytest.mark.parametrize("outer", [jacfwd, jacrev])
@pytest.mark.parametrize("training", [True, False])
@every_layer
def test_second_derivatives_over_jacfwd(name, training, outer):
    """Held to backward over backward: here torch 2.15's own batch, layer and instance norm are wrong.

    And a Function's jvp is wrong below another jacfwd (pytorch#197867), unless it sees to that itself.
    """
    torch.manual_seed(0)
    arguments = (4, 1e-5, 0.1, True, not training) if name in ("BatchNorm2d", "InstanceNorm2d") else None
    module = pair(name, *(arguments or IMAGE_LAYERS[name]), **FLOAT64)[0].train(training)
    expected = jacrev(jacrev(loss(module)))(X)
    torch.testing.assert_close(outer(jacfwd(loss(module)))(X), expected, **CLOSE[torch.float64])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.filterwarnings("ignore:Mismatch dtype between input and weight")  # torch's RMS norm, on itself
@every_layer
def test_after_autocast(name, dtype):
    """Forward inside the region; outside of it backward, once and twice, and a vmapped vjp.

    Type as torch's, and values as torch's in float32: its own second derivative refuses mixed types.
    """
    torch.manual_seed(0)
    ours, theirs = pair(name, *IMAGE_LAYERS[name])
    results = []
    for module, x, region in ((ours.eval(), X.to(dtype), True), (theirs.eval(), X.to(dtype).float(), False)):
        inputs = [x.clone().requires_grad_(), *module.parameters()]
        with torch.autocast("cpu", torch.bfloat16, enabled=region):
            y = module(inputs[0])
            _, pull_back = vjp(module, x)
        gradients = torch.autograd.grad(y.float().pow(2).sum(), inputs, create_graph=True)
        second = torch.autograd.grad(gradients[0].float().pow(2).sum(), inputs[:2])
        (pulled,) = vmap(pull_back)(BATCHES.to(dtype).to(x.dtype))
        results.append([y, *gradients, *second, pulled])
    with torch.autocast("cpu", torch.bfloat16):
        assert results[0][0].dtype == theirs(X.to(dtype)).dtype == dtype
    for a, b in zip(*results, strict=True):
        largest = b.abs().max()  # a gradient's small elements are differences of large ones
        torch.testing.assert_close(a.float() / largest, b / largest, **CLOSE[dtype])


@every_layer
def test_compiles_as_one_graph(name):
    torch.manual_seed(0)
    torch.compiler.reset()
    ours, theirs = pair(name, *IMAGE_LAYERS[name])
    ours.compile(fullgraph=True, backend="aot_eager")
    for training in (True, False):
        assert_same(ours.train(training), theirs.train(training), torch.randn(2, 4, 3, 5))


def test_compiles_to_machine_code():
    """In training, with an operation in place behind it: the compiler merges both into a loop."""
    torch.manual_seed(0)
    ours, theirs = (nn.Sequential(layer, nn.ReLU(inplace=True)) for layer in pair("BatchNorm2d", 4))
    torch.compiler.reset()
    ours.compile(fullgraph=True)
    x = torch.randn(2, 4, 3, 5)
    try:
        ours(x)
    except Exception as error:
        if "compiler" in str(error).lower() or "CppCompileError" in type(error).__name__:
            pytest.skip(f"torch.compile found no C++ compiler that works: {str(error).splitlines()[0]}")
        raise
    theirs(x)
    assert_same(ours, theirs, x)


@pytest.mark.parametrize("training", [True, False])
@every_layer
def test_torch_fx_notes_one_call_as_of_torchs_layer(name, training):
    """A tracer looks into every module that does not come from torch.nn, and in there finds control flow."""
    torch.manual_seed(0)
    nets = [
        nn.Sequential(nn.Identity(), nn.Sequential(layer), nn.ReLU())
        for layer in pair(name, *IMAGE_LAYERS[name])
    ]
    graphs = [symbolic_trace(net.train(training)) for net in nets]
    assert [[node.op for node in graph.graph.nodes] for graph in graphs] == [
        ["placeholder", *["call_module"] * 3, "output"]
    ] * 2
    assert_same(*graphs, torch.randn(2, 4, 3, 5))
    inner = [create_feature_extractor(net, ["1.0"])(X.float())["1.0"] for net in nets]
    torch.testing.assert_close(*inner)


@every_layer
def test_shapes_on_meta(name):
    """No numbers, only shapes, types and strides: how torch plans without memory."""
    module = getattr(norms, name)(*IMAGE_LAYERS[name], device="meta")
    theirs = getattr(nn, name)(*IMAGE_LAYERS[name], device="meta")
    for x in (X, X.bfloat16(), X.float().contiguous(memory_format=torch.channels_last)):
        y, expected = module(x.to("meta")), theirs(x.to("meta"))
        assert (y.shape, y.dtype, y.is_meta) == (expected.shape, expected.dtype, True)
    assert copy.deepcopy(module)(X.to("meta")).is_meta
