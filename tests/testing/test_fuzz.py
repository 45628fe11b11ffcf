"""Random declared families keep the laws; a nightly test.

Each night draws other families. ``STATMANI_FUZZ_COUNT`` sets how many, ``STATMANI_FUZZ_SEED``
the first seed. A failure prints the seed; it goes to references/fuzz_seeds.json, and the family
that it drew, as small as it fails, below: seeds draw others when the choices change.
"""

from __future__ import annotations

import json
import os
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
import sympy as sp
from scipy import integrate

import statmani as sm
from statmani.declare import declare
from statmani.expectation.law import law_of
from statmani.expectation.panels import PanelRule
from statmani.expectation.quadrature import Integrator
from statmani.expectation.stable import stable_form
from statmani.expectation.sweep import Sweep
from statmani.testing import default_points, random_family

COUNT = int(os.environ.get("STATMANI_FUZZ_COUNT", "200"))
FIRST = int(os.environ.get("STATMANI_FUZZ_SEED", str(int(time.time() // 86400) * 10_000)))
EFFORT = 0.05
SEEDS = json.loads(
    (Path(__file__).parent.parent / "references" / "fuzz_seeds.json").read_text("utf-8")
)["seeds"]


def problems(seed: int, kernels: bool) -> list[str]:
    """What is wrong with the family of a seed."""
    try:
        family = random_family(seed)
        M = family.manifold(effort=0.5)
        report = sm.laws.check(family, effort=EFFORT)
        found = [str(law) for law in report.violated]
        if kernels:
            found += compiled(M)
    except sm.IntractableExpectation as failure:
        pytest.skip(f"random_family({seed}): {failure}")
    except Exception as failure:  # noqa: BLE001 - every exception is a finding
        return [f"{type(failure).__name__}: {failure}"]
    return found


def compiled(M: sm.StatisticalManifold) -> list[str]:
    """Kernels against the exact expressions, and a geodesic there and back."""
    points = default_points(M)[:3]
    found = []
    for quantity in ("metric", "christoffel"):
        tensor = M.metric if quantity == "metric" else M.levi_civita.christoffel
        values = sm.evaluate(M, quantity, points)
        for point, value in zip(points, values, strict=True):
            at = dict(zip(M.coordinates, point, strict=True))
            for index in np.ndindex(value.shape):
                exact = complex(tensor[index].evalf(30, subs=at)).real
                size = max(abs(exact), 1e-6 * np.abs(value).max())
                if not abs(value[index] - exact) <= 1e-8 * size:
                    found.append(f"{quantity}{index} at {at}: {value[index]} is not {exact}")
    v = 0.3 / np.sqrt(np.diag(sm.evaluate(M, "metric", points[0])))
    there = sm.geodesic(M, points[0], v)
    if there.times[-1] < 1:
        # It reaches the edge of the domain: half as far, it does not.
        v = v * float(there.times[-1]) / 2
        there = sm.geodesic(M, points[0], v)
    back = sm.geodesic(M, there(1.0), -there.velocities[-1])
    error = np.abs(back(1.0) - points[0]) / np.abs(v)
    if not error.max() < 1e-6:
        found.append(f"geodesic there and back from {points[0]} by {v} misses by {error} of v")
    if not abs(there.length - np.sqrt(v @ sm.evaluate(M, "metric", points[0]) @ v)) < 1e-7:
        found.append(f"geodesic from {points[0]} by {v}: length {there.length} is not |v|")
    return found


# Seeds that failed once, with the reason where they still do.
KNOWN = [
    pytest.param(int(seed), marks=pytest.mark.xfail(reason=reason) if reason else ())
    for seed, reason in SEEDS.items()
]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [*KNOWN, *range(FIRST, FIRST + COUNT)])
def test_a_random_family_keeps_the_laws(seed: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sm.StatmaniWarning)
        found = problems(seed, kernels=seed % 10 == 0)
    assert not found, "\n".join([f"random_family({seed}): {random_family(seed).name}", *found])


x, t, u, w = sp.symbols("x t u w")
UNIT = sp.Interval.open(0, 1)


def test_an_antiderivative_with_logarithms_of_negative_numbers() -> None:
    # E[s^2] with s = (1 - 2 x)/(w + 2 (1 - w) x), by substitution of the denominator.
    family = sm.Family(w + (1 - w) * 2 * x, sample={x: UNIT}, parameters={w: UNIT})
    M = family.manifold()
    expected = (sp.log(w / (2 - w)) + 2 * (1 - w)) / (2 * (w - 1) ** 3)
    for value in (sp.Rational(1, 9), sp.Rational(4, 5)):
        assert M.metric[0, 0].subs(w, value).evalf(30) == pytest.approx(
            expected.subs(w, value).evalf(30), rel=1e-20
        )


@pytest.mark.slow
def test_a_metric_that_is_nearly_degenerate_keeps_its_certificate() -> None:
    # Three cells with probabilities down to exp(-40): g, T and Gamma are as small.
    exponent = sp.sinh(t) / (x + 1) + (2 * u + 1) * (x**3 - 2 * x)
    cells = [(3, 0), (2, 1), (3, 3)]
    total = sum(k * sp.exp(exponent.subs(x, sp.Integer(c))) for k, c in cells)
    weights = sp.interpolate([(c, k) for k, c in cells], x)
    family = sm.Family(
        log_density=exponent - sp.log(total) + sp.log(weights),
        sample={x: sp.FiniteSet(0, 1, 3)},
        parameters={t: sp.S.Reals, u: sp.S.Reals},
    )
    assert family.manifold().certificate.residual < 1e-9
    # All distributions on three cells: a sphere of radius 2 in any coordinates.
    value = sm.evaluate(family, "scalar_curvature", [0.1, -0.4])
    assert value == pytest.approx(0.5, rel=1e-9)


def test_a_numerator_that_is_a_number_when_multiplied_out() -> None:
    nothing = (sp.exp(t) - sp.exp(-t)) * sp.exp(t) - sp.exp(2 * t) + 1
    family = sm.Family(
        log_density=-((x - t) ** 2) / 2 - sp.log(sp.pi / 2) / 2 - sp.log(1 + sp.exp(nothing)),
        sample={x: sp.S.Reals},
        parameters={t: sp.S.Reals},
    )
    assert family.manifold().metric[0, 0] == 1


def test_digits_that_fade_before_a_value_is_gone() -> None:
    # Squares of exp(-x) + 1/(1 + x)^2 underflow where a thousandth of the mass is left.
    heavy, light = 1 / (x + 1) ** 2, sp.exp(-x)
    family = sm.Family(
        log_density=sp.together(sp.log(w * heavy + (1 - w) * light)).subs(w, t / (t + 1)),
        sample={x: sp.Interval.open(0, sp.oo)},
        parameters={t: sp.Interval.open(0, sp.oo)},
    )
    declaration = family.declaration
    (theta,) = declaration.parameters
    score = sp.diff(declaration.log_density, theta)
    slope = sp.diff(score, theta)
    at = {theta: sp.Rational(16, 13)}
    found = PanelRule(declaration, [slope, slope * score]).at(at)
    # By tanh-sinh quadrature with 40 digits of the two components apart.
    assert found.values[0] == pytest.approx(-0.014757884185516870337, rel=1e-5)
    assert found.values[1] == pytest.approx(-0.017075533327174879697, rel=1e-5)


@pytest.mark.parametrize("spelling", ["density", "expanded"])
def test_components_whose_weights_are_positive_in_one_fraction_only(spelling: str) -> None:
    # exp(x) times over, these components have no value where a thousandth of the mass is left.
    if spelling == "density":
        weight, place = 1 / (1 + sp.exp(-t)), sp.Rational(3, 14)
        density = (1 - weight) * sp.exp(-x) + 1 / ((1 + sp.exp(-t)) * (x + 1) ** 2)
        domain = sp.S.Reals
    else:
        weight, place = t / (1 + t), sp.Rational(13, 7)
        square = sp.expand((1 + t) * (1 + x) ** 2)
        density = t / square - t / (t * sp.exp(x) + sp.exp(x)) + sp.exp(-x)
        domain = sp.Interval.open(0, sp.oo)
    family = sm.Family(density, sample={x: sp.Interval.open(0, sp.oo)}, parameters={t: domain})
    law = law_of(family.declaration)
    found = Sweep(law, [(sp.Integer(1), ((0,), (0,)))]).at({law.symbols[0]: place})
    share, slope = (float(e.subs(t, place)) for e in (weight, weight.diff(t)))

    def information(v: float) -> float:
        heavy, light = (1 + v) ** -2, np.exp(-v)
        return (heavy - light) ** 2 / (share * heavy + (1 - share) * light)

    parts = [integrate.quad(information, *ends)[0] for ends in ((0, 1), (1, 30), (30, np.inf))]
    assert found.values[0] == pytest.approx(slope**2 * sum(parts), rel=1e-9)
    assert found.errors[0] < 1e-12 * found.values[0]


@pytest.mark.parametrize("factor", [sp.E * t, sp.exp(t * sp.exp(-x)), sp.exp(sp.exp(-x) * x) / 3])
def test_factors_whose_logarithms_are_none(factor: sp.Expr) -> None:
    # sympy writes log(E) as 1 and log(exp(t exp(-x))) as the exponent.
    positive = sp.Interval.open(0, sp.oo)
    ell = sp.log(factor / (x + t) ** 2, evaluate=False)
    law = declare(None, ell, {x: positive}, {t: positive}, None, None, (), None)
    at = {law.variables[0].symbol: sp.Rational(2, 3), law.parameters[0]: sp.Rational(5, 7)}
    gap = (stable_form(law) - law.log_density).subs(at).evalf(25)
    assert abs(gap) < 1e-20


def test_mass_without_values_is_an_error_and_not_left_out() -> None:
    # Below zero the function has no real value: half of the mass is missing.
    declaration = sm.families.normal().declaration
    mu, sigma = declaration.parameters
    root = sp.log(declaration.variables[0].symbol)
    at = {mu: sp.Integer(0), sigma: sp.Integer(1)}
    assert Integrator(declaration, [root]).at(at).error > 0.4
    assert PanelRule(declaration, [root]).at(at).error > 0.4


def test_a_fraction_that_cancels_in_the_far_tail() -> None:
    # 1 - x/(x + 1) is 1/(x + 1): the distribution of y/(1 - y) of a beta variable.
    family = sm.Family(
        log_density=t**2 * sp.log(x / (x + 1)) + (t**2 - 1) * sp.log(1 - x / (x + 1))
        - 2 * sp.log(x + 1) - 2 * sp.loggamma(t**2) - sp.log(t**2) + sp.loggamma(2 * t**2 + 1),
        sample={x: sp.Interval.open(0, sp.oo)},
        parameters={t: sp.Interval.open(0, sp.oo)},
    )  # fmt: skip
    plain = sm.families.beta().manifold()
    a, b = plain.coordinates
    curve = plain.submanifold({a: t**2 + 1, b: t**2}, {t: sp.Interval.open(0, sp.oo)})
    value = {t: sp.Rational(4, 3)}
    assert family.manifold().metric[0, 0].subs(value).evalf(30) == pytest.approx(
        curve.metric[0, 0].subs(value).evalf(30), rel=1e-25
    )


def test_end_points_cancel_under_expanded_denominators() -> None:
    # The odds of x are inverse Gaussian with mean t and shape 2 u.
    odds = x / (1 - x)
    plain = -u * (odds - t) ** 2 / (t**2 * odds) - sp.log(odds**3) * sp.Rational(3, 2) / 3
    spelled = sp.expand(plain + sp.log(u / sp.pi) / 2 + sp.log(1 / sp.expand((1 - x) ** 2)))
    family = sm.Family(
        log_density=spelled,
        sample={x: UNIT},
        parameters=dict.fromkeys((t, u), sp.Interval.open(0, sp.oo)),
    )
    declaration = family.declaration
    at = dict(zip(declaration.parameters, (sp.Rational(14, 13), sp.Rational(12, 13)), strict=True))
    place = declaration.variables[0].symbol
    found = Integrator(declaration, [place / (1 - place)]).at(at)
    assert found.total == pytest.approx(1, rel=1e-11)
    assert found.values[0] == pytest.approx(14 / 13, rel=1e-11)


def test_a_divergence_with_a_case_for_equal_points_has_no_slopes_there() -> None:
    # KL of two logistic locations is 0/0 at p = q, where its closed form has a case of its own.
    location = sp.log(t)
    family = sm.Family(
        log_density=x - location - 2 * sp.log(1 + sp.exp(x - location)),
        sample={x: sp.S.Reals},
        parameters={t: sp.Interval.open(0, sp.oo)},
    )
    report = sm.laws.check(family, effort=0.2)
    assert report.violated == ()
    assert report["divergence connections"].status in ("proved", "verified")
    assert family.manifold().metric[0, 0] == 1 / (3 * t**2)


def test_a_forced_spelling_keeps_the_values_left_of_zero() -> None:
    # The logarithm of x^2, expanded by force, had no value there.
    family = random_family(2062)
    assert "squared normal" in family.name
    assert family.manifold().dim == 1
