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
from typing import TYPE_CHECKING, Any, final

from flint.utils.flint_exceptions import DomainError
from sympy import Add, Basic, Expr, Integer, Mul, Pow, Rational, S
from sympy import exp as sp_exp

if TYPE_CHECKING:
    from statmani.algebra.element import Element
    from statmani.algebra.ring import Ring

__all__ = ["Display", "Scan", "element_expr", "monomial_expr", "polynomial_expr", "scan"]

Exponents = tuple[int, ...]
#: Terms as (numerator and denominator of the coefficient, [(generator, exponent)]).
Scan = list[tuple[int, int, list[tuple[int, int]]]]

_ORDER = cmp_to_key(Basic.compare)


def scan(polynomial: Any) -> Scan:
    """The terms of a polynomial without the generators that do not occur."""
    used = [i for i, d in enumerate(polynomial.degrees()) if d]
    return [
        (int(c.p), int(c.q), [(i, int(exponents[i])) for i in used if exponents[i]])
        for exponents, c in zip(polynomial.monoms(), polynomial.coeffs(), strict=True)
    ]


def _plain(expr: Expr) -> bool:
    """Whether powers of `expr` stay apart from other factors of a product."""
    return bool(expr.is_Symbol or (expr.is_Function and not isinstance(expr, sp_exp)))


@final
class Display:
    """What is remembered of one ring in one set of symbols.

    Arguments of sums and products go by keys: (generator, exponent), ("factor", index, exponent)
    for a factor of denominators, and numbers. Their places in sympy's order are integers.
    """

    def __init__(self, ring: Ring, outside: bool) -> None:
        self._ring = ring
        self._outside = outside
        self._sorted: list[Any] = []
        self._keys: list[Any] = []
        self._places: dict[Any, int] = {}
        self.by_place: list[Expr] = []
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

    def shown(self, key: Any) -> Expr:
        """What a key stands for."""
        if isinstance(key, Expr):
            return key
        if len(key) == 3:
            return Pow(self.factor(key[1])[0], Integer(-key[2]))
        index, exponent = key
        return self.atoms[index] if exponent == 1 else Pow(self.atoms[index], Integer(exponent))

    def places(self, keys: set[Any]) -> dict[Any, int]:
        """Places in sympy's order of arguments, of these and of all that came before."""
        new = keys - self._places.keys()
        for key in new:
            ordered = _ORDER(self.shown(key))
            place = bisect_left(self._sorted, ordered)
            self._sorted.insert(place, ordered)
            self._keys.insert(place, key)
        if new:
            self._places = {key: place for place, key in enumerate(self._keys)}
            self.by_place = [ordered.obj for ordered in self._sorted]
        return self._places

    def factor(self, index: int) -> tuple[Expr, Fraction, int]:
        """A factor of denominators as (expression, scale, sign): scale * sign * expression."""
        known = self._factors.get(index)
        if known is None:
            terms = scan(self._ring.polynomials.factors[index])
            scale = _content(terms)
            expr = _sum(self, terms, scale)
            sign = 1
            # The sign is fixed by sympy's order of the user's symbols, not by the generators'.
            if expr.could_extract_minus_sign():
                expr, sign = -expr, -1
            known = self._factors[index] = expr, scale, sign
        return known


def _content(terms: Scan) -> Fraction:
    return Fraction(gcd(*(p for p, _, _ in terms)), lcm(*(q for _, q, _ in terms)))


def _common(terms: Scan) -> dict[int, int]:
    """The greatest monomial that divides all terms."""
    common = dict(terms[0][2])
    for _, _, powers in terms[1:]:
        if not common:
            break
        present = dict(powers)
        common = {i: min(e, present[i]) for i, e in common.items() if i in present}
    return common


def _sum(
    display: Display, terms: Scan, content: Fraction, common: dict[int, int] | None = None
) -> Expr:
    """The sum of the terms, each divided by content and by the common monomial."""
    p, q = content.numerator, content.denominator
    numbers: dict[tuple[int, int], Expr] = {}
    made: list[tuple[Expr, list[tuple[int, int]]]] = []
    for above, below, powers in terms:
        number = numbers.get((above, below))
        if number is None:
            number = numbers[above, below] = Rational(above * q, below * p)
        if common:
            powers = [
                (i, e - common[i]) if i in common else (i, e)
                for i, e in powers
                if e != common.get(i)
            ]
        made.append((number, powers))
    if not display.is_plain({i for _, powers in made for i, _ in powers}):
        return Add(*(Mul(c, *map(display.shown, powers)) for c, powers in made))
    return _plain_sum(display, made, list(numbers.values()))


def _plain_sum(
    display: Display, made: list[tuple[Expr, list[tuple[int, int]]]], numbers: list[Expr]
) -> Expr:
    keys: set[Any] = {*numbers}
    for _, powers in made:
        keys.update(powers)
    places = display.places(keys)
    by_place = display.by_place
    # Hashing a number takes longer than all else that is done with it.
    place_of = {id(number): places[number] for number in numbers}
    constant: list[Expr] = []
    single: list[int] = []
    products: list[tuple[int, list[int]]] = []
    for coefficient, powers in made:
        ordered = sorted([places[power] for power in powers])
        if not ordered:
            constant.append(coefficient)
            continue
        if coefficient is not S.One:
            ordered.insert(0, place_of[id(coefficient)])
        if len(ordered) == 1:
            single.append(ordered[0])
        else:
            products.append((len(ordered), ordered))
    products.sort()
    single.sort()
    arguments = [Mul._from_args([by_place[i] for i in ordered], True) for _, ordered in products]
    others = [by_place[i] for i in single]
    # Products differ from all other terms by their class, which sympy compares first.
    place = bisect_left(others, _ORDER(arguments[0]), key=_ORDER) if products else len(others)
    arguments = [*constant, *others[:place], *arguments, *others[place:]]
    return arguments[0] if len(arguments) == 1 else Add._from_args(arguments, True)


def polynomial_expr(ring: Ring, polynomial: Any, *, outside: bool = False) -> Expr:
    """An expanded polynomial in the atoms, in internal or in the user's symbols."""
    if polynomial.is_zero():
        return S.Zero
    return _sum(ring.display(outside), scan(polynomial), Fraction(1))


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


def monomial_expr(ring: Ring, element: Element, *, outside: bool) -> Expr | None:
    """A number times powers of symbols; None for all else."""
    polynomials = ring.polynomials
    num, den = polynomials.numerator(element), element.den
    if len(num) != 1 or polynomials.relations:
        return None
    generators = polynomials.generators
    powers = [(generators[index], -e) for index, e in enumerate(den) if e]
    if any(i < 0 for i, _ in powers):
        return None
    if num.total_degree():
        powers += [(i, int(e)) for i, e in enumerate(num.degrees()) if e]
    value = num.coefficient(0)
    coefficient = Integer(int(value.p)) if value.q == 1 else Rational(int(value.p), int(value.q))
    if not powers:
        return coefficient
    display = ring.display(outside)
    atoms = display.atoms
    if not all(atoms[i].is_Symbol for i, _ in powers):
        return None
    if len(powers) == 1:
        factors = [display.shown(powers[0])]
    else:
        places = display.places(set(powers))
        factors = [display.by_place[i] for i in sorted([places[key] for key in powers])]
    if coefficient is not S.One:
        factors.insert(0, coefficient)
    return factors[0] if len(factors) == 1 else Mul._from_args(factors, True)


def element_expr(
    ring: Ring, element: Element, *, outside: bool = False, terms: Scan | None = None
) -> Expr:
    """Canonical expression: content * monomial * polynomial / factored denominator.

    The terms of the numerator may be given when they are known already.
    """
    num = ring.polynomials.numerator(element)
    if num.is_zero():
        return S.Zero
    display = ring.display(outside)
    den = {i: e for i, e in enumerate(element.den) if e}
    parts: list[Expr] = []
    unit = Fraction(1)
    if ring.polynomials.relations:
        num, sines = _sine_powers(ring, display, num)
        pairs, sign = _trigonometric_pairs(ring, display, den)
        parts, unit = [*sines, *pairs], unit * sign
        terms = None if sines else terms
    terms = scan(num) if terms is None else terms
    if len(terms) == 1:
        content, common = Fraction(abs(terms[0][0]), terms[0][1]), dict(terms[0][2])
    else:
        content, common = _content(terms), _common(terms)
    unit = content if unit == 1 else unit * content
    keys: list[Any] = list(common.items())
    evaluated = bool(parts) or not display.is_plain(common)
    for index, exponent in den.items():
        if not exponent:
            continue
        factor, scale, sign = display.factor(index)
        if scale != 1:
            unit /= scale**exponent
        if sign < 0 and exponent % 2:
            unit = -unit
        evaluated = evaluated or not (factor.is_Add or _plain(factor))
        keys.append(("factor", index, exponent))
    rest: Expr = S.One
    if len(terms) > 1:
        rest = _sum(display, terms, content, common)
    elif terms[0][0] < 0:
        unit = -unit
    coefficient = Rational(unit.numerator, unit.denominator)
    if evaluated:
        monomial = Mul(coefficient, *(display.shown(key) for key in common.items()))
        return Mul(monomial, rest, *parts, *(display.shown(key) for key in keys[len(common) :]))
    if not keys:
        return Mul(coefficient, rest)
    places = display.places(set(keys))
    factors = [display.by_place[i] for i in sorted([places[key] for key in keys])]
    if rest is not S.One:
        factors.insert(bisect_left(factors, _ORDER(rest), key=_ORDER), rest)
    if coefficient is not S.One:
        factors.insert(0, coefficient)
    return factors[0] if len(factors) == 1 else Mul._from_args(factors, True)
