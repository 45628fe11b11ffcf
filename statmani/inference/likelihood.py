"""The log-likelihood of a sample, split so that as little as possible is done per observation.

A log-density is a sum of products. Products that separate into a factor of the parameters and a
factor of the sample need only the sum of the latter over the data (an exponential family
consists of such products alone); a support of few points needs only counts; the rest is evaluated
for every observation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from sympy import (
    Add,
    Dummy,
    Expr,
    Integer,
    Mul,
    Pow,
    S,
    Symbol,
    expand,
    expand_log,
    expand_power_base,
)

from statmani.declaration import Declaration, Variable
from statmani.inference.density import log_gammas

__all__ = ["LikelihoodForm", "finite_support", "likelihood_form"]

_LARGEST_TABLE = 64


@final
@dataclass(frozen=True)
class LikelihoodForm:
    """A log-density ``base(x) + sum_j coefficients[j] * statistics[j](x) + mixed(x)``.

    Attributes
    ----------
    parameters, sample : tuple of Symbol
    statistics : tuple of Expr
        Functions of the sample alone; ``1`` counts the observations. Empty when `points` is set.
    coefficients : tuple of Expr
        Functions of the parameters alone, one per statistic or point.
    points : tuple of tuple of Expr, or None
        For a small finite support: its points; the statistics are their indicators.
    mixed : Expr
        What does not separate.
    base : Expr
        What does not depend on the parameters.
    inside : tuple of (Expr, bool)
        Expressions that are positive where the support moves with the parameters; True where
        zero belongs to it.
    """

    parameters: tuple[Symbol, ...]
    sample: tuple[Symbol, ...]
    statistics: tuple[Expr, ...]
    coefficients: tuple[Expr, ...]
    points: tuple[tuple[Expr, ...], ...] | None
    mixed: Expr
    base: Expr
    inside: tuple[tuple[Expr, bool], ...]


def finite_support(declaration: Declaration, limit: int) -> tuple[tuple[Expr, ...], ...] | None:
    """The points of a finite support of at most `limit` points, else None.

    Examples
    --------
    >>> from sympy import Integer, Symbol, log
    >>> from statmani.declaration import Declaration, Variable
    >>> from statmani.domain import Axis, Domain
    >>> p, x = Symbol("t0", positive=True), Symbol("x0", integer=True)
    >>> coin = Declaration(
    ...     x * log(p) + (1 - x) * log(1 - p),
    ...     (Variable(x, Integer(0), Integer(1), True),),
    ...     Domain((Axis(p, Integer(0), Integer(1)),)), (), (), (),
    ... )
    >>> finite_support(coin, 10)
    ((0,), (1,))
    """
    partial: list[tuple[Expr, ...]] = [()]
    for index, variable in enumerate(declaration.variables):
        earlier = [v.symbol for v in declaration.variables[:index]]
        extended: list[tuple[Expr, ...]] = []
        for point in partial:
            values = _values(variable, dict(zip(earlier, point, strict=True)), limit)
            if values is None or len(extended) + len(values) > 8 * limit:
                return None
            extended.extend((*point, value) for value in values)
        partial = extended
    symbols = [v.symbol for v in declaration.variables]
    inside = [
        point
        for point in partial
        if all(
            r.xreplace(dict(zip(symbols, point, strict=True))) == S.true for r in declaration.region
        )
    ]
    return tuple(inside) if 0 < len(inside) <= limit else None


def _values(variable: Variable, earlier: dict[Symbol, Expr], limit: int) -> list[Expr] | None:
    if not variable.discrete:
        return None
    if variable.values is not None:
        return list(variable.values)
    lower, upper = variable.lower.xreplace(earlier), variable.upper.xreplace(earlier)
    if not (isinstance(lower, Integer) and isinstance(upper, Integer)):
        return None
    if upper - lower >= 8 * limit:
        return None
    return [Integer(k) for k in range(int(lower), int(upper) + 1)]


def likelihood_form(declaration: Declaration, *, expanded: bool = True) -> LikelihoodForm:
    """Split the log-density of a declaration without open constants.

    Parameters
    ----------
    declaration : Declaration
    expanded : bool
        Multiply out first, which separates more; False keeps differences such as
        ``(x - mu)**2`` together, which is exact where the expanded form would cancel.
    """
    parameters = declaration.parameters
    symbols = tuple(v.symbol for v in declaration.variables)
    sample = tuple(_without_integer(s) for s in symbols)
    renamed = dict(zip(symbols, sample, strict=True))
    density = log_gammas(declaration.log_density.xreplace(renamed))
    if expanded:
        density = _multiplied_out(density, parameters, sample)
    separated: dict[Expr, list[Expr]] = {}
    mixed: list[Expr] = []
    base: list[Expr] = []
    for term in Add.make_args(density):
        if not term.has(*parameters):
            base.append(term)
            continue
        coefficient, statistic = term.as_independent(*sample, as_Add=False)
        if statistic.has(*parameters):
            mixed.append(term)
            continue
        number, statistic = statistic.as_coeff_Mul()
        separated.setdefault(statistic, []).append(Mul(number, coefficient))
    if mixed:
        points = finite_support(declaration, _LARGEST_TABLE)
        if points is not None:
            columns = tuple(
                declaration.log_density.xreplace(dict(zip(symbols, point, strict=True)))
                for point in points
            )
            return LikelihoodForm(parameters, sample, (), columns, points, S.Zero, S.Zero, ())
    return LikelihoodForm(
        parameters,
        sample,
        tuple(separated),
        tuple(Add(*terms) for terms in separated.values()),
        None,
        Add(*mixed),
        Add(*base),
        tuple((e.xreplace(renamed), closed) for e, closed in _moving_support(declaration)),
    )


def _without_integer(symbol: Symbol) -> Symbol:
    facts = {f: True for f in ("positive", "nonnegative") if symbol.assumptions0.get(f)}
    return Dummy(symbol.name, real=True, **facts) if symbol.is_integer else symbol


def _moving_support(declaration: Declaration) -> tuple[tuple[Expr, bool], ...]:
    tests: list[tuple[Expr, bool]] = []
    for variable in declaration.variables:
        tests.append((variable.symbol - variable.lower, variable.discrete))
        tests.append((variable.upper - variable.symbol, variable.discrete))
    tests += [(relation.gts - relation.lts, False) for relation in declaration.region]
    return tuple(t for t in tests if t[0].has(*declaration.parameters))


def _multiplied_out(
    density: Expr, parameters: tuple[Symbol, ...], sample: tuple[Symbol, ...]
) -> Expr:
    """Products of sums multiplied out, but never inside a function that mixes x and theta."""
    opened = expand_power_base(expand_log(density))
    hidden: dict[Expr, Symbol] = {}

    def hide(node: Expr) -> Expr:
        if not node.args or not (node.has(*parameters) and node.has(*sample)):
            return node
        whole = isinstance(node, Pow) and isinstance(node.exp, Integer) and node.exp > 0
        if whole or isinstance(node, (Add, Mul)):
            return node.func(*(hide(a) for a in node.args))
        return hidden.setdefault(node, Dummy(f"f{len(hidden)}", real=True))

    expanded = expand(hide(opened))
    return expanded.xreplace({symbol: node for node, symbol in hidden.items()})
