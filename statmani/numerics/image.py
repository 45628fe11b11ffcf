"""Is the image of a chart in a model space convex, and is the map one-to-one?

A local isometry into a complete, simply connected space of constant curvature never lengthens a
curve, so the distance in the model space is a lower bound. It is the distance itself when the image
is convex but for a part of codimension two or more, and covered once. That is looked at face by
face of the domain: a face at infinite distance, or that the map takes to such a small part, takes
nothing away; one that it takes into a hyperplane with the image on one side cuts off a half-space;
an intersection of half-spaces is convex.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, final

import numpy as np
from numpy.typing import NDArray
from sympy import Symbol, oo

from statmani.algebra.numeric import NotEvaluable, new_context, value_of
from statmani.domain import Domain
from statmani.geometry.manifold import StatisticalManifold
from statmani.geometry.model_space import ModelSpace

__all__ = ["obstacle", "unwound"]

Floats = NDArray[np.float64]
_DIGITS = 120
# Unconstrained coordinates on the way to a face: of half-lines and intervals, and of lines.
_LEVELS, _LINE_LEVELS = (30.0, 60.0), (1e3, 1e6)
_GROWS, _STOPS, _FAR = 0.1, 1e-2, 1e5
_FACE_POINTS, _INNER_POINTS, _TURNS = 4, 60, 6
_FLAT = 1e-9
# Fractions of a turn after which a map could take the same value.
_PARTS, _SAME = 12, 1e-6


def unwound(manifold: StatisticalManifold, models: Sequence[ModelSpace]) -> str:
    """Why the map has several values at points of the manifold; empty when it has one."""
    return _Image(manifold, models).turns(1)


def obstacle(manifold: StatisticalManifold, models: Sequence[ModelSpace]) -> str:
    """Why the formula is a lower bound only; empty when it is the distance.

    Limits at the faces are computed numerically with 120 digits at random points of each face;
    values of constants are sampled.
    """
    if manifold.domain.constraints:
        texts = ", ".join(str(c) for c in manifold.domain.constraints)
        return f"the image of the domain was not examined, for its constraints {texts} are coupled"
    try:
        return _Image(manifold, models).obstacle()
    except NotEvaluable as reason:
        return f"the map has no value near the boundary of the domain ({reason})"


@final
class _Image:
    def __init__(self, manifold: StatisticalManifold, models: Sequence[ModelSpace]) -> None:
        self._models = models
        self._context = new_context(_DIGITS)
        self._random = np.random.default_rng(5)
        self._constants = {
            s: self._context.mpf(_size(s, k)) for k, s in enumerate(manifold.constants)
        }
        self._domain: Domain = manifold.domain
        self._dim = manifold.dim

    def obstacle(self) -> str:
        problem = self.turns(_PARTS)
        if problem:
            return problem
        base = self._image(np.full(self._dim, 0.1))
        walls: list[tuple[int, Floats, str]] = []
        for at, levels, name in self._faces():
            found = self._face_at(at, levels, base)
            if found is None:
                return f"the image of the domain may not be convex at {name}"
            if found:
                walls.append((*found[0], name))
        for k in range(_INNER_POINTS if walls else 0):
            image = self._image(self._random.normal(0.0, 0.5 + 2.5 * k / _INNER_POINTS, self._dim))
            for part, normal, name in walls:
                if float(normal @ image[part]) < -_FLAT * float(abs(normal) @ abs(image[part])):
                    return f"the image of the domain is not convex at {name}"
        return ""

    def _faces(self) -> Iterator[tuple[int, list[tuple[float, float]], str]]:
        for at, axis in enumerate(self._domain.axes):
            if axis.periodic:
                continue
            line = axis.lower == -oo and axis.upper == oo
            tried = [_LINE_LEVELS, _LEVELS] if line else [_LEVELS]
            for sign, bound in ((-1, axis.lower), (1, axis.upper)):
                # The half-line below an upper bound runs the other way.
                turned = axis.lower == -oo and axis.upper != oo
                own = -sign if turned else sign
                levels = [(own * first, own * last) for first, last in tried]
                yield at, levels, f"{axis.symbol} -> {bound}"

    def _face_at(
        self, at: int, tried: list[tuple[float, float]], base: list[Any]
    ) -> list[tuple[int, Floats]] | None:
        for levels in tried:
            try:
                return self._face(self._face_points(at, levels), base)
            except NotEvaluable:
                # So far out all digits may cancel.
                if levels is tried[-1]:
                    raise
        return None

    def _face_points(self, at: int, levels: tuple[float, float]) -> list[tuple[Any, Any]]:
        pairs = []
        for _ in range(_FACE_POINTS + sum(m.dim + 1 for m in self._models)):
            u = self._random.normal(0.0, 0.8, self._dim)
            found = []
            for level in levels:
                u[at] = level
                found.append(self._image(u))
            pairs.append((found[0], found[1]))
        return pairs

    def _face(
        self, points: list[tuple[Any, Any]], base: list[Any]
    ) -> list[tuple[int, Floats]] | None:
        """A wall, nothing when the face takes nothing away, None when it is neither."""
        apart = [(self._apart(base, a), self._apart(base, b)) for a, b in points]
        if all(b - a > _GROWS or b > _FAR for a, b in apart):
            return []
        if not all(abs(b - a) < _STOPS for a, b in apart):
            return None
        for part in range(len(self._models)):
            rows = np.array([b[part] for _, b in points], dtype=float)
            rows /= np.linalg.norm(rows, axis=1)[:, None]
            _, sizes, directions = np.linalg.svd(rows)
            missing = rows.shape[1] - int((sizes > _FLAT * sizes[0]).sum())
            if missing >= 2:
                return []
            if missing == 1:
                normal = directions[-1]
                side = float(normal @ np.array(base[part], dtype=float))
                return [(part, normal if side > 0 else -normal)]
        return None

    def _image(self, u: Floats) -> list[Any]:
        """Of a point, in the linear functions of each model space."""
        context, known = self._context, dict(self._constants)
        for axis, free in zip(self._domain.axes, u, strict=True):
            # The domain's own chart, whose expressions contain each other, takes far longer.
            t = context.mpf(float(free))
            lower, upper = axis.lower, axis.upper
            low = None if lower == -oo else value_of(lower, known, context)
            high = None if upper == oo else value_of(upper, known, context)
            if low is None:
                x = t if high is None else high - context.exp(t)
            elif high is None:
                x = low + context.exp(t)
            else:
                x = low + (high - low) / (1 + context.exp(-t))
            known[axis.symbol] = x
        return [self._linear(model, known) for model in self._models]

    def _linear(self, model: ModelSpace, known: dict[Any, Any]) -> Any:
        context = self._context
        weights = [context.sqrt(value_of(w, known, context)) for w in model.weights]
        x = [
            w * value_of(e, known, context) for w, e in zip(weights, model.coordinates, strict=True)
        ]
        if model.height is not None:
            y = value_of(model.height, known, context)
            if not y > 0:
                raise NotEvaluable("a height that vanishes")
            x = [1 / y, *(v / y for v in x), y + context.fsum(v * v for v in x) / y]
        elif model.name != "sphere":
            x = [context.mpf(1), *x]
        return np.array(x, dtype=object)

    def _apart(self, first: list[Any], second: list[Any]) -> float:
        """Distance of two images, curvatures taken for one."""
        total = 0.0
        for model, a, b in zip(self._models, first, second, strict=True):
            if model.height is not None:
                inner = (a[0] * b[-1] + a[-1] * b[0]) / 2 - (a[1:-1] * b[1:-1]).sum()
                own = self._context.acosh(max(inner, 1))
            elif model.name == "sphere":
                own = self._context.acos(max(-1, min(1, (a * b).sum())))
            else:
                own = self._context.sqrt(((a - b) ** 2).sum())
            total += float(min(own, 2 * _FAR))
        return total

    def turns(self, most: int) -> str:
        """Why the map is not periodic on circles, or takes a value twice on a part of a turn."""
        for at, axis in enumerate(self._domain.axes):
            for _ in range(_TURNS if axis.periodic else 0):
                u = self._random.normal(0.0, 0.8, self._dim)
                start = self._image(u)
                for parts in range(1, most + 1):
                    moved = u.copy()
                    moved[at] += 2 * np.pi / parts
                    same = self._apart(start, self._image(moved)) < _SAME
                    if same != (parts == 1):
                        what = "periodic" if parts == 1 else "one-to-one"
                        return f"the map to the model space is not {what} in {axis.symbol}"
        return ""


def _size(symbol: Symbol, k: int) -> str:
    sizes = ("1.3", "2.7", "0.43")
    size = "3" if symbol.is_integer else sizes[k % len(sizes)]
    return f"-{size}" if symbol.is_nonpositive else size
