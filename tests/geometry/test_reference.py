"""Connections and curvature against quadrature values, published values and differences."""

from __future__ import annotations

from itertools import product

import pytest
import sympy as sp
from sympy import Rational, pi, symbols

from statmani.geometry.direct import is_simpler
from statmani.geometry.manifold import StatisticalManifold
from statmani.geometry.tensor import Tensor

NAMES = [
    *"normal gamma_scale inverse_gaussian beta cauchy categorical3".split(),
    *"weibull bivariate_normal dirichlet3".split(),
]
ALPHAS = ("-1", "0", "1/2", "1")


def close(value, reference, digits=20):
    reference = sp.Float(reference, 30)
    return abs(value - reference) <= abs(reference) * sp.Float(10) ** -digits or (
        reference == 0 and abs(value) < sp.Float(10) ** -digits
    )


def point_of(entry, manifold):
    return {
        x: Rational(entry["at"][name])
        for x, (name, _) in zip(manifold.coordinates, entry["parameters"], strict=True)
    }


@pytest.mark.parametrize("name", NAMES)
def test_tensors_agree_with_quadrature(name, models, acceptance):
    manifold, entry = models[name], acceptance[name]
    at = point_of(entry, manifold)
    n = manifold.dim
    for i, j in product(range(n), repeat=2):
        assert close(manifold.metric[i, j].subs(at).evalf(30), entry["metric"][i][j])
    skewness = manifold.skewness.evalf(30, at=at)
    for i, j, k in product(range(n), repeat=3):
        assert close(skewness[i, j, k], entry["skewness"][i][j][k])
    for alpha in ALPHAS:
        connection = manifold.connection(Rational(alpha))
        first = connection.christoffel_first.evalf(30, at=at)
        for i, j, k in product(range(n), repeat=3):
            assert close(first[i, j, k], entry["christoffel_first"][alpha][i][j][k])
        scalar = connection.scalar_curvature.subs(at).evalf(30)
        assert close(scalar, entry["scalar_curvature"][alpha])


@pytest.mark.parametrize(
    ("name", "scalar"),
    [
        ("normal", -1),
        ("bivariate_normal", Rational(-9, 2)),
        ("weibull", -12 / pi**2),
        ("inverse_gaussian", -1),
        ("cauchy", -4),
        ("categorical3", Rational(1, 2)),
    ],
)
def test_scalar_curvature_is_the_known_constant(name, scalar, models):
    assert models[name].levi_civita.scalar_curvature == scalar


def test_normal_alpha_curvature(models):
    # Amari & Nagaoka 2000: K^(alpha) = -(1 - alpha^2)/2.
    alpha = symbols("alpha")
    normal = models["normal"]
    connection = normal.connection(alpha)
    assert connection.sectional_curvature((1, 0), (0, 1)) == alpha**2 / 2 - Rational(1, 2)
    assert connection.scalar_curvature == alpha**2 - 1
    sigma = normal.coordinates[1]
    k_det_g = (alpha**2 / 2 - Rational(1, 2)) * 2 / sigma**4
    assert sp.expand(connection.riemann_lower[0, 1, 0, 1] - k_det_g) == 0


def test_half_plane_sphere_and_de_sitter():
    x = symbols("x", real=True)
    y = symbols("y", positive=True)
    plane = StatisticalManifold((x, y), [[1 / y**2, 0], [0, 1 / y**2]])
    assert plane.levi_civita.scalar_curvature == -2
    assert plane.levi_civita.sectional_curvature((1, 2), (x, y)) == -1
    assert plane.volume_element == 1 / y**2
    theta, radius = symbols("theta R")
    sphere = StatisticalManifold(
        {theta: sp.Interval(0, sp.pi), x: sp.S.Reals},
        [[radius**2, 0], [0, radius**2 * sp.sin(theta) ** 2]],
    )
    assert sphere.levi_civita.scalar_curvature == 2 / radius**2
    assert sphere.levi_civita.riemann_lower[0, 1, 0, 1] == radius**2 * sp.sin(theta) ** 2
    assert sphere.constants == (radius,)
    # de Sitter space of dimension 4 in flat slicing: R = 12 H^2.
    t, h = symbols("t H", real=True)
    space = symbols("x1:4", real=True)
    metric = sp.diag(-1, *[sp.exp(2 * h * t)] * 3)
    assert StatisticalManifold((t, *space), metric).levi_civita.scalar_curvature == 12 * h**2


def test_kerr_is_ricci_flat_but_not_flat():
    t, r, u, phi = symbols("t r u phi", real=True)
    m, a = symbols("M a")
    rho2 = r**2 + a**2 * u**2
    delta = r**2 - 2 * m * r + a**2
    cross = -2 * m * a * r * (1 - u**2) / rho2
    angular = (r**2 + a**2 + 2 * m * r * a**2 * (1 - u**2) / rho2) * (1 - u**2)
    metric = [
        [-(1 - 2 * m * r / rho2), 0, 0, cross],
        [0, rho2 / delta, 0, 0],
        [0, 0, rho2 / (1 - u**2), 0],
        [cross, 0, 0, angular],
    ]
    box = {t: sp.S.Reals, r: sp.Interval(0, sp.oo), u: sp.Interval(-1, 1), phi: sp.S.Reals}
    kerr = StatisticalManifold(box, metric)
    assert kerr.levi_civita.ricci == sp.zeros(4, 4)
    assert kerr.levi_civita.scalar_curvature == 0
    assert not kerr.levi_civita.is_flat
    assert kerr.constants == (m, a)
    # On the axis of Schwarzschild: R_trtr = -2 M / r^3 (Wald 1984, section 6.1).
    schwarzschild = kerr.levi_civita.riemann_lower[0, 1, 0, 1].subs(a, 0)
    assert sp.cancel(schwarzschild + 2 * m / r**3) == 0


def number(expr, at):
    return Tensor((1,), lambda _: expr).evalf(45, at=at)[0]


@pytest.mark.parametrize(
    ("name", "alpha"), [("rough", "-2"), ("rational", "1/3"), ("conformal", "2/3")]
)
def test_curvature_agrees_with_differences_of_the_definition(
    name, alpha, rough_models, numeric_geometry
):
    rough_model = rough_models[name]
    x, n = rough_model.coordinates, rough_model.dim
    values = dict.fromkeys(rough_model.constants, Rational(7, 3))
    point = (Rational(3, 5), Rational(7, 4), Rational(9, 8))[:n]
    metric = rough_model.metric.subs(values)
    skewness = {i: v.subs(values) for i, v in rough_model.skewness.nonzero().items()}
    table = {i: skewness.get(i, sp.S.Zero) for i in product(range(n), repeat=3)}
    numeric = numeric_geometry(x, metric, table, point, alpha)
    # Both routes to the curvature are taken by one of the models.
    assert is_simpler(rough_model.geometry) == (name == "conformal")
    connection = rough_model.connection(Rational(alpha))
    at = {**values, **dict(zip(x, point, strict=True))}
    exact = connection.riemann.evalf(40, at=at)
    lowered = connection.riemann_lower.evalf(40, at=at)
    reference = numeric.riemann()
    inverse = numeric.g(numeric.point) ** -1
    for index in product(range(n), repeat=4):
        assert abs(exact[index] - sp.Float(str(reference[index]), 60)) < sp.Float(10) ** -38
        l, *rest = index
        value = sum(numeric.g(numeric.point)[l, m] * reference[m, *rest] for m in range(n))
        assert abs(lowered[index] - sp.Float(str(value), 60)) < sp.Float(10) ** -36
    ricci = {
        (k, j): sum(reference[l, k, l, j] for l in range(n)) for k, j in product(range(n), repeat=2)
    }
    scalar = sum(inverse[k, j] * ricci[k, j] for k, j in ricci)
    got = number(connection.scalar_curvature, at)
    assert abs(got - sp.Float(str(scalar), 60)) < sp.Float(10) ** -36
    for (k, j), value in ricci.items():
        got = number(connection.ricci[k, j], at)
        assert abs(got - sp.Float(str(value), 60)) < sp.Float(10) ** -36


def test_trivariate_normal_has_scalar_curvature_minus_twelve(gaussian_model):
    mean = symbols("m1:4", real=True)
    names = {(i, j): sp.Symbol(f"s{i}{j}", real=True) for i in range(3) for j in range(i, 3)}
    covariance = [[names[min(i, j), max(i, j)] for j in range(3)] for i in range(3)]
    model = gaussian_model((*mean, *names.values()), mean, covariance)
    # The cone of positive definite matrices, by its principal minors.
    s = sp.Matrix(covariance)
    constraint = [s[0, 0] > 0, s[:2, :2].det() > 0, s.det() > 0]
    manifold = StatisticalManifold(*model, constraint=constraint)
    assert manifold.levi_civita.scalar_curvature == -12
    assert manifold.connection(1).scalar_curvature == 0
