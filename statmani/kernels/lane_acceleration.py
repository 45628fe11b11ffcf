"""Accelerations of alpha-geodesics in lanes, from the source of compiled tensors."""

from __future__ import annotations

import ast
import operator
from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import combinations_with_replacement
from typing import Any, final

from statmani.kernels.lane_functions import FUNCTIONS, SWEEPS
from statmani.kernels.lanes import Lane

__all__ = ["contracted", "metric", "operations", "solved"]

Metric = dict[tuple[int, int], Lane]


def _name(node: ast.expr) -> str:
    return ast.unparse(node)


def operations(source: str) -> int | None:
    """How many operations straight lane code of a field has; None where it cannot be had."""
    count = 0
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.IfExp, ast.Compare, ast.If, ast.While, ast.BoolOp)):
            return None
        if isinstance(node, ast.Call) and _name(node.func) != "range":
            name = _name(node.func)
            if name not in FUNCTIONS and name not in SWEEPS:
                return None
            if name == "polygamma_fall" and ast.literal_eval(node.args[0]) not in (1, 2, 3):
                return None
            count += 120 if name == "polygamma_fall" else 30
        if isinstance(node, ast.BinOp):
            count += 1
            if isinstance(node.op, ast.Pow) and not _is_half_integer(node.right):
                return None
    return count


def _is_half_integer(node: ast.expr) -> bool:
    try:
        exponent = ast.literal_eval(node)
    except ValueError:
        return False
    return bool(2 * exponent == int(2 * exponent) and abs(exponent) <= 32)


@final
class _Straight:
    """A function ``name(x, out)`` of straight code, of which any outputs can be had."""

    def __init__(self, source: str) -> None:
        function = ast.parse(source).body[0]
        assert isinstance(function, ast.FunctionDef)
        self._statements: list[tuple[tuple[str, ...], ast.expr, set[str]]] = []
        self._outputs: dict[int, ast.expr] = {}
        for statement in function.body:
            if not isinstance(statement, ast.Assign):
                continue
            target, made = statement.targets[0], statement.value
            if isinstance(target, ast.Subscript):
                self._outputs[ast.literal_eval(target.slice)] = made
                continue
            names = target.elts if isinstance(target, ast.Tuple) else [target]
            self._statements.append((tuple(map(_name, names)), made, _used(made)))

    def __call__(self, x: Sequence[Lane], wanted: Sequence[int]) -> list[Lane]:
        """Values of outputs; what is not set is 0."""
        lanes = x[0].lanes
        needed: set[str] = set()
        for at in wanted:
            needed |= _used(self._outputs.get(at))
        plan: list[tuple[tuple[str, ...], ast.expr]] = []
        for names, node, used in reversed(self._statements):
            if not needed.isdisjoint(names):
                plan.append((names, node))
                needed |= used
        plan.reverse()
        _join_exponentials(plan, [self._outputs[at] for at in wanted if at in self._outputs])
        known: dict[str, Lane] = {}
        for names, node in plan:
            if len(names) > 1:
                assert isinstance(node, ast.Call)
                sweep = SWEEPS[_name(node.func)]
                found = sweep(lanes.lane(_value(node.args[0], x, known)))
                known.update(zip(names, found, strict=True))
            else:
                known[names[0]] = lanes.lane(_value(node, x, known))
        zero = ast.Constant(0.0)
        return [lanes.lane(_value(self._outputs.get(at, zero), x, known)) for at in wanted]


def _join_exponentials(
    plan: list[tuple[tuple[str, ...], ast.expr]], outputs: Sequence[ast.expr]
) -> None:
    """Products of two exponentials that serve nothing else become one exponential, in place."""
    uses: Counter[str] = Counter()
    for node in [*(node for _, node in plan), *outputs]:
        uses.update(inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name))
    single: dict[str, ast.expr] = {}
    for at, (names, node) in enumerate(plan):
        match node:
            case ast.Call(args=[argument]) if _name(node.func) == "math.exp":
                if uses[names[0]] == 1:
                    single[names[0]] = argument
            case ast.BinOp(op=ast.Mult(), left=ast.Name(id=a), right=ast.Name(id=b)):
                if a in single and b in single:
                    both = ast.BinOp(single[a], ast.Add(), single[b])
                    head = ast.parse("math.exp", mode="eval").body
                    plan[at] = names, ast.Call(head, [both], [])
    # What the factors were goes unused, and so away.


@lru_cache(maxsize=16)
def _straight(source: str) -> _Straight:
    return _Straight(source)


def _used(node: ast.expr | None) -> set[str]:
    if node is None:
        return set()
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}


def _value(node: ast.expr, x: Sequence[Lane], known: dict[str, Lane]) -> Any:
    match node:
        case ast.Constant():
            return node.value
        case ast.Name():
            return known[node.id]
        case ast.Subscript():
            return x[ast.literal_eval(node.slice)]
        case ast.UnaryOp(op=ast.USub()):
            return -_value(node.operand, x, known)
        case ast.BinOp(op=ast.Pow()):
            return _value(node.left, x, known) ** ast.literal_eval(node.right)
        case ast.BinOp():
            return _OPERATORS[type(node.op)](
                _value(node.left, x, known), _value(node.right, x, known)
            )
        case ast.Call():
            given = [_value(argument, x, known) for argument in node.args]
            if len(given) == 1:
                given = [x[0].lanes.lane(given[0])]
            return FUNCTIONS[_name(node.func)](*given)
    raise ValueError(f"{ast.unparse(node)} is no straight code")


_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def metric(source: str, x: Sequence[Lane]) -> Metric:
    """g_ij, i <= j, from a source whose first outputs they are."""
    pairs = list(combinations_with_replacement(range(len(x)), 2))
    return dict(zip(pairs, _straight(source)(x, range(len(pairs))), strict=True))


def contracted(source: str, x: Sequence[Lane], v: Sequence[Lane], alpha: Lane | None) -> list[Lane]:
    """-Gamma^k_ij v^i v^j from the outputs Gamma^k_ij, i <= j, by k, and then T^k_ij alike.

    Without `alpha` the connection is that of the metric.
    """
    n = len(x)
    pairs = list(combinations_with_replacement(range(n), 2))
    count = n * len(pairs)
    found = _straight(source)(x, range(count if alpha is None else 2 * count))
    result = []
    for k in range(n):
        total = x[0].lanes.constant(0.0)
        for at, (i, j) in enumerate(pairs, k * len(pairs)):
            symbol = found[at]
            if alpha is not None:
                symbol = symbol - (0.5 * alpha) * found[count + at]
            # The same products for every k.
            total = total + ((-1.0 if i == j else -2.0) * (v[i] * v[j])) * symbol
        result.append(total)
    return result


def solved(
    source: str, x: Sequence[Lane], v: Sequence[Lane], alpha: Lane | None
) -> tuple[list[Lane], Metric]:
    """The acceleration and the metric from a field, see :mod:`statmani.kernels.contract`.

    Without `alpha` the connection is that of the metric.
    """
    n = len(x)
    pairs = list(combinations_with_replacement(range(n), 2))
    triples = list(combinations_with_replacement(range(n), 3))
    count = len(pairs) * (1 + n)
    packed = _straight(source)(x, range(count + (0 if alpha is None else len(triples))))
    g = dict(zip(pairs, packed, strict=False))
    zero = x[0].lanes.constant(0.0)

    def slope(k: int, i: int, j: int) -> Lane:
        return packed[len(pairs) * (1 + k) + pairs.index((min(i, j), max(i, j)))]

    # F_k = v^i (v^j d_j g_ik) - (v^i v^j d_k g_ij) / 2 - (alpha / 2) v^i v^j T_ijk
    along: dict[tuple[int, int], Lane] = {}
    for pair in pairs:
        total = zero
        for j in range(n):
            total = total + v[j] * slope(j, *pair)
        along[pair] = total
    forces = []
    for k in range(n):
        total = zero
        for i in range(n):
            total = total + v[i] * along[min(i, k), max(i, k)]
        for i, j in pairs:
            both = slope(k, i, j)
            if alpha is not None:
                both = both + alpha * packed[count + triples.index(_ordered(i, j, k))]
            total = total - (v[i] * v[j]) * ((0.5 if i == j else 1.0) * both)
        forces.append(-total)
    return _solution(g, forces), g


def _ordered(*indices: int) -> tuple[int, int, int]:
    first, second, third = sorted(indices)
    return first, second, third


def _solution(g: Metric, right: list[Lane]) -> list[Lane]:
    """The solution of g a = right, by Cramer's rule in two dimensions, else g = L D L^T."""
    n = len(right)
    if n == 2:
        a, b, c = g[0, 0], g[0, 1], g[1, 1]
        first, second = right
        inverse = 1.0 / (a * c - b * b)
        return [(c * first - b * second) * inverse, (a * second - b * first) * inverse]
    lower: dict[tuple[int, int], Lane] = {}
    scaled: dict[tuple[int, int], Lane] = {}
    inverses: list[Lane] = []
    for j in range(n):
        pivot = g[j, j]
        for k in range(j):
            pivot = pivot - scaled[j, k] * lower[j, k]
        inverses.append(1.0 / pivot)
        for i in range(j + 1, n):
            entry = g[j, i]
            for k in range(j):
                entry = entry - scaled[i, k] * lower[j, k]
            scaled[i, j] = entry
            lower[i, j] = entry * inverses[j]
    result = list(right)
    for i in range(n):
        for k in range(i):
            result[i] = result[i] - lower[i, k] * result[k]
    result = [value * inverse for value, inverse in zip(result, inverses, strict=True)]
    for i in range(n - 1, -1, -1):
        for k in range(i + 1, n):
            result[i] = result[i] - lower[k, i] * result[k]
    return result
