"""How the exercise checks answer learners: right and wrong answers in `tests/fixtures`, counted.

The checks were written with `answers` in view; `holdout`, `holdout3` and `holdout4` were written from the
lessons alone, before any check was run on them, and the checks mended afterwards (of `holdout3` 61 % were
named at first, of `holdout4`, without its batch norms, 96 %).
There each class is an exercise; in it `right_...` is an answer that must pass and
`wrong_...` one that must be named: its docstring holds words, separated by |, of which the check must say
at least one.

    python tests/tools/answers.py                           # the shares, and each answer dealt with badly
    python tests/tools/answers.py tests/fixtures/holdout    # the same for other answers
"""

import argparse
import contextlib
import importlib.util
import inspect
import io
import re
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

FOLDER = Path(__file__).parents[1] / "fixtures" / "answers"
UNNAMED = re.compile(  # only numbers are shown
    r"has no name for|^- for .*: .* is [^:]*, it should be [^:]*$|^- \S.* gives [^:]*, it should be [^:]*$"
)


@dataclass(frozen=True)
class Answer:
    """One answer: to which exercise, what it is called, whether it is right, the words a check should say."""

    exercise: str
    name: str
    given: Callable
    words: tuple[str, ...]

    @property
    def right(self) -> bool:
        return self.name.startswith("right_")


def answers(folder: Path = FOLDER) -> Iterator[Answer]:
    """All answers of a folder, in their order."""
    for path in sorted(folder.glob("*.py")):
        spec = importlib.util.spec_from_file_location(f"answers_{path.stem}", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        for exercise, group in vars(module).items():
            if not inspect.isclass(group) or group.__module__ != module.__name__:
                continue
            for name, given in vars(group).items():
                if name.startswith(("right_", "wrong_")):
                    yield Answer(exercise, name, given, tuple((given.__doc__ or "").split("|")))


def outcome(answer: Answer, said: str | None) -> str:
    """What a check did with an answer, from what it said (None: it stopped with an error or did not end)."""
    if said is None:
        return "crashes"
    correct = said.startswith(f"{answer.exercise}: correct.")
    if answer.right:
        return "right" if correct else "refused"
    if correct:
        return "accepted"
    lines = [line.strip() for line in said.split("\n")[1:] if line.strip()]
    told = [line for line in lines if not UNNAMED.search(line)]  # a learner reads all of them
    if not told:
        return "not named"
    return "named" if any(word in line for line in told for word in answer.words) else "misleading"


class _Late(BaseException):
    """The check did not end; no answer's `except Exception` may swallow it."""


def say(check: Callable, answer: Answer, seconds: int = 20) -> str | None:
    """What the check prints about an answer; None if it lets an error through or does not end."""

    def too_long(*_: object) -> None:
        raise _Late

    torch.set_grad_enabled(True)  # an answer may leave it off, and each is judged alone
    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(seconds)
    try:
        with contextlib.redirect_stdout(io.StringIO()) as out:
            check(answer.exercise, answer.given)
    except (Exception, _Late):
        return None
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    return out.getvalue()


KINDS = ("named", "not named", "misleading", "accepted", "crashes", "right", "refused")


def main() -> None:
    """Print each answer that is not dealt with as it should be, the counts by exercise, and the shares."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, nargs="?", default=FOLDER)
    folder = parser.parse_args().folder
    sys.path.insert(0, str(Path(__file__).parents[2]))
    from helpers.lessons import checks

    found: dict[str, Counter[str]] = {}
    for answer in answers(folder):
        if answer.exercise not in checks._EXERCISES:
            continue
        said = say(checks.check, answer)
        result = outcome(answer, said)
        found.setdefault(answer.exercise, Counter())[result] += 1
        if result not in ("right", "named"):
            told = "" if said is None else said.split("\n", 1)[-1].strip()
            print(f"{result:10} {answer.exercise}.{answer.name}: {told[:160]}")
    print(f"\n{'':28}" + "".join(f"{kind:>12}" for kind in KINDS))
    for exercise, counts in found.items():
        print(f"{exercise:28}" + "".join(f"{counts[kind] or '':>12}" for kind in KINDS))
    total = sum(found.values(), Counter())
    wrong = sum(total[kind] for kind in KINDS[:5])
    print(f"\n{wrong} wrong answers, {total['right'] + total['refused']} right ones")
    print(f"{'named':>12}: {total['named']:4} ({total['named'] / wrong:.0%} of the wrong ones)")
    for kind in ("not named", "misleading", "accepted", "crashes", "refused"):
        print(f"{kind:>12}: {total[kind]:4}")


if __name__ == "__main__":
    main()
