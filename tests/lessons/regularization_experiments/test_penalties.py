"""Measures, tables, path and verdicts of lesson 13's studies, on made-up records of one to five seeds."""

import copy
import math

import pytest
import torch
from torch import nn

from helpers.analysis import comparison, stats
from helpers.analysis import readings as run_measures
from helpers.analysis.published import published_for
from helpers.lessons import CHOSEN, STUDIES
from helpers.lessons.regularization_experiments import path as sparse_path
from helpers.lessons.regularization_experiments import penalties, tables
from helpers.lessons.regularization_experiments.studies import PENALTIES
from helpers.studies import runs as study_runs
from tests import standin_runs
from tests.lessons.regularization_experiments import standin_penalized as made


@pytest.fixture
def recorded(tmp_path, monkeypatch):
    monkeypatch.setattr(study_runs, "RECORDED", tmp_path)
    return tmp_path


def test_recorded_runs_are_counted_and_diverged_ones_told(recorded):
    runs = made.regularization(2)
    runs[3] = standin_runs.run("batch L1 + L2", 0, [90.0], "diverged", STUDIES["mnist_regularization"])
    standin_runs.write(recorded, runs)
    standin_runs.write(recorded, runs[:-1])
    found, note = penalties.read(STUDIES["mnist_regularization"], seeds=5)
    assert len(found) == 23
    assert note == "mnist_regularization: 23 of 24 runs, 1 of them diverged."


def test_with_retrain_the_runs_are_trained_even_where_none_is_recorded(recorded, monkeypatch):
    asked = []
    monkeypatch.setattr(study_runs, "run", lambda study, **given: asked.append(given) or made.readings(2))
    found, note = penalties.read(STUDIES["mnist_readings"], retrain=True, seeds=2, device="cpu")
    assert len(found) == 8
    assert (asked[0]["seeds"], asked[0]["device"]) == (2, "cpu")
    assert note == "mnist_readings: 8 of 8 runs, 0 of them diverged."


def test_what_a_run_kept_of_its_end():
    run = made.path(1)[0]
    run["measures"] |= {"test": {"accuracy": 98.0}, "train": {"accuracy": 98.5, "loss": 0.25}}
    sparse = {"weights": 1000, "zeros": 250, "channels": 50, "zero_channels": 5, "below": {"0.001": 400}}
    run["measures"]["sparsity"] |= sparse | {"l1": 30.0, "squared": 4.0}
    run["config"]["recipe"] |= {"l1": 0.5, "weight_decay": 0.25, "lr": 0.2}
    assert run_measures.tested(run) == 98.0  # not the held-out images of the last epoch
    assert run_measures.gap(run) == pytest.approx(0.5)
    assert run_measures.training_loss(run) == 0.25
    assert (run_measures.zeros(run), run_measures.zero_channels(run)) == (25.0, 10.0)
    assert run_measures.below(0.001)(run) == 40.0
    assert run_measures.penalty(run) == pytest.approx(0.5 * 30 + 0.25 / 2 * 4)
    assert run_measures.effective_rate(run) == pytest.approx(0.05)
    del run["measures"]["test"]
    assert run_measures.tested(run) == run["epochs"][-1]["test_accuracy"]


def test_a_network_is_told_apart_into_its_kinds_of_parameters():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(2, 3))
    with torch.no_grad():
        for p in model.parameters():
            p.fill_(-0.5)
        model[1].weight.fill_(2.0)
    table = tables.parts_table(model)
    assert table.numbers.to_dict() == {
        "weights of convolutions": 18,
        "biases": 5,
        "gamma of the norms": 2,
        "beta of the norms": 2,
        "weights of the linear layer": 6,
    }
    assert table["sum of |w|"].sum() == pytest.approx(31 * 0.5 + 2 * 2)
    assert table["sum of |w|"]["gamma of the norms"] == 4
    assert table["sum of w^2"]["weights of convolutions"] == pytest.approx(18 * 0.25)


@pytest.mark.parametrize("seeds", [0, 1, 2, 5])
def test_every_table_holds_all_its_rows_whatever_is_recorded(seeds):
    runs, readings, path = made.regularization(seeds), made.readings(seeds), made.path(seeds)
    cells = tables.cells_table(runs)
    assert cells.shape == (3, 4)
    published = tables.published_table(runs)
    assert list(published.index) == list(published_for("mnist_regularization"))
    assert tables.power_table(runs).shape[0] == 3
    arms = ["batch none", "batch L1 mean"]
    measured = tables.measured_table([*runs, *readings], arms, {"gap": (run_measures.gap, 2)})
    assert list(measured.index) == arms
    assert sparse_path.left_table(path).shape == (3, 2)
    said = [cells.loc["batch", "none"], published["ours"].iloc[0], measured.gap["batch L1 mean"]]
    for words in said:
        assert (words == "no run") if seeds == 0 else (f"n = {seeds}" in words or "no interval" in words)
    table = sparse_path.path_table(path, "proximal")
    assert list(table.index)[::2] == ["1e-06", "0.0001", "0.001", "0.01"]
    assert (table.n == seeds).all()
    assert table["weights exactly 0"].iloc[2] == ("50.0" if seeds else "-")
    assert len(penalties.against_none(runs)) == (9 if seeds else 0)
    assert len(penalties.between_norms(runs)) == (3 if seeds else 0)


def test_a_cell_is_the_mean_of_its_arm_and_published_figures_stand_beside_it():
    runs = made.regularization(5)
    expected = comparison.mean(runs, "layer L2")
    assert tables.cells_table(runs).loc["layer", "L2"] == stats.told(expected)
    for run in runs:
        run["epochs"][4]["test_loss"] = 0.0123 if run["arm"] == "layer L2" else 0.5
    row = tables.published_table(runs).loc["layer L2"]
    assert row["loss, ours"].startswith("0.0123 ")
    assert (row["best, published"], row["loss, published"]) == ("99.56", "0.0159")
    lowest = [max(e["train_accuracy"] for e in r["epochs"]) for r in runs if r["arm"] == "layer L2"]
    assert row["training, ours"].startswith(f"{sum(lowest) / 5:.2f} ")


def test_differences_are_paired_and_against_the_same_norm():
    runs = made.regularization(4)
    found = penalties.against_none(runs)["layer L1 - none"]
    ends = {(r["arm"], r["seed"]): r["epochs"][-1]["test_accuracy"] for r in runs}
    by_seed = [ends["layer L1", s] - ends["layer none", s] for s in range(4)]
    assert found.mean == pytest.approx(sum(by_seed) / 4)
    assert list(penalties.against_none(runs)) == [
        f"{norm} {name} - none" for norm in penalties.NORMS for name in list(PENALTIES)[1:]
    ]
    between = penalties.between_norms(runs)["batch - layer"]
    assert between.mean == pytest.approx(
        sum(ends["batch none", s] - ends["layer none", s] for s in range(4)) / 4
    )


def test_an_arm_at_another_rate_is_compared_with_the_arm_of_its_name():
    runs, others = made.regularization(3), []
    for run in copy.deepcopy(runs):
        if run["arm"] in ("batch L1", "layer L2"):
            run["epochs"][-1]["test_accuracy"] -= 0.1 * (run["seed"] + 1)
            run["config"]["recipe"]["lr"] = 0.5
            others.append(run)
    found = penalties.of_the_rate(runs, others)
    rates = CHOSEN["mnist_penalty_search"]
    assert list(found) == [f"{arm}: {rates[arm]:g} - 0.5" for arm in ("batch L1", "layer L2")]
    assert [item.mean for item in found.values()] == pytest.approx([0.2, 0.2])  # of 0.1, 0.2 and 0.3
    assert penalties.of_the_rate([], others) == {}


def test_power_is_computed_from_the_deviation_of_the_pairs():
    runs = made.regularization(5)
    ends = {(r["arm"], r["seed"]): r["epochs"][-1]["test_accuracy"] for r in runs}
    by_seed = torch.tensor([ends["batch none", s] - ends["group none", s] for s in range(5)])
    row = tables.power_table(runs).loc["batch - group"]
    assert row["published"] == "+0.07"
    assert row["deviation of a pair"] == f"{by_seed.std().item():.3f}"
    equal = made.regularization(2)
    for run in equal:
        level = 99.7 if run["arm"] == "batch none" else 99.6
        run["epochs"][-1]["test_accuracy"] = level + 0.1 * run["seed"]
    for runs in (made.regularization(1), equal):
        row = tables.power_table(runs).loc["batch - group"]
        assert set(row[["deviation of a pair", "power of 5 runs", "runs needed"]]) == {"not known"}


def test_at_equal_loss_l1_is_read_off_a_line_over_the_logarithm():
    runs = [r for r in [*made.regularization(1), *made.readings(1)] if r["arm"].startswith("batch")]
    points = {"batch L1 mean": (0.01, 99.6), "batch L1": (0.09, 99.0), "batch L2": (0.03, 99.5)}
    points["batch L1 weights only"] = (0.27, 98.0)
    for run in runs:
        loss, accuracy = points.get(run["arm"], (0.02, 50.0))  # those of no concern would show
        run["measures"]["train"]["loss"] = loss
        run["epochs"][-1]["test_accuracy"] = accuracy
    found = penalties.at_equal_loss(runs, "batch L2")
    assert found == {0: (pytest.approx(99.3), 99.5)}  # 0.03 is the geometric mean of 0.01 and 0.09
    for run in runs:
        if run["arm"] == "batch L2":
            run["measures"]["train"]["loss"] = 0.5  # beyond all runs of L1
    assert penalties.at_equal_loss(runs, "batch L2") == {}
    assert penalties.at_equal_loss([], "batch L2") == {}


def test_the_path_goes_from_weak_to_strong_and_leaves_out_diverged_runs():
    runs = made.path(2)[::-1]
    runs[0]["status"] = "diverged"  # proximal 0.01, seed 1
    path = sparse_path.by_seed(runs, "proximal")
    assert {seed: len(found) for seed, found in path.items()} == {0: 7, 1: 6}
    assert [r["arm"] for r in path[1]][:2] == ["proximal 1e-06", "proximal 1e-05"]


def test_accuracy_at_a_share_of_zeros_lies_between_two_runs():
    runs = [r for r in made.path(1) if r["arm"] in ("proximal 0.0001", "proximal 0.0003")]
    for run, (share, accuracy) in zip(runs, ((0.4, 99.5), (0.8, 98.5)), strict=True):
        run["measures"]["test"]["accuracy"] = accuracy
        run["measures"]["sparsity"] |= {"weights": 1000, "zeros": round(1000 * share)}
    assert sparse_path.accuracy_at(runs, 50.0) == {0: pytest.approx(99.25)}
    assert sparse_path.accuracy_at(runs, 90.0) == {}
    assert sparse_path.weights_left(runs, 99.0) == {0: pytest.approx(400)}


@pytest.mark.parametrize(
    ("left", "accuracies", "expected"),
    [
        ([1000, 500, 100], [99.5, 99.2, 98.2], 420),  # 100 + 0.8 / 1.0 * 400
        ([100, 1000, 500], [98.2, 99.5, 99.2], 420),  # the order does not matter
        ([1000, 500, 300, 100], [99.5, 98.8, 99.2, 98.2], 260),  # a dip on the way is not the end
        ([1000, 500], [98.0, 97.0], None),  # never reached
        ([1000, 500], [99.9, 99.5], None),  # never left
        ([800, 800], [99.5, 98.0], 800),  # no zeros at all
    ],
)
def test_the_crossing_is_the_last_one(left, accuracies, expected):
    assert sparse_path.left_at(left, accuracies, 99.0) == (expected and pytest.approx(expected))


def test_seeds_that_never_cross_are_told():
    runs = made.path(2)
    for run in runs:
        if run["seed"] == 1:
            run["measures"]["test"]["accuracy"] = 90.0
    table = sparse_path.left_table(runs)
    assert table.proximal["99 %"].endswith("1 never crossed")
    assert sparse_path._left(runs, 99.9, "proximal") == "never crossed, n = 2"


def verdicts(runs):
    found = zip(standin_runs.judge(runs), standin_runs.words(runs), strict=True)
    return {(f.claim, f.statement): word for f, word in found}


def test_the_claims_of_the_twelve_cells_are_judged_by_their_intervals():
    found = verdicts(made.regularization(5))
    assert found[32, "L1 (0.001) costs accuracy"] == "holds"
    assert found[29, "at the factor 0.001 L2 learns the training images better than L1"] == "holds"
    assert found[31, "without penalty batch norm beats layer norm"] == "holds"
    worse = made.regularization(5)
    for run in worse:
        if run["arm"] in ("batch L1", "layer L2"):
            run["epochs"][-1]["test_accuracy"] += 1 if run["arm"] == "batch L1" else -0.5
    changed = verdicts(worse)
    assert changed[32, "L1 (0.001) costs accuracy"] == "holds when: layer, group"
    assert changed[32, "L2 (0.001) helps layer norm"] == "false"
    assert set(verdicts(made.regularization(1)).values()) == {"undecided"}


def test_the_claims_of_the_path_are_judged_by_their_intervals():
    runs = made.path(5)
    found = verdicts(runs)
    assert found[26, "L1 (0.01) makes weights exactly zero"] == "holds when: proximal"
    (half,) = [v for (claim, _), v in found.items() if claim == 29]
    assert half == "false"
    for run in runs:
        run["measures"]["test"]["accuracy"] -= 2
    (half,) = [v for (claim, _), v in verdicts(runs).items() if claim == 29]
    assert half == "holds"


def test_the_standins_have_the_measures_that_the_studies_take():
    for runs in (made.regularization(1), made.readings(1), made.path(1)):
        study = STUDIES[runs[0]["study"]]
        assert {r["arm"] for r in runs} == {arm.name for arm in study.arms}
        for run in runs:
            assert set(run["measures"]) == set(study.measures)
            sparse = run["measures"]["sparsity"]
            assert sum(sparse["histogram"]) == pytest.approx(sparse["weights"], abs=30)
            assert math.isfinite(sparse["l1"])
