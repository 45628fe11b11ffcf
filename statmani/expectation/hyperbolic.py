"""Sums of hyperbolic functions in exponentials, where they do not cancel."""

from __future__ import annotations

import sympy as sp

__all__ = ["in_exponentials"]

_HYPERBOLIC = (sp.sinh, sp.cosh, sp.tanh, sp.coth, sp.sech, sp.csch)


def in_exponentials(expr: sp.Expr) -> sp.Expr:
    """Logarithms of sums of hyperbolic functions through factors in exponentials.

    Examples
    --------
    >>> import sympy as sp
    >>> from statmani.expectation.hyperbolic import in_exponentials
    >>> x = sp.Symbol("x", real=True)
    >>> in_exponentials(sp.log(1 - sp.tanh(x)))
    -log(exp(2*x) + 1) + log(2)
    """
    logarithms = [
        a
        for a in expr.atoms(sp.log)
        if any(
            isinstance(e, sp.Add) and any(t.has(*_HYPERBOLIC) for t in e.args)
            for e in sp.preorder_traversal(a)
        )
    ]
    if not logarithms:
        return expr
    opened = expr.xreplace({a: _opened(a) for a in logarithms})
    return opened.replace(lambda e: isinstance(e, _HYPERBOLIC), lambda e: e.rewrite(sp.exp))


def _opened(logarithm: sp.Expr) -> sp.Expr:
    """The logarithm of a function of hyperbolic functions as a sum over positive factors."""
    bases: dict[sp.Expr, sp.Symbol] = {}

    def generator(argument: sp.Expr) -> tuple[sp.Symbol, sp.Expr]:
        """A symbol for exp(u) and a number k with the argument k u."""
        argument = sp.expand(argument)
        for base, symbol in bases.items():
            ratio = sp.cancel(argument / base)
            if ratio.is_Rational:
                return symbol, ratio
        bases[argument] = sp.Dummy("e", positive=True)
        return bases[argument], sp.Integer(1)

    def rational(node: sp.Expr) -> sp.Expr:
        symbol, ratio = generator(node.args[0])
        e = symbol**ratio
        return node.func(sp.Symbol("u")).rewrite(sp.exp).subs(sp.exp(sp.Symbol("u")), e)

    def rewritten(node: sp.Expr) -> sp.Expr:
        return sp.factor(sp.together(node.replace(lambda e: isinstance(e, _HYPERBOLIC), rational)))

    argument = logarithm.args[0].replace(
        lambda e: isinstance(e, sp.Add) and e.has(*_HYPERBOLIC), rewritten
    )
    back = {symbol: sp.exp(base) for base, symbol in bases.items()}
    total, rest = _split(argument, bases)
    if rest != 1:
        odd = rest.is_Pow and rest.exp.is_odd
        total += rest.exp * sp.log(rest.base) if odd else sp.log(rest)
    return total.xreplace(back)


def _split(product: sp.Expr, bases: dict[sp.Expr, sp.Symbol]) -> tuple[sp.Expr, sp.Expr]:
    """Logarithms of the positive factors, and the product of the others."""
    exponents = {symbol: base for base, symbol in bases.items()}
    total: sp.Expr = sp.Integer(0)
    rest: sp.Expr = sp.Integer(1)
    for factor in sp.Mul.make_args(product):
        base, power = factor.as_base_exp()
        if base in exponents:
            total += power * exponents[base]
        elif base.is_Mul:
            part, other = _split(base, bases)
            total, rest = total + power * part, rest * other**power
        elif base.is_positive:
            total += power * sp.log(base)
        else:
            rest *= factor
    return total, rest
