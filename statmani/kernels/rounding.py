"""Running bounds of the rounding errors of generated functions.

Every operation of a generated straight-line function is repeated with numpy on pairs of a value
and a bound of its error (Wilkinson 1963, chapter 1; Higham 2002, section 3.3): what an operation
does to the errors of its arguments, to first order, plus its own rounding. Closed forms with
removable singularities lose their digits without any other sign.
"""

from __future__ import annotations

import ast
import re
from types import ModuleType
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from statmani.kernels.forms import FUSED
from statmani.kernels.rounding_rules import (
    COMPARISONS,
    FUNCTIONS,
    OPERATORS,
    Pair,
    constant,
    whole_power,
)

__all__ = ["Rounding"]

Floats = NDArray[np.float64]
# Rows at a time, so that intermediate results stay in the cache.
_ROWS = 2048


class _UnknownForm(Exception):
    """A construct without a rule; its error is taken for infinite."""


@final
class Rounding:
    """Error bounds of ``field(x, out)`` of a generated module.

    Parameters
    ----------
    module : module
        A module of :mod:`statmani.kernels.cache`.
    """

    def __init__(self, module: ModuleType) -> None:
        loader: Any = module.__loader__
        tree = ast.parse(loader.get_source(module.__name__))
        (function,) = (
            node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "field"
        )
        self._statements: list[tuple[str | int, ast.expr, set[str]]] = []
        self._known = True
        for node in function.body:
            if isinstance(node, ast.Return):
                continue
            zeros = _zeros(node)
            if zeros is not None:
                nothing = ast.Constant(0.0)
                self._statements += [(k, nothing, set()) for k in range(zeros)]
                continue
            if not isinstance(node, ast.Assign) or len(node.targets) != 1:
                self._known = False
                continue
            target = node.targets[0]
            names = {n.id for n in ast.walk(node.value) if isinstance(n, ast.Name)}
            if isinstance(target, ast.Name):
                self._statements.append((target.id, node.value, names))
            elif isinstance(target, ast.Tuple) and isinstance(node.value, ast.Call):
                self._statements += _single(target, node.value, names)
            elif isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
                self._statements.append((int(str(target.slice.value)), node.value, names))
            else:
                self._known = False

    def errors(self, points: Floats, count: int) -> Floats:
        """Bounds for the first `count` outputs at rows of points, shape (N, count).

        Infinite or NaN where no bound is known.
        """
        result = np.full((len(points), count), np.inf)
        if not self._known:
            return result
        plan = self._plan(count)
        with np.errstate(all="ignore"):
            for start in range(0, len(points), _ROWS):
                rows = slice(start, start + _ROWS)
                self._run(plan, points[rows], result[rows])
        return result

    def _plan(self, count: int) -> list[tuple[str | int, ast.expr, set[str]]]:
        """The statements that the outputs need, each with the names that it uses last."""
        plan: list[tuple[str | int, ast.expr, set[str]]] = []
        needed: set[str] = set()
        for target, value, names in reversed(self._statements):
            if target in needed or (isinstance(target, int) and target < count):
                plan.append((target, value, names - needed))
                needed |= names
        return plan[::-1]

    @staticmethod
    def _run(plan: list[tuple[str | int, ast.expr, set[str]]], points: Floats, out: Floats) -> None:
        known: dict[str, Pair] = {}
        for target, value, last in plan:
            try:
                pair = _bounded(value, known, points)
            except _UnknownForm:
                pair = Pair(np.float64(np.nan), np.float64(np.inf))
            if isinstance(target, int):
                out[:, target] = pair.error
            else:
                known[target] = pair
            for name in last:
                known.pop(name, None)


def _single(
    target: ast.Tuple, call: ast.Call, names: set[str]
) -> list[tuple[str | int, ast.expr, set[str]]]:
    """Single values of a function that returns several."""
    result: list[tuple[str | int, ast.expr, set[str]]] = []
    for element, text in zip(target.elts, FUSED[ast.unparse(call.func)], strict=True):
        function, *numbers = text.split()
        arguments = [*(ast.Constant(int(number)) for number in numbers), *call.args]
        single = ast.Call(ast.Name(function), arguments, [])
        result.append((ast.unparse(element), single, set(names)))
    return result


def _zeros(node: ast.stmt) -> int | None:
    """How many outputs a loop ``for k in range(count): out[k] = 0.0`` sets."""
    if not isinstance(node, ast.For) or len(node.body) != 1 or node.orelse:
        return None
    matched = re.fullmatch(r"for (\w+) in range\((\d+)\):\n    out\[\1\] = 0\.0", ast.unparse(node))
    return int(matched[2]) if matched else None


def _bounded(node: ast.expr, known: dict[str, Pair], points: Floats) -> Pair:
    if isinstance(node, ast.Name):
        return known[node.id]
    if isinstance(node, ast.Constant):
        return constant(node.value)
    if isinstance(node, ast.BinOp):
        left = _bounded(node.left, known, points)
        if isinstance(node.op, ast.Pow) and isinstance(node.right, ast.Constant):
            exponent: Any = node.right.value
            if isinstance(exponent, int):
                return whole_power(left, exponent)
        rule = OPERATORS.get(type(node.op))
        if rule is not None:
            return rule(left, _bounded(node.right, known, points))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value, error = _bounded(node.operand, known, points)
        return Pair(-value, error)
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        return Pair(points[:, int(str(node.slice.value))], np.float64(0.0))
    if isinstance(node, ast.IfExp):
        truth, unsure = _decided(node.test, known, points)
        one = _bounded(node.body, known, points)
        other = _bounded(node.orelse, known, points)
        error = np.where(truth, one.error, other.error)
        return Pair(np.where(truth, one.value, other.value), np.where(unsure, np.inf, error))
    if isinstance(node, ast.Attribute) and node.attr == "nan":
        return Pair(np.float64(np.nan), np.float64(np.inf))
    if isinstance(node, ast.Call):
        function = FUNCTIONS.get(ast.unparse(node.func))
        if function is not None:
            return function(*(_bounded(a, known, points) for a in node.args))
    raise _UnknownForm


def _decided(node: ast.expr, known: dict[str, Pair], points: Floats) -> tuple[Any, Any]:
    """Truth of a condition, and whether rounding may have changed it."""
    if isinstance(node, ast.Constant):
        return np.bool_(node.value), np.bool_(False)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        truth, unsure = _decided(node.operand, known, points)
        return ~truth, unsure
    if isinstance(node, ast.BoolOp):
        parts = [_decided(value, known, points) for value in node.values]
        combine = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
        truth, unsure = parts[0]
        for other, doubt in parts[1:]:
            truth, unsure = combine(truth, other), unsure | doubt
        return truth, unsure
    if isinstance(node, ast.Compare) and type(node.ops[0]) in COMPARISONS:
        a = _bounded(node.left, known, points)
        b = _bounded(node.comparators[0], known, points)
        slack = a.error + b.error
        unsure = (slack > 0) & ~(np.abs(a.value - b.value) > slack)
        return COMPARISONS[type(node.ops[0])](a.value, b.value), unsure
    raise _UnknownForm
