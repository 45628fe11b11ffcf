"""Special functions for compiled kernels: what generated code may call.

Plain Python in the subset that numba compiles. :mod:`statmani.kernels.cache` copies what is written
here in front of generated code; what is imported here is compiled apart and only called, see
:mod:`statmani.kernels.library`. Arguments are not checked; outside a stated range the result is
NaN.
"""

import math

from statmani.kernels.bessel import (
    bessel_ratio,
    bessel_ratio_derivative,
    bessel_ratio_jet,
    bessel_ratio_rest,
    besseli,
    besseli_scaled,
    besselk,
    besselk_ratio,
    besselk_scaled,
)
from statmani.kernels.lambert import lambert_w
from statmani.kernels.loggammas import log_gamma_ratio, loggamma
from statmani.kernels.normal import (
    ei,
    erfcinv,
    erfcx,
    erfi,
    erfinv,
    exponential_integral,
    inverse_mills,
    log_erfc,
    normal_quantile,
)
from statmani.kernels.polygammas import (
    beta,
    digamma,
    digamma_positive,
    pentagamma,
    polygamma,
    polygamma_12,
    polygamma_123,
    polygamma_fall,
    tetragamma,
    trigamma,
)
from statmani.kernels.zetas import zeta_derivative

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
    "beta",
    "digamma",
    "digamma_positive",
    "ei",
    "erfcinv",
    "erfcx",
    "erfi",
    "erfinv",
    "exponential_integral",
    "inverse_mills",
    "lambert_w",
    "log_erfc",
    "log_gamma_ratio",
    "log_sum_exp",
    "loggamma",
    "normal_quantile",
    "pentagamma",
    "polygamma",
    "polygamma_12",
    "polygamma_123",
    "polygamma_fall",
    "softplus",
    "tetragamma",
    "trigamma",
    "zeta_derivative",
]


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
