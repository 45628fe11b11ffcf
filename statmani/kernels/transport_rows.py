"""Parallel transport along many piecewise polynomial paths, by Gauss collocation.

Plain Python in the subset that numba compiles. The paths are those of
:mod:`statmani.kernels.path_rows`; dV^k/dt = -Gamma^k_ij x'^i V^j (do Carmo 1992, section 2.2) is
solved for all unit vectors on elements of a few steps each, which are halved until two meshes
agree. Components refer to orthonormal frames where the metric is positive definite: coordinate
vectors may be so close to parallel that their components grow and cancel.
"""

import numpy as np
from numpy.typing import NDArray

from statmani.kernels.charts import PointMap
from statmani.kernels.contract import Field, eliminate, unpack_first
from statmani.kernels.path_rows import locate

__all__ = ["slopes", "transport_rows"]

Vector = NDArray[np.float64]
Integers = NDArray[np.int64]

# Steps of a path that make an element at first.
_MERGED = 4


def _cholesky(g: Vector, lower: Vector) -> bool:
    """Fill L with L L^T = g; False where g is not positive definite."""
    n = g.shape[0]
    for j in range(n):
        for i in range(n):
            lower[j, i] = 0.0
    for j in range(n):
        for i in range(j, n):
            total = g[i, j]
            for k in range(j):
                total -= lower[i, k] * lower[j, k]
            if i == j:
                if not (total > 0.0 and total < np.inf):
                    return False
                lower[j, j] = np.sqrt(total)
            else:
                lower[i, j] = total / lower[j, j]
    return True


def _whiten(lower: Vector, matrix: Vector) -> None:
    """Replace X by L^-1 X L^-T."""
    n = lower.shape[0]
    for j in range(n):
        for i in range(n):
            for k in range(i):
                matrix[i, j] -= lower[i, k] * matrix[k, j]
            matrix[i, j] /= lower[i, i]
    for j in range(n):
        for i in range(n):
            for k in range(i):
                matrix[j, i] -= lower[i, k] * matrix[j, k]
            matrix[j, i] /= lower[i, i]


def frame(
    field: Field, x: Vector, framed: bool, packed: Vector, g: Vector, dg: Vector, t: Vector,
    lower: Vector,
) -> bool:  # fmt: skip
    """Fill L with L L^T = g at a point, or the unit matrix; False where there is none."""
    field(x, packed)
    unpack_first(packed, g, dg, t)
    if framed:
        return _cholesky(g, lower)
    for i in range(x.shape[0]):
        for j in range(x.shape[0]):
            lower[i, j] = 1.0 if i == j else 0.0
    return True


def slope(
    field: Field, x: Vector, v: Vector, alpha: float, framed: bool, packed: Vector, g: Vector,
    dg: Vector, t: Vector, lower: Vector, out: Vector,
) -> bool:  # fmt: skip
    """Fill ``out`` with what turns components of transported vectors; False where there is none.

    In coordinates -Gamma^k_ij v^i. In the frames L^-T, in which the metric is 1, with
    F_kj = Gamma_{ij,k} v^i it is -L^-1 F L^-T + (L^-1 L')^T, where L^-1 L' is the lower triangle,
    with half of the diagonal, of L^-1 g' L^-T.
    """
    n = x.shape[0]
    field(x, packed)
    unpack_first(packed, g, dg, t)
    for k in range(n):
        for j in range(n):
            total = 0.0
            for i in range(n):
                first = dg[i, j, k] + dg[j, i, k] - dg[k, i, j] - alpha * t[i, j, k]
                total += 0.5 * v[i] * first
            out[k, j] = -total
    if not framed:
        return eliminate(g, out)
    if not _cholesky(g, lower):
        return False
    for i in range(n):
        for j in range(n):
            total = 0.0
            for k in range(n):
                total += v[k] * dg[k, i, j]
            g[i, j] = total
    _whiten(lower, out)
    _whiten(lower, g)
    for i in range(n):
        out[i, i] += 0.5 * g[i, i]
        for j in range(i + 1, n):
            out[i, j] += g[i, j]
    return True


def slopes(
    field: Field, x: Vector, v: Vector, alpha: float, framed: bool, frames: Vector, out: Vector
) -> bool:
    """What :func:`frame` and :func:`slope` fill, for rows; False where one of them fails."""
    count, n = x.shape
    packed = np.empty(n * (n + 1) // 2 * (1 + n) + n * (n + 1) * (n + 2) // 6)
    g = np.empty((n, n))
    dg = np.empty((n, n, n))
    t3 = np.empty((n, n, n))
    good = True
    for k in range(count):
        good = good and slope(
            field, x[k], v[k], alpha, framed, packed, g, dg, t3, frames[k], out[k]
        )
        good = good and frame(field, x[k], framed, packed, g, dg, t3, frames[k])
    return good


def _agree(new: Vector, old: Vector, start: Vector, end: Vector, rtol: float) -> bool:
    # In units of 1/sqrt g_ii at both ends, so that units of measurement do not matter.
    n = new.shape[0]
    worst = 0.0
    size = 0.0
    for i in range(n):
        for j in range(n):
            unit = end[i] / start[j]
            worst = max(worst, abs(new[i, j] - old[i, j]) * unit)
            size = max(size, abs(new[i, j]) * unit)
    return worst <= rtol * size


def transport_rows(
    chart: PointMap, field: Field, x0: Vector, firsts: Integers, ends: Vector, series: Vector,
    alpha: float, rtol: float, halvings: int, nodes: Vector, b: Vector, a: Vector, result: Vector,
    statuses: Integers,
) -> None:  # fmt: skip
    """Fill result[k], the matrix of transport along row k in the manifold's coordinates.

    ``nodes``, ``b`` and ``a`` are the collocation method; statuses[k] is 0, or 1 where meshes do
    not come to agree.
    """
    n, s = x0.shape[1], nodes.shape[0]
    packed = np.empty(n * (n + 1) // 2 * (1 + n) + n * (n + 1) * (n + 2) // 6)
    g = np.empty((n, n))
    dg = np.empty((n, n, n))
    t3 = np.empty((n, n, n))
    turning = np.empty((s, n, n))
    lower = np.empty((n, n))
    units = np.empty((2, n))
    system = np.empty((s * n, s * n))
    stages = np.empty((s * n, n))
    step = np.empty((n, n))
    total = np.empty((n, n))
    before = np.empty((n, n))
    other = np.empty((n, n))
    state = np.empty(2 * n)
    point = np.empty(n)
    basis = np.empty(max(2, series.shape[1]))
    out = np.empty(n + n * n)
    for k in range(x0.shape[0]):
        first, last = firsts[k], firsts[k + 1]
        statuses[k] = 1
        for i in range(n):
            for j in range(n):
                result[k, i, j] = np.nan
        if first == last:
            statuses[k] = 0
            continue
        # Frames where the metric is positive definite, else the coordinates as they are.
        framed = True
        for side in range(2):
            time = 0.0 if side == 0 else ends[last - 1]
            locate(x0[k], first, last, ends, series, time, basis, state)
            framed = framed and frame(field, state[:n], True, packed, g, dg, t3, lower)
            for i in range(n):
                units[side, i] = 1.0 if framed else np.sqrt(abs(g[i, i]))
        if not framed:
            for side in range(2):
                time = 0.0 if side == 0 else ends[last - 1]
                locate(x0[k], first, last, ends, series, time, basis, state)
                frame(field, state[:n], False, packed, g, dg, t3, lower)
                for i in range(n):
                    units[side, i] = np.sqrt(abs(g[i, i]))
        good = True
        for level in range(halvings):
            parts = 1 << level
            for i in range(n):
                for j in range(n):
                    total[i, j] = 1.0 if i == j else 0.0
            for group in range(first, last, _MERGED):
                begin = ends[group - 1] if group > first else 0.0
                h = (ends[min(group + _MERGED, last) - 1] - begin) / parts
                for part in range(parts):
                    for c in range(s):
                        time = begin + h * (part + nodes[c])
                        locate(x0[k], first, last, ends, series, time, basis, state)
                        for i in range(n):
                            point[i] = state[i]
                        good = good and slope(
                            field, point, state[n:], alpha, framed, packed, g, dg, t3, lower,
                            turning[c],
                        )  # fmt: skip
                    for c in range(s):
                        for i in range(n):
                            for j in range(n):
                                stages[c * n + i, j] = turning[c, i, j]
                                for d in range(s):
                                    diagonal = 1.0 if c == d and i == j else 0.0
                                    system[c * n + i, d * n + j] = (
                                        diagonal - h * a[c, d] * turning[c, i, j]
                                    )
                    good = good and eliminate(system, stages)
                    for i in range(n):
                        for j in range(n):
                            step[i, j] = 1.0 if i == j else 0.0
                            for c in range(s):
                                step[i, j] += h * b[c] * stages[c * n + i, j]
                    for i in range(n):
                        for j in range(n):
                            other[i, j] = 0.0
                            for m in range(n):
                                other[i, j] += step[i, m] * total[m, j]
                    for i in range(n):
                        for j in range(n):
                            total[i, j] = other[i, j]
            if not good:
                break
            if level > 0 and _agree(total, before, units[0], units[1], rtol):
                statuses[k] = 0
                break
            for i in range(n):
                for j in range(n):
                    before[i, j] = total[i, j]
        if statuses[k] != 0:
            continue
        # J(end) L(end)^-T total L(start)^T J(start)^-1
        locate(x0[k], first, last, ends, series, 0.0, basis, state)
        frame(field, state[:n], framed, packed, g, dg, t3, lower)
        chart(state[:n], out)
        for i in range(n):
            for j in range(n):
                g[i, j] = out[n + i * n + j]
                other[i, j] = 1.0 if i == j else 0.0
        if not eliminate(g, other):
            statuses[k] = 1
            continue
        for i in range(n):
            for j in range(n):
                before[i, j] = 0.0
                for m in range(i, n):
                    before[i, j] += lower[m, i] * other[m, j]
        locate(x0[k], first, last, ends, series, ends[last - 1], basis, state)
        frame(field, state[:n], framed, packed, g, dg, t3, lower)
        chart(state[:n], out)
        for j in range(n):
            for i in range(n):
                step[i, j] = 0.0
                for m in range(n):
                    step[i, j] += total[i, m] * before[m, j]
            for i in range(n - 1, -1, -1):
                for m in range(i + 1, n):
                    step[i, j] -= lower[m, i] * step[m, j]
                step[i, j] /= lower[i, i]
        for i in range(n):
            for j in range(n):
                result[k, i, j] = 0.0
                for m in range(n):
                    result[k, i, j] += out[n + i * n + m] * step[m, j]
