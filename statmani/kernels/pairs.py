"""Distances and end velocities of geodesics between two points, one pair or many.

Plain Python in the subset that numba compiles. The same path is solved on a mesh and on its
halved mesh. The finer one is kept. With s nodes halving divides the error by about 2^(2s), so a
hundredth of the difference, plus a bound of rounding from the sum of the absolute values of the
terms of the energy and from the rounding of both points, is a cautious error estimate.
"""

import math
from collections.abc import Callable

import numpy as np

from statmani.kernels.collocation import Jacobian, Measure, Remesh, Solve, Step
from statmani.kernels.contract import Field, Vector
from statmani.kernels.mesh import Tables, packed_size

__all__ = ["connect_ends", "connect_many", "connect_pair"]

_GAIN = 0.01
# See :func:`connect`.
_QUICK = (1e-2, 1e-5, 1e-2)
_CAREFUL = (1e-3, 1e-6, 1e-5)

Connect = Callable[..., tuple[int, Vector, Vector, Vector, Vector]]
Pair = Callable[..., tuple[int, Vector, Vector, Vector, Vector]]
Ends = Callable[..., tuple[int, bool, Vector, Vector, Vector, Vector]]


def _norm(field: Field, point: Vector, vector: Vector) -> float:
    n = point.shape[0]
    packed = np.empty(packed_size(n))
    field(point, packed)
    at = 0
    square = 0.0
    for i in range(n):
        for j in range(i, n):
            square += packed[at] * vector[i] * vector[j] * (1.0 if i == j else 2.0)
            at += 1
    return math.sqrt(max(square, 0.0))


def _end_velocities(knots: Vector, v: Vector, acc: Vector, b: Vector, out: Vector) -> None:
    m, s, n = acc.shape
    h = knots[m] - knots[m - 1]
    for i in range(n):
        total = 0.0
        for c in range(s):
            total += b[c] * acc[m - 1, c, i]
        out[0, i] = v[0, i]
        out[1, i] = v[m - 1, i] + h * total


def connect_pair(
    connect: Connect,
    step: Step,
    accelerate: Jacobian,
    solve: Solve,
    measure: Measure,
    rebuild: Remesh,
    field: Field,
    x0: Vector,
    w: Vector,
    alpha: float,
    rtol: float,
    rounding: float,
    bounds: tuple[float, float, float],
    way: Tables,
    tables: Tables,
    row: Vector,
) -> tuple[int, Vector, Vector, Vector, Vector]:
    """Geodesic from x0 to x0 + w; return (status, knots, y, v, acc) and fill ``row``.

    ``row`` becomes the distance and its error, the error of the velocities, and the velocities
    at the start and at the end. Status: 0 found, 1 path following stalled, 2 mesh too large,
    3 refinement did not settle; the row is NaN unless it is 0.
    """
    n = x0.shape[0]
    eps = 2.0**-52
    row[:] = np.nan
    status, knots, y, v, acc = connect(
        step, accelerate, solve, measure, rebuild, field, x0, w, alpha, bounds,
        way, tables,
    )  # fmt: skip
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
        m = acc.shape[0]
        halved = np.empty(2 * m + 1)
        for e in range(m):
            halved[2 * e] = knots[e]
            halved[2 * e + 1] = 0.5 * (knots[e] + knots[e + 1])
        halved[2 * m] = knots[m]
        y, v, acc = rebuild(knots, halved, y, v, acc, tables[0], tables[5])
        knots = halved
        size = np.inf
        for _ in range(8):
            size = step(accelerate, solve, field, x0, knots, y, v, acc, alpha, tables)
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
            speed_error = max(speed_error, _GAIN * _norm(field, x0 if k == 0 else end, change))
            speed = max(speed, _norm(field, x0 if k == 0 else end, ends[k]))
        error = _GAIN * abs(distance - best)
        best = distance
        before[:] = ends
        if error <= rtol * best and speed_error <= max(rtol, 1e-12) * speed:
            condition = absolute / twice if twice > 0.0 else 1.0
            # Near pairs move together when rounded.
            noise = rounding * min(1.0, best) + 2.0 * eps * (1.0 + condition) * best
            row[0] = best
            row[1] = error + noise
            row[2] = speed_error + noise * max(1.0, speed / best)
            for i in range(n):
                row[3 + i] = ends[0, i]
                row[3 + n + i] = ends[1, i]
            return 0, knots, y, v, acc
    return 3, knots, y, v, acc


def connect_ends(
    pair: Pair,
    connect: Connect,
    step: Step,
    accelerate: Jacobian,
    solve: Solve,
    measure: Measure,
    rebuild: Remesh,
    field: Field,
    x0: Vector,
    x1: Vector,
    w: Vector,
    alpha: float,
    rtol: float,
    rounding: float,
    way: Tables,
    tables: Tables,
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
    row[:] = 0.0
    if not w.any():
        return status, turned, knots, y, v, acc
    for attempt in range(3):
        # The unknowns are offsets from the start, and one end may suit them better.
        turned = attempt == 2
        status, knots, y, v, acc = pair(
            connect, step, accelerate, solve, measure, rebuild, field,
            x1 if turned else x0, -w if turned else w, alpha, rtol, rounding,
            _QUICK if attempt == 0 else _CAREFUL, way if attempt == 0 else tables, tables, row,
        )  # fmt: skip
        if status == 0:
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
    step: Step,
    accelerate: Jacobian,
    solve: Solve,
    measure: Measure,
    rebuild: Remesh,
    field: Field,
    x0: Vector,
    x1: Vector,
    w: Vector,
    alpha: float,
    rtol: float,
    rounding: Vector,
    way: Tables,
    tables: Tables,
    rows: Vector,
    statuses: Vector,
) -> None:
    """:func:`connect_ends` for rows of x0, x1 and w = x1 - x0."""
    for k in range(x0.shape[0]):
        statuses[k] = ends(
            pair, connect, step, accelerate, solve, measure, rebuild, field, x0[k], x1[k], w[k],
            alpha, rtol, rounding[k], way, tables, rows[k],
        )[0]  # fmt: skip
