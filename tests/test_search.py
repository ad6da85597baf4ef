"""What a search finds: the best rate of each family, and nothing where runs diverged."""

import math

import pytest
from standin_runs import run

from helpers import comparison_figures, search
from helpers.studies import BEST_RATES, RATES, STUDIES

STUDY = STUDIES["input_scaling_search"]
ACCURACIES = {
    "raw 0.0001": 80.0,
    "raw 0.001": 84.0,
    "raw 0.01": 83.0,
    "min_max 0.0001": 50.0,
    "min_max 0.01": 88.0,
}


def made(accuracies=ACCURACIES, seed=0, **more):
    return [run(arm, seed, [10.0, value], study=STUDY, **more) for arm, value in accuracies.items()]


def test_rates_are_rows_in_their_order_and_families_columns():
    table = search.accuracies(made()[::-1])
    assert list(table.index) == [0.0001, 0.001, 0.01]
    assert set(table) == {"raw", "min_max"}
    assert table["raw"].tolist() == [80.0, 84.0, 83.0]
    assert math.isnan(table["min_max"][0.001])


def test_the_best_rate_has_the_highest_mean_over_seeds():
    assert search.best_rates(made()) == {"raw": 0.001, "min_max": 0.01}
    other = made({"raw 0.001": 70.0, "raw 0.01": 83.0}, seed=1)
    assert search.best_rates(made() + other)["raw"] == 0.01  # 83.0 against (84 + 70) / 2


def test_of_equal_rates_the_smaller_one_is_taken():
    assert search.best_rates(made({"raw 0.01": 80.0, "raw 0.001": 80.0})) == {"raw": 0.001}


def test_a_rate_at_which_any_run_diverged_is_not_chosen():
    runs = made() + made({"raw 0.001": 99.0}, seed=1, status="diverged")
    assert search.best_rates(runs)["raw"] == 0.01
    with pytest.raises(ValueError, match="every run of raw diverged"):
        search.best_rates(made({"raw 0.1": 10.0}, status="diverged"))


def test_a_best_rate_at_either_end_is_told():
    assert search.beyond(made()) == ["min_max"]
    assert search.beyond(made(ACCURACIES | {"min_max 0.1": 20.0})) == []
    assert search.beyond(made(ACCURACIES | {"min_max 0.0001": 99.0})) == ["min_max"]


def test_the_figure_rings_the_best_rate_of_each_family():
    table = search.accuracies(made())
    fig = comparison_figures.rate_curves(table)
    [ax] = fig.axes
    rings = [(line.get_xdata()[0], line.get_ydata()[0]) for line in ax.lines if len(line.get_xdata()) == 1]
    assert rings == [(0.001, 84.0), (0.01, 88.0)]
    assert ax.get_xscale() == "log"
    assert [text.get_text() for text in ax.texts] == ["raw", "min max"]
    assert "raw at 0.001 with 84.0 %; min max at 0.01 with 88.0 %" in comparison_figures.rate_curves_alt(
        table
    )


def test_the_search_tries_every_rate_for_every_scaling_and_only_the_rate_differs():
    assert [arm.name for arm in STUDY.arms] == [f"{name} {rate:g}" for name in BEST_RATES for rate in RATES]
    for arm in STUDIES["input_scaling"].arms:
        chosen = f"{arm.name} {arm.recipe.lr:g}"
        [tried] = [other for other in STUDY.arms if other.name == chosen]
        assert (tried.recipe, tried.scaling, tried.network) == (arm.recipe, arm.scaling, arm.network)


def test_a_family_that_always_diverged_is_left_out_of_the_figure():
    runs = made({"raw 0.01": 80.0}) + made({"equalized 0.01": 10.0}, status="diverged")
    table = search.accuracies(runs)
    [ax] = comparison_figures.rate_curves(table).axes
    assert [text.get_text() for text in ax.texts] == ["raw"]
    assert "equalized: none" in comparison_figures.rate_curves_alt(table)
