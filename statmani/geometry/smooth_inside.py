"""Does a map have smooth finite values everywhere, inside the old domain? Witnesses if not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from sympy import (
    Abs,
    Add,
    Expr,
    Heaviside,
    Max,
    Min,
    Piecewise,
    Pow,
    Symbol,
    ceiling,
    cos,
    cot,
    csc,
    floor,
    frac,
    log,
    pi,
    sec,
    sign,
    sin,
    tan,
)
from sympy.core.relational import Relational

from statmani.algebra.numeric import NotEvaluable, new_context, value_of
from statmani.domain import Domain
from statmani.errors import InvalidManifold
from statmani.geometry.refinement import shown
from statmani.geometry.scan import (
    exact_point,
    first_zero,
    gaps,
    nearby,
    points_of,
    polynomial_zeros,
    values_of,
)
from statmani.signs import is_positive_on

__all__ = ["KINKED", "require_defined", "require_inside", "require_smooth"]

Point = dict[Expr, Expr]

#: Functions that are not smooth everywhere, however smooth their arguments are.
KINKED = (Abs, sign, Max, Min, Heaviside, Piecewise, floor, ceiling, frac)

_DIGITS = 60


def _one_sign(expr: Expr, domain: Domain) -> bool:
    return is_positive_on(expr, domain.axes) or is_positive_on(-expr, domain.axes)


def _switches(node: Any) -> Iterator[Expr]:
    """Expressions at whose zeros the function passes from one formula to another."""
    if isinstance(node, (Abs, sign, Heaviside)):
        yield node.args[0]
    elif isinstance(node, (floor, ceiling, frac)):
        yield sin(pi * node.args[0])
    elif isinstance(node, (Max, Min)):
        for a, b in combinations(node.args, 2):
            yield a - b
    else:
        for _, condition in node.args:
            for relation in condition.atoms(Relational):
                yield relation.lhs - relation.rhs


def require_smooth(domain: Domain, mapping: Mapping[Expr, Expr]) -> None:
    """Refuse Abs, Max, Piecewise and their like where they switch inside the domain."""
    new = set(domain.symbols)
    for symbol, image in mapping.items():
        for node in sorted(image.atoms(*KINKED), key=str):
            for switch in _switches(node):
                if not switch.free_symbols or switch.free_symbols - new:
                    continue
                if _one_sign(switch, domain):
                    continue
                point = first_zero(domain, switch)
                if point is not None:
                    raise InvalidManifold(
                        f"the map {symbol} = {image} contains {node}, which is not smooth at "
                        f"{shown(point)}. Use a smooth expression, or restrict the domain of the "
                        "new coordinates to one side."
                    )


def _dangers(image: Expr) -> Iterator[Expr]:
    """Expressions at whose zeros the image may have no finite value."""
    for node in image.atoms(Pow, log, tan, sec, cot, csc):
        if isinstance(node, Pow):
            if node.exp.is_nonnegative is not True:
                yield node.base
        elif isinstance(node, (tan, sec)):
            yield cos(node.args[0])
        else:
            yield node.args[0] if isinstance(node, log) else sin(node.args[0])


def require_defined(domain: Domain, mapping: Mapping[Expr, Expr]) -> None:
    """Refuse a map with a pole or without a real value at a point of the domain."""
    new = set(domain.symbols)
    for symbol, image in mapping.items():
        if not image.free_symbols & new or image.free_symbols - new:
            continue
        for danger in sorted(set(_dangers(image)), key=str):
            if not danger.free_symbols or _one_sign(danger, domain):
                continue
            exact = polynomial_zeros(domain, danger)
            zero = first_zero(domain, danger) if exact is None else None
            for point in exact or ([zero] if zero else []):
                if _is_undefined(image, point, domain.symbols):
                    raise InvalidManifold(
                        f"the map {symbol} = {image} has no finite real value at {shown(point)}. "
                        "Restrict the domain of the new coordinates."
                    )


def _is_undefined(image: Expr, point: Point, symbols: Sequence[Symbol]) -> bool:
    """Whether the values beside the point are not real, or do not meet in one number."""
    context = new_context(_DIGITS)
    values = []
    for place in nearby(point, symbols):
        try:
            at = {s: value_of(v, {}, context) for s, v in place.items()}
            values.append(value_of(image, at, context))
        except NotEvaluable:
            return True
    spread = max(values) - min(values)
    return bool(spread > context.mpf(10) ** -6 * (1 + max(map(abs, values))))


def require_inside(old: Domain, domain: Domain, mapping: Mapping[Expr, Expr]) -> None:
    """Refuse a map with a point whose image breaks a bound or constraint of the old domain."""
    new = set(domain.symbols)
    points = None
    for gap, condition in gaps(old):
        composed = gap.xreplace(dict(mapping))
        if composed.free_symbols - new or is_positive_on(composed, domain.axes):
            continue
        points = points_of(domain) if points is None else points
        values = values_of(composed, domain.symbols, points)
        # Of the points outside, the simplest; a touching point lies outside an open domain too.
        order = np.lexsort((np.abs(points).sum(1), (points % 1 != 0).sum(1)))
        candidates = [exact_point(domain, points[k]) for k in order[values[order] < 0][:4]]
        touching = first_zero(domain, composed)
        for point in (*candidates, touching):
            if point is not None and _breaks(composed, point):
                raise InvalidManifold(_leaving(old, mapping, point, condition))


def _breaks(gap: Expr, point: Point) -> bool:
    """Whether the gap is clearly negative, or zero at a point beside which it is not.

    Twice the digits must give the same: saturated functions leave only rounding errors.
    """
    values = []
    try:
        for digits in (_DIGITS, 2 * _DIGITS):
            context = new_context(digits)
            at = {s: value_of(v, {}, context) for s, v in point.items()}
            values.append(value_of(gap, at, context))
            size = _size(gap, at, context)
        if all(v < -size * context.mpf(10) ** -30 for v in values):
            return bool(abs(values[0] - values[1]) < abs(values[1]) * context.mpf(10) ** -10)
        beside = {s: c + abs(c) / 1000 + 1e-3 for s, c in at.items()}
        scale = abs(value_of(gap, beside, context))
        clear = scale > _size(gap, beside, context) * context.mpf(10) ** -20
    except NotEvaluable:
        return False
    return bool(clear and all(abs(v) < scale * context.mpf(10) ** -40 for v in values))


def _size(gap: Expr, at: Mapping[Expr, Any], context: Any) -> Any:
    """The sizes of the terms together."""
    return sum(abs(value_of(term, at, context)) for term in Add.make_args(gap))


def _leaving(old: Domain, mapping: Mapping[Expr, Expr], point: Point, condition: str) -> str:
    got = []
    for symbol in old.symbols:
        value = mapping[symbol].xreplace(point)
        short = value.is_Rational and len(str(value)) < 12
        got.append(f"{symbol} = {value if short else value.evalf(6)}")
    return (
        f"the map leaves the domain ({old}): at {shown(point)} it gives {', '.join(got)}, "
        f"which breaks {condition}. Restrict the domain of the new coordinates."
    )
