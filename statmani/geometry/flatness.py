"""Dually flat manifolds: one connection without curvature settles the curvature of all.

With R(a) = R0 + a R1 + a^2 R2 and duality (R1 symmetric in the first two lowered indices, R0 and
R2 antisymmetric), R(1) = 0 holds just if R1 = 0 and R2 = -R0, and just if R(-1) = 0
(Amari & Nagaoka 2000, section 3.3). So exponential and mixture families in any chart need only
their Levi-Civita curvature.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from statmani.algebra.sums import Groups, Row, add_combination, difference

if TYPE_CHECKING:
    from statmani.geometry.curvature import Geometry

__all__ = ["affine_order", "is_dually_flat"]


def affine_order(geometry: Geometry) -> int:
    """The order 1 or -1 whose connection has no symbols in this chart, or 0."""
    n = range(geometry.dim)
    indices = [(i, j, k) for i in n for j in n[i:] for k in n]
    for order in (1, -1):
        for i, j, k in indices:
            first, t = geometry.first(i, j, k), geometry.half_t(i, j, k)
            if first != (t if order > 0 else -t):
                break
        else:
            return order
    return 0


def is_dually_flat(geometry: Geometry) -> bool:
    """Whether the connections of orders 1 and -1 are proved to have no curvature."""
    if geometry.affine_order:
        return True
    n = range(geometry.dim)
    pairs = [(i, j) for i in n for j in n[i:]]
    # The symbols of one of the two are often far simpler, and any of them will do.
    tables = [{(i, j): _symbols(geometry, i, j, order) for i, j in pairs} for order in (1, -1)]
    table = min(tables, key=lambda t: sum(len(e.num) for line in t.values() for e in line.values()))
    known: dict[tuple[int, int, int], dict[int, Groups]] = {}
    ring = geometry.ring

    def transported(i: int, j: int, k: int) -> dict[int, Groups]:
        """D_i D_j d_k, not in lowest terms."""
        key = i, min(j, k), max(j, k)
        if key not in known:
            line = table[key[1:]]
            sums: dict[int, Groups] = {}
            for m, e in line.items():
                ring.add_derivative(sums.setdefault(m, {}), e, i, 1)
            lift = ring.polynomials.lift
            sums = {m: {d: lift(num) for d, num in s.items()} for m, s in sums.items()}
            terms = [(1, e, table[min(i, q), max(i, q)]) for q, e in line.items()]
            add_combination(ring.polynomials, terms, sums)
            known[key] = sums
        return known[key]

    for i, j in pairs:
        if i == j:
            continue
        for k in n:
            plus, minus = transported(i, j, k), transported(j, i, k)
            for m in dict.fromkeys((*plus, *minus)):
                if difference(ring.polynomials, plus.get(m, {}), minus.get(m, {})):
                    return False
    return True


def _symbols(geometry: Geometry, i: int, j: int, order: int) -> Row:
    """Gamma^(order)m_ij by m."""
    polynomials = geometry.ring.polynomials
    metric, skew = geometry.raised(i, j, 0), geometry.raised(i, j, 1)
    made = {
        m: polynomials.total(
            [line[m] for line in (metric, skew)[: 2 if order < 0 else 1] if m in line],
            [skew[m]] if order > 0 and m in skew else (),
        )
        for m in dict.fromkeys((*metric, *skew))
    }
    return {m: e for m, e in made.items() if e.num}
