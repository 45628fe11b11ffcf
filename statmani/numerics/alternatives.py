"""Other geodesics between two points, where positive curvature allows several.

The middle of a geodesic from p to q is a stationary point of m -> d(p, m)^2 + d(m, q)^2, whose
gradient is -2 (log_m p + log_m q). Descent starts at middles moved sideways, in the directions in
which curvature makes neighbouring geodesics converge (do Carmo 1992, chapter 5).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

import numpy as np
from numpy.typing import NDArray

from statmani.errors import NoConvergence
from statmani.numerics.connect import Connection, connect_rows
from statmani.numerics.path import Path
from statmani.numerics.prepared import Prepared
from statmani.numerics.sectional import ROUNDING, curvature_in_frames

__all__ = ["curves_aside"]

Floats = NDArray[np.float64]
# Directions that are tried, each both ways, and how far the middle moves, by the distance.
_DIRECTIONS, _ASIDE = 2, 0.2
# Descents end at this gradient by the distance: they give starts only.
_GRADIENT, _RTOL, _ITERATIONS = 1e-3, 1e-6, 15
# A descent that comes so near to the first middle ends there.
_NEAR = 0.02


def curves_aside(
    kernels: Prepared, p: Floats, q: Floats, path: Path, length: float
) -> Iterator[list[Path]]:
    """Paths from p to the middle and from there to q of geodesics aside of the given one."""
    x, v = path(np.array([0.5]))
    curvature, frames = curvature_in_frames(kernels.packed(kernels.second, x, 2), kernels.dim)
    if not np.isfinite(curvature).all():
        return
    frame = frames[0]
    tangent = np.linalg.solve(frame, v[0])
    tangent /= np.linalg.norm(tangent)
    jacobi = np.einsum("lkij,k,j->li", curvature[0], tangent, tangent)
    bends, sideways = np.linalg.eigh(0.5 * (jacobi + jacobi.T))
    chosen = [k for k in range(kernels.dim - 1, -1, -1) if bends[k] > ROUNDING][:_DIRECTIONS]
    for k in chosen:
        for step in (sign * _ASIDE * length for sign in (1.0, -1.0)):
            paths = _Way(kernels, p, q, x[0], frame).descended(step * sideways[:, k], length)
            if paths is not None:
                yield paths


@final
class _Way:
    """Curves from p to q over a point that is given in a frame around the first middle."""

    def __init__(
        self, kernels: Prepared, p: Floats, q: Floats, centre: Floats, frame: Floats
    ) -> None:
        self._kernels, self._p, self._q = kernels, p, q
        self._centre, self._frame = centre, frame

    def descended(self, start: Floats, length: float) -> list[Path] | None:
        """Both halves over the middle that is reached; None where it is the first one."""
        # Half of what a first geodesic waits for, and most need no descent.
        from scipy.optimize import minimize

        try:
            z = minimize(
                self._energy, start, jac=True, method="BFGS",
                options={"gtol": _GRADIENT * length, "maxiter": _ITERATIONS},
            ).x  # fmt: skip
            if np.linalg.norm(z) < _NEAR * length:
                return None
            return [half.path for half in self._halves(z, True) if half.path is not None]
        except NoConvergence:
            return None

    def _halves(self, z: Floats, keep_path: bool = False) -> list[Connection]:
        x = (self._centre + self._frame @ z)[None, :]
        m, _ = self._kernels.from_chart(x, np.zeros_like(x))
        halves = []
        if np.isfinite(m).all() and self._kernels.manifold.domain.contains(m).all():
            starts, ends = np.stack([self._p, m[0]]), np.stack([m[0], self._q])
            halves = connect_rows(self._kernels, starts, ends, 0.0, _RTOL, keep_path)
        if not halves or any(half.status != "converged" for half in halves):
            raise NoConvergence("a curve aside has no geodesic halves. Take another start.")
        return halves

    def _energy(self, z: Floats) -> tuple[float, Floats]:
        halves = self._halves(z)
        x = (self._centre + self._frame @ z)[None, :]
        pull = halves[0].end_velocity - halves[1].velocity
        slope = 2.0 * self._frame.T @ (self._kernels.metric(x)[0] @ pull)
        return halves[0].distance ** 2 + halves[1].distance ** 2, slope
