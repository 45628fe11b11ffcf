"""Curves of small energy in the half-plane, against quadrature, differences and the distance."""

import numpy as np
from numpy.polynomial import legendre
from scipy import integrate

from statmani.kernels.mesh import gauss_tables
from statmani.kernels.shortening import bending_rule, curve_offset, sampled_curve, shorten

START, CHANGE = np.array([0.3, -0.2]), np.array([1.5, 0.7])


def half_plane(point, out):
    """Packed tensors of (dx^2 + du^2 y^2) / y^2 with y = exp(u)."""
    out[:] = 0.0
    scale = np.exp(-2 * point[1])
    out[0], out[2] = scale, 1.0
    out[6] = -2 * scale  # d_u g_xx
    out[19] = 4 * scale  # d_u d_u g_xx


def position(c, t):
    out = np.empty(2)
    curve_offset(CHANGE, c, t, out)
    return START + out


def test_offsets_are_integrals_of_legendre_polynomials():
    c = np.array([[0.4, -0.3], [0.2, 0.5], [-0.6, 0.1]])
    t = 0.37
    series = [legendre.Legendre([0, *c[:, i]], domain=[0, 1]).integ(lbnd=0) for i in range(2)]
    expected = START + t * CHANGE + [s(t) for s in series]
    assert np.abs(position(c, t) - expected).max() < 1e-14
    assert np.abs(position(c, 1.0) - START - CHANGE).max() < 1e-14
    knots, nodes = np.array([0.0, 0.3, 1.0]), gauss_tables(4)[0]
    y, v, acc = sampled_curve(CHANGE, c, knots, nodes)
    slopes = [legendre.Legendre([0, *c[:, i]], domain=[0, 1]) for i in range(2)]
    assert np.abs(y[1] - (position(c, 0.3) - START)).max() < 1e-14
    assert np.abs(v[1] - CHANGE - [s(0.3) for s in slopes]).max() < 1e-14
    times = 0.3 + 0.7 * nodes
    expected = np.stack([s.deriv()(times) for s in slopes], axis=1)
    assert np.abs(acc[1] - expected).max() < 1e-13


def energy(c):
    def speed(t, h=1e-5):
        x = position(c, t)
        v = (position(c, t + h) - position(c, t - h)) / (2 * h)
        return v[0] ** 2 * np.exp(-2 * x[1]) + v[1] ** 2

    return integrate.quad(speed, 0, 1, epsabs=1e-12)[0]


def test_the_energy_is_least_and_close_to_the_squared_distance():
    nodes, weights = gauss_tables(20)[:2]
    c = np.zeros((6, 2))
    first, found = shorten(half_plane, START, CHANGE, c, bending_rule(6, nodes, weights), False)
    assert abs(first - energy(np.zeros((6, 2)))) < 1e-8 * first
    assert abs(found - energy(c)) < 1e-8 * found
    (x1, u1), (x2, u2) = START, START + CHANGE
    chord = np.hypot(x1 - x2, np.exp(u1) - np.exp(u2))
    square = (2 * np.arcsinh(chord / (2 * np.exp(0.5 * (u1 + u2))))) ** 2
    assert square * (1 - 1e-12) <= found <= square * (1 + 1e-5) < first * 0.9
    # No direction is better by more than what the search leaves.
    for index in np.ndindex(c.shape):
        moved = c.copy()
        moved[index] += 1e-3
        other = c.copy()
        other[index] -= 1e-3
        assert min(energy(moved), energy(other)) > found - 1e-5 * found


def test_patience_with_a_start_of_enormous_energy():
    # By 1e3 to the side at a height of 1e-6; the square of the distance is 1718.
    start, change = np.array([0.0, np.log(1e-6)]), np.array([1e3, 0.0])
    rule = bending_rule(4, *gauss_tables(24)[:2])
    c = np.zeros((4, 2))
    first, found = shorten(half_plane, start, change, c, rule, True)
    assert first > 1e17
    assert found < 1e5


def test_an_indefinite_metric_has_no_shortest_curve():
    def wrong(point, out):
        half_plane(point, out)
        out[2] = -1.0

    nodes, weights = gauss_tables(8)[:2]
    result = shorten(wrong, START, np.array([0.0, 1.0]), np.zeros((2, 2)),
                     bending_rule(2, nodes, weights), False)  # fmt: skip
    assert result[1] == np.inf
