"""The proofs of test_norms.py can fail: each mistake here, made in the norms' source, is found by them."""

import types
from pathlib import Path

import pytest
import test_norms
import torch
from torch.autograd.gradcheck import GradcheckError

from helpers import norm_functions, norms

SOURCE = Path(norm_functions.__file__).read_text(encoding="utf-8")
# What the mistake is, the source as it is, the source with the mistake.
MUTANTS = [
    ("normalizes by the unbiased variance", "deviation.square().mean(axes", "x.var(axes"),
    (
        "E[x^2] - E[x]^2",
        "deviation.square().mean(axes, keepdim=True)",
        "x.square().mean(axes, keepdim=True) - mu**2",
    ),
    ("eps outside the root", "torch.rsqrt(var + eps), mu", "(1 / (var.sqrt() + eps)), mu"),
    ("batch norm forgets the batch", "(0, *range(2, x.dim()))", "(*range(2, x.dim()),)"),
    ("group norm forgets the group", "normalize(grouped, range(2,", "normalize(grouped, range(3,"),
    ("layer norm forgets an axis", "return range(first, x.dim())", "return range(first + 1, x.dim())"),
    ("nothing flows through var", " - r.square() / 2 * (d_x_hat * x_hat).sum(ctx.axes, keepdim=True)", ""),
    ("nothing flows through mu", "d_mu - r * d_x_hat.sum(ctx.axes, keepdim=True) if", "d_mu if"),
    ("divides by another number of values", "2 / ctx.n * d_var", "2 / (ctx.n - 1) * d_var"),
    ("second derivative lacks var", "d_var = d_var - r.square()", "d_var = -r.square()"),
    ("second derivative lacks mu", "d_mu = d_mu - r *", "d_mu = -r *"),
    ("gamma's gradient lacks x_hat", "(d_y * x_hat).sum_to_size", "d_y.sum_to_size"),
    ("running variance is the biased one", "var * (n / (n - 1))", "var"),
    (
        "momentum the wrong way round",
        "copy_((1 - momentum) * running + momentum",
        "copy_(momentum * running + (1 - momentum)",
    ),
    ("running statistics keep the graph", "new = new.detach().mean(0)", "new = new.mean(0)"),
    ("evaluation forgets eps", "running_var.to(deviation.dtype) + eps", "running_var.to(deviation.dtype)"),
    ("evaluation forgets gamma", "weight.to(scale.dtype) * scale", "scale"),
    ("half types stay half", "torch.promote_types(dtype, torch.float32)", "dtype"),
]


def prove() -> None:
    """Run proofs of test_norms.py."""
    test_norms.test_running_statistics_keep_no_graph("BatchNorm2d")
    for name in test_norms.IMAGE_LAYERS:
        torch.manual_seed(0)
        ours, theirs = test_norms.pair(name, *test_norms.IMAGE_LAYERS[name], **test_norms.FLOAT64)
        for training in (True, False):
            x = torch.randn(6, 4, 3, 5, **test_norms.FLOAT64)
            test_norms.assert_same(ours.train(training), theirs.train(training), x)
        test_norms.test_half_types_are_rounded_once(name)
        if name != "RMSNorm":
            test_norms.test_large_mean_does_not_cancel(name)
    test_norms.test_derivatives_of_the_statistics(center=True)


def test_proofs_hold_for_the_norms_as_they_are():
    prove()


@pytest.mark.parametrize(("right", "wrong"), [pytest.param(*m[1:], id=m[0]) for m in MUTANTS])
def test_mistakes_are_found(right, wrong, monkeypatch):
    assert SOURCE.count(right) == 1
    mutant = types.ModuleType("mutant")
    exec(SOURCE.replace(right, wrong), mutant.__dict__)
    for name in ("batch_norm", "group_norm", "instance_norm", "layer_norm", "rms_norm"):
        monkeypatch.setattr(norms, name, getattr(mutant, name))
    monkeypatch.setattr(norm_functions, "normalize", mutant.normalize)
    with pytest.raises((AssertionError, GradcheckError)):
        prove()
