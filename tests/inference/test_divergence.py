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
def test_cauchy_by_quadrature(p: list, q: list) -> None:
    """Chyzak and Nielsen (2019): log(((s + t)^2 + (a - b)^2) / (4 s t))."""
    record = sm.kl_divergence(F.cauchy(), p, q)
    (a, s), (b, t) = ((float(v[0]), float(v[1])) for v in (p, q))
    exact = np.log(((s + t) ** 2 + (a - b) ** 2) / (4 * s * t))
    assert abs(record.value - exact) <= record.error < 1e-8
    assert "quadrature" in repr(record)


def test_laplace_by_quadrature() -> None:
    record = sm.kl_divergence(F.laplace(), [0, 1], [1, 2])
    exact = np.log(2) + (np.exp(-1) + 1) / 2 - 1
    assert abs(record.value - exact) <= max(record.error, 1e-12)


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
        (lambda: sm.kl_divergence(F.cauchy(), P[:2], Q[:2]), sm.IntractableExpectation,
         "no closed form found for two symbolic members of cauchy. Pass numbers"),
    ],
)  # fmt: skip
def test_errors(call, error, message) -> None:
    with pytest.raises(error, match=message):
        call()
