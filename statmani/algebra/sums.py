"""Sums of products of elements that are brought to lowest terms only once.

All elements of one call exist already, so that no new generator moves them to another context;
sums that were kept from before are moved to the newest one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from statmani.algebra.element import Element, Exponents

if TYPE_CHECKING:
    from statmani.algebra.polynomials import Polynomials

__all__ = ["Groups", "Row", "add_combination", "combination", "difference", "gathered", "products"]

#: The nonzero entries of a row, by index.
Row = dict[int, Element]
#: Numerators by denominator; their sum is meant.
Groups = dict[Exponents, Any]


def products(ring: Polynomials, pairs: Iterable[tuple[int, Row, Row]]) -> Groups:
    """Signed scalar products of rows."""
    groups: Groups = {}
    moved, sum_of = ring.moved, ring.sum_of
    for sign, left, right in pairs:
        if len(right) < len(left):
            left, right = right, left
        for n, a in left.items():
            b = right.get(n)
            if b is None:
                continue
            if moved:
                ring.numerator(a), ring.numerator(b)
            den = sum_of(a.den, b.den)
            num, known = a.num * b.num, groups.get(den)
            if sign > 0:
                groups[den] = num if known is None else known + num
            else:
                groups[den] = -num if known is None else known - num
    return groups


def gathered(
    ring: Polynomials,
    positive: Sequence[Groups],
    negative: Sequence[Groups],
    plus: Iterable[Element] = (),
    minus: Iterable[Element] = (),
) -> Element:
    """Sums and single elements, added and subtracted, in lowest terms."""
    groups: Groups = {}
    lift = ring.lift if ring.moved else None
    for part in (*positive, *[{e.den: e.num} for e in plus if e.num]):
        for den, num in part.items():
            known = groups.get(den)
            if lift:
                num = lift(num)
            groups[den] = num if known is None else known + num
    for part in (*negative, *[{e.den: e.num} for e in minus if e.num]):
        for den, num in part.items():
            known = groups.get(den)
            if lift:
                num = lift(num)
            groups[den] = -num if known is None else known - num
    return ring.combined(groups)


def difference(ring: Polynomials, plus: Groups, minus: Groups) -> Element:
    """One sum less another, in lowest terms."""
    lift = ring.lift
    groups = {den: lift(num) for den, num in plus.items()} if ring.moved else plus.copy()
    for den, num in minus.items():
        known = groups.get(den)
        groups[den] = -lift(num) if known is None else known - lift(num)
    return ring.combined(groups)


def combination(ring: Polynomials, terms: Iterable[tuple[int, Element, Row]]) -> Row:
    """The sum of sign * element * row, in lowest terms."""
    sums: dict[int, Groups] = {}
    add_combination(ring, terms, sums)
    made = {n: ring.combined(groups) for n, groups in sums.items()}
    return {n: e for n, e in made.items() if e.num}


def add_combination(
    ring: Polynomials, terms: Iterable[tuple[int, Element, Row]], sums: dict[int, Groups]
) -> None:
    """Add sign * element * row to sums by index.

    The sums are of the newest context.
    """
    moved, sum_of = ring.moved, ring.sum_of
    for sign, scalar, line in terms:
        x, left = ring.numerator(scalar) if moved else scalar.num, scalar.den
        if sign < 0:
            x = -x
        for n, e in line.items():
            y, right = ring.numerator(e) if moved else e.num, e.den
            den = sum_of(left, right) if right else left
            groups = sums.get(n)
            if groups is None:
                sums[n] = {den: x * y}
            else:
                known = groups.get(den)
                groups[den] = x * y if known is None else known + x * y
