"""The covariant derivative of a tensor of any valence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING

from sympy import Symbol

from statmani.algebra.element import Element
from statmani.algebra.ring import Ring
from statmani.geometry.alpha import at_order
from statmani.geometry.fields import coefficients_of, read_tensor, require_shape
from statmani.geometry.tensor import Exact, Tensor

if TYPE_CHECKING:
    from statmani.geometry.connection import Connection
    from statmani.geometry.manifold import StatisticalManifold

__all__ = ["add_up", "covariant_derivative"]

Index = tuple[int, ...]
Coefficients = Sequence[Element]


def add_up(ring: Ring, products: Sequence[tuple[Coefficients, Coefficients]]) -> list[Element]:
    """Coefficients of a sum of products of polynomials in alpha."""
    size = max((len(a) + len(b) - 1 for a, b in products), default=1)
    pairs: list[list[tuple[Element, Element]]] = [[] for _ in range(size)]
    for a, b in products:
        for i, x in enumerate(a):
            for j, y in enumerate(b):
                if x and y:
                    pairs[i + j].append((x, y))
    return [ring.polynomials.dot(p) for p in pairs]


def covariant_derivative(connection: Connection, tensor: object, variance: str) -> Tensor:
    """``[..., k]``: the components of D tensor, with the derivative's index k last.

    ``D_k t^i_j = d_k t^i_j + Gamma^i_km t^m_j - Gamma^m_kj t^i_m`` (do Carmo 1992, section 4.5).

    Parameters
    ----------
    connection : Connection
    tensor : Tensor, Matrix, Array, nested sequence or expression
        Components of shape (n,) * rank; entries may be polynomials in the connection's own
        symbolic alpha.
    variance : str
        One letter per index: "u" upper, "l" lower; "" for a function.

    Returns
    -------
    Tensor
        Of shape (n,) * (rank + 1).

    Raises
    ------
    InvalidArgument
        Wrong shape, wrong index types, entries that are no finite real expressions.

    Examples
    --------
    >>> from sympy import symbols
    >>> from statmani.geometry.manifold import StatisticalManifold
    >>> x, alpha = symbols("x alpha", real=True)
    >>> line = StatisticalManifold((x,), [[1 + x**2]], [[[x]]])
    >>> covariant_derivative(line.connection(alpha), line.metric, "ll")[0, 0, 0]
    alpha*x
    """
    M, alpha = connection.manifold, connection.alpha
    place, components = _components(connection, tensor, variance)
    ring, geometry, n = place.ring, place.geometry, M.dim
    one = (ring.polynomials.one,)

    @cache
    def derived(index: Index) -> list[Element]:
        *rest, k = index
        products: list[tuple[Coefficients, Coefficients]] = [
            ([ring.derivative(c, k) for c in components(tuple(rest))], one)
        ]
        for position, kind in enumerate(variance):
            own = rest[position]
            for m in range(n):
                other = components((*rest[:position], m, *rest[position + 1 :]))
                if not any(other):
                    continue
                if kind == "u":
                    gamma = geometry.christoffel(own, k, m)[:2]
                else:
                    c0, c1, _ = geometry.christoffel(m, k, own)
                    gamma = (-c0, -c1)
                products.append((other, gamma))
        return add_up(ring, products)

    def coefficients(index: Index) -> list[Element]:
        with ring.polynomials.lock:
            return derived(index)

    return Exact(ring, alpha, coefficients).tensor((n,) * (len(variance) + 1))


def _components(
    connection: Connection, tensor: object, variance: str
) -> tuple[StatisticalManifold, Callable[[Index], Coefficients]]:
    """The tensor's components in a ring, with the manifold over this ring."""
    M, alpha = connection.manifold, connection.alpha
    exact = tensor.exact if isinstance(tensor, Tensor) else None
    if exact is not None and exact.ring is M.ring and isinstance(tensor, Tensor):
        order = exact.alpha
        if not isinstance(order, Symbol) or order == alpha:
            require_shape(tensor, variance, M.dim)
            source = exact.coefficients
            return M, lambda index: at_order(M.ring, order, source(index))
    place, found = coefficients_of(M, read_tensor(tensor, variance, M.dim), alpha)
    zero = (place.ring.polynomials.zero,)
    return place, lambda index: found.get(index, zero)
