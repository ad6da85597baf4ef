"""A deep net before training: measured as torch's layers give it, expected as in the theory."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from helpers.figures import style
from helpers.lessons.why_scale_matters import figures, signals

INPUTS, WEIGHTS = signals.draw(depth=8, width=128, count=64)


def test_one_seed_draws_the_same_standard_normal_numbers():
    again = signals.draw(depth=8, width=128, count=64)
    other = signals.draw(depth=8, width=128, count=64, seed=1)
    assert torch.equal(INPUTS, again[0])
    assert torch.equal(WEIGHTS, again[1])
    assert not torch.equal(WEIGHTS, other[1])
    assert (INPUTS.dtype, WEIGHTS.shape) == (torch.float64, (8, 128, 128))
    assert WEIGHTS.std().item() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("activation", signals.ACTIVATIONS)
@pytest.mark.parametrize("norm", signals.NORMALIZATIONS)
def test_what_is_measured_is_what_a_net_of_torchs_layers_gives(activation, norm):
    gain = 1.3
    layers, outputs = [], []
    for weight in WEIGHTS[:3]:
        linear = nn.Linear(128, 128, bias=False).double()
        linear.weight.data = weight.T * gain / math.sqrt(128)
        between = {"none": nn.Identity(), "batch": nn.BatchNorm1d(128), "layer": nn.LayerNorm(128)}[
            norm
        ].double()
        act = {"sigmoid": nn.Sigmoid(), "tanh": nn.Tanh(), "ReLU": nn.ReLU(), "GELU": nn.GELU()}[activation]
        layers.append(nn.Sequential(linear, between, act))
    h = INPUTS
    for layer in layers:
        h = layer(h)
        h.retain_grad()
        outputs.append(h)
    h.backward(torch.randn(h.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64))
    found = signals.measure(INPUTS, WEIGHTS[:3], activation, gain, norm)
    for number, out in enumerate(outputs, start=1):
        values, row = out.detach().numpy(), found.loc[number]
        assert row["mean"] == pytest.approx(values.mean())
        assert row["deviation"] == pytest.approx(values.std())
        assert row["between inputs"] == pytest.approx(np.sqrt(values.var(axis=0).mean()))
        assert row["gradient"] == pytest.approx(out.grad.square().mean().sqrt().item())
        assert row["dead"] == pytest.approx((values == 0).all(axis=0).mean())


def test_saturated_units_are_counted_where_the_slope_is_small():
    y = torch.tensor([-5.0, -4.3, 0.0, 2.1, 2.3, 4.4, 6.0], dtype=torch.float64)
    assert signals.saturated(y, "sigmoid").tolist() == [True, False, False, False, False, True, True]
    assert signals.saturated(y, "tanh").tolist() == [True, True, False, False, True, True, True]
    found = signals.measure(INPUTS, WEIGHTS[:1], "tanh", 3.0).loc[1, "saturated"]
    slope = 1 - torch.tanh(INPUTS @ WEIGHTS[0] * 3 / math.sqrt(128)) ** 2
    assert found == pytest.approx((slope < 0.05).double().mean().item())
    with pytest.raises(ValueError, match="sigmoid, tanh"):
        signals.saturated(y, "ReLU")


def test_a_unit_is_dead_if_it_is_zero_for_every_input():
    h = torch.tensor([[0.0, 0.0, 1.0, -1.0], [0.0, 2.0, 1.0, 1.0]])
    assert signals.dead(h).tolist() == [True, False, False, False]
    assert math.isnan(signals.measure(INPUTS, WEIGHTS[:1], "ReLU", 1.0).loc[1, "saturated"])


def test_moments_are_the_known_integrals():
    relu = signals.moments("ReLU", 4.0)
    assert relu["mean"] == pytest.approx(2 / math.sqrt(2 * math.pi), rel=1e-5)
    assert relu["square"] == pytest.approx(2.0, rel=1e-9)
    assert relu["slope"] == pytest.approx(0.5, rel=1e-9)
    assert signals.moments("sigmoid", 9.0)["mean"] == pytest.approx(0.5)
    make = torch.Generator().manual_seed(0)
    y = 1.5 * torch.randn(1_000_000, generator=make, dtype=torch.float64)
    for name, phi in signals.ACTIVATIONS.items():
        found = signals.moments(name, 1.5**2)
        assert found["square"] == pytest.approx(phi(y).square().mean().item(), rel=0.01)
        assert found["mean"] == pytest.approx(phi(y).mean().item(), abs=0.003)


def test_expectations_of_relu_are_powers_of_half_the_squared_gain():
    found = signals.expected("ReLU", 0.5, depth=30)
    share = 0.25 / 2  # of the mean square, a layer
    square = found["deviation"] ** 2 + found["mean"] ** 2
    assert square.tolist() == pytest.approx([share**layer for layer in range(1, 31)])
    assert found["gradient"].tolist() == pytest.approx(
        [share ** ((30 - layer) / 2) for layer in range(1, 31)]
    )


@pytest.mark.parametrize("activation", signals.ACTIVATIONS)
@pytest.mark.parametrize("gain", signals.GAINS)
def test_measured_and_expected_agree_in_wide_layers(activation, gain):
    measured = signals.measure(INPUTS, WEIGHTS, activation, signals.GAINS[gain])
    expected = signals.expected(activation, signals.GAINS[gain], depth=8)
    for column in ("deviation", "gradient"):
        ratio = measured[column] / expected[column]
        assert ratio.between(0.7, 1.4).all(), ratio


def test_batch_norm_with_relu_lets_the_gradient_grow_as_yang_et_al_derive():
    inputs, weights = signals.draw(depth=10, width=256, count=256)
    gradient = signals.measure(inputs, weights, "ReLU", 1.0, "batch")["gradient"]
    assert (gradient[1] / gradient[10]) ** (1 / 9) == pytest.approx(
        math.sqrt(math.pi / (math.pi - 1)), rel=0.02
    )


@pytest.mark.parametrize("call", [
    lambda: signals.measure(INPUTS, WEIGHTS, "relu", 1.0),
    lambda: signals.measure(INPUTS, WEIGHTS, "ReLU", 1.0, "instance"),
    lambda: signals.moments("swish", 1.0),
])  # fmt: skip
def test_an_unknown_name_is_refused_with_those_that_exist(call):
    with pytest.raises(ValueError, match="choose one of"):
        call()


def test_the_figure_draws_what_is_inside_the_limits(course_style):
    table = pd.DataFrame({"deviation": [1.0, 1e-3, 1e-12]}, index=[1, 2, 3])
    rows = {"deviation": ("deviation", "log", (1e-9, 1e3))}
    fig = figures.by_layer(
        {"tanh": {"small": table, "batch": table}}, rows, {"tanh": {"small": table * 2, "batch": table}}
    )
    (ax,) = fig.axes
    marks, line = ax.get_lines()[:2]
    assert (marks.get_linestyle(), line.get_linestyle()) == ("None", "-")
    np.testing.assert_allclose(marks.get_ydata(), [1.0, 1e-3, np.nan])
    np.testing.assert_allclose(line.get_ydata(), [2.0, 2e-3, np.nan])
    assert ax.get_lines()[2].get_color() == style.PALETTE["batch"]
    assert [text.get_text() for text in fig.legends[0].get_texts()] == ["small", "batch"]
