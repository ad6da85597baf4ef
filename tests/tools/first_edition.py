"""Writes data/first_edition.json: what the first edition of the course said of its claims, from git.

    python tests/tools/first_edition.py

Lesson 16 sets these verdicts beside those of today. They were published in data/results/README.md of COMMIT,
the last one before the second edition's rules; lessons cannot read git where it is not (on Colab).
tests/tools/test_first_edition.py compares the file with the commit.
"""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from helpers import ROOT, files

PATH = ROOT / "data" / "first_edition.json"
COMMIT = "b1315d2389c4092914f392688002607390afa8a6"
# Its statement -> what the second edition calls it, or None if it asks something else instead.
NOW: dict[str, str | None] = {
    "training profits from equalization": "training benefits from equalization",
    "5,000 images drawn at random held out, the published accuracies come again": (
        "5,000 images drawn at random held out, the published accuracies are reproduced"
    ),
    "the first 5,000 images held out, the published accuracies come again": (
        "the first 5,000 images held out, the published accuracies are reproduced"
    ),
    # averages over networks of which some profit and some do not; now each network is judged by itself
    "ReLU with Glorot helps, on average": None,
    "input batch norm helps, on average": None,
    "each change helps on average, each network at its own best rate": None,
    "most of it is due to batch norm after the hidden layers": None,
    # gaps of networks that do not fit their training images equally well; now at equal training accuracy
    "batch norm narrows the gap between training and test images": None,
    "batch norm narrows the gap, each network at its own best rate": None,
    "batch norm's train-test gap is smaller than group norm's": None,
    "beside group norm's it narrows as the batch shrinks": None,
}


def git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout


def first_edition() -> dict[str, Any]:
    """The verdicts of the first edition in the order of its table, and how many seeds each study had."""
    page = git("show", f"{COMMIT}:data/results/README.md")
    rows = [re.split(r" (?<!\\)\| ", line[2:-2]) for line in re.findall(r"^\| \d+ \|.*$", page, re.M)]
    seeds = {}
    for name in git("ls-tree", "--name-only", COMMIT, "data/results/").split():
        if name.endswith(".jsonl"):
            runs = git("show", f"{COMMIT}:{name}").splitlines()
            seeds[Path(name).stem] = len({json.loads(run)["seed"] for run in runs})
    return {
        "_about": "Verdicts of the course's first edition: data/results/README.md of `commit`, by "
        "tests/tools/first_edition.py. `now` is the second edition's name of the statement, null where it "
        "asks something else. `seeds`: of each study's recorded runs at that commit.",
        "commit": COMMIT,
        "date": git("show", "-s", "--format=%cs", COMMIT).strip(),
        "seeds": seeds,
        "verdicts": [
            {
                "claim": int(claim),
                "statement": statement,
                "measured": measured.replace("\\|", "|"),
                "verdict": verdict,
                "now": NOW.get(statement, statement),
            }
            for claim, statement, measured, verdict in rows
        ],
    }


if __name__ == "__main__":
    files.write(PATH, json.dumps(first_edition(), indent=1, ensure_ascii=False) + "\n")
