"""Products of powers put into Hess f = -K f g at random points of a finite field."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any, final

import numpy as np
from flint import nmod_mat
from numpy.typing import NDArray
from sympy import Rational

from statmani.algebra.element import Element
from statmani.geometry.building_blocks import Block
from statmani.geometry.constant_piece import Piece
from statmani.geometry.residues import PRIME, Residues, inverse_residue, power_residue

__all__ = ["LARGEST", "SampledProducts", "independent_columns", "kernel_basis"]

Ints = NDArray[np.int64]
#: How many products can be told apart.
LARGEST = 400
_HALF = (PRIME + 1) // 2


@final
class SampledProducts:
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
        residues = Residues(ring, LARGEST + 8, 1)
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


def independent_columns(matrix: Ints) -> list[int]:
    """The first columns that are independent."""
    return _reduced(matrix)[1]


def _reduced(matrix: Ints) -> tuple[Any, list[int]]:
    reduced, rank = _matrix(matrix).rref()
    pivots: list[int] = []
    for row in range(rank):
        start = pivots[-1] + 1 if pivots else 0
        pivots.append(next(c for c in range(start, matrix.shape[1]) if int(reduced[row, c])))
    return reduced, pivots


def kernel_basis(matrix: Ints) -> list[Ints]:
    """A basis of the kernel; every vector ends with a column that no other one has."""
    width = matrix.shape[1]
    reduced, pivots = _reduced(matrix)
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
