"""Names of symbols never reach generated source as text, whatever they are."""

import numpy as np
import pytest
import sympy as sp

import statmani as sm

NAMES = [
    ("__import__", "x; import os"),
    ("lambda", "π"),
    ("a" * 200, "b\nraise SystemExit"),
    ("out", "math"),
    ('"""', "x0"),
    ("numba", "e0"),
]
PLACE, SPEED = [0.3, 1.2], [0.4, -0.5]


def family(sample, location, scale):
    x = sp.Symbol(sample, real=True)
    m, s = sp.Symbol(location, real=True), sp.Symbol(scale, positive=True)
    log_p = -(((x - m) / s) ** 2) / 2 - sp.log(s) - sp.log(2 * sp.pi) / 2
    return sm.Family(log_density=log_p, sample=x, parameters=(m, s))


def through_everything(found):
    M = found.manifold()
    path = sm.geodesic(M, PLACE, SPEED)
    return [
        sm.evaluate(M, "metric", PLACE),
        sm.evaluate(M, "scalar_curvature", [PLACE, PLACE]),
        path(0.5),
        sm.exp(M, [PLACE, PLACE], SPEED),
        sm.parallel_transport(M, path, [1.0, 2.0], alpha=0.5),
        sm.distance(M, PLACE, [1.0, 2.0]),
        found.rvs(PLACE, 4, rng=7),
        found.log_density_at(PLACE, [0.1, 0.2]),
    ]


@pytest.fixture(scope="module")
def plain():
    return through_everything(family("x", "mu", "sigma"))


@pytest.mark.parametrize(("location", "scale"), NAMES)
def test_closed_forms_whatever_the_names(location, scale, plain):
    for found, expected in zip(
        through_everything(family("import sys", location, scale)), plain, strict=True
    ):
        assert np.array_equal(np.asarray(found), np.asarray(expected))


@pytest.mark.slow
@pytest.mark.parametrize(("location", "scale"), NAMES[:3])
def test_quadrature_whatever_the_names(location, scale):
    """A mixture goes through unevaluated expectations."""
    results = []
    for a, b, c in (("x", "m", "w"), ("__builtins__", location, scale)):
        x, m, w = sp.Symbol(a, real=True), sp.Symbol(b, real=True), sp.Symbol(c, positive=True)
        bell = sp.exp(-(x**2) / 2), sp.exp(-((x - m) ** 2) / 2)
        log_p = sp.log(w * bell[0] + (1 - w) * bell[1]) - sp.log(2 * sp.pi) / 2
        found = sm.Family(
            log_density=log_p,
            sample=x,
            parameters={m: sp.S.Reals, w: sp.Interval.open(0, 1)},
        )
        M = found.manifold()
        path = sm.geodesic(M, [2.0, 0.4], [0.1, 0.1])
        results.append(
            [
                sm.evaluate(M, "metric", [2.0, 0.4]),
                path(0.5),
                sm.exp(M, [[2.0, 0.4]], [0.1, 0.1]),
                sm.parallel_transport(M, path, [1.0, 2.0]),
                found.rvs([2.0, 0.4], 3, rng=5),
            ]
        )
    for first, second in zip(*results, strict=True):
        np.testing.assert_allclose(np.asarray(first), np.asarray(second), rtol=1e-12)
