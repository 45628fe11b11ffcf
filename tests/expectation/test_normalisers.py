"""Densities whose normaliser is a zeta function, a sum or an integral, and heavy-tailed series."""

import pickle

import mpmath
import numpy as np
import pytest
import sympy as sp
from scipy.special import betaln, polygamma

import statmani as sm
from statmani.expectation.bound_totals import BoundTotal
from statmani.expectation.evaluate import Program
from statmani.expectation.gamma_ratios import LogGammaRatio, paired
from statmani.kernels.special import log_gamma_ratio, zeta_derivative

X, Y = sp.symbols("x y", real=True)
A, B = sp.symbols("a b", positive=True)
N = sp.Symbol("n", integer=True)
MP = mpmath.MPContext()
MP.dps = 40


def _cumulants(log_terms, places):
    """Variance and third cumulant of the statistic under weights exp(log_terms)."""
    weights = [MP.exp(u) for _, u in map(log_terms, places)]
    statistics = [t for t, _ in map(log_terms, places)]
    total = MP.fsum(weights)
    mean = MP.fsum(w * t for w, t in zip(weights, statistics, strict=True)) / total
    return tuple(
        MP.fsum(w * (t - mean) ** k for w, t in zip(weights, statistics, strict=True)) / total
        for k in (2, 3)
    )


@pytest.mark.parametrize("shift", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_the_zeta_family_has_values(shift):
    domain = sp.Interval.open(1 - shift, sp.oo)
    family = sm.Family(
        X ** (-A - shift) / sp.zeta(A + shift), sample={X: sp.S.Naturals}, parameters={A: domain}
    )
    manifold = family.manifold()
    g = manifold.metric[0, 0]
    for value in (sp.Rational(21, 10), sp.Rational(9, 2)):
        s = MP.mpf(value.p) / value.q + shift
        z, z1, z2, z3 = (MP.zeta(s, 1, k) for k in range(4))
        metric = z2 / z - (z1 / z) ** 2
        skewness = z3 / z - 3 * z1 * z2 / z**2 + 2 * (z1 / z) ** 3
        assert abs(MP.mpf(str(g.subs(A, value).evalf(30))) / metric - 1) < 1e-28
        # The score is -log x less its mean, so T is the third derivative of log zeta.
        at = [float(value)]
        np.testing.assert_allclose(sm.evaluate(manifold, "metric", at), float(metric), rtol=1e-12)
        np.testing.assert_allclose(
            np.ravel(sm.evaluate(manifold, "skewness", at)), float(skewness), rtol=1e-11
        )
    assert pickle.loads(pickle.dumps(g)) == g
    assert "zeta''" in sp.latex(g)
    slope = g.diff(A).subs(A, 3).evalf(20)
    s = MP.mpf(3 + shift)
    z, z1, z2, z3 = (MP.zeta(s, 1, k) for k in range(4))
    expected = z3 / z - 3 * z1 * z2 / z**2 + 2 * (z1 / z) ** 3
    assert abs(MP.mpf(str(slope)) / expected - 1) < 1e-18


def test_a_metric_written_with_sympys_zeta():
    metric = sp.Matrix([[sp.log(sp.zeta(A)).diff(A, 2)]])
    manifold = sm.StatisticalManifold({A: sp.Interval.open(1, sp.oo)}, metric)
    z, z1, z2 = (MP.zeta(MP.mpf(5) / 2, 1, k) for k in range(3))
    found = sm.evaluate(manifold, "metric", [2.5])
    np.testing.assert_allclose(found, float(z2 / z - (z1 / z) ** 2), rtol=1e-12)


@pytest.mark.parametrize("order", range(9))
def test_compiled_zeta_near_and_away_from_its_pole(order):
    for s in (1 + 1e-9, 1.0003, 1.2, 2.0, 3.7, 12.0, 41.5, 200.0):
        for a in (1.0, 0.4, 3.25):
            exact = MP.zeta(MP.mpf(s), MP.mpf(a), order)
            if 1e-250 < abs(exact) < 1e250 and (a >= 1 or s > 1.1):
                assert abs(zeta_derivative(order, s, a) / exact - 1) < 1e-13, (s, a)
    assert np.isnan(zeta_derivative(order, 1.0, 1.0))


def _discrete_gaussian():
    total = sp.Sum(sp.exp(-(N**2) / 2 / A**2), (N, -sp.oo, sp.oo))
    return sm.Family(sp.exp(-(X**2) / 2 / A**2) / total, sample={X: sp.S.Integers}, parameters=[A])


def test_a_sum_as_normaliser():
    manifold = _discrete_gaussian().manifold()
    at = MP.mpf(6) / 5
    second, third = _cumulants(lambda k: (k**2 / at**3, -(k**2) / at**2 / 2), range(-40, 41))
    value = manifold.metric[0, 0].subs(A, sp.Rational(6, 5)).evalf(20)
    assert abs(MP.mpf(str(value)) / second - 1) < 1e-18
    np.testing.assert_allclose(sm.evaluate(manifold, "metric", [1.2]), float(second), rtol=1e-11)
    np.testing.assert_allclose(
        np.ravel(sm.evaluate(manifold, "skewness", [1.2])), float(third), rtol=1e-10
    )


@pytest.mark.slow
def test_a_sum_over_the_samples_own_symbol_and_two_parameters():
    weight = A**X / sp.factorial(X) ** B
    family = sm.Family(
        weight / sp.Sum(weight, (X, 0, sp.oo)), sample={X: sp.S.Naturals0}, parameters=[A, B]
    )
    a, b = MP.mpf(7) / 4, MP.mpf(5) / 4
    by_b, _ = _cumulants(
        lambda k: (-MP.loggamma(k + 1), k * MP.log(a) - b * MP.loggamma(k + 1)), range(80)
    )
    by_a, _ = _cumulants(lambda k: (k / a, k * MP.log(a) - b * MP.loggamma(k + 1)), range(80))
    found = sm.evaluate(family.manifold(), "metric", [1.75, 1.25])
    np.testing.assert_allclose(np.diag(found), [float(by_a), float(by_b)], rtol=1e-10)
    drawn = family.rvs([1.75, 1.25], 4000, rng=np.random.default_rng(3))
    mass = [float(MP.exp(k * MP.log(a) - b * MP.loggamma(k + 1))) for k in range(80)]
    mean = np.dot(range(80), mass) / sum(mass)
    assert abs(np.mean(drawn) - mean) < 5 * np.std(drawn) / np.sqrt(4000)


@pytest.mark.slow
def test_an_integral_as_normaliser():
    weight = sp.exp(-(X**4) - A * X**2)
    family = sm.Family(
        weight / sp.Integral(weight, (X, -sp.oo, sp.oo)), sample={X: sp.S.Reals}, parameters=[A]
    )
    a = MP.mpf(3) / 2
    m = [MP.quad(lambda u, k=k: u**k * MP.exp(-(u**4) - a * u**2), [-6, 0, 6]) for k in (0, 2, 4)]
    found = sm.evaluate(family.manifold(), "metric", [1.5])
    np.testing.assert_allclose(found, float(m[2] / m[0] - (m[1] / m[0]) ** 2), rtol=1e-10)


def test_a_normaliser_without_value_says_so():
    total = sp.Sum(1 / N**2 / (1 + A * N), (N, 1, sp.oo))
    with pytest.raises(sm.IntractableExpectation, match=r"Sum\(.*Write the Sum in closed form"):
        sm.Family(1 / (X**2 * (1 + A * X)) / total, sample={X: sp.S.Naturals}, parameters=[A])
    with pytest.raises(sm.IntractableExpectation, match=r"depends on the sample\. Write it in"):
        Program([sp.Sum(X**N / sp.factorial(N), (N, 0, sp.oo))], [X])
    with pytest.raises(sm.IntractableExpectation, match="several bound symbols"):
        BoundTotal(sp.Sum(A**N / B**Y, (N, 0, 5), (Y, 0, 5))).numeric_value(MP, [MP.mpf(1)] * 2)


@pytest.mark.slow
def test_yule_simon():
    family = sm.Family(A * sp.beta(X, A + 1), sample={X: sp.S.Naturals}, parameters=[A])
    manifold = family.manifold()
    for rho in (1.5, 3.0):
        # -E[d2 log p] = 1/rho^2 - psi'(rho + 1) + E[psi'(x + rho + 1)], whose terms fall fast.
        k = np.arange(1.0, 1.0e6)
        mass = rho * np.exp(betaln(k, rho + 1))
        mean = np.sum(mass * polygamma(1, k + rho + 1))
        expected = 1 / rho**2 - polygamma(1, rho + 1) + mean
        found = sm.evaluate(manifold, "metric", [rho])
        np.testing.assert_allclose(np.ravel(found), expected, rtol=1e-9)


def test_ratios_of_gamma_functions_far_out():
    wide = mpmath.MPContext()
    wide.dps = 130
    program = Program([sp.loggamma(X) - sp.log(sp.gamma(X + A)) + sp.log(sp.factorial(3))], [X])
    joined = paired(sp.loggamma(X) - sp.loggamma(X + A), [X])
    assert joined.has(LogGammaRatio)
    for x in (0.3, 59.0, 61.0, 1e4, 1e12, 1e60):
        for d in (0.25, 2.5):
            exact = wide.loggamma(wide.mpf(x) + wide.mpf(d)) - wide.loggamma(wide.mpf(x))
            assert abs(log_gamma_ratio(x, d) - exact) < 2e-13 * (1 + abs(exact)), (x, d)
            (value,) = program.arrays({A: sp.Rational(d)}, [np.array([x])])
            assert abs(value[0] - wide.log(6) + exact) < 1e-12 * (1 + abs(exact)), (x, d)
            (fine,) = program.bind(MP, {A: sp.Rational(d)})([MP.mpf(x)])
            assert abs(wide.mpf(str(fine)) - wide.log(6) + exact) < 1e-36 * (1 + abs(exact))


def test_eulers_number_as_a_constant():
    shifted = sp.log(sp.E - 1 + A)
    family = sm.Family(
        log_density=sp.log(A) * sp.Heaviside(Y - 1) - shifted + 1 - Y,
        sample={Y: sp.Interval(0, sp.oo)},
        parameters=[A],
    )
    # y > 1 has probability a / (e - 1 + a), and log a is its natural parameter.
    q = 2 / (np.e + 1)
    found = sm.evaluate(family.manifold(), "metric", [2.0])
    np.testing.assert_allclose(found, q * (1 - q) / 4, rtol=1e-12)
