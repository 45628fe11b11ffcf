"""Connection and curvature of (g, T) as numbers at one point, without the ring.

For tensors that come from outside: the formulas of :mod:`statmani.geometry.curvature` in
40-digit arithmetic on sympy's own derivatives of g and T.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product
from typing import TYPE_CHECKING, Any

from sympy import Expr, Integer, Rational

from statmani.algebra.numeric import NotEvaluable, new_context, value_of
from statmani.errors import InvalidManifold

if TYPE_CHECKING:
    from statmani.geometry.manifold import StatisticalManifold

__all__ = ["numeric_point", "numeric_tensors"]

_DIGITS = 40
_CONSTANTS = ("13/10", "27/10", "3/7")
Index = tuple[int, ...]


def numeric_point(manifold: StatisticalManifold, seed: int) -> dict[Expr, Expr] | None:
    """A rational point with values of the constants, or None when there is none."""
    constants: dict[Any, Any] = {}
    for k, symbol in enumerate(manifold.constants):
        size = Rational(_CONSTANTS[(k + seed) % len(_CONSTANTS)])
        if symbol.is_integer:
            size = Integer(int(size) + 2)
        constants[symbol] = -size if symbol.is_nonpositive else size
    try:
        (point,) = manifold.domain.interior_points(1, seed=seed, constants=constants)
    except InvalidManifold:
        return None
    return {**constants, **dict(zip(manifold.coordinates, point, strict=True))}


def numeric_tensors(
    manifold: StatisticalManifold, alpha: Expr, point: Mapping[Expr, Expr]
) -> tuple[dict[str, Callable[..., Any]], Any, dict[Expr, Any]]:
    """Functions of indices by name, with the context and the point in it.

    Raises
    ------
    NotEvaluable
        g, T or their derivatives have no value there.
    """
    context = new_context(_DIGITS)
    at = {s: value_of(v, {}, context) for s, v in point.items()}
    a = value_of(alpha, at, context)
    n, x = range(manifold.dim), manifold.coordinates
    g, t = manifold.metric, manifold.skewness
    known: dict[Expr, Any] = {}

    def number(expr: Expr) -> Any:
        if expr not in known:
            known[expr] = value_of(expr, at, context)
        return known[expr]

    dg = {(i, j, k): number(g[i, j].diff(x[k])) for i, j, k in product(n, n, n) if i <= j}
    ddg = {
        (i, j, k, m): number(g[i, j].diff(x[k]).diff(x[m]))
        for i, j, k, m in product(n, n, n, n)
        if i <= j and k <= m
    }

    def d(i: int, j: int, k: int) -> Any:
        return dg[min(i, j), max(i, j), k]

    def dd(i: int, j: int, k: int, m: int) -> Any:
        return ddg[min(i, j), max(i, j), min(k, m), max(k, m)]

    inverse = context.matrix([[number(g[i, j]) for j in n] for i in n]) ** -1
    first = {
        (i, j, k, s): (d(j, k, i) + d(i, k, j) - d(i, j, k)) / 2 - s * a / 2 * number(t[i, j, k])
        for i, j, k in product(n, n, n)
        for s in (1, -1)
    }
    slope = {
        (j, k, l, i): (dd(k, l, j, i) + dd(j, l, k, i) - dd(j, k, l, i)) / 2
        - a / 2 * number(t[j, k, l].diff(x[i]))
        for i, j, k, l in product(n, n, n, n)
    }
    second = {
        (k, i, j): context.fsum(inverse[k, m] * first[i, j, m, 1] for m in n)
        for k, i, j in product(n, n, n)
    }
    lower = {
        (l, k, i, j): slope[j, k, l, i]
        - slope[i, k, l, j]
        - context.fsum(
            second[m, j, k] * first[i, l, m, -1] - second[m, i, k] * first[j, l, m, -1] for m in n
        )
        for l, k, i, j in product(n, n, n, n)
    }
    mixed = {
        (l, k, i, j): context.fsum(inverse[l, m] * lower[m, k, i, j] for m in n)
        for l, k, i, j in product(n, n, n, n)
    }

    def ricci(k: int, j: int) -> Any:
        return context.fsum(mixed[l, k, l, j] for l in n)

    tensors: dict[str, Callable[..., Any]] = {
        "christoffel_first": lambda *p: first[(*p, 1)],
        "christoffel": lambda *p: second[p],
        "riemann": lambda *p: mixed[p],
        "riemann_lower": lambda *p: lower[p],
        "ricci": ricci,
        "scalar_curvature": lambda: context.fsum(
            inverse[k, j] * ricci(k, j) for k, j in product(n, n)
        ),
    }
    return tensors, context, at


def first_difference(
    manifold: StatisticalManifold,
    alpha: Expr,
    stored: Mapping[str, Mapping[Index, Expr]],
    value: Mapping[Expr, Expr],
) -> tuple[str, Index] | None:
    """The first component that differs from the one of g and T at a point, or None.

    `value` gives a symbolic alpha a number. Components that are not stored are zero.
    """
    for seed in (11, 12, 13):
        point = numeric_point(manifold, seed)
        if point is None:
            continue
        point.update(value)
        try:
            tensors, context, at = numeric_tensors(manifold, alpha, point)
            for name, components in stored.items():
                rank = {"ricci": 2, "scalar_curvature": 0}.get(name, 3 if "chr" in name else 4)
                for index in product(range(manifold.dim), repeat=rank):
                    expected = tensors[name](*index)
                    found = value_of(components.get(index, Integer(0)), at, context)
                    if abs(found - expected) > (1 + abs(expected)) * context.mpf(10) ** -20:
                        return name, index
        except NotEvaluable:
            continue
        return None
    return None
