"""Derivatives of the metric and the Levi-Civita symbols of the first kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from statmani.algebra.element import Element
from statmani.algebra.polynomials import Polynomials

if TYPE_CHECKING:
    from statmani.geometry.curvature import Geometry

__all__ = ["Table", "first_kind", "half_slopes"]

Table = list[list[list[Element]]]


def half_slopes(geometry: Geometry) -> Table:
    """d_k g_ij / 2 by i, j, k."""
    g, n, moving = geometry.metric, range(geometry.dim), geometry.moving(0)
    derivative, zero = geometry.ring.derivative, geometry.ring.polynomials.zero
    nothing = [zero] * geometry.dim
    # Entries that are one object are differentiated once.
    rows: dict[int, list[Element]] = {}
    for i in n:
        for e in g[i][i:]:
            if id(e) in rows:
                continue
            half = e.half()
            rows[id(e)] = (
                [derivative(half, k) if k in moving else zero for k in n] if half.num else nothing
            )
    return [[rows[id(g[min(i, j)][max(i, j)])] for j in n] for i in n]


def first_kind(ring: Polynomials, h: Table) -> Table:
    """Gamma_{ij,k} from d_k g_ij / 2."""
    n = range(len(h))
    table: Table = [[[]] * len(h) for _ in n]
    for i in n:
        for j in n[i:]:
            table[i][j] = table[j][i] = [
                h[i][i][j]
                if k == i
                else h[j][j][i]
                if k == j
                else ring.total((h[j][k][i], h[i][k][j]), (h[i][j][k],))
                for k in n
            ]
    return table
