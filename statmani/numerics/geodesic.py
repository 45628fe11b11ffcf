"""Geodesics of alpha-connections as records that can be called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sympy import Symbol

from statmani.errors import InvalidArgument, NoConvergence
from statmani.kernels.background import install
from statmani.numerics.arguments import (
    broadcast,
    manifold_of,
    read_alpha,
    read_rtol,
    read_time,
    read_vectors,
    warn_failures,
)
from statmani.numerics.connect import REASONS, require_definite
from statmani.numerics.followed import STEP_STATUS, from_velocity
from statmani.numerics.path import Path
from statmani.numerics.path_rows import PathRows, from_paths
from statmani.numerics.prepared import Prepared, prepared
from statmani.numerics.shortest import geodesic_rows

__all__ = ["Geodesic", "geodesic"]

Floats = NDArray[np.float64]
_SAMPLES = 65


@final
@dataclass(frozen=True, eq=False)
class Geodesic:
    """A geodesic, or a batch of them; call it at times.

    Attributes
    ----------
    times : ndarray, shape (T,), or (..., T) when some of a batch stopped early
    points, velocities : ndarray, shape (..., T, n)
        In the manifold's coordinates, at the times.
    length : float or ndarray
        Riemannian length.
    energy : float or ndarray
        Half the integral of the squared speed.
    error : float or ndarray
        Estimated error of the path at its end (initial value) or of its length (two ends), in
        Riemannian length.
    status : str or ndarray of str
        "converged"; "boundary" when the geodesic left the domain or met a singularity at the
        time `end_time`; else why it failed (its numbers are then NaN).
    end_time : float or ndarray
        The last time reached; where the domain ends it may fall short by up to about 1e-4 of
        itself, where rounding stops the steps near the boundary.
    alpha : float
        The connection.
    """

    times: Floats
    points: Floats
    velocities: Floats
    length: Any
    energy: Any
    error: Any
    status: Any
    end_time: Any
    alpha: float
    _paths: PathRows = field(repr=False)
    _shape: tuple[int, ...] = field(repr=False)
    _kernels: Prepared = field(repr=False)
    _t: float = field(repr=False)

    def __call__(self, t: ArrayLike) -> Floats:
        """Points at times in [0, t], shape (...) + t.shape + (n,).

        Raises
        ------
        InvalidArgument
            A time outside [0, t], or after a single geodesic's end.
        """
        return self._sample(t)[0]

    def velocity(self, t: ArrayLike) -> Floats:
        """Velocities at times, as for calling."""
        return self._sample(t)[1]

    @property
    def pieces(self) -> tuple[Path | None, ...]:
        """The piecewise polynomials in unconstrained coordinates; None where one failed."""
        return tuple(self._paths[k] for k in range(len(self._paths)))

    @property
    def rows(self) -> PathRows:
        """The same, together."""
        return self._paths

    @property
    def coordinates(self) -> tuple[Symbol, ...]:
        """Symbols of the coordinates."""
        return tuple(self._kernels.manifold.coordinates)

    def plot(self, coordinates: tuple[int, int] | None = None, axes: Any = None) -> Any:
        """Draw the geodesics with matplotlib; a dot is a start, a cross a boundary reached.

        Parameters
        ----------
        coordinates : pair of int, optional
            Numbers of the coordinates to draw against each other, by default the first two. A
            single coordinate is drawn against time.
        axes : matplotlib Axes, optional
            Where to draw; by default a new figure.

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        InvalidArgument
            No such coordinates, or matplotlib is not installed.
        """
        from statmani.numerics.drawing import draw

        return draw(self, coordinates, axes)

    def _sample(self, t: ArrayLike) -> tuple[Floats, Floats]:
        times = read_vectors(np.atleast_1d(np.asarray(t)), np.shape(np.atleast_1d(t))[-1], "t")
        last = float(self.end_time) if self._shape == () else self._t
        if times.size and not (times.min() >= 0 and times.max() <= last * (1 + 1e-15)):
            raise InvalidArgument(
                f"times must lie in [0, {last!r}], got {float(times.min())!r} to "
                f"{float(times.max())!r}. The geodesic is known only there."
            )
        flat = times.ravel()
        ends = np.ravel(self.end_time)[:, None]
        known = np.where(flat <= ends * (1 + 1e-15), flat, np.nan)
        shape = (*self._shape, *np.shape(t), self._kernels.dim)
        points, velocities = self._paths.sample(self._kernels, known)
        return points.reshape(shape), velocities.reshape(shape)

    def __str__(self) -> str:
        if self._shape:
            good = int((np.asarray(self.status) == "converged").sum())
            return f"{len(self._paths)} geodesics, {good} converged"
        return (
            f"geodesic on [0, {self.end_time:.6g}], length {self.length:.12g}, "
            f"error {self.error:.1g}, {self.status}"
        )


def geodesic(
    M: object,
    start: ArrayLike,
    velocity: ArrayLike | None = None,
    *,
    end: ArrayLike | None = None,
    alpha: float = 0,
    t: float = 1.0,
    rtol: float = 1e-10,
) -> Geodesic:
    """The geodesic of an alpha-connection from a start, by velocity or by end point.

    Parameters
    ----------
    M : StatisticalManifold or Family
    start : array_like, shape (n,) or (..., n)
    velocity : array_like, shape (n,) or (..., n), optional
        Velocity at time 0 in the manifold's coordinates.
    end : array_like, shape (n,) or (..., n), optional
        The point to be reached at time `t`; give either this or the velocity.
    alpha : real number
        0 Levi-Civita, 1 exponential, -1 mixture connection.
    t : float
        Final time.
    rtol : float
        Relative accuracy, 1e-14 to 0.1.

    Returns
    -------
    Geodesic
        A geodesic that reaches the boundary of the domain stops there, with status "boundary"
        and its time in `end_time`.

    Raises
    ------
    InvalidArgument, OutsideDomain
        Bad arguments.
    InvalidManifold
        With `end`: the metric is not positive definite.
    NoConvergence
        A single geodesic could not be found.

    Examples
    --------
    >>> import sympy as sp, statmani as sm
    >>> mu, sigma = sp.Symbol("mu", real=True), sp.Symbol("sigma", positive=True)
    >>> M = sm.StatisticalManifold((mu, sigma), sp.diag(1, 2) / sigma**2)
    >>> path = sm.geodesic(M, [0, 1], end=[1, 1])
    >>> mean, deviation = path(0.5)
    >>> round(float((mean - 0.5)**2 + 2 * deviation**2), 12)  # mu**2 / 2 + sigma**2 is fixed
    2.25
    """
    manifold = manifold_of(M)
    a, final, tolerance = read_alpha(alpha), read_time(t), read_rtol(rtol)
    if (velocity is None) == (end is None):
        raise InvalidArgument(
            "give either velocity or end, got "
            + ("neither" if velocity is None else "both")
            + ". A geodesic is fixed by its start and one of them."
        )
    starts = manifold.domain.require(start, "start")
    install()
    kernels = prepared(manifold)
    if end is not None:
        targets = manifold.domain.require(end, "end")
        shape, first, second = broadcast(starts, targets, ("start", "end"))
        found = _between(kernels, first, second, a, final, tolerance)
    else:
        given = read_vectors(np.asarray(velocity), manifold.dim, "velocity")
        shape, first, second = broadcast(starts, given, ("start", "velocity"))
        found = _shot(kernels, first, second, a, final, tolerance)
    bad = ~found.paths.found
    if shape == () and bad[0]:
        raise NoConvergence(
            f"no geodesic from {first[0]}: {found.reason(0)}. Try a shorter time or other "
            "coordinates."
        )
    if bad.any():
        warn_failures(int(bad.sum()), len(bad), "geodesics were not found", "")
    grid = np.linspace(0.0, 1.0, _SAMPLES)
    ends = found.times
    if (ends[~bad] == final).all():
        times = sampled = grid * final
    else:
        sampled = grid * ends[:, None]
        times = sampled.reshape(*shape, _SAMPLES)
    points, velocities = found.paths.sample(kernels, sampled)
    length, energy = found.paths.lengths_and_energies(kernels, a)

    def shaped(values: NDArray[Any]) -> Any:
        return values.reshape(shape) if shape else values[0].item()

    return Geodesic(
        times,
        points.reshape(*shape, _SAMPLES, kernels.dim),
        velocities.reshape(*shape, _SAMPLES, kernels.dim),
        shaped(length),
        shaped(energy),
        shaped(found.errors),
        shaped(found.statuses),
        shaped(ends),
        a,
        found.paths,
        shape,
        kernels,
        final,
    )


class _Found(NamedTuple):
    """Paths with errors, statuses and times of rows, and what a failed one failed of."""

    paths: PathRows
    errors: Floats
    statuses: NDArray[np.str_]
    times: Floats
    reason: Callable[[int], str]


def _shot(
    kernels: Prepared, p: Floats, velocity: Floats, alpha: float, t: float, rtol: float
) -> _Found:
    found = from_velocity(kernels, p, velocity, alpha, t, rtol)
    statuses = np.array(STEP_STATUS)[found.statuses]
    return _Found(found.paths, found.errors, statuses, found.times, found.reason)


def _between(
    kernels: Prepared, p: Floats, q: Floats, alpha: float, t: float, rtol: float
) -> _Found:
    x0 = kernels.to_chart(p)
    require_definite(kernels.metric(x0), "start")
    paths: list[Path | None] = []
    rows = geodesic_rows(kernels, p, q, alpha, rtol, True)
    for found in rows:
        path = found.path
        if path is not None:
            series = path.series.copy()
            series[:, :, kernels.dim :] /= t
            path = Path(path.x0, path.knots * t, series)
        paths.append(path)
    good = [path is not None for path in paths]
    statuses = np.array([found.status for found in rows])
    return _Found(
        from_paths(paths, x0),
        np.where(good, [found.distance_error for found in rows], np.nan),
        statuses,
        np.where(good, t, np.nan),
        lambda k: REASONS[str(statuses[k])],
    )
