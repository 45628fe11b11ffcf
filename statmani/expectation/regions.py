"""Conditions of the support as bounds of its variables, for quadrature."""

from __future__ import annotations

from dataclasses import replace

import sympy as sp
from sympy.core.relational import Relational

from statmani.declaration import Declaration, Variable
from statmani.expectation.normalise import Signs

__all__ = ["absorb_region"]


def absorb_region(declaration: Declaration) -> Declaration:
    """The same law with linear and quadratic conditions written as bounds.

    A bounded variable moves behind those that bound it; a quadratic condition also leaves the
    condition that its discriminant is positive. What cannot be solved becomes a Piecewise that
    is -oo outside.
    """
    if not declaration.region or any(v.discrete for v in declaration.variables):
        return declaration
    signs = Signs(replace(declaration, region=()))
    variables, open_ones = list(declaration.variables), list(declaration.region)
    rest: list[Relational] = []
    solved: set[sp.Symbol] = set()
    while open_ones:
        relation = open_ones.pop(0)
        for variable in reversed(variables):
            found = None if variable.symbol in solved else _solve(relation, variable, signs)
            if found is None:
                continue
            bounded, discriminant = found
            used = (bounded.lower.free_symbols | bounded.upper.free_symbols) & solved
            if used:
                continue
            solved.add(variable.symbol)
            variables.remove(variable)
            variables.append(bounded)
            others = {v.symbol for v in variables}
            if discriminant is not None and discriminant.free_symbols & others:
                positive = sp.Gt(discriminant, 0)
                if signs.of(discriminant) != 1 and isinstance(positive, Relational):
                    open_ones.append(positive)
            break
        else:
            rest.append(relation)
    ell = declaration.log_density
    if rest:
        ell = sp.Piecewise((ell, sp.And(*rest)), (sp.S.NegativeInfinity, True))
    # Bounds may use earlier variables only: those solved last bound the others.
    free = [v for v in variables if v.symbol not in solved]
    late = [v for v in variables if v.symbol in solved]
    return replace(declaration, log_density=ell, variables=(*free, *reversed(late)), region=())


def _solve(
    relation: Relational, variable: Variable, signs: Signs
) -> tuple[Variable, sp.Expr | None] | None:
    """The variable with tighter bounds, and the discriminant of a quadratic condition."""
    if relation.rel_op not in ("<", "<=", ">", ">="):
        return None
    below = sp.expand(relation.lhs - relation.rhs)
    if relation.rel_op in (">", ">="):
        below = -below
    x = variable.symbol
    polynomial = below.as_poly(x)
    if polynomial is None or polynomial.degree() not in (1, 2):
        return None
    sign = signs.of(polynomial.LC())
    whole = variable.lower is sp.S.NegativeInfinity and variable.upper is sp.S.Infinity
    if polynomial.degree() == 1:
        end = sp.cancel(-polynomial.nth(0) / polynomial.nth(1))
        if sign > 0 and variable.upper is sp.S.Infinity:
            return replace(variable, upper=end), None
        if sign < 0 and variable.lower is sp.S.NegativeInfinity:
            return replace(variable, lower=end), None
        return None
    if sign <= 0 or not whole:
        return None
    a, b, c = polynomial.all_coeffs()
    discriminant = sp.expand(b**2 - 4 * a * c)
    half = sp.sqrt(discriminant) / (2 * a)
    middle = -b / (2 * a)
    return replace(variable, lower=middle - half, upper=middle + half), discriminant
