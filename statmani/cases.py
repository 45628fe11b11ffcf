"""Sums over indicators of the sample as one Piecewise."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import sympy as sp
from sympy.core.relational import Relational

from statmani.declaration import Variable

__all__ = ["in_cases"]

_INDICATORS = (sp.Heaviside, sp.KroneckerDelta, sp.Piecewise)
_MOST_CONDITIONS = 4


def in_cases(density: sp.Expr, variables: Sequence[Variable]) -> sp.Expr:
    """A sum with indicators as a Piecewise whose branches are free of them.

    Comes back as it is without indicators, where one involves a parameter (its edge moves, and
    that is treated where derivatives are taken), and where a branch vanishes.

    Examples
    --------
    >>> import sympy as sp
    >>> from statmani.cases import in_cases
    >>> from statmani.declaration import Variable
    >>> x, p = sp.symbols("x p")
    >>> count = Variable(x, sp.Integer(0), sp.oo, discrete=True)
    >>> in_cases(p * sp.KroneckerDelta(x, 0) + (1 - p) / 2**x, [count])
    Piecewise((p + (1 - p)/2**x, Eq(x, 0)), ((1 - p)/2**x, True))
    """
    if not isinstance(density, sp.Add) or not density.has(*_INDICATORS):
        return density
    counts = {v.symbol for v in variables if v.discrete}
    plain = density.replace(
        lambda e: isinstance(e, sp.KroneckerDelta),
        lambda e: sp.Piecewise((1, sp.Eq(*e.args[:2])), (0, True)),
    ).replace(
        # At its edge, which has mass on a lattice only, sympy gives Heaviside the value 1/2.
        lambda e: isinstance(e, sp.Heaviside) and not e.args[0].free_symbols <= counts,
        lambda e: sp.Piecewise((1, e.args[0] > 0), (0, True)),
    )
    return _branches(plain, variables) or density


def _branches(argument: sp.Expr, variables: Sequence[Variable]) -> sp.Expr | None:
    """One Piecewise whose branches are free of indicators; None where that is not possible."""
    samples = {v.symbol for v in variables}
    keys: list[sp.Expr] = []
    for piece in argument.atoms(sp.Piecewise):
        for _, condition in piece.args:
            for relation in condition.atoms(Relational):
                key, _ = _canonical(relation, variables)
                if not isinstance(key, Relational) or not relation.free_symbols <= samples:
                    return None
                if key not in keys:
                    keys.append(key)
    if argument.has(sp.Heaviside, sp.KroneckerDelta) or len(keys) > _MOST_CONDITIONS:
        return None
    keys.sort(key=sp.default_sort_key)
    found: list[tuple[sp.Expr, sp.Expr]] = []
    for truths in itertools.product((True, False), repeat=len(keys)):
        table = dict(zip(keys, truths, strict=True))
        if _contradicts(table):
            continue
        value = argument.replace(
            lambda e: isinstance(e, sp.Piecewise),
            lambda e, table=table: _chosen(e, table, variables),
        )
        if value.has(sp.nan, sp.zoo) or value == 0:
            return None
        found.append((value, sp.And(*(key for key, true in table.items() if true))))
    return sp.Piecewise(*found[:-1], (found[-1][0], True)) if len(found) > 1 else None


def _canonical(relation: sp.Expr, variables: Sequence[Variable]) -> tuple[sp.Expr, bool]:
    """A relation that stands for this one, and whether as it is or as its opposite."""
    if isinstance(relation, (sp.Equality, sp.Unequality)):
        return sp.Eq(relation.lhs, relation.rhs), isinstance(relation, sp.Equality)
    above = sp.expand(relation.gts - relation.lts)
    strict = isinstance(relation, (sp.StrictGreaterThan, sp.StrictLessThan))
    if all(v.discrete for v in variables if v.symbol in relation.free_symbols):
        return (sp.Gt(above, 0), True) if strict else (sp.Gt(-above, 0), False)
    # Beside the edge, which has no mass, above > 0 is the opposite of above < 0.
    if above.could_extract_minus_sign():
        return sp.Gt(-above, 0), False
    return sp.Gt(above, 0), True


def _chosen(
    piece: sp.Piecewise,
    table: Mapping[sp.Expr, bool],
    variables: Sequence[Variable],
) -> sp.Expr:
    """The value of a Piecewise where the relations are as the table says."""
    for value, condition in piece.args:
        known = {}
        for relation in condition.atoms(Relational):
            key, as_it_is = _canonical(relation, variables)
            known[relation] = sp.true if table[key] == as_it_is else sp.false
        if condition.xreplace(known) == sp.true:
            return value
    return sp.nan


def _contradicts(table: Mapping[sp.Expr, bool]) -> bool:
    """Whether an equation that holds decides another relation otherwise."""
    for equation, holds in table.items():
        if holds and isinstance(equation, sp.Equality) and equation.lhs.is_Symbol:
            for other, true in table.items():
                decided = other.subs(equation.lhs, equation.rhs)
                if decided in (sp.true, sp.false) and bool(decided) is not true:
                    return True
    return False
