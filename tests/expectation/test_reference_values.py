"""g, T and Gamma^(alpha) of the reference families against values made by quadrature."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mpmath
import pytest
import sympy as sp

import statmani as sm
from statmani.declaration import Declaration
from statmani.errors import IntractableExpectation
from statmani.expectation.derive import derive

NAMES = sorted(
    json.loads(
        (Path(__file__).parents[1] / "references" / "acceptance.json").read_text(encoding="utf-8")
    )
)
WITHOUT_CLOSED_FORM = ("skew_normal", "normal_mixture2", "negbin")
CLOSED = [name for name in NAMES if name not in WITHOUT_CLOSED_FORM]


def value_at(expr: sp.Expr, point: dict[sp.Symbol, sp.Rational]) -> sp.Float:
    """Thirty digits; at a removable singularity the mean of two neighbours (error 1e-24)."""
    exact = expr.xreplace(point)
    if not exact.has(sp.nan, sp.zoo, sp.oo):
        return sp.N(exact, 30)
    step = sp.Rational(1, 10**12)
    sides = [
        sp.N(expr.xreplace({s: v + sign * step for s, v in point.items()}), 120) for sign in (1, -1)
    ]
    return sp.N((sides[0] + sides[1]) / 2, 30)


def close(value: sp.Expr, expected: str) -> bool:
    target = sp.Float(expected, 30)
    return bool(abs(value - target) <= 1e-15 * (abs(target) if float(target) else 1))


@pytest.mark.parametrize("name", CLOSED)
def test_tensors_and_connections(
    name: str, declared: Callable[..., Declaration], reference: dict[str, Any]
) -> None:
    declaration, data = declared(name), reference[name]
    derivation = derive(declaration, effort=0)
    thetas = declaration.parameters
    point = {
        t: sp.Rational(data["at"][p]) for t, (p, _) in zip(thetas, data["parameters"], strict=True)
    }
    n = range(len(thetas))
    g = derivation.metric

    def skew(i: int, j: int, k: int) -> sp.Expr:
        a, b, c = sorted((i, j, k))
        return derivation.skewness.get((a, b, c), sp.Integer(0))

    for i, j in itertools.product(n, n):
        assert close(value_at(g[i, j], point), data["metric"][i][j]), (i, j)
    for i, j, k in itertools.product(n, n, n):
        assert close(value_at(skew(i, j, k), point), data["skewness"][i][j][k]), (i, j, k)
    slopes = {
        (i, j, k): value_at(g[i, j].diff(thetas[k]), point)
        for i, j, k in itertools.product(n, n, n)
        if i <= j
    }

    def slope(i: int, j: int, k: int) -> sp.Expr:
        return slopes[min(i, j), max(i, j), k]

    for alpha, table in data["christoffel_first"].items():
        for i, j, k in itertools.product(n, n, n):
            levi_civita = (slope(j, k, i) + slope(i, k, j) - slope(i, j, k)) / 2
            value = levi_civita - sp.Rational(alpha) / 2 * value_at(skew(i, j, k), point)
            assert close(sp.N(value, 25), table[i][j][k]), (alpha, i, j, k)


def test_a_kink_is_refused_with_the_reason() -> None:
    x, m = sp.symbols("x m", real=True)
    a = sp.Symbol("a", positive=True)
    constant = sp.sqrt(sp.pi / a) * sp.exp(1 / (4 * a)) * sp.erfc(1 / (2 * sp.sqrt(a)))
    density = sp.exp(-sp.Abs(x - m) - a * (x - m) ** 2) / constant
    declaration = sm.Family(density, sample=x, parameters=(m, a)).declaration
    with pytest.raises(
        IntractableExpectation,
        match=r"g\[0,0\]: no closed form found. Tried: .* a kink whose place moves",
    ):
        derive(declaration, effort=0)


def test_a_kink_that_only_shifts_and_stretches() -> None:
    x, m = sp.symbols("x m", real=True)
    b = sp.Symbol("b", positive=True)
    u = (x - m) / b
    constant = sp.sqrt(2 * sp.pi) * sp.exp(sp.Rational(1, 2)) * sp.erfc(1 / sp.sqrt(2))
    density = sp.exp(-sp.Abs(u) - u**2 / 2) / (constant * b)
    manifold = sm.Family(density, sample=x, parameters=(m, b)).manifold(effort=0)
    context = mpmath.MPContext()

    def half(f: Callable[[Any], Any]) -> Any:
        return context.quad(lambda t: f(t) * context.exp(-t - t * t / 2), [0, 1, 3, 12])

    mass = half(lambda t: 1)
    location = half(lambda t: (1 + t) ** 2) / mass
    # Differentiating g keeps what the kink contributes to the Christoffel symbols.
    at = {m: 3, b: 2}
    first = manifold.levi_civita.christoffel_first
    assert abs(manifold.metric[0, 0].subs(at).evalf(15) - location / 4) < 1e-12
    assert abs(first[0, 0, 1].subs(at).evalf(15) - location / 8) < 1e-12
    mixed = half(lambda t: (1 + t) ** 2 * (t + t * t - 1)) / mass
    assert abs(manifold.skewness[0, 0, 1].subs(at).evalf(15) - mixed / 8) < 1e-12


@pytest.mark.parametrize("name", ["gamma_scale", "weibull", "log_logistic", "categorical3"])
def test_names_do_not_matter(name: str, declared: Callable[..., Declaration]) -> None:
    first, second = derive(declared(name)), derive(declared(name, prefix="zz_"))
    assert first.metric == second.metric
    assert first.skewness == second.skewness


@pytest.mark.parametrize("name", ["gamma_scale", "weibull", "inverse_gaussian", "lomax"])
def test_order_of_parameters_does_not_matter(
    name: str, declared: Callable[..., Declaration]
) -> None:
    there, back = declared(name), declared(name, order=[1, 0])
    first, second = derive(there), derive(back)
    a, b = there.parameters
    c, d = back.parameters
    swap = {c: b, d: a}
    at = {a: sp.Rational(9, 7), b: sp.Rational(13, 5)}
    for i, j in itertools.product(range(2), range(2)):
        moved = second.metric[1 - i, 1 - j].xreplace(swap)
        assert abs(sp.N((moved - first.metric[i, j]).xreplace(at), 30)) < 1e-25
    for i, j, k in itertools.combinations_with_replacement(range(2), 3):
        x, y, z = sorted((1 - i, 1 - j, 1 - k))
        moved = second.skewness.get((x, y, z), sp.Integer(0)).xreplace(swap)
        difference = moved - first.skewness.get((i, j, k), sp.Integer(0))
        assert abs(sp.N(difference.xreplace(at), 30)) < 1e-25
