"""Strategies for E[f], tried in order: sums, Gaussian, statistics, kernels, integration."""

from __future__ import annotations

import itertools
from dataclasses import replace

import sympy as sp

from statmani.declaration import Declaration
from statmani.derivatives import derivative
from statmani.domain import Axis, Domain
from statmani.expectation.components import components, error_function_mean
from statmani.expectation.engine import KINKED, Closed, Engine, by_pieces
from statmani.expectation.equivariant import IDENTIFIED, identified_mean
from statmani.expectation.expectation import Expectation
from statmani.expectation.further import varied
from statmani.expectation.integration import Budget, integrate
from statmani.expectation.kernels import match_kernels
from statmani.expectation.masses import integral_of
from statmani.expectation.means import (
    finite_points,
    sum_finite,
)
from statmani.expectation.normalise import Signs, expand_shallow, normalise, sample_points
from statmani.expectation.partial import cases_of
from statmani.expectation.shorten import shorten, tidy_positive
from statmani.expectation.statistics import split_exponent
from statmani.expectation.store import derive_or_load
from statmani.expectation.tidy import tidy

__all__ = ["closed_form"]


def closed_form(
    declaration: Declaration, working: Declaration, expr: sp.Expr, effort: float
) -> Closed | None:
    """E[expr] by the first strategy that applies.

    Parameters
    ----------
    declaration : Declaration
    working : Declaration
        The same with the further symbols of ``expr`` as axes or constants.
    expr : Expr
    effort : float

    Examples
    --------
    >>> import statmani as sm
    >>> from statmani.expectation.closed_moments import closed_form
    >>> family = sm.families.poisson().declaration
    >>> closed_form(family, family, family.variables[0].symbol, 0).strategy
    'moments of sufficient statistics'
    """
    points = finite_points(declaration)
    signs = _signs(declaration, working)
    ell = normalise(declaration.log_density, working, signs)
    if points is not None:
        return Closed(tidy(sum_finite(ell, expr, points)), (), "finite sum")
    form = normalise(expr, working, signs)
    found = None
    marginal = any(not form.has(v.symbol) for v in working.variables)
    if marginal:
        found = _eliminated(declaration, working, ell, form)
    if found is None:
        engine = Engine(declaration, working, ell, signs, match_kernels(ell, working, signs))
        found = engine.mean(form) or _of_components(declaration, working, ell, signs, form)
    if found is None and not marginal:
        found = _eliminated(declaration, working, ell, form)
    if found is None:
        found = _of_scores(declaration, expr)
    if found is not None and not found.value.has(sp.I):
        found = replace(found, value=by_pieces(found.value, shorten))
    if found is None and effort > 0:
        value = _integrated(working, ell, expr, Budget(4.0 * effort))
        if value is not None:
            found = Closed(tidy(value), (), "sympy.integrate")
    if found is None:
        constant = identified_mean(declaration, expr)
        found = None if constant is None else Closed(constant, (), IDENTIFIED)
    return found


def _signs(declaration: Declaration, working: Declaration) -> Signs:
    """Signs that hold for several values of the further symbols of f."""
    points = sample_points(working)
    return Signs(working, [{**p, **varied(declaration, working, i)} for i, p in enumerate(points)])


def _eliminated(
    declaration: Declaration, working: Declaration, ell: sp.Expr, form: sp.Expr
) -> Closed | None:
    """E[E[f | all variables but one]], and so on: the conditional density is a known one."""
    variables = working.variables
    if len(variables) < 2 or working.region:
        return None
    # What f does not depend on goes first.
    order = sorted(range(len(variables)), key=lambda i: (form.has(variables[i].symbol), -i))
    for chosen in order:
        variable = variables[chosen]
        others = tuple(v for i, v in enumerate(variables) if i != chosen)
        bounds = [e for v in others for e in (v.lower, v.upper)]
        if variable.discrete or any(e.has(variable.symbol) for e in bounds):
            continue
        if any(v.discrete for v in others):
            return None
        axes = (*working.domain.axes, *(Axis(v.symbol, v.lower, v.upper) for v in others))
        inner = replace(
            working, variables=(variable,), domain=Domain(axes, working.domain.constraints)
        )
        signs = _signs(declaration, inner)
        level = normalise(ell, inner, signs)
        mass = integral_of(level, inner, signs)
        if mass is None:
            continue
        outer_ell = normalise(sp.log(mass), inner, signs)
        value = form
        conditions: tuple[sp.Expr, ...] = ()
        names: list[str] = []
        if form.has(variable.symbol):
            alone = expand_shallow(level - outer_ell)
            conditional = replace(inner, log_density=alone)
            branches = match_kernels(alone, conditional, signs)
            part = Engine(conditional, conditional, alone, signs, branches).mean(form)
            if part is None:
                continue
            value, conditions, names = part.value, part.conditions, [part.strategy]
        samples = {v.symbol for v in others}
        if any(c.free_symbols & samples for c in conditions):
            continue
        outer = replace(working, log_density=outer_ell, variables=others)
        declared = replace(declaration, log_density=outer_ell, variables=others)
        rest = closed_form(declared, outer, value, 0)
        if rest is not None:
            names.append(rest.strategy)
            whole = "one variable after the other: " + "; ".join(dict.fromkeys(names))
            return Closed(rest.value, (*conditions, *rest.conditions), whole)
    return None


def _of_scores(declaration: Declaration, expr: sp.Expr) -> Closed | None:
    """Products of two or three scores are the derived tensors; a score has mean zero."""
    scores = [derivative(declaration.log_density, t) for t in declaration.parameters]
    places = range(len(scores))
    for size in (1, 2, 3):
        for index in itertools.combinations_with_replacement(places, size):
            if expr != sp.Mul(*(scores[i] for i in index)):
                continue
            if size == 1:
                return Closed(sp.Integer(0), (), "mean of a score")
            derived = derive_or_load(declaration)
            found = (
                derived.metric[index[0], index[1]]
                if size == 2
                else derived.skewness.get((index[0], index[1], index[2]), sp.Integer(0))
            )
            closed = not found.has(Expectation)
            return Closed(found, (), "derived tensors") if closed else None
    return None


def _integrated(
    working: Declaration, ell: sp.Expr, expr: sp.Expr, budget: Budget
) -> sp.Expr | None:
    """By sympy; case by case when f has cases on a whole line."""
    if ell.has(*KINKED):
        return None
    if not expr.has(*KINKED):
        return integrate(working, expr, budget)
    variable = working.variables[0]
    line = variable.lower is -sp.oo and variable.upper is sp.oo and not variable.discrete
    cases = cases_of(expr, variable.symbol) if line and len(working.variables) == 1 else None
    total: sp.Expr = sp.Integer(0)
    for value, low, high in cases or ():
        piece = replace(working, variables=(replace(variable, lower=low, upper=high),))
        part = sp.Integer(0) if value == 0 else integrate(piece, value, budget)
        if part is None:
            return None
        total += part
    return total if cases else None


def _of_components(
    declaration: Declaration, working: Declaration, ell: sp.Expr, signs: Signs, form: sp.Expr
) -> Closed | None:
    """E[f] when the density is a sum: mixtures, and normal densities times 1 + erf."""
    samples = {v.symbol for v in declaration.variables}
    parts = components(ell, working, signs)
    if parts is None:
        return None
    total: sp.Expr = sp.Integer(0)
    conditions: list[sp.Expr] = []
    for level, factor in parts:
        if not factor.free_symbols & samples:
            mass = integral_of(level, working, signs)
            if mass is None:
                return None
            alone = level - normalise(sp.log(mass), working, signs)
            known = replace(working, log_density=alone)
            part = Engine(
                replace(declaration, log_density=alone), known, expand_shallow(alone), signs,
                match_kernels(expand_shallow(alone), known, signs),
            ).mean(form)  # fmt: skip
            if part is None:
                return None
            total += factor * mass * part.value
            conditions += part.conditions
            continue
        for term in sp.Add.make_args(expand_shallow(form)):
            coefficient, exponent, rest = split_exponent(term, samples, signs)
            inner = normalise(exponent, working, signs)
            value = error_function_mean(level, inner, rest * factor, working)
            if value is None:
                return None
            total += coefficient * value
    value = by_pieces(total, lambda e: tidy_positive(e, signs))
    return Closed(value, tuple(conditions), "sum of components")
