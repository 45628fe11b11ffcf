"""Users' own expectations against textbook moments, and the bounded integrator."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sympy as sp

from statmani.declaration import Declaration
from statmani.errors import IntractableExpectation
from statmani.expectation.expect import expect
from statmani.expectation.integration import Budget, integrate


def test_textbook_moments(declared: Callable[..., Declaration]) -> None:
    normal = declared("normal")
    mu, sigma = normal.parameters
    x = normal.variables[0].symbol
    assert sp.expand(expect(normal, x**4) - mu**4 - 6 * mu**2 * sigma**2 - 3 * sigma**4) == 0
    weibull = declared("weibull")
    k, scale = weibull.parameters
    mean = expect(weibull, weibull.variables[0].symbol)
    at = {k: sp.Rational(7, 3), scale: sp.Rational(5, 4)}
    assert abs(sp.N((mean - scale * sp.gamma(1 + 1 / k)).xreplace(at), 30)) < 1e-28
    poisson = declared("poisson")
    assert expect(poisson, poisson.variables[0].symbol) == poisson.parameters[0]


def test_moment_that_does_not_exist(declared: Callable[..., Declaration]) -> None:
    cauchy = declared("cauchy")
    with pytest.raises(IntractableExpectation, match=r"does not converge at .* or does not exist"):
        expect(cauchy, cauchy.variables[0].symbol)


def test_child_process_integrates_and_is_bounded(declared: Callable[..., Declaration]) -> None:
    exponential = declared("exponential_rate")
    (rate,) = exponential.parameters
    x = exponential.variables[0].symbol
    assert sp.simplify(integrate(exponential, x**2, Budget(60)) - 2 / rate**2) == 0
    assert integrate(exponential, x**2, Budget(0)) is None
    skew = declared("skew_normal")
    score = skew.log_density.diff(skew.parameters[2])
    assert integrate(skew, score**2, Budget(0.3)) is None
    assert sp.simplify(integrate(exponential, x, Budget(60)) - 1 / rate) == 0
