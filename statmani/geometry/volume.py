"""The volume element sqrt(|det g|)."""

from __future__ import annotations

from sympy import Expr, Integer, Mul, Pow, Rational

from statmani.algebra.display import polynomial_expr
from statmani.geometry.curvature import Geometry

__all__ = ["volume_element"]


def volume_element(geometry: Geometry) -> Expr:
    """sqrt(|det g|), with factors of known sign outside a common root."""
    ring = geometry.ring
    det = geometry.determinant
    ring.guard.require_nonzero(det)
    if ring.guard.value(det) < 0:
        det = -det
    polynomials = ring.polynomials
    num = polynomials.numerator(det)
    algebraic = {r.generator for r in polynomials.relations}
    circular = any(a.kind == "sin" for a in ring.atoms)
    if circular or algebraic & set(polynomials.used(num)):
        return ring.external(Pow(ring.to_internal_expr(det), Rational(1, 2)))
    content, factors = polynomials.factored(num)
    factors += [(f, -e) for f, e in zip(polynomials.factors, det.den, strict=False) if e]
    outside: list[Expr] = []
    inside: list[Expr] = []
    sign = 1 if content > 0 else -1
    inside.append(Rational(abs(content.numerator), content.denominator))
    for factor, e in factors:
        known = ring.sign(factor)
        expr = polynomial_expr(ring, factor)
        if known:
            outside.append(Pow(known * expr, Rational(e, 2)))
            sign *= known if e % 2 else 1
        elif e % 4 == 0:
            outside.append(Pow(expr, Integer(e // 2)))
        else:
            inside.append(Pow(expr, Integer(e)))
    under = Mul(sign, *inside)
    return ring.external(Mul(*outside, Pow(under, Rational(1, 2))))
