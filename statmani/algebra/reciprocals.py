"""Reciprocals of elements of the localised ring."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from statmani.algebra.element import Element
from statmani.algebra.norms import norm

if TYPE_CHECKING:
    from statmani.algebra.polynomials import Polynomials

__all__ = ["reciprocal"]


def reciprocal(ring: Polynomials, element: Element) -> Element:
    """1 / element; its irreducible factors join the denominators of the ring."""
    num = ring.numerator(element)
    if num.is_zero():
        raise ZeroDivisionError("inverse of zero")
    if len(num) == 1 and not ring.relations:
        return _of_monomial(ring, element, num)
    cofactor, base = norm(ring, num)
    if base.is_zero():
        raise ZeroDivisionError("inverse of a zero divisor")
    unit, factors = _known_factor(ring, base)
    if not factors:
        content, factors = ring.factored(base)
        unit = ring.rational(content)
    den: list[int] = []
    for factor, exponent in factors:
        index, scale = ring.register(factor)
        unit = unit * scale**exponent
        _raise(den, index, exponent)
    top = cofactor * ring.expand_denominator(element.den) * (1 / unit)
    return ring.lowest(top, tuple(den))


def _raise(den: list[int], index: int, exponent: int) -> None:
    den.extend([0] * (index + 1 - len(den)))
    den[index] = exponent


def _of_monomial(ring: Polynomials, element: Element, num: Any) -> Element:
    unit = 1 / num.coefficient(0)
    top = ring.expand_denominator(element.den) * unit if element.den else None
    den: list[int] = []
    if num.total_degree():
        for v, e in enumerate(num.degrees()):
            if e:
                _raise(den, ring.monomial_factor(v), int(e))
    # The element is in lowest terms, and so is its reciprocal.
    return Element(ring, ring.context.constant(unit) if top is None else top, tuple(den))


def _known_factor(ring: Polynomials, num: Any) -> tuple[Any, list[tuple[Any, int]]]:
    """Like the factors of a polynomial that is a number times a known one, else none."""
    unit = num.leading_coefficient()
    monic = num / unit
    return unit, [(monic, 1)] if monic in ring.factors else []
