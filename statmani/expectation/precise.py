"""The same sums to many digits: one continuous variable, or discrete ones."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import sympy as sp

from statmani.declaration import Variable
from statmani.expectation.evaluate import Program
from statmani.expectation.nodes import AxisChart, Chart
from statmani.expectation.sums import Point, Products, contract, lattice, mode, transform
from statmani.expectation.tail_maps import TailMap, fit_tails

__all__ = ["integrate_precisely", "sum_heavy_tail", "sum_precisely"]

# Terms that are summed with many digits; where a heavy tail is cut, at least and per digit; the
# least number of differences there.
_MOST = 1500
_COARSEST = 1
_ROUGH = 1e-7
_PLACES = ((160, 8), (240, 11))
_ORDER = 16
_AGREE = 1e-15


def integrate_precisely(
    chart: Chart, program: Program, values: Point, context: Any, digits: int, products: Products
) -> tuple[list[Any], list[Any]] | None:
    """The integrals with the last step size and with twice that; both without a part that failed.

    The step is halved until the change leaves half of the digits, which the next change would
    square, or to the end.
    """
    (axis,) = chart
    used = max((max(p) for p in products), default=-1) + 1
    degree = max((len(p) for p in products), default=1)
    (centre,), (scale,) = mode(chart, program, values)
    finest = 64 if digits <= 40 else 256

    def outputs_at(y: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
        _, jacobian, outputs = transform(chart, program, values, [y])
        with np.errstate(all="ignore"):
            mass = np.asarray(outputs[0]).real + jacobian
            factors = [np.asarray(f).real for f in outputs[1 : used + 1]]
            largest = np.max([np.ones(y.size), *map(np.abs, factors)], axis=0)
            size = mass + np.where(np.isfinite(largest), degree * np.log(largest), 0.0)
        return mass, size, factors

    # Double precision decides only which nodes cannot matter; a margin covers growing scores.
    negligible = 2.3 * digits + 35
    tails = fit_tails(axis.kind, centre, scale, lambda y: outputs_at(y)[1], negligible)
    start = math.floor(tails.low * finest)
    places = np.arange(start, math.ceil(tails.high * finest) + 1)
    y, slope = tails.nodes(places / finest)
    mass, size, factors = outputs_at(y)
    size = size + np.log(slope)
    top = np.nanmax(np.where(np.isfinite(size), size, -np.inf))
    useful = places[~(size < top - negligible)]
    with np.errstate(all="ignore"):
        weight = np.exp(mass) * slope / finest
    weight = np.where(np.isfinite(weight), weight, 0.0)
    rough, sizes = contract(weight, factors, products)
    total = weight.sum()
    rough, sizes = np.array([total, *rough]), np.array([total, *sizes])
    node = _node_of(axis, program, values, context, tails)
    allowed = context.mpf(10) ** -(digits // 2 + 2)
    bounds = [allowed * context.mpf(float(size)) for size in sizes]
    stride = finest // _COARSEST
    sums = _weighted(node, useful[useful % stride == 0], finest, context, products)
    while True:
        coarse = [s * stride / finest for s in sums]
        stride //= 2
        fresh = useful[(useful % stride == 0) & (useful % (2 * stride) != 0)]
        more = _weighted(node, fresh, finest, context, products)
        sums = [a + b for a, b in zip(sums, more, strict=True)]
        fine = [s * stride / finest for s in sums]
        changes = (abs(a - b) for a, b in zip(fine, coarse, strict=True))
        # All nodes, in double precision, see what few would miss.
        if stride == 1 or (
            all(c <= b for c, b in zip(changes, bounds, strict=True))
            and all(abs(np.array([float(a.real) for a in fine]) - rough) <= _ROUGH * sizes)
        ):
            return fine, coarse


def _node_of(
    axis: AxisChart, program: Program, values: Point, context: Any, tails: TailMap
) -> Callable[[Any], tuple[Any, list[Any]] | None]:
    """Weight and factors at a node t."""
    at = program.bind(context, values)
    half = None
    if axis.width is not None:
        half = Program([axis.width], []).bind(context, values)([])[0] / 2

    def node(t: Any) -> tuple[Any, list[Any]] | None:
        z, dz = tails.at(context, t)
        if axis.kind != "line":
            e = context.exp(z)
            z = e if half is None else half * e / (1 + e)
            dz = dz * (e if half is None else z / (1 + e))
        row = at([z])
        if row[0] == -context.inf or not context.isfinite(row[0]):
            return None
        return context.exp(row[0].real) * dz, row[1:]

    return node


def _weighted(
    node: Callable[[Any], tuple[Any, list[Any]] | None],
    places: np.ndarray,
    finest: int,
    context: Any,
    products: Products,
) -> list[Any]:
    """Sums over nodes t = place / finest of the weight and of the weighted products."""
    found = (node(context.mpf(int(place)) / finest) for place in places)
    rows = [row for row in found if row is not None]
    return dot_products(context, [w for w, _ in rows], [f for _, f in rows], products)


def dot_products(
    context: Any, weights: list[Any], rows: list[list[Any]], products: Products
) -> list[Any]:
    """Sums of the weights, and of the weights times each product of factors."""
    if not rows:
        return [context.mpf(0)] * (len(products) + 1)
    columns = list(zip(*rows, strict=True))
    heads: dict[tuple[int, ...], list[Any]] = {(): weights}

    def head(indices: tuple[int, ...]) -> list[Any]:
        if indices not in heads:
            last = columns[indices[-1]]
            heads[indices] = [h * f for h, f in zip(head(indices[:-1]), last, strict=True)]
        return heads[indices]

    sums = [context.fsum(weights)]
    for product in products:
        last = columns[product[-1]]
        sums.append(context.fdot(zip(head(product[:-1]), last, strict=True)))
    return sums


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
    nodes = lattice(variables, values, 2048 if alone else 60 if len(variables) == 2 else 32)
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
    rows = [at([context.mpf(float(c)) for c in column]) for column in nodes.T]
    rows = [row for row in rows if row[0] != -context.inf]
    weights = [context.exp(row[0].real) for row in rows]
    return dot_products(context, weights, [row[1:] for row in rows], products)
