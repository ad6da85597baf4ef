"""What the studies of lesson 07 say."""

from helpers import grids
from helpers.comparison import Runs
from helpers.findings.finding import Finding, greater
from helpers.stats import Interval, paired


def norm_grid(runs: Runs) -> list[Finding]:
    def ahead(a: str, b: str, sizes: tuple[int, ...], value: grids.Value) -> dict[str, Interval | None]:
        return {f"batch {n}": grids.difference(runs, f"{a} {n}", f"{b} {n}", value) for n in sizes}

    def lead(seed: int, size: int) -> float | None:  # by how much group norm's gap is the larger one
        gaps = [grids.values(runs, f"{norm} {size}", grids.gap).get(seed) for norm in ("group", "batch")]
        return None if None in gaps else gaps[0] - gaps[1]

    leads = {seed: (lead(seed, 8), lead(seed, 512)) for seed in sorted({run["seed"] for run in runs})}
    both = {seed: pair for seed, pair in leads.items() if None not in pair}
    grows = paired(*({seed: pair[i] for seed, pair in both.items()} for i in (0, 1))) if both else None
    return [
        greater(
            18,
            "batch norm's train-test gap is smaller than group norm's",
            ahead("group", "batch", (2, 4, 8, 16, 32, 128, 512), grids.gap),
            "points",
        ),
        greater(
            18,
            "beside group norm's it narrows as the batch shrinks",
            {"batch 8 against 512": grows},
            "points",
        ),
        greater(
            25,
            "group norm beats batch norm at small batches",
            ahead("group", "batch", (2, 4), grids.reached),
            "points",
        ),
        greater(
            25,
            "batch norm beats group norm at large batches",
            ahead("batch", "group", (128, 512), grids.reached),
            "points",
        ),
    ]


def vgg_learning_rate(runs: Runs) -> list[Finding]:
    def wider(below_best: float | None = None) -> Interval | None:
        first, second = (grids.decades(runs, norm, below_best) for norm in ("batch", "none"))
        shared = first.keys() & second.keys()
        return paired({s: first[s] for s in shared}, {s: second[s] for s in shared}) if shared else None

    def above(arm: str, sign: int) -> Interval | None:
        return grids.mean(runs, arm, lambda run: sign * (grids.reached(run) - grids.TRAINS))

    return [
        greater(24, "batch norm trains over more of the rates", {"batch - none": wider()}, "decades"),
        greater(
            24,
            "it frees from accurate tuning: more of the rates end within 5 points of the best",
            {"batch - none": wider(5.0)},
            "decades",
        ),
        greater(24, "with it the VGG trains at 0.5", {"accuracy - 20": above("batch 0.5", 1)}, "points"),
        greater(24, "without it, it does not", {"20 - accuracy": above("none 0.5", -1)}, "points"),
    ]


def depth(runs: Runs) -> list[Finding]:
    depths = sorted({round(grids.setting(run["arm"])[1]) for run in runs})
    deeper = grids.difference(runs, f"batch {depths[-1]}", f"batch {depths[0]}")
    apart = {depth: grids.difference(runs, f"batch {depth}", f"none {depth}") for depth in depths}
    return [
        greater(
            23,
            "at its best learning rate, a network with batch norm beats one without",
            {f"{depth} layers": item for depth, item in apart.items()},
            "points",
        ),
        greater(
            23,
            "with batch norm a deeper network is a better one",
            {f"{depths[-1]} layers - {depths[0]}": deeper},
            "points",
        ),
    ]
