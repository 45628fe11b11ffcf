"""From two sides of a law to its status: exact comparison, witnesses, and time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, final

from sympy import Expr, Float, Rational, Symbol

from statmani.algebra.element import Element
from statmani.errors import CertificateError, StatmaniError
from statmani.laws.record import Law, Witness
from statmani.laws.view import Poly, View

__all__ = ["SAMPLES", "Clock", "TimeOver", "compare", "describe_order", "first_difference", "run"]

#: Points at which the sides of a law are evaluated.
SAMPLES = 4
#: Orders at which two polynomials in alpha that differ are told apart.
_ORDERS = tuple(Rational(k, 7) for k in (3, -5, 9, 16))
#: Digits that agree when the ring misses a relation but the numbers do not.
_DIGITS = 30
_COARSE = 6
_NOTHING = 1e-10

Sides = Iterable[tuple[tuple[int, ...], Poly, Poly]]


class TimeOver(Exception):
    """The time of a law is over."""


@final
class Clock:
    """Processor time that one law may take, and where progress is told.

    Parameters
    ----------
    seconds : float
    progress : callable, optional
    """

    def __init__(self, seconds: float, progress: Callable[[str], None] | None = None) -> None:
        self.seconds = seconds
        self._progress = progress
        self._end = float("inf")

    def start(self, name: str) -> None:
        """A law begins."""
        if self._progress is not None:
            self._progress(name)
        self._end = time.thread_time() + self.seconds

    @property
    def late(self) -> str:
        """What is said of a law that is not decided in time."""
        return f"not decided within {self.seconds:g} s of processor time; raise effort"

    def tick(self) -> None:
        """Raise when the law's time is over.

        Raises
        ------
        TimeOver
        """
        if self.is_over:
            raise TimeOver

    @property
    def is_over(self) -> bool:
        """Whether the law's time is over."""
        return time.thread_time() > self._end


def run(clock: Clock, name: str, statement: str, law: Callable[[Clock], Law]) -> Law:
    """A law's verdict; what cannot be decided, or not in time, does not apply and says so."""
    clock.start(name)
    try:
        return law(clock)
    except TimeOver:
        return Law(
            name,
            statement,
            "not applicable",
            explanation=clock.late,
        )
    except StatmaniError as failure:
        return Law(name, statement, "not applicable", explanation=f"not decided: {failure}")


@dataclass(frozen=True)
class _Difference:
    witness: Witness | None
    digits: int


def compare(
    view: View, name: str, statement: str, sides: Sides, clock: Clock, explanation: str = ""
) -> Law:
    """Whether both sides of every component are the same polynomial in alpha.

    Parameters
    ----------
    view : View
    name, statement : str
    sides : iterable of (index, left side, right side)
    clock : Clock
    explanation : str
        The route, for a law that holds.
    """
    missed: int | None = None
    for index, left, right in sides:
        clock.tick()
        found = first_difference(view, index, left, right)
        if found is None:
            continue
        if found.witness is not None:
            return Law(name, statement, "violated", witness=found.witness)
        missed = found.digits if missed is None else min(missed, found.digits)
    if missed is not None:
        note = "the ring does not see every relation between its functions, the numbers do"
        return Law(name, statement, "verified", missed, SAMPLES, explanation=note)
    return Law(name, statement, "proved", explanation=explanation)


def first_difference(
    view: View, index: tuple[int, ...], left: Poly, right: Poly
) -> _Difference | None:
    """None for equal sides; else a witness, or the digits to which numbers agree."""
    parts = view.total([left], [right])
    if not any(parts):
        return None
    guard = view.ring.guard
    agree = _COARSE if guard.is_coarse else _DIGITS
    best: tuple[Any, Witness] | None = None
    tried = False
    for alpha in _ORDERS if view.is_symbolic and len(parts) > 1 else _ORDERS[:1]:
        one, other = view.at(left, alpha), view.at(right, alpha)
        named = alpha if view.is_symbolic and len(parts) > 1 else None
        try:
            guard.require_nonzero(one - other)
        except CertificateError:
            continue
        for point, a, b in _values(view, one, other):
            gap, tried = abs(a - b), True
            # Values that vanish by a symmetry differ by the rounding of their quadrature.
            clear = gap > (abs(a) + abs(b)) * 10.0**-agree and (
                gap > _NOTHING or not guard.is_coarse
            )
            if clear and (best is None or gap > best[0]):
                best = gap, _witness(index, point, named, a, b)
                if guard.is_coarse:
                    # Values are dear: the first clear difference is as good as the largest.
                    break
        if best is not None:
            return _Difference(best[1], 0)
        if not tried and not guard.is_coarse:
            # Different in the ring and at the guard's point, but without values elsewhere.
            shown = view.ring.shown(one), view.ring.shown(other)
            return _Difference(Witness((), index, *shown), 0)
    return _Difference(None, agree)


def _values(view: View, left: Element, right: Element) -> Iterator[tuple[Any, Any, Any]]:
    samples = view.ring.guard.each_sample
    rows = zip(samples(left, SAMPLES), samples(right, SAMPLES), strict=True)
    for (point, a), (_, b) in rows:
        if a == a and b == b:
            yield point, a, b


def _witness(
    index: tuple[int, ...], point: dict[Any, Any], alpha: Expr | None, a: Any, b: Any
) -> Witness:
    order: list[tuple[Symbol, Expr]] = [] if alpha is None else [(Symbol("alpha"), alpha)]
    place = [*sorted(point.items(), key=lambda pair: str(pair[0])), *order]
    return Witness(tuple(place), index, Float(str(a), 15), Float(str(b), 15))


def describe_order(view: View) -> str:
    """For explanations: which orders are meant."""
    return "identically in alpha" if view.is_symbolic else f"for alpha = {view.alpha}"
