"""Lower and upper bounds of distances, and what is said of minimality, by other routes."""

import pickle

import mpmath
import numpy as np
import pytest
import sympy as sp
from reference_solver import distance_and_log
from scipy.optimize import minimize

import statmani as sm
from statmani.numerics.hellinger import square_roots
from statmani.numerics.minimality import bound_from_maps
from statmani.numerics.normal_embedding import normal_laws
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
    sphere = square_roots(M.source.declaration)(p, q)
    assert (sphere <= circle * (1 + 1e-12) + 1e-9).all()
    for chart, moved in charts:
        lower, how = bound_from_maps(chart, moved(p), moved(q))
        assert "square roots of densities" in how
        assert (lower <= exact).all()
        assert (lower >= circle * (1 - 1e-6)).all()
        assert (lower >= 0.6 * exact).all()


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
    M = sm.families.gamma().manifold()
    potential, quadrature = square_roots(M.source.declaration)._defects
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


@pytest.mark.slow
def test_bivariate_normals_have_the_known_integral_and_curvature():
    M = sm.families.multivariate_normal(2).manifold()
    assert [str(s) for s in M.coordinates] == ["mu1", "mu2", "s11", "s12", "s22"]
    assert sampled_curvature(M).value == pytest.approx(2 / 7, abs=1e-8)
    p, q = np.array([0.3, -1.0, 2.0, 0.4, 0.5]), np.array([-0.2, 0.5, 0.6, -0.3, 3.0])
    S, T = (np.array([[z[2], z[3]], [z[3], z[4]]]) for z in (p, q))
    half, shift = (S + T) / 2, p[:2] - q[:2]
    overlap = (np.linalg.det(S) * np.linalg.det(T)) ** 0.25 / np.sqrt(np.linalg.det(half))
    overlap *= np.exp(-shift @ np.linalg.solve(half, shift) / 8)
    found = sm.distance(M, p, q, full_output=True)
    assert found.minimality == "not proved"
    assert "0.2857" in found.why
    sphere = square_roots(M.source.declaration)(p[None], q[None])[0]
    assert sphere == pytest.approx(2 * np.arccos(overlap), rel=1e-10)
    assert sphere <= 2 * np.arccos(overlap) <= found.value
    # Calvo and Oller (1990) by plain matrices.
    first, second = (
        np.block([[C + np.outer(z[:2], z[:2]), z[:2, None]], [z[None, :2], np.ones((1, 1))]])
        for C, z in ((S, p), (T, q))
    )
    logs = np.log(np.linalg.eigvals(np.linalg.solve(first, second)).real)
    embedded = np.sqrt((logs**2).sum() / 2)
    assert found.lower == pytest.approx(embedded, rel=1e-9)
    assert 0.95 * found.value < found.lower <= embedded < found.value


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
    family = sm.families.multivariate_normal(2)
    p, q = [0.3, -1.0, 2.0, 0.4, 0.5], [-0.2, 0.5, 0.6, -0.3, 3.0]
    one = bound_from_maps(family.manifold(), np.array([p]), np.array([q]))[0]
    four = bound_from_maps(family.iid(4).manifold(), np.array([p]), np.array([q]))[0]
    assert four == pytest.approx(2 * one, rel=1e-12)
    copy = pickle.loads(pickle.dumps(family.manifold()))
    assert bound_from_maps(copy, np.array([p]), np.array([q]))[0] == one


def test_normal_laws_are_recognised_by_their_density():
    u, v, a, b = sp.symbols("u v a b", real=True)
    lognormal = normal_laws(sm.families.lognormal().declaration)
    p, q = _normal(11, 40), _normal(12, 40)
    exact = _normal_distance(p, q)
    assert (lognormal(p, q) <= exact).all()
    assert (lognormal(p, q) > 0.6 * exact).all()
    # Means alone move on a flat space; standard deviations alone on a line.
    same = np.stack([p[:, 0], q[:, 1]], axis=1)
    assert lognormal(p, same) == pytest.approx(_normal_distance(p, same), rel=1e-9)
    s = sp.exp(a)
    density = sp.exp(-((u - a) ** 2) / 2 - (v - b - u) ** 2 / 2 / s**2) / (2 * sp.pi * s)
    curved = sm.Family(density, sample=(u, v), parameters=(a, b))
    assert normal_laws(curved.declaration) is not None
    for other in ("gamma", "cauchy", "von_mises", "poisson", "skew_normal", "half_normal"):
        assert normal_laws(getattr(sm.families, other)().declaration) is None


def _around_the_hill(height, ends):
    """Length of the shortest polygon beside the hill, by descent on its vertices."""
    count = 60
    t = np.linspace(0.0, 1.0, count + 1)
    line = np.outer(1 - t, ends[0]) + np.outer(t, ends[1])

    def pieces(y):
        plane = line + np.column_stack([np.zeros(count + 1), np.concatenate([[0], y, [0]])])
        z = height * np.exp(-(plane**2).sum(1) / 2)
        return np.linalg.norm(np.diff(np.column_stack([plane, z]), axis=0), axis=1).sum()

    return minimize(pieces, np.sin(np.pi * t[1:-1]), method="BFGS").fun


@pytest.mark.slow
def test_geodesics_over_and_around_a_hill_are_compared():
    """The graph of 3 exp(-r^2 / 2): straight over the top is a geodesic, and too long."""
    x, y = sp.symbols("x y", real=True)
    z = 3 * sp.exp(-(x**2 + y**2) / 2)
    slope = sp.Matrix([z.diff(x), z.diff(y)])
    hill = sm.StatisticalManifold((x, y), sp.eye(2) + slope * slope.T)
    ends = [[-2.0, 0.0], [2.0, 0.0]]
    found = sm.distance(hill, *ends, full_output=True)
    exact = _around_the_hill(3.0, np.array(ends))
    assert found.geodesics == 3
    # Chords are a little shorter than the surface under them.
    assert exact <= found.upper
    assert found.value == pytest.approx(exact, rel=1e-4)
    assert sm.distance(hill, *ends) == pytest.approx(exact, rel=1e-4)
    assert (found.minimality, found.lower) == ("not proved", 0.0)
    assert "a sectional curvature is " in found.why
    assert "Lower bound: none" in found.why
    # Far from the top nothing needs comparing.
    assert sm.distance(hill, [1.8, 0.2], [2.0, 0.3], full_output=True).geodesics == 1


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


@pytest.mark.slow
@pytest.mark.parametrize(("signs", "largest"), [((1, -1), 1.0), ((-1, -1), 0.0)])
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
