"""Distances round circles: the nearest way of the coordinates need not be the shortest."""

import itertools

import numpy as np
import pytest
import sympy as sp
from scipy.integrate import quad

import statmani as sm
from statmani.numerics.circles import uneven_circles

PHI, PSI, Z = sp.Symbol("phi"), sp.Symbol("psi"), sp.Symbol("z", real=True)


def test_one_dimension_by_both_arcs():
    root = 2 + sp.Rational(19, 10) * sp.sin(PHI)
    M = sm.StatisticalManifold({PHI: sm.Circle}, [[root**2]])
    whole = 4 * np.pi
    for a, b in [(0, 3), (-0.2, 3.4), (4, 5.5)]:
        arc = quad(lambda t: 2 + 1.9 * np.sin(t), a, b, epsabs=1e-13)[0]
        expected = min(arc, whole - arc)
        found = sm.distance(M, [a], [b], full_output=True)
        assert found.value == pytest.approx(expected, rel=1e-12)
        assert found.geodesics >= 2
        assert sm.distance(M, [b], [a]) == pytest.approx(expected, rel=1e-12)
        v = sm.log(M, [a], [b])
        assert np.cos(sm.exp(M, [a], v) - b) == pytest.approx(1, abs=1e-12)
        assert abs(v[0]) * (2 + 1.9 * np.sin(a)) == pytest.approx(expected, rel=1e-9)
        assert sm.geodesic(M, [a], end=[b]).length == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("shear", [1, 2])
def test_flat_torus_by_all_ways(shear):
    # phi + shear psi and psi are coordinates on circles, too, in which the torus is a square.
    J = np.array([[1, shear], [0, 1]])
    torus = sm.StatisticalManifold({PHI: sm.Circle, PSI: sm.Circle}, (J.T @ J).tolist())
    assert uneven_circles(torus) == (0, 1)
    ways = 2 * np.pi * np.array(list(itertools.product(range(-9, 10), repeat=2)))
    ends = np.random.default_rng(4).uniform(-3, 3, (12, 2))
    expected = np.linalg.norm((ends[:, None] + ways) @ J.T, axis=2).min(axis=1)
    assert sm.distance(torus, [0, 0], ends) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("radius", [sp.Integer(1), sp.sqrt(2 + sp.sin(Z)), 1 / sp.sqrt(1 + Z**2)])
def test_twisted_surfaces_of_revolution(radius):
    # Of the coordinate phi + z, the nearest way round is the shortest; of phi it is any.
    J = sp.Matrix([[1, 1], [0, 1]])
    domain, g = {PHI: sm.Circle, Z: sp.Reals}, sp.diag(radius**2, 1)
    plain, twisted = sm.StatisticalManifold(domain, g), sm.StatisticalManifold(domain, J.T * g * J)
    assert (uneven_circles(plain), uneven_circles(twisted)) == ((), (0,))
    pairs = np.array([[[0, 0], [0, 5]], [[0, 0], [1, 10]], [[0.3, -1], [2, 1.5]]], dtype=float)
    straight = pairs @ np.array(J.T, dtype=float)
    found = sm.distance(twisted, pairs[:, 0], pairs[:, 1])
    expected = sm.distance(plain, straight[:, 0], straight[:, 1])
    assert found == pytest.approx(expected, rel=1e-11)


def test_circles_of_families():
    x, a = sp.Symbol("x"), sp.Rational(1, 2)
    assert uneven_circles(sm.families.von_mises().manifold()) == ()
    # A wave of the location on the circle, twice as fast on one side.
    mean = PHI + a * sp.sin(PHI)
    bent = sm.Family(
        log_density=sp.cos(x - mean) - sp.log(2 * sp.pi * sp.besseli(0, 1)),
        sample={x: sp.Interval.Ropen(-sp.pi, sp.pi)},
        parameters={PHI: sm.Circle},
    ).manifold()
    assert uneven_circles(bent) == (0,)
    size = np.sqrt(float(sp.besseli(1, 1) / sp.besseli(0, 1)))
    for p, q in [(-1.4, 1.6), (0.1, 3.0)]:
        arc = q + 0.5 * np.sin(q) - p - 0.5 * np.sin(p)
        expected = size * min(arc, 2 * np.pi - arc)
        assert sm.distance(bent, [p], [q]) == pytest.approx(expected, rel=1e-9)
