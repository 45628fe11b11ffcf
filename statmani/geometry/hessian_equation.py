"""Solutions of Hess f = -K f g in closed form.

On a space of constant curvature K the solutions form a space of dimension n + 1: they are the
linear functions of the model space in R^(n+1) (Obata 1962; for K = 0 the affine functions). The
pair (f, df) is parallel for a flat connection, so a solution is known from its value at a point;
here it is sought as a sum of products of powers of the functions that the metric is made of.
Which products occur is found by linear algebra over a finite field, their coefficients by exact
algebra.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, final

import numpy as np
from sympy import Add, Expr, Mul, Rational, S, cos, sin, tan
from sympy.polys.matrices import DomainMatrix

from statmani.algebra.element import Element, max_exponents
from statmani.algebra.ring import Ring
from statmani.geometry.building_blocks import Block, building_blocks, cyclic, logarithms
from statmani.geometry.constant_piece import Piece
from statmani.geometry.sampled_products import (
    LARGEST,
    SampledProducts,
    independent_columns,
    kernel_basis,
)

__all__ = ["solutions"]

Exponents = tuple[int, ...]
# Half powers count one each; products of more factors are not looked for.
_LEVELS = 8
# Operations modulo the prime, about; seconds would make results depend on the machine.
_WORK, _EACH = 1.5e8, 5e5


def solutions(piece: Piece) -> Iterator[list[Expr]]:
    """Longer and longer lists of solutions, in the user's symbols.

    At most the dimension plus one of them are independent. Every one solves the equation exactly in
    the ring of the manifold extended by the functions that it is made of.
    """
    circular = sorted({a.args[0] for a in piece.manifold.metric.atoms(sin, cos, tan)}, key=str)
    if circular:
        # Of a sine and a cosine the metric may contain but one.
        piece = piece.over([f(argument) for argument in circular for f in (sin, cos)])
    tensors = piece.tensors()
    determinant = piece.manifold.geometry.determinant
    sources = [*piece.metric.values(), determinant]
    sources += [piece.manifold.ring.convert(f(a)) for a in circular for f in (sin, cos)]
    simple = building_blocks(piece.manifold, piece.active, sources)
    simple += cyclic(piece.manifold, tensors, [(i, piece.system(i)) for i in piece.active])
    logs = logarithms(simple)
    searches = [_Search(piece, simple, _WORK)]
    if logs:
        searches.append(_Search(piece, [*simple, *logs], _WORK / 2))
    count = 0
    for level in range(1, _LEVELS + 1):
        for search in searches:
            found = search.supports(level)
            if len(found) > count:
                count = len(found)
                yield _solved(piece, found)


@final
class _Search:
    """Products of powers of blocks up to a level, by the class of their half powers."""

    def __init__(self, piece: Piece, blocks: Sequence[Block], budget: float) -> None:
        self._piece, self._blocks, self._budget = piece, blocks, budget
        self.work = 0.0

    def supports(self, level: int) -> list[list[Expr]]:
        """For each solution of the equations modulo a prime, the products that occur in it."""
        found: list[list[Expr]] = []
        if self.work > self._budget:
            return found
        for members in _classes(self._blocks, level).values():
            if len(members) > LARGEST or self.work > self._budget:
                continue
            self.work += _EACH + float(len(members)) ** 3
            exponents = np.array(members, dtype=np.int64)
            values, equations = self._sampled.rows(exponents)
            independent = independent_columns(values)
            for vector in kernel_basis(equations[:, independent]):
                used = np.flatnonzero(vector).tolist()
                support = [self._product(members[independent[k]]) for k in used]
                # A root may be a power of two blocks.
                if support not in found:
                    found.append(support)
        return found

    @cached_property
    def _sampled(self) -> SampledProducts:
        return SampledProducts(self._piece, self._blocks)

    def _product(self, exponents: Exponents) -> Expr:
        powers = zip(self._blocks, exponents, strict=True)
        return Mul(*(block.expr ** Rational(e, 2) for block, e in powers if e))


def _classes(blocks: Sequence[Block], level: int) -> dict[Exponents, list[Exponents]]:
    """Doubled exponents of all products up to a level, by parity, the simpler ones first."""
    steps: list[list[tuple[int, int]]] = []
    for block in blocks:
        if block.kind == "signed":
            own = [(e, abs(e)) for e in range(-level, level + 1)]
        elif block.kind == "factor":
            own = [(2 * e, 2 * abs(e)) for e in range(-(level // 2), level // 2 + 1)]
        elif block.kind in ("exp", "cos", "sin"):
            own = [(0, 0), (2, 1)]
        else:
            own = [(2 * e, e) for e in range(level + 1)]
        steps.append(sorted(own, key=lambda pair: (pair[1], -pair[0])))
    found: list[tuple[int, Exponents]] = [(0, ())]
    for own in steps:
        found = [
            (cost + more, (*exponents, e))
            for cost, exponents in found
            for e, more in own
            if cost + more <= level
        ]
    classes: dict[Exponents, list[Exponents]] = {}
    for _, exponents in sorted(found, key=lambda pair: pair[0]):
        classes.setdefault(tuple(e % 2 for e in exponents), []).append(exponents)
    return classes


def _solved(piece: Piece, supports: list[list[Expr]]) -> list[Expr]:
    """The solutions with these products, their coefficients found exactly."""
    products = list(dict.fromkeys(term for support in supports for term in support))
    place = piece.over(products)
    ring = place.manifold.ring
    equations = {term: place.equations(ring.convert(term)) for term in products}
    found = []
    for support in supports:
        coefficients = _coefficients(ring, [equations[term] for term in support])
        if coefficients is not None:
            found.append(Add(*(c * t for c, t in zip(coefficients, support, strict=True))))
    return found


def _coefficients(ring: Ring, columns: list[list[Element]]) -> list[Expr] | None:
    """Constants whose combination of the columns vanishes; None unless they are unique."""
    polynomials = ring.polynomials
    fixed = [
        not any(ring.derivative(polynomials.generator(v), i) for i in range(ring.dim))
        for v in range(len(ring.atoms))
    ]
    atoms = ring.atom_expressions(outside=True)
    rows: dict[tuple[Any, ...], dict[int, Expr]] = {}
    for at, row in enumerate(zip(*columns, strict=True)):
        den = max_exponents(e.den for e in row)
        for k, e in enumerate(row):
            if not e:
                continue
            missing = [d - (e.den[i] if i < len(e.den) else 0) for i, d in enumerate(den)]
            num = polynomials.numerator(e)
            for i, d in enumerate(missing):
                num = num * polynomials.lift(polynomials.factors[i]) ** d
            for exponents, c in polynomials.reduced(num).to_dict().items():
                key = (at, *(0 if fixed[v] else x for v, x in enumerate(exponents[: len(fixed)])))
                value = Rational(int(c.p), int(c.q)) * Mul(
                    *(atoms[v] ** int(x) for v, x in enumerate(exponents[: len(fixed)]) if fixed[v])
                )
                row_of = rows.setdefault(key, {})
                row_of[k] = row_of.get(k, S.Zero) + value
    if not rows:
        return [S.One] if len(columns) == 1 else None
    width = len(columns)
    matrix = DomainMatrix.from_dict_sympy(
        len(rows), width, {r: dict(cells) for r, cells in enumerate(rows.values())}, extension=True
    ).to_field()
    kernel = matrix.nullspace().to_Matrix()
    if kernel.rows != 1:
        return None
    last = kernel[0, width - 1]
    return [(value / last).cancel() for value in kernel.row(0)] if last else None
