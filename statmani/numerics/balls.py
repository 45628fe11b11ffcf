"""Closed forms evaluated in ball arithmetic: every result encloses the exact value."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, final

from flint import acb, arb, fmpq
from sympy import (
    Add,
    EulerGamma,
    Expr,
    Integer,
    Mul,
    Pow,
    Rational,
    Symbol,
    cos,
    cosh,
    digamma,
    erf,
    erfc,
    exp,
    gamma,
    log,
    loggamma,
    pi,
    polygamma,
    preorder_traversal,
    sin,
    sinh,
    tan,
    tanh,
    zeta,
)

from statmani.errors import InvalidArgument

__all__ = ["Balls", "exact_ball"]

_PLAIN: dict[Any, Callable[[Any], Any]] = {
    exp: acb.exp,
    sin: acb.sin,
    cos: acb.cos,
    tan: acb.tan,
    sinh: acb.sinh,
    cosh: acb.cosh,
    tanh: acb.tanh,
    gamma: acb.gamma,
    digamma: acb.digamma,
    erf: acb.erf,
    erfc: acb.erfc,
    zeta: acb.zeta,
}
_CUT: dict[Any, Callable[..., Any]] = {log: acb.log, loggamma: acb.lgamma}


def exact_ball(number: Any) -> Any:
    """An acb that encloses a rational number or a double exactly or up to its rounding."""
    value = Rational(number)
    return acb(arb(fmpq(int(value.p), int(value.q))))


@final
class Balls:
    """Expressions as functions of complex balls.

    Parameters
    ----------
    expressions : sequence of Expr

    Raises
    ------
    InvalidArgument
        A function that has no enclosure.
    """

    def __init__(self, expressions: Sequence[Expr]) -> None:
        self._expressions = tuple(expressions)
        for expression in self._expressions:
            _require_known(expression)

    def __call__(self, known: Mapping[Symbol, Any], analytic: bool) -> list[Any]:
        """Enclosures of all values; not finite where a function is not analytic on the balls,
        if that is asked."""
        values: dict[Expr, Any] = dict(known)
        return [_value(expression, values, analytic) for expression in self._expressions]


def _require_known(expr: Expr) -> None:
    for node in preorder_traversal(expr):
        kind = node.func
        plain = isinstance(node, (Symbol, Rational, Add, Mul, Pow)) or node in (pi, EulerGamma)
        one = kind in _PLAIN or kind in _CUT
        if not (plain or (one and len(node.args) == 1) or _is_polygamma(node) or node == exp(1)):
            raise InvalidArgument(
                f"{node} has no enclosure in ball arithmetic. Expressions may hold powers, exp, "
                "log, trigonometric and hyperbolic functions, gamma, polygamma, zeta and erf."
            )


def _is_polygamma(node: Expr) -> bool:
    return node.func == polygamma and isinstance(node.args[0], Integer) and node.args[0] >= 0


def _value(expr: Expr, values: dict[Expr, Any], analytic: bool) -> Any:
    found = values.get(expr)
    if found is None:
        found = _computed(expr, values, analytic)
        values[expr] = found
    return found


def _computed(expr: Expr, values: dict[Expr, Any], analytic: bool) -> Any:
    if isinstance(expr, Rational):
        return exact_ball(expr)
    if expr == pi:
        return acb(arb.pi())
    if expr == EulerGamma:
        return acb(arb.const_euler())
    if expr == exp(1):
        return acb(arb.const_e())
    if _is_polygamma(expr):
        return _value(expr.args[1], values, analytic).polygamma(acb(int(expr.args[0])))
    if isinstance(expr, Pow):
        base, power = expr.args
        below = _value(base, values, analytic)
        if isinstance(power, Integer):
            return below ** int(power)
        if power == Rational(1, 2):
            return below.sqrt(analytic=analytic)
        return below.pow(_value(power, values, analytic), analytic=analytic)
    parts = [_value(arg, values, analytic) for arg in expr.args]
    if isinstance(expr, Add):
        return sum(parts[1:], parts[0])
    if isinstance(expr, Mul):
        result = parts[0]
        for part in parts[1:]:
            result = result * part
        return result
    if expr.func in _CUT:
        return _CUT[expr.func](parts[0], analytic=analytic)
    return _PLAIN[expr.func](parts[0])
