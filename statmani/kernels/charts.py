"""Compiled maps of points between a manifold's own and its unconstrained coordinates.

Plain Python in the subset that numba compiles. ``chart(u, out)`` fills theta(u) and, row by row,
d theta_i / d u_a; ``inverse(theta, out)`` fills u(theta).
"""

from collections.abc import Callable

import numpy as np

from statmani.kernels.contract import Vector, eliminate

__all__ = ["displacement", "displacements", "map_points", "sample_path"]

PointMap = Callable[[Vector, Vector], None]


def map_points(function: PointMap, points: Vector, width: int) -> Vector:
    """Apply one map to every row."""
    result = np.empty((points.shape[0], width))
    for k in range(points.shape[0]):
        function(points[k], result[k])
    return result


def displacement(
    chart: PointMap, inverse: PointMap, p: Vector, q: Vector, nodes: Vector, b: Vector
) -> Vector:
    """u(q) - u(p), for near pairs without cancellation.

    Near pairs integrate du/dtheta along the segment by Gauss quadrature; the result is taken
    where the plain difference is below one half and agrees to its own rounding.
    """
    n = p.shape[0]
    start = np.empty(n)
    end = np.empty(n)
    inverse(p, start)
    inverse(q, end)
    total = np.zeros(n)
    point = np.empty(n)
    u = np.empty(n)
    out = np.empty(n + n * n)
    matrix = np.empty((n, n))
    right = np.empty((n, 1))
    for c in range(nodes.shape[0]):
        for i in range(n):
            point[i] = p[i] + nodes[c] * (q[i] - p[i])
            right[i, 0] = q[i] - p[i]
        inverse(point, u)
        chart(u, out)
        for i in range(n):
            for j in range(n):
                matrix[i, j] = out[n + i * n + j]
        eliminate(matrix, right)
        for i in range(n):
            total[i] += b[c] * right[i, 0]
    for i in range(n):
        plain = end[i] - start[i]
        rounding = 2e-15 * (1.0 + abs(start[i]) + abs(end[i]))
        if abs(plain) > 0.5 or not abs(total[i] - plain) < rounding:
            total[i] = plain
    return total


def displacements(
    chart: PointMap, inverse: PointMap, p: Vector, q: Vector, nodes: Vector, b: Vector
) -> Vector:
    """:func:`displacement` for rows of p and q."""
    count, n = p.shape
    result = np.empty((count, n))
    for k in range(count):
        w = displacement(chart, inverse, p[k], q[k], nodes, b)
        for i in range(n):
            result[k, i] = w[i]
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
