"""Values of the derivatives of log p at the nodes of one sum, each computed once."""

from __future__ import annotations

import itertools
from typing import Any, final

import sympy as sp

from statmani.expectation.evaluate import Program
from statmani.expectation.law import Index, Law, Monomial
from statmani.expectation.nodes import clean

__all__ = ["Nodes"]


@final
class Nodes:
    """Values of functions of the sample at a growing list of nodes of one chart."""

    def __init__(
        self, law: Law, table: dict[sp.Symbol, Any], context: Any, sample: sp.Expr, z: sp.Symbol
    ) -> None:
        self._law, self._table, self._context = law, table, context
        self._back = {law.declaration.variables[0].symbol: sample}
        self._z = z
        self.places: list[Any] = []
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
        return Program(outputs, [self._z]).bind(self._context, self._table)

    def column(self, index: Index) -> list[Any]:
        """l_I at all nodes."""
        known = self._columns.setdefault(index, [])
        while len(known) < len(self.places):
            indices, at = self._order(len(index))
            if index not in indices:
                indices, at = [index], self._bound([index])
            start = len(known)
            rows = [at([z]) for z in self.places[start:]]
            for position, other in enumerate(indices):
                column = self._columns.setdefault(other, [])
                if len(column) == start:
                    column += [row[position] for row in rows]
        return known

    def function(self, function: sp.Expr) -> list[Any]:
        """f at all nodes."""
        known = self._columns.setdefault(function, [])
        if len(known) < len(self.places):
            at = Program([clean(function.xreplace(self._back))], [self._z]).bind(
                self._context, self._table
            )
            known += [at([z])[0] for z in self.places[len(known) :]]
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
