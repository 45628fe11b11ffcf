"""Many geodesics: vectors of lanes on all cores, single ones where lanes fail."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from statmani.kernels import compiled
from statmani.numerics.open_tensors import has_expectations
from statmani.numerics.prepared import Prepared, unpack_symmetric
from statmani.numerics.threads import in_parts

__all__ = ["Recorded", "end_states", "measured", "noise_and_speed", "recorded"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
# Bytes of a line of the cache, and of the widest vectors.
_LINE = 64
# Work beside that of following a geodesic to its end, for threads.
_RECORDING, _INSPECTING = 4.0, 0.1
_SQUARE, _NOISE = 2, 3


class Recorded(NamedTuple):
    """Ends and steps of many geodesics.

    ``failed`` are rows for another solver, which have no steps here.
    """

    statuses: Integers
    times: Floats
    states: Floats
    firsts: Integers
    ends: Floats
    series: Floats
    failed: Integers


def end_states(
    kernels: Prepared,
    x0: Floats,
    v0: Floats,
    t_end: float,
    alpha: float,
    rtol: float,
    max_steps: int,
) -> tuple[Integers, Floats, Floats]:
    """Statuses, times and states (offset, velocity) at the ends of geodesics, for rows.

    ``rtol`` is the tolerance of a step. What comes out for a row depends on this row alone, not
    on the others nor on the number of cores.
    """
    count, n = x0.shape
    statuses, times, states = np.zeros(count, np.int64), np.zeros(count), np.zeros((count, 2 * n))
    if not has_expectations(kernels.manifold):
        advance, solver = kernels.lanes(alpha), compiled.lane_solver()
        shape = compiled.lane_shape(n)

        def follow(part: slice) -> None:
            solver.integrate_lanes(
                advance, x0[part], v0[part], t_end, alpha, rtol, max_steps,
                *_blocks(shape), statuses[part], times[part], states[part],
            )  # fmt: skip

        in_parts(count, 1.0, follow)
        again = np.flatnonzero(_is_doubtful(kernels, statuses, x0, states, alpha))
    else:
        again = np.arange(count)
    if again.size:
        solver = compiled.initial_solver()
        statuses[again], times[again], states[again] = solver.integrate_many(
            solver.integrate, solver.acceleration, kernels.first,
            x0[again], v0[again], t_end, alpha, rtol, max_steps,
        )  # fmt: skip
    return statuses, times, states


def recorded(
    kernels: Prepared,
    x0: Floats,
    v0: Floats,
    t_end: float,
    alpha: float,
    rtol: float,
    max_steps: int,
) -> Recorded:
    """What :func:`end_states` tells, with the steps (see :mod:`statmani.kernels.path_rows`)."""
    count, n = x0.shape
    statuses, times, states = np.zeros(count, np.int64), np.zeros(count), np.zeros((count, 2 * n))
    if has_expectations(kernels.manifold):
        none = np.empty(0), np.empty((0, 8, 2 * n))
        firsts = np.zeros(count + 1, np.int64)
        return Recorded(statuses, times, states, firsts, *none, np.arange(count))
    advance, solver = kernels.lanes(alpha), compiled.lane_solver()
    shape = compiled.lane_shape(n, True)

    def follow(part: slice) -> tuple[Integers, Floats, Floats]:
        found: tuple[Integers, Floats, Floats] = solver.record_lanes(
            advance, x0[part], v0[part], t_end, alpha, rtol, max_steps,
            *_blocks(shape), statuses[part], times[part], states[part],
        )  # fmt: skip
        return found

    parts = in_parts(count, _RECORDING, follow)
    firsts, ends, series = parts[0]
    if len(parts) > 1:
        steps = np.concatenate([np.diff(part[0]) for part in parts])
        firsts = np.concatenate([[0], np.cumsum(steps)])
        ends, series = (np.concatenate([part[k] for part in parts]) for k in (1, 2))
    failed = np.flatnonzero(_is_doubtful(kernels, statuses, x0, states, alpha))
    return Recorded(statuses, times, states, firsts, ends, series, failed)


def measured(kernels: Prepared, x: Floats, v: Floats, alpha: float) -> tuple[Floats, Floats]:
    """Squared speeds and packed metrics (i <= j) at rows of states, by the lanes for alpha."""
    n = x.shape[1]
    pairs = n * (n + 1) // 2
    found = _inspected(kernels, _SQUARE, x, v, alpha, pairs)
    squares, packed = found[:, 0].copy(), found[:, 2:].copy()
    unknown = np.flatnonzero(~np.isfinite(squares))
    if unknown.size:
        g = kernels.metric(x[unknown])
        squares[unknown] = np.einsum("ti,tij,tj->t", v[unknown], g, v[unknown])
        packed[unknown] = g[:, *np.triu_indices(n)]
    return squares, packed


def noise_and_speed(kernels: Prepared, x: Floats, v: Floats, alpha: float) -> tuple[Floats, Floats]:
    """Rounding noise of accelerations and speeds, both in the metric, for rows of states.

    Of accelerations that lanes compute, where they can: those are what is used.
    """
    parts = in_parts(
        len(x), _INSPECTING, lambda part: _inspected(kernels, _NOISE, x[part], v[part], alpha, 0)
    )
    speed, noise = np.concatenate(parts).T.copy()
    unknown = np.flatnonzero(~(noise < np.inf))
    if unknown.size:
        solver, accelerate = compiled.noise_meter(), compiled.initial_solver().acceleration
        with np.errstate(all="ignore"):
            noise[unknown], speed[unknown] = solver.acceleration_noise(
                accelerate, kernels.first, x[unknown], v[unknown], alpha
            ).T
    return noise, speed


def _inspected(
    kernels: Prepared, what: int, x: Floats, v: Floats, alpha: float, extra: int
) -> Floats:
    count, n = x.shape
    found = np.full((count, 2 + extra), np.nan)
    if not has_expectations(kernels.manifold):
        block = _blocks(compiled.lane_shape(n, True))[0]
        compiled.lane_solver().inspect_lanes(
            kernels.lanes(alpha), what, np.ascontiguousarray(x), np.ascontiguousarray(v), alpha,
            block, found,
        )  # fmt: skip
    return found


def _blocks(shape: tuple[int, int]) -> Floats:
    """Two blocks of zeros whose rows begin where lines of the processor's cache do."""
    size = 2 * shape[0] * shape[1]
    room = np.zeros(size + _LINE // 8)
    first = -room.ctypes.data % _LINE // 8
    return room[first : first + size].reshape(2, *shape)


def _is_doubtful(
    kernels: Prepared, statuses: Integers, x0: Floats, states: Floats, alpha: float
) -> NDArray[np.bool_]:
    """Which rows must be followed once more with all care.

    Lanes solve without exchanging rows and stop at infinities. A step size that vanished among
    finite numbers where the metric is positive definite is no fault of theirs, and neither is
    that there were too many steps.
    """
    doubtful: NDArray[np.bool_] = statuses == 3
    stopped = np.flatnonzero((statuses == 1) | (statuses == 2))
    if stopped.size:
        n = x0.shape[1]
        offset, velocity = states[stopped, :n], states[stopped, n:]
        g = unpack_symmetric(measured(kernels, x0[stopped] + offset, velocity, alpha)[1], n)
        sizes = np.sqrt(np.abs(np.diagonal(g, axis1=1, axis2=2)))
        with np.errstate(all="ignore"):
            g /= sizes[:, :, None] * sizes[:, None, :]
        # Zeros count as failures, and so do numbers that are not finite.
        g[~np.isfinite(g).all((1, 2))] = 0.0
        doubtful[stopped] = np.linalg.eigvalsh(g)[:, 0] <= 1e-12
    return doubtful
