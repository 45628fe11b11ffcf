"""Sums of products of elements that are brought to lowest terms only once.

All elements of one call exist already, so that no new generator moves them to another context;
sums that were kept from before are moved to the newest one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from statmani.algebra.element import Element, Exponents, add_exponents

if TYPE_CHECKING:
    from statmani.algebra.polynomials import Polynomials

__all__ = ["Groups", "Row", "combination", "gathered", "products"]

#: The nonzero entries of a row, by index.
Row = dict[int, Element]
#: Numerators by denominator; their sum is meant.
Groups = dict[Exponents, Any]


def products(ring: Polynomials, pairs: Iterable[tuple[int, Row, Row]]) -> Groups:
    """Signed scalar products of rows."""
    groups: Groups = {}
    moved = ring.moved
    for sign, left, right in pairs:
        if len(right) < len(left):
            left, right = right, left
        for n, a in left.items():
            b = right.get(n)
            if b is None:
                continue
            if moved:
                ring.numerator(a), ring.numerator(b)
            den = add_exponents(a.den, b.den)
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


def combination(
    ring: Polynomials,
    terms: Iterable[tuple[int, Element, Row]],
    sums: dict[int, Groups] | None = None,
) -> Row:
    """The sum of sign * element * row, in lowest terms.

    Parameters
    ----------
    ring : Polynomials
    terms : iterable of (sign, element, row)
    sums : dict, optional
        By index, what is to be added; it is used up.
    """
    moved = ring.moved
    total: dict[int, Groups] = {} if sums is None else sums
    if moved:
        for n, groups in total.items():
            total[n] = {den: ring.lift(num) for den, num in groups.items()}
    for sign, scalar, line in terms:
        x, left = ring.numerator(scalar), scalar.den
        if sign < 0:
            x = -x
        for n, e in line.items():
            y = ring.numerator(e) if moved else e.num
            right = e.den
            den = (add_exponents(left, right) if left else right) if right else left
            found = total.get(n)
            if found is None:
                total[n] = {den: x * y}
            else:
                known = found.get(den)
                found[den] = x * y if known is None else known + x * y
    made = {n: ring.combined(groups) for n, groups in total.items()}
    return {n: e for n, e in made.items() if e.num}
