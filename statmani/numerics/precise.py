"""Geodesics where doubles lose the acceleration: found by its noise, followed with 31 digits.

Where parameters are far from 1, metrics come close to singular (the shapes of a beta law at 1e5)
or are small differences of large terms, and accelerations then carry noise that no step size
removes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sympy import oo

from statmani.kernels import compiled
from statmani.numerics import batch
from statmani.numerics.path_rows import PathRows
from statmani.numerics.prepared import Prepared

__all__ = [
    "FEW_STEPS",
    "doubtful",
    "end_states",
    "escaped",
    "integrate_precise",
    "loses_transport",
    "transport_slopes",
]

Floats = NDArray[np.float64]
# Less noise is not asked for: steps of doubles have as much.
_LEAST = 1e-12
_MAX_STEPS = 3_000
#: Steps of doubles before their noise is looked for as the reason.
FEW_STEPS = 1_000
# A coordinate that moves by 1 within this part of the time is on its way to infinity.
_LEAVING = 1e4
_SAMPLES = 9
# Few samples may miss the largest noise.
_SAFETY = 4.0


def doubtful(
    kernels: Prepared, x: Floats, v: Floats, t: float, alpha: float, rtol: float
) -> NDArray[np.bool_]:
    """Whether noise of the acceleration may move a geodesic by more than rtol of its length.

    For rows of states in the unconstrained chart. False for manifolds without a tape, which
    cannot be helped.
    """
    if not kernels.may_lose_digits or kernels.tape is None:
        return np.zeros(len(x), dtype=bool)
    noise, speed = batch.noise_and_speed(kernels, x, v, alpha)
    with np.errstate(all="ignore"):
        small = _SAFETY * 0.5 * t * noise <= max(rtol, _LEAST) * speed
    unsure = np.flatnonzero(~small)
    result = np.zeros(len(x), dtype=bool)
    # Reductions along short axes take longer than all the rest, so only where there is doubt.
    result[unsure] = (v[unsure] != 0).any(axis=1)
    return result


def integrate_precise(
    kernels: Prepared, x0: Floats, v0: Floats, t: float, alpha: float, rtol: float, dense: bool
) -> tuple[int, float, Floats, Floats, Floats]:
    """What ``integrate`` of :mod:`statmani.kernels.integrator` returns, from exact tensors."""
    solver = compiled.precise_solver()
    found: tuple[int, float, Floats, Floats, Floats] = solver.integrate(
        solver.precise_acceleration, kernels.tape, x0, v0, t, alpha, rtol, _MAX_STEPS, dense
    )
    return found


def loses_transport(
    kernels: Prepared, paths: PathRows, alpha: float, rtol: float
) -> NDArray[np.bool_]:
    """Along which paths noise of the connection may turn transported vectors by more than rtol.

    Seen in accelerations of vectors that have a share of every coordinate.
    """
    count, n = paths.x0.shape
    result = np.zeros(count, dtype=bool)
    rows = np.flatnonzero(paths.found)
    if not kernels.may_lose_digits or kernels.tape is None or not rows.size:
        return result
    span = np.full(count, np.nan)
    span[rows] = paths.ends[paths.firsts[rows + 1] - 1]
    x, v = paths.states(span[:, None] * np.linspace(0.0, 1.0, _SAMPLES))
    squares, packed = batch.measured(kernels, x, v, alpha)
    units = [packed[:, i * n - i * (i - 1) // 2] for i in range(n)]
    with np.errstate(all="ignore"):
        w = np.stack([(1.0 - 0.6 * (i % 2)) / np.sqrt(np.abs(g)) for i, g in enumerate(units)], 1)
        noise, size = batch.noise_and_speed(kernels, x, w, alpha)
        moved = np.repeat(span, _SAMPLES) * np.sqrt(np.abs(squares))
        small = np.less_equal(_SAFETY * moved * noise, max(rtol, _LEAST) * size * size)
    result[rows] = ~np.all(np.reshape(small, (count, _SAMPLES))[rows], axis=1)
    return result


def transport_slopes(
    kernels: Prepared, x: Floats, v: Floats, alpha: float
) -> tuple[Floats, Floats]:
    """Frames L and what turns components in them at rows of states, from exact tensors.

    See :mod:`statmani.kernels.transport_rows`.
    """
    solver, points = compiled.precise_solver(), np.ascontiguousarray(x)
    frames: Floats = solver.precise_frames(kernels.tape, points)
    return frames, solver.precise_transport(kernels.tape, points, np.ascontiguousarray(v), alpha)


def escaped(
    kernels: Prepared,
    statuses: NDArray[np.int64],
    states: Floats,
    t: float,
) -> NDArray[np.bool_]:
    """Which of those that did not get to time t were on their way to the boundary.

    There an unconstrained coordinate runs off to infinity, ever faster, and tensors may lose all
    digits before it is so large that steps vanish.
    """
    bounded = [axis.lower != -oo or axis.upper != oo for axis in kernels.manifold.domain.axes]
    stopped = np.flatnonzero(statuses != 0)
    pace = np.abs(states[stopped, kernels.dim :]) * np.array(bounded)
    result = np.zeros(len(states), dtype=bool)
    result[stopped] = pace.max(axis=1, initial=0.0) * t > _LEAVING
    return result


def end_states(
    kernels: Prepared,
    x0: Floats,
    v0: Floats,
    t: float,
    alpha: float,
    rtol: float,
    local: float,
    max_steps: int,
) -> tuple[NDArray[np.int64], Floats, Floats]:
    """What :func:`statmani.numerics.batch.end_states` returns, doubtful ones from exact tensors.

    ``rtol`` is the accuracy asked for, ``local`` the tolerance of a step.
    """
    n = kernels.dim
    doubt = doubtful(kernels, x0, v0, t, alpha, rtol)
    if doubt.any():
        sure = np.flatnonzero(~doubt)
        statuses = np.zeros(len(x0), np.int64)
        times, states = np.zeros(len(x0)), np.zeros((len(x0), 2 * n))
        statuses[sure], times[sure], states[sure] = batch.end_states(
            kernels, x0[sure], v0[sure], t, alpha, local, FEW_STEPS
        )
    else:
        statuses, times, states = batch.end_states(kernels, x0, v0, t, alpha, local, FEW_STEPS)
    at_end = doubtful(kernels, x0 + states[:, :n], states[:, n:], t, alpha, rtol)
    leaving = escaped(kernels, statuses, states, t)
    # What has no digits left at the boundary does not matter.
    doubt |= at_end & ~leaving
    long = np.flatnonzero((statuses == 2) & ~doubt & ~leaving)
    if long.size:
        statuses[long], times[long], states[long] = batch.end_states(
            kernels, x0[long], v0[long], t, alpha, local, max_steps
        )
    for k in np.flatnonzero(doubt):
        status, time, state, _, _ = integrate_precise(kernels, x0[k], v0[k], t, alpha, local, False)
        statuses[k], times[k], states[k] = status, time, state
    statuses[escaped(kernels, statuses, states, t)] = 1
    return statuses, times, states
