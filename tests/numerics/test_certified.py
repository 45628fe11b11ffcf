"""Proved intervals against closed forms and against the solver's own estimates."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest
import sympy as sp

import statmani as sm

R = sp.Rational


def _rational(x):
    value = sp.Rational(x)
    return mpmath.mpf(int(value.p)) / int(value.q)


def _hyperbolic(first, second):
    (m, s), (a, b) = first, second
    return mpmath.acosh(1 + ((m - a) ** 2 + (s - b) ** 2) / (2 * s * b))


NORMAL = [
    ([0, 1], [0, 2]),
    ([0, 1], [R(1, 3), R(7, 5)]),
    ([-50, R(1, 10)], [70, 3]),
    ([Fraction(1, 7), 0.1], [2, 300]),
    ([0, 1], [R(1, 10**8), 1 + R(1, 10**9)]),
]


@pytest.mark.parametrize(("p", "q"), NORMAL)
def test_normal_intervals_hold_the_closed_form(p, q, manifolds):
    found = sm.certify_distance(manifolds["normal"], p, q)
    with mpmath.workdps(40):
        root = mpmath.sqrt(2)
        (m, s), (a, b) = ([_rational(c) for c in x] for x in (p, q))
        exact = root * _hyperbolic((m / root, s), (a / root, b))
        assert found.lower <= exact <= found.upper
    assert found.relative_width < 1e-12
    assert dict(found.hypotheses)["no sectional curvature of M is positive"] == "proved"


def test_weibull_interval_holds_the_closed_form(manifolds):
    p, q = (1, 2), (3, 4)
    found = sm.certify_distance(manifolds["weibull"], p, q)
    with mpmath.workdps(40):
        # (log scale, 1 / shape) is a half plane after a shear (Atkinson and Mitchell 1981).
        c, unit = 1 - mpmath.euler, mpmath.pi / mpmath.sqrt(6)
        ends = [(mpmath.log(lam) + c / mpmath.mpf(k), unit / mpmath.mpf(k)) for k, lam in (p, q)]
        exact = unit * _hyperbolic(*ends)
        assert found.lower <= exact <= found.upper
    assert found.relative_width < 1e-12


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "p", "q"),
    [
        ("gamma", (1, 2), (R(7, 2), 5)),
        ("beta", (1, 2), (R(7, 2), 5)),
        ("inverse_gaussian", (1, 2), (3, R(1, 2))),
    ],
)
def test_intervals_hold_the_distance(name, p, q, manifolds):
    found = sm.certify_distance(manifolds[name], p, q)
    near = sm.distance(
        manifolds[name], [float(c) for c in p], [float(c) for c in q], rtol=1e-13, full_output=True
    )
    assert found.lower <= near.value + near.error
    assert found.upper >= near.value - near.error
    assert found.relative_width < 1e-12


@pytest.mark.slow
def test_a_worse_curve_widens_the_interval_and_stays_right(manifolds, monkeypatch):
    from statmani.numerics import certified

    monkeypatch.setattr(certified, "_HALVINGS", 1)
    monkeypatch.setattr(certified, "_DEGREE", 4)
    p, q = [0, 1], [2, R(1, 2)]
    found = sm.certify_distance(manifolds["normal"], p, q)
    assert found.relative_width > 1e-10
    with mpmath.workdps(40):
        exact = mpmath.sqrt(2) * _hyperbolic((0, 1), (mpmath.sqrt(2), mpmath.mpf(1) / 2))
        assert found.lower <= exact <= found.upper


def test_positive_curvature_is_refused(manifolds):
    with pytest.raises(
        sm.InvalidManifold, match="without positive curvature, but its curvature is 1/4"
    ):
        sm.certify_distance(manifolds["categorical"], [0.2, 0.3], [0.4, 0.5])


def test_bad_points(manifolds):
    M = manifolds["normal"]
    with pytest.raises(sm.InvalidArgument, match="p must be 2 rational numbers"):
        sm.certify_distance(M, [0, sp.pi], [1, 1])
    with pytest.raises(sm.OutsideDomain, match=r"q: sigma = -1.0 breaks sigma > 0"):
        sm.certify_distance(M, [0, 1], [1, -1])
    same = sm.certify_distance(M, [0, 1], [0, 1])
    assert (same.lower, same.upper) == (0, 0)


def test_a_function_without_enclosure_is_named():
    x = sp.Symbol("x", positive=True)
    M = sm.StatisticalManifold((x,), [[sp.besseli(0, x)]])
    with pytest.raises(sm.InvalidArgument, match=r"besseli\(0, x\) has no enclosure"):
        sm.certify_distance(M, [1], [2])


def test_one_dimension_is_proved_outright(manifolds):
    found = sm.certify_distance(manifolds["poisson"], [1], [9])
    assert found.lower <= 4 <= found.upper
    assert all(state == "proved" for _, state in found.hypotheses)
    assert np.isclose(found.lower, 4, rtol=1e-12)
