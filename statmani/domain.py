"""Open domains of coordinates: membership, interior points, unconstrained coordinates.

A :class:`Domain` is a box whose bounds may depend on earlier coordinates (so that
``p1 + p2 < 1`` becomes ``0 < p2 < 1 - p1``), with any constraints that have no such form
kept beside it. Reading domains from sympy Sets and assumptions is :mod:`statmani.reading`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from typing import Any, NamedTuple, final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sympy import Dummy, Expr, Interval, Rational, Symbol, atanh, cancel, exp, log, oo, tanh
from sympy.core.relational import Relational

from statmani.axis import Axis, Circle, CircleType
from statmani.errors import InvalidArgument, InvalidManifold, OutsideDomain
from statmani.pointwise import pointwise
from statmani.rationals import short_rational
from statmani.squares import Side, completed_squares

__all__ = ["Axis", "Circle", "CircleType", "Domain"]


@final
@dataclass(frozen=True)
class Domain:
    """An open domain of coordinates.

    Attributes
    ----------
    axes : tuple of Axis
        In coordinate order; a bound may use the symbols of earlier axes.
    constraints : tuple of Relational
        Strict inequalities that could not be turned into bounds.
    """

    axes: tuple[Axis, ...]
    constraints: tuple[Relational, ...] = ()

    @cached_property
    def _hash(self) -> int:
        return hash((self.axes, self.constraints))

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple[Any, ...]:
        # What is remembered stays behind; hashes differ between processes.
        return (Domain, (self.axes, self.constraints))

    @cached_property
    def symbols(self) -> tuple[Symbol, ...]:
        """The coordinates in order."""
        return tuple(axis.symbol for axis in self.axes)

    @property
    def dim(self) -> int:
        """The number of coordinates."""
        return len(self.axes)

    @cached_property
    def constants(self) -> tuple[Symbol, ...]:
        """Free symbols of the bounds and constraints that are no coordinates, by name."""
        free: set[Any] = set()
        for axis in self.axes:
            free |= axis.lower.free_symbols | axis.upper.free_symbols
        for constraint in self.constraints:
            free |= constraint.free_symbols
        return tuple(sorted(free - set(self.symbols), key=lambda s: str(s.name)))

    def __str__(self) -> str:
        return ", ".join([str(axis) for axis in self.axes] + [str(c) for c in self.constraints])

    def subs(self, values: Mapping[Symbol, Expr]) -> Domain:
        """The domain with symbols of bounds and constraints replaced (axes keep theirs).

        Axes whose symbol is replaced by another *symbol* are renamed.
        """
        replacement = dict(values)
        axes = []
        for axis in self.axes:
            symbol = replacement.get(axis.symbol, axis.symbol)
            axes.append(
                Axis(
                    symbol if isinstance(symbol, Symbol) else axis.symbol,
                    axis.lower.xreplace(replacement),
                    axis.upper.xreplace(replacement),
                    axis.periodic,
                )
            )
        constraints = (c.xreplace(replacement) for c in self.constraints)
        return Domain(tuple(axes), tuple(c for c in constraints if c != True))  # noqa: E712

    def specification(self) -> dict[Symbol, Interval | CircleType]:
        """The mapping Symbol -> Set or Circle that declares the bounds."""
        return {
            a.symbol: Circle if a.periodic else Interval.open(a.lower, a.upper) for a in self.axes
        }

    def contains(self, points: ArrayLike) -> NDArray[np.bool_]:
        """Whether each point lies strictly inside.

        Parameters
        ----------
        points : array_like, shape (..., n)

        Returns
        -------
        ndarray of bool, shape (...)
        """
        return self._inside(self._as_points(points, "point"))

    def require(self, points: ArrayLike, what: str = "point") -> NDArray[np.float64]:
        """Points as floats, after checking their shape and that all lie inside.

        Parameters
        ----------
        points : array_like, shape (n,) or (..., n)
        what : str
            How the message calls them.

        Raises
        ------
        InvalidArgument
            Not numbers, not finite, or the last axis is not the dimension.
        OutsideDomain
            A point lies on the boundary or outside; the first index is named.
        """
        array = self._as_points(points, what)
        bad = ~self._inside(array)
        if bad.any():
            index = tuple(int(i) for i in np.argwhere(bad)[0])
            point = array[index]
            where = f"{what} {_indices(index)}" if index else what
            raise OutsideDomain(
                f"{where}: {self._violation(point)}. Move it strictly inside the domain ({self})."
            )
        return array

    def from_unconstrained(self, u: Sequence[Symbol]) -> tuple[Expr, ...]:
        """The coordinates as expressions of unconstrained real coordinates `u`.

        Reals and the circle map by the identity, half-lines by exp, symmetric intervals by
        tanh, other intervals by the logistic function; bounds that depend on earlier
        coordinates make the map triangular. Reals whose scale a later bound tells have it as
        a factor (:mod:`statmani.squares`).
        """
        found = _unconstrained(self)
        known = dict(zip(found.free, u, strict=True))
        return tuple(value.xreplace(known) for value in found.values)

    def to_unconstrained(self) -> tuple[Expr, ...]:
        """The inverse of :meth:`from_unconstrained`, as expressions of the coordinates."""
        result: list[Expr] = []
        squares = _unconstrained(self).squares
        for axis in self.axes:
            if axis.symbol in squares:
                shift, factor = squares[axis.symbol]
                result.append(factor * (axis.symbol - shift))
            elif axis.lower is -oo and axis.upper is oo:
                result.append(axis.symbol)
            elif axis.upper is oo:
                result.append(log(axis.symbol - axis.lower))
            elif axis.lower is -oo:
                result.append(log(axis.upper - axis.symbol))
            elif axis.lower == -axis.upper:
                result.append(atanh(axis.symbol / axis.upper))
            else:
                result.append(log((axis.symbol - axis.lower) / (axis.upper - axis.symbol)))
        return tuple(result)

    def interior_points(
        self,
        count: int,
        seed: int = 0,
        constants: Mapping[Symbol, Expr] | None = None,
        spread: float = 0.6,
    ) -> list[tuple[Rational, ...]]:
        """Deterministic points of moderate size, strictly inside, as exact rationals.

        Parameters
        ----------
        count : int
        seed : int
        constants : mapping, optional
            Values of symbols in the bounds that are no coordinates.
        spread : float
            Standard deviation of the unconstrained coordinates.

        Raises
        ------
        InvalidManifold
            The constraints leave no point that random search finds.
        """
        domain = self if not constants else self.subs(constants)
        return list(_interior_points(domain, count, seed, spread))

    def extreme_points(self) -> list[tuple[Rational, ...]]:
        """Points near each end of each coordinate's range, the others at moderate values.

        About a thousandth of the scale from a finite end, and at 10 and a thousand towards an
        infinite one.
        """
        chart = _chart(self)
        points = []
        for index in range(self.dim):
            for level in (-10.0, -7.0, 7.0, 10.0):
                u = [0.25] * self.dim
                u[index] = level
                point = tuple(short_rational(float(x)) for x in chart(*u))
                if self._holds_exactly(point):
                    points.append(point)
        return points

    def _holds_exactly(self, point: tuple[Rational, ...]) -> bool:
        values: dict[Any, Any] = dict(zip(self.symbols, point, strict=True))
        gaps = [axis.symbol - axis.lower for axis in self.axes if axis.lower is not -oo]
        gaps += [axis.upper - axis.symbol for axis in self.axes if axis.upper is not oo]
        gaps += [c.gts - c.lts for c in self.constraints]
        return all(gap.xreplace(values).is_positive for gap in gaps)

    def _as_points(self, points: ArrayLike, what: str) -> NDArray[np.float64]:
        try:
            raw = np.asarray(points)
            if raw.dtype == object:
                raw = np.vectorize(_as_float, otypes=[np.float64])(raw)
            if np.iscomplexobj(raw) or raw.dtype.kind not in "fiu":
                raise TypeError
            array = raw.astype(np.float64)
        except (TypeError, ValueError):
            raise InvalidArgument(
                f"{what}: expected real numbers in an array of shape (..., {self.dim}), "
                f"got {_short(points)}. Pass floats, or sympy numbers without free symbols."
            ) from None
        if array.ndim == 0 or array.shape[-1] != self.dim:
            names = ", ".join(str(s) for s in self.symbols)
            raise InvalidArgument(
                f"{what}: the last axis must hold the {self.dim} coordinate(s) ({names}), "
                f"got shape {array.shape}. Pass points of shape ({self.dim},) or (..., {self.dim})."
            )
        if not np.isfinite(array).all():
            index = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
            raise InvalidArgument(
                f"{what}: entry {_indices(index)} is {array[index]}, not a finite number. "
                "Replace or drop it."
            )
        return array

    def _inside(self, array: NDArray[np.float64]) -> NDArray[np.bool_]:
        if self.constants:
            names = ", ".join(str(s) for s in self.constants)
            raise InvalidArgument(
                f"domain ({self}): the constant(s) {names} have no value. "
                "Give them one first, for a family with family.fix({symbol: value})."
            )
        columns = [array[..., i] for i in range(self.dim)]
        inside = np.ones(array.shape[:-1], dtype=np.bool_)
        with np.errstate(all="ignore"):
            for test in _tests(self):
                inside &= np.asarray(test(*columns), dtype=np.float64) > 0
        return inside

    def _violation(self, point: NDArray[np.float64]) -> str:
        for axis in self.axes:
            if not bool(
                Domain((*_before(self.axes, axis), axis)).contains(
                    point[: self.axes.index(axis) + 1]
                )
            ):
                value = float(point[self.axes.index(axis)])
                return f"{axis.symbol} = {value!r} breaks {axis}"
        values = ", ".join(f"{s} = {float(v)!r}" for s, v in zip(self.symbols, point, strict=True))
        broken = " and ".join(str(c) for c in self.constraints)
        return f"{values} breaks {broken}"


def _before(axes: tuple[Axis, ...], axis: Axis) -> tuple[Axis, ...]:
    return axes[: axes.index(axis)]


@cache
def _tests(domain: Domain) -> tuple[Callable[..., Any], ...]:
    """Functions of the coordinates that are positive inside; names are our own."""
    safe = {axis.symbol: Dummy(f"x{i}") for i, axis in enumerate(domain.axes)}
    expressions: list[Expr] = []
    for axis in domain.axes:
        if axis.lower is not -oo:
            expressions.append(axis.symbol - axis.lower)
        if axis.upper is not oo:
            expressions.append(axis.upper - axis.symbol)
    expressions.extend(c.gts - c.lts for c in domain.constraints)
    return tuple(pointwise(e.xreplace(safe), list(safe.values())) for e in expressions)


def _side(axis: Axis) -> Side:
    one = (axis.lower is -oo) != (axis.upper is oo)
    if one or axis.periodic or axis.lower is not -oo:
        bound = axis.lower if axis.upper is oo else -axis.upper
        return Side(axis.symbol, bound if one else None, False)
    return Side(axis.symbol, None, True)


class _Unconstrained(NamedTuple):
    free: tuple[Symbol, ...]
    values: tuple[Expr, ...]
    squares: dict[Symbol, tuple[Expr, Expr]]


@lru_cache(maxsize=256)
def _unconstrained(domain: Domain) -> _Unconstrained:
    free = tuple(Dummy(f"u{k}", real=True) for k in range(domain.dim))
    squares = completed_squares(tuple(map(_side, domain.axes)))
    taken: dict[Symbol, tuple[Expr, Expr]] = {}
    values: dict[Any, Expr] = {}
    for axis, u in zip(domain.axes, free, strict=True):
        lower, upper = axis.lower.xreplace(values), axis.upper.xreplace(values)
        if taken.keys() & (axis.lower.free_symbols | axis.upper.free_symbols):
            # Sums of squares are left, without the differences that lose digits.
            lower, upper = cancel(lower), cancel(upper)
        if axis.symbol in squares:
            shift, factor = (cancel(e.xreplace(values)) for e in squares[axis.symbol])
            if factor.is_positive:
                taken[axis.symbol] = squares[axis.symbol]
                values[axis.symbol] = shift + u / factor
                continue
        if lower is -oo and upper is oo:
            value: Expr = u
        elif upper is oo:
            value = lower + exp(u)
        elif lower is -oo:
            value = upper - exp(u)
        elif axis.lower == -axis.upper:
            value = upper * tanh(u)
        else:
            value = lower + (upper - lower) / (1 + exp(-u))
        values[axis.symbol] = value
    return _Unconstrained(free, tuple(values.values()), taken)


@lru_cache(maxsize=256)
def _chart(domain: Domain) -> Callable[..., Any]:
    u = [Dummy(f"u{i}", real=True) for i in range(domain.dim)]
    parts = [pointwise(value, u) for value in domain.from_unconstrained(u)]
    return lambda *values: tuple(part(*values) for part in parts)


@lru_cache(maxsize=256)
def _interior_points(
    domain: Domain, count: int, seed: int, spread: float
) -> tuple[tuple[Rational, ...], ...]:
    chart = _chart(domain)
    rng = np.random.default_rng(seed)
    points: list[tuple[Rational, ...]] = []
    for attempt in range(200 * count):
        scale = spread if attempt < 100 * count else 2.0
        draw = chart(*(scale * rng.standard_normal(domain.dim)))
        point = tuple(short_rational(float(x)) for x in draw)
        if bool(domain.contains([float(x) for x in point])):
            points.append(point)
        if len(points) == count:
            return tuple(points)
    raise InvalidManifold(
        f"domain ({domain}): no interior point was found in {200 * count} random trials. "
        "Check that the constraints do not contradict the bounds."
    )


def _as_float(value: object) -> float:
    return float(value)  # type: ignore[arg-type]


def _indices(index: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, index))}]"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
