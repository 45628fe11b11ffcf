"""Quadrature of E[f] at one point, split where f has kinks or jumps."""

from __future__ import annotations

import itertools
from dataclasses import replace

import sympy as sp

from statmani.declaration import Declaration
from statmani.expectation.evaluate import evaluate_exact
from statmani.expectation.nodes import kinks, without_max
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
    table = {**declaration.sample_values(), **values}
    for piece, smooth in _pieces(declaration, function, table):
        estimate = Integrator(piece, [smooth]).at(values, target)
        value += float(estimate.values[0])
        size += float(estimate.sizes[0])
        error = max(error, estimate.error)
    return value, size, error


def _pieces(
    declaration: Declaration, function: sp.Expr, values: Point
) -> list[tuple[Declaration, sp.Expr]]:
    """The sample between the kinks of density and function, which are smooth on each piece."""
    samples = {v.symbol for v in declaration.variables}
    cut = [v for v in declaration.variables if kinks(without_max(function), v.symbol)]
    if len(samples) > 1 and len(cut) != 1:
        return [(declaration, function)]
    position = 0 if len(samples) == 1 else declaration.variables.index(cut[0])
    variable = declaration.variables[position]
    x = variable.symbol
    bounds = variable.lower.free_symbols | variable.upper.free_symbols
    if variable.discrete or bounds & samples:
        return [(declaration, function)]
    density, smooth = without_max(declaration.log_density), without_max(function)
    cuts = [k for k in (*kinks(density, x), *kinks(smooth, x)) if not k.free_symbols & samples]
    places = {_rational(k, values) for k in cuts}
    low, high = (
        end if end.is_infinite else _rational(end, values)
        for end in (variable.lower, variable.upper)
    )
    inside = sorted(p for p in places if low < p < high)
    if not inside:
        return [(declaration, function)]
    pieces = []
    ends = [low, *inside, high]
    for (a, b), outer in zip(
        itertools.pairwise(ends),
        itertools.pairwise([variable.lower, *inside, variable.upper]),
        strict=True,
    ):
        middle = b - 1 if a is -sp.oo else a + 1 if b is sp.oo else (a + b) / 2
        at = {**values, x: middle}
        lower, upper = outer
        piece = replace(
            declaration,
            log_density=_decided(density, at) if len(samples) == 1 else density,
            variables=(
                *declaration.variables[:position],
                replace(variable, lower=lower, upper=upper),
                *declaration.variables[position + 1 :],
            ),
        )
        pieces.append((piece, _decided(smooth, at)))
    return pieces


def _rational(expr: sp.Expr, values: Point) -> sp.Rational:
    return sp.Rational(str(float(evaluate_exact(expr, values).real)))


def _decided(expr: sp.Expr, at: Point) -> sp.Expr:
    """Kinks replaced by what they are around a point; others stay."""
    table: dict[sp.Basic, sp.Basic] = {}
    known = {s for s, v in at.items() if sp.sympify(v).is_number}
    for node in expr.atoms(sp.Abs, sp.sign, sp.Heaviside):
        if node.free_symbols - known:
            continue
        positive = evaluate_exact(node.args[0], at).real > 0
        if isinstance(node, sp.Abs):
            table[node] = node.args[0] if positive else -node.args[0]
        else:
            table[node] = sp.Integer(int(positive) if isinstance(node, sp.Heaviside)
                                     else 2 * int(positive) - 1)  # fmt: skip
    for node in expr.atoms(sp.core.relational.Relational):
        if not isinstance(node, (sp.Eq, sp.Ne)) and not node.free_symbols - known:
            difference = evaluate_exact(node.gts - node.lts, at).real
            table[node] = sp.true if difference > 0 else sp.false
    return expr.xreplace(table)
