"""Fisher-Rao distances against closed forms, published values and laws."""

import warnings

import numpy as np
import pytest
import sympy as sp
from scipy.integrate import quad

import statmani as sm

CLOSED = [
    "normal",
    "weibull",
    "inverse_gaussian",
    "poisson",
    "categorical",
    "cauchy",
    "log_logistic",
]
ALL = [*CLOSED, "gamma", "beta"]


@pytest.mark.parametrize("name", CLOSED)
def test_wide_pairs_and_honest_errors(name, manifolds, random_points, closed_forms):
    p, q = random_points(name, 200, 1), random_points(name, 200, 2)
    found = sm.distance(manifolds[name], p, q, full_output=True)
    exact = closed_forms[name](p, q)
    assert (found.status == "converged").all()
    true = np.abs(found.value - exact)
    # The closed form itself is only known to its rounding in doubles.
    floor = 2e-14 * exact + 1e-15
    assert (true <= 1e-12 * exact + 1e-15).all()
    assert (true <= 10 * found.error + floor).all()
    assert (found.error <= 1000 * true + floor).all()
    assert (found.lower <= exact + floor).all()
    assert (found.upper >= exact - floor).all()


@pytest.mark.parametrize("name", CLOSED)
@pytest.mark.parametrize("separation", [1e-3, 1e-6, 1e-10, 1e-14])
def test_near_pairs(name, separation, manifolds, random_points):
    """Against the midpoint rule, whose relative error is of second order, at mpmath's digits."""
    import mpmath

    mp = mpmath.MPContext()
    mp.dps = 50
    M = manifolds[name]
    p = random_points(name, 5, 3)
    q = p * (1 + separation * np.array([1.0, -0.7])[: p.shape[1]])
    got = sm.distance(M, p, q)
    for start, end, value in zip(p, q, got, strict=True):
        step = [mp.mpf(float(y)) - mp.mpf(float(x)) for x, y in zip(start, end, strict=True)]
        middle = {
            s: sp.Rational(float(x)) + sp.Rational(float(y - x)) / 2
            for s, x, y in zip(M.coordinates, start, end, strict=True)
        }
        g = M.metric.xreplace(middle).evalf(40)
        square = sum(
            mp.mpf(str(g[i, j])) * step[i] * step[j] for i in range(M.dim) for j in range(M.dim)
        )
        # Locations are up to 50 at a scale of 0.2, so steps reach some thousand separations.
        tolerance = 1e-9 if separation < 1e-5 else 0.05
        assert abs(value / float(mp.sqrt(square)) - 1) < tolerance


@pytest.mark.parametrize("name", ["normal", "cauchy", "weibull", "poisson"])
@pytest.mark.parametrize("separation", [1e-3, 1e-7, 1e-12])
def test_near_pairs_in_scale(name, separation, manifolds, closed_forms):
    p = np.array([[0.0, 3.0], [1.0, 2.0]]) if name != "poisson" else np.array([[3.0], [0.7]])
    if name == "weibull":
        p[:, 0] = [2.0, 3.0]
    q = p.copy()
    q[:, -1] *= 1 + separation
    if name == "weibull":  # along lambda at fixed k
        got = sm.distance(manifolds[name], p, q)
        x = np.log1p((q[:, 1] - p[:, 1]) / p[:, 1]) * p[:, 0] / (np.pi / np.sqrt(6))
        exact = 2 * np.pi / np.sqrt(6) * np.arcsinh(x / 2)
    else:
        got = sm.distance(manifolds[name], p, q)
        exact = closed_forms[name](p, q)
    assert np.abs(got / exact - 1).max() < 1e-13


def test_published_values(manifolds):
    assert sm.distance(manifolds["normal"], [0, 1], [1, 1]) == pytest.approx(
        0.9802581434685, rel=1e-12
    )
    # Gamma by shape and rate; the distance does not depend on the chart.
    gamma = sm.distance(manifolds["gamma"], [1, 1 / 1.5], [4, 1 / 3.3])
    assert gamma == pytest.approx(1.327405994901, rel=1e-11)
    beta = sm.distance(manifolds["beta"], [1, 1.5], [4, 3.3])
    assert beta == pytest.approx(1.1016168799, rel=1e-9)


@pytest.mark.parametrize("name", ALL)
def test_symmetry_and_triangle(name, manifolds, random_points):
    p, q, r = (random_points(name, 15, seed) for seed in (4, 5, 6))
    M = manifolds[name]
    forth, back = sm.distance(M, p, q), sm.distance(M, q, p)
    assert np.abs(forth / back - 1).max() < 1e-12
    assert (forth <= sm.distance(M, p, r) + sm.distance(M, r, q) + 1e-12).all()
    assert (sm.distance(M, p, p) == 0).all()


def test_far_pairs(manifolds, closed_forms):
    p = np.array([[0.0, 1e-4], [0.0, 1e6], [-1e5, 1e-3]])
    q = np.array([[100.0, 1e-4], [1.0, 1e-5], [1e5, 1e-3]])
    got = sm.distance(manifolds["normal"], p, q)
    assert np.abs(got / closed_forms["normal"](p, q) - 1).max() < 1e-11


def test_reparametrization_does_not_matter(manifolds):
    kappa, rate = sp.symbols("kappa rate", positive=True)
    M = manifolds["gamma"]
    k, theta = M.coordinates
    other = M.reparametrize({k: kappa**2, theta: kappa / rate}, (kappa, rate))
    for p, q in (((0.7, 2.0), (9.0, 0.4)), ((20.0, 0.1), (0.3, 30.0))):
        there = [(np.sqrt(z[0]), np.sqrt(z[0]) / z[1]) for z in (p, q)]
        assert sm.distance(other, *there) == pytest.approx(sm.distance(M, p, q), rel=1e-11)


def test_families_and_broadcasting(manifolds):
    family = sm.families.normal()
    many = sm.distance(family, [[[0, 1]], [[1, 2]]], [[0, 1], [1, 1], [2, 5]])
    assert many.shape == (2, 3)
    assert many[0, 0] == 0
    assert many[1, 2] == sm.distance(manifolds["normal"], [1, 2], [2, 5])
    assert isinstance(sm.distance(family, [0, 1], [1, 1]), float)


def test_minimality(manifolds):
    def minimality(name, p, q):
        return sm.distance(manifolds[name], p, q, full_output=True).minimality

    assert minimality("normal", [0, 1], [1, 1]) == "unique"
    assert minimality("poisson", [1], [2]) == "unique"
    assert minimality("categorical", [0.2, 0.3], [0.3, 0.4]) == "unique"
    gamma = minimality("gamma", [0.2, 0.3], [0.3, 0.4])
    assert gamma == "unique if no curvature is positive"


def test_bad_arguments(manifolds):
    M = manifolds["normal"]
    with pytest.raises(sm.OutsideDomain, match=r"p \[1\]"):
        sm.distance(M, [[0, 1], [0, -1]], [0, 1])
    with pytest.raises(sm.OutsideDomain, match="q"):
        sm.distance(M, [0, 1], [0, 0])
    with pytest.raises(sm.InvalidArgument, match="do not broadcast"):
        sm.distance(M, np.ones((2, 2)), np.ones((3, 2)))
    with pytest.raises(sm.InvalidArgument):
        sm.distance(M, [0, 1, 2], [0, 1])
    with pytest.raises(sm.InvalidArgument, match=r"rtol must lie in \[1e-14, 0.1\], got 1.0"):
        sm.distance(M, [0, 1], [0, 2], rtol=1.0)
    x, y, c = sp.symbols("x y c", real=True)
    with pytest.raises(sm.InvalidArgument, match=r"constants c.*family.fix\(\{c: ...\}\)"):
        sm.distance(sm.StatisticalManifold((x,), [[sp.exp(c)]]), [0], [1])
    with pytest.raises(sm.InvalidManifold, match="not positive definite at p"):
        sm.distance(sm.StatisticalManifold((x, y), sp.diag(1, -1)), [0, 0], [1, 1])
    with pytest.raises(sm.InvalidArgument, match="expected a StatisticalManifold or a Family"):
        sm.distance("normal", [0, 1], [1, 1])


def test_where_the_metric_has_no_value_in_doubles():
    x, y = sp.symbols("x y", real=True)
    metric = sp.diag(sp.exp(x**2), 1 + y**2 * sp.exp(x))
    M = sm.StatisticalManifold({x: sp.Reals, y: sp.Reals}, metric)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(sm.NoConvergence, match="no value in double precision at an end"):
            sm.distance(M, [40, 0], [1, 0])
        with pytest.raises(sm.NoConvergence, match="no value in double precision at an end"):
            sm.log(M, [0, 0], [40, 1])
    with pytest.warns(sm.StatmaniWarning, match="1 of 2 distances"):
        found = sm.distance(M, [[0, 0], [40, 0]], [1, 0], full_output=True)
    assert list(found.status) == ["converged", "no value"]
    # Along y = 0, x alone changes.
    expected = quad(lambda t: np.exp(t**2 / 2), 0, 1, epsabs=1e-14)[0]
    assert found.value[0] == pytest.approx(expected, rel=1e-11)


def test_no_geodesic_is_a_typed_failure():
    """A punctured plane in polar coordinates: antipodes have no geodesic in the chart."""
    r, phi = sp.Symbol("r", positive=True), sp.Symbol("phi", real=True)
    plane = sm.StatisticalManifold((r, phi), sp.diag(1, r**2))
    assert sm.distance(plane, [1, 0], [1, 1]) == pytest.approx(2 * np.sin(0.5), rel=1e-12)
    with pytest.raises(sm.NoConvergence, match="path following"):
        sm.distance(plane, [1, 0], [1, 3.5])
    with pytest.warns(sm.StatmaniWarning, match="1 of 2 distances"):
        both = sm.distance(plane, [[1, 0], [1, 0]], [[1, 3.5], [1, 1]], full_output=True)
    assert np.isnan(both.value[0])
    assert both.status.tolist() == ["no path", "converged"]


def _affine(points, matrix, shift):
    """Parameters (mu1, mu2, s11, s12, s22) of A X + b."""
    mean = points[:, :2] @ matrix.T + shift
    sigma = points[:, [2, 3, 3, 4]].reshape(-1, 2, 2)
    sigma = matrix @ sigma @ matrix.T
    return np.column_stack([mean, sigma[:, 0, 0], sigma[:, 0, 1], sigma[:, 1, 1]])


@pytest.mark.parametrize("count", [3, pytest.param(100, marks=pytest.mark.slow)])
def test_bivariate_normals_at_wide_scales(count):
    """Affine maps of the sample change coordinates wildly and the distance not at all."""
    M = sm.families.multivariate_normal(2).manifold()
    rng = np.random.default_rng(41)
    pairs = []
    for _ in range(2):
        deviation = np.exp(rng.uniform(np.log(0.2), np.log(50), (count, 2)))
        correlation = np.tanh(rng.normal(size=count))
        mean = rng.uniform(-50, 50, (count, 2))
        cross = correlation * deviation.prod(1)
        pairs.append(np.column_stack([mean, deviation[:, 0] ** 2, cross, deviation[:, 1] ** 2]))
    found = sm.distance(M, *pairs, full_output=True)
    assert (found.status == "converged").all()
    matrix, shift = np.array([[0.3, -1.2], [2.0, 0.4]]), np.array([3.0, -7.0])
    moved = sm.distance(M, *(_affine(z, matrix, shift) for z in pairs))
    assert np.abs(moved / found.value - 1).max() < 1e-9
    # Equal means: half the sum of squared logarithms of relative eigenvalues.
    centred = [np.column_stack([0 * z[:, :2], z[:, 2:]]) for z in pairs]
    first, second = (z[:, [2, 3, 3, 4]].reshape(-1, 2, 2) for z in centred)
    ratios = np.linalg.eigvals(np.linalg.solve(first, second)).real
    exact = np.sqrt(0.5 * (np.log(ratios) ** 2).sum(1))
    assert np.abs(sm.distance(M, *centred) / exact - 1).max() < 1e-9


def test_sharp_bounds_where_curvature_is_not_positive(manifolds, random_points, closed_forms):
    p, q = random_points("normal", 100, 5), random_points("normal", 100, 6)
    found = sm.distance(manifolds["normal"], p, q, full_output=True)
    exact = closed_forms["normal"](p, q)
    assert found.minimality == "unique"
    rounding = 1e-14 * exact
    assert (found.lower <= exact + rounding).all()
    assert (exact <= found.upper + rounding).all()
    assert (found.upper - found.lower < 1e-8 * exact).all()
