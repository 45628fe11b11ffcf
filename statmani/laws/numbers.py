"""The same expectations by quadrature of their definitions, independent of every closed form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any, final

import numpy as np
import sympy as sp

from statmani.declaration import Declaration
from statmani.derivatives import derivative
from statmani.expectation.blocks import BlockQuadrature
from statmani.expectation.certificate import has_moving_kinks
from statmani.expectation.context import thread_context
from statmani.expectation.evaluate import Program
from statmani.expectation.parts import independent_blocks, separable
from statmani.expectation.quadrature import Integrator
from statmani.expectation.stable import stable_sums
from statmani.expectation.straight import straighten

__all__ = ["Numbers", "Quadratures"]

Index = tuple[int, ...]
_DIGITS = 30
#: What is believed of quadrature in double precision, and the digits that are never claimed.
_DOUBLE = 1e-9
_MOST_DIGITS = 28
#: Many digits are believed where double precision comes as near as this.
_ROUGH = 1e-5


@dataclass(frozen=True)
class Numbers:
    """Expectations at one point.

    Attributes
    ----------
    point : tuple of (Symbol, Rational)
        In internal symbols, constants included.
    total : number
        The integral of the density.
    scores, products, mixed, slopes : dict
        E[s_i] by (i,), E[s_i s_j] and E[s_i s_j s_k], E[d_ij l s_k] by (i, j, k) with i <= j, and
        E of derivatives of log p of orders two and three; the last two are empty where the score
        jumps at a moving place.
    tolerance : float
        Relative difference that the quadrature's error explains; infinite when it does not
        converge.
    """

    point: tuple[tuple[sp.Symbol, sp.Expr], ...]
    total: Any
    scores: Mapping[Index, Any]
    products: Mapping[Index, Any]
    mixed: Mapping[Index, Any]
    slopes: Mapping[Index, Any]
    tolerance: float

    @property
    def most_digits(self) -> int:
        """Digits that agreement may show."""
        return _MOST_DIGITS if self.tolerance < 1e-12 else 14


@final
class Quadratures:
    """Numbers of one observation of a family at any point.

    Parameters
    ----------
    declaration : Declaration
    """

    def __init__(self, declaration: Declaration) -> None:
        self.declaration = declaration
        n = range(len(declaration.parameters))
        ell = separable(declaration)
        self.moving_kinks = has_moving_kinks(declaration, ell)
        self._pairs = list(combinations_with_replacement(n, 2))
        self._triples = list(combinations_with_replacement(n, 3))
        self._mixed = [] if self.moving_kinks else [(*p, k) for p in self._pairs for k in n]
        self._scores = BlockQuadrature(declaration, ell, self._pairs, self._triples)
        self._slopes = [] if self.moving_kinks else [*self._pairs, *self._triples]
        straight, _ = straighten(declaration)
        if straight.variables != declaration.variables:
            declaration, ell = straight, straight.log_density
        blocks, rest = independent_blocks(ell, declaration)
        self._rest = Program([self._slope(rest, index) for index in self._slopes], [])
        self._parts = [
            Integrator(block, [self._slope(block.log_density, index) for index in self._slopes])
            for block in map(stable_sums, blocks)
        ]

    def _slope(self, ell: sp.Expr, index: Index) -> sp.Expr:
        for i in index:
            ell = derivative(ell, self.declaration.parameters[i])
        return ell

    def points(self, count: int) -> list[dict[sp.Symbol, sp.Expr]]:
        """Interior points with values of the constants."""
        declaration = self.declaration
        constants = declaration.sample_values()
        return [
            {**constants, **dict(zip(declaration.parameters, point, strict=True))}
            for point in declaration.domain.interior_points(count, seed=101)
        ]

    def at(self, values: Mapping[sp.Symbol, sp.Expr]) -> Numbers:
        """All expectations at one point, with many digits where double precision agrees."""
        point = dict(values)
        estimate = self._scores.at(point, self._mixed)
        slopes, change = self._double_slopes(point)
        numbers = [estimate.total, *estimate.values, *slopes]
        error = max(_DOUBLE, (3 if estimate.random else 100) * max(estimate.error, change))
        precise = self._precise(point, numbers) if not estimate.random else None
        if precise is not None:
            return self._collect(point, *precise)
        return self._collect(point, numbers, error if error < 1e-2 else float("inf"))

    def _precise(
        self, point: dict[Any, Any], rough: Sequence[Any]
    ) -> tuple[list[Any], float] | None:
        """The same with 30 digits, where that is cheap and agrees with what is known roughly."""
        exact = self._scores.precise(point, _DIGITS, self._mixed)
        found = exact and self._precise_slopes(point)
        if exact is None or found is None:
            return None
        change = max(exact[1], found[1])
        # The last change squared would do, if no tail were beyond the nodes.
        error = max(1e-26, 100 * change)
        numbers = [*exact[0], *found[0]]
        near = all(
            not abs(b) < float("inf") or abs(a - b) <= _ROUGH * (1 + abs(a))
            for a, b in zip(numbers, rough, strict=True)
        )
        return (numbers, error) if near and error < 1e-12 else None

    def _collect(self, point: dict[Any, Any], numbers: Sequence[Any], error: float) -> Numbers:
        total, *rest = numbers
        n = len(self.declaration.parameters)
        indices: list[Index] = [*((i,) for i in range(n)), *self._pairs, *self._triples]
        named = [*indices, *self._mixed]
        table = dict(zip(indices, rest, strict=False))
        return Numbers(
            tuple(point.items()),
            total,
            {index: table[index] for index in indices[:n]},
            {index: table[index] for index in indices[n:]},
            dict(zip(self._mixed, rest[len(indices) :], strict=False)),
            dict(zip(self._slopes, rest[len(named) :], strict=True)),
            error,
        )

    def _precise_slopes(self, point: dict[Any, Any]) -> tuple[list[Any], float] | None:
        totals, worst = list(self._rest.bind(thread_context(_DIGITS + 12), point)([])), 0.0
        if not self._slopes:
            return totals, worst
        for part in self._parts:
            found = part.precise(point, _DIGITS)
            if found is None:
                return None
            mass = found[0][0] if len(self._parts) > 1 else 1
            totals = [a + b / mass for a, b in zip(totals, found[0][1:], strict=True)]
            worst = max(worst, found[1])
        return totals, worst

    def _double_slopes(self, point: dict[Any, Any]) -> tuple[list[Any], float]:
        totals = [float(np.real(e)) for e in self._rest.arrays(point, [])]
        worst = 0.0
        for part in self._parts if self._slopes else ():
            found = part.at(point)
            mass = found.total if len(self._parts) > 1 else 1.0
            totals = [a + b / mass for a, b in zip(totals, found.values, strict=True)]
            worst = max(worst, found.error)
        return totals, worst
