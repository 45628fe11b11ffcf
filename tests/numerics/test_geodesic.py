"""Geodesics, exp, log and evaluate against invariants and independent derivations."""

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import statmani as sm

QUANTITIES = ("christoffel_first", "christoffel", "riemann")


@pytest.mark.parametrize("alpha", [0, sp.Rational(1, 2), -1, 1])
def test_evaluate_agrees_with_exact_tensors(alpha):
    x, y = sp.symbols("x y", positive=True)
    skewness = {(0, 0, 0): x * y, (0, 0, 1): x**2 + y, (0, 1, 1): 1 / y, (1, 1, 1): x / 3}
    M = sm.StatisticalManifold((x, y), [[1 + x**2, x * y / 3], [x * y / 3, 2 + y]], skewness)
    connection = M.connection(alpha)
    at = {x: sp.Rational(7, 10), y: sp.Rational(13, 10)}
    for quantity in QUANTITIES:
        got = sm.evaluate(M, quantity, [[0.7, 1.3]], alpha=alpha)[0]
        tensor = getattr(connection, quantity)
        exact = np.array([float(tensor[i].subs(at)) for i in np.ndindex(got.shape)])
        assert np.abs(got.ravel() - exact).max() < 1e-14 * np.abs(exact).max()
    exact = float(connection.scalar_curvature.subs(at))
    assert sm.evaluate(M, "scalar_curvature", [0.7, 1.3], alpha=alpha) == pytest.approx(exact)


def test_semi_ellipse_and_constant_speed(manifolds):
    """mu**2 + 2 sigma**2 - 2 c mu is constant along normal geodesics."""
    M = manifolds["normal"]
    path = sm.geodesic(M, [1, 2], [3, -1], t=2.0, rtol=1e-12)
    m, s = path.points.T
    # The centre from the orthogonality of the start's velocity and the radius.
    c = 1 + 2 * 2 * -1 / 3
    invariant = (m - c) ** 2 + 2 * s**2
    assert np.ptp(invariant) < 1e-9 * invariant[0]
    g = sm.evaluate(M, "metric", path.points)
    speed = np.sqrt(np.einsum("ti,tij,tj->t", path.velocities, g, path.velocities))
    assert np.ptp(speed) < 1e-9 * speed[0]
    assert path.length == pytest.approx(2 * speed[0], rel=1e-10)
    assert path.energy == pytest.approx(speed[0] ** 2, rel=1e-10)


def test_straight_lines_of_flat_connections(manifolds):
    """alpha = 1: natural coordinates are affine; alpha = -1: expectation coordinates are."""
    M = manifolds["normal"]
    t = np.linspace(0, 1, 9)
    for alpha, chart in (
        (1, lambda m, s: np.stack([m / s**2, -1 / (2 * s**2)], -1)),
        (-1, lambda m, s: np.stack([m, m**2 + s**2], -1)),
    ):
        path = sm.geodesic(M, [-2, 1], end=[2, 1], alpha=alpha)
        eta = chart(*path(t).T)
        line = eta[0] + t[:, None] * (eta[-1] - eta[0])
        assert np.abs(eta - line).max() < 1e-11
    middle = [sm.geodesic(M, [-2, 1], end=[2, 1], alpha=a)(0.5)[1] ** 2 for a in (-1, 1, 0)]
    assert middle == pytest.approx([5, 1, 3], rel=1e-11)


@settings(max_examples=15, deadline=None)
@given(
    name=st.sampled_from(["normal", "gamma", "beta", "inverse_gaussian", "weibull"]),
    seed=st.integers(0, 1000),
    alpha=st.sampled_from([0.0, 0.0, 0.3]),
)
def test_exp_inverts_log(manifolds, random_points, name, seed, alpha):
    rng = np.random.default_rng(seed)
    p = random_points(name, 1, seed)[0]
    q = p * np.exp(rng.uniform(-0.5, 0.5, 2))
    v = sm.log(manifolds[name], p, q, alpha=alpha)
    assert np.abs(sm.exp(manifolds[name], p, v, alpha=alpha, rtol=1e-12) / q - 1).max() < 1e-8


def test_two_solvers_agree(manifolds):
    M = manifolds["gamma"]
    p, q = [2.0, 0.5], [9.0, 3.0]
    there = sm.geodesic(M, p, end=q, t=2.0)
    shot = sm.geodesic(M, p, sm.log(M, p, q) / 2, t=2.0, rtol=1e-12)
    t = np.array([0.0, 0.3, 1.7, 2.0])
    assert np.abs(shot(t) / there(t) - 1).max() < 1e-9
    assert there.length == pytest.approx(sm.distance(M, p, q), rel=1e-12)
    assert shot.status == there.status == "converged"


def test_incomplete_geodesic_stops_at_the_boundary(manifolds):
    """z = 2/sqrt(mu), y = 1/sqrt(lambda): a semi-ellipse z - c that reaches z = 0."""
    M = manifolds["inverse_gaussian"]
    path = sm.geodesic(M, [4.0, 1.0], [8.0, 0.0], t=50.0)
    # z = 1, zdot = -1, y = 1, ydot = 0: z = 1 - sqrt2 tanh(t / sqrt2).
    expected = np.sqrt(2) * np.arctanh(1 / np.sqrt(2))
    assert path.status == "boundary"
    assert path.end_time == pytest.approx(expected, rel=1e-8)
    assert np.isfinite(path.points).all()
    assert path.points[-1, 0] > 1e6
    with pytest.raises(sm.NoConvergence, match=r"stops at t = 0\.\d+ before t = 1 \(boundary\)"):
        sm.exp(M, [4.0, 1.0], [24.0, 0.0])
    with pytest.warns(sm.StatmaniWarning, match="1 of 2 geodesics stop"):
        both = sm.exp(M, [4.0, 1.0], [[24.0, 0.0], [0.1, 0.0]])
    assert np.isnan(both[0]).all()
    assert np.isfinite(both[1]).all()


def test_batches(manifolds):
    M = manifolds["normal"]
    starts, velocities = [[0, 1], [1, 2], [3, 4]], [1, 0.5]
    many = sm.geodesic(M, starts, velocities)
    assert many.points.shape == (3, 65, 2)
    assert many(0.5).shape == (3, 2)
    assert many([0.1, 0.2]).shape == (3, 2, 2)
    for k, start in enumerate(starts):
        assert (sm.geodesic(M, start, velocities).points == many.points[k]).all()
    assert (sm.exp(M, starts, velocities)[2] == sm.exp(M, starts[2], velocities)).all()


def test_bad_arguments(manifolds):
    M = manifolds["normal"]
    cases = [
        (lambda: sm.geodesic(M, [0, 1]), "give either velocity or end, got neither"),
        (lambda: sm.geodesic(M, [0, 1], [1, 0], end=[1, 1]), "got both"),
        (lambda: sm.geodesic(M, [0, 1], [1, 0], t=-1), "t must be positive, got -1.0"),
        (lambda: sm.geodesic(M, [0, 1], [1, 0], t=np.inf), "t must be a finite real number"),
        (lambda: sm.geodesic(M, [0, 1], [1, 0], alpha=1j), "alpha must be a finite real number"),
        (lambda: sm.geodesic(M, [0, 1], [1, 0, 2]), r"velocity must have shape \(..., 2\)"),
        (lambda: sm.exp(M, [0, 1], [np.nan, 0]), "v is not finite"),
        (lambda: sm.exp(M, [0, 1], ["a", 0]), "v must be an array of real numbers"),
        (lambda: sm.log(M, [0, 1], [1, 1], alpha=sp.Symbol("a")), "alpha must be a finite real"),
        (lambda: sm.log(M, [0, 1], [1, 1], rtol=0), "rtol must lie in"),
        (lambda: sm.evaluate(M, "torsion", [0, 1]), "quantity 'torsion' is unknown"),
        (lambda: sm.geodesic(M, [0, 1], [1, 0])(2.0), r"times must lie in \[0, 1.0\]"),
    ]
    for call, message in cases:
        with pytest.raises(sm.InvalidArgument, match=message):
            call()
    with pytest.raises(sm.OutsideDomain, match="points"):
        sm.evaluate(M, "metric", [0, 0])
