"""Completed squares in bounds give charts that are still maps onto the domain."""

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import statmani as sm
from statmani.domain import Axis, Domain

x, y, z = sp.symbols("x y z", real=True)
w = sp.Symbol("w", positive=True)
OO = sp.oo


def box(*axes):
    return Domain(tuple(Axis(*map(sp.sympify, axis)) for axis in axes))


DOMAINS = {
    "covariance": box((w, 0, OO), (x, -OO, OO), (z, x**2 / w, OO)),
    "shifted": box((w, 0, OO), (y, -OO, OO), (x, -OO, OO), (z, w * (x - y * w) ** 2 + y, OO)),
    "from above": box((w, 0, OO), (x, -OO, OO), (z, -OO, 1 - 3 * x**2 / w)),
    "sign unknown": box((y, -OO, OO), (x, -OO, OO), (z, y * x**2, OO)),
    "fourth power": box((w, 0, OO), (x, -OO, OO), (z, x**4 / w, OO)),
    "angle": Domain((Axis(w, sp.S.Zero, OO), Axis(x, -OO, OO, True), Axis(z, x**2 / w, OO))),
    "no scale": box((x, -OO, OO), (z, x**2, OO)),
}


def free(domain):
    return [sp.Dummy(f"u{k}", real=True) for k in range(domain.dim)]


@pytest.mark.parametrize("name", DOMAINS)
@settings(max_examples=15)
@given(values=st.lists(st.fractions(-4, 4, max_denominator=9), min_size=4, max_size=4))
def test_the_chart_and_its_inverse(name, values):
    domain = DOMAINS[name]
    u = free(domain)
    at = dict(zip(u, (sp.Rational(v) for v in values), strict=False))
    theta = [value.xreplace(at) for value in domain.from_unconstrained(u)]
    assert domain.contains([float(value) for value in theta])
    known = dict(zip(domain.symbols, theta, strict=True))
    for found, expected in zip(domain.to_unconstrained(), at.values(), strict=True):
        assert abs(sp.N(found.xreplace(known) - expected, 30)) < 1e-20


@pytest.mark.parametrize("name", ["sign unknown", "fourth power", "angle", "no scale"])
def test_coordinates_without_a_scale_stay(name):
    domain = DOMAINS[name]
    u = free(domain)
    real = [k for k, axis in enumerate(domain.axes) if axis.lower is -OO and axis.upper is OO]
    values = domain.from_unconstrained(u)
    assert [values[k] for k in real] == [u[k] for k in real]


def test_the_metric_of_covariances_is_diagonal():
    """In regression coefficients and logarithms of conditional variances."""
    family = sm.families.multivariate_normal(2)
    M = family.fix(dict.fromkeys(family.parameters[:2], 0)).manifold()
    u = free(M.domain)
    jacobian = sp.Matrix(M.domain.from_unconstrained(u)).jacobian(u)
    known = dict(zip(M.coordinates, M.domain.from_unconstrained(u), strict=True))
    g = sp.Matrix(3, 3, lambda i, j: M.metric[i, j]).xreplace(known)
    pulled = (jacobian.T * g * jacobian).applyfunc(sp.cancel)
    half = sp.Rational(1, 2)
    assert pulled == sp.diag(half, sp.exp(u[0]) * sp.exp(-u[2]), half)


def test_strong_correlations_keep_their_digits():
    """s22 - s12^2/s11 is 1e-9 there, and s22 is a million."""
    M = sm.families.multivariate_normal(2).manifold()
    u = free(M.domain)
    values = sp.lambdify(u, M.domain.from_unconstrained(u), "math")(0, 0, 0, 1e3, np.log(1e-9))
    start = [0, 0, 1, 1e3, 1e6 + 1]
    assert values[4] == pytest.approx(1e6 + 1e-9, rel=1e-15)
    assert sm.distance(M, start, [0, 0, 2, 2e3, 2e6 + 1]) == pytest.approx(
        sm.distance(M, [0, 0, 1, 0, 1], [0, 0, 2, 0, 1]), rel=1e-9
    )
