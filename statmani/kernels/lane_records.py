"""What lanes tell beside end points: series of whole steps, sizes of vectors, rounding noise.

Rows of a block that are used here come after those of :mod:`statmani.kernels.lane_steps`: what a
step starts from (offset and velocity), accelerations at the thirteen stages times the step size
(stage by stage), the step size, and then, degree by degree, the Legendre coefficients of offset
and velocity on the step.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray

from statmani.kernels.lane_steps import Stage, block_of, folded, row_count, sizes, weighted
from statmani.kernels.lanes import Lane, Lanes, sqrt
from statmani.kernels.tableau import A, B, C, D

__all__ = ["DEGREES", "measure", "noise", "record_rows", "series"]

#: Coefficients of a series: the interpolant has degree seven.
DEGREES = 8
_STAGES = 13
# Far below every scale of the tensors, far above the spacing of doubles.
_STEP = 3e-8


def record_rows(size: int) -> int:
    """How many rows a block has that takes all that is told here."""
    series_end = row_count(size) + (2 + _STAGES + 2 * DEGREES) * size + 1
    return max(series_end, row_count(size) + size * (size + 1) // 2)


@lru_cache(maxsize=1)
def _series_weights() -> NDArray[np.float64]:
    """Coefficients by degree from slopes at the sixteen stages, beside the starting value.

    The interpolant of Hairer, Norsett and Wanner (1993), II.6, as values at Gauss nodes.
    """
    pieces = np.zeros((DEGREES, 16))
    pieces[1, :12] = B
    pieces[2] = -pieces[1]
    pieces[2, 0] += 1.0
    pieces[3] = 2.0 * pieces[1]
    pieces[3, [0, 12]] -= 1.0
    pieces[4:] = D
    xi, weights = legendre.leggauss(DEGREES)
    tau = 0.5 * (xi + 1.0)[:, None]
    values = np.zeros((DEGREES, 16))
    for k in range(DEGREES - 1, 0, -1):
        values = (values + pieces[k]) * (tau if k % 2 == 1 else 1.0 - tau)
    halves = (2 * np.arange(DEGREES) + 1) / 2
    matrix = halves[:, None] * legendre.legvander(xi, DEGREES - 1).T * weights
    result: NDArray[np.float64] = matrix @ values
    return result


def series(
    sources: tuple[str, str], size: int, width: int, levi_civita: bool, bounded: tuple[int, ...],
    context: Any, builder: Any, signature: Any, arguments: Any,
) -> Any:  # fmt: skip
    """Code of ``series(block, t_end, alpha, rtol, most)``: coefficients of kept steps."""
    pointer, scalars = block_of(context, builder, signature, arguments)
    lanes = Lanes(builder, width)
    alpha = lanes.spread(scalars[1])
    stage = Stage(sources, size, lanes, builder, None if levi_civita else alpha)
    every, first = range(size), row_count(size)
    x0 = [lanes.load(pointer, k) for k in every]
    s = [lanes.load(pointer, first + k) for k in every]
    v = [lanes.load(pointer, first + size + k) for k in every]
    stages = [
        [lanes.load(pointer, first + (2 + q) * size + k) for q in range(_STAGES)] for k in every
    ]
    last = first + (2 + _STAGES) * size
    h = lanes.load(pointer, last)
    zero = lanes.constant(0.0)
    base = [x0[k] + s[k] for k in every]
    for row in range(_STAGES, 16):
        weights = [float(w) for w in A[row, :row]]
        mean = [weighted(folded(weights), stages[k], float(C[row]) * v[k]) for k in every]
        velocity = [weighted(weights, stages[k], v[k]) for k in every]
        found = stage([h * mean[k] + base[k] for k in every], velocity)
        for k in every:
            stages[k].append(h * found[k])
    at = last + 1
    for degree, slopes in enumerate(_series_weights()):
        weights = [float(w) for w in slopes]
        total = math.fsum(weights)
        for k in every:
            mean_k = weighted(folded(weights), stages[k], total * v[k])
            start = s[k] if degree == 0 else zero
            lanes.store(h * mean_k + start, pointer, at + k)
        for k in every:
            start = v[k] if degree == 0 else zero
            lanes.store(weighted(weights, stages[k], start), pointer, at + size + k)
        at += 2 * size
    return lanes.no_mask()


def measure(
    sources: tuple[str, str], size: int, width: int, levi_civita: bool, bounded: tuple[int, ...],
    context: Any, builder: Any, signature: Any, arguments: Any,
) -> Any:  # fmt: skip
    """Code of ``measure(block, t_end, alpha, rtol, most)``: speed and metric at states.

    Points and velocities stand in the rows of starts and velocities. The square of the speed comes
    to the row of the speed, and the metric (i <= j) to the rows behind those of a step.
    """
    pointer, scalars = block_of(context, builder, signature, arguments)
    lanes = Lanes(builder, width)
    stage = Stage(sources, size, lanes, builder, None if levi_civita else lanes.spread(scalars[1]))
    x = [lanes.load(pointer, k) for k in range(size)]
    v = [lanes.load(pointer, 2 * size + k) for k in range(size)]
    stage(x, v)
    g = stage.metric(x)
    lanes.store(_square(g, v), pointer, 5 * size)
    for at, entry in enumerate(g.values(), start=row_count(size)):
        lanes.store(entry, pointer, at)
    return lanes.no_mask()


def _square(g: dict[tuple[int, int], Lane], v: list[Lane]) -> Lane:
    total = v[0].lanes.constant(0.0)
    for (i, j), entry in g.items():
        total = total + (v[i] * v[j]) * ((1.0 if i == j else 2.0) * entry)
    return total


def noise(
    sources: tuple[str, str], size: int, width: int, levi_civita: bool, bounded: tuple[int, ...],
    context: Any, builder: Any, signature: Any, arguments: Any,
) -> Any:  # fmt: skip
    """Code of ``noise(block, t_end, alpha, rtol, most)``: speed and noise at states.

    States as for :func:`measure`; the noise of the acceleration, in the metric as the speed, comes
    to the row of the step size. See :mod:`statmani.kernels.noise`.
    """
    pointer, scalars = block_of(context, builder, signature, arguments)
    lanes = Lanes(builder, width)
    stage = Stage(sources, size, lanes, builder, None if levi_civita else lanes.spread(scalars[1]))
    every = range(size)
    x = [lanes.load(pointer, k) for k in every]
    v = [lanes.load(pointer, 2 * size + k) for k in every]
    middle = stage(x, v)
    g = stage.metric(x)
    roots, speed = sizes(g, v)
    for side in range(2):
        moved = []
        for k in every:
            step = (_STEP * (1.0 + 0.37 * k)) / roots[k].most(1.0)
            moved.append(x[k] + step if (k + side) % 2 == 0 else x[k] - step)
        found = stage(moved, v)
        middle = [middle[k] - 0.5 * found[k] for k in every]
    size_of = 2.0 * sqrt(abs(_square(g, middle)))
    # What is not a number counts as infinite.
    bounded_noise = (size_of < math.inf).choose(size_of, math.inf)
    lanes.store(speed, pointer, 5 * size)
    lanes.store(bounded_noise, pointer, 5 * size + 1)
    return lanes.no_mask()
