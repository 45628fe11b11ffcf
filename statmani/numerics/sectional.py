"""The largest sectional curvature at points: whether geodesics can meet twice."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import final

import numpy as np
from numpy.typing import NDArray

from statmani.geometry.manifold import StatisticalManifold
from statmani.numerics.open_tensors import has_expectations
from statmani.numerics.prepared import Prepared, prepared
from statmani.numerics.tensors import Fields, tensor, unpacked

__all__ = [
    "ROUNDING", "Largest", "curvature_in_frames", "largest_curvature", "sampled_curvature",
]  # fmt: skip

Floats = NDArray[np.float64]
#: Curvatures below this count as zero.
ROUNDING = 1e-8
# Points inside the domain, fewer where each takes quadrature.
_SAMPLES, _OPEN_SAMPLES = 50, 12
# In four dimensions or more planes are searched for from so many starts.
_STARTS, _SWEEPS = 12, 60
# Rounding that breaks the symmetries of curvature by more spoils a point.
_NOISE = 1e-9
# Numbers at a time, and points whose planes are searched.
_BLOCK, _SEARCHES = 1 << 21, 40


@final
@dataclass(frozen=True, eq=False)
class Largest:
    """The largest sectional curvature that was met.

    Attributes
    ----------
    value : float
        Minus infinity for curves.
    count : int
        Points looked at.
    point : ndarray or None
        Where it was met.
    """

    value: float
    count: int
    point: Floats | None

    def joined(self, other: Largest) -> Largest:
        """Of both sets of points."""
        best = self if self.value >= other.value else other
        return Largest(best.value, self.count + other.count, best.point)


def sampled_curvature(manifold: StatisticalManifold) -> Largest:
    """At points inside the domain, of moderate size and near its ends; looked at once."""
    found: Largest = manifold._once("largest curvature", _sampled)
    return found


def _sampled(manifold: StatisticalManifold) -> Largest:
    domain = manifold.domain
    if has_expectations(manifold):
        points = domain.interior_points(_OPEN_SAMPLES)
    else:
        points = [*domain.interior_points(_SAMPLES), *domain.extreme_points()]
    kernels = prepared(manifold)
    return largest_curvature(kernels, kernels.to_chart(np.array(points, dtype=float)))


def largest_curvature(kernels: Prepared, x: Floats) -> Largest:
    """The largest sectional curvature at rows of points, in unconstrained coordinates.

    The curvature operator <R(u ^ v), w ^ z> = g(R(u, v)z, w) on two-forms has sectional curvatures
    as its values at planes. In up to three dimensions every two-form is a plane, so that the
    largest is an eigenvalue. Else planes are searched for where an eigenvalue is positive: for a
    fixed u the best v is an eigenvector of the Jacobi operator R(., u)u (do Carmo 1992, sections
    4.3 and 5.2). Points where rounding spoils the symmetries of curvature do not count.
    """
    if kernels.dim == 1:
        return Largest(-np.inf, len(x), None)
    found = Largest(-np.inf, 0, None)
    block = max(1, _BLOCK // kernels.dim**4)
    for start in range(0, len(x), block):
        found = found.joined(_largest(kernels, x[start : start + block]))
    return found


def _largest(kernels: Prepared, x: Floats) -> Largest:
    n = kernels.dim
    curvature, _ = curvature_in_frames(kernels.packed(kernels.second, x, 2), n)
    swapped = np.swapaxes(curvature, 1, 2)
    noise = np.abs(curvature + swapped).reshape(len(x), -1).max(axis=1)
    size = np.abs(curvature).reshape(len(x), -1).max(axis=1)
    good = np.flatnonzero(noise <= _NOISE * np.maximum(1.0, size))
    if not len(good):
        return Largest(-np.inf, 0, None)
    curvature, size = 0.5 * (curvature - swapped)[good], size[good]
    planes = list(combinations(range(n), 2))
    rows, columns = np.array(planes).T
    operators = curvature[:, rows[:, None], columns[:, None], rows[None, :], columns[None, :]]
    values = np.linalg.eigvalsh(0.5 * (operators + np.swapaxes(operators, 1, 2)))[:, -1]
    if n > 3:
        doubtful = np.flatnonzero(values > ROUNDING)
        doubtful = doubtful[np.argsort(-values[doubtful], kind="stable")]
        for k in doubtful[:_SEARCHES]:
            values[k] = _best_plane(curvature[k])
        if len(doubtful) > _SEARCHES:
            # One plane of positive curvature says as much as many.
            settled = float(values[doubtful[:_SEARCHES]].max())
            values[doubtful[_SEARCHES:]] = (
                settled
                if settled > ROUNDING
                else [_best_plane(curvature[k]) for k in doubtful[_SEARCHES:]]
            )
    best = int(np.argmax(values))
    point, _ = kernels.from_chart(x[good[best], None], np.zeros((1, n)))
    return Largest(float(values[best]), len(good), point[0])


def curvature_in_frames(packed: Floats, n: int) -> tuple[Floats, Floats]:
    """R[l, k, i, j] = g(R(e_i, e_j)e_k, e_l) in orthonormal frames, and these as columns.

    Not finite at rows where the packed fields are not, or g is not positive definite.
    """
    fields = unpacked(packed, n, 2)
    usable: NDArray[np.bool_] = np.asarray(np.isfinite(packed).all(axis=1))
    usable[usable] = np.linalg.eigvalsh(fields.g[usable])[:, 0] > 0
    result, frames = np.full((len(packed), n, n, n, n), np.nan), np.full(fields.g.shape, np.nan)
    fields = Fields(*(part[usable] for part in fields))
    frames[usable] = np.swapaxes(np.linalg.inv(np.linalg.cholesky(fields.g)), 1, 2)
    with np.errstate(all="ignore"):
        riemann = tensor("riemann", fields, 0.0, np.linalg.inv)
        moved = np.einsum("xlm,xmkij->xlkij", fields.g, riemann)
        for _ in range(4):
            # Each pass contracts the first index and puts it last.
            moved = np.einsum("xlkij,xla->xkija", moved, frames[usable])
    result[usable] = moved
    return result, frames


def _best_plane(tensor: Floats) -> float:
    # tensor[l, k, i, j] = g(R(e_i, e_j)e_k, e_l) in an orthonormal frame.
    n = len(tensor)
    rng = np.random.default_rng(0)
    best = -np.inf
    for u in rng.standard_normal((_STARTS, n)):
        u /= np.linalg.norm(u)
        value = -np.inf
        for _ in range(_SWEEPS):
            # The Jacobi operator is zero on u itself, which is moved out of the way.
            jacobi = np.einsum("lkij,k,j->li", tensor, u, u)
            jacobi = 0.5 * (jacobi + jacobi.T)
            shift = 1.0 + 2.0 * float(np.abs(jacobi).sum())
            values, vectors = np.linalg.eigh(jacobi - shift * np.outer(u, u))
            u, before, value = vectors[:, -1], value, float(values[-1])
            if value - before < 1e-10 * (1.0 + abs(value)):
                break
        best = max(best, value)
    return best
