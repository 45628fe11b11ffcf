"""Differences f(x) - f(y) without cancellation, as expressions.

Each rule takes the difference of a function to that of its argument, so the result is small when
x - y is, and as exact as x - y: with u and v for the values of an argument,
log u - log v = 2 asinh((u - v) / (2 sqrt(u v))), and so on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import final

from sympy import (
    Add,
    Expr,
    Mul,
    Pow,
    Rational,
    S,
    acos,
    acosh,
    asin,
    asinh,
    atan,
    atan2,
    atanh,
    cos,
    cosh,
    exp,
    log,
    sin,
    sinh,
    sqrt,
    tan,
    tanh,
)

__all__ = ["stable_difference"]

# Roots of higher degree go through logarithms.
_ROOTS = 6

_RULES: dict[type, Callable[[Expr, Expr, Expr], Expr]] = {
    exp: lambda d, u, v: 2 * exp((u + v) / 2) * sinh(d / 2),
    log: lambda d, u, v: 2 * asinh(d / (2 * sqrt(u) * sqrt(v))),
    sin: lambda d, u, v: 2 * cos((u + v) / 2) * sin(d / 2),
    cos: lambda d, u, v: -2 * sin((u + v) / 2) * sin(d / 2),
    tan: lambda d, u, v: sin(d) / (cos(u) * cos(v)),
    sinh: lambda d, u, v: 2 * cosh((u + v) / 2) * sinh(d / 2),
    cosh: lambda d, u, v: 2 * sinh((u + v) / 2) * sinh(d / 2),
    tanh: lambda d, u, v: sinh(d) / (cosh(u) * cosh(v)),
    asin: lambda d, u, v: 2 * atan(d / (sqrt(1 - u**2) + sqrt(1 - v**2))),
    acos: lambda d, u, v: -2 * atan(d / (sqrt(1 - u**2) + sqrt(1 - v**2))),
    atan: lambda d, u, v: atan2(d, 1 + u * v),
    asinh: lambda d, u, v: 2 * atanh(d / (sqrt(1 + u**2) + sqrt(1 + v**2))),
    acosh: lambda d, u, v: 2 * atanh(d / (sqrt(u**2 - 1) + sqrt(v**2 - 1))),
    atanh: lambda d, u, v: atanh(d / (1 - u * v)),
}


def stable_difference(
    expr: Expr, other: Mapping[Expr, Expr], change: Mapping[Expr, Expr] | None = None
) -> Expr:
    """f(x) - f(y), where `other` takes the coordinates x to the coordinates y.

    `change` takes them to x - y; sums would take expressions for these apart, symbols they do not.

    Examples
    --------
    >>> from sympy import log, sqrt, symbols
    >>> x, y = symbols("x y", positive=True)
    >>> stable_difference(sqrt(x), {x: y})
    (x - y)/(sqrt(x) + sqrt(y))
    >>> stable_difference(1 / x**2, {x: y})
    -(x - y)*(x + y)/(x**2*y**2)
    """
    given = {x: x - y for x, y in other.items()} if change is None else dict(change)
    return _Difference(dict(other), given).of(expr)


@final
class _Difference:
    def __init__(self, other: dict[Expr, Expr], change: dict[Expr, Expr]) -> None:
        self._other = other
        self._known = change

    def _there(self, expr: Expr) -> Expr:
        return expr.xreplace(self._other)

    def of(self, expr: Expr) -> Expr:
        if not expr.free_symbols & self._other.keys():
            return S.Zero
        if expr not in self._known:
            self._known[expr] = self._made(expr)
        return self._known[expr]

    def _made(self, expr: Expr) -> Expr:
        if isinstance(expr, Add):
            return Add(*(self.of(a) for a in expr.args))
        if isinstance(expr, Mul):
            return self._product(expr)
        if isinstance(expr, Pow):
            return self._power(expr.base, expr.exp)
        rule = _RULES.get(type(expr))
        if rule is None or len(expr.args) != 1:
            return expr - self._there(expr)
        (argument,) = expr.args
        return rule(self.of(argument), argument, self._there(argument))

    def _product(self, expr: Expr) -> Expr:
        fixed, moving = expr.as_independent(*self._other, as_Add=False)
        if fixed is not S.One:
            return fixed * self.of(moving)
        first, rest = expr.as_two_terms()
        means = [(e + self._there(e)) / 2 for e in (first, rest)]
        return self.of(first) * means[1] + means[0] * self.of(rest)

    def _power(self, base: Expr, exponent: Expr) -> Expr:
        if exponent.free_symbols & self._other.keys() or not exponent.is_Rational:
            if base.free_symbols & self._other.keys():
                return self.of(exp(exponent * log(base), evaluate=False))
            return self.of(exp(exponent * log(base)))
        if exponent < 0:
            positive = base ** (-exponent)
            return -self.of(positive) / (positive * self._there(positive))
        p, q = exponent.p, exponent.q
        u, v = base, self._there(base)
        if q == 1:
            return self.of(u) * Add(*(u**k * v ** (p - 1 - k) for k in range(p)))
        if q > _ROOTS:
            return self.of(exp(exponent * log(base), evaluate=False))
        a, b = u ** Rational(1, q), v ** Rational(1, q)
        root = self.of(u) / Add(*(a**k * b ** (q - 1 - k) for k in range(q)))
        return root * Add(*(a**k * b ** (p - 1 - k) for k in range(p)))
