"""Piecewise polynomial paths in unconstrained coordinates, from either solver."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray

from statmani.kernels.compiled import precise_solver
from statmani.numerics.prepared import Prepared, gauss

__all__ = [
    "Path", "from_collocation", "from_samples", "from_steps", "length_and_energy",
    "sample_places",
]  # fmt: skip

Floats = NDArray[np.float64]
_DEGREE = 9


@final
@dataclass(frozen=True, eq=False)
class Path:
    """Offsets from x0 and velocities as Legendre series on each interval of the knots.

    Attributes
    ----------
    x0 : ndarray, shape (n,)
    knots : ndarray, shape (m + 1,)
    series : ndarray, shape (degree + 1, m, 2n)
        Coefficients of (offset, velocity).
    tape : ndarray or None
        The program of tensors with 31 digits, where doubles lose too many.
    """

    x0: Floats
    knots: Floats
    series: Floats
    tape: Floats | None = None

    def __call__(self, times: Floats) -> tuple[Floats, Floats]:
        """Positions and velocities, shape (T, n) each."""
        n = self.x0.shape[0]
        m = self.knots.shape[0] - 1
        at = np.clip(np.searchsorted(self.knots, times, side="right") - 1, 0, m - 1)
        span = self.knots[at + 1] - self.knots[at]
        xi = 2.0 * (times - self.knots[at]) / span - 1.0
        basis = legendre.legvander(xi, self.series.shape[0] - 1)
        values = np.einsum("td,dtk->tk", basis, self.series[:, at])
        return self.x0 + values[:, :n], values[:, n:]

    def until(self, time: float) -> Path:
        """The part before a time inside an interval of the knots."""
        last = int(np.clip(np.searchsorted(self.knots, time) - 1, 0, len(self.knots) - 2))
        knots = np.append(self.knots[: last + 1], time)
        nodes = legendre.leggauss(self.series.shape[0])[0]
        x, v = self(knots[-2] + 0.5 * (nodes + 1.0) * (time - knots[-2]))
        ending = _fit(np.concatenate([x - self.x0, v], axis=1))
        series = np.concatenate([self.series[:, :last], ending[:, None]], axis=1)
        return Path(self.x0, knots, series, self.tape)

    def reversed(self) -> Path:
        """The same path, from its end to its start."""
        n = self.x0.shape[0]
        series = self.series[:, ::-1].copy()
        series[1::2] *= -1.0
        series[:, :, n:] *= -1.0
        knots = (self.knots[0] + self.knots[-1] - self.knots)[::-1]
        return Path(self.x0, knots, series, self.tape)


def _fit(samples: Floats) -> Floats:
    # Legendre coefficients from values at Gauss nodes, axis 0.
    xi, weights = legendre.leggauss(samples.shape[0])
    degree = np.arange(samples.shape[0])
    matrix = ((2 * degree + 1) / 2)[:, None] * legendre.legvander(xi, samples.shape[0] - 1).T
    return np.tensordot(matrix * weights, samples, 1)


def sample_places(count: int) -> Floats:
    """Places in [-1, 1] for :func:`from_samples`: Gauss nodes and both ends."""
    return np.concatenate([[-1.0], legendre.leggauss(count)[0], [1.0]])


def from_samples(x0: Floats, knots: Floats, left: Floats, local: Floats) -> Path:
    """From offsets local[c, e] of places c from the left end of every interval e.

    ``left`` has the offsets of the left ends from x0. Velocities come from local offsets, whose
    rounding is far below that of coordinates, and add up to the whole way.
    """
    places = sample_places(local.shape[0] - 2)
    fit = np.linalg.inv(legendre.legvander(places, len(places) - 1))
    offset = np.tensordot(fit, local, 1)
    slope = np.zeros_like(offset)
    slope[:-1] = legendre.legder(offset, axis=0) * (2.0 / np.diff(knots))[:, None]
    offset[0] += left
    return Path(x0, knots, np.concatenate([offset, slope], axis=2))


def from_steps(x0: Floats, knots: Floats, pieces: Floats, tape: Floats | None = None) -> Path:
    """From the interpolants of the integrator (Hairer, Norsett, Wanner 1993, II.6)."""
    tau = 0.5 * (legendre.leggauss(8)[0] + 1.0)[:, None, None]
    total = np.zeros((8, *pieces[:, 0].shape))
    for k in range(7, 0, -1):
        total += pieces[:, k]
        total *= tau if k % 2 == 1 else 1.0 - tau
    return Path(x0, knots, _fit(total + pieces[:, 0]), tape)


def from_collocation(x0: Floats, knots: Floats, y: Floats, v: Floats, acc: Floats) -> Path:
    """From the boundary solver's unknowns on [0, 1]."""
    to_legendre = gauss()[5]
    s = acc.shape[1]
    tau = 0.5 * (legendre.leggauss(s + 2)[0] + 1.0)
    coefficients = np.einsum("ps,esn->epn", to_legendre, acc)
    # Shifted Legendre series in tau: one integration is half of one in xi.
    once = 0.5 * legendre.legint(coefficients, axis=1, lbnd=-1)
    twice = 0.5 * legendre.legint(once, axis=1, lbnd=-1)
    h = np.diff(knots)[:, None]
    xi = 2.0 * tau - 1.0
    samples = np.empty((s + 2, h.shape[0], 2 * x0.shape[0]))
    n = x0.shape[0]
    for c in range(s + 2):
        first = np.einsum("d,edn->en", legendre.legvander(xi[c : c + 1], s)[0], once)
        second = np.einsum("d,edn->en", legendre.legvander(xi[c : c + 1], s + 1)[0], twice)
        samples[c, :, :n] = y[:-1] + h * tau[c] * v + h * h * second
        samples[c, :, n:] = v + h * first
    return Path(x0, knots, _fit(samples))


def length_and_energy(kernels: Prepared, path: Path) -> tuple[float, float]:
    """Length and energy (half the integral of the squared speed), by Gauss quadrature."""
    xi, weights = legendre.leggauss(_DEGREE)
    span = np.diff(path.knots)
    times = path.knots[:-1, None] + 0.5 * (xi + 1.0) * span[:, None]
    x, v = path(times.ravel())
    if path.tape is None:
        square = np.einsum("ti,tij,tj->t", v, kernels.metric(x), v)
    else:
        inner = precise_solver().precise_metric
        pairs = zip(x, v, strict=True)
        square = np.array([inner(path.tape, a, b[None, :])[0, 0] for a, b in pairs])
    weight = (0.5 * weights * span[:, None]).ravel()
    return float(weight @ np.sqrt(np.abs(square))), float(0.5 * weight @ square)
