"""Piecewise paths of the boundary solver: their tables, energy, resolution and meshes.

Plain Python in the subset that numba compiles. A path is (knots, y, v, acc): offsets and
velocities at the knots, accelerations at s Gauss nodes of each element.
"""

import math
from collections.abc import Callable

import numpy as np

from statmani.kernels.contract import Field, Vector

__all__ = [
    "MAX_ELEMENTS",
    "Tables",
    "equidistribute",
    "fine_tables",
    "gauss_tables",
    "integrals",
    "largest_and_sum",
    "packed_size",
    "path_defect",
    "path_energy",
    "remesh",
    "wanted_elements",
]

MAX_ELEMENTS = 600

# Nodes, weights, end weights, first and second integration, and values to coefficients.
Tables = tuple[Vector, Vector, Vector, Vector, Vector, Vector]


def gauss_tables(s: int) -> Tables:
    """Nodes, weights and end weights (for x) on [0, 1], first and second integration matrices,
    and the matrix from nodal values to Legendre coefficients. Not compiled."""
    from numpy.polynomial import legendre

    xi, weights = legendre.leggauss(s)
    nodes = 0.5 * (xi + 1.0)
    b = 0.5 * weights
    degree = (2.0 * np.arange(s) + 1.0)[:, None]
    to_legendre = degree * legendre.legvander(xi, s - 1).T * b[None, :]
    first = np.empty((s, s))
    second = np.empty((s, s))
    basis = np.empty((3, s))
    for c in range(s):
        integrals(nodes[c], basis)
        first[c] = basis[1] @ to_legendre
        second[c] = basis[2] @ to_legendre
    return nodes, b, b * (1.0 - nodes), first, second, to_legendre


def fine_tables(s: int, count: int) -> Tables:
    """Like :func:`gauss_tables`, from values at s nodes to those at more; not compiled.

    Last come values at the new nodes in the place of coefficients.
    """
    (nodes, b, b_end, _, _, _), to_legendre = gauss_tables(count), gauss_tables(s)[5]
    basis = np.empty((3, s))
    rows = []
    for tau in nodes:
        integrals(tau, basis)
        rows.append(basis @ to_legendre)
    values, first, second = (np.ascontiguousarray(a) for a in np.stack(rows, axis=1))
    return nodes, b, b_end, first, second, values


def integrals(tau: float, out: Vector) -> None:
    # Rows: Legendre polynomials on [0, 1] at tau, their integrals and double integrals from 0.
    s = out.shape[1]
    xi = 2.0 * tau - 1.0
    values = np.empty(s + 2)
    values[0] = 1.0
    values[1] = xi
    for k in range(1, s + 1):
        values[k + 1] = ((2 * k + 1) * xi * values[k] - k * values[k - 1]) / (k + 1)
    once = np.empty(s + 1)
    once[0] = tau
    for k in range(1, s + 1):
        once[k] = 0.5 * (values[k + 1] - values[k - 1]) / (2 * k + 1)
    for k in range(s):
        out[0, k] = values[k]
        out[1, k] = once[k]
        if k == 0:
            out[2, k] = 0.5 * tau * tau
        else:
            out[2, k] = 0.5 * (once[k + 1] - once[k - 1]) / (2 * k + 1)


def wanted_elements(
    field: Field,
    x0: Vector,
    knots: Vector,
    y: Vector,
    acc: Vector,
    energy: float,
    to_legendre: Vector,
    tolerance: float,
) -> Vector:
    # Wanted elements per element: from the last Legendre coefficients of the acceleration.
    m, s, n = acc.shape
    packed = np.empty(packed_size(n))
    point = np.empty(n)
    wanted = np.empty(m)
    for e in range(m):
        h = knots[e + 1] - knots[e]
        for i in range(n):
            point[i] = x0[i] + y[e, i]
        field(point, packed)
        worst = 0.0
        at = 0
        for i in range(n):
            last = 0.0
            other = 0.0
            for c in range(s):
                last += to_legendre[s - 1, c] * acc[e, c, i]
                other += to_legendre[s - 2, c] * acc[e, c, i]
            size = max(abs(last), 0.3 * abs(other)) * h * np.sqrt(abs(packed[at]) / energy)
            worst = max(worst, size)
            at += n - i
        wanted[e] = (worst / tolerance) ** (1.0 / s)
    return wanted


def largest_and_sum(values: Vector) -> tuple[float, float]:
    largest = 0.0
    total = 0.0
    for k in range(values.shape[0]):
        largest = max(largest, values[k])
        total += values[k]
    return largest, total


def remesh(
    knots: Vector,
    new_knots: Vector,
    y: Vector,
    v: Vector,
    acc: Vector,
    nodes: Vector,
    to_legendre: Vector,
) -> tuple[Vector, Vector, Vector]:
    """The same path on other knots and with other nodes, to be polished by Newton steps.

    ``to_legendre`` belongs to the nodes that the path has now.
    """
    m, have, n = acc.shape
    s = nodes.shape[0]
    count = new_knots.shape[0] - 1
    new_y = np.empty((count + 1, n))
    new_v = np.empty((count, n))
    new_acc = np.empty((count, s, n))
    basis = np.empty((3, have))
    e = 0
    for k in range(count):
        span = new_knots[k + 1] - new_knots[k]
        for c in range(-1, s):
            time = new_knots[k]
            if c >= 0:
                time += span * nodes[c]
            while c == -1 and e + 1 < m and time >= knots[e + 1]:
                e += 1
            old = e
            while old + 1 < m and time >= knots[old + 1]:
                old += 1
            h = knots[old + 1] - knots[old]
            tau = (time - knots[old]) / h
            integrals(tau, basis)
            for i in range(n):
                value = 0.0
                once = 0.0
                twice = 0.0
                for p in range(have):
                    coefficient = 0.0
                    for d in range(have):
                        coefficient += to_legendre[p, d] * acc[old, d, i]
                    value += basis[0, p] * coefficient
                    once += basis[1, p] * coefficient
                    twice += basis[2, p] * coefficient
                if c >= 0:
                    new_acc[k, c, i] = value
                else:
                    new_y[k, i] = y[old, i] + h * tau * v[old, i] + h * h * twice
                    new_v[k, i] = v[old, i] + h * once
    for i in range(n):
        new_y[count, i] = y[m, i]
    return new_y, new_v, new_acc


def equidistribute(knots: Vector, wanted: Vector) -> Vector:
    m = wanted.shape[0]
    smooth = np.empty(m)
    for e in range(m):
        # No element may differ too much from its neighbours in what it asks for.
        left = wanted[max(e - 1, 0)] * (knots[e + 1] - knots[e])
        left /= knots[max(e - 1, 0) + 1] - knots[max(e - 1, 0)]
        right = wanted[min(e + 1, m - 1)] * (knots[e + 1] - knots[e])
        right /= knots[min(e + 1, m - 1) + 1] - knots[min(e + 1, m - 1)]
        smooth[e] = max(wanted[e], 0.3 * max(left, right), 0.02 / m)
    total = 0.0
    for e in range(m):
        total += smooth[e]
    count = max(1, math.ceil(total))
    count = min(count, MAX_ELEMENTS)
    result = np.empty(count + 1)
    result[0] = 0.0
    at = 0.0
    e = 0
    for k in range(1, count):
        goal = total * k / count
        while e < m - 1 and at + smooth[e] < goal:
            at += smooth[e]
            e += 1
        result[k] = knots[e] + (knots[e + 1] - knots[e]) * (goal - at) / smooth[e]
    result[count] = 1.0
    return result


def path_energy(
    field: Field,
    x0: Vector,
    knots: Vector,
    y: Vector,
    v: Vector,
    acc: Vector,
    tables: Tables,
) -> tuple[float, float, float]:
    """Twice the energy, the same with absolute values of all terms, and the length.

    ``tables`` may be those of other nodes than the path's, see :func:`fine_tables`.
    """
    m, s, n = acc.shape
    nodes, b, _, first, second, _ = tables
    packed = np.empty(packed_size(n))
    point = np.empty(n)
    speed = np.empty(n)
    total = 0.0
    absolute = 0.0
    length = 0.0
    for e in range(m):
        h = knots[e + 1] - knots[e]
        for c in range(nodes.shape[0]):
            for i in range(n):
                dx = 0.0
                dv = 0.0
                for d in range(s):
                    dx += second[c, d] * acc[e, d, i]
                    dv += first[c, d] * acc[e, d, i]
                point[i] = x0[i] + (y[e, i] + h * nodes[c] * v[e, i] + h * h * dx)
                speed[i] = v[e, i] + h * dv
            field(point, packed)
            at = 0
            square = 0.0
            size = 0.0
            for i in range(n):
                for j in range(i, n):
                    term = packed[at] * speed[i] * speed[j]
                    if i != j:
                        term *= 2.0
                    square += term
                    size += abs(term)
                    at += 1
            total += h * b[c] * square
            absolute += h * b[c] * size
            length += h * b[c] * np.sqrt(abs(square))
    return total, absolute, length


def path_defect(
    accelerate: Callable[..., bool],
    field: Field,
    x0: Vector,
    knots: Vector,
    y: Vector,
    v: Vector,
    acc: Vector,
    tables: Tables,
) -> tuple[float, float, float, float]:
    """Twice the energy, the same with absolute values, and two integrals of |D_t c'|^2.

    The second has the weight (h / 2s)^2 on an element of length h: what vanishes at s Gauss
    nodes becomes smaller by about that when it is integrated twice.
    """
    m, s, n = acc.shape
    nodes, b, _, first, second, values = tables
    packed = np.empty(packed_size(n))
    g, work = np.empty((n, n)), np.empty((2 * n + 1, n))
    dg = np.empty((n, n, n))
    jac = np.empty((n, 1 + 2 * n))
    point, speed, rest = np.empty(n), np.empty(n), np.empty(n)
    total = 0.0
    absolute = 0.0
    defect = 0.0
    damped = 0.0
    for e in range(m):
        h = knots[e + 1] - knots[e]
        for c in range(nodes.shape[0]):
            for i in range(n):
                dx = 0.0
                dv = 0.0
                da = 0.0
                for d in range(s):
                    dx += second[c, d] * acc[e, d, i]
                    dv += first[c, d] * acc[e, d, i]
                    da += values[c, d] * acc[e, d, i]
                point[i] = x0[i] + (y[e, i] + h * nodes[c] * v[e, i] + h * h * dx)
                speed[i] = v[e, i] + h * dv
                rest[i] = da
            if not accelerate(field, point, speed, 0.0, packed, g, dg, work, jac):
                return np.inf, np.inf, np.inf, np.inf
            for i in range(n):
                rest[i] -= jac[i, 0]
            weight = h * b[c]
            square = 0.0
            for i in range(n):
                for j in range(n):
                    term = weight * g[i, j] * speed[i] * speed[j]
                    total += term
                    absolute += abs(term)
                    square += g[i, j] * rest[i] * rest[j]
            defect += weight * square
            damped += weight * square * (0.5 * h / s) ** 2
    return total, absolute, defect, damped


def packed_size(n: int) -> int:
    pairs = n * (n + 1) // 2
    triples = n * (n + 1) * (n + 2) // 6
    return pairs + n * pairs + triples + pairs * pairs + n * triples
