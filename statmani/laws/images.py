"""g and T of the family of a statistic: from its finitely many values, or from its density."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any

import sympy as sp

from statmani.algebra.numeric import NotEvaluable, new_context, value_of
from statmani.declaration import Declaration
from statmani.errors import StatmaniError
from statmani.expectation.expect import expect
from statmani.expectation.means import density_of, finite_points
from statmani.expectation.normalise import Signs, normalise, sample_points
from statmani.laws.induced import declared, manifold_of

__all__ = ["Image", "image_of"]

_SAMPLES = 12
_MOST_VALUES = 16
_NOT_FOUND = "the family of this statistic was not derived"


@dataclass(frozen=True)
class Image:
    """The tensors of the family of a statistic, in the user's symbols.

    Attributes
    ----------
    metric : ImmutableMatrix
    skewness : dict of (i, j, k) with i <= j <= k to Expr
    route : str
        How they were found.
    """

    metric: sp.ImmutableMatrix
    skewness: dict[tuple[int, int, int], sp.Expr]
    route: str


def image_of(declaration: Declaration, statistics: Sequence[sp.Expr], effort: float) -> Image | str:
    """The family of a statistic, or why it was not derived.

    Parameters
    ----------
    declaration : Declaration
    statistics : sequence of Expr
        In internal symbols.
    effort : float
        Of the derivation.
    """
    points = finite_points(declaration)
    if points is not None:
        return _of_values(declaration, _grouped(declaration, statistics, points), "a finite sum")
    variable = declaration.variables[0]
    if len(declaration.variables) > 1 or len(statistics) > 1:
        return f"{_NOT_FOUND}: more than one variable"
    pieces = _constant_pieces(statistics[0], variable.symbol)
    if pieces is not None:
        found = [expect(declaration, piece, effort=effort) for piece in pieces]
        return _of_values(declaration, found, f"{len(found)} values of the statistic")
    if variable.discrete:
        return f"{_NOT_FOUND}: an infinite discrete sample"
    return _of_density(declaration, statistics[0], effort)


def _grouped(
    declaration: Declaration,
    statistics: Sequence[sp.Expr],
    points: Sequence[dict[sp.Expr, sp.Expr]],
) -> list[sp.Expr]:
    """The probability of each value of the statistics."""
    ell = normalise(declaration.log_density, declaration, Signs(declaration))
    totals: dict[tuple[sp.Expr, ...], sp.Expr] = {}
    for point in points:
        value = tuple(sp.nsimplify(s.xreplace(point).doit()) for s in statistics)
        totals[value] = totals.get(value, sp.S.Zero) + density_of(ell.xreplace(point))
    return list(totals.values())


def _constant_pieces(statistic: sp.Expr, symbol: sp.Symbol) -> list[sp.Expr] | None:
    """Indicators of the values of a statistic with finitely many, or None."""
    folded = sp.piecewise_fold(statistic.rewrite(sp.Piecewise))
    if not isinstance(folded, sp.Piecewise) or len(folded.args) > _MOST_VALUES:
        return None
    if any(value.has(symbol) for value, _ in folded.args):
        return None
    values = dict.fromkeys(value for value, _ in folded.args)
    made = []
    for value in values:
        indicator = sp.Piecewise(*((int(v == value), where) for v, where in folded.args))
        made.append(sp.piecewise_fold(indicator))
    return [piece for piece in made if not _is_null(piece)]


def _is_null(indicator: sp.Expr) -> bool:
    """Whether an indicator is one at single points only."""
    if not isinstance(indicator, sp.Piecewise):
        return bool(indicator == 0)
    regions = [where for value, where in indicator.args if value == 1]
    if any(where == True for where in regions):  # noqa: E712
        # What is left over: null when the others leave single points.
        others = [where for value, where in indicator.args if value == 0]
        rest = sp.S.Reals - sp.Union(*(where.as_set() for where in others))
        return isinstance(rest, (sp.FiniteSet, sp.sets.sets.EmptySet))
    return all(isinstance(where, sp.Eq) for where in regions)


def _of_values(declaration: Declaration, masses: Sequence[sp.Expr], route: str) -> Image:
    """g = sum dq dq / q and T = sum dq dq dq / q^2 over the values."""
    thetas = declaration.parameters
    n = range(len(thetas))
    slopes = [[q.diff(t) for t in thetas] for q in masses]
    rows = list(zip(masses, slopes, strict=True))
    metric = sp.Matrix(
        len(thetas), len(thetas), lambda i, j: sp.Add(*(d[i] * d[j] / q for q, d in rows))
    )
    skewness = {
        (i, j, k): declaration.external(sp.Add(*(d[i] * d[j] * d[k] / q**2 for q, d in rows)))
        for i, j, k in combinations_with_replacement(n, 3)
    }
    return Image(sp.ImmutableMatrix(declaration.external(metric)), skewness, route)


def _of_density(declaration: Declaration, statistic: sp.Expr, effort: float) -> Image | str:
    """By the densities of all preimages, checked to integrate to one."""
    variable = declaration.variables[0]
    x = variable.symbol
    real = sp.Dummy("x", real=True)
    low, high = _range(statistic.xreplace({x: real}), real, variable.lower, variable.upper)
    y = sp.Symbol("y", **({"positive": True} if low.is_nonnegative else {"real": True}))
    try:
        solutions = sp.solve(statistic.xreplace({x: real}) - y, real)
    except NotImplementedError:
        return f"{_NOT_FOUND}: its preimages have no closed form"
    branches = _valid(declaration, statistic, y, solutions)
    if not branches or declaration.external(y) in declaration.log_density.free_symbols:
        return f"{_NOT_FOUND}: its preimages have no closed form"
    ell = declaration.external(declaration.log_density)
    outer = declaration.external(x)
    parts = []
    for branch in branches:
        slope = branch.diff(y)
        at = _midpoint(low, high)
        slope = -slope if slope.subs(y, at) < 0 else slope
        parts.append((ell.xreplace({outer: branch}), slope))
    if len(parts) == 1:
        density = parts[0][0] + sp.log(parts[0][1])
    else:
        gaps = {sp.expand(sp.expand_log(p - parts[0][0], force=True)) for p, _ in parts}
        if gaps == {sp.S.Zero}:
            density = parts[0][0] + sp.log(sp.Add(*(slope for _, slope in parts)))
        else:
            density = sp.log(sp.Add(*(sp.exp(p) * slope for p, slope in parts)))
    try:
        made = declared(density, {y: sp.Interval.open(low, high)}, declaration)
        manifold = manifold_of(made, effort)
    except StatmaniError as failure:
        return f"{_NOT_FOUND}: {failure}"
    triples = combinations_with_replacement(range(manifold.dim), 3)
    return Image(
        manifold.metric,
        {(i, j, k): manifold.skewness[i, j, k] for i, j, k in triples},
        f"the density of the statistic, {len(parts)} preimage(s)",
    )


def _range(
    statistic: sp.Expr, x: sp.Symbol, lower: sp.Expr, upper: sp.Expr
) -> tuple[sp.Expr, sp.Expr]:
    """Bounds of the values: at the ends and at kinks and critical points."""
    ends = [sp.limit(statistic, x, lower, "+"), sp.limit(statistic, x, upper, "-")]
    slope = statistic.diff(x)
    places = [a.args[0] for a in statistic.atoms(sp.Abs)]
    inner = [r for p in places for r in sp.solve(p, x)]
    if not slope.has(sp.sign):
        inner += [r for r in sp.solve(slope, x) if r.is_real]
    ends += [statistic.xreplace({x: r}) for r in inner if lower < r and r < upper]
    return sp.Min(*ends), sp.Max(*ends)


def _midpoint(low: sp.Expr, high: sp.Expr) -> sp.Expr:
    if low.is_finite and high.is_finite:
        return (low + high) / 2
    if low.is_finite:
        return low + 1
    return high - 1 if high.is_finite else sp.Rational(1, 3)


def _valid(
    declaration: Declaration, statistic: sp.Expr, y: sp.Symbol, solutions: Sequence[sp.Expr]
) -> list[sp.Expr]:
    """The solutions that are preimages at every sampled value; none when that varies."""
    context = new_context(30)
    x = declaration.variables[0].symbol
    lower, upper = declaration.variables[0].lower, declaration.variables[0].upper
    found: set[tuple[int, ...]] = set()
    for values in sample_points(declaration, _SAMPLES):
        level = statistic.xreplace({x: values[x]})
        try:
            height = value_of(level, {}, context)
            number = {y: height}
            kept = [
                k for k, s in enumerate(solutions) if _is_inside(s, number, lower, upper, context)
            ]
        except NotEvaluable:
            return []
        found.add(tuple(kept))
    if len(found) != 1:
        return []
    return [solutions[k] for k in found.pop()]


def _is_inside(
    solution: sp.Expr, values: dict[Any, Any], lower: sp.Expr, upper: sp.Expr, context: Any
) -> bool:
    try:
        place = value_of(solution, values, context)
    except NotEvaluable:
        return False
    low = -context.inf if lower is -sp.oo else value_of(lower, {}, context)
    high = context.inf if upper is sp.oo else value_of(upper, {}, context)
    return bool(low < place < high)
