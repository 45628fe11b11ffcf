"""Laws of invariance: changes of coordinates, of the sample, and independent observations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import combinations_with_replacement
from typing import Any

import sympy as sp

from statmani.errors import InvalidArgument
from statmani.geometry.chart import substitute
from statmani.geometry.manifold import StatisticalManifold, as_manifold
from statmani.laws import charted
from statmani.laws.checking import clock_for, on
from statmani.laws.induced import joint, manifold_of, read_family, transformed
from statmani.laws.judge import Clock, Sides, compare, run
from statmani.laws.record import Law, Report
from statmani.laws.view import View

__all__ = ["iid", "product", "reparametrization", "same_tensors", "sample_transformation"]

Progress = Callable[[str], None] | None
_MOST_OBSERVATIONS = 8


def reparametrization(
    manifold: Any,
    mapping: Mapping[sp.Symbol, Any],
    coordinates: Any,
    *,
    constraint: Any = None,
    image: StatisticalManifold | None = None,
    effort: float = 1.0,
    progress: Progress = None,
) -> Report:
    """Check that g, T, the connections, the curvature and the volume change as tensors do.

    Parameters
    ----------
    manifold : StatisticalManifold or Family
    mapping : mapping
        {old coordinate: expression in the new ones}, all old coordinates present.
    coordinates : Symbol, sequence of Symbol, or mapping Symbol -> Set or Circle
        The new coordinates.
    constraint : relational or sequence of relationals, optional
        Coupled constraints on the new coordinates.
    image : StatisticalManifold, optional
        What is claimed to be the manifold in the new coordinates; default
        ``manifold.reparametrize(mapping, coordinates)``.
    effort, progress
        As in :func:`statmani.laws.check`.

    Returns
    -------
    Report
        Laws "metric", "skewness", "connections", "curvature", "scalar curvature" and
        "Jeffreys volume invariance", each for all alpha at once.

    Raises
    ------
    InvalidArgument, InvalidManifold
        A mapping that is no change of coordinates, or an image with other coordinates.

    Examples
    --------
    >>> import sympy as sp, statmani as sm
    >>> family = sm.families.weibull()
    >>> k, lam = family.parameters
    >>> a, b = sp.symbols("a b", positive=True)
    >>> report = sm.laws.reparametrization(family, {k: 1 / a, lam: b**2}, (a, b))
    >>> {law.status for law in report}
    {'proved'}
    """
    clock = clock_for(effort, progress)
    old = as_manifold(manifold)
    new = old.reparametrize(mapping, coordinates, constraint=constraint)
    if image is not None:
        if not isinstance(image, StatisticalManifold) or image.coordinates != new.coordinates:
            raise InvalidArgument(
                f"reparametrization: image must be a StatisticalManifold in the coordinates "
                f"{new.coordinates}, got {image!r}. Write its metric in these symbols."
            )
        new = image
    pair = charted.Charted(old, new, {s: sp.sympify(e, strict=True) for s, e in mapping.items()})
    return Report(
        f"{old!r} in the coordinates ({new.domain})",
        tuple(on(pair, law, clock) for law in charted.LAWS),
    )


def sample_transformation(
    family: Any,
    mapping: Mapping[sp.Symbol, Any],
    sample: Any,
    *,
    effort: float = 1.0,
    progress: Progress = None,
) -> Report:
    """Check that a one-to-one change of the sample variables changes neither g nor T.

    Parameters
    ----------
    family : Family
    mapping : mapping
        {sample variable: expression in the new ones}, free of parameters.
    sample : Symbol, sequence of Symbol, or mapping Symbol -> Set
        The new sample variables.
    effort, progress
        As in :func:`statmani.laws.check`.

    Returns
    -------
    Report
        Laws "metric" and "skewness": the tensors of the transformed density, derived anew.

    Raises
    ------
    InvalidArgument
        A map that lacks a sample variable, or contains a parameter.
    InvalidFamily
        The map is not onto the sample space: the transformed density does not integrate to one.

    Examples
    --------
    >>> import sympy as sp, statmani as sm
    >>> family = sm.families.lognormal()
    >>> (x,), y = family.sample, sp.Symbol("y", real=True)
    >>> [law.status for law in sm.laws.sample_transformation(family, {x: sp.exp(y)}, y)]
    ['proved', 'proved']
    """
    clock = clock_for(effort, progress)
    declaration = read_family(family, "sample_transformation")
    moved = transformed(declaration, mapping, sample, "sample_transformation")
    old, new = family.manifold(), manifold_of(moved, effort, progress)
    changed = ", ".join(f"{s} = {e}" for s, e in mapping.items())
    return Report(f"{family!r} with {changed}", tuple(same_tensors(old, new, clock)))


def iid(
    family: Any, n: int | sp.Symbol = 2, *, effort: float = 1.0, progress: Progress = None
) -> Report:
    """Check that n independent observations have n times the metric and n times the skewness.

    Parameters
    ----------
    family : Family
    n : int or Symbol
        An int, at most 8: the joint density is written out and derived anew. A Symbol: the tensors
        of ``family.iid(n)`` are compared with n times those of one observation.
    effort, progress
        As in :func:`statmani.laws.check`.

    Returns
    -------
    Report
        Laws "metric" and "skewness".

    Raises
    ------
    InvalidArgument

    Examples
    --------
    >>> import statmani as sm
    >>> [law.status for law in sm.laws.iid(sm.families.poisson(), 3)]
    ['proved', 'proved']
    """
    clock = clock_for(effort, progress)
    declaration = read_family(family, "iid")
    one = family.manifold()
    if isinstance(n, sp.Symbol):
        many: StatisticalManifold = family.iid(n).manifold()
    else:
        if isinstance(n, bool) or not isinstance(n, int) or not 1 <= n <= _MOST_OBSERVATIONS:
            raise InvalidArgument(
                f"iid: n must be an integer from 1 to {_MOST_OBSERVATIONS} or a Symbol, got {n!r}. "
                "Larger samples are not written out; pass a Symbol."
            )
        many = manifold_of(joint([declaration] * n, "iid"), effort, progress)
    laws = same_tensors(one, many, clock, factor=sp.sympify(n), statement="{} of n = n {} of one")
    return Report(f"{n} observations of {family!r}", tuple(laws))


def product(first: Any, second: Any, *, effort: float = 1.0, progress: Progress = None) -> Report:
    """Check that the tensors of independent samples add.

    Parameters
    ----------
    first, second : Family
        Parameters with the same symbol are shared; the others are joined.
    effort, progress
        As in :func:`statmani.laws.check`.

    Returns
    -------
    Report
        Laws "metric" and "skewness" of the joint density, derived anew.

    Raises
    ------
    InvalidArgument
        No families, or a shared parameter with different domains.

    Examples
    --------
    >>> import statmani as sm
    >>> report = sm.laws.product(sm.families.poisson(), sm.families.normal())
    >>> report.holds, len(report)
    (True, 2)
    """
    clock = clock_for(effort, progress)
    parts = [read_family(f, "product") for f in (first, second)]
    both = manifold_of(joint(parts, "product"), effort, progress)
    view = View.of_manifold(both)
    pieces = []
    for family in (first, second):
        manifold = family.manifold()
        places = [both.coordinates.index(s) for s in manifold.coordinates]
        pieces.append((manifold, {place: k for k, place in enumerate(places)}))
    n = range(both.dim)

    def total(read: Callable[[Any, tuple[int, ...]], sp.Expr], index: tuple[int, ...]) -> Any:
        terms = [
            view.ring.convert(read(manifold, tuple(places[i] for i in index)))
            for manifold, places in pieces
            if all(i in places for i in index)
        ]
        return (view.ring.polynomials.total(terms),)

    def metric() -> Sides:
        for i, j in combinations_with_replacement(n, 2):
            yield (i, j), (view.g(i, j),), total(lambda m, index: m.metric[index], (i, j))

    def skewness() -> Sides:
        for index in combinations_with_replacement(n, 3):
            yield index, (view.t(*index),), total(lambda m, index: m.skewness[index], index)

    laws = [
        _compared(view, "metric", "g = g_1 + g_2", metric, clock),
        _compared(view, "skewness", "T = T_1 + T_2", skewness, clock),
    ]
    return Report(f"the product of {first!r} and {second!r}", tuple(laws))


def same_tensors(
    old: StatisticalManifold,
    new: StatisticalManifold,
    clock: Clock,
    *,
    factor: sp.Expr = sp.S.One,
    statement: str = "{} is unchanged",
) -> list[Law]:
    """g and T of two manifolds in the same coordinates, up to a factor."""
    view = View.of_manifold(new)
    names: dict[Any, Any] = dict(zip(old.coordinates, new.coordinates, strict=True))
    n = range(new.dim)

    def entry(value: sp.Expr) -> Any:
        return (view.ring.convert(factor * substitute(value, names)),)

    def metric() -> Sides:
        for i, j in combinations_with_replacement(n, 2):
            yield (i, j), (view.g(i, j),), entry(old.metric[i, j])

    def skewness() -> Sides:
        for index in combinations_with_replacement(n, 3):
            yield index, (view.t(*index),), entry(old.skewness[index])

    return [
        _compared(view, "metric", statement.replace("{}", "g"), metric, clock),
        _compared(view, "skewness", statement.replace("{}", "T"), skewness, clock),
    ]


def _compared(
    view: View, name: str, statement: str, sides: Callable[[], Sides], clock: Clock
) -> Law:
    def work(clock: Clock) -> Law:
        with view.ring.polynomials.lock:
            return compare(view, name, statement, sides(), clock)

    return run(clock, name, statement, work)
