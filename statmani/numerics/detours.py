"""Curves that may be shorter than a geodesic that was found, by shortest paths on a grid.

The way round a hill is no small change of the way over it. On a grid of the unconstrained chart,
whose edges have their lengths in the metric, the distances from both ends are known at all nodes
(Dijkstra 1959). Where the nodes that are as far from the one as from the other have a least sum of
both, a curve passes that is worth a start.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import gcd
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.typing import NDArray

from statmani.numerics.prepared import Prepared

if TYPE_CHECKING:
    from statmani.numerics.path import Path

__all__ = ["LARGEST_DIM", "detours", "surroundings"]

Floats = NDArray[np.float64]
Ints = NDArray[np.signedinteger[Any]]
#: In more dimensions a grid has too many nodes.
LARGEST_DIM = 3
# Points of an axis where the surroundings of two points are looked at, by dimension.
_PLACES = {1: 25, 2: 15, 3: 7}
# Nodes of an axis, and the longest edge in nodes, by dimension.
_NODES, _REACH = {1: 401, 2: 81, 3: 27}, {1: 1, 2: 3, 3: 2}
# Room beside the first curve, and how often a side may move out.
_ROOM, _ENLARGED = 0.5, 3
# Paths of a grid are that much too long, and so are those that may be the shortest.
_SLACK = 1.04
# So many are tried.
_TRIED = 5


def detours(
    kernels: Prepared, start: Floats, ends: Floats, path: Path | None, length: float
) -> Iterator[Floats]:
    """Corners of curves from a point to any of several, in the chart, the shortest first.

    Parameters
    ----------
    kernels : Prepared
    start : ndarray, shape (n,)
    ends : ndarray, shape (m, n)
        The same point, on circles after several turns.
    path : Path or None
        A geodesic that is known, and its length: infinite where there is none.
    length : float
    """
    box = _first_box(kernels, start, ends, path)
    for _ in range(1 + _ENLARGED):
        grid = _Grid(kernels, box)
        there, before = grid.distances([grid.nearest(start)])
        back, after = grid.distances([grid.nearest(end) for end in ends])
        total = there + back
        least = min(length, float(total.min()))
        if not np.isfinite(least):
            return
        moved = grid.moved(total <= _SLACK * least)
        if moved is None:
            break
        box = moved
    for node in grid.crossings(there, back, _SLACK * least)[:_TRIED]:
        nodes = [*_chain(before, node)[::-1], *_chain(after, node)[1:]]
        corners = grid.points[nodes]
        end = ends[np.argmin(np.linalg.norm(ends - corners[-1], axis=1))]
        yield np.vstack([start, corners[1:-1], end])


def surroundings(kernels: Prepared, start: Floats, end: Floats) -> Floats:
    """Points around and between two points of the chart, as rows."""
    low, high = _first_box(kernels, start, end[None], None)
    sides = [np.linspace(a, b, _PLACES[kernels.dim]) for a, b in zip(low, high, strict=True)]
    points: Floats = np.stack(np.meshgrid(*sides, indexing="ij"), axis=-1)
    return points.reshape(-1, kernels.dim)


def _first_box(
    kernels: Prepared, start: Floats, ends: Floats, path: Path | None
) -> tuple[Floats, Floats]:
    points = np.vstack([start, ends])
    if path is not None:
        points = np.vstack([points, path(np.linspace(0.0, 1.0, 65))[0]])
    low, high = points.min(axis=0), points.max(axis=0)
    # Room in all directions by the same length of the metric.
    units = np.sqrt(np.diagonal(kernels.metric(0.5 * (low + high)[None])[0]))
    size = (high - low) * units
    room = _ROOM * np.maximum(high - low, size.max() / units)
    return low - room, high + room


def _chain(previous: Ints, node: int) -> list[int]:
    chain = [node]
    while previous[chain[-1]] >= 0:
        chain.append(int(previous[chain[-1]]))
    return chain


@final
class _Grid:
    """Nodes of a box and the lengths of edges between them."""

    def __init__(self, kernels: Prepared, box: tuple[Floats, Floats]) -> None:
        from scipy.sparse import csr_array

        self._low, self._high = box
        n = kernels.dim
        self._count = count = _NODES[n]
        fine = [np.linspace(a, b, 2 * count - 1) for a, b in zip(*box, strict=True)]
        mesh = np.stack(np.meshgrid(*fine, indexing="ij"), axis=-1)
        g = kernels.metric(mesh.reshape(-1, n)).reshape(*mesh.shape, n)
        if kernels.manifold.domain.constraints:
            inside, _ = kernels.from_chart(mesh.reshape(-1, n), np.zeros((mesh.size // n, n)))
            kept = np.asarray(kernels.manifold.domain.contains(inside))
            g[~kept.reshape(mesh.shape[:-1])] = np.nan
        coarse = (slice(None, None, 2),) * n
        self.points = mesh[coarse].reshape(-1, n)
        self._shape = (count,) * n
        numbers = np.arange(count**n).reshape(self._shape)
        rows, columns, lengths = [], [], []
        for step in _steps(n):
            own, other, middle = _slices(step, count)
            move = np.array(step) * (self._high - self._low) / (count - 1)
            square = np.einsum("...ij,i,j->...", g, move, move)
            with np.errstate(invalid="ignore"):
                speed = np.sqrt(square)
            at, to = speed[coarse][own], speed[coarse][other]
            rows.append(numbers[own].ravel())
            columns.append(numbers[other].ravel())
            lengths.append(((at + 4.0 * speed[middle] + to) / 6.0).ravel())
        weights = np.concatenate(lengths)
        usable = np.isfinite(weights) & (weights > 0)
        edges = np.concatenate(rows)[usable], np.concatenate(columns)[usable]
        self._graph: Any = csr_array((weights[usable], edges), shape=(count**n, count**n))

    def nearest(self, point: Floats) -> int:
        """The node next to a point."""
        steps = (point - self._low) / (self._high - self._low) * (self._count - 1)
        at = np.clip(np.rint(steps).astype(np.int64), 0, self._count - 1)
        return int(np.ravel_multi_index(tuple(at), self._shape))

    def distances(self, sources: list[int]) -> tuple[Floats, Ints]:
        """From the nearest source to all nodes, and the node before each."""
        from scipy.sparse.csgraph import dijkstra

        found = dijkstra(
            self._graph, directed=False, indices=sources, return_predecessors=True, min_only=True
        )
        distances: Floats = found[0]
        return distances, found[1]

    def moved(self, within: NDArray[np.bool_]) -> tuple[Floats, Floats] | None:
        """A larger box where nodes of a set lie on a side of this one, else None."""
        low, high = self._low.copy(), self._high.copy()
        size, marked = high - low, within.reshape(self._shape)
        for axis in range(len(low)):
            sides = np.moveaxis(marked, axis, 0)
            low[axis] -= size[axis] * bool(sides[0].any())
            high[axis] += size[axis] * bool(sides[-1].any())
        return None if (low == self._low).all() and (high == self._high).all() else (low, high)

    def crossings(self, there: Floats, back: Floats, limit: float) -> list[int]:
        """Nodes between those nearer to either end, one for each least sum of both distances."""
        total = there + back
        nearer = (there <= back).reshape(self._shape)
        border = np.zeros_like(nearer)
        for axis in range(nearer.ndim):
            change = np.moveaxis(border, axis, 0), np.moveaxis(nearer, axis, 0)
            change[0][:-1] |= change[1][:-1] & ~change[1][1:]
            change[0][1:] |= change[1][1:] & ~change[1][:-1]
        middle = np.flatnonzero(border.ravel() & (total <= limit))
        middle = middle[np.argsort(total[middle], kind="stable")]
        places = np.array(np.unravel_index(middle, self._shape)).T
        found: list[int] = []
        for k, place in enumerate(places):
            # Sums grow away from their least value.
            near = np.abs(places[:k] - place).max(axis=1, initial=0) <= 2
            if not near.any():
                found.append(int(middle[k]))
        return found


def _steps(n: int) -> list[tuple[int, ...]]:
    """Directions of edges, one of each pair of opposite ones."""
    span = range(-_REACH[n], _REACH[n] + 1)
    return [s for s in product(span, repeat=n) if s > (0,) * n and gcd(*s) == 1]


def _slices(step: tuple[int, ...], count: int) -> tuple[Any, Any, Any]:
    """Of nodes at the start and at the end of edges, and of points of the fine mesh between."""
    own = tuple(slice(max(0, -s), count - max(0, s)) for s in step)
    other = tuple(slice(max(0, s), count + min(0, s)) for s in step)
    middle = tuple(
        slice(2 * a.start + s, 2 * (a.stop - 1) + s + 1, 2) for a, s in zip(own, step, strict=True)
    )
    return own, other, middle
