"""Expectations over two bounded variables to many digits: products of Gauss-Legendre rules.

Densities on rectangles, triangles and the like are often analytic up to the boundary, where a
product rule needs far fewer nodes than double-exponential sums. Two orders are compared, so that
a density that is singular at an edge is seen and left to other sums.
"""

from __future__ import annotations

import itertools
from typing import Any, final

import numpy as np
import sympy as sp

from statmani.expectation.evaluate import Program
from statmani.expectation.law import Law, Monomial
from statmani.expectation.precise_nodes import Nodes
from statmani.expectation.sweep import support_of

__all__ = ["GaussSums", "legendre_rule"]

_KINKS = (sp.Abs, sp.sign, sp.Heaviside, sp.Piecewise, sp.Max, sp.Min, sp.floor, sp.ceiling)


@final
class GaussSums:
    """Expectations under a law of two bounded variables, at one point of its symbols."""

    def __init__(self, law: Law, table: dict[sp.Symbol, Any], digits: int, context: Any) -> None:
        self._law, self._table, self._digits, self._context = law, table, digits, context
        bounded, self._density = support_of(law)
        self._axes = bounded.variables
        self._bounds = [
            Program([v.lower, v.upper], [u.symbol for u in self._axes[:k]]).bind(context, table)
            for k, v in enumerate(self._axes)
        ]
        self._nodes: dict[int, Nodes] = {}
        #: Whether the rule applies at all.
        self.applies = len(self._axes) == 2 and all(
            not v.discrete and v.lower.is_infinite is not True and v.upper.is_infinite is not True
            for v in self._axes
        )

    def value(self, function: sp.Expr, monomial: Monomial) -> tuple[Any, float]:
        """The expectation, and an estimate of its error relative to its size."""
        best: tuple[Any, float] = (self._context.mpf(0), float("inf"))
        if not self.applies or sp.Tuple(self._density, function).has(*_KINKS):
            return best
        orders = [self._digits + 4, 3 * (self._digits + 4) // 2, 9 * (self._digits + 4) // 4]
        previous: Any = None
        for order in orders:
            nodes = self._at(order)
            total, size = nodes.sum(function, monomial, 0, len(nodes.places))
            if not self._context.isfinite(size):
                return best
            if previous is not None:
                floor = max(abs(total), size * self._context.mpf(10) ** -6)
                change = float(abs(total - previous) / floor) if size else 0.0
                if change <= best[1]:
                    best = total, change
                if change <= 10.0 ** -(self._digits + 1):
                    break
                if change > 1e-6:
                    return best
            previous = total
        return best

    def _at(self, order: int) -> Nodes:
        if order not in self._nodes:
            symbols = [v.symbol for v in self._axes]
            nodes = Nodes(self._law, self._table, self._context, {}, symbols)
            log_p = Program([self._density], symbols).bind(self._context, self._table)
            rule = legendre_rule(order, self._context)
            for (s, a), (t, b) in itertools.product(rule, repeat=2):
                low, high = self._bounds[0]([])
                x, wide = (low + high + (high - low) * s) / 2, (high - low) / 2
                low, high = self._bounds[1]([x])
                y, tall = (low + high + (high - low) * t) / 2, (high - low) / 2
                level = log_p((x, y))[0]
                if level == -self._context.inf:
                    continue
                nodes.places.append((x, y))
                nodes.weights.append(a * b * wide * tall * self._context.exp(level.real))
            self._nodes[order] = nodes
        return self._nodes[order]


def legendre_rule(count: int, context: Any) -> list[tuple[Any, Any]]:
    """Nodes and weights of Gauss and Legendre on (-1, 1).

    Examples
    --------
    >>> from statmani.expectation.evaluate import new_context
    >>> from statmani.expectation.precise_gauss import legendre_rule
    >>> print(sum(w * x**4 for x, w in legendre_rule(3, new_context(20))))
    0.4
    """
    rule = []
    for guess in np.polynomial.legendre.leggauss(count)[0]:
        x = context.mpf(float(guess))
        # Newton from double precision, doubling the digits each time.
        for _ in range(max(2, int(np.ceil(np.log2(context.dps / 12))) + 1)):
            value, slope = _legendre(count, x, context)
            x -= value / slope
        _, slope = _legendre(count, x, context)
        rule.append((x, 2 / ((1 - x * x) * slope * slope)))
    return rule


def _legendre(count: int, x: Any, context: Any) -> tuple[Any, Any]:
    before, value = context.mpf(1), x
    for n in range(1, count):
        before, value = value, ((2 * n + 1) * x * value - n * before) / (n + 1)
    return value, count * (x * value - before) / (x * x - 1)
