"""Unevaluated expectations as sympy numbers: special values, long sums, rebuilding, code."""

from __future__ import annotations

import warnings
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy as sp

import statmani as sm
from statmani.errors import OutsideDomain, StatmaniWarning
from statmani.expectation.evaluate import new_context
from statmani.expectation.expectation import unevaluated
from statmani.expectation.lattice_sums import gram_rule

ONE = sp.Integer(1)


def entry(family: sm.Family, *monomial: tuple[int, ...]) -> sp.Expr:
    declaration = family.declaration
    return declaration.external(unevaluated(declaration, ONE, monomial))


@pytest.fixture(scope="module")
def skew() -> sm.Family:
    return sm.families.skew_normal()


@pytest.fixture(scope="module")
def copula() -> sm.Family:
    x, y, a = sp.symbols("x y a")
    unit = sp.Interval.open(0, 1)
    return sm.Family(
        1 + a * (1 - 2 * x) * (1 - 2 * y),
        sample={x: unit, y: unit},
        parameters={a: sp.Interval.open(-1, 1)},
    )


@pytest.mark.parametrize("zero", [sp.S.Zero, sp.Float("0.0"), sp.sqrt(2) - sp.sqrt(2)])
def test_a_parameter_may_be_zero(skew: sm.Family, zero: sp.Expr) -> None:
    xi, omega, a = skew.parameters
    g = entry(skew, (0,), (2,)).subs({xi: zero, omega: 1, a: 2})

    context = mpmath.MPContext()
    context.dps = 25

    def integrand(z: Any) -> Any:
        ratio = context.npdf(2 * z) / context.ncdf(2 * z)
        # Scores of 2 phi(x - xi) Phi(a (x - xi)) by xi and a.
        return 2 * context.npdf(z) * context.ncdf(2 * z) * (z - 2 * ratio) * z * ratio

    expected = context.quad(integrand, [-14, -6, -3, -1, 0, 1, 3, 14])
    assert abs(g.evalf(20) - sp.Float(str(expected), 25)) < 1e-19
    assert abs(float(g) - float(expected)) < 1e-15
    assert abs(float(2 * g + 1) - float(2 * expected + 1)) < 1e-15


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (sp.S.Zero, r"parameter 1 is 0, outside \(0, inf\)"),
        (sp.I, "parameter 1 is I, which is no finite real number"),
        (1 + sp.I / 3, "no finite real number"),
        (sp.oo, "parameter 1 is oo, which is no finite real number"),
        (sp.nan, "no finite real number"),
    ],
)
def test_values_outside_the_domain_are_told(skew: sm.Family, value: sp.Expr, told: str) -> None:
    xi, omega, a = skew.parameters
    g = entry(skew, (0,), (2,)).subs({xi: 0, omega: value, a: 2})
    with pytest.raises(OutsideDomain, match=told):
        g.evalf()
    if value.is_finite and value.is_real is False:
        with pytest.raises(OutsideDomain, match="which is not real"):
            sp.lambdify(omega, entry(skew, (0,), (2,)).subs({xi: 0, a: 2}), "mpmath")(
                mpmath.mpmathify(sp.N(value))
            )


def test_rebuilding_follows_sympy(skew: sm.Family) -> None:
    g = entry(skew, (0,), (2,))
    for node in (g, g.args[0], g.subs(skew.parameters[0], 0)):
        assert node.func(*node.args) == node
        assert hash(node.func(*node.args)) == hash(node)
        assert node.doit() == node
        assert sp.simplify(node) == node
    xi = skew.parameters[0]
    matrix = sp.Matrix([[g, xi + xi], [sp.Integral(xi, (xi, 0, 1)), g**2]])
    done = matrix.doit()
    assert done[0, 0] == g
    assert done[1, 0] == sp.Rational(1, 2)
    assert matrix.applyfunc(sp.simplify)[1, 1] == g**2
    assert sp.Subs(g, xi, 0).doit() == g.subs(xi, 0)
    assert sp.simplify(g.subs(xi, sp.sin(xi) ** 2 + sp.cos(xi) ** 2)) == g.subs(xi, 1)


def test_two_variables_give_floats(copula: sm.Family) -> None:
    (a,) = copula.parameters
    g = entry(copula, (0,), (0,)).subs(a, sp.Rational(2, 5))
    # 1/(1 + a u v) as a geometric series: E[l^2] = sum of a^(2k) (int u^(2k + 2))^2.
    expected = sum(0.4 ** (2 * k) / (2 * k + 3) ** 2 for k in range(40))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert abs(float(g) - expected) < 1e-14
        assert abs(g.evalf() - expected) < 1e-14
        assert abs(g.evalf(14) - expected) < 1e-13
        exact = sum(sp.Rational(2, 5) ** (2 * k) / sp.Integer(2 * k + 3) ** 2 for k in range(60))
        assert abs(g.evalf(20) - exact) < sp.Float("1e-20", 30)
        # Differences ask for guard digits on the way.
        difference = float(g * entry(copula, (0,), (0,)).subs(a, 0) - g**2)
    assert abs(difference - (expected / 9 - expected**2)) < 1e-14


@pytest.mark.slow
def test_two_variables_give_the_digits_asked_for() -> None:
    x, y, r = sp.symbols("x y r", real=True)
    k = sp.Symbol("k", integer=True, nonnegative=True)
    u, a, b = sp.symbols("u a b", positive=True)
    normal = sm.Family(
        log_density=-(x**2 - 2 * r * x * y + y**2) / (2 * (1 - r**2))
        - sp.log(2 * sp.pi)
        - sp.log(1 - r**2) / 2,
        sample={x: sp.S.Reals, y: sp.S.Reals},
        parameters={r: sp.Interval.open(-1, 1)},
    )
    moment = sm.Expectation.of(normal, x**2 * y**2).subs(r, sp.Rational(1, 2))
    mixed = sm.Family(
        log_density=sp.log(a) - a * u - b * u + k * sp.log(b * u) - sp.loggamma(k + 1),
        sample={u: sp.Interval.open(0, sp.oo), k: sp.S.Naturals0},
        parameters=[a, b],
    )
    product = sm.Expectation.of(mixed, u * k).subs({a: 6, b: 1})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # E[x^2 y^2] = 1 + 2 r^2; E[u k] = b E[u^2].
        for value, exact in ((moment, sp.Rational(3, 2)), (product, sp.Rational(1, 18))):
            assert abs(value.evalf(18) / sp.Float(exact, 30) - 1) < 1e-18


def test_counts_that_depend_on_counts_give_the_digits_asked_for() -> None:
    j, k = sp.symbols("j k", integer=True, nonnegative=True)
    a, b = sp.symbols("a b", positive=True)
    counts = sm.Family(
        log_density=j * sp.log(a) - a - sp.loggamma(j + 1)
        + k * sp.log(b * (j + 1)) - b * (j + 1) - sp.loggamma(k + 1),
        sample={j: sp.S.Naturals0, k: sp.S.Naturals0},
        parameters=[a, b],
    )  # fmt: skip
    value = sm.Expectation.of(counts, j * k).subs({a: 2, b: sp.Rational(1, 3)})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # b E[j (j + 1)]
        assert abs(value.evalf(25) / sp.Float(sp.Rational(8, 3), 40) - 1) < 1e-25


@pytest.mark.slow
def test_mixed_sums_go_on_until_nothing_is_left() -> None:
    u, a, b = sp.symbols("u a b", positive=True)
    k = sp.Symbol("k", integer=True, nonnegative=True)
    family = sm.Family(
        log_density=a * sp.log(b) - sp.loggamma(a) + (a - 1) * sp.log(u) - b * u
        - u + k * sp.log(u) - sp.loggamma(k + 1),
        sample={u: sp.Interval.open(0, sp.oo), k: sp.S.Naturals0},
        parameters=[a, b],
    )  # fmt: skip
    # A count with the tail 0.8^k, which 48 terms do not hold.
    mean = sm.Expectation.of(family, k * u).subs({a: 2, b: sp.Rational(1, 4)})
    assert abs(float(mean.evalf(12)) / 96 - 1) < 1e-11


def test_fewer_digits_are_named() -> None:
    x, y, z, a = sp.symbols("x y z a", real=True)
    three = sm.Family(
        log_density=-(x**2 + y**2 + (z - a * x * y) ** 2) / 2 - 3 * sp.log(2 * sp.pi) / 2,
        sample={x: sp.S.Reals, y: sp.S.Reals, z: sp.S.Reals},
        parameters=a,
    )
    square = sm.Expectation.of(three, z**2).subs(a, sp.Rational(1, 2))
    with pytest.warns(StatmaniWarning, match=r"about 1\d digits are reached, not 2\d; the digits"):
        found = square.evalf(20)
    assert abs(found - sp.Rational(5, 4)) < 1e-11


@pytest.mark.parametrize(
    ("size", "chance"),
    [
        (sp.Integer(200), sp.Rational(1, 100)),
        (sp.Integer(20000), sp.Rational(1, 2)),
        (sp.Rational(1, 50), sp.Rational(1, 200)),
    ],
)
def test_long_sums(size: sp.Expr, chance: sp.Expr) -> None:
    family = sm.families.negbin()
    r, p = family.parameters
    value = -entry(family, (0, 0)).subs({r: size, p: chance})
    context = mpmath.MPContext()
    context.dps = 40
    shape, success = (context.mpf(int(v.p)) / int(v.q) for v in (size, chance))

    def integrand(s: Any) -> Any:
        # E[psi'(r) - psi'(r + X)] through the generating function of X, with t = exp(s).
        t = context.exp(s)
        generating = (success / (1 - (1 - success) * context.exp(-t))) ** shape
        return t * t * context.exp(-shape * t) / -context.expm1(-t) * (1 - generating)

    expected = context.quad(integrand, [-60, -25, -18, -14, -10, -7, -5, -3, -1, 1, 3, 5, 7, 9, 11])
    assert abs(value.evalf(20) / sp.Float(str(expected), 30) - 1) < 1e-18


def test_rough_terms_are_summed_one_by_one() -> None:
    family = sm.families.poisson()
    (rate,) = family.parameters
    x = family.sample[0]
    mean = 40000
    distance = sm.Expectation.of(family, sp.Abs(x - mean)).subs(rate, mean).evalf(12)
    # De Moivre's mean absolute deviation.
    expected = 2 * mean * mpmath.exp(mean * mpmath.log(mean) - mean - mpmath.loggamma(mean + 1))
    assert abs(distance / float(expected) - 1) < 1e-10


def test_gram_rules_sum_polynomials_exactly() -> None:
    context = new_context(40)
    for length, count in ((80, 30), (501, 12)):
        rule = gram_rule(length, count, context)
        for degree in (0, 1, 2, 7, 2 * count - 2):
            centre = sp.Rational(length - 1, 2)
            exact = sum((k - centre) ** degree for k in range(length))
            found = context.fsum(w * x**degree for x, w in rule)
            scale = sum(abs(k - centre) ** degree for k in range(length))
            assert abs(sp.Float(str(found), 40) - exact) < 1e-36 * scale


def test_printed_code_has_the_values(skew: sm.Family) -> None:
    xi, omega, a = skew.parameters
    g = entry(skew, (0,), (2,))
    at = {xi: 0, omega: 1, a: 2}
    expected = g.subs(at).evalf(30) ** 2 + 2
    for modules in (None, "numpy", "scipy", "math"):
        function = sp.lambdify((xi, omega, a), g**2 + a, modules)
        assert abs(function(0, 1, 2) - float(expected)) < 1e-14
    array = sp.lambdify((xi, omega, a), g**2 + a, "numpy")(0.0, 1.0, np.array([[2.0, 3.0]]))
    other = g.subs({**at, a: 3}).evalf(15) ** 2 + 3
    assert np.allclose(array, [[float(expected), float(other)]], rtol=1e-13)
    with mpmath.workdps(25):
        precise = sp.lambdify((xi, omega, a), g**2 + a, "mpmath")(0, 1, mpmath.mpf(2))
        assert abs(precise - mpmath.mpf(str(expected))) < 1e-23
