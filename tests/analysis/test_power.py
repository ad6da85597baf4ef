"""Power of paired comparisons, against simulation and by its own definition."""

import numpy as np
import pytest

from helpers.analysis import stats
from helpers.analysis.stats import images_needed, power, runs_needed


@pytest.mark.parametrize(("difference", "runs"), [(0.5, 5), (1.0, 5), (-2.0, 3)])
def test_power_is_the_share_of_simulated_studies_whose_interval_shows_the_difference(difference, runs):
    draws = np.random.default_rng(0).normal(difference, 1.0, size=(4000, runs))
    side = np.sign(difference)
    found = [stats.interval(list(side * row)) for row in draws]
    assert np.mean([item.low > 0 for item in found]) == pytest.approx(power(difference, 1.0, runs), abs=0.025)


def test_it_depends_on_the_ratio_of_difference_and_deviation_and_grows_with_runs():
    assert power(0.05, 0.1, 7) == pytest.approx(power(5, 10, 7))
    values = [power(0.1, 0.1, n) for n in range(2, 30)]
    assert values == sorted(values)
    assert power(0.0, 1.0, 6) == pytest.approx(0.025)


@pytest.mark.parametrize(("difference", "deviation"), [(0.1, 0.05), (-0.03, 0.05), (0.07, 0.03)])
def test_the_runs_needed_are_the_fewest_that_do(difference, deviation):
    n = runs_needed(difference, deviation)
    assert power(difference, deviation, n) >= 0.8
    assert n == 2 or power(difference, deviation, n - 1) < 0.8


def test_for_many_runs_they_are_those_of_the_normal_distribution():
    assert runs_needed(0.01, 0.1) == pytest.approx((2.8016 * 10) ** 2, abs=4)
    assert runs_needed(10.0, 0.1) == 2


def test_images_needed_are_the_square_of_the_ratio_of_errors():
    one = stats.sampling_error(99.5, 1) * 2**0.5  # of a difference, an image each
    assert images_needed(0.1, 99.5) == pytest.approx((2.8016 * one / 0.1) ** 2, rel=1e-3)
    assert images_needed(-0.1, 99.5) == images_needed(0.1, 99.5)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: power(1.0, 1.0, 1), "at least 2 runs"),
        (lambda: power(1.0, 0.0, 5), "above 0"),
        (lambda: runs_needed(0.0, 1.0), "give a larger difference"),
        (lambda: images_needed(0.0, 99.5), "not 0"),
        (lambda: images_needed(0.1, 995), "percentage"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_advice(call, words):
    with pytest.raises(ValueError, match=words):
        call()
