"""The proofs of the norms can fail: each mistake here, made in the norms' source, is found by them."""

from collections.abc import Callable

import pytest
import torch
from torch.func import jacfwd

from helpers.nn import functional, norms
from tests.mutants import mutated
from tests.nn import test_norms, test_norms_transforms


def same_as_torch() -> None:
    """Outputs, gradients and running statistics in float64, in training and in evaluation."""
    for name, arguments in test_norms.IMAGE_LAYERS.items():
        torch.manual_seed(0)
        ours, theirs = test_norms.pair(name, *arguments, **test_norms.FLOAT64)
        for training in (True, False):
            x = torch.randn(6, 4, 3, 5, **test_norms.FLOAT64)
            test_norms.assert_same(ours.train(training), theirs.train(training), x)


def transformed(transform: str, name: str = "LayerNorm") -> Callable[[], None]:
    return lambda: test_norms_transforms.test_transforms_as_torch(name, "in training", transform)


# The proofs: tests of test_norms.py and test_norms_transforms.py, which pytest runs there without a mistake.
PROOFS = {
    "same": same_as_torch,
    "large means": lambda: test_norms.test_large_means_do_not_cancel("BatchNorm2d"),
    "outlier": test_norms.test_one_outlier_leaves_the_others_their_digits,
    "constant": lambda: test_norms.test_reported_constant(3e38),
    "half types": lambda: test_norms.test_half_types_are_rounded_once("LayerNorm"),
    "statistics": lambda: test_norms.test_derivatives_of_the_statistics(center=True),
    "overwritten": lambda: test_norms.test_what_a_layer_returns_may_be_overwritten(
        "LayerNorm", True, test_norms.OVERWRITE["add"]
    ),
    "vmap": transformed("vmap"),
    "vmap over models": transformed("vmap over models", "InstanceNorm2d"),
    "jvp": transformed("jvp"),
    "jvp of statistics": transformed("jvp", "InstanceNorm2d"),
    "dual parameters": transformed("dual parameters"),
    "grad": transformed("grad", "InstanceNorm2d"),
    "jacfwd of jacfwd": lambda: test_norms_transforms.test_second_derivatives_over_jacfwd(
        "LayerNorm", True, jacfwd
    ),
    "trace": transformed("trace"),
    "compile": lambda: test_norms_transforms.test_compiles_as_one_graph("LayerNorm"),
    "tools": test_norms.test_torchs_tools_find_batch_norm,
    "own kernels": lambda: test_norms.test_no_kernel_of_torchs_norms_is_used("BatchNorm2d"),
    "old files": test_norms.test_a_missing_count_is_an_error_since_version_2,
    "layout": lambda: [
        test_norms.test_outputs_lie_in_memory_as_torchs(name, layout, True)
        for name, layout in (("BatchNorm2d", "channels permuted"), ("LayerNorm", "channels_last"))
    ],
    "types": lambda: test_norms.test_types_that_do_not_go_together_are_refused_as_by_torch(
        "BatchNorm2d", torch.float64, True
    ),
    "fx": lambda: test_norms_transforms.test_torch_fx_notes_one_call_as_of_torchs_layer("LayerNorm", True),
    "no count": lambda: test_norms.test_without_buffers_as_torch(
        "BatchNorm2d", ("num_batches_tracked",), None
    ),
}
# What the mistake is, the source as it is, the source with the mistake, and the proof that finds it.
MUTANTS = [
    ("normalizes by the unbiased variance", "deviation.square().mean(axes", "x.var(axes", "same"),
    (
        "E[x^2] - E[x]^2",
        "deviation.square().mean(axes, keepdim=True)",
        "x.square().mean(axes, keepdim=True) - mean**2",
        "large means",
    ),
    (
        "the mean is what rounding leaves",
        "near.clamp(x.detach().amin(axes, keepdim=True), x.detach().amax(axes, keepdim=True))",
        "near",
        "constant",
    ),
    ("the mean is not looked at again", "return near + rest, x - rest", "return near, x", "large means"),
    ("subtracts the first value", "x.detach().mean(axes, keepdim=True)", "x[..., :1]", "outlier"),
    (
        "eps outside the root",
        "s = torch.sqrt(var + eps)\n        return",
        "s = var.sqrt() + eps\n        return",
        "same",
    ),
    ("batch norm forgets the batch", "(0, *range(2, x.dim()))", "(*range(2, x.dim()),)", "same"),
    ("group norm forgets the group", "normalize(grouped, range(2,", "normalize(grouped, range(3,", "same"),
    ("layer norm forgets an axis", "range(x.dim() - len(normalized_shape),", "range(x.dim() - 1,", "same"),
    ("nothing flows through var", "(h - h_mean - x_hat * hx_mean) / s", "(h - h_mean) / s", "same"),
    ("nothing flows through mean", "(h - h_mean - x_hat * hx_mean) / s", "(h - x_hat * hx_mean) / s", "same"),
    ("RMS norm: nothing flows through var", "return (h - x_hat * hx_mean) / s", "return h / s", "same"),
    ("divides by another number of values", "s.square() / ctx.m", "s.square() / (ctx.m - 1)", "statistics"),
    ("second derivative lacks var", " - d_var * 2 * s.square() / ctx.m", "", "statistics"),
    ("second derivative lacks mean", " - d_mean * s / ctx.m", "", "statistics"),
    (
        "forward mode is not the boxed formula",
        "_boxed(t, t_mean, x_hat",
        "_boxed(t, 0 * t_mean, x_hat",
        "jvp",
    ),
    ("forward mode lacks var", "d_mean, 2 * s * tx_mean", "d_mean, s * tx_mean", "statistics"),
    ("forward mode lacks mean", "d_mean = t_mean if", "d_mean = 0 * t_mean if", "statistics"),
    ("forward mode lacks gamma", "gamma * t_x_hat + t_gamma * x_hat", "gamma * t_x_hat", "dual parameters"),
    (
        "jacfwd of jacfwd forgets a term",
        "_set_fwd_grad_enabled(True):  # else",
        "_set_fwd_grad_enabled(False):  # else",
        "jacfwd of jacfwd",
    ),
    ("gamma's gradient lacks x_hat", "(d_y * x_hat).sum_to_size", "d_y.sum_to_size", "same"),
    ("returns what backward needs", "return x_hat.clone()", "return x_hat", "overwritten"),
    ("cannot be vmapped", "generate_vmap_rule = True", "generate_vmap_rule = False", "vmap"),
    ("cannot be compiled", "torch.compiler.is_compiling()", "False", "compile"),
    ("a trace cannot be saved", "torch.jit.is_tracing()", "False", "trace"),
    ("running statistics move in the open", "_MoveRunning.call(", "_MoveRunning.forward(", "grad"),
    ("running variance is the biased one", "var * (m / (m - 1))", "var", "same"),
    (
        "momentum the wrong way round",
        "moved = (1 - momentum) * running + momentum",
        "moved = momentum * running + (1 - momentum)",
        "same",
    ),
    ("running statistics keep a derivative", "new.detach().mean(0)", "new.mean(0)", "jvp of statistics"),
    (
        "evaluation forgets eps",
        "running_var.to(deviation.dtype) + eps",
        "running_var.to(deviation.dtype)",
        "same",
    ),
    ("evaluation forgets gamma", "weight.to(s.dtype) / s", "1 / s", "same"),
    ("leaves any layout", "else y.to(x.dtype).contiguous()", "else y.to(x.dtype)", "layout"),
    ("layer norm leaves any layout", "normalized_shape), x).contiguous()", "normalized_shape), x)", "layout"),
    ("mixes types", "norm_checks.types(x, running_mean", "dict(running_mean", "types"),
    ("half types stay half", "torch.promote_types(dtype, torch.float32)", "dtype", "half types"),
]
# The same in the layers' source.
LAYER_MUTANTS = [
    (
        "torch's tools do not find batch norm",
        "(_RunningNorm, nn.modules.batchnorm._BatchNorm)",
        "(_RunningNorm)",
        "tools",
    ),
    (
        "old files of instance norm are not read",
        "(_RunningNorm, nn.modules.instancenorm._InstanceNorm)",
        "(_RunningNorm)",
        "old files",
    ),
    (
        "the count must be there",
        "elif self.training and self.num_batches_tracked is not None:",
        "elif self.training:",
        "no count",
    ),
    ("a tracer looks inside", "if isinstance(x, fx.Proxy):", "if False:", "fx"),
    ("momentum must be there", "by_batch, momentum or 0.0,", "by_batch, momentum,", "no count"),
    (
        "torch's forward is used",
        "(_RunningNorm, nn.modules.batchnorm._BatchNorm):\n    def forward",
        "(_RunningNorm, nn.modules.batchnorm._BatchNorm):\n    def unused",
        "own kernels",
    ),
]
# A number that is not equal, an error that does not come, or a layer that breaks.
FOUND = (AssertionError, pytest.fail.Exception, RuntimeError, TypeError, AttributeError, ValueError)


def test_same_as_torch_without_a_mistake():
    same_as_torch()


@pytest.mark.parametrize(("right", "wrong", "proof"), [pytest.param(*m[1:], id=m[0]) for m in MUTANTS])
def test_mistakes_are_found(right, wrong, proof, monkeypatch):
    mutant = mutated(functional, right, wrong)
    for name in ("batch_norm", "group_norm", "instance_norm", "layer_norm", "rms_norm", "normalize"):
        for module in (norms, functional):
            monkeypatch.setattr(module, name, getattr(mutant, name))
    with pytest.raises(FOUND):
        PROOFS[proof]()


@pytest.mark.parametrize(("right", "wrong", "proof"), [pytest.param(*m[1:], id=m[0]) for m in LAYER_MUTANTS])
def test_mistakes_in_layers_are_found(right, wrong, proof, monkeypatch):
    mutant = mutated(norms, right, wrong)
    for name in norms.__all__:
        monkeypatch.setattr(norms, name, getattr(mutant, name))
    with pytest.raises(FOUND):
        PROOFS[proof]()
