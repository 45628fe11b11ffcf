"""Fisher-Rao distance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from statmani.errors import NoConvergence
from statmani.geometry.manifold import StatisticalManifold
from statmani.numerics.arguments import broadcast, manifold_of, read_rtol, warn_failures
from statmani.numerics.circles import uneven_circles
from statmani.numerics.closed import closed_distance
from statmani.numerics.connect import REASONS, require_definite
from statmani.numerics.gaps import distance_by_continuity
from statmani.numerics.minimality import NOT_PROVED, bound_from_maps, verdict
from statmani.numerics.path import Path
from statmani.numerics.prepared import prepared
from statmani.numerics.shortest import shortest_rows

__all__ = ["DistanceResult", "distance", "measured"]

Floats = NDArray[np.float64]


@final
@dataclass(frozen=True, eq=False)
class DistanceResult:
    """Distance with what is known of it; floats for one pair, arrays for a batch.

    Attributes
    ----------
    value : float or ndarray
        Length of the geodesic found; NaN where none was found.
    error : float or ndarray
        Absolute error estimate.
    lower, upper : float or ndarray
        Bounds of the distance. The upper one is the length of a curve and its rounding. The lower
        one is, with minimality "unique" and "unique if no curvature is positive", that of the
        convexity of the energy, which the acceleration of the curve makes sharp
        (d^2 >= 2E - int |D_t c'|^2 / pi^2); it is as sure as the minimality. Else it comes from
        maps that do not lengthen curves, whatever the curvature: p -> 2 sqrt(p) carries a family
        into a sphere, so d >= 2 arccos(int sqrt(p q)) (Amari and Nagaoka 2000, section 2.2). It
        is at most pi for one observation, and 0 where no density or integral is at hand. Normal
        laws of n variables, in whatever coordinates, have a map to positive matrices, where
        distances are known (Calvo and Oller 1990).
    status : str or ndarray of str
        "converged"; "infimum" where every geodesic would cross a point that the chart lacks, such
        as the pole of polar coordinates; or why there is no value.
    minimality : str
        "unique": proved that the geodesic is the only one and shortest. In one dimension; where the
        closed form is the distance; and where the domain is simply connected, has two dimensions,
        and its curvature is proved to be nowhere positive: two geodesics would bound a region whose
        curvature is positive in the mean (do Carmo 1976, section 4-5).
        "unique if no curvature is positive": so it was at all points looked at, inside the domain
        and along the geodesics; in three dimensions or more M is also assumed to be complete, or a
        geodesically convex part of a complete and simply connected manifold (do Carmo 1992,
        section 7.3).
        "not proved": there may be shorter geodesics.
    why : str
        The reason for the minimality, and where the lower bound comes from.
    geodesics : int or ndarray of int
        How many different geodesics were compared; ``value`` is the length of the shortest. More
        than one is looked for round circles that no reflection and turn preserves; where the first
        is longer than pi / sqrt(K) for the largest curvature K > 0 at sampled points, so that
        there may be conjugate points; and where it was not found from a straight line.
    """

    value: Any
    error: Any
    lower: Any
    upper: Any
    status: Any
    minimality: str
    why: str
    geodesics: Any

    def __str__(self) -> str:
        if np.ndim(self.value):
            good = int(np.isfinite(self.value).sum())
            return f"{np.size(self.value)} distances, {good} converged"
        return f"{self.value:.15g} +- {self.error:.1g} ({self.status}, {self.minimality})"


def distance(
    M: object, p: ArrayLike, q: ArrayLike, *, rtol: float = 1e-10, full_output: bool = False
) -> Any:
    """Fisher-Rao distance between points: the length of the geodesic between them.

    Parameters
    ----------
    M : StatisticalManifold or Family
    p, q : array_like, shape (n,) or (..., n)
        Points in coordinate order; batches broadcast.
    rtol : float
        Relative accuracy, 1e-14 to 0.1.
    full_output : bool
        Return a :class:`DistanceResult`.

    Returns
    -------
    float or ndarray of shape (...), or DistanceResult

    Raises
    ------
    OutsideDomain, InvalidArgument
        Bad points or arguments.
    InvalidManifold
        The metric is not positive definite.
    NoConvergence
        For one pair: no geodesic was found, with the reason. In a batch such elements are NaN
        and one warning counts them.

    Notes
    -----
    ds^2 = g_ij dtheta^i dtheta^j without any factor (Rao 1945). Where
    :func:`statmani.distance_formula` finds a closed form that is the distance, its values are
    taken, with bounds of their rounding errors. Elsewhere a polynomial of small energy, in
    unconstrained coordinates, leads to Gauss collocation of the geodesic equation, with path
    following in the end point where Newton's method needs it; d = sqrt(2E) has an error of second
    order in that of the path. Several geodesics are compared where there may be several, and ways
    round a circle unless turning and reflecting it are isometries: else the nearest is shortest.

    Examples
    --------
    >>> import sympy as sp, statmani as sm
    >>> mu, sigma = sp.Symbol("mu", real=True), sp.Symbol("sigma", positive=True)
    >>> M = sm.StatisticalManifold((mu, sigma), sp.diag(1, 2) / sigma**2)
    >>> round(sm.distance(M, [0, 1], [1, 1]), 12)
    0.980258143469
    """
    manifold = manifold_of(M)
    tolerance = read_rtol(rtol)
    start = manifold.domain.require(p, "p")
    end = manifold.domain.require(q, "q")
    shape, starts, ends = broadcast(start, end, ("p", "q"))
    paths: dict[int, Path] | None = {} if full_output else None
    value, error, gap, status, count = measured(manifold, starts, ends, tolerance, paths)
    total = len(value)
    if shape == ():
        if np.isnan(value[0]):
            raise NoConvergence(
                f"no distance from {starts[0]} to {ends[0]}: {REASONS[str(status[0])]}. "
                "Try a point in between, other coordinates, or a larger rtol."
            )
    else:
        warn_failures(
            int(np.isnan(value).sum()),
            total,
            "distances were not found",
            "Pass full_output=True for the reasons.",
        )
    if not full_output:
        return _shaped(value, shape)
    found = verdict(manifold, list((paths or {}).values()))
    if found.kind == NOT_PROVED:
        least, source = bound_from_maps(manifold, starts, ends)
        least[np.isnan(value)] = np.nan
    elif closed_distance(manifold) is not None:
        least, source = value - error, "the closed form less its rounding"
    else:
        least, source = np.sqrt(np.maximum(value**2 - gap, 0.0)) - error, "convexity of the energy"
    return DistanceResult(
        _shaped(value, shape),
        _shaped(error, shape),
        _shaped(np.maximum(least, 0.0), shape),
        _shaped(value + error, shape),
        _shaped(status, shape),
        found.kind,
        f"{found.why}. Lower bound: {source}.",
        _shaped(count, shape),
    )


def measured(
    manifold: StatisticalManifold,
    starts: Floats,
    ends: Floats,
    rtol: float,
    paths: dict[int, Path] | None = None,
) -> tuple[Floats, Floats, Floats, NDArray[np.str_], NDArray[np.int64]]:
    """For rows of pairs: distance, error, gap, status and number of geodesics.

    By the closed form where it is exact enough; for the gap see :class:`Connection`. Paths that
    are found are added to ``paths`` by row.

    Raises
    ------
    InvalidManifold
        The metric is not positive definite.
    """
    count = len(starts)
    value, error, gap = np.empty(count), np.empty(count), np.zeros(count)
    open_ = np.ones(count, dtype=bool)
    status, compared = np.full(count, "converged", dtype="U16"), np.ones(count, dtype=np.int64)
    closed = closed_distance(manifold)
    if closed is not None:
        value, error, settled = closed.settled(starts, ends, rtol)
        open_ = ~settled
    rows = np.flatnonzero(open_)
    if len(rows):
        p, q = starts[rows], ends[rows]
        kernels = prepared(manifold)
        require_definite(kernels.metric(kernels.to_chart(p)), "p")
        require_definite(kernels.metric(kernels.to_chart(q)), "q")
        keep = paths is not None
        results, compared[rows] = shortest_rows(kernels, p, q, rtol, keep, length_only=True)
        if paths is not None:
            found_paths = ((k, found.path) for k, found in zip(rows, results, strict=True))
            paths |= {int(k): path for k, path in found_paths if path is not None}
        for k, found in zip(rows, results, strict=True):
            value[k], error[k], status[k] = found.distance, found.distance_error, found.status
            gap[k] = found.gap
            # Of other ways round a circle, one may be shorter than the limit.
            if found.status == "no path" and not uneven_circles(manifold):
                limit = distance_by_continuity(kernels, starts[k], ends[k], rtol)
                if limit is not None:
                    value[k], error[k], status[k], gap[k] = *limit, "infimum", 0.0
    return value, error, gap, status, compared


def _shaped(array: NDArray[Any], shape: tuple[int, ...]) -> Any:
    return array.reshape(shape) if shape else array[0].item()
