"""Values, tables, verdicts and figures of a comparison say what the runs say, for any number of seeds."""

import math

import pytest
import torch
from scipy import stats as scipy_stats

from helpers.analysis import comparison, readings, stats
from helpers.analysis.published import published_for
from helpers.analysis.stats import VERDICTS, Interval, interval
from helpers.figures import runs as draw
from helpers.figures import style
from helpers.figures.images import image_grid
from helpers.lessons import STUDIES, findings, findings_table
from tests import standin_runs

pytestmark = pytest.mark.usefixtures("course_style")


def pair(a: list[float], b: list[float], arms=("batch", "layer")) -> list[dict]:
    """One run per value, of two epochs, the first at 20 %."""
    values = dict(zip(arms, (a, b), strict=True))
    return [standin_runs.run(arm, seed, [20.0, v]) for arm in arms for seed, v in enumerate(values[arm])]


def test_final_and_best_epoch_are_told_apart():
    run = standin_runs.run("batch", 0, [40.0, 72.0, 71.5])
    assert readings.final(run) == 71.5
    assert readings.best(run) == 72.0


def test_a_diverged_run_is_counted_and_has_no_value():
    runs = [standin_runs.run("none", 0, [30.0, 66.0]), standin_runs.run("none", 1, [30.0], "diverged")]
    runs.append(standin_runs.run("none", 2, [], "diverged"))
    assert comparison.values(runs, "none") == {0: 66.0}
    assert comparison.diverged(runs, "none") == 2
    assert comparison.accuracy_table(runs).loc["none", ["n", "diverged", "final"]].tolist() == [1, 2, "66.00"]


def test_an_arm_whose_runs_all_diverged_stays_in_the_tables():
    runs = [*pair([73.0], [71.0]), standin_runs.run("none", 0, [], "diverged")]
    assert comparison.accuracy_table(runs).loc["none", ["n", "diverged", "final"]].tolist() == [0, 1, "-"]
    assert "none" not in comparison.differences(runs, "batch")


def test_differences_use_only_seeds_that_both_arms_have():
    runs = pair([73.0, 74.0, 99.0], [71.0, 73.0])
    found = comparison.difference(runs, "batch", "layer")
    assert (found.mean, found.n) == (1.5, 2)
    assert comparison.difference(runs, "batch", "group") is None


def test_epochs_until_a_threshold_lie_between_two_epochs():
    measure = readings.epochs_until(60)
    assert measure(standin_runs.run("batch", 0, [50.0, 58.0, 62.0])) == 2.5
    assert measure(standin_runs.run("batch", 0, [50.0, 60.0, 55.0])) == 2
    assert measure(standin_runs.run("batch", 0, [61.0, 70.0])) == 1
    assert measure(standin_runs.run("batch", 0, [50.0, 59.9])) is None


def test_range_of_a_run_is_the_prediction_interval_and_covers_as_promised():
    values = [71.0, 72.0, 71.5, 72.4, 71.1]
    one = stats.range_of_a_run(interval(values))
    deviation = math.sqrt(sum((v - 71.6) ** 2 for v in values) / 4)
    assert one.high - one.mean == pytest.approx(
        scipy_stats.t.ppf(0.975, 4) * deviation * math.sqrt(1 + 1 / 5)
    )
    draws = torch.randn(2000, 6, generator=torch.Generator().manual_seed(0)).tolist()
    ranges = [(stats.range_of_a_run(interval(row[:5])), row[5]) for row in draws]
    assert 0.935 <= sum(r.low <= new <= r.high for r, new in ranges) / 2000 <= 0.965


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (None, "no run"),
        (Interval(71.3, math.nan, math.nan, 1), "71.30 (no interval, n = 1)"),
        (Interval(71.3, 70.98, 71.62, 5), "71.30 (70.98 to 71.62, n = 5)"),
    ],
)
def test_a_mean_is_told_with_its_interval_and_n(found, words):
    assert stats.told(found) == words
    assert "nan" not in stats.span(found)


def test_an_interval_excludes_zero_if_it_lies_on_one_side_of_it():
    found = {
        "above": Interval(1, 0.1, 1.9, 3),
        "below": Interval(-1, -2, -0.1, 3),
        "across": Interval(1, -1, 3, 3),
    }
    found["one"] = Interval(1, math.nan, math.nan, 1)
    assert comparison.difference_table(found)["excludes 0"].tolist() == ["yes", "yes", "no", "-"]


def test_published_figures_stand_beside_the_arm_they_are_of():
    best = comparison.accuracy_table(standin_runs.runs(1))["published best"].to_dict()
    assert best.pop("instance") == best.pop("none") == best.pop("batch_mean_corners") == "-"
    assert best == {"batch": "73.27", "layer": "71.51", "group": "71.88"}
    assert published_for("another study") == {}


# Verdicts


def verdicts(runs: list[dict]) -> dict[str, str]:
    found = zip(standin_runs.judge(runs), standin_runs.words(runs), strict=True)
    return {finding.statement: word for finding, word in found}


BEATS, GROUP_BEATS = "batch norm beats layer norm", "group norm beats layer norm"
REPRODUCED = "the recipe as described gives the published best accuracies"
CORNERS = "the kind of norm (batch or layer) moves accuracy more than the colour of rotated corners"


def test_a_clear_difference_holds_its_opposite_is_false_and_one_run_decides_nothing():
    ahead, behind = [73.0, 73.4, 73.2], [71.0, 71.2, 71.3]
    assert verdicts(pair(ahead, behind))[BEATS] == "holds"
    assert verdicts(pair(behind, ahead))[BEATS] == "false"
    assert verdicts(pair([73.0, 71.0, 72.0], [72.0, 73.0, 71.0]))[BEATS] == "undecided"
    assert set(verdicts(standin_runs.runs(1)).values()) == {"undecided"}


def test_a_claim_without_runs_is_not_supported():
    assert verdicts(pair([73.0, 73.4, 73.2], [71.0, 71.2, 71.3]))[GROUP_BEATS] == "undecided"
    assert findings([]) == []
    assert findings_table([]).empty


def test_earlier_at_one_threshold_only_holds_when_and_names_it():
    def curves(arm: str, at_60: float) -> list[dict]:
        return [standin_runs.run(arm, seed, [10, at_60 + seed / 10, 65, 75]) for seed in range(3)]

    found = verdicts(curves("batch", 59) + curves("layer", 30))
    assert found["batch norm gets there before layer norm"] == "holds when: to 60 %"


def test_a_run_that_never_arrives_counts_as_late():
    early = [standin_runs.run("batch", seed, [50, 71 + seed / 10, 72]) for seed in range(3)]
    never = [standin_runs.run("layer", seed, [50, 55, 58 + seed / 10]) for seed in range(3)]
    assert verdicts(early + never)["batch norm gets there before layer norm"] == "holds"


def reproduced(batch: list[float], layer: list[float], group: list[float]) -> str:
    runs = pair(batch, layer) + [standin_runs.run("group", seed, [20.0, v]) for seed, v in enumerate(group)]
    return verdicts(runs)[REPRODUCED]


def test_reproduced_means_inside_the_range_of_single_runs_and_that_range_must_tell_norms_apart():
    batch, layer, group = ([best + d for d in (-0.4, 0.0, 0.3, -0.2, 0.4)] for best in (73.27, 71.51, 71.88))
    shifted = [value + 3 for value in layer]
    assert reproduced(batch, layer, group) == "holds"
    assert reproduced(batch, shifted, group) == "holds when: batch, group"
    a_bit_higher = ([v + 0.6 for v in arm] for arm in (batch, layer, group))
    assert reproduced(*a_bit_higher) == "holds"  # outside the interval of the mean, inside that of one run
    assert reproduced(*([v - 5 for v in arm] for arm in (batch, layer, group))) == "false"
    assert reproduced(batch[:2], layer[:2], group[:2]) == "undecided"  # t = 12.7: everything is inside
    assert reproduced(batch[:1], layer[:1], group[:1]) == "undecided"


def test_norm_against_corners_compares_the_sizes_of_both_effects():
    def three(batch: float, layer: float, corners: float) -> list[dict]:
        levels = {"batch": batch, "layer": layer, "batch_mean_corners": corners}
        noise = (0, 0.02, 0.04)
        return [
            standin_runs.run(arm, seed, [20.0, v + noise[(seed + i) % 3]])
            for i, (arm, v) in enumerate(levels.items())
            for seed in range(3)
        ]

    assert verdicts(three(73, 71, 76))[CORNERS] == "false"
    assert verdicts(three(73, 69, 74))[CORNERS] == "holds"
    assert verdicts(three(69, 73, 70))[CORNERS] == "holds"  # the size counts, whichever is ahead


@pytest.mark.parametrize("seeds", [1, 2, 5])
def test_every_verdict_is_one_of_the_four_and_says_how_many_runs(seeds):
    for finding in findings(standin_runs.runs(seeds)):
        assert finding.verdict.split(":")[0] in VERDICTS
        assert f"n = {seeds}" in finding.measured or finding.statement == REPRODUCED
        assert "nan" not in finding.measured


# Figures


def test_learning_curves_show_mean_range_and_where_a_run_diverged():
    runs = [standin_runs.run("batch", seed, [40.0, 70.0 + 2 * seed]) for seed in range(2)]
    runs += [
        standin_runs.run("none", 0, [20.0, 15.0], "diverged"),
        standin_runs.run("none", 1, [], "diverged"),
    ]
    fig = draw.learning_curves(runs)
    ax = fig.axes[0]
    by_label = {line.get_label(): line for line in ax.get_lines()}
    assert list(by_label["batch"].get_ydata()) == [40.0, 71.0]
    band = ax.collections[0].get_paths()[0].vertices
    assert {float(y) for x, y in band if x == 2} == {70.0, 72.0}
    assert [list(line.get_ydata()) for line in ax.get_lines() if line.get_marker() == "x"] == [[15.0]]
    assert fig.alt.endswith("At the end: batch 71.0 % (n = 2); none 2 diverged.")


def test_beside_published_says_how_many_published_epochs_lie_inside():
    curve = published_for("cifar_norms")["batch"]["test_accuracy"]
    runs = [standin_runs.run("batch", seed, [v + shift for v in curve]) for seed, shift in enumerate((-1, 1))]
    runs[1]["epochs"][0]["test_accuracy"] = curve[0] - 1
    runs[1]["epochs"][1]["test_accuracy"] = curve[1]  # equal to the highest of ours is still inside
    fig = draw.beside_published(runs)
    assert len(fig.axes) == 1
    assert (
        "of 20 published epochs 19 lie inside the range of our runs (n = 2), 1 above and 0 below" in fig.alt
    )


def test_an_arm_far_from_the_others_is_an_arrow_and_keeps_its_numbers():
    found = {
        "batch": Interval(73, 72, 74, 5),
        "layer": Interval(71, 70, 72, 5),
        "instance": Interval(10, 10, 10, 5),
    }
    fig = draw.intervals(found, "accuracy (%)", marks={"batch": 60.5})
    ax = fig.axes[0]
    low, high = ax.get_xlim()
    assert 10 < low <= 60.5
    assert high >= 74
    assert {text.get_text() for text in ax.texts} == {stats.told(item) for item in found.values()} | {""}
    assert "instance 10.00 (10.00 to 10.00, n = 5)" in fig.alt


def test_a_very_wide_interval_is_cut_off_and_one_run_has_no_bar():
    found = {"batch": Interval(73, 50, 96, 2), "layer": Interval(71, math.nan, math.nan, 1)}
    ax = draw.intervals(found, "accuracy (%)").axes[0]
    low, high = ax.get_xlim()
    assert (low, high) == pytest.approx((67.52, 76.48))
    assert sum(list(line.get_xdata()) == [50, 96] for line in ax.get_lines()) == 1
    assert (
        len([line for line in ax.get_lines() if line.get_linestyle() == "-" and len(line.get_xdata()) == 2])
        == 1
    )


def test_no_difference_yet_is_said_in_the_figure():
    fig = draw.intervals({}, "points", zero=True)
    assert fig.axes[0].texts[0].get_text() == "no runs to show yet"
    assert fig.alt == "Points, mean and 95 % interval: no runs to show yet."


def test_arms_look_as_their_norm_or_scaling_whatever_they_are_called_and_differ():
    found = draw.looks(standin_runs.runs(1))
    assert [found[norm] for norm in style.PALETTE] == [style.look(norm) for norm in style.PALETTE]
    marks = {(look["color"], look["marker"]) for look in found.values()}
    assert len(marks) == len(standin_runs.LEVEL) == len({mark for _, mark in marks})
    scaled = [
        standin_runs.run(arm.name, 0, [50.0], study=STUDIES["input_scaling"])
        for arm in STUDIES["input_scaling"].arms
    ]
    assert draw.looks(scaled)["min_max"] == style.look("batch")
    renamed = [run | {"arm": f"the arm {run['arm']}, as ever"} for run in standin_runs.runs(1)]
    assert list(draw.looks(renamed).values()) == list(found.values())


def test_a_row_has_the_colour_of_the_arm_that_it_is_named_after():
    found = {name: Interval(0, -1, 1, 3) for name in ("batch_mean_corners - batch", "group", "pooled")}
    lines = draw.intervals(found, "points", runs=standin_runs.runs(1)).axes[0].get_lines()
    looks = draw.looks(standin_runs.runs(1))
    colors = [looks["batch_mean_corners"]["color"], style.PALETTE["group"], style.INK]
    assert [line.get_color() for line in lines if line.get_marker() == "o"] == colors


def test_image_grid_shows_each_image_with_its_caption_in_grey_or_colour():
    for channels in (1, 3):
        fig = image_grid(torch.randint(256, (5, channels, 8, 8), dtype=torch.uint8), list("abcde"), columns=3)
        assert [ax.get_title() for ax in fig.axes] == ["a", "b", "c", "d", "e", ""]
        assert fig.axes[4].images[0].get_array().shape[:2] == (8, 8)
        assert not fig.axes[5].images


@pytest.mark.parametrize("seeds", [1, 2, 5])
def test_every_figure_can_be_drawn_for_any_number_of_seeds(seeds):
    runs = standin_runs.runs(seeds)
    minus = comparison.differences(runs, "batch")
    for fig in (
        draw.learning_curves(runs),
        draw.beside_published(runs),
        draw.intervals(minus, "points", zero=True),
    ):
        fig.canvas.draw()
        assert f"{seeds} runs" in fig.alt or f"n = {seeds}" in fig.alt
        assert "nan" not in fig.alt
