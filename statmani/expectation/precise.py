"""The same sums to many digits, for one variable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from statmani.declaration import Variable
from statmani.expectation.evaluate import Program
from statmani.expectation.nodes import Chart, axis_nodes
from statmani.expectation.sums import Point, Products, lattice, mode, transform

__all__ = ["integrate_precisely", "sum_precisely"]


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
    nodes = lattice(variables, values, 2048)[0]
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
    sums = [context.mpf(0)] * (len(products) + 1)
    for index in useful:
        row = at([context.mpf(float(nodes[index]))])
        weight = context.exp(row[0].real)
        for i, f in enumerate((1, *multiplied(row[1:], products))):
            sums[i] += weight * f
    return sums, 10.0 ** (-digits)
