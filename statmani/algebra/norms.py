"""Polynomials in algebraic generators times cofactors that make these disappear."""

from __future__ import annotations

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
    """A polynomial whose product with `num` lacks the relation's generator."""
    d, root = relation.degree, ring.context.gen(relation.generator)
    parts = _coefficients(ring, num, relation.generator)
    zero = ring.context.constant(0)
    if len(parts) == 1:
        (exponent,) = parts
        return root ** (d - exponent)
    if d == 2:
        return parts[0] - parts[1] * root
    matrix = [
        [
            parts.get(row - column, zero)
            if row >= column
            else parts.get(row - column + d, zero) * relation.radicand
            for column in range(d)
        ]
        for row in range(d)
    ]
    result = zero
    for column in range(d):
        minor = [r[:column] + r[column + 1 :] for r in matrix[1:]]
        result += (-1) ** column * _determinant(ring, minor) * root**column
    return ring.reduced(result)


def _determinant(ring: Polynomials, rows: list[list[Any]]) -> Any:
    if not rows:
        return ring.context.constant(1)
    result = ring.context.constant(0)
    for column, entry in enumerate(rows[0]):
        if not entry.is_zero():
            minor = [r[:column] + r[column + 1 :] for r in rows[1:]]
            result += (-1) ** column * entry * _determinant(ring, minor)
    return ring.reduced(result)
