"""Sums over nodes in double precision: lattices, located modes, refined product rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import sympy as sp

from statmani.declaration import Variable
from statmani.expectation.context import thread_context
from statmani.expectation.evaluate import Program
from statmani.expectation.nodes import Chart, axis_nodes, to_chart

__all__ = [
    "Estimate",
    "Point",
    "Products",
    "contract",
    "integrate_chart",
    "join",
    "lattice",
    "mode",
    "reduce_nodes",
    "repaired",
    "transform",
    "undefined_at",
]

Point = Mapping[sp.Symbol, Any]
Products = Sequence[tuple[int, ...]]
_FINEST = 512
_NEGLIGIBLE = 45.0
_CHUNK = 1 << 16
_ASIDE = 1e-5
# A window in which the logarithm changes less is narrow enough for a mode.
_FLAT = 1e-6
# Nodes that weigh more than this beside the heaviest count; how many are repaired, with how many
# digits; single nodes without a value show in the change between two steps.
_WEIGHTY, _MOST_REPAIRED, _REPAIR_DIGITS, _SINGLE, _BESIDE = -40.0, 4000, 30, 2, 8


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
    random : bool
        Whether the values are means over random nodes and ``error`` is statistical.
    """

    values: np.ndarray
    sizes: np.ndarray
    error: float
    total: float
    undefined: dict[str, float] | None = None
    random: bool = False


def join(a: Estimate, b: Estimate) -> Estimate:
    return Estimate(
        a.values + b.values,
        a.sizes + b.sizes,
        max(a.error, b.error),
        a.total + b.total,
        a.undefined or b.undefined,
        a.random or b.random,
    )


def lattice(
    variables: Sequence[Variable], values: Point, limits: int | Sequence[int]
) -> np.ndarray:
    """All support points of the discrete variables, infinite ranges cut after ``limits`` values."""
    columns: list[np.ndarray] = []
    if isinstance(limits, int):
        limits = [limits] * len(variables)
    for index, (variable, limit) in enumerate(zip(variables, limits, strict=True)):
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


def reduce_nodes(
    outputs: list[np.ndarray],
    log_weights: np.ndarray,
    count: int,
    shift: float,
    nodes: np.ndarray | None,
    variables: Sequence[Variable],
    products: Products | None = None,
) -> Estimate:
    """Sum p * f over nodes; nodes without mass do not count, whatever f is there.

    Without ``products`` each of the first ``count`` functions is summed by itself.
    """
    if products is None:
        products = [(i,) for i in range(count)]
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
    factors = [np.asarray(f).real[keep] for f in outputs[1:]]
    values, sizes = contract(weight, factors, products)
    total = float(weight.sum())
    # Mass where a function has no value is missing from its expectation.
    missing = [weight[~np.isfinite(f)] for f in factors]
    lost = max((float(m.sum()) for m in missing if m.size > _SINGLE), default=0.0)
    return Estimate(values, sizes, lost / max(total, 1e-300), total, undefined)


def repaired(
    program: Program, values: Point, columns: Sequence[np.ndarray], outputs: list[np.ndarray]
) -> list[np.ndarray]:
    """The outputs with numbers of many digits where double precision has none at nodes with mass.

    Squares of a density underflow while the density still has mass, as in derivatives of
    log(exp(-x) + 1/(1 + x)^2). The first output holds the logarithm of density and weights.
    """
    mass = np.asarray(outputs[0]).real
    top = np.max(mass, where=np.isfinite(mass), initial=-np.inf)
    bad = np.zeros(mass.shape, dtype=bool)
    for output in outputs[1:]:
        bad |= ~np.isfinite(output)
    if np.count_nonzero(bad & (mass > top + _WEIGHTY)) <= _SINGLE:
        return outputs
    # Digits fade at the nodes beside those without a value.
    beside = np.convolve(bad, np.ones(2 * _BESIDE + 1), "same") > 0
    places = np.flatnonzero(beside & (mass > top + _WEIGHTY))
    if places.size > _MOST_REPAIRED:
        return outputs
    context = thread_context(_REPAIR_DIGITS)
    at = program.bind(context, values)
    found = [outputs[0], *(np.array(np.asarray(o).real) for o in outputs[1:])]
    for place in places:
        try:
            row = at([context.mpf(float(column[place])) for column in columns])
        except (ArithmeticError, ValueError):
            continue
        for output, number in zip(found[1:], row[1:], strict=True):
            if not number.imag:
                output[place] = float(number.real)
    return found


def contract(
    weight: np.ndarray, factors: Sequence[np.ndarray], products: Products
) -> tuple[np.ndarray, np.ndarray]:
    """Sums of weight * factors[i] * factors[j] ... and of their magnitudes."""
    values, sizes = np.zeros(len(products)), np.zeros(len(products))
    used = max((max(p) for p in products), default=-1) + 1
    if not used or not weight.size:
        return values, sizes
    by_prefix: dict[tuple[int, ...], list[int]] = {}
    for number, product in enumerate(products):
        by_prefix.setdefault(product[:-1], []).append(number)
    prefixes = list(by_prefix)
    for start in range(0, weight.size, _CHUNK):
        part = slice(start, start + _CHUNK)
        with np.errstate(all="ignore"):
            table = np.array([np.where(np.isfinite(f[part]), f[part], 0.0) for f in factors[:used]])
            heads = np.array([weight[part] * table[list(p)].prod(axis=0) for p in prefixes])
        heads = np.where(np.isfinite(heads), heads, 0.0)
        sums, magnitudes = heads @ table.T, np.abs(heads) @ np.abs(table).T
        for row, prefix in enumerate(prefixes):
            for number in by_prefix[prefix]:
                values[number] += sums[row, products[number][-1]]
                sizes[number] += magnitudes[row, products[number][-1]]
    return values, sizes


def transform(
    chart: Chart,
    program: Program,
    values: Point,
    ys: Sequence[np.ndarray],
    count: int | None = None,
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
                width = _width(axis.width.xreplace(table), tuple(known))
                half = (width if isinstance(width, float) else width.arrays(values, columns)[0]) / 2
            z, log_slope = to_chart(axis.kind, y, half)
            columns.append(np.broadcast_to(z, shape) if len(chart) > 1 else z)
            jacobian = jacobian + log_slope
        outputs = program.arrays(values, columns, count)
    return columns, jacobian, outputs


@lru_cache(maxsize=128)
def _width(width: sp.Expr, known: tuple[sp.Symbol, ...]) -> float | Program:
    """The width of an interval, asked for once per level of every sum."""
    return float(width) if width.is_number else Program([width], known)


def mode(
    chart: Chart, program: Program, values: Point, fixed: Sequence[float] = ()
) -> tuple[list[float], list[float]]:
    """Centre and scale per axis by coordinate search on log p + log Jacobian.

    The first axes stay where ``fixed`` puts them.
    """
    d = len(chart)
    free = range(len(fixed), d)
    centre, width = [*fixed, *[0.0] * len(free)], [40.0] * d
    flat = [i not in free for i in range(d)]
    grid = np.linspace(-1, 1, 129 if len(free) == 1 else 65)

    def level(axis: int, y: np.ndarray) -> np.ndarray:
        ys = [y if i == axis else np.full_like(y, centre[i]) for i in range(d)]
        _, jacobian, outputs = transform(chart, program, values, ys, 1)
        with np.errstate(invalid="ignore"):
            total = np.asarray(outputs[0]).real + jacobian
        return np.where(np.isfinite(total), total, -np.inf)

    for sweep in range(16):
        for axis in free:
            reach = grid * width[axis]
            if chart[axis].kind == "line" and sweep == 0:
                reach = np.sinh(reach)
            y = centre[axis] + reach
            total = level(axis, y)
            if np.isfinite(total.max()):
                centre[axis] = float(y[int(np.argmax(total))])
            flat[axis] = float(np.ptp(total)) < _FLAT if np.isfinite(total).all() else False
            width[axis] = (
                max(1.0, abs(centre[axis]))
                if chart[axis].kind == "line" and sweep == 0
                else width[axis] / (8 if len(free) == 1 else 3)
            )
        if all(flat):
            break
    scale = [1.0] * len(fixed)
    powers = 2.0 ** np.arange(-34, 60, 0.5)
    for axis in free:
        peak = level(axis, np.array([centre[axis]]))[0]
        drop = np.maximum(level(axis, centre[axis] + powers), level(axis, centre[axis] - powers))
        below = np.flatnonzero(drop < peak - 0.5)
        found = float(powers[below[0]]) if below.size else 1.0
        scale.append(found if chart[axis].kind == "line" else float(np.clip(found, 0.25, 4.0)))
    return centre, scale


def integrate_chart(
    chart: Chart, program: Program, products: Products, values: Point, target: float
) -> Estimate:
    d = len(chart)
    centre, scale = mode(chart, program, values)
    reach = 6.2 if d == 1 else 4.2 if d == 2 else 3.6
    step, finest = (16, _FINEST) if d == 1 else (6, 48) if d == 2 else (5, 10)
    if d > 3:
        step, finest, reach = 2, 4, 3.0
    previous: Estimate | None = None
    undefined = undefined_at(chart, program, values)
    while True:
        t = np.arange(-round(reach * step), round(reach * step) + 1) / step
        ys, logs = [], np.zeros((1,) * d)
        for i, axis in enumerate(chart):
            shape = [1] * d
            shape[i] = t.size
            y, slope = axis_nodes(axis.kind, t, centre[i], scale[i])
            ys.append(y.reshape(shape))
            logs = logs + np.log(slope / step).reshape(shape)
        if d < 3:
            columns, jacobian, outputs = transform(chart, program, values, ys)
            flat = [np.broadcast_to(o, logs.shape).ravel() for o in outputs]
            with np.errstate(all="ignore"):
                flat[0] = flat[0] + (logs + jacobian).ravel()
            if d == 1:
                flat = repaired(program, values, columns, flat)
        else:
            flat = _at_useful_nodes(chart, program, values, ys, logs)
        estimate = reduce_nodes(flat, logs, len(products), 0.0, None, (), products)
        if previous is not None:
            change = abs(estimate.total - previous.total) / max(estimate.total, 1e-300)
            change = max(change, estimate.error)
            for new, old, size in zip(
                estimate.values, previous.values, estimate.sizes, strict=True
            ):
                change = max(change, abs(new - old) / max(size, 1e-300) if size else 0.0)
            estimate = Estimate(
                estimate.values, estimate.sizes, float(change), estimate.total, undefined
            )
            if change < target or step * 2 > finest:
                return estimate
        previous = estimate
        step *= 2


def _at_useful_nodes(
    chart: Chart, program: Program, values: Point, ys: Sequence[np.ndarray], logs: np.ndarray
) -> list[np.ndarray]:
    """Outputs where the mass is; log p alone decides where that is."""
    columns, jacobian, (level,) = transform(chart, program, values, ys, 1)
    with np.errstate(all="ignore"):
        mass = (np.asarray(level).real + logs + jacobian).ravel()
    top = np.max(mass, where=np.isfinite(mass), initial=-np.inf)
    useful = np.flatnonzero(mass > top - _NEGLIGIBLE)
    wide = [np.broadcast_to(c, logs.shape).ravel()[useful] for c in columns]
    return [mass[useful], *program.arrays(values, wide)[1:]]


def undefined_at(chart: Chart, program: Program, values: Point) -> dict[str, float] | None:
    """A moderate sample point where log p is not real."""
    d = len(chart)
    grid = np.linspace(-4.0, 4.0, 81 if d == 1 else 13 if d < 4 else 5)
    ys = [grid.reshape([-1 if i == axis else 1 for i in range(d)]) for axis in range(d)]
    columns, _, outputs = transform(chart, program, values, ys)
    log_p = np.asarray(outputs[0])
    if np.iscomplexobj(log_p):
        wrong = np.abs(log_p.imag) > 0
    else:
        wrong = np.isnan(log_p)
    if wrong.any():
        # A removable singularity leaves no trace on either side of it.
        for side in (-_ASIDE, _ASIDE):
            _, _, beside = transform(chart, program, values, [y + side for y in ys])
            near = np.asarray(beside[0])
            wrong = wrong & (np.isnan(near) | (np.abs(near.imag) > 0))
    wide = [np.broadcast_to(c, log_p.shape) for c in columns]
    if not wrong.any():
        return None
    index = tuple(i[0] for i in np.nonzero(wrong))
    node = {a.z: sp.Float(float(z[index])) for a, z in zip(chart, wide, strict=True)}
    place = {}
    for axis in chart:
        place[str(axis.symbol)] = float(axis.sample.xreplace({**values, **node}))
    return place
