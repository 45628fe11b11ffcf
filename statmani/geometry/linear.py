"""Inverse and determinant of symmetric matrices over the ring.

Blocks of the sparsity pattern are treated one by one: a diagonal plus a constant by
Sherman-Morrison, small ones by localised minors, larger ones by Schur complements.
"""

from __future__ import annotations

from collections.abc import Sequence

from flint import fmpq, fmpq_mat

from statmani.algebra.element import Element
from statmani.algebra.ring import Ring

__all__ = [
    "blocks",
    "determinant",
    "inverse",
    "is_surely_regular",
    "plane",
    "plane_determinant",
]

Matrix = list[list[Element]]
_LARGEST_MINORS = 4


def is_surely_regular(ring: Ring, matrix: Sequence[Sequence[Element]]) -> bool:
    """Whether the determinant is proved not to vanish, by its exact value at one place.

    A generator takes any value; with relations among generators nothing is proved here.
    """
    polynomials = ring.polynomials
    if polynomials.relations:
        return False
    place = [pow(3, 7 * i + 5, 1009) for i in range(polynomials.width)]
    factors = [f(*place) for f in polynomials.factors]
    if not all(factors):
        return False
    n = len(matrix)
    values = [[fmpq(0)] * n for _ in range(n)]
    for i in range(n):
        for j in range(i, n):
            element = matrix[i][j]
            if element:
                value = polynomials.numerator(element)(*place)
                for factor, e in zip(factors, element.den, strict=False):
                    if e:
                        value /= factor**e
                values[i][j] = values[j][i] = value
    return bool(fmpq_mat(values).det() != 0)


def blocks(g: Sequence[Sequence[Element]]) -> list[list[int]]:
    """Connected index sets of the sparsity pattern."""
    rest = list(range(len(g)))
    result = []
    while rest:
        block, queue = [], [rest.pop(0)]
        while queue:
            i = queue.pop()
            block.append(i)
            near = [j for j in rest if g[i][j]]
            rest = [j for j in rest if j not in near]
            queue.extend(near)
        result.append(sorted(block))
    return result


class _Minors:
    """Minors of one symmetric block, remembered."""

    def __init__(self, ring: Ring, matrix: Matrix) -> None:
        self._ring = ring
        self._matrix = matrix
        self._known: dict[tuple[tuple[int, ...], tuple[int, ...]], Element] = {}

    def get(self, rows: tuple[int, ...], columns: tuple[int, ...]) -> Element:
        if rows > columns:
            rows, columns = columns, rows
        if len(rows) == 0:
            return self._ring.polynomials.one
        key = (rows, columns)
        if key not in self._known:
            first, rest = rows[0], rows[1:]
            pairs = []
            for place, column in enumerate(columns):
                entry = self._matrix[first][column]
                if entry:
                    minor = self.get(rest, columns[:place] + columns[place + 1 :])
                    pairs.append((entry if place % 2 == 0 else -entry, minor))
            self._known[key] = self._ring.polynomials.dot(pairs)
        return self._known[key]


def _by_minors(ring: Ring, matrix: Matrix) -> tuple[Matrix, Element]:
    n = len(matrix)
    minors = _Minors(ring, matrix)
    everything = tuple(range(n))
    det = minors.get(everything, everything)
    reciprocal = ring.inverse(det)
    result = [[ring.polynomials.zero] * n for _ in range(n)]
    for i in range(n):
        for j in range(i, n):
            minor = minors.get(
                everything[:i] + everything[i + 1 :], everything[:j] + everything[j + 1 :]
            )
            entry = minor * reciprocal
            result[i][j] = result[j][i] = -entry if (i + j) % 2 else entry
    return result, det


def _common_entry(matrix: Matrix) -> Element | None:
    """The off-diagonal entry when all are equal."""
    n = len(matrix)
    entry = matrix[0][1]
    same = all(matrix[i][j] == entry for i in range(n) for j in range(i + 1, n))
    return entry if same else None


def _diagonal_plus_constant(
    ring: Ring, matrix: Matrix, c: Element
) -> tuple[Matrix, Element] | None:
    """Sherman-Morrison for diag(d) + c 1 1^T."""
    n = len(matrix)
    d = [matrix[i][i] - c for i in range(n)]
    if not all(d):
        return None
    inverses = [ring.inverse(e) for e in d]
    total = ring.polynomials.total([ring.polynomials.one, *(c * e for e in inverses)])
    det = total
    for e in d:
        det = det * e
    if not total:
        return [], det
    factor = c * ring.inverse(total)
    scaled = [factor * e for e in inverses]
    result = [
        [
            ring.polynomials.total([inverses[i], -(scaled[i] * inverses[i])])
            if i == j
            else -(scaled[i] * inverses[j])
            for j in range(n)
        ]
        for i in range(n)
    ]
    return result, det


def _product(ring: Ring, a: Matrix, b: Matrix) -> Matrix:
    columns = list(zip(*b, strict=True))
    return [[ring.polynomials.dot(zip(row, c, strict=True)) for c in columns] for row in a]


def _by_schur(ring: Ring, matrix: Matrix) -> tuple[Matrix, Element]:
    n = len(matrix)
    k = n // 2
    a = [row[:k] for row in matrix[:k]]
    b = [row[k:] for row in matrix[:k]]
    a_inverse, a_det = inverse(ring, a)
    if not a_det:
        return _by_minors(ring, matrix)
    ab = _product(ring, a_inverse, b)
    ba = [list(row) for row in zip(*ab, strict=True)]
    correction = _product(ring, [list(c) for c in zip(*b, strict=True)], ab)
    schur = [[matrix[k + i][k + j] - correction[i][j] for j in range(n - k)] for i in range(n - k)]
    s_inverse, s_det = inverse(ring, schur)
    upper_right = [[-e for e in row] for row in _product(ring, ab, s_inverse)] if s_det else []
    if not s_det:
        return [], ring.polynomials.zero
    outer = _product(ring, upper_right, ba)
    result = [[ring.polynomials.zero] * n for _ in range(n)]
    for i in range(n):
        for j in range(n):
            if i < k and j < k:
                result[i][j] = a_inverse[i][j] - outer[i][j]
            elif i < k:
                result[i][j] = upper_right[i][j - k]
            elif j < k:
                result[i][j] = upper_right[j][i - k]
            else:
                result[i][j] = s_inverse[i - k][j - k]
    return result, a_det * s_det


def _block_inverse(ring: Ring, matrix: Matrix) -> tuple[Matrix, Element]:
    n = len(matrix)
    if n == 1:
        det = matrix[0][0]
        return [[ring.inverse(det)]] if det else [], det
    if n > 2:
        c = _common_entry(matrix)
        if c is not None:
            found = _diagonal_plus_constant(ring, matrix, c)
            if found is not None:
                return found
    if n > _LARGEST_MINORS:
        return _by_schur(ring, matrix)
    everything = tuple(range(n))
    det = _Minors(ring, matrix).get(everything, everything)
    if not det:
        return [], det
    return _by_minors(ring, matrix)


def inverse(ring: Ring, matrix: Sequence[Sequence[Element]]) -> tuple[Matrix, Element]:
    """Inverse and determinant; the inverse is empty when the determinant is zero."""
    n = len(matrix)
    zero = ring.polynomials.zero
    result = [[zero] * n for _ in range(n)]
    det = ring.polynomials.one
    for block in blocks(matrix):
        part, d = _block_inverse(ring, [[matrix[i][j] for j in block] for i in block])
        if not d:
            return [], zero
        det = det * d
        for i, row in zip(block, part, strict=True):
            for j, entry in zip(block, row, strict=True):
                result[i][j] = entry
    return result, det


def plane_determinant(ring: Ring, matrix: Sequence[Sequence[Element]]) -> Element:
    """The determinant of a symmetric matrix in two dimensions."""
    (a, b), (_, c) = matrix
    return ring.polynomials.dot([(a, c), (-b, b)]) if b else a * c


def plane(
    ring: Ring, matrix: Sequence[Sequence[Element]], det: Element
) -> tuple[Matrix, Element, Element]:
    """Inverse, determinant and its reciprocal in two dimensions; no inverse if it is zero."""
    if not det:
        return [], det, det
    (a, b), (_, c) = matrix
    if not b:
        first, last = ring.inverse(a), ring.inverse(c)
        return [[first, b], [b, last]], det, first * last
    reciprocal = ring.inverse(det)
    mixed = -(b * reciprocal)
    return [[c * reciprocal, mixed], [mixed, a * reciprocal]], det, reciprocal


def determinant(ring: Ring, matrix: Sequence[Sequence[Element]]) -> Element:
    """The determinant of a square matrix (not only symmetric ones)."""
    n = len(matrix)
    if n == 0:
        return ring.polynomials.one
    known: dict[tuple[int, ...], Element] = {(): ring.polynomials.one}

    def minor(columns: tuple[int, ...]) -> Element:
        if columns not in known:
            row = matrix[n - len(columns)]
            known[columns] = ring.polynomials.dot(
                (
                    row[c] if place % 2 == 0 else -row[c],
                    minor(columns[:place] + columns[place + 1 :]),
                )
                for place, c in enumerate(columns)
                if row[c]
            )
        return known[columns]

    return minor(tuple(range(n)))
