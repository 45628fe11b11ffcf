"""Points of the domain at which a function of the ring vanishes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sympy import Expr, Symbol

from statmani.algebra.element import Element
from statmani.algebra.numeric import NotEvaluable, new_context, value_of
from statmani.algebra.ring import Ring
from statmani.errors import InvalidManifold
from statmani.geometry.injectivity import NumericMap
from statmani.geometry.refinement import recognised
from statmani.geometry.scan import line_zeros

__all__ = ["zero_of"]

Array = NDArray[np.float64]

_STARTS = 48
_ROUNDS = 60
_DIGITS = 60


def _has_no_zero(ring: Ring, element: Element) -> bool:
    """Whether every factor of the numerator has a proved sign."""
    polynomials = ring.polynomials
    num = polynomials.lift(element.num)
    if {r.generator for r in polynomials.relations} & set(polynomials.used(num)):
        return False
    return all(ring.sign(factor) for factor, _ in polynomials.factored(num)[1])


def zero_of(ring: Ring, element: Element) -> dict[Expr, Expr] | None:
    """A point of the domain where the element vanishes to 40 digits, or None.

    Exact roots of a polynomial on a few lines, then Newton's method along the gradient from random
    points, with steps for zeros of order one and two; None proves nothing unless all factors have
    a proved sign.

    Examples
    --------
    >>> from sympy import symbols
    >>> from statmani.reading import domain_of
    >>> t = symbols("t", real=True)
    >>> ring = Ring(domain_of(t))
    >>> zero_of(ring, ring.convert((2 * t - 1) ** 2))
    {t: 1/2}
    """
    if _has_no_zero(ring, element):
        return None
    domain = ring.user_domain
    expr = ring.shown(element)
    if domain.constants or expr.free_symbols - set(domain.symbols):
        return None
    try:
        # Zeros far out, which the numeric search below does not reach.
        exact = next(line_zeros(domain, expr), None)
        numeric = NumericMap.of(domain, [expr])
        if exact is not None or numeric is None:
            return exact
        starts = numeric.starts(_STARTS, seed=3)
        candidates = [p for order in (1.0, 2.0) for p in _newton(numeric, starts, order)]
    except (NameError, TypeError, ValueError, InvalidManifold):
        # A function that numpy and scipy lack, or no room for random points.
        return None
    for candidate in candidates[:12]:
        point = _verified(numeric, expr, candidate)
        if point is not None:
            return point
    return None


def _newton(numeric: NumericMap, starts: Array, order: float) -> list[Array]:
    u = starts
    with np.errstate(all="ignore"):
        first = np.abs(numeric.values(u)[:, 0])
        for _ in range(_ROUNDS):
            value, slope = numeric.values(u)[:, 0], numeric.slopes(u)[:, 0, :]
            size = (slope**2).sum(1)
            step = np.where(size > 0, order * value / size, 0.0)[:, None] * slope
            length = np.linalg.norm(step, axis=1)
            step *= np.minimum(1.0, 1.0 / np.where(length > 0, length, 1.0))[:, None]
            u = u - step
        length = np.linalg.norm(step, axis=1)
        good = (length < 1e-6) & (np.abs(u).max(1) < 8) & np.isfinite(u).all(1)
        good &= np.abs(numeric.values(u)[:, 0]) < 1e-8 * (1 + first)
    return [numeric.chart(p[None, :])[0] for p in u[good]]


def _verified(numeric: NumericMap, expr: Expr, candidate: Array) -> dict[Expr, Expr] | None:
    """The candidate as an exact or 60-digit point, when the value there is zero to 40 digits."""
    context = new_context(_DIGITS)
    symbols = numeric.domain.symbols
    slopes = [expr.diff(s) for s in symbols]
    x = [context.mpf(float(c)) for c in candidate]
    found: list[dict[Expr, Expr]] = []
    # Newton converges fast for the right order of the zero only, and only then to all digits.
    for order in (1, 2, 3, 4):
        try:
            y = _refined(expr, slopes, symbols, x, order, context)
            exact = {s: recognised(c, context) for s, c in zip(symbols, y, strict=True)}
            point = {s: value_of(e, {}, context) for s, e in exact.items()}
            value, scale = abs(value_of(expr, point, context)), _beside(expr, point, context)
        except (NotEvaluable, ZeroDivisionError):
            continue
        inside = bool(numeric.domain.contains([float(c) for c in point.values()]))
        if inside and value < scale * context.mpf(10) ** -40:
            found.append(exact)
    return min(found, key=lambda point: len(str(point)), default=None)


def _beside(expr: Expr, point: Mapping[Expr, Any], context: Any) -> Any:
    """The smaller of the sizes on two sides: a steep function is not zero for its growth."""
    sizes = []
    for side in (1, -1):
        at = {s: c + side * (abs(c) / 1000 + 1e-3) for s, c in point.items()}
        try:
            sizes.append(abs(value_of(expr, at, context)))
        except NotEvaluable:
            continue
    return min(sizes, default=context.mpf(0))


def _refined(
    expr: Expr,
    slopes: Sequence[Expr],
    symbols: Sequence[Symbol],
    start: Sequence[Any],
    order: int,
    context: Any,
) -> list[Any]:
    y = list(start)
    for _ in range(80):
        point = dict(zip(symbols, y, strict=True))
        value = value_of(expr, point, context)
        slope = [value_of(s, point, context) for s in slopes]
        size = context.fsum(s * s for s in slope)
        if not value or not size:
            break
        step = [order * value * s / size for s in slope]
        y = [a - b for a, b in zip(y, step, strict=True)]
        if max(map(abs, step)) < context.mpf(10) ** (5 - _DIGITS):
            break
    return y
