"""exp, speed and dense output against 40 digits, with parameters from 1e-6 to 1e6."""

import numpy as np
import precise_solver
import pytest
from precise_solver import mp

import statmani as sm

slow = pytest.mark.slow


# Family with its sizes, point, velocity, alpha, steps of the reference.
CASES = [
    (("normal",), [0.4, 1.3], [1.0, 0.7], 0, 6),
    (("gamma",), [2.0, 3.0], [1.5, -1.2], 0, 5),
    (("gamma",), [1e6, 1e-6], [300.0, -1e-10], 0, 6),
    (("beta",), [1e5, 2e5], [3e4, 6.02e4], 0, 4),
    (("student_t",), [0.2, 1.5, 4.3], [0.1, 0.3, -1.1], 0, 4),
    (("multinomial", 5, 3), [0.2, 0.5], [0.1, -0.15], 0, 6),
]
SLOW_CASES = [
    (("beta",), [1e6, 1e-6], [3e5, -4e-7], 0, 4),
    (("von_mises",), [1.0, 2.0], [0.2, 0.5], 0, 5),
    (("normal",), [1e6, 1e-6], [1e-7, 4e-7], 0, 6),
    (("normal",), [1e-6, 1e6], [3e5, -4e5], 0.5, 6),
    (("gamma",), [1e-6, 1e6], [5e-7, 4e5], 0, 5),
    (("gamma",), [1e6, 1e-6], [300.0, -1e-10], -1, 6),
    (("gamma",), [0.7, 2.0], [0.2, 0.4], 1, 6),
    (("beta",), [2.0, 3.0], [1.2, -1.2], 0, 6),
    (("beta",), [2.0, 3.0], [0.4, -0.3], -1, 6),
    (("beta",), [1e6, 1e6], [3e5, 3.01e5], 0, 5),
    (("beta",), [1e6, 2e4], [3e5, 6.02e3], 0.3, 5),
    (("beta",), [1e-6, 1e-6], [3e-7, -4e-7], 0, 5),
    (("dirichlet", 3), [1.5, 0.4, 3.0], [0.5, 0.2, -1.0], 0, 5),
    (("dirichlet", 3), [1e6, 2.0, 1e-6], [1e4, 0.022, 3e-7], 0, 4),
    (("dirichlet", 3), [1e6, 3e5, 1e5], [2e5, 6.01e4, 2.01e4], 0, 4),
    (("inverse_gaussian",), [1.0, 2.0], [0.3, -0.5], 0, 6),
    (("inverse_gaussian",), [1e6, 1e-6], [0.1, 4e-7], 0, 5),
    (("inverse_gaussian",), [1e-6, 1e6], [1e-13, 3e5], 0, 5),
    (("weibull",), [1.4, 0.8], [0.4, 0.3], 0, 6),
    (("weibull",), [1e6, 1e-6], [3e5, 1e-13], 0, 5),
    (("weibull",), [1e-6, 1e6], [1e-13, 3e5], 0, 5),
    (("student_t",), [0.0, 1.0, 1000.3], [1e-3, 2e-3, -0.4], 0, 4),
    (("student_t",), [0.0, 1e-6, 30000.3], [1e-12, 2e-12, -0.4], 0, 4),
    (("von_mises",), [1.0, 1e-6], [0.3, 3e-7], 0, 5),
    (("von_mises",), [1.0, 1e6], [1e-4, 3e5], 0, 5),
    (("von_mises",), [1.0, 20.0], [0.1, 5.0], 0, 5),
    (("multinomial", 5, 3), [1e-6, 0.3], [3e-7, 0.1], 0, 6),
    (("multivariate_normal", 2), [0.1, -0.2, 1.0, 0.3, 2.0], [0.3, 0.2, 0.4, -0.1, 0.5], 0, 5),
    (("multivariate_normal", 2), [0.0, 0.0, 1e6, 0.3, 1e-6], [50, 1e-4, 2e5, 0.1, 3e-7], 0, 5),
]
ALL = [*CASES, *(pytest.param(*case, marks=slow) for case in SLOW_CASES)]


def manifold(spec):
    name, *sizes = spec
    return getattr(sm.families, name)(*sizes).manifold()


@pytest.mark.parametrize(("spec", "p", "v", "alpha", "steps"), ALL)
def test_geodesics_against_forty_digits(spec, p, v, alpha, steps):
    M = manifold(spec)
    found = precise_solver.geodesic(M, p, v, alpha, steps)
    at = steps // 2
    inside = (at + 1) / steps
    exact = [[float(c) for c in found[k][0]] for k in (-1, at)]
    velocity = np.array([float(c) for c in found[at][1]])
    scale = np.maximum(np.abs(exact[0]), np.abs(np.array(v, float)))
    end = sm.exp(M, p, v, alpha=alpha, rtol=1e-12)
    assert (np.abs(end - exact[0]) <= 1e-10 * scale).all()
    path = sm.geodesic(M, p, v, alpha=alpha, rtol=1e-12)
    assert path.status == "converged"
    assert (np.abs(path(inside) - exact[1]) <= 1e-10 * scale).all()
    assert (np.abs(path.velocity(inside) - velocity) <= 1e-9 * (np.abs(v) + scale)).all()
    if alpha == 0:
        start = precise_solver.length(M, p, v)
        for time in (0.0, 0.291, 1.0):
            speed = precise_solver.length(M, path(time), path.velocity(time))
            assert abs(speed / start - 1) <= 1e-10, time
        assert path.length == pytest.approx(float(start), rel=1e-10)
        assert path.energy == pytest.approx(float(start) ** 2 / 2, rel=1e-10)


def test_the_reference_itself():
    """Normal: mu = sqrt(2) sigma tanh(c / sqrt 2), sigma / cosh(c / sqrt 2)."""
    M = manifold(("normal",))
    place, velocity = precise_solver.geodesic(M, [0.0, 1.0], [1.0, 0.0])[-1]
    c = 1 / mp.sqrt(2)
    assert abs(place[0] - mp.sqrt(2) * mp.tanh(c)) < 1e-20
    assert abs(place[1] - mp.sech(c)) < 1e-20
    assert abs(velocity[0] - mp.sech(c) ** 2) < 1e-20
    assert abs(precise_solver.length(M, place, velocity) - 1) < 1e-20
