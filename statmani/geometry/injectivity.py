"""Is a map one-to-one? A proof for triangular maps, else a search for two points of one image.

The search is numeric; a pair that it finds is refined to 60 digits and only then believed. That no
pair was found proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray
from sympy import Derivative, Dummy, Expr, Integer, Rational, Subs, Symbol, lambdify
from sympy.core.function import AppliedUndef

from statmani.domain import Axis, Domain
from statmani.errors import InvalidManifold
from statmani.geometry.refinement import Refinement
from statmani.geometry.self_crossing import candidates_on_curve
from statmani.signs import is_positive_on

__all__ = ["NumericMap", "same_image"]

Array = NDArray[np.float64]
Point = dict[Expr, Expr]

_PAIRS = 96
_ROUNDS = 40
_FARTHEST = 9.0
_CONSTANTS = ("13/10", "27/10", "3/7")


def _is_one_to_one(domain: Domain, images: Sequence[Expr], periodic: Sequence[bool]) -> bool:
    """Whether the coordinates can be read off one after the other, each from a monotone image."""
    known: set[Symbol] = {s for s in domain.symbols if not any(e.has(s) for e in images)}
    if known:
        return False
    circular = {axis.symbol for axis in domain.axes if axis.periodic}
    if not circular and not any(periodic):
        slopes = [e.diff(s) for e in images for s in domain.symbols]
        if not any(slope.free_symbols & set(domain.symbols) for slope in slopes):
            return True
    progress = True
    while progress and len(known) < domain.dim:
        progress = False
        for image, turns in zip(images, periodic, strict=True):
            new = [s for s in domain.symbols if image.has(s) and s not in known]
            if len(new) != 1:
                continue
            (symbol,) = new
            if turns or symbol in circular:
                # On a circle only a rotation or reflection is read off safely.
                done = turns and symbol in circular and abs(image.diff(symbol)) == 1
            else:
                slope = image.diff(symbol)
                done = is_positive_on(slope, domain.axes) or is_positive_on(-slope, domain.axes)
            if done:
                known.add(symbol)
                progress = True
    return len(known) == domain.dim


@final
@dataclass(frozen=True)
class NumericMap:
    """A map in unconstrained coordinates, for numbers.

    Attributes
    ----------
    domain : Domain
        Of the new coordinates, constants replaced by numbers.
    images : tuple of Expr
        In the new coordinates.
    values, slopes : callable
        Arrays of unconstrained coordinates to images (P, n) and their Jacobian (P, n, m).
    """

    domain: Domain
    images: tuple[Expr, ...]
    values: Any
    slopes: Any
    chart: Any

    @classmethod
    def of(cls, domain: Domain, images: Sequence[Expr]) -> NumericMap | None:
        """None when an image has no numeric function."""
        if any(
            e.has(AppliedUndef) or any(getattr(a, "is_opaque_atom", False) for a in _nodes(e))
            for e in images
        ):
            return None
        u = [Dummy(f"u{i}", real=True) for i in range(domain.dim)]
        inner = domain.from_unconstrained(u)
        table = dict(zip(domain.symbols, inner, strict=True))
        composed = [e.xreplace(table) for e in images]
        slopes = [e.diff(s) for e in composed for s in u]
        if any(slope.has(Derivative, Subs) for slope in slopes):
            # Steps such as floor have no derivative that evaluates.
            return None
        modules = ["scipy", "numpy"]
        n, m = len(images), domain.dim

        def vectorised(expressions: Sequence[Expr], shape: tuple[int, ...]) -> Any:
            function = lambdify(u, list(expressions), modules, cse=True)

            def call(points: Array) -> Array:
                with np.errstate(all="ignore"):
                    columns = function(*points.T)
                    rows = [np.broadcast_to(np.asarray(c), points.shape[:1]) for c in columns]
                    array = np.stack(rows, axis=-1)
                    if np.iscomplexobj(array):
                        array = np.where(array.imag == 0, array.real, np.nan)
                return array.astype(np.float64).reshape(-1, *shape)

            return call

        return cls(
            domain,
            tuple(images),
            vectorised(composed, (n,)),
            vectorised(slopes, (n, m)),
            vectorised(inner, (m,)),
        )

    def starts(self, count: int, seed: int) -> Array:
        """Random unconstrained points, small and large."""
        rng = np.random.default_rng(seed)
        points = rng.standard_normal((count, self.domain.dim))
        points *= rng.choice([0.7, 2.0, 5.0], size=(count, 1))
        for i, axis in enumerate(self.domain.axes):
            if axis.periodic:
                points[:, i] = rng.uniform(-np.pi, np.pi, count)
            elif axis.lower.is_finite or axis.upper.is_finite:
                points[:, i] = np.clip(points[:, i], -5, 5)
        inside: Array = points[self.domain.contains(self.chart(points))]
        return inside


def _nodes(expr: Expr) -> Iterator[Any]:
    stack: list[Any] = [expr]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(getattr(node, "args", ()))


def _settings(symbols: Sequence[Symbol]) -> list[dict[Expr, Expr]]:
    """Values of the constants; a map is refused only if all of them give a pair."""
    if not symbols:
        return [{}]
    result = []
    for shift in range(2):
        values: dict[Expr, Expr] = {}
        for k, symbol in enumerate(symbols):
            size = Rational(_CONSTANTS[(shift + k) % len(_CONSTANTS)])
            if symbol.is_integer:
                size = Integer(int(size) + 2)
            values[symbol] = -size if symbol.is_nonpositive else size
        result.append(values)
    return result


def same_image(
    domain: Domain, images: Sequence[Expr], periodic: Sequence[bool]
) -> tuple[Point, Point] | None:
    """Two points of the domain with the same image, or None when the search finds none.

    Parameters
    ----------
    domain : Domain
        Of the new coordinates.
    images : sequence of Expr
        The old coordinates as functions of the new ones.
    periodic : sequence of bool
        Which old coordinates live on a circle, where equal means equal modulo 2 pi.

    Examples
    --------
    >>> from sympy import symbols
    >>> from statmani.reading import domain_of
    >>> t = symbols("t", real=True)
    >>> pair = same_image(domain_of(t), [t**2 + t], [False])
    >>> [(p[t]**2 + p[t]) for p in pair][0] == [(p[t]**2 + p[t]) for p in pair][1]
    True
    >>> same_image(domain_of(t), [t**3 + t], [False]) is None
    True
    """
    if not all(s.is_real for s in domain.symbols):
        # Slopes of Abs and the like exist for symbols that are known to be real only.
        real = {s: Dummy(s.name, real=True) for s in domain.symbols}
        renamed = Domain(
            tuple(
                Axis(real[a.symbol], a.lower.xreplace(real), a.upper.xreplace(real), a.periodic)
                for a in domain.axes
            ),
            tuple(c.xreplace(real) for c in domain.constraints),
        )
        pair = same_image(renamed, [e.xreplace(real) for e in images], periodic)
        back = {dummy: s for s, dummy in real.items()}
        if pair is None:
            return None
        first, second = ({back.get(s, s): v for s, v in p.items()} for p in pair)
        return first, second
    if _is_one_to_one(domain, images, periodic):
        return None
    free = set(domain.constants).union(*(e.free_symbols for e in images)) - set(domain.symbols)
    found: tuple[Point, Point] | None = None
    for constants in _settings(sorted(free, key=str)):
        place = domain.subs(constants)
        numeric = NumericMap.of(place, [e.xreplace(constants) for e in images])
        if numeric is None:
            return None
        try:
            pair = _search(numeric, np.asarray(periodic, dtype=np.bool_))
        except (NameError, TypeError, ValueError, InvalidManifold):
            # A function that numpy and scipy lack, or constants that leave no domain.
            return None
        if pair is None:
            return None
        found = found or ({**pair[0], **constants}, {**pair[1], **constants})
    return found


def _search(numeric: NumericMap, periodic: NDArray[np.bool_]) -> tuple[Point, Point] | None:
    turning = np.array([axis.periodic for axis in numeric.domain.axes])
    if numeric.domain.dim == 1 and not periodic.any():
        refine = Refinement(numeric.domain, numeric.images, periodic, turning)
        for candidate in candidates_on_curve(numeric.domain, numeric.images):
            x, y = (np.array([c]) for c in candidate)
            found = refine.with_first_fixed(x, y) or refine.both(x, y)
            if found is not None:
                return found
    starts = numeric.starts(2 * _PAIRS, seed=5)
    values = numeric.values(starts)
    starts = starts[np.isfinite(values).all(axis=1)]
    half = len(starts) // 2
    if half < 4:
        return None
    values = numeric.values(starts)
    scale = np.where(periodic, 1.0, np.median(np.abs(values - np.median(values, 0)), 0))
    scale = np.where(scale > 0, scale, 1.0)
    pairs = _descend(numeric, starts[:half], starts[half : 2 * half], scale, periodic, turning)
    return next(_verified(numeric, pairs, periodic, turning), None)


def _gap(u: Array, v: Array, turning: NDArray[np.bool_]) -> tuple[Array, Array]:
    """A difference that vanishes only for equal points, and its slope in u."""
    difference = u - v
    gap = np.where(turning, 2 * np.sin(difference / 2), difference)
    return gap, np.where(turning, np.cos(difference / 2), 1.0)


def _wrapped(difference: Array, periodic: NDArray[np.bool_]) -> Array:
    turned = (difference + np.pi) % (2 * np.pi) - np.pi
    wrapped: Array = np.where(periodic, turned, difference)
    return wrapped


def _descend(
    numeric: NumericMap,
    u: Array,
    v: Array,
    scale: Array,
    periodic: NDArray[np.bool_],
    turning: NDArray[np.bool_],
) -> list[tuple[Array, Array]]:
    """Levenberg-Marquardt on (phi(u) - phi(v)) / |u - v| for all pairs at once."""
    m = u.shape[1]
    damping = np.full(len(u), 1e-2)

    def residual(a: Array, b: Array) -> Array:
        gap = np.linalg.norm(_gap(a, b, turning)[0], axis=1)
        difference: Array = numeric.values(a) - numeric.values(b)
        scaled: Array = _wrapped(difference, periodic) / scale / gap[:, None]
        return scaled

    with np.errstate(all="ignore"):
        r = residual(u, v)
        for _ in range(_ROUNDS):
            gap, slope = _gap(u, v, turning)
            size = np.linalg.norm(gap, axis=1)
            one = numeric.slopes(u) / scale[:, None] / size[:, None, None]
            two = numeric.slopes(v) / scale[:, None] / size[:, None, None]
            pull = r[:, :, None] * (gap * slope / size[:, None] ** 2)[:, None, :]
            jacobian = np.concatenate([one - pull, pull - two], axis=2)
            normal = np.einsum("pia,pib->pab", jacobian, jacobian)
            right = -np.einsum("pia,pi->pa", jacobian, r)
            bad = ~(np.isfinite(normal).all((1, 2)) & np.isfinite(right).all(1))
            size = np.trace(normal, axis1=1, axis2=2)
            bad |= ~((size > 1e-100) & (size < 1e100))
            normal[bad], right[bad], size[bad] = np.eye(2 * m), 0.0, 1.0
            shift = (damping * size)[:, None, None] * np.eye(2 * m)
            step = np.linalg.solve(normal + shift, right[..., None])[..., 0]
            new_u, new_v = u + step[:, :m], v + step[:, m:]
            new_r = residual(new_u, new_v)
            better = np.linalg.norm(new_r, axis=1) < np.linalg.norm(r, axis=1)
            u = np.where(better[:, None], new_u, u)
            v = np.where(better[:, None], new_v, v)
            r = np.where(better[:, None], new_r, r)
            damping = np.clip(np.where(better, damping / 4, damping * 5), 1e-11, 1e8)
        gap = np.linalg.norm(_gap(u, v, turning)[0], axis=1)
        good = (np.linalg.norm(r, axis=1) < 1e-7) & (gap > 1e-2)
        good &= (np.abs(np.where(turning, 0, u)).max(1) < _FARTHEST) & (
            np.abs(np.where(turning, 0, v)).max(1) < _FARTHEST
        )
    order = sorted(np.flatnonzero(good), key=lambda k: abs(gap[k] - 2.0))
    return [(u[k], v[k]) for k in order[:12]]


def _verified(
    numeric: NumericMap,
    pairs: Sequence[tuple[Array, Array]],
    periodic: NDArray[np.bool_],
    turning: NDArray[np.bool_],
) -> Iterator[tuple[Point, Point]]:
    refine = Refinement(numeric.domain, numeric.images, periodic, turning)
    for u, v in pairs:
        first, second = (numeric.chart(p[None, :])[0] for p in (u, v))
        for pair in (
            refine.with_first_fixed(first, second),
            refine.both(first, second),
        ):
            if pair is not None:
                yield pair
