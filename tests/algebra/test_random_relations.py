"""Random expressions that are equal by construction, and random ones that are not."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import (
    Integer,
    Rational,
    besseli,
    besselk,
    cos,
    cosh,
    exp,
    gamma,
    log,
    polygamma,
    sin,
    sinh,
    sqrt,
    symbols,
    tanh,
)

from statmani.algebra.ring import Ring
from statmani.errors import CertificateError
from statmani.reading import domain_of

X, Y = symbols("x y", positive=True)
T, S = symbols("t s", real=True)
A = symbols("a", positive=True)
DOMAIN = domain_of((X, Y, T, S))
HALF = Rational(1, 2)
Pair = tuple[Any, Any]
Rand = random.Random


def factor(r: Rand) -> Any:
    return Rational(r.choice([-3, -2, -1, 1, 2, 3]), r.choice([1, 1, 1, 2, 3]))


def linear(r: Rand) -> Any:
    terms = r.sample([X, Y, T, S, X * Y, A * T, X**2, 1 / (1 + X)], r.choice([1, 2]))
    return sum((factor(r) * v for v in terms), Integer(0))


def positive(r: Rand) -> Any:
    return r.choice([
        X, Y, A, X + Y, 1 + X * Y, X**2 + Y**2, 2 * X, exp(T) + 1, X / (1 + Y), 1 + T**2,
        X**2 + X * T + T**2 + 1,
    ])  # fmt: skip


def exponentials(r: Rand) -> Pair:
    a, b, n = linear(r), linear(r), r.choice([2, 3])
    return exp(a + b), exp(a / n) ** n * exp(b)


def powers(r: Rand) -> Pair:
    b, a, c = positive(r), linear(r), linear(r)
    return b ** (a + c), b**a * exp(c * log(b))


def powers_of_products(r: Rand) -> Pair:
    b, c, a = positive(r), positive(r), linear(r)
    return (b * c) ** a, exp(a * log(b)) * c**a


def logarithms(r: Rand) -> Pair:
    b, c = positive(r), positive(r)
    m, n = (Integer(r.choice([-2, -1, 1, 2, 3])) for _ in "mn")
    return log(b**m * c**n), m * log(b) + n * log(c)


def softplus(r: Rand) -> Pair:
    a = linear(r)
    return log(1 + exp(a)), a + log(1 + exp(-a))


def angles(r: Rand) -> Pair:
    a, b = linear(r), linear(r)
    return r.choice([
        (sin(a + b), sin(a) * cos(b) + cos(a) * sin(b)),
        (cos(a - b), cos(a) * cos(b) + sin(a) * sin(b)),
        (cos(2 * a), 1 - 2 * sin(a) ** 2),
        (sin(3 * a), 3 * sin(a) - 4 * sin(a) ** 3),
    ])  # fmt: skip


def hyperbolic(r: Rand) -> Pair:
    a, b = linear(r), linear(r)
    return r.choice([
        (sinh(a + b), sinh(a) * cosh(b) + cosh(a) * sinh(b)),
        (tanh(a), (exp(2 * a) - 1) / (exp(2 * a) + 1)),
        (cosh(2 * a), 1 + 2 * sinh(a) ** 2),
        (1 / cosh(a) ** 2, 1 - tanh(a) ** 2),
        (1 / (1 + exp(-a)), (1 + tanh(a / 2)) / 2),
    ])  # fmt: skip


def roots(r: Rand) -> Pair:
    b, c = positive(r), positive(r)
    s = r.choice([Rational(1, 3), Rational(2, 3), Rational(1, 6), Rational(1, 4)])
    return r.choice([
        (sqrt(b * c), sqrt(b) * sqrt(c)),
        (1 / (2 + sqrt(b)), (2 - sqrt(b)) / (4 - b)),
        (sqrt(b / c), sqrt(b) * sqrt(c) / c),
        (b ** (1 + s), b * b**s),
        (sqrt(1 + sqrt(b)) * sqrt(1 + sqrt(b)), 1 + sqrt(b)),
    ])  # fmt: skip


def polygammas(r: Rand) -> Pair:
    z = r.choice([X, Y, X + Y, 2 * X, X / 2, X / Y, 1 + T**2])
    n, m = r.choice([0, 1, 2, 3]), r.choice([1, 2, 3])
    if r.random() < 0.5:
        halves = (polygamma(n, z) + polygamma(n, z + HALF)) / 2 ** (n + 1)
        return polygamma(n, 2 * z), halves + (log(2) if n == 0 else 0)
    steps = sum(1 / (z + j) ** (n + 1) for j in range(m))
    return polygamma(n, z + m), polygamma(n, z) + (-1) ** n * sp.factorial(n) * steps


def gammas(r: Rand) -> Pair:
    z = r.choice([X, X + Y, 1 / X])
    return r.choice([
        (gamma(z + 2) / gamma(z), z * (z + 1)),
        (sp.loggamma(z + 1), sp.loggamma(z) + log(z)),
        (log(gamma(z)), sp.loggamma(z)),
        (exp(2 * sp.loggamma(z + 1)), z**2 * gamma(z) ** 2),
    ])  # fmt: skip


def bessels(r: Rand) -> Pair:
    z, n = r.choice([X, Y * X, 1 + T**2]), r.choice([1, 2])
    return r.choice([
        (besseli(n + 1, z), besseli(n - 1, z) - 2 * n * besseli(n, z) / z),
        (besselk(n + 1, z), besselk(n - 1, z) + 2 * n * besselk(n, z) / z),
        (besselk(-A, z), besselk(A, z)),
        (besselk(3 * HALF, z), sqrt(sp.pi / (2 * z)) * exp(-z) * (1 + 1 / z)),
        (besseli(-HALF, z), sqrt(2 / (sp.pi * z)) * cosh(z)),
        (besseli(-3 * HALF, z), sqrt(2 / (sp.pi * z)) * (sinh(z) - cosh(z) / z)),
    ])  # fmt: skip


KINDS: list[Callable[[Rand], Pair]] = [
    exponentials, powers, powers_of_products, logarithms, softplus, angles, hyperbolic, roots,
    polygammas, gammas, bessels,
]  # fmt: skip


def combined(r: Rand, kinds: list[Callable[[Rand], Pair]]) -> Pair:
    """Two spellings of one sum or product of related parts."""
    pairs = [kind(r) for kind in kinds]
    q, w, start = factor(r), positive(r), r.randrange(3)

    def put_together(side: int) -> Any:
        total = pairs[0][side]
        for k, pair in enumerate(pairs[1:]):
            part, how = pair[side], (start + k) % 3
            total = total * part if how == 0 else total + (q * part if how == 1 else -part * w)
        return total

    return put_together(0), put_together(1)


def check(one: Any, other: Any) -> None:
    ring = Ring(DOMAIN, [one, other])
    first, second = ring.convert(one), ring.convert(other)
    assert first == second
    assert ring.to_sympy(first - second) == 0
    # The value is that of the input (sympy's numbers), and a small difference is seen.
    ring.guard.require_equal(one, first)
    assert ring.to_sympy(first + ring.convert(X / 7) - second) == X / 7
    # Neither the spelling nor the order of the entries shows.
    swapped = Ring(DOMAIN, [other, one])
    assert sp.srepr(swapped.to_sympy(swapped.convert(other))) == sp.srepr(ring.to_sympy(first))


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.__name__)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_one_relation(kind: Callable[[Rand], Pair], seed: int) -> None:
    check(*combined(Rand(seed), [kind]))


@given(seed=st.integers(0, 10**9), kinds=st.lists(st.sampled_from(KINDS), min_size=2, max_size=2))
@settings(max_examples=12, deadline=None)
def test_two_relations_at_once(seed: int, kinds: list[Callable[[Rand], Pair]]) -> None:
    check(*combined(Rand(seed), kinds))


@pytest.mark.slow
@given(seed=st.integers(0, 10**9), kinds=st.lists(st.sampled_from(KINDS), min_size=1, max_size=3))
@settings(max_examples=300, deadline=None)
def test_many_relations(seed: int, kinds: list[Callable[[Rand], Pair]]) -> None:
    check(*combined(Rand(seed), kinds))


@given(seed=st.integers(0, 10**9), kind=st.sampled_from(KINDS))
@settings(max_examples=12, deadline=None)
def test_unequal_expressions_stay_unequal(seed: int, kind: Callable[[Rand], Pair]) -> None:
    """Numbers at two points, by sympy, say whether the difference of two draws vanishes."""
    one, other = kind(Rand(seed))[0], kind(Rand(seed + 1))[1]
    places = [
        {X: Rational(5, 4), Y: Rational(3, 7), T: Rational(-2, 5), S: Rational(8, 9), A: 2},
        {X: Rational(1, 3), Y: Rational(9, 8), T: Rational(6, 5), S: Rational(-1, 9), A: 3},
    ]
    differ = any(abs((one - other).subs(p).evalf(30)) > 1e-15 for p in places)
    ring = Ring(DOMAIN, [one, other])
    assert (ring.convert(one) != ring.convert(other)) is differ


RELATED = {
    "duplication twice": polygamma(1, 4 * X)
    - sum(polygamma(1, X + Rational(k, 4)) for k in range(4)) / 16,
    "Hurwitz zeta": sp.zeta(3, X + 1) + polygamma(2, X) / 2 + 1 / X**3,
    "harmonic numbers": sp.harmonic(X) - sp.harmonic(X - 1) - 1 / X,
    "generalised harmonic numbers": sp.harmonic(X, 2) - sp.harmonic(X - 1, 2) - 1 / X**2,
    "Lambert": sp.LambertW(X) * exp(sp.LambertW(X)) - X,
    "power of Lambert": exp(-2 * sp.LambertW(X)) * X**2 - sp.LambertW(X) ** 2,
    "derivative of Lambert": sp.LambertW(X).diff(X) * (X + exp(sp.LambertW(X))) - 1,
    "square seen first": log((T**2 + T * X + X**2 + 1) ** 2) - 2 * log(T**2 + T * X + X**2 + 1),
    "sum of angles with pi/7": sin(T + sp.pi / 7)
    - sin(T) * cos(sp.pi / 7) - cos(T) * sin(sp.pi / 7),
    "multiples of pi/7": cos(2 * sp.pi / 7) - 2 * cos(sp.pi / 7) ** 2 + 1,
    "nested twice": (sqrt(1 + sqrt(1 + sqrt(X))) ** 2 - 1) ** 2 - 1 - sqrt(X),
    "square of a sum of roots": sqrt(3 + 2 * sqrt(2)) - 1 - sqrt(2),
    "hidden in a function": sp.Function("f")(sin(X) ** 2) - sp.Function("f")(1 - cos(X) ** 2),
}  # fmt: skip


@pytest.mark.parametrize("name", RELATED)
def test_further_relations(name: str) -> None:
    expr = RELATED[name]
    ring = Ring(DOMAIN, [expr])
    assert ring.to_sympy(ring.convert(expr)) == 0


C7 = cos(sp.pi / 7)
UNKNOWN = {
    "product of conjugates": sqrt(X + sqrt(X**2 + 1)) * sqrt(sqrt(X**2 + 1) - X) - 1,
    "Wronskian": besseli(0, X) * besselk(1, X) + besseli(1, X) * besselk(0, X) - 1 / X,
    "multiplication by three": polygamma(1, 3 * X)
    - sum(polygamma(1, X + Rational(k, 3)) for k in range(3)) / 9,
    "error functions": sp.erf(X) + sp.erfc(X) - 1,
    "minimal polynomial": 8 * C7**3 - 4 * C7**2 - 4 * C7 + 1,
}  # fmt: skip


@pytest.mark.parametrize("name", UNKNOWN)
def test_unknown_relations_are_refused(name: str) -> None:
    """No wrong zero and no false non-zero: the guard names the expression."""
    expr = UNKNOWN[name]
    ring = Ring(DOMAIN, [expr])
    element = ring.convert(expr)
    with pytest.raises(CertificateError, match="have no known relation"):
        ring.to_sympy(element)
    with pytest.raises(CertificateError, match="vanishes to 50 digits at a random point"):
        ring.inverse(element)


def test_a_relation_that_is_taken_away_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the duplication formula its consequence is refused, and with it it is zero."""
    expr = polygamma(1, 2 * X) - (polygamma(1, X) + polygamma(1, X + HALF)) / 4
    ring = Ring(DOMAIN, [expr])
    assert ring.to_sympy(ring.convert(expr)) == 0
    monkeypatch.setattr("statmani.algebra.special._duplication", lambda ring, base: None)
    ring = Ring(DOMAIN, [expr])
    with pytest.raises(CertificateError, match="vanishes to 50 digits at a random point"):
        ring.to_sympy(ring.convert(expr))
