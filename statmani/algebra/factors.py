"""Irreducible factors of polynomials over the rationals, without a general method where possible.

A polynomial a v + b of degree 1 in a generator v is the greatest common divisor of a and b times
an irreducible one, by Gauss's lemma. Determinants and cofactors of a covariance are such.
"""

from __future__ import annotations

from fractions import Fraction
from math import gcd, lcm
from operator import le
from typing import Any, final

from flint import fmpq

__all__ = ["Factors", "irreducible_factors"]

Monomial = tuple[int, ...]

# Longer factors are many and seldom recur.
_SHORT = 8


@final
class Factors:
    """Factorises polynomials of one context that share factors, the shorter ones first at best."""

    def __init__(self) -> None:
        # Factors of several terms with their first and last monomials.
        self._known: list[tuple[Any, Monomial, Monomial]] = []

    def of(self, num: Any) -> tuple[Fraction, list[tuple[Any, int]]]:
        """Like :func:`irreducible_factors`, after trial division by all factors seen before."""
        found: list[tuple[Any, int]] = []
        rest = num
        if len(num) > 1 and self._known:
            first, last = _ends(num)
            for factor, leading, trailing in self._known:
                count = 0
                while _divides(leading, first) and _divides(trailing, last):
                    quotient, remainder = divmod(rest, factor)
                    if remainder:
                        break
                    rest, count = quotient, count + 1
                    first, last = _ends(rest)
                if count:
                    found.append((factor, count))
        _, others = irreducible_factors(rest)
        self._known += [(f, *_ends(f)) for f, _ in others if 1 < len(f) <= _SHORT]
        found += others
        return _content(num, found), found


def irreducible_factors(num: Any) -> tuple[Fraction, list[tuple[Any, int]]]:
    """(content, [(factor, exponent)]) of a nonzero polynomial.

    Factors have coprime integer coefficients and a positive leading one.
    """
    factors: list[tuple[Any, int]] = []
    rest, context = num, num.context()
    while rest.total_degree():
        degrees = rest.degrees()
        if len(rest) == 1:
            factors += [(context.gen(v), int(e)) for v, e in enumerate(degrees) if e]
            break
        linear = [(v, rest.derivative(v)) for v, e in enumerate(degrees) if e == 1]
        if not linear:
            factors += [(f, int(e)) for f, e in rest.factor()[1]]
            break
        v, slope = min(linear, key=lambda pair: len(pair[1]))
        constant = rest - slope * context.gen(v)
        shared = slope.gcd(constant) if constant else slope
        factors.append((_primitive(rest / shared), 1))
        rest = shared
    return _content(num, factors), factors


def _content(num: Any, factors: list[tuple[Any, int]]) -> Fraction:
    unit = num.leading_coefficient()
    for factor, exponent in factors:
        unit = unit / factor.leading_coefficient() ** exponent
    return Fraction(int(unit.p), int(unit.q))


def _ends(num: Any) -> tuple[Monomial, Monomial]:
    return num.monomial(0), num.monomial(len(num) - 1)


def _divides(a: Monomial, b: Monomial) -> bool:
    return all(map(le, a, b))


def _primitive(num: Any) -> Any:
    coefficients = num.coeffs()
    below = lcm(*(int(c.q) for c in coefficients))
    above = gcd(*(int(c.p) * (below // int(c.q)) for c in coefficients))
    if coefficients[0] < 0:
        above = -above
    return num if below == above == 1 else num * fmpq(below, above)
