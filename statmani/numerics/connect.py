"""One geodesic between two points with its error estimate; the core of log and distance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from statmani.errors import InvalidManifold
from statmani.kernels import compiled
from statmani.numerics.path import Path, from_collocation
from statmani.numerics.prepared import Prepared, gauss

__all__ = ["REASONS", "Connection", "connect_points", "connect_rows", "require_definite"]

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
    "outside": "the geodesic in these coordinates leaves the domain",
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
    velocity, end_velocity : ndarray, shape (n,)
        At the start and at the end, in unconstrained coordinates.
    velocity_error : float
        Estimated error of either, in the metric there.
    path : Path or None
    """

    status: str
    distance: float
    distance_error: float
    velocity: Floats
    end_velocity: Floats
    velocity_error: float
    path: Path | None

    def reversed(self) -> Connection:
        """The same geodesic from the other end."""
        return replace(
            self,
            velocity=-self.end_velocity,
            end_velocity=-self.velocity,
            path=None if self.path is None else self.path.reversed(),
        )


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
    return Connection(status, nan, nan, np.full(n, nan), np.full(n, nan), nan, None)


def connect_rows(
    kernels: Prepared, p: Floats, q: Floats, alpha: float, rtol: float, keep_path: bool = False
) -> list[Connection]:
    """:func:`connect_points` for rows of points in the manifold's coordinates."""
    x0 = kernels.to_chart(p)
    x1 = kernels.to_chart(q)
    w = kernels.displacement(p, q)
    rounding = kernels.rounding(p, q)
    results = []
    for k in range(p.shape[0]):
        common = (alpha, rtol, float(rounding[k]), keep_path)
        found = connect_points(kernels, x0[k], w[k], *common)
        if found.status in ("no path", "mesh"):
            # The unknowns are offsets from the start, and one end may suit them better.
            back = connect_points(kernels, x1[k], -w[k], *common)
            found = found if back.status != "converged" else back.reversed()
        results.append(found)
    return results


def connect_points(
    kernels: Prepared,
    x0: Floats,
    w: Floats,
    alpha: float,
    rtol: float,
    input_rounding: float,
    keep_path: bool,
) -> Connection:
    """The alpha-geodesic from x0 to x0 + w in unconstrained coordinates.

    The same path is solved on a mesh and on its halved mesh. The finer one is returned; the
    difference, plus a bound of rounding from the sum of the absolute values of the terms of
    the energy and from the rounding of both points, is the error estimate.
    """
    n = kernels.dim
    if not w.any():
        zero = np.zeros(n)
        still = Path(x0, np.array([0.0, 1.0]), np.zeros((1, 1, 2 * n)))
        return Connection("converged", 0.0, 0.0, zero, zero, 0.0, still if keep_path else None)
    solver = compiled.boundary_solver()
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
        *gauss(),
    )
    if found[0] != 0:
        return _failed("no path" if found[0] == 1 else "mesh", n)
    best = _measure(solver, kernels, x0, found)
    for _ in range(4):
        finer = _refined(solver, kernels, x0, found, alpha)
        if finer is None:
            return _failed("accuracy", n)
        current = _measure(solver, kernels, x0, finer)
        ends = np.stack([x0, x0 + w])
        change = [current[2] - best[2], current[3] - best[3]]
        speed_error = _largest_norm(kernels, ends, change)
        speed = _largest_norm(kernels, ends, current[2:])
        error = abs(current[0] - best[0])
        found, best = finer, current
        if error <= rtol * best[0] and speed_error <= max(rtol, 1e-12) * speed:
            # Near pairs move together when rounded.
            rounding = input_rounding * min(1.0, best[0]) + 2.0 * _EPS * (1.0 + best[1]) * best[0]
            keep = keep_path or bool(kernels.manifold.domain.constraints)
            path = from_collocation(x0, *found[1:]) if keep else None
            if path is not None and not kernels.stays_inside(path):
                return _failed("outside", n)
            return Connection(
                "converged",
                best[0],
                error + rounding,
                best[2],
                best[3],
                speed_error + rounding * max(1.0, speed / best[0]),
                path,
            )
    return _failed("accuracy", n)


def _largest_norm(kernels: Prepared, points: Floats, vectors: Sequence[Floats]) -> float:
    g = kernels.metric(points)
    squares = (max(0.0, float(v @ g[k] @ v)) for k, v in enumerate(vectors))
    return math.sqrt(max(squares))


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


def _measure(
    solver: Any, kernels: Prepared, x0: Floats, found: Any
) -> tuple[float, float, Floats, Floats]:
    # Distance, condition of its sum, velocities at both ends.
    tables = gauss()
    twice, absolute, _ = solver.path_energy(
        kernels.second, x0, *found[1:], tables[0], tables[1], tables[3], tables[4]
    )
    _, knots, _, v, acc = found
    distance = math.sqrt(max(twice, 0.0))
    condition = absolute / twice if twice > 0 else 1.0
    last = v[-1] + (knots[-1] - knots[-2]) * (tables[1] @ acc[-1])
    return distance, condition, v[0].copy(), last
