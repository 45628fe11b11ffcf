"""Modified Bessel functions and their ratios for compiled kernels.

Plain Python in the subset that numba compiles; :mod:`statmani.kernels.special` brings it along.
Arguments are not checked; outside a stated range the result is NaN.

Sources: Abramowitz and Stegun (1964), 9.6.10, 9.6.13, 9.6.15,
9.6.24, 9.6.26, 9.7.1; Amos (1974) for the continued
fraction of the ratio I_{v+1}/I_v. Relative errors stated below are measured against mpmath.
"""

import math
from typing import Any

import numpy as np

__all__ = [
    "bessel_ratio",
    "bessel_ratio_derivative",
    "bessel_ratio_jet",
    "bessel_ratio_rest",
    "besseli",
    "besseli_scaled",
    "besselk",
    "besselk_ratio",
    "besselk_scaled",
    "ratio_expansion",
    "ratio_taylor",
]

_EULER = 0.5772156649015329
_RATIO_TERMS = 44


def ratio_expansion(order: float, coefficients: Any) -> None:
    """Fill in a_j of I_{v+1}(x)/I_v(x) = sum of a_j x^-j, from A' = 1 - A^2 - (2v + 1) A/x."""
    coefficients[0] = 1.0
    for j in range(1, len(coefficients)):
        total = (j - 2.0 - 2.0 * order) * coefficients[j - 1]
        for i in range(1, j):
            total -= coefficients[i] * coefficients[j - i]
        coefficients[j] = 0.5 * total


def _expansion_of_order_zero() -> Any:
    coefficients = np.empty(_RATIO_TERMS)
    ratio_expansion(0.0, coefficients)
    return coefficients


_ORDER_ZERO = _expansion_of_order_zero()


def _far(order: float, x: float) -> tuple[float, float, float, float, float]:
    # The ratio less 1 and its derivatives from the expansion.
    coefficients = np.empty(_RATIO_TERMS)
    if order == 0.0:
        # Assigning an array to a slice compiles the formatting of an error message.
        for j in range(_RATIO_TERMS):
            coefficients[j] = _ORDER_ZERO[j]
    else:
        ratio_expansion(order, coefficients)
    step = 1.0 / x
    s0, s1, s2, s3, s4 = 0.0, 0.0, 0.0, 0.0, 0.0
    power, last = 1.0, math.inf
    for j in range(1, _RATIO_TERMS):
        power *= step
        t0 = coefficients[j] * power
        t1 = -j * step * t0
        t2 = -(j + 1) * step * t1
        t3 = -(j + 2) * step * t2
        t4 = -(j + 3) * step * t3
        size = abs(t4)
        if j > 2.0 * order + 4.0 and (size > last or size < 1e-18 * abs(s4)):
            break
        last = size
        s0, s1, s2, s3, s4 = s0 + t0, s1 + t1, s2 + t2, s3 + t3, s4 + t4
    return s0, s1, s2, s3, s4


def _is_far(order: float, x: float) -> bool:
    return x > 30.0 and x > 1.5 * (order + 1.0) * (order + 1.0)


def _steps(x: float) -> int:
    return 24 + int(1.5 * x) if x < 1e4 else 24 + int(x)


def ratio_taylor(order: float, x: Any, steps: int) -> tuple[Any, Any, Any, Any, Any]:
    """Taylor coefficients of the ratio at x by A_v = x/(2(v + 1) + x A_{v+1}), from far above."""
    a0 = x / (2.0 * (order + steps) + 2.0)
    a1, a2, a3, a4 = a0 / x, 0.0, 0.0, 0.0
    for k in range(steps, 0, -1):
        c = 2.0 * (order + k)
        r = 1.0 / (c + x * a0)
        e1, e2 = x * a1 + a0, x * a2 + a1
        e3, e4 = x * a3 + a2, x * a4 + a3
        # 1 - x e1/e0 with the common part of both taken out.
        q0 = x * r
        q1 = (c - x * x * a1) * r * r
        q2 = -(q0 * e2 + q1 * e1) * r
        q3 = -(q0 * e3 + q1 * e2 + q2 * e1) * r
        a4 = -(q0 * e4 + q1 * e3 + q2 * e2 + q3 * e1) * r
        a0, a1, a2, a3 = q0, q1, q2, q3
    return a0, a1, a2, a3, a4


def bessel_ratio(order: float, x: float) -> float:
    """I_{order+1}(x) / I_order(x) for order >= 0, 0 <= x; relative error 2e-15 to x = 1e300.

    For order > 40 the argument must be below 1e5 or above 1.5 (order + 1)^2.
    """
    if not (order >= 0.0 and x >= 0.0):
        return math.nan
    if _is_far(order, x):
        return 1.0 + _far(order, x)[0]
    if x > 1e5:
        return math.nan
    steps = _steps(x)
    ratio = x / (2.0 * (order + steps) + 2.0)
    for k in range(steps, 0, -1):
        ratio = x / (2.0 * (order + k) + x * ratio)
    return ratio


def bessel_ratio_rest(order: float, x: float) -> float:
    """1 - I_{order+1}(x) / I_order(x) without cancellation; relative error 1e-14.

    For order <= 100.
    """
    if _is_far(order, x):
        return -_far(order, x)[0]
    return 1.0 - bessel_ratio(order, x)


def bessel_ratio_derivative(n: int, order: float, x: float) -> float:
    """n-th derivative (n <= 4) of I_{order+1}(x) / I_order(x) by x > 0; errors of the jet below."""
    if not (order >= 0.0 and x > 0.0) or n < 0 or n > 4:
        return math.nan
    if n == 0:
        return bessel_ratio(order, x)
    return bessel_ratio_jet(order, x)[n + 1]


def bessel_ratio_jet(order: float, x: float) -> tuple[float, float, float, float, float, float]:
    """1 - A and A with its first four derivatives, A = I_{order+1}(x) / I_order(x), x > 0.

    Relative errors 1e-14 for order <= 100, apart from the zeros of the second derivative on.
    """
    if not (order >= 0.0 and x > 0.0):
        return math.nan, math.nan, math.nan, math.nan, math.nan, math.nan
    if _is_far(order, x):
        a0, a1, a2, a3, a4 = _far(order, x)
        return -a0, 1.0 + a0, a1, a2, a3, a4
    if x > 1e5:
        return math.nan, math.nan, math.nan, math.nan, math.nan, math.nan
    a0, a1, a2, a3, a4 = ratio_taylor(order, x, _steps(x))
    return 1.0 - a0, a0, a1, 2.0 * a2, 6.0 * a3, 24.0 * a4


def _series(order: float, x: float, scale: float) -> float:
    # The ascending series of I times a scale; all terms are positive.
    half = 0.5 * x
    quarter = half * half
    term, total, count = 1.0, 1.0, 1.0
    while term > 1e-17 * total:
        term *= quarter / (count * (count + order))
        total += term
        count += 1.0
    whole = math.floor(order)
    part = order - whole
    # Beside a large sum the leading power of a high order may be out of range alone.
    result = scale * total * (math.pow(half, part) / math.gamma(part + 1.0))
    for k in range(int(whole)):
        result *= half / (order - k)
    return result


def _asymptotic(order: float, x: float) -> float:
    # exp(-x) I at x far above order^2/2.
    term, total = 1.0, 1.0
    for k in range(1, 60):
        step = -(4.0 * order * order - (2.0 * k - 1.0) ** 2) / (8.0 * k * x)
        if abs(step) >= 1.0:
            break
        term *= step
        total += term
        if abs(term) < 1e-17 * abs(total):
            break
    return total / math.sqrt(2.0 * math.pi) / math.sqrt(x)


def besseli_scaled(order: float, x: float) -> float:
    """exp(-x) I_order(x) for 0 <= order <= 100, 0 <= x <= 1e300; relative error 1e-14."""
    if order < 0.0 and order == math.floor(order):
        order = -order
    if not (order >= 0.0 and x >= 0.0):
        return math.nan
    if x > 30.0 + 0.5 * order * order:
        return _asymptotic(order, x)
    if x <= 30.0:
        return _series(order, x, math.exp(-x))
    # Down from the ratio at the order itself; all terms are positive.
    whole = int(order)
    above, value = bessel_ratio(order, x), 1.0
    for k in range(whole):
        above, value = value, above + 2.0 * (order - k) / x * value
    return _asymptotic(order - whole, x) / value


def besseli(order: float, x: float) -> float:
    """I_order(x) for 0 <= order <= 100, 0 <= x <= 700; relative error 1e-14."""
    if x > 713.0:
        return math.nan
    return besseli_scaled(order, x) * math.exp(x)


def _k_pair(order: float, x: float) -> tuple[float, float]:
    # exp(x) K_order and exp(x) K_{order+1}, |order| <= 1/2, by the trapezoidal rule on the integral
    # of exp(-x (cosh t - 1)) cosh(order t) over t > 0: the integrand is entire and decays doubly
    # exponentially, so that the rule converges geometrically.
    h = min(0.2, 0.6 / math.sqrt(x))
    low, high, count = 0.5, 0.5, 1.0
    while True:
        t = count * h
        s = math.sinh(0.5 * t)
        base = 0.5 * math.exp(-2.0 * x * s * s)
        grown, up = math.exp(order * t), math.exp(t)
        low += base * (grown + 1.0 / grown)
        term = base * (grown * up + 1.0 / (grown * up))
        high += term
        if x * s * s > 1.0 and term < 1e-18 * low:
            return h * low, h * high
        count += 1.0


def _k_pair_small(x: float) -> tuple[float, float]:
    # K_0 and K_1 at x <= 1 by the series of K_0 and the Wronskian.
    quarter = 0.25 * x * x
    term, harmonic, count = 1.0, 0.0, 1.0
    i0, i1, rest = 1.0, 1.0, 0.0
    while term > 1e-18:
        term *= quarter / (count * count)
        harmonic += 1.0 / count
        i0 += term
        i1 += term / (count + 1.0)
        rest += term * harmonic
        count += 1.0
    k0 = rest - (math.log(0.5 * x) + _EULER) * i0
    return k0, (1.0 / x - 0.5 * x * i1 * k0) / i0


def _k_upward(order: float, x: float) -> tuple[float, float]:
    # exp(x) K_order and the ratio K_{order+1}/K_order, by the recurrence in the order.
    n = abs(order)
    steps = math.floor(n + 0.5)
    base = n - steps
    if base == 0.0 and x <= 1.0:
        low, high = _k_pair_small(x)
        scale = math.exp(x)
        low, high = low * scale, high * scale
    else:
        low, high = _k_pair(base, x)
    value, ratio = low, high / low
    for k in range(int(steps)):
        value *= ratio
        ratio = 1.0 / ratio + 2.0 * (base + k + 1.0) / x
    return value, ratio


def besselk_scaled(order: float, x: float) -> float:
    """exp(x) K_order(x) for |order| <= 200, 1e-8 <= x <= 1e10; relative error 1e-14."""
    if not x > 0.0:
        return math.nan
    return _k_upward(order, x)[0]


def besselk(order: float, x: float) -> float:
    """K_order(x) for |order| <= 200, 1e-8 <= x <= 700; relative error 1e-14."""
    return besselk_scaled(order, x) * math.exp(-x)


def besselk_ratio(order: float, x: float) -> float:
    """K_{order+1}(x) / K_order(x) for 0 <= order <= 200, x >= 1e-8; relative error 1e-14."""
    if not (x > 0.0 and order >= 0.0):
        return math.nan
    return _k_upward(order, x)[1]
