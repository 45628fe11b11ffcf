"""Geodesics between two points from a curve of small energy, or by path following along it.

Plain Python in the subset that numba compiles. Newton's method for the collocation equations
(:mod:`statmani.kernels.collocation`) starts at the polynomial of
:mod:`statmani.kernels.shortening`. Where it does not contract, the end point moves from the start
along that curve as far as Newton follows. Source: Deuflhard (2004), chapter 5.
"""

import math
from collections.abc import Callable

import numpy as np

from statmani.kernels.collocation import Jacobian, Solve
from statmani.kernels.contract import Field, Vector
from statmani.kernels.mesh import (
    MAX_ELEMENTS,
    Tables,
    equidistribute,
    largest_and_sum,
    packed_size,
    wanted_elements,
)
from statmani.kernels.shortening import Shorten, curve_offset, sampled_curve

__all__ = ["Remesh", "Tools", "connect", "metric_norm"]

Step = Callable[..., float]
Measure = Callable[..., tuple[float, float, float]]
Remesh = Callable[..., tuple[Vector, Vector, Vector]]
# Quadratures of rising degree, see :func:`shorten`, and four more of them with more nodes.
Rules = tuple[Vector, Vector, Vector, Vector, Vector, Vector, Vector, Vector]
# Numba warns of tuples that begin with a function.
Tools = tuple[Rules, Step, Jacobian, Solve, Measure, Remesh, Shorten, Field]

_SAMPLES = 32
# Riemannian length of an element, at first.
_SPAN = 1.3
# A higher degree is tried until the energy falls by less than this part.
_FLAT = 1e-4


def metric_norm(field: Field, point: Vector, vector: Vector) -> float:
    """Length of a vector."""
    n = point.shape[0]
    packed = np.empty(packed_size(n))
    field(point, packed)
    at = 0
    square = 0.0
    for i in range(n):
        for j in range(i, n):
            square += packed[at] * vector[i] * vector[j] * (1.0 if i == j else 2.0)
            at += 1
    return math.sqrt(abs(square))


def _solve(
    tools: Tools,
    x0: Vector,
    knots: Vector,
    y: Vector,
    v: Vector,
    acc: Vector,
    alpha: float,
    tables: Tables,
    tolerance: float,
) -> int:
    # Newton iterations; their number, or -1 when they do not contract.
    previous = np.inf
    for iteration in range(1, 16):
        size = tools[1](tools[2], tools[3], tools[7], x0, knots, y, v, acc, alpha, 0.0, tables)
        if not size < 1e6:
            return -1
        if size < tolerance:
            return iteration
        if iteration > 2 and size > 0.5 * previous:
            # Rounding of an ill-conditioned far pair stops the contraction at a small size.
            return iteration if size < 1e-6 and size < 1e3 * tolerance else -1
        if iteration > 1 and size > 2.0:
            return -1
        previous = size
    return -1


def _keep(
    y: Vector, v: Vector, acc: Vector, kept_y: Vector, kept_v: Vector, kept_acc: Vector
) -> None:
    # Copy a path. Loops compile ten times faster than assignments of arrays.
    m, s, n = acc.shape
    for e in range(m + 1):
        for i in range(n):
            kept_y[e, i] = y[e, i]
            if e < m:
                kept_v[e, i] = v[e, i]
                for c in range(s):
                    kept_acc[e, c, i] = acc[e, c, i]


def _descend(
    tools: Tools,
    x0: Vector,
    knots: Vector,
    y: Vector,
    v: Vector,
    acc: Vector,
    tables: Tables,
    tolerance: float,
) -> int:
    # Newton steps, shifted while the energy would rise otherwise; their number, or -1.
    energy, _, _ = tools[4](tools[7], x0, knots, y, v, acc, tables)
    shift = 0.0
    old_y, old_v, old_acc = y.copy(), v.copy(), acc.copy()
    for iteration in range(1, 41):
        size = tools[1](tools[2], tools[3], tools[7], x0, knots, y, v, acc, 0.0, shift, tables)
        if size < tolerance and shift == 0.0:
            return iteration
        after = np.inf
        if size < np.inf:
            after, _, _ = tools[4](tools[7], x0, knots, y, v, acc, tables)
        # Small steps may change the energy by its rounding alone.
        if after < energy or size < 0.1:
            energy = after
            shift = 0.25 * shift if shift > 0.1 * energy else 0.0
            _keep(y, v, acc, old_y, old_v, old_acc)
        elif shift > 1e4 * energy:
            break
        else:
            shift = max(0.5 * energy, 4.0 * shift)
            _keep(old_y, old_v, old_acc, y, v, acc)
    return -1


def _settle(
    tools: Tools,
    x0: Vector,
    knots: Vector,
    y: Vector,
    v: Vector,
    acc: Vector,
    alpha: float,
    tables: Tables,
    tolerance: float,
    resolution: float,
    last: bool,
    descend: bool,
) -> tuple[int, int, Vector, Vector, Vector, Vector]:
    # Newton and remeshing in turns: 0 solved and resolved, 1 not, 2 too many elements; the
    # largest number of Newton steps; the path.
    allowed, slack = (1.2, 0.6) if last else (1.5, 0.4)
    status = 1
    kept_knots, kept_y, kept_v, kept_acc = knots, y, v, acc
    effort = 0
    for _ in range(7):
        if descend:
            count = _descend(tools, x0, knots, y, v, acc, tables, tolerance)
        else:
            count = _solve(tools, x0, knots, y, v, acc, alpha, tables, tolerance)
        if count < 0:
            break
        effort = max(effort, count)
        energy, _, _ = tools[4](tools[7], x0, knots, y, v, acc, tables)
        wanted = wanted_elements(tools[7], x0, knots, y, acc, abs(energy), tables[5], resolution)
        largest, total = largest_and_sum(wanted)
        if largest <= allowed:
            status = 0
            kept_knots, kept_y, kept_v, kept_acc = knots, y, v, acc
            if total > slack * wanted.shape[0] - 1.0:
                break
        if not total < MAX_ELEMENTS:
            if status != 0:
                status = 2
            break
        new_knots = equidistribute(knots, wanted)
        y, v, acc = tools[5](knots, new_knots, y, v, acc, tables[0], tables[5])
        knots = new_knots
    # A coarser mesh is worth a try only: its start may be too poor for Newton.
    return status, effort, kept_knots, kept_y, kept_v, kept_acc


def _speeds(field: Field, x0: Vector, w: Vector, c: Vector, count: int) -> Vector:
    # Lengths of equal pieces of the curve, by their chords.
    n = x0.shape[0]
    before, after = np.zeros(n), np.empty(n)
    point, chord = np.empty(n), np.empty(n)
    result = np.empty(count)
    for k in range(count):
        curve_offset(w, c, (k + 1) / count, after)
        for i in range(n):
            point[i] = x0[i] + 0.5 * (before[i] + after[i])
            chord[i] = after[i] - before[i]
            before[i] = after[i]
        result[k] = metric_norm(field, point, chord)
    return result


def _bent(
    tools: Tools, x0: Vector, w: Vector, rule: Vector, c: Vector, patient: bool
) -> tuple[Vector, float, float]:
    # Coefficients of a curve of small energy that begins as c, and twice the energy of both.
    better = np.zeros(((rule.shape[1] - 2) // 2, x0.shape[0]))
    for a in range(c.shape[0]):
        for i in range(c.shape[1]):
            better[a, i] = c[a, i]
    before, after = tools[6](tools[7], x0, w, better, rule, patient)
    return better, before, after


def _from_curve(
    tools: Tools,
    x0: Vector,
    w: Vector,
    c: Vector,
    energy: float,
    resolution: float,
    tables: Tables,
) -> tuple[int, Vector, Vector, Vector, Vector]:
    # The geodesic by Newton steps from the curve; it may not be longer than that.
    wanted = _speeds(tools[7], x0, w, c, _SAMPLES)
    knots = np.zeros(_SAMPLES + 1)
    for k in range(_SAMPLES):
        wanted[k] /= _SPAN
        knots[k + 1] = (k + 1) / _SAMPLES
    knots = equidistribute(knots, wanted)
    y, v, acc = sampled_curve(w, c, knots, tables[0])
    status, _, knots, y, v, acc = _settle(
        tools, x0, knots, y, v, acc, 0.0, tables, 1e-6, resolution, True, True
    )
    if status == 0:
        found, _, _ = tools[4](tools[7], x0, knots, y, v, acc, tables)
        if not found <= energy * (1.0 + 1e-6):
            status = 1
    return status, knots, y, v, acc


def connect(
    tools: Tools,
    x0: Vector,
    w: Vector,
    start: Vector,
    alpha: float,
    bend: bool,
    bounds: tuple[float, float, float],
    way: Tables,
    tables: Tables,
) -> tuple[int, Vector, Vector, Vector, Vector]:
    """Geodesic from x0 to x0 + w; return (status, knots, y, v, acc).

    The rows of ``start`` are coefficients of a curve from which to begin, as in :func:`shorten`;
    without rows that is the straight line, and path following is tried after it. On the way the
    nodes of ``way`` are used, at the end those of ``tables``. Without ``bend`` the curve is the
    straight line of the coordinates. Status: 0 found, 1 path following stalled, 2
    mesh too large. ``bounds`` are those of the last Legendre coefficients of the accelerations,
    on the way and at the end, and of Newton steps on the way.
    """
    n = x0.shape[0]
    c = np.zeros((0, n))
    if bend:
        energy = np.inf
        c, known = start, start
        for k in range(8):
            if k == 4:
                # Energies may have been missed between the nodes, or steps too long.
                energy = np.inf
                c = start
            if 2 * start.shape[0] > tools[0][k].shape[1] - 2:
                continue
            better, before, after = _bent(tools, x0, w, tools[0][k], c, k >= 4)
            _, length = largest_and_sum(_speeds(tools[7], x0, w, better, _SAMPLES))
            # By the inequality of Schwarz, unless the quadrature misses what is between nodes.
            resolved = length * length < 1.1 * after
            if not after < np.inf or (not resolved and k < 4):
                continue
            before = min(energy, before)
            c, energy = better, after
            if k < 4:
                known = c
            # The highest degree is dear.
            if not resolved or (k % 4 < 2 and energy <= (1.0 - _FLAT) * before):
                continue
            status, knots, y, v, acc = _from_curve(tools, x0, w, c, energy, bounds[1], tables)
            if status == 0:
                return status, knots, y, v, acc
        c = known
    if start.shape[0] > 0:
        y, v, acc = np.zeros((2, n)), np.zeros((1, n)), np.zeros((1, tables[0].shape[0], n))
        return 1, np.array([0.0, 1.0]), y, v, acc
    knots = np.empty(2)
    knots[0] = 0.0
    knots[1] = 1.0
    y, v, acc = np.zeros((2, n)), np.zeros((1, n)), np.zeros((1, way[0].shape[0], n))
    offset = np.empty(n)
    reached = 0.0
    fastest, _ = largest_and_sum(_speeds(tools[7], x0, w, c, _SAMPLES))
    pace = 1.0 / max(1.0, _SAMPLES * fastest)
    smallest = 1e-7 * pace
    status = 1
    for _ in range(3000):
        if reached >= 1.0:
            # More nodes want fewer elements.
            m = acc.shape[0]
            if tables[0].shape[0] > acc.shape[1]:
                m = (m + 1) // 2
            new_knots = np.empty(m + 1)
            for e in range(m):
                new_knots[e] = knots[2 * e if m < acc.shape[0] else e]
            new_knots[m] = 1.0
            y, v, acc = tools[5](knots, new_knots, y, v, acc, tables[0], way[5])
            status, _, knots, y, v, acc = _settle(
                tools, x0, new_knots, y, v, acc, alpha, tables, 1e-6, bounds[1], True, False
            )
            break
        if pace < smallest:
            break
        goal = min(1.0, reached + pace)
        if goal > 1.0 - 1e-9:
            goal = 1.0
        m = acc.shape[0]
        trial_y, trial_v, trial_acc = y.copy(), v.copy(), acc.copy()
        curve_offset(w, c, goal, offset)
        for i in range(n):
            trial_y[m, i] = offset[i]
            if reached == 0.0:
                trial_v[0, i] = offset[i]
        status, effort, new_knots, trial_y, trial_v, trial_acc = _settle(
            tools,
            x0,
            knots,
            trial_y,
            trial_v,
            trial_acc,
            alpha,
            way,
            bounds[2],
            bounds[0],
            False,
            False,
        )
        if status == 0:
            knots, y, v, acc = new_knots, trial_y, trial_v, trial_acc
            reached = goal
            if effort <= 2:
                pace *= 2.5
            elif effort <= 4:
                pace *= 1.5
        else:
            pace *= 0.3
    return (status if status != 0 or reached >= 1.0 else 1), knots, y, v, acc
