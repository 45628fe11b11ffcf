"""Loops that turn packed tensor fields into accelerations of alpha-geodesics.

Plain Python in the subset that numba compiles. A *field* is a pointer ``f(x, out)`` that fills
``out`` with, in this order and each symmetric index set stored once in lexicographic order:
g_ij (i <= j); d_k g_ij by k; T_ijk (i <= j <= k); and for second-order fields also
d_k d_l g_ij by (k <= l), and d_l T_ijk by l.

The acceleration solves g a = -F with F_k = Gamma^(alpha)_{ij,k} v^i v^j, Amari and Nagaoka (2000),
section 2.3, first kind Gamma^(alpha) = Gamma^(0) - (alpha/2) T.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["Field", "acceleration", "acceleration_jacobian", "eliminate", "unpack_first"]

Vector = NDArray[np.float64]
Field = Callable[[Vector, Vector], None]


def eliminate(matrix: Vector, right: Vector) -> bool:
    """Solve in place by elimination with row exchanges; False when singular or not finite."""
    n = matrix.shape[0]
    m = right.shape[1]
    for k in range(n):
        row, best = k, abs(matrix[k, k])
        for i in range(k + 1, n):
            if abs(matrix[i, k]) > best:
                row, best = i, abs(matrix[i, k])
        if not (best > 0.0 and best < np.inf):
            return False
        if row != k:
            for j in range(n):
                keep = matrix[k, j]
                matrix[k, j] = matrix[row, j]
                matrix[row, j] = keep
            for j in range(m):
                keep = right[k, j]
                right[k, j] = right[row, j]
                right[row, j] = keep
        inverse = 1.0 / matrix[k, k]
        for i in range(k + 1, n):
            factor = matrix[i, k] * inverse
            if factor != 0.0:
                for j in range(k + 1, n):
                    matrix[i, j] -= factor * matrix[k, j]
                for j in range(m):
                    right[i, j] -= factor * right[k, j]
    for k in range(n - 1, -1, -1):
        inverse = 1.0 / matrix[k, k]
        for j in range(m):
            total = right[k, j]
            for i in range(k + 1, n):
                total -= matrix[k, i] * right[i, j]
            right[k, j] = total * inverse
    return True


def unpack_first(packed: Vector, g: Vector, dg: Vector, t: Vector) -> int:
    """Fill g[i, j], dg[k, i, j] and t[i, j, k] from a field's output; return its length."""
    n = g.shape[0]
    at = 0
    for i in range(n):
        for j in range(i, n):
            g[i, j] = packed[at]
            g[j, i] = packed[at]
            at += 1
    for k in range(n):
        for i in range(n):
            for j in range(i, n):
                dg[k, i, j] = packed[at]
                dg[k, j, i] = packed[at]
                at += 1
    for i in range(n):
        for j in range(i, n):
            for k in range(j, n):
                t[i, j, k] = packed[at]
                t[i, k, j] = packed[at]
                t[j, i, k] = packed[at]
                t[j, k, i] = packed[at]
                t[k, i, j] = packed[at]
                t[k, j, i] = packed[at]
                at += 1
    return at


def acceleration(
    field: Field,
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
    """Fill ``out[:, 0]`` with the acceleration at (x, v), and g; False when it has none."""
    n = x.shape[0]
    field(x, packed)
    unpack_first(packed, g, dg, t)
    for k in range(n):
        total = 0.0
        for i in range(n):
            for j in range(n):
                total += v[i] * v[j] * (dg[i, j, k] - 0.5 * dg[k, i, j] - 0.5 * alpha * t[i, j, k])
        out[k, 0] = -total
        for j in range(n):
            scratch[k, j] = g[k, j]
    good = eliminate(scratch, out)
    for k in range(n):
        if not abs(out[k, 0]) < 1e200:
            good = False
    return good


def acceleration_jacobian(
    field: Field,
    x: Vector,
    v: Vector,
    alpha: float,
    packed: Vector,
    g: Vector,
    dg: Vector,
    t: Vector,
    ddg: Vector,
    dt: Vector,
    scratch: Vector,
    out: Vector,
) -> bool:
    """Fill ``out`` with [a, da/dx, da/dv], shape (n, 1 + 2n), and g; False when singular."""
    n = x.shape[0]
    field(x, packed)
    at = unpack_first(packed, g, dg, t)
    for k in range(n):
        for m in range(k, n):
            for i in range(n):
                for j in range(i, n):
                    value = packed[at]
                    ddg[k, m, i, j] = value
                    ddg[m, k, i, j] = value
                    ddg[k, m, j, i] = value
                    ddg[m, k, j, i] = value
                    at += 1
    if alpha != 0.0:
        for m in range(n):
            for i in range(n):
                for j in range(i, n):
                    for k in range(j, n):
                        value = packed[at]
                        dt[m, i, j, k] = value
                        dt[m, i, k, j] = value
                        dt[m, j, i, k] = value
                        dt[m, j, k, i] = value
                        dt[m, k, i, j] = value
                        dt[m, k, j, i] = value
                        at += 1
    half = 0.5 * alpha
    column = np.empty(n)
    for k in range(n):
        total = 0.0
        for i in range(n):
            for j in range(n):
                total += v[i] * v[j] * (dg[i, j, k] - 0.5 * dg[k, i, j] - half * t[i, j, k])
        out[k, 0] = -total
        for j in range(n):
            scratch[k, j] = g[k, j]
        for m in range(n):
            by_x = 0.0
            by_v = 0.0
            for j in range(n):
                by_v += v[j] * (dg[m, j, k] + dg[j, m, k] - dg[k, m, j] - alpha * t[m, j, k])
                for i in range(n):
                    term = ddg[m, i, j, k] - 0.5 * ddg[m, k, i, j]
                    if alpha != 0.0:
                        term -= half * dt[m, i, j, k]
                    by_x += v[i] * v[j] * term
            out[k, 1 + m] = -by_x
            out[k, 1 + n + m] = -by_v
    # The inverse serves twice: the derivative of g a = -F in x needs the value of a.
    inverse = np.empty((n, n))
    for k in range(n):
        for j in range(n):
            inverse[k, j] = 1.0 if k == j else 0.0
    good = eliminate(scratch, inverse)
    for m in range(1 + 2 * n):
        for k in range(n):
            column[k] = out[k, m]
            if 0 < m <= n:
                for j in range(n):
                    column[k] -= dg[m - 1, k, j] * out[j, 0]
        for k in range(n):
            total = 0.0
            for j in range(n):
                total += inverse[k, j] * column[j]
            out[k, m] = total
            if not abs(total) < 1e200:
                good = False
    return good
