"""One coordinate with its open interval, or on the circle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from sympy import Expr, Symbol, oo

__all__ = ["Axis", "Circle", "CircleType"]


@final
class CircleType:
    """The domain of a 2*pi-periodic parameter; use the instance :data:`Circle`.

    Examples
    --------
    >>> import statmani as sm
    >>> sm.Circle
    Circle
    >>> sm.Circle() is sm.Circle
    True
    """

    _instance: CircleType | None = None

    def __new__(cls) -> CircleType:
        if cls._instance is None:
            cls._instance = super().__new__(cls)
        return cls._instance

    def __call__(self) -> CircleType:
        return self

    def __repr__(self) -> str:
        return "Circle"

    def __reduce__(self) -> tuple[type[CircleType], tuple[()]]:
        return (CircleType, ())


#: Domain of a 2*pi-periodic parameter such as the mean direction of a von Mises density.
Circle = CircleType()


@final
@dataclass(frozen=True)
class Axis:
    """One coordinate with its open interval.

    Attributes
    ----------
    symbol : Symbol
        The coordinate.
    lower, upper : Expr
        Bounds of the open interval; they may contain symbols of earlier axes and constants.
    periodic : bool
        True for a coordinate on the circle; its bounds are then infinite.
    """

    symbol: Symbol
    lower: Expr
    upper: Expr
    periodic: bool = False

    def __str__(self) -> str:
        if self.periodic:
            return f"{self.symbol} on the circle"
        if self.lower is -oo and self.upper is oo:
            return f"{self.symbol} real"
        if self.upper is oo:
            return f"{self.symbol} > {self.lower}"
        if self.lower is -oo:
            return f"{self.symbol} < {self.upper}"
        return f"{self.lower} < {self.symbol} < {self.upper}"
