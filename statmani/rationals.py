"""Short exact numbers near floating-point ones."""

from __future__ import annotations

from fractions import Fraction

from sympy import Float, Integer, Rational

__all__ = ["short_rational"]


def short_rational(value: float) -> Rational:
    """A rational with a small denominator, within a few percent of `value`."""
    if value == 0:
        return Integer(0)
    for size in (16, 256, 65536, 2**40):
        fraction = Fraction(value).limit_denominator(size)
        if fraction != 0 and abs(float(fraction) / value - 1) < 0.04:
            return Rational(fraction.numerator, fraction.denominator)
    return Rational(Float(value, 17))
