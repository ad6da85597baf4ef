"""What the factorial of lesson batch_norm_before_and_after says."""

import functools
import math
from collections.abc import Mapping
from typing import Any

from helpers.analysis import comparison, readings
from helpers.analysis.claims import Differences, Finding, Statement, beats, greater, reproduced
from helpers.analysis.published import published_for
from helpers.analysis.readings import Measure, Runs, final
from helpers.analysis.stats import Interval, interval
from helpers.lessons.batch_norm_before_and_after import factorial, studies

TIME = 5.0  # percent of the training time


def fashion_mlp(runs: Runs, matters: float | None) -> list[Statement | Finding]:
    design, norm, pixels = studies.BATCH_NORM, "batch norm", "input batch norm"

    def simple(factor: str, measure: Measure = final) -> dict[str, Differences]:
        return factorial.simple_by_seed(runs, design, factor, measure)

    def saved(factor: str) -> dict[str, Differences]:  # points of a shift's cost
        return {
            f"{arm}, {kind}": values
            for kind in readings.SHIFTS
            for arm, values in simple(factor, _negative(readings.shift_cost(kind))).items()
        }

    seconds = factorial.contrast(runs, design, [norm], log_epoch)

    def slower(error: float) -> Interval:
        return factorial.as_percent_more(interval(list(seconds.values()), 1 - error))

    theirs = published_for("fashion_mlp")
    price = theirs["relu after input"]["seconds"] / theirs["leaky none"]["seconds"]
    return [
        beats(runs, 16, "the published step is an improvement", "relu after input", "leaky none", matters),
        greater(16, "batch norm helps whatever the rest of the network", simple(norm), "points", matters),
        greater(16, "input batch norm helps, whatever the rest", simple(pixels), "points", matters),
        greater(
            16, "ReLU with Glorot helps, whatever the rest", simple(design.factors[0]), "points", matters
        ),
        Statement(
            17,
            "an epoch takes longer with batch norm",
            {norm: slower} if seconds else {},
            "% more seconds",
            TIME,
        ),
        greater(
            17,
            "and yet, at the published price of an epoch, it gets to the plain network's accuracy sooner",
            {arm: time_saved(runs, normed, arm, price) for arm, normed in design.pairs(norm).items()},
            "% of the time saved",
            TIME,
        ),
        _narrows(runs, design, "batch norm narrows the gap between training and test images", matters),
        greater(19, "batch norm makes shifts of the input cheaper", saved(norm), "points saved", matters),
        greater(
            19, "input batch norm makes shifts of the input cheaper", saved(pixels), "points saved", matters
        ),
        reproduced(
            runs, 16, "5,000 images drawn at random held out, the published accuracies are reproduced"
        ),
    ]


def fashion_mlp_published(runs: Runs, matters: float | None) -> list[Statement | Finding]:
    step = "on these images, too, the step is an improvement"
    return [
        reproduced(runs, 16, "the first 5,000 images held out, the published accuracies are reproduced"),
        beats(runs, 16, step, "relu after input", "leaky none", matters),
    ]


def fashion_mlp_tuned(runs: Runs, matters: float | None) -> list[Statement]:
    """Tests each network once on the real test images: the held-out ones have chosen the learning rates."""
    design, tested = studies.BATCH_NORM, readings.tested
    relu, norm, pixels = design.factors

    def simple(factor: str) -> dict[str, Differences]:
        return factorial.simple_by_seed(runs, design, factor, tested)

    own = "each network at its own best learning rate"
    return [
        greater(16, f"batch norm helps, {own}", simple(norm), "points", matters),
        greater(16, f"input batch norm helps, {own}", simple(pixels), "points", matters),
        greater(16, f"ReLU with Glorot helps, {own}", simple(relu), "points", matters),
        _narrows(runs, design, f"batch norm narrows the gap, {own}", matters),
    ]


def _negative(measure: Measure) -> Measure:
    return lambda run: -measure(run)


def _narrows(runs: Runs, design: factorial.Design, text: str, matters: float | None) -> Statement:
    """That batch norm narrows the gap at equal training accuracy, in each of the other networks.

    What a point more of training accuracy adds to the gap is not known here: all other networks have other
    layers. It lies between nothing and a point, if who has learned more has neither the smaller gap nor the
    lower test accuracy. So at equal training accuracy the gap is smaller by something between what it is
    smaller by as it stands and what the test accuracy is higher by, and the interval reaches from the one to
    the other: it misses the truth no more often than each of the two does.
    """
    higher = factorial.simple_by_seed(runs, design, "batch norm", readings.tested)
    smaller = factorial.simple_by_seed(runs, design, "batch norm", _negative(readings.gap))
    ends = {arm: (smaller[arm], higher[arm]) for arm in design.pairs("batch norm") if smaller[arm]}
    return Statement(
        18,
        f"{text}, at equal training accuracy",
        {arm: functools.partial(between, *pair) for arm, pair in ends.items()},
        "points less",
        matters,
        "" if all(_tells(*pair, matters or 0.0) for pair in ends.values()) else "these runs cannot tell",
    )


def between(a: Differences, b: Differences, error: float) -> Interval:
    """The interval of a difference of which is known only that it lies between two others, of equal seeds."""
    first, second = (interval(list(values.values()), 1 - error) for values in (a, b))
    middle = (first.mean + second.mean) / 2
    return Interval(middle, min(first.low, second.low), max(first.high, second.high), first.n)


def _tells(a: Differences, b: Differences, matters: float) -> bool:
    """Whether what lies between the two means is of one sign, or less than matters: with runs enough."""
    low, high = sorted(sum(values.values()) / len(values) for values in (a, b))
    return low > 0 or high < 0 or max(-low, high) < matters


def log_epoch(run: Mapping[str, Any]) -> float:
    """Natural logarithm of the seconds of the run's fastest epoch: their differences are ratios."""
    return math.log(readings.fastest_epoch(run))


def time_saved(runs: Runs, a: str, b: str, price: float) -> dict[int, float]:
    """Seed -> how much of b's training time arm a saves on its way to b's final accuracy, in percent of it.

    Arm a needs so many epochs (see readings.epochs_until) of `price` epochs of b each; a run that
    never gets there counts as getting there one epoch after its end.
    """
    goals = comparison.values(runs, b)
    saved = {}
    for run in runs:
        if run["arm"] == a and run["status"] == "done" and run["seed"] in goals:
            epochs = len(run["epochs"])
            needed = readings.epochs_until(goals[run["seed"]])(run) or epochs + 1
            saved[run["seed"]] = 100 * (1 - price * needed / epochs)
    comparison.same_place([run for run in runs if run["arm"] in (a, b) and run["seed"] in saved])
    return saved
