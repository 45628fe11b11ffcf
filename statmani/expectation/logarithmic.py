"""Densities of log x: tails and kinks that show only in the logarithm of the sample.

The tensors do not depend on the coordinate of the sample, so that a density on the positive
half-line that depends on x through log x alone is treated as the density of w = log x.
"""

from __future__ import annotations

from dataclasses import replace

import sympy as sp

from statmani.declaration import Declaration, Variable

__all__ = ["in_logarithms"]


def in_logarithms(declaration: Declaration) -> Declaration:
    """The law of w = log x, where log p is a function of log x and no polynomial of it.

    Other declarations come back as they are: a polynomial is no heavier than a lognormal density.

    Examples
    --------
    >>> import sympy as sp, statmani as sm
    >>> from statmani.expectation.logarithmic import in_logarithms
    >>> x, s = sp.symbols("x s", positive=True)
    >>> family = sm.Family(s / (sp.pi * x * (s**2 + sp.log(x) ** 2)), sample=x, parameters=s)
    >>> moved = in_logarithms(family.declaration)
    >>> moved.variables[0].lower, moved.log_density.has(sp.exp)
    (-oo, False)
    """
    if len(declaration.variables) != 1 or declaration.region:
        return declaration
    (variable,) = declaration.variables
    if variable.discrete or variable.lower != 0 or variable.upper is not sp.S.Infinity:
        return declaration
    w = sp.Symbol(f"{variable.symbol.name}l", real=True)
    ell = declaration.log_density.xreplace({variable.symbol: sp.exp(w)})
    # Not forced: log(log(x)^2) is not 2 log(log(x)), which is complex left of one.
    ell = sp.expand_log(sp.powdenest(ell))
    if any(e.has(w) for e in ell.atoms(sp.exp)) or ell.is_polynomial(w):
        return declaration
    moved = Variable(w, sp.S.NegativeInfinity, sp.S.Infinity)
    return replace(declaration, log_density=ell + w, variables=(moved,))
