"""The points at which implementations are compared."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sympy import Expr, Float

from statmani.domain import Domain
from statmani.geometry.manifold import as_manifold

__all__ = ["default_points"]

Floats = NDArray[np.float64]
_EXTREME = (1e-6, 1e-3, 1e3, 1e6)


def default_points(manifold: Any) -> Floats:
    """The points at which the checks compare: moderate ones, and extreme ones for each coordinate.

    Parameters
    ----------
    manifold : StatisticalManifold or Family

    Returns
    -------
    ndarray, shape (m, n)
        Six points of moderate size; then for each coordinate points at 1e-6, 1e-3, 1e3 and 1e6
        beyond the end of a half-line, at both signs of 1e3 and 1e6 on a line, and at a millionth
        and a thousandth of an interval from its ends, with the others at moderate values.

    Examples
    --------
    >>> import statmani as sm
    >>> from statmani.testing import default_points
    >>> default_points(sm.families.poisson())[-4:].tolist()
    [[1e-06], [0.001], [1000.0], [1000000.0]]
    """
    domain = as_manifold(manifold).domain
    moderate = [tuple(float(v) for v in p) for p in domain.interior_points(6)]
    found = list(moderate)
    for i in range(domain.dim):
        for level in range(4):
            point = _moved(domain, moderate[0], i, level)
            if bool(domain.contains(point)):
                found.append(point)
    return np.array(list(dict.fromkeys(found)))


def _moved(domain: Domain, base: Sequence[float], index: int, level: int) -> tuple[float, ...]:
    """A point with one coordinate near an end of its range; later ones keep their share of it."""
    values: dict[Any, float] = {}
    old: dict[Any, Expr] = dict(zip(domain.symbols, map(Float, base), strict=True))
    for k, axis in enumerate(domain.axes):
        table = {s: Float(v) for s, v in values.items()}
        (lower, upper), (was_lower, was_upper) = (
            (float(axis.lower.xreplace(t)), float(axis.upper.xreplace(t))) for t in (table, old)
        )
        size, step = _EXTREME[level], base[k]
        if not isfinite(lower) and not isfinite(upper):
            if k == index and not axis.periodic:
                step = (-1) ** level * (1e6 if level < 2 else 1e3)
        elif isfinite(lower) and isfinite(upper):
            share = (base[k] - was_lower) / (was_upper - was_lower)
            if k == index:
                share = (1e-6, 1e-3, 1 - 1e-3, 1 - 1e-6)[level]
            step = lower + (upper - lower) * share
        elif isfinite(lower):
            step = lower + (size if k == index else base[k] - was_lower)
        else:
            step = upper - (size if k == index else was_upper - base[k])
        values[axis.symbol] = step
    return tuple(values.values())
