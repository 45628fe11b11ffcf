"""How much of an acceleration is rounding error, seen in its second differences.

Plain Python in the subset that numba compiles. Over steps far below every scale of the tensors,
but far above the spacing of doubles, the second difference of a smooth function vanishes beside
its values; what is left is the noise of its evaluation (Hamming 1962, on difference tables).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from statmani.kernels.contract import Field

__all__ = ["acceleration_noise"]

Vector = NDArray[np.float64]
_STEP = 3e-8


def acceleration_noise(
    accelerate: Callable[..., bool], field: Field, x: Vector, v: Vector, alpha: float
) -> Vector:
    """For rows of states: the noise of the acceleration, and the speed, both in the metric."""
    count, n = x.shape
    packed = np.empty(n * (n + 1) // 2 * (1 + n) + n * (n + 1) * (n + 2) // 6)
    g = np.empty((n, n))
    other = np.empty((n, n))
    dg = np.empty((n, n, n))
    t = np.empty((n, n, n))
    scratch = np.empty((n, n))
    acc = np.empty((n, 1))
    point = np.empty(n)
    middle = np.empty(n)
    result = np.zeros((count, 2))
    for r in range(count):
        for i in range(n):
            point[i] = x[r, i]
        if not accelerate(field, point, v[r], alpha, packed, g, dg, t, scratch, acc):
            result[r, 0] = np.inf
            continue
        for i in range(n):
            middle[i] = acc[i, 0]
        speed = 0.0
        for i in range(n):
            for j in range(n):
                speed += v[r, i] * g[i, j] * v[r, j]
        result[r, 1] = np.sqrt(abs(speed))
        for side in range(2):
            for i in range(n):
                unit = 1.0 / np.sqrt(abs(g[i, i])) if abs(g[i, i]) > 1.0 else 1.0
                # Steps of different lengths, and of both signs beside each other.
                size = _STEP * unit * (1.0 + 0.37 * i)
                point[i] = x[r, i] + (size if (i + side) % 2 == 0 else -size)
            if not accelerate(field, point, v[r], alpha, packed, other, dg, t, scratch, acc):
                result[r, 0] = np.inf
            for i in range(n):
                middle[i] -= 0.5 * acc[i, 0]
        square = 0.0
        for i in range(n):
            for j in range(n):
                square += middle[i] * g[i, j] * middle[j]
        result[r, 0] = max(result[r, 0], 2.0 * np.sqrt(abs(square)))
    return result
