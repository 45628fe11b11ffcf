"""Numeric functions of small expressions, without generated source."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sympy import Add, Expr, Mul, Pow, Symbol, cos, exp, lambdify, log, sin, tanh

__all__ = ["pointwise"]

_FUNCTIONS: dict[type, Callable[[Any], Any]] = {
    exp: np.exp, log: np.log, tanh: np.tanh, sin: np.sin, cos: np.cos,
}  # fmt: skip


def pointwise(expression: Expr, symbols: Sequence[Symbol]) -> Callable[..., Any]:
    """The expression as a function of one number or array per symbol.

    Bounds of a domain are plain arithmetic, for which sympy's ``lambdify`` would take far longer
    to get ready than to answer; it serves for everything else.

    Examples
    --------
    >>> import sympy as sp
    >>> from statmani.pointwise import pointwise
    >>> x, y = sp.symbols("x y")
    >>> float(pointwise(x - 2 * y**2, [x, y])(5.0, 1.5))
    0.5
    """
    steps = _steps(expression, {symbol: i for i, symbol in enumerate(symbols)})
    if steps is None:
        return lambdify(list(symbols), expression, "numpy")  # type: ignore[no-any-return]
    evaluate = steps

    def function(*values: Any) -> Any:
        with np.errstate(all="ignore"):
            return evaluate(values)

    return function


def _steps(expression: Expr, places: dict[Symbol, int]) -> Callable[[Sequence[Any]], Any] | None:
    if isinstance(expression, Symbol):
        place = places.get(expression)
        return None if place is None else lambda values: np.float64(1) * values[place]
    if expression.is_number and not expression.is_infinite:
        if not expression.is_real:
            return None
        number = np.float64(expression)
        return lambda values: number
    parts = [_steps(a, places) for a in expression.args]
    inner = [p for p in parts if p is not None]
    if len(inner) != len(parts) or not parts:
        return None
    if isinstance(expression, (Add, Mul)):
        join = np.add if isinstance(expression, Add) else np.multiply

        def joined(values: Sequence[Any]) -> Any:
            total = inner[0](values)
            for part in inner[1:]:
                total = join(total, part(values))
            return total

        return joined
    if isinstance(expression, Pow):
        return lambda values: np.power(inner[0](values), inner[1](values))
    known = _FUNCTIONS.get(type(expression))
    return None if known is None else lambda values: known(inner[0](values))
