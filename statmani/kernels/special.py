"""Special functions for compiled kernels: polygammas, Bessel I, the error function's tails.

Plain Python in the subset that numba compiles; :mod:`statmani.kernels.cache` copies this file in
front of generated code. Arguments are not checked; outside a stated range the result is NaN.

Sources: Abramowitz and Stegun (1964), 6.3.5, 6.3.18, 6.4.6, 6.4.11 (recurrences and asymptotic
series of the polygammas), 9.6.10 and 9.7.1 (Bessel functions of the first kind, modified),
7.1.14 (continued fraction of erfc).
Relative errors stated below are measured against mpmath.
"""

import math

__all__ = [
    "besseli",
    "digamma",
    "digamma_positive",
    "inverse_mills",
    "log_erfc",
    "log_sum_exp",
    "pentagamma",
    "polygamma",
    "softplus",
    "tetragamma",
    "trigamma",
]

# Even Bernoulli numbers B_2, B_4, ... B_24.
_BERNOULLI = (
    1.0 / 6.0,
    -1.0 / 30.0,
    1.0 / 42.0,
    -1.0 / 30.0,
    5.0 / 66.0,
    -691.0 / 2730.0,
    7.0 / 6.0,
    -3617.0 / 510.0,
    43867.0 / 798.0,
    -174611.0 / 330.0,
    854513.0 / 138.0,
    -236364091.0 / 2730.0,
)
# The positive zero of digamma as an unevaluated sum of two doubles.
_ROOT_HIGH = 1.4616321449683622
_ROOT_LOW = 9.549995429965697e-17


def _digamma_near_root(x: float) -> float:
    # psi(x) - psi(root) as a product with x - root, so that no digit is lost at the zero.
    delta = (x - _ROOT_HIGH) - _ROOT_LOW
    a, b = x, _ROOT_HIGH
    total = 0.0
    for _ in range(10):
        total += 1.0 / (a * b)
        a += 1.0
        b += 1.0
    ra, rb = 1.0 / (a * a), 1.0 / (b * b)
    first = -(a + b) * ra * rb
    difference, power = first, rb
    series = 0.0
    for k in range(12):
        series -= _BERNOULLI[k] / (2.0 * (k + 1)) * difference
        difference = ra * difference + power * first
        power *= rb
    smooth = math.log1p(delta / b) + 0.5 * delta / (a * b)
    return delta * (total + series) + smooth


def digamma(x: float) -> float:
    """Logarithmic derivative of gamma; relative error 2e-15 on [1e-8, 1e8]."""
    if not x > 0.0:
        if x == math.floor(x) or x != x:
            return math.nan
        return digamma_positive(1.0 - x) - math.pi / math.tan(math.pi * x)
    return digamma_positive(x)


def digamma_positive(x: float) -> float:
    """Digamma of a positive number."""
    if abs(x - _ROOT_HIGH) < 0.5:
        return _digamma_near_root(x)
    low = 0.0
    while x < 10.0:
        low += 1.0 / x
        x += 1.0
    r = 1.0 / (x * x)
    tail = 0.0
    for k in range(11, -1, -1):
        tail = r * (tail + _BERNOULLI[k] / (2.0 * (k + 1)))
    return math.log(x) - 0.5 / x - tail - low


def trigamma(x: float) -> float:
    """First polygamma; relative error 1e-15 on [1e-8, 1e8]."""
    if not x > 0.0:
        return polygamma(1, x)
    low = 0.0
    while x < 10.0:
        low += 1.0 / (x * x)
        x += 1.0
    i = 1.0 / x
    r = i * i
    tail = 0.0
    for k in range(11, -1, -1):
        tail = r * (tail + _BERNOULLI[k])
    return i * (1.0 + 0.5 * i + tail) + low


def tetragamma(x: float) -> float:
    """Second polygamma; relative error 1e-15 on [1e-8, 1e8]."""
    if not x > 0.0:
        return polygamma(2, x)
    low = 0.0
    while x < 10.0:
        low += 2.0 / (x * x * x)
        x += 1.0
    i = 1.0 / x
    r = i * i
    tail = 0.0
    for k in range(11, -1, -1):
        tail = r * (tail + _BERNOULLI[k] * (2.0 * k + 3.0))
    return -(r * (1.0 + i + tail) + low)


def pentagamma(x: float) -> float:
    """Third polygamma; relative error 1e-15 on [1e-8, 1e8]."""
    if not x > 0.0:
        return polygamma(3, x)
    low = 0.0
    while x < 12.0:
        s = x * x
        low += 6.0 / (s * s)
        x += 1.0
    i = 1.0 / x
    r = i * i
    tail = 0.0
    for k in range(11, -1, -1):
        tail = r * (tail + _BERNOULLI[k] * (2.0 * k + 3.0) * (2.0 * k + 4.0))
    return i * r * (2.0 + 3.0 * i + tail) + low


def polygamma(n: int, x: float) -> float:
    """Polygamma of order n >= 0; relative error 1e-14 for n <= 30, x on [1e-8, 1e8].

    Beyond the range of doubles the result is infinite or zero. Negative arguments that are no
    integers are moved up by the recurrence, which costs their size in time.
    """
    if n < 0 or x != x or (x <= 0.0 and x == math.floor(x)) or x < -1e6:
        return math.nan
    if n == 0:
        return digamma(x)
    factorial = 1.0
    for k in range(2, n):
        factorial *= k
    low = 0.0
    threshold = 10.0 + n
    while x < threshold:
        low += x ** (-(n + 1))
        x += 1.0
    i = 1.0 / x
    r = i * i
    # term = (2k + n - 1)! / (2k)! / (n - 1)! * x^(-2k), summed from the largest one.
    series, term = 0.0, 1.0
    for k in range(12):
        term *= (2.0 * k + n) * (2.0 * k + n + 1.0) / ((2.0 * k + 1.0) * (2.0 * k + 2.0)) * r
        series += _BERNOULLI[k] * term
    total = x ** (-n) * (1.0 + 0.5 * n * i + series) + n * low
    value = factorial * total
    if n % 2 == 0:
        return -value
    return value


def besseli(order: float, x: float) -> float:
    """Modified Bessel function I of order >= 0 at 0 <= x <= 700; relative error 1e-14."""
    if order < 0.0 or x < 0.0 or x > 700.0:
        return math.nan
    if x > 30.0 + 0.5 * order * order:
        term, total = 1.0, 1.0
        for k in range(1, 60):
            step = -(4.0 * order * order - (2.0 * k - 1.0) ** 2) / (8.0 * k * x)
            if abs(step) >= 1.0:
                break
            term *= step
            total += term
            if abs(term) < 1e-17 * abs(total):
                break
        return math.exp(x) / math.sqrt(2.0 * math.pi * x) * total
    half = 0.5 * x
    quarter = half * half
    term, total, count = 1.0, 1.0, 1.0
    while term > 1e-17 * total:
        term *= quarter / (count * (count + order))
        total += term
        count += 1.0
    return math.pow(half, order) / math.gamma(order + 1.0) * total


def _scaled_erfc(u: float) -> float:
    # exp(u^2) erfc(u) for u >= 5, by its continued fraction from the tail.
    tail = u
    for k in range(24, 0, -1):
        tail = u + 0.5 * k / tail
    return 1.0 / (math.sqrt(math.pi) * tail)


def log_erfc(u: float) -> float:
    """Logarithm of erfc without underflow; absolute error 1e-15 times its size or 1."""
    if u < 5.0:
        return math.log(math.erfc(u))
    return math.log(_scaled_erfc(u)) - u * u


def inverse_mills(u: float) -> float:
    """exp(-u^2) / erfc(u) without underflow; relative error 2e-15."""
    if u >= 5.0:
        return 1.0 / _scaled_erfc(u)
    # u^2 in two parts, so that its rounding is not magnified.
    high = math.floor(u * 1048576.0 + 0.5) / 1048576.0
    return math.exp(-high * high) * math.exp(-(u - high) * (u + high)) / math.erfc(u)


def log_sum_exp(exponents: tuple[float, ...]) -> float:
    """Logarithm of a sum of exponentials."""
    largest = exponents[0]
    for e in exponents:
        largest = max(largest, e)
    if not largest > -math.inf:
        return largest
    total = 0.0
    for e in exponents:
        total += math.exp(e - largest)
    return largest + math.log(total)


def softplus(x: float) -> float:
    """log(1 + exp(x))."""
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))
