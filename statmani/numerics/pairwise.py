"""Matrices of Fisher-Rao distances, by any executor."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from itertools import starmap
from typing import Any, Protocol, TextIO

import numpy as np
from numpy.typing import ArrayLike, NDArray

from statmani.errors import InvalidArgument
from statmani.geometry.manifold import StatisticalManifold
from statmani.numerics.arguments import manifold_of, read_rtol, warn_failures
from statmani.numerics.connect import connect_rows, require_definite
from statmani.numerics.prepared import prepared

__all__ = ["pairwise_distances"]

Floats = NDArray[np.float64]
_BLOCK = 512


class Executor(Protocol):
    """What concurrent.futures calls an executor, as far as it is used."""

    def map(self, function: Callable[..., Any], *iterables: Iterable[Any]) -> Iterable[Any]:
        """Results in order."""


def pairwise_distances(
    M: object,
    X: ArrayLike,
    Y: ArrayLike | None = None,
    *,
    rtol: float = 1e-10,
    executor: Executor | None = None,
    out: Floats | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> Floats:
    """Fisher-Rao distances between all rows of X and of Y.

    Parameters
    ----------
    M : StatisticalManifold or Family
    X : array_like, shape (N, n)
        Points in coordinate order.
    Y : array_like, shape (K, n), optional
        Other points; without them the matrix is that of X with itself, symmetric with zeros on
        its diagonal, and only half of it is computed.
    rtol : float
        Relative accuracy, 1e-14 to 0.1.
    executor : object, optional
        Anything with the ``map`` of ``concurrent.futures``: pools of threads or processes,
        loky's, ``dask.distributed.Client.get_executor()``. The numbers are the same, bit for
        bit, whoever computes them. Without one the work is done here.
    out : ndarray of shape (N, K), optional
        Filled as results arrive, and returned. What is not NaN in it is kept: after an
        interrupt, or to add rows, pass the same array again.
    progress : callable, optional
        Called with the number of pairs done and of all pairs. Without it a bar is drawn when
        the standard error is a terminal.

    Returns
    -------
    ndarray, shape (N, K)
        As ``scipy.spatial.distance.squareform`` and ``metric="precomputed"`` of scikit-learn
        take it. Pairs without a distance are NaN, and one warning counts them.

    Raises
    ------
    OutsideDomain, InvalidArgument
        Bad points or arguments.
    InvalidManifold
        The metric is not positive definite at a point.

    Examples
    --------
    >>> import sympy as sp, statmani as sm
    >>> mu, sigma = sp.Symbol("mu", real=True), sp.Symbol("sigma", positive=True)
    >>> M = sm.StatisticalManifold((mu, sigma), sp.diag(1, 2) / sigma**2)
    >>> sm.pairwise_distances(M, [[0, 1], [1, 1], [0, 2]]).round(6)
    array([[0.      , 0.980258, 0.980258],
           [0.980258, 0.      , 1.189381],
           [0.980258, 1.189381, 0.      ]])
    """
    manifold = manifold_of(M)
    tolerance = read_rtol(rtol)
    first = _points(manifold, X, "X")
    second = first if Y is None else _points(manifold, Y, "Y")
    shape = (len(first), len(second))
    result = np.full(shape, np.nan) if out is None else _checked(out, shape)
    if Y is None:
        np.fill_diagonal(result, 0.0)
        rows, columns = np.triu_indices(len(first), 1)
    else:
        rows, columns = (a.ravel() for a in np.indices(shape))
    wanted = np.flatnonzero(np.isnan(result[rows, columns]))
    blocks = [wanted[start : start + _BLOCK] for start in range(0, len(wanted), _BLOCK)]
    done = len(rows) - len(wanted)
    with _Bar(sys.stderr, len(rows)) if progress is None else _Told(progress, len(rows)) as tell:
        tasks = [(first[rows[block]], second[columns[block]]) for block in blocks]
        for block, values in zip(
            blocks, _computed(manifold, tasks, tolerance, executor), strict=True
        ):
            result[rows[block], columns[block]] = values
            if Y is None:
                result[columns[block], rows[block]] = values
            done += len(block)
            tell(done)
    failed = int(np.isnan(result[rows, columns]).sum())
    warn_failures(failed, len(rows), "distances were not found", "statmani.distance tells why.")
    return result


def _points(manifold: StatisticalManifold, points: ArrayLike, name: str) -> Floats:
    rows = manifold.domain.require(points, name)
    if rows.ndim != 2:
        raise InvalidArgument(
            f"{name} must have shape (N, {manifold.dim}), got {rows.shape}. Pass one row per point."
        )
    kernels = prepared(manifold)
    require_definite(kernels.metric(kernels.to_chart(np.ascontiguousarray(rows))), name)
    return rows


def _checked(out: Floats, shape: tuple[int, int]) -> Floats:
    if not isinstance(out, np.ndarray) or out.shape != shape or out.dtype != np.float64:
        raise InvalidArgument(
            f"out must be an array of floats of shape {shape}, got "
            f"{getattr(out, 'dtype', type(out).__name__)} of shape {np.shape(out)}. Begin with "
            f"numpy.full({shape}, numpy.nan)."
        )
    return out


def _computed(
    manifold: StatisticalManifold,
    tasks: list[tuple[Floats, Floats]],
    rtol: float,
    executor: Executor | None,
) -> Iterable[Floats]:
    if executor is None:
        return starmap(partial(_distances, manifold, rtol=rtol), tasks)
    work = partial(_elsewhere, pickle.dumps(manifold), rtol=rtol)
    return executor.map(work, [p for p, _ in tasks], [q for _, q in tasks])


def _distances(manifold: StatisticalManifold, p: Floats, q: Floats, *, rtol: float) -> Floats:
    found = connect_rows(prepared(manifold), p, q, 0.0, rtol, length_only=True)
    return np.array([c.distance for c in found])


@lru_cache(maxsize=8)
def _received(content: bytes) -> StatisticalManifold:
    # One manifold in a worker for all of its tasks, so that its kernels are loaded once.
    manifold: StatisticalManifold = pickle.loads(content)
    return manifold


def _elsewhere(content: bytes, p: Floats, q: Floats, *, rtol: float) -> Floats:
    return _distances(_received(content), p, q, rtol=rtol)


class _Told:
    """Tells a callback."""

    def __init__(self, progress: Callable[[int, int], object], total: int) -> None:
        self._progress, self._total = progress, total

    def __enter__(self) -> Callable[[int], object]:
        return lambda done: self._progress(done, self._total)

    def __exit__(self, *_: object) -> None:
        return None


class _Bar:
    """A bar on a terminal, nothing elsewhere."""

    def __init__(self, stream: TextIO | None, total: int) -> None:
        self._stream, self._total = stream, total
        self._shown = stream is not None and stream.isatty()

    def __enter__(self) -> Callable[[int], object]:
        return self._draw

    def _draw(self, done: int) -> None:
        if self._stream is not None and self._shown and self._total > _BLOCK:
            filled = 40 * done // self._total
            self._stream.write(
                f"\r[{'#' * filled}{'.' * (40 - filled)}] {done} of {self._total} distances"
            )
            self._stream.flush()

    def __exit__(self, *_: object) -> None:
        if self._stream is not None and self._shown and self._total > _BLOCK:
            self._stream.write("\n")
