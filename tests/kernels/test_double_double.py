"""Arithmetic with 31 digits against mpmath, and tapes against exact tensors."""

import mpmath
import numpy as np
import pytest
import sympy as sp

import statmani as sm
from statmani.kernels import double_double as dd
from statmani.kernels import tape
from statmani.kernels.tape_source import acceleration_tape

mp = mpmath.MPContext()
mp.dps = 60


def relative(found, exact):
    return float(abs((mp.mpf(found[0]) + mp.mpf(found[1])) / exact - 1))


@pytest.mark.parametrize("seed", range(5))
def test_functions_have_thirty_digits(seed):
    rng = np.random.default_rng(seed)
    for x in 10 ** rng.uniform(-8, 8, 8):
        low = x * rng.uniform(-1e-17, 1e-17)
        exact = mp.mpf(x) + mp.mpf(low)
        y = float(rng.uniform(-300, 300))
        assert relative(dd.dd_add(x, low, y, 0.0), exact + y) < 1e-29
        assert relative(dd.dd_mul(x, low, x, low), exact**2) < 1e-30
        assert relative(dd.dd_div(x, low, y, 0.0), exact / y) < 1e-30
        assert relative(dd.dd_sqrt(x, low), mp.sqrt(exact)) < 1e-30
        assert relative(dd.dd_power(x, low, -5), exact**-5) < 1e-30
        assert relative(dd.dd_exp(y, 0.0), mp.exp(y)) < 1e-28
        assert abs(relative(dd.dd_log(x, low), mp.log(exact)) * mp.log(exact)) < 1e-29
    for order, x in ((0, 0.7), (0, 3e5), (1, 1e-6), (1, 1e6), (2, 12.5), (3, 1e-3), (6, 40.0)):
        assert relative(dd.dd_polygamma(order, x, 0.0), mp.psi(order, mp.mpf(x))) < 1e-30


def test_ends_of_the_range():
    assert dd.dd_exp(-800.0, 0.0) == (0.0, 0.0)
    assert dd.dd_exp(800.0, 0.0)[0] == np.inf
    assert np.isnan(dd.dd_log(-1.0, 0.0)[0])
    assert np.isnan(dd.dd_polygamma(1, -0.5, 0.0)[0])
    assert dd.dd_sqrt(0.0, 0.0) == (0.0, 0.0)


def test_every_operation_of_a_tape():
    """Christoffel symbols of an odd metric, at a point, through the interpreter itself."""
    x, y = sp.symbols("x y", positive=True)
    g = sp.Matrix([[sp.cosh(x) + sp.log(1 + y), x / 7], [x / 7, sp.sqrt(y) + x**sp.pi]])
    M = sm.StatisticalManifold((x, y), g, {(0, 0, 1): x * y, (1, 1, 1): sp.polygamma(2, y)})
    program = acceleration_tape(M)
    assert program is not None
    place, v, alpha = np.array([0.3, -0.4]), np.array([0.7, 0.9]), 0.5
    metric = np.empty((2, 2))
    cube, out = np.empty((2, 2, 2)), np.empty((2, 1))
    assert tape.precise_acceleration(
        program, place, v, alpha, v, metric, cube, cube, metric.copy(), out
    )
    # Components of a geodesic's velocity in the frames L: c = L^T v changes by the chain rule.
    h = 1e-5
    frames = tape.precise_frames(program, np.stack([place - h * v, place, place + h * v]))
    before, here, after = frames
    turned = (after - before).T @ v / (2 * h) + here.T @ out[:, 0]
    slope = tape.precise_transport(program, place[None], v[None], alpha)[0]
    assert slope @ (here.T @ v) == pytest.approx(turned, rel=1e-8)
    # The exact connection, carried to logarithms: u'' = theta''/theta - u'^2.
    at = {x: sp.exp(sp.Rational(place[0])), y: sp.exp(sp.Rational(place[1]))}
    gamma = M.connection(sp.Rational(1, 2)).christoffel
    theta = np.exp(place)
    w = theta * v
    for k in range(2):
        pulled = sum(
            float(sp.N(gamma[k, i, j].xreplace(at), 20)) * w[i] * w[j]
            for i in range(2)
            for j in range(2)
        )
        assert out[k, 0] == pytest.approx(-pulled / theta[k] - v[k] ** 2, rel=1e-13)
    inner = tape.precise_metric(program, place, v[None])[0, 0]
    exact = np.array([[float(sp.N(e.xreplace(at), 20)) for e in row] for row in g.tolist()])
    assert inner == pytest.approx(w @ exact @ w, rel=1e-14)


def test_no_tape_for_other_functions():
    x = sp.Symbol("x", positive=True)
    for entry in (sp.besseli(0, x), 2 + sp.erf(x), sp.atan(x)):
        assert acceleration_tape(sm.StatisticalManifold((x,), [[entry]])) is None
