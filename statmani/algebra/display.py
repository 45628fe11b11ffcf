"""From ring elements to sympy expressions."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cmp_to_key
from math import gcd, lcm
from typing import TYPE_CHECKING, Any

from flint.utils.flint_exceptions import DomainError
from sympy import Add, Basic, Expr, Integer, Mul, Pow, Rational, S
from sympy import exp as sp_exp

if TYPE_CHECKING:
    from statmani.algebra.element import Element
    from statmani.algebra.ring import Ring

__all__ = ["element_expr", "polynomial_expr"]


# Sorted construction without evaluation gives what Mul and Add would give, several times faster;
# it needs factors that Mul would neither merge nor expand.
_ORDER = cmp_to_key(Basic.compare)


def _plain(expr: Expr) -> bool:
    return bool(expr.is_Symbol or (expr.is_Function and not isinstance(expr, sp_exp)))


def _monomial(atoms: Sequence[Expr], exponents: tuple[int, ...], coefficient: Expr) -> Expr:
    powers = []
    plain = True
    for i, e in enumerate(exponents):
        if e:
            base = atoms[i]
            plain = plain and _plain(base)
            powers.append(Pow(base, Integer(e)) if e > 1 else base)
    if not plain:
        return Mul(coefficient, *powers)
    powers.sort(key=_ORDER)
    if coefficient is not S.One or not powers:
        powers.insert(0, coefficient)
    return powers[0] if len(powers) == 1 else Mul._from_args(powers)


def polynomial_expr(ring: Ring, polynomial: Any, *, outside: bool = False) -> Expr:
    """An expanded polynomial in the atoms, in internal or in the user's symbols."""
    atoms = ring.atom_expressions(outside)
    terms = polynomial.to_dict()
    made = [
        _monomial(atoms, exponents, Rational(int(c.p), int(c.q))) for exponents, c in terms.items()
    ]
    used = [i for i, d in enumerate(polynomial.degrees()) if d]
    if len(made) == 1 or not all(_plain(atoms[i]) for i in used):
        return Add(*made)
    number = [term for term in made if term.is_Number]
    return Add._from_args(number + sorted((t for t in made if not t.is_Number), key=_ORDER))


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


def _trigonometric_pairs(
    ring: Ring, atoms: Sequence[Expr], powers: dict[int, int]
) -> tuple[list[Expr], int]:
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
        extra.append(Pow(atoms[relation.generator], Integer(-2 * both)))
        sign *= (-1) ** both
        powers[lower] -= both
        powers[upper] -= both
    return extra, sign


def _sine_powers(ring: Ring, atoms: Sequence[Expr], num: Any) -> tuple[Any, list[Expr]]:
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
            found.append(Pow(atoms[relation.generator], Integer(power)))
    return num, found


def element_expr(ring: Ring, element: Element, *, outside: bool = False) -> Expr:
    """Canonical expression: content * monomial * polynomial / factored denominator."""
    num = ring.polynomials.numerator(element)
    if num.is_zero():
        return S.Zero
    atoms = ring.atom_expressions(outside)
    num, sines = _sine_powers(ring, atoms, num)
    content, common, rest = _primitive(num)
    powers = {i: e for i, e in enumerate(element.den) if e}
    parts, sign = _trigonometric_pairs(ring, atoms, powers)
    content *= sign
    for index, exponent in sorted(powers.items()):
        if not exponent:
            continue
        scale, _, _ = _primitive(ring.polynomials.factors[index])
        factor = polynomial_expr(
            ring,
            ring.polynomials.factors[index] * ring.polynomials.rational(1 / scale),
            outside=outside,
        )
        content /= scale**exponent
        # The sign is fixed by sympy's order of the user's symbols, not by the generators'.
        if factor.could_extract_minus_sign():
            factor, content = -factor, content * (-1) ** exponent
        parts.append(Pow(factor, Integer(-exponent)))
    monomial = _monomial(atoms, common, Rational(content.numerator, content.denominator))
    return Mul(monomial, polynomial_expr(ring, rest, outside=outside), *sines, *parts)
