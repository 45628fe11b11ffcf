"""Geodesics between two points: Gauss collocation on elements, lifted Newton, path following.

Plain Python in the subset that numba compiles. On [0, 1] with knots t_0 = 0 < ... < t_m = 1 the
unknowns are offsets y_e from the start and velocities v_e at the knots and accelerations A_c at
s Gauss nodes of each element; x'' = A is integrated exactly, x'' = a(x, x') holds at the nodes.
Eliminating A and v leaves a block-tridiagonal system for the offsets. Offsets rather than
positions are kept, so near pairs lose no digits.

Sources: Ascher, Mattheij and Russell (1995), chapters 5 and 7 (collocation at Gauss points,
superconvergence, condensation); Deuflhard (2004), chapter 5 (path following).
"""

import math
from collections.abc import Callable

import numpy as np

from statmani.kernels.contract import Field, Vector
from statmani.kernels.mesh import (
    MAX_ELEMENTS,
    Tables,
    equidistribute,
    largest_and_sum,
    packed_size,
    wanted_elements,
)

__all__ = ["connect", "newton"]

# Large callees come in through pointers too: numba optimises a callee again in every caller.
Jacobian = Callable[..., bool]
Step = Callable[..., float]
Solve = Callable[[Vector, Vector], bool]
Measure = Callable[..., tuple[float, float, float]]
Remesh = Callable[..., tuple[Vector, Vector, Vector]]


def newton(
    accelerate: Jacobian,
    solve: Solve,
    field: Field,
    x0: Vector,
    knots: Vector,
    y: Vector,
    v: Vector,
    acc: Vector,
    alpha: float,
    tables: Tables,
) -> float:
    """One Newton step in place; return its size relative to the metric speed, or infinity.

    The end offset y[m] stays as given, so a moved end point is a tangent predictor as well.
    """
    m, s, n = acc.shape
    nodes, b, b_end, first, second, _ = tables
    k = s * n
    width = 1 + 2 * n
    packed = np.empty(packed_size(n))
    g = np.empty((n, n))
    dg = np.empty((n, n, n))
    scratch = np.empty((n, n))
    jac = np.empty((n, width))
    point = np.empty(n)
    speed = np.empty(n)
    matrix = np.empty((k, k))
    response = np.empty((m, k, width))
    # carry_x[e] and carry_v[e] map (1, dy_e, dv_e) to (dy_{e+1}, dv_{e+1}).
    carry_x = np.empty((m, n, width))
    carry_v = np.empty((m, n, width))
    unit = np.empty((m, n))
    energy = 0.0
    for e in range(m):
        h = knots[e + 1] - knots[e]
        right = response[e]
        for c in range(s):
            for i in range(n):
                dx = 0.0
                dv = 0.0
                for d in range(s):
                    dx += second[c, d] * acc[e, d, i]
                    dv += first[c, d] * acc[e, d, i]
                point[i] = x0[i] + (y[e, i] + h * nodes[c] * v[e, i] + h * h * dx)
                speed[i] = v[e, i] + h * dv
            if not accelerate(field, point, speed, alpha, packed, g, dg, scratch, jac):
                return np.inf
            for i in range(n):
                if c == 0:
                    unit[e, i] = np.sqrt(abs(g[i, i]))
                for j in range(n):
                    energy += h * b[c] * g[i, j] * speed[i] * speed[j]
                row = c * n + i
                right[row, 0] = jac[i, 0] - acc[e, c, i]
                for j in range(n):
                    right[row, 1 + j] = jac[i, 1 + j]
                    right[row, 1 + n + j] = h * nodes[c] * jac[i, 1 + j] + jac[i, 1 + n + j]
                for d in range(s):
                    for j in range(n):
                        matrix[row, d * n + j] = -(
                            h * h * second[c, d] * jac[i, 1 + j]
                            + h * first[c, d] * jac[i, 1 + n + j]
                        )
                matrix[row, row] += 1.0
        if not solve(matrix, right):
            return np.inf
        for i in range(n):
            for j in range(width):
                sum_x = 0.0
                sum_v = 0.0
                for c in range(s):
                    sum_x += b_end[c] * right[c * n + i, j]
                    sum_v += b[c] * right[c * n + i, j]
                carry_x[e, i, j] = h * h * sum_x
                carry_v[e, i, j] = h * sum_v
            sum_x = 0.0
            sum_v = 0.0
            for c in range(s):
                sum_x += b_end[c] * acc[e, c, i]
                sum_v += b[c] * acc[e, c, i]
            carry_x[e, i, 0] += (y[e, i] - y[e + 1, i]) + h * v[e, i] + h * h * sum_x
            carry_v[e, i, 0] += v[e, i] + h * sum_v
            if e + 1 < m:
                carry_v[e, i, 0] -= v[e + 1, i]
            carry_x[e, i, 1 + i] += 1.0
            carry_x[e, i, 1 + n + i] += h
            carry_v[e, i, 1 + n + i] += 1.0
    # speed_map[e] maps (1, dy_e, dy_{e+1}) to dv_e.
    speed_map = np.zeros((m, n, width))
    for e in range(m):
        for i in range(n):
            speed_map[e, i, 0] = -carry_x[e, i, 0]
            for j in range(n):
                speed_map[e, i, 1 + j] = -carry_x[e, i, 1 + j]
                speed_map[e, i, 1 + n + j] = 0.0
                scratch[i, j] = carry_x[e, i, 1 + n + j]
            speed_map[e, i, 1 + n + i] = 1.0
        if not solve(scratch, speed_map[e]):
            return np.inf
    # Forward elimination: dy_i = upper[i] dy_{i+1} + shift[i], held as one array.
    solved = np.zeros((m + 1, n, n + 1))
    for e in range(1, m):
        before = speed_map[e - 1]
        after = speed_map[e]
        through = carry_v[e - 1]
        right = np.empty((n, n + 1))
        for i in range(n):
            for j in range(n):
                right[i, j] = after[i, 1 + n + j]
            total = after[i, 0] - through[i, 0]
            for q in range(n):
                total -= through[i, 1 + n + q] * before[q, 0]
            right[i, n] = total
            for j in range(n):
                diagonal = -after[i, 1 + j]
                lower = through[i, 1 + j]
                for q in range(n):
                    diagonal += through[i, 1 + n + q] * before[q, 1 + n + j]
                    lower += through[i, 1 + n + q] * before[q, 1 + j]
                scratch[i, j] = diagonal
                jac[i, j] = lower
        for i in range(n):
            for q in range(n):
                right[i, n] -= jac[i, q] * solved[e - 1, q, n]
                for j in range(n):
                    scratch[i, j] += jac[i, q] * solved[e - 1, q, j]
        if not solve(scratch, right):
            return np.inf
        for i in range(n):
            for j in range(n + 1):
                solved[e, i, j] = right[i, j]
    scale = np.sqrt(abs(energy))
    if not scale > 0.0:
        return np.inf
    largest = 0.0
    dy = np.zeros((m + 1, n))
    for e in range(m - 1, 0, -1):
        for i in range(n):
            total = solved[e, i, n]
            for j in range(n):
                total += solved[e, i, j] * dy[e + 1, j]
            dy[e, i] = total
    for e in range(m):
        h = knots[e + 1] - knots[e]
        for i in range(n):
            total = speed_map[e, i, 0]
            for j in range(n):
                total += speed_map[e, i, 1 + j] * dy[e, j]
                total += speed_map[e, i, 1 + n + j] * dy[e + 1, j]
            speed[i] = total
        for i in range(n):
            size = max(abs(speed[i]), abs(dy[e, i])) * unit[e, i] / scale
            if not size <= largest:
                largest = size
            v[e, i] += speed[i]
        for c in range(s):
            for i in range(n):
                total = response[e, c * n + i, 0]
                for j in range(n):
                    total += response[e, c * n + i, 1 + j] * dy[e, j]
                    total += response[e, c * n + i, 1 + n + j] * speed[j]
                size = h * abs(total) * unit[e, i] / scale
                if not size <= largest:
                    largest = size
                acc[e, c, i] += total
    for e in range(1, m):
        for i in range(n):
            y[e, i] += dy[e, i]
    return largest


def _solve(
    step: Step,
    accelerate: Jacobian,
    solve: Solve,
    field: Field,
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
        size = step(accelerate, solve, field, x0, knots, y, v, acc, alpha, tables)
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


def _longest(field: Field, x0: Vector, w: Vector) -> float:
    # The largest metric norm of w along the straight line, sampled.
    n = x0.shape[0]
    packed = np.empty(packed_size(n))
    point = np.empty(n)
    longest = 0.0
    for k in range(5):
        for i in range(n):
            point[i] = x0[i] + 0.25 * k * w[i]
        field(point, packed)
        at = 0
        square = 0.0
        for i in range(n):
            for j in range(i, n):
                square += packed[at] * w[i] * w[j] * (1.0 if i == j else 2.0)
                at += 1
        longest = max(longest, math.sqrt(abs(square)))
    return longest


def connect(
    step: Step,
    accelerate: Jacobian,
    solve: Solve,
    measure: Measure,
    rebuild: Remesh,
    field: Field,
    x0: Vector,
    w: Vector,
    alpha: float,
    bounds: tuple[float, float, float],
    way: Tables,
    tables: Tables,
) -> tuple[int, Vector, Vector, Vector, Vector]:
    """Geodesic from x0 to x0 + w; return (status, knots, y, v, acc).

    The end point moves from x0 along the straight line of the coordinates as far as Newton
    follows, with the nodes of ``way``; at the end those of ``tables`` are used. Status: 0 found,
    1 path following stalled, 2 mesh too large. ``bounds`` are those of the last Legendre
    coefficients of the accelerations, on the way and at the end, and of Newton steps on the way.
    """
    n = x0.shape[0]
    knots = np.empty(2)
    knots[0] = 0.0
    knots[1] = 1.0
    y = np.zeros((2, n))
    v = np.zeros((1, n))
    acc = np.zeros((1, way[0].shape[0], n))
    reached = 0.0
    pace = 1.0 / max(1.0, _longest(field, x0, w))
    smallest = 1e-7 * pace
    mesh_full = False
    for _ in range(3000):
        last = reached >= 1.0
        if pace < smallest:
            break
        goal = min(1.0, reached + pace)
        if goal > 1.0 - 1e-9:
            goal = 1.0
        m = acc.shape[0]
        trial_knots = knots
        trial_y = y.copy()
        trial_v = v.copy()
        trial_acc = acc.copy()
        if reached == 0.0:
            for e in range(m):
                for i in range(n):
                    trial_v[e, i] = goal * w[i]
        if last:
            # More nodes want fewer elements.
            if tables[0].shape[0] > acc.shape[1]:
                m = (m + 1) // 2
            trial_knots = np.empty(m + 1)
            for e in range(m):
                trial_knots[e] = knots[2 * e if m < acc.shape[0] else e]
            trial_knots[m] = 1.0
            trial_y, trial_v, trial_acc = rebuild(knots, trial_knots, y, v, acc, tables[0], way[5])
        for i in range(n):
            trial_y[m, i] = goal * w[i]
        now = tables if last else way
        allowed = 1.2 if last else 1.5
        fits = False
        kept_knots, kept_y, kept_v, kept_acc = trial_knots, trial_y, trial_v, trial_acc
        mesh_full = False
        effort = 0
        for _ in range(7):
            count = _solve(
                step,
                accelerate,
                solve,
                field,
                x0,
                trial_knots,
                trial_y,
                trial_v,
                trial_acc,
                alpha,
                now,
                1e-6 if last else bounds[2],
            )
            if count < 0:
                break
            effort = max(effort, count)
            energy, _, _ = measure(field, x0, trial_knots, trial_y, trial_v, trial_acc, now)
            wanted = wanted_elements(
                field, x0, trial_knots, trial_y, trial_acc, abs(energy), now[5],
                bounds[1] if last else bounds[0],
            )  # fmt: skip
            largest, total = largest_and_sum(wanted)
            if largest <= allowed:
                fits = True
                kept_knots, kept_y, kept_v, kept_acc = trial_knots, trial_y, trial_v, trial_acc
                if total > (0.6 if last else 0.4) * wanted.shape[0] - 1.0:
                    break
            if not total < MAX_ELEMENTS:
                mesh_full = True
                break
            new_knots = equidistribute(trial_knots, wanted)
            trial_y, trial_v, trial_acc = rebuild(
                trial_knots, new_knots, trial_y, trial_v, trial_acc, now[0], now[5]
            )
            trial_knots = new_knots
        # A coarser mesh is worth a try only: its start may be too poor for Newton.
        if fits:
            knots = kept_knots
            y = kept_y
            v = kept_v
            acc = kept_acc
            if last:
                return 0, knots, y, v, acc
            reached = goal
            if effort <= 2:
                pace *= 2.5
            elif effort <= 4:
                pace *= 1.5
        elif last:
            break
        else:
            pace *= 0.3
    return (2 if mesh_full else 1), knots, y, v, acc
