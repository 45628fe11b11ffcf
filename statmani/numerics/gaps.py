"""Distances where every curve that is short enough crosses a point that the chart lacks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from statmani.numerics.connect import connect_rows
from statmani.numerics.prepared import Prepared

__all__ = ["distance_by_continuity"]

Floats = NDArray[np.float64]
# Turns of the end point, and what extrapolates from all four or from three of them to none.
_TURN = 5e-4
_CUBIC = np.array([4.0, -6.0, 4.0, -1.0])
_SQUARE = np.array([3.0, -3.0, 1.0, 0.0])


def distance_by_continuity(
    kernels: Prepared, p: Floats, q: Floats, rtol: float
) -> tuple[float, float] | None:
    """The infimum of the lengths of curves from p to q, and an error estimate.

    Polar coordinates lack their pole. The distance is continuous all the same, so that it is
    the limit of distances to points turned a little further round, where geodesics exist;
    it is extrapolated by a cubic polynomial in the angle. None where that does not settle.
    """
    best: tuple[float, float] | None = None
    for i, axis in enumerate(kernels.manifold.domain.axes):
        if not axis.periodic:
            continue
        for turn in (_TURN, -_TURN):
            ends = np.repeat(q[None, :], 4, axis=0)
            ends[:, i] += turn * np.arange(1, 5)
            starts = np.repeat(p[None, :], 4, axis=0)
            found = connect_rows(kernels, starts, ends, 0.0, rtol, length_only=True)
            if any(c.status != "converged" for c in found):
                continue
            lengths = np.array([c.distance for c in found])
            value = float(_CUBIC @ lengths)
            # Where the fourth power of the angle is what is missed, 0.4 times the difference.
            error = 0.5 * abs(value - float(_SQUARE @ lengths))
            error += float(np.abs(_CUBIC) @ [c.distance_error for c in found])
            if error <= max(rtol, 1e-9) * value and (best is None or error < best[1]):
                best = value, error
    return best
