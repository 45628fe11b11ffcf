"""Candidates for two points of a curve with the same image: exact algebra, periods, crossings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce

import numpy as np
from numpy.typing import NDArray
from sympy import (
    Dummy,
    Expr,
    Poly,
    Rational,
    Symbol,
    cancel,
    cos,
    cot,
    csc,
    gcd,
    igcd,
    ilcm,
    pi,
    real_roots,
    resultant,
    sec,
    sin,
    sqrt,
    symmetrize,
    tan,
)
from sympy.polys.polyerrors import DomainError, PolynomialError

from statmani.domain import Axis, Domain
from statmani.geometry.scan import values_of

__all__ = ["candidates_on_curve"]

Array = NDArray[np.float64]
Pair = tuple[float, float]

_MOST_DEGREE = 8
_SAMPLES = 480
_MOST_PAIRS = 6
_CIRCULAR = (sin, cos, tan, cot, sec, csc)


def candidates_on_curve(domain: Domain, images: Sequence[Expr]) -> Iterator[Pair]:
    """Pairs of parameters of a curve whose images may be equal, as floats.

    All pairs of a polynomial curve are found; of a periodic one, a pair one period apart; of other
    curves, crossings seen in windows of sizes 10 to 100000 about zero.

    Examples
    --------
    >>> from sympy import symbols
    >>> from statmani.reading import domain_of
    >>> t = symbols("t", real=True)
    >>> sorted(next(candidates_on_curve(domain_of(t), [t**2 - 1, t**3 - t])))
    [-1.0, 1.0]
    """
    (axis,) = domain.axes
    moving = [e for e in dict.fromkeys(images) if e.has(axis.symbol)]
    polynomial = _polynomial_pairs(axis.symbol, moving)
    if polynomial is not None:
        yield from polynomial
        return
    yield from _one_period_apart(axis, moving)
    if len(moving) > 1 and not axis.periodic:
        yield from _crossings(domain, moving)


def _polynomial_pairs(symbol: Symbol, images: Sequence[Expr]) -> list[Pair] | None:
    """Both parameters from their sum p and product q, in which (f(t)-f(s))/(t-s) is polynomial."""
    t, s, p, q = Dummy("t"), Dummy("s"), Dummy("p"), Dummy("q")
    conditions: list[Poly] = []
    for image in images:
        poly = image.as_poly(symbol)
        if poly is None or not (poly.domain.is_QQ or poly.domain.is_ZZ):
            return None
        if poly.degree() > _MOST_DEGREE:
            return None
        quotient = cancel((poly.as_expr(t) - poly.as_expr(s)) / (t - s))
        form, rest, names = symmetrize(quotient, [t, s], formal=True)
        if rest != 0:
            return None
        table = {name: (p if value == t + s else q) for name, value in names}
        conditions.append(Poly(form.xreplace(table), p, q))
    try:
        return _solved(conditions, p, q)
    except (PolynomialError, DomainError, NotImplementedError):
        return None


def _solved(conditions: Sequence[Poly], p: Symbol, q: Symbol) -> list[Pair]:
    if any(c.is_ground for c in conditions):
        return []
    common = reduce(gcd, [c.as_expr() for c in conditions])
    pairs: list[Pair] = []
    if Poly(common, p, q).total_degree() > 0:
        # A whole curve of pairs: some of them, for sums of all sizes.
        for total in (0, 1, -1, 3, -3, 20, -20):
            pairs += _with_sum(Rational(total), [Poly(common, p, q)], p, q)
        if not common.has(q):
            for root in _roots(Poly(common, p)):
                pairs += [_split(root, root**2 / 4 - d) for d in (1, Rational(1, 100), 100)]
    rest = [cancel(c.as_expr() / common) for c in conditions]
    if len(rest) > 1:
        for other in rest[1:]:
            eliminated = Poly(resultant(rest[0], other, q), p)
            if eliminated.is_zero:
                continue
            for root in _roots(eliminated) if eliminated.degree() > 0 else []:
                pairs += _with_sum(root, conditions, p, q)
            break
    return [pair for pair in pairs if pair[0] != pair[1]]


def _roots(polynomial: Poly) -> list[Expr]:
    return list(dict.fromkeys(real_roots(polynomial)))


def _with_sum(root: Expr, conditions: Sequence[Poly], p: Symbol, q: Symbol) -> list[Pair]:
    """Pairs of this sum; a product counts when every condition nearly vanishes at it."""
    value = root if root.is_Rational else Rational(str(root.evalf(60)))
    products: list[Expr] = []
    for c in conditions:
        inner = Poly(c.as_expr().xreplace({p: value}), q)
        if inner.degree() > 0:
            products = _roots(inner) if root.is_Rational else [
                z for z in inner.nroots(n=40, maxsteps=200) if z.is_real
            ]  # fmt: skip
            break
    found = []
    for product in products:
        first, second = _split(value, product)
        if first != second:
            found.append((first, second))
    return found


def _split(total: Expr, product: Expr) -> Pair:
    """The two numbers of this sum and product; equal ones where they are complex."""
    spread = (total**2 / 4 - product).evalf(40)
    if spread <= 0:
        return 0.0, 0.0
    half = total / 2
    return float((half + sqrt(spread)).evalf(30)), float((half - sqrt(spread)).evalf(30))


def _one_period_apart(axis: Axis, images: Sequence[Expr]) -> Iterator[Pair]:
    """Two points of an interval longer than the common period of all images."""
    t = axis.symbol
    rates: list[Expr] = []
    for image in images:
        nodes = {n for n in image.atoms(*_CIRCULAR) if n.has(t)}
        if image.xreplace({n: Dummy() for n in nodes}).has(t):
            return
        for node in nodes:
            rate = node.args[0].diff(t)
            if not rate.is_number or (not rate.is_positive and not rate.is_negative):
                return
            rates.append(abs(rate))
    if not rates or axis.periodic:
        return
    shares = [cancel(r / rates[0]) for r in rates]
    if not all(r.is_Rational for r in shares):
        return
    slowest = Rational(igcd(0, *(r.p for r in shares)), ilcm(1, *(r.q for r in shares)))
    period = 2 * pi / (rates[0] * slowest)
    low, high = axis.lower, axis.upper
    if low.is_infinite and high.is_infinite:
        start = Rational(0)
    elif high.is_infinite:
        start = low + 1
    elif low.is_infinite:
        start = high - period - 1
    else:
        start = (low + high - period) / 2
        if not (high - low - period).is_positive:
            return
    yield float(start), float(start + period)


def _crossings(domain: Domain, images: Sequence[Expr]) -> Iterator[Pair]:
    """Where the polyline through points of the curve crosses itself, in the first two images."""
    (axis,) = domain.axes
    low, high = axis.lower, axis.upper
    for size in (1e1, 1e2, 1e3, 1e5):
        begin = float(low) if low.is_finite else (float(high) if high.is_finite else 0.0) - size
        end = float(high) if high.is_finite else begin + (1 if low.is_finite else 2) * size
        t = np.linspace(begin, end, _SAMPLES + 2)[1:-1]
        curve = np.stack([values_of(e, [axis.symbol], t[:, None]) for e in images[:2]], axis=1)
        yield from _polyline_crossings(t, curve)
        if low.is_finite and high.is_finite:
            return


def _polyline_crossings(t: Array, curve: Array) -> list[Pair]:
    keep = np.isfinite(curve).all(1)
    t, curve = t[keep], curve[keep]
    a, step = curve[:-1], np.diff(curve, axis=0)
    with np.errstate(all="ignore"):
        cross = step[:, None, 0] * step[None, :, 1] - step[:, None, 1] * step[None, :, 0]
        gap = a[None, :, :] - a[:, None, :]
        first = (gap[..., 0] * step[None, :, 1] - gap[..., 1] * step[None, :, 0]) / cross
        second = (gap[..., 0] * step[:, None, 1] - gap[..., 1] * step[:, None, 0]) / cross
        meets = (first >= 0) & (first < 1) & (second >= 0) & (second < 1)
    i, j = np.nonzero(np.triu(meets, 2))
    dt = np.diff(t)
    pairs = [
        (float(t[m] + first[m, n] * dt[m]), float(t[n] + second[m, n] * dt[n]))
        for m, n in zip(i, j, strict=True)
    ]
    return pairs[:: max(1, len(pairs) // _MOST_PAIRS)][:_MOST_PAIRS]
