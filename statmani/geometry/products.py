"""Raised rows and scalar products of rows of symbols, each made once.

Many symbols of a manifold are the same elements: all Gamma_ij, i != j, of a Dirichlet family.
Rows that consist of the same elements are one object here, and what is made of it is remembered.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import final

from statmani.algebra.element import Element
from statmani.algebra.polynomials import Polynomials, row
from statmani.algebra.sums import Groups, Row, combination, gathered, products

__all__ = ["Products"]


@final
class Products:
    """Rows with a lower index and the inverse metric.

    Parameters
    ----------
    polynomials : Polynomials
    inverse : sequence of sequence of Element
        g^{mn}.
    """

    def __init__(self, polynomials: Polynomials, inverse: Sequence[Sequence[Element]]) -> None:
        self._polynomials = polynomials
        self._inverse = [row(line) for line in inverse]
        self._is_diagonal = all(len(line) == 1 for line in self._inverse)
        # Rows are known by identity; the entries keep them and their elements alive.
        self._rows: dict[tuple[int, ...], tuple[Row, Sequence[Element]]] = {}
        self._raised: dict[int, tuple[Row, Row]] = {}
        self._scalars: dict[tuple[int, int], tuple[Row, Row, Groups]] = {}

    def row(self, line: Sequence[Element]) -> Row:
        """The nonzero entries; the same object for the same elements."""
        key = tuple(map(id, line))
        if key not in self._rows:
            self._rows[key] = row(line), line
        return self._rows[key][0]

    def raise_index(self, line: Row) -> Row:
        """g^{km} line_m by k."""
        if not line:
            return line
        inverse = self._inverse
        if self._is_diagonal:
            made = {m: e * inverse[m][m] for m, e in line.items()}
            return {m: e for m, e in made.items() if e.num}
        return combination(self._polynomials, [(1, e, inverse[m]) for m, e in line.items()])

    def raised(self, line: Row) -> Row:
        """g^{km} line_m by k, remembered."""
        known = self._raised.get(id(line))
        if known is None:
            known = self._raised[id(line)] = line, self.raise_index(line)
        return known[1]

    def scalar(self, a: Row, b: Row) -> Groups:
        """g^{mn} a_m b_n, remembered, not in lowest terms."""
        known = self._scalars.get((id(a), id(b))) or self._scalars.get((id(b), id(a)))
        if known is None:
            groups = products(self._polynomials, ((1, self.raised(a), b),))
            known = self._scalars[id(a), id(b)] = a, b, groups
        return known[2]

    def total(
        self,
        plus_pairs: Iterable[tuple[Row, Row]],
        minus_pairs: Iterable[tuple[Row, Row]],
        plus: Iterable[Element] = (),
        minus: Iterable[Element] = (),
    ) -> Element:
        """Scalar products and single elements, added and subtracted."""
        positive = [self.scalar(a, b) for a, b in plus_pairs]
        negative = []
        for a, b in minus_pairs:
            found = self.scalar(a, b)
            # The same products on both sides cancel without arithmetic.
            place = next((p for p, other in enumerate(positive) if other is found), None)
            if place is None:
                negative.append(found)
            else:
                del positive[place]
        return gathered(self._polynomials, positive, negative, plus, minus)
