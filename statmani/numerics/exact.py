"""Tensors at points where compiled kernels lose their digits.

Curvature divides by det g twice. Where the metric is nearly singular in the given coordinates
(a gamma family at large shape), or a special function overflows, double precision returns
noise; there the exact expressions are evaluated with as many digits as it takes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray
from sympy import Expr, Rational

from statmani.algebra.numeric import NotEvaluable, new_context, value_of
from statmani.errors import NoConvergence
from statmani.geometry.manifold import StatisticalManifold
from statmani.numerics.arguments import warn_failures

__all__ = ["repaired"]

Floats = NDArray[np.float64]

# How often g^-1 multiplies the rounding error of the entries.
_INVERSIONS = {"christoffel": 1, "riemann": 2, "scalar_curvature": 2}
_ACCEPTED = 1e-11
_DIGITS = (40, 80, 160, 320)


def repaired(
    manifold: StatisticalManifold,
    quantity: str,
    rows: Floats,
    values: Floats,
    metrics: Floats,
    alpha: float,
    single: bool,
) -> Floats:
    """`values` with doubtful rows replaced by the exact tensor's value.

    Parameters
    ----------
    manifold : StatisticalManifold
    quantity : str
        A name that :func:`statmani.evaluate` knows.
    rows : ndarray, shape (N, n)
    values : ndarray, shape (N, ...)
    metrics : ndarray, shape (N, n, n)
    alpha : float
    single : bool
        Whether a point without value raises; in a batch it becomes NaN, with one warning.

    Raises
    ------
    NoConvergence
        The tensor has no finite value at the single point.
    """
    doubtful = ~np.isfinite(values.reshape(len(values), -1)).all(axis=1)
    power = _INVERSIONS.get(quantity, 0)
    if power and manifold.dim > 1:
        doubtful |= _amplification(metrics, power) > _ACCEPTED
    if not doubtful.any():
        return values
    components = _components(manifold, quantity, alpha)
    result = np.array(values)
    failed = 0
    for index in np.flatnonzero(doubtful):
        try:
            flat = [_value(c, manifold, rows[index]) for c in components]
        except NotEvaluable as reason:
            if single:
                raise NoConvergence(
                    f"evaluate: {quantity} has no finite value at {tuple(map(float, rows[index]))} "
                    f"({reason}). Move the point a little, or use other coordinates."
                ) from None
            flat = [np.nan] * len(components)
            failed += 1
        result[index] = np.reshape(flat, values.shape[1:])
    if failed:
        warn_failures(failed, len(rows), "points have no finite value", "Move them a little.")
    return result


def _amplification(metrics: Floats, power: int) -> Floats:
    """Relative rounding error after `power` solutions with each metric, scale removed."""
    diagonal = np.sqrt(np.abs(np.diagonal(metrics, axis1=1, axis2=2)))
    with np.errstate(all="ignore"):
        scaled = metrics / (diagonal[:, :, None] * diagonal[:, None, :])
    worst = np.full(len(metrics), np.inf)
    fine = np.isfinite(scaled).all(axis=(1, 2))
    smallest = np.abs(np.linalg.eigvalsh(scaled[fine])).min(axis=1)
    with np.errstate(divide="ignore"):
        worst[fine] = np.finfo(float).eps / smallest**power
    return worst


def _components(manifold: StatisticalManifold, quantity: str, alpha: float) -> Sequence[Expr]:
    n = manifold.dim
    connection = manifold.connection(Rational(alpha))
    tensor: dict[str, tuple[Callable[..., Expr], int]] = {
        "metric": (lambda *i: manifold.metric[i], 2),
        "skewness": (lambda *i: manifold.skewness[i], 3),
        "christoffel_first": (lambda *i: connection.christoffel_first[i], 3),
        "christoffel": (lambda *i: connection.christoffel[i], 3),
        "riemann": (lambda *i: connection.riemann[i], 4),
        "scalar_curvature": (lambda: connection.scalar_curvature, 0),
    }
    entry, rank = tensor[quantity]
    return [entry(*index) for index in product(range(n), repeat=rank)]


def _value(component: Expr, manifold: StatisticalManifold, row: Floats) -> float:
    """The component to double precision: digits are doubled until two results agree."""
    before: float | None = None
    for digits in _DIGITS:
        context = new_context(digits)
        point = {s: context.mpf(float(x)) for s, x in zip(manifold.coordinates, row, strict=True)}
        found = float(value_of(component, point, context))
        if before is not None and abs(found - before) <= 1e-15 * abs(found):
            return found
        before = found
    raise NotEvaluable(f"{_DIGITS[-1]} digits do not settle a component")
