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
            for j in range(k, n):
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
    # By rows, which lie together in memory.
    for k in range(n - 1, -1, -1):
        inverse = 1.0 / matrix[k, k]
        for j in range(m):
            right[k, j] *= inverse
        for i in range(k):
            factor = matrix[i, k]
            for j in range(m):
                right[i, j] -= factor * right[k, j]
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


def _first_order(
    n: int, packed: Vector, v: Vector, half: float, at: int, dg: Vector, out: Vector
) -> int:
    # Adds F and its derivatives in v to columns of out; every stored component enters once.
    for k in range(n):
        for i in range(n):
            for j in range(i, n):
                value = packed[at]
                at += 1
                dg[k, i, j] = value
                dg[k, j, i] = value
                along = v[k] * value
                out[j, 0] += along * v[i]
                out[j, 1 + n + k] += v[i] * value
                out[j, 1 + n + i] += along
                out[k, 1 + n + i] -= v[j] * value
                if i == j:
                    out[k, 0] -= 0.5 * v[i] * v[i] * value
                else:
                    out[i, 0] += along * v[j]
                    out[k, 0] -= v[i] * v[j] * value
                    out[i, 1 + n + k] += v[j] * value
                    out[i, 1 + n + j] += along
                    out[k, 1 + n + j] -= v[i] * value
    if half == 0.0:
        return at + n * (n + 1) * (n + 2) // 6
    for i in range(n):
        for j in range(i, n):
            for k in range(j, n):
                _subtract_cubic(i, j, k, half * packed[at], n, v, out)
                at += 1
    return at


def _subtract_cubic(i: int, j: int, k: int, value: float, n: int, v: Vector, out: Vector) -> None:
    # value v^b v^c for the lower index a, over all distinct orders (a, b, c) of (i, j, k).
    index = (i, j, k)
    for a in range(3):
        if (a > 0 and index[a] == index[0]) or (a > 1 and index[a] == index[1]):
            continue
        b, c = index[(a + 1) % 3], index[(a + 2) % 3]
        row = index[a]
        times = 1.0 if b == c else 2.0
        out[row, 0] -= times * value * v[b] * v[c]
        out[row, 1 + n + b] -= 2.0 * value * v[c]
        if b != c:
            out[row, 1 + n + c] -= 2.0 * value * v[b]


def _second_order(n: int, packed: Vector, v: Vector, half: float, at: int, out: Vector) -> None:
    # Adds the derivatives of F in x.
    for p in range(n):
        for q in range(p, n):
            for i in range(n):
                for j in range(i, n):
                    value = packed[at]
                    at += 1
                    square = v[i] * v[j] * value * (0.5 if i == j else 1.0)
                    out[p, 1 + q] -= square
                    out[j, 1 + p] += v[q] * v[i] * value
                    if i != j:
                        out[i, 1 + p] += v[q] * v[j] * value
                    if p != q:
                        out[q, 1 + p] -= square
                        out[j, 1 + q] += v[p] * v[i] * value
                        if i != j:
                            out[i, 1 + q] += v[p] * v[j] * value
    if half == 0.0:
        return
    for m in range(n):
        for i in range(n):
            for j in range(i, n):
                for k in range(j, n):
                    value = half * packed[at]
                    at += 1
                    out[k, 1 + m] -= value * v[i] * v[j] * (1.0 if i == j else 2.0)
                    if i != k:
                        out[i, 1 + m] -= value * v[j] * v[k] * (1.0 if j == k else 2.0)
                    if j != i and j != k:
                        out[j, 1 + m] -= value * v[i] * v[k] * 2.0


def acceleration_jacobian(
    field: Field,
    x: Vector,
    v: Vector,
    alpha: float,
    packed: Vector,
    g: Vector,
    dg: Vector,
    scratch: Vector,
    out: Vector,
) -> bool:
    """Fill ``out`` with [a, da/dx, da/dv], shape (n, 1 + 2n), and g; False when singular.

    ``scratch`` has 2n + 1 rows.
    """
    n = x.shape[0]
    width = 1 + 2 * n
    field(x, packed)
    at = 0
    for i in range(n):
        for j in range(i, n):
            g[i, j] = packed[at]
            g[j, i] = packed[at]
            scratch[i, j] = packed[at]
            scratch[j, i] = packed[at]
            at += 1
    for i in range(n):
        for j in range(width):
            out[i, j] = 0.0
    half = 0.5 * alpha
    at = _first_order(n, packed, v, half, at, dg, out)
    _second_order(n, packed, v, half, at, out)
    # The derivative of g a = -F in x needs the value of a: two passes with one inverse.
    inverse = scratch[n : 2 * n]
    for k in range(n):
        for j in range(n):
            inverse[k, j] = -1.0 if k == j else 0.0
    good = eliminate(scratch[:n], inverse)
    column = scratch[2 * n]
    for m in range(width):
        for k in range(n):
            column[k] = out[k, m]
            if 0 < m <= n:
                for j in range(n):
                    column[k] += dg[m - 1, k, j] * out[j, 0]
        for k in range(n):
            total = 0.0
            for j in range(n):
                total += inverse[k, j] * column[j]
            out[k, m] = total
            if not abs(total) < 1e200:
                good = False
    return good
