"""Symbols of a user's function that its family does not know."""

from __future__ import annotations

import sympy as sp

from statmani.declaration import Declaration

__all__ = ["varied"]

# Values in turn for the further symbols of f that are constants: on both sides of cuts.
_VARIED = tuple(map(sp.Rational, ("7/5", "-4/5", "1/3", "-19/7", "11/4", "2/9")))


def varied(declaration: Declaration, working: Declaration, number: int) -> dict[sp.Symbol, sp.Expr]:
    """Values of the constants that f has and the declaration has not, for one trial.

    Nothing may be read off one value of them: a cut lies on either side of other points.

    Examples
    --------
    >>> import sympy as sp, statmani as sm
    >>> from dataclasses import replace
    >>> from statmani.expectation.further import varied
    >>> normal = sm.families.normal().declaration
    >>> cut = sp.Symbol("e0", real=True)
    >>> [varied(normal, replace(normal, constants=(cut,)), i)[cut] for i in range(3)]
    [7/5, -4/5, 1/3]
    """
    values: dict[sp.Symbol, sp.Expr] = {}
    for index, symbol in enumerate(working.constants[len(declaration.constants) :]):
        if symbol.is_integer:
            value: sp.Expr = sp.Integer((5, 2, 3, 1)[number % 4])
        else:
            value = _VARIED[(number + 2 * index) % len(_VARIED)]
        if symbol.is_nonnegative:
            value = abs(value)
        values[symbol] = -abs(value) if symbol.is_nonpositive else value
    return values
