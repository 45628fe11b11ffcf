"""Several unbounded variables: rules fitted to the mode and the curvature of the log density.

With the mode m and the precision matrix H = L^-T L^-1 of log p at m, every rule uses nodes
x = m + L w. For a normal density, correlated or not, products of Gauss-Hermite rules are exact
for polynomials and equidistant nodes converge like exp(-2 pi^2 / h^2) (Trefethen and Weideman
2014, section 5); with w = sinh t the nodes reach exponential tails. Where no product rule is
affordable, scrambled Sobol points (Owen 1998) with a Student t proposal give fewer digits, and an
error from independent scramblings.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence

import numpy as np

__all__ = ["gauss_hermite", "newton_mode", "random_nodes", "sinh_grid", "whitened_grid"]

Level = Callable[[np.ndarray], np.ndarray]
Nodes = tuple[np.ndarray, np.ndarray]
_FREEDOM = 6.0
_SCRAMBLINGS = 8


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


def gauss_hermite(d: int, order: int) -> Nodes:
    """Nodes (d, N) and log weights, against dw, of a product of Gauss-Hermite rules."""
    line, weights = np.polynomial.hermite_e.hermegauss(order)
    # The weight function moves into the logarithms: they multiply a density.
    logs = np.log(weights) + line**2 / 2
    grids = np.meshgrid(*[line] * d, indexing="ij")
    nodes = np.array([g.ravel() for g in grids])
    return nodes, np.array([g.ravel() for g in np.meshgrid(*[logs] * d, indexing="ij")]).sum(axis=0)


def sinh_grid(d: int, steps: int, reach: float, chunk: int = 1 << 17) -> Iterator[Nodes]:
    """Chunks of nodes w = sinh t (d, N) and log weights; t has ``steps`` nodes per unit."""
    t = np.arange(-round(reach * steps), round(reach * steps) + 1) / steps
    line, logs = np.sinh(t), np.log(np.cosh(t) / steps)
    inner = max(1, min(d, int(np.log(chunk) / np.log(t.size))))
    grids = np.meshgrid(*[np.arange(t.size)] * inner, indexing="ij")
    inside = np.array([g.ravel() for g in grids])
    for outer in itertools.product(range(t.size), repeat=d - inner):
        fixed = np.repeat(np.array(outer, dtype=int)[:, None], inside.shape[1], 1)
        index = np.concatenate([fixed, inside])
        yield line[index], logs[index].sum(axis=0)


def random_nodes(d: int, power: int) -> Iterator[Nodes]:
    """Scramblings of 2^power Sobol points as Student t variables, and log weights against dw."""
    from scipy.special import gammaincinv, gammaln, ndtri
    from scipy.stats import qmc

    nu = _FREEDOM
    constant = gammaln((nu + d) / 2) - gammaln(nu / 2) - d / 2 * np.log(nu * np.pi)
    for seed in range(_SCRAMBLINGS):
        u = qmc.Sobol(d + 1, seed=np.random.default_rng(seed)).random_base2(power)
        u = np.clip(u, 1e-12, 1 - 1e-12)
        # A t variable is a normal one over the root of an independent chi square over nu.
        chi = 2 * gammaincinv(nu / 2, u[:, d]) / nu
        w = (ndtri(u[:, :d]) / np.sqrt(chi)[:, None]).T
        logs = (nu + d) / 2 * np.log1p((w**2).sum(axis=0) / nu) - constant
        yield w, logs - power * np.log(2.0)
