"""Generators of a ring, and the symbols that stand for a chart's coordinates in it."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, final

from sympy import Expr, Symbol

from statmani.algebra.element import Element
from statmani.domain import Domain

if TYPE_CHECKING:
    from statmani.algebra.polynomials import Polynomials

__all__ = ["Atom", "CoordinateRule", "Derivation", "internal_domain"]

Derivation = Callable[[int], Element]


class Atom(NamedTuple):
    """A generator: its expression in internal symbols and its derivation rule.

    Attributes
    ----------
    expr : Expr
    derive : callable
        coordinate index -> derivative as an element.
    kind : str
        "symbol", "exp", "log", "root", "sin", "cos" or "other".
    argument : Element or None
        What the function is applied to, for exp, log and root.
    """

    expr: Expr
    derive: Derivation
    kind: str = "other"
    argument: Element | None = None


@final
class CoordinateRule:
    """The derivation rule of a coordinate."""

    __slots__ = ("_index", "_ring")

    def __init__(self, ring: Polynomials, index: int) -> None:
        self._ring = ring
        self._index = index

    def __call__(self, coordinate: int) -> Element:
        return self._ring.one if coordinate == self._index else self._ring.zero


@lru_cache(maxsize=256)
def internal_domain(domain: Domain) -> tuple[dict[Expr, Expr], Domain]:
    """Coordinates with their internal symbols, and the domain in these."""
    inside: dict[Any, Expr] = {}
    for axis in domain.axes:
        facts: dict[str, bool] = {"real": True}
        if axis.lower.is_nonnegative:
            facts = {"positive": True}
        elif axis.upper.is_nonpositive:
            facts = {"negative": True}
        inside[axis.symbol] = Symbol(f"x{len(inside)}", **facts)
    return inside, domain.subs(inside)
