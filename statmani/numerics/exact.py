"""Tensors at points where compiled kernels lose their digits.

Closed forms with removable singularities cancel, curvature divides by det g twice, special
functions overflow. There the exact expressions are evaluated with as many digits as it takes.
"""

from __future__ import annotations

from functools import cached_property
from itertools import combinations_with_replacement
from typing import Any, final

import numpy as np
from numpy.typing import NDArray
from sympy import Expr

from statmani.algebra.numeric import NotEvaluable, known_value, new_context
from statmani.errors import NoConvergence
from statmani.geometry.manifold import StatisticalManifold
from statmani.numerics.arguments import warn_failures
from statmani.numerics.tensors import ORDERS, RANKS, tensor, unpacked

__all__ = ["ExactFields", "repaired"]

Floats = NDArray[np.float64]
_DIGITS = (40, 80, 160, 320)
# Two precisions agree on a value; digits of the natural scale below which a number is noise, as
# a part of all digits.
_AGREED, _NOISE = 1e-15, 0.75


@final
class ExactFields:
    """Expressions of g and T and their derivatives, in the order of packed rows."""

    def __init__(self, manifold: StatisticalManifold) -> None:
        self.manifold = manifold
        self._n = manifold.dim

    @cached_property
    def _metric(self) -> list[Expr]:
        metric = self.manifold.metric
        return [metric[i] for i in combinations_with_replacement(range(self._n), 2)]

    @cached_property
    def _skewness(self) -> list[Expr]:
        skewness = self.manifold.skewness
        return [skewness[i] for i in combinations_with_replacement(range(self._n), 3)]

    @cached_property
    def _slopes(self) -> list[list[Expr]]:
        return [[e.diff(c) for e in self._metric] for c in self.manifold.coordinates]

    @cached_property
    def _second(self) -> list[Expr]:
        coordinates = self.manifold.coordinates
        result = [
            e.diff(coordinates[m])
            for k, m in combinations_with_replacement(range(self._n), 2)
            for e in self._slopes[k]
        ]
        return result + [e.diff(c) for c in coordinates for e in self._skewness]

    def tensor(self, quantity: str, row: Floats, alpha: float, digits: int) -> tuple[Any, Any]:
        """A quantity at one point and the natural scale of its components, as mpmath numbers."""
        context, order = new_context(digits), ORDERS[quantity]
        known: dict[Any, Any] = {
            s: context.mpf(float(x)) for s, x in zip(self.manifold.coordinates, row, strict=True)
        }
        slopes: list[Any] = [e for row in self._slopes for e in row] if order else []
        if not order:
            slopes = [0] * (self._n * len(self._metric))
        skew: list[Any] = self._skewness
        if quantity == "metric":
            skew = [0] * len(skew)
        outputs = self._metric + slopes + skew + (self._second if order == 2 else [])
        packed = np.empty((1, len(outputs)), dtype=object)
        values: dict[Any, Any] = {}
        for at, expr in enumerate(outputs):
            if expr not in values:
                values[expr] = known_value(expr, known, context) if expr else context.mpf(0)
            packed[0, at] = values[expr]
        fields = unpacked(packed, self._n, order)
        units = [context.sqrt(abs(fields.g[0, i, i])) for i in range(self._n)]

        def inverted(metrics: Any) -> Any:
            try:
                found = context.matrix(metrics[0].tolist()) ** -1
            except ZeroDivisionError:
                raise NotEvaluable("the metric is singular") from None
            rows = np.empty(metrics.shape, dtype=object)
            rows[0] = found.tolist()
            return rows

        result = np.asarray(tensor(quantity, fields, context.mpf(alpha) / 2, inverted)[0])
        upper, _ = RANKS[quantity]
        scale = np.empty(result.shape, dtype=object)
        for index in np.ndindex(*result.shape):
            scale[index] = context.mpf(1)
            for position, i in enumerate(index):
                scale[index] *= units[i] if position >= upper else 1 / (units[i] or 1)
        return result, scale

    def value(self, quantity: str, row: Floats, alpha: float) -> Floats:
        """A quantity to double precision: digits are doubled until two results agree.

        Raises
        ------
        NotEvaluable
            No finite value, or the most digits do not settle a component.
        """
        before: Any = None
        for digits in _DIGITS:
            try:
                found, scale = self.tensor(quantity, row, alpha, digits)
            except NotEvaluable:
                # Few digits may cancel altogether, as in 1 + erf far out.
                if digits == _DIGITS[-1]:
                    raise
                before = None
                continue
            if before is not None:
                pairs = zip(before.ravel(), found.ravel(), scale.ravel(), strict=True)
                noise = new_context(digits).mpf(10) ** -int(_NOISE * digits)
                settled = [_settled(a, b, noise * scale) for a, b, scale in pairs]
                if None not in settled:
                    return np.array(settled, dtype=float).reshape(found.shape)
            before = found
        raise NotEvaluable(f"{_DIGITS[-1]} digits do not settle a component")


def _settled(before: Any, found: Any, noise: Any) -> float | None:
    """The value on which two precisions agree, or zero for what is only noise."""
    if abs(found - before) <= _AGREED * abs(found):
        value = float(found)
        if not np.isfinite(value):
            raise NotEvaluable("a component exceeds the range of doubles")
        return value
    return 0.0 if abs(found) <= noise else None


def repaired(
    fields: ExactFields,
    quantity: str,
    rows: Floats,
    values: Floats,
    doubtful: NDArray[np.bool_],
    alpha: float,
    single: bool,
) -> Floats:
    """`values` with doubtful rows replaced by the exact tensor's value.

    Parameters
    ----------
    fields : ExactFields
    quantity : str
        A name that :func:`statmani.evaluate` knows.
    rows : ndarray, shape (N, n)
    values : ndarray, shape (N, ...)
    doubtful : ndarray of bool, shape (N,)
    alpha : float
    single : bool
        Whether a point without value raises; in a batch it becomes NaN, with one warning.

    Raises
    ------
    NoConvergence
        The tensor has no finite value at the single point.
    """
    if not doubtful.any():
        return values
    result = np.array(values)
    failed = 0
    for index in np.flatnonzero(doubtful):
        try:
            result[index] = fields.value(quantity, rows[index], alpha)
        except NotEvaluable as reason:
            if single:
                raise NoConvergence(
                    f"evaluate: {quantity} has no finite value at {tuple(map(float, rows[index]))} "
                    f"({reason}). Move the point a little, or use other coordinates."
                ) from None
            result[index] = np.nan
            failed += 1
    if failed:
        warn_failures(failed, len(rows), "points have no finite value", "Move them a little.")
    return result
