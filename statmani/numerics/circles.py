"""Circles of a manifold that may be shorter the longer way round."""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

from statmani.geometry.manifold import StatisticalManifold
from statmani.numerics.open_tensors import has_expectations
from statmani.numerics.prepared import prepared

__all__ = ["uneven_circles", "ways_round"]

Floats = NDArray[np.float64]
# Points of a metric without closed form, turns that are compared there, and what is no difference.
_SAMPLES, _TURNS, _SAME = 5, (0.7, 2.1, 4.4), 1e-9


def uneven_circles(manifold: StatisticalManifold) -> tuple[int, ...]:
    """Numbers of the coordinates on circles along which the nearest way may not be the shortest.

    It is where x -> -x and all x -> x + c are isometries: let a curve lead from 0 to w > a >= 0.
    From where it meets (a + w) / 2 on, its mirror image leads to a, and is as long. Looked at once;
    of a metric without closed form at some points.
    """
    found: tuple[int, ...] = manifold._once("uneven circles", _found)
    return found


def ways_round(manifold: StatisticalManifold) -> Floats:
    """One turn more or less round uneven circles, in all combinations; shape (m, n)."""
    circles = uneven_circles(manifold)
    ways = [way for way in product((-1.0, 0.0, 1.0), repeat=len(circles)) if any(way)]
    turns = np.zeros((len(ways), manifold.dim))
    if ways:
        turns[:, circles] = ways
    return turns


def _found(manifold: StatisticalManifold) -> tuple[int, ...]:
    circles = [i for i, axis in enumerate(manifold.domain.axes) if axis.periodic]
    return tuple(i for i in circles if not _is_even(manifold, i))


def _is_even(manifold: StatisticalManifold, i: int) -> bool:
    domain, symbol = manifold.domain, manifold.coordinates[i]
    others = [end for axis in domain.axes for end in (axis.lower, axis.upper)]
    if any(expr.has(symbol) for expr in (*others, *domain.constraints)):
        return False
    if has_expectations(manifold):
        return _looks_even(manifold, i)
    g = manifold.metric
    mixed = any(g[i, j] != 0 for j in range(manifold.dim) if j != i)
    return not mixed and not g.has(symbol)


def _looks_even(manifold: StatisticalManifold, i: int) -> bool:
    kernels = prepared(manifold)
    points = np.array(manifold.domain.interior_points(_SAMPLES), dtype=float)
    turned = [points, *(points + turn * np.eye(manifold.dim)[i] for turn in _TURNS)]
    first, *rest = (kernels.metric(kernels.to_chart(rows)) for rows in turned)
    unit = np.sqrt(np.diagonal(first, axis1=1, axis2=2))
    limit = _SAME * unit[:, :, None] * unit[:, None, :]
    mixed = np.abs(np.delete(first[:, i], i, axis=1)) <= np.delete(limit[:, i], i, axis=1)
    return bool(mixed.all() and all((np.abs(g - first) <= limit).all() for g in rest))
