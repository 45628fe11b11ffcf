"""Arc lengths of one-dimensional manifolds beside quadrature."""

from __future__ import annotations

import mpmath
import pytest
import sympy as sp

import statmani as sm
from statmani.geometry.arc_length import arc_length
from statmani.geometry.constant_parts import constant_parts

x = sp.Symbol("x", real=True)
t, c = sp.symbols("t c", positive=True)
LINE, RAY, UNIT = sp.S.Reals, sp.Interval.open(0, sp.oo), sp.Interval.open(0, 1)


def length(domain, g, symbol=x):
    (piece,) = constant_parts(sm.StatisticalManifold({symbol: domain}, [[g]]))
    found = arc_length(piece)
    return None if found is None else found.coordinates[0] * sp.sqrt(found.weights[0])


@pytest.mark.parametrize(
    ("domain", "g"),
    [
        (UNIT, 1 / x / (1 - x)),
        (UNIT, 3 / x**2 / (1 - x)),
        (LINE, sp.exp(x) / (1 + sp.exp(x)) ** 2),
        (RAY, (2 * x + 1) / x**2 / 2),
        (RAY, 7 / x / (x + 2)),
        (LINE, 1 + x**2),
        (UNIT, (1 + x**2) / (1 - x**2) ** 2),
        (LINE, (4 * x**2 + 3) / (x**2 + 1) ** 2),
        (LINE, 1 + sp.exp(x)),
        (LINE, 1 / sp.cosh(x) ** 2),
        (RAY, (1 + x) ** 2 / x),
        (RAY, sp.exp(-3 * x)),
        (sp.Interval.open(2, 5), (x - 2) / (5 - x)),
        (sp.Interval.open(-sp.oo, -1), 1 / (x * (x + 1))),
    ],
    ids=str,
)
def test_beside_quadrature(domain, g):
    context = mpmath.MPContext()
    context.dps = 30
    low, high = sm.StatisticalManifold({x: domain}, [[g]]).domain.interior_points(2, seed=4)
    speed = sp.lambdify(x, sp.sqrt(g), "mpmath")
    expected = context.quad(lambda z: context.sqrt(context.mpf(speed(z) ** 2)), [low[0], high[0]])
    found = length(domain, g)
    change = (found.subs(x, high[0]) - found.subs(x, low[0])).evalf(30)
    assert abs(float(change)) == pytest.approx(abs(float(expected)), rel=1e-13)


def test_constants():
    found = length(RAY, c / (t * (t + c)), t)
    assert sp.simplify(found.diff(t) ** 2 - c / (t * (t + c))) == 0


@pytest.mark.parametrize("g", [1 + x**4, sp.polygamma(1, sp.exp(x)), 1 + x * sp.exp(x) ** 2 + x**2])
def test_what_is_not_elementary_is_not_found(g):
    assert length(LINE, g) is None
