"""Logarithms of the gamma function for compiled kernels.

Plain Python in the subset that numba compiles. Arguments are not checked; outside a stated range
the result is NaN. Sources: Abramowitz and Stegun (1964), 6.1.33 (series at 1 and 2), 6.1.41
(asymptotic series). Relative errors stated below are measured against mpmath.
"""

import math

__all__ = ["log_gamma_ratio", "loggamma"]

_ONE_LESS_EULER = 0.42278433509846713
# (-1)^k (zeta(k) - 1)/k from k = 2 on.
_NEAR_TWO = (
    0.3224670334241132,
    -0.0673523010531981,
    0.020580808427784546,
    -0.007385551028673986,
    0.0028905103307415234,
    -0.001192753911703261,
    0.0005096695247430425,
    -0.00022315475845357939,
    9.945751278180853e-05,
    -4.492623673813314e-05,
    2.050721277567069e-05,
    -9.439488275268397e-06,
    4.374866789907488e-06,
    -2.039215753801366e-06,
    9.55141213040742e-07,
    -4.492469198764566e-07,
    2.1207184805554665e-07,
    -1.0043224823968099e-07,
    4.7698101693639804e-08,
    -2.2711094608943164e-08,
    1.0838659214896955e-08,
    -5.183475041970047e-09,
    2.4836745438024785e-09,
    -1.1921401405860912e-09,
    5.731367241678862e-10,
    -2.7595228851242334e-10,
    1.330476437424449e-10,
    -6.4229645638381e-11,
)
# B_2k/(2k (2k - 1)).
_STIRLING = (
    1.0 / 12.0,
    -1.0 / 360.0,
    1.0 / 1260.0,
    -1.0 / 1680.0,
    1.0 / 1188.0,
    -691.0 / 360360.0,
    1.0 / 156.0,
    -3617.0 / 122400.0,
)


def _near_two(d: float) -> float:
    # log Gamma(2 + d), |d| <= 1/2.
    total = 0.0
    for k in range(27, -1, -1):
        total = d * (_NEAR_TWO[k] + total)
    return d * (_ONE_LESS_EULER + total)


def loggamma(x: float) -> float:
    """Logarithm of gamma; relative error 2e-15 on [1e-300, 1e300], zeros at 1 and 2 included."""
    if not x > 0.0:
        return math.nan
    if x < 0.5:
        return (_near_two(x) - math.log1p(x)) - math.log(x)
    if x < 1.5:
        return _near_two(x - 1.0) - math.log1p(x - 1.0)
    if x < 10.0:
        product = 1.0
        while x >= 2.5:
            x -= 1.0
            product *= x
        return math.log(product) + _near_two(x - 2.0)
    if x > 1e17:
        return x * (math.log(x) - 1.0)
    r = 1.0 / (x * x)
    tail = 0.0
    for k in range(7, -1, -1):
        tail = _STIRLING[k] + r * tail
    return (x - 0.5) * (math.log(x) - 1.0) + (0.4189385332046727 + tail / x)


def log_gamma_ratio(x: float, d: float) -> float:
    """log Gamma(x + d) - log Gamma(x) without cancellation for large x; absolute error 1e-13."""
    up = x + d
    if min(x, up) < 60.0:
        return math.lgamma(up) - math.lgamma(x)
    r, q = 1.0 / (x * x), 1.0 / (up * up)
    low = (1.0 / 12.0 - r * (1.0 / 360.0 - r * (1.0 / 1260.0 - r / 1680.0))) / x
    high = (1.0 / 12.0 - q * (1.0 / 360.0 - q * (1.0 / 1260.0 - q / 1680.0))) / up
    return (x - 0.5) * math.log1p(d / x) + d * math.log(up) - d + high - low
