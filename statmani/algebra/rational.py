"""Rational functions of symbols, recognised and converted without a detour."""

from __future__ import annotations

from functools import lru_cache, reduce
from typing import TYPE_CHECKING, Any

from sympy import Expr

from statmani.algebra.element import Element

if TYPE_CHECKING:
    from statmani.algebra.ring import Ring

__all__ = ["convert_rational", "rational_symbols"]


@lru_cache(maxsize=4096)
def rational_symbols(expr: Expr) -> frozenset[Expr] | None:
    """The symbols of a rational function with rational coefficients; None for all else."""
    found: set[Expr] = set()
    return frozenset(found) if _walk(expr, found) else None


def _walk(expr: Any, found: set[Expr]) -> bool:
    if expr.is_Symbol:
        found.add(expr)
        return True
    if expr.is_Rational:
        return True
    if expr.is_Pow:
        base, exponent = expr.args
        return exponent.is_Integer and _walk(base, found)
    return (expr.is_Add or expr.is_Mul) and all(_walk(a, found) for a in expr.args)


def convert_rational(ring: Ring, expr: Any) -> Element:
    """A rational function in the user's symbols as an element."""
    polynomials = ring.polynomials
    if expr.is_Rational:
        return polynomials.monomial(expr.p, expr.q, {})
    if expr.is_Add:
        return polynomials.total([convert_rational(ring, a) for a in expr.args])
    p = q = 1
    powers: dict[int, int] = {}
    others: list[Element] = []
    for factor in expr.args if expr.is_Mul else (expr,):
        if factor.is_Rational:
            p, q = p * factor.p, q * factor.q
            continue
        base, exponent = factor.args if factor.is_Pow else (factor, 1)
        if base.is_Symbol:
            generator = ring.symbol_index(base)
            powers[generator] = powers.get(generator, 0) + int(exponent)
        elif factor is expr:
            others.append(ring.convert(base) ** int(exponent))
        else:
            # Powers of one sum occur in many entries.
            others.append(ring.convert(factor))
    if not others or powers or p != q:
        others.append(polynomials.monomial(p, q, powers))
    return reduce(Element.__mul__, others)
