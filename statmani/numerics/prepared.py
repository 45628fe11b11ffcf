"""Compiled functions of one manifold, made when first needed and kept for its lifetime."""

from __future__ import annotations

import threading
from collections import OrderedDict
from functools import cached_property
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sympy import Add, oo

from statmani.geometry.manifold import StatisticalManifold
from statmani.kernels import compiled
from statmani.kernels.mesh import gauss_tables
from statmani.kernels.rounding import Rounding
from statmani.kernels.tape_source import acceleration_tape
from statmani.numerics.exact import ExactFields
from statmani.numerics.open_field import OpenField
from statmani.numerics.open_tensors import has_expectations

if TYPE_CHECKING:
    from statmani.numerics.path import Path

__all__ = ["Prepared", "gauss", "prepared"]

Floats = NDArray[np.float64]
_KEPT: OrderedDict[int, Prepared] = OrderedDict()
_LOCK = threading.Lock()
_CAPACITY = 64
_STAGES = 8
_HALF_EPS = 2.0**-53
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
        self._open_fields: dict[int, OpenField] = {}
        self._bounds: dict[tuple[int, bool], Rounding] = {}
        self._lanes: dict[bool, Any] = {}

    def __reduce__(self) -> tuple[Any, tuple[StatisticalManifold]]:
        # Compiled modules stay behind; they are loaded again when needed.
        return prepared, (self.manifold,)

    @cached_property
    def maps(self) -> Any:
        """Module with chart and inverse."""
        return compiled.compiled_maps(self.manifold)

    @cached_property
    def first(self) -> Any:
        """Field with first derivatives in unconstrained coordinates."""
        if has_expectations(self.manifold):
            return self._open(1).pointer
        return compiled.compiled_field(self.manifold, 1, True).field

    @cached_property
    def second(self) -> Any:
        """Field with second derivatives in unconstrained coordinates."""
        if has_expectations(self.manifold):
            return self._open(2).pointer
        return compiled.compiled_field(self.manifold, 2, True).field

    def lanes(self, alpha: float) -> Any:
        """Steps of many geodesics at once, for a connection."""
        levi_civita = alpha == 0
        if levi_civita not in self._lanes:
            module = compiled.compiled_lanes(self.manifold, levi_civita)
            self._lanes[levi_civita] = module.advance
        return self._lanes[levi_civita]

    def _open(self, order: int) -> OpenField:
        if order not in self._open_fields:
            self._open_fields[order] = OpenField(self.manifold, order, True)
        return self._open_fields[order]

    def own(self, order: int) -> Any:
        """Field in the manifold's own coordinates."""
        return compiled.compiled_field(self.manifold, order, False).field

    @cached_property
    def exact(self) -> ExactFields:
        """The tensors by as many digits as it takes."""
        return ExactFields(self.manifold)

    @cached_property
    def tape(self) -> Floats | None:
        """The program of accelerations with 31 digits, None where there is none."""
        return None if has_expectations(self.manifold) else acceleration_tape(self.manifold)

    @cached_property
    def may_lose_digits(self) -> bool:
        """False for closed forms that cannot cancel: diagonal metrics of single products."""
        g, n = self.manifold.metric, self.dim
        if has_expectations(self.manifold):
            return False
        return not g.is_diagonal() or any(g[i, i].has(Add) for i in range(n))

    def rounding_errors(self, order: int, unconstrained: bool) -> Rounding:
        """Error bounds of the compiled field of closed forms, in either chart."""
        key = order, unconstrained
        if key not in self._bounds:
            self._bounds[key] = Rounding(compiled.compiled_field(self.manifold, *key))
        return self._bounds[key]

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
        """Components of velocities in unconstrained coordinates, for rows.

        NaN where a coordinate is so close to its bound that the chart ends.
        """
        given = np.array(velocities, dtype=np.float64, order="C")
        result = np.empty_like(given)
        compiled.charts().pull_velocities(self.maps.chart, np.array(x, order="C"), given, result)
        return result

    def jacobians(self, x: Floats) -> Floats:
        """d theta_i / d u_a at rows of x, shape (N, n, n)."""
        n = self.dim
        out = compiled.charts().map_points(self.maps.chart, np.array(x, order="C"), n + n * n)
        result: Floats = out[:, n:].reshape(-1, n, n)
        return result

    def displacement(self, p: Floats, q: Floats) -> Floats:
        """Differences of unconstrained coordinates without cancellation, for rows."""
        result = self.plain_displacement(p, q)
        # The shorter way round.
        for i, axis in enumerate(self.manifold.domain.axes):
            if axis.periodic:
                result[:, i] -= 2 * np.pi * np.round(result[:, i] / (2 * np.pi))
        return result

    def plain_displacement(self, p: Floats, q: Floats) -> Floats:
        """As :meth:`displacement`, of coordinates on circles as they are given."""
        tables = gauss(16)
        result: Floats = compiled.charts().displacements(
            self.maps.chart, self.maps.inverse, p, q, tables[0], tables[1]
        )
        return result

    def rounding(self, p: Floats, q: Floats) -> Floats:
        """Bound of the metric length of rounding the coordinates of both points, for rows.

        Unbounded axes enter by q - p alone, whose rounding is known exactly (Knuth 1969, 4.2.2).
        """
        plain = [axis.lower == -oo and axis.upper == oo for axis in self.manifold.domain.axes]
        total: Floats = np.zeros(p.shape[0])
        difference = q - p
        shift = difference - q
        residual = np.abs((q - (difference - shift)) - (p + shift)) * np.array(plain)
        for points in (p, q):
            x = self.to_chart(points)
            g = self.metric(x)
            units = np.sqrt(np.abs(np.diagonal(g, axis1=1, axis2=2)))
            own = np.where(plain, 0.0, np.abs(points))
            moves = np.linalg.inv(self.jacobians(x)) * own[:, None, :]
            with np.errstate(invalid="ignore"):
                squares = np.abs(np.einsum("kia,kij,kja->ka", moves, g, moves))
                total += _HALF_EPS * np.sqrt(squares).sum(1)
                total += _HALF_EPS * (np.where(plain, 0.0, np.abs(x)) * units).sum(1)
                total += (residual * units).sum(1)
        return total

    def stays_inside(self, path: Path) -> bool:
        """Whether samples of a path keep the constraints that no chart can take in."""
        domain = self.manifold.domain
        return not domain.constraints or self.first_outside(path) is None

    def first_outside(self, path: Path) -> float | None:
        """Time at which a path first breaks a constraint, as far as samples show."""
        fine = np.linspace(0.0, 1.0, 33)[:-1]
        times = (path.knots[:-1, None] + fine * np.diff(path.knots)[:, None]).ravel()
        times = np.append(times, path.knots[-1])
        inside = self._inside(path, times)
        if inside.all():
            return None
        at = int(np.argmin(inside))
        if at == 0:
            return float(times[0])
        low, high = times[at - 1], times[at]
        for _ in range(60):
            middle = 0.5 * (low + high)
            if self._inside(path, np.array([middle]))[0]:
                low = middle
            else:
                high = middle
        return float(low)

    def _inside(self, path: Path, times: Floats) -> NDArray[np.bool_]:
        points, _ = self.from_chart(*path(times))
        result: NDArray[np.bool_] = np.asarray(self.manifold.domain.contains(points))
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
