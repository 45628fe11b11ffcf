"""The density of one observation behind a manifold, at rows of points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from statmani.declaration import Declaration
from statmani.expectation.evaluate import Program
from statmani.geometry.manifold import StatisticalManifold

__all__ = ["Observed", "observed"]

Floats = NDArray[np.float64]


@final
@dataclass(frozen=True, eq=False)
class Observed:
    """A density without open constants; the metric is `count` times its Fisher metric."""

    declaration: Declaration
    count: float
    program: Program

    def parameters(self, points: Floats) -> Floats:
        """The density's parameters at rows of points."""
        result: Floats = np.stack(self.program.arrays({}, list(points.T)), axis=1).astype(float)
        return result


def observed(manifold: StatisticalManifold) -> Observed | None:
    """For a manifold that comes from a family, in whatever coordinates; else None."""
    source = manifold.source
    if source is None or source.declaration.constants:
        return None
    whole = source.declaration
    one = whole.observation or whole
    if one.constants:
        return None
    return Observed(one, float(whole.repetitions), Program(source.parameters, manifold.coordinates))
