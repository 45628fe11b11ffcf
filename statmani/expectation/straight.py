"""Supports of several variables as products of lines and half-lines.

A variable between bounds a < x < b, which may depend on earlier variables, is written as
x = a + (b - a) u / (1 + u) with u > 0. On a simplex this is stick breaking: a Dirichlet density
becomes a product of beta-prime densities (Connor and Mosimann 1969), so that independent parts
show; elsewhere the density has no edge left, which whitened sums need.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import sympy as sp

from statmani.declaration import Declaration, Variable
from statmani.expectation.normalise import expand_shallow, sample_points
from statmani.expectation.regions import absorb_region
from statmani.expectation.tidy import is_zero

__all__ = ["straighten"]

_KINKED = (sp.Abs, sp.sign, sp.Heaviside, sp.Piecewise, sp.Max, sp.Min, sp.floor, sp.ceiling)


def straighten(declaration: Declaration) -> tuple[Declaration, Mapping[sp.Symbol, sp.Expr]]:
    """The law of unbounded coordinates of the sample, and the old sample variables in them.

    The declaration comes back as it is, with conditions as bounds, when it has one variable, a
    discrete one, a kink, or a bound that depends on a parameter.

    Examples
    --------
    >>> import statmani as sm
    >>> from statmani.expectation.straight import straighten
    >>> declaration = sm.families.dirichlet(3).declaration
    >>> straight, table = straighten(declaration)
    >>> [(v.lower, v.upper) for v in straight.variables]
    [(0, oo), (0, oo)]
    >>> table[declaration.variables[0].symbol]
    u0/(u0 + 1)
    """
    bounded = absorb_region(declaration)
    variables, ell = bounded.variables, bounded.log_density
    fixed = {v.symbol for v in variables} | set(bounded.constants)
    ends = sp.Tuple(*(e for v in variables for e in (v.lower, v.upper)))
    if (
        len(variables) < 2
        or any(v.discrete for v in variables)
        or ell.has(*_KINKED)
        or ends.free_symbols - fixed
        or all(_is_straight(v) for v in variables)
    ):
        return bounded, {}
    table: dict[sp.Symbol, sp.Expr] = {}
    jacobian: sp.Expr = sp.Integer(0)
    straight: list[Variable] = []
    for number, v in enumerate(variables):
        low, high = (_rooted(sp.cancel(e.xreplace(table))) for e in (v.lower, v.upper))
        if _is_straight(v) and low is sp.S.NegativeInfinity:
            straight.append(v)
            continue
        u = sp.Symbol(f"u{number}", positive=True)
        if high is sp.S.Infinity:
            table[v.symbol] = low + u
        elif low is sp.S.NegativeInfinity:
            table[v.symbol] = high - u
        else:
            width = _rooted(sp.factor(high - low))
            table[v.symbol] = _rooted(sp.factor(low + width * u / (1 + u)))
            jacobian += _log(width) - 2 * sp.log(1 + u)
        straight.append(Variable(u, sp.Integer(0), sp.S.Infinity))
    plain = replace(bounded, log_density=ell.xreplace(table) + jacobian, variables=tuple(straight))
    opened = expand_shallow(_opened(plain.log_density))
    if is_zero(opened - plain.log_density, sample_points(plain, 3)):
        return replace(plain, log_density=opened), table
    return plain, table


def _is_straight(variable: Variable) -> bool:
    return variable.upper is sp.S.Infinity and variable.lower in (0, sp.S.NegativeInfinity)


def _rooted(expr: sp.Expr) -> sp.Expr:
    """Roots of products as products of roots, which are simple for positive factors."""
    return expr.replace(
        lambda e: e.is_Pow and e.exp.is_Rational and not e.exp.is_Integer and e.free_symbols,
        lambda e: sp.factor(e.base) ** e.exp,
    )


def _opened(expr: sp.Expr) -> sp.Expr:
    """Logarithms of rational functions as sums over their factors."""
    table = {node: _log(node.args[0]) for node in expr.atoms(sp.log) if node.free_symbols}
    return expr.xreplace(table)


def _log(argument: sp.Expr) -> sp.Expr:
    """log of the factors; where one could be negative the caller's comparison sees it."""
    terms: list[sp.Expr] = []
    for factor in sp.Mul.make_args(_rooted(sp.factor(_rooted(argument)))):
        base, power = factor.as_base_exp()
        terms.append(power * sp.log(base))
    return sp.Add(*terms)
