"""Other geodesics between two points, where positive curvature allows several.

The middle of a geodesic from p to q is a stationary point of m -> d(p, m)^2 + d(m, q)^2, whose
gradient is -2 (log_m p + log_m q). Descent starts at middles moved sideways, in the directions in
which curvature makes neighbouring geodesics converge (do Carmo 1992, chapter 5).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from statmani.errors import NoConvergence
from statmani.numerics.connect import Connection, connect_rows
from statmani.numerics.path import Path
from statmani.numerics.prepared import Prepared
from statmani.numerics.sectional import ROUNDING, curvature_in_frames

__all__ = ["Found", "compare_geodesics"]

Floats = NDArray[np.float64]
# Directions that are tried, each both ways, and how far the middle moves, by the distance.
_DIRECTIONS, _ASIDE = 2, (0.2,)
# Descents end at this gradient by the distance. Middles nearer to each other are the same.
_ROUGH, _GRADIENT, _STATIONARY, _SAME = 1e-3, 1e-7, 1e-4, 1e-3
# A descent that comes so near to the first middle ends there.
_NEAR = 0.02
_ITERATIONS = 15


@final
@dataclass(frozen=True)
class Found:
    """The shortest length, its error, and how many different geodesics were met."""

    value: float
    error: float
    count: int


def compare_geodesics(
    kernels: Prepared, p: Floats, q: Floats, path: Path, value: float, error: float, rtol: float
) -> Found:
    """The shortest of the geodesics that descents from curves aside of the given one find."""
    x, v = path(np.array([0.5]))
    curvature, frames = curvature_in_frames(kernels.packed(kernels.second, x, 2), kernels.dim)
    if not np.isfinite(curvature).all():
        return Found(value, error, 1)
    frame = frames[0]
    tangent = np.linalg.solve(frame, v[0])
    tangent /= np.linalg.norm(tangent)
    jacobi = np.einsum("lkij,k,j->li", curvature[0], tangent, tangent)
    bends, sideways = np.linalg.eigh(0.5 * (jacobi + jacobi.T))
    chosen = [k for k in range(kernels.dim - 1, -1, -1) if bends[k] > ROUNDING][:_DIRECTIONS]
    middles = [np.zeros(kernels.dim)]
    best = Found(value, error, 1)
    for k in chosen:
        for step in (sign * part * value for part in _ASIDE for sign in (1.0, -1.0)):
            way = _Way(kernels, p, q, x[0], frame, rtol)
            other = way.descended(step * sideways[:, k], value)
            if other is None:
                continue
            middle, length, bound = other
            if all(np.linalg.norm(middle - m) > _SAME * value for m in middles):
                middles.append(middle)
                best = Found(best.value, best.error, len(middles))
                if length < best.value - best.error - bound:
                    best = Found(length, bound, len(middles))
    return best


@final
class _Way:
    """Curves from p to q over a point that is given in a frame around the first middle."""

    def __init__(
        self, kernels: Prepared, p: Floats, q: Floats, centre: Floats, frame: Floats, rtol: float
    ) -> None:
        self._kernels, self._p, self._q, self._rtol = kernels, p, q, rtol
        self._centre, self._frame = centre, frame

    def descended(self, start: Floats, value: float) -> tuple[Floats, float, float] | None:
        """The middle, length and error of another geodesic; None where none was reached."""
        z = start
        try:
            for gradient in (_ROUGH, _GRADIENT):
                found = minimize(
                    self._energy, z, jac=True, method="BFGS",
                    options={"gtol": gradient * value, "maxiter": _ITERATIONS},
                )  # fmt: skip
                z = found.x
                if np.linalg.norm(z) < _NEAR * value:
                    return None
            halves = self._halves(z)
        except NoConvergence:
            return None
        if not np.abs(found.jac).max() < _STATIONARY * value:
            return None
        length = sum(half.distance for half in halves)
        # The length of a broken geodesic is that of a curve; the kink says how far it may shorten.
        kink = float(np.linalg.norm(found.jac)) / value
        return z, length, sum(half.distance_error for half in halves) + kink**2 * length

    def _halves(self, z: Floats) -> list[Connection]:
        x = (self._centre + self._frame @ z)[None, :]
        m, _ = self._kernels.from_chart(x, np.zeros_like(x))
        halves = []
        if np.isfinite(m).all() and self._kernels.manifold.domain.contains(m).all():
            starts, ends = np.stack([self._p, m[0]]), np.stack([m[0], self._q])
            halves = connect_rows(self._kernels, starts, ends, 0.0, self._rtol)
        if not halves or any(half.status != "converged" for half in halves):
            raise NoConvergence("a curve aside has no geodesic halves. Take another start.")
        return halves

    def _energy(self, z: Floats) -> tuple[float, Floats]:
        halves = self._halves(z)
        x = (self._centre + self._frame @ z)[None, :]
        pull = halves[0].end_velocity - halves[1].velocity
        slope = 2.0 * self._frame.T @ (self._kernels.metric(x)[0] @ pull)
        return halves[0].distance ** 2 + halves[1].distance ** 2, slope
