"""Points all over a domain, near its ends and far out, and zeros of functions there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sympy import Expr, Poly, Rational, Symbol, real_roots
from sympy.polys.polyerrors import DomainError, PolynomialError

from statmani.algebra.numeric import NotEvaluable, new_context, value_of
from statmani.domain import Axis, Domain
from statmani.geometry.refinement import recognised
from statmani.pointwise import pointwise
from statmani.rationals import short_rational

__all__ = [
    "exact_point",
    "first_zero",
    "gaps",
    "line_zeros",
    "nearby",
    "points_of",
    "polynomial_zeros",
    "values_of",
]

Array = NDArray[np.float64]
Point = dict[Expr, Expr]

_POINTS = 1500
_DIGITS = 60
_MOST_DEGREE = 24
_MOST_ON_LINE = 8
_LINES = 3
_LARGE = 10.0 ** np.arange(-6, 7)
_ROUND = np.concatenate([np.arange(0.0, 21.0), np.arange(0.5, 8.0), [1 / 3, 2 / 3, 50.0, 99.0]])


def _distances() -> Array:
    """Distances from the end of a half-line: short numbers and all sizes of 1e-6 ... 1e6."""
    sizes = (_LARGE[:, None] * np.array([1.0, 1.5, 2.0, 3.0, 5.0, 7.0])).ravel()
    windows = [np.linspace(0, w, 121)[1:] for w in (3.0, 12.0, 150.0, 2000.0)]
    return np.unique(np.concatenate([_ROUND, sizes, *windows]))


def _levels(axis: Axis, lower: Array, upper: Array, draw: Array, line: Array) -> Array:
    """Values of one coordinate between given bounds, for draws in [0, 1)."""
    far = line[(draw * len(line)).astype(int)]
    below, above = np.isfinite(lower), np.isfinite(upper)
    near = np.concatenate([1 / _LARGE[6:], np.linspace(0, 1, 401)[1:-1], 1 - 1 / _LARGE[7:]])
    share = near[(draw * len(near)).astype(int)]
    with np.errstate(all="ignore"):
        inner = lower + share * (upper - lower)
        ends = np.where(below, lower + np.abs(far), upper - np.abs(far))
        values: Array = np.where(below & above, inner, np.where(below | above, ends, far))
    return values


def points_of(domain: Domain, seed: int = 11) -> Array:
    """Points inside the domain, (P, n): all its sizes, and short numbers; sorted for one axis."""
    half = _distances()
    line = np.unique(np.concatenate([-half, half]))
    rng = np.random.default_rng(seed)
    count = len(line) if domain.dim == 1 else _POINTS
    columns: list[Array] = []
    symbols = list(domain.symbols)
    moderate = line[np.abs(line) <= 12]
    for i, axis in enumerate(domain.axes):
        draw = np.arange(count) / count if domain.dim == 1 else rng.random(count)
        bounds = []
        for bound in (axis.lower, axis.upper):
            if bound.is_infinite:
                bounds.append(np.full(count, np.inf if bound.is_positive else -np.inf))
            else:
                value = pointwise(bound, symbols[:i])(*columns)
                bounds.append(np.broadcast_to(np.asarray(value, dtype=np.float64), (count,)))
        column = _levels(axis, bounds[0], bounds[1], draw, line)
        if domain.dim > 1:
            # Half of the points are of moderate size in every coordinate, in short numbers.
            column[::2] = _levels(axis, bounds[0], bounds[1], draw, moderate)[::2]
        columns.append(column)
    points = np.stack(columns, axis=1)
    return points[domain.contains(points) & np.isfinite(points).all(1)]


def values_of(expr: Expr, symbols: Sequence[Symbol], points: Array) -> Array:
    """Values at all points, nan where there is no finite real one or no numeric function."""
    try:
        with np.errstate(all="ignore"):
            raw = np.asarray(pointwise(expr, symbols)(*points.T))
            if np.iscomplexobj(raw):
                raw = np.where(raw.imag == 0, raw.real, np.nan)
            values: Array = np.broadcast_to(raw.astype(np.float64), (len(points),))
    except (NameError, TypeError, ValueError, AttributeError, NotImplementedError):
        # A function that numpy lacks.
        return np.full(len(points), np.nan)
    return values


def gaps(domain: Domain) -> list[tuple[Expr, str]]:
    """Expressions that are positive inside the domain, with the condition in words."""
    found: list[tuple[Expr, str]] = []
    for axis in domain.axes:
        if axis.lower.is_finite is not False:
            found.append((axis.symbol - axis.lower, f"{axis.symbol} > {axis.lower}"))
        if axis.upper.is_finite is not False:
            found.append((axis.upper - axis.symbol, f"{axis.symbol} < {axis.upper}"))
    found += [(c.gts - c.lts, str(c)) for c in domain.constraints]
    return found


def exact_point(domain: Domain, candidate: Sequence[float]) -> Point | None:
    """The candidate in short rationals, if they lie exactly inside."""
    point: Point = {
        s: short_rational(float(c)) for s, c in zip(domain.symbols, candidate, strict=True)
    }
    return point if _inside(domain, point) else None


def _inside(domain: Domain, point: Point) -> bool:
    context = new_context(_DIGITS)
    try:
        at = {s: value_of(v, {}, context) for s, v in point.items()}
        return all(value_of(gap, at, context) > 0 for gap, _ in gaps(domain))
    except NotEvaluable:
        return False


def polynomial_zeros(domain: Domain, expr: Expr) -> list[Point] | None:
    """All zeros inside a domain of one coordinate, exactly; None if this is no polynomial."""
    if domain.dim != 1:
        return None
    (symbol,) = domain.symbols
    return _zeros_along(domain, expr, symbol, {}, _MOST_DEGREE)


def line_zeros(domain: Domain, expr: Expr) -> Iterator[Point]:
    """Zeros of a polynomial inside, on lines parallel to the axes through a few points.

    Examples
    --------
    >>> from sympy import symbols
    >>> from statmani.reading import domain_of
    >>> s, t = symbols("s t", real=True)
    >>> next(line_zeros(domain_of((s, t)), t**2 - 10**9))[t]**2
    1000000000
    """
    if not expr.is_rational_function(*domain.symbols):
        return
    for values in domain.interior_points(_LINES, seed=13):
        point: Point = dict(zip(domain.symbols, values, strict=True))
        for symbol in domain.symbols:
            rest = {s: v for s, v in point.items() if s != symbol}
            line = expr.xreplace(rest)
            yield from _zeros_along(domain, line, symbol, rest, _MOST_ON_LINE) or ()


def _zeros_along(
    domain: Domain, expr: Expr, symbol: Symbol, rest: Point, most: int
) -> list[Point] | None:
    """Exact zeros in one coordinate, the rest being fixed; None if this is no polynomial."""
    try:
        polynomial = Poly(expr.as_numer_denom()[0], symbol)
        if not polynomial.domain.is_QQ and not polynomial.domain.is_ZZ:
            return None
        if polynomial.is_zero or polynomial.degree() > most:
            return None
        roots = real_roots(polynomial, multiple=True) if polynomial.degree() else []
    except (PolynomialError, DomainError, NotImplementedError):
        return None
    context = new_context(_DIGITS)
    points = []
    for root in dict.fromkeys(roots):
        value = context.mpf(str(root.evalf(_DIGITS)))
        place = root if root.is_Rational else recognised(value, context)
        point: Point = {s: place if s == symbol else rest[s] for s in domain.symbols}
        if _inside(domain, point):
            points.append(point)
    return points


def first_zero(domain: Domain, expr: Expr) -> Point | None:
    """A point inside where the expression vanishes or changes its sign, or None.

    Examples
    --------
    >>> from sympy import symbols
    >>> from statmani.reading import domain_of
    >>> t = symbols("t", real=True)
    >>> first_zero(domain_of(t), 3 * t - 1)
    {t: 1/3}
    """
    exact = polynomial_zeros(domain, expr)
    if exact is not None:
        return exact[0] if exact else None
    points = points_of(domain)
    values = values_of(expr, domain.symbols, points)
    order = np.argsort(np.abs(points).sum(1), kind="stable")
    for k in order[values[order] == 0][:4]:
        point = exact_point(domain, points[k])
        if point is not None and expr.xreplace(point).is_zero:
            return point
    return next(_crossings(domain, expr, points, values), None)


def _crossings(domain: Domain, expr: Expr, points: Array, values: Array) -> Iterator[Point]:
    """Zeros by bisection between points of different signs."""
    keep = np.isfinite(values) & (values != 0)
    points, values = points[keep], values[keep]
    change = np.flatnonzero(np.sign(values[1:]) != np.sign(values[:-1]))
    size = np.maximum(np.abs(points[change]).sum(1), np.abs(points[change + 1]).sum(1))
    context = new_context(_DIGITS)
    for k in change[np.argsort(size, kind="stable")][:4]:
        low, high = ([context.mpf(float(c)) for c in points[j]] for j in (k, k + 1))
        try:
            middle = _bisected(expr, domain.symbols, low, high, context)
        except NotEvaluable:
            continue
        point = {s: recognised(c, context) for s, c in zip(domain.symbols, middle, strict=True)}
        if _inside(domain, point):
            yield point


def _bisected(
    expr: Expr, symbols: Sequence[Symbol], low: list[Any], high: list[Any], context: Any
) -> list[Any]:
    sign = value_of(expr, dict(zip(symbols, low, strict=True)), context) > 0
    for _ in range(190):
        middle = [(a + b) / 2 for a, b in zip(low, high, strict=True)]
        value = value_of(expr, dict(zip(symbols, middle, strict=True)), context)
        if not value:
            return middle
        if (value > 0) == sign:
            low = middle
        else:
            high = middle
    return low


def nearby(point: Point, symbols: Sequence[Symbol]) -> list[Point]:
    """Four points close to this one, two on each side."""
    steps = [Rational(side, 10**power) for power in (20, 30) for side in (1, -1)]
    return [
        {s: point[s] + step * Rational(7 + 3 * i, 10) for i, s in enumerate(symbols)}
        for step in steps
    ]
