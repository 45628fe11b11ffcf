"""Exponentials and powers in high precision that cannot run away.

mpmath would spend hours on the digits of exp(-exp(huge)).
"""

from __future__ import annotations

from typing import Any

__all__ = ["bounded_exp", "bounded_power"]

_HUGE = 10**7


def bounded_exp(context: Any, x: Any) -> Any:
    if getattr(x, "imag", 0) == 0:
        x = x.real
        if x < -_HUGE:
            return context.mpf(0)
        if x > _HUGE:
            return context.inf
    return context.exp(x)


def bounded_power(context: Any, base: Any, power: Any) -> Any:
    # Complex numbers on the real axis have no order until they are made real.
    real_base, real_power = (getattr(v, "imag", 0) == 0 for v in (base, power))
    base = base.real if real_base else base
    power = power.real if real_power else power
    if real_base and base > 0 and base != 1 and base != context.inf:
        if real_power and abs(power) < 64 and power == int(power):
            return base ** int(power)
        return bounded_exp(context, power * context.log(base))
    if base == 0:
        return context.mpf(0) if power.real > 0 else context.inf
    if real_power and power == context.floor(power):
        return base ** int(power)
    return context.power(base, power)
