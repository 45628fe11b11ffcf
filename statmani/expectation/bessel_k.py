"""Modified Bessel functions of the second kind to many digits, where mpmath is slow.

K_nu(z) = int_0^oo exp(-z cosh t) cosh(nu t) dt (Watson 1944, section 6.22), by the trapezoidal
rule, whose error falls exponentially with the inverse of its step (Trefethen and Weideman 2014).
"""

from __future__ import annotations

import math
from typing import Any

__all__ = ["bessel_k"]

# Outside these, mpmath's own series are as fast.
_LEAST, _LARGEST = 0.05, 1500.0
_LARGEST_ORDER = 20.0
_HEIGHTS = [k / 50 for k in range(1, 79)]


def bessel_k(context: Any, order: Any, z: Any) -> Any:
    """K_order(z) in the precision of a context.

    Examples
    --------
    >>> import mpmath
    >>> from statmani.expectation.bessel_k import bessel_k
    >>> context = mpmath.MPContext()
    >>> context.dps = 30
    >>> print(bessel_k(context, 1, context.mpf(20)))
    5.88305796955703817765028217154e-10
    """
    if getattr(z, "imag", 0) or getattr(order, "imag", 0):
        return context.besselk(order, z)
    size, nu = float(z), abs(float(order))
    if not (_LEAST < size < _LARGEST and nu <= _LARGEST_ORDER):
        return context.besselk(order, z)
    goal = context.prec * math.log(2) + 10 + 4 * nu
    end = 0.0
    for _ in range(6):
        end = math.acosh(1 + (goal + nu * end) / size)
    # In the strip |Im t| < y the integrand grows by exp(z (1 - cos y)) at most.
    step = max(2 * math.pi * y / (goal + size * (1 - math.cos(y))) for y in _HEIGHTS)
    extra = int(math.log2(1 + size) + nu) + 10

    def total() -> Any:
        h = context.mpf(step)
        growth, wave = context.exp(h), context.exp(order * h)
        up = down = wide = narrow = context.mpf(1)
        result = context.exp(-z) / 2
        for _ in range(math.ceil(end / step)):
            up, down = up * growth, down / growth
            wide, narrow = wide * wave, narrow / wave
            result += context.exp(-z * (up + down) / 2) * (wide + narrow) / 2
        return result * h

    return +context.extraprec(extra)(total)()
