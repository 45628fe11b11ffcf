"""Tensors of open families at many points, against mpmath sums of their definitions."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import combinations_with_replacement
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp

import statmani as sm
from statmani.errors import IntractableExpectation
from statmani.expectation.open_forms import open_tensors

x = sp.Symbol("x", real=True)
m = sp.Symbol("m", real=True)
a, b, s, w = sp.symbols("a b s w", positive=True)
UNIT, POSITIVE = sp.Interval.open(0, 1), sp.Interval.open(0, sp.oo)


def normal(mean: Any = 0, scale: Any = 1) -> Any:
    return sp.exp(-(((x - mean) / scale) ** 2) / 2) / (sp.sqrt(2 * sp.pi) * scale)


DENSITIES: dict[str, tuple[Any, Any, dict[Any, Any]]] = {
    "two normals": (
        sp.log(w * normal() + (1 - w) * normal(m)), sp.S.Reals, {w: UNIT, m: sp.S.Reals},
    ),
    "Gompertz": (
        sp.log(a * b) + a + b * x - a * sp.exp(b * x), POSITIVE, {b: POSITIVE, a: POSITIVE},
    ),
}  # fmt: skip
POINTS: list[tuple[str, list[float], list[float]]] = [("Gompertz", [1.0, 1.0], [0, 1, 2, 5])]


@cache
def opened(name: str) -> sm.StatisticalManifold:
    """The manifold of a density by unevaluated expectations, also where closed forms exist."""
    log_p, sample, parameters = DENSITIES[name]
    declaration = sm.Family(
        log_density=log_p, sample={x: sample}, parameters=parameters
    ).declaration
    metric, skewness = open_tensors(declaration, IntractableExpectation("not tried"))
    return sm.StatisticalManifold(
        declaration.external(declaration.domain).specification(),
        declaration.external(metric),
        {index: declaration.external(value) for index, value in skewness.items()},
    )


def defined(
    name: str, point: Sequence[float], places: Sequence[float], rank: int
) -> dict[tuple[int, ...], float]:
    """E[product of scores] by quadrature between places, or the sum up to the only one."""
    log_p, _, parameters = DENSITIES[name]
    context = mpmath.MPContext()
    context.dps = 30
    at = dict(zip(parameters, (sp.Rational(c) for c in point), strict=True))
    density, *scores = (
        sp.lambdify(x, e.subs(at), context)
        for e in (sp.exp(log_p), *(sp.diff(log_p, q) for q in parameters))
    )
    found = {}
    for index in combinations_with_replacement(range(len(at)), rank):

        def integrand(z: Any, index: tuple[int, ...] = index) -> Any:
            return density(z) * context.fprod(scores[i](z) for i in index)

        if len(places) == 1:
            found[index] = float(
                context.fsum(integrand(context.mpf(k)) for k in range(int(places[0])))
            )
        else:
            found[index] = float(context.quad(integrand, [context.mpf(c) for c in places]))
    return found


@pytest.mark.parametrize(("name", "point", "places"), POINTS)
def test_metric_and_skewness_by_their_definitions(
    name: str, point: list[float], places: list[float]
) -> None:
    for quantity, rank in (("metric", 2), ("skewness", 3)):
        found = sm.evaluate(opened(name), quantity, point, full_output=True)
        value, error = np.asarray(found.value), np.asarray(found.error)
        for index, exact in defined(name, point, places, rank).items():
            assert abs(value[index] - exact) <= 10 * error[index] + 1e-15 * abs(exact), index
        assert error.max() <= 1e-9 * np.abs(value).max()


@pytest.mark.parametrize(
    ("name", "point"),
    [
        ("two normals", [0.3, 1000.0]),
    ],
)
def test_modes_that_no_node_meets_are_errors(name: str, point: list[float]) -> None:
    for quantity in ("metric", "skewness", "scalar_curvature"):
        with pytest.raises(sm.NoConvergence, match=f"{quantity}: quadrature gives no digits at"):
            sm.evaluate(opened(name), quantity, point)


def test_nearly_singular_metrics_get_their_digits_from_longer_sums() -> None:
    # In doubles the curvature has no correct digit at the first point, and seven at the second,
    # whose distance from the limit m = 0 is of the order of m^2.
    one, two = (
        sm.evaluate(opened("two normals"), "scalar_curvature", [1 / 3, m], full_output=True)
        for m in (1e-6, 1e-3)
    )
    assert isinstance(one.value, float) and isinstance(one.error, float)
    assert isinstance(two.value, float) and isinstance(two.error, float)
    assert one.error <= 1e-9 * abs(one.value)
    assert abs(one.value - two.value) < 1e-6 + two.error


def test_bivariate_t_has_the_metric_of_its_scale_and_correlation() -> None:
    # Lange, Little and Taylor (1989): for d variables and nu degrees of freedom the information
    # of a log scale is 2 d nu / (nu + d + 2).
    y, rho = sp.Symbol("y", real=True), sp.Symbol("rho", real=True)
    square = (x**2 - 2 * rho * x * y + y**2) / (s**2 * (1 - rho**2))
    log_p = -sp.log(2 * sp.pi) - 2 * sp.log(s) - sp.log(1 - rho**2) / 2
    log_p -= sp.Rational(7, 2) * sp.log(1 + square / 5)
    declaration = sm.Family(
        log_density=log_p,
        sample={x: sp.S.Reals, y: sp.S.Reals},
        parameters={s: POSITIVE, rho: sp.Interval.open(-1, 1)},
    ).declaration
    metric, skewness = open_tensors(declaration, IntractableExpectation("not tried"))
    M = sm.StatisticalManifold(
        declaration.external(declaration.domain).specification(),
        declaration.external(metric),
        {index: declaration.external(value) for index, value in skewness.items()},
    )
    for scale, correlation in ((1.0, 0.3), (2.0, 0.9), (0.5, -0.99)):
        found = sm.evaluate(M, "metric", [scale, correlation], full_output=True)
        rest = 1 - correlation**2
        # (nu + d) E[(d l)^2] of a matrix Sigma: tr(A A) and tr(A)^2 with A = Sigma^-1 d Sigma.
        a_s = np.eye(2) * 2 / scale
        a_r = np.array([[-correlation, 1.0], [1.0, -correlation]]) / rest
        exact = np.array(
            [
                [(7 * np.trace(p @ q) - np.trace(p) * np.trace(q)) / 18 for q in (a_s, a_r)]
                for p in (a_s, a_r)
            ]
        )
        value, error = np.asarray(found.value), np.asarray(found.error)
        assert (np.abs(value - exact) <= 10 * error + 1e-14 * np.abs(exact)).all()
        assert error.max() <= 1e-9 * np.abs(exact).max()
