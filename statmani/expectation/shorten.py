"""Tidying of expressions with powers and gamma functions that plain cancellation would spoil."""

from __future__ import annotations

import sympy as sp

from statmani.expectation.normalise import Signs
from statmani.expectation.tidy import tidy

__all__ = ["shorten", "tidy_positive"]

_MOST_STEPS = 24


def tidy_positive(expr: sp.Expr, signs: Signs) -> sp.Expr:
    """:func:`tidy` where bases of powers that are positive on the domain stay positive.

    Without that, (1 - t)**k could come back as exp(I pi k) (t - 1)**k.

    Examples
    --------
    >>> import sympy as sp, statmani as sm
    >>> from statmani.expectation.normalise import Signs
    >>> from statmani.expectation.shorten import tidy_positive
    >>> declaration = sm.families.beta().declaration
    >>> x, (a, b) = declaration.variables[0].symbol, declaration.parameters
    >>> tidy_positive((1 - x)**a / (1 - x)**b, Signs(declaration))
    (1 - x0)**(t0 - t1)
    """
    table: dict[sp.Expr, sp.Expr] = {}
    masks: dict[sp.Symbol, sp.Expr] = {}
    for power in expr.atoms(sp.Pow):
        base, exponent = power.as_base_exp()
        if exponent.is_integer or base.is_positive or not base.free_symbols:
            continue
        product: sp.Expr = sp.Integer(1)
        negative = False
        for factor in sp.Mul.make_args(sp.factor(sp.together(base))):
            inner, degree = factor.as_base_exp()
            sign = signs.of(inner)
            negative ^= sign < 0 and bool(degree.is_odd)
            if inner.is_positive or not inner.free_symbols or sign == 0:
                product *= sp.Abs(factor) ** exponent if sign else factor**exponent
                continue
            positive = sp.expand(sign * inner)
            known = [m for m, value in masks.items() if value == positive]
            mask = known[0] if known else sp.Dummy("m", positive=True)
            masks[mask] = positive
            product *= mask ** (degree * exponent)
        if negative:
            continue
        table[power] = product
    return tidy(expr.xreplace(table)).xreplace(masks)


def shorten(expr: sp.Expr) -> sp.Expr:
    """Gamma functions lowered by gamma(z + 1) = z gamma(z) while that makes the result shorter.

    Examples
    --------
    >>> import sympy as sp
    >>> from statmani.expectation.shorten import shorten
    >>> k, s = sp.symbols("k s", positive=True)
    >>> shorten(k*sp.gamma(k + s + 1)/((k + s)*sp.gamma(k + 1)))
    gamma(k + s)/gamma(k)
    """
    for _ in range(_MOST_STEPS):
        size = sp.count_ops(expr)
        for node in sorted(expr.atoms(sp.gamma), key=sp.default_sort_key):
            argument = node.args[0]
            constant = argument.as_coeff_Add()[0]
            if argument.is_number or not (constant.is_Rational and constant >= 1):
                continue
            mask = sp.Dummy("g", positive=True)
            lower = sp.factor(sp.together(expr.xreplace({node: (argument - 1) * mask})))
            shorter = lower.xreplace({mask: sp.gamma(argument - 1)})
            if sp.count_ops(shorter) < size:
                expr = shorter
                break
        else:
            return expr
    return expr
