"""Densities that are sums: mixtures of components, and a normal density times 1 + erf.

E[x^k erf(a + b x)] under N(m, v) by Stein's identity, from
E[erf(a + b x)] = erf((a + b m) / sqrt(1 + 2 b^2 v)); Ellison (1964), JASA 59, 89.
"""

from __future__ import annotations

import sympy as sp

from statmani.declaration import Declaration
from statmani.expectation.means import gaussian_means
from statmani.expectation.normalise import Signs, expand_shallow, normalise
from statmani.expectation.statistics import gaussian_shift
from statmani.expectation.tidy import tidy

__all__ = ["components", "error_function_mean"]


def components(
    ell: sp.Expr, declaration: Declaration, signs: Signs
) -> list[tuple[sp.Expr, sp.Expr]] | None:
    """(log density up to a factor, the factor) of each term, when the density is a sum.

    The factor is free of the sample, or an error function of it.

    Examples
    --------
    >>> import sympy as sp, statmani as sm
    >>> from statmani.expectation.components import components
    >>> from statmani.expectation.normalise import Signs, normalise
    >>> x, w = sp.symbols("x w")
    >>> density = (sp.exp(-x**2/2) + sp.exp(-(x - w)**2/2))/sp.sqrt(8*sp.pi)
    >>> declaration = sm.Family(
    ...     density, sample={x: sp.S.Reals}, parameters={w: sp.S.Reals}
    ... ).declaration
    >>> signs = Signs(declaration)
    >>> len(components(normalise(declaration.log_density, declaration, signs), declaration, signs))
    2
    """
    samples = {v.symbol for v in declaration.variables}
    terms = sp.Add.make_args(ell)
    sums = [
        t
        for t in terms
        if isinstance(t, sp.log)
        and t.free_symbols & samples
        and isinstance(t.args[0], sp.Add)
        and t.args[0].has(sp.exp, sp.erf, sp.erfc)
    ]
    if len(sums) != 1:
        single = [t for t in terms if isinstance(t, sp.log) and t.has(sp.erf, sp.erfc)]
        if len(single) != 1 or not isinstance(single[0].args[0], (sp.erf, sp.erfc)):
            return None
        sums = single
    rest = ell - sums[0]
    found: list[tuple[sp.Expr, sp.Expr]] = []
    for part in sp.Add.make_args(sp.expand(sums[0].args[0], power_base=False, power_exp=False)):
        factor, moving = part.as_independent(*samples, as_Add=False)
        errors = [f for f in sp.Mul.make_args(moving) if isinstance(f, (sp.erf, sp.erfc))]
        if len(errors) > 1:
            return None
        smooth = moving / errors[0] if errors else moving
        level = normalise(rest + sp.log(smooth), declaration, signs)
        found.append((level, factor * (errors[0] if errors else 1)))
    return found


def error_function_mean(
    ell: sp.Expr, exponent: sp.Expr, rest: sp.Expr, declaration: Declaration
) -> sp.Expr | None:
    """The integral of exp(ell + exponent) rest for a quadratic ell on a line.

    ``rest`` is a polynomial times at most one erf or erfc of a linear function.
    """
    if len(declaration.variables) != 1:
        return None
    x = declaration.variables[0].symbol
    errors = [f for f in sp.Mul.make_args(rest) if isinstance(f, (sp.erf, sp.erfc))]
    if not errors:
        plain = gaussian_shift(ell, exponent, rest, declaration)
        return None if plain is None or plain.conditions else plain.value
    function = errors[0]
    polynomial = (rest / function).as_poly(x)
    inner = sp.expand(function.args[0])
    slope = inner.diff(x)
    if len(errors) > 1 or polynomial is None or slope == 0 or slope.has(x):
        return None
    if isinstance(function, sp.erfc):
        whole = gaussian_shift(ell, exponent, polynomial.as_expr(), declaration)
        other = error_function_mean(
            ell, exponent, polynomial.as_expr() * sp.erf(inner), declaration
        )
        return None if whole is None or other is None or whole.conditions else whole.value - other
    mass = gaussian_shift(ell, exponent, sp.Integer(1), declaration)
    means = gaussian_means(expand_shallow(ell + exponent), [x, x**2], declaration)
    if mass is None or means is None or mass.conditions:
        return None
    mean, variance = means[0], tidy(means[1] - means[0] ** 2)
    level = inner.xreplace({x: mean})
    values = [mass.value * sp.erf(tidy(level) / sp.sqrt(tidy(1 + 2 * slope**2 * variance)))]
    bell = sp.expand(exponent - inner**2)
    for k in range(1, polynomial.degree() + 1):
        # E[x^k h] = m E[x^(k-1) h] + v ((k - 1) E[x^(k-2) h] + E[x^(k-1) h']).
        edge = gaussian_shift(ell, bell, 2 * slope * x ** (k - 1) / sp.sqrt(sp.pi), declaration)
        if edge is None:
            return None
        before = (k - 1) * values[k - 2] if k > 1 else sp.Integer(0)
        values.append(mean * values[k - 1] + variance * (before + edge.value))
    return sp.Add(*(c * values[k] for (k,), c in polynomial.terms()))
