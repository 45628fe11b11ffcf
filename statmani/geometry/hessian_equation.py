"""Solutions of Hess f = -K f g in closed form.

On a space of constant curvature K the solutions form a space of dimension n + 1: they are the
linear functions of the model space in R^(n+1) (Obata 1962; for K = 0 the affine functions). The
pair (f, df) is parallel for a flat connection, so a solution is known from its value at a point;
here it is sought as a sum of products of powers of the functions that the metric is made of.
Which products occur is found by linear algebra over a finite field, their coefficients by exact
algebra.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations_with_replacement, product
from typing import Any, final

import numpy as np
from flint import nmod_mat
from numpy.typing import NDArray
from sympy import Add, Expr, Mul, Rational, S
from sympy.polys.matrices import DomainMatrix

from statmani.algebra.element import Element, max_exponents
from statmani.algebra.ring import Ring
from statmani.geometry.building_blocks import Block, building_blocks, cyclic, logarithms
from statmani.geometry.chart import Homomorphism
from statmani.geometry.manifold import StatisticalManifold
from statmani.geometry.residues import PRIME, Residues, inverse_residue, power_residue

__all__ = ["Piece", "solutions"]

Ints = NDArray[np.int64]
Exponents = tuple[int, ...]
# Half powers count one each; products of more factors are not looked for.
_LEVELS = 8
_LARGEST = 400
# Operations modulo the prime, about; seconds would make results depend on the machine.
_WORK, _EACH = 1.5e8, 5e5
_HALF = (PRIME + 1) // 2


@final
@dataclass(frozen=True)
class Piece:
    """A part of a manifold of constant curvature: the manifold, or a factor of a product.

    Attributes
    ----------
    manifold : StatisticalManifold
    active : tuple of int
        The coordinates on which the part depends.
    dim : int
        Its dimension.
    curvature : Element
    metric : dict
        (i, j) -> the part's metric, for active i <= j.
    projector : dict or None
        (i, j) -> P^i_j on the part's tangent spaces; None for all active directions.
    """

    manifold: StatisticalManifold
    active: tuple[int, ...]
    dim: int
    curvature: Element
    metric: dict[tuple[int, int], Element]
    projector: dict[tuple[int, int], Element] | None = None

    def g(self, i: int, j: int) -> Element:
        """The part's metric."""
        return self.metric[min(i, j), max(i, j)]

    def carried(self, ring: Ring) -> Piece:
        """The same over another ring."""
        carry = Homomorphism(self.manifold.ring, ring, {})
        manifold = _over(self.manifold, ring, carry)
        projector = self.projector
        return Piece(
            manifold,
            self.active,
            self.dim,
            carry(self.curvature),
            {key: carry(e) for key, e in self.metric.items()},
            projector and {key: carry(e) for key, e in projector.items()},
        )

    def equations(self, f: Element) -> list[Element]:
        """What vanishes for a solution."""
        ring, geometry = self.manifold.ring, self.manifold.geometry
        dot = ring.polynomials.dot
        slope = {i: ring.derivative(f, i) for i in self.active}
        found = []
        for i, k in combinations_with_replacement(self.active, 2):
            terms = [(geometry.second(l, i, k), slope[l]) for l in self.active]
            found.append(
                ring.derivative(slope[i], k) - dot(terms) + self.curvature * f * self.g(i, k)
            )
        if self.projector is not None:
            for j in self.active:
                found.append(dot((self.projector[i, j], slope[i]) for i in self.active) - slope[j])
        return found

    def system(self, i: int) -> list[list[Element]]:
        """The matrix A of d_i (f, df) = A (f, df)."""
        ring, geometry = self.manifold.ring, self.manifold.geometry
        zero, one = ring.polynomials.zero, ring.polynomials.one
        rows = [[zero, *(one if j == i else zero for j in self.active)]]
        for j in self.active:
            rows.append(
                [
                    -(self.curvature * self.g(i, j)),
                    *(geometry.second(k, i, j) for k in self.active),
                ]
            )
        return rows

    def tensors(self) -> list[Element]:
        """What the equations are made of."""
        geometry = self.manifold.geometry
        found = [*self.metric.values(), self.curvature]
        for i, j in combinations_with_replacement(self.active, 2):
            found += [geometry.second(k, i, j) for k in self.active]
        if self.projector is not None:
            found += self.projector.values()
        return found


def _over(manifold: StatisticalManifold, ring: Ring, carry: Homomorphism) -> StatisticalManifold:
    metric = [[carry(e) for e in row] for row in manifold.geometry.metric]
    return type(manifold)._from_elements(manifold.domain, ring, metric, {}, None)


def solutions(piece: Piece) -> Iterator[list[Expr]]:
    """Longer and longer lists of solutions, in the user's symbols, until all are found.

    The dimension plus one of them are independent. Every one solves the equation exactly in the
    ring of the manifold extended by the functions that it is made of.
    """
    tensors = piece.tensors()
    determinant = piece.manifold.geometry.determinant
    simple = building_blocks(piece.manifold, piece.active, [*piece.metric.values(), determinant])
    simple += cyclic(piece.manifold, tensors, [(i, piece.system(i)) for i in piece.active])
    logs = logarithms(simple)
    searches = [_Search(piece, simple, _WORK)]
    if logs:
        searches.append(_Search(piece, [*simple, *logs], _WORK / 2))
    count = 0
    for level in range(1, _LEVELS + 1):
        for search in searches:
            found = search.supports(level)
            if len(found) > count:
                count = len(found)
                best = _solved(piece, found)
                yield best
                if len(best) > piece.dim:
                    return


@final
class _Search:
    """Products of powers of blocks up to a level, by the class of their half powers."""

    def __init__(self, piece: Piece, blocks: Sequence[Block], budget: float) -> None:
        self._piece, self._blocks, self._budget = piece, blocks, budget
        self.work = 0.0

    def supports(self, level: int) -> list[list[Expr]]:
        """For each solution of the equations modulo a prime, the products that occur in it."""
        found: list[list[Expr]] = []
        if self.work > self._budget:
            return found
        for members in _classes(self._blocks, level).values():
            if len(members) > _LARGEST or self.work > self._budget:
                continue
            self.work += _EACH + float(len(members)) ** 3
            exponents = np.array(members, dtype=np.int64)
            values, equations = self._sampled.rows(exponents)
            independent = _pivots(values)
            for vector in _kernel(equations[:, independent]):
                used = np.flatnonzero(vector).tolist()
                found.append([self._product(members[independent[k]]) for k in used])
        return found

    @cached_property
    def _sampled(self) -> _Sampled:
        return _Sampled(self._piece, self._blocks)

    def _product(self, exponents: Exponents) -> Expr:
        powers = zip(self._blocks, exponents, strict=True)
        return Mul(*(block.expr ** Rational(e, 2) for block, e in powers if e))


def _classes(blocks: Sequence[Block], level: int) -> dict[Exponents, list[Exponents]]:
    """Doubled exponents of all products up to a level, by parity, the simpler ones first."""
    steps: list[list[tuple[int, int]]] = []
    for block in blocks:
        if block.kind == "signed":
            own = [(e, abs(e)) for e in range(-level, level + 1)]
        elif block.kind == "factor":
            own = [(2 * e, 2 * abs(e)) for e in range(-(level // 2), level // 2 + 1)]
        elif block.kind in ("exp", "cos", "sin"):
            own = [(0, 0), (2, 1)]
        else:
            own = [(2 * e, e) for e in range(level + 1)]
        steps.append(sorted(own, key=lambda pair: (pair[1], -pair[0])))
    found: list[tuple[int, Exponents]] = [(0, ())]
    for own in steps:
        found = [
            (cost + more, (*exponents, e))
            for cost, exponents in found
            for e, more in own
            if cost + more <= level
        ]
    classes: dict[Exponents, list[Exponents]] = {}
    for _, exponents in sorted(found, key=lambda pair: pair[0]):
        classes.setdefault(tuple(e % 2 for e in exponents), []).append(exponents)
    return classes


@final
class _Sampled:
    """Logarithmic derivatives of the blocks and the equations' coefficients at random points."""

    def __init__(self, piece: Piece, blocks: Sequence[Block]) -> None:
        ring, self._active = piece.manifold.ring, piece.active
        geometry = piece.manifold.geometry
        n, active = len(piece.active), piece.active
        pairs = list(product(range(n), repeat=2))
        slopes: list[list[Element]] = []
        second: list[list[Element]] = []
        for block in blocks:
            if block.element is None:
                slopes.append([])
                second.append([])
                continue
            first = [ring.derivative(block.element, i) for i in active]
            slopes.append(first)
            second.append([ring.derivative(first[a], active[b]) for a, b in pairs])
        gamma = [geometry.second(active[l], active[i], active[k])
                 for l in range(n) for i, k in pairs]  # fmt: skip
        # Every point gives n (n + 1) / 2 equations; the values of products need more points.
        residues = Residues(ring, _LARGEST + 8, 1)
        self.count = residues.count
        self._dim = n
        shape = (self.count, n, n)
        self._gamma = np.stack([residues(e) for e in gamma], 1).reshape(self.count, n, n, n)
        curvature = residues(piece.curvature)
        self._metric = np.stack([residues(piece.g(active[i], active[k])) for i, k in pairs], 1)
        self._metric = (self._metric * curvature[:, None] % PRIME).reshape(shape)
        self._projector: Ints | None = None
        if piece.projector is not None:
            p = piece.projector
            self._projector = np.stack(
                [residues(p[active[i], active[j]]) for i, j in pairs], 1
            ).reshape(shape)
        self._values: list[Ints] = []
        self._first: list[Ints] = []
        self._second: list[Ints] = []
        circles: dict[tuple[int, Rational], tuple[Ints, Ints]] = {}
        for block, first, seconds in zip(blocks, slopes, second, strict=True):
            if block.element is None:
                value, a, b = self._free(block, residues, circles)
            else:
                value = residues(block.element)
                a = np.stack([residues(e) for e in first], 1)
                b = np.stack([residues(e) for e in seconds], 1).reshape(shape)
                inverse = inverse_residue(value)
                a = a * inverse[:, None] % PRIME
                b = (b * inverse[:, None, None] - a[:, :, None] * a[:, None, :]) % PRIME
                if block.kind == "log":
                    value = residues.random(self.count)
                    inverse = inverse_residue(value)
                    b = b * inverse[:, None, None] % PRIME
                    a = a * inverse[:, None] % PRIME
                    b = (b - a[:, :, None] * a[:, None, :]) % PRIME
            self._values.append(value)
            # d log z and its derivatives.
            self._first.append(a)
            self._second.append(b)

    def _free(
        self, block: Block, residues: Residues, circles: dict[Any, tuple[Ints, Ints]]
    ) -> tuple[Ints, Ints, Ints]:
        n = self._dim
        a = np.zeros((self.count, n), dtype=np.int64)
        b = np.zeros((self.count, n, n), dtype=np.int64)
        at = self._active.index(block.coordinate)
        rate = int(block.rate.p) * pow(int(block.rate.q), -1, PRIME) % PRIME
        if block.kind == "exp":
            a[:, at] = rate
            return residues.random(self.count), a, b
        key = block.coordinate, block.rate
        if key not in circles:
            t = residues.random(self.count)
            below = inverse_residue(1 + t * t % PRIME)
            circles[key] = (1 - t * t) % PRIME * below % PRIME, 2 * t % PRIME * below % PRIME
        cosine, sine = circles[key]
        value, other = (cosine, -sine) if block.kind == "cos" else (sine, cosine)
        a[:, at] = other % PRIME * inverse_residue(value) % PRIME * rate % PRIME
        b[:, at, at] = (-(rate * rate % PRIME) - a[:, at] * a[:, at]) % PRIME
        return value, a, b

    def rows(self, exponents: Ints) -> tuple[Ints, Ints]:
        """Values of products at points, and the equations' rows, by product.

        Half powers enter values by their common class alone, which rescales a row.
        """
        count, n = len(exponents), self._dim
        # All points for the values, a part of them for the equations.
        many = min(self.count, count + 8)
        few = min(self.count, 2 * count // (n * (n + 1)) + 8)
        values = np.ones((many, count), dtype=np.int64)
        u = np.zeros((few, count, n), dtype=np.int64)
        du = np.zeros((few, count, n, n), dtype=np.int64)
        for k in range(len(self._values)):
            value, inverse = self._values[k][:many], inverse_residue(self._values[k][:many])
            for e in np.unique(exponents[:, k] // 2).tolist():
                power = power_residue(value if e > 0 else inverse, abs(e))
                columns = exponents[:, k] // 2 == e
                values[:, columns] = values[:, columns] * power[:, None] % PRIME
            halves = exponents[:, k] % PRIME * _HALF % PRIME
            u = (u + halves[None, :, None] * self._first[k][:few, None, :]) % PRIME
            du = (du + halves[None, :, None, None] * self._second[k][:few, None]) % PRIME
        hessian = (u[:, :, :, None] * u[:, :, None, :] + du + self._metric[:few, None]) % PRIME
        for l in range(n):
            gamma = self._gamma[:few, l][:, None]
            hessian = (hessian - gamma * u[:, :, l, None, None]) % PRIME
        upper = [hessian[:, :, i, k] for i in range(n) for k in range(i, n)]
        if self._projector is not None:
            for j in range(n):
                total = -u[:, :, j] % PRIME
                for i in range(n):
                    total = (total + self._projector[:few, i, j, None] * u[:, :, i]) % PRIME
                upper.append(total)
        equations = np.concatenate([row * values[:few] % PRIME for row in upper])
        return values, equations


def _pivots(matrix: Ints) -> list[int]:
    reduced, rank = _matrix(matrix).rref()
    columns = []
    for row in range(rank):
        start = columns[-1] + 1 if columns else 0
        columns.append(next(c for c in range(start, matrix.shape[1]) if int(reduced[row, c])))
    return columns


def _kernel(matrix: Ints) -> list[NDArray[np.int64]]:
    """A basis of the kernel; every vector ends with a column that no other one has."""
    width = matrix.shape[1]
    reduced, rank = _matrix(matrix).rref()
    pivots: list[int] = []
    for row in range(rank):
        start = pivots[-1] + 1 if pivots else 0
        pivots.append(next(c for c in range(start, width) if int(reduced[row, c])))
    basis = []
    for free in sorted(set(range(width)) - set(pivots)):
        vector = np.zeros(width, dtype=np.int64)
        vector[free] = 1
        for row, c in enumerate(pivots):
            vector[c] = -int(reduced[row, free]) % PRIME
        basis.append(vector)
    return basis


def _matrix(values: Ints) -> Any:
    rows, columns = values.shape
    return nmod_mat(rows, columns, values.ravel().tolist(), PRIME)


def _solved(piece: Piece, supports: list[list[Expr]]) -> list[Expr]:
    """The solutions with these products, their coefficients found exactly."""
    manifold = piece.manifold
    products = list(dict.fromkeys(term for support in supports for term in support))
    entries = [*manifold.metric]
    ring = Ring(manifold.domain, [*entries, *products])
    place = piece.carried(ring)
    equations = {term: place.equations(ring.convert(term)) for term in products}
    found = []
    for support in supports:
        coefficients = _coefficients(ring, [equations[term] for term in support])
        if coefficients is not None:
            found.append(Add(*(c * t for c, t in zip(coefficients, support, strict=True))))
    return found


def _coefficients(ring: Ring, columns: list[list[Element]]) -> list[Expr] | None:
    """Constants whose combination of the columns vanishes; None unless they are unique."""
    polynomials = ring.polynomials
    fixed = [
        not any(ring.derivative(polynomials.generator(v), i) for i in range(ring.dim))
        for v in range(len(ring.atoms))
    ]
    atoms = ring.atom_expressions(outside=True)
    rows: dict[tuple[Any, ...], dict[int, Expr]] = {}
    for at, row in enumerate(zip(*columns, strict=True)):
        den = max_exponents(e.den for e in row)
        for k, e in enumerate(row):
            if not e:
                continue
            missing = [d - (e.den[i] if i < len(e.den) else 0) for i, d in enumerate(den)]
            num = polynomials.numerator(e)
            for i, d in enumerate(missing):
                num = num * polynomials.lift(polynomials.factors[i]) ** d
            for exponents, c in polynomials.reduced(num).to_dict().items():
                key = (at, *(0 if fixed[v] else x for v, x in enumerate(exponents[: len(fixed)])))
                value = Rational(int(c.p), int(c.q)) * Mul(
                    *(atoms[v] ** int(x) for v, x in enumerate(exponents[: len(fixed)]) if fixed[v])
                )
                row_of = rows.setdefault(key, {})
                row_of[k] = row_of.get(k, S.Zero) + value
    if not rows:
        return [S.One] if len(columns) == 1 else None
    width = len(columns)
    matrix = DomainMatrix.from_dict_sympy(
        len(rows), width, {r: dict(cells) for r, cells in enumerate(rows.values())}, extension=True
    ).to_field()
    kernel = matrix.nullspace().to_Matrix()
    if kernel.rows != 1:
        return None
    last = kernel[0, width - 1]
    return [(value / last).cancel() for value in kernel.row(0)] if last else None
