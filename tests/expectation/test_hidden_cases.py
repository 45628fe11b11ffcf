"""Densities that hide their cases in sums of indicators, or cancel in hyperbolic functions."""

from __future__ import annotations

import itertools

import mpmath
import pytest
import sympy as sp

import statmani as sm
from statmani.expectation.quadrature import Integrator

x, y = sp.symbols("x y")
a, b, c, d, p, lam, mu, s = sp.symbols("a b c d p lam mu s")
POSITIVE = sp.Interval.open(0, sp.oo)
UNIT = sp.Interval.open(0, 1)


def freund(order: sp.Expr, reverse: sp.Expr) -> sm.Family:
    first = a * d * sp.exp(-d * y - (a + b - d) * x)
    second = b * c * sp.exp(-c * x - (a + b - c) * y)
    return sm.Family(
        order * first + reverse * second,
        sample=dict.fromkeys((x, y), POSITIVE),
        parameters=dict.fromkeys((a, b, c, d), POSITIVE),
    )


STEPS = {
    "Heaviside": (sp.Heaviside(y - x), sp.Heaviside(x - y)),
    "Piecewise": (sp.Piecewise((1, x < y), (0, True)), sp.Piecewise((0, x < y), (1, True))),
    "both": (1 - sp.Heaviside(x - y), sp.Piecewise((1, y < x), (0, True))),
}


@pytest.mark.parametrize("name", list(STEPS))
def test_cases_of_two_lifetimes(name: str) -> None:
    """Freund (1961): the information of the four rates is diagonal."""
    metric = freund(*STEPS[name]).manifold().metric
    total = a + b
    expected = sp.diag(1 / (a * total), 1 / (b * total), b / (c**2 * total), a / (d**2 * total))
    assert (metric - expected).applyfunc(sp.cancel) == sp.zeros(4)


@pytest.mark.parametrize("logarithm", [False, True])
def test_an_atom_added_to_a_count(logarithm: bool) -> None:
    density = p * sp.KroneckerDelta(x, 0) + (1 - p) * sp.exp(-lam) * lam**x / sp.factorial(x)
    which = {"log_density": sp.log(density)} if logarithm else {"density": density}
    manifold = sm.Family(
        sample={x: sp.S.Naturals0}, parameters={p: UNIT, lam: POSITIVE}, **which
    ).manifold()
    assert not manifold.metric.has(sm.Expectation)

    def mass(k: int, chance: mpmath.mpf, rate: mpmath.mpf) -> mpmath.mpf:
        rest = (1 - chance) * mpmath.exp(-rate) * rate**k / mpmath.factorial(k)
        return rest + (chance if k == 0 else 0)

    at = (mpmath.mpf(3) / 10, mpmath.mpf(11) / 5)
    entries = mpmath.matrix(2, 2)
    for k in range(60):
        slopes = [mpmath.diff(lambda *t, k=k: mass(k, *t), at, order) for order in ((1, 0), (0, 1))]
        for i, j in itertools.product(range(2), repeat=2):
            entries[i, j] += slopes[i] * slopes[j] / mass(k, *at)
    found = manifold.metric.subs({p: sp.Rational(3, 10), lam: sp.Rational(11, 5)})
    for i, j in itertools.product(range(2), repeat=2):
        assert abs(float(found[i, j]) - float(entries[i, j])) < 1e-12


def test_indicators_that_move_stay_as_they_are() -> None:
    left, right = sp.Heaviside(mu - x), sp.Heaviside(x - mu)
    density = sp.exp(-sp.Abs(x - mu) / s) / (2 * s) * (left + right)
    family = sm.Family(density, sample={x: sp.S.Reals}, parameters={mu: sp.S.Reals, s: POSITIVE})
    assert family.manifold().metric == sp.diag(1 / s**2, 1 / s**2)


def test_factors_with_hyperbolic_tangents() -> None:
    """The generalised logistic distribution of type I, in both spellings."""
    z = (x - mu) / s
    domain = {mu: sp.S.Reals, s: POSITIVE, a: POSITIVE}
    half = sp.tanh(z / 2)
    hyperbolic = sm.Family(
        a / (2 ** (a + 1) * s) * (1 + half) ** a * (1 - half),
        sample={x: sp.S.Reals}, parameters=domain,
    ).manifold()  # fmt: skip
    plain = sm.Family(
        a / s * sp.exp(-z) / (1 + sp.exp(-z)) ** (a + 1),
        sample={x: sp.S.Reals}, parameters=domain,
    ).manifold()  # fmt: skip
    assert hyperbolic.metric == plain.metric
    assert hyperbolic.skewness == plain.skewness


@pytest.mark.parametrize(
    ("e", "expected"),
    [
        (1 - sp.tanh(x) ** 2, sp.log(4) + 2 * x - 2 * sp.log(sp.exp(2 * x) + 1)),
        ((1 - sp.tanh(3 * x)) ** a, a * (sp.log(2) - sp.log(sp.exp(6 * x) + 1))),
        (sp.coth(x) - 1, sp.log(2) - sp.log(sp.exp(x) - 1) - sp.log(sp.exp(x) + 1)),
    ],
)
def test_exponentials_do_not_cancel(e: sp.Expr, expected: sp.Expr) -> None:
    from statmani.expectation.hyperbolic import in_exponentials

    found = in_exponentials(sp.log(e))
    assert sp.expand_log(found, force=True) == sp.expand_log(expected, force=True)


def test_a_polynomial_that_vanishes_at_both_ends() -> None:
    """The density has a pole of order 3/14 at +-3; log(1 - x^2/9) may not cancel there."""
    density = (1 - x**2 / 9) ** (b - 1) / (3 * sp.beta(b, sp.Rational(1, 2)))
    family = sm.Family(density, sample={x: sp.Interval(-3, 3)}, parameters={b: POSITIVE})
    declaration = family.declaration
    (shape,) = declaration.parameters
    score = declaration.log_density.diff(shape)
    found = Integrator(declaration, [score], [(0,), (0, 0, 0)]).at({shape: sp.Rational(11, 14)})
    third = mpmath.polygamma(2, mpmath.mpf(11) / 14) - mpmath.polygamma(2, mpmath.mpf(9) / 7)
    assert abs(found.values[0]) < 1e-13
    assert abs(found.values[1] - float(third)) < 1e-12
    at = family.manifold().metric[0, 0] - (
        sp.polygamma(1, b) - sp.polygamma(1, b + sp.Rational(1, 2))
    )
    assert abs(at.subs(b, sp.Rational(11, 14)).evalf(30)) < 1e-25
