"""Many paths in unconstrained coordinates, kept and evaluated together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import final

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray

from statmani.kernels import compiled
from statmani.numerics.batch import measured
from statmani.numerics.path import Path, length_and_energy
from statmani.numerics.prepared import Prepared
from statmani.numerics.threads import in_parts

__all__ = ["PathRows", "from_paths"]

Floats = NDArray[np.float64]
_NODES = 7
# Work of a sample, and of a node where the speed is computed, for threads.
_SAMPLE, _NODE = 0.03, 0.05
# Rows whose nodes are in memory together.
_AT_ONCE = 1024


@final
@dataclass(frozen=True, eq=False)
class PathRows:
    """Rows of paths that start at time 0, see :mod:`statmani.kernels.path_rows`.

    Attributes
    ----------
    x0 : ndarray, shape (N, n)
    firsts : ndarray of int, shape (N + 1,)
        Steps of row k are those from firsts[k] to firsts[k + 1]; a failed row has none.
    ends : ndarray, shape (M,)
    series : ndarray, shape (M, degree + 1, 2n)
    tape : ndarray or None
        The program of tensors with 31 digits of the rows that need it.
    exact : tuple of int
        Which rows these are.
    """

    x0: Floats
    firsts: NDArray[np.int64]
    ends: Floats
    series: Floats
    tape: Floats | None = None
    exact: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.x0)

    def __getitem__(self, k: int) -> Path | None:
        first, last = self.firsts[k], self.firsts[k + 1]
        if first == last:
            return None
        knots = np.concatenate([[0.0], self.ends[first:last]])
        series = self.series[first:last].transpose(1, 0, 2)
        return Path(self.x0[k], knots, series, self.tape if k in self.exact else None)

    @cached_property
    def found(self) -> NDArray[np.bool_]:
        """Which rows did not fail."""
        result: NDArray[np.bool_] = np.diff(self.firsts) > 0
        return result

    def sample(self, kernels: Prepared, times: Floats) -> tuple[Floats, Floats]:
        """Points and velocities in the manifold's coordinates, shape (N, T, n).

        ``times`` has the shape (T,) or (N, T); NaN gives NaN.
        """
        count, n = self.x0.shape
        wide = np.array(
            np.broadcast_to(times, (count, np.shape(times)[-1])), dtype=float, order="C"
        )
        width = wide.shape[1]
        points, velocities = np.empty((2, count, width, n))
        charts, chart = compiled.charts(), kernels.maps.chart

        def fill(part: slice) -> None:
            here = wide[part]
            x, v = np.empty((2, here.size, n))
            firsts = self.firsts[part.start : part.stop + 1]
            charts.sample_rows(self.x0[part], firsts, self.ends, self.series, here, x, v)
            mapped = charts.sample_path(chart, x, v)
            points[part], velocities[part] = (m.reshape(-1, width, n) for m in mapped)

        in_parts(count, _SAMPLE * width, fill)
        return points, velocities

    def states(self, times: Floats) -> tuple[Floats, Floats]:
        """Points and velocities of the chart at times[k, c] of row k, in order."""
        x, v = np.empty((2, times.size, self.x0.shape[1]))
        compiled.charts().sample_rows(self.x0, self.firsts, self.ends, self.series, times, x, v)
        return x, v

    def at_steps(self, xi: Floats) -> tuple[Floats, Floats]:
        """Points and velocities of the chart at places in [-1, 1] of every step, in order."""
        found: tuple[Floats, Floats] = compiled.charts().sample_steps(
            self.x0, self.firsts, self.series, xi
        )
        return found

    def lengths_and_energies(self, kernels: Prepared, alpha: float) -> tuple[Floats, Floats]:
        """Length and energy (half the integral of the squared speed), by Gauss quadrature.

        Speeds come from the lanes for alpha.
        """
        xi, weights = legendre.leggauss(_NODES)
        result = np.full((len(self), 2), np.nan)
        solver = compiled.charts()

        def fill(part: slice) -> None:
            for start in range(part.start, part.stop, _AT_ONCE):
                rows = slice(start, min(start + _AT_ONCE, part.stop))
                first, last = self.firsts[rows.start], self.firsts[rows.stop]
                firsts = self.firsts[rows.start : rows.stop + 1] - first
                x, v = solver.sample_steps(self.x0[rows], firsts, self.series[first:last], xi)
                squares = measured(kernels, x, v, alpha)[0]
                solver.line_integrals(firsts, self.ends[first:last], weights, squares, result[rows])

        in_parts(len(self), _NODE * _NODES * len(self.series) / max(len(self), 1), fill)
        result[~self.found] = np.nan
        for k in self.exact:
            path = self[k]
            if path is not None:
                result[k] = length_and_energy(kernels, path)
        return result[:, 0], result[:, 1]

    def replaced(self, rows: Mapping[int, Path | None]) -> PathRows:
        """The same with other paths in some rows."""
        if not rows:
            return self
        counts = np.diff(self.firsts)
        old = np.ones(len(self), dtype=bool)
        old[list(rows)] = False
        kept = np.repeat(old, counts)
        for k, path in rows.items():
            counts[k] = 0 if path is None else len(path.knots) - 1
        firsts = np.concatenate([[0], np.cumsum(counts)])
        ends = np.empty(firsts[-1])
        series = np.empty((firsts[-1], *self.series.shape[1:]))
        stay = np.repeat(old, counts)
        ends[stay], series[stay] = self.ends[kept], self.series[kept]
        exact = set(self.exact) - set(rows)
        tape = self.tape
        for k, path in rows.items():
            if path is not None:
                ends[firsts[k] : firsts[k + 1]] = path.knots[1:]
                series[firsts[k] : firsts[k + 1]] = path.series.transpose(1, 0, 2)
                if path.tape is not None:
                    tape, exact = path.tape, exact | {k}
        made = replace(self, firsts=firsts, ends=ends, series=series, tape=tape)
        return replace(made, exact=tuple(sorted(exact)))


def from_paths(paths: Sequence[Path | None], x0: Floats) -> PathRows:
    """Rows of paths with series of one degree; None where one failed."""
    lengths = {path.series.shape[0] for path in paths if path is not None}
    none = np.empty((0, max(lengths, default=1), 2 * x0.shape[1]))
    empty = PathRows(x0, np.zeros(len(x0) + 1, np.int64), np.empty(0), none)
    starts = np.array([a if p is None else p.x0 for a, p in zip(x0, paths, strict=True)])
    return replace(empty, x0=starts.reshape(x0.shape)).replaced(dict(enumerate(paths)))
