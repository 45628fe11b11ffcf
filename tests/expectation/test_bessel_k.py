"""Bessel functions of the second kind to many digits, and a density that is made of them."""

from __future__ import annotations

import time

import mpmath
import numpy as np
import pytest
import sympy as sp
from scipy import integrate, special

import statmani as sm
from statmani.expectation.bessel_k import bessel_k


@pytest.mark.parametrize("digits", [15, 30, 62])
@pytest.mark.parametrize("order", [0, 1, 2.5, -3, 12])
def test_all_digits(digits: int, order: float) -> None:
    context, fine = mpmath.MPContext(), mpmath.MPContext()
    context.dps, fine.dps = digits, digits + 20
    for z in ("0.06", "0.7", "3", "11.5", "130", "1400"):
        found = bessel_k(context, context.mpf(order), context.mpf(z))
        # The same function at the same double-rounded argument.
        exact = fine.besselk(order, fine.mpf(context.mpf(z)))
        assert abs(fine.mpf(found) / exact - 1) < fine.mpf(10) ** (2 - digits)


def test_the_working_precision_stays() -> None:
    context = mpmath.MPContext()
    context.dps = 20
    bessel_k(context, 1, context.mpf(2))
    assert context.dps == 20


@pytest.mark.slow
def test_normal_inverse_gaussian() -> None:
    x, a, d = sp.symbols("x a d")
    root = sp.sqrt(d**2 + x**2)
    density = a * d * sp.besselk(1, a * root) / (sp.pi * root) * sp.exp(a * d)
    positive = sp.Interval.open(0, sp.oo)
    family = sm.Family(density, sample={x: sp.S.Reals}, parameters={a: positive, d: positive})
    start = time.process_time()
    metric = family.manifold().metric
    assert time.process_time() - start < 60
    at = {a: sp.Rational(3, 2), d: sp.Rational(4, 5)}

    def integrand(t: float) -> float:
        size = np.sqrt(0.8**2 + t**2)
        low, middle, high = special.kve([0, 1, 2], 1.5 * size)
        slope = 1 / 1.5 - size * (low + high) / (2 * middle) + 0.8
        return float(slope**2 * 1.5 * 0.8 * middle / (np.pi * size) * np.exp(1.5 * (0.8 - size)))

    direct = 2 * integrate.quad(integrand, 0, 40, epsabs=1e-13, epsrel=1e-12)[0]
    assert abs(float(metric[0, 0].subs(at).evalf(15)) - direct) < 1e-11
