"""Gamma functions for compiled kernels: polygammas, their differences, beta.

Plain Python in the subset that numba compiles; :mod:`statmani.kernels.special` brings it along.
Arguments are not checked; outside a stated range the result is NaN.

Sources: Abramowitz and Stegun (1964), 6.1.41, 6.3.5, 6.3.18, 6.4.6, 6.4.11 (recurrences and
asymptotic series). Relative errors stated below are measured against mpmath.
"""

import math

__all__ = [
    "beta",
    "digamma",
    "digamma_positive",
    "pentagamma",
    "polygamma",
    "polygamma_12",
    "polygamma_123",
    "polygamma_fall",
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


def digamma(x: float) -> float:
    """Logarithmic derivative of gamma; relative error 2e-15 on [1e-8, 1e8].

    At negative arguments to -1e6 the error is 1e-14 of the sum of sizes of both terms of the
    reflection formula, which is no relative error near the zeros there.
    """
    if not x > 0.0:
        if x == math.floor(x) or x != x:
            return math.nan
        # The tangent has period 1, and this difference is exact.
        part = x - math.floor(x + 0.5)
        return digamma_positive(1.0 - x) - math.pi / math.tan(math.pi * part)
    return digamma_positive(x)


def digamma_positive(x: float) -> float:
    """Digamma of a positive number."""
    if abs(x - _ROOT_HIGH) < 0.5:
        delta = (x - _ROOT_HIGH) - _ROOT_LOW
        return _digamma_rise(_ROOT_HIGH, x, delta)
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
    return i * (1.0 + 0.5 * i + _tail_1(r)) + low


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
    return -(r * (1.0 + i + _tail_2(r)) + low)


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
    return i * r * (2.0 + 3.0 * i + _tail_3(r)) + low


def _tail_1(r: float) -> float:
    # Even and odd powers apart, which halves the chain of dependent operations.
    q = r * r
    even = 0.16666666666666666 + q * (
        0.023809523809523808
        + q * (0.07575757575757576 + q * (1.1666666666666667 + q * (54.971177944862156)))
    )
    odd = -0.03333333333333333 + q * (
        -0.03333333333333333
        + q * (-0.2531135531135531 + q * (-7.092156862745098 + q * (-529.1242424242424)))
    )
    return r * (even + r * odd)


def _tail_2(r: float) -> float:
    # Even and odd powers apart, which halves the chain of dependent operations.
    q = r * r
    even = 0.5 + q * (
        0.16666666666666666
        + q * (0.8333333333333334 + q * (17.5 + q * (1044.452380952381 + q * (142418.83333333334))))
    )
    odd = -0.16666666666666666 + q * (
        -0.3 + q * (-3.2904761904761903 + q * (-120.56666666666666 + q * (-11111.60909090909)))
    )
    return r * (even + r * odd)


def _tail_3(r: float) -> float:
    # Even and odd powers apart, which halves the chain of dependent operations.
    q = r * r
    even = 2.0 + q * (
        1.3333333333333333 + q * (10.0 + q * (280.0 + q * (20889.04761904762 + q * (3418052.0))))
    )
    odd = -1.0 + q * (
        -3.0 + q * (-46.06666666666667 + q * (-2170.2 + q * (-244455.4 + q * (-56277164.52380952))))
    )
    return r * (even + r * odd)


def polygamma_12(x: float) -> tuple[float, float]:
    """Trigamma and tetragamma in one sweep; relative error 1e-15 on [1e-8, 1e8]."""
    if not x > 0.0:
        return polygamma(1, x), polygamma(2, x)
    low1, low2 = 0.0, 0.0
    while x < 10.0:
        i = 1.0 / x
        r = i * i
        low1 += r
        low2 += r * i
        x += 1.0
    i = 1.0 / x
    r = i * i
    return i * (1.0 + 0.5 * i + _tail_1(r)) + low1, -(r * (1.0 + i + _tail_2(r)) + 2.0 * low2)


def polygamma_123(x: float) -> tuple[float, float, float]:
    """Trigamma, tetragamma and pentagamma in one sweep; relative error 1e-15 on [1e-8, 1e8]."""
    if not x > 0.0:
        return polygamma(1, x), polygamma(2, x), polygamma(3, x)
    low1, low2, low3 = 0.0, 0.0, 0.0
    while x < 11.0:
        i = 1.0 / x
        r = i * i
        low1 += r
        low2 += r * i
        low3 += r * r
        x += 1.0
    i = 1.0 / x
    r = i * i
    return (
        i * (1.0 + 0.5 * i + _tail_1(r)) + low1,
        -(r * (1.0 + i + _tail_2(r)) + 2.0 * low2),
        i * r * (2.0 + 3.0 * i + _tail_3(r)) + 6.0 * low3,
    )


def polygamma(n: int, x: float) -> float:
    """Polygamma of order n >= 0; relative error 1e-14 for n <= 100, x on [1e-8, 1e8].

    Beyond the range of doubles the result is infinite or zero. Negative arguments that are no
    integers are moved up by the recurrence, which costs their size in time.
    """
    if n < 0 or x != x or (x <= 0.0 and x == math.floor(x)) or x < -1e6:
        return math.nan
    if n == 0:
        return digamma(x)
    # n!/x^(n + 1) as a product, so that neither part is out of range alone.
    first = 1.0 / x
    for k in range(1, n + 1):
        first *= k / x
    start, low = x, 0.0
    threshold = 10.0 + n
    while x < threshold:
        low += (start / x) ** (n + 1)
        x += 1.0
    i = 1.0 / x
    r = i * i
    # term = (2k + n - 1)! / (2k)! / (n - 1)! * x^(-2k), summed from the largest one.
    series, term = 0.0, 1.0
    for k in range(12):
        term *= (2.0 * k + n) * (2.0 * k + n + 1.0) / ((2.0 * k + 1.0) * (2.0 * k + 2.0)) * r
        series += _BERNOULLI[k] * term
    tail = (start / x) ** (n + 1) * x / n * (1.0 + 0.5 * n * i + series)
    value = first * (low + tail)
    if n % 2 == 0:
        return -value
    return value


def _digamma_rise(x: float, y: float, d: float) -> float:
    # psi(y) - psi(x) for y = x + d, as a multiple of d.
    total = 0.0
    while x < 10.0 or y < 10.0:
        total += 1.0 / (x * y)
        x += 1.0
        y += 1.0
    i, j = 1.0 / x, 1.0 / y
    first = i * j
    # Differences of powers of 1/x and 1/y over d; all terms are positive.
    difference, power, series = first, j, 0.5 * first
    for k in range(12):
        difference = i * difference + power * first
        power *= j
        series += _BERNOULLI[k] / (2.0 * k + 2.0) * difference
        difference = i * difference + power * first
        power *= j
    return d * (total + series) + math.log1p(d * i)


def polygamma_fall(n: int, x: float, y: float, d: float, at_x: float, at_y: float) -> float:
    """Polygamma of order n <= 30 at x minus that at y = x + d, given both; x, y > 0.

    Relative error 4e-15 on [1e-8, 1e8] whatever the size of d beside x: where the values are close,
    d times a sum of positive terms is used instead of their difference.
    """
    direct = at_x - at_y
    apart = abs(direct) > 0.25 * max(abs(at_x), abs(at_y))
    if n == 0:
        # Beside its zero digamma is small, and so is the difference.
        apart = apart and abs(d) > 0.5 * min(x, y)
    if apart or not (x > 0.0 and y > 0.0):
        return direct
    if n == 0:
        return -_digamma_rise(x, y, d)
    total = 0.0
    threshold = 10.0 + n
    while x < threshold or y < threshold:
        i, j = 1.0 / x, 1.0 / y
        difference, power = i * j, j
        for _ in range(n):
            difference = i * difference + power * i * j
            power *= j
        total += difference
        x += 1.0
        y += 1.0
    i, j = 1.0 / x, 1.0 / y
    first = i * j
    difference, power, factorial = first, j, 1.0
    for k in range(2, n + 1):
        factorial *= k
        difference = i * difference + power * first
        power *= j
    # Over n! and d: differences of x^-n/n, x^-(n+1)/2, and B_2k (2k+n-1)!/((2k)! n!) x^(-2k-n).
    scale = 1.0 / n
    series = scale * difference
    difference = i * difference + power * first
    power *= j
    series += 0.5 * difference
    for k in range(12):
        if k > 0:
            difference = i * difference + power * first
            power *= j
        scale *= (2.0 * k + n) * (2.0 * k + n + 1.0) / ((2.0 * k + 1.0) * (2.0 * k + 2.0))
        difference = i * difference + power * first
        power *= j
        series += _BERNOULLI[k] * scale * difference
    value = d * factorial * (total + series)
    if n % 2 == 0:
        return -value
    return value


def _log_gamma_rest(x: float) -> float:
    # log Gamma(x) - (x - 1/2) log x + x - log(2 pi)/2 at x >= 10.
    r = 1.0 / (x * x)
    tail = 0.0
    for k in range(7, -1, -1):
        tail = _BERNOULLI[k] / ((2.0 * k + 1.0) * (2.0 * k + 2.0)) + r * tail
    return tail / x


def _share_power(a: float, total: float, rest: float) -> float:
    # (a/(total + rest))^a; the rounding of the quotient, which the power magnifies, is put back.
    q = a / total
    cut = 134217729.0 * q
    high = cut - (cut - q)
    low = q - high
    cut = 134217729.0 * total
    top = cut - (cut - total)
    bottom = total - top
    product = q * total
    lost = ((high * top - product) + high * bottom + low * top) + low * bottom
    remainder = (a - product) - lost
    return math.pow(q, a) * math.exp(remainder - a * rest / total)


def beta(a: float, b: float) -> float:
    """Beta function; relative error 1e-14 on [1e-8, 1e8]^2, zero below the range of doubles."""
    if not (a > 0.0 and b > 0.0):
        return math.gamma(a) * math.gamma(b) / math.gamma(a + b)
    if a > b:
        a, b = b, a
    total = a + b
    if b < 10.0:
        if a < 1e-150:
            return 1.0 / a
        return math.gamma(a) * (math.gamma(b) / math.gamma(total))
    rest = a - (total - b)
    rests = _log_gamma_rest(b) - _log_gamma_rest(total)
    large = _share_power(b, total, rest) * math.sqrt(total / b)
    if a < 10.0:
        power = math.pow(total, -a) * math.exp(-a * rest / total)
        return math.gamma(a) * power * large * math.exp(a + rests)
    small = _share_power(a, total, rest) * math.sqrt(2.0 * math.pi / a)
    return small * large * math.exp(_log_gamma_rest(a) + rests)
