"""Lambert's W for compiled kernels.

Plain Python in the subset that numba compiles. Sources: Corless et al. (1996), On the Lambert W
function, 4.22 (series at the branch point) and 5.9 (Halley's method). Relative errors stated below
are measured against mpmath.
"""

import math

__all__ = ["lambert_w"]

# 1/e as an unevaluated sum of two doubles.
_HIGH = 0.36787944117144233
_LOW = -1.2428753672788363e-17


def lambert_w(x: float) -> float:
    """The w >= -1 with w exp(w) = x, for x >= -1/e; relative error 1e-14 to 1e300."""
    above = (x + _HIGH) + _LOW
    if not above >= 0.0:
        return -1.0 if above > -1e-16 else math.nan
    if above < 3e-4:
        p = math.sqrt(2.0 * math.e * above)
        # -1 + p - p^2/3 + 11 p^3/72 - ...
        tail = 226287557.0 / 37623398400.0 * p
        tail = p * (680863.0 / 43545600.0 - p * (1963.0 / 204120.0 - tail))
        tail = p * (769.0 / 17280.0 - p * (221.0 / 8505.0 - tail))
        tail = p * (11.0 / 72.0 - p * (43.0 / 540.0 - tail))
        return -1.0 + p * (1.0 - p * (1.0 / 3.0 - tail))
    if x < 1.0:
        w = x / (1.0 + x) if x > 0.0 else max(x * (1.0 - x), -0.9)
    else:
        w = math.log1p(x)
        w *= 1.0 - math.log1p(w) / (2.0 + w)
    for _ in range(12):
        # The residual over exp(w), without overflow.
        rest = w - x * math.exp(-w)
        step = rest / (w + 1.0 - 0.5 * (w + 2.0) * rest / (w + 1.0))
        w -= step
        if abs(step) <= 1e-9 * abs(w):
            break
    return w
