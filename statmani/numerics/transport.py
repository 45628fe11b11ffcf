"""Parallel transport of vectors along paths."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from statmani.errors import InvalidArgument, NoConvergence
from statmani.kernels import compiled
from statmani.numerics.arguments import (
    manifold_of,
    read_alpha,
    read_rtol,
    read_vectors,
    warn_failures,
)
from statmani.numerics.geodesic import Geodesic, geodesic
from statmani.numerics.open_tensors import has_expectations
from statmani.numerics.path import Path, from_samples, sample_places
from statmani.numerics.path_rows import PathRows, from_paths
from statmani.numerics.precise import loses_transport, transport_slopes
from statmani.numerics.prepared import Prepared, gauss, prepared
from statmani.numerics.threads import in_parts

__all__ = ["parallel_transport"]

Floats = NDArray[np.float64]
_HALVINGS = 9
_NODES = 12
# Work beside that of following a geodesic to its end, for threads.
_WORK = 50.0


def parallel_transport(
    M: object,
    path: Geodesic | Callable[[Floats], ArrayLike] | ArrayLike,
    v: ArrayLike,
    *,
    alpha: float = 0,
    rtol: float = 1e-10,
) -> Floats:
    """Transport a vector from the start of a path to its end by an alpha-connection.

    Parameters
    ----------
    M : StatisticalManifold or Family
    path : Geodesic, callable, or array_like of shape (T, n)
        A record of :func:`geodesic` (of any connection, also a batch); a smooth function that
        takes times in [0, 1], shape (m,), to points, shape (m, n); or points that are joined by
        Levi-Civita geodesics.
    v : array_like, shape (n,) or (..., n)
        Vector at the start in the manifold's coordinates; with a single path many at once.
    alpha : real number
        0 Levi-Civita, 1 exponential, -1 mixture connection.
    rtol : float
        Relative accuracy, 1e-14 to 0.1.

    Returns
    -------
    ndarray, shape (..., n)
        The vector at the end of the path; NaN where a geodesic of a batch failed.

    Raises
    ------
    InvalidArgument, OutsideDomain
        Bad arguments, or points of the path outside the domain.
    NoConvergence
        The path is not smooth enough, or two of the given points have no geodesic.

    Notes
    -----
    dV^k/dt = -Gamma^k_ij x'^i V^j (do Carmo 1992, section 2.2), by Gauss collocation on
    halved meshes. Transports of dual connections keep the inner product:
    g(P^(alpha) v, P^(-alpha) w) = g(v, w) (Amari and Nagaoka 2000, theorem 3.1).

    Examples
    --------
    >>> import sympy as sp, statmani as sm
    >>> mu, sigma = sp.Symbol("mu", real=True), sp.Symbol("sigma", positive=True)
    >>> M = sm.StatisticalManifold((mu, sigma), sp.diag(1, 2) / sigma**2)
    >>> path = sm.geodesic(M, [0, 1], end=[0, 3])
    >>> [round(float(c), 9) for c in sm.parallel_transport(M, path, [1, 1])]
    [3.0, 3.0]
    """
    manifold = manifold_of(M)
    a, tolerance = read_alpha(alpha), read_rtol(rtol)
    n = manifold.dim
    vectors = read_vectors(v, n, "v")
    kernels = prepared(manifold)
    if callable(path) and not isinstance(path, Geodesic):
        return _apply(_along_function(kernels, path, a, tolerance), vectors)
    if not isinstance(path, Geodesic):
        points = manifold.domain.require(np.asarray(path), "path")
        if points.ndim != 2 or points.shape[0] < 2:
            raise InvalidArgument(
                f"path must have shape (T, {n}) with T of at least 2, got {points.shape}. "
                "Pass a geodesic, a function of time, or the points to be joined."
            )
        matrix = np.eye(n)
        for p, q in pairwise(points):
            piece = geodesic(manifold, p, end=q, rtol=tolerance)
            matrix = _along(kernels, piece.pieces[0], a, tolerance) @ matrix
        return _apply(matrix, vectors)
    rows = path.rows
    shape = np.shape(path.length)
    if shape == ():
        return _apply(_along(kernels, rows[0], a, tolerance), vectors)
    try:
        given = np.broadcast_to(vectors, (*shape, n))
    except ValueError:
        raise InvalidArgument(
            f"v of shape {vectors.shape} does not broadcast to the paths' {(*shape, n)}."
            " Give one vector, or one for each path."
        ) from None
    matrices, failed = _along_rows(kernels, rows, a, tolerance)
    warn_failures(
        int(failed.sum()), len(rows), "transports do not reach rtol", "Try a larger rtol."
    )
    return _apply(matrices.reshape(*shape, n, n), given)


def _apply(matrix: Floats, vectors: Floats) -> Floats:
    result: Floats = (matrix @ vectors[..., None])[..., 0]
    return result


def _along(kernels: Prepared, path: Path | None, alpha: float, rtol: float) -> Floats:
    # The matrix of transport along a path, in the manifold's coordinates.
    x0 = np.zeros((1, kernels.dim)) if path is None else path.x0[None, :]
    matrices, failed = _along_rows(kernels, from_paths([path], x0), alpha, rtol)
    if failed[0]:
        raise NoConvergence(
            f"parallel transport does not reach rtol = {rtol:g}. Give a smoother or shorter path, "
            "or a larger rtol."
        )
    matrix: Floats = matrices[0]
    return matrix


def _along_rows(
    kernels: Prepared, paths: PathRows, alpha: float, rtol: float
) -> tuple[Floats, NDArray[np.bool_]]:
    """Matrices of transport, NaN where a path or its transport failed; and which of the latter."""
    count, n = paths.x0.shape
    nodes, b, _, first, _, _ = gauss()
    result, statuses = np.full((count, n, n), np.nan), np.zeros(count, np.int64)
    solver, chart, field = compiled.transport_solver(), kernels.maps.chart, kernels.first

    def follow(part: slice) -> None:
        firsts = paths.firsts[part.start : part.stop + 1]
        solver.transport_rows(
            chart, field, paths.x0[part], firsts, paths.ends, paths.series, alpha, rtol, _HALVINGS,
            nodes, b, first, result[part], statuses[part],
        )  # fmt: skip

    # Tensors that call Python are no use to several threads.
    in_parts(count, 0.0 if has_expectations(kernels.manifold) else _WORK, follow)
    for k in np.flatnonzero(paths.found & loses_transport(kernels, paths, alpha, rtol)):
        found = _exactly(kernels, paths[int(k)], alpha, rtol)
        statuses[k] = int(found is None)
        result[k] = np.nan if found is None else found
    return result, statuses != 0


def _exactly(kernels: Prepared, path: Path | None, alpha: float, rtol: float) -> Floats | None:
    """The matrix from tensors with 31 digits, None where meshes do not come to agree."""
    assert path is not None
    knots = path.knots
    previous: Floats | None = None
    for _ in range(_HALVINGS):
        matrix, frames = _on_mesh(kernels, path, knots, alpha, True)
        if previous is not None and _agree(kernels, path, matrix, previous, frames, rtol):
            return _own_coordinates(kernels, path, matrix, frames)
        previous = matrix
        knots = np.sort(np.concatenate([knots, 0.5 * (knots[1:] + knots[:-1])]))
    return None


def _along_function(
    kernels: Prepared, function: Callable[[Floats], ArrayLike], alpha: float, rtol: float
) -> Floats:
    domain = kernels.manifold.domain
    places = 0.5 * (sample_places(_NODES)[:, None] + 1.0)
    n = kernels.dim
    previous: Floats | None = None
    for halvings in range(_HALVINGS):
        knots = np.linspace(0.0, 1.0, 2**halvings + 1)
        times = knots[:-1] + places * np.diff(knots)
        times[-1] = knots[1:]
        points = domain.require(np.asarray(function(times.ravel())), "path")
        if points.shape != (times.size, n):
            raise InvalidArgument(
                f"path must return points of shape ({times.size}, {n}) at "
                f"{times.size} times, got {points.shape}. Write it for arrays of times."
            )
        points = np.ascontiguousarray(points).reshape(*times.shape, n)
        starts = np.tile(points[0], (len(places), 1))
        local = kernels.plain_displacement(starts, points.reshape(-1, n)).reshape(points.shape)
        # Of many steps, with more digits where the processor has them.
        left = np.zeros((len(knots), n), dtype=np.longdouble)
        left[1:] = np.cumsum(local[-1], axis=0, dtype=np.longdouble)
        x0 = kernels.to_chart(points[0, :1])[0]
        path = from_samples(x0, knots, left[:-1].astype(float), local)
        exact = bool(loses_transport(kernels, from_paths([path], path.x0[None]), alpha, rtol)[0])
        matrix, frames = _on_mesh(kernels, path, knots, alpha, exact)
        if previous is not None and _agree(kernels, path, matrix, previous, frames, rtol):
            return _own_coordinates(kernels, path, matrix, frames)
        previous = matrix
    raise NoConvergence(
        f"parallel transport does not reach rtol = {rtol:g} along this path. Give a smoother path "
        "(split it at kinks), or a larger rtol."
    )


def _on_mesh(
    kernels: Prepared, path: Path, knots: Floats, alpha: float, exact: bool
) -> tuple[Floats, Floats | None]:
    """Transport from the first to the last knot, in frames L^-T with L at both ends.

    Without frames where the metric is not positive definite.
    """
    nodes, b, _, first, _, _ = gauss()
    n, s, m = kernels.dim, nodes.shape[0], knots.shape[0] - 1
    h = np.diff(knots)
    times = (knots[:-1, None] + h[:, None] * nodes).ravel()
    x, v = map(np.ascontiguousarray, path(np.concatenate([times, knots[[0, -1]]])))
    frames, found = np.empty((2, len(x), n, n))
    framed = True
    if exact:
        frames, found = transport_slopes(kernels, x, v, alpha)
    else:
        solver, field = compiled.transport_solver(), kernels.first
        framed = solver.slopes(field, x, v, alpha, True, frames, found)
        if not framed and not solver.slopes(field, x, v, alpha, False, frames, found):
            found[:] = np.nan
    slope = found[:-2].reshape(m, s, n, n)
    system = -np.einsum("e,cd,eckl->eckdl", h, first, slope).reshape(m, s * n, s * n)
    system += np.eye(s * n)
    stages = np.linalg.solve(system, slope.reshape(m, s * n, n)).reshape(m, s, n, n)
    steps = np.eye(n) + np.einsum("e,c,eckl->ekl", h, b, stages)
    total: Floats = np.eye(n)
    for step in steps:
        total = step @ total
    return total, frames[-2:] if framed else None


def _agree(
    kernels: Prepared, path: Path, new: Floats, old: Floats, frames: Floats | None, rtol: float
) -> bool:
    scale: float | Floats = 1.0
    if frames is None:
        # In units of 1/sqrt g_ii at both ends, so that units of measurement do not matter.
        ends, _ = path(path.knots[[0, -1]])
        units = np.sqrt(np.abs(np.diagonal(kernels.metric(ends), axis1=1, axis2=2)))
        scale = units[1][:, None] / units[0][None, :]
    return bool(np.abs((new - old) * scale).max() <= rtol * np.abs(new * scale).max())


def _own_coordinates(
    kernels: Prepared, path: Path, matrix: Floats, frames: Floats | None
) -> Floats:
    ends, _ = path(path.knots[[0, -1]])
    jacobians = kernels.jacobians(ends)
    if frames is not None:
        matrix = np.linalg.solve(frames[1].T, matrix @ frames[0].T)
    result: Floats = jacobians[1] @ matrix @ np.linalg.inv(jacobians[0])
    return result
