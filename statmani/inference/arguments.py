"""Reading the arguments of Monte Carlo studies, before any long work."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sympy import Float, Symbol

from statmani.declaration import Declaration
from statmani.errors import InvalidArgument, RegularityError

__all__ = [
    "FamilyLike",
    "read_count",
    "read_declaration",
    "read_information",
    "read_point",
    "read_seed",
]

Array = NDArray[np.float64]


class FamilyLike(Protocol):
    """What inference needs of a family."""

    @property
    def declaration(self) -> Declaration:
        """The declared data."""
        ...

    def manifold(self) -> Any:
        """Its statistical manifold."""
        ...


def read_declaration(family: object, what: str) -> Declaration:
    """The declaration of a family whose constants all have values."""
    declaration = getattr(family, "declaration", None)
    if not isinstance(declaration, Declaration):
        raise InvalidArgument(
            f"{what}: expected a family, got {type(family).__name__}. Declare one with "
            "sm.Family(...) or take one of sm.families; a manifold alone has no samples."
        )
    if declaration.constants:
        names = ", ".join(str(declaration.external(c)) for c in declaration.constants)
        raise InvalidArgument(
            f"{what}: the constant(s) {names} of the family have no value. "
            "Give them one first: family.fix({symbol: value})."
        )
    return declaration


def read_point(declaration: Declaration, at: ArrayLike, what: str) -> Array:
    """One point inside the domain, as floats."""
    domain = declaration.external(declaration.domain)
    point: Array = domain.require(at, "at")
    if point.ndim != 1:
        raise InvalidArgument(
            f"{what}: at must be one point of shape ({domain.dim},), got shape {point.shape}. "
            "Call it once per point."
        )
    return point


def read_count(value: object, name: str, least: int, reason: str, what: str) -> int:
    """An integer of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise InvalidArgument(f"{what}: {name} must be an int, got {value!r}.")
    if value < least:
        raise InvalidArgument(
            f"{what}: {name} = {value} is too small; {reason}. Give at least {least}."
        )
    return int(value)


def read_seed(seed: object, what: str) -> int:
    """A seed; fresh entropy for None, so that every run can be repeated."""
    if seed is None:
        return int(np.random.SeedSequence().generate_state(1, np.uint64)[0])
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
        raise InvalidArgument(
            f"{what}: seed must be a non-negative int or None, got {seed!r}. "
            "Pass for example seed=1."
        )
    if seed < 0:
        raise InvalidArgument(
            f"{what}: seed must be a non-negative int or None, got {seed}. Pass for example seed=1."
        )
    return int(seed)


def read_information(
    family: FamilyLike, metric: ArrayLike | None, point: Array, what: str
) -> Array:
    """Fisher information of one observation: the derived metric at the point, or a given one.

    Raises
    ------
    InvalidArgument
        The given matrix has the wrong shape, is not symmetric or not positive definite.
    RegularityError
        The derived one is not positive definite at the point.
    """
    n = len(point)
    if metric is None:
        manifold = family.manifold()
        values: dict[Symbol, Float] = {
            s: Float(float(v), 30) for s, v in zip(manifold.coordinates, point, strict=True)
        }
        derived = manifold.metric.xreplace(values).evalf(20)
        matrix = np.array([[float(derived[i, j]) for j in range(n)] for i in range(n)])
    else:
        try:
            matrix = np.asarray(metric, dtype=np.float64)
        except (TypeError, ValueError):
            raise InvalidArgument(
                f"{what}: metric must be a numeric matrix of shape ({n}, {n}), got {metric!r}. "
                "Substitute the point first."
            ) from None
        if matrix.shape != (n, n):
            raise InvalidArgument(
                f"{what}: metric must have shape ({n}, {n}), got {matrix.shape}. Give the "
                "information of one observation at the point."
            )
    finite = bool(np.isfinite(matrix).all())
    if finite and np.allclose(matrix, matrix.T, rtol=1e-9, atol=0.0):
        scale = np.sqrt(np.abs(np.diag(matrix)))
        if scale.min() > 0 and np.linalg.eigvalsh(matrix / np.outer(scale, scale))[0] > 1e-12:
            return np.asarray((matrix + matrix.T) / 2)
    shown = np.array2string(matrix, precision=6)
    if metric is None:
        raise RegularityError(
            f"{what}: the Fisher information at {tuple(map(float, point))} is not positive "
            f"definite: {shown}. The parameters cannot be told apart there; fix some of them."
        )
    raise InvalidArgument(
        f"{what}: metric is not symmetric positive definite: {shown}. A Fisher information is."
    )
