"""Polynomials in algebraic generators times cofactors that make these disappear."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from statmani.algebra.polynomials import Polynomials, Relation

__all__ = ["norm"]


def _coefficients(ring: Polynomials, num: Any, generator: int) -> dict[int, Any]:
    """Coefficients of the powers of one generator."""
    parts: dict[int, dict[Any, Any]] = {}
    for exponents, coefficient in num.to_dict().items():
        key = (*exponents[:generator], 0, *exponents[generator + 1 :])
        parts.setdefault(exponents[generator], {})[key] = coefficient
    return {k: ring.context.from_dict(p) for k, p in parts.items()}


def norm(ring: Polynomials, num: Any) -> tuple[Any, Any]:
    """(cofactor, base polynomial) with num * cofactor = base, free of algebraic generators."""
    cofactor = ring.context.constant(1)
    for relation in reversed(ring.relations):
        if num.degrees()[relation.generator] == 0:
            continue
        adjugate = _adjugate(ring, num, relation)
        cofactor = ring.reduced(cofactor * adjugate)
        num = ring.reduced(num * adjugate)
    return cofactor, num


def _adjugate(ring: Polynomials, num: Any, relation: Relation) -> Any:
    """A polynomial whose product with `num` lacks the relation's generator.

    With y = root^step of even degree over the rest, p(y) p(-y) is a polynomial in y^2: roots of
    degree 2^k take k products, where determinants would need (2^k)!.
    """
    root = ring.context.gen(relation.generator)
    parts = _coefficients(ring, num, relation.generator)
    step = math.gcd(relation.degree, *parts)
    cofactor = ring.context.constant(1)
    while len(parts) > 1 and (relation.degree // step) % 2 == 0:
        conjugate = ring.context.constant(0)
        for exponent, part in parts.items():
            conjugate += (-1) ** (exponent // step) * part * root**exponent
        cofactor = ring.reduced(cofactor * conjugate)
        num = ring.reduced(num * conjugate)
        parts = _coefficients(ring, num, relation.generator)
        step *= 2
    if len(parts) <= 1:
        exponent = max(parts, default=0)
        return ring.reduced(cofactor * root ** (relation.degree - exponent if exponent else 0))
    return ring.reduced(cofactor * _by_determinants(ring, parts, relation, step))


def _by_determinants(
    ring: Polynomials, parts: dict[int, Any], relation: Relation, step: int
) -> Any:
    d, root = relation.degree // step, ring.context.gen(relation.generator)
    zero = ring.context.constant(0)
    matrix = [
        [
            parts.get((row - column) * step, zero)
            if row >= column
            else parts.get((row - column + d) * step, zero) * relation.radicand
            for column in range(d)
        ]
        for row in range(d)
    ]
    result = zero
    for column in range(d):
        minor = [r[:column] + r[column + 1 :] for r in matrix[1:]]
        result += (-1) ** column * _determinant(ring, minor) * root ** (column * step)
    return result


def _determinant(ring: Polynomials, rows: list[list[Any]]) -> Any:
    if not rows:
        return ring.context.constant(1)
    result = ring.context.constant(0)
    for column, entry in enumerate(rows[0]):
        if not entry.is_zero():
            minor = [r[:column] + r[column + 1 :] for r in rows[1:]]
            result += (-1) ** column * entry * _determinant(ring, minor)
    return ring.reduced(result)
