"""Geodesics from points and velocities with their paths, many at once."""

from __future__ import annotations

from typing import NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from statmani.kernels import compiled
from statmani.numerics.batch import end_states, measured, recorded
from statmani.numerics.path import Path, from_steps
from statmani.numerics.path_rows import PathRows
from statmani.numerics.precise import FEW_STEPS, doubtful, escaped, integrate_precise
from statmani.numerics.prepared import Prepared, unpack_symmetric

__all__ = ["STEP_STATUS", "Followed", "from_velocity", "local_tolerances"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
_MAX_STEPS = 100_000
_EPS = 2.0**-52
# Where an acceleration's noise is looked at: the start of every so many steps.
_EVERY = 8

#: Meaning of the integrator's statuses.
STEP_STATUS = ("converged", "boundary", "steps", "no acceleration")


@final
class Followed(NamedTuple):
    """Paths of rows; one without steps failed, and its error and time are NaN.

    ``statuses`` number :data:`STEP_STATUS`; ``errors`` are those at the end.
    """

    paths: PathRows
    errors: Floats
    statuses: Integers
    times: Floats

    def reason(self, k: int) -> str:
        """Why a row failed."""
        if self.statuses[k] == 2:
            return f"more than {_MAX_STEPS} steps were needed"
        return "the acceleration is not finite at the start"


def local_tolerances(rtol: float) -> tuple[float, float]:
    """Tolerances of a step, for a run to compare with and for the one that counts.

    Errors grow like exp(d sqrt|K|) along a geodesic of length d, so steps are held to more
    digits than asked for at its end.
    """
    return max(1e-3 * rtol, 3e-14), max(1e-4 * rtol, 3e-15)


class _Rows:
    """Rows on their way: what is known of their ends by the tighter and the looser tolerance."""

    def __init__(
        self, kernels: Prepared, x0: Floats, v0: Floats, t: float, alpha: float, rtol: float
    ) -> None:
        count, n = x0.shape
        self.kernels, self.x0, self.v0 = kernels, x0, v0
        self.t, self.alpha, self.rtol = t, alpha, rtol
        self.statuses, self.times = np.zeros(count, np.int64), np.zeros(count)
        self.states = np.zeros((count, 2 * n))
        self.rough, self.rough_times = np.zeros((count, 2 * n)), np.zeros(count)
        none = np.empty(0), np.empty((0, 8, 2 * n))
        self.paths = PathRows(x0, np.zeros(count + 1, np.int64), *none)
        #: Paths of rows that were followed without lanes.
        self.single: dict[int, Path | None] = {}

    def in_lanes(self, rows: Integers, loose: float, tight: float, most: int) -> Integers:
        """Follow rows; those for which lanes fail are returned and have no steps."""
        common = (self.kernels, self.x0[rows], self.v0[rows], self.t, self.alpha)
        found = recorded(*common, tight, most)
        self.statuses[rows], self.times[rows] = found.statuses, found.times
        self.states[rows] = found.states
        counts = np.zeros(len(self.x0), np.int64)
        counts[rows] = np.diff(found.firsts)
        firsts = np.concatenate([[0], np.cumsum(counts)])
        paths = PathRows(self.x0, firsts, found.ends, found.series)
        if len(rows) == len(self.x0):
            self.paths = paths
        else:
            self.paths = self.paths.replaced({int(k): paths[int(k)] for k in rows})
        _, self.rough_times[rows], self.rough[rows] = end_states(*common, loose, most)
        return rows[found.failed]

    def singly(self, k: int, loose: float, tight: float, exact: bool) -> bool:
        """Follow one row without lanes; False where doubles turn out to lose its digits."""
        kernels, t, alpha = self.kernels, self.t, self.alpha
        common = (self.x0[k], self.v0[k], t, alpha)
        solver = compiled.initial_solver()
        if exact:
            _, time, rough, _, _ = integrate_precise(kernels, *common, loose, False)
            found = integrate_precise(kernels, *common, tight, True)
        else:
            own = (solver.acceleration, kernels.first, *common)
            for steps in (FEW_STEPS, _MAX_STEPS):
                found = solver.integrate(*own, tight, steps, True)
                if found[0] != 2 or self._escaped(found[0], found[2]):
                    break
            _, time, rough, _, _ = solver.integrate(*own, loose, steps, False)
        status, self.times[k], self.states[k], knots, pieces = found
        self.statuses[k] = status
        self.rough_times[k], self.rough[k] = time, rough
        self.single[k] = None
        if pieces.shape[0]:
            self.single[k] = from_steps(self.x0[k], knots, pieces, kernels.tape if exact else None)
        if exact or self._escaped(status, found[2]):
            return True
        states = np.concatenate([pieces[::_EVERY, 0], found[2][None, :]])
        x, v = self.x0[k] + states[:, : kernels.dim], states[:, kernels.dim :]
        return not bool(doubtful(kernels, x, v, t, alpha, self.rtol).any())

    def _escaped(self, status: int, state: Floats) -> bool:
        return bool(escaped(self.kernels, np.array([status]), state[None, :], self.t)[0])

    def leaving(self) -> NDArray[np.bool_]:
        """Which rows stopped on their way to the boundary."""
        return escaped(self.kernels, self.statuses, self.states, self.t)

    def doubtful_rows(self, rows: Integers) -> Integers:
        """Those of some rows whose accelerations are noise, at their ends or on the way."""
        n, kernels = self.kernels.dim, self.kernels
        if not kernels.may_lose_digits:
            return np.empty(0, np.int64)
        whose = np.repeat(np.arange(len(self.x0)), np.diff(self.paths.firsts))
        chosen = np.isin(whose, rows)
        chosen &= (np.arange(len(whose)) - self.paths.firsts[whose]) % _EVERY == 0
        x, v = self.paths.at_steps(np.array([-1.0]))
        ends = self.x0[rows] + self.states[rows, :n]
        states = (
            np.concatenate([x[chosen], ends]),
            np.concatenate([v[chosen], self.states[rows, n:]]),
        )
        bad = doubtful(kernels, *states, self.t, self.alpha, self.rtol)
        return np.unique(np.concatenate([whose[chosen], rows])[bad])


def from_velocity(
    kernels: Prepared, p: Floats, velocity: Floats, alpha: float, t: float, rtol: float
) -> Followed:
    """Geodesics of rows of points and velocities; they end where they leave the domain."""
    x0 = kernels.to_chart(p)
    v0 = kernels.velocities_to_chart(x0, velocity)
    loose, tight = local_tolerances(rtol)
    rows = _Rows(kernels, x0, v0, t, alpha, rtol)
    exact = doubtful(kernels, x0, v0, t, alpha, rtol)
    sure = np.flatnonzero(~exact)
    failed = rows.in_lanes(sure, loose, tight, FEW_STEPS)
    lane_rows = np.setdiff1d(sure, failed)
    gone = rows.leaving()
    exact[rows.doubtful_rows(lane_rows[~gone[lane_rows]])] = True
    long = lane_rows[(rows.statuses[lane_rows] == 2) & ~gone[lane_rows] & ~exact[lane_rows]]
    if long.size:
        failed = np.union1d(failed, rows.in_lanes(long, loose, tight, _MAX_STEPS))
        exact[rows.doubtful_rows(long[~rows.leaving()[long]])] = True
    for k in failed:
        exact[k] = exact[k] or not rows.singly(int(k), loose, tight, False)
    for k in np.flatnonzero(exact):
        rows.singly(int(k), loose, tight, True)
    rows.paths = rows.paths.replaced(rows.single)
    rows.statuses[rows.leaving()] = 1
    return _finished(rows, exact)


def _finished(rows: _Rows, exact: NDArray[np.bool_]) -> Followed:
    kernels, n = rows.kernels, rows.kernels.dim
    paths, statuses, times = rows.paths, rows.statuses, rows.times.copy()
    bad = (statuses > 1) | ~paths.found
    paths = paths.replaced({int(k): None for k in np.flatnonzero(bad & paths.found)})
    errors = np.abs(times - rows.rough_times)
    left = _left(kernels, paths)
    shortened = {}
    for k, time in left.items():
        path = paths[k]
        assert path is not None
        shortened[k] = path.until(time)
        statuses[k], times[k], errors[k] = 1, time, _EPS * time
    paths = paths.replaced(shortened)
    good = np.flatnonzero((statuses == 0) & ~bad)
    if good.size:
        offset, velocity = rows.states[good, :n], rows.states[good, n:]
        x0, v0 = rows.x0[good], rows.v0[good]
        ends = x0 + offset
        squares, first = measured(kernels, x0, v0, rows.alpha)
        last = measured(kernels, ends, velocity, rows.alpha)[1]
        g0, g1 = unpack_symmetric(first, n), unpack_symmetric(last, n)
        change = _lengths(g1, offset - rows.rough[good, :n])
        length = rows.t * np.sqrt(np.abs(squares))
        errors[good] = change + _rounding(g0, g1, length, offset, ends, exact[good])
    errors[bad] = np.nan
    times[bad] = np.nan
    statuses[bad & (statuses < 2)] = 3
    return Followed(paths, errors, statuses, times)


def _lengths(g: Floats, v: Floats) -> Floats:
    # In a fixed order, whatever the number of rows.
    total: Floats = np.zeros(len(v))
    for i in range(v.shape[1]):
        for j in range(v.shape[1]):
            total += v[:, i] * g[:, i, j] * v[:, j]
    return np.sqrt(np.abs(total))


def _rounding(
    g0: Floats, g1: Floats, length: Floats, offset: Floats, end: Floats, exact: NDArray[np.bool_]
) -> Floats:
    # Of the end point's coordinates, and of solving for accelerations, where a metric close to
    # singular (after scaling) loses digits all along the way; of exact ones only the state does.
    smallest = np.minimum(_least_eigenvalue(g0), _least_eigenvalue(g1))
    units = np.sqrt(np.abs(np.diagonal(g1, axis1=1, axis2=2)))
    lost = np.where(exact, np.sqrt(smallest), smallest)
    place: Floats = np.zeros(len(end))
    for i in range(end.shape[1]):
        place += units[:, i] * np.abs(end[:, i])
    total = 2.0 * _lengths(g1, offset) + place + length / np.maximum(lost, _EPS)
    result: Floats = _EPS * total
    return result


def _least_eigenvalue(g: Floats) -> Floats:
    """The least absolute eigenvalue after scaling to a unit diagonal."""
    units = np.sqrt(np.abs(np.diagonal(g, axis1=1, axis2=2)))
    with np.errstate(all="ignore"):
        scaled = g / (units[:, :, None] * units[:, None, :])
    if g.shape[1] == 2 and (np.diagonal(g, axis1=1, axis2=2) > 0).all():
        # 1 - |c| and 1 + |c|.
        result: Floats = np.abs(1.0 - np.abs(scaled[:, 0, 1]))
        return result
    scaled[~np.isfinite(scaled).all((1, 2))] = 0.0
    result = np.abs(np.linalg.eigvalsh(scaled)).min(axis=1)
    return result


def _left(kernels: Prepared, paths: PathRows) -> dict[int, float]:
    """Rows that break a constraint which no chart can take in, and when they do."""
    domain = kernels.manifold.domain
    if not domain.constraints:
        return {}
    fine = np.linspace(-1.0, 1.0, 33)
    inside = domain.contains(kernels.from_chart(*paths.at_steps(fine))[0]).reshape(-1, len(fine))
    whose = np.repeat(np.arange(len(paths)), np.diff(paths.firsts))
    left = {}
    for k in np.unique(whose[~inside.all(axis=1)]):
        path: Path | None = paths[int(k)]
        time = None if path is None else kernels.first_outside(path)
        if time is not None:
            left[int(k)] = time
    return left
