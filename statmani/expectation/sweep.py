"""Many expectations at one point in double precision, from one sweep over shared nodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import sympy as sp

from statmani.declaration import Declaration
from statmani.expectation.evaluate import Program
from statmani.expectation.law import Index, Law, Monomial
from statmani.expectation.nodes import Chart, axis_nodes, charts_of, clean
from statmani.expectation.regions import absorb_region
from statmani.expectation.sums import Point, lattice, mode, repaired, transform

__all__ = ["Sweep", "SweepResult", "support_of"]

_ROUNDING = 2.0**-52
_TARGET = 1e-13
_FIRST = {1: 16, 2: 6, 3: 4}
_FINEST = {1: 8192, 2: 96, 3: 16}
_REACH = {1: 6.2, 2: 4.4, 3: 3.8}
# Mass that may be without values, where more than single nodes are: those show in the change.
_MISSING, _SINGLE = 1e-6, 2
_LATTICES = (2048, 32768, 262144)


@dataclass(frozen=True, eq=False)
class SweepResult:
    """Values of all expectations at one point.

    Attributes
    ----------
    values : ndarray
    errors : ndarray
        Estimated absolute errors: the change at the last refinement, rounding, and what may lie
        beyond the nodes of one variable.
    sizes : ndarray
        Expectations of the absolute values.
    total : float
        The integral of the density.
    """

    values: np.ndarray
    errors: np.ndarray
    sizes: np.ndarray
    total: float


def support_of(law: Law) -> tuple[Declaration, sp.Expr]:
    """The declaration with conditions of the support as bounds, and log p, -oo outside."""
    declaration, density = law.declaration, law.derivative(())
    bounded = absorb_region(declaration)
    conditions = list(bounded.region)
    if bounded.log_density != declaration.log_density:
        conditions.append(bounded.log_density.args[0].cond)
    if conditions:
        density = sp.Piecewise((density, sp.And(*conditions)), (sp.S.NegativeInfinity, True))
    return bounded, density


@final
class Sweep:
    """Expectations of products of derivatives of log p under one law.

    Parameters
    ----------
    law : Law
    products : sequence of (function, monomial)
        Integrands f l_I l_J ...

    Examples
    --------
    >>> import sympy as sp, statmani as sm
    >>> from statmani.expectation.law import law_of
    >>> from statmani.expectation.sweep import Sweep
    >>> law = law_of(sm.families.gamma().declaration)
    >>> sweep = Sweep(law, [(sp.Integer(1), ((0,), (1,)))])
    >>> result = sweep.at(dict(zip(law.symbols, (sp.Integer(3), sp.Rational(1, 2)))))
    >>> round(float(result.values[0]), 12)
    2.0
    """

    def __init__(self, law: Law, products: Sequence[tuple[sp.Expr, Monomial]]) -> None:
        self._law = law
        self._products = [(function, monomial) for function, monomial in products]
        self._indices: list[Index] = sorted({i for _, m in products for i in m})
        self._functions = [f for f, _ in products]
        declaration, density = support_of(law)
        self._variables = declaration.variables
        self._discrete = tuple(v for v in declaration.variables if v.discrete)
        outputs = [law.derivative(i) for i in self._indices]
        self._own = sorted({f for f in self._functions if f != 1}, key=sp.default_sort_key)
        outputs += self._own
        self._charts: list[tuple[Chart, Program, Program]] = []
        if self._discrete and len(self._discrete) == len(self._variables):
            symbols = [v.symbol for v in self._variables]
            self._sum = Program([density, *outputs], symbols)
        elif not self._discrete:
            for chart in charts_of(declaration, declaration.variables, self._own):
                table = {c.symbol: c.sample for c in chart}
                zs = [c.z for c in chart]
                compiled = [clean(e.xreplace(table)) for e in (density, *outputs)]
                self._charts.append((chart, Program(compiled[:1], zs), Program(compiled, zs)))

    def at(self, point: Point, target: float = _TARGET) -> SweepResult:
        """All expectations at one point of the law's symbols."""
        if self._charts:
            parts = [self._integral(*chart, point, target) for chart in self._charts]
            return SweepResult(
                np.sum([p.values for p in parts], axis=0),
                np.sum([p.errors for p in parts], axis=0),
                np.sum([p.sizes for p in parts], axis=0),
                float(sum(p.total for p in parts)),
            )
        if len(self._discrete) == len(self._variables):
            return self._series(point)
        return self._mixed(point)

    def _reduced(self, outputs: list[np.ndarray], log_weights: Any) -> np.ndarray:
        """Rows (value, size, ends) of the density and of each product.

        Nodes without mass drop out. The size is infinite where a product has no value at nodes
        with mass. The ends are the first and the last term.
        """
        with np.errstate(all="ignore"):
            weight = np.exp(np.asarray(outputs[0]).real + log_weights).ravel()
        keep = np.isfinite(weight) & (weight > 0)
        weight = weight[keep]
        flat = [
            np.broadcast_to(np.asarray(o).real, keep.shape if o.ndim < 2 else o.shape).ravel()[keep]
            for o in outputs[1:]
        ]
        by_index = dict(zip(self._indices, flat, strict=False))
        by_function = dict(zip(self._own, flat[len(self._indices) :], strict=True))
        rows = np.zeros((3, len(self._products) + 1))
        rows[:2, 0] = weight.sum()
        for at, (function, monomial) in enumerate(self._products):
            with np.errstate(all="ignore"):
                product = weight
                for index in monomial:
                    product = product * by_index[index]
                if function != 1:
                    product = product * by_function[function]
            has_value = np.isfinite(product)
            missing = weight[~has_value]
            product = product[has_value]
            size = np.abs(product).sum()
            if missing.size > _SINGLE and missing.sum() > _MISSING * rows[0, 0]:
                size = np.inf
            ends = np.abs(product[[0, -1]]).sum() if product.size else 0.0
            rows[:, at + 1] = product.sum(), size, ends
        return rows

    def _integral(
        self, chart: Chart, density: Program, program: Program, point: Point, target: float
    ) -> SweepResult:
        d = len(chart)
        centre, scale = mode(chart, density, point)
        step, finest = _FIRST.get(d, 2), _FINEST.get(d, 4)
        reach = _REACH.get(d, 3.0)
        previous: np.ndarray | None = None
        while True:
            rows = self._at_step(chart, program, point, centre, scale, step, reach)
            if previous is not None:
                change = np.abs(rows[0] - previous[0])
                # The tensors decide, not the normaliser, and each on its own scale.
                settled = change <= target * np.maximum(rows[1], 1e-300)
                if settled.all() or step * 2 > finest:
                    break
            previous, step = rows, step * 2
        errors = change + 16 * _ROUNDING * rows[1]
        if d == 1:
            # A tail beyond the smallest double is as large as the last integrand.
            errors += step * rows[2]
        return SweepResult(rows[0, 1:], errors[1:], rows[1, 1:], float(rows[0, 0]))

    def _at_step(
        self, chart: Chart, program: Program, point: Point, centre: Any, scale: Any, step: int,
        reach: float,
    ) -> np.ndarray:  # fmt: skip
        d = len(chart)
        t = np.arange(-round(reach * step), round(reach * step) + 1) / step
        ys: list[np.ndarray] = []
        logs: np.ndarray = np.zeros((1,) * d)
        for i, axis in enumerate(chart):
            shape = [1] * d
            shape[i] = t.size
            y, slope = axis_nodes(axis.kind, t, centre[i], scale[i])
            ys.append(y.reshape(shape))
            logs = logs + np.log(slope / step).reshape(shape)
        columns, jacobian, outputs = transform(chart, program, point, ys)
        full = [np.broadcast_to(np.asarray(o), logs.shape) for o in outputs]
        with np.errstate(all="ignore"):
            full[0] = full[0] + (logs + jacobian)
        if d == 1:
            full = repaired(program, point, columns, full)
        return self._reduced(full, 0.0)

    def _series(self, point: Point) -> SweepResult:
        infinite = any(
            v.values is None and (v.upper.is_infinite or v.lower.is_infinite)
            for v in self._discrete
        )
        previous: np.ndarray | None = None
        limits = _LATTICES if len(self._discrete) == 1 else (300, 600)
        for limit in limits if infinite else limits[:1]:
            nodes = lattice(self._discrete, point, limit)
            outputs = self._sum.arrays(point, list(nodes))
            rows = self._reduced(outputs, 0.0)
            if previous is None and infinite:
                half = lattice(self._discrete, point, limit // 2)
                previous = self._reduced(self._sum.arrays(point, list(half)), 0.0)
            change = np.abs(rows[0] - previous[0]) if previous is not None else np.zeros(1)
            if (change <= _TARGET * np.maximum(rows[1], 1e-300)).all():
                break
            previous = rows
        else:
            if infinite and len(self._discrete) == 1:
                return self._with_tail(point)
        errors = change + 16 * _ROUNDING * rows[1]
        return SweepResult(rows[0, 1:], errors[1:], rows[1, 1:], float(rows[0, 0]))

    def _with_tail(self, point: Point) -> SweepResult:
        """A series that decays slowly: terms, and an integral for those beyond."""
        from statmani.expectation.quadrature import Integrator

        factors = [*(self._law.derivative(i) for i in self._indices), *self._own, sp.Integer(1)]
        places = {f: len(self._indices) + n for n, f in enumerate(self._own)}
        products = []
        for function, monomial in self._products:
            product = [self._indices.index(i) for i in monomial]
            if function != 1:
                product.append(places[function])
            products.append(tuple(product) or (len(factors) - 1,))
        found = Integrator(self._law.declaration, factors, products).at(point)
        errors = (found.error + 16 * _ROUNDING) * found.sizes
        return SweepResult(found.values, errors, found.sizes, found.total)

    def _mixed(self, point: Point) -> SweepResult:
        from statmani.expectation.quadrature import Integrator

        functions = []
        for function, monomial in self._products:
            functions.append(sp.Mul(function, *(self._law.derivative(i) for i in monomial)))
        found = Integrator(self._law.declaration, functions).at(point)
        errors = (found.error + 16 * _ROUNDING) * found.sizes
        return SweepResult(found.values, errors, found.sizes, found.total)
