"""Reading of domains: from sympy Sets, assumptions and relationals to ordered bounds.

Users' symbols may lack assumptions or carry any name, so bounds are worked out on stand-in
symbols of our own that know their sign.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from sympy import (
    FiniteSet,
    Integer,
    Intersection,
    Interval,
    Max,
    Min,
    Range,
    S,
    Set,
    Symbol,
    oo,
)

from statmani.constraints import Bounds, ErrorType, absorb, relations_of
from statmani.domain import Axis, CircleType, Domain
from statmani.errors import InvalidFamily

__all__ = ["bounds_of", "domain_of", "internal_symbols", "read_specification"]


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
    symbols = specification if isinstance(specification, tuple) else ()
    if constraint is None and symbols and all(type(s) is Symbol for s in symbols):
        # Many manifolds share their coordinates.
        return _known_domain(symbols, what, error)  # type: ignore[arg-type]
    return _domain_of(specification, constraint, what, error)


@lru_cache(maxsize=256)
def _known_domain(symbols: tuple[Symbol, ...], what: str, error: ErrorType) -> Domain:
    return _domain_of(symbols, None, what, error)


def _domain_of(specification: object, constraint: object, what: str, error: ErrorType) -> Domain:
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
    if isinstance(domain, Intersection) and any(
        s in (S.Naturals0, S.Naturals, S.Integers) for s in domain.args
    ):
        parts = [_bounds_of_set(symbol, s, what, error) for s in domain.args]
        return Bounds(Max(*(b.lower for b in parts)), Min(*(b.upper for b in parts)), discrete=True)
    if isinstance(domain, FiniteSet):
        if len(domain.args) == 1:
            raise error(
                f"{what}: the domain {domain} of {symbol} has a single value. "
                f"Drop {symbol}, or give it a range."
            )
        values = tuple(sorted(domain.args, key=lambda v: float(v) if v.is_number else 0.0))
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
    outside = (bounds.lower - assumed.lower).is_extended_negative or (
        bounds.upper - assumed.upper
    ).is_extended_positive
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
