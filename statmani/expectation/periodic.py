"""Densities on a circle that are rational in the sine and cosine of one centred angle.

About the centre the denominator is even, a power of w = A + B cos y with A > |B|; then

    int dy / w = 2 pi / sqrt(A^2 - B^2),   int dy / w^(m+1) = -(1/m) d/dA int dy / w^m

over a full turn (Gradshteyn and Ryzhik, 3.661), and odd terms vanish.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import sympy as sp

from statmani.declaration import Declaration
from statmani.expectation.exact import Exact
from statmani.expectation.means import density_of, product_indices
from statmani.expectation.normalise import Signs, normalise

__all__ = ["Turn", "from_turn", "match_turn"]

Tensors = tuple[sp.ImmutableMatrix, dict[tuple[int, int, int], sp.Expr]]


@final
@dataclass(frozen=True)
class Turn:
    """A full turn about a centre: density and scores as rational functions.

    Attributes
    ----------
    density : Expr
    scores : tuple of Expr
        In ``cosine`` and ``sine``, symbols for cos y and sin y.
    cosine, sine : Symbol
    signs : Signs
    """

    density: sp.Expr
    scores: tuple[sp.Expr, ...]
    cosine: sp.Symbol
    sine: sp.Symbol
    signs: Signs

    def mean(self, index: Sequence[int]) -> sp.Expr | None:
        """E of the product of scores over ``index``, or None when it is no such integral."""
        product = self.density * sp.Mul(*(self.scores[i] for i in index))
        top, bottom = sp.fraction(sp.together(product))
        bottom = sp.factor(bottom)
        if bottom.has(self.sine):
            return None
        relation = self.sine**2 + self.cosine**2 - 1
        even = sp.rem(sp.expand(top), relation, self.sine).xreplace({self.sine: sp.Integer(0)})
        constant, rest = bottom.as_independent(self.cosine, as_Add=False)
        base, power = rest.as_base_exp()
        if rest == 1:
            base, power = sp.Integer(1), sp.Integer(0)
        line = base.as_poly(self.cosine)
        if not power.is_Integer or line is None or line.degree() > 1:
            return None
        return self._integral(even, line, int(power)) / constant

    def _integral(self, even: sp.Expr, line: sp.Poly, power: int) -> sp.Expr:
        slope, offset = line.nth(1), line.nth(0)
        if slope == 0:
            return self._polynomial(even) / offset**power
        sign = sp.Integer(self.signs.of(offset) or 1)
        total: sp.Expr = sp.Integer(0)
        quotient, remainders = even, []
        base = line.as_expr()
        for _ in range(power):
            quotient, remainder = sp.div(quotient, base, self.cosine)
            remainders.append(remainder)
        total += self._polynomial(quotient)
        a, b = sp.symbols("a b", positive=True)
        integral = 2 * sp.pi / sp.sqrt(a**2 - b**2)
        table: list[sp.Expr] = []
        for m in range(1, power + 1):
            table.append(integral)
            integral = -integral.diff(a) / m
        for position, remainder in enumerate(remainders):
            m = power - position
            value = (
                table[m - 1]
                .subs(b**2, sp.Symbol("q"))
                .subs({a: sign * offset, sp.Symbol("q"): slope**2})
            )
            total += remainder * sign**m * value
        return total

    def _polynomial(self, even: sp.Expr) -> sp.Expr:
        poly = sp.Poly(even, self.cosine)
        return sp.Add(
            *(
                c * 2 * sp.pi * sp.binomial(n, n // 2) / sp.Integer(2) ** n
                for (n,), c in poly.terms()
                if n % 2 == 0
            )
        )


def match_turn(declaration: Declaration, signs: Signs) -> Turn | None:
    """The centred form of a density on a full turn, or None."""
    if len(declaration.variables) != 1 or declaration.region:
        return None
    variable = declaration.variables[0]
    x = variable.symbol
    if variable.discrete or sp.expand(variable.upper - variable.lower) != 2 * sp.pi:
        return None
    ell = declaration.log_density
    angles = {a.args[0] for a in ell.atoms(sp.sin, sp.cos) if a.has(x)}
    shifts = {sp.expand(x - a) if sp.expand(a - x).has(x) is False else None for a in angles}
    shifts |= {sp.expand(x + a) for a in angles if not sp.expand(a + x).has(x)}
    shifts.discard(None)
    if len(shifts) != 1:
        return None
    (shift,) = shifts
    y, cosine, sine = sp.Dummy("y", real=True), sp.Dummy("C", real=True), sp.Dummy("S", real=True)

    def centred(expr: sp.Expr) -> sp.Expr:
        moved = expr.xreplace({x: y + shift})
        moved = moved.replace(
            lambda e: isinstance(e, (sp.sin, sp.cos)), lambda e: e.func(sp.expand(e.args[0]))
        )
        return moved.xreplace({sp.sin(y): sine, sp.cos(y): cosine})

    density = density_of(normalise(centred(ell), declaration, signs))
    scores = tuple(centred(ell.diff(t)) for t in declaration.parameters)
    for part in (density, *scores):
        if part.has(y) or not part.is_rational_function(cosine, sine):
            return None
    return Turn(density, scores, cosine, sine, signs)


def from_turn(
    declaration: Declaration, signs: Signs, tried: list[str], report: Callable[[str], None]
) -> tuple[Tensors, str] | None:
    """g, T and the strategy's name; None, noted in ``tried``, when it does not apply."""
    turn = match_turn(declaration, signs)
    n = len(declaration.parameters)
    tidy = Exact(declaration).tidy
    values: dict[tuple[int, ...], sp.Expr] = {}
    if turn is not None:
        for index in [*product_indices(n, 2), *product_indices(n, 3)]:
            mean = turn.mean(index)
            if mean is None:
                turn = None
                break
            values[index] = tidy(mean)
            report(f"moment {index}")
    if turn is None:
        tried.append("rational function of an angle")
        return None
    metric = sp.ImmutableMatrix(n, n, lambda i, j: values[min(i, j), max(i, j)])
    skewness = {(i, j, k): values[i, j, k] for i, j, k in product_indices(n, 3)}
    return (metric, skewness), "rational function of an angle"
