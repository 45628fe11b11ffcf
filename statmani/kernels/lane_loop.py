"""Many geodesics through vectors of lanes that are refilled as they get free.

Plain Python in the subset that numba compiles. The steps of one manifold come through a pointer
(see :mod:`statmani.kernels.lane_steps`), so that one compilation serves every manifold. Status:
0 reached the end, 1 the step size vanished or rounding stopped it near the domain's end, 2 too
many steps, 3 the step size vanished where numbers are not finite.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Integers = NDArray[np.int64]

# advance(block, t_end, alpha, rtol, most, what)
Advance = Callable[[Vector, float, float, float, float, int], int]

__all__ = ["inspect_lanes", "integrate_lanes", "record_lanes"]

# What `advance` is to do.
_ATTEMPT, _START, _ATTEMPT_KEEPING, _SERIES = 0, 1, 4, 5
_DEGREES = 8


def _refill(
    advance: Advance, x0: Vector, v0: Vector, t_end: float, alpha: float, rtol: float, most: float,
    block: Vector, ready: Vector, owner: Integers, queue: Integers,
) -> bool:  # fmt: skip
    """Put geodesics into free lanes; False when none is left to be followed.

    ``queue`` holds how many were taken and made ready, the first that was made ready with the
    last ones, and how many lanes are in use.
    """
    count, n = x0.shape
    width = block.shape[1]
    if queue[3] == 0 and queue[0] == queue[1] and count - queue[0] >= width:
        # All at once, without a way round.
        for lane in range(width):
            owner[lane] = queue[0] + lane
            for i in range(n):
                block[i, lane] = x0[queue[0] + lane, i]
                block[2 * n + i, lane] = v0[queue[0] + lane, i]
        advance(block, t_end, alpha, rtol, most, _START)
        queue[0] += width
        queue[1] = queue[0]
        queue[3] = width
    elif queue[0] < count and queue[3] < width:
        for lane in range(width):
            if owner[lane] >= 0:
                continue
            if queue[0] == queue[1]:
                if queue[1] == count:
                    break
                queue[2] = queue[1]
                queue[1] = min(count, queue[2] + width)
                for k in range(queue[2], queue[1]):
                    for i in range(n):
                        ready[i, k - queue[2]] = x0[k, i]
                        ready[2 * n + i, k - queue[2]] = v0[k, i]
                advance(ready, t_end, alpha, rtol, most, _START)
            for r in range(5 * n + 6):
                block[r, lane] = ready[r, queue[0] - queue[2]]
            owner[lane] = queue[0]
            queue[0] += 1
            queue[3] += 1
    return bool(queue[3] > 0)


def _release(
    stopped: int, t_end: float, most: float, block: Vector, owner: Integers, queue: Integers,
    statuses: Integers, times: Vector, states: Vector,
) -> None:  # fmt: skip
    """Take geodesics that ended out of their lanes."""
    n = states.shape[1] // 2
    for lane in range(block.shape[1]):
        k = owner[lane]
        if k < 0 or (stopped >> lane) & 1 == 0:
            continue
        time = block[5 * n + 2, lane]
        step = block[5 * n + 1, lane]
        if time < t_end:
            if not (step >= 1e-14 * time and step >= 1e-300):
                statuses[k] = 1 if block[5 * n + 4, lane] <= 1.0 else 3
            else:
                statuses[k] = 2 if block[5 * n + 5, lane] >= most else 1
        times[k] = time
        for i in range(n):
            states[k, i] = block[n + i, lane]
            states[k, n + i] = block[2 * n + i, lane]
        owner[lane] = -1
        queue[3] -= 1


def integrate_lanes(
    advance: Advance, x0: Vector, v0: Vector, t_end: float, alpha: float, rtol: float,
    max_steps: int, block: Vector, ready: Vector, statuses: Integers, times: Vector,
    states: Vector,
) -> None:  # fmt: skip
    """Follow geodesics to their ends, filling statuses, times and states.

    ``block`` and ``ready`` are two blocks of zeros.
    """
    most = float(max_steps)
    owner = np.full(block.shape[1], -1)
    queue = np.zeros(4, np.int64)
    while _refill(advance, x0, v0, t_end, alpha, rtol, most, block, ready, owner, queue):
        stopped = advance(block, t_end, alpha, rtol, most, _ATTEMPT)
        if stopped != 0:
            _release(stopped, t_end, most, block, owner, queue, statuses, times, states)


def record_lanes(
    advance: Advance, x0: Vector, v0: Vector, t_end: float, alpha: float, rtol: float,
    max_steps: int, block: Vector, ready: Vector, statuses: Integers, times: Vector,
    states: Vector,
) -> tuple[Integers, Vector, Vector]:  # fmt: skip
    """As :func:`integrate_lanes`; the steps too.

    Returns where the steps of each geodesic start, and for the steps of all geodesics in order
    the times at their ends and the coefficients of their series.
    """
    count, n = x0.shape
    width = block.shape[1]
    most = float(max_steps)
    owner = np.full(width, -1)
    queue = np.zeros(4, np.int64)
    before = np.zeros(width)
    size = 16 * max(count, 1)
    used = 0
    whose = np.empty(size, np.int64)
    ends = np.empty(size)
    coefficients = np.empty((size, _DEGREES, 2 * n))
    # Where the series stand, see statmani.kernels.lane_records.
    first = 20 * n + 7
    firsts = np.zeros(count + 1, np.int64)
    while _refill(advance, x0, v0, t_end, alpha, rtol, most, block, ready, owner, queue):
        for lane in range(width):
            before[lane] = block[5 * n + 2, lane]
        stopped = advance(block, t_end, alpha, rtol, most, _ATTEMPT_KEEPING)
        advance(block, t_end, alpha, rtol, most, _SERIES)
        if used + width > size:
            size *= 2
            more_whose = np.empty(size, np.int64)
            more_ends = np.empty(size)
            more = np.empty((size, _DEGREES, 2 * n))
            more_whose[:used] = whose[:used]
            more_ends[:used] = ends[:used]
            more[:used] = coefficients[:used]
            whose = more_whose
            ends = more_ends
            coefficients = more
        for lane in range(width):
            time = block[5 * n + 2, lane]
            if owner[lane] < 0 or not time > before[lane]:
                continue
            whose[used] = owner[lane]
            firsts[owner[lane] + 1] += 1
            ends[used] = time
            for d in range(_DEGREES):
                for i in range(2 * n):
                    coefficients[used, d, i] = block[first + 2 * n * d + i, lane]
            used += 1
        if stopped != 0:
            _release(stopped, t_end, most, block, owner, queue, statuses, times, states)
    for k in range(count):
        firsts[k + 1] += firsts[k]
    place = firsts[:-1].copy()
    ordered_ends = np.empty(used)
    ordered = np.empty((used, _DEGREES, 2 * n))
    for at in range(used):
        to = place[whose[at]]
        place[whose[at]] += 1
        ordered_ends[to] = ends[at]
        for d in range(_DEGREES):
            for i in range(2 * n):
                ordered[to, d, i] = coefficients[at, d, i]
    return firsts, ordered_ends, ordered


def inspect_lanes(
    advance: Advance, what: int, x: Vector, v: Vector, alpha: float, block: Vector, out: Vector
) -> None:
    """Fill rows of ``out`` with what is told of states: two values, and further rows if wanted.

    ``what`` is 2 for the square of the speed (and the metric), 3 for speed and noise.
    """
    count, n = x.shape
    width = block.shape[1]
    extra = out.shape[1] - 2
    for start in range(0, count, width):
        here = min(width, count - start)
        for lane in range(here):
            for i in range(n):
                block[i, lane] = x[start + lane, i]
                block[2 * n + i, lane] = v[start + lane, i]
        advance(block, 1.0, alpha, 1.0, 1.0, what)
        for lane in range(here):
            out[start + lane, 0] = block[5 * n, lane]
            out[start + lane, 1] = block[5 * n + 1, lane]
            for i in range(extra):
                out[start + lane, 2 + i] = block[5 * n + 6 + i, lane]
