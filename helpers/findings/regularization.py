"""What the studies of lessons 08 and 09 say."""

from helpers import comparison, decay_study, penalized, run_measures, search, sparse_path
from helpers.comparison import Measure, Runs, by_seed, final
from helpers.findings.finding import Differences, Statement, beats, greater
from helpers.training import L1_STEPS


def mnist_regularization(runs: Runs, matters: float | None) -> list[Statement]:
    def minus(a: str, b: str, measure: Measure = final) -> dict[str, Differences]:
        return {norm: by_seed(runs, f"{norm} {a}", f"{norm} {b}", measure) for norm in penalized.NORMS}

    return [
        greater(
            29,
            "at the factor 0.001 L2 learns the training images better than L1",
            minus("L2", "L1", run_measures.trained),
            "points",
            matters,
        ),
        *(
            beats(runs, 31, f"without penalty {a} norm beats {b} norm", f"{a} none", f"{b} none", matters)
            for a, b in penalized.PAIRS
        ),
        greater(32, "L1 (0.001) costs accuracy", minus("none", "L1"), "points", matters),
        beats(runs, 32, "L2 (0.001) helps layer norm", "layer L2", "layer none", matters),
        greater(
            32,
            "L2 (0.001) helps, pooled over the three norms",
            {"L2 - none": pooled(minus("L2", "none"))},
            "points",
            matters,
        ),
    ]


def pooled(found: dict[str, Differences]) -> Differences:
    """Seed -> the mean of the differences, of the seeds that all of them have: one question, asked once."""
    seeds = set.intersection(*(set(values) for values in found.values())) if found else set()
    return {seed: sum(values[seed] for values in found.values()) / len(found) for seed in sorted(seeds)}


def l1_path(runs: Runs, matters: float | None) -> list[Statement]:
    most = max((search.rate(run["arm"]) for run in runs), default=0.0)
    made = {step: comparison.values(runs, f"{step} {most:g}", penalized.zeros) for step in L1_STEPS}
    half = {seed: 99.0 - accuracy for seed, accuracy in sparse_path.accuracy_at(runs, 50.0).items()}
    return [
        greater(26, f"L1 ({most:g}) makes weights exactly zero", made, "% of the weights", 1.0),
        greater(
            29,
            "L1 cannot learn: with half of the weights exactly 0 a network stays below 99 %",
            {"99 - accuracy": half},
            "points",
            matters,
        ),
    ]


def adam_l2_adamw(runs: Runs, matters: float | None) -> list[Statement]:
    maps = decay_study.maps(runs)

    def gain(a: tuple[str, float], b: tuple[str, float]) -> Differences:
        return decay_study.by_seed(runs, decay_study.at_decay(*a), decay_study.at_decay(*b))

    decays = [decay for decay in maps["adamw"].index if decay > 0]
    ahead = {f"decay {decay:g}": gain(("adamw", decay), ("adam", decay)) for decay in decays}
    best = {name: decay_study.best_decay(table) for name, table in maps.items()}
    helps = {f"{name} {decay:g} - 0": gain((name, decay), (name, 0.0)) for name, decay in best.items()}
    lost = [lambda both, name=name: decay_study.points_lost(both[name]) for name in ("adam", "adamw")]
    at_best = {"adamw - adam": decay_study.at_its_best(runs)}
    one_for_all = {"adam - adamw": decay_study.by_seed(runs, *lost)}
    same = "at the same weight_decay AdamW beats Adam, mean over the rates"
    return [
        greater(30, same, ahead, "points", matters),
        greater(30, "decay helps, mean over the rates", helps, "points", matters),
        greater(30, "each at its best rate and decay above 0, AdamW beats Adam", at_best, "points", matters),
        greater(30, "one decay for all rates costs Adam more than AdamW", one_for_all, "points", matters),
    ]
