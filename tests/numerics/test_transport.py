"""Parallel transport: duality, affine coordinates, holonomy, and the laws of transport."""

import mpmath
import numpy as np
import pytest
import sympy as sp

import statmani as sm


def _inner(M, point, v, w):
    return float(v @ sm.evaluate(M, "metric", point) @ w)


@pytest.mark.parametrize("alpha", [0, 1, 0.3])
@pytest.mark.parametrize("name", ["normal", "gamma"])
def test_dual_transports_keep_the_inner_product(name, alpha, manifolds):
    M = manifolds[name]
    p, q = np.array([0.5, 2.0]), np.array([3.0, 0.7])
    path = sm.geodesic(M, p, end=q)
    v, w = np.array([1.0, -0.4]), np.array([0.3, 2.0])
    moved = sm.parallel_transport(M, path, v, alpha=alpha)
    dual = sm.parallel_transport(M, path, w, alpha=-alpha)
    assert _inner(M, q, moved, dual) == pytest.approx(_inner(M, p, v, w), rel=1e-10)


def test_flat_connections_keep_components_in_affine_coordinates(manifolds):
    """Normal: natural coordinates for alpha = 1, expectations for -1, along any path."""
    M = manifolds["normal"]

    def path(t):
        return np.stack([np.sin(3 * t), 1 + t**2], axis=-1)

    def natural(m, s):
        return np.array([[1 / s**2, -2 * m / s**3], [0, 1 / s**3]])

    def expectation(m, s):
        return np.array([[1, 0], [2 * m, 2 * s]])

    v = np.array([0.7, -1.1])
    p, q = path(np.array([0.0, 1.0]))
    for alpha, jacobian in ((1, natural), (-1, expectation)):
        moved = sm.parallel_transport(M, path, v, alpha=alpha)
        assert jacobian(*q) @ moved == pytest.approx(jacobian(*p) @ v, rel=1e-9)


@pytest.mark.parametrize(("length", "alpha"), [(100.0, -1), (100.0, 1), (1.0, -1)])
def test_coordinates_that_are_close_to_parallel(manifolds, length, alpha):
    """Shapes of 1e5, where dk and dtheta differ by a part of 1e-5; flat as in the test above."""
    mp = mpmath.MPContext()
    mp.dps = 50
    rate = length / 1e5**0.5

    def path(t):
        return np.stack([1e5 * np.exp(0.2 * np.sin(t)), 2 * np.exp(rate * t)], -1)

    def jacobian(point):
        k, theta = map(mp.mpf, map(float, point))
        if alpha == 1:  # of (k, 1/theta)
            return mp.matrix([[1, 0], [0, -1 / theta**2]])
        # of (k theta, psi(k) + log(theta))
        return mp.matrix([[theta, k], [mp.psi(1, k), 1 / theta]])

    p, q = path(np.array([0.0, 1.0]))
    v = np.array([1.0, 3e-6])
    exact = mp.lu_solve(jacobian(q), jacobian(p) * mp.matrix(list(map(float, v))))
    moved = sm.parallel_transport(manifolds["gamma"], path, v, alpha=alpha)
    np.testing.assert_allclose(moved, [float(c) for c in exact], rtol=1e-9)


def test_velocities_of_geodesics_are_parallel(manifolds):
    M = manifolds["gamma"]
    path = sm.geodesic(M, [1.0, 2.0], [0.5, 1.0], alpha=0.5, t=1.5, rtol=1e-12)
    moved = sm.parallel_transport(M, path, path.velocities[0], alpha=0.5)
    assert moved == pytest.approx(path.velocities[-1], rel=1e-9)


def test_holonomy_of_a_triangle_is_its_area(manifolds):
    """Constant curvature -1/2: the angle is half the area, the defect of the angles (Gauss)."""
    M = manifolds["normal"]
    corners = np.array([[0.0, 1.0], [2.0, 1.0], [1.0, 3.0]])
    loop = np.concatenate([corners, corners[:1]])
    v = np.array([1.0, 0.0])
    moved = sm.parallel_transport(M, loop, v)
    assert _inner(M, loop[0], moved, moved) == pytest.approx(1.0, rel=1e-10)
    turned = np.arccos(_inner(M, loop[0], v, moved))
    angles = 0.0
    for k in range(3):
        one, two = (sm.log(M, corners[k], corners[(k + j) % 3]) for j in (1, 2))
        lengths = np.sqrt(_inner(M, corners[k], one, one) * _inner(M, corners[k], two, two))
        angles += np.arccos(_inner(M, corners[k], one, two) / lengths)
    assert turned == pytest.approx(np.pi - angles, rel=1e-9)


def test_batches_and_many_vectors(manifolds):
    M = manifolds["normal"]
    paths = sm.geodesic(M, [[0, 1], [1, 2]], end=[[1, 1], [2, 5]])
    moved = sm.parallel_transport(M, paths, [1, 0])
    single = sm.geodesic(M, [1, 2], end=[2, 5])
    assert moved.shape == (2, 2)
    assert moved[1] == pytest.approx(sm.parallel_transport(M, single, [1, 0]), rel=1e-12)
    two = sm.parallel_transport(M, single, [[1, 0], [2, 0]])
    assert two[1] == pytest.approx(2 * two[0])


def test_bad_arguments(manifolds):
    M = manifolds["normal"]
    path = sm.geodesic(M, [[0, 1], [1, 2]], end=[2, 5])
    cases = [
        (lambda: sm.parallel_transport(M, [[0, 1]], [1, 0]), "T of at least 2"),
        (lambda: sm.parallel_transport(M, path, np.ones((3, 2))), "does not broadcast"),
        (lambda: sm.parallel_transport(M, path, [1, 0, 0]), r"v must have shape \(..., 2\)"),
        (lambda: sm.parallel_transport(M, path, [1, 0], alpha=sp.I), "alpha must be a finite"),
        (lambda: sm.parallel_transport(M, lambda t: [0.0, 1.0], [1, 0]), "must return points"),
    ]
    for call, message in cases:
        with pytest.raises(sm.InvalidArgument, match=message):
            call()
    with pytest.raises(sm.OutsideDomain, match="path"):
        sm.parallel_transport(M, [[0, 1], [0, -1]], [1, 0])
    with pytest.raises(sm.NoConvergence, match="split it at kinks"):
        sm.parallel_transport(
            M, lambda t: np.stack([np.abs(t - 0.3), 1 + np.abs(t - 0.3)], -1), [1, 0], rtol=1e-13
        )
