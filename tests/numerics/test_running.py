"""Bounds of rounding errors hold, and are not idle."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

from statmani.numerics.running import RunningError, Unsupported

x, y = sp.symbols("x y", positive=True)
EXPRESSIONS = [
    x - y,
    (x - y) / (sp.sqrt(x) + sp.sqrt(y)),
    sp.sqrt(x**2 - y**2 + y),
    sp.log(x / y) * sp.exp(-x),
    sp.asinh(sp.sqrt((x - y) ** 2 / (4 * x * y))),
    sp.atan2(x - y, x - 2) + sp.sin(7 * x) * sp.cos(y),
    sp.acosh(1 + x) - sp.acosh(1 + y),
    sp.tanh(x) - sp.tan(y / 3) + sp.pi * x ** sp.Rational(-5, 3),
    sp.atanh(x / (1 + x)) * sp.sinh(y) + sp.cosh(x) - sp.asin(y / (1 + y)) + x**y,
    sp.acos(y / (1 + y)) * sp.atan(x) + sp.Abs(x - y),
]


@pytest.mark.parametrize("expr", EXPRESSIONS, ids=str)
def test_bounds(expr):
    rng = np.random.default_rng(3)
    rows = np.exp(rng.normal(0, 1, (60, 2)))
    rows[20:40, 1] = rows[20:40, 0] * (1 + 1e-9 * rng.normal(size=20))
    value, error = RunningError(expr, (x, y))(rows)
    sharp = 0
    for row, found, bound in zip(rows, value, error, strict=True):
        exact = expr.xreplace({s: sp.Float(float(t), 60) for s, t in zip((x, y), row, strict=True)})
        exact = exact.evalf(40)
        if not np.isfinite(bound) or not exact.is_real:
            continue
        wrong = abs(sp.Float(float(found), 40) - exact)
        assert wrong <= bound
        sharp += bool(bound <= 200 * max(float(wrong), 2.0**-53 * abs(found)))
    assert sharp >= 20


def test_what_cannot_be_told_from_zero():
    value, error = RunningError(sp.sqrt(x - y), (x, y), rounded=1)(np.array([[1.0, 1.0]]))
    assert value == 0.0
    assert 1e-8 < error < 2e-8


def test_functions_without_a_rule():
    with pytest.raises(Unsupported, match="no rule for gamma"):
        RunningError(sp.gamma(x), (x,))
    with pytest.raises(Unsupported, match="not real"):
        RunningError(sp.I * x, (x,))
