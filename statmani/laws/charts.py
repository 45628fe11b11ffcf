"""Another chart of a manifold, made for the check of invariance: rational and triangular."""

from __future__ import annotations

from typing import Any

from sympy import Dummy, Expr, S, Symbol, oo

from statmani.domain import Axis, Domain

__all__ = ["other_chart"]


def other_chart(domain: Domain) -> tuple[dict[Symbol, Expr], Domain] | None:
    """A map from new coordinates onto the domain, or None with coupled constraints.

    Half-lines are inverted, intervals become half-lines, and a line is sheared by the coordinate
    before it, so that the map is not affine; all entries are rational functions.

    Examples
    --------
    >>> from sympy import symbols
    >>> from statmani.laws.charts import other_chart
    >>> from statmani.reading import domain_of
    >>> a, b = symbols("a b", positive=True)
    >>> mapping, domain = other_chart(domain_of((a, b)))
    >>> [(1 / mapping[s]).is_Symbol for s in (a, b)]
    [True, True]
    """
    if domain.constraints:
        return None
    mapping: dict[Symbol, Expr] = {}
    axes: list[Axis] = []
    before: Expr | None = None
    for axis in domain.axes:
        table: dict[Any, Any] = dict(mapping)
        lower, upper = axis.lower.xreplace(table), axis.upper.xreplace(table)
        bounded = lower is not -oo or upper is not oo
        new = Dummy(str(axis.symbol), **({"positive": True} if bounded else {"real": True}))
        if axis.periodic:
            old: Expr = new
        elif not bounded:
            old = 2 * new if before is None else 2 * new + before**2
        elif upper is oo:
            old = lower + 1 / new
        elif lower is -oo:
            old = upper - 1 / new
        else:
            old = lower + (upper - lower) * new / (1 + new)
        axes.append(Axis(new, S.Zero if bounded else -oo, oo, axis.periodic))
        mapping[axis.symbol] = old
        before = new
    return mapping, Domain(tuple(axes))
