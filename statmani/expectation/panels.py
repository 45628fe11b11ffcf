"""A second rule for certificates: composite Gauss-Legendre on the definitions as declared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import sympy as sp

from statmani.declaration import Declaration
from statmani.expectation.evaluate import Program
from statmani.expectation.nodes import Chart, charts_of, clean, without_max
from statmani.expectation.quadrature import Integrator
from statmani.expectation.sums import (
    Estimate,
    Point,
    join,
    mode,
    reduce_nodes,
    repaired,
    transform,
)

__all__ = ["PanelRule"]

_POINTS = 16
_PANELS = 48
_DROP = 90.0


@final
class PanelRule:
    """Expectations by Gauss-Legendre panels for one continuous variable.

    It shares neither nodes nor formulas with the sweeps that evaluate expectations: the functions
    are the plain derivatives of the declared density. Sums, and integrals over several variables,
    use :class:`Integrator` on the same plain functions.

    Examples
    --------
    >>> import sympy as sp, statmani as sm
    >>> from statmani.expectation.panels import PanelRule
    >>> declaration = sm.families.gamma().declaration
    >>> rule = PanelRule(declaration, [declaration.variables[0].symbol])
    >>> point = dict(zip(declaration.parameters, (sp.Integer(3), sp.Rational(1, 2))))
    >>> round(float(rule.at(point).values[0]), 12)
    1.5
    """

    def __init__(self, declaration: Declaration, functions: Sequence[sp.Expr]) -> None:
        self._declaration = declaration
        self._count = len(functions)
        self.independent = len(declaration.variables) == 1
        self._charts: list[tuple[Chart, Program, Program]] = []
        self._fallback: Integrator | None = None
        if not self.independent or declaration.variables[0].discrete:
            self._fallback = Integrator(declaration, functions)
            return
        outputs = (without_max(declaration.log_density), *functions)
        for chart in charts_of(declaration, declaration.variables):
            table = {c.symbol: c.sample for c in chart}
            compiled = [clean(e.xreplace(table)) for e in outputs]
            zs = [c.z for c in chart]
            self._charts.append((chart, Program(compiled[:1], zs), Program(compiled, zs)))

    def at(self, point: Point) -> Estimate:
        """Expectations at one point; the error compares two numbers of panels."""
        values = {**self._declaration.sample_values(), **point}
        if self._fallback is not None:
            return self._fallback.at(values)
        total: Estimate | None = None
        for chart, density, program in self._charts:
            part = self._piece(chart, density, program, values)
            total = part if total is None else join(total, part)
        assert total is not None
        return total

    def _piece(self, chart: Chart, density: Program, program: Program, values: Point) -> Estimate:
        (centre,), (scale,) = mode(chart, density, values)
        axis = _Axis(centre, scale, chart[0].kind == "line")
        steps = 2.0 ** np.arange(-24, 12, 0.25)
        t = np.concatenate([-steps[::-1], steps])
        size = self._mass(chart, density, values, axis, t)
        inside = np.flatnonzero(size > size.max() - _DROP)
        low, high = t[max(inside[0] - 1, 0)], t[min(inside[-1] + 1, t.size - 1)]
        coarse = self._sum(chart, program, values, axis, low, high, _PANELS)
        fine = self._sum(chart, program, values, axis, low, high, 2 * _PANELS)
        size_of = np.maximum(fine.sizes, 1e-300)
        change = float(np.max(np.abs(fine.values - coarse.values) / size_of, initial=0.0))
        error = max(change, abs(fine.total - coarse.total), fine.error)
        return Estimate(fine.values, fine.sizes, error, fine.total)

    def _mass(
        self, chart: Chart, density: Program, values: Point, axis: _Axis, t: np.ndarray
    ) -> np.ndarray:
        """log of density times Jacobian."""
        y, slope = axis.at(t)
        _, jacobian, outputs = transform(chart, density, values, [y])
        with np.errstate(all="ignore"):
            size = np.asarray(outputs[0]).real + jacobian + slope
        return np.where(np.isfinite(size), size, -np.inf)

    def _sum(
        self, chart: Chart, program: Program, values: Point, axis: _Axis, low: float, high: float,
        panels: int,
    ) -> Estimate:  # fmt: skip
        nodes, weights = np.polynomial.legendre.leggauss(_POINTS)
        # Panels grow from the mode outwards.
        grading = np.linspace(0.0, 1.0, panels // 2 + 1) ** 2
        edges = np.concatenate([low * grading[::-1], high * grading[1:]])
        half = np.diff(edges) / 2
        t = ((edges[1:] + edges[:-1])[:, None] / 2 + half[:, None] * nodes).ravel()
        logs = np.log(np.maximum(half[:, None] * weights, 1e-300)).ravel()
        y, slope = axis.at(t)
        columns, jacobian, outputs = transform(chart, program, values, [y])
        flat = [np.broadcast_to(np.asarray(o), y.shape) for o in outputs]
        with np.errstate(all="ignore"):
            flat[0] = flat[0] + jacobian + logs + slope
        flat = repaired(program, values, columns, flat)
        return reduce_nodes(flat, logs, self._count, 0.0, None, ())


@final
@dataclass(frozen=True)
class _Axis:
    """y = centre + t, or centre + scale sinh t on a line, where tails may be algebraic."""

    centre: float
    scale: float
    stretched: bool

    def at(self, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """y and the logarithm of dy/dt."""
        if not self.stretched:
            return self.centre + t, np.zeros_like(t)
        with np.errstate(over="ignore"):
            y = self.centre + self.scale * np.sinh(t)
            slope = np.log(self.scale) + np.abs(t) + np.log1p(np.exp(-2 * np.abs(t))) - np.log(2.0)
        return y, slope
