"""Irreducible factors by Gauss's lemma against FLINT's general factorisation."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import Any

import pytest
from flint import Ordering, fmpq, fmpq_mpoly_ctx

from statmani.algebra.factors import Factors, irreducible_factors

CONTEXT = fmpq_mpoly_ctx.get([f"x{i}" for i in range(5)], Ordering.degrevlex)


def polynomial(rng: random.Random, terms: int) -> Any:
    total = CONTEXT.constant(0)
    for _ in range(terms):
        term = CONTEXT.constant(fmpq(rng.choice((-7, -3, -1, 1, 2, 5)), rng.choice((1, 1, 2, 3))))
        for _ in range(rng.randint(0, 2)):
            term = term * CONTEXT.gens()[rng.randint(0, 4)]
        total = total + term
    return total


def products(seed: int, count: int) -> list[Any]:
    rng = random.Random(seed)
    shared = [polynomial(rng, rng.randint(1, 4)) for _ in range(6)]
    found = []
    while len(found) < count:
        result = CONTEXT.constant(fmpq(rng.randint(1, 9), -4))
        for _ in range(rng.randint(1, 3)):
            result = result * rng.choice(shared) ** rng.randint(1, 2)
        if result:
            found.append(result)
    return found


def reference(num: Any) -> tuple[Fraction, list[tuple[str, int]]]:
    content, factors = num.factor()
    return Fraction(int(content.p), int(content.q)), sorted((str(f), int(e)) for f, e in factors)


@pytest.mark.parametrize("seed", range(12))
def test_factors_are_those_of_flint(seed: int) -> None:
    shared = Factors()
    for num in products(seed, 40):
        for content, factors in (irreducible_factors(num), shared.of(num)):
            assert (content, sorted((str(f), e) for f, e in factors)) == reference(num)


def test_numbers_and_monomials() -> None:
    x, y, *_ = CONTEXT.gens()
    assert irreducible_factors(CONTEXT.constant(fmpq(-3, 2))) == (Fraction(-3, 2), [])
    content, factors = irreducible_factors(fmpq(-2, 3) * x * y**3)
    assert content == Fraction(-2, 3)
    assert sorted((str(f), e) for f, e in factors) == [("x0", 1), ("x1", 3)]
