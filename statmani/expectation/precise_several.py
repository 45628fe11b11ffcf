"""Expectations over several variables to many digits: nested double-exponential sums.

Each axis has nodes about the mode of the density given the earlier coordinates, so that strong
dependence costs no more nodes than none. Steps of all axes are halved together; discrete
variables are summed outside.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, final

import numpy as np
import sympy as sp

from statmani.declaration import Variable
from statmani.expectation.evaluate import Program
from statmani.expectation.law import Law, Monomial
from statmani.expectation.nodes import Chart, axis_nodes, charts_of, clean
from statmani.expectation.precise_nodes import Nodes, place_and_slope, unit_node
from statmani.expectation.sums import lattice, mode, transform
from statmani.expectation.sweep import support_of

__all__ = ["SeveralSums"]

# Nodes per unit of the first level, and the most levels and nodes.
_FIRST_STEP = 8
_LEVELS = 6
_MOST = 60_000
# Continuous axes for which that is enough.
_MOST_AXES = 2
_LATTICES = {1: (128, 384, 1024, 4096), 2: (40, 160, 640), 3: (20, 60)}
# Discrete points, each with an integral.
_SLICES = 1100
_REACH = 6.4


class _TooMany(Exception):
    """More nodes than can be afforded."""


@final
class SeveralSums:
    """Expectations under a law of several variables, at one point of its symbols."""

    def __init__(
        self, law: Law, table: dict[sp.Symbol, Any], digits: int, context: Any,
        function: sp.Expr | None,
    ) -> None:  # fmt: skip
        self._digits, self._context, self._table = digits, context, table
        self._bounded, self._density = support_of(law)
        self._variables = self._bounded.variables
        self._discrete = tuple(v for v in self._variables if v.discrete)
        self._continuous = tuple(v for v in self._variables if not v.discrete)
        self._margin = 2.3 * digits + 35
        self._sums: dict[Any, list[tuple[Any, Any]]] = {}
        self._parts: list[_Part] = []
        self._complete = True
        self._build(law, () if function is None else (function,))

    def value(self, function: sp.Expr, monomial: Monomial) -> tuple[Any, float]:
        """The expectation, and an estimate of its error relative to its size.

        The error is infinite where no sum was affordable.
        """
        best: tuple[Any, float] = (self._context.mpf(0), float("inf"))
        if not self._complete:
            return best
        goal = 10.0 ** -(self._digits + 1)
        levels = self._sums.setdefault((function, monomial), [])
        dims = len(self._continuous)
        previous = last = None
        for level in range(_LEVELS if dims else 1):
            try:
                if level == len(levels):
                    levels.append(self._level(function, monomial, level))
            except _TooMany:
                break
            total = self._context.fsum(t for t, _ in levels[: level + 1])
            size = self._context.fsum(s for _, s in levels[: level + 1])
            volume = (_FIRST_STEP << level) ** dims
            total, size = total / volume, size / volume
            if not dims:
                return total, 10.0 ** -(self._digits + 2)
            if previous is not None:
                floor = max(abs(total), size * self._context.mpf(10) ** -6)
                change = float(abs(total - previous) / floor) if size else 0.0
                # Analytic integrands converge quadratically; that must be seen, not assumed.
                quadratic = last is not None and change <= last**1.5
                error = change**1.5 if quadratic else change
                if error <= best[1]:
                    best = total, error
                if error <= goal:
                    break
                last = change
            previous = total
        return best

    def _level(self, function: sp.Expr, monomial: Monomial, level: int) -> tuple[Any, Any]:
        total, size = self._context.mpf(0), self._context.mpf(0)
        for part in self._parts:
            t, s = part.level(function, monomial, level)
            total, size = total + t, size + s
        return total, size

    def _build(self, law: Law, functions: Sequence[sp.Expr]) -> None:
        """One part per combination of pieces of the axes; the discrete points are theirs."""
        names = tuple(v.symbol for v in self._discrete)
        early = {v.symbol for v in self._continuous}
        moving = any((v.lower.free_symbols | v.upper.free_symbols) & early for v in self._discrete)
        if moving or len(self._continuous) > _MOST_AXES:
            self._complete = False
            return
        charts: list[Chart] = [()]
        if self._continuous:
            charts = charts_of(self._bounded, self._continuous, functions)
        for chart in charts:
            back = {c.symbol: c.sample for c in chart}
            density = clean(self._density.xreplace(back))
            inner = Program([density], [c.z for c in chart])
            points = self._points(chart, inner)
            if points is None:
                self._complete = False
                return
            zs = (*names, *(c.z for c in chart))
            nodes = Nodes(law, self._table, self._context, back, zs)
            whole = Program([density], zs).bind(self._context, self._table)
            if chart:
                own = [
                    _Nest(chart, inner, names, column, self._table, self._context)
                    for column in points
                ]
            else:
                own = []
                for column in points:
                    place = tuple(map(self._context.mpf, column))
                    nodes.places.append(place)
                    nodes.weights.append(self._context.exp(whole(place)[0].real))
            self._parts.append(
                _Part(nodes, own, whole, self._margin, _MOST // len(charts), self._context)
            )

    def _points(self, chart: Chart, inner: Program) -> list[tuple[int, ...]] | None:
        """Discrete points whose slice of the density matters; None when there are too many."""
        if not self._discrete:
            return [()]
        open_ended = [_is_open(v) for v in self._discrete]
        for limit in _LATTICES.get(len(self._discrete), ()):
            nodes = lattice(self._discrete, self._table, limit)
            if chart and nodes.shape[1] > _SLICES:
                return None
            if chart:
                level = np.array([self._peak(chart, inner, column) for column in nodes.T])
            else:
                names = tuple(v.symbol for v in self._discrete)
                flat = Program([self._density], names).arrays(self._table, list(nodes))[0]
                level = np.asarray(flat).real
            level = np.where(np.isfinite(level), level, -np.inf)
            useful = level > level.max() - self._margin
            found = nodes[:, useful]
            # Nothing may be cut off: the last points of an open range must not matter.
            cut = any(
                ends & _is_last(nodes[at], found[at], self._discrete[at])
                for at, ends in enumerate(open_ended)
            )
            if not cut:
                if found.shape[1] > _MOST:
                    return None
                return [tuple(int(c) for c in column) for column in found.T]
            if not any(open_ended):
                break
        return None

    def _peak(self, chart: Chart, inner: Program, column: Any) -> float:
        values = dict(self._table)
        for v, c in zip(self._discrete, column, strict=True):
            values[v.symbol] = sp.Integer(int(c))
        centre, _ = mode(chart, inner, values)
        _, jacobian, outputs = transform(chart, inner, values, [np.array([c]) for c in centre], 1)
        return float(np.asarray(outputs[0]).real.ravel()[0] + jacobian[0])


def _is_open(variable: Variable) -> bool:
    infinite = variable.upper is sp.S.Infinity or variable.lower is sp.S.NegativeInfinity
    return bool(variable.values is None and infinite)


def _is_last(column: np.ndarray, found: np.ndarray, variable: Variable) -> bool:
    above = variable.upper is sp.S.Infinity and found.max() == column.max()
    below = variable.lower is sp.S.NegativeInfinity and found.min() == column.min()
    return bool(above or below)


@final
class _Part:
    """The nodes of one chart, by level."""

    def __init__(
        self, nodes: Nodes, nests: list[_Nest], whole: Any, margin: float, most: int,
        context: Any,
    ) -> None:  # fmt: skip
        self._most = most
        self._nodes, self._nests, self._whole = nodes, nests, whole
        self._margin, self._context = margin, context
        self._top = max((n.top for n in nests), default=0.0)
        self._starts = [0] if nests else [0, len(nodes.places)]

    def level(self, function: sp.Expr, monomial: Monomial, level: int) -> tuple[Any, Any]:
        """Contribution of the nodes that are new at this level."""
        while len(self._starts) <= level + 1:
            self._refine(len(self._starts) - 1)
        start, end = self._starts[level : level + 2]
        return self._nodes.sum(function, monomial, start, end)

    def _refine(self, level: int) -> None:
        found = []
        room = self._most - len(self._nodes.places)
        if self._nests and (2 ** self._nests[0].dims - 1) * len(self._nodes.places) > room:
            raise _TooMany
        for nest in self._nests:
            for leaf in nest.leaves(level, self._top - self._margin):
                found.append((nest, leaf))
                if len(found) > room:
                    raise _TooMany
        for nest, leaf in found:
            place, slope = nest.at(leaf)
            log_p = self._whole(place)[0]
            if log_p == -self._context.inf or not self._context.isfinite(log_p):
                continue
            self._nodes.places.append(place)
            self._nodes.weights.append(self._context.exp(log_p.real) * slope)
        self._starts.append(len(self._nodes.places))


@final
class _Nest:
    """A tree of nodes over the axes of a chart, at one point of the discrete variables."""

    def __init__(
        self, chart: Chart, inner: Program, names: Sequence[sp.Symbol], column: tuple[int, ...],
        table: dict[sp.Symbol, Any], context: Any,
    ) -> None:  # fmt: skip
        self._chart, self._inner, self._context = chart, inner, context
        self.dims = len(chart)
        self._table = dict(table) | dict(zip(names, map(sp.Integer, column), strict=True))
        self._column = tuple(map(context.mpf, column))
        self._modes: dict[tuple[float, ...], tuple[list[float], list[float]]] = {}
        self._fits: dict[tuple[float, ...], tuple[float, float]] = {}
        self._places: dict[tuple[float, ...], tuple[tuple[Any, ...], Any]] = {}
        self._units: dict[tuple[str, float], tuple[Any, Any]] = {}
        self._step = _FIRST_STEP
        self._widths = []
        known: list[sp.Symbol] = []
        earlier: dict[sp.Symbol, sp.Expr] = {}
        for axis in chart:
            width = None
            if axis.width is not None:
                program = Program([axis.width.xreplace(earlier)], list(known))
                width = program.bind(context, self._table)
            self._widths.append(width)
            known.append(axis.z)
            earlier[axis.symbol] = axis.sample
        self.top = self._ridge(())
        #: Ticks of each row of the last axis but one that were in use, by level.
        self._kept: dict[tuple[float, ...], tuple[int, float, float]] = {}

    def leaves(self, level: int, floor: float) -> Iterator[tuple[float, ...]]:
        """Ticks, one per axis, of the nodes that are new at this level and carry mass."""
        yield from self._under((), (), 0.0, level, floor, True)

    def at(self, ticks: tuple[float, ...]) -> tuple[tuple[Any, ...], Any]:
        """Discrete point and z of a leaf, and the product of the slopes."""
        place, slope = self._above(ticks[:-1])
        z, dz = self._mapped(ticks, place)
        return (*self._column, *place, z), slope * dz

    def _above(self, ticks: tuple[float, ...]) -> tuple[tuple[Any, ...], Any]:
        if not ticks:
            return (), self._context.mpf(1)
        if ticks not in self._places:
            place, slope = self._above(ticks[:-1])
            z, dz = self._mapped(ticks, place)
            self._places[ticks] = (*place, z), slope * dz
        return self._places[ticks]

    def _mapped(self, ticks: tuple[float, ...], place: tuple[Any, ...]) -> tuple[Any, Any]:
        axis, width = self._chart[len(place)], self._widths[len(place)]
        centre, scale = self._fits[ticks[:-1]]
        half = None if width is None else width(place)[0] / 2
        return place_and_slope(
            axis.kind, self._unit(axis.kind, ticks[-1]), centre, scale, half, self._context
        )

    def _unit(self, kind: str, tick: float) -> tuple[Any, Any]:
        if (kind, tick) not in self._units:
            self._units[kind, tick] = unit_node(kind, self._context.mpf(tick), self._context)
        return self._units[kind, tick]

    def _under(
        self, ticks: tuple[float, ...], ys: tuple[float, ...], logs: float, level: int,
        floor: float, old: bool,
    ) -> Iterator[tuple[float, ...]]:  # fmt: skip
        """Leaves below a node; all of them are new below a new node."""
        depth = len(ticks)
        axis = self._chart[depth]
        if ticks not in self._fits:
            centres, scales = self._mode(ys)
            self._fits[ticks] = centres[depth], scales[depth]
        centre, scale = self._fits[ticks]
        step = self._step << level
        reach, last = _REACH, depth == len(self._chart) - 1
        whole = np.arange(-round(reach * step), round(reach * step) + 1)
        t = whole / step
        if ticks in self._kept:
            _, low, high = self._kept[ticks]
            t = t[(t > low) & (t < high)]
        y, slope = axis_nodes(axis.kind, t, centre, scale)
        if last:
            fixed = [np.full_like(y, v) for v in ys]
            mass = self._mass([*fixed, y]) + np.log(slope) + logs
        else:
            mass = np.array([self._ridge((*ys, float(v))) for v in y]) + np.log(slope) + logs
        useful = np.flatnonzero(mass > floor)
        if not useful.size:
            return
        if ticks not in self._kept:
            margin = 1.5 / step
            self._kept[ticks] = level, float(t[useful[0]]) - margin, float(t[useful[-1]]) + margin
        for at in useful:
            tick = float(t[at])
            index = round(tick * step)
            fresh = not old or level == 0 or index % 2 != 0
            if last:
                if fresh:
                    yield (*ticks, tick)
            else:
                own = (*ticks, tick)
                below = logs + float(np.log(slope[at]))
                if fresh and level:
                    # Every finer tick below a new node is new.
                    yield from self._under(own, (*ys, float(y[at])), below, level, floor, False)
                else:
                    yield from self._under(own, (*ys, float(y[at])), below, level, floor, old)

    def _mode(self, ys: tuple[float, ...]) -> tuple[list[float], list[float]]:
        if ys not in self._modes:
            self._modes[ys] = mode(self._chart, self._inner, self._table, ys)
        return self._modes[ys]

    def _ridge(self, ys: tuple[float, ...]) -> float:
        """The largest level of the density given the first coordinates."""
        centres, _ = self._mode(ys)
        points = [np.array([v]) for v in (*ys, *centres[len(ys) :])]
        return float(self._mass(points)[0])

    def _mass(self, ys: Sequence[np.ndarray]) -> np.ndarray:
        _, jacobian, outputs = transform(self._chart, self._inner, self._table, ys, 1)
        with np.errstate(all="ignore"):
            size = np.asarray(outputs[0]).real + jacobian
        return np.where(np.isfinite(size), size, -np.inf)
