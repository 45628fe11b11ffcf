"""Many geodesics through vectors of lanes that are refilled as they get free.

Plain Python in the subset that numba compiles. The steps of one manifold come through a pointer
(see :mod:`statmani.kernels.lane_steps`), so that one compilation serves every manifold. Status:
0 reached the end, 1 the step size vanished, 2 too many steps, 3 the step size vanished where
numbers are not finite.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Integers = NDArray[np.int64]

# advance(block, t_end, alpha, rtol, most, first)
Advance = Callable[[Vector, float, float, float, float, bool], int]

__all__ = ["integrate_lanes"]


def integrate_lanes(
    advance: Advance,
    x0: Vector,
    v0: Vector,
    t_end: float,
    alpha: float,
    rtol: float,
    max_steps: int,
    block: Vector,
    ready: Vector,
    owner: Integers,
    statuses: Integers,
    times: Vector,
    states: Vector,
) -> None:
    """Follow geodesics to their ends, filling statuses, times and states.

    ``block`` and ``ready`` are two blocks of zeros; ``owner`` starts at -1.
    """
    count, n = x0.shape
    rows, width = block.shape
    most = float(max_steps)
    loaded = 0
    first = 0
    taken = 0
    active = 0
    while True:
        if active == 0 and taken == loaded and count - taken >= width:
            # All at once, without a way round.
            for lane in range(width):
                owner[lane] = taken + lane
                for i in range(n):
                    block[i, lane] = x0[taken + lane, i]
                    block[2 * n + i, lane] = v0[taken + lane, i]
            advance(block, t_end, alpha, rtol, most, True)
            taken += width
            loaded = taken
            active = width
        elif taken < count and active < width:
            for lane in range(width):
                if owner[lane] >= 0:
                    continue
                if taken == loaded:
                    if loaded == count:
                        break
                    first = loaded
                    loaded = min(count, first + width)
                    for k in range(first, loaded):
                        for i in range(n):
                            ready[i, k - first] = x0[k, i]
                            ready[2 * n + i, k - first] = v0[k, i]
                    advance(ready, t_end, alpha, rtol, most, True)
                for r in range(rows):
                    block[r, lane] = ready[r, taken - first]
                owner[lane] = taken
                taken += 1
                active += 1
        if active == 0:
            return
        stopped = advance(block, t_end, alpha, rtol, most, False)
        if stopped == 0:
            continue
        for lane in range(width):
            k = owner[lane]
            if k < 0 or (stopped >> lane) & 1 == 0:
                continue
            time = block[5 * n + 2, lane]
            step = block[5 * n + 1, lane]
            if time < t_end:
                if not (step >= 1e-14 * time and step >= 1e-300):
                    statuses[k] = 1 if block[5 * n + 4, lane] <= 1.0 else 3
                else:
                    statuses[k] = 2
            times[k] = time
            for i in range(n):
                states[k, i] = block[n + i, lane]
                states[k, n + i] = block[2 * n + i, lane]
            owner[lane] = -1
            active -= 1
