"""Geodesics of alpha-connections as records that can be called."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sympy import Symbol

from statmani.errors import InvalidArgument, NoConvergence
from statmani.kernels import compiled
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
from statmani.numerics.connect import REASONS, connect_rows, require_definite
from statmani.numerics.path import Path, from_steps, length_and_energy
from statmani.numerics.precise import FEW_STEPS, doubtful, escaped, integrate_precise
from statmani.numerics.prepared import Prepared, prepared

__all__ = ["STEP_STATUS", "Geodesic", "from_velocity", "geodesic", "local_tolerances"]

Floats = NDArray[np.float64]
_SAMPLES = 65
_MAX_STEPS = 100_000
_EPS = 2.0**-52

#: Meaning of the integrator's statuses.
STEP_STATUS = ("converged", "boundary", "steps", "no acceleration")


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
        The last time reached.
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
    _paths: tuple[Path | None, ...] = field(repr=False)
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
        ends = np.ravel(self.end_time)
        results = [
            _values(self._kernels, path, np.where(flat <= end * (1 + 1e-15), flat, np.nan))
            for path, end in zip(self._paths, ends, strict=True)
        ]
        shape = (*self._shape, *np.shape(t), self._kernels.dim)
        points = np.stack([r[0] for r in results]).reshape(shape)
        return points, np.stack([r[1] for r in results]).reshape(shape)

    def __str__(self) -> str:
        if self._shape:
            good = int((np.asarray(self.status) == "converged").sum())
            return f"{len(self._paths)} geodesics, {good} converged"
        return (
            f"geodesic on [0, {self.end_time:.6g}], length {self.length:.12g}, "
            f"error {self.error:.1g}, {self.status}"
        )


def local_tolerances(rtol: float) -> tuple[float, float]:
    """Tolerances of a step, for a run to compare with and for the one that counts.

    Errors grow like exp(d sqrt|K|) along a geodesic of length d, so steps are held to more
    digits than asked for at its end.
    """
    return max(1e-3 * rtol, 3e-14), max(1e-4 * rtol, 3e-15)


def _values(kernels: Prepared, path: Path | None, times: Floats) -> tuple[Floats, Floats]:
    n = kernels.dim
    points, velocities = np.full((2, times.size, n), np.nan)
    good = np.isfinite(times)
    if path is not None and good.any():
        x, v = path(times[good])
        points[good], velocities[good] = kernels.from_chart(x, v)
    return points, velocities


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
        rows = _between(kernels, first, second, a, final, tolerance)
    else:
        given = read_vectors(np.asarray(velocity), manifold.dim, "velocity")
        shape, first, second = broadcast(starts, given, ("start", "velocity"))
        rows = from_velocity(kernels, first, second, a, final, tolerance)
    bad = [r for r in rows if r[0] is None]
    if bad and shape == ():
        raise NoConvergence(
            f"no geodesic from {first[0]}: {bad[0][4]}. Try a shorter time or other coordinates."
        )
    if bad:
        warn_failures(len(bad), len(rows), "geodesics were not found", "")
    ends = np.array([r[3] for r in rows])
    grid = np.linspace(0.0, 1.0, _SAMPLES)
    complete = bool((ends == final).all()) or bool(bad and (ends[np.isfinite(ends)] == final).all())
    times = grid * final if complete else (grid * ends[:, None]).reshape(*shape, _SAMPLES)
    sampled = [_values(kernels, r[0], grid * (final if complete else r[3])) for r in rows]
    n = kernels.dim
    measured = [
        length_and_energy(kernels, r[0]) if r[0] is not None else (np.nan, np.nan) for r in rows
    ]

    def shaped(values: list[Any]) -> Any:
        return np.array(values).reshape(shape) if shape else values[0]

    return Geodesic(
        times,
        np.stack([s[0] for s in sampled]).reshape(*shape, _SAMPLES, n),
        np.stack([s[1] for s in sampled]).reshape(*shape, _SAMPLES, n),
        shaped([m[0] for m in measured]),
        shaped([m[1] for m in measured]),
        shaped([r[1] for r in rows]),
        shaped([r[2] for r in rows]),
        shaped([float(r[3]) for r in rows]),
        a,
        tuple(r[0] for r in rows),
        shape,
        kernels,
        final,
    )


# Path (None when failed), error, status, end time, reason.
_Row = tuple[Path | None, float, str, float, str]


def _between(
    kernels: Prepared, p: Floats, q: Floats, alpha: float, t: float, rtol: float
) -> list[_Row]:
    require_definite(kernels.metric(kernels.to_chart(p)), "start")
    rows: list[_Row] = []
    for found in connect_rows(kernels, p, q, alpha, rtol, True):
        path = found.path
        if path is None:
            rows.append((None, np.nan, found.status, np.nan, REASONS[found.status]))
            continue
        series = path.series.copy()
        series[:, :, kernels.dim :] /= t
        path = Path(path.x0, path.knots * t, series)
        rows.append((path, found.distance_error, found.status, t, ""))
    return rows


def _has_escaped(kernels: Prepared, found: tuple[Any, ...], t: float) -> bool:
    return bool(escaped(kernels, np.array([found[0]]), found[2][None, :], t)[0])


def _is_doubtful(
    kernels: Prepared,
    x0: Floats,
    v0: Floats,
    t: float,
    alpha: float,
    rtol: float,
    end: Floats,
    pieces: Floats,
) -> bool:
    # At the last state, and where every eighth step starts.
    states = np.concatenate([pieces[::8, 0], end[None, :]])
    n = kernels.dim
    return bool(doubtful(kernels, x0 + states[:, :n], states[:, n:], t, alpha, rtol).any())


def _rounding(g: Floats, length: float, offset: Floats, end: Floats, exact: bool) -> float:
    # Of the end point's coordinates, and of solving for accelerations, where a metric close to
    # singular (after scaling) loses digits all along the way; of exact ones only the state does.
    units = np.sqrt(np.abs(np.diagonal(g, axis1=1, axis2=2)))
    scaled = g / (units[:, :, None] * units[:, None, :])
    smallest = float(np.abs(np.linalg.eigvalsh(scaled)).min())
    own = float(np.sqrt(abs(offset @ g[1] @ offset)))
    place = float(units[1] @ np.abs(end))
    lost = np.sqrt(smallest) if exact else smallest
    return _EPS * (2.0 * own + place + length / max(lost, _EPS))


def from_velocity(
    kernels: Prepared, p: Floats, velocity: Floats, alpha: float, t: float, rtol: float
) -> list[_Row]:
    """Geodesics of rows of points and velocities; they end where they leave the domain."""
    solver = compiled.initial_solver()
    x0 = kernels.to_chart(p)
    v0 = kernels.velocities_to_chart(x0, velocity)
    n = kernels.dim
    loose, tight = local_tolerances(rtol)
    unsure = doubtful(kernels, x0, v0, t, alpha, rtol)
    rows: list[_Row] = []
    for k in range(p.shape[0]):
        common = (x0[k], v0[k], t, alpha)
        own = (solver.acceleration, kernels.first, *common)
        exact = bool(unsure[k])
        if not exact:
            for steps in (FEW_STEPS, _MAX_STEPS):
                found = solver.integrate(*own, tight, steps, True)
                gone = _has_escaped(kernels, found, t)
                exact = not gone and _is_doubtful(kernels, *common, rtol, found[2], found[4])
                if gone or exact or found[0] != 2:
                    break
        if exact:
            _, time, rough, _, _ = integrate_precise(kernels, *common, loose, False)
            found = integrate_precise(kernels, *common, tight, True)
        else:
            _, time, rough, _, _ = solver.integrate(*own, loose, _MAX_STEPS, False)
        status, reached, state, knots, pieces = found
        status = 1 if _has_escaped(kernels, found, t) else status
        name = STEP_STATUS[status]
        if status > 1 or pieces.shape[0] == 0:
            reason = "the acceleration is not finite at the start"
            if status == 2:
                reason = f"more than {_MAX_STEPS} steps were needed"
            rows.append((None, np.nan, name, np.nan, reason))
            continue
        path = from_steps(x0[k], knots, pieces, kernels.tape if exact else None)
        error = abs(reached - time)
        left = kernels.first_outside(path) if kernels.manifold.domain.constraints else None
        if left is not None:
            status, name, reached = 1, STEP_STATUS[1], left
            error = _EPS * left
            path = path.until(left)
        if status == 0:
            g = kernels.metric(np.stack([x0[k], x0[k] + state[:n]]))
            change = state[:n] - rough[:n]
            length = t * float(np.sqrt(abs(v0[k] @ g[0] @ v0[k])))
            error = float(np.sqrt(abs(change @ g[1] @ change))) + _rounding(
                g, length, state[:n], x0[k] + state[:n], exact
            )
        rows.append((path, error, name, float(reached), ""))
    return rows
