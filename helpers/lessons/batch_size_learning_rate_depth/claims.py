"""What the studies of lesson batch_size_learning_rate_depth say."""

from helpers.analysis import comparison
from helpers.analysis.claims import Differences, Statement, greater
from helpers.analysis.readings import Runs
from helpers.lessons.batch_size_learning_rate_depth import grids

SIZES = (2, 4, 8, 16, 32, 128, 512)
DECADES = 0.3  # a factor of 2 in the learning rate is what matters


def norm_grid(runs: Runs, matters: float | None) -> list[Statement]:
    equal = grids.gap_at_equal_training(runs)

    def ahead(a: str, b: str, sizes: tuple[int, ...], value: grids.Value) -> dict[str, Differences]:
        return {f"batch {n}": grids.by_seed(runs, f"{a} {n}", f"{b} {n}", value) for n in sizes}

    small, large = (ahead("group", "batch", (n,), equal)[f"batch {n}"] for n in (8, 512))
    return [
        greater(
            18,
            "at equal training accuracy batch norm's train-test gap is smaller than group norm's",
            ahead("group", "batch", SIZES, equal),
            "points",
            matters,
        ),
        greater(
            18,
            "compared with group norm's it narrows as the batch shrinks",
            {"batch 8 against 512": comparison.pairs(runs, small, large)},
            "points",
            matters,
        ),
        greater(
            25,
            "group norm beats batch norm at small batches",
            ahead("group", "batch", (2, 4), grids.reached),
            "points",
            matters,
        ),
        greater(
            25,
            "batch norm beats group norm at large batches",
            ahead("batch", "group", (128, 512), grids.reached),
            "points",
            matters,
        ),
    ]


def ghost_norm(runs: Runs, matters: float | None) -> list[Statement]:
    fewer = {f"over {n}": f"ghost {n}" for n in (2, 4, 8, 32)}
    narrows = {name: grids.by_seed(runs, "ghost 256", arm, grids.gap) for name, arm in fewer.items()}
    lifts = {name: grids.by_seed(runs, arm, "ghost 256") for name, arm in fewer.items()}
    return [
        greater(
            45,
            "statistics over fewer images than the batch narrow the train-test gap",
            narrows,
            "points",
            matters,
        ),
        greater(45, "and lift the accuracy on test images", lifts, "points", matters),
    ]


def vgg_learning_rate(runs: Runs, matters: float | None) -> list[Statement]:
    def wider(below_best: float | None = None) -> Differences:
        first, second = (grids.decades(runs, norm, below_best) for norm in ("batch", "none"))
        return comparison.pairs(runs, first, second)

    return [
        greater(
            24, "batch norm trains over more of the rates", {"batch - none": wider()}, "decades", DECADES
        ),
        greater(
            24,
            "it frees from accurate tuning: more of the rates end within 5 points of the best",
            {"batch - none": wider(5.0)},
            "decades",
            DECADES,
        ),
        greater(24, "with it the VGG trains at 0.5", {"accuracy - 20": _trains(runs, "batch 0.5")}),
        greater(24, "without it, it does not", {"20 - accuracy": _fails(runs, "none 0.5")}),
    ]


def vgg_parts(runs: Runs, matters: float | None) -> list[Statement]:
    parts = ("no gamma and beta", "normalized logits", "both")
    return [
        greater(24, "at a rate of 30 batch norm trains no more", {"20 - accuracy": _fails(runs, "batch 30")}),
        greater(
            24,
            "and it is not the normalized weights that fail there: without the others' lengths it trains",
            {f"{part}, accuracy - 20": _trains(runs, f"{part} 30") for part in parts},
        ),
    ]


def _trains(runs: Runs, arm: str) -> Differences:
    """Seed -> by how many points the arm ends above what counts as having learned something."""
    return grids.values(runs, arm, lambda run: grids.reached(run) - grids.TRAINS)


def _fails(runs: Runs, arm: str) -> Differences:
    return {seed: -points for seed, points in _trains(runs, arm).items()}


def depth(runs: Runs, matters: float | None) -> list[Statement]:
    depths = sorted({round(grids.setting(run)[1]) for run in runs})
    apart = {f"{n} layers": grids.by_seed(runs, f"batch {n}", f"none {n}") for n in depths}
    deeper = {
        f"{depths[-1]} layers - {depths[0]}": grids.by_seed(runs, f"batch {depths[-1]}", f"batch {depths[0]}")
    }
    return [
        greater(
            23,
            "at its best learning rate, a network with batch norm beats one without",
            apart,
            "points",
            matters,
        ),
        greater(23, "with batch norm a deeper network is a better one", deeper, "points", matters),
    ]
