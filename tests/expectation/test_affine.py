"""Linear combinations of parameters are found, and the tensors come back by the tensor law."""

from __future__ import annotations

import itertools

import pytest
import sympy as sp

from statmani.declaration import Declaration
from statmani.declare import declare
from statmani.expectation.affine import pull_back, reduce_affine

x, a, b = sp.symbols("x a b")
POSITIVE = sp.Interval.open(0, sp.oo)


def gamma_in(shape: sp.Expr, scale: sp.Expr) -> Declaration:
    return declare(
        None,
        (shape - 1) * sp.log(x) - x / scale - shape * sp.log(scale) - sp.loggamma(shape),
        {x: POSITIVE},
        {a: sp.S.Reals, b: sp.S.Reals},
        None,
        [shape > 0, scale > 0],
        (),
        None,
    )


def test_combinations_become_the_parameters() -> None:
    reduction = reduce_affine(gamma_in(a + 2 * b + 1, b - a))
    assert reduction is not None
    values = {sp.expand(gamma_in(a, b).external(v)) for v in reduction.values.values()}
    names = {s.name: s for s in reduction.declaration.parameters}
    assert all(s.is_positive for s in names.values())
    own = gamma_in(a + 2 * b + 1, b - a)
    assert {own.external(v) for v in reduction.values.values()} == {a + 2 * b + 1, b - a}
    assert len(values) == 2


def test_plain_parameters_are_left_alone() -> None:
    assert reduce_affine(gamma_in(a, b)) is None
    # Without a bound that moves with the shift, a shift is no reason to change anything.
    shifted = declare(
        None,
        -((x - a - 3) ** 2) / 2 - sp.log(2 * sp.pi) / 2,
        {x: sp.S.Reals},
        {a: sp.S.Reals},
        None,
        None,
        (),
        None,
    )
    assert reduce_affine(shifted) is None


def test_a_shifted_bound_moves_to_zero() -> None:
    declaration = declare(
        None,
        sp.log(a + 1) - (a + 1) * x,
        {x: POSITIVE},
        {a: sp.Interval.open(-1, sp.oo)},
        None,
        None,
        (),
        None,
    )
    reduction = reduce_affine(declaration)
    assert reduction is not None
    (symbol,) = reduction.declaration.parameters
    assert symbol.is_positive
    assert (
        reduction.declaration.log_density
        == sp.log(symbol) - symbol * declaration.variables[0].symbol
    )


def test_a_shift_is_seen_through_a_factor() -> None:
    """2 a + 3 is positive where a + 3/2 is."""
    rate = 2 * a + 3
    declaration = declare(
        None,
        sp.log(rate) - rate * x,
        {x: POSITIVE},
        {a: sp.Interval.open(-sp.Rational(3, 2), sp.oo)},
        None,
        None,
        (),
        None,
    )
    reduction = reduce_affine(declaration)
    assert reduction is not None
    assert reduction.declaration.parameters[0].is_positive


def test_a_bound_with_a_factor_moves_to_zero() -> None:
    reduction = reduce_affine(gamma_in(2 * a + b + 1, 2 * b - a))
    assert reduction is not None
    assert all(s.is_positive for s in reduction.declaration.parameters)


def test_unidentified_combinations_are_not_reduced() -> None:
    one_direction = declare(
        None,
        -((x - a - b) ** 2) / 2 - sp.log(2 * sp.pi) / 2,
        {x: sp.S.Reals},
        {a: sp.S.Reals, b: sp.S.Reals},
        None,
        None,
        (),
        None,
    )
    assert reduce_affine(one_direction) is None


@pytest.mark.parametrize("index", list(itertools.combinations_with_replacement(range(2), 3)))
def test_pull_back_is_the_derivative_of_the_potential(index: tuple[int, int, int]) -> None:
    """g = d2 psi, T = d3 psi hold before and after a linear map of natural coordinates."""
    declaration = gamma_in(a + 2 * b + 1, b - a)
    reduction = reduce_affine(declaration)
    assert reduction is not None
    u, v = reduction.declaration.parameters
    psi = u**4 * v + sp.exp(u - v)
    metric = sp.ImmutableMatrix(sp.hessian(psi, (u, v)))
    cubic = {
        i: psi.diff(*((u, v)[k] for k in i))
        for i in itertools.combinations_with_replacement(range(2), 3)
    }
    moved, skewness = pull_back(metric, cubic, reduction)
    direct = psi.subs(dict(reduction.values), simultaneous=True)
    old = declaration.parameters
    assert sp.expand(skewness[index] - direct.diff(*(old[k] for k in index))) == 0
    i, j, _ = index
    assert sp.expand(moved[i, j] - direct.diff(old[i], old[j])) == 0
