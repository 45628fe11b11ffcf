"""Kullback-Leibler divergences: published formulas, quadrature, and Eguchi's relations."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

import statmani as sm

F = sm.families
P = sp.symbols("p1:6", positive=True)
Q = sp.symbols("q1:6", positive=True)
psi, lg = sp.digamma, sp.loggamma
p1, p2, q1, q2 = P[0], P[1], Q[0], Q[1]
EULER = sp.EulerGamma

PUBLISHED = {
    # Gil, Alajaji and Linder (2013), Information Sciences 249, table 2; Bauckhage (2013).
    "normal": (F.normal, sp.log(q2 / p2) + (p2**2 + (p1 - q1) ** 2) / (2 * q2**2)
               - sp.Rational(1, 2)),
    "poisson": (F.poisson, p1 * sp.log(p1 / q1) + q1 - p1),
    "gamma": (F.gamma, (p1 - q1) * psi(p1) - lg(p1) + lg(q1) + q1 * sp.log(q2 / p2)
              + p1 * (p2 - q2) / q2),
    "weibull": (F.weibull, sp.log(p1 / p2**p1) - sp.log(q1 / q2**q1)
                + (p1 - q1) * (sp.log(p2) - EULER / p1)
                + (p2 / q2) ** q1 * sp.gamma(q1 / p1 + 1) - 1),
    "beta": (F.beta, lg(q1) + lg(q2) - lg(q1 + q2) - lg(p1) - lg(p2) + lg(p1 + p2)
             + (p1 - q1) * psi(p1) + (p2 - q2) * psi(p2) + (q1 - p1 + q2 - p2) * psi(p1 + p2)),
    "von_mises": (F.von_mises, sp.log(sp.besseli(0, q2) / sp.besseli(0, p2))
                  + sp.besseli(1, p2) / sp.besseli(0, p2) * (p2 - q2 * sp.cos(p1 - q1))),
    "categorical": (lambda: F.categorical(2), p1 * sp.log(p1 / q1)
                    + (1 - p1) * sp.log((1 - p1) / (1 - q1))),
}  # fmt: skip
AT = dict(
    zip(
        (*P[:3], *Q[:3]),
        map(sp.Rational, ("3/10", "7/5", "6/5", "2/5", "9/4", "1/2")),
        strict=False,
    )
)


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_closed_forms(name: str) -> None:
    make, expected = PUBLISHED[name]
    family = make()
    n = len(family.parameters)
    record = sm.kl_divergence(family, P[:n], Q[:n])
    assert record.error is None
    assert abs(sp.N((record.value - expected).subs(AT), 30)) < 1e-25
    assert record.value.free_symbols <= {*P[:n], *Q[:n]}


def test_bivariate_normal() -> None:
    family = F.bivariate_normal()
    p, q = [0, 1, 1, sp.Rational(3, 2), sp.Rational(1, 2)], [1, 1, 2, 1, sp.Rational(-1, 3)]

    def matrix(v):
        return sp.Matrix([[v[2] ** 2, v[4] * v[2] * v[3]], [v[4] * v[2] * v[3], v[3] ** 2]])

    S, R = matrix(p), matrix(q)
    d = sp.Matrix(q[:2]) - sp.Matrix(p[:2])
    expected = ((R.inv() * S).trace() + (d.T * R.inv() * d)[0] - 2 + sp.log(R.det() / S.det())) / 2
    record = sm.kl_divergence(family, p, q)
    assert record.error is None
    assert abs(sp.N(record.value - expected, 30)) < 1e-25


@pytest.mark.parametrize("make", [F.normal, F.weibull, F.zip, lambda: F.dirichlet(2)])
def test_eguchi(make) -> None:
    """g, and the +1 and -1 connections, from derivatives of the divergence at equal arguments.

    Eguchi (1983): g_ij = -d_i d'_j D; Gamma_{ij,k} = -d_i d_j d'_k D. For D = KL(p || q) with
    primed derivatives in q, these are the connections of exponent -1; exchanged, of exponent +1.
    """
    family = make()
    M = family.manifold()
    n = M.dim
    D = sm.kl_divergence(family, P[:n], Q[:n]).value
    at = dict(zip(M.coordinates, map(sp.Rational, ("3/10", "7/5")), strict=True))
    both = dict(zip((*P[:n], *Q[:n]), 2 * list(at.values()), strict=True))
    for i, j in itertools.product(range(n), repeat=2):
        g = -D.diff(P[i], Q[j])
        assert abs(sp.N(g.subs(both) - M.metric[i, j].subs(at), 25)) < 1e-20
    for i, j, k in itertools.product(range(n), repeat=3):
        for alpha, derivative in ((-1, D.diff(P[i], P[j], Q[k])), (1, D.diff(Q[i], Q[j], P[k]))):
            symbol = M.connection(alpha).christoffel_first[i, j, k].subs(at)
            assert abs(sp.N(-derivative.subs(both) - symbol, 25)) < 1e-20


@given(st.lists(st.floats(0.2, 5.0), min_size=4, max_size=4))
@settings(max_examples=15, deadline=None)
def test_nonnegative_and_equal_to_quadrature(v: list[float]) -> None:
    found = float(sm.kl_divergence(F.gamma(), v[:2], v[2:]).value)
    p, q = stats.gamma(v[0], scale=v[1]), stats.gamma(v[2], scale=v[3])
    direct = integrate.quad(
        lambda u: p.pdf(u) * (p.logpdf(u) - q.logpdf(u)), 0, np.inf, points=None, limit=400
    )[0]
    assert found >= -1e-12
    assert abs(found - direct) < 1e-5 * (1 + abs(direct))


@pytest.mark.parametrize(
    ("p", "q"), [([0, 1], [1, 1]), ([0, 1], [3, sp.Rational(1, 2)]), ([0.5, 0.75], [0.4, 2.0])]
)
def test_cauchy(p: list, q: list) -> None:
    """Chyzak and Nielsen (2019): log(((s + t)^2 + (a - b)^2) / (4 s t))."""
    record = sm.kl_divergence(F.cauchy(), p, q)
    (a, s), (b, t) = ((float(v[0]), float(v[1])) for v in (p, q))
    exact = np.log(((s + t) ** 2 + (a - b) ** 2) / (4 * s * t))
    assert record.error is None and abs(float(record.value) - exact) < 1e-12


@pytest.mark.parametrize(("p", "q"), [([0, 1], [1, 2]), ([1, 2], [0, 1]), ([0, 1], [0, 3])])
def test_laplace(p: list, q: list) -> None:
    record = sm.kl_divergence(F.laplace(), p, q)
    d, (b, c) = abs(p[0] - q[0]), (p[1], q[1])
    exact = np.log(c / b) + (b * np.exp(-d / b) + d) / c - 1
    assert record.error is None and abs(float(record.value) - exact) < 1e-12


NEW = {
    "lomax": (F.lomax, [1.5, 2.0], [2.5, 0.5],
              stats.lomax(1.5, scale=2), stats.lomax(2.5, scale=0.5)),
    "lomax_small": (F.lomax, [0.7, 0.5], [1.5, 6.0],
                    stats.lomax(0.7, scale=0.5), stats.lomax(1.5, scale=6)),
    "logistic": (F.logistic, [0.5, 1.5], [2.0, 1.5], stats.logistic(0.5, 1.5),
                 stats.logistic(2.0, 1.5)),
    "log_logistic": (F.log_logistic, [2.0, 3.0], [0.5, 3.0], stats.fisk(3, scale=2),
                     stats.fisk(3, scale=0.5)),
    "frechet": (F.frechet, [1.5, 2.0], [2.5, 1.0], stats.invweibull(1.5, scale=2),
                stats.invweibull(2.5, scale=1)),
    "gumbel": (F.gumbel, [0.5, 1.5], [1.0, 2.0], stats.gumbel_r(0.5, 1.5), stats.gumbel_r(1, 2)),
    "inverse_gaussian": (F.inverse_gaussian, [0.5, 1.5], [1.0, 2.0],
                         stats.invgauss(0.5 / 1.5, scale=1.5), stats.invgauss(0.5, scale=2)),
}  # fmt: skip


@pytest.mark.parametrize("name", NEW)
def test_closed_forms_against_quadrature(name: str) -> None:
    make, p, q, one, other = NEW[name]
    record = sm.kl_divergence(make(), p, q)
    direct = integrate.quad(
        lambda u: one.logpdf(one.ppf(u)) - other.logpdf(one.ppf(u)), 0, 1, limit=400
    )[0]
    assert record.error is None
    assert abs(float(record.value) - direct) < 1e-6 * (1 + abs(direct))


def test_student_t_of_an_odd_integer() -> None:
    nu = F.student_t().parameters[2]
    family = F.student_t().fix({nu: 5})
    p, q = stats.t(5, 0.5, 1.5), stats.t(5, -1.0, 0.5)
    direct = integrate.quad(
        lambda x: p.pdf(x) * (p.logpdf(x) - q.logpdf(x)), -np.inf, np.inf, limit=400
    )[0]
    record = sm.kl_divergence(family, [0.5, 1.5], [-1.0, 0.5])
    assert record.error is None and abs(float(record.value) - direct) < 1e-8


def test_members_that_share_a_parameter() -> None:
    """With one first shape, Kumaraswamy members form an exponential family."""
    record = sm.kl_divergence(F.kumaraswamy(), [p1, p2], [p1, q2])
    assert sp.simplify(record.value - (sp.log(p2 / q2) + q2 / p2 - 1)) == 0


def test_numbers_without_a_closed_form() -> None:
    """Kumaraswamy by scipy's quadrature of the definition."""
    record = sm.kl_divergence(F.kumaraswamy(), [2, 1.5], [1.2, 3])

    def log_density(x: float, a: float, b: float) -> float:
        return np.log(a * b) + (a - 1) * np.log(x) + (b - 1) * np.log1p(-(x**a))

    direct = integrate.quad(
        lambda x: (
            np.exp(log_density(x, 2, 1.5)) * (log_density(x, 2, 1.5) - log_density(x, 1.2, 3))
        ),
        0, 1, limit=400,
    )[0]  # fmt: skip
    assert record.error is not None and abs(record.value - direct) < record.error + 1e-7


def test_divergence_that_is_infinite() -> None:
    """A Frechet density of shape 2 falls like exp(-x^-2) at zero, one of shape 1 like exp(-1/x)."""
    assert sm.kl_divergence(F.frechet(), [1, 1], [2, 1]).value == sp.oo


def test_repetitions_and_constants() -> None:
    n = sp.Symbol("n")
    one = sm.kl_divergence(F.poisson(), [p1], [q1]).value
    assert sp.expand(sm.kl_divergence(F.poisson().iid(n), [p1], [q1]).value - n * one) == 0
    found = sm.kl_divergence(F.binomial(n), [p1], [q1]).value
    bernoulli = PUBLISHED["categorical"][1]
    table = {p1: sp.Rational(1, 3), q1: sp.Rational(1, 2), n: 5}
    assert abs(sp.N((found - n * bernoulli).subs(table), 25)) < 1e-20


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: sm.kl_divergence(F.normal(), [0], [1, 1]), sm.InvalidArgument,
         r"p must hold one number or expression per parameter \(mu, sigma\), got \[0\]"),
        (lambda: sm.kl_divergence(F.normal(), [0, 1], ["a", 1]), sm.InvalidArgument, "q must hold"),
        (lambda: sm.kl_divergence(F.normal(), [0, 1], [0, -1]), sm.OutsideDomain, "sigma"),
        (lambda: sm.kl_divergence(F.normal().manifold(), [0, 1], [0, 1]), sm.InvalidArgument,
         "expected a family"),
        (lambda: sm.kl_divergence(F.gev(), [0, 1, 1], [0, 1, 2]), sm.IntractableExpectation,
         "support of x depends on"),
        (lambda: sm.kl_divergence(F.kumaraswamy(), P[:2], Q[:2], effort=0),
         sm.IntractableExpectation,
         "no closed form found for two symbolic members of kumaraswamy. Pass numbers"),
    ],
)  # fmt: skip
def test_errors(call, error, message) -> None:
    with pytest.raises(error, match=message):
        call()
