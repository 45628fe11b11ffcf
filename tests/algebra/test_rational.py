"""Rational functions: read in one pass, shown as sympy builds them, monomials divided at once."""

from __future__ import annotations

from itertools import product

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Add, Expr, Mul, Pow, Rational, Symbol, exp, pi, sqrt, symbols

from statmani.algebra.rational import rational_symbols
from statmani.algebra.ring import Ring
from statmani.errors import InvalidManifold
from statmani.reading import domain_of

# The names are those of internal symbols in the wrong order, and one sorts before all others.
x, y = symbols("x1 x0", positive=True)
z = Symbol("x2", real=True)
c = Symbol("A", positive=True)
EVERY = (x, y, z, c)

EXPRESSIONS = (
    1 / x + 1 / y,
    (x**2 - y**2) / (x - y),
    x * (z + 1) ** -2 / (z + 1) + c / x**3,
    Mul(x, 1 / x, evaluate=False),
    Pow(Pow(x, 2, evaluate=False), -3, evaluate=False),
    Mul(0, x, evaluate=False),
    Mul(2, Mul(x, y, evaluate=False), Rational(3, 4), evaluate=False),
    Add(x, -x, evaluate=False) + Rational(-7, 5),
    (1 / x + c) ** 2 / (1 + c * x),
    1 / (1 / (x + y) - 1 / (x + z)),
    Rational(5, 3),
)


def ring() -> Ring:
    return Ring(domain_of((x, y, z)), [c])


@pytest.mark.parametrize("expr", EXPRESSIONS, ids=str)
def test_both_ways_into_the_ring_agree_and_cancel(expr: Expr) -> None:
    own = ring()
    found = own.convert(expr)
    assert found == own.convert_internal(own.internal(expr))
    assert sp.cancel(sp.together(own.to_sympy(found) - expr.doit())) == 0


def test_symbols_of_rational_functions_only() -> None:
    assert rational_symbols((x + y) ** -2 / c) == {x, y, c}
    assert rational_symbols(Rational(1, 3)) == set()
    others = (sqrt(x), x**y, exp(x), pi * x, 0.5 * x, sp.oo, sp.nan, x * sp.zoo, sp.I, 2**x)
    assert [rational_symbols(e) for e in others] == [None] * len(others)


def test_a_denominator_that_vanishes_identically() -> None:
    nothing = Pow(Add(x, -x, evaluate=False), -1, evaluate=False)
    for expr in (nothing, Mul(0, nothing, evaluate=False), Pow(sp.S.Zero, -1, evaluate=False)):
        with pytest.raises(ZeroDivisionError):
            ring().convert(expr)
    with pytest.raises(InvalidManifold, match="declared not real"):
        ring().convert(1 / Symbol("w", imaginary=True))


@pytest.mark.parametrize("coefficient", [1, -1, 7, Rational(-3, 4), Rational(1, 2)])
def test_monomials_are_what_sympy_builds(coefficient: Expr) -> None:
    own = ring()
    for powers in product((-2, 0, 1, 3), repeat=4):
        expr = coefficient * Mul(*(s**e for s, e in zip(EVERY, powers, strict=True)))
        # Sums and products are equal only if their arguments stand in the same order.
        assert own.to_sympy(own.convert(expr)) == expr
        inside = own.to_internal_expr(own.convert(expr))
        assert inside == own.internal(expr)


factors = st.sampled_from((x, y, c, x + y, 1 + x * z, x**2 - y, Rational(2, 3)))
terms = st.lists(st.tuples(factors, st.integers(-3, 3)), min_size=1, max_size=4)


@settings(max_examples=20, deadline=None)
@given(st.lists(terms, min_size=1, max_size=3))
def test_lowest_terms(sums: list[list[tuple[Expr, int]]]) -> None:
    own = ring()
    parts = [own.number(1)] * len(sums)
    expr = sp.S.Zero
    for k, term in enumerate(sums):
        for factor, exponent in term:
            parts[k] = parts[k] * own.convert(factor) ** exponent
        expr += Mul(*(f**e for f, e in term))
    total = own.polynomials.total(parts)
    top, bottom = sp.fraction(sp.cancel(sp.together(expr)))
    # The degrees of a fraction in lowest terms are fixed.
    found = sp.fraction(sp.together(own.to_sympy(total)))
    for s in EVERY:
        for given_part, own_part in zip((top, bottom), found, strict=True):
            assert sp.degree(given_part, s) == sp.degree(sp.expand(own_part), s)
    if total:
        assert total * own.polynomials.inverse(total) == own.polynomials.one
        slope = own.to_sympy(own.derivative(total, 1))
        assert sp.cancel(sp.together(slope - sp.diff(expr, y))) == 0
