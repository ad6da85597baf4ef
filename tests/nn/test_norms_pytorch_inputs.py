"""PyTorch's own test inputs for its normalizations, layers and functions, run against the course's."""

import copy
import functools
import itertools
import pickle
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import gradcheck, gradgradcheck
from torch.func import functional_call, jvp, vjp, vmap
from torch.testing._internal.common_modules import ModuleErrorEnum, module_db
from torch.utils import _pytree as pytree

from helpers.nn import functional, norms
from helpers.nn.layers import GhostBatchNorm2d
from tests.nn.test_norms import CLOSE, assert_same

NAMES = {
    "BatchNorm1d",
    "BatchNorm2d",
    "GroupNorm",
    "InstanceNorm1d",
    "InstanceNorm2d",
    "LayerNorm",
    "RMSNorm",
}
INFOS = {info.module_cls.__name__: info for info in module_db if info.module_cls.__name__ in NAMES}
every_module = pytest.mark.parametrize("name", sorted(INFOS))
in_both_modes = pytest.mark.parametrize("training", [True, False])
pytestmark = pytest.mark.filterwarnings("ignore:input's size at dim", "ignore:expected .* channels at dim")


def with_gaps(value: Tensor) -> Tensor:
    return value.repeat_interleave(2, -1)[..., ::2]


def in_channels_last(value: Tensor) -> Tensor:
    return value.clone(memory_format=torch.channels_last if value.dim() == 4 else torch.preserve_format)


def test_pytorch_has_inputs_for_every_norm():
    assert INFOS.keys() == NAMES


# Layers: ModuleInputs.


def modules(name: str, dtype: torch.dtype, training: bool) -> Iterator[tuple[nn.Module, nn.Module, Tensor]]:
    """The course's layer, torch's, and an input, for each of PyTorch's inputs."""
    info = INFOS[name]
    torch.manual_seed(0)
    inputs = info.module_inputs_func(info, device="cpu", dtype=dtype, requires_grad=False, training=training)
    assert len(inputs) >= 4
    for case in inputs:
        build, (x,) = case.constructor_input, case.forward_input.args
        ours, theirs = (
            cls(*build.args, **build.kwargs, dtype=dtype) for cls in (getattr(norms, name), info.module_cls)
        )
        yield ours.train(training), theirs.train(training), x


@in_both_modes
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@every_module
def test_layers_forward_and_gradients(name, dtype, training):
    for ours, theirs, x in modules(name, dtype, training):
        assert_same(ours, theirs, x)


@in_both_modes
@every_module
def test_layers_on_other_memory(name, training):
    """Non-contiguous inputs, the parameters as well, and channels_last."""
    for ours, theirs, x in modules(name, torch.float64, training):
        transposed = [x.mT.contiguous().mT] if x.dim() > 1 else []
        for view in (with_gaps(x), in_channels_last(x), *transposed):
            assert_same(ours, theirs, view)
        for parameter in ours.parameters():
            parameter.data = with_gaps(parameter.data)
        assert_same(ours, theirs, x)


@in_both_modes
@every_module
def test_layers_derivatives(name, training):
    for module, _, x in modules(name, torch.float64, training):
        parameters = dict(module.named_parameters())

        def output(x, *values, module=module, parameters=parameters):
            fresh = copy.deepcopy(module)  # so that running statistics stay
            return functional_call(fresh, dict(zip(parameters, values, strict=True)), x)

        inputs = (x.requires_grad_(), *(value.detach().requires_grad_() for value in parameters.values()))
        assert gradcheck(output, inputs, check_forward_ad=True, fast_mode=True)
        assert gradgradcheck(output, inputs, check_fwd_over_rev=True, fast_mode=True)


@in_both_modes
@every_module
def test_layers_pickle_and_move(name, training):
    """A pickled copy is the same layer; on meta, and in another type, it has torch's shapes and types."""
    for ours, theirs, x in modules(name, torch.float64, training):
        assert_same(pickle.loads(pickle.dumps(ours)), theirs, x)
        for move in (lambda value: value.float(), lambda value: value.to("meta")):
            a, b = move(copy.deepcopy(ours)), move(copy.deepcopy(theirs))
            if training and getattr(theirs, "momentum", 0) is None and move(x).is_meta:
                continue  # torch's layer fails as well: it needs the value of its count
            y, expected = a(move(x)), b(move(x))
            assert (y.shape, y.dtype, y.device) == (expected.shape, expected.dtype, expected.device)
            described = [
                [(key, value.shape, value.dtype, value.device) for key, value in module.state_dict().items()]
                for module in (a, b)
            ]
            assert described[0] == described[1]


@in_both_modes
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_ghosts_of_a_whole_batch_are_batch_norm(dtype, training):
    """With as many images as the batch has. Other settings are put in: its constructor has none."""
    for _, theirs, x in modules("BatchNorm2d", dtype, training):
        ghost = GhostBatchNorm2d(theirs.num_features, max(1, len(x))).to(dtype).train(training)
        for name in ("eps", "momentum", "affine", "track_running_stats"):
            setattr(ghost, name, getattr(theirs, name))
        for name in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"):
            setattr(ghost, name, copy.deepcopy(getattr(theirs, name)))
        assert_same(ghost, theirs, x)
        for view in (with_gaps(x), in_channels_last(x)):
            assert_same(ghost, theirs, view)


ERRORS = sorted(name for name, info in INFOS.items() if info.module_error_inputs_func)


@pytest.mark.parametrize("name", ERRORS)
def test_layers_errors(name):
    info = INFOS[name]
    cases = info.module_error_inputs_func(
        info, device="cpu", dtype=torch.float32, requires_grad=False, training=True
    )
    assert cases
    for case in cases:
        build, call = case.module_error_input.constructor_input, case.module_error_input.forward_input
        if case.error_on == ModuleErrorEnum.CONSTRUCTION_ERROR:
            with pytest.raises(case.error_type, match=case.error_regex):
                getattr(norms, name)(*build.args, **build.kwargs)
        else:
            module = getattr(norms, name)(*build.args, **build.kwargs)
            with pytest.raises(case.error_type, match=case.error_regex):
                module(*call.args, **call.kwargs)


# Functions: OpInfo's SampleInputs.

FUNCTIONS = ("batch_norm", "group_norm", "instance_norm", "layer_norm", "rms_norm")
every_function = pytest.mark.parametrize("name", FUNCTIONS)


@functools.cache
def op_info(name: str) -> object:
    from torch.testing._internal.common_methods_invocations import op_db  # takes seconds: not when collecting

    full_name = f"nn.functional.{name}"
    return next(info for info in op_db if info.name == full_name and not info.variant_test_name)


def samples(name: str, dtype: torch.dtype = torch.float64, larger: bool = False) -> list:
    """PyTorch's inputs that apply, with `requires_grad` where a derivative is asked for."""
    torch.manual_seed(0)
    inputs = op_info(name).reference_inputs if larger else op_info(name).sample_inputs
    cases = list(inputs("cpu", dtype, requires_grad=True))
    # An empty vector passes torch.nn.functional.batch_norm, though it has no axis of channels.
    cases = [case for case in cases if name != "batch_norm" or case.input.dim() > 1]
    assert len(cases) >= 6
    return cases


def function_of(function: Callable, case) -> tuple[Callable, list[Tensor]]:
    """`function` of the differentiable tensors, all other arguments as in `case`; and these tensors."""
    leaves, structure = pytree.tree_flatten((case.input, case.args, case.kwargs))
    places = [i for i, leaf in enumerate(leaves) if isinstance(leaf, Tensor) and leaf.requires_grad]

    def of(*values):
        full = [leaf.clone() if isinstance(leaf, Tensor) else leaf for leaf in leaves]  # fresh statistics
        for place, value in zip(places, values, strict=True):
            full[place] = value
        x, args, kwargs = pytree.tree_unflatten(full, structure)
        return function(x, *args, **kwargs)

    return of, [leaves[place].detach() for place in places]


def all_of(function: Callable, case, change: Callable[[Tensor], Tensor] = torch.clone) -> list[Tensor]:
    """The output, the gradients, and what the arguments are afterwards: running statistics move.

    `change` is what is done to each argument before.
    """
    case = case.transform(lambda value: change(value.detach()).requires_grad_(value.requires_grad))
    y = function(case.input, *case.args, **case.kwargs)
    weights = torch.linspace(-2, 3, y.numel(), dtype=torch.float64).bfloat16().to(y.dtype).view(y.shape)
    (y * weights).sum().backward()
    tensors = [
        leaf for leaf in pytree.tree_leaves((case.input, case.args, case.kwargs)) if torch.is_tensor(leaf)
    ]
    return [y.detach(), *(tensor.grad for tensor in tensors), *(tensor.detach() for tensor in tensors)]


def assert_all_close(ours, theirs, dtype: torch.dtype = torch.float64) -> None:
    """Rounding only; nan where torch has it, for a negative eps. None is no gradient."""
    ours, theirs = pytree.tree_leaves(ours), pytree.tree_leaves(theirs)
    assert [a is None for a in ours] == [b is None for b in theirs]
    for a, b in zip(ours, theirs, strict=True):
        if a is not None:
            torch.testing.assert_close(a, b, equal_nan=True, **CLOSE[dtype])


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@every_function
def test_functions_forward_and_gradients(name, dtype):
    for case in samples(name, dtype, larger=True):
        theirs = all_of(getattr(nn.functional, name), case)
        if dtype == torch.bfloat16:  # torch adds parameter gradients up in the half type: see assert_same
            exact = all_of(getattr(nn.functional, name), case, torch.Tensor.double)
            theirs[1:] = [value if value is None else value.to(dtype) for value in exact[1:]]
        assert_all_close(all_of(getattr(functional, name), case), theirs, dtype)


@every_function
def test_functions_derivatives(name):
    """First and second order, backward and forward mode, batched."""
    for case in samples(name):
        of, values = function_of(getattr(functional, name), case)
        inputs = [value.requires_grad_() for value in values]
        batched = {"check_batched_grad": True, "fast_mode": True}
        assert gradcheck(of, inputs, check_forward_ad=True, check_batched_forward_grad=True, **batched)
        assert gradgradcheck(of, inputs, check_fwd_over_rev=True, **batched)


def transforms(of: Callable, values: list[Tensor]) -> Iterator[Callable[[], object]]:
    """What functorch's own tests put a function through, one call after the other."""
    generator = torch.Generator().manual_seed(0)

    def like(value, *more):
        return torch.randn(*more, *value.shape, dtype=value.dtype, generator=generator)

    y = of(*values)
    tangents, cotangent = tuple(like(value) for value in values), like(y)

    def pull_back(values, cotangent):
        return vjp(of, *values)[1](cotangent)

    yield lambda: jvp(of, tuple(values), tangents)
    yield lambda: pull_back(values, cotangent)
    yield lambda: vmap(pull_back, (None, 0))(values, torch.stack([cotangent, 2 * cotangent]))
    yield lambda: vmap(lambda t: jvp(of, tuple(values), t))(tuple(torch.stack([t, -t]) for t in tangents))
    yield lambda: jvp(pull_back, (values, cotangent), (list(tangents), like(y)))
    yield lambda: vjp(pull_back, values, cotangent)[1](tangents)
    for batched in itertools.product([True, False], repeat=len(values)):
        if any(batched):
            stacked = [torch.stack([v, 2 * v - 1]) if b else v for v, b in zip(values, batched, strict=True)]
            dims = tuple(0 if b else None for b in batched)
            yield lambda stacked=stacked, dims=dims: vmap(of, dims)(*stacked)
            stacked = [v.movedim(0, -1) if b else v for v, b in zip(stacked, batched, strict=True)]
            dims = tuple(-1 if b else None for b in batched)
            yield lambda stacked=stacked, dims=dims: vmap(of, dims)(*stacked)


@every_function
def test_functions_in_functorch(name):
    """vmap, jvp, vjp and pairs of them: torch's values, and an error where torch has one."""
    refused = total = 0
    for case in samples(name):
        ours, theirs = (
            transforms(*function_of(getattr(library, name), case)) for library in (functional, nn.functional)
        )
        for our_call, their_call in zip(ours, theirs, strict=True):
            total += 1
            try:
                expected = their_call()
            except RuntimeError as error:
                refused += 1
                if "running_mean" not in str(error):  # one buffer cannot take a whole batch of means
                    raise
                with pytest.raises(RuntimeError, match="inplace"):
                    our_call()
            else:
                assert_all_close(our_call(), expected)
    assert refused < total / 2


@pytest.mark.parametrize("change", [with_gaps, in_channels_last])
@every_function
def test_functions_on_other_memory(name, change):
    for case in samples(name):
        ours, theirs = (
            all_of(getattr(library, name), case, change) for library in (functional, nn.functional)
        )
        assert_all_close(ours, theirs)


@every_function
def test_functions_on_meta(name):
    for case in samples(name):
        meta = case.transform(lambda value: value.to("meta"))
        y, expected = (
            getattr(library, name)(meta.input, *meta.args, **meta.kwargs)
            for library in (functional, nn.functional)
        )
        assert (y.shape, y.dtype, y.stride(), y.is_meta) == (*_described(expected), True)


def _described(y: Tensor) -> tuple:
    return y.shape, y.dtype, y.stride()


@every_function
def test_functions_errors(name):
    if op_info(name).error_inputs_func is None:
        pytest.skip("this version of torch has no error inputs for it")
    for case in op_info(name).error_inputs("cpu"):
        given = case.sample_input
        with pytest.raises(case.error_type, match=case.error_regex):
            getattr(functional, name)(given.input, *given.args, **given.kwargs)
