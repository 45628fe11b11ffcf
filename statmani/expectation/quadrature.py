"""Numeric expectations straight from the definition, independent of every symbolic strategy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from statmani.declaration import Declaration, Variable
from statmani.errors import InvalidFamily
from statmani.expectation.evaluate import Program, new_context
from statmani.expectation.nodes import Chart, axis_nodes, charts_of, clean, to_chart, without_max

__all__ = ["Estimate", "Integrator", "check_density"]

Point = Mapping[sp.Symbol, Any]
_FINEST = 512
_TERMS = 200_000


@dataclass(frozen=True)
class Estimate:
    """Values of several expectations at one point.

    Attributes
    ----------
    values : ndarray
    sizes : ndarray
        E of the absolute values: the scale for relative errors.
    error : float
        Largest change between the last two refinements, relative to ``sizes``.
    total : float
        The integral of the density itself.
    undefined : dict or None
        A sample point where log p is not a real number.
    """

    values: np.ndarray
    sizes: np.ndarray
    error: float
    total: float
    undefined: dict[str, float] | None = None


class Integrator:
    """Integrates functions of (sample, parameters) against a declared density.

    Parameters
    ----------
    declaration : Declaration
    functions : sequence of Expr
        In internal symbols.

    Examples
    --------
    >>> import statmani as sm                                     # doctest: +SKIP
    >>> Integrator(declaration, [x]).at({mu: 0}).values           # doctest: +SKIP
    """

    def __init__(self, declaration: Declaration, functions: Sequence[sp.Expr] = ()) -> None:
        self._declaration = declaration
        self._functions = tuple(functions)
        self._discrete = tuple(v for v in declaration.variables if v.discrete)
        continuous = tuple(v for v in declaration.variables if not v.discrete)
        self._continuous = continuous
        outputs = (without_max(declaration.log_density), *self._functions)
        self._charts: list[tuple[Chart, Program]] = []
        if continuous:
            for chart in charts_of(declaration, continuous):
                table = {c.symbol: c.sample for c in chart}
                widths = [c.width.xreplace(table) for c in chart if c.width is not None]
                compiled = [clean(e.xreplace(table)) for e in outputs] + list(
                    map(sp.sympify, widths)
                )
                self._charts.append((chart, Program(compiled, [c.z for c in chart])))
        else:
            self._sum = Program(outputs, [v.symbol for v in declaration.variables])

    def at(self, point: Point, target: float = 1e-12) -> Estimate:
        """Expectations at one point of parameters (and constants), in double precision."""
        values = {**self._declaration.sample_values(), **point}
        if not self._continuous:
            return self._summed(values)
        if not self._discrete:
            return self._integrated(values, target)
        total: Estimate | None = None
        for row in _lattice(self._discrete, values, 48).T:
            fixed = {
                v.symbol: sp.Integer(int(c)) for v, c in zip(self._discrete, row, strict=True)
            }
            part = self._integrated({**values, **fixed}, target)
            total = part if total is None else _join(total, part)
        assert total is not None
        return total

    def _integrated(self, values: Point, target: float) -> Estimate:
        total: Estimate | None = None
        for chart, program in self._charts:
            part = _integrate(chart, program, len(self._functions), values, target)
            total = part if total is None else _join(total, part)
        assert total is not None
        return total

    def _summed(self, values: Point) -> Estimate:
        count = len(self._functions)
        nodes = _lattice(self._discrete, values, 2048 if len(self._discrete) == 1 else 300)
        outputs = self._sum.arrays(values, list(nodes))
        weights = np.ones(nodes.shape[1])
        estimate = _reduce(outputs, weights, count, 0.0, nodes, self._discrete)
        variable = self._discrete[0]
        if len(self._discrete) == 1 and variable.upper is sp.S.Infinity:
            estimate = self._with_tail(estimate, values, nodes[0], outputs)
        return estimate

    def _with_tail(
        self, head: Estimate, values: Point, nodes: np.ndarray, outputs: list[np.ndarray]
    ) -> Estimate:
        """Euler-Maclaurin for the terms from the last node on, when they still matter."""
        last = float(outputs[0][-1])
        if not np.isfinite(last) or last + np.log(nodes.size) < -40:
            return head
        end = sp.Integer(int(nodes[-1]))
        variable = self._discrete[0]
        z = sp.Dummy("z", positive=True)
        smooth = Variable(variable.symbol, end, sp.S.Infinity)
        chart = _single_half(smooth, z)
        all_outputs = (self._declaration.log_density, *self._functions)
        program = Program([e.xreplace({variable.symbol: end + z}) for e in all_outputs], [z])
        tail = _integrate(chart, program, len(self._functions), values, 1e-12)
        steps = np.array([-1.0, 0.0, 1.0])
        near = self._sum.arrays(values, [float(end) + steps])
        p = np.exp(near[0])
        table = np.array([p, *(p * f for f in near[1:])])
        edge = -table[:, 1] / 2 - (table[:, 2] - table[:, 0]) / 24
        size = np.abs(tail.values) + np.abs(edge[1:])
        return Estimate(
            head.values + tail.values + edge[1:],
            head.sizes + size,
            max(head.error, tail.error, 1e-10),
            head.total + tail.total + float(edge[0]),
            head.undefined,
        )

    def precise(self, point: Point, digits: int = 30) -> tuple[list[Any], float] | None:
        """Expectations to many digits; only for one variable, else None.

        Returns the values as mpmath numbers and the relative change between two step sizes.
        """
        values = {**self._declaration.sample_values(), **point}
        context = new_context(digits + 12)
        count = len(self._functions)
        if not self._continuous:
            if len(self._discrete) != 1:
                return None
            return _sum_precisely(self._sum, self._discrete, values, context, digits, count)
        if len(self._continuous) != 1 or self._discrete:
            return None
        fine = [context.mpf(0)] * (count + 1)
        coarse = [context.mpf(0)] * (count + 1)
        for chart, program in self._charts:
            part = _integrate_precisely(chart, program, values, context, digits, count)
            if part is None:
                return None
            fine = [a + b for a, b in zip(fine, part[0], strict=True)]
            coarse = [a + b for a, b in zip(coarse, part[1], strict=True)]
        error = max(
            float(abs(a - b) / (1 + abs(a))) for a, b in zip(fine, coarse, strict=True)
        )
        return fine, error


def _single_half(variable: Variable, z: sp.Symbol) -> Chart:
    from statmani.expectation.nodes import AxisChart

    return (AxisChart(variable.symbol, z, variable.lower + z, "half"),)


def _join(a: Estimate, b: Estimate) -> Estimate:
    return Estimate(
        a.values + b.values,
        a.sizes + b.sizes,
        max(a.error, b.error),
        a.total + b.total,
        a.undefined or b.undefined,
    )


def _lattice(variables: Sequence[Variable], values: Point, limit: int) -> np.ndarray:
    """All support points of the discrete variables, infinite ranges cut after ``limit`` values."""
    columns: list[np.ndarray] = []
    for index, variable in enumerate(variables):
        earlier = [v.symbol for v in variables[:index]]
        if variable.values is not None:
            choice = np.array([float(v) for v in variable.values])
            size = columns[0].size if columns else 1
            columns = [np.repeat(c, choice.size) for c in columns]
            columns.append(np.tile(choice, size))
            continue
        ends = Program([variable.lower, variable.upper], earlier).arrays(values, columns)
        low, high = (np.atleast_1d(np.asarray(e, dtype=float)) for e in ends)
        both = np.isinf(low) & np.isinf(high)
        low = np.where(both, -limit, np.where(np.isinf(low), high - limit, low))
        high = np.where(np.isinf(high), low + (2 * limit if both.any() else limit), high)
        counts = np.maximum(high - low + 1, 0).astype(int)
        columns = [np.repeat(c, counts) for c in columns]
        starts = np.repeat(low, counts)
        offset = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        columns.append(starts + offset)
    return np.array(columns)


def _reduce(
    outputs: list[np.ndarray],
    log_weights: np.ndarray,
    count: int,
    shift: float,
    nodes: np.ndarray | None,
    variables: Sequence[Variable],
) -> Estimate:
    """Sum p * f over nodes; nodes without mass do not count, whatever f is there."""
    log_p = np.asarray(outputs[0])
    undefined = None
    if np.iscomplexobj(log_p):
        undefined = {}
        log_p = log_p.real
    elif nodes is not None and np.isnan(log_p).any():
        column = nodes[:, int(np.flatnonzero(np.isnan(log_p))[0])]
        undefined = {str(v.symbol): float(c) for v, c in zip(variables, column, strict=True)}
    with np.errstate(all="ignore"):
        weight = np.exp(log_p)
    keep = np.isfinite(weight) & (weight > 0)
    weight = weight[keep]
    values, sizes = np.zeros(count), np.zeros(count)
    for i, f in enumerate(outputs[1 : count + 1]):
        with np.errstate(all="ignore"):
            product = weight * np.asarray(f).real[keep]
        product = product[np.isfinite(product)]
        values[i], sizes[i] = product.sum(), np.abs(product).sum()
    return Estimate(values, sizes, 0.0, float(weight.sum()), undefined)


def _transform(
    chart: Chart, program: Program, values: Point, ys: Sequence[np.ndarray]
) -> tuple[list[np.ndarray], np.ndarray, list[np.ndarray]]:
    """Columns z, log of the Jacobian, and the program's outputs at unconstrained nodes."""
    columns: list[np.ndarray] = []
    shape = np.broadcast_shapes(*(y.shape for y in ys))
    jacobian = np.zeros(shape)
    with np.errstate(all="ignore"):
        for axis, y in zip(chart, ys, strict=True):
            half: np.ndarray | float = 1.0
            if axis.width is not None:
                known = [a.z for a in chart[: len(columns)]]
                table = {a.symbol: a.sample for a in chart}
                half = (
                    Program([axis.width.xreplace(table)], known).arrays(values, columns)[0] / 2
                )
            z, log_slope = to_chart(axis.kind, y, half)
            columns.append(np.broadcast_to(z, shape) if len(chart) > 1 else z)
            jacobian = jacobian + log_slope
        outputs = program.arrays(values, columns)
    return columns, jacobian, outputs


def _mode(
    chart: Chart, program: Program, values: Point
) -> tuple[list[float], list[float]]:
    """Centre and scale per axis by coordinate search on log p + log Jacobian."""
    d = len(chart)
    centre, width = [0.0] * d, [40.0] * d
    grid = np.linspace(-1, 1, 129 if d == 1 else 65)

    def level(axis: int, y: np.ndarray) -> np.ndarray:
        ys = [y if i == axis else np.full_like(y, centre[i]) for i in range(d)]
        _, jacobian, outputs = _transform(chart, program, values, ys)
        total = np.asarray(outputs[0]).real + jacobian
        return np.where(np.isfinite(total), total, -np.inf)

    for sweep in range(16):
        for axis in range(d):
            reach = grid * width[axis]
            if chart[axis].kind == "line" and sweep == 0:
                reach = np.sinh(reach)
            y = centre[axis] + reach
            total = level(axis, y)
            if np.isfinite(total.max()):
                centre[axis] = float(y[int(np.argmax(total))])
            width[axis] = (
                max(1.0, abs(centre[axis]))
                if chart[axis].kind == "line" and sweep == 0
                else width[axis] / (8 if d == 1 else 3)
            )
    scale = []
    powers = 2.0 ** np.arange(-34, 60, 0.5)
    for axis in range(d):
        peak = level(axis, np.array([centre[axis]]))[0]
        drop = np.maximum(
            level(axis, centre[axis] + powers), level(axis, centre[axis] - powers)
        )
        below = np.flatnonzero(drop < peak - 0.5)
        found = float(powers[below[0]]) if below.size else 1.0
        scale.append(found if chart[axis].kind == "line" else float(np.clip(found, 0.25, 4.0)))
    return centre, scale


def _integrate(
    chart: Chart, program: Program, count: int, values: Point, target: float
) -> Estimate:
    d = len(chart)
    centre, scale = _mode(chart, program, values)
    reach = 6.2 if d == 1 else 4.2 if d == 2 else 3.6
    step, finest = (16, _FINEST) if d == 1 else (6, 48) if d == 2 else (4, 12)
    if d > 3:
        step, finest, reach = 2, 4, 3.0
    previous: Estimate | None = None
    while True:
        t = np.arange(-round(reach * step), round(reach * step) + 1) / step
        ys, logs = [], np.zeros((1,) * d)
        for i, axis in enumerate(chart):
            shape = [1] * d
            shape[i] = t.size
            y, slope = axis_nodes(axis.kind, t, centre[i], scale[i])
            ys.append(y.reshape(shape))
            logs = logs + np.log(slope / step).reshape(shape)
        columns, jacobian, outputs = _transform(chart, program, values, ys)
        flat = [np.broadcast_to(o, logs.shape).ravel() for o in outputs]
        with np.errstate(all="ignore"):
            flat[0] = flat[0] + (logs + jacobian).ravel()
        estimate = _reduce(flat, logs, count, 0.0, None, ())
        if previous is not None:
            change = abs(estimate.total - previous.total) / max(estimate.total, 1e-300)
            for new, old, size in zip(
                estimate.values, previous.values, estimate.sizes, strict=True
            ):
                change = max(change, abs(new - old) / max(size, 1e-300) if size else 0.0)
            estimate = Estimate(
                estimate.values, estimate.sizes, float(change), estimate.total, _bad(
                    chart, columns, outputs, values, centre, scale
                )
            )  # fmt: skip
            if change < target or step * 2 > finest:
                return estimate
        previous = estimate
        step *= 2


def _bad(
    chart: Chart,
    columns: list[np.ndarray],
    outputs: list[np.ndarray],
    values: Point,
    centre: list[float],
    scale: list[float],
) -> dict[str, float] | None:
    """A moderate sample point where log p is not real."""
    log_p = np.asarray(outputs[0])
    if np.iscomplexobj(log_p):
        wrong = np.abs(log_p.imag) > 0
    else:
        wrong = np.isnan(log_p)
    wide = [np.broadcast_to(c, log_p.shape) for c in columns]
    for z in wide:
        wrong = wrong & (np.abs(z) > 1e-6) & (np.abs(z) < 1e6)
    if not wrong.any():
        return None
    index = tuple(i[0] for i in np.nonzero(wrong))
    node = {a.z: sp.Float(float(z[index])) for a, z in zip(chart, wide, strict=True)}
    place = {}
    for axis in chart:
        place[str(axis.symbol)] = float(axis.sample.xreplace({**values, **node}))
    return place


def _integrate_precisely(
    chart: Chart, program: Program, values: Point, context: Any, digits: int, count: int
) -> tuple[list[Any], list[Any]] | None:
    (axis,) = chart
    (centre,), (scale,) = _mode(chart, program, values)
    step = 48
    reach = 6.4
    t = np.arange(-round(reach * step), round(reach * step) + 1) / step
    y, slope = axis_nodes(axis.kind, t, centre, scale)
    _, jacobian, outputs = _transform(chart, program, values, [y])
    with np.errstate(all="ignore"):
        size = np.asarray(outputs[0]).real + jacobian + np.log(slope)
        largest = np.max([np.ones(t.size), *(np.abs(f) for f in outputs[1 : count + 1])], axis=0)
        size = size + np.where(np.isfinite(largest), np.log(largest), 0.0)
    # Double precision decides only which nodes cannot matter; a margin covers growing scores.
    top = np.nanmax(np.where(np.isfinite(size), size, -np.inf))
    useful = np.flatnonzero(~(size < top - 2.3 * digits - 35))
    at = program.bind(context, values)
    half = None
    if axis.width is not None:
        half = Program([axis.width], []).bind(context, values)([])[0] / 2
    fine, coarse = [context.mpf(0)] * (count + 1), [context.mpf(0)] * (count + 1)
    for index in useful:
        tt = context.mpf(int(index) - round(reach * step)) / step
        u = context.pi / 2 * context.sinh(tt)
        du = context.pi / 2 * context.cosh(tt)
        if axis.kind == "line":
            z = centre + scale * context.sinh(u)
            dz = scale * context.cosh(u) * du
        else:
            e = context.exp(centre + scale * u)
            z = e if half is None else half * e / (1 + e)
            dz = scale * du * (e if half is None else z / (1 + e))
        row = at([z])
        if row[0] == -context.inf or not context.isfinite(row[0]):
            continue
        weight = context.exp(row[0].real) * dz / step
        for i, f in enumerate((1, *row[1 : count + 1])):
            term = weight * f
            fine[i] += term
            if index % 2 == 0:
                coarse[i] += 2 * term
    return fine, coarse


def _sum_precisely(
    program: Program,
    variables: Sequence[Variable],
    values: Point,
    context: Any,
    digits: int,
    count: int,
) -> tuple[list[Any], float] | None:
    nodes = _lattice(variables, values, 2048)[0]
    log_p = np.asarray(program.arrays(values, [nodes])[0]).real
    if not np.isfinite(log_p).any():
        return None
    mode = int(np.nanargmax(log_p))
    useful = np.flatnonzero(log_p > log_p[mode] - 2.3 * digits - 40)
    if not useful.size:
        return None
    if nodes.size > 2000 and (useful[-1] == nodes.size - 1 or useful.size > 1500):
        return None
    at = program.bind(context, values)
    sums = [context.mpf(0)] * (count + 1)
    for index in useful:
        row = at([context.mpf(float(nodes[index]))])
        weight = context.exp(row[0].real)
        for i, f in enumerate((1, *row[1 : count + 1])):
            sums[i] += weight * f
    return sums, 10.0 ** (-digits)


def check_density(declaration: Declaration) -> None:
    """Raise InvalidFamily when the declared density is no probability density.

    Checked at several interior points of the parameters, in double precision; a suspicious
    result is repeated with 40 digits before it is believed.

    Raises
    ------
    InvalidFamily
        The integral is not 1 (it is named), or log p is not real somewhere in the support.
    """
    integrator = Integrator(declaration)
    for point in declaration.domain.interior_points(3):
        values = dict(zip(declaration.parameters, point, strict=True))
        estimate = integrator.at(values, target=1e-9)
        place = _place(declaration, values)
        if estimate.undefined is not None:
            at = ", ".join(
                f"{declaration.external(v.symbol)} = {estimate.undefined[str(v.symbol)]:.6g}"
                for v in declaration.variables
                if str(v.symbol) in estimate.undefined
            )
            raise InvalidFamily(
                f"density: not a positive real number at {at or 'the sample'}, {place}. "
                "Correct the density, the support or the domain of the parameters."
            )
        total, error = estimate.total, estimate.error
        tolerance = 1e-7 if len(declaration.variables) < 3 else 1e-2
        if abs(total - 1) <= max(tolerance, 10 * error):
            continue
        exact = integrator.precise(values, 40)
        if exact is not None:
            if abs(exact[0][0] - 1) <= max(1e-9, 10 * exact[1]):
                continue
            total, error = float(exact[0][0]), exact[1]
        kind = "sum" if all(v.discrete for v in declaration.variables) else "integral"
        if not np.isfinite(total) or error > 1e-3:
            raise InvalidFamily(
                f"density: its {kind} over the support does not converge, {place}. "
                "Correct the support or the domain of the parameters."
            )
        raise InvalidFamily(
            f"density: its {kind} over the support is {total:.10g}, not 1, {place}. "
            f"Divide the density by its {kind}, or correct the support."
        )


def _place(declaration: Declaration, values: Point) -> str:
    table = {**declaration.sample_values(), **values}
    pairs = [f"{declaration.external(s)} = {v}" for s, v in table.items()]
    return "at " + ", ".join(pairs)
