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
import sys
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
from helpers.lessons.relations import relation

_NONE = "is a `return` missing?"
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
        return found + noted if found else [f"the numbers are right, but {note}" for note in noted]

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
                    "no gradient can be computed: an in-place operation (+=, /=, mul_ ...) overwrote a value "
                    "that the backward pass needs; write y = y / s, not y /= s"
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
            return [*self._named_apart(seen, wrong), *end]
        return (
            self._named(seen, wrong, 1)
            or self._stopped_alike(seen, error)
            or ([] if end else self._unused(seen, right, wrong, watched))
            or (self._named(seen, wrong, 2) if most > 1 and _varied(seen) else [])
            or ([] if end else self._named_by_operation(seen, right, wrong))
            or end
            or self._named_somewhere(seen, wrong)
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
            if words := form(name, seen.get(name), value, self.typed):
                raise Mistaken(self._exchanged(seen, wanted) or words)

    def _exchanged(self, seen: Seen, wanted: Seen) -> str | None:
        """In words: that several results have the right forms, in another order."""
        names = list(wanted)
        if list(seen) != names or not 1 < len(names) <= 4:
            return None
        for order in permutations(seen.values()):
            if not any(map(form, names, order, wanted.values(), [self.typed] * len(names))):
                return f"the results are in another order: it should be {', '.join(names)}"
        return None

    def _stopped_alike(self, seen: Sequence[Seen], error: BaseException | None) -> list[str]:
        """The words for the mistake that stops with the same error on the same case; none if no one does."""
        found: set[str] = set()
        for edits in self._edits(1) if error else ():
            mistaken = self.edited((edits[0][:2],))
            if mistaken is None or not self._reproduce(edits, seen, range(len(seen)), agree):
                continue
            guarded = Watched(mistaken, self.arguments, self.changes, list)
            try:
                self.look(guarded, *copied(self.cases[len(seen)]))
            except Exception as other:  # whatever the learner's error is
                if type(other) is type(error) and str(other) == str(error):
                    found.add(edits[0][2])
        return list(found) if len(found) == 1 else []

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
        parameters = [] if self.inputs else inspect.signature(self.answer).parameters.values()
        optional = [p for p in parameters if p.default is not p.empty]
        if not optional:
            return []
        words = ", ".join(f"{p.name} is {plain(p.default)}" for p in optional)
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

    def _unused(
        self, seen: Sequence[Seen], right: Sequence[Seen], wrong: Sequence[int], watched: Watched
    ) -> list[str]:
        """Whether an argument makes no difference where it should: it is changed, and nothing else is."""
        solution = Watched(self.answer, self.arguments, self.changes, list)
        for place, name in enumerate(self.arguments):
            same = 0
            for i, case in enumerate(self.cases):
                other = _another(
                    [one[place] for one in self.cases if len(one) > place], case[place : place + 1]
                )
                if other is None:
                    continue
                changed = (*case[:place], other, *case[place + 1 :])
                try:
                    if agree(self.look(solution, *copied(changed)), right[i], self.typed):
                        continue  # it should make none here
                    found = self._call(watched, changed)
                except (Mistaken, ArithmeticError, LookupError, RuntimeError, TypeError, ValueError):
                    continue  # no such case
                if not agree(found, seen[i], self.typed):
                    break
                same += 1
            else:
                if same > 1:
                    told = "makes no difference" if _loads(watched.function, name) else "is not used"
                    where, number = self._smallest(seen, right, wrong)
                    return [
                        f"the argument {name} {told}: with another {name} the result is the same "
                        f"(for {where}: {number})"
                    ]
        return []

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
            "the digits are lost far from zero (float32, mean 10,000): take the mean of (x - mean)², not "
            "E[x²] - E[x]²"
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
            words = edits[0][2] if edits else "that is not right; this check has no name for the mistake"
            found.append(f"{where} gives {plain_result(seen[i])}: {words}")
        return found

    def _named_by_operation(
        self, seen: Sequence[Seen], right: Sequence[Seen], wrong: Sequence[int]
    ) -> list[str]:
        """The words for the one operation of the solution's that is wrong; none if two would explain it."""
        order = sorted(range(len(seen)), key=lambda i: (i not in wrong, _size(self.cases[i])))
        found = {
            words: None
            for source, words in (mistaken_operations(_source(self.answer)) if _varied(seen) else ())
            if self._reproduced(_compiled(self.answer, source), seen, order, self.same[-1])
        }
        names = [
            name
            for name in seen[0]
            if not all(agree({name: seen[i][name]}, right[i], self.typed) for i in range(len(seen)))
        ]
        where = "" if len(seen[0]) == 1 else f"{', '.join(names)}: "
        return [f"{where}{words}" for words in found] if len(found) == 1 else []

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
        if words := relation([seen[i] for i in range(len(seen))], list(right[: len(seen)]), self.typed):
            return [f"{words} (for {where}: {told})"]
        if where.startswith(f"{self.name}(") and told.startswith("the result is "):
            given, wanted = told.removeprefix("the result is ").rsplit(", it should be ", 1)
            return [f"{where} gives {given}, it should be {wanted}; this check has no name for the mistake"]
        return [f"for {where}: {told}; this check has no name for the mistake"]


def _another(values: Sequence[object], value: tuple) -> object:
    """Another value for an argument: a tensor turned round and larger, else that of another case, or None."""
    if not value:
        return None
    if isinstance(value[0], Tensor):
        return value[0].detach().flip(0) * 1.5 if value[0].is_floating_point() else None
    if not isinstance(value[0], int | float | str | tuple) or any(isinstance(v, Tensor) for v in values):
        return None
    return next((v for v in values if type(v) is type(value[0]) and v != value[0]), None)


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
