"""A solution with one operation wrong or missing: a sign, a factor, a power, where no table lists it."""

import ast
import copy
import functools
from collections.abc import Iterator

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


def _changed(node: ast.BinOp) -> Iterator[tuple[ast.expr, str]]:
    """What may stand in the place of an operation by mistake, and the words for it."""
    kind, left, right = type(node.op), ast.unparse(node.left), ast.unparse(node.right)
    if kind in _EXCHANGED:
        other, words = _EXCHANGED[kind]
        yield ast.BinOp(node.left, other(), node.right), words.format(right)
    if kind in _MISSING:
        yield node.left, _MISSING[kind].format(right)
    if kind in (ast.Add, ast.Mult):
        yield node.right, _MISSING[kind].format(left)
    for side, operand in (("left", node.left), ("right", node.right)):
        if kind is not ast.Pow and isinstance(operand, ast.Name):
            for op, by, words in (
                (ast.Pow(), 2, "`{}` is squared: it should not be"),
                (ast.Div(), 2, "half of `{}` is taken"),
                (ast.Mult(), 2, "twice `{}` is taken"),
            ):
                new = copy.copy(node)
                setattr(new, side, ast.BinOp(operand, op, ast.Constant(by)))
                yield new, words.format(operand.id)


class _Exchange(ast.NodeTransformer):
    def __init__(self, place: int, other: ast.expr) -> None:
        self.place, self.other, self.seen = place, other, -1

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.seen += 1
        if self.seen == self.place:
            return self.other
        return self.generic_visit(node)


@functools.cache
def mistaken_operations(source: str) -> tuple[tuple[str, str], ...]:
    """Each source that one wrong operation makes of this one, with the words for the mistake."""
    found = []
    places = _Places()
    places.visit(ast.parse(source))
    for place, node in enumerate(places.nodes):
        for other, words in _changed(node):
            tree = _Exchange(place, copy.deepcopy(other)).visit(ast.parse(source))
            found.append((ast.unparse(ast.fix_missing_locations(tree)), words))
    return tuple(found)


class _Places(ast.NodeVisitor):
    """The operations of a source, in the order in which `_Exchange` meets them."""

    def __init__(self) -> None:
        self.nodes: list[ast.BinOp] = []

    def visit_BinOp(self, node: ast.BinOp) -> None:
        self.nodes.append(node)
        self.generic_visit(node)
