"""Differences without cancellation, beside 60 digits."""

from __future__ import annotations

import pytest
import sympy as sp
from sympy import S

from statmani.geometry.differences import stable_difference

x, y = sp.symbols("x y", positive=True)
FUNCTIONS = [
    1 / x**3, x ** S("5/3"), x ** S("-3/2"), x ** S("3/11"), x**sp.pi, 2**x, x**x,
    sp.exp(-2 * x) * sp.sqrt(1 + x), sp.log(x) / (1 + x**2), sp.sin(3 * x), sp.cos(x) ** 2,
    sp.tan(x), sp.sinh(x), sp.cosh(2 * x), sp.tanh(x), sp.asin(x), sp.acos(x), sp.atan(3 * x),
    sp.asinh(x), sp.acosh(2 + x), sp.atanh(x), sp.log(sp.exp(x) - 1), sp.erf(x), S(3),
]  # fmt: skip


@pytest.mark.parametrize("f", FUNCTIONS, ids=str)
def test_exactly_the_difference(f):
    found = stable_difference(f, {x: y})
    for a, b in (("0.3", "0.7"), ("0.9", "0.1"), ("0.4", "0.4")):
        at = {x: sp.Rational(a), y: sp.Rational(b)}
        assert abs((found - (f - f.subs(x, y))).xreplace(at).evalf(60)) < 1e-50


@pytest.mark.parametrize("f", [f for f in FUNCTIONS if not f.has(sp.erf) and f.has(x)], ids=str)
def test_no_digits_are_lost(f):
    """In 15 digits, points 1e-12 apart; the change itself is given exactly."""
    d = sp.Symbol("d")
    function = sp.lambdify((x, y, d), stable_difference(f, {x: y}, {x: d}), "mpmath")
    a, change = 0.3, 2.0**-40
    # In between lies the derivative, but for the square of the change.
    slope = float(f.diff(x).subs(x, sp.Rational(a + change / 2)).evalf(30)) * change
    assert float(function(a + change, a, change)) == pytest.approx(slope, rel=1e-14)
