"""Values of expressions with bounds of their rounding errors, for rows of numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, final

import numpy as np
from numpy.typing import NDArray
from sympy import (
    Abs,
    Add,
    Expr,
    Mul,
    Pow,
    Symbol,
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
    tan,
    tanh,
)

__all__ = ["RunningError", "Unsupported"]

Floats = NDArray[np.float64]
_UNIT = 2.0**-53
# What a function of the numerical library may err, in units.
_LIBRARY = 4.0
# An argument that is not known better than this has no function value.
_ROUGH = 0.05

_Rule = tuple[Callable[[Any], Any], Callable[[Any, Any], Any]]
# The function, and its slope from argument and value.
_FUNCTIONS: dict[type, _Rule] = {
    exp: (np.exp, lambda u, v: v),
    sin: (np.sin, lambda u, v: 1.0),
    cos: (np.cos, lambda u, v: 1.0),
    tan: (np.tan, lambda u, v: 1.0 + v * v),
    sinh: (np.sinh, lambda u, v: np.sqrt(1.0 + v * v)),
    cosh: (np.cosh, lambda u, v: v),
    tanh: (np.tanh, lambda u, v: 1.0),
    asinh: (np.arcsinh, lambda u, v: 1.0 / np.sqrt(1.0 + u * u)),
    atan: (np.arctan, lambda u, v: 1.0),
    log: (np.log, lambda u, v: 1.0 / u),
    asin: (np.arcsin, lambda u, v: 1.0 / np.sqrt(1.0 - u * u)),
    acos: (np.arccos, lambda u, v: 1.0 / np.sqrt(1.0 - u * u)),
    acosh: (np.arccosh, lambda u, v: 1.0 / np.sqrt(u * u - 1.0)),
    atanh: (np.arctanh, lambda u, v: 1.0 / (1.0 - u * u)),
    Abs: (np.abs, lambda u, v: 1.0),
}


class Unsupported(Exception):
    """An expression contains a function that has no rule."""


_Pair = tuple[Any, Any]
_Step = Callable[[list[_Pair]], _Pair]


@final
class RunningError:
    """An expression as a list of array operations, each with its own error bound.

    Bounds are of first order, with every operation counted: for exact doubles as arguments the
    value is within the bound of the exact one, up to terms of second order.

    Parameters
    ----------
    expr : Expr
    symbols : sequence of Symbol
        Its arguments in order.
    rounded : int
        How many of the last arguments are rounded to doubles; the others are exact.

    Raises
    ------
    Unsupported

    Examples
    --------
    >>> import numpy as np
    >>> from sympy import symbols, sqrt
    >>> x, y = symbols("x y")
    >>> value, error = RunningError(sqrt(x) - y, (x, y))(np.array([[4.0, 1.0]]))
    >>> value, bool(error[0] < 1e-15)
    (array([1.]), True)
    """

    def __init__(self, expr: Expr, symbols: Sequence[Symbol], rounded: int = 0) -> None:
        self._places: dict[Expr, int] = {s: i for i, s in enumerate(symbols)}
        self._count, self._exact = len(symbols), len(symbols) - rounded
        self._steps: list[_Step] = []
        self._result = self._place(expr)

    def __call__(self, rows: Floats) -> tuple[Floats, Floats]:
        """Values and absolute error bounds at rows of arguments."""
        columns = [np.ascontiguousarray(column) for column in rows.T]
        values: list[_Pair] = [(column, 0.0) for column in columns[: self._exact]]
        values += [(column, _UNIT * abs(column)) for column in columns[self._exact :]]
        with np.errstate(all="ignore"):
            for step in self._steps:
                values.append(step(values))
        value, error = values[self._result]
        shape = rows.shape[:1]
        return np.array(np.broadcast_to(value, shape)), np.array(np.broadcast_to(error, shape))

    def _place(self, expr: Expr) -> int:
        if expr not in self._places:
            step = self._made(expr)
            self._places[expr] = self._count + len(self._steps)
            self._steps.append(step)
        return self._places[expr]

    def _made(self, expr: Expr) -> _Step:
        if expr.is_number:
            return _constant(expr)
        if isinstance(expr, (Add, Mul)):
            join = _add if isinstance(expr, Add) else _multiply
            first, *others = (self._place(a) for a in expr.args)
            for other in others[:-1]:
                self._steps.append(_joined(join, first, other))
                first = self._count + len(self._steps) - 1
            return _joined(join, first, others[-1])
        if isinstance(expr, Pow) and expr.exp.is_number:
            return _power(self._place(expr.base), float(expr.exp))
        if isinstance(expr, Pow):
            return self._made(exp(expr.exp * log(expr.base), evaluate=False))
        if isinstance(expr, atan2):
            y, x = (self._place(a) for a in expr.args)
            return lambda known: _angle(known[y], known[x])
        rule = _FUNCTIONS.get(type(expr))
        if rule is None:
            raise Unsupported(f"no rule for {type(expr).__name__}")
        return _function(rule, self._place(expr.args[0]))


def _constant(expr: Expr) -> _Step:
    if not expr.is_extended_real:
        raise Unsupported(f"{expr} is not real")
    value = float(expr)
    pair = value, 0.0 if expr.is_Integer and abs(value) < 2**53 else abs(value) * _UNIT
    return lambda known: pair


def _joined(join: Callable[[_Pair, _Pair], _Pair], a: int, b: int) -> _Step:
    return lambda known: join(known[a], known[b])


def _add(first: _Pair, second: _Pair) -> _Pair:
    value = first[0] + second[0]
    return value, first[1] + second[1] + _UNIT * abs(value)


def _multiply(first: _Pair, second: _Pair) -> _Pair:
    (a, da), (b, db) = first, second
    value = a * b
    own = 0.0 if _is_power_of_two(a) or _is_power_of_two(b) else _UNIT
    return value, abs(a) * db + abs(b) * da + da * db + own * abs(value)


def _is_power_of_two(value: Any) -> bool:
    # Then a product is exact.
    return isinstance(value, float) and abs(math.frexp(value)[0]) == 0.5


def _power(at: int, exponent: float) -> _Step:
    def step(known: list[_Pair]) -> _Pair:
        u, du = known[at]
        if exponent == 0.5:
            value, own = np.sqrt(u), 1.0
        elif exponent == -1.0:
            value, own = 1.0 / u, 1.0
        elif exponent == 2.0:
            value, own = u * u, 1.0
        else:
            value, own = np.power(u, exponent), _LIBRARY
        size = abs(u)
        spread = np.where(du <= _ROUGH * size, abs(exponent) * abs(value / u) * du, np.inf)
        if exponent > 0:
            # What cannot be told from zero is at most this; zero that is exact stays so.
            spread = np.where(du <= _ROUGH * size, spread, np.power(size + du, exponent))
            spread = np.where((size == 0) & (np.asarray(du) == 0), 0.0, spread)
        return value, 1.1 * spread + own * _UNIT * abs(value)

    return step


def _function(rule: _Rule, at: int) -> _Step:
    function, slope = rule

    def step(known: list[_Pair]) -> _Pair:
        u, du = known[at]
        value = function(u)
        spread = np.where(np.asarray(du) == 0, 0.0, abs(slope(u, value)) * du)
        if function is np.log:
            spread = np.where(du <= _ROUGH * abs(u), spread, np.inf)
        return value, 1.1 * spread + _LIBRARY * _UNIT * abs(value)

    return step


def _angle(first: _Pair, second: _Pair) -> _Pair:
    (y, dy), (x, dx) = first, second
    value = np.arctan2(y, x)
    square = x * x + y * y
    spread = (abs(x) * dy + abs(y) * dx) / square
    return value, 1.1 * np.where(square > 0, spread, np.inf) + _LIBRARY * _UNIT * abs(value)
