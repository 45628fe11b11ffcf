"""Families without closed form for all entries: what is closed stays closed, the rest is right."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import mpmath
import pytest
import sympy as sp
from scipy import integrate

import statmani as sm
from statmani.errors import IntractableExpectation
from statmani.expectation.derive import Derivation, derive
from statmani.expectation.expect import Moment
from statmani.expectation.order_derivatives import ORDER_ARRAY_RULES, ORDER_RULES
from statmani.expectation.reflection import mean_is_zero, reflections

x, y = sp.symbols("x y")
a, b, c, d, m, p, r, s, w = sp.symbols("a b c d m p r s w")
POSITIVE = sp.Interval.open(0, sp.oo)
UNIT = sp.Interval.open(0, 1)
REAL = sp.S.Reals
HALF = sp.Rational(1, 2)


def normal(z: sp.Expr) -> sp.Expr:
    return sp.exp(-(z**2) / 2) / sp.sqrt(2 * sp.pi)


def gompertz() -> sm.Family:
    density = a * b * sp.exp(b * x + a - a * sp.exp(b * x))
    return sm.Family(density, sample={x: POSITIVE}, parameters={a: POSITIVE, b: POSITIVE})


def birnbaum_saunders() -> sm.Family:
    u, v = sp.sqrt(x / b), sp.sqrt(b / x)
    density = (u + v) / (2 * a * x) * normal((u - v) / a)
    return sm.Family(density, sample={x: POSITIVE}, parameters={a: POSITIVE, b: POSITIVE})


def inverse_gaussian_generalised() -> sm.Family:
    power = (p - 1) * sp.log(x) - (a * x + b / x) / 2 + p / 2 * sp.log(a / b)
    density = power - sp.log(2 * sp.besselk(p, sp.sqrt(a * b)))
    return sm.Family(
        log_density=density, sample={x: POSITIVE}, parameters={p: REAL, a: POSITIVE, b: POSITIVE}
    )


def zero_inflated() -> sm.Family:
    count = sp.gamma(x + r) / (sp.gamma(r) * sp.factorial(x)) * p**r * (1 - p) ** x
    density = sp.Piecewise((w + (1 - w) * p**r, sp.Eq(x, 0)), ((1 - w) * count, True))
    return sm.Family(
        density, sample={x: sp.S.Naturals0}, parameters={w: UNIT, r: POSITIVE, p: UNIT}
    )


def contaminated() -> sm.Family:
    density = w * normal(x - m) + (1 - w) / (sp.pi * (1 + (x - m) ** 2))
    return sm.Family(density, sample={x: REAL}, parameters={w: UNIT, m: REAL})


def truncated_gamma() -> sm.Family:
    density = x ** (a - 1) * sp.exp(-b * x) * b**a / sp.lowergamma(a, b)
    return sm.Family(density, sample={x: UNIT}, parameters={a: POSITIVE, b: POSITIVE})


def extended_exponential() -> sm.Family:
    density = a * b * sp.exp(-b * x) / (1 - (1 - a) * sp.exp(-b * x)) ** 2
    return sm.Family(density, sample={x: POSITIVE}, parameters={a: POSITIVE, b: POSITIVE})


def morgenstern() -> sm.Family:
    density = 1 + a * (1 - 2 * x) * (1 - 2 * y)
    return sm.Family(density, sample={x: UNIT, y: UNIT}, parameters={a: sp.Interval.open(-1, 1)})


def symmetric_pair() -> sm.Family:
    density = (normal((x - m - d) / s) + normal((x - m + d) / s)) / (2 * s)
    return sm.Family(density, sample={x: REAL}, parameters={m: REAL, s: POSITIVE, d: POSITIVE})


def definition(family: sm.Family, index: tuple[int, ...], at: dict[sp.Symbol, Any]) -> float:
    """E of a product of scores by scipy or a plain sum, from the declared density alone."""
    (sample,) = family.sample
    density = sp.exp(family.log_density)
    product = density * sp.Mul(*(family.score[i] for i in index))
    context = mpmath.MPContext()
    values = {k: sp.Rational(v) for k, v in at.items()}
    plain = sp.lambdify(sample, product.subs(values).doit(), modules=[context, "mpmath"])
    low, high = family.declaration.variables[0].lower, family.declaration.variables[0].upper
    if family.declaration.variables[0].discrete:
        return float(sum(plain(k) for k in range(400)))
    low, high = (float(e) for e in (low, high))
    pieces = (1e-9, 0.3, 1, 3, 9, 40, 700) if low == 0 else (
        -math.inf, -4e3, -50, -9, 0, 9, 50, 4e3, math.inf
    )  # fmt: skip
    edges = [e for e in pieces if e <= high] + ([1 - 1e-12] if high == 1 else [])
    parts = [
        integrate.quad(lambda t: float(plain(t)), u, v, epsabs=1e-12, epsrel=1e-11, limit=200)[0]
        for u, v in itertools.pairwise(edges)
    ]
    return math.fsum(parts)


def entries(derivation: Derivation) -> dict[tuple[int, ...], sp.Expr]:
    n = derivation.metric.shape[0]
    indices = itertools.combinations_with_replacement(range(n), 2)
    found: dict[tuple[int, ...], sp.Expr] = {(i, j): derivation.metric[i, j] for i, j in indices}
    for i, j, k in itertools.combinations_with_replacement(range(n), 3):
        found[i, j, k] = derivation.skewness.get((i, j, k), sp.Integer(0))
    return found


def closed(derivation: Derivation) -> set[tuple[int, ...]]:
    return {i for i, e in entries(derivation).items() if not e.has(sm.Expectation)}


# Family, a point, and the entries that must not be left unevaluated.
PARTLY: dict[str, tuple[Callable[[], sm.Family], tuple[str, ...], set[tuple[int, ...]]]] = {
    "gompertz": (gompertz, ("4/5", "3/2"), {(0, 0), (0, 0, 0)}),
    "birnbaum_saunders": (
        birnbaum_saunders,
        ("1/2", "3/2"),
        {(0, 0), (0, 1), (0, 0, 0), (0, 0, 1), (1, 1, 1)},
    ),
    "zero_inflated": (
        zero_inflated,
        ("1/3", "5/2", "2/5"),
        {(0, 0), (0, 1), (0, 2), (2, 2), (0, 0, 0), (0, 0, 2), (0, 2, 2), (2, 2, 2)},
    ),
    "contaminated": (contaminated, ("1/3", "1/2"), {(0, 1), (0, 0, 1), (1, 1, 1)}),
}


SLOW = ("zero_inflated", "contaminated", "birnbaum_saunders")


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in PARTLY],
)
def test_closed_entries_stay_closed_and_all_are_right(name: str) -> None:
    make, point, expected = PARTLY[name]
    family = make()
    derivation = derive(family.declaration, effort=0)
    assert expected <= closed(derivation)
    assert len(closed(derivation)) < len(entries(derivation))
    strategies = dict(derivation.certificate.strategies)
    own = dict(zip(family.declaration.parameters, map(sp.Rational, point), strict=True))
    at = dict(zip(family.parameters, map(sp.Rational, point), strict=True))
    checked = list(entries(derivation).items())[:: 1 if len(own) == 2 else 4]
    for index, value in checked:
        label = ("g" if len(index) == 2 else "T") + str(list(index)).replace(" ", "")
        assert (strategies[label] == "expectation") == value.has(sm.Expectation)
        number = definition(family, index, at)
        assert abs(float(value.subs(own).evalf(15)) - number) < 1e-8 * max(1, abs(number)), label


def test_symmetry_is_found_by_reflection_and_named() -> None:
    derivation = derive(birnbaum_saunders().declaration, effort=0)
    strategies = dict(derivation.certificate.strategies)
    assert derivation.metric[0, 1] == 0
    assert strategies["g[0,1]"] == "symmetry of the density"


@pytest.mark.parametrize(
    ("family", "expected"),
    [
        (birnbaum_saunders, [(1, -1)]),
        (contaminated, [(1, -1)]),
        (symmetric_pair, [(-1, 1, 1)]),
        (gompertz, []),
    ],
)
def test_reflections(family: Callable[[], sm.Family], expected: list[tuple[int, ...]]) -> None:
    declaration = family().declaration
    found = reflections(declaration, declaration.log_density)
    assert [parities.signs for parities in found] == expected


def test_nearly_symmetric_densities_are_not_symmetric() -> None:
    tiny = sp.Rational(1, 10**45)
    density = normal(x - m) * (1 + tiny * sp.tanh(x - m))
    declaration = sm.Family(density, sample={x: REAL}, parameters={m: REAL}).declaration
    assert reflections(declaration, declaration.log_density) == []
    t, z = declaration.parameters[0], declaration.variables[0].symbol
    assert not mean_is_zero(declaration, declaration.log_density, sp.sin(z - t))


@pytest.mark.slow
def test_symmetry_survives_linear_combinations() -> None:
    derivation = derive(symmetric_pair().declaration, effort=0)
    assert derivation.metric[0, 1] == derivation.metric[0, 2] == 0
    assert derivation.skewness.get((0, 0, 0), 0) == 0
    assert derivation.metric[0, 0].has(sm.Expectation)


@pytest.mark.parametrize("order", [-1.3, 0.2, 2.5])
@pytest.mark.parametrize("argument", [0.3, 5.0, 40.0])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_order_derivatives_of_bessel_functions(order: float, argument: float, count: int) -> None:
    context = mpmath.MPContext()
    context.dps = 30

    def integrand(t: Any) -> Any:
        factor = context.sinh(order * t) if count % 2 else context.cosh(order * t)
        return context.exp(-argument * (context.cosh(t) - 1)) * t**count * factor

    expected = context.quad(integrand, [0.125 * k for k in range(17)] + [3, 4, 6, 8])
    expected *= context.exp(-argument)
    number = ORDER_RULES["order_k"](context, count, context.mpf(order), context.mpf(argument))
    assert abs(number / expected - 1) < 1e-20
    double = ORDER_ARRAY_RULES["order_k"](count, order, argument)
    assert abs(float(double) / float(expected) - 1) < 1e-13
    shifted = ORDER_RULES["order_i"](context, count, context.mpf(order), context.mpf(argument))
    slope = context.diff(lambda v: context.besseli(v, argument), order, count)
    assert abs(shifted / slope - 1) < 1e-8


@pytest.mark.slow
def test_order_of_a_bessel_function_as_a_parameter() -> None:
    family = inverse_gaussian_generalised()
    derivation = derive(family.declaration, effort=0)
    values = entries(derivation)
    assert not any(e.has(sp.Derivative, sp.Subs, sp.besselk) for e in values.values())
    own = dict(
        zip(family.declaration.parameters, (HALF, sp.Integer(2), sp.Integer(3)), strict=True)
    )
    # For p = 1/2 the law is inverse Gaussian; E[x] etc. follow from K_(1/2), K_(3/2), K_(5/2).
    omega = sp.sqrt(6)
    ratio = [sp.besselk(HALF + k, omega) / sp.besselk(HALF, omega) for k in (1, 2)]
    scale = sp.sqrt(sp.Rational(3, 2))
    variance = scale**2 * (ratio[1] - ratio[0] ** 2)
    value = values[1, 1].subs(own).evalf(20)
    assert abs(value - (variance / 4).evalf(20)) < 1e-18


# -- expectations of functions that users give ----------------------------------------------


@pytest.mark.slow
def test_user_expectations_stay_unevaluated() -> None:
    family = sm.families.cauchy()
    (sample,), (location, scale) = family.sample, family.parameters
    record = family.expectation(sp.atan(sample) ** 2)
    assert isinstance(record, Moment)
    assert record.value.has(sm.Expectation)
    assert dict(record.certificate.strategies)["E[f]"] == "expectation"
    assert len(record.certificate.checks) == 2 and record.certificate.residual < 1e-8
    assert r"\operatorname{E}" in sp.latex(record.value)
    at = {location: HALF, scale: sp.Rational(3, 4)}

    def integral(place: float) -> float:
        # x = place + 0.75 tan(angle) makes the angle uniform.
        def f(angle: float) -> float:
            return math.atan(place + 0.75 * math.tan(angle)) ** 2 / math.pi

        return float(integrate.quad(f, -math.pi / 2, math.pi / 2, epsabs=1e-13, epsrel=1e-13)[0])

    assert abs(float(record.value.subs(at).evalf(12)) - integral(0.5)) < 1e-9
    step = 1e-4
    slope = (integral(0.5 + step) - integral(0.5 - step)) / (2 * step)
    assert abs(float(record.value.diff(location).subs(at).evalf(12)) - slope) < 1e-6


def test_user_expectation_with_a_further_symbol() -> None:
    family = sm.families.gamma()
    (sample,) = family.sample
    t = sp.Symbol("t", positive=True)
    value = family.expect(sp.log(1 + t * sample**2))
    assert t in value.free_symbols
    shape, scale = family.parameters
    at = {shape: 2, scale: 1, t: 3}
    expected = integrate.quad(lambda u: math.log(1 + 3 * u * u) * u * math.exp(-u), 0, 60)[0]
    assert abs(float(value.subs(at).evalf(12)) - expected) < 1e-9
    expected = integrate.quad(lambda u: u**2 / (1 + 3 * u * u) * u * math.exp(-u), 0, 60)[0]
    assert abs(float(value.diff(t).subs(at).evalf(12)) - expected) < 1e-9


@pytest.mark.slow
def test_odd_functions_and_divergence() -> None:
    family = sm.families.cauchy()
    (sample,), (location, scale) = family.sample, family.parameters
    assert family.expect(sp.atan((sample - location) / scale)) == 0
    with pytest.raises(IntractableExpectation, match="does not converge"):
        family.expect(sample * sp.log(1 + sample**2))


@pytest.mark.slow
def test_divergence_of_members_falls_back_to_numbers() -> None:
    found = sm.kl_divergence(contaminated(), [HALF, 0], [HALF, 1])
    assert found.error is not None and found.value != 0

    def weight(t: float) -> float:
        gauss = math.exp(-t * t / 2) / math.sqrt(2 * math.pi)
        return gauss / 2 + 1 / (2 * math.pi * (1 + t * t))

    def f(t: float) -> float:
        return weight(t) * math.log(weight(t) / weight(t - 1))

    edges = [-1e6, -1e3, -30, -5, 0, 1, 5, 30, 1e3, 1e6]
    expected = sum(integrate.quad(f, u, v, limit=200)[0] for u, v in itertools.pairwise(edges))
    assert abs(found.value - expected) < 1e-8


# -- families in no list --------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("make", [truncated_gamma, extended_exponential, morgenstern])
def test_more_open_families(make: Callable[[], sm.Family]) -> None:
    family = make()
    derivation = derive(family.declaration, effort=0.2)
    assert derivation.certificate.residual < 1e-6
    if make is morgenstern:
        own = dict.fromkeys(family.declaration.parameters, HALF)
        value = float(derivation.metric[0, 0].subs(own).evalf(8))

        def f(u: float, v: float) -> float:
            k = (1 - 2 * u) * (1 - 2 * v)
            return k * k / (1 + k / 2)

        expected = integrate.dblquad(f, 0, 1, 0, 1, epsabs=1e-12)[0]
        assert abs(value - expected) < 1e-8
