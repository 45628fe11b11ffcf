"""Isometries of parts of constant curvature onto parts of the model spaces.

Let Q(f, h) = g(df, dh) + K f h, which is constant for solutions of Hess f = -K f g.

* K > 0: an orthogonal basis f_a maps to the sphere sum w_a f_a^2 = 1 with w_a = K / Q(f_a, f_a).
* K = 0: affine functions f_a with orthogonal gradients are Cartesian coordinates; w_a = 1 / Q.
* K < 0: for a null f_0 > 0 and an orthogonal basis f_a of its complement, y = 1 / f_0 and
  x_a = f_a / f_0 are coordinates of the half-space, g = (dy^2 + sum w_a dx_a^2) / (-K y^2), with
  w_a = -K / Q(f_a, f_a).

That g is this pull-back is verified exactly; nothing rests on how the functions were found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, combinations_with_replacement
from typing import final

from sympy import Expr, count_ops, sqrt

from statmani.algebra.element import Element
from statmani.geometry.building_blocks import sampled_sign
from statmani.geometry.constant_piece import Piece
from statmani.geometry.hessian_equation import solutions

__all__ = ["ModelSpace", "model_space"]


@final
@dataclass(frozen=True)
class ModelSpace:
    """A part of a manifold as a part of a sphere, Euclidean or hyperbolic space.

    Attributes
    ----------
    name : str
        "sphere", "Euclidean space" or "hyperbolic space".
    dim : int
    curvature : Expr
    coordinates : tuple of Expr
        Functions of the manifold's coordinates: Cartesian ones (of the space in which the sphere
        lies), or those x_a of the half-space.
    weights : tuple of Expr
        w_a, positive constants.
    height : Expr or None
        y of the half-space.
    exact : bool
        Whether it is verified by exact algebra that the map is an isometry; else at random points
        to many digits.
    """

    name: str
    dim: int
    curvature: Expr
    coordinates: tuple[Expr, ...]
    weights: tuple[Expr, ...]
    height: Expr | None = None
    exact: bool = True

    def __str__(self) -> str:
        curvature = f" and curvature {self.curvature}" if self.curvature else ""
        return f"{self.name} of dimension {self.dim}{curvature}"


def model_space(piece: Piece) -> ModelSpace | None:
    """The isometry, or None when its functions were not found.

    Examples
    --------
    >>> import statmani as sm
    >>> from statmani.geometry.constant_parts import constant_parts
    >>> (piece,) = constant_parts(sm.families.normal().manifold())
    >>> model = model_space(piece)
    >>> model.coordinates, model.weights, model.height
    ((mu,), (1/2,), sigma)
    """
    for functions in solutions(piece):
        # A half-space needs no more than its dimension.
        if len(functions) < piece.dim:
            continue
        found = _Frame(piece.over(functions), functions).model()
        if found is not None:
            return found
    return None


@final
class _Frame:
    """Solutions with the constant form Q, in one ring."""

    def __init__(self, piece: Piece, functions: Sequence[Expr]) -> None:
        self._piece = piece
        self._ring = piece.manifold.ring
        self._functions = [self._ring.convert(f) for f in functions]

    def model(self) -> ModelSpace | None:
        piece, ring = self._piece, self._ring
        if any(any(piece.equations(f)) for f in self._functions):
            return None
        sign = self._sign_of(piece.curvature)
        if sign < 0:
            return self._half_space()
        basis = self._orthogonal(self._functions)
        if len(basis) != piece.dim + (sign > 0):
            return None
        curvature = ring.to_sympy(piece.curvature)
        factor = piece.curvature if sign > 0 else ring.polynomials.one
        weights = [factor * ring.inverse(size) for _, size in basis]
        if any(self._sign_of(w) <= 0 for w in weights):
            return None
        scale = ring.inverse(factor)
        if not self._is_pulled_back([f for f, _ in basis], [w * scale for w in weights]):
            return None
        if sign > 0:
            total = ring.polynomials.dot(
                (w * f, f) for (f, _), w in zip(basis, weights, strict=True)
            )
            if total != ring.polynomials.one:
                return None
        return ModelSpace(
            "sphere" if sign > 0 else "Euclidean space",
            piece.dim,
            curvature,
            tuple(ring.to_sympy(f) for f, _ in basis),
            tuple(ring.to_sympy(w) for w in weights),
        )

    def _half_space(self) -> ModelSpace | None:
        piece, ring = self._piece, self._ring
        found = self._null()
        if found is None:
            return None
        below = found if self._sign_of(found) > 0 else -found
        height = ring.inverse(below)
        others = self._orthogonal(self._complement(below))
        if len(others) != piece.dim - 1:
            return None
        curvature = -piece.curvature
        weights = [curvature * ring.inverse(size) for _, size in others]
        if any(self._sign_of(w) <= 0 for w in weights):
            return None
        coordinates = [f * height for f, _ in others]
        scale = below * below * ring.inverse(curvature)
        if not self._is_pulled_back([height, *coordinates], [scale, *(w * scale for w in weights)]):
            return None
        return ModelSpace(
            "hyperbolic space",
            piece.dim,
            ring.to_sympy(piece.curvature),
            tuple(ring.to_sympy(x) for x in coordinates),
            tuple(ring.to_sympy(w) for w in weights),
            min(ring.to_sympy(height), 1 / ring.to_sympy(below), key=count_ops),
        )

    def _q(self, f: Element, h: Element) -> Element:
        piece, ring = self._piece, self._ring
        inverse = piece.manifold.geometry.inverse
        terms = [
            (inverse[i][j] * ring.derivative(f, i), ring.derivative(h, j))
            for i in piece.active
            for j in piece.active
        ]
        return ring.polynomials.dot([*terms, (piece.curvature * f, h)])

    def _orthogonal(self, functions: Sequence[Element]) -> list[tuple[Element, Element]]:
        """An orthogonal basis with Q(f, f), without directions of length zero."""
        basis: list[tuple[Element, Element]] = []
        for f in functions:
            for known, size in basis:
                part = self._q(f, known) * self._ring.inverse(size)
                f = f - part * known
            size = self._q(f, f)
            if size:
                basis.append((f, size))
        return basis

    def _null(self) -> Element | None:
        """A solution f with Q(f, f) = 0."""
        ring, functions = self._ring, self._functions
        own = [self._q(f, f) for f in functions]
        for f, size in zip(functions, own, strict=True):
            if not size:
                return f
        found: list[tuple[int, Expr, int, int]] = []
        for a, b in combinations(range(len(functions)), 2):
            mixed = self._q(functions[a], functions[b])
            square = mixed * mixed - own[a] * own[b]
            if self._sign_of(square) > 0:
                root = sqrt(ring.to_sympy(square))
                ratio = (root - ring.to_sympy(mixed)) / ring.to_sympy(own[b])
                found.append((int(count_ops(ratio)), ratio, a, b))
        if not found:
            return None
        _, ratio, a, b = min(found, key=lambda item: (item[0], item[2], item[3]))
        f = functions[a] + ring.convert(ratio) * functions[b]
        return None if self._q(f, f) else f

    def _complement(self, null: Element) -> list[Element]:
        """Solutions orthogonal to a null one."""
        products = [self._q(f, null) for f in self._functions]
        if not any(products):
            return list(self._functions)
        # The last ones are the least simple.
        at = max(k for k, value in enumerate(products) if value)
        unit = self._ring.inverse(products[at])
        return [
            f - value * unit * self._functions[at] if value else f
            for k, (f, value) in enumerate(zip(self._functions, products, strict=True))
            if k != at
        ]

    def _is_pulled_back(self, functions: Sequence[Element], weights: Sequence[Element]) -> bool:
        """Whether the sum of weight * df^2 is the metric."""
        piece, ring = self._piece, self._ring
        slopes = [{i: ring.derivative(f, i) for i in piece.active} for f in functions]
        return all(
            ring.polynomials.dot(
                (w * slope[i], slope[j]) for w, slope in zip(weights, slopes, strict=True)
            )
            == piece.g(i, j)
            for i, j in combinations_with_replacement(piece.active, 2)
        )

    def _sign_of(self, element: Element) -> int:
        """The sign of an element that does not change its sign, from its values at some points."""
        if not element:
            return 0
        return int(sampled_sign(self._piece.manifold, self._ring.to_sympy(element)))
