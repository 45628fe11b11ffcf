"""Accelerations of alpha-geodesics in lanes, from the source of a compiled field."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from itertools import combinations_with_replacement
from typing import Any

from statmani.kernels.lane_functions import FUNCTIONS, SWEEPS
from statmani.kernels.lanes import Lane, sqrt

__all__ = ["acceleration", "operations"]


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


def _field(source: str, x: Sequence[Lane], size: int) -> list[Lane]:
    """Outputs of a field's source; what it does not set is 0."""
    lanes = x[0].lanes
    out = [lanes.constant(0.0)] * size
    names: dict[str, Lane] = {}

    def value(node: ast.expr) -> Any:
        match node:
            case ast.Constant():
                return node.value
            case ast.Name():
                return names[node.id]
            case ast.Subscript():
                return x[ast.literal_eval(node.slice)]
            case ast.UnaryOp(op=ast.USub()):
                return -value(node.operand)
            case ast.BinOp(op=ast.Add()):
                return value(node.left) + value(node.right)
            case ast.BinOp(op=ast.Sub()):
                return value(node.left) - value(node.right)
            case ast.BinOp(op=ast.Mult()):
                return value(node.left) * value(node.right)
            case ast.BinOp(op=ast.Div()):
                return value(node.left) / value(node.right)
            case ast.BinOp(op=ast.Pow()):
                return value(node.left) ** ast.literal_eval(node.right)
            case ast.Call():
                given = [value(argument) for argument in node.args]
                if len(given) == 1:
                    given = [lanes.lane(given[0])]
                return FUNCTIONS[_name(node.func)](*given)
        raise ValueError(f"{ast.unparse(node)} is no straight code")

    function = ast.parse(source).body[0]
    assert isinstance(function, ast.FunctionDef)
    for statement in function.body:
        if isinstance(statement, ast.Assign):
            target = statement.targets[0]
            if isinstance(target, ast.Tuple) and isinstance(statement.value, ast.Call):
                sweep = SWEEPS[_name(statement.value.func)]
                found = sweep(lanes.lane(value(statement.value.args[0])))
                names.update(zip(map(_name, target.elts), found, strict=True))
                continue
            result = lanes.lane(value(statement.value))
            if isinstance(target, ast.Subscript):
                out[ast.literal_eval(target.slice)] = result
            else:
                names[_name(target)] = result
    return out


def acceleration(
    source: str, x: Sequence[Lane], v: Sequence[Lane], alpha: Lane
) -> tuple[list[Lane], list[Lane], Lane]:
    """Acceleration, 1/sqrt|g_ii| and speed; see :mod:`statmani.kernels.contract`."""
    n = len(x)
    pairs = list(combinations_with_replacement(range(n), 2))
    triples = list(combinations_with_replacement(range(n), 3))
    packed = _field(source, x, len(pairs) * (1 + n) + len(triples))
    g = dict(zip(pairs, packed, strict=False))
    dg = {
        (k, *pair): packed[len(pairs) * (1 + k) + at]
        for k in range(n)
        for at, pair in enumerate(pairs)
    }
    t = dict(zip(triples, packed[len(pairs) * (1 + n) :], strict=True))

    def slope(k: int, i: int, j: int) -> Lane:
        return dg[(k, i, j) if i <= j else (k, j, i)]

    def skewness(*indices: int) -> Lane:
        first, second, third = sorted(indices)
        return t[first, second, third]

    forces = []
    for k in range(n):
        total = x[0].lanes.constant(0.0)
        for i, j in pairs:
            both = slope(i, j, k) + slope(j, i, k) - slope(k, i, j) - alpha * skewness(i, j, k)
            weight = 0.5 if i == j else 1.0
            total = total + (v[i] * v[j]) * (weight * both)
        forces.append(-total)
    speed = x[0].lanes.constant(0.0)
    for i, j in pairs:
        speed = speed + (v[i] * v[j]) * ((1.0 if i == j else 2.0) * g[i, j])
    units = []
    for i in range(n):
        size = abs(g[i, i])
        units.append((size > 1e-300).choose(1.0 / sqrt(size), 1.0))
    return _solved(g, forces), units, sqrt(abs(speed))


def _solved(g: dict[tuple[int, int], Lane], right: list[Lane]) -> list[Lane]:
    """The solution of g a = right by g = L D L^T."""
    n = len(right)
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
