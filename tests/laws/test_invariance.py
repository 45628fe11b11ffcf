"""Invariance: changes of charts and samples, statistics, Markov embeddings, repetition."""

from __future__ import annotations

import pytest
import sympy as sp
from sympy import Rational, exp, log, sqrt, symbols

import statmani as sm

A, B, Y = symbols("a b y", positive=True)
Z = sp.Symbol("z", real=True)
F = sm.families


def test_reparametrization_is_proved_for_all_orders():
    family = F.weibull()
    k, lam = family.parameters
    report = sm.laws.reparametrization(family, {k: 1 / A, lam: A * B**2}, (A, B))
    assert [law.name for law in report][:3] == ["metric", "skewness", "connections"]
    assert {law.status for law in report} == {"proved"}


def test_a_wrong_image_is_found():
    family = F.weibull()
    k, lam = family.parameters
    mapping = {k: 1 / A, lam: B**2}
    right = family.manifold().reparametrize(mapping, (A, B))
    wrong = sm.StatisticalManifold(
        (A, B), right.metric, {i: -v for i, v in right.skewness.nonzero().items()}
    )
    report = sm.laws.reparametrization(family, mapping, (A, B), image=wrong)
    assert report["metric"].status == "proved"
    for name in ("skewness", "connections", "curvature"):
        assert report[name].status == "violated"
    witness = report["skewness"].witness
    assert float(witness.left) == pytest.approx(-float(witness.right))
    at = dict(witness.point)
    assert float(right.skewness[witness.index].subs(at)) == pytest.approx(float(witness.right))
    with pytest.raises(sm.InvalidArgument, match="image must be a StatisticalManifold in"):
        sm.laws.reparametrization(family, mapping, (A, B), image=family.manifold())


def test_the_sample_may_be_transformed():
    family = F.weibull()
    (x,) = family.sample
    for mapping, sample in (({x: exp(-Z)}, Z), ({x: Y**3 / 5}, Y)):
        report = sm.laws.sample_transformation(family, mapping, sample)
        assert [law.status for law in report] == ["proved", "proved"]


@pytest.mark.slow
def test_a_transformed_density_without_closed_forms_is_verified():
    family = F.weibull()
    (x,) = family.sample
    target = {Y: sp.Interval.open(0, 1)}
    report = sm.laws.sample_transformation(family, {x: Y / (1 - Y)}, target)
    assert [law.status for law in report] == ["verified", "verified"]


def test_a_rotation_of_the_sample():
    family = F.multivariate_normal(2)
    x1, x2 = family.sample
    u, v = symbols("u v", real=True)
    mapping = {x1: (3 * u - 4 * v) / 5, x2: (4 * u + 3 * v) / 5}
    report = sm.laws.sample_transformation(family, mapping, (u, v))
    assert {law.status for law in report} == {"proved"}


def test_maps_of_the_sample_that_are_none():
    family = F.weibull()
    (x,), (k, _) = family.sample, family.parameters
    call = sm.laws.sample_transformation
    with pytest.raises(sm.InvalidArgument, match="contains k, which is no new sample variable"):
        call(family, {x: k * Y}, Y)
    with pytest.raises(sm.InvalidArgument, match="mapping must give an expression"):
        call(family, {Y: x}, Y)
    with pytest.raises(sm.InvalidArgument, match=r"2 new sample variable\(s\) for 1 old"):
        call(family, {x: A * B}, (A, B))
    with pytest.raises(sm.InvalidFamily, match="not 1"):
        call(family, {x: Y + 1}, Y)


@pytest.mark.parametrize("name", ["poisson", "weibull", "laplace"])
def test_repetition_multiplies(name):
    family = getattr(F, name)()
    for n in (2, sp.Symbol("n", integer=True, positive=True)):
        assert {law.status for law in sm.laws.iid(family, n)} == {"proved"}


def test_products_share_parameters_of_one_name():
    poisson, geometric = F.poisson(), F.geometric()
    assert sm.laws.product(poisson, geometric).holds
    lam = poisson.parameters[0]
    x = sp.Symbol("x", positive=True)
    waiting = sm.Family(
        lam * exp(-lam * x), sample={x: sp.Interval(0, sp.oo)},
        parameters={lam: sp.Interval(0, sp.oo)},
    )  # fmt: skip
    # Discrete and continuous together: the joint tensors stay unevaluated.
    report = sm.laws.product(poisson, waiting)
    assert {law.status for law in report} == {"verified"}
    limited = sm.Family(
        lam * exp(-lam * x), sample={x: sp.Interval(0, sp.oo)}, parameters={lam: sp.Interval(0, 9)}
    )
    with pytest.raises(sm.InvalidArgument, match="lam has different domains"):
        sm.laws.product(poisson, limited)


def test_bad_repetitions():
    for n in (0, 9, 2.0, True):
        with pytest.raises(sm.InvalidArgument, match="n must be an integer from 1 to 8 or a Sym"):
            sm.laws.iid(F.poisson(), n)
    with pytest.raises(sm.InvalidArgument, match="expected a family"):
        sm.laws.iid(F.poisson().manifold(), 2)


SPLIT = [[Rational(1, 3), Rational(2, 3), 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]


def test_markov_embeddings_keep_the_fisher_metric():
    for matrix in (SPLIT, [[0, 1], [1, 0]], [[A / (A + B), 0, B / (A + B)], [0, 1, 0]]):
        assert {law.status for law in sm.laws.markov_embedding(matrix)} == {"proved"}


@pytest.mark.parametrize(
    "metric",
    [
        lambda p: sp.eye(len(p)),
        lambda p: sp.diag(*(1 / q + Rational(1, 10**6) for q in p)),
        lambda p: sp.diag(*(1 / q**2 for q in p)),
    ],
    ids=["Euclid", "Fisher and a little of Euclid", "log ratios"],
)
def test_no_other_metric_is_kept(metric):
    law = sm.laws.markov_embedding(SPLIT, metric=metric)["metric"]
    assert law.status == "violated"
    p = [*(v for _, v in law.witness.point)]
    p.append(1 - sum(p))
    small = metric(p)
    i, j = law.witness.index
    value = small[i, j] - small[i, 2] - small[2, j] + small[2, 2]
    assert float(law.witness.left) == pytest.approx(float(value))


def test_a_multiple_of_the_fisher_metric_and_a_wrong_cubic_form():
    def fisher(p):
        return sp.diag(*(7 / q for q in p))

    def cubic(power):
        return lambda p: [
            [
                [1 / p[i] ** power if i == j == k else 0 for k in range(len(p))]
                for j in range(len(p))
            ]
            for i in range(len(p))
        ]

    right = sm.laws.markov_embedding(SPLIT, metric=fisher, skewness=cubic(2))
    assert {law.status for law in right} == {"proved"}
    wrong = sm.laws.markov_embedding(SPLIT, metric=fisher, skewness=cubic(1))
    assert [law.status for law in wrong] == ["proved", "violated"]


def test_matrices_that_are_no_markov_embeddings():
    call = sm.laws.markov_embedding
    half = Rational(1, 2)
    with pytest.raises(sm.InvalidArgument, match="row 0 of matrix sums to 1/2, not 1"):
        call([[half, 0], [0, 1]])
    with pytest.raises(sm.InvalidArgument, match="column 1 of matrix has 2 entries that are not 0"):
        call([[half, half, 0], [0, half, half]])
    with pytest.raises(sm.InvalidArgument, match=r"matrix\[0\]\[1\] = -1 is no probability"):
        call([[2, -1], [0, 1]])
    with pytest.raises(sm.InvalidArgument, match="at least 2 rows of equal length"):
        call([[1]])
    with pytest.raises(sm.InvalidArgument, match=r"metric gave an array of shape \(2, 2\) for 3"):
        call([[1, 0, 0], [0, 1, 0], [0, 0, 1]], metric=lambda p: sp.eye(2))


def test_the_absolute_value_is_sufficient_for_a_centred_normal():
    normal = F.normal()
    mu, _ = normal.parameters
    (x,) = normal.sample
    for statistic in (sp.Abs(x), x**2):
        report = sm.laws.sufficient_statistic(normal.fix({mu: 0}), statistic)
        assert {law.status for law in report} == {"proved"}
        assert report["information loss"].value == sp.zeros(1, 1)


def test_the_sign_loses_all_but_two_over_pi():
    normal = F.normal()
    mu, sigma = normal.parameters
    (x,) = normal.sample
    report = sm.laws.sufficient_statistic(normal.fix({sigma: 1}), sp.sign(x))
    assert report["sufficiency"].status == "not applicable"
    assert "not sufficient" in report["sufficiency"].explanation
    law = report["information loss"]
    assert law.holds
    assert sp.simplify(1 - law.value[0, 0].subs(mu, 0)) == 2 / sp.pi
    assert report.violated == ()


def test_one_to_one_statistics_are_sufficient():
    gamma = F.gamma()
    (x,) = gamma.sample
    for statistic in (log(x), sqrt(x), 1 / x):
        report = sm.laws.sufficient_statistic(gamma, statistic)
        assert report["metric"].status == "proved"
        assert report["skewness"].status == "proved"


def test_statistics_of_a_finite_sample():
    binomial = F.binomial(4)
    (x,) = binomial.sample
    (p,) = binomial.parameters
    kept = sm.laws.sufficient_statistic(binomial, 2**x)
    assert kept["sufficiency"].status == "proved"
    zero = sm.laws.sufficient_statistic(binomial, sp.Min(x, 1))["information loss"]
    q = (1 - p) ** 4
    expected = 4 / (p * (1 - p)) - sp.diff(q, p) ** 2 / (q * (1 - q))
    at = {p: Rational(2, 7)}
    assert zero.holds
    assert sp.simplify(zero.value[0, 0].subs(at) - expected.subs(at)) == 0


def test_statistics_of_several_observations():
    sample = F.normal().iid(3)
    x = sample.sample
    both = sm.laws.sufficient_statistic(sample, (sum(x), sum(v**2 for v in x)))
    assert both["sufficiency"].status == "verified"
    one = sm.laws.sufficient_statistic(sample, sum(x))
    assert one["sufficiency"].status == "not applicable"
    assert one["sufficiency"].witness is not None


def test_statistics_that_are_none():
    normal = F.normal()
    mu, _ = normal.parameters
    (x,) = normal.sample
    with pytest.raises(sm.InvalidArgument, match=r"contains mu\. A statistic is a function"):
        sm.laws.sufficient_statistic(normal, x - mu)
    with pytest.raises(sm.InvalidArgument, match="does not depend on the sample"):
        sm.laws.sufficient_statistic(normal, sp.Integer(1))
    with pytest.raises(sm.InvalidArgument, match="expected a sympy expression"):
        sm.laws.sufficient_statistic(normal, "x")
    with pytest.raises(sm.InvalidArgument, match="has no value"):
        sm.laws.sufficient_statistic(normal.iid(sp.Symbol("n")), x)
