"""What a record says beside its accuracy by epoch, and what lesson 08's findings make of it."""

import math

import numpy as np
import pytest

from helpers.analysis import comparison, readings
from helpers.analysis.published import published_for
from helpers.lessons import STUDIES, findings
from helpers.lessons.batch_norm_before_and_after import claims, studies
from tests import standin_runs
from tests.standin_runs import run

STUDY = STUDIES["fashion_mlp"]


def measures(test, train=90.0, brightness=(70.0, 50.0), contrast=(60.0, 80.0)):
    return {
        "test": {"loss": 1.0, "accuracy": test},
        "train": {"loss": 1.0, "accuracy": train},
        "shifts": {
            "none": {"0": test},
            "brightness": dict(zip(("-32", "32"), brightness, strict=True)),
            "contrast": dict(zip(("0.5", "2"), contrast, strict=True)),
        },
    }


def made(arm, accuracies, seed=0, seconds=12.0, **more):
    return run(arm, seed, accuracies, "done", STUDY, measures(accuracies[-1], **more), seconds)


def test_gap_and_cost_compare_a_network_with_itself():
    one = made("relu after", [70.0, 84.0])
    assert readings.tested(one) == 84
    assert readings.trained(one) == 90
    assert readings.gap(one) == 6
    assert readings.tested({name: value for name, value in one.items() if name != "measures"}) == 84
    assert readings.shift_cost("brightness")(one) == pytest.approx(24)
    assert readings.shift_cost("contrast")(one) == pytest.approx(14)
    with pytest.raises(ValueError, match="brightness, contrast"):
        readings.shift_cost("hue")


def test_a_curve_is_ascending_and_holds_the_images_as_they_are():
    one = made("relu after", [84.0])
    assert list(readings.shift_curve(one, "brightness").items()) == [(-32, 70), (0, 84), (32, 50)]
    assert list(readings.shift_curve(one, "contrast").items()) == [(0.5, 60), (1, 84), (2, 80)]


def test_the_seconds_are_those_of_the_fastest_epoch():
    one = made("relu after", [80.0, 84.0])
    one["epochs"][1]["seconds"] = 9.0
    assert claims.log_epoch(one) == pytest.approx(math.log(9))


def test_time_saved_counts_epochs_to_the_others_end_at_their_price():
    runs = [
        made("relu none", [60.0, 70.0, 80.0, 82.0]),
        made("relu after", [78.0, 82.0, 84.0, 85.0]),  # there after 2 of 4 epochs
        made("relu none", [60.0, 70.0, 80.0, 82.0], seed=1),
        made("relu after", [60.0, 70.0, 75.0, 81.0], seed=1),  # never: counts as 5
        made("relu after", [60.0, 70.0, 75.0, 81.0], seed=2),  # has no pair
    ]
    found = claims.time_saved(runs, "relu after", "relu none", price=1.5)
    assert found == pytest.approx({0: 100 * (1 - 1.5 * 2 / 4), 1: 100 * (1 - 1.5 * 5 / 4)})
    assert claims.time_saved(runs, "relu after", "leaky none", 1.0) == {}
    lost = [r | {"status": "diverged"} for r in runs]
    assert claims.time_saved(lost, "relu after", "relu none", 1.0) == {}


def study(seeds=4, lift=2.0, gap=0.0, dearer=1.3, cost=0.0):
    """All arms; batch norm after adds `lift` points, `gap` to the gap, `cost` to the cost of shifts."""
    found = []
    for seed in range(seeds):
        for levels, arm in studies.BATCH_NORM.arms.items():
            noise = np.random.default_rng([seed, *levels]).normal(0, (0.05, 0.05, 0.002), 3)
            end = 80 + 0.5 * levels[0] + lift * levels[1] + levels[2] + 0.1 * seed + noise[0]
            shifted = (end - 20 - cost * levels[1] - 9 * levels[2] + noise[1],) * 2
            found.append(
                made(
                    arm,
                    [end - 3, end - 1, end],
                    seed,
                    dearer ** levels[1] * (1 + 0.001 * seed),
                    train=end + 1 + gap * levels[1] + noise[2],
                    brightness=shifted,
                    contrast=shifted,
                )
            )
    return found


def verdicts(runs):
    return standin_runs.words(runs)


def test_the_findings_follow_the_runs():
    assert verdicts(study(gap=0.2)) == [
        "holds",  # the step: 3 points
        "holds", "holds", "holds",
        "holds",  # 30 % more seconds
        "holds",
        "undecided",  # a wider gap and 2 points more on the test images: at equal training accuracy either
        "undecided",
        "false",  # input batch norm costs 9 points more
        "false",  # and the made-up accuracies are not the published ones
    ]  # fmt: skip
    other = verdicts(study(lift=-2.0, gap=-1.0, dearer=0.8, cost=-3.0))
    assert [other[i] for i in (0, 1, 4, 5, 6, 7)] == [
        "false", "false", "false", "false", "undecided", "holds",
    ]  # fmt: skip
    assert verdicts(study(lift=2.0, gap=-1.0))[6] == "holds"  # better on the test images, by a narrower gap
    assert verdicts(study(lift=-2.0, gap=1.0))[6] == "false"
    assert verdicts(study(cost=3.0))[7] == "false"


def test_one_seed_decides_nothing_and_neither_does_a_missing_arm():
    assert set(verdicts(study(seeds=1))) == {"undecided"}
    assert set(verdicts([r for r in study() if r["arm"] == "relu none"])) == {"undecided"}


def test_the_claims_are_those_of_the_lesson():
    found = findings(study())
    assert sorted({finding.claim for finding in found}) == [16, 17, 18, 19]
    step = comparison.difference(study(), "relu after input", "leaky none")
    assert f"{step.mean:+.2f}" in found[0].measured


def test_the_published_accuracies_come_again_on_the_images_that_were_held_out():
    planned = STUDIES["fashion_mlp_published"]
    published = published_for("fashion_mlp_published")
    near = [
        run(arm, seed, [50.0, published[arm]["final"] + shift], study=planned)
        for arm in published
        for seed, shift in enumerate((-0.2, 0.0, 0.3))
    ]
    assert verdicts(near) == ["holds", "holds"]
    assert "83.51" in findings(near)[0].measured
    far = [
        r | {"epochs": [r["epochs"][0], r["epochs"][1] | {"test_accuracy": 70.0 + r["seed"]}]} for r in near
    ]
    assert verdicts(far) == ["false", "false"]


def test_at_their_own_rates_networks_are_judged_by_the_real_test_images():
    planned = STUDIES["fashion_mlp_tuned"]
    tuned = [
        r | {"study": "fashion_mlp_tuned", "arm": r["arm"]}
        for r in study()
        if r["arm"] in {arm.name for arm in planned.arms}
    ]
    assert verdicts(tuned)[0] == "holds"
    for r in tuned:
        r["measures"] = r["measures"] | {"test": {"loss": 0.5, "accuracy": 80.0 + 0.01 * r["seed"]}}
    assert verdicts(tuned)[0] == "false"
