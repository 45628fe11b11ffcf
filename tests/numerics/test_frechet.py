"""Frechet means and medians against the logarithms of model spaces and against minimisation."""

import numpy as np
import pytest
import sympy as sp
from scipy.optimize import minimize

import statmani as sm

SCALE = np.sqrt(2)


def _lifted(points):
    """The half-plane of the normal family on the hyperboloid x0^2 - x1^2 - x2^2 = 1."""
    m, s = points[..., 0] / SCALE, points[..., 1]
    square = m**2 + s**2
    return np.stack([(1 + square) / (2 * s), (square - 1) / (2 * s), m / s], axis=-1)


def _hyperbolic_pull(at, points, power):
    """Logarithms at a point times d^(power - 2), on the hyperboloid, row by row."""
    x, y = _lifted(np.asarray(at)), _lifted(points)
    c = y[:, 0] * x[0] - y[:, 1] * x[1] - y[:, 2] * x[2]
    d = np.arccosh(c)
    return (d / np.sinh(d))[:, None] * (y - c[:, None] * x) * ((SCALE * d) ** (power - 2))[:, None]


def _spherical_pull(at, points):
    """Logarithms at a point of the sphere of radius 2 of a multinomial."""
    x = np.sqrt(np.append(at, 1 - np.sum(at)))
    y = np.sqrt(np.c_[points, 1 - points.sum(axis=1)])
    c = y @ x
    angle = np.arccos(c)
    return (angle / np.sin(angle))[:, None] * (y - c[:, None] * x)


def _cloud(seed, count):
    rng = np.random.default_rng(seed)
    return np.stack([rng.uniform(-20, 20, count), np.exp(rng.uniform(-3, 4, count))], axis=1)


def test_mean_of_two_normals(manifolds):
    # The geodesic is a half circle about the origin in (mu / sqrt 2, sigma).
    mean = sm.frechet_mean(manifolds["normal"], [[-2, 1], [2, 1]])
    np.testing.assert_allclose(mean, [0, np.sqrt(3)], atol=1e-10)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("power", [1, 2])
def test_forces_balance_in_the_half_plane(seed, power, manifolds):
    points = _cloud(seed, 25)
    weights = np.random.default_rng(seed + 100).uniform(0.5, 1.5, 25)
    call = sm.frechet_mean if power == 2 else sm.frechet_median
    found = call(manifolds["normal"], points, weights, full_output=True)
    pulls = _hyperbolic_pull(found.point, points, power)
    assert np.abs(weights @ pulls).max() < 1e-8 * np.abs(pulls).sum()
    assert found.curvature > 0
    assert found.error < 1e-8


def test_mean_on_the_sphere_of_a_multinomial(manifolds):
    points = np.random.default_rng(3).dirichlet([2, 1, 1], 30)[:, :2]
    mean = sm.frechet_mean(manifolds["categorical"], points)
    pulls = _spherical_pull(mean, points)
    assert np.abs(pulls.sum(axis=0)).max() < 1e-9


def test_the_error_covers_a_loose_search(manifolds):
    points = _cloud(9, 20)
    exact = sm.frechet_mean(manifolds["normal"], points)
    loose = sm.frechet_mean(manifolds["normal"], points, rtol=1e-2, full_output=True)
    true = sm.distance(manifolds["normal"], exact, loose.point)
    assert true <= 10 * loose.error
    assert loose.error < 0.1


def test_mean_against_minimisation_where_curvature_varies(manifolds):
    M = manifolds["gamma"]
    points = np.exp(np.random.default_rng(5).uniform(-2, 2, (6, 2)))

    def value(logs):
        return np.mean(sm.distance(M, np.exp(logs), points) ** 2)

    found = sm.frechet_mean(M, points, full_output=True)
    best = minimize(value, np.zeros(2), method="Nelder-Mead", options={"xatol": 1e-7})
    np.testing.assert_allclose(found.point, np.exp(best.x), rtol=1e-5)
    assert found.value == pytest.approx(best.fun, rel=1e-10)


def test_same_mean_in_other_coordinates(manifolds):
    M = manifolds["normal"]
    first, second = sp.Symbol("a", real=True), sp.Symbol("b", positive=True)
    mu, sigma = M.coordinates
    other = M.reparametrize({mu: first / second, sigma: 1 / sp.sqrt(second)}, (first, second))
    points = _cloud(11, 12)
    moved = np.stack([points[:, 0] / points[:, 1] ** 2, points[:, 1] ** -2], axis=1)
    a, b = sm.frechet_mean(other, moved)
    np.testing.assert_allclose(sm.frechet_mean(M, points), [a / b, b**-0.5], rtol=1e-7)


def test_median_that_is_one_of_the_points(manifolds):
    points = [[0, 1], [0, 2], [0, 50]]
    found = sm.frechet_median(manifolds["normal"], points, full_output=True)
    assert found.point.tolist() == [0, 2]
    assert found.value == pytest.approx(SCALE * np.log(50) / 3)
    # The others pull with less than the weight of a half.
    heavy = sm.frechet_median(manifolds["normal"], [[0, 1], [3, 2], [-5, 4]], [3, 1, 1])
    assert heavy.tolist() == [0, 1]


def test_medians_that_fill_a_segment_have_no_finite_error(manifolds):
    found = sm.frechet_median(manifolds["normal"], [[-2, 1], [2, 1]], full_output=True)
    assert found.value == pytest.approx(sm.distance(manifolds["normal"], [-2, 1], [2, 1]) / 2)
    assert np.isinf(found.error)


def test_equal_points_and_weights_of_zero(manifolds):
    M = manifolds["normal"]
    assert sm.frechet_mean(M, [[1, 2], [1, 2]]).tolist() == [1, 2]
    assert sm.frechet_mean(M, [[1, 2], [4, 5]], [1, 0]).tolist() == [1, 2]
    once = sm.frechet_mean(M, [[1, 2], [4, 5]], [2, 1])
    np.testing.assert_allclose(sm.frechet_mean(M, [[1, 2], [4, 5], [1, 2]]), once, rtol=1e-12)


def test_bad_arguments(manifolds):
    M = manifolds["normal"]
    with pytest.raises(sm.InvalidArgument, match=r"points must have shape \(N, 2\) with N > 0"):
        sm.frechet_mean(M, [1, 2])
    with pytest.raises(sm.InvalidArgument, match="weights must be 2 numbers that are not negative"):
        sm.frechet_mean(M, [[1, 2], [3, 4]], [1, -1])
    with pytest.raises(sm.OutsideDomain, match=r"points \[1\]: sigma = -1.0 breaks sigma > 0"):
        sm.frechet_median(M, [[1, 2], [3, -1]])
