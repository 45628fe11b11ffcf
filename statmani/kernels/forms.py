"""Better forms of generated straight-line code: fused, scaled and without cancellation.

Works on the source of ``name(x, out)``, whoever wrote it. Polygammas of one argument come from
one sweep; differences of polygammas of one order become :func:`polygamma_fall`, given the
difference of their arguments; Bessel functions whose exponential growth cancels in every output
become scaled ones, and their products derivatives of their ratio. Each changes rounding only.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from fractions import Fraction
from typing import final

from statmani.kernels.bessel_forms import ratio_forms

__all__ = ["FUSED", "improved"]

_ORDERS = {"digamma": 0, "trigamma": 1, "tetragamma": 2, "pentagamma": 3}
_SCALED = {"besseli": "besseli_scaled", "besselk": "besselk_scaled"}
# Scaling multiplies I by exp(-x) and K by exp(x).
_GROWTH = {"besseli": 1, "besselk": -1}
#: Functions that return several values, with the functions of the single values (and a whole
#: number that comes before their arguments).
FUSED: dict[str, tuple[str, ...]] = {
    "bessel_ratio_jet": (
        "bessel_ratio_rest",
        *(f"bessel_ratio_derivative {k}" for k in range(5)),
    ),
    "polygamma_12": ("trigamma", "tetragamma"),
    "polygamma_123": ("trigamma", "tetragamma", "pentagamma"),
}

# A sum of multiples of texts; "" stands for one.
Linear = dict[str, Fraction]


def _call_name(node: ast.expr) -> str:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return node.func.id
    return ""


def _order(node: ast.expr) -> int | None:
    """The order of a call of a polygamma."""
    name = _call_name(node)
    if name == "polygamma" and isinstance(node, ast.Call):
        first = node.args[0]
        return first.value if isinstance(first, ast.Constant) else None  # type: ignore[return-value]
    return _ORDERS.get(name)


def _number(node: ast.expr) -> Fraction | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        return Fraction(node.value)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _number(node.operand)
        return None if inner is None else -inner
    return None


def _terms(node: ast.expr, factor: Fraction) -> Iterator[tuple[Fraction, ast.expr]]:
    """A sum as multiples of nodes that are no sums."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
        yield from _terms(node.left, factor)
        yield from _terms(node.right, -factor if isinstance(node.op, ast.Sub) else factor)
        return
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield from _terms(node.operand, -factor)
        return
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        for number, rest in ((node.left, node.right), (node.right, node.left)):
            value = _number(number)
            if value is not None:
                yield from _terms(rest, factor * value)
                return
    yield factor, node


def _literal(value: Fraction) -> str:
    text = repr(float(value))
    return text if value >= 0 else f"({text})"


def _sum(parts: list[tuple[Fraction, str]]) -> str:
    """Source of a sum of multiples."""
    if len(parts) == 1 and parts[0][0] == 1:
        return parts[0][1] or "1.0"
    texts = []
    for c, text in parts:
        if not text:
            texts.append(_literal(c))
        else:
            texts.append(text if c == 1 else f"{_literal(c)}*{text}")
    return "(" + " + ".join(texts) + ")"


class _Hoist(ast.NodeTransformer):
    """Gives names to calls inside expressions, but not inside those that may be skipped."""

    def __init__(self, made: list[ast.stmt], known: dict[str, str]) -> None:
        self._made = made
        self._known = known

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        return node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        if _order(node) is None and _call_name(node) not in _SCALED:
            return node
        text = ast.unparse(node)
        if text not in self._known:
            self._known[text] = f"h{len(self._known)}"
            self._made += ast.parse(f"{self._known[text]} = {text}").body
        return ast.Name(self._known[text])


@final
class _Differences:
    """Replaces differences of polygammas in the sums of straight-line code."""

    def __init__(self) -> None:
        self.made: list[ast.stmt] = []
        self._names: dict[str, str] = {}
        self._values: dict[str, tuple[int, ast.expr]] = {}
        self._sums: dict[str, Linear] = {}

    def read(self, name: str, value: ast.expr) -> None:
        """Note what a name stands for."""
        order = _order(value)
        if order is not None and isinstance(value, ast.Call):
            self._values[name] = order, value.args[-1]
        elif isinstance(value, (ast.BinOp, ast.UnaryOp)):
            self._sums[name] = self._linear(value)

    def _linear(self, node: ast.expr) -> Linear:
        total: Linear = {}
        for factor, term in _terms(node, Fraction(1)):
            number = _number(term)
            if number is not None:
                part = {"": number}
            elif isinstance(term, ast.Name) and term.id in self._sums:
                part = self._sums[term.id]
            else:
                part = {ast.unparse(term): Fraction(1)}
            for text, c in part.items():
                total[text] = total.get(text, Fraction(0)) + factor * c
        return {text: c for text, c in total.items() if c}

    def _fall(self, one: str, other: str) -> str:
        (order, x), (_, y) = self._values[one], self._values[other]
        step = self._linear(y)
        for text, c in self._linear(x).items():
            step[text] = step.get(text, Fraction(0)) - c
        parts = [(c, text) for text, c in step.items() if c]
        arguments = ast.unparse(x), ast.unparse(y), _sum(parts) if parts else "0.0"
        text = f"polygamma_fall({order}, {', '.join(arguments)}, {one}, {other})"
        if text not in self._names:
            self._names[text] = f"d{len(self._names)}"
            self.made += ast.parse(f"{self._names[text]} = {text}").body
        return self._names[text]

    def rewritten(self, value: ast.expr) -> ast.expr:
        """The expression with every difference of polygammas of one order by its own call."""
        terms = list(_terms(value, Fraction(1)))
        left: dict[str, Fraction] = {}
        for c, node in terms:
            if isinstance(node, ast.Name) and node.id in self._values:
                left[node.id] = left.get(node.id, Fraction(0)) + c
        parts: list[tuple[Fraction, str]] = []
        for one in left:
            for other in left:
                a, b = left[one], left[other]
                if self._values[one][0] == self._values[other][0] and a > 0 > b:
                    share = min(a, -b)
                    left[one], left[other] = a - share, b + share
                    parts.append((share, self._fall(one, other)))
        if not parts:
            for child in ast.iter_child_nodes(value):
                if isinstance(child, ast.expr):
                    _replace(value, child, self.rewritten(child))
            return value
        parts += [(c, name) for name, c in left.items() if c]
        for c, node in terms:
            if isinstance(node, ast.Name) and node.id in self._values:
                continue
            number = _number(node)
            if number is not None:
                parts.append((c * number, ""))
            else:
                parts.append((c, ast.unparse(self.rewritten(node))))
        return ast.parse(_sum(parts), mode="eval").body


def _replace(parent: ast.AST, old: ast.expr, new: ast.expr) -> None:
    if old is new:
        return
    for field, value in ast.iter_fields(parent):
        if value is old:
            setattr(parent, field, new)
        elif isinstance(value, list):
            setattr(parent, field, [new if item is old else item for item in value])


def _fused(statements: list[ast.stmt]) -> list[ast.stmt]:
    """Polygammas of orders 1 to 3 of one argument from one sweep."""
    groups: dict[str, dict[int, str]] = {}
    for node in statements:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            order = _order(node.value)
            if order in (1, 2, 3) and isinstance(node.value, ast.Call):
                group = groups.setdefault(ast.unparse(node.value.args[-1]), {})
                group.setdefault(order, node.targets[0].id)
    made: dict[str, ast.stmt | None] = {}
    for count, (argument, group) in enumerate(groups.items()):
        if len(group) < 2:
            continue
        function = "polygamma_123" if 3 in group else "polygamma_12"
        names = [group.get(k + 1, f"u{count}_{k + 1}") for k in range(len(FUSED[function]))]
        (sweep,) = ast.parse(f"{', '.join(names)} = {function}({argument})").body
        first, *others = group.values()
        made[first] = sweep
        made.update(dict.fromkeys(others))
    result = []
    for node in statements:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            replaced = made.get(node.targets[0].id, node)
            if replaced is not None:
                result.append(replaced)
        else:
            result.append(node)
    return result


class _Mixed(Exception):
    """Terms that grow differently, or a function of something that grows."""


def _growth(node: ast.expr, known: dict[str, dict[str, int]]) -> dict[str, int]:
    """Exponents of exp(argument) that Bessel functions bring into an expression."""
    if isinstance(node, ast.Name):
        return known.get(node.id, {})
    if _call_name(node) in _GROWTH and isinstance(node, ast.Call):
        return {ast.unparse(node.args[1]): _GROWTH[_call_name(node)]}
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return _growth(node.operand, known)
    if isinstance(node, ast.BinOp):
        a, b = _growth(node.left, known), _growth(node.right, known)
        if isinstance(node.op, (ast.Mult, ast.Div)):
            sign = 1 if isinstance(node.op, ast.Mult) else -1
            total = {key: a.get(key, 0) + sign * b.get(key, 0) for key in {*a, *b}}
            return {key: value for key, value in total.items() if value}
        if isinstance(node.op, (ast.Add, ast.Sub)) and a == b:
            return a
        power = _number(node.right)
        if isinstance(node.op, ast.Pow) and power is not None and power.denominator == 1:
            return {key: value * int(power) for key, value in a.items()}
        if a or b:
            raise _Mixed
        return {}
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr) and _growth(child, known):
            raise _Mixed
    return {}


def _may_scale(statements: list[ast.stmt]) -> bool:
    """Whether the growth of Bessel functions cancels in every output."""
    known: dict[str, dict[str, int]] = {}
    try:
        for node in statements:
            if isinstance(node, ast.Assign):
                growth = _growth(node.value, known)
                target = node.targets[0]
                if isinstance(target, ast.Name):
                    known[target.id] = growth
                elif growth:
                    return False
    except _Mixed:
        return False
    return True


def _hoisted(statements: list[ast.stmt]) -> list[ast.stmt]:
    result: list[ast.stmt] = []
    known: dict[str, str] = {}
    for node in statements:
        if isinstance(node, ast.Assign):
            target = node.targets[0]
            value = node.value
            simple = _order(value) is not None or _call_name(value) in _SCALED
            if isinstance(target, ast.Name) and simple and isinstance(value, ast.Call):
                text = ast.unparse(value)
                if text not in known:
                    inner = _Hoist(result, known)
                    value.args = [inner.visit(argument) for argument in value.args]
                    known[ast.unparse(value)] = target.id
            else:
                node.value = _Hoist(result, known).visit(value)
        result.append(node)
    return result


def _used(statements: list[ast.stmt]) -> list[ast.stmt]:
    """Without assignments of names that nothing uses."""
    needed: set[str] = set()
    kept: list[ast.stmt] = []
    for node in reversed(statements):
        targets = node.targets if isinstance(node, ast.Assign) else [None]
        names = {n.id for t in targets if t for n in ast.walk(t) if isinstance(n, ast.Name)}
        if isinstance(targets[0], (ast.Name, ast.Tuple)) and not names & needed:
            continue
        kept.append(node)
        needed |= {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    return kept[::-1]


def improved(source: str) -> str:
    """The source of a straight-line function in better forms.

    Examples
    --------
    >>> from statmani.kernels.forms import improved
    >>> print(improved('''
    ... def f(x, out):
    ...     x0 = x[0]
    ...     out[0] = trigamma(x0) - trigamma(x0 + x[1])
    ... '''))
    def f(x, out):
        x0 = x[0]
        h0 = trigamma(x0)
        h1 = trigamma(x0 + x[1])
        d0 = polygamma_fall(1, x0, x0 + x[1], x[1], h0, h1)
        out[0] = d0
    <BLANKLINE>
    """
    if not any(word in source for word in (*_ORDERS, "polygamma", *_SCALED)):
        return source
    tree = ast.parse(source)
    for function in tree.body:
        if not isinstance(function, ast.FunctionDef):
            continue
        statements = _hoisted(function.body)
        if _may_scale(statements):
            for node in statements:
                for call in ast.walk(node):
                    if isinstance(call, ast.Call) and isinstance(call.func, ast.Name):
                        call.func.id = _SCALED.get(call.func.id, call.func.id)
            statements = ratio_forms(statements)
        differences = _Differences()
        for node in statements:
            if isinstance(node, ast.Assign):
                target = node.targets[0]
                node.value = differences.rewritten(node.value)
                if isinstance(target, ast.Name):
                    differences.read(target.id, node.value)
            differences.made.append(node)
        function.body = _used(_fused(differences.made))
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n"
