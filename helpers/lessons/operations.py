"""A solution with one thing in it wrong or missing: a sign, a factor, a power, an index, an axis, an order.

For mistakes that no table lists. Each is a source, made from the solution's own, and the words for it.
"""

import ast
import copy
import functools
from collections.abc import Iterator, Sequence

_EXCHANGED = {
    ast.Add: (ast.Sub, "`{}` is subtracted: it should be added"),
    ast.Sub: (ast.Add, "`{}` is added: it should be subtracted"),
    ast.Mult: (ast.Div, "divided by `{}`: it should be multiplied by it"),
    ast.Div: (ast.Mult, "multiplied by `{}`: it should be divided by it"),
}
_MISSING = {
    ast.Add: "`{}` is not added",
    ast.Sub: "`{}` is not subtracted",
    ast.Mult: "the factor `{}` is missing",
    ast.Div: "not divided by `{}`",
    ast.Pow: "the power ** {} is missing",
}
_SUMS, _PRODUCTS = (ast.Add, ast.Sub), (ast.Mult, ast.Div)
_OF_ONE = (
    ("{0} ** 2", "`{0}` is squared: it should not be"),
    ("{0} ** 0.5", "the square root of `{0}` is taken: it should not be"),
    ("{0} / 2", "half of `{0}` is taken"),
    ("{0} * 2", "twice `{0}` is taken"),
    ("({0} - 1)", "`{0} - 1` is taken: it should be `{0}`"),
    ("({0} + 1)", "`{0} + 1` is taken: it should be `{0}`"),
    ("1 / {0}", "1 divided by `{0}` is taken: it should be `{0}`"),
    ("abs({0})", "the sign of `{0}` is lost: take no absolute value"),
)
_METHODS = {  # what stands in a method's place by mistake
    "mean": {
        "sum": "a sum is taken: it should be the mean",
        "median": "the median is taken: it should be the mean",
        "amax": "the largest is taken: it should be the mean",
    },
    "sum": {"mean": "the mean is taken: it should be the sum"},
    "max": {
        "min": "the smallest is taken: it should be the largest",
        "mean": "the mean is taken, not the max",
    },
    "min": {
        "max": "the largest is taken: it should be the smallest",
        "mean": "the mean is taken, not the min",
    },
    "argmax": {"argmin": "the place of the smallest is taken: it should be that of the largest"},
    "argmin": {"argmax": "the place of the largest is taken: it should be that of the smallest"},
    "std": {"var": "the variance is taken: it should be the standard deviation"},
    "var": {"std": "the standard deviation is taken: it should be the variance"},
    "any": {"all": "all are asked for: any one is enough"},
    "all": {"any": "any one is enough here: all are asked for"},
    "log": {
        "log1p": "the logarithm of 1 + the value is taken: it should be that of the value (log, not log1p)",
        "log2": "the logarithm of base 2 is taken: it should be the natural one (log)",
        "log10": "the logarithm of base 10 is taken: it should be the natural one (log)",
    },
}
_DROPPED = {
    "abs": "the absolute value is missing: `{}`",
    "sqrt": "the square root is missing: `{}`",
    "square": "the square is missing: `{}`",
    "log": "the logarithm is missing: `{}`",
    "exp": "`{}`: exp is missing",
    "flip": "the order is not turned round: `{}`",
}
_WITH_AXIS = {
    "mean",
    "sum",
    "std",
    "var",
    "max",
    "min",
    "amax",
    "amin",
    "norm",
    "argmax",
    "argmin",
    "all",
    "any",
}
_OTHER_COMPARISON = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
}
Change = tuple[object, str]  # what stands in a node's place (a list: statements), and the words for it


class _Names(ast.NodeVisitor):
    """The parameters of a function, and what its other names are short for."""

    def __init__(self, tree: ast.AST) -> None:
        self.parameters: list[str] = []
        self.meaning: dict[str, ast.expr | None] = {}
        self.visit(tree)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        if not self.parameters:
            self.parameters = [argument.arg for argument in node.args.args]
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        (target, *more) = node.targets
        pairs = [(target, node.value)]
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple) and not more:
            pairs = list(zip(target.elts, node.value.elts, strict=False))
        for name, value in pairs:
            if isinstance(name, ast.Name):  # None: it has several meanings
                self.meaning[name.id] = None if name.id in self.meaning else value
        self.generic_visit(node)

    def told(self, node: ast.AST) -> str:
        """A part of the solution as the learner may know it: names of its own are written out."""
        names = self

        class Written(ast.NodeTransformer):
            def visit_Name(self, node: ast.Name) -> ast.expr:
                meaning = names.meaning.get(node.id)
                known = meaning is None or node.id in names.parameters
                return node if known else copy.deepcopy(meaning)

        plain = ast.unparse(node)
        written = ast.unparse(Written().visit(copy.deepcopy(node)))
        return written if len(written) <= 70 else plain


def _parsed(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def _power(node: ast.expr) -> str:
    return {"0.5": "square root", "2": "square"}.get(ast.unparse(node), "power")


def _binary(node: ast.BinOp, names: _Names) -> Iterator[Change]:
    kind, left, right = type(node.op), names.told(node.left), names.told(node.right)
    if kind in _EXCHANGED:
        other, words = _EXCHANGED[kind]
        yield ast.BinOp(node.left, other(), node.right), words.format(right)
    if kind is ast.Pow:
        yield (
            node.left,
            (
                f"the square root of `{left}` is not taken"
                if _power(node.right) == "square root"
                else f"`{left}` is not squared"
                if right == "2"
                else _MISSING[kind].format(right)
            ),
        )
    elif kind in _MISSING:
        yield node.left, _MISSING[kind].format(right)
    if kind in (ast.Add, ast.Mult):
        yield node.right, _MISSING[kind].format(left)
    if kind is ast.Sub:
        yield node.right, f"that is `{right}` itself: it should be subtracted from `{left}`"
        yield _parsed(f"abs({ast.unparse(node)})"), f"the sign is lost: `{names.told(node)}` may be negative"
    if kind in (ast.Sub, ast.Div):
        words = "the sign is turned round" if kind is ast.Sub else "upside down"
        yield ast.BinOp(node.right, node.op, node.left), f"{words}: it should be `{names.told(node)}`"
    if kind in _PRODUCTS and isinstance(node.left, ast.BinOp):
        yield (
            ast.BinOp(ast.BinOp(ast.Constant(1), ast.Div(), node.left), node.op, node.right),
            (f"divided by `{left}`: it should be multiplied by it"),
        )
    if kind is ast.Mult:
        yield (
            ast.BinOp(node.left, ast.Add(), node.right),
            f"`{right}` is added: it should be multiplied by it",
        )
    if kind is ast.Add:
        yield ast.BinOp(node.left, ast.Mult(), node.right), f"multiplied by `{right}`: it should be added"
    yield from _brackets(node, names)
    yield from _roots(node, names)


def _brackets(node: ast.BinOp, names: _Names) -> Iterator[Change]:
    """Brackets round a sum left out."""
    if not isinstance(node.op, _PRODUCTS):
        return
    told = names.told(node)
    for side in ("left", "right"):
        inner = getattr(node, side)
        if isinstance(inner, ast.BinOp) and isinstance(inner.op, _SUMS):
            near, far = (inner.right, inner.left) if side == "left" else (inner.left, inner.right)
            product = copy.copy(node)
            setattr(product, side, near)
            parts = (far, inner.op, product) if side == "left" else (product, inner.op, far)
            yield ast.BinOp(*parts), f"brackets are missing: it should be `{told}`"


def _roots(node: ast.BinOp, names: _Names) -> Iterator[Change]:
    """A factor on the wrong side of a square root or of a square."""
    if isinstance(node.op, ast.Pow) and isinstance(node.left, ast.BinOp):
        inner = node.left
        what = _power(node.right)
        if isinstance(inner.op, _PRODUCTS):
            for side, part in (("left", inner.left), ("right", inner.right)):
                new = copy.copy(inner)
                other = "right" if side == "left" else "left"
                setattr(new, other, ast.BinOp(getattr(inner, other), node.op, node.right))
                yield new, f"`{names.told(part)}` stands outside the {what}: it should stand inside"
        if isinstance(inner.op, _SUMS):
            new = ast.BinOp(
                ast.BinOp(inner.left, node.op, node.right),
                inner.op,
                ast.BinOp(inner.right, node.op, node.right),
            )
            yield new, f"the {what} of each part is taken: it should be that of `{names.told(inner)}`"
    if isinstance(node.op, _PRODUCTS):
        for side in ("left", "right"):
            inner = getattr(node, side)
            if isinstance(inner, ast.BinOp) and isinstance(inner.op, ast.Pow):
                what = _power(inner.right)
                other = "right" if side == "left" else "left"
                new = copy.copy(node)
                setattr(new, side, inner.left)
                told = names.told(getattr(node, other))
                yield (
                    ast.BinOp(new, ast.Pow(), inner.right),
                    f"`{told}` stands inside the {what}: it should stand outside",
                )


def _name(node: ast.Name, names: _Names, in_operation: bool) -> Iterator[Change]:
    if not isinstance(node.ctx, ast.Load):
        return
    if node.id in names.parameters:
        for other in names.parameters:
            if other != node.id:
                yield ast.Name(other, ast.Load()), f"`{other}` stands where `{node.id}` should"
    if in_operation:
        yield from _of_one(node, names)


def _of_one(node: ast.expr, names: _Names) -> Iterator[Change]:
    for text, words in _OF_ONE:
        yield _parsed(text.format(ast.unparse(node))), words.format(names.told(node))


def _call(node: ast.Call, names: _Names) -> Iterator[Change]:
    if isinstance(node.func, ast.Attribute):
        told, method = names.told(node), node.func.attr
        for other, words in _METHODS.get(method, {}).items():
            new = copy.deepcopy(node)
            new.func.attr = other
            with_axis = other in ("median", "max", "min") and (node.args or node.keywords)
            changed = ast.Attribute(new, "values", ast.Load()) if with_axis else new
            yield changed, f"{words} (`{told}`)"
        module = isinstance(node.func.value, ast.Name) and node.func.value.id in ("torch", "math", "F")
        if method in _DROPPED:
            yield (node.args[0] if module and node.args else node.func.value), _DROPPED[method].format(told)
        if method in _WITH_AXIS and not module:
            yield from _axes(node, told)
        for i, keyword in enumerate(node.keywords):
            if keyword.arg == "correction" and isinstance(keyword.value, ast.Constant):
                new = copy.deepcopy(node)
                new.keywords[i].value = ast.Constant(1 - keyword.value.value)
                which = "unbiased" if keyword.value.value == 0 else "biased"
                yield new, f"the {which} one is taken: it should be `{told}`"
        if method == "std" and not any(keyword.arg == "correction" for keyword in node.keywords):
            new = copy.deepcopy(node)
            new.keywords.append(ast.keyword("correction", ast.Constant(0)))
            yield new, f"the biased one is taken (divided by n): it should be divided by n - 1 (`{told}`)"
    elif isinstance(node.func, ast.Name) and node.func.id in ("max", "min", "abs", "len", "sorted", "sum"):
        yield from _built_in(node, names)


def _built_in(node: ast.Call, names: _Names) -> Iterator[Change]:
    told, name = names.told(node), node.func.id
    if name in ("abs", "sorted"):
        words = "the absolute value is missing" if name == "abs" else "nothing is sorted"
        yield node.args[0], f"{words}: `{told}`"
    elif name == "len":
        for sign in "-+":
            yield (
                _parsed(f"({ast.unparse(node)} {sign} 1)"),
                f"`{told} {sign} 1` is taken: it should be `{told}`",
            )
    else:
        for other in {"max": ("min",), "min": ("max",), "sum": ("max", "min")}[name]:
            new = copy.deepcopy(node)
            new.func.id = other
            yield new, f"`{other}` is taken: it should be `{told}`"


def _axes(node: ast.Call, told: str) -> Iterator[Change]:
    """Another axis than that which a method is told."""
    places = [("args", i, arg) for i, arg in enumerate(node.args)]
    places += [("keywords", i, k.value) for i, k in enumerate(node.keywords) if k.arg == "dim"]
    for where, i, value in places:
        try:
            axis = ast.literal_eval(value)
        except ValueError:
            continue
        if not isinstance(axis, int) or isinstance(axis, bool):
            continue
        for other in {0: (1,), 1: (0,), -1: (0,)}.get(axis, ()):
            new = copy.deepcopy(node)
            if where == "args":
                new.args[i] = ast.Constant(other)
            else:
                new.keywords[i].value = ast.Constant(other)
            yield new, f"taken along axis {other}: it should be axis {axis} (`{told}`)"


def _index(node: ast.Subscript, names: _Names) -> Iterator[Change]:
    told = names.told(node)
    try:
        place = ast.literal_eval(node.slice)
    except ValueError:
        place = None
    if isinstance(place, int) and not isinstance(place, bool):
        for other in (0, 1, -1, -2):
            if other != place:
                new = copy.deepcopy(node)
                new.slice = ast.Constant(other)
                yield new, f"`{names.told(new)}` is taken: it should be `{told}`"
    for text, others in (("1:", (":-1", ":")), (":-1", ("1:", ":"))):
        if isinstance(node.slice, ast.Slice) and ast.unparse(node.slice) == text:
            for other in others:
                new = copy.deepcopy(node)
                new.slice = _parsed(f"x[{other}]").slice
                yield new, f"`{names.told(new)}` is taken: it should be `{told}`"


def _comparison(node: ast.Compare, names: _Names) -> Iterator[Change]:
    told = names.told(node)
    for i, op in enumerate(node.ops):
        for other in _OTHER_COMPARISON.get(type(op), ()):
            new = copy.deepcopy(node)
            new.ops[i] = other()
            equal = (
                "; they differ where the two are equal"
                if len(ast.unparse(new)) != len(ast.unparse(node))
                else ""
            )
            yield new, f"`{names.told(new)}` is asked: it should be `{told}`{equal}"
    for i, value in enumerate(node.comparators):
        if isinstance(value, ast.Constant) and isinstance(value.value, int | float) and value.value:
            for factor in (10, 0.1, 2, 0.5):
                new = copy.deepcopy(node)
                new.comparators[i] = ast.Constant(float(f"{value.value * factor:.12g}"))
                yield new, f"`{names.told(new)}` is asked: it should be `{told}`"


def _both(node: ast.BoolOp, names: _Names) -> Iterator[Change]:
    told = names.told(node)
    word, other = ("and", ast.Or) if isinstance(node.op, ast.And) else ("or", ast.And)
    yield ast.BoolOp(other(), node.values), f"it should be `{word}`: `{told}`"
    for i, value in enumerate(node.values):
        rest = node.values[:i] + node.values[i + 1 :]
        new = rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)
        yield new, f"`{names.told(value)}` is not asked for"


def _statements(body: Sequence[ast.stmt], names: _Names) -> Iterator[tuple[list[ast.stmt], str]]:
    """A body with two statements in the other order, or with one left out."""

    def first_line(node: ast.stmt) -> str:
        return names.told(node.test) if isinstance(node, ast.If) else ast.unparse(node).split("\n")[0]

    questions = [i for i, node in enumerate(body) if isinstance(node, ast.If)]
    for i, a in enumerate(questions):
        for b in questions[i + 1 :]:
            new = list(body)
            new[a], new[b] = new[b], new[a]
            yield new, f"the order: ask `{first_line(body[a])}` before `{first_line(body[b])}`"
            last = [*body[:a], *body[a + 1 : b + 1], body[a], *body[b + 1 :]]
            yield last, f"the order: ask `{first_line(body[a])}` before `{first_line(body[b])}`"
            first = [*body[:a], body[b], *body[a:b], *body[b + 1 :]]
            yield first, f"the order: ask `{first_line(body[b])}` after `{first_line(body[a])}`"
    for a in questions:
        if not body[a].orelse:
            yield [*body[:a], *body[a + 1 :]], f"the case `{first_line(body[a])}` is left out"
    for i in range(len(body) - 1):
        if not any(isinstance(node, ast.If | ast.Return | ast.FunctionDef) for node in body[i : i + 2]):
            new = [*body[:i], body[i + 1], body[i], *body[i + 2 :]]
            yield new, f"the order: `{first_line(body[i])}` comes before `{first_line(body[i + 1])}`"


def _loop(node: ast.For, names: _Names) -> Iterator[tuple[list[ast.stmt], str]]:
    """A line of a loop's body missing, or the loop left after its first pass."""
    for i, line in enumerate(node.body):
        if isinstance(line, ast.Assign | ast.AugAssign | ast.Expr) and len(node.body) > 1:
            new = [*node.body[:i], *node.body[i + 1 :]]
            yield new, f"`{ast.unparse(line)}` is missing in the loop"
    yield [*node.body, ast.Break()], "the loop is left in its first pass: is the `return` inside it?"


def _words_of(tree: ast.AST) -> list[str]:
    """The words that a function returns."""
    found = [
        node.value
        for result in ast.walk(tree)
        if isinstance(result, ast.Return) and result.value is not None
        for node in ast.walk(result.value)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    return list(dict.fromkeys(found))


class _Renamed(ast.NodeTransformer):
    """Names or words exchanged everywhere."""

    def __init__(self, a: str, b: str) -> None:
        self.other = {a: b, b: a}

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(self.other.get(node.id, node.id), node.ctx)

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        return ast.Constant(
            self.other.get(node.value, node.value) if isinstance(node.value, str) else node.value
        )


def _everywhere(tree: ast.Module, names: _Names) -> Iterator[tuple[ast.Module, str]]:
    """Two arguments, or two words, exchanged; one method in another's place; a step on the way returned."""
    for pool, words in ((names.parameters, "`{}` and `{}`"), (_words_of(tree), '"{}" and "{}"')):
        for i, a in enumerate(pool):
            for b in pool[i + 1 :]:
                new = copy.deepcopy(tree)
                for node in ast.walk(new):
                    if isinstance(node, ast.FunctionDef):  # not its parameters
                        node.body = [_Renamed(a, b).visit(line) for line in node.body]
                        break
                yield new, f"{words.format(a, b)} are exchanged"
    for method, others in _METHODS.items():
        for other, words in others.items():
            new = copy.deepcopy(tree)
            calls = [
                node for node in ast.walk(new) if isinstance(node, ast.Attribute) and node.attr == method
            ]
            for call in calls:
                call.attr = other
            if len(calls) > 1:
                yield new, words
    for name, meaning in names.meaning.items():
        if meaning is None or isinstance(meaning, ast.Constant | ast.List):
            continue
        new = copy.deepcopy(tree)
        results = [node for node in ast.walk(new) if isinstance(node, ast.Return)]
        if len(results) == 1 and isinstance(tree.body[0], ast.FunctionDef):
            results[0].value = ast.Name(name, ast.Load())
            yield new, f"that is only a step on the way, `{ast.unparse(meaning)}`"


def _changes(node: ast.AST, names: _Names, in_operation: bool) -> Iterator[Change]:
    if isinstance(node, ast.BinOp):
        yield from _binary(node, names)
    elif isinstance(node, ast.Name):
        yield from _name(node, names, in_operation)
    elif isinstance(node, ast.Call):
        yield from _call(node, names)
    elif isinstance(node, ast.Subscript):
        yield from _index(node, names)
        if in_operation and isinstance(node.ctx, ast.Load):
            yield from _of_one(node, names)
    elif isinstance(node, ast.Compare):
        yield from _comparison(node, names)
    elif isinstance(node, ast.BoolOp):
        yield from _both(node, names)
    elif isinstance(node, ast.Attribute) and node.attr == "T":
        yield node.value, f"not transposed: `{names.told(node)}`"


@functools.cache
def mistaken_operations(source: str) -> tuple[tuple[str, str], ...]:
    """Each source that one wrong operation makes of this one, with the words for the mistake."""
    tree = ast.parse(source)
    names = _Names(tree)
    nodes = list(ast.walk(tree))
    operands = {id(side) for node in nodes if isinstance(node, ast.BinOp) for side in (node.left, node.right)}
    operands -= {
        id(node.right) for node in nodes if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow)
    }
    found: dict[str, str] = {ast.unparse(tree): ""}

    for node, (parent, field, place) in _places(tree):
        for new, told in _changes(node, names, id(node) in operands):
            found.setdefault(_with(tree, parent, field, place, new), told)
        bodies = list(_statements(node.body, names)) if isinstance(node, ast.FunctionDef | ast.For) else []
        for body, told in bodies + (list(_loop(node, names)) if isinstance(node, ast.For) else []):
            found.setdefault(_with(tree, node, "body", None, body or [ast.Pass()]), told)
    for new, told in _everywhere(tree, names):
        found.setdefault(ast.unparse(new), told)
    return tuple(found.items())[1:]


Place = tuple[ast.AST, str, int | None]  # a node, a field of it, a place in the list there


def _places(tree: ast.AST) -> Iterator[tuple[ast.AST, Place]]:
    """All nodes of a tree below its top, with the places where they stand."""
    for parent in list(ast.walk(tree)):
        for field, value in ast.iter_fields(parent):
            for place, node in enumerate(value) if isinstance(value, list) else [(None, value)]:
                if isinstance(node, ast.AST):
                    yield node, (parent, field, place)


def _with(tree: ast.AST, parent: ast.AST, field: str, place: int | None, new: object) -> str:
    """The source of a tree with something else in one place; the tree is as it was afterwards."""
    before = getattr(parent, field)
    changed = new if place is None else [*before[:place], new, *before[place + 1 :]]
    setattr(parent, field, changed)
    try:
        return ast.unparse(tree)
    finally:
        setattr(parent, field, before)
