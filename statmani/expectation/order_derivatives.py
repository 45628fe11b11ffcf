"""Derivatives of modified Bessel functions by their order, for numbers only.

They have no closed form, so that a closed tensor never contains one; log p of a family whose
parameter is the order does. For real nu and z > 0 (DLMF 10.32.4, 10.32.9)

    K_nu(z) = int_0^oo exp(-z cosh t) cosh(nu t) dt,
    I_nu(z) = 1/pi int_0^pi exp(z cos t) cos(nu t) dt
              - sin(nu pi)/pi int_0^oo exp(-z cosh t - nu t) dt

may be differentiated under the integral; trapezoidal sums of the first integrand converge
exponentially.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import sympy as sp

__all__ = [
    "ORDER_ARRAY_RULES",
    "ORDER_RULES",
    "differentiates",
    "is_elementary",
    "order_derivative",
]

_NODES = 400
_CHUNK = 4096


def is_elementary(expressions: Iterable[sp.Basic]) -> bool:
    """Whether an expression has a rule for its value: no derivative or integral is left."""
    open_heads = (sp.Integral, sp.Sum, sp.Product, sp.hyper, sp.meijerg, sp.Derivative, sp.Subs)
    return not any(expression.has(*open_heads) for expression in expressions)


def differentiates(expression: sp.Expr, symbols: Iterable[sp.Symbol]) -> bool:
    """Whether an expression and its first derivatives are elementary.

    A Bessel function whose order is a parameter is not: tensors that contain it would have no
    Christoffel symbols, while those of expectations are expectations.
    """
    return is_elementary([expression, *(expression.diff(s) for s in symbols)])


def order_derivative(node: sp.Basic) -> tuple[str, tuple[sp.Expr, ...]] | None:
    """(kind, (n, nu, z)) of d^n/dnu^n of a Bessel function at an order nu, else None."""
    place: sp.Expr | None = None
    if isinstance(node, sp.Subs):
        if len(node.variables) != 1:
            return None
        place, node = node.point[0], node.expr
    if not isinstance(node, sp.Derivative) or len(node.variable_count) != 1:
        return None
    ((variable, count),) = node.variable_count
    function = node.expr
    if not isinstance(function, (sp.besselk, sp.besseli)) or not count.is_Integer:
        return None
    order, argument = function.args
    if order != variable or argument.has(variable):
        return None
    kind = "order_k" if isinstance(function, sp.besselk) else "order_i"
    return kind, (count, variable if place is None else place, argument)


def _k_array(n: Any, order: Any, z: Any) -> np.ndarray:
    """d^n K_nu(z) / d nu^n in double precision, by the trapezoidal rule."""
    n = round(float(n))
    order, z = np.broadcast_arrays(np.asarray(order, dtype=float), np.asarray(z, dtype=float))
    result = np.empty(z.shape)
    flat, orders, values = result.reshape(-1), order.reshape(-1), z.reshape(-1)
    for start in range(0, flat.size, _CHUNK):
        part = slice(start, start + _CHUNK)
        flat[part] = _k_sum(n, orders[part], values[part])
    return result


def _k_sum(n: int, order: np.ndarray, z: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        # Beyond the end z (cosh t - 1) - |nu| t exceeds 45, so that nothing is left.
        end = np.arccosh(1 + 45 / z)
        for _ in range(4):
            end = np.arccosh(1 + (45 + (np.abs(order) + n) * end) / z)
        t = end[:, None] * (np.arange(_NODES + 1) / _NODES)
        half = np.exp(-z[:, None] * np.cosh(t) + np.abs(order)[:, None] * t) / 2
        mirrored = half * np.exp(-2 * np.abs(order)[:, None] * t)
        odd = n % 2 == 1
        values = t**n * (half - mirrored if odd else half + mirrored)
        values[:, 0] /= 2
        total: np.ndarray = values.sum(axis=1) * end / _NODES
    return total * np.where(order < 0, -1.0, 1.0) if odd else total


def _by_differences(name: str) -> Callable[..., Any]:
    def at(context: Any, n: Any, order: Any, z: Any) -> Any:
        """d^n/dnu^n in the precision of the context, by differences at a higher one."""
        from statmani.expectation.context import new_context

        if z == 0 or z == context.inf:
            # Where nodes have no mass, mpmath has no value.
            return context.mpf(0) if z == 0 and order > 0 else context.nan
        count = int(n)
        wide = new_context((count + 2) * (context.dps + 5))
        function = getattr(wide, name)
        step = wide.mpf(10) ** -(context.dps // 2 + 6)
        total = wide.mpf(0)
        # Central differences; the error is of order step^2, far below the digits asked for.
        centre = wide.make_mpf(order.real._mpf_)
        argument = wide.make_mpf(z.real._mpf_)
        for k in range(count + 1):
            shift = (wide.mpf(count) / 2 - k) * step
            sign = -1 if k % 2 else 1
            total += sign * wide.binomial(count, k) * function(centre + shift, argument)
        return context.make_mpf((total / step**count)._mpf_) + 0

    return at


def _i_array(n: Any, order: Any, z: Any) -> np.ndarray:
    from statmani.expectation.context import new_context

    context = new_context(16)
    rule = _by_differences("besseli")

    def at(v: Any, x: Any) -> float:
        return float(rule(context, n, context.mpf(float(v)), context.mpf(float(x))))

    return np.asarray(np.frompyfunc(at, 2, 1)(order, z), dtype=float)


#: Double-precision rules by kind.
ORDER_ARRAY_RULES: dict[str, Callable[..., Any]] = {"order_k": _k_array, "order_i": _i_array}

#: Rules in an mpmath context.
ORDER_RULES: dict[str, Callable[..., Any]] = {
    "order_k": _by_differences("besselk"),
    "order_i": _by_differences("besseli"),
}
