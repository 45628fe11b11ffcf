"""Expectations in spellings that hide a polynomial, a power series or an absolute value."""

from __future__ import annotations

from collections.abc import Callable

import mpmath
import pytest
import sympy as sp

import statmani as sm

s = sp.Symbol("s")
size = sp.Symbol("n", integer=True, positive=True)
x, p = sp.symbols("x p")
UNIT = sp.Interval.open(0, 1)


def binomial() -> sm.Family:
    mass = sp.binomial(size, x) * p**x * (1 - p) ** (size - x)
    return sm.Family(mass, sample={x: sp.Range(0, size + 1)}, parameters={p: UNIT})


Mass = Callable[[int], mpmath.mpf]
COUNTS: dict[str, tuple[Callable[[], sm.Family], dict[str, sp.Expr], Mass, int]] = {
    "poisson": (
        sm.families.poisson,
        {"lam": sp.Rational(9, 4)},
        lambda k: mpmath.exp(-2.25) * mpmath.mpf(2.25) ** k / mpmath.factorial(k),
        90,
    ),
    "geometric": (
        sm.families.geometric,
        {"p": sp.Rational(3, 4)},
        lambda k: mpmath.mpf(0.75) * mpmath.mpf(0.25) ** k,
        300,
    ),
    "binomial": (
        binomial,
        {"p": sp.Rational(1, 4), "n": sp.Integer(5)},
        lambda k: mpmath.binomial(5, k) * mpmath.mpf(0.25) ** k * mpmath.mpf(0.75) ** (5 - k),
        5,
    ),
}
FUNCTIONS: dict[str, tuple[Callable[[sp.Symbol], sp.Expr], Callable[[int], float]]] = {
    "power of -1": (lambda k: (-1) ** k, lambda k: (-1) ** k),
    "power of -2": (lambda k: k * (-2) ** (k + 1), lambda k: k * (-2) ** (k + 1)),
    "any base": (lambda k: s**k, lambda k: (-1.5) ** k),
    "parity": (lambda k: sp.Mod(k, 2), lambda k: k % 2),
    "coefficient": (lambda k: sp.binomial(k + 1, 3), lambda k: mpmath.binomial(k + 1, 3)),
}


@pytest.mark.parametrize("label", list(FUNCTIONS))
@pytest.mark.parametrize("name", list(COUNTS))
def test_functions_of_counts(name: str, label: str) -> None:
    make, at, mass, last = COUNTS[name]
    family = make()
    (k,) = family.sample
    function, value = FUNCTIONS[label]
    found = family.expectation(function(k)).value
    assert not found.has(sm.Expectation, sp.I)
    point = {q: at[q.name] for q in (*family.parameters, *family.constants)}
    number = found.subs({**point, s: sp.Rational(-3, 2)}).evalf(20)
    direct = mpmath.fsum(value(k) * mass(k) for k in range(last + 1))
    assert abs(float(number) - float(direct)) < 1e-12 * max(1, abs(float(direct)))


def test_where_a_power_series_stops() -> None:
    family = sm.families.geometric()
    (k,), (chance,) = family.sample, family.parameters
    found = family.expect((-2) ** k)
    assert found.subs(chance, sp.Rational(3, 4)) == sp.Rational(1, 2)
    assert found.subs(chance, sp.Rational(1, 4)) is sp.nan
    assert family.expect((-1) ** k) == chance / (2 - chance)


def test_remainders_without_closed_form() -> None:
    family = sm.families.poisson()
    (k,), (lam,) = family.sample, family.parameters
    found = family.expect(sp.Mod(k, 3)).subs(lam, 2).evalf(20)
    direct = mpmath.nsum(
        lambda j: (int(j) % 3) * mpmath.exp(-2) * mpmath.mpf(2) ** j / mpmath.factorial(j),
        [0, 80],
    )
    assert abs(float(found) - float(direct)) < 1e-14


def test_logarithms_of_squares() -> None:
    family = sm.families.normal()
    (z,), (mu, sigma) = family.sample, family.parameters
    assert family.expect(sp.log((z - mu) ** 2)) == 2 * sp.log(sigma) - sp.log(2) - sp.EulerGamma
    away = family.expect(sp.log(z**2 * sp.exp(z))).subs({mu: 1, sigma: 2}).evalf(20)
    direct = mpmath.quad(
        lambda t: (mpmath.log(t**2) + t) * mpmath.npdf(t, 1, 2), [-20, -4, -1, 0, 1, 3, 8, 22]
    )
    assert abs(float(away) - float(direct)) < 1e-13
