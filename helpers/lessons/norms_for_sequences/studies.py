"""The studies of lesson 14: norms in a transformer on Tiny Shakespeare, and in an LSTM on rows of pixels.

All were declared before anything was trained for them. In nats, 0.02 is what matters: a perplexity 2 % lower,
and the smallest difference that published figures of two decimals can show.
"""

from collections.abc import Mapping
from typing import Any

from helpers.studies.study import Arm, Study
from helpers.training.recipe import Recipe, TextRecipe

LESSON = "14_norms_for_sequences"
TEXT = "tinyshakespeare"
MATTERS = 0.02  # nats per character

# What is compared: norm, options of the transformer, steps of warm-up
KINDS: dict[str, tuple[str, Mapping[str, Any], int]] = {
    "none": ("none", {}, 0),
    "pre": ("layer", {}, 0),
    "pre, warm-up": ("layer", {}, 100),
    "post": ("layer", {"place": "post"}, 0),
    "post, warm-up": ("layer", {"place": "post"}, 100),
    "rms": ("rms", {}, 0),
    "batch": ("batch", {}, 0),
    "query-key": ("layer", {"norm_queries": True}, 0),
}
RATES = (0.003, 0.01, 0.03, 0.1)
INITS = ("small", "fan-in")


def named(kind: str, init: str, rate: float) -> str:
    """The arm of a kind of KINDS with that initialization at that rate."""
    return f"{kind}, {init}, {rate:g}"


def _arm(kind: str, init: str, rate: float, **more: Any) -> Arm:
    norm, options, warmup = KINDS[kind]
    evaluations = (50,) if norm == "batch" else ()  # where its running statistics are young
    recipe = TextRecipe(steps=400, lr=rate, warmup=warmup, evaluations=evaluations)
    return Arm(named(kind, init, rate), norm, recipe, options={"width": 64, "init": init, **options, **more})


def sequences_rates() -> Study:
    """Half the width and a fifth of the steps of the published setting, so that a run takes ten seconds."""
    return Study(
        name="sequences_rates",
        dataset=TEXT,
        arms=tuple(_arm(kind, init, rate) for init in INITS for kind in KINDS for rate in RATES),
        title="Norms, warm-up and initialization at rates from 0.003 to 0.1: 4 layers, Tiny Shakespeare",
        lesson=LESSON,
        looks=(3, 6),
        matters=MATTERS,
    )


DEEP = ("none", "pre", "post", "post, warm-up")
DEEP_INITS = (*INITS, "unscaled")  # the last as in the source of claim 38
DEEP_RATES = (0.003, 0.01)


def sequences_depth() -> Study:
    return Study(
        name="sequences_depth",
        dataset=TEXT,
        arms=tuple(
            _arm(kind, init, rate, depth=8) for init in DEEP_INITS for kind in DEEP for rate in DEEP_RATES
        ),
        title="The place of layer norm in 8 layers, three initializations, two rates: Tiny Shakespeare",
        lesson=LESSON,
        looks=(3, 6),
        matters=MATTERS,
    )


# Of the published run its description gives layers, width, windows, batch, steps, rates and decay.
_PUBLISHED = TextRecipe(steps=2000, lr=1e-3, warmup=100)
# What it leaves open: the last layer's weight, the embeddings' scale. Its code has those of "published".
OPEN: dict[str, Mapping[str, Any]] = {
    "published": {"tied": True, "embedding": 0.02},
    "untied": {"embedding": 0.02},
    "large embeddings": {},
}


def sequences_published() -> Study:
    arms = [Arm(name, "layer", _PUBLISHED, options=options or None) for name, options in OPEN.items()]
    arms.append(Arm("batch norm", "batch", _PUBLISHED, options=OPEN["published"]))
    return Study(
        name="sequences_published",
        dataset=TEXT,
        arms=tuple(arms),
        title="The published small transformer, what its description leaves open, and batch norm",
        lesson=LESSON,
        looks=(3,),
        matters=MATTERS,
    )


AMOUNTS: dict[str, int | None] = {"1/16": 62_740, "1/4": 250_963, "all": None}  # characters trained on
ALPHAS = (0.25, 0.5, 1.0)
INSTEAD: dict[str, tuple[str, Mapping[str, Any]]] = {
    "layer": ("layer", {}),
    **{f"tanh {alpha:g}": ("tanh", {"alpha": alpha}) for alpha in ALPHAS},
}
TANH_RATES = (0.003, 0.01)


def dynamic_tanh_text() -> Study:
    """Layer norm against tanh(alpha x), which has its alpha tuned for each amount of text."""

    def arm(kind: str, amount: str, rate: float) -> Arm:
        norm, options = INSTEAD[kind]
        recipe = TextRecipe(steps=600, lr=rate, warmup=100, characters=AMOUNTS[amount])
        options = {"width": 64, "init": "fan-in", **options}
        return Arm(named(kind, amount, rate), norm, recipe, options=options)

    return Study(
        name="dynamic_tanh_text",
        dataset=TEXT,
        arms=tuple(arm(kind, amount, rate) for amount in AMOUNTS for kind in INSTEAD for rate in TANH_RATES),
        title="Layer norm and tanh(alpha x) on a sixteenth, a quarter and all of the text: Tiny Shakespeare",
        lesson=LESSON,
        looks=(3, 6),
        matters=MATTERS,
    )


ORDERS = {"in order": False, "permuted": True}
CELLS: dict[str, tuple[str, float | None]] = {  # norm, and what each gamma starts at
    "none": ("none", None),
    "batch 0.1": ("batch", 0.1),
    "batch 1": ("batch", 1.0),
    "layer 1": ("layer", 1.0),
}
LSTM_RATES = (0.002, 0.01)


def lstm_rows() -> Study:
    """An LSTM on MNIST as 28 rows, where the published runs read 784 pixels one by one."""

    def arm(kind: str, order: str, rate: float) -> Arm:
        norm, gamma = CELLS[kind]
        options = {"permuted": ORDERS[order]} | ({} if gamma is None else {"gamma": gamma})
        recipe = Recipe(epochs=2, batch_size=128, optimizer="adam", lr=rate, weight_decay=0.0)
        return Arm(named(kind, order, rate), norm, recipe, "row_lstm", options=options)

    return Study(
        name="lstm_rows",
        dataset="mnist",
        arms=tuple(arm(kind, order, rate) for order in ORDERS for kind in CELLS for rate in LSTM_RATES),
        title="Norms in an LSTM that reads 28 rows, in order and with permuted pixels: MNIST, 20,000 images",
        lesson=LESSON,
        looks=(3, 6, 10),
        matters=0.3,
        images=20_000,
        measures=("batch_statistics",),
    )
