"""Intervals cover what they promise, pairs are matched by seed, and verdicts follow from intervals."""

import math
from collections import Counter

import numpy as np
import pytest
from scipy import stats as scipy_stats

from helpers.analysis import published as analysis_published
from helpers.analysis.stats import (
    Interval,
    epochs_to,
    interval,
    paired,
    sampling_error,
    single_runs,
    spent,
    verdict,
)

NAN = math.nan


def test_interval_is_the_t_interval_of_the_textbook():
    # Mean 3, standard deviation sqrt(2.5), t(0.975, 4 degrees) = 2.776445
    found = interval([1, 2, 3, 4, 5])
    assert found.mean == 3
    assert found.n == 5
    assert found.high - 3 == pytest.approx(2.776445 * math.sqrt(2.5 / 5), rel=1e-6)
    assert 3 - found.low == pytest.approx(found.high - 3)
    assert interval([1, 2, 3, 4, 5], level=0.5).high < found.high


def test_interval_of_one_value_is_unknown_and_of_equal_values_a_point():
    one = interval([71.5])
    assert one.mean == 71.5
    assert one.n == 1
    assert math.isnan(one.low)
    assert math.isnan(one.high)
    assert interval([2.0, 2.0, 2.0]) == Interval(2.0, 2.0, 2.0, 3)


@pytest.mark.parametrize("values", [[], [1.0, NAN], [1.0, None], [1.0, math.inf]])
def test_interval_refuses_what_is_not_a_finite_number(values):
    with pytest.raises(ValueError, match="finite number"):
        interval(values)


def test_t_covers_five_runs_as_promised_and_the_percentile_bootstrap_does_not():
    """The reason for t: of 2,000 studies with 5 normal runs, how many 95 % intervals hold the true mean?"""
    rng = np.random.default_rng(0)
    runs = rng.normal(70, 0.4, size=(2000, 5))
    t = np.mean([(found := interval(row)).low <= 70 <= found.high for row in runs])
    resampled = np.take_along_axis(runs[:, None, :], rng.integers(0, 5, size=(2000, 1000, 5)), axis=2)
    low, high = np.percentile(resampled.mean(axis=2), [2.5, 97.5], axis=1)
    bootstrap = np.mean((low <= 70) & (high >= 70))
    assert 0.935 <= t <= 0.965
    assert 0.80 <= bootstrap <= 0.87


def test_paired_matches_by_seed_not_by_order_and_agrees_with_scipy():
    a, b = {0: 70.0, 1: 72.0, 2: 71.5}, {2: 70.8, 0: 69.1, 1: 71.6}
    found = paired(a, b)
    expected = scipy_stats.ttest_rel([70.0, 72.0, 71.5], [69.1, 71.6, 70.8]).confidence_interval()
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert found.mean == pytest.approx((0.9 + 0.4 + 0.7) / 3)
    assert found.n == 3
    assert paired(b, a).low == pytest.approx(-found.high)


def test_pairing_removes_what_the_seeds_share():
    seeds = np.random.default_rng(1).normal(0, 3, size=5)
    noise = np.random.default_rng(2).normal(0, 0.1, size=5)
    a = {i: 71 + s + e for i, (s, e) in enumerate(zip(seeds, noise, strict=True))}
    b = {i: 70 + s for i, s in enumerate(seeds)}
    found = paired(a, b)
    assert 0.5 < found.low < 1 < found.high < 1.5
    assert interval(list(a.values())).low < interval(list(b.values())).high


def test_paired_refuses_different_seeds_and_missing_values():
    with pytest.raises(ValueError, match=r"different seeds, \[0, 1\] and \[0, 2\]"):
        paired({0: 1.0, 1: 2.0}, {0: 1.0, 2: 2.0})
    with pytest.raises(ValueError, match=r"second arm are \[7.0, None\]"):
        paired({0: 5.0, 1: 6.0}, {0: 7.0, 1: None})
    with pytest.raises(ValueError, match="first arm"):
        paired({0: NAN}, {0: 7.0})


def test_a_threshold_never_reached_counts_as_the_value_given_for_it():
    found = paired({0: 10.0, 1: 12.0}, {0: None, 1: 15.0}, missing=21)
    assert found.mean == pytest.approx(((10 - 21) + (12 - 15)) / 2)


def test_sampling_error_is_that_of_draws():
    right = np.random.default_rng(0).binomial(10_000, 0.7151, size=20_000)
    assert sampling_error(71.51, 10_000) == pytest.approx(np.std(right / 100), rel=0.02)
    assert sampling_error(100, 10_000) == 0
    for accuracy, images in ((101, 10), (-1, 10), (50, 0)):
        with pytest.raises(ValueError, match="at least 1 image"):
            sampling_error(accuracy, images)


def test_the_published_gap_of_group_over_layer_norm_is_inside_the_sampling_noise():
    figures = analysis_published.published()["cifar10_norms"]
    layer, group, batch = (
        figures[name]["best"]
        for name in ("layer_norm (GroupNorm(1, C))", "group_norm (GroupNorm(2, C))", "batch_norm")
    )
    gap = single_runs(group, layer, images=10_000)
    assert gap.mean == pytest.approx(0.37)
    assert gap.n == 1
    assert (gap.high - gap.mean) / 1.959964 == pytest.approx(0.637, abs=0.001)
    assert verdict(gap) == "undecided"
    assert verdict(single_runs(batch, layer, images=10_000)) == "holds"


def test_single_runs_bounds_the_error_of_networks_that_fail_on_the_same_images():
    rng = np.random.default_rng(0)
    hard = rng.normal(size=(1000, 2000))  # shared by both networks
    a, b = (100 * (hard + rng.normal(size=hard.shape) < 0.8).mean(axis=1) for _ in range(2))
    bound = (single_runs(a.mean(), b.mean(), images=2000).high - (a.mean() - b.mean())) / 1.96
    assert 0.5 * bound < np.std(a - b) < 0.9 * bound


def test_epochs_to_counts_from_one_and_knows_never():
    assert epochs_to([36.5, 60.0, 59.0, 61.0], 60) == 2
    assert epochs_to([60.0], 60) == 1
    assert epochs_to([36.5, 59.99], 60) is None
    assert epochs_to([10.0, NAN, None], 60) is None
    assert epochs_to([], 60) is None
    published = analysis_published.published()["cifar10_norms"]["batch_norm"]["test_accuracy"]
    assert (epochs_to(published, 60), epochs_to(published, 70)) == (5, 12)


UP, DOWN, OPEN, ONE = (
    Interval(1, 0.5, 1.5, 5),
    Interval(-1, -1.5, -0.5, 5),
    Interval(0.1, -1, 1.2, 5),
    Interval(9, NAN, NAN, 1),
)


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        (UP, "holds"),
        (DOWN, "false"),
        (OPEN, "undecided"),
        (ONE, "undecided"),
        (Interval(0, 0, 0, 5), "false"),
        ({"small": UP, "large": UP}, "holds"),
        ({"small": UP, "large": DOWN}, "holds when"),
        ({"small": UP, "large": OPEN}, "holds when"),
        ({"small": DOWN, "large": OPEN}, "undecided"),
        ({"small": DOWN, "large": DOWN}, "false"),
        ({"small": ONE, "large": DOWN}, "undecided"),
    ],
)
def test_verdict(evidence, expected):
    assert verdict(evidence) == expected


NONE = Interval(0.1, -0.3, 0.4, 5)  # within half a point to either side


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        (NONE, "no difference that matters"),
        (UP, "holds"),
        (Interval(0.2, 0.1, 0.3, 9), "holds"),  # above 0 comes first, however small it is
        (Interval(-0.2, -0.3, -0.1, 9), "false"),
        (Interval(0.1, -0.5, 0.4, 5), "undecided"),
        (Interval(0.1, -0.3, 0.5, 5), "undecided"),
        (ONE, "undecided"),
        ({"small": NONE, "large": NONE}, "no difference that matters"),
        ({"small": NONE, "large": UP}, "holds when"),
        ({"small": NONE, "large": DOWN}, "false"),
        ({"small": NONE, "large": OPEN}, "undecided"),
        ({"small": DOWN, "large": OPEN}, "undecided"),
    ],
)
def test_verdict_with_the_smallest_difference_that_matters(evidence, expected):
    assert verdict(evidence, matters=0.5) == expected


def test_verdict_with_a_margin_and_without_evidence():
    assert verdict(Interval(1.0, 0.8, 1.3, 5), margin=1.0, matters=0.5) == "no difference that matters"
    assert verdict(UP, margin=0.4) == "holds"
    assert verdict(UP, margin=1.0) == "undecided"
    assert verdict(UP, margin=2.0) == "false"
    with pytest.raises(ValueError, match="no interval"):
        verdict({})


def test_the_looks_spend_the_level_and_no_more():
    assert spent((5,), 5) == 0.05
    assert [spent((10, 20, 30), n) for n in (10, 19, 20, 30, 99)] == pytest.approx(
        [0.05 / 6, 0.05 / 6, 0.05 / 3, 0.025, 0.025]
    )
    for looks in ((5,), (3, 8), (5, 10, 20, 30)):
        assert sum(spent(looks, look) for look in looks) == pytest.approx(0.05)
    with pytest.raises(ValueError, match="9 seeds reach no look of 10, 20"):
        spent((10, 20), 9)


LOOKS, MATTERS, STUDIES = (10, 20, 30), 0.5, 2000


def ended(effect: float, lucky: float = 0.0, comparisons: int = 3) -> tuple[dict[str, float], float]:
    """Shares of simulated studies with each verdict of their first comparison, and of those that err in any.

    Differences between pairs have a standard deviation of 0.8; one seed in ten is higher by `lucky` standard
    deviations, and the mean is the effect all the same. A study ends at the first look that decides it.
    """
    chance = np.random.default_rng(0)
    words, wrong = Counter(), 0
    for _ in range(STUDIES):
        values = chance.normal(effect, 0.8, size=(comparisons, LOOKS[-1]))
        values += 0.8 * lucky * ((chance.random(values.shape) < 0.1) - 0.1)
        open_ = set(range(comparisons))
        said = ["undecided"] * comparisons
        erred = False
        for look in LOOKS:
            for i in sorted(open_):
                found = interval(values[i, :look], 1 - spent(LOOKS, look) / comparisons)
                said[i] = verdict(found, matters=MATTERS)
                if said[i] != "undecided":
                    open_.remove(i)
                    truth = {
                        "holds": effect > 0,
                        "false": effect <= 0 and effect != 0,
                        "no difference that matters": abs(effect) < MATTERS,
                    }
                    erred |= not truth[said[i]]
        words[said[0]] += 1
        wrong += erred
    return {word: count / STUDIES for word, count in words.items()}, wrong / STUDIES


@pytest.mark.parametrize("effect", [0.0, 0.25, 1.0])  # none, half of what matters, twice
def test_simulated_studies_err_as_seldom_as_the_words_promise(effect):
    """Three comparisons in a claim, three looks: in 95 % of studies no verdict at all is wrong."""
    said, wrong = ended(effect)
    assert wrong <= 0.05
    if effect == 1.0:
        assert said["holds"] > 0.99  # and what is large is found
    if effect == 0.0:
        assert said["no difference that matters"] > 0.4  # as what is nothing is found to be nothing


def test_without_the_looks_share_and_the_familys_share_of_the_level_studies_would_err_more(monkeypatch):
    monkeypatch.setitem(ended.__globals__, "spent", lambda looks, seeds: 0.05 * 3)
    assert ended(0.0)[1] > 0.1


def test_one_lucky_seed_in_ten_makes_intervals_err_more_by_how_much_verdict_says():
    """The mean of a study that has drawn no lucky seed yet lies low, and nothing in it tells."""
    by_four, by_eight = (ended(0.0, lucky, comparisons=1)[1] for lucky in (4, 8))
    assert by_four == pytest.approx(0.07, abs=0.015)
    assert by_eight == pytest.approx(0.19, abs=0.03)


@pytest.mark.parametrize("level", [0, 1, 95])
def test_a_level_is_a_share(level):
    with pytest.raises(ValueError, match=r"such as 0\.95"):
        interval([1.0, 2.0], level)
