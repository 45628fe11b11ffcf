"""Tensors and scalars made from the curvature tensor: Weyl, Einstein, Kretschmann."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import TYPE_CHECKING

from sympy import Expr, ImmutableMatrix, Symbol

from statmani.algebra.element import Element
from statmani.errors import InvalidArgument
from statmani.geometry.alpha import at_order, express
from statmani.geometry.covariant import add_up
from statmani.geometry.tensor import Exact, Tensor
from statmani.geometry.verdicts import first_asymmetric

if TYPE_CHECKING:
    from statmani.geometry.connection import Connection

__all__ = ["constant_curvature", "einstein", "kretschmann", "weyl"]

Index = tuple[int, ...]


def weyl(connection: Connection) -> Tensor:
    """``[l, k, i, j]``: the trace-free part of ``riemann_lower`` (do Carmo 1992, chapter 4).

    Raises
    ------
    InvalidArgument
        Dimension below 3; or alpha != 0 on a manifold that is not conjugate symmetric, where
        R^(alpha) lacks the symmetries that the decomposition needs.
    """
    M = connection.manifold
    n, geometry, ring = M.dim, M.geometry, M.ring
    if n < 3:
        raise InvalidArgument(
            f"the Weyl tensor of a manifold of dimension {n} is not defined. It needs dimension 3 "
            "or more."
        )
    if connection.alpha != 0 and first_asymmetric(M) is not None:
        raise InvalidArgument(
            f"the Weyl tensor for alpha = {connection.alpha} is not defined: the manifold is not "
            "conjugate symmetric, so R^(alpha) has no Weyl part. Use levi_civita (alpha = 0)."
        )
    g, dot, number = geometry.metric, ring.polynomials.dot, ring.number

    def order_part(index: Index, order: int) -> Element:
        l, k, i, j = index
        scalar = geometry.scalar()[order].scale(Fraction(1, (n - 1) * (n - 2)))

        def ricci(a: int, b: int) -> Element:
            return geometry.ricci(a, b)[order].scale(Fraction(1, n - 2))

        return dot(
            [
                (geometry.lower(l, k, i, j, order), number(1)),
                (-g[l][i], ricci(k, j)),
                (g[l][j], ricci(k, i)),
                (-g[k][j], ricci(l, i)),
                (g[k][i], ricci(l, j)),
                (scalar, g[l][i] * g[k][j] - g[l][j] * g[k][i]),
            ]
        )

    def coefficients(index: Index) -> tuple[Element, ...]:
        zero = ring.polynomials.zero
        with ring.polynomials.lock:
            c2 = order_part(index, 2) if geometry.skewness and connection.alpha != 0 else zero
            return order_part(index, 0), zero, c2

    return Exact(ring, connection.alpha, coefficients).tensor((n,) * 4)


def einstein(connection: Connection) -> ImmutableMatrix:
    """``[k, j]``: Ricci[k, j] - (scalar curvature / 2) g_kj."""
    M = connection.manifold
    n, geometry, ring = M.dim, M.geometry, M.ring
    with ring.polynomials.lock:
        half = [c.scale(Fraction(-1, 2)) for c in geometry.scalar()]
        entries = []
        for k, j in product(range(n), repeat=2):
            ricci = geometry.ricci(k, j)
            parts = [
                ring.polynomials.dot([(r, ring.number(1)), (h, geometry.metric[k][j])])
                for r, h in zip(ricci, half, strict=True)
            ]
            entries.append(express(ring, connection.alpha, parts))
    return ImmutableMatrix(n, n, entries)


def kretschmann(connection: Connection) -> Expr:
    """R_lkij R^lkij, a polynomial of degree 4 in alpha."""
    M = connection.manifold
    n, geometry, ring = M.dim, M.geometry, M.ring
    dot, inverse = ring.polynomials.dot, geometry.inverse
    orders = range(3 if geometry.skewness and connection.alpha != 0 else 1)
    planes = [(i, j) for i in range(n) for j in range(i + 1, n)]
    pairs = list(product(range(n), repeat=2))
    with ring.polynomials.lock:
        minors = {
            (p, q): inverse[p[0]][q[0]] * inverse[p[1]][q[1]]
            - inverse[p[0]][q[1]] * inverse[p[1]][q[0]]
            for p in planes
            for q in planes
        }
        lower = {
            (l, k, i, j): [geometry.lower(l, k, i, j, o) for o in orders]
            for l, k in pairs
            for i, j in planes
        }
        # Two indices are raised in each factor: R^lk_ij R_lk^ij.
        last = {
            (l, k, *p): [
                dot((minors[p, q], lower[l, k, q[0], q[1]][o]) for q in planes) for o in orders
            ]
            for l, k in pairs
            for p in planes
        }
        half = {
            (l, b, *p): [
                dot((inverse[l][a], lower[a, b, p[0], p[1]][o]) for a in range(n)) for o in orders
            ]
            for l, b in pairs
            for p in planes
        }
        first = {
            (l, k, *p): [dot((inverse[k][b], half[l, b, *p][o]) for b in range(n)) for o in orders]
            for l, k in pairs
            for p in planes
        }
        total = add_up(ring, [(first[key], last[key]) for key in first])
        return express(ring, connection.alpha, [c.scale(2) for c in total])


def constant_curvature(connection: Connection) -> Expr | None:
    """The number k with R(X, Y)Z = k (g(Y, Z) X - g(X, Z) Y), or None (Kurose 1990).

    k may contain constants and a symbolic alpha, but no coordinates.
    """
    M = connection.manifold
    n, geometry, ring = M.dim, M.geometry, M.ring
    g, alpha = geometry.metric, connection.alpha
    unit = Fraction(1, n * (n - 1)) if n > 1 else Fraction(0)
    with ring.polynomials.lock:
        value = at_order(ring, alpha, geometry.scalar())
        value = tuple(c.scale(unit) for c in value)
        if any(ring.derivative(c, i) for c in value for i in range(n)):
            return None
        for l, k in product(range(n), repeat=2):
            for i in range(n):
                for j in range(i + 1, n):
                    found = at_order(ring, alpha, geometry.riemann_lower(l, k, i, j))
                    area = g[l][i] * g[k][j] - g[l][j] * g[k][i]
                    if any(a != b * area for a, b in zip(found, value, strict=True)):
                        return None
        if isinstance(alpha, Symbol):
            return express(ring, alpha, value)
        return ring.to_sympy(value[0])
