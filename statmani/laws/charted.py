"""How g, T, connections, curvature and volume change with the coordinates."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from itertools import combinations, combinations_with_replacement, product
from typing import final

from sympy import Expr, Symbol

from statmani.algebra.element import Element
from statmani.geometry import linear
from statmani.geometry.chart import substitute
from statmani.geometry.manifold import StatisticalManifold
from statmani.laws.judge import Clock, Sides, compare
from statmani.laws.record import Law
from statmani.laws.view import Poly, View

__all__ = ["JEFFREYS", "LAWS", "TENSOR_LAWS", "Charted"]


@final
class Charted:
    """A manifold, and one that is claimed to be the same in other coordinates.

    Parameters
    ----------
    old, new : StatisticalManifold
    mapping : mapping
        {old coordinate: expression in the new ones}.
    """

    def __init__(
        self,
        old: StatisticalManifold,
        new: StatisticalManifold,
        mapping: Mapping[Symbol, Expr],
    ) -> None:
        self.old, self.new = old, new
        self._mapping: dict[Expr, Expr] = dict(mapping)
        self._carried: dict[Expr, Element] = {}

    @cached_property
    def source(self) -> View:
        """The old manifold's connections."""
        return View.of_manifold(self.old)

    @cached_property
    def target(self) -> View:
        """The new manifold's connections."""
        return View.of_manifold(self.new)

    @cached_property
    def jacobian(self) -> list[list[Element]]:
        """d theta^i / d u^a by i, a."""
        convert = self.new.ring.convert
        return [
            [convert(self._mapping[s].diff(u)) for u in self.new.coordinates]
            for s in self.old.coordinates
        ]

    @cached_property
    def places(self) -> list[list[int]]:
        """By new coordinate, the old ones that depend on it."""
        n, m = range(self.old.dim), range(self.new.dim)
        return [[i for i in n if self.jacobian[i][a]] for a in m]

    def expression(self, value: Expr) -> Element:
        """An expression in the old coordinates, in the new ones."""
        if value not in self._carried:
            self._carried[value] = self.new.ring.convert(substitute(value, self._mapping))
        return self._carried[value]

    def poly(self, poly: Poly) -> Poly:
        """A polynomial in alpha with coefficients in the old coordinates, in the new ones."""
        return tuple(self.expression(self.old.ring.to_sympy(e)) for e in poly)

    def pulled(self, *directions: int) -> list[tuple[tuple[int, ...], Element]]:
        """Indices of old components with products of Jacobians for new directions."""
        ring = self.new.ring.polynomials
        found: list[tuple[tuple[int, ...], Element]] = [((), ring.one)]
        for a in directions:
            found = [
                ((*index, i), weight * self.jacobian[i][a])
                for index, weight in found
                for i in self.places[a]
            ]
        return found


def metric(charts: Charted, name: str, statement: str, clock: Clock) -> Law:
    """The metric of the new chart against the old one's with Jacobians."""
    g, view = charts.old.metric, charts.target

    def sides() -> Sides:
        for a, b in combinations_with_replacement(range(charts.new.dim), 2):
            terms = [(charts.expression(g[index]), w) for index, w in charts.pulled(a, b)]
            yield (a, b), (view.g(a, b),), (view.matrix_dot(terms),)

    return compare(view, name, statement, sides(), clock)


def skewness(charts: Charted, name: str, statement: str, clock: Clock) -> Law:
    """The skewness tensor likewise."""
    t, view = charts.old.skewness, charts.target

    def sides() -> Sides:
        for abc in combinations_with_replacement(range(charts.new.dim), 3):
            clock.tick()
            terms = [(charts.expression(t[index]), w) for index, w in charts.pulled(*abc)]
            yield abc, (view.t(*abc),), (view.matrix_dot(terms),)

    return compare(view, name, statement, sides(), clock)


def connection(charts: Charted, name: str, statement: str, clock: Clock) -> Law:
    """Symbols of the second kind with their inhomogeneous term."""
    view, old = charts.target, charts.source
    n = range(view.n)

    def sides() -> Sides:
        for k in n:
            for a, b in combinations_with_replacement(n, 2):
                clock.tick()
                left = view.dot(
                    ((charts.jacobian[k][c],), view.second(c, a, b)) for c in charts_of(k)
                )
                bent = (view.ring.derivative(charts.jacobian[k][b], a),)
                terms = view.dot(
                    (charts.poly(old.second(k, i, j)), (w,)) for (i, j), w in charts.pulled(a, b)
                )
                yield (k, a, b), left, view.total([bent, terms])

    def charts_of(k: int) -> list[int]:
        return [c for c in n if charts.jacobian[k][c]]

    return compare(view, name, statement, sides(), clock, "identically in alpha")


def curvature(charts: Charted, name: str, statement: str, clock: Clock) -> Law:
    """The Riemann tensor, which has no inhomogeneous term."""
    view, old = charts.target, charts.source
    n = range(view.n)

    def sides() -> Sides:
        for a, b in combinations(n, 2):
            for l, c in product(n, n):
                clock.tick()
                left = view.dot(
                    ((charts.jacobian[l][d],), view.own("riemann", d, c, a, b))
                    for d in n
                    if charts.jacobian[l][d]
                )
                right = view.dot(
                    (charts.poly(old.own("riemann", l, k, i, j)), (w,))
                    for (k, i, j), w in charts.pulled(c, a, b)
                )
                yield (l, c, a, b), left, right

    return compare(view, name, statement, sides(), clock, "identically in alpha")


def scalar(charts: Charted, name: str, statement: str, clock: Clock) -> Law:
    """A function on the manifold."""
    new, old = charts.new.geometry.scalar(), charts.old.geometry.scalar()
    sides = [((), tuple(new), charts.poly(old))]
    return compare(charts.target, name, statement, sides, clock, "identically in alpha")


def jeffreys(charts: Charted, name: str, statement: str, clock: Clock) -> Law:
    """The volume element, and so Jeffreys' prior, in both charts."""
    view = charts.target
    clock.tick()
    det = linear.determinant(view.ring, charts.jacobian)
    published = charts.new.volume_element
    clock.tick()
    square = view.ring.convert(published**2)
    clock.tick()
    expected = charts.expression(charts.old.volume_element**2) * det * det
    return compare(view, name, statement, [((), (square,), (expected,))], clock)


JEFFREYS = ("Jeffreys volume invariance", "dV(u) = dV(theta) |d theta / d u|", jeffreys)
#: For maps into a manifold of any dimension.
TENSOR_LAWS = (
    ("metric", "g_ab = J^i_a J^j_b g_ij", metric),
    ("skewness", "T_abc = J^i_a J^j_b J^k_c T_ijk", skewness),
)
#: For changes of coordinates.
LAWS = (
    *TENSOR_LAWS,
    ("connections", "J^k_c Gamma^c_ab = d_a J^k_b + J^i_a J^j_b Gamma^k_ij", connection),
    ("curvature", "J^l_d R^d_cab = J^k_c J^i_a J^j_b R^l_kij", curvature),
    ("scalar curvature", "s(u) = s(theta(u))", scalar),
    JEFFREYS,
)
