"""Logarithms of quadratics under densities (quadratic)^-k on the line, by residues.

log(x - w) is analytic above w, so E[log(x - w)] is the residue at the density's pole above the
axis when w lies below it: Chyzak and Nielsen (2019), arXiv:1905.10965, for k = 1.
"""

from __future__ import annotations

from collections.abc import Callable

import sympy as sp

from statmani.declaration import Declaration
from statmani.expectation.normalise import Signs
from statmani.expectation.tidy import tidy

__all__ = ["log_quadratic_mean"]

_MOST = 12


def log_quadratic_mean(
    ell: sp.Expr, term: sp.Expr, declaration: Declaration, signs: Signs
) -> sp.Expr | None:
    """E[c log(quadratic)] when exp(ell) is an integer power of a quadratic, else None.

    Examples
    --------
    >>> import sympy as sp, statmani as sm
    >>> from statmani.expectation.normalise import Signs, normalise
    >>> from statmani.expectation.residues import log_quadratic_mean
    >>> declaration = sm.families.cauchy().fix({sm.families.cauchy().parameters[0]: 0}).declaration
    >>> signs = Signs(declaration)
    >>> ell = normalise(declaration.log_density, declaration, signs)
    >>> log_quadratic_mean(ell, sp.log(4 + declaration.variables[0].symbol**2), declaration, signs)
    log((t1 + 2)**2)
    """
    if len(declaration.variables) != 1 or declaration.region:
        return None
    variable = declaration.variables[0]
    x = variable.symbol
    if variable.discrete or variable.lower is not -sp.oo or variable.upper is not sp.oo:
        return None
    coefficient, moving = term.as_independent(x, as_Add=False)
    if not isinstance(moving, sp.log):
        return None
    powers = [t for t in sp.Add.make_args(ell) if t.has(x)]
    if len(powers) != 1:
        return None
    power, density = powers[0].as_independent(x, as_Add=False)
    k = -power
    if not isinstance(density, sp.log) or not k.is_Integer or not 1 <= k <= _MOST:
        return None
    pole, root = (_quadratic(e.args[0], x, signs) for e in (density, moving))
    if pole is None or root is None:
        return None
    (a, b, _), (c, d, scale) = pole, root
    return coefficient * (sp.log(scale) + 2 * _residue(int(k), a - c, b + d, b, tidy))


def _quadratic(
    expr: sp.Expr, x: sp.Symbol, signs: Signs
) -> tuple[sp.Expr, sp.Expr, sp.Expr] | None:
    """(a, b, scale) with expr = scale ((x - a)^2 + b^2) and b, scale positive."""
    numerator, denominator = sp.fraction(sp.together(expr))
    polynomial = None if denominator.has(x) else sp.expand(numerator).as_poly(x)
    if polynomial is None or polynomial.degree() != 2:
        return None
    p, q, r = polynomial.all_coeffs()
    scale = tidy(p / denominator)
    gap = sp.factor(sp.cancel(r / p - q**2 / (4 * p**2)))
    if signs.of(scale) <= 0 or signs.of(gap) <= 0:
        return None
    b = sp.sqrt(gap)
    if isinstance(b, sp.Abs):
        b = signs.of(b.args[0]) * b.args[0]
    return sp.cancel(-q / (2 * p)), b, scale


def _residue(
    k: int, real: sp.Expr, imaginary: sp.Expr, b: sp.Expr, short: Callable[[sp.Expr], sp.Expr]
) -> sp.Expr:
    """Re E[log(x - w)] with z - w = real + i imaginary at the pole z of order k, b = Im z."""
    gap, far, half = sp.symbols("gap far half", real=True)
    total: sp.Expr = sp.Integer(0)
    whole = sp.gamma(sp.Rational(2 * k - 1, 2)) * sp.sqrt(sp.pi) / sp.gamma(k)
    constant = half ** (2 * k - 1) / whole
    for j in range(k):
        # The (k-1-j)-th derivative of (z - conj z)^-k, times the j-th of the logarithm.
        rest = k - 1 - j
        inner = (-1) ** rest * sp.rf(k, rest) * (2 * sp.I * half) ** (-k - rest)
        weight = 2 * sp.pi * sp.I * constant * inner * sp.binomial(k - 1, j) / sp.factorial(k - 1)
        if j == 0:
            total += sp.re(sp.expand(weight)) * sp.log(gap**2 + far**2) / 2
            continue
        conjugate = sp.expand((gap - sp.I * far) ** j)
        value = weight * (-1) ** (j - 1) * sp.factorial(j - 1) * conjugate
        total += sp.re(sp.expand(value)) / (gap**2 + far**2) ** j
    table = {gap: real, far: imaginary, half: b}
    return sp.Add(
        *(short(t.xreplace(table)) if not t.has(sp.log) else t.xreplace(table)
          for t in sp.Add.make_args(total))
    )  # fmt: skip
