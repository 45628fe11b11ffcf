"""Second fundamental forms and statistical curvature, against theory and numbers."""

from __future__ import annotations

import pickle
from itertools import product

import mpmath
import pytest
import sympy as sp
from sympy import Rational, symbols

import statmani as sm
from statmani.errors import InvalidArgument, RegularityError
from statmani.geometry.manifold import StatisticalManifold

ALPHA = symbols("alpha")
t = sp.Symbol("t", positive=True)
x = sp.Symbol("x", real=True)


def normal_line() -> StatisticalManifold:
    M = sm.families.normal().manifold()
    mu, sigma = M.coordinates
    return M.submanifold({mu: t, sigma: t}, t)


def test_the_curve_of_normal_densities_with_equal_mean_and_deviation() -> None:
    # Efron (1975), section 3; both routes, and n observations.
    assert sm.statistical_curvature(normal_line()) == Rational(2, 27)
    density = sp.exp(-((x - t) ** 2) / (2 * t**2)) / (t * sp.sqrt(2 * sp.pi))
    family = sm.Family(density, sample={x: sp.S.Reals}, parameters=t)
    assert sm.statistical_curvature(family) == Rational(2, 27)
    assert sm.statistical_curvature(family.iid(3)) == Rational(2, 81)
    n = sp.Symbol("n", positive=True)
    assert sp.expand(sm.statistical_curvature(family.iid(n)) - Rational(2, 27) / n) == 0


def test_statistical_curvature_of_location_families_and_exponential_ones() -> None:
    cauchy = sm.families.cauchy()
    assert sm.statistical_curvature(cauchy.fix({cauchy.parameters[1]: 1})) == Rational(5, 2)
    assert sm.statistical_curvature(sm.families.poisson()) == 0
    with pytest.raises(RegularityError, match="delta terms"):
        laplace = sm.families.laplace()
        sm.statistical_curvature(laplace.fix({laplace.parameters[1]: 1}))


@pytest.mark.parametrize("nu", [3, pytest.param(5, marks=pytest.mark.slow)])
def test_student_location_family_by_quadrature(nu) -> None:
    """nu_20, nu_11 and nu_02 of Efron's definition by numeric integration of the density."""
    c = sp.gamma(Rational(nu + 1, 2)) / sp.gamma(Rational(nu, 2)) / sp.sqrt(nu * sp.pi)
    m = sp.Symbol("m", real=True)
    density = c * (1 + (x - m) ** 2 / nu) ** -Rational(nu + 1, 2)
    family = sm.Family(density, sample={x: sp.S.Reals}, parameters={m: sp.S.Reals})
    context = mpmath.mp.clone()
    context.dps = 25
    d, l1, l2 = (
        sp.lambdify(x, e.subs(m, 0), [{"sqrt": context.sqrt, "pi": +context.pi}, "math"])
        for e in (density / c, sp.diff(sp.log(density), m), sp.diff(sp.log(density), m, 2))
    )

    def mean(f):
        ends = [-context.inf, -2, 0, 2, context.inf]
        top = context.quad(lambda v: f(v) * d(v), ends)
        return top / context.quad(d, ends)

    i = mean(lambda v: l1(v) ** 2)
    second, mixed = mean(lambda v: l2(v) ** 2) - i**2, mean(lambda v: l1(v) * l2(v))
    expected = (i * second - mixed**2) / i**3
    assert abs(float(sm.statistical_curvature(family)) - float(expected)) < 1e-8


@pytest.mark.slow
def test_an_open_family_keeps_an_expectation() -> None:
    """A mixture: the value of the unevaluated form agrees with quadrature."""
    w = sp.Symbol("w")
    density = w * sp.exp(-(x**2) / 2) + (1 - w) * sp.exp(-((x - 2) ** 2) / 2)
    family = sm.Family(
        density / sp.sqrt(2 * sp.pi), sample={x: sp.S.Reals}, parameters={w: sp.Interval.open(0, 1)}
    )
    found = sm.statistical_curvature(family)
    a = lambda v: mpmath.exp(-(v**2) / 2)  # noqa: E731
    b = lambda v: mpmath.exp(-((v - 2) ** 2) / 2)  # noqa: E731
    score = lambda v: (a(v) - b(v)) / (a(v) / 3 + 2 * b(v) / 3)  # noqa: E731

    def mean(f):
        norm = mpmath.sqrt(2 * mpmath.pi)
        return mpmath.quad(
            lambda v: f(score(v)) * (a(v) / 3 + 2 * b(v) / 3) / norm, [-30, -3, 0, 1, 2, 5, 30]
        )

    i = mean(lambda u: u**2)
    # l'' = -s^2 in a mixture family.
    expected = (i * (mean(lambda u: u**4) - i**2) - mean(lambda u: u**3) ** 2) / i**3
    assert abs(float(found.subs(w, Rational(1, 3)).evalf(15)) - float(expected)) < 1e-9


def test_flat_submanifolds_have_no_curvature() -> None:
    M = sm.families.normal().manifold()
    mu, sigma = M.coordinates
    e1, e2 = sp.Symbol("e1", real=True), sp.Symbol("e2", negative=True)
    natural = M.reparametrize({mu: -e1 / (2 * e2), sigma: sp.sqrt(-1 / (2 * e2))}, (e1, e2))
    u = sp.Symbol("u", positive=True)
    line = natural.submanifold({e1: 2 * u + 1, e2: -1 - u}, u)
    assert sm.statistical_curvature(line) == 0
    assert line.second_fundamental_form(1).nonzero() == {}
    assert line.second_fundamental_form(-1).nonzero() != {}
    # H^sigma = g^{mu mu} Gamma^sigma_{mu mu} = sigma/2 for a constant sigma = 2.
    # Constant mean is an m- and e-flat subfamily, constant deviation e-flat only.
    fixed = M.submanifold({mu: 3, sigma: t}, t)
    assert fixed.second_fundamental_form(ALPHA).nonzero() == {}
    horizontal = M.submanifold({mu: e1, sigma: 2}, e1)
    assert sm.statistical_curvature(horizontal) == 0
    assert horizontal.mean_curvature(0) == (0, 1)


def test_the_sphere_and_a_moved_chart() -> None:
    X = symbols("x1:4", real=True)
    theta, phi = symbols("theta phi", real=True)
    space = StatisticalManifold(X, sp.eye(3))
    box = {theta: sp.Interval.open(0, sp.pi), phi: sm.Circle}
    R = sp.Symbol("R", positive=True)
    point = [
        R * sp.sin(theta) * sp.cos(phi), R * sp.sin(theta) * sp.sin(phi), R * sp.cos(theta)
    ]  # fmt: skip
    sphere = space.submanifold(dict(zip(X, point, strict=True)), box)
    # The mean curvature vector points inwards with length 1/R (do Carmo 1992, chapter 6).
    for found, outward in zip(sphere.mean_curvature(0), point, strict=True):
        assert sp.simplify(found + outward / R**2) == 0
    assert sphere.levi_civita.constant_curvature == 1 / R**2
    line = normal_line()
    s = sp.Symbol("s", real=True)
    moved = line.reparametrize({t: sp.exp(s)}, s)
    assert sm.statistical_curvature(moved) == Rational(2, 27)
    assert sm.statistical_curvature(pickle.loads(pickle.dumps(moved))) == Rational(2, 27)


@pytest.mark.parametrize("alpha", [1, Rational(-1, 3)])
def test_the_form_is_the_normal_part_of_the_acceleration(alpha, numeric_geometry) -> None:
    """A surface in Student's t and a curve in the Weibull family, from the numeric connection."""
    weibull = sm.families.weibull().manifold()
    a, b = weibull.coordinates
    curve = weibull.submanifold({a: 1 + t**2, b: t}, t)
    student = sm.families.student_t().manifold()
    names = student.coordinates
    u = sp.Symbol("u", positive=True)
    rows = [u * t, 1 + t, 2 + u**2]
    surface = student.submanifold(dict(zip(names, rows, strict=True)), (t, u))
    for sub in (curve, surface):
        ambient, mapping = sub.embedding.ambient, sub.embedding.mapping
        n, m = range(ambient.dim), range(sub.dim)
        at = dict(zip(sub.coordinates, (Rational(4, 3), Rational(3, 5)), strict=False))
        images = [mapping[c] for c in ambient.coordinates]
        point = [e.subs(at) for e in images]
        numeric = numeric_geometry(
            ambient.coordinates, ambient.metric, ambient.skewness, point, alpha
        )
        gamma, g = numeric.second(numeric.point), numeric.g(numeric.point)
        B = sp.Matrix(images).jacobian(list(sub.coordinates))
        b_at = B.subs(at).evalf(40)
        form = sub.second_fundamental_form(alpha).evalf(35, at=at)
        metric = sp.Matrix([[g[k, l] for l in n] for k in n])
        gram = (b_at.T * metric * b_at).inv()
        for c, d in product(m, m):
            bend = [
                B[k, c].diff(sub.coordinates[d]).subs(at).evalf(40)
                + sum(gamma[(k * ambient.dim + i) * ambient.dim + j] * b_at[i, c] * b_at[j, d]
                      for i, j in product(n, n))
                for k in n
            ]  # fmt: skip
            along = [sum(g[k, l] * bend[k] * b_at[l, e] for k, l in product(n, n)) for e in m]
            for k in n:
                tangent = sum(gram[e, f] * along[f] * b_at[k, e] for e, f in product(m, m))
                assert abs(form[k, c, d] - (bend[k] - tangent)) < sp.Float(10) ** -25


def test_wrong_arguments() -> None:
    M = sm.families.normal().manifold()
    with pytest.raises(InvalidArgument, match="not embedded in another one"):
        M.second_fundamental_form(0)
    with pytest.raises(InvalidArgument, match="expected a Family or a submanifold, got 3"):
        sm.statistical_curvature(3)
    with pytest.raises(InvalidArgument, match="is a coordinate of the manifold"):
        normal_line().mean_curvature(t)
