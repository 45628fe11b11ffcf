"""Reading of a declared density into a :class:`~statmani.declaration.Declaration`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sympy import (
    Add,
    Expr,
    Float,
    Heaviside,
    I,
    Integer,
    Integral,
    Mul,
    Piecewise,
    Pow,
    S,
    Sum,
    Symbol,
    exp,
    expand_log,
    gamma,
    log,
    nan,
    oo,
    piecewise_fold,
    srepr,
    zoo,
)
from sympy.core.relational import Relational
from sympy.logic.boolalg import Boolean, BooleanFalse, BooleanTrue
from sympy.sets.contains import Contains

from statmani.cases import in_cases
from statmani.constraints import Bounds, absorb, relations_of
from statmani.declaration import Declaration, Variable
from statmani.domain import Axis, Domain
from statmani.errors import InvalidFamily
from statmani.reading import internal_symbols, read_specification
from statmani.signs import Bounded, is_positive_on
from statmani.zeta import open_zeta

__all__ = ["declare"]


def declare(
    density: object,
    log_density: object,
    sample: object,
    parameters: object,
    support: object,
    constraint: object,
    constants: Iterable[object],
    name: str | None,
) -> Declaration:
    """Read a family's declaration; see :class:`statmani.Family` for the arguments.

    Raises
    ------
    InvalidFamily
        Whatever contradicts itself, is missing, or looks like a typo.
    """
    given = _given_density(density, log_density)
    xs = read_specification(sample, "sample", InvalidFamily)
    thetas = read_specification(parameters, "parameters", InvalidFamily)
    allowed = _listed_constants(constants)
    support_relations = relations_of(support, "support", InvalidFamily)
    parameter_relations = relations_of(constraint, "constraint", InvalidFamily)
    expression, conditions = _split_support(given, density is not None)
    support_relations += relations_of(list(conditions), "density", InvalidFamily)
    _check_declared(xs, thetas)
    _check_constraint(parameter_relations, xs)
    free = _free_constants(
        expression, xs, thetas, allowed, (*support_relations, *parameter_relations)
    )
    table: dict[Symbol, Symbol] = {
        symbol: _internal_constant(symbol, index, xs) for index, symbol in enumerate(free)
    }
    own, bounds = internal_symbols(thetas, "t", table)
    bounds, rest = absorb(
        list(own.values()), bounds, _rename(parameter_relations, {**table, **own})
    )
    table |= own
    domain = Domain(
        tuple(
            Axis(symbol, b.lower, b.upper, b.periodic)
            for symbol, b in zip(own.values(), bounds, strict=True)
        ),
        tuple(rest),
    )
    mine, ranges = internal_symbols(xs, "x", table)
    table |= mine
    ranges, region = absorb(list(mine.values()), ranges, _rename(support_relations, table))
    variables = tuple(
        Variable(symbol, b.lower, b.upper, b.discrete, b.values)
        for symbol, b in zip(mine.values(), ranges, strict=True)
    )
    inner = open_zeta(_with_own_bound_symbols(expression).xreplace(dict(table)))
    box: tuple[Bounded, ...] = (*domain.axes, *(v for v in variables if not v.discrete))
    ell = _split_gammas(_opened_cases(inner, density is not None, variables, box))
    _check_finite(ell, given)
    missing = [user for user, new in own.items() if not ell.has(new)]
    if missing and not any(
        ell_bound.has(new)
        for new in (own[m] for m in missing)
        for ell_bound in (b for v in variables for b in (v.lower, v.upper))
    ):
        raise InvalidFamily(
            f"parameters: {missing[0]} does not occur in the density, so it cannot be "
            "identified. Remove it, or correct the density."
        )
    return Declaration(
        ell,
        variables,
        domain,
        tuple(table[symbol] for symbol in free),
        tuple(region),
        tuple((new, user) for user, new in table.items()),
        name,
    )


def _with_own_bound_symbols(expr: Expr) -> Expr:
    """Sums and integrals over symbols of ours: a user's may be the sample's."""
    found = {
        node: node.as_dummy().xreplace({b: Symbol(f"n{i}", real=True) for i, b in _bound(node)})
        for node in expr.atoms(Sum, Integral)
    }
    return expr.xreplace(found) if found else expr


def _bound(node: Expr) -> list[tuple[int, Symbol]]:
    return list(enumerate(node.as_dummy().bound_symbols))


def _rename(relations: Iterable[Relational], table: Mapping[Symbol, Symbol]) -> list[Relational]:
    """Relations in internal symbols, without those that the assumptions already imply."""
    kept: list[Relational] = []
    for relation in relations:
        renamed = relation.xreplace(dict(table))
        if isinstance(renamed, BooleanFalse):
            raise InvalidFamily(
                f"constraint: {relation} can never hold in the declared domain. Correct either."
            )
        if isinstance(renamed, Relational):
            kept.append(renamed)
    return kept


def _given_density(density: object, log_density: object) -> Expr:
    if (density is None) == (log_density is None):
        count = "neither" if density is None else "both"
        raise InvalidFamily(
            f"Family: {count} of `density` and `log_density` given. Give exactly one."
        )
    given, label = (density, "density") if density is not None else (log_density, "log_density")
    if isinstance(given, (int, float)):
        given = Float(given) if isinstance(given, float) else Integer(given)
    if not isinstance(given, Expr) or isinstance(given, Boolean):
        raise InvalidFamily(
            f"{label}: expected a sympy expression, got {type(given).__name__} {given!r}. "
            "Build it from sympy Symbols; strings are not parsed."
        )
    return given


def _listed_constants(constants: Iterable[object]) -> tuple[Symbol, ...]:
    if isinstance(constants, Symbol):
        constants = (constants,)
    listed = tuple(constants) if isinstance(constants, Iterable) else (constants,)
    for symbol in listed:
        if not isinstance(symbol, Symbol):
            raise InvalidFamily(
                f"constants: {symbol!r} is not a sympy Symbol. List Symbols, "
                "for example constants=[n]."
            )
    return tuple(s for s in listed if isinstance(s, Symbol))


def _split_support(given: Expr, is_density: bool) -> tuple[Expr, tuple[Boolean, ...]]:
    """Take ``Piecewise((f, condition), (0, True))`` apart: the condition belongs to the support."""
    empty = Integer(0) if is_density else -oo
    if isinstance(given, Piecewise) and len(given.args) == 2:
        (first, condition), (second, otherwise) = given.args
        if second == empty and isinstance(otherwise, BooleanTrue):
            parts = condition.args if condition.func.__name__ == "And" else (condition,)
            kept = tuple(p for p in parts if not isinstance(p, Contains))
            if all(isinstance(p, Relational) and p.rel_op not in ("==", "!=") for p in kept):
                return first, kept
    if is_density and isinstance(given, Mul):
        steps = [f for f in given.args if isinstance(f, Heaviside)]
        inner = [f for f in given.args if isinstance(f, Piecewise)]
        if steps:
            rest, more = _split_support(Mul(*(f for f in given.args if f not in steps)), True)
            return rest, (*(s.args[0] > 0 for s in steps), *more)
        if len(inner) == 1:
            rest, more = _split_support(inner[0], True)
            if more:
                return Mul(rest, *(f for f in given.args if f not in inner)), more
    return given, ()


def _check_declared(
    xs: Sequence[tuple[Symbol, Bounds]], thetas: Sequence[tuple[Symbol, Bounds]]
) -> None:
    names = {symbol.name: symbol for symbol, _ in xs}
    for symbol, bounds in xs:
        if bounds.periodic:
            raise InvalidFamily(
                f"sample: the domain of {symbol} is Circle, which is for parameters. "
                "Write Interval(-pi, pi)."
            )
    for symbol, bounds in thetas:
        if symbol.name in names:
            raise InvalidFamily(
                f"parameters: {symbol} is declared both as sample and as parameter. "
                "Give one of them another name."
            )
        if bounds.discrete:
            raise InvalidFamily(
                f"parameters: the domain of {symbol} is discrete; parameters are continuous. "
                f"Leave {symbol} out so that it becomes a constant."
            )
        used = bounds.lower.free_symbols | bounds.upper.free_symbols
        mixed = used & {s for s, _ in xs}
        if mixed:
            raise InvalidFamily(
                f"parameters: a bound of {symbol} uses the sample variable "
                f"{sorted(map(str, mixed))[0]}. Use constants and earlier parameters only."
            )


def _check_constraint(relations: Sequence[Relational], xs: Sequence[tuple[Symbol, Bounds]]) -> None:
    for relation in relations:
        used = sorted(str(s) for s, _ in xs if relation.has(s))
        if used:
            raise InvalidFamily(
                f"constraint: {relation} uses the sample variable {used[0]}. "
                "Conditions on the sample belong into `support`."
            )


def _free_constants(
    expression: Expr,
    xs: Sequence[tuple[Symbol, Bounds]],
    thetas: Sequence[tuple[Symbol, Bounds]],
    allowed: tuple[Symbol, ...],
    relations: Sequence[Relational],
) -> list[Symbol]:
    declared = [symbol for symbol, _ in (*xs, *thetas)]
    free: set[Any] = set(expression.free_symbols)
    for _, bounds in (*xs, *thetas):
        free |= bounds.lower.free_symbols | bounds.upper.free_symbols
    for relation in relations:
        free |= relation.free_symbols
    found = sorted(free - set(declared), key=lambda s: (s.name, srepr(s)))
    for symbol in found:
        if symbol in allowed:
            continue
        for known in declared:
            same = symbol.name == known.name
            close = (
                min(len(symbol.name), len(known.name)) >= 4
                and known not in free
                and _edit_distance_is_one(symbol.name, known.name)
            )
            if same or close:
                reason = (
                    "has the name of a declared symbol but other assumptions"
                    if same
                    else f"is not declared and looks like {known}, which does not occur"
                )
                raise InvalidFamily(
                    f"density: the symbol {symbol} {reason}. Use the same Symbol object, "
                    f"or list it as a constant: constants=[{symbol}]."
                )
        if symbol.is_real is False:
            raise InvalidFamily(
                f"density: the constant {symbol} is assumed not real. Drop the assumption."
            )
    return found


def _internal_constant(symbol: Symbol, index: int, xs: Sequence[tuple[Symbol, Bounds]]) -> Symbol:
    facts = {
        fact: True
        for fact in ("integer", "positive", "negative", "nonnegative", "nonpositive")
        if symbol.assumptions0.get(fact)
    }
    counts = any(
        b.discrete and symbol in (b.lower.free_symbols | b.upper.free_symbols) for _, b in xs
    )
    if counts:
        facts["integer"] = True
        if not facts.keys() & {"negative", "nonpositive"}:
            facts["positive"] = True
    return Symbol(f"c{index}", real=True, **facts)


def _log_of(density: Expr, box: Sequence[Bounded]) -> Expr:
    """log of a density; only expansions that hold on the whole domain are made."""
    if density.is_nonpositive:
        raise InvalidFamily(
            f"density: {density} is never positive. A density is positive on its support."
        )
    if isinstance(density, Piecewise):
        return _log_of_branches(density, box)
    if density.has(Piecewise) and not isinstance(density, Mul):
        folded = piecewise_fold(density)
        if isinstance(folded, Piecewise):
            return _log_of(folded, box)
    if isinstance(density, Mul):
        return Add(*(_log_of_factor(factor, box) for factor in _pair_signs(density)))
    return _log_of_factor(density, box)


def _opened_cases(
    given: Expr, is_density: bool, variables: Sequence[Variable], box: Sequence[Bounded]
) -> Expr:
    """log p, with sums over indicators of the sample as cases."""
    if is_density:
        return _log_of(Mul(*(in_cases(f, variables) for f in Mul.make_args(given))), box)

    opened = {a: in_cases(a.args[0], variables) for a in given.atoms(log)}
    return given.xreplace({a: _log_of(c, box) for a, c in opened.items() if c is not a.args[0]})


def _log_of_branches(density: Piecewise, box: Sequence[Bounded]) -> Expr:
    """Branches of density zero lie outside the support; were one reached, the total mass,
    which is checked next, would exceed one."""
    branches = [(value, condition) for value, condition in density.args if value != 0]
    if not branches:
        raise InvalidFamily(
            f"density: {density} is never positive. A density is positive on its support."
        )
    if len(branches) < len(density.args):
        branches[-1] = (branches[-1][0], S.true)
    return Piecewise(*((_log_of(value, box), condition) for value, condition in branches))


def _split_gammas(ell: Expr) -> Expr:
    """log of a product of gamma functions as a sum: sympy turns loggamma(n + 1/2), n an integer,
    into such a product, which overflows."""

    def is_product(e: Expr) -> bool:
        return isinstance(e, log) and e.args[0].is_Mul and e.args[0].has(gamma)

    result: Expr = ell.replace(is_product, expand_log)
    return result


def _pair_signs(density: Mul) -> list[Expr]:
    """Factors, with negative ones multiplied in pairs so that each logarithm is real."""
    positive = [f for f in density.args if not f.is_negative]
    negative = [f for f in density.args if f.is_negative]
    if len(negative) % 2 == 0:
        return positive + [-f for f in negative]
    unknown = [f for f in positive if f.is_positive is None and f.is_commutative]
    if len(unknown) == 1:
        positive.remove(unknown[0])
        return positive + [-f for f in negative] + [-unknown[0]]
    return [density] if negative else positive


def _log_of_factor(factor: Expr, box: Sequence[Bounded]) -> Expr:
    if isinstance(factor, exp):
        return factor.args[0]
    if isinstance(factor, Pow):
        base, power = factor.as_base_exp()
        if base is S.Exp1:
            return power
        if is_positive_on(base, box) or not power.is_integer:
            return power * log(base)
        if power.is_even:
            return power * log(abs(base))
        return power * log(base) if power.is_odd else log(factor)
    if isinstance(factor, Piecewise):
        return _log_of(factor, box)
    return expand_log(log(factor))


def _check_finite(ell: Expr, given: Expr) -> None:
    for bad in (nan, zoo, I):
        if ell.has(bad):
            raise InvalidFamily(
                f"density: {given} is undefined or complex ({bad} occurs in its logarithm). "
                "Correct the expression or the declared domain."
            )


def _edit_distance_is_one(a: str, b: str) -> bool:
    if a == b or abs(len(a) - len(b)) > 1:
        return False
    short, long_ = sorted((a, b), key=len)
    if len(a) == len(b):
        return sum(x != y for x, y in zip(a, b, strict=True)) == 1
    return any(short == long_[:i] + long_[i + 1 :] for i in range(len(long_)))
