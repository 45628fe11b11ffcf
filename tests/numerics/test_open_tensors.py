"""Tensors and curvature of families without closed forms, against the reference values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp

import statmani as sm
from statmani.errors import IntractableExpectation
from statmani.expectation.derive import derive
from statmani.expectation.open_forms import open_tensors

REFERENCE = json.loads(
    (Path(__file__).parents[1] / "references" / "acceptance.json").read_text(encoding="utf-8")
)
OPEN = ("skew_normal", "normal_mixture2", "negbin")
DOMAINS = {
    "real": sp.S.Reals,
    "positive": sp.Interval.open(0, sp.oo),
    "unit": sp.Interval.open(0, 1),
    "circle": sm.Circle,
}


def declared(name: str) -> sm.Family:
    data = REFERENCE[name]
    names = {p: sp.Symbol(p) for p, _ in data["parameters"]}
    x = sp.Symbol("x", real=True)
    lower, upper = (sp.sympify(e) for e in data["support"][0])
    discrete = data["kind"] == "discrete"
    return sm.Family(
        log_density=sp.sympify(data["log_density"], locals={"x": x, **names}),
        sample={x: sp.Range(lower, upper) if discrete else sp.Interval.open(lower, upper)},
        parameters={names[p]: DOMAINS[kind] for p, kind in data["parameters"]},
        name=name,
    )


def manifold(family: sm.Family) -> sm.StatisticalManifold:
    """As family.manifold(), without waiting for integration as a last resort."""
    found = derive(family.declaration, effort=0)
    external = family.declaration.external
    return sm.StatisticalManifold(
        external(family.declaration.domain).specification(),
        external(found.metric),
        {index: external(value) for index, value in found.skewness.items()},
        certificate=found.certificate,
    )


@pytest.fixture(scope="module")
def manifolds() -> dict[str, sm.StatisticalManifold]:
    return {name: manifold(declared(name)) for name in OPEN}


def place(name: str) -> list[float]:
    data = REFERENCE[name]
    return [float(sp.Rational(data["at"][p])) for p, _ in data["parameters"]]


def comparisons(name: str) -> list[tuple[str, float, Any]]:
    data = REFERENCE[name]
    found = [("metric", 0.0, data["metric"]), ("skewness", 0.0, data["skewness"])]
    for quantity in ("christoffel_first", "scalar_curvature"):
        found += [(quantity, float(sp.Rational(a)), v) for a, v in data[quantity].items()]
    return found


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow if n == "negbin" else ()) for n in OPEN]
)
def test_values_and_error_estimates(
    name: str, manifolds: dict[str, sm.StatisticalManifold]
) -> None:
    for quantity, alpha, expected in comparisons(name):
        found = sm.evaluate(manifolds[name], quantity, place(name), alpha=alpha, full_output=True)
        exact = np.array(expected, dtype=float)
        error = np.abs(found.value - exact)
        assert error.max() <= 1e-11 * max(1.0, np.abs(exact).max()), quantity
        # Ten times the estimate, and the rounding of the reference values themselves.
        assert (error <= 10 * found.error + 1e-15).all(), quantity
        assert np.max(found.error) < 1e-9 * max(1.0, np.abs(exact).max()), quantity


def test_exact_scalar_curvature(manifolds: dict[str, sm.StatisticalManifold]) -> None:
    for name in ("normal_mixture2", "negbin"):
        data = REFERENCE[name]
        at = {sp.Symbol(p): sp.Rational(data["at"][p]) for p, _ in data["parameters"]}
        M = manifolds[name]
        at = {s: at[sp.Symbol(s.name)] for s in M.coordinates}
        for alpha in ("0", "1"):
            expression = M.connection(sp.Integer(alpha)).scalar_curvature
            value = expression.subs(at).evalf(25)
            assert abs(value - sp.Float(data["scalar_curvature"][alpha], 30)) < 1e-20


@pytest.mark.parametrize("name", OPEN)
def test_duality_of_christoffel_symbols_and_curvature(
    name: str, manifolds: dict[str, sm.StatisticalManifold]
) -> None:
    M, n = manifolds[name], len(place(name))
    alpha = sp.Rational(1, 3)
    one, dual = M.connection(alpha), M.connection(-alpha)
    at = dict(zip(M.coordinates, (sp.Rational(str(x)) for x in place(name)), strict=True))
    if name == "normal_mixture2":
        at[M.coordinates[0]] = sp.Rational(1, 3)
    for i in range(n):
        for j in range(n):
            for k in range(n):
                left = M.metric[j, k].diff(M.coordinates[i])
                right = one.christoffel_first[i, j, k] + dual.christoffel_first[i, k, j]
                assert abs((left - right).subs(at).evalf(20)) < 1e-15
    lower = np.array(
        [
            np.einsum(
                "lm,mkij->lkij",
                sm.evaluate(M, "metric", place(name)),
                sm.evaluate(M, "riemann", place(name), alpha=sign / 3),
            )
            for sign in (1, -1)
        ]
    )
    assert np.abs(lower[0] + lower[1].swapaxes(0, 1)).max() < 1e-10 * np.abs(lower).max()


def test_curvature_agrees_with_finite_differences_of_christoffel_symbols(
    manifolds: dict[str, sm.StatisticalManifold],
) -> None:
    M, point, step = manifolds["skew_normal"], np.array(place("skew_normal")), 1e-4
    gamma = sm.evaluate(M, "christoffel", point, alpha=0.5)
    slope = np.stack(
        [
            (sm.evaluate(M, "christoffel", point + step * e, alpha=0.5)
             - sm.evaluate(M, "christoffel", point - step * e, alpha=0.5)) / (2 * step)
            for e in np.eye(3)
        ]
    )  # fmt: skip
    expected = np.einsum("iljk->lkij", slope) - np.einsum("jlik->lkij", slope)
    expected += np.einsum("lim,mjk->lkij", gamma, gamma) - np.einsum("ljm,mik->lkij", gamma, gamma)
    found = sm.evaluate(M, "riemann", point, alpha=0.5)
    assert np.abs(found - expected).max() < 1e-6 * np.abs(expected).max()


def test_metric_agrees_with_quadrature_in_the_tails(
    manifolds: dict[str, sm.StatisticalManifold],
) -> None:
    context = mpmath.MPContext()
    context.dps = 25
    w, m = context.mpf(1) / 10**6, context.mpf(3)

    def phi(x: Any, mean: Any) -> Any:
        return context.exp(-((x - mean) ** 2) / 2) / context.sqrt(2 * context.pi)

    def integrand(x: Any) -> Any:
        density = w * phi(x, 0) + (1 - w) * phi(x, m)
        return (phi(x, 0) - phi(x, m)) ** 2 / density

    exact = context.quad(integrand, [-25, -12, -8, -6, -4, -2, 0, 2, 4, 8, 20])
    found = sm.evaluate(manifolds["normal_mixture2"], "metric", [1e-6, 3.0], full_output=True)
    assert abs(found.value[0, 0] - float(exact)) <= 10 * found.error[0, 0] < 1e-8 * float(exact)


def test_points_where_quadrature_fails_are_nan_with_one_warning(
    manifolds: dict[str, sm.StatisticalManifold],
) -> None:
    # Modes so far apart that the nodes about one miss the other.
    points = [[1 / 3, 2.0], [1 / 3, 1000.0]]
    with pytest.warns(sm.StatmaniWarning, match="1 of 2 points gave no digits"):
        found = sm.evaluate(manifolds["normal_mixture2"], "scalar_curvature", points)
    assert np.isfinite(found[0]) and np.isnan(found[1])
    with pytest.raises(sm.NoConvergence, match="scalar_curvature: quadrature gives no digits at"):
        sm.evaluate(manifolds["normal_mixture2"], "scalar_curvature", points[1])


def test_reparametrized_manifolds_evaluate_too(
    manifolds: dict[str, sm.StatisticalManifold],
) -> None:
    M = manifolds["normal_mixture2"]
    w, m = M.coordinates
    u, v = sp.Symbol("u", real=True), sp.Symbol("v", positive=True)
    moved = M.reparametrize({w: 1 / (1 + sp.exp(-u)), m: sp.log(v)}, (u, v))
    point = [float(sp.log(sp.Rational(1, 2))), float(sp.exp(2))]
    for alpha in (0.0, 0.5):
        one = sm.evaluate(moved, "scalar_curvature", point, alpha=alpha)
        two = sm.evaluate(M, "scalar_curvature", [1 / 3, 2.0], alpha=alpha)
        assert abs(one - two) < 1e-11


def test_closed_manifolds_have_no_quadrature_error() -> None:
    found = sm.evaluate(sm.families.normal(), "metric", [0.0, 2.0], full_output=True)
    assert found.error is None
    assert found.value.tolist() == [[0.25, 0.0], [0.0, 0.5]]


def opened(family: sm.Family) -> sm.StatisticalManifold:
    """The manifold of a family by unevaluated expectations although closed forms exist."""
    declaration = family.declaration
    metric, skewness = open_tensors(declaration, IntractableExpectation("not tried"))
    return sm.StatisticalManifold(
        declaration.external(declaration.domain).specification(),
        declaration.external(metric),
        {index: declaration.external(value) for index, value in skewness.items()},
    )


@pytest.mark.parametrize(
    "name",
    [
        "logistic", "lomax", "zip", "von_mises",
        *(pytest.param(n, marks=pytest.mark.slow) for n in ("gumbel", "student_t", "kumaraswamy")),
    ],
)  # fmt: skip
def test_other_families_opened(name: str) -> None:
    # All of these have closed forms; expectations must give the same tensors.
    M = opened(declared(name))
    for quantity, alpha, expected in comparisons(name):
        found = sm.evaluate(M, quantity, place(name), alpha=alpha, full_output=True)
        exact = np.array(expected, dtype=float)
        error = np.abs(found.value - exact)
        assert error.max() <= 1e-10 * max(1.0, np.abs(exact).max()), quantity
        if found.error is not None:
            assert (error <= 10 * np.asarray(found.error) + 1e-14).all(), quantity


@pytest.mark.slow
def test_geodesics_and_distance_agree_with_the_closed_route() -> None:
    family = declared("logistic")
    closed, M = family.manifold(), opened(family)
    p, q = [0.5, 2.0], [1.0, 1.5]
    assert abs(sm.distance(M, p, q, rtol=1e-8) - sm.distance(closed, p, q)) < 1e-8
    velocity = [0.3, -0.4]
    one = sm.geodesic(M, p, velocity, alpha=0.5, rtol=1e-8)
    two = sm.geodesic(closed, p, velocity, alpha=0.5)
    assert np.abs(one(1.0) - two(1.0)).max() < 1e-7
