"""Parallel transport along many piecewise polynomial paths, by Gauss collocation.

Plain Python in the subset that numba compiles. The paths are those of
:mod:`statmani.kernels.path_rows`; dV^k/dt = -Gamma^k_ij x'^i V^j (do Carmo 1992, section 2.2) is
solved for all unit vectors on elements of a few steps each, which are halved until two meshes
agree.
"""

import numpy as np
from numpy.typing import NDArray

from statmani.kernels.charts import PointMap
from statmani.kernels.contract import Field, eliminate, unpack_first
from statmani.kernels.path_rows import locate

__all__ = ["transport_rows"]

Vector = NDArray[np.float64]
Integers = NDArray[np.int64]

# Steps of a path that make an element at first.
_MERGED = 4


def _slope(
    field: Field, x: Vector, v: Vector, alpha: float, packed: Vector, g: Vector, dg: Vector,
    t: Vector, out: Vector,
) -> bool:  # fmt: skip
    """Fill out[k, j] = -Gamma^k_ij v^i; False where the metric is singular."""
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
    return eliminate(g, out)


def _units(field: Field, x: Vector, packed: Vector, g: Vector, dg: Vector, t: Vector) -> Vector:
    field(x, packed)
    unpack_first(packed, g, dg, t)
    result = np.empty(x.shape[0])
    for i in range(x.shape[0]):
        result[i] = np.sqrt(abs(g[i, i]))
    return result


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
    slopes = np.empty((s, n, n))
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
        locate(x0[k], first, last, ends, series, 0.0, basis, state)
        start_units = _units(field, state[:n], packed, g, dg, t3)
        chart(state[:n], out)
        start_jacobian = out[n:].copy()
        locate(x0[k], first, last, ends, series, ends[last - 1], basis, state)
        end_units = _units(field, state[:n], packed, g, dg, t3)
        chart(state[:n], out)
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
                        good = good and _slope(
                            field, point, state[n:], alpha, packed, g, dg, t3, slopes[c]
                        )
                    for c in range(s):
                        for i in range(n):
                            for j in range(n):
                                stages[c * n + i, j] = slopes[c, i, j]
                                for d in range(s):
                                    diagonal = 1.0 if c == d and i == j else 0.0
                                    system[c * n + i, d * n + j] = (
                                        diagonal - h * a[c, d] * slopes[c, i, j]
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
            if level > 0 and _agree(total, before, start_units, end_units, rtol):
                statuses[k] = 0
                break
            for i in range(n):
                for j in range(n):
                    before[i, j] = total[i, j]
        if statuses[k] != 0:
            continue
        # J(end) total J(start)^-1
        for i in range(n):
            for j in range(n):
                g[i, j] = start_jacobian[i * n + j]
                other[i, j] = 1.0 if i == j else 0.0
        if not eliminate(g, other):
            statuses[k] = 1
            continue
        for i in range(n):
            for j in range(n):
                step[i, j] = 0.0
                for m in range(n):
                    step[i, j] += total[i, m] * other[m, j]
        for i in range(n):
            for j in range(n):
                result[k, i, j] = 0.0
                for m in range(n):
                    result[k, i, j] += out[n + i * n + m] * step[m, j]
