"""PyTorch's own test inputs for its normalization layers, run against the course's layers."""

import pytest
import torch
from test_norms import assert_same
from torch.testing._internal.common_modules import ModuleErrorEnum, module_db

from helpers import norms

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


def test_pytorch_has_inputs_for_every_norm():
    assert INFOS.keys() == NAMES


@pytest.mark.filterwarnings("ignore:input's size at dim:UserWarning")
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", sorted(INFOS))
def test_pytorchs_inputs(name, dtype, training):
    info = INFOS[name]
    torch.manual_seed(0)
    inputs = info.module_inputs_func(info, device="cpu", dtype=dtype, requires_grad=False, training=training)
    assert len(inputs) >= 4
    for case in inputs:
        build, (x,) = case.constructor_input, case.forward_input.args
        ours, theirs = (
            cls(*build.args, **build.kwargs, dtype=dtype) for cls in (getattr(norms, name), info.module_cls)
        )
        assert_same(ours.train(training), theirs.train(training), x)


ERRORS = sorted(name for name, info in INFOS.items() if info.module_error_inputs_func)


@pytest.mark.parametrize("name", ERRORS)
def test_pytorchs_error_inputs(name):
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
