"""Maximum likelihood for many samples at once, given the functions of a family.

Plain Python in the subset that numba compiles; :mod:`statmani.kernels.cache` copies this file.
Newton's method in unconstrained coordinates, damped as Levenberg (1944) and Marquardt (1963) do
where the likelihood is not concave, with step halving. No metric is used, so a wrong metric
cannot disturb the estimates that test it.

A family supplies ``statistics(data, sums)``, ``total(theta, sums, data, out)`` (log-likelihood,
score, upper triangle of the Hessian), ``point(u, theta)`` and ``derivative(u, jacobian)``; `data`
has shape (n, m). Samples in an array have shape (R, n, m).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["evaluate", "maximise"]

Values = NDArray[np.float64]
Chart = Callable[[Values, Values], None]
Total = Callable[[Values, Values, Values, Values], None]


def solve(matrix: Values, vector: Values, damping: float, factor: Values, step: Values) -> bool:
    """Cholesky solution of (matrix + damping * diagonal) step = vector; False if not definite."""
    n = vector.shape[0]
    for i in range(n):
        for j in range(i + 1):
            value = matrix[i, j]
            if i == j:
                value += damping * (abs(matrix[i, i]) + 1e-8 + abs(vector[i]))
            for k in range(j):
                value -= factor[i, k] * factor[j, k]
            if i == j:
                if not value > 1e-13 * abs(matrix[i, i]) or not value < 1e300:
                    return False
                factor[i, i] = np.sqrt(value)
            else:
                factor[i, j] = value / factor[j, j]
    for i in range(n):
        value = vector[i]
        for k in range(i):
            value -= factor[i, k] * step[k]
        step[i] = value / factor[i, i]
    for i in range(n - 1, -1, -1):
        value = step[i]
        for k in range(i + 1, n):
            value -= factor[k, i] * step[k]
        step[i] = value / factor[i, i]
    return True


def unpack(out: Values, jacobian: Values, gradient: Values, hessian: Values) -> None:
    """Gradient and minus the Hessian in unconstrained coordinates (up to terms of the score)."""
    n = gradient.shape[0]
    for a in range(n):
        value = 0.0
        for i in range(n):
            value += jacobian[i, a] * out[1 + i]
        gradient[a] = value
        for b in range(a + 1):
            value = 0.0
            for i in range(n):
                for j in range(n):
                    low, high = min(i, j), max(i, j)
                    index = 1 + n + low * n - low * (low - 1) // 2 + high - low
                    value -= jacobian[i, a] * out[index] * jacobian[j, b]
            hessian[a, b] = value
            hessian[b, a] = value


def copy(source: Values, target: Values) -> None:
    """Overwrite a vector."""
    for a in range(source.shape[0]):
        target[a] = source[a]


def norm(u: Values) -> float:
    """Largest absolute entry."""
    value = 0.0
    for a in range(u.shape[0]):
        value = max(value, abs(u[a]))
    return value


def maximise(
    statistics: Chart,
    total: Total,
    point: Chart,
    derivative: Chart,
    data: Values,
    start: Values,
    count: int,
    tolerance: float,
    limit: int,
    estimates: Values,
    outcomes: Values,
    status: NDArray[np.int64],
) -> None:
    """Maximise the likelihood of every data[r]; status 0 converged, 1 not, 2 no ascent."""
    n = start.shape[0]
    u, trial, gradient, step = np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    theta, sums = np.empty(n), np.empty(count)
    hessian, factor, jacobian = np.empty((n, n)), np.empty((n, n)), np.empty((n, n))
    size = outcomes.shape[1]
    current, proposed = np.empty(size), np.empty(size)
    for r in range(data.shape[0]):
        statistics(data[r], sums)
        copy(start, u)
        point(u, theta)
        total(theta, sums, data[r], current)
        status[r] = 1
        damping = 0.0
        for _ in range(limit):
            derivative(u, jacobian)
            unpack(current, jacobian, gradient, hessian)
            solved = solve(hessian, gradient, damping, factor, step)
            while not solved and damping < 1e12:
                damping = max(10.0 * damping, 1e-2)
                solved = solve(hessian, gradient, damping, factor, step)
            decrement, length, settled = 0.0, 0.0, True
            for a in range(n):
                # A step below the spacing of doubles cannot be improved on.
                gain = abs(step[a] * gradient[a])
                settled = settled and (gain < tolerance or abs(step[a]) <= 4.5e-16 * abs(u[a]))
                decrement += step[a] * gradient[a]
                length = max(length, abs(step[a]))
            if not solved or not decrement >= 0.0:
                status[r] = 2
                break
            scale = 1.0
            accepted = False
            slack = 1e-11 * (1.0 + abs(current[0]))
            for _ in range(40):
                for a in range(n):
                    trial[a] = u[a] + scale * step[a]
                point(trial, theta)
                total(theta, sums, data[r], proposed)
                if proposed[0] >= current[0] - slack and abs(proposed[0]) < 1e300:
                    accepted = True
                    break
                scale *= 0.5
            if not accepted:
                status[r] = 0 if decrement < tolerance and damping == 0.0 else 2
                break
            copy(trial, u)
            copy(proposed, current)
            small = decrement < tolerance and length < 1e-2 * (1.0 + norm(u))
            if damping == 0.0 and (small or settled):
                status[r] = 0
                break
            damping = 0.0 if scale == 1.0 and damping < 1e-1 else damping * 0.1 / scale
        point(u, theta)
        for a in range(n):
            estimates[r, a] = theta[a]
        for a in range(size):
            outcomes[r, a] = current[a]


def evaluate(
    statistics: Chart, total: Total, data: Values, theta: Values, count: int, outcomes: Values
) -> None:
    """Log-likelihood (without the base measure), score and Hessian of every data[r] at theta."""
    sums = np.empty(count)
    for r in range(data.shape[0]):
        statistics(data[r], sums)
        total(theta, sums, data[r], outcomes[r])
