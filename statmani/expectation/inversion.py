"""Solving expr(u) = value by peeling one operation after the other."""

from __future__ import annotations

import sympy as sp

__all__ = ["inverted"]


def inverted(expr: sp.Expr, u: sp.Symbol, value: sp.Expr) -> sp.Expr | None:
    """u with expr(u) = value when u occurs once, or None; even powers take the positive root.

    Examples
    --------
    >>> import sympy as sp
    >>> from statmani.expectation.inversion import inverted
    >>> u, y = sp.symbols("u y", positive=True)
    >>> inverted(2 * sp.log(1 - u) + 3, u, y)
    1 - exp(y/2 - 3/2)
    """
    while expr != u:
        if isinstance(expr, (sp.Add, sp.Mul)):
            moving = [a for a in expr.args if a.has(u)]
            if len(moving) != 1:
                return None
            rest = expr.func(*(a for a in expr.args if not a.has(u)))
            value = value - rest if isinstance(expr, sp.Add) else value / rest
            expr = moving[0]
        elif isinstance(expr, sp.log):
            expr, value = expr.args[0], sp.exp(sp.expand(value))
        elif isinstance(expr, sp.exp):
            expr, value = expr.args[0], sp.log(value)
        elif isinstance(expr, sp.Pow) and not expr.exp.has(u):
            expr, value = expr.base, value ** (1 / expr.exp)
        else:
            return None
    return value
