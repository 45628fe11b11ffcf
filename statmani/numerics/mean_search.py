"""The search for a point of least mean distance, step by step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from statmani.errors import NoConvergence
from statmani.numerics.connect import REASONS
from statmani.numerics.prepared import Prepared
from statmani.numerics.shortest import shortest_rows

__all__ = ["Pull", "Search"]

Floats = NDArray[np.float64]
_STEPS = 500
# Derivatives of the force are differences over this, in units of the spread.
_DIFFERENCE = 1e-4


@final
@dataclass(frozen=True, eq=False)
class Pull:
    """How the points pull at x, in unconstrained coordinates.

    The value is sum w d^power. The force, sum w d^(power - 2) log, is minus its gradient over
    the power; `gradient` is its length, less the weight of a point of the data that lies at x
    itself when that is a median's (Vardi and Zhang 2000), and `held` when that weight is the
    greater. The stiffness is sum w d^(power - 2).
    """

    x: Floats
    own: Floats
    value: float
    force: Floats
    gradient: float
    held: bool
    stiffness: float
    noise: float
    nearest: int
    nearest_distance: float
    lower: Floats


@final
class Search:
    """Points with weights and the power of their distances, and the steps of the search."""

    def __init__(self, kernels: Prepared, points: Floats, weights: Floats, power: int) -> None:
        self._kernels, self._points, self._weights = kernels, points, weights
        self._power = power
        self.evaluations = 0

    def pull(self, x: Floats, own: Floats | None = None) -> Pull:
        """At x, which is `own` in the manifold's coordinates."""
        kernels, n = self._kernels, len(x)
        if own is None:
            own = kernels.from_chart(x[None], np.zeros((1, n)))[0][0]
        self.evaluations += 1
        apart = np.flatnonzero((self._points != own).any(axis=1))
        starts = np.repeat(own[None], len(apart), axis=0)
        found, _ = shortest_rows(kernels, starts, self._points[apart], 1e-12)
        for k, connection in zip(apart, found, strict=True):
            if connection.status != "converged":
                raise NoConvergence(
                    f"no geodesic from {own} to points[{k}] = {self._points[k]}: "
                    f"{REASONS[connection.status]}. Try another start, or other coordinates."
                )
        distances = np.array([c.distance for c in found])
        weights = self._weights[apart] * distances ** (self._power - 2)
        force = weights @ np.array([c.velocity for c in found]).reshape(-1, n)
        lower = np.linalg.cholesky(kernels.metric(x[None])[0])
        gradient = float(np.linalg.norm(lower.T @ force))
        if self._power == 1:
            gradient -= 1.0 - float(self._weights[apart].sum())
        return Pull(
            x,
            own,
            float(self._weights[apart] @ distances**self._power),
            force,
            max(0.0, gradient),
            gradient < -1e-9,
            float(weights.sum()),
            float(weights @ np.array([c.velocity_error for c in found])),
            int(apart[np.argmin(distances)]),
            float(distances.min()),
            lower,
        )

    def at_point(self, index: int) -> Pull:
        """At a point of the data."""
        own = self._points[index]
        return self.pull(self._kernels.to_chart(own[None])[0], own)

    def spread(self, pull: Pull) -> float:
        """Typical distance of the points."""
        return float(pull.value ** (1.0 / self._power))

    def unit(self, pull: Pull) -> float:
        """Natural size of a force."""
        return self.spread(pull) ** (self._power - 1)

    def descend(self, pull: Pull, until: Callable[[Pull], bool]) -> Pull:
        """Steps along the force, halved until the value decreases."""
        for _ in range(_STEPS):
            if until(pull):
                break
            trial: Pull | None = None
            size, length = 1.0, float(np.linalg.norm(pull.lower.T @ pull.force))
            direction = pull.force * (pull.gradient / length / pull.stiffness)
            promised = self._power * pull.gradient**2 / pull.stiffness
            while size > 1e-9:
                trial = self._attempt(pull.x + size * direction)
                if trial is not None and pull.value - trial.value > 0.1 * size * promised:
                    break
                size *= 0.5
            if trial is None or size <= 1e-9:
                break
            pull = trial
        return pull

    def _attempt(self, x: Floats) -> Pull | None:
        try:
            return self.pull(x)
        except NoConvergence:
            return None

    def first(self, x: Floats) -> Pull:
        """The best of x and a few points of the data: in poor coordinates means lie far off."""
        some = np.unique(np.linspace(0, len(self._points) - 1, 4).astype(int))
        found = [self._attempt(x), *(self.at_point(int(k)) for k in some)]
        return min((pull for pull in found if pull is not None), key=lambda pull: pull.value)

    def newton(self, pull: Pull, rtol: float) -> Pull:
        """Newton steps while they help."""
        while True:
            hessian = self.hessian(pull)
            begun = pull
            for _ in range(8):
                if pull.gradient <= rtol * self.unit(pull):
                    return pull
                try:
                    move = np.linalg.solve(hessian, begun.lower.T @ pull.force)
                except np.linalg.LinAlgError:
                    return pull
                step = np.linalg.solve(begun.lower.T, move)
                if not np.linalg.norm(move) < self.spread(pull):
                    return pull
                trial = self._attempt(pull.x + step)
                if trial is None or not trial.gradient < 0.5 * pull.gradient:
                    break
                pull = trial
            if not pull.gradient < 0.1 * begun.gradient:
                return pull

    def hessian(self, pull: Pull) -> Floats:
        """Minus the force's derivative in an orthonormal frame; where the force vanishes, it is
        the covariant one."""
        frame = np.linalg.inv(pull.lower).T
        step = _DIFFERENCE * min(self.spread(pull), pull.nearest_distance)
        ahead = [self.pull(pull.x + step * axis).force for axis in frame.T]
        behind = [self.pull(pull.x - step * axis).force for axis in frame.T]
        result: Floats = pull.lower.T @ (np.stack(behind, 1) - np.stack(ahead, 1)) / (2 * step)
        return result
