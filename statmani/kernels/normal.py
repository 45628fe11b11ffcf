"""Error functions, normal quantile and exponential integrals for compiled kernels.

Plain Python in the subset that numba compiles; :mod:`statmani.kernels.special` brings it along.
Arguments are not checked; outside a stated range the result is NaN.

Sources: Abramowitz and Stegun (1964), 5.1.10, 5.1.11, 5.1.22, 5.1.51, 7.1.5, 7.1.14, 7.1.23 (series
and continued fractions of Ei, E_n, erf and erfc); Wichura (1988), algorithm AS 241 (rational
approximations of the normal quantile). Relative errors stated below are measured against mpmath.
"""

import math

__all__ = [
    "ei",
    "erfcinv",
    "erfcx",
    "erfi",
    "erfinv",
    "exponential_integral",
    "inverse_mills",
    "log_erfc",
    "normal_quantile",
]

_DIGAMMA_ONE = -0.5772156649015329
# The zero of Ei as an unevaluated sum of two doubles.
_ROOT_HIGH = 0.3725074107813666
_ROOT_LOW = 1.3140183414386028e-17
# Numerators and denominators, highest power first.
_CENTRE = (
    2509.0809287301227,
    33430.57558358813,
    67265.7709270087,
    45921.95393154987,
    13731.69376550946,
    1971.5909503065513,
    133.14166789178438,
    3.3871328727963665,
)
_CENTRE_BELOW = (
    5226.495278852854,
    28729.085735721943,
    39307.89580009271,
    21213.794301586597,
    5394.196021424751,
    687.1870074920579,
    42.31333070160091,
    1.0,
)
_TAIL = (
    0.0007745450142783414,
    0.022723844989269184,
    0.2417807251774506,
    1.2704582524523684,
    3.6478483247632045,
    5.769497221460691,
    4.630337846156546,
    1.4234371107496835,
)
_TAIL_BELOW = (
    1.0507500716444169e-09,
    0.0005475938084995345,
    0.015198666563616457,
    0.14810397642748008,
    0.6897673349851,
    1.6763848301838038,
    2.053191626637759,
    1.0,
)
_FAR = (
    2.0103343992922881e-07,
    2.7115555687434876e-05,
    0.0012426609473880784,
    0.026532189526576124,
    0.29656057182850487,
    1.7848265399172913,
    5.463784911164114,
    6.657904643501103,
)
_FAR_BELOW = (
    2.0442631033899397e-15,
    1.421511758316446e-07,
    1.8463183175100548e-05,
    0.0007868691311456133,
    0.014875361290850615,
    0.1369298809227358,
    0.599832206555888,
    1.0,
)


def _far_erfcx(u: float) -> float:
    # exp(u^2) erfc(u) for u >= 5, by its continued fraction from the tail.
    tail = u
    for k in range(24, 0, -1):
        tail = u + 0.5 * k / tail
    return 1.0 / (math.sqrt(math.pi) * tail)


def _exp_square(u: float) -> float:
    # exp(-u^2) with u^2 in two parts, so that its rounding is not magnified.
    high = math.floor(u * 1048576.0 + 0.5) / 1048576.0
    return math.exp(-high * high) * math.exp(-(u - high) * (u + high))


def erfcx(u: float) -> float:
    """exp(u^2) erfc(u) for u >= -26; relative error 2e-15."""
    if u >= 5.0:
        return _far_erfcx(u)
    return math.erfc(u) / _exp_square(u)


def log_erfc(u: float) -> float:
    """Logarithm of erfc without underflow; relative error 2e-15 for |u| <= 1e150."""
    if u < 0.5:
        return math.log1p(-math.erf(u))
    if u < 5.0:
        return math.log(math.erfc(u))
    return math.log(_far_erfcx(u)) - u * u


def inverse_mills(u: float) -> float:
    """exp(-u^2) / erfc(u) without underflow; relative error 2e-15."""
    if u >= 5.0:
        return 1.0 / _far_erfcx(u)
    return _exp_square(u) / math.erfc(u)


def _quotient(above: tuple[float, ...], below: tuple[float, ...], r: float) -> float:
    top, bottom = 0.0, 0.0
    for k in range(8):
        top = top * r + above[k]
        bottom = bottom * r + below[k]
    return top / bottom


def _quantile(q: float, tail: float) -> float:
    # The normal quantile of 1/2 + q, with tail = 1/2 - |q|; both are given so that none cancels.
    if abs(q) <= 0.425:
        return q * _quotient(_CENTRE, _CENTRE_BELOW, 0.180625 - q * q)
    if not tail > 0.0:
        return math.copysign(math.inf, q) if tail == 0.0 else math.nan
    r = math.sqrt(-math.log(tail))
    if r <= 5.0:
        return math.copysign(_quotient(_TAIL, _TAIL_BELOW, r - 1.6), q)
    return math.copysign(_quotient(_FAR, _FAR_BELOW, r - 5.0), q)


def normal_quantile(p: float) -> float:
    """Inverse of the standard normal distribution function on [1e-300, 1]; relative error 2e-15."""
    return _quantile(p - 0.5, min(p, 1.0 - p))


def erfinv(x: float) -> float:
    """Inverse of erf on [-1, 1]; relative error 2e-15."""
    return _quantile(0.5 * x, 0.5 * (1.0 - abs(x))) * math.sqrt(0.5)


def erfcinv(x: float) -> float:
    """Inverse of erfc on [1e-300, 2]; relative error 2e-15."""
    return _quantile(0.5 * (1.0 - x), 0.5 * min(x, 2.0 - x)) * math.sqrt(0.5)


def exponential_integral(n: int, x: float) -> float:
    """E_n(x) for n >= 0 and 1e-300 <= x <= 700; relative error 5e-15 for n <= 50."""
    if n < 0 or not x > 0.0:
        return math.nan
    if n == 0:
        return math.exp(-x) / x
    if x > 1.0:
        # The even part of the continued fraction, from its tail.
        count = 20 + int(80.0 / x)
        tail = x + n + 2.0 * count
        for k in range(count, 0, -1):
            tail = x + n + 2.0 * (k - 1) - k * (n - 1.0 + k) / tail
        return math.exp(-x) / tail
    total = 1.0 / (n - 1.0) if n > 1 else _DIGAMMA_ONE - math.log(x)
    term = 1.0
    for k in range(1, 200):
        term *= -x / k
        if k != n - 1:
            step = -term / (k - n + 1.0)
        else:
            harmonic = _DIGAMMA_ONE
            for j in range(1, n):
                harmonic += 1.0 / j
            step = term * (harmonic - math.log(x))
        total += step
        if k >= n and abs(step) < 1e-18 * abs(total):
            break
    return total


def ei(x: float) -> float:
    """Ei(x) for 1e-300 <= |x| <= 700; relative error 5e-15, beside its zero at 0.3725 too."""
    if x < 0.0:
        return -exponential_integral(1, -x)
    if not x > 0.0:
        return math.nan
    if x > 40.0:
        term, total = 1.0, 1.0
        for k in range(1, 40):
            term *= k / x
            total += term
        return math.exp(x) / x * total
    total, power = 0.0, 1.0
    if abs(x - _ROOT_HIGH) < 0.2:
        # Differences of powers over d; all terms are positive.
        d = (x - _ROOT_HIGH) - _ROOT_LOW
        difference, root, factorial = 1.0, 1.0, 1.0
        for k in range(1, 30):
            factorial *= k
            total += difference / (k * factorial)
            root *= _ROOT_HIGH
            difference = x * difference + root
        return math.log1p(d / _ROOT_HIGH) + d * total
    for k in range(1, 160):
        power *= x / k
        total += power / k
        if power < 1e-18 * total:
            break
    return total + (math.log(x) - _DIGAMMA_ONE)


def erfi(x: float) -> float:
    """Imaginary error function for |x| <= 26; relative error 5e-15."""
    square = x * x
    if square > 42.0:
        term, total = 1.0, 1.0
        for k in range(1, 40):
            step = (k - 0.5) / square
            if step >= 1.0:
                break
            term *= step
            total += term
        return total / (_exp_square(x) * math.sqrt(math.pi) * x)
    term, total = 1.0, 1.0
    for k in range(1, 180):
        term *= square / k
        total += term / (2.0 * k + 1.0)
        if term < 1e-18 * total:
            break
    return 2.0 / math.sqrt(math.pi) * x * total
