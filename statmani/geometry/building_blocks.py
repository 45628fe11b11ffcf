"""Functions of which solutions of linear equations on a chart may be products."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, final

from sympy import Expr, Integer, Rational, S, cos, exp, log, nsimplify, sin

from statmani.algebra.display import polynomial_expr
from statmani.algebra.element import Element
from statmani.algebra.factors import irreducible_factors
from statmani.algebra.numeric import NotEvaluable, new_context, value_of
from statmani.geometry.manifold import StatisticalManifold
from statmani.geometry.spot_check import numeric_point

__all__ = ["Block", "building_blocks", "cyclic", "logarithms", "sampled_sign"]


@final
@dataclass(frozen=True)
class Block:
    """A function z of which powers are taken.

    Attributes
    ----------
    expr : Expr
        In the user's symbols; positive on the domain where half powers are allowed.
    element : Element or None
        The same up to sign in the manifold's ring; of ``log(z)`` that of z. None for functions of
        one coordinate that the metric does not contain.
    kind : str
        "factor": integer powers, also negative ones; "signed" and half ones; "plain": powers
        0, 1, 2 ...; "log": powers of the logarithm; "exp", "cos", "sin" of rate * coordinate.
    rate : Rational
    coordinate : int
    """

    expr: Expr
    element: Element | None
    kind: str
    rate: Rational = S.Zero
    coordinate: int = -1


def building_blocks(
    manifold: StatisticalManifold, active: Sequence[int], tensors: Iterable[Element]
) -> list[Block]:
    """Irreducible factors of the elements, generators, and functions of cyclic coordinates.

    Parameters
    ----------
    manifold : StatisticalManifold
    active : sequence of int
        Coordinates on which the functions depend.
    tensors : iterable of Element
        Components of the metric, their determinant, and the like.
    """
    ring, polynomials = manifold.ring, manifold.ring.polynomials
    used: set[int] = set()
    factors: dict[str, Any] = {}
    for element in tensors:
        if not element.num:
            continue
        parts = [polynomials.numerator(element)]
        parts += [polynomials.lift(polynomials.factors[i]) for i, e in enumerate(element.den) if e]
        for part in parts:
            used.update(polynomials.used(part))
            for factor, _ in irreducible_factors(part)[1]:
                factors.setdefault(str(factor), factor)

    def depends(element: Element) -> bool:
        return any(ring.derivative(element, i) for i in active)

    blocks: list[Block] = []
    kinds = {i: ring.atoms[i].kind for i in used}
    moving = {i for i in used if depends(polynomials.generator(i))}
    generators = set(range(ring.dim)).intersection(active) | moving
    for i in sorted(generators):
        if kinds.get(i) in ("exp", "root"):
            factors.setdefault(str(polynomials.generator(i).num), polynomials.generator(i).num)
    # A metric that depends on one exponential alone leaves those across it open.
    for _, (i, *_) in ring.lattices["exp"]:
        factors.setdefault(str(polynomials.generator(i).num), polynomials.generator(i).num)
    taken = set()
    for factor in factors.values():
        element = Element(polynomials, polynomials.lift(factor), ())
        if not depends(element):
            continue
        own = [v for v in polynomials.used(element.num) if v in generators]
        if len(own) == 1 and int(element.num.degrees()[own[0]]) == 1:
            # Powers of a v + b serve for those of v.
            taken.add(own[0])
        expr = ring.external(polynomial_expr(ring, element.num))
        sign = sampled_sign(manifold, expr)
        blocks.append(Block(sign * expr if sign else expr, element, "signed" if sign else "factor"))
    for i in sorted(generators - taken):
        element = polynomials.generator(i)
        blocks.append(Block(ring.external(ring.atoms[i].expr), element, "plain"))
    return blocks


def logarithms(blocks: Iterable[Block]) -> list[Block]:
    """Logarithms of the factors whose sign is known."""
    return [
        Block(log(b.expr), b.element, "log")
        for b in blocks
        if b.kind == "signed" and not isinstance(b.expr, exp)
    ]


def cyclic(
    manifold: StatisticalManifold, tensors: Collection[Element], systems: Iterable[tuple[int, Any]]
) -> list[Block]:
    """Exponential and circular functions of coordinates on which no tensor depends.

    Parameters
    ----------
    systems : iterable of (coordinate, matrix)
        The matrix A of dF = A F along a coordinate, as nested lists of elements; it is constant
        up to conjugation where the coordinate is cyclic.
    """
    ring, blocks = manifold.ring, list[Block]()
    for i, matrix in systems:
        if any(ring.derivative(e, i) for e in tensors):
            continue
        symbol = manifold.coordinates[i]
        for square in _squares(manifold, matrix):
            root = (square if square > 0 else -square) ** Rational(1, 2)
            if not root.is_Rational:
                continue
            if square < 0:
                for kind, function in (("cos", cos), ("sin", sin)):
                    blocks.append(Block(function(root * symbol), None, kind, root, i))
            else:
                for rate in (root, -root):
                    blocks.append(Block(exp(rate * symbol), None, "exp", rate, i))
    return blocks


def _squares(manifold: StatisticalManifold, matrix: Sequence[Sequence[Element]]) -> list[Rational]:
    """Rational squares of the eigenvalues other than zero at a point of the domain."""
    point = numeric_point(manifold, 3)
    if point is None:
        return []
    context = new_context(30)
    known = {s: value_of(v, {}, context) for s, v in point.items()}
    try:
        rows = [[value_of(manifold.ring.to_sympy(e), known, context) for e in r] for r in matrix]
    except NotEvaluable:
        return []
    found: list[Rational] = []
    for value in context.eig(context.matrix(rows), left=False, right=False):
        square = context.mpc(value) ** 2
        # Multiple zeros come out as the root of the rounding error.
        if abs(square) < 1e-6 or abs(square.imag) > 1e-6:
            continue
        number = nsimplify(float(square.real), rational=True, tolerance=1e-6)
        if number and number.q <= 64 and number not in found:
            found.append(number)
    return found


def sampled_sign(manifold: StatisticalManifold, expr: Expr) -> Integer:
    """The sign of an expression at sampled points of the domain, or 0 where it changes."""
    context, signs = new_context(30), set()
    for seed in range(5):
        point = numeric_point(manifold, seed)
        if point is None:
            continue
        known = {s: value_of(v, {}, context) for s, v in point.items()}
        try:
            value = value_of(expr, known, context)
        except NotEvaluable:
            continue
        signs.add(0 if not value else (1 if value > 0 else -1))
    return Integer(signs.pop()) if len(signs) == 1 else S.Zero
