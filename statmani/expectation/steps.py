"""How single nodes of an expression become steps of a numeric program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sympy as sp

from statmani.expectation.order_derivatives import (
    ORDER_ARRAY_RULES,
    ORDER_RULES,
    order_derivative,
)

__all__ = [
    "SPECIAL_ARRAY_RULES",
    "SPECIAL_RULES",
    "Step",
    "factored",
    "special_step",
    "stable_step",
]


@dataclass(frozen=True)
class Step:
    """One operation: its kind, the positions of its arguments, and whether nodes move it."""

    kind: str
    arguments: tuple[int, ...]
    payload: Any
    moving: bool


def stable_step(expr: sp.Basic) -> tuple[str, sp.Expr] | None:
    """A form of the node that neither cancels next to an end point nor overflows."""
    if isinstance(expr, sp.log):
        argument = expr.args[0]
        if isinstance(argument, (sp.gamma, sp.factorial)):
            return "loggamma", argument.args[0] + int(isinstance(argument, sp.factorial))
        if isinstance(argument, (sp.beta, sp.binomial)):
            opened = _opened(argument)
            return None if opened is None else ("same", opened)
        if isinstance(argument, sp.Mul) and argument.has(sp.gamma, sp.factorial):
            return "same", sp.Add(
                *(f.exp * sp.log(f.base) if f.is_Pow else sp.log(f) for f in argument.args)
            )
        if isinstance(argument, sp.Add) and argument.args[0] == 1 and stable_step(argument) is None:
            return "log1p", argument - 1
    if isinstance(expr, sp.Add) and len(expr.args) == 2 and abs(expr.args[0]) == 1:
        constant, rest = expr.args
        power = -constant * rest
        if isinstance(power, sp.exp):
            return ("expm1" if constant == -1 else "one_minus_exp"), power.args[0]
        if isinstance(power, sp.Pow) and not power.exp.is_number and power.base.args[:1] == (1,):
            exponent = power.exp * sp.log(power.base)
            return ("expm1" if constant == -1 else "one_minus_exp"), exponent
    return None


def _opened(node: sp.Expr) -> sp.Expr | None:
    """log of a beta function or a binomial coefficient by log-gammas."""
    lg = sp.loggamma
    if len(node.args) != 2:
        return None
    a, b = node.args
    if isinstance(node, sp.beta):
        return lg(a) + lg(b) - lg(a + b)
    return lg(a + 1) - lg(b + 1) - lg(a - b + 1)


def factored(expr: sp.Basic) -> sp.Expr | None:
    """c exp(u) - c as c (exp(u) - 1), which does not cancel."""
    if not isinstance(expr, sp.Add) or len(expr.args) != 2 or not expr.has(sp.exp):
        return None
    joined = sp.factor_terms(expr)
    return joined if joined.is_Mul and any(stable_step(f) for f in joined.args) else None


def special_step(expr: sp.Basic) -> tuple[str, tuple[sp.Expr, ...]] | None:
    """(kind, arguments) of functions whose arguments are no plain list, else None."""
    if isinstance(expr, sp.hyper):
        upper, lower, z = expr.args
        counts = (sp.Integer(len(upper)), sp.Integer(len(lower)))
        return "hyper", (*counts, *upper, *lower, z)
    if isinstance(expr, sp.meijerg):
        groups = (expr.an, expr.aother, expr.bm, expr.bother)
        counts4 = tuple(sp.Integer(len(g)) for g in groups)
        return "meijerg", (*counts4, *(a for g in groups for a in g), expr.argument)
    return order_derivative(expr)


def _hyper(context: Any, p: Any, q: Any, *rest: Any) -> Any:
    end = int(p)
    return context.hyper(rest[:end], rest[end : end + int(q)], rest[-1])


def _meijerg(context: Any, *rest: Any) -> Any:
    counts, values = [int(c) for c in rest[:4]], list(rest[4:-1])
    groups = []
    for count in counts:
        groups.append(values[:count])
        values = values[count:]
    return context.meijerg(groups[:2], groups[2:], rest[-1])


#: Double-precision rules by kind.
SPECIAL_ARRAY_RULES: dict[str, Callable[..., Any]] = {**ORDER_ARRAY_RULES}

#: Rules in an mpmath context.
SPECIAL_RULES: dict[str, Callable[..., Any]] = {
    **ORDER_RULES,
    "hyper": _hyper,
    "meijerg": _meijerg,
}
