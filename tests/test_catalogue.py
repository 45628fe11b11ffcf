"""The whole catalogue against the declarations and the values of the reference file."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import sympy as sp

import statmani as sm

REFERENCES = json.loads(
    (Path(__file__).parent / "references" / "acceptance.json").read_text(encoding="utf-8")
)
SIZED: dict[str, Callable[[], sm.Family]] = {
    "gamma_scale": sm.families.gamma,
    "student_t_nu5": lambda: sm.families.student_t(5),
    "binomial_n7": lambda: sm.families.binomial(7),
    "negbin_r52": lambda: sm.families.negbin(sp.Rational(5, 2)),
    "categorical3": lambda: sm.families.categorical(3),
    "trinomial_n4": lambda: sm.families.multinomial(4, 3),
    "dirichlet3": lambda: sm.families.dirichlet(3),
    "logistic_regression3": sm.families.logistic_regression,
}
WITHOUT_CLOSED_FORM = {"skew_normal", "normal_mixture2", "negbin"}
QUICK = {"bernoulli", "chi2", "rayleigh", "lomax", "laplace", "trinomial_n4", "normal_natural"}


def family_of(name: str) -> sm.Family:
    return SIZED.get(name, getattr(sm.families, name, None))()


def sample_points(reference: dict) -> list[list[int | float]]:
    if reference["kind"] == "discrete":
        return [[0, 0, 1], [1, 0, 0]]
    return [[0.3, 0.4], [0.15, 0.6]] if reference["support"][0][0] != "-oo" else [[-1, 2], [2, 0]]


@pytest.mark.parametrize("name", REFERENCES)
def test_parameters_and_log_density(name: str) -> None:
    reference, family = REFERENCES[name], family_of(name)
    assert [str(s) for s in family.parameters] == [p for p, _ in reference["parameters"]]
    names = {n: sp.Symbol(n, real=True) for n in reference["variables"]}
    names |= {p: sp.Symbol(p, real=True) for p, _ in reference["parameters"]}
    theta = [sp.Rational(reference["at"][str(s)]) for s in family.parameters]
    expected = sp.sympify(reference["log_density"], locals=names)
    expected = expected.subs(
        {names[str(s)]: v for s, v in zip(family.parameters, theta, strict=False)}
    )
    for point in sample_points(reference):
        point = point[: len(family.sample)]
        at = {names[v]: p for v, p in zip(reference["variables"], point, strict=False)}
        data = point if len(point) == 1 else [point]
        found = family.log_density_at([float(t) for t in theta], data)[0]
        assert abs(found - float(sp.N(expected.subs(at), 20))) < 1e-12 * (1 + abs(found))


def test_the_catalogue_lists_every_reference_family() -> None:
    base = {"gamma_scale": "gamma", "trinomial_n4": "multinomial"}
    for name in REFERENCES:
        found = base.get(name) or name.split("_nu5")[0].split("_n7")[0].split("_r52")[0]
        assert found.removesuffix("3") in sm.families.names()
    assert set(sm.families.names()) <= set(sm.families.__all__)


@pytest.mark.parametrize(
    "name",
    [
        n if n in QUICK else pytest.param(n, marks=pytest.mark.slow)
        for n in REFERENCES
        if n not in WITHOUT_CLOSED_FORM
    ],
)
def test_tensors(name: str) -> None:
    reference, M = REFERENCES[name], family_of(name).manifold()
    at = {s: sp.Rational(reference["at"][str(s)]) for s in M.coordinates}
    shift = sp.Rational(1, 10**12)

    def agree(found: sp.Expr, expected: str) -> bool:
        value = found.subs(at)
        if value.has(sp.nan, sp.zoo):  # a removable singularity at the reference point
            sides = [found.subs({s: v + e * shift for s, v in at.items()}) for e in (1, -1)]
            value = sum(sp.N(side, 120) for side in sides) / 2
        target = sp.Float(expected, 25)
        return bool(abs(sp.N(value, 30) - target) <= 1e-18 * (abs(target) or 1))

    for i, j in itertools.product(range(M.dim), repeat=2):
        assert agree(M.metric[i, j], reference["metric"][i][j])
    for i, j, k in itertools.combinations_with_replacement(range(M.dim), 3):
        assert agree(M.skewness[i, j, k], reference["skewness"][i][j][k])


@pytest.mark.parametrize("name", sorted(WITHOUT_CLOSED_FORM))
def test_families_without_closed_form_are_declared(name: str) -> None:
    family = family_of(name)
    theta = [float(sp.Rational(REFERENCES[name]["at"][str(s)])) for s in family.parameters]
    assert np.isfinite(family.rvs(theta, 10, rng=1)).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sm.families.dirichlet(1), "dirichlet: n must be an integer of at least 2, got 1"),
        (lambda: sm.families.categorical(2.0), "categorical: cells must be .* got 2.0"),
        (lambda: sm.families.categorical(True), "categorical: cells must be .* got True"),
        (lambda: sm.families.multinomial(0, 3), "multinomial: n must be .* at least 1, got 0"),
        (lambda: sm.families.multinomial(4, 1), "multinomial: cells must be .* at least 2, got 1"),
        (lambda: sm.families.multivariate_normal(0), "multivariate_normal: d must be .* got 0"),
        (lambda: sm.families.binomial("n"), "binomial: n must be .* got 'n'"),
        (lambda: sm.families.student_t(-1), "student_t: nu must be a positive int or .* got -1"),
        (lambda: sm.families.negbin(0), "negbin: r must be a positive int or .* got 0"),
        (lambda: sm.families.logistic_regression([1, 1]), "design must hold at least two"),
        (lambda: sm.families.logistic_regression(3), "design must hold at least two"),
    ],
)
def test_bad_sizes(call: Callable[[], object], message: str) -> None:
    with pytest.raises(sm.InvalidArgument, match=message):
        call()


def test_multivariate_normal_in_covariances() -> None:
    """g for the covariances is half the trace of the products S^-1 dS S^-1 dS (Skovgaard 1984)."""
    family = sm.families.multivariate_normal(2)
    M = family.manifold()
    _, _, s11, s12, s22 = family.parameters
    S = sp.Matrix([[s11, s12], [s12, s22]])
    at = {s11: 2, s12: sp.Rational(1, 2), s22: 1}
    inverse = S.subs(at).inv()
    for (i, a), (j, b) in itertools.product(enumerate([s11, s12, s22]), repeat=2):
        expected = (inverse * S.diff(a) * inverse * S.diff(b)).trace() / 2
        assert M.metric[2 + i, 2 + j].subs(at) == expected
    assert sp.Matrix(M.metric[:2, :2]).subs(at) == inverse
