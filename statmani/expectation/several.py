"""Integrals over several unbounded variables in coordinates fitted to the density."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from statmani.expectation.evaluate import Program
from statmani.expectation.nodes import Chart
from statmani.expectation.sums import Estimate, Point, Products, mode, reduce_nodes, transform
from statmani.expectation.whitened import (
    gauss_hermite,
    newton_mode,
    random_nodes,
    sinh_grid,
    whitened_grid,
)

__all__ = ["integrate_fitted", "integrate_randomly"]

# Spacing and radius of the coarse and the fine ball of equidistant nodes.
_BALLS = {
    2: ((0.64, 9.5), (0.5, 10.0)),
    3: ((0.64, 9.5), (0.5, 10.0)),
    4: ((0.8, 9.0), (0.64, 9.5)),
    5: ((0.95, 7.6), (0.8, 8.0)),
}
# Nodes per unit and reach of the coarse and the fine sinh grid.
_GRIDS = {2: ((15, 4.3), (20, 4.6)), 3: ((9, 4.3), (12, 4.6)), 4: ((3, 4.0), (4, 4.2))}
_NODES = 1 << 19
_POWER = 14
_NEGLIGIBLE = 45.0
_EXACT = 1e-12
Nodes = tuple[np.ndarray, np.ndarray]


def integrate_fitted(
    chart: Chart, program: Program, products: Products, values: Point, target: float
) -> Estimate | None:
    """The best of several rules about the mode; None when the density has no proper mode.

    Rules are tried in the order of their cost until one has converged to ``target``.
    """

    def level(points: np.ndarray) -> np.ndarray:
        _, jacobian, outputs = transform(chart, program, values, list(points), 1)
        return np.asarray(np.asarray(outputs[0]).real + jacobian)

    d = len(chart)
    rough, _ = mode(chart, program, values)
    found = newton_mode(level, rough)
    if found is None:
        return None
    centre, root = found
    volume = float(np.log(abs(np.linalg.det(root))))

    def over(chunks: Iterable[Nodes]) -> Estimate:
        return _sum(chart, program, products, values, chunks, centre, root, volume)

    best: Estimate | None = None
    for rules in _rules(d, all(axis.kind == "line" for axis in chart)):
        estimates = [over(rule()) for rule in rules]
        found_estimate = _compared(estimates[-2], estimates[-1])
        if best is None or found_estimate.error < best.error:
            best = found_estimate
        if best.error < target:
            return best
    if d > 3 and (best is None or best.error > 1e-6):
        return _averaged([over([nodes]) for nodes in random_nodes(d, _POWER)], best)
    return best


def integrate_randomly(
    chart: Chart, program: Program, products: Products, values: Point
) -> Estimate:
    """Means over random nodes about the mode, for densities with edges or kinks."""
    centre, scale = mode(chart, program, values)
    root = np.diag(scale)
    volume = float(np.sum(np.log(scale)))

    def over(nodes: Nodes) -> Estimate:
        return _sum(
            chart, program, products, values, [nodes], np.array(centre), root, volume
        )  # fmt: skip

    return _averaged([over(nodes) for nodes in random_nodes(len(chart), _POWER)], None)


def _rules(d: int, lines: bool) -> Iterator[tuple[Callable[[], Iterable[Nodes]], ...]]:
    """Pairs of a coarse and a fine rule."""
    order = next((m for m in (7, 6, 5) if m**d <= _NODES), 0)
    if lines and order:
        yield lambda: [gauss_hermite(d, order - 1)], lambda: [gauss_hermite(d, order)]
    if lines and d in _BALLS:
        coarse, fine = _BALLS[d]
        yield lambda: [_ball(d, *coarse)], lambda: [_ball(d, *fine)]
    if d in _GRIDS:
        first, second = _GRIDS[d]
        yield lambda: sinh_grid(d, *first), lambda: sinh_grid(d, *second)


def _ball(d: int, step: float, reach: float) -> Nodes:
    nodes = whitened_grid(d, step, reach)
    return nodes, np.full(nodes.shape[1], d * np.log(step))


def _sum(
    chart: Chart, program: Program, products: Products, values: Point, chunks: Iterable[Nodes],
    centre: np.ndarray, root: np.ndarray, volume: float,
) -> Estimate:  # fmt: skip
    total = Estimate(np.zeros(len(products)), np.zeros(len(products)), 0.0, 0.0)
    top = -np.inf
    for nodes, logs in chunks:
        ys = centre[:, None] + root @ nodes
        columns, jacobian, (log_p,) = transform(chart, program, values, list(ys), 1)
        with np.errstate(all="ignore"):
            mass = np.asarray(log_p).real + jacobian + logs + volume
        top = max(top, float(np.max(mass, where=np.isfinite(mass), initial=-np.inf)))
        useful = np.flatnonzero(mass > top - _NEGLIGIBLE)
        outputs = program.arrays(values, [c[useful] for c in columns])
        flat = [mass[useful], *outputs[1:]]
        part = reduce_nodes(flat, logs, len(products), 0.0, None, (), products)
        total = Estimate(
            total.values + part.values, total.sizes + part.sizes, 0.0, total.total + part.total
        )
    return total


def _compared(coarse: Estimate, fine: Estimate) -> Estimate:
    change = abs(fine.total - coarse.total) / max(fine.total, 1e-300)
    for new, old, size in zip(fine.values, coarse.values, fine.sizes, strict=True):
        change = max(change, abs(new - old) / max(size, 1e-300) if size else 0.0)
    return Estimate(fine.values, fine.sizes, float(change), fine.total)


def _averaged(parts: list[Estimate], other: Estimate | None) -> Estimate:
    """Mean over the scramblings, with three standard errors; or the other rule, if better."""
    tables = np.array([[p.total, *p.values] for p in parts])
    sizes = np.mean([p.sizes for p in parts], axis=0)
    mean = tables.mean(axis=0)
    deviation = 3 * tables.std(axis=0, ddof=1) / np.sqrt(len(parts))
    scale = np.maximum(np.array([1.0, *sizes]), 1e-300)
    error = float(np.max(deviation / scale))
    if other is not None and other.error < error:
        return other
    return Estimate(mean[1:], sizes, error, float(mean[0]), None, True)
