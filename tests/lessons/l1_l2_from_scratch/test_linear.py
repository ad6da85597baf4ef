"""Ridge, lasso and robust fits: equal to scikit-learn's and SciPy's, and where they should be zero, zero."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from sklearn.linear_model import ElasticNet, Lasso, Ridge

from helpers.lessons.l1_l2_from_scratch import linear
from helpers.nn.penalties import soft_threshold
from helpers.training.descent import inputs_with, whitening


def problem(seed: int = 0, n: int = 40, d: int = 5) -> tuple[torch.Tensor, torch.Tensor]:
    make = torch.Generator().manual_seed(seed)
    x = torch.randn(n, d, generator=make, dtype=torch.float64)
    x = x @ torch.randn(d, d, generator=make, dtype=torch.float64)  # correlated
    y = x @ torch.randn(d, generator=make, dtype=torch.float64) + torch.randn(n, generator=make).double()
    return x - x.mean(dim=0), y - y.mean()


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 999), d=st.integers(1, 6), power=st.floats(-3, 2))
def test_ridge_and_lasso_are_scikit_learns(seed, d, power):
    (x, y), penalty = problem(seed, d=d), 10**power
    ridge = Ridge(alpha=len(x) * penalty, fit_intercept=False).fit(x.numpy(), y.numpy()).coef_
    torch.testing.assert_close(linear.ridge(x, y, penalty), torch.tensor(ridge), rtol=1e-6, atol=1e-9)
    lasso = Lasso(alpha=penalty, fit_intercept=False, tol=1e-13, max_iter=1_000_000)
    found = torch.tensor(lasso.fit(x.numpy(), y.numpy()).coef_)
    torch.testing.assert_close(linear.lasso(x, y, penalty, limit=100_000), found, rtol=1e-5, atol=1e-6)


def test_no_penalty_is_least_squares():
    x, y = problem()
    free = torch.linalg.lstsq(x, y[:, None]).solution[:, 0]
    torch.testing.assert_close(linear.ridge(x, y, 0.0), free)
    torch.testing.assert_close(linear.lasso(x, y, 0.0), free, rtol=1e-6, atol=1e-8)


def test_ridge_shrinks_by_d_squared_over_d_squared_plus_penalty_along_the_eigenvectors():
    x, y = problem()
    _, d, vh = torch.linalg.svd(x, full_matrices=False)
    ratio = (vh @ linear.ridge(x, y, 0.3)) / (vh @ linear.ridge(x, y, 0.0))
    torch.testing.assert_close(ratio, d**2 / (d**2 + len(x) * 0.3))


def test_on_orthonormal_inputs_ridge_is_a_factor_and_lasso_a_soft_threshold():
    x, y = problem()
    white = x @ whitening(x)[1]
    free = linear.ridge(white, y, 0.0)
    torch.testing.assert_close(linear.ridge(white, y, 0.5), free / 1.5)
    threshold = free.abs().median().item()
    torch.testing.assert_close(linear.lasso(white, y, threshold), soft_threshold(free, threshold))


def test_the_lasso_meets_its_optimality_conditions_with_exact_zeros():
    x, y = problem(d=8)
    penalty = 0.3 * (x.T @ y / len(x)).abs().max().item()
    w = linear.lasso(x, y, penalty)
    pull = x.T @ (y - x @ w) / len(x)
    assert 0 < (w == 0).sum() < 8
    assert (pull[w == 0].abs() <= penalty).all()
    torch.testing.assert_close(pull[w != 0], penalty * w[w != 0].sign(), rtol=1e-6, atol=1e-8)


def test_from_the_largest_pull_on_all_weights_are_zero_and_a_little_below_one_is_not():
    x, y = problem()
    largest = (x.T @ y / len(x)).abs().max().item()
    assert (linear.lasso(x, y, 1.0001 * largest) == 0).all()
    assert (linear.lasso(x, y, 0.9999 * largest) != 0).sum() == 1


def test_a_sweep_lowers_the_objective_and_changes_nothing_at_the_solution():
    x, y = problem()
    w = start = torch.ones(5, dtype=torch.float64)
    values = [linear.lasso_objective(x, y, w, 0.2)]
    for _ in range(5):
        w = linear.coordinate_sweep(x, y, w, 0.2)
        values.append(linear.lasso_objective(x, y, w, 0.2))
    assert values == sorted(values, reverse=True)
    assert (start == 1).all()  # a sweep leaves what it was given as it is
    solved = linear.lasso(x, y, 0.2)
    torch.testing.assert_close(linear.coordinate_sweep(x, y, solved, 0.2), solved, rtol=1e-8, atol=1e-10)


def test_an_input_that_is_always_zero_keeps_its_weight():
    x, y = problem()
    x[:, 2] = 0
    start = torch.full((5,), 0.7, dtype=torch.float64)
    assert linear.coordinate_sweep(x, y, start, 0.1)[2] == 0.7
    assert torch.isfinite(linear.lasso(x, y, 0.1)).all()


def test_a_negative_penalty_and_too_few_sweeps_are_refused():
    x, y = problem()
    for solve in (linear.ridge, linear.lasso):
        with pytest.raises(ValueError, match=r"penalty is -0\.1"):
            solve(x, y, -0.1)
    with pytest.raises(ValueError, match="not settled after 2 sweeps"):
        linear.lasso(x, y, 0.1, limit=2)


def test_linear_fits_are_scikit_learns_elastic_net_with_a_free_intercept():
    x, y = problem()
    x, y = x + torch.arange(5).double(), y + 7
    l1, l2 = torch.tensor([0.3, 0.0, 0.2]).double(), torch.tensor([0.0, 0.4, 0.1]).double()
    found = linear.linear_fits(x[None], y[None], l1, l2, steps=5000)[:, 0]
    for w, a, b in zip(found, l1.tolist(), l2.tolist(), strict=True):
        model = ElasticNet(alpha=a + b, l1_ratio=a / (a + b), tol=1e-13, max_iter=1_000_000)
        model.fit(x.numpy(), y.numpy())
        expected = torch.tensor([*model.coef_, model.intercept_])
        torch.testing.assert_close(w, expected, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(
            linear.predictions(x[None], w.view(1, 1, -1))[0, 0],
            torch.tensor(model.predict(x.numpy())),
            rtol=1e-4,
            atol=1e-4,
        )


def test_linear_fits_with_hubers_loss_are_scipys():
    x, y = problem(seed=3)
    y[:3] += 50
    delta, l2 = 0.8, 0.2

    def cost(w):
        r = np.abs(y.numpy() - x.numpy() @ w[:-1] - w[-1])
        loss = np.where(r <= delta, r**2 / 2, delta * (r - delta / 2)).mean()
        return loss + l2 * (w[:-1] ** 2).sum() / 2

    expected = minimize(cost, np.zeros(6), method="BFGS", options={"gtol": 1e-10}).x
    none, some = torch.zeros(1).double(), torch.tensor([l2]).double()
    found = linear.linear_fits(x[None], y[None], none, some, delta, steps=3000)[0, 0]
    torch.testing.assert_close(found, torch.tensor(expected), rtol=1e-4, atol=1e-5)
    squared = linear.linear_fits(x[None], y[None], none, some, None, steps=3000)[0, 0]
    assert (squared - found).norm() > 1  # the three outliers pull the squared error away


def test_linear_fits_solve_each_data_set_for_itself():
    (x1, y1), (x2, y2) = problem(1), problem(2)
    l1, none = torch.tensor([0.05, 0.5]).double(), torch.zeros(2).double()
    both = linear.linear_fits(torch.stack([x1, x2]), torch.stack([y1, y2]), l1, none, 1.0)
    for i, (x, y) in enumerate([(x1, y1), (x2, y2)]):
        torch.testing.assert_close(both[:, [i]], linear.linear_fits(x[None], y[None], l1, none, 1.0))


def test_the_solution_does_not_depend_on_the_number_of_rows_when_they_repeat():
    x = inputs_with(torch.eye(3))
    y = x @ torch.tensor([1.0, 0.2, -0.5]).double()
    twice = torch.cat([x, x]), torch.cat([y, y])
    for solve in (linear.ridge, linear.lasso):
        torch.testing.assert_close(solve(x, y, 0.3), solve(*twice, 0.3))
