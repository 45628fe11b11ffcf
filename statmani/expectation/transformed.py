"""Densities that are normal in another coordinate: lognormal, logit-normal and the like."""

from __future__ import annotations

from dataclasses import replace

import sympy as sp

from statmani.declaration import Declaration, Variable
from statmani.expectation.means import gaussian_means
from statmani.expectation.normalise import Signs, normalise
from statmani.expectation.partial import cases_of, gaussian_partial

__all__ = ["transformed_mean"]


def transformed_mean(
    ell: sp.Expr, form: sp.Expr, declaration: Declaration, signs: Signs
) -> sp.Expr | None:
    """E[f] with cases, when the logarithm of the distance from the end is normal.

    Examples
    --------
    >>> import sympy as sp, statmani as sm
    >>> family = sm.families.lognormal()
    >>> x, = family.sample
    >>> family.expect(sp.Heaviside(1 - x))
    1/2 - erf(sqrt(2)*mu/(2*sigma))/2
    """
    if len(declaration.variables) != 1 or declaration.region:
        return None
    variable = declaration.variables[0]
    x = variable.symbol
    if variable.discrete or variable.upper is not sp.oo or variable.lower is -sp.oo:
        return None
    y = sp.Symbol("y_log", real=True)
    inverse = variable.lower + sp.exp(y)
    wide = signs.with_symbol(y, (sp.Rational(1, 2), sp.Rational(-4, 3)))
    moved = replace(declaration, variables=(Variable(y, -sp.oo, sp.oo),))
    level = normalise(ell.xreplace({x: inverse}) + y, moved, wide)
    if gaussian_means(level, [y], moved) is None:
        return None
    cases = cases_of(form, x)
    if cases is None:
        return None
    cuts = list(dict.fromkeys(e for _, a, b in cases for e in (a, b) if not e.is_infinite))

    def mean(below: int) -> sp.Expr | None:
        """With the first cuts below the support."""
        parts = []
        for value, low, high in cases:
            if high in cuts[:below]:
                continue
            ends = [
                e if e.is_infinite else -sp.oo if e in cuts[:below] else sp.log(e - variable.lower)
                for e in (low, high)
            ]
            parts.append((normalise(value.xreplace({x: inverse}), moved, wide), *ends))
        return gaussian_partial(level, parts, moved, wide)

    pieces: list[tuple[sp.Expr, sp.Basic]] = []
    for below in range(len(cuts), -1, -1):
        last = cuts[below - 1] - variable.lower if below else None
        if last is not None and last.is_positive:
            continue
        value = mean(below)
        if value is None:
            return None
        pieces.append((value, sp.true if last is None else last <= 0))
        if last is not None and last.is_nonpositive:
            break
    return sp.Piecewise(*pieces)
