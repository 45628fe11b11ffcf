"""DOP853 for alpha-geodesics in unconstrained coordinates, with dense output.

Plain Python in the subset that numba compiles; the tensors come through a pointer, so that one
compilation serves every manifold. Source: Hairer, Norsett and Wanner (1993), section II.5.

The state is (offset from the start, velocity). Errors are measured per coordinate in units of
1/sqrt|g_ii| (the coordinate length of one standard deviation), hence independently of the units
of measurement. Status: 0 reached the end, 1 the step size vanished (boundary of the domain or a
singularity), 2 too many steps, 3 the acceleration does not exist at the start.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from statmani.kernels.contract import Field, Vector
from statmani.kernels.tableau import E3, E5, A, D

__all__ = ["integrate", "integrate_many"]

# Large callees come in through pointers too: numba optimises a callee again in every caller.
Acceleration = Callable[..., bool]
Follow = Callable[..., tuple[int, float, Vector, Vector, Vector]]


def integrate(
    accelerate: Acceleration,
    field: Field,
    x0: Vector,
    v0: Vector,
    t_end: float,
    alpha: float,
    rtol: float,
    max_steps: int,
    dense: bool,
) -> tuple[int, float, Vector, Vector, Vector]:
    """Follow one geodesic; return (status, time, state, knots, interpolants).

    ``interpolants[k]`` holds the state at ``knots[k]`` and the seven coefficient vectors of
    the step from there to ``knots[k + 1]``.
    """
    n = x0.shape[0]
    packed = np.empty(n * (n + 1) // 2 * (1 + n) + n * (n + 1) * (n + 2) // 6)
    g = np.empty((n, n))
    dg = np.empty((n, n, n))
    t3 = np.empty((n, n, n))
    scratch = np.empty((n, n))
    acc = np.empty((n, 1))
    point = np.empty(n)
    stages = np.zeros((16, 2 * n))
    state = np.zeros(2 * n)
    new = np.empty(2 * n)
    trial_v = np.empty(n)
    extra_g = np.empty((n, n))
    scale = np.empty(2 * n)
    size = 16 if dense else 1
    knots = np.zeros(size + 1)
    pieces = np.zeros((size, 8, 2 * n))
    count = 0
    time = 0.0
    status = 0
    for i in range(n):
        state[n + i] = v0[i]
    if not accelerate(field, x0, v0, alpha, packed, g, dg, t3, scratch, acc):
        return 3, 0.0, state, knots[:1], pieces[:0]
    for i in range(n):
        stages[0, i] = v0[i]
        stages[0, n + i] = acc[i, 0]
    start_speed = 0.0
    for i in range(n):
        for j in range(n):
            start_speed += v0[i] * g[i, j] * v0[j]
    start_speed = np.sqrt(abs(start_speed))
    if start_speed == 0.0:
        for i in range(n):
            start_speed = max(start_speed, abs(v0[i]) * np.sqrt(abs(g[i, i])))
    length = min(1.0, start_speed * t_end)
    step = t_end
    if start_speed > 0.0:
        step = min(t_end, 2.0 * rtol**0.125 / start_speed)
    rejected = False
    steps = 0
    while time < t_end:
        steps += 1
        if steps > max_steps:
            status = 2
            break
        if step < 1e-14 * max(time, 1e-300) or step < 1e-300:
            status = 1
            break
        last = step >= t_end - time
        if last:
            step = t_end - time
        speed = 0.0
        for i in range(n):
            for j in range(n):
                speed += state[n + i] * g[i, j] * state[n + j]
        speed = np.sqrt(abs(speed))
        for i in range(n):
            unit = 1.0 / np.sqrt(abs(g[i, i])) if abs(g[i, i]) > 1e-300 else 1.0
            scale[i] = rtol * unit * length + 4e-16 * abs(x0[i] + state[i]) + 1e-300
            scale[n + i] = rtol * (unit * speed) + 4e-16 * abs(state[n + i]) + 1e-300
        good = True
        for s in range(1, 13):
            for i in range(2 * n):
                total = 0.0
                for r in range(s):
                    if A[s, r] != 0.0:
                        total += A[s, r] * stages[r, i]
                new[i] = state[i] + step * total
            for i in range(n):
                point[i] = x0[i] + new[i]
                trial_v[i] = new[n + i]
                stages[s, i] = new[n + i]
            if not accelerate(field, point, trial_v, alpha, packed, g, dg, t3, scratch, acc):
                good = False
                break
            for i in range(n):
                stages[s, n + i] = acc[i, 0]
        error = np.inf
        if good:
            fifth = 0.0
            third = 0.0
            for i in range(2 * n):
                e5 = 0.0
                e3 = 0.0
                for s in range(13):
                    e5 += E5[s] * stages[s, i]
                    e3 += E3[s] * stages[s, i]
                fifth += (e5 / scale[i]) ** 2
                third += (e3 / scale[i]) ** 2
            if fifth == 0.0 and third == 0.0:
                error = 0.0
            else:
                error = step * fifth / np.sqrt((fifth + 0.01 * third) * 2 * n)
        if not error < 1.0:
            factor = 0.2
            if error < np.inf:
                factor = max(0.2, 0.9 * error**-0.125)
            step *= factor
            rejected = True
            # g must again belong to the start of the step.
            for i in range(n):
                point[i] = x0[i] + state[i]
                trial_v[i] = state[n + i]
            accelerate(field, point, trial_v, alpha, packed, g, dg, t3, scratch, acc)
            continue
        if dense:
            if count == size:
                size *= 2
                more_knots = np.empty(size + 1)
                more_pieces = np.empty((size, 8, 2 * n))
                for k in range(count + 1):
                    more_knots[k] = knots[k]
                for k in range(count):
                    for r in range(8):
                        for i in range(2 * n):
                            more_pieces[k, r, i] = pieces[k, r, i]
                knots = more_knots
                pieces = more_pieces
            for s in range(13, 16):
                for i in range(2 * n):
                    total = 0.0
                    for r in range(s):
                        total += A[s, r] * stages[r, i]
                    new_i = state[i] + step * total
                    if i < n:
                        point[i] = x0[i] + new_i
                    else:
                        trial_v[i - n] = new_i
                        stages[s, i - n] = new_i
                accelerate(field, point, trial_v, alpha, packed, extra_g, dg, t3, scratch, acc)
                for i in range(n):
                    stages[s, n + i] = acc[i, 0]
            for i in range(2 * n):
                change = new[i] - state[i]
                pieces[count, 0, i] = state[i]
                pieces[count, 1, i] = change
                pieces[count, 2, i] = step * stages[0, i] - change
                pieces[count, 3, i] = 2.0 * change - step * (stages[12, i] + stages[0, i])
                for k in range(4):
                    total = 0.0
                    for r in range(16):
                        total += D[k, r] * stages[r, i]
                    pieces[count, 4 + k, i] = step * total
            knots[count + 1] = t_end if last else time + step
            count += 1
        time = t_end if last else time + step
        for i in range(2 * n):
            state[i] = new[i]
            stages[0, i] = stages[12, i]
        factor = 10.0
        if error > 0.0:
            factor = min(10.0, 0.9 * error**-0.125)
        if rejected:
            factor = min(1.0, factor)
        step *= factor
        rejected = False
    return status, time, state, knots[: count + 1], pieces[:count]


def integrate_many(
    follow: Follow,
    accelerate: Acceleration,
    field: Field,
    x0: Vector,
    v0: Vector,
    t_end: float,
    alpha: float,
    rtol: float,
    max_steps: int,
) -> tuple[NDArray[np.int64], Vector, Vector]:
    """Follow many geodesics to their ends; return statuses, times and states."""
    count, n = x0.shape
    statuses = np.zeros(count, np.int64)
    times = np.zeros(count)
    states = np.zeros((count, 2 * n))
    for k in range(count):
        status, time, state, _, _ = follow(
            accelerate, field, x0[k], v0[k], t_end, alpha, rtol, max_steps, False
        )
        statuses[k] = status
        times[k] = time
        for i in range(2 * n):
            states[k, i] = state[i]
    return statuses, times, states
