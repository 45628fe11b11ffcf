"""Rational powers: radicals of irreducible factors whose sign is known.

``sqrt(c f_1^e_1 ...)`` is split into radicals of primes and of factors whose sign on the domain
is proved. What is left keeps its product under one radical, and ``sqrt(f**2)`` is |f|.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, final

import sympy as sp
from sympy import Expr

from statmani.algebra.denest import denested
from statmani.algebra.element import Element
from statmani.errors import CertificateError, InvalidManifold

if TYPE_CHECKING:
    from statmani.algebra.ring import Ring

__all__ = ["SignedFactors", "absolute", "power", "signed_factors"]


@final
@dataclass(frozen=True)
class SignedFactors:
    """An element as sign * primes * positive factors * even powers * factors of open sign.

    Attributes
    ----------
    sign : int
    primes : dict
        prime -> exponent.
    positive : list of (Element, int)
        Factors proved positive.
    even : list of (Element, int)
        (f, m) stands for (f**2)**m, f of unknown sign.
    open : list of Element
        Factors of unknown sign, each once; their product times `sign` is positive.
    """

    sign: int
    primes: dict[int, int]
    positive: list[tuple[Element, int]]
    even: list[tuple[Element, int]]
    open: list[Element]


def signed_factors(ring: Ring, element: Element) -> SignedFactors:
    """Split a nonzero element of definite sign +."""
    polynomials = ring.polynomials
    content, factors = polynomials.factored(polynomials.numerator(element))
    factors += [(f, -e) for f, e in zip(polynomials.factors, element.den, strict=False) if e]
    sign = -1 if content < 0 else 1
    primes: dict[int, int] = dict(sp.factorint(abs(content.numerator)))
    for p, e in sp.factorint(content.denominator).items():
        primes[p] = primes.get(p, 0) - e
    unsettled = [(f, e) for f, e in factors if e % 2 and not ring.sign(f)]
    if len(unsettled) == 1:
        # The input is real, so its only factor of unknown sign must make it positive.
        others = sign
        for f, e in factors:
            if e % 2 and ring.sign(f) < 0:
                others = -others
        ring.assume_sign(unsettled[0][0], others)
    positive, even, unknown = [], [], []
    for f, e in factors:
        known = ring.sign(f)
        base = Element(polynomials, f if known >= 0 else -f, ())
        if known:
            positive.append((base, e))
            sign *= known if e % 2 else 1
        else:
            half = (e - e % 2) // 2
            if half:
                even.append((base, half))
            if e % 2:
                unknown.append(base)
    return SignedFactors(sign, {p: e for p, e in primes.items() if e}, positive, even, unknown)


def _rational_root(ring: Ring, base: Element, exponent: Fraction) -> Element:
    """base ** exponent for a positive base without denominator."""
    whole = exponent.numerator // exponent.denominator
    part = exponent - whole
    result = base**whole
    if part:
        root, degree = _root_atom(ring, base)
        steps = part * degree
        if steps.denominator != 1:
            raise CertificateError(
                f"the power {exponent} of {ring.shown(base)} occurs besides "
                f"roots of degree {degree} that were fixed before. Give all tensors together."
            )
        result = result * root ** int(steps)
    return result


def _root_atom(ring: Ring, base: Element) -> tuple[Element, int]:
    expr: Expr = ring.to_internal_expr(base)
    key = ("root", expr)
    degree = ring.root_degree

    def derive(i: int) -> Element:
        itself = ring.atom(key, sp.S.Zero, derive)
        return itself * ring.derivative(base, i) / base.scale(degree)

    if not ring.has_atom(key):
        shown = sp.Pow(expr, sp.Rational(1, degree))
        root = ring.atom(key, shown, derive, "root", base)
        ring.polynomials.relate(ring.index_of(root), degree, base)
    return ring.atom(key, expr, derive), degree


def power(ring: Ring, element: Element, exponent: Fraction) -> Element:
    """element ** exponent, real and positive when the exponent is a fraction.

    Raises
    ------
    InvalidManifold
        A root of a negative number.
    """
    from statmani.algebra.exponential import exponential

    if exponent.denominator == 1:
        return element ** int(exponent)
    if not element:
        return element
    parts = signed_factors(ring, element)
    if parts.sign < 0 and not parts.open:
        raise InvalidManifold(
            f"the power {exponent} of the negative {ring.shown(element)} is not "
            "real. Check the entries, or the signs in the coordinates' domain."
        )
    result = ring.polynomials.one
    for p, e in parts.primes.items():
        result = result * _rational_root(ring, ring.number(p), exponent * e)
    for base, e in parts.positive:
        used = ring.polynomials.used(base.num)
        atom = ring.atoms[used[0]]
        is_generator = len(used) == 1 and base == ring.polynomials.generator(used[0])
        if is_generator and atom.kind == "exp" and atom.argument is not None:
            result = result * exponential(ring, atom.argument.scale(exponent * e))
        elif is_generator and atom.kind == "root" and atom.argument is not None:
            degree = next(r.degree for r in ring.polynomials.relations if r.generator == used[0])
            result = result * power(ring, atom.argument, exponent * e / degree)
        else:
            result = result * _sum_root(ring, base, exponent * e)
    for base, half in parts.even:
        result = result * _even_power(ring, base, exponent * half)
    if parts.open:
        product = ring.number(parts.sign)
        for factor in parts.open:
            product = product * factor
        _require_unrelated(ring, parts.open, product)
        result = result * _rational_root(ring, product, exponent)
    return result


def _sum_root(ring: Ring, base: Element, exponent: Fraction) -> Element:
    """base ** exponent for a positive base, denested where that is possible."""
    nested = denested(ring, base) if exponent.denominator == 2 else None
    if nested is None:
        return _rational_root(ring, base, exponent)
    first, second = (power(ring, part, Fraction(1, 2)) for part in nested[:2])
    return (first + second.scale(nested[2])) ** exponent.numerator


def _even_power(ring: Ring, base: Element, exponent: Fraction) -> Element:
    """(base**2) ** exponent for a base of unknown sign."""
    if (2 * exponent).denominator == 1 and int(2 * exponent) % 2 == 0:
        return base ** int(2 * exponent)
    return _rational_root(ring, base * base, exponent)


def _require_unrelated(ring: Ring, factors: list[Element], product: Element) -> None:
    """Different radicands that share a factor of unknown sign have relations of unknown sign."""
    for factor in factors:
        for relation in ring.polynomials.relations:
            atom = ring.atoms[relation.generator]
            if atom.kind != "root" or atom.argument is None or atom.argument == product:
                continue
            _, known = ring.polynomials.factored(ring.polynomials.numerator(atom.argument))
            lifted = ring.polynomials.numerator(factor)
            if any(f == lifted or f == -lifted for f, _ in known):
                shared = ring.shown(factor)
                raise CertificateError(
                    f"two square roots share the factor {shared}, whose sign on the domain is not "
                    "proved, so they may be related. Restrict the domain of the coordinates."
                )


def absolute(ring: Ring, element: Element) -> Element:
    """|element|."""
    value = element.constant
    if value is not None:
        return ring.number(abs(value))
    return power(ring, element * element, Fraction(1, 2))
