"""Several real variables with Gaussian-like tails: trapezoidal sums in whitened coordinates.

With the mode m and the precision matrix H = L^-T L^-1 of log p at m, nodes x = m + L t on an
equidistant grid in a ball converge like exp(-2 pi^2 / h^2) for a normal density, correlated or
not (Trefethen and Weideman 2014, section 5).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

__all__ = ["newton_mode", "whitened_grid"]

Level = Callable[[np.ndarray], np.ndarray]


def newton_mode(level: Level, start: Sequence[float]) -> tuple[np.ndarray, np.ndarray] | None:
    """Mode of a log density of several real variables, and L with L L^T = precision^-1.

    ``level`` maps points (d, N) to values (N,). None when no proper maximum is found.
    """
    centre = np.asarray(start, dtype=float)
    d = centre.size
    root = np.eye(d)
    for _ in range(40):
        # Differences in the last whitened coordinates: steps fit the shape of the density.
        step = 1e-2
        units = np.concatenate([np.zeros((1, d)), np.eye(d), -np.eye(d)])
        cross = [
            si * np.eye(d)[i] + sj * np.eye(d)[j]
            for i in range(d)
            for j in range(i)
            for si, sj in ((1, 1), (1, -1), (-1, 1), (-1, -1))
        ]
        t = step * np.concatenate([units, np.array(cross).reshape(-1, d)])
        values = level(centre[:, None] + root @ t.T)
        if not np.isfinite(values).all():
            return None
        gradient = (values[1 : d + 1] - values[d + 1 : 2 * d + 1]) / (2 * step)
        hessian = np.diag((values[1 : d + 1] + values[d + 1 : 2 * d + 1] - 2 * values[0]) / step**2)
        place = 2 * d + 1
        for i in range(d):
            for j in range(i):
                a, b, c, e = values[place : place + 4]
                hessian[i, j] = hessian[j, i] = (a - b - c + e) / (4 * step**2)
                place += 4
        try:
            factor = np.linalg.cholesky(np.linalg.inv(-hessian))
        except np.linalg.LinAlgError:
            return None
        move = factor @ (factor.T @ gradient)
        length = float(np.sqrt(np.sum(move**2)))
        centre = centre + root @ (move * min(1.0, 20.0 / max(length, 1e-300)))
        root = root @ factor
        if length < 1e-3 and np.abs(hessian + np.eye(d)).max() < 1e-2:
            return centre, root
    return None


def whitened_grid(d: int, step: float, reach: float) -> np.ndarray:
    """Grid points (d, N) with spacing ``step`` in a ball."""
    count = int(reach / step)
    line = np.arange(-count, count + 1) * step
    points = np.zeros((0, 1))
    for _ in range(d):
        points = np.concatenate(
            [np.repeat(points, line.size, 1), np.tile(line, points.shape[1])[None]]
        )
        points = points[:, np.sum(points**2, axis=0) <= reach**2]
    return points
