"""Elementary functions and polygammas of lanes, without branches.

Sources: Abramowitz and Stegun (1964), 4.1.27 (logarithm), 6.3.5, 6.3.18, 6.4.6 and 6.4.11
(digamma and polygammas). Errors stated below are measured against mpmath.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from statmani.kernels.lanes import Lane, sqrt

__all__ = ["FUNCTIONS", "SWEEPS"]

# What is left of polygammas of order n after (n-1)! / y**n + n! / (2 y**(n+1)), times y**(n+2) and
# the sign of the order (log(y) - 1 / (2 y) for order 0), as polynomials in 1/y**2 for y >= 6.
# Then cosh(r) - 1 over r**2 and sinh(r) / r - 1 over r**2 for |r| <= log(2) / 2, in r**2.
# Interpolation at Chebyshev nodes.
_TAILS = (
    (
        0.08333333333333331, -0.008333333333267643, 0.003968253917761117, -0.004166651793755492,
        0.007573585426537659, -0.020917538321394286, 0.07522146312686868, -0.23017353953520006,
    ),
    (
        0.16666666666666666, -0.03333333333326492, 0.023809523742633294, -0.03333330800916798,
        0.07575273108810651, -0.25258544118247056, 1.13197221174018, -5.692909397399754,
        20.456580622233204,
    ),
    (
        0.4999999999999998, -0.1666666666653681, 0.16666666539496505, -0.29999951754384896,
        0.8332407702897688, -3.280343331646199, 16.829876678127537, -93.22598683703983,
        354.5616918039511,
    ),
    (
        1.9999999999999998, -0.9999999999978778, 1.3333333307578077, -2.999998780420837,
        9.999704188955894, -46.02490188250552, 276.33012614274924, -1962.521583862127,
        13193.41447989637, -53942.783426945745,
    ),
)  # fmt: skip
_EVEN = (
    0.5000000000000001, 0.04166666666662413, 0.0013888888917213717, 2.4801521295954376e-05,
    2.7620088445409746e-07,
)  # fmt: skip
_ODD = (
    0.16666666666666669, 0.008333333333330062, 0.00019841269863053618, 2.7557268459997064e-06,
    2.510038549551032e-08,
)  # fmt: skip
_LN2_HIGH, _LN2_LOW = 0.693147180369123816490, 1.90821492927058770002e-10
# Adding it rounds a double to an integer; the low bits are then the exponent of its power of 2.
_ROUNDER = 6755399441055744.0 + 1023
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
    """Exponential function, to 1 unit in the last place; 0 below -709, infinite above 709.5."""
    if x.number is not None and abs(x.number) < _LARGEST:
        return x.lanes.constant(math.exp(x.number))
    return x.lanes.once(_exp, x)


def _exp(x: Lane) -> Lane:
    small, scale = _exp_parts(x)
    return (small + 1.0) * scale


def _exp_parts(x: Lane) -> tuple[Lane, Lane]:
    # exp(r) - 1 and 2**k for x = k log(2) + r, |r| <= log(2) / 2, where k = -1023 makes 0 and
    # k = 1024 infinity; what is not a number passes through. Those of -x come from the same.
    opposite = x.lanes.opposite(x)
    if opposite is None or not x.lanes.has_shared(_reduced, opposite):
        odd, even, shifted = x.lanes.shared(_reduced, x)
        return even + odd, x.lanes.power_of_two(shifted)
    odd, even, shifted = x.lanes.shared(_reduced, opposite)
    turned = (2.0 * _ROUNDER - shifted).most(_ROUNDER - 1023.0)
    return even - odd, (opposite < -709.0).choose(math.inf, x.lanes.power_of_two(turned))


def _reduced(x: Lane) -> tuple[Lane, Lane, Lane]:
    """sinh(r), cosh(r) - 1, and a double with the bits of k."""
    inside = x.lanes.constant(709.5).least(x.lanes.constant(-709.0).most(x))
    shifted = inside * (1 / math.log(2)) + _ROUNDER
    whole = shifted - _ROUNDER
    rest = (inside - whole * _LN2_HIGH) - whole * _LN2_LOW
    square = rest * rest
    odd = rest + (rest * square) * _polynomial(_ODD, square)
    return odd, square * _polynomial(_EVEN, square), shifted


def expm1(x: Lane) -> Lane:
    """exp(x) - 1, to 2 units in the last place; infinite above 709."""
    if x.number is not None and abs(x.number) < _LARGEST:
        return x.lanes.constant(math.expm1(x.number))
    small, scale = _exp_parts(x)
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


def _shifted(x: Lane) -> tuple[list[Lane], Lane, Lane, Lane]:
    # Reciprocals of (x + k)(x + 5 - k) = x (x + 5) + k (5 - k), k < 3, and of y = x + 6 share one
    # division; where x is large nothing is shifted, since the products would overflow.
    near = x < _FAR
    bounded = near.choose(x, 1.0)
    y = near.choose(x + 6.0, x)
    u = bounded * (bounded + 5.0)
    v, w = u + 4.0, u + 6.0
    first, second = u * v, w * y
    inverse = 1.0 / (first * second)
    left, right = inverse * second, inverse * first
    return [left * v, left * u, right * y], right * w, 2.0 * bounded + 5.0, near


def digamma(x: Lane) -> Lane:
    """Digamma of positive numbers; absolute error 1e-15 where it is small, else relative."""
    inverses, i, s, near = _shifted(x)
    low = near.choose(s * (inverses[0] + inverses[1] + inverses[2]), 0.0)
    r = i * i
    smooth = log(near.choose(x + 6.0, x)) - 0.5 * i
    return smooth - r * _polynomial(_TAILS[0], r) - low


def trigamma(x: Lane) -> Lane:
    """First polygamma of positive numbers; relative error 1e-15."""
    inverses, i, s, near = _shifted(x)
    # 1/a**2 + 1/b**2 = ((a + b)**2 - 2 a b) / (a b)**2
    total = x.lanes.constant(0.0)
    for inverse in inverses:
        scaled = s * inverse
        total = total + (scaled * scaled - 2.0 * inverse)
    r = i * i
    smooth = 1.0 + (0.5 * i + r * _polynomial(_TAILS[1], r))
    return i * smooth + near.choose(total, 0.0)


def tetragamma(x: Lane) -> Lane:
    """Second polygamma of positive numbers; relative error 1e-15."""
    inverses, i, s, near = _shifted(x)
    total = x.lanes.constant(0.0)
    for inverse in inverses:
        scaled = s * inverse
        total = total + scaled * (scaled * scaled - 3.0 * inverse)
    r = i * i
    smooth = 1.0 + (i + r * _polynomial(_TAILS[2], r))
    return -(r * smooth + 2.0 * near.choose(total, 0.0))


def pentagamma(x: Lane) -> Lane:
    """Third polygamma of positive numbers; relative error 1e-15."""
    inverses, i, s, near = _shifted(x)
    total = x.lanes.constant(0.0)
    for inverse in inverses:
        square = s * inverse
        square = square * square
        total = total + (square * (square - 4.0 * inverse) + 2.0 * (inverse * inverse))
    r = i * i
    smooth = 2.0 + (3.0 * i + r * _polynomial(_TAILS[3], r))
    return i * (r * smooth) + 6.0 * near.choose(total, 0.0)


def polygamma_12(x: Lane) -> tuple[Lane, ...]:
    """Polygammas of orders 1 and 2, which share their divisions."""
    return trigamma(x), tetragamma(x)


def polygamma_123(x: Lane) -> tuple[Lane, ...]:
    """Polygammas of orders 1 to 3."""
    return trigamma(x), tetragamma(x), pentagamma(x)


def _reciprocals(x: Lane) -> tuple[list[Lane], Lane, Lane]:
    # 1/(x + k) for k < 6 and 1/y, from the division that the polygammas make too.
    inverses, i, _, near = _shifted(x)
    pairs = [((x + float(5 - k)) * w, (x + float(k)) * w) for k, w in enumerate(inverses)]
    return [value for pair in pairs for value in pair], i, near


def _power_falls(i: Lane, j: Lane, most: int) -> list[Lane]:
    # (i**m - j**m) / (i - j) for m = 1, ..., most: sums of positive terms.
    found, power = [i.lanes.constant(1.0)], j
    while len(found) < most:
        found.append(i * found[-1] + power)
        power = power * j
    return found


def _close_fall(n: int, x: Lane, y: Lane, d: Lane) -> Lane:
    # d times a sum of positive terms and small ones.
    at, i, near = _reciprocals(x)
    other, j, _ = _reciprocals(y)
    low = x.lanes.constant(0.0)
    for one, two in zip(at, other, strict=True):
        low = low + (one * two) * _power_falls(one, two, n + 1)[n]
    p, q = i * i, j * j
    at_q = slope = x.lanes.constant(0.0)
    for weight in reversed(_TAILS[n]):
        slope = slope * p + at_q
        at_q = at_q * q + weight
    falls = _power_falls(i, j, n + 2)
    smooth = math.factorial(n - 1) * falls[n - 1] + (
        0.5 * math.factorial(n) * falls[n] + (i ** (n + 2) * (i + j) * slope + at_q * falls[n + 1])
    )
    low = near.choose(math.factorial(n) * low, 0.0)
    return ((-1.0) ** (n + 1) * d) * (low + (i * j) * smooth)


def polygamma_fall(order: float, x: Lane, y: Lane, d: Lane, at_x: Lane, at_y: Lane) -> Lane:
    """Polygamma at x minus that at y = x + d, given both: orders 1 to 3, x and y positive.

    Where the values are close, d times a sum of positive terms instead of their difference.
    """
    direct = at_x - at_y
    apart = abs(direct) > 0.25 * abs(at_x).most(abs(at_y))
    return x.lanes.unless(apart, direct, lambda: _close_fall(int(order), x, y, d))


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
