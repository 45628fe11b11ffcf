"""Constants print as constants, and zero as 0, in every parametrization of a family."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sympy as sp
from sympy import Interval, Rational, S, exp, oo, sqrt, symbols, tanh

import statmani as sm
from statmani.geometry.manifold import StatisticalManifold

P, Q, R = symbols("p q r", real=True)
A, B, C = symbols("a b c", positive=True)
U, V = symbols("u v", real=True)


def normal(mean: Any, sigma: Any, coordinates: Any) -> StatisticalManifold:
    """The univariate normal family, (mean, standard deviation) as functions of coordinates."""
    M = sm.families.normal().manifold()
    return M.reparametrize(dict(zip(M.coordinates, (mean, sigma), strict=True)), coordinates)


def bivariate(s11: Any, s12: Any, s22: Any, own: Any) -> StatisticalManifold:
    """The bivariate normal family, its covariance as a function of the coordinates."""
    M = sm.families.multivariate_normal(2).manifold()
    names = {str(s): s for s in M.coordinates}
    mapping = {names["mu1"]: U, names["mu2"]: V}
    mapping |= {names["s11"]: s11, names["s12"]: s12, names["s22"]: s22}
    return M.reparametrize(mapping, {U: S.Reals, V: S.Reals, **own})


POSITIVE = Interval.open(0, oo)
CORRELATION = Interval.open(-1, 1)
CASES: dict[str, tuple[Callable[[], StatisticalManifold], Any]] = {
    "normal, deviation": (lambda: sm.families.normal().manifold(), -1),
    "normal, variance": (lambda: normal(P, sqrt(A), (P, A)), -1),
    "normal, precision": (lambda: normal(P, 1 / sqrt(A), (P, A)), -1),
    "normal, log deviation": (lambda: normal(P, exp(Q), (P, Q)), -1),
    "normal, natural": (
        lambda: normal(-P / (2 * Q), 1 / sqrt(-2 * Q), {P: S.Reals, Q: Interval.open(-oo, 0)}),
        -1,
    ),
    "bivariate, covariance": (
        lambda: sm.families.multivariate_normal(2).manifold(), Rational(-9, 2)
    ),
    "bivariate, correlation": (
        lambda: bivariate(A**2, A * B * R, B**2, {A: POSITIVE, B: POSITIVE, R: CORRELATION}),
        Rational(-9, 2),
    ),
    "bivariate, logarithms and atanh": (
        lambda: bivariate(
            exp(2 * P), exp(P + Q) * tanh(R), exp(2 * Q), dict.fromkeys((P, Q, R), S.Reals)
        ),
        Rational(-9, 2),
    ),
    "bivariate, Cholesky": (
        lambda: bivariate(A**2, A * P, P**2 + B**2, {A: POSITIVE, P: S.Reals, B: POSITIVE}),
        Rational(-9, 2),
    ),
    "bivariate, log-Cholesky": (
        lambda: bivariate(
            exp(2 * P), exp(P) * R, R**2 + exp(2 * Q), dict.fromkeys((P, R, Q), S.Reals)
        ),
        Rational(-9, 2),
    ),
    "multinomial": (lambda: sm.families.multinomial(7, 4).manifold(), Rational(3 * 2, 4 * 7)),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_scalar_curvature_is_a_number(name: str) -> None:
    build, wanted = CASES[name]
    M = build()
    assert M.levi_civita.scalar_curvature == wanted


def test_exponential_connections_are_flat_in_every_chart() -> None:
    """All components vanish structurally for alpha = 1, -1, and none is left by a symbolic one."""
    M = CASES["bivariate, correlation"][0]()
    assert M.connection(1).is_flat
    assert M.connection(-1).is_flat
    alpha = sp.Symbol("alpha")
    scalar = M.connection(alpha).scalar_curvature
    assert scalar == Rational(9, 2) * alpha**2 - Rational(9, 2)


def test_equal_components_are_equal_expressions() -> None:
    """The inverse of the inverse metric is the metric, entry by entry and by structure."""
    M = CASES["bivariate, log-Cholesky"][0]()
    entries = M.inverse_metric
    back = StatisticalManifold(M.domain, entries).inverse_metric
    assert back == M.metric
    riemann = M.levi_civita.riemann_lower
    n = range(M.dim)
    assert all(
        riemann[m, k, i, j] == riemann[i, j, m, k] for m in n for k in n for i in n for j in n
    )


def rebuilt(expr: Any) -> Any:
    """The same expression by sympy's own evaluation of every sum, product and power."""
    return expr.func(*map(rebuilt, expr.args)) if expr.args else expr


SHOWN = {
    "normal": lambda: sm.families.normal().manifold(),
    "beta": lambda: sm.families.beta().manifold(),
    "weibull": lambda: sm.families.weibull().manifold(),
    "bivariate": CASES["bivariate, log-Cholesky"][0],
    "constants": lambda: StatisticalManifold(
        (A, P), [[sp.pi * C / A**2 + C**3, P * C], [P * C, (A + C) ** 2 * (1 + P**2) * 3]]
    ),
    "angles": lambda: StatisticalManifold(
        {Q: Interval.open(0, sp.pi), P: S.Reals},
        [[2 + sp.sin(P) ** 2, 0], [0, sp.sin(Q) ** 2 * (3 + sp.cos(P))]],
    ),
    "roots": lambda: StatisticalManifold((A, B), [[sqrt(A) + sqrt(B), 1], [1, A * sqrt(B) + 5]]),
}


@pytest.mark.parametrize("name", SHOWN)
def test_shown_components_are_in_sympys_own_form(name: str) -> None:
    """Sums and products made without evaluation are those that evaluation gives."""
    M = SHOWN[name]()
    D = M.levi_civita
    values = [*M.metric, *M.inverse_metric, *D.ricci, D.scalar_curvature]
    values += [*D.christoffel.nonzero().values(), *D.riemann_lower.nonzero().values()]
    for value in values:
        assert rebuilt(value) == value


def test_kerr_is_ricci_flat() -> None:
    t, r, u, phi, m, a = symbols("t r u phi m a", real=True)
    sigma, delta = r**2 + a**2 * u**2, r**2 - 2 * m * r + a**2
    s2 = 1 - u**2
    g = sp.zeros(4, 4)
    g[0, 0] = -(1 - 2 * m * r / sigma)
    g[0, 3] = g[3, 0] = -2 * m * a * r * s2 / sigma
    g[1, 1], g[2, 2] = sigma / delta, sigma / s2
    g[3, 3] = (r**2 + a**2 + 2 * m * a**2 * r * s2 / sigma) * s2
    domain = {t: S.Reals, r: Interval.open(3, oo), u: CORRELATION, phi: S.Reals}
    M = StatisticalManifold(domain, g)
    assert M.levi_civita.ricci == sp.zeros(4, 4)
    assert not M.levi_civita.is_flat
