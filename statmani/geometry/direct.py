"""Curvature from the matrices of the connection, where these are the simpler symbols.

With (A_i)^m_k = Gamma^m_ik the curvature of the plane (i, j) is the matrix

    R_ij = d_i A_j - d_j A_i + A_i A_j - A_j A_i,

and the lowered tensor follows from it. For normal distributions Gamma^m_ik has two terms where
Gamma_ik,m has ten; for a Dirichlet family it is the other way round.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from statmani.algebra.element import Element
from statmani.algebra.sums import Groups, Row, add_combination, difference

if TYPE_CHECKING:
    from statmani.geometry.curvature import Geometry

__all__ = ["curvature_row", "is_simpler", "lowered"]


def is_simpler(geometry: Geometry) -> bool:
    """Whether the symbols of the second kind have less than half the terms of the first kind."""
    n = range(geometry.dim)
    if geometry.dim == 2:
        return False
    pairs = [(i, j) for i in n for j in n[i:]]
    first = sum(len(e.num) for i, j in pairs for e in geometry.first_rows[i][j].values())
    second = sum(len(e.num) for i, j in pairs for e in geometry.raised(i, j, 0).values())
    return 2 * second < first


def curvature_row(geometry: Geometry, k: int, i: int, j: int, order: int) -> Row:
    """By m: the coefficient of alpha**order in R^m_kij, from A_i - alpha t_i."""
    ring = geometry.ring.polynomials
    plus, minus = _transported(geometry, i, j, k, order), _transported(geometry, j, i, k, order)
    made = {
        m: difference(ring, plus.get(m, {}), minus.get(m, {}))
        for m in dict.fromkeys((*plus, *minus))
    }
    return {m: e for m, e in made.items() if e.num}


def _transported(geometry: Geometry, i: int, j: int, k: int, order: int) -> dict[int, Groups]:
    """By m: D_i (D_j d_k), not in lowest terms; two planes share it, as it is symmetric in j, k."""
    key = ("transported", i, min(j, k), max(j, k), order)
    known: dict[int, Groups] | None = geometry.kept.get(key)
    if known is not None:
        return known
    raised, ring = geometry.raised, geometry.ring
    sign = -1 if order == 1 else 1
    sums: dict[int, Groups] = {}
    if order < 2 and i in geometry.moving(order):
        for m, e in raised(j, k, order).items():
            ring.add_derivative(sums.setdefault(m, {}), e, i, sign)
        # A derivative may have added generators.
        sums = {m: {d: ring.polynomials.lift(num) for d, num in s.items()} for m, s in sums.items()}
    for left in range(max(0, order - 1), min(order, 1) + 1):
        terms = [(sign, e, raised(i, n, left)) for n, e in raised(j, k, order - left).items()]
        add_combination(ring.polynomials, terms, sums)
    geometry.kept[key] = sums
    return sums


def lowered(geometry: Geometry, m: int, k: int, i: int, j: int, order: int) -> Element:
    """R_mkij, i < j, from the shortest row R^._kij in a place that symmetry makes equal.

    For order 1 it is symmetric in (m, k); else m < k, and it is a Riemann tensor's.
    """
    places = [(m, k, i, j, 1), (k, m, i, j, 1 if order == 1 else -1)]
    if order != 1:
        places += [(i, j, m, k, 1), (j, i, m, k, -1)]
    shortest: Row | None = None
    for a, b, c, d, sign in places:
        line = geometry.mixed(b, c, d, order)
        if shortest is None or len(line) < len(shortest):
            shortest, lower, negative = line, geometry.metric_rows[a], sign < 0
    polynomials = geometry.ring.polynomials
    found = polynomials.dot((e, lower[n]) for n, e in (shortest or {}).items() if n in lower)
    return -found if negative else found
