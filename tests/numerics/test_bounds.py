"""Lower and upper bounds of distances, and what is said of minimality, by other routes."""

import pickle

import mpmath
import numpy as np
import pytest
import sympy as sp
from reference_solver import distance_and_log

import statmani as sm
from statmani.numerics.minimality import bound_from_maps
from statmani.numerics.prepared import prepared
from statmani.numerics.sectional import largest_curvature, sampled_curvature

SAMPLED = "unique if no curvature is positive"


def _log_uniform(seed, count, low, high):
    rng = np.random.default_rng(seed)
    return np.exp(rng.uniform(np.log(low), np.log(high), (count, 2)))


def _normal(seed, count):
    points = _log_uniform(seed, count, 1e-2, 1e3)
    points[:, 0] = np.random.default_rng(seed + 100).uniform(-100, 100, count)
    return points


def _normal_distance(p, q):
    square = ((p[:, 0] - q[:, 0]) ** 2 / 2 + (p[:, 1] - q[:, 1]) ** 2) / (4 * p[:, 1] * q[:, 1])
    return 2 * np.sqrt(2) * np.arcsinh(np.sqrt(square))


def _great_circle(overlap):
    return 2 * mpmath.acos(overlap)


def test_the_sphere_bounds_normal_distances_in_every_chart():
    family = sm.families.normal()
    M = family.manifold()
    mu, sigma = M.coordinates
    u, v = sp.symbols("u v", real=True)
    x, y = sp.Symbol("x", real=True), sp.Symbol("y", positive=True)
    charts = [
        (M, lambda z: z),
        (M.reparametrize({mu: v - u, sigma: sp.exp(u)}, (u, v)),
         lambda z: np.stack([np.log(z[:, 1]), z[:, 0] + np.log(z[:, 1])], axis=1)),
        (M.reparametrize({mu: x * y, sigma: y}, (x, y)),
         lambda z: np.stack([z[:, 0] / z[:, 1], z[:, 1]], axis=1)),
    ]  # fmt: skip
    p, q = _normal(1, 60), _normal(2, 60)
    exact = _normal_distance(p, q)
    overlap = np.sqrt(2 * p[:, 1] * q[:, 1] / (p[:, 1] ** 2 + q[:, 1] ** 2))
    overlap *= np.exp(-((p[:, 0] - q[:, 0]) ** 2) / 4 / (p[:, 1] ** 2 + q[:, 1] ** 2))
    circle = 2 * np.arccos(overlap)
    for chart, moved in charts:
        lower, how = bound_from_maps(chart, moved(p), moved(q))
        assert "square roots of densities" in how
        assert (lower <= exact).all()
        assert (lower <= circle * (1 + 1e-12) + 1e-9).all()
        assert (lower >= circle * (1 - 1e-6)).all()


@pytest.mark.parametrize(
    ("name", "density", "ends"),
    [
        ("weibull", lambda x, k, c: k / c * (x / c) ** (k - 1) * mpmath.exp(-((x / c) ** k)),
         (0, 0.5, 1, 2, 4, 10, 60)),
        ("gumbel", lambda x, m, s: mpmath.exp(-(x - m) / s - mpmath.exp(-(x - m) / s)) / s,
         (-20, -5, 0, 3, 10, 40, 200)),
        ("logistic", lambda x, m, s: mpmath.sech((x - m) / 2 / s) ** 2 / 4 / s,
         (-200, -20, -3, 0, 3, 20, 200)),
    ],
)  # fmt: skip
def test_the_integral_of_the_root_by_mpmath(name, density, ends):
    M = getattr(sm.families, name)().manifold()
    for p, q in [((1.3, 0.7), (2.1, 1.9)), ((1.0, 1.0), (1.001, 1.002)), ((0.6, 3.0), (2.5, 0.2))]:
        with mpmath.workdps(25):
            found = mpmath.quad(
                lambda x, p=p, q=q: mpmath.sqrt(density(x, *p) * density(x, *q)), ends
            )
            circle = float(_great_circle(found))
        ((lower,), _) = bound_from_maps(M, np.array([p]), np.array([q]))
        assert lower <= circle * (1 + 1e-12)
        assert lower >= circle * (1 - 1e-6)


def test_quadrature_and_potential_agree_on_narrow_densities():
    from statmani.numerics.hellinger import square_roots

    M = sm.families.gamma().manifold()
    potential, quadrature = square_roots(M)._defects
    for span, missed in [((1e-2, 1e3), np.inf), ((0.3, 20), 1e-7)]:
        p, q = _log_uniform(3, 10, *span), _log_uniform(4, 10, *span)
        first, second = potential(p, q), quadrature(p, q)
        assert (first > 0).all()
        assert (second <= first + 1e-9).all()
        assert (second >= first - missed).all()


@pytest.mark.parametrize("name", ["gamma", "beta"])
def test_lower_and_upper_hold_the_distance_of_another_solver(name):
    M = getattr(sm.families, name)().manifold()
    p, q = _log_uniform(5, 6, 0.3, 20), _log_uniform(6, 6, 0.3, 20)
    found = sm.distance(M, p, q, full_output=True)
    assert found.minimality == SAMPLED
    assert "points is -0." in found.why
    assert "Gauss-Bonnet" in found.why
    sphere, _ = bound_from_maps(M, p, q)
    for k in range(6):
        exact = distance_and_log(name, p[k], q[k])[0]
        assert sphere[k] <= exact
        assert found.lower[k] <= exact * (1 + 1e-12)
        assert found.upper[k] >= exact * (1 - 1e-12)
        assert found.lower[k] >= exact * (1 - 1e-9)


def test_bivariate_normals_have_the_known_integral_and_curvature():
    M = sm.families.bivariate_normal().manifold()
    at = dict(zip([str(s) for s in M.coordinates], range(5), strict=True))
    assert sampled_curvature(M).value == pytest.approx(2 / 7, abs=1e-8)
    p, q = np.array([0.3, -1.0, 1.5, 0.7, 0.4]), np.array([-0.2, 0.5, 0.6, 2.0, -0.3])
    assert list(at) == ["mu1", "mu2", "sigma1", "sigma2", "rho"]

    def moments(z):
        cross = z[4] * z[2] * z[3]
        return z[:2], np.array([[z[2] ** 2, cross], [cross, z[3] ** 2]])

    (m, S), (n, T) = moments(p), moments(q)
    half = (S + T) / 2
    overlap = (np.linalg.det(S) * np.linalg.det(T)) ** 0.25 / np.sqrt(np.linalg.det(half))
    overlap *= np.exp(-(m - n) @ np.linalg.solve(half, m - n) / 8)
    found = sm.distance(M, p, q, full_output=True)
    assert found.minimality == "not proved"
    assert "0.2857" in found.why
    assert found.lower == pytest.approx(2 * np.arccos(overlap), rel=1e-10)
    assert found.lower <= 2 * np.arccos(overlap) <= found.value


def test_categorical_bounds_are_sharp():
    """The simplex is a part of the sphere, so the bound is the distance."""
    M = sm.families.categorical(4).manifold()
    rng = np.random.default_rng(8)
    p, q = rng.dirichlet(np.ones(4), 20), rng.dirichlet(np.ones(4), 20)
    exact = 2 * np.arccos(np.sqrt(p * q).sum(1))
    lower, _ = bound_from_maps(M, p[:, :3], q[:, :3])
    assert (lower <= exact * (1 + 1e-12)).all()
    assert (lower >= exact * (1 - 1e-9)).all()


def test_independent_observations_and_copies_keep_the_bound():
    family = sm.families.bivariate_normal()
    p, q = [0.3, -1.0, 1.5, 0.7, 0.4], [-0.2, 0.5, 0.6, 2.0, -0.3]
    one = bound_from_maps(family.manifold(), np.array([p]), np.array([q]))[0]
    four = bound_from_maps(family.iid(4).manifold(), np.array([p]), np.array([q]))[0]
    assert four == pytest.approx(2 * one, rel=1e-12)
    copy = pickle.loads(pickle.dumps(family.manifold()))
    assert bound_from_maps(copy, np.array([p]), np.array([q]))[0] == one


def test_no_density_or_a_moving_support_gives_zero():
    x, y = sp.symbols("x y", real=True)
    bowl = sm.StatisticalManifold((x, y), [[1 + x**2, x * y], [x * y, 1 + y**2]])
    found = sm.distance(bowl, [0.3, 0.4], [-0.5, 0.7], full_output=True)
    assert (found.minimality, found.lower) == ("not proved", 0.0)
    assert "a sectional curvature is " in found.why
    assert "Lower bound: none" in found.why
    assert 0 < found.value <= found.upper
    # The chord in space, of the paraboloid z = (x^2 + y^2) / 2.
    rise = (0.3**2 + 0.4**2 - 0.5**2 - 0.7**2) / 2
    assert found.upper > np.sqrt(0.8**2 + 0.3**2 + rise**2)


def test_a_curvature_that_is_proved_negative():
    """ds^2 = dr^2 + f(r)^2 dt^2 has K = -f''/f (do Carmo 1976, section 4-3)."""
    r, t = sp.Symbol("r", positive=True), sp.Symbol("t", real=True)
    surface = sm.StatisticalManifold((r, t), sp.diag(1, (r + r**3) ** 2))
    found = sm.distance(surface, [1.0, 0.0], [2.0, 0.5], full_output=True)
    assert found.minimality == "unique"
    assert "nowhere positive" in found.why
    assert "convexity" in found.why
    domain = {r: sp.Interval.open(0, sp.oo), t: sm.Circle}
    round_ = sm.StatisticalManifold(domain, sp.diag(1, (r + r**3) ** 2))
    found = sm.distance(round_, [1.0, 0.0], [2.0, 0.5], full_output=True)
    assert found.minimality == "not proved"
    assert "circle of t" in found.why


@pytest.mark.parametrize(
    ("signs", "largest"), [((1, 1), 1.0), ((1, -1), 1.0), ((-1, -1), 0.0)]
)
def test_products_of_surfaces_have_the_larger_curvature(signs, largest):
    names = sp.symbols("x0:4", positive=True)
    entries = []
    for k, sign in enumerate(signs):
        x, y = names[2 * k : 2 * k + 2]
        scale = 4 / (1 + sign * (x**2 + y**2)) ** 2
        entries += [scale, scale]
    domain = {s: sp.Interval.open(0, sp.Rational(7, 10)) for s in names}
    M = sm.StatisticalManifold(domain, sp.diag(*entries))
    kernels = prepared(M)
    points = kernels.to_chart(np.array([[0.1, 0.2, 0.3, 0.4], [0.4, 0.5, 0.1, 0.6]]))
    assert largest_curvature(kernels, points).value == pytest.approx(largest, abs=1e-9)
