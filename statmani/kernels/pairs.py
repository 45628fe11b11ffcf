"""Distances and end velocities of geodesics between two points, one pair or many.

Plain Python in the subset that numba compiles. The same path is solved on a mesh and on its
halved mesh. The finer one is kept. With s nodes halving divides the error by about 2^(2s), so a
hundredth of the difference, plus a bound of rounding from the sum of the absolute values of the
terms of the energy and from the rounding of both points, is a cautious error estimate.
"""

import math
from collections.abc import Callable

import numpy as np

from statmani.kernels.contract import Vector
from statmani.kernels.following import Remesh, Tools, metric_norm
from statmani.kernels.mesh import Tables, path_defect

__all__ = ["connect_ends", "connect_length", "connect_many", "connect_pair"]

_GAIN = 0.01
_CAUTION = 10.0
# The bound from |D_t c'| is at most so much wider than nothing, relative to the squared distance.
_RESOLVED = 1e-9
# See :func:`connect`.
_QUICK = (1e-2, 1e-5, 1e-2)
_CAREFUL = (1e-3, 1e-6, 1e-5)

Connect = Callable[..., tuple[int, Vector, Vector, Vector, Vector]]
Pair = Callable[..., tuple[int, Vector, Vector, Vector, Vector]]
Ends = Callable[..., tuple[int, bool, Vector, Vector, Vector, Vector]]


def _fill(row: Vector, value: float) -> None:
    for k in range(row.shape[0]):
        row[k] = value


def _end_velocities(knots: Vector, v: Vector, acc: Vector, b: Vector, out: Vector) -> None:
    m, s, n = acc.shape
    h = knots[m] - knots[m - 1]
    for i in range(n):
        total = 0.0
        for c in range(s):
            total += b[c] * acc[m - 1, c, i]
        out[0, i] = v[0, i]
        out[1, i] = v[m - 1, i] + h * total


def _noise(absolute: float, twice: float) -> float:
    # Of the root of a sum of such terms.
    condition = absolute / twice if twice > 0.0 else 1.0
    return 2.0**-51 * (1.0 + condition) * math.sqrt(max(twice, 0.0))


def _halved(
    rebuild: Remesh, knots: Vector, y: Vector, v: Vector, acc: Vector, tables: Tables
) -> tuple[Vector, Vector, Vector, Vector]:
    m = acc.shape[0]
    halved = np.empty(2 * m + 1)
    for e in range(m):
        halved[2 * e] = knots[e]
        halved[2 * e + 1] = 0.5 * (knots[e] + knots[e + 1])
    halved[2 * m] = knots[m]
    y, v, acc = rebuild(knots, halved, y, v, acc, tables[0], tables[5])
    return halved, y, v, acc


def connect_pair(
    connect: Connect,
    tools: Tools,
    x0: Vector,
    w: Vector,
    start: Vector,
    alpha: float,
    rtol: float,
    rounding: float,
    bend: bool,
    bounds: tuple[float, float, float],
    way: Tables,
    tables: Tables,
    fine: Tables,
    row: Vector,
) -> tuple[int, Vector, Vector, Vector, Vector]:
    """Geodesic from x0 to x0 + w; return (status, knots, y, v, acc) and fill ``row``.

    ``row`` becomes the distance and its error, the error of the velocities, and the velocities
    at the start and at the end. Status: 0 found, 1 path following stalled, 2 mesh too large,
    3 refinement did not settle; the row is NaN unless it is 0.
    """
    n = x0.shape[0]
    _fill(row, np.nan)
    _, step, accelerate, solve, measure, rebuild, _, field = tools
    status, knots, y, v, acc = connect(tools, x0, w, start, alpha, bend, bounds, way, tables)
    if status != 0:
        return status, knots, y, v, acc
    end = np.empty(n)
    change = np.empty(n)
    ends = np.empty((2, n))
    before = np.empty((2, n))
    for i in range(n):
        end[i] = x0[i] + w[i]
    twice, absolute, _ = measure(field, x0, knots, y, v, acc, tables)
    best = math.sqrt(max(twice, 0.0))
    _end_velocities(knots, v, acc, tables[1], before)
    for _ in range(4):
        knots, y, v, acc = _halved(rebuild, knots, y, v, acc, tables)
        size = np.inf
        for _ in range(8):
            size = step(accelerate, solve, field, x0, knots, y, v, acc, alpha, 0.0, tables)
            # Newton converges quadratically: the step after this one is below rounding.
            if size < 1e-8:
                break
        if not size < 1e-5:
            return 3, knots, y, v, acc
        twice, absolute, _ = measure(field, x0, knots, y, v, acc, tables)
        distance = math.sqrt(max(twice, 0.0))
        _end_velocities(knots, v, acc, tables[1], ends)
        speed_error = 0.0
        speed = 0.0
        for k in range(2):
            for i in range(n):
                change[i] = ends[k, i] - before[k, i]
            speed_error = max(
                speed_error, _GAIN * metric_norm(field, x0 if k == 0 else end, change)
            )
            speed = max(speed, metric_norm(field, x0 if k == 0 else end, ends[k]))
        error = _GAIN * abs(distance - best)
        best = distance
        for k in range(2):
            for i in range(n):
                before[k, i] = ends[k, i]
        if error <= rtol * best and speed_error <= max(rtol, 1e-12) * speed:
            # Near pairs move together when rounded.
            noise = rounding * min(1.0, best) + _noise(absolute, twice)
            row[0] = best
            row[1] = error + noise
            row[2] = speed_error + noise * max(1.0, speed / best)
            for i in range(n):
                row[3 + i] = ends[0, i]
                row[3 + n + i] = ends[1, i]
            return 0, knots, y, v, acc
    return 3, knots, y, v, acc


def connect_length(
    connect: Connect,
    tools: Tools,
    x0: Vector,
    w: Vector,
    start: Vector,
    alpha: float,
    rtol: float,
    rounding: float,
    bend: bool,
    bounds: tuple[float, float, float],
    way: Tables,
    tables: Tables,
    fine: Tables,
    row: Vector,
) -> tuple[int, Vector, Vector, Vector, Vector]:
    """:func:`connect_pair` for the length, by one path and its acceleration D_t c'.

    The velocities in ``row`` have no error estimate.

    Twice the energy is too large by at most the integral of |D_t c'|^2 / pi^2 where curvature
    is not positive, which is the last entry of ``row``. The estimate reckons with what vanishes
    at the nodes of collocation, and with some positive curvature.
    """
    n = x0.shape[0]
    ends = np.empty((2, n))
    _fill(row, np.nan)
    _, step, accelerate, solve, measure, rebuild, _, field = tools
    status, knots, y, v, acc = connect(tools, x0, w, start, alpha, bend, bounds, way, tables)
    if status != 0:
        return status, knots, y, v, acc
    for _ in range(5):
        twice, absolute, defect, damped = path_defect(accelerate, field, x0, knots, y, v, acc, fine)
        if not (twice > 0.0 and twice < np.inf):
            break
        best = math.sqrt(twice)
        gap = defect / (math.pi * math.pi)
        # Another quadrature has other rounding errors of the metric.
        other, _, _ = measure(field, x0, knots, y, v, acc, tables)
        error = 0.5 * (_CAUTION * damped + abs(other - twice)) / best
        if error <= rtol * best and gap <= _RESOLVED * twice:
            row[0] = best
            row[1] = error + rounding * min(1.0, best) + _noise(absolute, twice)
            _end_velocities(knots, v, acc, tables[1], ends)
            for i in range(n):
                row[3 + i] = ends[0, i]
                row[3 + n + i] = ends[1, i]
            row[row.shape[0] - 1] = gap
            return 0, knots, y, v, acc
        knots, y, v, acc = _halved(rebuild, knots, y, v, acc, tables)
        size = np.inf
        for _ in range(8):
            size = step(accelerate, solve, field, x0, knots, y, v, acc, alpha, 0.0, tables)
            if size < 1e-6:
                break
        if not size < 1e-5:
            break
    return 3, knots, y, v, acc


def connect_ends(
    pair: Pair,
    connect: Connect,
    tools: Tools,
    x0: Vector,
    x1: Vector,
    w: Vector,
    start: Vector,
    alpha: float,
    rtol: float,
    rounding: float,
    way: Tables,
    tables: Tables,
    fine: Tables,
    row: Vector,
) -> tuple[int, bool, Vector, Vector, Vector, Vector]:
    """:func:`connect_pair` between x0 and x1 = x0 + w, with more care where it fails.

    Whether the path returned starts at x1 comes second; ``row`` always tells of the way from x0.
    """
    n = x0.shape[0]
    status, turned = 0, False
    knots = np.empty(2)
    knots[0] = 0.0
    knots[1] = 1.0
    y, v, acc = np.zeros((2, n)), np.zeros((1, n)), np.zeros((1, tables[0].shape[0], n))
    backwards, reversed_ = np.empty(n), np.empty(start.shape)
    separate = False
    for a in range(start.shape[0]):
        # Legendre polynomials of even degree are even.
        for i in range(n):
            reversed_[a, i] = start[a, i] if a % 2 == 0 else -start[a, i]
    for i in range(n):
        backwards[i] = -w[i]
        separate = separate or w[i] != 0.0
    if not separate:
        _fill(row, 0.0)
        return status, turned, knots, y, v, acc
    for attempt in range(3):
        # The unknowns are offsets from the start, and one end may suit them better.
        turned = attempt == 1
        status, knots, y, v, acc = pair(
            connect, tools, x1 if turned else x0, backwards if turned else w,
            reversed_ if turned else start, alpha, rtol, rounding, alpha == 0.0 and attempt < 2,
            _QUICK if attempt == 0 else _CAREFUL, way if attempt == 0 else tables, tables, fine,
            row,
        )  # fmt: skip
        if status == 0 or (attempt == 1 and start.shape[0] > 0):
            break
    if turned:
        for i in range(n):
            keep = row[3 + i]
            row[3 + i] = -row[3 + n + i]
            row[3 + n + i] = -keep
    return status, turned, knots, y, v, acc


def connect_many(
    ends: Ends,
    pair: Pair,
    connect: Connect,
    tools: Tools,
    x0: Vector,
    x1: Vector,
    w: Vector,
    starts: Vector,
    alpha: float,
    rtol: float,
    rounding: Vector,
    way: Tables,
    tables: Tables,
    fine: Tables,
    rows: Vector,
    statuses: Vector,
) -> None:
    """:func:`connect_ends` for rows of x0, x1, w = x1 - x0 and the curves to start from."""
    for k in range(x0.shape[0]):
        statuses[k] = ends(
            pair, connect, tools, x0[k], x1[k], w[k], starts[k], alpha, rtol, rounding[k], way,
            tables, fine, rows[k],
        )[0]  # fmt: skip
