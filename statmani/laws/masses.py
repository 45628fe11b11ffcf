"""The law that a density integrates to one, exactly where its form is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import sympy as sp

from statmani.algebra.ring import Ring
from statmani.declaration import Declaration
from statmani.domain import Axis, Domain
from statmani.errors import StatmaniError
from statmani.expectation.deadline import OutOfTime, run_bounded
from statmani.expectation.kernels import match_kernels
from statmani.expectation.masses import integral_of, total_mass
from statmani.expectation.means import finite_points, sum_finite
from statmani.expectation.normalise import Signs, normalise
from statmani.expectation.parts import independent_blocks
from statmani.expectation.tidy import tidy
from statmani.laws.judge import Clock, run
from statmani.laws.record import Law
from statmani.laws.scores import Equation, Scores

__all__ = ["exact_mass", "normalisation"]

_NAME, _STATEMENT = "normalisation", "the density integrates to 1"


def normalisation(scores: Scores, clock: Clock) -> Law:
    """Quadrature at points, and a closed form of the total mass."""

    def law(clock: Clock) -> Law:
        equation = Equation((), lambda _: (sp.S.Zero, sp.S.One), lambda m: (m.total, 1, 1))
        found = scores.law(_NAME, _STATEMENT, [equation], clock, exact=False)
        if found.status == "violated":
            return found
        route = _proof(scores.one, clock.seconds)
        if route is None:
            return found
        return Law(_NAME, _STATEMENT, "proved", explanation=route)

    return run(clock, _NAME, _STATEMENT, law)


def _proof(declaration: Declaration, seconds: float) -> str | None:
    """The route by which the mass is exactly one, or None."""

    def work(report: Callable[[str], None]) -> str | None:
        found = exact_mass(declaration)
        if found is None:
            return None
        value, route = found
        gap = value - 1
        proved = not gap or not Ring(declaration.domain, [gap]).convert(gap)
        return route if proved else None

    try:
        return run_bounded(work, seconds, None, processor=True)
    except (OutOfTime, StatmaniError):
        return None


def exact_mass(declaration: Declaration) -> tuple[sp.Expr, str] | None:
    """The integral of the density in closed form, and how it was found.

    Examples
    --------
    >>> import statmani as sm
    >>> from statmani.laws.masses import exact_mass
    >>> exact_mass(sm.families.poisson().declaration)
    (1, 'a hypergeometric series')
    """
    signs = Signs(declaration)
    ell = normalise(declaration.log_density, declaration, signs)
    points = finite_points(declaration)
    if points is not None:
        return tidy(sum_finite(ell, sp.S.One, points)), "a finite sum"
    blocks, rest = independent_blocks(ell, declaration)
    if len(blocks) > 1:
        return _of_blocks(blocks, rest)
    if all(v.discrete for v in declaration.variables):
        return _series(ell, declaration)
    return _integral(ell, declaration, signs)


def _of_blocks(blocks: list[Declaration], rest: sp.Expr) -> tuple[sp.Expr, str] | None:
    value, routes = sp.exp(rest), dict[str, None]()
    for block in blocks:
        found = exact_mass(block)
        if found is None:
            return None
        value *= found[0]
        routes[found[1]] = None
    return tidy(value), "independent parts: " + "; ".join(routes)


def _integral(ell: sp.Expr, declaration: Declaration, signs: Signs) -> tuple[sp.Expr, str] | None:
    branches = match_kernels(ell, declaration, signs)
    if branches is not None and len(declaration.variables) == 1:
        total = sp.Add(*(total_mass(ell, b, declaration, signs) for b in branches))
        return tidy(total), f"the kernel {branches[0].kernel.name}"
    whole = integral_of(ell, declaration, signs)
    if whole is not None:
        return tidy(whole), "a Gaussian integral"
    return _iterated(ell, declaration)


def _iterated(ell: sp.Expr, declaration: Declaration) -> tuple[sp.Expr, str] | None:
    """One variable after the other, the last ones first."""
    variables = declaration.variables
    if len(variables) < 2 or declaration.region or any(v.discrete for v in variables):
        return None
    *others, last = variables
    if any((v.lower.has(last.symbol) or v.upper.has(last.symbol)) for v in others):
        return None
    axes = (*declaration.domain.axes, *(Axis(v.symbol, v.lower, v.upper) for v in others))
    inner = replace(
        declaration,
        variables=(last,),
        domain=Domain(axes, declaration.domain.constraints),
        log_density=ell,
    )
    signs = Signs(inner)
    mass = integral_of(normalise(ell, inner, signs), inner, signs)
    if mass is None:
        return None
    outer = replace(
        declaration, variables=tuple(others), log_density=normalise(sp.log(mass), inner, signs)
    )
    found = exact_mass(outer)
    return None if found is None else (found[0], "one variable after the other")


def _series(ell: sp.Expr, declaration: Declaration) -> tuple[sp.Expr, str] | None:
    """sum_k p(k) for p(k+1)/p(k) = z (k + a)/(k + 1) or z/(k + 1), from the first term."""
    (variable, *more) = declaration.variables
    if more or variable.upper is not sp.oo or not variable.lower.is_Integer:
        return None
    k = variable.symbol
    start = ell.xreplace({k: variable.lower})
    shifted = ell.xreplace({k: k + variable.lower})
    step = sp.expand_log(sp.expand(shifted.xreplace({k: k + 1}) - shifted), force=True)
    ratio = sp.gammasimp(sp.exp(step).rewrite(sp.gamma))
    above, below = sp.fraction(sp.cancel(ratio * (k + 1)))
    if below.has(k):
        return None
    linear = above.as_poly(k)
    if linear is None or linear.degree() > 1:
        return None
    slope, constant = linear.coeff_monomial(k) / below, linear.coeff_monomial(1) / below
    if slope == 0:
        value = sp.exp(start + constant)
    else:
        value = sp.exp(start) * (1 - slope) ** (-constant / slope)
    return tidy(sp.powsimp(sp.expand(value))), "a hypergeometric series"
