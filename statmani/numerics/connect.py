"""One geodesic between two points with its error estimate; the core of log and distance."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from statmani.errors import InvalidManifold
from statmani.kernels import compiled
from statmani.kernels.mesh import fine_tables
from statmani.kernels.shortening import bending_rule
from statmani.numerics.path import Path, from_collocation
from statmani.numerics.prepared import Prepared, gauss

__all__ = ["REASONS", "Connection", "connect_rows", "require_definite"]

Floats = NDArray[np.float64]
# Collocation nodes on the way to the end point.
_WAY = 4
# Nodes of the energy and of the acceleration of a path on an element.
_FINE = 10
_AT_ONCE = 256
# Degrees of the curves from which Newton starts, and the nodes of their energies.
_BENDS = ((2, 7), (4, 10), (8, 18), (16, 34), (2, 24), (4, 24), (8, 32), (32, 80))

#: What a status of the boundary solver means.
REASONS = {
    "converged": "the geodesic was found",
    "no path": "path following from one end to the other stalled: the geodesic leaves the "
    "chart, or none exists",
    "mesh": "the geodesic needs more collocation elements than are allowed",
    "accuracy": "refinement did not reach rtol",
    "outside": "the geodesic in these coordinates leaves the domain",
    "infimum": "no geodesic: shorter and shorter curves approach a point that the chart lacks",
    "no value": "the metric has no value in double precision at an end point",
}

_STATUSES = tuple(REASONS)


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
    gap : float
        From lengths alone: how far the squared distance can be below that of the path where
        curvature is not positive. Else 0.
    """

    status: str
    distance: float
    distance_error: float
    velocity: Floats
    end_velocity: Floats
    velocity_error: float
    path: Path | None
    gap: float


def require_definite(metrics: Floats, what: str) -> None:
    """Raise InvalidManifold unless all metrics are positive definite up to rounding.

    Those that have no value in double precision do not count.
    """
    metrics = metrics[np.isfinite(metrics).all(axis=(-2, -1))]
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


def connect_rows(
    kernels: Prepared,
    p: Floats,
    q: Floats,
    alpha: float,
    rtol: float,
    keep_path: bool = False,
    length_only: bool = False,
    starts: Floats | None = None,
    turns: Floats | None = None,
) -> list[Connection]:
    """The alpha-geodesics between rows of points in the manifold's coordinates.

    ``starts``, shape (N, a, n), are curves to start from instead of straight lines, as in
    :func:`statmani.kernels.shortening.shorten`. ``turns``, shape (N, n), are how often they go
    round circles, more than the nearest way.
    """
    x0 = kernels.to_chart(p)
    x1 = kernels.to_chart(q)
    w = kernels.displacement(p, q)
    if turns is not None:
        w += 2 * np.pi * turns
    rounding = kernels.rounding(p, q)
    parts, common = _parts(kernels, length_only), (gauss(_WAY), gauss(), _fine())
    curves = np.zeros((len(x0), 0, kernels.dim)) if starts is None else starts
    rows, statuses = np.empty((len(x0), 4 + 2 * kernels.dim)), np.empty(len(x0), np.int64)
    valued = np.isfinite(rounding)
    for at in np.flatnonzero(~valued):
        valued[at] = np.isfinite(kernels.metric(np.stack([x0[at], x1[at]]))).all()
    solver = compiled.boundary_solver()
    if not (keep_path or kernels.manifold.domain.constraints):
        # In parts, so that an interrupt is noticed.
        for start in range(0, len(x0), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            solver.connect_many(
                solver.connect_ends, *parts, x0[part], x1[part], w[part], curves[part], alpha,
                rtol, rounding[part], *common, rows[part], statuses[part],
            )  # fmt: skip
        statuses[~valued] = _STATUSES.index("no value")
        return [_connection(int(statuses[k]), rows[k], None) for k in range(len(x0))]
    results = []
    for k, row in enumerate(rows):
        code, turned, *found = solver.connect_ends(
            *parts, x0[k], x1[k], w[k], curves[k], alpha, rtol, float(rounding[k]), *common, row
        )
        path = None
        status = int(code) if valued[k] else _STATUSES.index("no value")
        if status == 0:
            path = from_collocation(x1[k] if turned else x0[k], *found)
            path = path.reversed() if turned else path
            if not kernels.stays_inside(path):
                status, path, row[:] = _STATUSES.index("outside"), None, np.nan
        results.append(_connection(status, row, path))
    return results


@lru_cache(maxsize=1)
def _fine() -> tuple[Floats, ...]:
    return tuple(fine_tables(len(gauss()[0]), _FINE))


@lru_cache(maxsize=1)
def _rules() -> tuple[Floats, ...]:
    return tuple(bending_rule(degree, *gauss(count)[:2]) for degree, count in _BENDS)


def _parts(kernels: Prepared, length_only: bool) -> tuple[Any, ...]:
    # What the compiled solver calls.
    solver = compiled.boundary_solver()
    return (
        solver.connect_length if length_only else solver.connect_pair,
        solver.connect,
        (
            _rules(), solver.newton, solver.acceleration_jacobian, solver.eliminate,
            solver.path_energy, solver.remesh, solver.shorten, kernels.second,
        ),
    )  # fmt: skip


def _connection(status: int, row: Floats, path: Path | None) -> Connection:
    n = (len(row) - 4) // 2
    distance, distance_error, velocity_error = map(float, row[:3])
    velocity, end_velocity = row[3 : 3 + n], row[3 + n : -1]
    name = _STATUSES[status]
    return Connection(
        name, distance, distance_error, velocity, end_velocity, velocity_error, path, float(row[-1])
    )
