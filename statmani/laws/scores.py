"""Laws that compare expectations under a family: closed forms first, quadrature always."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, final

import sympy as sp

from statmani.algebra.numeric import NotEvaluable, new_context, value_of
from statmani.algebra.ring import Ring
from statmani.declaration import Declaration
from statmani.errors import StatmaniError
from statmani.expectation.deadline import OutOfTime, run_bounded
from statmani.laws.closed import ClosedMoments, NoClosedForm
from statmani.laws.judge import Clock
from statmani.laws.numbers import Numbers, Quadratures
from statmani.laws.record import Law, Witness

__all__ = ["Equation", "Scores"]

_NO_KINKS = (
    "the score jumps at a place that moves with a parameter, where second derivatives of log p "
    "contain a delta"
)
_DIVERGES = "an expectation does not converge numerically, so it may be infinite"
_PLACES = 3
# The laws come from simple to hard: after so many without closed forms in time none is tried.
_MOST_OVERRUNS = 2
_AGREE = 1e-25
_MOST_DIGITS = 30


@dataclass(frozen=True)
class Equation:
    """One component of a law between expectations.

    Attributes
    ----------
    index : tuple of int
    closed : callable
        ClosedMoments -> (left, right), in internal symbols.
    numeric : callable
        Numbers -> (left, right, scale); the scale is the natural size of both sides.
    """

    index: tuple[int, ...]
    closed: Callable[[ClosedMoments], tuple[sp.Expr, sp.Expr]]
    numeric: Callable[[Numbers], tuple[Any, Any, Any]]


def _is_finite(value: Any) -> bool:
    size = abs(value)
    return bool(size == size and size < float("inf"))


@final
class Scores:
    """The two independent routes to expectations of one observation.

    Parameters
    ----------
    declaration : Declaration
    points : int
        How many points are tried by quadrature.
    """

    def __init__(self, declaration: Declaration, points: int) -> None:
        self.whole = declaration
        self.one = declaration.observation or declaration
        self.count: sp.Expr = declaration.repetitions
        self.closed = ClosedMoments(self.one)
        #: Relative difference that the compared tensors' own values explain.
        self.floor = 0.0
        self._wanted = points
        self._numbers: list[Numbers] | None = None
        self._late = False
        self._overruns = 0
        self._quadratures: Quadratures | None = None

    @property
    def quadratures(self) -> Quadratures:
        """Quadrature of one observation."""
        if self._quadratures is None:
            self._quadratures = Quadratures(self.one)
        return self._quadratures

    def numbers(self, clock: Clock) -> list[Numbers]:
        """At each point that quadrature reaches in the time of one law."""
        if self._numbers is None:
            self._numbers = []
            found, constants = self.quadratures, self.whole.sample_values()
            for point in found.points(self._wanted):
                values = {**constants, **point}
                try:
                    number = run_bounded(
                        lambda _, values=values: found.at(values),  # type: ignore[misc]
                        clock.seconds,
                        None,
                        processor=True,
                    )
                except OutOfTime:
                    self._late = True
                    break
                self._numbers.append(number)
        return self._numbers

    def law(
        self,
        name: str,
        statement: str,
        equations: Iterable[Equation],
        clock: Clock,
        *,
        smooth: bool = False,
        exact: bool = True,
    ) -> Law:
        """The verdict on a law between expectations.

        Parameters
        ----------
        name, statement : str
        equations : iterable of Equation
        clock : Clock
        smooth : bool
            Whether second derivatives of log p occur.
        exact : bool
            Whether closed forms are tried.
        """
        if smooth and self.quadratures.moving_kinks:
            return Law(name, statement, "not applicable", explanation=_NO_KINKS)
        equations = list(equations)
        digits, tried = _MOST_DIGITS, 0
        for numbers in self.numbers(clock):
            rows = [(e.index, *e.numeric(numbers)) for e in equations]
            if not all(_is_finite(v) for _, *values in rows for v in values):
                continue
            if numbers.tolerance == float("inf"):
                continue
            tried += 1
            for index, left, right, scale in rows:
                gap = abs(left - right)
                size = max(abs(scale), abs(left), 1e-300)
                if not gap <= max(numbers.tolerance, self.floor) * size:
                    return Law(
                        name, statement, "violated",
                        witness=self.witness(numbers, index, left, right),
                        explanation="by quadrature of the definitions",
                    )  # fmt: skip
                agree = -math.log10(float(gap / size)) if gap else float(_MOST_DIGITS)
                digits = min(digits, int(agree), numbers.most_digits)
        proof = self._exactly(name, statement, equations, clock) if exact else None
        if proof is not None:
            return proof
        if not tried:
            text = clock.late if self._late else _DIVERGES
            return Law(name, statement, "not applicable", explanation=text)
        return Law(
            name, statement, "verified", digits, tried,
            explanation="by quadrature of the definitions",
        )  # fmt: skip

    def _exactly(
        self, name: str, statement: str, equations: list[Equation], clock: Clock
    ) -> Law | None:
        """Proved, or violated by closed forms; None where they are not found in time."""

        if self._overruns >= _MOST_OVERRUNS:
            return None

        def work(report: Callable[[str], None]) -> tuple[tuple[int, ...], Any, Any] | None:
            self.closed.begin()
            for equation in equations:
                left, right = equation.closed(self.closed)
                if not self._vanishes(left - right):
                    return equation.index, left, right
            return None

        try:
            unequal = run_bounded(work, clock.seconds, None, processor=True)
            if unequal is not None:
                witness = self._closed_witness(*unequal)
                if witness is None:
                    return None
                return Law(name, statement, "violated", witness=witness)
        except OutOfTime:
            self._overruns += 1
            # What was cut may have left a ring between two of its steps.
            self.closed = ClosedMoments(self.one)
            return None
        except (NoClosedForm, StatmaniError, NotEvaluable):
            return None
        return Law(name, statement, "proved", explanation=self.closed.route())

    def _vanishes(self, difference: sp.Expr) -> bool:
        return not difference or not Ring(self.one.domain, [difference]).convert(difference)

    def _closed_witness(
        self, index: tuple[int, ...], left: sp.Expr, right: sp.Expr
    ) -> Witness | None:
        context = new_context(50)
        for point in self.quadratures.points(_PLACES):
            values = {s: context.mpf(int(v.p)) / int(v.q) for s, v in point.items()}
            a, b = (value_of(sp.sympify(e), values, context) for e in (left, right))
            if abs(a - b) > _AGREE * (abs(a) + abs(b)):
                return Witness(self.place(point.items()), index, sp.Float(str(a), 15),
                               sp.Float(str(b), 15))  # fmt: skip
        return None

    def place(self, point: Iterable[tuple[sp.Symbol, sp.Expr]]) -> tuple[tuple[Any, Any], ...]:
        """A point in the user's symbols."""
        return tuple((self.whole.external(s), v) for s, v in point)

    def witness(self, numbers: Numbers, index: tuple[int, ...], left: Any, right: Any) -> Witness:
        """Both sides where quadrature tells them apart."""
        return Witness(
            self.place(numbers.point),
            index,
            sp.Float(str(getattr(left, "real", left)), 15),
            sp.Float(str(getattr(right, "real", right)), 15),
        )
