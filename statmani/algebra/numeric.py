"""Values of sympy expressions in a private mpmath context (the global one is never touched)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import sympy as sp
from sympy import Expr

from statmani.errors import IntractableExpectation
from statmani.zeta import ZetaDerivative, open_zeta

__all__ = ["NotEvaluable", "known_value", "new_context", "value_of", "values_at"]


class NotEvaluable(Exception):
    """The expression has no finite real value at the point."""


def new_context(digits: int) -> Any:
    """A private mpmath context."""
    from mpmath import MPContext

    context = MPContext()
    context.dps = digits
    return context


_SHARED = threading.local()
_MOST_POINTS, _MOST_VALUES = 64, 5000


def values_at(digits: int, point: Mapping[Expr, Any]) -> tuple[Any, dict[Any, Any]]:
    """This thread's context of so many digits, and its table of values at an exact point.

    The table is kept, for :func:`known_value`, as values of special functions are costly.
    """
    tables: dict[Any, tuple[Any, dict[Any, Any]]] = _SHARED.__dict__.setdefault("tables", {})
    key = digits, *point.items()
    found = tables.get(key)
    if found is not None and len(found[1]) <= _MOST_VALUES:
        return found
    if len(tables) >= _MOST_POINTS:
        tables.clear()
    contexts: dict[int, Any] = _SHARED.__dict__.setdefault("contexts", {})
    if digits not in contexts:
        contexts[digits] = new_context(digits)
    context = contexts[digits]
    values = {s: context.mpf(int(v.p)) / int(v.q) for s, v in point.items()}
    tables[key] = context, values
    return tables[key]


_CONSTANTS: dict[Expr, str] = {
    sp.pi: "pi",
    sp.E: "e",
    sp.EulerGamma: "euler",
    sp.Catalan: "catalan",
    sp.GoldenRatio: "phi",
}

_FUNCTIONS: dict[type, Callable[..., Any]] = {
    sp.exp: lambda c, x: c.exp(x),
    sp.log: lambda c, x: c.log(x),
    sp.sin: lambda c, x: c.sin(x),
    sp.cos: lambda c, x: c.cos(x),
    sp.tan: lambda c, x: c.tan(x),
    sp.cot: lambda c, x: c.cot(x),
    sp.sec: lambda c, x: c.sec(x),
    sp.csc: lambda c, x: c.csc(x),
    sp.sinh: lambda c, x: c.sinh(x),
    sp.cosh: lambda c, x: c.cosh(x),
    sp.tanh: lambda c, x: c.tanh(x),
    sp.coth: lambda c, x: c.coth(x),
    sp.sech: lambda c, x: c.sech(x),
    sp.csch: lambda c, x: c.csch(x),
    sp.asin: lambda c, x: c.asin(x),
    sp.acos: lambda c, x: c.acos(x),
    sp.atan: lambda c, x: c.atan(x),
    sp.asinh: lambda c, x: c.asinh(x),
    sp.acosh: lambda c, x: c.acosh(x),
    sp.atanh: lambda c, x: c.atanh(x),
    sp.erf: lambda c, x: c.erf(x),
    sp.erfc: lambda c, x: c.erfc(x),
    sp.gamma: lambda c, x: c.gamma(x),
    sp.loggamma: lambda c, x: c.loggamma(x),
    sp.beta: lambda c, x, y: c.beta(x, y),
    sp.zeta: lambda c, *a: c.zeta(*a),
    ZetaDerivative: lambda c, n, s, a=1: c.zeta(s, a, int(n)),
    sp.besseli: lambda c, n, x: c.besseli(n, x),
    sp.besselk: lambda c, n, x: c.besselk(n, x),
    sp.besselj: lambda c, n, x: c.besselj(n, x),
    sp.Abs: lambda c, x: abs(x),
    sp.LambertW: lambda c, x, k=0: c.lambertw(x, int(k)),
}


def _polygamma(context: Any, order: Any, argument: Any) -> Any:
    n = int(order)
    shift = context.mpf(0)
    while argument <= 0:
        shift += 1 / argument ** (n + 1)
        argument += 1
    return context.psi(n, argument) - (-1) ** n * context.factorial(n) * shift


def value_of(expr: Expr, point: Mapping[Expr, Any], context: Any) -> Any:
    """A finite real value of `expr` where the symbols have the values of `point`.

    Raises
    ------
    NotEvaluable
        Complex, infinite, or not a known function.
    """
    return known_value(expr, dict(point), context)


def known_value(expr: Expr, known: dict[Any, Any], context: Any) -> Any:
    """Like :func:`value_of`; values of functions and powers are added to `known`."""
    try:
        value = _value(expr, known, context)
    except (ValueError, ArithmeticError, IntractableExpectation) as failure:
        # Some errors of mpmath have no text.
        reason = str(failure) or type(failure).__name__
        raise NotEvaluable(f"no value at {_text(known, context)} ({reason})") from None
    imaginary = getattr(value, "imag", 0)
    if imaginary and abs(imaginary) > abs(value.real) * context.mpf(10) ** -(context.dps - 10):
        raise NotEvaluable(f"not real at {_text(known, context)}")
    value = context.mpf(value.real)
    if not context.isfinite(value):
        raise NotEvaluable(f"not finite at {_text(known, context)}")
    return value


def _text(point: Mapping[Expr, Any], context: Any) -> str:
    return "(" + ", ".join(context.nstr(v, 5) for s, v in point.items() if s.is_Symbol) + ")"


def _value(expr: Any, known: dict[Any, Any], context: Any) -> Any:
    """The value; those of powers and functions are kept, as they recur in large sums."""
    if expr in known:
        return known[expr]
    if expr.is_Rational:
        return context.mpf(int(expr.p)) / int(expr.q)
    if expr in _CONSTANTS:
        return +getattr(context, _CONSTANTS[expr])
    if expr.is_Add:
        return context.fsum(_value(a, known, context) for a in expr.args)
    if expr.is_Mul:
        return context.fprod([_value(a, known, context) for a in expr.args])
    known[expr] = value = _leaf(expr, known, context)
    return value


def _leaf(expr: Any, known: dict[Any, Any], context: Any) -> Any:
    if expr.is_Pow:
        base, exponent = _value(expr.base, known, context), expr.exp
        if exponent.is_Integer:
            return base ** int(exponent)
        return context.power(base, _value(exponent, known, context))
    if expr.func is sp.polygamma and expr.args[0].is_Integer:
        return _polygamma(context, expr.args[0], _value(expr.args[1], known, context))
    function = _FUNCTIONS.get(expr.func)
    if function is not None:
        return function(context, *(_value(a, known, context) for a in expr.args))
    if hasattr(expr, "numeric_value"):
        arguments = [_value(a, known, context) for a in expr.numeric_arguments]
        return expr.numeric_value(context, arguments)
    if isinstance(expr, (sp.Derivative, sp.Subs)) and (own := open_zeta(expr)) != expr:
        return _value(own, known, context)
    return _opaque(expr, known, context)


def _opaque(expr: Any, point: Mapping[Expr, Any], context: Any) -> Any:
    """Sympy's own value; unknown functions are independent, so any fixed number stands in."""
    if expr.has(sp.core.function.AppliedUndef):
        from hashlib import sha256

        digest = int.from_bytes(sha256(sp.srepr(expr).encode()).digest()[:8], "big")
        return 1 + context.mpf(digest) / 2**64
    exact = {s: sp.Rational(context.nstr(v, context.dps)) for s, v in point.items() if s.is_Symbol}
    number = expr.subs(exact).evalf(context.dps)
    if number.is_Float or number.is_Integer:
        return context.mpf(str(number))
    raise ValueError(f"{expr} has no numeric value")
