"""Frechet means and medians."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from statmani.errors import InvalidArgument, NoConvergence
from statmani.geometry.manifold import StatisticalManifold
from statmani.numerics.arguments import manifold_of, read_rtol
from statmani.numerics.connect import require_definite
from statmani.numerics.mean_search import Pull, Search
from statmani.numerics.prepared import prepared

__all__ = ["FrechetResult", "frechet_mean", "frechet_median"]

Floats = NDArray[np.float64]
# Newton's method follows when the gradient, in its natural unit, is below this.
_NEAR = 0.1


@final
@dataclass(frozen=True, eq=False)
class FrechetResult:
    """A Frechet mean or median with the certificate that it is one.

    Attributes
    ----------
    point : ndarray, shape (n,)
        In the manifold's coordinates.
    value : float
        The weighted mean of the squared distances (mean) or of the distances (median).
    gradient : float
        Metric length at the point of the gradient of `value`, halved for a mean. Zero at a
        median that is one of the points: no other points pull harder than its weight.
    curvature : float
        Smallest eigenvalue of the covariant derivative of that gradient: positive at a strict
        local minimum. Infinite at a median that is one of the points.
    error : float
        Estimated distance to the exact point: the gradient and its own error over the
        curvature. Infinite where medians fill a segment.
    evaluations : int
        How often the geodesics to all points were computed.
    """

    point: Floats
    value: float
    gradient: float
    curvature: float
    error: float
    evaluations: int

    def __str__(self) -> str:
        return (
            f"{self.point} with value {self.value:.12g}, gradient {self.gradient:.1g}, "
            f"error {self.error:.1g}"
        )


def frechet_mean(
    M: object,
    points: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    start: ArrayLike | None = None,
    rtol: float = 1e-10,
    full_output: bool = False,
) -> Any:
    """The point whose weighted mean of squared Fisher-Rao distances to points is least.

    Parameters
    ----------
    M : StatisticalManifold or Family
    points : array_like, shape (N, n)
    weights : array_like, shape (N,), optional
        Not negative; equal by default.
    start : array_like, shape (n,), optional
        Where the search begins; by default at the mean in unconstrained coordinates or at one
        of the points.
    rtol : float
        Accuracy in units of the spread of the points, 1e-14 to 0.1.
    full_output : bool
        Return a :class:`FrechetResult`.

    Returns
    -------
    ndarray of shape (n,), or FrechetResult

    Raises
    ------
    OutsideDomain, InvalidArgument, InvalidManifold
        Bad points, weights or metric.
    NoConvergence
        A geodesic was not found, or the search did not end at a local minimum.

    Notes
    -----
    A local minimum. It is the only one where the curvature is nowhere positive and geodesics
    are unique (Cartan 1928), or when all points lie in a ball of radius less than a quarter of
    pi / sqrt(sup K) that is small enough for its geodesics to be unique (Karcher 1977, theorem
    1.2). Descent in unconstrained coordinates, then Newton's method.

    Examples
    --------
    >>> import sympy as sp, statmani as sm
    >>> mu, sigma = sp.Symbol("mu", real=True), sp.Symbol("sigma", positive=True)
    >>> M = sm.StatisticalManifold((mu, sigma), sp.diag(1, 2) / sigma**2)
    >>> bool(abs(sm.frechet_mean(M, [[-2, 1], [2, 1]]) - [0, 3**0.5]).max() < 1e-9)
    True
    """
    found = _least(M, points, weights, start, rtol, 2)
    return found if full_output else found.point


def frechet_median(
    M: object,
    points: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    start: ArrayLike | None = None,
    rtol: float = 1e-10,
    full_output: bool = False,
) -> Any:
    """The point whose weighted mean of Fisher-Rao distances to points is least.

    Parameters
    ----------
    M : StatisticalManifold or Family
    points : array_like, shape (N, n)
    weights : array_like, shape (N,), optional
        Not negative; equal by default.
    start : array_like, shape (n,), optional
        Where the search begins; by default at the mean in unconstrained coordinates or at one
        of the points.
    rtol : float
        Accuracy in units of the spread of the points, 1e-14 to 0.1.
    full_output : bool
        Return a :class:`FrechetResult`.

    Returns
    -------
    ndarray of shape (n,), or FrechetResult

    Raises
    ------
    OutsideDomain, InvalidArgument, InvalidManifold
        Bad points, weights or metric.
    NoConvergence
        A geodesic was not found, or the search did not end at a local minimum.

    Notes
    -----
    Steps of Weiszfeld (Fletcher, Venkatasubramanian and Joshi 2009), then Newton's method. One
    of the points is a median when the others pull at it with less than its own weight (Vardi
    and Zhang 2000), which is tested where the search comes near it.

    Examples
    --------
    >>> import sympy as sp, statmani as sm
    >>> mu, sigma = sp.Symbol("mu", real=True), sp.Symbol("sigma", positive=True)
    >>> M = sm.StatisticalManifold((mu, sigma), sp.diag(1, 2) / sigma**2)
    >>> sm.frechet_median(M, [[0, 1], [0, 2], [0, 50]])
    array([0., 2.])
    """
    found = _least(M, points, weights, start, rtol, 1)
    return found if full_output else found.point


def _least(
    M: object,
    points: ArrayLike,
    weights: ArrayLike | None,
    start: ArrayLike | None,
    rtol: float,
    power: int,
) -> FrechetResult:
    manifold = manifold_of(M)
    tolerance = read_rtol(rtol)
    rows, masses = _data(manifold, points, weights)
    kernels = prepared(manifold)
    x = kernels.to_chart(rows)
    require_definite(kernels.metric(x), "points")
    if len(rows) == 1:
        return FrechetResult(rows[0], 0.0, 0.0, float("inf"), 0.0, 0)
    search = Search(kernels, rows, masses, power)
    if start is None:
        pull = search.first(_middle(manifold, x, masses))
    else:
        begin = np.atleast_2d(manifold.domain.require(start, "start"))
        pull = search.pull(kernels.to_chart(begin)[0], begin[0])
    tested: set[int] = set()

    def close(pull: Pull) -> bool:
        near = pull.nearest_distance < 0.02 * search.spread(pull)
        return power == 1 and near and pull.nearest not in tested

    near = _NEAR
    smooth = True
    while near > 1e-3 * tolerance:

        def until(pull: Pull, bound: float = near) -> bool:
            return pull.gradient <= bound * search.unit(pull) or close(pull)

        pull = search.descend(pull, until)
        if close(pull):
            tested.add(pull.nearest)
            trial = search.at_point(pull.nearest)
            if trial.value < pull.value:
                pull = trial
            continue
        smooth = power > 1 or not (rows == pull.own).all(axis=1).any()
        if not smooth and pull.gradient == 0.0:
            break
        pull = search.newton(pull, tolerance)
        if pull.gradient <= tolerance * search.unit(pull):
            break
        near *= 0.1
    return _result(search, pull, smooth, tolerance)


def _result(search: Search, pull: Pull, smooth: bool, tolerance: float) -> FrechetResult:
    if pull.gradient > max(10 * tolerance * search.unit(pull), 10 * pull.noise):
        raise NoConvergence(
            f"the search for the least mean distance stopped at {pull.own}, where the gradient is "
            f"still {pull.gradient:.3g}. Pass a start nearer to the points, or a larger rtol."
        )
    if not smooth:
        # Just held is the end of a segment of medians.
        curvature, error = (float("inf"), 0.0) if pull.held else (0.0, float("inf"))
        return FrechetResult(pull.own, pull.value, 0.0, curvature, error, search.evaluations)
    hessian, stiffness = search.hessian(pull), pull.stiffness
    curvature = float(np.linalg.eigvalsh(0.5 * (hessian + hessian.T))[0])
    if curvature < -1e-6 * stiffness:
        raise NoConvergence(
            f"the search for the least mean distance ended at {pull.own}, which is no local "
            f"minimum: the smallest eigenvalue of the Hessian is {curvature:.3g}. Pass another "
            "start."
        )
    flat = curvature < 1e-6 * stiffness
    error = float("inf") if flat else (pull.gradient + pull.noise) / curvature
    return FrechetResult(pull.own, pull.value, pull.gradient, curvature, error, search.evaluations)


def _middle(manifold: StatisticalManifold, x: Floats, weights: Floats) -> Floats:
    result: Floats = weights @ x
    for i, axis in enumerate(manifold.domain.axes):
        if axis.periodic:
            result[i] = np.angle(weights @ np.exp(1j * x[:, i]))
    return result


def _data(
    manifold: StatisticalManifold, points: ArrayLike, weights: ArrayLike | None
) -> tuple[Floats, Floats]:
    """Distinct points with weights that are positive and sum to one."""
    rows = manifold.domain.require(points, "points")
    if rows.ndim != 2 or not len(rows):
        raise InvalidArgument(
            f"points must have shape (N, {manifold.dim}) with N > 0, got {rows.shape}. Pass one "
            "row per point."
        )
    if weights is None:
        masses = np.full(len(rows), 1.0 / len(rows))
    else:
        masses = np.asarray(weights, dtype=float)
        good = masses.shape == (len(rows),) and np.isfinite(masses).all()
        if not (good and (masses >= 0).all() and masses.sum() > 0):
            raise InvalidArgument(
                f"weights must be {len(rows)} numbers that are not negative and not all zero, got "
                f"{weights!r}. Pass one weight per point."
            )
        masses = masses / masses.sum()
    distinct, which = np.unique(rows, axis=0, return_inverse=True)
    together = np.zeros(len(distinct))
    np.add.at(together, which.ravel(), masses)
    kept = together > 0
    return np.ascontiguousarray(distinct[kept]), together[kept]
