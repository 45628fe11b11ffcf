"""Two dimensions, whose curvature has one component: closed forms next to the general rules."""

from __future__ import annotations

import pickle
from itertools import product

import pytest
import sympy as sp
from sympy import Expr, ImmutableMatrix, Matrix, Symbol, cos, exp, polygamma, symbols

from statmani.errors import InvalidFamily, InvalidManifold
from statmani.geometry.manifold import StatisticalManifold
from statmani.reading import domain_of

u, v = symbols("u v", positive=True)
a = Symbol("a", positive=True)
alpha = Symbol("alpha", real=True)

METRICS = {
    "diagonal": [[a / u**2, 0], [0, v / u]],
    "full": [[u + v, v], [v, 1 + u * v]],
    "Hessian": [[polygamma(1, u) - polygamma(1, u + v), -polygamma(1, u + v)],
                [-polygamma(1, u + v), polygamma(1, v) - polygamma(1, u + v)]],
    "roots": [[sp.sqrt(u), 0], [0, u * sp.sqrt(1 + v)]],
    "Lorentz": [[-exp(u * v), u], [u, v]],
    "angle": [[1, 0], [0, (a + cos(u)) ** 2]],
    "flat": [[4 * u**2, 0], [0, 1]],
}  # fmt: skip
SKEWNESS = {(0, 0, 0): 1 / u, (0, 0, 1): v, (0, 1, 1): u * v, (1, 1, 1): sp.S(3)}


def brioschi(g: Matrix, point: dict[Expr, Expr]) -> Expr:
    """The Gaussian curvature from first and second derivatives of E, F, G alone (Brioschi)."""
    (e, f), (_, h) = g.tolist()
    slopes = [x.diff(s) / 2 for x in (e, f, h) for s in (u, v)]
    bend = f.diff(u, v) - e.diff(v, 2) / 2 - h.diff(u, 2) / 2
    values = [sp.N(x.subs(point), 40) for x in (e, f, h, *slopes, bend)]
    e, f, h, e_u, e_v, f_u, f_v, h_u, h_v, bend = values
    first = Matrix([[bend, e_u, 2 * f_u - e_v], [2 * f_v - h_u, e, f], [h_v, f, h]])
    second = Matrix([[0, e_v, h_u], [e_v, e, f], [h_u, f, h]])
    return (first.det() - second.det()) / (e * h - f**2) ** 2


@pytest.mark.parametrize("name", METRICS)
def test_gaussian_curvature(name: str) -> None:
    g = Matrix(METRICS[name])
    D = StatisticalManifold((u, v), g).levi_civita
    point = {u: sp.Float("1.37", 50), v: sp.Float("0.83", 50), a: sp.Float("1.3", 50)}

    def number(expr: Expr) -> Expr:
        return sp.N(expr.subs(point), 40)

    expected = brioschi(g, point)
    assert abs(number(D.scalar_curvature) - 2 * expected) < 1e-25
    for i, j in product(range(2), repeat=2):
        assert abs(number(D.ricci[i, j]) - number(g[i, j]) * expected) < 1e-25


@pytest.mark.parametrize("name", METRICS)
def test_mixed_components_are_the_raised_ones(name: str) -> None:
    M = StatisticalManifold((u, v), METRICS[name], SKEWNESS)
    dot = M.ring.polynomials.dot
    lower, mixed, inverse = M.geometry.riemann_lower, M.geometry.riemann, M.geometry.inverse
    for m, k, i, j in product(range(2), repeat=4):
        for order in range(3):
            raised = dot((inverse[m][n], lower(n, k, i, j)[order]) for n in range(2))
            assert mixed(m, k, i, j)[order] == raised
    for k, j in product(range(2), repeat=2):
        for order in range(3):
            trace = mixed(0, k, 0, j)[order] + mixed(1, k, 1, j)[order]
            assert M.geometry.ricci(k, j)[order] == trace
    for order in (0, 2):
        total = dot(
            (inverse[k][j], M.geometry.ricci(k, j)[order]) for k in range(2) for j in range(2)
        )
        assert M.geometry.scalar()[order] == total
    assert not M.geometry.scalar()[1]


@pytest.mark.parametrize("name", ["diagonal", "full", "flat"])
def test_ricci_is_an_ordinary_matrix(name: str) -> None:
    M = StatisticalManifold((u, v), METRICS[name], SKEWNESS)
    for D in (M.levi_civita, M.connection(alpha)):
        again = ImmutableMatrix(D.ricci.tolist())
        assert D.ricci == again
        assert hash(D.ricci) == hash(again)
        assert D.ricci * again == again * D.ricci
        assert pickle.loads(pickle.dumps(D.ricci)) == again


def test_degenerate_metrics_are_refused() -> None:
    for g in ([[1, v], [v, v**2]], [[0, 0], [0, 1]], [[sp.sqrt(u), u], [u, u * sp.sqrt(u)]]):
        with pytest.raises(InvalidManifold, match="degenerate"):
            StatisticalManifold((u, v), g)


def test_charts_that_share_coordinates_do_not_share_more() -> None:
    first = StatisticalManifold((u, v), [[1 / v**2, 0], [0, 1 / v**2]])
    other = StatisticalManifold((u, v), [[a + u, 0], [0, exp(u)]])
    third = StatisticalManifold((u, v), [[v, 0], [0, 1 / (u + v)]])
    assert first.ring is not other.ring
    assert first.constants == third.constants == ()
    assert other.constants == (a,)
    assert first.levi_civita.scalar_curvature == -2
    assert third.metric == ImmutableMatrix([[v, 0], [0, 1 / (u + v)]])
    # A domain is kept without what was remembered of it.
    stored = pickle.loads(pickle.dumps(first.domain))
    assert set(vars(stored)) == {"axes", "constraints"}
    assert stored == first.domain
    assert hash(stored) == hash(first.domain)


def test_an_unknown_domain_is_refused_each_time_in_its_own_words() -> None:
    bare = Symbol("bare")
    for error in (InvalidManifold, InvalidFamily, InvalidManifold):
        for what in ("coordinates", "parameters"):
            with pytest.raises(error, match=f"{what}: bare has neither a domain"):
                domain_of((u, bare), what=what, error=error)
