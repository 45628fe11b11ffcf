"""Functions of a point with expectations in many digits, where double precision loses them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy as sp

from statmani.algebra.numeric import NotEvaluable, new_context, value_of
from statmani.errors import OutsideDomain
from statmani.expectation.expectation import Expectation, Integrand
from statmani.kernels.expectations import grouped

__all__ = ["inverse", "precise_outputs"]

# Mass that is off by more means nodes that miss a part of the density.
_LOST_MASS = 1e-15


def precise_outputs(
    outputs: Sequence[sp.Expr], inputs: Sequence[sp.Symbol], row: Sequence[float], digits: int
) -> Any:
    """Outputs at one point as an array of mpmath numbers, shape (number of outputs, 1).

    Raises
    ------
    NotEvaluable
        An expectation over several variables, one that does not converge, or a density whose
        integral does not come out as one, so that nodes would miss a part of it.
    """
    context = new_context(digits)
    known: dict[Any, Any] = {s: context.mpf(float(x)) for s, x in zip(inputs, row, strict=True)}
    try:
        for law, values, atoms in grouped(outputs):
            if len(law.declaration.variables) > 1:
                raise NotEvaluable("digits of expectations over several variables are too dear")
            mass = value_of(Expectation(Integrand(law, sp.S.One, ()), *values), known, context)
            if not abs(mass - 1) < _LOST_MASS:
                raise NotEvaluable(f"the density integrates to {context.nstr(mass, 15)}")
            known |= {atom: value_of(atom, known, context) for atom in atoms}
        found = [value_of(e, known, context) for e in outputs]
    except OutsideDomain as failure:
        raise NotEvaluable(str(failure)) from None
    return np.array(found, dtype=object)[:, None]


def inverse(matrices: Any) -> Any:
    """Inverses of matrices, shape (N, n, n), of mpmath numbers.

    Raises
    ------
    NotEvaluable
        A matrix is singular.
    """
    result = np.empty_like(matrices)
    for at, matrix in enumerate(matrices):
        own = matrix[0, 0].context
        try:
            found = own.matrix(matrix.tolist()) ** -1
        except ZeroDivisionError:
            raise NotEvaluable("the metric is singular") from None
        result[at] = np.array(found.tolist(), dtype=object).reshape(matrix.shape)
    return result
