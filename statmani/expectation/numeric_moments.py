"""Quadrature of E[f] at one point, split where f has kinks or jumps."""

from __future__ import annotations

import itertools
from dataclasses import replace

import sympy as sp

from statmani.declaration import Declaration
from statmani.expectation.evaluate import evaluate_exact
from statmani.expectation.nodes import kinks
from statmani.expectation.quadrature import Integrator
from statmani.expectation.sums import Point

__all__ = ["numeric_mean"]


def numeric_mean(
    declaration: Declaration, function: sp.Expr, values: Point
) -> tuple[float, float, float]:
    """(E[f], E|f|, relative error) at one point, straight from the definition.

    Examples
    --------
    >>> import sympy as sp, statmani as sm
    >>> from statmani.expectation.numeric_moments import numeric_mean
    >>> normal = sm.families.normal().declaration
    >>> x = normal.variables[0].symbol
    >>> at = dict(zip(normal.parameters, (sp.Integer(0), sp.Integer(1))))
    >>> round(numeric_mean(normal, abs(x), at)[0], 10)
    0.7978845608
    """
    target = 1e-12 if len(declaration.variables) == 1 else 1e-9
    value = size = error = 0.0
    for piece in _pieces(declaration, function, values):
        estimate = Integrator(piece, [function]).at(values, target)
        value += float(estimate.values[0])
        size += float(estimate.sizes[0])
        error = max(error, estimate.error)
    return value, size, error


def _pieces(declaration: Declaration, function: sp.Expr, values: Point) -> list[Declaration]:
    if len(declaration.variables) != 1 or declaration.variables[0].discrete:
        return [declaration]
    variable = declaration.variables[0]
    table = {**declaration.sample_values(), **values}
    places = {
        sp.Rational(str(float(evaluate_exact(k, table).real)))
        for k in kinks(function, variable.symbol)
    }
    low, high = (
        -sp.oo
        if end is -sp.oo
        else sp.oo
        if end is sp.oo
        else sp.Rational(str(float(evaluate_exact(end, table).real)))
        for end in (variable.lower, variable.upper)
    )
    inside = sorted(p for p in places if low < p < high)
    if not inside:
        return [declaration]
    ends = [variable.lower, *inside, variable.upper]
    return [
        replace(declaration, variables=(replace(variable, lower=a, upper=b),))
        for a, b in itertools.pairwise(ends)
    ]
