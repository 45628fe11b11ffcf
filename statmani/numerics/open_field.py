"""Fields for the solvers of manifolds whose tensors contain unevaluated expectations."""

from __future__ import annotations

from functools import cached_property
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from statmani.geometry.manifold import StatisticalManifold
from statmani.kernels.callback import callback_field
from statmani.kernels.fields import field_outputs
from statmani.numerics.open_functions import OpenFunctions

__all__ = ["OpenField"]

Floats = NDArray[np.float64]


@final
class OpenField:
    """g, T and derivatives in one chart, packed as :mod:`statmani.kernels.contract` says.

    Derivatives of g and T are expectations too and come from the same sweep.
    """

    def __init__(self, manifold: StatisticalManifold, order: int, unconstrained: bool) -> None:
        inputs, exponentials, outputs = field_outputs(manifold, order, unconstrained)
        self._functions = OpenFunctions(outputs, inputs, exponentials)

    def fill(self, x: Floats, out: Floats) -> None:
        """Write the packed tensors at x; NaN where quadrature fails."""
        self._functions.fill(x, out)

    @cached_property
    def pointer(self) -> Any:
        """The field for the compiled solvers."""
        compiled = self._functions.field
        return callback_field(self) if compiled is None else compiled
