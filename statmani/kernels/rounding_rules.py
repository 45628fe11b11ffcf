"""Rules for the rounding errors of single operations and functions.

What an operation does to the errors of its arguments, to first order, plus its own rounding
(Higham 2002, section 3.3).
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from statmani.kernels.bessel import ratio_expansion, ratio_taylor

__all__ = ["COMPARISONS", "FUNCTIONS", "OPERATORS", "Pair", "constant", "whole_power"]

Floats = NDArray[np.float64]
_UNIT = 2.0**-53
_TINY, _LEAST = 2.3e-308, 5e-324


class Pair(NamedTuple):
    """Values with bounds of their absolute errors."""

    value: Any
    error: Any


def constant(value: Any) -> Pair:
    number = np.float64(value)
    # Halves, quarters and whole numbers are meant; of others the nearest double is printed.
    exact = abs(number) < 2.0**53 and float(number * 1024.0).is_integer()
    return Pair(number, np.float64(0.0 if exact else _UNIT * abs(number)))


def _plus(a: Pair, b: Pair) -> Pair:
    value = a.value + b.value
    return Pair(value, a.error + b.error + _UNIT * np.abs(value))


def _minus(a: Pair, b: Pair) -> Pair:
    value = a.value - b.value
    return Pair(value, a.error + b.error + _UNIT * np.abs(value))


def _covered(value: Any, error: Any, *factors: Any) -> Pair:
    """Adds the error of underflow to that of a product of factors."""
    under = np.abs(value) < _TINY
    if np.any(under):
        for factor in factors:
            under = under & (factor != 0)
        error = error + np.where(under, _LEAST, 0.0)
    return Pair(value, error)


def _times(a: Pair, b: Pair) -> Pair:
    value = a.value * b.value
    error = (
        np.abs(a.value) * b.error + (np.abs(b.value) + b.error) * a.error + _UNIT * np.abs(value)
    )
    return _covered(value, error, a.value, b.value)


def _over(a: Pair, b: Pair) -> Pair:
    value = a.value / b.value
    size = np.abs(value)
    left = np.maximum(np.abs(b.value) - b.error, 0.0)
    return _covered(value, (a.error + size * b.error) / left + _UNIT * size, a.value)


def whole_power(a: Pair, exponent: int) -> Pair:
    k = abs(exponent)
    value = a.value**exponent
    size = np.abs(a.value)
    # The last factor covers errors that are not small beside the base.
    slope = k * size ** (k - 1) if exponent > 0 else k * np.abs(value) / size
    growth = (1.0 + a.error / size) ** k if k > 1 else 1.0
    spread = np.where(a.error > 0, slope * growth * a.error, 0.0)
    return _covered(value, spread + k * _UNIT * np.abs(value), a.value)


def _power(a: Pair, b: Pair) -> Pair:
    value = np.power(a.value, b.value)
    relative = np.abs(b.value) * _log_error(a) + np.where(
        b.error > 0, np.abs(np.log(np.abs(a.value))) * b.error, 0.0
    )
    return _covered(value, np.abs(value) * (np.expm1(relative) + 2 * _UNIT), a.value)


def _log_error(a: Pair) -> Any:
    share = a.error / np.abs(a.value)
    return np.where(a.error > 0, -np.log1p(-np.minimum(share, 1.0)), 0.0)


def _exp(a: Pair) -> Pair:
    value = np.exp(a.value)
    return _covered(value, value * (np.expm1(a.error) + 2 * _UNIT))


def _log(a: Pair) -> Pair:
    value = np.log(a.value)
    return Pair(value, _log_error(a) + 2 * _UNIT * np.abs(value))


def _sqrt(a: Pair) -> Pair:
    value = np.sqrt(a.value)
    spread = np.where(a.error > 0, a.error / value, 0.0)
    return Pair(value, spread + _UNIT * value)


def _sign(a: Pair) -> Pair:
    unsure = (a.error > 0) & ~(np.abs(a.value) > a.error)
    return Pair(np.sign(a.value), np.where(unsure, np.inf, 0.0))


def _smooth(
    function: Callable[[Any], Any],
    slope: Callable[[Any, Any], Any],
    units: float,
    a: Pair,
) -> Pair:
    """A function with derivative slope(x, f(x)), and an error of its own of some units."""
    value = function(a.value)
    spread = np.abs(slope(a.value, value)) * a.error + a.error * a.error
    return Pair(value, np.where(a.error > 0, spread, 0.0) + units * _UNIT * np.abs(value))


def _atan2(a: Pair, b: Pair) -> Pair:
    value = np.arctan2(a.value, b.value)
    spread = np.abs(b.value) * a.error + np.abs(a.value) * b.error
    left = a.value**2 + b.value**2
    return Pair(value, spread / left + 2 * _UNIT * np.abs(value))


def _special(name: str) -> Callable[..., Any]:
    import scipy.special

    function: Callable[..., Any] = getattr(scipy.special, name)
    return function


def _gamma(a: Pair) -> Pair:
    value = _special("gamma")(a.value)
    relative = np.where(a.error > 0, np.abs(_special("digamma")(a.value)) * a.error, 0.0)
    return _covered(value, np.abs(value) * (np.expm1(1.1 * relative) + 20 * _UNIT))


def _log_gamma(a: Pair) -> Pair:
    value = _special("gammaln")(a.value)
    spread = np.where(a.error > 0, 1.1 * np.abs(_special("digamma")(a.value)) * a.error, 0.0)
    return Pair(value, spread + 10 * _UNIT * (1.0 + np.abs(value)))


def _ei(a: Pair) -> Pair:
    value = _special("expi")(a.value)
    slope = np.exp(a.value) / np.abs(a.value)
    # scipy's is not accurate beside the zero.
    return _covered(value, slope * (1.5 * a.error + 4e-15 * np.minimum(np.abs(a.value), 1.0)))


def _erfi(a: Pair) -> Pair:
    value = _special("erfi")(a.value)
    slope = 1.2 * np.exp(np.minimum((np.abs(a.value) + a.error) ** 2, 700.0))
    return _covered(value, np.where(a.error > 0, slope * a.error, 0.0) + 40 * _UNIT * np.abs(value))


def _lambert_w(a: Pair) -> Pair:
    value = _special("lambertw")(a.value).real
    slope = np.exp(-value) / np.abs(1.0 + value)
    return _covered(value, 1.5 * slope * a.error + 40 * _UNIT * np.abs(value))


def _erf(complementary: bool, a: Pair) -> Pair:
    value = _special("erfc" if complementary else "erf")(a.value)
    far = np.maximum(np.abs(a.value) - a.error, 0.0)
    spread = np.where(a.error > 0, 1.13 * np.exp(-far * far) * a.error, 0.0)
    # exp(-x^2) inside multiplies the rounding of x^2.
    units = 20.0 + (2.0 * a.value * a.value if complementary else 0.0)
    return _covered(value, spread + units * _UNIT * np.abs(value))


def _polygamma(order: int, units: float, a: Pair) -> Pair:
    x = a.value
    if order == 0:
        value = _polygamma_values(0, x)
        near = np.maximum(x - a.error, 0.0)
        spread = (1.0 + 1.0 / near) / near * a.error
    else:
        value = _polygamma_values(order, x)
        # |x psi_n'(x) / psi_n(x)| <= n + 1.
        spread = np.abs(value) * np.expm1((order + 1) * _log_error(a))
    error = np.where(a.error > 0, spread, 0.0) + units * _UNIT * np.abs(value)
    return Pair(value, np.where(x > 0, error, np.inf))


def _any_polygamma(order: Pair, a: Pair) -> Pair:
    return _polygamma(int(order.value), 100, a)


def _bessel(order: Pair, a: Pair) -> Pair:
    value = _special("iv")(order.value, a.value)
    # x I'(x) / I(x) <= x + order.
    relative = (np.abs(a.value) + np.abs(order.value)) * _log_error(a)
    return _covered(value, np.abs(value) * (np.expm1(relative) + 100 * _UNIT))


def _bessel_k(order: Pair, a: Pair) -> Pair:
    value = _special("kv")(order.value, a.value)
    # |x K'(x) / K(x)| <= x + order + 1.
    relative = (np.abs(a.value) + np.abs(order.value) + 1.0) * _log_error(a)
    return _covered(value, np.abs(value) * (np.expm1(relative) + 1000 * _UNIT))


# Nodes and weights for means over an interval of ratio below 2.
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(10)


def _polygamma_values(order: int, x: Any) -> Any:
    if order == 0:
        return _special("digamma")(x)
    size = _special("gamma")(order + 1.0) * _special("zeta")(order + 1.0, x)
    return size if order % 2 else -size


def _polygamma_fall(n: Pair, x: Pair, y: Pair, d: Pair, at_x: Pair, at_y: Pair) -> Pair:
    order = int(n.value)
    direct = _minus(at_x, at_y)
    largest = np.maximum(np.abs(at_x.value), np.abs(at_y.value))
    middle, half = x.value + 0.5 * d.value, 0.5 * d.value
    slopes: Any = 0.0
    for node, weight in zip(_NODES, _WEIGHTS, strict=True):
        slopes = slopes + weight * _polygamma_values(order + 1, middle + half * node)
    value = -half * slopes
    # d f'(x) to first order, where |x f''(x) / f'(x)| <= n + 3 over an interval of ratio 2.
    share = np.where(d.error > 0, d.error / np.abs(d.value), 0.0)
    share = share + (order + 3) * 4.0 * (x.error / x.value + y.error / y.value)
    near = Pair(value, np.abs(value) * (share + 50 * _UNIT))
    share_apart = np.abs(direct.value) / largest
    if order == 0:
        share_apart = np.minimum(share_apart, 0.5 * np.abs(d.value) / np.minimum(x.value, y.value))
    # Close to the limit either may have been taken.
    error = np.where(share_apart > 0.24, np.maximum(direct.error, near.error), near.error)
    error = np.where(share_apart > 0.26, direct.error, error)
    far = share_apart > 0.25
    error = np.where((x.value > 0) & (y.value > 0), error, np.inf)
    return Pair(np.where(far, direct.value, value), error)


def _beta(a: Pair, b: Pair) -> Pair:
    value = _special("beta")(a.value, b.value)
    digamma = _special("digamma")
    both = digamma(a.value + b.value)
    relative = np.zeros_like(value)
    for p in (a, b):
        slope = np.abs(digamma(p.value) - both)
        relative = relative + np.where(p.error > 0, 1.1 * slope * p.error, 0.0)
    return _covered(value, np.abs(value) * (np.expm1(relative) + 50 * _UNIT))


def _exponential_integral(n: Pair, a: Pair) -> Pair:
    order = int(n.value)
    value = _special("expn")(order, a.value)
    # |x E_n'(x) / E_n(x)| <= x + n + 1.
    relative = (np.abs(a.value) + order + 1.0) * _log_error(a)
    error = np.abs(value) * (np.expm1(relative) + 50 * _UNIT)
    return _covered(value, np.where(a.value > 0, error, np.inf))


def _ratio_values(order: float, x: Any) -> list[Any]:
    """Derivatives 0 to 4 of I_{v+1}/I_v at x, and 1 - I_{v+1}/I_v, to about ten digits."""
    limit = max(30.0, 4.0 * (order + 1.0) ** 2)
    near, far = np.minimum(x, limit), np.maximum(x, limit)
    coefficients = [0.0] * 15
    ratio_expansion(order, coefficients)
    inside = list(ratio_taylor(order, near, 24 + int(1.5 * limit)))
    inside = [c * a for c, a in zip((1.0, 1.0, 2.0, 6.0, 24.0), inside, strict=True)]
    inside.append(1.0 - inside[0])
    outside: list[Any] = [0.0] * 5
    for power in range(1, 15):
        term = coefficients[power] * far ** float(-power)
        for n in range(5):
            outside[n] = outside[n] + term
            term = term * -(power + n) / far
    outside.append(-outside[0])
    outside[0] = 1.0 + outside[0]
    return [np.where(x > limit, b, a) for a, b in zip(inside, outside, strict=True)]


def _ratio_derivative(n: Pair, order: Pair, a: Pair) -> Pair:
    k, values = int(n.value), _ratio_values(float(order.value), a.value)
    value = values[k]
    # |f^(k+1)| is at most about (k + 2) times the scale of f^(k) over x.
    slope = np.abs(values[k + 1]) if k < 4 else 6.0 * np.abs(value) / a.value
    spread = np.where(a.error > 0, 1.1 * slope * a.error, 0.0)
    own = np.abs(value) + np.minimum(a.value, 1.0) * slope
    return Pair(value, np.where(a.value > 0, spread + 100 * _UNIT * own, np.inf))


def _ratio_rest(order: Pair, a: Pair) -> Pair:
    values = _ratio_values(float(order.value), a.value)
    spread = np.where(a.error > 0, 1.1 * np.abs(values[1]) * a.error, 0.0)
    return Pair(values[5], spread + 100 * _UNIT * np.abs(values[5]))


def _bessel_scaled(order: Pair, a: Pair) -> Pair:
    value = _special("ive")(order.value, a.value)
    # |x f'(x) / f(x)| <= order + 1 for f(x) = exp(-x) I(x) where order <= x, else order + x.
    relative = (np.abs(order.value) + 1.0 + np.minimum(a.value, 1.0)) * _log_error(a)
    return _covered(value, np.abs(value) * (np.expm1(relative) + 60 * _UNIT))


def _bessel_k_scaled(order: Pair, a: Pair) -> Pair:
    value = _special("kve")(order.value, a.value)
    relative = (np.abs(order.value) + 2.0) * _log_error(a)
    return _covered(value, np.abs(value) * (np.expm1(relative) + 60 * _UNIT))


OPERATORS: dict[type[ast.operator], Callable[[Pair, Pair], Pair]] = {
    ast.Add: _plus,
    ast.Sub: _minus,
    ast.Mult: _times,
    ast.Div: _over,
    ast.Pow: _power,
}
COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
}
FUNCTIONS: dict[str, Callable[..., Pair]] = {
    "abs": lambda a: Pair(np.abs(a.value), a.error),
    "np.sign": _sign,
    "math.exp": _exp,
    "math.expm1": partial(_smooth, np.expm1, lambda _, v: np.abs(1.0 + v), 4),
    "math.log": _log,
    "math.log1p": partial(_smooth, np.log1p, lambda x, _: 1.0 / np.abs(1.0 + x), 4),
    "math.sqrt": _sqrt,
    "math.sin": partial(_smooth, np.sin, lambda x, _: np.cos(x), 2),
    "math.cos": partial(_smooth, np.cos, lambda x, _: np.sin(x), 2),
    "math.tan": partial(_smooth, np.tan, lambda _, v: 1.0 + v * v, 4),
    "math.sinh": partial(_smooth, np.sinh, lambda x, _: np.cosh(x), 4),
    "math.cosh": partial(_smooth, np.cosh, lambda x, _: np.sinh(x), 4),
    "math.tanh": partial(_smooth, np.tanh, lambda _, v: 1.0 - v * v, 4),
    "math.asinh": partial(_smooth, np.arcsinh, lambda x, _: 1.0 / np.hypot(1.0, x), 4),
    "math.acosh": partial(_smooth, np.arccosh, lambda x, _: 1.0 / np.sqrt(x * x - 1.0), 4),
    "math.atanh": partial(_smooth, np.arctanh, lambda x, _: 1.0 / (1.0 - x * x), 4),
    "math.asin": partial(_smooth, np.arcsin, lambda x, _: 1.0 / np.sqrt(1.0 - x * x), 4),
    "math.acos": partial(_smooth, np.arccos, lambda x, _: 1.0 / np.sqrt(1.0 - x * x), 4),
    "math.atan": partial(_smooth, np.arctan, lambda x, _: 1.0 / (1.0 + x * x), 4),
    "math.atan2": _atan2,
    "math.gamma": _gamma,
    "loggamma": _log_gamma,
    "math.lgamma": _log_gamma,
    "math.erf": partial(_erf, False),
    "math.erfc": partial(_erf, True),
    "digamma": partial(_polygamma, 0, 20),
    "trigamma": partial(_polygamma, 1, 9),
    "tetragamma": partial(_polygamma, 2, 9),
    "pentagamma": partial(_polygamma, 3, 9),
    "polygamma": _any_polygamma,
    "besseli": _bessel,
    "besseli_scaled": _bessel_scaled,
    "besselk": _bessel_k,
    "besselk_scaled": _bessel_k_scaled,
    "bessel_ratio_derivative": _ratio_derivative,
    "bessel_ratio_rest": _ratio_rest,
    "beta": _beta,
    "exponential_integral": _exponential_integral,
    "polygamma_fall": _polygamma_fall,
    "ei": _ei,
    "erfi": _erfi,
    "lambert_w": _lambert_w,
}
