"""Values of many piecewise polynomial paths at once.

Plain Python in the subset that numba compiles. Paths are rows: ``firsts[k]`` is the first step of
row k (``firsts[-1]`` their number), ``ends`` the times at the ends of steps, a row starting at 0,
and ``series[step, degree]`` the Legendre coefficients of offset and velocity on a step.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["line_integrals", "locate", "sample_rows", "sample_steps"]

Vector = NDArray[np.float64]
Integers = NDArray[np.int64]
# d / (d + 1): divisions would take longest.
_PART = np.array([d / (d + 1.0) for d in range(32)])


def _basis(xi: float, out: Vector) -> None:
    """Legendre polynomials at xi, by their recurrence (Abramowitz and Stegun 1964, 22.7.10)."""
    out[0] = 1.0
    out[1] = xi
    for d in range(1, out.shape[0] - 1):
        weight = _PART[d]
        out[d + 1] = xi * out[d] + weight * (xi * out[d] - out[d - 1])


def _combine(coefficients: Vector, basis: Vector, out: Vector) -> None:
    count, width = coefficients.shape
    for i in range(width):
        out[i] = coefficients[0, i]
    for d in range(1, count):
        for i in range(width):
            out[i] += basis[d] * coefficients[d, i]


def sample_steps(x0: Vector, firsts: Integers, series: Vector, xi: Vector) -> tuple[Vector, Vector]:
    """Points and velocities at the same places in [-1, 1] of every step, one row for each."""
    n, count = x0.shape[1], xi.shape[0]
    x = np.empty((series.shape[0] * count, n))
    v = np.empty((series.shape[0] * count, n))
    out = np.empty(2 * n)
    basis = np.empty((count, max(2, series.shape[1])))
    for c in range(count):
        _basis(xi[c], basis[c])
    for k in range(x0.shape[0]):
        for step in range(firsts[k], firsts[k + 1]):
            for c in range(count):
                _combine(series[step], basis[c], out)
                for i in range(n):
                    x[step * count + c, i] = x0[k, i] + out[i]
                    v[step * count + c, i] = out[n + i]
    return x, v


def locate(
    x0: Vector, first: int, last: int, ends: Vector, series: Vector, time: float, basis: Vector,
    out: Vector,
) -> None:  # fmt: skip
    """Fill ``out`` with point and velocity at a time of the path of steps first to last - 1."""
    # The first step that ends after the time, else the last one.
    low, high = first, last - 1
    while low < high:
        middle = (low + high) // 2
        if ends[middle] > time:
            high = middle
        else:
            low = middle + 1
    start = ends[low - 1] if low > first else 0.0
    _basis(2.0 * (time - start) / (ends[low] - start) - 1.0, basis)
    _combine(series[low], basis, out)
    for i in range(x0.shape[0]):
        out[i] += x0[i]


def sample_rows(
    x0: Vector, firsts: Integers, ends: Vector, series: Vector, times: Vector, x: Vector, v: Vector
) -> None:
    """Points and velocities at times[k, c] of row k, into rows of x and v; NaN where not known."""
    n, count = x0.shape[1], times.shape[1]
    out = np.empty(2 * n)
    basis = np.empty(max(2, series.shape[1]))
    for k in range(x0.shape[0]):
        first, last = firsts[k], firsts[k + 1]
        for c in range(count):
            time = times[k, c]
            if first == last or np.isnan(time):
                for i in range(2 * n):
                    out[i] = np.nan
            else:
                locate(x0[k], first, last, ends, series, time, basis, out)
            for i in range(n):
                x[k * count + c, i] = out[i]
                v[k * count + c, i] = out[n + i]


def line_integrals(
    firsts: Integers, ends: Vector, weights: Vector, squares: Vector, result: Vector
) -> None:
    """Length and energy of rows from squared speeds at Gauss nodes of all steps."""
    count = weights.shape[0]
    for k in range(firsts.shape[0] - 1):
        start = 0.0
        length = 0.0
        energy = 0.0
        for step in range(firsts[k], firsts[k + 1]):
            half = 0.5 * (ends[step] - start)
            start = ends[step]
            for c in range(count):
                square = squares[step * count + c]
                length += half * weights[c] * np.sqrt(abs(square))
                energy += 0.5 * half * weights[c] * square
        result[k, 0] = length
        result[k, 1] = energy
