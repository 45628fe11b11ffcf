"""The shortest of several geodesics between two points, where there may be several.

Conjugate points are at least pi / sqrt(K) apart, with the largest sectional curvature K (do Carmo
1992, section 10.2). Farther points may have several geodesics, and the straight line of the chart
leads to any of them. On a statistical manifold the geodesic of alpha = -1/4, a little towards
mixtures, is another start: it can take the covariance of normal laws along the line between
their means, which pays for far means. In up to three dimensions shortest paths on a grid are
others; manifolds of more, without skewness, are searched aside of the first geodesic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from typing import final

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray

from statmani.errors import StatmaniError
from statmani.geometry.manifold import StatisticalManifold
from statmani.numerics.alternatives import curves_aside
from statmani.numerics.circles import ways_round
from statmani.numerics.closed import closed_distance
from statmani.numerics.connect import Connection, connect_rows
from statmani.numerics.detours import LARGEST_DIM, detours, surroundings
from statmani.numerics.open_tensors import has_expectations
from statmani.numerics.path import Path
from statmani.numerics.prepared import Prepared, gauss
from statmani.numerics.sectional import ROUNDING, largest_curvature, sampled_curvature

__all__ = ["geodesic_rows", "reach", "shortest_rows"]

Floats = NDArray[np.float64]
# rtol, keep_path and length_only of connect_rows.
_Options = tuple[float, bool, bool]
_ALPHA, _ROUGH = -0.25, 1e-2
# Degrees of the curves that are started from, nodes of their projection, samples of arc length.
_DEGREES, _NODES, _SAMPLES = (16, 32), 100, 401
# Geodesics whose velocities at the start differ by less, relative to their length, are one.
_SAME = 1e-3


def reach(manifold: StatisticalManifold) -> float:
    """How long a geodesic is at least where there may be another; looked at once.

    By the largest sectional curvature at sampled points; infinite where none is positive.
    """
    found: float = manifold._once("reach of geodesics", _reach)
    return found


def _reach(manifold: StatisticalManifold) -> float:
    if manifold.dim == 1 or closed_distance(manifold) is not None:
        return np.inf
    try:
        return _conjugate(sampled_curvature(manifold).value)
    except StatmaniError:
        return np.inf


def _conjugate(largest: float) -> float:
    return float(np.pi / np.sqrt(largest)) if largest > ROUNDING else np.inf


def _reach_around(kernels: Prepared, p: Floats, q: Floats) -> float:
    """As :func:`reach`, by curvatures around the points of a pair."""
    start = kernels.to_chart(p[None])[0]
    end = start + kernels.displacement(p[None], q[None])[0]
    return _conjugate(largest_curvature(kernels, surroundings(kernels, start, end)).value)


def shortest_rows(
    kernels: Prepared,
    p: Floats,
    q: Floats,
    rtol: float,
    keep_path: bool = False,
    length_only: bool = False,
) -> tuple[list[Connection], NDArray[np.int64]]:
    """As :func:`connect_rows` with alpha = 0, and how many geodesics were compared, by row."""
    options = rtol, keep_path, length_only
    rows, turns, counts = _round_circles(kernels, p, q, options)
    far = reach(kernels.manifold)
    # Hills of a metric that somebody wrote may be anywhere.
    hilly = not kernels.manifold.geometry.skewness and _on_grids(kernels.manifold)
    around = any(axis.periodic for axis in kernels.manifold.domain.axes)
    for k, first in enumerate(rows):
        near = first.status == "converged" and first.distance <= far
        if near and not (hilly and first.distance > _reach_around(kernels, p[k], q[k])):
            continue
        if first.status != "converged" and around:
            # Shorter curves may lead to a point that the chart lacks.
            continue
        pair = _Pair(kernels, p[k], q[k], turns[k], options)
        known = [first] if counts[k] else []
        for found in _others(pair, first):
            if found.status == "converged" and _is_new(kernels, p[k : k + 1], found, known):
                known.append(found)
        if known:
            # Of geodesics that are as long, the first.
            rows[k] = min(known, key=lambda c: c.distance)
            counts[k] += len(known) - int(first.status == "converged")
    return rows, counts


def _round_circles(
    kernels: Prepared, p: Floats, q: Floats, options: _Options
) -> tuple[list[Connection], Floats, NDArray[np.int64]]:
    """The shortest geodesics by ways round circles, their turns, and how many were compared."""
    rows = connect_rows(kernels, p, q, 0.0, *options)
    turns = np.zeros(p.shape)
    found = [c.status == "converged" for c in rows]
    counts = np.array(found, dtype=np.int64)
    ways = ways_round(kernels.manifold)
    # One turn after the other, as long as a row becomes shorter.
    tried = [{tuple(row)} for row in turns]
    active = np.flatnonzero(found)
    while len(ways) and len(active):
        best, chosen = list(rows), turns.copy()
        for way in ways:
            own = turns[active] + way
            new = np.array([tuple(t) not in tried[k] for k, t in zip(active, own, strict=True)])
            at, own = active[new], own[new]
            others = connect_rows(kernels, p[at], q[at], 0.0, *options, turns=own)
            for k, turned, c in zip(at, own, others, strict=True):
                tried[k].add(tuple(turned))
                if c.status == "converged":
                    counts[k] += 1
                    if c.distance < best[k].distance:
                        best[k], chosen[k] = c, turned
        active = np.array([k for k in active if best[k] is not rows[k]], dtype=np.intp)
        rows, turns = best, chosen
    return rows, turns, counts


def geodesic_rows(
    kernels: Prepared, p: Floats, q: Floats, alpha: float, rtol: float, keep_path: bool = False
) -> list[Connection]:
    """The alpha-geodesics between rows of points, the shortest of several for alpha = 0."""
    if alpha == 0.0:
        return shortest_rows(kernels, p, q, rtol, keep_path)[0]
    return connect_rows(kernels, p, q, alpha, rtol, keep_path)


def _is_new(kernels: Prepared, p: Floats, found: Connection, known: list[Connection]) -> bool:
    lower = np.linalg.cholesky(kernels.metric(kernels.to_chart(p))[0])
    apart = [np.linalg.norm(lower.T @ (found.velocity - c.velocity)) for c in known]
    return not apart or bool(min(apart) > _SAME * found.distance)


@final
class _Pair:
    """Two points, geodesics between which start from given curves."""

    def __init__(
        self, kernels: Prepared, p: Floats, q: Floats, turns: Floats, options: _Options
    ) -> None:
        self.kernels, self.p, self.q, self.turns = kernels, p, q, turns
        self._options = options

    def connected(self, curve: Floats, turns: Floats) -> Connection:
        """The geodesic from a curve on, given by coefficients of its velocity."""
        (found,) = connect_rows(
            self.kernels, self.p[None], self.q[None], 0.0, *self._options, curve[None], turns[None]
        )
        return found

    def rough(self, alpha: float) -> Path | None:
        """The geodesic of a connection from a straight line on, roughly."""
        ends, turns = (self.p[None], self.q[None]), self.turns[None]
        (found,) = connect_rows(self.kernels, *ends, alpha, _ROUGH, True, turns=turns)
        return found.path


def _others(pair: _Pair, first: Connection) -> Iterator[Connection]:
    manifold = pair.kernels.manifold
    if manifold.geometry.skewness:
        path = pair.rough(_ALPHA)
        if path is not None:
            yield from _by_degrees(pair, partial(_coefficients, pair.kernels, [path]), pair.turns)
    if _on_grids(manifold):
        yield from _by_grid(pair, first)
    elif not manifold.geometry.skewness and first.status == "converged":
        path = first.path or pair.rough(0.0)
        if path is not None:
            for halves in curves_aside(pair.kernels, pair.p, pair.q, path, first.distance):
                curve = _coefficients(pair.kernels, halves, _DEGREES[0])
                yield pair.connected(curve, pair.turns)


def _on_grids(manifold: StatisticalManifold) -> bool:
    """Whether shortest paths on grids are within reach and may be needed."""
    if manifold.dim > LARGEST_DIM or has_expectations(manifold):
        return False
    return manifold.dim > 1 and closed_distance(manifold) is None


def _by_degrees(pair: _Pair, curve: Callable[[int], Floats], turns: Floats) -> Iterator[Connection]:
    for degree in _DEGREES:
        found = pair.connected(curve(degree), turns)
        yield found
        if found.status == "converged":
            return


def _by_grid(pair: _Pair, first: Connection) -> Iterator[Connection]:
    kernels, path, length = pair.kernels, None, np.inf
    if first.status == "converged":
        path, length = first.path or pair.rough(0.0), first.distance
    start = kernels.to_chart(pair.p[None])[0]
    nearest = start + kernels.displacement(pair.p[None], pair.q[None])[0]
    turns = pair.turns + np.array([[0.0] * len(start), *ways_round(kernels.manifold)])
    ends = nearest + 2 * np.pi * turns
    for corners in detours(kernels, start, ends, path, length):
        reached = int(np.argmin(np.abs(ends - corners[-1]).sum(axis=1)))
        yield from _by_degrees(pair, partial(_along, kernels, corners), turns[reached])


def _along(kernels: Prepared, corners: Floats, degree: int) -> Floats:
    """Coefficients of a curve with corners, by its arc length; shape (degree, n)."""
    sides = np.diff(corners, axis=0)
    g = kernels.metric(0.5 * (corners[1:] + corners[:-1]))
    lengths = np.sqrt(np.einsum("ki,kij,kj->k", sides, g, sides))
    sides, lengths = sides[lengths > 0], lengths[lengths > 0]
    ends = np.concatenate([[0.0], np.cumsum(lengths)])
    nodes, matrix = _projection(degree)
    at = np.searchsorted(ends[1:-1], nodes * ends[-1], side="right")
    result: Floats = matrix @ (sides[at] * (ends[-1] / lengths[at])[:, None])
    return result


def _coefficients(kernels: Prepared, paths: list[Path], degree: int) -> Floats:
    """Of a curve along paths that follow each other, by its arc length; shape (degree, n)."""
    # More samples near the ends, where geodesics of other connections turn quickly.
    times = 0.5 - 0.5 * np.cos(np.linspace(0.0, np.pi, _SAMPLES))
    ends = [0.0]
    velocities, lengths = [], []
    for path in paths:
        speed = _speeds(kernels, path, times)
        steps = 0.5 * (speed[1:] + speed[:-1]) * np.diff(times)
        lengths.append(ends[-1] + np.concatenate([[0.0], np.cumsum(steps)]))
        ends.append(float(lengths[-1][-1]))
    nodes, matrix = _projection(degree)
    places = nodes * ends[-1]
    for path, along, low, high in zip(paths, lengths, ends[:-1], ends[1:], strict=True):
        own = places[(places >= low) & (places < high)]
        at = np.interp(own, along, times)
        velocities.append(path(at)[1] * (ends[-1] / _speeds(kernels, path, at))[:, None])
    result: Floats = matrix @ np.concatenate(velocities)
    return result


def _speeds(kernels: Prepared, path: Path, times: Floats) -> Floats:
    x, v = path(times)
    speeds: Floats = np.sqrt(np.einsum("ti,tij,tj->t", v, kernels.metric(x), v))
    return speeds


@lru_cache(maxsize=4)
def _projection(degree: int) -> tuple[Floats, Floats]:
    # Nodes on [0, 1], and what takes velocities there to coefficients of Legendre polynomials.
    nodes, weights = gauss(_NODES)[:2]
    basis = legendre.legvander(2.0 * nodes - 1.0, degree)[:, 1:]
    return nodes, ((2 * np.arange(1, degree + 1) + 1)[:, None] * basis.T) * weights
