"""Samples of every reference family against quadrature of the reference file's own density."""

from __future__ import annotations

import itertools
import json
import warnings
from pathlib import Path

import numpy as np
import pytest
import sympy as sp
from scipy import integrate, stats

import statmani as sm

REFERENCES = json.loads(
    (Path(__file__).parents[1] / "references" / "acceptance.json").read_text(encoding="utf-8")
)
FAMILIES = {
    "gamma_scale": lambda: sm.families.gamma(),
    "student_t_nu5": lambda: sm.families.student_t(5),
    "binomial_n7": lambda: sm.families.binomial(7),
    "negbin_r52": lambda: sm.families.negbin(sp.Rational(5, 2)),
    "categorical3": lambda: sm.families.categorical(3),
    "trinomial_n4": lambda: sm.families.multinomial(4, 3),
    "dirichlet3": lambda: sm.families.dirichlet(3),
    "logistic_regression3": lambda: sm.families.logistic_regression(),
}
SIZE = 4000
ONE = [n for n, r in REFERENCES.items() if len(r["variables"]) == 1]
SLOW = {"skew_normal", "normal_mixture2", "von_mises", "student_t"}


def drawn(name: str) -> np.ndarray:
    family = FAMILIES.get(name, getattr(sm.families, name, None))()
    theta = [float(sp.Rational(REFERENCES[name]["at"][str(s)])) for s in family.parameters]
    return family.rvs(theta, SIZE, rng=20260101)


def density(name: str):
    reference = REFERENCES[name]
    at = {sp.Symbol(p): sp.Rational(v) for p, v in reference["at"].items()}
    names = {str(s): s for s in at} | {v: sp.Symbol(v) for v in reference["variables"]}
    xs = [names[v] for v in reference["variables"]]
    ell = sp.sympify(reference["log_density"], locals=names).subs(at)
    raw = sp.lambdify(xs, sp.exp(ell), ["scipy", "numpy"])
    # Far in a tail the plain formula is inf - inf where the density is zero.
    return (lambda *point: np.nan_to_num(raw(*point))), at, names


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow) if n in SLOW else n for n in ONE]
)
def test_one_variable(name: str) -> None:
    data, (p, at, names) = drawn(name), density(name)
    low, high = (
        float(sp.sympify(e, locals=names).subs(at)) for e in REFERENCES[name]["support"][0]
    )
    assert data.min() >= low and data.max() <= high
    if REFERENCES[name]["kind"] == "discrete":
        values = np.arange(int(low), int(min(high, data.max())) + 1)
        expected = np.array([float(p(v)) for v in values])
        counts = np.array([(data == v).sum() for v in values], dtype=float)
        keep = expected * SIZE >= 5
        counts = np.append(counts[keep], SIZE - counts[keep].sum())
        expected = np.append(expected[keep], 1 - expected[keep].sum()) * SIZE
        if expected[-1] < 1e-6:
            assert counts[-1] == 0
            counts, expected = counts[:-1], expected[:-1]
        assert stats.chisquare(counts, expected * counts.sum() / expected.sum()).pvalue > 1e-3
        return
    # Cells from one half of the sample, counts from the other.
    cuts = np.quantile(data[::2], np.linspace(0, 1, 21)[1:-1])
    edges = np.concatenate([[low], cuts, [high]])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = np.array(
            [integrate.quad(p, a, b, limit=200)[0] for a, b in itertools.pairwise(edges)]
        )
    assert abs(expected.sum() - 1) < 1e-6
    counts = np.histogram(data[1::2], bins=np.concatenate([[-np.inf], cuts, [np.inf]]))[0]
    assert stats.chisquare(counts, expected / expected.sum() * counts.sum()).pvalue > 1e-3


def test_two_variables() -> None:
    """Rosenblatt's transformation with distributions from scipy."""
    x = drawn("dirichlet3")
    a1, a2, a3 = 2, 3, 2.5
    assert stats.kstest(x[:, 0], stats.beta(a1, a2 + a3).cdf).pvalue > 1e-3
    assert stats.kstest(x[:, 1] / (1 - x[:, 0]), stats.beta(a2, a3).cdf).pvalue > 1e-3
    assert abs(stats.spearmanr(x[:, 0], x[:, 1] / (1 - x[:, 0]))[0]) < 4 / np.sqrt(SIZE)
    x = drawn("mckay_bivariate_gamma")
    scale = np.sqrt(1.5 / 2)
    assert stats.kstest(x[:, 0], stats.gamma(2, scale=scale).cdf).pvalue > 1e-3
    assert stats.kstest(x[:, 1] - x[:, 0], stats.gamma(3, scale=scale).cdf).pvalue > 1e-3
    assert abs(stats.spearmanr(x[:, 0], x[:, 1] - x[:, 0])[0]) < 4 / np.sqrt(SIZE)
    x = drawn("bivariate_normal")
    u, v = x[:, 0], (x[:, 1] - 1) / 1.5
    rest = (v - 0.5 * u) / np.sqrt(0.75)
    assert stats.kstest(u, "norm").pvalue > 1e-3
    assert stats.kstest(rest, "norm").pvalue > 1e-3
    assert abs(np.corrcoef(u, rest)[0, 1]) < 4 / np.sqrt(SIZE)
    x = drawn("isotropic_normal2")
    for column, mean in ((x[:, 0], 0), (x[:, 1], 1)):
        assert stats.kstest((column - mean) / 1.5, "norm").pvalue > 1e-3


@pytest.mark.parametrize("name", ["categorical3", "trinomial_n4", "logistic_regression3"])
def test_counts(name: str) -> None:
    data, (p, _, _) = drawn(name), density(name)
    points, counts = np.unique(data, axis=0, return_counts=True)
    expected = np.array([float(p(*row)) for row in points]) * SIZE
    assert expected.sum() / SIZE > 0.995
    keep = expected >= 5
    assert (
        stats.chisquare(
            counts[keep], expected[keep] * counts[keep].sum() / expected[keep].sum()
        ).pvalue
        > 1e-3
    )


@pytest.mark.slow
def test_exact_draws_reach_extreme_shapes_and_dimensions() -> None:
    gamma = sm.families.gamma().rvs([2000.0, 0.2], SIZE, rng=1)
    assert stats.kstest(gamma, stats.gamma(2000.0, scale=0.2).cdf).pvalue > 1e-3
    shares = sm.families.dirichlet(4).rvs([1.0, 2.0, 1.5, 2.0], SIZE, rng=2)
    assert shares.shape == (SIZE, 3)
    assert stats.kstest(shares[:, 2], stats.beta(1.5, 5.0).cdf).pvalue > 1e-3
    normal = sm.families.multivariate_normal(2).rvs([1.0, 2.0, 2.0, 0.5, 1.0], SIZE, rng=3)
    assert np.abs(np.cov(normal.T) - [[2.0, 0.5], [0.5, 1.0]]).max() < 0.15
