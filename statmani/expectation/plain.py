"""Functions of the sample in the forms that closed forms and quadrature know."""

from __future__ import annotations

import sympy as sp

from statmani.declaration import Declaration

__all__ = ["generating_bases", "in_plain_forms"]


def in_plain_forms(expr: sp.Expr, declaration: Declaration) -> sp.Expr:
    """The same function of the sample, spelled with fewer special functions.

    Binomial coefficients over a number become polynomials, logarithms of even powers those of
    absolute values, and remainders steps.

    Examples
    --------
    >>> import sympy as sp, statmani as sm
    >>> from statmani.expectation.plain import in_plain_forms
    >>> declaration = sm.families.poisson().declaration
    >>> x = declaration.variables[0].symbol
    >>> in_plain_forms(sp.binomial(x, 2) + sp.log((x - 1)**2), declaration)
    x0*(x0 - 1)/2 + 2*log(Abs(x0 - 1))
    >>> in_plain_forms(sp.Mod(x, 2), declaration)
    1/2 - (-1)**x0/2
    """
    samples = {v.symbol for v in declaration.variables}
    if not expr.free_symbols & samples:
        return expr

    def moves(node: sp.Expr) -> bool:
        return bool(node.free_symbols & samples)

    plain = expr.replace(
        lambda e: isinstance(e, sp.binomial) and moves(e) and e.args[1].is_Integer,
        lambda e: sp.expand_func(e),
    )
    plain = plain.replace(
        lambda e: isinstance(e, sp.Mod) and moves(e), lambda e: _remainder(e, declaration)
    )
    return plain.replace(
        lambda e: isinstance(e, sp.log) and moves(e), lambda e: _logarithm(e.args[0], samples)
    )


def generating_bases(
    expr: sp.Expr, declaration: Declaration
) -> tuple[sp.Expr, dict[sp.Symbol, sp.Expr]]:
    """The function with exp(t k) for s^k, where k is a count and s may be negative.

    Returns it with the s that belongs to each t. E[s^X] is a power series in s (a Laurent series
    for a count of any sign): its closed form for s = exp(t) holds for negative s as well, where
    the absolute value of s meets the same conditions.
    """
    known = {*declaration.parameters, *declaration.constants}
    known |= {v.symbol for v in declaration.variables}
    bases: dict[sp.Expr, sp.Symbol] = {}
    table: dict[sp.Expr, sp.Expr] = {}
    for power in sorted(expr.atoms(sp.Pow), key=sp.default_sort_key):
        base = power.base
        free = base.is_Symbol and base not in known and base.is_real is not False
        negative = base.is_negative and base.is_Number
        if (free or negative) and _counts(power.exp, declaration):
            exponent = bases.setdefault(base, sp.Dummy("t", real=True))
            table[power] = sp.exp(exponent * power.exp)
    return expr.xreplace(table), {exponent: base for base, exponent in bases.items()}


def _counts(exponent: sp.Expr, declaration: Declaration) -> bool:
    """Whether the exponent is an integer for every sample, and no constant."""
    symbols = [v.symbol for v in declaration.variables if exponent.has(v.symbol)]
    lattice = {v.symbol for v in declaration.variables if v.discrete and v.values is None}
    if not symbols or not set(symbols) <= lattice:
        return False
    line = exponent.as_poly(*symbols)
    return line is not None and all(c.is_integer for c in line.coeffs())


def _remainder(node: sp.Expr, declaration: Declaration) -> sp.Expr:
    a, b = node.args
    if b == 2 and _counts(a, declaration):
        return (1 - (-1) ** a) / 2
    return a - b * sp.floor(a / b)


def _logarithm(argument: sp.Expr, samples: set[sp.Symbol]) -> sp.Expr:
    """log of the argument with even powers and exponentials taken out."""
    total: sp.Expr = sp.Integer(0)
    rest: sp.Expr = sp.Integer(1)
    for factor in sp.Mul.make_args(argument):
        base, power = factor.as_base_exp()
        if isinstance(factor, sp.exp):
            total += factor.args[0]
        elif factor.is_Pow and power.is_even and base.free_symbols & samples:
            total += power * sp.log(sp.Abs(base))
        else:
            rest *= factor
    return total + (sp.log(rest) if rest != 1 else 0)
