"""A part of a manifold that has constant curvature, and the equation Hess f = -K f g on it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import final

from sympy import Expr

from statmani.algebra.element import Element
from statmani.algebra.ring import Ring
from statmani.geometry.chart import Homomorphism
from statmani.geometry.manifold import StatisticalManifold

__all__ = ["Piece"]


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

    def over(self, expressions: Iterable[Expr]) -> Piece:
        """The same over a ring that also contains some expressions."""
        manifold = self.manifold
        # Lattices of exponents are fixed by all that is known from the start.
        atoms = manifold.ring.atom_expressions(outside=True)
        ring = Ring(manifold.domain, [*manifold.metric, *atoms, *expressions])
        carry = Homomorphism(manifold.ring, ring, {})
        projector = self.projector
        return Piece(
            _over(manifold, ring, carry),
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
