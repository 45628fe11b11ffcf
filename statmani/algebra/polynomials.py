"""Exact arithmetic in Q[generators][1/f_1 ... 1/f_k] with algebraic relations.

The generators may be added at any time (a new flint context, into which older polynomials
are lifted when they meet newer ones). A relation ``r**d -> R`` makes the generator ``r``
algebraic of degree d over the earlier ones; denominators never contain such a generator, and
the factors f_i are irreducible, so that cancelling by trial division gives the canonical form.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any, final

from flint import Ordering, fmpq, fmpq_mpoly_ctx
from flint.utils.flint_exceptions import DomainError

from statmani.algebra import sums
from statmani.algebra.element import Element, Exponents, add_exponents, max_exponents
from statmani.algebra.factors import irreducible_factors
from statmani.algebra.reciprocals import reciprocal
from statmani.algebra.sums import Groups, Row

__all__ = ["Polynomials", "Relation", "Row", "row"]

# A failed division of longer polynomials is seen sooner than their remainder is found.
_SHORT = 20


def row(elements: Iterable[Element]) -> Row:
    """The nonzero elements by index."""
    return {i: e for i, e in enumerate(elements) if e.num}


@cache
def _context(width: int) -> tuple[Any, Any, Any, tuple[Any, ...]]:
    """A flint context of so many generators, with 0, 1 and the generators."""
    context = fmpq_mpoly_ctx.get([f"g{i}" for i in range(width)], Ordering.degrevlex)
    return context, context.constant(0), context.constant(1), context.gens()


def _quotient(num: Any, factor: Any) -> Any:
    """An exact quotient of polynomials, else None."""
    if len(num) <= _SHORT:
        quotient, rest = divmod(num, factor)
        return None if rest else quotient
    try:
        return num / factor
    except DomainError:
        return None


@final
@dataclass(frozen=True)
class Relation:
    """``generator ** degree = radicand``; the radicand has no later algebraic generator."""

    generator: int
    degree: int
    radicand: Any


@final
class Polynomials:
    """The ring: generators, relations and the irreducible factors of denominators.

    Parameters
    ----------
    count : int
        The number of generators to begin with.
    """

    def __init__(self, count: int = 0) -> None:
        self._count = 0
        self.width = 0
        self.context: Any = None
        self.relations: list[Relation] = []
        self.factors: list[Any] = []
        self._supports: list[list[tuple[int, int]]] = []
        #: By factor: the generator that it is, or -1.
        self.generators: list[int] = []
        self._total_degrees: list[int] = []
        self._expanded: dict[Exponents, Any] = {}
        self._powers: dict[tuple[int, int], Any] = {}
        self._sums: dict[tuple[Exponents, Exponents], Exponents] = {}
        self._has_generators = False
        #: Whether there may be elements of an older context.
        self.moved = False
        self.lock = threading.RLock()
        self._grow(count)

    def _grow(self, count: int) -> None:
        self._count += count
        if self.context is not None and self._count <= self.width:
            return
        # Flint packs eight fields to a word, one of them for the total degree; a new context
        # means that polynomials of the old one are moved, so all fields of a word are taken.
        self.width = self._count + (7 - self._count) % 8
        self.moved = self.context is not None
        self.context, zero, one, self._gens = _context(self.width)
        self.factors = [f.project_to_context(self.context) for f in self.factors]
        self.relations = [
            Relation(r.generator, r.degree, r.radicand.project_to_context(self.context))
            for r in self.relations
        ]
        self._expanded.clear()
        self._powers.clear()
        self.zero = Element(self, zero, ())
        self.one = Element(self, one, ())

    def new_generators(self, count: int) -> range:
        """Add generators and return their indices."""
        with self.lock:
            start = self._count
            self._grow(count)
            return range(start, start + count)

    def relate(self, generator: int, degree: int, radicand: Element) -> None:
        """Make `generator` algebraic: its power `degree` equals `radicand` (no denominator)."""
        self.relations.append(Relation(generator, degree, self.numerator(radicand)))

    def lift(self, polynomial: Any) -> Any:
        """The polynomial in the newest context."""
        if not self.moved or polynomial.context() is self.context:
            return polynomial
        return polynomial.project_to_context(self.context)

    def numerator(self, element: Element) -> Any:
        """The element's numerator in the newest context, where it stays."""
        if self.moved and element.num.context() is not self.context:
            element.num = element.num.project_to_context(self.context)
        return element.num

    def divides(self, factor: int, num: Any) -> bool:
        """Whether a factor divides a polynomial."""
        return _quotient(num, self.factors[factor]) is not None

    def rational(self, value: Fraction | int) -> Any:
        """A rational number for flint."""
        return fmpq(value.numerator, value.denominator)

    def number(self, value: Fraction | int) -> Element:
        """A rational number as an element."""
        return Element(self, self.context.constant(self.rational(value)), ())

    def generator(self, index: int) -> Element:
        """The generator as an element."""
        return Element(self, self._gens[index], ())

    def used(self, polynomial: Any) -> list[int]:
        """Indices of the generators that occur."""
        return [i for i, d in enumerate(polynomial.degrees()) if d > 0]

    # -- canonical form ------------------------------------------------------------------

    def reduced(self, num: Any) -> Any:
        """The polynomial with the relations applied."""
        for relation in reversed(self.relations):
            i, d = relation.generator, relation.degree
            if num.degrees()[i] < d:
                continue
            parts: dict[int, dict[Any, Any]] = {}
            for exponents, coefficient in num.to_dict().items():
                e = exponents[i]
                key = (*exponents[:i], e % d, *exponents[i + 1 :])
                parts.setdefault(e // d, {})[key] = coefficient
            num = sum(
                (self.context.from_dict(p) * relation.radicand**k for k, p in parts.items()),
                self.context.constant(0),
            )
        return num

    def lowest(self, num: Any, den: Exponents, coprime: Collection[int] = ()) -> Element:
        """The canonical element num / den: relations applied, common factors divided out.

        Factors that are known not to divide the numerator may be named.
        """
        if self.relations:
            num = self.reduced(num)
        if not den:
            return Element(self, num, den)
        if not num:
            return self.zero
        if len(num) == 1 and not self._has_generators:
            # A monomial is no multiple of a factor with several terms.
            return Element(self, num, den)
        degree = num.total_degree()
        if not degree:
            # No factor divides a number.
            return Element(self, num, den)
        left: list[int] | None = None
        degrees = None
        several = den.count(0) < len(den) - 1
        for i, e in enumerate(den):
            if not e or i in coprime:
                continue
            if self.generators[i] >= 0:
                # The greatest common divisor with a power of a generator costs next to nothing.
                shared = num.gcd(self.power(i, e))
                common = shared.total_degree()
                if common:
                    num = num / shared
                    left = list(den) if left is None else left
                    left[i] = e - int(common)
                    degree, degrees = degree - common, None
                continue
            size = self._total_degrees[i]
            if degree < size or len(num) == 1:
                continue
            if several:
                # The degrees rule out most of several factors.
                degrees = num.degrees() if degrees is None else degrees
                if any(degrees[v] < d for v, d in self._supports[i]):
                    continue
            factor, rest = self.factors[i], e
            while rest and degree >= size:
                quotient = _quotient(num, factor)
                if quotient is None:
                    break
                num, rest, degree = quotient, rest - 1, degree - size
            if rest != e:
                left = list(den) if left is None else left
                left[i] = rest
                degrees = None
        if left is None:
            return Element(self, num, den)
        while left and not left[-1]:
            left.pop()
        return Element(self, num, tuple(left))

    def sum_of(self, a: Exponents, b: Exponents) -> Exponents:
        """Exponents of a product of denominators, remembered."""
        if not (a and b):
            return a or b
        known = self._sums.get((a, b))
        if known is None:
            known = self._sums[a, b] = add_exponents(a, b)
        return known

    def power(self, factor: int, exponent: int) -> Any:
        """A power of a factor of denominators."""
        key = factor, exponent
        known = self._powers.get(key)
        if known is None:
            known = self._powers[key] = self.factors[factor] ** exponent
        return known

    def expand_denominator(self, den: Exponents) -> Any:
        """The product of the factors' powers as a polynomial."""
        known = self._expanded.get(den)
        if known is None:
            for i, e in enumerate(den):
                if e:
                    part = self.power(i, e)
                    known = part if known is None else known * part
            if known is None:
                known = self.context.constant(1)
            self._expanded[den] = known
        return known

    def combined(self, groups: Groups, coprime: Collection[int] = ()) -> Element:
        """The sum of numerators of the newest context, by denominator, in lowest terms."""
        if len(groups) == 1:
            ((den, num),) = groups.items()
            return self.lowest(num, den, coprime)
        if not groups:
            return self.zero
        # What vanishes must not raise the common denominator.
        groups = {den: num for den, num in groups.items() if num}
        if len(groups) < 2:
            return self.combined(groups, coprime)
        common = max_exponents(groups)
        total = None
        for den, num in groups.items():
            if den != common:
                padded = den + (0,) * (len(common) - len(den))
                missing = tuple(map(int.__sub__, common, padded))
                num = num * self.expand_denominator(missing)
            total = num if total is None else total + num
        return self.lowest(total, common, coprime)

    def total(self, elements: Iterable[Element], minus: Iterable[Element] = ()) -> Element:
        """The sum less that of others, brought to lowest terms once."""
        # Making the elements may add generators, so all are made before the first is lifted.
        plus, less = [e for e in elements if e.num], [e for e in minus if e.num]
        if len(plus) + len(less) < 2:
            return plus[0] if plus else -less[0] if less else self.zero
        groups: Groups = {}
        for e in plus:
            known, num = groups.get(e.den), self.numerator(e)
            groups[e.den] = num if known is None else known + num
        for e in less:
            known, num = groups.get(e.den), self.numerator(e)
            groups[e.den] = -num if known is None else known - num
        return self.combined(groups)

    def dot(self, pairs: Iterable[tuple[Element, Element]]) -> Element:
        """The sum of products, brought to lowest terms once."""
        # Making the elements may add generators, as above.
        made = [(a, b) for a, b in pairs if a.num and b.num]
        if len(made) < 2:
            return made[0][0] * made[0][1] if made else self.zero
        groups: Groups = {}
        for a, b in made:
            den = self.sum_of(a.den, b.den)
            known, num = groups.get(den), self.numerator(a) * self.numerator(b)
            groups[den] = num if known is None else known + num
        return self.combined(groups)

    def scalar_product(self, products: Iterable[tuple[int, Row, Row]]) -> Element:
        """Signed scalar products of rows, in lowest terms.

        All elements exist already, so that no new generator moves them to another context.
        """
        return self.combined(sums.products(self, products))

    def simple_derivative(self, element: Element, coordinate: int) -> Element | None:
        """By a symbol, where the denominator is a power of one symbol and all others are constant.

        None for other denominators.
        """
        num, den = self.numerator(element), element.den
        slope = num.derivative(coordinate) if num.total_degree() else None
        if not den:
            return Element(self, slope, den) if slope else self.zero
        symbol = self.generators[len(den) - 1]
        if symbol < 0:
            return None
        if symbol != coordinate:
            return self.lowest(slope, den) if slope else self.zero
        # The numerator stays prime to the symbol.
        top = num * -den[-1]
        if slope:
            top = slope * self.generator(symbol).num + top
        return Element(self, top, (*den[:-1], den[-1] + 1))

    # -- division ------------------------------------------------------------------------

    def register(self, factor: Any) -> tuple[int, Any]:
        """Index of an irreducible polynomial, and the constant by which it was scaled."""
        unit = factor.leading_coefficient()
        factor = factor / unit
        for index, known in enumerate(self.factors):
            if known == factor:
                return index, unit
        self.factors.append(factor)
        support = [(v, d) for v, d in enumerate(factor.degrees()) if d]
        self._supports.append(support)
        self._total_degrees.append(int(factor.total_degree()))
        self.generators.append(support[0][0] if len(factor) == 1 else -1)
        self._has_generators = self._has_generators or len(factor) == 1
        return len(self.factors) - 1, unit

    def factored(self, num: Any) -> tuple[Fraction, list[tuple[Any, int]]]:
        """Content and irreducible factors of a polynomial without algebraic generators."""
        return irreducible_factors(num)

    def inverse(self, element: Element) -> Element:
        """1 / element; its irreducible factors join the denominators.

        Raises
        ------
        ZeroDivisionError
            The element is zero or divides zero.
        """
        with self.lock:
            return reciprocal(self, element)

    def monomial(self, p: int, q: int, powers: Mapping[int, int]) -> Element:
        """p / q times powers of generators without relation."""
        if not p:
            return self.zero
        num = self.context.constant(p if q == 1 else fmpq(p, q))
        den: list[int] = []
        for generator, e in powers.items():
            if e > 0:
                num = num * self._gens[generator] ** e
            elif e < 0:
                index = self.monomial_factor(generator)
                den.extend([0] * (index + 1 - len(den)))
                den[index] = -e
        return Element(self, num, tuple(den))

    def monomial_factor(self, generator: int) -> int:
        """The index of a generator among the factors, which it joins when it is new."""
        if generator not in self.generators:
            self.factors.append(self._gens[generator])
            self._supports.append([(generator, 1)])
            self._total_degrees.append(1)
            self.generators.append(generator)
            self._has_generators = True
        return self.generators.index(generator)
