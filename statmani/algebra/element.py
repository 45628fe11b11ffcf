"""Elements of the localised ring: an exact numerator over powers of registered factors."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import TYPE_CHECKING, Any, final

from flint import fmpq

if TYPE_CHECKING:
    from statmani.algebra.polynomials import Polynomials

__all__ = ["Element", "Exponents", "add_exponents", "max_exponents"]

Exponents = tuple[int, ...]
_HALF = fmpq(1, 2)


def _trim(exponents: list[int]) -> Exponents:
    while exponents and not exponents[-1]:
        exponents.pop()
    return tuple(exponents)


def add_exponents(a: Exponents, b: Exponents) -> Exponents:
    """Exponents of a product of denominators."""
    if not a:
        return b
    if not b:
        return a
    if len(a) < len(b):
        a, b = b, a
    return tuple(map(int.__add__, a, b)) + a[len(b) :]


def max_exponents(dens: Iterable[Exponents]) -> Exponents:
    """Exponents of the least common multiple of denominators."""
    result: list[int] = []
    for den in dens:
        for i, e in enumerate(den):
            if i == len(result):
                result.append(e)
            elif e > result[i]:
                result[i] = e
    return _trim(result)


@final
class Element:
    """numerator / product of factors, in lowest terms; equality is structural and exact.

    Immutable by convention, but for the flint context of the same numerator; created by the ring
    only.
    """

    __slots__ = ("den", "num", "ring")

    def __init__(self, ring: Polynomials, num: Any, den: Exponents) -> None:
        self.ring = ring
        self.num = num
        self.den = den

    def __add__(self, other: Element) -> Element:
        return self.ring.total([self, other])

    def __sub__(self, other: Element) -> Element:
        return self.ring.total([self], [other])

    def __neg__(self) -> Element:
        return Element(self.ring, -self.num, self.den)

    def __mul__(self, other: Element) -> Element:
        ring = self.ring
        if not (self.num and other.num):
            return ring.zero
        product = ring.numerator(self) * ring.numerator(other)
        if not self.den and not other.den and not ring.relations:
            return Element(ring, product, ())
        return ring.lowest(product, ring.sum_of(self.den, other.den))

    def scale(self, factor: Fraction | int) -> Element:
        """The element times a rational number."""
        if not factor or not self.num:
            return self.ring.zero
        return Element(self.ring, self.num * self.ring.rational(factor), self.den)

    def half(self) -> Element:
        """Half the element."""
        return Element(self.ring, self.num * _HALF, self.den) if self.num else self

    def __truediv__(self, other: Element) -> Element:
        return self * self.ring.inverse(other)

    def __pow__(self, exponent: int) -> Element:
        base = self if exponent >= 0 else self.ring.inverse(self)
        ring, n = self.ring, abs(exponent)
        if not ring.relations:
            return Element(
                ring, ring.numerator(base) ** n, tuple(e * n for e in base.den) if n else ()
            )
        result = ring.one
        while n:
            if n & 1:
                result = result * base
            base, n = base * base, n >> 1
        return result

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Element) or other.ring is not self.ring:
            return NotImplemented
        if self is other:
            return True
        numerator = self.ring.numerator
        return self.den == other.den and bool(numerator(self) == numerator(other))

    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> bool:
        return bool(self.num)

    @property
    def constant(self) -> Fraction | None:
        """The value of a rational constant, else None."""
        if self.den or not self.num.is_constant():
            return None
        if self.num.is_zero():
            return Fraction(0)
        value = self.num.leading_coefficient()
        return Fraction(int(value.p), int(value.q))
