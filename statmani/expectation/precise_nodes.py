"""Values of the derivatives of log p at the nodes of one sum, each computed once."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, final

import sympy as sp

from statmani.expectation.evaluate import Program
from statmani.expectation.law import Index, Law, Monomial
from statmani.expectation.nodes import clean

__all__ = ["Nodes", "place_and_slope", "unit_node"]


def unit_node(kind: str, t: Any, context: Any) -> tuple[Any, Any]:
    """What the double-exponential map of an axis has in common for all centres and scales."""
    u = context.pi / 2 * context.sinh(t)
    du = context.pi / 2 * context.cosh(t)
    if kind == "line":
        e = context.exp(u)
        return (e - 1 / e) / 2, (e + 1 / e) / 2 * du
    return u, du


def place_and_slope(
    kind: str, unit: tuple[Any, Any], centre: float, scale: float, half: Any, context: Any
) -> tuple[Any, Any]:
    """z and dz/dt of the map of an axis at a unit node; ``half`` is the half of its width."""
    u, du = unit
    if kind == "line":
        return centre + scale * u, scale * du
    e = context.exp(centre + scale * u)
    z = e if half is None else half * e / (1 + e)
    return z, scale * du * (e if half is None else z / (1 + e))


@final
class Nodes:
    """Values of functions of the sample at a growing list of nodes of one chart."""

    def __init__(
        self, law: Law, table: dict[sp.Symbol, Any], context: Any,
        back: Mapping[sp.Symbol, sp.Expr], zs: Sequence[sp.Symbol],
    ) -> None:  # fmt: skip
        self._law, self._table, self._context = law, table, context
        self._back, self._zs = back, tuple(zs)
        self.places: list[tuple[Any, ...]] = []
        self.weights: list[Any] = []
        self._columns: dict[Any, list[Any]] = {}
        self._programs: dict[int, tuple[list[Index], Any]] = {}

    def _order(self, order: int) -> tuple[list[Index], Any]:
        if order not in self._programs:
            count = len(self._law.declaration.parameters) if order else 0
            indices = list(itertools.combinations_with_replacement(range(count), order))
            self._programs[order] = (indices, self._bound(indices))
        return self._programs[order]

    def _bound(self, indices: list[Index]) -> Any:
        outputs = [clean(self._law.derivative(i).xreplace(self._back)) for i in indices]
        return Program(outputs, self._zs).bind(self._context, self._table)

    def column(self, index: Index) -> list[Any]:
        """l_I at all nodes."""
        known = self._columns.setdefault(index, [])
        while len(known) < len(self.places):
            indices, at = self._order(len(index))
            if index not in indices:
                indices, at = [index], self._bound([index])
            start = len(known)
            rows = [at(place) for place in self.places[start:]]
            for position, other in enumerate(indices):
                column = self._columns.setdefault(other, [])
                if len(column) == start:
                    column += [row[position] for row in rows]
        return known

    def function(self, function: sp.Expr) -> list[Any]:
        """f at all nodes."""
        known = self._columns.setdefault(function, [])
        if len(known) < len(self.places):
            at = Program([clean(function.xreplace(self._back))], self._zs).bind(
                self._context, self._table
            )
            known += [at(place)[0] for place in self.places[len(known) :]]
        return known

    def sum(self, function: sp.Expr, monomial: Monomial, start: int, end: int) -> tuple[Any, Any]:
        """Sum and sum of magnitudes over the nodes from ``start`` to ``end``."""
        columns = [self.column(index) for index in monomial]
        if function != 1:
            columns.append(self.function(function))
        total, size = self._context.mpf(0), self._context.mpf(0)
        for at in range(start, end):
            term = self.weights[at]
            for column in columns:
                term = term * column[at]
            if getattr(term, "imag", 0) != 0:
                term = term.real
            total, size = total + term, size + abs(term)
        return total, size
