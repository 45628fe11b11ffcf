"""Lattices of exponents: which arguments of exp (or of sin, cos) are related over Q.

``exp(a)`` and ``exp(b)`` are algebraically independent exactly when a and b are linearly
independent over Q (under Schanuel's conjecture); so generators are made for a basis of the
lattice that all arguments span: the Hermite normal form with its rows made short.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from math import lcm
from typing import Any

from flint import fmpz_mat

from statmani.algebra.element import Element, max_exponents
from statmani.algebra.polynomials import Polynomials

__all__ = ["lattice_basis", "rational_combination"]


def _rows(
    ring: Polynomials, elements: Sequence[Element]
) -> tuple[list[dict[Any, Fraction]], list[Any], Any]:
    """Coefficient rows of elements over their common denominator, and the monomials."""
    common = max_exponents(e.den for e in elements)
    rows: list[dict[Any, Fraction]] = []
    columns: dict[Any, None] = {}
    for element in elements:
        padded = element.den + (0,) * (len(common) - len(element.den))
        missing = tuple(c - d for c, d in zip(common, padded, strict=True))
        num = ring.numerator(element) * ring.expand_denominator(missing)
        row = {m: Fraction(int(c.p), int(c.q)) for m, c in num.to_dict().items()}
        columns.update(dict.fromkeys(row))
        rows.append(row)
    return rows, list(columns), common


def rational_combination(
    ring: Polynomials, target: Element, basis: Sequence[Element]
) -> list[Fraction] | None:
    """Rational q with target = sum q_j basis_j, or None when independent.

    The basis must be linearly independent over Q.
    """
    if not basis:
        return None
    rows, columns, _ = _rows(ring, [*basis, target])
    n = len(basis)
    table = [[row.get(c, Fraction(0)) for row in rows] for c in columns]
    pivots: list[int] = []
    rank = 0
    for column in range(n):
        pivot = next((r for r in range(rank, len(table)) if table[r][column]), None)
        if pivot is None:
            return None
        table[rank], table[pivot] = table[pivot], table[rank]
        scale = table[rank][column]
        table[rank] = [x / scale for x in table[rank]]
        for r, other in enumerate(table):
            if r != rank and other[column]:
                factor = other[column]
                table[r] = [x - factor * y for x, y in zip(other, table[rank], strict=True)]
        pivots.append(rank)
        rank += 1
    if any(row[n] for row in table[rank:]):
        return None
    return [table[r][n] for r in pivots]


def lattice_basis(
    ring: Polynomials, elements: Sequence[Element], order: Callable[[tuple[int, ...]], Any]
) -> list[Element]:
    """A basis of the lattice that the elements span over the integers.

    The Hermite normal form is unique once the monomials are sorted, here by `order`. Its entries
    can be millions where those of the elements are small; reduction (Lenstra, Lenstra and Lovasz
    1982) makes them small again, always the same ones.
    """
    if not elements:
        return []
    rows, columns, common = _rows(ring, elements)
    columns.sort(key=order)
    scale = lcm(*(x.denominator for row in rows for x in row.values()), 1)
    matrix = fmpz_mat([[int(row.get(c, Fraction(0)) * scale) for c in columns] for row in rows])
    basis = []
    for row in _reduced(matrix):
        terms = {
            c: ring.rational(Fraction(int(x), scale))
            for c, x in zip(columns, row, strict=True)
            if x
        }
        if terms:
            basis.append(ring.lowest(ring.context.from_dict(terms), common))
    return basis


def _reduced(matrix: Any) -> list[list[int]]:
    """A basis of the rows' lattice in short rows, sorted, whose first entries are positive."""
    rows = [row for row in matrix.hnf().tolist() if any(row)]
    short = [[int(x) for x in row] for row in fmpz_mat(rows).lll().tolist()] if rows else []
    signed = [[-x for x in row] if next(x for x in row if x) < 0 else row for row in short]
    return sorted(signed, reverse=True)
