"""Declared families against independent solvers, with the honesty of every error estimate."""

import runpy
import warnings
from functools import lru_cache
from pathlib import Path

import exact_spaces
import numpy as np
import pytest
import reference_solver
import sympy as sp
from scipy import integrate, special

import statmani as sm

FAMILIES = (
    "normal",
    "gamma",
    "weibull",
    "inverse_gaussian",
    "beta",
    "poisson",
    "categorical",
    "cauchy",
    "log_logistic",
)
COUNTS = [10, pytest.param(200, marks=pytest.mark.slow)]
NEAR_COUNTS = [3, pytest.param(40, marks=pytest.mark.slow)]
# The references hold to about 1e-13 of these lengths; below, errors cannot be told apart.
FLOOR = 2e-13


@lru_cache
def declared(name):
    """The manifold of a family of the catalogue, or of the one that only examples/ declares."""
    if name == "log_logistic":
        file = Path(__file__).parents[2] / "examples" / "log_logistic.py"
        return runpy.run_path(str(file))["family"].manifold()
    sizes = (3,) if name == "categorical" else ()
    return getattr(sm.families, name)(*sizes).manifold()


def reference(name):
    return exact_spaces if name in exact_spaces.NAMES else reference_solver


def norms(M, points, vectors):
    g = sm.evaluate(M, "metric", points)
    return np.sqrt(np.einsum("ti,tij,tj->t", vectors, g, vectors))


def is_honest(error, estimate, floor):
    """True error at most tenfold the estimate, the estimate at most 1000 times the true error."""
    return (error <= 10 * estimate + floor) & (estimate <= 1000 * np.maximum(error, floor))


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("name", FAMILIES)
def test_distance_and_log_of_random_pairs(name, count, random_points):
    M = declared(name)
    p, q = random_points(name, count, 11), random_points(name, count, 12)
    d = sm.distance(M, p, q, full_output=True)
    v = sm.log(M, p, q, full_output=True)
    assert (d.status == "converged").all()
    assert (v.status == "converged").all()
    exact = [reference(name).distance_and_log(name, a, b) for a, b in zip(p, q, strict=True)]
    length = np.array([float(e[0]) for e in exact])
    velocity = np.array([[float(c) for c in e[1]] for e in exact])
    error = np.abs(d.value - length)
    assert (error <= 1e-12 * length).all()
    assert is_honest(error, d.error, FLOOR * length).all()
    assert ((d.lower - FLOOR * length <= length) & (length <= d.upper + FLOOR * length)).all()
    # Of a vector, relative to its own length; per component where the metric is diagonal too.
    error = norms(M, p, v.value - velocity)
    assert (error <= 1e-11 * length).all()
    assert is_honest(error, v.error, FLOOR * length).all()
    path = sm.geodesic(M, p, end=q)
    assert np.abs(path.length / length - 1).max() < 1e-11
    assert is_honest(np.abs(path.length - length), path.error, FLOOR * length).all()
    assert np.abs(path.points[:, -1] / q - 1).max() < 1e-10
    # exp enlarges the rounding of v like exp(length sqrt|K|), beyond 1e-9 for the longest.
    near = length < 10
    back = sm.exp(M, p[near], v.value[near])
    assert norms(M, q[near], back - q[near]).max() < 1e-9


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("name", FAMILIES)
def test_exp_and_geodesic_of_random_velocities(name, count, random_points):
    M = declared(name)
    rng = np.random.default_rng(13)
    p = random_points(name, count, 14)
    v = rng.normal(size=p.shape)
    v *= (rng.uniform(0.05, 4.0, count) / norms(M, p, v))[:, None]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sm.StatmaniWarning)
        ends = sm.exp(M, p, v)
    path = sm.geodesic(M, p, v)
    exact = [reference(name).exp(name, a, b) for a, b in zip(p, v, strict=True)]
    leaves = np.array([e is None for e in exact])
    assert (np.isnan(ends).all(axis=1) == leaves).all()
    assert ((path.status == "boundary") == leaves).all()
    assert (path.end_time[leaves] < 1).all()
    right = np.array([[float(c) for c in e] for e in exact if e is not None])
    error = norms(M, right, ends[~leaves] - right)
    assert error.max() < 1e-9
    assert np.abs(ends[~leaves] / right - 1).max() < 1e-9
    reached, estimate = path.points[~leaves, -1], path.error[~leaves]
    error = norms(M, right, reached - right)
    # Rounding of the start grows along the way; DOP853 of scipy has errors of its own.
    floor = 1e-12 if name in exact_spaces.NAMES else 2e-11
    honest = is_honest(error, estimate, floor)
    if name not in exact_spaces.NAMES:
        # In doubles the reference loses what cancels where one shape is far above the other.
        for k in np.flatnonzero(~honest):
            start, velocity = p[~leaves][k], v[~leaves][k]
            end = reference_solver.exp_in_digits(name, start, velocity)
            error[k] = norms(M, right[k : k + 1], np.array([reached[k] - end], float))[0]
            honest[k] = is_honest(error[k], estimate[k], 1e-12)
    assert honest.all()
    assert np.abs(path.length[~leaves] / norms(M, p, v)[~leaves] - 1).max() < 1e-9


@pytest.mark.parametrize("count", NEAR_COUNTS)
@pytest.mark.parametrize("name", FAMILIES)
def test_near_pairs_in_any_direction(name, count, random_points):
    """At separations 1e-3 to 1e-14, against 40 digits, to 1e-9 of the separation itself."""
    M = declared(name)
    rng = np.random.default_rng(15)
    for separation in (1e-3, 1e-5, 1e-8, 1e-11, 1e-14):
        p = random_points(name, count, 16)
        if name in ("normal", "cauchy"):
            p[:, 0] /= 50  # so that 1e-14 of a scale is some units of the last place
        step = rng.normal(size=p.shape) * p
        if name in ("normal", "cauchy"):
            step[:, 0] = rng.normal(size=count) * p[:, 1]
        if name == "categorical":
            step *= 1 - p.sum(axis=1, keepdims=True)  # q must stay inside as well
        q = p + separation * step
        keep = (p != q).any(axis=1)
        d = sm.distance(M, p, q)
        v = sm.log(M, p, q)
        for k in np.flatnonzero(keep):
            if name in exact_spaces.NAMES:
                length, velocity = exact_spaces.distance_and_log(name, p[k], q[k])
            else:
                length, velocity = reference_solver.near_distance_and_log(name, p[k], q[k])
            assert abs(d[k] / float(length) - 1) < 1e-9, (p[k], q[k])
            error = v[k] - np.array([float(c) for c in velocity])
            assert norms(M, p[k : k + 1], error[None])[0] < 1e-9 * float(length)


@pytest.mark.parametrize("alpha", [-1, sp.Rational(1, 2), 1])
@pytest.mark.parametrize("name", FAMILIES)
def test_alpha_geodesics_against_dop853_of_scipy(name, alpha, random_points):
    """The symbolic connection through numpy, in the family's own coordinates."""
    M = declared(name)
    n = M.dim
    gamma = M.connection(alpha).christoffel
    entries = [gamma[k, i, j] for k in range(n) for i in range(n) for j in range(n)]
    modules = [{"polygamma": special.polygamma, "zeta": special.zeta}, "numpy"]
    function = sp.lambdify(M.coordinates, entries, modules, cse=True)

    def slope(_, state):
        symbols = np.array([float(c) for c in function(*state[:n])]).reshape(n, n, n)
        return np.concatenate([state[n:], -np.einsum("kij,i,j->k", symbols, state[n:], state[n:])])

    rng = np.random.default_rng(17)
    p = random_points(name, 4, 18)
    v = rng.normal(size=p.shape)
    v *= (0.2 / norms(M, p, v))[:, None]
    ends = sm.exp(M, p, v, alpha=alpha)
    path = sm.geodesic(M, p, v, alpha=alpha)
    for k in range(4):
        scale = np.abs(p[k])
        done = integrate.solve_ivp(
            slope, (0, 1), [*p[k], *v[k]], "DOP853", rtol=1e-12, atol=1e-13 * scale.min()
        )
        assert done.success
        error = norms(M, p[k : k + 1], (ends[k] - done.y[:n, -1])[None])[0]
        assert error < 1e-10
        assert norms(M, p[k : k + 1], (path(1.0)[k] - done.y[:n, -1])[None])[0] < 1e-10
    # And back: the boundary solver for the same connection.
    assert np.abs(sm.log(M, p, ends, alpha=alpha) / v - 1).max() < 1e-7


@pytest.mark.parametrize("name", ["normal", "gamma", "weibull", "beta", "categorical"])
def test_evaluate_of_declared_families(name, random_points):
    """Every quantity against the exact tensors at 30 digits."""
    M = declared(name)
    points = random_points(name, 3, 19)
    alpha = sp.Rational(1, 3)
    connection = M.connection(alpha)
    for quantity in ("metric", "skewness", "christoffel_first", "christoffel", "riemann"):
        owner = M if quantity in ("metric", "skewness") else connection
        got = sm.evaluate(M, quantity, points, alpha=alpha)
        tensor = getattr(owner, quantity)
        for point, values in zip(points, got, strict=True):
            at = dict(zip(M.coordinates, map(sp.Rational, map(float, point)), strict=True))
            exact = [float(sp.N(tensor[i].xreplace(at), 30)) for i in np.ndindex(values.shape)]
            assert np.abs(values.ravel() - exact).max() < 1e-12 * max(1e-300, np.abs(exact).max())
    scalar = sm.evaluate(M, "scalar_curvature", points, alpha=alpha)
    for point, value in zip(points, scalar, strict=True):
        at = dict(zip(M.coordinates, map(sp.Rational, map(float, point)), strict=True))
        exact = float(sp.N(connection.scalar_curvature.xreplace(at), 30))
        assert value == pytest.approx(exact, rel=1e-9)


def test_references_agree_with_each_other_and_with_published_values():
    """The general solver meets values that neither it nor the package produced."""
    length, _ = exact_spaces.distance_and_log("normal", [0, 1], [1, 1])
    assert float(length) == pytest.approx(0.9802581434685, rel=1e-13)
    length, _ = reference_solver.distance_and_log("gamma", [1, 1 / 1.5], [4, 1 / 3.3])
    assert length == pytest.approx(1.327405994901, rel=1e-12)
    length, velocity = reference_solver.distance_and_log("beta", [1, 1.5], [4, 3.3])
    assert length == pytest.approx(1.1016168799, rel=1e-9)
    assert reference_solver.exp("beta", [1, 1.5], velocity) == pytest.approx([4, 3.3], rel=1e-11)
