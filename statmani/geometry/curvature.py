"""Exact components of the geometry of (g, T), as polynomials in alpha over the ring.

With ``Gamma^(a) = C - a t`` (C the Levi-Civita symbols of the first kind, t = T/2) and duality,

    g(R(d_i, d_j) d_k, d_l) = d_i Gamma^a_{jk,l} - d_j Gamma^a_{ik,l}
        - g^{mn} (Gamma^a_{jk,m} Gamma^{-a}_{il,n} - Gamma^a_{ik,m} Gamma^{-a}_{jl,n}),

so the inverse metric is never differentiated, and R(a) = R0 + a R1 + a^2 R2 where R0 and R2 have
all symmetries of a Riemann tensor and R1 is symmetric in (l, k)
(Lauritzen 1987, Statistical manifolds; Amari & Nagaoka 2000, section 3.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

from statmani.algebra.element import Element
from statmani.algebra.polynomials import Row, row
from statmani.algebra.ring import Ring
from statmani.geometry import direct, flatness, linear
from statmani.geometry.first_kind import Table, first_kind, half_slopes
from statmani.geometry.kept import kept, once
from statmani.geometry.products import Products
from statmani.geometry.surface import Surface

__all__ = ["Coefficients", "Geometry"]

Coefficients = tuple[Element, Element, Element]


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
        self.dim = len(metric)
        self.kept: dict[Any, Any] = {}
        self._mixed: dict[tuple[int, int, int, int], Row] = {}
        self._raised: dict[tuple[int, int, int], Row] = {}

    def t(self, i: int, j: int, k: int) -> Element:
        """The skewness tensor."""
        return self.skewness.get(_sorted(i, j, k), self.ring.polynomials.zero)

    @once
    def inverse(self) -> list[list[Element]]:
        """g^{ij}."""
        return self._regular[0]

    @once
    def _regular(self) -> tuple[list[list[Element]], Element, Element | None]:
        """The inverse metric, det g, and in two dimensions its reciprocal."""
        if self.dim == 2:
            return linear.plane(self.ring, self.metric, self.determinant)
        return *linear.inverse(self.ring, self.metric), None

    @property
    def reciprocal(self) -> Element:
        """1 / det g, in two dimensions."""
        found = self._regular[2]
        assert found is not None
        return found

    @once
    def determinant(self) -> Element:
        """The determinant of g."""
        if self.dim == 2:
            return linear.plane_determinant(self.ring, self.metric)
        return self._regular[1]

    # -- Christoffel symbols -------------------------------------------------------------

    @once
    def _slopes(self) -> Table:
        """d_k g_ij / 2 by i, j, k."""
        return half_slopes(self)

    def dg(self, i: int, j: int, k: int) -> Element:
        """d_k g_ij."""
        return self._slopes[i][j][k].scale(2)

    @kept
    def is_hessian(self) -> bool:
        """Whether d_k g_ij is totally symmetric: then all second derivatives of g cancel."""
        n, h = range(self.dim), self._slopes
        return all(h[i][j][k] == h[i][k][j] for i in n for j in n for k in n if j < k)

    @once
    def _products(self) -> Products:
        return Products(self.ring.polynomials, self.inverse)

    @once
    def _inverse_rows(self) -> list[Row]:
        return [row(line) for line in self.inverse]

    @once
    def _first(self) -> Table:
        return (
            self._slopes if self.is_hessian() else first_kind(self.ring.polynomials, self._slopes)
        )

    def first(self, i: int, j: int, k: int) -> Element:
        """Levi-Civita Gamma_{ij,k}."""
        return self._first[i][j][k]

    @once
    def first_rows(self) -> list[list[Row]]:
        shared = self._products.row
        return [[shared(line) for line in lines] for lines in self._first]

    @once
    def _t_rows(self) -> list[list[Row]]:
        shared = self._products.row
        return [[shared(line) for line in lines] for lines in self._half_t]

    @kept
    def _ddg(self, i: int, j: int, k: int, m: int) -> Element:
        return self.ring.derivative(self._slopes[i][j][k], m)

    def half_ddg(self, i: int, j: int, k: int, m: int) -> Element:
        """d_k d_m g_ij / 2."""
        slopes = self._slopes[i][j]
        if not slopes[k] or not slopes[m]:
            return self.ring.polynomials.zero
        if i > j:
            i, j = j, i
        return self._ddg(i, j, k, m) if k <= m else self._ddg(i, j, m, k)

    def ddg(self, i: int, j: int, k: int, m: int) -> Element:
        """d_k d_m g_ij."""
        return self.half_ddg(i, j, k, m).scale(2)

    @once
    def _half_t(self) -> Table:
        """T_ijk / 2 by i, j, k."""
        zero, n = self.ring.polynomials.zero, range(self.dim)
        made = {index: value.half() for index, value in self.skewness.items()}
        return [[[made.get(_sorted(i, j, k), zero) for k in n] for j in n] for i in n]

    def half_t(self, i: int, j: int, k: int) -> Element:
        """T_ijk / 2."""
        return self._half_t[i][j][k]

    def christoffel_first(self, i: int, j: int, k: int) -> Coefficients:
        """Coefficients of Gamma^(a)_{ij,k}."""
        zero = self.ring.polynomials.zero
        if not self.skewness:
            return self._first[i][j][k], zero, zero
        return self.first(i, j, k), -self.half_t(i, j, k), zero

    def raised(self, i: int, j: int, which: int) -> Row:
        """By k: Gamma^k_ij, or g^{km} T_ijm / 2."""
        key = (i, j, which) if i <= j else (j, i, which)
        found = self._raised.get(key)
        if found is None:
            with self.ring.polynomials.lock:
                if which and self.affine_order:
                    made = self.raised(i, j, 0)
                    found = made if self.affine_order > 0 else {m: -e for m, e in made.items()}
                else:
                    line = (self._t_rows if which else self.first_rows)[i][j]
                    found = self._products.raised(line)
                self._raised[key] = found
        return found

    def second(self, k: int, i: int, j: int) -> Element:
        """Levi-Civita Gamma^k_ij."""
        return self.raised(i, j, 0).get(k, self.ring.polynomials.zero)

    def raised_t(self, k: int, i: int, j: int) -> Element:
        """g^{km} T_ijm / 2."""
        if not self.skewness:
            return self.ring.polynomials.zero
        return self.raised(i, j, 1).get(k, self.ring.polynomials.zero)

    def christoffel(self, k: int, i: int, j: int) -> Coefficients:
        """Coefficients of Gamma^(a)k_ij."""
        zero = self.ring.polynomials.zero
        if not self.skewness:
            return self.second(k, i, j), zero, zero
        return self.second(k, i, j), -self.raised_t(k, i, j), zero

    @kept
    def _half_dt(self, j: int, k: int, m: int, i: int) -> Element:
        """d_i T_jkm / 2."""
        return self.ring.derivative(self.half_t(j, k, m), i)

    def half_dt(self, j: int, k: int, m: int, i: int) -> Element:
        """d_i T_jkm / 2."""
        return self._half_dt(*_sorted(j, k, m), i)

    @once
    def affine_order(self) -> int:
        """The order 1 or -1 whose connection has no symbols in this chart, or 0."""
        return flatness.affine_order(self)

    @once
    def _is_dually_flat(self) -> bool:
        return flatness.is_dually_flat(self)

    # -- lowered Riemann tensor ----------------------------------------------------------

    @kept
    def _lowered(self, m: int, k: int, i: int, j: int, order: int) -> Element:
        return direct.lowered(self, m, k, i, j, order)

    @once
    def metric_rows(self) -> list[Row]:
        """The nonzero g_ij."""
        return [row(line) for line in self.metric]

    def mixed(self, k: int, i: int, j: int, order: int) -> Row:
        """By m: the coefficient of alpha**order in R^m_kij, i < j."""
        key = k, i, j, order
        found = self._mixed.get(key)
        if found is None:
            with self.ring.polynomials.lock:
                found = self._mixed.get(key)
                if found is None:
                    found = self._mixed[key] = self._mixed_row(k, i, j, order)
        return found

    def _mixed_row(self, k: int, i: int, j: int, order: int) -> Row:
        if order and self._is_dually_flat:
            return {m: -e for m, e in self.mixed(k, i, j, 0).items()} if order == 2 else {}
        if self.dim == 2 and order != 1:
            return self._surface.row(k, order)
        if self._is_direct:
            return direct.curvature_row(self, k, i, j, order)
        column = row([self.lower(m, k, i, j, order) for m in range(self.dim)])
        return self._products.raise_index(column)

    @kept
    def _r0(self, m: int, k: int, i: int, j: int) -> Element:
        plus: tuple[Element, ...] = ()
        minus: tuple[Element, ...] = ()
        if not self.is_hessian():
            d = self.half_ddg
            plus = d(j, m, i, k), d(i, k, j, m)
            minus = d(j, k, i, m), d(i, m, j, k)
        first = self.first_rows
        pairs = ((first[i][k], first[j][m]),), ((first[j][k], first[i][m]),)
        return self._products.total(*pairs, plus, minus)

    @kept
    def _r1(self, m: int, k: int, i: int, j: int) -> Element:
        first, t = self.first_rows, self._t_rows
        positive = (first[i][m], t[j][k]), (first[i][k], t[j][m])
        negative = (first[j][k], t[i][m]), (first[j][m], t[i][k])
        plus, minus = (self.half_dt(i, k, m, j),), (self.half_dt(j, k, m, i),)
        return self._products.total(positive, negative, plus, minus)

    @kept
    def _r2(self, m: int, k: int, i: int, j: int) -> Element:
        t = self._t_rows
        return self._products.total(((t[j][k], t[i][m]),), ((t[i][k], t[j][m]),))

    def lower(self, m: int, k: int, i: int, j: int, order: int) -> Element:
        """The coefficient of alpha**order in riemann_lower[m, k, i, j]."""
        zero = self.ring.polynomials.zero
        if i == j or (order and not self.skewness):
            return zero
        if order and self._is_dually_flat:
            return -self.lower(m, k, i, j, 0) if order == 2 else zero
        negative = i > j
        if negative:
            i, j = j, i
        if order == 1:
            if m > k:
                m, k = k, m
            value = self._lowered(m, k, i, j, 1) if self._is_direct else self._r1(m, k, i, j)
        else:
            if m == k:
                return zero
            if m > k:
                m, k, negative = k, m, not negative
            if (m, k) > (i, j):
                m, k, i, j = i, j, m, k
            if self._is_direct:
                value = self._lowered(m, k, i, j, order)
            else:
                value = self._r0(m, k, i, j) if order == 0 else self._r2(m, k, i, j)
        return -value if negative else value

    def riemann_lower(self, m: int, k: int, i: int, j: int) -> Coefficients:
        """Coefficients of g(R(d_i, d_j) d_k, d_m)."""
        if not self.skewness:
            zero = self.ring.polynomials.zero
            return self.lower(m, k, i, j, 0), zero, zero
        return self.lower(m, k, i, j, 0), self.lower(m, k, i, j, 1), self.lower(m, k, i, j, 2)

    @once
    def _is_direct(self) -> bool:
        return direct.is_simpler(self)

    @kept
    def moving(self, which: int) -> frozenset[int]:
        """Coordinates on which g, or g and T, may depend."""
        if self.dim == 2:
            # Two slopes are found sooner than the symbols of all entries.
            return frozenset(range(2))
        elements = [e for line in self.metric for e in line if e.num]
        return self.ring.coordinates_of([*elements, *(self.skewness.values() if which else ())])

    def riemann(self, m: int, k: int, i: int, j: int) -> Coefficients:
        """Coefficients of R^m_kij."""
        zero = self.ring.polynomials.zero
        if i == j:
            return zero, zero, zero
        a, b = (i, j) if i < j else (j, i)
        found = self.mixed(k, a, b, 0).get(m, zero)
        if not self.skewness:
            return found if i < j else -found, zero, zero
        others = self.mixed(k, a, b, 1).get(m, zero), self.mixed(k, a, b, 2).get(m, zero)
        if i < j:
            return found, *others
        return -found, -others[0], -others[1]

    # -- contractions --------------------------------------------------------------------

    @once
    def _surface(self) -> Surface:
        return Surface(self)

    @kept
    def _ricci(self, k: int, j: int, order: int) -> Element:
        if order and self._is_dually_flat:
            return -self._ricci(k, j, 0) if order == 2 else self.ring.polynomials.zero
        n = range(self.dim)
        if self.dim == 2 and order != 1:
            return self._surface.ricci(order)[k][j]
        known = self._mixed.get
        mixed = {a: known((k, min(a, j), max(a, j), order)) for a in n if a != j}
        if all(line is not None for line in mixed.values()):
            present = [(a, line[a]) for a, line in mixed.items() if line and a in line]
            return self.ring.polynomials.total(
                [e for a, e in present if a < j], [e for a, e in present if a > j]
            )
        products = [
            (1, line, row([self.lower(b, k, a, j, order) for b in n]))
            for a, line in enumerate(self._inverse_rows)
            if a != j
        ]
        return self.ring.polynomials.scalar_product(products)

    def ricci(self, k: int, j: int) -> Coefficients:
        """Coefficients of Ricci[k, j] = R^l_klj; only the linear one is asymmetric."""
        low, high = min(k, j), max(k, j)
        zero = self.ring.polynomials.zero
        if not self.skewness:
            return self._ricci(low, high, 0), zero, zero
        return self._ricci(low, high, 0), self._ricci(k, j, 1), self._ricci(low, high, 2)

    @kept
    def scalar(self) -> Coefficients:
        """Coefficients of the scalar curvature; the linear one vanishes by symmetry."""
        n = self.dim
        zero = self.ring.polynomials.zero
        if n == 2:
            gauss = self._surface.gauss
            return gauss(0).scale(2), zero, gauss(2).scale(2) if self.skewness else zero
        value = self._trace(0)
        if not self.skewness:
            return value, zero, zero
        return value, zero, -value if self._is_dually_flat else self._trace(2)

    def _trace(self, order: int) -> Element:
        """g^{kj} times a coefficient of the Ricci tensor."""
        return self.ring.polynomials.dot(
            (line[j] if k == j else line[j].scale(2), self._ricci(k, j, order))
            for k, line in enumerate(self.inverse)
            for j in range(k, self.dim)
            if line[j]
        )


def _sorted(i: int, j: int, k: int) -> tuple[int, int, int]:
    a, b, c = sorted((i, j, k))
    return a, b, c
