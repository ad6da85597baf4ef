"""What a search finds: the best rate of each family, and nothing where runs diverged."""

import math

import pytest

from helpers.analysis import sweeps
from helpers.figures.maps import rate_map
from helpers.images.scaling import SCALINGS
from helpers.lessons import STUDIES
from helpers.lessons.data_normalization.studies import SCALING_RATES
from tests.standin_runs import run

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
    table = sweeps.accuracies(made()[::-1])
    assert list(table.index) == [0.0001, 0.001, 0.01]
    assert set(table) == {"raw", "min_max"}
    assert table["raw"].tolist() == [80.0, 84.0, 83.0]
    assert math.isnan(table["min_max"][0.001])


def test_the_best_rate_has_the_highest_mean_over_seeds():
    assert sweeps.best_rates(made()) == {"raw": 0.001, "min_max": 0.01}
    other = made({"raw 0.001": 70.0, "raw 0.01": 83.0}, seed=1)
    assert sweeps.best_rates(made() + other)["raw"] == 0.01  # 83.0 against (84 + 70) / 2


def test_of_equal_rates_the_smallest_with_others_on_both_sides_is_taken():
    assert sweeps.best_rates(made({"raw 0.01": 80.0, "raw 0.001": 80.0})) == {"raw": 0.001}
    at_an_end = {"raw 0.001": 80.0, "raw 0.01": 80.0, "raw 0.1": 80.0, "raw 1": 79.0}
    assert sweeps.best_rates(made(at_an_end)) == {"raw": 0.01}
    assert sweeps.beyond(made(at_an_end)) == []


def test_a_rate_at_which_any_run_diverged_is_not_chosen():
    runs = made() + made({"raw 0.001": 99.0}, seed=1, status="diverged")
    assert sweeps.best_rates(runs)["raw"] == 0.01
    with pytest.raises(ValueError, match="every run of raw diverged"):
        sweeps.best_rates(made({"raw 0.1": 10.0}, status="diverged"))


def test_a_best_rate_at_either_end_is_told():
    assert sweeps.beyond(made()) == ["min_max"]
    assert sweeps.beyond(made(ACCURACIES | {"min_max 0.1": 20.0})) == []
    assert sweeps.beyond(made(ACCURACIES | {"min_max 0.0001": 99.0})) == ["min_max"]


def test_each_family_has_ends_of_its_own():
    other = {"min_max 0.0001": 70.0, "min_max 0.001": 75.0, "min_max 0.1": 60.0}
    assert sweeps.beyond(made({"raw 0.001": 80.0, "raw 0.01": 84.0} | other)) == ["raw"]


def test_the_map_of_rates_frames_the_best_crosses_out_what_diverged_and_leaves_the_untried_blank():
    runs = made({"raw 0.0001": 80.4, "raw 0.01": 10.0, "min_max 0.001": 60.0, "min_max 0.01": 90.0})
    runs += made({"raw 0.001": 0.0, "equalized 0.01": 0.0}, status="diverged")
    fig = rate_map(runs, "accuracy (%)")
    ax = fig.axes[0]
    assert [text.get_text() for text in ax.texts] == ["80", "×", "10", "60", "90", "×"]
    assert [(int(x.get_position()[0]), int(x.get_position()[1])) for x in ax.texts] == [
        (0, 0),
        (1, 0),
        (2, 0),
        (1, 1),
        (2, 1),
        (2, 2),
    ]
    assert [patch.get_xy() for patch in ax.patches] == [(0, 0), (2, 1)]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["raw", "min max", "equalized"]
    assert "Best: raw at 0.0001 (80 %); min max at 0.01 (90 %). Diverged: 2." in fig.alt


def test_the_search_tries_every_rate_for_every_scaling_and_only_the_rate_differs():
    assert [arm.name for arm in STUDY.arms] == [
        f"{name} {rate:g}" for name in SCALINGS for rate in SCALING_RATES
    ]
    for arm in STUDIES["input_scaling"].arms:
        chosen = f"{arm.name} {arm.recipe.lr:g}"
        [tried] = [other for other in STUDY.arms if other.name == chosen]
        assert (tried.recipe, tried.scaling, tried.network) == (arm.recipe, arm.scaling, arm.network)
