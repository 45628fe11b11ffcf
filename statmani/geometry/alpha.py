"""The order of an alpha-connection, and expressions of polynomials in it."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import gcd, lcm
from numbers import Rational as NumbersRational
from numbers import Real
from typing import Any

from sympy import Add, Dummy, Expr, Float, Integer, Mul, Pow, Rational, S, Symbol, sympify

from statmani.algebra.element import Element
from statmani.algebra.ring import Ring
from statmani.errors import InvalidArgument

__all__ = ["at_order", "express", "read_alpha"]

_REMEDY = "Give a real number, or a Symbol that is no coordinate."


def read_alpha(alpha: object, coordinates: Sequence[Symbol]) -> Expr:
    """The order of an alpha-connection as an exact number or a Symbol.

    Raises
    ------
    InvalidArgument
    """
    if isinstance(alpha, Symbol):
        # A Dummy is itself whatever its name; two Symbols of one name would look alike.
        alike = not isinstance(alpha, Dummy) and alpha.name in {c.name for c in coordinates}
        if alike or alpha in coordinates:
            raise InvalidArgument(f"alpha = {alpha} is a coordinate of the manifold. {_REMEDY}")
        if alpha.is_real is False:
            raise InvalidArgument(f"alpha = {alpha} is declared not real. {_REMEDY}")
        return alpha
    if isinstance(alpha, (str, bool)) or not isinstance(alpha, (Real, Expr)):
        raise InvalidArgument(f"alpha = {alpha!r} is no real number. {_REMEDY}")
    if isinstance(alpha, (float, Float)):
        value = float(alpha)
        if value != value or value in (float("inf"), float("-inf")):
            raise InvalidArgument(f"alpha = {alpha!r} is not finite. {_REMEDY}")
        return Rational(str(Fraction(repr(value))))
    number: Any
    if isinstance(alpha, Expr):
        number = alpha
    elif isinstance(alpha, NumbersRational):
        number = Rational(int(alpha.numerator), int(alpha.denominator))
    else:
        return read_alpha(float(alpha), coordinates)
    if number.free_symbols:
        raise InvalidArgument(f"alpha = {alpha} is an expression in symbols. {_REMEDY}")
    if number.is_real is not True or number.is_finite is not True:
        raise InvalidArgument(f"alpha = {alpha} is not a finite real number. {_REMEDY}")
    return sympify(number, rational=True) if number.has(Float) else number


def at_order(ring: Ring, alpha: Expr, coefficients: Sequence[Element]) -> tuple[Element, ...]:
    """Coefficients of a symbolic alpha as they are; for a number, the one value."""
    if isinstance(alpha, Symbol):
        return tuple(coefficients)
    total, zero = coefficients[0], ring.polynomials.zero
    if any(coefficients[1:]):
        a = power = ring.convert(alpha)
        pairs = [(coefficients[0], ring.number(1))]
        for c in coefficients[1:]:
            pairs.append((c, power))
            power = power * a
        total = ring.polynomials.dot(pairs)
    return (total or zero,)


def express(ring: Ring, alpha: Expr, coefficients: Sequence[Element]) -> Expr:
    """``sum_k coefficients[k] alpha**k`` in canonical form."""
    if not any(coefficients[1:]):
        return ring.to_sympy(coefficients[0])
    with ring.polynomials.lock:
        parts = at_order(ring, alpha, coefficients)
        present = [(order, c) for order, c in enumerate(parts) if c]
        if not present:
            return S.Zero
        if len(present) == 1 and not present[0][0]:
            return ring.to_sympy(present[0][1])
        common = _common_multiple(parts)
        if common is not None:
            base, multiples = common
            powers = [Mul(q, Pow(alpha, Integer(k))) for k, q in enumerate(multiples)]
            return Mul(Add(*powers), ring.to_sympy(base))
        return Add(*(Mul(Pow(alpha, Integer(k)), ring.to_sympy(c)) for k, c in present))


def _common_multiple(parts: Sequence[Element]) -> tuple[Element, list[Expr]] | None:
    """(base, rational multiples) when all coefficients are proportional."""
    base = next(c for c in parts if c)
    ring = base.ring
    first = ring.numerator(base)
    unit = first.leading_coefficient()
    ratios: list[Fraction] = []
    for c in parts:
        num = ring.numerator(c)
        q = num.leading_coefficient() / unit if c else ring.rational(0)
        if c and (c.den != base.den or num != first * q):
            return None
        ratios.append(Fraction(int(q.p), int(q.q)))
    common = Fraction(gcd(*(q.numerator for q in ratios)), lcm(*(q.denominator for q in ratios)))
    if base.constant is not None:
        common = 1 / base.constant
    return base.scale(common), [Rational(str(q / common)) for q in ratios]
