"""Scales of real coordinates that occur in squares in the bounds of later ones.

Where s22 > s12**2/s11, as for covariances, s12 = s11 v with a real v makes the bound s11 v**2,
and the Fisher metric diagonal in log s11, v and log(s22 - s11 v**2) (Cholesky's decomposition
of the covariance, Pourahmadi 1999). In general a bound A (y - c)**2 + R, where A and c are of
earlier coordinates, suggests v = A (y - c); R is treated in the same way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import final

from sympy import Expr, Poly, Symbol, cancel, fraction

__all__ = ["Side", "completed_squares"]


@final
@dataclass(frozen=True)
class Side:
    """What a coordinate is bounded by on one side.

    Attributes
    ----------
    symbol : Symbol
        The coordinate.
    bound : Expr or None
        What it, or its negative, exceeds; None for a coordinate with two bounds or none.
    real : bool
        Whether it is any real number.
    """

    symbol: Symbol
    bound: Expr | None
    real: bool


@lru_cache(maxsize=256)
def completed_squares(sides: tuple[Side, ...]) -> dict[Symbol, tuple[Expr, Expr]]:
    """Shift c and factor A of the coordinates y for which ``A*(y - c)`` is to be preferred.

    Examples
    --------
    >>> from sympy import symbols
    >>> from statmani.squares import Side, completed_squares
    >>> a, b, c = symbols("a b c", real=True)
    >>> completed_squares((Side(a, 0, False), Side(b, None, True), Side(c, b**2 / a, False)))
    {b: (0, 1/a)}
    """
    found: dict[Symbol, tuple[Expr, Expr]] = {}
    for place, side in enumerate(sides):
        if side.bound is not None:
            for symbol, shift, factor in _squares(side.bound, sides[:place]):
                found.setdefault(symbol, (shift, factor))
    coordinates = {side.symbol for side in sides}
    return {
        symbol: (shift, factor)
        for symbol, (shift, factor) in found.items()
        if coordinates & (shift.free_symbols | factor.free_symbols)
    }


def _squares(bound: Expr, earlier: Sequence[Side]) -> Iterator[tuple[Symbol, Expr, Expr]]:
    later: set[Symbol] = set()
    for side in reversed(earlier):
        if side.real and side.symbol in bound.free_symbols:
            top, bottom = fraction(cancel(bound))
            if side.symbol in bottom.free_symbols or not top.is_polynomial(side.symbol):
                return
            coefficients = Poly(top, side.symbol).all_coeffs()
            if len(coefficients) != 3:
                return
            a, b, rest = coefficients
            shift, factor = cancel(-b / (2 * a)), cancel(a / bottom)
            if later & (shift.free_symbols | factor.free_symbols):
                return
            yield side.symbol, shift, factor
            bound = cancel((rest - b**2 / (4 * a)) / bottom)
        later.add(side.symbol)
