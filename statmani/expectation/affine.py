"""Parameters that enter only through linear combinations are derived in those.

A user may declare a gamma density with shape ``a + 2*b + 1`` and scale ``b - a``. The
combinations are found in the log-density, become the parameters of a simpler declaration, and
the tensors come back by the exact tensor law with a constant Jacobian. So an affine change of
parameters can neither hide a closed form nor swell it.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import sympy as sp
from sympy.core.relational import Relational

from statmani.constraints import Bounds, absorb
from statmani.declaration import Declaration
from statmani.domain import Axis, Domain
from statmani.reading import internal_symbols

__all__ = ["Reduction", "pull_back", "reduce_affine"]

Direction = tuple[sp.Rational, ...]
Form = tuple[Direction, sp.Rational]


@final
@dataclass(frozen=True)
class Reduction:
    """A declaration in linear combinations of the original parameters.

    Attributes
    ----------
    declaration : Declaration
        In the combinations phi.
    jacobian : ImmutableMatrix
        d phi_a / d theta_i.
    values : mapping
        Each combination's symbol -> its expression in the original parameters.
    """

    declaration: Declaration
    jacobian: sp.ImmutableMatrix
    values: Mapping[sp.Symbol, sp.Expr]


def reduce_affine(declaration: Declaration) -> Reduction | None:
    """The declaration in the linear combinations that its log-density contains.

    Returns
    -------
    Reduction or None
        None when every parameter already occurs by itself, or when the combinations are not
        exactly as many as the parameters.
    """
    parameters = declaration.parameters
    forms: dict[Direction, list[sp.Rational]] = {}
    bounds = (e for v in declaration.variables for e in (v.lower, v.upper))
    for expression in (declaration.log_density, *bounds):
        if not _collect(expression, parameters, forms):
            return None
    if any(a.periodic for a in declaration.domain.axes):
        return None
    conditions = _conditions(declaration.domain)
    if conditions is None:
        return None
    if all(_stands_alone(i, forms, conditions, len(parameters)) for i in range(len(parameters))):
        return None
    chosen = _choose(forms, conditions, len(parameters))
    if chosen is None:
        return None
    return _rewrite(declaration, chosen, conditions)


def pull_back(
    metric: sp.ImmutableMatrix,
    skewness: Mapping[tuple[int, int, int], sp.Expr],
    reduction: Reduction,
) -> tuple[sp.ImmutableMatrix, dict[tuple[int, int, int], sp.Expr]]:
    """g and T in the original parameters."""
    jacobian, table = reduction.jacobian, dict(reduction.values)
    n = jacobian.rows
    moved = jacobian.T * metric.xreplace(table) * jacobian
    cubic = {tuple(sorted(order)): value.xreplace(table) for order, value in skewness.items()}
    result: dict[tuple[int, int, int], sp.Expr] = {}
    for i, j, k in itertools.combinations_with_replacement(range(n), 3):
        terms = []
        for a, b, c in itertools.product(range(n), repeat=3):
            value = cubic.get(tuple(sorted((a, b, c))))
            weight = jacobian[a, i] * jacobian[b, j] * jacobian[c, k]
            if value is not None and weight != 0:
                terms.append(weight * value)
        result[i, j, k] = sp.Add(*terms)
    return sp.ImmutableMatrix(moved), result


def _stands_alone(
    index: int,
    forms: Mapping[Direction, Sequence[sp.Rational]],
    conditions: Sequence[Form],
    n: int,
) -> bool:
    """Whether a parameter occurs by itself, and not only with the shift of its bound."""
    unit = tuple(sp.Integer(int(index == j)) for j in range(n))
    if unit not in forms:
        return False
    shifts = {_primitive(*c)[1] for c in conditions if any(c[0]) and _primitive(*c)[0] == unit}
    return 0 in forms[unit] or not shifts & set(forms[unit])


def _linear(expression: sp.Expr, parameters: Sequence[sp.Symbol]) -> Form | None:
    """Coefficients and constant of a form with rational coefficients, else None."""
    coefficients = [expression.coeff(p) for p in parameters]
    rest = sp.expand(
        expression - sp.Add(*(c * p for c, p in zip(coefficients, parameters, strict=True)))
    )
    if not rest.is_Rational or not all(c.is_Rational for c in coefficients):
        return None
    return tuple(coefficients), rest


def _collect(
    expression: sp.Expr,
    parameters: Sequence[sp.Symbol],
    forms: dict[Direction, list[sp.Rational]],
) -> bool:
    """Note the directions of all maximal linear forms; False if there are too many."""
    used = [p for p in parameters if expression.has(p)]
    if not used:
        return True
    if expression.is_Symbol or expression.is_Add or expression.is_Mul:
        terms = sp.Add.make_args(expression)
        linear = [t for t in terms if _is_term(t, parameters)]
        others = [t for t in terms if t not in linear]
        if linear:
            constants = [t for t in others if t.is_Rational]
            form = _linear(sp.Add(*linear, *constants), parameters)
            if form is None:
                return False
            direction, shift = _primitive(*form)
            forms.setdefault(direction, []).append(shift)
        if expression.is_Add:
            return len(forms) <= 12 and all(_collect(t, parameters, forms) for t in others)
        if linear:
            return True
    return all(
        _collect(argument, parameters, forms)
        for argument in expression.args
        if isinstance(argument, sp.Basic)
    )


def _is_term(term: sp.Expr, parameters: Sequence[sp.Symbol]) -> bool:
    coefficient, rest = term.as_coeff_Mul()
    return bool(coefficient.is_Rational and rest in parameters)


def _primitive(direction: Direction, shift: sp.Rational) -> Form:
    """The form scaled so that its first coefficient is 1."""
    lead = next(c for c in direction if c != 0)
    return tuple(c / lead for c in direction), shift / lead


def _conditions(domain: Domain) -> list[tuple[Direction, sp.Rational]] | None:
    """The domain as linear forms that are positive, or None if it has others."""
    expressions = [c.gts - c.lts for c in domain.constraints]
    for axis in domain.axes:
        if axis.lower is not -sp.oo:
            expressions.append(axis.symbol - axis.lower)
        if axis.upper is not sp.oo:
            expressions.append(axis.upper - axis.symbol)
    forms = [_linear(sp.expand(e), domain.symbols) for e in expressions]
    if any(f is None for f in forms):
        return None
    return [f for f in forms if f is not None]


def _choose(
    forms: Mapping[Direction, Sequence[sp.Rational]],
    conditions: Sequence[Form],
    n: int,
) -> list[Form] | None:
    """n independent forms: those that the domain bounds first, then those that occur most."""
    bounded = {_primitive(*c)[0]: c for c in reversed(conditions) if any(c[0])}
    candidates = sorted(
        forms,
        key=lambda d: (d not in bounded, -len(forms[d]), sum(c != 0 for c in d), str(d)),
    )
    chosen: list[Form] = []
    for direction in candidates:
        rows = sp.Matrix([*(list(f[0]) for f in chosen), list(direction)])
        if rows.rank() == rows.rows:
            if direction in bounded:
                scaled, shift = bounded[direction]
                lead = abs(next(c for c in scaled if c != 0))
                chosen.append((tuple(c / lead for c in scaled), shift / lead))
            else:
                chosen.append((direction, sp.Integer(0)))
        if len(chosen) == n:
            return chosen
    return None


def _rewrite(
    declaration: Declaration, chosen: Sequence[Form], conditions: Sequence[Form]
) -> Reduction:
    n = len(chosen)
    old = declaration.parameters
    jacobian = sp.ImmutableMatrix([list(direction) for direction, _ in chosen])
    inverse = jacobian.inv()
    stand_ins = [sp.Symbol(f"phi{i}") for i in range(n)]
    shifted = sp.Matrix([s - shift for s, (_, shift) in zip(stand_ins, chosen, strict=True)])
    solved = inverse * shifted
    forward: dict[Any, Any] = dict(zip(old, solved, strict=True))
    positive = [
        sp.expand(sp.Add(*(c * forward[p] for c, p in zip(d, old, strict=True))) + s)
        for d, s in conditions
    ]
    symbols, domain = _domain(stand_ins, positive)
    rename: dict[Any, Any] = dict(zip(stand_ins, symbols, strict=True))
    table = {p: sp.expand(e.xreplace(rename)) for p, e in forward.items()}
    declared = replace(
        declaration,
        log_density=_substitute(declaration.log_density, table, old),
        variables=tuple(
            replace(
                v,
                lower=_substitute(v.lower, table, old),
                upper=_substitute(v.upper, table, old),
            )
            for v in declaration.variables
        ),
        region=tuple(r.xreplace(table) for r in declaration.region),
        domain=domain,
        table=(
            *((own, user) for own, user in declaration.table if own not in old),
            *((s, s) for s in symbols),
        ),
    )
    values = {
        s: sp.Add(*(c * p for c, p in zip(direction, old, strict=True)), shift)
        for s, (direction, shift) in zip(symbols, chosen, strict=True)
    }
    return Reduction(declared, jacobian, values)


def _substitute(
    expression: sp.Expr, table: Mapping[sp.Symbol, sp.Expr], parameters: Sequence[sp.Symbol]
) -> sp.Expr:
    """Substitution that collapses each linear form to one term."""
    if not expression.has(*parameters):
        return expression
    terms = sp.Add.make_args(expression)
    linear = [t for t in terms if _is_term(t, parameters)]
    if linear:
        constants = [t for t in terms if t.is_Rational]
        collapsed = sp.expand(sp.Add(*linear, *constants).xreplace(dict(table)))
        rest = [t for t in terms if t not in linear and t not in constants]
        return sp.Add(collapsed, *(_substitute(t, table, parameters) for t in rest))
    arguments = [
        _substitute(a, table, parameters) if isinstance(a, sp.Expr) else a.xreplace(dict(table))
        for a in expression.args
    ]
    return expression.func(*arguments) if arguments else expression.xreplace(dict(table))


def _domain(
    symbols: Sequence[sp.Symbol], positive: Sequence[sp.Expr]
) -> tuple[list[sp.Symbol], Domain]:
    """Parameters with the signs that one-symbol conditions imply, then the coupled conditions."""
    low: dict[sp.Symbol, list[sp.Expr]] = {s: [] for s in symbols}
    high: dict[sp.Symbol, list[sp.Expr]] = {s: [] for s in symbols}
    coupled = []
    for expression in positive:
        used = [s for s in symbols if expression.has(s)]
        if len(used) == 1:
            (symbol,) = used
            slope = expression.coeff(symbol)
            end = -expression.xreplace({symbol: sp.Integer(0)}) / slope
            (low if slope > 0 else high)[symbol].append(end)
        elif used:
            coupled.append(expression)
    declared = [(s, Bounds(sp.Max(-sp.oo, *low[s]), sp.Min(sp.oo, *high[s]))) for s in symbols]
    mapping, bounds = internal_symbols(declared, "t", {})
    rename: dict[Any, Any] = dict(mapping)
    relations = [sp.Gt(e.xreplace(rename), 0) for e in coupled]
    own = list(mapping.values())
    bounds, rest = absorb(own, bounds, [r for r in relations if isinstance(r, Relational)])
    axes = tuple(Axis(s, b.lower, b.upper) for s, b in zip(own, bounds, strict=True))
    return own, Domain(axes, tuple(rest))
