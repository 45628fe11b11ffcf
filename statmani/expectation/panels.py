"""A second rule for certificates: composite Gauss-Legendre on the definitions as declared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import numpy as np
import sympy as sp

from statmani.declaration import Declaration
from statmani.expectation.evaluate import Program
from statmani.expectation.nodes import Chart, charts_of, clean, without_max
from statmani.expectation.quadrature import Integrator
from statmani.expectation.sums import Estimate, Point, join, mode, reduce_nodes, transform

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
        (axis,) = chart
        (centre,), (scale,) = mode(chart, density, values)
        # On a line tails may be heavy: panels in v with y = centre + scale sinh v.
        line = axis.kind == "line"
        steps = 2.0 ** np.arange(-24, 6.3 if line else 12, 0.25)
        v = (0.0 if line else centre) + np.concatenate([-steps[::-1], steps])
        origin = (centre, scale) if line else None
        y, slope = _placed(v, origin)
        _, jacobian, outputs = transform(chart, density, values, [y])
        with np.errstate(all="ignore"):
            size = np.asarray(outputs[0]).real + jacobian + slope
        size = np.where(np.isfinite(size), size, -np.inf)
        inside = np.flatnonzero(size > size.max() - _DROP)
        ends = v[max(inside[0] - 1, 0)], v[min(inside[-1] + 1, v.size - 1)]
        middle = 0.0 if line else centre
        coarse = self._sum(chart, program, values, ends, middle, origin, _PANELS)
        fine = self._sum(chart, program, values, ends, middle, origin, 2 * _PANELS)
        sizes = np.maximum(fine.sizes, 1e-300)
        change = float(np.max(np.abs(fine.values - coarse.values) / sizes, initial=0.0))
        error = max(change, abs(fine.total - coarse.total))
        return Estimate(fine.values, fine.sizes, error, fine.total)

    def _sum(
        self, chart: Chart, program: Program, values: Point, ends: tuple[float, float],
        middle: float, origin: tuple[float, float] | None, panels: int,
    ) -> Estimate:  # fmt: skip
        nodes, weights = np.polynomial.legendre.leggauss(_POINTS)
        # Panels grow from the mode outwards.
        grading = np.linspace(0.0, 1.0, panels // 2 + 1) ** 2
        edges = np.concatenate([middle + (ends[0] - middle) * grading[::-1],
                                middle + (ends[1] - middle) * grading[1:]])  # fmt: skip
        half = np.diff(edges) / 2
        v = ((edges[1:] + edges[:-1])[:, None] / 2 + half[:, None] * nodes).ravel()
        logs = np.log(np.maximum(half[:, None] * weights, 1e-300)).ravel()
        y, slope = _placed(v, origin)
        _, jacobian, outputs = transform(chart, program, values, [y])
        flat = [np.broadcast_to(np.asarray(o), y.shape) for o in outputs]
        with np.errstate(all="ignore"):
            flat[0] = flat[0] + jacobian + logs + slope
        return reduce_nodes(flat, logs, self._count, 0.0, None, ())


def _placed(v: np.ndarray, origin: tuple[float, float] | None) -> tuple[np.ndarray, np.ndarray]:
    """y of the panels' variable, and log dy/dv."""
    if origin is None:
        return v, np.zeros_like(v)
    centre, scale = origin
    return centre + scale * np.sinh(v), np.log(scale) + np.logaddexp(v, -v) - np.log(2.0)
