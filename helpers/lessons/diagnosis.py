"""How a check finds the words for a wrong answer.

An exercise is data: its solution, inputs to try, and mistakes. A mistake is an edit of the solution's source:
a snippet that is right, one that is wrong, the words for it. A wrong answer is compared with the solution
under every single edit, then under every pair; the edits that reproduce the answer's numbers name what went
wrong. Where none do, so is every sign, factor and power of the solution's that may be wrong or missing
(`operations`), the answer is asked again with one argument changed, to see whether it is used, and then
the numbers themselves are looked at: a sign, a factor, rounding, results exchanged.
"""

import dis
import functools
import inspect
import math
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations
from textwrap import dedent

import torch
from torch import Tensor

from helpers.lessons import calling
from helpers.lessons.calling import TooLong, Watched, copied, settings, stopped
from helpers.lessons.comparing import Seen, agree, first_difference, form, plain, shown, tensor
from helpers.lessons.operations import mistaken_operations
from helpers.lessons.relations import constant, relation

_NONE = "is a `return` missing?"
_UNNAMED = "this check has no name for the mistake"
Snippet = str | tuple[str, ...]
Mistakes = Mapping[Snippet, Mapping[Snippet, str]]  # right snippet(s) -> wrong snippet(s) -> the words
Look = Callable[..., Seen]  # (answer, *inputs) -> what of the call is compared


class Mistaken(Exception):
    """An answer whose form is wrong, in words: a look raises it when there is nothing to compare."""


def returned(answer: Callable, *inputs: object) -> Seen:
    """Compare what the answer returns."""
    return {"the result": answer(*inputs)}


def returned_as(*names: str) -> Look:
    """Compare several things that the answer returns, by their names."""

    def look(answer: Callable, *inputs: object) -> Seen:
        result = answer(*inputs)
        if result is None:
            raise Mistaken("it returns None: is a `return` missing?")
        parts = result if isinstance(result, tuple | list) else tensor(result)
        parts = parts if isinstance(parts, tuple | list) or (parts is not None and parts.ndim == 1) else None
        if parts is None or len(parts) != len(names):
            what = f"a {type(result).__name__}" if tensor(result) is None else plain(result)
            raise Mistaken(f"it returns {what}: it should return {len(names)} things, {', '.join(names)}")
        return dict(zip(names, parts, strict=True))

    return look


def with_gradients(answer: Watched, x: Tensor, *rest: object) -> Seen:
    """Compare the result, and the gradients of a loss that no constant direction of x leaves unmoved.

    x is what an earlier layer gave, the other tensors are parameters.
    """
    leaves = {"x": x.requires_grad_()}
    named = zip(answer.names[1:], rest, strict=False)
    leaves |= {name: t.requires_grad_() for name, t in named if isinstance(t, Tensor)}
    y = answer(x * 1, *rest)
    if not (isinstance(y, Tensor) and y.shape == x.shape and y.requires_grad):
        return {"the result": y}
    target = torch.linspace(-1, 1, y.numel(), dtype=y.dtype).view(y.shape) ** 2
    found = torch.autograd.grad((y * target).sum(), list(leaves.values()), materialize_grads=True)
    gradients = {f"the gradient of {name}": g for name, g in zip(leaves, found, strict=True)}
    return {"the result": y} | gradients


@dataclass(frozen=True)
class Exercise:
    """One exercise, as data.

    Attributes:
        answer: the solution, a function or a class; `solution` prints it, the mistakes are edits of it.
        cases: the inputs to try, each a tuple of the answer's arguments.
        mistakes: right snippet -> wrong snippet -> the words for it.
        hints: from the first push to the solution's idea.
        praise: what to say when there is no mistake.
        far: inputs in float32 far from zero, at which a formula that cancels loses all digits.
        look: what of a call is compared.
        typed: whether the exercise asks for tensors of the input's own type; if not, any numbers will do.
        apart: whether each case has mistakes of its own.
        changes: the arguments that are to be changed in place.
        inputs: what a case holds, where that is not the answer's arguments.
        forms: other ways to write the answer, in which a single operation may be wrong as well.
        same: how results are compared, from the closest look to the widest; by default number by number.
    """

    answer: Callable
    cases: Sequence[tuple]
    mistakes: Mistakes
    hints: tuple[str, ...]
    praise: str
    far: tuple = ()
    look: Look = returned
    typed: bool = True
    apart: bool = False
    changes: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    forms: tuple[Callable, ...] = ()
    same: tuple[Callable[..., bool], ...] = (agree,)

    @property
    def name(self) -> str:
        """The name under which it is checked: that of its solution."""
        return self.answer.__name__

    @property
    def arguments(self) -> list[str]:
        """The names of what a case holds."""
        return list(self.inputs or inspect.signature(self.answer).parameters)

    def diagnose(self, answer: Callable) -> list[str]:
        """What is wrong with an answer, a sentence each; an empty list if it is right."""
        if not callable(answer) or isinstance(answer, torch.nn.Module):
            kind = "class" if inspect.isclass(self.answer) else "function"
            return [f"that is {answer!r}, not a {kind}: pass `{self.name}` itself, without brackets"]
        with settings() as left:
            solution = Watched(self.answer, self.arguments, self.changes, left)
            right = [self.look(solution, *copied(case)) for case in self.cases]  # before the answer is called
            watched = Watched(answer, self.arguments, self.changes, left)
            found = self._compared(watched, right) or self._defaults(solution, watched)
        with settings(torch.float32) as left:
            watched.left = left
            if not found and self.far:
                found = self._far(watched)
        noted = watched.noted()
        if not found:
            return [f"the numbers are right, but {note}" for note in noted]
        if all(words.endswith(_UNNAMED) for words in found):  # what was noted may well be the cause
            return noted + [words.removesuffix(f"; {_UNNAMED}") if noted else words for words in found]
        return found + noted

    def _call(self, watched: Watched, case: tuple) -> Seen:
        """What is seen of a guarded call.

        Raises:
            Mistaken: it stopped with an error, did not end, or gave something of another form.
        """
        try:
            seen = calling.within(calling.SECONDS, self.look, watched, *copied(case))
            return {name: copied(value) for name, value in seen.items()}  # the next call may change it
        except Mistaken:
            raise
        except (Exception, SystemExit, TooLong) as error:  # whatever an answer may raise is part of this
            where = shown(self.arguments, case, self.name)
            if "modified by an inplace operation" in str(error):
                raise Mistaken(
                    "no gradient can be computed: an in-place operation (+=, /=, mul_ ...) overwrote a "
                    "value that the backward pass needs; write y = y / s, not y /= s"
                ) from error
            raise Mistaken(stopped(error, watched.function, where)) from error

    def _context(self, mistaken: Mistaken, seen: Sequence[Seen], case: tuple, wanted: Seen) -> str:
        """The words for a case that ended the search, and what sets it apart from those before it."""
        words = str(mistaken)
        if mistaken.__cause__ and all(value is None for value in wanted.values()):
            return f"{words}; here the answer is None"
        before = self.cases[: len(seen)]
        for name, value, *others in zip(self.arguments, case, *before, strict=False):
            axes = {other.ndim for other in others if isinstance(other, Tensor)}
            if mistaken.__cause__ and isinstance(value, Tensor) and axes and value.ndim not in axes:
                first = min(axes)
                return f"{words}; {name} has {value.ndim} axes here, not {first}: it may have either"
        some = any(value is not None for one in seen for value in one.values())
        if words.endswith(_NONE) and some and self.name not in words:
            return f"for {shown(self.arguments, case, self.name)}: {words.removesuffix('?')}, or a case?"
        return words

    def _compared(self, watched: Watched, right: Sequence[Seen]) -> list[str]:
        """The mistakes in the cases; the first whose result has another form ends the search."""
        seen: list[Seen] = []
        end: list[str] = []
        error: BaseException | None = None
        most = 2  # mistakes at once
        for case, wanted in zip(self.cases, right, strict=True):
            try:
                seen.append(self._call(watched, case))
                self._form(seen[-1], right, wanted)
            except Mistaken as mistaken:
                error = mistaken.__cause__
                end = [self._context(mistaken, seen, case, wanted)]
                most = 1 if len(seen) == 1 else 2
                break
        if not end and all(value is None for one in seen for value in one.values()):
            return ["it returns None: is a `return` missing?"]
        wrong = [i for i, result in enumerate(seen) if not self._right(result, right[i])]
        if not wrong:
            return self._stopped_alike(seen, error) or end or _outside(seen, right)
        if words := self._parameters(watched.function):
            return [words]
        if self.apart:
            ended = [len(seen) - 1] if end and not error else []
            unread = [] if end else self._unread(seen, right, wrong, watched)
            return [*end, *unread, *self._named_apart(seen, [i for i in wrong if i not in ended])]
        return (
            self._named(seen, wrong, 1)
            or self._stopped_alike(seen, error)
            or ([] if end else self._unread(seen, right, wrong, watched))
            or ([] if error else self._named_by_operation(seen, right, wrong, end))
            or ([] if end else self._constant(seen, right, wrong))
            or ([] if end else self._unused(seen, right, wrong, watched))
            or (self._named(seen, wrong, 2) if most > 1 and _varied(seen) else [])
            or end
            or self._named_somewhere(seen, wrong)
            or self._at_random(seen, wrong, watched)
            or self._unnamed(seen, right, wrong)
        )

    def _right(self, seen: Seen, right: Seen, error: float | None = None) -> bool:
        return any(same(seen, right, self.typed, error=error) for same in self.same)

    def _form(self, seen: Seen, right: Sequence[Seen], wanted: Seen) -> None:
        for name, value in wanted.items():
            if name.startswith("the gradient of "):
                continue
            if seen.get(name) is None and any(one[name] is None for one in right):
                continue  # None is an answer in this exercise
            if words := self._malformed(name, seen.get(name), value, right):
                raise Mistaken(self._exchanged(seen, right, wanted) or words)

    def _malformed(self, name: str, value: object, wanted: object, right: Sequence[Seen]) -> str | None:
        """In words: that a value is none of the words asked for, or has another form than the right one."""
        if isinstance(wanted, str):
            return _wrong_word(name, value, [str(one[name]) for one in right])
        return form(name, value, wanted, self.typed)

    def _exchanged(self, seen: Seen, right: Sequence[Seen], wanted: Seen) -> str | None:
        """In words: that several results have the right forms, in another order."""
        names = list(wanted)
        if list(seen) != names or not 1 < len(names) <= 4:
            return None
        for order in permutations(seen.values()):
            values = dict(zip(names, order, strict=True))
            if not any(self._malformed(name, values[name], wanted[name], right) for name in names):
                return f"the results are in another order: it should be {', '.join(names)}"
        return None

    def _stopped_alike(self, seen: Sequence[Seen], error: BaseException | None) -> list[str]:
        """The words for one or two mistakes that stop with the same error on the same case."""
        found: dict[str, None] = {}
        for edits in self._edits(1) if error else ():
            mistaken = self.edited((edits[0][:2],))
            if mistaken is None or not self._reproduce(edits, seen, range(len(seen)), agree):
                continue
            guarded = Watched(mistaken, self.arguments, self.changes, list)
            try:
                self.look(guarded, *copied(self.cases[len(seen)]))
            except Exception as other:  # whatever the learner's error is
                if type(other) is type(error) and str(other) == str(error):
                    found[edits[0][2]] = None
        return ["; or ".join(found)] if len(found) in (1, 2) else []

    def _parameters(self, answer: Callable) -> str | None:
        """In words: that the parameters are those of the stub in another order."""
        try:
            names = list(inspect.signature(answer).parameters)
        except (TypeError, ValueError):  # some built-in functions have none
            return None
        wanted = list(inspect.signature(self.answer).parameters)
        if names == wanted or sorted(names) != sorted(wanted):
            return None
        return f"the parameters are in another order: it should be {self.name}({', '.join(wanted)})"

    def _defaults(self, solution: Watched, watched: Watched) -> list[str]:
        """Whether the arguments that may be left out have the defaults of the stub."""
        parameters = inspect.signature(self.answer).parameters.values()
        optional = [p for p in parameters if p.default is not p.empty]
        if not optional:
            return []
        words = ", ".join(f"{p.name} is {plain(p.default)}" for p in optional)
        if self.inputs:  # a case is not one call with the arguments: they are read
            if words_of_order := self._parameters(watched.function):
                return [words_of_order]
            theirs = inspect.signature(watched.function).parameters
            other = [p.name for p in optional if p.name in theirs and theirs[p.name].default != p.default]
            given = ", ".join(
                f"{name} has none"
                if theirs[name].default is theirs[name].empty
                else f"{name} is {plain(theirs[name].default)}"
                for name in other
            )
            told = f"another default than the exercise's: {given}; where it is left out, {words}"
            return [told] if other else []
        for case in self.cases:
            least = case[: len(self.arguments) - len(optional)]
            right = self.look(solution, *copied(least))
            try:
                seen = self._call(watched, least)
            except Mistaken as mistaken:
                return [
                    f"what may be left out has no default any more: it should be that {words} ({mistaken})"
                ]
            if not self._right(seen, right):
                return [f"another default than the exercise's: where it is left out, {words}"]
        return []

    def _at_random(self, seen: Sequence[Seen], wrong: Sequence[int], watched: Watched) -> list[str]:
        """Whether the answer gives other numbers when it is called again."""
        try:
            again = self._call(watched, self.cases[wrong[0]])
            same = agree(again, seen[wrong[0]], self.typed)
        except Mistaken:
            return []
        where = shown(self.arguments, self.cases[wrong[0]], self.name)
        words = "something in it is drawn at random, or kept from the call before"
        return [] if same else [f"another result when it is called again for {where}: {words}"]

    def _constant(self, seen: Sequence[Seen], right: Sequence[Seen], wrong: Sequence[int]) -> list[str]:
        words = constant(seen, right, self.typed)
        where, number = self._smallest(seen, right, wrong) if words else ("", "")
        return [f"{words} (for {where}: {number})"] if words else []

    def _unread(
        self, seen: Sequence[Seen], right: Sequence[Seen], wrong: Sequence[int], watched: Watched
    ) -> list[str]:
        """Whether the answer's code never reads an argument that it should use."""
        unread = [name for name in self.arguments if not _loads(watched.function, name)]
        names = [name for name in unread if self._differs(name, right)]
        if not names:
            return []
        where, number = self._smallest(seen, right, wrong)
        told = f"the argument {names[0]} is" if len(names) == 1 else f"the arguments {', '.join(names)} are"
        return [f"{told} not used: whatever it is, the result is the same (for {where}: {number})"]

    def _unused(
        self, seen: Sequence[Seen], right: Sequence[Seen], wrong: Sequence[int], watched: Watched
    ) -> list[str]:
        """Whether an argument makes no difference where it should: it is changed, and nothing else is.

        One of a few words may stay the same although the argument is used.
        """
        if any(isinstance(value, str) for one in right for value in one.values()):
            return []
        for name in self.arguments:
            tried = self._differs(name, right)
            for i, changed in tried:
                try:
                    found = self._call(watched, changed)
                except Mistaken:
                    break
                finite = all(value is None or _finite(value) for value in found.values())
                if not finite or not agree(found, seen[i], self.typed):
                    break
            else:
                if len(tried) >= _ENOUGH:
                    where, number = self._smallest(seen, right, wrong)
                    return [
                        f"the argument {name} makes no difference: with another {name} the result is "
                        f"the same (for {where}: {number})"
                    ]
        return []

    def _differs(self, name: str, right: Sequence[Seen]) -> list[tuple[int, tuple]]:
        """Cases with another value for an argument where the right result is another one, too."""
        solution = Watched(self.answer, self.arguments, self.changes, list)
        place = self.arguments.index(name)
        found: list[tuple[int, tuple]] = []
        for i, case in enumerate(self.cases):
            if len(case) <= place:
                continue
            values = [one[place] for one in self.cases if len(one) > place]
            for other in _others(values, case[place]):
                changed = (*case[:place], other, *case[place + 1 :])
                try:
                    result = self.look(solution, *copied(changed))
                    if all(value is None or _finite(value) for value in result.values()) and not agree(
                        result, right[i], self.typed
                    ):
                        found.append((i, changed))
                except (Mistaken, ArithmeticError, LookupError, RuntimeError, TypeError, ValueError):
                    continue  # no such case
        return found

    def _far(self, watched: Watched) -> list[str]:
        """Whether all digits are lost in float32, far from zero."""
        exact = tuple(_exact(value) for value in self.far)
        with settings() as left:
            right = self.look(Watched(self.answer, self.arguments, self.changes, left), *copied(exact))
        try:
            seen = self._call(watched, self.far)
        except Mistaken as mistaken:
            return [str(mistaken)]
        if self._right(seen, right, error=5e-3):
            return []
        return [
            "the digits are lost far from zero (float32, mean 10,000): take the mean of (x - mean)², "
            "not E[x²] - E[x]²"
        ]

    def _named(self, seen: Sequence[Seen], wrong: Sequence[int], most: int) -> list[str]:
        """The words for the edits that reproduce all that was seen; none if none do."""
        # What differs comes first, and of that what is quickly computed.
        order = sorted(range(len(seen)), key=lambda i: (i not in wrong, _size(self.cases[i])))
        for same in self.same:
            for edits in self._edits(most):
                if self._reproduce(edits, seen, order, same):
                    return list(dict.fromkeys(words for *_, words in edits))
        return []

    def _named_apart(self, seen: Sequence[Seen], wrong: Sequence[int]) -> list[str]:
        """The words for each wrong case on its own; none if one has none."""
        found: list[str] = []
        for i in wrong:
            edits = next((e for e in self._edits(1) if self._reproduce(e, seen, [i], self.same[0])), None)
            where = shown(self.arguments, self.cases[i], self.name)
            words = edits[0][2] if edits else f"that is not right; {_UNNAMED}"
            found.append(f"{where} gives {plain_result(seen[i])}: {words}")
        return sorted(found, key=lambda words: words.endswith(_UNNAMED))  # what has a name comes first

    def _named_by_operation(
        self, seen: Sequence[Seen], right: Sequence[Seen], wrong: Sequence[int], end: Sequence[str]
    ) -> list[str]:
        """The words for one operation of the solution's that is wrong; none if too many would explain it.

        Where the result's form is wrong, in the words `end`, these are added.
        """
        if not _varied(seen):
            return []
        order = sorted(range(len(seen)), key=lambda i: (i not in wrong, _size(self.cases[i])))
        found: dict[str, None] = {}
        for written in (self.answer, *self.forms):
            for source, words in mistaken_operations(_source(written)):
                if words not in found and self._reproduced(
                    _compiled(written, source), seen, order, self.same[-1]
                ):
                    found[words] = None
        if not found or len(found) > _EXPLAIN:
            return []
        names = [
            name
            for name in seen[0]
            if not all(agree({name: seen[i][name]}, right[i], self.typed) for i in range(len(seen)))
        ]
        where = "" if len(seen[0]) == 1 else f"{', '.join(names)}: "
        words = min(found, key=lambda words: words.startswith("upside down"))  # there is a plainer one
        return [f"{where}{'; '.join([words, *end])}"]

    def _named_somewhere(self, seen: Sequence[Seen], wrong: Sequence[int]) -> list[str]:
        """The words for one edit that reproduces all wrong cases, where the others are right."""
        values = [tensor(value) for i in wrong for value in seen[i].values() if value is not None]
        if not any(value is not None and value.numel() > 3 for value in values):
            return []  # single numbers agree by chance
        for edits in self._edits(1):
            if self._reproduce(edits, seen, wrong, self.same[0]):
                return [f"on {shown(self.arguments, self.cases[wrong[0]], self.name)}: {edits[0][2]}"]
        return []

    def _reproduce(
        self, edits: Sequence[tuple], seen: Sequence[Seen], order: Sequence[int], same: Callable[..., bool]
    ) -> bool:
        mistaken = self.edited(tuple((right, wrong) for right, wrong, _ in edits))
        return self._reproduced(mistaken, seen, order, same)

    def _reproduced(
        self, mistaken: Callable | None, seen: Sequence[Seen], order: Sequence[int], same: Callable[..., bool]
    ) -> bool:
        if mistaken is None:
            return False
        for i in order:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # of a mistake that the learner has not made
                    result = self.look(
                        Watched(mistaken, self.arguments, self.changes, list), *copied(self.cases[i])
                    )
            except Exception:  # this mistake has no result here, so it is not the learner's
                return False
            if not same(seen[i], result, self.typed):
                return False
        return True

    def _edits(self, most: int) -> Iterator[Sequence[tuple]]:
        """Single mistakes, then pairs of different snippets; each (right, wrong, words)."""
        single = [
            (right, wrong, words) for right, table in self.mistakes.items() for wrong, words in table.items()
        ]
        yield from ([one] for one in single)
        if most > 1:
            for a, b in combinations(single, 2):
                if a[0] != b[0]:
                    yield [a, b]

    def edited(self, edits: Sequence[tuple[Snippet, Snippet]]) -> Callable | None:
        """The solution with snippets of its source replaced, in an order in which each is there exactly once.

        None if there is no such order: the mistakes cannot be made together.
        """
        orders = (edits,) if len(edits) == 1 else (edits, edits[::-1])
        return next(filter(None, (_edited(self.answer, tuple(order)) for order in orders)), None)

    def _smallest(self, seen: Sequence[Seen], right: Sequence[Seen], wrong: Sequence[int]) -> tuple[str, str]:
        """The smallest case that is wrong, and what is wrong there first."""
        smallest = min(wrong, key=lambda i: _size(self.cases[i]))
        where = shown(self.arguments, self.cases[smallest], self.name)
        return where, first_difference(seen[smallest], right[smallest], self.typed)

    def _unnamed(self, seen: Sequence[Seen], right: Sequence[Seen], wrong: Sequence[int]) -> list[str]:
        """What can be said of numbers that no known mistake gives."""
        where, told = self._smallest(seen, right, wrong)
        sizes = [_quantities(self.arguments, case) for case in self.cases[: len(seen)]]
        if words := relation(seen, right[: len(seen)], self.typed, sizes):
            if strange := [i for i in wrong if not all(map(_finite, seen[i].values()))]:
                where, told = self._smallest(seen, right, strange)
            return [f"{words} (for {where}: {told})"]
        if where.startswith(f"{self.name}(") and told.startswith("the result is "):
            given, wanted = told.removeprefix("the result is ").rsplit(", it should be ", 1)
            return [f"{where} gives {given}, it should be {wanted}; {_UNNAMED}"]
        return [f"for {where}: {told}; {_UNNAMED}"]


_ENOUGH = 4  # inputs on which an argument must have made no difference before that is said
_EXPLAIN = 6  # operations that give the same numbers: with more of them the numbers say too little


def _others(values: Sequence[object], value: object) -> Iterator[object]:
    """Other values for an argument: a tensor rearranged and changed unevenly, else those of other cases."""
    if isinstance(value, Tensor):
        if value.is_floating_point():
            x = value.detach()
            uneven = torch.linspace(0.4, 1.7, x.numel(), dtype=x.dtype).view(x.shape)
            yield from (x.flip(0) * 1.5, x * uneven, x * uneven.flip(0) ** 2, x.roll(1, 0) * uneven)
        return
    if isinstance(value, list | dict):
        yield from (_uneven(value, shift) for shift in (0.0, 1.0))
        return
    if not isinstance(value, int | float | str | tuple) or any(isinstance(v, Tensor) for v in values):
        return
    found: list[object] = []
    for other in values:
        if type(other) is type(value) and other != value and other not in found:
            found.append(other)
    yield from found


def _uneven(value: object, shift: float) -> object:
    """All numbers in a list or a dictionary changed, each by another factor."""
    if isinstance(value, float):
        return value * (1.1 + 0.6 * math.sin(7 * value + shift))
    if isinstance(value, dict):
        return {key: _uneven(item, shift + i) for i, (key, item) in enumerate(value.items())}
    if isinstance(value, list | tuple):
        return type(value)(_uneven(item, shift + i) for i, item in enumerate(value))
    return value


def _finite(value: object) -> bool:
    found = None if isinstance(value, str | tuple) else tensor(value)
    return found is None or bool(found.isfinite().all())


def _quantities(names: Sequence[str], case: tuple) -> dict[str, float]:
    """The numbers in a case by which a result may be too large: arguments, and how long they are."""
    found: dict[str, float] = {}
    for name, value in zip(names, case, strict=False):
        if isinstance(value, Tensor):
            axes = {f"{name}.shape[{i}]": n for i, n in enumerate(value.shape) if i}
            found |= axes | ({f"len({name})": len(value)} if value.ndim else {})
        elif isinstance(value, list | dict):
            found[f"len({name})"] = len(value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found[name] = value
    return found


def _wrong_word(name: str, value: object, right: Sequence[str]) -> str | None:
    """In words: that something else is returned than one of the words that are asked for."""
    words = list(dict.fromkeys(right))
    if value is None:
        return f"{name} is None: {_NONE}"
    if isinstance(value, str) and value in words:
        return None
    quoted = ", ".join(f'"{word}"' for word in words)
    return f"{name} is {plain(value)}: return one of these words exactly, as a string: {quoted}"


def _loads(answer: Callable, name: str) -> bool:
    """Whether a function reads its argument at all, as far as its code says."""
    code = getattr(answer, "__code__", None)
    if code is None or name not in code.co_varnames[: code.co_argcount]:
        return True
    return any(step.argval == name and "LOAD" in step.opname for step in dis.get_instructions(code))


def _varied(seen: Sequence[Seen]) -> bool:
    """Whether the results are not all the same: one number or word, two mistakes at once give by chance."""
    if len({value for one in seen for value in one.values() if isinstance(value, str)}) > 1:
        return True
    found = [tensor(value) for one in seen for value in one.values() if not isinstance(value, str | tuple)]
    numbers = torch.cat([value.flatten() for value in found if value is not None] or [torch.zeros(0)])
    return len(numbers.unique()) > 1


def plain_result(seen: Seen) -> str:
    """All that was seen of a call, for the learner's eyes."""
    values = list(seen.values())
    return plain(values[0]) if len(values) == 1 else f"({', '.join(map(plain, values))})"


def _exact(value: object) -> object:
    if isinstance(value, tuple | list):
        return type(value)(map(_exact, value))
    return value.double() if isinstance(value, Tensor) and value.is_floating_point() else value


def _size(value: object) -> int:
    if isinstance(value, Tensor):
        return value.numel()
    if isinstance(value, Mapping):
        return sum(map(_size, value.values()))
    return sum(map(_size, value)) if isinstance(value, list | tuple) else 1


def _outside(seen: Sequence[Seen], right: Sequence[Seen]) -> list[str]:
    if all(set(one) == set(wanted) for one, wanted in zip(seen, right, strict=True)):
        return []
    return ["no gradient reaches x: the result is computed outside the graph (no_grad, detach, NumPy)"]


def _parts(snippet: Snippet) -> tuple[str, ...]:
    return (snippet,) if isinstance(snippet, str) else snippet


@functools.cache
def _source(answer: Callable) -> str:
    return dedent(inspect.getsource(answer))


@functools.cache
def _edited(answer: Callable, edits: tuple[tuple[Snippet, Snippet], ...]) -> Callable | None:
    source = _source(answer)
    for right, wrong in edits:
        for old, new in zip(_parts(right), _parts(wrong), strict=True):
            if source.count(old) != 1:
                return None
            source = source.replace(old, new)
    return _compiled(answer, source)


@functools.cache
def _compiled(answer: Callable, source: str) -> Callable | None:
    scope = dict(vars(sys.modules[answer.__module__]))
    try:
        code = compile(source, f"<{answer.__name__} with a mistake>", "exec")
    except SyntaxError:  # two mistakes that do not go together
        return None
    exec(code, scope)
    return scope[answer.__name__]
