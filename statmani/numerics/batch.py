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
        module = compiled.compiled_lanes(kernels.manifold)
        width, rows = compiled.lane_width(n), 5 * n + 5

        def follow(part: slice) -> None:
            blocks = np.zeros((2, rows, width))
            owner, steps = np.full(width, -1), np.zeros(width, np.int64)
            module.integrate_lanes(
                x0[part], v0[part], t_end, alpha, rtol, max_steps, *blocks, owner, steps,
                statuses[part], times[part], states[part],
            )  # fmt: skip

        threads = min(_cores(), -(-count // _PER_THREAD))
        if threads > 1:
            cuts = [count * k // threads for k in range(threads + 1)]
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(follow, map(slice, cuts, cuts[1:])))
        else:
            follow(slice(0, count))
    # Lanes solve without exchanging rows and stop at infinities: once more with all care.
    again = np.flatnonzero(statuses != 0) if not open_field else np.arange(count)
    if again.size:
        solver = compiled.initial_solver()
        statuses[again], times[again], states[again] = solver.integrate_many(
            solver.integrate, solver.acceleration, kernels.first,
            x0[again], v0[again], t_end, alpha, rtol, max_steps,
        )  # fmt: skip
    return statuses, times, states
