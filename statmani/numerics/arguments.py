"""Checks of numeric arguments, once at each public entry."""

from __future__ import annotations

import math
import numbers
import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from statmani.errors import InvalidArgument, StatmaniWarning
from statmani.geometry.manifold import StatisticalManifold, as_manifold

__all__ = [
    "broadcast",
    "manifold_of",
    "read_alpha",
    "read_real",
    "read_rtol",
    "read_time",
    "read_vectors",
    "warn_failures",
]

Floats = NDArray[np.float64]


def manifold_of(obj: object) -> StatisticalManifold:
    """The manifold of a manifold or family, all of whose constants have values."""
    manifold = as_manifold(obj)
    constants = manifold.constants
    if constants:
        names = ", ".join(str(c) for c in constants)
        example = ", ".join(f"{c}: ..." for c in constants)
        raise InvalidArgument(
            f"numbers need a value for the constants {names}. "
            f"Give them by family.fix({{{example}}}), or substitute them in the metric."
        )
    return manifold


def read_real(value: object, name: str) -> float:
    """A finite real number; sympy numbers are fine."""
    number: float | None = None
    if isinstance(value, numbers.Real) and not isinstance(value, (bool, np.bool_)):
        number = float(value)
    elif getattr(value, "is_number", False) and getattr(value, "is_extended_real", False):
        number = float(value)  # type: ignore[arg-type]
    if number is None or not math.isfinite(number):
        raise InvalidArgument(
            f"{name} must be a finite real number, got {value!r}. Pass an int, a float or a "
            "real sympy number."
        )
    return number


def read_alpha(alpha: object) -> float:
    """The parameter of an alpha-connection as a float."""
    return read_real(alpha, "alpha")


def read_rtol(rtol: object) -> float:
    """A relative tolerance in [1e-14, 0.1]."""
    value = read_real(rtol, "rtol")
    if not 1e-14 <= value <= 0.1:
        raise InvalidArgument(
            f"rtol must lie in [1e-14, 0.1], got {value!r}. Doubles carry 16 digits; "
            "1e-10 is the default."
        )
    return value


def read_time(t: object) -> float:
    """A positive final time."""
    value = read_real(t, "t")
    if value <= 0:
        raise InvalidArgument(
            f"t must be positive, got {value!r}. Reverse the velocity to go backwards."
        )
    return value


def read_vectors(values: ArrayLike, dim: int, what: str) -> Floats:
    """Finite floats of shape (..., dim)."""
    try:
        array = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise InvalidArgument(
            f"{what} must be an array of real numbers of shape (..., {dim}), got {values!r}. "
            "Pass numbers, not symbols or complex values."
        ) from None
    if array.ndim == 0 or array.shape[-1] != dim:
        raise InvalidArgument(
            f"{what} must have shape (..., {dim}), got shape {array.shape}. The last axis runs "
            "over the coordinates."
        )
    if not np.isfinite(array).all():
        finite = np.isfinite(array).all(axis=-1)
        index = tuple(int(i) for i in np.argwhere(~finite)[0])
        raise InvalidArgument(
            f"{what}{list(index) if index else ''} is not finite: {array[index]}. "
            "Remove NaN and infinities."
        )
    return array


def broadcast(first: Floats, second: Floats, names: tuple[str, str]) -> tuple[Any, Floats, Floats]:
    """Batch shape and both arrays as contiguous rows."""
    try:
        shape = np.broadcast_shapes(first.shape, second.shape)
    except ValueError:
        raise InvalidArgument(
            f"{names[0]} of shape {first.shape} and {names[1]} of shape {second.shape} do not "
            "broadcast. Their leading axes must be equal or 1, as in numpy."
        ) from None
    n = shape[-1]
    rows = [np.array(np.broadcast_to(a, shape), order="C").reshape(-1, n) for a in (first, second)]
    return shape[:-1], rows[0], rows[1]


def warn_failures(bad: int, total: int, what: str, remedy: str) -> None:
    """One counted warning for a batch."""
    if bad:
        warnings.warn(
            f"{bad} of {total} {what}; their values are NaN and their status says why. {remedy}",
            StatmaniWarning,
            stacklevel=3,
        )
