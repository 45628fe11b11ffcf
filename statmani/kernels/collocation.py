"""Geodesics between two points: Gauss collocation on elements, and its lifted Newton step.

Plain Python in the subset that numba compiles. On [0, 1] with knots t_0 = 0 < ... < t_m = 1 the
unknowns are offsets y_e from the start and velocities v_e at the knots and accelerations A_c at
s Gauss nodes of each element; x'' = A is integrated exactly, x'' = a(x, x') holds at the nodes.
Eliminating A and v leaves a block-tridiagonal system for the offsets. Offsets rather than
positions are kept, so near pairs lose no digits.

Source: Ascher, Mattheij and Russell (1995), chapters 5 and 7 (collocation at Gauss points,
superconvergence, condensation).
"""

from collections.abc import Callable

import numpy as np

from statmani.kernels.contract import Field, Vector
from statmani.kernels.mesh import Tables, packed_size

__all__ = ["Jacobian", "Solve", "newton"]

# Large callees come in through pointers: numba optimises a callee again in every caller.
Jacobian = Callable[..., bool]
Solve = Callable[[Vector, Vector], bool]


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
    shift: float,
    tables: Tables,
) -> float:
    """One Newton step in place; return its size relative to the metric speed, or infinity.

    With a positive shift it is an implicit step of length 1 / shift of the flow
    dx/dtau = x'' - a(x, x'), by which curves become shorter.

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
    work = np.empty((2 * n + 1, n))
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
            if not accelerate(field, point, speed, alpha, packed, g, dg, work, jac):
                return np.inf
            for i in range(n):
                jac[i, 1 + i] += shift
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
