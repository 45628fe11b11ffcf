"""Compiled likelihoods, their maxima, and fits."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
from known_families import A, B, Known, M, X, Y, declaration, families
from scipy import optimize, stats

from statmani.errors import InvalidArgument, NoConvergence, OutsideDomain
from statmani.inference.cramer_rao import cramer_rao
from statmani.inference.density import log_density_at
from statmani.inference.estimation import fit
from statmani.inference.likelihood import likelihood_form
from statmani.inference.likelihood_kernel import likelihood_kernel

FAMILIES = families()
NAMES = ["normal", "gamma", "weibull", "cauchy", "beta", "poisson", "generalised gamma"]


def observations(known, count, seed=1):
    return np.asarray(known.distribution(*known.at).rvs(count, random_state=seed), dtype=float)


def log_likelihood(known, x, theta):
    distribution = known.distribution(*theta)
    return (
        distribution.logpmf
        if hasattr(distribution, "logpmf")
        and isinstance(known.distribution(*known.at).dist, stats.rv_discrete)
        else distribution.logpdf
    )(x).sum()


@pytest.mark.parametrize(
    ("name", "expanded"), [*((n, True) for n in NAMES), ("normal", False), ("weibull", False)]
)
def test_score_and_hessian_against_differences_of_scipy(name, expanded):
    known = FAMILIES[name]
    x = observations(known, 7)
    at = np.array(known.at)
    kernel = likelihood_kernel(known.declaration, expanded=expanded)
    out = kernel.evaluate(x[None, :, None], at)[0]
    other = kernel.evaluate(x[None, :, None], at * 1.1)[0]
    exact = log_likelihood(known, x, at * 1.1) - log_likelihood(known, x, at)
    assert other[0] - out[0] == pytest.approx(exact, rel=1e-10)
    n, h = len(at), 1e-5
    score = [
        (log_likelihood(known, x, at + h * e) - log_likelihood(known, x, at - h * e)) / (2 * h)
        for e in np.eye(n)
    ]
    assert np.allclose(out[1 : 1 + n], score, rtol=1e-6, atol=1e-5)
    gradients = [
        (
            kernel.evaluate(x[None, :, None], at + h * e)[0, 1 : 1 + n]
            - kernel.evaluate(x[None, :, None], at - h * e)[0, 1 : 1 + n]
        )
        / (2 * h)
        for e in np.eye(n)
    ]
    assert np.allclose(out[1 + n :], np.array(gradients)[np.triu_indices(n)], rtol=1e-6, atol=1e-5)


def test_exponential_families_need_sums_only():
    assert likelihood_form(FAMILIES["gamma"].declaration).mixed == 0
    assert likelihood_form(FAMILIES["normal"].declaration).mixed == 0
    assert likelihood_form(FAMILIES["cauchy"].declaration).mixed != 0
    assert likelihood_form(FAMILIES["categorical"].declaration).points == ((0,), (1,), (2,))


def test_maxima_against_closed_forms_and_scipy():
    normal = FAMILIES["normal"]
    x = observations(normal, 400).reshape(4, 100)
    kernel = likelihood_kernel(normal.declaration)
    found, _, status = kernel.maximise(x[:, :, None], kernel.unconstrained(np.array([0.0, 9.0])))
    assert (status == 0).all()
    assert np.allclose(found, np.stack([x.mean(1), x.std(1)], axis=1), rtol=1e-10)
    three = FAMILIES["categorical"].declaration
    kernel = likelihood_kernel(three)
    data = np.repeat([0.0, 1.0, 2.0], [5, 2, 13])
    found, _, status = kernel.maximise(
        data[None, :, None], kernel.unconstrained(np.array([0.3, 0.3]))
    )
    assert np.allclose(found, [[0.25, 0.1]], rtol=1e-9)
    assert status[0] == 0


def test_cancelling_sums_are_avoided():
    # x^2 - 2 mu x + mu^2 loses every digit here; the check must still pass.
    far = Known(
        FAMILIES["normal"].declaration, (1e9, 1.0), lambda m, s: [[1, 0], [0, 2]], stats.norm
    )
    record = cramer_rao(far, [1e9, 1.0], n=50, replications=300, seed=1)
    assert record.failures == 0
    assert record.efficiency == pytest.approx(1.0, abs=0.15)
    assert record.verdict == "consistent"


@pytest.mark.parametrize("name", ["normal", "gamma", "weibull", "cauchy", "beta", "poisson"])
def test_fit_against_scipy_minimize(name):
    known = FAMILIES[name]
    x = observations(known, 60, seed=5)
    record = fit(known_at_estimate(known), x)
    assert record.converged
    best = optimize.minimize(
        lambda t: -log_likelihood(known, x, t),
        record.estimate * 1.05,
        method="Nelder-Mead",
        options={"xatol": 1e-9, "fatol": 1e-12, "maxiter": 4000, "maxfev": 4000},
    )
    assert record.log_likelihood >= -best.fun - 1e-9
    assert np.allclose(record.estimate, best.x, rtol=1e-5)
    assert record.log_likelihood == pytest.approx(log_likelihood(known, x, record.estimate))
    expected = np.linalg.inv(60 * np.array(known.information(*record.estimate)))
    assert np.allclose(record.covariance, expected, rtol=1e-9)
    # Observed and expected information agree in order n^-1/2 of each other.
    assert np.allclose(np.diag(record.covariance_observed), np.diag(expected), rtol=0.6)


class known_at_estimate:
    """A family whose stand-in manifold has a symbolic metric."""

    def __init__(self, known):
        self.declaration, self._known = known.declaration, known

    def manifold(self):
        known = self._known
        table = dict(known.declaration.table)
        coordinates = [table[s] for s in known.declaration.parameters]

        class Metric:
            def xreplace(self, values):
                point = [float(values[s]) for s in coordinates]
                return sp.ImmutableMatrix(known.information(*point))

        manifold = known.manifold()
        manifold.metric = Metric()
        return manifold


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("normal", 1e6 + 1e-2 * np.random.default_rng(1).standard_normal(50)),
        ("gamma", np.random.default_rng(1).gamma(0.2, 1e5, 50)),
        ("cauchy", -1e4 + 1e-1 * np.random.default_rng(1).standard_cauchy(51)),
        ("weibull", 1e-4 * np.random.default_rng(1).weibull(0.6, 50)),
    ],
)
def test_fit_finds_data_far_from_the_unit_scale(name, data):
    record = fit(known_at_estimate(FAMILIES[name]), data)
    assert record.converged
    outcome = likelihood_kernel(FAMILIES[name].declaration, expanded=False).evaluate(
        data[None, :, None], record.estimate
    )[0]
    score = outcome[1:3]
    # The score in units of its standard deviation vanishes at the maximum.
    assert abs(score @ record.covariance @ score) < 1e-10


def test_fit_prints_and_starts_where_told():
    record = fit(known_at_estimate(FAMILIES["poisson"]), [2, 4, 3, 1, 5], start=[10.0])
    assert record.estimate[0] == pytest.approx(3.0, rel=1e-12)
    assert record.covariance_observed[0, 0] == pytest.approx(0.6)
    assert repr(record).startswith("Maximum likelihood fit: converged, n = 5, log-likelihood -")


def test_fit_without_maximum_says_so():
    record = fit(known_at_estimate(FAMILIES["poisson"]), [0, 0, 0])
    assert not record.converged
    assert "NOT converged" in repr(record)
    assert np.isnan(record.covariance).all()


@pytest.mark.parametrize(
    ("data", "start", "error", "message"),
    [
        ([], None, InvalidArgument, "fit: data is empty"),
        ([1.0, -1.0], None, InvalidArgument, r"data\[1\] = -1\.0 lies outside the support"),
        ([1.0, np.inf], None, InvalidArgument, r"entry \[1\] is inf, not a finite number"),
        ([[1.0, 2.0]], None, InvalidArgument, r"must have shape \(N,\), got \(1, 2\)"),
        (["a"], None, InvalidArgument, "data must be real numbers"),
        ([1.0, 2.0], [1.0, -1.0], OutsideDomain, r"B = -1\.0 breaks B > 0"),
        ([1.0, 2.0], [1.0], InvalidArgument, "last axis must hold the 2"),
    ],
)
def test_bad_data(data, start, error, message):
    with pytest.raises(error, match=message):
        fit(FAMILIES["gamma"], data, start=start)


def test_impossible_data_of_a_moving_support():
    shifted = declaration(
        A * sp.exp(-A * (sp.Symbol("U") - B)), {sp.Symbol("U"): sp.Interval(B, sp.oo)}, [A, B]
    )
    with pytest.raises(NoConvergence, match="the likelihood of the 2 observations is zero"):
        fit(Known(shifted, (1.0, 1.0), lambda a, b: np.eye(2), None), [-3.0, -4.0])


def test_log_density_at():
    known = FAMILIES["weibull"]
    x = observations(known, 20)
    assert np.allclose(
        log_density_at(known.declaration, known.at, x), known.distribution(*known.at).logpdf(x)
    )
    poisson = FAMILIES["poisson"].declaration
    values = log_density_at(poisson, [3.0], [0, 1.5, -1, 2])
    assert np.allclose(values[[0, 3]], stats.poisson(3).logpmf([0, 2]))
    assert (values[[1, 2]] == -np.inf).all()
    rate = sp.Symbol("rate0", positive=True)
    open_constant = declaration(rate * A * sp.exp(-rate * A * X), X, [A])
    with pytest.raises(InvalidArgument, match=r"constant.* rate0 .*no value"):
        log_density_at(open_constant, [1.0], [1.0])
    half = declaration(sp.exp(-((Y - M) ** 2) / 2) / sp.sqrt(2 * sp.pi), Y, [M])
    with pytest.raises(InvalidArgument, match=r"one point of shape \(1,\)"):
        log_density_at(half, [[0.0]], [1.0])
