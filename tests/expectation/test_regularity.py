"""Moving supports, unidentifiable parameters, densities that are none."""

from __future__ import annotations

from typing import Any

import pytest
import sympy as sp

from statmani.declaration import Declaration
from statmani.declare import declare
from statmani.errors import InvalidFamily, RegularityError
from statmani.expectation.derive import derive
from statmani.expectation.quadrature import check_density

x, y = sp.symbols("x y", real=True)
a, b, m = sp.symbols("a b m", real=True)
POSITIVE = sp.Interval.open(0, sp.oo)
LINE = sp.S.Reals


def family(ell: sp.Expr, sample: dict[Any, Any], parameters: dict[Any, Any]) -> Declaration:
    return declare(None, ell, sample, parameters, None, None, [], None)


def test_uniform_with_a_moving_end() -> None:
    declaration = family(-sp.log(a), {x: sp.Interval.open(0, a)}, {a: POSITIVE})
    with pytest.raises(RegularityError, match=r"end a of x moves with a, .*\(distance\)\*\*0 at"):
        derive(declaration)


def test_shifted_exponential() -> None:
    declaration = family(m - x, {x: sp.Interval.open(m, sp.oo)}, {m: LINE})
    with pytest.raises(RegularityError, match=r"end m of x moves with m.*Make the end a constant"):
        derive(declaration)


def weibull3(shapes: sp.Set) -> Declaration:
    ell = sp.log(b) - b * sp.log(a) + (b - 1) * sp.log(x - m) - ((x - m) / a) ** b
    return family(ell, {x: sp.Interval.open(m, sp.oo)}, {m: LINE, a: POSITIVE, b: shapes})


def test_moving_end_depends_on_the_domain() -> None:
    with pytest.raises(RegularityError, match="exponent above 2 is needed"):
        derive(weibull3(POSITIVE))
    g = derive(weibull3(sp.Interval.open(3, sp.oo))).metric
    declaration = weibull3(sp.Interval.open(3, sp.oo))
    _, scale, shape = declaration.parameters
    # E[s_m^2] = (k-1)^2 Gamma(1-2/k) / lambda^2, Smith (1985), Biometrika 72, p. 88.
    expected = (shape - 1) ** 2 * sp.gamma(1 - 2 / shape) / scale**2
    assert abs(sp.N((g[0, 0] - expected).subs({scale: 2, shape: 5}), 30)) < 1e-25


@pytest.mark.parametrize(
    "ell",
    [
        -((x - a - b) ** 2) / 2 - sp.log(2 * sp.pi) / 2,
        -((x - a - b) ** 2) / (2 * (a + b) ** 2) - sp.log(2 * sp.pi) / 2 - sp.log(a + b),
        -sp.log(sp.pi) - sp.log(1 + (x - a - b) ** 2),
    ],
    ids=["full", "curved", "kernel"],
)
def test_unidentifiable_direction_is_named(ell: sp.Expr) -> None:
    with pytest.raises(InvalidFamily, match=r"not identifiable.*\((-1.0, 1.0|1.0, -1.0)\)"):
        derive(family(ell, {x: LINE}, {a: POSITIVE, b: POSITIVE}))


def test_wrong_normalisation_names_the_integral() -> None:
    declaration = family(-x / a, {x: POSITIVE}, {a: POSITIVE})
    with pytest.raises(InvalidFamily, match=r"integral over the support is [\d.]+, not 1, at a = "):
        check_density(declaration)


def test_wrong_sum_names_the_sum() -> None:
    declaration = family(x * sp.log(a), {x: sp.S.Naturals0}, {a: sp.Interval.open(0, 1)})
    with pytest.raises(InvalidFamily, match=r"sum over the support is .* Divide the density by"):
        check_density(declaration)


def test_divergent_integral() -> None:
    declaration = family(-a * sp.log(1 + x) / (1 + a), {x: POSITIVE}, {a: POSITIVE})
    with pytest.raises(InvalidFamily, match="integral over the support"):
        check_density(declaration)


def test_density_that_is_not_real() -> None:
    declaration = family(sp.log(a * sp.sin(x)), {x: LINE}, {a: POSITIVE})
    with pytest.raises(InvalidFamily, match="not a positive real number at x = "):
        check_density(declaration)


HARMLESS = {
    "beta with poles": (
        (a / 10 - 1) * sp.log(x) + (b / 10 - 1) * sp.log(1 - x) - sp.log(sp.beta(a / 10, b / 10)),
        {x: sp.Interval.open(0, 1)},
        {a: POSITIVE, b: POSITIVE},
    ),
    "kumaraswamy": (
        sp.log(a) + sp.log(b / 4) + (a - 1) * sp.log(x) + (b / 4 - 1) * sp.log(1 - x**a),
        {x: sp.Interval.open(0, 1)},
        {a: POSITIVE, b: POSITIVE},
    ),
    "heavy tail": (
        sp.log(a / 5) - (a / 5 + 1) * sp.log(1 + x),
        {x: POSITIVE},
        {a: POSITIVE},
    ),
    "narrow normal far away": (
        -((x - m - 10**6) ** 2) * 10**8 / 2 + sp.log(10**8 / (2 * sp.pi)) / 2,
        {x: LINE},
        {m: LINE},
    ),
    "zeta": (
        -(a + sp.Rational(1, 2)) * sp.log(x) - sp.log(sp.zeta(a + sp.Rational(1, 2))),
        {x: sp.S.Naturals},
        {a: sp.Interval.open(1, sp.oo)},
    ),
    "large poisson": (
        x * sp.log(1000 * a) - 1000 * a - sp.loggamma(x + 1),
        {x: sp.S.Naturals0},
        {a: POSITIVE},
    ),
    "discrete laplace": (
        sp.log((1 - a) / (1 + a)) + sp.Abs(x) * sp.log(a),
        {x: sp.S.Integers},
        {a: sp.Interval.open(0, 1)},
    ),
    "double exponential tails": (-x - a - sp.exp(-x - a), {x: LINE}, {a: LINE}),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_no_false_alarm(name: str) -> None:
    check_density(family(*HARMLESS[name]))
