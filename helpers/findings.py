"""What the runs of a study say about the claims that it tests: every verdict is computed from the runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd

from helpers import comparison, decay_study, factorial, grids, penalized, run_measures, search, sparse_path
from helpers.comparison import Measure, Runs, best, difference, epochs_until, final, told
from helpers.stats import Interval, interval, paired, verdict
from helpers.training import L1_STEPS


@dataclass(frozen=True)
class Finding:
    """A claim by its number, what would have to be true, what was measured, and one of stats.VERDICTS."""

    claim: int
    statement: str
    measured: str
    verdict: str


def _greater(claim: int, statement: str, found: Mapping[str, Interval | None], unit: str) -> Finding:
    """The finding that each of the differences is above 0; without runs nothing is decided."""
    there = {name: item for name, item in found.items() if item is not None}
    decided = verdict(there) if there else "not supported"
    if decided == "holds when":
        decided += ": " + ", ".join(name for name, item in there.items() if item.low > 0)
    said = "; ".join(f"{name}: {told(item, sign='+')}" for name, item in found.items())
    return Finding(claim, statement, f"{said} {unit}", decided)


def _beats(runs: Runs, claim: int, statement: str, a: str, b: str) -> Finding:
    """The finding that the final accuracy of arm a is above that of arm b."""
    return _greater(claim, statement, {f"{a} - {b}": difference(runs, a, b)}, "points")


def _cifar_norms(runs: Runs) -> list[Finding]:
    epochs = max((len(run["epochs"]) for run in runs), default=0)

    def later(a: str, b: str) -> dict[str, Interval | None]:
        reached = {f"to {level} %": epochs_until(level) for level in (60, 70)}
        return {
            name: difference(runs, a, b, measure, missing=epochs + 1) for name, measure in reached.items()
        }

    return [
        _beats(runs, 20, "batch norm beats group norm", "batch", "group"),
        _beats(runs, 20, "batch norm beats layer norm", "batch", "layer"),
        _beats(runs, 20, "group norm beats layer norm", "group", "layer"),
        _greater(21, "batch norm gets there before layer norm", later("layer", "batch"), "epochs"),
        _greater(21, "group norm gets there before layer norm", later("layer", "group"), "epochs"),
        _reproduced(runs),
        _greater(
            35,
            "the kind of norm (batch or layer) moves accuracy more than the colour of rotated corners",
            {"|batch - layer| - |mean corners - black|": _norm_beyond_corners(runs)},
            "points",
        ),
    ]


def _norm_beyond_corners(runs: Runs) -> Interval | None:
    by_norm, by_corners = (
        _distances(runs, *pair) for pair in (("batch", "layer"), ("batch_mean_corners", "batch"))
    )
    shared = by_norm.keys() & by_corners.keys()
    if not shared:
        return None
    return paired({seed: by_norm[seed] for seed in shared}, {seed: by_corners[seed] for seed in shared})


def _distances(runs: Runs, a: str, b: str) -> dict[int, float]:
    first, second = comparison.values(runs, a), comparison.values(runs, b)
    return {seed: abs(first[seed] - second[seed]) for seed in first if seed in second}


def _reproduced(runs: Runs) -> Finding:
    """Whether the published best accuracies are such as a run of ours gives.

    A figure inside a range so wide that it could not tell the published norms apart shows nothing.
    """
    rows = reproduction(runs)
    said = [
        f"{row.arm} {row.published:.2f} (range of one run of ours: {row.range})" for row in rows.itertuples()
    ]
    shown = list(rows.arm[rows.verdict == "inside"])
    if shown:
        decided = "holds" if len(shown) == len(rows) else "holds when: " + ", ".join(shown)
    else:
        decided = "false" if len(rows) and all(rows.verdict == "outside") else "not supported"
    text = "the recipe as described gives the published best accuracies"
    return Finding(35, text, "; ".join(said) or "no run", decided)


def reproduction(runs: Runs) -> pd.DataFrame:
    """One row per published arm: its best accuracy, our mean and n, the range of one run, and the verdict.

    "inside" or "outside" the range; "cannot tell" if it is inside, but the range reaches farther to each side
    than the published norms lie apart, as it does with two or three runs.
    """
    source = comparison.published(runs[0]["study"]) if runs else {}
    theirs = {arm: figures["best"] for arm, figures in source.items()}
    rows = []
    for arm, figure in theirs.items():
        ours = comparison.mean(runs, arm, best)
        if ours is None:
            continue
        one = comparison.range_of_a_run(ours)
        where = "inside" if one.low <= figure <= one.high else "outside"
        if ours.n == 1 or (
            where == "inside" and one.high - one.mean > max(theirs.values()) - min(theirs.values())
        ):
            where = "cannot tell"
        rows.append((arm, figure, ours.mean, ours.n, comparison.span(one), where))
    return pd.DataFrame(rows, columns=["arm", "published", "mean", "n", "range", "verdict"])


def _input_scaling(runs: Runs) -> list[Finding]:
    return [
        _beats(runs, 2, "training profits from equalization", "equalized", "standardized"),
        _beats(runs, 5, "standardized inputs beat raw ones", "standardized", "raw"),
        _beats(runs, 5, "standardized inputs beat those from 0 to 1", "standardized", "min_max"),
        _beats(runs, 5, "each image's own statistics beat one pair", "per_image", "standardized"),
    ]


def _norm_grid(runs: Runs) -> list[Finding]:
    def ahead(a: str, b: str, sizes: tuple[int, ...], value: grids.Value) -> dict[str, Interval | None]:
        return {f"batch {n}": grids.difference(runs, f"{a} {n}", f"{b} {n}", value) for n in sizes}

    def lead(seed: int, size: int) -> float | None:  # by how much group norm's gap is the larger one
        gaps = [grids.values(runs, f"{norm} {size}", grids.gap).get(seed) for norm in ("group", "batch")]
        return None if None in gaps else gaps[0] - gaps[1]

    leads = {seed: (lead(seed, 8), lead(seed, 512)) for seed in sorted({run["seed"] for run in runs})}
    both = {seed: pair for seed, pair in leads.items() if None not in pair}
    grows = paired(*({seed: pair[i] for seed, pair in both.items()} for i in (0, 1))) if both else None
    return [
        _greater(
            18,
            "batch norm's train-test gap is smaller than group norm's",
            ahead("group", "batch", (8, 32, 128, 512), grids.gap),
            "points",
        ),
        _greater(18, "and the more so, the smaller the batch", {"batch 8 against 512": grows}, "points"),
        _greater(
            25,
            "group norm beats batch norm at small batches",
            ahead("group", "batch", (2, 4), grids.reached),
            "points",
        ),
        _greater(
            25,
            "batch norm beats group norm at large batches",
            ahead("batch", "group", (128, 512), grids.reached),
            "points",
        ),
    ]


def _vgg_learning_rate(runs: Runs) -> list[Finding]:
    def wider(below_best: float | None = None) -> Interval | None:
        first, second = (grids.decades(runs, norm, below_best) for norm in ("batch", "none"))
        shared = first.keys() & second.keys()
        return paired({s: first[s] for s in shared}, {s: second[s] for s in shared}) if shared else None

    def above(arm: str, sign: int) -> Interval | None:
        return grids.mean(runs, arm, lambda run: sign * (grids.reached(run) - grids.TRAINS))

    return [
        _greater(24, "batch norm trains over more of the rates", {"batch - none": wider()}, "decades"),
        _greater(
            24,
            "it frees from accurate tuning: more of the rates end within 5 points of the best",
            {"batch - none": wider(5.0)},
            "decades",
        ),
        _greater(24, "with it the VGG trains at 0.5", {"accuracy - 20": above("batch 0.5", 1)}, "points"),
        _greater(24, "without it, it does not", {"20 - accuracy": above("none 0.5", -1)}, "points"),
    ]


def _depth(runs: Runs) -> list[Finding]:
    depths = sorted({round(grids.setting(run["arm"])[1]) for run in runs})
    deeper = grids.difference(runs, f"batch {depths[-1]}", f"batch {depths[0]}")
    apart = {depth: grids.difference(runs, f"batch {depth}", f"none {depth}") for depth in depths}
    return [
        _greater(
            23,
            "at its best learning rate, a network with batch norm beats one without",
            {f"{depth} layers": item for depth, item in apart.items()},
            "points",
        ),
        _greater(
            23,
            "with batch norm a deeper network is a better one",
            {f"{depths[-1]} layers - {depths[0]}": deeper},
            "points",
        ),
    ]


def _fashion_mlp(runs: Runs) -> list[Finding]:
    design, norm, pixels = factorial.BATCH_NORM, "batch norm", "input batch norm"

    def effects(factor: str, measure: Measure = comparison.final) -> dict[str, Interval | None]:
        return {factor: factorial.effect(runs, design, [factor], measure)}

    def saved(factor: str) -> dict[str, Interval | None]:  # points of a shift's cost
        costs = {kind: run_measures.shift_cost(kind) for kind in run_measures.SHIFTS}
        return {
            kind: factorial.effect(runs, design, [factor], lambda run, cost=cost: -cost(run))
            for kind, cost in costs.items()
        }

    slower = factorial.effect(runs, design, [norm], run_measures.log_epoch)
    theirs = comparison.published("fashion_mlp")
    price = theirs["relu after input"]["seconds"] / theirs["leaky none"]["seconds"]
    plain = [arm for levels, arm in design.arms.items() if not levels[1]]
    return [
        _beats(runs, 16, "the published step is an improvement", "relu after input", "leaky none"),
        _greater(
            16,
            "most of it is due to batch norm after the hidden layers",
            {"batch norm - half of the step": _beyond_half(runs, design, norm)},
            "points",
        ),
        _greater(
            16,
            "batch norm helps whatever the rest of the network",
            factorial.simple_effects(runs, design, norm),
            "points",
        ),
        _greater(16, "input batch norm helps, on average", effects(pixels), "points"),
        _greater(16, "ReLU with Glorot helps, on average", effects(design.factors[0]), "points"),
        _greater(
            17,
            "an epoch takes longer with batch norm",
            {norm: slower and factorial.as_percent_more(slower)},
            "% more seconds",
        ),
        _greater(
            17,
            "and yet, at the published price of an epoch, it gets to the plain network's accuracy sooner",
            {arm: run_measures.time_saved(runs, arm.replace("none", "after"), arm, price) for arm in plain},
            "% of the time saved",
        ),
        _greater(
            18,
            "batch norm narrows the gap between training and test images",
            effects(norm, lambda run: -run_measures.gap(run)),
            "points less",
        ),
        _greater(19, "batch norm makes shifts of the input cheaper", saved(norm), "points saved"),
        _greater(19, "input batch norm makes shifts of the input cheaper", saved(pixels), "points saved"),
    ]


def _beyond_half(runs: Runs, design: factorial.Design, factor: str) -> Interval | None:
    """The factor's main effect minus half of the step from all off to all on, paired."""
    alone = factorial.contrast(runs, design, [factor])
    if not alone:
        return None
    found = factorial.cells(runs, design)
    off, on = found[(False,) * len(design.factors)], found[(True,) * len(design.factors)]
    return paired(alone, {seed: (on[seed] - off[seed]) / 2 for seed in alone})


def _mnist_regularization(runs: Runs) -> list[Finding]:
    def minus(a: str, b: str, measure: Measure = final) -> dict[str, Interval | None]:
        return {norm: difference(runs, f"{norm} {a}", f"{norm} {b}", measure) for norm in penalized.NORMS}

    return [
        _greater(
            29,
            "at the factor 0.001 L2 learns the training images better than L1",
            minus("L2", "L1", run_measures.trained),
            "points",
        ),
        *(
            _beats(runs, 31, f"without penalty {a} norm beats {b} norm", f"{a} none", f"{b} none")
            for a, b in penalized.PAIRS
        ),
        _greater(32, "L1 (0.001) costs accuracy", minus("none", "L1"), "points"),
        _beats(runs, 32, "L2 (0.001) helps layer norm", "layer L2", "layer none"),
    ]


def _l1_path(runs: Runs) -> list[Finding]:
    most = max((search.rate(run["arm"]) for run in runs), default=0.0)
    made = {step: comparison.mean(runs, f"{step} {most:g}", penalized.zeros) for step in L1_STEPS}
    half = list(sparse_path.accuracy_at(runs, 50.0).values())
    missed = interval([99.0 - accuracy for accuracy in half]) if half else None
    return [
        _greater(26, f"L1 ({most:g}) makes weights exactly zero", made, "% of the weights"),
        _greater(
            29,
            "L1 cannot learn: with half of the weights exactly 0 a network stays below 99 %",
            {"99 - accuracy": missed},
            "points",
        ),
    ]


def _adam_l2_adamw(runs: Runs) -> list[Finding]:
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
        _greater(30, "at the same weight_decay AdamW beats Adam, mean over the rates", ahead, "points"),
        _greater(30, "decay helps, mean over the rates", helps, "points"),
        _greater(30, "each at its best rate and decay above 0, AdamW beats Adam", at_best, "points"),
        _greater(30, "one decay for all rates costs Adam more than AdamW", one_for_all, "points"),
    ]


FINDINGS: dict[str, Callable[[Runs], list[Finding]]] = {
    "cifar_norms": _cifar_norms,
    "input_scaling": _input_scaling,
    "adam_l2_adamw": _adam_l2_adamw,
    "fashion_mlp": _fashion_mlp,
    "norm_grid": _norm_grid,
    "vgg_learning_rate": _vgg_learning_rate,
    "depth": _depth,
    "mnist_regularization": _mnist_regularization,
    "l1_path": _l1_path,
}


def findings(runs: Runs) -> list[Finding]:
    """The findings of the study that the runs are of; none without runs, or if it tests no claim."""
    return FINDINGS.get(runs[0]["study"], lambda _: [])(runs) if runs else []


def findings_table(runs: Runs) -> pd.DataFrame:
    """The findings as a table, one row each, by the number of the claim."""
    rows = [(f.claim, f.statement, f.measured, f.verdict) for f in findings(runs)]
    return pd.DataFrame(rows, columns=["claim", "what it says", "measured", "verdict"]).set_index("claim")
