"""Bounds of symbols and the inequalities that narrow them.

:func:`absorb` turns coupled linear constraints into bounds of the last symbol that they
contain, so that ``p1 + p2 < 1`` becomes ``0 < p2 < 1 - p1``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import final

from sympy import And, Eq, Expr, Integer, Ne, Or, Symbol, expand, oo, sqrt
from sympy.core.relational import Relational
from sympy.logic.boolalg import BooleanFalse, BooleanTrue

from statmani.errors import StatmaniError

__all__ = ["Bounds", "ErrorType", "absorb", "relations_of"]

ErrorType = type[StatmaniError]


@final
@dataclass(frozen=True)
class Bounds:
    """Range of one symbol: an open interval, or an inclusive range of integers, or values."""

    lower: Expr
    upper: Expr
    discrete: bool = False
    periodic: bool = False
    values: tuple[Expr, ...] | None = None


def absorb(
    symbols: Sequence[Symbol],
    bounds: Sequence[Bounds],
    relations: Sequence[Relational],
) -> tuple[list[Bounds], list[Relational]]:
    """Turn relations into bounds of the last symbol that they contain, where that is exact.

    Linear relations, and ``q - p*z**2 > 0`` with known signs, become bounds; the condition
    that a range is not empty is passed on to earlier symbols (Fourier-Motzkin elimination).

    Returns
    -------
    bounds, rest
        Tightened bounds, and the relations that stay as they are.
    """
    current = list(bounds)
    rest: list[Relational] = []
    work: list[tuple[Expr, bool, Relational | None]] = [
        (r.gts - r.lts, r.rel_op in ("<", ">"), r) for r in relations
    ]
    work += [
        (b.upper - b.lower, not b.discrete, None)
        for b in bounds
        if b.values is None and (b.upper - b.lower).free_symbols and b.upper.is_finite is not False
    ]
    for _ in range(20 * (len(work) + len(symbols))):
        if not work:
            break
        expression, strict, relation = work.pop(0)
        expression = expand(expression)
        index = max((i for i, s in enumerate(symbols) if expression.has(s)), default=None)
        tightened = None
        if index is not None:
            tightened = _tighten(symbols[index], current[index], expression, strict)
        if index is None or tightened is None:
            if relation is not None:
                rest.append(relation)
            continue
        if tightened != current[index]:
            current[index] = tightened
            width = tightened.upper - tightened.lower
            if width.is_finite is not False and width.free_symbols:
                work.append((width, not tightened.discrete, None))
    return current, rest


def relations_of(relation: object, what: str, error: ErrorType) -> tuple[Relational, ...]:
    """The strict or weak inequalities of a conjunction, a single one, or a sequence."""
    if relation is None or isinstance(relation, BooleanTrue) or relation is True:
        return ()
    if isinstance(relation, BooleanFalse) or relation is False:
        raise error(f"{what}: the condition is never true. Correct it.")
    if isinstance(relation, And):
        parts: Iterable[object] = relation.args
    elif isinstance(relation, (list, tuple)):
        parts = relation
    else:
        parts = (relation,)
    result: list[Relational] = []
    for part in parts:
        if isinstance(part, And):
            result.extend(relations_of(part, what, error))
        elif isinstance(part, BooleanTrue) or part is True:
            continue
        elif isinstance(part, Relational) and not isinstance(part, (Eq, Ne)):
            result.append(part)
        else:
            kind = "an equation" if isinstance(part, (Eq, Ne)) else "not an inequality"
            if isinstance(part, Or):
                kind = "a disjunction"
            raise error(
                f"{what}: {part} is {kind}; only inequalities joined by And are allowed. "
                "Use <, <=, >, >= between sympy expressions."
            )
    return tuple(sorted(result, key=lambda r: str(r)))


def _tighten(symbol: Symbol, bounds: Bounds, expression: Expr, strict: bool) -> Bounds | None:
    """`bounds` narrowed by ``expression > 0`` (or >= 0), or None if that has no such form."""
    if bounds.values is not None:
        return None
    slope = expand(expression.diff(symbol))
    constant = expression.xreplace({symbol: Integer(0)})
    step = Integer(1 if bounds.discrete and strict else 0)
    if not slope.has(symbol):
        if slope.is_positive:
            return _narrow(bounds, lower=expand(-constant / slope) + step)
        if slope.is_negative:
            return _narrow(bounds, upper=expand(-constant / slope) - step)
        return None
    curvature = expand(slope.diff(symbol))
    if (
        not curvature.has(symbol)
        and curvature.is_negative
        and constant.is_positive
        and slope.xreplace({symbol: Integer(0)}) == 0
        and not bounds.discrete
    ):
        radius = sqrt(-2 * constant / curvature)
        narrowed = _narrow(bounds, lower=-radius)
        return None if narrowed is None else _narrow(narrowed, upper=radius)
    return None


def _narrow(bounds: Bounds, lower: Expr | None = None, upper: Expr | None = None) -> Bounds | None:
    if lower is not None:
        gap = expand(lower - bounds.lower)
        if bounds.lower is -oo or gap.is_nonnegative:
            return replace(bounds, lower=lower)
        return bounds if gap.is_nonpositive else None
    assert upper is not None
    gap = expand(bounds.upper - upper)
    if bounds.upper is oo or gap.is_nonnegative:
        return replace(bounds, upper=upper)
    return bounds if gap.is_nonpositive else None
