"""Names of symbols never reach generated source as text, whatever they are."""

import numpy as np
import pytest
import sympy as sp

import statmani as sm
from statmani.numerics.prepared import prepared

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
        sm.geodesic(M, PLACE, end=[1.0, 2.0])(0.3),
        sm.log(M, PLACE, [1.0, 2.0]),
        sm.distance(M, PLACE, [1.0, 2.0]),
        sm.pairwise_distances(M, [PLACE, [1.0, 2.0]]),
        sm.frechet_mean(M, [PLACE, [1.0, 2.0]]),
        sm.fit(found, [0.1, 0.9, -0.4, 2.0]).estimate,
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


@pytest.mark.parametrize(("location", "scale"), NAMES)
def test_latex_and_reports_whatever_the_names(location, scale):
    """Names appear as text there, and nothing of them is run or breaks the output."""
    found = family("import sys", location, scale)
    M = found.manifold()
    for obj in (found, M, M.metric, M.levi_civita.christoffel, M.connection(1)):
        text = sm.latex(obj)
        assert text.count("{") == text.count("}")
    assert repr(found)
    assert repr(M)


@pytest.mark.parametrize(("location", "scale"), NAMES)
def test_generated_files_are_the_same_for_every_name(location, scale):
    """Closed forms of renamed families share their files, whose text holds none of the names."""
    modules = []
    for names in (("mu", "sigma"), (location, scale)):
        kernels = prepared(family("import sys", *names).manifold())
        modules.append({kernels.maps, *(kernels.own(order).__module__ for order in (1, 2))})
    assert modules[0] == modules[1]
    text = kernels.maps.__loader__.get_source(kernels.maps.__name__)
    for name in ("import os", "SystemExit", "lambda", "π", "a" * 200, "import sys"):
        assert name not in text


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
