"""Derivatives of Hurwitz's zeta function for compiled kernels.

Plain Python in the subset that numba compiles. Arguments are not checked; outside a stated range
the result is NaN. Source: Abramowitz and Stegun (1964), 23.1.30 (Euler-Maclaurin). Relative errors
stated below are measured against mpmath.
"""

import math

__all__ = ["zeta_derivative"]

# Even Bernoulli numbers over factorials, B_2j/(2j)!.
_STEPS = (
    0.08333333333333333,
    -0.001388888888888889,
    3.306878306878307e-05,
    -8.267195767195768e-07,
    2.08767569878681e-08,
    -5.284190138687493e-10,
    1.3382536530684679e-11,
    -3.3896802963225827e-13,
    8.586062056277845e-15,
    -2.174868698558062e-16,
    5.5090028283602295e-18,
    -1.3954464685812522e-19,
)


def zeta_derivative(n: int, s: float, a: float) -> float:
    """n-th derivative by s of Hurwitz's zeta(s, a), a > 0, n <= 8; NaN unless s > 1.

    Relative error 1e-14 for s <= 60 and a in [1e-3, 1e3], apart from zeros at a < 1. Terms up to
    a place x, then Euler-Maclaurin, where every factor is a Taylor polynomial in s.
    """
    if n < 0 or n > 8 or not s > 1.0 or not a > 0.0:
        return math.nan
    head, x = 0.0, a
    for _ in range(24):
        term = math.pow(x, -s)
        if n > 0:
            term *= (-math.log(x)) ** n
        head += term
        x += 1.0
    slope = -math.log(x)
    # Taylor coefficients of x^(1 - s)/(s - 1) + x^-s/2 + sum of B_2j/(2j)! (s)_(2j-1) x^(1-s-2j),
    # all over x^-s.
    total = [0.0] * 9
    pole = 1.0 / (s - 1.0)
    value = x * pole
    for k in range(n + 1):
        total[k] = value
        value *= -pole
    total[0] += 0.5
    rising = [0.0] * 9
    rising[0] = 1.0 / x
    shift = s
    for j in range(12):
        steps = 1 if j == 0 else 2
        for _ in range(steps):
            for k in range(n, 0, -1):
                rising[k] = rising[k] * shift + rising[k - 1]
            rising[0] *= shift
            shift += 1.0
        for k in range(n + 1):
            total[k] += _STEPS[j] * rising[k]
            rising[k] /= x * x
    # Times the Taylor coefficients of x^-(s + e).
    tail, power = 0.0, 1.0
    for k in range(n + 1):
        tail += power * total[n - k]
        power *= slope / (k + 1.0)
    for k in range(2, n + 1):
        tail *= k
    return head + math.pow(x, -s) * tail
