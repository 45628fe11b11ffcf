"""One geodesic between two points with its error estimate; the core of log and distance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from statmani.errors import InvalidManifold
from statmani.kernels import compiled
from statmani.numerics.path import Path, from_collocation
from statmani.numerics.prepared import Prepared, gauss

__all__ = ["REASONS", "Connection", "connect_points", "require_definite"]

Floats = NDArray[np.float64]
_COARSE, _FINE = 1e-3, 1e-6
_EPS = 2.0**-52

#: What a status of the boundary solver means.
REASONS = {
    "converged": "the geodesic was found",
    "no path": "path following from one end to the other stalled: the geodesic leaves the "
    "chart, or none exists",
    "mesh": "the geodesic needs more collocation elements than are allowed",
    "accuracy": "refinement did not reach rtol",
}


@final
@dataclass(frozen=True, eq=False)
class Connection:
    """A geodesic on [0, 1] and what is known of its errors.

    Attributes
    ----------
    status : str
        A key of :data:`REASONS`.
    distance, distance_error : float
        Square root of twice the energy and its absolute error estimate.
    velocity : ndarray, shape (n,)
        At the start, in unconstrained coordinates.
    velocity_error : float
        Metric norm of its estimated error.
    path : Path or None
    """

    status: str
    distance: float
    distance_error: float
    velocity: Floats
    velocity_error: float
    path: Path | None


def require_definite(metrics: Floats, what: str) -> None:
    """Raise InvalidManifold unless all metrics are positive definite up to rounding."""
    diagonal = np.diagonal(metrics, axis1=-2, axis2=-1)
    good = (diagonal > 0).all(axis=-1)
    if good.all():
        unit = np.sqrt(diagonal)
        scaled = metrics / (unit[..., :, None] * unit[..., None, :])
        good = np.linalg.eigvalsh(scaled)[..., 0] > -1e-9
    if not good.all():
        raise InvalidManifold(
            f"the metric is not positive definite at {what}, so it defines no distance. "
            "Use geodesic or exp, which need only a nondegenerate metric."
        )


def _failed(status: str, n: int) -> Connection:
    nan = float("nan")
    return Connection(status, nan, nan, np.full(n, nan), nan, None)


def connect_points(
    kernels: Prepared, x0: Floats, w: Floats, alpha: float, rtol: float, keep_path: bool
) -> Connection:
    """The alpha-geodesic from x0 to x0 + w in unconstrained coordinates.

    The same path is solved on a mesh and on its halved mesh. The finer one is returned; the
    difference, plus a bound of rounding from the sum of the absolute values of the terms of
    the energy, is the error estimate.
    """
    n = kernels.dim
    if not w.any():
        zero = np.zeros(n)
        still = Path(x0, np.array([0.0, 1.0]), np.zeros((1, 1, 2 * n)))
        return Connection("converged", 0.0, 0.0, zero, 0.0, still if keep_path else None)
    solver = compiled.boundary_solver()
    tables = gauss()
    found = solver.connect(
        solver.newton,
        solver.acceleration_jacobian,
        solver.eliminate,
        solver.path_energy,
        solver.remesh,
        kernels.second,
        x0,
        w,
        alpha,
        _COARSE,
        _FINE,
        *tables,
    )
    if found[0] != 0:
        return _failed("no path" if found[0] == 1 else "mesh", n)
    best = _measure(solver, kernels, x0, found)
    for _ in range(4):
        finer = _refined(solver, kernels, x0, found, alpha)
        if finer is None:
            return _failed("accuracy", n)
        current = _measure(solver, kernels, x0, finer)
        g = kernels.metric(x0[None])[0]
        change = current[2] - best[2]
        speed_error = math.sqrt(max(0.0, float(change @ g @ change)))
        speed = math.sqrt(max(0.0, float(current[2] @ g @ current[2])))
        rounding = _EPS * (1.0 + current[1])
        error = abs(current[0] - best[0])
        found, best = finer, current
        if error <= rtol * best[0] and speed_error <= max(rtol, 1e-12) * speed:
            path = from_collocation(x0, *found[1:]) if keep_path else None
            return Connection(
                "converged",
                best[0],
                error + 2.0 * rounding * best[0],
                best[2],
                speed_error + 2.0 * rounding * speed,
                path,
            )
    return _failed("accuracy", n)


def _refined(solver: Any, kernels: Prepared, x0: Floats, found: Any, alpha: float) -> Any:
    tables = gauss()
    _, knots, y, v, acc = found
    halved = np.sort(np.concatenate([knots, 0.5 * (knots[1:] + knots[:-1])]))
    y, v, acc = solver.remesh(knots, halved, y, v, acc, tables[0], tables[5])
    for _ in range(8):
        size = solver.newton(
            solver.acceleration_jacobian,
            solver.eliminate,
            kernels.second,
            x0,
            halved,
            y,
            v,
            acc,
            alpha,
            *tables[:5],
        )
        # Newton converges quadratically: the step after this one is below rounding.
        if size < 1e-8:
            return 0, halved, y, v, acc
    return (0, halved, y, v, acc) if size < 1e-5 else None


def _measure(solver: Any, kernels: Prepared, x0: Floats, found: Any) -> tuple[float, float, Floats]:
    tables = gauss()
    twice, absolute, _ = solver.path_energy(
        kernels.second, x0, *found[1:], tables[0], tables[1], tables[3], tables[4]
    )
    distance = math.sqrt(max(twice, 0.0))
    condition = absolute / twice if twice > 0 else 1.0
    return distance, condition, found[3][0].copy()
