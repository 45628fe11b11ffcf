"""Two points with the same image, refined to 60 digits and recognised as exact numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, final

import numpy as np
from numpy.typing import NDArray
from sympy import Expr, Integer, Rational, pi, sqrt

from statmani.algebra.numeric import NotEvaluable, new_context, value_of
from statmani.domain import Domain
from statmani.rationals import short_rational

__all__ = ["Refinement", "recognised", "shown"]

Array = NDArray[np.float64]
Point = dict[Expr, Expr]

_DIGITS = 60
_SMALL = -40


def recognised(value: Any, context: Any, start: Expr | None = None) -> Expr:
    """A short exact number equal to `value` to 40 digits, else the value itself.

    Multiples of pi are also sought in the distance from `start`, an exact number.
    """
    tiny = context.mpf(10) ** _SMALL
    if start is not None and start != 0:
        turn = recognised(value - value_of(start, {}, context), context)
        if turn.has(pi):
            return start + turn
    for unit, expr in ((context.mpf(1), Integer(1)), (+context.pi, pi)):
        fraction = Fraction(float(value / unit)).limit_denominator(360)
        if abs(value / unit - context.mpf(fraction.numerator) / fraction.denominator) < tiny:
            return Rational(fraction.numerator, fraction.denominator) * expr
    square = Fraction(float(value * value)).limit_denominator(360)
    if abs(value * value - context.mpf(square.numerator) / square.denominator) < tiny:
        root = sqrt(Rational(square.numerator, square.denominator))
        return root if value > 0 else -root
    text: Expr = Rational(context.nstr(value, _DIGITS, min_fixed=-1000, max_fixed=1000))
    return text


@final
class Refinement:
    """Newton's method on phi(x) = phi(y) with 60 digits, in the new coordinates themselves."""

    def __init__(
        self,
        domain: Domain,
        images: Sequence[Expr],
        periodic: NDArray[np.bool_],
        turning: NDArray[np.bool_],
    ) -> None:
        self._domain, self._images = domain, images
        self._symbols = domain.symbols
        self._slopes = [[e.diff(s) for s in self._symbols] for e in images]
        self._periodic, self._turning = periodic, turning
        self._context = new_context(_DIGITS)

    def _difference(self, x: Sequence[Any], y: Sequence[Any]) -> list[Any]:
        context, result = self._context, []
        for image, turns in zip(self._images, self._periodic, strict=True):
            a, b = (value_of(image, dict(zip(self._symbols, p, strict=True)), context)
                    for p in (x, y))  # fmt: skip
            d = a - b
            if turns:
                d -= 2 * context.pi * context.nint(d / (2 * context.pi))
            result.append(d)
        return result

    def _jacobian(self, x: Sequence[Any]) -> list[list[Any]]:
        point = dict(zip(self._symbols, x, strict=True))
        return [[value_of(e, point, self._context) for e in row] for row in self._slopes]

    def with_first_fixed(self, first: Array, second: Array) -> tuple[Point, Point] | None:
        """x a short rational point, y by Newton: for maps onto an open set, or periodic ones."""
        choices = [
            [Rational(Fraction(float(c)).limit_denominator(size)) for c in first]
            for size in (1, 2, 8, 64)
        ]
        for exact in (*choices, [short_rational(float(c)) for c in first]):
            if bool(self._domain.contains([*map(float, exact)])):
                x = [self._context.mpf(int(e.p)) / int(e.q) for e in exact]
                found = self._newton(x, [self._context.mpf(float(c)) for c in second], False)
                if found is not None:
                    return found
        return None

    def both(self, first: Array, second: Array) -> tuple[Point, Point] | None:
        """Both points by Newton: for isolated crossings."""
        mpf = self._context.mpf
        return self._newton([mpf(float(c)) for c in first], [mpf(float(c)) for c in second], True)

    def _newton(self, x: list[Any], y: list[Any], move: bool) -> tuple[Point, Point] | None:
        context, m = self._context, len(x)
        tiny = context.mpf(10) ** _SMALL
        try:
            for _ in range(60):
                f = context.matrix(self._difference(x, y))
                right = self._jacobian(y)
                rows = [[-e for e in row] for row in right]
                if move:
                    rows = [a + b for a, b in zip(self._jacobian(x), rows, strict=True)]
                matrix = context.matrix(rows)
                if matrix.rows < matrix.cols:
                    step = matrix.T * context.lu_solve(matrix * matrix.T, -f)
                else:
                    step = context.lu_solve(matrix, -f)
                if move:
                    x = [a + step[k] for k, a in enumerate(x)]
                y = [b + step[k + (m if move else 0)] for k, b in enumerate(y)]
                size = max(abs(s) for s in step)
                if size < tiny * (1 + max(map(abs, [*x, *y]))):
                    break
            else:
                return None
            return self._accepted(x, y)
        except (NotEvaluable, ZeroDivisionError, ValueError):
            return None

    def _accepted(self, x: list[Any], y: list[Any]) -> tuple[Point, Point] | None:
        """The pair, if distinct, inside the domain and of the same image to 40 digits."""
        context = self._context
        begin = [recognised(c, context) for c in x]
        exact = [begin, [recognised(c, context, b) for c, b in zip(y, begin, strict=True)]]
        points = [[value_of(e, {}, context) for e in p] for p in exact]
        for p in points:
            if not bool(self._domain.contains([float(c) for c in p])):
                return None
        gaps = []
        for a, b, turns in zip(*points, self._turning, strict=True):
            gap = abs(a - b)
            gaps.append(abs(2 * context.sin(gap / 2)) if turns else gap / (1 + abs(a)))
        if max(gaps) < 1e-9:
            return None
        slopes = [max(abs(e) for row in self._jacobian(p) for e in row) for p in points]
        scale = max(slopes)
        # Where the map is so flat that 60 digits hardly tell points apart, nothing is shown.
        if min(slopes) * max(abs(a - b) for a, b in zip(*points, strict=True)) < self._grain(
            points
        ):
            return None
        if any(abs(d) > scale * context.mpf(10) ** _SMALL for d in self._difference(*points)):
            return None
        first, second = (dict(zip(self._symbols, p, strict=True)) for p in exact)
        return first, second

    def _grain(self, points: Sequence[Sequence[Any]]) -> Any:
        context = self._context
        sizes = [
            abs(value_of(image, dict(zip(self._symbols, p, strict=True)), context))
            for p in points
            for image in self._images
        ]
        return max(sizes) * context.mpf(10) ** -35


def shown(point: Mapping[Expr, Expr]) -> str:
    """A point for messages, long numbers to 15 digits."""
    return ", ".join(f"{s} = {v if len(str(v)) < 30 else v.evalf(15)}" for s, v in point.items())
