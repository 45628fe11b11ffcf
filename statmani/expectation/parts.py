"""Independent parts of the sample of a declaration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import sympy as sp

from statmani.declaration import Declaration
from statmani.expectation.nodes import without_max
from statmani.expectation.normalise import Signs, normalise, sample_points
from statmani.expectation.tidy import is_zero

__all__ = ["independent_blocks", "separable"]


def independent_blocks(ell: sp.Expr, declaration: Declaration) -> tuple[list[Declaration], sp.Expr]:
    """Declarations of the independent parts (not normalised), and the rest of log p.

    ``ell`` is log p as a sum; terms that share a sample variable belong together, and so do
    variables that share a bound or a condition of the support.
    """
    symbols = [v.symbol for v in declaration.variables]
    group = {s: {s} for s in symbols}

    def join(expressions: Sequence[sp.Basic]) -> None:
        free = set().union(*(e.free_symbols for e in expressions))
        used = [s for s in symbols if s in free]
        for s in used[1:]:
            merged = group[used[0]] | group[s]
            for member in merged:
                group[member] = merged

    terms = sp.Add.make_args(ell)
    for term in terms:
        join([term])
    for v in declaration.variables:
        join([v.symbol, v.lower, v.upper])
    for relation in declaration.region:
        join([relation])
    if len(group[symbols[0]]) == len(symbols):
        return [replace(declaration, log_density=ell)], sp.Integer(0)
    blocks, seen = [], set()
    for s in symbols:
        members = group[s]
        if s in seen:
            continue
        seen |= members
        blocks.append(
            replace(
                declaration,
                log_density=sp.Add(*(t for t in terms if t.has(*members))),
                variables=tuple(v for v in declaration.variables if v.symbol in members),
                region=tuple(r for r in declaration.region if r.has(*members)),
            )
        )
    return blocks, sp.Add(*(t for t in terms if not t.has(*symbols)))


def separable(declaration: Declaration) -> sp.Expr:
    """log p, opened into a sum when that shows independent parts of the sample."""
    ell = without_max(declaration.log_density)
    if len(declaration.variables) == 1:
        return ell
    opened = normalise(ell, declaration, Signs(declaration))
    if len(independent_blocks(opened, declaration)[0]) == 1:
        return ell
    return opened if is_zero(opened - ell, sample_points(declaration, 3)) else ell
