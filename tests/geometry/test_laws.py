"""Identities that hold on every statistical manifold, and charts, values and pickling."""

from __future__ import annotations

import pickle
import subprocess
import sys
from itertools import product

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Rational, S, exp, log, symbols

from statmani.geometry.manifold import StatisticalManifold

ALPHA = symbols("alpha")


@pytest.mark.parametrize("name", ["weibull", "gamma_scale", "categorical3", "bivariate_normal"])
def test_duality(name, models):
    manifold = models[name]
    connection, dual = manifold.connection(ALPHA), manifold.connection(-Rational(2, 3))
    connection = manifold.connection(Rational(2, 3))
    assert connection.dual is dual
    at = {x: Rational(k + 2, 7) for k, x in enumerate(manifold.coordinates)}
    n = range(manifold.dim)
    first, other = (c.christoffel_first.evalf(40, at=at) for c in (connection, dual))
    slope = manifold.metric.diff
    for i, j, k in product(n, n, n):
        value = slope(manifold.coordinates[k])[i, j].subs(at).evalf(40)
        assert abs(value - first[k, i, j] - other[k, j, i]) < sp.Float(10) ** -33
    lower = connection.riemann_lower.evalf(40, at=at)
    mirror = dual.riemann_lower.evalf(40, at=at)
    for l, k, i, j in product(n, n, n, n):
        assert abs(lower[l, k, i, j] + mirror[k, l, i, j]) < sp.Float(10) ** -33
        bianchi = lower[l, k, i, j] + lower[l, i, j, k] + lower[l, j, k, i]
        assert abs(bianchi) < sp.Float(10) ** -33


def test_weibull_is_not_conjugate_symmetric(models):
    lower = models["weibull"].connection(ALPHA).riemann_lower
    assert lower[0, 0, 0, 1] != 0
    assert sp.expand(lower[0, 1, 0, 1] + lower[0, 1, 1, 0]) == 0
    assert sp.expand(lower[0, 1, 0, 1] + lower[1, 0, 0, 1]) != 0
    assert models["weibull"].connection(1).is_flat is False


@pytest.mark.parametrize(
    "name", ["weibull", pytest.param("beta", marks=pytest.mark.slow), "inverse_gaussian"]
)
@pytest.mark.parametrize("value", [Rational(5, 7), -3, 0.1, sp.sqrt(2)])
def test_symbolic_alpha_agrees_with_numbers(name, value, models):
    manifold = models[name]
    symbolic, number = manifold.connection(ALPHA), manifold.connection(value)
    exact = Rational(1, 10) if value == 0.1 else sp.sympify(value)
    assert number.alpha == exact
    at = {x: Rational(k + 2, 3) for k, x in enumerate(manifold.coordinates)}
    for read in (
        lambda c: c.scalar_curvature,
        lambda c: c.christoffel[0, 1, 1],
        lambda c: c.riemann[1, 0, 0, 1],
        lambda c: c.ricci[0, 1],
        lambda c: c.sectional_curvature([1, 2, 0][: manifold.dim], [0, 1, 1][: manifold.dim]),
    ):
        difference = (read(symbolic).subs(ALPHA, exact) - read(number)).subs(at)
        assert abs(difference.evalf(30)) < sp.Float(10) ** -25


def test_exponential_families_are_dually_flat(models):
    for name in ("normal", "gamma_scale", "inverse_gaussian", "beta", "categorical3"):
        assert models[name].connection(1).is_flat
        assert models[name].connection(-1).is_flat
        assert not models[name].connection(ALPHA).is_flat


@given(entries=st.lists(st.integers(-3, 3), min_size=4, max_size=4))
@settings(max_examples=6, deadline=None)
def test_affine_change_of_chart(entries, models):
    matrix = sp.Matrix(2, 2, entries)
    if matrix.det() == 0:
        return
    old = models["beta"]
    u = symbols("u1:3", real=True)
    image = matrix * sp.Matrix(u)
    mapping = dict(zip(old.coordinates, image, strict=True))
    new = old.reparametrize(mapping, u, constraint=[e > 0 for e in image])
    values = sp.Matrix([2, Rational(3, 2)])
    at_old = dict(zip(old.coordinates, values, strict=True))
    at_new = dict(zip(u, matrix.inv() * values, strict=True))
    expected = matrix.T * old.metric.subs(at_old) * matrix
    assert (new.metric.subs(at_new) - expected).evalf(30).norm() < 1e-25
    scalar = old.levi_civita.scalar_curvature.subs(at_old)
    assert abs((new.levi_civita.scalar_curvature.subs(at_new) - scalar).evalf(30)) < 1e-22
    t = old.skewness.evalf(30, at=at_old)
    pulled = sum(
        t[i, j, k] * matrix[i, 0] * matrix[j, 1] * matrix[k, 1]
        for i, j, k in product(range(2), repeat=3)
    )
    assert abs(new.skewness.evalf(30, at=at_new)[0, 1, 1] - pulled) < 1e-20


def test_three_charts_of_the_normal_family(models, gaussian_model):
    old = models["normal"]
    mu, sigma = old.coordinates
    v, tau = symbols("v tau", positive=True)
    z, m = symbols("z m", real=True)
    theta = symbols("theta", negative=True)
    charts = [
        ({mu: mu, sigma: sp.sqrt(v)}, {mu: S.Reals, v: sp.Interval(0, sp.oo)}),
        ({mu: m, sigma: exp(z)}, (m, z)),
        ({mu: -m / (2 * theta), sigma: sp.sqrt(-1 / (2 * theta))}, (m, theta)),
        ({mu: sp.sinh(m), sigma: 1 / tau}, (m, tau)),
    ]
    for mapping, coordinates in charts:
        new = old.reparametrize(mapping, coordinates)
        assert new.connection(ALPHA).scalar_curvature == ALPHA**2 - 1
    natural = old.reparametrize(*charts[2])
    assert natural.connection(1).christoffel_first.nonzero() == {}
    direct = StatisticalManifold(*gaussian_model(charts[0][1], [mu], [[v]]))
    assert old.reparametrize(*charts[0]) == direct


def test_bivariate_normal_has_one_curvature_in_every_chart(gaussian_model):
    m = symbols("m1:3", real=True)
    a, c = symbols("a c", positive=True)
    b, z = symbols("b z", real=True)
    cholesky = sp.Matrix([[a, 0], [b, c]])
    charts = [
        ((*m, a, b, c), cholesky * cholesky.T),
        ((*m, a, b, c), (cholesky * cholesky.T).inv()),
        ((*m, z, b, c), sp.Matrix([[exp(z), 0], [b, c]]) * sp.Matrix([[exp(z), b], [0, c]])),
    ]
    for coordinates, covariance in charts:
        manifold = StatisticalManifold(*gaussian_model(coordinates, m, covariance))
        connection = manifold.connection(ALPHA)
        scalar = connection.scalar_curvature
        assert sp.expand(scalar - Rational(-9, 2) * (1 - ALPHA**2)) == 0


def test_submanifold(models):
    normal = models["normal"]
    mu, sigma = normal.coordinates
    s = symbols("s", positive=True)
    # N(s, s^2): g = (1 + 2)/s^2, T = 3 T_mms + T_sss = 14/s^3.
    line = normal.submanifold({mu: s, sigma: s}, s)
    assert line.metric == sp.Matrix([[3 / s**2]])
    assert line.skewness[0, 0, 0] == 14 / s**3
    assert line.connection(0).scalar_curvature == 0


def test_names_and_assumptions_do_not_matter():
    results = []
    for names in ("a b c", "beta gamma lambda_", "S N E", "zeta pi I"):
        x, y, c = (sp.Symbol(n) for n in names.split())
        box = {x: sp.Interval(0, sp.oo), y: sp.Interval(0, sp.oo)}
        g = [[1 / x**2 + c, sp.sqrt(x * y)], [sp.sqrt(x * y), sp.pi * y**c + log(y) ** 2]]
        manifold = StatisticalManifold(box, g)
        assert manifold.constants == (c,)
        canonical = dict(zip((x, y, c), symbols("p q r", positive=True), strict=True))
        results.append(manifold.levi_civita.christoffel[0, 1, 1].xreplace(canonical))
    x = symbols("p q r", positive=True)
    values = [r.subs(dict(zip(x, (2, 3, Rational(1, 2)), strict=True))).evalf(30) for r in results]
    assert all(abs(v - values[0]) < 1e-27 for v in values)
    assert values[0] != 0


def test_values_pickle_and_compare(models):
    for name in ("weibull", "categorical3"):
        manifold = models[name]
        copy = pickle.loads(pickle.dumps(manifold))
        assert copy == manifold
        assert hash(copy) == hash(manifold)
        assert manifold.connection(0) is manifold.levi_civita
        assert manifold.connection(0.5) is manifold.connection(Rational(1, 2))
        tensor = manifold.connection(ALPHA).riemann_lower
        restored = pickle.loads(pickle.dumps(tensor))
        assert restored == tensor
        assert hash(restored) == hash(tensor)
        assert pickle.loads(pickle.dumps(manifold.connection(ALPHA))) == manifold.connection(ALPHA)
        assert tensor != manifold.connection(0).riemann_lower


def test_geodesic_equations(models):
    normal = models["normal"]
    equations = normal.levi_civita.geodesic_equations
    t = next(iter(equations[0].lhs.atoms(sp.Derivative))).variables[0]
    mu, sigma = (sp.Function(x.name, real=True)(t) for x in normal.coordinates)
    # A semi-ellipse (mu - c)^2 + 2 sigma^2 = r^2, in arc length parametrization.
    curve = {mu: sp.sqrt(2) * sp.tanh(t), sigma: 1 / sp.cosh(t)}
    for equation in equations:
        residual = equation.lhs.subs(curve).doit().subs(t, Rational(2, 5))
        assert abs(residual.evalf(30)) < 1e-25


def test_geodesic_equations_with_a_symbol_that_is_one():
    x, y = symbols("x y", real=True)
    M = StatisticalManifold((x, y), sp.diag(1, exp(2 * x)))
    equations = M.levi_civita.geodesic_equations
    t = next(iter(equations[0].lhs.atoms(sp.Derivative))).variables[0]
    X, Y = (sp.Function(s.name, real=True)(t) for s in (x, y))
    assert equations[0].lhs == X.diff(t, 2) - exp(2 * X) * Y.diff(t) ** 2
    assert equations[1].lhs == Y.diff(t, 2) + 2 * X.diff(t) * Y.diff(t)


def test_output_does_not_depend_on_the_hash_seed():
    code = (
        "from sympy import *\n"
        "from statmani.geometry.manifold import StatisticalManifold as M\n"
        "x, y = symbols('x y', positive=True)\n"
        "k, m = symbols('k m')\n"
        "M = M((x, y), [[exp(x*y) + k, sin(x)*m], [sin(x)*m, x**k + log(y)]], "
        "{(0, 0, 1): x/y + m})\n"
        "print(srepr(M.connection(Symbol('a')).christoffel[0, 0, 1]), M.volume_element)\n"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PATH": ""},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


def test_a_metric_with_an_undefined_scale_factor() -> None:
    """Flat Friedmann metric: scalar curvature 6 (a''/a + (a'/a)^2) for signature (-,+,+,+)."""
    t, x, y, z = sp.symbols("t x y z", real=True)
    a = sp.Function("a")(t)
    M = StatisticalManifold((t, x, y, z), sp.diag(-1, a**2, a**2, a**2))
    expected = 6 * (a.diff(t, 2) / a + (a.diff(t) / a) ** 2)
    assert sp.expand(M.levi_civita.scalar_curvature - expected) == 0
