"""Exact components of the geometry of (g, T), as polynomials in alpha over the ring.

With ``Gamma^(a) = C - a t`` (C the Levi-Civita symbols of the first kind, t = T/2) and duality,

    g(R(d_i, d_j) d_k, d_l) = d_i Gamma^a_{jk,l} - d_j Gamma^a_{ik,l}
        - g^{mn} (Gamma^a_{jk,m} Gamma^{-a}_{il,n} - Gamma^a_{ik,m} Gamma^{-a}_{jl,n}),

so the inverse metric is never differentiated, and R(a) = R0 + a R1 + a^2 R2 where R0 and R2 have
all symmetries of a Riemann tensor and R1 is symmetric in (l, k)
(Lauritzen 1987, Statistical manifolds; Amari & Nagaoka 2000, section 3.2).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, final

from statmani.algebra.element import Element
from statmani.algebra.ring import Ring
from statmani.geometry import linear

__all__ = ["Coefficients", "Geometry"]

Coefficients = tuple[Element, Element, Element]
P = ParamSpec("P")
R = TypeVar("R")


def _kept(
    function: Callable[Concatenate[Geometry, P], R],
) -> Callable[Concatenate[Geometry, P], R]:
    """Remember results per instance, and compute under the ring's lock."""
    name = function.__name__

    @wraps(function)
    def wrapper(self: Geometry, /, *args: P.args, **kwargs: P.kwargs) -> R:
        key: Any = (name, args)
        found = self.kept.get(key)
        if found is None:
            with self.ring.polynomials.lock:
                found = self.kept.get(key)
                if found is None:
                    found = self.kept[key] = function(self, *args, **kwargs)
        result: R = found
        return result

    kept: Callable[Concatenate[Geometry, P], R] = wrapper
    return kept


@final
class Geometry:
    """Lazy exact components; indices as in the documentation of Connection.

    Parameters
    ----------
    ring : Ring
    metric : sequence of sequences of Element
    skewness : dict
        (i <= j <= k) -> nonzero Element.
    """

    def __init__(
        self,
        ring: Ring,
        metric: Sequence[Sequence[Element]],
        skewness: dict[tuple[int, int, int], Element],
    ) -> None:
        self.ring = ring
        self.metric = metric
        self.skewness = skewness
        self._half_skewness = {index: _half(value) for index, value in skewness.items()}
        self.dim = len(metric)
        self.kept: dict[Any, Any] = {}

    def t(self, i: int, j: int, k: int) -> Element:
        """The skewness tensor."""
        i, j, k = sorted((i, j, k))
        return self.skewness.get((i, j, k), self.ring.polynomials.zero)

    @property
    def inverse(self) -> list[list[Element]]:
        """g^{ij}."""
        return self.inverse_and_determinant()[0]

    @_kept
    def inverse_and_determinant(self) -> tuple[list[list[Element]], Element]:
        """The inverse metric and det g."""
        return linear.inverse(self.ring, self.metric)

    @_kept
    def _dg(self, i: int, j: int, k: int) -> Element:
        """d_k g_ij for i <= j."""
        return self.ring.derivative(self.metric[i][j], k)

    def dg(self, i: int, j: int, k: int) -> Element:
        """d_k g_ij."""
        return self._dg(i, j, k) if i <= j else self._dg(j, i, k)

    @_kept
    def _ddg(self, i: int, j: int, k: int, m: int) -> Element:
        return self.ring.derivative(self.dg(i, j, k), m)

    def ddg(self, i: int, j: int, k: int, m: int) -> Element:
        """d_k d_m g_ij."""
        if i > j:
            i, j = j, i
        return self._ddg(i, j, k, m) if k <= m else self._ddg(i, j, m, k)

    @_kept
    def _first(self, i: int, j: int, k: int) -> Element:
        twice = self.ring.polynomials.total([self.dg(j, k, i), self.dg(i, k, j), -self.dg(i, j, k)])
        return _half(twice)

    def first(self, i: int, j: int, k: int) -> Element:
        """Levi-Civita Gamma_{ij,k}."""
        return self._first(i, j, k) if i <= j else self._first(j, i, k)

    def half_t(self, i: int, j: int, k: int) -> Element:
        """T_ijk / 2."""
        i, j, k = sorted((i, j, k))
        return self._half_skewness.get((i, j, k), self.ring.polynomials.zero)

    def christoffel_first(self, i: int, j: int, k: int) -> Coefficients:
        """Coefficients of Gamma^(a)_{ij,k}."""
        return self.first(i, j, k), -self.half_t(i, j, k), self.ring.polynomials.zero

    @_kept
    def _second(self, k: int, i: int, j: int, which: int) -> Element:
        row = self.inverse[k]
        part = self.first if which == 0 else self.half_t
        return self.ring.polynomials.dot((row[m], part(i, j, m)) for m in range(self.dim) if row[m])

    def second(self, k: int, i: int, j: int) -> Element:
        """Levi-Civita Gamma^k_ij."""
        return self._second(k, min(i, j), max(i, j), 0)

    def raised_t(self, k: int, i: int, j: int) -> Element:
        """g^{km} T_ijm / 2."""
        if not self.skewness:
            return self.ring.polynomials.zero
        return self._second(k, min(i, j), max(i, j), 1)

    def christoffel(self, k: int, i: int, j: int) -> Coefficients:
        """Coefficients of Gamma^(a)k_ij."""
        return self.second(k, i, j), -self.raised_t(k, i, j), self.ring.polynomials.zero

    @_kept
    def _half_dt(self, j: int, k: int, m: int, i: int) -> Element:
        """d_i T_jkm / 2."""
        return self.ring.derivative(self.half_t(j, k, m), i)

    # -- lowered Riemann tensor ----------------------------------------------------------

    @_kept
    def _r0(self, m: int, k: int, i: int, j: int) -> Element:
        d = self.ddg
        second = [d(j, m, i, k), -d(j, k, i, m), -d(i, m, j, k), d(i, k, j, m)]
        pairs = [(self.second(n, j, k), -self.first(i, m, n)) for n in range(self.dim)]
        pairs += [(self.second(n, i, k), self.first(j, m, n)) for n in range(self.dim)]
        one = self.ring.number(1)
        return self.ring.polynomials.dot([(_half(e), one) for e in second] + pairs)

    @_kept
    def _r1(self, m: int, k: int, i: int, j: int) -> Element:
        slopes = [-self.half_dt(j, k, m, i), self.half_dt(i, k, m, j)]
        pairs = [(e, self.ring.number(1)) for e in slopes]
        for n in range(self.dim):
            pairs += [
                (self.second(n, j, k), -self.half_t(i, m, n)),
                (self.raised_t(n, j, k), self.first(i, m, n)),
                (self.second(n, i, k), self.half_t(j, m, n)),
                (self.raised_t(n, i, k), -self.first(j, m, n)),
            ]
        return self.ring.polynomials.dot(pairs)

    def half_dt(self, j: int, k: int, m: int, i: int) -> Element:
        """d_i T_jkm / 2."""
        a, b, c = sorted((j, k, m))
        return self._half_dt(a, b, c, i)

    @_kept
    def _r2(self, m: int, k: int, i: int, j: int) -> Element:
        pairs = [(self.raised_t(n, j, k), self.half_t(i, m, n)) for n in range(self.dim)]
        pairs += [(self.raised_t(n, i, k), -self.half_t(j, m, n)) for n in range(self.dim)]
        return self.ring.polynomials.dot(pairs)

    def lower(self, m: int, k: int, i: int, j: int, order: int) -> Element:
        """The coefficient of alpha**order in riemann_lower[m, k, i, j]."""
        zero = self.ring.polynomials.zero
        if i == j or (order and not self.skewness):
            return zero
        negative = i > j
        if negative:
            i, j = j, i
        if order == 1:
            value = self._r1(min(m, k), max(m, k), i, j)
        else:
            if m == k:
                return zero
            if m > k:
                m, k, negative = k, m, not negative
            if (m, k) > (i, j):
                m, k, i, j = i, j, m, k
            value = self._r0(m, k, i, j) if order == 0 else self._r2(m, k, i, j)
        return -value if negative else value

    def riemann_lower(self, m: int, k: int, i: int, j: int) -> Coefficients:
        """Coefficients of g(R(d_i, d_j) d_k, d_m)."""
        return tuple(self.lower(m, k, i, j, o) for o in range(3))  # type: ignore[return-value]

    @_kept
    def riemann(self, m: int, k: int, i: int, j: int) -> Coefficients:
        """Coefficients of R^m_kij."""
        row = self.inverse[m]
        return tuple(  # type: ignore[return-value]
            self.ring.polynomials.dot(
                (row[n], self.lower(n, k, i, j, o)) for n in range(self.dim) if row[n]
            )
            for o in range(3)
        )

    # -- contractions --------------------------------------------------------------------

    @_kept
    def _ricci(self, k: int, j: int, order: int) -> Element:
        n = self.dim
        return self.ring.polynomials.dot(
            (self.inverse[a][b], self.lower(b, k, a, j, order))
            for a in range(n)
            for b in range(n)
            if a != j and self.inverse[a][b]
        )

    def ricci(self, k: int, j: int) -> Coefficients:
        """Coefficients of Ricci[k, j] = R^l_klj; only the linear one is asymmetric."""
        low, high = min(k, j), max(k, j)
        zero = self.ring.polynomials.zero
        if not self.skewness:
            return self._ricci(low, high, 0), zero, zero
        return self._ricci(low, high, 0), self._ricci(k, j, 1), self._ricci(low, high, 2)

    @_kept
    def scalar(self) -> Coefficients:
        """Coefficients of the scalar curvature; the linear one vanishes by symmetry."""
        n = self.dim
        parts = [
            self.ring.polynomials.dot(
                (
                    self.inverse[k][j] if k == j else self.inverse[k][j].scale(2),
                    self._ricci(k, j, order),
                )
                for k in range(n)
                for j in range(k, n)
                if self.inverse[k][j]
            )
            if order == 0 or self.skewness
            else self.ring.polynomials.zero
            for order in (0, 2)
        ]
        return parts[0], self.ring.polynomials.zero, parts[1]


def _half(element: Element) -> Element:
    return element.scale(Fraction(1, 2))
