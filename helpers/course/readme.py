"""What the README says of each lesson, from the lessons and the recorded runs, and the table of all verdicts.

    python -m helpers.course.readme

writes both where they stand: between the markers in README.md, and as data/results/README.md.
tests/project/test_readme.py compares.
"""

import re
from collections.abc import Callable

import nbformat

from helpers import ROOT
from helpers.analysis import readings, stats
from helpers.analysis.comparison import difference, mean, pairs
from helpers.analysis.readings import Runs
from helpers.analysis.stats import interval, told
from helpers.course import publishing, run_lessons
from helpers.lessons import STUDIES, findings
from helpers.lessons.batch_size_learning_rate_depth import grids
from helpers.lessons.entries import entries, recorded
from helpers.lessons.fifty_thousand_parameters import claims as budget_claims
from helpers.lessons.fifty_thousand_parameters.studies import PARAMETERS, SPRINTS
from helpers.lessons.norms_for_sequences import claims as sequences_claims
from helpers.lessons.weight_decay import decay as decay_study
from helpers.studies import runs as study_runs
from helpers.studies.records import RECORDED
from helpers.studies.study import Study

BEGIN, END = "<!-- lessons: written by helpers/course/readme.py -->\n", "<!-- end of lessons -->"
VERDICTS = RECORDED / "README.md"


def _input_scaling(runs: Runs) -> str:
    raw, own = (
        told(difference(runs, *pair), sign="+")
        for pair in (("standardized", "raw"), ("per_image", "standardized"))
    )
    return f"Standardized inputs gain {raw} points over raw ones; each image's own statistics gain {own}."


def _fashion_mlp(runs: Runs) -> str:
    fixed, own = (
        told(difference(some, "relu after", "relu none", readings.tested), sign="+")
        for some in (runs, recorded("fashion_mlp_tuned"))
    )
    return (
        f"To the plain network with ReLU batch norm adds {fixed} points at the published learning rate, and "
        f"{own} when each has its own."
    )


def _cifar_norms(runs: Runs) -> str:
    layer, group, corners = (
        told(difference(runs, *pair), sign="+")
        for pair in (("batch", "layer"), ("batch", "group"), ("batch_mean_corners", "batch"))
    )
    return (
        f"Batch norm leads layer norm by {layer} points and group norm by {group}; another colour for the "
        f"corners of rotated images is worth {corners}."
    )


def _norm_grid(runs: Runs) -> str:
    small, large = (told(grids.difference(runs, f"batch {n}", f"group {n}"), 1, "+") for n in (2, 512))
    return (
        f"Each at its best learning rate, batch norm minus group norm is {small} points with batches of 2 "
        f"and {large} with 512."
    )


def _adam_l2_adamw(runs: Runs) -> str:
    def gain(decay: float) -> str:
        sides = (decay_study.at_decay(name, decay) for name in ("adamw", "adam"))
        return told(decay_study.difference(runs, *sides), sign="+")

    return (
        f"The same `weight_decay` is not the same penalty: AdamW minus Adam is {gain(0.1)} points at 0.1 and "
        f"{gain(1e-4)} at 0.0001."
    )


def _mnist_penalties(runs: Runs) -> str:
    cost = told(difference(runs, "batch L1", "batch none"), sign="+")
    helps = told(difference(runs, "layer L2", "layer none"), sign="+")
    return f"L1 of 0.001 moves batch norm by {cost} points, L2 of 0.001 layer norm by {helps}."


def _sequences_rates(runs: Runs) -> str:
    def below(a: str, b: str, value: Callable) -> str:
        losses = (value(runs, kind, "fan-in") for kind in (b, a))
        return told(interval(list(pairs(runs, *losses).values())), sign="+")

    best = below("none", "pre", sequences_claims.at_best)
    over = below("pre", "none", sequences_claims.over_rates)
    return (
        f"Each at its best learning rate, a transformer without a norm ends {best} nats below one with layer "
        f"norm; over all rates layer norm ends {over} lower."
    )


def _budget_sprint(runs: Runs) -> str:
    once, thrice = (told(mean(runs, arm), 1) for arm in SPRINTS)
    theirs, epochs, accuracy = budget_claims.of_lesson_07()
    return (
        f"{PARAMETERS:,} parameters reach {once} % in one epoch and {thrice} in three; published were "
        f"{accuracy} % in {epochs}, with {theirs:,}."
    )


def _ledger(_: Runs) -> str:
    words = [entry.word for entry in entries()]
    counts = (f"{words.count(word)} {word}" for word in stats.VERDICTS if word in words)
    return f"The verdicts on {len(words)} statements: {', '.join(counts)}."


# From a study: its name and a sentence. From what a lesson computes: a sentence, and the outputs it is from.
FOUND: dict[str, tuple[str, Callable[[Runs], str]] | tuple[str, list[str]]] = {
    "01_data_normalization": ("input_scaling", _input_scaling),
    "02_why_scale_matters": (
        "Scales of 1 and 1000 cost gradient descent 3,453,878 steps where equal scales cost 1.",
        ["1 step on equal scales, 3,453,878 on 1 and 1000"],
    ),
    "03_signals_in_deep_networks": (
        "Thirty sigmoid layers keep a gradient at a gain of 11; at the gains in use they lose it, and layer "
        "norm does not bring it back.",
        ["'sigmoid': 11.0"],
    ),
    "04_batch_norm_from_scratch": (
        "Two terms of the gradient come from mean and variance. Without the first a bias grows to 35.84, "
        "without the second the norm of the weights to 8.96, and the loss is no lower for it.",
        ["35.84", "8.96"],
    ),
    "05_batch_norm_in_use": (
        "The same weights get 98.6 % with momentum 0.1 and 58.9 % with 0.01; with `eval()` forgotten, a "
        "batch of one is answered by guessing, 10.9 %.",
        [
            "momentum 0.01: weights as with 0.1: True, test accuracy 58.9 %",
            "momentum  0.1: weights as with 0.1: True, test accuracy 98.6 %",
            "10.9",
        ],
    ),
    "06_layer_group_instance_rms_norm": (
        "Two layers are called layer norm of images: they have 12 and 300 parameters on one example.",
        ["12 and 300 parameters"],
    ),
    "08_batch_norm_before_and_after": ("fashion_mlp", _fashion_mlp),
    "07_batch_layer_group_compared": ("cifar_norms", _cifar_norms),
    "09_batch_size_learning_rate_depth": ("norm_grid", _norm_grid),
    "10_why_batch_norm_helps": (
        "With the drift put back about 75 % of batch norm's advantage in fit is left; with the norms of "
        "its weights held fixed it fails at rates of 100 and more.",
        ["left of batch norm's advantage in fit: 75%", "100.0: 'holds', 1000.0: 'holds'"],
    ),
    "11_l1_l2_from_scratch": (
        "On one regression under L1 subgradient steps make 0 weights exactly zero and proximal steps 41, "
        "as many as the lasso of scikit-learn.",
        ["subgradient                        0", "proximal                          41"],
    ),
    "12_weight_decay": ("adam_l2_adamw", _adam_l2_adamw),
    "13_regularization_experiments": ("mnist_penalties", _mnist_penalties),
    "14_norms_for_sequences": ("sequences_rates", _sequences_rates),
    "15_fifty_thousand_parameters": ("budget_sprint", _budget_sprint),
    "16_what_holds_up": ("cifar_norms", _ledger),  # of all studies and lessons
}


def found(lesson: str) -> str:
    """The one finding of a lesson, in a sentence."""
    if lesson not in FOUND:
        return "Its studies are not all trained yet."
    first, second = FOUND[lesson]
    if isinstance(second, list):
        return first
    runs = recorded(first)
    return second(runs) if runs else f"Its study `{first}` has not reached its first look yet."


def minutes(opening: str) -> int:
    """The sum of a lesson's own table of minutes."""
    return sum(int(number) for number in re.findall(r"^\| \d+ \|.*\| (\d+) \|$", opening, re.MULTILINE))


def lessons_table() -> str:
    """A row for each lesson: its name with the badge, minutes, question and finding, as Markdown."""
    rows = ["| | lesson | minutes | asks | finds |", "|---|---|---|---|---|"]
    for lesson, path in run_lessons.lessons().items():
        opening = nbformat.read(path, as_version=4).cells[0].source
        number, title = re.match(r"# (\d+) · (.+)", opening).groups()
        question = re.search(r"^\*\*(.+)\*\*$", opening, re.MULTILINE)[1]
        name = f"[{title}](notebooks/{lesson}.ipynb)<br>{publishing.badge(lesson)}"
        rows.append(f"| {number} | {name} | {minutes(opening)} | {question} | {found(lesson)} |")
    return "\n".join(rows) + "\n"


def _cell(text: str) -> str:
    """The text in a cell of a table, which a bare | would end."""
    return text.replace("|", "\\|")


def _looks(study: Study) -> str:
    """The study's looks, that which its recorded runs have reached in bold."""
    if study.mixed:
        return "not judged: several machines"
    reached = study.looked(study_runs.recorded(study, study.seeds, RECORDED))
    return ", ".join(f"**{look}**" if look == reached else str(look) for look in study.looks)


HOW_JUDGED = """The claims are common ones about normalization and regularization, by their numbers in the
lessons, which say how each was tested and what it does not mean. A verdict is computed from pairs of runs of
one seed, made on one machine, of final accuracy, or of the loss on a text, unless a row says otherwise.
**Holds**, **false**: the interval lies on one side of 0. **No difference that matters**: it lies within what
matters, to either side. **Undecided**: neither. The intervals of one claim and study hold the truth together
in 95 % of studies, over all comparisons (Bonferroni) and all looks, so that each is wider than a 95 %
interval by itself."""


def verdicts() -> str:
    """Every claim that a complete study tests, with what was measured, as a page of Markdown."""
    rows = sorted(
        (f.claim, f"| {f.claim} | {f.statement} | {_cell(f.measured)} | {f.verdict} |")
        for name in STUDIES
        for f in findings(recorded(name))
    )
    counts = [
        f"| `{name}.jsonl` | {study.title} | {len(study_runs.recorded(study, study.seeds, RECORDED)):,} | "
        f"{_looks(study)} | {'' if study.matters is None else f'{study.matters:g} {study.unit}'} |"
        for name, study in STUDIES.items()
    ]
    return "\n".join(
        [
            "# Recorded runs",
            "",
            "One line of JSON for each run: its configuration, every epoch, seconds, versions, commit. "
            "`course train NAME` makes",
            "such a file again in `build/results`; `course report` sets the two side by side with what was "
            "published.",
            "",
            "| file | study | runs | judged after seeds | matters |",
            "|---|---|---|---|---|",
            *counts,
            "",
            "## What they say",
            "",
            HOW_JUDGED,
            "",
            "| claim | what it says | measured | verdict |",
            "|---|---|---|---|",
            *(row for _, row in rows),
            "",
        ]
    )


def main() -> None:
    page = ROOT / "README.md"
    before, rest = page.read_text("utf-8").split(BEGIN)
    page.write_text(before + BEGIN + lessons_table() + END + rest.split(END)[1], "utf-8")
    VERDICTS.write_text(verdicts(), "utf-8")


if __name__ == "__main__":
    main()
