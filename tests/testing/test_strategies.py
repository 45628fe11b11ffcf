"""What the strategies draw is what they promise, and shrinks to readable examples."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import sympy as sp
from hypothesis import find, given, settings
from hypothesis import strategies as st

import statmani as sm
from statmani import testing
from statmani.testing.drawing import KINDS, Pick, draw_family

some = settings(max_examples=12, deadline=None, database=None, derandomize=True)
few = settings(some, max_examples=5)

NORMAL, GAMMA = sm.families.normal().manifold(), sm.families.gamma().manifold()
SIMPLEX = sm.families.categorical(4).manifold()
_x, _y = sp.symbols("x y", real=True)
DISC = sm.StatisticalManifold(
    (_x, _y), sp.eye(2) / (1 - _x**2 - _y**2) ** 2, constraint=_x**2 + _y**2 < 1
)
manifolds = st.sampled_from([NORMAL, GAMMA, SIMPLEX, DISC])


@few
@given(testing.families())
def test_families_have_zero_mean_scores(family: sm.Family):
    # Means of the score at samples: an independent way, and cheap.
    theta = [float(v) for v in family.declaration.domain.interior_points(1)[0]]
    data = family.rvs(theta, 400, rng=np.random.default_rng(1))
    step = 1e-5
    for i in range(len(theta)):
        up, down = (np.array(theta), np.array(theta))
        up[i] += step
        down[i] -= step
        score = (family.log_density_at(up, data) - family.log_density_at(down, data)) / (2 * step)
        assert abs(score.mean()) < 5 * score.std() / 20


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_each_kind_is_what_it_says(kind: str):
    family = testing.random_family(11, kind)
    again = testing.random_family(11, kind)
    assert family.name == again.name and family.log_density == again.log_density
    known = {"exponential": 1, "finite exponential": 1, "curved": 1, "mixture": 1}
    if kind in known:
        assert len(family.parameters) >= known[kind]
    if kind == "mixture":
        w = family.parameters[0]
        first, second = family.density.subs(w, sp.Rational(1, 3)), family.density
        assert first != second


def test_the_simplest_choices_give_the_plainest_family():
    plain = draw_family(Pick(lambda options: options[0]))
    assert repr(plain) == "exponential(a > 0) on x > 0"
    for kind in KINDS:
        assert ";" not in (draw_family(Pick(lambda options: options[0]), kind).name or "").replace(
            "; a = b", ""
        )


@pytest.mark.slow
def test_families_shrink_to_the_exponential_density():
    found = find(testing.families(), lambda family: True, settings=settings(database=None))
    assert repr(found) == "exponential(a > 0) on x > 0"


@some
@given(st.data(), manifolds, st.booleans())
def test_points_are_inside_and_exact(data: st.DataObject, M: sm.StatisticalManifold, far: bool):
    point = data.draw(testing.points(M, extreme=far))
    assert len(point) == M.dim
    assert all(v.is_Rational for v in point)
    assert M.domain.contains([float(v) for v in point])


def test_points_shrink_and_reach_far():
    assert find(testing.points(NORMAL), lambda p: True) == (0, 1)
    half = sp.Rational(1, 2)
    assert find(testing.points(SIMPLEX), lambda p: True) == (half, half / 2, half / 4)
    far = find(testing.points(NORMAL, extreme=True), lambda p: p[1] > 1000 and p[0] < 0)
    assert far == (-1, 10**6)


@few
@given(st.data(), manifolds)
def test_charts_change_coordinates(data: st.DataObject, M: sm.StatisticalManifold):
    chart = data.draw(testing.reparametrizations(M))
    N = chart(M)
    assert not set(N.coordinates) & set(M.coordinates)
    point = data.draw(testing.points(N))
    old = [float(v) for v in chart.at(point)]
    assert M.domain.contains(old)
    values = dict(zip(N.coordinates, point, strict=True))
    jacobian = np.array(
        [[float(e.diff(u).xreplace(values)) for u in N.coordinates] for e in chart.mapping.values()]
    )
    expected = jacobian.T @ sm.evaluate(M, "metric", old) @ jacobian
    found = sm.evaluate(N, "metric", [float(v) for v in point])
    size = np.sqrt(np.outer(np.diag(expected), np.diag(expected)))
    assert np.abs(found - expected).max(initial=0, where=size > 0) <= 1e-9 * size.max()


def test_charts_shrink_to_new_names():
    chart = find(testing.reparametrizations(GAMMA), lambda c: True)
    u, v = chart.coordinates
    assert list(chart.mapping.values()) == [u, v]
    sheared = find(
        testing.reparametrizations(sm.StatisticalManifold((_x, _y), sp.eye(2))),
        lambda c: len(c.mapping[_y].free_symbols) == 2,
    )
    assert str(sheared.mapping[_y]) == "u1 + u2"


@some
@given(st.data(), st.integers(2, 3), st.integers(0, 2))
def test_markov_embeddings_pull_the_metric_back(data: st.DataObject, n: int, extra: int):
    matrix = data.draw(testing.markov_embeddings(n, n + extra))
    assert matrix.shape == (n, n + extra)
    assert sm.laws.markov_embedding(matrix).holds
    if extra:
        euclidean = sm.laws.markov_embedding(matrix, metric=lambda p: sp.eye(len(p)))
        assert not euclidean.holds


@some
@given(st.data(), manifolds)
def test_tangent_vectors_have_moderate_length(data: st.DataObject, M: sm.StatisticalManifold):
    point = data.draw(testing.points(M, extreme=M in (NORMAL, GAMMA)))
    v = data.draw(testing.tangent_vectors(M, point))
    assert any(v) and len(v) == M.dim
    g = sm.evaluate(M, "metric", [float(c) for c in point])
    components = np.array([float(c) for c in v]) * np.sqrt(np.diag(g))
    assert 0.3 < np.abs(components).max() < 15


def test_bad_arguments_are_named():
    with pytest.raises(sm.InvalidArgument, match=r"kind 'normal' is unknown.*exponential, finite"):
        testing.families("normal")
    with pytest.raises(sm.InvalidArgument, match="seed must be an integer, got '1'"):
        testing.random_family("1")  # type: ignore[arg-type]
    with pytest.raises(sm.InvalidArgument, match="n = 3 cells is not embedded in one of m = 2"):
        testing.markov_embeddings(3, 2)
    with pytest.raises(sm.InvalidArgument, match=r"m must be an integer, got 2\.5"):
        testing.markov_embeddings(2, 2.5)  # type: ignore[arg-type]
    with pytest.raises(sm.OutsideDomain, match="tangent_vectors: point"):
        testing.tangent_vectors(NORMAL, (0, -1))
    c = sp.Symbol("c", positive=True)
    bounded = sm.StatisticalManifold({_x: sp.Interval.open(0, c)}, [[1]])
    with pytest.raises(sm.InvalidArgument, match=r"constant\(s\) c\. Give them values first"):
        testing.points(bounded)


def test_without_hypothesis_the_extra_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "hypothesis.strategies", None)
    with pytest.raises(sm.InvalidArgument, match=r'pip install "statmani\[test\]"'):
        testing.families()
    assert testing.random_family(0).parameters
