"""Gradient descent on a quadratic: inputs to order, the loop against the formulas, whitening, the figures."""

import math

import pytest
import torch
from sklearn.decomposition import PCA

from helpers.lessons.why_scale_matters import figures
from helpers.training import descent

COVARIANCE = torch.tensor([[4.0, 1.0, -0.5], [1.0, 1.0, 0.2], [-0.5, 0.2, 0.5]], dtype=torch.float64)
HESSIAN = torch.tensor([[3.0, 1.0], [1.0, 2.0]], dtype=torch.float64)
START = torch.tensor([1.0, -2.0], dtype=torch.float64)


def close(a, b, tolerance=1e-10):
    return torch.allclose(
        torch.as_tensor(a).double(), torch.as_tensor(b).double(), rtol=tolerance, atol=tolerance
    )


def test_inputs_have_exactly_the_mean_and_covariance_asked_for():
    mean = torch.tensor([1.0, -5.0, 100.0], dtype=torch.float64)
    x = descent.inputs_with(COVARIANCE, mean, count=40)
    assert x.shape == (40, 3)
    assert x.dtype == torch.float64
    assert close(x.mean(dim=0), mean)
    assert close(torch.cov(x.T, correction=0), COVARIANCE)


def test_inputs_are_the_same_each_time():
    assert torch.equal(descent.inputs_with(COVARIANCE), descent.inputs_with(COVARIANCE))


def test_too_few_inputs_are_refused():
    with pytest.raises(ValueError, match="at least 4 rows"):
        descent.inputs_with(COVARIANCE, count=3)


def test_the_hessian_is_that_of_half_the_mean_squared_error():
    x, y = descent.inputs_with(COVARIANCE, 2.0, count=30), torch.linspace(-1, 1, 30, dtype=torch.float64)
    loss = lambda w: ((x @ w - y) ** 2).mean() / 2  # noqa: E731
    by_autograd = torch.autograd.functional.hessian(loss, torch.zeros(3, dtype=torch.float64))
    assert close(descent.hessian(x), by_autograd)


def test_the_condition_number_is_numpys_and_infinite_for_a_flat_direction():
    assert descent.condition_number(COVARIANCE) == pytest.approx(torch.linalg.cond(COVARIANCE).item())
    assert descent.condition_number(torch.diag(torch.tensor([1.0, 0.0]))) == math.inf


@pytest.mark.parametrize("momentum", [False, True])
def test_no_other_learning_rate_has_a_better_worst_factor(momentum):
    eigenvalues = torch.tensor([0.5, 2.0, 8.0], dtype=torch.float64)

    def worst(lr, beta):  # spectral radius of one step of (error, last error)
        def radius(h):
            step = torch.tensor([[1 + beta - lr * h, -beta], [1.0, 0.0]], dtype=torch.float64)
            return torch.linalg.eigvals(step).abs().max().item()

        return max(radius(h.item()) for h in eigenvalues)

    lr, beta = descent.best_settings(0.5, 8.0, momentum)
    assert worst(lr, beta) == pytest.approx(descent.rate(16.0, momentum), abs=1e-6)
    for factor in (0.9, 0.99, 1.01, 1.1):
        assert worst(factor * lr, beta) > worst(lr, beta)
        if momentum:
            assert worst(lr, factor * beta) > worst(lr, beta)


def test_settings_for_eigenvalues_out_of_order_are_refused():
    for smallest, largest in ((2.0, 1.0), (0.0, 1.0)):
        with pytest.raises(ValueError, match="0 < smallest <= largest"):
            descent.best_settings(smallest, largest)


def test_the_path_is_torchs_sgd():
    for momentum in (0.0, 0.7):
        w = torch.nn.Parameter(START.clone())
        optimizer = torch.optim.SGD([w], lr=0.1, momentum=momentum)
        for expected in descent.path(HESSIAN, START, 0.1, 15, momentum):
            assert close(w.detach(), expected)
            optimizer.zero_grad()
            (w @ HESSIAN @ w / 2).backward()
            optimizer.step()


def test_steps_in_theory_are_those_of_the_path():
    start = torch.tensor([1.0, 0.1], dtype=torch.float64)
    hessian = torch.diag(torch.tensor([1.0, 50.0], dtype=torch.float64))
    count = math.ceil(descent.steps_in_theory(50.0, 1e-4))
    errors = descent.path(hessian, start, descent.best_settings(1.0, 50.0)[0], count)
    losses = ((errors @ hessian) * errors).sum(dim=1)
    assert losses[-1] <= 1e-4 * losses[0] < losses[-2]
    assert descent.steps_in_theory(1.0, 1e-6) == 1


@pytest.mark.parametrize("kind", ["pca", "zca"])
def test_whitening_makes_the_covariance_one(kind):
    x = descent.inputs_with(COVARIANCE, 3.0, count=60)
    mean, w = descent.whitening(x, kind)
    white = (x - mean) @ w
    assert close(white.mean(dim=0), torch.zeros(3))
    assert close(torch.cov(white.T, correction=0), torch.eye(3))


def test_pca_whitening_is_scikit_learns_up_to_signs_and_order():
    x = descent.inputs_with(COVARIANCE, 3.0, count=60)
    mean, w = descent.whitening(x, "pca")
    theirs = torch.from_numpy(PCA(whiten=True).fit_transform(x.numpy())) * math.sqrt(
        60 / 59
    )  # they divide by N - 1
    assert close(((x - mean) @ w).flip(1).abs(), theirs.abs())


def test_zca_is_the_whitening_that_moves_standardized_inputs_least():
    x = descent.inputs_with(
        COVARIANCE / COVARIANCE.diagonal().sqrt().outer(COVARIANCE.diagonal().sqrt()), count=60
    )
    moved = {kind: ((x @ descent.whitening(x, kind)[1] - x) ** 2).sum() for kind in ("pca", "zca")}
    assert close(descent.whitening(x, "zca")[1], descent.whitening(x, "zca")[1].T)
    assert moved["zca"] < moved["pca"]


def test_eps_is_added_to_the_eigenvalues_and_a_flat_direction_needs_it():
    x = torch.cat([descent.inputs_with(COVARIANCE), torch.ones(200, 1, dtype=torch.float64)], dim=1)
    with pytest.raises(ValueError, match="eps > 0"):
        descent.whitening(x)
    mean, w = descent.whitening(x, eps=0.1)
    variances = torch.linalg.eigvalsh(descent.hessian((x - mean) @ w))
    h = torch.linalg.eigvalsh(COVARIANCE)
    assert close(variances, torch.cat([torch.zeros(1, dtype=torch.float64), h / (h + 0.1)]))
    with pytest.raises(ValueError, match='"pca" or "zca"'):
        descent.whitening(x, "PCA")


def test_the_surfaces_share_one_scale_and_say_how_far_descent_came(course_style):
    for ratio, said in (
        (1.0, "1 step: there"),
        (10**0.5, "30 steps: 0.0006 % left"),
        (1000.0, "30 steps: 99.99 % left"),
    ):
        fig = figures.surfaces(ratio)
        flat = [ax for ax in fig.axes if ax.name != "3d"]
        assert len(fig.axes) == 4
        assert all(ax.get_aspect() == 1.0 for ax in flat)
        titles = [ax.get_title(loc) for ax in flat for loc in ("left", "center")]
        assert said in titles
        assert "1 step: there" in titles  # the normalized inputs


def test_the_path_drawn_is_that_of_the_loss_drawn(course_style):
    fig = figures.surfaces(3.0)
    contours = next(ax for ax in fig.axes if ax.name != "3d")
    path = torch.tensor(contours.get_lines()[0].get_xydata())
    w1, w2 = path[0].tolist(), path[-1].tolist()
    assert w1 == [0, 0]  # descent starts at 0
    assert w2 == pytest.approx([1, 1 / 3], abs=1e-2)


def test_clouds_and_pictures_have_a_panel_for_each_form(course_style):
    x = descent.inputs_with(COVARIANCE[:2, :2], 1.0)
    fig = figures.clouds({"raw": x, "centred": x - 1}, {"raw": 12.0, "centred": 4.0})
    assert [ax.get_title("left") for ax in fig.axes] == ["raw\nκ = 12", "centred\nκ = 4"]
    first, second = (ax.collections[0].get_array() for ax in fig.axes)
    assert (first == second).all()  # a point keeps its colour
    fig = figures.pictures({"a": torch.rand(3, 8, 8), "b": torch.rand(3, 8, 8)})
    assert len(fig.axes) == 6
    assert [ax.get_ylabel() for ax in fig.axes[::3]] == ["a", "b"]


def test_counted_steps_are_marks_and_theory_is_a_line(course_style):
    counted, theory = (
        {"descent": [1, 35], "momentum": [1, 15]},
        {"descent": [1.0, 34.4], "momentum": [1.0, 10.5]},
    )
    fig = figures.steps_against_condition([1, 10], counted, theory, "steps")
    drawn = {(line.get_linestyle(), *line.get_ydata()) for line in fig.axes[0].get_lines()}
    assert drawn == {("None", 1, 35), ("None", 1, 15), ("-", 1.0, 34.4), ("-", 1.0, 10.5)}
    assert fig.axes[0].get_xscale() == fig.axes[0].get_yscale() == "log"
