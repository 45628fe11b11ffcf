"""Supports whose end moves with a parameter: when is the score still regular there?"""

from __future__ import annotations

import numpy as np
import sympy as sp

from statmani.declaration import Declaration, Variable
from statmani.errors import RegularityError
from statmani.expectation.evaluate import Program
from statmani.expectation.nodes import clean

__all__ = ["check_moving_support"]

_DISTANCES = np.array([1e-6, 1e-9, 1e-12])


def check_moving_support(declaration: Declaration) -> None:
    """Raise RegularityError when the density does not vanish fast enough at a moving end.

    Near an end that moves with a parameter the density behaves like (distance)^c. E[s] = 0 needs
    c > 0, a finite metric c > 1, and a finite skewness tensor c > 2; otherwise the tensors are
    infinite or the identities between them fail (Lehmann and Casella 1998, section 2.6).
    """
    parameters = set(declaration.parameters)
    for variable in declaration.variables:
        for end, sign in ((variable.lower, 1), (variable.upper, -1)):
            moving = sorted(end.free_symbols & parameters, key=str)
            if not moving:
                continue
            name = declaration.external(variable.symbol)
            what = f"support: the end {declaration.external(end)} of {name} moves with "
            what += ", ".join(str(declaration.external(m)) for m in moving)
            if variable.discrete:
                raise RegularityError(
                    f"{what}, and {name} is discrete, so the Fisher metric does not exist. "
                    "Make that parameter a constant."
                )
            if len(declaration.variables) == 1:
                _check_end(declaration, variable, end, sign, what)


def _check_end(
    declaration: Declaration, variable: Variable, end: sp.Expr, sign: int, what: str
) -> None:
    z = sp.Dummy("z", positive=True)
    near = clean(declaration.log_density.xreplace({variable.symbol: end + sign * z}))
    program = Program([z * near.diff(z)], [z])
    for point in declaration.domain.interior_points(3):
        values = {**declaration.sample_values()}
        values.update(zip(declaration.parameters, point, strict=True))
        exponents = np.asarray(program.arrays(values, [_DISTANCES])[0]).real
        finite = exponents[np.isfinite(exponents)]
        if finite.size and finite[-1] <= 2 + 1e-4:
            place = ", ".join(
                f"{declaration.external(t)} = {v}"
                for t, v in zip(declaration.parameters, point, strict=True)
            )
            raise RegularityError(
                f"{what}, and there the density behaves like (distance)**{finite[-1]:.4g} at "
                f"{place}; an exponent above 2 is needed for a finite metric and skewness. Make "
                "the end a constant, or restrict the domain to where the density vanishes faster."
            )
