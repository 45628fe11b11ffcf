"""Samples against distribution functions from scipy and by quadrature."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
from known_families import A, B, M, X, Y, declaration, families
from scipy import integrate, stats

from statmani.errors import (
    IntractableExpectation,
    InvalidArgument,
    NoConvergence,
    OutsideDomain,
)
from statmani.inference.sampling import sample

FAMILIES = families()
U, V = sp.symbols("U V")
N = sp.Symbol("N", integer=True)


@pytest.mark.parametrize(
    ("name", "at"),
    [
        ("normal", (1e6, 1e-2)),
        ("gamma", (0.05, 3.0)),
        ("gamma", (2000.0, 0.2)),
        ("weibull", (0.3, 50.0)),
        ("cauchy", (-4.0, 0.01)),
        ("beta", (0.2, 0.3)),
        ("beta", (40.0, 0.5)),
        ("exponential", (7.0,)),
        ("generalised gamma", (0.5, 2.0, 3.0)),
    ],
)
def test_continuous_samples_follow_the_distribution(name, at):
    known = FAMILIES[name]
    drawn = sample(known.declaration, at, 40000, 11)
    assert stats.kstest(drawn, known.distribution(*at).cdf).pvalue > 1e-3


def test_density_without_named_distribution_against_quadrature():
    # Two normal densities with weights 0.3 and 0.7 and far-apart scales.
    def component(m, s):
        return sp.exp(-((Y - m) ** 2) / (2 * s**2)) / (s * sp.sqrt(2 * sp.pi))

    mixture = declaration(
        sp.Rational(3, 10) * component(M, 1) + sp.Rational(7, 10) * component(M + 8, 3), Y, [M]
    )
    drawn = sample(mixture, [2.0], 20000, 3)
    density = sp.lambdify(
        Y, (sp.Rational(3, 10) * component(2, 1) + sp.Rational(7, 10) * component(10, 3))
    )
    for x in (0.0, 2.0, 5.0, 10.0, 14.0):
        exact = integrate.quad(density, -30, x, points=[2.0, 10.0][: 1 + (x > 10)])[0]
        assert abs((drawn < x).mean() - exact) < 4 * np.sqrt(exact * (1 - exact) / 20000)


def test_kink_and_moving_end():
    laplace = declaration(sp.exp(-sp.Abs(Y - M) / B) / (2 * B), Y, [M, B])
    assert stats.kstest(sample(laplace, [3.0, 2.0], 20000, 1), stats.laplace(3, 2).cdf)[1] > 1e-3
    shifted = declaration(sp.exp(-(U - M)), {U: sp.Interval(M, sp.oo)}, [M])
    assert stats.kstest(sample(shifted, [-5.0], 20000, 1), stats.expon(-5).cdf)[1] > 1e-3
    below = declaration(sp.exp(U - M), {U: sp.Interval(-sp.oo, M)}, [M])
    assert stats.kstest(-sample(below, [5.0], 20000, 1), stats.expon(-5).cdf)[1] > 1e-3


def chi_square(drawn, values, probabilities):
    counts = np.array([(drawn == v).sum() for v in values])
    rest = len(drawn) - counts.sum()
    expected = np.append(probabilities, 1 - sum(probabilities)) * len(drawn)
    observed = np.append(counts, rest)
    if expected[-1] < 1e-6:
        assert rest == 0
        expected, observed = expected[:-1], observed[:-1]
    return stats.chisquare(observed, expected * observed.sum() / expected.sum()).pvalue


def test_discrete_samples_follow_the_distribution():
    poisson = FAMILIES["poisson"].declaration
    k = np.arange(10)
    assert chi_square(sample(poisson, [3.0], 20000, 1), k, stats.poisson(3).pmf(k)) > 1e-3
    far = np.arange(99000, 101000)
    drawn = sample(poisson, [1e5], 20000, 2)
    assert abs(drawn.mean() - 1e5) < 4 * np.sqrt(1e5 / 20000)
    assert abs(drawn.var() / 1e5 - 1) < 4 * np.sqrt(2 / 20000)
    assert np.isin(drawn, far).mean() > 0.99
    three = FAMILIES["categorical"].declaration
    assert chi_square(sample(three, [0.2, 0.3], 20000, 3), range(3), [0.2, 0.3, 0.5]) > 1e-3
    assert sample(poisson, [3.0], 3, 1).dtype == np.int64


def test_heavy_discrete_tail_on_both_sides():
    zeta = declaration(N ** (-A - 1) / sp.zeta(A + 1), {N: sp.Range(1, sp.oo)}, [A])
    drawn = sample(zeta, [0.7], 100000, 4)
    k = np.arange(1, 30)
    assert chi_square(drawn, k, stats.zipf(1.7).pmf(k)) > 1e-3
    beyond = 10**6  # the table ends before
    tail = stats.zipf(1.7).sf(beyond - 1)
    assert abs((drawn >= beyond).sum() - tail * 1e5) < 5 * np.sqrt(tail * 1e5)
    two = declaration(
        (1 - A) / (1 + A) * A ** sp.Abs(N), {N: sp.S.Integers}, {A: sp.Interval(0, 1)}
    )
    drawn = sample(two, [0.5], 20000, 5)
    k = np.arange(-6, 7)
    assert chi_square(drawn, k, 0.5 ** np.abs(k) / 3.0) > 1e-3


def test_several_variables():
    r = sp.Symbol("r")
    normal = declaration(
        sp.exp(-(U**2 - 2 * r * U * V + V**2) / (2 * (1 - r**2))) / (2 * sp.pi * sp.sqrt(1 - r**2)),
        {U: sp.S.Reals, V: sp.S.Reals},
        {r: sp.Interval(-1, 1)},
    )
    drawn = sample(normal, [0.8], 20000, 6)
    assert drawn.shape == (20000, 2)
    assert stats.kstest(drawn[:, 0], "norm").pvalue > 1e-3
    independent = (drawn[:, 1] - 0.8 * drawn[:, 0]) / 0.6
    assert stats.kstest(independent, "norm").pvalue > 1e-3
    assert abs(np.corrcoef(drawn[:, 0], independent)[0, 1]) < 4 / np.sqrt(20000)
    ordered = declaration(
        2 * A**2 * sp.exp(-A * (U + V)), {U: sp.Interval(0, sp.oo), V: sp.Interval(U, sp.oo)}, [A]
    )
    drawn = sample(ordered, [1.5], 20000, 7)
    assert stats.kstest(drawn[:, 0], stats.expon(scale=1 / 3).cdf).pvalue > 1e-3
    assert stats.kstest(drawn[:, 1] - drawn[:, 0], stats.expon(scale=1 / 1.5).cdf).pvalue > 1e-3


def test_shapes_and_seeds():
    gamma = FAMILIES["gamma"].declaration
    assert sample(gamma, [1.0, 2.0]).shape == ()
    assert sample(gamma, [1.0, 2.0], 0).shape == (0,)
    assert sample(gamma, [1.0, 2.0], (2, 3)).shape == (2, 3)
    first = sample(gamma, [1.0, 2.0], 5, np.random.default_rng(1))
    assert first.tobytes() == sample(gamma, [1.0, 2.0], 5, 1).tobytes()
    assert first.tobytes() != sample(gamma, [1.0, 2.0], 5, 2).tobytes()
    # Many draws use a compiled loop, few do not; the numbers are the same.
    many = sample(gamma, [1.0, 2.0], 2**14, 1)
    assert many[:100].tobytes() == sample(gamma, [1.0, 2.0], 100, 1).tobytes()


@pytest.mark.parametrize(
    ("theta", "size", "rng", "error", "message"),
    [
        ([1.0], 3, 1, InvalidArgument, "theta: the last axis must hold the 2"),
        ([[1.0, 2.0]], 3, 1, InvalidArgument, r"one point of shape \(2,\), got shape \(1, 2\)"),
        ([1.0, 0.0], 3, 1, OutsideDomain, r"B = 0\.0 breaks B > 0"),
        ([1.0, 1.0], -1, 1, InvalidArgument, "size must be a non-negative int.*got -1"),
        ([1.0, 1.0], 2.0, 1, InvalidArgument, r"size must be .* got 2\.0"),
        ([1.0, 1.0], 3, "a", InvalidArgument, "rng must be a numpy Generator.*got 'a'"),
    ],
)
def test_bad_arguments(theta, size, rng, error, message):
    with pytest.raises(error, match=message):
        sample(FAMILIES["gamma"].declaration, theta, size, rng)


def test_no_sampler_names_the_remedy():
    xs = sp.symbols("x1:5", positive=True)
    four = declaration(A**4 * sp.exp(-A * sum(xs)), xs, [A])
    with pytest.raises(IntractableExpectation, match=r"4 continuous variables.*blocks"):
        sample(four, [1.0], 3, 1)
    mixed = declaration(
        A * sp.exp(-A * X) / 2, {X: sp.Interval(0, sp.oo), U: sp.FiniteSet(0, 1)}, [A]
    )
    with pytest.raises(IntractableExpectation, match="mixes discrete and continuous"):
        sample(mixed, [1.0], 3, 1)


def test_a_density_without_mass_one_is_refused():
    wrong = declaration(2 * A * sp.exp(-A * X), X, [A])
    with pytest.raises(NoConvergence, match="mass 2 instead of 1"):
        sample(wrong, [1.0], 3, 1)
    wrong = declaration(A**N * (1 - A) * 2, {N: sp.S.Naturals0}, {A: sp.Interval(0, 1)})
    with pytest.raises(NoConvergence, match="sum to 2 instead of 1"):
        sample(wrong, [0.5], 3, 1)
