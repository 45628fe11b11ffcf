"""Compiled maps of points between a manifold's own and its unconstrained coordinates.

Plain Python in the subset that numba compiles. ``chart(u, out)`` fills theta(u) and, row by row,
d theta_i / d u_a; ``inverse(theta, out)`` fills u(theta).
"""

from collections.abc import Callable

import numpy as np

from statmani.kernels.contract import Vector, eliminate

__all__ = ["displacements", "map_points", "pull_velocities", "sample_path"]

PointMap = Callable[[Vector, Vector], None]


def map_points(function: PointMap, points: Vector, width: int) -> Vector:
    """Apply one map to every row."""
    result = np.empty((points.shape[0], width))
    for k in range(points.shape[0]):
        function(points[k], result[k])
    return result


def displacements(
    chart: PointMap, inverse: PointMap, p: Vector, q: Vector, nodes: Vector, b: Vector
) -> Vector:
    """u(q) - u(p) for rows of p and q, without cancellation for near pairs.

    Near pairs integrate du/dtheta along the segment by Gauss quadrature; the result is taken
    where the plain difference is below one half and agrees to its own rounding.
    """
    count, n = p.shape
    result = np.zeros((count, n))
    start = np.empty(n)
    end = np.empty(n)
    point = np.empty(n)
    u = np.empty(n)
    out = np.empty(n + n * n)
    matrix = np.empty((n, n))
    right = np.empty((n, 1 + n))
    slack = np.empty(n)
    for k in range(count):
        inverse(p[k], start)
        inverse(q[k], end)
        for i in range(n):
            slack[i] = 2e-15 * (1.0 + abs(start[i]) + abs(end[i]))
        for c in range(nodes.shape[0]):
            for i in range(n):
                point[i] = p[k, i] + nodes[c] * (q[k, i] - p[k, i])
                right[i, 0] = q[k, i] - p[k, i]
            inverse(point, u)
            chart(u, out)
            for i in range(n):
                for j in range(n):
                    matrix[i, j] = out[n + i * n + j]
                    # What a rounding of every coordinate does to u, as in 1 - p1 - p2.
                    right[i, 1 + j] = abs(point[i]) if i == j else 0.0
            eliminate(matrix, right)
            for i in range(n):
                result[k, i] += b[c] * right[i, 0]
                for j in range(n):
                    slack[i] += 1e-15 * b[c] * abs(right[i, 1 + j])
        for i in range(n):
            plain = end[i] - start[i]
            if abs(plain) > 0.5 or not abs(result[k, i] - plain) < slack[i]:
                result[k, i] = plain
    return result


def sample_path(chart: PointMap, x: Vector, v: Vector) -> tuple[Vector, Vector]:
    """Points and velocities in the manifold's coordinates, for rows of x and v."""
    count, n = x.shape
    points = np.empty((count, n))
    velocities = np.empty((count, n))
    out = np.empty(n + n * n)
    for k in range(count):
        chart(x[k], out)
        for i in range(n):
            points[k, i] = out[i]
            total = 0.0
            for j in range(n):
                total += out[n + i * n + j] * v[k, j]
            velocities[k, i] = total
    return points, velocities


def pull_velocities(chart: PointMap, x: Vector, v: Vector, result: Vector) -> None:
    """Components in the chart at rows of x of vectors v; NaN where a Jacobian is singular.

    Jacobians are lower triangular, since bounds depend on earlier coordinates alone.
    """
    count, n = x.shape
    out = np.empty(n + n * n)
    for k in range(count):
        chart(x[k], out)
        good = True
        for i in range(n):
            total = v[k, i]
            for j in range(i):
                total -= out[n + i * n + j] * result[k, j]
            pivot = out[n + i * n + i]
            good = good and pivot != 0.0
            result[k, i] = total / pivot
        for i in range(n):
            if not good:
                result[k, i] = np.nan
