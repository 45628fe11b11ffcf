"""Batches of geodesics: independence of the batch, failures of single ones, what lanes lack."""

import numpy as np
import pytest
import sympy as sp

import statmani as sm
from statmani.errors import StatmaniWarning
from statmani.kernels import compiled
from statmani.numerics import batch, precise, threads
from statmani.numerics.prepared import prepared

STARTS = {"normal": [0.3, 1.5], "gamma": [2.0, 0.7], "beta": [1.5, 3.0]}


def _rows(name, count=50):
    rng = np.random.default_rng(5)
    p = np.array(STARTS[name]) * np.exp(0.4 * rng.normal(size=(count, 2)))
    return p, 0.5 * p * rng.normal(size=(count, 2))


@pytest.mark.parametrize("name", STARTS)
@pytest.mark.parametrize("alpha", [0, -0.5])
def test_rows_do_not_depend_on_the_batch(manifolds, monkeypatch, name, alpha):
    if alpha and name == "beta":
        pytest.skip("has no skewness here")
    M, (p, v) = manifolds[name], _rows(name)
    v *= 0.5
    together = sm.exp(M, p, v, alpha=alpha)
    assert np.isfinite(together).all()
    for k in (0, 7, 49):
        assert (sm.exp(M, p[k], v[k], alpha=alpha) == together[k]).all()
    order = np.random.default_rng(1).permutation(len(p))
    assert (sm.exp(M, p[order], v[order], alpha=alpha) == together[order]).all()
    monkeypatch.setattr(threads, "_cores", lambda: 3)
    monkeypatch.setattr(threads, "_PER_THREAD", 7)
    assert (sm.exp(M, p, v, alpha=alpha) == together).all()


@pytest.mark.parametrize("name", STARTS)
def test_lanes_and_single_geodesics_agree(manifolds, monkeypatch, name):
    M, (p, v) = manifolds[name], _rows(name, 12)
    ends = [sm.geodesic(M, a, b, rtol=1e-12)(1.0) for a, b in zip(p, v, strict=True)]
    # The single-geodesic solver must not be needed.
    monkeypatch.setattr(compiled, "initial_solver", None)
    np.testing.assert_allclose(sm.exp(M, p, v, rtol=1e-12), ends, rtol=2e-12)


def test_closed_form_of_the_normal(manifolds):
    """A vertical start: mu = mu0, sigma = sigma0 exp(v / sigma0); a level one: a semi-ellipse."""
    M = manifolds["normal"]
    scale = np.array([1e-6, 1e-3, 1.0, 1e3, 1e6])
    up = sm.exp(M, np.stack([scale, scale], 1), np.stack([0 * scale, 0.7 * scale], 1), rtol=1e-12)
    np.testing.assert_allclose(up, np.stack([scale, scale * np.exp(0.7)], 1), rtol=1e-12)
    # Level with speed |v| = c/sigma: mu = sqrt(2) sigma tanh(c / sqrt 2), sigma / cosh(c / sqrt 2).
    c = 1.3 / np.sqrt(2)
    level = sm.exp(M, np.stack([0 * scale, scale], 1), np.stack([1.3 * scale, 0 * scale], 1))
    expected = np.stack([np.sqrt(2) * scale * np.tanh(c), scale / np.cosh(c)], 1)
    np.testing.assert_allclose(level, expected, rtol=1e-10)


def test_straight_in_natural_coordinates(manifolds):
    M, (p, v) = manifolds["normal"], _rows("normal", 20)
    mean, deviation = p.T

    def natural(m, s):
        return np.stack([m / s**2, -1 / (2 * s**2)], -1)

    change = np.stack(
        [v[:, 0] / deviation**2 - 2 * mean * v[:, 1] / deviation**3, v[:, 1] / deviation**3], -1
    )
    inside = natural(mean, deviation)[:, 1] + change[:, 1] < -1e-3
    ends = sm.exp(M, p[inside], v[inside], alpha=1, rtol=1e-12)
    expected = (natural(mean, deviation) + change)[inside]
    np.testing.assert_allclose(natural(*ends.T), expected, rtol=1e-10)


def test_one_failure_leaves_the_others_alone(manifolds):
    """The mixture connection of the Poisson family is flat in its mean."""
    M = manifolds["poisson"]
    p = np.array([[1.0], [2.0], [3.0], [4.0]])
    v = np.array([[0.5], [-2.5], [-1.0], [100.0]])
    with pytest.warns(StatmaniWarning, match="1 of 4 geodesics stop before time 1"):
        found = sm.exp(M, p, v, alpha=-1)
    assert np.isnan(found[1, 0])
    np.testing.assert_allclose(found[[0, 2, 3]], (p + v)[[0, 2, 3]], rtol=1e-10)


def test_statuses_and_times_of_a_batch(manifolds):
    """Means move evenly under the mixture connection of the Poisson family: to 0 at m / |v|."""
    M = manifolds["poisson"]
    p = np.linspace(0.5, 5, 60)[:, None]
    v = np.linspace(-9, 2, 60)[:, None]
    found = sm.exp(M, p, v, alpha=-1, full_output=True)
    leaves = (p + v)[:, 0] < 0
    assert leaves.sum() > 20
    assert set(found.status[leaves]) == {"boundary"}
    assert set(found.status[~leaves]) == {"converged"}
    np.testing.assert_allclose(found.end_time[leaves], (-p / v)[leaves, 0], rtol=1e-3)
    assert (found.end_time[~leaves] == 1).all()
    assert np.isnan(found.value[leaves]).all()
    np.testing.assert_allclose(found.value[~leaves], (p + v)[~leaves], rtol=1e-9)
    np.testing.assert_allclose(found.velocity[~leaves], v[~leaves], rtol=1e-8)
    alone = sm.exp(M, p[0] + 3, v[-1], alpha=-1, full_output=True)
    assert alone.status == "converged"
    for k in (0, 30, 59):
        again = sm.exp(M, p[k : k + 1], v[k : k + 1], alpha=-1, full_output=True)
        for name in ("value", "velocity", "status", "end_time"):
            np.testing.assert_array_equal(getattr(again, name)[0], getattr(found, name)[k])


def test_near_misses_of_a_boundary():
    """Straight lines of a plane in polar coordinates, whose log(r) moves ever faster, and back."""
    r, phi = sp.Symbol("r", positive=True), sp.Symbol("phi", real=True)
    M = sm.StatisticalManifold((r, phi), sp.diag(1, r**2))
    miss = 10.0 ** -np.arange(1, 7)
    # From (-1, miss) to (1, miss), past the origin.
    radius, angle = np.hypot(1, miss), np.arctan2(miss, -1.0)
    v = np.stack([2 * np.cos(angle), -2 * np.sin(angle) / radius], 1)
    found = sm.exp(M, np.stack([radius, angle], 1), v, full_output=True)
    assert set(found.status) == {"converged"}
    ends = found.value[:, :1] * np.stack([np.cos(found.value[:, 1]), np.sin(found.value[:, 1])], 1)
    np.testing.assert_allclose(ends, np.stack([0 * miss + 1, miss], 1), atol=1e-9)


def test_noise_is_found_in_lanes(manifolds, monkeypatch):
    """Shapes of 1e5: what doubles lose is seen without the single-geodesic check."""
    M = manifolds["beta"]
    kernels = prepared(M)
    p = np.array([[2.0, 3.0], [1e5, 2e5], [40.0, 30.0]])
    x = kernels.to_chart(p)
    v = kernels.velocities_to_chart(x, 0.01 * p * [[1, -1]])
    monkeypatch.setattr(compiled, "noise_meter", None)
    unsure = precise.doubtful(kernels, x, v, 1.0, 0.0, 1e-12)
    np.testing.assert_array_equal(unsure, [False, True, False])


def test_records_do_not_depend_on_the_batch(manifolds, monkeypatch):
    M, (p, v) = manifolds["gamma"], _rows("gamma", 40)
    v[3] *= 400.0
    whole = sm.geodesic(M, p, v, alpha=0.5)
    monkeypatch.setattr(threads, "_cores", lambda: 3)
    monkeypatch.setattr(threads, "_PER_THREAD", 5)
    parts = sm.geodesic(M, p, v, alpha=0.5)
    for name in ("points", "velocities", "length", "energy", "error", "status", "end_time"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(parts, name))
    moved = sm.parallel_transport(M, whole, [1.0, -0.5])
    for k in (0, 3, 39):
        one = sm.geodesic(M, p[k], v[k], alpha=0.5)
        np.testing.assert_array_equal(one(0.3 * one.end_time), whole([0.3 * one.end_time])[k, 0])
        np.testing.assert_array_equal(one.points[-1], whole.points[k, -1])
        assert one.length == whole.length[k]
        assert one.error == whole.error[k]
        assert one.status == whole.status[k]
        assert (sm.parallel_transport(M, one, [1.0, -0.5]) == moved[k]).all()


def test_batches_of_records_agree_with_end_points(manifolds):
    M, (p, v) = manifolds["beta"], _rows("beta", 20)
    found = sm.geodesic(M, p, v, rtol=1e-12)
    np.testing.assert_allclose(found(1.0), sm.exp(M, p, v, rtol=1e-12), rtol=1e-11)
    g = sm.evaluate(M, "metric", p)
    speed = np.sqrt(np.einsum("ki,kij,kj->k", v, g, v))
    np.testing.assert_allclose(found.length, speed, rtol=1e-11)
    np.testing.assert_allclose(found.energy, speed**2 / 2, rtol=1e-11)
    # Dense output: halfway from where it is a quarter of the way is the same point.
    quarter, there = found(0.25), found.velocity(0.25)
    np.testing.assert_allclose(sm.exp(M, quarter, 0.5 * there, rtol=1e-12), found(0.75), rtol=1e-9)


def test_empty_batches(manifolds):
    none = np.empty((0, 2))
    assert sm.exp(manifolds["normal"], none, none).shape == (0, 2)
    found = sm.geodesic(manifolds["normal"], none, none)
    assert found.points.shape == (0, 65, 2)
    assert found(0.5).shape == (0, 2)
    assert sm.parallel_transport(manifolds["normal"], found, [1.0, 0.0]).shape == (0, 2)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["normal", "gamma", "beta", "bivariate_normal"])
@pytest.mark.parametrize("rtol", [1e-8, 1e-10, 1e-12])
def test_a_hundred_thousand(name, rtol):
    """Rows alone and in other company are the same; exp inverts itself from the far end."""
    M = getattr(sm.families, name)().manifold()
    kernels, count = prepared(M), 100_000
    rng = np.random.default_rng(3)
    x = 0.5 * rng.normal(size=(count, M.dim))
    v = rng.normal(size=x.shape)
    g = kernels.metric(x)
    v /= np.sqrt(np.einsum("ki,kij,kj->k", v, g, v))[:, None]
    p, w = kernels.from_chart(x, v)
    found = sm.exp(M, p, w, rtol=rtol, full_output=True)
    assert (found.status == "converged").mean() > 0.999
    good = found.status == "converged"
    some = np.flatnonzero(good)[::997]
    for k in some[:5]:
        assert (sm.exp(M, p[k], w[k], rtol=rtol) == found.value[k]).all()
    assert (sm.exp(M, p[some], w[some], rtol=rtol) == found.value[some]).all()
    back = sm.exp(M, found.value[some], -found.velocity[some], rtol=rtol)
    moved = kernels.to_chart(back) - x[some]
    error = np.sqrt(np.einsum("ki,kij,kj->k", moved, g[some], moved))
    assert error.max() < max(3 * rtol, 1e-11)


def test_null_coordinates():
    """The metric has no pivots on its diagonal, which lanes would need."""
    x, y = sp.symbols("x y", real=True)
    M = sm.StatisticalManifold((x, y), [[0, 1 + x**2], [1 + x**2, 0]])
    p, v = np.array([[0.0, 1.0], [0.5, -1.0]]), np.array([[0.3, 2.0], [0.0, 1.0]])
    found = sm.exp(M, p, v, rtol=1e-12)
    # x + x**3 / 3 and y are affine parameters.
    s = p[:, 0] + p[:, 0] ** 3 / 3 + (1 + p[:, 0] ** 2) * v[:, 0]
    np.testing.assert_allclose(found[:, 0] + found[:, 0] ** 3 / 3, s, rtol=1e-11)
    np.testing.assert_allclose(found[:, 1], p[:, 1] + v[:, 1], rtol=1e-11, atol=1e-13)


def test_null_coordinates_without_pivots():
    """In three dimensions lanes stop at the first pivot, and another solver takes over."""
    x, y, z = sp.symbols("x y z", real=True)
    f = 1 + x + x**2
    M = sm.StatisticalManifold((x, y, z), [[0, f, 0], [f, 0, 0], [0, 0, 1]])
    found = sm.exp(M, [[0.5, 1.0, 2.0]], [[0.7, -1.0, 3.0]], rtol=1e-12)[0]

    def affine(x):
        return x + x**2 / 2 + x**3 / 3

    np.testing.assert_allclose(affine(found[0]), affine(0.5) + 1.75 * 0.7, rtol=1e-11)
    np.testing.assert_allclose(found[1:], [0.0, 5.0], rtol=1e-11, atol=1e-12)


def test_where_the_domain_ends(monkeypatch):
    """The inverse Gaussian family is half of a hyperbolic plane, with edge at infinite mean.

    With W = sqrt(2 / m), s = 1 / sqrt(lambda) the metric is 2 (dW**2 + ds**2) / s**2; along
    W = W0 - s0 tanh(c t), s = s0 / cosh(c t) the edge W = 0 comes at c t = artanh(W0 / s0).
    """
    M = sm.families.inverse_gaussian().manifold()
    kernels = prepared(M)
    # No second solver.
    monkeypatch.setattr(compiled, "initial_solver", None)
    W0, s0 = 0.5, np.array([0.8, 0.6, 3.0])
    c = np.array([2.0, 1.0, 0.5])
    x0 = kernels.to_chart(np.stack([0 * s0 + 2 / W0**2, s0**-2], 1))
    v0 = kernels.velocities_to_chart(x0, np.stack([4 * c * s0 / W0**3, 0 * s0], 1))
    status, times, states = batch.end_states(kernels, x0, v0, 1.0, 0.0, 1e-14, 10_000)
    ends = np.arctanh(W0 / s0) / c
    assert list(status) == [1, 0, 1]
    np.testing.assert_allclose(times, np.minimum(ends, 1.0), rtol=1e-6)
    found = kernels.from_chart(x0 + states[:, :2], states[:, 2:])[0][1]
    W, s = W0 - s0[1] * np.tanh(c[1]), s0[1] / np.cosh(c[1])
    np.testing.assert_allclose(found, [2 / W**2, s**-2], rtol=1e-10)


def test_functions_that_lanes_lack():
    """On a circle of radius besseli(0, r), with r for a coordinate, length is |v|."""
    r, phi = sp.symbols("r phi", positive=True)
    M = sm.StatisticalManifold((r, phi), sp.diag(1, sp.besseli(0, r) ** 2))
    found = sm.exp(M, [[1.0, 2.0], [2.0, 1.0]], [[0.7, 0.0], [1.5, 0.0]])
    np.testing.assert_allclose(found, [[1.7, 2.0], [3.5, 1.0]], rtol=1e-10)
