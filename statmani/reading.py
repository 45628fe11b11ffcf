"""Reading of domains: from sympy Sets, assumptions and relationals to ordered bounds.

Users' symbols may lack assumptions or carry any name, so bounds are worked out on stand-in
symbols of our own that know their sign; :func:`absorb` turns coupled linear constraints into
bounds of the last symbol that they contain.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

from sympy import (
    And,
    Eq,
    Expr,
    FiniteSet,
    Integer,
    Interval,
    Ne,
    Or,
    Range,
    S,
    Set,
    Symbol,
    expand,
    oo,
    sqrt,
)
from sympy.core.relational import Relational
from sympy.logic.boolalg import BooleanFalse, BooleanTrue

from statmani.domain import Axis, CircleType, Domain
from statmani.errors import InvalidFamily, StatmaniError

__all__ = ["Bounds", "absorb", "bounds_of", "domain_of", "internal_symbols", "read_specification"]

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


def read_specification(
    specification: object, what: str, error: ErrorType = InvalidFamily
) -> list[tuple[Symbol, Bounds]]:
    """Symbols with their bounds, in order, from a Symbol, a sequence or a mapping."""
    if isinstance(specification, Mapping):
        items: list[tuple[object, object]] = list(specification.items())
    elif isinstance(specification, Symbol):
        items = [(specification, None)]
    elif isinstance(specification, Iterable) and not isinstance(specification, (str, Set)):
        items = [(symbol, None) for symbol in specification]
    else:
        raise error(
            f"{what}: expected a Symbol, a sequence of Symbols or a mapping Symbol -> Set, "
            f"got {specification!r}. Write for example {{x: S.Reals}}."
        )
    if not items:
        raise error(f"{what}: empty. Declare at least one Symbol.")
    result: list[tuple[Symbol, Bounds]] = []
    for symbol, domain in items:
        if not isinstance(symbol, Symbol):
            raise error(
                f"{what}: {symbol!r} is not a sympy Symbol but {type(symbol).__name__}. "
                "Create it with sympy.Symbol or sympy.symbols."
            )
        if any(symbol == other for other, _ in result):
            raise error(f"{what}: {symbol} is declared twice. Keep one of the two.")
        if any(symbol.name == other.name for other, _ in result):
            raise error(
                f"{what}: two different symbols are named {symbol.name}. Rename one of them."
            )
        result.append((symbol, bounds_of(symbol, domain, what, error)))
    _check_order(result, what, error)
    return result


def bounds_of(symbol: Symbol, domain: object, what: str, error: ErrorType) -> Bounds:
    """The bounds that a Set, a Circle or, without either, the symbol's assumptions give."""
    assumed = _bounds_of_assumptions(symbol)
    if domain is None:
        if assumed is None:
            raise error(
                f"{what}: {symbol} has neither a domain nor an assumption that gives one. "
                f"Write {{{symbol}: Interval.open(0, oo)}} or Symbol('{symbol}', positive=True)."
            )
        return assumed
    if isinstance(domain, CircleType):
        bounds = Bounds(-oo, oo, periodic=True)
    elif isinstance(domain, Set):
        bounds = _bounds_of_set(symbol, domain, what, error)
    else:
        raise error(
            f"{what}: the domain of {symbol} must be a sympy Set or Circle, got {domain!r}. "
            "Use for example S.Reals, Interval.open(0, 1) or Range(0, 5)."
        )
    if assumed is not None:
        _check_assumptions(symbol, bounds, assumed, domain, what, error)
    elif symbol.is_real is False:
        raise error(
            f"{what}: {symbol} is assumed not real, but its domain is {domain}. "
            "Drop the assumption."
        )
    return bounds


def internal_symbols(
    declared: Sequence[tuple[Symbol, Bounds]],
    prefix: str,
    known: Mapping[Symbol, Symbol],
) -> tuple[dict[Symbol, Symbol], list[Bounds]]:
    """Stand-ins named `prefix` + index that carry the signs their bounds imply.

    Parameters
    ----------
    declared : sequence of (Symbol, Bounds)
    prefix : str
    known : mapping
        Stand-ins that exist already (parameters and constants that bounds may use).

    Returns
    -------
    mapping, bounds
        The new stand-ins, and the bounds written in stand-ins.
    """
    mapping: dict[Symbol, Symbol] = {}
    bounds: list[Bounds] = []
    for index, (symbol, raw) in enumerate(declared):
        table: dict[Any, Any] = {**known, **mapping}
        own = replace(raw, lower=raw.lower.xreplace(table), upper=raw.upper.xreplace(table))
        mapping[symbol] = Symbol(f"{prefix}{index}", **_facts(own))
        bounds.append(own)
    return mapping, bounds


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
        (b.upper - b.lower, True, None)
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


def domain_of(
    specification: object,
    constraint: object = None,
    *,
    what: str = "parameters",
    error: ErrorType = InvalidFamily,
) -> Domain:
    """The open domain of parameters or coordinates.

    Parameters
    ----------
    specification : Symbol, sequence of Symbol, or mapping Symbol -> Set or Circle
        Without a Set the symbol's assumptions give the domain; a closed Set means its interior.
    constraint : relational, And, or sequence of relationals, optional
        Coupled constraints such as ``p1 + p2 < 1``.
    what : str
        How messages call the coordinates.
    error : type
        The error to raise.

    Returns
    -------
    Domain
        In the user's symbols.
    """
    declared = read_specification(specification, what, error)
    for symbol, bounds in declared:
        if bounds.discrete:
            raise error(
                f"{what}: the domain of {symbol} is discrete; coordinates are continuous. "
                f"Leave {symbol} out so that it becomes a constant."
            )
    relations = relations_of(constraint, f"constraint of {what}", error)
    mapping, internal = internal_symbols(declared, "t", {})
    table: dict[Any, Any] = dict(mapping)
    back: dict[Any, Any] = {new: old for old, new in mapping.items()}
    symbols = list(mapping.values())
    internal, rest = absorb(symbols, internal, [r.xreplace(table) for r in relations])
    axes = tuple(
        Axis(symbol, b.lower.xreplace(back), b.upper.xreplace(back), b.periodic)
        for (symbol, _), b in zip(declared, internal, strict=True)
    )
    return Domain(axes, tuple(r.xreplace(back) for r in rest))


def _bounds_of_assumptions(symbol: Symbol) -> Bounds | None:
    if symbol.is_integer:
        if symbol.is_positive:
            return Bounds(Integer(1), oo, discrete=True)
        if symbol.is_nonnegative:
            return Bounds(Integer(0), oo, discrete=True)
        if symbol.is_negative:
            return Bounds(-oo, Integer(-1), discrete=True)
        if symbol.is_nonpositive:
            return Bounds(-oo, Integer(0), discrete=True)
        return Bounds(-oo, oo, discrete=True)
    if symbol.is_nonnegative:
        return Bounds(Integer(0), oo)
    if symbol.is_nonpositive:
        return Bounds(-oo, Integer(0))
    if symbol.is_extended_real:
        return Bounds(-oo, oo)
    return None


def _bounds_of_set(symbol: Symbol, domain: Set, what: str, error: ErrorType) -> Bounds:
    if domain in (S.Reals, S.UniversalSet):
        return Bounds(-oo, oo)
    if domain == S.Integers:
        return Bounds(-oo, oo, discrete=True)
    if domain == S.Naturals:
        return Bounds(Integer(1), oo, discrete=True)
    if domain == S.Naturals0:
        return Bounds(Integer(0), oo, discrete=True)
    if isinstance(domain, Interval):
        width = domain.end - domain.start
        if width.is_nonpositive or domain.start is oo or domain.end is -oo:
            raise error(f"{what}: the domain {domain} of {symbol} is empty. Exchange its ends.")
        return Bounds(domain.start, domain.end)
    if isinstance(domain, Range):
        start, stop, step = domain.args
        if step != 1:
            raise error(
                f"{what}: the domain {domain} of {symbol} has step {step}. "
                "Use step 1, or list the values in a FiniteSet."
            )
        return Bounds(start, stop if stop is oo else stop - 1, discrete=True)
    if isinstance(domain, FiniteSet):
        values = tuple(sorted(domain.args, key=lambda v: (float(v) if v.is_number else 0.0)))
        if any(not (v.is_number and v.is_real) for v in values):
            raise error(
                f"{what}: the domain {domain} of {symbol} has a value that is not a real number. "
                "Use numbers only."
            )
        low, high = values[0], values[-1]
        if all(v.is_Integer for v in values) and high - low == len(values) - 1:
            return Bounds(low, high, discrete=True)
        return Bounds(low, high, discrete=True, values=values)
    raise error(
        f"{what}: the domain {domain} of {symbol} is not an interval, a range of integers or a "
        "finite set. Use Interval, S.Reals, Range, S.Naturals0, S.Integers, FiniteSet or Circle, "
        "and put further conditions into `support` or `constraint`."
    )


def _check_assumptions(
    symbol: Symbol, bounds: Bounds, assumed: Bounds, domain: object, what: str, error: ErrorType
) -> None:
    outside = (bounds.lower - assumed.lower).is_negative or (
        bounds.upper - assumed.upper
    ).is_positive
    if bounds.discrete and symbol.is_positive and bounds.lower == 0:
        outside = True
    if assumed.discrete and not bounds.discrete:
        outside = True
    if outside:
        facts = ", ".join(
            name
            for name in ("integer", "positive", "negative", "nonnegative", "nonpositive", "real")
            if symbol.assumptions0.get(name)
        )
        raise error(
            f"{what}: the domain {domain} of {symbol} contradicts its assumptions ({facts}). "
            "Drop the assumption or narrow the Set."
        )


def _check_order(declared: Sequence[tuple[Symbol, Bounds]], what: str, error: ErrorType) -> None:
    for index, (symbol, bounds) in enumerate(declared):
        later = {s for s, _ in declared[index:]}
        used = (bounds.lower.free_symbols | bounds.upper.free_symbols) & later
        if used:
            names = ", ".join(sorted(str(s) for s in used))
            raise error(
                f"{what}: a bound of {symbol} uses {names}, which is not declared before it. "
                "Change the order, or use a relational in `support` or `constraint`."
            )


def _facts(bounds: Bounds) -> dict[str, bool]:
    facts: dict[str, bool] = {"real": True}
    if bounds.discrete and (bounds.values is None or all(v.is_Integer for v in bounds.values)):
        facts["integer"] = True
        if bounds.lower.is_positive:
            facts["positive"] = True
        elif bounds.lower.is_nonnegative:
            facts["nonnegative"] = True
        return facts
    inner = not bounds.discrete
    if bounds.lower.is_positive or (inner and bounds.lower.is_nonnegative):
        facts["positive"] = True
    elif bounds.upper.is_negative or (inner and bounds.upper.is_nonpositive):
        facts["negative"] = True
    return facts


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
