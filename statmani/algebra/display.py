"""From ring elements to sympy expressions."""

from __future__ import annotations

from fractions import Fraction
from math import gcd, lcm
from typing import TYPE_CHECKING, Any

from flint.utils.flint_exceptions import DomainError
from sympy import Add, Expr, Integer, Mul, Pow, Rational, S

if TYPE_CHECKING:
    from statmani.algebra.element import Element
    from statmani.algebra.ring import Ring

__all__ = ["element_expr", "polynomial_expr"]


def _monomial(ring: Ring, exponents: tuple[int, ...], coefficient: Expr) -> Expr:
    powers = [
        Pow(ring.atoms[i].expr, Integer(e)) if e > 1 else ring.atoms[i].expr
        for i, e in enumerate(exponents)
        if e
    ]
    return Mul(coefficient, *powers)


def polynomial_expr(ring: Ring, polynomial: Any) -> Expr:
    """An expanded polynomial in the atoms."""
    return Add(
        *(
            _monomial(ring, exponents, Rational(int(c.p), int(c.q)))
            for exponents, c in polynomial.to_dict().items()
        )
    )


def _primitive(polynomial: Any) -> tuple[Fraction, tuple[int, ...], Any]:
    """Rational content, common monomial, and what is left."""
    terms = polynomial.to_dict()
    coefficients = list(terms.values())
    content = Fraction(
        gcd(*(int(c.p) for c in coefficients)), lcm(*(int(c.q) for c in coefficients))
    )
    common = tuple(min(column) for column in zip(*terms, strict=True))
    scale = 1 / content
    rest = {
        tuple(e - m for e, m in zip(exponents, common, strict=True)): c
        * polynomial.context().constant(1).leading_coefficient()
        * int(scale.numerator)
        / int(scale.denominator)
        for exponents, c in terms.items()
    }
    return content, common, polynomial.context().from_dict(rest)


def _trigonometric_pairs(ring: Ring, powers: dict[int, int]) -> tuple[list[Expr], int]:
    """Replace (cos - 1)(cos + 1) in a denominator by -sin**2; returns factors and a sign."""
    extra: list[Expr] = []
    sign = 1
    factors = ring.polynomials.factors
    for relation in ring.polynomials.relations:
        if ring.atoms[relation.generator].kind != "sin":
            continue
        cosine = ring.polynomials.context.gen(relation.generator - 1)
        lower = next((i for i in powers if factors[i] == cosine - 1), None)
        upper = next((i for i in powers if factors[i] == cosine + 1), None)
        if lower is None or upper is None:
            continue
        both = min(powers[lower], powers[upper])
        extra.append(Pow(ring.atoms[relation.generator].expr, Integer(-2 * both)))
        sign *= (-1) ** both
        powers[lower] -= both
        powers[upper] -= both
    return extra, sign


def _sine_powers(ring: Ring, num: Any) -> tuple[Any, list[Expr]]:
    """Divide powers of 1 - cos**2 out of a numerator; they are shown as sin**2."""
    found: list[Expr] = []
    for relation in ring.polynomials.relations:
        if ring.atoms[relation.generator].kind != "sin":
            continue
        power = 0
        while not num.is_constant():
            try:
                num = num / relation.radicand
            except DomainError:
                break
            power += 2
        if power:
            found.append(Pow(ring.atoms[relation.generator].expr, Integer(power)))
    return num, found


def element_expr(ring: Ring, element: Element) -> Expr:
    """Canonical expression: content * monomial * polynomial / factored denominator."""
    num = ring.polynomials.lift(element.num)
    if num.is_zero():
        return S.Zero
    num, sines = _sine_powers(ring, num)
    content, common, rest = _primitive(num)
    powers = {i: e for i, e in enumerate(element.den) if e}
    parts, sign = _trigonometric_pairs(ring, powers)
    content *= sign
    for index, exponent in sorted(powers.items()):
        if not exponent:
            continue
        scale, _, _ = _primitive(ring.polynomials.factors[index])
        factor = polynomial_expr(
            ring, ring.polynomials.factors[index] * ring.polynomials.rational(1 / scale)
        )
        content /= scale**exponent
        # The sign is fixed by sympy's order of the user's symbols, not by the generators'.
        if ring.external(factor).could_extract_minus_sign():
            factor, content = -factor, content * (-1) ** exponent
        parts.append(Pow(factor, Integer(-exponent)))
    monomial = _monomial(ring, common, Rational(content.numerator, content.denominator))
    return Mul(monomial, polynomial_expr(ring, rest), *sines, *parts)
