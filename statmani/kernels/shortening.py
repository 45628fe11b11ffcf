"""A polynomial curve of small energy between two points, from which the geodesic is found.

Plain Python in the subset that numba compiles. On [0, 1] the curve is

    x(t) = x0 + t w + sum_a c_a phi_a(t),    phi_a' = P_a, the Legendre polynomials of degree >= 1,

so that its ends are fixed. Its energy 1/2 int g(x', x') is minimised over c by Newton steps that
a multiple of the metric's Gram matrix keeps inside a trusted region (Levenberg 1944, Marquardt
1963; Nocedal and Wright 2006, chapter 4).
"""

import math
from collections.abc import Callable

import numpy as np

from statmani.kernels.contract import Field, Vector
from statmani.kernels.mesh import integrals, packed_size

__all__ = ["Shorten", "bending_rule", "curve_offset", "sampled_curve", "shorten"]

_ROUNDS = 200
# A predicted gain below this part of the energy is not worth a step.
_SETTLED = 1e-2
# The largest multiple of the Gram matrix. Second derivatives are as large as the energy.
_STIFFEST = 1e8

Shorten = Callable[..., tuple[float, float]]


def bending_rule(degree: int, nodes: Vector, weights: Vector) -> Vector:
    """Rows for :func:`shorten`. Not compiled."""
    rule = np.empty((nodes.shape[0], 2 + 2 * degree))
    basis = np.empty((3, degree + 1))
    for q in range(nodes.shape[0]):
        integrals(nodes[q], basis)
        rule[q, 0], rule[q, 1] = weights[q], nodes[q]
        rule[q, 2::2], rule[q, 3::2] = basis[0, 1:], basis[1, 1:]
    return rule


def _derivatives(
    field: Field,
    x0: Vector,
    w: Vector,
    c: Vector,
    rule: Vector,
    packed: Vector,
    slope: Vector,
    second: Vector,
    gram: Vector,
) -> float:
    # Twice the energy, gradient and second derivatives of the energy in c, Gram matrix of dc.
    degree, n = c.shape
    point, speed = np.empty(n), np.empty(n)
    g, mixed, twice = np.empty((n, n)), np.empty((n, n)), np.empty((n, n))
    along, across = np.empty(n), np.empty(n)
    energy = 0.0
    slope[:] = 0.0
    second[:] = 0.0
    gram[:] = 0.0
    for q in range(rule.shape[0]):
        for i in range(n):
            point[i] = x0[i] + rule[q, 1] * w[i]
            speed[i] = w[i]
            for a in range(degree):
                point[i] += rule[q, 2 + 2 * a + 1] * c[a, i]
                speed[i] += rule[q, 2 + 2 * a] * c[a, i]
        field(point, packed)
        at = 0
        for i in range(n):
            for j in range(i, n):
                g[i, j] = packed[at]
                g[j, i] = packed[at]
                at += 1
        for k in range(n):
            across[k] = 0.0
            for i in range(n):
                mixed[i, k] = 0.0
            for i in range(n):
                for j in range(i, n):
                    value = packed[at]
                    at += 1
                    across[k] += speed[i] * speed[j] * value * (0.5 if i == j else 1.0)
                    mixed[i, k] += value * speed[j]
                    if i != j:
                        mixed[j, k] += value * speed[i]
        at += n * (n + 1) * (n + 2) // 6
        for p in range(n):
            for r in range(p, n):
                total = 0.0
                for i in range(n):
                    for j in range(i, n):
                        total += packed[at] * speed[i] * speed[j] * (0.5 if i == j else 1.0)
                        at += 1
                twice[p, r] = total
                twice[r, p] = total
        for i in range(n):
            along[i] = 0.0
            for j in range(n):
                along[i] += g[i, j] * speed[j]
            energy += rule[q, 0] * along[i] * speed[i]
        for a in range(degree):
            pa = rule[q, 0] * rule[q, 2 + 2 * a]
            fa = rule[q, 0] * rule[q, 2 + 2 * a + 1]
            for i in range(n):
                slope[a * n + i, 0] += pa * along[i] + fa * across[i]
            for b in range(a + 1):
                pb, fb = rule[q, 2 + 2 * b], rule[q, 2 + 2 * b + 1]
                for i in range(n):
                    for j in range(n):
                        own = pa * pb * g[i, j]
                        gram[a * n + i, b * n + j] += own
                        second[a * n + i, b * n + j] += (
                            own + pa * fb * mixed[i, j] + fa * pb * mixed[j, i]
                            + fa * fb * twice[i, j]
                        )  # fmt: skip
    return energy


def _cholesky(matrix: Vector, right: Vector) -> bool:
    # Solve in place from the lower triangle; False unless positive definite.
    n = matrix.shape[0]
    for k in range(n):
        for j in range(k):
            total = matrix[k, j]
            for m in range(j):
                total -= matrix[k, m] * matrix[j, m]
            matrix[k, j] = total / matrix[j, j]
        total = matrix[k, k]
        for m in range(k):
            total -= matrix[k, m] * matrix[k, m]
        if not (total > 0.0 and total < np.inf):
            return False
        matrix[k, k] = math.sqrt(total)
    for k in range(n):
        total = right[k, 0]
        for m in range(k):
            total -= matrix[k, m] * right[m, 0]
        right[k, 0] = total / matrix[k, k]
    for k in range(n - 1, -1, -1):
        total = right[k, 0]
        for m in range(k + 1, n):
            total -= matrix[m, k] * right[m, 0]
        right[k, 0] = total / matrix[k, k]
    return True


def shorten(
    field: Field, x0: Vector, w: Vector, c: Vector, rule: Vector, patient: bool
) -> tuple[float, float]:
    """Improve c, shape (degree, n), in place; return twice the energy before and after.

    ``rule`` has a row for each node of a quadrature on [0, 1]: weight, node, then P_a and phi_a
    for each degree a from 1. Infinite where the metric is not positive definite. Steps become as
    short as the energy asks for if ``patient``.
    """
    degree, n = c.shape
    size = degree * n
    packed = np.empty(packed_size(n))
    step, matrix = np.empty((size, 1)), np.empty((size, size))
    slope, second, gram = np.empty((size, 1)), np.empty((size, size)), np.empty((size, size))
    new_slope, new_second, new_gram = slope.copy(), second.copy(), gram.copy()
    trial = np.empty((degree, n))
    damping = 0.0
    energy = _derivatives(field, x0, w, c, rule, packed, slope, second, gram)
    first = energy
    for _ in range(_ROUNDS):
        if not (energy > 0.0 and energy < np.inf):
            return first, np.inf
        stiffest = _STIFFEST * (1.0 + energy) if patient else _STIFFEST
        for r in range(size):
            step[r, 0] = -slope[r, 0]
            for s in range(r + 1):
                matrix[r, s] = second[r, s] + damping * gram[r, s]
        if not _cholesky(matrix, step):
            if damping > stiffest:
                return first, np.inf
            damping = max(0.25, 4.0 * damping)
            continue
        predicted = 0.0
        for r in range(size):
            total = second[r, r] * step[r, 0]
            for s in range(r):
                total += 2.0 * second[r, s] * step[s, 0]
            predicted -= step[r, 0] * (2.0 * slope[r, 0] + total)
        for a in range(degree):
            for i in range(n):
                trial[a, i] = c[a, i] + step[a * n + i, 0]
        after = _derivatives(field, x0, w, trial, rule, packed, new_slope, new_second, new_gram)
        ratio = (energy - after) / predicted if predicted > 0.0 else -1.0
        if ratio > 0.05:
            settled = predicted < _SETTLED * energy and damping < 1.0
            energy = after
            for a in range(degree):
                for i in range(n):
                    c[a, i] = trial[a, i]
            slope, new_slope = new_slope, slope
            second, new_second = new_second, second
            gram, new_gram = new_gram, gram
            if settled:
                break
        elif damping > stiffest:
            break
        if not ratio > 0.25:
            damping = max(0.25, 4.0 * damping)
        elif ratio > 0.6:
            damping = 0.2 * damping if damping > 0.01 else 0.0
    return first, energy


def curve_offset(w: Vector, c: Vector, time: float, out: Vector) -> None:
    """x(t) - x0."""
    degree, n = c.shape
    basis = np.empty((3, degree + 1))
    integrals(time, basis)
    for i in range(n):
        out[i] = time * w[i]
        for a in range(degree):
            out[i] += basis[1, a + 1] * c[a, i]


def sampled_curve(
    w: Vector, c: Vector, knots: Vector, nodes: Vector
) -> tuple[Vector, Vector, Vector]:
    """Offsets and velocities at the knots, accelerations at the nodes of each element."""
    degree, n = c.shape
    m, s = knots.shape[0] - 1, nodes.shape[0]
    y, v, acc = np.empty((m + 1, n)), np.empty((m, n)), np.empty((m, s, n))
    basis = np.empty((3, degree + 1))
    for e in range(m + 1):
        curve_offset(w, c, knots[e], y[e])
        if e == m:
            break
        integrals(knots[e], basis)
        for i in range(n):
            v[e, i] = w[i]
            for a in range(degree):
                v[e, i] += basis[0, a + 1] * c[a, i]
        for k in range(s):
            integrals(knots[e] + nodes[k] * (knots[e + 1] - knots[e]), basis)
            for i in range(n):
                total = 0.0
                for a in range(degree):
                    # On [0, 1] the derivative of P_(a + 1) is the sum of 2 (2b + 1) P_b over
                    # b = a, a - 2, ...
                    for b in range(a, -1, -2):
                        total += 2.0 * (2 * b + 1) * basis[0, b] * c[a, i]
                acc[e, k, i] = total
    for i in range(n):
        y[0, i] = 0.0
        y[m, i] = w[i]
    return y, v, acc
