"""Compiled functions of one manifold, made when first needed and kept for its lifetime."""

from __future__ import annotations

import threading
from collections import OrderedDict
from functools import cached_property
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
from numpy.typing import NDArray

from statmani.geometry.manifold import StatisticalManifold
from statmani.kernels import compiled
from statmani.kernels.mesh import gauss_tables

__all__ = ["Prepared", "gauss", "prepared"]

Floats = NDArray[np.float64]
_KEPT: OrderedDict[int, Prepared] = OrderedDict()
_LOCK = threading.Lock()
_CAPACITY = 64
_STAGES = 8
_TABLES: dict[int, tuple[Floats, ...]] = {}


def gauss(stages: int = _STAGES) -> tuple[Floats, ...]:
    """Tables of the collocation method, see :func:`gauss_tables`."""
    if stages not in _TABLES:
        _TABLES[stages] = tuple(np.ascontiguousarray(a) for a in gauss_tables(stages))
    return _TABLES[stages]


class Prepared:
    """Maps and fields of one manifold."""

    def __init__(self, manifold: StatisticalManifold) -> None:
        self.manifold = manifold
        self.dim = manifold.dim

    @cached_property
    def maps(self) -> Any:
        """Module with chart and inverse."""
        return compiled.compiled_maps(self.manifold)

    @cached_property
    def first(self) -> Any:
        """Field with first derivatives in unconstrained coordinates."""
        return compiled.compiled_field(self.manifold, 1, True).field

    @cached_property
    def second(self) -> Any:
        """Field with second derivatives in unconstrained coordinates."""
        return compiled.compiled_field(self.manifold, 2, True).field

    def own(self, order: int) -> Any:
        """Field in the manifold's own coordinates."""
        return compiled.compiled_field(self.manifold, order, False).field

    def to_chart(self, points: Floats) -> Floats:
        """Unconstrained coordinates of rows of points."""
        result: Floats = compiled.charts().map_points(self.maps.inverse, points, self.dim)
        return result

    def from_chart(self, x: Floats, v: Floats) -> tuple[Floats, Floats]:
        """Points and velocities in the manifold's coordinates, for rows."""
        points, velocities = compiled.charts().sample_path(
            self.maps.chart, np.array(x, order="C"), np.array(v, order="C")
        )
        return points, velocities

    def velocities_to_chart(self, x: Floats, velocities: Floats) -> Floats:
        """Components of velocities in unconstrained coordinates, for rows."""
        n = self.dim
        packed = compiled.charts().map_points(self.maps.chart, x, n + n * n)
        jacobian = packed[:, n:].reshape(-1, n, n)
        result: Floats = np.linalg.solve(jacobian, velocities[..., None])[..., 0]
        return np.ascontiguousarray(result)

    def displacement(self, p: Floats, q: Floats) -> Floats:
        """Differences of unconstrained coordinates without cancellation, for rows."""
        tables = gauss(16)
        result: Floats = compiled.charts().displacements(
            self.maps.chart, self.maps.inverse, p, q, tables[0], tables[1]
        )
        return result

    def metric(self, x: Floats) -> Floats:
        """g in unconstrained coordinates at rows of x, shape (N, n, n)."""
        return unpack_symmetric(self.packed(self.first, x, 1), self.dim)

    def packed(self, field: Any, x: Floats, order: int) -> Floats:
        """Packed output of a field at rows of x."""
        n = self.dim
        pairs, triples = n * (n + 1) // 2, n * (n + 1) * (n + 2) // 6
        width = pairs * (1 + n) + triples
        if order == 2:
            width += pairs * pairs + n * triples
        result: Floats = compiled.charts().map_points(field, np.array(x, order="C"), width)
        return result


def unpack_symmetric(packed: Floats, n: int) -> Floats:
    """Symmetric matrices from their upper triangles in lexicographic order."""
    result = np.empty((*packed.shape[:-1], n, n))
    for at, (i, j) in enumerate(combinations_with_replacement(range(n), 2)):
        result[..., i, j] = packed[..., at]
        result[..., j, i] = packed[..., at]
    return result


def prepared(manifold: StatisticalManifold) -> Prepared:
    """The compiled functions of a manifold; the most recent ones are kept."""
    with _LOCK:
        found = _KEPT.get(id(manifold))
        if found is None:
            found = Prepared(manifold)
            _KEPT[id(manifold)] = found
            if len(_KEPT) > _CAPACITY:
                _KEPT.popitem(last=False)
        else:
            _KEPT.move_to_end(id(manifold))
        return found
