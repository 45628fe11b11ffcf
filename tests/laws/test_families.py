"""Laws of families: proved where closed forms exist, verified elsewhere, violated when broken."""

from __future__ import annotations

import warnings
from dataclasses import replace

import pytest
import sympy as sp
from sympy import S, exp, log, symbols

import statmani as sm
from statmani.laws.closed import ClosedMoments
from statmani.laws.masses import exact_mass
from statmani.laws.numbers import Quadratures

X = sp.Symbol("x", real=True)


def statuses(report: sm.laws.Report) -> dict[str, str]:
    return {law.name: law.status for law in report}


def test_an_exponential_family_has_every_law():
    report = sm.laws.check(sm.families.gamma())
    found = statuses(report)
    assert found.pop("second Bianchi identity") == "not applicable"
    assert set(found.values()) == {"proved"}
    assert len(found) > 25
    assert "eta = (k, -1/theta)" in report["e-flat natural coordinates"].explanation
    assert "polygamma(0, k)" in report["m-flat expectation coordinates"].explanation


def test_a_family_that_is_not_conjugate_symmetric():
    found = statuses(sm.laws.check(sm.families.weibull()))
    assert found["curvature duality"] == found["third Bartlett identity"] == "proved"
    assert found["conjugate symmetry"] == "not applicable"
    assert found["e-flat natural coordinates"] == "not applicable"


def test_a_declared_family_with_constants_and_repetitions():
    n = sp.Symbol("n", integer=True, positive=True)
    y = sp.Symbol("y", positive=True)
    rate, c = sp.symbols("rate c", positive=True)
    family = sm.Family(c * rate * y ** (c - 1) * exp(-rate * y**c), sample=y, parameters=rate)
    for checked in (family.iid(2), family.iid(n)):
        report = sm.laws.check(checked)
        assert report.violated == ()
        found = statuses(report)
        assert found["Fisher metric"] == found["zero-mean score"] == "proved"
        assert found["third Bartlett identity"] == "proved"


def test_kinks_have_no_second_derivatives():
    report = sm.laws.check(sm.families.laplace())
    found = statuses(report)
    assert report.violated == ()
    assert found["Fisher metric"] == found["skewness tensor"] == "proved"
    for name in ("second Bartlett identity", "expected Hessian", "divergence connections"):
        assert found[name] == "not applicable"
        assert "contain a delta" in report[name].explanation


@pytest.mark.slow
def test_a_family_without_closed_forms_is_verified():
    a = sp.Symbol("a", positive=True)
    family = sm.families.normal_mixture2()
    law = sm.laws.check(family)["Fisher metric"]
    assert law.status == "verified"
    assert law.digits >= 7
    assert law.points == 2
    assert a not in family.parameters


def test_a_moving_edge_has_no_zero_mean_score():
    b = sp.Symbol("b", positive=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sm.StatmaniWarning)
        family = sm.Family(1 / b, sample={X: sp.Interval(0, b)}, parameters=b)
    report = sm.laws.check(family)
    assert report["normalisation"].status == "verified"
    law = report["zero-mean score"]
    assert law.status == "violated"
    value = dict(law.witness.point)[b]
    assert float(law.witness.left) == pytest.approx(float(-1 / value))
    assert float(law.witness.right) == 0
    assert "no manifold" in report["curvature duality"].explanation


def test_a_density_that_does_not_integrate_to_one():
    family = sm.families.normal()
    wrong = replace(family.declaration, log_density=family.declaration.log_density + log(2))
    broken = sm.Family._of(wrong)
    broken._manifold = family.manifold()
    report = sm.laws.check(broken)
    law = report["normalisation"]
    assert law.status == "violated"
    assert float(law.witness.left) == pytest.approx(2)


def hand_written(g_factor: sp.Expr = S.One, t_factor: sp.Expr = S.One) -> tuple:
    family = sm.families.normal()
    mu, sigma = family.parameters
    g = [[g_factor / sigma**2, 0], [0, 2 / sigma**2]]
    t = {(0, 0, 1): t_factor * 2 / sigma**3, (1, 1, 1): 8 / sigma**3}
    manifold = sm.StatisticalManifold({mu: S.Reals, sigma: sp.Interval(0, sp.oo)}, g, t)
    return family, manifold


def test_hand_written_tensors_against_a_family():
    family, right = hand_written()
    report = sm.laws.check(right, family=family)
    assert report.violated == ()
    assert report["Fisher metric"].status == report["mixture connection"].status == "proved"

    family, wrong_t = hand_written(t_factor=sp.Integer(-1))
    report = sm.laws.check(wrong_t, family=family)
    assert {law.name for law in report.violated} == {
        "skewness tensor", "exponential connection", "mixture connection",
    }  # fmt: skip
    witness = report["skewness tensor"].witness
    sigma = float(dict(witness.point)[family.parameters[1]])
    assert witness.index == (0, 0, 1)
    assert float(witness.left) == pytest.approx(-2 / sigma**3)
    assert float(witness.right) == pytest.approx(2 / sigma**3)


def test_a_tiny_fault_of_the_metric_is_seen():
    family, wrong = hand_written(g_factor=1 + sp.Rational(1, 10**20))
    report = sm.laws.check(wrong, family=family)
    names = {law.name for law in report.violated}
    assert {"Fisher metric", "expected Hessian", "exponential connection"} <= names


def test_a_family_with_a_broken_manifold():
    family, wrong = hand_written(t_factor=sp.Integer(2))
    family._manifold = wrong
    names = {law.name for law in sm.laws.check(family).violated}
    assert {
        "skewness tensor",
        "divergence connections",
        "e-flat natural coordinates",
        "m-flat expectation coordinates",
    } <= names
    assert "divergence metric" not in names
    family, wrong = hand_written(g_factor=sp.Integer(2))
    family._manifold = wrong
    law = sm.laws.check(family)["divergence metric"]
    assert law.status == "violated"
    assert float(law.witness.left) == pytest.approx(2 * float(law.witness.right))


SLOW = pytest.mark.slow
MASSES = ("poisson", "zip", "weibull", "lognormal", "inverse_gaussian", "von_mises")
MORE_MASSES = (
    "geometric", "negbin", "bernoulli", "normal", "beta", "laplace", "cauchy",
    "mckay_bivariate_gamma",
)  # fmt: skip


@pytest.mark.parametrize(
    "name", [*MASSES, *(pytest.param(name, marks=SLOW) for name in MORE_MASSES)]
)
def test_the_mass_is_exact(name):
    found = exact_mass(getattr(sm.families, name)().declaration)
    assert found is not None
    assert found[0] == 1


def test_a_wrong_mass_is_not_one():
    declaration = sm.families.poisson().declaration
    (lam,) = declaration.parameters
    wrong = replace(declaration, log_density=declaration.log_density - lam)
    value, _ = exact_mass(wrong)
    assert sp.simplify(value - exp(-lam)) == 0


@pytest.mark.parametrize(
    "name",
    [
        "weibull",
        "bernoulli",
        *(pytest.param(name, marks=SLOW) for name in ("beta", "multivariate_normal")),
    ],
)
def test_closed_moments_agree_with_quadrature(name):
    """Two routes that share nothing but the density."""
    family = getattr(sm.families, name)(*([2] if name == "multivariate_normal" else []))
    declaration = family.declaration
    closed, quadratures = ClosedMoments(declaration), Quadratures(declaration)
    (point,) = quadratures.points(1)
    numbers = quadratures.at(point)
    n = len(declaration.parameters)
    last = n - 1
    for exact, number in (
        (closed.product(0, last), numbers.products[0, last]),
        (closed.product(0, 0, last), numbers.products[0, 0, last]),
        (closed.second(0, last), numbers.slopes[0, last]),
        (closed.third(0, last, last), numbers.slopes[0, last, last]),
        (closed.mixed(0, last, 0), numbers.mixed[0, last, 0]),
    ):
        value = float(sp.sympify(exact).subs(point).evalf(25))
        assert value == pytest.approx(float(number), rel=1e-9, abs=1e-9)


def test_natural_coordinates_of_a_curved_family_do_not_apply():
    mu = sp.Symbol("mu", positive=True)
    family = sm.Family(
        exp(-((X - mu) ** 2) / (2 * mu**2)) / (mu * sp.sqrt(2 * sp.pi)),
        sample={X: S.Reals},
        parameters=mu,
    )
    report = sm.laws.check(family)
    assert report.violated == ()
    assert report["e-flat natural coordinates"].status == "not applicable"


def test_bad_arguments():
    family, manifold = hand_written()
    other = symbols("u v", positive=True)
    plane = sm.StatisticalManifold(other, [[1, 0], [0, 1]])
    cases = [
        (lambda: sm.laws.check("weibull"), "expected a family, manifold or connection"),
        (lambda: sm.laws.check(family, effort="high"), "effort: expected a finite number"),
        (lambda: sm.laws.check(family, effort=-1), "effort: expected a finite number"),
        (lambda: sm.laws.check(family, progress=3), "progress: expected a function"),
        (lambda: sm.laws.check(family, family=family), "family was given with a family"),
        (
            lambda: sm.laws.check(manifold.levi_civita, family=family),
            "family was given with a connection",
        ),
        (lambda: sm.laws.check(manifold, family="normal"), "check: family: expected a family"),
        (lambda: sm.laws.check(plane, family=family), "Write the metric in the symbols"),
    ]
    for call, text in cases:
        with pytest.raises(sm.InvalidArgument, match=text):
            call()


def moving_weibull(k: sp.Expr) -> sm.Family:
    m, b = sp.Symbol("m", real=True), sp.Symbol("b", positive=True)
    z = (X - m) / b
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sm.StatmaniWarning)
        return sm.Family(
            k / b * z ** (k - 1) * exp(-(z**k)),
            sample={X: sp.Interval(m, sp.oo)},
            parameters={m: S.Reals, b: sp.Interval(0, sp.oo)},
        )


def test_analytic_continuation_proves_nothing():
    """E[sss] is infinite, though the formula of its kernel's moments has a value."""
    report = sm.laws.check(moving_weibull(sp.Rational(5, 2)))
    assert report["zero-mean score"].status == "proved"
    assert report["second Bartlett identity"].status == "proved"
    assert report["third Bartlett identity"].status == "not applicable"
    assert "no manifold" in report["curvature"].explanation


def test_an_edge_that_moves_where_the_density_vanishes():
    report = sm.laws.check(moving_weibull(sp.Rational(7, 2)))
    assert report.violated == ()
    assert report["zero-mean score"].holds
    assert report["Fisher metric"].holds


def test_moments_on_finitely_many_points_against_plain_sums():
    w, x = symbols("w x", real=True)
    mixed = 1 / (1 + exp(-w))
    family = sm.Family(
        mixed / 3 + (1 - mixed) * (x + 1) / 7, sample={x: sp.FiniteSet(0, 1, 3)}, parameters=w
    )
    moments = ClosedMoments(family.declaration)
    (theta,) = family.declaration.parameters
    z = family.declaration.variables[0].symbol
    ell = family.declaration.log_density
    at = sp.Rational(2, 5)
    for factors in ([(0,), (0,)], [(0, 0), (0,)], [(0, 0, 0)], [(0,), (0,), (0,)]):
        direct = sp.S.Zero
        for point in (0, 1, 3):
            product = exp(ell)
            for index in factors:
                product *= ell.diff(theta, len(index))
            direct += product.subs(z, point).subs(theta, at).evalf(40)
        found = moments.finite.mean(factors).subs(theta, at).evalf(40)
        assert abs(found - direct) < 1e-30
    report = sm.laws.check(family)
    assert {law.status for law in report if law.status != "not applicable"} == {"proved"}
