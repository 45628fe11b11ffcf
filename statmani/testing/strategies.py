"""Hypothesis strategies: families, points, charts, Markov embeddings and tangent vectors.

Hypothesis is loaded when a strategy is made; it comes with the extra ``statmani[test]``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast, final

import sympy as sp

from statmani.domain import Axis, Circle, Domain
from statmani.errors import InvalidArgument
from statmani.geometry.manifold import StatisticalManifold, as_manifold
from statmani.testing.drawing import Pick, draw_family, require_kind

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

    from statmani.family import Family

__all__ = [
    "Chart",
    "families",
    "markov_embeddings",
    "points",
    "reparametrizations",
    "tangent_vectors",
]

_RATIONAL = sp.Rational
# Simplest first, since examples shrink to the front.
_LINE = tuple(map(_RATIONAL, ("0", "1", "-1", "2", "-2", "1/2", "-1/2", "3", "-3", "7/3", "-10")))
_HALF_LINE = tuple(map(_RATIONAL, ("1", "2", "1/2", "3", "1/3", "3/2", "5", "1/5", "10", "1/10")))
_INTERVAL = tuple(map(_RATIONAL, ("1/2", "1/3", "2/3", "1/4", "3/4", "1/5", "4/5", "1/10", "9/10")))
_EXTREME = (_RATIONAL(1, 10**6), _RATIONAL(1, 10**3), _RATIONAL(10**3), _RATIONAL(10**6))


def _hypothesis() -> Any:
    """The strategies of hypothesis.

    Raises
    ------
    InvalidArgument
        Hypothesis is not installed.
    """
    try:
        return import_module("hypothesis.strategies")
    except ModuleNotFoundError as missing:
        raise InvalidArgument(
            "statmani.testing: hypothesis is not installed, which makes the strategies. "
            'Install the extra with: python -m pip install "statmani[test]".'
        ) from missing


def families(kind: str | None = None) -> SearchStrategy[Family]:
    """Random declared families.

    Parameters
    ----------
    kind : {"exponential", "finite exponential", "location-scale", "mixture", "curved"}, optional
        Exponential families of random statistics, location-scale families over random bases,
        mixtures of two densities, curved subfamilies. Each is pushed forward by a random map
        of the sample, in random parameters and a random spelling. Default: any of them.

    Returns
    -------
    SearchStrategy
        Examples shrink to the exponential density in its usual form.

    Raises
    ------
    InvalidArgument
        An unknown kind, or hypothesis is not installed.

    Examples
    --------
    >>> import statmani as sm
    >>> from hypothesis import given, settings
    >>> from statmani.testing import families
    >>> @settings(max_examples=2, deadline=None, database=None)
    ... @given(families("finite exponential"))
    ... def test_laws(family):
    ...     assert sm.laws.check(family.manifold(), effort=0.2).holds
    >>> test_laws()
    """
    require_kind(kind, "families")
    st = _hypothesis()

    def made(draw: DrawFn) -> Family:
        return draw_family(Pick(lambda options: draw(st.sampled_from(options))), kind)

    return cast("SearchStrategy[Family]", st.composite(made)())


def _numeric_domain(obj: Any, where: str) -> Domain:
    domain = as_manifold(obj).domain if not isinstance(obj, Domain) else obj
    if domain.constants:
        names = ", ".join(str(s) for s in domain.constants)
        raise InvalidArgument(
            f"{where}: the bounds of the domain ({domain}) use the constant(s) {names}. "
            "Give them values first, for a family with family.fix({symbol: value})."
        )
    return domain


def points(manifold: Any, *, extreme: bool = False) -> SearchStrategy[tuple[sp.Expr, ...]]:
    """Points strictly inside the domain of a manifold.

    Parameters
    ----------
    manifold : StatisticalManifold or Family
    extreme : bool
        Also coordinates of sizes down to 1e-6 and up to 1e6, and as close to the ends of an
        interval as a millionth of its length.

    Returns
    -------
    SearchStrategy
        Of tuples of exact numbers; they shrink to 0 on lines, 1 beyond the end of half-lines and
        the middle of intervals.

    Raises
    ------
    InvalidArgument
        No manifold, a domain whose bounds are constants without value, or no hypothesis.

    Examples
    --------
    >>> import statmani as sm
    >>> from hypothesis import find
    >>> from statmani.testing import points
    >>> find(points(sm.families.normal().manifold()), lambda p: p[1] > 1)
    (0, 2)
    """
    domain = _numeric_domain(manifold, "points")
    st = _hypothesis()

    def inside(draw: DrawFn) -> tuple[sp.Expr, ...]:
        values: dict[Any, sp.Expr] = {}
        for axis in domain.axes:
            values[axis.symbol] = _coordinate(draw, st, axis, values, extreme)
        return tuple(values.values())

    strategy = st.composite(inside)()
    if domain.constraints:
        known = st.sampled_from(domain.interior_points(12))
        strategy = known | strategy.filter(lambda p: bool(domain.contains([float(v) for v in p])))
    return cast("SearchStrategy[tuple[sp.Expr, ...]]", strategy)


def _coordinate(
    draw: DrawFn, st: Any, axis: Axis, before: dict[Any, sp.Expr], extreme: bool
) -> sp.Expr:
    lower, upper = axis.lower.xreplace(before), axis.upper.xreplace(before)
    if axis.periodic:
        return draw(st.sampled_from(_LINE[:8]))
    if lower is -sp.oo and upper is sp.oo:
        far = tuple(s * e for e in _EXTREME for s in (1, -1))
        return draw(st.sampled_from(_LINE + far * extreme))
    step = draw(
        st.sampled_from(_HALF_LINE + _EXTREME * extreme)
        if sp.oo in (upper, -lower)
        else st.sampled_from(_INTERVAL + (_EXTREME[0], 1 - _EXTREME[0]) * extreme)
    )
    if upper is sp.oo:
        return lower + step
    if lower is -sp.oo:
        return upper - step
    return lower + (upper - lower) * step


@final
@dataclass(frozen=True)
class Chart:
    """A change of coordinates.

    Attributes
    ----------
    mapping : dict
        {old coordinate: expression in the new ones}.
    coordinates : dict
        {new coordinate: Set or Circle}.
    constraint : tuple of relationals, or None
    """

    mapping: dict[sp.Symbol, sp.Expr]
    coordinates: dict[sp.Symbol, Any]
    constraint: tuple[Any, ...] | None = None

    def __call__(self, manifold: StatisticalManifold) -> StatisticalManifold:
        """The manifold in the new coordinates."""
        return manifold.reparametrize(self.mapping, self.coordinates, constraint=self.constraint)

    def at(self, point: Sequence[Any]) -> tuple[sp.Expr, ...]:
        """The old coordinates of a point that is given in the new ones."""
        values = dict(zip(self.coordinates, map(sp.sympify, point), strict=True))
        return tuple(e.xreplace(values) for e in self.mapping.values())


def reparametrizations(manifold: Any) -> SearchStrategy[Chart]:
    """Changes of coordinates of a manifold.

    Parameters
    ----------
    manifold : StatisticalManifold or Family

    Returns
    -------
    SearchStrategy
        Of :class:`Chart` records, which are called with the manifold; they shrink to new names for
        the same coordinates. Maps are triangular: affine, cubic, powers, exponentials, inversion,
        rational, with shears by earlier coordinates.

    Raises
    ------
    InvalidArgument
        No manifold, or hypothesis is not installed.

    Examples
    --------
    >>> import statmani as sm
    >>> from hypothesis import find
    >>> from statmani.testing import reparametrizations
    >>> M = sm.families.poisson().manifold()
    >>> find(reparametrizations(M), lambda chart: chart(M).metric[0, 0].is_number).mapping
    {lam: u1**2}
    """
    domain = manifold if isinstance(manifold, Domain) else as_manifold(manifold).domain
    st = _hypothesis()
    used = {s.name for s in (*domain.symbols, *domain.constants)}
    used |= {s.name for s in getattr(manifold, "constants", ())}

    def made(draw: DrawFn) -> Chart:
        mapping: dict[sp.Symbol, sp.Expr] = {}
        coordinates: dict[sp.Symbol, Any] = {}
        letter = next(l for l in "uvwyzabcdef" if not any(n.startswith(l) for n in used))
        for k, axis in enumerate(domain.axes, 1):
            new = sp.Symbol(f"{letter}{k}")
            options = _maps(axis, new, mapping, list(coordinates))
            mapping[axis.symbol], coordinates[new] = draw(st.sampled_from(options))
        table: dict[Any, Any] = dict(mapping)
        constraint = tuple(c.xreplace(table) for c in domain.constraints) or None
        return Chart(mapping, coordinates, constraint)

    return cast("SearchStrategy[Chart]", st.composite(made)())


_REALS, _POSITIVE, _UNIT = sp.S.Reals, sp.Interval.open(0, sp.oo), sp.Interval.open(0, 1)


def _maps(
    axis: Axis, new: sp.Symbol, mapping: dict[sp.Symbol, sp.Expr], before: list[sp.Symbol]
) -> list[tuple[sp.Expr, Any]]:
    table: dict[Any, Any] = dict(mapping)
    lower, upper = axis.lower.xreplace(table), axis.upper.xreplace(table)
    if axis.periodic:
        return [(new, Circle), (-new, Circle), (new + 1, Circle)]
    if lower is -sp.oo and upper is sp.oo:
        sheared = [(new + before[-1], _REALS), (new + before[-1] ** 2, _REALS)] if before else []
        cubic = new + new**3 / 3
        return [(e, _REALS) for e in (new, -new, 2 * new + 1, cubic, sp.sinh(new))] + sheared
    positive = [(new, _POSITIVE), (new**2, _POSITIVE), (1 / new, _POSITIVE), (2 * new, _POSITIVE),
                (sp.exp(new), _REALS)]  # fmt: skip
    if upper is sp.oo:
        return [(lower + e, where) for e, where in positive]
    if lower is -sp.oo:
        return [(upper - e, where) for e, where in positive]
    unit = [(new, _UNIT), (1 - new, _UNIT), (new / (1 + new), _POSITIVE), (new**2, _UNIT)]
    return [(lower + (upper - lower) * e, where) for e, where in unit]


def markov_embeddings(n: int, m: int) -> SearchStrategy[sp.Matrix]:
    """Markov embeddings of the simplex of n cells into that of m cells.

    Parameters
    ----------
    n, m : int
        2 <= n <= m.

    Returns
    -------
    SearchStrategy
        Of n x m matrices Q of rationals for ``q = p Q``: one entry that is not 0 in each column,
        rows that sum to 1. They shrink to equal shares of the first cell.

    Raises
    ------
    InvalidArgument
        Sizes of no embedding, or hypothesis is not installed.

    Examples
    --------
    >>> from hypothesis import find
    >>> from statmani.testing import markov_embeddings
    >>> find(markov_embeddings(2, 3), lambda Q: True)
    Matrix([
    [1/2, 0, 1/2],
    [  0, 1,   0]])
    """
    for name, size in (("n", n), ("m", m)):
        if isinstance(size, bool) or not isinstance(size, int):
            raise InvalidArgument(
                f"markov_embeddings: {name} must be an integer, got {size!r}. Pass an int."
            )
    if not 2 <= n <= m:
        raise InvalidArgument(
            f"markov_embeddings: a simplex of n = {n} cells is not embedded in one of m = {m}. "
            "Choose 2 <= n <= m."
        )
    st = _hypothesis()

    def made(draw: DrawFn) -> sp.Matrix:
        owners = [*range(n), *(draw(st.sampled_from(range(n))) for _ in range(m - n))]
        owners = list(draw(st.permutations(owners)))
        shares = [draw(st.sampled_from((1, 2, 3, 4, 5))) for _ in range(m)]
        totals = [sum(s for s, o in zip(shares, owners, strict=True) if o == i) for i in range(n)]
        return sp.Matrix(
            n, m, lambda i, j: sp.Rational(shares[j], totals[i]) if owners[j] == i else 0
        )

    return cast("SearchStrategy[sp.Matrix]", st.composite(made)())


def tangent_vectors(
    manifold: Any, point: Sequence[Any] | None = None
) -> SearchStrategy[tuple[sp.Expr, ...]]:
    """Tangent vectors that are not zero.

    Parameters
    ----------
    manifold : StatisticalManifold or Family
    point : sequence of numbers, optional
        Where the vectors are attached: components are then scaled by powers of two, so that
        g_ii v^i v^i is of moderate size. Default: small rationals.

    Returns
    -------
    SearchStrategy
        Of tuples of exact numbers, which shrink to a small multiple of one coordinate direction.

    Raises
    ------
    InvalidArgument
        No manifold, or hypothesis is not installed.
    OutsideDomain
        The point is not strictly inside the domain.

    Examples
    --------
    >>> import statmani as sm
    >>> from hypothesis import find
    >>> from statmani.testing import tangent_vectors
    >>> M = sm.families.normal().manifold()
    >>> find(tangent_vectors(M), lambda v: v[0] != 0)
    (1, 0)
    >>> find(tangent_vectors(M, (0, 1000)), lambda v: v[1] > 0)
    (0, 512)
    """
    target = as_manifold(manifold)
    scales = [sp.S.One] * target.dim
    if point is not None:
        target.domain.require([float(v) for v in point], "tangent_vectors: point")
        scales = _scales(target, point)
    st = _hypothesis()
    components = st.tuples(*(st.sampled_from(_LINE) for _ in scales)).filter(any)
    scaled = components.map(lambda v: tuple(c * s for c, s in zip(v, scales, strict=True)))
    return cast("SearchStrategy[tuple[sp.Expr, ...]]", scaled)


def _scales(manifold: StatisticalManifold, point: Sequence[Any]) -> list[sp.Expr]:
    values = dict(zip(manifold.coordinates, map(sp.sympify, point), strict=True))
    found = []
    for i in range(manifold.dim):
        size = abs(sp.N(manifold.metric[i, i].xreplace(values), 15))
        found.append(sp.Integer(2) ** -round(float(sp.log(size, 2)) / 2))
    return found
