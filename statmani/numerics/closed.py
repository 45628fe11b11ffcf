"""Closed forms of distances as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray
from sympy import Abs, Add, Dummy, Expr, Symbol, asin, asinh, atan2, sqrt
from sympy.polys.polyerrors import BasePolynomialError

from statmani.algebra.numeric import NotEvaluable
from statmani.errors import StatmaniError
from statmani.geometry.arc_length import arc_length
from statmani.geometry.constant_parts import constant_parts
from statmani.geometry.differences import stable_difference
from statmani.geometry.manifold import StatisticalManifold
from statmani.geometry.model_space import ModelSpace, model_space
from statmani.numerics.image import obstacle, unwound
from statmani.numerics.open_tensors import has_expectations
from statmani.numerics.running import RunningError, Unsupported

__all__ = ["ClosedDistance", "Discovery", "closed_distance", "discovery", "formula_of"]

Floats = NDArray[np.float64]
# Where the form without cancellation is not this exact, the plain one may be better.
_FINE = 1e-14
# Rows whose intermediate values stay in the cache.
_CHUNK = 4096
# What is less exact than this, the solver may do better.
_SURE = 1e-11


@final
@dataclass(frozen=True)
class Discovery:
    """The model spaces of a manifold's parts.

    Attributes
    ----------
    models : tuple of ModelSpace
    reason : str
        Why there are none; empty when they were found.
    obstacle : str
        Why their distance is only a lower bound; empty when it is the distance.
    """

    models: tuple[ModelSpace, ...]
    reason: str = ""
    obstacle: str = ""


def discovery(manifold: StatisticalManifold) -> Discovery:
    """What was found out about a manifold, once."""
    found: Discovery = manifold._once("discovery", _discovered)
    return found


def _discovered(manifold: StatisticalManifold) -> Discovery:
    if has_expectations(manifold):
        return Discovery((), "the metric has no closed form")
    try:
        return _searched(manifold)
    except (StatmaniError, BasePolynomialError, NotEvaluable, NotImplementedError) as reason:
        return Discovery((), f"the search met {type(reason).__name__} ({reason})")


def _searched(manifold: StatisticalManifold) -> Discovery:
    parts = constant_parts(manifold)
    if isinstance(parts, tuple):
        names = ", ".join(str(manifold.coordinates[i]) for i in parts)
        return Discovery((), f"the factor of {names} has no constant curvature")
    models = []
    for part in parts:
        model = arc_length(part) or model_space(part)
        if model is None:
            names = ", ".join(str(manifold.coordinates[i]) for i in part.active)
            curvature = manifold.ring.to_sympy(part.curvature)
            return Discovery(
                (),
                f"the factor of {names} has the constant curvature {curvature}, but no map to the "
                "model space was found in terms of the functions that the metric is made of",
            )
        models.append(model)
    models = _merged(models)
    turns = unwound(manifold, models)
    if turns:
        return Discovery((), turns)
    return Discovery(tuple(models), "", obstacle(manifold, models))


def _merged(models: list[ModelSpace]) -> list[ModelSpace]:
    """The same with one Euclidean space for all."""
    flat = [model for model in models if not model.curvature]
    if len(flat) < 2:
        return models
    space = ModelSpace(
        flat[0].name,
        sum(model.dim for model in flat),
        flat[0].curvature,
        tuple(x for model in flat for x in model.coordinates),
        tuple(w for model in flat for w in model.weights),
        exact=all(model.exact for model in flat),
    )
    return [space, *(model for model in models if model.curvature)]


def formula_of(
    models: Sequence[ModelSpace],
    coordinates: Sequence[Symbol],
    others: Sequence[Symbol],
    changes: Sequence[Expr] | None = None,
) -> Expr:
    """The distance as an expression of both points.

    Parameters
    ----------
    models : sequence of ModelSpace
    coordinates, others : sequence of Symbol
        Coordinates of the start and of the end.
    changes : sequence of Expr, optional
        Names for the differences start - end of the coordinates: all other differences are then
        written in terms of these, without cancellation.
    """
    there = dict(zip(coordinates, others, strict=True))
    given = changes and dict(zip(coordinates, changes, strict=True))

    def difference(expr: Expr) -> Expr:
        if given:
            return stable_difference(expr, there, given)
        return expr - expr.xreplace(there)

    parts = []
    for model in models:
        weighted = list(zip(model.weights, model.coordinates, strict=True))
        square = Add(*(w * difference(x) ** 2 for w, x in weighted))
        if model.height is not None:
            y = model.height
            square += difference(y) ** 2
            chord = sqrt(square / (4 * y * y.xreplace(there)))
            parts.append(2 * asinh(chord) / sqrt(-model.curvature))
        elif model.name == "sphere":
            half = asin(sqrt(square) / 2)
            if given:
                total = Add(*(w * (x + x.xreplace(there)) ** 2 for w, x in weighted))
                half = atan2(sqrt(square), sqrt(total))
            parts.append(2 * half / sqrt(model.curvature))
        elif len(weighted) == 1:
            ((weight, x),) = weighted
            parts.append(sqrt(weight) * Abs(difference(x)))
        else:
            parts.append(sqrt(square))
    if len(parts) == 1:
        return parts[0]
    return sqrt(Add(*(part**2 for part in parts)))


@final
class ClosedDistance:
    """A closed form as a function of rows of pairs, with bounds of its rounding errors."""

    def __init__(self, manifold: StatisticalManifold, models: Sequence[ModelSpace]) -> None:
        first = [Dummy(f"p{i}", real=True) for i in range(manifold.dim)]
        second = [Dummy(f"q{i}", real=True) for i in range(manifold.dim)]
        own = dict(zip(manifold.coordinates, first, strict=True))
        inside = [_renamed(model, own) for model in models]
        changes = [Dummy(f"d{i}", real=True) for i in range(manifold.dim)]
        self._near = RunningError(
            formula_of(inside, first, second, changes), [*first, *second, *changes], manifold.dim
        )
        self._far = RunningError(formula_of(inside, first, second), [*first, *second])

    def __call__(self, p: Floats, q: Floats) -> tuple[Floats, Floats]:
        """Distances and bounds of their errors; a bound is infinite where there is none."""
        value, error = np.empty(len(p)), np.empty(len(p))
        for start in range(0, len(p), _CHUNK):
            part = slice(start, start + _CHUNK)
            value[part], error[part] = self._values(p[part], q[part])
        return value, error

    def _values(self, p: Floats, q: Floats) -> tuple[Floats, Floats]:
        rows = np.concatenate([p, q], axis=1)
        value, error = self._near(np.concatenate([rows, p - q], axis=1))
        unsure = np.flatnonzero(~(error <= _FINE * value))
        if len(unsure):
            other, bound = self._far(rows[unsure])
            better = ~(error[unsure] <= bound) & np.isfinite(bound)
            value[unsure[better]], error[unsure[better]] = other[better], bound[better]
        same = (p == q).all(axis=1)
        value[same] = error[same] = 0.0
        error[~np.isfinite(value) | np.isnan(error)] = np.inf
        return value, error

    def settled(
        self, p: Floats, q: Floats, rtol: float
    ) -> tuple[Floats, Floats, NDArray[np.bool_]]:
        """Distances, error bounds, and which of them are as exact as asked."""
        value, error = self(p, q)
        return value, error, error <= min(rtol, _SURE) * value


def _renamed(model: ModelSpace, own: dict[Symbol, Symbol]) -> ModelSpace:
    height = model.height
    return ModelSpace(
        model.name,
        model.dim,
        model.curvature,
        tuple(x.xreplace(own) for x in model.coordinates),
        model.weights,
        None if height is None else height.xreplace(own),
        model.exact,
    )


def closed_distance(manifold: StatisticalManifold) -> ClosedDistance | None:
    """The closed form for numbers, or None when there is none that is proved the distance."""
    found: tuple[ClosedDistance | None] = manifold._once("closed distance", _compiled)
    return found[0]


def _compiled(manifold: StatisticalManifold) -> tuple[ClosedDistance | None]:
    found = discovery(manifold)
    if not found.models or found.obstacle or manifold.constants:
        return (None,)
    try:
        return (ClosedDistance(manifold, found.models),)
    except Unsupported:
        return (None,)
