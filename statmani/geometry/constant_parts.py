"""A manifold as a product of parts of constant curvature, where it is one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, combinations_with_replacement, product

from sympy import Expr, S, Symbol, roots

from statmani.algebra.element import Element
from statmani.geometry.constant_piece import Piece
from statmani.geometry.manifold import StatisticalManifold

__all__ = ["constant_parts", "separate_coordinates"]


def separate_coordinates(manifold: StatisticalManifold) -> list[tuple[int, ...]]:
    """The finest partition of the coordinates for which the metric is a sum."""
    n, ring, g = manifold.dim, manifold.ring, manifold.geometry.metric
    group = list(range(n))

    def join(members: Sequence[int]) -> None:
        names = {group[i] for i in members}
        for k in range(n):
            if group[k] in names:
                group[k] = min(names)

    for i, j in combinations_with_replacement(range(n), 2):
        if g[i][j]:
            join([i, j, *(k for k in range(n) if ring.derivative(g[i][j], k))])
    return [tuple(k for k in range(n) if group[k] == name) for name in sorted(set(group))]


def constant_parts(manifold: StatisticalManifold) -> list[Piece] | tuple[int, ...]:
    """The parts, or the coordinates of a factor that is no product of such parts.

    A product shows in the coordinates, or by a Ricci tensor that is parallel and has constant
    eigenvalues: their eigenspaces are then the factors (de Rham 1952).
    """
    pieces: list[Piece] = []
    for active in separate_coordinates(manifold):
        with manifold.ring.polynomials.lock:
            curvature = _curvature(manifold, active)
            found = (
                [_piece(manifold, active, curvature)]
                if curvature is not None
                else _split(manifold, active)
            )
        if not found:
            return active
        pieces += found
    return pieces


def _piece(manifold: StatisticalManifold, active: tuple[int, ...], curvature: Element) -> Piece:
    g = manifold.geometry.metric
    metric = {(i, j): g[i][j] for i, j in combinations_with_replacement(active, 2)}
    return Piece(manifold, active, len(active), curvature, metric)


def _is_constant(manifold: StatisticalManifold, element: Element) -> bool:
    return not any(manifold.ring.derivative(element, i) for i in range(manifold.dim))


def _curvature(manifold: StatisticalManifold, active: tuple[int, ...]) -> Element | None:
    geometry, ring = manifold.geometry, manifold.ring
    g = geometry.metric
    if len(active) == 1:
        return ring.polynomials.zero
    planes = list(combinations(active, 2))
    i, j = planes[0]
    area = g[i][i] * g[j][j] - g[i][j] * g[i][j]
    value = geometry.lower(i, j, i, j, 0) * ring.inverse(area)
    if not _is_constant(manifold, value):
        return None
    for (l, k), (i, j) in combinations_with_replacement(planes, 2):
        area = g[l][i] * g[k][j] - g[l][j] * g[k][i]
        if geometry.lower(l, k, i, j, 0) != value * area:
            return None
    return value


def _split(manifold: StatisticalManifold, active: tuple[int, ...]) -> list[Piece]:
    """The factors that the Ricci tensor shows; empty when it shows none."""
    geometry, ring = manifold.geometry, manifold.ring
    n, dot = len(active), ring.polynomials.dot
    zero, one = ring.polynomials.zero, ring.polynomials.one
    if n < 3:
        return []
    lowered = {(k, j): geometry.ricci(k, j)[0] for k, j in product(active, repeat=2)}
    ricci = {
        (i, j): dot((geometry.inverse[i][k], lowered[k, j]) for k in active)
        for i, j in product(active, repeat=2)
    }
    trace = ring.polynomials.total([ricci[i, i] for i in active])
    if not _is_constant(manifold, trace):
        return []
    for (k, j), i in product(combinations_with_replacement(active, 2), active):
        terms = [(geometry.second(m, i, k), lowered[m, j]) for m in active]
        terms += [(geometry.second(m, i, j), lowered[k, m]) for m in active]
        if ring.derivative(lowered[k, j], i) != dot(terms):
            return []
    values = _eigenvalues(manifold, active, ricci)
    if len(values) < 2:
        return []
    pieces = []
    for value, count in values.items():
        # P = product over the other eigenvalues of (Ric - b) / (a - b).
        projector = {(i, j): one if i == j else zero for i, j in product(active, repeat=2)}
        for other in values:
            if other == value:
                continue
            shift, scale = ring.convert(other), ring.convert(1 / (value - other))
            projector = {
                (i, j): dot(
                    (projector[i, k] * scale, ricci[k, j] - (shift if k == j else zero))
                    for k in active
                )
                for i, j in product(active, repeat=2)
            }
        g = geometry.metric
        metric = {
            (i, j): dot((g[i][k], projector[k, j]) for k in active)
            for i, j in combinations_with_replacement(active, 2)
        }
        if count == 1:
            curvature = zero
        else:
            curvature = ring.convert(value / (count - 1))
        pieces.append(Piece(manifold, active, count, curvature, metric, projector))
    return pieces


def _eigenvalues(
    manifold: StatisticalManifold,
    active: tuple[int, ...],
    ricci: dict[tuple[int, int], Element],
) -> dict[Expr, int]:
    """Constant eigenvalues with multiplicities; empty when they are not found.

    Power sums of the eigenvalues are the traces of the powers; of a parallel tensor they are
    constants.
    """
    ring, n = manifold.ring, len(active)
    dot = ring.polynomials.dot
    power, sums = dict(ricci), []
    for _ in range(n):
        total = ring.polynomials.total([power[i, i] for i in active])
        if not _is_constant(manifold, total):
            return {}
        sums.append(ring.to_sympy(total))
        power = {
            (i, j): dot((power[i, k], ricci[k, j]) for k in active)
            for i, j in product(active, repeat=2)
        }
    # Newton's identities.
    elementary = [S.One]
    for k in range(1, n + 1):
        terms = [(-1) ** (m - 1) * elementary[k - m] * sums[m - 1] for m in range(1, k + 1)]
        elementary.append((sum(terms, S.Zero) / k).cancel())
    x = Symbol("x")
    polynomial = sum(((-1) ** k * e * x ** (n - k) for k, e in enumerate(elementary)), S.Zero)
    found: dict[Expr, int] = roots(polynomial, x)
    return found if sum(found.values()) == n else {}
