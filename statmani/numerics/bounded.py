"""Arrays that carry bounds of their rounding errors through sums and contractions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

__all__ = ["Bounded", "contracted", "inverse"]

Floats = NDArray[np.float64]
_UNIT = 2.0**-53


@final
@dataclass(frozen=True, eq=False)
class Bounded:
    """Values and bounds of their absolute errors, of one shape."""

    value: Floats
    error: Floats

    def __getitem__(self, index: Any) -> Bounded:
        return Bounded(self.value[index], self.error[index])

    def __add__(self, other: Bounded) -> Bounded:
        value = self.value + other.value
        return Bounded(value, self.error + other.error + _UNIT * np.abs(value))

    def __sub__(self, other: Bounded) -> Bounded:
        value = self.value - other.value
        return Bounded(value, self.error + other.error + _UNIT * np.abs(value))

    def __mul__(self, factor: float) -> Bounded:
        value = self.value * factor
        return Bounded(value, self.error * abs(factor) + _UNIT * np.abs(value))

    def transpose(self, axes: tuple[int, ...]) -> Bounded:
        """Both arrays with their axes in another order."""
        return Bounded(self.value.transpose(axes), self.error.transpose(axes))

    def shifted(self, exponents: NDArray[np.int64]) -> Bounded:
        """Multiplied by powers of two."""
        return Bounded(np.ldexp(self.value, exponents), np.ldexp(self.error, exponents))


def contracted(spec: str, *factors: Any) -> Any:
    """Numpy's einsum of one or two arrays, bounded or plain, of floats or objects."""
    if not isinstance(factors[0], Bounded):
        return np.einsum(spec, *factors)
    sizes = [np.abs(f.value) for f in factors]
    value = np.asarray(np.einsum(spec, *(f.value for f in factors)))
    n = factors[0].value.shape[-1]
    own = (1.0 + (n * n if spec.endswith(">x") else n)) * _UNIT
    if len(factors) == 1:
        return Bounded(value, np.asarray(np.einsum(spec, factors[0].error + own * sizes[0])))
    a, b = factors
    spread = b.error + own * sizes[1]
    error = np.einsum(spec, a.error, sizes[1] + spread) + np.einsum(spec, sizes[0], spread)
    return Bounded(value, np.asarray(error))


def inverse(matrices: Bounded) -> Bounded:
    """Inverse matrices; rows that may be singular within their errors have no finite bound.

    To first order |d(A^-1)| <= |A^-1| |dA| |A^-1|, and elimination with pivots is as exact as if
    A had errors of some n units (Higham 2002, sections 13.1 and 9.3).
    """
    n = matrices.value.shape[-1]
    value = _inverses(matrices.value)
    size = np.abs(value)
    own = np.abs(matrices.value)
    largest = own.max(axis=(1, 2), keepdims=True)
    moved = size @ (matrices.error + n * _UNIT * largest)
    growth = moved.sum(axis=2).max(axis=1)
    sure = growth < 0.1
    error = 1.2 * (moved @ size)
    return Bounded(value, np.where(sure[:, None, None], error, np.inf))


def _inverses(matrices: Floats) -> Floats:
    try:
        result: Floats = np.asarray(np.linalg.inv(matrices), dtype=np.float64)
        return result
    except np.linalg.LinAlgError:
        if len(matrices) == 1:
            return np.full_like(matrices, np.nan)
        return np.concatenate([_inverses(matrices[k : k + 1]) for k in range(len(matrices))])
