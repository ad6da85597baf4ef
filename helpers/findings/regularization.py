"""What the studies of lessons 08 and 09 say."""

from helpers import comparison, decay_study, penalized, run_measures, search, sparse_path
from helpers.comparison import Measure, Runs, difference, final
from helpers.findings.finding import Finding, beats, greater
from helpers.stats import Interval, interval
from helpers.training import L1_STEPS


def mnist_regularization(runs: Runs) -> list[Finding]:
    def minus(a: str, b: str, measure: Measure = final) -> dict[str, Interval | None]:
        return {norm: difference(runs, f"{norm} {a}", f"{norm} {b}", measure) for norm in penalized.NORMS}

    return [
        greater(
            29,
            "at the factor 0.001 L2 learns the training images better than L1",
            minus("L2", "L1", run_measures.trained),
            "points",
        ),
        *(
            beats(runs, 31, f"without penalty {a} norm beats {b} norm", f"{a} none", f"{b} none")
            for a, b in penalized.PAIRS
        ),
        greater(32, "L1 (0.001) costs accuracy", minus("none", "L1"), "points"),
        beats(runs, 32, "L2 (0.001) helps layer norm", "layer L2", "layer none"),
    ]


def l1_path(runs: Runs) -> list[Finding]:
    most = max((search.rate(run["arm"]) for run in runs), default=0.0)
    made = {step: comparison.mean(runs, f"{step} {most:g}", penalized.zeros) for step in L1_STEPS}
    half = list(sparse_path.accuracy_at(runs, 50.0).values())
    missed = interval([99.0 - accuracy for accuracy in half]) if half else None
    return [
        greater(26, f"L1 ({most:g}) makes weights exactly zero", made, "% of the weights"),
        greater(
            29,
            "L1 cannot learn: with half of the weights exactly 0 a network stays below 99 %",
            {"99 - accuracy": missed},
            "points",
        ),
    ]


def adam_l2_adamw(runs: Runs) -> list[Finding]:
    maps = decay_study.maps(runs)

    def gain(a: tuple[str, float], b: tuple[str, float]) -> Interval | None:
        return decay_study.difference(runs, decay_study.at_decay(*a), decay_study.at_decay(*b))

    decays = [decay for decay in maps["adamw"].index if decay > 0]
    ahead = {f"decay {decay:g}": gain(("adamw", decay), ("adam", decay)) for decay in decays}
    best = {name: decay_study.best_decay(table) for name, table in maps.items()}
    helps = {f"{name} {decay:g} - 0": gain((name, decay), (name, 0.0)) for name, decay in best.items()}
    lost = [lambda both, name=name: decay_study.points_lost(both[name]) for name in ("adam", "adamw")]
    at_best = {"adamw - adam": decay_study.at_its_best(runs)}
    one_for_all = {"adam - adamw": decay_study.difference(runs, *lost)}
    return [
        greater(30, "at the same weight_decay AdamW beats Adam, mean over the rates", ahead, "points"),
        greater(30, "decay helps, mean over the rates", helps, "points"),
        greater(30, "each at its best rate and decay above 0, AdamW beats Adam", at_best, "points"),
        greater(30, "one decay for all rates costs Adam more than AdamW", one_for_all, "points"),
    ]
