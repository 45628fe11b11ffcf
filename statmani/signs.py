"""Proved signs of expressions on a box with ordered, possibly dependent bounds."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any, Protocol

from sympy import Dummy, Expr, S, Symbol, default_sort_key, exp, expand, oo

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
    >>> from sympy import Integer, exp, symbols
    >>> from statmani.domain import Axis
    >>> p = symbols("p", positive=True)
    >>> is_positive_on(1 - p, [Axis(p, Integer(0), Integer(1))])
    True
    >>> is_positive_on(1 - (1 - p) * exp(-p), [Axis(p, Integer(0), Integer(1))])
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
    return _positive_at_both_ends(expression, box)


def _positive_at_both_ends(expression: Expr, box: Sequence[Bounded]) -> bool:
    """Proved for what is affine in a symbol, or an exponential, that is bounded on both sides."""
    opened = expand(expression)
    for b in box:
        low, high = b.lower, b.upper
        if opened.has(b.symbol) and low.is_finite and high.is_finite:
            line = opened.as_poly(b.symbol)
            if line is not None and line.degree() == 1:
                rest = [other for other in box if other is not b]
                ends = (expression.xreplace({b.symbol: end}) for end in (low, high))
                return all(is_positive_on(end, rest) for end in ends)
    for e in sorted(opened.atoms(exp), key=default_sort_key):
        mark = Dummy(positive=True)
        line = opened.xreplace({e: mark}).as_poly(mark)
        if line is not None and line.degree() == 1 and is_positive_on(-e.args[0], box):
            ends = (expand(line.as_expr().xreplace({mark: end})) for end in (S.Zero, S.One))
            return all(is_positive_on(end, box) for end in ends)
    return False
