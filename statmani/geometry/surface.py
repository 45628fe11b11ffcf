"""Two dimensions: the curvature tensor has one component, and the others are its multiples."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from statmani.algebra.element import Element
from statmani.algebra.sums import Row

if TYPE_CHECKING:
    from statmani.geometry.curvature import Geometry

__all__ = ["Surface"]


@final
class Surface:
    """R_lkij = K (g_li g_kj - g_lj g_ki) for the even powers of alpha (do Carmo 1992, chapter 4).

    Parameters
    ----------
    geometry : Geometry
        Of dimension 2.
    """

    def __init__(self, geometry: Geometry) -> None:
        self._geometry = geometry
        self._gauss: dict[int, Element] = {}
        self._products: dict[int, list[list[Element]]] = {}

    def gauss(self, order: int) -> Element:
        """K = R_0101 / det g; for order 0 the Gaussian curvature."""
        if order not in self._gauss:
            lower = self._geometry.lower(0, 1, 0, 1, order)
            self._gauss[order] = lower * self._geometry.reciprocal if lower else lower
        return self._gauss[order]

    def ricci(self, order: int) -> list[list[Element]]:
        """K g_kj."""
        if order not in self._products:
            (a, b), (_, c) = self._geometry.metric
            gauss = self.gauss(order)
            mixed = gauss * b
            self._products[order] = [[gauss * a, mixed], [mixed, gauss * c]]
        return self._products[order]

    def row(self, k: int, order: int) -> Row:
        """R^m_k01 by m."""
        (a, b), (_, c) = self.ricci(order)
        pair = (b, -a) if k == 0 else (c, -b)
        return {m: e for m, e in enumerate(pair) if e.num}
