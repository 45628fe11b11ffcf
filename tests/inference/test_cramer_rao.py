"""The Cramer-Rao check against published Fisher information."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
import sympy as sp
from known_families import A, Known, X, declaration, families
from scipy.special import digamma, i0, i1

from statmani.domain import Circle
from statmani.errors import InvalidArgument, NoConvergence, OutsideDomain, RegularityError
from statmani.inference.cramer_rao import cramer_rao

FAMILIES = families()
NAMES = [
    "normal",
    "gamma",
    "weibull",
    "cauchy",
    "exponential",
    "poisson",
    "categorical",
    "generalised gamma",
]
DEAR = {"weibull", "generalised gamma"}


def p_values(family, seeds, n, replications, **rest):
    return np.array(
        [
            cramer_rao(family, family.at, n=n, replications=replications, seed=seed, **rest).p_value
            for seed in seeds
        ]
    )


def test_generalised_gamma_reference_is_the_covariance_of_the_score():
    known = FAMILIES["generalised gamma"]
    a, b, c = known.at
    x = known.distribution(*known.at).rvs(400000, random_state=1)
    w = (x / b) ** c
    scores = np.stack(
        [c * np.log(x / b) - digamma(a), (c / b) * (w - a), 1 / c + (a - w) * np.log(w) / c]
    )
    assert np.allclose(np.cov(scores), known.information(*known.at), rtol=0.03)


@pytest.mark.parametrize("name", ["exponential", pytest.param("gamma", marks=pytest.mark.slow)])
def test_true_model_passes_at_the_level(name):
    p = p_values(FAMILIES[name], range(100), 60, 250)
    # 95 of 100 expected; 0.89 and 1.0 are below and above it by 2.75 standard deviations.
    assert (p > 0.05).mean() >= 0.89
    assert 0.33 < (p > 0.5).mean() < 0.67


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("n", "replications"), [(50, 200), (200, 1000)])
def test_true_model_passes_95_of_100_times(name, n, replications):
    if name == "generalised gamma":
        pytest.skip("its maximum likelihood needs larger samples; see the test with a callable")
    p = p_values(FAMILIES[name], range(500), n, replications)
    assert 0.92 <= (p > 0.05).mean() <= 0.98


@pytest.mark.slow
def test_three_parameters_pass_95_of_100_times():
    family = FAMILIES["generalised gamma"]
    p = p_values(family, range(500), 100, 300, estimator=three_moments)
    assert 0.92 <= (p > 0.05).mean() <= 0.98


def three_moments(x):
    y = np.log(x)
    return np.array([y.mean(), x.mean(), (x * y).mean()])


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=pytest.mark.slow if n in DEAR else ()) for n in NAMES],
)
def test_half_the_metric_is_violated(name):
    family = FAMILIES[name]
    estimator = three_moments if name == "generalised gamma" else "mle"
    half = np.array(family.information(*family.at)) / 2
    p = p_values(family, range(5), 60, 250, metric=half, estimator=estimator)
    assert (p <= 0.05).all()


def test_a_metric_too_small_in_one_direction_is_violated():
    family = FAMILIES["gamma"]
    full = np.array(family.information(*family.at))
    values, vectors = np.linalg.eigh(full)
    for i in range(2):
        wrong = full - 0.5 * values[i] * np.outer(vectors[:, i], vectors[:, i])
        assert (p_values(family, range(4), 60, 400, metric=wrong) <= 0.05).all()


def test_twice_the_metric_shows_in_the_efficiency():
    family = FAMILIES["normal"]
    metric = 2 * np.array(family.information(*family.at))
    record = cramer_rao(family, family.at, n=200, replications=500, seed=1, metric=metric)
    assert record.efficiency == pytest.approx(0.5, rel=0.1)
    assert record.verdict == "consistent"


def test_fields_of_a_case_with_closed_forms():
    # The mean of n exponentials with mean b: unbiased, variance b^2 / n, equal to the bound.
    family = FAMILIES["exponential"]
    record = cramer_rao(family, [0.5], n=3, replications=4000, seed=2)
    exact = 0.25 / 3
    assert record.bound[0, 0] == pytest.approx(exact, rel=1e-14)
    assert record.covariance[0, 0] == pytest.approx(exact, rel=0.1)
    assert record.biased_bound[0, 0] == pytest.approx(exact, rel=0.2)
    assert record.efficiency == pytest.approx(record.bound[0, 0] / record.covariance[0, 0])
    assert abs(record.bias[0]) < 4 * record.bias_error[0]
    assert record.bias_error[0] == pytest.approx(np.sqrt(exact / 4000), rel=0.1)
    assert record.failures == 0


def test_biased_bound_of_a_shrunk_estimator():
    # Half the mean of a normal sample: d E = 1/2, so the bound is a quarter of the unbiased one.
    family = FAMILIES["normal"]
    record = cramer_rao(
        family,
        family.at,
        n=50,
        replications=2000,
        seed=3,
        estimator=lambda x: [x.mean() / 2, x.std()],
    )
    assert record.biased_bound[0, 0] == pytest.approx(record.bound[0, 0] / 4, rel=0.15)
    assert record.bias[0] == pytest.approx(-0.5, abs=0.02)
    assert record.verdict == "consistent"


def test_inefficient_estimator_of_a_true_model_is_consistent_and_does_not_hide_a_wrong_metric():
    family = FAMILIES["normal"]

    def half_sample(x):
        return [x[::2].mean(), x[::2].std()]

    metric = np.array(family.information(*family.at))
    record = cramer_rao(family, family.at, n=60, replications=400, seed=4, estimator=half_sample)
    assert record.efficiency == pytest.approx(0.5, rel=0.2)
    assert record.verdict == "consistent"
    wrong = cramer_rao(
        family, family.at, n=60, replications=400, seed=4, estimator=half_sample, metric=metric / 2
    )
    assert wrong.verdict == "violated"


def test_result_does_not_depend_on_the_number_of_workers():
    family = FAMILIES["gamma"]
    records = [
        cramer_rao(family, family.at, n=80, replications=301, seed=5, workers=w) for w in (1, 2, 5)
    ]
    for record in records[1:]:
        assert record.covariance.tobytes() == records[0].covariance.tobytes()
        assert record.p_value == records[0].p_value


def test_seed_is_reported_and_repeats_the_run():
    family = FAMILIES["poisson"]
    first = cramer_rao(family, [3.0], n=20, replications=50)
    again = cramer_rao(family, [3.0], n=20, replications=50, seed=first.seed)
    other = cramer_rao(family, [3.0], n=20, replications=50, seed=first.seed + 1)
    assert again.covariance == first.covariance
    assert other.covariance != first.covariance


def test_repr_is_readable():
    record = cramer_rao(FAMILIES["weibull"], (1.7, 2.0), n=50, replications=200, seed=0)
    text = repr(record)
    assert text.startswith("Cramer-Rao check: consistent (p = ")
    for part in (
        "estimator mle, 200 replications of n = 50, 0 failed, seed 0",
        "\n  A ",
        "\n  B ",
        "efficiency 0.",
        "critical 0.",
    ):
        assert part in text


def test_progress_is_reported():
    calls = []
    cramer_rao(
        FAMILIES["poisson"],
        [3.0],
        n=10,
        replications=40,
        seed=1,
        progress=lambda done, total: calls.append((done, total)),
    )
    assert calls[-1] == (40, 40)
    assert calls == sorted(calls)


def test_periodic_parameter_wraps():
    mu = sp.Symbol("mu")
    angle = sp.Symbol("angle", real=True)
    density = sp.exp(2 * sp.cos(angle - mu)) / (2 * sp.pi * sp.besseli(0, 2))
    family = Known(
        declaration(density, {angle: sp.Interval(-sp.pi, sp.pi)}, {mu: Circle}),
        (3.1,),
        lambda m: [[2 * i1(2.0) / i0(2.0)]],
        None,
    )

    def mean_direction(x):
        return [np.arctan2(np.sin(x).mean(), np.cos(x).mean())]

    record = cramer_rao(family, [3.1], n=100, replications=400, seed=0, estimator=mean_direction)
    assert record.efficiency == pytest.approx(1.0, abs=0.2)
    assert record.verdict == "consistent"


NORMAL = FAMILIES["normal"]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n": 0}, InvalidArgument, r"n = 0 is too small; a replication needs an observation"),
        ({"n": 2.5}, InvalidArgument, r"n must be an int, got 2\.5"),
        ({"replications": 20}, InvalidArgument, r"replications = 20 is too small.*at least 30"),
        ({"at": [1.0]}, InvalidArgument, r"last axis must hold the 2 coordinate\(s\) \(M, B\)"),
        ({"at": [[1.0, 2.0]]}, InvalidArgument, r"one point of shape \(2,\), got shape \(1, 2\)"),
        ({"at": [1.0, -2.0]}, OutsideDomain, r"B = -2\.0 breaks B > 0"),
        ({"estimator": "map"}, InvalidArgument, r"unknown estimator 'map'\. Use \"mle\" or"),
        ({"estimator": lambda x: [1.0]}, InvalidArgument, r"returned shape \(1,\).*shape \(2,\)"),
        ({"estimator": lambda x: [1.0, np.nan]}, InvalidArgument, r"\[1\.0, nan\].*not finite"),
        ({"estimator": lambda x: "a"}, InvalidArgument, r"returned 'a' for replication 0"),
        ({"estimator": lambda x: [x.mean()] * 2}, InvalidArgument, r"function of each other"),
        ({"seed": 1.5}, InvalidArgument, r"seed must be a non-negative int or None, got 1\.5"),
        ({"seed": -1}, InvalidArgument, r"seed must be a non-negative int or None, got -1"),
        ({"level": 1.5}, InvalidArgument, r"level must lie between 0 and 1"),
        ({"workers": 0}, InvalidArgument, r"workers = 0 is too small"),
        ({"metric": [[1.0]]}, InvalidArgument, r"metric must have shape \(2, 2\), got \(1, 1\)"),
        ({"metric": [[1, 2], [2, 1]]}, InvalidArgument, r"not symmetric positive definite"),
    ],
)
def test_bad_arguments(arguments, error, message):
    call = {"at": [1.0, 2.0], "n": 20, "replications": 60, "seed": 1, **arguments}
    with pytest.raises(error, match=message):
        cramer_rao(NORMAL, call.pop("at"), **call)


def test_not_a_family():
    with pytest.raises(InvalidArgument, match=r"expected a family, got int.*sm\.Family"):
        cramer_rao(3, [1.0], n=5, replications=50)


def test_constants_without_value_are_named():
    rate = sp.Symbol("rate0", positive=True)
    family = Known(
        declaration(rate * A * sp.exp(-rate * A * X), X, [A]), (1.0,), lambda a: [[1.0]], None
    )
    with pytest.raises(InvalidArgument, match=r"constant\(s\) rate0 .* family\.fix"):
        cramer_rao(family, [1.0], n=5, replications=50)


def test_moving_support_is_not_regular():
    top = sp.Symbol("top", positive=True)
    x = sp.Symbol("x")
    family = Known(
        declaration(1 / top, {x: sp.Interval(0, top)}, [top]), (2.0,), lambda b: [[1.0]], None
    )
    with pytest.raises(RegularityError, match=r"score of top has mean -0\.5 .* instead of 0"):
        cramer_rao(family, [2.0], n=5, replications=50, seed=1)


def test_singular_information_is_refused():
    family = FAMILIES["exponential"]
    singular = Known(family.declaration, (0.5,), lambda b: [[0.0]], None)
    with pytest.raises(RegularityError, match="not positive definite"):
        cramer_rao(singular, [0.5], n=5, replications=50, seed=1)


def test_failing_maximum_likelihood_is_never_dropped_silently():
    family = FAMILIES["poisson"]
    rare = Known(family.declaration, (0.01,), lambda m: [[1 / m]], None)
    with pytest.raises(NoConvergence, match=r"maximum likelihood failed in \d+ of 100 repl.*n = 5"):
        cramer_rao(rare, [0.01], n=5, replications=100, seed=1)


SECOND = """
import sys
from known_families import families
from statmani.inference.cramer_rao import cramer_rao
from statmani.inference.likelihood_kernel import likelihood_kernel, _engine
family = families()["weibull"]
cramer_rao(family, family.at, n=50, replications=200, seed=0)
functions = [getattr(likelihood_kernel(family.declaration).module, name)
             for name in ("statistics", "total", "point", "derivative")]
functions += [_engine().maximise, _engine().evaluate]
print(sum(sum(f.stats.cache_misses.values()) for f in functions))
"""


@pytest.mark.slow
def test_second_process_compiles_nothing(tmp_path):
    environment = {
        **os.environ,
        "STATMANI_CACHE_DIR": str(tmp_path),
        "PYTHONPATH": os.path.dirname(__file__),
    }
    misses = [
        int(
            subprocess.run(
                [sys.executable, "-c", SECOND],
                env=environment,
                check=True,
                capture_output=True,
                text=True,
            ).stdout
        )
        for _ in range(2)
    ]
    assert misses[0] > 0
    assert misses[1] == 0
