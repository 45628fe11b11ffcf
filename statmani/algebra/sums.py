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
    numerator, context = ring.numerator, ring.context
    for sign, left, right in pairs:
        if len(right) < len(left):
            left, right = right, left
        for n, a in left.items():
            if n not in right:
                continue
            b = right[n]
            x, y, den = a.num, b.num, a.den
            if x.context() is not context:
                x = numerator(a)
            if y.context() is not context:
                y = numerator(b)
            if b.den:
                den = add_exponents(den, b.den) if den else b.den
            num, known = x * y, groups.get(den)
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
    parts = [*positive, *({e.den: e.num} for e in plus if e.num)]
    for part in parts:
        for den, num in part.items():
            known, num = groups.get(den), ring.lift(num)
            groups[den] = num if known is None else known + num
    parts = [*negative, *({e.den: e.num} for e in minus if e.num)]
    for part in parts:
        for den, num in part.items():
            known, num = groups.get(den), ring.lift(num)
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
        By index, what is to be added.
    """
    numerator, context, lift = ring.numerator, ring.context, ring.lift
    total = {
        n: {den: lift(num) for den, num in groups.items()} for n, groups in (sums or {}).items()
    }
    dens: dict[tuple[Exponents, Exponents], Exponents] = {}
    for sign, scalar, line in terms:
        x, left = numerator(scalar), scalar.den
        if sign < 0:
            x = -x
        for n, e in line.items():
            y, right = e.num, e.den
            if y.context() is not context:
                y = numerator(e)
            den = dens.get((left, right))
            if den is None:
                den = dens[left, right] = add_exponents(left, right)
            groups = total.get(n)
            if groups is None:
                total[n] = {den: x * y}
            else:
                known = groups.get(den)
                groups[den] = x * y if known is None else known + x * y
    made = {n: ring.combined(groups) for n, groups in total.items()}
    return {n: e for n, e in made.items() if e.num}
