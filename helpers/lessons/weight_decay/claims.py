"""What the studies of lesson weight_decay say."""

from helpers.analysis.claims import Differences, Statement, beats, greater
from helpers.analysis.comparison import by_seed
from helpers.analysis.readings import Runs
from helpers.lessons.weight_decay import decay as decay_study


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


def decay_parts(runs: Runs, matters: float | None) -> list[Statement]:
    parts = ("all", "convolutions", "others")
    return [
        greater(
            42,
            "decay helps, whichever weights decay, each at its best rate",
            {f"{part} - none": by_seed(runs, part, "none") for part in parts},
            "points",
            matters,
        ),
        beats(
            runs,
            42,
            "decay on the weights that have a scale does more than decay on those before a norm",
            "others",
            "convolutions",
            matters,
        ),
    ]
