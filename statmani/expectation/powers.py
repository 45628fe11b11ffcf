"""Exponentials and powers in high precision that cannot run away.

mpmath would spend hours on the digits of exp(-exp(huge)).
"""

from __future__ import annotations

from typing import Any

__all__ = ["bounded_exp", "bounded_power"]

_HUGE = 10**7


def bounded_exp(context: Any, x: Any) -> Any:
    if getattr(x, "imag", 0) == 0:
        if x < -_HUGE:
            return context.mpf(0)
        if x > _HUGE:
            return context.inf
    return context.exp(x)


def bounded_power(context: Any, base: Any, power: Any) -> Any:
    if getattr(base, "imag", 0) == 0 and base > 0 and base not in (1, context.inf):
        if context.isfinite(power) and abs(power) < 64 and power == int(power):
            return base ** int(power)
        return bounded_exp(context, power * context.log(base))
    if base == 0:
        return context.mpf(0) if power > 0 else context.inf
    if power == context.floor(power):
        return base ** int(power)
    return context.power(base, power)
