"""What became of each claim: from the recorded runs, and from the lessons' own tables of verdicts."""

import functools
import html
import json
import re
from dataclasses import dataclass
from pathlib import Path

from helpers import ROOT
from helpers.analysis.claims import Finding
from helpers.analysis.readings import Runs
from helpers.analysis.stats import VERDICTS, Interval
from helpers.lessons import STUDIES, findings, ledger
from helpers.studies import runs as study_runs
from helpers.studies.records import RECORDED


@dataclass(frozen=True)
class Row:
    """A row of a lesson's table of verdicts; `says` may begin with the number of the claim."""

    says: str
    measured: str
    verdict: str

    @property
    def statement(self) -> str:
        """What it says, without the number of the claim."""
        return re.sub(r"^\d+(, |: )", "", self.says)


@dataclass(frozen=True)
class Entry:
    """One statement of a claim: what a lesson (its number) measured, and the verdict.

    study and finding: of recorded runs; "" and None where the lesson itself computes the verdict.
    """

    claim: int
    lesson: str
    statement: str
    measured: str
    verdict: str
    study: str = ""
    finding: Finding | None = None

    @property
    def word(self) -> str:
        """The verdict without what follows it: "holds when" of "holds when: batch 4"."""
        return max((word for word in VERDICTS if self.verdict.startswith(word)), key=len)

    @property
    def scaled(self) -> dict[str, Interval]:
        """Condition -> interval in units of what matters; none where there are none, or nothing is judged."""
        finding = self.finding
        waits = "before the first look" in self.verdict or "several machines" in self.verdict
        if finding is None or not finding.matters or waits:
            return {}
        return {
            name: Interval(*(end / finding.matters for end in (item.mean, item.low, item.high)), item.n)
            for name, item in finding.intervals.items()
        }

    @property
    def would_change(self) -> str:
        """What would give another verdict."""
        if self.word == "undecided":
            return self.verdict.partition(": ")[2]
        if self.finding is None:
            return f"other cases than those of lesson {self.lesson}"
        intervals = list(self.finding.intervals.values())
        if not intervals:
            return "other runs: a published figure is compared with the range of one"
        if self.word == "no difference that matters":
            room = (self.finding.matters or 0.0) - max(max(-item.low, item.high) for item in intervals)
            return f"means farther from 0 by {room:.2g} {self.finding.unit}"
        ends = [item.low if self.word.startswith("holds") else -item.high for item in intervals]
        decided = [end for end in ends if end > 0]  # 0: a condition where nothing happened
        if not decided:
            return "a mean above 0"
        return f"means nearer to 0 by {min(decided):.2g} {self.finding.unit}"


def recorded(name: str, folder: Path = RECORDED) -> Runs:
    """The runs of a study up to its last look; none before the first."""
    study = STUDIES.get(name)
    if study is None:
        return []
    runs = study_runs.recorded(study, study.seeds, folder)
    look = study.looked(runs)
    return [run for run in runs if run["seed"] < look]


def lessons() -> dict[str, Path]:
    """Number -> notebook of each lesson that is there: those that have a folder of their name here."""
    return {
        path.stem[:2]: path
        for path in sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
        if Path(__file__).with_name(path.stem[3:]).is_dir()
    }


def verdicts(path: Path) -> list[Row]:
    """The rows of a lesson's last table of verdicts."""
    tables = []
    for cell in json.loads(path.read_text("utf-8"))["cells"]:
        for output in cell.get("outputs", []):
            rows = re.findall(r"<tr.*?</tr>", "".join(output.get("data", {}).get("text/html", "")), re.S)
            table = [
                [html.unescape(text) for text in re.findall(r"<t[hd].*?>(.*?)</t[hd]>", row, re.S)]
                for row in rows
            ]
            if table and table[0][-1] == "verdict":
                tables.append(table)
    found = []
    for row in tables[-1] if tables else []:
        number, *texts = row if row[0].isdigit() else ("", *row)
        if texts[-1] not in ("", "verdict"):
            said = f"{number}: {texts[0]}" if number else texts[0]
            found.append(Row(said, texts[1] if len(texts) > 2 else "", texts[-1]))
    return found


def claim_of(row: str, lesson: str) -> int | None:
    """The claim that a row of a lesson's table is about: by its number, or by how it begins."""
    if number := re.match(r"(\d+)\b(?=:|, )", row):
        return int(number[1])
    for number, claim in ledger.CLAIMS.items():
        if lesson[:2] in claim.lessons and row.startswith(claim.rows or ("\0",)):
            return number
    return None


def entries(folder: Path = RECORDED) -> list[Entry]:
    """Every statement of every claim that is judged so far, by the number of the claim.

    First those of the recorded runs in `folder`, judged here; of a statement that two studies test, the one
    whose pairs are of one machine. Then those rows of the lessons' tables that do not repeat one of these, as
    the lessons were committed. For the committed runs all this is found once in a session.
    """
    return list(_committed()) if folder == RECORDED else _entries(folder)


@functools.cache
def _committed() -> tuple[Entry, ...]:
    return tuple(_entries(RECORDED))


def _entries(folder: Path) -> list[Entry]:
    found: dict[tuple[int, str], Entry] = {}
    for study in sorted(STUDIES.values(), key=lambda study: study.mixed):
        for f in findings(recorded(study.name, folder)):
            entry = Entry(f.claim, study.lesson[:2], f.statement, f.measured, f.verdict, study.name, f)
            found.setdefault((f.claim, f.statement), entry)
    of_runs = list(found.values())
    for lesson, path in lessons().items():
        for row in verdicts(path):
            claim = claim_of(row.says, lesson)
            if claim is None or lesson not in ledger.CLAIMS[claim].lessons:
                continue
            told_again = any(
                entry.claim == claim and row.measured and row.measured in entry.measured for entry in of_runs
            )
            if not told_again:
                entry = Entry(claim, lesson, row.statement, row.measured, row.verdict)
                found.setdefault((claim, row.statement), entry)
    return sorted(found.values(), key=lambda entry: (entry.claim, entry.lesson, not entry.study))
