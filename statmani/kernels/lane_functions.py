"""Elementary functions and polygammas of lanes, without branches.

Sources: Abramowitz and Stegun (1964), 4.1.27 (logarithm), 6.3.5, 6.3.18, 6.4.6 and 6.4.11
(digamma and polygammas). Errors stated below are measured against mpmath.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from statmani.kernels.lanes import Lane, sqrt

__all__ = ["FUNCTIONS", "SWEEPS"]

_BERNOULLI = (
    1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798,
    -174611 / 330, 854513 / 138, -236364091 / 2730,
)  # fmt: skip
_LN2_HIGH, _LN2_LOW = 0.693147180369123816490, 1.90821492927058770002e-10
# Adding it rounds a double to an integer, which is then in the low bits.
_ROUNDER = 6755399441055744.0
# Where the products of the shifts would overflow; long before, nothing needs to be shifted.
_FAR = 1e30
_LARGEST = 700.0


def _polynomial(coefficients: tuple[float, ...], x: Lane) -> Lane:
    # Estrin's scheme: short chains of dependent operations.
    level = [x.lanes.constant(c) for c in coefficients]
    power = x
    while len(level) > 1:
        paired = [a + power * b for a, b in zip(level[::2], level[1::2], strict=False)]
        if len(level) % 2:
            paired.append(level[-1])
        level, power = paired, power * power
    return level[0]


def exp(x: Lane) -> Lane:
    """Exponential function, to 1 unit in the last place; 0 below -708, infinite above 709."""
    if x.number is not None and abs(x.number) < _LARGEST:
        return x.lanes.constant(math.exp(x.number))
    return x.lanes.once(_exp, x)


def _exp(x: Lane) -> Lane:
    small, scale = x.lanes.once_pair(_exp_parts, x)
    bounded = (x >= -708.0).choose((small + 1.0) * scale, 0.0)
    bounded = (x > 709.0).choose(math.inf, bounded)
    # What is not a number passes through.
    return x.equals(x).choose(bounded, math.nan)


def _exp_parts(x: Lane) -> tuple[Lane, Lane]:
    # exp(r) - 1 and 2**k for x = k log(2) + r, |r| <= log(2) / 2.
    inside = x.most(-709.0).least(709.5)
    shifted = inside * (1 / math.log(2)) + _ROUNDER
    whole = shifted - _ROUNDER
    rest = (inside - whole * _LN2_HIGH) - whole * _LN2_LOW
    series = _polynomial(tuple(1 / math.factorial(k) for k in range(2, 14)), rest)
    return rest + rest * rest * series, x.lanes.power_of_two(shifted)


def expm1(x: Lane) -> Lane:
    """exp(x) - 1, to 2 units in the last place; infinite above 709."""
    if x.number is not None and abs(x.number) < _LARGEST:
        return x.lanes.constant(math.expm1(x.number))
    small, scale = x.lanes.once_pair(_exp_parts, x)
    bounded = (x > 709.0).choose(math.inf, small * scale + (scale - 1.0))
    return x.equals(x).choose(bounded, math.nan)


def tanh(x: Lane) -> Lane:
    """Hyperbolic tangent; relative error 1e-15."""
    excess = expm1(2.0 * x.most(-20.0).least(20.0))
    return x.equals(x).choose(excess / (excess + 2.0), math.nan)


def cosh(x: Lane) -> Lane:
    """Hyperbolic cosine."""
    return 0.5 * exp(x) + 0.5 * exp(-x)


def sinh(x: Lane) -> Lane:
    """Hyperbolic sine; relative error 1e-15."""
    excess = expm1(abs(x))
    size = (excess > 1e300).choose(0.5 * excess, 0.5 * (excess + excess / (excess + 1.0)))
    return (x < 0.0).choose(-size, size)


def log(x: Lane) -> Lane:
    """Natural logarithm of positive normal numbers, to 1 unit; not a number elsewhere."""
    if x.number is not None and x.number > 0:
        return x.lanes.constant(math.log(x.number))
    return x.lanes.once(_log, x)


def _log(x: Lane) -> Lane:
    mantissa, exponent = x.lanes.split(x)
    f = mantissa - 1.0
    s = f / (f + 2.0)
    z = s * s
    series = z * _polynomial(tuple(2 / (2 * k + 3) for k in range(11)), z)
    half = 0.5 * (f * f)
    small = half - (s * (half + series) + exponent * _LN2_LOW)
    value = exponent * _LN2_HIGH - (small - f)
    known = (x >= 2.0**-1022).choose(value, math.nan)
    return (x < math.inf).choose(known, math.nan)


def log1p(x: Lane) -> Lane:
    """log(1 + x), without cancellation for small x."""
    u = x + 1.0
    corrected = log(u) * (x / (u - 1.0))
    return u.equals(1.0).choose(x, corrected)


def _shifted(x: Lane) -> tuple[Lane, list[Lane], Lane, Lane]:
    # Pairs (x + k)(x + 7 - k) = u + k (7 - k) share one division; where x is large nothing is
    # shifted, since the products would overflow.
    near = x < _FAR
    u = x * (x + 7.0)
    w = [u, u + 6.0, u + 10.0, u + 12.0]
    first, second = w[0] * w[1], w[2] * w[3]
    inverse = 1.0 / (first * second)
    left, right = inverse * second, inverse * first
    inverses = [left * w[1], left * w[0], right * w[3], right * w[2]]
    return near.choose(x + 8.0, x), inverses, 2.0 * x + 7.0, near


def _asymptotic(y: Lane, weights: tuple[float, ...]) -> tuple[Lane, Lane, Lane]:
    i = 1.0 / y
    r = i * i
    return i, r, r * _polynomial(weights, r)


def digamma(x: Lane) -> Lane:
    """Digamma of positive numbers; absolute error 1e-15 where it is small, else relative."""
    y, inverses, s, near = _shifted(x)
    low = near.choose(s * (inverses[0] + inverses[1] + inverses[2] + inverses[3]), 0.0)
    weights = tuple(b / (2 * k + 2) for k, b in enumerate(_BERNOULLI))
    i, _, tail = _asymptotic(y, weights)
    return log(y) - 0.5 * i - tail - low


def trigamma(x: Lane) -> Lane:
    """First polygamma of positive numbers; relative error 1e-15."""
    y, inverses, s, near = _shifted(x)
    # 1/a**2 + 1/b**2 = ((a + b)**2 - 2 a b) / (a b)**2
    total = x.lanes.constant(0.0)
    for inverse in inverses:
        scaled = s * inverse
        total = total + (scaled * scaled - 2.0 * inverse)
    i, _, tail = _asymptotic(y, _BERNOULLI)
    return i * (1.0 + (0.5 * i + tail)) + near.choose(total, 0.0)


def tetragamma(x: Lane) -> Lane:
    """Second polygamma of positive numbers; relative error 1e-15."""
    y, inverses, s, near = _shifted(x)
    total = x.lanes.constant(0.0)
    for inverse in inverses:
        scaled = s * inverse
        total = total + scaled * (scaled * scaled - 3.0 * inverse)
    weights = tuple(b * (2 * k + 3) for k, b in enumerate(_BERNOULLI))
    i, r, tail = _asymptotic(y, weights)
    return -(r * (1.0 + (i + tail)) + 2.0 * near.choose(total, 0.0))


def pentagamma(x: Lane) -> Lane:
    """Third polygamma of positive numbers; relative error 1e-15."""
    y, inverses, s, near = _shifted(x)
    total = x.lanes.constant(0.0)
    for inverse in inverses:
        square = s * inverse
        square = square * square
        total = total + (square * (square - 4.0 * inverse) + 2.0 * (inverse * inverse))
    weights = tuple(b * (2 * k + 3) * (2 * k + 4) for k, b in enumerate(_BERNOULLI))
    i, r, tail = _asymptotic(y, weights)
    return i * (r * (2.0 + (3.0 * i + tail))) + 6.0 * near.choose(total, 0.0)


def polygamma_12(x: Lane) -> tuple[Lane, ...]:
    """Polygammas of orders 1 and 2, which share their divisions."""
    return trigamma(x), tetragamma(x)


def polygamma_123(x: Lane) -> tuple[Lane, ...]:
    """Polygammas of orders 1 to 3."""
    return trigamma(x), tetragamma(x), pentagamma(x)


def _reciprocals(x: Lane) -> tuple[list[Lane], Lane, Lane]:
    # 1/(x + k) for k = 0, ..., 7, from the divisions that the polygammas make too.
    y, inverses, _, near = _shifted(x)
    pairs = [((x + float(7 - k)) * w, (x + float(k)) * w) for k, w in enumerate(inverses)]
    return [value for pair in pairs for value in pair], 1.0 / y, near


def _mixed_powers(i: Lane, j: Lane, most: int) -> list[Lane]:
    # (i**m - j**m) / (1/j - 1/i) for m = 1, 2, ..., sums of positive terms.
    first = i * j
    found, power = [first], j
    while len(found) < most:
        found.append(i * found[-1] + power * first)
        power = power * j
    return found


def polygamma_fall(order: float, x: Lane, y: Lane, d: Lane, at_x: Lane, at_y: Lane) -> Lane:
    """Polygamma at x minus that at y = x + d, given both: orders 1 to 3, x and y positive.

    Where the values are close, d times a sum of positive terms instead of their difference.
    """
    n = int(order)
    at, i, near_x = _reciprocals(x)
    other, j, near_y = _reciprocals(y)
    low = x.lanes.constant(0.0)
    for one, two in zip(at, other, strict=True):
        low = low + _mixed_powers(one, two, n + 1)[n]
    low = near_x.choose(near_y.choose(low, 0.0), 0.0)
    powers = _mixed_powers(i, j, 2 * len(_BERNOULLI) + n)
    tail = x.lanes.constant(0.0)
    for k in range(len(_BERNOULLI), 0, -1):
        weight = _BERNOULLI[k - 1] * math.prod(range(2 * k + 1, 2 * k + n))
        tail = tail + weight * powers[2 * k + n - 1]
    factorial = float(math.factorial(n))
    smooth = factorial / n * powers[n - 1] + (0.5 * factorial * powers[n] + tail)
    close = ((-1.0) ** (n + 1) * d) * (factorial * low + smooth)
    direct = at_x - at_y
    apart = abs(direct) > 0.25 * abs(at_x).most(abs(at_y))
    return apart.choose(direct, close)


#: What lane code can call, by the names of the compiled field's source.
FUNCTIONS: dict[str, Callable[..., Lane]] = {
    "abs": abs,
    "digamma": digamma,
    "digamma_positive": digamma,
    "math.cosh": cosh,
    "math.exp": exp,
    "math.expm1": expm1,
    "math.log": log,
    "math.log1p": log1p,
    "math.sinh": sinh,
    "math.sqrt": sqrt,
    "math.tanh": tanh,
    "pentagamma": pentagamma,
    "polygamma_fall": polygamma_fall,
    "tetragamma": tetragamma,
    "trigamma": trigamma,
}

#: What returns several values, which are assigned to several names.
SWEEPS: dict[str, Callable[[Lane], tuple[Lane, ...]]] = {
    "polygamma_12": polygamma_12,
    "polygamma_123": polygamma_123,
}
