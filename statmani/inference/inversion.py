"""Numerical inversion of distribution functions on the line.

The density is moved to a coordinate in which every admissible end decays: ``sinh`` about the mode
on the line (heavy tails), ``exp`` on a half-line and the logistic function on an interval
(singular ends). There the distribution function is integrated by Gauss-Legendre rules on adaptive
panels, and its inverse is a polynomial on each panel, refined until it reproduces the
distribution function (as in Derflinger, Hormann and Leydold 2010, ACM TOMACS 20, 18).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import final

import numpy as np
from numpy.typing import NDArray

from statmani.errors import NoConvergence
from statmani.kernels.cache import load

__all__ = ["Inversion", "invert"]

Array = NDArray[np.float64]
LogDensity = Callable[[Array], Array]

_NODES = 16
_DEGREE = 9
_MOST_PANELS = 2500  # more only follow the rounding of the density
_MANY = 2**14  # enough draws to pay for loading a compiled loop
_DROP = 50.0  # exp(-50) is far below the resolution of a uniform double
_FARTHEST = 690.0  # exp and sinh stay finite


@final
@dataclass(frozen=True)
class Inversion:
    """A tabulated inverse distribution function.

    Attributes
    ----------
    cumulative : array of shape (P + 1,)
        Distribution function at the ends of the panels, from 0 to 1.
    coefficients : array of shape (P, d + 1)
        Per panel, the inner coordinate as a polynomial (lowest power first) of the position of
        the probability within the panel, scaled to [-1, 1].
    chart : _Chart
        From the inner coordinate to the sample.
    mass : float
        Integral of the given density before it was normalised.
    """

    cumulative: Array
    coefficients: Array
    chart: _Chart
    mass: float

    def __call__(self, probability: Array) -> Array:
        """Quantiles of probabilities in [0, 1)."""
        if probability.size >= _MANY:
            return self.chart(self._compiled(probability))
        last = len(self.coefficients) - 1
        panel = np.searchsorted(self.cumulative, probability, side="right") - 1
        np.clip(panel, 0, last, out=panel)
        low = self.cumulative[panel]
        position = 2.0 * (probability - low) / (self.cumulative[panel + 1] - low) - 1.0
        value = self.coefficients[panel, -1]
        for power in range(self.coefficients.shape[1] - 2, -1, -1):
            value = value * position + self.coefficients[panel, power]
        return self.chart(value)

    def _compiled(self, probability: Array) -> Array:
        cells = np.arange(2 * len(self.coefficients)) / (2 * len(self.coefficients))
        guide = np.searchsorted(self.cumulative, cells, side="right") - 1
        np.clip(guide, 0, len(self.coefficients) - 1, out=guide)
        out = np.empty(probability.size)
        quantile_kernel().inner_quantiles(
            self.cumulative,
            np.ascontiguousarray(self.coefficients),
            guide.astype(np.int64),
            np.ascontiguousarray(probability),
            out,
        )
        return out


def quantile_kernel() -> ModuleType:
    """The compiled loop over many probabilities."""
    return load(
        "quantiles",
        ("quantiles.py",),
        str,
        [("inner_quantiles", "types.void(VECTOR, ROWS, types.int64[::1], VECTOR, VECTOR)")],
    )


@final
@dataclass(frozen=True)
class _Chart:
    """The sample as a function of the inner coordinate."""

    lower: float
    upper: float
    centre: float = 0.0
    scale: float = 1.0

    def __call__(self, y: Array) -> Array:
        if np.isfinite(self.lower) and np.isfinite(self.upper):
            part = self.offset(y)
            x = np.where(y < 0, self.lower + part, self.upper - part)
        elif np.isfinite(self.lower):
            x = self.lower + self.offset(y)
        elif np.isfinite(self.upper):
            x = self.upper - self.offset(y)
        else:
            return self.offset(y)
        # Rounding must not put a draw on an end that the open support lacks.
        return np.asarray(
            np.clip(x, np.nextafter(self.lower, np.inf), np.nextafter(self.upper, -np.inf))
        )

    def offset(self, y: Array) -> Array:
        """Distance from the end that y approaches (the sample itself on the line)."""
        if np.isfinite(self.lower) and np.isfinite(self.upper):
            return np.asarray((self.upper - self.lower) / (1.0 + np.exp(np.abs(y))))
        if np.isfinite(self.lower) or np.isfinite(self.upper):
            return np.asarray(self.scale * np.exp(y))
        return np.asarray(self.centre + self.scale * np.sinh(y))

    def log_density(self, y: Array, from_lower: LogDensity, from_upper: LogDensity) -> Array:
        """Log-density of the sample, from the nearer end so that no digit is lost there."""
        offset = self.offset(y)
        if np.isfinite(self.lower) and np.isfinite(self.upper):
            result = np.empty_like(y)
            below = y < 0
            result[below] = from_lower(offset[below])
            result[~below] = from_upper(offset[~below])
            return result
        return from_upper(offset) if np.isfinite(self.upper) else from_lower(offset)

    def log_slope(self, y: Array) -> Array:
        if np.isfinite(self.lower) and np.isfinite(self.upper):
            size = np.abs(y)
            return np.asarray(np.log(self.upper - self.lower) - size - 2 * np.log1p(np.exp(-size)))
        if np.isfinite(self.lower) or np.isfinite(self.upper):
            return np.asarray(np.log(self.scale) + y)
        size = np.abs(y)
        return np.asarray(np.log(self.scale) + size + np.log1p(np.exp(-2 * size)) - np.log(2.0))


def invert(
    from_lower: LogDensity, from_upper: LogDensity, lower: float, upper: float, what: str
) -> Inversion:
    """Tabulate the inverse distribution function of a density on an interval.

    Parameters
    ----------
    from_lower, from_upper : callable
        Logarithm of the density as a function of the distance from that end, at arrays. On the
        line only `from_lower` is used, and takes the sample itself; on a half-line only that of
        the finite end.
    lower, upper : float
        Ends of the open support, possibly infinite.
    what : str
        Name of the density in messages.

    Raises
    ------
    NoConvergence
        No point of positive density is found, or the panels do not resolve it.

    Examples
    --------
    >>> import numpy as np
    >>> from statmani.inference.inversion import invert
    >>> def log_density(x):
    ...     return -np.log(np.pi * (1 + x * x))
    >>> cauchy = invert(log_density, log_density, -np.inf, np.inf, "cauchy")
    >>> bool(np.allclose(cauchy(np.array([0.25, 0.5, 0.999])), [-1, 0, 318.3088389855]))
    True
    """
    chart = _Chart(lower, upper)
    inner = _inner(from_lower, from_upper, chart)
    peak = _mode(inner, what)
    if not (np.isfinite(lower) or np.isfinite(upper)):
        centre = float(chart(np.array([peak]))[0])
        chart = _Chart(lower, upper, centre, _width(from_lower, centre))
        inner = _inner(from_lower, from_upper, chart)
        peak = _mode(inner, what)
    top = float(inner(np.array([peak]))[0])
    low, high = _range(inner, peak, top)
    edges = _panels(inner, low, peak, high, top, what)
    return _tabulate(inner, edges, top, chart, what)


def _inner(from_lower: LogDensity, from_upper: LogDensity, chart: _Chart) -> LogDensity:
    def value(y: Array) -> Array:
        with np.errstate(all="ignore"):
            result = chart.log_density(y, from_lower, from_upper) + chart.log_slope(y)
        return np.where(np.isnan(result) | (result == np.inf), -np.inf, result)

    return value


def _mode(inner: LogDensity, what: str) -> float:
    grid = np.linspace(-_FARTHEST, _FARTHEST, 5521)
    best = float(grid[0])
    for _ in range(24):
        values = inner(grid)
        index = int(np.argmax(values))
        if not np.isfinite(values[index]):
            raise NoConvergence(
                f"sample: no point of positive density of {what} was found. "
                "Check the support and the parameters, or pass your own sampler."
            )
        best = float(grid[index])
        step = float(grid[1] - grid[0])
        if step <= 1e-14 * max(1.0, abs(best)):
            break
        grid = np.linspace(best - step, best + step, 41)
    return best


def _width(log_density: LogDensity, centre: float) -> float:
    """Distance from the mode at which the density has dropped by the factor e."""
    with np.errstate(all="ignore"):
        top = float(log_density(np.array([centre]))[0])
        steps = 2.0 ** np.arange(-200.0, 400.0)
        drop = np.minimum(log_density(centre + steps), log_density(centre - steps))
    below = np.flatnonzero(drop < top - 1.0)
    smallest = 1e-13 * max(abs(centre), 1e-290)
    return max(float(steps[below[0]]) if below.size else 1.0, smallest)


def _range(inner: LogDensity, peak: float, top: float) -> tuple[float, float]:
    grid = np.linspace(-_FARTHEST, _FARTHEST, 5521)
    kept = grid[inner(grid) > top - _DROP]
    ends = []
    for sign in (-1.0, 1.0):
        steps = 2.0 ** np.arange(-40.0, 11.0)
        inside = inner(np.clip(peak + sign * steps, -_FARTHEST, _FARTHEST)) > top - _DROP
        far = int(np.flatnonzero(inside)[-1]) + 1 if inside.any() else 0
        near, beyond = (0.0 if far == 0 else steps[far - 1]), steps[min(far, len(steps) - 1)]
        for _ in range(30):
            middle = 0.5 * (near + beyond)
            value = inner(np.array([np.clip(peak + sign * middle, -_FARTHEST, _FARTHEST)]))[0]
            near, beyond = (middle, beyond) if value > top - _DROP else (near, middle)
        ends.append(float(np.clip(peak + sign * beyond, -_FARTHEST, _FARTHEST)))
    if kept.size:
        ends = [min(ends[0], float(kept[0])), max(ends[1], float(kept[-1]))]
    return ends[0], ends[1]


@cache
def _rules() -> tuple[Array, Array, Array, Array]:
    """Nodes and weights, cumulative integrals at the nodes, and the fit of the inverse."""
    legendre = np.polynomial.legendre
    nodes, weights = legendre.leggauss(_NODES)
    fit = np.linalg.inv(legendre.legvander(nodes, _NODES - 1))
    integrals = np.stack(
        [
            legendre.legval(nodes, legendre.legint(np.eye(_NODES)[k], lbnd=-1.0))
            for k in range(_NODES)
        ],
        axis=1,
    )
    powers = np.stack(
        [
            np.pad(legendre.leg2poly(np.eye(_DEGREE + 1)[k]), (0, _DEGREE + 1))[: _DEGREE + 1]
            for k in range(_DEGREE + 1)
        ]
    )
    return nodes, weights, integrals @ fit, powers


def _integrals(inner: LogDensity, edges: Array, top: float) -> tuple[Array, Array]:
    nodes, weights, _, _ = _rules()
    half = 0.5 * np.diff(edges)
    points = edges[:-1, None] + half[:, None] * (1.0 + nodes)
    values = np.exp(inner(points.ravel()).reshape(points.shape) - top)
    return half * (values @ weights), values


def _panels(
    inner: LogDensity, low: float, peak: float, high: float, top: float, what: str
) -> Array:
    parts = [np.linspace(low, peak, 17), np.linspace(peak, high, 17)]
    edges = np.unique(np.concatenate([p for p in parts if p[0] < p[-1]]))
    for _ in range(50):
        whole, _ = _integrals(inner, edges, top)
        middle = 0.5 * (edges[:-1] + edges[1:])
        split = np.sort(np.concatenate([edges, middle]))
        halves, _ = _integrals(inner, split, top)
        error = np.abs(halves[::2] + halves[1::2] - whole)
        total = float(halves.sum())
        coarse = (error > 1e-15 * total) & (error > 1e-10 * whole)
        if not coarse.any() or len(edges) > _MOST_PANELS:
            return np.asarray(edges)
        edges = np.sort(np.concatenate([edges, middle[coarse]]))
        if np.min(np.diff(edges)) <= 1e-15 * max(1.0, float(np.abs(edges).max())):
            return np.asarray(edges)
    raise NoConvergence(
        f"sample: the density of {what} is not resolved by {len(edges)} panels. "
        "Split the support at its singular points, or pass your own sampler."
    )


def _tabulate(inner: LogDensity, edges: Array, top: float, chart: _Chart, what: str) -> Inversion:
    nodes, _, cumulate, powers = _rules()
    legendre = np.polynomial.legendre
    for _ in range(30):
        mass, values = _integrals(inner, edges, top)
        keep = mass > 1e-30 * mass.sum()
        half = 0.5 * np.diff(edges)
        inside = half[:, None] * (values @ cumulate.T)
        with np.errstate(all="ignore"):
            position = np.clip(2.0 * inside / mass[:, None] - 1.0, -1.0, 1.0)
        position[~keep] = nodes
        count = len(half)
        abscissae = np.hstack([np.full((count, 1), -1.0), position, np.full((count, 1), 1.0)])
        ordinates = np.concatenate([[-1.0], nodes, [1.0]])
        design = legendre.legvander(abscissae, _DEGREE)
        fitted = np.linalg.pinv(design) @ ordinates
        residual = np.abs(np.einsum("pij,pj->pi", design, fitted) - ordinates)[:, 1:-1]
        # Error of the probability, relative to the panel that it lies in.
        slope = half[:, None] * values / np.where(keep, mass, 1.0)[:, None]
        coarse = keep & ((residual * slope).max(axis=1) > 1e-11)
        if not coarse.any() or len(edges) > _MOST_PANELS:
            break
        middle = 0.5 * (edges[:-1] + edges[1:])
        edges = np.sort(np.concatenate([edges, middle[coarse]]))
    centre = 0.5 * (edges[:-1] + edges[1:])
    polynomial = fitted @ powers * half[:, None]
    polynomial[:, 0] += centre
    total = float(mass.sum())
    first, last = int(np.argmax(keep)), len(keep) - int(np.argmax(keep[::-1]))
    cumulative = np.concatenate([[0.0], np.cumsum(mass[first:last])]) / mass[first:last].sum()
    return Inversion(cumulative, polynomial[first:last], chart, float(total * np.exp(top)))
