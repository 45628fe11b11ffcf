"""A connection and its dual as polynomials in alpha with exact coefficients.

Laws read the tensors as they are published and compute the other side themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, final

from sympy import Dummy, Expr, Symbol

from statmani.algebra.element import Element
from statmani.geometry.connection import Connection
from statmani.geometry.manifold import StatisticalManifold

__all__ = ["ALPHA", "Poly", "View"]

#: The order of the connections that a check of a manifold looks at: all at once.
ALPHA = Dummy("alpha", real=True)

_TENSORS = ("christoffel_first", "christoffel", "riemann", "riemann_lower")
Index = tuple[int, ...]
#: Coefficients of the powers of alpha, lowest first; one entry for a number alpha.
Poly = tuple[Element, ...]


@final
class View:
    """Exact components of one connection, its dual, and of g and T.

    Parameters
    ----------
    connection : Connection
        With a symbolic alpha the dual has the same coefficients, the odd ones negative.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.manifold: StatisticalManifold = connection.manifold
        self.ring = self.manifold.ring
        self.n = self.manifold.dim
        self.zero: Element = self.ring.polynomials.zero
        tensors = (getattr(connection, name) for name in _TENSORS)
        #: Whether components are polynomials in alpha, which stands for all orders.
        self.is_symbolic = isinstance(connection.alpha, Symbol) and all(
            tensor.exact is not None for tensor in tensors
        )
        self._curvature: dict[Index, Poly] = {}
        self._skew = self._read(self.manifold.skewness)

    @classmethod
    def of_manifold(cls, manifold: StatisticalManifold) -> View:
        """All connections of a manifold."""
        return cls(manifold.connection(ALPHA))

    @property
    def alpha(self) -> Expr:
        """The order; a Symbol stands for all orders."""
        return self.connection.alpha

    # -- reading -------------------------------------------------------------------------

    def _read(self, tensor: Any) -> Callable[[Index], Poly]:
        """Components of a published tensor as coefficients."""
        exact = tensor.exact
        if exact is None:
            # Restored from a file: only the expressions are there.
            return lambda index: (self.ring.convert(tensor[index]),)
        if self.is_symbolic and exact.alpha == self.alpha:
            return lambda index: tuple(exact.coefficients(index))
        return lambda index: (self.value(exact.coefficients(index), exact.alpha),)

    def value(self, poly: Sequence[Element], alpha: Expr) -> Element:
        """The value at an order, which may be a constant of the ring."""
        total = poly[-1]
        if any(poly[1:]):
            order = self.ring.convert(alpha)
            for part in reversed(poly[:-1]):
                total = total * order + part
            return total
        return poly[0]

    def read(self, coefficients: Poly) -> Poly:
        """Coefficients as they are for all orders, else their value at the order."""
        return coefficients if self.is_symbolic else (self.value(coefficients, self.alpha),)

    def own(self, name: str, *index: int) -> Poly:
        """A component of a tensor of the connection."""
        return self._read(getattr(self.connection, name))(index)

    def mirror(self, name: str, *index: int) -> Poly:
        """The same component of the dual connection."""
        if self.is_symbolic:
            parts = self.own(name, *index)
            return tuple(-e if order % 2 else e for order, e in enumerate(parts))
        return self._read(getattr(self.connection.dual, name))(index)

    def g(self, i: int, j: int) -> Element:
        """The metric as it is stored."""
        return self.manifold.geometry.metric[i][j]

    def inverse(self, i: int, j: int) -> Element:
        """The inverse metric."""
        return self.manifold.geometry.inverse[i][j]

    def t(self, i: int, j: int, k: int) -> Element:
        """The skewness tensor as it is published."""
        return self._skew((i, j, k))[0]

    def order(self) -> Poly:
        """alpha itself."""
        if self.is_symbolic:
            return self.zero, self.ring.polynomials.one
        return (self.ring.convert(self.alpha),)

    # -- arithmetic ----------------------------------------------------------------------

    def derivative(self, poly: Poly, coordinate: int) -> Poly:
        """The partial derivative."""
        return tuple(self.ring.derivative(e, coordinate) for e in poly)

    def total(self, plus: Iterable[Poly], minus: Iterable[Poly] = ()) -> Poly:
        """A sum."""
        plus, minus = list(plus), list(minus)
        size = max((len(p) for p in (*plus, *minus)), default=1)
        total = self.ring.polynomials.total
        return tuple(
            total([p[k] for p in plus if k < len(p)], [p[k] for p in minus if k < len(p)])
            for k in range(size)
        )

    def dot(self, pairs: Iterable[tuple[Poly, Poly]]) -> Poly:
        """A sum of products."""
        terms: dict[int, list[tuple[Element, Element]]] = {}
        for left, right in pairs:
            for a, x in enumerate(left):
                for b, y in enumerate(right):
                    if x and y:
                        terms.setdefault(a + b, []).append((x, y))
        dot = self.ring.polynomials.dot
        return tuple(
            dot(terms[k]) if k in terms else self.zero for k in range(max(terms, default=0) + 1)
        )

    def matrix_dot(self, pairs: Iterable[tuple[Element, Element]]) -> Element:
        """A sum of products of elements."""
        return self.ring.polynomials.dot([(a, b) for a, b in pairs if a and b])

    def at(self, poly: Poly, alpha: Expr) -> Element:
        """The value for one number alpha."""
        return self.value(poly, alpha) if self.is_symbolic else poly[0]

    # -- what laws compute themselves ----------------------------------------------------

    def koszul(self, i: int, j: int, k: int) -> Poly:
        """(d_i g_jk + d_j g_ik - d_k g_ij - alpha T_ijk) / 2."""
        d = self.ring.derivative
        levi_civita = self.ring.polynomials.total(
            [d(self.g(j, k), i), d(self.g(i, k), j)], [d(self.g(i, j), k)]
        )
        skew = self.dot([((self.t(i, j, k),), self.order())])
        both = self.total([(levi_civita,)], [skew])
        return tuple(e.half() for e in both)

    def curvature(self, l: int, k: int, i: int, j: int) -> Poly:
        """R^l_kij from its definition by the published symbols of the second kind."""
        key = (l, k, i, j)
        if key not in self._curvature:
            gamma = self.second
            n = range(self.n)
            forward = self.dot((gamma(l, i, m), gamma(m, j, k)) for m in n)
            backward = self.dot((gamma(l, j, m), gamma(m, i, k)) for m in n)
            self._curvature[key] = self.total(
                [self.derivative(gamma(l, j, k), i), forward],
                [self.derivative(gamma(l, i, k), j), backward],
            )
        return self._curvature[key]

    def lowered(self, l: int, k: int, i: int, j: int) -> Poly:
        """g_lm R^m_kij from the same definition."""
        if i > j:
            return tuple(-e for e in self.lowered(l, k, j, i))
        return self.dot(((self.g(l, m),), self.curvature(m, k, i, j)) for m in range(self.n))

    def second(self, k: int, i: int, j: int) -> Poly:
        """Gamma^k_ij as published."""
        return self.own("christoffel", k, i, j)

    def trace_products(self) -> tuple[Element, Element]:
        """|tau|^2 and |T|^2 for tau_k = g^{ij} T_ijk."""
        n = range(self.n)
        mixed = [
            [
                [self.matrix_dot((self.inverse(i, a), self.t(a, j, k)) for a in n) for j in n]
                for i in n
            ]
            for k in n
        ]
        total = self.ring.polynomials.total
        tau = [total([mixed[k][i][i] for i in n]) for k in n]
        places: Sequence[tuple[int, int]] = [(k, c) for k in n for c in n if self.inverse(k, c)]
        square = self.matrix_dot((self.inverse(k, c), tau[k] * tau[c]) for k, c in places)
        norm = self.matrix_dot(
            (
                self.inverse(k, c),
                self.matrix_dot((mixed[k][i][j], mixed[c][j][i]) for i in n for j in n),
            )
            for k, c in places
        )
        return square, norm
