"""End points of many geodesics: vectors of lanes on all cores, single ones where lanes fail."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from statmani.kernels import compiled
from statmani.numerics.open_tensors import has_expectations
from statmani.numerics.prepared import Prepared

__all__ = ["end_states"]

Floats = NDArray[np.float64]
# Fewer are done sooner than a thread starts.
_PER_THREAD = 2048
# Bytes of a line of the cache, and of the widest vectors.
_LINE = 64


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not every platform tells
        return os.cpu_count() or 1


def end_states(
    kernels: Prepared,
    x0: Floats,
    v0: Floats,
    t_end: float,
    alpha: float,
    rtol: float,
    max_steps: int,
) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Statuses, times and states (offset, velocity) at the ends of geodesics, for rows.

    ``rtol`` is the tolerance of a step. What comes out for a row depends on this row alone, not
    on the others nor on the number of cores.
    """
    count, n = x0.shape
    statuses = np.zeros(count, np.int64)
    times = np.zeros(count)
    states = np.zeros((count, 2 * n))
    open_field = has_expectations(kernels.manifold)
    if not open_field:
        advance, solver = kernels.lanes(alpha), compiled.lane_solver()
        shape = compiled.lane_shape(n)

        def follow(part: slice) -> None:
            solver.integrate_lanes(
                advance, x0[part], v0[part], t_end, alpha, rtol, max_steps,
                *_blocks(shape), np.full(shape[1], -1),
                statuses[part], times[part], states[part],
            )  # fmt: skip

        threads = min(_cores(), -(-count // _PER_THREAD))
        if threads > 1:
            cuts = [count * k // threads for k in range(threads + 1)]
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(follow, map(slice, cuts, cuts[1:])))
        else:
            follow(slice(0, count))
        again = np.flatnonzero(_is_doubtful(kernels, statuses, x0 + states[:, :n]))
    else:
        again = np.arange(count)
    if again.size:
        solver = compiled.initial_solver()
        statuses[again], times[again], states[again] = solver.integrate_many(
            solver.integrate, solver.acceleration, kernels.first,
            x0[again], v0[again], t_end, alpha, rtol, max_steps,
        )  # fmt: skip
    return statuses, times, states


def _blocks(shape: tuple[int, int]) -> Floats:
    """Two blocks of zeros whose rows begin where lines of the processor's cache do."""
    size = 2 * shape[0] * shape[1]
    room = np.zeros(size + _LINE // 8)
    first = -room.ctypes.data % _LINE // 8
    return room[first : first + size].reshape(2, *shape)


def _is_doubtful(kernels: Prepared, statuses: NDArray[np.int64], ends: Floats) -> NDArray[np.bool_]:
    """Which rows must be followed once more with all care.

    Lanes solve without exchanging rows and stop at infinities. A step size that vanished among
    finite numbers where the metric is positive definite is no fault of theirs.
    """
    doubtful: NDArray[np.bool_] = statuses != 0
    stopped = np.flatnonzero(statuses == 1)
    if stopped.size:
        g = kernels.metric(ends[stopped])
        sizes = np.sqrt(np.abs(np.diagonal(g, axis1=1, axis2=2)))
        with np.errstate(all="ignore"):
            g /= sizes[:, :, None] * sizes[:, None, :]
        # Zeros count as failures, and so do numbers that are not finite.
        g[~np.isfinite(g).all((1, 2))] = 0.0
        doubtful[stopped] = np.linalg.eigvalsh(g)[:, 0] <= 1e-12
    return doubtful
