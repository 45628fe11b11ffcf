"""Gradient, Hessian, Laplacian and divergence on a manifold with an alpha-connection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sympy import Expr, ImmutableMatrix, Symbol

from statmani.algebra.element import Element
from statmani.geometry.alpha import express
from statmani.geometry.covariant import add_up
from statmani.geometry.fields import coefficients_of, read_field, read_tensor

if TYPE_CHECKING:
    from statmani.geometry.connection import Connection
    from statmani.geometry.manifold import StatisticalManifold

__all__ = ["divergence", "gradient", "hessian", "laplacian"]


def _function(
    manifold: StatisticalManifold, function: object
) -> tuple[StatisticalManifold, Element]:
    entries = read_tensor(function, "", manifold.dim)
    place, found = coefficients_of(manifold, entries, Symbol("no_alpha"))
    return place, found[()][0] if found else place.ring.polynomials.zero


def gradient(manifold: StatisticalManifold, function: object) -> tuple[Expr, ...]:
    """The components g^{ij} d_j f; for a log-likelihood, the natural gradient.

    Parameters
    ----------
    manifold : StatisticalManifold
    function : Expr
        In the coordinates and constants.

    Examples
    --------
    >>> import statmani as sm
    >>> M = sm.families.normal().manifold()
    >>> mu, sigma = M.coordinates
    >>> gradient(M, mu * sigma)
    (sigma**3, mu*sigma**2/2)
    """
    place, f = _function(manifold, function)
    ring, inverse, n = place.ring, place.geometry.inverse, manifold.dim
    with ring.polynomials.lock:
        slope = [ring.derivative(f, j) for j in range(n)]
        rows = [ring.polynomials.dot(zip(inverse[i], slope, strict=True)) for i in range(n)]
        return tuple(ring.to_sympy(e) for e in rows)


def _hessian(place: StatisticalManifold, f: Element) -> dict[tuple[int, int], list[Element]]:
    """Coefficients of d_i d_j f - Gamma^k_ij d_k f for i <= j."""
    ring, geometry, n = place.ring, place.geometry, place.dim
    one = (ring.polynomials.one,)
    slope = [ring.derivative(f, k) for k in range(n)]
    return {
        (i, j): add_up(
            ring,
            [
                ((ring.derivative(slope[i], j),), one),
                *((geometry.christoffel(k, i, j)[:2], (-slope[k],)) for k in range(n)),
            ],
        )
        for i in range(n)
        for j in range(i, n)
    }


def hessian(connection: Connection, function: object) -> ImmutableMatrix:
    """``[i, j]``: (D df)_ij = d_i d_j f - Gamma^k_ij d_k f, symmetric."""
    place, f = _function(connection.manifold, function)
    with place.ring.polynomials.lock:
        parts = _hessian(place, f)
        n = place.dim
        entries = {key: express(place.ring, connection.alpha, c) for key, c in parts.items()}
        return ImmutableMatrix(n, n, lambda i, j: entries[min(i, j), max(i, j)])


def laplacian(connection: Connection, function: object) -> Expr:
    """g^{ij} (D df)_ij; for alpha = 0 the Laplace-Beltrami operator, div grad."""
    place, f = _function(connection.manifold, function)
    ring, inverse = place.ring, place.geometry.inverse
    with ring.polynomials.lock:
        products = [
            (parts, (inverse[i][j] if i == j else inverse[i][j].scale(2),))
            for (i, j), parts in _hessian(place, f).items()
        ]
        return express(ring, connection.alpha, add_up(ring, products))


def divergence(connection: Connection, field: Sequence[object]) -> Expr:
    """D_i X^i = d_i X^i + Gamma^i_ik X^k of a vector field.

    For alpha = 0 this is d_i(sqrt|g| X^i) / sqrt|g|.
    """
    place, x = read_field(connection.manifold, field)
    ring, geometry, n = place.ring, place.geometry, place.dim
    one = (ring.polynomials.one,)
    with ring.polynomials.lock:
        products: list[tuple[Sequence[Element], Sequence[Element]]] = [
            ((ring.derivative(x[i], i),), one) for i in range(n)
        ]
        products += [
            (geometry.christoffel(i, i, k)[:2], (x[k],)) for i in range(n) for k in range(n)
        ]
        return express(ring, connection.alpha, add_up(ring, products))
