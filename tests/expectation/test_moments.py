"""Users' expectations against textbook values, scipy, and quadrature; what diverges says so."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
from scipy import integrate, stats

import statmani as sm

s, t = sp.Symbol("s"), sp.Symbol("t")
F = sm.families


def value(family: sm.Family, expression: sp.Expr, at: list, **extra: float) -> float:
    table = dict(zip(family.parameters, map(sp.nsimplify, at), strict=True))
    table |= {sp.Symbol(k): sp.nsimplify(v) for k, v in extra.items()}
    return float(sp.N(family.expect(expression).subs(table), 20))


@pytest.mark.parametrize(
    ("make", "at", "law"),
    [
        (F.gamma, [2.5, 0.75], stats.gamma(2.5, scale=0.75)),
        (F.weibull, [1.5, 2], stats.weibull_min(1.5, scale=2)),
        (F.beta, [2, 3.5], stats.beta(2, 3.5)),
        (F.gumbel, [0.5, 0.75], stats.gumbel_r(0.5, 0.75)),
        (F.logistic, [0.5, 0.75], stats.logistic(0.5, 0.75)),
        (F.laplace, [0.5, 0.75], stats.laplace(0.5, 0.75)),
        (F.lognormal, [0.3, 0.7], stats.lognorm(0.7, scale=np.exp(0.3))),
        (F.kumaraswamy, [1.5, 3], None),
    ],
)
def test_mean_variance_and_entropy(make, at, law) -> None:
    family = make()
    (x,) = family.sample
    mean = value(family, x, at)
    variance = value(family, x**2, at) - mean**2
    entropy = value(family, -family.log_density, at)
    if law is None:  # Kumaraswamy (1980): P(X < x) = 1 - (1 - x^a)^b

        def p(u):
            return 4.5 * u**0.5 * (1 - u**1.5) ** 2

        expected = [
            integrate.quad(f, 0, 1)[0]
            for f in (lambda u: u * p(u), lambda u: u * u * p(u), lambda u: -p(u) * np.log(p(u)))
        ]
        expected[1] -= expected[0] ** 2
    else:
        expected = [law.mean(), law.var(), law.entropy()]
    assert np.allclose([mean, variance, entropy], expected, rtol=1e-7)


def test_powers_logarithms_and_generating_functions() -> None:
    gamma, poisson, normal = F.gamma(), F.poisson(), F.normal()
    (x,) = gamma.sample
    k, theta = gamma.parameters
    assert gamma.expect(x**s) == theta**s * sp.gamma(k + s) / sp.gamma(k)
    assert gamma.expect(sp.log(x)) == sp.log(theta) + sp.polygamma(0, k)
    assert sp.simplify(gamma.expect(sp.exp(t * x)) - (1 - theta * t) ** (-k)) == 0
    (x,), (lam,) = poisson.sample, poisson.parameters
    assert sp.expand(poisson.expect(x**4)) == lam**4 + 6 * lam**3 + 7 * lam**2 + lam
    assert sp.simplify(poisson.expect(sp.exp(t * x)) - sp.exp(lam * (sp.exp(t) - 1))) == 0
    (x,), (mu, sigma) = normal.sample, normal.parameters
    assert sp.simplify(normal.expect(sp.exp(x)) - sp.exp(mu + sigma**2 / 2)) == 0
    assert sp.simplify(normal.expect(abs(x - mu)) - sigma * sp.sqrt(2 / sp.pi)) == 0
    binomial = F.binomial(sp.Symbol("n"))
    (x,), (p,), n = binomial.sample, binomial.parameters, sp.Symbol("n")
    assert sp.simplify(binomial.expect(x**2) - n * p * (1 - p + n * p)) == 0
    negbin = F.negbin()
    (x,), (r, p) = negbin.sample, negbin.parameters
    assert sp.simplify(negbin.expect(x) - r * (1 - p) / p) == 0


def test_several_variables() -> None:
    dirichlet = F.dirichlet(3)
    x, y = dirichlet.sample
    a, b, c = dirichlet.parameters
    total = a + b + c
    assert sp.simplify(dirichlet.expect(x * y) - a * b / (total * (total + 1))) == 0
    normal = F.bivariate_normal()
    x, y = normal.sample
    m1, m2, s1, s2, rho = normal.parameters
    mean, variance = m1 + m2, s1**2 + 2 * rho * s1 * s2 + s2**2
    assert sp.simplify(normal.expect(sp.exp(x + y)) / sp.exp(mean + variance / 2)) == 1


@pytest.mark.parametrize("make", [F.normal, F.weibull, F.zip, F.laplace, F.von_mises])
def test_products_of_scores_are_the_tensors(make) -> None:
    family = make()
    M = family.manifold()
    at = {p: sp.Rational(7 + 2 * i, 5 + i) / 4 for i, p in enumerate(family.parameters)}
    u, v = family.score[0], family.score[-1]
    for product, entry in (
        (u * v, M.metric[0, -1]),
        (v * v, M.metric[-1, -1]),
        (u * u * v, M.skewness[0, 0, len(at) - 1]),
    ):
        found = family.expect(product)
        assert abs(sp.N((found - entry).subs(at), 30)) < 1e-20


@pytest.mark.parametrize(
    ("make", "at", "cut", "law"),
    [
        (F.gamma, [2.5, 0.75], 2, stats.gamma(2.5, scale=0.75)),
        (F.normal, [0.5, 0.75], 2, stats.norm(0.5, 0.75)),
        (F.weibull, [1.5, 2], 2, stats.weibull_min(1.5, scale=2)),
        (F.frechet, [1.5, 2], 2, stats.invweibull(1.5, scale=2)),
        (F.logistic, [0.5, 0.75], 2, stats.logistic(0.5, 0.75)),
        (F.poisson, [2.5], 2, stats.poisson(2.5)),
        (F.geometric, [0.4], 2, stats.geom(0.4, loc=-1)),
    ],
)
def test_tail_probabilities(make, at, cut, law) -> None:
    family = make()
    (x,) = family.sample
    indicator = sp.Piecewise((1, x > cut), (0, True))
    assert abs(value(family, indicator, at) - law.sf(cut)) < 1e-12


@pytest.mark.parametrize("function", [sp.Heaviside, sp.sign, lambda u: sp.Heaviside(u, 0) * u])
@pytest.mark.parametrize("cut", [0, 2])
def test_jumps_at_an_atom(function, cut: int) -> None:
    family = F.poisson()
    (x,) = family.sample
    expected = sum(
        stats.poisson(1.5).pmf(k) * float(function(sp.Integer(k - cut))) for k in range(50)
    )
    assert abs(value(family, function(x - cut), [1.5]) - expected) < 1e-13


def test_conditions_of_convergence() -> None:
    lomax = F.lomax()
    (x,), (alpha, lam) = lomax.sample, lomax.parameters
    assert lomax.expect(x) == sp.Piecewise((lam / (alpha - 1), alpha > 1), (sp.oo, True))
    assert lomax.expect(x * sp.log(x)).subs(alpha, sp.Rational(1, 2)) is sp.nan
    record = F.exponential_rate().expectation(sp.exp(t * F.exponential_rate().sample[0]))
    assert [str(c) for c in record.conditions] == ["lam - t > 0"]
    assert "tilt" in str(record) or "statistics" in str(record)
    student = F.student_t()
    mu, nu = student.parameters[0], student.parameters[2]
    found = student.expect(student.sample[0])
    assert found.subs(nu, 3) == mu and found.subs(nu, 1) is sp.nan


@pytest.mark.parametrize(
    ("make", "function"),
    [
        (F.cauchy, lambda x: x),
        (F.cauchy, lambda x: x**2),
        (F.cauchy, lambda x: sp.exp(t * x)),
        (F.lomax, lambda x: 1 / x),
        (F.lognormal, lambda x: sp.exp(x)),
        (F.student_t, lambda x: sp.exp(x)),
    ],
)
def test_divergence_is_never_silent(make, function) -> None:
    family = make()
    with pytest.raises(sm.IntractableExpectation, match="does not converge at"):
        family.expect(function(family.sample[0]))


def test_certificate_catches_a_wrong_value(monkeypatch) -> None:
    from statmani.expectation import statistics

    right = statistics.StatisticMoments._moment
    monkeypatch.setattr(
        statistics.StatisticMoments, "_moment", lambda self, powers: right(self, powers) + 1
    )
    family = F.poisson()
    with pytest.raises(sm.CertificateError, match=r"was derived as .* quadrature gives"):
        family.expect(family.sample[0] ** 2)


def test_bad_expressions() -> None:
    normal = F.normal()
    (x,) = normal.sample
    with pytest.raises(sm.InvalidArgument, match="expected a sympy expression"):
        normal.expect("x")
    with pytest.raises(sm.InvalidArgument, match="not a real function"):
        normal.expect(sp.exp(sp.I * x))
    with pytest.raises(sm.InvalidArgument, match="c is not real"):
        normal.expect(x * sp.Symbol("c", imaginary=True))
    assert normal.expect(3 * t) == 3 * t
