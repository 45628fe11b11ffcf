"""Delta functions, which second derivatives of a density with kinks contain."""

from __future__ import annotations

import sympy as sp

from statmani.declaration import Declaration
from statmani.errors import IntractableExpectation
from statmani.signs import Bounded, is_positive_on

__all__ = ["split_deltas"]


def split_deltas(declaration: Declaration, expr: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """(E of the part with delta functions, the rest).

    Raises
    ------
    IntractableExpectation
        A delta whose place is not linear in one continuous variable or not inside the support,
        or whose factor jumps there.

    Examples
    --------
    >>> import sympy as sp, statmani as sm
    >>> from statmani.expectation.deltas import split_deltas
    >>> laplace = sm.families.laplace().declaration
    >>> median, scale = laplace.parameters
    >>> split_deltas(laplace, laplace.log_density.diff(median, 2))[0]
    -1/t1**2
    """
    if not expr.has(sp.DiracDelta):
        return sp.Integer(0), expr
    total: sp.Expr = sp.Integer(0)
    rest: sp.Expr = sp.Integer(0)
    for term in sp.Add.make_args(sp.expand(expr)):
        deltas = [f for f in sp.Mul.make_args(term) if isinstance(f, sp.DiracDelta)]
        if not term.has(sp.DiracDelta):
            rest += term
        elif len(deltas) == 1 and len(declaration.variables) == 1:
            total += _at(declaration, term / deltas[0], deltas[0])
        else:
            raise _refused(declaration, term)
    return total, rest


def _at(declaration: Declaration, factor: sp.Expr, delta: sp.Expr) -> sp.Expr:
    variable = declaration.variables[0]
    x = variable.symbol
    inner = sp.expand(delta.args[0])
    slope = inner.diff(x)
    if variable.discrete or len(delta.args) > 1 or slope == 0 or slope.has(x):
        raise _refused(declaration, delta)
    place = sp.expand(-(inner - slope * x).expand() / slope)
    box: tuple[Bounded, ...] = declaration.domain.axes
    inside = all(
        end.is_infinite or is_positive_on(sp.expand(sign * (place - end)), box)
        for sign, end in ((1, variable.lower), (-1, variable.upper))
    )
    jumps = [
        node
        for node in factor.atoms(sp.sign, sp.Heaviside, sp.Piecewise, sp.DiracDelta)
        if node.has(x)
    ]
    if not inside or jumps:
        raise _refused(declaration, factor * delta)
    density = sp.exp(declaration.log_density.xreplace({x: place}))
    value: sp.Expr = factor.xreplace({x: place}) * density / sp.Abs(slope)
    return value


def _refused(declaration: Declaration, term: sp.Expr) -> IntractableExpectation:
    return IntractableExpectation(
        f"E[{declaration.external(term)}]: a delta function whose place is not inside the support "
        "or where its factor jumps has no expectation that is independent of how the kink is "
        "rounded. Write the expectation through first derivatives."
    )
