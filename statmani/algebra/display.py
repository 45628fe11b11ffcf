"""From ring elements to sympy expressions.

What Add and Mul would return is built without their evaluation where nothing can be evaluated:
arguments in sympy's own order, which is remembered instead of found again for every sum.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from fractions import Fraction
from functools import cmp_to_key
from math import gcd, lcm
from operator import sub
from typing import TYPE_CHECKING, Any, final

from flint.utils.flint_exceptions import DomainError
from sympy import Add, Basic, Expr, Integer, Mul, Pow, Rational, S
from sympy import exp as sp_exp

if TYPE_CHECKING:
    from statmani.algebra.element import Element
    from statmani.algebra.ring import Ring

__all__ = ["Display", "element_expr", "polynomial_expr"]

Exponents = tuple[int, ...]
Terms = dict[Exponents, Any]

_ORDER = cmp_to_key(Basic.compare)


def _plain(expr: Expr) -> bool:
    """Whether powers of `expr` stay apart from other factors of a product."""
    return bool(expr.is_Symbol or (expr.is_Function and not isinstance(expr, sp_exp)))


@final
class Display:
    """What is remembered of one ring in one set of symbols."""

    def __init__(self, ring: Ring, outside: bool) -> None:
        self._ring = ring
        self._outside = outside
        self._sorted: list[Any] = []
        self._ranks: dict[Expr, int] | None = {}
        self._powers: dict[tuple[int, int], Expr] = {}
        self._plain: list[bool] = []
        self._factors: dict[int, tuple[Expr, Fraction, int]] = {}

    @property
    def atoms(self) -> list[Expr]:
        """The generators' expressions."""
        return self._ring.atom_expressions(self._outside)

    def is_plain(self, indices: Iterable[int]) -> bool:
        """Whether no product of these generators is evaluated by sympy."""
        atoms = self.atoms
        self._plain.extend(map(_plain, atoms[len(self._plain) :]))
        return all(self._plain[i] for i in indices)

    def power(self, index: int, exponent: int) -> Expr:
        """A power of a generator."""
        key = (index, exponent)
        known = self._powers.get(key)
        if known is None:
            base = self.atoms[index]
            known = self._powers[key] = base if exponent == 1 else Pow(base, Integer(int(exponent)))
        return known

    def ranks(self, expressions: Iterable[Expr]) -> dict[Expr, int]:
        """Places in sympy's order of arguments, of these and of all that came before."""
        known = self._ranks
        new = [e for e in expressions if known is None or e not in known]
        for expr in new:
            key = _ORDER(expr)
            place = bisect_left(self._sorted, key)
            if place == len(self._sorted) or self._sorted[place].obj != expr:
                self._sorted.insert(place, key)
                self._ranks = None
        if self._ranks is None:
            self._ranks = {key.obj: place for place, key in enumerate(self._sorted)}
        return self._ranks

    def factor(self, index: int) -> tuple[Expr, Fraction, int]:
        """A factor of denominators as (expression, scale, sign): scale * sign * expression."""
        known = self._factors.get(index)
        if known is None:
            terms = self._ring.polynomials.factors[index].to_dict()
            scale = _content(terms)
            expr = _sum(self, terms, scale)
            sign = 1
            # The sign is fixed by sympy's order of the user's symbols, not by the generators'.
            if expr.could_extract_minus_sign():
                expr, sign = -expr, -1
            known = self._factors[index] = expr, scale, sign
        return known


def _content(terms: Terms) -> Fraction:
    coefficients = terms.values()
    return Fraction(
        gcd(*(int(c.p) for c in coefficients)), lcm(*(int(c.q) for c in coefficients))
    )


def _number(value: Fraction) -> Expr:
    return Rational(value.numerator, value.denominator)


def _used(terms: Terms) -> list[int]:
    return [i for i, column in enumerate(zip(*terms, strict=True)) if any(column)]


def _sum(display: Display, terms: Terms, content: Fraction, common: Exponents = ()) -> Expr:
    """The sum of the terms, each divided by content and by the common monomial."""
    made: list[tuple[Expr, list[Expr]]] = []
    p, q = content.numerator, content.denominator
    integral = p == 1 and q == 1
    for exponents, c in terms.items():
        powers = []
        if common:
            exponents = tuple(map(sub, exponents, common))
        for i, e in enumerate(exponents):
            if e:
                powers.append(display.power(i, e))
        if integral:
            coefficient = Rational(int(c.p), int(c.q))
        else:
            coefficient = Rational(int(c.p) * q, int(c.q) * p)
        made.append((coefficient, powers))
    if not display.is_plain(_used(terms)):
        return Add(*(Mul(coefficient, *powers) for coefficient, powers in made))
    return _plain_sum(display, made)


def _plain_sum(display: Display, made: list[tuple[Expr, list[Expr]]]) -> Expr:
    distinct: dict[Expr, None] = {}
    for coefficient, powers in made:
        if powers:
            distinct.update(dict.fromkeys(powers))
            if coefficient is not S.One:
                distinct[coefficient] = None
    ranks = display.ranks(distinct)
    constant: list[Expr] = []
    products: list[tuple[tuple[int, ...], Expr]] = []
    single: list[Expr] = []
    for coefficient, powers in made:
        if not powers:
            constant.append(coefficient)
            continue
        powers.sort(key=ranks.__getitem__)
        if coefficient is not S.One:
            powers.insert(0, coefficient)
        if len(powers) == 1:
            single.append(powers[0])
        else:
            key = (len(powers), *(ranks[f] for f in powers))
            products.append((key, Mul._from_args(powers, True)))
    products.sort(key=lambda item: item[0])
    single.sort(key=ranks.__getitem__)
    arguments = [expr for _, expr in products]
    # Products differ from all other terms by their class, which sympy compares first.
    if products:
        place = bisect_left(single, _ORDER(arguments[0]), key=_ORDER)
        arguments = [*single[:place], *arguments, *single[place:]]
    else:
        arguments = single
    arguments = [*constant, *arguments]
    return arguments[0] if len(arguments) == 1 else Add._from_args(arguments, True)


def polynomial_expr(ring: Ring, polynomial: Any, *, outside: bool = False) -> Expr:
    """An expanded polynomial in the atoms, in internal or in the user's symbols."""
    if polynomial.is_zero():
        return S.Zero
    return _sum(ring.displays[outside], polynomial.to_dict(), Fraction(1))


def _trigonometric_pairs(
    ring: Ring, display: Display, powers: dict[int, int]
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
        extra.append(Pow(display.atoms[relation.generator], Integer(-2 * both)))
        sign *= (-1) ** both
        powers[lower] -= both
        powers[upper] -= both
    return extra, sign


def _sine_powers(ring: Ring, display: Display, num: Any) -> tuple[Any, list[Expr]]:
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
            found.append(Pow(display.atoms[relation.generator], Integer(power)))
    return num, found


def element_expr(
    ring: Ring, element: Element, *, outside: bool = False, terms: Terms | None = None
) -> Expr:
    """Canonical expression: content * monomial * polynomial / factored denominator.

    The terms of the numerator may be given when they are known already.
    """
    num = ring.polynomials.numerator(element)
    if num.is_zero():
        return S.Zero
    display = ring.displays[outside]
    sines: list[Expr] = []
    if ring.polynomials.relations:
        num, sines = _sine_powers(ring, display, num)
        terms = None if sines else terms
    if terms is None:
        terms = num.to_dict()
    content = _content(terms)
    common = tuple(map(min, zip(*terms, strict=True))) if len(terms) > 1 else next(iter(terms))
    powers = {i: e for i, e in enumerate(element.den) if e}
    parts, sign = [], 1
    if sines or ring.polynomials.relations:
        parts, sign = _trigonometric_pairs(ring, display, powers)
    unit = content * sign
    evaluated = bool(parts or sines)
    for index, exponent in powers.items():
        if not exponent:
            continue
        factor, scale, sign = display.factor(index)
        if scale != 1:
            unit /= scale**exponent
        if sign < 0 and exponent % 2:
            unit = -unit
        evaluated = evaluated or not (factor.is_Add or _plain(factor))
        parts.append(Pow(factor, Integer(-exponent)))
    present = [i for i, e in enumerate(common) if e]
    numerator = [display.power(i, common[i]) for i in present]
    if len(terms) > 1 or terms[common] < 0:
        # A negative content of a single term stays in the remaining constant, -1.
        numerator.append(_sum(display, terms, content, common))
    coefficient = _number(unit)
    if evaluated or not display.is_plain(present):
        monomial = Mul(coefficient, *numerator[: len(present)])
        return Mul(monomial, *numerator[len(present) :], *sines, *parts)
    return _plain_product(coefficient, [*numerator, *parts])


def _plain_product(coefficient: Expr, factors: list[Expr]) -> Expr:
    """The product of a number and of powers with different bases."""
    numbers = [f for f in factors if f.is_Number]
    if numbers:
        coefficient = Mul(coefficient, *numbers)
        factors = [f for f in factors if not f.is_Number]
    if len(factors) == 1 and factors[0].is_Add:
        return Mul(coefficient, factors[0])
    factors.sort(key=_ORDER)
    if coefficient is not S.One or not factors:
        factors.insert(0, coefficient)
    return factors[0] if len(factors) == 1 else Mul._from_args(factors, True)
