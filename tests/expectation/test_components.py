"""Densities that are sums of components, and normal densities with error functions."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sympy as sp
from scipy import integrate

from statmani.declare import declare
from statmani.expectation.components import components, error_function_mean
from statmani.expectation.normalise import Signs, normalise

x, t = sp.symbols("x t")
NORMAL = -(x**2) / 2 - sp.log(2 * sp.pi) / 2
PLACES = [sp.Rational(-7, 5), sp.Rational(2, 3), sp.Integer(2)]


def declared(ell: sp.Expr):
    box = {t: sp.Interval.open(0, 1)}
    return declare(None, ell, {x: sp.S.Reals}, box, None, None, (), None)


@pytest.mark.parametrize(
    "ell",
    [
        sp.log(t * sp.exp(-(x**2) / 2) + (1 - t) * sp.exp(-((x - 3) ** 2) / 2))
        - sp.log(2 * sp.pi) / 2,
        NORMAL + sp.log(sp.erfc(-t * x)),
        NORMAL + sp.log(1 + sp.erf(t * x)),
    ],
    ids=["mixture", "erfc", "erf"],
)
def test_the_components_add_up_to_the_density(ell: sp.Expr) -> None:
    declaration = declared(ell)
    signs = Signs(declaration)
    own = normalise(declaration.log_density, declaration, signs)
    parts = components(own, declaration, signs)
    assert parts
    total = sum(sp.exp(level) * factor for level, factor in parts)
    (theta,), place = declaration.parameters, declaration.variables[0].symbol
    for value in PLACES:
        at = {theta: sp.Rational(2, 7), place: value}
        exact = sp.exp(declaration.log_density)
        assert abs((total / exact).subs(at).evalf(25) - 1) < 1e-20


def test_a_density_that_is_no_sum_has_no_components() -> None:
    declaration = declared(NORMAL - t * x - t**2 / 2)
    assert components(declaration.log_density, declaration, Signs(declaration)) is None


@pytest.mark.parametrize("power", range(4))
@pytest.mark.parametrize("function", [sp.erf, sp.erfc])
def test_moments_with_an_error_function(function: type[sp.Function], power: int) -> None:
    # Stein's identity against quadrature, under N(t, 1) tilted by exp(x/3).
    declaration = declared(NORMAL.subs(x, x - t))
    (theta,), place = declaration.parameters, declaration.variables[0].symbol
    rest = place**power * function(sp.Rational(1, 2) + theta * place)
    found = error_function_mean(declaration.log_density, place / 3, rest, declaration)
    assert found is not None
    numeric = {sp.erf: math.erf, sp.erfc: math.erfc}[function]

    def integrand(v: float) -> float:
        bell = np.exp(-((v - 0.75) ** 2) / 2 + v / 3) / np.sqrt(2 * np.pi)
        return bell * v**power * numeric(0.5 + 0.75 * v)

    expected = integrate.quad(integrand, -12, 14, epsabs=1e-13, limit=200)[0]
    assert float(found.subs(theta, sp.Rational(3, 4))) == pytest.approx(expected, abs=1e-10)
