"""Square roots of sums that hold square roots themselves, as sums of simpler ones."""

from __future__ import annotations

from fractions import Fraction
from math import isqrt
from typing import TYPE_CHECKING, Any

from statmani.algebra.element import Element

if TYPE_CHECKING:
    from statmani.algebra.ring import Ring

__all__ = ["denested"]


def denested(ring: Ring, base: Element) -> tuple[Element, Element, int] | None:
    """Radicands u, v and a sign with sqrt(base) = sqrt(u) + sign sqrt(v), or None.

    For base = A + B > 0 with a multiple B of a square root: where A^2 - B^2 = D^2 is a square,
    u, v = (A + D)/2, (A - D)/2, and the sign is that of B; for negative B that of D must be
    known, so that u is the greater (Borodin, Fagin, Hopcroft and Tompa 1985, section 2).
    Neither is negative: their product is B^2/4, and their sum A is not, since base and A - B
    have the product D^2.
    """
    polynomials = ring.polynomials
    for relation in polynomials.relations:
        i = relation.generator
        if relation.degree != 2 or base.den or i not in polynomials.used(base.num):
            continue
        parts: tuple[dict[Any, Any], dict[Any, Any]] = ({}, {})
        for exponents, coefficient in base.num.to_dict().items():
            parts[exponents[i]][exponents] = coefficient
        plain, rooted = (Element(polynomials, polynomials.context.from_dict(p), ()) for p in parts)
        sign = ring.sign(rooted.num)
        root = _square_root(ring, plain * plain - rooted * rooted) if sign else None
        if root is None:
            continue
        first, second = (plain + root).half(), (plain - root).half()
        order = ring.sign(root.num) if root else 1
        if sign > 0 or order:
            return (first, second, sign) if order >= 0 else (second, first, sign)
    return None


def _square_root(ring: Ring, element: Element) -> Element | None:
    """A root, of either sign, of what is a square of polynomials."""
    if not element:
        return element
    content, factors = ring.polynomials.factored(ring.polynomials.numerator(element))
    top, bottom = isqrt(max(content.numerator, 0)), isqrt(content.denominator)
    if Fraction(top**2, bottom**2) != content or any(e % 2 for _, e in factors):
        return None
    result = ring.number(Fraction(top, bottom))
    for factor, e in factors:
        result = result * Element(ring.polynomials, factor, ()) ** (e // 2)
    return result
