"""Exponential map and its inverse for alpha-connections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from statmani.errors import NoConvergence
from statmani.kernels.background import install
from statmani.numerics.arguments import (
    broadcast,
    manifold_of,
    read_alpha,
    read_rtol,
    read_vectors,
    warn_failures,
)
from statmani.numerics.batch import measured
from statmani.numerics.connect import REASONS, require_definite
from statmani.numerics.followed import STEP_STATUS, from_velocity, local_tolerances
from statmani.numerics.precise import end_states
from statmani.numerics.prepared import Prepared, prepared
from statmani.numerics.shortest import geodesic_rows

__all__ = ["ExpResult", "LogResult", "exp", "log"]

Floats = NDArray[np.float64]
_MAX_STEPS = 100_000
# Up to this length errors of steps hardly grow along a geodesic of a metric.
_SHORT, _LOOSER = 3.0, 1e-3


@final
@dataclass(frozen=True, eq=False)
class ExpResult:
    """End points with their statuses; for a batch every field is an array.

    Attributes
    ----------
    value, velocity : ndarray, shape (..., n)
        Point and velocity at time 1; NaN where the geodesic stops before.
    status : str or ndarray of str
        "converged"; "boundary" where the geodesic leaves the domain or meets a singularity;
        "steps" or "no acceleration" where it could not be followed.
    end_time : float or ndarray
        The last time reached. Where geodesics leave the domain this is slightly before they do,
        by up to about 1e-4 of it where rounding stops the steps near the boundary.
    """

    value: Floats
    velocity: Floats
    status: Any
    end_time: Any


@final
@dataclass(frozen=True, eq=False)
class LogResult:
    """Initial velocities with error estimates; for a batch every field is an array.

    Attributes
    ----------
    value : ndarray, shape (..., n)
        Velocity at p, in the manifold's coordinates, of the geodesic that is at q at time 1.
    error : float or ndarray, shape (...)
        Estimated error, as a length in the metric at p.
    status : str or ndarray of str
        "converged", or why there is no value.
    """

    value: Floats
    error: Any
    status: Any


def exp(
    M: object,
    p: ArrayLike,
    v: ArrayLike,
    *,
    alpha: float = 0,
    rtol: float = 1e-10,
    full_output: bool = False,
) -> Any:
    """The point at time 1 of the alpha-geodesic from p with velocity v.

    Parameters
    ----------
    M : StatisticalManifold or Family
    p, v : array_like, shape (n,) or (..., n)
        Points and velocities in coordinate order; batches broadcast.
    alpha : real number
    rtol : float
        Relative accuracy, 1e-14 to 0.1.
    full_output : bool
        Return an :class:`ExpResult`, with statuses.

    Returns
    -------
    ndarray of shape (..., n), or ExpResult

    Raises
    ------
    NoConvergence
        For one point: the geodesic leaves the domain before time 1; the message has the time.
        In a batch such elements are NaN and one warning counts them.

    Examples
    --------
    >>> import sympy as sp, statmani as sm
    >>> mu, sigma = sp.Symbol("mu", real=True), sp.Symbol("sigma", positive=True)
    >>> M = sm.StatisticalManifold((mu, sigma), sp.diag(1, 2) / sigma**2)
    >>> [round(float(c), 9) for c in sm.exp(M, [0, 1], [0, 1])]
    [0.0, 2.718281828]
    """
    manifold = manifold_of(M)
    a, tolerance = read_alpha(alpha), read_rtol(rtol)
    points = manifold.domain.require(p, "p")
    vectors = read_vectors(v, manifold.dim, "v")
    shape, rows, velocities = broadcast(points, vectors, ("p", "v"))
    install()
    kernels = prepared(manifold)
    x0 = kernels.to_chart(rows)
    v0 = kernels.velocities_to_chart(x0, velocities)
    status, times, states = _followed(kernels, x0, v0, a, tolerance)
    if manifold.domain.constraints:
        # The chart does not end where such a constraint breaks, so the path must be looked at.
        path = from_velocity(kernels, rows, velocities, a, 1.0, tolerance)
        outside = np.flatnonzero((status == 0) & (path.statuses == 1))
        status[outside], times[outside] = 1, path.times[outside]
    n = manifold.dim
    result, final = kernels.from_chart(x0 + states[:, :n], states[:, n:])
    # A displacement far below the rounding of u is still right when added to p itself.
    still = np.flatnonzero(v0[:, 0] == 0)
    still = still[~v0[still].any(axis=1)]
    result[still] = rows[still]
    failed = status != 0
    result[failed] = final[failed] = np.nan
    if shape == () and failed[0]:
        name = STEP_STATUS[int(status[0])]
        # Batches stop short of the boundary; the path tells the time.
        path = from_velocity(kernels, rows, velocities, a, 1.0, tolerance)
        reached = times[0] if path.statuses[0] == 0 else path.times[0]
        raise NoConvergence(
            f"the geodesic from {rows[0]} with velocity {velocities[0]} stops at t = "
            f"{reached:.12g} before t = 1 ({name}). Shorten the velocity, or use geodesic, "
            "which returns the path up to there."
        )
    if shape != () and not full_output:
        warn_failures(
            int(failed.sum()),
            len(rows),
            "geodesics stop before time 1",
            "Pass full_output=True for the reasons, or use geodesic.",
        )
    value = result.reshape(*shape, n)
    if not full_output:
        return value
    names = np.array(STEP_STATUS)[status]
    if shape == ():
        return ExpResult(value, final[0], str(names[0]), float(times[0]))
    return ExpResult(value, final.reshape(*shape, n), names.reshape(shape), times.reshape(shape))


def _followed(
    kernels: Prepared, x0: Floats, v0: Floats, alpha: float, rtol: float
) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Statuses, times and states at the ends; short ones of a metric need fewer steps."""
    tight = local_tolerances(rtol)[1]
    short = np.zeros(len(x0), dtype=bool)
    if alpha == 0:
        short = np.abs(measured(kernels, x0, v0, alpha)[0]) <= _SHORT**2
    if not short.any() or short.all():
        local = max(tight, _LOOSER * rtol) if short.any() else tight
        return end_states(kernels, x0, v0, 1.0, alpha, rtol, local, _MAX_STEPS)
    result = np.zeros(len(x0), np.int64), np.zeros(len(x0)), np.zeros((len(x0), 2 * kernels.dim))
    for rows, local in ((short, max(tight, _LOOSER * rtol)), (~short, tight)):
        found = end_states(kernels, x0[rows], v0[rows], 1.0, alpha, rtol, local, _MAX_STEPS)
        for whole, part in zip(result, found, strict=True):
            whole[rows] = part
    return result


def log(
    M: object,
    p: ArrayLike,
    q: ArrayLike,
    *,
    alpha: float = 0,
    rtol: float = 1e-10,
    full_output: bool = False,
) -> Any:
    """The velocity at p of the alpha-geodesic that reaches q at time 1.

    Parameters
    ----------
    M : StatisticalManifold or Family
    p, q : array_like, shape (n,) or (..., n)
    alpha : real number
    rtol : float
        Relative accuracy, 1e-14 to 0.1.
    full_output : bool
        Return a :class:`LogResult`.

    Returns
    -------
    ndarray of shape (..., n), or LogResult

    Raises
    ------
    NoConvergence
        For one pair: no geodesic was found. In a batch such elements are NaN and one warning
        counts them.
    InvalidManifold
        The metric is not positive definite.

    Examples
    --------
    >>> import sympy as sp, statmani as sm
    >>> mu, sigma = sp.Symbol("mu", real=True), sp.Symbol("sigma", positive=True)
    >>> M = sm.StatisticalManifold((mu, sigma), sp.diag(1, 2) / sigma**2)
    >>> [round(float(c), 9) for c in sm.log(M, [0, 1], [0, 2])]
    [0.0, 0.693147181]
    """
    manifold = manifold_of(M)
    a, tolerance = read_alpha(alpha), read_rtol(rtol)
    starts = manifold.domain.require(p, "p")
    ends = manifold.domain.require(q, "q")
    shape, first, second = broadcast(starts, ends, ("p", "q"))
    kernels = prepared(manifold)
    x0 = kernels.to_chart(first)
    require_definite(kernels.metric(x0), "p")
    count, n = first.shape
    velocities, error = np.empty((count, n)), np.empty(count)
    status = np.empty(count, dtype="U16")
    for k, found in enumerate(geodesic_rows(kernels, first, second, a, tolerance)):
        velocities[k], error[k], status[k] = found.velocity, found.velocity_error, found.status
    if shape == () and status[0] != "converged":
        raise NoConvergence(
            f"no geodesic from {first[0]} to {second[0]}: {REASONS[str(status[0])]}. "
            "Try a point in between, other coordinates, or a larger rtol."
        )
    if shape != ():
        warn_failures(
            int((status != "converged").sum()),
            count,
            "geodesics were not found",
            "Pass full_output=True for the reasons.",
        )
    _, values = kernels.from_chart(x0, velocities)
    result = values.reshape(*shape, n)
    if not full_output:
        return result
    if shape == ():
        return LogResult(result, float(error[0]), str(status[0]))
    return LogResult(result, error.reshape(shape), status.reshape(shape))
