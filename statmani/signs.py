"""Proved signs of expressions on a box with ordered, possibly dependent bounds."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any, Protocol

from sympy import Dummy, Expr, Symbol, expand, oo

__all__ = ["Bounded", "is_positive_on"]

_MOST_CHOICES = 64


class Bounded(Protocol):
    """What has a symbol and bounds: a domain's axis or a sample variable."""

    @property
    def symbol(self) -> Symbol: ...
    @property
    def lower(self) -> Expr: ...
    @property
    def upper(self) -> Expr: ...


def is_positive_on(expression: Expr, box: Sequence[Bounded]) -> bool:
    """Whether `expression` is proved positive (never a guess: False means not proved).

    Each symbol is written as its distance from one of its ends, so that for example
    ``1 - p1 - p2`` becomes one positive symbol.

    Examples
    --------
    >>> from sympy import Integer, symbols
    >>> from statmani.domain import Axis
    >>> p = symbols("p", positive=True)
    >>> is_positive_on(1 - p, [Axis(p, Integer(0), Integer(1))])
    True
    """
    if expression.is_positive:
        return True
    used = [b for b in box if expression.has(b.symbol)]
    choices = [
        [end for end in (b.lower, b.upper) if end.is_finite is not False] or [None] for b in used
    ]
    if not used or len(list(product(*choices))) > _MOST_CHOICES:
        return False
    for ends in product(*choices):
        candidate: Any = expression
        for b, end in zip(reversed(used), reversed(ends), strict=True):
            if end is None:
                continue
            distance = Dummy(positive=True)
            sign = 1 if end == b.lower and end is not oo else -1
            candidate = candidate.xreplace({b.symbol: end + sign * distance})
        if expand(candidate).is_positive or candidate.is_positive:
            return True
    return False
