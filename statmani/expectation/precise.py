"""The same sums to many digits: one continuous variable, or discrete ones."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy as sp

from statmani.declaration import Variable
from statmani.expectation.evaluate import Program
from statmani.expectation.nodes import AxisChart, Chart, axis_nodes
from statmani.expectation.precise_nodes import place_and_slope, unit_node
from statmani.expectation.sums import Point, Products, lattice, mode, transform

__all__ = ["integrate_precisely", "sum_heavy_tail", "sum_precisely"]

# Terms that are summed with many digits; where a heavy tail is cut, at least and per digit; the
# least number of differences there.
_MOST = 1500
_PLACES = ((160, 8), (240, 11))
_ORDER = 16
_AGREE = 1e-15


def integrate_precisely(
    chart: Chart, program: Program, values: Point, context: Any, digits: int, products: Products
) -> tuple[list[Any], list[Any]] | None:
    (axis,) = chart
    count = len(products)
    used = max((max(p) for p in products), default=-1) + 1
    degree = max((len(p) for p in products), default=1)
    (centre,), (scale,) = mode(chart, program, values)
    step = 48 if digits <= 40 else 192
    reach = 6.4
    t = np.arange(-round(reach * step), round(reach * step) + 1) / step
    y, slope = axis_nodes(axis.kind, t, centre, scale)
    _, jacobian, outputs = transform(chart, program, values, [y])
    with np.errstate(all="ignore"):
        size = np.asarray(outputs[0]).real + jacobian + np.log(slope)
        largest = np.max([np.ones(t.size), *(np.abs(f) for f in outputs[1 : used + 1])], axis=0)
        size = size + np.where(np.isfinite(largest), degree * np.log(largest), 0.0)
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
        z, dz = place_and_slope(
            axis.kind, unit_node(axis.kind, tt, context), centre, scale, half, context
        )
        row = at([z])
        if row[0] == -context.inf or not context.isfinite(row[0]):
            continue
        weight = context.exp(row[0].real) * dz / step
        for i, f in enumerate((1, *multiplied(row[1:], products))):
            term = weight * f
            fine[i] += term
            if index % 2 == 0:
                coarse[i] += 2 * term
    return fine, coarse


def multiplied(factors: Sequence[Any], products: Products) -> list[Any]:
    """The products of a row of numbers; shared heads are multiplied once."""
    heads: dict[tuple[int, ...], Any] = {}

    def product(indices: tuple[int, ...]) -> Any:
        if len(indices) == 1:
            return factors[indices[0]]
        if indices not in heads:
            heads[indices] = product(indices[:-1]) * factors[indices[-1]]
        return heads[indices]

    return [product(p) for p in products]


def sum_precisely(
    program: Program,
    variables: Sequence[Variable],
    values: Point,
    context: Any,
    digits: int,
    products: Products,
) -> tuple[list[Any], float] | None:
    """Sums over all points that matter; None where a tail is heavy or there are too many."""
    alone = len(variables) == 1
    nodes = lattice(variables, values, 2048 if alone else 60)
    if nodes.shape[1] > 200_000:
        return None
    log_p = np.asarray(program.arrays(values, list(nodes))[0]).real
    if not np.isfinite(log_p).any():
        return None
    top = int(np.nanargmax(log_p))
    useful = np.flatnonzero(log_p > log_p[top] - 2.3 * digits - 40)
    if not useful.size or useful.size > _MOST:
        return None
    infinite = [v.upper is sp.S.Infinity or v.lower is sp.S.NegativeInfinity for v in variables]
    if any(infinite):
        # Nothing may be cut off: the last nodes of an infinite range must not matter.
        cut = [
            np.isin(column[useful], (column.min(), column.max())) & (column[useful] != low)
            for column, low, open_end in zip(
                nodes, (_finite_end(v, values) for v in variables), infinite, strict=True
            )
            if open_end
        ]
        if any(c.any() for c in cut):
            return None
    return _sum_at(program, nodes[:, useful], values, context, products), 10.0 ** (-digits)


def sum_heavy_tail(
    program: Program,
    tail: tuple[Variable, Sequence[sp.Expr]],
    values: Point,
    context: Any,
    digits: int,
    products: Products,
) -> tuple[list[Any], float] | None:
    """A series with an algebraic tail: terms up to a place, then Gregory's formula beyond it.

    sum_(k >= N) f(k) = int_N^oo f dx + sum_n G_n Delta^(n-1) f(N), with the Gregory
    coefficients of x / log(1 + x) (Jordan 1965, section 99). The error compares two places N.
    ``tail`` holds the variable and the outputs as expressions of it.
    """
    variable, outputs = tail
    results = []
    order = max(_ORDER, 3 * digits // 4)
    coefficients = _gregory(order)
    for length in (max(least, share * digits) for least, share in _PLACES):
        start = sp.Integer(int(variable.lower.xreplace(dict(values)))) + length
        z = sp.Dummy("z", positive=True)
        chart = (AxisChart(variable.symbol, z, start + z, "half"),)
        beyond = Program([e.xreplace({variable.symbol: start + z}) for e in outputs], [z])
        integral = integrate_precisely(chart, beyond, values, context, digits, products)
        if integral is None or any(
            abs(a - b) > 1e-9 * (1 + abs(a)) for a, b in zip(*integral, strict=True)
        ):
            return None
        head = np.arange(int(start) - length, int(start), dtype=float)[None]
        sums = _sum_at(program, head, values, context, products)
        near = np.arange(int(start), int(start) + order, dtype=float)[None]
        rows = [_sum_at(program, near[:, [k]], values, context, products) for k in range(order)]
        for place in range(len(sums)):
            column = [row[place] for row in rows]
            correction = context.mpf(0)
            for coefficient in coefficients:
                correction += context.mpf(int(coefficient.p)) / int(coefficient.q) * column[0]
                column = [b - a for a, b in itertools.pairwise(column)]
            sums[place] += integral[0][place] + correction
        results.append(sums)
    near_sums, far_sums = results
    error = max(float(abs(a - b) / (1 + abs(b))) for a, b in zip(near_sums, far_sums, strict=True))
    return (far_sums, error) if error < _AGREE else None


def _gregory(count: int) -> list[sp.Rational]:
    """G_1 ... G_count of x / log(1 + x)."""
    known = [sp.Integer(1)]
    for n in range(1, count + 1):
        known.append(-sum(known[k] * sp.Rational((-1) ** (n - k), n - k + 1) for k in range(n)))
    return known[1:]


def _finite_end(variable: Variable, values: Point) -> float:
    end = variable.lower.xreplace(dict(values))
    return float(end) if end.is_finite and end.is_number else float("nan")


def _sum_at(
    program: Program, nodes: np.ndarray, values: Point, context: Any, products: Products
) -> list[Any]:
    at = program.bind(context, values)
    sums = [context.mpf(0)] * (len(products) + 1)
    for column in nodes.T:
        row = at([context.mpf(float(c)) for c in column])
        if row[0] == -context.inf:
            continue
        weight = context.exp(row[0].real)
        for i, f in enumerate((1, *multiplied(row[1:], products))):
            sums[i] += weight * f
    return sums
