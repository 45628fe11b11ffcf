"""Sums and normal forms that have to stay small: masses that overflow, mixtures, three counts."""

from __future__ import annotations

import itertools
import time

import mpmath
import pytest
import sympy as sp

import statmani as sm

x, y, z = sp.symbols("x y z")
p, q, s = sp.symbols("p q s")
UNIT = sp.Interval.open(0, 1)


def test_a_mixture_of_masses_that_overflow() -> None:
    """4^x / x! is infinity over infinity in double precision from x = 512 on, not undefined."""
    mass = (p * sp.exp(-1) + (1 - p) * sp.exp(-4) * 4**x) / sp.factorial(x)
    family = sm.Family(sp.expand(mass), sample={x: sp.S.Naturals0}, parameters={p: UNIT})
    found = family.manifold().metric[0, 0].subs(p, sp.Rational(3, 10)).evalf(20)

    def term(k: int) -> mpmath.mpf:
        one = mpmath.exp(-1) / mpmath.factorial(k)
        four = mpmath.exp(-4) * mpmath.mpf(4) ** k / mpmath.factorial(k)
        return (one - four) ** 2 / (mpmath.mpf(3) / 10 * one + mpmath.mpf(7) / 10 * four)

    assert abs(float(found) - float(mpmath.fsum(term(k) for k in range(90)))) < 1e-13


def test_a_mixture_of_masses_with_large_means() -> None:
    """Where 170! overflows there is mass."""
    mass = sum(
        w * sp.exp(-m) * sp.Integer(m) ** x / sp.factorial(x) for w, m in ((p, 150), (1 - p, 220))
    )
    family = sm.Family(mass, sample={x: sp.S.Naturals0}, parameters={p: UNIT})
    found = family.manifold().metric[0, 0].subs(p, sp.Rational(1, 2)).evalf(15)
    with mpmath.workdps(30):
        rows = [[mpmath.exp(k * mpmath.log(m) - m - mpmath.loggamma(k + 1)) for m in (150, 220)]
                for k in range(600)]  # fmt: skip
        direct = mpmath.fsum((a - b) ** 2 / ((a + b) / 2) for a, b in rows)
    assert abs(float(found) - float(direct)) < 1e-11


@pytest.mark.slow
def test_two_weights_of_three_normal_components() -> None:
    """Their exponentials make a polynomial of high degree, which must not be factored."""

    def normal(m: int, d: int) -> sp.Expr:
        return sp.exp(-((x - m) ** 2) / (2 * sp.Integer(d) ** 2)) / (d * sp.sqrt(2 * sp.pi))

    density = p * normal(0, 1) + q * normal(3, 2) + (1 - p - q) * normal(-2, 1)
    family = sm.Family(
        density, sample={x: sp.S.Reals}, parameters={p: UNIT, q: UNIT}, constraint=p + q < 1
    )
    start = time.process_time()
    metric = family.manifold().metric
    assert time.process_time() - start < 30
    at = {p: sp.Rational(3, 10), q: sp.Rational(2, 5)}
    parts = [lambda t, m=m, d=d: mpmath.npdf(t, m, d) for m, d in ((0, 1), (3, 2), (-2, 1))]
    weights = (mpmath.mpf(3) / 10, mpmath.mpf(2) / 5, mpmath.mpf(3) / 10)
    for i, j in itertools.combinations_with_replacement(range(2), 2):

        def integrand(t: mpmath.mpf, i: int = i, j: int = j) -> mpmath.mpf:
            values = [f(t) for f in parts]
            total = mpmath.fdot(weights, values)
            return (values[i] - values[2]) * (values[j] - values[2]) / total

        direct = mpmath.quad(integrand, [-14, -6, -3, -1, 1, 4, 8, 20])
        assert abs(float(metric[i, j].subs(at).evalf(15)) - float(direct)) < 1e-12


@pytest.mark.slow
def test_three_counts_with_a_symbolic_constant() -> None:
    """The negative multinomial; its tails are long, and a cube of them is too large."""
    r = sp.Symbol("r", positive=True)
    cells, rest = (p, q, s), 1 - p - q - s
    counts = (x, y, z)
    log_density = sp.loggamma(r + x + y + z) - sp.loggamma(r) + r * sp.log(rest)
    log_density += sum(
        k * sp.log(c) - sp.loggamma(k + 1) for k, c in zip(counts, cells, strict=True)
    )
    family = sm.Family(
        log_density=log_density,
        sample=dict.fromkeys(counts, sp.S.Naturals0),
        parameters=dict.fromkeys(cells, UNIT),
        constraint=p + q + s < 1,
        constants=[r],
    )
    start = time.process_time()
    metric = family.manifold().metric
    assert time.process_time() - start < 40
    expected = sp.Matrix(3, 3, lambda i, j: r / rest**2 + (r / (rest * cells[i]) if i == j else 0))
    assert (metric - expected).applyfunc(sp.cancel) == sp.zeros(3)
