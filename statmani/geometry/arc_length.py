"""Arc length of a manifold of one dimension in closed form.

Where sqrt(g) is R(t) sqrt(Q(t)) with rational R and a polynomial Q of degree up to two, in the
coordinate or a function t of it whose derivative is rational in t, a substitution of Euler makes
the integrand rational (Hardy 1916, sections V.14-17).
"""

from __future__ import annotations

from sympy import (
    Dummy,
    Expr,
    Mul,
    Poly,
    PolynomialError,
    Rational,
    RootSum,
    S,
    Symbol,
    cancel,
    cos,
    factor_list,
    fraction,
    log,
    sin,
    sqrt,
    together,
)
from sympy.integrals.rationaltools import ratint

from statmani.algebra.element import Element
from statmani.algebra.numeric import NotEvaluable, new_context, value_of
from statmani.geometry.constant_piece import Piece
from statmani.geometry.manifold import StatisticalManifold
from statmani.geometry.model_space import ModelSpace
from statmani.geometry.spot_check import numeric_point

__all__ = ["arc_length"]

_DIGITS, _AGREED, _POINTS = 50, 1e-35, 6


def arc_length(piece: Piece) -> ModelSpace | None:
    """The line, or circle, onto which a part of dimension one maps, or None.

    Examples
    --------
    >>> import statmani as sm
    >>> from statmani.geometry.constant_parts import constant_parts
    >>> (piece,) = constant_parts(sm.families.bernoulli().manifold())
    >>> arc_length(piece).coordinates
    (2*atan(sqrt(-p/(p - 1))),)
    """
    if piece.dim != 1 or len(piece.active) != 1:
        return None
    (at,) = piece.active
    manifold, ring = piece.manifold, piece.manifold.ring
    symbol = manifold.coordinates[at]
    g = piece.g(at, at)
    if manifold.domain.axes[at].periodic:
        if ring.derivative(g, at):
            return None
        curvature = ring.to_sympy(ring.inverse(g))
        return ModelSpace("sphere", 1, curvature, (cos(symbol), sin(symbol)), (S.One, S.One))
    used = {
        v
        for part in _polynomials(g)
        for v in ring.polynomials.used(part)
        if ring.derivative(ring.polynomials.generator(v), at)
    }
    if len(used) > 1:
        return None
    (v,) = used or {at}
    slope = ring.derivative(ring.polynomials.generator(v), at)
    t = Dummy("t", real=True)
    square = _rational(manifold, g, v, t) / _rational(manifold, slope, v, t) ** 2
    if square.free_symbols - {t} & {symbol}:
        return None
    try:
        integral = _integral(cancel(together(square)), t)
    except (PolynomialError, NotImplementedError):
        return None
    if integral is None:
        return None
    length = _real(manifold, integral.xreplace({t: ring.atom_expressions(outside=True)[v]}))
    if not _is_antiderivative(manifold, length, symbol, ring.to_sympy(g)):
        return None
    return ModelSpace("Euclidean space", 1, S.Zero, (length,), (S.One,), exact=False)


def _polynomials(element: Element) -> list[object]:
    ring = element.ring
    below = [ring.lift(ring.factors[i]) for i, e in enumerate(element.den) if e]
    return [ring.numerator(element), *below]


def _rational(manifold: StatisticalManifold, element: Element, v: int, t: Symbol) -> Expr:
    """An element as a rational function of its one generator that is not constant."""
    ring = manifold.ring
    atoms = list(ring.atom_expressions(outside=True))
    atoms[v] = t

    def expr(polynomial: object) -> Expr:
        terms = S.Zero
        for exponents, c in polynomial.to_dict().items():  # type: ignore[attr-defined]
            powers = (atoms[k] ** int(e) for k, e in enumerate(exponents) if e)
            terms += Rational(int(c.p), int(c.q)) * Mul(*powers)
        return terms

    above, *below = (expr(p) for p in _polynomials(element))
    powers = [int(e) for e in element.den if e]
    return above / Mul(*(b**e for b, e in zip(below, powers, strict=True)))


def _integral(square: Expr, t: Symbol) -> Expr | None:
    """An antiderivative of the root of a rational function."""
    above, below = fraction(square)
    content, factors = factor_list(above * below, t)
    outer: Expr = 1 / below
    odd: Expr = S.One
    for factor, exponent in factors:
        outer *= factor ** (exponent // 2)
        if exponent % 2:
            odd *= factor
    q = Poly(odd, t)
    if q.degree() == 0:
        return sqrt(content * odd) * _ratint(outer, t)
    u = Dummy("u", real=True)
    inside = Poly(content * odd, t)
    if q.degree() == 1:
        a, b = inside.all_coeffs()
        place, root = (u**2 - b) / a, sqrt(content * odd)
        integral = _ratint(cancel(outer.xreplace({t: place}) * 2 * u**2 / a), u)
        return integral.xreplace({u: root})
    if q.degree() > 2:
        return None
    a, b, c = inside.all_coeffs()
    found = factor_list(odd, t)[1]
    if len(found) == 2:
        first, second = (-Poly(f, t).all_coeffs()[1] / Poly(f, t).all_coeffs()[0] for f, _ in found)
        # Q = a (t - first)(t - second) and u = sqrt(Q) / |t - first|.
        place = (first * u**2 - a * second) / (u**2 - a)
        slope = cancel(place.diff(u))
        integrand = cancel(outer.xreplace({t: place}) * u * (place - first) * slope)
        root = sqrt(a * (t - second) / (t - first))
        return _ratint(integrand, u).xreplace({u: root})
    if a.is_nonnegative is False:
        return None
    # u = sqrt(Q) + sqrt(a) t.
    own = sqrt(a)
    place = (u**2 - c) / (b + 2 * own * u)
    integrand = outer.xreplace({t: place}) * (u - own * place) * place.diff(u)
    return _ratint(cancel(integrand, extension=True), u).xreplace(
        {u: sqrt(inside.as_expr()) + own * t}
    )


def _ratint(integrand: Expr, u: Symbol) -> Expr:
    integral = ratint(integrand, u, real=True)
    if integral.has(RootSum):
        raise NotImplementedError("the integral has no real closed form")
    return integral


def _samples(manifold: StatisticalManifold) -> list[tuple[object, dict[Expr, object]]]:
    context, found = new_context(_DIGITS), []
    for seed in range(_POINTS):
        point = numeric_point(manifold, seed)
        if point is not None:
            found.append((context, {s: value_of(x, {}, context) for s, x in point.items()}))
    return found


def _real(manifold: StatisticalManifold, integral: Expr) -> Expr:
    """Logarithms of positive arguments: a constant is left out."""
    changes = {}
    for context, known in _samples(manifold)[:1]:
        for term in integral.atoms(log):
            try:
                value = value_of(term.args[0], known, context)
            except NotEvaluable:
                continue
            if value < 0:
                changes[term] = log(-term.args[0])
    return integral.xreplace(changes)


def _is_antiderivative(
    manifold: StatisticalManifold, length: Expr, symbol: Symbol, g: Expr
) -> bool:
    """Whether the square of the derivative is g, at random points to many digits."""
    slope = length.diff(symbol)
    for context, known in _samples(manifold):
        try:
            value_of(length, known, context)
            own, expected = value_of(slope, known, context), value_of(g, known, context)
        except NotEvaluable:
            return False
        if not abs(own * own - expected) <= _AGREED * abs(expected):
            return False
    return True
