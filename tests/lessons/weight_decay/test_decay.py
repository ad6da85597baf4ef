"""The maps, costs and findings of adam_l2_adamw say what made-up runs were made to say, for n = 1 to 3."""

import math

import pytest

from helpers.analysis.stats import VERDICTS
from helpers.lessons import STUDIES, findings
from helpers.lessons.weight_decay import decay as decay_study
from tests import standin_runs

STUDY = STUDIES["adam_l2_adamw"]


def level(optimizer: str, decay: float, rate: float) -> float:
    """Adam: the best decay is 1e-5 / rate or so; AdamW: 0.1 at every rate, and half a point better."""
    if decay == 0:
        return 84.0
    if optimizer == "adamw":
        return 88.5 - abs(math.log10(decay / 0.1))
    return 88.0 - abs(math.log10(decay * rate / 3e-5))


def runs(seeds: int) -> list[dict]:
    found = []
    for seed in range(seeds):
        for number, arm in enumerate(STUDY.arms):
            optimizer, decay, rate = arm.name.split(" ")
            noise = 0.01 * ((number * 7 + seed * 3) % 5)
            value = level(optimizer, float(decay), float(rate)) + noise
            found.append(standin_runs.run(arm.name, seed, [value - 5, value], study=STUDY))
    return found


def test_the_maps_hold_each_optimizers_accuracies_in_order():
    maps = decay_study.maps(runs(1))
    assert list(maps) == ["adam", "adamw"]
    for name, table in maps.items():
        assert table.shape == (6, 5)
        assert list(table.index) == [0, 1e-4, 1e-3, 0.01, 0.1, 1.0]
        assert table.loc[0.1, 0.003] == pytest.approx(level(name, 0.1, 0.003), abs=0.05)


def test_a_diverged_run_counts_as_chance_and_an_incomplete_seed_not_at_all():
    found = runs(2)
    found[7] |= {"status": "diverged", "epochs": []}
    optimizer, decay, rate = found[7]["arm"].split(" ")
    by_seed = decay_study.maps_by_seed(found[:-1])
    assert list(by_seed) == [0]
    assert by_seed[0][optimizer].loc[float(decay), float(rate)] == 10.0
    assert decay_study.maps(found[:-1])["adamw"].equals(decay_study.maps(found[:60])["adamw"])  # seed 0 alone
    assert math.isnan(decay_study.maps(found)[optimizer].loc[float(decay), float(rate)])


def test_one_decay_for_all_rates_costs_nothing_where_the_best_decay_is_one():
    maps = decay_study.maps(runs(1))
    assert decay_study.points_lost(maps["adamw"]) < 0.05
    assert decay_study.points_lost(maps["adam"]) > 0.3
    assert decay_study.best_decay(maps["adamw"]) == 0.1


@pytest.mark.parametrize("seeds", [1, 2, 3])
def test_findings_are_computed_for_any_number_of_seeds(seeds):
    found = findings(runs(seeds))
    assert [item.claim for item in found] == [30] * 4
    assert all(item.verdict.split(":")[0] in VERDICTS for item in found)
    assert f"n = {seeds}" in found[0].measured
    if seeds == 1:
        assert set(standin_runs.words(runs(1))) == {"undecided"}
    if seeds == 3:
        same, helps, at_best, one_for_all = (item.verdict for item in found)
        assert same == "holds when: decay 0.01, decay 0.1, decay 1"
        assert (helps, at_best, one_for_all) == ("holds", "holds", "holds")


def test_the_runs_without_decay_which_are_the_same_decide_nothing():
    found = runs(3)
    for run in found:
        if run["arm"].split(" ")[1] == "0":
            run["epochs"][-1]["test_accuracy"] = 99.0
    for value in decay_study.at_its_best(found).values():
        assert value == pytest.approx(0.5, abs=0.1)


def test_equal_optimizers_give_no_verdict_for_adamw():
    found = runs(3)
    for run in found:
        optimizer, decay, rate = run["arm"].split(" ")
        noise = 0.01 * (run["seed"] - 1) * (1 if optimizer == "adam" else -1)
        run["epochs"][-1]["test_accuracy"] = level("adam", float(decay), float(rate)) + noise
    same, _, at_best, one_for_all = standin_runs.words(found)
    assert {same, at_best} == {"no difference that matters"}
    assert one_for_all != "holds"


def test_without_a_complete_seed_nothing_is_decided():
    found = runs(2)
    broken = [
        run for run in found if (run["arm"], run["seed"]) not in {("adam 1 0.03", 0), ("adamw 1 0.03", 1)}
    ]
    assert {item.verdict for item in findings(broken)} == {"undecided: no run"}
    assert "no run" in findings(broken)[1].measured
