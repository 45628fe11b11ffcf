"""Means of products of derivatives of log p on finitely many points, in one ring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

import sympy as sp

from statmani.algebra.element import Element
from statmani.declaration import Declaration
from statmani.errors import StatmaniError
from statmani.expectation.exact import Exact
from statmani.expectation.means import density_of

__all__ = ["FiniteMoments"]

Index = tuple[int, ...]


@final
class FiniteMoments:
    """Exact moments as sums over the points; each mass is converted once.

    Parameters
    ----------
    exact : Exact
    masses : sequence of Element

    Examples
    --------
    >>> import statmani as sm
    >>> from statmani.laws.closed import ClosedMoments
    >>> moments = ClosedMoments(sm.families.bernoulli().declaration).finite
    >>> moments.mean([(0,)]), moments.mean([(0,), (0,)])
    (0, -1/(t0*(t0 - 1)))
    """

    def __init__(self, exact: Exact, masses: Sequence[Element]) -> None:
        self._exact, self._masses = exact, list(masses)
        self._slopes: dict[Index, list[Element]] = {}

    @classmethod
    def of(
        cls,
        declaration: Declaration,
        ell: sp.Expr,
        points: Sequence[Mapping[sp.Expr, sp.Expr]],
    ) -> FiniteMoments | None:
        """The moments, or None when the ring cannot hold the masses."""
        masses = [density_of(ell.xreplace(dict(point))) for point in points]
        exact = Exact(declaration, masses)
        try:
            elements = [exact.element(mass) for mass in masses]
        except StatmaniError:
            return None
        return cls(exact, [e for e in elements if e])

    def mean(self, factors: Sequence[Index]) -> sp.Expr:
        """E of the product of derivatives of log p."""
        ring, total = self._exact.ring.polynomials, []
        for number, mass in enumerate(self._masses):
            product = mass
            for index in factors:
                product = product * self._slope(tuple(sorted(index)))[number]
            total.append(product)
        return self._exact.sympy(ring.total(total))

    def _slope(self, index: Index) -> list[Element]:
        if index not in self._slopes:
            ring, (*rest, last) = self._exact.ring, index
            if rest:
                found = [ring.derivative(e, last) for e in self._slope(tuple(rest))]
            else:
                found = [ring.derivative(m, last) / m for m in self._masses]
            self._slopes[index] = found
        return self._slopes[index]
