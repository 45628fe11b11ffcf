"""What code that sympy prints for unevaluated expectations calls.

`sympy.lambdify` writes text, in which an integrand is a name; the integrands that were printed
are kept by name for as long as the process lives.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from statmani.errors import InvalidArgument
from statmani.expectation.evaluate import new_context

__all__ = ["array_expectation", "mpmath_expectation", "publish"]

_PRINTED: dict[str, Any] = {}


def publish(integrand: Any) -> str:
    """The name of an integrand in printed code."""
    name: str = integrand.digest
    _PRINTED[name] = integrand
    return name


def _value(name: str, values: tuple[Any, ...], digits: int) -> Any:
    from statmani.expectation.precise_sweep import expectation_value

    integrand = _PRINTED.get(name)
    if integrand is None:
        raise InvalidArgument(
            "expectation: printed code was run in another process than it was printed in. Print "
            "it again there, or use statmani.evaluate."
        )
    context = new_context(digits)
    own = tuple(context.convert(v) for v in values)
    return expectation_value(integrand.law, integrand.function, integrand.monomial, own, context)


def mpmath_expectation(name: str, *values: Any) -> Any:
    """Value in the precision that mpmath has now."""
    from mpmath import mp

    found = _value(name, tuple(mp.convert(v) for v in values), mp.dps)
    return mp.make_mpf(found._mpf_)


def array_expectation(name: str, *values: Any) -> float | NDArray[np.float64]:
    """Values in double precision at one point, or at arrays of points, which broadcast."""
    rows = np.broadcast_arrays(*(np.asarray(v, dtype=float) for v in (*values, 0.0)))
    points = zip(*(r.ravel() for r in rows[:-1]), strict=True) if values else [()]
    found = np.array([float(_value(name, tuple(map(float, p)), 15)) for p in points])
    return found.reshape(rows[0].shape) if rows[0].ndim else float(found[0])
