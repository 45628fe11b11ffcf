"""Derivatives by our own rules against numeric differences of values."""

from __future__ import annotations

import mpmath
import pytest
import sympy as sp

from statmani.derivatives import derivative

X, A, B = sp.symbols("x a b", positive=True)
EXPRESSIONS = [
    X**A * sp.exp(-B * X) / sp.gamma(A),
    A * sp.log(B) + (A - 1) * sp.log(X) - sp.loggamma(A),
    (1 + (X / B) ** 2) ** (-A),
    X**X**A,
    B ** (A * X) * sp.sin(X * A) / (1 + sp.cos(B) ** 2),
    sp.polygamma(1, A * X) * sp.erf(A / B),
    sp.besseli(0, A * X) - sp.besselk(1, X / A),
    sp.Abs(X - A) * B,
    sp.Piecewise((A**2, X < B), (A * X, True)),
    sp.log(sp.exp(A * X) + sp.exp(-(A**2) * B)),
    sp.sqrt(A**2 + sp.tanh(X)) ** 3,
    sp.Integer(3),
    B,
]


@pytest.mark.parametrize("expression", EXPRESSIONS, ids=str)
@pytest.mark.parametrize("symbol", [A, X])
def test_differences(expression: sp.Expr, symbol: sp.Symbol) -> None:
    context = mpmath.MPContext()
    context.dps = 40
    point = {X: sp.Rational(7, 5), A: sp.Rational(9, 4), B: sp.Rational(3, 8)}

    def value(shift: sp.Rational, of: sp.Expr) -> mpmath.mpf:
        moved = {**point, symbol: point[symbol] + shift}
        return context.mpf(sp.Float(sp.N(of.subs(moved), 40), 40)._mpf_)

    step = sp.Rational(1, 10**12)
    difference = (value(step, expression) - value(-step, expression)) / (2 * context.mpf(10) ** -12)
    found = value(sp.Integer(0), derivative(expression, symbol))
    assert abs(found - difference) < 1e-18 * (1 + abs(found))


def test_free_of_the_symbol() -> None:
    assert derivative(sp.sin(A), X) == 0
    assert derivative(X, X) == 1


def test_floats_and_integers_are_kept_apart() -> None:
    assert derivative(X**2, X).args[0] == sp.Integer(2)
    assert derivative(X**2.0, X).has(sp.Float)
