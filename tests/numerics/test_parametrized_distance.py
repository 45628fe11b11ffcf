"""The distance is the same in all coordinates, and found in closed form in most."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

import statmani as sm
from statmani.numerics.closed import closed_distance

u, v, w = sp.symbols("u v w")
LINE, RAY = sp.S.Reals, sp.Interval.open(0, sp.oo)
UNIT, BAND = sp.Interval.open(0, 1), sp.Interval.open(-sp.pi / 2, sp.pi / 2)
R = sp.Rational

# (location on a line, scale > 0) of new coordinates with their domains.
PLAIN = {
    "mixed": ((2 * u - v / 3, sp.exp(u / 2 + v)), (LINE, LINE)),
    "variance": ((u, sp.sqrt(v)), (LINE, RAY)),
    "natural": ((u / v, 1 / sp.sqrt(v)), (LINE, RAY)),
    "cubic": ((u**3 + u + v, v), (LINE, RAY)),
    "tangent": ((sp.tan(u), v), (BAND, RAY)),
    "softplus": ((u, sp.log(1 + sp.exp(v))), (LINE, LINE)),
}
MORE = {
    "precision": ((u, 1 / v), (LINE, RAY)),
    "root": ((u, 1 / sp.sqrt(v)), (LINE, RAY)),
    "log": ((u, sp.exp(v)), (LINE, LINE)),
    "sinh": ((sp.sinh(u), v), (LINE, RAY)),
    "ratio": ((u * v, v), (LINE, RAY)),
    "logit": ((sp.log(u / (1 - u)), v), (UNIT, RAY)),
    "tanh": ((sp.atanh(u), v), (sp.Interval.open(-1, 1), RAY)),
    "cube": ((u, v**3), (LINE, RAY)),
    "cube root": ((u, sp.cbrt(v)), (LINE, RAY)),
    "bent": ((u + v**2, v), (LINE, RAY)),
    "shifted": ((u, v - 1), (LINE, sp.Interval.open(1, sp.oo))),
    "negative": ((-u, -v), (LINE, sp.Interval.open(-sp.oo, 0))),
}


def _same(M, images, domains, spread=1.0):
    new = (u, v, w)[: M.dim]
    other = M.reparametrize(
        dict(zip(M.coordinates, images, strict=True)), dict(zip(new, domains, strict=True))
    )
    assert closed_distance(other) is not None
    points = np.array(other.domain.interior_points(8, seed=2, spread=spread), dtype=float)
    there = np.array([sp.lambdify(new, images)(*row) for row in points], dtype=float)
    found = sm.distance(other, points[:4], points[4:])
    assert found == pytest.approx(sm.distance(M, there[:4], there[4:]), rel=1e-12)


@pytest.mark.parametrize("name", PLAIN)
def test_normal(name, manifolds):
    _same(manifolds["normal"], *PLAIN[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", MORE)
def test_normal_in_more_ways(name, manifolds):
    _same(manifolds["normal"], *MORE[name])


def _positive(name, images, domains):
    # Weibull has the scale last, and its location is that of log lambda.
    location, scale = images
    first, second = (scale, location) if name == "weibull" else (location, scale)
    if name == "weibull":
        return (first, sp.exp(second)), domains
    return (sp.exp(first), second), domains


@pytest.mark.slow
@pytest.mark.parametrize("name", ["weibull", "inverse_gaussian", "log_logistic"])
@pytest.mark.parametrize("way", sorted((PLAIN | MORE).keys() - {"tangent", "negative", "bent"}))
def test_positive_parameters(name, way, manifolds):
    images, domains = _positive(name, *(PLAIN | MORE)[way])
    _same(manifolds[name], images, domains, 0.6)


def test_weibull_by_rate(manifolds):
    _same(manifolds["weibull"], (v, u ** (-1 / v)), (RAY, RAY), 0.5)


def test_multinomial_by_its_natural_parameters():
    below = 1 + sp.exp(u) + sp.exp(v) + sp.exp(w)
    M = sm.families.categorical(4).manifold()
    _same(M, tuple(sp.exp(t) / below for t in (u, v, w)), (LINE,) * 3)


def test_sticks_of_the_simplex():
    M = sm.families.categorical(4).manifold()
    _same(M, (u, (1 - u) * v, (1 - u) * (1 - v) * w), (UNIT,) * 3)


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_flat_space_in_bent_coordinates(seed):
    a, b, c = (R(int(k), 4) for k in np.random.default_rng(seed).integers(1, 9, 3))
    M = sm.StatisticalManifold(sp.symbols("x y z", real=True), [[2, 1, 0], [1, 3, 1], [0, 1, 5]])
    _same(M, (u + a * v**2, v - b * w, w + c * sp.sinh(w)), (LINE,) * 3)


def test_one_parameter_in_any_coordinate():
    M = sm.families.bernoulli().manifold()
    _same(M, (1 / (1 + sp.exp(-u)),), (LINE,))
    _same(M, (sp.sin(u) ** 2,), (sp.Interval.open(0, sp.pi / 2),))


def test_normals_next_to_each_other_with_mixed_means():
    """The means mix, so that no coordinates separate; only one variance is common to both."""
    s = sp.Symbol("s", positive=True)
    x, y = sp.symbols("x y", real=True)
    M = sm.StatisticalManifold((x, y, s), sp.diag(1, 3, 4) / s**2)
    _same(M, (u + v / 2, u - v, sp.exp(w / 3)), (LINE,) * 3)
