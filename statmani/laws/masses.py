"""The law that a density integrates to one, exactly where its form is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import sympy as sp

from statmani.algebra.ring import Ring
from statmani.declaration import Declaration
from statmani.domain import Axis, Domain
from statmani.errors import StatmaniError
from statmani.expectation.deadline import OutOfTime, run_bounded
from statmani.expectation.kernels import match_kernels
from statmani.expectation.masses import integral_of, total_mass
from statmani.expectation.means import density_of, finite_points, sum_finite
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
    if len(declaration.variables) > 1:
        return _iterated(ell, declaration)
    return _on_half_line(ell, declaration) or _on_circle(ell, declaration)


def _coefficients(ell: sp.Expr, functions: Sequence[sp.Expr], x: sp.Symbol) -> list[sp.Expr] | None:
    """Coefficients of 1 and of functions of x that make up a sum, or None."""
    found = [sp.S.Zero] * (len(functions) + 1)
    for term in sp.Add.make_args(sp.expand(ell)):
        coefficient, moving = term.as_independent(x, as_Add=False)
        place = 0 if moving == 1 else None
        for k, function in enumerate(functions, 1):
            place = k if moving == function else place
        if place is None:
            return None
        found[place] += coefficient
    return found


def _on_half_line(ell: sp.Expr, declaration: Declaration) -> tuple[sp.Expr, str] | None:
    """exp(c + p log x - a x - b/x), and what is normal in log x."""
    (variable,) = declaration.variables
    x = variable.symbol
    if variable.lower != 0 or variable.upper is not sp.oo:
        return None
    found = _coefficients(ell, (sp.log(x), x, 1 / x), x)
    if found is not None and found[2] != 0 and found[3] != 0:
        c, p, a, b = found[0], found[1] + 1, -found[2], -found[3]
        # DLMF 10.32.10.
        size = 2 * sp.sqrt(a * b)
        bessel = sp.besselk(sp.Abs(p), size)
        if abs(p) == sp.Rational(1, 2):
            bessel = sp.sqrt(sp.pi / (2 * size)) * sp.exp(-size)
        value = 2 * sp.exp(c) * (b / a) ** (p / 2) * bessel
        return tidy(sp.powsimp(sp.powdenest(value, force=True))), "a Bessel integral"
    found = _coefficients(ell, (sp.log(x), sp.log(x) ** 2), x)
    if found is not None and found[2] != 0:
        c, b, a = found[0], found[1] + 1, -found[2]
        return tidy(sp.sqrt(sp.pi / a) * sp.exp(sp.expand(c + b**2 / (4 * a)))), "log x is normal"
    return None


def _on_circle(ell: sp.Expr, declaration: Declaration) -> tuple[sp.Expr, str] | None:
    """exp(c + a cos x + b sin x) over a period: 2 pi exp(c) I_0 (DLMF 10.32.1)."""
    (variable,) = declaration.variables
    x = variable.symbol
    if variable.upper - variable.lower != 2 * sp.pi:
        return None
    found = _coefficients(sp.expand_trig(ell), (sp.cos(x), sp.sin(x)), x)
    if found is None:
        return None
    c, a, b = found
    size = sp.sqrt(sp.factor(sp.trigsimp(a**2 + b**2)))
    return tidy(2 * sp.pi * sp.exp(c) * sp.besseli(0, size)), "a Bessel integral"


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
    """A sum over all integers from the lower bound on, with exceptional places."""
    (variable, *more) = declaration.variables
    if more or variable.upper is not sp.oo or not variable.lower.is_Integer:
        return None
    k = variable.symbol
    pieces = [p for p in ell.atoms(sp.Piecewise) if p.has(k)]
    places: dict[sp.Expr, None] = {}
    general: dict[sp.Expr, sp.Expr] = {}
    for piece in pieces:
        *special, (value, otherwise) = piece.args
        if otherwise != True or any(  # noqa: E712
            not (isinstance(where, sp.Eq) and where.lhs == k and where.rhs.is_Integer)
            for _, where in special
        ):
            return None
        general[piece] = value
        places |= dict.fromkeys(where.rhs for _, where in special)
    smooth = ell.xreplace(general)
    total = _hypergeometric(smooth, variable.lower, k)
    if total is None:
        return None
    for place in places:
        at = {k: place}
        total += sp.exp(ell.xreplace(at).doit()) - sp.exp(smooth.xreplace(at))
    return tidy(total), "a hypergeometric series"


def _hypergeometric(ell: sp.Expr, lower: sp.Expr, k: sp.Symbol) -> sp.Expr | None:
    """sum_k p(k) for p(k+1)/p(k) = z (k + a)/(k + 1) or z/(k + 1), from the first term."""
    shifted = ell.xreplace({k: k + lower}).replace(sp.loggamma, lambda a: sp.log(sp.gamma(a)))
    step = sp.expand_log(sp.expand(shifted.xreplace({k: k + 1}) - shifted), force=True)
    ratio = sp.gammasimp(sp.exp(step).rewrite(sp.gamma))
    above, below = sp.fraction(sp.cancel(ratio * (k + 1)))
    linear = above.as_poly(k)
    if below.has(k) or linear is None or linear.degree() > 1:
        return None
    start = density_of(sp.expand_log(shifted.xreplace({k: sp.S.Zero})))
    slope, constant = (sp.cancel(linear.coeff_monomial(m) / below) for m in (k, 1))
    if slope == 0:
        return sp.powsimp(sp.expand(start * sp.exp(constant)))
    power = sp.cancel(-constant / slope)
    return sp.powsimp(start * sp.expand(1 - slope) ** power)
