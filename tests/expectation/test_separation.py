"""How log p is taken apart: natural parameters and statistics, kernels on two sides, orbits."""

from __future__ import annotations

import pytest
import sympy as sp

from statmani.declaration import Declaration
from statmani.declare import declare
from statmani.errors import InvalidFamily
from statmani.expectation.equivariant import identified_mean, orbit_of
from statmani.expectation.exponential import (
    full_form,
    jacobian_rank,
    minimal,
    open_piecewise,
    separate,
    tensors_from_means,
)
from statmani.expectation.kernels import match_kernels, resolve
from statmani.expectation.normalise import Signs, normalise

x, t, u = sp.symbols("x t u")
POSITIVE = sp.Interval.open(0, sp.oo)


def declared(ell: sp.Expr, support: sp.Set, *parameters: sp.Symbol, domain: sp.Set = POSITIVE):
    return declare(None, ell, {x: support}, dict.fromkeys(parameters, domain), None, None, (), None)


def value(expr: sp.Expr, declaration: Declaration, place: sp.Rational) -> sp.Expr:
    at = {p: sp.Rational(5 + k, 7) for k, p in enumerate(declaration.parameters)}
    return expr.subs({**at, declaration.variables[0].symbol: place}).evalf(30)


SPLIT = {
    "one parameter of two statistics": (3 * t * x - t * x**2 / 2 + u * sp.log(x) + x**3, 2),
    "one statistic with two parameters": (x * sp.exp(t) / 2 - x * sp.exp(-t) / 2 - t**2, 1),
    # 1/(1 + exp(t)) is one minus the other.
    "parameters that add up to one": (x / (1 + sp.exp(-t)) + x**2 / (1 + sp.exp(t)) - t, 1),
    "a case": (t * sp.Piecewise((x, x < 1), (x**2 + 3, True)) - u * x, 2),
}


@pytest.mark.parametrize("name", SPLIT)
def test_the_parts_put_log_p_together_again(name: str) -> None:
    ell, count = SPLIT[name]
    declaration = declared(ell, POSITIVE, *sorted(ell.free_symbols - {x}, key=str))
    opened = open_piecewise(declaration.log_density, declaration)
    found = separate(opened, declaration)
    assert found is not None
    for parts in (found, minimal(found, declaration)):
        whole = parts.base - parts.potential
        whole += sum(a * b for a, b in zip(parts.natural, parts.statistics, strict=True))
        for place in (sp.Rational(1, 3), sp.Rational(9, 4)):
            gap = value(whole, declaration, place) - value(
                declaration.log_density, declaration, place
            )
            assert abs(gap) < sp.Float(10) ** -25
    assert len(parts.natural) == count
    full = full_form(declaration.log_density, declaration)
    assert full is not None and full.natural == parts.natural


def test_cases_that_parameters_decide_stay_closed() -> None:
    declaration = declared(-u * x - t * x**2, POSITIVE, t, u)
    (first, second), z = declaration.parameters, declaration.variables[0].symbol
    moving = second * sp.Piecewise((z, z < 1), (z**2, z < first), (z**3, z < 9))
    assert len(moving.args[1].args) == 3
    assert open_piecewise(moving, declaration) == moving
    still = second * sp.Piecewise((z, z < 1), (z**2, z < 2), (z**3, z < 9))
    opened = open_piecewise(still, declaration)
    for place in (sp.Rational(1, 2), sp.Rational(3, 2), 5):
        assert opened.subs(z, place) == still.subs(z, place)


def test_tensors_from_means_in_curved_coordinates() -> None:
    # The gamma family with shape t and scale u, by hand from its central moments.
    g, skewness = tensors_from_means(
        (t, -1 / u), (sp.polygamma(0, t) + sp.log(u), t * u), (t, u), lambda stage: None
    )
    assert g == sp.Matrix([[sp.polygamma(1, t), 1 / u], [1 / u, t / u**2]])
    expected = {
        (0, 0, 0): sp.polygamma(2, t), (0, 0, 1): 0, (0, 1, 1): 1 / u**2, (1, 1, 1): 2 * t / u**3
    }  # fmt: skip
    assert skewness == expected


def test_a_null_direction_is_found_and_named() -> None:
    declaration = declared(-(t + u) * x, POSITIVE, t, u)
    first, second = declaration.parameters
    assert jacobian_rank([first, first * second], declaration) == 2
    with pytest.raises(InvalidFamily, match=r"not identifiable; at \(t, u\) = .*\(-?1.0, -?1.0\)"):
        jacobian_rank([first + second], declaration)


def test_each_side_of_a_kink_has_its_mass() -> None:
    # Lomax tails of scale t on the right and 1 on the left, with one height at 0.
    sides = sp.Piecewise((1 + x / t, x > 0), (1 - x, True))
    declaration = declared(sp.log(2 / (1 + t)) - 3 * sp.log(sides), sp.S.Reals, t)
    signs = Signs(declaration)
    ell = normalise(declaration.log_density, declaration, signs)
    branches = match_kernels(ell, declaration, signs)
    assert branches is not None
    (scale,) = declaration.parameters
    at = {scale: sp.Rational(5, 2)}
    assert [sp.simplify(b.mass.subs(at)) for b in branches] == [
        sp.Rational(5, 7),
        sp.Rational(2, 7),
    ]
    for branch, sign in zip(branches, (1, -1), strict=True):
        assert branch.transform.subs({**at, branch.variable: 3}) * sign > 0


def test_a_kink_is_decided_where_both_sides_have_to_be_multiplied_out() -> None:
    m, y, s = sp.Symbol("m", real=True), sp.Dummy("y", positive=True), sp.Symbol("s", positive=True)
    assert resolve(sp.Piecewise((x, (m + y) / s > m / s), (x**2, True))) == x
    assert resolve(sp.Abs((m + y) / s - m / s)) == y / s


def test_a_location_alone_does_not_scale() -> None:
    base = -sp.cosh(x - t) - sp.log(2 * sp.besselk(0, 1))
    declaration = declared(base, sp.S.Reals, t, domain=sp.S.Reals)
    orbit = orbit_of(declaration)
    assert orbit is not None
    assert (orbit.location, orbit.scale) == (*declaration.parameters, None)
    assert orbit.factor(declaration.parameters * 2) == 1


def test_means_through_identified_constants() -> None:
    # Fermi and Dirac's 12 y / (pi^2 (exp(y) + 1)) has the mean 18 zeta(3) / pi^2.
    y = x / t
    ell = sp.log(12 / sp.pi**2) + sp.log(y) - sp.log(sp.exp(y) + 1) - sp.log(t)
    declaration = declared(ell, POSITIVE, t)
    sample = declaration.variables[0].symbol
    (scale,) = declaration.parameters
    found = identified_mean(declaration, 3 * sample + 2 * scale)
    assert sp.expand(found - 54 * sp.zeta(3) * scale / sp.pi**2 - 2 * scale) == 0


def test_constants_without_enough_digits_are_not_identified() -> None:
    # The kink of the function beside that of nothing else: sums do not settle to 80 digits.
    ell = -sp.cosh(x - t) - sp.log(2 * sp.besselk(0, 1))
    declaration = declared(ell, sp.S.Reals, t, domain=sp.S.Reals)
    place, (location,) = declaration.variables[0].symbol, declaration.parameters
    kink = sp.Abs(place - location - sp.Rational(1, 3))
    assert identified_mean(declaration, kink) is None
