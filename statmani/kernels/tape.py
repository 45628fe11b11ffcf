"""Accelerations of alpha-geodesics with 31 digits, for metrics that lose too many of sixteen.

Plain Python in the subset that numba compiles. A *tape* is an array with a row (operation,
argument, argument, high, low) for every value of a straight-line program, made by
:mod:`statmani.kernels.tape_source`; an interpreter runs it, so that one compilation serves every
manifold. Its last values are, for a point u of the unconstrained chart and theta its image:
d theta_i / d u_a [i, a]; its derivative by u_b [i, a, b]; g_ij [i, j] of theta; d_k g_ij
[k, i, j]; T_ijk [i, j, k].
"""

import numpy as np
from numpy.typing import NDArray

from statmani.kernels.double_double import (
    dd_add,
    dd_div,
    dd_exp,
    dd_log,
    dd_mul,
    dd_polygamma,
    dd_power,
    dd_sqrt,
)

__all__ = ["precise_acceleration", "precise_frames", "precise_metric", "precise_transport"]

Vector = NDArray[np.float64]


def _run(tape: Vector, x: Vector, values: Vector) -> None:
    for k in range(tape.shape[0]):
        operation = int(tape[k, 0])
        a, b = int(tape[k, 1]), int(tape[k, 2])
        high, low = tape[k, 3], tape[k, 4]
        if operation == 1:
            high, low = x[a], 0.0
        elif operation == 2:
            high, low = dd_add(values[a, 0], values[a, 1], values[b, 0], values[b, 1])
        elif operation == 3:
            high, low = dd_mul(values[a, 0], values[a, 1], values[b, 0], values[b, 1])
        elif operation == 4:
            high, low = dd_power(values[a, 0], values[a, 1], b)
        elif operation == 5:
            high, low = dd_exp(values[a, 0], values[a, 1])
        elif operation == 6:
            high, low = dd_log(values[a, 0], values[a, 1])
        elif operation == 7:
            high, low = dd_sqrt(values[a, 0], values[a, 1])
        elif operation == 8:
            high, low = dd_polygamma(b, values[a, 0], values[a, 1])
        elif operation == 9:
            high, low = values[a, 0], values[a, 1]
        values[k, 0] = high
        values[k, 1] = low


def _add_product(into: Vector, at: int, a: Vector, i: int, b: Vector, j: int, by: float) -> None:
    """into[at] += by * a[i] * b[j], where `by` is a power of two or its negative."""
    h, l = dd_mul(a[i, 0], a[i, 1], b[j, 0], b[j, 1])
    h, l = dd_add(into[at, 0], into[at, 1], by * h, by * l)
    into[at, 0] = h
    into[at, 1] = l


def _solve(matrix: Vector, right: Vector) -> bool:
    """Solve in place by elimination with row exchanges; False when singular or not finite."""
    n = right.shape[0]
    for k in range(n):
        row, best = k, abs(matrix[k * n + k, 0])
        for i in range(k + 1, n):
            if abs(matrix[i * n + k, 0]) > best:
                row, best = i, abs(matrix[i * n + k, 0])
        if not (best > 0.0 and best < np.inf):
            return False
        if row != k:
            for c in range(2):
                for j in range(n):
                    keep = matrix[k * n + j, c]
                    matrix[k * n + j, c] = matrix[row * n + j, c]
                    matrix[row * n + j, c] = keep
                keep = right[k, c]
                right[k, c] = right[row, c]
                right[row, c] = keep
        factor = np.empty((1, 2))
        for i in range(k + 1, n):
            factor[0, 0], factor[0, 1] = dd_div(
                matrix[i * n + k, 0], matrix[i * n + k, 1],
                matrix[k * n + k, 0], matrix[k * n + k, 1],
            )  # fmt: skip
            for j in range(k + 1, n):
                _add_product(matrix, i * n + j, factor, 0, matrix, k * n + j, -1.0)
            _add_product(right, i, factor, 0, right, k, -1.0)
    for k in range(n - 1, -1, -1):
        for i in range(k + 1, n):
            _add_product(right, k, matrix, k * n + i, right, i, -1.0)
        right[k, 0], right[k, 1] = dd_div(
            right[k, 0], right[k, 1], matrix[k * n + k, 0], matrix[k * n + k, 1]
        )
    return True


def _pulled(tape: Vector, x: Vector, values: Vector, lowered: Vector, metric: Vector) -> int:
    """Run the tape; g in the chart, and g J on the way; where its outputs start."""
    n = x.shape[0]
    _run(tape, x, values)
    start: int = tape.shape[0] - (2 * n * n + 3 * n * n * n)
    g = start + n * n + n * n * n
    for i in range(n):
        for a in range(n):
            for j in range(n):
                _add_product(
                    lowered, i * n + a, values, g + i * n + j, values, start + j * n + a, 1.0
                )
    for a in range(n):
        for b in range(n):
            for i in range(n):
                _add_product(metric, a * n + b, values, start + i * n + a, lowered, i * n + b, 1.0)
    return start


def precise_acceleration(
    tape: Vector,
    x: Vector,
    v: Vector,
    alpha: float,
    packed: Vector,
    g: Vector,
    dg: Vector,
    t: Vector,
    scratch: Vector,
    out: Vector,
) -> bool:
    """Fill ``out[:, 0]`` with the acceleration at (x, v), and g; False when it has none.

    In the chart theta(u): J u'' = -g^-1 F - (dJ u') u', F_k = Gamma^(alpha)_{ij,k} w^i w^j with
    w = J u'.
    """
    n = x.shape[0]
    values = np.empty((tape.shape[0], 2))
    lowered = np.zeros((n * n, 2))
    metric = np.zeros((n * n, 2))
    start = _pulled(tape, x, values, lowered, metric)
    bend = start + n * n
    d = bend + n * n * n + n * n
    skew = d + n * n * n
    speed = np.zeros((n, 2))
    own = np.zeros((n, 2))
    for i in range(n):
        own[i, 0] = v[i]
    products = np.zeros((n * n, 2))
    for i in range(n):
        for a in range(n):
            _add_product(speed, i, values, start + i * n + a, own, a, 1.0)
    for i in range(n):
        for j in range(n):
            _add_product(products, i * n + j, speed, i, speed, j, 1.0)
    skewed = np.zeros((n, 2))
    force = np.zeros((n, 2))
    for k in range(n):
        for i in range(n):
            for j in range(n):
                at = i * n + j
                _add_product(force, k, products, at, values, d + (i * n + j) * n + k, -1.0)
                _add_product(force, k, products, at, values, d + (k * n + i) * n + j, 0.5)
                if alpha != 0.0:
                    _add_product(skewed, k, products, at, values, skew + at * n + k, 0.5)
        h, l = dd_mul(skewed[k, 0], skewed[k, 1], alpha, 0.0)
        force[k, 0], force[k, 1] = dd_add(force[k, 0], force[k, 1], h, l)
    right = np.zeros((n, 2))
    turned = np.zeros((n, 2))
    for a in range(n):
        for b in range(n):
            h, l = dd_mul(v[a], 0.0, v[b], 0.0)
            products[a * n + b, 0] = h
            products[a * n + b, 1] = l
    for i in range(n):
        for a in range(n * n):
            _add_product(turned, i, values, bend + i * n * n + a, products, a, 1.0)
    for a in range(n):
        for i in range(n):
            _add_product(right, a, values, start + i * n + a, force, i, 1.0)
            _add_product(right, a, lowered, i * n + a, turned, i, -1.0)
    for i in range(n):
        for j in range(n):
            g[i, j] = metric[i * n + j, 0]
    good = _solve(metric, right)
    for k in range(n):
        out[k, 0] = right[k, 0]
        if not abs(out[k, 0]) < 1e200:
            good = False
    return good


def _turning(
    tape: Vector, x: Vector, v: Vector, alpha: float, values: Vector, metric: Vector, out: Vector
) -> None:
    """Fill out[c, b] = Gamma_{ab,c} v^a in the chart, and its metric, at one point."""
    n = x.shape[0]
    lowered = np.zeros((n * n, 2))
    metric[:] = 0.0
    start = _pulled(tape, x, values, lowered, metric)
    bend = start + n * n
    d = bend + n * n * n + n * n
    skew = d + n * n * n
    own = np.zeros((n, 2))
    speed = np.zeros((n, 2))
    for i in range(n):
        own[i, 0] = v[i]
    for i in range(n):
        for a in range(n):
            _add_product(speed, i, values, start + i * n + a, own, a, 1.0)
    # first[j, k] = Gamma_{ij,k} w^i with w = J v.
    first = np.zeros((n * n, 2))
    for j in range(n):
        for k in range(n):
            at = j * n + k
            skewed = np.zeros((1, 2))
            for i in range(n):
                _add_product(first, at, speed, i, values, d + (i * n + j) * n + k, 0.5)
                _add_product(first, at, speed, i, values, d + (j * n + i) * n + k, 0.5)
                _add_product(first, at, speed, i, values, d + (k * n + i) * n + j, -0.5)
                _add_product(skewed, 0, speed, i, values, skew + (i * n + j) * n + k, -0.5)
            h, l = dd_mul(skewed[0, 0], skewed[0, 1], alpha, 0.0)
            first[at, 0], first[at, 1] = dd_add(first[at, 0], first[at, 1], h, l)
    out[:] = 0.0
    for b in range(n):
        inner = np.zeros((n, 2))
        bent = np.zeros((n, 2))
        for k in range(n):
            for j in range(n):
                _add_product(inner, k, first, j * n + k, values, start + j * n + b, 1.0)
            for a in range(n):
                _add_product(bent, k, values, bend + (k * n + a) * n + b, own, a, 1.0)
        for c in range(n):
            for k in range(n):
                _add_product(out, c * n + b, values, start + k * n + c, inner, k, 1.0)
                _add_product(out, c * n + b, lowered, k * n + c, bent, k, 1.0)


def _cholesky(matrix: Vector, n: int) -> bool:
    """Replace a metric by L with L L^T equal to it; False where it is not positive definite."""
    for j in range(n):
        for i in range(j, n):
            for k in range(j):
                _add_product(matrix, i * n + j, matrix, i * n + k, matrix, j * n + k, -1.0)
        at = j * n + j
        if not (matrix[at, 0] > 0.0 and matrix[at, 0] < np.inf):
            return False
        matrix[at, 0], matrix[at, 1] = dd_sqrt(matrix[at, 0], matrix[at, 1])
        for i in range(j + 1, n):
            matrix[i * n + j, 0], matrix[i * n + j, 1] = dd_div(
                matrix[i * n + j, 0], matrix[i * n + j, 1], matrix[at, 0], matrix[at, 1]
            )
    return True


def _whiten(lower: Vector, n: int, matrix: Vector) -> None:
    """Replace X by L^-1 X L^-T."""
    for turn in range(2):
        across, along = (1, n) if turn == 0 else (n, 1)
        for j in range(n):
            for i in range(n):
                at = j * across + i * along
                for k in range(i):
                    _add_product(matrix, at, lower, i * n + k, matrix, j * across + k * along, -1.0)
                matrix[at, 0], matrix[at, 1] = dd_div(
                    matrix[at, 0], matrix[at, 1], lower[i * n + i, 0], lower[i * n + i, 1]
                )


def precise_transport(tape: Vector, x: Vector, v: Vector, alpha: float) -> Vector:
    """What turns components in the frames of :func:`precise_frames`, as [i, j], for rows.

    See :mod:`statmani.kernels.transport_rows`; NaN where the metric is not positive definite.
    """
    count, n = x.shape
    result = np.full((count, n, n), np.nan)
    values = np.empty((tape.shape[0], 2))
    metric = np.empty((n * n, 2))
    turned = np.empty((n * n, 2))
    plain = np.empty((n * n, 2))
    for r in range(count):
        _turning(tape, x[r], v[r], alpha, values, metric, turned)
        _turning(tape, x[r], v[r], 0.0, values, metric, plain)
        if not _cholesky(metric, n):
            continue
        _whiten(metric, n, turned)
        _whiten(metric, n, plain)
        for i in range(n):
            for j in range(n):
                h, l = -turned[i * n + j, 0], -turned[i * n + j, 1]
                if j >= i:
                    # The derivative of the metric is the sum of both.
                    high, low = dd_add(
                        plain[i * n + j, 0], plain[i * n + j, 1],
                        plain[j * n + i, 0], plain[j * n + i, 1],
                    )  # fmt: skip
                    part = 0.5 if i == j else 1.0
                    h, l = dd_add(h, l, part * high, part * low)
                result[r, i, j] = h
    return result


def precise_frames(tape: Vector, x: Vector) -> Vector:
    """L with L L^T the metric in the chart, for rows of points; NaN where there is none."""
    count, n = x.shape
    result = np.full((count, n, n), np.nan)
    values = np.empty((tape.shape[0], 2))
    for r in range(count):
        lowered = np.zeros((n * n, 2))
        metric = np.zeros((n * n, 2))
        _pulled(tape, x[r], values, lowered, metric)
        if _cholesky(metric, n):
            for i in range(n):
                for j in range(n):
                    result[r, i, j] = metric[i * n + j, 0] if j <= i else 0.0
    return result


def precise_metric(tape: Vector, x: Vector, v: Vector) -> Vector:
    """g(v, w) for all pairs of rows of v, shape (m, m), at a point of the chart."""
    n, m = x.shape[0], v.shape[0]
    values = np.empty((tape.shape[0], 2))
    lowered = np.zeros((n * n, 2))
    metric = np.zeros((n * n, 2))
    _pulled(tape, x, values, lowered, metric)
    result = np.empty((m, m))
    for r in range(m):
        for s in range(m):
            total = np.zeros((1, 2))
            pair = np.empty((1, 2))
            for a in range(n):
                for b in range(n):
                    h, l = dd_mul(v[r, a], 0.0, v[s, b], 0.0)
                    pair[0, 0], pair[0, 1] = h, l
                    _add_product(total, 0, pair, 0, metric, a * n + b, 1.0)
            result[r, s] = total[0, 0]
    return result
